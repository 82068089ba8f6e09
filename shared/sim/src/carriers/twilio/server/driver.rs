//! One call's task: its timer, its webhooks, its media socket, its files.

use std::collections::VecDeque;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::exchange::Exchange;
use crate::carriers::twilio::call::{Output, PhoneCall};
use crate::carriers::twilio::core::SharedCall;
use crate::carriers::twilio::hook::{WebhookAnswer, WebhookRequest};
use crate::carriers::twilio::media::stream::MESSAGE_BYTES_MAX;
use crate::carriers::twilio::signature::Signed;

/// How long a media socket may take to open.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How long the other side's close frame is waited for.
const CLOSE_MAX: Duration = Duration::from_secs(2);
/// The longest answer of a webhook that is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// What may wait for a reader that does not read; customer audio is not among it, that is discarded.
const BACKLOG_MAX: usize = 1_000;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Something that a call waited for.
enum Done {
    Webhook {
        id: u64,
        answer: WebhookAnswer,
    },
    Stream {
        attempt: u64,
        opened: Result<Box<Socket>, (u32, &'static str)>,
    },
}

/// What a driver holds for its call.
#[derive(Default)]
struct Hands {
    pending: FuturesUnordered<BoxFuture<'static, Done>>,
    socket: Option<Box<Socket>>,
    /// Rises with each media socket that is asked for or given up.
    attempt: u64,
    backlog: VecDeque<String>,
    /// The other side does not read: said once per socket.
    congested: bool,
}

/// Drives a call until nothing is left to do.
pub(super) async fn drive(
    exchange: Arc<Exchange>,
    sid: String,
    call: SharedCall,
    wake: Arc<Notify>,
) {
    let mut hands = Hands::default();
    let mut timer = pin!(tokio::time::sleep_until(exchange.instant(Duration::ZERO)));
    let mut outputs = Vec::new();
    loop {
        let next = call.with(|call| {
            outputs.extend(std::iter::from_fn(|| call.poll_output()));
            call.poll_timeout()
        });
        hands.perform(&exchange, &sid, &call, &mut outputs);
        let idle = next.is_none() && hands.pending.is_empty() && hands.socket.is_none();
        if idle && exchange.retire(&sid, || call.with(PhoneCall::is_idle)) {
            return;
        }
        if let Some(next) = next {
            let at = exchange.instant(next);
            if timer.deadline() != at {
                timer.as_mut().reset(at);
            }
        }
        tokio::select! {
            biased;
            () = exchange.stop.cancelled() => return,
            message = receive(&mut hands.socket) => hands.received(&call, message, &exchange).await,
            Some(done) = hands.pending.next(), if !hands.pending.is_empty() => {
                hands.done(&call, done, exchange.now());
            }
            () = wake.notified() => {}
            () = &mut timer, if next.is_some() => {
                let now = exchange.now();
                call.with(|call| call.handle_timeout(now));
            }
        }
    }
}

/// The next message; never, while there is no socket.
async fn receive(socket: &mut Option<Box<Socket>>) -> Option<Result<Message, SocketError>> {
    match socket {
        Some(socket) => socket.next().await,
        None => std::future::pending().await,
    }
}

impl Hands {
    fn perform(
        &mut self,
        exchange: &Exchange,
        sid: &str,
        call: &SharedCall,
        outputs: &mut Vec<Output>,
    ) {
        let mut changed = false;
        let written = !outputs.is_empty();
        for output in outputs.drain(..) {
            match output {
                Output::Request(request) => {
                    let http = exchange.http.clone();
                    self.pending.push(Box::pin(deliver(http, request)));
                }
                Output::OpenStream { url, signed } => {
                    self.attempt += 1;
                    let attempt = self.attempt;
                    self.pending.push(Box::pin(async move {
                        let opened = open(&url, &signed).await;
                        Done::Stream { attempt, opened }
                    }));
                }
                Output::StreamText(text) => self.send(exchange, sid, text),
                Output::CloseStream => self.close(),
                Output::CutStream => {
                    self.attempt += 1;
                    self.socket = None;
                }
                Output::AppendRecording {
                    sid: recording,
                    channels,
                    samples,
                } => complain(exchange.recordings.append(&recording, channels, &samples)),
                Output::FinishRecording {
                    sid: recording,
                    channels,
                } => complain(
                    exchange
                        .recordings
                        .finish(&recording, channels)
                        .map(|_bytes| ()),
                ),
                Output::Save => changed = true,
            }
        }
        // Before any request is made: it is known to the next process.
        if changed {
            let record = call.with(|call| call.saved());
            complain(exchange.save(&record));
            exchange.tell_change();
        }
        if written && let Some(socket) = &mut self.socket {
            // A flush that does not finish now goes on with the next one; a broken socket is seen when
            // it is read.
            let _sooner_or_later = socket.flush().now_or_never();
        }
    }

