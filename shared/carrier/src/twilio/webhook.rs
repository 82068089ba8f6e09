//! The forms of Twilio's webhooks as types.
//!
//! `docs/protocols/twilio-voice.md#voice-request`, `docs/protocols/twilio-voice.md#status-callback`,
//! `docs/protocols/twilio-voice.md#answering-machine-detection`, `docs/protocols/twilio-voice.md#recordings`,
//! `docs/protocols/twilio-media-streams.md#stream-callback`.
//!
//! Pure. A [`Form`] keeps every field, known or not, because the signature is over all of them; the
//! typed readings take from it what the product uses and pass over the rest, since Twilio adds
//! fields without notice. A field of ours that is there and out of its range is an error with a
//! stable code, never a guess. A field that Twilio leaves empty counts as absent.
//!
//! URLs inside a form (`RecordingUrl`) are not read: what we fetch is built from identifiers.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use model::{CarrierVerdict, Direction, PhoneNumber};

use super::status::{call_status, recording_status};
use super::{AccountSid, CallSid, RecordingSid, StreamSid};
use crate::call::CallStatus;
use crate::recording::RecordingStatus;
use crate::report::{
    AmdReport, CallRequest, RecordingReport, StatusReport, StreamEvent, StreamReport,
    WEBHOOK_BYTES_MAX, WEBHOOK_FIELDS_MAX, WebhookProblem,
};

/// A decoded form, all fields in the order received.
#[derive(Clone, PartialEq, Eq)]
pub struct Form {
    fields: Vec<(String, String)>,
}

/// Twilio asks what to do with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoiceRequest {
    pub call_sid: CallSid,
    pub account_sid: AccountSid,
    /// `None` when the customer withholds the number or is no phone.
    pub from: Option<PhoneNumber>,
    /// `None` when what was called is no phone number.
    pub to: Option<PhoneNumber>,
    pub direction: Direction,
    pub status: CallStatus,
    /// Only with synchronous answering machine detection.
    pub answered_by: Option<CarrierVerdict>,
    /// What was pressed where the call awaited a key.
    pub digits: Option<String>,
}

/// A call moved on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusCallback {
    pub call_sid: CallSid,
    pub account_sid: AccountSid,
    pub status: CallStatus,
    /// Place among the call's status callbacks, from 0. They may arrive in another order.
    pub sequence: Option<u32>,
    /// When the call reached the status, by the carrier's clock.
    pub at: Option<Timestamp>,
    /// Seconds from answer to end, on the last callback.
    pub duration_seconds: Option<u32>,
    /// The SIP response that ended an unanswered call: 404 unreachable, 487 not answered in time.
    pub sip_response_code: Option<u16>,
    /// Why the call failed, where Twilio says so.
    pub error_code: Option<u32>,
    pub answered_by: Option<CarrierVerdict>,
}

/// Answering machine detection has a verdict. May come before the media stream opens or after the
/// call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AmdCallback {
    pub call_sid: CallSid,
    pub account_sid: AccountSid,
    pub answered_by: CarrierVerdict,
    /// How long the detection took, in milliseconds.
    pub detection_ms: Option<u32>,
}

/// A recording began, is ready, or will never be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingCallback {
    pub call_sid: CallSid,
    pub account_sid: AccountSid,
    pub recording_sid: RecordingSid,
    pub status: RecordingStatus,
    pub duration_seconds: Option<u32>,
    /// 1 or 2.
    pub channels: Option<u8>,
    pub started_at: Option<Timestamp>,
    pub error_code: Option<u32>,
}

/// A media stream started, stopped or failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamCallback {
    pub call_sid: CallSid,
    pub account_sid: AccountSid,
    pub stream_sid: StreamSid,
    pub event: StreamEvent,
    /// What went wrong, in Twilio's words, at most [`STREAM_ERROR_CHARS_MAX`] characters of it.
    pub error: Option<String>,
    pub at: Option<Timestamp>,
}

/// More of a stream's error text than this is cut off: it is for a log line.
pub const STREAM_ERROR_CHARS_MAX: usize = 300;

impl Form {
    /// Decodes an `application/x-www-form-urlencoded` body.
    ///
    /// # Errors
    /// When the body is over [`WEBHOOK_BYTES_MAX`] or has more than [`WEBHOOK_FIELDS_MAX`] fields.
    pub fn parse(body: &[u8]) -> Result<Self, WebhookProblem> {
        if body.len() > WEBHOOK_BYTES_MAX {
            return Err(WebhookProblem::TooLong);
        }
        let fields: Vec<_> = form_urlencoded::parse(body)
            .into_owned()
            .take(WEBHOOK_FIELDS_MAX + 1)
            .collect();
        if fields.len() > WEBHOOK_FIELDS_MAX {
            return Err(WebhookProblem::TooManyFields);
        }
        Ok(Self { fields })
    }

