//! Checks a request against an `OpenAPI` description, as far as Twilio's description goes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use url::Url;

use super::peer::Seen;
use crate::descriptions::description;

/// Words that the description only gives in prose: docs/protocols/twilio-voice.md#creating-a-call and
/// docs/protocols/twilio-voice.md#calls-that-exist.
const WORDS: [(&str, &[&str]); 8] = [
    ("MachineDetection", &["Enable", "DetectMessageEnd"]),
    ("AsyncAmd", &["true", "false"]),
    ("RecordingChannels", &["mono", "dual"]),
    ("RecordingTrack", &["inbound", "outbound", "both"]),
    ("Trim", &["trim-silence", "do-not-trim"]),
    (
        "StatusCallbackEvent",
        &["initiated", "ringing", "answered", "completed"],
    ),
    (
        "RecordingStatusCallbackEvent",
        &["in-progress", "completed", "absent"],
    ),
    ("Status", &["canceled", "completed", "in-progress"]),
];

#[derive(Clone)]
pub(super) struct Spec {
    document: Arc<Value>,
}

/// Names with all their values, in the order of names.
type Named = BTreeMap<String, Vec<String>>;

impl Spec {
    pub(super) fn new() -> Self {
        Self {
            document: Arc::new(description("twilio")),
        }
    }

    /// The name of the operation that a request is for.
    pub(super) fn operation(&self, seen: &Seen) -> Option<String> {
        let (_template, _values, operation) = self.find(seen)?;
        Some(text(operation, "operationId").to_owned())
    }

    /// The example answers of an operation.
    pub(super) fn examples(&self, operation: &str) -> Vec<Value> {
        let paths = self.document["paths"].as_object().unwrap();
        let methods = paths
            .values()
            .flat_map(|path| path.as_object().unwrap().values());
        let found = methods
            .filter(|method| method["operationId"] == operation)
            .flat_map(|method| method["responses"].as_object().unwrap().values());
        found
            .filter_map(|response| response["content"]["application/json"]["examples"].as_object())
            .flat_map(|examples| examples.values())
            .map(|example| example["value"].clone())
            .collect()
    }

    /// The name of the operation, or everything that is wrong with the request.
    pub(super) fn check(&self, seen: &Seen) -> Result<String, Vec<String>> {
        let Some((template, path_values, operation)) = self.find(seen) else {
            return Err(vec!["no such path and method".to_owned()]);
        };
        let mut problems = Vec::new();
        let path = &self.document["paths"][&template];
        let mut parameters: Vec<&Value> = Vec::new();
        for list in [&path["parameters"], &operation["parameters"]] {
            parameters.extend(list.as_array().into_iter().flatten());
        }
        let query = seen
            .target
            .split_once('?')
            .map_or("", |(_path, query)| query);
        let query = named(query);
        for (place, values) in [("path", &path_values), ("query", &query)] {
            let described: BTreeMap<&str, &Value> = parameters
                .iter()
                .filter(|parameter| parameter["in"] == place)
                .map(|parameter| (text(parameter, "name"), *parameter))
                .collect();
            for (name, values) in values {
                match described.get(name.as_str()) {
                    Some(parameter) => {
                        self.values(name, values, &parameter["schema"], &mut problems);
                    }
                    None => problems.push(format!("{place} parameter {name} is not described")),
                }
            }
            for (name, parameter) in described {
                if parameter["required"] == true && !values.contains_key(name) {
                    problems.push(format!("{place} parameter {name} is missing"));
                }
            }
        }
        self.body(operation, seen, &mut problems);
        if problems.is_empty() {
            Ok(text(operation, "operationId").to_owned())
        } else {
            Err(problems)
        }
    }

    fn find(&self, seen: &Seen) -> Option<(String, Named, &Value)> {
        let path = seen.target.split('?').next()?;
        let method = seen.method.to_ascii_lowercase();
        let paths = self.document["paths"].as_object()?;
        paths.iter().find_map(|(template, item)| {
            let values = path_values(template, path)?;
            let operation = item.get(&method)?;
            Some((template.clone(), values, operation))
        })
    }

    fn body(&self, operation: &Value, seen: &Seen, problems: &mut Vec<String>) {
        let content = &operation["requestBody"]["content"];
        let Some(content) = content.as_object() else {
            if !seen.body.is_empty() || seen.content_type.is_some() {
                problems.push("a body where none is described".to_owned());
            }
            return;
        };
        let Some(described) = content.get(seen.content_type.as_deref().unwrap_or_default()) else {
            problems.push("a body of another media type".to_owned());
            return;
        };
        let schema = self.resolve(&described["schema"]);
        let fields = named(&seen.body);
        for (name, values) in &fields {
            match schema["properties"].get(name) {
                Some(property) => self.values(name, values, property, problems),
                None => problems.push(format!("field {name} is not described")),
            }
        }
        for name in schema["required"].as_array().into_iter().flatten() {
            if !fields.contains_key(name.as_str().unwrap()) {
                problems.push(format!("field {} is missing", name.as_str().unwrap()));
            }
        }
        if operation["operationId"] == "CreateCall" {
            let sources = ["Url", "Twiml", "ApplicationSid"];
            let given = sources
                .into_iter()
                .filter(|name| fields.contains_key(*name));
            if given.count() != 1 {
                problems.push("exactly one of Url, Twiml and ApplicationSid".to_owned());
            }
        }
    }

