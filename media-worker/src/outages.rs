//! Vendors that fail, told once for as long as it lasts: every call meets the same failure, and a line for each
//! would hide what happened besides.
//!
//! An outage of a vendor in one leg begins with a failure and ends with the first success that comes a while
//! after the last one. Decides nothing about a call.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use conversation::{Failure, FailureKind};
use model::CallId;
use tokio::time::Instant;

/// A success so soon after a failure is one that comes through now and then.
const WELL_AFTER: Duration = Duration::from_secs(30);
/// A failure so long after the last one is another outage: nobody asked in between.
const OVER_AFTER: Duration = Duration::from_secs(10 * 60);
/// Calls that are told apart in an outage; beyond, they are not counted.
const CALLS_MAX: usize = 10_000;

/// A vendor that fails just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorOutage {
    /// Its folder's name, as in metrics.
    pub vendor: String,
    /// What it does for a call, as in metrics.
    pub leg: &'static str,
    /// How it failed last.
    pub kind: FailureKind,
}

/// The outages that one worker sees.
#[derive(Debug, Default)]
pub(crate) struct Outages {
    /// Whether there is any: successes come with every answer.
    any: AtomicBool,
    open: Mutex<BTreeMap<Place, Outage>>,
}

/// A vendor, in a leg.
type Place = (Cow<'static, str>, &'static str);

#[derive(Debug)]
struct Outage {
    since: Instant,
    last: Instant,
    kind: FailureKind,
    /// Codes of the kinds that were told.
    told: BTreeSet<&'static str>,
    failures: u64,
    calls: BTreeSet<CallId>,
}

/// What an outage came to, when it is over.
#[derive(Debug, PartialEq, Eq)]
struct Recovered {
    failures: u64,
    calls: usize,
    seconds: u64,
}

impl Outages {
    /// A vendor failed a call: told, unless it is known.
    pub(crate) fn failed(&self, leg: &'static str, failure: &Failure, call: CallId, now: Instant) {
        if self.note(leg, failure, call, now) {
            tracing::warn!(
                vendor = &*failure.vendor,
                leg,
                kind = failure.kind.code(),
                "a vendor fails: the doctor says what mends it"
            );
        }
    }

    /// A vendor did what it was asked.
    pub(crate) fn works(&self, leg: &'static str, vendor: &'static str, now: Instant) {
        if !self.any.load(Ordering::Relaxed) {
            return;
        }
        if let Some(recovered) = self.end(leg, vendor, now) {
            let Recovered {
                failures,
                calls,
                seconds,
            } = recovered;
            tracing::info!(
                vendor,
                leg,
                failures,
                calls,
                seconds,
                "a vendor works again"
            );
        }
    }

    /// Those that are on.
    pub(crate) fn open(&self) -> Vec<VendorOutage> {
        let open = self.lock();
        let outages = open.iter().map(|((vendor, leg), outage)| VendorOutage {
            vendor: vendor.clone().into_owned(),
            leg,
            kind: outage.kind,
        });
        outages.collect()
    }

    /// Whether it is news.
    fn note(&self, leg: &'static str, failure: &Failure, call: CallId, now: Instant) -> bool {
        let mut open = self.lock();
        self.any.store(true, Ordering::Relaxed);
        let place = (failure.vendor.clone(), leg);
        if open
            .get(&place)
            .is_some_and(|known| now.saturating_duration_since(known.last) >= OVER_AFTER)
        {
            open.remove(&place);
        }
        let outage = open.entry(place).or_insert_with(|| Outage {
            since: now,
            last: now,
            kind: failure.kind,
            told: BTreeSet::new(),
            failures: 0,
            calls: BTreeSet::new(),
        });
        outage.last = now;
        outage.kind = failure.kind;
        outage.failures = outage.failures.saturating_add(1);
        if outage.calls.len() < CALLS_MAX {
            outage.calls.insert(call);
        }
        outage.told.insert(failure.kind.code())
    }

    fn end(&self, leg: &'static str, vendor: &'static str, now: Instant) -> Option<Recovered> {
        let mut open = self.lock();
        let place = (Cow::Borrowed(vendor), leg);
        let last = open.get(&place)?.last;
        if now.saturating_duration_since(last) < WELL_AFTER {
            return None;
        }
        let outage = open.remove(&place)?;
        self.any.store(!open.is_empty(), Ordering::Relaxed);
        Some(Recovered {
            failures: outage.failures,
            calls: outage.calls.len(),
            seconds: (outage.last - outage.since).as_secs(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Place, Outage>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEG: &str = "recognition";

    fn failure(kind: FailureKind) -> Failure {
        Failure {
            vendor: Cow::Borrowed("deepgram"),
            kind,
        }
    }

    fn call(number: u64) -> CallId {
        CallId::from_parts(number, 0)
    }

    /// Whether the failure of this call, so many seconds on, is told.
    fn told(outages: &Outages, begin: Instant, second: u64, kind: FailureKind) -> bool {
        let now = begin + Duration::from_secs(second);
        outages.note(LEG, &failure(kind), call(second), now)
    }

    #[test]
    fn an_outage_is_told_once_for_each_kind_and_its_end_with_what_it_cost() {
        let (outages, begin) = (Outages::default(), Instant::now());
        let after = |seconds| begin + Duration::from_secs(seconds);
        assert_eq!(outages.end(LEG, "deepgram", begin), None);
        assert!(told(&outages, begin, 0, FailureKind::Connect));
        for second in 1..60 {
            assert!(!told(&outages, begin, second, FailureKind::Connect));
        }
        assert!(told(&outages, begin, 60, FailureKind::Unauthorized));
        assert!(!told(&outages, begin, 60, FailureKind::Unauthorized));
        let open = outages.open();
        assert_eq!((open.len(), open[0].kind), (1, FailureKind::Unauthorized));

        // Others, and one that comes through in between, end nothing.
        assert_eq!(outages.end("synthesis", "deepgram", after(100)), None);
        assert_eq!(outages.end(LEG, "other", after(100)), None);
        assert_eq!(outages.end(LEG, "deepgram", after(89)), None);
        let recovered = outages.end(LEG, "deepgram", after(90));
        assert_eq!(
            recovered,
            Some(Recovered {
                failures: 62,
                calls: 61,
                seconds: 60,
            })
        );
        assert_eq!(outages.open(), []);
        assert!(told(&outages, begin, 91, FailureKind::Connect));
    }

    #[test]
    fn a_failure_long_after_the_last_one_is_told_anew() {
        let (outages, begin) = (Outages::default(), Instant::now());
        assert!(told(&outages, begin, 0, FailureKind::Connect));
        assert!(!told(&outages, begin, 599, FailureKind::Connect));
        assert!(told(&outages, begin, 1_199, FailureKind::Connect));
        assert_eq!(outages.open().len(), 1);
    }
}
