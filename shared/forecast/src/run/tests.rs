//! Whole runs, judged by their dials: what must never happen is looked for by naive code that shares
//! nothing with the planner.

use std::collections::BTreeMap;
use std::time::Duration;

use dialer::Place;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use model::{CampaignFields, ConsentElsewhere, ConsentKind, Delay, Lane, LeadPriority};

use super::*;
use crate::{Basis, EntrantAlternate, Limits, OutcomeModel, Prices};

/// Area codes from Guam to Puerto Rico; some with two zones, some without summer time.
const AREAS: &[u16] = &[
    212, 312, 303, 415, 602, 808, 907, 208, 605, 850, 787, 671, 202, 305, 713, 206, 317, 702,
];

/// A row of `dials.csv`, kept.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    number: String,
    attempt: u32,
    at: Timestamp,
    ended: Timestamp,
    zones: Vec<String>,
    outcome: Outcome,
}

struct Run {
    rows: Vec<Row>,
    text: String,
    forecast: Forecast,
}

fn numbers(count: u32) -> impl Iterator<Item = PhoneNumber> {
    let areas = (0..count).zip(AREAS.iter().cycle());
    areas.map(|(one, area)| format!("+1{area}{:07}", 2_550_000 + one).parse().unwrap())
}

fn setup(fields: CampaignFields) -> Setup {
    Setup {
        campaign_id: Setup::nobodys_campaign(),
        campaign: fields,
        last_started_at: None,
        from: "2026-03-01T00:00:00Z".parse().unwrap(),
        days: 14,
        seed: 7,
        model: OutcomeModel::default(),
        basis: Basis::Assumptions,
        prices: Prices::default(),
        limits: Limits {
            carrier_calls_max: 100,
            tenant_calls_max: 100,
            call_interval: Duration::from_secs(1),
        },
        numbers: Vec::new(),
        sample: None,
    }
}

fn fields(json: &str) -> CampaignFields {
    informing(serde_json::from_str(json).unwrap())
}

/// Unless the campaign says what it is for, it informs people whose consent is kept elsewhere.
fn informing(fields: CampaignFields) -> CampaignFields {
    if fields.kind.is_some() {
        return fields;
    }
    CampaignFields {
        kind: Some(model::CallKind::Information),
        consent_elsewhere: Some(ConsentElsewhere {
            kind: ConsentKind::Express,
            reason: "signed forms".to_owned(),
            by: None,
        }),
        ..fields
    }
}

fn entrant(number: PhoneNumber) -> Entrant {
    let lane = Place::of(&number).lane(&model::StatedPlace::default(), None);
    Entrant::new(number, lane)
}

fn run(setup: Setup, entrants: impl IntoIterator<Item = Entrant>) -> Run {
    let mut simulation = Simulation::new(setup).unwrap();
    for entrant in entrants {
        simulation.add(entrant);
    }
    let mut rows = Vec::new();
    let mut text = String::new();
    while let Some(dial) = simulation.next_dial() {
        text.push_str(&format!("{dial}\n"));
        rows.push(Row {
            number: dial.number.as_str().to_owned(),
            attempt: dial.attempt,
            at: dial.at,
            ended: dial.ended,
            zones: dial.zones.to_vec(),
            outcome: dial.outcome,
        });
    }
    let forecast = simulation.forecast();
    adds_up(&forecast);
    Run {
        rows,
        text,
        forecast,
    }
}

/// Every lead is counted once, and every call.
fn adds_up(forecast: &Forecast) {
    let leads = &forecast.leads;
    let sum = |counts: &BTreeMap<LeadResult, u64>| counts.values().sum::<u64>();
    let refused: u64 = leads.refused.values().sum();
    assert_eq!(
        leads.total,
        refused + sum(&leads.done) + leads.waiting,
        "{leads:?}"
    );
    assert_eq!(leads.waiting, leads.waiting_because.values().sum::<u64>());
    let skipped: u64 = forecast.skipped.values().sum();
    assert_eq!(leads.total, leads.called + skipped, "{forecast:#?}");
    let calls = &forecast.calls;
    assert_eq!(calls.total, calls.by_outcome.values().sum::<u64>());
    assert_eq!(calls.total, calls.by_attempt.iter().sum::<u64>());
    assert_eq!(
        calls.total,
        forecast.hours.iter().map(|hour| hour.dials).sum::<u64>()
    );
}

