//! One WebSocket to a vendor: connected within a time limit, bounded both ways, driven by polling.
//!
//! Sending puts a frame into the write buffer; the next [`Socket::poll`] writes it out. A coarse beat
//! is the only timer: it pings, notices a peer that stopped answering, and lets the vendor's client
//! do what has to be done from time to time. Nothing here knows what the messages mean.

mod tunnel;

use std::borrow::Cow;
use std::fmt;
use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use conversation::{Failure, FailureKind};
use futures_util::{Sink as _, Stream as _};
use http::{HeaderMap, HeaderName, HeaderValue};
use settings::Proxies;
use tokio::time::{Instant, Sleep};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream};
use url::Url;

use self::tunnel::Wire;
use crate::count;

/// Longest time from the first packet to the finished handshake: a customer is waiting, and the next
/// vendor in the chain can be there in the meantime.
const CONNECT_MAX: Duration = Duration::from_secs(3);

/// Time between beats.
const BEAT: Duration = Duration::from_secs(2);

/// Beats without anything from the peer, pings unanswered, until it counts as gone: 6 to 8 seconds.
const BEATS_SILENT_MAX: u8 = 3;

/// Each read takes up to this much; a recognizer's message has 1 to 3 KB. The buffer grows to the
/// largest message and no further.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// Frames gather up to this much before they are written without being asked to.
const WRITE_BUFFER_BYTES: usize = 4 * 1024;

/// Most that waits for a peer that does not read: the longest replay of a customer's words
/// (`stt::REPLAY_MAX`, 40,000 bytes) and three seconds of audio after it. Beyond, the connection is given up.
const WRITE_BUFFER_BYTES_MAX: usize = 64 * 1024;

/// Largest message taken: half a minute of audio in base64 with its alignment. Beyond, the connection
/// is given up.
const MESSAGE_BYTES_MAX: usize = 512 * 1024;

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    pub(crate) connect: Duration,
    pub(crate) beat: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect: CONNECT_MAX,
            beat: BEAT,
        }
    }
}

/// Where to connect, and how a refusal is read.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) vendor: &'static str,
    /// What it does for a call, as in metrics.
    pub(crate) leg: &'static str,
    /// `ws` or `wss`.
    pub(crate) url: Url,
    /// The header that carries the key.
    pub(crate) key: Option<(HeaderName, HeaderValue)>,
    pub(crate) tls: Arc<rustls::ClientConfig>,
    pub(crate) proxies: Proxies,
    pub(crate) timing: Timing,
    /// What a handshake answered with this status, these headers and this body means.
    pub(crate) refused: fn(http::StatusCode, &HeaderMap, &[u8]) -> FailureKind,
}

/// What comes out of a socket.
#[derive(Debug)]
pub(crate) enum Incoming {
    Text(Utf8Bytes),
    /// A binary message. No vendor of ours sends any that is meant.
    Binary,
    /// A beat has passed.
    Beat,
}

/// Why nothing comes any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The peer said that it closes, with its code (RFC 6455, 7.4) and reason if it gave one.
    Closed {
        code: Option<u16>,
        reason: Utf8Bytes,
    },
    Failed(FailureKind),
}

/// An open WebSocket.
pub(crate) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<Wire>>,
    /// Something was sent and may not have been written.
    unflushed: bool,
    timer: Pin<Box<Sleep>>,
    beat: Duration,
    beats_silent: u8,
}

/// Connects.
pub(crate) async fn connect(target: Target) -> Result<Socket, Failure> {
    let (vendor, leg) = (target.vendor, target.leg);
    let allowed = target.timing.connect;
    let begun = Instant::now();
    let kind = match tokio::time::timeout(allowed, Box::pin(handshake(target))).await {
        Ok(Ok(socket)) => {
            count::connected(vendor, leg, begun.elapsed());
            return Ok(socket);
        }
        Ok(Err(kind)) => kind,
        Err(_elapsed) => FailureKind::ConnectTimeout,
    };
    let vendor = Cow::Borrowed(vendor);
    Err(Failure { vendor, kind })
}

async fn handshake(target: Target) -> Result<Socket, FailureKind> {
    let wire = tunnel::open(target.vendor, &target.url, &target.proxies, &target.tls).await?;
    let request = target.url.as_str().into_client_request();
    let mut request = request.map_err(|error| failed(&error))?;
    if let Some((name, value)) = target.key {
        request.headers_mut().insert(name, value);
    }
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let connector = Connector::Rustls(target.tls);
    let upgrade = tokio_tungstenite::client_async_tls_with_config(
        request,
        wire,
        Some(config),
        Some(connector),
    );
    let (stream, _response) = Box::pin(upgrade).await.map_err(|error| {
        if let Error::Http(response) = error {
            let body = response.body().as_deref().unwrap_or_default();
            return (target.refused)(response.status(), response.headers(), body);
        }
        let kind = failed(&error);
        // A connection that breaks before it stands was not made.
        if kind == FailureKind::Closed {
            FailureKind::Connect
        } else {
            kind
        }
    })?;
    Ok(Socket {
        stream,
        unflushed: false,
        timer: Box::pin(tokio::time::sleep(target.timing.beat)),
        beat: target.timing.beat,
        beats_silent: 0,
    })
}

