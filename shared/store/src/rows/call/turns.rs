//! Turns, stored one by one as they end.

use model::{CallId, DomainEvent, TenantId, Turn};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::rows::events::event_write;
use crate::table::keys;
use crate::table::{Ask, Table, Transacted, to_item};

/// Turns read in one request; DynamoDB ends a page at 1 MB besides.
const PAGE_TURNS: u32 = 500;
/// The most turns that are read of a call: four hours of two-second turns.
pub const TURNS_MAX: usize = 7_200;

/// A turn with the session that stored it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredTurn {
    pub session: u32,
    #[serde(flatten)]
    pub turn: Turn,
}

/// What became of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnStored {
    Done,
    /// Another turn, or this one, has the place.
    Taken(Box<StoredTurn>),
}

/// The turn rows.
#[derive(Debug, Clone)]
pub struct Turns {
    table: Table,
}

impl Turns {
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Stores a turn at its place with its event, unless the place is taken.
    ///
    /// # Errors
    /// When storage cannot be reached.
    pub async fn store(
        &self,
        tenant: TenantId,
        call: CallId,
        row: &StoredTurn,
        event: &DomainEvent,
    ) -> Result<TurnStored, StoreError> {
        let key = keys::turn(tenant, call, row.turn.seq);
        let writes = vec![
            self.table.new_row(to_item(&key, None, row, "turn")?)?,
            event_write(&self.table, event)?,
        ];
        match self.table.transact(writes).await? {
            Transacted::Done => Ok(TurnStored::Done),
            Transacted::Refused(_) => {
                let there: Option<StoredTurn> = self.table.read(&key, "turn").await?;
                let there = there.ok_or(StoreError::Conflict)?;
                Ok(TurnStored::Taken(Box::new(there)))
            }
        }
    }

    /// All turns of a call in order, at most [`TURNS_MAX`].
    ///
    /// # Errors
    /// When storage cannot be reached or a turn cannot be read.
    pub async fn of_call(&self, tenant: TenantId, call: CallId) -> Result<Vec<Turn>, StoreError> {
        let rows = self.after(tenant, call, None).await?;
        Ok(rows.into_iter().map(|row| row.turn).collect())
    }

    /// The turns behind the one in this place, or all, in order, at most [`TURNS_MAX`], each with the session
    /// that stored it.
    ///
    /// # Errors
    /// When storage cannot be reached or a turn cannot be read.
    pub async fn after(
        &self,
        tenant: TenantId,
        call: CallId,
        seq: Option<u32>,
    ) -> Result<Vec<StoredTurn>, StoreError> {
        let partition = keys::call_partition(tenant, call);
        let mut turns: Vec<StoredTurn> = Vec::new();
        loop {
            let last = turns.last().map(|row| row.turn.seq).or(seq);
            let after = last.map(|seq| keys::turn(tenant, call, seq).sk);
            let ask = Ask {
                after: after.as_deref(),
                newest_first: false,
                limit: PAGE_TURNS,
            };
            let page = self
                .table
                .rows_of::<StoredTurn>(&partition, keys::TURN_PREFIX, ask, "turn")
                .await?;
            let empty = page.items.is_empty();
            turns.extend(page.items);
            if !page.more || empty || turns.len() >= TURNS_MAX {
                turns.truncate(TURNS_MAX);
                return Ok(turns);
            }
        }
    }
}
