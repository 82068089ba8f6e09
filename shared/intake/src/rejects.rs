//! The file of rows that were kept out: each as it is in the list, in the list's own delimiter and
//! encoding, with why. It can be mended and sent again.
//!
//! It begins as the list does, with the same header and whatever is above it, and has four columns more
//! ([`REJECT_COLUMNS`]), which an import passes over. A cell that a spreadsheet could run as a formula
//! gets an apostrophe, as in any file of ours (see [`export`](crate::export)), and loses it when the file
//! is read: whoever sends a reject file again sends the cells that he sent first.

mod record;

use std::collections::VecDeque;

use bytes::Bytes;

use self::record::{Record, SHOWN_UNITS_MAX, Written};
use crate::file::detect::byte_order_mark;
use crate::file::format::ROW_BYTES_MAX;
use crate::file::quote::Shape;
use crate::file::reader::{Position, Read, Reader};
use crate::file::text::Cells;
use crate::{Entry, FileProblem, Intake, Layout, Options, REJECT_COLUMNS, Reason, Reject, letter};

/// The most of a row that is kept: more than what is read of any row before it is known to be too long, in
/// UTF-16 as well.
const RAW_BYTES_MAX: usize = 5 * ROW_BYTES_MAX;

/// Reads a list as [`Intake`] does, and writes rows of it into a reject file.
#[derive(Debug)]
pub struct RejectWriter {
    intake: Intake,
    /// Bytes that were pushed and belong to no entry yet. What was read of an entry is among them: it may turn
    /// out to be several.
    window: VecDeque<Bytes>,
    /// Bytes of the list before the window.
    before: u64,
    /// Of an entry that has begun and is too long for the window: its first bytes.
    begun: Vec<u8>,
    /// Where `begun` begins.
    begun_at: u64,
    /// The last entry as it is in the list.
    raw: Vec<u8>,
    /// The entry has more than that.
    cut: bool,
}

impl RejectWriter {
    /// Begins with the first byte of a list.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self::over(Intake::new(options), 0)
    }

    /// See [`Intake::remembering`].
    #[must_use]
    pub fn remembering(mut self, numbers: usize) -> Self {
        self.intake = self.intake.remembering(numbers);
        self
    }

    /// Begins at a place between two rows.
    #[must_use]
    pub fn resume(layout: Layout, at: Position) -> Self {
        Self::over(Intake::resume(layout, at), at.offset)
    }

    fn over(intake: Intake, at: u64) -> Self {
        Self {
            intake,
            window: VecDeque::new(),
            before: at,
            begun: Vec::new(),
            begun_at: at,
            raw: Vec::new(),
            cut: false,
        }
    }

    /// As [`Intake::push`].
    pub fn push(&mut self, chunk: Bytes) {
        self.window.push_back(chunk.clone());
        self.intake.push(chunk);
    }

    /// As [`Intake::end`].
    pub fn end(&mut self) {
        self.intake.end();
    }

    /// As [`Intake::layout`].
    #[must_use]
    pub fn layout(&self) -> Option<&Layout> {
        self.intake.layout()
    }

    /// As [`Intake::position`].
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.intake.position()
    }

    /// As [`Intake::next_entry`].
    ///
    /// # Errors
    /// What is wrong with the file as a whole.
    pub fn next_entry(&mut self) -> Result<Entry, FileProblem> {
        let entry = self.intake.next_entry()?;
        match &entry {
            Entry::Row(_) | Entry::Rejected(_) => self.take(),
            Entry::NeedsInput if self.intake.layout().is_some() => self.set_aside(),
            Entry::NeedsInput | Entry::End => {}
        }
        Ok(entry)
    }

    /// Appends the last entry to a reject file, and why it was kept out.
    pub fn write(&self, reject: &Reject, file: &mut Vec<u8>) {
        let Some(layout) = self.intake.layout() else {
            return;
        };
        let too_long = matches!(reject.reason, Reason::RowTooLong);
        // Of a row that is too long no cell was read.
        let cells: Vec<_> = self.intake.cells().filter(|_cell| !too_long).collect();
        let record = Record {
            layout,
            raw: &self.raw,
            cells: &cells,
        };
        // One that has too many columns may be short enough.
        let written = if self.cut || (too_long && self.raw.len() > SHOWN_UNITS_MAX) {
            Written::Cut
        } else {
            Written::Whole
        };
        record.write(written, &marks(reject), file);
    }

    /// Keeps the bytes of the entry that was just read.
    fn take(&mut self) {
        let (Some(start), Some(end)) = (self.intake.start(), self.intake.position()) else {
            return;
        };
        self.raw.clear();
        self.cut = false;
        if self.begun_at == start.offset && !self.begun.is_empty() {
            self.raw.append(&mut self.begun);
            let kept = u64::try_from(self.raw.len()).unwrap_or(u64::MAX);
            self.cut = self.begun_at.saturating_add(kept) < self.before;
        }
        self.begun.clear();
        let mut at = self.before;
        for chunk in &self.window {
            if at >= end.offset {
                break;
            }
            let index = |place: u64| {
                let index = usize::try_from(place.saturating_sub(at));
                index.unwrap_or(usize::MAX).min(chunk.len())
            };
            let bytes = chunk.get(index(start.offset)..index(end.offset));
            let bytes = bytes.unwrap_or_default();
            let room = RAW_BYTES_MAX.saturating_sub(self.raw.len());
            if !self.cut {
                self.raw
                    .extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
                self.cut = bytes.len() > room;
            }
            at += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        }
        self.forget(end.offset);
    }

    /// All that was pushed is read: of an entry that goes on the beginning is kept.
    fn set_aside(&mut self) {
        let Some(start) = self.intake.begun() else {
            self.begun.clear();
            let end = self.intake.position().map_or(0, |at| at.offset);
            self.forget(end);
            return;
        };
        if self.begun.is_empty() || self.begun_at != start.offset {
            self.begun.clear();
            self.forget(start.offset);
            self.begun_at = self.before;
            if self.window.iter().map(Bytes::len).sum::<usize>() <= RAW_BYTES_MAX {
                return;
            }
        }
        // It is too long, and goes up to the end of its line.
        for chunk in std::mem::take(&mut self.window) {
            let room = RAW_BYTES_MAX.saturating_sub(self.begun.len());
            self.begun
                .extend_from_slice(chunk.get(..room.min(chunk.len())).unwrap_or_default());
            self.before += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        }
    }

    /// Drops what is before a place.
    fn forget(&mut self, end: u64) {
        while let Some(chunk) = self.window.front_mut() {
            let behind = end.saturating_sub(self.before);
            let behind = usize::try_from(behind).unwrap_or(usize::MAX);
            if behind < chunk.len() {
                let dropped = chunk.split_to(behind);
                self.before += u64::try_from(dropped.len()).unwrap_or(u64::MAX);
                return;
            }
            self.before += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            self.window.pop_front();
        }
    }
}

