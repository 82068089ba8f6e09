//! The carrier's webhooks as a Lambda.

use std::process::ExitCode;

use callbacks::{CallbackState, router};

fn main() -> ExitCode {
    lambda::serve("callbacks", async |started| {
        Ok(router(CallbackState::new(&started.parts)))
    })
}
