//! The rules once more, in the plainest way: wall clocks compared with written-down hours and dates.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use jiff::civil::{Date, Weekday, date};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan as _};
use model::{CallKind, CampaignFields, ConsentKind, Rule};

/// The rules about time, in order.
pub(super) const RULES: [Rule; 4] = [
    Rule::CampaignWindow,
    Rule::LegalHours,
    Rule::Holiday,
    Rule::BlockedDay,
];

/// Zones that a list may name: with and without summer time, half hours, the date line.
pub(super) const ZONES: [&str; 14] = [
    "America/New_York",
    "America/Chicago",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/St_Johns",
    "America/Adak",
    "Europe/London",
    "Europe/Paris",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Pacific/Kiritimati",
    "Africa/Casablanca",
];

/// A number with what libphonenumber says of it.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) number: &'static str,
    pub(super) zones: Vec<&'static str>,
    pub(super) places: Vec<&'static str>,
}

/// The numbers that libphonenumber was asked about, see `tools/zones.py`.
pub(super) fn numbers() -> Vec<Known> {
    let cases = include_str!("../../../shared/dialer/src/numbers/cases.txt");
    let list =
        |text: &'static str| -> Vec<&str> { text.split(',').filter(|one| *one != "-").collect() };
    let lines = cases.lines().filter(|line| !line.starts_with('#'));
    let known = lines.map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        Known {
            number: words[0],
            zones: list(words[4]),
            places: list(words[5]),
        }
    });
    // Half of them in North America, where most of the rules are.
    let (near, far): (Vec<_>, Vec<_>) = known
        .filter(|known| !known.zones.is_empty())
        .partition(|known| known.number.starts_with("+1"));
    let keep = near.len();
    let step = (far.len() / keep).max(1);
    near.into_iter()
        .chain(far.into_iter().step_by(step))
        .collect()
}

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

pub(super) fn zone(name: &str) -> TimeZone {
    DATABASE.get(name).unwrap()
}

/// Whether the clocks of a zone are set between two instants.
pub(super) fn changes_between(zone: &TimeZone, from: Timestamp, to: Timestamp) -> bool {
    zone.to_offset(from) != zone.to_offset(to)
}

/// Legal hours (`docs/protocols/calling-compliance.md#hours-and-caps`), written down apart from the product's:
/// place, hours, weekdays from Monday. A line with `closed` has no calls on holidays, one with `sales` is for calls
/// that sell, one with `solicits` also for those that ask for donations, and what stands behind `unless` is a consent
/// without which alone it holds. Emergencies have no hours.
const HOURS: &str = "
    AU      09:00-20:00 1-5  09:00-17:00 6-6  closed
    CA      09:00-21:30 1-5  10:00-18:00 6-7
    FR      10:00-13:00 1-5  14:00-20:00 1-5  closed
    GB      08:00-21:00 1-5  10:00-20:00 6-7
    IN      10:00-21:00 1-7
    US      08:00-21:00 1-7
    PR      09:00-21:00 1-7
    US-AL   08:00-20:00 1-6  closed
    US-CA   09:00-21:00 1-7
    US-CT   09:00-20:00 1-7
    US-FL   08:00-20:00 1-7
    US-IL   09:00-21:00 1-7
    US-IN   09:00-20:00 1-7
    US-KY   10:00-21:00 1-7
    US-LA   08:00-20:00 1-6  closed
    US-MA   08:00-20:00 1-7
    US-MD   08:00-20:00 1-7
    US-ME   09:00-17:00 1-5  solicits
    US-MI   09:00-21:00 1-7
    US-MN   09:00-21:00 1-7
    US-MS   09:00-20:00 1-6  closed
    US-NE   08:00-21:00 1-6  13:00-21:00 7-7
    US-NM   09:00-21:00 1-7
    US-NV   09:00-20:00 1-7
    US-OK   09:00-20:00 1-7
    US-OR   08:00-20:00 1-7
    US-PA   09:00-19:00 1-6  closed
    US-RI   09:00-18:00 1-5  10:00-17:00 6-6  closed
    US-SC   08:00-19:00 1-7
    US-SD   09:00-21:00 1-5  solicits
    US-TX   09:00-21:00 1-6  12:00-21:00 7-7
    US-UT   08:00-21:00 1-6  closed sales unless express
    US-WA   08:00-20:00 1-7
    US-WY   08:00-20:00 1-7
    -       09:00-20:00 1-6
";

/// Hours of one place by weekday, in minutes; for which calls, and whether on its holidays.
#[derive(Debug, Clone)]
struct Law {
    place: &'static str,
    hours: [Vec<(i32, i32)>; 7],
    closed_on_holidays: bool,
    kinds: &'static [CallKind],
    lifted_by_express: bool,
}

