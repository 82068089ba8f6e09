//! The table and the few ways in which repositories use it.
//!
//! Reads are strongly consistent unless they go through the index, which cannot be. Rows come out in
//! today's shape, and one of a newer version's is neither handed out nor written over (`shapes`). It knows
//! attributes and conditions, and no row.

pub(crate) mod conditions;
pub(crate) mod keys;
pub(crate) mod meter;
pub mod schema;
pub(crate) mod shapes;
pub(crate) mod throttles;

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, Delete, KeysAndAttributes, Put,
    ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;
use crate::table::keys::{IndexKey, Key};
use crate::table::schema::{GSI1, GSI1_PK, GSI1_SK, PK, SK};

/// The attributes of a row.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// Tries of a transaction that collided with another one. DynamoDB cancels one of two transactions
/// on the same row at once and leaves trying again to whoever asked; our rows see a handful of writers.
const COLLISION_TRIES_MAX: u32 = 6;
const COLLISION_PAUSE: Duration = Duration::from_millis(15);

/// The most writes that DynamoDB takes in one transaction, and the most rows it reads in one batch
/// (DynamoDB service quotas).
pub(crate) const TRANSACTION_WRITES_MAX: usize = 100;
pub(crate) const BATCH_READS_MAX: usize = 100;
/// Tries of a batch of reads of which DynamoDB left some out, because they were too many bytes or too
/// many a second.
const BATCH_TRIES_MAX: u32 = 8;

/// A DynamoDB table.
#[derive(Debug, Clone)]
pub struct Table {
    client: Client,
    name: Arc<str>,
}

/// One write of a transaction.
#[derive(Debug)]
pub(crate) struct Write(TransactWriteItem);

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Transacted {
    Done,
    /// Nothing was written: for each write, whether its condition failed.
    Refused(Vec<bool>),
}

/// A page of rows, and where the next one begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// More may follow after the last item.
    pub more: bool,
}

