//! How many rows a second one core reads out of a workbook, and what memory that takes:
//! `cargo run --release -p intake --example workbook [rows | file]`.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measurement is about the clock, and for people"
)]

use std::error::Error;
use std::fmt::Write as _;
use std::io::{Cursor, Write as _};
use std::ops::ControlFlow;
use std::time::Instant;

use intake::workbook::to_csv;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

fn main() -> Result<(), Box<dyn Error>> {
    let argument = std::env::args().nth(1);
    let argument = argument.unwrap_or_else(|| "1000000".to_owned());
    let file = match argument.parse() {
        Ok(rows) => made(rows)?,
        Err(_a_file) => std::fs::read(argument)?,
    };
    let packed = file.len() / 1_000_000;
    let (mut rows, mut bytes) = (0, 0);
    let from = Instant::now();
    let read = to_csv(&file.into(), None, &mut |piece| {
        bytes += piece.len();
        rows += piece.iter().filter(|byte| **byte == b'\n').count();
        ControlFlow::Continue(())
    })?;
    let took = from.elapsed();
    let rate = rows as u128 * 1_000 / took.as_millis().max(1);
    println!(
        "{}: {rows} lines, {packed} MB packed, {} MB as CSV in {took:.1?}: {rate} a second; {}",
        read.sheet,
        bytes / 1_000_000,
        peak()
    );
    Ok(())
}

/// A list of ten columns: numbers, dates, texts that are shared and texts that are not.
fn made(rows: u32) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let parts = [
        ("[Content_Types].xml", "<Types/>".to_owned()),
        (
            "_rels/.rels",
            format!(
                r#"<Relationships><Relationship Id="r1" Type="{kind}/officeDocument" Target="xl/workbook.xml"/></Relationships>"#
            ),
        ),
        (
            "xl/workbook.xml",
            r#"<workbook xmlns:r="r"><sheets><sheet name="Leads" sheetId="1" r:id="r1"/></sheets></workbook>"#
                .to_owned(),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                r#"<Relationships><Relationship Id="r1" Type="{kind}/worksheet" Target="worksheets/a.xml"/></Relationships>"#
            ),
        ),
        (
            "xl/styles.xml",
            r#"<styleSheet><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>"#
                .to_owned(),
        ),
    ];
    for (name, text) in parts {
        zip.start_file(name, SimpleFileOptions::default())?;
        zip.write_all(text.as_bytes())?;
    }
    zip.start_file("xl/sharedStrings.xml", SimpleFileOptions::default())?;
    write!(zip, r#"<sst uniqueCount="{}">"#, 4_000 + u64::from(rows))?;
    for n in 0..4_000 {
        write!(zip, "<si><t>Name {n}</t></si>")?;
    }
    for n in 0..rows {
        write!(zip, "<si><t>Asked for a call, later #{n}</t></si>")?;
    }
    write!(zip, "</sst>")?;
    zip.start_file("xl/worksheets/a.xml", SimpleFileOptions::default())?;
    write!(zip, "<worksheet><sheetData>")?;
    for n in 0..rows {
        let row = n + 1;
        let mut line = format!(r#"<row r="{row}">"#);
        write!(
            line,
            r#"<c r="A{row}"><v>{}</v></c>"#,
            14_155_550_000_u64 + u64::from(n)
        )?;
        write!(
            line,
            r#"<c r="B{row}" s="1"><v>{}</v></c>"#,
            46_000 + n % 300
        )?;
        write!(line, r#"<c r="C{row}"><v>{}.5</v></c>"#, n % 1_000)?;
        for (column, modulus) in ["D", "E", "F", "G", "H", "I"]
            .iter()
            .zip([4_000, 7, 300, 3_000, 2, 50])
        {
            write!(
                line,
                r#"<c r="{column}{row}" t="s"><v>{}</v></c>"#,
                n % modulus
            )?;
        }
        write!(
            line,
            r#"<c r="J{row}" t="s"><v>{}</v></c></row>"#,
            4_000 + n
        )?;
        zip.write_all(line.as_bytes())?;
    }
    write!(zip, "</sheetData></worksheet>")?;
    Ok(zip.finish()?.into_inner())
}

fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "unknown here".to_owned(), |peak| peak.trim().to_owned())
}
