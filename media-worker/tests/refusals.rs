//! What a media worker answers to a carrier that is not one, or that misbehaves; and that the calls
//! beside it notice nothing.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, outside the test functions themselves"
)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use carrier::twilio::signature::{self, Tokens};
use futures_util::future::BoxFuture;
use futures_util::{SinkExt as _, StreamExt as _};
use media_worker::{Control, Hello, MESSAGE_BYTES_MAX, Record, Tools, Worker, WorkerParts};
use model::{
    AgentFields, AgentId, CallId, CallSnapshot, Direction, Outcome, PromptId, RenderedPrompt,
    TenantId, TokenId,
};
use providers::llm::Models;
use providers::stt::Recognizers;
use providers::tts::Synthesizers;
use service::media::{MediaError, MediaSession, OpenError, SessionKey};
use settings::{Secret, Settings};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const TOKEN: &str = "the-carrier-s-secret";
const PATIENCE: Duration = Duration::from_secs(10);

/// A control plane in memory: each token opens one session, and everything is written down.
#[derive(Debug)]
struct Memory {
    tokens: Mutex<Vec<TokenId>>,
    log: watch::Sender<Vec<String>>,
}

impl Memory {
    fn note(&self, what: String) {
        self.log.send_modify(|log| log.push(what));
    }

    /// Waits until `what` was written down.
    async fn reaches(&self, what: &str) {
        let mut log = self.log.subscribe();
        let noted = log.wait_for(|log| log.iter().any(|noted| noted == what));
        let noted = tokio::time::timeout(PATIENCE, noted).await;
        assert!(noted.is_ok(), "{what} is not in {:?}", self.log.borrow());
    }
}

impl Control for Memory {
    fn open(&self, hello: Hello) -> BoxFuture<'static, Result<MediaSession, OpenError>> {
        let mut tokens = self.tokens.lock().unwrap();
        let place = tokens.iter().position(|token| *token == hello.token);
        let opened = match place {
            Some(place) => {
                tokens.remove(place);
                Ok(MediaSession {
                    key: SessionKey {
                        tenant_id: hello.tenant_id,
                        call_id: hello.call_id,
                        session: 1,
                        carrier_call_id: hello.carrier_call_id,
                    },
                    snapshot: snapshot(hello.tenant_id, hello.call_id),
                    history: Vec::new(),
                })
            }
            None => Err(OpenError::Refused),
        };
        Box::pin(std::future::ready(opened))
    }

    fn store(
        &self,
        session: Arc<SessionKey>,
        record: Record,
    ) -> BoxFuture<'static, Result<(), MediaError>> {
        if record == Record::Opened {
            self.note(format!("{} opened", session.call_id.unix_ms()));
        }
        Box::pin(std::future::ready(Ok(())))
    }

    fn close(
        &self,
        session: Arc<SessionKey>,
        outcome: Option<Outcome>,
    ) -> BoxFuture<'static, Result<(), MediaError>> {
        let outcome = outcome.map_or("nothing", Outcome::code);
        self.note(format!(
            "{} closed with {outcome}",
            session.call_id.unix_ms()
        ));
        Box::pin(std::future::ready(Ok(())))
    }

    fn hang_up(&self, session: Arc<SessionKey>) -> BoxFuture<'static, Result<(), MediaError>> {
        self.note(format!("{} hung up", session.call_id.unix_ms()));
        Box::pin(std::future::ready(Ok(())))
    }
}

fn snapshot(tenant_id: TenantId, call_id: CallId) -> CallSnapshot {
    let prompt_id = PromptId::from_parts(0, 0);
    CallSnapshot {
        tenant_id,
        call_id,
        direction: Direction::Outbound,
        agent_id: AgentId::from_parts(0, 0),
        agent: AgentFields::new("Reminder", prompt_id),
        prompt: RenderedPrompt {
            id: prompt_id,
            version: 1,
            system: "Be brief.".to_owned(),
            greeting: "Hello.".to_owned(),
        },
    }
}

fn token(number: u64) -> TokenId {
    TokenId::from_parts(number, 7)
}

/// A worker on a port of its own, with vendors that accept connections and never answer.
struct Scene {
    worker: Worker,
    control: Arc<Memory>,
    address: SocketAddr,
    _vendors: TcpListener,
}

impl Scene {
    async fn new(calls_max: usize) -> Self {
        Self::with(&[
            ("TRUNKLINE_WORKER_CALLS_MAX", &calls_max.to_string()),
            ("TRUNKLINE_WORKER_DRAIN_SECONDS", "0"),
        ])
        .await
    }

