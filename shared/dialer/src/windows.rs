//! When a lane is open: a campaign's windows within the legal hours of every place, in every zone.
//!
//! Whether an instant is allowed is decided by what the clocks of each zone show then, so an hour that
//! a change of summer time skips or repeats needs no rule of its own. Openings and closings are found
//! by walking from boundary to boundary, exact to the second.

use jiff::Timestamp;
use model::{CampaignFields, Lane, Rule, Span};

use crate::packs::calendar::{Calendar, Day, day_of, weekday};
use crate::packs::terms::{Terms, hours_rules};
use crate::zone::{ZoneClock, time_zone, timestamp};

/// How far ahead an opening is looked for. Each weekday and each fixed holiday comes round in it; what
/// is closed for so long is taken as never open.
const OPENING_SEARCH_DAYS: i64 = 400;
/// How far ahead a closing is looked for. What stays open longer has none, and is asked again.
const CLOSING_SEARCH_DAYS: i64 = 15;

const DAY_SECONDS: i64 = 86_400;
const WEEK_SECONDS: i64 = 7 * DAY_SECONDS;

/// Whether numbers of a lane may be called at an instant, as far as time decides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    Open {
        /// The first second at which it is closed; none within two weeks.
        closes_at: Option<Timestamp>,
    },
    Closed {
        /// The first rule that says no, in the order of `Rule`.
        rule: Rule,
        /// The first second at which it is open; none within a year.
        opens_at: Option<Timestamp>,
    },
}

/// The rules about time, in the order in which they are asked.
pub(crate) const TIME_RULES: [Rule; 4] = [
    Rule::CampaignWindow,
    Rule::LegalHours,
    Rule::Holiday,
    Rule::BlockedDay,
];

/// The rules of one campaign for one lane, made ready for many questions.
///
/// It remembers its last answer, which holds until the next boundary; asking it in the order of time is
/// fast. The answers do not depend on what was asked before.
#[derive(Debug, Clone)]
pub struct Schedule {
    zones: Vec<ZoneClock>,
    /// By weekday, from Monday.
    campaign: [Spans; 7],
    legal: [Spans; 7],
    both: [Spans; 7],
    /// Sorted.
    blocked: Vec<Day>,
    holidays: Vec<Calendar>,
    /// The answer that was given last and the seconds in which it holds: from, up to.
    last: Option<(i64, i64, bool, Option<i64>)>,
}

/// Which days are looked at as what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Days {
    AsTheyAre,
    AllWorkingDays,
}

/// Spans of a day in seconds since midnight, sorted, apart from each other.
type Spans = Vec<(i64, i64)>;

impl Schedule {
    /// For calls of an artificial voice to a lane; without a campaign only what the law says of sales.
    #[must_use]
    pub fn new(campaign: Option<&CampaignFields>, lane: &Lane) -> Self {
        let kind = campaign.and_then(|fields| fields.kind);
        Self::under(Terms::artificial(kind), campaign, lane)
    }

    /// For such calls to a lane.
    #[must_use]
    pub fn under(terms: Terms, campaign: Option<&CampaignFields>, lane: &Lane) -> Self {
        let trust = campaign.map(|fields| fields.zones).unwrap_or_default();
        let zones = lane.zones_by(trust);
        let clocks = zones.iter().map(|zone| time_zone(zone));
        let clocks: Option<Vec<_>> = clocks.map(|zone| zone.map(ZoneClock::new)).collect();
        let mut schedule = Self {
            // A zone that nobody knows could be any: as good as none.
            zones: clocks.unwrap_or_default(),
            campaign: [const { Spans::new() }; 7].map(|_| vec![(0, DAY_SECONDS)]),
            legal: [const { Spans::new() }; 7].map(|_| vec![(0, DAY_SECONDS)]),
            both: [const { Spans::new() }; 7],
            blocked: Vec::new(),
            holidays: Vec::new(),
            last: None,
        };
        if let Some(fields) = campaign {
            schedule.add_campaign(fields);
        }
        let on_holidays = campaign.is_none_or(|fields| fields.call_on_holidays);
        for (pack, rule) in hours_rules(terms, lane) {
            for (day, legal) in schedule.legal.iter_mut().enumerate() {
                let hours = rule
                    .hours
                    .iter()
                    .filter(|hours| (hours.weekdays.first..=hours.weekdays.last).contains(&day));
                let hours: Spans = hours
                    .map(|hours| (i64::from(hours.start) * 60, i64::from(hours.end) * 60))
                    .collect();
                *legal = intersection(legal, &hours);
            }
            if rule.closed_on_holidays {
                schedule.holidays.extend(Calendar::of(pack.jurisdiction));
            }
        }
        if !on_holidays {
            let calendars = lane.jurisdictions.iter().map(|place| Calendar::of(place));
            schedule.holidays.extend(calendars.flatten());
        }
        schedule.holidays.sort_unstable();
        schedule.holidays.dedup();
        for ((both, campaign), legal) in schedule
            .both
            .iter_mut()
            .zip(&schedule.campaign)
            .zip(&schedule.legal)
        {
            *both = intersection(campaign, legal);
        }
        schedule
    }

