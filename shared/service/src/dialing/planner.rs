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

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use dialer::{
    AccountRoom, CampaignRoom, Due, Lanes, LanesOpen, OurNumber, Plan, Recent, Snapshot, TenantRoom,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use model::{
    AgentId, Campaign, CampaignId, CampaignState, Contact, DomainEvent, EventKind, Lane, LaneId,
    Lead, LeadId, LeadResult, LeadState, OUR_NUMBERS_MAX, PhoneNumber, Rule, TenantId, TraceId,
};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use store::{
    ActiveCampaign, ContactRow, LaneCounts, LeadRow, Leases, Numbers, OurNumberDays, Pace,
    PlanNote, Plans, RecentCall, SlotRow, StoreError,
};
use tracing::{error, info};

use crate::call::ending::done;
use crate::call::recorder::Recorder;
use crate::call::{CallPlan, CallPlans};
use crate::campaign::redial::copy_page;
use crate::dialing::capacity::Capacity;
use crate::dialing::claims::{Claim, Claimed, Claims, FreeSlots};
use crate::dialing::sweeper::{SweepResult, Sweeper};
use crate::dialing::upkeep::{Budget, Upkeep, is_finished};
use crate::dialing::workforce::Workforce;
use crate::{Context, Refused};

/// How long a step may work; what is left is done in the next.
pub const STEP_BUDGET: SignedDuration = SignedDuration::from_secs(20);
/// How long a lease is good for without a renewal: a planner that died is replaced after that.
const LEASE: SignedDuration = SignedDuration::from_secs(45);
/// Looks of one step, when others knock or leads had to be put aside. The next tick goes on.
const LOOKS_MAX: u32 = 50;
/// Looks of one step only because leads had changed since they were read.
const OUTRUN_MAX: u32 = 3;
/// Leads that are read for each free line: some of them will be held back by a rule of their own.
const DUE_PER_LINE: u32 = 2;
const DUE_MIN: u32 = 10;
/// Leads of one campaign that are looked at in one look, over all its lanes.
const DUE_MAX: u32 = 400;
/// Lanes and campaigns that are read side by side.
const READS_AT_ONCE: usize = 8;
/// A note that says the same again is written when the one before is this old.
const NOTE_AGE_MAX: SignedDuration = SignedDuration::from_secs(30);
/// Numbers of a tenant that are read at once.
const NUMBERS_PAGE: u32 = 100;

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
    recorder: Recorder,
    capacity: Capacity,
    claims: Claims,
    upkeep: Upkeep,
    call_plans: CallPlans,
    sweeper: Sweeper,
    leases: Leases,
    pace: Pace,
    plans: Plans,
    our_number_days: OurNumberDays,
    numbers: Numbers,
    workforce: Workforce,
    /// Which lanes are open: a memory of what `dialer` worked out before.
    lanes: Arc<Mutex<Lanes>>,
}

/// A running campaign as one look sees it.
#[derive(Debug)]
struct Looked {
    campaign: Campaign,
    /// What the step before said.
    before: PlanNote,
    note: PlanNote,
    live_calls: u32,
    due: Vec<(LeadRow, LaneId)>,
    contacts: BTreeMap<PhoneNumber, Contact>,
    open: LanesOpen,
}

/// What one look came to.
#[derive(Debug, Default)]
struct Look {
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
        | EventKind::RecordingArchived { .. }
        | EventKind::NumberSuppressed { .. } => false,
    }
}

impl Planner {
    #[must_use]
    pub fn new(context: &Context) -> Self {
        let store = &context.store;
        let recorder = Recorder::new(store, Arc::clone(&context.clock), context.ids.clone());
        let capacity = Capacity {
            slots: store.slots.clone(),
            account: context.carrier.account_sid().to_owned(),
            dialing: context.dialing,
        };
        let claims = Claims {
            recorder: recorder.clone(),
            capacity: capacity.clone(),
            dial: store.dial.clone(),
        };
        Self {
            sweeper: Sweeper::new(context, claims.clone()),
            upkeep: Upkeep {
                recorder: recorder.clone(),
                plans: store.plans.clone(),
            },
            call_plans: CallPlans {
                agents: store.agents.clone(),
                prompts: store.prompts.clone(),
            },
            recorder,
            capacity,
            claims,
            leases: store.leases.clone(),
            pace: store.pace.clone(),
            plans: store.plans.clone(),
            our_number_days: store.our_number_days.clone(),
            numbers: store.numbers.clone(),
            workforce: Workforce::new(&store.workers, &context.clock),
            lanes: Arc::default(),
        }
    }

