//! Requests and answers of SQS's JSON protocol, field by field as in the API reference.
//!
//! Unknown fields are ignored, as SQS does. Fields that must be there are optional here, so that a
//! missing one is refused by name.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::refusal::QueueRefusal;

/// Entries in one batch (SQS quotas).
const BATCH_ENTRIES_MAX: usize = 10;
const ENTRY_ID_CHARS_MAX: usize = 80;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateQueue {
    pub(super) queue_name: Option<String>,
    pub(super) attributes: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OneQueue {
    queue_url: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetQueueUrl {
    pub(super) queue_name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListQueues {
    pub(super) queue_name_prefix: Option<String>,
    pub(super) max_results: Option<i64>,
    pub(super) next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListDeadLetterSourceQueues {
    pub(super) queue_url: Option<String>,
    pub(super) max_results: Option<i64>,
    pub(super) next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetQueueAttributes {
    pub(super) queue_url: Option<String>,
    pub(super) attribute_names: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SetQueueAttributes {
    pub(super) queue_url: Option<String>,
    pub(super) attributes: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct SendMessage {
    #[serde(rename = "QueueUrl")]
    pub(super) queue_url: Option<String>,
    #[serde(flatten)]
    pub(super) message: OutgoingMessage,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SendMessageBatch {
    pub(super) queue_url: Option<String>,
    pub(super) entries: Option<Vec<SendEntry>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct SendEntry {
    #[serde(rename = "Id")]
    pub(super) id: Option<String>,
    #[serde(flatten)]
    pub(super) message: OutgoingMessage,
}

/// What a sender says of one message.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OutgoingMessage {
    pub(super) message_body: Option<String>,
    pub(super) delay_seconds: Option<i64>,
    #[serde(default)]
    pub(super) message_attributes: Option<BTreeMap<String, AttributeValue>>,
    #[serde(default)]
    pub(super) message_system_attributes: Option<BTreeMap<String, AttributeValue>>,
    pub(super) message_deduplication_id: Option<String>,
    pub(super) message_group_id: Option<String>,
}

/// A typed value that travels beside the body. Binary values are base64, as on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AttributeValue {
    pub(super) data_type: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) string_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) binary_value: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReceiveMessage {
    pub(super) queue_url: Option<String>,
    pub(super) max_number_of_messages: Option<i64>,
    pub(super) visibility_timeout: Option<i64>,
    pub(super) wait_time_seconds: Option<i64>,
    pub(super) message_attribute_names: Option<Vec<String>>,
    /// The older name of `message_system_attribute_names`; both count.
    pub(super) attribute_names: Option<Vec<String>>,
    pub(super) message_system_attribute_names: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteMessage {
    pub(super) queue_url: Option<String>,
    pub(super) receipt_handle: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteMessageBatch {
    pub(super) queue_url: Option<String>,
    pub(super) entries: Option<Vec<DeleteEntry>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteEntry {
    pub(super) id: Option<String>,
    pub(super) receipt_handle: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ChangeMessageVisibility {
    #[serde(rename = "QueueUrl")]
    pub(super) queue_url: Option<String>,
    #[serde(flatten)]
    pub(super) change: VisibilityChange,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ChangeMessageVisibilityBatch {
    pub(super) queue_url: Option<String>,
    pub(super) entries: Option<Vec<VisibilityEntry>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct VisibilityEntry {
    #[serde(rename = "Id")]
    pub(super) id: Option<String>,
    #[serde(flatten)]
    pub(super) change: VisibilityChange,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct VisibilityChange {
    pub(super) receipt_handle: Option<String>,
    pub(super) visibility_timeout: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StartMessageMoveTask {
    pub(super) source_arn: Option<String>,
    pub(super) destination_arn: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListMessageMoveTasks {
    pub(super) source_arn: Option<String>,
    pub(super) max_results: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct QueueUrl {
    pub(super) queue_url: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct QueueList {
    pub(super) queue_urls: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_token: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct SourceQueueList {
    #[serde(rename = "queueUrls")]
    pub(super) queue_urls: Vec<String>,
    #[serde(rename = "NextToken", skip_serializing_if = "Option::is_none")]
    pub(super) next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct QueueAttributes {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) attributes: BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Sent {
    #[serde(rename = "MD5OfMessageBody")]
    pub(super) md5_of_body: String,
    #[serde(
        rename = "MD5OfMessageAttributes",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) md5_of_attributes: Option<String>,
    #[serde(
        rename = "MD5OfMessageSystemAttributes",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) md5_of_system_attributes: Option<String>,
    pub(super) message_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sequence_number: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Received {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) messages: Vec<IncomingMessage>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct IncomingMessage {
    pub(super) message_id: String,
    pub(super) receipt_handle: String,
    #[serde(rename = "MD5OfBody")]
    pub(super) md5_of_body: String,
    pub(super) body: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) attributes: BTreeMap<&'static str, String>,
    #[serde(
        rename = "MD5OfMessageAttributes",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) md5_of_attributes: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) message_attributes: BTreeMap<String, AttributeValue>,
}

/// An entry of a batch that went well and has nothing more to say.
#[derive(Debug, Serialize)]
pub(super) struct Done {}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BatchAnswer<T> {
    successful: Vec<Success<T>>,
    failed: Vec<Failure>,
}

#[derive(Debug, Serialize)]
struct Success<T> {
    #[serde(rename = "Id")]
    id: String,
    #[serde(flatten)]
    result: T,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Failure {
    id: String,
    sender_fault: bool,
    code: &'static str,
    message: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MoveTaskStarted {
    pub(super) task_handle: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MoveTasks {
    pub(super) results: Vec<MoveTask>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MoveTask {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) task_handle: Option<String>,
    pub(super) status: &'static str,
    pub(super) source_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) destination_arn: Option<String>,
    pub(super) approximate_number_of_messages_moved: i64,
    pub(super) approximate_number_of_messages_to_move: i64,
    pub(super) started_timestamp: i64,
}

impl OneQueue {
    pub(super) fn queue(self) -> Result<String, QueueRefusal> {
        queue_of_url(self.queue_url)
    }
}

impl<T> BatchAnswer<T> {
    /// Puts each result beside its entry's id.
    pub(super) fn new(ids: Vec<String>, results: Vec<Result<T, QueueRefusal>>) -> Self {
        let mut answer = Self {
            successful: Vec::new(),
            failed: Vec::new(),
        };
        for (id, result) in ids.into_iter().zip(results) {
            match result {
                Ok(result) => answer.successful.push(Success { id, result }),
                Err(refusal) => answer.failed.push(Failure {
                    id,
                    sender_fault: !refusal.status().is_server_error(),
                    code: refusal.code(),
                    message: refusal.to_string(),
                }),
            }
        }
        answer
    }
}

pub(super) fn required<T>(field: Option<T>, name: &'static str) -> Result<T, QueueRefusal> {
    field.ok_or(QueueRefusal::Missing { name })
}

/// The queue's name is the last part of its address. The port before it changes with every start,
/// and addresses that were stored somewhere stay good.
pub(super) fn queue_of_url(url: Option<String>) -> Result<String, QueueRefusal> {
    let url = required(url, "QueueUrl")?;
    let name = url.rsplit('/').next().unwrap_or_default();
    Ok(name.to_owned())
}

/// Checks a batch as a whole and splits it into ids and the rest.
pub(super) fn batch<E, T>(
    entries: Option<Vec<E>>,
    split: impl Fn(E) -> (Option<String>, T),
) -> Result<(Vec<String>, Vec<T>), QueueRefusal> {
    let entries = entries.unwrap_or_default();
    if entries.is_empty() {
        return Err(QueueRefusal::EmptyBatch {
            entry: "batch request entry",
        });
    }
    if entries.len() > BATCH_ENTRIES_MAX {
        return Err(QueueRefusal::TooManyEntries {
            limit: BATCH_ENTRIES_MAX,
            sent: entries.len(),
        });
    }
    let mut ids = Vec::with_capacity(entries.len());
    let mut rest = Vec::with_capacity(entries.len());
    for entry in entries {
        let (id, item) = split(entry);
        let id = required(id, "Id")?;
        let is_well_formed = (1..=ENTRY_ID_CHARS_MAX).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !is_well_formed {
            return Err(QueueRefusal::BadEntryId);
        }
        ids.push(id);
        rest.push(item);
    }
    let mut seen = BTreeSet::new();
    if let Some(id) = ids.iter().find(|id| !seen.insert(id.as_str())) {
        return Err(QueueRefusal::RepeatedId { id: id.clone() });
    }
    Ok((ids, rest))
}
