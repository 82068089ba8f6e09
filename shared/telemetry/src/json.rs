//! A log line as one flat JSON object.

use std::fmt;

use serde_json::Value;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::fields;

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
        let mut line = fields::of(context, event);
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

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::io;

    use crate::fields::tests::written;

    use super::*;

    fn lines(scene: impl FnOnce()) -> Vec<Value> {
        let text = written(Flat, scene);
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
