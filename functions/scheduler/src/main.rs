//! The scheduler as a Lambda: a rule of the schedule and the table's stream both call it.

use std::process::ExitCode;

use scheduler::{SchedulerState, handle};
use serde_json::Value;

fn main() -> ExitCode {
    lambda::work(
        "scheduler",
        SchedulerState::new,
        async |event: Value, state| Ok(handle(&event, state).await?),
    )
}
