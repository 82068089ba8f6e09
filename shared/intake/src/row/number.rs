//! Phone numbers as people write them, turned into E.164 or into a reason why not.
//!
//! What a number is, is decided by a port of libphonenumber and its metadata. What is kept out before
//! and after is what a dialler must not dial: extensions, premium numbers, short numbers, and numbers
//! that can be read in two ways.
//!
//! Two readings come about when a spreadsheet drops the plus: `4915124783044` in a German list is a mobile
//! with its country's code, or the rest of a very long landline. One that no range of numbers has is out;
//! of two that there are the lengths, and then the column as a whole decide; what is left is kept out.

mod code;
mod habit;
mod reading;
mod several;
mod written;

use model::PhoneNumber;
use rlibphonenumber::PHONE_NUMBER_UTIL;
use serde::{Deserialize, Serialize};

pub(crate) use self::code::CallingCode;
pub(crate) use self::habit::CellHabit;
pub use self::habit::NumberHabit;
use self::reading::Reading;
use self::several::Cut;
use super::place::Country;
use super::reason::Reason;

/// A cell longer than this is no phone number.
const CELL_CHARS_MAX: usize = 60;
/// A cell longer than this holds no few phone numbers.
const SEVERAL_CHARS_MAX: usize = 200;
/// Up to this many digits a number is one of a country's short numbers, if it is one at all.
const SHORT_DIGITS_MAX: usize = 6;
/// What people dial for help, in whatever country. Other short numbers are only too short.
const EMERGENCIES: &[&str] = &[
    "000", "110", "111", "112", "113", "115", "118", "119", "133", "144", "190", "192", "193",
    "911", "995", "999",
];

/// A number that may be dialled as far as its kind goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callable {
    pub number: PhoneNumber,
    /// The country that the number is from; absent for satellites and the like.
    pub country: Option<Country>,
    pub kind: NumberKind,
}

/// What sort of number it is, of those that may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NumberKind {
    Landline,
    Mobile,
    /// Of a country whose mobiles have numbers like its landlines.
    LandlineOrMobile,
    TollFree,
    /// Whoever is called pays a part.
    SharedCost,
    /// Internet telephony.
    Voip,
    /// It follows a person to whatever phone.
    Personal,
    /// One number of all a company's places.
    Company,
}

/// What is known of a number besides its digits.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Home {
    /// Of a number without a code: the row's country, else the list's.
    pub(crate) country: Option<Country>,
    /// The list's country, whatever the row says.
    pub(crate) default: Option<Country>,
    /// What stands in the column of calling codes.
    pub(crate) code: Option<CallingCode>,
    /// How the rest of its column is written.
    pub(crate) habit: NumberHabit,
}

/// A number that was found in a cell.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) number: PhoneNumber,
    pub(crate) kind: NumberKind,
}

/// A number in E.164, from how somebody wrote it. One without a country code is of this country.
///
/// # Errors
/// Why it is none that can be called: one of the `Number…` reasons.
pub fn normalise(text: &str, country: Option<Country>) -> Result<Callable, Reason> {
    let home = Home {
        country,
        default: country,
        ..Home::default()
    };
    let mut found = read(text, &home);
    let Some(first) = found.next() else {
        return Err(Reason::NumberMissing);
    };
    if found.next().is_some() {
        return Err(Reason::NumberSeveral);
    }
    let Found { number, kind } = first?;
    let parsed = PHONE_NUMBER_UTIL.parse(number.as_str(), None);
    let region = parsed
        .ok()
        .and_then(|parsed| PHONE_NUMBER_UTIL.get_region_for_number(&parsed));
    Ok(Callable {
        number,
        country: region.and_then(Country::of_region),
        kind,
    })
}

/// The numbers of a cell in their order, or why one is none; nothing in an empty cell.
pub(crate) fn read<'a>(
    text: &'a str,
    home: &'a Home,
) -> impl Iterator<Item = Result<Found, Reason>> + use<'a> {
    let (only, parts) = parts(text, home);
    let parts = parts
        .into_iter()
        .map(move |part| reading::of_one(part, home).and_then(Reading::callable));
    only.into_iter().chain(parts)
}

/// How the only way to read a part of a cell shows its column to be written.
pub(crate) fn habits(text: &str, home: &Home) -> Vec<CellHabit> {
    let whole = match several::cut(text) {
        Cut::Sure(parts) => {
            return parts
                .iter()
                .filter_map(|part| reading::habit(part, home))
                .collect();
        }
        Cut::Slashes(_) | Cut::Whole => text,
    };
    reading::habit(whole, home).into_iter().collect()
}

/// The only number that is in a cell, or parts that are numbers of their own.
fn parts<'a>(text: &'a str, home: &Home) -> (Option<Result<Found, Reason>>, Vec<&'a str>) {
    let text = text.trim();
    if text.is_empty() {
        return (None, Vec::new());
    }
    // Whoever writes more than a few numbers writes something else.
    if text.len() > SEVERAL_CHARS_MAX && text.chars().count() > SEVERAL_CHARS_MAX {
        return (Some(Err(Reason::NumberUnreadable)), Vec::new());
    }
    let whole = || reading::of_one(text, home).and_then(Reading::callable);
    match several::cut(text) {
        Cut::Sure(parts) => (None, parts),
        Cut::Slashes(parts) => {
            // `+49 39292 / 2345678` is one number, though either side could be one.
            let one = several::begins_with_area(text).then(whole);
            match one {
                Some(Ok(one)) => (Some(Ok(one)), Vec::new()),
                Some(Err(_)) | None => (None, parts),
            }
        }
        Cut::Whole if text.contains('/') && !several::begins_with_area(text) => {
            let reason = match whole() {
                Err(Reason::NumberExtension) => Reason::NumberExtension,
                Err(_) if written::letters(text) => Reason::NumberUnreadable,
                Ok(_) | Err(_) => Reason::NumberSeveral,
            };
            (Some(Err(reason)), Vec::new())
        }
        Cut::Whole => (Some(whole()), Vec::new()),
    }
}
