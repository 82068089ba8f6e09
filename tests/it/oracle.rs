//! The dialer against a second, deliberately naive implementation of the same rules.
//!
//! A million random cases of number, zone, instant and rules: the naive side takes each instant to each
//! zone's wall clock and compares hours and dates with tables of its own. It shares with the dialer the
//! zone database and nothing else. A difference prints the seed and the case.

mod naive;

use dialer::{Opening, Place, Schedule};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use model::{
    CallKind, CampaignFields, Consent, ConsentKind, MinuteOfDay, Span, StatedPlace, Windows,
    ZoneTrust,
};
use rand::{Rng, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

const SEED: u64 = 20_261_121;
const CASES: u32 = 1_000_000;
/// Instants that are asked of one number and its rules, in any order.
const INSTANTS: u32 = 20;
const THREADS: u32 = 4;
/// Of so many cases one is walked minute by minute to the change that the dialer foretells.
const WALKED: u32 = 2_500;
/// Of so many cases one has the second of the change and the one before it looked at.
const CHANGES: u32 = 3;
/// Instants before the change at which nothing may have changed yet.
const PROBES: u32 = 2;

#[test]
fn a_million_cases_are_decided_as_the_naive_way_decides_them() {
    println!("seed {SEED}");
    let numbers = naive::numbers();
    let told = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let numbers = &numbers;
                scope.spawn(move || run(numbers, SEED + u64::from(thread)))
            })
            .collect();
        let told = threads.into_iter().map(|thread| thread.join().unwrap());
        told.fold(Told::default(), Told::add)
    });
    println!("{told:?}");
    // The cases are worth something only if they fall on every side.
    assert!(told.cases >= CASES);
    for (what, count) in [
        ("open", told.open),
        ("closed for ever", told.never),
        ("near a change of summer time", told.near_change),
    ] {
        assert!(count > CASES / 100, "only {count} cases are {what}");
    }
    for (rule, count) in naive::RULES.iter().zip(told.rules) {
        assert!(
            count > CASES / 500,
            "only {count} cases are closed by {rule:?}"
        );
    }
}

/// How the cases fell.
#[derive(Debug, Default, Clone, Copy)]
struct Told {
    cases: u32,
    open: u32,
    never: u32,
    near_change: u32,
    walked: u32,
    rules: [u32; 4],
}

impl Told {
    fn add(self, other: Self) -> Self {
        let mut rules = self.rules;
        for (one, other) in rules.iter_mut().zip(other.rules) {
            *one += other;
        }
        Self {
            cases: self.cases + other.cases,
            open: self.open + other.open,
            never: self.never + other.never,
            near_change: self.near_change + other.near_change,
            walked: self.walked + other.walked,
            rules,
        }
    }
}

fn run(numbers: &[naive::Known], seed: u64) -> Told {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut told = Told::default();
    while told.cases < CASES / THREADS {
        let known = &numbers[rng.random_range(0..numbers.len())];
        let own_zone = rng
            .random_ratio(1, 4)
            .then(|| naive::ZONES[rng.random_range(0..naive::ZONES.len())]);
        let place = Place::of(&known.number.parse().unwrap());
        let stated = StatedPlace {
            zone: own_zone.map(str::to_owned),
            ..StatedPlace::default()
        };
        let consents = [None, Some(ConsentKind::Express), Some(ConsentKind::Written)];
        let consent = consents[rng.random_range(0..consents.len())];
        let given = consent.map(|kind| Consent {
            kind,
            at: None,
            source: None,
        });
        let lane = place.lane(&stated, given.as_ref());
        let about = about(&mut rng);
        let mut fields = rules(&mut rng, about);
        let trusts = rng.random_ratio(1, 2);
        if trusts {
            fields.zones = ZoneTrust::Lead;
        }
        let mut zones: Vec<&str> = own_zone.into_iter().collect();
        if !trusts || zones.is_empty() {
            zones.extend(&known.zones);
        }
        zones.sort_unstable();
        zones.dedup();
        assert_eq!(
            lane.zones_by(fields.zones),
            zones,
            "seed {seed}: zones of a number"
        );
        let zones: Vec<TimeZone> = zones.iter().map(|zone| naive::zone(zone)).collect();
        let naive = naive::Rules::new(&fields, &known.places, consent);
        let mut schedule = Schedule::new(Some(&fields), &lane);
        for _ in 0..INSTANTS {
            let hours = rng.random_range(-40 * 3_600..40 * 3_600);
            let now = about + SignedDuration::from_secs(hours);
            told.cases += 1;
            if zones.is_empty() {
                continue;
            }
            let case = || format!("seed {seed}, {now}, {lane:?}, {fields:?}");
            compare(
                &naive,
                &zones,
                &mut schedule,
                now,
                &mut rng,
                &mut told,
                &case,
            );
        }
    }
    told
}

