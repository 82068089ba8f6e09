//! Examples: what was sent and answered, with ids, times and addresses that are the same at each run.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Entries of a list that an example shows.
const ENTRIES_MAX: usize = 3;
/// Letters of base 32, in which ids are written.
const LETTERS: &str = "abcdefghjkmnpqrstvwxyz";
const PREFIXES: [&str; 9] = [
    "agent", "call", "camp", "imp", "key", "lead", "num", "prompt", "ten",
];

/// The first request and the first answer of each status, by operation.
#[derive(Default)]
pub(super) struct Examples {
    recorded: BTreeMap<String, Value>,
    ids: Vec<String>,
}

impl Examples {
    pub(super) fn request(&mut self, operation: &str, body: Value) {
        let body = self.settled(body);
        let of = self
            .recorded
            .entry(operation.to_owned())
            .or_insert_with(|| json!({}));
        if of["request"].is_null() {
            of["request"] = body;
        }
    }

    pub(super) fn answer(&mut self, operation: &str, status: u16, body: Value) {
        let mut body = body;
        shorten(&mut body);
        let body = self.settled(body);
        let of = self
            .recorded
            .entry(operation.to_owned())
            .or_insert_with(|| json!({}));
        let answers = of
            .as_object_mut()
            .unwrap()
            .entry("answers")
            .or_insert_with(|| json!({}));
        let answer = &mut answers[status.to_string()];
        if answer.is_null() {
            *answer = body;
        }
    }

    pub(super) fn text(&self) -> String {
        let all: Map<String, Value> = self.recorded.clone().into_iter().collect();
        serde_json::to_string_pretty(&Value::Object(all)).unwrap() + "\n"
    }

    /// With what is random or real replaced by what stands for it.
    fn settled(&mut self, value: Value) -> Value {
        match value {
            Value::String(text) => self.settled_text(&text).into(),
            Value::Array(items) => items.into_iter().map(|item| self.settled(item)).collect(),
            Value::Object(fields) => fields
                .into_iter()
                .map(|(name, value)| {
                    let value = match name.as_str() {
                        "elapsed_ms" => 120.into(),
                        "trace_id" => "4bf92f3577b34da6a3ce929d0e0e4736".into(),
                        "url" => "https://bucket.example.com/imports/list.csv?X-Amz-Signature=4a6b"
                            .into(),
                        "host" => "bucket.example.com".into(),
                        _other => self.settled(value),
                    };
                    (name, value)
                })
                .collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) => value,
        }
    }

    /// Ids are counted, in the order in which they come; what an engine's table is called is left out.
    fn settled_text(&mut self, text: &str) -> String {
        let text: Vec<&str> = text.split(' ').map(without_chance).collect();
        let text = text.join(" ");
        let text = text.as_str();
        let known = text
            .split_once('_')
            .filter(|(prefix, _)| PREFIXES.contains(prefix));
        let Some((prefix, _)) = known.filter(|(_, rest)| rest.len() == 26) else {
            return text.to_owned();
        };
        if !self.ids.iter().any(|id| id == text) {
            self.ids.push(text.to_owned());
        }
        let of_kind = self
            .ids
            .iter()
            .filter(|id| id.starts_with(&format!("{prefix}_")));
        let nth = of_kind.clone().position(|id| id == text).unwrap();
        let letter = LETTERS.chars().nth(nth % LETTERS.len()).unwrap();
        format!(
            "{prefix}_01j00000000000000000000{:02}{letter}",
            nth / LETTERS.len()
        )
    }
}

/// The name of a table or queue without what makes it one of this run.
fn without_chance(word: &str) -> &str {
    match word.rsplit_once('-') {
        Some((name, chance))
            if chance.len() == 12 && chance.chars().all(|it| it.is_ascii_hexdigit()) =>
        {
            name
        }
        Some(_) | None => word,
    }
}

/// A long list is as clear by its first entries.
fn shorten(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.truncate(ENTRIES_MAX);
            items.iter_mut().for_each(shorten);
        }
        Value::Object(fields) => fields.values_mut().for_each(shorten),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