    async fn with(variables: &[(&str, &str)]) -> Self {
        let vendors = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let vendor_url = format!("http://{}", vendors.local_addr().unwrap());
        let mut all: BTreeMap<String, String> = [
            ("DEEPGRAM_API_KEY", "key"),
            ("DEEPGRAM_BASE_URL", &vendor_url),
            ("OPENAI_API_KEY", "key"),
            ("OPENAI_BASE_URL", &vendor_url),
            ("ELEVENLABS_API_KEY", "key"),
            ("ELEVENLABS_BASE_URL", &vendor_url),
            ("ELEVENLABS_VOICE_ID", "voice"),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        all.extend(
            variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        let settings = Settings::from_variables(&all).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let control = Arc::new(Memory {
            tokens: Mutex::new((0..10).map(token).collect()),
            log: watch::Sender::new(Vec::new()),
        });
        let metrics = metrics();
        let worker = Worker::start(WorkerParts {
            settings: settings.worker.clone(),
            media_socket: format!("ws://{address}/media/twilio").parse().unwrap(),
            account_sid: ACCOUNT.to_owned(),
            tokens: Tokens::new(Secret::new(TOKEN.to_owned())),
            control: Arc::clone(&control) as Arc<dyn Control>,
            recognizers: Recognizers::new(&settings).unwrap(),
            models: Models::new(&settings).unwrap(),
            synthesizers: Synthesizers::new(&settings).unwrap(),
            tools: Tools::default(),
            metrics: Some(metrics),
        });
        let router = worker.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            worker,
            control,
            address,
            _vendors: vendors,
        }
    }

    /// Asks for a media socket; the status where it is refused.
    async fn dial(&self, signature: Option<&str>) -> Result<Carrier, u16> {
        let url = format!("ws://{}/media/twilio", self.address);
        let mut request = url.into_client_request().unwrap();
        if let Some(signature) = signature {
            let headers = request.headers_mut();
            headers.insert(signature::HEADER, signature.parse().unwrap());
        }
        let tcp = TcpStream::connect(self.address).await.unwrap();
        match tokio_tungstenite::client_async(request, tcp).await {
            Ok((socket, _response)) => Ok(Carrier { socket }),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(other) => panic!("{other}"),
        }
    }

    async fn carrier(&self) -> Carrier {
        self.dial(Some(&self.signature())).await.unwrap()
    }

    /// A call that is on, with the token and id of this number.
    async fn call(&self, number: u64) -> Carrier {
        let mut carrier = self.carrier().await;
        carrier
            .says(r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#)
            .await;
        carrier.says(&start(number)).await;
        self.control.reaches(&format!("{number} opened")).await;
        carrier
    }

    fn signature(&self) -> String {
        let url = format!("ws://{}/media/twilio", self.address);
        let none: [(&str, &str); 0] = [];
        signature::sign_form(&Secret::new(TOKEN.to_owned()), &url, &none)
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let url = format!("http://{}{path}", self.address);
        let response = reqwest::get(url).await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// The value of a counter, by its name with labels.
    async fn counted(&self, name: &str) -> u64 {
        let (_, text) = self.get("/metrics").await;
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        value.unwrap_or(0)
    }
}

/// One recorder for the process: tests only look at whether a count rose.
fn metrics() -> telemetry::Metrics {
    static METRICS: OnceLock<telemetry::Metrics> = OnceLock::new();
    let metrics = METRICS.get_or_init(|| telemetry::Metrics::install().unwrap());
    metrics.clone()
}

/// The carrier's end of a media socket.
struct Carrier {
    socket: WebSocketStream<TcpStream>,
}

impl Carrier {
    async fn says(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    async fn frame(&mut self, number: u64) {
        let payload = "/".repeat(212) + "/w==";
        let (sequence, timestamp) = (number + 2, number * 20);
        self.says(&format!(
            r#"{{"event":"media","sequenceNumber":"{sequence}","streamSid":"MZ1","media":{{"track":"inbound","chunk":"{number}","timestamp":"{timestamp}","payload":"{payload}"}}}}"#
        ))
        .await;
    }

    /// The code that the worker closes the socket with.
    async fn closed_with(&mut self) -> CloseCode {
        let closed = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Close(Some(frame)))) => {
                        // Reading on answers the close.
                        while let Some(Ok(_)) = self.socket.next().await {}
                        return frame.code;
                    }
                    Some(Ok(_)) => {}
                    other => panic!("closed without a reason: {other:?}"),
                }
            }
        };
        tokio::time::timeout(PATIENCE, closed).await.unwrap()
    }

    /// The worker answers: the call is alive.
    async fn is_alive(&mut self) {
        self.socket.send(Message::Ping("?".into())).await.unwrap();
        let answered = async {
            loop {
                if let Message::Pong(_) = self.socket.next().await.unwrap().unwrap() {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, answered).await.unwrap();
    }
}

fn start(number: u64) -> String {
    start_with(number, token(number), ACCOUNT, 8_000)
}

fn start_with(number: u64, token: TokenId, account: &str, rate: u32) -> String {
    let tenant = TenantId::from_parts(0, 0);
    let call = CallId::from_parts(number, 0);
    format!(
        r#"{{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{{"streamSid":"MZ1","accountSid":"{account}","callSid":"CA1","tracks":["inbound"],"customParameters":{{"tenant_id":"{tenant}","call_id":"{call}","token":"{token}"}},"mediaFormat":{{"encoding":"audio/x-mulaw","sampleRate":{rate},"channels":1}}}}}}"#
    )
}

const CONNECTED: &str = r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#;

#[tokio::test]
async fn only_the_carrier_s_signature_opens_a_socket() {
    let scene = Scene::new(1).await;
    assert_eq!(scene.dial(None).await.err(), Some(403));
    assert_eq!(scene.dial(Some("bm90IGl0")).await.err(), Some(403));
    assert!(
        scene
            .counted("trunkline_calls_refused_total{reason=\"signature\"}")
            .await
            >= 2
    );
    assert_eq!(scene.worker.calls(), 0);
    scene.carrier().await.is_alive().await;
}

#[tokio::test]
async fn a_plain_request_is_told_that_this_is_a_websocket() {
    let scene = Scene::new(1).await;
    assert_eq!(scene.get("/media/twilio").await.0, 426);
    assert_eq!(
        scene.get("/health").await,
        (200, r#"{"status":"ok","calls":0,"calls_max":1}"#.to_owned())
    );
}

#[tokio::test]
async fn a_call_beyond_capacity_is_refused_and_the_first_one_goes_on() {
    let scene = Scene::new(1).await;
    let mut first = scene.call(0).await;
    let signature = scene.signature();
    assert_eq!(scene.dial(Some(&signature)).await.err(), Some(503));
    assert!(
        scene
            .counted("trunkline_calls_refused_total{reason=\"capacity\"}")
            .await
            >= 1
    );
    first.is_alive().await;
    first.says(r#"{"event":"stop","sequenceNumber":"9","streamSid":"MZ1","stop":{"accountSid":"AC","callSid":"CA1"}}"#).await;
    scene.control.reaches("0 closed with callee_hung_up").await;
    while scene.worker.calls() > 0 {
        tokio::task::yield_now().await;
    }
    scene.call(1).await.is_alive().await;
}

#[tokio::test]
async fn a_token_opens_one_session_and_no_other_call() {
    let scene = Scene::new(9).await;
    let mut first = scene.call(0).await;
    for (number, used) in [(0, token(0)), (3, token(99))] {
        let mut again = scene.carrier().await;
        again.says(CONNECTED).await;
        again.says(&start_with(number, used, ACCOUNT, 8_000)).await;
        assert_eq!(again.closed_with().await, CloseCode::Policy);
    }
    assert!(
        scene
            .counted("trunkline_calls_refused_total{reason=\"token\"}")
            .await
            >= 2
    );
    first.is_alive().await;
}

#[tokio::test]
async fn what_comes_before_the_start_is_refused_by_its_kind() {
    let scene = Scene::new(9).await;
    let foreign = "AC00000000000000000000000000000002";
    for (messages, code, reason) in [
        (
            vec![Message::text(start(0))],
            CloseCode::Policy,
            "out_of_order",
        ),
        (
            vec![Message::text(CONNECTED), Message::text("{\"event\":")],
            CloseCode::Policy,
            "malformed",
        ),
        (
            vec![Message::text(CONNECTED), Message::binary(vec![0; 160])],
            CloseCode::Unsupported,
            "binary",
        ),
        (
            vec![Message::text("x".repeat(MESSAGE_BYTES_MAX + 1))],
            CloseCode::Size,
            "oversized",
        ),
        (
            vec![
                Message::text(CONNECTED),
                Message::text(start_with(0, token(0), foreign, 8_000)),
            ],
            CloseCode::Policy,
            "foreign_account",
        ),
        (
            vec![
                Message::text(CONNECTED),
                Message::text(start_with(0, token(0), ACCOUNT, 16_000)),
            ],
            CloseCode::Policy,
            "format",
        ),
        (
            vec![
                Message::text(CONNECTED),
                Message::text(start(0).replace("call_id", "call")),
            ],
            CloseCode::Policy,
            "parameters",
        ),
    ] {
        let mut carrier = scene.carrier().await;
        for message in messages {
            carrier.socket.send(message).await.unwrap();
        }
        assert_eq!(carrier.closed_with().await, code, "{reason}");
        let name = format!("trunkline_calls_refused_total{{reason=\"{reason}\"}}");
        assert!(scene.counted(&name).await >= 1, "{name}");
    }
    // None of it used the token up.
    scene.call(0).await.is_alive().await;
}

#[tokio::test]
async fn what_a_running_call_may_not_send_ends_that_call_alone() {
    let scene = Scene::new(9).await;
    let mut beside = scene.call(9).await;
    let bad = [
        (Message::text(start(1)), CloseCode::Policy, "second_start"),
        (
            Message::binary(vec![0; 160]),
            CloseCode::Unsupported,
            "binary",
        ),
        (
            Message::text("x".repeat(MESSAGE_BYTES_MAX + 1)),
            CloseCode::Size,
            "oversized",
        ),
    ];
    for (number, (message, code, reason)) in (1..).zip(bad) {
        let mut carrier = scene.call(number).await;
        carrier.frame(0).await;
        carrier.socket.send(message).await.unwrap();
        assert_eq!(carrier.closed_with().await, code, "{reason}");
        // The call is left to be resumed.
        scene
            .control
            .reaches(&format!("{number} closed with nothing"))
            .await;
        let name = format!("trunkline_carrier_streams_refused_total{{reason=\"{reason}\"}}");
        assert!(scene.counted(&name).await >= 1, "{name}");
    }
    beside.is_alive().await;
}

#[tokio::test]
async fn messages_that_mean_nothing_are_counted_and_the_call_goes_on() {
    let scene = Scene::new(1).await;
    let mut carrier = scene.call(0).await;
    carrier.frame(0).await;
    carrier.frame(0).await;
    carrier.frame(3).await;
    carrier.frame(2).await;
    for message in [
        "not json",
        r#"{"event":"weather"}"#,
        r#"{"event":"mark","sequenceNumber":"50","streamSid":"MZ1","mark":{"name":"theirs"}}"#,
        r#"{"event":"dtmf","sequenceNumber":"51","streamSid":"MZ2","dtmf":{"track":"inbound_track","digit":"1"}}"#,
        CONNECTED,
    ] {
        carrier.says(message).await;
    }
    carrier.is_alive().await;
    for reason in [
        "duplicate",
        "out_of_order",
        "not_json",
        "unknown_event",
        "foreign_mark",
        "foreign_stream",
        "second_connected",
    ] {
        let name = format!("trunkline_carrier_messages_ignored_total{{reason=\"{reason}\"}}");
        assert!(scene.counted(&name).await >= 1, "{name}");
    }
    assert!(
        scene
            .counted("trunkline_caller_audio_lost_milliseconds_total")
            .await
            >= 40
    );
}

#[tokio::test]
async fn a_stream_of_nonsense_is_refused_in_the_end() {
    let scene = Scene::new(1).await;
    let mut carrier = scene.call(0).await;
    for _ in 0..=media_worker::BAD_MESSAGES_MAX {
        carrier.says("nonsense").await;
    }
    assert_eq!(carrier.closed_with().await, CloseCode::Policy);
    scene.control.reaches("0 closed with nothing").await;
}

#[tokio::test]
async fn a_carrier_that_vanishes_leaves_the_call_to_be_resumed() {
    let scene = Scene::new(1).await;
    drop(scene.call(0).await);
    scene.control.reaches("0 closed with nothing").await;
}

#[tokio::test]
async fn a_stopping_worker_refuses_new_calls_and_hands_the_running_one_over() {
    let scene = Scene::with(&[("TRUNKLINE_WORKER_DRAIN_SECONDS", "1")]).await;
    let mut running = scene.call(0).await;
    let draining = tokio::spawn({
        let worker = scene.worker.clone();
        async move { worker.drain().await }
    });
    while scene.get("/health").await.0 != 503 {
        tokio::task::yield_now().await;
    }
    let signature = scene.signature();
    assert_eq!(scene.dial(Some(&signature)).await.err(), Some(503));
    running.is_alive().await;
    assert_eq!(running.closed_with().await, CloseCode::Away);
    scene.control.reaches("0 closed with nothing").await;
    tokio::time::timeout(PATIENCE, draining)
        .await
        .unwrap()
        .unwrap();
}
