//! A loopback server that notes every request and answers with the description's own examples.
//!
//! `sim::carriers::twilio` cannot be it: it answers as we understand Twilio, and here Twilio's own words are the
//! measure.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::Value;
use url::Url;

use super::spec::Spec;

/// A request as it came in.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) method: String,
    /// Path and query.
    pub(super) target: String,
    pub(super) content_type: Option<String>,
    pub(super) body: String,
}

pub(super) struct Peer {
    shared: Arc<Shared>,
    url: Url,
    server: tokio::task::JoinHandle<()>,
}

struct Shared {
    spec: Spec,
    seen: Mutex<Vec<Seen>>,
    /// Which of an operation's examples is the next answer.
    example: Mutex<usize>,
}

impl Peer {
    pub(super) async fn start(spec: Spec) -> Self {
        let shared = Arc::new(Shared {
            spec,
            seen: Mutex::default(),
            example: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let app = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            shared,
            url,
            server,
        }
    }

    pub(super) fn url(&self) -> Url {
        self.url.clone()
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// The examples of an operation, one after the other; the peer answers with the one just taken.
    pub(super) fn examples(&self, operation: &str) -> impl Iterator<Item = Value> {
        let examples = self.shared.spec.examples(operation);
        assert!(!examples.is_empty(), "{operation} has no examples");
        examples.into_iter().enumerate().map(|(place, example)| {
            *self.shared.example.lock().unwrap() = place;
            example
        })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let seen = Seen {
        method: method.to_string(),
        target: uri.to_string(),
        content_type: headers
            .get(CONTENT_TYPE)
            .map(|value| value.to_str().unwrap().to_owned()),
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    shared.seen.lock().unwrap().push(seen.clone());
    let Some(operation) = shared.spec.operation(&seen) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if seen.method == "DELETE" {
        return StatusCode::NO_CONTENT.into_response();
    }
    let status = if operation == "CreateCall" {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let examples = shared.spec.examples(&operation);
    let place = (*shared.example.lock().unwrap()).min(examples.len() - 1);
    let mut example = examples[place].clone();
    if seen.target.contains("Page=") {
        // The second page of an example is its last.
        example["next_page_uri"] = Value::Null;
    }
    (status, axum::Json(example)).into_response()
}
