//! The carrier's side of a call: its socket, its first messages, and the agent's audio on its way out.

pub(crate) mod handshake;
pub(crate) mod playout;
pub(crate) mod socket;
