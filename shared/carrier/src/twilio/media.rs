//! The messages of a media socket (`docs/protocols/twilio-media-streams.md#messages-that-come`,
//! `docs/protocols/twilio-media-streams.md#messages-that-go`).
//!
//! One message comes and one goes per 20 ms and call, so the usual form of an audio message is read by
//! hand without building anything ([`decode`] falls back to `serde_json` for every other form, and
//! a property test holds the two equal), and base64 goes straight into the buffer.

mod fast;
mod slow;

use bytes::{BufMut as _, BytesMut};

use crate::media::{Inbound, MESSAGE_BYTES_MAX, MediaCodec, MediaProblem, Track};

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

    fn encode_mark(&self, stream_id: &str, name: &str, into: &mut BytesMut) -> bool {
        encode_mark(stream_id, name, into);
        true
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

/// Appends the message that plays `audio` (µ-law, 8 kHz, any length).
pub fn encode_media(stream_sid: &str, audio: &[u8], into: &mut BytesMut) {
    let base64_bytes = base64_simd::STANDARD.encoded_length(audio.len());
    into.reserve(base64_bytes + stream_sid.len() + 64);
    into.put_slice(br#"{"event":"media","streamSid":""#);
    put_escaped(stream_sid, into);
    into.put_slice(br#"","media":{"payload":""#);
    let start = into.len();
    into.resize(start + base64_bytes, 0);
    if let Some(payload) = into.get_mut(start..) {
        let _written = base64_simd::STANDARD.encode(audio, base64_simd::Out::from_slice(payload));
    }
    into.put_slice(br#""}}"#);
}

/// Appends the message that comes back once everything sent before it was played.
pub fn encode_mark(stream_sid: &str, name: &str, into: &mut BytesMut) {
    into.put_slice(br#"{"event":"mark","streamSid":""#);
    put_escaped(stream_sid, into);
    into.put_slice(br#"","mark":{"name":""#);
    put_escaped(name, into);
    into.put_slice(br#""}}"#);
}

/// Appends the message that empties the playback buffer; all marks still out come back at once.
pub fn encode_clear(stream_sid: &str, into: &mut BytesMut) {
    into.put_slice(br#"{"event":"clear","streamSid":""#);
    put_escaped(stream_sid, into);
    into.put_slice(br#""}"#);
}

/// The inside of a JSON string.
fn put_escaped(text: &str, into: &mut BytesMut) {
    let plain = |byte: &u8| *byte >= b' ' && *byte != b'"' && *byte != b'\\';
    if text.as_bytes().iter().all(plain) {
        into.put_slice(text.as_bytes());
        return;
    }
    for c in text.chars() {
        match c {
            '"' => into.put_slice(br#"\""#),
            '\\' => into.put_slice(br"\\"),
            '\0'..='\u{1f}' => {
                into.put_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
            }
            other => into.put_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
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
