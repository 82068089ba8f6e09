//! A row of a list, as it is written there, as a row of a reject file.
//!
//! It works on the list's own code units: delimiters, quotes and what is added are ASCII, which all
//! encodings of lists have, and everything else is copied. So nothing has to be written in an encoding
//! that it may not be in.

use std::ops::Range;

use crate::column::is_reject_column;
use crate::export::is_guarded;
use crate::{Encoding, Layout};

const QUOTE: u16 = b'"' as u16;
const APOSTROPHE: u16 = b'\'' as u16;
const RETURN: u16 = b'\r' as u16;
const FEED: u16 = b'\n' as u16;
/// Of the second byte of a character that has two.
const SECOND: u16 = 0x100;

/// What is shown of a row that is too long to be kept whole. With its marks it stays shorter than a row
/// may be, whatever the encoding, so that the file can be read again: the row is kept out then as well.
pub(super) const SHOWN_UNITS_MAX: usize = 6 * 1024;

/// A row as it is in the list.
pub(super) struct Record<'a> {
    pub(super) layout: &'a Layout,
    /// With the end of its line, or without.
    pub(super) raw: &'a [u8],
    /// What was read of it.
    pub(super) cells: &'a [&'a str],
}

/// How much of a row there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Whole,
    /// Its beginning.
    Cut,
}

/// A cell in the row's units.
struct Cell {
    units: Range<usize>,
    /// It is in quotes.
    quoted: bool,
    /// It begins with a quote that nothing closes: a text like any other.
    open: bool,
}

impl Record<'_> {
    /// Appends the row's own cells and ours behind them, where the header has them.
    pub(super) fn write(&self, written: Written, marks: &[String; 4], file: &mut Vec<u8>) {
        let units = self.units();
        let ours = self.layout.columns.iter();
        let ours: Vec<bool> = ours
            .map(|column| is_reject_column(&column.header))
            .collect();
        let columns = ours.iter().filter(|ours| !**ours).count();
        let delimiter = u16::from(self.layout.delimiter.byte());
        let mut line = Vec::new();
        let mut count = 0;
        match written {
            Written::Cut => {
                let shown = units.get(..SHOWN_UNITS_MAX).unwrap_or(&units);
                quote(shown, self.guards(shown), &mut line);
                count = 1;
            }
            Written::Whole => {
                for (index, cell) in self.split(&units).iter().enumerate() {
                    if ours.get(index).copied().unwrap_or_default() {
                        continue;
                    }
                    if count > 0 {
                        line.push(delimiter);
                    }
                    self.push(index, cell, &units, &mut line);
                    count += 1;
                }
            }
        }
        for _missing in count.max(1)..columns {
            line.push(delimiter);
        }
        for mark in marks {
            line.push(delimiter);
            let mark: Vec<u16> = mark.encode_utf16().collect();
            if mark.contains(&delimiter) || mark.contains(&QUOTE) {
                quote(&mark, false, &mut line);
            } else {
                line.extend(mark);
            }
        }
        line.extend([RETURN, FEED]);
        self.encode(&line, file);
    }

    /// Appends the row with the end of its line as it is, but for cells that could be run.
    pub(super) fn copy(&self, file: &mut Vec<u8>) {
        let units = self.units();
        let mut line = Vec::new();
        for (index, cell) in self.split(&units).iter().enumerate() {
            if index > 0 {
                line.push(u16::from(self.layout.delimiter.byte()));
            }
            self.push(index, cell, &units, &mut line);
        }
        let all = wide(self.raw, self.layout.encoding);
        line.extend_from_slice(all.get(units.len()..).unwrap_or_default());
        self.encode(&line, file);
    }

    /// The row without the end of its line.
    fn units(&self) -> Vec<u16> {
        let mut units = wide(self.raw, self.layout.encoding);
        while units
            .last()
            .is_some_and(|unit| matches!(*unit, RETURN | FEED))
        {
            units.pop();
        }
        units
    }

    fn push(&self, index: usize, cell: &Cell, units: &[u16], line: &mut Vec<u16>) {
        let text = units.get(cell.units.clone()).unwrap_or_default();
        if cell.open {
            // A quote that is never closed is a text that begins with one.
            quote(text, self.guards(text), line);
            return;
        }
        let inner = match text {
            [QUOTE, inner @ ..] if cell.quoted => {
                line.push(QUOTE);
                inner
            }
            other => other,
        };
        if self.lacks_guard(index, inner) {
            line.push(APOSTROPHE);
        }
        line.extend_from_slice(inner);
    }

    /// Whether a cell needs an apostrophe that it has not.
    fn lacks_guard(&self, index: usize, inner: &[u16]) -> bool {
        let Some(read) = self.cells.get(index) else {
            return self.guards(inner);
        };
        // Of a list that is a reject file itself, a cell was read without the apostrophe that it has.
        let has = inner.iter().take_while(|unit| **unit == APOSTROPHE).count();
        let was_read = read.chars().take_while(|char| *char == '\'').count();
        is_guarded(read) && !(self.layout.mended && has > was_read)
    }

    /// The same for text that could not be read, by as much of it as all encodings have in common.
    fn guards(&self, text: &[u16]) -> bool {
        let encoding = self.layout.encoding;
        if encoding.is_utf16() {
            return is_guarded(&String::from_utf16_lossy(text));
        }
        let bytes: Vec<u8> = text.iter().map(|unit| low(*unit)).collect();
        match encoding.table() {
            Some(table) => is_guarded(&table.decode_without_bom_handling(&bytes).0),
            None => is_guarded(&String::from_utf8_lossy(&bytes)),
        }
    }

    /// Where cells are, by the same rules as lists are read.
    fn split(&self, units: &[u16]) -> Vec<Cell> {
        let delimiter = u16::from(self.layout.delimiter.byte());
        let mut cells = Vec::new();
        let mut from = 0;
        loop {
            let begins = units.get(from) == Some(&QUOTE);
            let closed = begins.then(|| closing_quote(units, from + 1)).flatten();
            let behind = closed.map_or(from, |quote| quote + 1);
            let tail = units.get(behind..).unwrap_or_default();
            let length = tail.iter().position(|unit| *unit == delimiter);
            let end = behind + length.unwrap_or(tail.len());
            cells.push(Cell {
                units: from..end,
                quoted: closed.is_some(),
                open: begins && closed.is_none(),
            });
            if length.is_none() {
                return cells;
            }
            from = end + 1;
        }
    }

    fn encode(&self, units: &[u16], file: &mut Vec<u8>) {
        if !self.layout.encoding.is_utf16() {
            file.extend(units.iter().map(|unit| low(*unit)));
        } else if self.layout.encoding == Encoding::Utf16Be {
            file.extend(units.iter().flat_map(|unit| unit.to_be_bytes()));
        } else {
            file.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
        }
    }
}

