//! Deepgram's live messages as the call's events, and ours as Deepgram's. No IO.
//!
//! Wire facts: `docs/protocols/deepgram.md`. Times on the wire are seconds of audio since the connection
//! opened; a [`Scale`] turns them into places in the customer's audio.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use conversation::{FailureKind, Recognition};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use model::AudioPosition;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use url::Url;

use crate::stt::RecognizerConfig;
use crate::{refusal, socket};

/// Keeps a connection open on which no audio flows; to be sent every 3 to 5 seconds, has no answer.
pub const KEEP_ALIVE: &str = r#"{"type":"KeepAlive"}"#;
/// Makes the words so far final.
pub const FINALIZE: &str = r#"{"type":"Finalize"}"#;
/// Says that no more audio comes; the last results follow, then the vendor closes.
pub const CLOSE_STREAM: &str = r#"{"type":"CloseStream"}"#;

/// Milliseconds without a word, by the words' times, after which the vendor says `UtteranceEnd`: its
/// floor, since interim results come about once a second.
const UTTERANCE_END_MS: &str = "1000";

/// Where the vendor's clock lies in the customer's audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    /// Place of the first byte that was sent on the connection.
    pub start: AudioPosition,
    /// Place after the last byte that was sent: nothing can have been heard beyond it.
    pub end: AudioPosition,
}

/// What a message from Deepgram is to a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    Heard(Recognition),
    /// Known, and nothing that a call waits for.
    Aside,
    /// A type that we do not know; there will be more of them.
    Unknown,
    /// A text message of ours was not understood. The connection goes on.
    NotUnderstood,
    /// The vendor gives up.
    Error,
}

/// Not a message of Deepgram's. Says nothing of what it was: it can hold what somebody said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a message of Deepgram's live recognition")]
pub struct Garbage;

/// The address of a connection: what the vendor is asked for is all in it.
#[must_use]
pub fn listen_url(base: &Url, model: &str, config: &RecognizerConfig) -> Url {
    let mut url = socket::url(base, &["v1", "listen"]);
    url.query_pairs_mut()
        .append_pair("model", model)
        .append_pair("language", &config.language)
        .append_pair("encoding", "mulaw")
        .append_pair("sample_rate", "8000")
        .append_pair("channels", "1")
        .append_pair("interim_results", "true")
        .append_pair("endpointing", &config.endpointing_ms.to_string())
        .append_pair("utterance_end_ms", UTTERANCE_END_MS)
        .append_pair("vad_events", "true")
        .append_pair("smart_format", "true")
        .append_pair("tag", &config.tag);
    url
}

/// Reads one text message.
///
/// # Errors
/// It is not JSON, or lacks what its type must have.
pub fn decode(text: &str, scale: Scale) -> Result<Message, Garbage> {
    let Typed { kind } = parse(text)?;
    Ok(match kind.as_ref() {
        "Results" => results(&parse(text)?, scale)?,
        "SpeechStarted" => {
            let SpeechStarted { timestamp } = parse(text)?;
            let at = scale.at(timestamp)?;
            Message::Heard(Recognition::SpeechStarted { at })
        }
        "UtteranceEnd" => {
            let UtteranceEnd { last_word_end } = parse(text)?;
            // Negative: no word since the last time. Not documented, and harmless to expect.
            if last_word_end.is_some_and(|end| end < 0.0) {
                Message::Aside
            } else {
                Message::Heard(Recognition::UtteranceEnded)
            }
        }
        "Metadata" | "ConfigureSuccess" | "ConfigureFailure" => Message::Aside,
        "Error" => {
            let Error { variant } = parse(text)?;
            match variant.as_deref() {
                Some("SchemaError") => Message::NotUnderstood,
                Some(_) | None => Message::Error,
            }
        }
        _ => Message::Unknown,
    })
}

/// What a close means (`docs/protocols/deepgram.md#close-codes`).
#[must_use]
pub const fn closed(code: Option<u16>) -> FailureKind {
    match code {
        // 1008 DATA-0000: our bytes are not the audio we said they were. 1009: a frame was too large.
        Some(1008 | 1009) => FailureKind::Refused,
        // 1011 NET-0000, NET-0001: one side heard nothing of the other for too long. A new connection
        // works.
        Some(_) | None => FailureKind::Closed,
    }
}

