//! The audio of an answered call: the line to the person, the stream to the other side, and who answered.

pub(crate) mod detector;
pub(super) mod line;
pub(super) mod playout;
pub(super) mod stream;
