//! The transcript's way into the store: writes in order, one at a time, retried until they are in.
//!
//! It lives inside the session's task and is polled with everything else. It does not know how a
//! turn is stored, only that it may fail and that storing one twice does no harm.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use model::{LineReport, OptOutHow, Turn};
use service::call::media::MediaError;
use tokio::time::Instant;

/// Records that may wait for the store: some five minutes of talk. Beyond, the newest is lost
/// (counted, and logged as an error): the transcript keeps an unbroken beginning.
pub const TURNS_WAITING_MAX: usize = 64;

/// The pause after a first failure; it doubles with each further one.
const RETRY_FIRST: Duration = Duration::from_millis(100);

/// The longest pause between two attempts.
const RETRY_MAX: Duration = Duration::from_secs(5);

/// Something a session stores.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// The session runs: comes before everything else.
    Opened,
    Turn(Arc<Turn>),
    /// Heard before the carrier took the call to the next session: stored behind what that one has.
    LateTurns(Arc<Turn>),
    /// The other side wants no more calls. Comes before every turn that waits, and holds whatever
    /// becomes of the session.
    OptOut(OptOutHow),
    /// What the session found of its line. A few at most, and each replaces the one before.
    Line(LineReport),
}

/// One attempt to store a record.
pub(crate) type Write = BoxFuture<'static, Result<(), MediaError>>;

/// What happened while polling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    Stored,
    OptedOut,
    Retrying,
    /// The call belongs to another session now: everything that waited is given up.
    Superseded,
}

/// No room for one more turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

/// The records of one session that are not stored yet.
pub(crate) struct TurnWriter {
    write: Box<dyn Fn(Record) -> Write + Send>,
    /// The first is the one that is being written.
    waiting: VecDeque<Record>,
    state: WriteState,
    failures: u32,
}

enum WriteState {
    Idle,
    Writing(Write),
    Resting { until: Instant },
}

impl TurnWriter {
    pub(crate) fn new(write: impl Fn(Record) -> Write + Send + 'static) -> Self {
        Self {
            write: Box::new(write),
            waiting: VecDeque::from([Record::Opened]),
            state: WriteState::Idle,
            failures: 0,
        }
    }

    /// Takes a turn to be stored after those before it.
    ///
    /// # Errors
    /// When [`TURNS_WAITING_MAX`] wait already.
    pub(crate) fn push(&mut self, turn: Turn) -> Result<(), Full> {
        if self.waiting.len() >= TURNS_WAITING_MAX {
            return Err(Full);
        }
        self.waiting.push_back(Record::Turn(Arc::new(turn)));
        Ok(())
    }

    /// Takes a turn for the session that has the call now. There are a few at most.
    pub(crate) fn push_left_behind(&mut self, turn: Turn) {
        self.waiting.push_back(Record::LateTurns(Arc::new(turn)));
    }

    /// Takes an opt-out, to be stored next. There is always room for it.
    pub(crate) fn push_opt_out(&mut self, how: OptOutHow) {
        let next = usize::from(matches!(self.state, WriteState::Writing(_)));
        let record = Record::OptOut(how);
        self.waiting.insert(next.min(self.waiting.len()), record);
        if let WriteState::Resting { .. } = self.state {
            self.state = WriteState::Idle;
        }
    }

    /// What cannot be stored keeps no opt-out waiting.
    fn opt_out_first(&mut self) {
        let opt_out = |record: &Record| matches!(record, Record::OptOut(_));
        if let Some(at) = self.waiting.iter().position(opt_out)
            && let Some(opt_out) = self.waiting.remove(at)
        {
            self.waiting.push_front(opt_out);
        }
    }

    /// Takes what was found of the line. There is always room for it.
    pub(crate) fn push_line(&mut self, report: LineReport) {
        self.waiting.push_back(Record::Line(report));
    }

    /// Whether everything is stored.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many records are not stored.
    pub(crate) fn len(&self) -> u64 {
        u64::try_from(self.waiting.len()).unwrap_or(u64::MAX)
    }

    /// When polling again makes sense although nothing woke us.
    pub(crate) fn next_attempt(&self) -> Option<Instant> {
        match self.state {
            WriteState::Resting { until } => Some(until),
            WriteState::Idle | WriteState::Writing(_) => None,
        }
    }

    /// Goes on with the first turn. Pending also when there is nothing to do, or nothing until
    /// [`Self::next_attempt`].
    pub(crate) fn poll_written(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Written> {
        loop {
            match &mut self.state {
                WriteState::Resting { until } if now < *until => return Poll::Pending,
                WriteState::Idle | WriteState::Resting { .. } => {
                    let Some(record) = self.waiting.front() else {
                        self.state = WriteState::Idle;
                        return Poll::Pending;
                    };
                    self.state = WriteState::Writing((self.write)(record.clone()));
                }
                WriteState::Writing(write) => match write.as_mut().poll(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(())) => {
                        let stored = self.waiting.pop_front();
                        self.failures = 0;
                        self.state = WriteState::Idle;
                        return Poll::Ready(match stored {
                            Some(Record::OptOut(_)) => Written::OptedOut,
                            Some(
                                Record::Opened
                                | Record::Turn(_)
                                | Record::LateTurns(_)
                                | Record::Line(_),
                            )
                            | None => Written::Stored,
                        });
                    }
                    Poll::Ready(Err(MediaError::Superseded)) => {
                        // These are nobody's session.
                        let first = self.waiting.pop_front();
                        self.waiting.retain(|record| {
                            matches!(record, Record::OptOut(_) | Record::LateTurns(_))
                        });
                        self.state = WriteState::Idle;
                        drop(first);
                        return Poll::Ready(Written::Superseded);
                    }
                    Poll::Ready(Err(
                        error @ (MediaError::Unavailable(_) | MediaError::Carrier(_)),
                    )) => {
                        if self.failures == 0 {
                            tracing::warn!(
                                error = &error as &dyn std::error::Error,
                                "a turn could not be stored, it is tried again"
                            );
                        }
                        let pause = back_off(self.failures);
                        self.failures = self.failures.saturating_add(1);
                        self.state = WriteState::Resting { until: now + pause };
                        self.opt_out_first();
                        return Poll::Ready(Written::Retrying);
                    }
                },
            }
        }
    }
}

