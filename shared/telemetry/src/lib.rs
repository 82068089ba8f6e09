//! Logs and metrics, set up once by each entry point.
//!
//! Logs are JSON lines on AWS and readable text on a terminal. Field names are fixed: `call.id`,
//! `tenant.id`, `trace_id` (`docs/logs.md`). No phone number, name, transcript or key is logged at any
//! level; the types help (`model::PhoneNumber` and `settings::Secret` do not print) and a journey test
//! greps a whole run. Metrics ([`CATALOGUE`]) are kept in memory, rendered for Prometheus, where every
//! counter stands at 0 from the start, and written among the logs for CloudWatch.

mod catalogue;
mod emf;
mod fields;
mod json;
mod layer;
mod pair;
mod text;
mod words;

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use metrics::{Key, Label, Metadata, Recorder as _, SetRecorderError};
use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use settings::{Log, LogFormat};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

pub use catalogue::{CATALOGUE, Kind, Metric, SERVICE, Unit, find};
pub use emf::Emf;
pub use layer::Problems;
pub use words::{CLOSED, OPEN};

use pair::Pair;

/// Bounds of the buckets of histograms in seconds: fine where our own time is (promise P5 speaks of
/// 5 and 20 ms), coarse where vendors' time is.
const SECONDS_BUCKETS: [f64; 18] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5,
    1.0, 2.0, 5.0, 10.0,
];

/// Why logs or metrics could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    #[error("the log filter cannot be read")]
    Filter(#[source] tracing_subscriber::filter::ParseError),
    #[error("a log subscriber is already set")]
    Subscriber(#[source] TryInitError),
    #[error("metrics cannot be kept")]
    Recorder(#[source] BuildError),
    #[error("a metrics recorder is already set")]
    RecorderTwice,
}

/// Sends logs to standard output, where Lambda and containers collect them and a terminal shows them.
///
/// # Errors
/// When the filter is malformed or logs were set up before in this process.
pub fn init_logs(log: &Log) -> Result<(), SetUpError> {
    init_logs_to(log, BoxMakeWriter::new(io::stdout))?;
    report_defects(None);
    Ok(())
}

/// Like [`init_logs`], into a writer that it is given.
///
/// The laptop run logs into a file so that its scene stays readable. Returns a counter of what was
/// logged at levels `warn` and `error`.
///
/// # Errors
/// See [`init_logs`].
pub fn init_logs_to(log: &Log, writer: BoxMakeWriter) -> Result<Problems, SetUpError> {
    let filter = EnvFilter::try_new(&log.filter).map_err(SetUpError::Filter)?;
    let problems = Problems::default();
    let registry = tracing_subscriber::registry()
        .with(filter)
        .with(problems.layer());
    match log.format {
        LogFormat::Json => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .event_format(json::Flat)
                    .fmt_fields(JsonFields::new())
                    .log_internal_errors(false)
                    .with_writer(writer),
            )
            .try_init(),
        LogFormat::Text => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .event_format(text::Plain)
                    .fmt_fields(JsonFields::new())
                    .log_internal_errors(false)
                    .with_writer(writer),
            )
            .try_init(),
    }
    .map_err(SetUpError::Subscriber)?;
    Ok(problems)
}

