//! The carrier's answers: the members that the product uses, tolerant of all others.
//!
//! Dates are RFC 2822 and most numbers are strings (`docs/protocols/twilio-voice.md#rest-requests`). A member
//! that cannot be read is absent, except the identifier: without it there is nothing to speak about.
//! Members that carry the carrier's own prices and formatted numbers are not read.

use jiff::Timestamp;
use model::PhoneNumber;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::account::{AccountState, CarrierAccount, CarrierNumber, Voice};
use crate::call::{CallOrigin, CarrierCall};
use crate::error::{Lost, RequestError};
use crate::recording::CarrierRecording;
use crate::twilio::status::{self, call_status, recording_status};
use crate::twilio::{CallSid, NumberSid, RecordingSid};

/// What has calls to a number ask this address, as the form of a request.
pub(super) fn voice_form(number: &CarrierNumber, voice_url: &Url) -> Vec<(&'static str, String)> {
    let mut form = vec![
        ("VoiceUrl", voice_url.to_string()),
        ("VoiceMethod", "POST".to_owned()),
    ];
    // What goes before the address is taken away.
    match number.voice {
        Voice::Application => form.push(("VoiceApplicationSid", String::new())),
        Voice::Trunk => form.push(("TrunkSid", String::new())),
        Voice::Nobody | Voice::Url { .. } | Voice::Incapable => {}
    }
    form
}

pub(super) fn account(body: &[u8]) -> Result<CarrierAccount, RequestError> {
    let account = read::<WireAccount>(body)?;
    let state = match account.status.text() {
        Some("active") => Some(AccountState::Active),
        Some("suspended") => Some(AccountState::Suspended),
        Some("closed") => Some(AccountState::Closed),
        Some(_) | None => None,
    };
    Ok(CarrierAccount {
        state,
        is_trial: account.kind.text() == Some("Trial"),
    })
}

pub(super) fn number(body: &[u8]) -> Result<CarrierNumber, RequestError> {
    read::<WireNumber>(body)?.try_into()
}

/// Reads the answer to a request for a call.
pub(super) fn call(body: &[u8]) -> Result<CarrierCall, RequestError> {
    read::<WireCall>(body)?.try_into()
}

/// Reads the answer to a request for a recording.
pub(super) fn recording(body: &[u8]) -> Result<CarrierRecording, RequestError> {
    read::<WireRecording>(body)?.try_into()
}

/// A page of a list.
pub(super) trait Page: DeserializeOwned {
    type Wire;
    type Item: TryFrom<Self::Wire, Error = RequestError>;

    /// The entries, and where the next page is.
    fn split(self) -> (Vec<Self::Wire>, Option<String>);

    fn read(body: &[u8]) -> Result<(Vec<Self::Item>, Option<String>), RequestError> {
        let (entries, next) = read::<Self>(body)?.split();
        let items: Result<Vec<_>, _> = entries.into_iter().map(Self::Item::try_from).collect();
        Ok((items?, next))
    }
}

#[derive(Deserialize)]
pub(super) struct CallPage {
    calls: Vec<WireCall>,
    #[serde(default)]
    next_page_uri: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct RecordingPage {
    recordings: Vec<WireRecording>,
    #[serde(default)]
    next_page_uri: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct NumberPage {
    incoming_phone_numbers: Vec<WireNumber>,
    #[serde(default)]
    next_page_uri: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct CallerIdPage {
    outgoing_caller_ids: Vec<WireCallerId>,
    #[serde(default)]
    next_page_uri: Option<String>,
}

impl Page for NumberPage {
    type Wire = WireNumber;
    type Item = CarrierNumber;

    fn split(self) -> (Vec<WireNumber>, Option<String>) {
        (self.incoming_phone_numbers, self.next_page_uri)
    }
}

impl Page for CallerIdPage {
    type Wire = WireCallerId;
    type Item = PhoneNumber;

    fn split(self) -> (Vec<WireCallerId>, Option<String>) {
        (self.outgoing_caller_ids, self.next_page_uri)
    }
}

impl Page for CallPage {
    type Wire = WireCall;
    type Item = CarrierCall;

    fn split(self) -> (Vec<WireCall>, Option<String>) {
        (self.calls, self.next_page_uri)
    }
}

impl Page for RecordingPage {
    type Wire = WireRecording;
    type Item = CarrierRecording;

    fn split(self) -> (Vec<WireRecording>, Option<String>) {
        (self.recordings, self.next_page_uri)
    }
}

#[derive(Deserialize)]
pub(super) struct WireCall {
    sid: String,
    #[serde(default)]
    status: Loose,
    #[serde(default)]
    to: Loose,
    #[serde(default)]
    from: Loose,
    #[serde(default)]
    date_created: Loose,
    #[serde(default)]
    start_time: Loose,
    #[serde(default)]
    end_time: Loose,
    #[serde(default)]
    duration: Loose,
    #[serde(default)]
    answered_by: Loose,
    #[serde(default)]
    queue_time: Loose,
    #[serde(default)]
    direction: Loose,
    #[serde(default)]
    parent_call_sid: Loose,
}

#[derive(Deserialize)]
pub(super) struct WireRecording {
    sid: String,
    #[serde(default)]
    call_sid: Loose,
    #[serde(default)]
    status: Loose,
    #[serde(default)]
    duration: Loose,
    #[serde(default)]
    channels: Loose,
    #[serde(default)]
    start_time: Loose,
    #[serde(default)]
    error_code: Loose,
}

#[derive(Deserialize)]
struct WireAccount {
    #[serde(default)]
    status: Loose,
    #[serde(default, rename = "type")]
    kind: Loose,
}

#[derive(Deserialize)]
pub(super) struct WireNumber {
    sid: String,
    phone_number: String,
    #[serde(default)]
    voice_url: Loose,
    #[serde(default)]
    voice_method: Loose,
    #[serde(default)]
    voice_application_sid: Loose,
    #[serde(default)]
    trunk_sid: Loose,
    #[serde(default)]
    capabilities: WireCapabilities,
}

#[derive(Default, Deserialize)]
struct WireCapabilities {
    voice: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct WireCallerId {
    phone_number: String,
}

/// A text, a number, or anything else, which counts as absent.
#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Loose {
    Text(String),
    Number(u64),
    #[default]
    Null,
    Other(serde::de::IgnoredAny),
}

impl Loose {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text),
            Self::Text(_) | Self::Number(_) | Self::Null | Self::Other(_) => None,
        }
    }

