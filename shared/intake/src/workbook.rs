//! Workbooks: a sheet of an `.xlsx` or `.ods` file, as the CSV that everything behind reads.
//!
//! The CSV is UTF-8 with a byte order mark, has commas, and one record for each row of the sheet, blank
//! ones too, so that row numbers are those that the spreadsheet shows. Cells say what they hold and not
//! how it is shown: see [`cell`]. Hidden rows and columns are read like any others. Of cells that are
//! merged the first has the value and the others are empty.
//!
//! A workbook is read in memory, and says itself how much it unpacks to. So it is looked through by
//! [`limits`] before the reader is let at it.

mod cell;
mod csv;
mod limits;

use std::io::{Cursor, Read as _};
use std::ops::ControlFlow;

use bytes::Bytes;
use calamine::{Ods, OdsError, Reader as _, Sheet, SheetType, SheetVisible, Xlsx, XlsxError};
use zip::ZipArchive;
use zip::result::ZipError;

use self::cell::NumberShown;
use self::csv::{Csv, CsvEnd};
use crate::file::detect::{COMPOUND, PACKED};
use crate::{Delimiter, Encoding, FileProblem, Options};

/// The largest workbook, packed as it is. A sheet of a million rows with ten columns is half of it.
pub const WORKBOOK_BYTES_MAX: u64 = 100_000_000;

/// The longest name of a sheet that can be asked for. Excel takes 31 characters.
pub const SHEET_CHARS_MAX: usize = 255;

const MIMETYPE_ODS: &[u8] = b"application/vnd.oasis.opendocument.spreadsheet";

/// What is done with the next bytes of the CSV. `Break`: no more are wanted. It is also asked with no
/// bytes at all, while the workbook is looked through.
pub type Taker<'a> = dyn FnMut(&[u8]) -> ControlFlow<()> + 'a;

/// What was read out of a workbook; nothing, if nothing was wanted any more before its sheets were found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workbook {
    /// The sheet that was read.
    pub sheet: String,
    /// All sheets, hidden ones too, in their order.
    pub sheets: Vec<String>,
    /// The sheet was read to its end: the CSV was taken whole.
    pub whole: bool,
}

/// A workbook in memory, opened.
type Archive = ZipArchive<Cursor<Bytes>>;

/// Whether a file may be a workbook, by its first bytes: [`to_csv`] reads it, or says what it is.
#[must_use]
pub fn is_workbook(head: &[u8]) -> bool {
    head.starts_with(PACKED) || head.starts_with(COMPOUND)
}

/// How the CSV of a workbook is read: as the workbook would be, but for what only a text has.
#[must_use]
pub fn csv_options(options: Options) -> Options {
    Options {
        encoding: Some(Encoding::Utf8),
        delimiter: Some(Delimiter::Comma),
        ..options
    }
}

/// Hands the sheet of this name over as a CSV, piece by piece; without a name the first that is not
/// hidden and has rows.
///
/// # Errors
/// What makes the workbook unusable: it is none, has a password, is damaged, too large, or has no such
/// sheet. Some of the CSV may have been handed over by then.
pub fn to_csv(
    file: &Bytes,
    sheet: Option<&str>,
    taker: &mut Taker<'_>,
) -> Result<Workbook, FileProblem> {
    if u64::try_from(file.len()).is_ok_and(|bytes| bytes > WORKBOOK_BYTES_MAX) {
        return Err(FileProblem::WorkbookTooLarge {
            what: "more than 100 MB",
        });
    }
    if file.starts_with(COMPOUND) {
        return Err(compound(file));
    }
    limits::entries(file)?;
    let mut archive = ZipArchive::new(Cursor::new(file.clone())).map_err(|_why| damaged())?;
    let kind = kind(&mut archive)?;
    let flow = match kind {
        Kind::Xlsx => limits::xlsx(&mut archive, taker)?,
        Kind::Ods => limits::ods(&mut archive, taker)?,
    };
    if flow.is_break() {
        return Ok(Workbook::default());
    }
    match kind {
        Kind::Xlsx => xlsx(file, sheet, taker),
        Kind::Ods => ods(file, sheet, taker),
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Xlsx,
    Ods,
}

/// What is in the archive, by the names in it.
fn kind(archive: &mut Archive) -> Result<Kind, FileProblem> {
    let mut mimetype = Vec::new();
    match archive.by_name("mimetype") {
        Ok(entry) => {
            let length = u64::try_from(MIMETYPE_ODS.len()).unwrap_or_default();
            let read = entry.take(length).read_to_end(&mut mimetype);
            read.map_err(|_why| damaged())?;
        }
        Err(ZipError::FileNotFound) => {}
        Err(_why) => return Err(damaged()),
    }
    if mimetype == MIMETYPE_ODS {
        return Ok(Kind::Ods);
    }
    let (mut excel, mut binary, mut office) = (false, false, false);
    for name in archive.file_names_raw() {
        let name = String::from_utf8_lossy(name)
            .replace('\\', "/")
            .to_lowercase();
        office |= name == "[content_types].xml" || name == "mimetype";
        excel |= name.starts_with("xl/") || name.contains("/workbook.xml");
        binary |= name.ends_with("workbook.bin");
    }
    if office && binary {
        return Err(FileProblem::NotText {
            what: "a binary Excel workbook (.xlsb)",
            advice: "save it as .xlsx or as CSV",
        });
    }
    if office && excel {
        return Ok(Kind::Xlsx);
    }
    Err(if office {
        FileProblem::NotText {
            what: "a document or a presentation",
            advice: "export the list as CSV",
        }
    } else {
        FileProblem::NotText {
            what: "a ZIP archive",
            advice: "unpack it first",
        }
    })
}

fn xlsx(
    file: &Bytes,
    wanted: Option<&str>,
    taker: &mut Taker<'_>,
) -> Result<Workbook, FileProblem> {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(file.clone())).map_err(|why| of_xlsx(&why))?;
    let (sheets, candidates) = choose(book.sheets_metadata(), wanted)?;
    for sheet in candidates {
        let mut cells = match book.worksheet_cells_reader(&sheet) {
            Ok(cells) => cells,
            Err(XlsxError::NotAWorksheet(_)) => continue,
            Err(problem) => return Err(of_xlsx(&problem)),
        };
        let shown = |style: &calamine::Style| {
            let format = style.number_format.as_ref();
            format.and_then(|format| NumberShown::of(&format.format_code))
        };
        let shown: Vec<Option<NumberShown>> = cells.styles().iter().map(shown).collect();
        let mut csv = Csv::new(taker);
        let mut text = String::new();
        let read = loop {
            let (found, style) = match cells.next_cell_with_style_id() {
                Ok(Some(found)) => found,
                Ok(None) => break csv.finish()?,
                // An error that Excel has learned since, such as `#SPILL!`: empty like the others.
                Err(XlsxError::CellError(_)) => continue,
                Err(problem) => return Err(of_xlsx(&problem)),
            };
            text.clear();
            let shown = shown.get(style).copied().flatten();
            cell::push(&mut text, found.get_value(), shown);
            let (row, column) = found.get_position();
            if csv.cell(row, column, &text)?.is_break() {
                break CsvEnd::Stopped;
            }
        };
        if let Some(whole) = read.whole() {
            return Ok(Workbook {
                sheet,
                sheets,
                whole,
            });
        }
    }
    Err(FileProblem::Empty)
}

