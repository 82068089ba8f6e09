//! What a simulation is made with, and whether it can be.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use model::{CampaignFields, CampaignId, Fault, FieldProblem, PhoneNumber};

use crate::outcomes::OutcomeModel;
use crate::prices::Prices;
use crate::report::Basis;
use crate::sample::Sample;

/// The longest run: every weekday, holiday and change of summer time comes round in it.
pub const DAYS_MAX: u32 = 366;
/// The most leads of one run: at half a kilobyte each they fit into the memory of a small machine.
pub const LEADS_MAX: u64 = 2_000_000;

/// Everything but the leads.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The campaign's id decides the order of leads that are due at once.
    pub campaign_id: CampaignId,
    pub campaign: CampaignFields,
    /// When it began to call, of one that runs: its start ramp counts from here. Absent: it starts with
    /// the run.
    pub last_started_at: Option<Timestamp>,
    pub from: Timestamp,
    pub days: u32,
    pub seed: u64,
    pub model: OutcomeModel,
    pub basis: Basis,
    pub prices: Prices,
    pub limits: Limits,
    /// The numbers of ours, when the campaign names none; empty: as many as it takes.
    pub numbers: Vec<PhoneNumber>,
    /// Set when the leads are a sample: limits are scaled down and counts scaled up.
    pub sample: Option<Sample>,
}

/// What the installation allows besides the campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Calls at once at the carrier's account.
    pub carrier_calls_max: u32,
    /// Calls at once of the tenant.
    pub tenant_calls_max: u32,
    /// From one call to the next at the carrier's account.
    pub call_interval: Duration,
}

impl Setup {
    /// The campaign that is simulated where there is none yet. Its id is always the same, so that the
    /// same input gives the same output.
    #[must_use]
    pub fn nobodys_campaign() -> CampaignId {
        CampaignId::from_parts(0, 0)
    }

    /// Every field that cannot be as it is, with the reason. Fields of the campaign, the model and the
    /// prices are named with where they are.
    #[must_use]
    pub fn problems(&self) -> Vec<FieldProblem> {
        let parts = [
            ("/campaign", self.campaign.problems()),
            ("/model", self.model.problems()),
            ("/prices", self.prices.problems()),
        ];
        let mut problems: Vec<FieldProblem> = parts
            .into_iter()
            .flat_map(|(at, inside)| inside.into_iter().map(|problem| problem.below(at)))
            .collect();
        if self.campaign.kind.is_none() {
            let says = "is needed: what the calls are for decides hours and consent";
            problems.push(FieldProblem::new("/campaign/kind", Fault::Missing, says));
        }
        let mut say = |at: &str, says: String| {
            problems.push(FieldProblem::new(at, Fault::OutOfRange, says));
        };
        if !(1..=DAYS_MAX).contains(&self.days) {
            let (days, most) = (self.days, DAYS_MAX);
            say("/days", format!("must be from 1 to {most}, is {days}"));
        } else if self.until().is_none() {
            say("/from", "is too late for any calendar".to_owned());
        }
        problems
    }

    /// The first instant after the run: days of 24 hours.
    pub(crate) fn until(&self) -> Option<Timestamp> {
        let hours = i64::from(self.days) * 24;
        // A month more, so that no due time after the end is beyond all time.
        self.from
            .checked_add(SignedDuration::from_hours(hours + 31 * 24))
            .ok()?;
        self.from
            .checked_add(SignedDuration::from_hours(hours))
            .ok()
    }
}
