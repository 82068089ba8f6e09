//! The three forms of a type: as it is answered, as it is sent, and as a patch of it is.
//!
//! A type says once what it holds. An answer has all of its fields; a request may leave out those with a
//! default and has no others; a patch may leave out every one, and `null` takes one back to its default.
//! Where answered and sent differ, the sent one has `Input` at the end of its name.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::schema::node::{reference, rename_references, visit, visit_references};

/// The media type of its own that a patch has (RFC 7396, section 4).
pub(crate) const MERGE_PATCH: &str = "application/merge-patch+json";

type Schemas = BTreeMap<String, Value>;

/// All forms that requests and answers need, each under its name; `paths` refers to them afterwards.
pub(crate) fn separated(schemas: &Schemas, paths: &mut Value) -> Schemas {
    let (mut requests, mut patches) = (Vec::new(), Vec::new());
    // Problems are referred to by the answers that all operations share.
    let mut answers = vec![reference("Problem")];
    for_each_operation(paths, |method, operation| {
        let body = operation["requestBody"].clone();
        if method == "patch" {
            patches.push(body);
        } else {
            requests.push(body);
        }
        answers.push(json!([operation["responses"], operation["parameters"]]));
    });
    let answered = reachable(schemas, &Value::Array(answers));
    let sent = reachable(schemas, &Value::Array(requests));
    let patched = reachable(schemas, &Value::Array(patches));
    let differing = differing(schemas);

    let sent_name = |name: &str| {
        if answered.contains(name) && differing.contains(name) {
            format!("{name}Input")
        } else {
            name.to_owned()
        }
    };
    let objects = holding_objects(schemas);
    let patch_name = |name: &str| {
        if objects.contains(name) {
            let name = name.strip_prefix("New").unwrap_or(name);
            format!("{}Patch", name.strip_suffix("Fields").unwrap_or(name))
        } else {
            name.to_owned()
        }
    };

    let mut all = Schemas::new();
    let form = |name: &String, form: fn(&mut Value), rename: &dyn Fn(&str) -> String| {
        let mut schema = schemas.get(name).cloned().unwrap_or_default();
        visit(&mut schema, &mut |node| form(node));
        rename_references(&mut schema, &rename);
        (rename(name), schema)
    };
    all.extend(patched.iter().map(|name| form(name, as_patch, &patch_name)));
    all.extend(sent.iter().map(|name| form(name, as_sent, &sent_name)));
    all.extend(
        answered
            .iter()
            .map(|name| form(name, as_answered, &str::to_owned)),
    );
    for_each_operation(paths, |method, operation| {
        let body = &mut operation["requestBody"];
        if method == "patch" {
            rename_references(body, &patch_name);
        } else {
            rename_references(body, &sent_name);
        }
        if body.is_null()
            && let Some(operation) = operation.as_object_mut()
        {
            operation.remove("requestBody");
        }
    });
    all
}

/// A patch has a media type of its own, which says what `null` means.
pub(crate) fn patches_have_a_media_type(paths: &mut Value) {
    for_each_operation(paths, |method, operation| {
        if method == "patch"
            && let Some(Value::Object(content)) = operation["requestBody"].get_mut("content")
            && let Some(json) = content.get("application/json").cloned()
        {
            content.insert(MERGE_PATCH.to_owned(), json);
        }
    });
}

/// Every field is there.
fn as_answered(node: &mut Value) {
    let Some(fields) = node.as_object_mut() else {
        return;
    };
    let Some(Value::Object(properties)) = fields.get("properties") else {
        return;
    };
    let names: Vec<Value> = properties.keys().map(|name| name.as_str().into()).collect();
    fields.insert("required".to_owned(), names.into());
    if fields.get("additionalProperties") == Some(&Value::Bool(false)) {
        fields.remove("additionalProperties");
    }
    if let Some(Value::Object(properties)) = fields.get_mut("properties") {
        for property in properties.values_mut().filter_map(Value::as_object_mut) {
            property.remove("default");
        }
    }
}

/// Only known fields are there.
fn as_sent(node: &mut Value) {
    let Some(fields) = node.as_object_mut() else {
        return;
    };
    if fields.get("properties").is_some_and(Value::is_object) {
        let closed = Value::Bool(false);
        fields.entry("additionalProperties").or_insert(closed);
    }
}

