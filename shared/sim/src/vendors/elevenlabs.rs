//! Simulated speech synthesis by ElevenLabs: the multi-context WebSocket and the HTTP stream.
//!
//! [`Vendor`] is the peer without IO. What it speaks is [`crate::voice`], so that the words travel in
//! the audio. It takes what the real service takes and refuses the rest. [`Server`] is the same on a
//! loopback socket. It does not know why something is said.

mod http;
mod message;
mod query;
mod server;
mod session;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;

pub use http::Speaking;
pub use server::{Config, Server, Stats};
pub use session::Session;

use crate::peer::Violations;
use crate::peer::fault::{Fault, Faults};
use crate::peer::latency::{Latency, chance};
use crate::peer::{Head, Opening, Refused};
use crate::voice::Voice;

/// How the simulated vendor behaves.
#[derive(Debug, Clone)]
pub struct Behaviour {
    /// The only key that is let in.
    pub api_key: String,
    /// Voices that exist; empty: any id does.
    pub voices: BTreeSet<String>,
    /// From the request for a connection to its answer.
    pub connect: Latency,
    /// From the text that starts a generation to its first audio.
    pub first_byte: Latency,
    /// How much faster than it is spoken audio is made, in percent (800 is eight times as fast).
    pub rate_percent: u32,
    /// Audio bytes of one message, least and most; made odd, so that no message is a whole number of
    /// frames.
    pub chunk_bytes: (usize, usize),
    pub spelling: Spelling,
    pub faults: Faults,
    pub seed: u64,
}

/// The service writes some field names in two ways, by its version and page of documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// `contextId`, `isFinal`, `charDurationsMs`.
    Camel,
    /// `context_id`, `is_final`, `charsDurationsMs`.
    Snake,
    /// Every other connection.
    Mixed,
}

/// The simulated vendor without IO. Shared by all its connections.
#[derive(Debug)]
pub struct Vendor {
    behaviour: Behaviour,
    violations: Violations,
    voices: Mutex<BTreeMap<String, Voice>>,
    requests: AtomicU64,
}

/// Voices whose sound is kept ready; more are made anew each time.
const VOICES_KEPT_MAX: usize = 64;
/// How long a refusal takes.
const REFUSAL_AFTER: Duration = Duration::from_millis(15);

impl Behaviour {
    /// The flash model in a region nearby.
    #[must_use]
    pub fn new(api_key: &str) -> Self {
        Self {
            api_key: api_key.to_owned(),
            voices: BTreeSet::new(),
            connect: Latency::between_ms(20, 60),
            first_byte: Latency::between_ms(80, 150),
            rate_percent: 800,
            chunk_bytes: (1_200, 5_200),
            spelling: Spelling::Mixed,
            faults: Faults::none(),
            seed: 0,
        }
    }

    /// Answers at once: for measuring everything but the vendor.
    #[must_use]
    pub fn without_delay(mut self) -> Self {
        self.connect = Latency::NONE;
        self.first_byte = Latency::NONE;
        self
    }
}

impl Vendor {
    #[must_use]
    pub fn new(behaviour: Behaviour) -> Self {
        Self {
            behaviour,
            violations: Violations::default(),
            voices: Mutex::default(),
            requests: AtomicU64::new(0),
        }
    }

    /// What its clients did wrong.
    #[must_use]
    pub fn violations(&self) -> &Violations {
        &self.violations
    }

    /// Connections and requests so far, refused ones included.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Answers the request for a WebSocket.
    #[must_use]
    pub fn connect(&self, head: Head<'_>, now: Duration) -> Opening<Session> {
        let index = self.requests.fetch_add(1, Ordering::Relaxed);
        let fault = self.behaviour.faults.of(index);
        if let Some(opening) = refused_by(fault, now) {
            return opening;
        }
        let parameters = self.let_in(head, now).and_then(|()| {
            let parsed = query::Parameters::parse(head.path, head.query, "multi-stream-input");
            parsed.map_err(|problem| self.refuse(400, &problem, now))
        });
        let parameters = match parameters {
            Ok(parameters) => parameters,
            Err(refused) => return Opening::Refused(refused),
        };
        if let Some(refused) = self.unknown_voice(&parameters.voice_id, now) {
            return Opening::Refused(refused);
        }
        let mut rng = chance(self.behaviour.seed, "elevenlabs", index);
        let slow = match fault {
            Some(Fault::Slow { extra }) => extra,
            Some(_) | None => Duration::ZERO,
        };
        let at = now + self.behaviour.connect.draw(&mut rng) + slow;
        let voice = self.voice(&parameters.voice_id);
        let snake = match self.behaviour.spelling {
            Spelling::Camel => false,
            Spelling::Snake => true,
            Spelling::Mixed => index % 2 == 1,
        };
        let session = Session::new(
            &self.behaviour,
            &parameters,
            voice,
            snake,
            fault,
            rng,
            self.violations.clone(),
            at,
        );
        Opening::Open { at, session }
    }

