//! The import queue's function as a Lambda.

use std::process::ExitCode;

use import::{ImportState, handle};

fn main() -> ExitCode {
    lambda::work("import", ImportState::new, async |event, state| {
        Ok(handle(event, state).await)
    })
}
