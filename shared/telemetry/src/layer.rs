//! Counts what is logged at levels `warn` and `error`, so that a run can say that it was clean.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// How much was logged that someone should look at.
#[derive(Debug, Clone, Default)]
pub struct Problems {
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    warnings: AtomicU64,
    errors: AtomicU64,
}

impl Problems {
    #[must_use]
    pub fn warnings(&self) -> u64 {
        self.counts.warnings.load(Ordering::Relaxed)
    }

    #[must_use]
    pub fn errors(&self) -> u64 {
        self.counts.errors.load(Ordering::Relaxed)
    }

    pub(crate) fn layer<S: Subscriber>(&self) -> impl Layer<S> {
        CountingLayer {
            counts: Arc::clone(&self.counts),
        }
    }
}

struct CountingLayer {
    counts: Arc<Counts>,
}

impl<S: Subscriber> Layer<S> for CountingLayer {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let count = match *event.metadata().level() {
            Level::ERROR => &self.counts.errors,
            Level::WARN => &self.counts.warnings,
            _information => return,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn a_run_knows_how_much_went_wrong() {
        let problems = Problems::default();
        let subscriber = tracing_subscriber::registry().with(problems.layer());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("all is well");
            tracing::warn!("degraded");
            tracing::error!("act");
            tracing::error!("act again");
        });
        assert_eq!((problems.warnings(), problems.errors()), (1, 2));
    }
}
