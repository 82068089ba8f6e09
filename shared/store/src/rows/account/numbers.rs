//! Phone numbers of ours, found by their digits before a tenant is known.

use std::collections::BTreeSet;

use jiff::Timestamp;
use model::{AgentId, NumberId, PhoneNumber, TenantId};
use serde::{Deserialize, Serialize};

use crate::table::keys;
use crate::table::{Page, Table, Transacted, to_item};
use crate::{Idempotency, StoreError};

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
}

/// The number rows.
#[derive(Debug, Clone)]
pub struct Numbers {
    table: Table,
}

/// Why a number was not written.
#[derive(Debug, thiserror::Error)]
pub enum NumberRefused {
    #[error("the request was made before")]
    Repeated,
    #[error("the number is in use")]
    Taken,
    #[error("the number could not be written")]
    Store(#[source] StoreError),
}

impl Numbers {
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Writes a new number.
    ///
    /// # Errors
    /// See [`NumberRefused`].
    pub async fn create(
        &self,
        number: &Number,
        request: Option<&Idempotency>,
    ) -> Result<(), NumberRefused> {
        let prepare = || {
            let key = keys::number(&number.number);
            let index = keys::number_in_index(number.tenant_id, number.id);
            let row = to_item(&key, Some(&index), number, "number")?;
            let mut writes = vec![self.table.new_row(row)?];
            if let Some(request) = request {
                writes.push(request.write(&self.table, number.tenant_id)?);
            }
            Ok(writes)
        };
        let writes = prepare().map_err(NumberRefused::Store)?;
        match self.table.transact(writes).await {
            Ok(Transacted::Done) => Ok(()),
            Ok(Transacted::Refused(failed)) => match failed.as_slice() {
                [_, true] => Err(NumberRefused::Repeated),
                _number => Err(NumberRefused::Taken),
            },
            Err(error) => Err(NumberRefused::Store(error)),
        }
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

    /// Those of these numbers that are this tenant's.
    ///
    /// # Errors
    /// When storage cannot be reached or a row cannot be read.
    pub async fn of_tenant_among(
        &self,
        tenant: TenantId,
        numbers: &[PhoneNumber],
    ) -> Result<BTreeSet<PhoneNumber>, StoreError> {
        let asked: BTreeSet<&PhoneNumber> = numbers.iter().collect();
        let keys: Vec<_> = asked.into_iter().map(keys::number).collect();
        let found: Vec<Number> = self.table.batch_read(&keys, "number").await?;
        let ours = found.into_iter().filter(|row| row.tenant_id == tenant);
        Ok(ours.map(|row| row.number).collect())
    }

    /// A tenant's numbers, newest first, older than `after`.
    ///
    /// # Errors
    /// When storage cannot be reached or a row cannot be read.
    pub async fn list(
        &self,
        tenant: TenantId,
        after: Option<NumberId>,
        limit: u32,
    ) -> Result<Page<Number>, StoreError> {
        let partition = keys::numbers_of(tenant);
        self.table
            .rows_by_index(&partition, after.map(|id| id.to_string()), limit, "number")
            .await
    }
}
