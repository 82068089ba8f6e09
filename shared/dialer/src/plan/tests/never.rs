//! Who is never called, and that what is said to open a lane does.

use expect_test::{Expect, expect};
use model::Span;

use super::*;

const RUSSIAN_MOBILE: &str = "+79161234567";
const NEW_YORKER: &str = "+12125550123";

/// The rule, and what opens the lane; each opener is tried.
fn check(body: &str, numbers: &[&str], expected: &Expect) {
    let campaign = testing::campaign(testing::fields(body));
    let lead = testing::lead_with(&campaign, numbers);
    let found = never(&mut Lanes::new(), &campaign, &lead, noon());
    let mut told = found.map_or("called", Rule::code).to_owned();
    for opener in openers(&campaign.fields, &lead.lane, noon()) {
        let mut opened = campaign.clone();
        // The plan remembers a campaign by its revision.
        opened.revision += 1;
        let mut lead = lead.clone();
        told += &match opener {
            Opener::Windows(Span(from, to)) => {
                let text = format!("[[\"{from}\",\"{to}\"]]");
                let week = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
                let week = week.map(|day| format!("\"{day}\":{text}")).join(",");
                opened.fields.windows = serde_json::from_str(&format!("{{{week}}}")).unwrap();
                format!(", windows {from} to {to}")
            }
            Opener::BlockedDays => {
                opened.fields.blocked_days.clear();
                ", blocked days".to_owned()
            }
            Opener::Holidays => {
                opened.fields.call_on_holidays = true;
                ", holidays".to_owned()
            }
            Opener::EndsAt(at) => {
                opened.fields.ends_at = Some(at + SignedDuration::from_secs(1));
                format!(", an end after {at}")
            }
            Opener::Zone => {
                lead.lane.zones.push("Europe/Berlin".to_owned());
                ", a zone".to_owned()
            }
            Opener::TrustedZone => {
                opened.fields.zones = model::ZoneTrust::Lead;
                lead.lane.own_zones = lead.lane.zones.iter().take(1).cloned().collect();
                ", a trusted zone".to_owned()
            }
        };
        let after = never(&mut Lanes::new(), &opened, &lead, noon());
        assert_eq!(after, None, "{opener:?} does not open {numbers:?}");
    }
    expected.assert_eq(&told);
}

#[test]
fn mobiles_of_a_wide_country_need_long_windows_or_a_zone() {
    let day = r#""windows":{"mon":[["10:00","19:00"]],"tue":[["10:00","19:00"]],"wed":[["10:00","19:00"]]}"#;
    check(
        day,
        &[RUSSIAN_MOBILE],
        &expect!["campaign_window, windows 09:00 to 20:00, a trusted zone"],
    );
    check(day, &[NEW_YORKER], &expect![["called"]]);
}

#[test]
fn hours_that_the_law_forbids_are_opened_by_others() {
    check(
        r#""windows":{"mon":[["22:00","23:00"]]}"#,
        &[NEW_YORKER],
        &expect!["campaign_window, windows 08:00 to 21:00"],
    );
}

#[test]
fn days_that_are_left_out_and_an_early_end_are_told() {
    check(
        r#""windows":{"thu":[["10:00","12:00"]]},"ends_at":"2026-06-05T00:00:00Z","blocked_days":["2026-06-04"]"#,
        &[NEW_YORKER],
        &expect![
            "campaign_window, windows 12:00 to 21:00, blocked days, an end after 2026-06-11T14:00:00Z"
        ],
    );
    check(
        r#""windows":{"sat":[["10:00","12:00"]]},"ends_at":"2026-06-05T00:00:00Z""#,
        &[NEW_YORKER],
        &expect!["campaign_window, windows 08:00 to 21:00, an end after 2026-06-06T14:00:00Z"],
    );
}

#[test]
fn one_without_the_consent_that_is_asked_for_is_not_called_at_any_time() {
    check(r#""consent":"written""#, &[NEW_YORKER], &expect!["consent"]);
}

#[test]
fn another_number_of_theirs_saves_who_is_not_allowed_where_the_campaign_goes_on_to_it() {
    let windows = r#""windows":{"wed":[["10:00","19:00"]]}"#;
    let numbers = [RUSSIAN_MOBILE, NEW_YORKER];
    let after = |word: &str| format!(r#"{windows},"alternate_numbers":{{"after":["{word}"]}}"#);
    check(
        &after("not_allowed"),
        &numbers,
        &expect!["called, windows 09:00 to 20:00, a trusted zone"],
    );
    check(
        &after("no_answer"),
        &numbers,
        &expect!["campaign_window, windows 09:00 to 20:00, a trusted zone"],
    );
}
