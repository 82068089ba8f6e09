//! The import queue's function as a Lambda.

use std::process::ExitCode;

use import::{State, handle};

fn main() -> ExitCode {
    lambda::work("import", State::new, async |event, state| {
        Ok(handle(event, state).await)
    })
}
