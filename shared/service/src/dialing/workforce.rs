//! The media workers that are there: who may be given calls, and how many.
//!
//! Each worker says every [`BEAT_EVERY`] what it holds. Before a call is placed, planned or taken somebody
//! asks here, so that nobody's phone rings while there is nobody to talk to them. What is said here may
//! be a few seconds old: a call that comes to a worker that is gone falls through to the resume webhook.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use model::WorkerId;
use store::{CallRow, StoreError, WorkerRow, WorkerState, Workers};

use crate::{Clock, Ids};

/// How often a worker says what it holds.
pub const BEAT_EVERY: Duration = Duration::from_secs(5);
/// For how long that counts: three may be lost.
pub const BEAT_LIFETIME: SignedDuration = SignedDuration::from_secs(20);

/// The workers, for those who give them calls.
#[derive(Debug, Clone)]
pub(crate) struct Workforce {
    pub(crate) workers: Workers,
    pub(crate) clock: Arc<dyn Clock>,
}

/// What the workers that take calls have room for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Room {
    calls: u32,
    calls_max: u32,
}

impl Workforce {
    pub(crate) fn new(workers: &Workers, clock: &Arc<dyn Clock>) -> Self {
        Self {
            workers: workers.clone(),
            clock: Arc::clone(clock),
        }
    }

    /// Whether a call's session ran on a worker that says nothing any more.
    pub(crate) async fn has_forsaken(&self, row: &CallRow) -> Result<bool, StoreError> {
        let Some(on) = row.progress.session_on() else {
            return Ok(false);
        };
        let workers = self.workers.at(self.clock.now()).await?;
        Ok(workers.iter().all(|worker| worker.id != on))
    }

    pub(crate) async fn room(&self) -> Result<Room, StoreError> {
        let workers = self.workers.at(self.clock.now()).await?;
        Ok(Room::of(&workers))
    }
}

impl Room {
    fn of(workers: &[WorkerRow]) -> Self {
        let ready = workers
            .iter()
            .filter(|worker| worker.state == WorkerState::Ready);
        ready.fold(Self::default(), |room, worker| Self {
            calls: room
                .calls
                .saturating_add(worker.calls.min(worker.calls_max)),
            calls_max: room.calls_max.saturating_add(worker.calls_max),
        })
    }

    /// Whether one more call finds a worker.
    pub(crate) const fn is_there(self) -> bool {
        self.calls < self.calls_max
    }

    /// For how many more calls there is room when so many outbound ones are on their way or on. Those that
    /// are on are among what the workers hold, those on their way are not: the larger number counts.
    pub(crate) fn beside(self, outbound: u32) -> u32 {
        self.calls_max.saturating_sub(self.calls.max(outbound))
    }
}

/// A worker's own row.
#[derive(Debug, Clone)]
pub struct Enlisted {
    id: WorkerId,
    workers: Workers,
    clock: Arc<dyn Clock>,
}

impl Enlisted {
    /// A new worker, of which nobody knows yet.
    #[must_use]
    pub fn new(workers: &Workers, clock: &Arc<dyn Clock>, ids: &Ids) -> Self {
        Self {
            id: ids.fresh(WorkerId::from_parts),
            workers: workers.clone(),
            clock: Arc::clone(clock),
        }
    }

    #[must_use]
    pub fn id(&self) -> WorkerId {
        self.id
    }

    /// Says what the worker holds.
    ///
    /// # Errors
    /// When storage cannot be reached: what was said before counts for a while.
    pub async fn beat(
        &self,
        state: WorkerState,
        calls: u32,
        calls_max: u32,
    ) -> Result<(), StoreError> {
        self.beat_unreached(state, calls, calls_max, None).await
    }

    /// The same, and why calls would not come to the worker, if they would not.
    ///
    /// # Errors
    /// When storage cannot be reached: what was said before counts for a while.
    pub async fn beat_unreached(
        &self,
        state: WorkerState,
        calls: u32,
        calls_max: u32,
        unreached: Option<String>,
    ) -> Result<(), StoreError> {
        let until = self.clock.now().checked_add(BEAT_LIFETIME);
        let row = WorkerRow {
            id: self.id,
            state,
            calls,
            calls_max,
            until: until.unwrap_or(Timestamp::MAX),
            unreached,
        };
        self.workers.put(&row).await
    }

    /// The worker is gone.
    ///
    /// # Errors
    /// When storage cannot be reached: the row ends by itself.
    pub async fn leave(&self) -> Result<(), StoreError> {
        self.workers.remove(self.id).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(state: WorkerState, calls: u32, calls_max: u32) -> WorkerRow {
        WorkerRow {
            id: WorkerId::from_parts(0, u128::from(calls)),
            state,
            calls,
            calls_max,
            until: Timestamp::MAX,
            unreached: None,
        }
    }

    #[test]
    fn only_workers_that_take_calls_have_room() {
        use WorkerState::{Draining, Ready};
        let room = |workers: &[WorkerRow]| Room::of(workers);
        assert!(!room(&[]).is_there());
        assert!(!room(&[worker(Draining, 0, 10)]).is_there());
        assert!(!room(&[worker(Ready, 10, 10)]).is_there());
        // One that was told a smaller number lately holds more than it takes.
        assert!(room(&[worker(Ready, 12, 10), worker(Ready, 9, 10)]).is_there());
    }

    #[test]
    fn calls_that_still_ring_take_room_too() {
        let room = Room::of(&[worker(WorkerState::Ready, 3, 10)]);
        assert_eq!(room.beside(0), 7);
        assert_eq!(room.beside(3), 7);
        assert_eq!(room.beside(8), 2);
        assert_eq!(room.beside(12), 0);
    }
}