impl Law {
    fn holds(&self, fields: &CampaignFields, consent: Option<ConsentKind>) -> bool {
        let lifted = self.lifted_by_express && consent.is_some();
        !lifted && self.kinds.contains(&fields.kind.unwrap())
    }
}

static LAWS: LazyLock<Vec<Law>> = LazyLock::new(|| {
    let lines = HOURS.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let mut words = line.split_whitespace();
            let place = words.next().unwrap();
            let words: Vec<&str> = words.collect();
            let kinds: &[CallKind] = if words.contains(&"sales") {
                &[CallKind::Sales]
            } else if words.contains(&"solicits") {
                &[CallKind::Sales, CallKind::Charity]
            } else {
                &CallKind::ALL[..6]
            };
            let mut law = Law {
                place,
                hours: [const { Vec::new() }; 7],
                closed_on_holidays: words.contains(&"closed"),
                kinds,
                lifted_by_express: words.contains(&"unless"),
            };
            let words: Vec<&str> = words
                .into_iter()
                .filter(|word| word.contains('-'))
                .collect();
            for pair in words.chunks(2) {
                let (from, to) = pair[0].split_once('-').unwrap();
                let (first, last) = pair[1].split_once('-').unwrap();
                let minutes = |text: &str| {
                    let (hour, minute) = text.split_once(':').unwrap();
                    hour.parse::<i32>().unwrap() * 60 + minute.parse::<i32>().unwrap()
                };
                for day in first.parse::<usize>().unwrap()..=last.parse().unwrap() {
                    law.hours[day - 1].push((minutes(from), minutes(to)));
                }
            }
            law
        })
        .collect()
});

/// A campaign's rules and the laws of its places.
#[derive(Debug)]
pub(super) struct Rules {
    spans: [Vec<(i32, i32)>; 7],
    blocked: Vec<Date>,
    laws: Vec<&'static Law>,
    /// Places whose holidays are kept.
    holidays: BTreeSet<&'static str>,
}

