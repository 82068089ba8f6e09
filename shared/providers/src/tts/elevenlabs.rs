//! ElevenLabs: synthesis over its multi-context WebSocket, and over HTTP where that fails.

mod client;
pub mod codec;
mod http;
mod probe;

pub(crate) use client::OverWebSocket;
pub(crate) use http::OverHttp;
pub(crate) use probe::question;

/// The name in failures and metrics.
pub(crate) const VENDOR: &str = "elevenlabs";
