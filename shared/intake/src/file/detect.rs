//! What kind of file it is, from its first bytes: encoding and delimiter.

use bytes::Bytes;

use super::format::{Delimiter, Encoding, Encodings};
use super::guess;
use super::problem::FileProblem;
use super::quote::Shape;
use super::reader::{Position, Read, Reader};
use super::text::Cells;
use crate::layout;
use crate::row::place::Country;

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
    pub(crate) encodings: Encodings,
    pub(crate) delimiter: Delimiter,
    /// The first row begins there.
    pub(crate) start: Position,
}

/// Looks at a sample; `whole` when it is the whole file. What is given is not guessed.
pub(crate) fn detect(
    sample: &Bytes,
    whole: bool,
    encoding: Option<Encoding>,
    delimiter: Option<Delimiter>,
    country: Option<Country>,
) -> Result<Detected, FileProblem> {
    known_binary(sample)?;
    markup(sample)?;
    let (marked, mark) = byte_order_mark(sample);
    let text = sample.get(mark..).unwrap_or_default();
    let guessed = guess::guess(text, whole, country);
    let encodings = match encoding.or(marked) {
        // A file that says its encoding has rows in another as well.
        Some(file) => Encodings {
            file,
            fallback: match guessed.file.table() {
                Some(_) => guessed.file,
                None => guessed.fallback,
            },
        },
        None => guessed,
    };
    // A mark of another encoding than the one that is asked for is text like any other.
    let skip = if marked == Some(encodings.file) {
        mark
    } else {
        0
    };
    let mut start = Position {
        offset: u64::try_from(skip).unwrap_or_default(),
        row: 1,
        after_cr: false,
    };
    if sample.len() == skip {
        return Err(FileProblem::Empty);
    }
    let text = sample.slice(skip..);
    mostly_text(&text, encodings.file)?;
    let named = separator_line(&text, encodings, start);
    if let Some((_, after)) = named {
        start = after;
    }
    let given = delimiter.or(named.map(|(delimiter, _)| delimiter));
    let delimiter = given.unwrap_or_else(|| best_delimiter(&text, whole, encodings));
    Ok(Detected {
        encodings,
        delimiter,
        start,
    })
}

/// Up to so many rows of a sample. A row that the sample cuts is left out.
pub(crate) fn rows(
    sample: &Bytes,
    whole: bool,
    detected: Detected,
    shape: Shape,
    mut each: impl FnMut(&mut Cells),
) {
    let mut reader = reader(sample, whole, detected, shape);
    let mut cells = Cells::default();
    for _row in 0..SAMPLE_ROWS {
        let Ok(Read::Record) = reader.read() else {
            return;
        };
        let read = cells.take(&reader, detected.encodings).is_ok();
        if read && reader.problem().is_none() && !cells.all_blank() {
            each(&mut cells);
        }
    }
}

