//! Records out of bytes: RFC 4180 over any encoding, in bounded memory, with the place of each record.
//!
//! It knows nothing of what the cells mean, but for what a row looks like (`quote::Shape`): that tells a cell of
//! several lines from rows behind a quote that nobody meant.

use csv_core::ReadRecordResult;
use serde::{Deserialize, Serialize};

use bytes::Bytes;

use super::format::{Delimiter, Encoding, FILE_BYTES_MAX};
use super::problem::FileProblem;
use super::quote::{self, Lines, Shape};
use super::source::{self, ByteSource};
use crate::column::{COLUMNS_MAX, REJECT_COLUMNS};

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

/// Why a record is no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordProblem {
    /// More than a row may have. Nothing of it is kept.
    TooLong,
    /// A quote opens in it and is not closed. It is taken as text, and the record ends with its line.
    QuoteUnclosed,
    /// Between quotes there are lines that look like rows, and nothing tells whether they are.
    RowsInQuotes,
}

/// Reads records; see the module.
#[derive(Debug)]
pub(crate) struct Reader {
    csv: csv_core::Reader,
    delimiter: u8,
    shape: Shape,
    row_bytes_max: usize,
    source: ByteSource,
    record: Record,
    /// The bytes of the record so far, as the machine read them, without those of the last piece if that
    /// ended it.
    raw: Vec<u8>,
    state: ReaderState,
    start: Position,
    at: Position,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReaderState {
    Between,
    InRecord,
    /// In a record that is too long: whatever comes up to the end of the line is a part of it.
    Skipping,
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
    /// Fields that are counted and whose ends are not kept.
    beyond: usize,
    problem: Option<RecordProblem>,
}

impl Reader {
    pub(crate) fn new(
        encoding: Encoding,
        delimiter: Delimiter,
        shape: Shape,
        at: Position,
    ) -> Self {
        let byte = if source::turns_pipes(encoding, delimiter) {
            source::UNIT
        } else {
            delimiter.byte()
        };
        let mut csv = csv_core::ReaderBuilder::new().delimiter(byte).build();
        begin(&mut csv);
        let row_bytes_max = shape.row_bytes_max();
        Self {
            csv,
            delimiter: byte,
            shape,
            row_bytes_max,
            source: ByteSource::new(encoding, delimiter),
            record: Record {
                // Room for more than is ever read of a record: it is never full.
                text: vec![0; row_bytes_max + 8].into_boxed_slice(),
                text_len: 0,
                ends: vec![0; COLUMNS_MAX + REJECT_COLUMNS.len() + 1].into_boxed_slice(),
                ends_len: 0,
                beyond: 0,
                problem: None,
            },
            raw: Vec::new(),
            state: ReaderState::Between,
            start: at,
            at,
        }
    }

    pub(crate) fn push(&mut self, chunk: Bytes) {
        self.source.push(chunk);
    }

    pub(crate) fn end(&mut self) {
        self.source.end();
    }

    /// Where the last record begins.
    pub(crate) fn start(&self) -> Position {
        self.start
    }

    /// Where the record begins that has begun and not ended.
    pub(crate) fn begun(&self) -> Option<Position> {
        match self.state {
            ReaderState::Between => None,
            ReaderState::InRecord | ReaderState::Skipping => Some(self.start),
        }
    }

    /// The most text that a row may have.
    pub(crate) fn row_bytes_max(&self) -> usize {
        self.row_bytes_max
    }

    /// Behind the last record.
    pub(crate) fn position(&self) -> Position {
        self.at
    }

    /// How many fields the last record has.
    pub(crate) fn fields(&self) -> usize {
        self.record.ends_len + self.record.beyond
    }

    /// How many of them are kept. The last one that is kept has the text of those that are not.
    pub(crate) fn kept(&self) -> usize {
        self.record.ends_len
    }

    /// Why the last record is no row.
    pub(crate) fn problem(&self) -> Option<RecordProblem> {
        self.record.problem
    }

