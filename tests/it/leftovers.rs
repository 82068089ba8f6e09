//! What a test leaves behind when it ends: jobs in queues, calls that are not over, errors in the log.
//!
//! Whoever holds a [`Leftovers`] fails when there is more, or less, than it said there would be.

mod log;

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use model::{CallState, TenantId};
use store::{QueueRole, Store};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

pub(crate) use log::Captured;

/// The most calls of a tenant that are looked at.
const CALLS_MAX: u32 = 1_000;

/// Tests of this process that run, and that ever began: lines of one log cannot be told apart, so that nobody's
/// errors are looked at where tests run at once in one process.
static RUNNING: AtomicUsize = AtomicUsize::new(0);
static BEGUN: AtomicUsize = AtomicUsize::new(0);

/// What is left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Left {
    /// Calls that have not ended.
    calls: usize,
    /// Jobs that wait in their queue, or were given up.
    dials: u64,
    recordings: u64,
    imports: u64,
    /// Lines of level `error`.
    errors: usize,
}

impl Left {
    pub(crate) const NOTHING: Self = Self {
        calls: 0,
        dials: 0,
        recordings: 0,
        imports: 0,
        errors: 0,
    };

    pub(crate) const fn calls(self, calls: usize) -> Self {
        Self { calls, ..self }
    }

    pub(crate) const fn dials(self, dials: u64) -> Self {
        Self { dials, ..self }
    }

    pub(crate) const fn recordings(self, recordings: u64) -> Self {
        Self { recordings, ..self }
    }

    pub(crate) const fn imports(self, imports: u64) -> Self {
        Self { imports, ..self }
    }

    pub(crate) const fn errors(self, errors: usize) -> Self {
        Self { errors, ..self }
    }
}

/// Fails its test at the end, unless that failed already, if something else is left than was said.
pub(crate) struct Leftovers {
    store: Store,
    tenants: Mutex<Vec<TenantId>>,
    log: Captured,
    /// Of tests before this one in the same process.
    errors_before: usize,
    /// Its number in this process, if no other test ran when it began.
    alone: Option<usize>,
    patience: Duration,
    /// Nothing: nobody looks.
    expected: Mutex<Option<Left>>,
}

impl fmt::Debug for Leftovers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leftovers").finish_non_exhaustive()
    }
}

impl Leftovers {
    /// Of an installation where nothing happens by itself.
    pub(crate) fn of(store: &Store) -> Self {
        let log = Captured::start("error");
        let others = RUNNING.fetch_add(1, Ordering::SeqCst);
        let number = BEGUN.fetch_add(1, Ordering::SeqCst) + 1;
        Self {
            alone: (others == 0).then_some(number),
            store: store.clone(),
            tenants: Mutex::default(),
            errors_before: log.errors().len(),
            log,
            patience: Duration::ZERO,
            expected: Mutex::new(Some(Left::NOTHING)),
        }
    }

    /// Of one that is still at work when the test has seen enough: it may take so long to come to rest.
    pub(crate) fn at_work(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Calls of these tenants must be over.
    pub(crate) fn watch(&self, tenants: &[TenantId]) {
        self.tenants.lock().unwrap().extend(tenants);
    }

    /// What this test means to leave.
    pub(crate) fn expect(&self, left: Left) {
        *self.expected.lock().unwrap() = Some(left);
    }

    /// For a test after which nobody can look: its runtime has one thread, which cannot wait for answers while it
    /// drops this, or a row is left that nobody can read.
    pub(crate) fn do_not_look(&self) {
        *self.expected.lock().unwrap() = None;
    }

    async fn look(&self, expected: Left) -> Left {
        let alone = self.alone == Some(BEGUN.load(Ordering::SeqCst));
        let mut left = Left {
            dials: self.waiting(QueueRole::Dial).await,
            recordings: self.waiting(QueueRole::Recordings).await,
            imports: self.waiting(QueueRole::Import).await,
            errors: if alone {
                self.log.errors().len() - self.errors_before
            } else {
                expected.errors
            },
            ..Left::NOTHING
        };
        let tenants = self.tenants.lock().unwrap().clone();
        for tenant in tenants {
            let calls = self.store.calls.list(tenant, None, CALLS_MAX).await;
            let calls = calls.unwrap().items.into_iter();
            let open = calls.filter(|row| row.call.state != CallState::Ended);
            left.calls += open.count();
        }
        left
    }

    async fn waiting(&self, role: QueueRole) -> u64 {
        let queue = self.store.inspection.queue(role).await.unwrap();
        let given_up = queue.dead_letters.map_or(0, |dead| dead.waiting.unwrap());
        queue.waiting + given_up
    }

    async fn at_rest(&self, expected: Left) -> Left {
        let begun = Instant::now();
        loop {
            let left = self.look(expected).await;
            if left == expected || begun.elapsed() >= self.patience {
                return left;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::SeqCst);
        let expected = *self.expected.lock().unwrap();
        let Some(expected) = expected.filter(|_left| !thread::panicking()) else {
            return;
        };
        let left = block_in_place(|| Handle::current().block_on(self.at_rest(expected)));
        let errors = self.log.errors().split_off(self.errors_before);
        assert_eq!(
            left,
            expected,
            "left behind, and expected; errors in the log:\n{}",
            errors.join("\n")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "left behind")]
async fn a_test_that_leaves_a_call_and_did_not_say_so_fails() {
    let world = crate::control::World::start().await;
    let agent = world.agent().await;
    world.call(&agent).await;
}
