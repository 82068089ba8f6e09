//! Our side of a carrier's calls: webhooks and a media socket that note what they are told.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{OriginalUri, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use bytes::{Bytes, BytesMut};
use callbacks::{Received, WebhookRefusal, Webhooks};
use carrier::call::{CreateCall, MachineDetection, MachineDetectionMode, RecordCall};
use carrier::instructions::Stream;
use carrier::media::{Inbound, MediaCodec};
use carrier::{Connection, Instructions, Signatures};
use http::{HeaderMap, StatusCode};
use sim::voice::{Heard, Listener, Voice, speak};
use tokio::net::TcpListener;
use url::Url;

#[derive(Clone)]
pub(super) struct Receiver {
    base: String,
    webhooks: Arc<dyn Webhooks>,
    signatures: Signatures,
    codec: &'static dyn MediaCodec,
    told: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    /// Believes what is signed as the connection says.
    pub(super) async fn start(connection: &Connection) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            base: format!("http://{}", listener.local_addr().unwrap()),
            webhooks: callbacks::webhooks_of(&connection.signatures),
            signatures: connection.signatures.clone(),
            codec: connection.client.media(),
            told: Arc::default(),
        };
        let router = Router::new()
            .route("/{kind}", post(Self::hook))
            .route("/media", get(Self::media))
            .with_state(receiver.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        receiver
    }

    /// All that it was told, in alphabetical order: callbacks may overtake each other.
    pub(super) fn told_sorted(&self) -> Vec<String> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told = told.clone();
        told.sort_unstable();
        told
    }

    /// A call with everything, whose talk comes here.
    pub(super) fn call(&self) -> CreateCall {
        let stream = Stream {
            url: self.socket().parse().unwrap(),
            status_callback: Some(self.url("stream")),
            parameters: vec![("token".to_owned(), "a<b>&\"c\"".to_owned())],
        };
        let mode = MachineDetectionMode::Start;
        CreateCall {
            to: "+14155550100".parse().unwrap(),
            from: "+15005550006".parse().unwrap(),
            instructions: Instructions::connect(stream, self.url("resume")),
            status_callback: self.url("status"),
            ring_timeout: Some(Duration::from_secs(30)),
            duration_max: Some(Duration::from_secs(600)),
            recording: Some(RecordCall {
                status_callback: self.url("recording"),
            }),
            machine_detection: Some(MachineDetection::new(mode, self.url("amd"))),
        }
    }

    pub(super) fn url(&self, path: &str) -> Url {
        format!("{}/{path}", self.base).parse().unwrap()
    }

    fn socket(&self) -> String {
        format!("{}/media", self.base.replace("http", "ws"))
    }

    fn note(&self, told: String) {
        let mut all = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(told);
    }

    #[expect(clippy::unused_async, reason = "handlers are asynchronous")]
    async fn hook(
        State(receiver): State<Self>,
        OriginalUri(uri): OriginalUri,
        headers: HeaderMap,
        body: Bytes,
    ) -> Response {
        let received = Received {
            url: format!("{}{uri}", receiver.base),
            headers,
            body,
        };
        let kind = uri.path().trim_start_matches('/').to_owned();
        match receiver.read(&kind, &received) {
            Ok(told) => receiver.note(told),
            Err(_refused) => receiver.note(format!("{kind} not believed")),
        }
        if kind == "resume" {
            return receiver.webhooks.answer(&Instructions::hang_up());
        }
        StatusCode::NO_CONTENT.into_response()
    }

    fn read(&self, kind: &str, received: &Received) -> Result<String, WebhookRefusal> {
        Ok(match kind {
            "status" => format!("status {:?}", self.webhooks.status(received)?.status),
            "amd" => format!("verdict {:?}", self.webhooks.amd(received)?.answered_by),
            "recording" => format!("recording {:?}", self.webhooks.recording(received)?.status),
            "stream" => format!("stream {:?}", self.webhooks.stream(received)?.event),
            "resume" => {
                let request = self.webhooks.call_request(received)?;
                let keys = request.keys.map(|keys| format!(" key {keys}"));
                format!("resume {:?}{}", request.direction, keys.unwrap_or_default())
            }
            other => panic!("{other}"),
        })
    }

    #[expect(clippy::unused_async, reason = "handlers are asynchronous")]
    async fn media(
        State(receiver): State<Self>,
        headers: HeaderMap,
        upgrade: WebSocketUpgrade,
    ) -> Response {
        receiver
            .signatures
            .verify_socket(&receiver.socket(), &headers)
            .unwrap();
        upgrade.on_upgrade(async move |socket| receiver.talk(socket).await)
    }

    /// Asks who is there, listens for five seconds, then has what is left emptied and a mark sent back.
    async fn talk(&self, mut socket: WebSocket) {
        let codec = self.codec;
        let (mut sequence, mut next_ms) = (0, 0);
        let mut customer = Vec::new();
        let mut buffer = BytesMut::new();
        while let Some(Ok(Message::Text(text))) = socket.recv().await {
            let message = codec.decode(&text).unwrap();
            if let Some(number) = message.sequence() {
                sequence += 1;
                assert_eq!(number, sequence);
            }
            match message {
                Inbound::Connected => {}
                Inbound::Start(start) => {
                    assert!(start.format.is_mulaw_8k_mono());
                    assert_eq!(start.parameter("token"), Some("a<b>&\"c\""));
                    let speech = speak("Who is there?", &Voice::named("agent"));
                    for part in speech.audio.chunks(800) {
                        codec.encode_media(&start.stream_id, part, &mut buffer);
                        send(&mut socket, &mut buffer).await;
                    }
                }
                Inbound::Media {
                    timestamp_ms,
                    payload_base64,
                    stream_id,
                    ..
                } => {
                    assert_eq!(timestamp_ms, next_ms);
                    next_ms += 20;
                    codec
                        .decode_payload(&payload_base64, &mut customer)
                        .unwrap();
                    if next_ms == 5_000 {
                        codec.encode_clear(&stream_id, &mut buffer);
                        send(&mut socket, &mut buffer).await;
                        if !codec.has_marks() {
                            break;
                        }
                        codec.encode_mark(&stream_id, "u1-s0", &mut buffer);
                        send(&mut socket, &mut buffer).await;
                    }
                }
                Inbound::Mark { name, .. } => {
                    assert_eq!(name, "u1-s0");
                    break;
                }
                Inbound::Dtmf { digit, .. } => self.note(format!("key {digit}")),
                Inbound::Stop { .. } | Inbound::Unknown => panic!("{text}"),
            }
        }
        let mut words = Vec::new();
        for heard in Listener::new().hear(&customer, 0) {
            if let Heard::Word { text, .. } = heard {
                words.push(text);
            }
        }
        self.note(format!("customer: {}", words.join(" ")));
        let _closed = socket.send(Message::Close(None)).await;
    }
}

async fn send(socket: &mut WebSocket, buffer: &mut BytesMut) {
    let text = String::from_utf8(buffer.split().to_vec()).unwrap();
    socket.send(Message::text(text)).await.unwrap();
}
