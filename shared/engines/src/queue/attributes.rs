//! A queue's attributes: names, ranges and defaults of the SQS API reference (`SetQueueAttributes`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use store::aws::LOCAL_REGION;

use super::refusal::QueueRefusal;

/// One message, and all of one batch together (SQS quotas, since August 2025).
pub(super) const MESSAGE_BYTES_MAX: i64 = 1_048_576;

/// The account that everything here belongs to.
pub(super) const ACCOUNT_ID: &str = "000000000000";

pub(super) const DELAY_SECONDS_MAX: i64 = 900;
pub(super) const VISIBILITY_SECONDS_MAX: i64 = 43_200;
pub(super) const WAIT_SECONDS_MAX: i64 = 20;

const QUEUE_NAME_CHARS_MAX: usize = 80;
const FIFO_SUFFIX: &str = ".fifo";

/// Attributes that say how a queue behaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attributes {
    pub(super) delay_seconds: i64,
    pub(super) visibility_seconds: i64,
    pub(super) retention_seconds: i64,
    pub(super) wait_seconds: i64,
    pub(super) message_bytes_max: i64,
    pub(super) redrive: Option<Redrive>,
    pub(super) is_fifo: bool,
    pub(super) deduplicates_by_content: bool,
    /// FIFO only: ids are compared within their group, not the whole queue.
    pub(super) deduplicates_by_group: bool,
    /// Given back as they came, without effect here.
    kept: BTreeMap<String, String>,
}

/// Where messages go that were received too often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Redrive {
    pub(super) dead_letter_target_arn: String,
    #[serde(deserialize_with = "number_or_text")]
    pub(super) max_receive_count: i64,
}

const KEPT: [&str; 6] = [
    "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "Policy",
    "RedriveAllowPolicy",
    "SqsManagedSseEnabled",
];

/// Those that have an effect; with `KEPT`, all that can be set.
const SETTABLE: [&str; 9] = [
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "RedrivePolicy",
    "VisibilityTimeout",
];

/// Names that `GetQueueAttributes` knows beside the settable ones.
pub(super) const COUNTED: [&str; 6] = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
];

impl Attributes {
    /// Checks the name and the attributes of a queue to be.
    pub(super) fn of_new_queue(
        name: &str,
        given: &BTreeMap<String, String>,
    ) -> Result<Self, QueueRefusal> {
        let stem = name.strip_suffix(FIFO_SUFFIX).unwrap_or(name);
        let is_well_formed = !stem.is_empty()
            && name.len() <= QUEUE_NAME_CHARS_MAX
            && stem
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !is_well_formed {
            return Err(QueueRefusal::BadParameters {
                reason: "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length".to_owned(),
            });
        }
        let is_fifo = given.get("FifoQueue").is_some_and(|value| value == "true");
        if is_fifo != name.ends_with(FIFO_SUFFIX) {
            return Err(QueueRefusal::BadParameters {
                reason: "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.".to_owned(),
            });
        }
        let mut attributes = Self {
            delay_seconds: 0,
            visibility_seconds: 30,
            retention_seconds: 345_600,
            wait_seconds: 0,
            message_bytes_max: MESSAGE_BYTES_MAX,
            redrive: None,
            is_fifo,
            deduplicates_by_content: false,
            deduplicates_by_group: false,
            kept: BTreeMap::new(),
        };
        for (name, value) in given {
            if name != "FifoQueue" {
                attributes.set(name, value)?;
            }
        }
        Ok(attributes)
    }

