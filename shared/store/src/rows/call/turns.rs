//! Turns, stored one by one as they end.

use model::{CallId, DomainEvent, Speaker, TenantId, Turn};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::rows::events::event_write;
use crate::table::keys;
use crate::table::{Ask, Page, Table, Transacted, to_item};

/// Turns read at once to learn who spoke: more than most calls have before the customer's first words.
const FIRST_TURNS: u32 = 8;
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

/// Who was heard in a call, as far as its turns are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spoken {
    /// Words of the agent were played.
    pub agent: bool,
    /// The customer's words were recognized, or keys that they pressed.
    pub customer: bool,
}

impl Spoken {
    fn and(self, turn: &Turn) -> Self {
        let words = !turn.text.trim().is_empty();
        match turn.speaker {
            Speaker::Agent => Self {
                agent: self.agent || words,
                ..self
            },
            Speaker::Customer => Self {
                customer: self.customer || words,
                ..self
            },
        }
    }
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
        let mut turns: Vec<StoredTurn> = Vec::new();
        loop {
            let last = turns.last().map(|row| row.turn.seq).or(seq);
            let page = self.page(tenant, call, last, PAGE_TURNS).await?;
            let empty = page.items.is_empty();
            turns.extend(page.items);
            if !page.more || empty || turns.len() >= TURNS_MAX {
                turns.truncate(TURNS_MAX);
                return Ok(turns);
            }
        }
    }
    /// Who was heard in a call: reads no further than the customer's first words.
    ///
    /// # Errors
    /// When storage cannot be reached or a turn cannot be read.
    pub async fn spoken(&self, tenant: TenantId, call: CallId) -> Result<Spoken, StoreError> {
        let mut spoken = Spoken::default();
        let mut last = None;
        loop {
            let page = self.page(tenant, call, last, FIRST_TURNS).await?;
            spoken = page
                .items
                .iter()
                .fold(spoken, |spoken, row| spoken.and(&row.turn));
            last = page.items.last().map(|row| row.turn.seq);
            if spoken.customer || !page.more || last.is_none() {
                return Ok(spoken);
            }
        }
    }

    async fn page(
        &self,
        tenant: TenantId,
        call: CallId,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Page<StoredTurn>, StoreError> {
        let partition = keys::call_partition(tenant, call);
        let after = after.map(|seq| keys::turn(tenant, call, seq).sk);
        let ask = Ask {
            after: after.as_deref(),
            newest_first: false,
            limit,
        };
        self.table
            .rows_of::<StoredTurn>(&partition, keys::TURN_PREFIX, ask, "turn")
            .await
    }
}
