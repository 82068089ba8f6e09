//! Situations: zones, places, a campaign's rules and an instant; whether the lane is open, why not, and
//! when that changes.

use expect_test::{Expect, expect};
use jiff::civil::Weekday;

use super::*;
use crate::packs::calendar::civil;

/// `zones / places / body of the campaign`, then instants; the answer line by line.
fn check(lane: &str, body: &str, instants: &[&str], expected: &Expect) {
    let (zones, places) = lane.split_once(" / ").unwrap();
    let names = |text: &str| {
        text.split(' ')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let lane = Lane::new(names(zones), names(places));
    let body = format!(r#"{{"name":"Spring"{body}}}"#);
    let fields: CampaignFields = serde_json::from_str(&body).unwrap();
    let mut told = String::new();
    for instant in instants {
        let now: Timestamp = instant.parse().unwrap();
        // With and without a memory.
        let opening = Schedule::new(Some(&fields), &lane).at(now);
        let mut schedule = Schedule::new(Some(&fields), &lane);
        schedule.at(now - jiff::SignedDuration::from_hours(1));
        assert_eq!(schedule.at(now), opening);
        let shown = match opening {
            Opening::Open { closes_at } => format!("open, closes {}", local(&lane, closes_at)),
            Opening::Closed { rule, opens_at } => {
                format!("{}, opens {}", rule.code(), local(&lane, opens_at))
            }
        };
        told += &format!("{instant}: {shown}\n");
    }
    expected.assert_eq(&told);
}

/// In the first zone, with its offset.
fn local(lane: &Lane, at: Option<Timestamp>) -> String {
    let Some(at) = at else {
        return "never".to_owned();
    };
    let Some(zone) = lane.zones.first().and_then(|zone| time_zone(zone)) else {
        return at.to_string();
    };
    at.to_zoned(zone).strftime("%a %F %T %:z").to_string()
}

#[test]
fn a_window_is_local_to_the_callee() {
    check(
        "America/New_York / US-NY",
        r#","windows":{"mon":[["10:00","19:00"]]}"#,
        &[
            "2026-03-02T14:59:59Z",
            "2026-03-02T15:00:00Z",
            "2026-03-02T23:59:59.999Z",
            "2026-03-03T00:00:00Z",
            "2026-03-04T12:00:00Z",
        ],
        &expect![[r#"
            2026-03-02T14:59:59Z: campaign_window, opens Mon 2026-03-02 10:00:00 -05:00
            2026-03-02T15:00:00Z: open, closes Mon 2026-03-02 19:00:00 -05:00
            2026-03-02T23:59:59.999Z: open, closes Mon 2026-03-02 19:00:00 -05:00
            2026-03-03T00:00:00Z: campaign_window, opens Mon 2026-03-09 10:00:00 -04:00
            2026-03-04T12:00:00Z: campaign_window, opens Mon 2026-03-09 10:00:00 -04:00
        "#]],
    );
}

#[test]
fn every_zone_has_to_allow_it() {
    check(
        "America/New_York America/Los_Angeles / US-CA",
        "",
        &[
            "2026-06-03T15:59:59Z",
            "2026-06-03T16:00:00Z",
            "2026-06-04T00:00:00Z",
        ],
        &expect![[r#"
            2026-06-03T15:59:59Z: campaign_window, opens Wed 2026-06-03 09:00:00 -07:00
            2026-06-03T16:00:00Z: open, closes Wed 2026-06-03 17:00:00 -07:00
            2026-06-04T00:00:00Z: campaign_window, opens Thu 2026-06-04 09:00:00 -07:00
        "#]],
    );
}

#[test]
fn zones_too_far_apart_are_never_open_together() {
    check(
        "America/Los_Angeles Asia/Kolkata / JP",
        r#","windows":{"mon":[["09:00","19:00"]],"tue":[["09:00","19:00"]]}"#,
        &["2026-06-03T16:00:00Z"],
        &expect![[r#"
            2026-06-03T16:00:00Z: campaign_window, opens never
        "#]],
    );
    check(
        " / US",
        "",
        &["2026-06-03T16:00:00Z"],
        &expect![[r#"
        2026-06-03T16:00:00Z: zone_unknown, opens never
    "#]],
    );
    check(
        "Mars/Olympus / US",
        "",
        &["2026-06-03T16:00:00Z"],
        &expect![[r#"
        2026-06-03T16:00:00Z: zone_unknown, opens never
    "#]],
    );
}

#[test]
fn the_law_of_every_place_holds_besides_the_campaign() {
    let all_day = r#","windows":{"mon":[["00:00","24:00"]],"sun":[["00:00","24:00"]]}"#;
    for (lane, expected) in [
        (
            "America/New_York / US-NY",
            &expect![[r#"
            2026-06-07T05:00:00Z: legal_hours, opens Sun 2026-06-07 08:00:00 -04:00
            2026-06-07T18:00:00Z: open, closes Sun 2026-06-07 21:00:00 -04:00
            2026-06-08T15:00:00Z: open, closes Mon 2026-06-08 21:00:00 -04:00
        "#]],
        ),
        (
            "America/Chicago / US-TX",
            &expect![[r#"
            2026-06-07T05:00:00Z: legal_hours, opens Sun 2026-06-07 12:00:00 -05:00
            2026-06-07T18:00:00Z: open, closes Sun 2026-06-07 21:00:00 -05:00
            2026-06-08T15:00:00Z: open, closes Mon 2026-06-08 21:00:00 -05:00
        "#]],
        ),
        (
            "America/Chicago / US-AL",
            &expect![[r#"
            2026-06-07T05:00:00Z: legal_hours, opens Mon 2026-06-08 08:00:00 -05:00
            2026-06-07T18:00:00Z: legal_hours, opens Mon 2026-06-08 08:00:00 -05:00
            2026-06-08T15:00:00Z: open, closes Mon 2026-06-08 20:00:00 -05:00
        "#]],
        ),
        (
            "America/New_York / US-RI",
            &expect![[r#"
            2026-06-07T05:00:00Z: legal_hours, opens Mon 2026-06-08 09:00:00 -04:00
            2026-06-07T18:00:00Z: legal_hours, opens Mon 2026-06-08 09:00:00 -04:00
            2026-06-08T15:00:00Z: open, closes Mon 2026-06-08 18:00:00 -04:00
        "#]],
        ),
        (
            "America/New_York / US",
            &expect![[r#"
                2026-06-07T05:00:00Z: legal_hours, opens Mon 2026-06-08 10:00:00 -04:00
                2026-06-07T18:00:00Z: legal_hours, opens Mon 2026-06-08 10:00:00 -04:00
                2026-06-08T15:00:00Z: open, closes Mon 2026-06-08 17:00:00 -04:00
            "#]],
        ),
        (
            "Europe/London / GB",
            &expect![[r#"
            2026-06-07T05:00:00Z: legal_hours, opens Sun 2026-06-07 10:00:00 +01:00
            2026-06-07T18:00:00Z: open, closes Sun 2026-06-07 20:00:00 +01:00
            2026-06-08T15:00:00Z: open, closes Mon 2026-06-08 21:00:00 +01:00
        "#]],
        ),
        (
            "Asia/Kolkata / IN",
            &expect![[r#"
            2026-06-07T05:00:00Z: open, closes Sun 2026-06-07 21:00:00 +05:30
            2026-06-07T18:00:00Z: legal_hours, opens Mon 2026-06-08 10:00:00 +05:30
            2026-06-08T15:00:00Z: open, closes Mon 2026-06-08 21:00:00 +05:30
        "#]],
        ),
        (
            "Europe/Paris / FR",
            &expect![[r#"
                2026-06-07T05:00:00Z: legal_hours, opens Mon 2026-06-08 10:00:00 +02:00
                2026-06-07T18:00:00Z: legal_hours, opens Mon 2026-06-08 10:00:00 +02:00
                2026-06-08T15:00:00Z: open, closes Mon 2026-06-08 20:00:00 +02:00
            "#]],
        ),
    ] {
        check(
            lane,
            all_day,
            &[
                "2026-06-07T05:00:00Z",
                "2026-06-07T18:00:00Z",
                "2026-06-08T15:00:00Z",
            ],
            expected,
        );
    }
}

#[test]
fn an_hour_that_summer_time_skips_opens_the_window_late_and_never_early() {
    // In New York 02:00 to 03:00 does not exist on 8 March 2026, and 01:00 to 02:00 comes twice on
    // 1 November. The place has no legal hours here so that the night can be seen.
    let lane = "America/New_York / ";
    check(
        lane,
        r#","windows":{"sun":[["02:30","04:00"]]}"#,
        &[
            "2026-03-08T06:59:59Z",
            "2026-03-08T07:00:00Z",
            "2026-03-08T08:00:00Z",
        ],
        &expect![[r#"
            2026-03-08T06:59:59Z: campaign_window, opens Sun 2026-03-08 03:00:00 -04:00
            2026-03-08T07:00:00Z: open, closes Sun 2026-03-08 04:00:00 -04:00
            2026-03-08T08:00:00Z: campaign_window, opens Sun 2026-03-15 02:30:00 -04:00
        "#]],
    );
    check(
        lane,
        r#","windows":{"sun":[["02:10","02:50"]]}"#,
        &["2026-03-08T06:00:00Z"],
        &expect![[r#"
            2026-03-08T06:00:00Z: campaign_window, opens Sun 2026-03-15 02:10:00 -04:00
        "#]],
    );
    check(
        lane,
        r#","windows":{"sun":[["01:15","01:45"]]}"#,
        &[
            "2026-11-01T05:00:00Z",
            "2026-11-01T05:30:00Z",
            "2026-11-01T05:50:00Z",
            "2026-11-01T06:44:59Z",
        ],
        &expect![[r#"
            2026-11-01T05:00:00Z: campaign_window, opens Sun 2026-11-01 01:15:00 -04:00
            2026-11-01T05:30:00Z: open, closes Sun 2026-11-01 01:45:00 -04:00
            2026-11-01T05:50:00Z: campaign_window, opens Sun 2026-11-01 01:15:00 -05:00
            2026-11-01T06:44:59Z: open, closes Sun 2026-11-01 01:45:00 -05:00
        "#]],
    );
}

#[test]
fn spans_of_a_day_and_the_end_of_it() {
    check(
        "Europe/Berlin / ",
        r#","windows":{"mon":[["14:00","24:00"],["09:00","12:00"]],"tue":[["00:00","01:00"]]}"#,
        &[
            "2026-06-01T06:00:00Z",
            "2026-06-01T08:00:00Z",
            "2026-06-01T11:00:00Z",
            "2026-06-01T12:30:00Z",
            "2026-06-01T23:30:00Z",
        ],
        &expect![[r#"
            2026-06-01T06:00:00Z: campaign_window, opens Mon 2026-06-01 09:00:00 +02:00
            2026-06-01T08:00:00Z: open, closes Mon 2026-06-01 12:00:00 +02:00
            2026-06-01T11:00:00Z: campaign_window, opens Mon 2026-06-01 14:00:00 +02:00
            2026-06-01T12:30:00Z: open, closes Tue 2026-06-02 01:00:00 +02:00
            2026-06-01T23:30:00Z: campaign_window, opens Mon 2026-06-08 09:00:00 +02:00
        "#]],
    );
    check(
        "Europe/Berlin / ",
        r#","windows":{"mon":[["00:00","24:00"]],"tue":[["00:00","24:00"]],"wed":[["00:00","24:00"]],
            "thu":[["00:00","24:00"]],"fri":[["00:00","24:00"]],"sat":[["00:00","24:00"]],
            "sun":[["00:00","24:00"]]}"#,
        &["2026-06-01T06:00:00Z"],
        &expect![[r#"
            2026-06-01T06:00:00Z: open, closes never
        "#]],
    );
}

#[test]
fn holidays_and_blocked_days_are_the_callees_own_dates() {
    // 3 July 2026 is the observed day of the Fourth, a Saturday.
    check(
        "America/Los_Angeles / US-CA",
        r#","blocked_days":["2026-07-06"]"#,
        &[
            "2026-07-03T02:00:00Z",
            "2026-07-03T18:00:00Z",
            "2026-07-04T18:00:00Z",
            "2026-07-06T18:00:00Z",
        ],
        &expect![[r#"
            2026-07-03T02:00:00Z: open, closes Thu 2026-07-02 20:00:00 -07:00
            2026-07-03T18:00:00Z: holiday, opens Sun 2026-07-05 12:00:00 -07:00
            2026-07-04T18:00:00Z: holiday, opens Sun 2026-07-05 12:00:00 -07:00
            2026-07-06T18:00:00Z: blocked_day, opens Tue 2026-07-07 09:00:00 -07:00
        "#]],
    );
    check(
        "America/Los_Angeles / US-CA",
        r#","call_on_holidays":true"#,
        &["2026-07-03T18:00:00Z"],
        &expect![[r#"
            2026-07-03T18:00:00Z: open, closes Fri 2026-07-03 20:00:00 -07:00
        "#]],
    );
    check(
        "America/Chicago / US-AL",
        r#","call_on_holidays":true"#,
        &["2026-07-03T18:00:00Z"],
        &expect![[r#"
            2026-07-03T18:00:00Z: holiday, opens Mon 2026-07-06 09:00:00 -05:00
        "#]],
    );
}

#[test]
fn holidays_are_those_of_the_published_lists() {
    let list = |place: &str, year: i64| {
        let calendar = Calendar::of(place).unwrap();
        let days = day_of(year, 1, 1)..day_of(year + 1, 1, 1);
        let days = days.filter(|day| calendar.is_holiday(*day)).map(civil);
        days.map(|date| format!("{}-{}", date.month, date.day))
            .collect::<Vec<_>>()
            .join(" ")
    };
    for (place, year, days) in [
        // Office of Personnel Management, holidays with their observed days.
        (
            "US",
            2026,
            "1-1 1-19 2-16 5-25 6-19 7-3 7-4 9-7 10-12 11-11 11-26 12-25",
        ),
        (
            "US",
            2027,
            "1-1 1-18 2-15 5-31 6-18 6-19 7-4 7-5 9-6 10-11 11-11 11-25 12-24 12-25 12-31",
        ),
        (
            "US",
            2028,
            "1-1 1-17 2-21 5-29 6-19 7-4 9-4 10-9 11-10 11-11 11-23 12-25",
        ),
        // gov.uk, England and Wales.
        ("GB", 2026, "1-1 4-3 4-6 5-4 5-25 8-31 12-25 12-26 12-28"),
        (
            "GB",
            2027,
            "1-1 3-26 3-29 5-3 5-31 8-30 12-25 12-26 12-27 12-28",
        ),
        // service-public.fr.
        (
            "FR",
            2026,
            "1-1 4-6 5-1 5-8 5-14 5-25 7-14 8-15 11-1 11-11 12-25",
        ),
    ] {
        assert_eq!(list(place, year), days, "{place} {year}");
    }
}

#[test]
fn days_are_those_of_the_calendar() {
    let mut date = jiff::civil::date(1970, 1, 1);
    for day in 0..60_000 {
        let ours = civil(day);
        let theirs = (
            i64::from(date.year()),
            i64::from(date.month()),
            i64::from(date.day()),
        );
        assert_eq!((ours.year, ours.month, ours.day), theirs);
        assert_eq!(ours.weekday == 0, date.weekday() == Weekday::Monday);
        assert_eq!(day_of(ours.year, ours.month, ours.day), day);
        date = date.tomorrow().unwrap();
    }
}
