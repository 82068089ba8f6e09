//! A body without what is wrong with it, so that what is left can be looked at too.
//!
//! Members and elements that are wrong are left out. Where one cannot be left out, because nothing can be read without
//! it, an example of what could be there stands in; what is found at such a place is told to nobody.

use std::collections::{BTreeMap, BTreeSet};

use model::{Place, element, member};
use serde_json::{Map, Value};
use service::FieldProblem;

use crate::http::body::faults::{Bodies, alternatives, example_of_format, list, wrong_type};

/// Required members of required members: more is a circle.
const DEPTH_MAX: u32 = 16;

/// What is left of a body.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Mended {
    pub(crate) value: Value,
    /// Pointers to what was left out.
    left_out: BTreeSet<String>,
    /// Of lists that lost elements, where those were that are left.
    places: BTreeMap<String, Vec<usize>>,
}

impl Mended {
    /// A body that nothing is wrong with.
    pub(crate) fn whole(value: Value) -> Self {
        Self {
            value,
            ..Self::default()
        }
    }

    pub(crate) fn of(
        bodies: &Bodies,
        schema: &Value,
        value: &Value,
        faults: &[FieldProblem],
    ) -> Self {
        let pointers = faults.iter().filter_map(|fault| match &fault.at {
            Place::Body(pointer) => Some(pointer.clone()),
            Place::Parameter(_) | Place::Row(_) => None,
        });
        let mut mending = Mending {
            bodies,
            left_out: pointers.collect(),
            places: BTreeMap::new(),
        };
        let value = mending.kept(schema, value, "");
        Self {
            value: value.unwrap_or_else(|| bodies.stand_in(schema, DEPTH_MAX)),
            left_out: mending.left_out,
            places: mending.places,
        }
    }

    /// A problem of what was left, at the place that it had in what was sent; `None`: it is about something that was
    /// left out, or that something was left out of.
    pub(crate) fn told(&self, mut problem: FieldProblem) -> Option<FieldProblem> {
        if let Place::Body(pointer) = &mut problem.at {
            *pointer = self.as_sent(pointer);
            let related = |out: &String| is_within(out, pointer) || is_within(pointer, out);
            if self.left_out.iter().any(related) {
                return None;
            }
        }
        Some(problem)
    }

    fn as_sent(&self, pointer: &str) -> String {
        let mut at = String::new();
        for step in pointer.split('/').skip(1) {
            let kept = self.places.get(&at);
            let place = step.parse().ok().and_then(|place: usize| kept?.get(place));
            at = match place {
                Some(place) => element(&at, *place),
                None => format!("{at}/{step}"),
            };
        }
        at
    }
}

struct Mending<'a> {
    bodies: &'a Bodies,
    left_out: BTreeSet<String>,
    places: BTreeMap<String, Vec<usize>>,
}

impl Mending<'_> {
    /// What is left of a value; `None`: nothing.
    fn kept(&mut self, schema: &Value, value: &Value, at: &str) -> Option<Value> {
        if self.left_out.contains(at) {
            return None;
        }
        let schema = self.bodies.that_fits(schema, value);
        Some(match value {
            Value::Object(members) => Value::Object(self.kept_members(&schema, members, at)),
            Value::Array(elements) => Value::Array(self.kept_elements(&schema, elements, at)),
            plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                plain.clone()
            }
        })
    }

    fn kept_members(
        &mut self,
        schema: &Value,
        members: &Map<String, Value>,
        at: &str,
    ) -> Map<String, Value> {
        let properties = schema.get("properties");
        let others = schema.get("additionalProperties").unwrap_or(&Value::Null);
        let mut kept = Map::new();
        for (name, value) in members {
            let known = properties.and_then(|properties| properties.get(name));
            if let Some(value) = self.kept(known.unwrap_or(others), value, &member(at, name)) {
                kept.insert(name.clone(), value);
            }
        }
        for name in list(schema, "required").iter().filter_map(Value::as_str) {
            if !kept.contains_key(name) {
                let known = properties.and_then(|properties| properties.get(name));
                let stand_in = self
                    .bodies
                    .stand_in(known.unwrap_or(&Value::Null), DEPTH_MAX);
                kept.insert(name.to_owned(), stand_in);
            }
        }
        kept
    }

    fn kept_elements(&mut self, schema: &Value, elements: &[Value], at: &str) -> Vec<Value> {
        let (mut kept, mut places) = (Vec::new(), Vec::new());
        let first = list(schema, "prefixItems");
        let items = schema.get("items").unwrap_or(&Value::Null);
        let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
        // A list of so many elements and no others is nothing without one of them.
        let fixed = bound("minItems").is_some() && bound("minItems") == bound("maxItems");
        for (place, value) in elements.iter().enumerate() {
            let of = first.get(place).unwrap_or(items);
            let value = self.kept(of, value, &element(at, place));
            let value = value.or_else(|| fixed.then(|| self.bodies.stand_in(of, DEPTH_MAX)));
            if let Some(value) = value {
                kept.push(value);
                places.push(place);
            }
        }
        if places.len() < elements.len() {
            self.places.insert(at.to_owned(), places);
        }
        kept
    }
}

impl Bodies {
    /// The alternative of a schema that has the value's type, or the schema itself.
    fn that_fits(&self, schema: &Value, value: &Value) -> Value {
        let schema = self.resolved(schema);
        let fitting = alternatives(schema).into_iter().flatten();
        let mut fitting = fitting.map(|alternative| self.resolved(alternative));
        let found = fitting.find(|alternative| wrong_type(alternative, value).is_none());
        found.unwrap_or(schema).clone()
    }

