//! Deepgram: live recognition, version 1 of its protocol (Nova models).

mod client;
pub mod codec;

pub(crate) use client::Deepgram;

/// The name in failures and metrics.
const VENDOR: &str = "deepgram";
