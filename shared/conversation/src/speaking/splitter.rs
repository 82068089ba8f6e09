//! Cuts a stream of text into what can be spoken at once: an early clause first, whole sentences
//! after. It knows text only: not who writes it, not who speaks it.
//!
//! Decisions are made as soon as they are certain and never change with what follows, so the cuts
//! do not depend on how the stream was sliced into tokens.

/// From this many characters on, the first chunk may end at a comma: the customer waits for it.
pub(crate) const FIRST_CLAUSE_CHARS_MIN: usize = 25;
/// Later sentences shorter than this are joined with the next: voices sound better with context.
const SENTENCE_CHARS_MIN: usize = 20;
/// A chunk without any sentence end is cut at a space once it is this long.
const CHUNK_CHARS_MAX: usize = 300;

/// Words that end with a full stop in the middle of a sentence.
const ABBREVIATIONS: [&str; 27] = [
    "mr", "mrs", "ms", "dr", "prof", "st", "sr", "mt", "rev", "gen", "col", "capt", "sgt", "lt",
    "hon", "vs", "approx", "dept", "est", "e.g", "i.e", "cf", "ca", "bzw", "z.b", "smt", "shri",
];
/// Words that do so only before a number.
const BEFORE_NUMBERS: [&str; 22] = [
    "no", "nr", "p", "pp", "fig", "vol", "ext", "tel", "ch", "art", "jan", "feb", "mar", "apr",
    "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec",
];

/// Text that came in and did not go out yet.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    rest: String,
    first_given: bool,
}

impl Splitter {
    /// A splitter whose first chunk need not be quick: something is being said already.
    pub(crate) fn in_mid_speech() -> Self {
        Self {
            rest: String::new(),
            first_given: true,
        }
    }

    pub(crate) fn push(&mut self, text: &str) {
        self.rest.push_str(text);
    }

    /// The next chunk that is whole, as it came in: with its white space and marks.
    pub(crate) fn next_chunk(&mut self) -> Option<String> {
        let end = boundary(&self.rest, !self.first_given)?;
        self.first_given = true;
        let rest = self.rest.split_off(end);
        Some(std::mem::replace(&mut self.rest, rest))
    }

    /// What is left when the stream is over. To be called after [`Self::next_chunk`] gave `None`.
    pub(crate) fn finish(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.rest);
        self.first_given = true;
        (!rest.trim().is_empty()).then_some(rest)
    }

    /// What came in and is not whole yet.
    pub(crate) fn rest(&self) -> &str {
        &self.rest
    }
}

/// The sentence of `text` that holds the byte `at`; the last one when `at` is beyond it.
pub(crate) fn sentence_at(text: &str, at: usize) -> &str {
    let mut from = 0;
    loop {
        let rest = text.get(from..).unwrap_or_default();
        let Some(end) = boundary(rest, false) else {
            return rest;
        };
        if from + end > at || from + end >= text.len() {
            return rest.get(..end).unwrap_or(rest);
        }
        from += end;
    }
}

/// What a character says about the place after it.
enum Place {
    Inside,
    Boundary(usize),
    /// What follows decides, and it is not here yet.
    Unknown,
}

/// The byte at which the first chunk of `text` ends; `None` while that is not certain.
fn boundary(text: &str, first: bool) -> Option<usize> {
    let mut last_space = None;
    let mut counted = 0;
    for (at, c) in text.char_indices() {
        counted += 1;
        let end = at + c.len_utf8();
        let place = match c {
            '\n' if is_blank(text, at) => Place::Inside,
            '\n' | '。' | '！' | '？' | '।' => Place::Boundary(end),
            '.' | '!' | '?' | '…' | '؟' => match sentence_end(text, at, c) {
                Place::Boundary(end) if !first && counted < SENTENCE_CHARS_MIN => {
                    last_space = Some(end);
                    Place::Inside
                }
                place @ (Place::Boundary(_) | Place::Inside | Place::Unknown) => place,
            },
            ',' | ';' | ':' | '–' | '—' if first && counted >= FIRST_CLAUSE_CHARS_MIN => {
                clause_end(text, end)
            }
            space if space.is_whitespace() => {
                last_space = Some(end);
                Place::Inside
            }
            _inside => Place::Inside,
        };
        match place {
            Place::Boundary(end) => return Some(end),
            Place::Unknown => return None,
            Place::Inside => {}
        }
        if counted >= CHUNK_CHARS_MAX {
            return last_space.or(Some(end));
        }
    }
    None
}

