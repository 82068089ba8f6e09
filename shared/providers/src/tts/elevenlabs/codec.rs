//! ElevenLabs' messages as the call's events, and ours as ElevenLabs'. No IO.
//!
//! Wire facts: `docs/protocols/elevenlabs.md`. Where the live service is known to spell a field in
//! another way, both spellings are read. An utterance is a *context* of the vendor's, by its id.

use std::borrow::Cow;
use std::time::Duration;

use ::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use conversation::{Alignment, FailureKind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Number;
use serde_json::value::RawValue;
use url::Url;

use crate::{refusal, socket};

/// Seconds without text after which the vendor closes: the most that it takes.
const INACTIVITY_TIMEOUT_SECONDS: &str = "180";

/// The vendor's own examples: steady, close to the voice, at its natural speed.
const VOICE_SETTINGS: VoiceSettings = VoiceSettings {
    stability: 0.5,
    similarity_boost: 0.8,
    speed: 1.0,
};

/// Most characters of earlier text that a request over HTTP carries for its intonation.
pub const PREVIOUS_TEXT_CHARS_MAX: usize = 300;

/// Closes the connection after what is being spoken.
pub const CLOSE_SOCKET: &str = r#"{"close_socket":true}"#;

/// What a message from ElevenLabs is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message<'a> {
    /// The context it belongs to, if it says.
    pub context: Option<Cow<'a, str>>,
    /// µ-law at 8 kHz; empty when there is none.
    pub audio: Bytes,
    /// Times relative to this audio.
    pub alignment: Option<Alignment>,
    /// Nothing more comes of the context.
    pub is_final: bool,
    pub error: Option<FailureKind>,
}

/// Not a message of ElevenLabs'. Says nothing of what it was: it can hold what is to be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a message of ElevenLabs' synthesis")]
pub struct Garbage;

/// The address of a WebSocket for many contexts.
///
/// `auto_mode` has the vendor speak each text as it comes, which asks for whole sentences or clauses.
#[must_use]
pub fn socket_url(base: &Url, voice: &str, model: &str, language: &str) -> Url {
    let path = ["v1", "text-to-speech", voice, "multi-stream-input"];
    let mut url = socket::url(base, &path);
    let mut query = url.query_pairs_mut();
    query
        .append_pair("model_id", model)
        .append_pair("output_format", "ulaw_8000")
        .append_pair("auto_mode", "true")
        .append_pair("sync_alignment", "true")
        .append_pair("inactivity_timeout", INACTIVITY_TIMEOUT_SECONDS);
    if let Some(language) = language_code(model, language) {
        query.append_pair("language_code", language);
    }
    drop(query);
    url
}

/// The address of a request over HTTP.
#[must_use]
pub fn http_url(base: &Url, voice: &str) -> Url {
    let mut url = socket::http_url(base, &["v1", "text-to-speech", voice, "stream"]);
    url.query_pairs_mut()
        .append_pair("output_format", "ulaw_8000");
    url
}

/// Whether there is anything in the text that a voice can pronounce.
#[must_use]
pub fn is_speakable(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// Opens a context: the one message that carries settings, with a single space for text.
#[must_use]
pub fn open_context(context: &str) -> String {
    write(&FromUs {
        text: Some(Cow::Borrowed(" ")),
        voice_settings: Some(VOICE_SETTINGS),
        ..FromUs::of(context)
    })
}

/// Speaks whole sentences or clauses now. The text ends with the space that the vendor wants.
#[must_use]
pub fn speak(context: &str, text: &str) -> String {
    write(&FromUs {
        text: Some(Cow::Owned(format!("{} ", text.trim()))),
        flush: Some(true),
        ..FromUs::of(context)
    })
}

/// Keeps a context open in which nothing is spoken.
#[must_use]
pub fn keep_alive(context: &str) -> String {
    write(&FromUs {
        text: Some(Cow::Borrowed("")),
        ..FromUs::of(context)
    })
}

/// Closes a context after what it is speaking; `isFinal` follows.
#[must_use]
pub fn close_context(context: &str) -> String {
    write(&FromUs {
        close_context: Some(true),
        ..FromUs::of(context)
    })
}

/// The body of a request over HTTP.
#[must_use]
pub fn http_body(text: &str, model: &str, language: &str, previous: &str) -> String {
    write(&HttpBody {
        text: text.trim(),
        model_id: model,
        language_code: language_code(model, language),
        voice_settings: VOICE_SETTINGS,
        previous_text: Some(previous).filter(|previous| !previous.is_empty()),
    })
}

/// Reads one text message. A message of a kind we do not know has nothing in it.
///
/// # Errors
/// It is not JSON of the vendor's shape.
pub fn decode(text: &str) -> Result<Message<'_>, Garbage> {
    let wire: FromVendor<'_> = serde_json::from_str(text).map_err(|_says_what_it_read| Garbage)?;
    let audio = match wire.audio {
        Some(Text(audio)) => base64_simd::STANDARD
            .decode_to_vec(audio.as_bytes())
            .map_err(|_not_base64| Garbage)?,
        None => Vec::new(),
    };
    let error = wire.error.map(|error| {
        let code = wire.code.map(RawValue::get).unwrap_or_default();
        error_kind(&[error.get(), code])
    });
    Ok(Message {
        context: wire.context_id.or(wire.contextid).map(|Text(id)| id),
        audio: Bytes::from(audio),
        alignment: wire.alignment.map(Alignment::from),
        is_final: wire.isfinal.or(wire.is_final).unwrap_or(false),
        error,
    })
}

