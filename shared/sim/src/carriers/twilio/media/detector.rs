//! Answering machine detection: a verdict on who picked up, from the sound they make.
//!
//! It judges as the carrier's own parameters describe: a short greeting followed by silence is a
//! human, a long one a machine, nothing at all is unknown. It hears loudness and a mailbox's beep,
//! and understands no words.

use serde::{Deserialize, Serialize};

use crate::person::CarrierVerdict;
use crate::voice::{FRAME_BYTES, mulaw};

/// Samples louder than this are sound.
const LOUD: u16 = 300;

/// A fax machine's tone is known after this long.
const FAX_MS: u32 = 1_000;

/// What to wait for, as the request says; in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Detection {
    /// `DetectMessageEnd` rather than `Enable`.
    pub(crate) wait_for_message_end: bool,
    pub(crate) timeout_ms: u32,
    pub(crate) speech_threshold_ms: u32,
    pub(crate) speech_end_threshold_ms: u32,
    pub(crate) silence_timeout_ms: u32,
}

/// Listens to one call from its answer to the verdict.
#[derive(Debug, Clone)]
pub(crate) struct Detector {
    detection: Detection,
    answered_by: CarrierVerdict,
    elapsed_ms: u32,
    /// Sound so far, and silence since the last of it.
    sound_ms: u32,
    silence_ms: u32,
    machine: bool,
    done: bool,
}

impl Detector {
    pub(crate) const fn new(detection: Detection, answered_by: CarrierVerdict) -> Self {
        Self {
            detection,
            answered_by,
            elapsed_ms: 0,
            sound_ms: 0,
            silence_ms: 0,
            machine: false,
            done: false,
        }
    }

    /// The next 20 ms, and whether a mailbox's beep just ended. The verdict comes once.
    pub(crate) fn hear(&mut self, frame: &[u8; FRAME_BYTES], beeped: bool) -> Option<&'static str> {
        if self.done {
            return None;
        }
        self.elapsed_ms += 20;
        let loud = frame
            .iter()
            .filter(|byte| mulaw::decode(**byte).unsigned_abs() >= LOUD)
            .count();
        if loud >= FRAME_BYTES / 8 {
            self.sound_ms += 20
                + if self.silence_ms < 500 {
                    self.silence_ms
                } else {
                    0
                };
            self.silence_ms = 0;
        } else {
            self.silence_ms += 20;
        }
        let verdict = self.verdict(beeped);
        self.done = verdict.is_some();
        verdict
    }

    /// Milliseconds from the answer to now: `MachineDetectionDuration`.
    pub(crate) const fn elapsed_ms(&self) -> u32 {
        self.elapsed_ms
    }

    fn verdict(&mut self, beeped: bool) -> Option<&'static str> {
        let Detection {
            wait_for_message_end,
            timeout_ms,
            speech_threshold_ms,
            speech_end_threshold_ms,
            silence_timeout_ms,
        } = self.detection;
        match self.answered_by {
            CarrierVerdict::Fax => {
                return (self.sound_ms >= FAX_MS).then_some("fax");
            }
            CarrierVerdict::Human | CarrierVerdict::Machine | CarrierVerdict::Screening => {}
        }
        if beeped && wait_for_message_end {
            return Some("machine_end_beep");
        }
        self.machine |= self.sound_ms > speech_threshold_ms;
        if self.machine && !wait_for_message_end {
            return Some("machine_start");
        }
        if self.sound_ms > 0 && self.silence_ms >= speech_end_threshold_ms {
            if !self.machine {
                return Some("human");
            }
            // A mailbox's beep usually follows its greeting soon.
            if self.silence_ms >= speech_end_threshold_ms + 2_000 {
                return Some("machine_end_silence");
            }
        }
        if self.sound_ms == 0 && self.silence_ms >= silence_timeout_ms {
            return Some("unknown");
        }
        (self.elapsed_ms >= timeout_ms).then_some(if self.machine {
            "machine_end_other"
        } else {
            "unknown"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::person::{Deed, Person, Pickup};

    fn check(person: &str, wait_for_message_end: bool) -> (&'static str, u32) {
        let person: Person = person.parse().unwrap();
        let Pickup::Answers { by, .. } = person.pickup() else {
            panic!("nobody answers");
        };
        let detection = Detection {
            wait_for_message_end,
            timeout_ms: 30_000,
            speech_threshold_ms: 2_400,
            speech_end_threshold_ms: 1_200,
            silence_timeout_ms: 5_000,
        };
        let mut detector = Detector::new(detection, by);
        let mut on_call = person.pick_up();
        loop {
            let frame = on_call.frame();
            let beeped =
                std::iter::from_fn(|| on_call.poll_deed()).any(|deed| deed == Deed::Beeped);
            if let Some(verdict) = detector.hear(&frame, beeped) {
                return (verdict, detector.elapsed_ms());
            }
        }
    }

    #[test]
    fn a_short_hello_is_a_human() {
        assert_eq!(check(r#"answers | opens with "Hello?""#, false).0, "human");
        assert_eq!(check(r#"answers | opens with "Hello?""#, true).0, "human");
    }

    #[test]
    fn a_long_greeting_is_a_machine() {
        let mailbox = r#"voicemail "You have reached the mailbox of somebody who is not in the office at the moment." | beep"#;
        assert_eq!(check(mailbox, false).0, "machine_start");
        assert_eq!(check(mailbox, true).0, "machine_end_beep");
        assert_eq!(
            check(mailbox.trim_end_matches("| beep"), true).0,
            "machine_end_silence"
        );
    }

    #[test]
    fn silence_is_unknown_and_a_fax_is_a_fax() {
        assert_eq!(check("answers", false), ("unknown", 5_000));
        assert_eq!(check("fax", false).0, "fax");
    }
}
