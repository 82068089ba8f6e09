//! Time, chance and ids as things that are handed in, so that a test can choose them.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use model::{DomainEvent, EventId, EventKind, TenantId};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// Wall time.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// Makes fresh ids from a clock and a cryptographically strong source of chance.
#[derive(Clone)]
pub struct Ids {
    clock: Arc<dyn Clock>,
    chance: Arc<Mutex<StdRng>>,
}

impl Ids {
    /// Ids nobody can guess, seeded by the operating system.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with_chance(clock, rand::make_rng())
    }

    /// The same ids again for the same seed and the same readings of the clock: for tests.
    #[must_use]
    pub fn seeded(clock: Arc<dyn Clock>, seed: u64) -> Self {
        Self::with_chance(clock, StdRng::seed_from_u64(seed))
    }

    fn with_chance(clock: Arc<dyn Clock>, chance: StdRng) -> Self {
        Self {
            clock,
            chance: Arc::new(Mutex::new(chance)),
        }
    }

    /// A fresh id of any kind: `ids.fresh(CallId::from_parts)`.
    #[must_use]
    pub fn fresh<T>(&self, from_parts: impl FnOnce(u64, u128) -> T) -> T {
        let unix_ms = u64::try_from(self.clock.now().as_millisecond()).unwrap_or_default();
        from_parts(unix_ms, self.chance())
    }

    /// An event that happened then, with a fresh id.
    pub(crate) fn event(&self, tenant_id: TenantId, kind: EventKind, at: Timestamp) -> DomainEvent {
        DomainEvent {
            id: self.fresh(EventId::from_parts),
            tenant_id,
            at,
            kind,
        }
    }

    /// 128 bits of chance.
    #[must_use]
    pub fn chance(&self) -> u128 {
        let mut source = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
        (u128::from(source.next_u64()) << 64) | u128::from(source.next_u64())
    }
}

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ids").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use model::CallId;

    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_ids_and_no_id_twice() {
        #[derive(Debug)]
        struct Stopped;
        impl Clock for Stopped {
            fn now(&self) -> Timestamp {
                Timestamp::UNIX_EPOCH
            }
        }
        let make = || {
            let ids = Ids::seeded(Arc::new(Stopped), 7);
            [ids.fresh(CallId::from_parts), ids.fresh(CallId::from_parts)]
        };
        let [first, second] = make();
        assert_ne!(first, second);
        assert_eq!(make(), [first, second]);
    }
}
