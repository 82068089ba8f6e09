//! Simulated vendors of speech and language, a folder each. What they share with each other is [`crate::peer`].

pub mod deepgram;
pub mod elevenlabs;
pub mod openai;
pub mod peers;
