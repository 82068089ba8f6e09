//! Simulated speech recognition by Deepgram, live, version 1.
//!
//! [`Vendor`] is the peer without IO. It hears nothing but the audio that it is sent, with the ears of
//! [`crate::voice::Listener`]: words that were lost, reordered or altered on the way come out as
//! `[garbled]`. It takes what the real service takes and refuses the rest. [`Server`] is the same on
//! a loopback socket. It does not know who speaks.

mod query;
mod server;
mod session;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;

pub use server::{Config, Server, Stats};
pub use session::Session;

use crate::peer::Violations;
use crate::peer::fault::{Fault, Faults};
use crate::peer::latency::{Latency, chance};
use crate::peer::{Head, Opening, Refused};

/// How the simulated vendor behaves.
#[derive(Debug, Clone)]
pub struct Behaviour {
    /// The only key that is let in.
    pub api_key: String,
    /// Models that the key may use besides the public ones.
    pub models: BTreeSet<String>,
    /// From the request for a connection to its answer.
    pub connect: Latency,
    /// From the audio that shows something to the message that says it.
    pub latency: Latency,
    /// Audio between two interim results while nothing new is heard, in milliseconds.
    pub interim_every_ms: u64,
    /// Audio after which words are made final although the customer goes on, in milliseconds.
    pub final_every_ms: u64,
    pub faults: Faults,
    pub seed: u64,
}

/// The simulated vendor without IO. Shared by all its connections.
#[derive(Debug)]
pub struct Vendor {
    behaviour: Behaviour,
    violations: Violations,
    requests: AtomicU64,
    heard: Arc<AtomicU64>,
}

/// How long a refusal takes.
const REFUSAL_AFTER: Duration = Duration::from_millis(15);

impl Behaviour {
    /// Nova in a region nearby.
    #[must_use]
    pub fn new(api_key: &str) -> Self {
        Self {
            api_key: api_key.to_owned(),
            models: BTreeSet::new(),
            connect: Latency::between_ms(20, 60),
            latency: Latency::between_ms(60, 120),
            interim_every_ms: 1_000,
            final_every_ms: 4_000,
            faults: Faults::none(),
            seed: 0,
        }
    }

    /// Answers at once: for measuring everything but the vendor.
    #[must_use]
    pub fn without_delay(mut self) -> Self {
        self.connect = Latency::NONE;
        self.latency = Latency::NONE;
        self
    }
}

impl Vendor {
    #[must_use]
    pub fn new(behaviour: Behaviour) -> Self {
        Self {
            behaviour,
            violations: Violations::default(),
            requests: AtomicU64::new(0),
            heard: Arc::default(),
        }
    }

    /// What its clients did wrong.
    #[must_use]
    pub fn violations(&self) -> &Violations {
        &self.violations
    }

    /// Connections so far, refused ones included.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Samples heard so far, on all connections.
    #[must_use]
    pub fn samples_heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }

    /// Answers the request for a WebSocket at `/v1/listen`.
    #[must_use]
    pub fn connect(&self, head: Head<'_>, now: Duration) -> Opening<Session> {
        let index = self.requests.fetch_add(1, Ordering::Relaxed);
        let behaviour = &self.behaviour;
        let fault = behaviour.faults.of(index);
        let request_id = format!("00000000-0000-4000-8000-{index:012x}");
        let refuse = |status, code: &str, message: &str| Refused {
            at: now + REFUSAL_AFTER,
            status,
            retry_after: None,
            headers: vec![
                ("dg-request-id", request_id.clone()),
                ("dg-error", message.to_owned()),
            ],
            body: json!({"err_code": code, "err_msg": message, "request_id": request_id})
                .to_string(),
        };
        match fault {
            Some(Fault::RefuseConnect) => return Opening::Cut,
            Some(Fault::SilentAfter { messages: 0 }) => return Opening::Silent,
            Some(Fault::Unauthorized) => {
                return Opening::Refused(refuse(401, "INVALID_AUTH", "Invalid credentials."));
            }
            Some(Fault::RateLimited { retry_after }) => {
                let mut refused = refuse(
                    429,
                    "TOO_MANY_REQUESTS",
                    "Too many requests. Please try again later",
                );
                refused.retry_after = retry_after;
                return Opening::Refused(refused);
            }
            Some(Fault::ServerError) => {
                return Opening::Refused(refuse(
                    500,
                    "INTERNAL_SERVER_ERROR",
                    "Internal server error.",
                ));
            }
            Some(
                Fault::CloseAfter { .. }
                | Fault::CutAfter { .. }
                | Fault::SilentAfter { .. }
                | Fault::GarbageAfter { .. }
                | Fault::Slow { .. },
            )
            | None => {}
        }
        if !self.lets_in(head.key) {
            return Opening::Refused(refuse(401, "INVALID_AUTH", "Invalid credentials."));
        }
        let parameters = match query::Parameters::parse(head.query, &behaviour.models) {
            Ok(parameters) => parameters,
            Err(problem) => {
                self.violations.note(problem.as_str());
                return Opening::Refused(refuse(400, "Bad Request", &problem));
            }
        };
        let mut rng = chance(behaviour.seed, "deepgram", index);
        let slow = match fault {
            Some(Fault::Slow { extra }) => extra,
            Some(_) | None => Duration::ZERO,
        };
        let at = now + behaviour.connect.draw(&mut rng) + slow;
        let session = Session::new(
            behaviour,
            parameters,
            request_id,
            fault,
            rng,
            self.violations.clone(),
            Arc::clone(&self.heard),
            at,
        );
        Opening::Open { at, session }
    }

    /// Answers `GET /v1/projects`: status and body.
    #[must_use]
    pub fn projects(&self, head: Head<'_>) -> (u16, String) {
        let refused = |status: u16, code: &str, message: &str| {
            let request_id = "00000000-0000-4000-8000-000000000000";
            let body = json!({"err_code": code, "err_msg": message, "request_id": request_id});
            (status, body.to_string())
        };
        if !self.lets_in(head.key) {
            return refused(401, "INVALID_AUTH", "Invalid credentials.");
        }
        if !head.query.is_empty() {
            self.violations.note("projects: takes no parameter");
            return refused(400, "Bad Request", "unknown parameter");
        }
        let project = json!({
            "project_id": "00000000-0000-4000-8000-000000000051",
            "name": "simulated",
        });
        (200, json!({ "projects": [project] }).to_string())
    }

    fn lets_in(&self, key: Option<&str>) -> bool {
        let key = key.and_then(|value| {
            value
                .strip_prefix("Token ")
                .or(value.strip_prefix("Bearer "))
        });
        let known = key == Some(self.behaviour.api_key.as_str());
        if !known {
            self.violations.note("authorization: not our key");
        }
        known
    }
}
