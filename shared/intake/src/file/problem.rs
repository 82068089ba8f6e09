//! Why a file is refused as a whole.

use super::format::FILE_BYTES_MAX;
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
    /// A page for a browser, as many programs write it and call it `.xls`.
    #[error(
        "the file is a table in HTML, whatever its name says: open it in the spreadsheet program and save it as CSV or .xlsx"
    )]
    Html,
    #[error(
        "the file is {what}, not a CSV: open it in the spreadsheet program and save it as CSV or .xlsx"
    )]
    Xml { what: &'static str },
    #[error(
        "the workbook is too large to be read as one ({what}): save the sheet as CSV and send that"
    )]
    WorkbookTooLarge { what: &'static str },
    #[error("{}", unknown_sheet(name, sheets))]
    SheetUnknown { name: String, sheets: Vec<String> },
    #[error("the file is larger than {FILE_BYTES_MAX} bytes: split it")]
    TooLarge,
    #[error(
        "row {row} holds data, not column names (column {} looks like {what}): put a row such as `number,first_name,last_name` above it", letter(*column)
    )]
    NoHeader {
        row: u64,
        column: usize,
        what: &'static str,
    },
    #[error("row {row} is named as the header and has no text, or is too far down in the file")]
    HeaderRow { row: u64 },
    #[error("the header has more than {COLUMNS_MAX} columns")]
    TooManyColumns,
    #[error(
        "the name of column {} has more than {HEADER_CHARS_MAX} characters", letter(*column)
    )]
    HeaderTooLong { column: usize },
    #[error("the name of column {} cannot be read: the file is not in the encoding that it says", letter(*column))]
    HeaderUnreadable { column: usize },
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
}

impl FileProblem {
    /// The stable code, as in the API.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "file_empty",
            Self::NoRows => "file_without_rows",
            Self::NotText { .. } => "file_not_text",
            Self::Html => "file_html",
            Self::Xml { .. } => "file_xml",
            Self::WorkbookTooLarge { .. } => "workbook_too_large",
            Self::SheetUnknown { .. } => "sheet_unknown",
            Self::TooLarge => "file_too_large",
            Self::NoHeader { .. } => "header_missing",
            Self::HeaderRow { .. } => "header_row",
            Self::TooManyColumns => "header_too_wide",
            Self::HeaderTooLong { .. } => "header_too_long",
            Self::HeaderUnreadable { .. } => "header_unreadable",
            Self::NoNumberColumn => "number_column_missing",
            Self::CallingCodeUnreadable { .. } => "calling_code_unreadable",
            Self::UnknownColumn { .. } => "column_unknown",
            Self::SameTarget { .. } => "column_ambiguous",
            Self::VariableName { .. } => "variable_name",
        }
    }

    /// The row of the file that it is about, where it is about one.
    #[must_use]
    pub const fn row(&self) -> Option<u64> {
        match self {
            Self::NoHeader { row, .. } | Self::HeaderRow { row } => Some(*row),
            Self::Empty
            | Self::NoRows
            | Self::NotText { .. }
            | Self::Html
            | Self::Xml { .. }
            | Self::WorkbookTooLarge { .. }
            | Self::SheetUnknown { .. }
            | Self::TooLarge
            | Self::TooManyColumns
            | Self::HeaderTooLong { .. }
            | Self::HeaderUnreadable { .. }
            | Self::NoNumberColumn
            | Self::CallingCodeUnreadable { .. }
            | Self::UnknownColumn { .. }
            | Self::SameTarget { .. }
            | Self::VariableName { .. } => None,
        }
    }
}

/// Names the sheets that are there: the first of them, if they are many.
fn unknown_sheet(name: &str, sheets: &[String]) -> String {
    const NAMED_MAX: usize = 20;
    let named: Vec<String> = sheets
        .iter()
        .take(NAMED_MAX)
        .map(|sheet| format!("`{sheet}`"))
        .collect();
    let more = sheets.len().saturating_sub(NAMED_MAX);
    let more = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let name: String = name.chars().take(100).collect();
    format!(
        "the workbook has no sheet `{name}`, but {}{more}",
        named.join(", ")
    )
}
