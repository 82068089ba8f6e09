//! Numbers as spreadsheets, address books and people leave them: the same number or none, never another.

use super::*;

/// The number, or the reason with the readings that it names.
fn one(text: &str, country: &str) -> String {
    match normalise(text, country.parse().ok()) {
        Ok(found) => found.number.as_str().to_owned(),
        Err(reason @ Reason::NumberAmbiguous { .. }) => reason.sentence(),
        Err(reason) => reason.code().to_owned(),
    }
}

#[track_caller]
fn reads(country: &str, cells: &[(&str, &str)]) {
    for (text, expected) in cells {
        assert_eq!(one(text, country), *expected, "{text} in {country}");
    }
}

/// A list of one column in a country; what came of each row.
fn column(country: &str, cells: &[&str]) -> Vec<String> {
    let list = format!("phone,name\n{},x\n", cells.join(",x\n"));
    let options = Options {
        default_country: country.parse().ok(),
        ..Options::default()
    };
    let said = read(list.as_bytes(), options, list.len());
    let lines = said.lines().skip(1);
    lines
        .map(|line| match line.split_once(": ") {
            Some((_row, number)) if !line.starts_with('-') => {
                number.split(' ').next().unwrap_or_default().to_owned()
            }
            Some((reason, _sentence)) => reason.trim_start_matches("- ").to_owned(),
            None => line.to_owned(),
        })
        .collect()
}

#[test]
fn a_plus_that_a_spreadsheet_dropped_makes_nobody_elses_number() {
    reads(
        "DE",
        &[
            ("4915124783044", "+4915124783044"),
            ("49 151 24783044", "+4915124783044"),
            ("493012345678", "+493012345678"),
            ("498921802180", "+498921802180"),
            ("4930901820", "+4930901820"),
            // A landline of Düsseldorf, or of a village by the North Sea.
            ("492111234567", "+492111234567"),
            (
                "4921112345",
                "can be read as +494921112345 and as +4921112345: write it with + and country code",
            ),
        ],
    );
    reads(
        "ID",
        &[
            ("62812313275", "+62812313275"),
            ("0812313275", "+62812313275"),
        ],
    );
    reads(
        "SE",
        &[
            ("46701234567", "+46701234567"),
            (
                "468123376",
                "can be read as +46468123376 and as +468123376: write it with + and country code",
            ),
        ],
    );
    reads("AT", &[("436641234567", "+436641234567")]);
    reads("GB", &[("442079460958", "+442079460958")]);
    reads("US", &[("14155552671", "+14155552671")]);
}

#[test]
fn the_rest_of_a_column_tells_which_of_two_readings_it_is() {
    // The others have the code, or had to have it.
    for others in [
        ["46701234567", "46701234568"],
        ["+46701234567", "+46701234568"],
        ["0046701234567", "0046701234568"],
        // They have the zero that this one would have as well.
        ["070-123 45 67", "070-123 45 68"],
    ] {
        let [first, second] = others;
        assert_eq!(
            column("SE", &[first, "468123376", second]),
            ["+46701234567", "+468123376", "+46701234568"],
            "{others:?}"
        );
    }
    // Nobody has a code or a zero.
    let plain = [
        "701234561",
        "701234562",
        "701234563",
        "701234564",
        "701234565",
        "468123376",
    ];
    let said = column("SE", &plain);
    assert_eq!(said.last().map(String::as_str), Some("+46468123376"));
    // One way and the other.
    assert_eq!(
        column("SE", &["701234567", "468123376", "46701234568"]),
        ["+46701234567", "number_ambiguous", "+46701234568"]
    );
    // All may be either: nobody is called.
    assert_eq!(
        column("SE", &["468123376", "468123377"]),
        ["number_ambiguous", "number_ambiguous"]
    );
}

#[test]
fn a_code_of_another_country_is_believed_where_the_column_has_codes() {
    assert_eq!(
        column("US", &["442079460958", "4915124783044", "14155552671"]),
        ["+442079460958", "+4915124783044", "+14155552671"]
    );
    assert_eq!(
        column("US", &["+14155552671", "442079460958"]),
        ["+14155552671", "+442079460958"]
    );
    // A cell is no witness for itself, and the others have none.
    assert_eq!(column("US", &["442079460958"]), ["number_unknown"]);
    assert_eq!(
        column("US", &["4155552671", "4155552672", "442079460958"]),
        ["+14155552671", "+14155552672", "number_unknown"]
    );
    // Ten digits that are a number at home stay out where all others are from abroad.
    let mut abroad: Vec<String> = (0..10).map(|n| format!("44207946095{n}")).collect();
    abroad.push("6562345678".to_owned());
    let cells: Vec<&str> = abroad.iter().map(String::as_str).collect();
    let said = column("US", cells.get(..11).unwrap());
    assert_eq!(said.last().map(String::as_str), Some("number_ambiguous"));
    // But not a number that is none abroad.
    let cells = [cells.get(..10).unwrap(), &["6512345678"]].concat();
    let said = column("US", &cells);
    assert_eq!(said.last().map(String::as_str), Some("+16512345678"));
}

#[test]
fn a_coded_number_that_lost_a_digit_is_not_a_national_one() {
    assert_eq!(
        column("IT", &["393471234567", "393471234568", "3934712345"]),
        ["+393471234567", "+393471234568", "number_ambiguous"]
    );
    // Where most are national it is one of them.
    assert_eq!(
        column("IT", &["3471234567", "3471234568", "3934712345"]),
        ["+393471234567", "+393471234568", "+393934712345"]
    );
}