/// The quote that closes the one before a place.
fn closing_quote(units: &[u16], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let behind = units.get(at..)?;
        at += behind.iter().position(|unit| *unit == QUOTE)?;
        if units.get(at + 1) != Some(&QUOTE) {
            return Some(at);
        }
        at += 2;
    }
}

/// The list's code units: pairs of bytes in UTF-16, where half a pair at the end is none; else bytes, of which
/// the second one of a character is told from the sign that it would be by itself.
fn wide(raw: &[u8], encoding: Encoding) -> Vec<u16> {
    if !encoding.is_utf16() {
        let mut in_pair = false;
        let units = raw.iter().map(|byte| {
            let second = in_pair && *byte >= b'0';
            in_pair = !second && encoding.begins_pair(*byte);
            u16::from(*byte) | if second { SECOND } else { 0 }
        });
        return units.collect();
    }
    let pairs = raw.chunks_exact(2);
    let pairs = pairs.map(|pair| <[u8; 2]>::try_from(pair).unwrap_or_default());
    if encoding == Encoding::Utf16Be {
        pairs.map(u16::from_be_bytes).collect()
    } else {
        pairs.map(u16::from_le_bytes).collect()
    }
}

/// The byte that a unit of eight bits is.
fn low(unit: u16) -> u8 {
    let [_high, low] = unit.to_be_bytes();
    low
}

/// As one cell, in quotes.
fn quote(text: &[u16], guard: bool, line: &mut Vec<u16>) {
    line.push(QUOTE);
    if guard {
        line.push(APOSTROPHE);
    }
    for unit in text {
        if *unit == QUOTE {
            line.push(QUOTE);
        }
        line.push(*unit);
    }
    line.push(QUOTE);
}
