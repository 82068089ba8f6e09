//! Simulated carriers, a folder each, and what they share.

pub mod recording;
pub mod twilio;

/// The carrier that stands in where no account is set.
pub use twilio as stand_in;
