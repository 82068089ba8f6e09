//! The bytes that a reader reads: as pushed, or turned into what the machine for records understands.
//!
//! Whatever is turned into something else, a place in it stands for one place in the file.

use std::collections::VecDeque;

use bytes::Bytes;
use encoding_rs::Decoder;

use super::format::{Delimiter, Encoding};

/// What is turned into something else is so in pieces of this size.
const TURNED_BYTES: usize = 8 * 1024;

/// Bytes that were pushed and not used up.
#[derive(Debug)]
pub(crate) struct ByteSource {
    chunks: VecDeque<Bytes>,
    /// Bytes of the first chunk that are used up.
    taken: usize,
    ended: bool,
    turn: Turn,
    /// Text that was used up and is read once more, before what comes next.
    again: Vec<u8>,
    again_from: usize,
}

/// What becomes of bytes before they are read.
#[derive(Debug)]
enum Turn {
    Nothing,
    /// UTF-16 becomes UTF-8.
    Utf16(Utf16),
    /// Pipes that are no part of a character become [`UNIT`].
    Pipes(Pipes),
}

struct Utf16 {
    decoder: Decoder,
    decoded: Box<[u8]>,
    from: usize,
    to: usize,
    flushed: bool,
}

#[derive(Debug)]
struct Pipes {
    encoding: Encoding,
    /// The byte before begins a character of several bytes. Never so at the end of a line.
    in_pair: bool,
    turned: Vec<u8>,
    from: usize,
}

/// The delimiter instead of a pipe where `|` may be half of a character.
pub(crate) const UNIT: u8 = 0x1F;
/// What [`UNIT`] itself becomes there: as little a text as that.
const NO_UNIT: u8 = 0x1E;

impl ByteSource {
    pub(crate) fn new(encoding: Encoding, delimiter: Delimiter) -> Self {
        let turn = if encoding.is_utf16() {
            Turn::Utf16(Utf16::new(encoding))
        } else if turns_pipes(encoding, delimiter) {
            Turn::Pipes(Pipes {
                encoding,
                in_pair: false,
                turned: Vec::new(),
                from: 0,
            })
        } else {
            Turn::Nothing
        };
        Self {
            chunks: VecDeque::new(),
            taken: 0,
            ended: false,
            turn,
            again: Vec::new(),
            again_from: 0,
        }
    }

    pub(crate) fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.chunks.push_back(chunk);
        }
    }

    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Text that is not used up; empty when more has to be pushed.
    pub(crate) fn window(&mut self) -> &[u8] {
        if self.again_from < self.again.len() {
            return self.again.get(self.again_from..).unwrap_or_default();
        }
        match &mut self.turn {
            Turn::Nothing => rest(&mut self.chunks, &mut self.taken),
            Turn::Utf16(utf16) => utf16.window(&mut self.chunks, &mut self.taken, self.ended),
            Turn::Pipes(pipes) => pipes.window(&mut self.chunks, &mut self.taken),
        }
    }

    /// Moves on by so many bytes of the window, and says how many bytes of the file they are.
    pub(crate) fn consume(&mut self, bytes: usize) -> u64 {
        if self.again_from < self.again.len() {
            let text = self.again.get(self.again_from..).unwrap_or_default();
            let of_file = self.in_file(text.get(..bytes).unwrap_or_default());
            self.again_from += bytes;
            return of_file;
        }
        match &mut self.turn {
            Turn::Nothing => {
                self.taken += bytes;
                count(bytes)
            }
            Turn::Utf16(utf16) => utf16.consume(bytes),
            Turn::Pipes(pipes) => {
                pipes.from += bytes;
                count(bytes)
            }
        }
    }

    /// Text that was the last to be used up comes once more.
    pub(crate) fn repeat(&mut self, text: &[u8]) {
        match self.again_from.checked_sub(text.len()) {
            // It is still there: nothing else was read since.
            Some(from) if self.again_from < self.again.len() => self.again_from = from,
            Some(_) | None => {
                self.again.clear();
                self.again.extend_from_slice(text);
                self.again_from = 0;
            }
        }
    }

    /// How many bytes of the file a text is.
    pub(crate) fn in_file(&self, text: &[u8]) -> u64 {
        match &self.turn {
            Turn::Nothing | Turn::Pipes(_) => count(text.len()),
            Turn::Utf16(_) => utf16_bytes(text),
        }
    }
}

