//! What every simulated vendor's loopback server needs: a listener whose connections a handler can
//! cut without an answer, the driver that runs a [`Peer`] on a real socket in real time, and counted
//! violations.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use axum::response::{IntoResponse as _, Response};
use axum::serve::{IncomingStream, Listener};
use futures_util::future::{Either, select};
use http::{StatusCode, header};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::peer::{Due, Input, Peer, Refused, Wire};

/// The largest message a simulated vendor takes, in bytes.
pub(crate) const MESSAGE_BYTES_MAX: usize = 256 * 1024;
/// Violations kept with their text; more are only counted.
const VIOLATIONS_KEPT_MAX: usize = 200;

/// Where the clients of a simulated vendor broke its protocol. Shared by all its connections.
#[derive(Debug, Clone, Default)]
pub struct Violations {
    kept: Arc<Mutex<Vec<String>>>,
    count: Arc<AtomicU64>,
}

impl Violations {
    /// Notes one. The text says what rule was broken, never what was said.
    pub fn note(&self, what: impl Into<String>) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < VIOLATIONS_KEPT_MAX {
            kept.push(what.into());
        }
    }

    /// The first of them, in order.
    #[must_use]
    pub fn list(&self) -> Vec<String> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clone()
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
}

impl Running {
    /// Serves `router` on `listen` (port 0 takes any free one).
    pub(crate) async fn start(listen: SocketAddr, router: axum::Router) -> io::Result<Self> {
        let listener = Loopback(TcpListener::bind(listen).await?);
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let service = router.into_make_service_with_connect_info::<Connection>();
        tokio::spawn(async move {
            let serving = axum::serve(listener, service).into_future();
            // Serving ends by an error only when the listener does, and then there is nobody to tell.
            let _ended = select(serving, Box::pin(stopped.cancelled())).await;
        });
        Ok(Self { address, stop })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The handle of a handler on its own connection.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    cut: Arc<AtomicBool>,
}

impl Connection {
    /// Breaks the connection: not one more byte reaches the client, who sees it end.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::Release);
    }
}

struct Loopback(TcpListener);

impl Listener for Loopback {
    type Io = Cuttable;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Cuttable, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        // Without it, small messages wait for the client's acknowledgements. A failure costs only time.
        let _slower = stream.set_nodelay(true);
        let cut = Arc::new(AtomicBool::new(false));
        (Cuttable { stream, cut }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Loopback>> for Connection {
    fn connect_info(stream: IncomingStream<'_, Loopback>) -> Self {
        Self {
            cut: Arc::clone(&stream.io().cut),
        }
    }
}

struct Cuttable {
    stream: TcpStream,
    cut: Arc<AtomicBool>,
}

impl Cuttable {
    fn check(&self) -> io::Result<()> {
        if self.cut.load(Ordering::Acquire) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for Cuttable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Cuttable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Runs a peer on a socket until either ends it. `epoch` is the peer's time zero.
pub(crate) async fn drive(
    mut socket: WebSocket,
    mut peer: impl Peer,
    connection: Connection,
    epoch: Instant,
) {
    let mut waiting: VecDeque<Due> = VecDeque::new();
    loop {
        let now = epoch.elapsed();
        if peer.poll_timeout().is_some_and(|at| at <= now) {
            waiting.extend(peer.handle_timeout(now));
        }
        while waiting.front().is_some_and(|due| due.at <= now) {
            let Some(due) = waiting.pop_front() else {
                break;
            };
            if deliver(&mut socket, due.wire, &connection).await.is_none() {
                return;
            }
        }
        if peer.is_half_open() {
            return tokio::time::sleep(HALF_OPEN_MAX).await;
        }
        let next = match (waiting.front().map(|due| due.at), peer.poll_timeout()) {
            (Some(due), Some(timeout)) => Some(due.min(timeout)),
            (due, timeout) => due.or(timeout),
        };
        let message = match next {
            None => socket.recv().await,
            Some(at) => {
                let timer = std::pin::pin!(tokio::time::sleep_until(epoch + at));
                let receive = std::pin::pin!(socket.recv());
                match select(receive, timer).await {
                    Either::Left((message, _timer)) => message,
                    Either::Right(((), _receive)) => continue,
                }
            }
        };
        let now = epoch.elapsed();
        match message {
            Some(Ok(Message::Text(text))) => {
                waiting.extend(peer.handle(Input::Text(text.as_str()), now));
            }
            Some(Ok(Message::Binary(bytes))) => {
                waiting.extend(peer.handle(Input::Binary(&bytes), now));
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Close(_)) | Err(_)) | None => {
                let _nobody_listens = peer.handle(Input::Closed, now);
                return;
            }
        }
    }
}

/// Sends one thing; `None` when the connection is over by it.
async fn deliver(socket: &mut WebSocket, wire: Wire, connection: &Connection) -> Option<()> {
    match wire {
        Wire::Text(text) => socket.send(Message::Text(text.into())).await.ok(),
        Wire::Binary(bytes) => socket.send(Message::Binary(bytes)).await.ok(),
        Wire::Close { code, reason } => {
            let frame = CloseFrame {
                code,
                reason: reason.into(),
            };
            socket.send(Message::Close(Some(frame))).await.ok()?;
            // The other side answers with its own close frame; one that does not is not waited for long.
            let answered = async { while let Some(Ok(_late)) = socket.recv().await {} };
            let _either = tokio::time::timeout(CLOSE_ANSWER_MAX, answered).await;
            None
        }
        Wire::Cut => {
            connection.cut();
            None
        }
    }
}

/// How long a half-open connection stands: longer than any client waits.
const HALF_OPEN_MAX: Duration = Duration::from_secs(120);
/// How long a client's answer to a close frame is waited for.
const CLOSE_ANSWER_MAX: Duration = Duration::from_secs(2);

/// Answers with an error when it is due.
pub(crate) async fn refuse(refused: Refused, epoch: Instant) -> Response {
    tokio::time::sleep_until(epoch + refused.at).await;
    let status = StatusCode::from_u16(refused.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content_type = [(header::CONTENT_TYPE, "application/json")];
    let mut response = (status, content_type, refused.body).into_response();
    let headers = response.headers_mut();
    if let Some(after) = refused.retry_after {
        headers.insert(header::RETRY_AFTER, after.as_secs().into());
    }
    for (name, value) in refused.headers {
        if let Ok(value) = value.parse() {
            headers.insert(name, value);
        }
    }
    response
}
