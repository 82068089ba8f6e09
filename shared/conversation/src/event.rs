//! What can happen in a call, in the call's own words: no vendor's or carrier's field name is here.

use std::borrow::Cow;
use std::time::Duration;

use audio::LineSound;
use bytes::Bytes;
use model::{AudioPosition, CarrierVerdict, Stage, Turn};

use crate::{GenerationId, Mark, UtteranceId};

/// Something happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The carrier's media stream is open: audio can flow both ways from now on.
    Connected,
    /// The customer pressed a key: one of `0-9`, `*`, `#`, `A-D`.
    Key(char),
    /// The carrier returned a mark: played, or flushed by a clear.
    Marked(Mark),
    Recognition(Recognition),
    Generation {
        id: GenerationId,
        event: Generation,
    },
    Synthesis {
        utterance: UtteranceId,
        event: Synthesis,
    },
    /// A tool that [`crate::Action::RunTool`] started is done.
    ToolDone {
        id: String,
        result: Result<String, String>,
    },
    /// What the actions since the last event asked for has left this process: the model's request
    /// ([`Stage::ModelAsked`]), the first text for the voice ([`Stage::SpeechAsked`]), or the first
    /// audio for the carrier ([`Stage::FirstFrameOut`]). Other stages mean nothing here. Only the
    /// waterfall of the answer under way takes note.
    HandedOver(Stage),
    /// The answer to [`crate::Action::AskVerdict`]: the carrier's verdict, or that there is none yet.
    Verdict(Option<CarrierVerdict>),
    /// A tone on the customer's line, or its quiet; while [`crate::Conversation::wants_line_sounds`].
    LineSound(LineSound),
    /// What [`crate::Action::OptOut`] asked for is stored.
    OptOutStored,
    /// A user or program asked to hang up.
    HangUp,
    /// The worker is stopping and another one is ready: hand the call over. Told again with more haste.
    HandOver(Haste),
    /// What [`crate::Action::HandOver`] asked for is stored.
    HandOverReady,
    /// What [`crate::Action::HandOver`] or [`crate::Action::Redirect`] asked for was not done. `may_follow`:
    /// as far as is known, and it may still be.
    HandOverFailed {
        may_follow: bool,
    },
    /// The session before heard this, and stored it after this one began.
    LateTurn(Turn),
    /// The worker is stopping and nobody goes on with the call: end it with a word.
    Closing,
    /// The worker is stopping and cannot wait any longer for the end of the call.
    DrainDeadline,
    /// The carrier's stream is over; nothing can be sent any more.
    CarrierClosed(CarrierClosed),
}

/// Speech to text.
#[derive(Debug, Clone, PartialEq)]
pub enum Recognition {
    /// The recognizer is connected and takes audio.
    Opened,
    /// Its voice activity detection heard speech begin. Noise can cause it.
    SpeechStarted { at: AudioPosition },
    /// What the words so far seem to be: the whole text since the last `Final`.
    Interim { text: String, end: AudioPosition },
    /// Words that will not change any more. `end` is the end of the last word, or of the stretch when
    /// there are none. With `speech_final` the recognizer's endpointing says that the customer paused.
    Final {
        text: String,
        start: AudioPosition,
        end: AudioPosition,
        speech_final: bool,
    },
    /// By the timing of words (not sound) the customer's utterance is over.
    UtteranceEnded,
    /// The connection is gone or was never made. The session keeps the audio since the last `Final`
    /// and replays it into the next connection.
    Lost(Failure),
}

/// The language model's answer to one request.
#[derive(Debug, Clone, PartialEq)]
pub enum Generation {
    Text(String),
    /// A tool call, whole. `arguments` is JSON text as the model wrote it, unchecked.
    ToolCall {
        id: String,
        name: String,
        arguments: String,
    },
    /// The answer is complete. `length_limited` when it was cut by a token limit.
    Finished {
        length_limited: bool,
        usage: Option<Usage>,
    },
    Failed(Failure),
}

/// Tokens that a request used, where the vendor says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub prompt_tokens: u32,
    pub cached_prompt_tokens: u32,
    pub completion_tokens: u32,
}

/// Text to speech for one utterance.
#[derive(Debug, Clone, PartialEq)]
pub enum Synthesis {
    /// The next stretch of audio, µ-law at 8 kHz (8 bytes a millisecond), of any length.
    Audio {
        audio: Bytes,
        alignment: Option<Alignment>,
    },
    /// All audio of the utterance has been delivered. Comes only after
    /// [`crate::Action::FinishSynthesis`].
    Finished,
    Failed(Failure),
}

/// When each character of a stretch of speech begins, relative to the first byte of that stretch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alignment {
    /// Characters with the start of each in milliseconds, in order.
    pub chars: Vec<(char, u32)>,
}

/// How urgently a call is to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Haste {
    /// When nobody would notice: at the end of the customer's turn, or in a silence that lasts.
    WhenQuiet,
    /// As soon as nobody can be heard.
    AtNextPause,
}

/// Why the carrier's stream is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CarrierClosed {
    /// The carrier said that the call or the stream ended: the other side hung up.
    Stopped,
    /// The socket broke or went silent without a word.
    Lost,
}

/// A vendor or its connection failed. Never carries what was said or a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{vendor}: {kind}")]
pub struct Failure {
    /// The vendor's name, as in metrics.
    pub vendor: Cow<'static, str>,
    pub kind: FailureKind,
}

/// What kind of failure, as far as it matters for what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum FailureKind {
    #[error("no connection within the time allowed")]
    ConnectTimeout,
    #[error("connection refused or broken while connecting")]
    Connect,
    #[error("key refused")]
    Unauthorized,
    #[error("too many requests")]
    RateLimited { retry_after: Option<Duration> },
    #[error("account out of credit or quota")]
    QuotaExceeded,
    /// The vendor says that our request is wrong: sending it again will not help.
    #[error("request refused")]
    Refused,
    #[error("answered with an error of its own")]
    ServerError,
    #[error("sent something that is not its protocol")]
    Protocol,
    #[error("connection closed")]
    Closed,
    /// Half open: the connection stands and nothing comes.
    #[error("silent for too long")]
    Silent,
    /// More was waiting than the named buffer limit allows.
    #[error("buffer full")]
    Overflow,
}

impl FailureKind {
    /// One of each kind.
    pub const ALL: [Self; 11] = [
        Self::ConnectTimeout,
        Self::Connect,
        Self::Unauthorized,
        Self::RateLimited { retry_after: None },
        Self::QuotaExceeded,
        Self::Refused,
        Self::ServerError,
        Self::Protocol,
        Self::Closed,
        Self::Silent,
        Self::Overflow,
    ];

    /// Whether the same request to the same vendor can be expected to work a moment later.
    #[must_use]
    pub const fn may_heal(self) -> bool {
        match self {
            Self::ConnectTimeout
            | Self::Connect
            | Self::RateLimited { .. }
            | Self::ServerError
            | Self::Protocol
            | Self::Closed
            | Self::Silent
            | Self::Overflow => true,
            Self::Unauthorized | Self::QuotaExceeded | Self::Refused => false,
        }
    }

    /// The label in metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::ConnectTimeout => "connect_timeout",
            Self::Connect => "connect",
            Self::Unauthorized => "unauthorized",
            Self::RateLimited { .. } => "rate_limited",
            Self::QuotaExceeded => "quota_exceeded",
            Self::Refused => "refused",
            Self::ServerError => "server_error",
            Self::Protocol => "protocol",
            Self::Closed => "closed",
            Self::Silent => "silent",
            Self::Overflow => "overflow",
        }
    }
}
