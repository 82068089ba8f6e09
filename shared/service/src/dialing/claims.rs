//! A lead becomes a claimed call: with its slots and everything that it is held with, in one transaction,
//! and then a message that has it placed.
//!
//! The lead's version and the slots decide when two planners want the same; who comes second goes on
//! with the next. A message that is not sent is nothing lost: the sweeper finds the call.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use model::{
    Call, CallId, CallState, Campaign, CampaignId, EventKind, LeadState, PhoneNumber, TenantId,
};
use store::{CreateRefused, DialJob, LeadRow, NewCall, Queue, SlotRow, SlotsHeld, StoreError};
use tracing::warn;

use crate::call::{CallPlan, new_row};
use crate::dialing::capacity::{Capacity, Free};
use crate::{Clock, Context, Ids, Refused};

/// Looks for other slots when those that were drawn are taken: each time somebody else got one.
const SLOT_TRIES_MAX: u32 = 6;

/// The claims of planning steps.
#[derive(Debug, Clone)]
pub(crate) struct Claims {
    calls: store::Calls,
    clock: Arc<dyn Clock>,
    ids: Ids,
    capacity: Capacity,
    dial: Queue<DialJob>,
}

/// What is free during one step.
#[derive(Debug, Default)]
pub(crate) struct FreeSlots {
    pub(crate) account: Free,
    pub(crate) tenants: BTreeMap<TenantId, Free>,
    pub(crate) campaigns: BTreeMap<CampaignId, Free>,
}

/// A lead to call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim<'a> {
    pub(crate) campaign: &'a Campaign,
    pub(crate) lead: &'a LeadRow,
    pub(crate) call_plan: &'a CallPlan,
    /// The number of ours.
    pub(crate) from: &'a PhoneNumber,
    pub(crate) not_before: Timestamp,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claimed {
    Call(CallId),
    /// Somebody else has changed the lead.
    LeadChanged,
    NoSlot,
    /// The lead lacks variables that the words of the call need, or makes them too long.
    Unfit,
}

impl Claims {
    pub(crate) fn new(context: &Context, capacity: Capacity) -> Self {
        Self {
            calls: context.store.calls.clone(),
            clock: Arc::clone(&context.clock),
            ids: context.ids.clone(),
            capacity,
            dial: context.store.dial.clone(),
        }
    }

    pub(crate) async fn claim(
        &self,
        claim: Claim<'_>,
        board: &mut FreeSlots,
    ) -> Result<Claimed, StoreError> {
        let Claim {
            campaign,
            lead,
            call_plan,
            from,
            not_before,
        } = claim;
        let tenant = campaign.tenant_id;
        let id = self.ids.fresh(CallId::from_parts);
        let snapshot = match call_plan.fill_for(campaign, &lead.lead, id) {
            Ok(snapshot) => snapshot,
            Err(Refused::Unavailable(error)) => return Err(error),
            Err(problem) => {
                warn!(campaign.id = %campaign.id, lead.id = %lead.lead.id, %problem, "a lead cannot be called");
                return Ok(Claimed::Unfit);
            }
        };
        let now = self.clock.now();
        let state = CallState::Claimed;
        let to = lead.lead.number_in_turn().clone();
        let mut row = new_row(&snapshot, to, from.clone(), state, now);
        row.progress.not_before = Some(not_before);
        row.call.kind = campaign.fields.kind;
        row.call.attempt = Some(lead.lead.attempts.saturating_add(1));
        let mut called = lead.lead.clone();
        called.state = LeadState::Calling { call_id: id };
        called.last_call_id = Some(id);
        called.held_by = None;
        called.updated_at = now;
        let slot = SlotRow {
            number: 0,
            call_id: id,
            tenant_id: tenant,
            campaign_id: Some(campaign.id),
            since: now,
            not_before,
        };
        for _try in 0..SLOT_TRIES_MAX {
            let Some(held) = self.draw(campaign, board) else {
                return Ok(Claimed::NoSlot);
            };
            row.progress.slots = Some(held.clone());
            let event = EventKind::CallAdvanced { call_id: id, state };
            let new = NewCall {
                row: &row,
                snapshot: &snapshot,
                token: None,
                request: None,
                slots: Some((&held, &slot)),
                lead: Some((lead, &called)),
                counted_at: Some(now),
                event: self.ids.event(tenant, event, now),
            };
            match self.calls.create(new).await {
                Ok(()) => {
                    self.send(&row.call, not_before, now).await;
                    return Ok(Claimed::Call(id));
                }
                Err(CreateRefused::LeadChanged) => {
                    board.put_back(campaign, &held, [false; 3]);
                    return Ok(Claimed::LeadChanged);
                }
                Err(CreateRefused::SlotTaken {
                    account,
                    tenant,
                    campaign: of_campaign,
                }) => board.put_back(campaign, &held, [account, tenant, of_campaign]),
                Err(CreateRefused::Repeated | CreateRefused::CarrierCallTaken) => {
                    return Err(StoreError::Conflict);
                }
                // It may have been written all the same; then the sweeper places it.
                Err(CreateRefused::Store(error)) => return Err(error),
            }
        }
        Ok(Claimed::NoSlot)
    }

    /// Sends the message that has a claimed call placed at its time.
    pub(crate) async fn send(&self, call: &Call, not_before: Timestamp, now: Timestamp) {
        let job = DialJob::of(call);
        let wait = Duration::try_from(not_before.duration_since(now)).unwrap_or_default();
        if let Err(problem) = self.dial.send(&job, wait).await {
            metrics::counter!("trunkline_dial_messages_unsent_total").increment(1);
            warn!(call.id = %call.id, trace_id = %call.trace(), problem = &problem as &dyn std::error::Error, "a claimed call waits for the sweeper");
        }
    }

    fn draw(&self, campaign: &Campaign, board: &mut FreeSlots) -> Option<SlotsHeld> {
        let ids = &self.ids;
        let of_tenant = board.tenants.get_mut(&campaign.tenant_id)?;
        let of_campaign = board.campaigns.get_mut(&campaign.id)?;
        if of_tenant.is_empty() || of_campaign.is_empty() {
            return None;
        }
        let account = board.account.draw(ids.chance())?;
        let tenant = of_tenant.draw(ids.chance())?;
        let campaign = of_campaign.draw(ids.chance())?;
        Some(self.capacity.held(account, tenant, Some(campaign)))
    }
}

impl FreeSlots {
    /// What was drawn goes back, but for what others have taken: of account, tenant and campaign.
    fn put_back(&mut self, campaign: &Campaign, held: &SlotsHeld, taken: [bool; 3]) {
        let [account, tenant, of_campaign] = taken;
        if !account {
            self.account.put_back(held.account_slot);
        }
        if let Some(free) = self
            .tenants
            .get_mut(&campaign.tenant_id)
            .filter(|_free| !tenant)
        {
            free.put_back(held.tenant_slot);
        }
        if let (Some(free), Some(number)) = (
            self.campaigns
                .get_mut(&campaign.id)
                .filter(|_free| !of_campaign),
            held.campaign_slot,
        ) {
            free.put_back(number);
        }
    }
}
