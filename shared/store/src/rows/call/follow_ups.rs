//! Calls of which something is still to be learned after their end: how long they were, what became of their
//! recording.
//!
//! A row comes in the transaction that ends the call, so that a carrier that never tells cannot make it forgotten.
//! Rows sort by when they are looked at next.

use jiff::Timestamp;
use model::{CallId, TenantId};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::table::keys;
use crate::table::{Ask, Table, Write, to_item};

/// A call that is to be looked at again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowUp {
    pub call_id: CallId,
    pub tenant_id: TenantId,
    /// When to look.
    pub due_at: Timestamp,
    /// How often somebody has looked.
    pub looks: u32,
}

/// The rows of calls that are to be looked at again, of all tenants.
#[derive(Debug, Clone)]
pub struct FollowUps {
    table: Table,
}

impl FollowUps {
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Those that are due now, the longest due first, at most so many.
    ///
    /// # Errors
    /// When storage cannot be reached or a row cannot be read.
    pub async fn due(&self, now: Timestamp, most: u32) -> Result<Vec<FollowUp>, StoreError> {
        let ask = Ask {
            after: None,
            newest_first: false,
            limit: most,
        };
        let page = self
            .table
            .rows_of::<FollowUp>(keys::FOLLOW_UPS, keys::FOLLOW_UP_PREFIX, ask, "follow-up")
            .await?;
        let due = page.items.into_iter().take_while(|row| row.due_at <= now);
        Ok(due.collect())
    }

    /// Looks again at another time. Of two that move one row both may: it is looked at twice.
    ///
    /// # Errors
    /// When storage cannot be reached.
    pub async fn postpone(&self, row: &FollowUp, until: Timestamp) -> Result<(), StoreError> {
        let next = FollowUp {
            due_at: until,
            looks: row.looks.saturating_add(1),
            ..row.clone()
        };
        let writes = vec![self.table.delete(&key(row))?, self.put(&next)?];
        self.table.transact(writes).await.map(|_done| ())
    }

    /// Nothing is to be looked for any more.
    ///
    /// # Errors
    /// When storage cannot be reached.
    pub async fn remove(&self, row: &FollowUp) -> Result<(), StoreError> {
        let write = self.table.delete(&key(row))?;
        self.table.transact(vec![write]).await.map(|_done| ())
    }

    pub(crate) fn begin(table: &Table, row: &FollowUp) -> Result<Write, StoreError> {
        table.put(to_item(&key(row), None, row, "follow-up")?)
    }

    fn put(&self, row: &FollowUp) -> Result<Write, StoreError> {
        Self::begin(&self.table, row)
    }
}

fn key(row: &FollowUp) -> keys::Key {
    keys::follow_up(row.due_at, row.call_id)
}
