//! Carries messages from a queue to a handler, as AWS's event source mapping does for a function.
//!
//! The handler is the very function that runs on Lambda: it gets an `SqsEvent` and answers which
//! messages failed. What succeeded is deleted, what failed comes back when its visibility ends and at
//! last goes to the dead-letter queue; both are the queue's doing. Knows nothing of what the messages
//! mean.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName, QueueAttributeName,
};
use store::schema::VISIBILITY_SECONDS;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The most that one receive returns, and one call of the handler gets (SQS quotas).
const BATCH_MESSAGES_MAX: i32 = 10;
const WAIT_SECONDS: i32 = 20;
/// A handler that takes longer works on messages that others may have by now; Lambda's time limit.
const HANDLER_TIMEOUT: Duration = Duration::from_secs(VISIBILITY_SECONDS as u64);
/// Pauses after the queue could not be asked (the client has tried several times by then).
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// A queue and how much of it is handled at once.
#[derive(Debug, Clone)]
pub struct Pump {
    sqs: Client,
    queue_url: String,
    handlers_max: usize,
}

impl Pump {
    /// `handlers_max`: calls of the handler at one time, each with up to ten messages; at least one.
    #[must_use]
    pub fn new(sqs: Client, queue_url: &str, handlers_max: usize) -> Self {
        Self {
            sqs,
            queue_url: queue_url.to_owned(),
            handlers_max: handlers_max.max(1),
        }
    }

    /// Pumps until `stop`, then lets the running handlers finish (each within its time limit).
    pub async fn run<H, F, E>(self, handler: H, stop: CancellationToken)
    where
        H: Fn(SqsEvent) -> F,
        F: Future<Output = Result<SqsBatchResponse, E>> + Send + 'static,
        E: Display + Send + 'static,
    {
        let places = Arc::new(Semaphore::new(self.handlers_max));
        let mut running = JoinSet::new();
        let mut pause = PAUSE_MIN;
        let mut source = None;
        loop {
            // Finished handlers are taken out as others are added, so the set stays small.
            while running.try_join_next().is_some() {}
            // A message is received only when a handler is free for it: its time runs from then on.
            let place = tokio::select! {
                () = stop.cancelled() => break,
                place = Arc::clone(&places).acquire_owned() => place,
            };
            let Ok(place) = place else { break };
            let received = tokio::select! {
                () = stop.cancelled() => break,
                received = self.receive(&mut source) => received,
            };
            let (messages, arn) = match received {
                Ok(received) => received,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "a queue cannot be asked for messages"
                    );
                    tokio::select! {
                        () = stop.cancelled() => break,
                        () = tokio::time::sleep(pause) => {}
                    }
                    pause = (pause * 2).min(PAUSE_MAX);
                    continue;
                }
            };
            pause = PAUSE_MIN;
            if messages.is_empty() {
                continue;
            }
            let receipts = receipts(&messages);
            let handled = handler(event(messages, &arn));
            let pump = self.clone();
            running.spawn(async move {
                pump.finish(handled, receipts).await;
                drop(place);
            });
        }
        while running.join_next().await.is_some() {}
    }

    /// Waits for messages, and learns the queue's ARN the first time.
    async fn receive(
        &self,
        arn: &mut Option<String>,
    ) -> Result<(Vec<Message>, String), aws_sdk_sqs::Error> {
        let source = match arn {
            Some(known) => known.clone(),
            None => arn.insert(self.arn().await?).clone(),
        };
        let received = self
            .sqs
            .receive_message()
            .queue_url(&self.queue_url)
            .max_number_of_messages(BATCH_MESSAGES_MAX)
            .wait_time_seconds(WAIT_SECONDS)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await?;
        Ok((received.messages.unwrap_or_default(), source))
    }

    async fn arn(&self) -> Result<String, aws_sdk_sqs::Error> {
        let known = self
            .sqs
            .get_queue_attributes()
            .queue_url(&self.queue_url)
            .attribute_names(QueueAttributeName::QueueArn)
            .send()
            .await?;
        Ok(known
            .attributes
            .and_then(|mut attributes| attributes.remove(&QueueAttributeName::QueueArn))
            .unwrap_or_default())
    }

    /// Deletes what the handler finished.
    async fn finish<E: Display>(
        &self,
        handled: impl Future<Output = Result<SqsBatchResponse, E>>,
        receipts: Vec<(String, String)>,
    ) {
        let answer = match tokio::time::timeout(HANDLER_TIMEOUT, handled).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                tracing::warn!(%error, "a queue's handler failed; its messages come again");
                return;
            }
            Err(_elapsed) => {
                tracing::warn!("a queue's handler took too long; its messages come again");
                return;
            }
        };
        let failed: BTreeSet<String> = answer
            .batch_item_failures
            .into_iter()
            .map(|failure| failure.item_identifier)
            .collect();
        // An id that is not of this batch fails all of it, as on Lambda: better twice than never.
        if failed
            .iter()
            .any(|failed| !receipts.iter().any(|(id, _receipt)| id == failed))
        {
            tracing::warn!("a queue's handler named a message that it was not given");
            return;
        }
        let done = receipts.iter().filter(|(id, _)| !failed.contains(id));
        let entries = done
            .enumerate()
            .filter_map(|(index, (_id, receipt))| {
                DeleteMessageBatchRequestEntry::builder()
                    .id(index.to_string())
                    .receipt_handle(receipt)
                    .build()
                    .ok()
            })
            .collect::<Vec<_>>();
        if entries.is_empty() {
            return;
        }
        let deleted = self
            .sqs
            .delete_message_batch()
            .queue_url(&self.queue_url)
            .set_entries(Some(entries))
            .send()
            .await;
        match deleted {
            Ok(deleted) if deleted.failed.is_empty() => {}
            Ok(deleted) => tracing::warn!(
                messages = deleted.failed.len(),
                "handled messages were not deleted and come again"
            ),
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "handled messages were not deleted and come again"
            ),
        }
    }
}

/// Message ids with the receipts to delete them by.
fn receipts(messages: &[Message]) -> Vec<(String, String)> {
    messages
        .iter()
        .filter_map(|message| Some((message.message_id.clone()?, message.receipt_handle.clone()?)))
        .collect()
}

/// The event as Lambda would deliver it.
fn event(messages: Vec<Message>, arn: &str) -> SqsEvent {
    let region = arn.split(':').nth(3).map(str::to_owned);
    let mut event = SqsEvent::default();
    event.records = messages
        .into_iter()
        .map(|message| {
            let mut record = SqsMessage::default();
            record.message_id = message.message_id;
            record.receipt_handle = message.receipt_handle;
            record.body = message.body;
            record.md5_of_body = message.md5_of_body;
            record.attributes = message
                .attributes
                .unwrap_or_default()
                .into_iter()
                .map(|(name, value)| (name.as_str().to_owned(), value))
                .collect::<HashMap<_, _>>();
            record.event_source = Some("aws:sqs".to_owned());
            record.event_source_arn = Some(arn.to_owned());
            record.aws_region.clone_from(&region);
            record
        })
        .collect();
    event
}

#[cfg(test)]
mod tests;
