//! Recordings as the carrier of a world has them: short files of the right length.
//!
//! What was said is in the persons' logs; here only the bytes matter. Of the samples every 64th is kept, so
//! that a second is 500 bytes, and the header says so. No two files are the same.

use std::collections::BTreeMap;

/// Bytes of a second: of the simulated carrier's two channels of 16 bits at 8 kHz, one in so many.
const KEPT_OF: usize = 64;
const SECOND_BYTES: usize = 500;
const HEADER_BYTES: usize = 44;
/// What is missing of a file so that anybody who knows its length notices: more than carriers round.
const NOTICED_SECONDS: usize = 3;
const NOTICED_PERCENT: usize = 10;

#[derive(Debug, Default)]
pub(super) struct Files(BTreeMap<String, File>);

#[derive(Debug, Default)]
pub(super) struct File {
    /// The carrier's call.
    call: String,
    audio: Vec<u8>,
    samples: usize,
    sent: bool,
    deleted: bool,
}

/// A recording that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recorded {
    pub(super) recording: String,
    pub(super) call: String,
    pub(super) bytes: Vec<u8>,
    pub(super) deleted: bool,
}

impl Files {
    pub(super) fn append(&mut self, call: &str, recording: &str, samples: &[u8]) {
        let file = self.0.entry(recording.to_owned()).or_default();
        call.clone_into(&mut file.call);
        let first = (KEPT_OF - file.samples % KEPT_OF) % KEPT_OF;
        let kept = samples.iter().skip(first).step_by(KEPT_OF);
        file.audio.extend(kept);
        file.samples += samples.len();
    }

    /// A recording that the carrier has.
    pub(super) fn at(&mut self, recording: &str) -> &mut File {
        self.0.get_mut(recording).unwrap()
    }

    /// What it was.
    pub(super) fn delete(&mut self, recording: &str) -> Vec<u8> {
        let Some(file) = self.0.get_mut(recording) else {
            return Vec::new();
        };
        file.deleted = true;
        file.bytes(recording)
    }

    pub(super) fn all(&self) -> Vec<Recorded> {
        let recorded = |(recording, file): (&String, &File)| Recorded {
            recording: recording.clone(),
            call: file.call.clone(),
            bytes: file.bytes(recording),
            deleted: file.deleted,
        };
        self.0.iter().map(recorded).collect()
    }
}

impl File {
    /// The whole file.
    pub(super) fn bytes(&self, recording: &str) -> Vec<u8> {
        let mut bytes = header().to_vec();
        bytes.extend(&self.audio);
        let audio = bytes.iter_mut().skip(HEADER_BYTES);
        for (byte, letter) in audio.zip(recording.bytes()) {
            *byte = letter;
        }
        bytes
    }

    /// It was sent whole.
    pub(super) fn sent(&mut self) {
        self.sent = true;
    }

    pub(super) fn was_sent(&self) -> bool {
        self.sent
    }

    /// A file without any of the audio; `None` where there is none.
    pub(super) fn beginning(&self) -> Option<Vec<u8>> {
        (!self.audio.is_empty()).then(|| header().to_vec())
    }

    /// So much of a file, in percent of what may come without its being as good as whole; `None` where nothing
    /// can be missing that anybody notices.
    pub(super) fn part(&self, percent: u64) -> Option<Vec<u8>> {
        let missing = NOTICED_SECONDS * SECOND_BYTES + self.audio.len() * NOTICED_PERCENT / 100;
        let most = self.audio.len().checked_sub(missing)?;
        let length = most * usize::try_from(percent).unwrap() / 100;
        let mut part = header().to_vec();
        part.extend(&self.audio[..length]);
        Some(part)
    }
}

/// One channel of 8 bits, [`SECOND_BYTES`] a second, of unknown length.
fn header() -> [u8; HEADER_BYTES] {
    let rate = u32::try_from(SECOND_BYTES).unwrap().to_le_bytes();
    let mut header = [0; HEADER_BYTES];
    let parts: [&[u8]; 6] = [
        b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0",
        &rate,
        &rate,
        b"\x01\0\x08\0",
        b"data",
        b"\xff\xff\xff\xff",
    ];
    for (to, from) in header.iter_mut().zip(parts.concat()) {
        *to = from;
    }
    header
}
