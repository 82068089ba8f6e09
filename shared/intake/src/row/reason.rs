//! Why a row is kept out.

use model::VALUE_CHARS_MAX;
use serde::{Deserialize, Serialize};

use crate::file::format::ROW_BYTES_MAX;

/// Why a row is kept out: closed vocabulary, stable codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Reason {
    /// The cell is not in the file's encoding.
    Encoding,
    ControlCharacter,
    /// Text in more cells than the header has.
    TooManyColumns {
        found: usize,
        expected: usize,
    },
    RowTooLong,
    /// A quote opens and is not closed. The rows behind it are read.
    QuoteUnclosed,
    /// Within quotes there are lines that may be rows.
    RowsInQuotes,
    ValueTooLong,
    NumberMissing,
    NumberUnreadable,
    /// `1.41556E+10`.
    NumberScientific,
    /// No country code, and no country given.
    NumberWithoutCountry,
    NumberExtension,
    /// Emergency and other short numbers.
    NumberShort,
    NumberPremium,
    /// A pager or the access number of a mailbox.
    NumberMachine,
    /// No numbers of this kind exist in its country.
    NumberUnknown,
    /// The row, or an earlier one, has the number already.
    DuplicateInFile {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        first: Option<u64>,
    },
    Zone,
    Country,
    Priority,
    ConsentKind,
    ConsentAt,
    /// The campaign has the lead from elsewhere. Said by who stores the rows.
    AlreadyInCampaign,
    /// The number must not be called. Said by who stores the rows.
    Suppressed,
}

/// Why a row is kept out, without the numbers: closed vocabulary, stable codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RejectCode {
    Encoding,
    ControlCharacter,
    TooManyColumns,
    RowTooLong,
    QuoteUnclosed,
    RowsInQuotes,
    ValueTooLong,
    NumberMissing,
    NumberUnreadable,
    NumberScientific,
    NumberWithoutCountry,
    NumberExtension,
    NumberShort,
    NumberPremium,
    NumberMachine,
    NumberUnknown,
    DuplicateInFile,
    Zone,
    Country,
    Priority,
    ConsentKind,
    ConsentAt,
    AlreadyInCampaign,
    Suppressed,
}

impl RejectCode {
    /// As in the API and in reject files.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Encoding => "encoding",
            Self::ControlCharacter => "control_character",
            Self::TooManyColumns => "too_many_columns",
            Self::RowTooLong => "row_too_long",
            Self::QuoteUnclosed => "quote_unclosed",
            Self::RowsInQuotes => "rows_in_quotes",
            Self::ValueTooLong => "value_too_long",
            Self::NumberMissing => "number_missing",
            Self::NumberUnreadable => "number_unreadable",
            Self::NumberScientific => "number_scientific",
            Self::NumberWithoutCountry => "number_without_country",
            Self::NumberExtension => "number_extension",
            Self::NumberShort => "number_short",
            Self::NumberPremium => "number_premium",
            Self::NumberMachine => "number_machine",
            Self::NumberUnknown => "number_unknown",
            Self::DuplicateInFile => "duplicate_in_file",
            Self::Zone => "zone",
            Self::Country => "country",
            Self::Priority => "priority",
            Self::ConsentKind => "consent_kind",
            Self::ConsentAt => "consent_at",
            Self::AlreadyInCampaign => "already_in_campaign",
            Self::Suppressed => "suppressed",
        }
    }
}

impl Reason {
    /// What it is, without its numbers.
    #[must_use]
    pub const fn kind(self) -> RejectCode {
        match self {
            Self::Encoding => RejectCode::Encoding,
            Self::ControlCharacter => RejectCode::ControlCharacter,
            Self::TooManyColumns { .. } => RejectCode::TooManyColumns,
            Self::RowTooLong => RejectCode::RowTooLong,
            Self::QuoteUnclosed => RejectCode::QuoteUnclosed,
            Self::RowsInQuotes => RejectCode::RowsInQuotes,
            Self::ValueTooLong => RejectCode::ValueTooLong,
            Self::NumberMissing => RejectCode::NumberMissing,
            Self::NumberUnreadable => RejectCode::NumberUnreadable,
            Self::NumberScientific => RejectCode::NumberScientific,
            Self::NumberWithoutCountry => RejectCode::NumberWithoutCountry,
            Self::NumberExtension => RejectCode::NumberExtension,
            Self::NumberShort => RejectCode::NumberShort,
            Self::NumberPremium => RejectCode::NumberPremium,
            Self::NumberMachine => RejectCode::NumberMachine,
            Self::NumberUnknown => RejectCode::NumberUnknown,
            Self::DuplicateInFile { .. } => RejectCode::DuplicateInFile,
            Self::Zone => RejectCode::Zone,
            Self::Country => RejectCode::Country,
            Self::Priority => RejectCode::Priority,
            Self::ConsentKind => RejectCode::ConsentKind,
            Self::ConsentAt => RejectCode::ConsentAt,
            Self::AlreadyInCampaign => RejectCode::AlreadyInCampaign,
            Self::Suppressed => RejectCode::Suppressed,
        }
    }

    /// The stable code, as in the API and in reject files.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.kind().code()
    }

    /// What is wrong and what to do, without anything of the cell.
    #[must_use]
    pub fn sentence(self) -> String {
        match self {
            Self::Encoding => {
                "cannot be read in the file's encoding: save the list as UTF-8".into()
            }
            Self::ControlCharacter => "holds a control character, such as a NUL byte".into(),
            Self::TooManyColumns { found, expected } => format!(
                "has {found} cells, the header has {expected}: a text with a delimiter in it is not in quotes"
            ),
            Self::RowTooLong => format!("has more than {ROW_BYTES_MAX} bytes"),
            Self::QuoteUnclosed => {
                "opens a quote that is not closed: close it, or double quotes that belong to the text"
                    .into()
            }
            Self::RowsInQuotes => {
                "has lines within quotes that look like rows: double a quote that belongs to the text, or take the lines out of the cell"
                    .into()
            }
            Self::ValueTooLong => format!("has more than {VALUE_CHARS_MAX} characters"),
            Self::NumberMissing => "has no phone number".into(),
            Self::NumberUnreadable => "is not a phone number".into(),
            Self::NumberScientific => {
                "was shortened by the spreadsheet: format the column as text and enter it again"
                    .into()
            }
            Self::NumberWithoutCountry => {
                "has no country code: write it with + and country code, or give a default country"
                    .into()
            }
            Self::NumberExtension => "has an extension, which cannot be dialled".into(),
            Self::NumberShort => "is a short number, as for emergencies".into(),
            Self::NumberPremium => "is a premium-rate number".into(),
            Self::NumberMachine => "belongs to a pager or a mailbox service".into(),
            Self::NumberUnknown => "is in no range of numbers that its country has".into(),
            Self::DuplicateInFile { first: Some(first) } => {
                format!("has the same number as row {first}")
            }
            Self::DuplicateInFile { first: None } => "has the same number as an earlier row".into(),
            Self::Zone => "is not an IANA time zone such as America/New_York".into(),
            Self::Country => "is not a country: write it as two letters, as in US".into(),
            Self::Priority => "is not high, normal or low".into(),
            Self::ConsentKind => "is not express or written".into(),
            Self::ConsentAt => {
                "is not a date such as 2026-01-31 or a time such as 2026-01-31T09:30:00Z".into()
            }
            Self::AlreadyInCampaign => "has a number that the campaign has already".into(),
            Self::Suppressed => "has a number that must not be called".into(),
        }
    }
}
