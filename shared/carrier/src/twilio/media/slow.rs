//! Reads any message of the carrier with `serde_json`: the definition of what a message means.
//!
//! Tolerant: unknown members are passed over, numbers may be JSON numbers or strings. The inside of
//! a message is only looked at when its event is known, so that a new kind of event can reuse a
//! member's name. A member that comes twice makes the message invalid.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{number, track};
use crate::media::{Format, Inbound, MediaProblem, Start};

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    event: Text<'a>,
    #[serde(borrow, default, rename = "sequenceNumber")]
    sequence: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "streamSid")]
    stream_sid: Option<&'a RawValue>,
    #[serde(borrow, default)]
    start: Option<&'a RawValue>,
    #[serde(borrow, default)]
    media: Option<&'a RawValue>,
    #[serde(borrow, default)]
    dtmf: Option<&'a RawValue>,
    #[serde(borrow, default)]
    mark: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct StartBody<'a> {
    #[serde(borrow, default, rename = "streamSid")]
    stream_sid: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "accountSid")]
    account_sid: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "callSid")]
    call_sid: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "customParameters")]
    custom_parameters: Option<Parameters<'a>>,
    #[serde(borrow, default, rename = "mediaFormat")]
    format: Option<FormatBody<'a>>,
}

#[derive(Deserialize)]
struct FormatBody<'a> {
    #[serde(borrow, default)]
    encoding: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "sampleRate")]
    sample_rate: Option<&'a RawValue>,
    #[serde(borrow, default)]
    channels: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct MediaBody<'a> {
    #[serde(borrow, default)]
    track: Option<&'a RawValue>,
    #[serde(borrow, default)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct DtmfBody<'a> {
    #[serde(borrow, default)]
    digit: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct MarkBody<'a> {
    #[serde(borrow, default)]
    name: Option<&'a RawValue>,
}

pub(super) fn decode(text: &str) -> Result<Inbound<'_>, MediaProblem> {
    // `serde` would also read an array as the members in order.
    if text.trim_ascii_start().starts_with('[') {
        return match serde_json::from_str::<&RawValue>(text) {
            Ok(_array) => Err(MediaProblem::NoEvent),
            Err(_syntax) => Err(MediaProblem::NotJson),
        };
    }
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|problem| {
        if problem.is_data() {
            MediaProblem::NoEvent
        } else {
            MediaProblem::NotJson
        }
    })?;
    match envelope.event.0.as_ref() {
        "connected" => Ok(Inbound::Connected),
        "start" => start(&envelope).map(Inbound::Start),
        "media" => media(&envelope),
        "dtmf" => dtmf(&envelope),
        "mark" => mark(&envelope),
        "stop" => Ok(Inbound::Stop {
            stream_id: text_of(envelope.stream_sid, "streamSid")?,
            sequence: number_of(envelope.sequence, "sequenceNumber")?,
        }),
        _other => Ok(Inbound::Unknown),
    }
}

fn start<'a>(envelope: &Envelope<'a>) -> Result<Start<'a>, MediaProblem> {
    let body: StartBody<'a> = object_of(envelope.start, "start")?;
    let format = body
        .format
        .ok_or(MediaProblem::Missing("start.mediaFormat"))?;
    let outer = text_of(envelope.stream_sid, "streamSid")?;
    let inner = text_of(body.stream_sid, "start.streamSid")?;
    if outer != inner {
        return Err(MediaProblem::Invalid("start.streamSid"));
    }
    Ok(Start {
        stream_id: inner,
        sequence: number_of(envelope.sequence, "sequenceNumber")?,
        account_id: text_of(body.account_sid, "start.accountSid")?,
        call_id: text_of(body.call_sid, "start.callSid")?,
        custom_parameters: body
            .custom_parameters
            .map(|Parameters(pairs)| pairs)
            .unwrap_or_default(),
        format: Format {
            encoding: text_of(format.encoding, "start.mediaFormat.encoding")?.into_owned(),
            sample_rate_hz: small_number_of(format.sample_rate, "start.mediaFormat.sampleRate")?,
            channels: small_number_of(format.channels, "start.mediaFormat.channels")?,
        },
    })
}

