//! What may be sent, and the digests that senders check it by.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use sha2::Sha256;

use super::attributes::{Attributes, DELAY_SECONDS_MAX};
use super::refusal::QueueRefusal;
use super::wire::{AttributeValue, OutgoingMessage, required};

const BATCH_BYTES_MAX: usize = 1_048_576;
const ATTRIBUTES_MAX: usize = 10;
const ATTRIBUTE_NAME_CHARS_MAX: usize = 256;
const FIFO_ID_CHARS_MAX: usize = 128;

pub(super) type MessageAttributes = BTreeMap<String, AttributeValue>;

/// A message that passed every check of its queue.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) body: String,
    pub(super) attributes: MessageAttributes,
    pub(super) system_attributes: MessageAttributes,
    pub(super) delay_seconds: i64,
    pub(super) group_id: Option<String>,
    /// On FIFO queues always there.
    pub(super) deduplication_id: Option<String>,
}

/// Checks one message against its queue.
pub(super) fn check(message: OutgoingMessage, queue: &Attributes) -> Result<Checked, QueueRefusal> {
    let sent_bytes = bytes(&message);
    let body = required(
        message.message_body.filter(|body| !body.is_empty()),
        "MessageBody",
    )?;
    if !body.chars().all(is_allowed) {
        return Err(QueueRefusal::BadContents);
    }
    let bytes_max = usize::try_from(queue.message_bytes_max).unwrap_or(usize::MAX);
    if sent_bytes > bytes_max {
        return Err(QueueRefusal::BadParameters {
            reason: format!("Message must be shorter than {bytes_max} bytes."),
        });
    }
    let attributes = message.message_attributes.unwrap_or_default();
    check_attributes(&attributes)?;
    let system_attributes = message.message_system_attributes.unwrap_or_default();
    if let Some(name) = system_attributes
        .keys()
        .find(|name| name.as_str() != "AWSTraceHeader")
    {
        return Err(QueueRefusal::BadParameters {
            reason: format!("Message system attribute name '{name}' is invalid."),
        });
    }
    let delay_seconds = match message.delay_seconds {
        None => queue.delay_seconds,
        Some(delay) if !(0..=DELAY_SECONDS_MAX).contains(&delay) => {
            return Err(QueueRefusal::BadValue {
                value: delay.to_string(),
                name: "DelaySeconds",
                reason: format!("DelaySeconds must be >= 0 and <= {DELAY_SECONDS_MAX}."),
            });
        }
        Some(delay) if queue.is_fifo && delay > 0 => {
            return Err(QueueRefusal::BadValue {
                value: delay.to_string(),
                name: "DelaySeconds",
                reason: "The request include parameter that is not valid for this queue type."
                    .to_owned(),
            });
        }
        Some(_zero) if queue.is_fifo => queue.delay_seconds,
        Some(delay) => delay,
    };
    let group_id = check_fifo_id(message.message_group_id, "MessageGroupId")?;
    let given_id = check_fifo_id(message.message_deduplication_id, "MessageDeduplicationId")?;
    let deduplication_id = if queue.is_fifo {
        required(group_id.as_ref(), "MessageGroupId")?;
        match given_id {
            Some(id) => Some(id),
            None if queue.deduplicates_by_content => {
                Some(hex::encode(Sha256::digest(body.as_bytes())))
            }
            None => return Err(QueueRefusal::NoDeduplicationId),
        }
    } else {
        if let Some(id) = given_id {
            return Err(QueueRefusal::BadValue {
                value: id,
                name: "MessageDeduplicationId",
                reason: "The request includes a parameter that is not valid for this queue type."
                    .to_owned(),
            });
        }
        None
    };
    Ok(Checked {
        body,
        attributes,
        system_attributes,
        delay_seconds,
        group_id,
        deduplication_id,
    })
}

/// The sum over a batch; each message on its own is checked later.
pub(super) fn check_batch_size(messages: &[OutgoingMessage]) -> Result<(), QueueRefusal> {
    let sent = messages.iter().map(bytes).sum();
    if sent > BATCH_BYTES_MAX {
        return Err(QueueRefusal::BatchTooLong {
            limit: BATCH_BYTES_MAX,
            sent,
        });
    }
    Ok(())
}

pub(super) fn md5_of(text: &str) -> String {
    hex::encode(Md5::digest(text.as_bytes()))
}