impl std::fmt::Debug for TurnWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TurnWriter")
            .field("waiting", &self.waiting.len())
            .field("failures", &self.failures)
            .finish_non_exhaustive()
    }
}

/// The pause after `failures` failures before the one that just happened.
pub(crate) fn back_off(failures: u32) -> Duration {
    RETRY_FIRST
        .saturating_mul(2_u32.saturating_pow(failures))
        .min(RETRY_MAX)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Mutex;

    use model::{CallTime, Speaker, TurnInput, TurnKind};
    use store::StoreError;

    use super::*;

    fn turn(seq: u32) -> Turn {
        Turn {
            seq,
            speaker: Speaker::Customer,
            kind: TurnKind::Talk,
            text: "yes".to_owned(),
            intended: None,
            interrupted: false,
            input: TurnInput::Speech,
            started_at: CallTime::ZERO,
            ended_at: CallTime::ZERO,
            tools: Vec::new(),
            waterfall: None,
        }
    }

    async fn finish(writer: &mut TurnWriter) -> Vec<Written> {
        let mut told = Vec::new();
        while !writer.is_empty() {
            if let Some(until) = writer.next_attempt() {
                tokio::time::sleep_until(until).await;
            }
            told.push(poll_fn(|cx| writer.poll_written(cx, Instant::now())).await);
        }
        told
    }

    fn place(record: &Record) -> Option<u32> {
        match record {
            Record::Opened | Record::OptOut(_) | Record::Line(_) => None,
            Record::Turn(turn) | Record::LateTurns(turn) => Some(turn.seq),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn turns_are_stored_in_order_although_the_store_stumbles() {
        let stored = Arc::new(Mutex::new(Vec::new()));
        let failures = Arc::new(Mutex::new(3));
        let mut writer = TurnWriter::new({
            let stored = Arc::clone(&stored);
            move |record| -> Write {
                let (stored, failures) = (Arc::clone(&stored), Arc::clone(&failures));
                Box::pin(async move {
                    let mut left = failures.lock().unwrap();
                    if place(&record) == Some(1) && *left > 0 {
                        *left -= 1;
                        return Err(MediaError::Unavailable(StoreError::Conflict));
                    }
                    stored.lock().unwrap().push(place(&record));
                    Ok(())
                })
            }
        });
        let started = Instant::now();
        for seq in 0..3 {
            writer.push(turn(seq)).unwrap();
        }
        let told = finish(&mut writer).await;
        assert_eq!(*stored.lock().unwrap(), [None, Some(0), Some(1), Some(2)]);
        assert_eq!(
            told,
            [
                Written::Stored,
                Written::Stored,
                Written::Retrying,
                Written::Retrying,
                Written::Retrying,
                Written::Stored,
                Written::Stored
            ]
        );
        let waited = started.elapsed();
        assert!(waited >= Duration::from_millis(700) && waited < Duration::from_millis(720));
    }

    #[tokio::test(start_paused = true)]
    async fn a_record_that_cannot_be_stored_keeps_no_opt_out_waiting() {
        let mut writer = TurnWriter::new(|record| -> Write {
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                match record {
                    Record::OptOut(_) => Ok(()),
                    Record::Opened | Record::Turn(_) | Record::LateTurns(_) | Record::Line(_) => {
                        Err(MediaError::Unavailable(StoreError::Conflict))
                    }
                }
            })
        });
        // They ask while something else is being written.
        let begun = poll_fn(|cx| Poll::Ready(writer.poll_written(cx, Instant::now()))).await;
        assert!(begun.is_pending());
        writer.push_opt_out(OptOutHow::Keypad);
        for expected in [Written::Retrying, Written::OptedOut, Written::Retrying] {
            if let Some(until) = writer.next_attempt() {
                tokio::time::sleep_until(until).await;
            }
            let written = poll_fn(|cx| writer.poll_written(cx, Instant::now())).await;
            assert_eq!(written, expected);
        }
    }

    #[tokio::test]
    async fn a_session_that_was_replaced_stores_nothing_more() {
        let mut writer = TurnWriter::new(|_record| -> Write {
            Box::pin(std::future::ready(Err(MediaError::Superseded)))
        });
        writer.push(turn(0)).unwrap();
        assert_eq!(finish(&mut writer).await, [Written::Superseded]);
    }

    #[test]
    fn turns_beyond_the_limit_are_refused_and_the_first_ones_kept() {
        let mut writer = TurnWriter::new(|_record| -> Write { Box::pin(std::future::pending()) });
        for seq in 0..63 {
            writer.push(turn(seq)).unwrap();
        }
        assert_eq!(writer.push(turn(63)), Err(Full));
        assert_eq!(writer.waiting.get(1).and_then(place), Some(0));
    }

    #[test]
    fn pauses_grow_to_a_limit() {
        assert_eq!(back_off(0), Duration::from_millis(100));
        assert_eq!(back_off(3), Duration::from_millis(800));
        assert_eq!(back_off(6), Duration::from_secs(5));
        assert_eq!(back_off(u32::MAX), Duration::from_secs(5));
    }
}
