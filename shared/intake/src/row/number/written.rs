//! The text of a number without what spreadsheets, address books and data frames put around it.

use std::borrow::Cow;

use rlibphonenumber::PHONE_NUMBER_UTIL;

/// What a number is said to be, before a colon. A fax is none of them.
const LABELS: &[&str] = &[
    "tel", "p", "ph", "phone", "t", "m", "mob", "mobile", "mobil", "c", "cell", "telefon", "h",
    "home", "w", "work",
];
/// Digits before a point that are more than an area code.
const FRACTION_AFTER_MIN: usize = 6;

/// The cell as somebody would have written it.
pub(super) fn written(text: &str) -> Cow<'_, str> {
    let text = bare(text);
    let text = if text.is_ascii() {
        Cow::Borrowed(text)
    } else {
        let kept: String = text.chars().filter(|char| !invisible(*char)).collect();
        Cow::Owned(in_ascii_digits(kept.trim()))
    };
    match float(&text).or_else(|| exact_power(&text)) {
        Some(whole) => Cow::Owned(whole),
        None => text,
    }
}

/// `1.41556E+10`: what a spreadsheet leaves of a long number.
pub(super) fn scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else {
        return false;
    };
    let mantissa = mantissa.strip_prefix('+').unwrap_or(mantissa);
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
pub(super) fn letters(text: &str) -> bool {
    text.chars().any(char::is_alphabetic)
}

pub(super) fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Whether a plus comes before the first digit.
pub(super) fn has_plus(text: &str) -> bool {
    text.trim_start_matches(['(', '[', ' ']).starts_with('+')
}

/// Without blanks, the wrapping of a formula whose value is a text, the mark of a cell that is one (both
/// keep the plus sign), and a label.
fn bare(text: &str) -> &str {
    let mut text = text.trim();
    if let Some(inner) = text
        .strip_prefix("=\"")
        .and_then(|inner| inner.strip_suffix('"'))
    {
        text = inner.trim();
    }
    text = text.trim_start_matches('\'').trim();
    match text.split_once(':') {
        Some((label, number)) if is_label(label.trim()) => number.trim_start(),
        Some(_) | None => text,
    }
}

/// The scheme of a link, or what lead forms and people write before a number: `p:+1…`, `Mobile: 0151…`.
fn is_label(label: &str) -> bool {
    LABELS.iter().any(|known| label.eq_ignore_ascii_case(known))
}

/// Marks of writing direction and the like, which copying from address books brings along.
const fn invisible(char: char) -> bool {
    matches!(char, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Digits of any script, and the wide plus, as ASCII has them.
fn in_ascii_digits(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\u{ff0b}' => plain.push('+'),
            _digit if char.is_numeric() && !char.is_ascii() => {
                let digit = PHONE_NUMBER_UTIL.normalize_digits_only(char.to_string());
                if digit.is_empty() {
                    plain.push(char);
                } else {
                    plain.push_str(&digit);
                }
            }
            _other => plain.push(char),
        }
    }
    plain
}

/// `493012345678.0`, `493012345678,00`, `493.012.345.678,0`: a whole number that a program took for one
/// with a fraction. A number that begins with a zero never went through such a program.
fn float(text: &str) -> Option<String> {
    if !text.ends_with('0') {
        return None;
    }
    let (whole, zeros) = text.rsplit_once(['.', ','])?;
    if zeros.len() > 2 || !zeros.bytes().all(|byte| byte == b'0') {
        return None;
    }
    let mark = if text.get(whole.len()..)?.starts_with('.') {
        ','
    } else {
        '.'
    };
    let unsigned = whole.strip_prefix('+').unwrap_or(whole);
    let begins = |digit: char| ('1'..='9').contains(&digit);
    if !unsigned.starts_with(begins) || !grouped_by_three(unsigned, mark) {
        return None;
    }
    Some(whole.chars().filter(|char| *char != mark).collect())
}

/// `493012345678.5`, `0301234567.0`: a quantity, or somebody's way of writing the last digits. Neither is
/// guessed at.
pub(super) fn fraction(text: &str) -> bool {
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    unsigned
        .rsplit_once(['.', ','])
        .is_some_and(|(whole, rest)| {
            whole.len() >= FRACTION_AFTER_MIN
                && digits(whole)
                && (1..=2).contains(&rest.len())
                && digits(rest)
        })
}

fn grouped_by_three(whole: &str, mark: char) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if digits(whole) {
        return true;
    }
    let mut groups = whole.split(mark);
    let first = groups.next().unwrap_or_default();
    (1..=3).contains(&first.len())
        && digits(first)
        && groups.all(|group| group.len() == 3 && digits(group))
}

/// `4.93012345678E+11` has all digits of the number, `4.93012E+11` has not.
fn exact_power(text: &str) -> Option<String> {
    let (mantissa, exponent) = text.split_once(['E', 'e'])?;
    let exponent: usize = exponent
        .strip_prefix('+')
        .unwrap_or(exponent)
        .parse()
        .ok()?;
    let (whole, fraction) = mantissa.split_once(['.', ','])?;
    let unsigned = whole.strip_prefix('+').unwrap_or(whole);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let exact = digits(unsigned) && digits(fraction) && fraction.len() == exponent;
    exact.then(|| format!("{whole}{fraction}"))
}
