//! Revisions: an answer names its own in `ETag`, an edit the one that it was made from in `If-Match`.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};

use crate::http::problem::{Code, Problem};
use crate::state::State;

/// The revision that an edit was made from (`If-Match: "3"`).
#[derive(Debug)]
pub(crate) struct IfMatch(pub(crate) u32);

impl FromRequestParts<State> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &State) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else {
            let title = "Send If-Match with the ETag of what you changed.";
            return Err(Problem::new(Code::IfMatchRequired, title));
        };
        let tag = value.to_str().ok().map(str::trim);
        let digits = tag.and_then(|tag| tag.strip_prefix('"')?.strip_suffix('"'));
        match digits.and_then(|digits| digits.parse().ok()) {
            Some(revision) => Ok(Self(revision)),
            None => Err(Problem::new(
                Code::IfMatchInvalid,
                "If-Match is an ETag as it was sent, as in \"3\".",
            )),
        }
    }
}

impl IntoParams for IfMatch {
    fn into_params(_in: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let revision = ParameterBuilder::new()
            .name("If-Match")
            .parameter_in(ParameterIn::Header);
        vec![revision.build()]
    }
}

/// An answer that says which revision it is.
pub(crate) fn tagged<T: Serialize>(status: StatusCode, revision: u64, body: &T) -> Response {
    (status, etag(revision), Json(body)).into_response()
}

/// The header of a revision.
pub(crate) fn etag(revision: u64) -> [(HeaderName, String); 1] {
    [(header::ETAG, format!("\"{revision}\""))]
}
