//! Agents: create, read, change, list.

pub mod numbers;
pub mod prompts;

use std::sync::Arc;

use model::{Agent, AgentFields, AgentId, TenantId};
use store::{Agents as AgentRows, Page, Prompts, Requests, StoreError};

use crate::context::requests::Keyed;
use crate::{Clock, FieldProblem, IdempotencyKey, Ids, Refused};

/// The use cases of agents.
#[derive(Debug, Clone)]
pub struct Agents {
    agents: AgentRows,
    prompts: Prompts,
    requests: Requests,
    clock: Arc<dyn Clock>,
    ids: Ids,
}

impl Agents {
    #[must_use]
    pub fn new(store: &store::Store, clock: Arc<dyn Clock>, ids: Ids) -> Self {
        Self {
            agents: store.agents.clone(),
            prompts: store.prompts.clone(),
            requests: store.requests.clone(),
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
            fields,
        };
        let made = keyed.as_ref().map(|keyed| keyed.makes(&agent.id, now));
        match self.agents.create(tenant, &agent, made.as_ref()).await {
            Ok(()) => Ok(agent),
            Err(StoreError::Conflict) => {
                let made = match &keyed {
                    Some(keyed) => keyed.made_before(&self.requests, tenant).await?,
                    None => None,
                };
                self.get(tenant, made.ok_or(StoreError::Conflict)?).await
            }
            Err(error) => Err(error.into()),
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
    /// See [`Refused`].
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
        self.check(tenant, &fields).await?;
        let changed = Agent {
            fields,
            revision: revision.saturating_add(1),
            updated_at: self.clock.now(),
            ..before
        };
        match self.agents.replace(tenant, &changed).await {
            Ok(()) => Ok(changed),
            Err(StoreError::Conflict) => {
                let current = self.get(tenant, agent).await?.revision;
                Err(Refused::RevisionChanged { current })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A tenant's agents, newest first, older than `after`.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn list(
        &self,
        tenant: TenantId,
        after: Option<AgentId>,
        limit: u32,
    ) -> Result<Page<Agent>, Refused> {
        Ok(self.agents.list(tenant, after, limit).await?)
    }

    async fn check(&self, tenant: TenantId, fields: &AgentFields) -> Result<(), Refused> {
        let mut problems: Vec<_> = fields
            .problems()
            .into_iter()
            .map(|problem| FieldProblem::new(problem.field, problem.problem))
            .collect();
        if self.prompts.head(tenant, fields.prompt_id).await?.is_none() {
            problems.push(FieldProblem::new("prompt_id", "there is no such prompt"));
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Refused::Invalid(problems))
        }
    }
}
