//! Event rows: what others hear of, written with what it tells of.

use jiff::{SignedDuration, Timestamp};
use model::DomainEvent;
use serde::Serialize;

use crate::StoreError;
use crate::table::keys;
use crate::table::{Table, Write, to_item};

/// How long event rows are kept: longer than any consumer may be down over a weekend.
const EVENT_LIFETIME: SignedDuration = SignedDuration::from_hours(4 * 24);

#[derive(Serialize)]
struct EventRow<'a> {
    #[serde(flatten)]
    event: &'a DomainEvent,
    ttl: i64,
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
