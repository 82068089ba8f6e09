//! Schemas as plain as they can be: what the macros put together from parts becomes one object or one
//! vocabulary, so that every generator understands it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::schema::node::{reference, rename_references, visit};

pub(crate) fn simplified(mut schemas: BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    for schema in schemas.values_mut() {
        visit(schema, &mut |node| {
            merge_objects(node);
            merge_words(node);
            lift_description(node);
            plain_names(node);
        });
    }
    schemas
}

/// `Page_Call` is the macro's name of `Page<Call>`; ours is `CallPage`.
pub(crate) fn rename_pages(schemas: &mut BTreeMap<String, Value>, paths: &mut Value) {
    let renamed = |name: &str| match name.strip_prefix("Page_") {
        Some(of) => format!("{of}Page"),
        None => name.to_owned(),
    };
    *schemas = std::mem::take(schemas)
        .into_iter()
        .map(|(name, mut schema)| {
            if let Some(of) = name.strip_prefix("Page_") {
                schema["properties"]["items"]["items"] = reference(of);
            }
            (renamed(&name), schema)
        })
        .collect();
    rename_references(paths, &renamed);
}

/// Fields that are flattened into an object are its own.
fn merge_objects(node: &mut Value) {
    let Some(Value::Array(parts)) = node.get_mut("allOf") else {
        return;
    };
    if !parts.iter().all(|part| part["properties"].is_object()) {
        return;
    }
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for part in parts {
        if let Value::Object(more) = part["properties"].take() {
            properties.extend(more);
        }
        if let Value::Array(more) = part["required"].take() {
            required.extend(more);
        }
    }
    if let Value::Object(fields) = node {
        fields.remove("allOf");
        fields.insert("type".to_owned(), "object".into());
        fields.insert("properties".to_owned(), properties.into());
        fields.insert("required".to_owned(), required.into());
    }
}

/// Alternatives of one word each are one vocabulary.
fn merge_words(node: &mut Value) {
    let Some(Value::Array(choices)) = node.get_mut("oneOf") else {
        return;
    };
    let mut words = Vec::new();
    choices.retain(|choice| match choice["enum"].as_array() {
        Some(of) if choice["type"] == "string" => {
            words.extend(of.iter().cloned());
            false
        }
        Some(_) | None => true,
    });
    if !words.is_empty() {
        choices.insert(0, json!({ "type": "string", "enum": words }));
    }
}

/// That names are texts says nothing, and an hour of the day is a text of digits where it is a name.
fn plain_names(node: &mut Value) {
    if node["propertyNames"]["type"] == "integer" {
        node["propertyNames"] = json!({ "type": "string", "pattern": "^(1?[0-9]|2[0-3])$" });
    }
    if node.get("propertyNames") == Some(&json!({ "type": "string" }))
        && let Some(fields) = node.as_object_mut()
    {
        fields.remove("propertyNames");
    }
}

/// A description belongs to the field, not to one of the forms that it may have.
fn lift_description(node: &mut Value) {
    let Some(Value::Array(choices)) = node.get_mut("oneOf") else {
        return;
    };
    if !choices.iter().any(|choice| choice["type"] == "null") {
        return;
    }
    // `null` last: it is what is left when nothing else is there.
    choices.sort_by_key(|choice| choice["type"] == "null");
    let described = choices.iter_mut().filter_map(Value::as_object_mut);
    let description = described
        .filter_map(|choice| choice.remove("description"))
        .next();
    if let (Some(description), Value::Object(fields)) = (description, node) {
        fields.insert("description".to_owned(), description);
    }
}
