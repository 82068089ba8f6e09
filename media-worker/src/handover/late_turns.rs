//! The session that goes on: looks for turns that the session before it heard last and stored late.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use model::Turn;
use service::call::media::{MediaError, SessionKey};
use tokio::time::Instant;

use crate::session::control::Control;

/// When the session that goes on looks for what the one before left behind, after its beginning. That one
/// waits 600 ms for the recognizer and then stores; a table that is slow gets a few more seconds. What
/// comes later is in the transcript and is not answered.
const LOOKS_AFTER: [Duration; 4] = [
    Duration::from_millis(700),
    Duration::from_millis(1_100),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

/// Turns that the session before stored after this one was opened.
pub(crate) struct LateTurns {
    control: Arc<dyn Control>,
    key: Arc<SessionKey>,
    /// The last turn that is known.
    seq: Option<u32>,
    began: Instant,
    looks: usize,
    looking: Option<BoxFuture<'static, Result<Vec<Turn>, MediaError>>>,
    found: VecDeque<Turn>,
}

impl LateTurns {
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
            let look = self.control.late_turns(Arc::clone(&self.key), self.seq);
            self.looking = Some(look);
        }
    }
}

impl fmt::Debug for LateTurns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LateTurns")
            .field("looks", &self.looks)
            .finish_non_exhaustive()
    }
}