/// Reads a sample from where the first row begins.
pub(crate) fn reader(sample: &Bytes, whole: bool, detected: Detected, shape: Shape) -> Reader {
    let encoding = detected.encodings.file;
    let mut reader = Reader::new(encoding, detected.delimiter, shape, detected.start);
    let from = usize::try_from(detected.start.offset).unwrap_or_default();
    reader.push(sample.slice(from.min(sample.len())..));
    if whole {
        reader.end();
    }
    reader
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

/// A table for a browser or in XML, which many programs call a workbook.
fn markup(sample: &[u8]) -> Result<(), FileProblem> {
    /// Beyond this there is a list, whatever it says.
    const LOOKED_AT: usize = 4 * 1024;
    const OF_HTML: [&str; 11] = [
        "!doctype html",
        "html",
        "head",
        "body",
        "meta",
        "title",
        "style",
        "table",
        "div",
        "center",
        "font",
    ];
    let head = sample.get(..LOOKED_AT).unwrap_or(sample);
    // As good for UTF-16, and without any mark.
    let ascii = head.iter().filter(|byte| (1..0x80).contains(*byte));
    let text: String = ascii
        .map(|byte| char::from(byte.to_ascii_lowercase()))
        .collect();
    let mut text = text.trim_start();
    while let Some((_comment, behind)) = text
        .strip_prefix("<!--")
        .and_then(|comment| comment.split_once("-->"))
    {
        text = behind.trim_start();
    }
    let Some(tag) = text.strip_prefix('<') else {
        return Ok(());
    };
    let ends = |rest: &str| rest.starts_with([' ', '>', '\r', '\n', '\t', '/']);
    let is_html = |name: &str| tag.strip_prefix(name).is_some_and(ends);
    if OF_HTML.into_iter().any(is_html) {
        return Err(FileProblem::Html);
    }
    if !tag.starts_with("?xml") && !tag.starts_with("workbook") {
        return Ok(());
    }
    if text.contains("<html") {
        return Err(FileProblem::Html);
    }
    let workbook = ["office:spreadsheet", "excel.sheet", "<workbook"];
    Err(FileProblem::Xml {
        what: if workbook.iter().any(|word| text.contains(word)) {
            "an XML Spreadsheet 2003"
        } else {
            "XML"
        },
    })
}

/// The encoding that a file's first bytes name, and how many they are.
pub(crate) fn byte_order_mark(sample: &[u8]) -> (Option<Encoding>, usize) {
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

/// A few stray control characters are rejected with their rows; many are a file that is no text.
fn mostly_text(text: &Bytes, encoding: Encoding) -> Result<(), FileProblem> {
    let control = |byte: &&u8| **byte < 0x20 && !matches!(**byte, b'\t' | b'\n' | b'\r' | 0x0C);
    let controls = text.iter().filter(control).count();
    if !encoding.is_utf16() && controls > 8 && controls * 100 > text.len() {
        return Err(FileProblem::NotText {
            what: "binary data",
            advice: "export the list as CSV",
        });
    }
    Ok(())
}

/// `sep=;`, which Excel writes and reads above the header and does not show: row 1 is the one below it.
fn separator_line(
    text: &Bytes,
    encodings: Encodings,
    at: Position,
) -> Option<(Delimiter, Position)> {
    // With a delimiter that is not in it, the line is one cell.
    Delimiter::ALL.into_iter().find_map(|delimiter| {
        let other = match delimiter {
            Delimiter::Pipe => Delimiter::Comma,
            Delimiter::Comma | Delimiter::Semicolon | Delimiter::Tab => Delimiter::Pipe,
        };
        let mut reader = Reader::new(encodings.file, other, Shape::default(), at);
        reader.push(text.clone());
        reader.end();
        let Ok(Read::Record) = reader.read() else {
            return None;
        };
        let mut cells = Cells::default();
        cells.take(&reader, encodings).ok()?;
        let word = cells.get(0).to_ascii_lowercase();
        let named = word.strip_prefix("sep=")?.as_bytes();
        let is_first = reader.start().row == at.row && reader.fields() == 1;
        (is_first && named == [delimiter.byte()]).then(|| {
            let after = Position {
                row: at.row,
                ..reader.position()
            };
            (delimiter, after)
        })
    })
}

/// The delimiter with which a row names a number column; then the one with which most rows have as many
/// cells as each other; then the one that makes most columns.
fn best_delimiter(text: &Bytes, whole: bool, encodings: Encodings) -> Delimiter {
    let mut best = (Delimiter::Comma, (false, 0, 0));
    for delimiter in Delimiter::ALL {
        let detected = Detected {
            encodings,
            delimiter,
            start: Position {
                offset: 0,
                row: 1,
                after_cr: false,
            },
        };
        let (mut numbers, mut widths) = (false, Vec::new());
        rows(text, whole, detected, Shape::default(), |cells| {
            numbers |= cells.len() > 1 && cells.iter().any(layout::names_numbers);
            widths.push(cells.len());
        });
        let times = |width: usize| widths.iter().filter(|other| **other == width).count();
        // Title lines are one cell with any of them.
        let columns = widths.iter().copied().filter(|width| *width > 1);
        let Some(columns) = columns.max_by_key(|width| (times(*width), *width)) else {
            continue;
        };
        // In eighths, so that one ragged row does not decide.
        let regular = times(columns) * 8 / widths.len().max(1);
        let score = (numbers, regular, columns);
        if score > best.1 {
            best = (delimiter, score);
        }
    }
    best.0
}
