//! A simulated language model behind OpenAI's streaming chat completions.
//!
//! [`Model`] is the peer without IO: a request in, a refusal or a stream with due times out. It takes
//! what the real service takes and refuses the rest in its words; what it says comes from a
//! [`Brain`]. [`Server`] is the same on a loopback socket. It does not know what the conversation is
//! good for.

mod brain;
mod request;
mod server;
mod stream;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

pub use brain::{Brain, Conversation, Last, Reply, Script, When};
pub use server::{Config, Server, Stats};
pub use stream::{Answer, Model, RequestHead};

use crate::peer::fault::Faults;
use crate::peer::latency::Latency;

/// How the simulated model behaves.
#[derive(Clone)]
pub struct Behaviour {
    /// The only key that is let in.
    pub api_key: String,
    /// Models that exist; empty: any name does.
    pub models: BTreeSet<String>,
    /// What it says.
    pub brain: Arc<dyn Brain>,
    /// From the request to the first token.
    pub first_token: Latency,
    /// From token to token.
    pub next_token: Latency,
    /// Hand the stream out in pieces of odd sizes that respect neither events nor characters.
    pub shred: bool,
    /// A comment line, as hosts send them to keep a connection open, before the first token when that
    /// takes longer than this.
    pub comment_after: Option<Duration>,
    pub faults: Faults,
    pub seed: u64,
}

impl std::fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Behaviour")
            .field("models", &self.models)
            .field("first_token", &self.first_token)
            .field("next_token", &self.next_token)
            .field("faults", &self.faults)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

impl Behaviour {
    /// A small model in a region nearby.
    #[must_use]
    pub fn new(api_key: &str, brain: Arc<dyn Brain>) -> Self {
        Self {
            api_key: api_key.to_owned(),
            models: BTreeSet::new(),
            brain,
            first_token: Latency::between_ms(180, 320),
            next_token: Latency::between_ms(8, 20),
            shred: true,
            comment_after: None,
            faults: Faults::none(),
            seed: 0,
        }
    }

    /// Answers at once: for measuring everything but the vendor.
    #[must_use]
    pub fn without_delay(mut self) -> Self {
        self.first_token = Latency::NONE;
        self.next_token = Latency::NONE;
        self
    }
}
