//! Campaigns: create, read, change, delete, list; and their state, see [`moves`].
//!
//! What may change depends on the state: who talks and who must have consented stay as they are while
//! calls go out, hours and limits may change at any time and hold from the next call on.

pub(crate) mod checks;
pub(crate) mod entry;
pub mod moves;
pub mod outlook;
pub mod redial;
pub mod simulation;

use std::sync::Arc;

use model::{Campaign, CampaignFields, CampaignId, CampaignState, EventKind, LeadCounts, TenantId};
use settings::Roster;
use store::{
    Agents, BindingRefused, Copy, LaneCounts, Numbers, Page, Plans, Prompts, Requests, StoreError,
};

use crate::context::requests::Keyed;
use crate::{Clock, IdempotencyKey, Ids, Refused};

/// Tries of a change that does not name a revision, when others change the campaign meanwhile.
const TRIES_MAX: u32 = 8;
/// The field that names the agent.
const AGENT: &str = "/agent_id";

/// The use cases of campaigns.
#[derive(Debug, Clone)]
pub struct Campaigns {
    campaigns: store::Campaigns,
    clock: Arc<dyn Clock>,
    ids: Ids,
    leads: store::Leads,
    agents: Agents,
    prompts: Prompts,
    numbers: Numbers,
    plans: Plans,
    requests: Requests,
    vendors: Roster,
}

/// A campaign, and how far it is with the leads of another one that it takes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignWithCopy {
    pub campaign: Campaign,
    pub copy: Option<Copy>,
}

impl Campaigns {
    #[must_use]
    pub fn new(store: &store::Store, vendors: Roster, clock: Arc<dyn Clock>, ids: Ids) -> Self {
        Self {
            campaigns: store.campaigns.clone(),
            clock,
            ids,
            leads: store.leads.clone(),
            vendors,
            agents: store.agents.clone(),
            prompts: store.prompts.clone(),
            numbers: store.numbers.clone(),
            plans: store.plans.clone(),
            requests: store.requests.clone(),
        }
    }