fn is_blank(text: &str, end: usize) -> bool {
    text.get(..end)
        .is_none_or(|before| before.trim().is_empty())
}

fn clause_end(text: &str, end: usize) -> Place {
    match text.get(end..).and_then(|after| after.chars().next()) {
        Some(next) if next.is_whitespace() => Place::Boundary(end),
        Some(_) => Place::Inside,
        None => Place::Unknown,
    }
}

/// Whether the mark `c` at byte `at` ends a sentence. Other marks and closing quotes belong to it.
fn sentence_end(text: &str, at: usize, c: char) -> Place {
    let Some((before, from_mark)) = text.split_at_checked(at) else {
        return Place::Inside;
    };
    let after = from_mark.trim_start_matches(is_mark_or_closer);
    let end = text.len() - after.len();
    let Some(next) = after.chars().next() else {
        return Place::Unknown;
    };
    if !next.is_whitespace() {
        // A decimal, an address on the web, a file name.
        return Place::Inside;
    }
    let marks = from_mark.len() - after.len();
    if c == '!' || c == '?' || c == '؟' {
        return Place::Boundary(end);
    }
    let Some(next) = after.trim_start().chars().next() else {
        return Place::Unknown;
    };
    let inside = next.is_lowercase() || (marks == 1 && is_abbreviation(before, next));
    if inside {
        Place::Inside
    } else {
        Place::Boundary(end)
    }
}

fn is_mark_or_closer(c: char) -> bool {
    matches!(
        c,
        '.' | '!' | '?' | '…' | '؟' | '"' | '\'' | '”' | '’' | '»' | ')' | ']' | '*' | '_' | '`'
    )
}

