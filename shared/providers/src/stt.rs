//! Speech recognition: the customer's audio in, words out.

pub mod deepgram;
mod replay;

use std::sync::Arc;
use std::task::{Context, Poll};

use conversation::{Failure, Recognition};
use futures_util::future::BoxFuture;
use model::AudioPosition;

use crate::count;
use crate::vendors::chain::{Chain, Link};

pub use replay::{REPLAY_MAX, ReplayBuffer};

/// One connection to a recognizer, for one call.
///
/// The first event is [`Recognition::Opened`], the last one [`Recognition::Lost`]; after it polling
/// stays pending. Words that [`Recognizer::close`] brings come before that last event.
pub trait Recognizer: Send {
    /// Queues customer audio (µ-law, 8 kHz, any length; nothing happens for none). Poll afterwards: that
    /// sends it.
    ///
    /// # Errors
    /// The connection is lost, or more waits to be sent than its buffer holds. The same failure comes
    /// as the last event.
    fn send_audio(&mut self, mulaw: &[u8]) -> Result<(), Failure>;

    /// Asks to make the words so far final now. The answer is a `Final` with `speech_final`, usually:
    /// vendors do not promise one when there is little audio. Wait for it with a deadline.
    fn finalize(&mut self);

    /// Says that no more audio comes.
    fn close(&mut self);

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Recognition>;
}

/// What a recognizer is told when it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecognizerConfig {
    /// BCP 47, as the vendor takes it: `en`, `en-IN`, `multi`.
    pub language: String,
    /// Silence that ends a customer's phrase, in milliseconds.
    pub endpointing_ms: u32,
    /// Place in the customer's audio of the first byte that will be sent.
    pub position: AudioPosition,
    /// Label of the use in the vendor's accounts: tenant and call id. Never personal.
    pub tag: String,
}

/// Opens connections of one vendor.
pub trait Vendor: Send + Sync {
    /// Its folder's name, as in metrics.
    fn name(&self) -> &'static str;

    fn connect(
        &self,
        config: RecognizerConfig,
    ) -> BoxFuture<'static, Result<Box<dyn Recognizer>, Failure>>;
}

/// The recognizers in the order in which they are tried.
#[derive(Debug, Clone)]
pub struct Recognizers {
    routes: Chain<dyn Vendor>,
}

impl Recognizers {
    pub(crate) fn in_chain(routes: Chain<dyn Vendor>) -> Self {
        Self { routes }
    }

    /// One recognizer, made outside: without a network, on a clock of its own.
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

    /// Opens a connection of the recognizer at this place, or of the last one if the place is beyond
    /// the list. The future does not borrow and does its work only while it is polled.
    ///
    /// # Errors
    /// (of the future) No connection within its time limit, or refused.
    #[must_use]
    pub fn connect(
        &self,
        route: usize,
        config: RecognizerConfig,
    ) -> BoxFuture<'static, Result<Box<dyn Recognizer>, Failure>> {
        let vendor = self.routes.at(route);
        count::asked(vendor.name(), count::RECOGNITION);
        vendor.connect(config)
    }
}
