//! Customer audio on its way to the recognizer: every sample at its true position, in messages as
//! large as latency allows. Knows µ-law bytes and positions; no message format, no socket.

use model::AudioPosition;

/// µ-law at 8 kHz.
pub(crate) const BYTES_PER_MS: u64 = 8;

/// µ-law silence (`docs/protocols/carriers.md#media-sockets`).
const SILENCE: u8 = 0xFF;

/// Timestamps of one stream differ from the count of samples by this much without meaning anything
/// (the carrier rounds to milliseconds and its examples jitter by 5): below, nothing was lost.
const JITTER_BYTES: u64 = 15 * BYTES_PER_MS;

/// A longer hole is not filled but taken as a new beginning of the timestamps: the socket counts as
/// dead before that much can be lost, so the clock was set, and silence up to it would never have
/// been said.
const HOLE_BYTES_MAX: u64 = 5_000 * BYTES_PER_MS;

/// While nobody speaks a tenth of a second goes in one message: nothing waits for it.
const SILENT_MESSAGE_BYTES: usize = 800;

/// While the customer speaks: words are recognized over hundreds of milliseconds, 40 cost nothing.
const SPEECH_MESSAGE_BYTES: usize = 320;

/// Silence after speech longer than the recognizer's endpointing by this much cannot end a turn any
/// more.
const TAIL_MARGIN_MS: u32 = 500;

/// What became of one message of the carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AudioPlacement {
    /// Its place is the end of what is here, after `lost_ms` of silence for frames that never came.
    /// `overlap_bytes` at its front are here already.
    AtEnd { lost_ms: u64, overlap_bytes: usize },
    /// It was here before: the same sequence number.
    Duplicate,
    /// It comes too late: its place has been filled.
    Late,
}

/// Customer audio that waits for the next message to the recognizer.
#[derive(Debug)]
pub(crate) struct CustomerAudio {
    waiting: Vec<u8>,
    /// Bytes of the stream before and in `waiting`: the next sample's position.
    received: u64,
    /// The carrier's timestamp of position zero.
    origin: Option<Origin>,
    sequence: u64,
}

#[derive(Debug, Clone, Copy)]
struct Origin {
    timestamp_bytes: u64,
    at_byte: u64,
}

impl CustomerAudio {
    pub(crate) fn new() -> Self {
        Self {
            waiting: Vec::with_capacity(SILENT_MESSAGE_BYTES + SPEECH_MESSAGE_BYTES),
            received: 0,
            origin: None,
            sequence: 0,
        }
    }

    /// Finds the place of a message by its numbers and fills a hole before it with silence. After
    /// [`AudioPlacement::AtEnd`] the payload is to be appended by [`Self::append`].
    pub(crate) fn place(&mut self, sequence: u64, timestamp_ms: u64) -> AudioPlacement {
        if sequence == self.sequence {
            return AudioPlacement::Duplicate;
        }
        if sequence < self.sequence {
            return AudioPlacement::Late;
        }
        self.sequence = sequence;
        let timestamp_bytes = timestamp_ms.saturating_mul(BYTES_PER_MS);
        let here = Origin {
            timestamp_bytes,
            at_byte: self.received,
        };
        let origin = *self.origin.get_or_insert(here);
        // A timestamp before that of position zero can only be a clock that was set back.
        let place = timestamp_bytes
            .checked_sub(origin.timestamp_bytes)
            .map(|since| since.saturating_add(origin.at_byte));
        let Some(place) = place.filter(|place| place.abs_diff(self.received) <= HOLE_BYTES_MAX)
        else {
            self.origin = Some(here);
            return AudioPlacement::AtEnd {
                lost_ms: 0,
                overlap_bytes: 0,
            };
        };
        let off_bytes = place.abs_diff(self.received);
        if off_bytes < JITTER_BYTES {
            return AudioPlacement::AtEnd {
                lost_ms: 0,
                overlap_bytes: 0,
            };
        }
        let off = usize::try_from(off_bytes).unwrap_or(usize::MAX);
        if place > self.received {
            self.waiting.resize(self.waiting.len() + off, SILENCE);
            self.received = place;
            AudioPlacement::AtEnd {
                lost_ms: off_bytes / BYTES_PER_MS,
                overlap_bytes: 0,
            }
        } else {
            AudioPlacement::AtEnd {
                lost_ms: 0,
                overlap_bytes: off,
            }
        }
    }

