//! A worker on a port of its own, with a control plane in memory, and a carrier's end of its sockets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use carrier::Signatures;
use carrier::twilio::media::MediaStreams;
use carrier::twilio::signature::{self, Tokens};
use futures_util::future::BoxFuture;
use futures_util::{SinkExt as _, StreamExt as _};
use media_worker::{Control, Hello, Record, Tools, Worker, WorkerParts};
use model::{
    AmdPolicy, AmdResult, CallId, CallSnapshot, CarrierVerdict, Checkpoint, LineReport, Outcome,
    SilentSide, TenantId, TokenId, Turn, VendorChoice,
};
use providers::llm::Models;
use providers::stt::Recognizers;
use providers::tts::Synthesizers;
use service::call::media::{
    Found, HandOver, MediaError, MediaSession, OpenError, RedirectError, SessionKey,
};
use settings::{Secret, Settings};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

pub(crate) const ACCOUNT: &str = "AC00000000000000000000000000000001";
pub(crate) const TOKEN: &str = "the-carrier-s-secret";
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A control plane in memory: each token opens one session, and everything is written down.
#[derive(Debug)]
pub(crate) struct Memory {
    tokens: Mutex<Vec<TokenId>>,
    log: watch::Sender<Vec<String>>,
    pub(crate) turns: Mutex<Vec<Turn>>,
    /// The carrier's, from now on.
    pub(crate) verdict: Mutex<Option<CarrierVerdict>>,
    /// What the last session found out.
    pub(crate) answer: Mutex<Option<AmdResult>>,
    pub(crate) answering: Mutex<AmdPolicy>,
    /// What the agent of each call chooses.
    pub(crate) vendors: Mutex<VendorChoice>,
}

impl Memory {
    fn note(&self, what: String) {
        self.log.send_modify(|log| log.push(what));
    }

    fn snapshot(&self, tenant_id: TenantId, call_id: CallId) -> CallSnapshot {
        let mut snapshot = snapshot(tenant_id, call_id);
        snapshot.answering = self.answering.lock().unwrap().clone();
        snapshot.agent.vendors = self.vendors.lock().unwrap().clone();
        snapshot
    }

    /// Waits until `what` was written down.
    pub(crate) async fn reaches(&self, what: &str) {
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
                    snapshot: self.snapshot(hello.tenant_id, hello.call_id),
                    history: Vec::new(),
                    elapsed: Duration::ZERO,
                    checkpoint: None,
                    verdict: None,
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
        match record {
            Record::Opened => self.note(format!("{} opened", session.call_id.unix_ms())),
            Record::OptOut(how) => {
                self.note(format!("{} opted out {how:?}", session.call_id.unix_ms()));
            }
            Record::Line(report) => {
                let side = report.silent_side.map_or("both heard", SilentSide::code);
                self.note(format!("{} line {side}", session.call_id.unix_ms()));
            }
            Record::Turn(turn) | Record::LateTurns(turn) => {
                self.turns.lock().unwrap().push(Turn::clone(&turn));
            }
        }
        Box::pin(std::future::ready(Ok(())))
    }

    fn close(
        &self,
        session: Arc<SessionKey>,
        outcome: Option<Outcome>,
        found: Found,
    ) -> BoxFuture<'static, Result<(), MediaError>> {
        *self.answer.lock().unwrap() = found.answer;
        let outcome = outcome.map_or("nothing", Outcome::code);
        self.note(format!(
            "{} closed with {outcome}",
            session.call_id.unix_ms()
        ));
        Box::pin(std::future::ready(Ok(())))
    }

    fn verdict(
        &self,
        _session: Arc<SessionKey>,
    ) -> BoxFuture<'static, Result<Option<CarrierVerdict>, MediaError>> {
        let verdict = *self.verdict.lock().unwrap();
        Box::pin(std::future::ready(Ok(verdict)))
    }

    fn prepare_hand_over(
        &self,
        _session: Arc<SessionKey>,
        _checkpoint: Checkpoint,
        _line: LineReport,
    ) -> BoxFuture<'static, Result<HandOver, MediaError>> {
        Box::pin(std::future::ready(Err(MediaError::Superseded)))
    }

    fn redirect(
        &self,
        _session: Arc<SessionKey>,
        _to: HandOver,
    ) -> BoxFuture<'static, Result<(), RedirectError>> {
        unreachable!("nothing is prepared")
    }

    fn late_turns(
        &self,
        _session: Arc<SessionKey>,
        _seq: Option<u32>,
    ) -> BoxFuture<'static, Result<Vec<Turn>, MediaError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn record(&self, session: Arc<SessionKey>) -> BoxFuture<'static, Result<(), MediaError>> {
        self.note(format!("{} recorded", session.call_id.unix_ms()));
        Box::pin(std::future::ready(Ok(())))
    }

    fn hang_up(&self, session: Arc<SessionKey>) -> BoxFuture<'static, Result<(), MediaError>> {
        self.note(format!("{} hung up", session.call_id.unix_ms()));
        Box::pin(std::future::ready(Ok(())))
    }
}

fn snapshot(tenant_id: TenantId, call_id: CallId) -> CallSnapshot {
    CallSnapshot {
        tenant_id,
        call_id,
        ..support::snapshot()
    }
}