    /// Sends without waiting. The carrier discards customer audio that is not read.
    fn send(&mut self, exchange: &Exchange, sid: &str, text: String) {
        let Some(socket) = &mut self.socket else {
            return;
        };
        while let Some(waiting) = self.backlog.pop_front() {
            if !feed(socket, &waiting) {
                self.backlog.push_front(waiting);
                break;
            }
        }
        if self.backlog.is_empty() && feed(socket, &text) {
            return;
        }
        if !self.congested {
            self.congested = true;
            exchange.noticed(31_930, "customer audio is not read, and discarded", sid);
        }
        if !text.starts_with(r#"{"event":"media""#) && self.backlog.len() < BACKLOG_MAX {
            self.backlog.push_back(text);
        }
    }

    /// Closes the socket in order, out of the call's way.
    fn close(&mut self) {
        self.attempt += 1;
        self.backlog.clear();
        let Some(mut socket) = self.socket.take() else {
            return;
        };
        let closing = async move {
            // An answer that does not come is not waited for; the socket is dropped either way.
            let closed = WebSocketStream::close(&mut socket, None).await;
            while closed.is_ok() && matches!(socket.next().await, Some(Ok(_))) {}
        };
        tokio::spawn(tokio::time::timeout(CLOSE_MAX, closing));
    }

    async fn received(
        &mut self,
        call: &SharedCall,
        message: Option<Result<Message, SocketError>>,
        exchange: &Exchange,
    ) {
        let now = exchange.now();
        match message {
            Some(Ok(Message::Text(text))) => call.with(|call| call.stream_text(&text, now)),
            Some(Ok(Message::Binary(bytes))) => {
                call.with(|call| call.stream_binary(bytes.len(), now));
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Ok(Message::Close(_))) => {
                if let Some(mut socket) = self.socket.take() {
                    // Our close frame in answer; the connection ends anyway.
                    let _answered = tokio::time::timeout(CLOSE_MAX, socket.flush()).await;
                }
                self.backlog.clear();
                call.with(|call| call.stream_closed(None, now));
            }
            None => self.broken(call, 31_903, "the connection broke", now),
            Some(Err(problem)) => match problem {
                SocketError::Protocol(_)
                | SocketError::Capacity(_)
                | SocketError::Utf8(_)
                | SocketError::AttackAttempt => {
                    use tokio_tungstenite::tungstenite::error::ProtocolError;
                    let torn = matches!(
                        problem,
                        SocketError::Protocol(ProtocolError::ResetWithoutClosingHandshake)
                    );
                    if torn {
                        self.broken(call, 31_903, "the connection broke", now);
                    } else {
                        call.with(|call| {
                            call.stream_violated(31_924, "a WebSocket protocol error");
                        });
                        self.broken(call, 31_924, "a WebSocket protocol error", now);
                    }
                }
                SocketError::ConnectionClosed
                | SocketError::AlreadyClosed
                | SocketError::Io(_)
                | SocketError::Tls(_)
                | SocketError::WriteBufferFull(_)
                | SocketError::Url(_)
                | SocketError::Http(_)
                | SocketError::HttpFormat(_) => {
                    self.broken(call, 31_903, "the connection broke", now);
                }
            },
        }
    }

    fn broken(&mut self, call: &SharedCall, code: u32, what: &str, now: Duration) {
        self.socket = None;
        self.backlog.clear();
        call.with(|call| call.stream_closed(Some((code, what)), now));
    }

