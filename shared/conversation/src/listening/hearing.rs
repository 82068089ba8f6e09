//! The customer's turn as it grows out of the recognizer's results, until it is over.
//!
//! It knows when a turn is over, not what follows from it. Results that are late, repeated or out of
//! order never bring back words that already belong to an earlier turn.

use std::time::Duration;

use model::{AudioPosition, CallTime};

use crate::listening::backchannel;

/// The most characters of one customer's turn: some five minutes of talk. Then it is answered.
pub(crate) const TURN_CHARS_MAX: usize = 4_000;
/// How long the recognizer gets to make words final after being asked to: it may have nothing to say.
const FINALIZE_WAIT: Duration = Duration::from_millis(500);
/// A result that reaches no further than this beyond an ended turn is a late version of its words.
const LATE_RESULT: Duration = Duration::from_millis(300);

/// Turns in a row that end before their words are final: keys pressed in mid-sentence do that.
const TAKEN_EARLY_MAX: usize = 8;

/// What the customer said since the last turn ended.
#[derive(Debug)]
pub(crate) struct Hearing {
    /// How long to wait for the recognizer's verdict after the last words.
    verdict_wait: Duration,
    finals: String,
    interim: String,
    started: Option<AudioPosition>,
    interim_end: AudioPosition,
    final_end: AudioPosition,
    recognized_at: Option<CallTime>,
    /// Everything before this belongs to turns that are over.
    settled: AudioPosition,
    /// Words that ended turns before they were final, by turn, and where they ended: the next final begins
    /// with those of one or of several in a row.
    taken_early: Vec<(AudioPosition, Vec<String>)>,
    sound_at: Option<AudioPosition>,
    wait: Wait,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// There are no words.
    Nothing,
    /// There are words, and the recognizer has not said that they were all.
    Verdict { until: CallTime },
    /// The recognizer was asked to make the words final.
    Final { until: CallTime },
}

/// The words of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) started: AudioPosition,
    pub(crate) ended: AudioPosition,
    /// When the last of them became final; `None` when they never did.
    pub(crate) recognized_at: Option<CallTime>,
}

/// What a result of the recognizer changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    /// It was late or repeated.
    Stale,
    /// There are no (new) words.
    Nothing,
    /// There are words, and the customer may go on.
    Words,
    /// The turn is over.
    Over,
}

/// What is to be done when the wait is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitOver {
    Over,
    AskForFinal,
}

impl Hearing {
    pub(crate) const fn new(verdict_wait: Duration) -> Self {
        Self {
            verdict_wait,
            finals: String::new(),
            interim: String::new(),
            started: None,
            interim_end: AudioPosition::ZERO,
            final_end: AudioPosition::ZERO,
            recognized_at: None,
            settled: AudioPosition::ZERO,
            taken_early: Vec::new(),
            sound_at: None,
            wait: Wait::Nothing,
        }
    }

    /// Speech or noise began. `false` when that was before the last turn ended.
    pub(crate) fn sound(&mut self, at: AudioPosition) -> bool {
        if at < self.settled {
            return false;
        }
        // A sound without words was noise once another one begins.
        if !self.has_words() {
            self.sound_at = Some(at);
        }
        true
    }

    pub(crate) fn interim(&mut self, text: &str, end: AudioPosition, now: CallTime) -> News {
        if end <= self.settled.max(self.final_end) {
            return News::Stale;
        }
        let text = self.without_taken(text, end);
        if text.is_empty() {
            self.interim.clear();
            if self.finals.is_empty() {
                // The words so far were taken back.
                self.wait = Wait::Nothing;
                self.started = None;
            }
            return News::Nothing;
        }
        if text == self.interim {
            return News::Nothing;
        }
        self.interim.clear();
        push_bounded(&mut self.interim, text);
        let began = self.sound_at.unwrap_or(end);
        self.started.get_or_insert(began);
        self.interim_end = end;
        self.expect_verdict(now);
        News::Words
    }

