//! Several numbers in one cell.

/// Fewer digits are no number of their own but a part of one: `030/1234567`, `555 0100/01`.
const OWN_DIGITS_MIN: usize = 7;
/// Digits of the longest area codes, with the zero in front.
const AREA_DIGITS_MAX: usize = 6;

/// Words between two numbers, in the languages lists come in.
const WORDS: &[&str] = &[
    "or", "and", "oder", "und", "o", "y", "e", "ou", "et", "of", "en", "eller", "och", "og", "lub",
    "i",
];

/// What stands before an extension.
const EXTENSIONS: &[&str] = &["x", "ext", "extn", "extension", "dw", "durchwahl", "poste"];

/// How a cell with more than one number is cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cut<'a> {
    /// It holds one, or none.
    Whole,
    /// By signs and words that no number has inside.
    Sure(Vec<&'a str>),
    /// By slashes, which also stand between an area code and the rest.
    Slashes(Vec<&'a str>),
}

/// Cuts a cell. Most have no sign of a second number, and cost a look at their bytes.
pub(super) fn cut(text: &str) -> Cut<'_> {
    let sign = |byte: u8| {
        matches!(
            byte,
            b'/' | b';' | b',' | b'|' | b'&' | b':' | b'\n' | b'\r'
        ) || byte.is_ascii_alphabetic()
    };
    if !text.bytes().any(sign) {
        return Cut::Whole;
    }
    let parts = sure(text);
    if parts.len() > 1 {
        return Cut::Sure(parts);
    }
    let parts = pieces(text, |char| char == '/');
    if parts.len() > 1 && parts.iter().all(|part| shaped(part)) {
        return Cut::Slashes(parts);
    }
    Cut::Whole
}

/// The parts, if each of them looks like a number: what stands beside one may as well be a note.
fn sure(text: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = Vec::new();
    // Address books put three colons between the values of one field.
    for value in text.split(":::") {
        let lines = |char| matches!(char, ';' | ',' | '|' | '&' | '\n' | '\r');
        for piece in pieces(value, lines) {
            parts.extend(between_words(piece));
        }
    }
    if parts.iter().all(|part| shaped(part)) {
        parts
    } else {
        Vec::new()
    }
}

fn pieces(text: &str, separates: impl Fn(char) -> bool) -> Vec<&str> {
    let parts = text.split(separates).map(str::trim);
    parts.filter(|part| !part.is_empty()).collect()
}

/// Cuts at words that stand alone.
fn between_words(text: &str) -> Vec<&str> {
    if !text.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        return vec![text];
    }
    let mut parts = Vec::new();
    let mut from = 0;
    let mut at = 0;
    for word in text.split_inclusive(char::is_whitespace) {
        let bare = word.trim().trim_end_matches('.');
        if WORDS.iter().any(|known| known.eq_ignore_ascii_case(bare)) {
            parts.push(text.get(from..at).unwrap_or_default().trim());
            from = at + word.len();
        }
        at += word.len();
    }
    parts.push(text.get(from..).unwrap_or_default().trim());
    parts.retain(|part| !part.is_empty());
    parts
}

/// Digits enough for a number, and no letter but those of a label and of an extension.
fn shaped(part: &str) -> bool {
    let part = super::written::written(part);
    let part = without_extension(&part);
    part.chars().filter(char::is_ascii_digit).count() >= OWN_DIGITS_MIN
        && !super::written::letters(part)
}

/// `602 555 0128` of `602 555 0128 ext. 9`. Whether one with an extension may be called is decided elsewhere.
fn without_extension(part: &str) -> &str {
    let Some(at) = part.find(char::is_alphabetic) else {
        return part;
    };
    let (number, rest) = part.split_at(at);
    let digits = rest.trim_start_matches(char::is_alphabetic);
    let word = rest.strip_suffix(digits).unwrap_or_default();
    let digits = digits.trim_start_matches(['.', ':', ' ']);
    let known = EXTENSIONS
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known));
    let short = (1..OWN_DIGITS_MIN).contains(&digits.len());
    if known && short && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        number
    } else {
        part
    }
}

/// Whether what is before the first slash can be no more than an area code, behind a country's code.
pub(super) fn begins_with_area(text: &str) -> bool {
    let first = text.split('/').next().unwrap_or_default().trim();
    let digits = first.chars().filter(char::is_ascii_digit).count();
    let code = if super::written::has_plus(first) {
        3
    } else if first.starts_with("00") {
        5
    } else {
        0
    };
    digits <= AREA_DIGITS_MAX + code
}
