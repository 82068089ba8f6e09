//! The scheduler's function: plans and sweeps at every tick, and plans when an event may allow a call.
//!
//! Two things call it on AWS: a schedule, every minute, and the table's stream with rows that were
//! written. Which events matter and what is done is the use case `service::dialing::planner`. Every call may be
//! repeated.

mod stream;

use std::fmt;

use model::DomainEvent;
use serde_json::Value;
use service::Context;
use service::dialing::planner::{PlanStepError, PlanStepResult, Planner, wakes};
use telemetry::Chain;
use tracing::{error, info};

pub use stream::events;

/// What the function works with.
#[derive(Clone)]
pub struct SchedulerState {
    scheduling: Planner,
}

impl SchedulerState {
    #[must_use]
    pub fn new(parts: &Context) -> Self {
        Self {
            scheduling: Planner::new(parts),
        }
    }
}

impl fmt::Debug for SchedulerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("scheduler::State").finish_non_exhaustive()
    }
}

/// Works on what Lambda hands over: records of the table's stream, or else a tick of the schedule.
///
/// # Errors
/// [`PlanStepError`]: Lambda delivers the records again; a tick is followed by the next.
pub async fn handle(event: &Value, state: &SchedulerState) -> Result<(), PlanStepError> {
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
/// [`PlanStepError`]: the next tick goes on.
pub async fn tick(state: &SchedulerState) -> Result<PlanStepResult, PlanStepError> {
    told("tick", state.scheduling.tick().await)
}

/// Plans, if the event may allow a call.
///
/// # Errors
/// [`PlanStepError`]: the event must come again.
pub async fn heard(
    event: &DomainEvent,
    state: &SchedulerState,
) -> Result<PlanStepResult, PlanStepError> {
    if !wakes(event) {
        return Ok(PlanStepResult::default());
    }
    told("event", state.scheduling.step().await)
}

/// Plans.
///
/// # Errors
/// [`PlanStepError`]: the next step goes on.
pub async fn step(state: &SchedulerState) -> Result<PlanStepResult, PlanStepError> {
    told("wake", state.scheduling.step().await)
}

fn told(
    by: &'static str,
    stepped: Result<PlanStepResult, PlanStepError>,
) -> Result<PlanStepResult, PlanStepError> {
    let result = match &stepped {
        Ok(PlanStepResult { busy: true, .. }) => "busy",
        Ok(PlanStepResult { claimed: 0, .. }) => "nothing",
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
