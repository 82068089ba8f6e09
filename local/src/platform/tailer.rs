//! Carries change events from their rows to a handler, as the table's stream does on AWS.
//!
//! Events are rows that were written with the change they tell of. The tailer reads every shard when it
//! is told that there may be news (and now and then in any case), hands over what is new, and keeps in a
//! file how far it came. It delivers at
//! least once and in the order of the event ids of a shard, but for events that were written late;
//! handlers are idempotent by event id. Knows nothing of what the events mean.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::{DomainEvent, EventId};
use serde::{Deserialize, Serialize};
use store::{Calls, EVENT_SHARDS, StoreError};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Rows read from a shard at once.
const PAGE_EVENTS: u32 = 100;
/// Looks while something is happening, and while nothing has for a while, where nobody tells of news.
const LOOK_EVERY: Duration = Duration::from_millis(150);
const LOOK_EVERY_WHEN_QUIET: Duration = Duration::from_millis(600);
/// The shortest pause between two looks: events come in bursts, and each look asks every shard.
const LOOK_PAUSE_MIN: Duration = Duration::from_millis(15);
const QUIET_AFTER: Duration = Duration::from_secs(30);
/// An event's id is made before its row is written. Rows are written within the store's own time
/// limit for a request, so nothing older than this appears any more; younger ids are read again.
const LATE_MAX: Duration = Duration::from_secs(15);
/// Tries of one event before it is left behind, so that one that cannot be handled does not hold up
/// the others for ever.
const TRIES_MAX: u32 = 8;
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Why the tailer cannot start.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {}", .path.display())]
pub struct CheckpointError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// Reads events from where it left off.
#[derive(Debug)]
pub struct Tailer {
    calls: Calls,
    path: PathBuf,
    shards: Vec<Shard>,
    news: Arc<Notify>,
}

/// How far one shard was read.
#[derive(Debug)]
struct Shard {
    number: u64,
    /// Everything up to here was delivered, and nothing can appear there any more.
    settled: EventId,
    /// Delivered after `settled`; as many as events come within [`LATE_MAX`].
    delivered: BTreeSet<EventId>,
}

#[derive(Serialize, Deserialize)]
struct Checkpoint {
    /// One per shard, in order.
    settled: Vec<EventId>,
}

impl Tailer {
    /// Goes on from the checkpoint in the file `path`, or begins before the first event there is.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn open(calls: Calls, path: &Path) -> Result<Self, CheckpointError> {
        let error = |source| CheckpointError {
            path: path.to_owned(),
            source,
        };
        let settled = match std::fs::read(path) {
            Ok(text) => {
                serde_json::from_slice::<Checkpoint>(&text)
                    .map_err(|problem| error(problem.into()))?
                    .settled
            }
            Err(problem) if problem.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(problem) => return Err(error(problem)),
        };
        let mut settled = settled.into_iter();
        let shards = (0..EVENT_SHARDS)
            .map(|number| Shard {
                number,
                settled: settled.next().unwrap_or(EventId::from_parts(0, 0)),
                delivered: BTreeSet::new(),
            })
            .collect();
        Ok(Self {
            calls,
            path: path.to_owned(),
            shards,
            news: Arc::default(),
        })
    }

    /// Looks at once when this is notified.
    #[must_use]
    pub fn told_by(mut self, news: Arc<Notify>) -> Self {
        self.news = news;
        self
    }

    /// Delivers until `stop`. An event that the handler refuses is tried again after a pause, and
    /// its shard waits for it; after the last try it is left behind and told of as an error.
    pub async fn run<H, F, E>(mut self, handler: H, stop: CancellationToken)
    where
        H: Fn(DomainEvent) -> F,
        F: Future<Output = Result<(), E>>,
        E: Display,
    {
        let mut quiet_from = Instant::now() + QUIET_AFTER;
        loop {
            let until_ms = now_ms().saturating_sub(millis(LATE_MAX));
            let mut is_new = false;
            let before: Vec<EventId> = self.settled().collect();
            for shard in &mut self.shards {
                match shard.look(&self.calls, &handler, until_ms, &stop).await {
                    Ok(delivered) => is_new |= delivered,
                    Err(error) => tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "events cannot be read"
                    ),
                }
                if stop.is_cancelled() {
                    break;
                }
            }
            if is_new {
                quiet_from = Instant::now() + QUIET_AFTER;
            }
            if !self.settled().eq(before)
                && let Err(error) = self.keep()
            {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "how far events were delivered could not be stored"
                );
            }
            let pause = if Instant::now() < quiet_from {
                LOOK_EVERY
            } else {
                LOOK_EVERY_WHEN_QUIET
            };
            let next_look = async {
                tokio::time::sleep(LOOK_PAUSE_MIN).await;
                tokio::select! {
                    () = self.news.notified() => {}
                    () = tokio::time::sleep(pause) => {}
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = next_look => {}
            }
        }
    }

    /// Writes the checkpoint. Where it fails, a later one stands for it; at worst events come twice.
    fn keep(&self) -> io::Result<()> {
        let checkpoint = Checkpoint {
            settled: self.settled().collect(),
        };
        let fresh = self.path.with_extension("new");
        let text = serde_json::to_vec(&checkpoint)?;
        std::fs::write(&fresh, text)?;
        std::fs::rename(&fresh, &self.path)
    }

    fn settled(&self) -> impl Iterator<Item = EventId> + '_ {
        self.shards.iter().map(|shard| shard.settled)
    }
}

impl Shard {
    /// Delivers what is new. Returns whether anything was.
    async fn look<H, F, E>(
        &mut self,
        calls: &Calls,
        handler: &H,
        until_ms: u64,
        stop: &CancellationToken,
    ) -> Result<bool, StoreError>
    where
        H: Fn(DomainEvent) -> F,
        F: Future<Output = Result<(), E>>,
        E: Display,
    {
        let mut is_new = false;
        let mut after = self.settled;
        loop {
            let page = calls.events_after(self.number, after, PAGE_EVENTS).await?;
            for event in page.items {
                after = event.id;
                if self.delivered.contains(&event.id) {
                    continue;
                }
                if !deliver(handler, &event, stop).await {
                    return Ok(is_new);
                }
                is_new = true;
                self.delivered.insert(event.id);
            }
            if !page.more || stop.is_cancelled() {
                break;
            }
        }
        // What is old enough is settled: nothing can be written before it any more.
        while let Some(first) = self.delivered.first().copied() {
            if first.unix_ms() > until_ms {
                break;
            }
            self.settled = first;
            self.delivered.pop_first();
        }
        Ok(is_new)
    }
}

/// Hands an event over until it is taken. False: the stop came first.
async fn deliver<H, F, E>(handler: &H, event: &DomainEvent, stop: &CancellationToken) -> bool
where
    H: Fn(DomainEvent) -> F,
    F: Future<Output = Result<(), E>>,
    E: Display,
{
    let mut pause = PAUSE_MIN;
    for tries in 1..=TRIES_MAX {
        let Err(error) = handler(event.clone()).await else {
            return true;
        };
        if tries == TRIES_MAX {
            tracing::error!(event.id = %event.id, %error, "an event could not be handled and is left behind");
            return true;
        }
        tracing::warn!(event.id = %event.id, %error, tries, "an event was not handled and is tried again");
        tokio::select! {
            () = stop.cancelled() => return false,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
    true
}

fn now_ms() -> u64 {
    millis(
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default(),
    )
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
