//! Everything in one process, for a laptop: the embedded engines and what runs on them.

pub mod engines;
pub mod pump;
pub mod tailer;
