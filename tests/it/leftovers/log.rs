//! What this process logs, kept in memory. nextest gives each test a process of its own.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::Value;
use settings::{Log, LogFormat};
use telemetry::init_logs_to;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

/// The log since its first [`Captured::start`].
#[derive(Clone, Default)]
pub(crate) struct Captured(Arc<Mutex<Vec<u8>>>);

static STARTED: OnceLock<Captured> = OnceLock::new();

impl Captured {
    /// The whole process has one log, so the first one who starts it says how much is kept.
    pub(crate) fn start(filter: &str) -> Self {
        let started = STARTED.get_or_init(|| {
            let captured = Self::default();
            let log = Log {
                filter: filter.to_owned(),
                format: LogFormat::Json,
                metrics_namespace: None,
            };
            let writer = captured.clone();
            init_logs_to(&log, BoxMakeWriter::new(move || writer.clone())).unwrap();
            captured
        });
        started.clone()
    }

    pub(crate) fn lines(&self) -> Vec<Value> {
        let text = self.text();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.collect()
    }

    /// Lines of level `error`.
    pub(crate) fn errors(&self) -> Vec<String> {
        let lines = self.lines().into_iter();
        let errors = lines.filter(|line| line["level"] == "ERROR");
        errors.map(|line| line.to_string()).collect()
    }

    pub(crate) fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8(bytes.clone()).unwrap()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
