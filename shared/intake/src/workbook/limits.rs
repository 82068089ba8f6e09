//! Looks through a workbook for what would take more memory than there is, before the reader that
//! believes it does.
//!
//! Everything that the reader looks at is unpacked once and thrown away: how long it is in all, how long
//! its longest tag or text is, how many strings there are and how many the file says there are, how often
//! cells are repeated. A workbook within these limits takes less than 600 MB to read, packed file
//! included; one that a program has written is far from most of them.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::ops::ControlFlow;

use bytes::Bytes;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use zip::read::ZipFile;
use zip::result::ZipError;

use super::{Archive, Taker, damaged, password};
use crate::file::format::FILE_BYTES_MAX;
use crate::file::problem::FileProblem;

/// Files in a workbook. One with a hundred sheets has some hundreds.
const ENTRIES_MAX: usize = 10_000;
/// A text or tag of a sheet. A cell has at most 32,767 characters.
const TEXT_BYTES_MAX: u64 = 1024 * 1024;
/// A tag of what is read as a whole, and is kept many times over.
const TAG_BYTES_MAX: u64 = 4 * 1024;
/// What says how sheets are called and what they look like.
const DESCRIPTION_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// What says where parts are, and where links lead to.
const RELATIONS_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Excel takes 65,490.
const STYLES_MAX: u64 = 66_000;
/// Memory of an `.xlsx` file's table of strings.
const STRINGS_BYTES_MAX: u64 = 384 * 1024 * 1024;
/// Memory of a string besides its text.
const STRING_BYTES: u64 = 48;
/// Cells of all sheets of an `.ods` file, which is read as a whole: 200,000 rows of ten columns.
const ODS_CELLS_MAX: u64 = 2_000_000;
const ODS_TEXT_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// Rows and columns that a sheet has at most; repetitions beyond are not made.
const ODS_ROWS_MAX: u64 = 1_048_576;
const ODS_COLUMNS_MAX: u64 = 16_384;
/// How much is unpacked between two looks at whether anybody still waits.
const LOOK_BYTES: u64 = 8 * 1024 * 1024;

/// How many entries an archive has at most, by what each of them begins with.
pub(super) fn entries(file: &Bytes) -> Result<(), FileProblem> {
    const ENTRY: [u8; 4] = *b"PK\x01\x02";
    let entries = file.windows(ENTRY.len()).filter(|bytes| **bytes == ENTRY);
    if entries.count() > ENTRIES_MAX {
        return Err(FileProblem::WorkbookTooLarge {
            what: "more than 10,000 parts",
        });
    }
    Ok(())
}

/// What a part of an `.xlsx` file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Strings,
    Styles,
    Book,
    Sheet,
}

/// Holds an `.xlsx` file to the limits.
pub(super) fn xlsx(
    archive: &mut Archive,
    taker: &mut Taker<'_>,
) -> Result<ControlFlow<()>, FileProblem> {
    let mut total = Total::new(taker);
    let names = names(archive);
    let mut books = BTreeSet::new();
    let mut sheets = BTreeSet::new();
    for (index, name) in names.iter().enumerate() {
        if !name.ends_with(".rels") {
            continue;
        }
        let part = total.part(archive, index, TEXT_BYTES_MAX, RELATIONS_BYTES_MAX)?;
        part.tags(|tag| {
            let Some(target) = attribute(tag, b"Target")? else {
                return Ok(());
            };
            let kind = attribute(tag, b"Type")?.unwrap_or_default();
            let target = last(&target);
            if kind.ends_with("/worksheet") {
                sheets.insert(target);
            } else if kind.ends_with("/officeDocument") {
                books.insert(target);
            }
            Ok(())
        })?;
    }
    // A part of another name would be read and not looked at.
    if books
        .iter()
        .chain(&sheets)
        .any(|name| !name.ends_with(".xml"))
    {
        return Err(damaged());
    }
    for (index, name) in names.iter().enumerate() {
        let file = last(name);
        let part = if file == "sharedstrings.xml" {
            Part::Strings
        } else if file == "styles.xml" || file.starts_with("theme") {
            Part::Styles
        } else if books.contains(&file) || file == "workbook.xml" {
            Part::Book
        } else if sheets.contains(&file) {
            Part::Sheet
        } else {
            continue;
        };
        match part {
            Part::Strings => strings(&mut total, archive, index)?,
            Part::Styles => {
                let mut styles = 0;
                let part = total.part(archive, index, TAG_BYTES_MAX, DESCRIPTION_BYTES_MAX)?;
                part.tags(|tag| {
                    styles += u64::from(tag.local_name().as_ref() == b"xf");
                    within(styles, STYLES_MAX, "more than 66,000 cell styles")
                })?;
            }
            Part::Book => {
                let part = total.part(archive, index, TEXT_BYTES_MAX, DESCRIPTION_BYTES_MAX);
                part?.tags(|_tag| Ok(()))?;
            }
            Part::Sheet => {
                let part = total.part(archive, index, TEXT_BYTES_MAX, FILE_BYTES_MAX);
                part?.tags(|_tag| Ok(()))?;
            }
        }
    }
    Ok(total.flow)
}

