//! The time machine: a campaign on virtual time, before anyone is called.
//!
//! The planner, the rules and the retry logic are those of `dialer`, asked as the scheduler asks them;
//! people and carrier are drawn from an outcome model and a seed. It knows no clock, no file and no
//! table: leads go in, dials and a forecast come out, and the same input gives the same bytes.

mod chance;
mod dials;
mod history;
mod outcomes;
mod people;
mod prices;
mod report;
mod run;
mod sample;
mod setup;
mod table;
mod tally;

use std::time::Duration;

pub use dials::Dial;
pub use outcomes::{OutcomeModel, SECONDS_MAX, SHARE_MAX, SIGMA_MAX, Shares, Times};
pub use people::{Entrant, EntrantAlternate};
pub use prices::{Billed, Cost, CostLine, PRICE_MICROS_MAX, PriceRange, Prices};
pub use report::{Basis, Calls, Concurrency, Finish, Forecast, Hour, Leads, OurNumbers, PerHour};
pub use run::Simulation;
pub use sample::Sample;
pub use setup::{DAYS_MAX, LEADS_MAX, Limits, Setup};
pub use table::Table;

/// The nearest whole number of a real one that is not negative and not absurdly large; else 0.
fn whole(value: f64) -> u64 {
    // A `Duration` converts without a cast that could lose something silently.
    let Ok(duration) = Duration::try_from_secs_f64(value) else {
        return 0;
    };
    duration.as_secs() + u64::from(duration.subsec_millis() >= 500)
}

/// A length as a count.
fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
