//! The answer: what is to be expected, as data. The same document for the API and `--json`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::{LeadResult, Outcome, Rule};
use serde::{Deserialize, Serialize};

use crate::prices::{Cost, Prices};
use crate::sample::Sample;

/// What is to be expected of a campaign.
///
/// Every lead is counted once: `leads.total` is the sum of `leads.refused`, `leads.done` and
/// `leads.waiting`; and it is also `leads.called` and the sum of `skipped`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Forecast {
    pub from: Timestamp,
    pub until: Timestamp,
    pub days: u32,
    pub seed: u64,
    /// What the outcomes are drawn from.
    pub basis: Basis,
    /// `null`: every lead was simulated. Otherwise counts, calls at once and costs are scaled up from a
    /// sample that was run with lines scaled down.
    #[serde(default)]
    pub sample: Option<Sample>,
    pub leads: Leads,
    /// Leads that are never called in this time, by reason: what the list refused, what no rule allows,
    /// and what did not get its turn.
    pub skipped: BTreeMap<String, u64>,
    pub finish: Finish,
    pub calls: Calls,
    pub calls_per_hour: PerHour,
    pub concurrency: Concurrency,
    /// Calls that were claimed and turned back at the moment of dialling, by rule.
    pub turned_back: BTreeMap<Rule, u64>,
    pub our_numbers: OurNumbers,
    pub cost: Cost,
    pub prices: Prices,
    /// What was assumed, in sentences.
    pub assumptions: Vec<String>,
    /// The chart: one entry for each hour from the start to the finish, or to the end of the time.
    pub hours: Vec<Hour>,
}

/// Where the outcome model is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = ForecastBasis))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Basis {
    /// The documented defaults.
    Assumptions,
    /// Somebody set it.
    ByHand,
    /// Fitted to so many calls of the tenant, the defaults weighing as much as 50.
    History { calls: u32 },
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = ForecastLeads))]
pub struct Leads {
    pub total: u64,
    /// Rows that the list does not take, by reason.
    pub refused: BTreeMap<String, u64>,
    pub done: BTreeMap<LeadResult, u64>,
    /// Still waiting when the time is over.
    pub waiting: u64,
    /// The same by what they wait for.
    pub waiting_because: BTreeMap<Rule, u64>,
    /// Leads that were called at least once.
    pub called: u64,
}

/// When it is over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = ForecastFinish))]
pub struct Finish {
    /// When the last lead is done; `null`: not within this time.
    pub expected_at: Option<Timestamp>,
    /// When half of the leads that the list took were done.
    pub half_at: Option<Timestamp>,
    /// When nine of ten were.
    pub nine_tenths_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = ForecastCalls))]
pub struct Calls {
    pub total: u64,
    /// By people and by machines.
    pub answered: u64,
    /// Calls in which a person was talked to.
    pub conversations: u64,
    pub talk_seconds: u64,
    pub by_outcome: BTreeMap<Outcome, u64>,
    /// First attempts, second attempts and so on.
    pub by_attempt: Vec<u64>,
}

/// Calls begun in an hour of the clock (UTC).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = ForecastPerHour))]
pub struct PerHour {
    /// Over the hours in which anybody was called.
    pub mean: u64,
    pub peak: u64,
    pub peak_at: Option<Timestamp>,
    /// Hours in which anybody was called.
    pub active_hours: u64,
}

/// Calls at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = ForecastConcurrency))]
pub struct Concurrency {
    pub peak: u64,
    pub peak_at: Option<Timestamp>,
    /// The most that the limits allow.
    pub limit: u64,
}

/// Numbers of ours to call from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = ForecastCustomerNumbers))]
pub struct OurNumbers {
    /// In the pool; `null`: as many as it takes were assumed.
    pub given: Option<u64>,
    /// So many are needed on the busiest day (UTC), by `calls_per_number_per_day`.
    pub needed: u64,
}

/// An hour of the chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = ForecastHour))]
pub struct Hour {
    pub start: Timestamp,
    /// Calls begun.
    pub dials: u64,
    pub answered: u64,
    pub conversations: u64,
    /// The most calls at once.
    pub concurrency: u64,
    /// Leads done since the start, and waiting, when the hour is over.
    pub done: u64,
    pub waiting: u64,
}
