//! Call rows: creation in one transaction, conditional change, lists.
//!
//! Every change names the version of the row that it was decided on, so that of two writers one has
//! to look again. What follows from what is decided elsewhere; here it is only written.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use model::{
    AmdMode, AmdThresholds, ApiKeyId, Call, CallId, CallSnapshot, CallState, CampaignId, Contact,
    Direction, DomainEvent, EventId, Lead, LeadId, MachineAction, Outcome, PhoneNumber, Rule,
    TenantId, WorkerId,
};
use serde::{Deserialize, Serialize};

use crate::rows::campaign::{campaigns, contacts, leads};
use crate::rows::events::event_write;
use crate::table::conditions::Conditions;
use crate::table::keys::{self, IndexKey};
use crate::table::schema;
use crate::table::{Item, Page, Query, Range, Table, Transacted, Write, from_item, to_item};
use crate::{
    CallCount, ContactRow, FollowUp, FollowUps, Idempotency, InboundCalls, InboundRow, LeadRow,
    NewToken, OurNumberDays, Sessions, SlotRow, Slots, SlotsHeld, StoreError,
};

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
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is told by itself, at any time, and none excludes another"
)]
pub struct Progress {
    /// Rises with each change of the row.
    pub row_version: u64,
    /// Whether and how the carrier tells machines from people, and what is done about machines.
    pub detect: AmdMode,
    pub machine: MachineAction,
    pub thresholds: AmdThresholds,
    /// The longest that the agent talks, in seconds.
    pub max_duration_seconds: u32,
    /// When the gate to the carrier was passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placing_at: Option<Timestamp>,
    /// Somebody or something picked up: so the carrier said, of the answer or of the end, it asked how to go on, or a
    /// session began.
    pub picked_up: bool,
    /// When a user or program asked to hang up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hang_up_requested_at: Option<Timestamp>,
    /// The outcome was derived from the carrier's word alone: what the session says replaces it.
    pub provisional: bool,
    /// The latest session that noted itself on the call, from 1; 0 while there was none.
    pub session: u32,
    /// That session has not said that it is over.
    pub session_open: bool,
    /// The media worker that it runs, or ran, on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_id: Option<WorkerId>,
    /// How often the carrier came back and was given another stream.
    pub resumes: u32,
    /// How often a worker that was stopping prepared another session: those are not counted above.
    pub hand_overs: u32,
    /// A session is handing the call over: until then, or until the next one has begun, the call may be
    /// between two streams.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaving_until: Option<Timestamp>,
    /// Since when the customer hears that somebody will be there soon, if they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_since: Option<Timestamp>,
    /// The carrier said that a stream of this call failed.
    pub stream_failed: bool,
    /// When a session had the carrier record it: none does so again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording_begun_at: Option<Timestamp>,
    /// Copies of its recording that were begun, each in a place of its own.
    pub recording_copies: u32,
    /// The slots that it holds until it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slots: Option<SlotsHeld>,
    /// When it is to be placed at the earliest, as it was planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Who said that hours and caps do not matter for this single call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overriding: Option<Overriding>,
    /// What its lead had counted when the call ended with a provisional outcome: where a correction
    /// begins from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead_before: Option<LeadBefore>,
}

impl Progress {
    /// The media worker that a session runs on that has not said that it is over.
    #[must_use]
    pub fn session_on(&self) -> Option<WorkerId> {
        self.worker_id.filter(|_worker| self.session_open)
    }
}

/// An owner's word that a single call is placed whatever the hour and however often: kept with the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overriding {
    /// The API key that said so.
    pub by: ApiKeyId,
    pub reason: String,
}

/// What a lead had counted before a call's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadBefore {
    pub attempts: u32,
    pub faults: u32,
}

