//! Who may talk to an engine's port: this installation's programs, not a page in a browser.
//!
//! Any web page can send requests to a loopback port. Such requests name their page in `Origin`, or
//! carry a foreign name in `Host` when the page's own name was pointed at this machine; neither is
//! let through, and the table and the queues also want each request signed with the installation's
//! access key. The object store checks signatures itself, because it also takes presigned URLs.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_TYPE, HOST, ORIGIN};
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use store::aws::AccessKey;
use tokio::sync::Semaphore;

use super::serve::Listener;
use super::signature::{self, SignatureRefusal};

/// The largest request of the services that are checked here: DynamoDB's batches and transactions
/// (16 MB, DynamoDB quotas). A queue's 1 MiB of text is at most six times that when escaped as JSON.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Requests at one time, waiting long polls included. Beyond, a request is told to come back.
const REQUESTS_MAX: usize = 2_048;

#[derive(Clone)]
pub(super) struct Guard {
    address: SocketAddr,
    signed: Option<Signed>,
    places: Arc<Semaphore>,
}

#[derive(Clone)]
struct Signed {
    service: &'static str,
    key: Arc<AccessKey>,
}

impl Guard {
    /// Checks address, origin and signature.
    pub(super) fn signed(listener: &Listener, service: &'static str, key: Arc<AccessKey>) -> Self {
        Self {
            signed: Some(Signed { service, key }),
            ..Self::address_only(listener)
        }
    }

    /// Checks address and origin only.
    pub(super) fn address_only(listener: &Listener) -> Self {
        Self {
            address: listener.address(),
            signed: None,
            places: Arc::new(Semaphore::new(REQUESTS_MAX)),
        }
    }

    pub(super) fn protect(self, router: Router) -> Router {
        router.layer(from_fn_with_state(self, check))
    }

    fn is_our_host(&self, headers: &HeaderMap) -> bool {
        let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else {
            return false;
        };
        host == self.address.to_string() || host == format!("localhost:{}", self.address.port())
    }
}

async fn check(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    if !guard.is_our_host(request.headers()) {
        return forbidden("this port is not served under that name");
    }
    if request.headers().contains_key(ORIGIN) && !is_presigned_read(&request, &guard) {
        return forbidden("pages in a browser may not use this port");
    }
    let Ok(_place) = guard.places.try_acquire() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many requests at once").into_response();
    };
    let Some(signed) = &guard.signed else {
        return next.run(request).await;
    };
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
        return (StatusCode::PAYLOAD_TOO_LARGE, "the request is too large").into_response();
    };
    match signature::verify(&parts, &body, signed.service, &signed.key, Timestamp::now()) {
        Ok(()) => next.run(Request::from_parts(parts, Body::from(body))).await,
        Err(refusal) => unsigned(&refusal),
    }
}

/// A dashboard may read an object whose address was signed for it; the object store checks that.
fn is_presigned_read(request: &Request, guard: &Guard) -> bool {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let query = request.uri().query().unwrap_or_default();
    guard.signed.is_none() && reads && query.contains("X-Amz-Signature=")
}

fn forbidden(why: &'static str) -> Response {
    (StatusCode::FORBIDDEN, why).into_response()
}

/// As DynamoDB answers (developer guide, "Error handling"); SQS clients read it as well.
fn unsigned(refusal: &SignatureRefusal) -> Response {
    let name = match refusal {
        SignatureRefusal::Missing => "MissingAuthenticationTokenException",
        SignatureRefusal::Incomplete => "IncompleteSignatureException",
        SignatureRefusal::UnknownKey => "UnrecognizedClientException",
        SignatureRefusal::Wrong | SignatureRefusal::Expired => "InvalidSignatureException",
    };
    let body = serde_json::json!({
        "__type": format!("com.amazon.coral.service#{name}"),
        "message": refusal.to_string(),
    });
    (
        StatusCode::BAD_REQUEST,
        [(CONTENT_TYPE, "application/x-amz-json-1.0")],
        body.to_string(),
    )
        .into_response()
}
