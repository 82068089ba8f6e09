//! The document holds what its readers rely on; what is answered is held to it by the tests of the control
//! plane.

use std::collections::{BTreeMap, BTreeSet};

use expect_test::expect_file;
use serde_json::Value;
use service::account::access::{Permission, TABLE};

use crate::http::problem::Code;
use crate::{document, routes};

struct Operation {
    name: String,
    described: Value,
}

fn operations() -> Vec<Operation> {
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, described)| Operation {
            name: format!("{} {path}", method.to_uppercase()),
            described: described.clone(),
        })
    });
    all.collect()
}

/// `make openapi` renews the file; `tools/breaking.py` says whom a change breaks.
#[test]
fn the_document_is_the_one_in_the_repository() {
    let mut text = serde_json::to_string_pretty(&document()).unwrap();
    text.push('\n');
    expect_file!["../openapi.json"].assert_eq(&text);
}

#[test]
fn every_row_is_one_operation_with_an_id_of_its_own() {
    let operations = operations();
    assert_eq!(
        operations.len(),
        routes::all().rows.len(),
        "two rows are one operation"
    );
    let ids: BTreeSet<_> = operations
        .iter()
        .map(|operation| operation.described["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(
        ids.len(),
        operations.len(),
        "an operation's id is used twice"
    );
}

#[test]
fn only_health_and_the_document_are_open_and_the_rest_says_who_may_ask() {
    let mut open = Vec::new();
    let known: BTreeSet<_> = TABLE
        .iter()
        .map(|(permission, _)| permission.code())
        .collect();
    for operation in operations() {
        let security = operation.described["security"].as_array().unwrap();
        let answers = &operation.described["responses"];
        if security.is_empty() {
            open.push(operation.name);
            continue;
        }
        let needs = operation.described["x-permission"].as_str().unwrap();
        assert!(known.contains(needs), "{}: {needs}", operation.name);
        for status in ["401", "403", "503"] {
            assert!(
                answers[status].is_object(),
                "{} has no {status}",
                operation.name
            );
        }
    }
    assert_eq!(open, ["GET /health", "GET /v1/openapi.json"]);
}

#[test]
fn every_permission_is_needed_by_something() {
    let needed: BTreeSet<_> = routes::all()
        .rows
        .iter()
        .filter_map(|row| row.needs)
        .collect();
    let unneeded: Vec<_> = TABLE
        .map(|(permission, _)| permission)
        .into_iter()
        .collect();
    let unneeded: Vec<_> = unneeded
        .into_iter()
        .filter(|it| !needed.contains(it))
        .collect();
    // Asked for within a request.
    assert_eq!(unneeded, [Permission::OverrideRules]);
}

#[test]
fn what_takes_if_match_is_a_merge_patch_of_something_that_is_answered_with_an_etag() {
    let mut edits = 0;
    let document = document();
    for item in document["paths"].as_object().unwrap().values() {
        for (method, operation) in item.as_object().unwrap() {
            let parameters = operation["parameters"].to_string();
            if !parameters.contains("If-Match") {
                assert_ne!(method, "patch", "an edit names a revision: {operation}");
                continue;
            }
            edits += 1;
            for answered in [&item["get"], operation] {
                let headers = &answered["responses"]["200"]["headers"];
                assert!(headers["ETag"].is_object(), "{}", answered["operationId"]);
            }
            let content = operation["requestBody"]["content"].as_object().unwrap();
            let media: Vec<&String> = content.keys().collect();
            assert_eq!(media, ["application/json", "application/merge-patch+json"]);
        }
    }
    assert_eq!(edits, 3);
}

#[test]
fn a_name_is_one_schema() {
    let mut known: BTreeMap<String, Value> = BTreeMap::new();
    for row in routes::all().rows {
        for (name, schema) in row.schemas {
            let schema = serde_json::to_value(schema).unwrap();
            if let Some(before) = known.insert(name.clone(), schema.clone()) {
                assert_eq!(before, schema, "two types are called {name}");
            }
        }
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_referred_to() {
    let document = document();
    let mut referred = BTreeSet::new();
    references(&document, &mut referred);
    for reference in &referred {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(
            document.pointer(pointer).is_some(),
            "{reference} leads nowhere"
        );
    }
    for kind in ["schemas", "responses", "headers", "parameters"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            let reference = format!("#/components/{kind}/{name}");
            assert!(
                referred.contains(&reference),
                "nothing refers to {reference}"
            );
        }
    }
}

#[test]
fn an_answer_has_every_field_and_a_vocabulary_has_a_name() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut answered = BTreeSet::new();
    for operation in operations() {
        references(&operation.described["responses"], &mut answered);
    }
    let mut next: Vec<String> = answered.iter().cloned().collect();
    while let Some(reference) = next.pop() {
        let mut more = BTreeSet::new();
        references(
            document
                .pointer(reference.strip_prefix('#').unwrap())
                .unwrap(),
            &mut more,
        );
        next.extend(more.into_iter().filter(|it| answered.insert(it.clone())));
    }
    for (name, schema) in schemas {
        if answered.contains(&format!("#/components/schemas/{name}")) {
            let required = schema["required"].as_array().map_or(0, Vec::len);
            let fields = schema["properties"]
                .as_object()
                .map_or(0, serde_json::Map::len);
            assert_eq!(required, fields, "{name} leaves fields out");
        }
        let fields = schema["properties"].as_object().into_iter().flatten();
        for (field, property) in fields {
            // What tells the forms of a type apart is a part of each.
            assert!(
                property["enum"].is_null(),
                "{name}.{field} is a vocabulary without a name"
            );
        }
    }
}

#[test]
fn every_code_of_a_problem_is_described() {
    let document = document();
    let words = document["components"]["schemas"]["ProblemCode"]["enum"].clone();
    let text = document["paths"].to_string() + &document["components"]["responses"].to_string();
    for word in words.as_array().unwrap() {
        let word = word.as_str().unwrap();
        // Of addresses and methods that are not in the document.
        if word != Code::MethodNotAllowed.word() {
            assert!(
                text.contains(&format!("`{word}`")),
                "nothing is said of {word}"
            );
        }
    }
}

#[test]
fn a_variable_is_named_as_a_place_of_a_prompt_is() {
    let pattern = regex_lite::Regex::new(model::VARIABLE_NAME).unwrap();
    let long = "a".repeat(64);
    let longer = "a".repeat(65);
    for name in [
        "a", "First_1", &long, &longer, "", "1a", "_a", "a b", "a-b", "\u{e9}",
    ] {
        let place = model::Template::parse(&format!("{{{{{name}}}}}"));
        assert_eq!(pattern.is_match(name), place.is_ok(), "{name}");
    }
}

#[test]
fn every_bound_is_of_a_field_that_exists() {
    assert_eq!(
        crate::schema::lost_bounds(&routes::all()),
        Vec::<String>::new()
    );
}

fn references(node: &Value, found: &mut BTreeSet<String>) {
    match node {
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                found.insert(reference.clone());
            }
            fields.values().for_each(|field| references(field, found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