/// Something that went wrong with what a transaction expected.
#[derive(Debug, thiserror::Error)]
pub enum WriteRefused {
    /// The row has changed since it was read, or something that is written with it: read all of it
    /// again.
    #[error("the call has changed meanwhile")]
    Changed,
    /// The campaign has changed since it was read.
    #[error("the campaign has changed meanwhile")]
    CampaignChanged,
    /// A slot that the call should give back is not its own any more: a defect, to be told of. Nothing
    /// was written.
    #[error("the call does not hold its slots")]
    SlotsLost,
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
    /// A token that opens a session at once (inbound calls).
    pub token: Option<NewToken<'a>>,
    /// The request that made it, so that the same request does not make another.
    pub request: Option<&'a Idempotency>,
    /// The slots that an outbound call takes, with what their rows say.
    pub slots: Option<(&'a SlotsHeld, &'a SlotRow)>,
    /// The lead that it is an attempt for, as it was read and as it is with the call.
    pub lead: Option<(&'a LeadRow, &'a Lead)>,
    /// Counts as a call from its number, at this time.
    pub counted_at: Option<Timestamp>,
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
    /// Another call was faster at a slot.
    #[error("a slot is taken")]
    SlotTaken {
        account: bool,
        tenant: bool,
        campaign: bool,
    },
    /// The lead has changed since it was read: somebody else may be calling it.
    #[error("the lead has changed meanwhile")]
    LeadChanged,
    #[error("the call could not be written")]
    Store(#[source] StoreError),
}

/// What is written together with a changed row.
#[derive(Debug, Default)]
pub struct WrittenWith<'a> {
    pub events: Vec<DomainEvent>,
    /// The row names this call of the carrier's for the first time.
    pub carrier_call_id: Option<&'a str>,
    /// A fresh token opens a session.
    pub token: Option<NewToken<'a>>,
    /// No token that was given out opens a session any more.
    pub forget_tokens: bool,
    /// The call gives its slots back.
    pub slots: Option<&'a SlotsHeld>,
    pub lead: Option<LeadChange<'a>>,
    /// What is known of the number with this call, over the version before.
    pub contact: Option<(&'a PhoneNumber, &'a Contact)>,
    /// What is known of the other numbers of the person, each over the version before.
    pub others: &'a [ContactRow],
    /// Only if the campaign is still of this revision.
    pub campaign: Option<(CampaignId, u32)>,
    /// What is not known of it yet is looked for at this time.
    pub follow_up: Option<Timestamp>,
}

/// How a call's lead, or its campaign's counts, change with the call.
#[derive(Debug, Clone, Copy)]
pub enum LeadChange<'a> {
    Becomes {
        before: &'a LeadRow,
        after: &'a Lead,
        count: CallCount,
    },
    /// The lead itself stays as it is.
    Recount { lead: &'a Lead, count: CallCount },
}

/// What a write of a transaction is of, to tell what a refusal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Call,
    Other,
    Request,
    CarrierCall,
    AccountSlot,
    TenantSlot,
    CampaignSlot,
    Lead,
    Contact,
    Campaign,
}

/// The writes of one transaction with what each is of.
#[derive(Debug, Default)]
struct Writes(Vec<(Part, Write)>);

/// What was refused of a transaction.
#[derive(Debug)]
struct RefusedParts(Vec<Part>);

/// Rows that are looked at for one page of calls that pass a filter: a few hundred read units. A page that meets
/// it is short, or empty, and has a cursor.
const ROWS_LOOKED_AT_MAX: u32 = 1_000;

/// Which calls are wanted; what is absent does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallFilter {
    pub campaign: Option<CampaignId>,
    pub lead: Option<LeadId>,
    pub state: Option<CallState>,
    pub outcome: Option<Outcome>,
    /// The rule that turned the call back.
    pub rule: Option<Rule>,
    /// Which attempt for its lead it is.
    pub attempt: Option<u32>,
    /// Begun at this time or later, and not after that one: saves looking at others. To the millisecond.
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

