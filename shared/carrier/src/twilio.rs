//! Twilio: Programmable Voice over REST and webhooks, and Media Streams over a WebSocket.
//!
//! - [`media`] reads and writes the messages of a media socket. Pure, no allocation per frame.
//! - [`signature`] proves that a webhook or a media socket comes from Twilio.
//! - [`webhook`] turns the forms of callbacks into types.
//! - [`twiml`] writes the instructions that a call follows.
//! - [`client`] places, reads, changes and ends calls, and fetches and deletes recordings.

pub mod client;
pub mod media;
mod sid;
pub mod signature;
pub mod status;
pub mod transport;
pub mod twiml;
pub mod webhook;

pub use sid::{AccountSid, CallSid, NumberSid, RecordingSid, SidProblem, StreamSid};