/// What a close means. The vendor puts its reason into the frame.
#[must_use]
pub fn closed(code: Option<u16>, reason: &str) -> FailureKind {
    let said = error_kind(&[reason]);
    if said != FailureKind::ServerError {
        said
    } else if code == Some(1008) {
        FailureKind::Refused
    } else {
        FailureKind::Closed
    }
}

/// What a refused handshake or request means: by its code where it has one, else by its status.
#[must_use]
pub fn refused(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> FailureKind {
    let by_status = refusal::by_status(status, headers, Timestamp::now());
    let detail = serde_json::from_slice::<Refusal<'_>>(body).ok();
    let code = detail.and_then(|refusal| refusal.detail.status);
    let code = code.map(|Text(code)| code).unwrap_or_default();
    // A used-up quota comes with the status of a wrong key.
    let said = error_kind(&[&code]);
    let kind = if said == FailureKind::QuotaExceeded {
        said
    } else {
        by_status
    };
    // That the vendor fails is told once, by who sees all calls; this says why.
    tracing::info!(
        vendor = super::VENDOR,
        status = status.as_u16(),
        request_id = refusal::explanation(headers, "request-id"),
        trace_id = refusal::explanation(headers, "x-trace-id"),
        "speech synthesis refused a request"
    );
    kind
}

/// What an error means by the codes in it (`quota_exceeded`, `voice_not_found`…).
fn error_kind(codes: &[&str]) -> FailureKind {
    let codes = codes.join(" ").to_ascii_lowercase();
    let says = |signs: &[&str]| signs.iter().any(|sign| codes.contains(sign));
    if says(&["quota"]) {
        FailureKind::QuotaExceeded
    } else if says(&["too_many", "system_busy", "rate_limit"]) {
        FailureKind::RateLimited { retry_after: None }
    } else if says(&["api_key", "unauthorized", "authentication"]) {
        FailureKind::Unauthorized
    } else if says(&["timeout_exceeded"]) {
        // Nothing was said for the time of inactivity: a new connection works.
        FailureKind::Closed
    } else if says(&["not_found", "max_character", "invalid", "unsupported"]) {
        FailureKind::Refused
    } else {
        FailureKind::ServerError
    }
}

/// ISO 639-1, for the models that take it: others refuse it or know one language.
fn language_code<'a>(model: &str, language: &'a str) -> Option<&'a str> {
    let code = language.split('-').next()?;
    let takes_it = model.ends_with("_v2_5") && code.len() == 2;
    takes_it.then_some(code)
}

fn write(message: &impl Serialize) -> String {
    // Only a map with keys that are not text cannot be written, and these are structs.
    serde_json::to_string(message).unwrap_or_default()
}

#[derive(Default, Serialize)]
struct FromUs<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Cow<'a, str>>,
    context_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    voice_settings: Option<VoiceSettings>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flush: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    close_context: Option<bool>,
}

impl<'a> FromUs<'a> {
    fn of(context_id: &'a str) -> Self {
        Self {
            context_id,
            ..Self::default()
        }
    }
}

#[derive(Clone, Copy, Serialize)]
struct VoiceSettings {
    stability: f32,
    similarity_boost: f32,
    speed: f32,
}

#[derive(Serialize)]
struct HttpBody<'a> {
    text: &'a str,
    model_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    language_code: Option<&'a str>,
    voice_settings: VoiceSettings,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_text: Option<&'a str>,
}

// Two fields for two spellings: an alias would refuse a message that has both.
#[derive(Deserialize)]
struct FromVendor<'a> {
    #[serde(borrow)]
    audio: Option<Text<'a>>,
    #[serde(borrow)]
    context_id: Option<Text<'a>>,
    #[serde(borrow, rename = "contextId")]
    contextid: Option<Text<'a>>,
    is_final: Option<bool>,
    #[serde(rename = "isFinal")]
    isfinal: Option<bool>,
    #[serde(borrow)]
    alignment: Option<WireAlignment<'a>>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    code: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireAlignment<'a> {
    #[serde(borrow)]
    chars: Option<Vec<Text<'a>>>,
    #[serde(rename = "charStartTimesMs")]
    starts: Option<Vec<Number>>,
    char_start_times_ms: Option<Vec<Number>>,
}

impl From<WireAlignment<'_>> for Alignment {
    fn from(wire: WireAlignment<'_>) -> Self {
        let chars = wire.chars.unwrap_or_default();
        let starts = wire.starts.or(wire.char_start_times_ms).unwrap_or_default();
        let timed = chars.iter().zip(&starts).flat_map(|(Text(text), start)| {
            let start = milliseconds(start);
            text.chars().map(move |char| (char, start))
        });
        Self {
            chars: timed.collect(),
        }
    }
}

/// Whole milliseconds, written as a whole number or not.
fn milliseconds(number: &Number) -> u32 {
    let millis = number.as_u64().unwrap_or_else(|| {
        let seconds = number.as_f64().unwrap_or(0.0) / 1_000.0;
        let time = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO);
        let nearest = time.saturating_add(Duration::from_micros(500));
        u64::try_from(nearest.as_millis()).unwrap_or(u64::MAX)
    });
    u32::try_from(millis).unwrap_or(u32::MAX)
}

#[derive(Deserialize)]
struct Refusal<'a> {
    #[serde(borrow)]
    detail: RefusalDetail<'a>,
}

#[derive(Deserialize)]
struct RefusalDetail<'a> {
    #[serde(borrow)]
    status: Option<Text<'a>>,
}

/// Text that is borrowed where it has no escapes; inside an `Option` the library would copy it.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests;
