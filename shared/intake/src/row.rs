//! Rows: what a record says of a lead, or why it is no lead.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use model::{Consent, ConsentKind, LeadPriority, PhoneNumber, VALUE_CHARS_MAX, Variables};
use serde::{Deserialize, Serialize};

use crate::reader::Position;
use crate::text::Cells;
use crate::{Country, Layout, ROW_BYTES_MAX, Target, letter, number, place};

/// The longest text on where a consent was given.
pub const SOURCE_CHARS_MAX: usize = 500;

/// A lead as a row of the list says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where it begins; reading can begin again there.
    pub start: Position,
    pub number: PhoneNumber,
    /// The lead's own zone, an IANA name.
    pub zone: Option<&'static str>,
    /// State or province in ISO 3166-2, `US-CA`, where rules go by it.
    pub region: Option<&'static str>,
    pub country: Option<Country>,
    pub priority: LeadPriority,
    /// Present when the row names a kind.
    pub consent: Option<Consent>,
    /// Columns that are not empty, by their variable's name.
    pub variables: Variables,
}

/// A row that is kept out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// The row as a spreadsheet shows it, from 1.
    pub row: u64,
    /// The column that the reason is in, from 0; absent: it is about the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    #[serde(flatten)]
    pub reason: Reason,
}

/// Why a row is kept out: closed vocabulary, stable codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Reason {
    /// The cell is not in the file's encoding.
    Encoding,
    ControlCharacter,
    /// Fewer cells than the header has.
    TooFewColumns {
        found: usize,
        expected: usize,
    },
    TooManyColumns {
        found: usize,
        expected: usize,
    },
    RowTooLong,
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
    Region,
    Country,
    Priority,
    ConsentKind,
    ConsentAt,
    /// The campaign has the lead from elsewhere. Said by who stores the rows.
    AlreadyInCampaign,
    /// The number must not be called. Said by who stores the rows.
    Suppressed,
}

