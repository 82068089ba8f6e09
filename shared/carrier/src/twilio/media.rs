//! The messages of a media socket (`docs/protocols/twilio-media-streams.md#messages-that-come`,
//! `docs/protocols/twilio-media-streams.md#messages-that-go`).
//!
//! One message comes and one goes per 20 ms and call, so the usual form of an audio message is read by
//! hand without building anything ([`decode`] falls back to `serde_json` for every other form, and
//! a property test holds the two equal), and base64 goes straight into the buffer.

mod encode;
mod fast;
mod slow;

use bytes::BytesMut;

use crate::media::{Inbound, MESSAGE_BYTES_MAX, MediaCodec, MediaProblem, Track};

pub use encode::{encode_clear, encode_mark, encode_media};

/// Media Streams over a WebSocket.
#[derive(Debug, Clone, Copy)]
pub struct MediaStreams;

impl MediaCodec for MediaStreams {
    fn decode<'a>(&self, text: &'a str) -> Result<Inbound<'a>, MediaProblem> {
        decode(text)
    }

    fn encode_media(&self, stream_id: &str, audio: &[u8], into: &mut BytesMut) {
        encode_media(stream_id, audio, into);
    }

    fn encode_mark(&self, stream_id: &str, name: &str, into: &mut BytesMut) {
        encode_mark(stream_id, name, into);
    }

    fn encode_clear(&self, stream_id: &str, into: &mut BytesMut) {
        encode_clear(stream_id, into);
    }
}

/// Reads one text message.
///
/// # Errors
/// See [`MediaProblem`]. An unknown event is not an error.
pub fn decode(text: &str) -> Result<Inbound<'_>, MediaProblem> {
    if text.len() > MESSAGE_BYTES_MAX {
        return Err(MediaProblem::TooLong);
    }
    match fast::media(text) {
        Some(media) => Ok(media),
        None => slow::decode(text),
    }
}

/// The numbers of the wire: decimal digits and nothing else.
fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Audio says `inbound`, keys say `inbound_track`
/// (`docs/protocols/twilio-media-streams.md#messages-that-come`).
fn track(word: &str) -> Track {
    match word {
        "inbound" | "inbound_track" => Track::Inbound,
        _other => Track::Other,
    }
}

#[cfg(test)]
mod tests;