fn compare(
    naive: &naive::Rules,
    zones: &[TimeZone],
    schedule: &mut Schedule,
    now: Timestamp,
    rng: &mut impl Rng,
    told: &mut Told,
    case: &dyn Fn() -> String,
) {
    let held = naive.held_by(zones, now);
    let change = match (schedule.at(now), held) {
        (Opening::Open { closes_at }, None) => {
            told.open += 1;
            closes_at
        }
        (Opening::Closed { rule, opens_at }, Some(place)) => {
            assert_eq!(rule, naive::RULES[place], "{}", case());
            told.rules[place] += 1;
            told.never += u32::from(opens_at.is_none());
            opens_at
        }
        (opening, held) => panic!("{opening:?} and {held:?}: {}", case()),
    };
    let open = held.is_none();
    let is_open = |at| naive.held_by(zones, at).is_none();
    if let Some(change) = change
        && told.cases.is_multiple_of(CHANGES)
    {
        told.near_change += u32::from(naive::changes_between(&zones[0], now, change));
        let second = SignedDuration::from_secs(1);
        assert_ne!(is_open(change), open, "change at {change}: {}", case());
        assert_eq!(
            is_open(change - second),
            open,
            "before {change}: {}",
            case()
        );
    }
    // Anywhere before the change, and far ahead where none is foretold.
    let end = change.unwrap_or(now + SignedDuration::from_hours(24 * 14));
    for _ in 0..PROBES {
        let ahead = rng.random_range(0..end.duration_since(now).as_secs().max(1));
        let at = now + SignedDuration::from_secs(ahead);
        assert_eq!(is_open(at), open, "{at} before {change:?}: {}", case());
    }
    if told.cases.is_multiple_of(WALKED) {
        // Without a change in sight, as far as anybody waits for it.
        let end = now + SignedDuration::from_hours(24 * 3);
        let end = change.unwrap_or(end).min(end);
        let minute = SignedDuration::from_mins(1);
        let mut at = now;
        while at < end {
            assert_eq!(is_open(at), open, "{at} before {change:?}: {}", case());
            at += minute;
        }
        told.walked += 1;
    }
}

/// An instant of these years; every other one within a day and a half of a change of summer time
/// somewhere, or of a holiday.
fn about(rng: &mut impl Rng) -> Timestamp {
    let year = rng.random_range(2025..2031);
    let date = match rng.random_range(0..6) {
        0 => naive::second_sunday_of_march(year),
        1 => naive::first_sunday_of_november(year),
        2 => naive::last_sunday(year, if rng.random() { 3 } else { 10 }),
        3 | 4 => naive::some_holiday(year, rng.random_range(0..1_000)),
        _ => Date::new(year, 1, 1).unwrap() + jiff::Span::new().days(rng.random_range(0..365)),
    };
    date.at(12, 0, 0, 0)
        .to_zoned(TimeZone::UTC)
        .unwrap()
        .timestamp()
}

/// Rules of a campaign: a few spans on most weekdays, days blocked around the date.
fn rules(rng: &mut impl Rng, about: Timestamp) -> CampaignFields {
    let mut fields = CampaignFields::new("Spring");
    fields.kind = Some(CallKind::ALL[rng.random_range(0..CallKind::ALL.len())]);
    let mut day = || {
        let count = [0, 1, 1, 1, 1, 2, 3][rng.random_range(0..7)];
        (0..count).map(|_| span(rng)).collect::<Vec<_>>()
    };
    fields.windows = Windows {
        mon: day(),
        tue: day(),
        wed: day(),
        thu: day(),
        fri: day(),
        sat: day(),
        sun: day(),
    };
    fields.call_on_holidays = rng.random_ratio(1, 4);
    if rng.random_ratio(1, 3) {
        let date = about.to_zoned(TimeZone::UTC).date();
        let days = rng.random_range(-2..3);
        fields.blocked_days = vec![date + jiff::Span::new().days(days)];
    }
    fields
}

/// Mostly office hours; now and then the night, with its skipped and repeated hours.
fn span(rng: &mut impl Rng) -> Span {
    let time = |rng: &mut dyn Rng, low: u16, high: u16| {
        let minute = rng.random_range(low..=high);
        MinuteOfDay::new(minute / 60, minute % 60).unwrap()
    };
    let night = rng.random_ratio(1, 4);
    let (from, middle) = if night { (0, 180) } else { (360, 720) };
    let start = time(rng, from, middle);
    let end = time(rng, start.minutes() + 1, 1_440);
    Span(start, end)
}
