//! Messages: sent, handed out, hidden, deleted, buried.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, named_params, params};

use super::{Looked, Queue, Storage, find_queue, ranged, to_json};
use crate::queue::attributes::{
    self, VISIBILITY_SECONDS_MAX, WAIT_SECONDS_MAX, arn_of, queue_of_arn,
};
use crate::queue::message::{self, Checked, MessageAttributes};
use crate::queue::refusal::QueueRefusal;
use crate::queue::wire::{
    IncomingMessage, OutgoingMessage, ReceiveMessage, Sent, VisibilityChange, required,
};

/// A deduplication id counts for five minutes, also after its message is gone (SQS developer guide).
const DEDUPLICATION_MS: i64 = 5 * 60 * 1_000;
const RECEIVE_MAX: i64 = 10;

struct Stored {
    id: i64,
    message_id: String,
    body: String,
    attributes: String,
    trace_header: Option<String>,
    group_id: Option<String>,
    deduplication_id: Option<String>,
    sent_ms: i64,
    receives: i64,
    receives_in_all: i64,
    first_received_ms: Option<i64>,
    died_in: Option<String>,
}

impl Storage {
    /// Stores messages, all that are good in one step; the others are refused one by one.
    pub(in crate::queue) fn send(
        &mut self,
        name: &str,
        messages: Vec<OutgoingMessage>,
        now_ms: i64,
    ) -> Result<Vec<Result<Sent, QueueRefusal>>, QueueRefusal> {
        let queue = self.queue(name)?;
        let step = self
            .file
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut results = Vec::with_capacity(messages.len());
        for message in messages {
            results.push(match message::check(message, &queue.attributes) {
                Ok(checked) => Ok(insert(&step, &queue, &checked, now_ms)?),
                Err(refusal) => Err(refusal),
            });
        }
        step.commit()?;
        Ok(results)
    }

    pub(in crate::queue) fn receive(
        &mut self,
        name: &str,
        request: &ReceiveMessage,
        now_ms: i64,
    ) -> Result<Looked, QueueRefusal> {
        let queue = self.queue(name)?;
        let limit = ranged(
            request.max_number_of_messages,
            "MaxNumberOfMessages",
            1..=RECEIVE_MAX,
        )?
        .unwrap_or(1);
        let wait = ranged(
            request.wait_time_seconds,
            "WaitTimeSeconds",
            0..=WAIT_SECONDS_MAX,
        )?
        .unwrap_or(queue.attributes.wait_seconds);
        let visibility = ranged(
            request.visibility_timeout,
            "VisibilityTimeout",
            0..=VISIBILITY_SECONDS_MAX,
        )?
        .unwrap_or(queue.attributes.visibility_seconds);

        let step = self
            .file
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut moved_to = BTreeSet::new();
        let receives_max = queue
            .attributes
            .redrive
            .as_ref()
            .map_or(i64::MAX, |redrive| redrive.max_receive_count);
        // Those that were received too often are moved away first, until only others are found.
        let found = loop {
            let found = visible(&step, &queue, limit, now_ms)?;
            let mut is_clean = true;
            for stored in found
                .iter()
                .filter(|stored| stored.receives >= receives_max)
            {
                moved_to.extend(bury(&step, &queue, stored.id, now_ms)?);
                is_clean = false;
            }
            if is_clean {
                break found;
            }
        };
        let mut messages = Vec::with_capacity(found.len());
        for stored in found {
            let message = hand_out(&step, &queue, stored, request, visibility, now_ms)?;
            messages.push(message);
        }
        let next_visible_ms = step
            .prepare_cached(
                "SELECT min(visible_ms) FROM messages WHERE queue = ?1 AND visible_ms > ?2",
            )?
            .query_row([queue.id, now_ms], |row| row.get::<_, Option<i64>>(0))?;
        step.commit()?;
        Ok(Looked {
            messages,
            moved_to,
            next_visible_in: next_visible_ms.map(|at| duration_ms(at - now_ms)),
            wait: duration_ms(wait * 1_000),
        })
    }

    /// Runs `act` for each item in one step of the file.
    pub(in crate::queue) fn each<T, R>(
        &mut self,
        name: &str,
        items: Vec<T>,
        mut act: impl FnMut(&mut Self, T) -> Result<R, QueueRefusal>,
    ) -> Result<Vec<Result<R, QueueRefusal>>, QueueRefusal> {
        self.queue(name)?;
        self.file.execute_batch("BEGIN IMMEDIATE")?;
        let results = items.into_iter().map(|item| act(self, item)).collect();
        self.file.execute_batch("COMMIT")?;
        Ok(results)
    }

