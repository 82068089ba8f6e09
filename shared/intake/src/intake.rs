//! The machine that is pushed bytes and asked for rows.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use model::PhoneNumber;
use serde::{Deserialize, Serialize};

use crate::column::is_reject_column;
use crate::file::detect::{self, Detected, SAMPLE_BYTES};
use crate::file::quote::Shape;
use crate::file::reader::{Position, Read, Reader, RecordProblem};
use crate::file::text::Cells;
use crate::seen::Seen;
use crate::{
    Country, Delimiter, Encoding, FileProblem, Layout, LayoutWarning, Reason, Reject, Row, Target,
    header, layout, row,
};

/// What is known of a file beforehand. What is not said is found out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = ImportOptions))]
#[serde(default)]
pub struct Options {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<Delimiter>,
    /// Of numbers that are written without a country code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_country: Option<Country>,
    /// The row that has the names of the columns, as a spreadsheet shows it, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header_row: Option<u64>,
    /// The sheet of a workbook; not said, the first that is not hidden and has rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// What columns are, by their name in the header; of a name that comes twice the second is `Phone (2)`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, Target>,
}

/// What comes next in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    Row(Row),
    Rejected(Reject),
    /// Push more bytes, or say that there are none.
    NeedsInput,
    End,
}

/// Reads one file. See the crate's documentation.
#[derive(Debug)]
pub struct Intake {
    state: IntakeState,
    cells: Cells,
    seen: Seen,
    again: Vec<PhoneNumber>,
    rows: u64,
}

#[derive(Debug)]
enum IntakeState {
    /// Until there is enough to tell what file it is.
    Sampling {
        options: Options,
        chunks: Vec<Bytes>,
        bytes: usize,
        ended: bool,
    },
    Reading {
        layout: Layout,
        reader: Reader,
        /// It began at the header, so that no rows at all is a problem.
        whole: bool,
    },
    Refused(FileProblem),
}

