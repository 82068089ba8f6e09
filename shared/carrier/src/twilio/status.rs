//! The words that Twilio uses for how far a call or a recording is.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use model::CarrierVerdict;

/// A word that is not in the vocabulary. Does not repeat the word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a word of this vocabulary")]
pub struct UnknownWord;

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $variant:ident = $word:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$word_doc])* $variant,)+ }

        impl $name {
            /// The word on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word { $($word => Ok(Self::$variant),)+ _other => Err(UnknownWord) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )+};
}

words! {
    /// How far a call is (`docs/protocols/twilio-voice.md#calls-that-exist`, `docs/protocols/twilio-voice.md#status-callback`).
    CallStatus {
        /// Accepted, waiting for its turn at the account's calls per second.
        Queued = "queued",
        /// Left the queue; only callbacks say this word.
        Initiated = "initiated",
        Ringing = "ringing",
        /// Answered.
        InProgress = "in-progress",
        Completed = "completed",
        Busy = "busy",
        Failed = "failed",
        NoAnswer = "no-answer",
        Canceled = "canceled",
    }

    /// How far a recording is (`docs/protocols/twilio-voice.md#recordings`).
    RecordingStatus {
        InProgress = "in-progress",
        Paused = "paused",
        Stopped = "stopped",
        Processing = "processing",
        /// The file can be fetched.
        Completed = "completed",
        /// Nothing was recorded.
        Absent = "absent",
        Deleted = "deleted",
        /// Only recordings of conferences.
        Failed = "failed",
    }
}

impl CallStatus {
    /// Whether the call is over: nothing comes after this word.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            Self::Queued | Self::Initiated | Self::Ringing | Self::InProgress => false,
            Self::Completed | Self::Busy | Self::Failed | Self::NoAnswer | Self::Canceled => true,
        }
    }
}

/// A time of Twilio's: RFC 2822 in REST answers and call callbacks, ISO 8601 in stream callbacks.
pub(crate) fn time(text: &str) -> Option<Timestamp> {
    static RFC_2822: DateTimeParser = DateTimeParser::new();
    RFC_2822
        .parse_timestamp(text)
        .or_else(|_other_format| text.parse())
        .ok()
}

/// Who answered, in the words of callbacks (`docs/protocols/twilio-voice.md#answering-machine-detection`). The
/// call resource says `machine` without telling more.
pub(crate) fn answered_by(word: &str) -> Option<CarrierVerdict> {
    match word {
        "human" => Some(CarrierVerdict::Human),
        "machine" | "machine_start" => Some(CarrierVerdict::MachineStart),
        "machine_end_beep" => Some(CarrierVerdict::MachineEndBeep),
        "machine_end_silence" => Some(CarrierVerdict::MachineEndSilence),
        "machine_end_other" => Some(CarrierVerdict::MachineEndOther),
        "fax" => Some(CarrierVerdict::Fax),
        "unknown" => Some(CarrierVerdict::Unknown),
        _other => None,
    }
}
