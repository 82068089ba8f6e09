//! Which encoding a sample without a mark is in.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};

use super::format::{Encoding, Encodings};
use crate::row::place::Country;

/// Without a mark. In UTF-16 every other byte of digits, delimiters and Latin letters is zero. UTF-8 is known by
/// its form, and most of the cells that have other letters than ASCII's decide: a row or two in another encoding
/// make no other file of it. What is left is told by the letters and the country that the list is from.
pub(crate) fn guess(sample: &[u8], whole: bool, country: Option<Country>) -> Encodings {
    let of_one = |file| Encodings {
        file,
        fallback: Encoding::Windows1252,
    };
    if let Some(utf16) = utf16(sample) {
        return of_one(utf16);
    }
    if sample.is_ascii() {
        return of_one(Encoding::Ascii);
    }
    let text = if whole { sample } else { uncut(sample) };
    let (mut utf8, mut others) = (0_usize, Vec::new());
    for cell in text.split(|byte| b"\r\n,;\t\"".contains(byte)) {
        if cell.is_ascii() {
            continue;
        }
        match std::str::from_utf8(cell) {
            Ok(_) => utf8 += 1,
            Err(_) => others.push(cell),
        }
    }
    if others.is_empty() {
        return of_one(Encoding::Utf8);
    }
    let other = by_letters(&others, country);
    if utf8 >= others.len() {
        return Encodings {
            file: Encoding::Utf8,
            fallback: other,
        };
    }
    of_one(other)
}

fn utf16(sample: &[u8]) -> Option<Encoding> {
    let pairs = sample.len() / 2;
    let zeros = |offset: usize| {
        let bytes = sample.iter().skip(offset).step_by(2);
        bytes.filter(|byte| **byte == 0).count()
    };
    let (even, odd) = (zeros(0), zeros(1));
    if pairs >= 4 && odd * 10 >= pairs * 4 && even * 20 <= pairs {
        return Some(Encoding::Utf16Le);
    }
    if pairs >= 4 && even * 10 >= pairs * 4 && odd * 20 <= pairs {
        return Some(Encoding::Utf16Be);
    }
    None
}

/// Up to the last end of a line: a character that the sample cuts in two is none of another encoding.
fn uncut(sample: &[u8]) -> &[u8] {
    let last = sample
        .iter()
        .rposition(|byte| matches!(byte, b'\r' | b'\n'));
    let end = last.unwrap_or(sample.len());
    sample.get(..end).unwrap_or(sample)
}

fn by_letters(cells: &[&[u8]], country: Option<Country>) -> Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    for cell in cells {
        detector.feed(cell, false);
        detector.feed(b"\n", false);
    }
    detector.feed(b"", true);
    let domain = country.map(domain);
    let table = detector.guess(domain.as_ref().map(String::as_bytes), Utf8Detection::Deny);
    match Encoding::of_table(table) {
        Some(Encoding::Windows1252) if is_latin_9(cells) => Encoding::Iso8859_15,
        Some(encoding) => encoding,
        None => Encoding::Windows1252,
    }
}

/// The country's domain on the Web, by which the detector knows its languages.
fn domain(country: Country) -> String {
    match country.to_string().to_ascii_lowercase().as_str() {
        "gb" => "uk".to_owned(),
        other => other.to_owned(),
    }
}

/// ISO-8859-15: where it has letters and the euro, Windows-1252 has signs that stand in no word, and where that
/// has signs of its own the other has controls.
fn is_latin_9(cells: &[&[u8]]) -> bool {
    let of_windows = |byte: &u8| matches!(byte, 0x80..=0x9F);
    let has_windows = |cell: &&[u8]| cell.iter().any(of_windows);
    cells.iter().any(|cell| has_latin_9(cell)) && !cells.iter().any(has_windows)
}

fn has_latin_9(cell: &[u8]) -> bool {
    let letter =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphabetic() || *byte >= 0xC0);
    cell.iter().enumerate().any(|(at, byte)| {
        let before = at.checked_sub(1).and_then(|before| cell.get(before));
        let behind = cell.get(at + 1);
        let lower = behind.is_some_and(u8::is_ascii_lowercase);
        match byte {
            // The euro sign beside a currency sign that nobody writes.
            0xA4 => true,
            // Š š ž beside ¦ ¨ ¸.
            0xA6 | 0xA8 | 0xB8 => letter(before) || letter(behind),
            // Ž at the beginning of a word; as ´ it stands within or behind one.
            0xB4 => !letter(before) && lower,
            // Œ œ Ÿ beside ¼ ½ ¾, which stand behind digits.
            0xBC..=0xBE => letter(behind) && !before.is_some_and(u8::is_ascii_digit),
            _other => false,
        }
    })
}
