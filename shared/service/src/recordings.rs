//! The life of a recording: copied from the carrier into our bucket, verified, deleted at the carrier.

use model::{CallId, TenantId};
use serde::{Deserialize, Serialize};

/// A message of the recordings queue: this recording is ready at the carrier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingJob {
    pub tenant_id: TenantId,
    pub call_id: CallId,
    pub carrier_recording_id: String,
}

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
    #[error("the carrier has not finished the recording")]
    NotReady,
    #[error("the carrier cannot be asked, or broke off")]
    Carrier,
    #[error("the copy differs from what the carrier sent")]
    Mismatch,
    #[error("the recording is larger than {max_bytes} bytes")]
    TooLarge { max_bytes: u64 },
    #[error("the table or the bucket cannot be reached")]
    Unavailable,
}

/// The use case of the recordings queue.
#[derive(Debug, Clone)]
pub struct Recordings {}

impl Recordings {
    /// Does whatever is still to be done of a recording, each step only after the one before it is
    /// proven. Can be repeated after a stop between any two steps.
    ///
    /// # Errors
    /// See [`ArchiveError`].
    pub async fn archive(&self, job: &RecordingJob) -> Result<Archived, ArchiveError> {
        let _ = job;
        std::future::ready(Err(ArchiveError::Unavailable)).await
    }
}
