//! The carrier's webhooks as a Lambda.

use std::process::ExitCode;

use callbacks::{State, router};

fn main() -> ExitCode {
    lambda::serve("callbacks", async |started| {
        Ok(router(State::new(&started.parts)))
    })
}