    /// Lets `decode` append a payload, takes `overlap_bytes` off its front, and says how many bytes
    /// are new.
    ///
    /// # Errors
    /// What `decode` says; then nothing was appended, and the hole will be filled with silence.
    pub(crate) fn append<E>(
        &mut self,
        overlap_bytes: usize,
        decode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<usize, E> {
        let before = self.waiting.len();
        if let Err(problem) = decode(&mut self.waiting) {
            self.waiting.truncate(before);
            return Err(problem);
        }
        if overlap_bytes > 0 {
            let overlap_end = (before + overlap_bytes).min(self.waiting.len());
            self.waiting.drain(before..overlap_end);
        }
        let added = self.waiting.len() - before;
        self.received += u64::try_from(added).unwrap_or(0);
        Ok(added)
    }

    /// The last `bytes` of what waits.
    pub(crate) fn newest(&self, bytes: usize) -> &[u8] {
        let from = self.waiting.len().saturating_sub(bytes);
        self.waiting.get(from..).unwrap_or_default()
    }

    /// Everything that waits, oldest first.
    pub(crate) fn waiting(&self) -> &[u8] {
        &self.waiting
    }

    /// How many bytes there were so far.
    pub(crate) const fn end_bytes(&self) -> u64 {
        self.received
    }

    /// The position after the newest sample.
    pub(crate) fn end(&self) -> AudioPosition {
        position(self.received)
    }

    /// What waited has been sent.
    pub(crate) fn sent(&mut self) {
        self.waiting.clear();
        if self.waiting.capacity() > 8 * SILENT_MESSAGE_BYTES {
            // A long hole was filled: do not keep its memory for the rest of the call.
            self.waiting
                .shrink_to(SILENT_MESSAGE_BYTES + SPEECH_MESSAGE_BYTES);
        }
    }
}

/// Decides how much audio goes to the recognizer in one message.
///
/// A speech vendor's sockets cost by the message, so silence goes in large ones. But the sound that
/// begins speech goes at once (it interrupts the agent), and so does each frame of silence after
/// speech (it ends the customer's turn).
#[derive(Debug)]
pub(crate) struct MessageSize {
    /// Silence since the customer last made a sound.
    quiet_bytes: u64,
    /// That much silence may still end the turn.
    tail_bytes: u64,
    speaking: bool,
}

impl MessageSize {
    /// `endpointing_ms` is the silence after which the recognizer ends a turn.
    pub(crate) fn new(endpointing_ms: u32) -> Self {
        let tail_ms = u64::from(endpointing_ms.saturating_add(TAIL_MARGIN_MS));
        let tail_bytes = tail_ms * BYTES_PER_MS;
        Self {
            quiet_bytes: tail_bytes,
            tail_bytes,
            speaking: false,
        }
    }

    /// Takes note of `bytes` more audio, `voiced` or not, and says whether the `waiting_bytes` that
    /// now wait are to be sent.
    pub(crate) fn is_due(&mut self, bytes: usize, voiced: bool, waiting_bytes: usize) -> bool {
        let began = voiced && !self.speaking;
        self.speaking = voiced;
        if voiced {
            self.quiet_bytes = 0;
            return began || waiting_bytes >= SPEECH_MESSAGE_BYTES;
        }
        self.quiet_bytes = self
            .quiet_bytes
            .saturating_add(u64::try_from(bytes).unwrap_or(0));
        self.quiet_bytes <= self.tail_bytes || waiting_bytes >= SILENT_MESSAGE_BYTES
    }

