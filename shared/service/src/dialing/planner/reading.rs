//! What a step reads of a running campaign: its due leads, what is known of their numbers, and our own numbers
//! and pace.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use dialer::{Due, LanesOpen, OurNumber};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use model::{
    Campaign, CampaignId, Contact, Lane, LaneId, Lead, LeadId, LeadState, OUR_NUMBERS_MAX,
    PhoneNumber, TenantId,
};
use store::{ContactRow, LaneCounts, LeadRow, PlanNote, Shelf, SlotRow, StoreError};
use tracing::error;

use super::notes::with_ended;
use super::{Planner, READS_AT_ONCE};

/// Leads that are read for each free line: some of them will be held back by a rule of their own.
const DUE_PER_LINE: u32 = 2;
const DUE_MIN: u32 = 10;
/// Leads of one campaign that are looked at in one look, over all its lanes.
const DUE_MAX: u32 = 400;
/// Numbers of a tenant that are read at once.
const NUMBERS_PAGE: u32 = 100;

/// A running campaign as one look sees it.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) campaign: Campaign,
    /// What the step before said.
    pub(super) before: PlanNote,
    pub(super) note: PlanNote,
    pub(super) live_calls: u32,
    pub(super) due: Vec<(LeadRow, LaneId)>,
    pub(super) contacts: BTreeMap<PhoneNumber, Contact>,
    pub(super) open: LanesOpen,
}

impl Planner {
    /// A campaign that cannot be read holds up no other.
    pub(super) async fn look_apart(
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
    pub(super) async fn look_at(
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
            .flat_map(|(row, _lane)| row.lead.numbers())
            .map(|(number, _lane)| number.clone())
            .collect();
        let contacts = self.contacts.batch_get(tenant, &numbers).await?;
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
    pub(super) async fn due_in(
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
                let due = self.leads.due(tenant, id, lane, now, most).await?;
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

    /// Every number of a tenant with how often it called today.
    pub(super) async fn our_numbers(&self, tenant: TenantId) -> Result<Vec<OurNumber>, StoreError> {
        let mut numbers: Vec<PhoneNumber> = Vec::new();
        let mut after = None;
        while numbers.len() < OUR_NUMBERS_MAX {
            let page = self
                .numbers
                .list(tenant, Shelf::InUse, after, NUMBERS_PAGE)
                .await?;
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
    pub(super) async fn pace_from(
        &self,
        live: &[SlotRow],
        now: Timestamp,
    ) -> Result<Timestamp, StoreError> {
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
}

impl Looked {
    pub(super) fn due(&self) -> Vec<Due<'_>> {
        let due = self.due.iter();
        due.map(|(row, lane_id)| {
            let lead = &row.lead;
            let number = lead.number_in_turn();
            let others = lead.numbers_besides(number);
            Due {
                lead,
                lane_id: *lane_id,
                contact: self.contacts.get(number),
                others: others
                    .filter_map(|other| self.contacts.get(other))
                    .collect(),
            }
        })
        .collect()
    }
}

/// A row that cannot be read is its campaign's problem; storage that does not answer is everybody's.
pub(super) fn apart(campaign: CampaignId, problem: StoreError) -> Result<(), StoreError> {
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
