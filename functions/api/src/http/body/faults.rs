//! Everything that is wrong with a body, by the schema that the document has for it.
//!
//! What clients are told of a body and what it is held against are one thing. All faults are found, not only the
//! first: each has a JSON pointer, a word for programs and a sentence. What no schema can say (two fields that do
//! not go together, an id that names nothing) is found later, by the use case.
//!
//! It knows the part of JSON Schema that the document is written in: types, words, bounds, patterns, formats,
//! members, elements, references and alternatives.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use model::{Fault, FieldProblem, element, member};
use regex_lite::Regex;
use serde_json::{Map, Value};
use service::ZoneName;

use crate::schema::node::referred;

/// References that lead to references: more is a circle.
const REFERENCES_MAX: u32 = 16;
/// Words that a sentence lists.
const WORDS_LISTED_MAX: usize = 40;

/// The schemas of all bodies, with their patterns read.
#[derive(Debug, Clone)]
pub(crate) struct Bodies {
    document: Arc<Value>,
    patterns: Arc<BTreeMap<String, Regex>>,
}

impl Bodies {
    pub(crate) fn of(document: &Arc<Value>) -> Self {
        let mut patterns = BTreeMap::new();
        read_patterns(document, &mut patterns);
        Self {
            document: Arc::clone(document),
            patterns: Arc::new(patterns),
        }
    }

    /// The schema of a JSON body that an operation takes, whatever its media type is.
    pub(crate) fn schema(&self, method: &str, path: &str) -> Option<&Value> {
        let operation = self.document["paths"].get(path)?.get(method)?;
        let content = operation["requestBody"]["content"].as_object()?;
        let json = content
            .iter()
            .find(|(media, _body)| media.ends_with("json"));
        json?.1.get("schema")
    }

    /// Every fault of a value that should be as the schema says.
    pub(crate) fn faults(&self, schema: &Value, value: &Value) -> Vec<FieldProblem> {
        let mut found = Vec::new();
        self.hold(schema, value, "", &mut found);
        found
    }

