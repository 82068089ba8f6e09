//! The simulated vendors on loopback sockets and virtual time, each connection a task that does not count.
//!
//! Here and there one fails: a recognizer in mid-call, the model's host once, a voice's socket twice in a
//! row, so that the call goes on over HTTP.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use conversation::ToolSpec;
use futures_util::future::BoxFuture;
use futures_util::{SinkExt as _, StreamExt as _, stream};
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use media_worker::Tool;
use sim::peer::fault::{Fault, Faults};
use sim::peer::latency::Latency;
use sim::peer::{Due, Head, Input, Opening, Peer, Wire};
use sim::vendors::openai::{
    self, Answer, Brain, Conversation, Last, Model, Reply, RequestHead, Script,
};
use sim::vendors::{deepgram, elevenlabs};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use super::outside::Outside;

const KEY: &str = "not a secret";
const VOICE: &str = "voice";

/// Connections and requests that fail, by their number from 0.
const RECOGNIZER_LOST: (u64, Fault) = (5, Fault::CutAfter { messages: 9 });
const MODEL_FAILS: (u64, Fault) = (11, Fault::ServerError);
const VOICES_LOST: [(u64, Fault); 2] = [
    (6, Fault::CutAfter { messages: 3 }),
    (7, Fault::RefuseConnect),
];

/// The vendors' side, and where it listens.
pub(super) struct Vendors {
    recognizer: (SocketAddr, Arc<deepgram::Vendor>),
    model: (SocketAddr, Arc<Model>),
    voice: (SocketAddr, Arc<elevenlabs::Vendor>),
}

/// The requests that came.
#[derive(Debug)]
#[expect(dead_code, reason = "is printed")]
pub(super) struct Requests {
    recognizer: u64,
    model: u64,
    voice: u64,
}

impl Vendors {
    pub(super) async fn start(zero: Instant) -> Self {
        let (nth, fault) = RECOGNIZER_LOST;
        let recognizer = Arc::new(deepgram::Vendor::new(deepgram::Behaviour {
            connect: Latency::NONE,
            faults: Faults::none().at(nth, fault),
            ..deepgram::Behaviour::new(KEY)
        }));
        let (nth, fault) = MODEL_FAILS;
        let model = Arc::new(Model::new(openai::Behaviour {
            shred: false,
            faults: Faults::none().at(nth, fault),
            ..openai::Behaviour::new(KEY, Arc::new(Clinic(Script::dental_reminder())))
        }));
        let [(first, cut), (second, refused)] = VOICES_LOST;
        let voice = Arc::new(elevenlabs::Vendor::new(elevenlabs::Behaviour {
            connect: Latency::NONE,
            faults: Faults::none().at(first, cut).at(second, refused),
            ..elevenlabs::Behaviour::new(KEY)
        }));
        Self {
            recognizer: (
                listen({
                    let vendor = Arc::clone(&recognizer);
                    move |stream| hear(stream, Arc::clone(&vendor), zero)
                })
                .await,
                recognizer,
            ),
            model: (
                listen({
                    let model = Arc::clone(&model);
                    move |stream| think(stream, Arc::clone(&model), zero)
                })
                .await,
                model,
            ),
            voice: (
                listen({
                    let vendor = Arc::clone(&voice);
                    move |stream| speak(stream, Arc::clone(&vendor), zero)
                })
                .await,
                voice,
            ),
        }
    }

