//! ElevenLabs: synthesis over its multi-context WebSocket, and over HTTP where that fails.

mod client;
pub mod codec;
mod http;

pub(crate) use client::OverWebSocket;
pub(crate) use http::OverHttp;

/// The name in failures and metrics.
const VENDOR: &str = "elevenlabs";