impl Rules {
    pub(super) fn new(
        fields: &CampaignFields,
        places: &[&'static str],
        consent: Option<ConsentKind>,
    ) -> Self {
        let minutes = |spans: &[model::Span]| {
            spans
                .iter()
                .map(|span| (i32::from(span.0.minutes()), i32::from(span.1.minutes())))
                .collect()
        };
        let windows = &fields.windows;
        let mut laws = Vec::new();
        let mut holidays = BTreeSet::new();
        for place in places {
            if !fields.call_on_holidays {
                holidays.insert(*place);
            }
            let own = *place;
            let territory = ["AS", "GU", "MP", "PR", "VI"].contains(place);
            let place = if territory { "US-" } else { place };
            let country = place.split('-').next().unwrap();
            let mut found = false;
            for law in LAWS.iter() {
                let any_state = place == "US" && law.place.starts_with("US");
                if [country, place, own].contains(&law.place) || any_state {
                    found = true;
                    if law.holds(fields, consent) {
                        laws.push(law);
                        if law.closed_on_holidays {
                            holidays.insert(law.place);
                        }
                    }
                }
            }
            let anywhere = LAWS.last().unwrap();
            if !found && anywhere.holds(fields, consent) {
                laws.push(anywhere);
            }
        }
        Self {
            spans: [
                minutes(&windows.mon),
                minutes(&windows.tue),
                minutes(&windows.wed),
                minutes(&windows.thu),
                minutes(&windows.fri),
                minutes(&windows.sat),
                minutes(&windows.sun),
            ],
            blocked: fields.blocked_days.clone(),
            laws,
            holidays,
        }
    }

    /// The first of `RULES` that forbids a call in any zone.
    pub(super) fn held_by(&self, zones: &[TimeZone], now: Timestamp) -> Option<usize> {
        let mut held: Option<usize> = None;
        for zone in zones {
            let clock = zone.to_datetime(now);
            let minute = i32::from(clock.hour()) * 60 + i32::from(clock.minute());
            let day = match clock.weekday() {
                Weekday::Monday => 0,
                Weekday::Tuesday => 1,
                Weekday::Wednesday => 2,
                Weekday::Thursday => 3,
                Weekday::Friday => 4,
                Weekday::Saturday => 5,
                Weekday::Sunday => 6,
            };
            let within = |(from, to): (i32, i32)| from <= minute && minute < to;
            let rule = if !self.spans[day].iter().any(|span| within(*span)) {
                Some(0)
            } else if !self
                .laws
                .iter()
                .all(|law| law.hours[day].iter().any(|span| within(*span)))
            {
                Some(1)
            } else if self
                .holidays
                .iter()
                .any(|place| is_holiday(place, clock.date()))
            {
                Some(2)
            } else if self.blocked.contains(&clock.date()) {
                Some(3)
            } else {
                None
            };
            held = match (held, rule) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
        held
    }
}

/// Holidays of a place, as the package that they come from has them.
fn is_holiday(place: &str, date: Date) -> bool {
    HOLIDAYS.get(place).is_some_and(|days| days.contains(&date))
}

static HOLIDAYS: LazyLock<BTreeMap<&str, BTreeSet<Date>>> = LazyLock::new(|| {
    let known = numbers();
    let places = known.iter().flat_map(|known| known.places.clone());
    let places = places.chain(LAWS.iter().map(|law| law.place));
    let days = |place| {
        let dates = dialer::Calendar::of(place)?.dates();
        let dates = dates.map(|(year, month, day)| {
            let [year, month, day] = [year, month, day].map(|part| i16::try_from(part).unwrap());
            date(
                year,
                i8::try_from(month).unwrap(),
                i8::try_from(day).unwrap(),
            )
        });
        Some((place, dates.collect()))
    };
    places.filter_map(days).collect()
});

#[test]
fn the_holidays_of_the_table_are_those_of_the_rules() {
    for (place, rules) in [("US", us as fn(i16) -> Vec<Date>), ("GB", uk)] {
        for year in 2_025..=2_030 {
            for day in rules(year).into_iter().filter(|day| day.year() == year) {
                assert!(is_holiday(place, day), "{place}: {day}");
            }
            let table = HOLIDAYS[place].iter().filter(|day| day.year() == year);
            let neighbours: BTreeSet<Date> = (year - 1..=year + 1).flat_map(rules).collect();
            for day in table {
                assert!(neighbours.contains(day), "{place}: {day} by no rule");
            }
        }
    }
}

pub(super) fn some_holiday(year: i16, chance: usize) -> Date {
    let days: Vec<Date> = ["US", "CA", "GB", "IN", "FR", "AU"]
        .into_iter()
        .map(|place| (place, &HOLIDAYS[place]))
        .flat_map(|(_, days)| days.iter().copied())
        .filter(|day| day.year() == year)
        .collect();
    days[chance % days.len()]
}

fn us(year: i16) -> Vec<Date> {
    let mut days = vec![
        date(year, 1, 1),
        nth(year, 1, 3, Weekday::Monday),
        nth(year, 2, 3, Weekday::Monday),
        nth(year, 5, -1, Weekday::Monday),
        date(year, 6, 19),
        date(year, 7, 4),
        nth(year, 9, 1, Weekday::Monday),
        nth(year, 10, 2, Weekday::Monday),
        date(year, 11, 11),
        nth(year, 11, 4, Weekday::Thursday),
        date(year, 12, 25),
    ];
    for day in days.clone() {
        match day.weekday() {
            Weekday::Saturday => days.push(day.yesterday().unwrap()),
            Weekday::Sunday => days.push(day.tomorrow().unwrap()),
            Weekday::Monday
            | Weekday::Tuesday
            | Weekday::Wednesday
            | Weekday::Thursday
            | Weekday::Friday => {}
        }
    }
    days
}

fn uk(year: i16) -> Vec<Date> {
    let days = vec![
        date(year, 1, 1),
        easter(year) - 2.days(),
        easter(year) + 1.day(),
        nth(year, 5, 1, Weekday::Monday),
        nth(year, 5, -1, Weekday::Monday),
        nth(year, 8, -1, Weekday::Monday),
        date(year, 12, 25),
        date(year, 12, 26),
    ];
    with_substitutes(days)
}

/// Each holiday on a weekend adds the next weekday that is not one.
fn with_substitutes(mut days: Vec<Date>) -> Vec<Date> {
    for day in days.clone() {
        let mut substitute = day;
        while matches!(substitute.weekday(), Weekday::Saturday | Weekday::Sunday)
            || (substitute != day && days.contains(&substitute))
        {
            substitute = substitute.tomorrow().unwrap();
        }
        if substitute != day {
            days.push(substitute);
        }
    }
    days
}

fn nth(year: i16, month: i8, nth: i8, weekday: Weekday) -> Date {
    date(year, month, 1)
        .nth_weekday_of_month(nth, weekday)
        .unwrap()
}

/// As the almanacs have them.
fn easter(year: i16) -> Date {
    let (month, day) = match year {
        2_023 => (4, 9),
        2_024 => (3, 31),
        2_025 => (4, 20),
        2_026 => (4, 5),
        2_027 => (3, 28),
        2_028 => (4, 16),
        2_029 => (4, 1),
        2_030 => (4, 21),
        2_031 => (4, 13),
        2_032 => (3, 28),
        other => panic!("no Easter is written down for {other}"),
    };
    date(year, month, day)
}

pub(super) fn second_sunday_of_march(year: i16) -> Date {
    nth(year, 3, 2, Weekday::Sunday)
}

pub(super) fn first_sunday_of_november(year: i16) -> Date {
    nth(year, 11, 1, Weekday::Sunday)
}

pub(super) fn last_sunday(year: i16, month: i8) -> Date {
    nth(year, month, -1, Weekday::Sunday)
}
