//! Contacts: a number's suppression and its attempts of late, across all campaigns of a tenant.
//!
//! The row that frequency caps and suppression are decided on. Every write names the version that it
//! was decided on, so that a stop request and a dial cannot both win. Only suppressed numbers are in the
//! index.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use model::{Contact, DomainEvent, PhoneNumber, TenantId};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::rows::events::event_write;
use crate::table::keys;
use crate::table::{
    Query, Range, TRANSACTION_WRITES_MAX, Table, Transacted, Write, from_item, to_item,
};

/// How long after the last attempt at it, or at another number of the same person, the row of a number that is not
/// suppressed is kept: a day longer than any cap looks back.
const LIFETIME: SignedDuration = SignedDuration::from_hours(31 * 24);

/// Contacts that are written in one transaction: with their event as many as one takes.
pub const CONTACTS_AT_ONCE_MAX: usize = TRANSACTION_WRITES_MAX - 1;

/// A number and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactRow {
    pub number: PhoneNumber,
    #[serde(flatten)]
    pub contact: Contact,
}

#[derive(Serialize)]
struct Stored<'a> {
    number: &'a PhoneNumber,
    #[serde(flatten)]
    contact: &'a Contact,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<i64>,
}

/// Suppressed numbers, and whether more follow after the last one.
pub type SuppressedPage = crate::Page<ContactRow>;

/// The contact rows.
#[derive(Debug, Clone)]
pub struct Contacts {
    table: Table,
}

impl Contacts {
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// What is known of a number; nothing, of version 0, where there is no row.
    ///
    /// # Errors
    /// When storage cannot be reached or the row cannot be read.
    pub async fn get(&self, tenant: TenantId, number: &PhoneNumber) -> Result<Contact, StoreError> {
        let key = keys::contact(tenant, number);
        let row: Option<ContactRow> = self.table.read(&key, "contact").await?;
        Ok(row.map(|row| row.contact).unwrap_or_default())
    }

    /// The rows of these numbers that are there, in no particular order.
    ///
    /// # Errors
    /// When storage cannot be reached or a row cannot be read.
    pub async fn batch_get(
        &self,
        tenant: TenantId,
        numbers: &[PhoneNumber],
    ) -> Result<Vec<ContactRow>, StoreError> {
        let mut numbers: Vec<&PhoneNumber> = numbers.iter().collect();
        numbers.sort_unstable();
        numbers.dedup();
        let keys: Vec<_> = numbers
            .into_iter()
            .map(|number| keys::contact(tenant, number))
            .collect();
        self.table.batch_read(&keys, "contact").await
    }

    /// Writes what is known of a number over the version before it, with an event for others.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when that is not its version any more.
    pub async fn replace(
        &self,
        tenant: TenantId,
        number: &PhoneNumber,
        contact: &Contact,
        event: Option<&DomainEvent>,
    ) -> Result<(), StoreError> {
        let mut writes = vec![write(&self.table, tenant, number, contact)?];
        if let Some(event) = event {
            writes.push(event_write(&self.table, event)?);
        }
        match self.table.transact(writes).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused(_) => Err(StoreError::Conflict),
        }
    }

    /// Writes what is known of some numbers, each over the version before it, with one event for all.
    /// All or none: at most [`CONTACTS_AT_ONCE_MAX`], each number once.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when one has another version.
    pub async fn replace_many(
        &self,
        tenant: TenantId,
        rows: &[ContactRow],
        event: &DomainEvent,
    ) -> Result<(), StoreError> {
        let mut writes = rows
            .iter()
            .map(|row| write(&self.table, tenant, &row.number, &row.contact))
            .collect::<Result<Vec<_>, _>>()?;
        writes.push(event_write(&self.table, event)?);
        match self.table.transact(writes).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused(_) => Err(StoreError::Conflict),
        }
    }

    /// A tenant's suppressed numbers, in the order of their digits, after a number.
    ///
    /// # Errors
    /// When storage cannot be reached or a row cannot be read.
    pub async fn suppressed(
        &self,
        tenant: TenantId,
        after: Option<&PhoneNumber>,
        limit: u32,
    ) -> Result<SuppressedPage, StoreError> {
        let partition = keys::suppressed_of(tenant);
        let range = after.map_or(Range::All, |number| Range::After(number.as_str()));
        let mut ask = Query::new(&partition, range, limit);
        ask.by_index = true;
        let found = self.table.query(ask).await?;
        let read = |item| from_item(item, "contact");
        Ok(SuppressedPage {
            items: found
                .items
                .into_iter()
                .map(read)
                .collect::<Result<_, _>>()?,
            more: found.last.is_some(),
        })
    }
}

/// A write of what is known of a number on condition that the version before it is there: version 1 on
/// condition that there is none.
pub(crate) fn write(
    table: &Table,
    tenant: TenantId,
    number: &PhoneNumber,
    contact: &Contact,
) -> Result<Write, StoreError> {
    let key = keys::contact(tenant, number);
    let index = contact
        .suppression
        .is_some()
        .then(|| keys::suppressed(tenant, number));
    let row = Stored {
        number,
        contact,
        ttl: expires(contact).map(Timestamp::as_second),
    };
    let item = to_item(&key, index.as_ref(), &row, "contact")?;
    let before = contact.version.saturating_sub(1);
    if before == 0 {
        return table.new_row(item);
    }
    table.put_if(
        item,
        "version = :before",
        HashMap::from([(":before".to_owned(), AttributeValue::N(before.to_string()))]),
    )
}

/// When the row says nothing any more; a suppression never ends by itself.
fn expires(contact: &Contact) -> Option<Timestamp> {
    // Who asked not to be called, and who undid it, has to be known for years:
    // docs/protocols/calling-compliance.md#stop-requests.
    if contact.suppression.is_some() || contact.released.is_some() {
        return None;
    }
    let attempts = contact.attempts.iter().map(|attempt| attempt.at);
    let elsewhere = contact.called_elsewhere.map(|called| called.at);
    let last = attempts.chain(elsewhere).max()?;
    Some(last.checked_add(LIFETIME).unwrap_or(Timestamp::MAX))
}
