//! A log line as one flat JSON object: what the event says, and what the spans around it say.
//!
//! A field of the event wins over the same field of a span, an inner span over an outer one. So a call's
//! line has `call.id` and `trace_id` at its top, whichever part of the code wrote it.

use std::error::Error;
use std::fmt;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use crate::Chain;

/// Formats lines so. Spans' fields must be formatted as JSON.
pub(crate) struct Flat;

impl<S, N> FormatEvent<S, N> for Flat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Map::new();
        for span in context
            .event_scope()
            .into_iter()
            .flat_map(|scope| scope.from_root())
        {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<N>>();
            let fields = fields.map(|fields| serde_json::from_str(&fields.fields));
            if let Some(Ok(Value::Object(fields))) = fields {
                line.extend(fields);
            }
        }
        event.record(&mut Fields(&mut line));
        let metadata = event.metadata();
        let own = [
            ("timestamp", jiff::Timestamp::now().to_string()),
            ("level", metadata.level().to_string()),
            ("target", metadata.target().to_owned()),
        ];
        line.extend(own.map(|(name, value)| (name.to_owned(), Value::from(value))));
        writeln!(writer, "{}", Value::Object(line))
    }
}

struct Fields<'a>(&'a mut Map<String, Value>);

impl Fields<'_> {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.put(field, Chain(value).to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex, PoisonError};

    use tracing_subscriber::fmt::format::JsonFields;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            written.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines(scene: impl FnOnce()) -> Vec<Value> {
        let written = Written::default();
        let writer = written.clone();
        let layer = tracing_subscriber::fmt::layer()
            .event_format(Flat)
            .fmt_fields(JsonFields::new())
            .with_writer(move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), scene);
        let bytes = written.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn what_spans_say_is_at_the_top_of_each_line() {
        let lines = lines(|| {
            let call = tracing::info_span!("call", call.id = "c", trace_id = tracing::field::Empty);
            let _call = call.enter();
            tracing::info!("before");
            call.record("trace_id", "t");
            let _inner =
                tracing::info_span!("inner", leg = "generation", call.id = "other").entered();
            tracing::warn!(calls = 2, leg = %"synthesis", wrong = true, "after");
        });
        assert_eq!(lines[0]["message"], "before");
        assert_eq!(lines[0]["level"], "INFO");
        assert_eq!(lines[0]["call.id"], "c");
        assert_eq!(lines[0].get("trace_id"), None);
        assert_eq!(lines[1]["trace_id"], "t");
        assert_eq!(lines[1]["call.id"], "other");
        assert_eq!(lines[1]["leg"], "synthesis");
        assert_eq!(lines[1]["calls"], 2);
        assert_eq!(lines[1]["wrong"], true);
        assert!(lines[1]["timestamp"].is_string() && lines[1]["target"].is_string());
    }

    #[test]
    fn an_error_comes_with_its_causes() {
        let cause = io::Error::other("no route");
        let lines = lines(|| {
            let error = Outer(cause);
            tracing::error!(error = &error as &dyn Error, "failed");
        });
        assert_eq!(lines[0]["error"], "the table did not answer: no route");
    }

    #[derive(Debug, thiserror::Error)]
    #[error("the table did not answer")]
    struct Outer(#[source] io::Error);
}
