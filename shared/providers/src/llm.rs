//! Language models: the conversation in, the agent's next words and tool calls out.

pub mod openai;

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use call::{Failure, Generate, Generation};
use settings::Settings;

use crate::SetupProblem;

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
pub(crate) trait Vendor: Send + Sync {
    fn generate(&self, request: &Generate, tuning: Tuning<'_>) -> Box<dyn GenerationStream>;
    fn warm(&self);
}

/// The language models in the order in which they are tried.
#[derive(Clone)]
pub struct Models {
    routes: Arc<[Box<dyn Vendor>]>,
}

impl Models {
    /// # Errors
    /// The HTTP client cannot be set up.
    pub fn new(settings: &Settings) -> Result<Self, SetupProblem> {
        // The list: one line for each vendor.
        let routes: Vec<Box<dyn Vendor>> = vec![Box::new(openai::OpenAi::new(&settings.openai)?)];
        Ok(Self {
            routes: routes.into(),
        })
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
        match self.routes.get(route).or_else(|| self.routes.last()) {
            Some(vendor) => vendor.generate(request, tuning),
            None => Box::new(Failed(Some(crate::no_vendor()))),
        }
    }

    /// Makes sure that connections stand before they are needed: call it when a call begins. Costs
    /// nothing while they are known to stand.
    pub fn warm(&self) {
        if let Some(vendor) = self.routes.first() {
            vendor.warm();
        }
    }
}

impl fmt::Debug for Models {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Models").finish_non_exhaustive()
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
