//! Why a row is kept out.

use std::fmt;

use model::{PhoneNumber, VALUE_CHARS_MAX};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
    /// A country's short number, or less than a number.
    NumberShort,
    /// What is dialled for help.
    NumberEmergency,
    NumberPremium,
    /// A pager or the access number of a mailbox.
    NumberMachine,
    /// No numbers of this kind exist in its country.
    NumberUnknown,
    /// Somebody's number at home, and somebody else's with a plus in front.
    NumberAmbiguous {
        national: NumberReading,
        international: NumberReading,
    },
    /// More than one number in the cell, of which not all are whole.
    NumberSeveral,
    /// No country's calling code.
    CallingCode,
    /// The number begins with another code than the one beside it.
    CallingCodeConflict,
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

/// What a number is in one of its readings. It is for the list's owner alone: `Debug` prints no digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NumberReading(u64);

impl NumberReading {
    pub(crate) fn of(number: &PhoneNumber) -> Self {
        Self::written(number.as_str()).unwrap_or(Self(0))
    }

    /// Plus and digits, few enough for any country.
    pub(crate) fn written(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+')?;
        let only = digits.bytes().all(|byte| byte.is_ascii_digit());
        if !only || digits.starts_with('0') {
            return None;
        }
        digits.parse().ok().map(Self)
    }
}

impl fmt::Display for NumberReading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.0)
    }
}

impl fmt::Debug for NumberReading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NumberReading(hidden)")
    }
}

impl Serialize for NumberReading {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NumberReading {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::written(&text).ok_or_else(|| D::Error::custom("not a number with a plus"))
    }
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
    NumberEmergency,
    NumberPremium,
    NumberMachine,
    NumberUnknown,
    NumberAmbiguous,
    NumberSeveral,
    CallingCode,
    CallingCodeConflict,
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
    /// Whether another phone number in the row would have saved it.
    #[must_use]
    pub const fn is_of_numbers(self) -> bool {
        match self {
            Self::NumberMissing
            | Self::NumberUnreadable
            | Self::NumberScientific
            | Self::NumberWithoutCountry
            | Self::NumberExtension
            | Self::NumberShort
            | Self::NumberEmergency
            | Self::NumberPremium
            | Self::NumberMachine
            | Self::NumberUnknown
            | Self::NumberAmbiguous
            | Self::NumberSeveral
            | Self::CallingCode
            | Self::CallingCodeConflict => true,
            Self::Encoding
            | Self::ControlCharacter
            | Self::TooManyColumns
            | Self::RowTooLong
            | Self::QuoteUnclosed
            | Self::RowsInQuotes
            | Self::ValueTooLong
            | Self::DuplicateInFile
            | Self::Zone
            | Self::Country
            | Self::Priority
            | Self::ConsentKind
            | Self::ConsentAt
            | Self::AlreadyInCampaign
            | Self::Suppressed => false,
        }
    }

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
            Self::NumberEmergency => "number_emergency",
            Self::NumberPremium => "number_premium",
            Self::NumberMachine => "number_machine",
            Self::NumberUnknown => "number_unknown",
            Self::NumberAmbiguous => "number_ambiguous",
            Self::NumberSeveral => "number_several",
            Self::CallingCode => "calling_code",
            Self::CallingCodeConflict => "calling_code_conflict",
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
            Self::NumberEmergency => RejectCode::NumberEmergency,
            Self::NumberPremium => RejectCode::NumberPremium,
            Self::NumberMachine => RejectCode::NumberMachine,
            Self::NumberUnknown => RejectCode::NumberUnknown,
            Self::NumberAmbiguous { .. } => RejectCode::NumberAmbiguous,
            Self::NumberSeveral => RejectCode::NumberSeveral,
            Self::CallingCode => RejectCode::CallingCode,
            Self::CallingCodeConflict => RejectCode::CallingCodeConflict,
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

    /// What is wrong and what to do. Of what is in the cell it has no more than the readings of a number
    /// that has two.
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
            Self::NumberShort => "is too short for a phone number".into(),
            Self::NumberEmergency => "is an emergency number".into(),
            Self::NumberPremium => "is a premium-rate number".into(),
            Self::NumberMachine => "belongs to a pager or a mailbox service".into(),
            Self::NumberUnknown => "is in no range of numbers that its country has".into(),
            Self::NumberAmbiguous {
                national,
                international,
            } => format!(
                "can be read as {national} and as {international}: write it with + and country code"
            ),
            Self::NumberSeveral => {
                "holds more than one number, and not all are whole: write each in a column of its own"
                    .into()
            }
            Self::CallingCode => {
                "is not a country's calling code: write it as 44 or +44".into()
            }
            Self::CallingCodeConflict => {
                "is another calling code than the number begins with".into()
            }
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
