//! A hand-over's dealings with the control plane, on both sides of it: storing the next session's token and
//! having the carrier redirected; and, in the session that goes on, looking for what the one before heard
//! last.
//!
//! Both live inside a session's task and are polled with everything else. What is done when is the core's
//! business; waits are bounded there.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use metrics::counter;
use model::{Checkpoint, Turn};
use service::media::{HandOver, MediaError, RedirectError, SessionKey};
use tokio::time::Instant;

use crate::control::Control;

/// When the session that goes on looks for what the one before left behind, after its beginning. That one
/// waits 600 ms for the recogniser and then stores; a table that is slow gets a few more seconds. What
/// comes later is in the transcript and is not answered.
const LOOKS_AFTER: [Duration; 4] = [
    Duration::from_millis(700),
    Duration::from_millis(1_100),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

/// The leaving side.
pub(crate) struct Mover {
    control: Arc<dyn Control>,
    key: Arc<SessionKey>,
    state: State,
}

enum State {
    Idle,
    /// Turns are to be stored first.
    Waiting(Checkpoint),
    Storing(BoxFuture<'static, Result<HandOver, MediaError>>),
    Ready(HandOver),
    Redirecting(BoxFuture<'static, Result<(), RedirectError>>),
}

/// What happened while polling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moved {
    Ready,
    Failed { may_follow: bool },
}

impl Mover {
    pub(crate) fn new(control: Arc<dyn Control>, key: Arc<SessionKey>) -> Self {
        Self {
            control,
            key,
            state: State::Idle,
        }
    }

    pub(crate) fn prepare(&mut self, checkpoint: Checkpoint) {
        self.state = State::Waiting(checkpoint);
    }

    /// Asks the carrier, if everything is ready.
    pub(crate) fn redirect(&mut self) {
        if let State::Ready(hand_over) = std::mem::replace(&mut self.state, State::Idle) {
            let asked = self.control.redirect(Arc::clone(&self.key), hand_over);
            self.state = State::Redirecting(asked);
        }
    }

    /// Drops what is under way.
    pub(crate) fn stay(&mut self) {
        self.state = State::Idle;
    }

    /// `stored`: every turn is. Pending also when there is nothing to do.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, stored: bool) -> Poll<Moved> {
        loop {
            match &mut self.state {
                State::Waiting(checkpoint) if stored => {
                    let checkpoint = *checkpoint;
                    let key = Arc::clone(&self.key);
                    self.state = State::Storing(self.control.prepare_hand_over(key, checkpoint));
                }
                State::Storing(storing) => {
                    return match std::task::ready!(storing.as_mut().poll(cx)) {
                        Ok(hand_over) => {
                            self.state = State::Ready(hand_over);
                            Poll::Ready(Moved::Ready)
                        }
                        Err(error) => {
                            self.state = State::Idle;
                            failed("not_prepared", &error);
                            Poll::Ready(Moved::Failed { may_follow: false })
                        }
                    };
                }
                State::Redirecting(asked) => {
                    let answer = std::task::ready!(asked.as_mut().poll(cx));
                    self.state = State::Idle;
                    let Err(error) = answer else {
                        // The end of the stream tells the rest.
                        return Poll::Pending;
                    };
                    let may_follow = matches!(error, RedirectError::Unknown(_));
                    failed(if may_follow { "unknown" } else { "refused" }, &error);
                    return Poll::Ready(Moved::Failed { may_follow });
                }
                State::Idle | State::Waiting(_) | State::Ready(_) => return Poll::Pending,
            }
        }
    }
}

fn failed(result: &'static str, error: &(dyn std::error::Error + 'static)) {
    counter!("trunkline_hand_overs_total", "result" => result).increment(1);
    tracing::warn!(error, result, "a call is not handed over");
}

impl fmt::Debug for Mover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Idle => "idle",
            State::Waiting(_) => "waiting",
            State::Storing(_) => "storing",
            State::Ready(_) => "ready",
            State::Redirecting(_) => "redirecting",
        };
        f.debug_struct("Mover").field("state", &state).finish()
    }
}

/// The arriving side: turns that the session before stored after its checkpoint.
pub(crate) struct LeftBehind {
    control: Arc<dyn Control>,
    key: Arc<SessionKey>,
    /// The last turn that is known.
    seq: Option<u32>,
    began: Instant,
    looks: usize,
    looking: Option<BoxFuture<'static, Result<Vec<Turn>, MediaError>>>,
    found: VecDeque<Turn>,
}

impl LeftBehind {
    pub(crate) fn new(
        control: Arc<dyn Control>,
        key: Arc<SessionKey>,
        seq: Option<u32>,
        began: Instant,
    ) -> Self {
        Self {
            control,
            key,
            seq,
            began,
            looks: 0,
            looking: None,
            found: VecDeque::new(),
        }
    }

    /// When to poll again although nothing wakes us.
    pub(crate) fn next_look(&self) -> Option<Instant> {
        if self.looking.is_some() {
            return None;
        }
        LOOKS_AFTER.get(self.looks).map(|after| self.began + *after)
    }

    /// Whether nothing more is looked for.
    pub(crate) fn is_done(&self) -> bool {
        self.looks >= LOOKS_AFTER.len() && self.looking.is_none() && self.found.is_empty()
    }

    /// The next turn. Pending also until [`Self::next_look`], and when there is no more.
    pub(crate) fn poll_turn(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Turn> {
        loop {
            if let Some(turn) = self.found.pop_front() {
                self.seq = self.seq.max(Some(turn.seq));
                return Poll::Ready(turn);
            }
            if let Some(looking) = &mut self.looking {
                let found = std::task::ready!(looking.as_mut().poll(cx));
                self.looking = None;
                match found {
                    Ok(turns) => self.found.extend(turns),
                    Err(error) => tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "what the session before heard last could not be read"
                    ),
                }
                continue;
            }
            if self.next_look().is_none_or(|at| at > now) {
                return Poll::Pending;
            }
            self.looks += 1;
            let look = self.control.left_behind(Arc::clone(&self.key), self.seq);
            self.looking = Some(look);
        }
    }
}

impl fmt::Debug for LeftBehind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeftBehind")
            .field("looks", &self.looks)
            .finish_non_exhaustive()
    }
}