    pub(crate) fn finals(
        &mut self,
        text: &str,
        start: AudioPosition,
        end: AudioPosition,
        speech_final: bool,
        now: CallTime,
    ) -> News {
        if end <= self.settled {
            if !text.trim().is_empty() {
                // They are final now: who says the same once more says it again.
                self.taken_early.retain(|(taken, _)| *taken > end);
            }
            return News::Stale;
        }
        let asked = matches!(self.wait, Wait::Final { .. });
        let text = self.without_taken(text, end);
        let had_words = !text.is_empty();
        if had_words {
            if end <= self.final_end {
                return News::Stale;
            }
            if self.finals.is_empty() {
                self.started = Some(start.max(self.settled));
            }
            self.final_end = end;
            self.recognized_at = Some(now);
            push_bounded(&mut self.finals, text);
            self.taken_early.clear();
        }
        // A final result replaces the interim one, also by nothing.
        self.interim.clear();
        if self.finals.is_empty() {
            if speech_final {
                self.sound_at = None;
            }
            self.wait = Wait::Nothing;
            self.started = None;
            return News::Nothing;
        }
        if speech_final || asked || self.finals.chars().count() >= TURN_CHARS_MAX {
            return News::Over;
        }
        if had_words {
            self.expect_verdict(now);
            News::Words
        } else {
            News::Nothing
        }
    }

    /// By the timing of words the customer is done.
    pub(crate) fn utterance_ended(&mut self, now: CallTime) -> Option<WaitOver> {
        match self.wait {
            Wait::Nothing | Wait::Final { .. } => None,
            Wait::Verdict { .. } => Some(self.wait_over(now)),
        }
    }

    /// Waits for the words so far to become final, and then the turn is over.
    pub(crate) fn ask_for_final(&mut self, now: CallTime) {
        if let Wait::Verdict { .. } = self.wait {
            let until = now + FINALIZE_WAIT;
            self.wait = Wait::Final { until };
        }
    }

    /// When the wait for the recognizer is over.
    pub(crate) const fn due(&self) -> Option<CallTime> {
        match self.wait {
            Wait::Nothing => None,
            Wait::Verdict { until } | Wait::Final { until } => Some(until),
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: CallTime) -> Option<WaitOver> {
        let due = self.due().is_some_and(|due| due <= now);
        due.then(|| self.wait_over(now))
    }

    /// Ends the turn: its words, if there are any. What comes late for them is dropped.
    pub(crate) fn take(&mut self) -> Option<Said> {
        let text = self.text();
        self.wait = Wait::Nothing;
        self.sound_at = None;
        let started = self.started.take()?;
        let ended = self.end_of_words();
        self.settled = self.settled.max(self.interim_end).max(self.final_end);
        if !self.finals.is_empty() || self.taken_early.len() == TAKEN_EARLY_MAX {
            self.taken_early.clear();
        }
        let early = backchannel::words(&self.interim);
        if !early.is_empty() {
            self.taken_early.push((self.interim_end, early));
        }
        self.finals.clear();
        self.interim.clear();
        Some(Said {
            text,
            started,
            ended,
            recognized_at: self.recognized_at.take(),
        })
    }

    /// All words so far.
    pub(crate) fn text(&self) -> String {
        match (self.finals.is_empty(), self.interim.is_empty()) {
            (false, false) => format!("{} {}", self.finals, self.interim),
            (false, true) => self.finals.clone(),
            (true, _) => self.interim.clone(),
        }
    }

    pub(crate) const fn has_words(&self) -> bool {
        !self.finals.is_empty() || !self.interim.is_empty()
    }

    /// Whether the customer makes sounds or words.
    pub(crate) const fn is_speaking(&self) -> bool {
        self.has_words() || self.sound_at.is_some()
    }

    /// Where this turn began.
    pub(crate) fn began(&self) -> Option<AudioPosition> {
        match (self.sound_at, self.started) {
            (Some(sound), Some(word)) => Some(sound.min(word)),
            (sound, word) => sound.or(word),
        }
    }

    /// Where the last sound or word of this turn was.
    pub(crate) fn last_heard(&self) -> Option<AudioPosition> {
        let word = self.has_words().then(|| self.end_of_words());
        self.sound_at.max(word)
    }

    /// How long the customer has been speaking, by voice activity and the end of the last word.
    pub(crate) fn spoken(&self) -> Duration {
        let ended = self.end_of_words();
        self.sound_at
            .map_or(Duration::ZERO, |sound| ended.since(sound))
    }

    fn end_of_words(&self) -> AudioPosition {
        if self.interim.is_empty() {
            self.final_end
        } else {
            self.interim_end.max(self.final_end)
        }
    }

    fn wait_over(&mut self, now: CallTime) -> WaitOver {
        if self.interim.is_empty() || matches!(self.wait, Wait::Final { .. }) {
            return WaitOver::Over;
        }
        self.ask_for_final(now);
        WaitOver::AskForFinal
    }

    fn expect_verdict(&mut self, now: CallTime) {
        let until = now + self.verdict_wait;
        self.wait = Wait::Verdict { until };
    }

    /// The text less the words that ended the last turn before they were final.
    fn without_taken<'a>(&self, text: &'a str, end: AudioPosition) -> &'a str {
        let text = text.trim();
        // Until the first final of this turn a result still begins with them.
        if self.taken_early.is_empty() || !self.finals.is_empty() {
            return text;
        }
        let said = backchannel::words(text);
        let runs = (0..self.taken_early.len()).filter_map(|from| self.taken_early.get(from..));
        let taken = runs
            .map(|run| run.iter().flat_map(|(_, words)| words).collect::<Vec<_>>())
            .find(|run| said.iter().take(run.len()).eq(run.iter().copied()));
        if let Some(taken) = taken {
            let mut rest = text;
            for _word in &taken {
                rest = rest
                    .split_once(char::is_whitespace)
                    .map_or("", |(_, rest)| rest.trim_start());
            }
            rest
        } else if end <= self.settled + LATE_RESULT {
            ""
        } else {
            text
        }
    }
}