    /// Sets one attribute by its name on the wire.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), QueueRefusal> {
        let number = |low: i64, high: i64| match value.parse::<i64>() {
            Ok(number) if (low..=high).contains(&number) => Ok(number),
            Ok(_) | Err(_) => Err(bad(name, "")),
        };
        let truth = || match value {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(bad(name, "")),
        };
        match name {
            "DelaySeconds" => self.delay_seconds = number(0, DELAY_SECONDS_MAX)?,
            "VisibilityTimeout" => self.visibility_seconds = number(0, VISIBILITY_SECONDS_MAX)?,
            "MessageRetentionPeriod" => self.retention_seconds = number(60, 1_209_600)?,
            "ReceiveMessageWaitTimeSeconds" => self.wait_seconds = number(0, WAIT_SECONDS_MAX)?,
            "MaximumMessageSize" => self.message_bytes_max = number(1_024, MESSAGE_BYTES_MAX)?,
            // An empty policy takes the policy away.
            "RedrivePolicy" if value.is_empty() => self.redrive = None,
            "RedrivePolicy" => self.redrive = Some(Redrive::parse(value)?),
            "ContentBasedDeduplication" if self.is_fifo => {
                self.deduplicates_by_content = truth()?;
            }
            "DeduplicationScope" if self.is_fifo => {
                self.deduplicates_by_group = match value {
                    "messageGroup" => true,
                    "queue" => false,
                    _ => return Err(bad(name, "")),
                };
            }
            "FifoQueue" => return Err(bad(name, " Reason: it cannot be changed.")),
            name if KEPT.contains(&name) && value.is_empty() => {
                self.kept.remove(name);
            }
            name if KEPT.contains(&name) => {
                self.kept.insert(name.to_owned(), value.to_owned());
            }
            _ => {
                return Err(QueueRefusal::UnknownAttribute {
                    name: name.to_owned(),
                });
            }
        }
        Ok(())
    }

    /// One attribute as text; none where the queue has none, or counts it elsewhere.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match name {
            "DelaySeconds" => Some(self.delay_seconds.to_string()),
            "VisibilityTimeout" => Some(self.visibility_seconds.to_string()),
            "MessageRetentionPeriod" => Some(self.retention_seconds.to_string()),
            "ReceiveMessageWaitTimeSeconds" => Some(self.wait_seconds.to_string()),
            "MaximumMessageSize" => Some(self.message_bytes_max.to_string()),
            "RedrivePolicy" => self.redrive.as_ref().map(Redrive::text),
            "FifoQueue" => self.is_fifo.then(|| "true".to_owned()),
            "ContentBasedDeduplication" => self
                .is_fifo
                .then(|| self.deduplicates_by_content.to_string()),
            "DeduplicationScope" => self.is_fifo.then(|| {
                let scope = if self.deduplicates_by_group {
                    "messageGroup"
                } else {
                    "queue"
                };
                scope.to_owned()
            }),
            // Encryption at rest by SQS itself is on unless told otherwise.
            "SqsManagedSseEnabled" => Some(
                self.kept
                    .get(name)
                    .map_or("true", String::as_str)
                    .to_owned(),
            ),
            _ => self.kept.get(name).cloned(),
        }
    }

    /// The first of `given` that differs from what the queue has.
    pub(super) fn difference(&self, given: &BTreeMap<String, String>) -> Option<String> {
        let mut wanted = self.clone();
        given
            .iter()
            .find(|(name, value)| {
                if name.as_str() == "FifoQueue" {
                    return (value.as_str() == "true") != self.is_fifo;
                }
                wanted.set(name, value).is_err() || wanted != *self
            })
            .map(|(name, _value)| name.clone())
    }
}

/// Every name that may be asked for.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    SETTABLE.into_iter().chain(KEPT).chain(COUNTED)
}

impl Redrive {
    fn parse(text: &str) -> Result<Self, QueueRefusal> {
        let refusal = |reason: &str| QueueRefusal::BadValue {
            value: text.to_owned(),
            name: "RedrivePolicy",
            reason: reason.to_owned(),
        };
        let redrive: Self = serde_json::from_str(text).map_err(|_other| {
            refusal("Redrive policy must be JSON with deadLetterTargetArn and maxReceiveCount.")
        })?;
        if !(1..=1_000).contains(&redrive.max_receive_count) {
            return Err(refusal(
                "Invalid value for maxReceiveCount: it must be from 1 to 1000.",
            ));
        }
        Ok(redrive)
    }

    fn text(&self) -> String {
        serde_json::json!({
            "deadLetterTargetArn": self.dead_letter_target_arn,
            "maxReceiveCount": self.max_receive_count,
        })
        .to_string()
    }
}

pub(super) fn arn_of(queue: &str) -> String {
    format!("arn:aws:sqs:{LOCAL_REGION}:{ACCOUNT_ID}:{queue}")
}

/// The queue's name, where the ARN is one of ours.
pub(super) fn queue_of_arn(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:aws:sqs:")?
        .strip_prefix(LOCAL_REGION)?
        .strip_prefix(':')?
        .strip_prefix(ACCOUNT_ID)?
        .strip_prefix(':')
}

fn bad(name: &str, reason: &'static str) -> QueueRefusal {
    QueueRefusal::BadAttribute {
        name: name.to_owned(),
        reason,
    }
}

/// The console and the documentation write the count as text, SDKs as a number; SQS takes both.
fn number_or_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(i64),
        Text(String),
    }
    match Either::deserialize(deserializer)? {
        Either::Number(number) => Ok(number),
        Either::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}
