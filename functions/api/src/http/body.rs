//! Reading bodies: JSON, every field of it known. What cannot be read is a problem document.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use service::FieldProblem;
use service::context::fields::{self, Known};

use crate::http::problem::{Code, Problem};
use crate::state::State;

/// A JSON body, every field of it known.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<State> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &State) -> Result<Self, Problem> {
        must_be(request.headers(), "application/json")?;
        let bytes = whole(request, state).await?;
        // Read from a list, a struct would take its entries for fields.
        if bytes.trim_ascii_start().first() == Some(&b'[') {
            return Err(Problem::field("body", "must be an object".to_owned()));
        }
        read(&bytes).map(Self)
    }
}

/// A CSV.
pub(crate) struct Csv(pub(crate) Bytes);

impl FromRequest<State> for Csv {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &State) -> Result<Self, Problem> {
        must_be(request.headers(), "text/csv")?;
        whole(request, state).await.map(Self)
    }
}

/// A JSON body, or none at all.
pub(crate) struct MaybeBody<T>(pub(crate) T);

impl<T: DeserializeOwned + Default> FromRequest<State> for MaybeBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &State) -> Result<Self, Problem> {
        let headers = request.headers();
        let empty = headers
            .get(header::CONTENT_LENGTH)
            .is_none_or(|length| length == "0");
        if empty && !headers.contains_key(header::CONTENT_TYPE) {
            return Ok(Self(T::default()));
        }
        let Body(body) = Body::from_request(request, state).await?;
        Ok(Self(body))
    }
}

/// Reads an object of which every field can be read by itself next to the `needed` ones; names all that
/// cannot, and not only the first.
pub(crate) fn read_fields<T: DeserializeOwned>(
    object: Map<String, Value>,
    needed: &[(&str, Value)],
) -> Result<T, Problem> {
    let read_object = |object: Map<String, Value>| -> Result<T, Problem> {
        let text = serde_json::to_vec(&Value::Object(object));
        let text =
            text.map_err(|_unprintable| Problem::field("body", "cannot be read".to_owned()))?;
        read(&text)
    };
    let whole = match read_object(object.clone()) {
        Ok(read) => return Ok(read),
        Err(problem) => problem,
    };
    let mut errors = Vec::new();
    for (name, _) in needed {
        if !object.contains_key(*name) {
            errors.push(FieldProblem::new(*name, "is missing"));
        }
    }
    for (name, value) in object {
        let parts: Vec<Value> = match value.as_object().filter(|fields| fields.len() > 1) {
            Some(fields) => fields
                .iter()
                .map(|(field, value)| json!({ field: value }))
                .collect(),
            None => vec![value],
        };
        for part in parts {
            let mut alone: Map<String, Value> = needed
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect();
            alone.insert(name.clone(), part);
            if let Err(problem) = read_object(alone) {
                errors.extend(problem.into_errors());
            }
        }
    }
    if errors.is_empty() {
        return Err(whole);
    }
    Err(Problem::invalid(errors))
}

/// Reads JSON; what does not fit is named by its field.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read: Known<T> = fields::read(&mut json).map_err(|error| {
        let path = error.path().to_string();
        unreadable(path, error.inner())
    })?;
    json.end()
        .map_err(|error| unreadable(".".to_owned(), &error))?;
    if read.unknown.is_empty() {
        return Ok(read.value);
    }
    let unknown = read.unknown.into_iter();
    let unknown = unknown.map(|field| FieldProblem::new(field, "is not known"));
    Err(Problem::invalid(unknown.collect()))
}

fn unreadable(path: String, error: &serde_json::Error) -> Problem {
    if error.is_syntax() || error.is_eof() {
        return Problem::new(Code::MalformedJson, "The body is not JSON.");
    }
    let field = if path == "." { "body".to_owned() } else { path };
    // The place in the text says nothing to somebody who sent an object.
    let said = error.to_string();
    let said = said.split(" at line ").next().unwrap_or_default();
    Problem::field(&field, said.to_owned())
}

/// Refuses a body that says it is something else.
fn must_be(headers: &HeaderMap, media_type: &str) -> Result<(), Problem> {
    let value = headers.get(header::CONTENT_TYPE);
    let value = value.and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next());
    if essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(media_type)) {
        return Ok(());
    }
    let title = format!("Send {media_type}.");
    Err(Problem::new(Code::UnsupportedMediaType, &title))
}

async fn whole(request: Request, state: &State) -> Result<Bytes, Problem> {
    let bytes = Bytes::from_request(request, state).await;
    bytes.map_err(|_too_long| {
        let title = "The body is too long or did not arrive whole.";
        Problem::new(Code::BodyTooLarge, title)
    })
}
