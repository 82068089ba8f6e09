//! The API's document and what is answered: every answer that a test of the control plane gets is held to
//! the document, and one test asks for everything that is in it.

mod examples;
mod scene;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, Mutex};

use boon::{Compiler, Draft, SchemaIndex, Schemas};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

/// Headers that say something of the answer: those that are there are declared.
const HEADERS: [&str; 6] = [
    "etag",
    "location",
    "idempotent-replayed",
    "retry-after",
    "www-authenticate",
    "traceparent",
];

/// Where the document is for its schemas to refer to.
const AT: &str = "https://api.test/openapi.json";

pub(super) static DOCUMENT: LazyLock<Document> = LazyLock::new(|| Document {
    json: api::document(),
    schemas: Mutex::default(),
});

pub(super) struct Document {
    json: Value,
    schemas: Mutex<Compiled>,
}

/// Schemas as they are validated with, by their text.
#[derive(Default)]
struct Compiled {
    schemas: Schemas,
    known: BTreeMap<String, SchemaIndex>,
}

/// An answer, as far as the document says something of it.
pub(super) struct Answered<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) status: u16,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a str,
}

/// Fails unless the document says that this may be answered. What it does not know, as webhooks, passes.
pub(super) fn hold(answered: &Answered<'_>) {
    let Some((name, operation)) = DOCUMENT.operation(answered.method, answered.path) else {
        return;
    };
    let problems = DOCUMENT.problems(operation, answered);
    assert!(
        problems.is_empty(),
        "{name} answers {} what the document does not say: {problems:?}\n{}",
        answered.status,
        answered.body
    );
}

impl Document {
    /// The operation of a request, with its name. An address that is written out comes before one with
    /// variables.
    fn operation(&self, method: &str, path: &str) -> Option<(String, &Value)> {
        let path = path.split('?').next()?;
        let paths = self.json["paths"].as_object()?.iter();
        let mut fitting: Vec<_> = paths.filter(|(known, _)| fits(known, path)).collect();
        fitting.sort_by_key(|(known, _)| known.matches('{').count());
        let (known, item) = fitting.first()?;
        let method = method.to_lowercase();
        let operation = item.get(&method)?;
        Some((format!("{} {known}", method.to_uppercase()), operation))
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.json["paths"].as_object().unwrap().iter()
    }

    fn problems(&self, operation: &Value, answered: &Answered<'_>) -> Vec<String> {
        let status = answered.status.to_string();
        let described = self.resolved(&operation["responses"][&status]);
        if described.is_null() {
            return vec!["it does not declare the status".to_owned()];
        }
        let mut problems = self.of_headers(described, answered.headers);
        let kind = answered.headers.get("content-type");
        let kind = kind.map(|kind| kind.to_str().unwrap().split(';').next().unwrap());
        let contents = described["content"].as_object();
        match (contents, kind) {
            (None, _) if answered.body.is_empty() => {}
            (None, _) => problems.push("it declares no body".to_owned()),
            (Some(contents), Some(kind)) if contents.contains_key(kind) => {
                if kind.ends_with("json") {
                    problems.extend(self.of_body(&contents[kind]["schema"], answered.body));
                }
            }
            (Some(_), kind) => problems.push(format!("it declares no {kind:?}")),
        }
        if answered.status >= 400 {
            let body: Value = serde_json::from_str(answered.body).unwrap_or_default();
            let code = format!("`{}`", body["code"].as_str().unwrap_or_default());
            if !described["description"].as_str().unwrap().contains(&code) {
                problems.push(format!("it does not name {code}"));
            }
        }
        problems
    }