    pub(in crate::queue) fn delete_message(
        &mut self,
        name: &str,
        handle: &str,
        now_ms: i64,
    ) -> Result<(), QueueRefusal> {
        let queue = self.queue(name)?;
        let receipt = Receipt::parse(handle, &queue)?;
        if queue.attributes.is_fifo {
            // A FIFO queue insists on a receipt that still holds (API reference, DeleteMessage);
            // a message that is gone is fine.
            let visible_ms = self.visible_ms_of(&queue, &receipt)?;
            let is_there = self.has_message(&queue, &receipt)?;
            if is_there && visible_ms.is_none_or(|at| at <= now_ms) {
                return Err(QueueRefusal::ReceiptExpired {
                    handle: handle.to_owned(),
                });
            }
        }
        // An older receipt than the last one deletes nothing, and is no error.
        self.file
            .prepare_cached("DELETE FROM messages WHERE id = ?1 AND queue = ?2 AND receipt = ?3")?
            .execute(params![receipt.message, queue.id, receipt.nonce])?;
        Ok(())
    }

    pub(in crate::queue) fn change_visibility(
        &mut self,
        name: &str,
        change: &VisibilityChange,
        now_ms: i64,
    ) -> Result<(), QueueRefusal> {
        let queue = self.queue(name)?;
        let handle = required(change.receipt_handle.as_deref(), "ReceiptHandle")?;
        let seconds = ranged(
            change.visibility_timeout,
            "VisibilityTimeout",
            0..=VISIBILITY_SECONDS_MAX,
        )?;
        let seconds = required(seconds, "VisibilityTimeout")?;
        let receipt = Receipt::parse(handle, &queue)?;
        match self.visible_ms_of(&queue, &receipt)? {
            None => Err(QueueRefusal::MessageGone {
                handle: handle.to_owned(),
            }),
            Some(at) if at <= now_ms => Err(QueueRefusal::NotInFlight),
            Some(_in_flight) => {
                self.file
                    .prepare_cached("UPDATE messages SET visible_ms = ?2 WHERE id = ?1")?
                    .execute([receipt.message, now_ms + seconds * 1_000])?;
                Ok(())
            }
        }
    }

    /// Until when the receipt's message is hidden, where the receipt is the last one given out.
    fn visible_ms_of(&self, queue: &Queue, receipt: &Receipt) -> Result<Option<i64>, QueueRefusal> {
        Ok(self
            .file
            .prepare_cached(
                "SELECT visible_ms FROM messages WHERE id = ?1 AND queue = ?2 AND receipt = ?3",
            )?
            .query_row(params![receipt.message, queue.id, receipt.nonce], |row| {
                row.get(0)
            })
            .optional()?)
    }

    fn has_message(&self, queue: &Queue, receipt: &Receipt) -> Result<bool, QueueRefusal> {
        let found = self
            .file
            .prepare_cached("SELECT 1 FROM messages WHERE id = ?1 AND queue = ?2")?
            .query_row([receipt.message, queue.id], |_row| Ok(()))
            .optional()?;
        Ok(found.is_some())
    }
}

/// Names a message and the receive that handed it out.
struct Receipt {
    message: i64,
    nonce: String,
}

impl Receipt {
    fn text(&self, queue: &Queue) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}:{}:{}", queue.id, self.message, self.nonce))
    }

    fn parse(text: &str, queue: &Queue) -> Result<Self, QueueRefusal> {
        let refusal = || QueueRefusal::BadReceiptHandle {
            handle: text.to_owned(),
        };
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_not_base64| refusal())?;
        let plain = String::from_utf8(bytes).map_err(|_not_text| refusal())?;
        let mut parts = plain.splitn(3, ':');
        let (of_queue, message, nonce) = (parts.next(), parts.next(), parts.next());
        if of_queue != Some(queue.id.to_string().as_str()) {
            return Err(refusal());
        }
        Ok(Self {
            message: message
                .and_then(|message| message.parse().ok())
                .ok_or_else(refusal)?,
            nonce: nonce.map(str::to_owned).ok_or_else(refusal)?,
        })
    }
}

