//! Walking through JSON.

use serde::Serialize;
use serde_json::Value;

const SCHEMAS: &str = "#/components/schemas/";

/// Plain data as JSON: strings, numbers, lists and maps by names, which always have one.
pub(crate) fn value<T: Serialize>(data: &T) -> Value {
    serde_json::to_value(data).unwrap_or_default()
}

/// A reference to a schema.
pub(crate) fn reference(name: &str) -> Value {
    serde_json::json!({ "$ref": format!("{SCHEMAS}{name}") })
}

/// The schema that a node refers to.
pub(crate) fn referred(node: &Value) -> Option<&str> {
    node.get("$ref")?.as_str()?.strip_prefix(SCHEMAS)
}

/// Visits a node and all below it, the deepest first.
pub(crate) fn visit(node: &mut Value, change: &mut impl FnMut(&mut Value)) {
    match node {
        Value::Array(items) => items.iter_mut().for_each(|item| visit(item, change)),
        Value::Object(fields) => fields.values_mut().for_each(|field| visit(field, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    change(node);
}

/// Visits every schema that a node refers to, by its name.
pub(crate) fn visit_references(node: &Value, found: &mut impl FnMut(&str)) {
    if let Some(name) = referred(node) {
        found(name);
    }
    match node {
        Value::Array(items) => items.iter().for_each(|item| visit_references(item, found)),
        Value::Object(fields) => fields
            .values()
            .for_each(|field| visit_references(field, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Gives schemas other names where a node refers to them.
pub(crate) fn rename_references(node: &mut Value, name: &impl Fn(&str) -> String) {
    visit(node, &mut |node| {
        if let Some(renamed) = referred(node).map(name) {
            node["$ref"] = format!("{SCHEMAS}{renamed}").into();
        }
    });
}
