//! Whole sessions of a media worker over real sockets.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, outside the test functions themselves"
)]

mod chains;
mod conversation;
mod refusals;
mod scene;
