//! `OpenAI`'s chat completions, and hosts that speak the same.

mod client;
pub mod codec;

pub(crate) use client::OpenAi;

/// The name in failures and metrics.
const VENDOR: &str = "openai";
