//! Metrics for CloudWatch: lines of JSON among the logs, in its embedded metric format.
//!
//! CloudWatch makes metrics of a log line that says in `_aws` which of its members are some (Amazon
//! CloudWatch user guide, "Specification: Embedded metric format"). No request and no right is needed, and
//! a line has more than its metrics: what the catalogue does not let CloudWatch keep is a member all the
//! same.
//!
//! Counting costs an atomic addition. Lines are made only when somebody asks for them: a function after
//! each event, the media worker twice a minute.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString,
};
use serde_json::{Map, Value, json};

use crate::catalogue::{self, Kind, Metric, SERVICE};

/// Values of one metric in one line (specification, "Target members").
const VALUES_MAX: usize = 100;
/// Samples of one histogram between two flushes: forty lines of [`VALUES_MAX`]. Beyond, every other one
/// is let go, and every other one of those that follow: percentiles stay, the number of samples does not.
const SAMPLES_MAX: usize = 4_000;
/// Combinations of a name and labels that are told. Labels are bounded, so that there are some hundred;
/// what comes beyond is not told, and in the log once.
const SERIES_MAX: usize = 1_000;

/// Counts what the catalogue knows, and writes it down when asked.
pub struct Emf {
    namespace: String,
    service: &'static str,
    series: Mutex<HashMap<Key, Series>>,
    full: AtomicBool,
}

struct Series {
    metric: &'static Metric,
    labels: Vec<(&'static str, String)>,
    cell: Cell,
}

#[derive(Clone)]
enum Cell {
    Counter(Arc<CounterCell>),
    Gauge(Arc<GaugeCell>),
    Histogram(Arc<HistogramCell>),
}

/// What a series has to tell.
enum Told {
    One(Value),
    Many(Vec<f64>),
}

impl Emf {
    /// Counts for this service (a function's name, or the media worker's) in this namespace of CloudWatch.
    #[must_use]
    pub fn new(namespace: &str, service: &'static str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            service,
            series: Mutex::default(),
            full: AtomicBool::new(false),
        }
    }

    /// Writes what was counted since the last time, if anything.
    ///
    /// # Errors
    /// The lines cannot be written; what they told is lost.
    pub fn tell(&self, now: Timestamp, out: &mut dyn Write) -> io::Result<()> {
        let mut lines = Vec::new();
        for (labels, told) in self.take() {
            self.lines(now, &labels, told, &mut lines);
        }
        if lines.is_empty() {
            return Ok(());
        }
        // One write: lines of other threads come before or after.
        out.write_all(&lines)?;
        out.flush()
    }

