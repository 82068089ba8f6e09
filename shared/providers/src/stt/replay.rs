//! The customer's unfinished words, kept so that the next connection can hear them again.
//!
//! Knows positions and bytes; not whether or when anything is replayed.

use std::collections::VecDeque;
use std::time::Duration;

use model::AudioPosition;

/// Most audio that is kept. The newest is kept: a phrase is rarely longer without a `Final`, and a
/// longer replay would make the answer later than the customer waits for it. 40,000 bytes a call.
pub const REPLAY_MAX: Duration = Duration::from_secs(5);

/// Bytes in a millisecond of µ-law at 8 kHz.
const BYTES_PER_MS: u64 = 8;
/// Microseconds that one byte lasts.
const MICROS_PER_BYTE: u64 = 125;

/// The customer's audio since the last `Final`, bounded by [`REPLAY_MAX`].
///
/// After [`conversation::Recognition::Lost`] connect with [`ReplayBuffer::start`] as the position and send
/// [`ReplayBuffer::audio`] first.
#[derive(Debug)]
pub struct ReplayBuffer {
    audio: VecDeque<u8>,
    end: AudioPosition,
    bytes_max: usize,
}

impl ReplayBuffer {
    /// Empty, at the beginning of the customer's audio.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limit(REPLAY_MAX)
    }

    /// Empty, keeping at most this much.
    #[must_use]
    pub fn with_limit(limit: Duration) -> Self {
        let millis = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        let bytes = millis.saturating_mul(BYTES_PER_MS);
        Self {
            audio: VecDeque::new(),
            end: AudioPosition::ZERO,
            bytes_max: usize::try_from(bytes).unwrap_or(usize::MAX),
        }
    }

    /// Adds what the customer says next, without a gap; beyond the limit the oldest goes.
    pub fn push(&mut self, mulaw: &[u8]) {
        self.end += span(mulaw.len());
        let skipped = mulaw.len().saturating_sub(self.bytes_max);
        let newest = mulaw.get(skipped..).unwrap_or_default();
        let room = self.bytes_max.saturating_sub(newest.len());
        let excess = self.audio.len().saturating_sub(room);
        self.audio.drain(..excess);
        self.audio.extend(newest);
    }

    /// Forgets everything before this position: its words are final.
    pub fn settle(&mut self, position: AudioPosition) {
        let settled = position.since(self.start()).as_micros() / u128::from(MICROS_PER_BYTE);
        let settled = usize::try_from(settled).unwrap_or(usize::MAX);
        self.audio.drain(..settled.min(self.audio.len()));
    }

    /// Place of the first byte that is kept.
    #[must_use]
    pub fn start(&self) -> AudioPosition {
        self.end - span(self.audio.len())
    }

    /// Place after the last byte: how much the customer has sent.
    #[must_use]
    pub fn end(&self) -> AudioPosition {
        self.end
    }

    /// What is kept, oldest first, in two pieces.
    #[must_use]
    pub fn audio(&self) -> (&[u8], &[u8]) {
        self.audio.as_slices()
    }
}

impl Default for ReplayBuffer {
    fn default() -> Self {
        Self::new()
    }
}

/// How long this many bytes last.
fn span(bytes: usize) -> Duration {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    Duration::from_micros(bytes.saturating_mul(MICROS_PER_BYTE))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kept(buffer: &ReplayBuffer) -> Vec<u8> {
        let (older, newer) = buffer.audio();
        [older, newer].concat()
    }

    #[test]
    fn what_was_recognized_is_not_heard_twice() {
        let mut buffer = ReplayBuffer::new();
        buffer.push(&[1; 800]);
        buffer.push(&[2; 800]);
        buffer.settle(AudioPosition::from_millis(100));
        assert_eq!(buffer.start(), AudioPosition::from_millis(100));
        assert_eq!(kept(&buffer), [2; 800]);
        // A `Final` that comes late, or reaches beyond what was sent, takes nothing else away.
        buffer.settle(AudioPosition::from_millis(50));
        assert_eq!(kept(&buffer), [2; 800]);
        buffer.settle(AudioPosition::from_millis(900));
        assert_eq!(buffer.start(), AudioPosition::from_millis(200));
        assert_eq!(buffer.end(), AudioPosition::from_millis(200));
    }

    #[test]
    fn a_long_silence_keeps_only_the_newest_audio() {
        let mut buffer = ReplayBuffer::with_limit(Duration::from_millis(1));
        buffer.push(&[1, 2, 3, 4, 5]);
        buffer.push(&[6, 7, 8, 9, 10]);
        assert_eq!(kept(&buffer), [3, 4, 5, 6, 7, 8, 9, 10]);
        assert_eq!(buffer.start(), AudioPosition::from_micros(250));
        buffer.push(&[0; 20]);
        assert_eq!(kept(&buffer), [0; 8]);
        assert_eq!(buffer.end(), AudioPosition::from_micros(30 * 125));
    }

    proptest! {
        #[test]
        fn the_kept_audio_is_always_the_end_of_what_was_said(
            steps in proptest::collection::vec((0_usize..400, 0_u64..100), 0..40),
        ) {
            let mut buffer = ReplayBuffer::with_limit(Duration::from_millis(60));
            let mut said = Vec::new();
            for (bytes, settled_ms) in steps {
                let piece: Vec<u8> = (0_u8..=250).cycle().skip(said.len() % 251).take(bytes).collect();
                buffer.push(&piece);
                said.extend_from_slice(&piece);
                buffer.settle(AudioPosition::from_millis(settled_ms));
                let kept = kept(&buffer);
                prop_assert!(kept.len() <= 480);
                prop_assert!(said.ends_with(&kept));
                prop_assert_eq!(buffer.end().as_micros(), said.len() as u64 * 125);
                prop_assert_eq!(buffer.end().since(buffer.start()), span(kept.len()));
            }
        }
    }
}
