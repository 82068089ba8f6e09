//! The media workers' recordings tasks: the product's own, on the virtual queue.
//!
//! Two of them, as of two workers, so that messages that come twice are worked on at the same time. One that
//! dies in the middle of a job dies with all its jobs, and another one comes later.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use media_worker::{RecordingWork, keep_recordings};
use service::Context;
use service::call::recordings::{KeepError, Kept, RecordingJob, Recordings};
use store::{Received, StoreError};
use tokio::sync::Notify;

use super::chance::Chance;
use super::process::{self, Kind, Plug};
use super::queue::{Queues, Taken};
use super::rows::Rows;

/// Tasks at work.
pub(super) const TASKS: usize = 2;

/// Where a recordings task takes its jobs from and has them done.
#[derive(Clone)]
pub(super) struct Desk {
    chance: Chance,
    queues: Queues,
    queue: &'static str,
    rows: Rows,
    plug: Plug,
    deaths: u32,
    recordings: Recordings,
    /// The task's process died.
    dead: Arc<Notify>,
}

impl Desk {
    pub(super) fn new(
        parts: &Context,
        (queues, queue): (Queues, &'static str),
        rows: Rows,
        (chance, plug, deaths): (Chance, Plug, u32),
    ) -> Self {
        let carrier = Arc::clone(&parts.carrier);
        let clock = Arc::clone(&parts.clock);
        Self {
            chance,
            queues,
            queue,
            rows,
            plug,
            deaths,
            recordings: Recordings::new(&parts.store, carrier, clock, parts.ids.clone()),
            dead: Arc::default(),
        }
    }

    /// One task after the other, for as long as the world goes on.
    pub(super) async fn work(self) {
        loop {
            let desk = Self {
                dead: Arc::default(),
                ..self.clone()
            };
            let dead = Arc::clone(&desk.dead);
            tokio::select! {
                biased;
                () = dead.notified() => {}
                () = keep_recordings(Arc::new(desk), std::future::pending()) => {}
            }
            tokio::time::sleep(self.chance.ms(500..=20_000)).await;
        }
    }

    fn received(taken: Taken) -> Received<RecordingJob> {
        Received {
            message: Ok(serde_json::from_str(&taken.body).unwrap()),
            message_id: taken.id.to_string(),
            receipt: taken.id.to_string(),
            receives: taken.receives,
            body: taken.body,
        }
    }
}

impl RecordingWork for Desk {
    fn receive(&self, most: u8) -> BoxFuture<'_, Result<Vec<Received<RecordingJob>>, StoreError>> {
        Box::pin(async move {
            self.queues.ready(self.queue).await;
            let taken = self.queues.take(self.queue, most.into());
            Ok(taken.into_iter().map(Self::received).collect())
        })
    }

    fn keep<'a>(&'a self, job: &'a RecordingJob) -> BoxFuture<'a, Result<Kept, KeepError>> {
        Box::pin(async move {
            let (chance, plug) = (&self.chance, &self.plug);
            let keeping = Box::pin(self.recordings.keep(job));
            let kept = process::run(Kind::Recording, chance, plug, self.deaths, keeping).await;
            self.rows
                .tell(|| format!("recording of {}: {kept:?}", job.call_id));
            match kept {
                Some(kept) => kept,
                None => {
                    self.dead.notify_one();
                    std::future::pending().await
                }
            }
        })
    }

    fn hide<'a>(&'a self, receipt: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        const HIDDEN_FOR: Duration = Duration::from_secs(60);
        self.again(receipt, HIDDEN_FOR)
    }

    fn again<'a>(
        &'a self,
        receipt: &'a str,
        pause: Duration,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            self.queues
                .hide(self.queue, receipt.parse().unwrap(), pause);
            Ok(())
        })
    }

    fn done<'a>(&'a self, receipt: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            self.queues.delete(self.queue, receipt.parse().unwrap());
            Ok(())
        })
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}
