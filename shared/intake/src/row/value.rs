//! What a cell says, by what its column is.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use model::{ConsentKind, LeadPriority};

use crate::column::Target;
use crate::row::number::CallingCode;
use crate::row::place::{self, Country};
use crate::row::reason::Reason;
use crate::row::regions;

/// The longest text on where a consent was given.
pub const SOURCE_CHARS_MAX: usize = 500;

/// The longest postal code, with its blanks and hyphens.
const POSTAL_CODE_CHARS_MAX: usize = 12;

/// Whether a cell can be what a column of that meaning holds.
pub(crate) fn fits(target: &Target, cell: &str) -> bool {
    match target {
        Target::Zone => place::zone(cell).is_some(),
        Target::Region => regions::is_region(cell),
        Target::PostalCode => is_postal_code(cell),
        Target::Country => Country::named(cell).is_some(),
        Target::Priority => parse_priority(cell).is_some(),
        Target::ConsentKind => parse_consent(cell).is_ok(),
        Target::ConsentAt => parse_time(cell).is_some(),
        Target::CallingCode => CallingCode::of(cell).is_some(),
        Target::Number
        | Target::Alternate
        | Target::ConsentSource
        | Target::Ignore
        | Target::Variable(_) => true,
    }
}

/// Letters and digits of any country's postal service, some digit among them: `96813`, `K1A 0B1`, `SW1A 1AA`.
pub(crate) fn is_postal_code(text: &str) -> bool {
    let parts = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '.');
    let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
    text.len() <= POSTAL_CODE_CHARS_MAX && has_digit && text.chars().all(parts)
}

pub(crate) fn longest(text: &str, chars_max: usize) -> bool {
    text.len() <= chars_max || text.chars().count() <= chars_max
}

pub(crate) fn parse_priority(text: &str) -> Option<LeadPriority> {
    match text.to_ascii_lowercase().as_str() {
        "high" | "urgent" => Some(LeadPriority::High),
        "normal" | "medium" => Some(LeadPriority::Normal),
        "low" => Some(LeadPriority::Low),
        _neither => None,
    }
}

/// Nothing when the list says that there is none.
pub(crate) fn parse_consent(text: &str) -> Result<Option<ConsentKind>, Reason> {
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
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
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
