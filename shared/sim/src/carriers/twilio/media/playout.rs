//! The carrier's playback buffer of one media stream: audio and marks, played in the order of arrival
//! at 8,000 bytes a second.

use std::collections::VecDeque;

use crate::voice::SILENCE;

/// Audio that one stream may hold. No maximum is documented; ten minutes is far beyond any pacing.
/// What comes on top is dropped and counted.
pub const BUFFER_BYTES_MAX: usize = 10 * 60 * 8_000;

/// Marks that one stream may have outstanding; further ones are dropped and counted.
pub const MARKS_MAX: usize = 10_000;

/// A gap longer than this is a pause between two stretches of speech, not an underrun: three seconds.
const UNDERRUN_SAMPLES_MAX: u64 = 3 * 8_000;

/// What was played and how smoothly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlayoutStats {
    /// Audio that arrived, was played, and was thrown away by a clear.
    pub received_bytes: u64,
    pub played_bytes: u64,
    pub cleared_bytes: u64,
    pub dropped_bytes: u64,
    pub dropped_marks: u64,
    pub clears: u64,
    /// Gaps in the middle of an utterance: the buffer ran dry although no mark said that a stretch of
    /// speech was complete, and more audio came within three seconds.
    pub underruns: u64,
    pub underrun_samples: u64,
    pub underrun_samples_max: u64,
    /// The fullest that the buffer was.
    pub buffered_bytes_max: u64,
}

impl PlayoutStats {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            received_bytes: self.received_bytes + other.received_bytes,
            played_bytes: self.played_bytes + other.played_bytes,
            cleared_bytes: self.cleared_bytes + other.cleared_bytes,
            dropped_bytes: self.dropped_bytes + other.dropped_bytes,
            dropped_marks: self.dropped_marks + other.dropped_marks,
            clears: self.clears + other.clears,
            underruns: self.underruns + other.underruns,
            underrun_samples: self.underrun_samples + other.underrun_samples,
            underrun_samples_max: self.underrun_samples_max.max(other.underrun_samples_max),
            buffered_bytes_max: self.buffered_bytes_max.max(other.buffered_bytes_max),
        }
    }
}

#[derive(Debug, Clone)]
enum Item {
    Audio(Vec<u8>),
    Mark(String),
}

#[derive(Debug, Clone, Default)]
pub(super) struct Playout {
    items: VecDeque<Item>,
    /// How much of the front item, if it is audio, was played.
    front_played: usize,
    buffered: usize,
    marks: usize,
    /// Samples played or passed in silence since the stream began.
    position: u64,
    /// Since when the buffer is dry in the middle of an utterance.
    dry_since: Option<u64>,
    stats: PlayoutStats,
}

impl Playout {
    pub(super) fn audio(&mut self, audio: Vec<u8>) {
        let bytes = count(audio.len());
        self.stats.received_bytes += bytes;
        if audio.len() > BUFFER_BYTES_MAX.saturating_sub(self.buffered) {
            self.stats.dropped_bytes += bytes;
            return;
        }
        if let Some(since) = self.dry_since.take() {
            let gap = self.position - since;
            if gap > 0 && gap <= UNDERRUN_SAMPLES_MAX {
                self.stats.underruns += 1;
                self.stats.underrun_samples += gap;
                self.stats.underrun_samples_max = self.stats.underrun_samples_max.max(gap);
            }
        }
        self.buffered += audio.len();
        self.stats.buffered_bytes_max = self.stats.buffered_bytes_max.max(count(self.buffered));
        self.items.push_back(Item::Audio(audio));
    }

    /// Takes a mark. Gives it back when it is due at once, because nothing is buffered.
    pub(super) fn mark(&mut self, name: String) -> Option<String> {
        self.dry_since = None;
        if self.items.is_empty() {
            return Some(name);
        }
        if self.marks >= MARKS_MAX {
            self.stats.dropped_marks += 1;
            return None;
        }
        self.marks += 1;
        self.items.push_back(Item::Mark(name));
        None
    }

    /// Empties the buffer. Every outstanding mark comes back, in order.
    pub(super) fn clear(&mut self) -> Vec<String> {
        self.stats.clears += 1;
        self.stats.cleared_bytes += count(self.buffered);
        self.buffered = 0;
        self.marks = 0;
        self.front_played = 0;
        self.dry_since = None;
        self.items
            .drain(..)
            .filter_map(|item| match item {
                Item::Mark(name) => Some(name),
                Item::Audio(_) => None,
            })
            .collect()
    }

    /// Plays into `out`, silence where nothing is buffered, and gives back the marks that it reached.
    pub(super) fn play(&mut self, samples: usize, out: &mut Vec<u8>) -> Vec<String> {
        let wanted = out.len() + samples;
        let mut reached = Vec::new();
        while let Some(front) = self.items.front_mut() {
            match front {
                Item::Mark(name) => {
                    reached.push(std::mem::take(name));
                    self.marks -= 1;
                    self.items.pop_front();
                    if self.items.is_empty() {
                        self.dry_since = None;
                    }
                }
                Item::Audio(audio) => {
                    let missing = wanted - out.len();
                    if missing == 0 {
                        break;
                    }
                    let rest = audio.get(self.front_played..).unwrap_or_default();
                    let taken = rest.get(..missing).unwrap_or(rest);
                    out.extend_from_slice(taken);
                    self.position += count(taken.len());
                    self.stats.played_bytes += count(taken.len());
                    self.buffered -= taken.len();
                    self.front_played += taken.len();
                    if self.front_played >= audio.len() {
                        self.front_played = 0;
                        self.items.pop_front();
                        if self.items.is_empty() {
                            self.dry_since = Some(self.position);
                        }
                    }
                }
            }
        }
        let missing = wanted - out.len();
        self.position += count(missing);
        out.resize(wanted, SILENCE);
        reached
    }

