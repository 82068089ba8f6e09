//! Lists as people send them, and what is read out of them.

mod countries;
mod numbers;
mod phone_columns;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use expect_test::{Expect, expect};
use proptest::prelude::*;

use crate::*;

mod encodings;
mod headers;
mod places;
mod quotes;

/// Everything that a file gives, as text.
fn read(bytes: &[u8], options: Options, chunk: usize) -> String {
    let mut intake = Intake::new(options);
    let mut chunks = bytes.chunks(chunk.max(1)).map(Bytes::copy_from_slice);
    let mut said = String::new();
    loop {
        match intake.next_entry() {
            Ok(Entry::NeedsInput) => match chunks.next() {
                Some(chunk) => intake.push(chunk),
                None => intake.end(),
            },
            Ok(Entry::End) => return said,
            Ok(entry) => {
                let layout = intake.layout().unwrap();
                if said.is_empty() {
                    writeln!(said, "{}", shown_layout(layout)).unwrap();
                }
                writeln!(said, "{}", shown(&entry, layout)).unwrap();
            }
            Err(problem) => {
                let row = problem.row().map(|row| format!(" at row {row}"));
                let row = row.unwrap_or_default();
                writeln!(said, "refused{row}: {}: {problem}", problem.code()).unwrap();
                return said;
            }
        }
    }
}

fn shown_layout(layout: &Layout) -> String {
    let columns = layout.columns.iter().map(|column| {
        if let Target::Variable(name) = &column.target {
            format!("{{{{{name}}}}}")
        } else {
            column.target.name().to_owned()
        }
    });
    let columns: Vec<_> = columns.collect();
    let (encoding, delimiter) = (layout.encoding, layout.delimiter);
    let mut said = format!("{encoding:?} {delimiter:?}: {}", columns.join(" | "));
    for warning in &layout.warnings {
        write!(said, "\n! {}", warning.sentence()).unwrap();
    }
    said
}

fn shown(entry: &Entry, layout: &Layout) -> String {
    match entry {
        Entry::Row(row) => {
            let mut line = format!("{}: {}", row.start.row, row.number.as_str());
            for alternate in &row.alternates {
                write!(line, " / {}", alternate.as_str()).unwrap();
            }
            for (name, value) in [("zone", row.zone), ("region", row.region)] {
                if let Some(value) = value {
                    write!(line, " {name}={value}").unwrap();
                }
            }
            if let Some(country) = row.region_unreadable {
                write!(line, " any state of {country}").unwrap();
            }
            if let Some(country) = row.country {
                write!(line, " country={country}").unwrap();
            }
            if row.priority != model::LeadPriority::Normal {
                write!(line, " {:?}", row.priority).unwrap();
            }
            if let Some(consent) = &row.consent {
                let (kind, source) = (consent.kind, &consent.source);
                let at = consent.at.map(|at| at.to_string()).unwrap_or_default();
                write!(line, " consent={kind:?} {at} {source:?}").unwrap();
            }
            for (name, value) in &row.variables {
                write!(line, " {name}={value:?}").unwrap();
            }
            line
        }
        Entry::Rejected(reject) => {
            format!("- {}: {}", reject.reason.code(), reject.sentence(layout))
        }
        Entry::NeedsInput | Entry::End => String::new(),
    }
}

fn us() -> Options {
    Options {
        default_country: "US".parse().ok(),
        ..Options::default()
    }
}

#[track_caller]
fn check(list: impl AsRef<[u8]>, expected: &Expect) {
    check_with(list, &us(), expected);
}

#[track_caller]
fn check_with(list: impl AsRef<[u8]>, options: &Options, expected: &Expect) {
    let list = list.as_ref();
    let whole = read(list, options.clone(), list.len());
    expected.assert_eq(&whole);
    for chunk in [1, 7] {
        assert_eq!(
            read(list, options.clone(), chunk),
            whole,
            "in chunks of {chunk}"
        );
    }
}

fn utf16(text: &str, little: bool) -> Vec<u8> {
    let units = text.encode_utf16();
    units
        .flat_map(|unit| {
            if little {
                unit.to_le_bytes()
            } else {
                unit.to_be_bytes()
            }
        })
        .collect()
}

