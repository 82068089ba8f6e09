//! The dial queue's function as a Lambda.

use std::process::ExitCode;

use dial::{State, handle};

fn main() -> ExitCode {
    lambda::work("dial", State::new, async |event, state| {
        Ok(handle(event, state).await)
    })
}
