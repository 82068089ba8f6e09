//! Who may start a call here: capacity and draining. Knows numbers and a state, not calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Admission of calls to one worker.
#[derive(Debug)]
pub(crate) struct Admission {
    calls: AtomicUsize,
    calls_max: usize,
    stage: AtomicU8,
    leaving: AtomicUsize,
    /// Told when a call leaves and when the stage changes.
    changed: Notify,
}

/// How far a worker is on its way out. Only moves forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum DrainStage {
    Serving,
    /// No new calls; running ones go on.
    Draining,
    /// Another worker is ready: running calls go to it when nobody would notice.
    Leaving,
    /// The same, as soon as nobody can be heard.
    Pressing,
    /// There is no other worker, and none will come: running calls end with a word.
    Closing,
    /// Running calls must end now.
    Expired,
}

/// Why a call is not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NoRoom {
    #[error("all places for calls are taken")]
    Capacity,
    #[error("the worker is stopping")]
    Draining,
}

/// One call's place. Dropping it frees the place.
#[derive(Debug)]
pub(crate) struct Place(Arc<Admission>);

/// Calls that look for a moment to leave at a time. A carrier takes some hundred requests at once, and the
/// worker that takes the calls over connects to the vendors for each of them.
pub(crate) const LEAVING_MAX: usize = 100;

/// One of those places. Dropping it frees the place.
#[derive(Debug)]
pub(crate) struct LeavingPlace(Arc<Admission>);

impl Admission {
    /// A admission that lets at most `calls_max` calls in at a time.
    #[must_use]
    pub(crate) fn new(calls_max: usize) -> Arc<Self> {
        Arc::new(Self {
            calls: AtomicUsize::new(0),
            calls_max,
            stage: AtomicU8::new(0),
            leaving: AtomicUsize::new(0),
            changed: Notify::new(),
        })
    }

    /// Takes a place.
    ///
    /// # Errors
    /// When every place is taken or the worker is stopping.
    pub(crate) fn enter(self: &Arc<Self>) -> Result<Place, NoRoom> {
        if self.stage() != DrainStage::Serving {
            return Err(NoRoom::Draining);
        }
        self.calls
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |calls| {
                (calls < self.calls_max).then_some(calls + 1)
            })
            .map(|_before| Place(Arc::clone(self)))
            .map_err(|_full| NoRoom::Capacity)
    }

    /// A place among the calls that leave; `None` when [`LEAVING_MAX`] are on their way.
    pub(crate) fn leave(self: &Arc<Self>) -> Option<LeavingPlace> {
        self.leaving
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |leaving| {
                (leaving < LEAVING_MAX).then_some(leaving + 1)
            })
            .ok()
            .map(|_before| LeavingPlace(Arc::clone(self)))
    }

    /// Calls inside.
    #[must_use]
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Acquire)
    }

    /// The most calls that are let in at a time.
    #[must_use]
    pub(crate) fn calls_max(&self) -> usize {
        self.calls_max
    }

    #[must_use]
    pub(crate) fn stage(&self) -> DrainStage {
        match self.stage.load(Ordering::Acquire) {
            0 => DrainStage::Serving,
            1 => DrainStage::Draining,
            2 => DrainStage::Leaving,
            3 => DrainStage::Pressing,
            4 => DrainStage::Closing,
            _expired => DrainStage::Expired,
        }
    }

    /// Moves on to `stage`; never back.
    pub(crate) fn advance(&self, stage: DrainStage) {
        let number = match stage {
            DrainStage::Serving => 0,
            DrainStage::Draining => 1,
            DrainStage::Leaving => 2,
            DrainStage::Pressing => 3,
            DrainStage::Closing => 4,
            DrainStage::Expired => 5,
        };
        self.stage.fetch_max(number, Ordering::AcqRel);
        self.changed.notify_waiters();
    }

    /// Waits until the worker is on its way out.
    pub(crate) async fn stops(&self) {
        self.until(|admission| admission.stage() != DrainStage::Serving)
            .await;
    }

    /// Waits until the time to drain is over.
    pub(crate) async fn expires(&self) {
        self.until(|admission| admission.stage() == DrainStage::Expired)
            .await;
    }

    /// Waits until no call is inside.
    pub(crate) async fn empty(&self) {
        self.until(|admission| admission.calls() == 0).await;
    }

    async fn until(&self, reached: impl Fn(&Self) -> bool) {
        loop {
            // Taken before the look, so that what changes after it is told.
            let changed = self.changed.notified();
            if reached(self) {
                return;
            }
            changed.await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::AcqRel);
        self.0.changed.notify_waiters();
    }
}

impl Drop for LeavingPlace {
    fn drop(&mut self) {
        self.0.leaving.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_when_its_call_ends() {
        let admission = Admission::new(1);
        let first = admission.enter().unwrap();
        assert_eq!(admission.enter().unwrap_err(), NoRoom::Capacity);
        drop(first);
        assert_eq!(admission.calls(), 0);
        admission.enter().unwrap();
    }

    #[test]
    fn calls_leave_a_hundred_at_a_time() {
        let admission = Admission::new(1);
        let mut places: Vec<_> = (0..LEAVING_MAX)
            .map(|_| admission.leave().unwrap())
            .collect();
        assert!(admission.leave().is_none());
        places.pop();
        assert!(admission.leave().is_some());
    }

    #[tokio::test]
    async fn who_waits_for_the_worker_to_stop_is_told_at_once() {
        let admission = Admission::new(1);
        let call = admission.enter().unwrap();
        let waiting = tokio::spawn({
            let admission = Arc::clone(&admission);
            async move { admission.stops().await }
        });
        tokio::task::yield_now().await;
        drop(call);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished(), "a call that ends stops no worker");
        admission.advance(DrainStage::Draining);
        waiting.await.unwrap();
        admission.stops().await;
    }

    #[tokio::test]
    async fn a_stopping_worker_lets_nobody_in_and_waits_for_the_last_call() {
        let admission = Admission::new(2);
        let call = admission.enter().unwrap();
        admission.advance(DrainStage::Draining);
        assert_eq!(admission.enter().unwrap_err(), NoRoom::Draining);
        admission.advance(DrainStage::Serving);
        assert_eq!(admission.stage(), DrainStage::Draining);
        let waiting = tokio::spawn({
            let admission = Arc::clone(&admission);
            async move { admission.empty().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(call);
        waiting.await.unwrap();
    }
}