/// The table of strings: as long as it says, or as it is, whichever is more.
fn strings(
    total: &mut Total<'_, '_>,
    archive: &mut Archive,
    index: usize,
) -> Result<(), FileProblem> {
    const WHAT: &str = "more than 384 MB of different texts";
    let (mut said, mut there, mut text) = (0, 0, 0_u64);
    let part = total.part(archive, index, TEXT_BYTES_MAX, FILE_BYTES_MAX)?;
    part.read(|seen| {
        match seen {
            Seen::Text(bytes) => text += bytes,
            Seen::Tag(tag) if tag.local_name().as_ref() == b"si" => there += 1,
            Seen::Tag(tag) if tag.local_name().as_ref() == b"sst" => {
                let count = attribute(tag, b"uniqueCount")?.unwrap_or_default();
                said = u64::max(said, count.trim().parse().unwrap_or_default());
            }
            Seen::Tag(_) => {}
        }
        let strings = u64::max(said, there).saturating_mul(STRING_BYTES);
        within(strings.saturating_add(text), STRINGS_BYTES_MAX, WHAT)
    })
}

/// Holds an `.ods` file to the limits.
pub(super) fn ods(
    archive: &mut Archive,
    taker: &mut Taker<'_>,
) -> Result<ControlFlow<()>, FileProblem> {
    let mut total = Total::new(taker);
    let names = names(archive);
    for (index, name) in names.iter().enumerate() {
        match name.as_str() {
            "meta-inf/manifest.xml" => {
                let part = total.part(archive, index, TEXT_BYTES_MAX, DESCRIPTION_BYTES_MAX);
                // Encrypted parts are no XML: they are not looked into.
                let mut encrypted = false;
                part?.tags(|tag| {
                    encrypted |= tag.local_name().as_ref() == b"encryption-data";
                    Ok(())
                })?;
                if encrypted {
                    return Err(password());
                }
            }
            "content.xml" => {
                let mut cells = OdsCells::default();
                let part = total.part(archive, index, TEXT_BYTES_MAX, FILE_BYTES_MAX);
                part?.read(|seen| cells.see(&seen))?;
            }
            _other => {}
        }
    }
    Ok(total.flow)
}

/// Cells of an `.ods` file as often as they are there, and what their texts come to. Empty ones count where
/// one that is not empty follows.
#[derive(Default)]
struct OdsCells {
    /// Cells of the sheet's rows as they are written.
    written: u64,
    /// The sheet's extent with its repetitions.
    rows: u64,
    columns: u64,
    /// Rows since the last with a value.
    rows_since: u64,
    /// Cells of sheets before.
    before: u64,
    /// The row that tags are in: repetitions, cells so far, and those that count.
    row_repeats: u64,
    row_cells: u64,
    row_written: u64,
    /// Of what stands in the cell that tags are in, or behind it. Empty cells, which fill a sheet up to its
    /// last row and column, are not made.
    copies: u64,
    text: u64,
}

impl OdsCells {
    fn see(&mut self, seen: &Seen<'_>) -> Result<(), FileProblem> {
        const CELLS: &str = "more than two million cells in an .ods file";
        const TEXT: &str = "more than 128 MB of text in an .ods file";
        match seen {
            Seen::Tag(tag) => self.tag(tag)?,
            Seen::Text(bytes) => self.repeat(*bytes),
        }
        within(self.cells(), ODS_CELLS_MAX, CELLS)?;
        within(self.text, ODS_TEXT_BYTES_MAX, TEXT)
    }