    /// Makes a draft.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn create(
        &self,
        tenant: TenantId,
        fields: CampaignFields,
        key: Option<&IdempotencyKey>,
    ) -> Result<Campaign, Refused> {
        let keyed = Keyed::new("campaigns", key, &fields)?;
        if let Some(keyed) = &keyed
            && let Some(made) = keyed.made_before(&self.requests, tenant).await?
        {
            return self.get(tenant, made).await;
        }
        self.check_fields(tenant, &fields).await?;
        let campaign = self.draft(tenant, fields);
        let at = campaign.created_at;
        let made = keyed.as_ref().map(|keyed| keyed.makes(&campaign.id, at));
        match self.campaigns.create(&campaign, made.as_ref()).await {
            Ok(()) => Ok(campaign),
            Err(BindingRefused::Changed) => {
                let made = match &keyed {
                    Some(keyed) => keyed.made_before(&self.requests, tenant).await?,
                    None => None,
                };
                self.get(tenant, made.ok_or(StoreError::Conflict)?).await
            }
            Err(refused) => Err(Refused::unbound(AGENT, refused)),
        }
    }

    /// Reads a campaign.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn get(&self, tenant: TenantId, campaign: CampaignId) -> Result<Campaign, Refused> {
        let found = self.campaigns.get(tenant, campaign).await?;
        found.ok_or(Refused::NotFound)
    }

    /// Reads a campaign with what it still takes over from another one.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn get_with_copy(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
    ) -> Result<CampaignWithCopy, Refused> {
        let campaign = self.get(tenant, campaign).await?;
        let copy = match campaign.state {
            CampaignState::Draft => self.campaigns.copying(tenant, campaign.id).await?,
            CampaignState::Scheduled
            | CampaignState::Running
            | CampaignState::Paused
            | CampaignState::Completed
            | CampaignState::Cancelled => None,
        };
        Ok(CampaignWithCopy { campaign, copy })
    }

    /// A tenant's campaigns, newest first, older than `after`.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn list(
        &self,
        tenant: TenantId,
        after: Option<CampaignId>,
        limit: u32,
    ) -> Result<Page<Campaign>, Refused> {
        Ok(self.campaigns.list(tenant, after, limit).await?)
    }

    /// Changes a campaign that has the revision that the change was made from. Calls that are claimed
    /// already keep what they were claimed with; their permit is decided by what holds when they are
    /// dialled.
    ///
    /// # Errors
    /// See [`Refused`]; [`Refused::FieldsLocked`] names each field that cannot change in this state.
    pub async fn change(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        revision: u32,
        fields: CampaignFields,
    ) -> Result<Campaign, Refused> {
        let before = self.get(tenant, campaign).await?;
        if before.revision != revision {
            let current = before.revision;
            return Err(Refused::RevisionChanged { current });
        }
        let locked = checks::locked(&before, &fields);
        if !locked.is_empty() {
            return Err(Refused::FieldsLocked {
                state: before.state,
                fields: locked,
            });
        }
        self.check_fields(tenant, &fields).await?;
        let now = self.clock.now();
        let changed = Campaign {
            fields,
            revision: revision.saturating_add(1),
            updated_at: now,
            ..before.clone()
        };
        // What would not have been let go must not be edited in afterwards.
        match changed.state {
            CampaignState::Scheduled | CampaignState::Running | CampaignState::Paused => {
                // What was wrong before must not keep anybody from lowering a limit.
                let touched = checks::touched(&before.fields, &changed.fields);
                let mut problems = self.check_start(&changed).await?.problems;
                problems.retain(|problem| touched.concerns(problem));
                if !problems.is_empty() {
                    return Err(Refused::CannotStart(problems));
                }
            }
            CampaignState::Draft | CampaignState::Completed | CampaignState::Cancelled => {}
        }
        match self.replace(&before, &changed).await {
            Ok(()) => Ok(changed),
            Err(BindingRefused::Changed) => {
                let current = self.get(tenant, campaign).await?.revision;
                Err(Refused::RevisionChanged { current })
            }
            Err(refused) => Err(Refused::unbound(AGENT, refused)),
        }
    }

    /// Deletes a draft. Its leads go by and by; nobody can see them any more.
    ///
    /// # Errors
    /// See [`Refused`]; [`Refused::CampaignState`] when it is no draft.
    pub async fn delete(&self, tenant: TenantId, campaign: CampaignId) -> Result<(), Refused> {
        for _try in 0..TRIES_MAX {
            let found = self.get(tenant, campaign).await?;
            if found.state != CampaignState::Draft {
                return Err(Refused::CampaignState {
                    state: found.state,
                    says: "only a draft can be deleted; what has called is kept",
                });
            }
            match self.campaigns.delete(&found).await {
                Ok(()) => return Ok(()),
                Err(BindingRefused::Changed) => {}
                Err(refused) => return Err(Refused::unbound(AGENT, refused)),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// How many leads are in each state.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn counts(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
    ) -> Result<LeadCounts, Refused> {
        let lanes = self.leads.counts(tenant, campaign).await?;
        Ok(LaneCounts::sum(&lanes))
    }

    fn draft(&self, tenant_id: TenantId, fields: CampaignFields) -> Campaign {
        let now = self.clock.now();
        Campaign {
            id: self.ids.fresh(CampaignId::from_parts),
            tenant_id,
            state: CampaignState::Draft,
            created_at: now,
            updated_at: now,
            revision: 1,
            last_started_at: None,
            ended_at: None,
            fields,
        }
    }

    async fn replace(&self, before: &Campaign, campaign: &Campaign) -> Result<(), BindingRefused> {
        let changed = EventKind::CampaignChanged {
            campaign_id: campaign.id,
            state: campaign.state,
        };
        let event = self
            .ids
            .event(campaign.tenant_id, changed, campaign.updated_at);
        self.campaigns.replace(before, campaign, &event).await
    }

    async fn check_fields(&self, tenant: TenantId, fields: &CampaignFields) -> Result<(), Refused> {
        let problems = self.problems(tenant, fields).await?;
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Refused::Invalid(problems))
        }
    }
}
