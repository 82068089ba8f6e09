//! `OpenAI`'s chat completions, and hosts that speak the same.

mod client;
pub mod codec;
mod probe;

pub(crate) use client::OpenAi;
pub(crate) use probe::question;

/// The name in failures and metrics.
pub(crate) const VENDOR: &str = "openai";
