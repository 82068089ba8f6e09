//! Chance that belongs to one person: what becomes of an attempt depends on the seed, the number and
//! the attempt only. So a changed window or limit moves calls, and does not make other people of all.

use model::PhoneNumber;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest as _, Sha256};

/// What is drawn for: drawing for one thing never changes another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// What a number is, the same at every attempt.
    Number,
    /// How the dial with this number of dials before it goes.
    Dial(u32),
}

/// A source of draws.
#[derive(Debug)]
pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    pub(crate) fn of(seed: u64, number: &PhoneNumber, purpose: Purpose) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_be_bytes());
        hash.update(number.as_str().as_bytes());
        match purpose {
            Purpose::Number => hash.update(b"number"),
            Purpose::Dial(before) => hash.update(before.to_be_bytes()),
        }
        Self(ChaCha8Rng::from_seed(hash.finalize().into()))
    }

    /// From 0 up to, not including, 1; each as likely.
    pub(crate) fn share(&mut self) -> f64 {
        self.0.random()
    }

    /// From the standard normal distribution (Box and Muller).
    ///
    /// The logarithm and the cosine come from a library that computes them itself: those of operating
    /// systems differ in the last bit, and the same seed must give the same bytes everywhere.
    pub(crate) fn normal(&mut self) -> f64 {
        // 1 minus, because the logarithm of 0 is not a number and that of 1 is.
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.share()));
        radius * libm::cos(std::f64::consts::TAU * self.share())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> PhoneNumber {
        text.parse().unwrap()
    }

    #[test]
    fn chance_belongs_to_seed_number_and_attempt() {
        let first = |seed, to: &str, purpose| Chance::of(seed, &number(to), purpose).share();
        let one = first(7, "+14155550100", Purpose::Dial(0));
        let same = first(7, "+14155550100", Purpose::Dial(0));
        assert_eq!(one.to_bits(), same.to_bits());
        for other in [
            first(8, "+14155550100", Purpose::Dial(0)),
            first(7, "+14155550101", Purpose::Dial(0)),
            first(7, "+14155550100", Purpose::Dial(1)),
            first(7, "+14155550100", Purpose::Number),
        ] {
            assert_ne!(one.to_bits(), other.to_bits());
        }
    }

    #[test]
    fn normal_draws_have_mean_zero_and_deviation_one() {
        let mut chance = Chance::of(1, &number("+14155550100"), Purpose::Number);
        let draws: Vec<f64> = (0..20_000).map(|_| chance.normal()).collect();
        let mean = draws.iter().sum::<f64>() / 20_000.0;
        let variance = draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03, "{mean}");
        assert!((variance - 1.0).abs() < 0.05, "{variance}");
    }
}
