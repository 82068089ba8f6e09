//! The walk through all recordings of the account, page by page.
//!
//! One row holds how far it is: whoever is killed, or has no time left, is followed by the next tick, which goes on
//! from there. A lease keeps two from walking at once; where it fails, the row's version lets one of them note what
//! a page came to, and what is done about a recording can be done twice.

use carrier::call::ListedPage;
use carrier::recording::CarrierRecording;
use carrier::{CarrierRecordingId, RequestError};
use futures_util::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use model::LeftBecause;
use store::{
    LEFT_NAMED_MAX, LeftAtCarrier, LeftRecording, Reconciliation, ReconciliationCounts,
    ReconciliationRun, StoreError,
};
use tracing::{info, warn};

use super::fate::Fate;
use super::{CarrierRecordings, Found, NotDeleted, Owner};
use crate::Refused;

/// How long a step of a tick walks: whoever plans must not wait for it.
const STEP_MAX: SignedDuration = SignedDuration::from_secs(10);
/// How long a lease is good for: a step, and what its last requests take. Whoever died is followed after that.
const LEASE: SignedDuration = SignedDuration::from_secs(90);
/// Recordings that are dealt with side by side.
const RECORDINGS_AT_ONCE: usize = 8;
/// Steps in a row that may come to nothing before a run is given up. A tick comes every minute.
const FAILURES_MAX: u32 = 10;
/// How often a run may begin again from the first page.
const RESTARTS_MAX: u32 = 5;
/// Pages of one run: half a million recordings. A list that is longer has no end.
const PAGES_MAX: u32 = 10_000;
/// When a run begins by itself, in seconds of the UTC day: at three, when hardly anybody is called.
const NIGHT: i64 = 3 * 60 * 60;
const DAY: i64 = 24 * 60 * 60;
/// Tries to begin a run while others write the row.
const TRIES_MAX: u32 = 4;

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReconcileStep {
    /// No run is under way, and none is due.
    Nothing,
    /// Somebody else is at it.
    Busy,
    /// There is more to do.
    More,
    /// Something kept it from going on; the next step tries again.
    Failed,
    /// The run is over.
    Ended,
}

/// How far a run is, in hand.
struct Walk {
    row: Reconciliation,
    run: ReconciliationRun,
    left: LeftAtCarrier,
}

/// What became of one recording.
enum Settled {
    Deleted,
    Queued,
    Waits,
    Left(LeftRecording),
}

