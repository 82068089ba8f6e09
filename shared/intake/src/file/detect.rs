//! What kind of file it is, from its first bytes: encoding and delimiter.

use bytes::Bytes;

use super::format::{Delimiter, Encoding};
use super::problem::FileProblem;
use super::reader::{Position, Read, Reader};
use super::text::Cells;
use crate::layout;

/// How much of a file is looked at before anything is decided. All that is decided depends on these
/// bytes only, however they come in.
pub const SAMPLE_BYTES: usize = 64 * 1024;
/// Rows of the sample that delimiters are tried on and that suggestions are checked with.
pub(crate) const SAMPLE_ROWS: usize = 50;

/// How a ZIP archive begins: `.xlsx` and `.ods` are some.
pub(crate) const PACKED: &[u8] = b"PK\x03\x04";
/// How a compound file begins: `.xls`, and every workbook of Excel that asks for a password.
pub(crate) const COMPOUND: &[u8] = b"\xD0\xCF\x11\xE0";

/// What the sample says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Detected {
    pub(crate) encoding: Encoding,
    pub(crate) delimiter: Delimiter,
    /// The header begins there.
    pub(crate) start: Position,
}

/// Looks at a sample; `whole` when it is the whole file. What is given is not guessed.
pub(crate) fn detect(
    sample: &Bytes,
    whole: bool,
    encoding: Option<Encoding>,
    delimiter: Option<Delimiter>,
) -> Result<Detected, FileProblem> {
    known_binary(sample)?;
    let (marked, mark) = byte_order_mark(sample);
    let encoding = match encoding.or(marked) {
        Some(encoding) => encoding,
        None => guess(sample, whole),
    };
    // A mark of another encoding than the one that is asked for is text like any other.
    let skip = if marked == Some(encoding) { mark } else { 0 };
    let mut start = Position {
        offset: u64::try_from(skip).unwrap_or_default(),
        row: 1,
        after_cr: false,
    };
    if sample.len() == skip {
        return Err(FileProblem::Empty);
    }
    let text = sample.slice(skip..);
    mostly_text(&text, encoding)?;
    if let Some((named, after)) = separator_line(&text, encoding, start) {
        start = after;
        return Ok(Detected {
            encoding,
            delimiter: delimiter.unwrap_or(named),
            start,
        });
    }
    let delimiter = delimiter.unwrap_or_else(|| best_delimiter(&text, encoding, start));
    Ok(Detected {
        encoding,
        delimiter,
        start,
    })
}

/// Up to so many rows of a sample, from its header on. A row that the sample cuts is left out.
pub(crate) fn rows(sample: &Bytes, whole: bool, detected: Detected, mut each: impl FnMut(&Cells)) {
    let mut reader = Reader::new(detected.encoding, detected.delimiter, detected.start);
    let from = usize::try_from(detected.start.offset).unwrap_or_default();
    reader.push(sample.slice(from.min(sample.len())..));
    if whole {
        reader.end();
    }
    let mut cells = Cells::default();
    for _row in 0..SAMPLE_ROWS {
        let Ok(Read::Record) = reader.read() else {
            return;
        };
        if cells.take(&reader, detected.encoding).is_ok() && !cells.all_blank() {
            each(&cells);
        }
    }
}

fn known_binary(sample: &[u8]) -> Result<(), FileProblem> {
    const SPREADSHEET: &str = "open it in the spreadsheet program and save it as CSV";
    const EXPORT: &str = "export the list as CSV";
    const UNPACK: &str = "unpack it first";
    let kinds: &[(&[u8], &str, &str)] = &[
        (PACKED, "a workbook or a ZIP archive", SPREADSHEET),
        (COMPOUND, "an old Excel workbook (.xls)", SPREADSHEET),
        (b"%PDF-", "a PDF", EXPORT),
        (b"\x1F\x8B", "compressed", UNPACK),
        (b"\x89PNG", "a picture", EXPORT),
        (b"\xFF\xD8\xFF", "a picture", EXPORT),
        (b"SQLite format 3", "a database", EXPORT),
        (b"\xFF\xFE\x00\x00", "in UTF-32", "save it as UTF-8"),
        (b"\x00\x00\xFE\xFF", "in UTF-32", "save it as UTF-8"),
    ];
    for (signature, what, advice) in kinds {
        if sample.starts_with(signature) {
            return Err(FileProblem::NotText { what, advice });
        }
    }
    Ok(())
}

fn byte_order_mark(sample: &[u8]) -> (Option<Encoding>, usize) {
    if sample.starts_with(b"\xEF\xBB\xBF") {
        (Some(Encoding::Utf8), 3)
    } else if sample.starts_with(b"\xFF\xFE") {
        (Some(Encoding::Utf16Le), 2)
    } else if sample.starts_with(b"\xFE\xFF") {
        (Some(Encoding::Utf16Be), 2)
    } else {
        (None, 0)
    }
}

