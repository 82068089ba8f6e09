//! A part of a list that stands for all of it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How many leads of how many were simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = ForecastSample))]
pub struct Sample {
    pub simulated: u64,
    pub of: u64,
}

impl Sample {
    /// Everything.
    #[must_use]
    pub const fn whole() -> Self {
        Self {
            simulated: 1,
            of: 1,
        }
    }

    /// What a count of the sample means for all, rounded to the nearest.
    pub(crate) fn scaled(self, count: u64) -> u64 {
        let simulated = u128::from(self.simulated.max(1));
        let all = (u128::from(count) * u128::from(self.of) + simulated / 2) / simulated;
        u64::try_from(all).unwrap_or(u64::MAX)
    }

    /// Counts of the sample's leads as counts of all, rounded so that parts of the whole that add up do so
    /// still.
    pub(crate) fn apportioned<K: Ord + Copy>(
        self,
        counts: &BTreeMap<K, u64>,
        whole: u64,
    ) -> BTreeMap<K, u64> {
        let sum: u64 = counts.values().sum();
        let most = self.scaled(whole);
        self.shared_out(counts, self.scaled(sum).min(most))
    }

    /// Shares a total out in the proportion of these counts: the largest takes what rounding leaves.
    pub(crate) fn shared_out<K: Ord + Copy>(
        self,
        counts: &BTreeMap<K, u64>,
        total: u64,
    ) -> BTreeMap<K, u64> {
        let part = |count: u64| {
            u128::from(count) * u128::from(self.of) / u128::from(self.simulated.max(1))
        };
        let mut shares: BTreeMap<K, u64> = counts
            .iter()
            .map(|(key, count)| (*key, u64::try_from(part(*count)).unwrap_or(u64::MAX)))
            .collect();
        let given: u64 = shares.values().sum();
        if let Some(largest) = shares.values_mut().max() {
            *largest = (*largest + total).saturating_sub(given);
        }
        shares
    }

    /// A time between two calls, for as many fewer calls.
    pub(crate) fn interval(self, interval: Duration) -> Duration {
        let nanos = interval.as_nanos() * u128::from(self.of) / u128::from(self.simulated.max(1));
        u64::try_from(nanos).map_or(Duration::MAX, Duration::from_nanos)
    }

    /// What a limit for all means for the sample: never below 1.
    pub(crate) fn limit(self, limit: u32) -> u32 {
        let of = u128::from(self.of.max(1));
        let part = (u128::from(limit) * u128::from(self.simulated) + of / 2) / of;
        u32::try_from(part).unwrap_or(u32::MAX).max(1)
    }
}
