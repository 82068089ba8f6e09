//! Pacing: one row per account at the carrier that says when the next call may be asked for.
//!
//! Each reservation moves the row on by one interval with a single conditional update, so that calls
//! keep their distance under any number of parallel functions (the generic cell rate algorithm
//! without a burst). Two functions never spoil each other's reservation: while calls follow each other
//! closely, an update only adds.
//!
//! Clocks of machines differ and are set. A row that lies a little ahead is believed and waited for; one
//! that lies so far ahead that only a clock that was wrong can have written it is set right.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::StoreError;
use crate::table::keys;
use crate::table::{Item, Table};

/// A row further ahead than this, beyond what can be reserved ahead, was written by a clock that was
/// wrong. Clocks that are kept by the network differ by less.
pub const HEAL_AFTER: SignedDuration = SignedDuration::from_secs(60);
/// Looks at a row that others change at the same moment.
const TRIES_MAX: u32 = 8;

/// The answer to a request for a place in the row of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserved {
    /// The place is ours: the call is asked for at this moment, and not before.
    Granted(Timestamp),
    /// Too many are before us: ask again about then.
    Later(Timestamp),
}

/// The pacing rows.
#[derive(Debug, Clone)]
pub struct Pace {
    table: Table,
}

#[derive(Deserialize)]
pub(crate) struct PaceRow {
    /// Microseconds since 1970.
    pub(crate) next_at: i64,
}

impl Pace {
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// When the next call of the account may be asked for; `None` while nobody has asked.
    ///
    /// # Errors
    /// When storage cannot be reached or the row cannot be read.
    pub async fn next_at(&self, account: &str) -> Result<Option<Timestamp>, StoreError> {
        let row: Option<PaceRow> = self.table.read(&keys::pace(account), "pace").await?;
        Ok(row.and_then(|row| Timestamp::from_microsecond(row.next_at).ok()))
    }

    /// Takes the next place, if it is at most `ahead_max` ahead.
    ///
    /// # Errors
    /// When storage cannot be reached, or others always came first.
    pub async fn reserve(
        &self,
        account: &str,
        now: Timestamp,
        interval: SignedDuration,
        ahead_max: SignedDuration,
    ) -> Result<Reserved, StoreError> {
        let key = keys::pace(account);
        let interval = micros(interval);
        let now = now.as_microsecond();
        let latest = now.saturating_add(micros(ahead_max));
        for _try in 0..TRIES_MAX {
            // Others are just before us: one place further.
            let behind = self
                .table
                .update(
                    &key,
                    "SET next_at = next_at + :interval",
                    "next_at > :now AND next_at <= :latest",
                    HashMap::new(),
                    values(&[(":interval", interval), (":now", now), (":latest", latest)]),
                )
                .await;
            match behind {
                Ok(row) => return granted(read(row)?.saturating_sub(interval)),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
            // Nobody was lately.
            let first = self
                .table
                .update(
                    &key,
                    "SET next_at = :next",
                    "attribute_not_exists(next_at) OR next_at <= :now",
                    HashMap::new(),
                    values(&[(":next", now.saturating_add(interval)), (":now", now)]),
                )
                .await;
            match first {
                Ok(_row) => return granted(now),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
            let row: Option<PaceRow> = self.table.read(&key, "pace").await?;
            let Some(PaceRow { next_at: seen }) = row else {
                continue;
            };
            if seen <= latest {
                continue;
            }
            let believed = latest
                .saturating_add(interval)
                .saturating_add(micros(HEAL_AFTER));
            if seen <= believed {
                return later(seen);
            }
            // Nothing is granted by setting it right: what the wrong clock granted last may be of this
            // very moment.
            let healed = latest.saturating_add(interval);
            let set = self
                .table
                .update(
                    &key,
                    "SET next_at = :healed",
                    "next_at = :seen",
                    HashMap::new(),
                    values(&[(":healed", healed), (":seen", seen)]),
                )
                .await;
            match set {
                Ok(_row) => return later(healed),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Conflict)
    }
}

fn granted(at: i64) -> Result<Reserved, StoreError> {
    instant(at).map(Reserved::Granted)
}

fn later(at: i64) -> Result<Reserved, StoreError> {
    instant(at).map(Reserved::Later)
}

fn instant(at: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(at).map_err(StoreError::malformed("pace"))
}

fn read(row: Item) -> Result<i64, StoreError> {
    let row: PaceRow = crate::table::from_item(row, "pace")?;
    Ok(row.next_at)
}

fn micros(span: SignedDuration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

fn values(numbers: &[(&str, i64)]) -> Item {
    let numbers = numbers.iter();
    numbers
        .map(|(name, number)| ((*name).to_owned(), AttributeValue::N(number.to_string())))
        .collect()
}
