//! What has to be done about campaigns on the active list besides planning calls: begin those whose time
//! has come, settle the leads of those that are over, and take them off the list.
//!
//! Each step is conditional and may be repeated; what is left when the time of a step is up is done in
//! the next one.

use std::sync::Arc;

use jiff::Timestamp;
use model::{Campaign, CampaignState, EventKind, Lead, LeadCounts, LeadResult, Rule, TenantId};
use store::{ActiveCampaign, LaneCounts, LeadFilter, LeadRow, Plans, StoreError};
use tracing::info;

use crate::call::ending::done;
use crate::campaign::entry::going_on;
use crate::{Clock, Context, Ids};

/// Leads that are settled or removed at once.
const BATCH: u32 = 200;

/// Keeps the active list.
#[derive(Debug, Clone)]
pub(crate) struct Upkeep {
    campaigns: store::Campaigns,
    clock: Arc<dyn Clock>,
    leads: store::Leads,
    plans: Plans,
    ids: Ids,
}

/// Until when a step may go on.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) until: Timestamp,
}

impl Budget {
    pub(crate) fn is_spent(&self) -> bool {
        self.clock.now() >= self.until
    }
}

impl Upkeep {
    pub(crate) fn new(context: &Context) -> Self {
        Self {
            campaigns: context.store.campaigns.clone(),
            leads: context.store.leads.clone(),
            plans: context.store.plans.clone(),
            clock: Arc::clone(&context.clock),
            ids: context.ids.clone(),
        }
    }

    /// Begins a scheduled campaign whose time has come. Answers it as it is then.
    pub(crate) async fn begin(&self, campaign: Campaign) -> Result<Campaign, StoreError> {
        let now = self.clock.now();
        if campaign.fields.starts_at.is_some_and(|start| now < start) {
            return Ok(campaign);
        }
        let before = campaign.clone();
        let begun = Campaign {
            last_started_at: Some(now),
            ..campaign
        };
        Ok(self
            .change(begun, CampaignState::Running)
            .await?
            .unwrap_or(before))
    }

    /// Ends a campaign in which nobody waits and nobody is called.
    pub(crate) async fn complete(&self, campaign: Campaign) -> Result<(), StoreError> {
        let now = self.clock.now();
        let campaign = Campaign {
            ended_at: Some(now),
            ..campaign
        };
        self.change(campaign, CampaignState::Completed).await?;
        Ok(())
    }

    /// Does what is left of a campaign that is over.
    pub(crate) async fn wind_up(
        &self,
        campaign: Campaign,
        budget: &Budget,
    ) -> Result<(), StoreError> {
        let (tenant, id) = (campaign.tenant_id, campaign.id);
        let lanes = self.leads.counts(tenant, id).await?;
        let counts = LaneCounts::sum(&lanes);
        if counts.waiting == 0 {
            if counts.calling == 0 {
                return self.retire(tenant, &campaign).await;
            }
            return Ok(());
        }
        let now = self.clock.now();
        let over = campaign.fields.ends_at.is_some_and(|end| end <= now);
        let result = match campaign.state {
            CampaignState::Cancelled => LeadResult::Cancelled,
            CampaignState::Completed if !over => {
                // Leads came in at the moment at which it was completed: it goes on.
                let reopened = going_on(campaign, now);
                self.change(reopened, CampaignState::Running).await?;
                return Ok(());
            }
            CampaignState::Draft
            | CampaignState::Scheduled
            | CampaignState::Running
            | CampaignState::Paused
            | CampaignState::Completed => LeadResult::NotAllowed,
        };
        self.settle(&campaign, &lanes, result, budget).await?;
        Ok(())
    }

    /// Whoever still waits is done with this result. Answers how many are.
    pub(crate) async fn settle(
        &self,
        campaign: &Campaign,
        lanes: &[LaneCounts],
        result: LeadResult,
        budget: &Budget,
    ) -> Result<usize, StoreError> {
        let (tenant, id) = (campaign.tenant_id, campaign.id);
        let mut settled = 0_usize;
        for lane in lanes.iter().filter(|lane| lane.counts.waiting > 0) {
            while !budget.is_spent() {
                let waiting = self
                    .leads
                    .due(tenant, id, lane.lane.id(), Timestamp::MAX, BATCH)
                    .await?;
                let changes: Vec<(LeadRow, Lead)> = waiting
                    .into_iter()
                    .map(|row| {
                        let rule = Some(Rule::CampaignState);
                        let lead = done(&row.lead, result, rule, self.clock.now());
                        (row, lead)
                    })
                    .collect();
                let replaced = self.leads.replace_many(tenant, &changes).await?;
                settled += replaced;
                // The index is a moment behind: what is left is found in the next step.
                if replaced == 0 {
                    break;
                }
            }
        }
        if settled > 0 {
            info!(campaign.id = %id, leads = settled, result = result.code(), "leads of a campaign are settled");
        }
        Ok(settled)
    }

    /// Removes the leads of a campaign that was deleted.
    pub(crate) async fn remove(
        &self,
        active: &ActiveCampaign,
        budget: &Budget,
    ) -> Result<(), StoreError> {
        let (tenant, id) = (active.tenant_id, active.campaign_id);
        let mut after = None;
        while !budget.is_spent() {
            let filter = LeadFilter::default();
            let page = self.leads.list(tenant, id, &filter, after, BATCH).await?;
            self.leads.remove_many(tenant, &page.items).await?;
            after = page.next;
            if after.is_none() {
                let counts = LaneCounts::sum(&self.leads.counts(tenant, id).await?);
                if counts.total() == 0 {
                    self.leads.remove_counts(tenant, id).await?;
                    self.plans.remove(tenant, id).await?;
                    return self.off_the_list(tenant, active.campaign_id).await;
                }
                return Ok(());
            }
        }
        Ok(())
    }

    async fn retire(&self, tenant: TenantId, campaign: &Campaign) -> Result<(), StoreError> {
        self.off_the_list(tenant, campaign.id).await
    }

    async fn off_the_list(
        &self,
        tenant: TenantId,
        campaign: model::CampaignId,
    ) -> Result<(), StoreError> {
        match self.campaigns.retire(tenant, campaign).await {
            // It was opened again meanwhile.
            Ok(()) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The campaign in another state; `None` when somebody changed it meanwhile.
    async fn change(
        &self,
        campaign: Campaign,
        state: CampaignState,
    ) -> Result<Option<Campaign>, StoreError> {
        let now = self.clock.now();
        let changed = Campaign {
            state,
            updated_at: now,
            revision: campaign.revision.saturating_add(1),
            ..campaign.clone()
        };
        let kind = EventKind::CampaignChanged {
            campaign_id: changed.id,
            state,
        };
        let event = self.ids.event(changed.tenant_id, kind, now);
        let replaced = self.campaigns.replace(&campaign, &changed, &event).await;
        match replaced.map_err(StoreError::from) {
            Ok(()) => {
                info!(campaign.id = %changed.id, state = state.code(), "a campaign goes on by itself");
                Ok(Some(changed))
            }
            Err(StoreError::Conflict) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Whether nobody waits and nobody is called, of those that there are.
pub(crate) fn is_finished(counts: &LeadCounts) -> bool {
    counts.waiting == 0 && counts.calling == 0 && counts.total() > 0
}
