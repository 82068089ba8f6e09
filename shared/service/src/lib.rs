//! The use cases of the product in plain async over the repositories and the carrier's client.
//!
//! Knows no HTTP framework, no Lambda event and no environment: entry points translate to and from it.

mod clock;
pub mod media;
pub mod recordings;

pub use clock::{Clock, Ids, SystemClock};