/// Whether the full stop after `before` belongs to a short form, with `next` the character after
/// the space.
fn is_abbreviation(before: &str, next: char) -> bool {
    let word = before
        .rsplit(char::is_whitespace)
        .next()
        .unwrap_or(before)
        .trim_start_matches(['(', '"', '“', '\'', '*', '_', '[']);
    let lower = word.to_lowercase();
    if lower == "a.m" || lower == "p.m" {
        return false;
    }
    let mut letters = word.chars();
    let one_capital =
        matches!((letters.next(), letters.next()), (Some(c), None) if c.is_uppercase());
    let number = !word.is_empty() && word.chars().all(|c| c.is_ascii_digit());
    // "1. First item", and groups of digits of a telephone number.
    let ordinal = number && (before.trim() == word || next.is_ascii_digit());
    one_capital
        || ordinal
        || word.contains('.') && word.chars().filter(|c| c.is_alphabetic()).count() <= 4
        || ABBREVIATIONS.contains(&lower.as_str())
        || next.is_ascii_digit() && BEFORE_NUMBERS.contains(&lower.as_str())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "reads better at every use")]
    /// Feeds the text character by character and shows one chunk a line.
    fn check(text: &str, expected: Expect) {
        expected.assert_eq(&chunks(text.chars().map(String::from)).join("\n"));
    }

    fn chunks(tokens: impl Iterator<Item = String>) -> Vec<String> {
        let mut splitter = Splitter::default();
        let mut chunks = Vec::new();
        for token in tokens {
            splitter.push(&token);
            while let Some(chunk) = splitter.next_chunk() {
                chunks.push(chunk);
            }
        }
        chunks.extend(splitter.finish());
        chunks
    }

    #[test]
    fn the_sentence_being_said_is_found_inside_a_longer_text() {
        let text = "Hello Dana, this is the clinic. I am calling about Monday. Can you make it?";
        for (at, sentence) in [
            (5, "Hello Dana, this is the clinic."),
            (30, "Hello Dana, this is the clinic."),
            (32, "I am calling about Monday."),
            (70, "Can you make it?"),
            (500, "Can you make it?"),
        ] {
            assert_eq!(sentence_at(text, at).trim(), sentence, "at {at}");
        }
    }

    #[test]
    fn the_first_clause_comes_early_and_whole_sentences_after() {
        check(
            "Well, I would be happy to help you with that, and I can do it now, if you like. \
             There are two places left, one on Monday and one on Friday. Which one do you want?",
            expect![[r#"
                Well, I would be happy to help you with that,
                 and I can do it now, if you like.
                 There are two places left, one on Monday and one on Friday.
                 Which one do you want?"#]],
        );
    }

    #[test]
    fn a_short_first_sentence_is_said_at_once_and_later_ones_wait_for_company() {
        check(
            "Sure! One moment. Okay. I have found your booking for Tuesday.",
            expect![[r#"
                Sure!
                 One moment. Okay. I have found your booking for Tuesday."#]],
        );
    }

    #[test]
    fn numbers_and_short_forms_stay_whole() {
        check(
            "It is 3.5 percent. Dr. J. Smith, e.g. at no. 5 Main St. Paul, meets you at 9 a.m. on \
             Jan. 5 in the U.S. office. Please bring No. 7. Call 555. 0199 or see example.com/a.b \
             first. At 9 p.m. We close.",
            expect![[r#"
                It is 3.5 percent.
                 Dr. J. Smith, e.g. at no. 5 Main St. Paul, meets you at 9 a.m. on Jan. 5 in the U.S. office.
                 Please bring No. 7.
                 Call 555. 0199 or see example.com/a.b first.
                 At 9 p.m. We close."#]],
        );
    }

    #[test]
    fn a_list_is_cut_at_its_lines() {
        check(
            "You can have:\n1. Tea\n2. Coffee\n\nWhat shall it be?",
            expect![[r#"
                You can have:

                1. Tea

                2. Coffee


                What shall it be?"#]],
        );
    }

    #[test]
    fn quotes_and_repeated_marks_belong_to_their_sentence() {
        check(
            "He said \"Come at nine.\" Then he left... and came back?! Nobody knows why that was.",
            expect![[r#"
                He said "Come at nine."
                 Then he left... and came back?!
                 Nobody knows why that was."#]],
        );
    }

    #[test]
    fn other_scripts_end_their_sentences_too() {
        check(
            "नमस्ते। आप कैसे हैं? मैं ठीक हूँ।",
            expect![[r#"
                नमस्ते।
                 आप कैसे हैं? मैं ठीक हूँ।"#]],
        );
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_no_chunk_is_too_long(text in "([a-zA-Z]{1,9}|[0-9]{1,3}|[.,!?:…\n\"]| |é|। ){0,200}") {
            let all = chunks(std::iter::once(text.clone()));
            let joined = all.concat();
            prop_assert_eq!(joined.trim_end(), text.trim_end());
            for chunk in &all {
                prop_assert!(chunk.chars().count() <= CHUNK_CHARS_MAX);
            }
        }

        #[test]
        fn cuts_do_not_depend_on_how_the_text_came_in(
            text in "([a-zA-Z]{1,9}|[0-9]{1,3}|[.,!?:…\n\"]| |é|। ){0,120}",
            sizes in proptest::collection::vec(1usize..12, 1..40),
        ) {
            let letters: Vec<char> = text.chars().collect();
            let mut tokens = Vec::new();
            let mut rest = letters.as_slice();
            for size in sizes.iter().cycle() {
                if rest.is_empty() { break; }
                let (token, after) = rest.split_at((*size).min(rest.len()));
                tokens.push(token.iter().collect::<String>());
                rest = after;
            }
            prop_assert_eq!(chunks(tokens.into_iter()), chunks(letters.into_iter().map(String::from)));
        }
    }
}