    /// What the schedule asks for: sweeps, then plans.
    ///
    /// # Errors
    /// [`PlanStepError`]: the next tick goes on.
    pub async fn tick(&self) -> Result<PlanStepResult, PlanStepError> {
        let swept = self.sweep().await;
        let stepped = self.step().await?;
        swept?;
        Ok(stepped)
    }

    /// Looks after calls whose answers, callbacks or messages were lost.
    ///
    /// # Errors
    /// [`PlanStepError`]: the next sweep goes on.
    pub async fn sweep(&self) -> Result<SweepResult, PlanStepError> {
        Ok(Box::pin(self.sweeper.sweep()).await?)
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
        let holder = format!("{:032x}", self.recorder.ids.chance());
        let until = |from: Timestamp| from.checked_add(LEASE).unwrap_or(Timestamp::MAX);
        let lease = self.leases.acquire(&name, &holder, now, until(now)).await?;
        let Some(mut lease) = lease else {
            return Ok(PlanStepResult {
                busy: true,
                ..PlanStepResult::default()
            });
        };
        let budget = Budget {
            clock: Arc::clone(&self.recorder.clock),
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
        let active = self.recorder.campaigns.active().await?;
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
        let Some(mut campaign) = self.recorder.campaigns.get(tenant, id).await? else {
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
                while !budget.is_spent() && copy_page(&self.recorder, tenant, id).await? {}
                return Ok(None);
            }
        }
        let lanes = self.recorder.leads.counts(tenant, id).await?;
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
            let seed = u64::try_from(self.recorder.ids.chance() >> 64).unwrap_or_default();
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

    /// A campaign that cannot be read holds up no other.
    async fn look_apart(
        &self,
        campaign: Campaign,
        lanes: Vec<LaneCounts>,
        live: &[SlotRow],
        lines: u32,
    ) -> Result<Option<Looked>, StoreError> {
        let id = campaign.id;
        match self.look_at(campaign, lanes, live, lines).await {
            Ok(looked) => Ok(Some(looked)),
            Err(problem) => apart(id, problem).map(|()| None),
        }
    }

    /// Reads the due leads of a campaign's open lanes, and what is known of their numbers.
    async fn look_at(
        &self,
        campaign: Campaign,
        lanes: Vec<LaneCounts>,
        live: &[SlotRow],
        lines: u32,
    ) -> Result<Looked, StoreError> {
        let (tenant, id) = (campaign.tenant_id, campaign.id);
        let now = self.now();
        let calls = live.iter().filter(|slot| slot.campaign_id == Some(id));
        let live_calls = u32::try_from(calls.count()).unwrap_or(u32::MAX);
        let counts = LaneCounts::sum(&lanes);
        let note = self.plans.get(tenant, id).await?.unwrap_or_default();
        let before = note.clone();
        let kept = campaign.fields.breaker.calls;
        let note = with_ended(note, &counts.calls, kept, now);
        let waiting: Vec<(LaneId, &Lane)> = lanes
            .iter()
            .filter(|lane| lane.counts.waiting > 0)
            .map(|lane| (lane.lane.id(), &lane.lane))
            .collect();
        let open = {
            let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
            lanes.open(&campaign, waiting, now)
        };
        let room = campaign
            .fields
            .max_concurrent_calls
            .saturating_sub(live_calls);
        let want = match room.min(lines) {
            0 => 0,
            room => room.saturating_mul(DUE_PER_LINE).clamp(DUE_MIN, DUE_MAX),
        };
        // The next leads are the same wherever lanes divide them: so many from each, so many of all.
        let mut due = self.due_in(&campaign, &open.open, now, want).await?;
        // Leads of lanes that never open again are read too: they are done.
        let lost = if want == 0 { 0 } else { DUE_MAX };
        due.append(&mut self.due_in(&campaign, &open.never, now, lost).await?);
        let numbers: Vec<PhoneNumber> = due
            .iter()
            .map(|(row, _lane)| row.lead.number.clone())
            .collect();
        let contacts = self.recorder.contacts.batch_get(tenant, &numbers).await?;
        Ok(Looked {
            campaign,
            before,
            note,
            live_calls,
            due,
            contacts: contacts
                .into_iter()
                .map(|ContactRow { number, contact }| (number, contact))
                .collect(),
            open,
        })
    }

    /// The first due leads of these lanes, at most so many of all of them, in the order in which they are
    /// called.
    async fn due_in(
        &self,
        campaign: &Campaign,
        lanes: &[LaneId],
        now: Timestamp,
        most: u32,
    ) -> Result<Vec<(LeadRow, LaneId)>, StoreError> {
        if most == 0 {
            return Ok(Vec::new());
        }
        let (tenant, id) = (campaign.tenant_id, campaign.id);
        let found: Vec<Vec<(LeadRow, LaneId)>> = stream::iter(lanes.iter().copied())
            .map(async |lane| {
                let due = self.recorder.leads.due(tenant, id, lane, now, most).await?;
                Ok::<_, StoreError>(due.into_iter().map(|row| (row, lane)).collect())
            })
            .buffered(READS_AT_ONCE)
            .try_collect()
            .await?;
        let mut due: Vec<(LeadRow, LaneId)> = found.into_iter().flatten().collect();
        due.sort_unstable_by_key(|(row, _lane)| order(&row.lead));
        due.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        Ok(due)
    }

    /// Writes later due times and leads that are done without a call. Whether any were written.
    async fn put_aside(&self, looked: &[Looked], plan: &Plan<'_>) -> Result<bool, StoreError> {
        let now = self.now();
        let mut any = false;
        for one in looked {
            let rows: BTreeMap<LeadId, &LeadRow> = one
                .due
                .iter()
                .map(|(row, _lane)| (row.lead.id, row))
                .collect();
            let mine = |lead: &Lead| lead.campaign_id == one.campaign.id;
            let deferred = plan.deferrals.iter().filter(|deferral| mine(deferral.lead));
            let deferred = deferred.map(|deferral| {
                let lead = Lead {
                    state: LeadState::Waiting {
                        due_at: deferral.due_at,
                    },
                    updated_at: now,
                    ..deferral.lead.clone()
                };
                (deferral.lead.id, lead)
            });
            let ended = plan.endings.iter().filter(|ending| mine(ending.lead));
            let ended = ended.map(|ending| (ending.lead.id, done(ending.lead, ending.result, now)));
            let changes: Vec<(LeadRow, Lead)> = deferred
                .chain(ended)
                .filter_map(|(id, lead)| Some(((*rows.get(&id)?).clone(), lead)))
                .collect();
            if changes.is_empty() {
                continue;
            }
            let tenant = one.campaign.tenant_id;
            any |= self.recorder.leads.replace_many(tenant, &changes).await? > 0;
        }
        Ok(any)
    }

    /// Claims what is to be dialled, in the order of the plan. How many, by campaign.
    async fn claim(
        &self,
        looked: &[Looked],
        plan: &Plan<'_>,
        board: &mut FreeSlots,
        budget: &Budget,
        look: &mut Look,
    ) -> Result<BTreeMap<CampaignId, u32>, StoreError> {
        let rows: BTreeMap<LeadId, &LeadRow> = looked
            .iter()
            .flat_map(|one| &one.due)
            .map(|(row, _lane)| (row.lead.id, row))
            .collect();
        let mut call_plans: BTreeMap<(TenantId, AgentId), Option<CallPlan>> = BTreeMap::new();
        let mut claimed: BTreeMap<CampaignId, u32> = BTreeMap::new();
        for dial in &plan.dials {
            if budget.is_spent() {
                break;
            }
            let campaign = dial.campaign;
            let Some(agent) = campaign.fields.agent_id else {
                error!(campaign.id = %campaign.id, "a running campaign has no agent");
                continue;
            };
            let key = (campaign.tenant_id, agent);
            let call_plan = match call_plans.entry(key) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(self.call_plan(campaign, agent).await?),
            };
            let Some(call_plan) = call_plan else { continue };
            let Some(lead) = rows.get(&dial.lead.id).copied() else {
                continue;
            };
            let claim = Claim {
                campaign,
                lead,
                call_plan,
                from: dial.from,
                not_before: dial.not_before,
            };
            match self.claims.claim(claim, board).await? {
                Claimed::Call(call) => {
                    let trace = TraceId::of_call(call);
                    info!(call.id = %call, trace_id = %trace, campaign.id = %campaign.id, lead.id = %lead.lead.id, "a lead is called");
                    let count = claimed.entry(campaign.id).or_default();
                    *count = count.saturating_add(1);
                }
                Claimed::LeadChanged => look.outrun = true,
                Claimed::NoSlot => {}
                Claimed::Unfit => {
                    let ended = done(&lead.lead, LeadResult::Failed, self.now());
                    let change = [(lead.clone(), ended)];
                    let tenant = campaign.tenant_id;
                    self.recorder.leads.replace_many(tenant, &change).await?;
                }
            }
        }
        metrics::counter!("trunkline_leads_claimed_total")
            .increment(claimed.values().copied().map(u64::from).sum());
        Ok(claimed)
    }

