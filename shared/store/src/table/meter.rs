//! What requests to the table cost: counted at the client, from what the table itself says it charged.
//!
//! For tests and measurements: the clients of a [`Meter`] ask the table with every request what it took
//! and add it up. The repositories know nothing of it. A request that fails counts as a request; what
//! it was charged is not told.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemInput, BatchGetItemOutput};
use aws_sdk_dynamodb::operation::get_item::{GetItemInput, GetItemOutput};
use aws_sdk_dynamodb::operation::put_item::{PutItemInput, PutItemOutput};
use aws_sdk_dynamodb::operation::query::{QueryInput, QueryOutput};
use aws_sdk_dynamodb::operation::transact_write_items::{
    TransactWriteItemsInput, TransactWriteItemsOutput,
};
use aws_sdk_dynamodb::operation::update_item::{UpdateItemInput, UpdateItemOutput};
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity};
use aws_smithy_runtime_api::client::interceptors::context::Output;

use crate::aws::Clients;

/// Requests and what they were charged.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cost {
    /// As they went out: one that the SDK tries again counts again.
    pub requests: u64,
    pub read_units: f64,
    pub write_units: f64,
}

/// Counts what its clients ask the table for.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Mutex<BTreeMap<&'static str, Cost>>>);

impl Meter {
    /// The same clients, but counted; and what counts them.
    #[must_use]
    pub fn on(clients: &Clients) -> (Clients, Self) {
        let meter = Self::default();
        let counted = clients.dynamodb.config().to_builder();
        let counted = counted.interceptor(meter.clone()).build();
        let clients = Clients {
            dynamodb: aws_sdk_dynamodb::Client::from_conf(counted),
            ..clients.clone()
        };
        (clients, meter)
    }

    /// Everything since this was asked last, by operation of the table's API.
    #[must_use]
    pub fn take(&self) -> BTreeMap<&'static str, Cost> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Cost {
    /// Of all operations together.
    #[must_use]
    pub fn sum(costs: &BTreeMap<&'static str, Self>) -> Self {
        costs.values().fold(Self::default(), |mut sum, cost| {
            sum += *cost;
            sum
        })
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, more: Self) {
        self.requests += more.requests;
        self.read_units += more.read_units;
        self.write_units += more.write_units;
    }
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let input = context.input_mut();
        let wanted = Some(ReturnConsumedCapacity::Total);
        if let Some(get) = input.downcast_mut::<GetItemInput>() {
            get.return_consumed_capacity = wanted;
        } else if let Some(get) = input.downcast_mut::<BatchGetItemInput>() {
            get.return_consumed_capacity = wanted;
        } else if let Some(query) = input.downcast_mut::<QueryInput>() {
            query.return_consumed_capacity = wanted;
        } else if let Some(put) = input.downcast_mut::<PutItemInput>() {
            put.return_consumed_capacity = wanted;
        } else if let Some(update) = input.downcast_mut::<UpdateItemInput>() {
            update.return_consumed_capacity = wanted;
        } else if let Some(write) = input.downcast_mut::<TransactWriteItemsInput>() {
            write.return_consumed_capacity = wanted;
        }
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let (operation, cost) = match context.output_or_error() {
            Ok(output) => charged(output),
            Err(_refused) => ("refused", Cost::default()),
        };
        let cost = Cost {
            requests: 1,
            ..cost
        };
        let mut costs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *costs.entry(operation).or_default() += cost;
        Ok(())
    }
}

/// What an answer says that its request took.
fn charged(output: &Output) -> (&'static str, Cost) {
    if let Some(get) = output.downcast_ref::<GetItemOutput>() {
        ("GetItem", reads(get.consumed_capacity()))
    } else if let Some(get) = output.downcast_ref::<BatchGetItemOutput>() {
        ("BatchGetItem", reads(get.consumed_capacity()))
    } else if let Some(query) = output.downcast_ref::<QueryOutput>() {
        ("Query", reads(query.consumed_capacity()))
    } else if let Some(put) = output.downcast_ref::<PutItemOutput>() {
        ("PutItem", writes(put.consumed_capacity()))
    } else if let Some(update) = output.downcast_ref::<UpdateItemOutput>() {
        ("UpdateItem", writes(update.consumed_capacity()))
    } else if let Some(write) = output.downcast_ref::<TransactWriteItemsOutput>() {
        ("TransactWriteItems", writes(write.consumed_capacity()))
    } else {
        ("other", Cost::default())
    }
}

fn reads<'a>(told: impl IntoIterator<Item = &'a ConsumedCapacity>) -> Cost {
    Cost {
        read_units: units(told),
        ..Cost::default()
    }
}

fn writes<'a>(told: impl IntoIterator<Item = &'a ConsumedCapacity>) -> Cost {
    Cost {
        write_units: units(told),
        ..Cost::default()
    }
}

fn units<'a>(told: impl IntoIterator<Item = &'a ConsumedCapacity>) -> f64 {
    let told = told.into_iter();
    told.filter_map(ConsumedCapacity::capacity_units).sum()
}
