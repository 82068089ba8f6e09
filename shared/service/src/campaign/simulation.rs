//! What is to be expected of a campaign, before anyone is called or while it runs: its waiting leads, the
//! tenant's past calls and the limits, through the time machine of `forecast`.
//!
//! Reads and never writes. How people behave is taken from the campaign's own calls, else the tenant's,
//! unless the request says it.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::Arc;

use forecast::{
    Basis, Entrant, EntrantAlternate, Forecast, Limits, OutcomeModel, Prices, Sample, Setup,
    Simulation,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use model::{
    AlternateNumber, Call, CallState, Campaign, CampaignId, CampaignState, Contact, Direction,
    Lead, LeadCounts, LeadState, OUR_NUMBERS_MAX, PhoneNumber, TenantId,
};
use serde::Deserialize;
use settings::Dialing;
use store::{Calls, Campaigns, Contacts, Leads, Numbers, Shelf};

use crate::{Clock, Fault, FieldProblem, Refused};

/// Leads that are simulated where the request does not say, and at most. Those of a larger campaign are
/// a sample: so many are read and simulated well within the half minute that a request may take.
pub const LEADS_DEFAULT: u32 = 10_000;
pub const LEADS_MAX: u32 = 50_000;
/// Days that are simulated where the request does not say.
pub const DAYS_DEFAULT: u32 = 14;
/// The latest calls that the outcome model is taken from, in pages: 2,000 are enough for shares that are
/// right to a hundredth.
const HISTORY_PAGES_MAX: u32 = 4;
const HISTORY_PAGE: u32 = 500;
/// A campaign's own calls are its history from so many on; before, all of the tenant's are.
const OWN_CALLS_MIN: usize = 200;
/// Contacts that are asked for at once, and in how many requests side by side.
const CONTACTS_AT_ONCE: usize = 100;
const CONTACT_READS: usize = 8;
const NUMBERS_PAGE: u32 = 100;
/// The largest seed: what every JSON reader keeps exactly (RFC 8259, section 6).
pub const SEED_MAX: u64 = (1 << 53) - 1;

/// What a request may say. Everything has a default.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = Simulation))]
#[serde(deny_unknown_fields, default)]
pub struct Ask {
    /// When it begins; absent: now.
    pub from: Option<Timestamp>,
    pub days: Option<u32>,
    /// Absent: 1. The same seed gives the same people.
    pub seed: Option<u64>,
    /// How people and the carrier behave; absent: as in the calls of the past.
    pub model: Option<OutcomeModel>,
    pub prices: Option<Prices>,
    /// Of a campaign with more leads that wait, so many are a sample.
    pub max_leads: Option<u32>,
}

/// The use case of forecasts.
#[derive(Debug, Clone)]
pub struct Simulations {
    campaigns: Campaigns,
    leads: Leads,
    contacts: Contacts,
    calls: Calls,
    numbers: Numbers,
    dialing: Dialing,
    clock: Arc<dyn Clock>,
}

impl Simulations {
    #[must_use]
    pub fn new(store: &store::Store, dialing: Dialing, clock: Arc<dyn Clock>) -> Self {
        Self {
            campaigns: store.campaigns.clone(),
            leads: store.leads.clone(),
            contacts: store.contacts.clone(),
            calls: store.calls.clone(),
            numbers: store.numbers.clone(),
            dialing,
            clock,
        }
    }

    /// Simulates a campaign's waiting leads.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn simulate(
        &self,
        tenant_id: TenantId,
        campaign_id: CampaignId,
        ask: Ask,
    ) -> Result<Forecast, Refused> {
        let most = ask.max_leads.unwrap_or(LEADS_DEFAULT);
        if !(1..=LEADS_MAX).contains(&most) {
            let says = format!("must be from 1 to {LEADS_MAX}, is {most}");
            return Err(Refused::field("/max_leads", Fault::OutOfRange, &says));
        }
        if ask.seed.is_some_and(|seed| seed > SEED_MAX) {
            let says = format!("must be at most {SEED_MAX}");
            return Err(Refused::field("/seed", Fault::OutOfRange, &says));
        }
        let campaign = self.campaigns.get(tenant_id, campaign_id).await?;
        let campaign = campaign.ok_or(Refused::NotFound)?;
        let mut setup = self.setup(&campaign, ask);
        // Said before anything is read that takes long.
        refuse(setup.problems())?;
        let (entrants, waiting) = self.entrants(tenant_id, campaign_id, most).await?;
        let read = u64::try_from(entrants.len()).unwrap_or(u64::MAX);
        if waiting > u64::from(most) {
            setup.sample = Some(Sample {
                simulated: read,
                of: waiting,
            });
        }
        setup.numbers = self.numbers_of(&campaign).await?;
        if setup.basis == Basis::Assumptions {
            let history = self.history(tenant_id, campaign_id).await?;
            let (model, calls) = OutcomeModel::from_history(&history);
            if calls > 0 {
                setup.model = model;
                setup.basis = Basis::History { calls };
            }
        }
        run(setup, entrants).await
    }

    fn setup(&self, campaign: &Campaign, ask: Ask) -> Setup {
        let running = campaign.state == CampaignState::Running;
        let basis = match &ask.model {
            Some(_) => Basis::ByHand,
            None => Basis::Assumptions,
        };
        Setup {
            campaign_id: campaign.id,
            campaign: campaign.fields.clone(),
            last_started_at: campaign.last_started_at.filter(|_| running),
            from: ask.from.unwrap_or_else(|| self.clock.now()),
            days: ask.days.unwrap_or(DAYS_DEFAULT),
            seed: ask.seed.unwrap_or(1),
            model: ask.model.unwrap_or_default(),
            basis,
            prices: ask.prices.unwrap_or_default(),
            limits: Limits {
                carrier_calls_max: self.dialing.carrier_calls_max,
                tenant_calls_max: self.dialing.tenant_calls_max,
                call_interval: self.dialing.call_interval,
            },
            numbers: Vec::new(),
            sample: None,
        }
    }

    /// Leads that wait, of each lane as many as its share of all, and how many wait in all. Through the
    /// due index, so leads that are done cost nothing.
    async fn entrants(
        &self,
        tenant_id: TenantId,
        campaign_id: CampaignId,
        most: u32,
    ) -> Result<(Vec<Entrant>, u64), Refused> {
        let lanes = self.leads.counts(tenant_id, campaign_id).await?;
        let waiting: u64 = lanes.iter().map(|lane| lane.counts.waiting).sum();
        let mut leads: Vec<Lead> = Vec::new();
        for lane in lanes.iter().filter(|lane| lane.counts.waiting > 0) {
            let share = share_of(&lane.counts, waiting, most);
            let due = self.leads.due(
                tenant_id,
                campaign_id,
                lane.lane.id(),
                Timestamp::MAX,
                share,
            );
            leads.extend(due.await?.into_iter().map(|row| row.lead));
        }
        let contacts = self.contacts_of(tenant_id, &leads).await?;
        let entrants = leads.into_iter();
        let entrants = entrants.filter_map(|lead| entrant(lead, &contacts));
        Ok((entrants.collect(), waiting))
    }

    async fn contacts_of(
        &self,
        tenant_id: TenantId,
        leads: &[Lead],
    ) -> Result<BTreeMap<PhoneNumber, Contact>, Refused> {
        let numbers = leads.iter().flat_map(Lead::numbers);
        let numbers: Vec<PhoneNumber> = numbers.map(|(number, _lane)| number.clone()).collect();
        let numbers: Vec<Vec<PhoneNumber>> = numbers
            .chunks(CONTACTS_AT_ONCE)
            .map(<[_]>::to_vec)
            .collect();
        let reads = stream::iter(numbers)
            .map(|numbers| async move { self.contacts.batch_get(tenant_id, &numbers).await });
        let rows: Vec<_> = reads.buffer_unordered(CONTACT_READS).try_collect().await?;
        let rows = rows.into_iter().flatten();
        Ok(rows.map(|row| (row.number, row.contact)).collect())
    }

    /// The numbers that a campaign without numbers of its own calls from: the tenant's.
    async fn numbers_of(&self, campaign: &Campaign) -> Result<Vec<PhoneNumber>, Refused> {
        let mut numbers = Vec::new();
        let mut after = None;
        while campaign.fields.numbers.is_empty() && numbers.len() < OUR_NUMBERS_MAX {
            let page = self
                .numbers
                .list(campaign.tenant_id, Shelf::InUse, after, NUMBERS_PAGE)
                .await?;
            after = page.items.last().map(|number| number.id);
            numbers.extend(page.items.into_iter().map(|number| number.number));
            if !page.more {
                break;
            }
        }
        numbers.truncate(OUR_NUMBERS_MAX);
        Ok(numbers)
    }

    /// The campaign's latest calls, or the tenant's where those are few.
    async fn history(
        &self,
        tenant_id: TenantId,
        campaign_id: CampaignId,
    ) -> Result<Vec<Call>, Refused> {
        let mut calls: Vec<Call> = Vec::new();
        let mut after = None;
        for _page in 0..HISTORY_PAGES_MAX {
            let page = self.calls.list(tenant_id, after, HISTORY_PAGE).await?;
            after = page.items.last().map(|row| row.call.id);
            let ended = page.items.into_iter().map(|row| row.call).filter(|call| {
                call.state == CallState::Ended && call.direction == Direction::Outbound
            });
            calls.extend(ended);
            if !page.more {
                break;
            }
        }
        let own = |call: &Call| call.campaign_id == Some(campaign_id);
        if calls.iter().filter(|call| own(call)).count() >= OWN_CALLS_MIN {
            calls.retain(own);
        }
        Ok(calls)
    }
}

