//! A recording on its way from the carrier into our bucket: cut into parts, hashed, and measured against what the
//! carrier says of it. Memory is one part, whatever the recording's length.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use carrier::CarrierRecordingId;
use carrier::recording::{Channels, RecordingMedia};
use sha2::{Digest as _, Sha256};
use store::{Bucket, Digest, PART_BYTES, Upload};
use tracing::warn;

use super::{KeepError, wav};

/// What recordings are.
const CONTENT_TYPE: &str = "audio/wav";
/// A file's header is within its first bytes.
const BEGINNING_BYTES: usize = 4_096;
/// The carrier counts whole seconds, and may count from the answer rather than from the first sample.
const LENGTH_SLACK: Duration = Duration::from_secs(2);
/// And of a long recording it may leave out a little more.
const LENGTH_SLACK_PERCENT: u64 = 5;
/// The least bytes of a second where a file's header does not say its length: no codec of a phone's needs fewer.
const BYTES_A_SECOND_MIN: u64 = 600;

/// What came.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) digest: Digest,
    /// By its own header, if it has one.
    length: Option<Duration>,
}

impl Sent {
    /// How long the recording is, in whole seconds: as it came, or else as the carrier says.
    pub(super) fn duration_seconds(&self, carrier_says: Option<u32>) -> Option<u32> {
        let own = self.length.map(|length| (length.as_millis() + 500) / 1_000);
        own.and_then(|seconds| u32::try_from(seconds).ok())
            .or(carrier_says)
    }

    /// Whether it can be all of a recording that the carrier says is so long.
    pub(super) fn is_whole(&self, seconds: u32) -> bool {
        let said = Duration::from_secs(seconds.into());
        match self.length {
            // A header alone: of a short recording all of it would be within the slack.
            Some(Duration::ZERO) => seconds == 0,
            Some(length) => {
                let percent = u32::try_from(LENGTH_SLACK_PERCENT).unwrap_or_default();
                length + LENGTH_SLACK + said * percent / 100 >= said
            }
            None => self.digest.bytes >= u64::from(seconds) * BYTES_A_SECOND_MIN,
        }
    }
}

/// Moves the bytes to a key that nobody else writes, and says what they were on the way.
pub(super) async fn stream(
    bucket: &Bucket,
    object_key: &str,
    media: RecordingMedia,
) -> Result<Sent, KeepError> {
    let mut source = CarrierCopy {
        media,
        hasher: Sha256::new(),
        waiting: BytesMut::new(),
    };
    let first = source.part().await?;
    if first.is_empty() {
        return Err(KeepError::Empty);
    }
    let beginning = first.slice(..first.len().min(BEGINNING_BYTES));
    if first.len() < PART_BYTES {
        let put = bucket.put(object_key, first, CONTENT_TYPE).await;
        put.map_err(KeepError::Bucket)?;
        return Ok(source.sent(&beginning));
    }
    let upload = bucket.begin(object_key, CONTENT_TYPE).await;
    let mut upload = upload.map_err(KeepError::Bucket)?;
    match parts(bucket, &mut upload, first, &mut source).await {
        Ok(()) => {
            let completed = bucket.complete(upload).await;
            completed.map_err(KeepError::Bucket)?;
            Ok(source.sent(&beginning))
        }
        Err(problem) => {
            if let Err(error) = bucket.abandon(upload).await {
                warn!(%error, "parts of a recording are left in the bucket");
            }
            Err(problem)
        }
    }
}

/// Asks the carrier for both sides apart.
pub(super) async fn open(
    carrier: &dyn carrier::Carrier,
    id: &CarrierRecordingId,
) -> Result<RecordingMedia, KeepError> {
    let media = carrier.recording_media(id, Channels::Two).await;
    media.map_err(KeepError::Fetch)
}

async fn parts(
    bucket: &Bucket,
    upload: &mut Upload,
    first: Bytes,
    source: &mut CarrierCopy,
) -> Result<(), KeepError> {
    let mut part = first;
    while !part.is_empty() {
        let added = bucket.add(upload, part).await;
        added.map_err(KeepError::Bucket)?;
        part = source.part().await?;
    }
    Ok(())
}

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

    fn sent(self, beginning: &[u8]) -> Sent {
        let bytes = self.media.received();
        Sent {
            digest: Digest {
                bytes,
                sha256: hex::encode(self.hasher.finalize()),
            },
            length: wav::length(beginning, bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(bytes: u64, length: Option<Duration>) -> Sent {
        let sha256 = String::new();
        let digest = Digest { bytes, sha256 };
        Sent { digest, length }
    }

    #[test]
    fn a_recording_is_as_long_as_the_carrier_says() {
        let seconds = |seconds| sent(1, Some(Duration::from_secs(seconds)));
        assert!(!seconds(0).is_whole(19));
        assert!(!seconds(0).is_whole(1));
        assert!(!seconds(16).is_whole(19));
        assert!(seconds(17).is_whole(19));
        assert!(seconds(25).is_whole(19));
        assert!(seconds(0).is_whole(0));
        assert!(!seconds(1_100).is_whole(1_200));
        assert!(seconds(1_150).is_whole(1_200));
    }

    #[test]
    fn where_the_file_says_no_length_its_bytes_count() {
        assert!(!sent(44, None).is_whole(19));
        assert!(sent(595_952, None).is_whole(19));
        assert_eq!(sent(44, None).duration_seconds(Some(19)), Some(19));
        let half = sent(1, Some(Duration::from_millis(18_500)));
        assert_eq!(half.duration_seconds(Some(18)), Some(19));
    }
}
