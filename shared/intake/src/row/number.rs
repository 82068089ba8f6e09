//! Phone numbers as people write them, turned into E.164 or into a reason why not.
//!
//! What a number is, is decided by a port of libphonenumber and its metadata. What is kept out before
//! and after is what a dialler must not dial: extensions, premium numbers, short numbers.

use std::borrow::Cow;

use model::PhoneNumber;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberType, Region};

use super::place::Country;
use super::reason::Reason;

/// A cell longer than this is no phone number.
const CELL_CHARS_MAX: usize = 60;
/// Up to this many digits a number is one of a country's short numbers: emergencies, services.
const SHORT_DIGITS_MAX: usize = 6;

/// A number that may be dialled as far as its kind goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callable {
    pub number: PhoneNumber,
    /// The country that the number is from; absent for satellites and the like.
    pub country: Option<Country>,
}

/// A number in E.164, from how somebody wrote it. One without a country code is of this country.
///
/// # Errors
/// Why it is none that can be called: one of the `Number…` reasons.
pub fn normalise(text: &str, country: Option<Country>) -> Result<Callable, Reason> {
    let (parsed, number) = parse(text, country)?;
    let country = PHONE_NUMBER_UTIL
        .get_region_for_number(&parsed)
        .and_then(Country::of_region);
    Ok(Callable { number, country })
}

/// The same without looking for the country that the number is from.
pub(crate) fn e164(text: &str, country: Option<Country>) -> Result<PhoneNumber, Reason> {
    parse(text, country).map(|(_parsed, number)| number)
}

fn parse(
    text: &str,
    country: Option<Country>,
) -> Result<(rlibphonenumber::PhoneNumber, PhoneNumber), Reason> {
    let text = written(text);
    let text = text.as_ref();
    if text.is_empty() {
        return Err(Reason::NumberMissing);
    }
    if text.chars().count() > CELL_CHARS_MAX {
        return Err(Reason::NumberUnreadable);
    }
    if scientific(text) {
        return Err(Reason::NumberScientific);
    }
    let region = country.map(Country::region);
    dialled(text, region).or_else(|reason| {
        // The international prefix as most of the world dials it, in a country that dials another.
        let international = digits(text);
        match international.strip_prefix("00") {
            Some(number) if !text.starts_with('+') => {
                dialled(&format!("+{number}"), None).map_err(|_neither| reason)
            }
            Some(_) | None => Err(reason),
        }
    })
}

fn dialled(
    text: &str,
    region: Option<Region>,
) -> Result<(rlibphonenumber::PhoneNumber, PhoneNumber), Reason> {
    let digit_count = text.chars().filter(|char| char.is_numeric()).count();
    let plus = text.starts_with(['+', '\u{ff0b}']);
    if (1..=SHORT_DIGITS_MAX).contains(&digit_count) && !plus && !letters(text) {
        return Err(Reason::NumberShort);
    }
    if !plus && region.is_none() {
        return Err(if digit_count == 0 {
            Reason::NumberUnreadable
        } else {
            Reason::NumberWithoutCountry
        });
    }
    let parsed = PHONE_NUMBER_UTIL
        .parse(text, region)
        .map_err(|_why| Reason::NumberUnreadable)?;
    if parsed.extension.is_some() {
        return Err(Reason::NumberExtension);
    }
    if letters(text) {
        return Err(Reason::NumberUnreadable);
    }
    match PHONE_NUMBER_UTIL.get_number_type(&parsed) {
        PhoneNumberType::FixedLine
        | PhoneNumberType::Mobile
        | PhoneNumberType::FixedLineOrMobile
        | PhoneNumberType::TollFree
        | PhoneNumberType::SharedCost
        | PhoneNumberType::VoIP
        | PhoneNumberType::PersonalNumber
        | PhoneNumberType::UAN => {}
        PhoneNumberType::PremiumRate => return Err(Reason::NumberPremium),
        PhoneNumberType::Pager | PhoneNumberType::VoiceMail => return Err(Reason::NumberMachine),
        PhoneNumberType::Unknown => return Err(Reason::NumberUnknown),
    }
    let number = PHONE_NUMBER_UTIL
        .format(&parsed, rlibphonenumber::PhoneNumberFormat::E164)
        .parse()
        .map_err(|_not_e164| Reason::NumberUnknown)?;
    Ok((parsed, number))
}

/// The cell without what spreadsheets and address books put around a number.
fn written(text: &str) -> Cow<'_, str> {
    let mut text = text.trim();
    // A formula whose value is a text, and the mark of a cell that is one: both keep the plus sign.
    if let Some(inner) = text
        .strip_prefix("=\"")
        .and_then(|inner| inner.strip_suffix('"'))
    {
        text = inner.trim();
    }
    text = text.trim_start_matches('\'').trim();
    if let Some(number) = text
        .get(..4)
        .filter(|scheme| scheme.eq_ignore_ascii_case("tel:"))
    {
        text = text.get(number.len()..).unwrap_or_default();
    }
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    // Marks of writing direction and the like, which copying from address books brings along.
    let invisible = |char: &char| matches!(char, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    let kept: String = text.chars().filter(|char| !invisible(char)).collect();
    Cow::Owned(kept.trim().to_owned())
}

/// `1.41556E+10`: what a spreadsheet leaves of a long number.
fn scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else {
        return false;
    };
    let exponent = exponent.trim_start_matches(['+', '-']);
    let number = |text: &str, extra: &[char]| {
        !text.is_empty()
            && text
                .chars()
                .all(|char| char.is_ascii_digit() || extra.contains(&char))
    };
    number(mantissa, &['.', ',']) && number(exponent, &[]) && exponent.len() <= 3
}

/// Words in the cell: a note about the number, or letters for digits. Neither is guessed at.
fn letters(text: &str) -> bool {
    text.chars().any(char::is_alphabetic)
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}
