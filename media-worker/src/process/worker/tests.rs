//! Calls around their sessions, on virtual time: the carrier is a pipe in memory, and no vendor is there.

use std::sync::Mutex;

use carrier::twilio::media::MediaStreams;
use carrier::twilio::signature::Tokens;
use conversation::{Failure, FailureKind, Generate, Generation, Synthesis, UtteranceId};
use futures_util::future::BoxFuture;
use futures_util::{SinkExt as _, StreamExt as _};
use model::{CallId, CarrierVerdict, Checkpoint, LineReport, Outcome, TenantId, TokenId, Turn};
use providers::llm::{self, GenerationStream, Tuning};
use providers::stt::{self, Recognizer, RecognizerConfig};
use providers::tts::{self, Synthesizer};
use service::call::media::{Found, HandOver, RedirectError, SessionKey};
use settings::Secret;
use std::collections::BTreeMap;
use std::task::{Context, Poll};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Message, protocol::Role};

use super::*;
use crate::session::turn_writer::Record;

/// What happens in order.
type Told = Arc<Mutex<Vec<&'static str>>>;

/// A table that takes an end after so long, and a carrier that hangs up when it is asked.
#[derive(Debug)]
struct Slow {
    table: Duration,
    told: Told,
}

impl Control for Slow {
    fn open(&self, hello: Hello) -> BoxFuture<'static, Result<MediaSession, OpenError>> {
        let session = MediaSession {
            key: SessionKey {
                tenant_id: hello.tenant_id,
                call_id: hello.call_id,
                session: 1,
                carrier_call_id: hello.carrier_call_id,
            },
            snapshot: support::snapshot(),
            history: Vec::new(),
            elapsed: Duration::ZERO,
            checkpoint: None,
            verdict: None,
        };
        Box::pin(std::future::ready(Ok(session)))
    }

    fn store(
        &self,
        _session: Arc<SessionKey>,
        _record: Record,
    ) -> BoxFuture<'static, Result<(), MediaError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn close(
        &self,
        _session: Arc<SessionKey>,
        outcome: Option<Outcome>,
        _found: Found,
    ) -> BoxFuture<'static, Result<(), MediaError>> {
        let (told, table) = (Arc::clone(&self.told), self.table);
        Box::pin(async move {
            tokio::time::sleep(table).await;
            assert_eq!(outcome, Some(Outcome::VendorFailed));
            told.lock().unwrap().push("stored");
            Ok(())
        })
    }

    fn verdict(
        &self,
        _session: Arc<SessionKey>,
    ) -> BoxFuture<'static, Result<Option<CarrierVerdict>, MediaError>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn prepare_hand_over(
        &self,
        _session: Arc<SessionKey>,
        _checkpoint: Checkpoint,
        _line: LineReport,
    ) -> BoxFuture<'static, Result<HandOver, MediaError>> {
        unreachable!("nobody stops")
    }

    fn redirect(
        &self,
        _session: Arc<SessionKey>,
        _to: HandOver,
    ) -> BoxFuture<'static, Result<(), RedirectError>> {
        unreachable!("nobody stops")
    }

    fn late_turns(
        &self,
        _session: Arc<SessionKey>,
        _seq: Option<u32>,
    ) -> BoxFuture<'static, Result<Vec<Turn>, MediaError>> {
        unreachable!("nobody stopped")
    }

    fn record(&self, _session: Arc<SessionKey>) -> BoxFuture<'static, Result<(), MediaError>> {
        unreachable!("no notice is said")
    }

    fn hang_up(&self, _session: Arc<SessionKey>) -> BoxFuture<'static, Result<(), MediaError>> {
        let told = Arc::clone(&self.told);
        Box::pin(async move {
            told.lock().unwrap().push("hung up");
            Ok(())
        })
    }
}

/// Vendors that are not there.
struct Nobody;

fn refused() -> Failure {
    Failure {
        vendor: "nobody".into(),
        kind: FailureKind::Refused,
    }
}

impl stt::Vendor for Nobody {
    fn name(&self) -> &'static str {
        "nobody"
    }

    fn connect(
        &self,
        _config: RecognizerConfig,
    ) -> BoxFuture<'static, Result<Box<dyn Recognizer>, Failure>> {
        Box::pin(std::future::ready(Err(refused())))
    }
}

