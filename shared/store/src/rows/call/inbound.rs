//! The calls to our numbers that are on: what the sweeper walks, since such a call holds no slot.
//!
//! A row comes with its call and goes with its call's end, each in the transaction that writes the call.
//! While somebody is held nobody tells us that they hung up: they are asked about by these rows.

use jiff::Timestamp;
use model::{CallId, TenantId};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::table::keys;
use crate::table::{Ask, Table, Write, to_item};

/// Rows that are read of one list; more calls than any deployment takes at once.
pub const INBOUND_MAX: usize = 10_000;
const PAGE: u32 = 500;

/// A call to one of our numbers that is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboundRow {
    pub call_id: CallId,
    pub tenant_id: TenantId,
    /// When it came.
    pub since: Timestamp,
}

/// The rows of calls to our numbers.
#[derive(Debug, Clone)]
pub struct InboundCalls {
    table: Table,
}

impl InboundCalls {
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Every call to our numbers that is on, the oldest first, at most [`INBOUND_MAX`].
    ///
    /// # Errors
    /// When storage cannot be reached or a row cannot be read.
    pub async fn live(&self) -> Result<Vec<InboundRow>, StoreError> {
        let mut rows: Vec<InboundRow> = Vec::new();
        loop {
            let after = rows.last().map(|row| row.call_id.to_string());
            let ask = Ask {
                after: after.as_deref(),
                newest_first: false,
                limit: PAGE,
            };
            let page = self
                .table
                .rows_of::<InboundRow>(keys::INBOUND, CallId::PREFIX, ask, "inbound call")
                .await?;
            let more = page.more && !page.items.is_empty();
            rows.extend(page.items);
            if !more || rows.len() >= INBOUND_MAX {
                return Ok(rows);
            }
        }
    }

    /// Forgets a call that is over.
    ///
    /// # Errors
    /// When storage cannot be reached.
    pub async fn remove(&self, call: CallId) -> Result<(), StoreError> {
        let write = Self::end(&self.table, call)?;
        self.table.transact(vec![write]).await.map(|_done| ())
    }

    pub(crate) fn begin(table: &Table, row: &InboundRow) -> Result<Write, StoreError> {
        let key = keys::inbound(row.call_id);
        table.new_row(to_item(&key, None, row, "inbound call")?)
    }

    pub(crate) fn end(table: &Table, call: CallId) -> Result<Write, StoreError> {
        table.delete(&keys::inbound(call))
    }
}
