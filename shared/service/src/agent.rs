//! Agents: create, read, change, archive, list.
//!
//! An archived agent is readable and nothing else: it is archived only when no number and no open campaign uses
//! it, and nothing new is bound to it (`store::Binding` holds both in one transaction).

pub(crate) mod answering;
pub mod numbers;
pub mod prompts;
pub(crate) mod vendors;

use std::sync::Arc;

use model::{Agent, AgentFields, AgentId, TenantId};
use settings::Roster;
use store::{
    Agents as AgentRows, BindingRefused, Page, Prompts, Requests, Shelf, StoreError, Usable, Uses,
};

use crate::context::requests::Keyed;
use crate::{Clock, Fault, FieldProblem, IdempotencyKey, Ids, Refused};

/// Tries of an archiving while others change the agent or what uses it.
const TRIES_MAX: u32 = 8;
/// The field that names the prompt.
const PROMPT: &str = "/prompt_id";

/// The use cases of agents.
#[derive(Debug, Clone)]
pub struct Agents {
    agents: AgentRows,
    prompts: Prompts,
    requests: Requests,
    uses: Uses,
    vendors: Roster,
    clock: Arc<dyn Clock>,
    ids: Ids,
}

impl Agents {
    /// Agents choose from `vendors`.
    #[must_use]
    pub fn new(store: &store::Store, vendors: Roster, clock: Arc<dyn Clock>, ids: Ids) -> Self {
        Self {
            agents: store.agents.clone(),
            prompts: store.prompts.clone(),
            requests: store.requests.clone(),
            uses: store.uses.clone(),
            vendors,
            clock,
            ids,
        }
    }

