//! Language models: the conversation in, the agent's next words and tool calls out.

pub mod openai;
pub(crate) mod timed;

use std::sync::Arc;
use std::task::{Context, Poll};

use conversation::{Failure, Generate, Generation};

use self::timed::TimedGeneration;
use crate::vendors::chain::{Chain, Link};

/// One answer under way. Dropping it cancels the request.
///
/// The last event is [`Generation::Finished`] or [`Generation::Failed`]; after it polling stays
/// pending.
pub trait GenerationStream: Send {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Generation>;
}

/// What a request takes besides the conversation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tuning<'a> {
    /// The model's name; absent means the deployment's.
    pub model: Option<&'a str>,
    /// Groups requests that begin alike, so that the vendor's prompt cache is hit: one key for each
    /// version of an agent. Never personal.
    pub prompt_cache_key: Option<&'a str>,
}

/// Makes requests to one vendor.
pub trait Vendor: Send + Sync {
    /// Its folder's name, as in metrics.
    fn name(&self) -> &'static str;

    fn generate(&self, request: &Generate, tuning: Tuning<'_>) -> Box<dyn GenerationStream>;
    /// Makes sure that connections stand.
    fn warm(&self);
}

/// The language models in the order in which they are tried.
#[derive(Debug, Clone)]
pub struct Models {
    routes: Chain<dyn Vendor>,
}

impl Models {
    pub(crate) fn in_chain(routes: Chain<dyn Vendor>) -> Self {
        Self { routes }
    }

    /// One model, made outside: without a network, on a clock of its own.
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

    /// Asks the model at this place, or the last one if the place is beyond the list
    /// (`request.route` is not looked at). The request is written down now and sent when the stream is
    /// polled.
    #[must_use]
    pub fn generate(
        &self,
        route: usize,
        request: &Generate,
        tuning: Tuning<'_>,
    ) -> Box<dyn GenerationStream> {
        let vendor = self.routes.at(route);
        Box::new(TimedGeneration::new(
            vendor.name(),
            vendor.generate(request, tuning),
        ))
    }

    /// Makes sure that connections stand before they are needed: call it when a call begins. Costs
    /// nothing while they are known to stand.
    pub fn warm(&self) {
        self.routes.first().warm();
    }
}

/// A request that failed before it was sent.
pub(crate) struct Failed(pub(crate) Option<Failure>);

impl GenerationStream for Failed {
    fn poll_event(&mut self, _cx: &mut Context<'_>) -> Poll<Generation> {
        match self.0.take() {
            Some(failure) => Poll::Ready(Generation::Failed(failure)),
            None => Poll::Pending,
        }
    }
}
