//! Every body of the API: what is as its schema says is let through, and of what is planted into it exactly that is
//! found.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use model::Place;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::document;
use crate::schema::limits::NOT_BLANK;

/// Choices that a test makes, which shrink to the first of each.
struct Choices(std::vec::IntoIter<u32>);

impl Choices {
    fn of(&mut self, among: usize) -> usize {
        let choice = self.0.next().unwrap_or_default();
        usize::try_from(choice).unwrap() % among.max(1)
    }

    fn yes(&mut self) -> bool {
        self.of(2) == 1
    }
}

/// A fault as it is told: where, and what.
type Told = (String, Fault);

/// A change of a body that is one fault.
struct Plant {
    told: Told,
    /// What is put there; `None`: it is taken away.
    value: Option<Value>,
}

/// The operations that take JSON, with the schema of their bodies.
fn operations(document: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let content = &operation["requestBody"]["content"];
            if content.get("application/json").is_some() {
                found.push((method.clone(), path.clone()));
            }
        }
    }
    found
}

fn bodies() -> &'static (Bodies, Vec<(String, String)>) {
    static BODIES: LazyLock<(Bodies, Vec<(String, String)>)> = LazyLock::new(|| {
        let document = Arc::new(document());
        (Bodies::of(&document), operations(&document))
    });
    &BODIES
}

/// A value that is as the schema says.
fn valid(bodies: &Bodies, schema: &Value, choices: &mut Choices) -> Value {
    let schema = bodies.resolved(schema);
    if let Some(of) = alternatives(schema) {
        let of = &of[choices.of(of.len())];
        return valid(bodies, of, choices);
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words[choices.of(words.len())].clone();
    }
    let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
    let one = &schema["type"];
    let types = one.as_array().cloned().unwrap_or_else(|| vec![one.clone()]);
    match types[choices.of(types.len())].as_str().unwrap_or("null") {
        "null" => Value::Null,
        "boolean" => Value::Bool(choices.yes()),
        "integer" | "number" => {
            let low = bound("minimum").unwrap_or(0);
            let high = bound("maximum").unwrap_or(low + 9).min(low + 9);
            let more = choices.of(usize::try_from(high - low).unwrap() + 1);
            json!(low + u64::try_from(more).unwrap())
        }
        "string" => {
            if let Some(example) = example(schema) {
                return example.into();
            }
            if let Some(example) = schema["format"].as_str().and_then(example_of_format) {
                return example.into();
            }
            let pattern = schema.get("pattern").and_then(Value::as_str);
            assert!(
                pattern.is_none_or(|pattern| pattern == NOT_BLANK),
                "a pattern has an example: {schema}"
            );
            let high = bound("maxLength").unwrap_or(12).min(12);
            "x".repeat(1 + choices.of(usize::try_from(high).unwrap()))
                .into()
        }
        "array" => {
            let low = usize::try_from(bound("minItems").unwrap_or(0)).unwrap();
            let high = usize::try_from(bound("maxItems").unwrap_or(3)).unwrap();
            let items = &schema["items"];
            let more = choices.of((high - low).min(3) + 1);
            (0..low + more)
                .map(|_| valid(bodies, items, choices))
                .collect()
        }
        "object" => {
            let mut members = Map::new();
            let required = list(schema, "required");
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                if required.contains(&json!(name)) || choices.yes() {
                    members.insert(name.clone(), valid(bodies, property, choices));
                }
            }
            if let Some(other) = schema
                .get("additionalProperties")
                .filter(|it| it.is_object())
            {
                let low = usize::try_from(bound("minProperties").unwrap_or(0)).unwrap();
                for n in 0..low + choices.of(3) {
                    let names = [format!("a/b~{n}"), format!("a_{n}"), n.to_string()];
                    let known = schema.get("propertyNames");
                    let fits = |name: &String| {
                        known.is_none_or(|known| bodies.faults(known, &json!(name)).is_empty())
                    };
                    let name = names.into_iter().find(fits).unwrap();
                    members.insert(name, valid(bodies, other, choices));
                }
            }
            Value::Object(members)
        }
        other => panic!("a type of its own: {other}"),
    }
}

