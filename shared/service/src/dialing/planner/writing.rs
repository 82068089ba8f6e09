//! What a step writes of its plan: leads that are put aside, calls that are claimed, and what it said.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use dialer::Plan;
use jiff::Timestamp;
use model::{
    AgentId, Campaign, CampaignId, Lead, LeadId, LeadResult, LeadState, TenantId, TraceId,
};
use store::{LeadRow, StoreError};
use tracing::{error, info};

use super::notes::says_more;
use super::reading::Looked;
use super::{Look, Planner};
use crate::Refused;
use crate::call::CallPlan;
use crate::call::ending::done;
use crate::dialing::claims::{Claim, Claimed, FreeSlots};
use crate::dialing::upkeep::Budget;

impl Planner {
    /// Writes later due times, other numbers in turn, and leads that are done without a call. Whether any were written.
    pub(super) async fn put_aside(
        &self,
        looked: &[Looked],
        plan: &Plan<'_>,
    ) -> Result<bool, StoreError> {
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
                    rotation: deferral.rotation,
                    held_by: Some(deferral.rule),
                    updated_at: now,
                    ..deferral.lead.clone()
                };
                (deferral.lead.id, lead)
            });
            let ended = plan.endings.iter().filter(|ending| mine(ending.lead));
            let ended = ended.map(|ending| {
                let rule = Some(ending.rule);
                let lead = done(ending.lead, ending.result, rule, now);
                (ending.lead.id, lead)
            });
            let changes: Vec<(LeadRow, Lead)> = deferred
                .chain(ended)
                .filter_map(|(id, lead)| Some(((*rows.get(&id)?).clone(), lead)))
                .collect();
            if changes.is_empty() {
                continue;
            }
            let tenant = one.campaign.tenant_id;
            any |= self.leads.replace_many(tenant, &changes).await? > 0;
        }
        Ok(any)
    }

    /// Claims what is to be dialled, in the order of the plan. How many, by campaign.
    pub(super) async fn claim(
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
                    let ended = done(&lead.lead, LeadResult::Failed, None, self.now());
                    let change = [(lead.clone(), ended)];
                    let tenant = campaign.tenant_id;
                    self.leads.replace_many(tenant, &change).await?;
                }
            }
        }
        metrics::counter!("trunkline_leads_claimed_total")
            .increment(claimed.values().copied().map(u64::from).sum());
        Ok(claimed)
    }

    /// The campaign's agent and prompt; `None` when they are not there any more.
    pub(super) async fn call_plan(
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
    pub(super) async fn note(
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
}