impl llm::Vendor for Nobody {
    fn name(&self) -> &'static str {
        "nobody"
    }

    fn generate(&self, _request: &Generate, _tuning: Tuning<'_>) -> Box<dyn GenerationStream> {
        Box::new(Self)
    }

    fn warm(&self) {}
}

impl GenerationStream for Nobody {
    fn poll_event(&mut self, _cx: &mut Context<'_>) -> Poll<Generation> {
        Poll::Ready(Generation::Failed(refused()))
    }
}

impl tts::Vendor for Nobody {
    fn name(&self) -> &'static str {
        "nobody"
    }

    fn open(&self, _voice: Option<&str>, _language: &str) -> Box<dyn Synthesizer> {
        Box::new(Mute(None))
    }
}

/// Fails at whatever it is to say.
struct Mute(Option<UtteranceId>);

impl Synthesizer for Mute {
    fn speak(&mut self, utterance: UtteranceId, _text: &str) {
        self.0 = Some(utterance);
    }

    fn finish(&mut self, _utterance: UtteranceId) {}

    fn cancel(&mut self, _utterance: UtteranceId) {
        self.0 = None;
    }

    fn poll_event(&mut self, _cx: &mut Context<'_>) -> Poll<(UtteranceId, Synthesis)> {
        match self.0.take() {
            Some(utterance) => Poll::Ready((utterance, Synthesis::Failed(refused()))),
            None => Poll::Pending,
        }
    }
}

/// A call that no vendor can serve, whose end the table takes after so long: what happened, in order.
async fn ends(table: Duration) -> Vec<&'static str> {
    let told = Told::default();
    let worker = Worker::start(WorkerParts {
        settings: settings::Settings::from_variables(&BTreeMap::new())
            .unwrap()
            .worker,
        media_socket: "wss://media.example.com/media/twilio".parse().unwrap(),
        account_id: "AC1".to_owned(),
        codec: &MediaStreams,
        signatures: Signatures::Twilio(Tokens::new(Secret::new("token".to_owned()))),
        control: Arc::new(Slow {
            table,
            told: Arc::clone(&told),
        }),
        recognizers: Recognizers::of(Arc::new(Nobody)),
        models: Models::of(Arc::new(Nobody)),
        synthesizers: Synthesizers::of(Arc::new(Nobody)),
        tools: Tools::default(),
        enlisted: None,
        metrics: None,
    });
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let call = tokio::spawn(async move { worker.serve_connection(ours).await });
    let mut carrier = WebSocketStream::from_raw_socket(theirs, Role::Client, None).await;
    let start = serde_json::json!({
        "event": "start", "sequenceNumber": "1", "streamSid": "MZ1",
        "start": {
            "streamSid": "MZ1", "accountSid": "AC1", "callSid": "CA1", "tracks": ["inbound"],
            "customParameters": {
                "tenant_id": TenantId::from_parts(0, 0).to_string(),
                "call_id": CallId::from_parts(0, 0).to_string(),
                "token": TokenId::from_parts(0, 0).to_string(),
            },
            "mediaFormat": { "encoding": "audio/x-mulaw", "sampleRate": 8_000, "channels": 1 },
        },
    });
    let connected = r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#;
    carrier.send(Message::text(connected)).await.unwrap();
    carrier
        .send(Message::text(start.to_string()))
        .await
        .unwrap();
    while let Some(Ok(message)) = carrier.next().await {
        if message.is_close() {
            told.lock().unwrap().push("closed");
        }
    }
    call.await.unwrap().unwrap();
    let told = told.lock().unwrap();
    told.clone()
}

#[tokio::test(start_paused = true)]
async fn an_end_is_stored_before_the_socket_closes_and_the_carrier_hangs_up_by_itself() {
    assert_eq!(ends(Duration::from_millis(20)).await, ["stored", "closed"]);
}

/// Somebody who was said goodbye to does not hear that the line was gone.
#[tokio::test(start_paused = true)]
async fn a_call_whose_end_the_table_does_not_take_is_hung_up_before_its_socket_closes() {
    let told = ends(Duration::from_secs(8)).await;
    assert_eq!(told, ["hung up", "closed", "stored"]);
}
