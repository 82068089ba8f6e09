//! How much goes wrong in a world.

use std::time::Duration;

use sim::carriers::twilio::CallbackFaults;

use super::chance::Chance;
use super::judge::CLOCK_WRONG_MAX;
use super::{aws, carrier};

/// One in each world, from a fair day to a foul one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    pub(super) storage: aws::Weather,
    pub(super) carrier: carrier::Weather,
    pub(super) callbacks: CallbackFaults,
    /// Of a thousand callbacks of a kind so many tell nobody.
    pub(super) callbacks_lost: u32,
    /// Of a thousand processes so many die.
    pub(super) deaths: u32,
    /// And of users' requests, which are few.
    pub(super) api_deaths: u32,
    /// Of a thousand times that a phone rings, or that somebody picks up, everything dies in so many.
    pub(super) kills: u32,
    /// How wrong clocks are at most. Where they are right, the distance between calls is judged to the
    /// second.
    pub(super) clocks_wrong: Duration,
}

impl Weather {
    pub(super) fn of(chance: &Chance) -> Self {
        let foul: u32 = *chance.pick(&[0, 1, 1, 1, 3]);
        Self {
            storage: aws::Weather {
                throttled: 4 * foul,
                fails: 4 * foul,
                lost: 4 * foul,
                slow: 20 * foul,
                leases_shared: 500,
            },
            carrier: carrier::Weather {
                not_connected: 10 * foul,
                too_many: 20 * foul,
                fails: 15 * foul,
                lost: 25 * foul,
                slow: 20 * foul,
                fetch: 20 * foul,
                second_fetch: 300 * foul.min(1),
            },
            callbacks_lost: 15 * foul,
            callbacks: CallbackFaults {
                drop_percent: 3 * foul,
                duplicate_percent: 5 * foul,
                delay_percent: 10 * foul,
                delay_max: Duration::from_secs(40 * u64::from(foul.max(1))),
            },
            deaths: 30 * foul,
            api_deaths: 150 * foul,
            kills: 10 * foul.min(1),
            clocks_wrong: *chance.pick(&[Duration::ZERO, CLOCK_WRONG_MAX, CLOCK_WRONG_MAX]),
        }
    }
}