    /// The campaign's agent and prompt; `None` when they are not there any more.
    async fn call_plan(
        &self,
        campaign: &Campaign,
        agent: AgentId,
    ) -> Result<Option<CallPlan>, StoreError> {
        match self.call_plans.call_plan(campaign.tenant_id, agent).await {
            Ok(call_plan) => Ok(Some(call_plan)),
            Err(Refused::Unavailable(error)) => Err(error),
            Err(problem) => {
                error!(campaign.id = %campaign.id, agent.id = %agent, %problem, "a campaign cannot call with its agent");
                Ok(None)
            }
        }
    }

    /// Keeps what the step said of each campaign.
    async fn note(
        &self,
        looked: &[Looked],
        plan: &Plan<'_>,
        claimed: &BTreeMap<CampaignId, u32>,
        now: Timestamp,
        look: &mut Look,
    ) -> Result<(), StoreError> {
        let held = plan.held_by_rule();
        for one in looked {
            let id = one.campaign.id;
            look.wake(one.open.next_opening);
            let mut note = one.note.clone();
            note.at = now;
            note.held = held
                .iter()
                .filter(|((campaign, _rule), _count)| *campaign == id)
                .map(|((_campaign, rule), count)| (*rule, *count))
                .collect();
            note.dials = claimed.get(&id).copied().unwrap_or_default();
            note.lanes_open = u32::try_from(one.open.open.len()).unwrap_or(u32::MAX);
            note.lanes_closed = u32::try_from(one.open.closed.len()).unwrap_or(u32::MAX);
            note.next_opening = one.open.next_opening;
            note.wake_at = plan.wake_at;
            if says_more(&one.before, &note) {
                self.plans.put(one.campaign.tenant_id, id, &note).await?;
            }
        }
        Ok(())
    }

