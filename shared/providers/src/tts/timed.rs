//! How long voices take until their first sound, whichever vendor it is.
//!
//! What is timed passes through as it is. A poll costs one more jump; a clock is read when something is
//! asked for and when its first answer comes.

use std::task::{Context, Poll, ready};

use conversation::{Synthesis, UtteranceId};
use tokio::time::Instant;

use super::Synthesizer;
use crate::count;

/// A voice that is timed.
pub(crate) struct TimedVoice {
    vendor: &'static str,
    inner: Box<dyn Synthesizer>,
    /// The latest utterance that text was given of.
    latest: Option<UtteranceId>,
    /// Since when, as long as nothing of it was heard.
    asked: Option<Instant>,
}

impl TimedVoice {
    pub(crate) fn new(vendor: &'static str, inner: Box<dyn Synthesizer>) -> Self {
        Self {
            vendor,
            inner,
            latest: None,
            asked: None,
        }
    }
}

impl Synthesizer for TimedVoice {
    fn speak(&mut self, utterance: UtteranceId, text: &str) {
        if self.latest != Some(utterance) {
            count::asked(self.vendor, count::SYNTHESIS);
            self.latest = Some(utterance);
            self.asked = Some(Instant::now());
        }
        self.inner.speak(utterance, text);
    }

    fn finish(&mut self, utterance: UtteranceId) {
        self.inner.finish(utterance);
    }

    fn cancel(&mut self, utterance: UtteranceId) {
        if self.latest == Some(utterance) {
            self.asked = None;
        }
        self.inner.cancel(utterance);
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<(UtteranceId, Synthesis)> {
        let (utterance, event) = ready!(self.inner.poll_event(cx));
        if self.latest == Some(utterance)
            && let Some(asked) = self.asked.take()
            && matches!(event, Synthesis::Audio { .. })
        {
            count::began(self.vendor, count::SYNTHESIS, asked.elapsed());
        }
        Poll::Ready((utterance, event))
    }
}