    fn tag(&mut self, tag: &BytesStart<'_>) -> Result<(), FileProblem> {
        let length = u64::try_from(tag.len()).unwrap_or(u64::MAX);
        match tag.name().as_ref() {
            b"table:table" => {
                self.before = self.cells();
                (self.written, self.rows, self.columns, self.rows_since) = (0, 0, 0, 0);
            }
            b"table:table-row" => {
                self.row_repeats = repeats(tag, b"table:number-rows-repeated", ODS_ROWS_MAX)?;
                self.rows_since += self.row_repeats;
                (self.row_cells, self.row_written, self.copies) = (0, 0, 1);
            }
            b"table:table-cell" | b"table:covered-table-cell" => {
                let cells = repeats(tag, b"table:number-columns-repeated", ODS_COLUMNS_MAX)?;
                self.row_cells = (self.row_cells + cells).min(ODS_COLUMNS_MAX);
                let mut says = false;
                for attribute in tag.attributes() {
                    let name = attribute.map_err(|_why| damaged())?.key;
                    says |= name.as_ref().starts_with(b"office:");
                    says |= name.as_ref() == b"table:formula";
                }
                self.copies = 1;
                if says {
                    self.copies = cells.saturating_mul(self.row_repeats);
                    self.written += self.row_cells - self.row_written;
                    self.row_written = self.row_cells;
                    self.rows = (self.rows + self.rows_since).min(ODS_ROWS_MAX);
                    self.rows_since = 0;
                    self.columns = self.columns.max(self.row_cells);
                    self.repeat(length);
                }
            }
            b"text:s" => {
                let spaces = repeats(tag, b"text:c", u64::MAX)?;
                self.repeat(spaces);
            }
            _other => self.repeat(length),
        }
        Ok(())
    }

    fn cells(&self) -> u64 {
        let repeated = self.rows.saturating_mul(self.columns);
        let here = self.written.saturating_add(repeated);
        self.before.saturating_add(here)
    }

    /// So many bytes in every copy of the cell.
    fn repeat(&mut self, bytes: u64) {
        let copied = bytes.saturating_mul(self.copies.max(1));
        self.text = self.text.saturating_add(copied);
    }
}

/// How often something is there, as far as a sheet goes.
fn repeats(tag: &BytesStart<'_>, name: &[u8], most: u64) -> Result<u64, FileProblem> {
    let said = attribute(tag, name)?;
    let said = said.map(|said| said.trim().parse::<u64>());
    let said = said.transpose().map_err(|_no_number| damaged())?;
    Ok(said.unwrap_or(1).min(most))
}

/// What all parts come to.
struct Total<'a, 'b> {
    taker: &'a mut Taker<'b>,
    bytes: u64,
    looked_at: u64,
    /// Nobody waits for what is found any more.
    flow: ControlFlow<()>,
}

/// What comes next in a part.
enum Seen<'e> {
    Tag(&'e BytesStart<'e>),
    /// So many bytes that are no opening tag.
    Text(u64),
}

/// A part of the archive, unpacked as it is read.
struct PartReader<'t, 'a, 'b, R: Read> {
    total: &'t mut Total<'a, 'b>,
    xml: Reader<Bounded<BufReader<R>>>,
}

impl<'a, 'b> Total<'a, 'b> {
    fn new(taker: &'a mut Taker<'b>) -> Self {
        Self {
            taker,
            bytes: 0,
            looked_at: 0,
            flow: ControlFlow::Continue(()),
        }
    }

    fn part<'t, 'z>(
        &'t mut self,
        archive: &'z mut Archive,
        index: usize,
        event_bytes_max: u64,
        bytes_max: u64,
    ) -> Result<PartReader<'t, 'a, 'b, ZipFile<'z, Cursor<Bytes>>>, FileProblem> {
        let entry = archive.by_index(index).map_err(|why| of_zip(&why))?;
        let bounded = Bounded {
            inner: BufReader::with_capacity(64 * 1024, entry),
            event_bytes_max,
            event_bytes: 0,
            bytes: bytes_max.min(FILE_BYTES_MAX.saturating_sub(self.bytes)),
            over: false,
        };
        let mut xml = Reader::from_reader(bounded);
        let config = xml.config_mut();
        config.check_end_names = false;
        Ok(PartReader { total: self, xml })
    }
}