    /// Whether the lane is open at this instant, and until or from when.
    pub fn at(&mut self, now: Timestamp) -> Opening {
        if self.zones.is_empty() {
            return Opening::Closed {
                rule: Rule::ZoneUnknown,
                opens_at: None,
            };
        }
        let second = second_of(now);
        let (open, changes) = self.answer(second);
        let changes = changes.map(timestamp);
        if open {
            return Opening::Open { closes_at: changes };
        }
        Opening::Closed {
            rule: first_no(self.verdicts(second)),
            opens_at: changes,
        }
    }

    /// The first instant from this one on at which the lane is open; none within a year.
    pub fn open_from(&mut self, from: Timestamp) -> Option<Timestamp> {
        match self.at(from) {
            Opening::Open { .. } => Some(from),
            Opening::Closed { opens_at, .. } => opens_at,
        }
    }

    /// Whether the lane is open at this instant.
    pub fn is_open(&mut self, now: Timestamp) -> bool {
        !self.zones.is_empty() && self.answer(second_of(now)).0
    }

    /// Whether each of `TIME_RULES` allows a call, over all zones.
    pub(crate) fn verdicts(&mut self, second: i64) -> [bool; 4] {
        let mut verdicts = [true; 4];
        for zone in &mut self.zones {
            let (offset, _to) = zone.offset_at(second);
            let (day, second) = split(second + offset);
            let allowed = [
                inside(of_day(&self.campaign, day), second),
                inside(of_day(&self.legal, day), second),
                !self
                    .holidays
                    .iter()
                    .any(|holidays| holidays.is_holiday(day)),
                self.blocked.binary_search(&day).is_err(),
            ];
            for (verdict, allowed) in verdicts.iter_mut().zip(allowed) {
                *verdict &= allowed;
            }
        }
        verdicts
    }

    /// The zones with what their clocks show.
    pub(crate) fn clocks(&self) -> impl Iterator<Item = &jiff::tz::TimeZone> {
        self.zones.iter().map(ZoneClock::zone)
    }

    fn add_campaign(&mut self, fields: &CampaignFields) {
        for (spans, (_name, windows)) in self.campaign.iter_mut().zip(fields.windows.days()) {
            *spans = united(windows);
        }
        self.blocked = fields
            .blocked_days
            .iter()
            .map(|date| day_of(date.year().into(), date.month().into(), date.day().into()))
            .collect();
        self.blocked.sort_unstable();
    }

    /// Open or not, and the second at which that changes; from memory if the last answer still holds.
    fn answer(&mut self, second: i64) -> (bool, Option<i64>) {
        if let Some((from, to, open, changes)) = self.last
            && (from..to).contains(&second)
        {
            return (open, changes);
        }
        let (open, _until) = self.state(second, Days::AsTheyAre);
        let days = if open {
            CLOSING_SEARCH_DAYS
        } else {
            OPENING_SEARCH_DAYS
        };
        // Whole days, so that the answer is the same all day long and worth remembering.
        let today = second.div_euclid(DAY_SECONDS);
        let changes = self.change(second, open, (today + days) * DAY_SECONDS);
        let to = changes.unwrap_or((today + 1) * DAY_SECONDS);
        self.last = Some((second, to, open, changes));
        (open, changes)
    }

    /// The first second up to `end` at which the lane is no longer as it was at `from`.
    fn change(&mut self, from: i64, open: bool, end: i64) -> Option<i64> {
        if !open && self.both.iter().all(Vec::is_empty) {
            return None;
        }
        let mut second = from;
        let mut look_ahead_from = from + WEEK_SECONDS;
        while second < end {
            let (state, until) = self.state(second, Days::AsTheyAre);
            if state != open {
                return Some(second);
            }
            second = until;
            if !open && second >= look_ahead_from {
                // Closed for a week: perhaps the zones are never open together until one of them
                // changes its clocks. Most of a year need not be walked then.
                let set_at = self.next_clock_change(second);
                if set_at - second > WEEK_SECONDS && !self.opens_within_a_week(second) {
                    second = set_at;
                }
                look_ahead_from = set_at;
            }
        }
        None
    }

