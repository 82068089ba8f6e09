//! Why a file is refused as a whole.

use super::format::{FILE_BYTES_MAX, ROW_BYTES_MAX};
use crate::column::{COLUMNS_MAX, HEADER_CHARS_MAX, Target, letter};

/// What makes a file unusable as it is. Columns are counted from 0 and shown as letters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileProblem {
    #[error("the file is empty")]
    Empty,
    #[error("the file has a header and no rows below it")]
    NoRows,
    #[error("the file is {what}, not a CSV: {advice}")]
    NotText {
        what: &'static str,
        advice: &'static str,
    },
    #[error("the file is larger than {FILE_BYTES_MAX} bytes: split it")]
    TooLarge,
    #[error(
        "row 1 holds data, not column names (column {} looks like {what}): put a row such as `number,first_name,last_name` above it", letter(*column)
    )]
    NoHeader { column: usize, what: &'static str },
    #[error("the header has more than {COLUMNS_MAX} columns")]
    TooManyColumns,
    #[error(
        "the name of column {} has more than {HEADER_CHARS_MAX} characters", letter(*column)
    )]
    HeaderTooLong { column: usize },
    #[error("the name of column {} cannot be read: the file is not in the encoding that it says", letter(*column))]
    HeaderUnreadable { column: usize },
    #[error("columns {} and {} have the same name: rename or remove one", letter(*first), letter(*second))]
    DuplicateHeader { first: usize, second: usize },
    #[error("no column has phone numbers in it: name one `number`, or say which it is")]
    NoNumberColumn,
    #[error(
        "column {} is one of calling codes by its name or its cells, and {what}: write codes as 44 or +44, or say what the column is", letter(*column)
    )]
    CallingCodeUnreadable { column: usize, what: &'static str },
    #[error("a column that is given a meaning is not in the header: `{name}`")]
    UnknownColumn { name: String },
    #[error("columns {} and {} are both given the meaning `{}`", letter(*first), letter(*second), target.name())]
    SameTarget {
        first: usize,
        second: usize,
        target: Target,
    },
    #[error(
        "`{name}` is not a variable name: use letters, digits and _, starting with a letter, at most 64"
    )]
    VariableName { name: String },
    #[error(
        "a quote that opens in row {row} is not closed within {ROW_BYTES_MAX} bytes: close it, or double quotes that belong to the text"
    )]
    UnclosedQuote { row: u64 },
}

impl FileProblem {
    /// The stable code, as in the API.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "file_empty",
            Self::NoRows => "file_without_rows",
            Self::NotText { .. } => "file_not_text",
            Self::TooLarge => "file_too_large",
            Self::NoHeader { .. } => "header_missing",
            Self::TooManyColumns => "header_too_wide",
            Self::HeaderTooLong { .. } => "header_too_long",
            Self::HeaderUnreadable { .. } => "header_unreadable",
            Self::DuplicateHeader { .. } => "header_duplicate",
            Self::NoNumberColumn => "number_column_missing",
            Self::CallingCodeUnreadable { .. } => "calling_code_unreadable",
            Self::UnknownColumn { .. } => "column_unknown",
            Self::SameTarget { .. } => "column_ambiguous",
            Self::VariableName { .. } => "variable_name",
            Self::UnclosedQuote { .. } => "quote_unclosed",
        }
    }

    /// The row of the file that it is about, where it is about one.
    #[must_use]
    pub const fn row(&self) -> Option<u64> {
        match self {
            Self::UnclosedQuote { row } => Some(*row),
            Self::Empty
            | Self::NoRows
            | Self::NotText { .. }
            | Self::TooLarge
            | Self::NoHeader { .. }
            | Self::TooManyColumns
            | Self::HeaderTooLong { .. }
            | Self::HeaderUnreadable { .. }
            | Self::DuplicateHeader { .. }
            | Self::NoNumberColumn
            | Self::CallingCodeUnreadable { .. }
            | Self::UnknownColumn { .. }
            | Self::SameTarget { .. }
            | Self::VariableName { .. } => None,
        }
    }
}
