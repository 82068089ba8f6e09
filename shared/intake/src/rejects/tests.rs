//! Lists whose rows are kept out, the files that are made of them, and what those bring when they are sent
//! again.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::column::is_reject_column;
use crate::{Column, ColumnReason, Delimiter, Encoding, Target};

/// The reject file of a list, read in pieces of a size, from its header or from behind each row anew.
fn rejects_of(list: &[u8], options: &Options, chunk: usize) -> Vec<u8> {
    let mut writer = RejectWriter::new(options.clone());
    let mut file = Vec::new();
    let mut chunks = list.chunks(chunk.max(1)).map(Bytes::copy_from_slice);
    loop {
        let entry = writer.next_entry().unwrap();
        if file.is_empty()
            && let Some(layout) = writer.layout()
        {
            file = begin(layout, &Bytes::copy_from_slice(list));
        }
        match entry {
            Entry::NeedsInput => match chunks.next() {
                Some(chunk) => writer.push(chunk),
                None => writer.end(),
            },
            Entry::Rejected(reject) => writer.write(&reject, &mut file),
            Entry::Row(_) => {}
            Entry::End => return file,
        }
    }
}

/// What a list says: rows as numbers with their variables, rejects with their code and cells.
fn said(list: &[u8], options: &Options) -> Vec<String> {
    let mut intake = Intake::new(options.clone());
    intake.push(Bytes::copy_from_slice(list));
    intake.end();
    let mut said = Vec::new();
    loop {
        let entry = intake.next_entry().unwrap();
        let ours = intake.layout().map(|layout| {
            let columns = layout.columns.iter();
            columns
                .map(|column| is_reject_column(&column.header))
                .collect::<Vec<_>>()
        });
        let ours = ours.unwrap_or_default();
        let cells: Vec<&str> = intake
            .cells()
            .zip(ours.iter().chain(std::iter::repeat(&false)))
            .filter(|(_cell, ours)| !**ours)
            .map(|(cell, _ours)| cell)
            .collect();
        match entry {
            Entry::Row(row) => said.push(format!("{} {:?}", row.number.as_str(), row.variables)),
            Entry::Rejected(reject) => said.push(format!("{} {cells:?}", reject.reason.code())),
            Entry::NeedsInput | Entry::End => return said,
        }
    }
}

fn options(country: &str) -> Options {
    Options {
        default_country: country.parse().ok(),
        ..Options::default()
    }
}

#[track_caller]
fn check(list: impl AsRef<[u8]>, expected: &Expect) -> Vec<u8> {
    let list = list.as_ref();
    let file = rejects_of(list, &options("US"), list.len());
    for chunk in [1, 7, 64] {
        assert_eq!(
            rejects_of(list, &options("US"), chunk),
            file,
            "in pieces of {chunk}"
        );
    }
    expected.assert_eq(&String::from_utf8_lossy(&file).replace("\r\n", "\u{2424}\n"));
    file
}

