//! How long models take until their first word, whichever vendor it is.
//!
//! What is timed passes through as it is. A poll costs one more jump; a clock is read when something is
//! asked for and when its first answer comes.

use std::task::{Context, Poll, ready};

use conversation::Generation;
use tokio::time::Instant;

use super::GenerationStream;
use crate::count;

/// An answer that is timed.
pub(crate) struct TimedGeneration {
    vendor: &'static str,
    inner: Box<dyn GenerationStream>,
    /// Since when nothing has come.
    asked: Option<Instant>,
}

impl TimedGeneration {
    pub(crate) fn new(vendor: &'static str, inner: Box<dyn GenerationStream>) -> Self {
        count::asked(vendor, count::GENERATION);
        Self {
            vendor,
            inner,
            asked: Some(Instant::now()),
        }
    }
}

impl GenerationStream for TimedGeneration {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Generation> {
        let event = ready!(self.inner.poll_event(cx));
        let asked = self.asked.take();
        match &event {
            Generation::Text(_) | Generation::ToolCall { .. } => {
                if let Some(asked) = asked {
                    count::began(self.vendor, count::GENERATION, asked.elapsed());
                }
            }
            Generation::Finished { .. } | Generation::Failed(_) => {}
        }
        Poll::Ready(event)
    }
}
