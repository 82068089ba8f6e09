//! The document as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use service::FieldProblem;

use crate::http::body::faults::Bodies;
use crate::http::body::mended::Mended;
use crate::http::registry::Routes;
use crate::schema::node::value;
use crate::schema::{examples, forms, limits, operation, shapes, shared};

/// What holds for every request and answer.
const GENERAL: &str = "AI phone calls in your own AWS account.

**Fields.** An answer has every field that its schema names: what is unknown or does not apply is `null`, and a \
list without entries is `[]`; nothing is left out. In a request a field that is left out has its default, and a \
field that nobody knows is refused. New fields may come into answers, and new words into their vocabularies.

**Edits** are JSON Merge Patch (RFC 7396, `application/merge-patch+json`; `application/json` is taken too): what is \
named changes, `null` takes a field back to its default, what is left out stays. They name the revision that they \
were made from in `If-Match`, or `*` for whichever is current.

**Archived** agents, prompts and numbers can be read and listed (`archived=true`) and are used for nothing new. What \
is in use is not archived.

**Once.** The same `Idempotency-Key` with the same request makes one thing, however often it is sent.

**Problems** are RFC 9457 documents. Branch on `code`; `title` is for people. A body is refused with all that is \
wrong with it: `errors` has a JSON pointer, a code and a sentence for each field, the first 100 of them, and `omitted` \
says how many more there are.

**Pages** of lists go on at `next_cursor` until it is `null`.";

/// The document, as it is served.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    json: Arc<Value>,
    bodies: Bodies,
}

impl Document {
    pub(crate) fn of(routes: &Routes) -> Self {
        let recorded = examples::recorded();
        let mut paths = Map::new();
        for row in &routes.rows {
            let Value::Object(at) = value(&row.paths) else {
                continue;
            };
            for (path, item) in at {
                let Value::Object(methods) = item else {
                    continue;
                };
                let known = paths.entry(path).or_insert_with(|| json!({}));
                for (method, described) in methods {
                    let mut described = operation::completed(described, row);
                    examples::put(&mut described, &recorded);
                    known[method] = described;
                }
            }
        }
        let mut schemas = schemas_of(routes);
        limits::apply(&mut schemas);
        let mut paths = Value::Object(paths);
        shapes::rename_pages(&mut schemas, &mut paths);
        let schemas = forms::separated(&schemas, &mut paths);
        forms::patches_have_a_media_type(&mut paths);
        let json = Arc::new(whole(routes, &paths, &schemas));
        Self {
            bodies: Bodies::of(&json),
            json,
        }
    }

    /// Holds the body of an operation against its schema: what is left of it, and its faults. What is wrong with it that no schema sees comes along.
    pub(crate) fn hold(
        &self,
        method: &str,
        path: &str,
        body: Value,
        mut faults: Vec<FieldProblem>,
    ) -> (Mended, Vec<FieldProblem>) {
        // An operation without a schema takes no body that this is asked for.
        let schema = self.bodies.schema(method, path).unwrap_or(&Value::Null);
        faults.extend(self.bodies.faults(schema, &body));
        let left = if faults.is_empty() {
            Mended::whole(body)
        } else {
            Mended::of(&self.bodies, schema, &body, &faults)
        };
        (left, faults)
    }

    pub(crate) fn json(&self) -> Value {
        Value::clone(&self.json)
    }
}

/// The types of all rows, by their names.
pub(crate) fn schemas_of(routes: &Routes) -> BTreeMap<String, Value> {
    let named = routes.rows.iter().flat_map(|row| &row.schemas);
    let named = named.map(|(name, schema)| (name.clone(), value(schema)));
    shapes::simplified(named.chain(shared::problem_schemas()).collect())
}

fn whole(routes: &Routes, paths: &Value, schemas: &BTreeMap<String, Value>) -> Value {
    let tags = routes.tags.iter();
    let tags: Vec<Value> = tags
        .map(|tag| json!({ "name": tag.name, "description": tag.says }))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Trunkline",
            "description": GENERAL,
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE") },
            "contact": { "name": "Trunkline", "url": env!("CARGO_PKG_REPOSITORY") },
        },
        "servers": [{ "url": "/", "description": "The installation that this document is from." }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": shared::parameters(),
            "headers": shared::headers(),
            "responses": shared::responses(),
            "securitySchemes": { "api_key": shared::api_key() },
        },
    })
}

impl IntoResponse for Document {
    fn into_response(self) -> Response {
        let content_type = [(header::CONTENT_TYPE, "application/json")];
        (content_type, self.json.to_string()).into_response()
    }
}
