//! Phone numbers of ours: add, read, archive, list.
//!
//! An archived number stays ours: calls to it are rejected and none are made from it. It keeps its agent's id but is
//! bound to it no more. No open campaign that was started names it; a draft that does so cannot be started.

use std::sync::Arc;

use model::{AgentId, NumberId, PhoneNumber, TenantId};
use serde::{Deserialize, Serialize};
use store::{
    Agents, BindingRefused, Campaigns, Number, Numbers as NumberRows, Page, Prompts, Requests,
    Shelf, StoreError, UsedBy,
};

use crate::agent::answering;
use crate::context::requests::Keyed;
use crate::{Clock, Fault, IdempotencyKey, Ids, Refused};

/// Tries of an archiving while others do the same.
const TRIES_MAX: u32 = 8;
/// The field that names the agent.
const AGENT: &str = "/agent_id";

/// What a user says of a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = NewNumber))]
#[serde(deny_unknown_fields)]
pub struct NumberFields {
    pub number: PhoneNumber,
    /// Who answers when it is called; absent, calls to it are rejected.
    #[serde(default)]
    pub agent_id: Option<AgentId>,
}

/// The use cases of numbers.
#[derive(Debug, Clone)]
pub struct Numbers {
    numbers: NumberRows,
    agents: Agents,
    prompts: Prompts,
    campaigns: Campaigns,
    requests: Requests,
    clock: Arc<dyn Clock>,
    ids: Ids,
}

impl Numbers {
    #[must_use]
    pub fn new(store: &store::Store, clock: Arc<dyn Clock>, ids: Ids) -> Self {
        Self {
            numbers: store.numbers.clone(),
            agents: store.agents.clone(),
            prompts: store.prompts.clone(),
            campaigns: store.campaigns.clone(),
            requests: store.requests.clone(),
            clock,
            ids,
        }
    }

    /// Adds a number. It must be bought or verified at the carrier already.
    ///
    /// # Errors
    /// See [`Refused`]; [`Refused::NoDefaults`] when its agent cannot answer whoever calls.
    pub async fn create(
        &self,
        tenant_id: TenantId,
        fields: &NumberFields,
        key: Option<&IdempotencyKey>,
    ) -> Result<Number, Refused> {
        let keyed = Keyed::new("numbers", key, fields)?;
        if let Some(keyed) = &keyed
            && let Some(made) = keyed
                .made_before::<NumberId>(&self.requests, tenant_id)
                .await?
        {
            return self.made(tenant_id, made, fields).await;
        }
        self.check_agent(tenant_id, fields.agent_id).await?;
        let now = self.clock.now();
        let number = Number {
            id: self.ids.fresh(NumberId::from_parts),
            tenant_id,
            number: fields.number.clone(),
            agent_id: fields.agent_id,
            created_at: now,
            archived_at: None,
        };
        let made = keyed.as_ref().map(|keyed| keyed.makes(&number.id, now));
        match self.numbers.create(&number, made.as_ref()).await {
            Ok(()) => Ok(number),
            Err(BindingRefused::Changed) => {
                let made = match &keyed {
                    Some(keyed) => keyed.made_before(&self.requests, tenant_id).await?,
                    None => None,
                };
                let made = made.ok_or(Refused::NumberTaken)?;
                self.made(tenant_id, made, fields).await
            }
            Err(refused) => Err(Refused::unbound(AGENT, refused)),
        }
    }

    /// Reads a number.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn get(&self, tenant: TenantId, number: NumberId) -> Result<Number, Refused> {
        let found = self.numbers.get(tenant, number).await?;
        found.ok_or(Refused::NotFound)
    }

    /// Archives a number that no campaign names that was started. One that is archived stays so.
    ///
    /// # Errors
    /// See [`Refused`]; [`Refused::InUse`] names the campaigns that call from it.
    pub async fn archive(&self, tenant: TenantId, number: NumberId) -> Result<Number, Refused> {
        let found = self.get(tenant, number).await?;
        if found.archived_at.is_none() {
            let by = self.campaigns_that_name(&found).await?;
            if !by.is_empty() {
                return Err(Refused::InUse(by));
            }
        }
        // A campaign that is started meanwhile does not call from it either: the planner looks for itself.
        self.shelve(found, Shelf::Archived).await
    }

    /// Takes a number out of the archive. One that is not in it stays as it is.
    ///
    /// # Errors
    /// See [`Refused`]; [`Refused::Invalid`] when its agent is archived, [`Refused::NoDefaults`] when it cannot
    /// answer whoever calls.
    pub async fn unarchive(&self, tenant: TenantId, number: NumberId) -> Result<Number, Refused> {
        let found = self.get(tenant, number).await?;
        if found.archived_at.is_some() {
            self.check_agent(tenant, found.agent_id).await?;
        }
        self.shelve(found, Shelf::InUse).await
    }

    async fn shelve(&self, found: Number, shelf: Shelf) -> Result<Number, Refused> {
        let mut before = found;
        for _try in 0..TRIES_MAX {
            if shelf == Shelf::of(before.archived_at.as_ref()) {
                return Ok(before);
            }
            let after = Number {
                archived_at: (shelf == Shelf::Archived).then(|| self.clock.now()),
                ..before.clone()
            };
            match self.numbers.shelve(&before, &after).await {
                Ok(()) => return Ok(after),
                Err(BindingRefused::Changed) => {
                    let read = self
                        .numbers
                        .of_tenant(before.tenant_id, &before.number)
                        .await?;
                    before = read.ok_or(Refused::NotFound)?;
                }
                Err(refused) => return Err(Refused::unbound(AGENT, refused)),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Whether the agent is there and can answer whoever calls.
    async fn check_agent(
        &self,
        tenant: TenantId,
        agent_id: Option<AgentId>,
    ) -> Result<(), Refused> {
        let Some(agent_id) = agent_id else {
            return Ok(());
        };
        let Some(agent) = self.agents.get(tenant, agent_id).await? else {
            let says = "there is no such agent";
            return Err(Refused::field(AGENT, Fault::NotFound, says));
        };
        let prompt = agent.fields.prompt_id;
        answering::check_prompt(&self.prompts, tenant, prompt, AGENT).await
    }

    async fn campaigns_that_name(&self, number: &Number) -> Result<Vec<UsedBy>, Refused> {
        let tenant = number.tenant_id;
        let mut by = Vec::new();
        for active in self.campaigns.active_of(tenant).await? {
            if active.deleted || active.state.is_closed() {
                continue;
            }
            let campaign = self.campaigns.get(tenant, active.campaign_id).await?;
            if campaign.is_some_and(|campaign| campaign.fields.numbers.contains(&number.number)) {
                by.push(UsedBy::Campaign(active.campaign_id));
            }
        }
        Ok(by)
    }

    async fn made(
        &self,
        tenant: TenantId,
        id: NumberId,
        fields: &NumberFields,
    ) -> Result<Number, Refused> {
        let found = self.numbers.of_tenant(tenant, &fields.number).await?;
        found
            .filter(|number| number.id == id)
            .ok_or(Refused::NotFound)
    }

    /// A tenant's numbers of a shelf, newest first, older than `after`.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn list(
        &self,
        tenant: TenantId,
        shelf: Shelf,
        after: Option<NumberId>,
        limit: u32,
    ) -> Result<Page<Number>, Refused> {
        Ok(self.numbers.list(tenant, shelf, after, limit).await?)
    }
}
