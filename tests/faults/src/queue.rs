//! SQS: at least once, in any order, late.
//!
//! A message that was received stays hidden for the visibility time-out and comes again unless it was
//! deleted; one that came too often goes to the dead letters. Every wait is virtual.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lambda_events::sqs::SqsEvent;
use serde_json::{Value, json};
use store::schema::{RECEIVES_MAX, VISIBILITY_SECONDS};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::chance::Chance;
use super::tally::Fault;

/// What a batch of a function's event source holds at most.
const BATCH_MAX: usize = 10;

#[derive(Debug, Clone)]
pub(super) struct Queues {
    chance: Chance,
    inner: Arc<Mutex<BTreeMap<String, Queue>>>,
    /// Something was sent, or became visible earlier than it was said to.
    pub(super) changed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Queue {
    messages: BTreeMap<u64, Message>,
    sent: u64,
    /// The last one of those that were ever received.
    received: u64,
    dead: Vec<String>,
}

#[derive(Debug)]
struct Message {
    body: String,
    visible_at: Instant,
    receives: u32,
}

/// Messages that were received together.
#[derive(Debug)]
pub(super) struct Batch {
    ids: Vec<u64>,
    pub(super) event: SqsEvent,
}

impl Queues {
    pub(super) fn new(chance: Chance) -> Self {
        Self {
            chance,
            inner: Arc::default(),
            changed: Arc::default(),
        }
    }

    /// Answers a request of the SQS JSON protocol.
    pub(super) fn answer(&self, operation: &str, body: &[u8]) -> (u16, String) {
        let body: Value = serde_json::from_slice(body).unwrap();
        let queue = body["QueueUrl"].as_str().unwrap().to_owned();
        let answer = match operation {
            "SendMessage" => json!({ "MessageId": self.send(&queue, &body) }),
            "SendMessageBatch" => {
                let sent = body["Entries"].as_array().unwrap().iter();
                let sent = sent.map(
                    |entry| json!({ "Id": entry["Id"], "MessageId": self.send(&queue, entry) }),
                );
                json!({ "Successful": sent.collect::<Vec<_>>(), "Failed": [] })
            }
            other => panic!("no function of ours asks SQS for {other}"),
        };
        (200, answer.to_string())
    }

    fn send(&self, queue: &str, entry: &Value) -> String {
        let body = entry["MessageBody"].as_str().unwrap().to_owned();
        let delay = Duration::from_secs(entry["DelaySeconds"].as_u64().unwrap_or_default());
        let mut inner = self.inner.lock().unwrap();
        let queue = inner.entry(queue.to_owned()).or_default();
        // Standard queues deliver some messages late, and now and then a message twice.
        let copies = if self.chance.strikes(Fault::MessageTwice, 40) {
            2
        } else {
            1
        };
        for _copy in 0..copies {
            let late = match self.chance.number(0..=99) {
                0..=2 => {
                    self.chance.struck(Fault::MessageLate);
                    self.chance.secs(1..=240)
                }
                3..=20 => self.chance.ms(100..=3_000),
                _ => self.chance.ms(1..=30),
            };
            queue.sent += 1;
            let message = Message {
                body: body.clone(),
                visible_at: Instant::now() + delay + late,
                receives: 0,
            };
            queue.messages.insert(queue.sent, message);
        }
        let id = queue.sent.to_string();
        self.changed.notify_one();
        id
    }

    /// When the next message of a queue can be received.
    pub(super) fn next(&self, queue: &str) -> Option<Instant> {
        let inner = self.inner.lock().unwrap();
        let messages = inner.get(queue)?.messages.values();
        messages.map(|message| message.visible_at).min()
    }

    /// Some of the messages that can be received now, in any order.
    pub(super) fn receive(&self, queue: &str) -> Option<Batch> {
        let now = Instant::now();
        let mut inner = self.inner.lock().unwrap();
        let queue = inner.get_mut(queue)?;
        let visible = queue.messages.iter();
        let visible = visible.filter(|(_id, message)| message.visible_at <= now);
        let mut visible: Vec<u64> = visible.map(|(id, _message)| *id).collect();
        self.chance.shuffle(&mut visible);
        visible.truncate(1 + self.chance.index(BATCH_MAX));
        let mut ids = Vec::new();
        let mut records = Vec::new();
        for id in visible {
            let message = queue.messages.get_mut(&id)?;
            if message.receives >= RECEIVES_MAX {
                let message = queue.messages.remove(&id)?;
                queue.dead.push(message.body);
                continue;
            }
            message.receives += 1;
            if message.receives > 1 {
                self.chance.struck(Fault::MessageAgain);
            } else if id < queue.received {
                self.chance.struck(Fault::MessageOvertaken);
            }
            queue.received = queue.received.max(id);
            message.visible_at = now + Duration::from_secs(u64::from(VISIBILITY_SECONDS));
            ids.push(id);
            records.push(json!({ "messageId": id.to_string(), "body": message.body }));
        }
        let event = serde_json::from_value(json!({ "Records": records })).unwrap();
        (!ids.is_empty()).then_some(Batch { ids, event })
    }

    /// The messages of a batch are done with, but for those that failed. Some deletions are lost.
    pub(super) fn done(&self, queue: &str, batch: &Batch, failed: &[String]) {
        let mut inner = self.inner.lock().unwrap();
        let queue = inner.get_mut(queue).unwrap();
        for id in &batch.ids {
            let failed = failed.contains(&id.to_string());
            if !failed && !self.chance.per_mille(20) {
                queue.messages.remove(id);
            }
        }
    }

    /// Messages that wait or are being worked on.
    pub(super) fn waiting(&self, queue: &str) -> usize {
        let inner = self.inner.lock().unwrap();
        inner.get(queue).map_or(0, |queue| queue.messages.len())
    }

    pub(super) fn dead(&self) -> usize {
        let inner = self.inner.lock().unwrap();
        inner.values().map(|queue| queue.dead.len()).sum()
    }
}