/// What a refused handshake means. The vendor explains itself in a header, and that goes to the log.
#[must_use]
pub fn refused(status: StatusCode, headers: &HeaderMap, _body: &[u8]) -> FailureKind {
    let kind = match status.as_u16() {
        // The key is good, but not for this model.
        403 => FailureKind::Refused,
        _ => refusal::by_status(status, headers, Timestamp::now()),
    };
    // That the vendor fails is told once, by who sees all calls; this says why.
    tracing::info!(
        vendor = super::VENDOR,
        status = status.as_u16(),
        request_id = refusal::explanation(headers, "dg-request-id"),
        explanation = refusal::explanation(headers, "dg-error"),
        "speech recognition refused the connection"
    );
    kind
}

impl Scale {
    fn at(self, seconds: f64) -> Result<AudioPosition, Garbage> {
        let span = Duration::try_from_secs_f64(seconds).map_err(|_not_a_time| Garbage)?;
        Ok((self.start + span).min(self.end))
    }
}

fn results(results: &Results<'_>, scale: Scale) -> Result<Message, Garbage> {
    let First(best) = &results.channel.alternatives;
    let (text, words) = match best {
        Some(best) => (best.transcript.trim(), best.words.unwrap_or_default()),
        None => ("", Words::default()),
    };
    let start = scale.at(words.start.unwrap_or(results.start))?;
    let end = scale.at(words.end.unwrap_or(results.start + results.duration))?;
    let end = end.max(start);
    let text = text.to_owned();
    Ok(if results.is_final.unwrap_or(false) {
        let speech_final = results.speech_final.unwrap_or(false);
        Message::Heard(Recognition::Final {
            text,
            start,
            end,
            // The answer to `Finalize` ends the phrase as a pause does: somebody asked for its end.
            speech_final: speech_final || results.from_finalize.unwrap_or(false),
        })
    } else if text.is_empty() {
        Message::Aside
    } else {
        Message::Heard(Recognition::Interim { text, end })
    })
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Garbage> {
    serde_json::from_str(text).map_err(|_says_what_it_read| Garbage)
}

#[derive(Deserialize)]
struct Typed<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Results<'a> {
    start: f64,
    duration: f64,
    is_final: Option<bool>,
    speech_final: Option<bool>,
    from_finalize: Option<bool>,
    #[serde(borrow)]
    channel: Channel<'a>,
}

#[derive(Deserialize)]
struct Channel<'a> {
    #[serde(borrow)]
    alternatives: First<Alternative<'a>>,
}

#[derive(Deserialize)]
struct Alternative<'a> {
    #[serde(borrow)]
    transcript: Cow<'a, str>,
    words: Option<Words>,
}

#[derive(Deserialize)]
struct Word {
    start: Option<f64>,
    end: Option<f64>,
}

#[derive(Deserialize)]
struct SpeechStarted {
    timestamp: f64,
}

#[derive(Deserialize)]
struct UtteranceEnd {
    last_word_end: Option<f64>,
}

#[derive(Deserialize)]
struct Error<'a> {
    #[serde(borrow)]
    variant: Option<Cow<'a, str>>,
}

/// The first element of an array; the others are not kept.
struct First<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for First<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Elements<T> {
            type Value = First<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<First<T>, A::Error> {
                let first = array.next_element()?;
                while array.next_element::<IgnoredAny>()?.is_some() {}
                Ok(First(first))
            }
        }

        deserializer.deserialize_seq(Elements(PhantomData))
    }
}

/// When the first word of an array starts and the last one ends; the words are in the transcript.
#[derive(Clone, Copy, Default)]
struct Words {
    start: Option<f64>,
    end: Option<f64>,
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements;

        impl<'de> Visitor<'de> for Elements {
            type Value = Words;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of words")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Words, A::Error> {
                let mut words = Words::default();
                while let Some(Word { start, end }) = array.next_element()? {
                    words.start = words.start.or(start);
                    words.end = end.or(words.end);
                }
                Ok(words)
            }
        }

        deserializer.deserialize_seq(Elements)
    }
}

#[cfg(test)]
mod tests;