/// Known fields may be there, and `null` instead of those that have a default.
fn as_patch(node: &mut Value) {
    as_sent(node);
    let Some(fields) = node.as_object_mut() else {
        return;
    };
    // A map loses an entry by `null`.
    if let Some(values @ Value::Object(_)) = fields.get_mut("additionalProperties") {
        nullable(values);
    }
    if !fields.get("properties").is_some_and(Value::is_object) {
        return;
    }
    let needed = fields.remove("required").unwrap_or_default();
    let needed: Vec<&str> = needed
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if let Some(Value::Object(properties)) = fields.get_mut("properties") {
        for (name, property) in properties {
            if let Some(property) = property.as_object_mut() {
                property.remove("default");
            }
            if !needed.contains(&name.as_str()) {
                nullable(property);
            }
        }
    }
}

/// The schema, or `null`.
fn nullable(schema: &mut Value) {
    match &mut schema["type"] {
        Value::String(of) => schema["type"] = json!([of, "null"]),
        Value::Array(of) if of.iter().any(|of| of == "null") => {}
        Value::Array(of) => of.push("null".into()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            let Some(fields) = schema.as_object_mut() else {
                return;
            };
            fields.remove("type");
            if let Some(Value::Array(choices)) = fields.get_mut("oneOf") {
                if !choices.iter().any(|choice| choice["type"] == "null") {
                    choices.push(json!({ "type": "null" }));
                }
                return;
            }
            let description = fields.remove("description");
            *schema = json!({ "oneOf": [schema.take(), { "type": "null" }] });
            if let Some(description) = description {
                schema["description"] = description;
            }
        }
    }
}

fn for_each_operation(paths: &mut Value, mut of: impl FnMut(&str, &mut Value)) {
    let items = paths
        .as_object_mut()
        .into_iter()
        .flat_map(|paths| paths.values_mut());
    for item in items.filter_map(Value::as_object_mut) {
        for (method, operation) in item {
            of(method, operation);
        }
    }
}

/// What a node refers to, and what that refers to, and so on.
fn reachable(schemas: &Schemas, from: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut next = Vec::new();
    visit_references(from, &mut |name| next.push(name.to_owned()));
    while let Some(name) = next.pop() {
        let Some(schema) = schemas.get(&name) else {
            continue;
        };
        if found.insert(name) {
            visit_references(schema, &mut |name| next.push(name.to_owned()));
        }
    }
    found
}

/// Schemas whose sent form is not the answered one, or that refer to such a one.
fn differing(schemas: &Schemas) -> BTreeSet<String> {
    spread(schemas, |schema| {
        let (mut sent, mut answered) = (schema.clone(), schema.clone());
        visit(&mut sent, &mut |node| as_sent(node));
        visit(&mut answered, &mut |node| as_answered(node));
        sorted(&mut sent);
        sorted(&mut answered);
        sent != answered
    })
}

/// Schemas that are objects with fields, or refer to such a one.
fn holding_objects(schemas: &Schemas) -> BTreeSet<String> {
    spread(schemas, |schema| {
        let mut holds = false;
        let mut schema = schema.clone();
        visit(&mut schema, &mut |node| {
            holds |= node.get("properties").is_some_and(Value::is_object);
        });
        holds
    })
}

/// Those that are so, and those that refer to them.
fn spread(schemas: &Schemas, is: impl Fn(&Value) -> bool) -> BTreeSet<String> {
    let mut so: BTreeSet<String> = schemas
        .iter()
        .filter(|(_name, schema)| is(schema))
        .map(|(name, _schema)| name.clone())
        .collect();
    loop {
        let before = so.len();
        for (name, schema) in schemas {
            let mut refers = false;
            visit_references(schema, &mut |to| refers |= so.contains(to));
            if refers {
                so.insert(name.clone());
            }
        }
        if so.len() == before {
            return so;
        }
    }
}

fn sorted(schema: &mut Value) {
    visit(schema, &mut |node| {
        if let Some(Value::Array(required)) = node.get_mut("required") {
            required.sort_by_key(Value::to_string);
        }
    });
}
