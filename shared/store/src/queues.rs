//! Queues of typed messages.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageSystemAttributeName;
use model::{Call, CallId, ImportId, TenantId, TraceId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// The longest that SQS delays a message (SQS API reference, `DelaySeconds`).
pub const DELAY_MAX: Duration = Duration::from_secs(900);
/// The most messages one request returns (SQS API reference, `MaxNumberOfMessages`).
pub const RECEIVE_MAX: u8 = 10;
/// The longest poll (SQS API reference, `WaitTimeSeconds`).
pub const WAIT_MAX: Duration = Duration::from_secs(20);

/// A message of the dial queue: this call is to be placed, or settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialJob {
    pub tenant_id: TenantId,
    pub call_id: CallId,
    /// What the call's lines in the log have in common.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
}

impl DialJob {
    /// A message about this call.
    #[must_use]
    pub fn of(call: &Call) -> Self {
        Self {
            tenant_id: call.tenant_id,
            call_id: call.id,
            trace_id: Some(call.trace()),
        }
    }
}

/// A message of the recordings queue: this recording is ready at the carrier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingJob {
    pub tenant_id: TenantId,
    pub call_id: CallId,
    pub carrier_recording_id: String,
    /// What the call's lines in the log have in common.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
}

/// A message of the import queue: this import is to be worked on, whatever it is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportJob {
    pub tenant_id: TenantId,
    pub import_id: ImportId,
}

/// A queue of messages of one kind.
pub struct Queue<T> {
    client: Client,
    url: Arc<str>,
    kind: PhantomData<fn(T) -> T>,
}

/// A message that is ours to work on until its visibility ends.
#[derive(Debug)]
pub struct Received<T> {
    /// The message, or why it cannot be read. One that cannot is left to the dead-letter queue.
    pub message: Result<T, StoreError>,
    /// The message's text as it was sent.
    pub body: String,
    pub message_id: String,
    /// Names this delivery when it is finished.
    pub receipt: String,
    /// How often it was delivered with this time, from 1.
    pub receives: u32,
}

impl<T: Serialize + DeserializeOwned> Queue<T> {
    #[must_use]
    pub fn new(client: Client, url: &str) -> Self {
        Self {
            client,
            url: url.into(),
            kind: PhantomData,
        }
    }

    /// Sends a message that becomes visible after `delay` (at most [`DELAY_MAX`]).
    ///
    /// # Errors
    /// When the queue cannot be reached; the message may have been sent all the same.
    pub async fn send(&self, message: &T, delay: Duration) -> Result<(), StoreError> {
        let body = serde_json::to_string(message).map_err(StoreError::malformed("message"))?;
        let seconds = delay.min(DELAY_MAX).as_secs();
        self.client
            .send_message()
            .queue_url(&*self.url)
            .message_body(body)
            .delay_seconds(i32::try_from(seconds).unwrap_or_default())
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        Ok(())
    }

    /// Waits for messages, at most [`RECEIVE_MAX`] and for at most [`WAIT_MAX`].
    ///
    /// # Errors
    /// When the queue cannot be reached.
    pub async fn receive(&self, most: u8, wait: Duration) -> Result<Vec<Received<T>>, StoreError> {
        let seconds = wait.min(WAIT_MAX).as_secs();
        let received = self
            .client
            .receive_message()
            .queue_url(&*self.url)
            .max_number_of_messages(i32::from(most.clamp(1, RECEIVE_MAX)))
            .wait_time_seconds(i32::try_from(seconds).unwrap_or_default())
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        let messages = received.messages.unwrap_or_default().into_iter();
        Ok(messages
            .map(|message| {
                let body = message.body.unwrap_or_default();
                let attributes = message.attributes.unwrap_or_default();
                let receives = attributes.get(&MessageSystemAttributeName::ApproximateReceiveCount);
                Received {
                    receives: receives.and_then(|count| count.parse().ok()).unwrap_or(1),
                    message: serde_json::from_str(&body).map_err(StoreError::malformed("message")),
                    body,
                    message_id: message.message_id.unwrap_or_default(),
                    receipt: message.receipt_handle.unwrap_or_default(),
                }
            })
            .collect())
    }

    /// The message is done with and does not come again.
    ///
    /// # Errors
    /// When the queue cannot be reached; the message then comes again.
    pub async fn done(&self, receipt: &str) -> Result<(), StoreError> {
        self.client
            .delete_message()
            .queue_url(&*self.url)
            .receipt_handle(receipt)
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        Ok(())
    }

    /// Keeps the message hidden for this long from now on (zero: it comes again at once).
    ///
    /// # Errors
    /// When the queue cannot be reached.
    pub async fn hide(&self, receipt: &str, visibility: Duration) -> Result<(), StoreError> {
        self.client
            .change_message_visibility()
            .queue_url(&*self.url)
            .receipt_handle(receipt)
            .visibility_timeout(i32::try_from(visibility.as_secs()).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        Ok(())
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self {
            client: self.client.clone(),
            url: Arc::clone(&self.url),
            kind: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Queue").field(&self.url).finish()
    }
}
