//! The recordings task: takes jobs from the queue and has each recording kept.
//!
//! A few at a time, each in constant memory; a job's message stays hidden while it is worked on and is
//! deleted only when everything is done. What fails comes again, what cannot be read or fails
//! for ever is moved to the dead-letter queue by the queue itself. How a recording is copied, verified
//! and deleted is `service::call::recordings`' business.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use service::call::recordings::{KeepError, Kept, RecordingJob, Recordings};
use store::{Queue, Received, StoreError, WAIT_MAX};
use tokio::task::JoinSet;
use tracing::Instrument as _;

use crate::meters::Meters;

/// Recordings copied at a time: a copy is one download and one upload in parts of a few megabytes, and
/// shares its core with calls.
pub const COPIES_MAX: usize = 4;

/// A job under way is hidden again this often, for [`HIDDEN_FOR`]: long before it would appear.
const HIDE_EVERY: Duration = Duration::from_secs(20);

/// How long a job stays hidden after the worker that has it dies.
const HIDDEN_FOR: Duration = Duration::from_secs(60);

/// A carrier tells of a recording a moment before it hands it out: what is not there yet is asked for again so
/// soon, by how often the job was delivered. Later the queue's own time goes.
const NOT_THERE_PAUSES: [Duration; 4] = [
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

/// The pause after the queue could not be asked.
const QUEUE_PAUSE: Duration = Duration::from_secs(5);

/// The queue and the use case, as a port.
pub trait RecordingWork: fmt::Debug + Send + Sync + 'static {
    /// Waits for jobs, at most `most`.
    fn receive(&self, most: u8) -> BoxFuture<'_, Result<Vec<Received<RecordingJob>>, StoreError>>;
    fn keep<'a>(&'a self, job: &'a RecordingJob) -> BoxFuture<'a, Result<Kept, KeepError>>;
    fn hide<'a>(&'a self, receipt: &'a str) -> BoxFuture<'a, Result<(), StoreError>>;
    /// Has the job come again after `pause`.
    fn again<'a>(
        &'a self,
        receipt: &'a str,
        pause: Duration,
    ) -> BoxFuture<'a, Result<(), StoreError>>;
    fn done<'a>(&'a self, receipt: &'a str) -> BoxFuture<'a, Result<(), StoreError>>;
}

/// The real queue and the real use case.
#[derive(Debug)]
pub struct QueuedRecordings {
    pub queue: Queue<RecordingJob>,
    pub recordings: Recordings,
}

impl RecordingWork for QueuedRecordings {
    fn receive(&self, most: u8) -> BoxFuture<'_, Result<Vec<Received<RecordingJob>>, StoreError>> {
        Box::pin(self.queue.receive(most, WAIT_MAX))
    }

    fn keep<'a>(&'a self, job: &'a RecordingJob) -> BoxFuture<'a, Result<Kept, KeepError>> {
        Box::pin(self.recordings.keep(job))
    }

    fn hide<'a>(&'a self, receipt: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.queue.hide(receipt, HIDDEN_FOR))
    }

    fn again<'a>(
        &'a self,
        receipt: &'a str,
        pause: Duration,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.queue.hide(receipt, pause))
    }

    fn done<'a>(&'a self, receipt: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.queue.done(receipt))
    }
}

