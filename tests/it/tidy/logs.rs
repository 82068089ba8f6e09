//! The log's schema: `docs/logs.md` has every field that code logs and no other, and the events that it
//! names are logged. Lines themselves are held to it where they are captured.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use super::{files, root, shown};

const SCHEMA: &str = "docs/logs.md";
/// What the formatter adds.
const OF_EVERY_LINE: [&str; 4] = ["timestamp", "level", "target", "message"];
/// What Lambda's runtime for Rust adds.
const OF_FUNCTIONS: [&str; 2] = ["requestId", "xrayTraceId"];
/// What lines of metrics have besides metrics and labels.
const OF_METRICS: [&str; 5] = ["timestamp", "level", "message", "service", "_aws"];
const MACROS: [&str; 7] = [
    "trace!(",
    "debug!(",
    "info!(",
    "warn!(",
    "error!(",
    "info_span!(",
    "debug_span!(",
];

/// Fields and their types.
fn schema() -> BTreeMap<String, String> {
    let text = fs::read_to_string(root().join(SCHEMA)).unwrap();
    let fields = part(&text, "## Fields");
    let mut schema = BTreeMap::new();
    for line in fields.lines().filter(|line| line.starts_with("| `")) {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let (names, kind) = (cells.next().unwrap(), cells.next().unwrap());
        for name in names.split(", ") {
            schema.insert(name.trim_matches('`').to_owned(), kind.to_owned());
        }
    }
    assert!(schema.len() > 40, "found only {schema:?}");
    schema
}

fn part<'a>(text: &'a str, heading: &str) -> &'a str {
    let part = text.split_once(heading).unwrap().1;
    part.split("\n## ").next().unwrap()
}

/// Fails unless the line is one that the schema allows.
pub(crate) fn is_of_the_schema(line: &Value) {
    let line_fields = line.as_object().unwrap();
    let text = |field: &str| line[field].as_str();
    let at = text("timestamp").unwrap();
    at.parse::<jiff::Timestamp>().unwrap();
    let levels = ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"];
    assert!(levels.contains(&text("level").unwrap()), "{line}");
    assert!(!text("message").unwrap().is_empty(), "{line}");
    if text("message") == Some("metrics") {
        for (name, value) in line_fields {
            let metric = telemetry::find(name).is_some();
            let label = telemetry::CATALOGUE
                .iter()
                .any(|metric| metric.labels.contains(&&**name));
            let known = OF_METRICS.contains(&&**name) || label && value.is_string() || metric;
            assert!(known, "{name} is not of the schema: {line}");
        }
        return;
    }
    let schema = schema();
    for (name, value) in line_fields {
        let kind = match value {
            Value::String(_) => "string",
            Value::Number(_) => "number",
            Value::Bool(_) => "boolean",
            Value::Null | Value::Array(_) | Value::Object(_) => "nothing that is logged",
        };
        let expected = schema.get(name).map(String::as_str);
        assert_eq!(expected, Some(kind), "{name} of {line}");
    }
}

#[test]
fn every_field_that_is_logged_is_in_the_schema_and_nothing_else_is() {
    let mut logged = BTreeSet::from(OF_EVERY_LINE.map(str::to_owned));
    logged.extend(OF_FUNCTIONS.map(str::to_owned));
    logged.insert("service".to_owned());
    for (_path, arguments) in logging() {
        logged.extend(arguments.iter().filter_map(|argument| field(argument)));
    }
    let known: BTreeSet<String> = schema().into_keys().collect();
    let unknown: Vec<&String> = logged.difference(&known).collect();
    let unused: Vec<&String> = known.difference(&logged).collect();
    assert!(unknown.is_empty(), "not in {SCHEMA}: {unknown:?}");
    assert!(
        unused.is_empty(),
        "in {SCHEMA}, and nobody logs it: {unused:?}"
    );
}

