//! The recordings that the carrier's account has, compared with ours.
//!
//! Callbacks and jobs delete a recording at the carrier when our copy is verified. What they missed is found here:
//! every night, and when somebody asks, all recordings of the account are walked through. Only one whose call a
//! row of ours names, and whose copy is in the bucket at that moment, is deleted; one without a copy gets a job like
//! any other. Everything else stays: the account may be shared with programs that we know nothing of. It is
//! listed, and deleted only by a list of ids that a person gives.

mod deletion;
mod fate;
mod walk;

use std::sync::Arc;
use std::time::Duration;

use carrier::recording::CarrierRecording;
use carrier::{Carrier, RequestError};
use jiff::Timestamp;
use model::{CallId, LeftBecause, RecordingState, TenantId};
use serde::Serialize;
use store::{
    Bucket, CallRow, Leases, LeftRecording, Queue, Reconciliation, ReconciliationCounts,
    ReconciliationRun, Reconciliations, RecordingJob, StoreError,
};
use tracing::info;

use crate::call::lifecycle::{Fact, recording_id};
use crate::call::recorder::{RecordError, Recorder};
use crate::call::recordings::{is_in, kept};
use crate::{Clock, Ids, Refused};

pub use deletion::{Deleted, Deletion, DeletionRefused};
pub use walk::ReconcileStep;

/// The use cases of the carrier's recordings.
#[derive(Debug, Clone)]
pub struct CarrierRecordings {
    rows: Reconciliations,
    leases: Leases,
    calls: store::Calls,
    jobs: Queue<RecordingJob>,
    bucket: Bucket,
    recorder: Recorder,
    carrier: Arc<dyn Carrier>,
    clock: Arc<dyn Clock>,
    ids: Ids,
}

/// What the latest comparison came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconciliationReport {
    pub state: ReconciliationState,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// What kept it from its end, or its latest step.
    pub problem: Option<String>,
    pub counts: ReconciliationCounts,
    /// What was left at the carrier: as many as are named, as the carrier lists them.
    pub left: Vec<LeftRecording>,
    /// How many more there are than are named, of everybody.
    pub omitted: u64,
    /// When the next one begins by itself.
    pub next_at: Option<Timestamp>,
}

/// How far a comparison is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReconciliationState {
    /// There was none yet.
    None,
    Running,
    Finished,
    /// It was given up; the next one tries anew.
    Failed,
}

/// A recording of the carrier's, with all that is known of it here.
struct Found {
    recording: CarrierRecording,
    owner: Owner,
    /// Our copy of it is in the bucket, whole.
    copied: bool,
}

/// Whose a recording is.
enum Owner {
    Nobody,
    /// A call that a row of ours names, and that is not there.
    Gone {
        tenant_id: TenantId,
        call_id: CallId,
    },
    Call(Box<CallRow>),
}

/// Why a recording was not deleted.
enum NotDeleted {
    Carrier(RequestError),
    Store(StoreError),
}

impl CarrierRecordings {
    #[must_use]
    pub fn new(
        store: &store::Store,
        carrier: Arc<dyn Carrier>,
        clock: Arc<dyn Clock>,
        ids: Ids,
    ) -> Self {
        Self {
            rows: store.reconciliations.clone(),
            leases: store.leases.clone(),
            calls: store.calls.clone(),
            jobs: store.recordings.clone(),
            bucket: store.bucket.clone(),
            recorder: Recorder::new(store, Arc::clone(&clock), ids.clone()),
            carrier,
            clock,
            ids,
        }
    }