/// Appends a row that could not be found in the list again: why it was kept out, and no cells.
pub fn write_lost(layout: &Layout, reject: &Reject, file: &mut Vec<u8>) {
    let record = Record {
        layout,
        raw: &[],
        cells: &[],
    };
    record.write(Written::Whole, &marks(reject), file);
}

/// How a reject file begins: as the list does, whose first bytes up to its first row these are.
#[must_use]
pub fn begin(layout: &Layout, head: &Bytes) -> Vec<u8> {
    let mut file = Vec::new();
    let end = usize::try_from(layout.start.offset).unwrap_or(usize::MAX);
    let head = head.slice(..end.min(head.len()));
    let (marked, mark) = byte_order_mark(&head);
    let start = if marked == Some(layout.encoding) {
        mark
    } else {
        0
    };
    let shape = Shape {
        mended: true,
        ..Shape::default()
    };
    let mut reader = Reader::new(
        layout.encoding,
        layout.delimiter,
        shape,
        Position {
            offset: u64::try_from(start).unwrap_or_default(),
            row: 1,
            after_cr: false,
        },
    );
    reader.push(head.slice(start..));
    reader.end();
    let mut cells = Cells::default();
    let mut copied = 0;
    while reader.read() == Ok(Read::Record) {
        let index = |at: Position| usize::try_from(at.offset).unwrap_or(usize::MAX);
        let (from, to) = (index(reader.start()), index(reader.position()));
        // Its mark, and blank rows: what the header's row is counted by.
        file.extend_from_slice(head.get(copied..from).unwrap_or_default());
        copied = to;
        if cells.take(&reader, layout.encodings()).is_err() {
            cells = Cells::default();
        }
        if layout.mended {
            cells.unguard();
        }
        let record = Record {
            layout,
            raw: head.get(from..to).unwrap_or_default(),
            cells: &cells.iter().collect::<Vec<_>>(),
        };
        if reader.position().offset < layout.start.offset {
            record.copy(&mut file);
            continue;
        }
        record.write(
            Written::Whole,
            &REJECT_COLUMNS.map(str::to_owned),
            &mut file,
        );
        return file;
    }
    let record = Record {
        layout,
        raw: &[],
        cells: &[],
    };
    record.write(
        Written::Whole,
        &REJECT_COLUMNS.map(str::to_owned),
        &mut file,
    );
    file
}

/// What stands in our columns.
fn marks(reject: &Reject) -> [String; 4] {
    [
        reject.row.to_string(),
        reject.column.map(letter).unwrap_or_default(),
        reject.reason.code().to_owned(),
        reject.reason.sentence(),
    ]
}

#[cfg(test)]
mod tests;
