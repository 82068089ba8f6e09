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
use tokio::sync::watch;
use tokio::time::Instant;

use super::chance::Chance;
use super::tally::Fault;

/// What a batch of a function's event source holds at most.
const BATCH_MAX: usize = 10;

#[derive(Debug, Clone)]
pub(super) struct Queues {
    chance: Chance,
    inner: Arc<Mutex<BTreeMap<String, Queue>>>,
    /// Something was sent, or is visible at another time than it was said to.
    changed: watch::Sender<()>,
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

/// A message that was received by itself.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) id: u64,
    pub(super) body: String,
    /// From 1.
    pub(super) receives: u32,
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
            changed: watch::Sender::default(),
        }
    }

    /// Waits until something of a queue can be received, for a day at most.
    pub(super) async fn ready(&self, queue: &str) {
        let mut changed = self.changed.subscribe();
        let far = Instant::now() + Duration::from_secs(24 * 60 * 60);
        loop {
            let due = self.next(queue);
            tokio::select! {
                biased;
                _sender_lives = changed.changed() => {}
                () = tokio::time::sleep_until(due.unwrap_or(far)) => return,
            }
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
        self.changed.send_replace(());
        id
    }

    /// When the next message of a queue can be received.
    fn next(&self, queue: &str) -> Option<Instant> {
        let inner = self.inner.lock().unwrap();
        let messages = inner.get(queue)?.messages.values();
        messages.map(|message| message.visible_at).min()
    }

    /// Some of the messages that can be received now, in any order.
    pub(super) fn receive(&self, queue: &str) -> Option<Batch> {
        let most = 1 + self.chance.index(BATCH_MAX);
        let taken = self.take(queue, most);
        let records = taken
            .iter()
            .map(|taken| json!({ "messageId": taken.id.to_string(), "body": taken.body }));
        let records: Vec<Value> = records.collect();
        let event = serde_json::from_value(json!({ "Records": records })).unwrap();
        let ids: Vec<u64> = taken.into_iter().map(|taken| taken.id).collect();
        (!ids.is_empty()).then_some(Batch { ids, event })
    }

    /// At most so many messages, hidden from others from now on.
    pub(super) fn take(&self, queue: &str, most: usize) -> Vec<Taken> {
        let now = Instant::now();
        let mut inner = self.inner.lock().unwrap();
        let Some(queue) = inner.get_mut(queue) else {
            return Vec::new();
        };
        let visible = queue.messages.iter();
        let visible = visible.filter(|(_id, message)| message.visible_at <= now);
        let mut visible: Vec<u64> = visible.map(|(id, _message)| *id).collect();
        self.chance.shuffle(&mut visible);
        visible.truncate(most);
        let mut taken = Vec::new();
        for id in visible {
            let Some(message) = queue.messages.get_mut(&id) else {
                continue;
            };
            if message.receives >= RECEIVES_MAX {
                queue
                    .dead
                    .extend(queue.messages.remove(&id).map(|dead| dead.body));
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
            taken.push(Taken {
                id,
                body: message.body.clone(),
                receives: message.receives,
            });
        }
        taken
    }

    /// A message that was taken is hidden for so long from now on.
    pub(super) fn hide(&self, queue: &str, id: u64, hidden: Duration) {
        let mut inner = self.inner.lock().unwrap();
        let messages = inner.get_mut(queue).map(|queue| &mut queue.messages);
        if let Some(message) = messages.and_then(|messages| messages.get_mut(&id)) {
            message.visible_at = Instant::now() + hidden;
        }
        self.changed.send_replace(());
    }

    /// A message that was taken is done with. Some deletions are lost.
    pub(super) fn delete(&self, queue: &str, id: u64) {
        if self.chance.per_mille(20) {
            return;
        }
        let mut inner = self.inner.lock().unwrap();
        if let Some(queue) = inner.get_mut(queue) {
            queue.messages.remove(&id);
        }
    }

    /// The messages of a batch are done with, but for those that failed.
    pub(super) fn done(&self, queue: &str, batch: &Batch, failed: &[String]) {
        for id in &batch.ids {
            if !failed.contains(&id.to_string()) {
                self.delete(queue, *id);
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
