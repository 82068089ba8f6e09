//! What was given to the voice, word by word with the place of each in the audio: so that it can be
//! said what was heard up to a position.
//!
//! Where the voice tells when each character begins, words are exact; where it does not, they are
//! estimated in proportion. A place in the text is a byte offset, a position in the audio a number
//! of bytes since the beginning of the speech.

use audio::BYTES_PER_MS;

use crate::Alignment;
use crate::speaking::splitter;

/// Without any timing, a character of speech is taken to last this long: 15 characters a second,
/// the pace of most voices.
pub(crate) const BYTES_PER_CHAR: u64 = 66 * BYTES_PER_MS as u64;

/// Audio without times from the beginning of a word, or from its end, up to here is a long sound or a
/// pause, in which no character begins. A voice that gives no times at all has more of it.
const UNTIMED_BYTES_MAX: u64 = 2_500 * BYTES_PER_MS as u64;

/// The text of a speech as far as it was given to the voice.
#[derive(Debug, Default)]
pub(crate) struct Script {
    text: String,
    /// Where each chunk ends in the text.
    chunk_ends: Vec<usize>,
    words: Vec<Word>,
    timing: Timing,
}

/// A word that the voice told the time of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Word {
    text_end: usize,
    starts: u64,
    ends: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Timing {
    /// All audio so far came with times: the text is matched up to `cursor`.
    Known { cursor: usize, in_word: bool },
    /// Audio came without times, or with times of another text. Words before it keep theirs.
    Lost,
}

/// What was heard up to a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Where the last word ends that was heard whole.
    pub(crate) text_end: usize,
    /// Where the first word begins that was not, in the audio.
    pub(crate) next_word_at: u64,
}

impl Script {
    /// Adds a chunk: it starts and ends with a word.
    pub(crate) fn push(&mut self, chunk: &str) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(chunk);
        self.chunk_ends.push(self.text.len());
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The text up to a place.
    pub(crate) fn up_to(&self, end: usize) -> &str {
        self.text.get(..end).unwrap_or(&self.text)
    }

    /// Takes note of audio of `length` bytes that begins at `base`, with its times.
    pub(crate) fn align(&mut self, base: u64, length: u64, alignment: Option<&Alignment>) {
        let Timing::Known { cursor, in_word } = self.timing else {
            return;
        };
        let Some(alignment) = alignment.filter(|alignment| !alignment.chars.is_empty()) else {
            // Silence behind the last word needs no times; words without them are lost.
            if cursor < self.text.len() && length > 0 && !self.is_filled_by(base + length, in_word)
            {
                self.lose_timing();
            }
            return;
        };
        let mut matching = Matching {
            script: self,
            cursor,
            in_word,
        };
        let matched = alignment
            .chars
            .iter()
            .all(|(c, ms)| matching.step(*c, base + u64::from(*ms) * BYTES_PER_MS as u64));
        let Matching {
            cursor, in_word, ..
        } = matching;
        self.timing = Timing::Known { cursor, in_word };
        if !matched {
            self.lose_timing();
            return;
        }
        // The word that is not closed yet lasts at least as long as the audio that is here.
        if in_word && let Some(open) = self.words.last_mut() {
            open.ends = open.ends.max(base + length);
        }
    }

    /// What was heard when `played` of the audio was; `total` when no more audio comes.
    pub(crate) fn heard(&self, played: u64, total: Option<u64>) -> Heard {
        if total.is_some_and(|total| played >= total) {
            return Heard {
                text_end: self.text.len(),
                next_word_at: played,
            };
        }
        let whole = self.whole_words();
        let known = whole.partition_point(|word| word.ends <= played);
        let last = known.checked_sub(1).and_then(|last| whole.get(last));
        let text_end = last.map_or(0, |word| word.text_end);
        match (self.words.get(known), self.timing) {
            (Some(next), _) => Heard {
                text_end,
                next_word_at: next.starts,
            },
            (None, Timing::Known { .. }) => Heard {
                text_end,
                next_word_at: last.map_or(0, |word| word.ends),
            },
            (None, Timing::Lost) => {
                self.estimated(text_end, last.map_or(0, |word| word.ends), played, total)
            }
        }
    }