#[test]
fn a_list_from_a_spreadsheet() {
    check(
        "Phone,First Name,Last Name,Time Zone,State,Notes\r\n\
         (415) 555-2671,Anna,Smith,America/Los_Angeles,CA,\"likes \"\"tea\"\", calls\nback\"\r\n\
         +44 20 7946 0958,Bob,,Europe/London,,\r\n",
        &expect![[r#"
            Ascii Comma: number | {{first_name}} | {{last_name}} | zone | region | {{notes}}
            2: +14155552671 zone=America/Los_Angeles region=US-CA first_name="Anna" last_name="Smith" notes="likes \"tea\", calls\nback" state="CA"
            3: +442079460958 zone=Europe/London first_name="Bob"
        "#]],
    );
}

#[test]
fn every_kind_of_bad_number() {
    check_with(
        "number\n4155552671\n+1 415 555 2671 ext. 5\n1.41556E+10\n'+14155552672\n=\"+14155552673\"\n911\n112\n+1 900 555 1234\n\
         +15555550100\ncall me\n1-800-FLOWERS\n+14155552674 (wife)\n+14155552675 / +14155552676\ntel:+1-415-555-2677\n\u{202a}+14155552678\u{202c}\n0044 20 7946 0958\n\
         999999999999999999999\n+۱۴۱۵۵۵۵۲۶۷۹\n14155552680\n-\n",
        &us(),
        &expect![[r#"
            Utf8 Comma: number
            2: +14155552671
            - number_extension: row 3, column A (number): has an extension, which cannot be dialled
            - number_scientific: row 4, column A (number): was shortened by the spreadsheet: format the column as text and enter it again
            5: +14155552672
            6: +14155552673
            - number_emergency: row 7, column A (number): is an emergency number
            - number_emergency: row 8, column A (number): is an emergency number
            - number_premium: row 9, column A (number): is a premium-rate number
            - number_unknown: row 10, column A (number): is in no range of numbers that its country has
            - number_unreadable: row 11, column A (number): is not a phone number
            - number_unreadable: row 12, column A (number): is not a phone number
            - number_unreadable: row 13, column A (number): is not a phone number
            14: +14155552675 / +14155552676
            15: +14155552677
            16: +14155552678
            17: +442079460958
            - number_unreadable: row 18, column A (number): is not a phone number
            19: +14155552679
            20: +14155552680
            - number_unreadable: row 21, column A (number): is not a phone number
        "#]],
    );
    check_with(
        "number\n4155552671\n+14155552671\n",
        &Options::default(),
        &expect![[r#"
            Ascii Comma: number
            - number_without_country: row 2, column A (number): has no country code: write it with + and country code, or give a default country
            3: +14155552671
        "#]],
    );
}

#[test]
fn a_person_written_two_ways_is_one() {
    check(
        "number,name\n+14155552671,A\n(415) 555-2671,B\n\n1 415.555.2671,C\n+14155552672,D\n",
        &expect![[r#"
            Ascii Comma: number | {{name}}
            2: +14155552671 name="A"
            - duplicate_in_file: row 3, column A (number): has the same number as row 2
            - duplicate_in_file: row 5, column A (number): has the same number as row 2
            6: +14155552672 name="D"
        "#]],
    );
}

#[test]
fn ragged_rows_are_named_and_empty_cells_at_the_end_are_not() {
    check(
        "number,name\n+14155552671\n+14155552672,B,,\n+14155552673,C,more\n,,\n,D\n+14155552674,\"E\"\"\",\n",
        &expect![[r#"
            Ascii Comma: number | {{name}}
            2: +14155552671
            3: +14155552672 name="B"
            - too_many_columns: row 4: has 3 cells, the header has 2: a text with a delimiter in it is not in quotes
            - number_missing: row 6, column A (number): has no phone number
            7: +14155552674 name="E\""
        "#]],
    );
}

#[test]
fn files_that_are_refused() {
    check(
        "",
        &expect![[r#"
        refused: file_empty: the file is empty
    "#]],
    );
    check(
        "\u{feff}",
        &expect![[r#"
        refused: file_empty: the file is empty
    "#]],
    );
    check(
        "\r\n \n",
        &expect![[r#"
        refused: file_empty: the file is empty
    "#]],
    );
    check(
        "number,name\n",
        &expect![[r#"
        refused: file_without_rows: the file has a header and no rows below it
    "#]],
    );
    check(
        "+14155552671,Anna\n+14155552672,Bob\n",
        &expect![[r#"
            refused at row 1: header_missing: row 1 holds data, not column names (column A looks like a phone number): put a row such as `number,first_name,last_name` above it
        "#]],
    );
    check(
        "Anna,anna@example.com\nBob,bob@example.com\n",
        &expect![[r#"
            refused at row 1: header_missing: row 1 holds data, not column names (column B looks like an e-mail address): put a row such as `number,first_name,last_name` above it
        "#]],
    );
    check(
        "name,city\nAnna,Berlin\n",
        &expect![[r#"
        refused: number_column_missing: no column has phone numbers in it: name one `number`, or say which it is
    "#]],
    );
    check(
        "number,name,Name \n+14155552671,a,b\n",
        &expect![[r#"
            Ascii Comma: number | {{name}} | {{name_2}}
            ! column C has the name of a column before: a number is put behind it
            2: +14155552671 name="a" name_2="b"
        "#]],
    );
    check(
        b"PK\x03\x04\x14\0\x06\0",
        &expect![[r#"
            refused: file_not_text: the file is a workbook or a ZIP archive, not a CSV: open it in the spreadsheet program and save it as CSV
        "#]],
    );
    check(
        [7; 100],
        &expect![[r#"
        refused: file_not_text: the file is binary data, not a CSV: export the list as CSV
    "#]],
    );
    check(
        "number,na\0me\n+14155552671,a\n",
        &expect![[r#"
        refused: header_unreadable: the name of column B cannot be read: the file is not in the encoding that it says
    "#]],
    );
    check(
        vec![b'x'; 40_000],
        &expect![[r#"
            refused: header_too_long: the name of column A has more than 100 characters
        "#]],
    );
    check(
        format!("number{}\n", ",x".repeat(300)),
        &expect![[r#"
        refused: header_too_wide: the header has more than 200 columns
    "#]],
    );
}

#[test]
fn rows_and_cells_that_are_too_long() {
    let list = format!(
        "number,name\n+14155552671,{}\n+14155552672,{}\n+14155552673,C{}\n+14155552674,D\n+14155552675,\"{}\"\n",
        "é".repeat(2_000),
        "é".repeat(2_001),
        "x".repeat(40_000),
        "x,".repeat(1_100),
    );
    let said = read(list.as_bytes(), us(), 100).replace(&"é".repeat(2_000), "(2,000)");
    expect![[r#"
        Utf8 Comma: number | {{name}}
        2: +14155552671 name="(2,000)"
        - value_too_long: row 3, column B (name): has more than 2000 characters
        - row_too_long: row 4: has more than 32768 bytes
        5: +14155552674 name="D"
        - value_too_long: row 6, column B (name): has more than 2000 characters
    "#]]
    .assert_eq(&said);
    assert_eq!(
        read(list.as_bytes(), us(), 100_000).replace(&"é".repeat(2_000), "(2,000)"),
        said
    );
}

#[test]
fn nul_bytes_and_formulas() {
    check(
        b"number,name\n+14155552671,a\0b\n+14155552672,=cmd|' /C calc'!A0\n+14155552673,\"two\nlines\"\n",
        &expect![[r#"
            Ascii Comma: number | {{name}}
            - control_character: row 2, column B (name): holds a control character, such as a NUL byte
            3: +14155552672 name="=cmd|' /C calc'!A0"
            4: +14155552673 name="two\nlines"
        "#]],
    );
}

/// A list of random rows, some of them good.
fn lists() -> impl Strategy<Value = Vec<u8>> {
    let cell = prop_oneof![
        3 => "\\+1415555[0-9]{4}",
        1 => "[ -~]{0,6}",
        1 => "[\"\r\n,;=é\u{1F600}\u{feff}\0]{0,5}",
        1 => "\"size [0-9]",
        1 => "\"(a|\"\"|\r\n|\\+1415555[0-9]{4}|,){0,9}\"",
    ];
    let row = proptest::collection::vec(cell, 1..4).prop_map(|cells| cells.join(","));
    let end = prop_oneof!["\n", "\r\n", "\r"];
    let rows = proptest::collection::vec((row, end), 0..12);
    (rows, 0..4_u8).prop_map(|(rows, encoding)| {
        let body: String = rows.into_iter().flat_map(|(row, end)| [row, end]).collect();
        let text = format!("number,name\n{body}");
        match encoding {
            0 => text.into_bytes(),
            1 => encoding_rs::WINDOWS_1252.encode(&text).0.into_owned(),
            2 => utf16(&text, true),
            _other => utf16(&text, false),
        }
    })
}

fn resumes(list: &[u8]) {
    resumes_with(list, &us());
}

/// Reads on at every place between two entries, and compares with what was read in one go.
#[track_caller]
fn resumes_with(list: &[u8], options: &Options) {
    let mut intake = Intake::new(options.clone());
    intake.push(Bytes::copy_from_slice(list));
    intake.end();
    let mut said = Vec::new();
    let mut places = Vec::new();
    loop {
        let entry = intake.next_entry();
        let ended = matches!(entry, Ok(Entry::End) | Err(_));
        said.push(entry.map(without_duplicates));
        places.extend(intake.position());
        if ended {
            break;
        }
    }
    let mut again = Intake::new(options.clone());
    again.push(Bytes::copy_from_slice(list));
    again.end();
    let _first = again.next_entry();
    let Some(layout) = again.layout().cloned() else {
        return;
    };
    let stored = serde_json::to_string(&layout).unwrap();
    let layout: Layout = serde_json::from_str(&stored).unwrap();
    for (index, place) in places.iter().enumerate() {
        let mut intake = Intake::resume(layout.clone(), *place);
        let from = usize::try_from(place.offset).unwrap().min(list.len());
        intake.push(Bytes::copy_from_slice(&list[from..]));
        intake.end();
        for expected in said.iter().skip(index + 1) {
            if matches!(expected, Err(FileProblem::NoRows)) {
                break;
            }
            let entry = intake.next_entry().map(without_duplicates);
            assert_eq!(&entry, expected, "from {place:?}");
        }
    }
}

fn stored(row: u64) -> Entry {
    Entry::Rejected(Reject {
        row,
        column: None,
        reason: Reason::AlreadyInCampaign,
    })
}

/// Which row had a number first is not known after reading on; that it is there is for the store.
fn without_duplicates(entry: Entry) -> Entry {
    match &entry {
        Entry::Rejected(reject) if matches!(reject.reason, Reason::DuplicateInFile { .. }) => {
            stored(reject.row)
        }
        Entry::Row(row) => stored(row.start.row),
        Entry::Rejected(_) | Entry::NeedsInput | Entry::End => entry,
    }
}

proptest! {
    #[test]
    fn any_bytes_in_any_chunks_give_the_same(bytes in proptest::collection::vec(any::<u8>(), 0..400), chunk in 1..50_usize) {
        prop_assert_eq!(read(&bytes, us(), chunk), read(&bytes, us(), 1_000));
    }

    #[test]
    fn any_list_in_any_chunks_gives_the_same(list in lists(), chunk in 1..50_usize) {
        prop_assert_eq!(read(&list, us(), chunk), read(&list, us(), 100_000));
    }

    #[test]
    fn reading_on_after_any_row_gives_the_rest(list in lists()) {
        resumes(&list);
    }

    #[test]
    fn a_number_survives_its_own_spelling(text in "\\+?[0-9 ().-]{0,16}") {
        if let Ok(found) = normalise(&text, "US".parse().ok()) {
            let again = normalise(found.number.as_str(), None);
            prop_assert_eq!(again, Ok(found));
        }
    }
}
