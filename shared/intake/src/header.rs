//! The header: which row of a list has the names of its columns.
//!
//! Most lists begin with it. Reports have a title, a date and blank lines above: the header is the row that names
//! what lists have, or the first that is as wide as the rows below.

use std::collections::{BTreeMap, BTreeSet};

use crate::column::{COLUMNS_MAX, HEADER_CHARS_MAX, REJECT_COLUMNS, Target, is_reject_column};
use crate::file::format::Encodings;
use crate::file::problem::FileProblem;
use crate::file::quote;
use crate::file::reader::{Position, Read, Reader, RecordProblem};
use crate::file::text::Cells;
use crate::layout;
use crate::warning::LayoutWarning;

/// Rows among which the header is looked for, unless it is told. Titles are shorter.
const ROWS_MAX: u64 = 30;

/// The names of a list's columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) names: Vec<String>,
    /// Behind it.
    pub(crate) end: Position,
    /// The first and the last row with text above it.
    pub(crate) above: Option<(u64, u64)>,
}

/// A row that may be the header.
struct Candidate {
    row: u64,
    end: Position,
    cells: Vec<String>,
    /// What is wrong with it if it is.
    problem: Option<FileProblem>,
}

/// Finds the header among the first rows of a file; with `wanted` it is that row. `told` are names that columns
/// are given a meaning by.
pub(crate) fn find(
    reader: &mut Reader,
    encodings: Encodings,
    wanted: Option<u64>,
    told: &BTreeMap<String, Target>,
) -> Result<Header, FileProblem> {
    let mut candidates = candidates(reader, encodings, wanted)?;
    let found = match wanted {
        Some(row) => candidates.iter().position(|candidate| candidate.row == row),
        None => Some(choose(&candidates, told)),
    };
    let found = found.filter(|at| *at < candidates.len());
    let Some(at) = found else {
        return Err(match wanted {
            Some(row) => FileProblem::HeaderRow { row },
            None => FileProblem::Empty,
        });
    };
    let above = candidates.get(..at).and_then(|above| {
        let (first, last) = (above.first()?, above.last()?);
        Some((first.row, last.row))
    });
    let candidate = candidates.swap_remove(at);
    if let Some(problem) = candidate.problem {
        return Err(problem);
    }
    if let Some((column, what)) = data(&candidate.cells) {
        let row = candidate.row;
        return Err(FileProblem::NoHeader { row, column, what });
    }
    let long = |name: &String| name.chars().count() > HEADER_CHARS_MAX;
    if let Some(column) = candidate.cells.iter().position(long) {
        return Err(FileProblem::HeaderTooLong { column });
    }
    Ok(Header {
        names: candidate.cells,
        end: candidate.end,
        above,
    })
}

/// The names as they are shown and told: one that was there already gets a number, `Phone (2)`.
pub(crate) fn numbered(names: &[String], warnings: &mut Vec<LayoutWarning>) -> Vec<String> {
    let plain = |name: &str| name.trim().to_lowercase();
    let mut used: BTreeSet<String> = BTreeSet::new();
    let given: BTreeSet<String> = names.iter().map(|name| plain(name)).collect();
    let mut columns = Vec::new();
    let numbered = names.iter().enumerate().map(|(column, name)| {
        let name = name.trim();
        if name.is_empty() || used.insert(plain(name)) {
            return name.to_owned();
        }
        columns.push(column);
        let mut free = (2..).map(|n: usize| format!("{name} ({n})"));
        let free = free.find(|name| !given.contains(&plain(name)) && used.insert(plain(name)));
        free.unwrap_or_else(|| name.to_owned())
    });
    let numbered = numbered.collect();
    if !columns.is_empty() {
        warnings.push(LayoutWarning::HeaderNumbered { columns });
    }
    numbered
}

/// The first rows with text.
fn candidates(
    reader: &mut Reader,
    encodings: Encodings,
    wanted: Option<u64>,
) -> Result<Vec<Candidate>, FileProblem> {
    let last = wanted.unwrap_or(ROWS_MAX);
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut cells = Cells::default();
    while reader.position().row <= last || (wanted.is_none() && candidates.is_empty()) {
        match reader.read()? {
            Read::Record => {}
            Read::NeedsInput | Read::End => break,
        }
        let taken = cells.take(reader, encodings);
        if cells.iter().any(is_reject_column) {
            cells.unguard();
        }
        let theirs = cells.iter().filter(|cell| !is_reject_column(cell)).count();
        let column = reader.fields();
        let too_many = theirs > COLUMNS_MAX || column > COLUMNS_MAX + REJECT_COLUMNS.len();
        let problem = match (reader.problem(), taken) {
            _ if too_many => Some(FileProblem::TooManyColumns),
            (Some(RecordProblem::TooLong), _) => Some(FileProblem::HeaderTooLong { column }),
            (_, Err((column, _reason))) => Some(FileProblem::HeaderUnreadable { column }),
            (Some(RecordProblem::QuoteUnclosed | RecordProblem::RowsInQuotes) | None, Ok(())) => {
                None
            }
        };
        if problem.is_some() || !cells.all_blank() {
            candidates.push(Candidate {
                row: reader.start().row,
                end: reader.position(),
                cells: cells.iter().map(str::to_owned).collect(),
                problem,
            });
        }
    }
    Ok(candidates)
}

