//! The rules once more, in the plainest way: wall clocks compared with written-down hours and dates.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use jiff::civil::{Date, Weekday, date};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan as _};
use model::{CampaignFields, Rule};

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
/// place, weekdays from Monday, hours. A place with several lines has several; one that is written with
/// `closed` has no calls on holidays.
const HOURS: &str = "
    CA      09:00-21:30 1-5  10:00-18:00 6-7
    GB      08:00-21:00 1-5  10:00-20:00 6-7
    IN      10:00-21:00 1-7
    US      08:00-21:00 1-7
    US-AL   08:00-20:00 1-6  closed
    US-CT   09:00-20:00 1-7
    US-FL   08:00-20:00 1-7
    US-IL   09:00-21:00 1-7
    US-KY   10:00-21:00 1-7
    US-LA   08:00-20:00 1-6  closed
    US-MA   08:00-20:00 1-7
    US-MD   08:00-20:00 1-7
    US-MI   09:00-21:00 1-7
    US-MN   09:00-21:00 1-7
    US-MS   08:00-20:00 1-6  closed
    US-NM   09:00-21:00 1-7
    US-NV   09:00-20:00 1-7
    US-OK   08:00-20:00 1-7
    US-PA   09:00-21:00 1-6  closed
    US-RI   09:00-18:00 1-5  10:00-17:00 6-6  closed
    US-TX   09:00-21:00 1-6  12:00-21:00 7-7
    US-WA   08:00-20:00 1-7
    -       09:00-20:00 1-6
";

/// Hours of one place by weekday, in minutes; and whose holidays, with or without leave.
#[derive(Debug, Clone)]
struct Law {
    place: &'static str,
    hours: [Option<(i32, i32)>; 7],
    closed_on_holidays: bool,
}

static LAWS: LazyLock<Vec<Law>> = LazyLock::new(|| {
    let lines = HOURS.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let mut words = line.split_whitespace();
            let mut law = Law {
                place: words.next().unwrap(),
                hours: [None; 7],
                closed_on_holidays: line.ends_with("closed"),
            };
            let words: Vec<&str> = words.filter(|word| word.contains('-')).collect();
            for pair in words.chunks(2) {
                let (from, to) = pair[0].split_once('-').unwrap();
                let (first, last) = pair[1].split_once('-').unwrap();
                let minutes = |text: &str| {
                    let (hour, minute) = text.split_once(':').unwrap();
                    hour.parse::<i32>().unwrap() * 60 + minute.parse::<i32>().unwrap()
                };
                for day in first.parse::<usize>().unwrap()..=last.parse().unwrap() {
                    law.hours[day - 1] = Some((minutes(from), minutes(to)));
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
    /// Countries whose holidays are kept.
    holidays: BTreeSet<&'static str>,
}

impl Rules {
    pub(super) fn new(fields: &CampaignFields, places: &[&'static str]) -> Self {
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
            let territory = ["AS", "GU", "MP", "PR", "VI"].contains(place);
            let place = if territory { "US-" } else { place };
            let country = place.split('-').next().unwrap();
            let mut found = false;
            for law in LAWS.iter() {
                let any_state = place == "US" && law.place.starts_with("US");
                if law.place == country || law.place == place || any_state {
                    laws.push(law);
                    found = true;
                    if law.closed_on_holidays || !fields.call_on_holidays {
                        holidays.insert(country);
                    }
                }
            }
            if !found {
                laws.push(LAWS.last().unwrap());
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
                .all(|law| law.hours[day].is_some_and(within))
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

/// Holidays of a country from 2023 to 2032, written out by rule.
fn is_holiday(country: &str, date: Date) -> bool {
    HOLIDAYS
        .iter()
        .any(|(whose, days)| *whose == country && days.contains(&date))
}

static HOLIDAYS: LazyLock<[(&str, BTreeSet<Date>); 4]> = LazyLock::new(|| {
    let all = |of: fn(i16) -> Vec<Date>| (2_023..2_033).flat_map(of).collect();
    [
        ("US", all(us)),
        ("CA", all(canada)),
        ("GB", all(uk)),
        ("IN", all(india)),
    ]
});

pub(super) fn some_holiday(year: i16, chance: usize) -> Date {
    let days: Vec<Date> = HOLIDAYS
        .iter()
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

fn canada(year: i16) -> Vec<Date> {
    let days = vec![
        date(year, 1, 1),
        easter(year) - 2.days(),
        date(year, 7, 1),
        nth(year, 9, 1, Weekday::Monday),
        nth(year, 10, 2, Weekday::Monday),
        date(year, 12, 25),
    ];
    with_substitutes(days)
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

fn india(year: i16) -> Vec<Date> {
    vec![date(year, 1, 26), date(year, 8, 15), date(year, 10, 2)]
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