    /// All fields in the order received: what the signature is over.
    #[must_use]
    pub fn fields(&self) -> &[(String, String)] {
        &self.fields
    }

    /// The one value of a field; empty counts as absent.
    fn value(&self, name: &'static str) -> Result<Option<&str>, WebhookProblem> {
        let mut found = None;
        for (known, value) in &self.fields {
            if known != name || value.is_empty() {
                continue;
            }
            match found {
                None => found = Some(value.as_str()),
                Some(before) if before == value => {}
                Some(_different) => return Err(WebhookProblem::Ambiguous(name)),
            }
        }
        Ok(found)
    }

    fn optional<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, WebhookProblem> {
        let Some(value) = self.value(name)? else {
            return Ok(None);
        };
        let parsed = value.parse();
        parsed
            .map(Some)
            .map_err(|_out_of_range| WebhookProblem::Invalid(name))
    }

    fn required<T: FromStr>(&self, name: &'static str) -> Result<T, WebhookProblem> {
        self.optional(name)?.ok_or(WebhookProblem::Missing(name))
    }

    /// A word of a vocabulary.
    fn word<T>(
        &self,
        name: &'static str,
        meaning: fn(&str) -> Option<T>,
    ) -> Result<T, WebhookProblem> {
        let word = self.value(name)?.ok_or(WebhookProblem::Missing(name))?;
        meaning(word).ok_or(WebhookProblem::Invalid(name))
    }

    /// Decimal digits, up to `max`.
    fn number(&self, name: &'static str, max: u32) -> Result<Option<u32>, WebhookProblem> {
        let Some(value) = self.value(name)? else {
            return Ok(None);
        };
        let digits = value.bytes().all(|byte| byte.is_ascii_digit());
        match value.parse::<u32>() {
            Ok(number) if digits && number <= max => Ok(Some(number)),
            Ok(_) | Err(_) => Err(WebhookProblem::Invalid(name)),
        }
    }

    /// RFC 2822 as in call callbacks, or ISO 8601 as in stream callbacks.
    fn time(&self, name: &'static str) -> Result<Option<Timestamp>, WebhookProblem> {
        let Some(value) = self.value(name)? else {
            return Ok(None);
        };
        let parsed = super::status::time(value);
        parsed.map(Some).ok_or(WebhookProblem::Invalid(name))
    }

    fn answered_by(&self) -> Result<Option<CarrierVerdict>, WebhookProblem> {
        const NAME: &str = "AnsweredBy";
        let Some(word) = self.value(NAME)? else {
            return Ok(None);
        };
        let verdict = super::status::answered_by(word).ok_or(WebhookProblem::Invalid(NAME))?;
        Ok(Some(verdict))
    }

    /// Keys of a phone, in the order in which they were pressed.
    fn keys(&self, name: &'static str) -> Result<Option<String>, WebhookProblem> {
        let Some(value) = self.value(name)? else {
            return Ok(None);
        };
        let is_key = |key: u8| matches!(key, b'0'..=b'9' | b'A'..=b'D' | b'*' | b'#');
        if value.len() > KEYS_MAX || !value.bytes().all(is_key) {
            return Err(WebhookProblem::Invalid(name));
        }
        Ok(Some(value.to_owned()))
    }

    /// A party of a call; what is no E.164 number (a SIP address, a client, `anonymous`) is no error.
    fn party(&self, name: &'static str) -> Result<Option<PhoneNumber>, WebhookProblem> {
        let value = self.value(name)?;
        Ok(value.and_then(|value| value.trim().parse().ok()))
    }
}

/// One key is awaited, and a few more are read as well.
const KEYS_MAX: usize = 32;

/// A day is far beyond the longest call.
const SECONDS_MAX: u32 = 24 * 60 * 60;

impl TryFrom<&Form> for VoiceRequest {
    type Error = WebhookProblem;

    fn try_from(form: &Form) -> Result<Self, WebhookProblem> {
        Ok(Self {
            call_sid: form.required("CallSid")?,
            account_sid: form.required("AccountSid")?,
            from: form.party("From")?,
            to: form.party("To")?,
            direction: match form.value("Direction")? {
                Some("inbound") => Direction::Inbound,
                Some("outbound-api" | "outbound-dial") => Direction::Outbound,
                Some(_other) => return Err(WebhookProblem::Invalid("Direction")),
                None => return Err(WebhookProblem::Missing("Direction")),
            },
            status: form.word("CallStatus", call_status)?,
            answered_by: form.answered_by()?,
            digits: form.keys("Digits")?,
        })
    }
}

impl TryFrom<&Form> for StatusCallback {
    type Error = WebhookProblem;