    /// What the latest comparison came to. Of calls, those of `tenant` are named; without one, everybody's.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn report(&self, tenant: Option<TenantId>) -> Result<ReconciliationReport, Refused> {
        let row = self.rows.get(self.account()).await?;
        let Some(Reconciliation {
            run: Some(run),
            due_at,
            ..
        }) = row
        else {
            return Ok(ReconciliationReport {
                state: ReconciliationState::None,
                started_at: None,
                ended_at: None,
                problem: None,
                counts: ReconciliationCounts::default(),
                left: Vec::new(),
                omitted: 0,
                next_at: row.map(|row| row.due_at),
            });
        };
        let mut left = self.rows.left(self.account()).await?.recordings;
        let named = u64::try_from(left.len()).unwrap_or(u64::MAX);
        if let Some(tenant) = tenant {
            left.retain(|one| one.tenant_id.is_none_or(|of| of == tenant));
        }
        Ok(ReconciliationReport {
            state: ReconciliationState::of(&run),
            started_at: Some(run.started_at),
            ended_at: run.ended_at,
            omitted: run.counts.left.saturating_sub(named),
            problem: run.problem,
            counts: run.counts,
            left,
            next_at: Some(due_at),
        })
    }

    fn account(&self) -> &str {
        self.carrier.account_id()
    }

    /// What is known here of a recording, now.
    async fn find(&self, recording: CarrierRecording) -> Result<Found, StoreError> {
        let (owner, copied) = match &recording.call_id {
            None => (Owner::Nobody, false),
            Some(id) => match self.calls.of_carrier_call(id.as_str()).await? {
                None => (Owner::Nobody, false),
                Some((tenant_id, call_id)) => match self.calls.get(tenant_id, call_id).await? {
                    None => (Owner::Gone { tenant_id, call_id }, false),
                    Some(row) => {
                        let copied = self.has_copy(&row, &recording).await?;
                        (Owner::Call(Box::new(row)), copied)
                    }
                },
            },
        };
        Ok(Found {
            recording,
            owner,
            copied,
        })
    }

    async fn has_copy(
        &self,
        row: &CallRow,
        recording: &CarrierRecording,
    ) -> Result<bool, StoreError> {
        match &row.call.recording {
            Some(known) if recording_id(known) == Some(recording.id.as_str()) => {
                is_in(&self.bucket, known).await
            }
            Some(_) | None => Ok(false),
        }
    }

    /// Deletes at the carrier, and notes it with the call whose it was.
    async fn delete_found(&self, found: &Found) -> Result<(), NotDeleted> {
        let stored = found.stored();
        if let Some((row, _known)) = stored {
            // Whatever becomes of us, a worker notes the deletion, and removes copies that do not count.
            self.send(row, found).await.map_err(NotDeleted::Store)?;
        }
        let deleted = self.carrier.delete_recording(&found.recording.id).await;
        deleted.map_err(NotDeleted::Carrier)?;
        info!(
            recording.id = %found.recording.id,
            "a recording that was left at the carrier is deleted there"
        );
        let Some((row, known)) = stored else {
            return Ok(());
        };
        let fact = Fact::Recording(kept(known.clone(), self.clock.now()));
        let call = &row.call;
        match self.recorder.record(call.tenant_id, call.id, &fact).await {
            Ok(_) | Err(RecordError::Unknown | RecordError::OtherCall) => Ok(()),
            Err(RecordError::Store(error)) => Err(NotDeleted::Store(error)),
        }
    }

    async fn send(&self, row: &CallRow, found: &Found) -> Result<(), StoreError> {
        let job = RecordingJob {
            tenant_id: row.call.tenant_id,
            call_id: row.call.id,
            carrier_recording_id: found.recording.id.as_str().to_owned(),
            trace_id: Some(row.call.trace()),
        };
        self.jobs.send(&job, Duration::ZERO).await
    }
}

impl Found {
    fn fate(&self, now: Timestamp) -> fate::Fate {
        let owner = match &self.owner {
            Owner::Nobody => fate::Whose::Nobodys,
            Owner::Gone { .. } => fate::Whose::OfACallThatIsGone,
            Owner::Call(row) => fate::Whose::Of(&row.call),
        };
        fate::fate(&self.recording, owner, self.copied, now)
    }

    /// The call whose it is, if the carrier's copy is not noted as deleted although ours is verified.
    fn stored(&self) -> Option<(&CallRow, &RecordingState)> {
        let Owner::Call(row) = &self.owner else {
            return None;
        };
        let known = row.call.recording.as_ref()?;
        matches!(known, RecordingState::Stored { .. }).then_some((row, known))
    }

    fn tenant(&self) -> Option<TenantId> {
        match &self.owner {
            Owner::Nobody => None,
            Owner::Gone { tenant_id, .. } => Some(*tenant_id),
            Owner::Call(row) => Some(row.call.tenant_id),
        }
    }

    fn left(&self, because: LeftBecause) -> LeftRecording {
        let call_id = match &self.owner {
            Owner::Nobody => None,
            Owner::Gone { call_id, .. } => Some(*call_id),
            Owner::Call(row) => Some(row.call.id),
        };
        LeftRecording {
            carrier_recording_id: self.recording.id.as_str().to_owned(),
            because,
            call_id,
            tenant_id: self.tenant(),
            started_at: self.recording.started_at,
            duration_seconds: self.recording.duration_seconds,
            bytes_about: self.recording.bytes_about(),
        }
    }
}

impl ReconciliationState {
    fn of(run: &ReconciliationRun) -> Self {
        match (run.ended_at, &run.problem) {
            (None, _) => Self::Running,
            (Some(_), None) => Self::Finished,
            (Some(_), Some(_)) => Self::Failed,
        }
    }
}
