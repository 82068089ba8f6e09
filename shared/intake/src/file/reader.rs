//! Records out of bytes: RFC 4180 over any encoding, in bounded memory, with the place of each record.
//!
//! It knows nothing of what the cells mean.

use std::collections::VecDeque;

use bytes::Bytes;
use csv_core::ReadRecordResult;
use encoding_rs::Decoder;
use serde::{Deserialize, Serialize};

use super::format::{Delimiter, Encoding, FILE_BYTES_MAX, ROW_BYTES_MAX};
use super::problem::FileProblem;
use crate::column::{COLUMNS_MAX, REJECT_COLUMNS, REJECT_COLUMNS_BYTES_MAX};

/// UTF-16 is turned to UTF-8 in pieces of this size.
const DECODED_BYTES: usize = 8 * 1024;

/// A place between two rows of a file, from which reading can begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Bytes before it.
    pub offset: u64,
    /// The number of the row that begins there, as a spreadsheet shows it: from 1, blank rows counted,
    /// a cell of several lines in one row.
    pub row: u64,
    /// The byte before was a carriage return: a line feed that follows belongs to it.
    #[serde(default)]
    pub after_cr: bool,
}

/// What reading came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Read {
    /// A record is there.
    Record,
    /// All bytes so far are used up.
    NeedsInput,
    End,
}

/// Reads records; see the module.
#[derive(Debug)]
pub(crate) struct Reader {
    csv: csv_core::Reader,
    source: ByteSource,
    record: Record,
    in_record: bool,
    start: Position,
    at: Position,
}

/// Bytes that were pushed and not used up.
#[derive(Debug)]
struct ByteSource {
    chunks: VecDeque<Bytes>,
    /// Bytes of the first chunk that are used up.
    taken: usize,
    ended: bool,
    utf16: Option<Utf16>,
}

struct Utf16 {
    decoder: Decoder,
    decoded: Box<[u8]>,
    from: usize,
    to: usize,
    flushed: bool,
}

/// The record so far.
#[derive(Debug)]
struct Record {
    /// Without delimiters and quotes, in the file's encoding (UTF-8 when that is UTF-16).
    text: Box<[u8]>,
    text_len: usize,
    /// Where each field ends in `text`.
    ends: Box<[usize]>,
    ends_len: usize,
    /// Fields that were counted and not kept.
    dropped: usize,
    too_long: bool,
}

impl Reader {
    pub(crate) fn new(encoding: Encoding, delimiter: Delimiter, at: Position) -> Self {
        let mut csv = csv_core::ReaderBuilder::new()
            .delimiter(delimiter.byte())
            .build();
        // The machine takes a byte order mark off its first input. Ours is gone by now, and input that
        // begins in the middle of a file has none.
        csv.read_record(b"\n", &mut [0; 4], &mut [0; 4]);
        Self {
            csv,
            source: ByteSource {
                chunks: VecDeque::new(),
                taken: 0,
                ended: false,
                utf16: Utf16::new(encoding),
            },
            record: Record {
                text: vec![0; ROW_BYTES_MAX + REJECT_COLUMNS_BYTES_MAX].into_boxed_slice(),
                text_len: 0,
                ends: vec![0; COLUMNS_MAX + REJECT_COLUMNS.len() + 1].into_boxed_slice(),
                ends_len: 0,
                dropped: 0,
                too_long: false,
            },
            in_record: false,
            start: at,
            at,
        }
    }