impl<R: Read> PartReader<'_, '_, '_, R> {
    /// Looks at every tag.
    fn tags(
        self,
        mut each: impl FnMut(&BytesStart<'_>) -> Result<(), FileProblem>,
    ) -> Result<(), FileProblem> {
        self.read(|seen| match seen {
            Seen::Tag(tag) => each(tag),
            Seen::Text(_) => Ok(()),
        })
    }

    /// Looks at everything.
    fn read(
        mut self,
        mut each: impl FnMut(Seen<'_>) -> Result<(), FileProblem>,
    ) -> Result<(), FileProblem> {
        let mut event = Vec::new();
        loop {
            event.clear();
            self.xml.get_mut().event_bytes = 0;
            let read = self.xml.read_event_into(&mut event);
            let bounded = self.xml.get_ref();
            let bytes = bounded.event_bytes;
            match read {
                Ok(Event::Start(tag) | Event::Empty(tag)) => each(Seen::Tag(&tag))?,
                Ok(Event::Eof) => return Ok(()),
                Ok(
                    Event::Text(_)
                    | Event::CData(_)
                    | Event::GeneralRef(_)
                    | Event::End(_)
                    | Event::Comment(_)
                    | Event::Decl(_)
                    | Event::PI(_)
                    | Event::DocType(_),
                ) => each(Seen::Text(bytes))?,
                Err(_why) if bounded.over => {
                    return Err(FileProblem::WorkbookTooLarge {
                        what: "it unpacks to more than a workbook holds",
                    });
                }
                Err(_why) => return Err(damaged()),
            }
            self.total.bytes += bytes;
            if self.total.bytes >= self.total.looked_at.saturating_add(LOOK_BYTES) {
                self.total.looked_at = self.total.bytes;
                self.total.flow = (self.total.taker)(&[]);
            }
            if self.total.flow.is_break() {
                return Ok(());
            }
        }
    }
}

/// Reads up to a limit for each event and one for all.
struct Bounded<R> {
    inner: R,
    event_bytes_max: u64,
    /// Of the event that is read.
    event_bytes: u64,
    /// That may still be read.
    bytes: u64,
    /// One of them was reached.
    over: bool,
}

impl<R: BufRead> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let window = self.inner.fill_buf()?;
        let full = self.event_bytes > self.event_bytes_max || self.bytes == 0;
        if full && !window.is_empty() {
            self.over = true;
            return Err(io::Error::other("more than is read"));
        }
        Ok(window)
    }

    fn consume(&mut self, amount: usize) {
        let bytes = u64::try_from(amount).unwrap_or(u64::MAX);
        self.event_bytes = self.event_bytes.saturating_add(bytes);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.inner.consume(amount);
    }
}

fn of_zip(problem: &ZipError) -> FileProblem {
    let password_wanted = matches!(problem, ZipError::UnsupportedArchive(text)
        if *text == ZipError::PASSWORD_REQUIRED);
    if password_wanted {
        password()
    } else {
        damaged()
    }
}

/// Names of the archive's files as the reader looks for them: lower case, with slashes.
fn names(archive: &Archive) -> Vec<String> {
    let names = archive.file_names_raw();
    names
        .map(|name| {
            String::from_utf8_lossy(name)
                .replace('\\', "/")
                .to_lowercase()
        })
        .collect()
}

/// The file's own name.
fn last(path: &str) -> String {
    let path = path.replace('\\', "/").to_lowercase();
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

/// A tag's attribute, by its name or by what is behind its prefix.
fn attribute(tag: &BytesStart<'_>, name: &[u8]) -> Result<Option<String>, FileProblem> {
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|_why| damaged())?;
        if attribute.key.as_ref() == name {
            let text = String::from_utf8_lossy(&attribute.value);
            let text = quick_xml::escape::unescape(&text).map_err(|_why| damaged())?;
            return Ok(Some(text.into_owned()));
        }
    }
    Ok(None)
}

fn within(there: u64, most: u64, what: &'static str) -> Result<(), FileProblem> {
    if there > most {
        return Err(FileProblem::WorkbookTooLarge { what });
    }
    Ok(())
}
