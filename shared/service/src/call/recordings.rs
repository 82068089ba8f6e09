//! The life of a recording: copied from the carrier into our bucket, verified, deleted at the carrier.
//!
//! Promise P11: each step is done only after the one before it is proven, and each can be repeated.
//! Memory is one part of an upload, whatever the recording's length.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use carrier::recording::{Channels, RECORDING_BYTES_MAX, RecordingMedia};
use carrier::{Carrier, CarrierRecordingId, RequestError};
use model::{CallId, RecordingState, TenantId};
use sha2::{Digest as _, Sha256};
use store::{Bucket, Digest, PART_BYTES, StoreError, Upload};
use tracing::{info, warn};

use crate::call::lifecycle::{Fact, recording_id};
use crate::call::recorder::{RecordError, Recorder, follow};
use crate::{Clock, Ids};

pub use store::RecordingJob;

/// What recordings are.
const CONTENT_TYPE: &str = "audio/wav";

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
    #[error("the recording is empty")]
    Empty,
    #[error("the copy could not be written or read")]
    Bucket(#[source] StoreError),
    #[error("the call could not be written")]
    Record(#[source] RecordError),
}

impl KeepError {
    /// The label in metrics and logs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Fetch(_) => "fetch",
            Self::Delete(_) => "delete",
            Self::Mismatch => "mismatch",
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
        let stored = match row.call.recording {
            Some(known) if recording_id(&known) != job.carrier_recording_id => {
                warn!(call.id = %job.call_id, "a second recording of a call is left at the carrier");
                return Ok(Kept::Nothing);
            }
            Some(RecordingState::Kept { .. }) => return Ok(Kept::Before),
            Some(stored @ RecordingState::Stored { .. }) => {
                if self.still_there(&stored).await? {
                    stored
                } else {
                    // Somebody removed our copy before the carrier's was deleted.
                    self.copy(job, &id).await?
                }
            }
            Some(RecordingState::Ready { .. } | RecordingState::Absent { .. }) | None => {
                self.copy(job, &id).await?
            }
        };
        self.delete(job, &id, stored).await
    }

    /// Copies, verifies and notes the copy on the call.
    async fn copy(
        &self,
        job: &RecordingJob,
        id: &CarrierRecordingId,
    ) -> Result<RecordingState, KeepError> {
        let object_key = object_key(job.tenant_id, job.call_id);
        let sent = self.stream(&object_key, id).await?;
        let copied = self.bucket.digest(&object_key).await;
        if copied.map_err(KeepError::Bucket)? != sent {
            return Err(KeepError::Mismatch);
        }
        let state = RecordingState::Stored {
            carrier_recording_id: job.carrier_recording_id.clone(),
            object_key,
            bytes: sent.bytes,
            sha256: sent.sha256,
            stored_at: self.clock.now(),
        };
        self.record(job, state.clone()).await?;
        info!(call.id = %job.call_id, bytes = sent.bytes, "the recording is stored and verified");
        Ok(state)
    }

    /// Deletes at the carrier what is proven to be in our bucket.
    async fn delete(
        &self,
        job: &RecordingJob,
        id: &CarrierRecordingId,
        stored: RecordingState,
    ) -> Result<Kept, KeepError> {
        let RecordingState::Stored {
            carrier_recording_id,
            object_key,
            bytes,
            sha256,
            stored_at,
        } = stored
        else {
            return Ok(Kept::Nothing);
        };
        let deleted = self.carrier.delete_recording(id).await;
        deleted.map_err(KeepError::Delete)?;
        let kept = RecordingState::Kept {
            carrier_recording_id,
            object_key,
            bytes,
            sha256,
            stored_at,
            carrier_copy_deleted_at: self.clock.now(),
        };
        self.record(job, kept).await?;
        info!(call.id = %job.call_id, "the recording is deleted at the carrier");
        Ok(Kept::Now)
    }

    async fn record(&self, job: &RecordingJob, state: RecordingState) -> Result<(), KeepError> {
        let fact = Fact::Recording(state);
        let recorded = self
            .recorder
            .record(job.tenant_id, job.call_id, &fact)
            .await;
        recorded.map_err(KeepError::Record)?;
        Ok(())
    }

    async fn still_there(&self, stored: &RecordingState) -> Result<bool, KeepError> {
        let RecordingState::Stored {
            object_key, bytes, ..
        } = stored
        else {
            return Ok(false);
        };
        let length = self.bucket.length(object_key).await;
        Ok(length.map_err(KeepError::Bucket)? == Some(*bytes))
    }

    /// Moves the bytes, and says what they were on the way.
    async fn stream(&self, object_key: &str, id: &CarrierRecordingId) -> Result<Digest, KeepError> {
        let media = self.carrier.recording_media(id, Channels::Two).await;
        let mut source = CarrierCopy {
            media: media.map_err(KeepError::Fetch)?,
            hasher: Sha256::new(),
            waiting: BytesMut::new(),
        };
        let first = source.part().await?;
        if first.is_empty() {
            return Err(KeepError::Empty);
        }
        if first.len() < PART_BYTES {
            let put = self.bucket.put(object_key, first, CONTENT_TYPE).await;
            put.map_err(KeepError::Bucket)?;
            return Ok(source.digest());
        }
        let upload = self.bucket.begin(object_key, CONTENT_TYPE).await;
        let mut upload = upload.map_err(KeepError::Bucket)?;
        match self.parts(&mut upload, first, &mut source).await {
            Ok(()) => {
                let completed = self.bucket.complete(upload).await;
                completed.map_err(KeepError::Bucket)?;
                Ok(source.digest())
            }
            Err(problem) => {
                if let Err(error) = self.bucket.abandon(upload).await {
                    warn!(%error, "parts of a recording are left in the bucket");
                }
                Err(problem)
            }
        }
    }

    async fn parts(
        &self,
        upload: &mut Upload,
        first: Bytes,
        source: &mut CarrierCopy,
    ) -> Result<(), KeepError> {
        let mut part = first;
        while !part.is_empty() {
            let added = self.bucket.add(upload, part).await;
            added.map_err(KeepError::Bucket)?;
            part = source.part().await?;
        }
        Ok(())
    }
}

/// The recording as the carrier sends it, cut into parts, hashed on the way.
struct CarrierCopy {
    media: RecordingMedia,
    hasher: Sha256,
    waiting: BytesMut,
}

impl CarrierCopy {
    /// The next part: [`PART_BYTES`] long but for the last, empty at the end.
    async fn part(&mut self) -> Result<Bytes, KeepError> {
        while self.waiting.len() < PART_BYTES {
            let chunk = self.media.chunk().await.map_err(KeepError::Fetch)?;
            let Some(chunk) = chunk else { break };
            self.hasher.update(&chunk);
            self.waiting.extend_from_slice(&chunk);
        }
        let length = self.waiting.len().min(PART_BYTES);
        Ok(self.waiting.split_to(length).freeze())
    }

    fn digest(self) -> Digest {
        Digest {
            bytes: self.media.received(),
            sha256: hex::encode(self.hasher.finalize()),
        }
    }
}

/// The same key each time, so that a repeated copy replaces the earlier one. A call has one recording,
/// and call ids sort by time; the key is short because some stores make file names of it.
fn object_key(tenant: TenantId, call: CallId) -> String {
    format!("recordings/{tenant}/{call}.wav")
}

// The client refuses longer recordings; the bucket takes them all.
const _: () = assert!(RECORDING_BYTES_MAX / (PART_BYTES as u64) < 10_000);
