//! A recording at a carrier, and its audio as it comes.

use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;

use crate::call::{CarrierCallId, CarrierRecordingId};
use crate::error::Answer;
use crate::error::{Lost, RequestError};

/// The longest recording that is fetched: four hours (the usual longest call) in two channels of
/// 16-bit samples at 8 kHz are 461 MB.
pub const RECORDING_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// How far a recording is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordingStatus {
    InProgress,
    Paused,
    Stopped,
    Processing,
    /// The file can be fetched.
    Completed,
    /// Nothing was recorded.
    Absent,
    Deleted,
    Failed,
}

/// A recording as the carrier knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarrierRecording {
    pub id: CarrierRecordingId,
    pub call_id: Option<CarrierCallId>,
    /// `None` for a word that we do not know.
    pub status: Option<RecordingStatus>,
    /// Whole seconds; absent while it is not complete.
    pub duration_seconds: Option<u32>,
    pub channels: Option<u32>,
    pub started_at: Option<Timestamp>,
    /// Why it is absent.
    pub error_code: Option<u32>,
}

/// A second of one channel, as recordings are handed out: samples of 16 bits at 8 kHz.
const CHANNEL_BYTES_A_SECOND: u64 = 16_000;

impl CarrierRecording {
    /// About how many bytes its file has, if its length is known: carriers do not list it.
    #[must_use]
    pub fn bytes_about(&self) -> Option<u64> {
        let seconds = u64::from(self.duration_seconds?);
        Some(seconds * u64::from(self.channels.unwrap_or(1)) * CHANNEL_BYTES_A_SECOND)
    }
}

/// How many channels to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channels {
    One,
    /// The callee in the first, what the carrier played in the second.
    Two,
}

/// Where a recording's bytes come from.
pub trait RecordingSource: Send {
    /// The next bytes; `None` at the end.
    fn next(&mut self) -> Answer<'_, Option<Bytes>, Lost>;
}

/// A recording on its way. Read it with [`Self::chunk`] to its end.
pub struct RecordingMedia {
    /// The length that the carrier announced.
    pub content_length: Option<u64>,
    /// As the carrier says, for instance `audio/x-wav`.
    pub content_type: Option<String>,
    /// What was asked for in the request that was answered.
    pub channels: Channels,
    received: u64,
    source: Box<dyn RecordingSource>,
}

impl RecordingMedia {
    /// # Errors
    /// When the carrier announces more than [`RECORDING_BYTES_MAX`].
    pub fn new(
        content_length: Option<u64>,
        content_type: Option<String>,
        channels: Channels,
        source: Box<dyn RecordingSource>,
    ) -> Result<Self, RequestError> {
        if content_length.is_some_and(|length| length > RECORDING_BYTES_MAX) {
            return Err(RequestError::Lost(Lost::TooLong));
        }
        Ok(Self {
            content_length,
            content_type,
            channels,
            received: 0,
            source,
        })
    }

    /// The next bytes; `None` at the end. A stream that ends before its announced length is an
    /// error, so `None` means that everything came.
    ///
    /// # Errors
    /// When the connection breaks, is silent for too long, or brings more than
    /// [`RECORDING_BYTES_MAX`]. Begin again with a new request.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, RequestError> {
        let Some(bytes) = self.source.next().await.map_err(RequestError::Lost)? else {
            let cut = self.content_length.is_some_and(|all| all != self.received);
            return if cut {
                Err(RequestError::Lost(Lost::Unreadable))
            } else {
                Ok(None)
            };
        };
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.received = self.received.saturating_add(length);
        if self.received > RECORDING_BYTES_MAX {
            return Err(RequestError::Lost(Lost::TooLong));
        }
        Ok(Some(bytes))
    }

    /// Bytes that came so far.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }
}

impl fmt::Debug for RecordingMedia {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordingMedia")
            .field("content_length", &self.content_length)
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}