fn media<'a>(envelope: &Envelope<'a>) -> Result<Inbound<'a>, MediaProblem> {
    let body: MediaBody<'a> = object_of(envelope.media, "media")?;
    Ok(Inbound::Media {
        stream_id: text_of(envelope.stream_sid, "streamSid")?,
        sequence: number_of(envelope.sequence, "sequenceNumber")?,
        timestamp_ms: number_of(body.timestamp, "media.timestamp")?,
        track: track(&text_of(body.track, "media.track")?),
        payload_base64: text_of(body.payload, "media.payload")?,
    })
}

fn dtmf<'a>(envelope: &Envelope<'a>) -> Result<Inbound<'a>, MediaProblem> {
    let body: DtmfBody<'a> = object_of(envelope.dtmf, "dtmf")?;
    let text = text_of(body.digit, "dtmf.digit")?;
    let mut chars = text.chars();
    let (Some(digit @ ('0'..='9' | '*' | '#' | 'A'..='D')), None) = (chars.next(), chars.next())
    else {
        return Err(MediaProblem::Invalid("dtmf.digit"));
    };
    Ok(Inbound::Dtmf {
        stream_id: text_of(envelope.stream_sid, "streamSid")?,
        sequence: number_of(envelope.sequence, "sequenceNumber")?,
        digit,
    })
}

fn mark<'a>(envelope: &Envelope<'a>) -> Result<Inbound<'a>, MediaProblem> {
    let body: MarkBody<'a> = object_of(envelope.mark, "mark")?;
    Ok(Inbound::Mark {
        stream_id: text_of(envelope.stream_sid, "streamSid")?,
        sequence: number_of(envelope.sequence, "sequenceNumber")?,
        name: text_of(body.name, "mark.name")?,
    })
}

fn object_of<'a, T: Deserialize<'a>>(
    raw: Option<&'a RawValue>,
    field: &'static str,
) -> Result<T, MediaProblem> {
    let raw = raw.ok_or(MediaProblem::Missing(field))?;
    if raw.get().starts_with('[') {
        return Err(MediaProblem::Invalid(field));
    }
    serde_json::from_str(raw.get()).map_err(|_wrong_type| MediaProblem::Invalid(field))
}

fn text_of<'a>(
    raw: Option<&'a RawValue>,
    field: &'static str,
) -> Result<Cow<'a, str>, MediaProblem> {
    object_of::<Text<'a>>(raw, field).map(|Text(text)| text)
}

fn number_of(raw: Option<&RawValue>, field: &'static str) -> Result<u64, MediaProblem> {
    let raw = raw.ok_or(MediaProblem::Missing(field))?;
    // A JSON number is its own text; one with a sign, a fraction or an exponent is none of ours.
    let found = match number(raw.get()) {
        Some(bare) => Some(bare),
        None => number(&text_of(Some(raw), field)?),
    };
    found.ok_or(MediaProblem::Invalid(field))
}

fn small_number_of(raw: Option<&RawValue>, field: &'static str) -> Result<u32, MediaProblem> {
    let found = number_of(raw, field)?;
    u32::try_from(found).map_err(|_too_large| MediaProblem::Invalid(field))
}

/// A JSON string, borrowed when it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Texts by name, in the order received. Values of other types are passed over.
struct Parameters<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Parameters<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ParametersVisitor)
    }
}

struct ParametersVisitor;

impl<'de> Visitor<'de> for ParametersVisitor {
    type Value = Parameters<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(Text(name)) = map.next_key()? {
            let value: &RawValue = map.next_value()?;
            if let Ok(value) = text_of(Some(value), "start.customParameters") {
                pairs.push((name, value));
            }
        }
        Ok(Parameters(pairs))
    }
}
