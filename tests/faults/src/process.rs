//! Processes of ours: one call of a function, which may die before or after any of its requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use super::chance::Chance;
use super::tally::Fault;

/// A function's time limit. Longer than this nothing of it runs; what it had sent is sent.
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// A worker has none.
const WORKER_TIME_LIMIT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// One in five of the processes that are to die does so before or after one of so many requests, as there
/// are long ones.
const DEATH_SELDOM_WITHIN_REQUESTS: u64 = 120;

tokio::task_local! {
    static CURRENT: Arc<Process>;
}

/// Where every process of ours gets its power from.
#[derive(Debug, Clone, Default)]
pub(super) struct Plug(Arc<Notify>);

impl Plug {
    /// All that runs is gone at once. What begins later has power again.
    pub(super) fn pull(&self) {
        self.0.notify_waiters();
    }
}

/// What a process is: a function, and what it was called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Api,
    Tick,
    Stream,
    Dial,
    Callback,
    Media,
    /// One job of the recordings task.
    Recording,
}

/// One running process.
#[derive(Debug)]
pub(super) struct Process {
    kind: Kind,
    chance: Chance,
    dies: Option<Death>,
    requests: AtomicU32,
    dead: Notify,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Death {
    request: u32,
    moment: Moment,
}

/// When in a request's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Moment {
    /// It was not sent.
    Before,
    /// It was done, and nobody is there to read the answer.
    After,
}

/// One request of a process.
#[derive(Debug)]
pub(super) struct Step {
    process: Arc<Process>,
    number: u32,
}

/// Runs a process to its end; `None` when it died before.
pub(super) async fn run<T>(
    kind: Kind,
    chance: &Chance,
    plug: &Plug,
    deaths_per_mille: u32,
    work: impl Future<Output = T>,
) -> Option<T> {
    let dies = chance.per_mille(deaths_per_mille).then(|| {
        let within = if chance.per_mille(200) {
            DEATH_SELDOM_WITHIN_REQUESTS
        } else {
            kind.usual_requests()
        };
        Death {
            request: u32::try_from(chance.number(1..=within)).unwrap(),
            moment: *chance.pick(&[Moment::Before, Moment::After]),
        }
    });
    let process = Arc::new(Process {
        kind,
        chance: chance.clone(),
        dies,
        requests: AtomicU32::new(0),
        dead: Notify::new(),
    });
    tokio::select! {
        biased;
        () = process.dead.notified() => None,
        () = plug.0.notified() => None,
        done = CURRENT.scope(Arc::clone(&process), work) => Some(done),
        () = tokio::time::sleep(kind.time_limit()) => None,
    }
}

/// The request that is being made belongs to a process and is its next; `None` outside of one, where
/// nothing goes wrong.
pub(super) fn step() -> Option<Step> {
    let process = CURRENT.try_with(Arc::clone).ok()?;
    let number = process.requests.fetch_add(1, Ordering::Relaxed) + 1;
    Some(Step { process, number })
}

impl Kind {
    pub(super) const EVERY: [Self; 7] = [
        Self::Api,
        Self::Tick,
        Self::Stream,
        Self::Dial,
        Self::Callback,
        Self::Media,
        Self::Recording,
    ];

    fn time_limit(self) -> Duration {
        match self {
            Self::Api | Self::Tick | Self::Stream | Self::Dial | Self::Callback => TIME_LIMIT,
            Self::Media | Self::Recording => WORKER_TIME_LIMIT,
        }
    }

    /// Most processes of the kind make no more requests.
    fn usual_requests(self) -> u64 {
        match self {
            Self::Api => 6,
            Self::Callback | Self::Media | Self::Recording => 10,
            Self::Tick | Self::Stream | Self::Dial => 24,
        }
    }
}

impl Step {
    /// Which of its process's requests this is, from 1.
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// What kind of process it is.
    pub(super) fn kind(&self) -> Kind {
        self.process.kind
    }

    /// The process may die here: then this never returns.
    pub(super) async fn survive(&self, moment: Moment) {
        let here = Death {
            request: self.number,
            moment,
        };
        if self.process.dies == Some(here) {
            let process = &self.process;
            process.chance.struck(Fault::Died(process.kind, moment));
            process.dead.notify_one();
            std::future::pending::<()>().await;
        }
    }
}
