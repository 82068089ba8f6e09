//! System tests: one binary, each test with its own world (store, ports, clock).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail loudly"
)]

mod carriers;
mod conformance;
mod control;
mod deployed;
mod descriptions;
mod doctor;
mod fuzz_intake;
mod fuzz_twilio;
mod fuzz_vendors;
mod installation;
mod journeys;
mod leftovers;
mod oracle;
mod releases;
mod simulation;
mod template;
mod tidy;
mod twilio_openapi;
mod vendor_specs;
mod vendors;
