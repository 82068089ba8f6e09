//! The messages of a media socket (`docs/protocols/twilio-media-streams.md#messages-that-come`,
//! `docs/protocols/twilio-media-streams.md#messages-that-go`).
//!
//! Pure: text in, borrowed facts out; audio in, text out into a buffer that is used again. One
//! message comes and one goes per 20 ms and call, so the usual form of an audio message is read by
//! hand without building anything ([`decode`] falls back to `serde_json` for every other form, and
//! a property test holds the two equal), and base64 goes straight into the buffer.
//!
//! What is unknown is [`Inbound::Unknown`], to be counted and ignored. What is known and broken is a
//! [`MediaProblem`]; it never repeats what it was given. Order, gaps (`timestamp`), a second `start`
//! and messages of a foreign stream ([`Inbound::stream_sid`]) are the customer's to judge.

mod fast;
mod slow;

use std::borrow::Cow;

use bytes::{BufMut as _, BytesMut};

/// The longest message that is read; longer ones are a [`MediaProblem::TooLong`].
///
/// A message of Twilio carries 20 ms of audio in some 300 bytes; this leaves room for six seconds in
/// one (`docs/protocols/twilio-media-streams.md#limits`).
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// A message of the carrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inbound<'a> {
    /// The first message, once.
    Connected,
    /// The second message, once: what the stream is.
    Start(Start<'a>),
    /// Audio, µ-law at 8 kHz: read it with [`decode_payload`].
    Media {
        stream_sid: Cow<'a, str>,
        /// Rises by one with each message of any kind; `start` has 1.
        sequence: u64,
        /// Presentation time of the first byte in milliseconds since the stream began.
        timestamp_ms: u64,
        track: Track,
        payload_base64: Cow<'a, str>,
    },
    /// The customer pressed a key: one of `0-9`, `*`, `#`, `A-D`.
    Dtmf {
        stream_sid: Cow<'a, str>,
        sequence: u64,
        digit: char,
    },
    /// Everything before this mark was played, or flushed by a clear.
    Mark {
        stream_sid: Cow<'a, str>,
        sequence: u64,
        name: Cow<'a, str>,
    },
    /// The stream is over; the socket closes next.
    Stop {
        stream_sid: Cow<'a, str>,
        sequence: u64,
    },
    /// An event of a kind that we do not know.
    Unknown,
}

/// What a stream is.
#[derive(Clone, PartialEq, Eq)]
pub struct Start<'a> {
    pub stream_sid: Cow<'a, str>,
    pub sequence: u64,
    pub account_sid: Cow<'a, str>,
    pub call_sid: Cow<'a, str>,
    /// The `<Parameter>`s of the call's instructions, in the order received. A value that is no text
    /// is left out.
    pub custom_parameters: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    pub format: Format,
}

/// How the audio of a stream is coded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    /// The only documented value is [`Format::MULAW`].
    pub encoding: String,
    pub sample_rate_hz: u32,
    pub channels: u32,
}

/// Whose voice an audio message carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Track {
    /// The other side of the call: the only track of a two-way stream.
    Inbound,
    /// Any other track, which is not to be taken for the customer.
    Other,
}

/// Why a message cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum MediaProblem {
    #[error("the message is longer than {MESSAGE_BYTES_MAX} bytes")]
    TooLong,
    #[error("the message is not JSON")]
    NotJson,
    /// JSON, but not an object with a text `event`.
    #[error("the message has no event")]
    NoEvent,
    #[error("the message lacks {0}")]
    Missing(&'static str),
    #[error("the message has a wrong {0}")]
    Invalid(&'static str),
    #[error("the audio is not base64")]
    NotBase64,
}

impl MediaProblem {
    /// The label in metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::NotJson => "not_json",
            Self::NoEvent => "no_event",
            Self::Missing(_) => "missing_field",
            Self::Invalid(_) => "invalid_field",
            Self::NotBase64 => "not_base64",
        }
    }
}

impl Inbound<'_> {
    /// The stream that the message belongs to, where it says so.
    #[must_use]
    pub fn stream_sid(&self) -> Option<&str> {
        match self {
            Self::Start(start) => Some(&start.stream_sid),
            Self::Media { stream_sid, .. }
            | Self::Dtmf { stream_sid, .. }
            | Self::Mark { stream_sid, .. }
            | Self::Stop { stream_sid, .. } => Some(stream_sid),
            Self::Connected | Self::Unknown => None,
        }
    }

    /// The message's place in the stream, where it says so.
    #[must_use]
    pub const fn sequence(&self) -> Option<u64> {
        match self {
            Self::Start(start) => Some(start.sequence),
            Self::Media { sequence, .. }
            | Self::Dtmf { sequence, .. }
            | Self::Mark { sequence, .. }
            | Self::Stop { sequence, .. } => Some(*sequence),
            Self::Connected | Self::Unknown => None,
        }
    }
}

impl Start<'_> {
    /// The value of a `<Parameter>`.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self
            .custom_parameters
            .iter()
            .find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_ref())
    }
}

impl Format {
    /// G.711 µ-law.
    pub const MULAW: &'static str = "audio/x-mulaw";

    /// Whether this is what the product speaks: µ-law, 8 kHz, one channel.
    #[must_use]
    pub fn is_mulaw_8k_mono(&self) -> bool {
        self.encoding == Self::MULAW && self.sample_rate_hz == 8_000 && self.channels == 1
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

/// Appends the audio of a [`Inbound::Media`] to `into`, which is left as it was on an error.
///
/// # Errors
/// When the text is not standard base64 with padding.
pub fn decode_payload(base64: &str, into: &mut Vec<u8>) -> Result<(), MediaProblem> {
    base64_simd::STANDARD
        .decode_append(base64.as_bytes(), into)
        .map_err(|_not_base64| MediaProblem::NotBase64)
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

impl Track {
    /// Audio says `inbound`, keys say `inbound_track`
    /// (`docs/protocols/twilio-media-streams.md#messages-that-come`).
    fn from_word(word: &str) -> Self {
        match word {
            "inbound" | "inbound_track" => Self::Inbound,
            _other => Self::Other,
        }
    }
}

impl std::fmt::Debug for Start<'_> {
    /// Without the parameters' values: one of them is a one-use token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self
            .custom_parameters
            .iter()
            .map(|(name, _)| name)
            .collect();
        f.debug_struct("Start")
            .field("stream_sid", &self.stream_sid)
            .field("sequence", &self.sequence)
            .field("account_sid", &self.account_sid)
            .field("call_sid", &self.call_sid)
            .field("custom_parameters", &names)
            .field("format", &self.format)
            .finish()
    }
}

#[cfg(test)]
mod tests;
