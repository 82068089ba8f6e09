//! The product's own carrier client and codecs against the simulated carrier: what one writes, the
//! other reads.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::extract::{OriginalUri, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use bytes::{Bytes, BytesMut};
use carrier::twilio::client::{
    Channels, Client, ClientConfig, CreateCall, CreateError, ListCalls, MachineDetection,
    MachineDetectionMode, Recording, RefusalKind, RequestError,
};
use carrier::twilio::media::{self, Inbound};
use carrier::twilio::signature::{Tokens, verify_form, verify_websocket};
use carrier::twilio::twiml::{Stream, connect_stream};
use carrier::twilio::webhook::{AmdCallback, RecordingCallback, StatusCallback, StreamCallback};
use carrier::twilio::{CallStatus, RecordingStatus, webhook};
use expect_test::expect;
use http::{HeaderMap, StatusCode, header};
use settings::Secret;
use sim::carriers::twilio::{Config, Directory, Faults, Server, Timing};
use sim::voice::{Heard, Listener, Voice, speak};
use tokio::net::TcpListener;
use url::Url;

const SID: &str = "AC00000000000000000000000000000001";
const TOKEN: &str = "12345";
const SOON: Duration = Duration::from_secs(20);

#[derive(Clone)]
struct Receiver {
    base: String,
    told: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            base: format!("http://{}", listener.local_addr().unwrap()),
            told: Arc::default(),
        };
        let router = Router::new()
            .route("/{kind}", post(Self::hook))
            .route("/media", get(Self::media))
            .with_state(receiver.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        receiver
    }

    fn url(&self, path: &str) -> Url {
        format!("{}/{path}", self.base).parse().unwrap()
    }

    #[expect(clippy::unused_async, reason = "handlers are asynchronous")]
    async fn hook(
        State(receiver): State<Self>,
        OriginalUri(uri): OriginalUri,
        headers: HeaderMap,
        body: Bytes,
    ) -> Response {
        let form = webhook::Form::parse(&body).unwrap();
        let signature = headers["x-twilio-signature"].to_str().unwrap();
        let tokens = Tokens::new(Secret::new(TOKEN.to_owned()));
        let url = format!("{}{uri}", receiver.base);
        verify_form(&tokens, &url, form.fields(), Some(signature)).unwrap();
        let told = match uri.path() {
            "/status" => {
                let callback = StatusCallback::try_from(&form).unwrap();
                format!("{} {}", callback.sequence.unwrap(), callback.status)
            }
            "/amd" => format!("{:?}", AmdCallback::try_from(&form).unwrap().answered_by),
            "/recording" => {
                let callback = RecordingCallback::try_from(&form).unwrap();
                assert_eq!(callback.channels, Some(2));
                format!("recording {}", callback.status)
            }
            "/stream" => format!("{:?}", StreamCallback::try_from(&form).unwrap().event),
            _ => {
                lock(&receiver.told).push("resume".to_owned());
                let hang_up = carrier::twilio::twiml::hang_up().as_str().to_owned();
                return ([(header::CONTENT_TYPE, "text/xml")], hang_up).into_response();
            }
        };
        lock(&receiver.told).push(told);
        StatusCode::NO_CONTENT.into_response()
    }

    #[expect(clippy::unused_async, reason = "handlers are asynchronous")]
    async fn media(
        State(receiver): State<Self>,
        headers: HeaderMap,
        upgrade: WebSocketUpgrade,
    ) -> Response {
        let signature = headers["x-twilio-signature"].to_str().unwrap().to_owned();
        let url = format!("{}/media", receiver.base.replace("http", "ws"));
        let tokens = Tokens::new(Secret::new(TOKEN.to_owned()));
        verify_websocket(&tokens, &url, Some(&signature)).unwrap();
        upgrade.on_upgrade(async move |mut socket| {
            let mut sequence = 0;
            let mut next_ms = 0;
            let mut customer = Vec::new();
            let text_of = |buffer: &mut BytesMut| {
                Message::text(String::from_utf8(buffer.split().to_vec()).unwrap())
            };
            let mut buffer = BytesMut::new();
            while let Some(Ok(Message::Text(text))) = socket.recv().await {
                let message = media::decode(&text).unwrap();
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
                            media::encode_media(&start.stream_sid, part, &mut buffer);
                            socket.send(text_of(&mut buffer)).await.unwrap();
                        }
                    }
                    Inbound::Media {
                        timestamp_ms,
                        payload_base64,
                        stream_sid,
                        ..
                    } => {
                        assert_eq!(timestamp_ms, next_ms);
                        next_ms += 20;
                        media::decode_payload(&payload_base64, &mut customer).unwrap();
                        if next_ms == 5_000 {
                            media::encode_clear(&stream_sid, &mut buffer);
                            socket.send(text_of(&mut buffer)).await.unwrap();
                            media::encode_mark(&stream_sid, "u1-s0", &mut buffer);
                            socket.send(text_of(&mut buffer)).await.unwrap();
                        }
                    }
                    Inbound::Mark { name, .. } => {
                        assert_eq!(name, "u1-s0");
                        break;
                    }
                    Inbound::Dtmf { digit, .. } => {
                        lock(&receiver.told).push(format!("key {digit}"));
                    }
                    Inbound::Stop { .. } | Inbound::Unknown => panic!("{text}"),
                }
            }
            let mut words = Vec::new();
            for heard in Listener::new().hear(&customer, 0) {
                if let Heard::Word { text, .. } = heard {
                    words.push(text);
                }
            }
            lock(&receiver.told).push(format!("customer: {}", words.join(" ")));
            let _closed = socket.send(Message::Close(None)).await;
        })
    }

    fn call(&self) -> CreateCall {
        let stream = Stream {
            url: self
                .url("media")
                .as_str()
                .replace("http", "ws")
                .parse()
                .unwrap(),
            status_callback: Some(self.url("stream")),
            parameters: vec![("token".to_owned(), "a<b>&\"c\"".to_owned())],
        };
        CreateCall {
            to: "+14155550100".parse().unwrap(),
            from: "+15005550006".parse().unwrap(),
            twiml: connect_stream(stream, self.url("resume")).unwrap(),
            status_callback: self.url("status"),
            ring_timeout: Some(Duration::from_secs(30)),
            duration_max: Some(Duration::from_secs(600)),
            recording: Some(Recording {
                status_callback: self.url("recording"),
            }),
            machine_detection: Some(MachineDetection::new(
                MachineDetectionMode::Enable,
                self.url("amd"),
            )),
        }
    }
}

