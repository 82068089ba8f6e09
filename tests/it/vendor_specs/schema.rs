//! Checks values against the schemas of a vendor's description, as far as these descriptions go: a
//! word of theirs that is not known here fails the test, so that nothing is passed over in silence.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

pub(super) struct Schemas<'a> {
    named: &'a Map<String, Value>,
}

/// Words that say nothing about which values are right.
const WITHOUT_RULE: [&str; 8] = [
    "default",
    "deprecated",
    "description",
    "discriminator",
    "example",
    "format",
    "title",
    "nullable",
];

impl<'a> Schemas<'a> {
    pub(super) fn new(description: &'a Value) -> Self {
        let named = description["components"]["schemas"].as_object().unwrap();
        Self { named }
    }

    pub(super) fn named(&self, name: &str) -> &'a Value {
        self.named.get(name).unwrap()
    }

    /// Fails the test where the value is not what the schema allows.
    #[track_caller]
    pub(super) fn check(&self, schema: &Value, value: &Value, place: &str) {
        if let Err(problem) = self.problem(schema, value, place) {
            panic!("{problem}");
        }
    }

    /// Every property that the schema names, in itself and in its parts.
    pub(super) fn properties(&self, schema: &Value) -> BTreeSet<String> {
        let schema = self.resolve(schema);
        let own = schema["properties"].as_object().into_iter().flatten();
        let mut names: BTreeSet<_> = own.map(|(name, _)| name.clone()).collect();
        for part in schema["allOf"].as_array().into_iter().flatten() {
            names.extend(self.properties(part));
        }
        names
    }

    /// A value that the schema allows: as small as it can be, or with everything that is optional.
    pub(super) fn example(&self, schema: &Value, optional: bool) -> Value {
        let schema = self.resolve(schema);
        if let Some(one) = first(schema, "oneOf").or_else(|| first(schema, "anyOf")) {
            return self.example(one, optional);
        }
        if let Some(word) = first(schema, "enum") {
            return word.clone();
        }
        match schema["type"].as_str() {
            Some("object") => {
                let properties = schema["properties"].as_object().into_iter().flatten();
                let required = schema["required"].as_array();
                let wanted = |name: &str| {
                    optional || required.is_some_and(|names| names.contains(&json!(name)))
                };
                let wanted = properties.filter(|(name, _)| wanted(name));
                let examples =
                    wanted.map(|(name, schema)| (name.clone(), self.example(schema, optional)));
                Value::Object(examples.collect())
            }
            Some("array") => json!([self.example(&schema["items"], optional)]),
            Some("integer") => json!(0),
            Some("number") => json!(0.5),
            Some("boolean") => json!(true),
            Some("string") => json!("a"),
            Some("null") | None => Value::Null,
            Some(other) => panic!("a type that is not known here: {other}"),
        }
    }

    fn resolve<'b>(&'b self, mut schema: &'b Value) -> &'b Value {
        while let Some(reference) = schema["$ref"].as_str() {
            let name = reference.strip_prefix("#/components/schemas/").unwrap();
            schema = self.named.get(name).unwrap();
        }
        schema
    }

    fn problem(&self, schema: &Value, value: &Value, place: &str) -> Result<(), String> {
        let schema = self.resolve(schema);
        let rules = schema.as_object().unwrap();
        if value.is_null() && rules.get("nullable") == Some(&json!(true)) {
            return Ok(());
        }
        for (word, rule) in rules {
            self.rule(word, rule, value, place)?;
        }
        Ok(())
    }

    fn rule(&self, word: &str, rule: &Value, value: &Value, place: &str) -> Result<(), String> {
        let holds = match word {
            "type" => is_of_type(value, rule.as_str().unwrap()),
            "enum" => rule.as_array().unwrap().contains(value),
            "required" => rule.as_array().unwrap().iter().all(|name| {
                value
                    .as_object()
                    .is_none_or(|object| object.contains_key(name.as_str().unwrap()))
            }),
            "properties" => {
                for (name, schema) in rule.as_object().unwrap() {
                    if let Some(value) = value.get(name) {
                        self.problem(schema, value, &format!("{place}.{name}"))?;
                    }
                }
                true
            }
            "items" => {
                for (index, value) in value.as_array().into_iter().flatten().enumerate() {
                    self.problem(rule, value, &format!("{place}[{index}]"))?;
                }
                true
            }
            // Whether other properties are allowed; none of ours depend on it.
            "additionalProperties" => true,
            "allOf" => {
                for part in rule.as_array().unwrap() {
                    self.problem(part, value, place)?;
                }
                true
            }
            "anyOf" | "oneOf" => {
                let tried = rule.as_array().unwrap().iter();
                let mut tried = tried.map(|one| self.problem(one, value, place));
                tried.any(|tried| tried.is_ok())
            }
            "minimum" => value.as_f64() >= rule.as_f64(),
            "maximum" => value.as_f64() <= rule.as_f64(),
            "minItems" => length(value) >= rule.as_u64(),
            "maxItems" | "maxLength" => length(value) <= rule.as_u64(),
            word if WITHOUT_RULE.contains(&word) || word.starts_with("x-") => true,
            word => return Err(format!("{place}: a word that is not known here: {word}")),
        };
        if holds {
            Ok(())
        } else {
            Err(format!("{place}: {value} breaks {word} {rule}"))
        }
    }
}

fn first<'a>(schema: &'a Value, word: &str) -> Option<&'a Value> {
    schema[word].as_array()?.first()
}

fn length(value: &Value) -> Option<u64> {
    let length = match value {
        Value::Array(items) => items.len(),
        Value::String(text) => text.chars().count(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return None,
    };
    u64::try_from(length).ok()
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => false,
    }
}
