//! Agents, with revisions that edits must name.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use model::{Agent, AgentId, TenantId};

use crate::rows::account::uses::Binding;
use crate::table::keys::{self, IndexKey};
use crate::table::{Item, Page, Table, to_item};
use crate::{BindingRefused, Idempotency, Shelf, StoreError, Usable, UsedBy};

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

    /// Writes a new agent and binds it to its prompt.
    ///
    /// # Errors
    /// See [`BindingRefused`]; [`BindingRefused::Changed`] when the request was made before.
    pub async fn create(
        &self,
        tenant: TenantId,
        agent: &Agent,
        request: Option<&Idempotency>,
    ) -> Result<(), BindingRefused> {
        let mut binding = Binding::default();
        binding.row(self.table.new_row(row(tenant, agent)?)?);
        let by = UsedBy::Agent(agent.id);
        binding.rebind(&self.table, tenant, by, (None, prompt_of(agent)))?;
        if let Some(request) = request {
            binding.row(request.write(&self.table, tenant)?);
        }
        binding.write(&self.table).await
    }

    /// Replaces an agent, which has the revision after. It is bound to its prompt while it is not archived, and
    /// archived only if nothing uses it.
    ///
    /// # Errors
    /// See [`BindingRefused`]; [`BindingRefused::Changed`] when it has another revision by now.
    pub async fn replace(
        &self,
        tenant: TenantId,
        before: &Agent,
        after: &Agent,
    ) -> Result<(), BindingRefused> {
        let mut binding = Binding::default();
        let revision = AttributeValue::N(before.revision.to_string());
        binding.row(self.table.put_if(
            row(tenant, after)?,
            "revision = :before",
            HashMap::from([(":before".to_owned(), revision)]),
        )?);
        let by = UsedBy::Agent(after.id);
        let prompts = (prompt_of(before), prompt_of(after));
        binding.rebind(&self.table, tenant, by, prompts)?;
        if after.archived_at.is_some() {
            binding.unused(&self.table, tenant, Usable::Agent(after.id))?;
        }
        binding.write(&self.table).await
    }

    /// Reads an agent.
    ///
    /// # Errors
    /// When storage cannot be reached or the row cannot be read.
    pub async fn get(&self, tenant: TenantId, agent: AgentId) -> Result<Option<Agent>, StoreError> {
        self.table.read(&keys::agent(tenant, agent), "agent").await
    }

    /// A tenant's agents of a shelf, newest first.
    ///
    /// # Errors
    /// When storage cannot be reached or a row cannot be read.
    pub async fn list(
        &self,
        tenant: TenantId,
        shelf: Shelf,
        after: Option<AgentId>,
        limit: u32,
    ) -> Result<Page<Agent>, StoreError> {
        self.table
            .rows_by_index(
                &keys::agents_of(tenant, shelf),
                after.map(|id| id.to_string()),
                limit,
                "agent",
            )
            .await
    }
}

fn row(tenant: TenantId, agent: &Agent) -> Result<Item, StoreError> {
    let key = keys::agent(tenant, agent.id);
    let index = IndexKey {
        pk: keys::agents_of(tenant, Shelf::of(agent.archived_at.as_ref())),
        sk: agent.id.to_string(),
    };
    to_item(&key, Some(&index), agent, "agent")
}

/// An archived agent uses nothing.
fn prompt_of(agent: &Agent) -> Option<Usable> {
    let prompt = Usable::Prompt(agent.fields.prompt_id);
    agent.archived_at.is_none().then_some(prompt)
}
