//! Two recorders that are told the same: one for Prometheus, one for CloudWatch.
//!
//! A handle that is kept counts with two atomic additions and allocates nothing.

use std::sync::Arc;

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};

/// Tells both.
pub(crate) struct Pair<A, B> {
    one: A,
    other: B,
}

impl<A, B> Pair<A, B> {
    pub(crate) const fn new(one: A, other: B) -> Self {
        Self { one, other }
    }
}

impl<A: Recorder, B: Recorder> Recorder for Pair<A, B> {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.one
            .describe_counter(key.clone(), unit, description.clone());
        self.other.describe_counter(key, unit, description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.one
            .describe_gauge(key.clone(), unit, description.clone());
        self.other.describe_gauge(key, unit, description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.one
            .describe_histogram(key.clone(), unit, description.clone());
        self.other.describe_histogram(key, unit, description);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        Counter::from_arc(Arc::new(Handles(
            self.one.register_counter(key, metadata),
            self.other.register_counter(key, metadata),
        )))
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(Arc::new(Handles(
            self.one.register_gauge(key, metadata),
            self.other.register_gauge(key, metadata),
        )))
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(Arc::new(Handles(
            self.one.register_histogram(key, metadata),
            self.other.register_histogram(key, metadata),
        )))
    }
}

struct Handles<T>(T, T);

impl CounterFn for Handles<Counter> {
    fn increment(&self, value: u64) {
        self.0.increment(value);
        self.1.increment(value);
    }

    fn absolute(&self, value: u64) {
        self.0.absolute(value);
        self.1.absolute(value);
    }
}

impl GaugeFn for Handles<Gauge> {
    fn increment(&self, value: f64) {
        self.0.increment(value);
        self.1.increment(value);
    }

    fn decrement(&self, value: f64) {
        self.0.decrement(value);
        self.1.decrement(value);
    }

    fn set(&self, value: f64) {
        self.0.set(value);
        self.1.set(value);
    }
}

impl HistogramFn for Handles<Histogram> {
    fn record(&self, value: f64) {
        self.0.record(value);
        self.1.record(value);
    }
}

#[cfg(test)]
mod tests {
    use metrics::with_local_recorder;
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;
    use crate::emf::Emf;

    #[test]
    fn both_are_told_the_same() {
        let prometheus = PrometheusBuilder::new().build_recorder();
        let handle = prometheus.handle();
        let emf = Arc::new(Emf::new("Trunkline/mine", "media-worker"));
        with_local_recorder(&Pair::new(prometheus, Arc::clone(&emf)), || {
            metrics::counter!("trunkline_calls_started_total").increment(3);
            metrics::gauge!("trunkline_worker_calls").set(2);
            metrics::gauge!("trunkline_worker_calls").decrement(1);
            metrics::histogram!("trunkline_barge_in_seconds").record(0.02);
        });
        let rendered = handle.render();
        assert!(
            rendered.contains("trunkline_calls_started_total 3"),
            "{rendered}"
        );
        assert!(rendered.contains("trunkline_worker_calls 1"), "{rendered}");
        let mut lines = Vec::new();
        emf.tell(jiff::Timestamp::UNIX_EPOCH, &mut lines).unwrap();
        let line: serde_json::Value = serde_json::from_slice(&lines).unwrap();
        assert_eq!(line["trunkline_calls_started_total"], 3);
        assert_eq!(line["trunkline_worker_calls"], 1.0);
        assert_eq!(line["trunkline_barge_in_seconds"][0], 0.02);
    }
}