#[test]
fn a_row_is_as_it_was_with_why_behind_it() {
    let file = check(
        "Phone;First name;Note\r\n\r\nnone;Anna;\"two\nlines; \"\"quoted\"\"\"\r\n+14155552671;Bob;\r\n;;\r\n911 ;Carl;=1+1\r\n",
        &expect![[r#"
            Phone;First name;Note;trunkline_row;trunkline_column;trunkline_code;trunkline_reason␤
            none;Anna;"two
            lines; ""quoted""";3;A;number_unreadable;is not a phone number␤
            911 ;Carl;'=1+1;6;A;number_emergency;is an emergency number␤
        "#]],
    );
    let again = said(&file, &options("US"));
    let expected = [
        "number_unreadable [\"none\", \"Anna\", \"two\\nlines; \\\"quoted\\\"\"]",
        "number_emergency [\"911 \", \"Carl\", \"=1+1\"]",
    ];
    assert_eq!(again, expected);
}

#[test]
fn a_mended_file_brings_the_mended_rows_and_the_same_rejects_of_the_others() {
    let list =
        "Telefon;Vorname;Formel\r\n+14155552671;Anna;=x\r\n0;J\u{f6}rg;'=x\r\n1;Zo\u{eb};@me\r\n";
    let (list, ..) = encoding_rs::WINDOWS_1252.encode(list);
    let file = rejects_of(&list, &options("US"), 10);
    let (text, ..) = encoding_rs::WINDOWS_1252.decode(&file);
    let mended = text.replace("\r\n0;", "\r\n+14155552672;");
    let (mended, ..) = encoding_rs::WINDOWS_1252.encode(&mended);
    let again = said(&mended, &options("US"));
    assert_eq!(
        again,
        [
            "+14155552672 {\"first_name\": \"J\u{f6}rg\", \"formel\": \"'=x\"}",
            "number_short [\"1\", \"Zo\u{eb}\", \"@me\"]",
        ]
    );
    // And once more: our columns are there once, and cells are what they were.
    let second = rejects_of(&mended, &options("US"), 10);
    let (second, ..) = encoding_rs::WINDOWS_1252.decode(&second);
    expect![[r#"
        Telefon;Vorname;Formel;trunkline_row;trunkline_column;trunkline_code;trunkline_reason
        1;Zoë;'@me;3;A;number_short;is too short for a phone number
    "#]]
    .assert_eq(&second.replace("\r\n", "\n"));
}

#[test]
fn what_is_above_the_header_stays_and_short_rows_are_filled_up() {
    check(
        "\u{feff}sep=|\r\nnumber|name|note\r\nnone|Anna|\r\nnone|Bob|x|y\r\n",
        &expect![[r#"
            ﻿sep=|␤
            number|name|note|trunkline_row|trunkline_column|trunkline_code|trunkline_reason␤
            none|Anna||2|A|number_unreadable|is not a phone number␤
            none|Bob|x|y|3||too_many_columns|has 4 cells, the header has 3: a text with a delimiter in it is not in quotes␤
        "#]],
    );
}

#[test]
fn a_list_in_utf_16_stays_in_utf_16() {
    for little in [true, false] {
        let encode = |text: &str| -> Vec<u8> {
            let units = text.encode_utf16();
            let bytes = units.map(|unit| {
                if little {
                    unit.to_le_bytes()
                } else {
                    unit.to_be_bytes()
                }
            });
            bytes.flatten().collect()
        };
        let list =
            encode("\u{feff}number\tname\r\nnone\tZo\u{eb} \u{1f600}\r\n+14155552671\tx\r\n");
        for chunk in [1, 3, 4_096] {
            let file = rejects_of(&list, &options("US"), chunk);
            let wanted = encode(
                "\u{feff}number\tname\ttrunkline_row\ttrunkline_column\ttrunkline_code\ttrunkline_reason\r\nnone\tZo\u{eb} \u{1f600}\t2\tA\tnumber_unreadable\tis not a phone number\r\n",
            );
            assert_eq!(file, wanted, "little {little}, pieces of {chunk}");
        }
    }
}

#[test]
fn a_row_that_cannot_be_decoded_is_there_byte_by_byte() {
    let list = b"\xEF\xBB\xBFnumber,name\n+14155552671,Zo\xC3\xAB\x81\n+14155552672,Zo\xC3\xAB\n";
    let file = rejects_of(list, &options("US"), 5);
    let line = b"+14155552671,Zo\xC3\xAB\x81,2,B,encoding,";
    assert!(
        file.windows(line.len()).any(|bytes| bytes == line),
        "{}",
        String::from_utf8_lossy(&file)
    );
}

#[test]
fn titles_above_the_header_stay_where_they_are() {
    let file = check(
        "Calls of June\n\nPhone,Name,Phone\nnone,Anna,\n+14155552671,Bob,none\n",
        &expect![[r#"
            Calls of June

            Phone,Name,Phone,trunkline_row,trunkline_column,trunkline_code,trunkline_reason␤
            none,Anna,,4,A,number_unreadable,is not a phone number␤
        "#]],
    );
    assert_eq!(
        said(&file, &options("US")),
        ["number_unreadable [\"none\", \"Anna\", \"\"]"]
    );
}

#[test]
fn a_row_with_a_quote_that_nobody_closed_is_a_row_of_its_own_and_so_are_those_behind_it() {
    let file = check(
        "number,name,note\nnone,Al,\"size 5\nnone,Bea,7\n+14155552671,Cy,8\nnone,Dee,9\n",
        &expect![[r#"
            number,name,note,trunkline_row,trunkline_column,trunkline_code,trunkline_reason␤
            none,Al,"""size 5",2,A,number_unreadable,is not a phone number␤
            none,Bea,7,3,A,number_unreadable,is not a phone number␤
            none,Dee,9,5,A,number_unreadable,is not a phone number␤
        "#]],
    );
    assert_eq!(
        said(&file, &options("US")),
        [
            r#"number_unreadable ["none", "Al", "\"size 5"]"#,
            r#"number_unreadable ["none", "Bea", "7"]"#,
            r#"number_unreadable ["none", "Dee", "9"]"#,
        ]
    );
}

#[test]
fn half_of_a_character_is_no_delimiter() {
    // The second byte of the second character is a pipe.
    let (name, ..) = encoding_rs::SHIFT_JIS.encode("\u{ff5c}\u{30dd}\u{7530}\u{4e2d}");
    assert!(name.contains(&b'|'), "{name:?}");
    let list = [b"number|name|note\nnone|".as_slice(), &name, b"|x\n"].concat();
    let mut told = options("JP");
    told.encoding = Some(Encoding::ShiftJis);
    told.delimiter = Some(Delimiter::Pipe);
    let file = rejects_of(&list, &told, 3);
    let row = [
        b"none|".as_slice(),
        &name,
        b"|x|2|A|number_unreadable|is not a phone number\r\n",
    ];
    assert!(
        file.ends_with(&row.concat()),
        "{}",
        String::from_utf8_lossy(&file)
    );
    assert_eq!(said(&file, &told), said(&list, &told));
}

#[test]
fn a_row_that_is_too_long_is_shown_from_its_beginning_and_kept_out_again() {
    let long = "long, \"words\" ".repeat(20_000);
    let list = format!("number,name,note\nnone,a,b\n+14155552671,{long}\nnone,c,d\n");
    for chunk in [1_000, 100_000, list.len()] {
        let file = rejects_of(list.as_bytes(), &options("US"), chunk);
        let text = String::from_utf8(file.clone()).unwrap();
        let beginning = "\"'+14155552671,long, \"\"words\"\" long";
        assert!(text.contains(beginning), "{text}");
        assert!(text.contains(",3,,row_too_long,"), "{text}");
        assert!(text.len() < 10_000, "{} bytes", text.len());
        let again = said(&file, &options("US"));
        assert_eq!(again.len(), 3, "{again:?}");
        assert!(again.iter().all(|line| !line.starts_with('+')), "{again:?}");
    }
}

#[test]
fn a_list_of_as_many_columns_as_may_be_can_be_sent_again() {
    let header: String = (1..crate::COLUMNS_MAX).map(|n| format!(",x{n}")).collect();
    let row = ",1".repeat(crate::COLUMNS_MAX - 1);
    let list = format!("number{header}\nnone{row}\n");
    let file = rejects_of(list.as_bytes(), &options("US"), 100);
    assert_eq!(said(&file, &options("US")).len(), 1);
}

#[test]
fn a_row_that_is_not_found_again_is_told_without_its_cells() {
    let column = |header: &str, target| Column {
        because: ColumnReason::Nothing,
        header: header.to_owned(),
        variable: header.to_owned(),
        target,
    };
    let layout = Layout {
        encoding: Encoding::Utf8,
        fallback: Encoding::Windows1252,
        delimiter: Delimiter::Semicolon,
        default_country: None,
        columns: vec![
            column("number", Target::Number),
            column("name", Target::Ignore),
        ],
        numbers: Vec::new(),
        warnings: Vec::new(),
        mended: false,
        start: Position {
            offset: 0,
            row: 2,
            after_cr: false,
        },
    };
    let reject = Reject {
        row: 7,
        column: Some(0),
        reason: Reason::NumberMissing,
    };
    let mut file = Vec::new();
    write_lost(&layout, &reject, &mut file);
    assert_eq!(
        String::from_utf8(file).unwrap(),
        ";;7;A;number_missing;has no phone number\r\n"
    );
}

proptest! {
    /// Every row that was kept out comes back with the same cells and for the same reason, whatever is in
    /// the cells.
    #[test]
    fn rows_that_nobody_mends_are_the_same_again(
        rows in proptest::collection::vec(proptest::collection::vec("[a'\"=+@;,|\t é\n\r-]{0,8}", 2), 1..8),
        delimiter in prop_oneof![Just(','), Just(';'), Just('\t'), Just('|')],
        chunk in 1..64_usize,
    ) {
        let mut list = ["number", "name", "note"].join(&delimiter.to_string());
        list.push_str("\r\n");
        for row in &rows {
            list.push_str("none");
            for cell in row {
                list.push(delimiter);
                list.push_str(&format!("\"{}\"", cell.replace('"', "\"\"")));
            }
            list.push_str("\r\n");
        }
        let once = said(list.as_bytes(), &options("US"));
        let file = rejects_of(list.as_bytes(), &options("US"), chunk);
        prop_assert_eq!(&once, &said(&file, &options("US")), "{}", String::from_utf8_lossy(&file));
        let again = rejects_of(&file, &options("US"), chunk);
        prop_assert_eq!(once, said(&again, &options("US")), "{}", String::from_utf8_lossy(&again));
    }
}