#[test]
fn numbers_that_a_program_took_for_quantities() {
    reads(
        "DE",
        &[
            ("493012345678.0", "+493012345678"),
            ("493012345678.00", "+493012345678"),
            ("493012345678,0", "+493012345678"),
            ("493.012.345.678,00", "+493012345678"),
            ("493,012,345,678.00", "+493012345678"),
            ("+493012345678.0", "+493012345678"),
            ("4.93012345678E+11", "+493012345678"),
            ("4,93012345678e11", "+493012345678"),
            ("4.93012E+11", "number_scientific"),
            ("4.93012345678E+12", "number_scientific"),
            ("030 901820", "+4930901820"),
        ],
    );
    reads(
        "US",
        &[
            ("4155552671.0", "+14155552671"),
            ("14155552671.0", "+14155552671"),
            ("415.555.2600", "+14155552600"),
        ],
    );
    reads("FR", &[("01.42.68.53.00", "+33142685300")]);
    reads("", &[("493012345678.0", "number_without_country")]);
}

#[test]
fn a_zero_in_brackets_is_dialled_where_it_belongs_to_the_number() {
    reads(
        "US",
        &[
            ("+39 (0)30 1234567", "+390301234567"),
            ("+39 (0)342 123456", "+390342123456"),
            ("+39 (0)6 12345678", "+390612345678"),
            // No landline begins so: it is a mobile with a zero too many.
            ("+39 (0)347 1234567", "+393471234567"),
            (
                "+39 (0)331 1234567",
                "can be read as +3903311234567 and as +393311234567: write it with + and country code",
            ),
            ("+378 (0549) 886377", "+3780549886377"),
            ("+39 (0)6 69812345", "+390669812345"),
            ("+44 (0)20 7946 0958", "+442079460958"),
            ("+49 (0)151 24783044", "+4915124783044"),
            ("(+49) 151 24783044", "+4915124783044"),
            ("+34 (0)91 123 45 67", "+34911234567"),
            ("0044 (0)20 7946 0958", "+442079460958"),
        ],
    );
    reads(
        "DE",
        &[
            ("(0)30 901820", "+4930901820"),
            ("49 (0)151 24783044", "+4915124783044"),
        ],
    );
}

#[test]
fn mexico_argentina_and_brazil_as_they_were_and_are_dialled() {
    for (written, country) in [
        ("+52 1 55 1234 5678", "MX"),
        ("5215512345678", "MX"),
        ("+52 55 1234 5678", "US"),
        ("044 55 1234 5678", "MX"),
        ("045 55 1234 5678", "MX"),
        ("01 55 1234 5678", "MX"),
        ("55 1234 5678", "MX"),
    ] {
        assert_eq!(one(written, country), "+525512345678", "{written}");
    }
    // Behind a bare 1 may be a number of the United States.
    reads("MX", &[("1 415 555 2671", "number_unknown")]);
    for written in [
        "011 15-2345-6789",
        "+54 9 11 2345 6789",
        "+54 11 15 2345 6789",
        "5491123456789",
    ] {
        assert_eq!(one(written, "AR"), "+5491123456789", "{written}");
    }
    for written in [
        "0 15 11 96123-4567",
        "(11) 96123-4567",
        "0 11 96123-4567",
        "+55 11 96123-4567",
        "5511961234567",
    ] {
        assert_eq!(one(written, "BR"), "+5511961234567", "{written}");
    }
}

#[test]
fn short_ones_are_emergencies_only_where_they_are() {
    reads(
        "US",
        &[
            ("0", "number_short"),
            ("n/a", "number_unreadable"),
            ("911", "number_emergency"),
            ("112", "number_emergency"),
            ("555267", "number_short"),
            ("", "number_missing"),
            ("4155552671 / 4155552672", "number_several"),
        ],
    );
    assert_eq!(
        Reason::NumberShort.sentence(),
        "is too short for a phone number"
    );
}

#[test]
fn digits_of_other_scripts_are_digits_everywhere() {
    reads(
        "DE",
        &[
            ("４９１５１２４７８３０４４", "+4915124783044"),
            ("＋４９１５１２４７８３０４４", "+4915124783044"),
        ],
    );
    reads("SE", &[("４６７０１２３４５６７", "+46701234567")]);
}

#[test]
fn the_united_kingdom_is_meant_by_uk() {
    assert_eq!("UK".parse::<Country>(), "GB".parse::<Country>());
    assert_eq!("uk".parse::<Country>().unwrap().to_string(), "GB");
    reads("UK", &[("020 7946 0958", "+442079460958")]);
}

#[test]
fn a_number_says_what_kind_it_is() {
    for (number, kind) in [
        ("+4915124783044", NumberKind::Mobile),
        ("+4930901820", NumberKind::Landline),
        ("+14155552671", NumberKind::LandlineOrMobile),
        ("+18005550199", NumberKind::TollFree),
        ("+4918012345", NumberKind::SharedCost),
        ("+445612345678", NumberKind::Voip),
        ("+447012345678", NumberKind::Personal),
        ("+445512345678", NumberKind::Company),
    ] {
        let found = normalise(number, None);
        assert_eq!(found.map(|found| found.kind), Ok(kind), "{number}");
    }
}

#[test]
fn readings_are_kept_for_the_owner_and_not_for_the_log() {
    let reason = normalise("468123376", "SE".parse().ok()).unwrap_err();
    let kept = serde_json::to_string(&reason).unwrap();
    assert_eq!(
        kept,
        r#"{"code":"number_ambiguous","national":"+46468123376","international":"+468123376"}"#
    );
    assert_eq!(serde_json::from_str::<Reason>(&kept).unwrap(), reason);
    assert!(!format!("{reason:?}").contains(|char: char| char.is_ascii_digit()));
}