    /// Where the first chunk begins that must be said again when the voice fails after `received`
    /// bytes of which `sent` are with the carrier: in the text, and in the audio before it.
    pub(crate) fn restart(&self, sent: u64, received: u64) -> (usize, u64) {
        if received == 0 {
            return (0, 0);
        }
        let whole = self.whole_words();
        // The last sound of a word is whole only once something was heard after it: its times say
        // when its letters begin, not that all of them came.
        let whole = match (self.timing, whole.split_last()) {
            (Timing::Known { in_word: true, .. }, Some((last, before)))
                if last.ends >= received =>
            {
                before
            }
            (Timing::Known { .. } | Timing::Lost, _) => whole,
        };
        let chunk_end = self.chunk_ends.iter().rev().find_map(|end| {
            let place = whole.binary_search_by_key(end, |word| word.text_end).ok()?;
            whole.get(place).filter(|word| word.ends >= sent)
        });
        if let Some(word) = chunk_end.or(whole.last()) {
            return (word.text_end, word.ends.clamp(sent, received));
        }
        if matches!(self.timing, Timing::Known { .. }) {
            return (0, sent);
        }
        // Rather say something twice than leave it out: back to the beginning of the chunk.
        let estimate = self.estimated(0, 0, received, None).text_end;
        let begun = self.chunk_ends.iter().rev().find(|end| **end <= estimate);
        let text_end = begun.copied().unwrap_or(0);
        let chars = self.up_to(text_end).chars().count() as u64;
        (text_end, (chars * BYTES_PER_CHAR).clamp(sent, received))
    }

    /// Gives back the chunks from a place in the text on: they are no longer given to the voice.
    pub(crate) fn take_from(&mut self, text_end: usize) -> Vec<String> {
        let mut taken = Vec::new();
        let mut from = text_end;
        for end in self.chunk_ends.iter().filter(|end| **end > text_end) {
            let chunk = self.text.get(from..*end).unwrap_or_default().trim();
            if !chunk.is_empty() {
                taken.push(chunk.to_owned());
            }
            from = *end;
        }
        self.text.truncate(text_end);
        self.chunk_ends.retain(|end| *end < text_end);
        if text_end > 0 {
            self.chunk_ends.push(text_end);
        }
        self.words.retain(|word| word.text_end <= text_end);
        if let Timing::Known { .. } = self.timing {
            self.timing = Timing::Known {
                cursor: text_end,
                in_word: false,
            };
        }
        taken
    }

    /// The rest of the script behind what was heard, with the audio counted from `base` on.
    pub(crate) fn tail(&self, text_end: usize, base: u64) -> Self {
        let rest = self.text.get(text_end..).unwrap_or_default();
        let text = rest.trim_start();
        let cut = text_end + (rest.len() - text.len());
        let chunk_ends = self.chunk_ends.iter().filter(|end| **end > cut);
        let words = self.words.iter().filter(|word| word.text_end > cut);
        Self {
            text: text.to_owned(),
            chunk_ends: chunk_ends.map(|end| end - cut).collect(),
            words: words
                .map(|word| Word {
                    text_end: word.text_end - cut,
                    starts: word.starts.saturating_sub(base),
                    ends: word.ends.saturating_sub(base),
                })
                .collect(),
            timing: match self.timing {
                Timing::Known { cursor, in_word } => Timing::Known {
                    cursor: cursor.saturating_sub(cut),
                    in_word,
                },
                Timing::Lost => Timing::Lost,
            },
        }
    }

    /// Where the chunk begins that holds the place `at`: the last sentence boundary before it.
    pub(crate) fn chunk_start(&self, at: usize) -> usize {
        let before = self.chunk_ends.iter().rev().find(|end| **end <= at);
        before.copied().unwrap_or(0)
    }