    fn done(&mut self, call: &SharedCall, done: Done, now: Duration) {
        match done {
            Done::Webhook { id, answer } => {
                call.with(|call| call.webhook_answered(id, answer, now));
            }
            // Given up meanwhile.
            Done::Stream { attempt, .. } if attempt != self.attempt => {}
            Done::Stream { opened, .. } => match opened {
                Ok(socket) => {
                    self.socket = Some(socket);
                    self.congested = false;
                    call.with(|call| call.stream_opened(now));
                }
                Err((code, what)) => call.with(|call| call.stream_refused(code, what, now)),
            },
        }
    }
}

/// Hands a message to the socket if it takes one now.
fn feed(socket: &mut Socket, text: &str) -> bool {
    // An error shows again when the socket is read.
    socket.feed(Message::text(text)).now_or_never().is_some()
}

async fn deliver(http: reqwest::Client, request: WebhookRequest) -> Done {
    let WebhookRequest {
        id,
        url,
        body,
        signed,
        idempotency_token,
        connect_timeout,
        read_timeout,
    } = request;
    let builder = match body {
        Some(form) => http
            .post(&url)
            .header(
                "Content-Type",
                "application/x-www-form-urlencoded; charset=UTF-8",
            )
            .body(form),
        None => http.get(&url),
    };
    let exchange = async {
        let builder = signed.headers().fold(builder, |builder, (name, value)| {
            builder.header(name, value)
        });
        let mut response = builder
            .header("I-Twilio-Idempotency-Token", idempotency_token)
            .header("Accept", "*/*")
            .timeout(read_timeout)
            .send()
            .await?;
        let status = response.status().as_u16();
        let content_type = response.headers().get("Content-Type");
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER_BYTES_MAX {
                body.truncate(ANSWER_BYTES_MAX);
                break;
            }
        }
        Ok(WebhookAnswer::Answered {
            status,
            content_type,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    };
    let answer = match tokio::time::timeout(connect_timeout + read_timeout, exchange).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(problem)) => judge(&problem),
        Err(_elapsed) => WebhookAnswer::NotAnswered,
    };
    Done::Webhook { id, answer }
}

fn judge(problem: &reqwest::Error) -> WebhookAnswer {
    if problem.is_connect() {
        WebhookAnswer::NotConnected
    } else {
        WebhookAnswer::NotAnswered
    }
}

async fn open(url: &str, signed: &Signed) -> Result<Box<Socket>, (u32, &'static str)> {
    let mut request = url
        .into_client_request()
        .map_err(|_malformed| (31_923, "a malformed URL"))?;
    let headers = request.headers_mut();
    for (name, value) in signed.headers() {
        let value = value
            .parse()
            .map_err(|_never| (31_923, "a malformed URL"))?;
        headers.insert(name, value);
    }
    headers.insert(
        "User-Agent",
        http::HeaderValue::from_static("Twilio.TmeWs/1.0"),
    );
    // Messages are some hundred bytes: small buffers, for many calls in one process.
    let config = WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(4 * 1024)
        .max_write_buffer_size(256 * 1024)
        .max_message_size(Some(2 * MESSAGE_BYTES_MAX))
        .max_frame_size(Some(2 * MESSAGE_BYTES_MAX));
    let connecting = connect_async_with_config(request, Some(config), true);
    match tokio::time::timeout(CONNECT_MAX, connecting).await {
        Err(_elapsed) => Err((31_901, "no answer from the stream's server in time")),
        Ok(Ok((socket, _response))) => Ok(Box::new(socket)),
        Ok(Err(problem)) => Err(match problem {
            SocketError::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                (31_902, "the stream's server refused the connection")
            }
            SocketError::Tls(_) => (31_910, "no TLS with the stream's server"),
            SocketError::Http(_) | SocketError::HttpFormat(_) => (
                31_920,
                "the handshake was answered with something else than 101",
            ),
            SocketError::Url(_) => (31_922, "a URL that is not supported"),
            SocketError::Io(_)
            | SocketError::Protocol(_)
            | SocketError::Capacity(_)
            | SocketError::WriteBufferFull(_)
            | SocketError::Utf8(_)
            | SocketError::AttackAttempt
            | SocketError::ConnectionClosed
            | SocketError::AlreadyClosed => (31_924, "the stream's server broke the handshake off"),
        }),
    }
}

fn complain(done: io::Result<()>) {
    if let Err(error) = done {
        tracing::error!(%error, "the simulated carrier cannot write its state");
    }
}