impl Table {
    #[must_use]
    pub fn new(client: Client, name: &str) -> Self {
        Self {
            client,
            name: name.into(),
        }
    }

    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        key: &Key,
        what: &'static str,
    ) -> Result<Option<T>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&*self.name)
            .set_key(Some(key.attributes()))
            .consistent_read(true)
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        found
            .item
            .map(|item| from_item(shapes::open(item)?, what))
            .transpose()
    }

    /// Puts a row where there is none.
    pub(crate) async fn put_new(&self, item: Item) -> Result<(), StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&*self.name)
            .set_item(Some(shapes::stamped(item)))
            .condition_expression(format!("attribute_not_exists({PK})"))
            .send()
            .await;
        match put {
            Ok(_written) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|refusal| refusal.is_conditional_check_failed_exception()) =>
            {
                Err(StoreError::Conflict)
            }
            Err(error) => Err(StoreError::unavailable(error)),
        }
    }

    /// Puts a row, whatever was there.
    pub(crate) async fn put_over(&self, item: Item) -> Result<(), StoreError> {
        let put = self.client.put_item().table_name(&*self.name);
        let put = put.set_item(Some(item)).send().await;
        put.map(|_written| ()).map_err(StoreError::unavailable)
    }

    /// Updates a row if the condition holds and returns all of it as it is then.
    pub(crate) async fn update(
        &self,
        key: &Key,
        update: &str,
        condition: &str,
        names: HashMap<String, String>,
        mut values: Item,
    ) -> Result<Item, StoreError> {
        let condition = shapes::guarded(&key.sk, Some(condition), &mut values);
        let updated = self
            .client
            .update_item()
            .table_name(&*self.name)
            .set_key(Some(key.attributes()))
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_names((!names.is_empty()).then_some(names))
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let error = match updated {
            Ok(updated) => return shapes::open(updated.attributes.unwrap_or_default()),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => {
                refusal.item().map_or(Ok(()), shapes::check)?;
                Err(StoreError::Conflict)
            }
            Some(_) | None => Err(StoreError::unavailable(error)),
        }
    }

    /// Writes all or nothing. The SDK gives each call a token of its own, so that its retry after a
    /// lost answer does not count as a second write.
    pub(crate) async fn transact(&self, writes: Vec<Write>) -> Result<Transacted, StoreError> {
        let items: Vec<_> = writes.into_iter().map(|Write(item)| item).collect();
        for attempt in 1..=COLLISION_TRIES_MAX {
            let sent = self
                .client
                .transact_write_items()
                .set_transact_items(Some(items.clone()))
                .send()
                .await;
            let Err(error) = sent else {
                return Ok(Transacted::Done);
            };
            let reasons = match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    Some(cancelled.cancellation_reasons().to_vec())
                }
                Some(_) | None => None,
            };
            let Some(reasons) = reasons else {
                return Err(StoreError::unavailable(error));
            };
            let failed =
                |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
            if reasons.iter().any(failed) {
                for row in reasons.iter().filter_map(CancellationReason::item) {
                    shapes::check(row)?;
                }
                return Ok(Transacted::Refused(reasons.iter().map(failed).collect()));
            }
            let collided = reasons
                .iter()
                .any(|reason| reason.code() == Some("TransactionConflict"));
            if !collided || attempt == COLLISION_TRIES_MAX {
                return Err(StoreError::unavailable(error));
            }
            tokio::time::sleep(pause(attempt, &items)).await;
        }
        Err(StoreError::Conflict)
    }

    /// Rows of one partition whose sort key begins with `prefix`, in order.
    pub(crate) async fn rows_of<T: DeserializeOwned>(
        &self,
        partition: &str,
        prefix: &str,
        ask: Ask<'_>,
        what: &'static str,
    ) -> Result<Page<T>, StoreError> {
        let start = ask.after.map(|after| {
            Key {
                pk: partition.to_owned(),
                sk: after.to_owned(),
            }
            .attributes()
        });
        let found = self
            .client
            .query()
            .table_name(&*self.name)
            .consistent_read(true)
            .key_condition_expression(format!("{PK} = :pk AND begins_with({SK}, :sk)"))
            .expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()))
            .expression_attribute_values(":sk", AttributeValue::S(prefix.to_owned()))
            .scan_index_forward(!ask.newest_first)
            .limit(i32::try_from(ask.limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        page(found.items, found.last_evaluated_key.is_some(), what)
    }

    /// Rows of one index partition, newest first (ids sort by time), older than `before`.
    pub(crate) async fn rows_by_index<T: DeserializeOwned>(
        &self,
        index_partition: &str,
        before: Option<String>,
        limit: u32,
        what: &'static str,
    ) -> Result<Page<T>, StoreError> {
        let mut condition = format!("{GSI1_PK} = :pk");
        let mut values = HashMap::from([(
            ":pk".to_owned(),
            AttributeValue::S(index_partition.to_owned()),
        )]);
        if let Some(before) = before {
            condition.push_str(&format!(" AND {GSI1_SK} < :before"));
            values.insert(":before".to_owned(), AttributeValue::S(before));
        }
        let found = self
            .client
            .query()
            .table_name(&*self.name)
            .index_name(GSI1)
            .key_condition_expression(condition)
            .set_expression_attribute_values(Some(values))
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        page(found.items, found.last_evaluated_key.is_some(), what)
    }

    /// Rows of one partition after a sort key, oldest first.
    pub(crate) async fn rows_after<T: DeserializeOwned>(
        &self,
        partition: &str,
        after: &str,
        limit: u32,
        what: &'static str,
    ) -> Result<Page<T>, StoreError> {
        let found = self
            .client
            .query()
            .table_name(&*self.name)
            .consistent_read(true)
            .key_condition_expression(format!("{PK} = :pk AND {SK} > :sk"))
            .expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()))
            .expression_attribute_values(":sk", AttributeValue::S(after.to_owned()))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        page(found.items, found.last_evaluated_key.is_some(), what)
    }

    /// The rows of these keys that are there, in no particular order.
    pub(crate) async fn batch_read<T: DeserializeOwned>(
        &self,
        keys: &[Key],
        what: &'static str,
    ) -> Result<Vec<T>, StoreError> {
        let mut rows = Vec::with_capacity(keys.len());
        for some in keys.chunks(BATCH_READS_MAX) {
            let mut left = KeysAndAttributes::builder()
                .set_keys(Some(some.iter().map(Key::attributes).collect()))
                .consistent_read(true)
                .build()
                .map_err(StoreError::unavailable)?;
            for attempt in 1.. {
                let read = self
                    .client
                    .batch_get_item()
                    .request_items(&*self.name, left)
                    .send()
                    .await
                    .map_err(StoreError::unavailable)?;
                for item in read
                    .responses
                    .into_iter()
                    .flatten()
                    .flat_map(|(_, rows)| rows)
                {
                    rows.push(from_item(shapes::open(item)?, what)?);
                }
                let unread = read
                    .unprocessed_keys
                    .unwrap_or_default()
                    .into_values()
                    .next();
                let Some(unread) = unread.filter(|unread| !unread.keys().is_empty()) else {
                    break;
                };
                if attempt == BATCH_TRIES_MAX {
                    return Err(StoreError::unavailable(BatchLeftOut));
                }
                left = unread;
                tokio::time::sleep(pause(attempt, &[])).await;
            }
        }
        Ok(rows)
    }

    /// Rows of one partition, as attributes. Through the index they may be a moment old.
    pub(crate) async fn query(&self, ask: Query<'_>) -> Result<Queried, StoreError> {
        let (pk, sk) = if ask.by_index {
            (GSI1_PK, GSI1_SK)
        } else {
            (PK, SK)
        };
        let mut values = ask.values;
        values.insert(
            ":pk".to_owned(),
            AttributeValue::S(ask.partition.to_owned()),
        );
        let mut value = |name: &str, text: &str| {
            values.insert(name.to_owned(), AttributeValue::S(text.to_owned()));
        };
        let range = match ask.range {
            Range::All => String::new(),
            Range::BeginsWith(prefix) => {
                value(":from", prefix);
                format!(" AND begins_with({sk}, :from)")
            }
            Range::After(last) => {
                value(":from", last);
                format!(" AND {sk} > :from")
            }
            Range::Between(from, to) => {
                value(":from", from);
                value(":to", to);
                format!(" AND {sk} BETWEEN :from AND :to")
            }
        };
        let found = self
            .client
            .query()
            .table_name(&*self.name)
            .set_index_name(ask.by_index.then(|| GSI1.to_owned()))
            .consistent_read(!ask.by_index)
            .key_condition_expression(format!("{pk} = :pk{range}"))
            .set_filter_expression(ask.filter)
            .set_expression_attribute_names((!ask.names.is_empty()).then_some(ask.names))
            .set_expression_attribute_values(Some(values))
            .scan_index_forward(!ask.backwards)
            .limit(i32::try_from(ask.limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(ask.start)
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        let items = found.items.unwrap_or_default().into_iter();
        Ok(Queried {
            items: items.map(shapes::open).collect::<Result<_, _>>()?,
            looked_at: u32::try_from(found.scanned_count).unwrap_or(0),
            last: found.last_evaluated_key,
        })
    }

    /// Every row of one partition in a range, as attributes.
    pub(crate) async fn all_of(
        &self,
        partition: &str,
        range: Range<'_>,
    ) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let mut ask = Query::new(partition, range, u32::MAX);
            ask.start = start;
            let mut found = self.query(ask).await?;
            items.append(&mut found.items);
            match found.last {
                Some(last) => start = Some(last),
                None => return Ok(items),
            }
        }
    }

    /// A write that adds to numbers of a row, which is made where it is missing. `once` is set with the
    /// first of them and stays.
    pub(crate) fn add(
        &self,
        key: &Key,
        once: (&str, AttributeValue),
        numbers: &BTreeMap<String, i64>,
    ) -> Result<Write, StoreError> {
        let mut names = HashMap::from([("#once".to_owned(), once.0.to_owned())]);
        let mut values = Item::from([(":once".to_owned(), once.1)]);
        let mut parts = Vec::new();
        for (place, (name, number)) in numbers.iter().enumerate() {
            names.insert(format!("#n{place}"), name.clone());
            values.insert(format!(":n{place}"), AttributeValue::N(number.to_string()));
            parts.push(format!("#n{place} :n{place}"));
        }
        let expression = format!(
            "SET #once = if_not_exists(#once, :once) ADD {}",
            parts.join(", ")
        );
        let guard = shapes::guarded(&key.sk, None, &mut values);
        let update = Update::builder()
            .table_name(&*self.name)
            .set_key(Some(key.attributes()))
            .update_expression(expression)
            .condition_expression(guard)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(StoreError::unavailable)?;
        Ok(Write(TransactWriteItem::builder().update(update).build()))
    }

    /// A write that removes a row if the condition holds for it.
    pub(crate) fn delete_if(
        &self,
        key: &Key,
        condition: &str,
        names: HashMap<String, String>,
        values: Item,
    ) -> Result<Write, StoreError> {
        self.delete_where(key, Some(condition), names, values)
    }

    /// A write that removes a row, or finds it gone.
    pub(crate) fn delete(&self, key: &Key) -> Result<Write, StoreError> {
        self.delete_where(key, None, HashMap::new(), Item::new())
    }

    fn delete_where(
        &self,
        key: &Key,
        condition: Option<&str>,
        names: HashMap<String, String>,
        mut values: Item,
    ) -> Result<Write, StoreError> {
        let condition = shapes::guarded(&key.sk, condition, &mut values);
        let delete = Delete::builder()
            .table_name(&*self.name)
            .set_key(Some(key.attributes()))
            .condition_expression(condition)
            .set_expression_attribute_names((!names.is_empty()).then_some(names))
            .set_expression_attribute_values(Some(values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(StoreError::unavailable)?;
        Ok(Write(TransactWriteItem::builder().delete(delete).build()))
    }

    /// A write that puts a row, whatever is there.
    pub(crate) fn put(&self, item: Item) -> Result<Write, StoreError> {
        self.put_where(item, None, Item::new())
    }

    /// A condition on a row that the transaction does not write.
    pub(crate) fn check(
        &self,
        key: &Key,
        condition: &str,
        names: HashMap<String, String>,
        values: Item,
    ) -> Result<Write, StoreError> {
        let check = ConditionCheck::builder()
            .table_name(&*self.name)
            .set_key(Some(key.attributes()))
            .condition_expression(condition)
            .set_expression_attribute_names((!names.is_empty()).then_some(names))
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .build()
            .map_err(StoreError::unavailable)?;
        Ok(Write(
            TransactWriteItem::builder().condition_check(check).build(),
        ))
    }

    /// A write that puts a row where there is none.
    pub(crate) fn new_row(&self, item: Item) -> Result<Write, StoreError> {
        let put = Put::builder()
            .table_name(&*self.name)
            .set_item(Some(shapes::stamped(item)))
            .condition_expression(format!("attribute_not_exists({PK})"))
            .build()
            .map_err(StoreError::unavailable)?;
        Ok(Write(TransactWriteItem::builder().put(put).build()))
    }

    /// A write that puts a row if the condition holds for the one that is there.
    pub(crate) fn put_if(
        &self,
        item: Item,
        condition: &str,
        values: Item,
    ) -> Result<Write, StoreError> {
        self.put_where(item, Some(condition), values)
    }

    fn put_where(
        &self,
        item: Item,
        condition: Option<&str>,
        mut values: Item,
    ) -> Result<Write, StoreError> {
        let sort_key = item.get(SK).and_then(|value| value.as_s().ok());
        let sort_key = sort_key.map_or("", String::as_str);
        let condition = shapes::guarded(sort_key, condition, &mut values);
        let put = Put::builder()
            .table_name(&*self.name)
            .set_item(Some(shapes::stamped(item)))
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(StoreError::unavailable)?;
        Ok(Write(TransactWriteItem::builder().put(put).build()))
    }

    /// A write that changes a row in place, whatever it says.
    pub(crate) fn change(
        &self,
        key: &Key,
        update: &str,
        values: Item,
    ) -> Result<Write, StoreError> {
        self.update_where(key, update, None, HashMap::new(), values)
    }

    /// A write that changes a row in place if the condition holds for it.
    pub(crate) fn update_if(
        &self,
        key: &Key,
        update: &str,
        condition: &str,
        names: HashMap<String, String>,
        values: Item,
    ) -> Result<Write, StoreError> {
        self.update_where(key, update, Some(condition), names, values)
    }

    fn update_where(
        &self,
        key: &Key,
        update: &str,
        condition: Option<&str>,
        names: HashMap<String, String>,
        mut values: Item,
    ) -> Result<Write, StoreError> {
        let condition = shapes::guarded(&key.sk, condition, &mut values);
        let update = Update::builder()
            .table_name(&*self.name)
            .set_key(Some(key.attributes()))
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_names((!names.is_empty()).then_some(names))
            .set_expression_attribute_values(Some(values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(StoreError::unavailable)?;
        Ok(Write(TransactWriteItem::builder().update(update).build()))
    }
}

/// Rows that DynamoDB did not read in all tries.
#[derive(Debug, thiserror::Error)]
#[error("a batch of reads was answered in parts {BATCH_TRIES_MAX} times")]
struct BatchLeftOut;

/// Sort keys.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Range<'a> {
    All,
    BeginsWith(&'a str),
    After(&'a str),
    Between(&'a str, &'a str),
}

/// A query in the order of the sort keys.
#[derive(Debug)]
pub(crate) struct Query<'a> {
    pub(crate) partition: &'a str,
    pub(crate) by_index: bool,
    /// From the last sort key to the first.
    pub(crate) backwards: bool,
    pub(crate) range: Range<'a>,
    /// What rows are looked at, at most: those that do not pass the filter count.
    pub(crate) limit: u32,
    pub(crate) start: Option<Item>,
    pub(crate) filter: Option<String>,
    pub(crate) names: HashMap<String, String>,
    pub(crate) values: Item,
}

impl<'a> Query<'a> {
    pub(crate) fn new(partition: &'a str, range: Range<'a>, limit: u32) -> Self {
        Self {
            partition,
            by_index: false,
            backwards: false,
            range,
            limit,
            start: None,
            filter: None,
            names: HashMap::new(),
            values: Item::new(),
        }
    }
}

/// What a query found.
#[derive(Debug)]
pub(crate) struct Queried {
    pub(crate) items: Vec<Item>,
    /// Rows that were read, with those that did not pass the filter.
    pub(crate) looked_at: u32,
    /// The key of the last row that was looked at, if more may follow.
    pub(crate) last: Option<Item>,
}

/// Which rows of a partition are wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    /// The sort key that the page follows.
    pub(crate) after: Option<&'a str>,
    pub(crate) newest_first: bool,
    pub(crate) limit: u32,
}

/// Longer each time, and hardly ever the same for two who collided. Taken from what is written, which
/// has fresh ids in it, and not from a source of chance: the same requests wait the same time again, so
/// that a run of a test can be repeated.
fn pause(attempt: u32, writes: &[TransactWriteItem]) -> Duration {
    const JITTER_MS_MAX: u64 = 10;
    let mut salt: u64 = 0;
    for write in writes {
        let put = write.put().map(Put::item);
        let update = write.update().map(Update::key);
        for value in put.or(update).into_iter().flat_map(HashMap::values) {
            let mut hasher = DefaultHasher::new();
            value.as_s().ok().hash(&mut hasher);
            // Attributes have no order.
            salt = salt.wrapping_add(hasher.finish());
        }
    }
    COLLISION_PAUSE * attempt + Duration::from_millis(salt % (JITTER_MS_MAX + 1))
}

fn page<T: DeserializeOwned>(
    items: Option<Vec<Item>>,
    more: bool,
    what: &'static str,
) -> Result<Page<T>, StoreError> {
    let items = items.unwrap_or_default().into_iter();
    let items = items
        .map(|item| from_item(shapes::open(item)?, what))
        .collect::<Result<_, _>>()?;
    Ok(Page { items, more })
}

pub(crate) fn from_item<T: DeserializeOwned>(
    item: Item,
    what: &'static str,
) -> Result<T, StoreError> {
    serde_dynamo::aws_sdk_dynamodb_1::from_item(item).map_err(StoreError::malformed(what))
}

/// A row's attributes, with its keys. What is not known is not there: conditions ask for it by that.
pub(crate) fn to_item<T: Serialize>(
    key: &Key,
    index: Option<&IndexKey>,
    row: &T,
    what: &'static str,
) -> Result<Item, StoreError> {
    let mut item: Item =
        serde_dynamo::aws_sdk_dynamodb_1::to_item(row).map_err(StoreError::malformed(what))?;
    item.retain(|_name, value| !value.is_null());
    item.extend(key.attributes());
    if let Some(index) = index {
        item.extend(index.attributes());
    }
    Ok(item)
}