fn insert(
    step: &Connection,
    queue: &Queue,
    message: &Checked,
    now_ms: i64,
) -> Result<Sent, QueueRefusal> {
    let md5_of_body = message::md5_of(&message.body);
    let md5_of_attributes = message::md5_of_attributes(&message.attributes);
    let md5_of_system_attributes = message::md5_of_attributes(&message.system_attributes);
    let sent = |message_id: String, sequence: i64| Sent {
        md5_of_body,
        md5_of_attributes,
        md5_of_system_attributes,
        message_id,
        sequence_number: queue.attributes.is_fifo.then(|| sequence_text(sequence)),
    };
    let scope = if queue.attributes.deduplicates_by_group {
        message.group_id.clone().unwrap_or_default()
    } else {
        String::new()
    };
    if let Some(id) = &message.deduplication_id {
        let earlier = step
            .prepare_cached(
                "SELECT message_id, sequence FROM deduplication
                 WHERE queue = ?1 AND scope = ?2 AND id = ?3 AND until_ms > ?4",
            )?
            .query_row(params![queue.id, scope, id, now_ms], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        if let Some((message_id, sequence)) = earlier {
            return Ok(sent(message_id, sequence));
        }
    }
    let message_id = fresh_message_id();
    let trace_header = message
        .system_attributes
        .get("AWSTraceHeader")
        .and_then(|header| header.string_value.as_deref());
    step.prepare_cached(
        "INSERT INTO messages (queue, message_id, body, attributes, trace_header, group_id,
             deduplication_id, sent_ms, visible_ms, expires_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        queue.id,
        message_id,
        message.body,
        to_json(&message.attributes)?,
        trace_header,
        message.group_id,
        message.deduplication_id,
        now_ms,
        now_ms + message.delay_seconds * 1_000,
        now_ms + queue.attributes.retention_seconds * 1_000,
    ])?;
    let sequence = step.last_insert_rowid();
    if let Some(id) = &message.deduplication_id {
        step.prepare_cached(
            "INSERT OR REPLACE INTO deduplication (queue, scope, id, message_id, sequence, until_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            queue.id,
            scope,
            id,
            message_id,
            sequence,
            now_ms + DEDUPLICATION_MS
        ])?;
    }
    Ok(sent(message_id, sequence))
}

/// Messages that may be handed out now, oldest first.
fn visible(
    step: &Connection,
    queue: &Queue,
    limit: i64,
    now_ms: i64,
) -> Result<Vec<Stored>, rusqlite::Error> {
    const COLUMNS: &str = "id, message_id, body, attributes, trace_header, group_id,
        deduplication_id, sent_ms, receives, receives_in_all, first_received_ms, died_in";
    let sql = if queue.attributes.is_fifo {
        // A group whose message is in flight, or still delayed, waits as a whole.
        format!(
            "SELECT {COLUMNS} FROM messages WHERE queue = ?1 AND visible_ms <= ?2
                 AND expires_ms > ?2 AND group_id NOT IN (
                     SELECT group_id FROM messages
                     WHERE queue = ?1 AND visible_ms > ?2 AND expires_ms > ?2)
             ORDER BY id LIMIT ?3"
        )
    } else {
        format!(
            "SELECT {COLUMNS} FROM messages
             WHERE queue = ?1 AND visible_ms <= ?2 AND expires_ms > ?2
             ORDER BY visible_ms, id LIMIT ?3"
        )
    };
    step.prepare_cached(&sql)?
        .query_map([queue.id, now_ms, limit], |row| {
            Ok(Stored {
                id: row.get(0)?,
                message_id: row.get(1)?,
                body: row.get(2)?,
                attributes: row.get(3)?,
                trace_header: row.get(4)?,
                group_id: row.get(5)?,
                deduplication_id: row.get(6)?,
                sent_ms: row.get(7)?,
                receives: row.get(8)?,
                receives_in_all: row.get(9)?,
                first_received_ms: row.get(10)?,
                died_in: row.get(11)?,
            })
        })?
        .collect()
}