    /// The sentence that is being said at the place `at`; the last one when all is said. A chunk may
    /// hold several: a greeting is one.
    pub(crate) fn sentence_at(&self, at: usize) -> &str {
        let last = self.text.len();
        let end = self.chunk_ends.iter().find(|end| **end > at);
        let end = end.copied().unwrap_or(last);
        let start = self.chunk_ends.iter().rev().find(|start| **start < end);
        let start = start.copied().unwrap_or(0);
        let chunk = self.text.get(start..end).unwrap_or_default();
        splitter::sentence_at(chunk, at.saturating_sub(start)).trim()
    }

    /// How many chunks there are.
    pub(crate) const fn chunks(&self) -> usize {
        self.chunk_ends.len()
    }

    /// How many chunks have their end within `position` of the audio, as far as times tell.
    pub(crate) fn chunks_ended(&self, position: u64) -> usize {
        let whole = self.whole_words();
        let said = whole.partition_point(|word| word.ends <= position);
        let text_end = said.checked_sub(1).and_then(|last| whole.get(last));
        text_end.map_or(0, |word| {
            self.chunk_ends.partition_point(|end| *end <= word.text_end)
        })
    }

    /// Text given to the voice that its audio does not cover yet, in characters.
    pub(crate) fn chars_uncovered(&self, received: u64) -> u64 {
        match self.timing {
            Timing::Known { cursor, .. } => {
                let rest = self.text.get(cursor..).unwrap_or_default();
                rest.chars().count() as u64
            }
            Timing::Lost => {
                let chars = self.text.chars().count() as u64;
                chars.saturating_sub(received / BYTES_PER_CHAR)
            }
        }
    }

    /// The words that are complete: all but the one whose last characters are yet to come.
    fn whole_words(&self) -> &[Word] {
        let open = match self.timing {
            Timing::Known { cursor, in_word: _ } => {
                let goes_on = self.text.get(cursor..).and_then(|rest| rest.chars().next());
                goes_on.is_some_and(|next| !next.is_whitespace())
            }
            Timing::Lost => false,
        };
        match self.words.split_last() {
            Some((_, whole)) if open => whole,
            Some(_) | None => &self.words,
        }
    }

    /// Whether audio without times up to `end` belongs to the last word or to the pause after it.
    fn is_filled_by(&mut self, end: u64, in_word: bool) -> bool {
        let Some(last) = self.words.last_mut() else {
            return false;
        };
        let from = if in_word { last.starts } else { last.ends };
        if end.saturating_sub(from) > UNTIMED_BYTES_MAX {
            return false;
        }
        if in_word {
            last.ends = last.ends.max(end);
        }
        true
    }

    /// From here on times are estimated. A word that is not whole goes with the rest.
    fn lose_timing(&mut self) {
        let whole = self.whole_words().len();
        self.words.truncate(whole);
        self.timing = Timing::Lost;
    }

    /// In proportion, from the last known word on.
    fn estimated(&self, text_from: usize, from: u64, played: u64, total: Option<u64>) -> Heard {
        let rest = self.text.get(text_from..).unwrap_or_default();
        let chars = (rest.chars().count() as u64).max(1);
        let span = match total {
            Some(total) => total.saturating_sub(from),
            None => chars * BYTES_PER_CHAR,
        }
        .max(1);
        let heard = chars.saturating_mul(played.saturating_sub(from)) / span;
        let mut text_end = text_from;
        let mut word_from = 0;
        let mut in_word = false;
        for (count, (at, c)) in (0u64..).zip(rest.char_indices()) {
            if c.is_whitespace() {
                if in_word && count <= heard {
                    text_end = text_from + at;
                }
                in_word = false;
            } else if !in_word {
                if count > heard {
                    break;
                }
                word_from = count;
                in_word = true;
            }
        }
        if in_word && heard >= chars {
            text_end = self.text.len();
            word_from = chars;
        }
        Heard {
            text_end,
            next_word_at: from + word_from * span / chars,
        }
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self::Known {
            cursor: 0,
            in_word: false,
        }
    }
}

/// Walks the text along with the characters that the voice names.
struct Matching<'a> {
    script: &'a mut Script,
    cursor: usize,
    in_word: bool,
}

