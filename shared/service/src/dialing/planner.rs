//! The planner: which leads are called next, step by step.
//!
//! A step reads what is running, lets `dialer` decide, and writes the plan conditionally: claims with
//! their slots, later due times, leads that are done. It remembers nothing that matters: a step that dies
//! leaves leads waiting or calls claimed, and the next one, or the sweeper, goes on from there. One
//! planner per carrier account works at a time, by a lease that only saves work; two at once claim
//! nothing twice and go over no limit, because slots and leads' versions decide.
//!
//! It is woken by a tick and by events: an ended call frees a line, and the next due lead is claimed at
//! once. Who finds another step at work tells it to look once more.

mod notes;
mod reading;
mod writing;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use dialer::{AccountRoom, CampaignRoom, Due, Lanes, OurNumber, Snapshot, TenantRoom};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use model::{Campaign, CampaignState, DomainEvent, EventKind, LeadResult, Rule, TenantId};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use store::{ActiveCampaign, LaneCounts, Leases, Numbers, OurNumberDays, Pace, Plans, StoreError};
use tracing::info;

use self::notes::recent;
use self::reading::{Looked, apart};
use crate::call::CallPlans;
use crate::call::after_end::{AfterEnd, AfterEndResult};
use crate::call::carrier_recordings::CarrierRecordings;
use crate::campaign::redial::copy_page;
use crate::dialing::capacity::Capacity;
use crate::dialing::claims::{Claims, FreeSlots};
use crate::dialing::sweeper::{SweepResult, Sweeper};
use crate::dialing::upkeep::{Budget, Upkeep, is_finished};
use crate::dialing::workforce::Workforce;
use crate::{Clock, Context, Ids};

/// How long a step may work; what is left is done in the next.
pub const STEP_BUDGET: SignedDuration = SignedDuration::from_secs(20);
/// How long a tick may go on to what nobody waits for.
const TICK_MAX: SignedDuration = SignedDuration::from_secs(40);
/// How long a lease is good for without a renewal: a planner that died is replaced after that.
const LEASE: SignedDuration = SignedDuration::from_secs(45);
/// Looks of one step, when others knock or leads had to be put aside. The next tick goes on.
const LOOKS_MAX: u32 = 50;
/// Looks of one step only because leads had changed since they were read.
const OUTRUN_MAX: u32 = 3;
/// Lanes and campaigns that are read side by side.
const READS_AT_ONCE: usize = 8;

/// What a step came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlanStepResult {
    /// Another step is at work; it was told to look once more.
    pub busy: bool,
    /// Calls that were claimed.
    pub claimed: u32,
    /// Campaigns that are on the active list.
    pub active: u32,
    /// When time alone may allow more.
    pub wake_at: Option<Timestamp>,
}