/// Moves a message to the dead-letter queue. Where that queue is gone, the message goes too, since
/// nobody could receive it any more.
fn bury(
    step: &Connection,
    queue: &Queue,
    message: i64,
    now_ms: i64,
) -> Result<Option<String>, QueueRefusal> {
    let redrive = queue.attributes.redrive.as_ref();
    let target = match redrive.and_then(|to| queue_of_arn(&to.dead_letter_target_arn)) {
        Some(name) => find_queue(step, name)?,
        None => None,
    };
    let Some(target) = target else {
        tracing::warn!("a message was received too often and its dead-letter queue is gone");
        step.execute("DELETE FROM messages WHERE id = ?1", [message])?;
        return Ok(None);
    };
    // A standard queue's dead letter keeps the time it was sent and so its age; a FIFO queue's
    // starts anew (SQS developer guide, "Understanding message retention periods").
    step.prepare_cached(
        "UPDATE messages SET queue = :queue, died_in = :died_in, receives = 0, receipt = NULL,
             visible_ms = :now,
             sent_ms = CASE WHEN :fifo THEN :now ELSE sent_ms END,
             expires_ms = CASE WHEN :fifo THEN :now ELSE sent_ms END + :retention
         WHERE id = :id",
    )?
    .execute(named_params! {
        ":queue": target.id,
        ":died_in": queue.name,
        ":now": now_ms,
        ":fifo": target.attributes.is_fifo,
        ":retention": target.attributes.retention_seconds * 1_000,
        ":id": message,
    })?;
    Ok(Some(target.name))
}

fn hand_out(
    step: &Connection,
    queue: &Queue,
    stored: Stored,
    request: &ReceiveMessage,
    visibility_seconds: i64,
    now_ms: i64,
) -> Result<IncomingMessage, QueueRefusal> {
    let receipt = Receipt {
        message: stored.id,
        nonce: hex::encode(rand::random::<[u8; 12]>()),
    };
    let first_received_ms = stored.first_received_ms.unwrap_or(now_ms);
    step.prepare_cached(
        "UPDATE messages SET visible_ms = ?2, receipt = ?3, first_received_ms = ?4,
             receives = receives + 1, receives_in_all = receives_in_all + 1
         WHERE id = ?1",
    )?
    .execute(params![
        stored.id,
        now_ms + visibility_seconds * 1_000,
        receipt.nonce,
        first_received_ms
    ])?;

    let system = [
        (
            "ApproximateFirstReceiveTimestamp",
            Some(first_received_ms.to_string()),
        ),
        (
            "ApproximateReceiveCount",
            Some((stored.receives_in_all + 1).to_string()),
        ),
        ("AWSTraceHeader", stored.trace_header),
        (
            "DeadLetterQueueSourceArn",
            stored.died_in.as_deref().map(arn_of),
        ),
        ("MessageDeduplicationId", stored.deduplication_id),
        ("MessageGroupId", stored.group_id),
        ("SenderId", Some(attributes::ACCOUNT_ID.to_owned())),
        ("SentTimestamp", Some(stored.sent_ms.to_string())),
        (
            "SequenceNumber",
            queue.attributes.is_fifo.then(|| sequence_text(stored.id)),
        ),
    ];
    let asked = |name: &str| {
        let lists = [
            &request.attribute_names,
            &request.message_system_attribute_names,
        ];
        lists
            .into_iter()
            .flatten()
            .flatten()
            .any(|wanted| wanted == "All" || wanted == name)
    };
    let attributes = system
        .into_iter()
        .filter(|(name, _text)| asked(name))
        .filter_map(|(name, text)| Some((name, text?)))
        .collect();

    let kept: MessageAttributes =
        serde_json::from_str(&stored.attributes).map_err(QueueRefusal::Unwritable)?;
    let message_attributes = message::chosen(
        kept,
        request
            .message_attribute_names
            .as_deref()
            .unwrap_or_default(),
    );
    Ok(IncomingMessage {
        message_id: stored.message_id,
        receipt_handle: receipt.text(queue),
        md5_of_body: message::md5_of(&stored.body),
        body: stored.body,
        attributes,
        md5_of_attributes: message::md5_of_attributes(&message_attributes),
        message_attributes,
    })
}

/// As SQS writes it: a random version 4 UUID.
pub(super) fn fresh_message_id() -> String {
    let mut bytes: [u8; 16] = rand::random();
    let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
    *version = *version & 0x0f | 0x40;
    *variant = *variant & 0x3f | 0x80;
    let digits = hex::encode(bytes);
    let mut text = String::with_capacity(36);
    for (index, digit) in digits.chars().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

/// Twenty digits, rising within a group.
fn sequence_text(sequence: i64) -> String {
    format!("{sequence:020}")
}

fn duration_ms(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