    /// Whether pipes within cells are written as [`source::UNIT`].
    pub(crate) fn turns_pipes(&self) -> bool {
        self.delimiter == source::UNIT
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

    /// The fields, one after the other.
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
                return Ok(if self.source.ended() {
                    self.last()
                } else {
                    Read::NeedsInput
                });
            };
            match self.state {
                ReaderState::Between if quote::is_break(first) => {
                    let second_half = self.at.after_cr && first == b'\n';
                    self.at.row += u64::from(!second_half);
                    self.at.after_cr = first == b'\r';
                    self.at.offset += self.source.consume(1);
                    continue;
                }
                ReaderState::Between => {
                    self.at.after_cr = false;
                    self.start = self.at;
                    self.state = ReaderState::InRecord;
                    self.record.clear();
                    self.raw.clear();
                }
                ReaderState::InRecord => {}
                ReaderState::Skipping => {
                    let line = window.iter().position(|byte| quote::is_break(*byte));
                    let used = line.map_or(window.len(), |at| at + 1);
                    let after_cr = window.get(used - 1) == Some(&b'\r');
                    self.at.offset += self.source.consume(used);
                    if line.is_some() {
                        return Ok(self.ended(after_cr));
                    }
                    continue;
                }
            }
            // One byte more than a row may have: its end, or too much.
            let room = (self.row_bytes_max + 1).saturating_sub(self.raw.len());
            let window = window.get(..room).unwrap_or(window);
            let (result, used) = self.record.read(&mut self.csv, window);
            let piece = window.get(..used).unwrap_or_default();
            let after_cr = piece.last() == Some(&b'\r');
            let ends = matches!(result, ReadRecordResult::Record);
            let breaks = ends && self.record.has_breaks();
            if !ends || breaks {
                self.raw.extend_from_slice(piece);
            }
            self.at.offset += self.source.consume(used);
            if ends {
                return Ok(self.whole(breaks, after_cr));
            }
            if self.raw.len() > self.row_bytes_max && self.overflow() {
                return Ok(Read::Record);
            }
        }
    }

    /// The file ends here: what was begun is the last record.
    fn last(&mut self) -> Read {
        match self.state {
            ReaderState::Between => Read::End,
            ReaderState::Skipping => self.ended(false),
            ReaderState::InRecord => match self.record.read(&mut self.csv, b"\n") {
                (ReadRecordResult::Record, _used) => self.whole(self.record.has_breaks(), false),
                (
                    ReadRecordResult::InputEmpty
                    | ReadRecordResult::OutputFull
                    | ReadRecordResult::OutputEndsFull
                    | ReadRecordResult::End,
                    _used,
                ) => self.unclosed(),
            },
        }
    }

    /// The machine has come to the end of a record; with breaks, one of several lines.
    fn whole(&mut self, breaks: bool, after_cr: bool) -> Read {
        self.record.finish();
        if breaks {
            match quote::within(&self.raw, self.delimiter, &self.shape) {
                Lines::OfCell => {}
                Lines::Rows => return self.only_first_line(None),
                Lines::Unclear => self.record.problem = Some(RecordProblem::RowsInQuotes),
            }
        }
        self.ended(after_cr)
    }

    /// A quote is open and the file, or what a row may have, ends.
    fn unclosed(&mut self) -> Read {
        begin(&mut self.csv);
        let problem = match quote::behind(&self.raw, self.delimiter, &self.shape) {
            Lines::Rows => None,
            Lines::OfCell | Lines::Unclear => Some(RecordProblem::QuoteUnclosed),
        };
        self.only_first_line(problem)
    }

    /// There is more of a record than a row may have. Whether that ends it.
    fn overflow(&mut self) -> bool {
        if self.raw.iter().any(|byte| quote::is_break(*byte)) {
            self.unclosed();
            return true;
        }
        begin(&mut self.csv);
        let fields = self.fields();
        self.record.clear();
        self.record.beyond = fields;
        self.record.problem = Some(RecordProblem::TooLong);
        self.raw.clear();
        self.state = ReaderState::Skipping;
        false
    }

    /// Ends the record with its first line, in which the quote that stays open is text. What comes behind
    /// it is read once more.
    fn only_first_line(&mut self, problem: Option<RecordProblem>) -> Read {
        let end = self.raw.iter().position(|byte| quote::is_break(*byte));
        let used = end.map_or(self.raw.len(), |at| at + 1);
        let line = self.raw.get(..end.unwrap_or(used)).unwrap_or_default();
        self.record.clear();
        let record = &mut self.record;
        quote::split(line, self.delimiter, |field| record.push(field));
        self.record.finish();
        self.record.problem = problem;
        let read = self.raw.get(..used).unwrap_or_default();
        let after_cr = end.is_some() && read.last() == Some(&b'\r');
        self.at.offset = self.start.offset + self.source.in_file(read);
        self.source.repeat(self.raw.get(used..).unwrap_or_default());
        self.ended(after_cr)
    }

    fn ended(&mut self, after_cr: bool) -> Read {
        self.state = ReaderState::Between;
        self.at.row += 1;
        self.at.after_cr = after_cr;
        Read::Record
    }
}

/// Sets the machine to the beginning of a record. It takes a byte order mark off its first input; ours is
/// gone by then, and input that begins in the middle of a file has none.
fn begin(csv: &mut csv_core::Reader) {
    csv.reset();
    csv.read_record(b"\n", &mut [0; 4], &mut [0; 4]);
}

impl Record {
    fn clear(&mut self) {
        self.text_len = 0;
        self.ends_len = 0;
        self.beyond = 0;
        self.problem = None;
    }

    /// Gives bytes to the machine, and says how many it took.
    fn read(&mut self, csv: &mut csv_core::Reader, bytes: &[u8]) -> (ReadRecordResult, usize) {
        let text = self.text.get_mut(self.text_len..).unwrap_or_default();
        let ends = self.ends.get_mut(self.ends_len..).unwrap_or_default();
        if ends.is_empty() {
            let mut beyond = [0; 64];
            let (result, used, written, ended) = csv.read_record(bytes, text, &mut beyond);
            self.text_len += written;
            self.beyond += ended;
            return (result, used);
        }
        let (result, used, written, ended) = csv.read_record(bytes, text, ends);
        self.text_len += written;
        self.ends_len += ended;
        (result, used)
    }

    fn push(&mut self, field: &[u8]) {
        let to = self.text_len + field.len();
        if let Some(place) = self.text.get_mut(self.text_len..to) {
            place.copy_from_slice(field);
            self.text_len = to;
        }
        match self.ends.get_mut(self.ends_len) {
            Some(end) => {
                *end = self.text_len;
                self.ends_len += 1;
            }
            None => self.beyond += 1,
        }
    }

    /// The last field that is kept gets the text of those that are not: nothing of a row is overlooked.
    fn finish(&mut self) {
        if self.beyond > 0
            && let Some(last) = self.ends.last_mut()
        {
            *last = self.text_len;
        }
    }

    /// Whether a cell has several lines.
    fn has_breaks(&self) -> bool {
        let text = self.text.get(..self.text_len).unwrap_or_default();
        text.contains(&b'\n') || text.contains(&b'\r')
    }
}
