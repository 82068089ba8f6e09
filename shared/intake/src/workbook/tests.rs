//! Workbooks as programs write them, and as somebody makes them who means harm.

use std::fmt::Write as _;
use std::io::Write as _;

use expect_test::{Expect, expect};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

const XLSX_TYPES: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>"#;
const XLSX_ROOT: &str = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;

fn packed(parts: &[(&str, &str)]) -> Bytes {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner().into()
}

/// A sheet of a test's workbook: name, `hidden` or nothing, and its rows in XML.
type TestSheet<'a> = (&'a str, &'a str, &'a str);

struct Excel<'a> {
    sheets: &'a [TestSheet<'a>],
    strings: &'a str,
    /// Format codes of styles 1, 2, …
    formats: &'a [&'a str],
    is_1904: bool,
}

impl Excel<'_> {
    fn bytes(&self) -> Bytes {
        let (mut sheets, mut relations, mut parts) = (String::new(), String::new(), Vec::new());
        for (n, (name, state, rows)) in (1..).zip(self.sheets) {
            let state = if state.is_empty() {
                String::new()
            } else {
                format!(r#" state="{state}""#)
            };
            write!(
                sheets,
                r#"<sheet name="{name}" sheetId="{n}"{state} r:id="rId{n}"/>"#
            )
            .unwrap();
            write!(relations, r#"<Relationship Id="rId{n}" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet{n}.xml"/>"#).unwrap();
            let sheet = format!(
                r#"<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{rows}</sheetData></worksheet>"#
            );
            parts.push((format!("xl/worksheets/sheet{n}.xml"), sheet));
        }
        let date = if self.is_1904 {
            r#"<workbookPr date1904="1"/>"#
        } else {
            ""
        };
        let (mut codes, mut styles) = (String::new(), String::from(r#"<xf numFmtId="0"/>"#));
        for (n, code) in (170..).zip(self.formats) {
            write!(codes, r#"<numFmt numFmtId="{n}" formatCode="{code}"/>"#).unwrap();
            write!(styles, r#"<xf numFmtId="{n}"/>"#).unwrap();
        }
        parts.extend([
            ("[Content_Types].xml".to_owned(), XLSX_TYPES.to_owned()),
            ("_rels/.rels".to_owned(), XLSX_ROOT.to_owned()),
            (
                "xl/workbook.xml".to_owned(),
                format!(r#"<workbook xmlns:r="r">{date}<sheets>{sheets}</sheets></workbook>"#),
            ),
            (
                "xl/_rels/workbook.xml.rels".to_owned(),
                format!("<Relationships>{relations}</Relationships>"),
            ),
            (
                "xl/styles.xml".to_owned(),
                format!(
                    "<styleSheet><numFmts>{codes}</numFmts><cellXfs>{styles}</cellXfs></styleSheet>"
                ),
            ),
            ("xl/sharedStrings.xml".to_owned(), self.strings.to_owned()),
        ]);
        let parts: Vec<_> = parts
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .collect();
        packed(&parts)
    }
}

fn excel<'a>(sheets: &'a [TestSheet<'a>]) -> Excel<'a> {
    Excel {
        sheets,
        strings: "<sst></sst>",
        formats: &[],
        is_1904: false,
    }
}

fn ods_of(content: &str) -> Bytes {
    let content = format!(
        r#"<office:document-content xmlns:office="o" xmlns:table="t" xmlns:text="x" xmlns:style="s"><office:automatic-styles><style:style style:name="ta1" style:family="table"><style:table-properties table:display="false"/></style:style></office:automatic-styles><office:body><office:spreadsheet>{content}</office:spreadsheet></office:body></office:document-content>"#
    );
    packed(&[
        ("mimetype", "application/vnd.oasis.opendocument.spreadsheet"),
        (
            "META-INF/manifest.xml",
            r#"<manifest:manifest xmlns:manifest="m"/>"#,
        ),
        ("content.xml", &content),
    ])
}

/// The CSV with its blanks to be seen, or what is said instead.
fn read(file: &Bytes, sheet: Option<&str>) -> String {
    let mut csv = Vec::new();
    let read = to_csv(file, sheet, &mut |piece| {
        csv.extend_from_slice(piece);
        ControlFlow::Continue(())
    });
    match read {
        Ok(workbook) => {
            let csv = String::from_utf8(csv).unwrap();
            let csv = csv.strip_prefix('\u{feff}').unwrap();
            assert!(workbook.whole);
            let sheets = workbook.sheets.join(", ");
            let lines = csv.replace("\r\n", "\u{2424}\n");
            format!("{} of {sheets}\n{lines}", workbook.sheet)
        }
        Err(problem) => format!("{}: {problem}\n", problem.code()),
    }
}

#[track_caller]
fn check(file: &Bytes, expected: &Expect) {
    expected.assert_eq(&read(file, None));
}

#[test]
fn cells_of_excel_say_what_they_hold() {
    let rows = r#"
        <row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="inlineStr"><is><t>Plain</t></is></c><c r="C1" t="str"><f>A1&amp;""</f><v>Formula, with comma</v></c></row>
        <row r="3"><c r="A3"><v>4.915112345678E+12</v></c><c r="B3"><v>1.2345678901234567E+19</v></c><c r="C3"><v>19.989999999999998</v></c></row>
        <row r="4"><c r="A4" t="b"><v>1</v></c><c r="B4" t="e"><v>#N/A</v></c><c r="C4" t="e"><v>#SPILL!</v></c><c r="D4"><v>-0.5</v></c></row>
        <row r="5"><c r="A5" s="1"><v>46053</v></c><c r="B5" s="2"><v>46053.395833333336</v></c><c r="C5" s="3"><v>1.1041666666666667</v></c><c r="D5" s="2"><v>0.5</v></c></row>
        <row r="6"><c r="A6" s="4"><v>1234</v></c><c r="B6" s="5"><v>14155552671</v></c><c r="C6" s="6"><v>0.25</v></c><c r="D6" s="7"><v>1234.5</v></c></row>
        <row r="7"><c r="A7" t="s"><v>1</v></c><c r="B7" s="1"/><c r="C7" t="s"><v>2</v></c></row>"#;
    let strings = r#"<sst uniqueCount="3"><si><r><t xml:space="preserve">Rich </t></r><r><rPr/><t>text</t></r></si><si><t>Two
lines, "quoted"</t></si><si><t>=1+1</t></si></sst>"#;
    let sheets = [("Leads", "", rows)];
    let book = Excel {
        strings,
        formats: &[
            "yyyy\\-mm\\-dd",
            "dd/mm/yyyy hh:mm",
            "[h]:mm",
            "00000",
            "\\+0",
            "0.00%",
            "#,##0.00\\ [$€-407]",
        ],
        ..excel(&sheets)
    };
    check(
        &book.bytes(),
        &expect![[r#"
            Leads of Leads
            Rich text,Plain,"Formula, with comma"␤
            ␤
            4915112345678,1.2345678901234567E19,19.99␤
            TRUE,,,-0.5␤
            2026-01-31,2026-01-31T09:30:00,26:30:00,12:00:00␤
            01234,+14155552671,0.25,1234.5␤
            "Two
            lines, ""quoted""",,=1+1,␤
        "#]],
    );
    let apple = Excel {
        is_1904: true,
        formats: &["yyyy-mm-dd"],
        ..excel(&[("S", "", r#"<row><c s="1"><v>44591</v></c></row>"#)])
    };
    check(
        &apple.bytes(),
        &expect![[r#"
        S of S
        2026-01-31␤
    "#]],
    );
}

#[test]
fn a_sheet_is_chosen_by_its_name_or_is_the_first_that_shows_rows() {
    let row = |text: &str| format!(r#"<row><c t="inlineStr"><is><t>{text}</t></is></c></row>"#);
    let (hidden, leads, more) = (row("hidden"), row("leads"), row("more"));
    let book = excel(&[
        ("Notes", "hidden", &hidden),
        ("Empty", "", ""),
        ("Leads 2026", "", &leads),
        ("More", "", &more),
    ])
    .bytes();
    let mut said = String::new();
    for sheet in [
        None,
        Some("Notes"),
        Some(" leads 2026 "),
        Some("Empty"),
        Some("Lead"),
    ] {
        said.push_str(&read(&book, sheet));
    }
    expect![[r#"
        Leads 2026 of Notes, Empty, Leads 2026, More
        leads␤
        Notes of Notes, Empty, Leads 2026, More
        hidden␤
        Leads 2026 of Notes, Empty, Leads 2026, More
        leads␤
        file_empty: the file is empty
        sheet_unknown: the workbook has no sheet `Lead`, but `Notes`, `Empty`, `Leads 2026`, `More`
    "#]]
    .assert_eq(&said);
}

#[test]
fn rows_keep_the_numbers_that_the_spreadsheet_shows() {
    let rows = r#"<row r="2"><c r="B2" t="inlineStr"><is><t>phone</t></is></c></row>
        <row r="1003"><c r="B1003"><v>14155552671</v></c></row>"#;
    let mut csv = Vec::new();
    let book = excel(&[("S", "", rows)]).bytes();
    to_csv(&book, None, &mut |piece| {
        csv.extend_from_slice(piece);
        ControlFlow::Continue(())
    })
    .unwrap();
    let mut intake = crate::Intake::new(csv_options(Options {
        default_country: "US".parse().ok(),
        ..Options::default()
    }));
    intake.push(csv.into());
    intake.end();
    let Ok(crate::Entry::Row(row)) = intake.next_entry() else {
        panic!("no row");
    };
    assert_eq!(
        (row.start.row, row.number.as_str()),
        (1_003, "+14155552671")
    );
}

#[test]
fn cells_of_libreoffice_say_what_they_hold() {
    let content = r#"<table:table table:name="Secret" table:style-name="ta1"><table:table-row><table:table-cell office:value-type="string"><text:p>hidden</text:p></table:table-cell></table:table-row></table:table><table:table table:name="Kunden"><table:table-column/><table:table-row><table:table-cell office:value-type="string"><text:p>Telefon</text:p></table:table-cell><table:table-cell office:value-type="string"><text:p>Zwei<text:s text:c="2"/>Räume</text:p><text:p>Zeile 2</text:p></table:table-cell><table:table-cell table:number-columns-repeated="1000"/></table:table-row><table:table-row table:number-rows-repeated="2"><table:table-cell table:number-columns-repeated="1002"/></table:table-row><table:table-row><table:table-cell office:value-type="float" office:value="4915112345678"><text:p>4,92E+12</text:p></table:table-cell><table:table-cell office:value-type="date" office:date-value="2026-01-31"><text:p>31.01.26</text:p></table:table-cell><table:table-cell office:value-type="time" office:time-value="PT9H30M00S"><text:p>09:30</text:p></table:table-cell><table:table-cell office:value-type="boolean" office:boolean-value="false"><text:p>FALSCH</text:p></table:table-cell><table:table-cell office:value-type="string" office:string-value="" calcext:value-type="error"><text:p>#N/A</text:p></table:table-cell><table:table-cell office:value-type="percentage" office:value="0.25"><text:p>25%</text:p></table:table-cell></table:table-row><table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="16384"/></table:table-row></table:table>"#;
    check(
        &ods_of(content),
        &expect![[r#"
            Kunden of Secret, Kunden
            Telefon,"Zwei  Räume
            Zeile 2"␤
            ␤
            ␤
            4915112345678,2026-01-31,09:30:00,FALSE,,0.25␤
        "#]],
    );
}

#[test]
fn what_is_no_workbook_is_named() {
    let mut encrypted = COMPOUND.to_vec();
    encrypted.extend([0; 600]);
    encrypted.extend("EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes));
    let book = excel(&[("S", "", "<row><c><v>1</v></c></row>")]).bytes();
    let half = book.slice(..book.len() / 2);
    let protected = packed(&[
        ("mimetype", "application/vnd.oasis.opendocument.spreadsheet"),
        (
            "META-INF/manifest.xml",
            r#"<manifest:manifest><manifest:file-entry><manifest:encryption-data/></manifest:file-entry></manifest:manifest>"#,
        ),
        ("content.xml", "no XML but noise"),
    ]);
    let files: [(&str, Bytes); 9] = [
        ("zip", packed(&[("leads.csv", "number\n+14155552671\n")])),
        (
            "docx",
            packed(&[("[Content_Types].xml", ""), ("word/document.xml", "")]),
        ),
        (
            "xlsb",
            packed(&[("[Content_Types].xml", ""), ("xl/workbook.bin", "")]),
        ),
        ("xls", [COMPOUND, &[0; 600]].concat().into()),
        ("xlsx with a password", encrypted.into()),
        ("ods with a password", protected),
        ("half of one", half),
        ("no sheets", excel(&[]).bytes()),
        ("no rows", excel(&[("S", "", "<row><c/></row>")]).bytes()),
    ];
    let mut said = String::new();
    for (what, file) in files {
        assert!(is_workbook(&file));
        write!(said, "{what}: {}", read(&file, None)).unwrap();
    }
    expect![[r#"
        zip: file_not_text: the file is a ZIP archive, not a CSV: unpack it first
        docx: file_not_text: the file is a document or a presentation, not a CSV: export the list as CSV
        xlsb: file_not_text: the file is a binary Excel workbook (.xlsb), not a CSV: save it as .xlsx or as CSV
        xls: file_not_text: the file is an old Excel workbook (.xls), not a CSV: save it as .xlsx or as CSV
        xlsx with a password: file_not_text: the file is a workbook with a password, not a CSV: save it without one
        ods with a password: file_not_text: the file is a workbook with a password, not a CSV: save it without one
        half of one: file_not_text: the file is a workbook that cannot be read, not a CSV: open it in the spreadsheet program and save it as CSV
        no sheets: file_empty: the file is empty
        no rows: file_empty: the file is empty
    "#]]
    .assert_eq(&said);
}

/// Each of these is a few kilobytes that a reader which believes them would need gigabytes for.
#[test]
fn a_bomb_is_refused_before_it_is_read() {
    let row = "<row><c><v>1</v></c></row>";
    let one = [("S", "", row)];
    let long = "x".repeat(2_000_000);
    let long_cell = format!(r#"<row><c t="inlineStr"><is><t>{long}</t></is></c></row>"#);
    let styles = "<xf/>".repeat(70_000);
    let strings = "<si/>".repeat(9_000_000);
    let cell = r#"<table:table-cell office:value-type="float" office:value="1" table:number-columns-repeated="16384"/>"#;
    let wide = format!(
        r#"<table:table table:name="S"><table:table-row table:number-rows-repeated="1000000">{cell}</table:table-row></table:table>"#
    );
    let far = format!(
        r#"<table:table table:name="S"><table:table-row table:number-rows-repeated="1000000"><table:table-cell/></table:table-row><table:table-row>{cell}</table:table-row></table:table>"#
    );
    let spaces = r#"<table:table table:name="S"><table:table-row><table:table-cell office:value-type="string"><text:p><text:s text:c="99999999999"/></text:p></table:table-cell></table:table-row></table:table>"#;
    let parts: Vec<String> = (0..10_001).map(|n| format!("p{n}")).collect();
    let parts: Vec<(&str, &str)> = parts.iter().map(|name| (name.as_str(), "")).collect();
    let many_styles = {
        let xml = format!("<styleSheet><cellXfs>{styles}</cellXfs></styleSheet>");
        let parts = [
            ("[Content_Types].xml", XLSX_TYPES),
            ("_rels/.rels", XLSX_ROOT),
            ("xl/workbook.xml", "<workbook/>"),
            ("xl/styles.xml", xml.as_str()),
        ];
        packed(&parts)
    };
    let files: [(&str, Bytes); 8] = [
        (
            "strings that are said to be there",
            Excel {
                strings: r#"<sst uniqueCount="99999999999"></sst>"#,
                ..excel(&one)
            }
            .bytes(),
        ),
        (
            "strings that are there",
            Excel {
                strings: &format!("<sst>{strings}</sst>"),
                ..excel(&one)
            }
            .bytes(),
        ),
        ("a cell", excel(&[("S", "", &long_cell)]).bytes()),
        ("styles", many_styles),
        ("parts", packed(&parts)),
        ("repeated cells", ods_of(&wide)),
        ("a cell far down", ods_of(&far)),
        ("spaces", ods_of(spaces)),
    ];
    let mut said = String::new();
    for (what, file) in files {
        assert!(file.len() < 2_000_000, "{what}: {} bytes", file.len());
        write!(said, "{what}: {}", read(&file, None)).unwrap();
    }
    expect![[r#"
        strings that are said to be there: workbook_too_large: the workbook is too large to be read as one (more than 384 MB of different texts): save the sheet as CSV and send that
        strings that are there: workbook_too_large: the workbook is too large to be read as one (more than 384 MB of different texts): save the sheet as CSV and send that
        a cell: workbook_too_large: the workbook is too large to be read as one (it unpacks to more than a workbook holds): save the sheet as CSV and send that
        styles: workbook_too_large: the workbook is too large to be read as one (more than 66,000 cell styles): save the sheet as CSV and send that
        parts: workbook_too_large: the workbook is too large to be read as one (more than 10,000 parts): save the sheet as CSV and send that
        repeated cells: workbook_too_large: the workbook is too large to be read as one (more than two million cells in an .ods file): save the sheet as CSV and send that
        a cell far down: workbook_too_large: the workbook is too large to be read as one (more than two million cells in an .ods file): save the sheet as CSV and send that
        spaces: workbook_too_large: the workbook is too large to be read as one (more than 128 MB of text in an .ods file): save the sheet as CSV and send that
    "#]]
    .assert_eq(&said);
}

#[test]
fn reading_stops_when_nobody_wants_more() {
    let rows: String = (1..=20_000)
        .map(|n| format!(r#"<row r="{n}"><c r="A{n}"><v>{n}</v></c></row>"#))
        .collect();
    let book = excel(&[("S", "", &rows)]).bytes();
    let mut pieces = 0;
    let read = to_csv(&book, None, &mut |piece| {
        pieces += usize::from(!piece.is_empty());
        if pieces > 0 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    assert_eq!((pieces, read.unwrap().whole), (1, false));
}
