//! Numbers against what libphonenumber says of them, and against facts that anybody can check.

use std::collections::BTreeSet;

use expect_test::expect;

use super::*;

fn place(number: &str) -> Place {
    Place::of(&number.parse().unwrap())
}

#[test]
fn every_case_is_libphonenumbers_kind_and_at_least_its_zones() {
    let cases = include_str!("cases.txt");
    let mut seen = 0;
    for line in cases.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        let [number, kind, region, zones, united, places] = words[..] else {
            panic!("{line}");
        };
        let list = |text: &'static str| -> BTreeSet<&str> {
            text.split(',').filter(|one| *one != "-").collect()
        };
        let found = place(number);
        let named = match found.kind() {
            NumberKind::Geographic => "geographic",
            NumberKind::Mobile => "mobile",
            NumberKind::Premium => "premium",
            NumberKind::TollFree => "toll_free",
            NumberKind::Other => "other",
            NumberKind::Invalid => "invalid",
        };
        assert_eq!(named, kind, "{number}");
        let ours: BTreeSet<&str> = found.zones().collect();
        assert!(list(zones).is_subset(&ours), "{number}");
        assert_eq!(list(united), ours, "{number}");
        if kind != "invalid" {
            let states: BTreeSet<&str> = found.jurisdictions().iter().copied().collect();
            assert!(
                list(places).is_subset(&states),
                "{number}: {places} and {states:?}"
            );
            assert_eq!(found.country(), if region == WORLD { "" } else { region });
        }
        seen += 1;
    }
    assert!(seen > 1_000);
}