impl Matching<'_> {
    /// One character that begins at `at`. `false` when it is not of this text. White space is not
    /// compared: vendors add and drop it.
    fn step(&mut self, c: char, at: u64) -> bool {
        let at = at.max(self.script.words.last().map_or(0, |word| word.starts));
        if c.is_whitespace() {
            self.close(at);
            return true;
        }
        let rest = self.script.text.get(self.cursor..).unwrap_or_default();
        let word = rest.trim_start();
        let skipped = rest.len() - word.len();
        let matches = word.starts_with(c);
        if skipped > 0 {
            self.close(at);
        }
        if !matches {
            return false;
        }
        self.cursor += skipped + c.len_utf8();
        let text_end = self.cursor;
        match self.script.words.last_mut().filter(|_| skipped == 0) {
            Some(open) => {
                open.text_end = text_end;
                open.ends = open.ends.max(at + 1);
            }
            None => self.script.words.push(Word {
                text_end,
                starts: at,
                ends: at + 1,
            }),
        }
        self.in_word = true;
        true
    }

    fn close(&mut self, at: u64) {
        if self.in_word
            && let Some(open) = self.script.words.last_mut()
        {
            open.ends = at.max(open.starts + 1);
        }
        self.in_word = false;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Times of a text at 50 ms a character.
    fn timed(text: &str) -> Alignment {
        Alignment {
            chars: text.chars().zip((0..).step_by(50)).collect(),
        }
    }

    fn ms(ms: u64) -> u64 {
        ms * BYTES_PER_MS as u64
    }

    fn script(chunks: &[&str]) -> Script {
        let mut script = Script::default();
        for chunk in chunks {
            script.push(chunk);
        }
        script
    }

    fn heard(script: &Script, at: u64, total: Option<u64>) -> &str {
        script.up_to(script.heard(at, total).text_end)
    }

    #[test]
    fn a_word_counts_once_its_last_sound_was_played() {
        let mut script = script(&["One two."]);
        script.align(0, ms(400), Some(&timed("One two.")));
        assert_eq!(heard(&script, ms(149), None), "");
        assert_eq!(heard(&script, ms(150), None), "One");
        assert_eq!(script.heard(ms(300), None).next_word_at, ms(200));
        assert_eq!(heard(&script, ms(399), None), "One");
        assert_eq!(heard(&script, ms(400), None), "One two.");
    }

    #[test]
    fn a_word_may_be_spread_over_two_stretches_of_audio() {
        let mut script = script(&["Hello there"]);
        script.align(0, ms(150), Some(&timed("Hel")));
        assert_eq!(script.chunks_ended(ms(150)), 0);
        script.align(ms(150), ms(400), Some(&timed("lo there")));
        assert_eq!(heard(&script, ms(249), None), "");
        assert_eq!(heard(&script, ms(250), None), "Hello");
        assert_eq!(script.chunks_ended(ms(549)), 0);
        assert_eq!(script.chunks_ended(ms(550)), 1);
    }

    #[test]
    fn without_times_words_are_in_proportion_to_the_whole() {
        let mut script = script(&["One two three four."]);
        script.align(0, ms(1_900), None);
        assert_eq!(heard(&script, ms(299), Some(ms(1_900))), "");
        assert_eq!(heard(&script, ms(300), Some(ms(1_900))), "One");
        assert_eq!(heard(&script, ms(1_350), Some(ms(1_900))), "One two three");
        assert_eq!(script.heard(ms(500), Some(ms(1_900))).next_word_at, ms(400));
        assert_eq!(
            heard(&script, ms(1_900), Some(ms(1_900))),
            "One two three four."
        );
    }

    #[test]
    fn times_of_another_text_are_not_believed() {
        let mut script = script(&["One two three."]);
        script.align(0, ms(200), Some(&timed("One ")));
        script.align(ms(200), ms(200), Some(&timed("zwei")));
        assert_eq!(heard(&script, ms(199), None), "One");
        assert_eq!(script.timing, Timing::Lost);
    }

    #[test]
    fn a_stretch_in_which_no_character_begins_loses_no_time() {
        let mut script = script(&["At 10, yes."]);
        script.align(0, ms(200), Some(&timed("At 1")));
        script.align(ms(200), ms(300), None);
        assert_eq!(heard(&script, ms(499), None), "At");
        script.align(ms(500), ms(150), Some(&timed("0, ")));
        script.align(ms(650), ms(400), None);
        assert_eq!(heard(&script, ms(599), None), "At");
        assert_eq!(heard(&script, ms(600), None), "At 10,");
        script.align(ms(1_050), ms(200), Some(&timed("yes.")));
        assert_eq!(script.heard(ms(1_100), None).next_word_at, ms(1_050));
        assert_eq!(heard(&script, ms(1_250), None), "At 10, yes.");
    }

    #[test]
    fn a_word_whose_last_sound_was_lost_is_said_again() {
        let mut script = script(&["One two three."]);
        // Every letter of "two" has begun; nothing shows that its sound came to an end.
        script.align(0, ms(360), Some(&timed("One two")));
        assert_eq!(script.restart(ms(100), ms(360)), (3, ms(150)));
        // The pause after it does.
        script.align(ms(360), ms(100), Some(&timed(" ")));
        assert_eq!(script.restart(ms(100), ms(460)), (7, ms(360)));
    }

    #[test]
    fn a_failed_voice_is_followed_from_the_last_whole_sentence() {
        let mut script = script(&["One two.", "Three four."]);
        script.align(0, ms(450), Some(&timed("One two. ")));
        script.align(ms(450), ms(300), Some(&timed("Three ")));
        assert_eq!(script.restart(ms(100), ms(750)), (8, ms(400)));
        // That sentence is with the carrier already: go on after the last whole word.
        assert_eq!(script.restart(ms(600), ms(750)), (14, ms(700)));
        assert_eq!(script.take_from(14), ["four."]);
        script.push("four.");
        assert_eq!(script.text(), "One two. Three four.");
        script.align(ms(700), ms(250), Some(&timed("four.")));
        assert_eq!(heard(&script, ms(950), None), "One two. Three four.");
    }

    #[test]
    fn the_rest_of_a_script_counts_from_its_own_beginning() {
        let mut script = script(&["One two.", "Three?"]);
        script.align(0, ms(450), Some(&timed("One two. ")));
        script.align(ms(450), ms(300), Some(&timed("Three?")));
        let rest = script.tail(3, ms(200));
        assert_eq!(rest.text(), "two. Three?");
        assert_eq!(rest.sentence_at(0), "two.");
        assert_eq!(rest.sentence_at(4), "Three?");
        assert_eq!(heard(&rest, ms(200), None), "two.");
        assert_eq!(script.chunk_start(9), 8);
    }

    proptest! {
        #[test]
        fn what_was_heard_is_a_beginning_of_the_text_at_a_word_end(
            chunks in proptest::collection::vec("[a-zé]{1,8}( [a-zé.?]{1,8}){0,6}", 1..6),
            alignments in proptest::collection::vec(("[a-zé .?]{0,20}", 0u64..20_000, any::<bool>()), 0..8),
            played in 0u64..80_000,
            whole in any::<bool>(),
        ) {
            let mut script = Script::default();
            let mut base = 0;
            for chunk in &chunks { script.push(chunk); }
            let mut text = script.text().to_owned();
            for (garbage, length, good) in alignments {
                let chars = if good { text.chars().take(10).collect() } else { garbage };
                text = text.chars().skip(10).collect();
                script.align(base, length, Some(&timed(&chars)));
                base += length;
            }
            let found = script.heard(played, whole.then_some(base));
            let rest = script.text().get(found.text_end..).unwrap();
            prop_assert!(rest.is_empty() || found.text_end == 0 || rest.starts_with(' '), "{found:?}");
            let later = script.heard(played + 800, whole.then_some(base));
            prop_assert!(later.text_end >= found.text_end);
            let (restart, _) = script.restart(played.min(base), base);
            let before = script.text().to_owned();
            let again = script.take_from(restart);
            for chunk in again { script.push(&chunk); }
            prop_assert_eq!(script.text(), before);
        }
    }
}
