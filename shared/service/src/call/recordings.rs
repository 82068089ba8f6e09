//! The life of a recording: copied from the carrier into our bucket, verified, deleted at the carrier.
//!
//! Promise P11: each step is done only after the one before it is proven, and each can be repeated, also by two
//! at once. A copy has a place of its own, so that none is written over another; the call's row says which one
//! counts, and the others are removed.

mod copy;
mod wav;

use std::sync::Arc;

use carrier::recording::RECORDING_BYTES_MAX;
use carrier::{Carrier, CarrierRecordingId, RefusalKind, RequestError};
use jiff::Timestamp;
use model::{CallId, RecordingState, TenantId};
use store::{Bucket, CallRow, PART_BYTES, StoreError};
use tracing::{info, warn};

use crate::call::lifecycle::{Fact, recording_id};
use crate::call::recorder::{RecordError, Recorded, Recorder, follow};
use crate::{Clock, Ids};

pub use store::RecordingJob;

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Copied, verified, deleted at the carrier.
    Now,
    /// An earlier delivery of the job had done it all.
    Before,
    /// The carrier has nothing to copy, or the call is not ours: nothing to do.
    Nothing,
}

/// Why a recording is not kept yet. The job stays in the queue and is tried again; after the
/// queue's limit of tries it goes to the dead-letter queue.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The job names something that is no recording of the carrier's: only a person can help.
    #[error("the job cannot be done")]
    Malformed,
    /// The carrier has not finished the recording, cannot be asked, or broke off.
    #[error("the carrier did not hand out the recording")]
    Fetch(#[source] RequestError),
    #[error("the carrier did not delete the recording")]
    Delete(#[source] RequestError),
    #[error("the copy differs from what the carrier sent")]
    Mismatch,
    /// What the carrier sent cannot be all of a recording that it says is so long.
    #[error("the carrier sent {bytes} bytes of a recording of {duration_seconds} seconds")]
    Short { bytes: u64, duration_seconds: u32 },
    #[error("the recording is empty")]
    Empty,
    #[error("the copy could not be written or read")]
    Bucket(#[source] StoreError),
    #[error("the call could not be written")]
    Record(#[source] RecordError),
}

impl KeepError {
    /// Whether the carrier does not have what it told of: it may in a moment.
    #[must_use]
    pub fn is_not_there_yet(&self) -> bool {
        match self {
            Self::Fetch(RequestError::Refused(refusal)) => refusal.kind == RefusalKind::NotFound,
            Self::Fetch(_)
            | Self::Malformed
            | Self::Delete(_)
            | Self::Mismatch
            | Self::Short { .. }
            | Self::Empty
            | Self::Bucket(_)
            | Self::Record(_) => false,
        }
    }

    /// The label in metrics and logs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Fetch(_) => "fetch",
            Self::Delete(_) => "delete",
            Self::Mismatch => "mismatch",
            Self::Short { .. } => "short",
            Self::Empty => "empty",
            Self::Bucket(_) => "bucket",
            Self::Record(_) => "record",
        }
    }
}

/// The use case of the recordings queue.
#[derive(Debug, Clone)]
pub struct Recordings {
    recorder: Recorder,
    calls: store::Calls,
    clock: Arc<dyn Clock>,
    bucket: Bucket,
    carrier: Arc<dyn Carrier>,
}

impl Recordings {
    #[must_use]
    pub fn new(
        store: &store::Store,
        carrier: Arc<dyn Carrier>,
        clock: Arc<dyn Clock>,
        ids: Ids,
    ) -> Self {
        Self {
            recorder: Recorder::new(store, Arc::clone(&clock), ids),
            calls: store.calls.clone(),
            clock,
            bucket: store.bucket.clone(),
            carrier,
        }
    }

    /// Does whatever is still to be done of a recording, each step only after the one before it is
    /// proven. Can be repeated after a stop between any two steps.
    ///
    /// # Errors
    /// See [`KeepError`].
    pub async fn keep(&self, job: &RecordingJob) -> Result<Kept, KeepError> {
        let id: CarrierRecordingId = match job.carrier_recording_id.parse() {
            Ok(id) => id,
            Err(_not_a_recording) => return Err(KeepError::Malformed),
        };
        let row = self.calls.get(job.tenant_id, job.call_id).await;
        let row = row.map_err(|error| KeepError::Record(RecordError::Store(error)))?;
        let Some(row) = row else {
            warn!(call.id = %job.call_id, "a recording names a call that is not there");
            return Ok(Kept::Nothing);
        };
        follow(&row.call);
        let known = row.call.recording.clone();
        let recorded = match known {
            Some(known)
                if recording_id(&known).is_some_and(|id| id != job.carrier_recording_id) =>
            {
                warn!(call.id = %job.call_id, "a second recording of a call is left at the carrier");
                return Ok(Kept::Nothing);
            }
            Some(kept @ RecordingState::Kept { .. }) => {
                self.remove_others(&row, &kept).await?;
                return Ok(Kept::Before);
            }
            Some(stored @ RecordingState::Stored { .. }) if self.still_there(&stored).await? => row,
            // Somebody removed our copy before the carrier's was deleted.
            Some(RecordingState::Stored { object_key, .. }) => {
                self.copied(job, &id, Some(object_key)).await?
            }
            Some(RecordingState::Ready { .. } | RecordingState::Absent { .. }) | None => {
                self.copied(job, &id, None).await?
            }
        };
        self.delete(job, &id, recorded).await
    }

    /// Copies. Where that fails because another worker has been quicker, and the carrier has nothing left to hand
    /// out, the other's copy counts.
    async fn copied(
        &self,
        job: &RecordingJob,
        id: &CarrierRecordingId,
        lost_key: Option<String>,
    ) -> Result<CallRow, KeepError> {
        let problem = match self.copy(job, id, lost_key.clone()).await {
            Ok(row) => return Ok(row),
            Err(problem) => problem,
        };
        let row = self.calls.get(job.tenant_id, job.call_id).await;
        let row = row.map_err(|error| KeepError::Record(RecordError::Store(error)))?;
        let by_another = row.filter(|row| {
            let noted = row.call.recording.as_ref().and_then(key_of);
            noted.is_some() && noted != lost_key.as_ref()
        });
        by_another.ok_or(problem)
    }

    /// Copies, verifies and notes the copy on the call, unless another one was noted first. Answers the call as
    /// it is then.
    async fn copy(
        &self,
        job: &RecordingJob,
        id: &CarrierRecordingId,
        lost_key: Option<String>,
    ) -> Result<CallRow, KeepError> {
        let begun = self.record(job, Fact::RecordingCopied).await?.row;
        let nth = begun.progress.recording_copies;
        let object_key = object_key(job.tenant_id, job.call_id, nth);
        let said = match &begun.call.recording {
            Some(RecordingState::Ready {
                duration_seconds, ..
            }) => *duration_seconds,
            Some(
                RecordingState::Stored { .. }
                | RecordingState::Kept { .. }
                | RecordingState::Absent { .. },
            )
            | None => None,
        };
        let said = match said {
            Some(seconds) => Some(seconds),
            None => {
                let known = self.carrier.fetch_recording(id).await;
                known.map_err(KeepError::Fetch)?.duration_seconds
            }
        };
        let noted = match self.verified(&object_key, id, said).await {
            Ok(sent) => {
                let state = RecordingState::Stored {
                    carrier_recording_id: job.carrier_recording_id.clone(),
                    object_key: object_key.clone(),
                    duration_seconds: sent.duration_seconds(said),
                    bytes: sent.digest.bytes,
                    sha256: sent.digest.sha256,
                    stored_at: self.clock.now(),
                };
                let fact = match lost_key {
                    Some(lost_key) => Fact::RecordingReplaced {
                        lost_key,
                        by: state,
                    },
                    None => Fact::Recording(state),
                };
                self.record(job, fact).await
            }
            Err(problem) => Err(problem),
        };
        let row = match noted {
            Ok(recorded) => recorded.row,
            // Whether the row names it is not known: whoever comes next looks.
            Err(unknown @ KeepError::Record(_)) => return Err(unknown),
            Err(problem) => {
                self.remove(&object_key).await;
                return Err(problem);
            }
        };
        if row.call.recording.as_ref().and_then(key_of) == Some(&object_key) {
            let bytes = row.call.recording.as_ref().and_then(bytes_of);
            info!(call.id = %job.call_id, bytes, "the recording is stored and verified");
        } else {
            info!(call.id = %job.call_id, "somebody else stored the recording first");
            self.remove(&object_key).await;
        }
        Ok(row)
    }

    /// Moves the bytes, reads them back, and holds them to what the carrier says.
    async fn verified(
        &self,
        object_key: &str,
        id: &CarrierRecordingId,
        said: Option<u32>,
    ) -> Result<copy::Sent, KeepError> {
        let media = copy::open(&*self.carrier, id).await?;
        let sent = copy::stream(&self.bucket, object_key, media).await?;
        if let Some(duration_seconds) = said.filter(|seconds| !sent.is_whole(*seconds)) {
            return Err(KeepError::Short {
                bytes: sent.digest.bytes,
                duration_seconds,
            });
        }
        let copied = self.bucket.digest(object_key).await;
        if copied.map_err(KeepError::Bucket)? != sent.digest {
            return Err(KeepError::Mismatch);
        }
        Ok(sent)
    }

    /// Deletes at the carrier what is proven to be in our bucket.
    async fn delete(
        &self,
        job: &RecordingJob,
        id: &CarrierRecordingId,
        row: CallRow,
    ) -> Result<Kept, KeepError> {
        let Some(known) = row.call.recording else {
            return Ok(Kept::Nothing);
        };
        if !matches!(known, RecordingState::Stored { .. }) {
            // Somebody else has kept it meanwhile.
            return Ok(Kept::Before);
        }
        let deleted = self.carrier.delete_recording(id).await;
        deleted.map_err(KeepError::Delete)?;
        let kept = kept(known, self.clock.now());
        let recorded = self.record(job, Fact::Recording(kept)).await?;
        info!(call.id = %job.call_id, "the recording is deleted at the carrier");
        // Another worker may have replaced the copy meanwhile: then that one counts.
        if let Some(counts @ RecordingState::Kept { .. }) = &recorded.row.call.recording {
            self.remove_others(&recorded.row, counts).await?;
        }
        Ok(Kept::Now)
    }

    async fn record(&self, job: &RecordingJob, fact: Fact) -> Result<Recorded, KeepError> {
        let recorded = self
            .recorder
            .record(job.tenant_id, job.call_id, &fact)
            .await;
        recorded.map_err(KeepError::Record)
    }

    async fn still_there(&self, stored: &RecordingState) -> Result<bool, KeepError> {
        let there = is_in(&self.bucket, stored).await;
        there.map_err(KeepError::Bucket)
    }

    /// Removes copies that were begun and do not count: of a worker that died on the way, or came second.
    async fn remove_others(&self, row: &CallRow, kept: &RecordingState) -> Result<(), KeepError> {
        let call = &row.call;
        for nth in 1..=row.progress.recording_copies {
            let key = object_key(call.tenant_id, call.id, nth);
            if key_of(kept) != Some(&key) && row.progress.recording_copies > 1 {
                let removed = self.bucket.remove(&key).await;
                removed.map_err(KeepError::Bucket)?;
            }
        }
        Ok(())
    }

    /// Removes a copy that does not count. One that is left is removed when the recording is kept.
    async fn remove(&self, object_key: &str) {
        if let Err(error) = self.bucket.remove(object_key).await {
            warn!(
                error = &error as &dyn std::error::Error,
                "a copy of a recording that does not count is left in the bucket"
            );
        }
    }
}

/// Whether the copy that a call names is in the bucket at this moment, of the length that was verified.
pub(crate) async fn is_in(bucket: &Bucket, known: &RecordingState) -> Result<bool, StoreError> {
    let (Some(object_key), Some(bytes)) = (key_of(known), bytes_of(known)) else {
        return Ok(false);
    };
    Ok(bucket.length(object_key).await? == Some(bytes))
}

/// What is known of a copy once the carrier's is gone; of anything else it stays what it is.
pub(crate) fn kept(stored: RecordingState, carrier_copy_deleted_at: Timestamp) -> RecordingState {
    match stored {
        RecordingState::Stored {
            carrier_recording_id,
            object_key,
            bytes,
            sha256,
            duration_seconds,
            stored_at,
        } => RecordingState::Kept {
            carrier_recording_id,
            object_key,
            bytes,
            sha256,
            duration_seconds,
            stored_at,
            carrier_copy_deleted_at,
        },
        other @ (RecordingState::Ready { .. }
        | RecordingState::Kept { .. }
        | RecordingState::Absent { .. }) => other,
    }
}

/// Where the copy is that counts, if there is one.
fn key_of(state: &RecordingState) -> Option<&String> {
    match state {
        RecordingState::Stored { object_key, .. } | RecordingState::Kept { object_key, .. } => {
            Some(object_key)
        }
        RecordingState::Ready { .. } | RecordingState::Absent { .. } => None,
    }
}

fn bytes_of(state: &RecordingState) -> Option<u64> {
    match state {
        RecordingState::Stored { bytes, .. } | RecordingState::Kept { bytes, .. } => Some(*bytes),
        RecordingState::Ready { .. } | RecordingState::Absent { .. } => None,
    }
}

/// The place of a call's nth copy, from 1. Call ids sort by time; the key is short because some stores make file
/// names of it.
fn object_key(tenant: TenantId, call: CallId, nth: u32) -> String {
    format!("recordings/{tenant}/{call}-{nth}.wav")
}

// The client refuses longer recordings; the bucket takes them all.
const _: () = assert!(RECORDING_BYTES_MAX / (PART_BYTES as u64) < 10_000);