/// Everything that can be planted into a value, and no two of it into one place.
fn plants(
    bodies: &Bodies,
    schema: &Value,
    value: &Value,
    at: &str,
    choices: &mut Choices,
    found: &mut Vec<Plant>,
) {
    let schema = bodies.resolved(schema);
    let others = alternatives(schema);
    let fitting = alternatives(schema).map(|of| {
        let fits = of.iter().map(|one| bodies.resolved(one));
        fits.filter(|one| bodies.faults(one, value).is_empty())
            .collect::<Vec<_>>()
    });
    let schema = match fitting.as_deref() {
        Some([one]) => one,
        // Which alternative a changed value comes nearest to is not for this test to know.
        Some(_several) => return,
        None => schema,
    };
    let put = |fault, value: Value| Plant {
        told: (at.to_owned(), fault),
        value: Some(value),
    };
    let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
    let mut here = Vec::new();
    if schema.get("enum").is_some() {
        here.push(put(Fault::Malformed, json!("no such word")));
    } else {
        match value {
            Value::Number(_) => {
                here.extend(bound("maximum").map(|high| put(Fault::OutOfRange, json!(high + 1))));
                let low = bound("minimum").filter(|low| *low > 0);
                here.extend(low.map(|low| put(Fault::OutOfRange, json!(low - 1))));
            }
            Value::String(_) => {
                let long =
                    bound("maxLength").map(|most| "x".repeat(usize::try_from(most).unwrap() + 1));
                here.extend(long.map(|long| put(Fault::OutOfRange, long.into())));
                let empty = bound("minLength").is_some_and(|least| least > 0);
                here.extend(empty.then(|| put(Fault::OutOfRange, json!("  "))));
                let pattern = schema.get("pattern").and_then(Value::as_str);
                let form = pattern.is_some_and(|pattern| pattern != NOT_BLANK);
                if form || schema.get("format").is_some() {
                    here.push(put(Fault::Malformed, json!("?!")));
                }
            }
            Value::Array(elements) => {
                let most = bound("maxItems").filter(|most| *most <= 50);
                if let (Some(most), Some(one)) = (most, elements.first()) {
                    let many = vec![one.clone(); usize::try_from(most).unwrap() + 1];
                    here.push(put(Fault::OutOfRange, many.into()));
                }
                let least = bound("minItems").filter(|least| *least > 0);
                here.extend(least.map(|_least| put(Fault::OutOfRange, json!([]))));
            }
            Value::Null | Value::Bool(_) | Value::Object(_) => {}
        }
    }
    // Under the root alone: nothing else can be planted into a body that is no object.
    if !at.is_empty() {
        let wrong = [json!(true), json!(1.5), json!("x"), json!([]), json!({})];
        let nullable = fitting.is_some();
        let wrong = wrong.into_iter().filter(|wrong| {
            let fits_another = |one: &Value| wrong_type(bodies.resolved(one), wrong).is_none();
            let another = others.iter().flat_map(|of| of.iter());
            wrong_type(schema, wrong).is_some()
                && (!nullable || !wrong.is_null())
                && !another.into_iter().any(fits_another)
        });
        here.extend(wrong.map(|wrong| put(Fault::WrongType, wrong)));
    }
    if !here.is_empty() && choices.of(4) == 1 {
        found.push(here.swap_remove(choices.of(here.len())));
        return;
    }
    match value {
        Value::Array(elements) => {
            for (place, element_of) in elements.iter().enumerate() {
                plants(
                    bodies,
                    &schema["items"],
                    element_of,
                    &element(at, place),
                    choices,
                    found,
                );
            }
        }
        Value::Object(members) => {
            let known = schema.get("properties").and_then(Value::as_object);
            for (name, value) in members {
                let of = known.and_then(|known| known.get(name));
                let of = of.unwrap_or(&schema["additionalProperties"]);
                let pointer = member(at, name);
                if list(schema, "required").contains(&json!(name)) && choices.of(6) == 1 {
                    found.push(Plant {
                        told: (pointer, Fault::Missing),
                        value: None,
                    });
                    continue;
                }
                plants(bodies, of, value, &pointer, choices, found);
            }
            if schema.get("additionalProperties") == Some(&Value::Bool(false)) && choices.of(3) == 1
            {
                found.push(Plant {
                    told: (member(at, "nobody/knows~this"), Fault::Unknown),
                    value: Some(json!([{ "anything": null }])),
                });
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn plant(body: &mut Value, plant: &Plant) {
    let (parent, name) = plant.told.0.rsplit_once('/').unwrap();
    let name = name.replace("~1", "/").replace("~0", "~");
    match (body.pointer_mut(parent).unwrap(), plant.value.clone()) {
        (Value::Object(members), Some(value)) => {
            members.insert(name, value);
        }
        (Value::Object(members), None) => {
            members.remove(&name).unwrap();
        }
        (Value::Array(elements), Some(value)) => {
            elements[name.parse::<usize>().unwrap()] = value;
        }
        other => panic!("nothing can be planted here: {other:?}"),
    }
}

fn told(faults: Vec<FieldProblem>) -> BTreeSet<Told> {
    let count = faults.len();
    let told = faults.into_iter().map(|fault| match fault.at {
        Place::Body(pointer) => (pointer, fault.fault),
        other @ (Place::Parameter(_) | Place::Row(_)) => panic!("{other:?} is not in a body"),
    });
    let told: BTreeSet<_> = told.collect();
    assert_eq!(told.len(), count, "something is told twice");
    told
}

fn choices() -> impl Strategy<Value = Choices> {
    let choices = prop::collection::vec(any::<u32>(), 0..600);
    choices.prop_map(|choices| Choices(choices.into_iter()))
}

impl std::fmt::Debug for Choices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Choices").field(&self.0.as_slice()).finish()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn of_faults_that_are_planted_exactly_those_are_found(mut choices in choices()) {
        let (bodies, operations) = bodies();
        for (method, path) in operations {
            let schema = bodies.schema(method, path).unwrap();
            let mut body = valid(bodies, schema, &mut choices);
            prop_assert_eq!(bodies.faults(schema, &body), [], "{} {} {}", method, path, body);
            let mut planted = Vec::new();
            plants(bodies, schema, &body, "", &mut choices, &mut planted);
            for one in &planted {
                plant(&mut body, one);
            }
            let expected: BTreeSet<_> = planted.into_iter().map(|plant| plant.told).collect();
            prop_assert_eq!(told(bodies.faults(schema, &body)), expected, "{} {} {}", method, path, body);
        }
    }

    #[test]
    fn what_is_left_of_a_body_has_no_faults(mut choices in choices()) {
        let (bodies, operations) = bodies();
        for (method, path) in operations {
            let schema = bodies.schema(method, path).unwrap();
            let mut body = valid(bodies, schema, &mut choices);
            let mut planted = Vec::new();
            plants(bodies, schema, &body, "", &mut choices, &mut planted);
            for one in &planted {
                plant(&mut body, one);
            }
            let faults = bodies.faults(schema, &body);
            let left = crate::http::body::mended::Mended::of(bodies, schema, &body, &faults);
            let found = told(bodies.faults(schema, &left.value));
            // A list that has too few entries without what is wrong with it is all that may be left.
            let lists = found.iter().all(|(_at, fault)| *fault == Fault::OutOfRange);
            prop_assert!(lists, "{} {}: {:?}", method, path, found);
        }
    }
}

#[test]
fn every_body_has_a_schema_and_every_pattern_of_one_is_read() {
    let (bodies, operations) = bodies();
    assert!(operations.len() >= 12, "{operations:?}");
    for (method, path) in operations {
        assert!(bodies.schema(method, path).is_some(), "{method} {path}");
    }
    let document = bodies.document.to_string();
    for (at, _pattern) in document.match_indices("\"pattern\":") {
        let (_before, rest) = document.split_at(at + "\"pattern\":".len());
        let mut read = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        if let Some(Ok(Value::String(pattern))) = read.next() {
            assert!(
                bodies.patterns.contains_key(&pattern),
                "{pattern} cannot be read"
            );
        }
    }
}

#[test]
fn sentences_say_what_is_wrong() {
    let (bodies, _operations) = bodies();
    let schema = bodies.schema("post", "/v1/campaigns").unwrap();
    let body = json!({
        "agent_id": "x",
        "max_attempts": 0,
        "max_concurrent_calls": "many",
        "windows": { "mon": [["9:00"], ["10:00", 11]] },
        "numbers": ["+14155550100", 5],
        "amd": { "detect": "perhaps" },
        "retry": { "busy_seconds": 35996400 },
        "starts_at": "soon",
        "colour": 1,
    });
    let faults = bodies.faults(schema, &body).into_iter();
    let said: String = faults
        .map(|FieldProblem { at, fault, says }| format!("{at}: {}: {says}\n", fault.code()))
        .collect();
    expect_test::expect![[r#"
        /name: missing: is missing
        /agent_id: malformed: must be written like agent_01j0000000000000000000000a
        /amd/detect: malformed: must be one of `off`, `start`, `message_end`
        /colour: unknown: is not known
        /max_attempts: out_of_range: must be from 1 to 20, is 0
        /max_concurrent_calls: wrong_type: must be a whole number, is text
        /numbers/1: wrong_type: must be text, is a number
        /retry/busy_seconds: out_of_range: must be from 0 to 7948800, is 35996400
        /starts_at: malformed: must be written like 2026-03-01T10:00:00Z
        /windows/mon/0: out_of_range: must have 2 to 2 entries, has 1
        /windows/mon/0/0: malformed: must be written like 09:30
        /windows/mon/1/1: wrong_type: must be text, is a number
    "#]]
    .assert_eq(&said);
}
