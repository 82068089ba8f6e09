//! The life of a recording: copied from the carrier into our bucket, verified, deleted at the carrier.
//!
//! Promise P11: each step is done only after the one before it is proven, and each can be repeated.
//! Memory is one part of an upload, whatever the recording's length.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use carrier::twilio::RecordingSid;
use carrier::twilio::client::{
    Channels, Client, RECORDING_BYTES_MAX, RecordingMedia, RequestError,
};
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
pub enum Archived {
    /// Copied, verified, deleted at the carrier.
    Now,
    /// An earlier delivery of the job had done it all.
    Before,
    /// The carrier has nothing to copy, or the call is not ours: nothing to do.
    Nothing,
}

/// Why a recording is not archived yet. The job stays in the queue and is tried again; after the
/// queue's limit of tries it goes to the dead-letter queue.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
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

impl ArchiveError {
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
    bucket: Bucket,
    carrier: Client,
}

impl Recordings {
    #[must_use]
    pub fn new(store: &store::Store, carrier: Client, clock: Arc<dyn Clock>, ids: Ids) -> Self {
        Self {
            recorder: Recorder::new(store, clock, ids),
            bucket: store.bucket.clone(),
            carrier,
        }
    }

    /// Does whatever is still to be done of a recording, each step only after the one before it is
    /// proven. Can be repeated after a stop between any two steps.
    ///
    /// # Errors
    /// See [`ArchiveError`].
    pub async fn archive(&self, job: &RecordingJob) -> Result<Archived, ArchiveError> {
        let sid: RecordingSid = match job.carrier_recording_id.parse() {
            Ok(sid) => sid,
            Err(_not_a_recording) => return Err(ArchiveError::Malformed),
        };
        let row = self.recorder.calls.get(job.tenant_id, job.call_id).await;
        let row = row.map_err(|error| ArchiveError::Record(RecordError::Store(error)))?;
        let Some(row) = row else {
            warn!(call.id = %job.call_id, "a recording names a call that is not there");
            return Ok(Archived::Nothing);
        };
        follow(&row.call);
        let stored = match row.call.recording {
            Some(known) if recording_id(&known) != job.carrier_recording_id => {
                warn!(call.id = %job.call_id, "a second recording of a call is left at the carrier");
                return Ok(Archived::Nothing);
            }
            Some(RecordingState::Archived { .. }) => return Ok(Archived::Before),
            Some(stored @ RecordingState::Stored { .. }) => {
                if self.still_there(&stored).await? {
                    stored
                } else {
                    // Somebody removed our copy before the carrier's was deleted.
                    self.copy(job, &sid).await?
                }
            }
            Some(RecordingState::Ready { .. } | RecordingState::Absent { .. }) | None => {
                self.copy(job, &sid).await?
            }
        };
        self.delete(job, &sid, stored).await
    }

    /// Copies, verifies and notes the copy on the call.
    async fn copy(
        &self,
        job: &RecordingJob,
        sid: &RecordingSid,
    ) -> Result<RecordingState, ArchiveError> {
        let object_key = object_key(job.tenant_id, job.call_id);
        let sent = self.stream(&object_key, sid).await?;
        let kept = self.bucket.digest(&object_key).await;
        if kept.map_err(ArchiveError::Bucket)? != sent {
            return Err(ArchiveError::Mismatch);
        }
        let state = RecordingState::Stored {
            carrier_recording_id: job.carrier_recording_id.clone(),
            object_key,
            bytes: sent.bytes,
            sha256: sent.sha256,
            stored_at: self.recorder.clock.now(),
        };
        self.record(job, state.clone()).await?;
        info!(call.id = %job.call_id, bytes = sent.bytes, "the recording is stored and verified");
        Ok(state)
    }

    /// Deletes at the carrier what is proven to be in our bucket.
    async fn delete(
        &self,
        job: &RecordingJob,
        sid: &RecordingSid,
        stored: RecordingState,
    ) -> Result<Archived, ArchiveError> {
        let RecordingState::Stored {
            carrier_recording_id,
            object_key,
            bytes,
            sha256,
            stored_at,
        } = stored
        else {
            return Ok(Archived::Nothing);
        };
        let deleted = self.carrier.delete_recording(sid).await;
        deleted.map_err(ArchiveError::Delete)?;
        let archived = RecordingState::Archived {
            carrier_recording_id,
            object_key,
            bytes,
            sha256,
            stored_at,
            archived_at: self.recorder.clock.now(),
        };
        self.record(job, archived).await?;
        info!(call.id = %job.call_id, "the recording is deleted at the carrier");
        Ok(Archived::Now)
    }

    async fn record(&self, job: &RecordingJob, state: RecordingState) -> Result<(), ArchiveError> {
        let fact = Fact::Recording(state);
        let recorded = self
            .recorder
            .record(job.tenant_id, job.call_id, &fact)
            .await;
        recorded.map_err(ArchiveError::Record)?;
        Ok(())
    }

    async fn still_there(&self, stored: &RecordingState) -> Result<bool, ArchiveError> {
        let RecordingState::Stored {
            object_key, bytes, ..
        } = stored
        else {
            return Ok(false);
        };
        let length = self.bucket.length(object_key).await;
        Ok(length.map_err(ArchiveError::Bucket)? == Some(*bytes))
    }

    /// Moves the bytes, and says what they were on the way.
    async fn stream(&self, object_key: &str, sid: &RecordingSid) -> Result<Digest, ArchiveError> {
        let media = self.carrier.recording_media(sid, Channels::Two).await;
        let mut source = CarrierCopy {
            media: media.map_err(ArchiveError::Fetch)?,
            hasher: Sha256::new(),
            waiting: BytesMut::new(),
        };
        let first = source.part().await?;
        if first.is_empty() {
            return Err(ArchiveError::Empty);
        }
        if first.len() < PART_BYTES {
            let put = self.bucket.put(object_key, first, CONTENT_TYPE).await;
            put.map_err(ArchiveError::Bucket)?;
            return Ok(source.digest());
        }
        let upload = self.bucket.begin(object_key, CONTENT_TYPE).await;
        let mut upload = upload.map_err(ArchiveError::Bucket)?;
        match self.context(&mut upload, first, &mut source).await {
            Ok(()) => {
                let completed = self.bucket.complete(upload).await;
                completed.map_err(ArchiveError::Bucket)?;
                Ok(source.digest())
            }
            Err(problem) => {
                if let Err(error) = self.bucket.abandon(upload).await {
                    warn!(%error, "context of a recording are left in the bucket");
                }
                Err(problem)
            }
        }
    }

    async fn context(
        &self,
        upload: &mut Upload,
        first: Bytes,
        source: &mut CarrierCopy,
    ) -> Result<(), ArchiveError> {
        let mut part = first;
        while !part.is_empty() {
            let added = self.bucket.add(upload, part).await;
            added.map_err(ArchiveError::Bucket)?;
            part = source.part().await?;
        }
        Ok(())
    }
}

/// The recording as the carrier sends it, cut into context, hashed on the way.
struct CarrierCopy {
    media: RecordingMedia,
    hasher: Sha256,
    waiting: BytesMut,
}

impl CarrierCopy {
    /// The next part: [`PART_BYTES`] long but for the last, empty at the end.
    async fn part(&mut self) -> Result<Bytes, ArchiveError> {
        while self.waiting.len() < PART_BYTES {
            let chunk = self.media.chunk().await.map_err(ArchiveError::Fetch)?;
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