/// Without a mark. In UTF-16 every other byte of digits, delimiters and Latin letters is zero.
fn guess(sample: &[u8], whole: bool) -> Encoding {
    let pairs = sample.len() / 2;
    let zeros = |offset: usize| {
        let bytes = sample.iter().skip(offset).step_by(2);
        bytes.filter(|byte| **byte == 0).count()
    };
    let (even, odd) = (zeros(0), zeros(1));
    if pairs >= 4 {
        if odd * 10 >= pairs * 4 && even * 20 <= pairs {
            return Encoding::Utf16Le;
        }
        if even * 10 >= pairs * 4 && odd * 20 <= pairs {
            return Encoding::Utf16Be;
        }
    }
    if sample.is_ascii() {
        return Encoding::Ascii;
    }
    match std::str::from_utf8(sample) {
        Ok(_) => Encoding::Utf8,
        // A character that the sample cuts in two.
        Err(cut) if !whole && cut.error_len().is_none() => Encoding::Utf8,
        Err(_) => Encoding::Windows1252,
    }
}

/// A few stray control characters are rejected with their rows; many are a file that is no text.
fn mostly_text(text: &Bytes, encoding: Encoding) -> Result<(), FileProblem> {
    let utf16 = matches!(encoding, Encoding::Utf16Le | Encoding::Utf16Be);
    let control = |byte: &&u8| **byte < 0x20 && !matches!(**byte, b'\t' | b'\n' | b'\r' | 0x0C);
    let controls = text.iter().filter(control).count();
    if !utf16 && controls > 8 && controls * 100 > text.len() {
        return Err(FileProblem::NotText {
            what: "binary data",
            advice: "export the list as CSV",
        });
    }
    Ok(())
}

/// `sep=;`, which Excel writes and reads above the header.
fn separator_line(text: &Bytes, encoding: Encoding, at: Position) -> Option<(Delimiter, Position)> {
    // The pipe occurs in none of the lines that are looked for but its own.
    let delimiter = Delimiter::ALL.into_iter().find(|delimiter| {
        let mut line = b"sep=".to_vec();
        line.push(delimiter.byte());
        let line = match encoding {
            Encoding::Utf8 | Encoding::Ascii | Encoding::Windows1252 => line,
            Encoding::Utf16Le => line.iter().flat_map(|byte| [*byte, 0]).collect(),
            Encoding::Utf16Be => line.iter().flat_map(|byte| [0, *byte]).collect(),
        };
        let next = text.get(line.len()..).unwrap_or_default();
        let (first, second) = (next.first().copied(), next.get(1).copied());
        let ends = match encoding {
            Encoding::Utf16Be => matches!(second, Some(b'\r' | b'\n') | None),
            Encoding::Utf8 | Encoding::Ascii | Encoding::Windows1252 | Encoding::Utf16Le => {
                matches!(first, Some(b'\r' | b'\n') | None)
            }
        };
        text.starts_with(&line) && ends
    })?;
    let other = match delimiter {
        Delimiter::Pipe => Delimiter::Comma,
        Delimiter::Comma | Delimiter::Semicolon | Delimiter::Tab => Delimiter::Pipe,
    };
    let mut reader = Reader::new(encoding, other, at);
    reader.push(text.clone());
    reader.end();
    match reader.read() {
        Ok(Read::Record) => Some((delimiter, reader.position())),
        Ok(Read::NeedsInput | Read::End) | Err(_) => None,
    }
}

/// The delimiter with which the header names a number column; then the one with which most rows have
/// as many cells as the header; then the one that makes most columns.
fn best_delimiter(text: &Bytes, encoding: Encoding, start: Position) -> Delimiter {
    let mut best = (Delimiter::Comma, (false, 0, 0));
    for delimiter in Delimiter::ALL {
        let detected = Detected {
            encoding,
            delimiter,
            start: Position { offset: 0, ..start },
        };
        let (mut columns, mut numbers, mut rows_seen, mut matching) = (0, false, 0, 0);
        rows(text, false, detected, |cells| {
            if columns == 0 {
                columns = cells.len();
                numbers = cells.iter().any(layout::names_numbers);
            }
            rows_seen += 1;
            matching += usize::from(cells.len() == columns);
        });
        if columns < 2 {
            continue;
        }
        // In eighths, so that one ragged row does not decide.
        let regular = matching * 8 / rows_seen.max(1);
        let score = (numbers, regular, columns);
        if score > best.1 {
            best = (delimiter, score);
        }
    }
    best.0
}
