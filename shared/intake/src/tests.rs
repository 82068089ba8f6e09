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
    format!("{encoding:?} {delimiter:?}: {}", columns.join(" | "))
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
fn a_german_list_in_windows_1252_with_semicolons() {
    let (list, ..) = encoding_rs::WINDOWS_1252.encode(
        "Telefonnummer;Vorname;Nachname;Straße\r\n030 901820;Jörg;Müller;Grüner Weg 3\r\n0900 1234567;Rita;Groß;–\r\n",
    );
    let options = Options {
        default_country: "DE".parse().ok(),
        ..Options::default()
    };
    check_with(
        &list,
        &options,
        &expect![[r#"
            Windows1252 Semicolon: number | {{first_name}} | {{last_name}} | {{strasse}}
            2: +4930901820 first_name="Jörg" last_name="Müller" strasse="Grüner Weg 3"
            - number_premium: row 3, column A (Telefonnummer): is a premium-rate number
        "#]],
    );
}

#[test]
fn utf_16_with_and_without_a_mark() {
    let list = "number\tname\r\n+14155552671\tZoë 😀\r\n\r\n+14155552672\tतारा\r\n";
    let mut marked = vec![0xFF, 0xFE];
    marked.extend(utf16(list, true));
    check(
        &marked,
        &expect![[r#"
        Utf16Le Tab: number | {{name}}
        2: +14155552671 name="Zoë 😀"
        4: +14155552672 name="तारा"
    "#]],
    );
    check(
        utf16(list, false),
        &expect![[r#"
        Utf16Be Tab: number | {{name}}
        2: +14155552671 name="Zoë 😀"
        4: +14155552672 name="तारा"
    "#]],
    );
    check(
        utf16("sep=|\r\nnumber|name\r\n+14155552671|Zoë\r\n", true),
        &expect![[r#"
            Utf16Le Pipe: number | {{name}}
            3: +14155552671 name="Zoë"
        "#]],
    );
    let mut odd = utf16("number|name\r\n+14155552671|Zoë\r\n+14155552672|Jo", true);
    odd.push(0x61);
    check(
        &odd,
        &expect![[r#"
        Utf16Le Pipe: number | {{name}}
        2: +14155552671 name="Zoë"
        - encoding: row 3, column B (name): cannot be read in the file's encoding: save the list as UTF-8
    "#]],
    );
}

#[test]
fn utf_8_with_a_mark_and_rows_that_are_not_utf_8() {
    check(
        b"\xEF\xBB\xBFnumber,name\n+14155552671,Zo\xC3\xAB\n+14155552672,Zo\xEB\n+14155552673,\xC3,\xAB\n",
        &expect![[r#"
            Utf8 Comma: number | {{name}}
            2: +14155552671 name="Zoë"
            - encoding: row 3, column B (name): cannot be read in the file's encoding: save the list as UTF-8
            - encoding: row 4, column B (name): cannot be read in the file's encoding: save the list as UTF-8
        "#]],
    );
}

#[test]
fn what_shows_to_be_windows_1252_only_far_down() {
    let mut list = b"number,name\n".to_vec();
    for n in 0..4_000 {
        list.extend(format!("+1415555{n:04},Someone\n").bytes());
    }
    list.extend(b"+14155562671,Zo\xEB\n+14155562672,Zo\xC3\xAB\n");
    let said = read(&list, us(), 1_000);
    let last: Vec<_> = said.lines().rev().take(2).collect();
    expect![[r#"
        [
            "4003: +14155562672 name=\"Zoë\"",
            "4002: +14155562671 name=\"Zoë\"",
        ]
    "#]]
    .assert_debug_eq(&last);
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
fn own_zone_state_country_priority_and_consent() {
    check(
        "mobile,tz,state,country,priority,consent_kind,consent_at,consent_source\n\
         4155552671,us/pacific,ca,USA,high,written,2026-01-31,https://example.com/form\n\
         020 7946 0958,,,UK,,express,2026-01-31T09:30:00+01:00,\n\
         4155552672,PST,,,,,,\n4155552673,,Kalifornien,,,,,\n4155552674,,,Narnia,,,,\n4155552675,,,,asap,,,\n\
         4155552676,,,,,maybe,,\n4155552677,,,,,express,01/02/2026,\n4155552678,,,,,none,2026-01-31,\n4165552678,,ON,Canada,,,,\n",
        &expect![[r#"
            Ascii Comma: number | zone | region | country | priority | consent_kind | consent_at | consent_source
            2: +14155552671 zone=US/Pacific region=US-CA country=US High consent=Written 2026-01-31T00:00:00Z Some("https://example.com/form") country="USA" state="ca"
            3: +442079460958 country=GB consent=Express 2026-01-31T08:30:00Z None country="UK"
            - zone: row 4, column B (tz): is not an IANA time zone such as America/New_York
            - region: row 5, column C (state): is not a state or province: write it as CA, US-CA or California
            - country: row 6, column D (country): is not a country: write it as two letters, as in US
            - priority: row 7, column E (priority): is not high, normal or low
            - consent_kind: row 8, column F (consent_kind): is not express or written
            - consent_at: row 9, column G (consent_at): is not a date such as 2026-01-31 or a time such as 2026-01-31T09:30:00Z
            10: +14155552678
            11: +14165552678 region=CA-ON country=CA country="Canada" state="ON"
        "#]],
    );
}

#[test]
fn ragged_rows_are_named_and_empty_cells_at_the_end_are_not() {
    check(
        "number,name\n+14155552671\n+14155552672,B,,\n+14155552673,C,more\n,,\n,D\n+14155552674,\"E\"\"\",\n",
        &expect![[r#"
            Ascii Comma: number | {{name}}
            - too_few_columns: row 2: has 1 cells, the header has 2: a delimiter is missing, or a text with one in it is not in quotes
            3: +14155552672 name="B"
            - too_many_columns: row 4: has 3 cells, the header has 2: a delimiter is missing, or a text with one in it is not in quotes
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
        refused: header_missing: row 1 holds data, not column names (column A looks like a phone number): put a row such as `number,first_name,last_name` above it
    "#]],
    );
    check(
        "Anna,anna@example.com\nBob,bob@example.com\n",
        &expect![[r#"
            refused: header_missing: row 1 holds data, not column names (column B looks like an e-mail address): put a row such as `number,first_name,last_name` above it
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
        refused: header_duplicate: columns B and C have the same name: rename or remove one
    "#]],
    );
    check(
        b"PK\x03\x04\x14\0\x06\0",
        &expect![[r#"
        refused: file_not_text: the file is an Excel workbook or a ZIP archive, not a CSV: open it in the spreadsheet program and save it as CSV
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
fn a_quote_that_is_never_closed() {
    check(
        "number,name\n+14155552671,A\n+14155552672,\"B\n+14155552673,C\n",
        &expect![[r#"
            Ascii Comma: number | {{name}}
            2: +14155552671 name="A"
            refused at row 3: quote_unclosed: a quote that opens in row 3 is not closed within 32768 bytes: close it, or double quotes that belong to the text
        "#]],
    );
    let bomb = format!(
        "number,name\n+14155552671,A\n+14155552672,\"B\n{}",
        "+14155552673,C\n".repeat(9_000)
    );
    check(
        &bomb,
        &expect![[r#"
            Ascii Comma: number | {{name}}
            2: +14155552671 name="A"
            refused at row 3: quote_unclosed: a quote that opens in row 3 is not closed within 32768 bytes: close it, or double quotes that belong to the text
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

#[test]
fn columns_that_are_told() {
    let mut options = us();
    options.columns = BTreeMap::from([
        ("handy 2".to_owned(), Target::Number),
        (
            "Region".to_owned(),
            Target::Variable("sales_region".to_owned()),
        ),
        ("Secret".to_owned(), Target::Ignore),
        ("column_5".to_owned(), Target::Priority),
    ]);
    let list = "phone,Handy 2,Region,Secret,\n+14155552671,+14155552672,West,x,low\n";
    check_with(
        list,
        &options,
        &expect![[r#"
        Ascii Comma: alternate | number | {{sales_region}} | ignore | priority
        2: +14155552672 / +14155552671 Low sales_region="West"
    "#]],
    );
    options.columns.insert("Nope".to_owned(), Target::Ignore);
    check_with(
        list,
        &options,
        &expect![[r#"
        refused: column_unknown: a column that is given a meaning is not in the header: `Nope`
    "#]],
    );
    options.columns.remove("Nope");
    options.columns.insert("phone".to_owned(), Target::Number);
    check_with(
        list,
        &options,
        &expect![[r#"
        refused: column_ambiguous: columns A and B are both given the meaning `number`
    "#]],
    );
    options
        .columns
        .insert("phone".to_owned(), Target::Variable("1st".to_owned()));
    check_with(
        list,
        &options,
        &expect![[r#"
        refused: variable_name: `1st` is not a variable name: use letters, digits and _, starting with a letter, at most 64
    "#]],
    );
}

#[test]
fn the_column_that_has_the_numbers() {
    // Two by name: what is no number stays to be seen. A name that says otherwise than the cells.
    check(
        "Mobile,Phone,Region,Priority\nx,4155552671,West,1\n,4155552672,East,2\n",
        &expect![[r#"
            Ascii Comma: number | alternate | {{region}} | {{priority}}
            2: +14155552671 mobile="x" priority="1" region="West"
            3: +14155552672 priority="2" region="East"
        "#]],
    );
    // No candidate by name.
    check(
        "Name,Kontakt\nAnna,4155552671\nBob,4155552672\n",
        &expect![[r#"
            Ascii Comma: {{name}} | number
            2: +14155552671 name="Anna"
            3: +14155552672 name="Bob"
        "#]],
    );
}

/// A list of random rows, some of them good.
fn lists() -> impl Strategy<Value = Vec<u8>> {
    let cell = prop_oneof![
        3 => "\\+1415555[0-9]{4}",
        1 => "[ -~]{0,6}",
        1 => "[\"\r\n,;=é\u{1F600}\u{feff}\0]{0,5}",
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

/// Reads on at every place between two entries, and compares with what was read in one go.
fn resumes(list: &[u8]) {
    let mut intake = Intake::new(us());
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
    let mut again = Intake::new(us());
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

/// Which row had a number first is not known after reading on; that it is there is for the store.
fn without_duplicates(entry: Entry) -> Entry {
    match &entry {
        Entry::Rejected(reject) if matches!(reject.reason, Reason::DuplicateInFile { .. }) => {
            Entry::NeedsInput
        }
        Entry::Row(row) => Entry::Rejected(Reject {
            row: row.start.row,
            column: None,
            reason: Reason::AlreadyInCampaign,
        }),
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
