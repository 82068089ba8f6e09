//! Vendors of speech and language: recognition ([`stt`]), language models ([`llm`]), synthesis
//! ([`tts`]).
//!
//! Each vendor is one folder (`codec` turns text into the call's own events and back and does no IO,
//! `client` opens the socket) and one row of the table in [`vendors`]. Settings put the vendors of a role
//! into a chain, and an agent may order them anew. A place in a chain is a *route*: the core names routes
//! by number and decides what to do when one fails; nothing here decides to try again.
//!
//! A connection is an object that its owner polls in the owner's own task: nothing is spawned for it
//! and nothing is queued in a channel. **Sending never waits**: it puts bytes into a bounded buffer
//! that the next poll writes to the network, so poll an object right after sending through it.
//! After an event poll again, until [`std::task::Poll::Pending`]: only then is a wake-up registered.
//!
//! [`probe`] asks each vendor whether it takes our key, outside of calls.
//!
//! Nothing here knows calls, tables or carriers. Words and keys appear in no log and in no error.

pub mod llm;
pub mod probe;
pub mod stt;
pub mod tts;
pub mod vendors;

mod count;
mod http_client;
mod refusal;
mod socket;
pub mod sse;
#[cfg(test)]
mod testing;
mod tls;

pub use http_client::{through, what_happened};

/// What the clients need cannot be set up, whatever the network does.
#[derive(Debug, thiserror::Error)]
pub enum SetupProblem {
    #[error("no TLS configuration can be made")]
    Tls(#[source] rustls::Error),
    #[error("no HTTP client can be made")]
    Http(#[source] reqwest::Error),
    #[error("{} names no vendor that there is", .0.variable())]
    NoVendor(settings::VendorRole),
}
