//! See `checks/intake.rs`.
#![no_main]

#[path = "../checks/intake.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::list(data));