    fn hold(&self, schema: &Value, value: &Value, at: &str, found: &mut Vec<FieldProblem>) {
        let schema = self.resolved(schema);
        for part in list(schema, "allOf") {
            self.hold(part, value, at, found);
        }
        if let Some(alternatives) = alternatives(schema) {
            self.hold_to_one(alternatives, value, at, found);
        }
        if let Some(expected) = wrong_type(schema, value) {
            let says = format!("must be {expected}, is {}", name_of(value));
            found.push(FieldProblem::new(at, Fault::WrongType, says));
            return;
        }
        if let Some(words) = schema.get("enum").and_then(Value::as_array)
            && !words.contains(value)
        {
            found.push(FieldProblem::new(at, Fault::Malformed, one_of(words)));
            return;
        }
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(_) => hold_number(schema, value, at, found),
            Value::String(text) => self.hold_text(schema, text, at, found),
            Value::Array(elements) => self.hold_elements(schema, elements, at, found),
            Value::Object(members) => self.hold_members(schema, members, at, found),
        }
    }

    /// It is as one of the alternatives says, or wrong as the one is that it comes nearest to.
    fn hold_to_one(
        &self,
        alternatives: &[Value],
        value: &Value,
        at: &str,
        found: &mut Vec<FieldProblem>,
    ) {
        let mut nearest: Option<Vec<FieldProblem>> = None;
        for alternative in alternatives {
            let mut faults = Vec::new();
            self.hold(alternative, value, at, &mut faults);
            if faults.is_empty() {
                return;
            }
            if self.is_near(alternative, value)
                && nearest
                    .as_ref()
                    .is_none_or(|near| faults.len() < near.len())
            {
                nearest = Some(faults);
            }
        }
        if let Some(faults) = nearest {
            found.extend(faults);
            return;
        }
        let expected: Vec<String> = alternatives
            .iter()
            .map(|alternative| self.resolved(alternative))
            .filter_map(types_of)
            .collect();
        let says = format!("must be {}, is {}", expected.join(" or "), name_of(value));
        found.push(FieldProblem::new(at, Fault::WrongType, says));
    }

    /// Whether the value has the type of an alternative and, of an object, the words that tell it from others.
    fn is_near(&self, alternative: &Value, value: &Value) -> bool {
        let alternative = self.resolved(alternative);
        if wrong_type(alternative, value).is_some() {
            return false;
        }
        let Some(properties) = alternative.get("properties").and_then(Value::as_object) else {
            return true;
        };
        properties.iter().all(|(name, property)| {
            let words = self
                .resolved(property)
                .get("enum")
                .and_then(Value::as_array);
            match (words, value.get(name)) {
                (Some(words), Some(word)) if words.len() == 1 => words.contains(word),
                (Some(_) | None, _) => true,
            }
        })
    }

    fn hold_text(&self, schema: &Value, text: &str, at: &str, found: &mut Vec<FieldProblem>) {
        // Blanks around a text fill no field, and take room all the same.
        let chars = match model::chars(text) {
            0 => 0,
            _some => count(text.chars().count()),
        };
        if let Some(says) = outside(schema, ("minLength", "maxLength"), chars) {
            let says = format!("must have {says} characters, has {chars}");
            found.push(FieldProblem::new(at, Fault::OutOfRange, says));
            return;
        }
        let pattern = schema.get("pattern").and_then(Value::as_str);
        let pattern = pattern.and_then(|pattern| self.patterns.get(pattern));
        let fits = pattern.is_none_or(|pattern| pattern.is_match(text));
        let format = schema.get("format").and_then(Value::as_str);
        if fits && format.is_none_or(|format| is_written_as(format, text)) {
            return;
        }
        let says = match example(schema).or(format.and_then(example_of_format)) {
            Some(example) => format!("must be written like {example}"),
            None => "is not written as it must be".to_owned(),
        };
        found.push(FieldProblem::new(at, Fault::Malformed, says));
    }

    fn hold_elements(
        &self,
        schema: &Value,
        elements: &[Value],
        at: &str,
        found: &mut Vec<FieldProblem>,
    ) {
        let has = count(elements.len());
        if let Some(says) = outside(schema, ("minItems", "maxItems"), has) {
            let says = format!("must have {says} entries, has {has}");
            found.push(FieldProblem::new(at, Fault::OutOfRange, says));
        }
        let first = list(schema, "prefixItems");
        for (place, value) in elements.iter().enumerate() {
            let of = first.get(place).or_else(|| schema.get("items"));
            if let Some(of) = of {
                self.hold(of, value, &element(at, place), found);
            }
        }
    }

    fn hold_members(
        &self,
        schema: &Value,
        members: &Map<String, Value>,
        at: &str,
        found: &mut Vec<FieldProblem>,
    ) {
        for name in list(schema, "required").iter().filter_map(Value::as_str) {
            if !members.contains_key(name) {
                let says = "is missing";
                found.push(FieldProblem::new(member(at, name), Fault::Missing, says));
            }
        }
        let has = count(members.len());
        if let Some(says) = outside(schema, ("minProperties", "maxProperties"), has) {
            let says = format!("must have {says} entries, has {has}");
            found.push(FieldProblem::new(at, Fault::OutOfRange, says));
        }
        let known = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties");
        for (name, value) in members {
            let at = member(at, name);
            if let Some(names) = schema.get("propertyNames") {
                let name = Value::String(name.clone());
                self.hold(names, &name, &at, found);
            }
            match (known.and_then(|known| known.get(name)), others) {
                (Some(property), _) => self.hold(property, value, &at, found),
                (None, Some(Value::Bool(false))) => {
                    found.push(FieldProblem::new(at, Fault::Unknown, "is not known"));
                }
                (None, Some(other)) => self.hold(other, value, &at, found),
                (None, None) => {}
            }
        }
    }

    pub(crate) fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        for _reference in 0..REFERENCES_MAX {
            let Some(name) = referred(schema) else {
                return schema;
            };
            schema = &self.document["components"]["schemas"][name];
        }
        schema
    }
}

