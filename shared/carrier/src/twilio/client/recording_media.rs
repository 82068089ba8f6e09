//! The audio of a recording, as it comes.

use ::http::header::CONTENT_TYPE;
use bytes::Bytes;
use url::Url;

use super::http::{Attempt, Http, HttpAnswer, Repeat, RetryVerdict, SendError};
use crate::error::Answer;
use crate::error::{Lost, RequestError};
use crate::recording::{Channels, RecordingMedia, RecordingSource};

/// The body of an answer.
struct Body(reqwest::Response);

impl RecordingSource for Body {
    fn next(&mut self) -> Answer<'_, Option<Bytes>, Lost> {
        Box::pin(async { self.0.chunk().await.map_err(Lost::from) })
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
    let content_type = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    RecordingMedia::new(
        content_length,
        content_type,
        channels,
        Box::new(Body(response)),
    )
}