/// Whether the delimiter could be half of a character, so that it is told apart beforehand.
pub(crate) fn turns_pipes(encoding: Encoding, delimiter: Delimiter) -> bool {
    delimiter == Delimiter::Pipe && encoding.begins_pair(0x81)
}

/// What is left of the first chunk that has something left.
fn rest<'a>(chunks: &'a mut VecDeque<Bytes>, taken: &mut usize) -> &'a [u8] {
    while chunks.front().is_some_and(|chunk| *taken >= chunk.len()) {
        chunks.pop_front();
        *taken = 0;
    }
    let chunk = chunks.front().map(AsRef::as_ref).unwrap_or_default();
    chunk.get(*taken..).unwrap_or_default()
}

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// Half a surrogate pair is one unit and becomes one replacement character, so that this holds for broken
/// files too.
fn utf16_bytes(text: &[u8]) -> u64 {
    let units = text
        .iter()
        .map(|byte| u64::from(byte & 0b1100_0000 != 0b1000_0000) + u64::from(*byte >= 0xF0));
    units.sum::<u64>() * 2
}

impl Utf16 {
    fn new(encoding: Encoding) -> Self {
        let decoder = if encoding == Encoding::Utf16Be {
            encoding_rs::UTF_16BE.new_decoder_without_bom_handling()
        } else {
            encoding_rs::UTF_16LE.new_decoder_without_bom_handling()
        };
        Self {
            decoder,
            decoded: vec![0; TURNED_BYTES].into_boxed_slice(),
            from: 0,
            to: 0,
            flushed: false,
        }
    }

    /// Decoded text that is not used up, after decoding more if there is none.
    fn window(&mut self, chunks: &mut VecDeque<Bytes>, taken: &mut usize, ended: bool) -> &[u8] {
        while self.from == self.to && !self.flushed {
            let bytes = rest(chunks, taken);
            if bytes.is_empty() && !ended {
                break;
            }
            let last = bytes.is_empty();
            let (result, read, written, _replaced) =
                self.decoder.decode_to_utf8(bytes, &mut self.decoded, last);
            *taken += read;
            self.from = 0;
            self.to = written;
            self.flushed = last && matches!(result, encoding_rs::CoderResult::InputEmpty);
        }
        self.decoded.get(self.from..self.to).unwrap_or_default()
    }

    fn consume(&mut self, bytes: usize) -> u64 {
        let to = self.from + bytes;
        let used = self.decoded.get(self.from..to).unwrap_or_default();
        let of_file = utf16_bytes(used);
        self.from = to;
        of_file
    }
}

impl std::fmt::Debug for Utf16 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Utf16").finish_non_exhaustive()
    }
}

impl Pipes {
    fn window(&mut self, chunks: &mut VecDeque<Bytes>, taken: &mut usize) -> &[u8] {
        if self.from >= self.turned.len() {
            let bytes = rest(chunks, taken);
            let bytes = bytes.get(..TURNED_BYTES).unwrap_or(bytes);
            self.turned.clear();
            self.from = 0;
            for byte in bytes {
                // A second byte is none of these in any of the encodings: it is missing.
                let second = self.in_pair && *byte >= b'0';
                self.in_pair = !second && self.encoding.begins_pair(*byte);
                self.turned.push(match *byte {
                    b'|' if !second => UNIT,
                    UNIT => NO_UNIT,
                    other => other,
                });
            }
            *taken += self.turned.len();
        }
        self.turned.get(self.from..).unwrap_or_default()
    }
}