/// An error with its causes on one line, for a log field: libraries' errors do not repeat their
/// source.
#[derive(Debug, Clone, Copy)]
pub struct Chain<'a>(pub &'a (dyn std::error::Error + 'static));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// Logs an error that ends the process, with its causes, where the log cannot be relied on yet.
pub fn report_fatal(error: &dyn std::error::Error) {
    let mut text = format!("trunkline: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!("\n  because: {error}"));
        cause = error.source();
    }
    // Nobody is left to tell when even standard error is gone.
    drop(writeln!(io::stderr(), "{text}"));
}

/// What a person sees of a defect in the program is a sentence that names the log, once; the log has where and
/// what it was, each time. Without a log of its own the process's output is the log.
pub fn report_defects(log: Option<PathBuf>) {
    let told = AtomicBool::new(false);
    std::panic::set_hook(Box::new(move |panic| {
        let problem = panic.payload_as_str().unwrap_or("no words");
        let place = panic.location().map(ToString::to_string);
        let place = place.unwrap_or_default();
        tracing::error!(
            problem,
            place,
            "a part of the program ended by a defect in it"
        );
        if let Some(log) = &log
            && !told.swap(true, Ordering::Relaxed)
        {
            let log = log.display();
            let text = format!(
                "trunkline: a part of the program ended by a defect in it; {log} says where, please report it"
            );
            // As above.
            drop(writeln!(io::stderr(), "{text}"));
        }
    }));
}

/// The metrics of this process.
#[derive(Clone)]
pub struct Metrics {
    prometheus: Option<PrometheusHandle>,
    emf: Option<Arc<Emf>>,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Collects everything that the `metrics` macros report in this process from now on, for Prometheus.
    ///
    /// # Errors
    /// When metrics were set up before in this process.
    pub fn install() -> Result<Self, SetUpError> {
        Self::install_for_both(None)
    }

    /// The same, and for CloudWatch where the settings name a namespace.
    ///
    /// # Errors
    /// See [`Metrics::install`].
    pub fn install_in_worker(service: &'static str, log: &Log) -> Result<Self, SetUpError> {
        Self::install_for_both(emf(service, log))
    }

    /// For CloudWatch alone, where the settings name a namespace: nobody can ask a function. Call
    /// [`Metrics::tell`] after each event.
    ///
    /// # Errors
    /// See [`Metrics::install`].
    pub fn install_in_function(service: &'static str, log: &Log) -> Result<Self, SetUpError> {
        let emf = emf(service, log);
        if let Some(emf) = &emf {
            metrics::set_global_recorder(Arc::clone(emf)).map_err(twice)?;
        }
        Ok(Self {
            prometheus: None,
            emf,
        })
    }

    fn install_for_both(emf: Option<Arc<Emf>>) -> Result<Self, SetUpError> {
        let prometheus = prometheus().map_err(SetUpError::Recorder)?;
        let handle = prometheus.handle();
        match &emf {
            Some(emf) => metrics::set_global_recorder(Pair::new(prometheus, Arc::clone(emf)))
                .map_err(twice)?,
            None => metrics::set_global_recorder(prometheus).map_err(twice)?,
        }
        Ok(Self {
            prometheus: Some(handle),
            emf,
        })
    }

    /// All metrics in Prometheus' text format. Call [`Metrics::upkeep`] now and then where nobody
    /// scrapes.
    #[must_use]
    pub fn render(&self) -> String {
        let prometheus = self.prometheus.as_ref();
        prometheus.map(PrometheusHandle::render).unwrap_or_default()
    }

    /// Folds histogram samples into buckets, so that memory stays bounded between two scrapes.
    pub fn upkeep(&self) {
        if let Some(prometheus) = &self.prometheus {
            prometheus.run_upkeep();
        }
    }

    /// Writes what was counted since the last time to standard output, for CloudWatch.
    pub fn tell(&self) {
        let Some(emf) = &self.emf else {
            return;
        };
        // Where logs cannot be written, nobody can be told that metrics cannot.
        drop(emf.tell(Timestamp::now(), &mut io::stdout().lock()));
    }
}

/// Keeps metrics for Prometheus: described as in the catalogue, with every counter at 0 whose words are known.
fn prometheus() -> Result<PrometheusRecorder, BuildError> {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS_BUCKETS)?
        .build_recorder();
    for metric in CATALOGUE {
        let (name, meaning) = (metric.name.into(), metric.meaning.into());
        match metric.kind {
            Kind::Counter => recorder.describe_counter(name, None, meaning),
            Kind::Gauge => recorder.describe_gauge(name, None, meaning),
            Kind::Histogram => recorder.describe_histogram(name, None, meaning),
        }
    }
    let metadata = Metadata::new(module_path!(), metrics::Level::INFO, None);
    let counters = CATALOGUE
        .iter()
        .filter(|metric| metric.kind == Kind::Counter);
    for counter in counters {
        for labels in words::label_sets(counter.name) {
            let labels = labels.into_iter();
            let labels = labels.map(|(name, word)| Label::from_static_parts(name, word));
            let key = Key::from_parts(counter.name, labels.collect::<Vec<_>>());
            // It is in the recorder from here on; who counts asks for the same key.
            drop(recorder.register_counter(&key, &metadata));
        }
    }
    Ok(recorder)
}

fn emf(service: &'static str, log: &Log) -> Option<Arc<Emf>> {
    let namespace = log.metrics_namespace.as_deref()?;
    Some(Arc::new(Emf::new(namespace, service)))
}

fn twice<R>(_recorder: SetRecorderError<R>) -> SetUpError {
    SetUpError::RecorderTwice
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Series that a process has before anything happens. Each is a line of every scrape.
    const SERIES_AT_START_MAX: usize = 400;

    #[test]
    fn every_counter_of_known_words_stands_at_0_from_the_start() {
        let scrape = prometheus().unwrap().handle().render();
        let mut missing = Vec::new();
        for metric in CATALOGUE.iter().filter(|it| it.kind == Kind::Counter) {
            let closed = CLOSED.iter().find(|(name, _)| *name == metric.name);
            let series = match (metric.labels, closed) {
                ([], None) => vec![format!("{} 0", metric.name)],
                (_, Some(_)) => words::label_sets(metric.name)
                    .into_iter()
                    .map(|labels| {
                        let names: Vec<&str> = labels.iter().map(|(name, _)| *name).collect();
                        assert_eq!(names, metric.labels, "{}", metric.name);
                        let labels = labels
                            .iter()
                            .map(|(name, word)| format!("{name}=\"{word}\""));
                        let labels: Vec<String> = labels.collect();
                        format!("{}{{{}}} 0", metric.name, labels.join(","))
                    })
                    .collect(),
                (_, None) if OPEN.contains(&metric.name) => continue,
                (_, None) => panic!("which words can the labels of {} have?", metric.name),
            };
            missing.extend(
                series
                    .into_iter()
                    .filter(|series| !scrape.lines().any(|line| line == series)),
            );
        }
        assert!(missing.is_empty(), "not in a scrape: {missing:#?}");
        let series = scrape.lines().filter(|line| line.ends_with(" 0")).count();
        assert!(series <= SERIES_AT_START_MAX, "{series} series");
    }

    #[test]
    fn what_a_scrape_has_is_described_as_in_the_catalogue() {
        let recorder = prometheus().unwrap();
        metrics::with_local_recorder(&recorder, || {
            metrics::gauge!("trunkline_worker_calls").set(1);
            metrics::histogram!("trunkline_barge_in_seconds").record(0.01);
        });
        let scrape = recorder.handle().render();
        for described in [
            "# HELP trunkline_worker_calls ",
            "# HELP trunkline_barge_in_seconds ",
            "# HELP trunkline_calls_dropped_total ",
        ] {
            let (_, name) = described.trim_end().rsplit_once(' ').unwrap();
            let line = format!("{described}{}", find(name).unwrap().meaning);
            assert!(scrape.lines().any(|it| it == line), "{line}");
        }
    }
}
