//! Phone numbers of ours, found by their digits before a tenant is known.

use std::collections::BTreeSet;

use jiff::Timestamp;
use model::{AgentId, NumberId, PhoneNumber, TenantId};
use serde::{Deserialize, Serialize};

use crate::rows::account::uses::Binding;
use crate::table::keys;
use crate::table::{Item, Page, Query, Range, Table, from_item, to_item};
use crate::{BindingRefused, Idempotency, Shelf, StoreError, Usable, UsedBy};

/// A number of a tenant's at the carrier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Number {
    pub id: NumberId,
    pub tenant_id: TenantId,
    pub number: PhoneNumber,
    /// Who answers when it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<AgentId>,
    pub created_at: Timestamp,
    /// Since when it is archived: calls to it are rejected, and none are made from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<Timestamp>,
}

/// The number rows.
#[derive(Debug, Clone)]
pub struct Numbers {
    table: Table,
}

impl Numbers {
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Writes a new number and binds it to its agent.
    ///
    /// # Errors
    /// See [`BindingRefused`]; [`BindingRefused::Changed`] when the number is there already, or the request was
    /// made before.
    pub async fn create(
        &self,
        number: &Number,
        request: Option<&Idempotency>,
    ) -> Result<(), BindingRefused> {
        let tenant = number.tenant_id;
        let mut binding = Binding::default();
        binding.row(self.table.new_row(row(number)?)?);
        let by = UsedBy::Number(number.id);
        binding.rebind(&self.table, tenant, by, (None, agent_of(number)))?;
        if let Some(request) = request {
            binding.row(request.write(&self.table, tenant)?);
        }
        binding.write(&self.table).await
    }

    /// Archives a number, or takes it back: `after` says which. It is bound to its agent while it is not
    /// archived.
    ///
    /// # Errors
    /// See [`BindingRefused`]; [`BindingRefused::Changed`] when somebody else did so first.
    pub async fn shelve(&self, before: &Number, after: &Number) -> Result<(), BindingRefused> {
        let is_as_before = match before.archived_at {
            Some(_) => "attribute_exists(archived_at)",
            None => "attribute_exists(pk) AND attribute_not_exists(archived_at)",
        };
        let mut binding = Binding::default();
        let put = self.table.put_if(row(after)?, is_as_before, Item::new())?;
        binding.row(put);
        let by = UsedBy::Number(after.id);
        let agents = (agent_of(before), agent_of(after));
        binding.rebind(&self.table, after.tenant_id, by, agents)?;
        binding.write(&self.table).await
    }

    /// Who a number belongs to, whoever asks: only for the carrier's inbound calls.
    ///
    /// # Errors
    /// When storage cannot be reached or the row cannot be read.
    pub async fn owner(&self, number: &PhoneNumber) -> Result<Option<Number>, StoreError> {
        self.table.read(&keys::number(number), "number").await
    }

    /// A number of this tenant's.
    ///
    /// # Errors
    /// When storage cannot be reached or the row cannot be read.
    pub async fn of_tenant(
        &self,
        tenant: TenantId,
        number: &PhoneNumber,
    ) -> Result<Option<Number>, StoreError> {
        let found = self.owner(number).await?;
        Ok(found.filter(|number| number.tenant_id == tenant))
    }

    /// A number of this tenant's by its id, which the index finds a moment after it was added.
    ///
    /// # Errors
    /// When storage cannot be reached or the row cannot be read.
    pub async fn get(&self, tenant: TenantId, id: NumberId) -> Result<Option<Number>, StoreError> {
        for shelf in [Shelf::InUse, Shelf::Archived] {
            let index = keys::number_in_index(tenant, shelf, id);
            let mut ask = Query::new(&index.pk, Range::Between(&index.sk, &index.sk), 1);
            ask.by_index = true;
            if let Some(item) = self.table.query(ask).await?.items.pop() {
                let found: Number = from_item(item, "number")?;
                return self.of_tenant(tenant, &found.number).await;
            }
        }
        Ok(None)
    }

    /// Those of these numbers that are this tenant's.
    ///
    /// # Errors
    /// When storage cannot be reached or a row cannot be read.
    pub async fn of_tenant_among(
        &self,
        tenant: TenantId,
        numbers: &[PhoneNumber],
    ) -> Result<Vec<Number>, StoreError> {
        let asked: BTreeSet<&PhoneNumber> = numbers.iter().collect();
        let keys: Vec<_> = asked.into_iter().map(keys::number).collect();
        let found: Vec<Number> = self.table.batch_read(&keys, "number").await?;
        let ours = found.into_iter().filter(|row| row.tenant_id == tenant);
        Ok(ours.collect())
    }

    /// A tenant's numbers of a shelf, newest first, older than `after`.
    ///
    /// # Errors
    /// When storage cannot be reached or a row cannot be read.
    pub async fn list(
        &self,
        tenant: TenantId,
        shelf: Shelf,
        after: Option<NumberId>,
        limit: u32,
    ) -> Result<Page<Number>, StoreError> {
        let partition = keys::numbers_of(tenant, shelf);
        self.table
            .rows_by_index(&partition, after.map(|id| id.to_string()), limit, "number")
            .await
    }
}

fn row(number: &Number) -> Result<Item, StoreError> {
    let key = keys::number(&number.number);
    let shelf = Shelf::of(number.archived_at.as_ref());
    let index = keys::number_in_index(number.tenant_id, shelf, number.id);
    to_item(&key, Some(&index), number, "number")
}

/// An archived number is answered by nobody.
fn agent_of(number: &Number) -> Option<Usable> {
    let agent = number.agent_id.map(Usable::Agent);
    agent.filter(|_agent| number.archived_at.is_none())
}
