//! One number: in which ways its text can be read, and which of them is believed.

use std::borrow::Cow;

use model::PhoneNumber;
use rlibphonenumber::{
    PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType, Region,
    get_national_significant_number_owned,
};

use super::written::{digits, fraction, has_plus, letters, scientific, written};
use super::{CELL_CHARS_MAX, CellHabit, EMERGENCIES, Found, Home, NumberKind, SHORT_DIGITS_MAX};
use crate::row::place::Country;
use crate::row::reason::{NumberReading, Reason};

/// Digits by which a landline is longer than its country's usual ones before it is rather the mobile that
/// it would be with its code.
const LONGER_THAN_A_MOBILE: usize = 2;
/// The same where the other reading is a landline as well.
const LONGER_THAN_A_LANDLINE: usize = 4;
/// Mexico's. Until 2019 a 1 stood before its mobiles when they were called from abroad.
const MEXICO: i32 = 52;
const MEXICO_DIGITS: usize = 10;

/// A text as a number that some range of numbers has, whether or not it may be called.
pub(super) struct Reading {
    parsed: rlibphonenumber::PhoneNumber,
    kind: PhoneNumberType,
    number: PhoneNumber,
}

impl Reading {
    pub(super) fn callable(self) -> Result<Found, Reason> {
        let kind = match self.kind {
            PhoneNumberType::FixedLine => NumberKind::Landline,
            PhoneNumberType::Mobile => NumberKind::Mobile,
            PhoneNumberType::FixedLineOrMobile => NumberKind::LandlineOrMobile,
            PhoneNumberType::TollFree => NumberKind::TollFree,
            PhoneNumberType::SharedCost => NumberKind::SharedCost,
            PhoneNumberType::VoIP => NumberKind::Voip,
            PhoneNumberType::PersonalNumber => NumberKind::Personal,
            PhoneNumberType::UAN => NumberKind::Company,
            PhoneNumberType::PremiumRate => return Err(Reason::NumberPremium),
            PhoneNumberType::Pager | PhoneNumberType::VoiceMail => {
                return Err(Reason::NumberMachine);
            }
            PhoneNumberType::Unknown => return Err(Reason::NumberUnknown),
        };
        Ok(Found {
            number: self.number,
            kind,
        })
    }

    /// Digits behind the country's code.
    fn length(&self) -> usize {
        let code = self.parsed.country_code;
        self.number.as_str().len() - 1 - decimal_digits(code)
    }

    fn is_mobile(&self) -> bool {
        self.kind == PhoneNumberType::Mobile
    }

    /// A landline or a mobile.
    const fn is_of_a_line(&self) -> bool {
        matches!(
            self.kind,
            PhoneNumberType::FixedLine
                | PhoneNumberType::Mobile
                | PhoneNumberType::FixedLineOrMobile
        )
    }

    fn named(&self) -> NumberReading {
        NumberReading::of(&self.number)
    }
}

/// What the text of one number is.
pub(super) fn of_one(text: &str, home: &Home) -> Result<Reading, Reason> {
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
    if fraction(text) {
        return Err(Reason::NumberUnreadable);
    }
    let read = as_it_is(text, home);
    match zero_in_brackets(text) {
        Some(without) => with_or_without_zero(read, as_it_is(&without, home)),
        None => read,
    }
}

fn as_it_is(text: &str, home: &Home) -> Result<Reading, Reason> {
    if let Some(code) = home.code {
        return behind_code(text, home, code);
    }
    without_column(text, home)
}

/// The calling code is in a column of its own: the number is national, or begins with the same code.
fn behind_code(text: &str, home: &Home, code: super::CallingCode) -> Result<Reading, Reason> {
    let country = code.country();
    let inner = Home {
        country,
        default: country,
        code: None,
        habit: home.habit,
    };
    let read = match (code.area(), country) {
        _any if has_plus(text) => without_column(text, &inner),
        (Some(area), _) => {
            let digits = digits(text);
            let with = of_text(&format!("+{}{area}{digits}", code.code()), None);
            let without = without_column(text, &inner);
            match (with, without) {
                (Ok(with), Ok(without)) if with.number != without.number => {
                    Err(ambiguous(&without, &with))
                }
                (Ok(with), _) => Ok(with),
                (Err(_), without) => without,
            }
        }
        (None, Some(_)) => without_column(text, &inner),
        // Satellites and the like.
        (None, None) => of_text(&format!("+{}{}", code.code(), digits(text)), None),
    }?;
    if read.parsed.country_code != code.code() {
        return Err(Reason::CallingCodeConflict);
    }
    Ok(read)
}

