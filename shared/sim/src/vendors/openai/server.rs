//! The simulated model on a loopback socket, in real time.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde_json::json;
use tokio::time::Instant;

use super::Behaviour;
use super::stream::{Answer, Model, RequestHead};
use crate::peer::serve::{Connection, Running};
use crate::peer::{Due, Wire};

/// The largest request body, in bytes.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What a server needs.
#[derive(Debug, Clone)]
pub struct Config {
    /// Port 0 takes any free one.
    pub listen: SocketAddr,
    pub behaviour: Behaviour,
}

/// What a server has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    pub requests: u64,
    /// Streams that were sent to the end.
    pub finished: u64,
    /// Streams that the client dropped before their end: cancelled generations.
    pub cancelled: u64,
}

/// A running server; stops when dropped.
#[derive(Debug)]
pub struct Server {
    running: Running,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    model: Model,
    epoch: Instant,
    finished: AtomicU64,
    cancelled: AtomicU64,
}

impl Server {
    /// Starts to listen.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn start(config: Config) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            model: Model::new(config.behaviour),
            epoch: Instant::now(),
            finished: AtomicU64::new(0),
            cancelled: AtomicU64::new(0),
        });
        let router = Router::new()
            .route("/v1/chat/completions", post(complete))
            .route("/v1/models", get(models))
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .with_state(Arc::clone(&shared));
        let running = Running::start(config.listen, router).await?;
        Ok(Self { running, shared })
    }

    /// The base URL, as `OPENAI_BASE_URL` wants it (with `/v1`).
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.running.address)
    }

    /// Where its clients broke the protocol.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.shared.model.violations().list()
    }

    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            requests: self.shared.model.requests(),
            finished: self.shared.finished.load(Ordering::Relaxed),
            cancelled: self.shared.cancelled.load(Ordering::Relaxed),
        }
    }
}

async fn models(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    if let Some(refusal) = shared.model.refusal(text(&headers, header::AUTHORIZATION)) {
        let json = [(header::CONTENT_TYPE, "application/json")];
        return (StatusCode::UNAUTHORIZED, json, refusal).into_response();
    }
    let names = shared.model.models().into_iter();
    let data: Vec<_> = names
        .map(|id| json!({"id": id, "object": "model", "created": 0, "owned_by": "simulated"}))
        .collect();
    Json(json!({"object": "list", "data": data})).into_response()
}

async fn complete(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let head = RequestHead {
        authorization: text(&headers, header::AUTHORIZATION),
        content_type: text(&headers, header::CONTENT_TYPE),
    };
    match shared.model.answer(head, &body, shared.epoch.elapsed()) {
        Answer::Cut => {
            connection.cut();
            StatusCode::BAD_GATEWAY.into_response()
        }
        Answer::Silent => std::future::pending().await,
        Answer::Refused {
            at,
            status,
            retry_after,
            body,
        } => {
            tokio::time::sleep_until(shared.epoch + at).await;
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response =
                (status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
            if let Some(after) = retry_after {
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, after.as_secs().into());
            }
            response
        }
        Answer::Stream { at, pieces } => {
            tokio::time::sleep_until(shared.epoch + at).await;
            let sending = Sending {
                shared: Arc::clone(&shared),
                pieces: pieces.into(),
                done: false,
            };
            let body = futures_util::stream::unfold(sending, next_piece);
            (
                [(header::CONTENT_TYPE, "text/event-stream; charset=utf-8")],
                Body::from_stream(body),
            )
                .into_response()
        }
    }
}

struct Sending {
    shared: Arc<Shared>,
    pieces: VecDeque<Due>,
    done: bool,
}

impl Drop for Sending {
    fn drop(&mut self) {
        let counter = if self.done {
            &self.shared.finished
        } else {
            &self.shared.cancelled
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

async fn next_piece(mut sending: Sending) -> Option<(io::Result<Bytes>, Sending)> {
    if sending.done {
        return None;
    }
    let Some(due) = sending.pieces.pop_front() else {
        return std::future::pending().await;
    };
    tokio::time::sleep_until(sending.shared.epoch + due.at).await;
    match due.wire {
        Wire::Text(text) => Some((Ok(Bytes::from(text)), sending)),
        Wire::Binary(bytes) => Some((Ok(bytes), sending)),
        Wire::Close { .. } => {
            sending.done = true;
            None
        }
        Wire::Cut => {
            sending.done = true;
            Some((Err(io::ErrorKind::ConnectionReset.into()), sending))
        }
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