    pub(crate) fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.source.chunks.push_back(chunk);
        }
    }

    pub(crate) fn end(&mut self) {
        self.source.ended = true;
    }

    /// Where the last record begins.
    pub(crate) fn start(&self) -> Position {
        self.start
    }

    /// Where the record begins that has begun and not ended.
    pub(crate) fn begun(&self) -> Option<Position> {
        self.in_record.then_some(self.start)
    }

    /// Behind the last record.
    pub(crate) fn position(&self) -> Position {
        self.at
    }

    /// How many fields the last record has.
    pub(crate) fn fields(&self) -> usize {
        self.record.ends_len + self.record.dropped
    }

    /// Whether the last record has more text, or more fields, than are kept.
    pub(crate) fn too_long(&self) -> bool {
        self.record.too_long
    }

    /// A field of the last record, without its quotes.
    pub(crate) fn field(&self, index: usize) -> &[u8] {
        let from = index.checked_sub(1).map(|before| self.field_end(before));
        let from = from.unwrap_or_default();
        let text = self.record.text.get(from..self.field_end(index));
        text.unwrap_or_default()
    }

    /// Where a field ends in the text.
    pub(crate) fn field_end(&self, index: usize) -> usize {
        self.record.ends.get(index).copied().unwrap_or_default()
    }

    /// The fields that are kept, one after the other.
    pub(crate) fn text(&self) -> &[u8] {
        let text = self.record.text.get(..self.record.text_len);
        text.unwrap_or_default()
    }

    /// Reads up to the end of the next record.
    pub(crate) fn read(&mut self) -> Result<Read, FileProblem> {
        loop {
            let window = self.source.window();
            if self.at.offset > FILE_BYTES_MAX {
                return Err(FileProblem::TooLarge);
            }
            let Some(first) = window.first().copied() else {
                return if self.source.ended {
                    self.last()
                } else {
                    Ok(Read::NeedsInput)
                };
            };
            if !self.in_record {
                if first == b'\n' || first == b'\r' {
                    let second_half = self.at.after_cr && first == b'\n';
                    self.at.row += u64::from(!second_half);
                    self.at.after_cr = first == b'\r';
                    self.at.offset += self.source.consume(1);
                    continue;
                }
                self.at.after_cr = false;
                self.start = self.at;
                self.in_record = true;
                self.record.clear();
            }
            let (text, ends) = self.record.room();
            let (result, used, written, ended) = self.csv.read_record(window, text, ends);
            let last = used.checked_sub(1).and_then(|last| window.get(last));
            let after_cr = last == Some(&b'\r');
            self.at.offset += self.source.consume(used);
            self.record.grow(written, ended);
            match result {
                ReadRecordResult::InputEmpty | ReadRecordResult::End => {}
                ReadRecordResult::OutputFull => self.too_long_record()?,
                ReadRecordResult::OutputEndsFull => self.record.drop_fields(),
                ReadRecordResult::Record => {
                    self.in_record = false;
                    self.at.row += 1;
                    self.at.after_cr = after_cr;
                    return Ok(Read::Record);
                }
            }
        }
    }

    /// The file ends here: what was begun is the last record.
    fn last(&mut self) -> Result<Read, FileProblem> {
        if !self.in_record {
            return Ok(Read::End);
        }
        if self.record.is_full() {
            self.record.drop_fields();
        }
        let (text, ends) = self.record.room();
        let (result, _, written, ended) = self.csv.read_record(b"\n", text, ends);
        self.record.grow(written, ended);
        if !matches!(result, ReadRecordResult::Record) {
            return Err(self.unclosed());
        }
        self.in_record = false;
        self.at.row += 1;
        Ok(Read::Record)
    }

    /// A record of which no more can be kept goes on, unless a quote is open. The machine does not say
    /// whether one is, so it is given a line feed: if that ends the record, it was within a plain field,
    /// and is brought back there.
    fn too_long_record(&mut self) -> Result<(), FileProblem> {
        let (result, ..) = self.csv.read_record(b"\n", &mut [0; 4], &mut [0; 4]);
        if !matches!(result, ReadRecordResult::Record) {
            return Err(self.unclosed());
        }
        self.csv.read_record(b"x", &mut [0; 4], &mut [0; 4]);
        self.record.drop_fields();
        Ok(())
    }

    fn unclosed(&self) -> FileProblem {
        let row = self.start.row;
        FileProblem::UnclosedQuote { row }
    }
}

impl Record {
    fn clear(&mut self) {
        self.text_len = 0;
        self.ends_len = 0;
        self.dropped = 0;
        self.too_long = false;
    }

    fn room(&mut self) -> (&mut [u8], &mut [usize]) {
        let text = self.text.get_mut(self.text_len..).unwrap_or_default();
        let ends = self.ends.get_mut(self.ends_len..).unwrap_or_default();
        (text, ends)
    }

    fn is_full(&self) -> bool {
        self.text_len == self.text.len() || self.ends_len == self.ends.len()
    }

    fn grow(&mut self, text: usize, ends: usize) {
        self.text_len += text;
        self.ends_len += ends;
    }

    /// The record goes on, what there is of it is forgotten.
    fn drop_fields(&mut self) {
        self.too_long = true;
        self.dropped += self.ends_len;
        self.text_len = 0;
        self.ends_len = 0;
    }
}

impl ByteSource {
    /// Text that is not used up; empty when more has to be pushed.
    fn window(&mut self) -> &[u8] {
        match &mut self.utf16 {
            None => rest(&mut self.chunks, &mut self.taken),
            Some(utf16) => utf16.window(&mut self.chunks, &mut self.taken, self.ended),
        }
    }

    /// Moves on by so many bytes of the window, and says how many bytes of the file they are.
    fn consume(&mut self, bytes: usize) -> u64 {
        match &mut self.utf16 {
            None => {
                self.taken += bytes;
                u64::try_from(bytes).unwrap_or(u64::MAX)
            }
            Some(utf16) => utf16.consume(bytes),
        }
    }
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

impl Utf16 {
    fn new(encoding: Encoding) -> Option<Self> {
        let decoder = match encoding {
            Encoding::Utf16Le => encoding_rs::UTF_16LE.new_decoder_without_bom_handling(),
            Encoding::Utf16Be => encoding_rs::UTF_16BE.new_decoder_without_bom_handling(),
            Encoding::Utf8 | Encoding::Ascii | Encoding::Windows1252 => return None,
        };
        Some(Self {
            decoder,
            decoded: vec![0; DECODED_BYTES].into_boxed_slice(),
            from: 0,
            to: 0,
            flushed: false,
        })
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

    /// How many bytes of the file the next so many bytes of UTF-8 stand for. Half a surrogate pair is
    /// one unit and becomes one replacement character, so that this holds for broken files too.
    fn consume(&mut self, bytes: usize) -> u64 {
        let to = self.from + bytes;
        let used = self.decoded.get(self.from..to).unwrap_or_default();
        let units = used
            .iter()
            .map(|byte| u64::from(byte & 0b1100_0000 != 0b1000_0000) + u64::from(*byte >= 0xF0));
        let units: u64 = units.sum();
        self.from = to;
        units * 2
    }
}

impl std::fmt::Debug for Utf16 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Utf16").finish_non_exhaustive()
    }
}
