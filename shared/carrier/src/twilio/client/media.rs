//! The audio of a recording, as it comes.

use ::http::header::CONTENT_TYPE;
use bytes::Bytes;
use url::Url;

use super::error::{Lost, RequestError};
use super::http::{Attempt, Http, HttpAnswer, Repeat, RetryVerdict, SendError};

/// The longest recording that is fetched: four hours (the usual longest call) in two channels of
/// 16-bit samples at 8 kHz are 461 MB.
pub const RECORDING_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// How many channels to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channels {
    One,
    /// The callee in the first, what the carrier played in the second.
    Two,
}

/// A recording on its way. Read it with [`Self::chunk`] to its end.
#[derive(Debug)]
pub struct RecordingMedia {
    /// The length that the carrier announced.
    pub content_length: Option<u64>,
    /// As the carrier says, for instance `audio/x-wav`.
    pub content_type: Option<String>,
    /// What was asked for in the request that was answered.
    pub channels: Channels,
    received: u64,
    response: reqwest::Response,
}

impl RecordingMedia {
    /// The next bytes; `None` at the end. A stream that ends before its announced length is an
    /// error, so `None` means that everything came.
    ///
    /// # Errors
    /// When the connection breaks, is silent for too long, or brings more than
    /// [`RECORDING_BYTES_MAX`]. Begin again with a new request.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, RequestError> {
        let lost = |lost| RequestError::Lost(lost);
        match self.response.chunk().await {
            Ok(Some(bytes)) => {
                self.received = self
                    .received
                    .saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                if self.received > RECORDING_BYTES_MAX {
                    return Err(lost(Lost::TooLong));
                }
                Ok(Some(bytes))
            }
            Ok(None) if self.content_length.is_some_and(|all| all != self.received) => {
                Err(lost(Lost::Unreadable))
            }
            Ok(None) => Ok(None),
            Err(error) => Err(lost(Lost::from(error))),
        }
    }

    /// Bytes that came so far.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }
}

pub(super) async fn open(
    http: &Http,
    url: Url,
    channels: Channels,
) -> Result<RecordingMedia, RequestError> {
    match channels {
        Channels::One => open_one(http, &url, Channels::One).await,
        Channels::Two => {
            let mut dual = url.clone();
            dual.query_pairs_mut().append_pair("RequestedChannels", "2");
            match open_one(http, &dual, Channels::Two).await {
                // Two channels of a recording with one are refused:
                // docs/protocols/twilio-voice.md#unconfirmed.
                Err(RequestError::Refused(refusal)) if refusal.status == 400 => {
                    open_one(http, &url, Channels::One).await
                }
                opened => opened,
            }
        }
    }
}

async fn open_one(
    http: &Http,
    url: &Url,
    channels: Channels,
) -> Result<RecordingMedia, RequestError> {
    let response = http
        .repeat(Repeat::Always, || async move {
            let response = http.open(url).await?;
            if response.status().is_success() {
                return Ok(Attempt::Done(response));
            }
            Ok(match HttpAnswer::read(response).await.verdict() {
                RetryVerdict::TooMany { retry_after, .. } => Attempt::TooMany { retry_after },
                RetryVerdict::Refused(refusal) => Attempt::Refused(refusal),
                RetryVerdict::Unclear { status } => Attempt::Unclear { status },
                RetryVerdict::Done(_) => return Err(SendError::Lost(Lost::Unreadable)),
            })
        })
        .await?;
    let content_length = response.content_length();
    if content_length.is_some_and(|length| length > RECORDING_BYTES_MAX) {
        return Err(RequestError::Lost(Lost::TooLong));
    }
    let content_type = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    Ok(RecordingMedia {
        content_length,
        content_type,
        channels,
        received: 0,
        response,
    })
}