impl Socket {
    /// Queues a message for the next poll.
    ///
    /// # Errors
    /// The buffer is full or the connection gone; the message is not queued.
    pub(crate) fn send(&mut self, message: Message) -> Result<(), FailureKind> {
        self.unflushed = true;
        Pin::new(&mut self.stream)
            .start_send(message)
            .map_err(|error| failed(&error))
    }

    /// Writes what was queued, then gives what came. Pings are answered here.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Incoming, Ended>> {
        self.flush(cx)?;
        if self.timer.as_mut().poll(cx).is_ready() {
            return Poll::Ready(self.beat(cx));
        }
        loop {
            let message = ready!(Pin::new(&mut self.stream).poll_next(cx));
            self.beats_silent = 0;
            return Poll::Ready(match message {
                Some(Ok(Message::Text(text))) => Ok(Incoming::Text(text)),
                Some(Ok(Message::Binary(_))) => Ok(Incoming::Binary),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Ok(Message::Close(frame))) => {
                    let (code, reason) = match frame {
                        Some(frame) => (Some(frame.code.into()), frame.reason),
                        None => (None, Utf8Bytes::default()),
                    };
                    // The answer to the close, if it can still be written.
                    let _answered = self.flush(cx);
                    Err(Ended::Closed { code, reason })
                }
                Some(Err(error)) => Err(Ended::Failed(failed(&error))),
                None => Err(Ended::Failed(FailureKind::Closed)),
            });
        }
    }

    fn beat(&mut self, cx: &mut Context<'_>) -> Result<Incoming, Ended> {
        if self.beats_silent >= BEATS_SILENT_MAX {
            return Err(Ended::Failed(FailureKind::Silent));
        }
        self.beats_silent += 1;
        // Made ready at once, so that the session polls again before it sleeps.
        self.timer.as_mut().reset(Instant::now() + self.beat);
        if self.beats_silent > 1 {
            // Nothing came since the last beat: ask whether anybody is there.
            self.send(Message::Ping(Bytes::new()))
                .map_err(Ended::Failed)?;
            self.flush(cx)?;
        }
        Ok(Incoming::Beat)
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> Result<(), Ended> {
        if !self.unflushed {
            return Ok(());
        }
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                self.unflushed = false;
                Ok(())
            }
            Poll::Ready(Err(error)) => Err(Ended::Failed(failed(&error))),
            // The peer does not read fast enough; its buffer is the limit.
            Poll::Pending => Ok(()),
        }
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("beats_silent", &self.beats_silent)
            .finish_non_exhaustive()
    }
}

/// What an error of the WebSocket library means. Its text is not kept: it can hold what was sent.
fn failed(error: &Error) -> FailureKind {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed | Error::Io(_) => FailureKind::Closed,
        Error::WriteBufferFull(_) => FailureKind::Overflow,
        Error::Protocol(
            tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake
            | tokio_tungstenite::tungstenite::error::ProtocolError::SendAfterClosing
            | tokio_tungstenite::tungstenite::error::ProtocolError::HandshakeIncomplete,
        ) => FailureKind::Closed,
        Error::Protocol(_) | Error::Capacity(_) | Error::Utf8(_) | Error::AttackAttempt => {
            FailureKind::Protocol
        }
        Error::Tls(_) => FailureKind::Connect,
        Error::Url(_) | Error::HttpFormat(_) => FailureKind::Refused,
        Error::Http(_) => FailureKind::Protocol,
    }
}

/// The base URL with a WebSocket scheme and these path segments after its own.
pub(crate) fn url(base: &Url, segments: &[&str]) -> Url {
    let mut url = http_url(base, segments);
    let scheme = match base.scheme() {
        "https" | "wss" => "wss",
        _ => "ws",
    };
    // Between these schemes a change always succeeds; if not, connecting says so.
    if url.set_scheme(scheme).is_err() {
        tracing::error!("the base URL of a vendor has a scheme that is not for the web");
    }
    url
}

/// The base URL with these path segments after its own. The base may end with a slash or not.
pub(crate) fn http_url(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// A header value that is marked as secret, so that no debug output shows it. `None` when the key has
/// characters that no header can carry.
pub(crate) fn secret_header(prefix: &str, key: &settings::Secret) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("{prefix}{}", key.expose())).ok()?;
    value.set_sensitive(true);
    Some(value)
}
