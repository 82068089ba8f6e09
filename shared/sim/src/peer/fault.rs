//! What a simulated vendor does wrong, and when: chosen per request by its number or by seeded
//! chance. It does not know protocols; each peer does the fault in its own way.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::RngExt as _;

use crate::peer::latency::chance;

/// One way to misbehave on one connection or request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection is cut before any answer.
    RefuseConnect,
    /// 401 in the vendor's own form.
    Unauthorized,
    /// 429 in the vendor's own form, with `Retry-After` where given.
    RateLimited { retry_after: Option<Duration> },
    /// 500 in the vendor's own form.
    ServerError,
    /// After this many messages the vendor ends the stream in an orderly way, but too early.
    CloseAfter { messages: u32 },
    /// After this many messages the connection is cut without a word.
    CutAfter { messages: u32 },
    /// After this many messages nothing comes any more while the connection stands (half open).
    /// With 0 the request itself is never answered.
    SilentAfter { messages: u32 },
    /// After this many messages something comes that is not the protocol.
    GarbageAfter { messages: u32 },
    /// Everything takes this much longer.
    Slow { extra: Duration },
}

/// Which request gets which fault.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    by_index: BTreeMap<u64, Fault>,
    random: Option<Random>,
}

#[derive(Debug, Clone)]
struct Random {
    seed: u64,
    /// Of a thousand requests, how many get a fault.
    per_mille: u32,
    kinds: Vec<Fault>,
}

impl Faults {
    /// Everything works.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether nothing can go wrong.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.by_index.is_empty() && self.random.is_none()
    }

    /// The request with this number (from 0, counted per server) gets this fault.
    #[must_use]
    pub fn at(mut self, index: u64, fault: Fault) -> Self {
        self.by_index.insert(index, fault);
        self
    }

    /// Of a thousand other requests `per_mille` get one of `kinds`, each as likely.
    #[must_use]
    pub fn randomly(mut self, seed: u64, per_mille: u32, kinds: &[Fault]) -> Self {
        self.random = Some(Random {
            seed,
            per_mille,
            kinds: kinds.to_vec(),
        });
        self
    }

    /// The fault of the request with this number. Depends on nothing but the number, so that requests
    /// in parallel do not change each other's fate.
    #[must_use]
    pub fn of(&self, index: u64) -> Option<Fault> {
        if let Some(fault) = self.by_index.get(&index) {
            return Some(*fault);
        }
        let random = self.random.as_ref()?;
        let mut rng = chance(random.seed, "fault", index);
        if random.kinds.is_empty() || rng.random_range(0..1_000) >= random.per_mille {
            return None;
        }
        let kind = rng.random_range(0..random.kinds.len());
        random.kinds.get(kind).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_as_often_as_asked_and_at_the_same_places() {
        let faults =
            Faults::none()
                .at(3, Fault::Unauthorized)
                .randomly(9, 100, &[Fault::ServerError]);
        assert_eq!(faults.of(3), Some(Fault::Unauthorized));
        let hit = |index: &u64| faults.of(*index) == Some(Fault::ServerError);
        let hits: Vec<_> = (0..10_000).filter(hit).collect();
        assert!((800..1_200).contains(&hits.len()), "{}", hits.len());
        assert_eq!(hits, (0..10_000).filter(hit).collect::<Vec<_>>());
    }
}
