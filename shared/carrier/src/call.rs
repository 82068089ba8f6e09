//! A call at a carrier: what is asked for, and what the carrier knows of it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use model::{CarrierVerdict, PhoneNumber};
use url::Url;

use crate::instructions::Instructions;

/// The longest id of a carrier's that is taken. Those known have 32 to 36 characters.
pub const CARRIER_ID_CHARS_MAX: usize = 64;

/// Why a text is no id of a carrier's. Does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id of a carrier's has 1 to {CARRIER_ID_CHARS_MAX} letters, digits, `-` and `_`")]
pub struct CarrierIdProblem;

macro_rules! carrier_ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        ///
        /// Opaque here; whether it is one that a carrier gives is for that carrier's folder to say.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// An id whose form a carrier's folder has checked more closely than [`FromStr`] does.
            pub(crate) const fn trusted(id: String) -> Self {
                Self(id)
            }
        }

        impl FromStr for $name {
            type Err = CarrierIdProblem;

            fn from_str(text: &str) -> Result<Self, CarrierIdProblem> {
                let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
                if (1..=CARRIER_ID_CHARS_MAX).contains(&text.len()) && text.bytes().all(fits) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(CarrierIdProblem)
                }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

carrier_ids! {
    /// The carrier's id of a call.
    CarrierCallId;
    /// The carrier's id of a recording.
    CarrierRecordingId;
    /// The carrier's id of a phone number.
    CarrierNumberId;
}

/// How far a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallStatus {
    /// Accepted, waiting for its turn at the carrier.
    Queued,
    /// Left the queue.
    Initiated,
    Ringing,
    /// Answered.
    InProgress,
    Completed,
    Busy,
    Failed,
    NoAnswer,
    Canceled,
}

impl CallStatus {
    /// In logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Initiated => "initiated",
            Self::Ringing => "ringing",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::Failed => "failed",
            Self::NoAnswer => "no_answer",
            Self::Canceled => "canceled",
        }
    }

    /// Whether the call is over: nothing comes after this.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            Self::Queued | Self::Initiated | Self::Ringing | Self::InProgress => false,
            Self::Completed | Self::Busy | Self::Failed | Self::NoAnswer | Self::Canceled => true,
        }
    }
}

/// How a call came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallOrigin {
    /// A request to the carrier's API, as ours are.
    Request,
    /// Somebody called one of the account's numbers.
    Inbound,
    /// Another call's instructions, or a phone of the account, dialled it.
    Leg,
}

/// A call as the carrier knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarrierCall {
    pub id: CarrierCallId,
    /// `None` where the carrier does not say it, or in a word that we do not know.
    pub origin: Option<CallOrigin>,
    /// `None` for a word that we do not know.
    pub status: Option<CallStatus>,
    pub to: Option<PhoneNumber>,
    pub from: Option<PhoneNumber>,
    pub created_at: Option<Timestamp>,
    /// When dialling began.
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// Seconds, once the call is over; may come late.
    pub duration_seconds: Option<u32>,
    /// Only coarse here: the callback's word is kept, not this.
    pub answered_by: Option<CarrierVerdict>,
    /// How long the carrier expects to hold the call back, in milliseconds.
    pub queue_ms: Option<u32>,
}

/// A call to place.
#[derive(Debug, Clone)]
pub struct CreateCall {
    pub to: PhoneNumber,
    pub from: PhoneNumber,
    /// What the call does once it is answered, told with the request: no round trip at that moment.
    pub instructions: Instructions,
    /// Told how far the call is.
    pub status_callback: Url,
    /// How long it rings, in whole seconds; absent, the carrier's own time.
    pub ring_timeout: Option<Duration>,
    /// The carrier ends the call after this long; absent, the account's own limit.
    pub duration_max: Option<Duration>,
    pub recording: Option<RecordCall>,
    pub machine_detection: Option<MachineDetection>,
}

/// Records both sides from answer to end, each in its own channel. Silence is never trimmed: the
/// audio would not line up with the transcript any more.
#[derive(Debug, Clone)]
pub struct RecordCall {
    /// Told when the recording is ready, or will never be.
    pub status_callback: Url,
}

/// Finds out in the background whether a person or a machine answered; the call goes on meanwhile.
/// A threshold that is absent is the carrier's own.
#[derive(Debug, Clone)]
pub struct MachineDetection {
    pub mode: MachineDetectionMode,
    /// Told of the verdict.
    pub callback: Url,
    pub timeout_seconds: Option<u32>,
    /// Speech longer than this is a machine's.
    pub speech_threshold_ms: Option<u32>,
    /// Silence that ends the speech.
    pub speech_end_threshold_ms: Option<u32>,
    /// Silence at the start that gives up.
    pub silence_timeout_ms: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MachineDetectionMode {
    /// A verdict as soon as it is known who answered.
    Start,
    /// For a machine, the verdict at the end of its greeting.
    MessageEnd,
}

impl MachineDetection {
    /// With the carrier's own thresholds.
    #[must_use]
    pub const fn new(mode: MachineDetectionMode, callback: Url) -> Self {
        Self {
            mode,
            callback,
            timeout_seconds: None,
            speech_threshold_ms: None,
            speech_end_threshold_ms: None,
            silence_timeout_ms: None,
        }
    }
}

/// Which calls to find. All given conditions must hold.
#[derive(Debug, Clone, Default)]
pub struct FindCalls {
    pub to: Option<PhoneNumber>,
    pub from: Option<PhoneNumber>,
    pub status: Option<CallStatus>,
    /// Calls that began on this UTC day or later. A call that still waits in the carrier's queue has
    /// not begun and may be left out: to look for a call whose fate is unknown use `created_since`.
    pub started_from: Option<Date>,
    /// Calls that the carrier took at this moment or later, by its clock, to the second.
    pub created_since: Option<Timestamp>,
}

/// What a list came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    pub items: Vec<T>,
    /// Whether that is all: false when there were more pages than are followed.
    pub complete: bool,
}

/// A page of a list that is longer than anybody reads at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPage<T> {
    pub items: Vec<T>,
    /// What asks for the page after it, in the carrier's own words; `None`: this is the last. It may be kept, and
    /// is good for as long as the last item of the page is at the carrier.
    pub next: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_any_carrier_is_taken_and_nothing_that_leads_out_of_a_path() {
        let longest = "x".repeat(CARRIER_ID_CHARS_MAX);
        for good in ["CA0123456789abcdef", "b7d2b1c0-6a58-4f4a", &longest] {
            assert_eq!(good.parse::<CarrierCallId>().unwrap().as_str(), good);
        }
        let long = "x".repeat(CARRIER_ID_CHARS_MAX + 1);
        for wrong in ["", "a/b", "..", "a b", "a?b", "a\u{e9}", &long] {
            assert!(wrong.parse::<CarrierCallId>().is_err(), "{wrong}");
        }
    }
}