/// Reads every pattern of the document. One that cannot be read holds nobody up: a test looks at all of them.
fn read_patterns(node: &Value, patterns: &mut BTreeMap<String, Regex>) {
    match node {
        Value::Object(fields) => {
            if let Some(Value::String(pattern)) = fields.get("pattern")
                && let Ok(read) = Regex::new(pattern)
            {
                patterns.insert(pattern.clone(), read);
            }
            fields
                .values()
                .for_each(|field| read_patterns(field, patterns));
        }
        Value::Array(items) => items.iter().for_each(|item| read_patterns(item, patterns)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

pub(crate) fn alternatives(schema: &Value) -> Option<&[Value]> {
    let of = schema.get("oneOf").or_else(|| schema.get("anyOf"))?;
    of.as_array().map(Vec::as_slice)
}

pub(crate) fn list<'a>(schema: &'a Value, name: &str) -> &'a [Value] {
    schema
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// What is expected in place of the value, if it has another type.
pub(crate) fn wrong_type(schema: &Value, value: &Value) -> Option<String> {
    let types = schema.get("type")?;
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        // The largest are no type of ours, and whole all the same.
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _unknown => true,
    };
    let fits = match types {
        Value::String(name) => is(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(is),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => true,
    };
    if fits { None } else { types_of(schema) }
}

/// The types of a schema in words.
fn types_of(schema: &Value) -> Option<String> {
    let named = |name: &str| match name {
        "boolean" => "true or false",
        "integer" => "a whole number",
        "number" => "a number",
        "string" => "text",
        "array" => "a list",
        "object" => "an object",
        _null => "null",
    };
    match schema.get("type")? {
        Value::String(name) => Some(named(name).to_owned()),
        Value::Array(names) => {
            let names: Vec<_> = names.iter().filter_map(Value::as_str).map(named).collect();
            Some(names.join(" or "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

const fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn one_of(words: &[Value]) -> String {
    let listed: Vec<String> = words
        .iter()
        .take(WORDS_LISTED_MAX)
        .map(|word| match word {
            Value::String(word) => format!("`{word}`"),
            other @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_)) => other.to_string(),
        })
        .collect();
    let more = words.len().saturating_sub(listed.len());
    match (listed.as_slice(), more) {
        ([only], 0) => format!("must be {only}"),
        (_several, 0) => format!("must be one of {}", listed.join(", ")),
        (_many, more) => format!("must be one of {} and {more} more", listed.join(", ")),
    }
}

fn hold_number(schema: &Value, value: &Value, at: &str, found: &mut Vec<FieldProblem>) {
    let bound = |name: &str| schema.get(name).filter(|bound| bound.is_number());
    let (low, high) = (bound("minimum"), bound("maximum"));
    let too_low = low.is_some_and(|low| is_less(value, low));
    let too_high = high.is_some_and(|high| is_less(high, value));
    if too_low || too_high {
        let says = match (low, high) {
            (Some(low), Some(high)) => format!("must be from {low} to {high}, is {value}"),
            (Some(low), None) => format!("must be at least {low}, is {value}"),
            (None, high) => format!("must be at most {}, is {value}", high.unwrap_or(value)),
        };
        found.push(FieldProblem::new(at, Fault::OutOfRange, says));
    }
}

/// Whole numbers are compared as such: as fractions the largest of them are all the same.
fn is_less(one: &Value, other: &Value) -> bool {
    let whole = |number: &Value| {
        let signed = number.as_i64().map(i128::from);
        signed.or_else(|| number.as_u64().map(i128::from))
    };
    match (whole(one), whole(other)) {
        (Some(one), Some(other)) => one < other,
        _fractions => one.as_f64() < other.as_f64(),
    }
}

/// The bounds of a count, in words, if it is outside of them.
fn outside(schema: &Value, (low, high): (&str, &str), count: u64) -> Option<String> {
    let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
    let (low, high) = (bound(low), bound(high));
    if low.is_none_or(|low| low <= count) && high.is_none_or(|high| count <= high) {
        return None;
    }
    Some(match (low, high) {
        (Some(low), Some(high)) => format!("{low} to {high}"),
        (Some(low), None) => format!("at least {low}"),
        (None, high) => format!("at most {}", high.unwrap_or_default()),
    })
}

fn is_written_as(format: &str, text: &str) -> bool {
    match format {
        "date-time" => text.parse::<Timestamp>().is_ok(),
        "date" => text.parse::<Date>().is_ok(),
        "time-zone" => text.parse::<ZoneName>().is_ok(),
        _other => true,
    }
}

pub(crate) fn example_of_format(format: &str) -> Option<&'static str> {
    match format {
        "date-time" => Some("2026-03-01T10:00:00Z"),
        "date" => Some("2026-03-01"),
        "time-zone" => Some("America/Chicago"),
        _other => None,
    }
}

fn example(schema: &Value) -> Option<&str> {
    let first = list(schema, "examples").first();
    first.or(schema.get("example"))?.as_str()
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
