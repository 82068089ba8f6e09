//! Clocks: the true time, which only the simulation knows, and machines' clocks, which may be wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use service::Clock;
use tokio::time::Instant;

/// The true time: tokio's own clock, which stands while anything can be done and then jumps to the next
/// thing that waits for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct TrueTime {
    zero: Instant,
    epoch: Timestamp,
}

impl TrueTime {
    pub(super) fn from(epoch: Timestamp) -> Self {
        Self {
            zero: Instant::now(),
            epoch,
        }
    }

    /// Since the beginning.
    pub(super) fn elapsed(self) -> Duration {
        self.zero.elapsed()
    }

    pub(super) fn instant(self, elapsed: Duration) -> Instant {
        self.zero + elapsed
    }

    pub(super) fn now(self) -> Timestamp {
        self.epoch.checked_add(self.elapsed()).unwrap()
    }
}

/// The clock of one machine.
#[derive(Debug, Clone)]
pub(super) struct MachineClock {
    time: TrueTime,
    wrong_by_ms: Arc<AtomicI64>,
}

impl MachineClock {
    pub(super) fn right(time: TrueTime) -> Self {
        Self {
            time,
            wrong_by_ms: Arc::default(),
        }
    }

    /// Sets the clock, as a time server does to one that ran wrong: it steps.
    pub(super) fn step_to(&self, wrong_by: SignedDuration) {
        let ms = i64::try_from(wrong_by.as_millis()).unwrap();
        self.wrong_by_ms.store(ms, Ordering::Relaxed);
    }
}

impl Clock for MachineClock {
    fn now(&self) -> Timestamp {
        let wrong_by = SignedDuration::from_millis(self.wrong_by_ms.load(Ordering::Relaxed));
        self.time.now().checked_add(wrong_by).unwrap()
    }
}