    /// Whether there is an opening within a week if every day is a working day.
    fn opens_within_a_week(&mut self, from: i64) -> bool {
        let mut second = from;
        while second < from + WEEK_SECONDS {
            let (open, until) = self.state(second, Days::AllWorkingDays);
            if open {
                return true;
            }
            second = until;
        }
        false
    }

    /// The second at which the first of the zones changes its offset.
    fn next_clock_change(&mut self, second: i64) -> i64 {
        let zones = self.zones.iter_mut();
        let changes = zones.map(|zone| zone.offset_at(second).1);
        changes.min().unwrap_or(i64::MAX)
    }

    /// Open or not, and up to when that is sure: an open lane until any zone may close, a closed one
    /// until the last of the zones that are closed now.
    fn state(&mut self, second: i64, days: Days) -> (bool, i64) {
        let mut open = true;
        let (mut open_until, mut closed_until) = (i64::MAX, i64::MIN);
        for zone in &mut self.zones {
            let (offset, to) = zone.offset_at(second);
            let (day, of_day_second) = split(second + offset);
            let off = match days {
                Days::AsTheyAre => {
                    self.blocked.binary_search(&day).is_ok()
                        || self.holidays.iter().any(|of| of.is_holiday(day))
                }
                Days::AllWorkingDays => false,
            };
            let spans = if off {
                &[][..]
            } else {
                of_day(&self.both, day)
            };
            let (inside, boundary) = boundary(spans, of_day_second);
            let until = (second + boundary - of_day_second).min(to);
            if inside {
                open_until = open_until.min(until);
            } else {
                open = false;
                closed_until = closed_until.max(until);
            }
        }
        (open, if open { open_until } else { closed_until })
    }
}

/// The first rule about time that says no.
fn first_no(verdicts: [bool; 4]) -> Rule {
    let rules = TIME_RULES.into_iter().zip(verdicts);
    let mut noes = rules.filter(|(_rule, allowed)| !allowed);
    noes.next().map_or(Rule::LegalHours, |(rule, _no)| rule)
}

pub(crate) fn second_of(at: Timestamp) -> i64 {
    // Instants between two seconds belong to the one that began.
    let second = at.as_second();
    second - i64::from(at.subsec_nanosecond() < 0)
}

/// Local seconds as day and second of the day.
fn split(local: i64) -> (Day, i64) {
    (local.div_euclid(DAY_SECONDS), local.rem_euclid(DAY_SECONDS))
}

fn of_day(week: &[Spans; 7], day: Day) -> &[(i64, i64)] {
    week.get(weekday(day))
        .map(Vec::as_slice)
        .unwrap_or_default()
}

fn inside(spans: &[(i64, i64)], second: i64) -> bool {
    spans
        .iter()
        .any(|(from, to)| (*from..*to).contains(&second))
}

/// Whether a second of a day is in a span, and the next one at which that may change.
fn boundary(spans: &[(i64, i64)], second: i64) -> (bool, i64) {
    for (from, to) in spans {
        if second < *from {
            return (false, *from);
        }
        if second < *to {
            return (true, *to);
        }
    }
    (false, DAY_SECONDS)
}

/// Spans of a campaign in order, those that touch or overlap as one.
fn united(spans: &[Span]) -> Spans {
    let mut sorted: Spans = spans
        .iter()
        .map(|span| {
            (
                i64::from(span.0.minutes()) * 60,
                i64::from(span.1.minutes()) * 60,
            )
        })
        .filter(|(from, to)| from < to)
        .collect();
    sorted.sort_unstable();
    let mut united = Spans::new();
    for (from, to) in sorted {
        match united.last_mut() {
            Some((_, end)) if from <= *end => *end = (*end).max(to),
            Some(_) | None => united.push((from, to)),
        }
    }
    united
}

fn intersection(one: &[(i64, i64)], other: &[(i64, i64)]) -> Spans {
    let mut common = Spans::new();
    for (from, to) in one {
        for (other_from, other_to) in other {
            let span = (*from.max(other_from), *to.min(other_to));
            if span.0 < span.1 {
                common.push(span);
            }
        }
    }
    common
}

#[cfg(test)]
mod tests;