pub(crate) fn token(number: u64) -> TokenId {
    TokenId::from_parts(number, 7)
}

/// A worker on a port of its own, with vendors that accept connections and never answer.
pub(crate) struct Scene {
    pub(crate) worker: Worker,
    pub(crate) control: Arc<Memory>,
    address: SocketAddr,
    _silent_vendors: TcpListener,
}

impl Scene {
    pub(crate) async fn new(calls_max: usize) -> Self {
        Self::with(&[
            ("TRUNKLINE_WORKER_CALLS_MAX", &calls_max.to_string()),
            ("TRUNKLINE_WORKER_DRAIN_SECONDS", "0"),
        ])
        .await
    }

    pub(crate) async fn with(variables: &[(&str, &str)]) -> Self {
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
            turns: Mutex::new(Vec::new()),
            verdict: Mutex::new(None),
            answer: Mutex::new(None),
            answering: Mutex::new(AmdPolicy::default()),
            vendors: Mutex::default(),
        });
        let metrics = metrics();
        let worker = Worker::start(WorkerParts {
            settings: settings.worker.clone(),
            media_socket: format!("ws://{address}/media/twilio").parse().unwrap(),
            account_id: ACCOUNT.to_owned(),
            codec: &MediaStreams,
            signatures: Signatures::Twilio(Tokens::new(Secret::new(TOKEN.to_owned()))),
            control: Arc::clone(&control) as Arc<dyn Control>,
            recognizers: Recognizers::new(&settings).unwrap(),
            models: Models::new(&settings).unwrap(),
            synthesizers: Synthesizers::new(&settings).unwrap(),
            tools: Tools::default(),
            enlisted: None,
            metrics: Some(metrics),
        });
        let router = worker.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            worker,
            control,
            address,
            _silent_vendors: vendors,
        }
    }

    /// Asks for a media socket; the status where it is refused.
    pub(crate) async fn dial(&self, signature: Option<&str>) -> Result<Carrier, u16> {
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

    pub(crate) async fn carrier(&self) -> Carrier {
        self.dial(Some(&self.signature())).await.unwrap()
    }

    /// A call that is on, with the token and id of this number.
    pub(crate) async fn call(&self, number: u64) -> Carrier {
        let mut carrier = self.carrier().await;
        carrier
            .says(r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#)
            .await;
        carrier.says(&start(number)).await;
        self.control.reaches(&format!("{number} opened")).await;
        carrier
    }

    pub(crate) fn signature(&self) -> String {
        let url = format!("ws://{}/media/twilio", self.address);
        let none: [(&str, &str); 0] = [];
        signature::sign_form(&Secret::new(TOKEN.to_owned()), &url, &none)
    }

    /// As a container asks.
    pub(crate) async fn check_health(&self) -> anyhow::Result<()> {
        let port = self.address.port();
        let checked = tokio::task::spawn_blocking(move || media_worker::check_health(port));
        checked.await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let url = format!("http://{}{path}", self.address);
        let response = reqwest::get(url).await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// The value of a counter, by its name with labels.
    pub(crate) async fn counted(&self, name: &str) -> u64 {
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
pub(crate) struct Carrier {
    pub(crate) socket: WebSocketStream<TcpStream>,
}

impl Carrier {
    pub(crate) async fn says(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// Twenty milliseconds of silence.
    pub(crate) async fn frame(&mut self, number: u64) {
        let payload = base64_simd::STANDARD.encode_to_string([0xFF; 160]);
        let (sequence, timestamp) = (number + 2, number * 20);
        self.says(&format!(
            r#"{{"event":"media","sequenceNumber":"{sequence}","streamSid":"MZ1","media":{{"track":"inbound","chunk":"{number}","timestamp":"{timestamp}","payload":"{payload}"}}}}"#
        ))
        .await;
    }

    /// The code that the worker closes the socket with.
    pub(crate) async fn closed_with(&mut self) -> CloseCode {
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
    pub(crate) async fn is_alive(&mut self) {
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

pub(crate) fn start(number: u64) -> String {
    start_with(number, token(number), ACCOUNT, 8_000)
}

pub(crate) fn start_with(number: u64, token: TokenId, account: &str, rate: u32) -> String {
    let tenant = TenantId::from_parts(0, 0);
    let call = CallId::from_parts(number, 0);
    format!(
        r#"{{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{{"streamSid":"MZ1","accountSid":"{account}","callSid":"CA1","tracks":["inbound"],"customParameters":{{"tenant_id":"{tenant}","call_id":"{call}","token":"{token}"}},"mediaFormat":{{"encoding":"audio/x-mulaw","sampleRate":{rate},"channels":1}}}}}}"#
    )
}

pub(crate) const CONNECTED: &str = r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#;

/// What a stream of the call with this number brings.
pub(crate) fn parameters(number: u64) -> Vec<(String, String)> {
    let parameters = [
        ("tenant_id", TenantId::from_parts(0, 0).to_string()),
        ("call_id", CallId::from_parts(number, 0).to_string()),
        ("token", token(number).to_string()),
    ];
    let parameters = parameters.into_iter();
    parameters
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