#[test]
fn the_events_of_the_schema_are_logged() {
    let mut messages = BTreeMap::<String, BTreeSet<String>>::new();
    for (path, arguments) in logging() {
        for argument in &arguments {
            if let Some(message) = argument.strip_prefix('"') {
                let message = message.trim_end_matches('"').to_owned();
                messages.entry(message).or_default().insert(path.clone());
            }
        }
    }
    let text = fs::read_to_string(root().join(SCHEMA)).unwrap();
    let schema = schema();
    let mut events = 0;
    for line in part(&text, "## Events")
        .lines()
        .filter(|line| line.starts_with("| `"))
    {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let message = cells[1].trim_matches('`');
        let paths = messages.get(message);
        let paths = paths.unwrap_or_else(|| panic!("nobody logs {message:?}"));
        let target = cells[3].trim_matches('`');
        let file = target
            .split_once("::")
            .map_or("lib".to_owned(), |(_crate, module)| {
                module.replace("::", "/")
            });
        let known = paths
            .iter()
            .any(|path| path.ends_with(&format!("/{file}.rs")));
        assert!(known, "{message:?} is logged by {paths:?}, not {target}");
        let named = cells[4].split('`').skip(1).step_by(2);
        for field in named {
            assert!(
                schema.contains_key(field),
                "{message:?} has an unknown field {field}"
            );
        }
        events += 1;
    }
    assert!(events > 10);
}

/// Arguments of every use of the macros of `tracing`, and in which file.
fn logging() -> Vec<(String, Vec<String>)> {
    let mut uses = Vec::new();
    for path in files(".rs") {
        let path_shown = shown(&path);
        let product = path_shown.contains("/src/")
            && !path_shown.starts_with("tests/")
            && !path_shown.starts_with("shared/sim/")
            && !path_shown.ends_with("tests.rs")
            && !path_shown.contains("/tests/");
        if !product {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for name in MACROS {
            for (place, _) in code.match_indices(name) {
                let (before, rest) = code.split_at(place);
                let before = before.chars().next_back();
                let is_whole = before.is_none_or(|c| !c.is_alphanumeric() && c != '_');
                if is_whole {
                    let arguments = arguments(rest.split_at(name.len()).1);
                    uses.push((path_shown.clone(), arguments));
                }
            }
        }
    }
    assert!(uses.len() > 80, "found only {}", uses.len());
    uses
}

/// The arguments up to the parenthesis that closes what was opened before.
fn arguments(text: &str) -> Vec<String> {
    let (mut found, mut current) = (Vec::new(), String::new());
    let (mut open, mut quoted, mut escaped) = (1, false, false);
    for character in text.chars() {
        let ends = |open: i32| open == 0;
        if quoted {
            quoted = escaped || character != '"';
            escaped = !escaped && character == '\\';
        } else {
            match character {
                '"' => quoted = true,
                '(' | '[' | '{' => open += 1,
                ')' | ']' | '}' => open -= 1,
                ',' if open == 1 => {
                    found.push(std::mem::take(&mut current).trim().to_owned());
                    continue;
                }
                _other => {}
            }
            if ends(open) {
                found.push(current.trim().to_owned());
                found.retain(|argument| !argument.is_empty());
                return found;
            }
        }
        current.push(character);
    }
    panic!("a macro is not closed: {text}");
}

/// The field of `name = value`, `%name`, `?name` or `name`.
fn field(argument: &str) -> Option<String> {
    if argument.starts_with('"') {
        return None;
    }
    let name = argument.split('=').next()?.trim();
    let name = name.trim_start_matches(['%', '?']);
    Some(name.to_owned())
}

#[test]
fn arguments_are_read_as_they_are_written() {
    let code = r#"call.id = %call.id, %reason, calls = held(a, "b, c"), "it, \"said\"") more"#;
    let arguments = arguments(code);
    let fields: Vec<_> = arguments.iter().filter_map(|one| field(one)).collect();
    assert_eq!(fields, ["call.id", "reason", "calls"]);
    assert_eq!(arguments[3], r#""it, \"said\"""#);
}
