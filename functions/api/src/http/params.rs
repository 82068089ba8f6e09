//! What an address says: ids in the path, and the query.

use axum::extract::{FromRequestParts, Path as AxumPath};
use axum::http::request::Parts;
use intake::workbook::SHEET_CHARS_MAX;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_path_to_error::Error as PathError;
use service::Fault;
use url::form_urlencoded;

use crate::http::problem::Problem;
use crate::state::State;

/// The variables of a path. One that is malformed names nothing.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<State> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let read = AxumPath::<T>::from_request_parts(parts, state).await;
        let AxumPath(value) = read.map_err(|_malformed| Problem::not_found())?;
        Ok(Self(value))
    }
}

/// The query, every parameter of it known.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<State> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &State) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = form_urlencoded::parse(query.as_bytes());
        let from = serde_urlencoded::Deserializer::new(pairs);
        let read = serde_path_to_error::deserialize(from).map_err(unreadable)?;
        Ok(Self(read))
    }
}

/// A sheet of a workbook, by its name.
pub(crate) fn sheet<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let name = String::deserialize(from)?;
    if !(1..=SHEET_CHARS_MAX).contains(&name.chars().count()) {
        let says = format!("must have 1 to {SHEET_CHARS_MAX} characters");
        return Err(D::Error::custom(says));
    }
    Ok(Some(name))
}

/// Names the parameter, where the problem is about one.
fn unreadable(error: PathError<serde::de::value::Error>) -> Problem {
    let path = error.path().to_string();
    let said = error.into_inner().to_string();
    let missing = said.strip_prefix("missing field `");
    if let Some(field) = missing.and_then(|rest| rest.strip_suffix('`')) {
        return Problem::parameter(field, Fault::Missing, "is missing");
    }
    let unknown = said.strip_prefix("unknown field `");
    if let Some((field, expected)) = unknown.and_then(|rest| rest.split_once('`')) {
        let says = format!("is not known{expected}");
        return Problem::parameter(field, Fault::Unknown, says);
    }
    let twice = said.strip_prefix("duplicate field `");
    if let Some(field) = twice.and_then(|rest| rest.strip_suffix('`')) {
        return Problem::parameter(field, Fault::Repeated, "is there more than once");
    }
    let field = if path == "." { "query" } else { &path };
    Problem::parameter(field, Fault::Malformed, said)
}