/// Calls, and where to go on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallPage {
    pub items: Vec<CallRow>,
    /// The last call that was looked at, if more may follow: what the next page is asked with.
    pub next: Option<CallId>,
}

/// The call rows.
#[derive(Debug, Clone)]
pub struct Calls {
    table: Table,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct CarrierCallRow {
    pub(crate) tenant_id: TenantId,
    pub(crate) call_id: CallId,
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
        let refused = match self.write(self.creation(&new)).await {
            Ok(None) => return Ok(()),
            Ok(Some(refused)) => refused,
            Err(error) => return Err(CreateRefused::Store(error)),
        };
        let account = refused.has(Part::AccountSlot);
        let tenant = refused.has(Part::TenantSlot);
        let campaign = refused.has(Part::CampaignSlot);
        // A request that was made before is that, whatever else it would meet today.
        if refused.has(Part::Request) {
            Err(CreateRefused::Repeated)
        } else if refused.has(Part::CarrierCall) {
            Err(CreateRefused::CarrierCallTaken)
        } else if refused.has(Part::Lead) {
            Err(CreateRefused::LeadChanged)
        } else if account || tenant || campaign {
            Err(CreateRefused::SlotTaken {
                account,
                tenant,
                campaign,
            })
        } else {
            Err(CreateRefused::Store(StoreError::Conflict))
        }
    }

    /// Writes a call to one of our numbers that is not taken: it is over with this one write, which has no snapshot
    /// and no place among the calls that are on. The carrier asks twice, and it is written once.
    ///
    /// # Errors
    /// See [`CreateRefused`]: [`CreateRefused::CarrierCallTaken`] when it is there already.
    pub async fn create_ended(
        &self,
        row: &CallRow,
        event: &DomainEvent,
    ) -> Result<(), CreateRefused> {
        let refused = match self.write(self.ended(row, event)).await {
            Ok(None) => return Ok(()),
            Ok(Some(refused)) => refused,
            Err(error) => return Err(CreateRefused::Store(error)),
        };
        if refused.has(Part::CarrierCall) {
            Err(CreateRefused::CarrierCallTaken)
        } else {
            Err(CreateRefused::Store(StoreError::Conflict))
        }
    }

    fn ended(&self, row: &CallRow, event: &DomainEvent) -> Result<Writes, StoreError> {
        let call = &row.call;
        let mut writes = Writes::default();
        writes.add(Part::Call, self.table.new_row(call_item(row)?)?);
        writes.add(Part::Other, event_write(&self.table, event)?);
        if let Some(carrier_call_id) = &call.carrier_call_id {
            let known = self.carrier_call(call.tenant_id, call.id, carrier_call_id)?;
            writes.add(Part::CarrierCall, known);
        }
        Ok(writes)
    }