/// Why a recording was not dealt with: its page is read again.
enum Stopped {
    /// The step has no time left.
    Time,
    /// The carrier or a store does not answer.
    Away(&'static str),
}

impl CarrierRecordings {
    /// Begins a run, unless one is under way: the scheduler's ticks, or whoever asks for steps, go on with it.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn begin(&self) -> Result<(), Refused> {
        for _try in 0..TRIES_MAX {
            let now = self.clock.now();
            let row = self.rows.get(self.account()).await?;
            let mut row = row.unwrap_or_else(|| no_run(now));
            if row.run.as_ref().is_some_and(is_under_way) {
                return Ok(());
            }
            row.row_version = row.row_version.saturating_add(1);
            row.run = Some(new_run(now));
            let none = LeftAtCarrier::default();
            if self.rows.write(self.account(), &row, Some(&none)).await? {
                return Ok(());
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// What a tick does: goes on with a run, begins the night's, or finds that there is nothing to do. Takes until
    /// `latest` at most.
    pub(crate) async fn tick(&self, latest: Timestamp) -> Result<ReconcileStep, StoreError> {
        let now = self.clock.now();
        let Some(row) = self.rows.get(self.account()).await? else {
            // The first run comes with the first night.
            let mut row = no_run(now);
            row.row_version = 1;
            self.rows.write(self.account(), &row, None).await?;
            return Ok(ReconcileStep::Nothing);
        };
        if !is_wanted(&row, now) {
            return Ok(ReconcileStep::Nothing);
        }
        let until = now.checked_add(STEP_MAX).unwrap_or(latest).min(latest);
        if now >= until {
            return Ok(ReconcileStep::More);
        }
        self.step_until(until).await
    }

    /// Goes on with a run for some seconds.
    ///
    /// # Errors
    /// See [`Refused`]. The next step goes on.
    pub async fn step(&self) -> Result<ReconcileStep, Refused> {
        let until = self.clock.now().checked_add(STEP_MAX);
        Ok(self.step_until(until.unwrap_or(Timestamp::MAX)).await?)
    }

    async fn step_until(&self, until: Timestamp) -> Result<ReconcileStep, StoreError> {
        let now = self.clock.now();
        let name = format!("RECONCILIATION#{}", self.account());
        let holder = format!("{:032x}", self.ids.chance());
        let ends = now.checked_add(LEASE).unwrap_or(Timestamp::MAX);
        let lease = self.leases.acquire(&name, &holder, now, ends).await?;
        let Some(mut lease) = lease else {
            return Ok(ReconcileStep::Busy);
        };
        let walked = self.walk(until).await;
        // Whoever knocked finds in the row how far it is.
        while let Some(knocked) = self.leases.release(lease).await? {
            lease = knocked;
        }
        walked
    }

    async fn walk(&self, until: Timestamp) -> Result<ReconcileStep, StoreError> {
        let now = self.clock.now();
        let row = self.rows.get(self.account()).await?;
        let Some(row) = row.filter(|row| is_wanted(row, now)) else {
            return Ok(ReconcileStep::Nothing);
        };
        let mut walk = match row.run.clone().filter(is_under_way) {
            Some(run) => Walk {
                row,
                run,
                left: self.rows.left(self.account()).await?,
            },
            None => Walk {
                row: Reconciliation {
                    due_at: next_night(now),
                    ..row
                },
                run: new_run(now),
                left: LeftAtCarrier::default(),
            },
        };
        loop {
            let step = self.page(&mut walk, until).await?;
            if step != ReconcileStep::More || self.clock.now() >= until {
                return Ok(step);
            }
        }
    }

    /// Deals with one page, and notes what it came to.
    async fn page(&self, walk: &mut Walk, until: Timestamp) -> Result<ReconcileStep, StoreError> {
        let (before, page) = match self.read(&walk.run).await {
            Ok(read) => read,
            Err(problem) if walk.run.next_page.is_some() && has_moved(&problem) => {
                return self.begin_again(walk).await;
            }
            Err(problem) => {
                warn!(
                    kind = problem.code(),
                    "the carrier does not list the account's recordings"
                );
                return self.failed(walk, problem.code(), 0).await;
            }
        };
        let mut recordings = page.items;
        // The carrier finds the next page by this one: it must not be deleted before.
        let held = match page.next {
            Some(_) => recordings.pop(),
            None => None,
        };
        let mut settled: Vec<Result<Settled, Stopped>> = stream::iter(recordings)
            .map(|recording| self.settle(recording, until))
            .buffered(RECORDINGS_AT_ONCE)
            .collect()
            .await;
        // And this page was found by that one: until all of it is dealt with it may be read again.
        if settled.iter().all(Result::is_ok)
            && let Some(before) = before
        {
            settled.insert(0, self.settle(before, until).await);
        }
        let mut counts = ReconciliationCounts::default();
        let mut left = Vec::new();
        let mut in_time = true;
        let mut away = None;
        for one in settled {
            match one {
                Ok(Settled::Deleted) => counts.deleted += 1,
                Ok(Settled::Queued) => counts.queued += 1,
                Ok(Settled::Waits) => counts.waiting += 1,
                Ok(Settled::Left(one)) => left.push(one),
                Err(Stopped::Time) => in_time = false,
                Err(Stopped::Away(who)) => away = Some(who),
            }
        }
        // What is deleted is not on the page when it is read again.
        if let Some(who) = away {
            return self.failed(walk, who, counts.deleted).await;
        }
        if !in_time {
            walk.run.counts.deleted += counts.deleted;
            return self.note(walk, ReconcileStep::More).await;
        }
        walk.take(counts, left);
        walk.run.held = held.map(|held| held.id.as_str().to_owned());
        walk.run.next_page = page.next;
        if walk.run.next_page.is_none() {
            return self.end(walk, None).await;
        }
        if walk.run.pages >= PAGES_MAX {
            return self.end(walk, Some("endless")).await;
        }
        self.note(walk, ReconcileStep::More).await
    }

    /// The recording that was held back from the page before, and the page that is next.
    async fn read(
        &self,
        run: &ReconciliationRun,
    ) -> Result<(Option<CarrierRecording>, ListedPage<CarrierRecording>), RequestError> {
        let held = match &run.held {
            Some(id) => Some(self.carrier.fetch_recording(&known(id)?).await?),
            None => None,
        };
        let next_page = run.next_page.as_deref();
        let mut page = self.carrier.list_account_recordings(next_page).await?;
        if let Some(held) = &held {
            page.items.retain(|one| one.id != held.id);
        }
        Ok((held, page))
    }

    async fn settle(
        &self,
        recording: CarrierRecording,
        until: Timestamp,
    ) -> Result<Settled, Stopped> {
        if self.clock.now() >= until {
            return Err(Stopped::Time);
        }
        let found = match self.find(recording).await {
            Ok(found) => found,
            Err(error) => return waits(&error),
        };
        match found.fate(self.clock.now()) {
            Fate::Wait => Ok(Settled::Waits),
            Fate::Leave(because) => Ok(Settled::Left(found.left(because))),
            Fate::Copy => self.queue(&found).await,
            Fate::Delete => self.delete(&found).await,
        }
    }

    async fn queue(&self, found: &Found) -> Result<Settled, Stopped> {
        let Owner::Call(row) = &found.owner else {
            return Ok(Settled::Waits);
        };
        match self.send(row, found).await {
            Ok(()) => {
                metrics::counter!("trunkline_recordings_reconciled_total", "result" => "queued")
                    .increment(1);
                Ok(Settled::Queued)
            }
            Err(error) => waits(&error),
        }
    }

    async fn delete(&self, found: &Found) -> Result<Settled, Stopped> {
        match self.delete_found(found).await {
            Ok(()) => {
                metrics::counter!("trunkline_recordings_reconciled_total", "result" => "deleted")
                    .increment(1);
                Ok(Settled::Deleted)
            }
            Err(NotDeleted::Carrier(problem)) if problem.may_heal() => {
                Err(Stopped::Away(problem.code()))
            }
            Err(NotDeleted::Carrier(problem)) => {
                warn!(
                    kind = problem.code(),
                    "the carrier does not delete a recording"
                );
                metrics::counter!("trunkline_recordings_reconciled_total", "result" => "not_deleted")
                    .increment(1);
                Ok(Settled::Left(found.left(LeftBecause::NotDeleted)))
            }
            Err(NotDeleted::Store(error)) => waits(&error),
        }
    }

    /// The place in the list is lost, with the recording that marked it: from the first page again. What was done
    /// stays done.
    async fn begin_again(&self, walk: &mut Walk) -> Result<ReconcileStep, StoreError> {
        let run = &mut walk.run;
        run.restarts = run.restarts.saturating_add(1);
        if run.restarts > RESTARTS_MAX {
            return self.end(walk, Some("list_moved")).await;
        }
        run.next_page = None;
        run.held = None;
        run.counts = ReconciliationCounts {
            deleted: run.counts.deleted,
            ..ReconciliationCounts::default()
        };
        walk.left.recordings.clear();
        self.note(walk, ReconcileStep::More).await
    }

    async fn failed(
        &self,
        walk: &mut Walk,
        problem: &str,
        deleted: u64,
    ) -> Result<ReconcileStep, StoreError> {
        let run = &mut walk.run;
        run.counts.deleted += deleted;
        run.failures = run.failures.saturating_add(1);
        run.problem = Some(problem.to_owned());
        if run.failures >= FAILURES_MAX {
            return self.end(walk, Some(problem)).await;
        }
        self.note(walk, ReconcileStep::Failed).await
    }

    async fn end(
        &self,
        walk: &mut Walk,
        problem: Option<&str>,
    ) -> Result<ReconcileStep, StoreError> {
        walk.run.ended_at = Some(self.clock.now());
        walk.run.problem = problem.map(str::to_owned);
        let ReconciliationCounts {
            deleted,
            queued,
            waiting,
            left,
        } = walk.run.counts;
        match problem {
            None => info!(
                deleted,
                queued, waiting, left, "the carrier's recordings were compared with ours"
            ),
            Some(problem) => warn!(
                problem,
                deleted, queued, waiting, left, "comparing the carrier's recordings was given up"
            ),
        }
        self.note(walk, ReconcileStep::Ended).await
    }

    /// Writes how far the run is. Where somebody else did so meanwhile, theirs counts.
    async fn note(
        &self,
        walk: &mut Walk,
        step: ReconcileStep,
    ) -> Result<ReconcileStep, StoreError> {
        walk.row.row_version = walk.row.row_version.saturating_add(1);
        walk.row.run = Some(walk.run.clone());
        let written = self
            .rows
            .write(self.account(), &walk.row, Some(&walk.left))
            .await?;
        Ok(if written { step } else { ReconcileStep::Busy })
    }
}

impl Walk {
    /// A page is done.
    fn take(&mut self, of_page: ReconciliationCounts, left: Vec<LeftRecording>) {
        let counts = &mut self.run.counts;
        counts.deleted += of_page.deleted;
        counts.queued += of_page.queued;
        counts.waiting += of_page.waiting;
        counts.left += u64::try_from(left.len()).unwrap_or(u64::MAX);
        self.run.pages = self.run.pages.saturating_add(1);
        self.run.failures = 0;
        self.run.problem = None;
        let room = LEFT_NAMED_MAX.saturating_sub(self.left.recordings.len());
        self.left.recordings.extend(left.into_iter().take(room));
    }
}

/// A row that cannot be read keeps no other recording from being dealt with; a store that does not answer does.
fn waits(error: &StoreError) -> Result<Settled, Stopped> {
    match error {
        StoreError::Unavailable(_) => {
            warn!(
                error = error as &dyn std::error::Error,
                "a recording of the carrier's could not be compared"
            );
            Err(Stopped::Away("storage"))
        }
        StoreError::Conflict | StoreError::Newer { .. } | StoreError::Malformed { .. } => {
            warn!(
                error = error as &dyn std::error::Error,
                "a recording of the carrier's is left for the next time"
            );
            Ok(Settled::Waits)
        }
    }
}

fn known(id: &str) -> Result<CarrierRecordingId, RequestError> {
    id.parse().map_err(|_none| RequestError::ForeignId)
}

/// Whether the carrier does not know the place in its list any more.
fn has_moved(problem: &RequestError) -> bool {
    match problem {
        RequestError::Refused(_) => !problem.may_heal(),
        RequestError::ForeignId => true,
        RequestError::Unsupported(_)
        | RequestError::Instructions(_)
        | RequestError::RateLimited { .. }
        | RequestError::Unavailable { .. }
        | RequestError::Unreachable(_)
        | RequestError::Lost(_) => false,
    }
}

fn is_under_way(run: &ReconciliationRun) -> bool {
    run.ended_at.is_none()
}

/// Whether a run is under way or due.
fn is_wanted(row: &Reconciliation, now: Timestamp) -> bool {
    row.run.as_ref().is_some_and(is_under_way) || row.due_at <= now
}

fn no_run(now: Timestamp) -> Reconciliation {
    Reconciliation {
        row_version: 0,
        due_at: next_night(now),
        run: None,
    }
}

fn new_run(now: Timestamp) -> ReconciliationRun {
    ReconciliationRun {
        started_at: now,
        ended_at: None,
        next_page: None,
        held: None,
        pages: 0,
        failures: 0,
        restarts: 0,
        problem: None,
        counts: ReconciliationCounts::default(),
    }
}

/// When the next night's run begins.
fn next_night(now: Timestamp) -> Timestamp {
    let nights = (now.as_second() - NIGHT).div_euclid(DAY);
    Timestamp::from_second((nights + 1) * DAY + NIGHT).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_night_has_one_beginning() {
        let next = |now: &str| next_night(now.parse().unwrap()).to_string();
        assert_eq!(next("2026-11-20T02:59:59Z"), "2026-11-20T03:00:00Z");
        assert_eq!(next("2026-11-20T03:00:00Z"), "2026-11-21T03:00:00Z");
        assert_eq!(next("2026-11-20T23:00:00.5Z"), "2026-11-21T03:00:00Z");
        let mut row = no_run("2026-11-20T12:00:00Z".parse().unwrap());
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert!(!is_wanted(&row, at("2026-11-21T02:59:59Z")));
        assert!(is_wanted(&row, at("2026-11-21T03:00:00Z")));
        // A machine that slept over the night.
        assert!(is_wanted(&row, at("2026-11-23T09:00:00Z")));
        row.run = Some(new_run(at("2026-11-20T12:00:00Z")));
        assert!(is_wanted(&row, at("2026-11-20T12:01:00Z")));
    }

    #[test]
    fn more_is_counted_than_is_named() {
        let one = || LeftRecording {
            carrier_recording_id: "RE1".to_owned(),
            because: LeftBecause::NotOurs,
            call_id: None,
            tenant_id: None,
            started_at: None,
            duration_seconds: None,
            bytes_about: None,
        };
        let now = Timestamp::UNIX_EPOCH;
        let mut walk = Walk {
            row: no_run(now),
            run: new_run(now),
            left: LeftAtCarrier::default(),
        };
        for _page in 0..=LEFT_NAMED_MAX / 50 {
            let left = std::iter::repeat_with(one).take(50).collect();
            walk.take(ReconciliationCounts::default(), left);
        }
        assert_eq!(walk.left.recordings.len(), LEFT_NAMED_MAX);
        assert_eq!(walk.run.counts.left, LEFT_NAMED_MAX as u64 + 50);
    }
}