    /// Samples until the next mark is reached.
    pub(super) fn next_mark_in(&self) -> Option<usize> {
        if self.marks == 0 {
            return None;
        }
        let mut samples = 0;
        for item in &self.items {
            match item {
                Item::Audio(audio) => samples += audio.len(),
                Item::Mark(_) => break,
            }
        }
        Some(samples.saturating_sub(self.front_played))
    }

    pub(super) const fn stats(&self) -> PlayoutStats {
        self.stats
    }

    pub(super) const fn buffered(&self) -> usize {
        self.buffered
    }
}

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn play(playout: &mut Playout, samples: usize) -> (usize, Vec<String>) {
        let mut out = Vec::new();
        let marks = playout.play(samples, &mut out);
        assert_eq!(out.len(), samples);
        (out.iter().filter(|byte| **byte != SILENCE).count(), marks)
    }

    #[test]
    fn a_mark_comes_back_at_the_sample_after_its_audio() {
        let mut playout = Playout::default();
        playout.audio(vec![1; 300]);
        assert_eq!(playout.mark("a".to_owned()), None);
        playout.audio(vec![1; 100]);
        assert_eq!(playout.next_mark_in(), Some(300));
        assert_eq!(play(&mut playout, 299), (299, vec![]));
        assert_eq!(playout.next_mark_in(), Some(1));
        assert_eq!(play(&mut playout, 1), (1, vec!["a".to_owned()]));
        assert_eq!(playout.next_mark_in(), None);
        assert_eq!(play(&mut playout, 200), (100, vec![]));
        assert_eq!(playout.mark("b".to_owned()), Some("b".to_owned()));
    }

    #[test]
    fn a_clear_returns_every_mark_in_order_and_plays_nothing_more() {
        let mut playout = Playout::default();
        playout.audio(vec![1; 300]);
        playout.mark("a".to_owned());
        playout.audio(vec![1; 300]);
        playout.mark("b".to_owned());
        play(&mut playout, 100);
        assert_eq!(playout.clear(), ["a", "b"]);
        assert_eq!(play(&mut playout, 300), (0, vec![]));
        assert_eq!(playout.stats().cleared_bytes, 500);
        assert_eq!(playout.stats().underruns, 0);
    }

    #[test]
    fn a_gap_inside_an_utterance_is_an_underrun_and_one_after_its_mark_is_not() {
        let mut playout = Playout::default();
        playout.audio(vec![1; 160]);
        play(&mut playout, 200);
        playout.audio(vec![1; 160]);
        assert_eq!(playout.stats().underruns, 1);
        assert_eq!(playout.stats().underrun_samples_max, 40);
        playout.mark("end".to_owned());
        play(&mut playout, 800);
        playout.audio(vec![1; 160]);
        play(&mut playout, 200);
        playout.mark("late".to_owned());
        play(&mut playout, 100);
        playout.audio(vec![1; 160]);
        assert_eq!(playout.stats().underruns, 1);
    }

    #[test]
    fn more_audio_than_the_buffer_holds_is_dropped_and_counted() {
        let mut playout = Playout::default();
        playout.audio(vec![1; BUFFER_BYTES_MAX]);
        playout.audio(vec![1; 10]);
        assert_eq!(playout.stats().dropped_bytes, 10);
        assert_eq!(playout.buffered(), BUFFER_BYTES_MAX);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Audio(usize),
        Mark,
        Clear,
        Play(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (1_usize..500).prop_map(Step::Audio),
            3 => Just(Step::Mark),
            1 => Just(Step::Clear),
            4 => (0_usize..600).prop_map(Step::Play),
        ];
        proptest::collection::vec(step, 0..60)
    }

    proptest! {
        /// Against the plainest model: how many samples must have been played before a mark is due.
        #[test]
        fn marks_come_back_in_order_and_never_before_their_audio(steps in steps()) {
            let mut playout = Playout::default();
            let (mut buffered, mut waiting, mut next) = (0_usize, VecDeque::new(), 0_u32);
            for step in steps {
                match step {
                    Step::Audio(bytes) => {
                        playout.audio(vec![1; bytes]);
                        buffered += bytes;
                    }
                    Step::Mark => {
                        let name = next.to_string();
                        next += 1;
                        if buffered == 0 && waiting.is_empty() {
                            prop_assert_eq!(playout.mark(name.clone()), Some(name));
                        } else {
                            prop_assert_eq!(playout.mark(name.clone()), None);
                            waiting.push_back((buffered, name));
                        }
                    }
                    Step::Clear => {
                        let names: Vec<String> = waiting.drain(..).map(|(_at, name)| name).collect();
                        prop_assert_eq!(playout.clear(), names);
                        buffered = 0;
                    }
                    Step::Play(samples) => {
                        prop_assert_eq!(playout.next_mark_in(), waiting.front().map(|(at, _name)| *at));
                        let mut out = Vec::new();
                        let reached = playout.play(samples, &mut out);
                        let played = samples.min(buffered);
                        buffered -= played;
                        let sound = out.iter().filter(|byte| **byte == 1).count();
                        prop_assert_eq!((out.len(), sound), (samples, played));
                        let mut due = Vec::new();
                        while let Some((at, name)) = waiting.pop_front_if(|(at, _name)| *at <= played) {
                            let _ = at;
                            due.push(name);
                        }
                        for (at, _name) in &mut waiting {
                            *at -= played;
                        }
                        prop_assert_eq!(reached, due);
                    }
                }
                prop_assert_eq!(playout.buffered(), buffered);
            }
        }
    }
}