/// How many leads of a lane belong to a sample.
fn share_of(counts: &LeadCounts, waiting: u64, most: u32) -> u32 {
    if waiting <= u64::from(most) {
        // All of them, and those that came since they were counted.
        return most;
    }
    let share = u128::from(counts.waiting) * u128::from(most);
    let share = share.div_ceil(u128::from(waiting));
    u32::try_from(share).unwrap_or(most)
}

fn entrant(lead: Lead, contacts: &BTreeMap<PhoneNumber, Contact>) -> Option<Entrant> {
    let LeadState::Waiting { due_at } = lead.state else {
        return None;
    };
    let contact = contacts.get(&lead.number).cloned();
    let alternates = lead.alternates.into_iter();
    let alternates = alternates.map(|AlternateNumber { number, lane }| EntrantAlternate {
        // Two leads may share it.
        contact: contacts.get(&number).cloned(),
        number,
        lane,
    });
    let alternates = alternates.collect();
    let mut entrant = Entrant::new(lead.number, lead.lane);
    entrant.alternates = alternates;
    entrant.rotation = lead.rotation;
    entrant.priority = lead.priority;
    entrant.consent = lead.consent;
    entrant.attempts = lead.attempts;
    entrant.faults = lead.faults;
    entrant.due_at = due_at;
    entrant.contact = contact;
    Some(entrant)
}

/// Away from the threads that serve sockets: it computes for up to a few seconds.
async fn run(setup: Setup, entrants: Vec<Entrant>) -> Result<Forecast, Refused> {
    let work = tokio::task::spawn_blocking(move || {
        let mut simulation = Simulation::new(setup)?;
        for entrant in entrants {
            simulation.add(entrant);
        }
        Ok(simulation.forecast())
    });
    match work.await {
        Ok(Ok(forecast)) => Ok(forecast),
        Ok(Err(problems)) => Err(Refused::Invalid(problems)),
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_stopping) => Err(Refused::Stopping),
        },
    }
}

fn refuse(problems: Vec<FieldProblem>) -> Result<(), Refused> {
    if problems.is_empty() {
        return Ok(());
    }
    Err(Refused::Invalid(problems))
}
