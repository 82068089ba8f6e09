//! Speech over HTTP: one text in, raw audio in chunks out.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use rand::RngExt as _;
use serde::Deserialize;
use serde_json::json;

use super::message::VoiceSettings;
use super::query::{self, Parameters};
use super::{REFUSAL_AFTER, Vendor, refused_by};
use crate::peer::fault::Fault;
use crate::peer::latency::{Latency, chance};
use crate::peer::{Due, Head, Opening, Outbox, Refused, Wire};
use crate::voice::{SAMPLES_PER_MS, speak};

/// The longest text of the flash and turbo models.
const TEXT_CHARS_MAX: usize = 40_000;
const REQUEST_IDS_MAX: usize = 3;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    text: String,
    model_id: Option<String>,
    language_code: Option<String>,
    voice_settings: Option<VoiceSettings>,
    #[serde(rename = "seed")]
    _seed: Option<u32>,
    #[serde(rename = "previous_text")]
    _previous_text: Option<String>,
    #[serde(rename = "next_text")]
    _next_text: Option<String>,
    #[serde(default)]
    previous_request_ids: Vec<String>,
    apply_text_normalization: Option<String>,
}

/// The body of the response: its pieces with their due times. A stream without an end hangs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speaking {
    pub pieces: Vec<Due>,
}

impl Vendor {
    /// Answers `POST /v1/text-to-speech/{voice_id}/stream`. The head of the response is due with the
    /// first audio.
    #[must_use]
    pub fn stream(&self, head: Head<'_>, body: &[u8], now: Duration) -> Opening<Speaking> {
        let index = self.requests.fetch_add(1, Ordering::Relaxed);
        let fault = self.behaviour.faults.of(index);
        if let Some(opening) = refused_by(fault, now) {
            return opening;
        }
        match self.try_stream(head, body, index, fault, now) {
            Ok((at, speaking)) => Opening::Open {
                at,
                session: speaking,
            },
            Err(refused) => Opening::Refused(refused),
        }
    }

    fn try_stream(
        &self,
        head: Head<'_>,
        body: &[u8],
        index: u64,
        fault: Option<Fault>,
        now: Duration,
    ) -> Result<(Duration, Speaking), Refused> {
        self.let_in(head, now)?;
        let parameters = Parameters::parse(head.path, head.query, "stream")
            .map_err(|problem| self.refuse(400, &problem, now))?;
        if let Some(refused) = self.unknown_voice(&parameters.voice_id, now) {
            return Err(refused);
        }
        let body: Body =
            serde_json::from_slice(body).map_err(|_problem| self.unprocessable("body", now))?;
        let model = body.model_id.as_deref();
        if model.is_some_and(|model| !query::is_model(model)) {
            return Err(self.unprocessable("model_id", now));
        }
        let language = body.language_code.as_deref();
        if language.is_some_and(|language| query::check_language(language).is_none()) {
            return Err(self.unprocessable("language_code", now));
        }
        let settings = body.voice_settings.unwrap_or_default();
        if settings.check().is_err() {
            return Err(self.unprocessable("voice_settings", now));
        }
        if body.previous_request_ids.len() > REQUEST_IDS_MAX {
            return Err(self.unprocessable("previous_request_ids", now));
        }
        let normalization = body.apply_text_normalization.as_deref();
        if normalization.is_some_and(|value| !["auto", "on", "off"].contains(&value)) {
            return Err(self.unprocessable("apply_text_normalization", now));
        }
        if body.text.trim().is_empty() {
            return Err(self.unprocessable("text", now));
        }
        if body.text.chars().count() > TEXT_CHARS_MAX {
            return Err(self.refuse(400, "max_character_limit_exceeded", now));
        }
        let behaviour = &self.behaviour;
        let mut rng = chance(behaviour.seed, "elevenlabs http", index);
        let slow = match fault {
            Some(Fault::Slow { extra }) => extra,
            Some(_) | None => Duration::ZERO,
        };
        let voice = self
            .voice(&parameters.voice_id)
            .at_rate(settings.rate_percent());
        let audio = Bytes::from(speak(&body.text, &voice).audio);
        let first = now + behaviour.first_byte.draw(&mut rng);
        // Without a length and a check sum nobody can tell a body that ends too early from a whole one,
        // or noise from speech, so the connection breaks instead.
        let fault = match fault {
            Some(Fault::CloseAfter { messages } | Fault::GarbageAfter { messages }) => {
                Some(Fault::CutAfter { messages })
            }
            other @ (Some(_) | None) => other,
        };
        let mut outbox = Outbox::new(
            Latency::NONE,
            fault,
            chance(behaviour.seed, "outbox", index),
        );
        let mut at = first;
        let mut offset = 0;
        while offset < audio.len() {
            let (least, most) = behaviour.chunk_bytes;
            let bytes = rng.random_range(least.max(1)..=most.max(least.max(1))) | 1;
            let end = (offset + bytes).min(audio.len());
            outbox.send_at(at, Wire::Binary(audio.slice(offset..end)));
            let millis = u64::try_from(end - offset).unwrap_or(u64::MAX) / SAMPLES_PER_MS;
            at +=
                Duration::from_micros(millis * 100_000 / u64::from(behaviour.rate_percent.max(1)));
            offset = end;
        }
        match fault {
            Some(Fault::SilentAfter { .. }) => {}
            Some(_) | None => outbox.send_at(
                at,
                Wire::Close {
                    code: 1000,
                    reason: String::new(),
                },
            ),
        }
        let pieces = outbox.take();
        Ok((first + slow, Speaking { pieces }))
    }

    /// 422 in the form of the service's validation.
    fn unprocessable(&self, field: &str, now: Duration) -> Refused {
        self.violations.note(format!("body {field}: refused"));
        Refused {
            at: now + REFUSAL_AFTER,
            status: 422,
            retry_after: None,
            headers: Vec::new(),
            body: json!({"detail": [{"loc": ["body", field], "msg": "Input should be valid", "type": "value_error"}]}).to_string(),
        }
    }
}
