//! A log line for people: when, how bad, what, and then the fields by their names.

use std::fmt;

use serde_json::Value;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::fields;

/// Formats lines so. Spans' fields must be formatted as JSON.
pub(crate) struct Plain;

impl<S, N> FormatEvent<S, N> for Plain
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
        let now = jiff::Timestamp::now();
        write!(writer, "{now:.6} {:>5}", event.metadata().level().as_str())?;
        if let Some(message) = line.remove("message") {
            write!(writer, " {}", spoken(&message))?;
        }
        for (name, value) in &line {
            write!(writer, " {name}={}", word(value))?;
        }
        writeln!(writer)
    }
}

/// A text as it is, on one line.
fn spoken(value: &Value) -> String {
    match value.as_str() {
        Some(text) if !text.contains(char::is_control) => text.to_owned(),
        Some(_) | None => value.to_string(),
    }
}

/// A text in quotes where it is more than a word.
fn word(value: &Value) -> String {
    let plain = |letter: char| {
        !letter.is_whitespace() && !letter.is_control() && !['"', '=', '\\'].contains(&letter)
    };
    match value.as_str() {
        Some(text) if !text.is_empty() && text.chars().all(plain) => text.to_owned(),
        Some(_) | None => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use crate::fields::tests::written;

    use super::*;

    /// Lines without their time.
    fn lines(scene: impl FnOnce()) -> Vec<String> {
        let text = written(Plain, scene);
        let lines = text.lines().map(|line| {
            let (at, rest) = line.split_once(' ').unwrap();
            at.parse::<jiff::Timestamp>().unwrap();
            rest.to_owned()
        });
        lines.collect()
    }

    #[test]
    fn a_line_has_each_field_once_whoever_says_it() {
        let lines = lines(|| {
            let call =
                tracing::info_span!("call", call.id = "call_1", trace_id = tracing::field::Empty);
            let _call = call.enter();
            call.record("trace_id", "aa");
            call.record("trace_id", "bb");
            let _inner =
                tracing::info_span!("inner", call.id = "call_1", leg = "generation").entered();
            tracing::warn!(
                call.id = "call_1",
                calls = 2,
                leg = "synthesis",
                "a vendor fails"
            );
            tracing::info!("all is well");
        });
        assert_eq!(
            lines,
            [
                " WARN a vendor fails call.id=call_1 calls=2 leg=synthesis trace_id=bb",
                " INFO all is well call.id=call_1 leg=generation trace_id=bb",
            ]
        );
    }

    #[test]
    fn what_is_more_than_a_word_is_in_quotes_and_nothing_breaks_the_line() {
        let lines = lines(|| {
            let error = io::Error::other("no route\nto host");
            tracing::error!(
                error = &error as &dyn std::error::Error,
                empty = "",
                "two\nlines"
            );
        });
        let expected = r#"ERROR "two\nlines" empty="" error="no route\nto host""#;
        assert_eq!(lines, [expected]);
    }
}
