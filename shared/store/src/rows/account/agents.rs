//! Agents, with revisions that edits must name.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use model::{Agent, AgentId, TenantId};

use crate::table::keys::{self, IndexKey};
use crate::table::{Item, Page, Table, Transacted, to_item};
use crate::{Idempotency, StoreError};

/// The agent rows.
#[derive(Debug, Clone)]
pub struct Agents {
    table: Table,
}

impl Agents {
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Writes a new agent.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the request was made before.
    pub async fn create(
        &self,
        tenant: TenantId,
        agent: &Agent,
        request: Option<&Idempotency>,
    ) -> Result<(), StoreError> {
        let mut writes = vec![self.table.new_row(row(tenant, agent)?)?];
        if let Some(request) = request {
            writes.push(request.write(&self.table, tenant)?);
        }
        match self.table.transact(writes).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused(_) => Err(StoreError::Conflict),
        }
    }

    /// Replaces the agent of the revision before this one's.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when that is not its revision any more.
    pub async fn replace(&self, tenant: TenantId, agent: &Agent) -> Result<(), StoreError> {
        let before = agent.revision.saturating_sub(1);
        let write = self.table.put_if(
            row(tenant, agent)?,
            "revision = :before",
            HashMap::from([(":before".to_owned(), AttributeValue::N(before.to_string()))]),
        )?;
        match self.table.transact(vec![write]).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused(_) => Err(StoreError::Conflict),
        }
    }

    /// Reads an agent.
    ///
    /// # Errors
    /// When storage cannot be reached or the row cannot be read.
    pub async fn get(&self, tenant: TenantId, agent: AgentId) -> Result<Option<Agent>, StoreError> {
        self.table.read(&keys::agent(tenant, agent), "agent").await
    }

    /// A tenant's agents, newest first.
    ///
    /// # Errors
    /// When storage cannot be reached or a row cannot be read.
    pub async fn list(
        &self,
        tenant: TenantId,
        after: Option<AgentId>,
        limit: u32,
    ) -> Result<Page<Agent>, StoreError> {
        self.table
            .rows_by_index(
                &keys::agents_of(tenant),
                after.map(|id| id.to_string()),
                limit,
                "agent",
            )
            .await
    }
}

fn row(tenant: TenantId, agent: &Agent) -> Result<Item, StoreError> {
    let key = keys::agent(tenant, agent.id);
    to_item(&key, Some(&in_index(tenant, agent.id)), agent, "agent")
}

fn in_index(tenant: TenantId, agent: AgentId) -> IndexKey {
    IndexKey {
        pk: keys::agents_of(tenant),
        sk: agent.to_string(),
    }
}