/// As in the SQS developer guide, "Calculating the MD5 message digest for message attributes".
pub(super) fn md5_of_attributes(attributes: &MessageAttributes) -> Option<String> {
    if attributes.is_empty() {
        return None;
    }
    let mut digest = Md5::new();
    for (name, value) in attributes {
        for part in [name.as_bytes(), value.data_type.as_bytes()] {
            digest.update(length_of(part));
            digest.update(part);
        }
        // 1 marks a text, 2 bytes.
        let (mark, content) = match (&value.string_value, &value.binary_value) {
            (Some(text), _) => (1_u8, text.as_bytes().to_vec()),
            // Checked to be base64 when it was sent.
            (None, Some(encoded)) => (2, STANDARD.decode(encoded).unwrap_or_default()),
            (None, None) => (1, Vec::new()),
        };
        digest.update([mark]);
        digest.update(length_of(&content));
        digest.update(&content);
    }
    Some(hex::encode(digest.finalize()))
}

/// The attributes that a receiver asked for: by name, by `prefix.*`, or all.
pub(super) fn chosen(attributes: MessageAttributes, wanted: &[String]) -> MessageAttributes {
    let is_wanted = |name: &str| {
        wanted.iter().any(|pattern| match pattern.as_str() {
            "All" | ".*" => true,
            pattern => match pattern.strip_suffix(".*") {
                Some(prefix) => name.starts_with(prefix),
                None => name == pattern,
            },
        })
    };
    attributes
        .into_iter()
        .filter(|(name, _value)| is_wanted(name))
        .collect()
}

/// Body and attributes count; so do names and types (SQS quotas).
fn bytes(message: &OutgoingMessage) -> usize {
    let attributes = message.message_attributes.iter().flatten();
    let beside: usize = attributes
        .map(|(name, value)| {
            let binary = value.binary_value.as_ref().map_or(0, |encoded| {
                STANDARD
                    .decode(encoded)
                    .map_or(encoded.len(), |decoded| decoded.len())
            });
            let text = value.string_value.as_ref().map_or(0, String::len);
            name.len() + value.data_type.len() + text + binary
        })
        .sum();
    message.message_body.as_ref().map_or(0, String::len) + beside
}

fn check_attributes(attributes: &MessageAttributes) -> Result<(), QueueRefusal> {
    if attributes.len() > ATTRIBUTES_MAX {
        return Err(QueueRefusal::BadParameters {
            reason: format!(
                "Number of message attributes [{}] exceeds the allowed maximum [{ATTRIBUTES_MAX}].",
                attributes.len()
            ),
        });
    }
    for (name, value) in attributes {
        let refusal = |reason: &str| {
            Err(QueueRefusal::BadParameters {
                reason: format!("The message attribute '{name}' {reason}"),
            })
        };
        let is_well_named = (1..=ATTRIBUTE_NAME_CHARS_MAX).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        if !is_well_named {
            return refusal("has an invalid name.");
        }
        let base = value.data_type.split('.').next().unwrap_or_default();
        let is_well_typed = match base {
            "String" | "Number" => value.string_value.as_ref().is_some_and(|text| {
                !text.is_empty()
                    && text.chars().all(is_allowed)
                    && (base == "String" || text.parse::<f64>().is_ok())
            }),
            "Binary" => value.binary_value.as_ref().is_some_and(|encoded| {
                STANDARD
                    .decode(encoded)
                    .is_ok_and(|decoded| !decoded.is_empty())
            }),
            _ => {
                return refusal(
                    "has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.",
                );
            }
        };
        if !is_well_typed {
            return refusal("must contain a non-empty value of its type.");
        }
    }
    Ok(())
}

fn check_fifo_id(id: Option<String>, name: &'static str) -> Result<Option<String>, QueueRefusal> {
    let Some(id) = id else { return Ok(None) };
    let is_well_formed = (1..=FIFO_ID_CHARS_MAX).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_graphic());
    if is_well_formed {
        return Ok(Some(id));
    }
    Err(QueueRefusal::BadValue {
        value: id,
        name,
        reason: format!(
            "{name} can only include alphanumeric and punctuation characters. 1 to 128 in length."
        ),
    })
}

/// The characters of XML 1.0 (SQS API reference, `SendMessage`).
const fn is_allowed(character: char) -> bool {
    matches!(
        character,
        '\u{9}' | '\u{a}' | '\u{d}' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}'
            | '\u{10000}'..='\u{10ffff}'
    )
}

fn length_of(part: &[u8]) -> [u8; 4] {
    u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes()
}
