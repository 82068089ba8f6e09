//! `Idempotency-Key`: the same key with the same request makes one thing.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use service::{IdempotencyKey, KEY_CHARS_MAX};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};

use crate::http::problem::{Code, Problem};
use crate::state::State;

/// The header.
pub(crate) const NAME: &str = "Idempotency-Key";

/// The key of a request, where it has one.
#[derive(Debug)]
pub(crate) struct Key(pub(crate) Option<IdempotencyKey>);

impl FromRequestParts<State> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &State) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(NAME) else {
            return Ok(Self(None));
        };
        let key = value.to_str().ok().and_then(IdempotencyKey::new);
        let key = key.ok_or_else(|| {
            let title =
                format!("An Idempotency-Key has 1 to {KEY_CHARS_MAX} printable ASCII characters.");
            Problem::new(Code::IdempotencyKeyInvalid, &title)
        })?;
        Ok(Self(Some(key)))
    }
}

impl IntoParams for Key {
    fn into_params(_in: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let key = ParameterBuilder::new()
            .name(NAME)
            .parameter_in(ParameterIn::Header);
        vec![key.build()]
    }
}