    /// What was counted, by labels: a line has one value for each.
    fn take(&self) -> BTreeMap<Vec<(&'static str, String)>, BTreeMap<&'static str, Told>> {
        let mut by_labels = BTreeMap::<_, BTreeMap<_, _>>::new();
        for series in self.lock().values() {
            if let Some(told) = series.cell.take() {
                let line = by_labels.entry(series.labels.clone()).or_default();
                line.insert(series.metric.name, told);
            }
        }
        by_labels
    }

    fn lines(
        &self,
        now: Timestamp,
        labels: &[(&'static str, String)],
        mut told: BTreeMap<&'static str, Told>,
        lines: &mut Vec<u8>,
    ) {
        while !told.is_empty() {
            let mut members = Map::new();
            let mut rest = BTreeMap::new();
            for (name, value) in told {
                let value = match value {
                    Told::One(value) => value,
                    Told::Many(mut values) => {
                        let later = values.split_off(values.len().min(VALUES_MAX));
                        if !later.is_empty() {
                            rest.insert(name, Told::Many(later));
                        }
                        Value::from(values)
                    }
                };
                members.insert(name.to_owned(), value);
            }
            told = rest;
            let directives = self.directives(members.keys());
            for (label, value) in labels {
                members.insert((*label).to_owned(), Value::from(value.as_str()));
            }
            members.insert(SERVICE.to_owned(), Value::from(self.service));
            // What every line of the log has.
            members.insert("level".to_owned(), Value::from("INFO"));
            members.insert("message".to_owned(), Value::from("metrics"));
            members.insert("timestamp".to_owned(), Value::from(now.to_string()));
            if !directives.is_empty() {
                let aws =
                    json!({ "Timestamp": now.as_millisecond(), "CloudWatchMetrics": directives });
                members.insert("_aws".to_owned(), aws);
            }
            lines.extend_from_slice(Value::Object(members).to_string().as_bytes());
            lines.push(b'\n');
        }
    }

    /// One for all metrics that have the same dimensions.
    fn directives<'a>(&self, names: impl Iterator<Item = &'a String>) -> Vec<Value> {
        let mut by_dimensions = BTreeMap::<_, Vec<Value>>::new();
        for metric in names.filter_map(|name| catalogue::find(name)) {
            if !metric.kept_by.is_empty() {
                let definition = json!({ "Name": metric.name, "Unit": metric.unit.word() });
                by_dimensions
                    .entry(metric.kept_by)
                    .or_default()
                    .push(definition);
            }
        }
        let directives = by_dimensions.into_iter().map(|(dimensions, metrics)| {
            json!({ "Namespace": self.namespace, "Dimensions": dimensions, "Metrics": metrics })
        });
        directives.collect()
    }

    /// The series of this key. `None`: nobody is told of it.
    fn cell(&self, key: &Key, kind: Kind) -> Option<Cell> {
        let mut series = self.lock();
        if let Some(known) = series.get(key) {
            return Some(known.cell.clone()).filter(|cell| cell.kind() == kind);
        }
        let metric = catalogue::find(key.name()).filter(|metric| metric.kind == kind)?;
        let labels: Option<Vec<_>> = metric
            .labels
            .iter()
            .map(|label| {
                let found = key.labels().find(|given| given.key() == *label)?;
                // A dimension has a value (Amazon CloudWatch API reference, `Dimension`).
                let value = Some(found.value()).filter(|value| !value.is_empty());
                Some((*label, value.unwrap_or("none").to_owned()))
            })
            .collect();
        let labels = labels.filter(|labels| labels.len() == key.labels().len())?;
        if series.len() >= SERIES_MAX {
            drop(series);
            if !self.full.swap(true, Ordering::Relaxed) {
                tracing::error!(metric = metric.name, "there are too many metrics");
            }
            return None;
        }
        let cell = match kind {
            Kind::Counter => Cell::Counter(Arc::default()),
            Kind::Gauge => Cell::Gauge(Arc::default()),
            Kind::Histogram => Cell::Histogram(Arc::default()),
        };
        let new = Series {
            metric,
            labels,
            cell: cell.clone(),
        };
        series.insert(key.clone(), new);
        Some(cell)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Series>> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Emf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Emf")
            .field("namespace", &self.namespace)
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

impl Recorder for Emf {
    // The catalogue describes them.
    fn describe_counter(&self, _: KeyName, _: Option<metrics::Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<metrics::Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<metrics::Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _metadata: &Metadata<'_>) -> Counter {
        match self.cell(key, Kind::Counter) {
            Some(Cell::Counter(cell)) => Counter::from_arc(cell),
            Some(Cell::Gauge(_) | Cell::Histogram(_)) | None => Counter::noop(),
        }
    }

    fn register_gauge(&self, key: &Key, _metadata: &Metadata<'_>) -> Gauge {
        match self.cell(key, Kind::Gauge) {
            Some(Cell::Gauge(cell)) => Gauge::from_arc(cell),
            Some(Cell::Counter(_) | Cell::Histogram(_)) | None => Gauge::noop(),
        }
    }

    fn register_histogram(&self, key: &Key, _metadata: &Metadata<'_>) -> Histogram {
        match self.cell(key, Kind::Histogram) {
            Some(Cell::Histogram(cell)) => Histogram::from_arc(cell),
            Some(Cell::Counter(_) | Cell::Gauge(_)) | None => Histogram::noop(),
        }
    }
}

impl Cell {
    const fn kind(&self) -> Kind {
        match self {
            Self::Counter(_) => Kind::Counter,
            Self::Gauge(_) => Kind::Gauge,
            Self::Histogram(_) => Kind::Histogram,
        }
    }

    fn take(&self) -> Option<Told> {
        match self {
            Self::Counter(cell) => cell.take(),
            Self::Gauge(cell) => cell.take(),
            Self::Histogram(cell) => cell.take(),
        }
    }
}

#[derive(Debug, Default)]
struct CounterCell {
    total: AtomicU64,
    told: AtomicU64,
}

impl CounterCell {
    /// What came since the last time.
    fn take(&self) -> Option<Told> {
        let total = self.total.load(Ordering::Relaxed);
        let told = self.told.swap(total, Ordering::Relaxed);
        let new = total.saturating_sub(told);
        (new > 0).then(|| Told::One(Value::from(new)))
    }
}

impl CounterFn for CounterCell {
    fn increment(&self, value: u64) {
        self.total.fetch_add(value, Ordering::Relaxed);
    }

    fn absolute(&self, value: u64) {
        self.total.fetch_max(value, Ordering::Relaxed);
    }
}

#[derive(Debug, Default)]
struct GaugeCell {
    bits: AtomicU64,
    set: AtomicBool,
}

impl GaugeCell {
    /// Its value, if somebody has said it since the last time: what nobody says any more is not known.
    fn take(&self) -> Option<Told> {
        let set = self.set.swap(false, Ordering::Relaxed);
        let value = f64::from_bits(self.bits.load(Ordering::Relaxed));
        set.then(|| Told::One(Value::from(value)))
    }

    fn change(&self, change: impl Fn(f64) -> f64) {
        let changed = |bits| Some(change(f64::from_bits(bits)).to_bits());
        // It always has a next value.
        let _changed = self
            .bits
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, changed);
        self.set.store(true, Ordering::Relaxed);
    }
}

impl GaugeFn for GaugeCell {
    fn increment(&self, value: f64) {
        self.change(|now| now + value);
    }

    fn decrement(&self, value: f64) {
        self.change(|now| now - value);
    }

    fn set(&self, value: f64) {
        self.change(|_now| value);
    }
}

#[derive(Debug, Default)]
struct HistogramCell(Mutex<Samples>);

#[derive(Debug, Default)]
struct Samples {
    values: Vec<f64>,
    /// One in two to the power of this is kept.
    thinned: u32,
    seen: u64,
}

impl HistogramCell {
    fn take(&self) -> Option<Told> {
        let mut samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Samples { values, .. } = std::mem::take(&mut *samples);
        (!values.is_empty()).then_some(Told::Many(values))
    }
}

impl HistogramFn for HistogramCell {
    fn record(&self, value: f64) {
        // JSON has no other numbers.
        if value.is_finite() {
            let mut samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            samples.add(value);
        }
    }
}

impl Samples {
    fn add(&mut self, value: f64) {
        let kept = self.seen.is_multiple_of(1 << self.thinned.min(63));
        self.seen += 1;
        if !kept {
            return;
        }
        if self.values.len() >= SAMPLES_MAX {
            let mut keep = false;
            self.values.retain(|_value| {
                keep = !keep;
                keep
            });
            self.thinned += 1;
        }
        // Microseconds are exact enough, and short.
        self.values.push((value * 1e6).round() / 1e6);
    }
}

#[cfg(test)]
mod tests;
