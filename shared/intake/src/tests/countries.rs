//! Every country that has numbers: a number that lost its plus, its zero or its form is read as itself or
//! kept out, and is never somebody else's.

use std::collections::BTreeSet;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType, Region};

use super::*;

/// Numbers of a kind and country that are made, beside the example of the metadata.
const MADE: usize = 12;

/// Valid numbers of a country like its examples, the same in every run: the example with other digits.
fn numbers_of(region: Region, kind: PhoneNumberType, begin: &str) -> BTreeSet<String> {
    let Ok(example) = PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(region, kind) else {
        return BTreeSet::new();
    };
    let code = example.country_code;
    let digits = rlibphonenumber::get_national_significant_number_owned(&example);
    let mut found = BTreeSet::new();
    let mut chance: u64 = 0x9E37_79B9_7F4A_7C15;
    for attempt in 0..400 {
        if found.len() >= MADE {
            break;
        }
        // The end alone, then more and more of the number.
        let kept = digits.len().saturating_sub(4 + attempt / 60);
        let made = digits.char_indices().map(|(at, digit)| {
            chance = chance
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let other = char::from(b'0' + u8::try_from((chance >> 33) & 0xFF).unwrap() % 10);
            match begin.chars().nth(at) {
                Some(wanted) => wanted,
                None if at < kept && begin.is_empty() => digit,
                None => other,
            }
        });
        let text = format!("+{code}{}", made.collect::<String>());
        let Ok(parsed) = PHONE_NUMBER_UTIL.parse(&text, None) else {
            continue;
        };
        let same = PHONE_NUMBER_UTIL.format(&parsed, PhoneNumberFormat::E164) == text;
        if same && normalise(&text, None).is_ok() {
            found.insert(text);
        }
    }
    found
}

fn countries() -> Vec<(Region, Country)> {
    let mut regions: Vec<Region> = PHONE_NUMBER_UTIL.get_supported_regions().collect();
    regions.sort_by_key(ToString::to_string);
    regions
        .into_iter()
        .filter_map(|region| Some((region, region.to_string().parse().ok()?)))
        .collect()
}

const KINDS: [PhoneNumberType; 2] = [PhoneNumberType::FixedLine, PhoneNumberType::Mobile];

/// Ways in which the number stands in lists, whatever the country.
fn spellings(number: &str) -> Vec<String> {
    let parsed = PHONE_NUMBER_UTIL.parse(number, None).unwrap();
    let digits = number.trim_start_matches('+');
    let national = rlibphonenumber::get_national_significant_number_owned(&parsed);
    let code = parsed.country_code;
    let format = |format| PHONE_NUMBER_UTIL.format(&parsed, format).into_owned();
    vec![
        number.to_owned(),
        digits.to_owned(),
        format!("00{digits}"),
        format!("{digits}.0"),
        format!("{digits},00"),
        format!("'{digits}"),
        format!("{code} {national}"),
        format!("{code}-{national}"),
        format!("(+{code}) {national}"),
        format!("+{code} (0){national}"),
        national.clone(),
        format!("{national}.0"),
        format(PhoneNumberFormat::National),
        format(PhoneNumberFormat::International),
        format(PhoneNumberFormat::RFC3966),
    ]
}

#[test]
fn no_spelling_of_a_number_of_any_country_is_another_number() {
    let (mut read, mut kept_out) = (0, 0);
    for (region, country) in countries() {
        let code = PHONE_NUMBER_UTIL.get_country_code_for_region(region);
        let code = code.unwrap().to_string();
        for kind in KINDS {
            let mut numbers = numbers_of(region, kind, "");
            numbers.extend(numbers_of(region, kind, &code));
            for number in numbers {
                for spelling in spellings(&number) {
                    match normalise(&spelling, Some(country)) {
                        Ok(found) => {
                            assert_eq!(found.number.as_str(), number, "{spelling} in {country}");
                            read += 1;
                        }
                        Err(_) => kept_out += 1,
                    }
                }
            }
        }
    }
    // Keeping all out would be as safe, and of no use.
    assert!(kept_out * 50 < read, "{kept_out} kept out, {read} read");
}

#[test]
fn no_column_without_plus_of_any_country_has_another_number() {
    let (mut read, mut kept_out) = (0, 0);
    for (region, country) in countries() {
        let mut numbers = BTreeSet::new();
        for kind in KINDS {
            numbers.extend(numbers_of(region, kind, ""));
        }
        for national in [false, true] {
            let mut list = "phone,name\n".to_owned();
            for number in &numbers {
                let parsed = PHONE_NUMBER_UTIL.parse(number, None).unwrap();
                let text = if national {
                    rlibphonenumber::get_national_significant_number_owned(&parsed)
                } else {
                    number.trim_start_matches('+').to_owned()
                };
                writeln!(list, "{text},{number}").unwrap();
            }
            let mut intake = Intake::new(Options {
                default_country: Some(country),
                ..Options::default()
            });
            intake.push(list.into());
            intake.end();
            loop {
                match intake.next_entry() {
                    Ok(Entry::Row(row)) => {
                        let name = &row.variables["name"];
                        assert_eq!(row.number.as_str(), name, "{country}, national: {national}");
                        read += 1;
                    }
                    Ok(Entry::Rejected(_)) => kept_out += 1,
                    Ok(Entry::NeedsInput | Entry::End) | Err(_) => break,
                }
            }
        }
    }
    assert!(kept_out * 50 < read, "{kept_out} kept out, {read} read");
}