    /// Makes an agent.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn create(
        &self,
        tenant: TenantId,
        fields: AgentFields,
        key: Option<&IdempotencyKey>,
    ) -> Result<Agent, Refused> {
        let keyed = Keyed::new("agents", key, &fields)?;
        if let Some(keyed) = &keyed
            && let Some(made) = keyed.made_before(&self.requests, tenant).await?
        {
            return self.get(tenant, made).await;
        }
        self.check(tenant, &fields).await?;
        let now = self.clock.now();
        let agent = Agent {
            id: self.ids.fresh(AgentId::from_parts),
            created_at: now,
            updated_at: now,
            revision: 1,
            archived_at: None,
            fields,
        };
        let made = keyed.as_ref().map(|keyed| keyed.makes(&agent.id, now));
        match self.agents.create(tenant, &agent, made.as_ref()).await {
            Ok(()) => Ok(agent),
            Err(BindingRefused::Changed) => {
                let made = match &keyed {
                    Some(keyed) => keyed.made_before(&self.requests, tenant).await?,
                    None => None,
                };
                self.get(tenant, made.ok_or(StoreError::Conflict)?).await
            }
            Err(refused) => Err(Refused::unbound(PROMPT, refused)),
        }
    }

    /// Reads an agent.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn get(&self, tenant: TenantId, agent: AgentId) -> Result<Agent, Refused> {
        let found = self.agents.get(tenant, agent).await?;
        found.ok_or(Refused::NotFound)
    }

    /// Changes an agent that has the revision that the change was made from. Calls that are made
    /// already keep what they were made with.
    ///
    /// # Errors
    /// See [`Refused`]; [`Refused::NoDefaults`] when it answers a number and could do so no more.
    pub async fn change(
        &self,
        tenant: TenantId,
        agent: AgentId,
        revision: u32,
        fields: AgentFields,
    ) -> Result<Agent, Refused> {
        let before = self.get(tenant, agent).await?;
        if before.revision != revision {
            let current = before.revision;
            return Err(Refused::RevisionChanged { current });
        }
        if before.archived_at.is_some() {
            return Err(Refused::Archived);
        }
        self.check(tenant, &fields).await?;
        if before.fields.prompt_id != fields.prompt_id
            && answering::has_number(&self.uses, tenant, agent).await?
        {
            let prompt = fields.prompt_id;
            answering::check_prompt(&self.prompts, tenant, prompt, PROMPT).await?;
        }
        let changed = Agent {
            fields,
            revision: revision.saturating_add(1),
            updated_at: self.clock.now(),
            ..before.clone()
        };
        match self.agents.replace(tenant, &before, &changed).await {
            Ok(()) => Ok(changed),
            Err(BindingRefused::Changed) => {
                let current = self.get(tenant, agent).await?.revision;
                Err(Refused::RevisionChanged { current })
            }
            Err(refused) => Err(Refused::unbound(PROMPT, refused)),
        }
    }

    /// Archives an agent that nothing uses. One that is archived stays so.
    ///
    /// # Errors
    /// See [`Refused`]; [`Refused::InUse`] names what uses it.
    pub async fn archive(&self, tenant: TenantId, agent: AgentId) -> Result<Agent, Refused> {
        self.shelve(tenant, agent, Shelf::Archived).await
    }

    /// Takes an agent out of the archive. One that is not in it stays as it is.
    ///
    /// # Errors
    /// See [`Refused`]; [`Refused::Invalid`] when its prompt is archived.
    pub async fn unarchive(&self, tenant: TenantId, agent: AgentId) -> Result<Agent, Refused> {
        self.shelve(tenant, agent, Shelf::InUse).await
    }

    async fn shelve(
        &self,
        tenant: TenantId,
        agent: AgentId,
        shelf: Shelf,
    ) -> Result<Agent, Refused> {
        for _try in 0..TRIES_MAX {
            let before = self.get(tenant, agent).await?;
            if shelf == Shelf::of(before.archived_at.as_ref()) {
                return Ok(before);
            }
            let now = self.clock.now();
            let after = Agent {
                archived_at: (shelf == Shelf::Archived).then_some(now),
                revision: before.revision.saturating_add(1),
                updated_at: now,
                ..before.clone()
            };
            match self.agents.replace(tenant, &before, &after).await {
                Ok(()) => return Ok(after),
                Err(BindingRefused::Changed) => {}
                Err(BindingRefused::InUse) => {
                    let by = self.uses.of(tenant, Usable::Agent(agent)).await?;
                    // What used it a moment ago may use it no more.
                    if !by.is_empty() {
                        return Err(Refused::InUse(by.into_iter().collect()));
                    }
                }
                Err(refused) => return Err(Refused::unbound(PROMPT, refused)),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// A tenant's agents of a shelf, newest first, older than `after`.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn list(
        &self,
        tenant: TenantId,
        shelf: Shelf,
        after: Option<AgentId>,
        limit: u32,
    ) -> Result<Page<Agent>, Refused> {
        Ok(self.agents.list(tenant, shelf, after, limit).await?)
    }

    /// Everything that is wrong with the fields, all at once.
    ///
    /// # Errors
    /// When storage cannot be asked.
    pub async fn problems(
        &self,
        tenant: TenantId,
        fields: &AgentFields,
    ) -> Result<Vec<FieldProblem>, Refused> {
        let mut problems = fields.problems();
        problems.extend(vendors::problems(fields, &self.vendors));
        match self.prompts.head(tenant, fields.prompt_id).await? {
            None => {
                let says = "there is no such prompt";
                problems.push(FieldProblem::new(PROMPT, Fault::NotFound, says));
            }
            Some(prompt) if prompt.archived_at.is_some() => {
                let says = "is archived: unarchive it first";
                problems.push(FieldProblem::new(PROMPT, Fault::Archived, says));
            }
            Some(_usable) => {}
        }
        Ok(problems)
    }

    async fn check(&self, tenant: TenantId, fields: &AgentFields) -> Result<(), Refused> {
        let problems = self.problems(tenant, fields).await?;
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Refused::Invalid(problems))
        }
    }
}