    fn try_from(form: &Form) -> Result<Self, WebhookProblem> {
        let sip_response_code = match form.number("SipResponseCode", 699)? {
            // A SIP response has three digits, the first from 1 to 6 (RFC 3261, 7.2).
            Some(code @ 100..) => u16::try_from(code).ok(),
            Some(_too_small) => return Err(WebhookProblem::Invalid("SipResponseCode")),
            None => None,
        };
        Ok(Self {
            call_sid: form.required("CallSid")?,
            account_sid: form.required("AccountSid")?,
            status: form.word("CallStatus", call_status)?,
            sequence: form.number("SequenceNumber", u32::MAX)?,
            at: form.time("Timestamp")?,
            duration_seconds: form.number("CallDuration", SECONDS_MAX)?,
            sip_response_code,
            error_code: form.number("ErrorCode", u32::MAX)?,
            answered_by: form.answered_by()?,
        })
    }
}

impl TryFrom<&Form> for AmdCallback {
    type Error = WebhookProblem;

    fn try_from(form: &Form) -> Result<Self, WebhookProblem> {
        Ok(Self {
            call_sid: form.required("CallSid")?,
            account_sid: form.required("AccountSid")?,
            answered_by: form
                .answered_by()?
                .ok_or(WebhookProblem::Missing("AnsweredBy"))?,
            detection_ms: form.number("MachineDetectionDuration", SECONDS_MAX * 1_000)?,
        })
    }
}

impl TryFrom<&Form> for RecordingCallback {
    type Error = WebhookProblem;

    fn try_from(form: &Form) -> Result<Self, WebhookProblem> {
        let channels = match form.number("RecordingChannels", 2)? {
            Some(0) => return Err(WebhookProblem::Invalid("RecordingChannels")),
            Some(channels) => u8::try_from(channels).ok(),
            None => None,
        };
        Ok(Self {
            call_sid: form.required("CallSid")?,
            account_sid: form.required("AccountSid")?,
            recording_sid: form.required("RecordingSid")?,
            status: form.word("RecordingStatus", recording_status)?,
            duration_seconds: form.number("RecordingDuration", SECONDS_MAX)?,
            channels,
            started_at: form.time("RecordingStartTime")?,
            error_code: form.number("ErrorCode", u32::MAX)?,
        })
    }
}

impl TryFrom<&Form> for StreamCallback {
    type Error = WebhookProblem;

    fn try_from(form: &Form) -> Result<Self, WebhookProblem> {
        Ok(Self {
            call_sid: form.required("CallSid")?,
            account_sid: form.required("AccountSid")?,
            stream_sid: form.required("StreamSid")?,
            event: match form.value("StreamEvent")? {
                Some("stream-started") => StreamEvent::Started,
                Some("stream-stopped") => StreamEvent::Stopped,
                Some("stream-error") => StreamEvent::Error,
                Some(_other) => return Err(WebhookProblem::Invalid("StreamEvent")),
                None => return Err(WebhookProblem::Missing("StreamEvent")),
            },
            error: form
                .value("StreamError")?
                .map(|text| text.chars().take(STREAM_ERROR_CHARS_MAX).collect()),
            at: form.time("Timestamp")?,
        })
    }
}

/// What the product is told of a webhook, without what it does not use.
impl From<VoiceRequest> for CallRequest {
    fn from(request: VoiceRequest) -> Self {
        Self {
            call_id: request.call_sid.into(),
            from: request.from,
            to: request.to,
            direction: request.direction,
            keys: request.digits,
        }
    }
}

impl From<StatusCallback> for StatusReport {
    fn from(callback: StatusCallback) -> Self {
        Self {
            call_id: callback.call_sid.into(),
            status: callback.status,
            at: callback.at,
            duration_seconds: callback.duration_seconds,
            sip_response_code: callback.sip_response_code,
            answered_by: callback.answered_by,
        }
    }
}

impl From<AmdCallback> for AmdReport {
    fn from(callback: AmdCallback) -> Self {
        Self {
            call_id: callback.call_sid.into(),
            answered_by: callback.answered_by,
            detection_ms: callback.detection_ms,
        }
    }
}

impl From<RecordingCallback> for RecordingReport {
    fn from(callback: RecordingCallback) -> Self {
        Self {
            call_id: callback.call_sid.into(),
            recording_id: callback.recording_sid.into(),
            status: callback.status,
            duration_seconds: callback.duration_seconds,
        }
    }
}

impl From<StreamCallback> for StreamReport {
    fn from(callback: StreamCallback) -> Self {
        Self {
            call_id: callback.call_sid.into(),
            event: callback.event,
        }
    }
}

impl fmt::Debug for Form {
    /// Without values: they are personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.fields.iter().map(|(name, _)| name).collect();
        f.debug_tuple("Form").field(&names).finish()
    }
}

#[cfg(test)]
mod tests;
