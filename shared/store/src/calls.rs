//! Call rows: creation in one transaction, conditional change, lists.
//!
//! Every change names the version of the row that it was decided on, so that of two writers one has
//! to look again. What follows from what is decided elsewhere; here it is only written.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use model::{AnsweringMachine, Call, CallId, CallSnapshot, DomainEvent, EventId, TenantId};
use serde::{Deserialize, Serialize};

use crate::keys::{self, IndexKey};
use crate::table::{Item, Page, Table, Transacted, Write, to_item};
use crate::{Idempotency, Sessions, StoreError, TokenHash};

/// How long event rows are kept: longer than any consumer may be down over a weekend.
const EVENT_LIFETIME: SignedDuration = SignedDuration::from_hours(4 * 24);

/// A call with what only we need to know of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRow {
    #[serde(flatten)]
    pub call: Call,
    #[serde(flatten)]
    pub progress: Progress,
}

/// How far our own dealings with a call are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// Rises with each change of the row.
    pub row_version: u64,
    pub answering_machine: AnsweringMachine,
    /// The longest that the agent talks, in seconds.
    pub duration_seconds_max: u32,
    /// When the gate to the carrier was passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placing_at: Option<Timestamp>,
    /// When a user or program asked to hang up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hang_up_requested_at: Option<Timestamp>,
    /// The outcome was derived from the carrier's word alone: what the session says replaces it.
    pub provisional: bool,
    /// The latest session that noted itself on the call, from 1; 0 while there was none.
    pub session: u32,
    /// That session has not said that it is over.
    pub session_open: bool,
    /// How often the carrier came back and was given another stream.
    pub resumes: u32,
    /// The carrier said that a stream of this call failed.
    pub stream_failed: bool,
}

/// Something that went wrong with what a transaction expected.
#[derive(Debug, thiserror::Error)]
pub enum WriteRefused {
    /// The row has changed since it was read: read it again.
    #[error("the call has changed meanwhile")]
    Changed,
    /// The carrier's call belongs to another call of ours.
    #[error("the carrier's call belongs to another call")]
    CarrierCallTaken,
    #[error("the call could not be written")]
    Store(#[source] StoreError),
}

/// A new call and everything that is written with it.
#[derive(Debug)]
pub struct NewCall<'a> {
    pub row: &'a CallRow,
    pub snapshot: &'a CallSnapshot,
    /// A token that opens a session at once (inbound calls), with its end.
    pub token: Option<(&'a TokenHash, Timestamp)>,
    /// The request that made it, so that the same request does not make another.
    pub request: Option<&'a Idempotency>,
    pub event: DomainEvent,
}

/// Why a call was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateRefused {
    /// A request with this key was there before.
    #[error("the request was made before")]
    Repeated,
    /// The carrier's call already has a call of ours.
    #[error("the carrier's call is known")]
    CarrierCallTaken,
    #[error("the call could not be written")]
    Store(#[source] StoreError),
}

/// What is written together with a changed row.
#[derive(Debug, Default)]
pub struct Along<'a> {
    pub events: Vec<DomainEvent>,
    /// The row names this call of the carrier's for the first time.
    pub carrier_call_id: Option<&'a str>,
    /// A fresh token opens a session until then.
    pub token: Option<(&'a TokenHash, Timestamp)>,
    /// No token that was given out opens a session any more.
    pub forget_tokens: bool,
}

/// The call rows.
#[derive(Debug, Clone)]
pub struct Calls {
    table: Table,
}

#[derive(Serialize, Deserialize)]
struct CarrierCallRow {
    call_id: CallId,
}

#[derive(Serialize)]
struct EventRow<'a> {
    #[serde(flatten)]
    event: &'a DomainEvent,
    ttl: i64,
}

#[derive(Deserialize)]
struct StoredEvent {
    #[serde(flatten)]
    event: DomainEvent,
}

impl Calls {
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Writes call, snapshot, event and, where given, the request's row and the carrier's call in
    /// one transaction.
    ///
    /// # Errors
    /// See [`CreateRefused`].
    pub async fn create(&self, new: NewCall<'_>) -> Result<(), CreateRefused> {
        let tenant = new.row.call.tenant_id;
        let id = new.row.call.id;
        let mut request_at = None;
        let mut carrier_at = None;
        let mut prepare = || -> Result<Vec<Write>, StoreError> {
            let mut writes = vec![
                self.table.new_row(call_item(new.row)?)?,
                Sessions::new_row(
                    &self.table,
                    new.snapshot,
                    new.row.call.carrier_call_id.as_deref(),
                    new.token,
                )?,
                event_write(&self.table, &new.event)?,
            ];
            if let Some(request) = new.request {
                request_at = Some(writes.len());
                writes.push(request.write(&self.table, tenant)?);
            }
            if let Some(carrier_call_id) = &new.row.call.carrier_call_id {
                carrier_at = Some(writes.len());
                writes.push(self.carrier_call(tenant, id, carrier_call_id)?);
            }
            Ok(writes)
        };
        let writes = prepare().map_err(CreateRefused::Store)?;
        match self.table.transact(writes).await {
            Ok(Transacted::Done) => Ok(()),
            Ok(Transacted::Refused(failed)) => {
                let at = |place: Option<usize>| {
                    place.is_some_and(|place| failed.get(place).copied().unwrap_or(false))
                };
                if at(request_at) {
                    Err(CreateRefused::Repeated)
                } else if at(carrier_at) {
                    Err(CreateRefused::CarrierCallTaken)
                } else {
                    Err(CreateRefused::Store(StoreError::Conflict))
                }
            }
            Err(error) => Err(CreateRefused::Store(error)),
        }
    }

