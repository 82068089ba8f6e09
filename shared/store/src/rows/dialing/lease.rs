//! Leases: a row that says who works on something just now, and until when.
//!
//! A lease only saves work: nothing that must be exact relies on it, for a holder may be late and a
//! clock wrong. Who finds it taken knocks, and the holder looks once more before it goes, so that what
//! happened during its work is not left until the next tick.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::StoreError;
use crate::table::keys;
use crate::table::{Table, from_item};

/// A lease that ends later than this from now was written by a clock that was wrong.
pub const LEASE_MAX: SignedDuration = SignedDuration::from_mins(5);

/// The lease rows.
#[derive(Debug, Clone)]
pub struct Leases {
    table: Table,
}

/// A lease that is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    name: String,
    holder: String,
    /// Knocks that were heard.
    knocks: u64,
}

#[derive(Deserialize)]
pub(crate) struct LeaseRow {
    #[serde(default)]
    pub(crate) holder: Option<String>,
    #[serde(default)]
    pub(crate) knocks: u64,
}

impl Leases {
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Takes the lease until `until`. `None`: somebody else has it, and was told to look once more.
    ///
    /// # Errors
    /// When storage cannot be reached.
    pub async fn acquire(
        &self,
        name: &str,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Lease>, StoreError> {
        // Between two looks the holder may have gone: then it is ours at the second try.
        for _try in 0..2 {
            if let Some(row) = self.take(name, holder, now, until).await? {
                return Ok(Some(Lease {
                    name: name.to_owned(),
                    holder: holder.to_owned(),
                    knocks: row.knocks,
                }));
            }
            if self.knock(name, now).await? {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// Keeps the lease for longer. False: it was lost meanwhile.
    ///
    /// # Errors
    /// When storage cannot be reached.
    pub async fn renew(&self, lease: &Lease, until: Timestamp) -> Result<bool, StoreError> {
        let renewed = self
            .table
            .update(
                &keys::lease(&lease.name),
                "SET #until = :until",
                "holder = :holder",
                until_name(),
                HashMap::from([
                    (":until".to_owned(), millis(until)),
                    (
                        ":holder".to_owned(),
                        AttributeValue::S(lease.holder.clone()),
                    ),
                ]),
            )
            .await;
        match renewed {
            Ok(_row) => Ok(true),
            Err(StoreError::Conflict) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Lets the lease go. `Some`: somebody knocked since, and the lease is still ours, to look once
    /// more.
    ///
    /// # Errors
    /// When storage cannot be reached.
    pub async fn release(&self, lease: Lease) -> Result<Option<Lease>, StoreError> {
        let key = keys::lease(&lease.name);
        let released = self
            .table
            .update(
                &key,
                "SET #until = :never REMOVE holder",
                "holder = :holder AND knocks = :knocks",
                until_name(),
                HashMap::from([
                    (":never".to_owned(), AttributeValue::N("0".to_owned())),
                    (
                        ":holder".to_owned(),
                        AttributeValue::S(lease.holder.clone()),
                    ),
                    (
                        ":knocks".to_owned(),
                        AttributeValue::N(lease.knocks.to_string()),
                    ),
                ]),
            )
            .await;
        match released {
            Ok(_row) => return Ok(None),
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error),
        }
        let row: Option<LeaseRow> = self.table.read(&key, "lease").await?;
        Ok(row
            .filter(|row| row.holder.as_deref() == Some(lease.holder.as_str()))
            .map(|row| Lease {
                knocks: row.knocks,
                ..lease
            }))
    }

    async fn take(
        &self,
        name: &str,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<LeaseRow>, StoreError> {
        let believed = now.checked_add(LEASE_MAX).unwrap_or(Timestamp::MAX);
        let taken = self
            .table
            .update(
                &keys::lease(name),
                "SET holder = :holder, #until = :until, knocks = if_not_exists(knocks, :none)",
                "attribute_not_exists(#until) OR #until <= :now OR #until > :believed",
                until_name(),
                HashMap::from([
                    (":holder".to_owned(), AttributeValue::S(holder.to_owned())),
                    (":until".to_owned(), millis(until)),
                    (":now".to_owned(), millis(now)),
                    (":believed".to_owned(), millis(believed)),
                    (":none".to_owned(), AttributeValue::N("0".to_owned())),
                ]),
            )
            .await;
        match taken {
            Ok(row) => from_item(row, "lease").map(Some),
            Err(StoreError::Conflict) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// False: nobody is there any more.
    async fn knock(&self, name: &str, now: Timestamp) -> Result<bool, StoreError> {
        let knocked = self
            .table
            .update(
                &keys::lease(name),
                "ADD knocks :one",
                "#until > :now",
                until_name(),
                HashMap::from([
                    (":one".to_owned(), AttributeValue::N("1".to_owned())),
                    (":now".to_owned(), millis(now)),
                ]),
            )
            .await;
        match knocked {
            Ok(_row) => Ok(true),
            Err(StoreError::Conflict) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// `until` is a word of DynamoDB's own in some versions of its grammar: always by another name.
fn until_name() -> HashMap<String, String> {
    HashMap::from([("#until".to_owned(), "until".to_owned())])
}

fn millis(at: Timestamp) -> AttributeValue {
    AttributeValue::N(at.as_millisecond().to_string())
}