/// Appends with a space, as far as a turn may grow.
fn push_bounded(to: &mut String, text: &str) {
    if !to.is_empty() {
        to.push(' ');
    }
    let room = TURN_CHARS_MAX.saturating_sub(to.chars().count());
    to.extend(text.chars().take(room));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pos(ms: u64) -> AudioPosition {
        AudioPosition::from_millis(ms)
    }

    fn at(ms: u64) -> CallTime {
        CallTime::from_millis(ms)
    }

    fn hearing() -> Hearing {
        Hearing::new(Duration::from_secs(3))
    }

    fn text(said: Option<Said>) -> Option<String> {
        said.map(|said| said.text)
    }

    #[test]
    fn a_turn_is_all_finals_up_to_the_verdict() {
        let mut hearing = hearing();
        assert_eq!(hearing.interim("I want", pos(500), at(600)), News::Words);
        let first = hearing.finals("I want", pos(100), pos(500), false, at(700));
        assert_eq!(first, News::Words);
        let second = hearing.finals("a table.", pos(600), pos(900), true, at(1_200));
        assert_eq!(second, News::Over);
        let said = hearing.take().unwrap();
        assert_eq!(said.text, "I want a table.");
        assert_eq!((said.started, said.ended), (pos(100), pos(900)));
        assert_eq!(hearing.take(), None);
    }

    #[test]
    fn a_result_that_comes_twice_counts_once() {
        let mut hearing = hearing();
        hearing.finals("Hello", pos(0), pos(400), false, at(500));
        let again = hearing.finals("Hello", pos(0), pos(400), true, at(501));
        assert_eq!(again, News::Stale);
        assert_eq!(text(hearing.take()), Some("Hello".to_owned()));
        let late = hearing.finals("Hello", pos(0), pos(400), true, at(600));
        assert_eq!(late, News::Stale);
        assert_eq!(hearing.interim("Hello", pos(400), at(601)), News::Stale);
    }

    #[test]
    fn words_that_never_become_final_end_the_turn_all_the_same() {
        let mut hearing = hearing();
        hearing.interim("book a", pos(500), at(600));
        assert_eq!(hearing.handle_timeout(at(3_599)), None);
        assert_eq!(
            hearing.handle_timeout(at(3_600)),
            Some(WaitOver::AskForFinal)
        );
        assert_eq!(hearing.handle_timeout(at(4_100)), Some(WaitOver::Over));
        assert_eq!(text(hearing.take()), Some("book a".to_owned()));
        // The final result comes after all, with a word more.
        let late = hearing.finals("Book a table", pos(100), pos(900), false, at(4_200));
        assert_eq!(late, News::Words);
        assert_eq!(text(hearing.take()), Some("table".to_owned()));
    }

    #[test]
    fn words_that_ended_a_turn_early_are_in_no_later_one() {
        let mut hearing = hearing();
        hearing.interim("Yes, that works for", pos(500), at(600));
        assert_eq!(text(hearing.take()), Some("Yes, that works for".to_owned()));
        let more = "Yes, that works for me.";
        assert_eq!(hearing.interim(more, pos(900), at(1_000)), News::Words);
        assert_eq!(hearing.text(), "me.");
        let last = hearing.finals(more, pos(100), pos(900), true, at(1_100));
        assert_eq!(last, News::Over);
        assert_eq!(text(hearing.take()), Some("me.".to_owned()));
    }

    #[test]
    fn words_that_ended_two_turns_early_are_in_no_later_one() {
        let mut hearing = hearing();
        hearing.interim("That sounds", pos(500), at(600));
        assert_eq!(text(hearing.take()), Some("That sounds".to_owned()));
        hearing.interim("That sounds good to", pos(900), at(1_000));
        assert_eq!(text(hearing.take()), Some("good to".to_owned()));
        let last = "That sounds good to me.";
        hearing.finals(last, pos(100), pos(1_400), true, at(1_500));
        assert_eq!(text(hearing.take()), Some("me.".to_owned()));
    }

    #[test]
    fn what_is_said_again_is_heard_again() {
        let mut hearing = hearing();
        hearing.interim("No, that is wrong.", pos(900), at(1_000));
        assert_eq!(text(hearing.take()), Some("No, that is wrong.".to_owned()));
        // Final after all, with nothing new.
        let late = hearing.finals("No, that is wrong.", pos(100), pos(900), true, at(1_200));
        assert_eq!(late, News::Stale);
        let again = hearing.finals(
            "No, that is wrong.",
            pos(2_000),
            pos(2_900),
            true,
            at(3_200),
        );
        assert_eq!(again, News::Over);
        assert_eq!(text(hearing.take()), Some("No, that is wrong.".to_owned()));
    }

    #[test]
    fn a_final_that_was_asked_for_ends_the_turn() {
        let mut hearing = hearing();
        hearing.interim("five", pos(500), at(600));
        assert_eq!(
            hearing.utterance_ended(at(700)),
            Some(WaitOver::AskForFinal)
        );
        assert_eq!(hearing.utterance_ended(at(701)), None);
        let last = hearing.finals("five", pos(100), pos(500), false, at(800));
        assert_eq!(last, News::Over);
    }

    #[test]
    fn words_that_are_taken_back_leave_nothing() {
        let mut hearing = hearing();
        hearing.sound(pos(100));
        hearing.interim("uh", pos(200), at(300));
        let nothing = hearing.finals("", pos(100), pos(900), true, at(1_000));
        assert_eq!(nothing, News::Nothing);
        assert_eq!((hearing.is_speaking(), hearing.due()), (false, None));
        assert_eq!(hearing.take(), None);
    }

    #[test]
    fn interim_words_that_are_taken_back_leave_nothing_either() {
        let mut hearing = hearing();
        hearing.interim("who", pos(500), at(600));
        assert_eq!(text(hearing.take()), Some("who".to_owned()));
        hearing.interim("what", pos(900), at(1_000));
        // The next connection hears the sound again, and as the word of the turn before.
        let nothing = hearing.interim("who", pos(1_100), at(1_200));
        assert_eq!((nothing, hearing.due()), (News::Nothing, None));
        assert_eq!(hearing.take(), None);
    }

    #[test]
    fn somebody_who_never_pauses_is_answered_at_some_point() {
        let mut hearing = hearing();
        let long = "word ".repeat(1_000);
        let news = hearing.finals(&long, pos(0), pos(400), false, at(500));
        assert_eq!(news, News::Over);
        assert!(hearing.text().chars().count() <= TURN_CHARS_MAX);
    }
}