    /// Reads a call as it is now.
    ///
    /// # Errors
    /// When storage cannot be reached or the row cannot be read.
    pub async fn get(&self, tenant: TenantId, call: CallId) -> Result<Option<CallRow>, StoreError> {
        self.table.read(&keys::call(tenant, call), "call").await
    }

    /// Replaces the row that has the version before `row`'s, with what belongs to the change.
    ///
    /// # Errors
    /// See [`WriteRefused`].
    pub async fn replace(&self, row: &CallRow, along: Along<'_>) -> Result<(), WriteRefused> {
        let tenant = row.call.tenant_id;
        let id = row.call.id;
        let before = row.progress.row_version.saturating_sub(1);
        let prepare = || -> Result<Vec<Write>, StoreError> {
            let mut writes = vec![self.table.put_if(
                call_item(row)?,
                "row_version = :before",
                HashMap::from([(":before".to_owned(), AttributeValue::N(before.to_string()))]),
            )?];
            if let Some(carrier_call_id) = along.carrier_call_id {
                writes.push(self.carrier_call(tenant, id, carrier_call_id)?);
            }
            if along.forget_tokens {
                writes.push(Sessions::forget_tokens(&self.table, tenant, id)?);
            } else if let Some((token, until)) = along.token {
                writes.push(Sessions::add_token(&self.table, tenant, id, token, until)?);
            }
            for event in &along.events {
                writes.push(event_write(&self.table, event)?);
            }
            Ok(writes)
        };
        let writes = prepare().map_err(WriteRefused::Store)?;
        match self.table.transact(writes).await {
            Ok(Transacted::Done) => Ok(()),
            Ok(Transacted::Refused(failed)) => match failed.as_slice() {
                [true, ..] => Err(WriteRefused::Changed),
                [false, true, ..] if along.carrier_call_id.is_some() => {
                    Err(WriteRefused::CarrierCallTaken)
                }
                _other_write => Err(WriteRefused::Store(StoreError::Conflict)),
            },
            Err(error) => Err(WriteRefused::Store(error)),
        }
    }

    /// Which call of ours a carrier's call is.
    ///
    /// # Errors
    /// When storage cannot be reached.
    pub async fn by_carrier_call(
        &self,
        tenant: TenantId,
        carrier_call_id: &str,
    ) -> Result<Option<CallId>, StoreError> {
        let key = keys::carrier_call(tenant, carrier_call_id);
        let row: Option<CarrierCallRow> = self.table.read(&key, "carrier call").await?;
        Ok(row.map(|row| row.call_id))
    }

    /// A tenant's calls, newest first, after (older than) the given one.
    ///
    /// # Errors
    /// When storage cannot be reached or a row cannot be read.
    pub async fn list(
        &self,
        tenant: TenantId,
        after: Option<CallId>,
        limit: u32,
    ) -> Result<Page<CallRow>, StoreError> {
        let partition = keys::calls_of(tenant);
        self.table
            .rows_by_index(&partition, after.map(|id| id.to_string()), limit, "call")
            .await
    }

    /// Event rows of one shard after an event, oldest first: what a consumer without a table stream
    /// reads.
    ///
    /// # Errors
    /// When storage cannot be reached or a row cannot be read.
    pub async fn events_after(
        &self,
        shard: u64,
        after: EventId,
        limit: u32,
    ) -> Result<Page<DomainEvent>, StoreError> {
        let partition = keys::event_shard(shard);
        let page: Page<StoredEvent> = self
            .table
            .rows_after(&partition, &after.to_string(), limit, "event")
            .await?;
        Ok(Page {
            items: page.items.into_iter().map(|row| row.event).collect(),
            more: page.more,
        })
    }

    fn carrier_call(
        &self,
        tenant: TenantId,
        call_id: CallId,
        carrier_call_id: &str,
    ) -> Result<Write, StoreError> {
        let key = keys::carrier_call(tenant, carrier_call_id);
        let row = to_item(&key, None, &CarrierCallRow { call_id }, "carrier call")?;
        self.table.put_if(
            row,
            "attribute_not_exists(pk) OR call_id = :ours",
            HashMap::from([(":ours".to_owned(), AttributeValue::S(call_id.to_string()))]),
        )
    }
}

fn call_item(row: &CallRow) -> Result<Item, StoreError> {
    let key = keys::call(row.call.tenant_id, row.call.id);
    let index = call_in_index(row.call.tenant_id, row.call.id);
    to_item(&key, Some(&index), row, "call")
}

/// The write that tells others of a change.
pub(crate) fn event_write(table: &Table, event: &DomainEvent) -> Result<Write, StoreError> {
    let key = keys::event(event);
    let ttl = event
        .at
        .checked_add(EVENT_LIFETIME)
        .unwrap_or(Timestamp::MAX)
        .as_second();
    table.new_row(to_item(&key, None, &EventRow { event, ttl }, "event")?)
}

fn call_in_index(tenant: TenantId, call: CallId) -> IndexKey {
    IndexKey {
        pk: keys::calls_of(tenant),
        sk: call.to_string(),
    }
}
