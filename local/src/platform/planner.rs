//! Calls the scheduler's function, as a schedule and the table's stream do on AWS.
//!
//! A tick comes every minute, and one at once after the start, so that what a stopped process left is
//! looked after. In between it is called when an event may allow a call, and when time alone may: nobody
//! at a laptop wants to wait for the minute. Knows nothing of campaigns.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use model::DomainEvent;
use scheduler::SchedulerState;
use service::dialing::planner::wakes;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const TICK: Duration = Duration::from_secs(60);
/// While campaigns are active nobody waits longer than this for a lead whose time has come.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The shortest pause when time alone wakes it, and after a step that failed.
const PAUSE_MIN: Duration = Duration::from_millis(200);

/// Calls the scheduler.
#[derive(Debug, Clone)]
pub(crate) struct Planner {
    state: Arc<SchedulerState>,
    wanted: Arc<Notify>,
}

impl Planner {
    pub(crate) fn new(state: SchedulerState) -> Self {
        Self {
            state: Arc::new(state),
            wanted: Arc::default(),
        }
    }

    /// Takes an event. Several that come during one step are one reason for the next.
    pub(crate) fn hear(&self, event: &DomainEvent) -> Result<(), Infallible> {
        if wakes(event) {
            self.wanted.notify_one();
        }
        Ok(())
    }

    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut next_tick = Instant::now();
        let mut next_step = next_tick;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.wanted.notified() => {}
                () = tokio::time::sleep_until(next_step.min(next_tick)) => {}
            }
            let stepped = if Instant::now() >= next_tick {
                next_tick = Instant::now() + TICK;
                scheduler::tick(&self.state).await
            } else {
                scheduler::step(&self.state).await
            };
            next_step = Instant::now()
                + match stepped {
                    Ok(stepped) if stepped.active == 0 => TICK,
                    Ok(stepped) => stepped.wake_at.map_or(LOOK_EVERY, until).min(LOOK_EVERY),
                    // It was told of where it happened.
                    Err(_told) => LOOK_EVERY,
                };
        }
    }
}

fn until(at: Timestamp) -> Duration {
    let wait = at.duration_since(Timestamp::now());
    Duration::try_from(wait).unwrap_or_default().max(PAUSE_MIN)
}
