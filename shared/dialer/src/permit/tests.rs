//! Situations: a number, a campaign, what is known of the number; the permit with its reasons.

use expect_test::{Expect, expect};
use model::SuppressionReason;

use super::*;
use crate::testing;

const NOON_IN_NEW_YORK: &str = "2026-06-03T16:00:00Z";

/// The permit as text: verdict, then every rule that was looked at.
fn check(number: &str, body: &str, contact: &str, now: &str, expected: &Expect) {
    let now: Timestamp = now.parse().unwrap();
    let campaign = testing::campaign(testing::fields(body));
    let lead = testing::lead(&campaign, number);
    let contact = testing::contact(contact, now);
    let permit = permit(
        &Asking {
            number: &lead.number,
            lane: &lead.lane,
            contact: Some(&contact),
            others: &[],
            campaign: Some(&campaign),
            single: Single::default(),
            lead: Some(&lead),
            call_id: None,
        },
        now,
    );
    expected.assert_eq(&told(&permit));
    assert_eq!(permit.allowed, permit.denied_by.is_none());
    assert_eq!(permit.rules_version, RULES_VERSION);
}

fn told(permit: &Permit) -> String {
    let mut told = match permit.denied_by {
        None => "allowed".to_owned(),
        Some(rule) => format!("denied by {}", rule.code()),
    };
    if let Some(at) = permit.retry_at {
        told += &format!(", again at {at}");
    }
    for zone in &permit.zones {
        told += &format!("\n  {} {}", zone.zone, zone.local);
    }
    for check in &permit.checks {
        let verdict = if check.passed { "yes" } else { "NO" };
        told += &format!("\n  {verdict} {}: {}", check.rule.code(), check.because);
    }
    told + "\n"
}

