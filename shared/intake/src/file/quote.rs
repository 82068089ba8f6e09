//! Quotes that nobody meant to open.
//!
//! A cell in quotes may have several lines, so a quote at the beginning of a cell (`"size 5`) swallows the rows
//! behind it, up to the next quote or to the end of the file. What was swallowed is told by its look: lines with
//! as many cells as the list has columns, and a phone number where the list has numbers, are rows. Where that
//! leaves a doubt the record is kept out: nobody is called for a number in somebody's note, and nobody is lost
//! without a word.

use super::format::ROW_BYTES_MAX;
use crate::column::REJECT_COLUMNS_BYTES_MAX;

/// What rows of a list look like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Cells of a row; 0 before that is known: as many as the line has in which the quote opens.
    pub(crate) columns: usize,
    /// Columns of phone numbers; none known: all may be.
    pub(crate) numbers: Vec<usize>,
    /// They may have the columns of a reject file besides.
    pub(crate) mended: bool,
}

impl Shape {
    /// The most text in one row.
    pub(crate) fn row_bytes_max(&self) -> usize {
        if self.mended {
            ROW_BYTES_MAX + REJECT_COLUMNS_BYTES_MAX
        } else {
            ROW_BYTES_MAX
        }
    }
}

/// What the lines of a record are, behind its first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lines {
    /// Lines of its cells.
    OfCell,
    /// Rows: a quote was opened by mistake.
    Rows,
    /// Either.
    Unclear,
}

/// How one line looks.
#[derive(Debug, Clone, Copy)]
struct Look {
    cells: usize,
    /// Up to its last cell that has text.
    filled: usize,
    /// A phone number in a column of numbers.
    number: Option<Found>,
    /// A blank behind every delimiter, as people write lists in a sentence.
    spaced: bool,
    /// A delimiter between the quotes.
    inside: bool,
}

/// Where something is in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    InQuotes,
    /// Behind the quote that ends a cell of several lines.
    Behind,
}

/// The lines of a record whose quotes are closed.
pub(crate) fn within(record: &[u8], delimiter: u8, shape: &Shape) -> Lines {
    let (quotes, looks) = looks(record, delimiter, shape);
    let columns = columns(shape, &looks);
    let Some((first, lines)) = looks.split_first() else {
        return Lines::OfCell;
    };
    let fits = |look: &&Look| look.filled <= columns;
    let prose = |look: &Look| look.spaced && !first.spaced;
    let full = |look: &&Look| look.cells >= columns && fits(look) && !prose(look);
    if quotes.closed_within_text {
        let rows = lines.iter().filter(fits);
        let rows = rows.filter(|look| look.number.is_some() && is_row(look, columns));
        let shaped = lines.iter().filter(full).count();
        return if rows.count() > 0 || (columns > 2 && shaped * 2 >= lines.len().max(1)) {
            Lines::Rows
        } else {
            Lines::OfCell
        };
    }
    // Both quotes are where those of a cell are. Two numbers in one cell are no rows.
    if columns < 2 {
        return Lines::OfCell;
    }
    let inside = |look: &&Look| look.inside;
    let rows = lines.iter().filter(inside).filter(fits);
    let rows = rows.filter(|look| look.number == Some(Found::InQuotes) && !prose(look));
    let (rows, sure) = rows.fold((0, false), |(rows, sure), look| {
        (rows + 1, sure || look.cells >= columns)
    });
    let whole = lines.iter().filter(inside).filter(full).count();
    // Rows of nothing but a number, or numbers that somebody noted.
    let lone = |look: &Look| look.cells == 1 && look.number == Some(Found::InQuotes);
    let of_numbers = shape.numbers.contains(&(first.cells - 1));
    let lone = lines.len() > 1 && !of_numbers && lines.iter().all(lone);
    if sure && whole == lines.len() {
        Lines::Rows
    } else if lone || (rows > 0 && rows * 2 >= lines.len()) {
        Lines::Unclear
    } else {
        Lines::OfCell
    }
}