    fn values(&self, name: &str, values: &[String], schema: &Value, problems: &mut Vec<String>) {
        let schema = self.resolve(schema);
        if schema["type"] == "array" {
            for value in values {
                self.value(name, value, &schema["items"], problems);
            }
        } else if let [value] = values {
            self.value(name, value, schema, problems);
        } else {
            problems.push(format!("{name} comes more than once"));
        }
    }

    fn value(&self, name: &str, value: &str, schema: &Value, problems: &mut Vec<String>) {
        let schema = self.resolve(schema);
        let mut wrong = |what: &str| problems.push(format!("{name}: {what}"));
        match text(schema, "type") {
            "integer" => match value.parse::<i64>() {
                Ok(number) => {
                    if schema["minimum"].as_i64().is_some_and(|low| number < low)
                        || schema["maximum"].as_i64().is_some_and(|high| number > high)
                    {
                        wrong("out of range");
                    }
                }
                Err(_not_a_number) => wrong("not an integer"),
            },
            "boolean" if !["true", "false"].contains(&value) => wrong("not a boolean"),
            "boolean" | "string" => {}
            other => panic!("{name} has the type {other}, which no check here knows"),
        }
        if let Some(words) = schema["enum"].as_array()
            && !words.iter().any(|word| word == value)
        {
            wrong("not one of the words");
        }
        let words = WORDS.iter().find(|(known, _)| *known == name);
        if words.is_some_and(|(_, words)| schema.get("enum").is_none() && !words.contains(&value)) {
            wrong("not one of the words in prose");
        }
        if let Some(pattern) = schema["pattern"].as_str()
            && !matches_sid(pattern, value)
        {
            wrong("not of the pattern");
        }
        let length = u64::try_from(value.chars().count()).unwrap();
        if schema["minLength"].as_u64().is_some_and(|low| length < low)
            || schema["maxLength"]
                .as_u64()
                .is_some_and(|high| length > high)
        {
            wrong("of a wrong length");
        }
        let fits = match schema["format"].as_str() {
            Some("uri") => Url::parse(value).is_ok_and(|url| url.has_host()),
            Some("endpoint" | "phone-number") => value.parse::<model::PhoneNumber>().is_ok(),
            // The description's own text and examples: a day, `YYYY-MM-DD`.
            Some("date-time") => value.parse::<jiff::civil::Date>().is_ok(),
            Some("twiml") => value.starts_with('<') && value.chars().count() <= 4_000,
            Some("http-method" | "int64") | None => true,
            Some(other) => panic!("{name} has the format {other}, which no check here knows"),
        };
        if !fits {
            wrong("not of the format");
        }
    }

    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(reference) => {
                let name = reference.strip_prefix("#/components/schemas/").unwrap();
                &self.document["components"]["schemas"][name]
            }
            None => schema,
        }
    }
}

/// A member that the description always has.
fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap()
}

/// The values of a template's places, when the path is of the template.
fn path_values(template: &str, path: &str) -> Option<Named> {
    let mut values = Named::new();
    let mut path = path.split('/');
    for wanted in template.split('/') {
        let found = path.next()?;
        match wanted.split_once('{') {
            None if wanted == found => {}
            None => return None,
            Some((before, rest)) => {
                let (name, after) = rest.split_once('}')?;
                let value = found.strip_prefix(before)?.strip_suffix(after)?;
                if value.is_empty() || value.contains('.') {
                    return None;
                }
                values.insert(name.to_owned(), vec![value.to_owned()]);
            }
        }
    }
    path.next().is_none().then_some(values)
}

fn named(encoded: &str) -> Named {
    let mut all = Named::new();
    for (name, value) in url::form_urlencoded::parse(encoded.as_bytes()) {
        all.entry(name.into_owned())
            .or_default()
            .push(value.into_owned());
    }
    all
}

/// The only kind of pattern in use: `^CA[0-9a-fA-F]{32}$`.
fn matches_sid(pattern: &str, value: &str) -> bool {
    let prefix = pattern
        .strip_prefix('^')
        .and_then(|rest| rest.strip_suffix("[0-9a-fA-F]{32}$"))
        .unwrap_or_else(|| panic!("the pattern {pattern} is of a kind that no check here knows"));
    value.strip_prefix(prefix).is_some_and(|digits| {
        digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}
