//! Cells of several lines, and quotes that nobody meant to open.

use super::*;

#[test]
fn a_quote_that_is_never_closed() {
    check(
        "number,name\n+14155552671,A\n+14155552672,\"B\n+14155552673,C\n",
        &expect![[r#"
            Ascii Comma: number | {{name}}
            2: +14155552671 name="A"
            3: +14155552672 name="\"B"
            4: +14155552673 name="C"
        "#]],
    );
    check(
        "number,name\n+14155552671,A\n+14155552672,\"B",
        &expect![[r#"
            Ascii Comma: number | {{name}}
            2: +14155552671 name="A"
            3: +14155552672 name="\"B"
        "#]],
    );
    check(
        "number,name\n+14155552671,A\n+14155552672,\"B\n\n",
        &expect![[r#"
            Ascii Comma: number | {{name}}
            2: +14155552671 name="A"
            3: +14155552672 name="\"B"
        "#]],
    );
}

#[test]
fn a_stray_quote_swallows_nobody() {
    // It ends at another stray one, at a cell in quotes, nowhere.
    for last in [
        "Cy,+14155552673,6\"",
        "Cy,+14155552673,\"nice\"",
        "Cy,+14155552673,",
    ] {
        let list = format!(
            "name,phone,size\nAl,+14155552671,\"size 5\nBo,+14155552672,\n{last}\nDi,+14155552674,x\n"
        );
        let said = read(list.as_bytes(), us(), 1_000);
        for number in 71..75 {
            assert!(said.contains(&format!("+141555526{number} ")), "{said}");
        }
        assert!(!said.contains("- "), "{said}");
        assert!(
            said.contains(r#"2: +14155552671 name="Al" size="\"size 5""#),
            "{said}"
        );
        resumes(list.as_bytes());
        resumes(&utf16(&list, true));
        for chunk in 1..40 {
            assert_eq!(read(list.as_bytes(), us(), chunk), said);
        }
    }
    // All cells in quotes, and one of them not closed.
    check(
        "\"name\",\"phone\",\"size\"\r\n\"Al\",\"+14155552671\",\"5\r\n\"Bo\",\"+14155552672\",\"6\"\r\n\"Cy\",\"+14155552673\",\"7\"\r\n",
        &expect![[r#"
            Ascii Comma: {{name}} | number | {{size}}
            2: +14155552671 name="Al" size="\"5"
            3: +14155552672 name="Bo" size="6"
            4: +14155552673 name="Cy" size="7"
        "#]],
    );
    // In the header, and above any row that says what rows look like.
    check(
        "phone,\"name\n+14155552671,Al\n+14155552672,Bo\n",
        &expect![[r#"
            Ascii Comma: number | {{name}}
            2: +14155552671 name="Al"
            3: +14155552672 name="Bo"
        "#]],
    );
    // Numbers only.
    check(
        "phone\n\"+14155552671\n+14155552672\n+14155552673\n",
        &expect![[r#"
            Ascii Comma: number
            2: +14155552671
            3: +14155552672
            4: +14155552673
        "#]],
    );
}

#[test]
fn a_stray_quote_in_a_large_list_loses_nobody_behind_it() {
    let rows = |from: u32, to: u32| -> String {
        (from..to)
            .map(|n| format!("+1415555{n:04},Someone\n"))
            .collect()
    };
    let list = format!(
        "number,name\n{}+14155562671,\"size 5\n{}",
        rows(1_000, 5_000),
        rows(5_000, 9_000)
    );
    for chunk in [64, 1 << 20] {
        let said = read(list.as_bytes(), us(), chunk);
        let rows = said.lines().filter(|line| !line.starts_with('-')).count();
        assert_eq!(rows - 1, 8_001);
        assert!(!said.contains("- "), "nobody is kept out");
    }
}

#[test]
fn a_quote_that_opens_before_prose_keeps_out_its_own_row() {
    check(
        "phone,name,note\n+14155552671,Al,\"call him\nafter five\nor not\n+14155552672\n",
        &expect![[r#"
            Ascii Comma: number | {{name}} | {{note}}
            - quote_unclosed: row 2: opens a quote that is not closed: close it, or double quotes that belong to the text
            - number_unreadable: row 3, column A (phone): is not a phone number
            - number_unreadable: row 4, column A (phone): is not a phone number
            5: +14155552672
        "#]],
    );
    let prose = "and so on and on\n".repeat(3_000);
    let list = format!("phone,name,note\n+14155552671,Al,\"call him\n{prose}+14155552672,Bo,\n");
    let said = read(list.as_bytes(), us(), 1_000);
    assert!(
        said.contains("- quote_unclosed: row 2: opens a quote that is not closed"),
        "{said}"
    );
    assert!(
        said.contains("3003: +14155552672 name=\"Bo\""),
        "Bo is there"
    );
}

#[test]
fn rows_that_may_be_a_cell_are_kept_out() {
    // Short rows: Bo and Cy are on the list, or in a note about Al.
    check(
        "phone,first_name,note\n+14155552671,Al,\"size 5\n+14155552672,Bo\n+14155552673,Cy\"\n+14155552674,Di,\n",
        &expect![[r#"
            Ascii Comma: number | {{first_name}} | {{note}}
            - rows_in_quotes: row 2: has lines within quotes that look like rows: double a quote that belongs to the text, or take the lines out of the cell
            3: +14155552674 first_name="Di"
        "#]],
    );
    // Rows of nothing but a number, or numbers in a note; in the column of numbers they are somebody's.
    for (list, unclear) in [
        (
            "phone,name,note\n+14155552671,Al,\"size 5\n+14155552672\n+14155552673\"\n",
            true,
        ),
        (
            "phone,name,note\n+14155552671,Al,\"call\n+14155552672\nor not\"\n",
            false,
        ),
        (
            "name,note,phone\nAl,x,\"+14155552671\n+14155552672\n+14155552673\"\n",
            false,
        ),
    ] {
        let said = read(list.as_bytes(), us(), 1_000);
        assert_eq!(said.contains("- rows_in_quotes: row 2"), unclear, "{said}");
    }
}

#[test]
fn a_cell_of_several_lines_stays_one() {
    check(
        "phone,name,note\n\
         +14155552671,Al,\"12 Main St, Apt 4\nSpringfield, IL 62704\"\n\
         +14155552672,Bo,\"Call his wife:\n+14155559999\nafter 5, or not\"\n\
         \"+14155552673\n\",Cy,\"Ask for Dee, +14155558888, at noon\r\n\r\nThen, 555 7777, at one\"\n\
         +14155552674,Di,\"He said\n\"\"hi, +14155551234\"\"\"\n",
        &expect![[r#"
            Ascii Comma: number | {{name}} | {{note}}
            2: +14155552671 name="Al" note="12 Main St, Apt 4\nSpringfield, IL 62704"
            3: +14155552672 name="Bo" note="Call his wife:\n+14155559999\nafter 5, or not"
            4: +14155552673 name="Cy" note="Ask for Dee, +14155558888, at noon\r\n\r\nThen, 555 7777, at one"
            5: +14155552674 name="Di" note="He said\n\"hi, +14155551234\""
        "#]],
    );
}

fn prose() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        6 => "[a-zA-Zé]{1,8}",
        1 => "\\+1415555[0-9]{4}",
        1 => "[0-9]{1,5}",
        1 => Just("\"".to_owned()),
    ];
    let words = proptest::collection::vec(word, 1..6);
    (words, prop_oneof![Just(" "), Just(", ")]).prop_map(|(words, between)| {
        // A line of prose begins with a word.
        format!("on {}", words.join(between))
    })
}

proptest! {
    #[test]
    fn notes_and_addresses_of_several_lines_stay_one_cell(
        notes in proptest::collection::vec(proptest::collection::vec(prose(), 1..6), 1..8),
        first in any::<bool>(),
        end in prop_oneof![Just("\n"), Just("\r\n")],
    ) {
        let mut list = format!("{}{end}", if first { "phone,note,city" } else { "city,note,phone" });
        for (n, note) in notes.iter().enumerate() {
            let note = note.join(end).replace('"', "\"\"");
            let number = format!("+1415555{:04}", 2_000 + n);
            let (one, other) = if first { (number.as_str(), "Rome") } else { ("Rome", number.as_str()) };
            list.push_str(&format!("{one},\"{note}\",{other}{end}"));
        }
        let mut intake = Intake::new(us());
        intake.push(list.into_bytes().into());
        intake.end();
        for note in &notes {
            let entry = intake.next_entry();
            let Ok(Entry::Row(row)) = entry else { panic!("{entry:?}") };
            let note = note.join(end);
            prop_assert_eq!(row.variables["note"].as_str(), note.trim());
        }
        prop_assert_eq!(intake.next_entry(), Ok(Entry::End));
    }

    #[test]
    fn whoever_stands_behind_a_stray_quote_is_on_the_list(
        names in proptest::collection::vec("[A-Z][a-z]{1,6}", 2..30),
        strays in proptest::collection::btree_set(0..30_usize, 1..3),
        quoted in proptest::collection::btree_set(0..30_usize, 0..4),
        delimiter in prop_oneof![Just(","), Just(";"), Just("\t")],
        chunk in 1..200_usize,
    ) {
        let mut list = ["name", "phone", "size", "city"].join(delimiter) + "\n";
        for (n, name) in names.iter().enumerate() {
            let number = format!("+1415555{:04}", 2_000 + n);
            let size = if strays.contains(&n) { "\"5 inch" } else { "5" };
            let city = if quoted.contains(&n) { "\"Rome\"" } else { "Rome" };
            list.push_str(&[name, &number, size, city].join(delimiter));
            list.push('\n');
        }
        let said = read(list.as_bytes(), us(), chunk);
        let rows = said.lines().skip(1).filter(|line| !line.starts_with('-')).count();
        prop_assert_eq!(rows, names.len(), "{}\n{}", list, said);
        resumes(list.as_bytes());
    }
}