fn ods(file: &Bytes, wanted: Option<&str>, taker: &mut Taker<'_>) -> Result<Workbook, FileProblem> {
    let mut book: Ods<_> = Ods::new(Cursor::new(file.clone())).map_err(|why| of_ods(&why))?;
    let (sheets, candidates) = choose(book.sheets_metadata(), wanted)?;
    for sheet in candidates {
        let range = book.worksheet_range(&sheet).map_err(|why| of_ods(&why))?;
        let Some((top, left)) = range.start() else {
            continue;
        };
        let mut csv = Csv::new(taker);
        let mut text = String::new();
        let mut stopped = false;
        'rows: for (row, cells) in (top..).zip(range.rows()) {
            for (column, found) in (left..).zip(cells) {
                text.clear();
                cell::push_ods(&mut text, found);
                if csv.cell(row, column, &text)?.is_break() {
                    stopped = true;
                    break 'rows;
                }
            }
        }
        let read = if stopped {
            CsvEnd::Stopped
        } else {
            csv.finish()?
        };
        if let Some(whole) = read.whole() {
            return Ok(Workbook {
                sheet,
                sheets,
                whole,
            });
        }
    }
    Err(FileProblem::Empty)
}

/// The names of all sheets, and of those that are looked at for rows, in this order.
fn choose(all: &[Sheet], wanted: Option<&str>) -> Result<(Vec<String>, Vec<String>), FileProblem> {
    let sheets = all.iter().filter(|sheet| match sheet.typ {
        SheetType::WorkSheet => true,
        SheetType::DialogSheet | SheetType::MacroSheet | SheetType::ChartSheet | SheetType::Vba => {
            false
        }
    });
    let names: Vec<String> = sheets.clone().map(|sheet| sheet.name.clone()).collect();
    let Some(wanted) = wanted else {
        let visible = sheets.filter(|sheet| match sheet.visible {
            SheetVisible::Visible => true,
            SheetVisible::Hidden | SheetVisible::VeryHidden => false,
        });
        let visible = visible.map(|sheet| sheet.name.clone()).collect();
        return Ok((names, visible));
    };
    let same = |name: &&String| name.trim().to_lowercase() == wanted.trim().to_lowercase();
    let exact = names.iter().find(|name| name.as_str() == wanted);
    match exact.or_else(|| names.iter().find(same)) {
        Some(name) => {
            let name = name.clone();
            Ok((names, vec![name]))
        }
        None => Err(FileProblem::SheetUnknown {
            name: wanted.to_owned(),
            sheets: names,
        }),
    }
}

/// A compound file. Its directory names what is in it, in UTF-16.
fn compound(file: &[u8]) -> FileProblem {
    let name: Vec<u8> = "EncryptedPackage"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    if file.windows(name.len()).any(|window| window == name) {
        return password();
    }
    FileProblem::NotText {
        what: "an old Excel workbook (.xls)",
        advice: "save it as .xlsx or as CSV",
    }
}

fn of_xlsx(problem: &XlsxError) -> FileProblem {
    if matches!(problem, XlsxError::Password) {
        password()
    } else {
        damaged()
    }
}

fn of_ods(problem: &OdsError) -> FileProblem {
    if matches!(problem, OdsError::Password) {
        password()
    } else {
        damaged()
    }
}

fn password() -> FileProblem {
    FileProblem::NotText {
        what: "a workbook with a password",
        advice: "save it without one",
    }
}

/// What is said of a workbook that the reader does not get through.
#[must_use]
pub const fn damaged() -> FileProblem {
    FileProblem::NotText {
        what: "a workbook that cannot be read",
        advice: "open it in the spreadsheet program and save it as CSV",
    }
}

#[cfg(test)]
mod tests;