    /// The settings of a worker that talks to them.
    pub(super) fn variables(&self) -> BTreeMap<String, String> {
        let variables = [
            ("DEEPGRAM_API_KEY", KEY.to_owned()),
            ("DEEPGRAM_BASE_URL", format!("http://{}", self.recognizer.0)),
            ("OPENAI_API_KEY", KEY.to_owned()),
            ("OPENAI_BASE_URL", format!("http://{}/v1", self.model.0)),
            ("ELEVENLABS_API_KEY", KEY.to_owned()),
            ("ELEVENLABS_BASE_URL", format!("http://{}", self.voice.0)),
            ("ELEVENLABS_VOICE_ID", VOICE.to_owned()),
        ];
        let variables = variables.into_iter();
        variables
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    pub(super) fn told(&self) -> Requests {
        Requests {
            recognizer: self.recognizer.1.requests(),
            model: self.model.1.requests(),
            voice: self.voice.1.requests(),
        }
    }

    /// Where the product broke their protocols.
    pub(super) fn violations(&self) -> Vec<String> {
        let violations = [
            self.recognizer.1.violations(),
            self.model.1.violations(),
            self.voice.1.violations(),
        ];
        violations.map(sim::peer::Violations::list).concat()
    }
}

/// What the model says: as the clinic's assistant, and it looks into a calendar.
struct Clinic(Script);

impl Brain for Clinic {
    fn reply(&self, conversation: &Conversation<'_>) -> Reply {
        match conversation.last {
            Last::Customer(text) if text.contains("calendar") && text.contains("your") => {
                Reply::says("Let me look.").and_calls("look_up", r#"{"day":"Friday"}"#)
            }
            Last::Tool {
                name: "look_up", ..
            } => Reply::says(
                "There is a free hour on Friday morning at nine. Would that suit you better?",
            ),
            Last::Tool { .. } | Last::Customer(_) | Last::Agent | Last::Nobody => {
                self.0.reply(conversation)
            }
        }
    }
}

/// The tool that looks into the calendar.
pub(super) struct Diary;

impl Tool for Diary {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "look_up".to_owned(),
            description: "Looks for a free hour in the calendar.".to_owned(),
            parameters: r#"{"type":"object","properties":{"day":{"type":"string"}}}"#.to_owned(),
        }
    }

    fn run(&self, _arguments: String) -> BoxFuture<'static, Result<String, String>> {
        Box::pin(async {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            Ok(r#"{"free":["09:00"]}"#.to_owned())
        })
    }
}

/// Takes connections on a port of its own.
async fn listen<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(Outside::new(async move {
        loop {
            let (stream, _from) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            tokio::spawn(Outside::new(serve(stream)));
        }
    }));
    address
}

async fn hear(stream: TcpStream, vendor: Arc<deepgram::Vendor>, zero: Instant) {
    let connect = |head: Head<'_>| vendor.connect(head, zero.elapsed());
    if let Some((socket, peer)) = accept(stream, "authorization", connect).await {
        drive(socket, peer, zero).await;
    }
}

async fn speak(stream: TcpStream, vendor: Arc<elevenlabs::Vendor>, zero: Instant) {
    let mut first = [0];
    if !matches!(stream.peek(&mut first).await, Ok(1)) {
        return;
    }
    if first == *b"P" {
        let answer = |request| recite(request, Arc::clone(&vendor), zero);
        return http(stream, answer).await;
    }
    let connect = |head: Head<'_>| vendor.connect(head, zero.elapsed());
    if let Some((socket, peer)) = accept(stream, "xi-api-key", connect).await {
        drive(socket, peer, zero).await;
    }
}

async fn think(stream: TcpStream, model: Arc<Model>, zero: Instant) {
    http(stream, |request| {
        complete(request, Arc::clone(&model), zero)
    })
    .await;
}

/// A WebSocket and who is at its other end, unless the connection is not to be.
async fn accept<P>(
    stream: TcpStream,
    key: &str,
    connect: impl FnOnce(Head<'_>) -> Opening<P> + Unpin,
) -> Option<(WebSocketStream<TcpStream>, P)> {
    let mut peer = None;
    #[expect(
        clippy::result_large_err,
        reason = "the library says what a refused handshake is answered with"
    )]
    let answer = |request: &server::Request, response: server::Response| {
        let opening = connect(head(request.uri(), request.headers(), key));
        let Opening::Open { session, .. } = opening else {
            return Err(server::ErrorResponse::new(None));
        };
        peer = Some(session);
        Ok(response)
    };
    let socket = accept_hdr_async(stream, answer).await;
    Some((socket.ok()?, peer?))
}

/// Runs a peer on a socket until either ends it.
async fn drive(mut socket: WebSocketStream<TcpStream>, mut peer: impl Peer, zero: Instant) {
    let mut waiting: VecDeque<Due> = VecDeque::new();
    loop {
        let now = zero.elapsed();
        if peer.poll_timeout().is_some_and(|at| at <= now) {
            waiting.extend(peer.handle_timeout(now));
        }
        while waiting.front().is_some_and(|due| due.at <= now) {
            let message = match waiting.pop_front().unwrap().wire {
                Wire::Text(text) => Message::text(text),
                Wire::Binary(bytes) => Message::Binary(bytes),
                Wire::Close { .. } => Message::Close(None),
                Wire::Cut => return,
            };
            if socket.send(message).await.is_err() {
                return;
            }
        }
        let due = waiting.front().map(|due| due.at);
        let next = due.into_iter().chain(peer.poll_timeout()).min();
        let message = match next {
            None => socket.next().await,
            Some(at) => match tokio::time::timeout_at(zero + at, socket.next()).await {
                Ok(message) => message,
                Err(_due) => continue,
            },
        };
        let now = zero.elapsed();
        match message {
            Some(Ok(Message::Text(text))) => waiting.extend(peer.handle(Input::Text(&text), now)),
            Some(Ok(Message::Binary(bytes))) => {
                waiting.extend(peer.handle(Input::Binary(&bytes), now));
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Ok(Message::Close(_)) | Err(_)) | None => return,
        }
    }
}

