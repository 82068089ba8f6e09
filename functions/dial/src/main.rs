//! The dial queue's function as a Lambda.

use std::process::ExitCode;

use dial::{DialState, handle};

fn main() -> ExitCode {
    lambda::work("dial", DialState::new, async |event, state| {
        Ok(handle(event, state).await)
    })
}
