//! The text of a record: its cells decoded, checked, and free of what no cell should hold.

use super::format::Encoding;
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
        let end = self.ends.get(index).copied().unwrap_or_default();
        let from = index
            .checked_sub(1)
            .and_then(|before| self.ends.get(before).copied())
            .unwrap_or_default();
        self.text.get(from..end).unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|index| self.get(index))
    }

    pub(crate) fn all_blank(&self) -> bool {
        self.text.trim().is_empty()
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
        encoding: Encoding,
    ) -> Result<(), (usize, Reason)> {
        self.text.clear();
        self.ends.clear();
        match encoding {
            Encoding::Utf8 | Encoding::Utf16Le | Encoding::Utf16Be => self.utf8(reader)?,
            Encoding::Ascii => {
                if self.utf8(reader).is_err() {
                    self.windows_1252(reader);
                }
            }
            Encoding::Windows1252 => self.windows_1252(reader),
        }
        let utf16 = matches!(encoding, Encoding::Utf16Le | Encoding::Utf16Be);
        if utf16 && let Some(column) = self.column_with(|char| char == char::REPLACEMENT_CHARACTER)
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

    fn utf8(&mut self, reader: &Reader) -> Result<(), (usize, Reason)> {
        self.text.clear();
        self.ends.clear();
        if reader.text().is_ascii() {
            // Valid as a whole and in every part.
            self.text
                .push_str(std::str::from_utf8(reader.text()).unwrap_or_default());
            self.ends
                .extend((0..reader.fields()).map(|index| reader.field_end(index)));
            return Ok(());
        }
        for column in 0..reader.fields() {
            let cell = std::str::from_utf8(reader.field(column))
                .map_err(|_not_utf8| (column, Reason::Encoding))?;
            self.text.push_str(cell);
            self.ends.push(self.text.len());
        }
        Ok(())
    }

    fn windows_1252(&mut self, reader: &Reader) {
        self.text.clear();
        self.ends.clear();
        for column in 0..reader.fields() {
            let (cell, _replaced) =
                encoding_rs::WINDOWS_1252.decode_without_bom_handling(reader.field(column));
            self.text.push_str(&cell);
            self.ends.push(self.text.len());
        }
    }

    fn column_with(&self, wrong: impl Fn(char) -> bool) -> Option<usize> {
        self.iter().position(|cell| cell.contains(&wrong))
    }
}

/// Bytes that occur in forbidden characters; most texts have none of them.
const fn suspicious(byte: u8) -> bool {
    byte < 0x20 || byte == 0x7F || byte == 0xC2
}

/// Control characters but for tabs and ends of lines. Windows-1252 texts that are none show as some.
fn forbidden(char: char) -> bool {
    char.is_control() && !matches!(char, '\t' | '\n' | '\r')
}
