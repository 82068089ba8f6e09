//! The far side, simulated: people, the carrier and the vendors, over their real wire protocols.
//!
//! Words travel inside the audio itself ([`voice`]), so a simulated recognizer hears only the
//! samples it was sent and a simulated [`person`] only the samples that were played to them. Each
//! peer is a core without sockets or clocks, told what happened and when, and a thin loopback server
//! around it. Peers are strict: they refuse what the real side refuses and count it.
//!
//! Nothing here shares a parser with the product: what the product sends is read by structs of this
//! crate, so that one mistake cannot hide on both sides.

pub mod balancer;
pub mod deepgram;
pub mod elevenlabs;
pub mod fault;
pub mod latency;
pub mod openai;
pub mod peer;
pub mod peers;
pub mod person;
pub mod recording;
mod serve;
pub mod twilio;
pub mod voice;
pub mod world;

pub use serve::Violations;
