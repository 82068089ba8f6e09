//! The scheduler as a Lambda: a rule of the schedule and the table's stream both call it.

use std::process::ExitCode;

use scheduler::{State, handle};
use serde_json::Value;

fn main() -> ExitCode {
    lambda::work("scheduler", State::new, async |event: Value, state| {
        Ok(handle(&event, state).await?)
    })
}
