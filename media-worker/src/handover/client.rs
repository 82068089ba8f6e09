//! The session that hands a call over: stores the next session's token, then has the carrier redirected.
//!
//! Polled within the session's task. What is done when is the core's business; waits are bounded there.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use metrics::counter;
use model::{Checkpoint, LineReport};
use service::call::media::{HandOver, MediaError, RedirectError, SessionKey};

use crate::session::control::Control;

/// Prepares a hand-over and asks the carrier for it.
pub(crate) struct HandoverClient {
    control: Arc<dyn Control>,
    key: Arc<SessionKey>,
    state: HandoverState,
}

enum HandoverState {
    Idle,
    /// Turns are to be stored first.
    Waiting(Checkpoint, LineReport),
    Storing(BoxFuture<'static, Result<HandOver, MediaError>>),
    Ready(HandOver),
    Redirecting(BoxFuture<'static, Result<(), RedirectError>>),
}

/// What happened while polling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandoverProgress {
    Ready,
    Failed { may_follow: bool },
}

impl HandoverClient {
    pub(crate) fn new(control: Arc<dyn Control>, key: Arc<SessionKey>) -> Self {
        Self {
            control,
            key,
            state: HandoverState::Idle,
        }
    }

    pub(crate) fn prepare(&mut self, checkpoint: Checkpoint, line: LineReport) {
        self.state = HandoverState::Waiting(checkpoint, line);
    }

    /// Asks the carrier, if everything is ready.
    pub(crate) fn redirect(&mut self) {
        if let HandoverState::Ready(hand_over) =
            std::mem::replace(&mut self.state, HandoverState::Idle)
        {
            let asked = self.control.redirect(Arc::clone(&self.key), hand_over);
            self.state = HandoverState::Redirecting(asked);
        }
    }

    /// Drops what is under way.
    pub(crate) fn stay(&mut self) {
        self.state = HandoverState::Idle;
    }

    /// `stored`: every turn is. Pending also when there is nothing to do.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, stored: bool) -> Poll<HandoverProgress> {
        loop {
            match &mut self.state {
                HandoverState::Waiting(checkpoint, line) if stored => {
                    let key = Arc::clone(&self.key);
                    let storing = self.control.prepare_hand_over(key, *checkpoint, *line);
                    self.state = HandoverState::Storing(storing);
                }
                HandoverState::Storing(storing) => {
                    return match std::task::ready!(storing.as_mut().poll(cx)) {
                        Ok(hand_over) => {
                            self.state = HandoverState::Ready(hand_over);
                            Poll::Ready(HandoverProgress::Ready)
                        }
                        Err(error) => {
                            self.state = HandoverState::Idle;
                            failed("not_prepared", &error);
                            Poll::Ready(HandoverProgress::Failed { may_follow: false })
                        }
                    };
                }
                HandoverState::Redirecting(asked) => {
                    let answer = std::task::ready!(asked.as_mut().poll(cx));
                    self.state = HandoverState::Idle;
                    let Err(error) = answer else {
                        // The end of the stream tells the rest.
                        return Poll::Pending;
                    };
                    let may_follow = matches!(error, RedirectError::Unknown(_));
                    failed(if may_follow { "unknown" } else { "refused" }, &error);
                    return Poll::Ready(HandoverProgress::Failed { may_follow });
                }
                HandoverState::Idle | HandoverState::Waiting(..) | HandoverState::Ready(_) => {
                    return Poll::Pending;
                }
            }
        }
    }
}

fn failed(result: &'static str, error: &(dyn std::error::Error + 'static)) {
    counter!("trunkline_hand_overs_total", "result" => result).increment(1);
    tracing::warn!(error, result, "a call is not handed over");
}

impl fmt::Debug for HandoverClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            HandoverState::Idle => "idle",
            HandoverState::Waiting(..) => "waiting",
            HandoverState::Storing(_) => "storing",
            HandoverState::Ready(_) => "ready",
            HandoverState::Redirecting(_) => "redirecting",
        };
        f.debug_struct("HandoverClient")
            .field("state", &state)
            .finish()
    }
}
