//! Which media workers there are, by their own account: each renews a row of its own every few seconds.
//!
//! A row is as old as its last renewal and counts until a time that stands in it. Nothing that must be
//! exact relies on it: a worker may be gone, or full, a moment after it said that it is not.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use model::WorkerId;
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::table::keys;
use crate::table::schema::TTL;
use crate::table::{Ask, Table, to_item};

/// Workers that are read; more than any deployment runs.
pub const WORKERS_MAX: usize = 1_000;
/// Rows that are read for them: a worker that dies leaves its row, which DynamoDB removes within two days. As
/// many are left by one that dies every ten seconds.
const ROWS_MAX: usize = 20_000;
const PAGE: u32 = 200;

/// What a worker says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerRow {
    pub id: WorkerId,
    pub state: WorkerState,
    /// Calls that it holds, and the most that it takes.
    pub calls: u32,
    pub calls_max: u32,
    /// Who has not said anything new by then is gone.
    pub until: Timestamp,
    /// Why calls would not come to it, as it sees its public media address; absent where they would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreached: Option<String>,
}

/// Whether a worker takes calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerState {
    Ready,
    /// It is new, and calls would not come to it, as far as it sees.
    Unreached,
    /// It goes, and takes none.
    Draining,
}

/// The worker rows.
#[derive(Debug, Clone)]
pub struct Workers {
    table: Table,
}

impl Workers {
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Writes what a worker says.
    ///
    /// # Errors
    /// When storage cannot be reached.
    pub async fn put(&self, row: &WorkerRow) -> Result<(), StoreError> {
        let mut item = to_item(&keys::worker(row.id), None, row, "worker")?;
        let ttl = AttributeValue::N(row.until.as_second().to_string());
        item.insert(TTL.to_owned(), ttl);
        self.table.put_over(item).await
    }

    /// Forgets a worker that is gone.
    ///
    /// # Errors
    /// When storage cannot be reached.
    pub async fn remove(&self, id: WorkerId) -> Result<(), StoreError> {
        let write = self.table.delete(&keys::worker(id))?;
        self.table.transact(vec![write]).await.map(|_done| ())
    }

    /// Every worker that counts at this time, at most [`WORKERS_MAX`].
    ///
    /// # Errors
    /// When storage cannot be reached or a row cannot be read.
    pub async fn at(&self, now: Timestamp) -> Result<Vec<WorkerRow>, StoreError> {
        let mut live: Vec<WorkerRow> = Vec::new();
        let mut last: Option<WorkerId> = None;
        let mut read = 0;
        loop {
            let after = last.map(|id| id.to_string());
            let ask = Ask {
                after: after.as_deref(),
                newest_first: false,
                limit: PAGE,
            };
            let page = self
                .table
                .rows_of::<WorkerRow>(keys::WORKERS, WorkerId::PREFIX, ask, "worker")
                .await?;
            let more = page.more && !page.items.is_empty();
            read += page.items.len();
            last = page.items.last().map(|row| row.id);
            live.extend(page.items.into_iter().filter(|row| row.until > now));
            if !more || live.len() >= WORKERS_MAX || read >= ROWS_MAX {
                return Ok(live);
            }
        }
    }
}