fn without_column(text: &str, home: &Home) -> Result<Reading, Reason> {
    let region = home.country.map(Country::region);
    if has_plus(text) {
        return of_text(text, region);
    }
    let digit_count = text.chars().filter(|char| char.is_numeric()).count();
    if (1..=SHORT_DIGITS_MAX).contains(&digit_count) && !letters(text) {
        if EMERGENCIES.contains(&digits(text).as_str()) {
            return Err(Reason::NumberEmergency);
        }
        if !region.is_some_and(has_short_lines) {
            return Err(Reason::NumberShort);
        }
    }
    let Some(region) = region else {
        if digit_count == 0 {
            return Err(Reason::NumberUnreadable);
        }
        return with_prefix(text, Reason::NumberWithoutCountry);
    };
    match of_text(text, Some(region)) {
        Ok(national) => beside_national(text, national, region, home),
        Err(Reason::NumberUnknown) => instead_of_national(text, region, home),
        Err(reason @ Reason::NumberUnreadable) => with_prefix(text, reason),
        Err(reason) => Err(reason),
    }
}

/// There is such a national number. It is the only reading, unless the text begins with a code.
fn beside_national(
    text: &str,
    national: Reading,
    region: Region,
    home: &Home,
) -> Result<Reading, Reason> {
    let own = begins_with(text, code_of(region));
    if !own && !home.habit.has_foreign() && !home.habit.says_without_plus() {
        return Ok(national);
    }
    // A prefix for calls abroad was read.
    if national.parsed.country_code != code_of(region) {
        return Ok(national);
    }
    let national = match longer(text, &national, region) {
        // The code was seen, and there is no other way to read it.
        None if is_whole(text, &national) => return Ok(national),
        None => national,
        Some(longer) => longer,
    };
    let coded = format!("+{}", digits(text));
    let international = match of_text(&coded, None) {
        Ok(international) => international,
        // Where all others have their code, this is one that lost a digit, and the national number
        // is somebody else's.
        Err(_) if own && lost_digits(&national, home) => {
            return Err(
                NumberReading::written(&coded).map_or(Reason::NumberUnknown, |coded| {
                    Reason::NumberAmbiguous {
                        national: national.named(),
                        international: coded,
                    }
                }),
            );
        }
        Err(_) => return Ok(national),
    };
    if international.number == national.number {
        return Ok(national);
    }
    if !own && !is_longer_reading(&national, &international, region) {
        return Err(ambiguous(&national, &international));
    }
    if is_usual(&national) && !is_usual(&international) {
        // Unless it lost digits behind its code.
        return if home.habit.says_without_plus() {
            Err(ambiguous(&national, &international))
        } else {
            Ok(national)
        };
    }
    if is_longer_reading(&national, &international, region) || home.habit.says_coded() {
        return Ok(international);
    }
    if home.habit.says_plain() {
        return Ok(national);
    }
    Err(ambiguous(&national, &international))
}

/// There is no such national number. With its own country's code it is believed, with another's only where
/// the column is written so.
fn instead_of_national(text: &str, region: Region, home: &Home) -> Result<Reading, Reason> {
    let found = digits(text);
    if found.starts_with('0') {
        return with_prefix(text, Reason::NumberUnknown);
    }
    let own = [Some(region), home.default.map(Country::region)];
    let own = own
        .into_iter()
        .flatten()
        .any(|region| begins_with(text, code_of(region)));
    if !own && !home.habit.says_foreign() {
        return Err(Reason::NumberUnknown);
    }
    of_text(&format!("+{found}"), None)
}

/// The international prefix as most of the world dials it, in a country that dials another.
fn with_prefix(text: &str, reason: Reason) -> Result<Reading, Reason> {
    match digits(text).strip_prefix("00") {
        Some(number) => of_text(&format!("+{number}"), None).map_err(|_neither| reason),
        None => Err(reason),
    }
}

