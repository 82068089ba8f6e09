//! Chance: one seeded source for everything that is left to it in a world, and the tally of what it made
//! go wrong.
//!
//! A world runs on one thread in virtual time, so its questions come in the same order whenever the seed
//! is the same.

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::tally::{Fault, Tally};

#[derive(Debug, Clone)]
pub(super) struct Chance {
    rng: Arc<Mutex<ChaCha8Rng>>,
    tally: Arc<Mutex<Tally>>,
}

impl Chance {
    pub(super) fn of(seed: u64) -> Self {
        Self {
            rng: Arc::new(Mutex::new(ChaCha8Rng::seed_from_u64(seed))),
            tally: Arc::default(),
        }
    }

    /// Whether a fault that happens so often in a thousand times happens now.
    pub(super) fn strikes(&self, fault: Fault, often: u32) -> bool {
        let strikes = self.per_mille(often);
        if strikes {
            self.struck(fault);
        }
        strikes
    }

    /// A fault happened.
    pub(super) fn struck(&self, fault: Fault) {
        self.tally.lock().unwrap().note(fault);
    }

    /// All that went wrong so far.
    pub(super) fn tally(&self) -> Tally {
        self.tally.lock().unwrap().clone()
    }

    pub(super) fn seed(&self) -> u64 {
        self.rng.lock().unwrap().next_u64()
    }

    /// Whether something happens that happens so often in a thousand times.
    pub(super) fn per_mille(&self, often: u32) -> bool {
        often > 0 && self.rng.lock().unwrap().random_range(0..1_000) < often
    }

    pub(super) fn number(&self, range: RangeInclusive<u64>) -> u64 {
        self.rng.lock().unwrap().random_range(range)
    }

    pub(super) fn index(&self, of: usize) -> usize {
        self.rng.lock().unwrap().random_range(0..of)
    }

    pub(super) fn ms(&self, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.number(range))
    }

    pub(super) fn secs(&self, range: RangeInclusive<u64>) -> Duration {
        Duration::from_secs(self.number(range))
    }

    pub(super) fn pick<'a, T>(&self, of: &'a [T]) -> &'a T {
        &of[self.index(of.len())]
    }

    pub(super) fn shuffle<T>(&self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.index(last + 1));
        }
    }
}
