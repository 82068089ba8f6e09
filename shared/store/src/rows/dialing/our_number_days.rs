//! How often a number of ours was called from on a day: a number that calls too often is marked as spam.
//!
//! One row per number and UTC day, added to in the transaction that writes a campaign's call.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use model::{PhoneNumber, TenantId};
use serde::Deserialize;

use crate::StoreError;
use crate::table::keys;
use crate::table::schema::TTL;
use crate::table::{Table, Write};

/// How long after its day a count is kept.
const LIFETIME: SignedDuration = SignedDuration::from_hours(72);
const CALLS: &str = "calls";

/// The counts of calls by number of ours.
#[derive(Debug, Clone)]
pub struct OurNumberDays {
    table: Table,
}

#[derive(Deserialize)]
pub(crate) struct DayRow {
    pk: String,
    #[serde(default)]
    pub(crate) calls: u32,
}

impl OurNumberDays {
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Calls from each of these numbers on the UTC day of `now`; a number without any is left out.
    ///
    /// # Errors
    /// When storage cannot be reached or a row cannot be read.
    pub async fn today(
        &self,
        tenant: TenantId,
        numbers: &[PhoneNumber],
        now: Timestamp,
    ) -> Result<BTreeMap<PhoneNumber, u32>, StoreError> {
        let day = utc_day(now);
        let by_key: BTreeMap<String, &PhoneNumber> = numbers
            .iter()
            .map(|number| (keys::our_number_day(tenant, number, day).pk, number))
            .collect();
        let keys: Vec<_> = by_key
            .values()
            .map(|number| keys::our_number_day(tenant, number, day))
            .collect();
        let rows: Vec<DayRow> = self.table.batch_read(&keys, "our number's day").await?;
        Ok(rows
            .into_iter()
            .filter_map(|row| Some(((*by_key.get(&row.pk)?).clone(), row.calls)))
            .collect())
    }

    /// The write that counts a call.
    pub(crate) fn count(
        table: &Table,
        tenant: TenantId,
        number: &PhoneNumber,
        now: Timestamp,
    ) -> Result<Write, StoreError> {
        let key = keys::our_number_day(tenant, number, utc_day(now));
        let ttl = now.checked_add(LIFETIME).unwrap_or(Timestamp::MAX);
        let ttl = AttributeValue::N(ttl.as_second().to_string());
        let one = BTreeMap::from([(CALLS.to_owned(), 1)]);
        table.add(&key, (TTL, ttl), &one)
    }
}

fn utc_day(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}
