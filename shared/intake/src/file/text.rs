//! The text of a record: its cells decoded, checked, and free of what no cell should hold.

use super::format::{Encoding, Encodings};
use super::source::UNIT;
use crate::export::unguarded;
use crate::file::reader::Reader;
use crate::row::reason::Reason;

/// The cells of one record, in memory that is used again for the next.
#[derive(Debug, Default)]
pub(crate) struct Cells {
    text: String,
    ends: Vec<usize>,
}

impl Cells {
    /// A cell; beyond the last one, an empty one.
    pub(crate) fn get(&self, index: usize) -> &str {
        let Some(end) = self.ends.get(index).copied() else {
            return "";
        };
        let from = index
            .checked_sub(1)
            .and_then(|before| self.ends.get(before).copied())
            .unwrap_or_default();
        self.text.get(from..end).unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Of all its text, as UTF-8.
    pub(crate) fn bytes(&self) -> usize {
        self.text.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|index| self.get(index))
    }

    pub(crate) fn all_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// Takes off what a reject file has put before cells that a spreadsheet could run.
    pub(crate) fn unguard(&mut self) {
        if !self.iter().any(|cell| cell.starts_with('\'')) {
            return;
        }
        let mut text = String::with_capacity(self.text.len());
        let mut ends = Vec::with_capacity(self.ends.len());
        for cell in self.iter() {
            text.push_str(unguarded(cell));
            ends.push(text.len());
        }
        (self.text, self.ends) = (text, ends);
    }

    /// Takes over the reader's record.
    ///
    /// # Errors
    /// The column that cannot be read, and why.
    pub(crate) fn take(
        &mut self,
        reader: &Reader,
        encodings: Encodings,
    ) -> Result<(), (usize, Reason)> {
        self.clear();
        self.decode(reader, encodings)?;
        if reader.turns_pipes() && self.text.bytes().any(|byte| byte == UNIT) {
            self.text = self.text.replace(char::from(UNIT), "|");
        }
        if encodings.file.is_utf16()
            && let Some(column) = self.column_with(|char| char == char::REPLACEMENT_CHARACTER)
        {
            return Err((column, Reason::Encoding));
        }
        if self.text.bytes().any(suspicious)
            && let Some(column) = self.column_with(forbidden)
        {
            return Err((column, Reason::ControlCharacter));
        }
        Ok(())
    }

    fn decode(&mut self, reader: &Reader, encodings: Encodings) -> Result<(), (usize, Reason)> {
        if reader.text().is_ascii() {
            // The same in all encodings, as a whole and in every part.
            self.text
                .push_str(std::str::from_utf8(reader.text()).unwrap_or_default());
            self.ends
                .extend((0..reader.kept()).map(|index| reader.field_end(index)));
            return Ok(());
        }
        let table = match encodings.file.table() {
            Some(table) if !reads_as_utf8(reader, encodings.file) => Some(table),
            Some(_) | None => None,
        };
        for column in 0..reader.kept() {
            let cell = reader.field(column);
            let unreadable = |()| (column, Reason::Encoding);
            match table {
                Some(table) => self.push_by(table, cell).map_err(unreadable)?,
                None => match std::str::from_utf8(cell) {
                    Ok(cell) => self.text.push_str(cell),
                    Err(_) => self
                        .push_other(cell, encodings.fallback)
                        .map_err(unreadable)?,
                },
            }
            self.ends.push(self.text.len());
        }
        Ok(())
    }

    /// A cell that is not in UTF-8, in a file that is.
    fn push_other(&mut self, cell: &[u8], encoding: Encoding) -> Result<(), ()> {
        // What has letters of UTF-8 as well was cut or spoilt: to read it as anything else would spoil those.
        let spoilt =
            !encoding.resembles_utf8() && cell.utf8_chunks().any(|chunk| !chunk.valid().is_ascii());
        match encoding.table() {
            Some(table) if !spoilt => self.push_by(table, cell),
            Some(_) | None => Err(()),
        }
    }

    fn push_by(&mut self, table: &'static encoding_rs::Encoding, cell: &[u8]) -> Result<(), ()> {
        let cell = table
            .decode_without_bom_handling_and_without_replacement(cell)
            .ok_or(())?;
        self.text.push_str(&cell);
        Ok(())
    }

    fn column_with(&self, wrong: impl Fn(char) -> bool) -> Option<usize> {
        self.iter().position(|cell| cell.contains(&wrong))
    }
}

/// Whether a row of a file in another encoding is in UTF-8: all its cells are, and of more than chance.
fn reads_as_utf8(reader: &Reader, encoding: Encoding) -> bool {
    let (mut of_two, mut longer) = (0, 0);
    for column in 0..reader.kept() {
        let Ok(cell) = std::str::from_utf8(reader.field(column)) else {
            return false;
        };
        for char in cell.chars() {
            match char.len_utf8() {
                1 => {}
                2 => of_two += 1,
                _longer => longer += 1,
            }
        }
    }
    longer > of_two || !encoding.resembles_utf8()
}

/// Bytes that occur in forbidden characters; most texts have none of them.
const fn suspicious(byte: u8) -> bool {
    byte < 0x20 || byte == 0x7F || byte == 0xC2
}

/// Control characters but for tabs and ends of lines. Texts that are in another encoding show as some.
fn forbidden(char: char) -> bool {
    char.is_control() && !matches!(char, '\t' | '\n' | '\r')
}