fn of_text(text: &str, region: Option<Region>) -> Result<Reading, Reason> {
    let parsed = PHONE_NUMBER_UTIL
        .parse(text, region)
        .map_err(|_why| Reason::NumberUnreadable)?;
    if parsed.extension.is_some() {
        return Err(Reason::NumberExtension);
    }
    if letters(text) {
        return Err(Reason::NumberUnreadable);
    }
    let kind = PHONE_NUMBER_UTIL.get_number_type(&parsed);
    if kind == PhoneNumberType::Unknown {
        return of_old_mexico(&parsed, has_plus(text)).ok_or(Reason::NumberUnknown);
    }
    let number = PHONE_NUMBER_UTIL
        .format(&parsed, PhoneNumberFormat::E164)
        .parse()
        .map_err(|_not_e164| Reason::NumberUnknown)?;
    Ok(Reading {
        parsed,
        kind,
        number,
    })
}

/// A number of Mexico behind what was dialled before it until 2019: 01, 044 and 045 at home, 1 after the
/// country's code. Ten digits behind a bare 1 may be a number of the United States, and are left alone.
fn of_old_mexico(parsed: &rlibphonenumber::PhoneNumber, coded: bool) -> Option<Reading> {
    if parsed.country_code != MEXICO {
        return None;
    }
    let national = get_national_significant_number_owned(parsed);
    let prefixes: &[&str] = if coded {
        &["044", "045", "01", "1"]
    } else {
        &["044", "045", "01"]
    };
    let number = prefixes
        .iter()
        .find_map(|prefix| national.strip_prefix(prefix))
        .filter(|number| number.len() == MEXICO_DIGITS)?;
    of_text(&format!("+{MEXICO}{number}"), None).ok()
}

/// The text without a zero in brackets behind other digits: `+44 (0)20 …`, `+39 (0)30 …`.
fn zero_in_brackets(text: &str) -> Option<String> {
    let (before, after) = text.split_once("(0)")?;
    let behind = before.chars().any(|char| char.is_ascii_digit());
    behind.then(|| format!("{before} {after}"))
}

/// Where a zero belongs to the number (Italy's landlines) it stays. Where a country dials it only at home,
/// or has none, it goes. A number of usual length is neither if the zero only makes a landline of a mobile, or
/// a company's number of a line (Ascension).
fn with_or_without_zero(
    with: Result<Reading, Reason>,
    without: Result<Reading, Reason>,
) -> Result<Reading, Reason> {
    match (with, without) {
        (Ok(with), Ok(without)) if with.number == without.number => Ok(with),
        (Ok(with), Ok(without)) => {
            let belongs = with.is_of_a_line()
                && get_national_significant_number_owned(&with.parsed).starts_with('0');
            let usual = usual_length(&without, PhoneNumberType::Mobile);
            let mobile = without.is_mobile() && usual == Some(without.length());
            if belongs && !mobile {
                Ok(with)
            } else {
                Err(ambiguous(&with, &without))
            }
        }
        (Ok(with), Err(_)) => Ok(with),
        (Err(_), Ok(without)) => Ok(without),
        (Err(reason), Err(_)) => Err(reason),
    }
}

/// Whether the national reading is that of a number to which the code was added a second time.
fn is_longer_reading(national: &Reading, international: &Reading, region: Region) -> bool {
    let Some(usual) = usual_in(region, PhoneNumberType::FixedLine) else {
        return false;
    };
    let longer = national.length().saturating_sub(usual);
    let mobile = international.is_mobile() && !national.is_mobile();
    mobile && longer >= LONGER_THAN_A_MOBILE
        || !national.is_mobile() && longer >= LONGER_THAN_A_LANDLINE
}

/// Where the code was seen: the national number that begins like it. The region's own plan has none, but one that
/// shares its code may have (Finland's beside Åland's).
fn longer(text: &str, national: &Reading, region: Region) -> Option<Reading> {
    if !is_whole(text, national) {
        return None;
    }
    of_text(&format!("+{}{}", code_of(region), digits(text)), None).ok()
}

