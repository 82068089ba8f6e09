//! How a file is written, and how much of it is taken.

use serde::{Deserialize, Serialize};

/// The largest file. One upload to S3 takes 5 GB; beyond 2 GB a list is better split by its owner.
pub const FILE_BYTES_MAX: u64 = 2_000_000_000;
/// The most text in one row, as UTF-8. A hundred such rows still fit into one transaction of the table.
/// A longer row is rejected; a quote that is open by then is taken for one that is never closed.
pub const ROW_BYTES_MAX: usize = 32 * 1024;

/// How the bytes of a file stand for text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Encoding {
    #[serde(rename = "utf-8")]
    Utf8,
    /// Nothing but ASCII in the sample. A row further down that is not UTF-8 is read as Windows-1252.
    #[serde(rename = "ascii")]
    Ascii,
    #[serde(rename = "utf-16le")]
    Utf16Le,
    #[serde(rename = "utf-16be")]
    Utf16Be,
    #[serde(rename = "windows-1252")]
    Windows1252,
}

/// What stands between two cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Delimiter {
    Comma,
    Semicolon,
    Tab,
    Pipe,
}

impl Delimiter {
    pub(crate) const ALL: [Self; 4] = [Self::Comma, Self::Semicolon, Self::Tab, Self::Pipe];

    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
            Self::Pipe => b'|',
        }
    }
}