    /// The recognizer has ended the customer's turn: silence means nothing until the next sound.
    pub(crate) fn turn_ended(&mut self) {
        if !self.speaking {
            self.quiet_bytes = self.tail_bytes;
        }
    }
}

/// The position after so many bytes.
fn position(bytes: u64) -> AudioPosition {
    // 125 µs a sample.
    AudioPosition::from_micros(bytes.saturating_mul(1_000) / BYTES_PER_MS)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    /// Sends frames `sequence@timestamp` of 20 ms, each filled with its sequence number, and shows
    /// what became of each and what waits then, as runs of `byte*milliseconds`.
    fn check(frames: &str, expected: &Expect) {
        let mut audio = CustomerAudio::new();
        let mut told = String::new();
        for frame in frames.split_whitespace() {
            let (sequence, timestamp) = frame.split_once('@').unwrap();
            let sequence: u64 = sequence.parse().unwrap();
            let placed = audio.place(sequence, timestamp.parse().unwrap());
            if let AudioPlacement::AtEnd { overlap_bytes, .. } = placed {
                let byte = u8::try_from(sequence).unwrap();
                audio
                    .append(overlap_bytes, |into| {
                        into.extend([byte; 160]);
                        Ok::<_, ()>(())
                    })
                    .unwrap();
            }
            told.push_str(&format!("{frame}: {placed:?}\n"));
        }
        for run in audio.waiting().chunk_by(|one, other| one == other) {
            told.push_str(&format!("{}*{} ", run[0], run.len() / 8));
        }
        told.push('\n');
        expected.assert_eq(&told);
    }

    #[test]
    fn a_lost_frame_becomes_silence_in_its_place() {
        check(
            "2@0 3@20 5@60",
            &expect![[r#"
                2@0: AtEnd { lost_ms: 0, overlap_bytes: 0 }
                3@20: AtEnd { lost_ms: 0, overlap_bytes: 0 }
                5@60: AtEnd { lost_ms: 20, overlap_bytes: 0 }
                2*20 3*20 255*20 5*20 
            "#]],
        );
    }

    #[test]
    fn a_frame_that_comes_twice_or_late_is_not_heard_twice() {
        check(
            "2@0 2@0 4@40 3@20",
            &expect![[r#"
                2@0: AtEnd { lost_ms: 0, overlap_bytes: 0 }
                2@0: Duplicate
                4@40: AtEnd { lost_ms: 20, overlap_bytes: 0 }
                3@20: Late
                2*20 255*20 4*20 
            "#]],
        );
    }

    #[test]
    fn timestamps_that_jitter_lose_nothing() {
        check(
            "2@5 3@25 4@50 5@65",
            &expect![[r#"
                2@5: AtEnd { lost_ms: 0, overlap_bytes: 0 }
                3@25: AtEnd { lost_ms: 0, overlap_bytes: 0 }
                4@50: AtEnd { lost_ms: 0, overlap_bytes: 0 }
                5@65: AtEnd { lost_ms: 0, overlap_bytes: 0 }
                2*20 3*20 4*20 5*20 
            "#]],
        );
    }

    #[test]
    fn audio_that_is_here_already_is_not_repeated() {
        check(
            "2@0 3@20 4@20 5@40",
            &expect![[r#"
                2@0: AtEnd { lost_ms: 0, overlap_bytes: 0 }
                3@20: AtEnd { lost_ms: 0, overlap_bytes: 0 }
                4@20: AtEnd { lost_ms: 0, overlap_bytes: 160 }
                5@40: AtEnd { lost_ms: 0, overlap_bytes: 0 }
                2*20 3*20 5*20 
            "#]],
        );
    }

    #[test]
    fn a_clock_that_jumps_does_not_deafen_the_call() {
        check(
            "2@0 3@90000 4@90020 5@10 6@30",
            &expect![[r#"
                2@0: AtEnd { lost_ms: 0, overlap_bytes: 0 }
                3@90000: AtEnd { lost_ms: 0, overlap_bytes: 0 }
                4@90020: AtEnd { lost_ms: 0, overlap_bytes: 0 }
                5@10: AtEnd { lost_ms: 0, overlap_bytes: 0 }
                6@30: AtEnd { lost_ms: 0, overlap_bytes: 0 }
                2*20 3*20 4*20 5*20 6*20 
            "#]],
        );
    }

    #[test]
    fn a_payload_that_cannot_be_read_becomes_silence_too() {
        let mut audio = CustomerAudio::new();
        audio.place(1, 0);
        let refused = audio.append(0, |into| {
            into.extend([1; 7]);
            Err("not base64")
        });
        assert_eq!(refused, Err("not base64"));
        assert!(audio.waiting().is_empty());
        assert_eq!(
            audio.place(2, 20),
            AudioPlacement::AtEnd {
                lost_ms: 20,
                overlap_bytes: 0
            }
        );
    }

    proptest! {
        #[test]
        fn every_frame_that_is_heard_is_heard_at_its_own_time(
            fates in proptest::collection::vec(0u8..10, 1..200),
        ) {
            // Fate of each frame after the first: 0 and 1 lost, 2 sent twice, 3 swapped with the
            // one before, otherwise as it should be.
            let mut sent: Vec<u64> = vec![0];
            for (frame, fate) in (1_u64..).zip(fates) {
                match fate {
                    0 | 1 => {}
                    2 => sent.extend([frame, frame]),
                    3 => {
                        let last = sent.pop();
                        sent.push(frame);
                        sent.extend(last.filter(|last| *last > 0));
                        if last == Some(0) {
                            sent = vec![0, frame];
                        }
                    }
                    _as_it_should_be => sent.push(frame),
                }
            }
            let byte = |frame: u64| u8::try_from(frame % 250).unwrap();
            let mut audio = CustomerAudio::new();
            let mut heard: Vec<u8> = Vec::new();
            for frame in sent {
                match audio.place(frame + 1, frame * 20) {
                    AudioPlacement::AtEnd { overlap_bytes, .. } => {
                        audio.append(overlap_bytes, |into| {
                            into.extend([byte(frame); 160]);
                            Ok::<_, ()>(())
                        }).unwrap();
                    }
                    AudioPlacement::Duplicate | AudioPlacement::Late => {}
                }
                if frame % 3 == 0 {
                    heard.extend(audio.waiting());
                    audio.sent();
                }
            }
            heard.extend(audio.waiting());
            prop_assert_eq!(audio.end(), position(heard.len() as u64));
            for (frame, samples) in (0_u64..).zip(heard.chunks(160)) {
                let whole = samples == [byte(frame); 160] || samples == [SILENCE; 160];
                prop_assert!(whole, "frame {} holds something else", frame);
            }
        }
    }

    /// Feeds frames of 20 ms, `v` voiced and `.` quiet, and shows the sizes of the messages in
    /// milliseconds at the frames where they go out.
    fn messages(frames: &str) -> String {
        let mut size = MessageSize::new(100);
        let mut waiting = 0_usize;
        let mut told = String::new();
        for frame in frames.chars() {
            waiting += 160;
            if size.is_due(160, frame == 'v', waiting) {
                told.push_str(&format!("{} ", waiting / 8));
                waiting = 0;
            } else {
                told.push_str("- ");
            }
        }
        told
    }

    #[test]
    fn silence_goes_in_large_messages_and_the_first_sound_at_once() {
        expect!["- - - - 100 - - 60 - 40 - 40 "].assert_eq(&messages(".......vvvvv"));
    }

    #[test]
    fn silence_that_may_end_a_turn_goes_frame_by_frame() {
        let quiet = ".".repeat(36);
        expect![[
            "20 - 40 20 20 20 20 20 20 20 20 20 20 20 20 20 20 20 20 20 20 20 20 20 20 20 20 20 20 20 20 20 20 - - - - 100 - "
        ]]
        .assert_eq(&messages(&format!("vvv{quiet}")));
    }
}
