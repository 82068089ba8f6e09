//! See `checks/twilio.rs`.
#![no_main]

#[path = "../checks/twilio.rs"]
#[expect(dead_code, reason = "the checks of the other targets are in it too")]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::media(data));
