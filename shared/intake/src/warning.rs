//! What is odd about a list as a whole, though it can be read.

use serde::{Deserialize, Serialize};

use crate::column::{Target, letter};

/// Something that whoever sends the list should know before its rows are taken. Columns are counted from 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum LayoutWarning {
    /// Rows with text above the header are passed over: a title, a date.
    RowsAboveHeader { first: u64, last: u64 },
    /// These have the name of a column before them, and a number behind it.
    HeaderNumbered { columns: Vec<usize> },
    /// So few of its cells are what the name says that the column is only a variable.
    MeaningUnfit {
        column: usize,
        target: Target,
        /// Cells of the sample that are what the name says, of those with text.
        fit: usize,
        cells: usize,
    },
    /// Letters as they look when a text was read in another encoding than it was written in.
    TextGarbled { columns: Vec<usize> },
}

/// What a warning is about: closed vocabulary, stable codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LayoutWarningCode {
    RowsAboveHeader,
    HeaderNumbered,
    MeaningUnfit,
    TextGarbled,
}

impl LayoutWarning {
    #[must_use]
    pub const fn code(&self) -> LayoutWarningCode {
        match self {
            Self::RowsAboveHeader { .. } => LayoutWarningCode::RowsAboveHeader,
            Self::HeaderNumbered { .. } => LayoutWarningCode::HeaderNumbered,
            Self::MeaningUnfit { .. } => LayoutWarningCode::MeaningUnfit,
            Self::TextGarbled { .. } => LayoutWarningCode::TextGarbled,
        }
    }

    /// The columns that it is about; none: it is about the list.
    #[must_use]
    pub fn columns(&self) -> &[usize] {
        match self {
            Self::RowsAboveHeader { .. } => &[],
            Self::HeaderNumbered { columns } | Self::TextGarbled { columns } => columns,
            Self::MeaningUnfit { column, .. } => std::slice::from_ref(column),
        }
    }

    /// What it means and what to do, without anything of a cell.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::RowsAboveHeader { first, last } if first == last => format!(
                "row {first} is above the header and is passed over: give `header_row` if it is the header"
            ),
            Self::RowsAboveHeader { first, last } => format!(
                "rows {first} to {last} are above the header and are passed over: give `header_row` if one of them is it"
            ),
            Self::HeaderNumbered { columns } => format!(
                "{} the name of a column before: a number is put behind it",
                named(columns, "has", "have")
            ),
            Self::MeaningUnfit {
                column,
                target,
                fit,
                cells,
            } => format!(
                "column {} is only a variable: {fit} of the first {cells} cells are a {}, as its name says; give `columns` if it is one",
                letter(*column),
                target.name()
            ),
            Self::TextGarbled { columns } => format!(
                "{} letters of another encoding: give `encoding`, or save the list as UTF-8",
                named(columns, "seems to have", "seem to have")
            ),
        }
    }
}

fn named(columns: &[usize], one: &str, several: &str) -> String {
    let letters: Vec<String> = columns.iter().copied().map(letter).collect();
    match letters.as_slice() {
        [only] => format!("column {only} {one}"),
        letters => format!("columns {} {several}", letters.join(", ")),
    }
}