/// The lines behind a quote that is not closed, as far as they are looked at.
pub(crate) fn behind(record: &[u8], delimiter: u8, shape: &Shape) -> Lines {
    let (_quotes, looks) = looks(record, delimiter, shape);
    let columns = columns(shape, &looks);
    let lines = looks.get(1..).unwrap_or_default();
    let fits = |look: &&Look| look.filled <= columns;
    let rows = lines.iter().filter(fits);
    let rows = rows.filter(|look| look.number.is_some() && is_row(look, columns));
    let shaped = lines.iter().filter(fits);
    let shaped = shaped.filter(|look| columns > 1 && look.cells >= columns);
    // Where nothing is behind it, it can only be text.
    if lines.is_empty() || rows.count() > 0 || shaped.count() * 2 >= lines.len() {
        Lines::Rows
    } else {
        Lines::Unclear
    }
}

/// The cells of one line. A quote that is not closed in it is text like any other.
pub(crate) fn split(line: &[u8], delimiter: u8, mut each: impl FnMut(&[u8])) {
    let mut rest = line;
    let mut field = Vec::new();
    loop {
        field.clear();
        let used = match quoted(rest, delimiter, &mut field) {
            Some(used) => used,
            None => {
                let end = end_of_field(rest, delimiter);
                field.clear();
                field.extend_from_slice(rest.get(..end).unwrap_or_default());
                end
            }
        };
        each(&field);
        match rest.get(used + 1..) {
            Some(behind) => rest = behind,
            None => return,
        }
    }
}

