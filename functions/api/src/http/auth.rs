//! Who is asking, and whether they may: the one place where both are decided.
//!
//! A route's row has the permission that it needs; which role has a permission is `service::account::access::TABLE`.

use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use service::account::access::{Permission, Principal};
use service::account::keys::KeyError;
use settings::Secret;
use telemetry::Chain;
use tracing::{error, warn};

use crate::http::problem::{Code, Problem};
use crate::state::State;

/// Lets a request through with its [`Principal`] as an extension, or refuses it.
pub(crate) async fn authorize(
    Shared((state, permission)): Shared<(State, Permission)>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let secret = bearer(request.headers()).ok_or_else(unauthorized)?;
    let principal = match state.keys.authenticate(&secret).await {
        Ok(principal) => principal,
        Err(KeyError::Unknown) => return Err(unauthorized()),
        Err(KeyError::Store(problem)) => {
            error!(problem = %Chain(&problem), "an API key could not be looked up");
            return Err(Problem::unavailable());
        }
    };
    if !principal.role.may(permission) {
        warn!(key.id = %principal.key_id, role = %principal.role, permission = permission.code(), "a request was forbidden");
        let title = format!("The role {} may not do this.", principal.role);
        return Err(Problem::new(Code::Forbidden, &title));
    }
    request.extensions_mut().insert::<Principal>(principal);
    Ok(next.run(request).await)
}

fn bearer(headers: &HeaderMap) -> Option<Secret> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = value.split_once(' ')?;
    let secret = secret.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty())
        .then(|| Secret::new(secret.to_owned()))
}

fn unauthorized() -> Problem {
    let title = "Send an API key, as in `Authorization: Bearer …`.";
    Problem::new(Code::Unauthorized, title)
}