/// Works until `stop`, then finishes what is under way.
pub async fn keep_recordings(work: Arc<dyn RecordingWork>, stop: impl Future<Output = ()>) {
    let mut stop = pin!(stop);
    let mut copies = JoinSet::new();
    loop {
        while copies.try_join_next().is_some() {}
        let free = COPIES_MAX.saturating_sub(copies.len());
        if free == 0 {
            tokio::select! {
                () = &mut stop => break,
                _one = copies.join_next() => continue,
            }
        }
        let received = tokio::select! {
            () = &mut stop => break,
            received = work.receive(u8::try_from(free).unwrap_or(1)) => received,
        };
        match received {
            Ok(jobs) => {
                for job in jobs {
                    copies.spawn(one(Arc::clone(&work), job));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the recordings queue cannot be asked");
                tokio::select! {
                    () = &mut stop => break,
                    () = tokio::time::sleep(QUEUE_PAUSE) => {}
                }
            }
        }
    }
    while copies.join_next().await.is_some() {}
}

async fn one(work: Arc<dyn RecordingWork>, received: Received<RecordingJob>) {
    let job = match &received.message {
        Ok(job) => job,
        Err(error) => {
            Meters::recording("unreadable");
            tracing::error!(%error, "a recording job cannot be read, it goes to the dead letters");
            return;
        }
    };
    let span = tracing::info_span!(
        "recording",
        call.id = %job.call_id,
        tenant.id = %job.tenant_id,
        trace_id = tracing::field::Empty,
    );
    if let Some(trace) = job.trace_id {
        span.record("trace_id", tracing::field::display(trace));
    }
    work_on(&*work, job, &received).instrument(span).await;
}

async fn work_on(work: &dyn RecordingWork, job: &RecordingJob, received: &Received<RecordingJob>) {
    let receipt = &*received.receipt;
    let mut keeping = work.keep(job);
    let result = loop {
        tokio::select! {
            result = &mut keeping => break result,
            () = tokio::time::sleep(HIDE_EVERY) => {
                if let Err(error) = work.hide(receipt).await {
                    // Somebody else may take the job too: every step can be repeated.
                    tracing::warn!(%error, "a recording job could not be kept hidden");
                }
            }
        }
    };
    drop(keeping);
    match result {
        Ok(kept) => {
            let kept = match kept {
                Kept::Now => "kept",
                Kept::Before => "kept_before",
                Kept::Nothing => "nothing",
            };
            Meters::recording(kept);
            tracing::info!(kept, "a recording job is done");
            if let Err(error) = work.done(receipt).await {
                tracing::warn!(%error, "a done recording job could not be deleted, it comes again");
            }
        }
        Err(error) => {
            Meters::recording(error.code());
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a recording is not kept yet"
            );
            let receives = usize::try_from(received.receives).unwrap_or(usize::MAX);
            let pause = NOT_THERE_PAUSES.get(receives.saturating_sub(1));
            if let Some(pause) = pause.filter(|_| error.is_not_there_yet())
                && let Err(error) = work.again(receipt, *pause).await
            {
                tracing::warn!(%error, "a recording job could not be asked for again soon");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use carrier::error::CarrierRefusal;
    use carrier::{RefusalKind, RequestError};
    use model::{CallId, TenantId};

    use super::*;

    /// The carrier does not have the recording of a job that takes so long and fails.
    const NOT_THERE_S: u64 = 3;

    /// A queue of jobs that each take a time and have a result; a log of what was asked.
    #[derive(Debug, Default)]
    struct Scripted {
        jobs: Mutex<VecDeque<(u64, bool)>>,
        log: Mutex<Vec<String>>,
        running: Mutex<(usize, usize)>,
    }

    impl RecordingWork for Scripted {
        fn receive(
            &self,
            most: u8,
        ) -> BoxFuture<'_, Result<Vec<Received<RecordingJob>>, StoreError>> {
            Box::pin(async move {
                let mut jobs = Vec::new();
                while jobs.len() < usize::from(most) {
                    let Some((seconds, works)) = self.jobs.lock().unwrap().pop_front() else {
                        break;
                    };
                    let id = format!("{seconds}s {works}");
                    jobs.push(Received {
                        message: Ok(RecordingJob {
                            tenant_id: TenantId::from_parts(0, 0),
                            call_id: CallId::from_parts(seconds, 0),
                            carrier_recording_id: works.to_string(),
                            trace_id: None,
                        }),
                        body: String::new(),
                        message_id: id.clone(),
                        receipt: id,
                        receives: 1,
                    });
                }
                if jobs.is_empty() {
                    tokio::time::sleep(WAIT_MAX).await;
                }
                Ok(jobs)
            })
        }

        fn keep<'a>(&'a self, job: &'a RecordingJob) -> BoxFuture<'a, Result<Kept, KeepError>> {
            Box::pin(async move {
                {
                    let mut running = self.running.lock().unwrap();
                    running.0 += 1;
                    running.1 = running.1.max(running.0);
                }
                tokio::time::sleep(Duration::from_secs(job.call_id.unix_ms())).await;
                self.running.lock().unwrap().0 -= 1;
                match job.carrier_recording_id.as_str() {
                    "true" => Ok(Kept::Now),
                    _ if job.call_id.unix_ms() == NOT_THERE_S => {
                        Err(KeepError::Fetch(RequestError::Refused(CarrierRefusal {
                            kind: RefusalKind::NotFound,
                            status: 404,
                            code: None,
                        })))
                    }
                    _ => Err(KeepError::Mismatch),
                }
            })
        }

        fn hide<'a>(&'a self, receipt: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
            self.log.lock().unwrap().push(format!("hide {receipt}"));
            Box::pin(std::future::ready(Ok(())))
        }

        fn again<'a>(
            &'a self,
            receipt: &'a str,
            pause: Duration,
        ) -> BoxFuture<'a, Result<(), StoreError>> {
            let mut log = self.log.lock().unwrap();
            log.push(format!("again after {pause:?}: {receipt}"));
            Box::pin(std::future::ready(Ok(())))
        }

        fn done<'a>(&'a self, receipt: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
            self.log.lock().unwrap().push(format!("done {receipt}"));
            Box::pin(std::future::ready(Ok(())))
        }
    }

    async fn run(jobs: &[(u64, bool)], stop_after_s: u64) -> (Vec<String>, usize) {
        let work = Arc::new(Scripted::default());
        work.jobs.lock().unwrap().extend(jobs);
        let stop = tokio::time::sleep(Duration::from_secs(stop_after_s));
        keep_recordings(Arc::clone(&work) as Arc<dyn RecordingWork>, stop).await;
        let log = work.log.lock().unwrap().clone();
        let most = work.running.lock().unwrap().1;
        (log, most)
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_copy_is_kept_hidden_and_deleted_when_done() {
        let (log, _) = run(&[(50, true)], 100).await;
        assert_eq!(log, ["hide 50s true", "hide 50s true", "done 50s true"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_copy_that_failed_stays_in_the_queue() {
        let (log, _) = run(&[(1, false), (2, true)], 100).await;
        assert_eq!(log, ["done 2s true"]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_carrier_does_not_have_yet_is_asked_for_again_soon() {
        let (log, _) = run(&[(NOT_THERE_S, false)], 100).await;
        assert_eq!(log, ["again after 2s: 3s false"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_copies_run_at_a_time() {
        let (log, most) = run(&[(1, true); 11], 100).await;
        assert_eq!(log.len(), 11);
        assert_eq!(most, COPIES_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stopping_worker_finishes_the_copy_under_way() {
        let (log, _) = run(&[(50, true)], 1).await;
        assert_eq!(log.last().map(String::as_str), Some("done 50s true"));
    }
}
