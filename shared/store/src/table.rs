//! The table and the few ways in which repositories use it.
//!
//! Reads are strongly consistent unless they go through the index, which cannot be. It knows
//! attributes and conditions, and no row.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;
use crate::keys::{IndexKey, Key};
use crate::schema::{GSI1, GSI1_PK, GSI1_SK, PK, SK};

/// The attributes of a row.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// Tries of a transaction that collided with another one. DynamoDB cancels one of two transactions
/// on the same row at once and leaves trying again to the caller; our rows see a handful of writers.
const COLLISION_TRIES_MAX: u32 = 6;
const COLLISION_PAUSE: Duration = Duration::from_millis(15);

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
        found.item.map(|item| from_item(item, what)).transpose()
    }

    /// Puts a row where there is none.
    pub(crate) async fn put_new(&self, item: Item) -> Result<(), StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&*self.name)
            .set_item(Some(item))
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

    /// Updates a row if the condition holds and returns all of it as it is then.
    pub(crate) async fn update(
        &self,
        key: &Key,
        update: &str,
        condition: &str,
        names: HashMap<String, String>,
        values: Item,
    ) -> Result<Item, StoreError> {
        let updated = self
            .client
            .update_item()
            .table_name(&*self.name)
            .set_key(Some(key.attributes()))
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_names((!names.is_empty()).then_some(names))
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew)
            .send()
            .await;
        match updated {
            Ok(updated) => Ok(updated.attributes.unwrap_or_default()),
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
                return Ok(Transacted::Refused(reasons.iter().map(failed).collect()));
            }
            let collided = reasons
                .iter()
                .any(|reason| reason.code() == Some("TransactionConflict"));
            if !collided || attempt == COLLISION_TRIES_MAX {
                return Err(StoreError::unavailable(error));
            }
            let jitter = rand::random_range(0..=10_u64);
            tokio::time::sleep(COLLISION_PAUSE * attempt + Duration::from_millis(jitter)).await;
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

    /// A write that puts a row where there is none.
    pub(crate) fn new_row(&self, item: Item) -> Result<Write, StoreError> {
        self.put_if(item, &format!("attribute_not_exists({PK})"), HashMap::new())
    }

    /// A write that puts a row if the condition holds for the one that is there.
    pub(crate) fn put_if(
        &self,
        item: Item,
        condition: &str,
        values: Item,
    ) -> Result<Write, StoreError> {
        let put = Put::builder()
            .table_name(&*self.name)
            .set_item(Some(item))
            .condition_expression(condition)
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::None)
            .build()
            .map_err(StoreError::unavailable)?;
        Ok(Write(TransactWriteItem::builder().put(put).build()))
    }

    pub(crate) fn update_if(
        &self,
        key: &Key,
        update: &str,
        condition: &str,
        names: HashMap<String, String>,
        values: Item,
    ) -> Result<Write, StoreError> {
        let update = Update::builder()
            .table_name(&*self.name)
            .set_key(Some(key.attributes()))
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_names((!names.is_empty()).then_some(names))
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .build()
            .map_err(StoreError::unavailable)?;
        Ok(Write(TransactWriteItem::builder().update(update).build()))
    }
}

/// Which rows of a partition are wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    /// The sort key that the page follows.
    pub(crate) after: Option<&'a str>,
    pub(crate) newest_first: bool,
    pub(crate) limit: u32,
}

fn page<T: DeserializeOwned>(
    items: Option<Vec<Item>>,
    more: bool,
    what: &'static str,
) -> Result<Page<T>, StoreError> {
    let items = items.unwrap_or_default().into_iter();
    let items = items
        .map(|item| from_item(item, what))
        .collect::<Result<_, _>>()?;
    Ok(Page { items, more })
}

pub(crate) fn from_item<T: DeserializeOwned>(
    item: Item,
    what: &'static str,
) -> Result<T, StoreError> {
    serde_dynamo::aws_sdk_dynamodb_1::from_item(item).map_err(StoreError::malformed(what))
}

/// A row's attributes, with its keys.
pub(crate) fn to_item<T: Serialize>(
    key: &Key,
    index: Option<&IndexKey>,
    row: &T,
    what: &'static str,
) -> Result<Item, StoreError> {
    let mut item: Item =
        serde_dynamo::aws_sdk_dynamodb_1::to_item(row).map_err(StoreError::malformed(what))?;
    item.extend(key.attributes());
    if let Some(index) = index {
        item.extend(index.attributes());
    }
    Ok(item)
}
