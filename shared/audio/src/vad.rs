//! Whether anybody seems to speak, by loudness alone.
//!
//! Good enough to decide how audio is batched (in silence fewer and larger messages to the
//! recognizer cost no latency). It never decides a turn: that is the recognizer's business.

use crate::{BYTES_PER_MS, Loudness};

/// Mean size of samples below which a frame is silent in any room: −50 dB of full scale.
const FLOOR_MEAN: u32 = 100;
/// Speech is at least this many times louder than the room.
const SPEECH_OVER_ROOM: u32 = 3;
/// How long the vad stays open after the last loud frame: longer than the gaps within words.
const HANGOVER_MS: usize = 400;
/// The estimate of the room's noise follows louder sound this slowly, as a power of two of frames,
/// so that a sentence does not become "the room".
const ROOM_RISE_SHIFT: u32 = 8;

/// What a stretch of audio seems to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activity {
    Speech,
    Silence,
}

/// Listens to one customer. Starts open: the first words must not wait for an estimate of the room.
#[derive(Debug, Clone)]
pub struct Vad {
    /// Mean size of samples in the quiet, in 1/256.
    room: u32,
    open_bytes: usize,
}

impl Vad {
    #[must_use]
    pub const fn new() -> Self {
        Self {
            room: FLOOR_MEAN << ROOM_RISE_SHIFT,
            open_bytes: HANGOVER_MS * BYTES_PER_MS,
        }
    }

    /// Judges the next stretch of audio, of any length; an empty one changes nothing.
    pub fn hear(&mut self, heard: Loudness) -> Activity {
        if heard.samples() > 0 {
            let mean = heard.mean();
            let room = self.room >> ROOM_RISE_SHIFT;
            if mean > FLOOR_MEAN && mean > room.saturating_mul(SPEECH_OVER_ROOM) {
                self.open_bytes = HANGOVER_MS * BYTES_PER_MS;
            } else {
                let bytes = usize::try_from(heard.samples()).unwrap_or(usize::MAX);
                self.open_bytes = self.open_bytes.saturating_sub(bytes);
            }
            self.follow_room(mean);
        }
        if self.open_bytes > 0 {
            Activity::Speech
        } else {
            Activity::Silence
        }
    }

    /// Whether the last stretch was itself loud, rather than shortly behind something loud: tells the
    /// silence that may end a turn from the speech before it.
    #[must_use]
    pub const fn is_loud(&self) -> bool {
        self.open_bytes == HANGOVER_MS * BYTES_PER_MS
    }

    /// Down at once, up slowly, and never below what is silence anywhere.
    fn follow_room(&mut self, mean: u32) {
        let heard = mean << ROOM_RISE_SHIFT;
        self.room = if heard < self.room {
            heard.max(FLOOR_MEAN << ROOM_RISE_SHIFT)
        } else {
            self.room + ((heard - self.room) >> ROOM_RISE_SHIFT)
        };
    }
}

impl Default for Vad {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FRAME_BYTES, mulaw, sine};

    fn hear(vad: &mut Vad, audio: &[u8]) -> Activity {
        let mut last = Activity::Silence;
        for frame in audio.chunks(FRAME_BYTES) {
            last = vad.hear(Loudness::of(frame));
        }
        last
    }

    fn silence(ms: usize) -> Vec<u8> {
        vec![mulaw::SILENCE; ms * BYTES_PER_MS]
    }

    #[test]
    fn the_gate_opens_with_the_first_loud_frame_and_closes_after_a_pause() {
        let mut vad = Vad::new();
        assert_eq!(hear(&mut vad, &silence(1_000)), Activity::Silence);
        assert_eq!(
            hear(&mut vad, &sine::sine(300, 20, 4_000)),
            Activity::Speech
        );
        assert_eq!(hear(&mut vad, &silence(200)), Activity::Speech);
        assert_eq!(hear(&mut vad, &silence(220)), Activity::Silence);
    }

    #[test]
    fn the_first_frame_after_speech_is_speech_and_is_not_loud() {
        let mut vad = Vad::new();
        hear(&mut vad, &sine::sine(300, 20, 4_000));
        assert!(vad.is_loud());
        assert_eq!(hear(&mut vad, &silence(20)), Activity::Speech);
        assert!(!vad.is_loud());
    }

    #[test]
    fn a_call_starts_with_an_open_gate() {
        assert_eq!(hear(&mut Vad::new(), &silence(20)), Activity::Speech);
    }

    #[test]
    fn a_humming_room_becomes_silence_and_a_voice_above_it_is_heard() {
        let mut vad = Vad::new();
        hear(&mut vad, &sine::sine(100, 30_000, 600));
        assert_eq!(hear(&mut vad, &sine::sine(100, 20, 600)), Activity::Silence);
        assert_eq!(
            hear(&mut vad, &sine::sine(300, 20, 6_000)),
            Activity::Speech
        );
    }

    #[test]
    fn nothing_heard_changes_nothing() {
        let mut vad = Vad::new();
        hear(&mut vad, &silence(1_000));
        assert_eq!(vad.hear(Loudness::of(&[])), Activity::Silence);
    }
}