/// The place of the header among rows; that of the first row with data if there is none above it.
fn choose(candidates: &[Candidate], told: &BTreeMap<String, Target>) -> usize {
    let widest = candidates.iter().map(Candidate::filled).max();
    let widest = widest.unwrap_or_default();
    let wide = |candidate: &Candidate| candidate.filled() * 4 >= widest * 3;
    let named = |candidate: &Candidate| {
        candidate
            .cells
            .iter()
            .any(|cell| layout::names_numbers(cell))
            && data(&candidate.cells).is_none()
    };
    // Behind the first row of the list there is no header. A line above it may have an address or a number, if
    // what follows is clearly the header.
    let header =
        |candidate: &Candidate| named(candidate) && (candidate.known() > 1 || wide(candidate));
    let clear = candidates.iter().position(header).unwrap_or_default();
    let is_row = |(at, candidate): (usize, &Candidate)| {
        data(&candidate.cells).is_some() && (at >= clear || wide(candidate))
    };
    let first_row = candidates.iter().enumerate().position(is_row);
    let above = match first_row {
        Some(0) => return 0,
        Some(row) => candidates.get(..row).unwrap_or_default(),
        None => candidates,
    };
    let best_named = best(above, |candidate| {
        named(candidate).then(|| candidate.known())
    });
    let first_wide = above.iter().position(wide);
    let chosen = match (best_named, first_wide) {
        // A row of names below the first wide one must be clearly the better of the two.
        (Some(named), Some(first)) if named > first => {
            let known = above.get(named).map_or(0, Candidate::known);
            let better = known > above.get(first).map_or(0, Candidate::known);
            if better && (widest == 1 || known > 1) {
                named
            } else {
                first
            }
        }
        (Some(named), Some(_) | None) => named,
        (None, Some(first)) => first,
        (None, None) => {
            let filled = |candidate: &Candidate| Some(candidate.filled());
            best(above, filled).unwrap_or_default()
        }
    };
    let has_told = |candidate: &Candidate| {
        let has = |name: &&String| {
            let wanted = name.trim().to_lowercase();
            let mut cells = candidate.cells.iter();
            cells.any(|cell| cell.trim().to_lowercase() == wanted)
        };
        told.keys().filter(has).count()
    };
    let more = best(above, |candidate| Some(has_told(candidate)));
    let count = |at: usize| above.get(at).map_or(0, has_told);
    more.filter(|more| count(*more) > count(chosen))
        .unwrap_or(chosen)
}

/// The first of those that have the most.
fn best(candidates: &[Candidate], of: impl Fn(&Candidate) -> Option<usize>) -> Option<usize> {
    let mut best = None;
    for (at, candidate) in candidates.iter().enumerate() {
        if let Some(score) = of(candidate)
            && best.is_none_or(|(_, most)| score > most)
        {
            best = Some((at, score));
        }
    }
    best.map(|(at, _)| at)
}

/// A cell that no header has, and what it is.
fn data(cells: &[String]) -> Option<(usize, &'static str)> {
    let is = |cell: &String| {
        let cell = cell.trim();
        let address = cell
            .split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
        if quote::looks_like_phone(cell.as_bytes()) {
            Some("a phone number")
        } else if address && !cell.contains(' ') {
            Some("an e-mail address")
        } else {
            None
        }
    };
    let mut found = cells.iter().enumerate();
    found.find_map(|(column, cell)| Some((column, is(cell)?)))
}

impl Candidate {
    /// How many cells have text.
    fn filled(&self) -> usize {
        let filled = self.cells.iter().filter(|cell| !cell.trim().is_empty());
        filled.count()
    }

    /// How many are names that lists have.
    fn known(&self) -> usize {
        let known = self.cells.iter().filter(|cell| layout::is_known(cell));
        known.count()
    }
}