    fn parsed<T: std::str::FromStr>(&self) -> Option<T> {
        self.text()?.parse().ok()
    }

    fn number(&self) -> Option<u32> {
        match self {
            Self::Text(text) => text.parse().ok(),
            Self::Number(number) => u32::try_from(*number).ok(),
            Self::Null | Self::Other(_) => None,
        }
    }

    fn time(&self) -> Option<Timestamp> {
        self.text().and_then(status::time)
    }
}

impl TryFrom<WireCall> for CarrierCall {
    type Error = RequestError;

    fn try_from(wire: WireCall) -> Result<Self, RequestError> {
        Ok(Self {
            id: sid::<CallSid>(&wire.sid)?.into(),
            origin: origin(wire.direction.text(), wire.parent_call_sid.text()),
            status: wire.status.text().and_then(call_status),
            to: wire.to.parsed(),
            from: wire.from.parsed(),
            created_at: wire.date_created.time(),
            started_at: wire.start_time.time(),
            ended_at: wire.end_time.time(),
            duration_seconds: wire.duration.number(),
            answered_by: wire.answered_by.text().and_then(status::answered_by),
            queue_ms: wire.queue_time.number(),
        })
    }
}

/// A leg names the call that it belongs to, whatever its direction says.
fn origin(direction: Option<&str>, parent: Option<&str>) -> Option<CallOrigin> {
    if parent.is_some_and(|parent| !parent.is_empty()) {
        return Some(CallOrigin::Leg);
    }
    match direction? {
        "outbound-api" => Some(CallOrigin::Request),
        "inbound" | "trunking-terminating" => Some(CallOrigin::Inbound),
        "outbound-dial" | "trunking-originating" => Some(CallOrigin::Leg),
        _other => None,
    }
}

impl TryFrom<WireRecording> for CarrierRecording {
    type Error = RequestError;

    fn try_from(wire: WireRecording) -> Result<Self, RequestError> {
        Ok(Self {
            id: sid::<RecordingSid>(&wire.sid)?.into(),
            call_id: wire.call_sid.parsed::<CallSid>().map(Into::into),
            status: wire.status.text().and_then(recording_status),
            duration_seconds: wire.duration.number(),
            channels: wire.channels.number(),
            started_at: wire.start_time.time(),
            error_code: wire.error_code.number(),
        })
    }
}

impl TryFrom<WireNumber> for CarrierNumber {
    type Error = RequestError;

    fn try_from(wire: WireNumber) -> Result<Self, RequestError> {
        // A trunk goes before an application, and both before an address (Twilio's API description,
        // `TrunkSid` and `VoiceApplicationSid` of a number).
        let voice = if wire.capabilities.voice == Some(false) {
            Voice::Incapable
        } else if wire.trunk_sid.text().is_some() {
            Voice::Trunk
        } else if wire.voice_application_sid.text().is_some() {
            Voice::Application
        } else {
            match wire.voice_url.text() {
                Some(url) => Voice::Url {
                    url: url.to_owned(),
                    // The carrier's own default.
                    by_post: wire.voice_method.text().unwrap_or("POST") == "POST",
                },
                None => Voice::Nobody,
            }
        };
        Ok(Self {
            id: sid::<NumberSid>(&wire.sid)?.into(),
            number: wire
                .phone_number
                .parse()
                .map_err(|_not_a_number| unreadable())?,
            voice,
        })
    }
}

impl TryFrom<WireCallerId> for PhoneNumber {
    type Error = RequestError;

    fn try_from(wire: WireCallerId) -> Result<Self, RequestError> {
        let number = wire.phone_number.parse();
        number.map_err(|_not_a_number| unreadable())
    }
}

fn sid<T: std::str::FromStr>(text: &str) -> Result<T, RequestError> {
    text.parse().map_err(|_not_a_sid| unreadable())
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, RequestError> {
    serde_json::from_slice(body).map_err(|_unreadable| unreadable())
}

const fn unreadable() -> RequestError {
    RequestError::Lost(Lost::Unreadable)
}
