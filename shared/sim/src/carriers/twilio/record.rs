//! A call as the carrier keeps it: what REST shows and what survives a restart.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::hook::{Hook, Letter};
use super::media::detector::Detection;

/// The version in paths and forms.
pub(super) const API_VERSION: &str = "2010-04-01";

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) sid: String,
    pub(super) account_sid: String,
    pub(super) to: String,
    pub(super) from: String,
    pub(super) direction: Direction,
    pub(super) order: Order,
    pub(super) status: Status,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) started_at: Option<Timestamp>,
    pub(super) answered_at: Option<Timestamp>,
    pub(super) ended_at: Option<Timestamp>,
    /// As the detection told it.
    pub(super) answered_by: Option<String>,
    pub(super) queue_time_ms: u64,
    /// Of the next status callback.
    pub(super) sequence: u32,
    pub(super) recordings: Vec<Recording>,
    /// Callbacks that were not delivered yet.
    pub(super) undelivered: Vec<Letter>,
}

/// What was asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) instructions: Instructions,
    pub(super) fallback: Option<Hook>,
    pub(super) status_callback: Option<Hook>,
    pub(super) status_events: Vec<String>,
    pub(super) ring_timeout_s: u32,
    pub(super) time_limit_s: u32,
    pub(super) record: Option<RecordOrder>,
    pub(super) detect: Option<DetectOrder>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Instructions {
    Inline(String),
    At(Hook),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RecordOrder {
    pub(super) channels: u16,
    pub(super) callback: Option<Hook>,
    pub(super) events: Vec<String>,
    /// `RecordingSource` in callbacks.
    pub(super) source: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct DetectOrder {
    pub(super) detection: Detection,
    /// In the background, told to this hook; otherwise the call waits for the verdict.
    pub(super) in_background: bool,
    pub(super) callback: Option<Hook>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Direction {
    Inbound,
    OutboundApi,
}

/// The statuses of REST. (`initiated` exists only in callbacks.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Status {
    Queued,
    Ringing,
    InProgress,
    Completed,
    Busy,
    Failed,
    NoAnswer,
    Canceled,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Recording {
    pub(super) sid: String,
    pub(super) status: RecordingStatus,
    pub(super) order: RecordOrder,
    pub(super) started_at: Timestamp,
    pub(super) updated_at: Timestamp,
    /// Bytes of samples so far.
    pub(super) bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum RecordingStatus {
    InProgress,
    Processing,
    Completed,
    Absent,
    Deleted,
}

impl Record {
    /// A record of a call that begins at this time.
    pub(super) fn new(
        sid: String,
        account_sid: String,
        (from, to): (String, String),
        direction: Direction,
        order: Order,
        queue_time_ms: u64,
        at: Timestamp,
    ) -> Self {
        let inbound = direction == Direction::Inbound;
        Self {
            sid,
            account_sid,
            to,
            from,
            direction,
            order,
            status: if inbound {
                Status::Ringing
            } else {
                Status::Queued
            },
            created_at: at,
            updated_at: at,
            started_at: inbound.then_some(at),
            answered_at: None,
            ended_at: None,
            answered_by: None,
            queue_time_ms,
            sequence: 0,
            recordings: Vec::new(),
            undelivered: Vec::new(),
        }
    }

    /// Fields that every webhook about the call carries.
    pub(super) fn fields(&self, status: &str) -> Vec<(String, String)> {
        let fields = [
            ("CallSid", self.sid.as_str()),
            ("AccountSid", &self.account_sid),
            ("From", &self.from),
            ("To", &self.to),
            ("Caller", &self.from),
            ("Called", &self.to),
            ("CallStatus", status),
            ("ApiVersion", API_VERSION),
            ("Direction", self.direction.as_str()),
            ("FromCity", ""),
            ("FromCountry", "US"),
            ("ToCity", ""),
            ("ToCountry", "US"),
        ];
        fields
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec()
    }

    /// Seconds that are billed: from the answer to the end, rounded up.
    pub(super) fn duration_s(&self) -> Option<i64> {
        let ended_at = self.ended_at?;
        let Some(answered_at) = self.answered_at else {
            return Some(0);
        };
        let ms = ended_at.as_millisecond() - answered_at.as_millisecond();
        Some((ms + 999).div_euclid(1_000).max(0))
    }

    pub(super) fn to_json(&self) -> Value {
        let path = format!(
            "/{API_VERSION}/Accounts/{}/Calls/{}",
            self.account_sid, self.sid
        );
        let resource = |name: &str| format!("{path}/{name}.json");
        json!({
            "sid": self.sid,
            "account_sid": self.account_sid,
            "to": self.to,
            "to_formatted": self.to,
            "from": self.from,
            "from_formatted": self.from,
            "phone_number_sid": null,
            "status": self.status.as_str(),
            "start_time": self.started_at.map(date),
            "end_time": self.ended_at.map(date),
            "duration": self.duration_s().map(|seconds| seconds.to_string()),
            "price": null,
            "price_unit": "USD",
            "direction": self.direction.as_str(),
            "answered_by": self.coarse_answered_by(),
            "api_version": API_VERSION,
            "forwarded_from": null,
            "group_sid": null,
            "caller_name": null,
            "parent_call_sid": null,
            "queue_time": self.queue_time_ms.to_string(),
            "trunk_sid": null,
            "date_created": date(self.created_at),
            "date_updated": date(self.updated_at),
            "uri": format!("{path}.json"),
            "subresource_uris": {
                "notifications": resource("Notifications"),
                "recordings": resource("Recordings"),
                "payments": resource("Payments"),
                "events": resource("Events"),
                "siprec": resource("Siprec"),
                "streams": resource("Streams"),
                "transcriptions": resource("Transcriptions"),
                "user_defined_messages": resource("UserDefinedMessages"),
                "user_defined_message_subscriptions": resource("UserDefinedMessageSubscriptions"),
            },
        })
    }

    /// As the account has it.
    pub(super) fn recording_json(&self, recording: &Recording) -> Value {
        let mut json = self.shared_recording_json(recording);
        let path = self.recording_path(recording);
        json["subresource_uris"] = json!({});
        json["media_url"] = json!(format!("https://api.twilio.com{path}"));
        json
    }

    /// As its call has it, which is another schema of the carrier's description.
    pub(super) fn call_recording_json(&self, recording: &Recording) -> Value {
        let mut json = self.shared_recording_json(recording);
        json["track"] = json!("both");
        json
    }

    fn shared_recording_json(&self, recording: &Recording) -> Value {
        let path = self.recording_path(recording);
        let done = match recording.status {
            RecordingStatus::Completed | RecordingStatus::Absent | RecordingStatus::Deleted => true,
            RecordingStatus::InProgress | RecordingStatus::Processing => false,
        };
        json!({
            "sid": recording.sid,
            "account_sid": self.account_sid,
            "call_sid": self.sid,
            "conference_sid": null,
            "api_version": API_VERSION,
            "status": recording.status.as_str(),
            "source": recording.order.source,
            "channels": recording.order.channels,
            "duration": done.then(|| recording.duration_s().to_string()),
            "start_time": date(recording.started_at),
            "date_created": date(recording.started_at),
            "date_updated": date(recording.updated_at),
            "price": null,
            "price_unit": "USD",
            "error_code": null,
            "encryption_details": null,
            "uri": format!("{path}.json"),
        })
    }

    pub(super) fn recording_path(&self, recording: &Recording) -> String {
        format!(
            "/{API_VERSION}/Accounts/{}/Recordings/{}",
            self.account_sid, recording.sid
        )
    }

    /// The resource knows only these two; the callback has the whole word.
    fn coarse_answered_by(&self) -> Option<&'static str> {
        let answered_by = self.answered_by.as_deref()?;
        if answered_by == "human" {
            Some("human")
        } else if answered_by.starts_with("machine") {
            Some("machine")
        } else {
            None
        }
    }
}

impl Recording {
    /// Whole seconds, rounded up.
    pub(super) fn duration_s(&self) -> u64 {
        self.bytes
            .div_ceil(u64::from(self.order.channels) * 2 * 8_000)
    }
}

impl Status {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Ringing => "ringing",
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::Failed => "failed",
            Self::NoAnswer => "no-answer",
            Self::Canceled => "canceled",
        }
    }

    /// Whether the call is over.
    #[must_use]
    pub const fn is_over(self) -> bool {
        match self {
            Self::Queued | Self::Ringing | Self::InProgress => false,
            Self::Completed | Self::Busy | Self::Failed | Self::NoAnswer | Self::Canceled => true,
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let all = [
            Self::Queued,
            Self::Ringing,
            Self::InProgress,
            Self::Completed,
            Self::Busy,
            Self::Failed,
            Self::NoAnswer,
            Self::Canceled,
        ];
        all.into_iter().find(|status| status.as_str() == text)
    }
}

impl Direction {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::OutboundApi => "outbound-api",
        }
    }
}

impl RecordingStatus {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in-progress",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Absent => "absent",
            Self::Deleted => "deleted",
        }
    }
}

/// RFC 2822, as every date here.
pub(super) fn date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}