#[test]
fn a_number_that_may_be_called() {
    check(
        "+12125550100",
        "",
        "no_answer 3h",
        NOON_IN_NEW_YORK,
        &expect![[r#"
            allowed
              America/New_York 2026-06-03T12:00:00-04:00
              yes not_callable: a number with a place
              yes suppressed: not on the suppression list
              yes consent: express consent is needed, express consent is kept elsewhere: signed forms
              yes campaign_state: the campaign is running
              yes zone_unknown: 1 zone
              yes campaign_window: inside the campaign's windows in 1 zone
              yes legal_hours: inside the legal hours in 1 zone
              yes holiday: no public holiday in 1 zone
              yes blocked_day: no blocked day in 1 zone
              yes number_busy: no other call to the number
              yes frequency_cap: 1 of 3 attempts in 24 h
              yes minimum_gap: no attempt so shortly before
              yes attempts: 0 of 3 attempts of the campaign
        "#]],
    );
}

#[test]
fn a_number_that_nobody_has_or_that_costs_extra_is_never_called() {
    check(
        "+12005550100",
        "",
        "",
        NOON_IN_NEW_YORK,
        &expect![[r#"
        denied by not_callable
          NO not_callable: no range has such a number
    "#]],
    );
    check(
        "+19005550100",
        "",
        "",
        NOON_IN_NEW_YORK,
        &expect![[r#"
        denied by not_callable
          America/Adak 2026-06-03T07:00:00-09:00
          America/Anchorage 2026-06-03T08:00:00-08:00
          America/Anguilla 2026-06-03T12:00:00-04:00
          America/Antigua 2026-06-03T12:00:00-04:00
          America/Barbados 2026-06-03T12:00:00-04:00
          America/Boise 2026-06-03T10:00:00-06:00
          America/Cayman 2026-06-03T11:00:00-05:00
          America/Chicago 2026-06-03T11:00:00-05:00
          America/Denver 2026-06-03T10:00:00-06:00
          America/Dominica 2026-06-03T12:00:00-04:00
          America/Edmonton 2026-06-03T10:00:00-06:00
          America/Fort_Nelson 2026-06-03T09:00:00-07:00
          America/Grand_Turk 2026-06-03T12:00:00-04:00
          America/Grenada 2026-06-03T12:00:00-04:00
          America/Halifax 2026-06-03T13:00:00-03:00
          America/Jamaica 2026-06-03T11:00:00-05:00
          America/Juneau 2026-06-03T08:00:00-08:00
          America/Los_Angeles 2026-06-03T09:00:00-07:00
          America/Lower_Princes 2026-06-03T12:00:00-04:00
          America/Montserrat 2026-06-03T12:00:00-04:00
          America/Nassau 2026-06-03T12:00:00-04:00
          America/New_York 2026-06-03T12:00:00-04:00
          America/North_Dakota/Center 2026-06-03T11:00:00-05:00
          America/Phoenix 2026-06-03T09:00:00-07:00
          America/Port_of_Spain 2026-06-03T12:00:00-04:00
          America/Puerto_Rico 2026-06-03T12:00:00-04:00
          America/Regina 2026-06-03T10:00:00-06:00
          America/Santo_Domingo 2026-06-03T12:00:00-04:00
          America/St_Johns 2026-06-03T13:30:00-02:30
          America/St_Kitts 2026-06-03T12:00:00-04:00
          America/St_Lucia 2026-06-03T12:00:00-04:00
          America/St_Thomas 2026-06-03T12:00:00-04:00
          America/St_Vincent 2026-06-03T12:00:00-04:00
          America/Toronto 2026-06-03T12:00:00-04:00
          America/Tortola 2026-06-03T12:00:00-04:00
          America/Vancouver 2026-06-03T09:00:00-07:00
          America/Winnipeg 2026-06-03T11:00:00-05:00
          Atlantic/Bermuda 2026-06-03T13:00:00-03:00
          Pacific/Guam 2026-06-04T02:00:00+10:00
          Pacific/Honolulu 2026-06-03T06:00:00-10:00
          Pacific/Pago_Pago 2026-06-03T05:00:00-11:00
          Pacific/Saipan 2026-06-04T02:00:00+10:00
          NO not_callable: a number that costs extra to call
    "#]],
    );
}

#[test]
fn who_asked_not_to_be_called_is_not() {
    check(
        "+12125550100",
        "",
        "suppressed",
        NOON_IN_NEW_YORK,
        &expect![[r#"
            denied by suppressed
              America/New_York 2026-06-03T12:00:00-04:00
              yes not_callable: a number with a place
              NO suppressed: on the suppression list
        "#]],
    );
}

#[test]
fn consent_has_to_be_strong_enough_and_given_by_now() {
    let now: Timestamp = NOON_IN_NEW_YORK.parse().unwrap();
    let campaign = testing::campaign(testing::fields(
        r#""kind":"information","consent":"written""#,
    ));
    let consent = |kind, at: &str| {
        Some(Consent {
            kind,
            at: Some(at.parse().unwrap()),
            source: None,
        })
    };
    for (given, denied) in [
        (None, Some(Rule::Consent)),
        (
            consent(ConsentKind::Express, "2026-01-01T00:00:00Z"),
            Some(Rule::Consent),
        ),
        (
            consent(ConsentKind::Written, "2026-07-01T00:00:00Z"),
            Some(Rule::Consent),
        ),
        (consent(ConsentKind::Written, "2026-01-01T00:00:00Z"), None),
    ] {
        let mut lead = testing::lead(&campaign, "+12125550100");
        lead.consent = given;
        let asking = Asking {
            number: &lead.number,
            lane: &lead.lane,
            contact: None,
            others: &[],
            campaign: Some(&campaign),
            single: Single::default(),
            lead: Some(&lead),
            call_id: None,
        };
        assert_eq!(permit(&asking, now).denied_by, denied);
    }
}

#[test]
fn sales_calls_need_consent_in_writing_where_the_law_says_so() {
    let now: Timestamp = NOON_IN_NEW_YORK.parse().unwrap();
    for (kind, denied) in [("information", None), ("sales", Some(Rule::Consent))] {
        let body = format!(r#""kind":"{kind}""#);
        let campaign = testing::campaign(testing::fields(&body));
        let mut lead = testing::lead(&campaign, "+12125550100");
        lead.consent = Some(Consent {
            kind: ConsentKind::Express,
            at: None,
            source: None,
        });
        let asking = Asking {
            number: &lead.number,
            lane: &lead.lane,
            contact: None,
            others: &[],
            campaign: Some(&campaign),
            single: Single::default(),
            lead: Some(&lead),
            call_id: None,
        };
        assert_eq!(permit(&asking, now).denied_by, denied);
    }
}

#[test]
fn outside_the_hours_it_says_when_they_begin() {
    check(
        "+14235551234",
        "",
        "",
        "2026-06-03T12:30:00Z",
        &expect![[r#"
            denied by campaign_window, again at 2026-06-03T14:00:00Z
              America/Chicago 2026-06-03T07:30:00-05:00
              America/New_York 2026-06-03T08:30:00-04:00
              yes not_callable: a number with a place
              yes suppressed: not on the suppression list
              yes consent: express consent is needed, express consent is kept elsewhere: signed forms
              yes campaign_state: the campaign is running
              yes zone_unknown: 2 zones
              NO campaign_window: outside the campaign's windows in one of 2 zones
        "#]],
    );
    check(
        "+12155550100",
        r#""windows":{"sun":[["10:00","20:00"]],"mon":[["10:00","20:00"]]}"#,
        "",
        "2026-06-07T16:00:00Z",
        &expect![[r#"
            denied by legal_hours, again at 2026-06-08T14:00:00Z
              America/New_York 2026-06-07T12:00:00-04:00
              yes not_callable: a number with a place
              yes suppressed: not on the suppression list
              yes consent: express consent is needed, express consent is kept elsewhere: signed forms
              yes campaign_state: the campaign is running
              yes zone_unknown: 1 zone
              yes campaign_window: inside the campaign's windows in 1 zone
              NO legal_hours: outside the legal hours in 1 zone
        "#]],
    );
    check(
        "+12125550100",
        "",
        "",
        "2026-07-03T16:00:00Z",
        &expect![[r#"
            denied by holiday, again at 2026-07-05T16:00:00Z
              America/New_York 2026-07-03T12:00:00-04:00
              yes not_callable: a number with a place
              yes suppressed: not on the suppression list
              yes consent: express consent is needed, express consent is kept elsewhere: signed forms
              yes campaign_state: the campaign is running
              yes zone_unknown: 1 zone
              yes campaign_window: inside the campaign's windows in 1 zone
              yes legal_hours: inside the legal hours in 1 zone
              NO holiday: a public holiday in 1 zone
        "#]],
    );
}

#[test]
fn caps_count_over_all_campaigns() {
    check(
        "+12125550100",
        "",
        "no_answer 20h, carrier_refused 10h, busy 9h, no_answer 3h",
        NOON_IN_NEW_YORK,
        &expect![[r#"
            denied by frequency_cap, again at 2026-06-03T20:00:00Z
              America/New_York 2026-06-03T12:00:00-04:00
              yes not_callable: a number with a place
              yes suppressed: not on the suppression list
              yes consent: express consent is needed, express consent is kept elsewhere: signed forms
              yes campaign_state: the campaign is running
              yes zone_unknown: 1 zone
              yes campaign_window: inside the campaign's windows in 1 zone
              yes legal_hours: inside the legal hours in 1 zone
              yes holiday: no public holiday in 1 zone
              yes blocked_day: no blocked day in 1 zone
              yes number_busy: no other call to the number
              NO frequency_cap: 3 of 3 attempts in 24 h
        "#]],
    );
    check(
        "+12125550100",
        "",
        "agent_ended! 23h",
        NOON_IN_NEW_YORK,
        &expect![[r#"
            denied by frequency_cap, again at 2026-06-03T17:00:00Z
              America/New_York 2026-06-03T12:00:00-04:00
              yes not_callable: a number with a place
              yes suppressed: not on the suppression list
              yes consent: express consent is needed, express consent is kept elsewhere: signed forms
              yes campaign_state: the campaign is running
              yes zone_unknown: 1 zone
              yes campaign_window: inside the campaign's windows in 1 zone
              yes legal_hours: inside the legal hours in 1 zone
              yes holiday: no public holiday in 1 zone
              yes blocked_day: no blocked day in 1 zone
              yes number_busy: no other call to the number
              NO frequency_cap: 1 of 1 conversations in 24 h
        "#]],
    );
    check(
        "+12125550100",
        r#""caps":{"attempts_per_day":9}"#,
        "voicemail! 700h, busy 600h, busy 500h, busy 400h, busy 300h, busy 200h",
        NOON_IN_NEW_YORK,
        &expect![[r#"
            denied by frequency_cap, again at 2026-06-04T13:00:00Z
              America/New_York 2026-06-03T12:00:00-04:00
              yes not_callable: a number with a place
              yes suppressed: not on the suppression list
              yes consent: express consent is needed, express consent is kept elsewhere: signed forms
              yes campaign_state: the campaign is running
              yes zone_unknown: 1 zone
              yes campaign_window: inside the campaign's windows in 1 zone
              yes legal_hours: inside the legal hours in 1 zone
              yes holiday: no public holiday in 1 zone
              yes blocked_day: no blocked day in 1 zone
              yes number_busy: no other call to the number
              NO frequency_cap: 6 of 6 attempts in 30 days
        "#]],
    );
}

#[test]
fn a_cap_of_the_state_holds_whatever_the_campaign_says() {
    // Area code 305 is Miami's.
    check(
        "+13055550100",
        r#""caps":{"attempts_per_day":9}"#,
        "no_answer 20h, no_answer 9h, no_answer 3h",
        NOON_IN_NEW_YORK,
        &expect![[r#"
            denied by frequency_cap, again at 2026-06-03T20:00:00Z
              America/New_York 2026-06-03T12:00:00-04:00
              yes not_callable: a number with a place
              yes suppressed: not on the suppression list
              yes consent: express consent is needed, express consent is kept elsewhere: signed forms
              yes campaign_state: the campaign is running
              yes zone_unknown: 1 zone
              yes campaign_window: inside the campaign's windows in 1 zone
              yes legal_hours: inside the legal hours in 1 zone
              yes holiday: no public holiday in 1 zone
              yes blocked_day: no blocked day in 1 zone
              yes number_busy: no other call to the number
              NO frequency_cap: 3 of 3 attempts in 24 h
        "#]],
    );
}

#[test]
fn a_cap_that_ends_at_night_lasts_until_the_morning() {
    check(
        "+12125550100",
        "",
        "no_answer 23h, no_answer 13h, no_answer 3h",
        "2026-06-03T23:30:00Z",
        &expect![[r#"
            denied by frequency_cap, again at 2026-06-04T13:00:00Z
              America/New_York 2026-06-03T19:30:00-04:00
              yes not_callable: a number with a place
              yes suppressed: not on the suppression list
              yes consent: express consent is needed, express consent is kept elsewhere: signed forms
              yes campaign_state: the campaign is running
              yes zone_unknown: 1 zone
              yes campaign_window: inside the campaign's windows in 1 zone
              yes legal_hours: inside the legal hours in 1 zone
              yes holiday: no public holiday in 1 zone
              yes blocked_day: no blocked day in 1 zone
              yes number_busy: no other call to the number
              NO frequency_cap: 3 of 3 attempts in 24 h
        "#]],
    );
    check(
        "+12125550100",
        "",
        "busy 1h",
        "2026-06-03T23:30:00Z",
        &expect![[r#"
            denied by minimum_gap, again at 2026-06-04T13:00:00Z
              America/New_York 2026-06-03T19:30:00-04:00
              yes not_callable: a number with a place
              yes suppressed: not on the suppression list
              yes consent: express consent is needed, express consent is kept elsewhere: signed forms
              yes campaign_state: the campaign is running
              yes zone_unknown: 1 zone
              yes campaign_window: inside the campaign's windows in 1 zone
              yes legal_hours: inside the legal hours in 1 zone
              yes holiday: no public holiday in 1 zone
              yes blocked_day: no blocked day in 1 zone
              yes number_busy: no other call to the number
              yes frequency_cap: 1 of 3 attempts in 24 h
              NO minimum_gap: the gap after the last attempt lasts until 2026-06-04T00:30:00Z
        "#]],
    );
}

#[test]
fn the_gap_attempts_and_another_call() {
    check(
        "+12125550100",
        "",
        "busy 30m",
        NOON_IN_NEW_YORK,
        &expect![[r#"
            denied by minimum_gap, again at 2026-06-03T17:30:00Z
              America/New_York 2026-06-03T12:00:00-04:00
              yes not_callable: a number with a place
              yes suppressed: not on the suppression list
              yes consent: express consent is needed, express consent is kept elsewhere: signed forms
              yes campaign_state: the campaign is running
              yes zone_unknown: 1 zone
              yes campaign_window: inside the campaign's windows in 1 zone
              yes legal_hours: inside the legal hours in 1 zone
              yes holiday: no public holiday in 1 zone
              yes blocked_day: no blocked day in 1 zone
              yes number_busy: no other call to the number
              yes frequency_cap: 1 of 3 attempts in 24 h
              NO minimum_gap: the gap after the last attempt lasts until 2026-06-03T17:30:00Z
        "#]],
    );
    check(
        "+12125550100",
        "",
        "agent_ended! 30h, live! 2m",
        NOON_IN_NEW_YORK,
        &expect![[r#"
            denied by number_busy, again at 2026-06-03T16:05:00Z
              America/New_York 2026-06-03T12:00:00-04:00
              yes not_callable: a number with a place
              yes suppressed: not on the suppression list
              yes consent: express consent is needed, express consent is kept elsewhere: signed forms
              yes campaign_state: the campaign is running
              yes zone_unknown: 1 zone
              yes campaign_window: inside the campaign's windows in 1 zone
              yes legal_hours: inside the legal hours in 1 zone
              yes holiday: no public holiday in 1 zone
              yes blocked_day: no blocked day in 1 zone
              NO number_busy: another call to the number is on its way
        "#]],
    );
    // Nothing was heard of its end: it does not block the number for ever.
    check(
        "+12125550100",
        "",
        "live 7h",
        NOON_IN_NEW_YORK,
        &expect![[r#"
            allowed
              America/New_York 2026-06-03T12:00:00-04:00
              yes not_callable: a number with a place
              yes suppressed: not on the suppression list
              yes consent: express consent is needed, express consent is kept elsewhere: signed forms
              yes campaign_state: the campaign is running
              yes zone_unknown: 1 zone
              yes campaign_window: inside the campaign's windows in 1 zone
              yes legal_hours: inside the legal hours in 1 zone
              yes holiday: no public holiday in 1 zone
              yes blocked_day: no blocked day in 1 zone
              yes number_busy: no other call to the number
              yes frequency_cap: 1 of 3 attempts in 24 h
              yes minimum_gap: no attempt so shortly before
              yes attempts: 0 of 3 attempts of the campaign
        "#]],
    );
}

#[test]
fn a_campaign_that_does_not_run_calls_nobody() {
    let now: Timestamp = NOON_IN_NEW_YORK.parse().unwrap();
    let body = r#""starts_at":"2026-06-04T16:00:00Z","ends_at":"2026-06-05T16:00:00Z""#;
    for (state, at, answer) in [
        (CampaignState::Running, "2026-06-04T15:59:59Z", "starts"),
        (CampaignState::Running, "2026-06-04T16:00:00Z", "yes"),
        (CampaignState::Running, "2026-06-05T16:00:00Z", "over"),
        (CampaignState::Paused, "2026-06-04T16:00:00Z", "no"),
        (CampaignState::Cancelled, "2026-06-04T16:00:00Z", "no"),
        (CampaignState::Scheduled, "2026-06-03T16:00:00Z", "starts"),
        (CampaignState::Draft, "2026-06-04T16:00:00Z", "no"),
        (CampaignState::Completed, "2026-06-04T16:00:00Z", "no"),
    ] {
        let mut campaign = testing::campaign(testing::fields(body));
        campaign.state = state;
        let (runs, because, retry_at) = runs(&campaign, at.parse().unwrap());
        let told = match (runs, retry_at) {
            (true, None) => "yes",
            (false, Some(start)) if start > now => "starts",
            (false, None) if because.to_string().contains("past") => "over",
            _other => "no",
        };
        assert_eq!(told, answer, "{state:?} at {at}: {because}");
    }
}

#[test]
fn a_single_call_keeps_to_the_law_and_to_no_campaign() {
    let now: Timestamp = "2026-06-07T12:30:00Z".parse().unwrap();
    let number: PhoneNumber = "+12125550100".parse().unwrap();
    let consent = Consent {
        kind: ConsentKind::Express,
        at: None,
        source: None,
    };
    let told_of = |single: Single<'_>| {
        let lane = Place::of(&number).lane(&model::StatedPlace::default(), single.consent);
        let asking = Asking {
            number: &number,
            lane: &lane,
            contact: Some(&Contact::default()),
            others: &[],
            campaign: None,
            single,
            lead: None,
            call_id: None,
        };
        told(&permit(&asking, now))
    };
    expect![[r#"
        allowed
          America/New_York 2026-06-07T08:30:00-04:00
          yes not_callable: a number with a place
          yes suppressed: not on the suppression list
          yes consent: express consent is needed, there is express consent
          yes zone_unknown: 1 zone
          yes legal_hours: inside the legal hours in 1 zone
          yes holiday: no public holiday in 1 zone
          yes number_busy: no other call to the number
          yes frequency_cap: 0 of 3 attempts in 24 h
          yes minimum_gap: no attempt so shortly before
    "#]]
    .assert_eq(&told_of(Single {
        kind: Some(CallKind::Information),
        consent: Some(&consent),
    }));
    // Of one that nobody says anything of the worst is taken.
    expect![[r#"
        denied by consent
          America/New_York 2026-06-07T08:30:00-04:00
          yes not_callable: a number with a place
          yes suppressed: not on the suppression list
          NO consent: written consent is needed, there is none
    "#]]
    .assert_eq(&told_of(Single::default()));
}

/// The rule that says no to a call to the second of a person's numbers, from what is known of it and of the first.
fn on_another_number(body: &str, numbers: &[&str], known: &str, elsewhere: &str) -> String {
    let now: Timestamp = NOON_IN_NEW_YORK.parse().unwrap();
    let campaign = testing::campaign(testing::fields(body));
    let mut lead = testing::lead_with(&campaign, numbers);
    lead.rotation = lead.rotation.turned_to(1);
    let known = testing::contact(known, now);
    let elsewhere = testing::contact(elsewhere, now);
    let permit = permit(
        &Asking {
            number: lead.number_in_turn(),
            lane: lead.lane_in_turn(),
            contact: Some(&known),
            others: &[&elsewhere],
            campaign: Some(&campaign),
            single: Single::default(),
            lead: Some(&lead),
            call_id: None,
        },
        now,
    );
    let because = permit.checks.last().unwrap().because.clone();
    let told = permit.denied_by.map_or("yes", Rule::code);
    format!("{told}: {because}")
}

#[test]
fn a_person_is_called_on_all_their_numbers_together_no_more_than_on_one() {
    let body = r#""alternate_numbers":{"after":["no_answer"]},"caps":{"attempts_per_day":3,"conversations_per_day":1}"#;
    let check = |known: &str, elsewhere: &str| {
        on_another_number(body, &["+12125550100", "+12125550101"], known, elsewhere)
    };
    assert_eq!(check("", ""), "yes: 0 of 3 attempts of the campaign");
    assert_eq!(
        check("no_answer 5h", "busy 9h, no_answer 20h"),
        "frequency_cap: 3 of 3 attempts in 24 h"
    );
    assert_eq!(
        check("", "agent_ended! 5h"),
        "frequency_cap: 1 of 1 conversations in 24 h"
    );
    assert_eq!(
        check("", "live 5m"),
        "number_busy: another call to the number is on its way"
    );
    // The gap is the number's own: the next number is called at once.
    assert_eq!(
        check("", "no_answer 1m"),
        "yes: 0 of 3 attempts of the campaign"
    );
    assert!(check("no_answer 1m", "").starts_with("minimum_gap"));
}

#[test]
fn the_strictest_place_of_a_persons_numbers_decides_how_often() {
    // Three attempts a day in Florida, by law; the second number is in New York.
    let body = r#""alternate_numbers":{"after":["no_answer"]},"caps":{"attempts_per_day":9}"#;
    let past = ("no_answer 5h", "no_answer 9h, no_answer 20h");
    let with_florida = on_another_number(body, &["+13055550100", "+12125550101"], past.0, past.1);
    assert_eq!(with_florida, "frequency_cap: 3 of 3 attempts in 24 h");
    let without = on_another_number(body, &["+12125550100", "+12125550101"], past.0, past.1);
    assert_eq!(without, "yes: 0 of 3 attempts of the campaign");
}

#[test]
fn who_asked_not_to_be_called_on_one_number_is_called_on_none() {
    let body = r#""alternate_numbers":{"after":["no_answer","suppressed"]}"#;
    let numbers = ["+12125550100", "+12125550101"];
    let spoken = on_another_number(body, &numbers, "", "suppressed");
    assert!(spoken.starts_with("suppressed"), "{spoken}");
    // A number that a user put there says nothing of the others.
    let now: Timestamp = NOON_IN_NEW_YORK.parse().unwrap();
    let mut listed = testing::contact("suppressed", now);
    for reason in [SuppressionReason::Manual, SuppressionReason::Upload] {
        listed.suppression.as_mut().unwrap().reason = reason;
        assert!(!asked_elsewhere(&[&listed]));
    }
}

#[test]
fn a_campaign_that_calls_no_other_numbers_calls_none() {
    let numbers = ["+12125550100", "+12125550101"];
    assert_eq!(
        on_another_number("", &numbers, "", ""),
        "alternate_numbers: the campaign calls no other numbers of leads"
    );
}

#[test]
fn no_reason_tells_the_number() {
    let now: Timestamp = NOON_IN_NEW_YORK.parse().unwrap();
    let campaign = testing::campaign(testing::fields(""));
    for number in [
        "+12125550100",
        "+19005550100",
        "+12005550100",
        "+442079460000",
    ] {
        let lead = testing::lead(&campaign, number);
        for contact in ["", "suppressed", "busy 1m", "live 1m"] {
            let contact = testing::contact(contact, now);
            let asking = Asking {
                number: &lead.number,
                lane: &lead.lane,
                contact: Some(&contact),
                others: &[],
                campaign: Some(&campaign),
                single: Single::default(),
                lead: Some(&lead),
                call_id: None,
            };
            let told = serde_json::to_string(&permit(&asking, now)).unwrap();
            assert!(!told.contains(number.trim_start_matches('+')));
        }
    }
}
