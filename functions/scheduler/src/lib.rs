//! The scheduler's function: plans and sweeps at every tick, and plans when an event may allow a call.
//!
//! Two things call it on AWS: a schedule, every minute, and the table's stream with rows that were
//! written. Which events matter and what is done is the use case `service::scheduling`. Every call may be
//! repeated.

mod stream;

use std::fmt;

use model::DomainEvent;
use serde_json::Value;
use service::Parts;
use service::scheduling::{Scheduling, StepError, Stepped, wakes};
use telemetry::Chain;
use tracing::{error, info};

pub use stream::events;

/// What the function works with.
#[derive(Clone)]
pub struct State {
    scheduling: Scheduling,
}

impl State {
    #[must_use]
    pub fn new(parts: &Parts) -> Self {
        Self {
            scheduling: Scheduling::new(parts),
        }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("scheduler::State").finish_non_exhaustive()
    }
}

/// Works on what Lambda hands over: records of the table's stream, or else a tick of the schedule.
///
/// # Errors
/// [`StepError`]: Lambda delivers the records again; a tick is followed by the next.
pub async fn handle(event: &Value, state: &State) -> Result<(), StepError> {
    let Some(events) = events(event) else {
        return tick(state).await.map(|_stepped| ());
    };
    // One step sees everything that has happened: the events only say that there is something to see.
    match events.iter().find(|event| wakes(event)) {
        Some(event) => heard(event, state).await.map(|_stepped| ()),
        None => Ok(()),
    }
}

/// Sweeps and plans.
///
/// # Errors
/// [`StepError`]: the next tick goes on.
pub async fn tick(state: &State) -> Result<Stepped, StepError> {
    told("tick", state.scheduling.tick().await)
}

/// Plans, if the event may allow a call.
///
/// # Errors
/// [`StepError`]: the event must come again.
pub async fn heard(event: &DomainEvent, state: &State) -> Result<Stepped, StepError> {
    if !wakes(event) {
        return Ok(Stepped::default());
    }
    told("event", state.scheduling.step().await)
}

/// Plans.
///
/// # Errors
/// [`StepError`]: the next step goes on.
pub async fn step(state: &State) -> Result<Stepped, StepError> {
    told("wake", state.scheduling.step().await)
}

fn told(by: &'static str, stepped: Result<Stepped, StepError>) -> Result<Stepped, StepError> {
    let result = match &stepped {
        Ok(Stepped { busy: true, .. }) => "busy",
        Ok(Stepped { claimed: 0, .. }) => "nothing",
        Ok(done) => {
            info!(by, claimed = done.claimed, "leads were claimed");
            "claimed"
        }
        Err(problem) => {
            error!(by, problem = %Chain(problem), "a planning step was not finished");
            "failed"
        }
    };
    metrics::counter!("trunkline_planner_steps_total", "by" => by, "result" => result).increment(1);
    stepped
}
