//! Examples of requests and answers, as they were sent and answered when a test asked for everything.

use serde_json::Value;

/// By operation: `request`, and `answers` by status.
const RECORDED: &str = include_str!("../../examples.json");

/// What was recorded of all operations.
pub(crate) fn recorded() -> Value {
    serde_json::from_str(RECORDED).unwrap_or_default()
}

/// Puts the examples of an operation beside its schemas.
pub(crate) fn put(operation: &mut Value, recorded: &Value) {
    let id = operation["operationId"].as_str().unwrap_or_default();
    let Some(of) = recorded.get(id).cloned() else {
        return;
    };
    put_into(&mut operation["requestBody"], &of["request"]);
    let answers = operation["responses"].as_object_mut();
    for (status, answer) in answers.into_iter().flatten() {
        put_into(answer, &of["answers"][status]);
    }
}

fn put_into(node: &mut Value, example: &Value) {
    if example.is_null() {
        return;
    }
    let contents = node.get_mut("content").and_then(Value::as_object_mut);
    for content in contents.into_iter().flatten().map(|(_, content)| content) {
        content["example"] = example.clone();
    }
}
