//! Logs and metrics, set up once by each entry point.
//!
//! Logs are JSON lines on AWS and readable text on a terminal. Field names are fixed: `call.id`,
//! `tenant.id`, `duration_ms`. No phone number, name, transcript or key is logged at any level; the
//! types help (`model::PhoneNumber` and `settings::Secret` do not print) and a journey test greps a
//! whole run. Metrics are kept in memory and rendered for Prometheus.

mod layer;

use std::io::{self, Write};

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use settings::{Log, LogFormat};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

pub use layer::Problems;

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
    #[error("a metrics recorder is already set")]
    Recorder(#[source] BuildError),
}

/// Sends logs to standard output, where Lambda and containers collect them and a terminal shows them.
///
/// # Errors
/// When the filter is malformed or logs were set up before in this process.
pub fn init_logs(log: &Log) -> Result<(), SetUpError> {
    init_logs_to(log, BoxMakeWriter::new(io::stdout)).map(|_problems| ())
}

/// Like [`init_logs`], into a writer of the caller's.
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
                    .json()
                    .flatten_event(true)
                    .with_writer(writer),
            )
            .try_init(),
        LogFormat::Text => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .with_ansi(false)
                    .with_target(false)
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

/// The metrics of this process.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Collects everything that the `metrics` macros report in this process from now on.
    ///
    /// # Errors
    /// When metrics were set up before in this process.
    pub fn install() -> Result<Self, SetUpError> {
        let handle = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS_BUCKETS)
            .and_then(PrometheusBuilder::install_recorder)
            .map_err(SetUpError::Recorder)?;
        Ok(Self { handle })
    }

    /// All metrics in Prometheus' text format. Call [`Metrics::upkeep`] now and then where nobody
    /// scrapes.
    #[must_use]
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// Folds histogram samples into buckets, so that memory stays bounded between two scrapes.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}