impl Intake {
    /// Begins with the first byte of a file.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self::with(IntakeState::Sampling {
            options,
            chunks: Vec::new(),
            bytes: 0,
            ended: false,
        })
    }

    /// Begins at a place between two rows; the next byte that is pushed is the one at its offset.
    /// Numbers of rows before it are not known any more.
    #[must_use]
    pub fn resume(layout: Layout, at: Position) -> Self {
        let reader = Reader::new(layout.encoding, layout.delimiter, layout.shape(), at);
        Self::with(IntakeState::Reading {
            layout,
            reader,
            whole: false,
        })
    }

    /// Remembers at least so many numbers, for whoever has no table that would notice one that comes again.
    #[must_use]
    pub fn remembering(mut self, numbers: usize) -> Self {
        self.seen.remember(numbers);
        self
    }

    fn with(state: IntakeState) -> Self {
        Self {
            state,
            cells: Cells::default(),
            seen: Seen::new(),
            again: Vec::new(),
            rows: 0,
        }
    }

    /// Takes the next bytes. Best when asked for ([`Entry::NeedsInput`]): what is pushed and not read is
    /// kept in memory.
    pub fn push(&mut self, chunk: Bytes) {
        match &mut self.state {
            IntakeState::Sampling { chunks, bytes, .. } => {
                *bytes += chunk.len();
                chunks.push(chunk);
            }
            IntakeState::Reading { reader, .. } => reader.push(chunk),
            IntakeState::Refused(_) => {}
        }
    }

    /// No bytes come any more.
    pub fn end(&mut self) {
        match &mut self.state {
            IntakeState::Sampling { ended, .. } => *ended = true,
            IntakeState::Reading { reader, .. } => reader.end(),
            IntakeState::Refused(_) => {}
        }
    }

    /// The next row, good or rejected. Rows without any text are passed over.
    ///
    /// # Errors
    /// What is wrong with the file as a whole. It stays so.
    pub fn next_entry(&mut self) -> Result<Entry, FileProblem> {
        let entry = self.entry();
        if let Err(problem) = &entry {
            self.state = IntakeState::Refused(problem.clone());
        }
        entry
    }

    /// What kind of file it is, once enough of it was read; [`Self::next_entry`] finds it out.
    #[must_use]
    pub fn layout(&self) -> Option<&Layout> {
        match &self.state {
            IntakeState::Reading { layout, .. } => Some(layout),
            IntakeState::Sampling { .. } | IntakeState::Refused(_) => None,
        }
    }

    /// Behind the last entry: where reading can begin again without it. Absent before the header.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        match &self.state {
            IntakeState::Reading { reader, .. } => Some(reader.position()),
            IntakeState::Sampling { .. } | IntakeState::Refused(_) => None,
        }
    }

    /// The cells of the last entry as they are in the file, for showing them to its owner. A row that
    /// could not be read has only those before the one that could not.
    pub fn cells(&self) -> impl Iterator<Item = &str> {
        self.cells.iter()
    }

    /// The other numbers of the last entry, if that was kept out because an earlier row has its number:
    /// for whoever means all of somebody's numbers.
    #[must_use]
    pub fn alternates_of_duplicate(&self) -> &[PhoneNumber] {
        &self.again
    }

    /// Where the last entry begins.
    pub(crate) fn start(&self) -> Option<Position> {
        match &self.state {
            IntakeState::Reading { reader, .. } => Some(reader.start()),
            IntakeState::Sampling { .. } | IntakeState::Refused(_) => None,
        }
    }

    /// Where a row begins that goes on beyond what was pushed.
    pub(crate) fn begun(&self) -> Option<Position> {
        match &self.state {
            IntakeState::Reading { reader, .. } => reader.begun(),
            IntakeState::Sampling { .. } | IntakeState::Refused(_) => None,
        }
    }

    fn entry(&mut self) -> Result<Entry, FileProblem> {
        match &self.state {
            IntakeState::Sampling { bytes, ended, .. } if *bytes < SAMPLE_BYTES && !ended => {
                return Ok(Entry::NeedsInput);
            }
            IntakeState::Sampling { .. } => self.begin()?,
            IntakeState::Reading { .. } => {}
            IntakeState::Refused(problem) => return Err(problem.clone()),
        }
        let IntakeState::Reading {
            layout,
            reader,
            whole,
        } = &mut self.state
        else {
            return Ok(Entry::End);
        };
        loop {
            match reader.read()? {
                Read::Record => {}
                Read::NeedsInput => return Ok(Entry::NeedsInput),
                Read::End if *whole && self.rows == 0 => return Err(FileProblem::NoRows),
                Read::End => return Ok(Entry::End),
            }
            self.again.clear();
            if let Some(entry) = entry_of(
                reader,
                layout,
                &mut self.cells,
                &mut self.seen,
                &mut self.again,
            ) {
                self.rows += 1;
                return Ok(entry);
            }
        }
    }

    /// Finds out what file it is, and stands behind its header.
    fn begin(&mut self) -> Result<(), FileProblem> {
        let IntakeState::Sampling {
            options,
            chunks,
            bytes,
            ended,
        } = &mut self.state
        else {
            return Ok(());
        };
        let sample = sample(chunks);
        let whole = *ended && *bytes <= SAMPLE_BYTES;
        if sample.iter().all(u8::is_ascii_whitespace) && whole {
            return Err(FileProblem::Empty);
        }
        let layout = layout_of(&sample, whole, options)?;
        let mut reader = Reader::new(
            layout.encoding,
            layout.delimiter,
            layout.shape(),
            layout.start,
        );
        let mut skip = usize::try_from(layout.start.offset).unwrap_or_default();
        for mut chunk in std::mem::take(chunks) {
            let cut = skip.min(chunk.len());
            skip -= cut;
            reader.push(chunk.split_off(cut));
        }
        if *ended {
            reader.end();
        }
        self.state = IntakeState::Reading {
            layout,
            reader,
            whole: true,
        };
        Ok(())
    }
}

