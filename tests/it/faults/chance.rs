//! Chance: one seeded source for everything that is left to it in a world.
//!
//! A world runs on one thread in virtual time, so its questions come in the same order whenever the seed
//! is the same.

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

#[derive(Debug, Clone)]
pub(super) struct Chance(Arc<Mutex<ChaCha8Rng>>);

impl Chance {
    pub(super) fn of(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(ChaCha8Rng::seed_from_u64(seed))))
    }

    pub(super) fn seed(&self) -> u64 {
        self.0.lock().unwrap().next_u64()
    }

    /// Whether something happens that happens so often in a thousand times.
    pub(super) fn per_mille(&self, often: u32) -> bool {
        often > 0 && self.0.lock().unwrap().random_range(0..1_000) < often
    }

    pub(super) fn number(&self, range: RangeInclusive<u64>) -> u64 {
        self.0.lock().unwrap().random_range(range)
    }

    pub(super) fn index(&self, of: usize) -> usize {
        self.0.lock().unwrap().random_range(0..of)
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
