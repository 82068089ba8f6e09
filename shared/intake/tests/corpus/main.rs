//! Lists as products and people export them, held against what an operations person expects of each row.
//!
//! Only the public API is used. `shared/intake/corpus/README.md` says how a list and its expectations are
//! written down, and why one half of them is sealed.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests: what is not there fails the test"
)]

mod accounting;
mod expected;
mod reading;
mod shapes;
mod spellings;