impl Reason {
    /// The stable code, as in the API and in reject files.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Encoding => "encoding",
            Self::ControlCharacter => "control_character",
            Self::TooFewColumns { .. } => "too_few_columns",
            Self::TooManyColumns { .. } => "too_many_columns",
            Self::RowTooLong => "row_too_long",
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
            Self::DuplicateInFile { .. } => "duplicate_in_file",
            Self::Zone => "zone",
            Self::Region => "region",
            Self::Country => "country",
            Self::Priority => "priority",
            Self::ConsentKind => "consent_kind",
            Self::ConsentAt => "consent_at",
            Self::AlreadyInCampaign => "already_in_campaign",
            Self::Suppressed => "suppressed",
        }
    }

    /// What is wrong and what to do, without anything of the cell.
    #[must_use]
    pub fn sentence(self) -> String {
        match self {
            Self::Encoding => {
                "cannot be read in the file's encoding: save the list as UTF-8".into()
            }
            Self::ControlCharacter => "holds a control character, such as a NUL byte".into(),
            Self::TooFewColumns { found, expected } | Self::TooManyColumns { found, expected } => {
                format!(
                    "has {found} cells, the header has {expected}: a delimiter is missing, or a text with one in it is not in quotes"
                )
            }
            Self::RowTooLong => format!("has more than {ROW_BYTES_MAX} bytes"),
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
            Self::Region => {
                "is not a state or province: write it as CA, US-CA or California".into()
            }
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

impl Reject {
    pub(crate) fn of_row(row: u64, reason: Reason) -> Self {
        Self {
            row,
            column: None,
            reason,
        }
    }

    /// One sentence with row and column, as people find them in their spreadsheet.
    #[must_use]
    pub fn sentence(&self, layout: &Layout) -> String {
        let what = self.reason.sentence();
        match self
            .column
            .and_then(|at| Some((at, layout.columns.get(at)?)))
        {
            Some((at, column)) => {
                let (row, at, header) = (self.row, letter(at), &column.header);
                format!("row {row}, column {at} ({header}): {what}")
            }
            None => format!("row {}: {what}", self.row),
        }
    }
}

/// A record of as many cells as the header has, as a lead.
pub(crate) fn read(cells: &Cells, layout: &Layout, start: Position) -> Result<Row, Reject> {
    let wrong = |column: usize, reason: Reason| Reject {
        row: start.row,
        column: Some(column),
        reason,
    };
    let mut country = None;
    let mut zone = None;
    let mut region_column = None;
    let mut priority = LeadPriority::default();
    let mut consent_kind = None;
    let mut consent_at = None;
    let mut consent_source = None;
    let mut variables = Variables::new();
    for (index, column) in layout.columns.iter().enumerate() {
        let cell = cells.get(index).trim();
        if cell.is_empty() {
            continue;
        }
        let known = match &column.target {
            Target::Number | Target::Ignore => continue,
            Target::Zone => {
                zone = place::zone(cell);
                zone.map(|_| ()).ok_or(Reason::Zone)
            }
            Target::Region => {
                region_column = Some(index);
                Ok(())
            }
            Target::Country => {
                country = Country::named(cell);
                country.map(|_| ()).ok_or(Reason::Country)
            }
            Target::Priority => parse_priority(cell)
                .map(|found| priority = found)
                .ok_or(Reason::Priority),
            Target::ConsentKind => parse_consent(cell).map(|found| consent_kind = found),
            Target::ConsentAt => {
                consent_at = parse_time(cell);
                consent_at.map(|_| ()).ok_or(Reason::ConsentAt)
            }
            Target::ConsentSource => {
                consent_source = Some(cell);
                let fits = longest(cell, SOURCE_CHARS_MAX);
                fits.then_some(()).ok_or(Reason::ValueTooLong)
            }
            Target::Variable(_) => Ok(()),
        };
        known.map_err(|reason| wrong(index, reason))?;
        if let Target::Variable(_) | Target::Region | Target::Country = column.target {
            if !longest(cell, VALUE_CHARS_MAX) {
                return Err(wrong(index, Reason::ValueTooLong));
            }
            variables.insert(column.variable.clone(), cell.to_owned());
        }
    }
    let place_of_number = country.or(layout.default_country);
    let region = match region_column {
        None => None,
        Some(column) => place::region(cells.get(column), place_of_number)
            .map_err(|reason| wrong(column, reason))?,
    };
    let number_column = layout.number_column();
    let number = number::e164(cells.get(number_column), place_of_number)
        .map_err(|reason| wrong(number_column, reason))?;
    let consent = consent_kind.map(|kind| Consent {
        kind,
        at: consent_at,
        source: consent_source.map(str::to_owned),
    });
    Ok(Row {
        start,
        number,
        zone,
        region,
        country,
        priority,
        consent,
        variables,
    })
}

/// Whether a cell can be what a column of that meaning holds.
pub(crate) fn fits(target: &Target, cell: &str) -> bool {
    match target {
        Target::Zone => place::zone(cell).is_some(),
        Target::Region => matches!(place::region(cell, None), Ok(Some(_))),
        Target::Country => Country::named(cell).is_some(),
        Target::Priority => parse_priority(cell).is_some(),
        Target::ConsentKind => parse_consent(cell).is_ok(),
        Target::ConsentAt => parse_time(cell).is_some(),
        Target::Number | Target::ConsentSource | Target::Ignore | Target::Variable(_) => true,
    }
}

fn longest(text: &str, chars_max: usize) -> bool {
    text.len() <= chars_max || text.chars().count() <= chars_max
}

fn parse_priority(text: &str) -> Option<LeadPriority> {
    match text.to_ascii_lowercase().as_str() {
        "high" | "urgent" => Some(LeadPriority::High),
        "normal" | "medium" => Some(LeadPriority::Normal),
        "low" => Some(LeadPriority::Low),
        _neither => None,
    }
}

/// Nothing when the list says that there is none.
fn parse_consent(text: &str) -> Result<Option<ConsentKind>, Reason> {
    let words = text.to_ascii_lowercase().replace(['_', '-'], " ");
    match words.as_str() {
        "express" | "prior express" | "prior express consent" => Ok(Some(ConsentKind::Express)),
        "written"
        | "express written"
        | "prior express written"
        | "prior express written consent"
        | "pewc" => Ok(Some(ConsentKind::Written)),
        "none" | "no" => Ok(None),
        _neither => Err(Reason::ConsentKind),
    }
}

/// A moment with its offset; one without is taken as UTC, a date as its first moment in UTC. Dates with
/// slashes or dots are not guessed at: 03/04 is two days.
fn parse_time(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    let civil = text
        .parse::<DateTime>()
        .ok()
        .or_else(|| text.parse::<Date>().ok().map(|date| date.at(0, 0, 0, 0)))?;
    let at = civil.to_zoned(TimeZone::UTC).ok()?;
    Some(at.timestamp())
}