pub(crate) const fn is_break(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

/// A cell that can be a phone number, with or without country code.
pub(crate) fn looks_like_phone(cell: &[u8]) -> bool {
    let cell = cell.trim_ascii();
    let digits = cell.iter().filter(|byte| byte.is_ascii_digit()).count();
    if digits < 7 || is_date(cell) {
        return false;
    }
    if !cell.iter().all(|byte| of_phone(*byte)) {
        return false;
    }
    let Ok(text) = std::str::from_utf8(cell) else {
        // Letters of all tables are in its upper half.
        return !cell
            .iter()
            .any(|byte| *byte >= 0xC0 || byte.is_ascii_alphabetic());
    };
    let exponent = text.contains("E+") || text.contains("e+");
    let digit = |char| exponent && matches!(char, 'E' | 'e');
    text.chars()
        .all(|char| !char.is_alphabetic() || digit(char))
}

fn of_phone(byte: u8) -> bool {
    byte.is_ascii_digit() || !byte.is_ascii() || b" +-./()'=\":Ee".contains(&byte)
}

/// `2026-11-30`, `30.11.2026 08:15`, `11/30/26`: a day, which is no phone number though it has as many digits.
pub(crate) fn is_date(cell: &[u8]) -> bool {
    let day = cell
        .split(|byte| matches!(byte, b' ' | b'T' | b','))
        .next()
        .unwrap_or_default();
    let Some(mark) = day.iter().copied().find(|byte| !byte.is_ascii_digit()) else {
        return false;
    };
    if !matches!(mark, b'-' | b'.' | b'/') {
        return false;
    }
    let number = |part: &[u8]| std::str::from_utf8(part).ok()?.parse::<u32>().ok();
    let parts: Vec<(usize, Option<u32>)> = day
        .split(|byte| *byte == mark)
        .map(|part| (part.len(), number(part)))
        .collect();
    let year = |(length, value): (usize, Option<u32>)| {
        length == 4 && value.is_some_and(|value| (1900..2200).contains(&value))
    };
    let short = |(length, value): (usize, Option<u32>), most: u32| {
        length <= 2 && value.is_some_and(|value| (1..=most).contains(&value))
    };
    let [first, second, third] = parts[..] else {
        return false;
    };
    let day_and_month =
        |one, other| (short(one, 31) && short(other, 12)) || (short(one, 12) && short(other, 31));
    (year(first) && day_and_month(second, third))
        || (day_and_month(first, second) && (year(third) || third.0 == 2))
}

#[derive(Debug, Clone, Copy, Default)]
struct Quotes {
    /// Text follows at once on the quote that ends a cell of several lines: it was meant to open another.
    closed_within_text: bool,
}

/// How many columns the list has; before that is known, those of its widest line.
fn columns(shape: &Shape, looks: &[Look]) -> usize {
    let widest = looks.iter().map(|look| look.cells).max();
    match shape.columns {
        0 => widest.unwrap_or_default(),
        columns => columns,
    }
}

/// A line of one cell is no row of a list that has several columns.
fn is_row(look: &Look, columns: usize) -> bool {
    look.cells > 1 || columns == 1
}

/// The quotes of a record, and how each of its lines looks that has any text.
fn looks(record: &[u8], delimiter: u8, shape: &Shape) -> (Quotes, Vec<Look>) {
    let (quotes, inside) = scan(record, delimiter);
    let lines = record.split(|byte| is_break(*byte)).zip(inside);
    let lines = lines.filter(|(line, _)| !line.trim_ascii().is_empty());
    let looks = lines.map(|(line, inside)| {
        let inside = inside.and_then(|length| line.get(..length));
        look(line, inside.unwrap_or(line), delimiter, &shape.numbers)
    });
    (quotes, looks.collect())
}

fn look(line: &[u8], inside: &[u8], delimiter: u8, numbers: &[usize]) -> Look {
    let (mut cells, mut filled, mut number) = (0, 0, false);
    split(line, delimiter, |field| {
        number |= is_number(cells, field, numbers);
        cells += 1;
        if !field.trim_ascii().is_empty() {
            filled = cells;
        }
    });
    let (mut at, mut number_inside) = (0, false);
    split(inside, delimiter, |field| {
        number_inside |= is_number(at, field, numbers);
        at += 1;
    });
    let delimiters = line.iter().enumerate();
    let mut delimiters = delimiters
        .filter(|(_, byte)| **byte == delimiter)
        .peekable();
    Look {
        cells,
        filled,
        number: if number_inside {
            Some(Found::InQuotes)
        } else {
            number.then_some(Found::Behind)
        },
        spaced: delimiters.peek().is_some()
            && delimiters.all(|(at, _)| line.get(at + 1) == Some(&b' ')),
        inside: inside.contains(&delimiter),
    }
}

fn is_number(column: usize, field: &[u8], numbers: &[usize]) -> bool {
    (numbers.is_empty() || numbers.contains(&column)) && looks_like_phone(field)
}

/// Goes through a record as the machine does. Says of each line how much of it is between the quotes that are open
/// where it begins, if they are closed in it.
fn scan(record: &[u8], delimiter: u8) -> (Quotes, Vec<Option<usize>>) {
    #[derive(Clone, Copy, PartialEq)]
    enum At {
        Start,
        Plain,
        Quoted { several_lines: bool },
        Closed { several_lines: bool },
    }
    let mut quotes = Quotes::default();
    let mut inside = vec![None];
    let mut line = 0;
    let mut at = At::Start;
    for (place, byte) in record.iter().copied().enumerate() {
        at = match at {
            At::Quoted { several_lines } => match byte {
                b'"' => At::Closed { several_lines },
                byte => At::Quoted {
                    several_lines: several_lines || is_break(byte),
                },
            },
            At::Closed { several_lines } if byte == b'"' => At::Quoted { several_lines },
            At::Start if byte == b'"' => At::Quoted {
                several_lines: false,
            },
            At::Closed { several_lines } => {
                let ends = byte == delimiter || is_break(byte);
                quotes.closed_within_text |= several_lines && !ends;
                close(&mut inside, place - 1 - line);
                if ends { At::Start } else { At::Plain }
            }
            At::Start | At::Plain if byte == delimiter || is_break(byte) => At::Start,
            At::Start | At::Plain => At::Plain,
        };
        if is_break(byte) {
            inside.push(None);
            line = place + 1;
        }
    }
    if let At::Closed { .. } = at {
        close(&mut inside, record.len() - 1 - line);
    }
    (quotes, inside)
}

/// The first quotes that are closed in a line are those that were open where it begins.
fn close(inside: &mut [Option<usize>], length: usize) {
    if let Some(line) = inside.last_mut() {
        line.get_or_insert(length);
    }
}

/// A field in quotes that are closed, and how long it is.
fn quoted(text: &[u8], delimiter: u8, field: &mut Vec<u8>) -> Option<usize> {
    let mut rest = text.strip_prefix(b"\"")?;
    loop {
        let quote = rest.iter().position(|byte| *byte == b'"')?;
        field.extend_from_slice(rest.get(..quote).unwrap_or_default());
        rest = rest.get(quote + 1..).unwrap_or_default();
        match rest.strip_prefix(b"\"") {
            Some(behind) => {
                field.push(b'"');
                rest = behind;
            }
            None => break,
        }
    }
    let tail = end_of_field(rest, delimiter);
    field.extend_from_slice(rest.get(..tail).unwrap_or_default());
    Some(text.len() - rest.len() + tail)
}

fn end_of_field(text: &[u8], delimiter: u8) -> usize {
    let end = text.iter().position(|byte| *byte == delimiter);
    end.unwrap_or(text.len())
}
