//! What a carrier tells of calls by webhook, in no carrier's words.

use jiff::Timestamp;
use model::{CarrierVerdict, Direction, PhoneNumber};

use crate::call::{CallStatus, CarrierCallId, CarrierRecordingId};
use crate::recording::RecordingStatus;

/// The longest body of a webhook that is read. Carriers' have one or two thousand bytes.
pub const WEBHOOK_BYTES_MAX: usize = 64 * 1024;

/// The most fields of a webhook. Carriers' have some forty.
pub const WEBHOOK_FIELDS_MAX: usize = 300;

/// Why a webhook cannot be read. Never repeats a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookProblem {
    #[error("the form is longer than {WEBHOOK_BYTES_MAX} bytes")]
    TooLong,
    #[error("the form has more than {WEBHOOK_FIELDS_MAX} fields")]
    TooManyFields,
    #[error("the form lacks {0}")]
    Missing(&'static str),
    #[error("the form's {0} is out of range")]
    Invalid(&'static str),
    /// A field that is read comes with two different values.
    #[error("the form has two different values of {0}")]
    Ambiguous(&'static str),
}

impl WebhookProblem {
    /// The stable code, as in answers and metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "form_too_long",
            Self::TooManyFields => "form_too_many_fields",
            Self::Missing(_) => "form_field_missing",
            Self::Invalid(_) => "form_field_invalid",
            Self::Ambiguous(_) => "form_field_ambiguous",
        }
    }
}

/// Why a webhook or a media socket is not believed to be the carrier's. The answer to the sender is 403
/// and does not say which it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureProblem {
    #[error("the signature header is missing")]
    Missing,
    #[error("the signature does not match")]
    Mismatch,
    /// Signed with a key or an algorithm that is not accepted here.
    #[error("the signature is of a kind that is not accepted")]
    Scheme,
    #[error("the body does not match the hash in the URL")]
    BodyHash,
    #[error("the URL has no host")]
    Url,
}

/// The carrier asks what to do with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRequest {
    pub call_id: CarrierCallId,
    /// `None` when the customer withholds the number or is no phone.
    pub from: Option<PhoneNumber>,
    /// `None` when what was called is no phone number.
    pub to: Option<PhoneNumber>,
    pub direction: Direction,
    /// What was pressed where the call awaited a key: `0` to `9`, `A` to `D`, `*` and `#`, as a rule one.
    pub keys: Option<String>,
}

/// A call moved on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusReport {
    pub call_id: CarrierCallId,
    pub status: CallStatus,
    /// When the call reached the status, by the carrier's clock.
    pub at: Option<Timestamp>,
    /// Seconds from answer to end, with the last report.
    pub duration_seconds: Option<u32>,
    /// The SIP response that ended an unanswered call: 404 unreachable, 487 not answered in time.
    pub sip_response_code: Option<u16>,
    pub answered_by: Option<CarrierVerdict>,
}

/// Answering machine detection has a verdict. May come before the media stream opens or after the
/// call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AmdReport {
    pub call_id: CarrierCallId,
    pub answered_by: CarrierVerdict,
    /// How long the detection took, in milliseconds.
    pub detection_ms: Option<u32>,
}

/// A recording began, is ready, or will never be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingReport {
    pub call_id: CarrierCallId,
    pub recording_id: CarrierRecordingId,
    pub status: RecordingStatus,
    /// Whole seconds, where the carrier says it.
    pub duration_seconds: Option<u32>,
}

/// A media stream started, stopped or failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamReport {
    pub call_id: CarrierCallId,
    pub event: StreamEvent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamEvent {
    Started,
    Stopped,
    Error,
}
