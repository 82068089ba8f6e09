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
        let lane = place.lane(None);
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
        +919876543210 Mobile ["IN"] ["Asia/Calcutta"]
        +447911123456 Mobile ["GG"] ["Europe/Guernsey", "Europe/Isle_of_Man", "Europe/Jersey", "Europe/London"]
        +61812345678 Invalid ["AU"] []
        +12195551234 Geographic ["US-IN"] ["America/Chicago", "America/New_York"]
        +18505551234 Geographic ["US-FL"] ["America/Chicago", "America/New_York"]
        +14235551234 Geographic ["US-TN"] ["America/Chicago", "America/New_York"]
        +19025551234 Geographic ["CA-NS", "CA-PE"] ["America/Halifax"]
        +14165551234 Geographic ["CA-ON"] ["America/Toronto"]
        +18765551234 Mobile ["JM"] ["America/Adak", "America/Anchorage", "America/Anguilla", "America/Antigua", "America/Barbados", "America/Boise", "America/Cayman", "America/Chicago", "America/Denver", "America/Dominica", "America/Edmonton", "America/Fort_Nelson", "America/Grand_Turk", "America/Grenada", "America/Halifax", "America/Jamaica", "America/Juneau", "America/Los_Angeles", "America/Lower_Princes", "America/Montserrat", "America/Nassau", "America/New_York", "America/North_Dakota/Center", "America/Phoenix", "America/Port_of_Spain", "America/Puerto_Rico", "America/Regina", "America/Santo_Domingo", "America/St_Johns", "America/St_Kitts", "America/St_Lucia", "America/St_Thomas", "America/St_Vincent", "America/Toronto", "America/Tortola", "America/Vancouver", "America/Winnipeg", "Atlantic/Bermuda", "Pacific/Guam", "Pacific/Honolulu", "Pacific/Pago_Pago", "Pacific/Saipan"]
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
    assert_eq!(russian_mobile.zones().count(), 16);
    assert_eq!(russian_mobile.country(), "RU");
}

#[test]
fn a_number_of_no_country_has_rules_too() {
    for number in ["+80012345678", "+2100000000", "+9990000000"] {
        let lane = place(number).lane(None);
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

#[test]
fn a_zone_of_the_list_wins_and_must_be_one() {
    let own: ZoneName = "america/new_york".parse().unwrap();
    assert_eq!(own.as_str(), "America/New_York");
    let lane = place("+14155550100").lane(Some(&own));
    assert_eq!(lane.zones, ["America/New_York"]);
    assert_eq!(lane.jurisdictions, ["US-CA"]);
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
    for (text, code) in [("US-CA", "US-CA"), (" us-dc ", "US-DC"), ("ca-on", "CA-ON")] {
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