/// Inside `windows` (given as from and to hours by weekday, Monday first) in every zone.
fn inside_everywhere(row: &Row, windows: [(i8, i8); 7]) -> bool {
    let zones = row.zones.iter().map(|zone| TimeZone::get(zone).unwrap());
    let mut local = zones.map(|zone| row.at.to_zoned(zone));
    !row.zones.is_empty()
        && local.all(|local| {
            let day = usize::try_from(local.weekday().to_monday_zero_offset()).unwrap();
            let (from, to) = windows[day];
            let time = |hour| Time::new(hour, 0, 0, 0).unwrap();
            time(from) <= local.time() && (to == 24 || local.time() < time(to))
        })
}

#[test]
fn nobody_is_called_outside_the_windows_through_the_change_of_summer_time() {
    // The day of the change, 2026-03-08, is a Sunday; Arizona, Hawaii, Guam and Puerto Rico do not change.
    let run = run(
        setup(fields(r#"{"name":"Spring","max_concurrent_calls":20}"#)),
        numbers(3_000).map(entrant),
    );
    let long = (9, 20);
    let windows = [long, long, long, long, long, long, (12, 20)];
    assert!(run.rows.len() > 4_000, "{}", run.rows.len());
    for row in &run.rows {
        assert!(inside_everywhere(row, windows), "{row:?}");
    }
    let sunday = |row: &&Row| {
        let zone = TimeZone::get(&row.zones[0]).unwrap();
        row.at.to_zoned(zone).weekday() == Weekday::Sunday
    };
    assert!(run.rows.iter().filter(sunday).count() > 100);
}

#[test]
fn a_window_across_the_hour_that_is_skipped_and_the_one_that_is_repeated_holds() {
    for from in ["2026-03-07T00:00:00Z", "2026-10-31T00:00:00Z"] {
        let mut setup = setup(fields(
            r#"{"name":"All day","windows":{"sat":[["08:00","24:00"]],"sun":[["00:00","21:00"]]}}"#,
        ));
        setup.from = from.parse().unwrap();
        setup.days = 3;
        let run = run(setup, numbers(2_000).map(entrant));
        let never = (24, 0);
        let legal = [never, never, never, never, never, (8, 21), (8, 21)];
        assert!(!run.rows.is_empty());
        for row in &run.rows {
            assert!(inside_everywhere(row, legal), "{row:?}");
        }
    }
}

#[test]
fn lines_and_pace_are_never_exceeded_and_are_used() {
    for (lines, carrier, tenant, interval_ms) in [
        (7, 100, 100, 1_000),
        (50, 12, 100, 250),
        (50, 50, 3, 1_000),
        (90, 100, 100, 3_000),
    ] {
        let mut setup = setup(fields(&format!(
            r#"{{"name":"Spring","max_concurrent_calls":{lines}}}"#
        )));
        setup.days = 4;
        setup.limits = Limits {
            carrier_calls_max: carrier,
            tenant_calls_max: tenant,
            call_interval: Duration::from_millis(interval_ms),
        };
        let run = run(setup, numbers(20_000).map(entrant));
        let limit = usize::try_from(lines.min(carrier).min(tenant)).unwrap();
        let mut changes: Vec<(Timestamp, i32)> = run
            .rows
            .iter()
            .flat_map(|row| [(row.at, 1), (row.ended, -1)])
            .collect();
        // Of a beginning and an end at once, the beginning first: the stricter reading.
        changes.sort_by_key(|(at, change)| (*at, -change));
        let (mut live, mut peak) = (0, 0);
        for (_at, change) in changes {
            live += change;
            peak = peak.max(live);
        }
        let peak = usize::try_from(peak).unwrap();
        assert!(peak <= limit, "{peak} of {limit}");
        let paced = limit > 40 && interval_ms == 3_000;
        assert!(peak == limit || paced, "{peak} of {limit}");
        assert_eq!(run.forecast.concurrency.peak, u64::try_from(peak).unwrap());
        let interval = SignedDuration::from_millis(i64::try_from(interval_ms).unwrap());
        for pair in run.rows.windows(2) {
            assert!(
                pair[0].at.duration_until(pair[1].at) >= interval,
                "{pair:?}"
            );
        }
        if paced {
            // The carrier is never idle while people wait: the busiest hour is full.
            assert!(
                run.forecast.calls_per_hour.peak >= 1_190,
                "{:?}",
                run.forecast.calls_per_hour
            );
        }
    }
}

#[test]
fn attempts_keep_their_distance_and_their_number() {
    let run = run(
        setup(fields(
            r#"{"name":"Spring","max_concurrent_calls":50,"max_attempts":4,
                "retry":{"no_answer_seconds":10800,"busy_seconds":9000,"failed_seconds":2700,"voicemail_seconds":93600}}"#,
        )),
        numbers(2_000).map(entrant),
    );
    let mut people: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in &run.rows {
        people.entry(&row.number).or_default().push(row);
    }
    let mut again = 0;
    for rows in people.values() {
        assert!(rows.len() <= 4);
        for (place, row) in rows.iter().enumerate() {
            assert_eq!(usize::try_from(row.attempt).unwrap(), place + 1);
        }
        for pair in rows.windows(2) {
            let delays = [
                (Outcome::NoAnswer, 180),
                (Outcome::Busy, 150),
                (Outcome::CarrierFailed, 45),
                (Outcome::Voicemail, 26 * 60),
                (Outcome::Screened, 26 * 60),
            ];
            let delay = delays
                .iter()
                .find(|(outcome, _)| *outcome == pair[0].outcome);
            let (_, minutes) = delay.expect("called again after an outcome that ends a lead");
            let waited = pair[0].ended.duration_until(pair[1].at);
            assert!(waited >= SignedDuration::from_mins(*minutes), "{pair:?}");
            again += 1;
        }
        for day in rows.windows(4) {
            let span = day[0].at.duration_until(day[3].at);
            assert!(span >= SignedDuration::from_hours(24), "{day:?}");
        }
    }
    assert!(again > 1_000);
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_other_ones() {
    let once = |seed| {
        let mut setup = setup(fields(r#"{"name":"Spring","max_concurrent_calls":10}"#));
        setup.seed = seed;
        setup.days = 3;
        let run = run(setup, numbers(800).map(entrant));
        (run.text, serde_json::to_string(&run.forecast).unwrap())
    };
    assert_eq!(once(7), once(7));
    assert_ne!(once(7).0, once(8).0);
}

#[test]
fn one_more_line_does_not_make_other_people_of_all() {
    let first_outcomes = |lines: u32| {
        let json = format!(r#"{{"name":"Spring","max_concurrent_calls":{lines}}}"#);
        let run = run(setup(fields(&json)), numbers(500).map(entrant));
        let first = run.rows.into_iter().filter(|row| row.attempt == 1);
        first
            .map(|row| (row.number, row.outcome))
            .collect::<BTreeMap<_, _>>()
    };
    assert_eq!(first_outcomes(5), first_outcomes(6));
}

#[test]
fn a_short_list_is_finished_and_every_lead_has_its_result() {
    let mut simulation = Simulation::new(setup(fields(
        r#"{"name":"Spring","max_concurrent_calls":50}"#,
    )))
    .unwrap();
    for number in numbers(1_000) {
        simulation.add(entrant(number));
    }
    simulation.refuse("number_unreadable");
    simulation.refuse("duplicate_in_file");
    simulation.refuse("duplicate_in_file");
    let forecast = simulation.forecast();
    adds_up(&forecast);
    assert_eq!(forecast.leads.total, 1_003);
    assert_eq!(forecast.skipped["duplicate_in_file"], 2);
    assert_eq!(forecast.leads.waiting, 0);
    let finish = forecast.finish;
    assert!(finish.half_at < finish.nine_tenths_at);
    assert!(finish.nine_tenths_at < finish.expected_at);
    assert!(finish.expected_at.unwrap() < forecast.until);
    assert_eq!(forecast.hours.last().unwrap().done, 1_000);
    assert!(forecast.cost.low_micros > 0 && forecast.cost.low_micros < forecast.cost.high_micros);
}

#[test]
fn other_numbers_are_called_in_their_own_hours_and_nobody_more_often_for_having_them() {
    let fields = fields(
        r#"{"name":"Spring","max_concurrent_calls":20,"max_attempts":9,
            "windows":{"mon":[["09:00","20:00"]],"tue":[["09:00","20:00"]],"wed":[["09:00","20:00"]]},
            "alternate_numbers":{"after":["no_answer","busy","voicemail","unreachable"],"wait_seconds":60}}"#,
    );
    // Three numbers each, in three areas one after the other.
    let all: Vec<PhoneNumber> = numbers(1_500).collect();
    let people: Vec<&[PhoneNumber]> = all.chunks(3).collect();
    let entrants = people.iter().map(|numbers| {
        let mut entrant = entrant(numbers[0].clone());
        let others = numbers[1..].iter().map(|number| EntrantAlternate {
            number: number.clone(),
            lane: Place::of(number).lane(&model::StatedPlace::default(), None),
            contact: None,
        });
        entrant.alternates = others.collect();
        entrant
    });
    let run = run(setup(fields), entrants);
    let mut by_person: BTreeMap<usize, Vec<&Row>> = BTreeMap::new();
    let mut others = 0;
    for row in &run.rows {
        let place = all.iter().position(|one| one.as_str() == row.number);
        let place = place.unwrap();
        others += u32::from(place % 3 > 0);
        by_person.entry(place / 3).or_default().push(row);
        let lane = Place::of(&all[place]).lane(&model::StatedPlace::default(), None);
        assert_eq!(row.zones, lane.zones, "another number's zones");
        let week = [(9, 20), (9, 20), (9, 20), (0, 0), (0, 0), (0, 0), (0, 0)];
        assert!(inside_everywhere(row, week), "{row:?}");
    }
    assert!(others > 200, "{others} calls to other numbers");
    for rows in by_person.values() {
        for pair in rows.windows(2) {
            assert!(pair[1].at >= pair[0].ended, "two at once: {pair:?}");
        }
        // At a number that nobody has no phone rings.
        let rang = rows
            .iter()
            .filter(|row| row.outcome != Outcome::NumberUnreachable);
        let rang: Vec<_> = rang.collect();
        for some in rang.windows(4) {
            let day = SignedDuration::from_hours(24);
            assert!(some[3].at.duration_since(some[0].at) >= day, "{some:?}");
        }
    }
}

#[test]
fn whoever_is_not_called_has_a_reason() {
    let fields = fields(
        r#"{"name":"Spring","kind":"information","consent":"written","max_concurrent_calls":1,"call_on_holidays":true,
            "windows":{"mon":[["09:00","12:00"]]}}"#,
    );
    let mut setup = setup(fields);
    setup.days = 3;
    let consent = |kind| model::Consent {
        kind,
        at: None,
        source: None,
    };
    let entrants = numbers(2_000).enumerate().map(|(place, number)| {
        let mut entrant = entrant(number);
        entrant.consent = Some(consent(ConsentKind::Written));
        match place % 10 {
            0 => entrant.consent = None,
            1 => entrant.consent = Some(consent(ConsentKind::Express)),
            2 => entrant.lane = Lane::new(Vec::new(), vec!["US".to_owned()]),
            // At no hour is it between nine and twelve in both.
            3 => {
                let zones = ["America/New_York", "Pacific/Honolulu"].map(str::to_owned);
                entrant.lane = Lane::new(zones.to_vec(), vec!["US".to_owned()]);
            }
            4 => entrant.priority = LeadPriority::High,
            _ => {}
        }
        entrant
    });
    let run = run(setup, entrants);
    let skipped = &run.forecast.skipped;
    assert_eq!(skipped["zone_unknown"], 200);
    assert_eq!(skipped["campaign_window"], 200);
    assert!(skipped["consent"] > 0, "{skipped:?}");
    assert!(skipped["campaign_concurrency"] > 0, "{skipped:?}");
    assert_eq!(run.forecast.finish.expected_at, None);
}

#[test]
fn a_campaign_that_ends_leaves_nobody_waiting() {
    let fields = fields(
        r#"{"name":"Spring","starts_at":"2026-03-03T15:00:00Z","ends_at":"2026-03-03T18:00:00Z"}"#,
    );
    let (starts, ends) = (fields.starts_at.unwrap(), fields.ends_at.unwrap());
    let run = run(setup(fields), numbers(3_000).map(entrant));
    assert!(!run.rows.is_empty());
    for row in &run.rows {
        assert!(starts <= row.at && row.at < ends, "{row:?}");
    }
    assert_eq!(run.forecast.leads.waiting, 0);
    assert!(run.forecast.leads.done[&LeadResult::NotAllowed] > 1_000);
}

#[test]
fn numbers_of_ours_are_not_worn_out() {
    let fields = fields(
        r#"{"name":"Spring","max_concurrent_calls":50,"calls_per_number_per_day":30,
            "numbers":["+12125550100","+14155550100"]}"#,
    );
    let run = run(setup(fields), numbers(2_000).map(entrant));
    let mut days: BTreeMap<_, u32> = BTreeMap::new();
    for row in &run.rows {
        *days
            .entry(row.at.to_zoned(TimeZone::UTC).date())
            .or_default() += 1;
    }
    assert!(days.values().all(|calls| *calls <= 60), "{days:?}");
    assert!(days.values().any(|calls| *calls == 60), "{days:?}");
    assert_eq!(run.forecast.our_numbers.given, Some(2));
    assert!(
        run.forecast.skipped["our_number"] > 0,
        "{:?}",
        run.forecast.skipped
    );
}

#[test]
fn a_carrier_that_fails_trips_the_breaker_and_is_probed() {
    let mut setup = setup(fields(
        r#"{"name":"Spring","max_concurrent_calls":20,
            "breaker":{"failures_percent":50,"calls":20,"pause_seconds":600}}"#,
    ));
    setup.model = serde_json::from_str(r#"{"attempts":{"failed":1},"unreachable":0}"#).unwrap();
    setup.days = 2;
    let run = run(setup, numbers(5_000).map(entrant));
    // Without the breaker a full pace would ask for 3,600 calls in every open hour.
    assert!(
        run.forecast.calls_per_hour.peak < 100,
        "{:?}",
        run.forecast.calls_per_hour
    );
    assert!(
        run.forecast.skipped["circuit_breaker"] > 0,
        "{:?}",
        run.forecast.skipped
    );
}

#[test]
fn the_ramp_is_climbed() {
    let mut setup = setup(fields(
        r#"{"name":"Spring","max_concurrent_calls":40,"ramp":{"from":2,"over_seconds":14400},
            "starts_at":"2026-03-02T17:00:00Z"}"#,
    ));
    setup.limits.call_interval = Duration::from_millis(100);
    let run = run(setup, numbers(20_000).map(entrant));
    let most: Vec<u64> = run
        .forecast
        .hours
        .iter()
        .map(|hour| hour.concurrency)
        .collect();
    let start = most.iter().position(|calls| *calls > 0).unwrap();
    assert_eq!(most[start..start + 5], [11, 20, 30, 39, 40]);
}

#[test]
fn whoever_asks_not_to_be_called_is_never_called_again() {
    let mut setup = setup(fields(r#"{"name":"Spring","max_concurrent_calls":20}"#));
    setup.model.opt_out = 0.5;
    let run = run(setup, numbers(1_000).map(entrant));
    let mut out = std::collections::BTreeSet::new();
    for row in &run.rows {
        assert!(!out.contains(&row.number), "{row:?}");
        if row.outcome == Outcome::OptedOut {
            out.insert(row.number.clone());
        }
    }
    assert!(run.forecast.leads.done[&LeadResult::OptedOut] > 50);
}

#[test]
fn a_sample_is_scaled_up_and_still_adds_up() {
    let fields = fields(r#"{"name":"Spring","max_concurrent_calls":40}"#);
    let whole = run(setup(fields.clone()), numbers(4_000).map(entrant)).forecast;
    let mut part = setup(fields);
    part.sample = Some(Sample {
        simulated: 1_000,
        of: 4_000,
    });
    let part = run_sample(part, numbers(1_000).map(entrant));
    assert_eq!(part.leads.total, 4_000);
    let near = |one: u64, other: u64| one.abs_diff(other) * 10 <= one.max(other);
    assert!(near(part.calls.total, whole.calls.total), "{part:#?}");
    assert!(near(part.cost.high_micros, whole.cost.high_micros));
    assert!(part.concurrency.peak <= 40);
}

/// Counts of calls are rounded one by one, so only leads add up.
fn run_sample(setup: Setup, entrants: impl IntoIterator<Item = Entrant>) -> Forecast {
    let mut simulation = Simulation::new(setup).unwrap();
    for entrant in entrants {
        simulation.add(entrant);
    }
    let forecast = simulation.forecast();
    let leads = &forecast.leads;
    let done: u64 = leads.done.values().sum();
    assert_eq!(leads.total, done + leads.waiting);
    assert_eq!(
        leads.total,
        leads.called + forecast.skipped.values().sum::<u64>()
    );
    forecast
}

#[test]
fn a_forecast_reads_as_a_table() {
    let fields =
        fields(r#"{"name":"Spring","max_concurrent_calls":3,"starts_at":"2026-03-02T16:00:00Z"}"#);
    let run = run(setup(fields), numbers(60).map(entrant));
    expect_test::expect![[r#"
        Simulated          2026-03-01 00:00 UTC to 2026-03-15 00:00 UTC, seed 7
        Outcomes from      documented defaults (assumptions)
        Expected finish    2026-03-04 17:07 UTC
        Half, nine tenths  2026-03-02 23:02 UTC, 2026-03-03 21:04 UTC
        Calls per hour     7 on average over 17 hours with calls, 30 at most (2026-03-02 16:00 UTC)
        Calls at once      3 at most, of 3 (2026-03-02 16:00 UTC)
        Our numbers        1 needed
        Cost               2.94 to 8.81 USD (prices: assumption for calls inside the United States, not confirmed by any vendor, 2026-11)

        Leads                            60
          reached                        31   51.6 %
          unreachable                     2    3.3 %
          exhausted                      27   45.0 %
          still waiting                   0    0.0 %

        Called at least once             60

        Calls                           129
          agent_ended                    18   13.9 %
          customer_hung_up               13   10.0 %
          busy                            6    4.6 %
          no_answer                      48   37.2 %
          voicemail                      38   29.4 %
          screened                        3    2.3 %
          number_unreachable              2    1.5 %
          carrier_failed                  1    0.7 %

        Day (UTC)        calls   leads done
        2026-03-01           0            0
        2026-03-02          84           32  ########################################
        2026-03-03          39           54  ###################
        2026-03-04           6           60  ###

        Assumed: there are as many numbers to call from as it takes; name yours in `numbers` to have their daily limit simulated
        Assumed: nobody on the list is called by another campaign meanwhile, and no one else uses the carrier's lines
    "#]].assert_eq(&crate::Table(&run.forecast).to_string());
}

#[test]
fn absurd_settings_are_all_named() {
    let mut absurd = setup(fields(r#"{"name":"Spring","max_concurrent_calls":0}"#));
    absurd.days = 367;
    absurd.model.opt_out = 2.0;
    absurd.prices.currency = "dollars".to_owned();
    let problems = Simulation::new(absurd).unwrap_err();
    let fields: Vec<_> = problems
        .iter()
        .map(|problem| problem.at.to_string())
        .collect();
    assert_eq!(
        fields,
        [
            "/campaign/max_concurrent_calls",
            "/model/opt_out",
            "/prices/currency",
            "/days"
        ]
    );
    let mut late = setup(fields_of("Late"));
    late.from = Timestamp::MAX;
    let problems = Simulation::new(late).unwrap_err();
    assert_eq!(problems[0].at.to_string(), "/from");
}

fn fields_of(name: &str) -> CampaignFields {
    let mut fields = informing(CampaignFields::new(name));
    fields.retry.no_answer = Delay::from_hours(1);
    fields
}
