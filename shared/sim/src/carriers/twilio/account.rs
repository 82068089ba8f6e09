//! What all calls of the simulated account share: its identity, its clock, its faults, and the list of
//! what the other side did wrong.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::hook::CallbackFaults;
use super::signature::Signer;

/// Entries kept of each list; what comes on top is counted only.
const KEPT_MAX: usize = 10_000;

/// The account.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) sid: String,
    pub(super) signer: Signer,
    /// Wall time at zero of the clock that everything here is told the time by.
    pub(super) epoch: Timestamp,
    pub(super) timing: Timing,
    faults: Mutex<Faults>,
    violations: Mutex<Notes>,
    notices: Mutex<Notes>,
}

/// How long things take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// From leaving the queue to the first ring.
    pub setup: Duration,
    /// One ring with the pause after it: 6 s in America.
    pub ring: Duration,
    /// What a second of the ring timeout that was ordered takes: less where rings are shortened too.
    pub timeout_second: Duration,
    /// From the end of a call to its finished recording.
    pub processing: Duration,
}

/// What goes wrong, on purpose. Can be changed while calls are on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    pub callbacks: CallbackFaults,
    /// So many of the next requests for a call are taken, and then the connection breaks without an
    /// answer.
    pub lost_create_answers: u32,
    /// So many of the next requests of any kind are answered with 429, and not processed.
    pub too_many_requests: u32,
    /// So many of the next requests of any kind are answered with 503.
    pub unavailable: u32,
    /// The account is suspended: it can be looked at, and nothing else.
    pub suspended: bool,
    /// Streams end without the `stop` message.
    pub no_stop_message: bool,
    /// Every stream breaks, without a word, this long after it began.
    pub stream_breaks_after: Option<Duration>,
    /// From the instruction to open a stream to its opening: a real carrier comes from far away, with TLS.
    pub stream_opens_after: Duration,
}

/// Something that the real carrier would refuse or log as an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The carrier's error code, as far as it is documented.
    pub code: u32,
    /// What was wrong, without numbers of people and without words of the call.
    pub what: String,
    pub call_sid: Option<String>,
}

#[derive(Debug, Default)]
struct Notes {
    kept: Vec<Violation>,
    count: u64,
}

impl Account {
    pub(super) fn new(
        sid: &str,
        signer: Signer,
        epoch: Timestamp,
        timing: Timing,
        faults: Faults,
    ) -> Self {
        Self {
            sid: sid.to_owned(),
            signer,
            epoch,
            timing,
            faults: Mutex::new(faults),
            violations: Mutex::default(),
            notices: Mutex::default(),
        }
    }

    /// As REST shows it. The token that the real answer repeats is left out.
    pub(super) fn to_json(&self, suspended: bool) -> serde_json::Value {
        let sid = &self.sid;
        let created = super::record::date(self.epoch);
        serde_json::json!({
            "sid": sid,
            "owner_account_sid": sid,
            "friendly_name": "simulated",
            "status": if suspended { "suspended" } else { "active" },
            "type": "Full",
            "date_created": created,
            "date_updated": created,
            "subresource_uris": {},
            "uri": format!("/{}/Accounts/{sid}.json", super::record::API_VERSION),
        })
    }

    /// Wall time at this moment.
    pub(super) fn wall(&self, now: Duration) -> Timestamp {
        // A clock past the year 9999 stands still.
        self.epoch.checked_add(now).unwrap_or(Timestamp::MAX)
    }

    pub(super) fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }

    /// The other side broke the protocol.
    pub(super) fn violated(&self, code: u32, what: impl Into<String>, call_sid: Option<&str>) {
        lock(&self.violations).add(code, what.into(), call_sid);
    }

    /// Something failed that the carrier's debugger would show, without a rule being broken.
    pub(super) fn noticed(&self, code: u32, what: impl Into<String>, call_sid: Option<&str>) {
        lock(&self.notices).add(code, what.into(), call_sid);
    }

    pub(super) fn violations(&self) -> Vec<Violation> {
        lock(&self.violations).kept.clone()
    }

    pub(super) fn violations_count(&self) -> u64 {
        lock(&self.violations).count
    }

    pub(super) fn notices(&self) -> Vec<Violation> {
        lock(&self.notices).kept.clone()
    }
}

impl Notes {
    fn add(&mut self, code: u32, what: String, call_sid: Option<&str>) {
        self.count += 1;
        if self.kept.len() < KEPT_MAX {
            self.kept.push(Violation {
                code,
                what,
                call_sid: call_sid.map(str::to_owned),
            });
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.what)
    }
}

impl Default for Timing {
    /// Rings of a second, so that nobody waits for a simulated phone.
    fn default() -> Self {
        Self {
            setup: Duration::from_millis(50),
            ring: Duration::from_secs(1),
            timeout_second: Duration::from_secs(1),
            processing: Duration::from_millis(300),
        }
    }
}

/// What is behind these locks is whole after every step, so a poisoned one is still good.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
