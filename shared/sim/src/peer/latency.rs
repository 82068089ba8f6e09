//! How long a simulated peer takes. Chance is drawn from a seed, so that a run can be repeated; this
//! file does not know any clock.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// A stretch of time that differs from one draw to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    low: Duration,
    high: Duration,
}

impl Latency {
    /// No time at all.
    pub const NONE: Self = Self {
        low: Duration::ZERO,
        high: Duration::ZERO,
    };

    /// Always the same.
    #[must_use]
    pub const fn fixed_ms(ms: u64) -> Self {
        Self::between_ms(ms, ms)
    }

    /// Anything from `low` to `high` milliseconds, each as likely; a `high` below `low` counts as
    /// `low`.
    #[must_use]
    pub const fn between_ms(low: u64, high: u64) -> Self {
        let high = if high < low { low } else { high };
        Self {
            low: Duration::from_millis(low),
            high: Duration::from_millis(high),
        }
    }

    /// One draw.
    pub fn draw(&self, rng: &mut ChaCha8Rng) -> Duration {
        if self.low == self.high {
            return self.low;
        }
        rng.random_range(self.low..=self.high)
    }
}

/// A source of chance of its own for each thing that needs one, so that one more draw in one place
/// does not change what happens in another.
#[must_use]
pub fn chance(seed: u64, purpose: &str, index: u64) -> ChaCha8Rng {
    // FNV-1a: stable between runs and platforms, which is all that is asked of it.
    let mut mixed = 0xcbf2_9ce4_8422_2325_u64;
    let bytes = (seed.to_le_bytes().into_iter())
        .chain(purpose.bytes())
        .chain(index.to_le_bytes());
    for byte in bytes {
        mixed = (mixed ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    ChaCha8Rng::seed_from_u64(mixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_times() {
        let draws = |seed| {
            let mut rng = chance(seed, "test", 3);
            [(); 5].map(|()| Latency::between_ms(10, 90).draw(&mut rng))
        };
        assert_eq!(draws(7), draws(7));
        assert_ne!(draws(7), draws(8));
        for drawn in draws(7) {
            assert!((10..=90).contains(&drawn.as_millis()), "{drawn:?}");
        }
    }
}
