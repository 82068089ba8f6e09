//! Which row is the header, and what its columns are.

use super::*;

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
    // Two candidates by name: the one that has numbers. A name that says otherwise than the cells.
    check(
        "Mobile,Phone,Region,Priority\nx,4155552671,West,1\n,4155552672,East,2\n",
        &expect![[r#"
            Ascii Comma: number | alternate | {{region}} | {{priority}}
            ! column C is only a variable: 0 of the first 2 cells are a region, as its name says; give `columns` if it is one
            ! column D is only a variable: 0 of the first 2 cells are a priority, as its name says; give `columns` if it is one
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

#[test]
fn a_header_below_a_title_is_found() {
    check(
        "Report: Leads of May\nGenerated 2026-11-30 10:15\n\n30.11.2026,,\nName,Phone,City\nAnna,4155552671,Rome\nBob,4155552672,\n\nTotal: 2\nConfidential Information - Do Not Distribute\n",
        &expect![[r#"
            Ascii Comma: {{name}} | number | {{city}}
            ! rows 1 to 4 are above the header and are passed over: give `header_row` if one of them is it
            6: +14155552671 city="Rome" name="Anna"
            7: +14155552672 name="Bob"
            - number_missing: row 9, column B (Phone): has no phone number
            - number_missing: row 10, column B (Phone): has no phone number
        "#]],
    );
    // Without a name that is known, as wide as the rows below.
    check(
        "Our leads;;\nKunde;Kontakt;Ort\nAnna;4155552671;Rom\n",
        &expect![[r#"
            Ascii Semicolon: {{kunde}} | number | {{ort}}
            ! row 1 is above the header and is passed over: give `header_row` if it is the header
            3: +14155552671 kunde="Anna" ort="Rom"
        "#]],
    );
    // Who made the report is no lead.
    check(
        "Exported by,anna@example.com,,\n\"Acme, Inc.\",(415) 555-0100,,\nName,Phone,City,Note\nAnna,4155552671,Rome,x\n",
        &expect![[r#"
            Ascii Comma: {{name}} | number | {{city}} | {{note}}
            ! rows 1 to 2 are above the header and are passed over: give `header_row` if one of them is it
            4: +14155552671 city="Rome" name="Anna" note="x"
        "#]],
    );
    // One column.
    check(
        "Call these\nphone\n4155552671\n",
        &expect![[r#"
            Ascii Comma: number
            ! row 1 is above the header and is passed over: give `header_row` if it is the header
            3: +14155552671
        "#]],
    );
    // Three lines about the columns, as surveys have them.
    check(
        "Q1,Q2,Q3\nFirst Name,Phone,Notes\nAnna,4155552671,x\n",
        &expect![[r#"
            Ascii Comma: {{first_name}} | number | {{notes}}
            ! row 1 is above the header and is passed over: give `header_row` if it is the header
            3: +14155552671 first_name="Anna" notes="x"
        "#]],
    );
    // A first row without a number is no title.
    check(
        "Name,Kontakt,\nAnna,,\nBob,4155552672,x\n",
        &expect![[r#"
            Ascii Comma: {{name}} | number | {{column_3}}
            - number_missing: row 2, column B (Kontakt): has no phone number
            3: +14155552672 column_3="x" name="Bob"
        "#]],
    );
    check(
        "phone,type\n,mobile\n4155552672,phone\n",
        &expect![[r#"
            Ascii Comma: number | {{type}}
            - number_missing: row 2, column A (phone): has no phone number
            3: +14155552672 type="phone"
        "#]],
    );
    // Rows that are told are in the header.
    let mut options = us();
    options.columns = BTreeMap::from([("Nr".to_owned(), Target::Number)]);
    check_with(
        "List,Of,Leads\nWer,Nr,Wo\nAnna,4155552671,Rome\n",
        &options,
        &expect![[r#"
            Ascii Comma: {{wer}} | number | {{wo}}
            ! row 1 is above the header and is passed over: give `header_row` if it is the header
            3: +14155552671 wer="Anna" wo="Rome"
        "#]],
    );
}

#[test]
fn the_header_s_row_can_be_told() {
    let list = "Name,Phone\nInternal name,Internal phone\nAnna,4155552671\n";
    let mut options = us();
    options.header_row = Some(2);
    check_with(
        list,
        &options,
        &expect![[r#"
            Ascii Comma: {{internal_name}} | number
            ! row 1 is above the header and is passed over: give `header_row` if it is the header
            3: +14155552671 internal_name="Anna"
        "#]],
    );
    options.header_row = Some(3);
    check_with(
        list,
        &options,
        &expect![[r#"
            refused at row 3: header_missing: row 3 holds data, not column names (column B looks like a phone number): put a row such as `number,first_name,last_name` above it
        "#]],
    );
    options.header_row = Some(9);
    check_with(
        list,
        &options,
        &expect![[r#"
            refused at row 9: header_row: row 9 is named as the header and has no text, or is too far down in the file
        "#]],
    );
    options.header_row = Some(0);
    check_with(
        list,
        &options,
        &expect![[r#"
            refused at row 0: header_row: row 0 is named as the header and has no text, or is too far down in the file
        "#]],
    );
    // Far down, and counted as the spreadsheet does.
    let mut list = String::from("sep=;\n");
    for _line in 0..40 {
        list.push_str("about the list\n\n");
    }
    list.push_str("Wer;Nr\nAnna;4155552671\n");
    options.header_row = Some(81);
    let said = read(list.as_bytes(), options, 1_000);
    assert!(said.contains("82: +14155552671 wer=\"Anna\""), "{said}");
}

#[test]
fn columns_of_one_name_are_numbered() {
    check(
        "Phone,Name,name,Name (2),City,City\n4155552671,Anna,Smith,Jr,Rome,Ulm\n",
        &expect![[r#"
            Ascii Comma: number | {{name}} | {{name_3}} | {{name_2}} | {{city}} | {{city_2}}
            ! columns C, F have the name of a column before: a number is put behind it
            2: +14155552671 city="Rome" city_2="Ulm" name="Anna" name_2="Jr" name_3="Smith"
        "#]],
    );
    let mut options = us();
    options.columns = BTreeMap::from([("Phone (2)".to_owned(), Target::Number)]);
    let mut intake = Intake::new(options);
    intake.push("Phone,Phone,Name\n4155552671,4155552672,Anna\n".into());
    intake.end();
    let Ok(Entry::Row(row)) = intake.next_entry() else {
        panic!("{:?}", intake.layout());
    };
    assert_eq!(row.number.as_str(), "+14155552672");
    let column = &intake.layout().unwrap().columns[1];
    assert_eq!(
        (column.header.as_str(), column.variable.as_str()),
        ("Phone (2)", "phone_2")
    );
}

#[test]
fn columns_without_a_name_and_rows_without_their_end_lose_nobody() {
    check(
        "phone,first_name,note,,,\n4155552671,Al,x,,,\n4155552672,Bo\n4155552673\n4155552674,Cy,,,,extra\n4155552675,Di,x,,,,,,\n",
        &expect![[r#"
            Ascii Comma: number | {{first_name}} | {{note}} | {{column_4}} | {{column_5}} | {{column_6}}
            2: +14155552671 first_name="Al" note="x"
            3: +14155552672 first_name="Bo"
            4: +14155552673
            5: +14155552674 column_6="extra" first_name="Cy"
            6: +14155552675 first_name="Di" note="x"
        "#]],
    );
    let wide = format!(
        "phone,name\n4155552671,Al{}\n4155552672,Bo{}x\n",
        ",".repeat(300),
        ",".repeat(300)
    );
    check(
        wide,
        &expect![[r#"
            Ascii Comma: number | {{name}}
            2: +14155552671 name="Al"
            - too_many_columns: row 3: has 302 cells, the header has 2: a text with a delimiter in it is not in quotes
        "#]],
    );
    // Of a row that is too short for its number nobody can say who is meant.
    check(
        "name,city,phone\nAl,Rome,4155552671\nBo,Rome\n",
        &expect![[r#"
            Ascii Comma: {{name}} | {{city}} | number
            2: +14155552671 city="Rome" name="Al"
            - number_missing: row 3, column C (phone): has no phone number
        "#]],
    );
}

#[test]
fn sep_lines_are_no_rows() {
    for line in ["sep=;", "SEP=;", "\"sep=;\"", "\u{feff}sep=;"] {
        let list = format!("{line}\r\nName;Phone\r\nAnna, the first;4155552671\r\nBob;x\r\n");
        let said = read(list.as_bytes(), us(), 1_000);
        assert!(
            said.contains("2: +14155552671 name=\"Anna, the first\""),
            "{said}"
        );
        assert!(said.contains("row 3, column B"), "{said}");
        resumes(list.as_bytes());
    }
}

#[test]
fn a_table_for_a_browser_is_named_as_such() {
    let html = "<html xmlns:x=\"urn:schemas-microsoft-com:office:excel\"><head></head><body><table><tr><td>Phone</td></tr></table></body></html>";
    let xml = "<?xml version=\"1.0\"?>\n<?mso-application progid=\"Excel.Sheet\"?>\n<Workbook xmlns=\"urn:schemas-microsoft-com:office:spreadsheet\"></Workbook>";
    check(
        html,
        &expect![[r#"
            refused: file_html: the file is a table in HTML, whatever its name says: open it in the spreadsheet program and save it as CSV or .xlsx
        "#]],
    );
    check(
        xml,
        &expect![[r#"
            refused: file_xml: the file is an XML Spreadsheet 2003, not a CSV: open it in the spreadsheet program and save it as CSV or .xlsx
        "#]],
    );
    check(
        "<?xml version=\"1.0\"?><leads/>",
        &expect![[r#"
            refused: file_xml: the file is XML, not a CSV: open it in the spreadsheet program and save it as CSV or .xlsx
        "#]],
    );
    for list in [
        format!("\u{feff}\r\n  {html}"),
        format!("<!-- made by us -->\n<!DOCTYPE HTML PUBLIC>\n{html}"),
        "<TABLE border=1><tr><td>x</td></tr></TABLE>".to_owned(),
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{html}"),
    ] {
        let mut intake = Intake::new(us());
        intake.push(list.clone().into_bytes().into());
        intake.end();
        assert_eq!(intake.next_entry(), Err(FileProblem::Html), "{list}");
        let mut intake = Intake::new(us());
        let mut marked = vec![0xFF, 0xFE];
        marked.extend(utf16(&list, true));
        intake.push(marked.into());
        intake.end();
        assert_eq!(
            intake.next_entry(),
            Err(FileProblem::Html),
            "{list} in UTF-16"
        );
    }
    check(
        "<phone>,name\n4155552671,Al\n",
        &expect![[r#"
            Ascii Comma: number | {{name}}
            2: +14155552671 name="Al"
        "#]],
    );
}