    fn creation(&self, new: &NewCall<'_>) -> Result<Writes, StoreError> {
        let call = &new.row.call;
        let mut writes = Writes::default();
        writes.add(Part::Call, self.table.new_row(call_item(new.row)?)?);
        let snapshot = Sessions::new_row(
            &self.table,
            new.snapshot,
            call.carrier_call_id.as_deref(),
            new.token,
        );
        writes.add(Part::Other, snapshot?);
        writes.add(Part::Other, event_write(&self.table, &new.event)?);
        if let Some(request) = new.request {
            writes.add(Part::Request, request.write(&self.table, call.tenant_id)?);
        }
        if let Some(carrier_call_id) = &call.carrier_call_id {
            let known = self.carrier_call(call.tenant_id, call.id, carrier_call_id)?;
            writes.add(Part::CarrierCall, known);
        }
        if call.direction == Direction::Inbound {
            let row = InboundRow {
                call_id: call.id,
                tenant_id: call.tenant_id,
                since: call.created_at,
            };
            writes.add(Part::Other, InboundCalls::begin(&self.table, &row)?);
        }
        if let Some((held, slot)) = new.slots {
            writes.slots(Slots::take(&self.table, held, slot)?);
        }
        if let Some((before, after)) = new.lead {
            let count = CallCount::None;
            let (_row, changed) =
                leads::transition(&self.table, call.tenant_id, before, after, count)?;
            writes.lead(changed);
        }
        if let Some(at) = new.counted_at {
            let count = OurNumberDays::count(&self.table, call.tenant_id, &call.from, at)?;
            writes.add(Part::Other, count);
        }
        Ok(writes)
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
    pub async fn replace(&self, row: &CallRow, along: WrittenWith<'_>) -> Result<(), WriteRefused> {
        let refused = match self.write(self.change(row, &along)).await {
            Ok(None) => return Ok(()),
            Ok(Some(refused)) => refused,
            Err(error) => return Err(WriteRefused::Store(error)),
        };
        let slots = [Part::AccountSlot, Part::TenantSlot, Part::CampaignSlot];
        if refused.has(Part::Call) || refused.has(Part::Lead) || refused.has(Part::Contact) {
            Err(WriteRefused::Changed)
        } else if refused.has(Part::Campaign) {
            Err(WriteRefused::CampaignChanged)
        } else if refused.has(Part::CarrierCall) {
            Err(WriteRefused::CarrierCallTaken)
        } else if slots.into_iter().any(|slot| refused.has(slot)) {
            Err(WriteRefused::SlotsLost)
        } else {
            Err(WriteRefused::Store(StoreError::Conflict))
        }
    }

    fn change(&self, row: &CallRow, along: &WrittenWith<'_>) -> Result<Writes, StoreError> {
        let call = &row.call;
        let (tenant, id) = (call.tenant_id, call.id);
        let before = row.progress.row_version.saturating_sub(1);
        let mut writes = Writes::default();
        let version =
            HashMap::from([(":before".to_owned(), AttributeValue::N(before.to_string()))]);
        let put = self
            .table
            .put_if(call_item(row)?, "row_version = :before", version);
        writes.add(Part::Call, put?);
        if let Some(carrier_call_id) = along.carrier_call_id {
            let known = self.carrier_call(tenant, id, carrier_call_id)?;
            writes.add(Part::CarrierCall, known);
        }
        if along.forget_tokens {
            let forget = Sessions::forget_tokens(&self.table, tenant, id)?;
            writes.add(Part::Other, forget);
        } else if let Some(token) = along.token {
            let add = Sessions::add_token(&self.table, tenant, id, token)?;
            writes.add(Part::Other, add);
        }
        if let Some(held) = along.slots {
            let campaign = call.campaign_id;
            writes.slots(Slots::give_back(&self.table, tenant, campaign, held, id)?);
        }
        if call.direction == Direction::Inbound && call.state == CallState::Ended {
            // Also once more with every correction: what is gone stays gone.
            writes.add(Part::Other, InboundCalls::end(&self.table, id)?);
        }
        match along.lead {
            Some(LeadChange::Becomes {
                before,
                after,
                count,
            }) => {
                let (_row, changed) = leads::transition(&self.table, tenant, before, after, count)?;
                writes.lead(changed);
            }
            Some(LeadChange::Recount { lead, count }) => {
                let counts = leads::recount(&self.table, tenant, lead, count)?;
                writes.all(Part::Other, counts);
            }
            None => {}
        }
        if let Some((number, contact)) = along.contact {
            let known = contacts::write(&self.table, tenant, number, contact)?;
            writes.add(Part::Contact, known);
        }
        for row in along.others {
            let known = contacts::write(&self.table, tenant, &row.number, &row.contact)?;
            writes.add(Part::Contact, known);
        }
        if let Some((campaign, revision)) = along.campaign {
            let same = campaigns::unchanged(&self.table, tenant, campaign, revision)?;
            writes.add(Part::Campaign, same);
        }
        if let Some(due_at) = along.follow_up {
            let due = FollowUp {
                call_id: id,
                tenant_id: tenant,
                due_at,
                looks: 0,
            };
            writes.add(Part::Other, FollowUps::begin(&self.table, &due)?);
        }
        for event in &along.events {
            writes.add(Part::Other, event_write(&self.table, event)?);
        }
        Ok(writes)
    }

    /// `None`: all of it was written.
    async fn write(
        &self,
        writes: Result<Writes, StoreError>,
    ) -> Result<Option<RefusedParts>, StoreError> {
        let (parts, writes): (Vec<_>, Vec<_>) = writes?.0.into_iter().unzip();
        match self.table.transact(writes).await? {
            Transacted::Done => Ok(None),
            Transacted::Refused(failed) => {
                let parts = parts.into_iter().zip(failed);
                let parts = parts.filter_map(|(part, failed)| failed.then_some(part));
                Ok(Some(RefusedParts(parts.collect())))
            }
        }
    }

    /// Which call of the tenant's a carrier's call is.
    ///
    /// # Errors
    /// When storage cannot be reached.
    pub async fn by_carrier_call(
        &self,
        tenant: TenantId,
        carrier_call_id: &str,
    ) -> Result<Option<CallId>, StoreError> {
        let known = self.of_carrier_call(carrier_call_id).await?;
        Ok(known.and_then(|(of, call)| (of == tenant).then_some(call)))
    }

    /// Which call of ours a carrier's call is, and whose.
    ///
    /// # Errors
    /// When storage cannot be reached.
    pub async fn of_carrier_call(
        &self,
        carrier_call_id: &str,
    ) -> Result<Option<(TenantId, CallId)>, StoreError> {
        let key = keys::carrier_call(carrier_call_id);
        let row: Option<CarrierCallRow> = self.table.read(&key, "carrier call").await?;
        Ok(row.map(|row| (row.tenant_id, row.call_id)))
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

    /// A tenant's calls that pass the filter, newest first, after (older than) the given one. A page may have fewer
    /// than `limit`, or none, and another one after it.
    ///
    /// # Errors
    /// When storage cannot be reached or a row cannot be read.
    pub async fn find(
        &self,
        tenant: TenantId,
        filter: &CallFilter,
        after: Option<CallId>,
        limit: u32,
    ) -> Result<CallPage, StoreError> {
        let partition = keys::calls_of(tenant);
        let mut page = CallPage::default();
        let mut looked_at = 0_u32;
        // Few at first: where most pass no more are read than are wanted.
        let mut look = limit;
        let mut after = after;
        loop {
            let Some((first, last)) = filter.range(after) else {
                return Ok(CallPage { next: None, ..page });
            };
            let may_look = ROWS_LOOKED_AT_MAX.saturating_sub(looked_at);
            if may_look == 0 {
                return Ok(CallPage {
                    next: after,
                    ..page
                });
            }
            let range = Range::Between(&first, &last);
            let mut ask = Query::new(&partition, range, look.min(may_look));
            ask.by_index = true;
            ask.backwards = true;
            filter.conditions().of(&mut ask);
            let read = self.table.query(ask).await?;
            looked_at = looked_at.saturating_add(read.looked_at.max(1));
            look = look.saturating_mul(2);
            let mut items = read.items.into_iter();
            for item in items.by_ref() {
                let row: CallRow = from_item(item, "call")?;
                let id = row.call.id;
                page.items.push(row);
                if u32::try_from(page.items.len()).unwrap_or(u32::MAX) >= limit {
                    let more = items.len() > 0 || read.last.is_some();
                    return Ok(CallPage {
                        next: more.then_some(id),
                        ..page
                    });
                }
            }
            let Some(key) = read.last else {
                return Ok(CallPage { next: None, ..page });
            };
            after = Some(last_call(&key)?);
        }
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
        tenant_id: TenantId,
        call_id: CallId,
        carrier_call_id: &str,
    ) -> Result<Write, StoreError> {
        let key = keys::carrier_call(carrier_call_id);
        let row = CarrierCallRow { tenant_id, call_id };
        self.table.put_if(
            to_item(&key, None, &row, "carrier call")?,
            "attribute_not_exists(pk) OR call_id = :ours",
            HashMap::from([(":ours".to_owned(), AttributeValue::S(call_id.to_string()))]),
        )
    }
}

impl CallFilter {
    /// The ids that come into question after one, the first and the last; `None`: there are none.
    fn range(&self, after: Option<CallId>) -> Option<(String, String)> {
        let ms = |at: Timestamp| u64::try_from(at.as_millisecond()).unwrap_or_default();
        let first = CallId::from_parts(self.since.map_or(0, ms), 0);
        let newest = CallId::from_parts(u64::MAX, u128::MAX);
        let last = self
            .until
            .map_or(newest, |at| CallId::from_parts(ms(at), u128::MAX));
        let last = match after {
            Some(after) => last.min(before(after)?),
            None => last,
        };
        (first <= last).then(|| (first.to_string(), last.to_string()))
    }

    fn conditions(&self) -> Conditions {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let mut conditions = Conditions::default();
        let wanted = [
            ("campaign_id", self.campaign.map(|id| id.to_string())),
            ("lead_id", self.lead.map(|id| id.to_string())),
            ("state", self.state.map(|state| state.code().to_owned())),
            (
                "outcome",
                self.outcome.map(|outcome| outcome.code().to_owned()),
            ),
            (
                "permit.denied_by",
                self.rule.map(|rule| rule.code().to_owned()),
            ),
        ];
        for (name, value) in wanted {
            if let Some(value) = value {
                conditions.all(name, "=", text(&value));
            }
        }
        if let Some(attempt) = self.attempt {
            conditions.all("attempt", "=", AttributeValue::N(attempt.to_string()));
        }
        conditions
    }
}

/// The id just before one.
fn before(call: CallId) -> Option<CallId> {
    const CHANCE_BITS: u32 = 80;
    let bits = call.bits().checked_sub(1)?;
    let unix_ms = u64::try_from(bits >> CHANCE_BITS).unwrap_or(u64::MAX);
    Some(CallId::from_parts(unix_ms, bits & ((1 << CHANCE_BITS) - 1)))
}

fn last_call(key: &Item) -> Result<CallId, StoreError> {
    let id = key.get(schema::GSI1_SK).and_then(|value| value.as_s().ok());
    id.map_or("", String::as_str)
        .parse()
        .map_err(StoreError::malformed("call"))
}

impl Writes {
    fn add(&mut self, part: Part, write: Write) {
        self.0.push((part, write));
    }

    fn all(&mut self, part: Part, writes: Vec<Write>) {
        self.0.extend(writes.into_iter().map(|write| (part, write)));
    }

    /// The lead's row comes first, its counts have no condition.
    fn lead(&mut self, writes: Vec<Write>) {
        let parts = std::iter::once(Part::Lead).chain(std::iter::repeat(Part::Other));
        self.0.extend(parts.zip(writes));
    }

    /// In the order in which [`Slots`] names them.
    fn slots(&mut self, writes: Vec<Write>) {
        let parts = [Part::AccountSlot, Part::TenantSlot, Part::CampaignSlot];
        self.0.extend(parts.into_iter().zip(writes));
    }
}

impl RefusedParts {
    fn has(&self, part: Part) -> bool {
        self.0.contains(&part)
    }
}

fn call_item(row: &CallRow) -> Result<Item, StoreError> {
    let key = keys::call(row.call.tenant_id, row.call.id);
    let index = call_in_index(row.call.tenant_id, row.call.id);
    to_item(&key, Some(&index), row, "call")
}

fn call_in_index(tenant: TenantId, call: CallId) -> IndexKey {
    IndexKey {
        pk: keys::calls_of(tenant),
        sk: call.to_string(),
    }
}
