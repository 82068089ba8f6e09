//! Reading requests: JSON bodies, headers, pages. Everything that cannot be read is a problem document.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use service::context::fields::{self, Known};
use service::{FieldProblem, IdempotencyKey, KEY_CHARS_MAX};

use crate::{PAGE_DEFAULT, PAGE_MAX, Problem, State};

/// A JSON body, every field of it known.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<State> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &State) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "Send application/json.",
            ));
        }
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(|_too_long| {
            Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                "The body is too long or did not arrive whole.",
            )
        })?;
        read(&bytes).map(Self)
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

/// RFC 7396, section 2.
pub(crate) fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(target) = target {
        for (name, value) in patch {
            if value.is_null() {
                target.remove(&name);
            } else {
                merge(target.entry(name).or_insert(Value::Null), value);
            }
        }
    }
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
        return Problem::new(
            StatusCode::BAD_REQUEST,
            "malformed_json",
            "The body is not JSON.",
        );
    }
    let field = if path == "." { "body".to_owned() } else { path };
    // The place in the text says nothing to somebody who sent an object.
    let said = error.to_string();
    let said = said.split(" at line ").next().unwrap_or_default();
    Problem::field(&field, said.to_owned())
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE);
    let value = value.and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// The `Idempotency-Key` of a request, where it has one.
pub(crate) struct Key(pub(crate) Option<IdempotencyKey>);

impl FromRequestParts<State> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &State) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get("idempotency-key") else {
            return Ok(Self(None));
        };
        let key = value.to_str().ok().and_then(IdempotencyKey::new);
        let key = key.ok_or_else(|| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                "idempotency_key_invalid",
                &format!("An Idempotency-Key has 1 to {KEY_CHARS_MAX} printable ASCII characters."),
            )
        })?;
        Ok(Self(Some(key)))
    }
}

/// The revision that an edit was made from (`If-Match: "3"`).
pub(crate) struct IfMatch(pub(crate) u32);

impl FromRequestParts<State> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &State) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else {
            return Err(Problem::new(
                StatusCode::PRECONDITION_REQUIRED,
                "if_match_required",
                "Send If-Match with the ETag of what you changed.",
            ));
        };
        let tag = value.to_str().ok().map(str::trim);
        let digits = tag.and_then(|tag| tag.strip_prefix('"')?.strip_suffix('"'));
        match digits.and_then(|digits| digits.parse().ok()) {
            Some(revision) => Ok(Self(revision)),
            None => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "if_match_invalid",
                "If-Match is an ETag as it was sent, as in \"3\".",
            )),
        }
    }
}

/// Which page of a list is wanted. The cursor is the last page's `next_cursor`.
pub(crate) struct Wanted<T> {
    pub(crate) after: Option<T>,
    pub(crate) limit: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PageQuery {
    #[serde(default)]
    cursor: Option<String>,
    #[serde(default)]
    limit: Option<u32>,
}

impl<T: std::str::FromStr> FromRequestParts<State> for Wanted<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &State) -> Result<Self, Problem> {
        let query = Query::<PageQuery>::try_from_uri(&parts.uri);
        let Query(query) = query.map_err(|_unknown_or_malformed| {
            Problem::field("query", "takes only `cursor` and `limit`".to_owned())
        })?;
        let limit = query.limit.unwrap_or(PAGE_DEFAULT);
        if !(1..=PAGE_MAX).contains(&limit) {
            return Err(Problem::field(
                "limit",
                format!("must be from 1 to {PAGE_MAX}"),
            ));
        }
        let after = match query.cursor {
            None => None,
            Some(cursor) => Some(cursor.parse().map_err(|_foreign| {
                Problem::field("cursor", "is not one that a list answered".to_owned())
            })?),
        };
        Ok(Self { after, limit })
    }
}

/// A page of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Listed<T> {
    pub(crate) items: Vec<T>,
    /// Ask with it for the next page; `null` on the last one.
    pub(crate) next_cursor: Option<String>,
}

impl<T> Listed<T> {
    pub(crate) fn new<R>(
        page: store::Page<R>,
        cursor: impl Fn(&R) -> String,
        view: impl Fn(R) -> T,
    ) -> Self {
        let last = page.items.last().filter(|_row| page.more).map(cursor);
        Self {
            items: page.items.into_iter().map(view).collect(),
            next_cursor: last,
        }
    }
}

/// An id in a path. One that is malformed names nothing.
pub(crate) fn id<T: std::str::FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_malformed| Problem::not_found())
}
