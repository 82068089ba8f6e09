//! Deepgram: live recognition, version 1 of its protocol (Nova models).

mod client;
pub mod codec;
mod probe;

pub(crate) use client::Deepgram;
pub(crate) use probe::question;

/// The name in failures and metrics.
pub(crate) const VENDOR: &str = "deepgram";
