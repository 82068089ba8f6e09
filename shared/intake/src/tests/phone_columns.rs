//! Lists with several phones a person, and with calling codes beside the numbers.

use super::*;

fn of(country: &str) -> Options {
    Options {
        default_country: country.parse().ok(),
        ..Options::default()
    }
}

#[test]
fn a_person_with_two_phones_is_one_lead() {
    check(
        "Name,Mobile Phone,Home Phone\n\
         A,4155552671,4155552672\n\
         B,,4155552673\n\
         C,n/a,4155552674\n\
         D,n/a,\n\
         E,,\n\
         F,4155552675,(415) 555-2675\n\
         G,4155552676,call before 5\n\
         H,555,n/a\n",
        &expect![[r#"
            Ascii Comma: {{name}} | number | alternate
            2: +14155552671 / +14155552672 name="A"
            3: +14155552673 name="B"
            4: +14155552674 mobile_phone="n/a" name="C"
            - number_unreadable: row 5, column B (Mobile Phone): is not a phone number
            - number_missing: row 6, column B (Mobile Phone): has no phone number
            7: +14155552675 name="F"
            8: +14155552676 home_phone="call before 5" name="G"
            - number_short: row 9, column B (Mobile Phone): is too short for a phone number
        "#]],
    );
}

#[test]
fn a_number_of_an_earlier_row_is_a_duplicate_where_its_lead_is_known_by_it() {
    // A phone that two share rings for both; whoever dials knows when it did last.
    check(
        "Name,Mobile,Home\nA,4155552671,4155552679\nB,4155552672,4155552679\n\
         C,4155552679,\nD,,4155552671\n",
        &expect![[r#"
            Ascii Comma: {{name}} | number | alternate
            2: +14155552671 / +14155552679 name="A"
            3: +14155552672 / +14155552679 name="B"
            4: +14155552679 name="C"
            - duplicate_in_file: row 5, column C (Home): has the same number as row 2
        "#]],
    );
    check(
        "Name,Mobile,Home Phone\nA,4155552671,4155552679\nB,4155552672,4155552679\n\
         C,4155552679,\nD,,4155552671\n",
        &expect![[r#"
            Ascii Comma: {{name}} | number | alternate
            2: +14155552671 / +14155552679 name="A"
            3: +14155552672 / +14155552679 name="B"
            4: +14155552679 name="C"
            - duplicate_in_file: row 5, column C (Home Phone): has the same number as row 2
        "#]],
    );
}

#[test]
fn more_numbers_than_a_lead_has_stay_to_be_seen() {
    check(
        "number1,number2,number3,Phone 4,Phone 5,Phone 6\n\
         4155552671,4155552672,4155552673,4155552674,4155552675,4155552676\n",
        &expect![[r#"
            Ascii Comma: number | alternate | alternate | alternate | alternate | alternate
            2: +14155552671 / +14155552672 / +14155552673 / +14155552674 / +14155552675 phone_6="4155552676"
        "#]],
    );
}

#[test]
fn address_books_label_their_phones() {
    check(
        "Name,Phone 1 - Type,Phone 1 - Value,Phone 2 - Type,Phone 2 - Value\n\
         A,Mobile,+1 415-555-2671 ::: +1 415-555-2672,Work Fax,+1 415-555-2673\n\
         B,Home Fax,+1 415-555-2674,Work,+1 415-555-2675\n\
         C,Pager,+1 415-555-2676,,\n",
        &expect![[r#"
            Ascii Comma: {{name}} | {{phone_1_type}} | number | {{phone_2_type}} | alternate
            2: +14155552671 / +14155552672 name="A" phone_1_type="Mobile" phone_2_type="Work Fax" phone_2_value="+1 415-555-2673"
            3: +14155552675 name="B" phone_1_type="Home Fax" phone_1_value="+1 415-555-2674" phone_2_type="Work"
            - number_machine: row 4, column C (Phone 1 - Value): belongs to a pager or a mailbox service
        "#]],
    );
}

#[test]
fn names_that_say_phone_and_names_that_only_seem_to() {
    use crate::layout::names_numbers;
    for name in [
        "Phone",
        "phone_number",
        "Phone Number",
        "PhoneNumber",
        "Mobile Phone Number",
        "MobilePhone",
        "Work Direct Phone",
        "Corporate Phone",
        "Company Main Phone",
        "Other Phone",
        "Home Phone 2",
        "HomePhone2",
        "Phone 1 - Value",
        "number3",
        "Contact Phone",
        "Alt Phone",
        "Primary Phone",
        "Car Phone",
        "Tel.",
        "Ph No",
        "Phone (Home)",
        "Telefon (privat)",
        "Telefon geschäftlich",
        "Téléphone portable",
        "Teléfono móvil",
        "Telefone celular",
        "Numero di telefono",
        "Telefoonnummer werk",
        "Customer Phone",
        "E164",
        "MSISDN",
    ] {
        assert!(names_numbers(name), "{name}");
    }
    for name in [
        "Phone Type",
        "Phone 1 - Label",
        "Home Fax",
        "Business Fax",
        "Pager",
        "Assistant's Phone",
        "TTY/TDD Phone",
        "Phone Extension",
        "Phone Country Code",
        "Mobile Opt In",
        "Cell Carrier",
        "Customer Number",
        "Business Number",
        "Order No",
        "Name",
        "Best time to call",
        "Microphone",
        "Contact",
    ] {
        assert!(!names_numbers(name), "{name}");
    }
}

#[test]
fn numbers_of_houses_and_customers_are_not_phones() {
    check(
        "Number,Street,Phone\n12,Main St,4155552671\n14,Main St,4155552672\n",
        &expect![[r#"
            Ascii Comma: {{number}} | {{street}} | number
            2: +14155552671 number="12" street="Main St"
            3: +14155552672 number="14" street="Main St"
        "#]],
    );
    check(
        "Name,Fax,Kontakt\nA,4155552670,4155552671\n",
        &expect![[r#"
            Ascii Comma: {{name}} | {{fax}} | number
            2: +14155552671 fax="4155552670" name="A"
        "#]],
    );
}

#[test]
fn two_numbers_in_a_cell_are_two_and_one_with_a_slash_is_one() {
    check_with(
        "Telefon;Name\n\
         030/1234567;A\n\
         089 / 12 34 56;B\n\
         030 901820 / 0151 24783044;C\n\
         030 901820 oder 0151 24783045;D\n\
         0151 24783046, 0151 24783047;E\n\
         \"0151 24783048\n0151 24783049\";F\n\
         0151 24783050 & 0151 24783051 | 0151 24783052;G\n\
         030 90182 / 90183;H\n\
         +49 39292 / 2345678;I\n\
         0049/30/901821;J\n\
         0151 24783053 / 0900 1234567;K\n\
         030 901822 (Büro);L\n\
         0151 24783054, bitte abends;M\n",
        &of("DE"),
        &expect![[r#"
            Utf8 Semicolon: number | {{name}}
            2: +49301234567 name="A"
            3: +4989123456 name="B"
            4: +4930901820 / +4915124783044 name="C"
            - duplicate_in_file: row 5, column A (Telefon): has the same number as row 4
            6: +4915124783046 / +4915124783047 name="E"
            7: +4915124783048 / +4915124783049 name="F"
            8: +4915124783050 / +4915124783051 / +4915124783052 name="G"
            - number_several: row 9, column A (Telefon): holds more than one number, and not all are whole: write each in a column of its own
            10: +49392922345678 name="I"
            11: +4930901821 name="J"
            12: +4915124783053 name="K" telefon="0151 24783053 / 0900 1234567"
            - number_unreadable: row 13, column A (Telefon): is not a phone number
            - number_unreadable: row 14, column A (Telefon): is not a phone number
        "#]],
    );
    check(
        "phone,name\n415-555-2671 or 415-555-2672,A\n4155552673/4155552674,B\n415/555-2675,C\n\
         4155552676; 4155552677,D\ntel:+14155552678 ; tel:+14155552679,E\n",
        &expect![[r#"
            Ascii Comma: number | {{name}}
            2: +14155552671 / +14155552672 name="A"
            3: +14155552673 / +14155552674 name="B"
            4: +14155552675 name="C"
            5: +14155552676 / +14155552677 name="D"
            6: +14155552678 / +14155552679 name="E"
        "#]],
    );
}

#[test]
fn a_calling_code_in_its_own_column_is_put_before_the_number() {
    let list = "phone_code,phone_number,name\n\
         44,2079460958,A\n+44,020 7946 0959,B\n0044,+442079460957,C\n44.0,442079460956,D\n\
         49,15124783044,E\n,+14155552671,F\n44,+4915124783045,G\nx,2079460955,H\n\
         United Kingdom (+44),2079460954,I\n+1-684,6331234,J\n1,4155552672,K\n,2079460953,L\n";
    check_with(
        list,
        &Options::default(),
        &expect![[r#"
            Ascii Comma: calling_code | number | {{name}}
            2: +442079460958 name="A"
            3: +442079460959 name="B"
            4: +442079460957 name="C"
            5: +442079460956 name="D"
            6: +4915124783044 name="E"
            7: +14155552671 name="F"
            - calling_code_conflict: row 8, column A (phone_code): is another calling code than the number begins with
            - calling_code: row 9, column A (phone_code): is not a country's calling code: write it as 44 or +44
            10: +442079460954 name="I"
            11: +16846331234 name="J"
            12: +14155552672 name="K"
            - number_without_country: row 13, column B (phone_number): has no country code: write it with + and country code, or give a default country
        "#]],
    );
}

#[test]
fn country_code_is_what_its_cells_say() {
    check(
        "Country Code,Phone\n+44,2079460958\n+44,7400123456\n",
        &expect![[r#"
            Ascii Comma: calling_code | number
            2: +442079460958
            3: +447400123456
        "#]],
    );
    check(
        "Country Code,Phone\nGB,020 7946 0958\nUS,4155552671\n",
        &expect![[r#"
            Ascii Comma: country | number
            2: +442079460958 country=GB country_code="GB"
            3: +14155552671 country=US country_code="US"
        "#]],
    );
    // A name that says nothing, and cells that can be nothing else.
    check(
        "Vorwahl,Phone\n+44,2079460958\n0049,15124783044\n",
        &expect![[r#"
            Ascii Comma: calling_code | number
            2: +442079460958
            3: +4915124783044
        "#]],
    );
    // The country of a code is that of the row's other numbers too.
    check(
        "ISD,Phone,Alt Phone\n44,2079460958,07400 123456\n",
        &expect![[r#"
            Ascii Comma: calling_code | number | alternate
            2: +442079460958 / +447400123456
        "#]],
    );
}

#[test]
fn a_calling_code_that_is_not_understood_refuses_the_list() {
    check(
        "dial_code,phone\nalpha,4155552671\nbeta,4155552672\n",
        &expect![[r#"
            refused: calling_code_unreadable: column A is one of calling codes by its name or its cells, and its cells are neither calling codes nor countries: write codes as 44 or +44, or say what the column is
        "#]],
    );
    check(
        "Country Code,phone\n840,4155552671\n826,2079460958\n",
        &expect![[r#"
            refused: calling_code_unreadable: column A is one of calling codes by its name or its cells, and its cells are neither calling codes nor countries: write codes as 44 or +44, or say what the column is
        "#]],
    );
    check(
        "phone_code,phone\n356,9876543210\n356,9876543211\n",
        &expect![[r#"
            refused: calling_code_unreadable: column A is one of calling codes by its name or its cells, and none of them makes a number with what stands beside it: write codes as 44 or +44, or say what the column is
        "#]],
    );
    check(
        "phone_code,name\n44,A\n49,B\n",
        &expect![[r#"
            refused: calling_code_unreadable: column A is one of calling codes by its name or its cells, and no column has the numbers that they belong to: write codes as 44 or +44, or say what the column is
        "#]],
    );
    // Whoever says what it is has the last word.
    let mut options = us();
    options
        .columns
        .insert("dial_code".to_owned(), Target::Variable("route".to_owned()));
    check_with(
        "dial_code,phone\nalpha,4155552671\n",
        &options,
        &expect![[r#"
            Ascii Comma: {{route}} | number
            2: +14155552671 route="alpha"
        "#]],
    );
}

#[test]
fn columns_that_are_told_to_be_phones() {
    let mut options = us();
    options.columns = BTreeMap::from([
        ("Erreichbar".to_owned(), Target::Number),
        ("Sonst".to_owned(), Target::Alternate),
        ("Auch".to_owned(), Target::Alternate),
    ]);
    check_with(
        "Auch,Sonst,Erreichbar,Phone\n4155552671,4155552672,4155552673,4155552674\n",
        &options,
        &expect![[r#"
            Ascii Comma: alternate | alternate | number | alternate
            2: +14155552673 / +14155552671 / +14155552672 / +14155552674
        "#]],
    );
}

#[test]
fn reading_on_elsewhere_decides_as_before() {
    let mut list = String::from("phone,name\n");
    for n in 0..60 {
        writeln!(list, "4670123456{},{n}", n % 10).unwrap();
    }
    list.push_str("468123376,last\n");
    let mut intake = Intake::new(of("SE"));
    intake.push(Bytes::from(list.clone()));
    intake.end();
    let mut before_last = None;
    let mut last = None;
    loop {
        let place = intake.position();
        match intake.next_entry().unwrap() {
            Entry::Row(row) => (before_last, last) = (place, Some(row)),
            Entry::Rejected(_) => {}
            Entry::NeedsInput | Entry::End => break,
        }
    }
    let last = last.unwrap();
    assert_eq!(last.number.as_str(), "+468123376");
    let stored = serde_json::to_string(intake.layout().unwrap()).unwrap();
    let place = before_last.unwrap();
    let mut again = Intake::resume(serde_json::from_str(&stored).unwrap(), place);
    let offset = usize::try_from(place.offset).unwrap();
    again.push(Bytes::copy_from_slice(&list.as_bytes()[offset..]));
    again.end();
    assert_eq!(again.next_entry(), Ok(Entry::Row(last)));
}