    fn of_headers(&self, described: &Value, headers: &HeaderMap) -> Vec<String> {
        let declared = described["headers"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        let named: BTreeSet<String> = declared.keys().map(|name| name.to_lowercase()).collect();
        let mut problems = Vec::new();
        for name in HEADERS {
            if headers.contains_key(name) && !named.contains(name) {
                problems.push(format!("it declares no header {name}"));
            }
        }
        for (name, header) in &declared {
            let header = self.resolved(header);
            match headers.get(name) {
                None if header["required"] == true => problems.push(format!("{name} is missing")),
                None => {}
                Some(value) => {
                    let value = json!(value.to_str().unwrap()).to_string();
                    problems.extend(self.of_body(&header["schema"], &value));
                }
            }
        }
        problems
    }

    /// What is wrong with a body by its schema, and fields that the schema does not have.
    fn of_body(&self, schema: &Value, body: &str) -> Vec<String> {
        let Ok(body) = serde_json::from_str::<Value>(body) else {
            return vec!["it is no JSON".to_owned()];
        };
        let mut compiled = self.schemas.lock().unwrap();
        let text = schema.to_string();
        let index = match compiled.known.get(&text) {
            Some(index) => *index,
            None => {
                let index = self.compile(schema, &mut compiled.schemas);
                compiled.known.insert(text, index);
                index
            }
        };
        match compiled.schemas.validate(&body, index) {
            Ok(()) => Vec::new(),
            Err(problem) => vec![format!("{problem:#}")],
        }
    }

    fn compile(&self, schema: &Value, schemas: &mut Schemas) -> SchemaIndex {
        let mut compiler = Compiler::new();
        compiler.set_default_draft(Draft::V2020_12);
        compiler.enable_format_assertions();
        let mut components =
            json!({ "components": { "schemas": self.json["components"]["schemas"] } });
        close(&mut components);
        compiler.add_resource(AT, components).unwrap();
        let at = format!("https://api.test/schema/{}", schemas.size());
        let schema = schema
            .to_string()
            .replace("\"#/components", &format!("\"{AT}#/components"));
        let schema = serde_json::from_str(&schema).unwrap();
        compiler.add_resource(&at, schema).unwrap();
        compiler.compile(&at, schemas).unwrap()
    }

    fn resolved<'a>(&'a self, node: &'a Value) -> &'a Value {
        let reference = node["$ref"].as_str().and_then(|at| at.strip_prefix('#'));
        reference.map_or(node, |at| self.json.pointer(at).unwrap())
    }
}

fn fits(known: &str, path: &str) -> bool {
    let (known, path): (Vec<_>, Vec<_>) = (known.split('/').collect(), path.split('/').collect());
    known.len() == path.len()
        && known
            .iter()
            .zip(path)
            .all(|(known, is)| known.starts_with('{') && known.ends_with('}') || *known == is)
}

/// An answer has no fields that its schema does not name, though readers must bear some.
fn close(node: &mut Value) {
    match node {
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Object(fields) => {
            if fields.get("properties").is_some_and(Value::is_object) {
                fields
                    .entry("additionalProperties")
                    .or_insert(Value::Bool(false));
            }
            fields.values_mut().for_each(close);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Something that is planted into an answer.
type Plant = fn(&mut Value);

#[test]
fn an_answer_that_says_something_else_than_the_document_is_found() {
    let health = |plant: Plant, status: u16| {
        let mut body = json!({ "status": "ok" });
        plant(&mut body);
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/json".parse().unwrap());
        let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        headers.insert("traceparent", traceparent.parse().unwrap());
        let answered = Answered {
            method: "GET",
            path: "/health",
            status,
            headers: &headers,
            body: &body.to_string(),
        };
        let (_, operation) = DOCUMENT.operation("GET", "/health").unwrap();
        DOCUMENT.problems(operation, &answered)
    };
    assert_eq!(health(|_as_it_is| {}, 200), Vec::<String>::new());
    for (plant, status) in [
        ((|body| body["status"] = json!("fine")) as Plant, 200),
        (|body| body["status"] = Value::Null, 200),
        (|body| body["since"] = json!(1), 200),
        (|body| *body = json!({}), 200),
        (|_as_it_is| {}, 404),
    ] {
        assert_ne!(health(plant, status), Vec::<String>::new());
    }
}
