//! The simulated vendor on a loopback socket, in real time.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{ConnectInfo, DefaultBodyLimit, OriginalUri, Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get, post};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, Uri, header};
use tokio::time::Instant;

use super::http::Speaking;
use super::{Behaviour, Vendor};
use crate::peer::serve::{Connection, MESSAGE_BYTES_MAX, Running, drive, refuse};
use crate::peer::{Due, Head, Opening, Wire};

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
    /// Connections and requests, refused ones included.
    pub requests: u64,
    /// Sockets that are open now.
    pub open: u64,
}

/// A running server; stops when dropped.
#[derive(Debug)]
pub struct Server {
    running: Running,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    vendor: Vendor,
    epoch: Instant,
    open: AtomicU64,
}

impl Server {
    /// Starts to listen.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn start(config: Config) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            vendor: Vendor::new(config.behaviour),
            epoch: Instant::now(),
            open: AtomicU64::new(0),
        });
        let router = Router::new()
            .route(
                "/v1/text-to-speech/{voice_id}/multi-stream-input",
                any(socket),
            )
            .route("/v1/text-to-speech/{voice_id}/stream", post(stream))
            .route("/v1/voices/{voice_id}", get(voice))
            .layer(DefaultBodyLimit::max(MESSAGE_BYTES_MAX))
            .with_state(Arc::clone(&shared));
        let running = Running::start(config.listen, router).await?;
        Ok(Self { running, shared })
    }

    /// The base URL, as `ELEVENLABS_BASE_URL` wants it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.running.address)
    }

    /// Where its clients broke the protocol.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.shared.vendor.violations().list()
    }

    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            requests: self.shared.vendor.requests(),
            open: self.shared.open.load(Ordering::Relaxed),
        }
    }
}

async fn socket(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    match shared
        .vendor
        .connect(head(&uri, &headers), shared.epoch.elapsed())
    {
        Opening::Cut => {
            connection.cut();
            StatusCode::BAD_GATEWAY.into_response()
        }
        Opening::Silent => std::future::pending().await,
        Opening::Refused(refused) => refuse(refused, shared.epoch).await,
        Opening::Open { at, session } => {
            tokio::time::sleep_until(shared.epoch + at).await;
            let upgrade = upgrade
                .max_message_size(MESSAGE_BYTES_MAX)
                .read_buffer_size(READ_BUFFER_BYTES);
            upgrade.on_upgrade(async move |socket| {
                shared.open.fetch_add(1, Ordering::Relaxed);
                drive(socket, session, connection, shared.epoch).await;
                shared.open.fetch_sub(1, Ordering::Relaxed);
            })
        }
    }
}

async fn stream(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match shared
        .vendor
        .stream(head(&uri, &headers), &body, shared.epoch.elapsed())
    {
        Opening::Cut => {
            connection.cut();
            StatusCode::BAD_GATEWAY.into_response()
        }
        Opening::Silent => std::future::pending().await,
        Opening::Refused(refused) => refuse(refused, shared.epoch).await,
        Opening::Open {
            at,
            session: Speaking { pieces },
        } => {
            tokio::time::sleep_until(shared.epoch + at).await;
            let pieces = (VecDeque::from(pieces), shared.epoch);
            let body = futures_util::stream::unfold(pieces, next_piece);
            (
                [(header::CONTENT_TYPE, "audio/basic")],
                Body::from_stream(body),
            )
                .into_response()
        }
    }
}

async fn voice(
    State(shared): State<Arc<Shared>>,
    Path(voice_id): Path<String>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Response {
    let now = shared.epoch.elapsed();
    let about = shared
        .vendor
        .about_voice(head(&uri, &headers), &voice_id, now);
    match about {
        Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(refused) => refuse(refused, shared.epoch).await,
    }
}

async fn next_piece(
    (mut pieces, epoch): (VecDeque<Due>, Instant),
) -> Option<(io::Result<Bytes>, (VecDeque<Due>, Instant))> {
    let Some(due) = pieces.pop_front() else {
        return std::future::pending().await;
    };
    tokio::time::sleep_until(epoch + due.at).await;
    match due.wire {
        Wire::Text(text) => Some((Ok(Bytes::from(text)), (pieces, epoch))),
        Wire::Binary(bytes) => Some((Ok(bytes), (pieces, epoch))),
        Wire::Close { .. } => None,
        Wire::Cut => Some((Err(io::ErrorKind::ConnectionReset.into()), (pieces, epoch))),
    }
}

/// Clients send little: a buffer of the usual size for thousands of sockets would be most of the
/// process.
const READ_BUFFER_BYTES: usize = 4 * 1024;

fn head<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Head<'a> {
    Head {
        path: uri.path(),
        query: uri.query().unwrap_or_default(),
        key: headers
            .get("xi-api-key")
            .and_then(|value| value.to_str().ok()),
    }
}