fn client_of(server: &Server, token: &str) -> Client {
    Client::new(ClientConfig::new(
        server.url().parse().unwrap(),
        SID.parse().unwrap(),
        Secret::new(token.to_owned()),
    ))
    .unwrap()
}

#[tokio::test]
async fn the_products_client_places_a_call_and_fetches_its_recording() {
    let receiver = Receiver::start().await;
    let script =
        r#"answers after 1 ring | when hears "there" | opens with "It is me." | presses 7"#;
    let server = Server::start(config(script)).await.unwrap();
    let client = client_of(&server, TOKEN);
    let call = client.create_call(&receiver.call()).await.unwrap();
    assert_eq!(
        (call.status, call.queue_ms),
        (Some(CallStatus::Queued), Some(0))
    );
    let view = server.call_over(call.sid.as_str(), SOON).await.unwrap();
    assert_eq!(view.log.heard_text(), "Who is there?");
    assert!(server.settled(SOON).await);
    let mut told = lock(&receiver.told).clone();
    told.sort_unstable();
    expect![[r#"
        0 initiated
        1 ringing
        2 in-progress
        3 completed
        Human
        Started
        Stopped
        customer: It is me.
        key 7
        recording completed
        resume"#]]
    .assert_eq(&told.join("\n"));
    assert_eq!(server.violations(), []);
    assert_eq!(server.notices(), []);

    let call = client.fetch_call(&call.sid).await.unwrap();
    assert_eq!(call.status, Some(CallStatus::Completed));
    assert!(call.duration_seconds.is_some() && call.started_at.is_some());
    let wanted = ListCalls {
        to: call.to.clone(),
        created_since: call.created_at,
        ..ListCalls::default()
    };
    let listed = client.list_calls(&wanted).await.unwrap();
    assert_eq!((listed.items, listed.complete), (vec![call.clone()], true));

    let recordings = client.list_recordings(&call.sid).await.unwrap().items;
    let [recording] = recordings.as_slice() else {
        panic!("{recordings:?}");
    };
    assert_eq!(recording.status, Some(RecordingStatus::Completed));
    let mut media = client
        .recording_media(&recording.sid, Channels::Two)
        .await
        .unwrap();
    let mut bytes = 0;
    while let Some(chunk) = media.chunk().await.unwrap() {
        bytes += chunk.len() as u64;
    }
    assert_eq!(media.content_length, Some(bytes));
    client.delete_recording(&recording.sid).await.unwrap();
    client.delete_recording(&recording.sid).await.unwrap();
    let gone = client.recording_media(&recording.sid, Channels::Two).await;
    let is_gone = |refusal: &RequestError| matches!(refusal, RequestError::Refused(refusal) if refusal.kind() == RefusalKind::NotFound);
    assert!(gone.is_err_and(|refusal| is_gone(&refusal)));
}

#[tokio::test]
async fn the_products_client_knows_what_a_refusal_proves() {
    let receiver = Receiver::start().await;
    let mut config = config("no answer");
    config.numbers = Some(BTreeSet::new());
    let server = Server::start(config).await.unwrap();
    let refused = client_of(&server, TOKEN)
        .create_call(&receiver.call())
        .await;
    assert!(
        matches!(refused, Err(CreateError::Refused(_))),
        "{refused:?}"
    );
    let forbidden = client_of(&server, "wrong")
        .create_call(&receiver.call())
        .await;
    assert!(
        matches!(forbidden, Err(CreateError::Refused(_))),
        "{forbidden:?}"
    );
    server.set_faults(Faults {
        too_many_requests: 1,
        ..Faults::default()
    });
    let too_many = client_of(&server, TOKEN)
        .create_call(&receiver.call())
        .await;
    assert!(
        matches!(too_many, Err(CreateError::RateLimited { .. })),
        "{too_many:?}"
    );

    let server = Server::start(self::config("no answer")).await.unwrap();
    server.set_faults(Faults {
        lost_create_answers: 1,
        ..Faults::default()
    });
    let client = client_of(&server, TOKEN);
    let lost = client.create_call(&receiver.call()).await;
    assert!(matches!(lost, Err(CreateError::Unknown(_))), "{lost:?}");
    let listed = client
        .list_calls(&ListCalls::default())
        .await
        .unwrap()
        .items;
    assert_eq!(listed.len(), 1, "it was placed");
    let canceled = client.cancel(&listed[0].sid).await.unwrap();
    assert_eq!(canceled.status, Some(CallStatus::Canceled));
}

fn config(person: &str) -> Config {
    let mut config = Config::new(SID, TOKEN, Directory::everybody(person.parse().unwrap()));
    config.calls_per_second = 1_000;
    config.timing = Timing {
        setup: Duration::from_millis(5),
        ring: Duration::from_millis(10),
        timeout_second: Duration::from_secs(1),
        processing: Duration::from_millis(20),
    };
    config
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
