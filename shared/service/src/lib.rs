//! The use cases of the product in plain async over the repositories and the carrier's client.
//!
//! Knows no HTTP framework, no Lambda event and no environment: entry points translate to and from it.
//! What a fact does to a call is decided in one pure place, `progress`.

pub mod access;
pub mod agents;
pub mod callbacks;
pub mod calls;
pub mod campaigns;
mod chores;
mod claims;
mod clock;
mod ending;
pub mod fields;
pub mod forecasts;
mod hold;
pub mod imports;
pub mod keys;
pub mod labels;
pub mod leads;
mod ledger;
mod lines;
mod links;
pub mod media;
pub mod numbers;
mod parts;
pub mod permits;
pub mod placing;
mod policy;
mod progress;
pub mod prompts;
pub mod recordings;
mod refused;
mod requests;
pub mod scheduling;
pub mod suppressions;
pub mod sweeping;
pub mod workforce;

pub use clock::{Clock, Ids, SystemClock};
pub use hold::HOLDS_MAX;
pub use ledger::RecordError;
pub use links::{LinkProblem, Links};
pub use parts::{Parts, PartsError};
pub use refused::{FieldProblem, Refused};
pub use requests::{IdempotencyKey, KEY_CHARS_MAX};
