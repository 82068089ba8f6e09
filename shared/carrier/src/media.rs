//! The messages of a media socket, in no carrier's format.
//!
//! Pure. What is unknown is [`Inbound::Unknown`], to be counted and ignored. What is known and broken is a
//! [`MediaProblem`]; it never repeats what it was given. Order, gaps (`timestamp`), a second `start`
//! and messages of a foreign stream ([`Inbound::stream_id`]) are the worker's to judge.

use std::borrow::Cow;
use std::fmt;

use bytes::BytesMut;

/// The longest message that is read; longer ones are a [`MediaProblem::TooLong`].
///
/// A message usually carries 20 ms of audio in some 300 bytes; this leaves room for six seconds in one.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// A message of the carrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inbound<'a> {
    /// The first message, once.
    Connected,
    /// The second message, once: what the stream is.
    Start(Start<'a>),
    /// Audio, µ-law at 8 kHz: read it with [`MediaCodec::decode_payload`].
    Media {
        stream_id: Cow<'a, str>,
        /// Rises by one with each message of any kind; `start` has 1.
        sequence: u64,
        /// Presentation time of the first byte in milliseconds since the stream began.
        timestamp_ms: u64,
        track: Track,
        payload_base64: Cow<'a, str>,
    },
    /// The customer pressed a key: one of `0-9`, `*`, `#`, `A-D`.
    Dtmf {
        stream_id: Cow<'a, str>,
        sequence: u64,
        digit: char,
    },
    /// Everything before this mark was played, or flushed by a clear.
    Mark {
        stream_id: Cow<'a, str>,
        sequence: u64,
        name: Cow<'a, str>,
    },
    /// The stream is over; the socket closes next.
    Stop {
        stream_id: Cow<'a, str>,
        sequence: u64,
    },
    /// An event of a kind that we do not know.
    Unknown,
}

/// What a stream is.
#[derive(Clone, PartialEq, Eq)]
pub struct Start<'a> {
    pub stream_id: Cow<'a, str>,
    pub sequence: u64,
    pub account_id: Cow<'a, str>,
    pub call_id: Cow<'a, str>,
    /// The stream's parameters in the call's instructions, in the order received. A value that is no text
    /// is left out.
    pub custom_parameters: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    pub format: Format,
}

/// How the audio of a stream is coded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    /// [`Format::MULAW`], or what the product does not speak.
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
    pub fn stream_id(&self) -> Option<&str> {
        match self {
            Self::Start(start) => Some(&start.stream_id),
            Self::Media { stream_id, .. }
            | Self::Dtmf { stream_id, .. }
            | Self::Mark { stream_id, .. }
            | Self::Stop { stream_id, .. } => Some(stream_id),
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
    /// The value of a parameter.
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

/// How a carrier writes the messages of its media sockets: text in, borrowed facts out; audio in, text
/// out into a buffer that is used again.
pub trait MediaCodec: fmt::Debug + Send + Sync {
    /// Reads one text message. An unknown event is not an error.
    ///
    /// # Errors
    /// See [`MediaProblem`].
    fn decode<'a>(&self, text: &'a str) -> Result<Inbound<'a>, MediaProblem>;

    /// Appends the audio of a [`Inbound::Media`] to `into`, which is left as it was on an error.
    ///
    /// # Errors
    /// When the text is not standard base64 with padding.
    fn decode_payload(&self, base64: &str, into: &mut Vec<u8>) -> Result<(), MediaProblem> {
        base64_simd::STANDARD
            .decode_append(base64.as_bytes(), into)
            .map_err(|_not_base64| MediaProblem::NotBase64)
    }

    /// Appends the message that plays `audio` (µ-law, 8 kHz, any length).
    fn encode_media(&self, stream_id: &str, audio: &[u8], into: &mut BytesMut);

    /// Whether the carrier says when what it was sent has been played. One that does not is followed by a clock.
    fn has_marks(&self) -> bool {
        true
    }

    /// Appends the message that comes back once everything sent before it was played; nothing where
    /// the carrier has none such.
    fn encode_mark(&self, stream_id: &str, name: &str, into: &mut BytesMut);

    /// Appends the message that empties the playback buffer; all marks still out come back at once.
    fn encode_clear(&self, stream_id: &str, into: &mut BytesMut);
}

impl fmt::Debug for Start<'_> {
    /// Without the parameters' values: one of them is a one-use token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self
            .custom_parameters
            .iter()
            .map(|(name, _)| name)
            .collect();
        f.debug_struct("Start")
            .field("stream_id", &self.stream_id)
            .field("sequence", &self.sequence)
            .field("account_id", &self.account_id)
            .field("call_id", &self.call_id)
            .field("custom_parameters", &names)
            .field("format", &self.format)
            .finish()
    }
}
