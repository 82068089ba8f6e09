//! A process that dies at a request to storage, and one for which time passes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_dynamodb::config::interceptors::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use store::Store;
use store::aws::Clients;

use super::super::{TestClock, World};
use crate::template::iam::{self, Who};

/// Before the request is sent, or after it was done and before anybody hears of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::control) enum When {
    Before,
    After,
}

/// Counts requests of all services; from the chosen one on, none comes through.
#[derive(Debug, Clone)]
pub(in crate::control) struct Faults {
    count: Arc<AtomicU32>,
    at: u32,
    when: When,
    /// A clock that each request moves on by so many seconds.
    clock: Option<(Arc<TestClock>, i64)>,
}

impl Faults {
    /// Dies at the `at`th request, counted from 1.
    pub(in crate::control) fn new(at: u32, when: When) -> Self {
        Self {
            count: Arc::default(),
            at,
            when,
            clock: None,
        }
    }

    /// Never dies, and takes its time.
    pub(super) fn slow(clock: &Arc<TestClock>, seconds: i64) -> Self {
        Self {
            clock: Some((Arc::clone(clock), seconds)),
            ..Self::new(u32::MAX, When::Before)
        }
    }

    /// The world's storage as this process of theirs sees it.
    pub(in crate::control) fn store(&self, world: &World, who: Who) -> Store {
        let clients = iam::held_to(who, &world.own.clients, &world.own.names);
        let retries = RetryConfig::disabled;
        let dynamodb = clients.dynamodb.config().to_builder();
        let dynamodb = dynamodb.retry_config(retries()).interceptor(self.clone());
        let sqs = clients.sqs.config().to_builder();
        let sqs = sqs.retry_config(retries()).interceptor(self.clone());
        let s3 = clients.s3.config().to_builder();
        let s3 = s3.retry_config(retries()).interceptor(self.clone());
        let clients = Clients {
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
            sqs: aws_sdk_sqs::Client::from_conf(sqs.build()),
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
        };
        Store::new(&clients, &world.own.names, &world.own.queues)
    }
}

impl Intercept for Faults {
    fn name(&self) -> &'static str {
        "faults"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some((clock, seconds)) = &self.clock {
            clock.pass(*seconds);
        }
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let dead = match self.when {
            When::Before => count >= self.at,
            When::After => count > self.at,
        };
        if dead {
            Err("the process is dead".into())
        } else {
            Ok(())
        }
    }

    fn read_after_transmit(
        &self,
        _context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let count = self.count.load(Ordering::Relaxed);
        if self.when == When::After && count >= self.at {
            return Err("the process died before it heard".into());
        }
        Ok(())
    }
}
