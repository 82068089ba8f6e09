//! The circuit breaker and the ramp of a campaign: how many calls it may have at once just now.

use jiff::{SignedDuration, Timestamp};
use model::{Breaker, Campaign, Outcome, Ramp, Rule};

use crate::attempts::{is_failure, later};

/// Calls at once while a breaker that was open finds out whether the fault is over; as many successes
/// in a row close it.
pub const HALF_OPEN_PROBES: u32 = 3;

/// The latest ended calls of a campaign, as far as the breaker looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recent {
    pub calls: u32,
    pub failures: u32,
    /// Calls without a fault since the last one with.
    pub successes_in_a_row: u32,
    pub last_failure_at: Option<Timestamp>,
}

/// How many calls a campaign may have at once, and what sets the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Concurrency {
    pub(crate) most: u32,
    pub(crate) rule: Rule,
    /// When it rises by itself.
    pub(crate) until: Option<Timestamp>,
}

impl Recent {
    /// From ended calls, the newest first: outcome and end.
    pub fn of(calls: impl IntoIterator<Item = (Outcome, Timestamp)>, breaker: &Breaker) -> Self {
        let mut recent = Self::default();
        let most = usize::try_from(breaker.calls).unwrap_or(usize::MAX);
        for (outcome, ended_at) in calls.into_iter().take(most) {
            recent.calls += 1;
            if is_failure(outcome) {
                recent.failures += 1;
                recent.last_failure_at = recent.last_failure_at.max(Some(ended_at));
            } else if recent.failures == 0 {
                recent.successes_in_a_row += 1;
            }
        }
        recent
    }

    /// Too many failures, and not yet proven that it is over.
    fn tripped(&self, breaker: &Breaker) -> bool {
        let enough = self.calls >= breaker.calls && breaker.failures_percent < 100;
        let failed = u64::from(self.failures) * 100
            >= u64::from(breaker.failures_percent) * u64::from(self.calls);
        enough && failed && self.failures > 0 && self.successes_in_a_row < HALF_OPEN_PROBES
    }
}

/// The smallest of the campaign's limits.
pub(crate) fn concurrency(campaign: &Campaign, recent: &Recent, now: Timestamp) -> Concurrency {
    let fields = &campaign.fields;
    let limit = Concurrency {
        most: fields.max_concurrent_calls,
        rule: Rule::CampaignConcurrency,
        until: None,
    };
    let ramp = ramp(
        fields.ramp,
        limit.most,
        campaign.last_started_at.unwrap_or(now),
        now,
    );
    let limit = if ramp.most < limit.most { ramp } else { limit };
    if !recent.tripped(&fields.breaker) {
        return limit;
    }
    let until = recent
        .last_failure_at
        .map(|at| later(at, fields.breaker.pause.as_duration()));
    let open = until.filter(|until| *until > now);
    let most = if open.is_some() {
        0
    } else {
        HALF_OPEN_PROBES.min(limit.most)
    };
    Concurrency {
        most,
        rule: Rule::CircuitBreaker,
        until: open,
    }
}

/// A straight line from `ramp.from` at the start to the campaign's limit.
fn ramp(ramp: Ramp, limit: u32, since: Timestamp, now: Timestamp) -> Concurrency {
    let over = ramp.over.as_duration().as_secs();
    let rise = i64::from(limit.saturating_sub(ramp.from));
    let elapsed = now.duration_since(since).as_secs().max(0);
    if elapsed >= over || rise == 0 {
        return Concurrency {
            most: limit,
            rule: Rule::CampaignConcurrency,
            until: None,
        };
    }
    let risen = rise * elapsed / over;
    let next_step = ((risen + 1) * over + rise - 1) / rise;
    Concurrency {
        most: ramp
            .from
            .saturating_add(u32::try_from(risen).unwrap_or(u32::MAX)),
        rule: Rule::Ramp,
        until: Some(later(since, SignedDuration::from_secs(next_step))),
    }
}

#[cfg(test)]
mod tests {
    use model::Delay;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_ramp_is_a_straight_line() {
        let line = Ramp {
            from: 2,
            over: Delay::from_mins(10),
        };
        let most: Vec<_> = [0, 59, 60, 299, 300, 599, 600, 10_000]
            .into_iter()
            .map(|second| ramp(line, 12, at(0), at(second)).most)
            .collect();
        assert_eq!(most, [2, 2, 3, 6, 7, 11, 12, 12]);
        assert_eq!(ramp(line, 12, at(0), at(59)).until, Some(at(60)));
        assert_eq!(ramp(line, 1, at(0), at(0)).most, 1);
    }

    #[test]
    fn the_breaker_opens_waits_and_probes() {
        let mut campaign = crate::testing::campaign(crate::testing::fields(""));
        campaign.fields.breaker = Breaker {
            failures_percent: 50,
            calls: 10,
            pause: Delay::from_mins(5),
        };
        let calls = |text: &str| {
            let calls = text.bytes().enumerate().map(|(place, letter)| {
                let second = 1_000 - i64::try_from(place).unwrap() * 10;
                match letter {
                    b'x' => (Outcome::CarrierFailed, at(second)),
                    _ => (Outcome::NoAnswer, at(second)),
                }
            });
            Recent::of(calls, &campaign.fields.breaker)
        };
        let most = |text: &str, second| concurrency(&campaign, &calls(text), at(second));
        // Newest first.
        assert_eq!(most("x.x.x.x.x", 1_000).most, 5);
        assert_eq!(most("x.x.x.x.x.", 1_000).most, 0);
        assert_eq!(most("x.x.x.x.x.", 1_000).until, Some(at(1_300)));
        assert_eq!(most("x.x.x.x.x.", 1_300).most, HALF_OPEN_PROBES);
        assert_eq!(most("..xxxxxxxx", 1_300).most, HALF_OPEN_PROBES);
        assert_eq!(most("...xxxxxxx", 1_300).most, 5);
        assert_eq!(most(".x.x.x....", 1_000).most, 5);
    }
}
