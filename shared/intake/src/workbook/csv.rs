//! Cells of a sheet as records of a CSV, in pieces.

use std::ops::ControlFlow;

use super::{Taker, damaged};
use crate::column::COLUMNS_MAX;
use crate::file::format::FILE_BYTES_MAX;
use crate::file::problem::FileProblem;

/// How much is handed over at once.
const PIECE_BYTES: usize = 64 * 1024;
/// Rows that a sheet has at most, in every program.
const ROWS_MAX: u32 = 1_048_576;

/// Writes one sheet.
pub(super) struct Csv<'a, 'b> {
    taker: &'a mut Taker<'b>,
    pending: Vec<u8>,
    written: u64,
    /// The row that cells are added to, from 0.
    row: u32,
    /// Cells that it has so far.
    cells: u32,
    /// Cells of the widest row so far: others are filled up to it.
    width: u32,
    begun: bool,
}

/// How a sheet ended.
pub(super) enum CsvEnd {
    /// It has no rows.
    Blank,
    Whole,
    /// No more was wanted.
    Stopped,
}

impl CsvEnd {
    /// Whether a sheet was read to its end; nothing for one without rows.
    pub(super) const fn whole(&self) -> Option<bool> {
        match self {
            Self::Blank => None,
            Self::Whole => Some(true),
            Self::Stopped => Some(false),
        }
    }
}

impl<'a, 'b> Csv<'a, 'b> {
    pub(super) fn new(taker: &'a mut Taker<'b>) -> Self {
        Self {
            taker,
            pending: Vec::new(),
            written: 0,
            row: 0,
            cells: 0,
            width: 0,
            begun: false,
        }
    }

    /// Adds a cell, of this or a later row. One without text is as if it were not there.
    ///
    /// # Errors
    /// When cells come in no order, or the CSV is longer than a list may be.
    pub(super) fn cell(
        &mut self,
        row: u32,
        column: u32,
        text: &str,
    ) -> Result<ControlFlow<()>, FileProblem> {
        if text.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        if row >= ROWS_MAX || row < self.row || (row == self.row && column < self.cells) {
            return Err(damaged());
        }
        if !self.begun {
            self.begun = true;
            self.pending.extend_from_slice("\u{feff}".as_bytes());
        }
        let mut flow = ControlFlow::Continue(());
        while self.row < row && flow.is_continue() {
            self.end_row();
            flow = self.hand_over(PIECE_BYTES)?;
        }
        self.fill(column);
        if self.cells > 0 {
            self.pending.push(b',');
        }
        push(&mut self.pending, text);
        self.cells = column + 1;
        Ok(flow)
    }

    /// All cells are there.
    pub(super) fn finish(mut self) -> Result<CsvEnd, FileProblem> {
        if !self.begun {
            return Ok(CsvEnd::Blank);
        }
        self.end_row();
        Ok(match self.hand_over(1)? {
            ControlFlow::Continue(()) => CsvEnd::Whole,
            ControlFlow::Break(()) => CsvEnd::Stopped,
        })
    }

    /// Empty cells up to a column.
    fn fill(&mut self, column: u32) {
        while self.cells < column {
            // The first cell has no delimiter before it.
            if self.cells > 0 {
                self.pending.push(b',');
            }
            self.cells += 1;
        }
    }

    fn end_row(&mut self) {
        if self.cells > 0 {
            // A note somewhere far to the right is no reason to fill every row up to it.
            if usize::try_from(self.cells).is_ok_and(|cells| cells <= COLUMNS_MAX) {
                self.width = self.width.max(self.cells);
            }
            self.fill(self.width);
        }
        self.pending.extend_from_slice(b"\r\n");
        self.row += 1;
        self.cells = 0;
    }

    /// Hands over what is there, if it is as much as that.
    fn hand_over(&mut self, bytes_min: usize) -> Result<ControlFlow<()>, FileProblem> {
        if self.pending.len() < bytes_min {
            return Ok(ControlFlow::Continue(()));
        }
        self.written += u64::try_from(self.pending.len()).unwrap_or(u64::MAX);
        if self.written > FILE_BYTES_MAX {
            return Err(FileProblem::WorkbookTooLarge {
                what: "more than 2 GB of text",
            });
        }
        let flow = (self.taker)(&self.pending);
        self.pending.clear();
        Ok(flow)
    }
}

/// A cell as it is, quoted where needed (RFC 4180).
fn push(line: &mut Vec<u8>, text: &str) {
    if !text.contains([',', '"', '\r', '\n']) {
        line.extend_from_slice(text.as_bytes());
        return;
    }
    line.push(b'"');
    for part in text.split_inclusive('"') {
        line.extend_from_slice(part.as_bytes());
        if part.ends_with('"') {
            line.push(b'"');
        }
    }
    line.push(b'"');
}