    /// Every number of a tenant with how often it called today.
    async fn our_numbers(&self, tenant: TenantId) -> Result<Vec<OurNumber>, StoreError> {
        let mut numbers: Vec<PhoneNumber> = Vec::new();
        let mut after = None;
        while numbers.len() < OUR_NUMBERS_MAX {
            let page = self.numbers.list(tenant, after, NUMBERS_PAGE).await?;
            after = page.items.last().map(|number| number.id);
            numbers.extend(page.items.into_iter().map(|number| number.number));
            if !page.more {
                break;
            }
        }
        let today = self
            .our_number_days
            .today(tenant, &numbers, self.now())
            .await?;
        Ok(numbers
            .into_iter()
            .map(|number| OurNumber {
                calls_today: today.get(&number).copied().unwrap_or_default(),
                number,
            })
            .collect())
    }

    /// From when on the pace is free: after what was reserved, and after what is claimed for later.
    async fn pace_from(&self, live: &[SlotRow], now: Timestamp) -> Result<Timestamp, StoreError> {
        let reserved = self.pace.next_at(&self.capacity.account).await?;
        let planned = live.iter().map(|slot| slot.not_before).max();
        let planned = planned.and_then(|at| at.checked_add(self.call_interval()).ok());
        // What lies further ahead than any plan was written by a clock that was wrong.
        let latest = now
            .checked_add(dialer::PLAN_HORIZON * 2)
            .unwrap_or(Timestamp::MAX);
        let times = [reserved, planned].into_iter().flatten();
        let from = times.filter(|at| *at <= latest).max();
        Ok(from.map_or(now, |at| at.max(now)))
    }

