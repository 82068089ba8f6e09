//! What happened in a run, counted while it happens.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use model::{AmdMode, LeadResult, Outcome, Rule};

use crate::outcomes::Fate;
use crate::prices::Usage;
use crate::report::{Calls, Concurrency, Finish, Forecast, Hour, Leads, OurNumbers, PerHour};
use crate::sample::Sample;
use crate::setup::Setup;

const HOUR_SECONDS: i64 = 3_600;

/// Counts of a run.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Leads that the list took.
    pub(crate) accepted: u64,
    /// Rows that are none, by reason.
    pub(crate) refused: BTreeMap<String, u64>,
    first_hour: i64,
    until: Timestamp,
    hours: Vec<OfHour>,
    live: u64,
    peak: (u64, Option<Timestamp>),
    calls: Calls,
    talk_ms: u64,
    usage: Usage,
    turned_back: BTreeMap<Rule, u64>,
    done: BTreeMap<LeadResult, u64>,
    done_count: u64,
    /// When each lead was done, as counts by instant are too many: only what the finish needs.
    finish: Finish,
    last_done: Option<Timestamp>,
    called: u64,
    skipped: BTreeMap<Rule, u64>,
    waiting: BTreeMap<Rule, u64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct OfHour {
    dials: u64,
    answered: u64,
    conversations: u64,
    concurrency: u64,
    done: u64,
}

impl Tally {
    pub(crate) fn new(from: Timestamp, until: Timestamp) -> Self {
        Self {
            accepted: 0,
            refused: BTreeMap::new(),
            first_hour: from.as_second().div_euclid(HOUR_SECONDS),
            until,
            hours: Vec::new(),
            live: 0,
            peak: (0, None),
            calls: Calls::default(),
            talk_ms: 0,
            usage: Usage::default(),
            turned_back: BTreeMap::new(),
            done: BTreeMap::new(),
            done_count: 0,
            finish: Finish::default(),
            last_done: None,
            called: 0,
            skipped: BTreeMap::new(),
            waiting: BTreeMap::new(),
        }
    }

    pub(crate) const fn done_so_far(&self) -> u64 {
        self.done_count
    }

    /// The carrier was asked for a call, which goes like this.
    pub(crate) fn dialled(
        &mut self,
        at: Timestamp,
        attempt: u32,
        first: bool,
        fate: &Fate,
        detect: AmdMode,
    ) {
        self.live += 1;
        if self.live > self.peak.0 {
            self.peak = (self.live, Some(at));
        }
        self.called += u64::from(first);
        self.calls.total += 1;
        *self.calls.by_outcome.entry(fate.outcome).or_default() += 1;
        let place = usize::try_from(attempt.saturating_sub(1)).unwrap_or(0);
        if self.calls.by_attempt.len() <= place {
            self.calls.by_attempt.resize(place + 1, 0);
        }
        if let Some(count) = self.calls.by_attempt.get_mut(place) {
            *count += 1;
        }
        let conversation = is_conversation(fate.outcome);
        if let Some(talk_ms) = fate.talk_ms {
            self.calls.answered += 1;
            self.calls.conversations += u64::from(conversation);
            self.talk_ms += talk_ms;
            self.usage
                .answered(talk_ms, fate.outcome, detect != AmdMode::Off);
        }
        let live = self.live;
        if let Some(hour) = self.hour(at) {
            hour.dials += 1;
            hour.answered += u64::from(fate.talk_ms.is_some());
            hour.conversations += u64::from(conversation);
            hour.concurrency = hour.concurrency.max(live);
        }
    }

    /// A line is free again.
    pub(crate) fn ended(&mut self, at: Timestamp) {
        let live = self.live;
        if let Some(hour) = self.hour(at) {
            hour.concurrency = hour.concurrency.max(live);
        }
        self.live = live.saturating_sub(1);
    }

    pub(crate) fn turned_back(&mut self, rule: Rule) {
        *self.turned_back.entry(rule).or_default() += 1;
    }

    /// A lead is done; `skipped_by` says why when it was never called.
    pub(crate) fn done(&mut self, result: LeadResult, skipped_by: Option<Rule>, at: Timestamp) {
        *self.done.entry(result).or_default() += 1;
        self.done_count += 1;
        self.last_done = self.last_done.max(Some(at));
        if let Some(rule) = skipped_by {
            *self.skipped.entry(rule).or_default() += 1;
        }
        if self.done_count * 2 >= self.accepted && self.finish.half_at.is_none() {
            self.finish.half_at = Some(at);
        }
        if self.done_count * 10 >= self.accepted * 9 && self.finish.nine_tenths_at.is_none() {
            self.finish.nine_tenths_at = Some(at);
        }
        if let Some(hour) = self.hour(at) {
            hour.done += 1;
        }
    }

    /// The run is over and a lead still waits.
    pub(crate) fn still_waiting(&mut self, rule: Rule, never_called: bool) {
        *self.waiting.entry(rule).or_default() += 1;
        if never_called {
            *self.skipped.entry(rule).or_default() += 1;
        }
    }

    /// The most calls of a UTC day.
    pub(crate) fn most_dials_a_day(&self) -> u64 {
        let mut days: BTreeMap<i64, u64> = BTreeMap::new();
        for (hour, counts) in (self.first_hour..).zip(&self.hours) {
            *days.entry(hour.div_euclid(24)).or_default() += counts.dials;
        }
        days.into_values().max().unwrap_or(0)
    }

