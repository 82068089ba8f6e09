//! That every pack is whole, and that places have the packs that they should have.

use super::*;

fn named(jurisdiction: &str) -> Vec<&'static str> {
    packs(jurisdiction).map(|pack| pack.jurisdiction).collect()
}

#[test]
fn a_state_adds_to_the_federal_rules() {
    assert_eq!(named("US-FL"), ["US", "US-FL"]);
    assert_eq!(named("US-OH"), ["US"]);
    assert_eq!(named("PR"), ["PR", "US"]);
    assert_eq!(named("GU"), ["US"]);
    let states = all().filter(|pack| pack.jurisdiction.starts_with("US-"));
    assert_eq!(named("US").len(), 1 + states.count());
    assert_eq!(named("CA-ON"), ["CA"]);
    assert_eq!(named("DE"), [""]);
}

#[test]
fn every_pack_is_whole() {
    for table in [world::PACKS, united_states::PACKS] {
        assert!(table.is_sorted_by(|one, next| one.jurisdiction < next.jurisdiction));
    }
    for pack in all().chain([&DEFAULT]) {
        let place = pack.jurisdiction;
        let is_state = place.starts_with("US-") || place == "PR";
        for kind in CallKind::ALL {
            let fits = pack.hours.iter().any(|rule| rule.kinds.has(kind));
            assert!(is_state || fits || kind == CallKind::Emergency, "{place}");
        }
        for rule in pack.hours {
            assert!(!rule.hours.is_empty(), "{place}: never open");
            assert!(!rule.source.text.is_empty(), "{place}: without a source");
            for (at, hours) in rule.hours.iter().enumerate() {
                assert!(hours.weekdays.first <= hours.weekdays.last && hours.weekdays.last < 7);
                assert!(hours.start < hours.end && hours.end <= 24 * 60, "{place}");
                let later = rule.hours.iter().skip(at + 1);
                for other in later {
                    let apart = other.weekdays.first > hours.weekdays.last;
                    assert!(apart || other.start >= hours.end, "{place}: hours overlap");
                }
            }
            assert!(
                !rule.closed_on_holidays || calendar::Calendar::of(place).is_some(),
                "{place}: holidays that nobody knows"
            );
        }
    }
}

#[test]
fn no_vendors_table_confirms_anything() {
    for pack in all() {
        let hours = pack.hours.iter().map(|rule| rule.source);
        let consent = pack.consent.iter().map(|rule| rule.source);
        let caps = pack.caps.iter().map(|rule| rule.source);
        for source in hours.chain(consent).chain(caps) {
            let second_hand = ["vendor", "bill", "product", "table", "firm", " as "];
            let is_heard = second_hand.iter().any(|word| source.text.contains(word));
            assert!(!(source.confirmed && is_heard), "{}", source.text);
        }
    }
}

#[test]
fn no_state_is_laxer_than_the_federal_rule() {
    for pack in all().filter(|pack| pack.jurisdiction.starts_with("US")) {
        for hours in pack.hours.iter().flat_map(|rule| rule.hours) {
            assert!(hours.start >= 8 * 60 && hours.end <= 21 * 60);
        }
    }
}

#[test]
fn christmas_is_a_holiday_where_it_is_kept() {
    for place in [
        "DE", "FR", "IT", "ES", "AU", "NZ", "BR", "MX", "US", "CA", "GB", "US-AL",
    ] {
        let calendar = calendar::Calendar::of(place).unwrap();
        for year in 2026..=2029 {
            let day = calendar::day_of(year, 12, 25);
            assert!(calendar.is_holiday(day), "{place} {year}");
            assert!(!calendar.is_holiday(day - 4), "{place} {year}");
        }
    }
    assert!(calendar::Calendar::of("US-ZZ") == calendar::Calendar::of("US"));
    assert_eq!(calendar::Calendar::of("001"), None);
}

#[test]
fn consent_goes_by_kind_voice_and_place() {
    let needed = |kind, voice, place: &str| {
        terms::least_consent(terms::Terms { kind, voice }, [place]).map(ConsentKind::code)
    };
    let mut table = String::new();
    for kind in CallKind::ALL {
        for place in ["US-UT", "US-CA", "PR", "GB", "FR", "DE", "001"] {
            let needed = needed(kind, Voice::Artificial, place).unwrap_or("none");
            table += &format!("{} {place}: {needed}; ", kind.code());
            assert_eq!(
                terms::least_consent(
                    terms::Terms {
                        kind,
                        voice: Voice::Human
                    },
                    [place]
                ),
                None
            );
        }
        table += "\n";
    }
    expect_test::expect![[r#"
        sales US-UT: written; sales US-CA: written; sales PR: written; sales GB: written; sales FR: written; sales DE: written; sales 001: written; 
        information US-UT: express; information US-CA: express; information PR: express; information GB: none; information FR: none; information DE: none; information 001: none; 
        debt US-UT: express; debt US-CA: express; debt PR: express; debt GB: none; debt FR: none; debt DE: none; debt 001: none; 
        survey US-UT: express; survey US-CA: express; survey PR: express; survey GB: none; survey FR: none; survey DE: none; survey 001: none; 
        charity US-UT: express; charity US-CA: express; charity PR: express; charity GB: express; charity FR: express; charity DE: express; charity 001: express; 
        political US-UT: express; political US-CA: express; political PR: express; political GB: express; political FR: express; political DE: express; political 001: express; 
        emergency US-UT: none; emergency US-CA: none; emergency PR: none; emergency GB: none; emergency FR: none; emergency DE: none; emergency 001: none; 
    "#]].assert_eq(&table);
}

#[test]
fn an_emergency_is_held_back_by_no_rule() {
    for pack in all().chain([&DEFAULT]) {
        let hours = pack.hours.iter().map(|rule| rule.kinds);
        let consent = pack.consent.iter().map(|rule| rule.kinds);
        let caps = pack.caps.iter().map(|rule| rule.kinds);
        for kinds in hours.chain(consent).chain(caps) {
            assert!(!kinds.has(CallKind::Emergency), "{}", pack.jurisdiction);
        }
    }
}