/// All that is found out from the first bytes of a file.
fn layout_of(sample: &Bytes, whole: bool, options: &Options) -> Result<Layout, FileProblem> {
    let country = options.default_country;
    let detected = detect::detect(sample, whole, options.encoding, options.delimiter, country)?;
    let encodings = detected.encodings;
    // The header may be that of a reject file.
    let first_row = Shape {
        mended: true,
        ..Shape::default()
    };
    let mut first_rows = detect::reader(sample, whole, detected, first_row);
    let header = header::find(
        &mut first_rows,
        encodings,
        options.header_row,
        &options.columns,
    )?;
    let mut warnings = Vec::new();
    if let Some((first, last)) = header.above {
        warnings.push(LayoutWarning::RowsAboveHeader { first, last });
    }
    let headers = header.names;
    let shown = header::numbered(&headers, &mut warnings);
    let below = Detected {
        start: header.end,
        ..detected
    };
    let numbers = headers.iter().enumerate();
    let numbers = numbers.filter(|(_, header)| layout::names_numbers(header));
    let mended = headers.iter().any(|header| is_reject_column(header));
    let shape = Shape {
        columns: headers.len(),
        numbers: numbers.map(|(column, _)| column).collect(),
        mended,
    };
    let mut rows: Vec<Vec<String>> = Vec::new();
    detect::rows(sample, whole, below, shape, |cells| {
        if mended {
            cells.unguard();
        }
        rows.push(cells.iter().map(str::to_owned).collect());
    });
    let told = &options.columns;
    let columns = layout::columns(&headers, &shown, &rows, told, country, &mut warnings)?;
    warnings.extend(layout::garbled(&headers, &rows));
    let numbers = layout::numbers(&columns, &rows, country)?;
    Ok(Layout {
        encoding: encodings.file,
        fallback: encodings.fallback,
        delimiter: detected.delimiter,
        default_country: country,
        columns,
        numbers,
        warnings,
        mended,
        start: header.end,
    })
}

/// A record as an entry; nothing for a row without text.
fn entry_of(
    reader: &Reader,
    layout: &Layout,
    cells: &mut Cells,
    seen: &mut Seen,
    again: &mut Vec<PhoneNumber>,
) -> Option<Entry> {
    let start = reader.start();
    let taken = cells.take(reader, layout.encodings());
    if layout.mended {
        cells.unguard();
    }
    let problem = match reader.problem() {
        Some(RecordProblem::TooLong) => Some(Reason::RowTooLong),
        Some(RecordProblem::QuoteUnclosed) => Some(Reason::QuoteUnclosed),
        Some(RecordProblem::RowsInQuotes) => Some(Reason::RowsInQuotes),
        None if cells.bytes() > reader.row_bytes_max() => Some(Reason::RowTooLong),
        None => None,
    };
    if let Some(reason) = problem {
        return Some(Entry::Rejected(Reject::of_row(start.row, reason)));
    }
    if let Err((column, reason)) = taken {
        let column = Some(column);
        let row = start.row;
        return Some(Entry::Rejected(Reject {
            row,
            column,
            reason,
        }));
    }
    if cells.all_blank() {
        return None;
    }
    // Programs leave out empty cells at the end of a row, or add some.
    let (found, expected) = (reader.fields(), layout.columns.len());
    if cells
        .iter()
        .skip(expected)
        .any(|cell| !cell.trim().is_empty())
    {
        let reason = Reason::TooManyColumns { found, expected };
        return Some(Entry::Rejected(Reject::of_row(start.row, reason)));
    }
    let row = match row::read(cells, layout, start) {
        Ok(row) => row,
        Err(reject) => return Some(Entry::Rejected(reject)),
    };
    if let Some(first) = seen.first(&row.number, start.row) {
        *again = row.alternates;
        return Some(Entry::Rejected(Reject {
            row: start.row,
            column: Some(row.column),
            reason: Reason::DuplicateInFile { first: Some(first) },
        }));
    }
    Some(Entry::Row(row))
}

/// The first bytes of the file in one piece.
fn sample(chunks: &[Bytes]) -> Bytes {
    if let [only] = chunks {
        return only.slice(..only.len().min(SAMPLE_BYTES));
    }
    let mut sample = BytesMut::with_capacity(SAMPLE_BYTES);
    for chunk in chunks {
        let room = SAMPLE_BYTES - sample.len();
        sample.extend_from_slice(chunk.get(..room.min(chunk.len())).unwrap_or_default());
    }
    sample.freeze()
}
