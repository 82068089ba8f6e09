//! Has the carrier record the call, once the core says that the customer is told so.
//!
//! Beside the turns, not among them: a carrier that takes its time must not hold up the transcript. Asking again
//! does no harm, so it is asked until it answers. A call that is over before that is not recorded.

use std::fmt;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use service::call::media::MediaError;
use tokio::time::Instant;

use crate::session::turn_writer::back_off;

/// Times that it is asked: over a minute of a carrier, or a table, that is away. A recording that begins later
/// would show little.
const TRIES_MAX: u32 = 20;

/// One attempt.
pub(crate) type Attempt = BoxFuture<'static, Result<(), MediaError>>;

/// The request to record one call.
pub(crate) struct RecordingRequest {
    ask: Box<dyn Fn() -> Attempt + Send>,
    state: RequestState,
    failures: u32,
}

enum RequestState {
    Due { at: Instant },
    Asking(Attempt),
    Done,
}

impl RecordingRequest {
    /// To be asked for now.
    pub(crate) fn new(ask: impl Fn() -> Attempt + Send + 'static, now: Instant) -> Self {
        Self {
            ask: Box::new(ask),
            state: RequestState::Due { at: now },
            failures: 0,
        }
    }

    /// When to poll again although nothing wakes us.
    pub(crate) const fn next_attempt(&self) -> Option<Instant> {
        match self.state {
            RequestState::Due { at } => Some(at),
            RequestState::Asking(_) | RequestState::Done => None,
        }
    }

    /// Goes on with it. Ready when nothing is left to be done.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        loop {
            match &mut self.state {
                RequestState::Due { at } if now < *at => return Poll::Pending,
                RequestState::Due { .. } => self.state = RequestState::Asking((self.ask)()),
                RequestState::Asking(attempt) => {
                    let asked = std::task::ready!(attempt.as_mut().poll(cx));
                    match asked {
                        // Another session has the call, and asks for itself.
                        Ok(()) | Err(MediaError::Superseded) => self.state = RequestState::Done,
                        Err(error @ (MediaError::Unavailable(_) | MediaError::Carrier(_))) => {
                            self.failed(&error, now);
                        }
                    }
                }
                RequestState::Done => return Poll::Ready(()),
            }
        }
    }

    fn failed(&mut self, error: &MediaError, now: Instant) {
        let error = error as &dyn std::error::Error;
        if self.failures == 0 {
            tracing::warn!(error, "a call is not recorded yet, it is tried again");
        }
        let pause = back_off(self.failures);
        self.failures = self.failures.saturating_add(1);
        self.state = if self.failures < TRIES_MAX {
            RequestState::Due { at: now + pause }
        } else {
            tracing::error!(error, "a call that should be is not recorded");
            RequestState::Done
        };
    }
}

impl fmt::Debug for RecordingRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordingRequest")
            .field("failures", &self.failures)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::{poll_fn, ready};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use store::StoreError;

    use super::*;

    /// How often it is asked when so many attempts fail.
    async fn asked(failures: u32) -> u32 {
        let asked = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&asked);
        let ask = move || -> Attempt {
            let before = counted.fetch_add(1, Ordering::Relaxed);
            let fails = before < failures;
            let failed = MediaError::Unavailable(StoreError::Conflict);
            Box::pin(ready(if fails { Err(failed) } else { Ok(()) }))
        };
        let mut request = RecordingRequest::new(ask, Instant::now());
        loop {
            if let Some(at) = request.next_attempt() {
                tokio::time::sleep_until(at).await;
            }
            let polled = poll_fn(|cx| Poll::Ready(request.poll(cx, Instant::now()))).await;
            if polled.is_ready() {
                return asked.load(Ordering::Relaxed);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_carrier_is_asked_until_it_records_and_not_for_ever() {
        assert_eq!(asked(0).await, 1);
        assert_eq!(asked(3).await, 4);
        assert_eq!(asked(u32::MAX).await, TRIES_MAX);
    }
}
