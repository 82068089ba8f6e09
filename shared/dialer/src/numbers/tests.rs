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
        let mut words = line.split(' ');
        let number = words.next().unwrap();
        let (kind, region) = (words.next().unwrap(), words.next().unwrap());
        let zones: BTreeSet<&str> = words.filter(|zone| *zone != "Etc/Unknown").collect();
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
        if kind != "invalid" && region != WORLD {
            assert_eq!(found.country(), region, "{number}");
        }
        let ours: BTreeSet<&str> = found.zones().collect();
        assert!(zones.is_subset(&ours), "{number}: {zones:?} and {ours:?}");
        if !number.starts_with("+1") {
            assert_eq!(zones, ours, "{number}");
        }
        seen += 1;
    }
    assert!(seen > 1_000);
}

#[test]
fn numbers_are_where_the_sheet_says() {
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
        let lane = place.lane(None);
        told += &format!(
            "{number} {:?} {:?} {:?}\n",
            place.kind(),
            lane.jurisdictions,
            lane.zones
        );
    }
    expect![[]].assert_eq(&told);
}

#[test]
fn numbers_without_a_place_are_anywhere_in_the_country() {
    let toll_free = place("+18005551212");
    assert_eq!(toll_free.zones().count(), 42);
    assert_eq!(toll_free.jurisdictions(), ["CA", "US"]);
    let russian_mobile = place("+79161234567");
    assert_eq!(russian_mobile.zones().count(), 16);
    assert_eq!(russian_mobile.country(), "RU");
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

#[test]
fn a_zone_of_the_list_wins_and_must_be_one() {
    let own: ZoneName = "america/new_york".parse().unwrap();
    assert_eq!(own.as_str(), "America/New_York");
    let lane = place("+14155550100").lane(Some(&own));
    assert_eq!(lane.zones, ["America/New_York"]);
    assert_eq!(lane.jurisdictions, ["US-CA"]);
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