    /// Answers `GET /v1/voices/{voice_id}`.
    ///
    /// # Errors
    /// The refusal, when the key or the voice is not known or a parameter is given.
    pub fn about_voice(
        &self,
        head: Head<'_>,
        voice_id: &str,
        now: Duration,
    ) -> Result<String, Refused> {
        self.let_in(head, now)?;
        if !matches!(
            head.query,
            "" | "with_settings=true" | "with_settings=false"
        ) {
            return Err(self.refuse(400, "unknown parameter", now));
        }
        if let Some(refused) = self.unknown_voice(voice_id, now) {
            return Err(refused);
        }
        let voice = json!({
            "voice_id": voice_id,
            "name": "simulated",
            "category": "premade",
            "labels": {},
        });
        Ok(voice.to_string())
    }

    fn let_in(&self, head: Head<'_>, now: Duration) -> Result<(), Refused> {
        if head.key == Some(self.behaviour.api_key.as_str()) {
            return Ok(());
        }
        self.violations.note("xi-api-key: not our key");
        Err(refused(401, "invalid_api_key", "Invalid API key", now))
    }

    fn unknown_voice(&self, voice_id: &str, now: Duration) -> Option<Refused> {
        if self.behaviour.voices.is_empty() || self.behaviour.voices.contains(voice_id) {
            return None;
        }
        self.violations.note("voice: does not exist");
        let message = "A voice with that id was not found.";
        Some(refused(404, "voice_not_found", message, now))
    }

    fn refuse(&self, status: u16, problem: &str, now: Duration) -> Refused {
        self.violations.note(problem);
        refused(status, "invalid_request", problem, now)
    }

    pub(crate) fn voice(&self, voice_id: &str) -> Voice {
        let mut voices = self.voices.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(voice) = voices.get(voice_id) {
            return voice.clone();
        }
        let voice = Voice::named(voice_id);
        if voices.len() < VOICES_KEPT_MAX {
            voices.insert(voice_id.to_owned(), voice.clone());
        }
        voice
    }
}

/// The answer that a fault gives to any request, when it is one that strikes before the answer.
fn refused_by<S>(fault: Option<Fault>, now: Duration) -> Option<Opening<S>> {
    let opening = match fault? {
        Fault::RefuseConnect => Opening::Cut,
        Fault::SilentAfter { messages: 0 } => Opening::Silent,
        Fault::Unauthorized => {
            Opening::Refused(refused(401, "invalid_api_key", "Invalid API key", now))
        }
        Fault::RateLimited { retry_after } => {
            let message = "Too many concurrent requests.";
            let mut refused = refused(429, "too_many_concurrent_requests", message, now);
            refused.retry_after = retry_after;
            Opening::Refused(refused)
        }
        Fault::ServerError => {
            let message = "Something went wrong.";
            Opening::Refused(refused(500, "internal_server_error", message, now))
        }
        Fault::CloseAfter { .. }
        | Fault::CutAfter { .. }
        | Fault::SilentAfter { .. }
        | Fault::GarbageAfter { .. }
        | Fault::Slow { .. } => return None,
    };
    Some(opening)
}

fn refused(status: u16, code: &str, message: &str, now: Duration) -> Refused {
    Refused {
        at: now + REFUSAL_AFTER,
        status,
        retry_after: None,
        headers: Vec::new(),
        body: json!({"detail": {"status": code, "message": message}}).to_string(),
    }
}
