//! Leads out of the bytes of a list: a CSV or a workbook, as spreadsheets, CRMs and people make them.
//!
//! Bytes are pushed in chunks of any size, rows are pulled out one at a time, and memory stays the same
//! for ten rows and for a million. What kind of file it is (encoding, delimiter, which column is what)
//! is found out from its first 64 KiB and kept as a [`Layout`]; with that and a [`Position`] reading
//! can begin again at any row, in another process, with the same rows as result.
//!
//! ```
//! use intake::{Entry, Intake, Options};
//!
//! let mut intake = Intake::new(Options::default());
//! intake.push("phone;Vorname\r\n+1 415 555-2671;Anna\r\n".into());
//! intake.end();
//! let Entry::Row(row) = intake.next_entry().unwrap() else { panic!() };
//! assert_eq!(row.number.as_str(), "+14155552671");
//! assert_eq!(row.variables["first_name"], "Anna");
//! assert!(matches!(intake.next_entry(), Ok(Entry::End)));
//! ```
//!
//! A workbook is read by [`workbook::to_csv`] first. Rows that are kept out are written into a file for
//! their owner by [`rejects`].
//!
//! It does not know where bytes come from, which leads a campaign has already, who is suppressed, or
//! what time it is. Nothing it says about a row repeats what is in the row's cells, but for the readings of a
//! number that has two, which only the list's owner is to see.

mod column;
pub mod export;
mod file;
mod header;
mod intake;
mod layout;
mod names;
pub mod rejects;
mod row;
mod seen;
#[cfg(test)]
mod tests;
mod warning;
pub mod workbook;

pub use column::{
    COLUMNS_MAX, Column, ColumnReason, HEADER_CHARS_MAX, REJECT_COLUMNS, Target, letter,
};
pub use file::detect::SAMPLE_BYTES;
pub use file::format::{Delimiter, Encoding, FILE_BYTES_MAX, ROW_BYTES_MAX};
pub use file::problem::FileProblem;
pub use file::reader::Position;
pub use intake::{Entry, Intake, Options};
pub use layout::{Layout, NumberColumn, OtherColumn, OtherNumbers};
pub use row::number::{Callable, NumberHabit, NumberKind, normalise};
pub use row::place::{Country, CountryProblem, zone};
pub use row::reason::{NumberReading, Reason, RejectCode};
pub use row::value::SOURCE_CHARS_MAX;
pub use row::{Reject, Row};
pub use seen::NUMBERS_MAX;
pub use warning::{LayoutWarning, LayoutWarningCode};