/// Whether a country's own numbers are as short as the services of others (Andorra, Greenland).
fn has_short_lines(region: Region) -> bool {
    usual_in(region, PhoneNumberType::FixedLine).is_some_and(|digits| digits <= SHORT_DIGITS_MAX)
}

fn usual_length(reading: &Reading, kind: PhoneNumberType) -> Option<usize> {
    usual_in(
        PHONE_NUMBER_UTIL.get_region_for_number(&reading.parsed)?,
        kind,
    )
}

/// Whether the column has such codes that a national number would rather be one that lost digits behind its code. One
/// of the usual length is believed unless several others show it.
fn lost_digits(national: &Reading, home: &Home) -> bool {
    home.habit.says_without_plus() || !is_usual(national) && home.habit.says_coded_without_plus()
}

/// Whether it is as long as most numbers of its kind.
fn is_usual(reading: &Reading) -> bool {
    usual_length(reading, reading.kind) == Some(reading.length())
}

/// Digits of the example that the metadata has of a kind.
fn usual_in(region: Region, kind: PhoneNumberType) -> Option<usize> {
    let example = PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(region, kind);
    Some(get_national_significant_number_owned(&example.ok()?).len())
}

fn ambiguous(national: &Reading, international: &Reading) -> Reason {
    Reason::NumberAmbiguous {
        national: national.named(),
        international: international.named(),
    }
}

/// What the only way to read a number says of its column.
pub(super) fn habit(text: &str, home: &Home) -> Option<CellHabit> {
    let text: Cow<'_, str> = written(text);
    let text = text.as_ref();
    let country = match home.code {
        Some(code) => code.country(),
        None => home.country,
    };
    let region = country.map(Country::region);
    let prefixed = has_plus(text) || digits(text).starts_with("00");
    if prefixed {
        let read = without_column(text, home).is_ok();
        return read.then_some(CellHabit::Plus);
    }
    let region = region?;
    let own = begins_with(text, code_of(region));
    let found = digits(text);
    if found.len() <= SHORT_DIGITS_MAX {
        return None;
    }
    match of_text(text, Some(region)) {
        Ok(national) => {
            if national.parsed.country_code != code_of(region) {
                return Some(CellHabit::Plus);
            }
            if is_whole(text, &national) {
                return Some(CellHabit::Coded);
            }
            let international = of_text(&format!("+{found}"), None);
            if !own {
                if international.is_ok() {
                    return None;
                }
                let significant = get_national_significant_number_owned(&national.parsed);
                return Some(if significant == found {
                    CellHabit::Plain
                } else {
                    CellHabit::Trunk
                });
            }
            let international = international.ok()?;
            let coded = international.number == national.number
                || is_longer_reading(&national, &international, region);
            coded.then_some(CellHabit::Coded)
        }
        Err(Reason::NumberUnknown) if !found.starts_with('0') => {
            of_text(&format!("+{found}"), None).ok()?;
            Some(if own {
                CellHabit::Coded
            } else {
                CellHabit::Foreign
            })
        }
        Err(_) => None,
    }
}

/// Whether the reading is the text's digits and nothing else.
fn is_whole(text: &str, reading: &Reading) -> bool {
    let number = reading.number.as_str().bytes().skip(1);
    number.eq(text.bytes().filter(u8::is_ascii_digit))
}

/// Whether the text's first digits are a calling code.
fn begins_with(text: &str, code: i32) -> bool {
    let mut found = text.bytes().filter(u8::is_ascii_digit);
    let mut divisor =
        10_i32.pow(u32::try_from(decimal_digits(code).saturating_sub(1)).unwrap_or(0));
    while divisor > 0 {
        let wanted = u8::try_from(code / divisor % 10).unwrap_or_default() + b'0';
        if found.next() != Some(wanted) {
            return false;
        }
        divisor /= 10;
    }
    code > 0
}

fn decimal_digits(code: i32) -> usize {
    match code {
        ..10 => 1,
        10..100 => 2,
        100.. => 3,
    }
}

fn code_of(region: Region) -> i32 {
    PHONE_NUMBER_UTIL
        .get_country_code_for_region(region)
        .unwrap_or_default()
}
