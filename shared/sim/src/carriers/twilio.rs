//! Twilio, simulated: REST, signed webhooks, TwiML, Media Streams, recordings.
//!
//! [`Server`] is the carrier on loopback sockets, [`Core`] the same without sockets and clocks; [`Line`] is one answered call's audio
//! alone. Both follow the documented rules strictly and count what breaks them. Where no error code is
//! documented, invalid values are refused with 20422 and unknown parameters with 20001. Two things are
//! allowed that the real carrier would not allow: `ws` URLs of streams and `http` URLs of webhooks,
//! when they lead to this machine.

mod account;
mod call;
mod core;
mod hook;
pub(crate) mod media;
mod record;
mod rest;
mod server;
mod signature;
mod twiml;

pub use account::{Faults, Timing, Violation};
pub use call::{CallView, Gap, Output};
pub use core::{CALLS_KEPT_MAX, Core, CoreConfig, Directory, NoVoiceUrl};
pub use hook::{CallbackFaults, WebhookAnswer, WebhookRequest};
pub use media::line::{Lateness, Line, LineEvent};
pub use media::playout::{BUFFER_BYTES_MAX, MARKS_MAX, PlayoutStats};
pub use media::stream::{MESSAGE_BYTES_MAX, MediaStream, StreamIds, StreamProblem};
pub use record::Status;
pub use rest::{RestAnswer, RestBody, RestEffect, RestRequest};
pub use server::{Config, Server};
pub use signature::{SharedKey, Signed, sign};
pub use twiml::{PARAMETER_CHARS_MAX, TWIML_CHARS_MAX};
