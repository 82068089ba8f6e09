//! See `checks/vendors.rs`.
#![no_main]

#[path = "../checks/vendors.rs"]
#[expect(dead_code, reason = "the checks of the other targets are in it too")]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::openai_sse(data));
