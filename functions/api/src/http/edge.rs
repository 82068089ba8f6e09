//! A distribution before the API, where an installation has one for its firewall.
//!
//! The API's own address stays open to everybody: what came past the firewall is known by a header that
//! the distribution adds, with a key that only it and this function have. Webhooks need no such thing, the
//! carrier signs them.

use axum::Router;
use axum::extract::{Request, State as Shared};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use settings::Secret;
use subtle::ConstantTimeEq as _;

use crate::http::problem::{Code, Problem};

/// The header with the key; `template.yaml` has the distribution add it.
pub const EDGE_HEADER: &str = "x-trunkline-edge";

/// Refuses requests that do not bring this key.
pub fn behind(router: Router, key: Secret) -> Router {
    router.layer(middleware::from_fn_with_state(key, pass))
}

async fn pass(Shared(key): Shared<Secret>, request: Request, next: Next) -> Response {
    let brought = request.headers().get(EDGE_HEADER);
    let brought = brought.map_or(&b""[..], |value| value.as_bytes());
    if bool::from(brought.ct_eq(key.expose().as_bytes())) {
        return next.run(request).await;
    }
    let title = "The API has another address: see PUBLIC_URL.";
    Problem::new(Code::WrongAddress, title).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    async fn answer(key: Option<&str>) -> StatusCode {
        let router = Router::new().route("/v1/agents", get(async || "agents"));
        let router = behind(router, Secret::new("of the distribution".to_owned()));
        let mut request = Request::builder().uri("/v1/agents");
        if let Some(key) = key {
            request = request.header(EDGE_HEADER, key);
        }
        let request = request.body(Body::empty()).unwrap();
        router.oneshot(request).await.unwrap().status()
    }

    #[tokio::test]
    async fn only_what_came_through_the_distribution_is_answered() {
        assert_eq!(answer(Some("of the distribution")).await, StatusCode::OK);
        assert_eq!(answer(None).await, StatusCode::FORBIDDEN);
        assert_eq!(answer(Some("")).await, StatusCode::FORBIDDEN);
        let almost = answer(Some("of the distribution ")).await;
        assert_eq!(almost, StatusCode::FORBIDDEN);
    }
}
