//! What every operation has, whatever it does: its subject, who may ask, and the problems and headers that
//! its form brings with it.

use serde_json::{Map, Value, json};
use service::account::access::TABLE;

use crate::http::registry::Row;
use crate::schema::limits;
use crate::schema::shared::{self, SharedProblem};

/// The operation of a row.
pub(crate) fn completed(mut operation: Value, row: &Row) -> Value {
    operation["tags"] = json!([row.tag]);
    describe_access(&mut operation, row);
    let form = Form::of(&operation, row);
    share_parameters(&mut operation);
    describe_body(&mut operation, row);
    let answers = operation["responses"].take();
    operation["responses"] = answers_of(answers, form).into();
    operation
}

/// What a request consists of.
#[expect(
    clippy::struct_excessive_bools,
    reason = "parts that a request has or has not, in any combination"
)]
#[derive(Debug, Clone, Copy, Default)]
struct Form {
    guarded: bool,
    path: bool,
    query: bool,
    json: bool,
    body: bool,
    key: bool,
    revision: bool,
}

impl Form {
    fn of(operation: &Value, row: &Row) -> Self {
        let parameters = operation["parameters"].as_array();
        let has = |field: &str, value: &str| {
            parameters.is_some_and(|all| all.iter().any(|parameter| parameter[field] == value))
        };
        let body = &operation["requestBody"];
        Self {
            guarded: row.needs.is_some(),
            path: has("in", "path"),
            query: has("in", "query"),
            json: body["content"].get("application/json").is_some(),
            body: body.is_object(),
            key: has("name", "Idempotency-Key"),
            revision: has("name", "If-Match"),
        }
    }

    /// The problems that such a request can meet, whatever it asks for.
    fn problems(self) -> impl Iterator<Item = SharedProblem> {
        let all = [
            (self.json || self.key || self.revision, shared::UNREADABLE),
            (self.guarded, shared::UNAUTHORIZED),
            (self.guarded, shared::FORBIDDEN),
            (self.path, shared::NOT_FOUND),
            (self.revision, shared::REVISION_CHANGED),
            (self.body, shared::BODY_TOO_LARGE),
            (self.body, shared::UNSUPPORTED_MEDIA_TYPE),
            (self.query || self.body || self.key, shared::INVALID),
            (self.revision, shared::IF_MATCH_REQUIRED),
            (self.guarded, shared::UNAVAILABLE),
        ];
        all.into_iter()
            .filter_map(|(meets, problem)| meets.then_some(problem))
    }
}

fn describe_access(operation: &mut Value, row: &Row) {
    let who = match row.needs {
        None => {
            operation["security"] = json!([]);
            "For everybody, without a key.".to_owned()
        }
        Some(needs) => {
            operation["security"] = json!([{ "api_key": [] }]);
            operation["x-permission"] = needs.code().into();
            let roles = TABLE.iter().find(|(permission, _)| *permission == needs);
            let roles = roles.map_or(&[][..], |(_, roles)| roles);
            let roles: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
            format!("For the roles {}.", roles.join(", "))
        }
    };
    let said = operation["description"].as_str();
    let said = said.map_or_else(|| who.clone(), |said| format!("{said}\n\n{who}"));
    operation["description"] = said.into();
}

/// Headers that several operations take are described once.
fn share_parameters(operation: &mut Value) {
    let parameters = operation["parameters"].as_array_mut();
    for parameter in parameters.into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap_or_default();
        if parameter["in"] == "header" {
            *parameter = shared::parameter(name);
        } else {
            limits::apply_to_parameter(parameter);
        }
    }
    if operation["parameters"].is_null()
        && let Some(fields) = operation.as_object_mut()
    {
        fields.remove("parameters");
    }
}

fn describe_body(operation: &mut Value, row: &Row) {
    let Some(body) = operation
        .get_mut("requestBody")
        .filter(|body| body.is_object())
    else {
        return;
    };
    let bytes = row.body_bytes_max;
    body["description"] = format!("At most {bytes} bytes.").into();
    let contents = body.get_mut("content").and_then(Value::as_object_mut);
    for (kind, content) in contents.into_iter().flatten() {
        // What is no JSON is a file.
        if !kind.ends_with("json") {
            content["schema"] = json!({ "type": "string", "format": "binary" });
        }
    }
    // A body that may be absent is none, and not `null`.
    let Some(schema) = body.pointer_mut("/content/application~1json/schema") else {
        return;
    };
    let choices = schema.get_mut("oneOf").and_then(Value::as_array_mut);
    let mut choices = choices.into_iter().flatten();
    if let Some(present) = choices.find(|choice| choice["type"] != "null") {
        *schema = present.take();
        body["required"] = false.into();
    }
}

fn answers_of(declared: Value, form: Form) -> Map<String, Value> {
    let mut answers: Map<String, Value> = form
        .problems()
        .filter_map(|problem| Some((problem.status()?, problem.reference())))
        .collect();
    let Value::Object(declared) = declared else {
        return answers;
    };
    for (status, mut answer) in declared {
        if answer.get("$ref").is_some() {
            answers.insert(status, answer);
            continue;
        }
        if status.starts_with(['4', '5']) {
            let description = answer["description"].as_str().unwrap_or_default();
            answers.insert(status.clone(), shared::problem(&status, description));
            continue;
        }
        if !answer["headers"].is_object() {
            answer["headers"] = json!({});
        }
        answer["headers"]["traceparent"] = Value::Null;
        if let Some(headers) = answer["headers"].as_object_mut() {
            for (name, header) in headers {
                *header = shared::header(name);
            }
        }
        answers.insert(status, answer);
    }
    answers
}
