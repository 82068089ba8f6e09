//! Simulated carriers, a folder each, and what they share.

pub mod recording;
pub mod twilio;
