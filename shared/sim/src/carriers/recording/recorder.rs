//! Both sides of a call as PCM, frame by frame.

use crate::voice::mulaw;

/// Bytes after which the recording is handed on: a second of two channels.
const HAND_ON_BYTES: usize = 32_000;

/// Makes the samples of one recording.
#[derive(Debug, Clone)]
pub struct Recorder {
    channels: u16,
    bytes: Vec<u8>,
}

impl Recorder {
    /// Records with one channel, both sides mixed, or with two: the person, then what was played.
    #[must_use]
    pub const fn new(channels: u16) -> Self {
        Self {
            channels,
            bytes: Vec::new(),
        }
    }

    /// The same stretch of both sides, in µ-law.
    pub fn frame(&mut self, person: &[u8], played: &[u8]) {
        for (person, played) in person.iter().zip(played) {
            let (person, played) = (mulaw::decode(*person), mulaw::decode(*played));
            if self.channels == 2 {
                self.bytes.extend_from_slice(&person.to_le_bytes());
                self.bytes.extend_from_slice(&played.to_le_bytes());
            } else {
                let mixed = person.saturating_add(played);
                self.bytes.extend_from_slice(&mixed.to_le_bytes());
            }
        }
    }

    /// Whether enough has come together to be written.
    #[must_use]
    pub const fn is_due(&self) -> bool {
        self.bytes.len() >= HAND_ON_BYTES
    }

    /// Everything since the last time.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}