    fn call_interval(&self) -> SignedDuration {
        let interval = self.capacity.dialing.call_interval;
        SignedDuration::try_from(interval).unwrap_or(SignedDuration::MAX)
    }

    fn now(&self) -> Timestamp {
        self.recorder.clock.now()
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

impl Looked {
    fn due(&self) -> Vec<Due<'_>> {
        let due = self.due.iter();
        due.map(|(row, lane_id)| Due {
            lead: &row.lead,
            lane_id: *lane_id,
            contact: self.contacts.get(&row.lead.number),
        })
        .collect()
    }
}

/// A row that cannot be read is its campaign's problem; storage that does not answer is everybody's.
fn apart(campaign: CampaignId, problem: StoreError) -> Result<(), StoreError> {
    match problem {
        StoreError::Malformed { .. } | StoreError::Newer { .. } => {
            let problem = &problem as &dyn std::error::Error;
            error!(campaign.id = %campaign, problem, "a campaign cannot be planned");
            Ok(())
        }
        StoreError::Conflict | StoreError::Unavailable(_) => Err(problem),
    }
}

fn order(lead: &Lead) -> (model::LeadPriority, Timestamp, LeadId) {
    let due_at = match lead.state {
        LeadState::Waiting { due_at } => due_at,
        LeadState::Calling { .. } | LeadState::Done { .. } => Timestamp::MAX,
    };
    (lead.priority, due_at, lead.id)
}

/// The note with the calls that have ended since: as many as the circuit breaker looks at, because every
/// step reads them all.
fn with_ended(
    mut note: PlanNote,
    calls: &BTreeMap<model::Outcome, u64>,
    kept: u32,
    now: Timestamp,
) -> PlanNote {
    let kept = usize::try_from(kept).unwrap_or(usize::MAX);
    let mut ended = Vec::new();
    for (outcome, count) in calls {
        let seen = note.seen.get(outcome).copied().unwrap_or_default();
        let fresh = usize::try_from(count.saturating_sub(seen)).unwrap_or(kept);
        let call = RecentCall {
            outcome: *outcome,
            at: now,
        };
        ended.extend(std::iter::repeat_n(call, fresh.min(kept)));
    }
    // Which of them ended first is not known: failures count as the older ones.
    ended.sort_by_key(|call| dialer::is_failure(call.outcome));
    ended.append(&mut note.recent);
    ended.truncate(kept);
    note.recent = ended;
    note.seen.clone_from(calls);
    note
}

/// Whether the new note is worth a write: steps that find the same follow each other closely.
fn says_more(before: &PlanNote, note: &PlanNote) -> bool {
    let same = PlanNote {
        at: note.at,
        wake_at: note.wake_at,
        ..before.clone()
    };
    same != *note || note.at.duration_since(before.at) > NOTE_AGE_MAX
}

fn recent(note: &PlanNote, campaign: &Campaign) -> Recent {
    let calls = note.recent.iter().map(|call| (call.outcome, call.at));
    Recent::of(calls, &campaign.fields.breaker)
}