#[test]
fn numbers_are_in_every_zone_that_they_may_be_in() {
    let mut told = String::new();
    for number in [
        "+14155550100",
        "+12085551234",
        "+17755551234",
        "+16055551234",
        "+919876543210",
        "+447911123456",
        "+61812345678",
        "+12195551234",
        "+18505551234",
        "+14235551234",
        "+19025551234",
        "+14165551234",
        "+18765551234",
        "+17875551234",
        "+493012345678",
    ] {
        let place = place(number);
        let lane = place.lane(&StatedPlace::default(), None);
        told += &format!(
            "{number} {:?} {:?} {:?}\n",
            place.kind(),
            lane.jurisdictions,
            lane.zones
        );
    }
    expect![[r#"
        +14155550100 Geographic ["US-CA"] ["America/Los_Angeles"]
        +12085551234 Geographic ["US-ID"] ["America/Boise", "America/Denver", "America/Los_Angeles"]
        +17755551234 Geographic ["US-NV"] ["America/Boise", "America/Denver", "America/Los_Angeles"]
        +16055551234 Geographic ["US-SD"] ["America/Chicago", "America/Denver", "America/North_Dakota/Center"]
        +919876543210 Mobile ["IN"] ["Asia/Kolkata"]
        +447911123456 Mobile ["GG"] ["Europe/Guernsey"]
        +61812345678 Invalid ["AU"] []
        +12195551234 Geographic ["US-IN"] ["America/Chicago", "America/New_York"]
        +18505551234 Geographic ["US-FL"] ["America/Chicago", "America/New_York"]
        +14235551234 Geographic ["US-TN"] ["America/Chicago", "America/New_York"]
        +19025551234 Geographic ["CA-NS", "CA-PE"] ["America/Halifax"]
        +14165551234 Geographic ["CA-ON"] ["America/Toronto"]
        +18765551234 Mobile ["JM"] ["America/Jamaica"]
        +17875551234 Geographic ["PR"] ["America/Puerto_Rico"]
        +493012345678 Geographic ["DE"] ["Europe/Berlin"]
    "#]].assert_eq(&told);
}

#[test]
fn numbers_without_a_place_are_anywhere_in_the_country() {
    let toll_free = place("+18005551212");
    assert_eq!(toll_free.zones().count(), 42);
    assert_eq!(toll_free.jurisdictions(), ["CA", "US"]);
    let russian_mobile = place("+79161234567");
    assert_eq!(russian_mobile.zones().count(), 11);
    assert!(
        russian_mobile
            .zones()
            .any(|zone| zone == "Europe/Kaliningrad")
    );
    assert_eq!(russian_mobile.country(), "RU");
}

#[test]
fn a_number_of_no_country_has_rules_too() {
    for number in ["+80012345678", "+2100000000", "+9990000000"] {
        let lane = place(number).lane(&StatedPlace::default(), None);
        assert_eq!(lane.jurisdictions, ["001"], "{number}");
    }
}

#[test]
fn every_zone_of_the_map_is_in_the_database() {
    for zone in tables::ZONES {
        assert!(time_zone(zone).is_some(), "{zone}");
    }
}

#[test]
fn states_are_those_of_the_area_codes() {
    for (number, state) in [
        ("+12125550100", "US-NY"),
        ("+13105550100", "US-CA"),
        ("+17135550100", "US-TX"),
        ("+12025550100", "US-DC"),
        ("+13055550100", "US-FL"),
        ("+14055550100", "US-OK"),
        ("+14105550100", "US-MD"),
        ("+12065550100", "US-WA"),
        ("+15045550100", "US-LA"),
        ("+14015550100", "US-RI"),
        ("+19075550100", "US-AK"),
        ("+18085550100", "US-HI"),
        ("+15145550100", "CA-QC"),
        ("+18675550100", "CA-NT,CA-NU,CA-YT"),
        ("+17825550100", "CA-NS,CA-PE"),
    ] {
        assert_eq!(place(number).jurisdictions().join(","), state, "{number}");
    }
    // Each state has an area code, and no area code has states of both countries.
    let states: BTreeSet<&str> = tables::AREAS
        .iter()
        .flat_map(|(_, s)| *s)
        .copied()
        .collect();
    assert_eq!(
        states
            .iter()
            .filter(|state| state.starts_with("US-"))
            .count(),
        51
    );
    assert_eq!(
        states
            .iter()
            .filter(|state| state.starts_with("CA-"))
            .count(),
        13
    );
}

/// Zones and rules of a lead with this number, of whom this is stated; `zone=America/Denver postal_code=96813`. Zones
/// that count alone where the list is trusted have a star.
fn stated(number: &str, said: &str) -> String {
    let mut stated = StatedPlace::default();
    for word in said.split_whitespace() {
        let (name, value) = word.split_once('=').unwrap();
        let value = Some(value.to_owned());
        match name {
            "zone" => stated.zone = value,
            "region" => stated.region = value,
            "any_region_of" => stated.any_region_of = value,
            "postal_code" => stated.postal_code = value,
            "country" => stated.country = value,
            _ => panic!("{name} is not stated"),
        }
    }
    let lane = place(number).lane(&stated, None);
    let star = |zone: &String| {
        if lane.own_zones.contains(zone) {
            "*"
        } else {
            ""
        }
    };
    let zones = lane
        .zones
        .iter()
        .map(|zone| format!("{zone}{}", star(zone)));
    let zones: Vec<String> = zones.collect();
    format!("{} by {}", zones.join(" "), lane.jurisdictions.join(" "))
}

#[test]
fn what_is_stated_adds_clocks_and_rules_and_takes_none_away() {
    for (number, said, place) in [
        ("+14155550100", "", "America/Los_Angeles by US-CA"),
        (
            "+14155550100",
            "zone=America/New_York",
            "America/Los_Angeles America/New_York* by US-CA",
        ),
        (
            "+12122223344",
            "region=US-HI",
            "America/New_York Pacific/Honolulu* by US-HI US-NY",
        ),
        (
            "+18085550101",
            "zone=America/New_York",
            "America/New_York* Pacific/Honolulu by US-HI",
        ),
        (
            "+12122223344",
            "postal_code=96813",
            "America/New_York Pacific/Honolulu* by US-HI US-NY",
        ),
        (
            "+12122223344",
            "postal_code=K1A0B1 country=CA",
            "America/Atikokan* America/New_York America/Toronto* America/Winnipeg* by CA-ON US-NY",
        ),
        // The state has two zones; the lead's own says which.
        (
            "+16155550100",
            "region=US-TN zone=America/Chicago",
            "America/Chicago* America/New_York by US-TN",
        ),
        (
            "+12122223344",
            "region=US-FL country=US",
            "America/Chicago* America/New_York* by US-FL US-NY",
        ),
        (
            "+14155550100",
            "country=DE",
            "America/Los_Angeles Europe/Berlin* by DE US-CA",
        ),
        // Of what was stored once and nobody knows any more the number's own place is left.
        (
            "+14155550100",
            "zone=Mars/Olympus postal_code=?",
            "America/Los_Angeles by US-CA",
        ),
    ] {
        assert_eq!(stated(number, said), place, "{number} {said}");
    }
    let anywhere = stated("+12122223344", "any_region_of=US");
    assert!(anywhere.contains("America/Adak*") && anywhere.ends_with("by US US-NY"));
}

#[test]
fn a_zone_of_the_list_must_be_one() {
    let own: ZoneName = "america/new_york".parse().unwrap();
    assert_eq!(own.as_str(), "America/New_York");
    assert_eq!("utc".parse::<ZoneName>().unwrap().as_str(), "UTC");
    for wrong in [
        "",
        "EST",
        "PST8PDT",
        "America/Nowhere",
        "UTC+1",
        "Etc/GMT+5",
        "../etc/passwd",
    ] {
        assert!(wrong.parse::<ZoneName>().is_err(), "{wrong} was accepted");
    }
}

#[test]
fn a_region_is_a_state_or_province_whose_rules_are_its_own() {
    for (text, code) in [
        ("US-CA", "US-CA"),
        (" us-dc ", "US-DC"),
        ("ca-on", "CA-ON"),
        ("au-nsw", "AU-NSW"),
    ] {
        assert_eq!(text.parse::<RegionCode>().unwrap().as_str(), code);
    }
    for wrong in [
        "",
        "US",
        "CA",
        "US-ZZ",
        "California",
        "DE-BY",
        "US-CAL",
        "PR",
    ] {
        assert!(wrong.parse::<RegionCode>().is_err(), "{wrong} was accepted");
    }
}