    /// Something that is as a schema says.
    fn stand_in(&self, schema: &Value, depth: u32) -> Value {
        let schema = self.resolved(schema);
        if let Some(example) = list(schema, "examples").first().or(schema.get("example")) {
            return example.clone();
        }
        if let Some(word) = list(schema, "enum").first() {
            return word.clone();
        }
        if let Some(first) = alternatives(schema).and_then(<[Value]>::first) {
            return self.stand_in(first, depth);
        }
        let types = schema.get("type");
        let kind = types.and_then(|types| types.as_str().or_else(|| types.get(0)?.as_str()));
        let least = |name: &str| schema.get(name).cloned();
        match kind {
            Some("boolean") => Value::Bool(false),
            Some("integer" | "number") => least("minimum").unwrap_or(Value::from(0)),
            Some("string") => {
                let format = schema.get("format").and_then(Value::as_str);
                Value::from(format.and_then(example_of_format).unwrap_or("x"))
            }
            Some("array") => {
                let items = schema.get("items").unwrap_or(&Value::Null);
                let count = list(schema, "prefixItems").len();
                let least = least("minItems").and_then(|least| least.as_u64());
                let count = least.map_or(count, |least| usize::try_from(least).unwrap_or(count));
                let depth = depth.saturating_sub(1);
                let one = if depth == 0 {
                    Value::Null
                } else {
                    self.stand_in(items, depth)
                };
                Value::Array(vec![one; count])
            }
            Some("object") if depth > 0 => {
                let members = list(schema, "required").iter().filter_map(Value::as_str);
                let members = members.map(|name| {
                    let property = &schema["properties"][name];
                    (
                        name.to_owned(),
                        self.stand_in(property, depth.saturating_sub(1)),
                    )
                });
                Value::Object(members.collect())
            }
            Some(_) | None => Value::Null,
        }
    }
}

/// Whether a pointer leads to the same place as another one, or below it.
fn is_within(pointer: &str, of: &str) -> bool {
    let rest = pointer.strip_prefix(of);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;
    use service::Fault;

    use super::*;

    fn mended(body: &Value, faults: &[&str]) -> Mended {
        let document = json!({ "components": { "schemas": { "Name": {
            "type": "string", "examples": ["Anna"],
        } } } });
        let schema = json!({
            "type": "object",
            "required": ["name", "list"],
            "properties": {
                "name": { "$ref": "#/components/schemas/Name" },
                "list": { "type": "array", "items": {
                    "type": "object", "required": ["x"],
                    "properties": { "x": { "type": "integer", "minimum": 1 } },
                } },
            },
        });
        let faults: Vec<_> = faults
            .iter()
            .map(|pointer| FieldProblem::new(*pointer, Fault::Malformed, ""))
            .collect();
        let bodies = Bodies::of(&Arc::new(document));
        Mended::of(&bodies, &schema, body, &faults)
    }

    fn told(mended: &Mended, found: &[&str]) -> Vec<String> {
        let found = found
            .iter()
            .filter_map(|pointer| mended.told(FieldProblem::new(*pointer, Fault::NotFound, "")));
        found.map(|problem| problem.at.to_string()).collect()
    }

    #[test]
    fn what_is_left_is_looked_at_where_it_was() {
        let body = json!({
            "name": "Eva",
            "a": 1,
            "b/c": { "d": 2, "e": 3 },
            "list": [{ "x": 1 }, { "x": 2, "inner": [1, 2, 3] }, { "x": 3 }],
        });
        let faults = ["/a", "/b~1c/d", "/list/0", "/list/1/inner/0", "/missing"];
        let left = mended(&body, &faults);
        assert_eq!(
            left.value,
            json!({
                "name": "Eva",
                "b/c": { "e": 3 },
                "list": [{ "x": 2, "inner": [2, 3] }, { "x": 3 }],
            })
        );
        let found = [
            "/b~1c/e",
            "/list/0/x",
            "/list/0/inner/1",
            "/list/1",
            "/other",
        ];
        assert_eq!(
            told(&left, &found),
            [
                "/b~1c/e",
                "/list/1/x",
                "/list/1/inner/2",
                "/list/2",
                "/other"
            ]
        );
    }

    #[test]
    fn something_stands_in_for_what_cannot_be_left_out() {
        let left = mended(
            &json!({ "name": 1, "list": [{ "y": 2 }] }),
            &["/name", "/list/0/x"],
        );
        assert_eq!(
            left.value,
            json!({ "name": "Anna", "list": [{ "x": 1, "y": 2 }] })
        );
        assert_eq!(
            told(&left, &["/name", "/list/0/x", "/list/0/y"]),
            ["/list/0/y"]
        );
        let left = mended(&json!([]), &[""]);
        assert_eq!(left.value, json!({ "name": "Anna", "list": [] }));
        assert_eq!(told(&left, &["/name"]), Vec::<String>::new());
    }

    #[test]
    fn what_is_found_where_something_was_left_out_is_not_told() {
        let body = json!({ "windows": { "mon": 1 }, "name": 2, "named": 3, "list": [] });
        let left = mended(&body, &["/windows/mon", "/name"]);
        let found = ["/windows", "/name", "/name/x", "/named", ""];
        assert_eq!(told(&left, &found), ["/named"]);
    }
}