    pub(crate) fn forecast(
        &self,
        setup: &Setup,
        limit: u64,
        our_numbers: OurNumbers,
        assumptions: Vec<String>,
    ) -> Forecast {
        let sample = setup.sample.unwrap_or(Sample::whole());
        let scaled = |count: u64| sample.scaled(count);
        let waiting: u64 = self.waiting.values().sum();
        let all = self.accepted;
        // Of a sample, parts are rounded so that they add up to the whole.
        let accepted = scaled(all);
        let done = sample.apportioned(&self.done, all);
        let done_sum: u64 = done.values().sum();
        let mut finish = self.finish;
        if waiting == 0 {
            finish.expected_at = self.last_done;
        }
        let refused_sum: u64 = self.refused.values().sum();
        let rules = sample.apportioned(&self.skipped, all);
        let skipped_sum: u64 = rules.values().sum();
        let mut skipped = self.refused.clone();
        for (rule, count) in rules {
            *skipped.entry(rule.code().to_owned()).or_default() += count;
        }
        let waiting_because = if waiting == 0 {
            BTreeMap::new()
        } else {
            sample.shared_out(&self.waiting, accepted.saturating_sub(done_sum))
        };
        Forecast {
            from: setup.from,
            until: self.until,
            days: setup.days,
            seed: setup.seed,
            basis: setup.basis,
            sample: setup.sample,
            leads: Leads {
                total: accepted + refused_sum,
                refused: self.refused.clone(),
                done,
                waiting: waiting_because.values().sum(),
                waiting_because,
                called: accepted.saturating_sub(skipped_sum),
            },
            skipped,
            finish,
            calls: Calls {
                total: scaled(self.calls.total),
                answered: scaled(self.calls.answered),
                conversations: scaled(self.calls.conversations),
                talk_seconds: scaled(self.talk_ms / 1_000),
                by_outcome: each(&self.calls.by_outcome, scaled),
                by_attempt: self
                    .calls
                    .by_attempt
                    .iter()
                    .map(|count| scaled(*count))
                    .collect(),
            },
            calls_per_hour: self.per_hour(sample),
            concurrency: Concurrency {
                peak: scaled(self.peak.0).min(limit),
                peak_at: self.peak.1,
                limit,
            },
            turned_back: each(&self.turned_back, scaled),
            our_numbers,
            cost: setup.prices.cost(&self.usage, sample),
            prices: setup.prices.clone(),
            assumptions,
            hours: self.chart(sample, limit, waiting > 0),
        }
    }

    fn per_hour(&self, sample: Sample) -> PerHour {
        let active: Vec<(Timestamp, u64)> = self
            .hours
            .iter()
            .enumerate()
            .filter(|(_place, hour)| hour.dials > 0)
            .map(|(place, hour)| (self.start_of(place), hour.dials))
            .collect();
        let active_hours = crate::count(active.len());
        let sum: u64 = active.iter().map(|(_start, dials)| dials).sum();
        // The first of several equal hours.
        let peak = active.iter().rev().max_by_key(|(_start, dials)| *dials);
        PerHour {
            mean: sample.scaled(sum).checked_div(active_hours).unwrap_or(0),
            peak: peak.map_or(0, |(_start, dials)| sample.scaled(*dials)),
            peak_at: peak.map(|(start, _dials)| *start),
            active_hours,
        }
    }

    fn chart(&self, sample: Sample, limit: u64, to_the_end: bool) -> Vec<Hour> {
        let accepted = sample.scaled(self.accepted);
        let mut hours = self.hours.clone();
        if to_the_end {
            let last = (self.until - SignedDuration::from_secs(1)).as_second();
            let hours_in_all = last.div_euclid(HOUR_SECONDS) - self.first_hour + 1;
            let most = usize::try_from(hours_in_all).unwrap_or(0).max(hours.len());
            hours.resize(most, OfHour::default());
        }
        let mut done_so_far = 0;
        let chart = hours.iter().enumerate().map(|(place, hour)| {
            done_so_far += hour.done;
            let done = sample.scaled(done_so_far).min(accepted);
            Hour {
                start: self.start_of(place),
                dials: sample.scaled(hour.dials),
                answered: sample.scaled(hour.answered),
                conversations: sample.scaled(hour.conversations),
                concurrency: sample.scaled(hour.concurrency).min(limit),
                done,
                waiting: accepted - done,
            }
        });
        chart.collect()
    }

    fn hour(&mut self, at: Timestamp) -> Option<&mut OfHour> {
        let hour = at.as_second().div_euclid(HOUR_SECONDS) - self.first_hour;
        let place = usize::try_from(hour).ok()?;
        if self.hours.len() <= place {
            self.hours.resize(place + 1, OfHour::default());
        }
        self.hours.get_mut(place)
    }

    fn start_of(&self, place: usize) -> Timestamp {
        let hour = self.first_hour + i64::try_from(place).unwrap_or(0);
        Timestamp::from_second(hour * HOUR_SECONDS).unwrap_or(Timestamp::MAX)
    }
}

/// A person was talked to.
fn is_conversation(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::AgentEnded
            | Outcome::CustomerHungUp
            | Outcome::OptedOut
            | Outcome::DurationLimit
            | Outcome::HungUpByUser
    )
}

fn each<K: Ord + Copy>(counts: &BTreeMap<K, u64>, scaled: impl Fn(u64) -> u64) -> BTreeMap<K, u64> {
    counts
        .iter()
        .map(|(key, count)| (*key, scaled(*count)))
        .collect()
}
