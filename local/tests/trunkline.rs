//! Journeys with the binary as a user starts it. They are here and not in `tests/it`, because cargo
//! builds a package's binaries for that package's own tests only.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail loudly"
)]

#[path = "trunkline/doctor.rs"]
mod doctor;
#[path = "trunkline/process.rs"]
mod process;
#[path = "trunkline/readme.rs"]
mod readme;
#[path = "trunkline/reconcile.rs"]
mod reconcile;
#[path = "trunkline/simulate.rs"]
mod simulate;
#[path = "trunkline/starts.rs"]
mod starts;
