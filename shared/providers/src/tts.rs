//! Speech synthesis: the agent's sentences in, µ-law audio at 8 kHz out.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use call::{Synthesis, UtteranceId};
use settings::Settings;

use crate::SetupProblem;

/// The agent's voice for one call. It connects when it is polled first and connects again when it
/// has to; what was asked of it meanwhile waits, within a limit.
///
/// Every utterance ends with [`Synthesis::Finished`] or [`Synthesis::Failed`], unless it is
/// cancelled: then nothing comes of it any more. Calls for an utterance that has ended are ignored.
pub trait Synthesizer: Send {
    /// Speaks one or more whole sentences or clauses after what was asked before. Text in which there
    /// is nothing to pronounce is left out. Poll afterwards: that sends it.
    fn speak(&mut self, utterance: UtteranceId, text: &str);

    /// No more text comes for this utterance.
    fn finish(&mut self, utterance: UtteranceId);

    /// Nothing of this utterance is wanted any more.
    fn cancel(&mut self, utterance: UtteranceId);

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<(UtteranceId, Synthesis)>;
}

/// Opens voices of one vendor.
pub(crate) trait Vendor: Send + Sync {
    fn open(&self, voice: Option<&str>, language: &str) -> Box<dyn Synthesizer>;
}

/// The ways to synthesise speech in the order in which they are tried.
#[derive(Clone)]
pub struct Synthesizers {
    routes: Arc<[Box<dyn Vendor>]>,
}

impl Synthesizers {
    /// # Errors
    /// TLS or the HTTP client cannot be set up.
    pub fn new(_settings: &Settings) -> Result<Self, SetupProblem> {
        // The list: one line for each way.
        let routes: Vec<Box<dyn Vendor>> = vec![];
        Ok(Self {
            routes: routes.into(),
        })
    }

    /// How many there are.
    #[must_use]
    pub fn routes(&self) -> usize {
        self.routes.len()
    }

    /// A voice of the vendor at this place, or of the last one if the place is beyond the list.
    /// Nothing is sent before it is polled. `voice` is the vendor's id; absent means the deployment's.
    /// `language` is BCP 47.
    #[must_use]
    pub fn open(&self, route: usize, voice: Option<&str>, language: &str) -> Box<dyn Synthesizer> {
        match self.routes.get(route).or_else(|| self.routes.last()) {
            Some(vendor) => vendor.open(voice, language),
            None => Box::new(Mute::default()),
        }
    }
}

impl fmt::Debug for Synthesizers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Synthesizers").finish_non_exhaustive()
    }
}

/// Stands where the list has no vendor: every utterance fails, once.
#[derive(Default)]
struct Mute {
    failing: VecDeque<UtteranceId>,
    seen: BTreeSet<UtteranceId>,
}

impl Synthesizer for Mute {
    fn speak(&mut self, utterance: UtteranceId, _text: &str) {
        if self.seen.insert(utterance) {
            self.failing.push_back(utterance);
        }
    }

    fn finish(&mut self, utterance: UtteranceId) {
        self.speak(utterance, "");
    }

    fn cancel(&mut self, utterance: UtteranceId) {
        self.failing.retain(|failing| *failing != utterance);
    }

    fn poll_event(&mut self, _cx: &mut Context<'_>) -> Poll<(UtteranceId, Synthesis)> {
        match self.failing.pop_front() {
            Some(utterance) => Poll::Ready((utterance, Synthesis::Failed(crate::no_vendor()))),
            None => Poll::Pending,
        }
    }
}