type Answered = Result<Response<BoxBody<Bytes, io::Error>>, io::Error>;

async fn http<F>(stream: TcpStream, answer: impl Fn(Request<Incoming>) -> F)
where
    F: Future<Output = Answered>,
{
    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
    // The client leaves when it likes.
    let _gone = served.await;
}

/// Speech over HTTP.
async fn recite(
    request: Request<Incoming>,
    vendor: Arc<elevenlabs::Vendor>,
    zero: Instant,
) -> Answered {
    let (parts, body) = request.into_parts();
    let body = whole(body).await?;
    let head = head(&parts.uri, &parts.headers, "xi-api-key");
    match vendor.stream(head, &body, zero.elapsed()) {
        Opening::Open { at, session } => {
            Ok(streamed("audio/basic", zero + at, session.pieces, zero).await)
        }
        Opening::Refused(refused) => Ok(refusal(refused.status, refused.body)),
        Opening::Cut | Opening::Silent => Err(io::ErrorKind::ConnectionReset.into()),
    }
}

/// Chat completions; any other request looks whether somebody is here.
async fn complete(request: Request<Incoming>, model: Arc<Model>, zero: Instant) -> Answered {
    let (parts, body) = request.into_parts();
    if parts.method != http::Method::POST {
        return Ok(refusal(200, String::new()));
    }
    let body = whole(body).await?;
    let text = |name| parts.headers.get(name)?.to_str().ok();
    let head = RequestHead {
        authorization: text(header::AUTHORIZATION),
        content_type: text(header::CONTENT_TYPE),
    };
    match model.answer(head, &body, zero.elapsed()) {
        Answer::Stream { at, pieces } => {
            Ok(streamed("text/event-stream", zero + at, pieces, zero).await)
        }
        Answer::Refused { status, body, .. } => Ok(refusal(status, body)),
        Answer::Cut | Answer::Silent => Err(io::ErrorKind::ConnectionReset.into()),
    }
}

async fn whole(body: Incoming) -> io::Result<Bytes> {
    let collected = body.collect().await.map_err(io::Error::other)?;
    Ok(collected.to_bytes())
}

/// An answer whose head and pieces come when they are due.
async fn streamed(
    kind: &str,
    at: Instant,
    pieces: Vec<Due>,
    zero: Instant,
) -> Response<BoxBody<Bytes, io::Error>> {
    tokio::time::sleep_until(at).await;
    let pieces = stream::unfold(VecDeque::from(pieces), move |mut pieces| async move {
        let due = pieces.pop_front()?;
        tokio::time::sleep_until(zero + due.at).await;
        let bytes = match due.wire {
            Wire::Text(text) => Ok(Frame::data(Bytes::from(text))),
            Wire::Binary(bytes) => Ok(Frame::data(bytes)),
            Wire::Close { .. } => return None,
            Wire::Cut => Err(io::ErrorKind::ConnectionReset.into()),
        };
        Some((bytes, pieces))
    });
    let response = Response::builder().header(header::CONTENT_TYPE, kind);
    response
        .body(BoxBody::new(StreamBody::new(pieces)))
        .unwrap()
}

fn refusal(status: u16, body: String) -> Response<BoxBody<Bytes, io::Error>> {
    let never = |never: Infallible| match never {};
    let body = Full::new(Bytes::from(body)).map_err(never).boxed();
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

fn head<'a>(uri: &'a http::Uri, headers: &'a HeaderMap, key: &str) -> Head<'a> {
    Head {
        path: uri.path(),
        query: uri.query().unwrap_or_default(),
        key: headers.get(key).and_then(|value| value.to_str().ok()),
    }
}
