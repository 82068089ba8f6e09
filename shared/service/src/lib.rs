//! The use cases of the product in plain async over the repositories and the carrier's client.
//!
//! Knows no HTTP framework, no Lambda event and no environment: entry points translate to and from it.
//! What a fact does to a call is decided in one pure place, `call::lifecycle`.

pub mod account;
pub mod agent;
pub mod call;
pub mod campaign;
pub mod context;
pub mod dialing;
pub mod lead;

pub use call::hold::HOLDS_MAX;
pub use call::recorder::RecordError;
pub use context::clock::{Clock, Ids, SystemClock};
pub use context::links::{LinkProblem, Links};
pub use context::refused::Refused;
pub use context::requests::{IdempotencyKey, KEY_CHARS_MAX};
pub use context::{Context, ContextError};
pub use dialer::ZoneName;
pub use model::{Fault, FieldProblem, Place};
