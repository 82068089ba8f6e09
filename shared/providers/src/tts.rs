//! Speech synthesis: the agent's sentences in, µ-law audio at 8 kHz out.

pub mod elevenlabs;
pub(crate) mod timed;

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use conversation::{Synthesis, UtteranceId};

use self::timed::TimedVoice;
use crate::vendors::chain::{Chain, Link};

/// The agent's voice for one call. It connects when it is polled first and connects again when it
/// has to; what was asked of it meanwhile waits, within a limit.
///
/// Every utterance ends with [`Synthesis::Finished`] or [`Synthesis::Failed`], unless it is
/// cancelled: then nothing comes of it any more. Audio of one that has failed is not complete; the
/// same utterance may be spoken again, from wherever its speaker likes.
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
pub trait Vendor: Send + Sync {
    /// Its folder's name, as in metrics.
    fn name(&self) -> &'static str;

    fn open(&self, voice: Option<&str>, language: &str) -> Box<dyn Synthesizer>;
}

/// The ways to synthesise speech in the order in which they are tried.
#[derive(Debug, Clone)]
pub struct Synthesizers {
    routes: Chain<dyn Vendor>,
}

impl Synthesizers {
    pub(crate) fn in_chain(routes: Chain<dyn Vendor>) -> Self {
        Self { routes }
    }

    /// One voice, made outside: without a network, on a clock of its own.
    #[must_use]
    pub fn of(vendor: Arc<dyn Vendor>) -> Self {
        let name = vendor.name();
        Self::in_chain(Chain::new(Link { name, vendor }, vec![], vec![]))
    }

    /// Those of these names, in this order; as it is where none is named.
    #[must_use]
    pub fn in_order(&self, names: &[String]) -> Self {
        Self::in_chain(self.routes.in_order(names))
    }

    /// What settings call the one at this place, or the last one if the place is beyond the list.
    #[must_use]
    pub fn name(&self, route: usize) -> &'static str {
        self.routes.name(route)
    }

    /// The vendor at this place, or the last one if the place is beyond the list, as in metrics.
    #[must_use]
    pub fn vendor(&self, route: usize) -> &'static str {
        self.routes.at(route).name()
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
        let vendor = self.routes.at(route);
        Box::new(TimedVoice::new(vendor.name(), vendor.open(voice, language)))
    }
}

/// The utterances that have failed, so that their end is not taken for a success.
#[derive(Debug, Default)]
pub(crate) struct FailedUtterances(VecDeque<UtteranceId>);

impl FailedUtterances {
    /// A call speaks one utterance at a time, and the one before may be coming to its end.
    const MAX: usize = 8;

    /// Notes it; false when it was known.
    pub(crate) fn note(&mut self, utterance: UtteranceId) -> bool {
        if self.contains(utterance) {
            return false;
        }
        if self.0.len() == Self::MAX {
            self.0.pop_front();
        }
        self.0.push_back(utterance);
        true
    }

    pub(crate) fn contains(&self, utterance: UtteranceId) -> bool {
        self.0.contains(&utterance)
    }

    /// It is tried again.
    pub(crate) fn forgive(&mut self, utterance: UtteranceId) {
        self.0.retain(|failed| *failed != utterance);
    }
}