/// Why a step was not finished. The next one goes on.
#[derive(Debug, thiserror::Error)]
#[error("a planning step was not finished")]
pub struct PlanStepError(#[source] StoreError);

impl From<StoreError> for PlanStepError {
    fn from(source: StoreError) -> Self {
        Self(source)
    }
}

/// The use case of the scheduler.
#[derive(Debug, Clone)]
pub struct Planner {
    campaigns: store::Campaigns,
    clock: Arc<dyn Clock>,
    contacts: store::Contacts,
    ids: Ids,
    leads: store::Leads,
    capacity: Capacity,
    claims: Claims,
    upkeep: Upkeep,
    call_plans: CallPlans,
    sweeper: Sweeper,
    after_end: AfterEnd,
    carrier_recordings: CarrierRecordings,
    leases: Leases,
    pace: Pace,
    plans: Plans,
    our_number_days: OurNumberDays,
    numbers: Numbers,
    workforce: Workforce,
    /// Which lanes are open: a memory of what `dialer` worked out before.
    lanes: Arc<Mutex<Lanes>>,
}

/// What one look came to.
#[derive(Debug, Default)]
pub(crate) struct Look {
    claimed: u32,
    active: u32,
    wake_at: Option<Timestamp>,
    /// Leads were put aside and lines are free: look again.
    again: bool,
    /// Leads had changed since they were read, as the index is a moment behind.
    outrun: bool,
}

/// Whether an event may allow a call that was not allowed before.
#[must_use]
pub fn wakes(event: &DomainEvent) -> bool {
    match event.kind {
        EventKind::CallEnded { .. }
        | EventKind::CampaignChanged { .. }
        | EventKind::ImportAdvanced { .. } => true,
        EventKind::CallAdvanced { .. }
        | EventKind::CallAnsweredBy { .. }
        | EventKind::TurnStored { .. }
        | EventKind::RecordingStored { .. }
        | EventKind::RecordingKept { .. }
        | EventKind::NumberSuppressed { .. } => false,
    }
}

impl Planner {
    #[must_use]
    pub fn new(context: &Context) -> Self {
        let store = &context.store;
        let capacity = Capacity {
            slots: store.slots.clone(),
            account: context.carrier.account_id().to_owned(),
            dialing: context.dialing,
        };
        Self {
            sweeper: Sweeper::new(context, capacity.clone()),
            after_end: AfterEnd::new(context),
            carrier_recordings: CarrierRecordings::new(
                store,
                Arc::clone(&context.carrier),
                Arc::clone(&context.clock),
                context.ids.clone(),
            ),
            upkeep: Upkeep::new(context),
            claims: Claims::new(context, capacity.clone()),
            call_plans: CallPlans {
                agents: store.agents.clone(),
                prompts: store.prompts.clone(),
                vendors: Some(context.vendors.clone()),
            },
            campaigns: store.campaigns.clone(),
            clock: Arc::clone(&context.clock),
            contacts: store.contacts.clone(),
            ids: context.ids.clone(),
            leads: store.leads.clone(),
            capacity,
            leases: store.leases.clone(),
            pace: store.pace.clone(),
            plans: store.plans.clone(),
            our_number_days: store.our_number_days.clone(),
            numbers: store.numbers.clone(),
            workforce: Workforce::new(&store.workers, &context.clock),
            lanes: Arc::default(),
        }
    }

    /// What the schedule asks for: sweeps, plans, then looks after calls that are over and, at night or when
    /// somebody asked, compares the carrier's recordings with ours.
    ///
    /// # Errors
    /// [`PlanStepError`]: the next tick goes on.
    pub async fn tick(&self) -> Result<PlanStepResult, PlanStepError> {
        let latest = self.now().checked_add(TICK_MAX).unwrap_or(Timestamp::MAX);
        let swept = self.sweep().await;
        let stepped = self.step().await;
        // Last: nobody waits for it.
        let looked = self.look_after_ends().await;
        let compared = self.compare_recordings(latest).await;
        let stepped = stepped?;
        swept?;
        looked?;
        compared?;
        Ok(stepped)
    }

    /// Looks after calls whose answers, callbacks or messages were lost.
    ///
    /// # Errors
    /// [`PlanStepError`]: the next sweep goes on.
    pub async fn sweep(&self) -> Result<SweepResult, PlanStepError> {
        Ok(Box::pin(self.sweeper.sweep()).await?)
    }

    /// Looks for what the carrier did not tell of calls that are over.
    ///
    /// # Errors
    /// [`PlanStepError`]: the next tick goes on.
    pub async fn look_after_ends(&self) -> Result<AfterEndResult, PlanStepError> {
        Ok(Box::pin(self.after_end.look()).await?)
    }

    async fn compare_recordings(&self, latest: Timestamp) -> Result<(), PlanStepError> {
        Box::pin(self.carrier_recordings.tick(latest)).await?;
        Ok(())
    }

    /// Plans until nothing more can be claimed now, or the time is up.
    ///
    /// # Errors
    /// [`PlanStepError`]: the next step goes on.
    pub async fn step(&self) -> Result<PlanStepResult, PlanStepError> {
        Box::pin(self.look_until_done()).await
    }

    async fn look_until_done(&self) -> Result<PlanStepResult, PlanStepError> {
        let now = self.now();
        let name = format!("PLANNER#{}", self.capacity.account);
        let holder = format!("{:032x}", self.ids.chance());
        let until = |from: Timestamp| from.checked_add(LEASE).unwrap_or(Timestamp::MAX);
        let lease = self.leases.acquire(&name, &holder, now, until(now)).await?;
        let Some(mut lease) = lease else {
            return Ok(PlanStepResult {
                busy: true,
                ..PlanStepResult::default()
            });
        };
        let budget = Budget {
            clock: Arc::clone(&self.clock),
            until: now.checked_add(STEP_BUDGET).unwrap_or(Timestamp::MAX),
        };
        let mut stepped = PlanStepResult::default();
        let mut outrun = 0;
        for _look in 0..LOOKS_MAX {
            let look = match self.look(&budget).await {
                Ok(look) => look,
                Err(error) => {
                    // The next step need not wait for the lease to end.
                    self.leases.release(lease).await?;
                    return Err(error.into());
                }
            };
            stepped.claimed = stepped.claimed.saturating_add(look.claimed);
            stepped.active = look.active;
            stepped.wake_at = look.wake_at;
            outrun += u32::from(look.outrun);
            let again = look.again || (look.outrun && outrun <= OUTRUN_MAX);
            if again && !budget.is_spent() {
                continue;
            }
            match self.leases.release(lease.clone()).await? {
                None => return Ok(stepped),
                // Somebody knocked: something has happened since this look began.
                Some(ours) => {
                    lease = ours;
                    if budget.is_spent() || !self.leases.renew(&lease, until(self.now())).await? {
                        break;
                    }
                }
            }
        }
        // There is more to do, and others may do it.
        stepped.wake_at = Some(self.now());
        while let Some(knocked) = self.leases.release(lease).await? {
            lease = knocked;
        }
        Ok(stepped)
    }

    /// Looks once at everything.
    async fn look(&self, budget: &Budget) -> Result<Look, StoreError> {
        let active = self.campaigns.active().await?;
        let mut look = Look {
            active: u32::try_from(active.len()).unwrap_or(u32::MAX),
            ..Look::default()
        };
        let mut running = Vec::new();
        for campaign in &active {
            if budget.is_spent() {
                return Ok(look);
            }
            match self.attend(campaign, budget, &mut look).await {
                Ok(attended) => running.extend(attended),
                Err(problem) => apart(campaign.campaign_id, problem)?,
            }
        }
        if !running.is_empty() {
            self.plan(running, budget, &mut look).await?;
        }
        Ok(look)
    }

    /// Does the upkeep of a campaign on the active list. Answers it if it is running.
    async fn attend(
        &self,
        active: &ActiveCampaign,
        budget: &Budget,
        look: &mut Look,
    ) -> Result<Option<(Campaign, Vec<LaneCounts>)>, StoreError> {
        if active.deleted {
            self.upkeep.remove(active, budget).await?;
            return Ok(None);
        }
        let (tenant, id) = (active.tenant_id, active.campaign_id);
        let Some(mut campaign) = self.campaigns.get(tenant, id).await? else {
            return Ok(None);
        };
        if campaign.state == CampaignState::Scheduled {
            campaign = self.upkeep.begin(campaign).await?;
        }
        match campaign.state {
            CampaignState::Running | CampaignState::Paused => {}
            CampaignState::Scheduled => {
                look.wake(campaign.fields.starts_at);
                return Ok(None);
            }
            CampaignState::Completed | CampaignState::Cancelled => {
                self.upkeep.wind_up(campaign, budget).await?;
                return Ok(None);
            }
            CampaignState::Draft => {
                // It takes leads of another campaign over.
                while !budget.is_spent()
                    && copy_page(&self.campaigns, &self.leads, tenant, id, self.clock.now()).await?
                {
                }
                return Ok(None);
            }
        }
        let lanes = self.leads.counts(tenant, id).await?;
        let counts = LaneCounts::sum(&lanes);
        let now = self.now();
        if campaign.fields.ends_at.is_some_and(|end| end <= now) && counts.waiting > 0 {
            let result = LeadResult::NotAllowed;
            let settled = self.upkeep.settle(&campaign, &lanes, result, budget);
            look.again |= settled.await? > 0;
            return Ok(None);
        }
        // A paused campaign whose last call has ended stays paused: its user may still add to it.
        let over = campaign.fields.ends_at.is_some_and(|end| end <= now);
        let running = campaign.state == CampaignState::Running;
        if is_finished(&counts) && (running || over) {
            self.upkeep.complete(campaign).await?;
            return Ok(None);
        }
        if !running {
            look.wake(campaign.fields.ends_at);
            return Ok(None);
        }
        look.wake(campaign.fields.ends_at);
        Ok(Some((campaign, lanes)))
    }

    /// Plans the running campaigns and carries it out.
    async fn plan(
        &self,
        running: Vec<(Campaign, Vec<LaneCounts>)>,
        budget: &Budget,
        look: &mut Look,
    ) -> Result<(), StoreError> {
        let live = self.capacity.live().await?;
        let free_account = self.capacity.left_of(&live);
        let lines = u32::try_from(free_account.len()).unwrap_or(u32::MAX);
        let outbound = u32::try_from(live.len()).unwrap_or(u32::MAX);
        let workers_free = self.workforce.room().await?.beside(outbound);
        // Where there is no worker a few leads are read, to say what they wait for.
        let wanted = lines.min(workers_free.max(1));
        let looked: Vec<Option<Looked>> = stream::iter(running)
            .map(|(campaign, lanes)| self.look_apart(campaign, lanes, &live, wanted))
            .buffered(READS_AT_ONCE)
            .try_collect()
            .await?;
        let looked: Vec<Looked> = looked.into_iter().flatten().collect();
        let mut board = FreeSlots {
            account: free_account,
            ..FreeSlots::default()
        };
        let mut numbers: BTreeMap<TenantId, Vec<OurNumber>> = BTreeMap::new();
        for one in looked.iter().filter(|one| !one.due.is_empty()) {
            let tenant = one.campaign.tenant_id;
            if let Entry::Vacant(free) = board.tenants.entry(tenant) {
                free.insert(self.capacity.of_tenant(tenant).await?);
                numbers.insert(tenant, self.our_numbers(tenant).await?);
            }
            let most = one.campaign.fields.max_concurrent_calls;
            let free = self
                .capacity
                .of_campaign(tenant, one.campaign.id, most)
                .await?;
            board.campaigns.insert(one.campaign.id, free);
        }
        let now = self.now();
        let pace_from = self.pace_from(&live, now).await?;
        let due: Vec<Vec<Due<'_>>> = looked.iter().map(Looked::due).collect();
        let rooms: Vec<CampaignRoom<'_>> = looked
            .iter()
            .zip(&due)
            .map(|(one, due)| CampaignRoom {
                campaign: &one.campaign,
                live_calls: one.live_calls,
                recent: recent(&one.note, &one.campaign),
                due,
            })
            .collect();
        let tenants: Vec<TenantRoom<'_>> = board
            .tenants
            .iter()
            .map(|(tenant, free)| TenantRoom {
                tenant_id: *tenant,
                free_slots: u32::try_from(free.len()).unwrap_or(u32::MAX),
                numbers: numbers.get(tenant).map_or(&[], Vec::as_slice),
            })
            .collect();
        let snapshot = Snapshot {
            account: AccountRoom {
                free_slots: lines,
                workers_free,
                call_interval: self.call_interval(),
                pace_from,
            },
            tenants: &tenants,
            campaigns: &rooms,
        };
        let plan = {
            let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
            let seed = u64::try_from(self.ids.chance() >> 64).unwrap_or_default();
            let mut rng = StdRng::seed_from_u64(seed);
            dialer::plan(&snapshot, &mut lanes, now, &mut rng)
        };
        look.wake(plan.wake_at);
        if workers_free == 0
            && lines > 0
            && plan.held.iter().any(|held| held.rule == Rule::NoWorker)
        {
            info!("leads wait for a media worker");
            metrics::counter!("trunkline_waits_for_worker_total", "who" => "leads").increment(1);
        }
        let put_aside = self.put_aside(&looked, &plan).await?;
        let claimed = self.claim(&looked, &plan, &mut board, budget, look).await?;
        look.claimed = claimed.values().sum();
        look.again |= put_aside && !board.account.is_empty();
        self.note(&looked, &plan, &claimed, now, look).await
    }

    fn call_interval(&self) -> SignedDuration {
        let interval = self.capacity.dialing.call_interval;
        SignedDuration::try_from(interval).unwrap_or(SignedDuration::MAX)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl Look {
    fn wake(&mut self, at: Option<Timestamp>) {
        self.wake_at = match (self.wake_at, at) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
}
