//! Whole sessions on virtual time: the carrier is a pipe in memory, the greeting comes from the cache,
//! and no vendor answers.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Mutex;

use base64_simd::STANDARD;
use bytes::{Bytes, BytesMut};
use carrier::media::{Inbound, MediaProblem};
use carrier::twilio::media::MediaStreams;
use futures_util::future::BoxFuture;
use futures_util::{SinkExt as _, StreamExt as _};
use model::{AmdResult, CallId, CallSnapshot, CarrierVerdict, Outcome, TenantId};
use providers::stt::Recognizers;
use providers::tts::Synthesizers;
use serde_json::Value;
use settings::Settings;
use tokio::io::DuplexStream;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Message, protocol::Role};

use super::*;
use crate::admission::DrainStage;
use crate::session::turn_writer::Record;
use crate::stt_leg::Listening;
use crate::timers::Timers;
use crate::tts_leg::Voice;
use crate::tts_leg::speech_cache::{Speech, SpeechCache, SpeechKey};

const GREETING: &str = "Hello.";

/// A call whose greeting takes this many seconds.
struct Scene {
    carrier: WebSocketStream<DuplexStream>,
    session: JoinHandle<Report>,
    admission: Arc<Admission>,
    timers: Arc<Timers>,
    /// Vendors that accept connections and never answer.
    vendors: TcpListener,
    stored: Arc<Mutex<Vec<Record>>>,
}

/// A carrier that never says what it has played.
#[derive(Debug)]
struct WithoutMarks;

impl MediaCodec for WithoutMarks {
    fn decode<'a>(&self, text: &'a str) -> Result<Inbound<'a>, MediaProblem> {
        MediaStreams.decode(text)
    }

    fn encode_media(&self, stream_id: &str, audio: &[u8], into: &mut BytesMut) {
        MediaStreams.encode_media(stream_id, audio, into);
    }

    fn has_marks(&self) -> bool {
        false
    }

    fn encode_mark(&self, _stream_id: &str, _name: &str, _into: &mut BytesMut) {}

    fn encode_clear(&self, stream_id: &str, into: &mut BytesMut) {
        MediaStreams.encode_clear(stream_id, into);
    }
}

struct Report {
    ending: Ending,
    /// How often the task was polled.
    wakes: u64,
    ended_after: Duration,
}

async fn scene(greeting_s: usize, pipe_bytes: usize) -> Scene {
    scene_at(&MediaStreams, greeting_s, pipe_bytes).await
}

/// A call at a carrier that writes its messages so.
async fn scene_at(codec: &'static dyn MediaCodec, greeting_s: usize, pipe_bytes: usize) -> Scene {
    let vendors = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", vendors.local_addr().unwrap());
    let variables: BTreeMap<String, String> = [
        ("DEEPGRAM_API_KEY", "key"),
        ("DEEPGRAM_BASE_URL", &url),
        ("OPENAI_API_KEY", "key"),
        ("OPENAI_BASE_URL", &url),
        ("ELEVENLABS_API_KEY", "key"),
        ("ELEVENLABS_BASE_URL", &url),
        ("ELEVENLABS_VOICE_ID", "voice"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    let settings = Settings::from_variables(&variables).unwrap();
    let cache = Arc::new(SpeechCache::new(16_000_000));
    cache.keep(
        SpeechKey {
            vendor: "elevenlabs",
            voice: None,
            language: "en".to_owned(),
            text: GREETING.to_owned(),
        },
        Speech {
            audio: Bytes::from(vec![0x55; greeting_s * 8_000]),
            alignment: None,
        },
    );
    let stored: Arc<Mutex<Vec<Record>>> = Arc::default();
    let (ours, theirs) = tokio::io::duplex(pipe_bytes);
    let carrier = WebSocketStream::from_raw_socket(theirs, Role::Client, None).await;
    let timers = Timers::new();
    tokio::spawn(Arc::clone(&timers).drive());
    let admission = Admission::new(1);
    let started = Instant::now();
    let meters = Arc::new(Meters::new());
    let routes = conversation::Routes {
        recognition: 1,
        generation: 1,
        synthesis: 1,
    };
    let mut session = Session::new(SessionParts {
        socket: CarrierSocket::wrapped(ours),
        started,
        began: CallTime::ZERO,
        late_turns: None,
        codec,
        stream_id: "MZ1".to_owned(),
        key: Arc::new(SessionKey {
            tenant_id: TenantId::from_parts(0, 0),
            call_id: CallId::from_parts(0, 0),
            session: 1,
            carrier_call_id: "CA1".to_owned(),
        }),
        call: conversation::Conversation::new(
            &snapshot(),
            routes,
            conversation::EarlierSessions::default(),
        ),
        ear: SttLeg::new(
            codec,
            Recognizers::new(&settings).unwrap(),
            Listening {
                language: "en".to_owned(),
                endpointing_ms: 300,
                tag: String::new(),
            },
        ),
        tts: TtsLeg::new(
            Synthesizers::new(&settings).unwrap(),
            cache,
            Arc::clone(&meters),
            Voice {
                id: None,
                language: "en".to_owned(),
            },
        ),
        models: Models::new(&settings).unwrap(),
        model: None,
        prompt_cache_key: String::new(),
        tools: Tools::default(),
        turns: TurnWriter::new({
            let stored = Arc::clone(&stored);
            move |record| {
                stored.lock().unwrap().push(record);
                Box::pin(std::future::ready(Ok(())))
            }
        }),
        control: Arc::new(NoControl),
        timer: timers.slot(),
        admission: Arc::clone(&admission),
        meters,
    });
    let session = tokio::spawn(async move {
        let mut wakes = 0;
        let ending = poll_fn(|cx| {
            wakes += 1;
            session.poll(cx)
        })
        .await;
        Report {
            ending,
            wakes,
            ended_after: started.elapsed(),
        }
    });
    Scene {
        carrier,
        session,
        admission,
        timers,
        vendors,
        stored,
    }
}

fn snapshot() -> CallSnapshot {
    let mut snapshot = support::snapshot();
    GREETING.clone_into(&mut snapshot.prompt.greeting);
    snapshot
}

fn silence(frame: u64) -> Message {
    let payload = STANDARD.encode_to_string([0xFF; 160]);
    let (sequence, timestamp) = (frame + 2, frame * 20);
    Message::text(format!(
        r#"{{"event":"media","sequenceNumber":"{sequence}","streamSid":"MZ1","media":{{"track":"inbound","chunk":"1","timestamp":"{timestamp}","payload":"{payload}"}}}}"#
    ))
}

/// What the carrier is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    Audio(usize),
    Mark,
    Clear,
}

fn said(message: &Message) -> Said {
    let message: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
    match message["event"].as_str().unwrap() {
        "media" => {
            let payload = message["media"]["payload"].as_str().unwrap();
            Said::Audio(STANDARD.decode_to_vec(payload).unwrap().len())
        }
        "mark" => Said::Mark,
        "clear" => Said::Clear,
        other => panic!("{other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_agent_is_a_fifth_of_a_second_ahead_and_never_late() {
    let Scene {
        mut carrier,
        session,
        vendors: _silent,
        ..
    } = scene(8, 64 * 1024).await;
    let started = Instant::now();
    let mut sent_ms = 0_u64;
    let mut messages = 0_u32;
    let mut begun: Option<Instant> = None;
    for frame in 0..420 {
        carrier.send(silence(frame)).await.unwrap();
        let until = started + Duration::from_millis((frame + 1) * 20);
        while let Ok(message) = tokio::time::timeout_at(until, carrier.next()).await {
            let Said::Audio(bytes) = said(&message.unwrap().unwrap()) else {
                continue;
            };
            let begun = *begun.get_or_insert_with(Instant::now);
            let played_ms = u64::try_from(begun.elapsed().as_millis()).unwrap();
            assert!(
                sent_ms >= played_ms,
                "the carrier ran dry at {played_ms} ms"
            );
            sent_ms += bytes as u64 / 8;
            messages += 1;
            assert!(
                sent_ms <= played_ms + 200 + 1,
                "{sent_ms} at {played_ms} ms"
            );
        }
    }
    assert_eq!(sent_ms, 8_000);
    assert_eq!(messages, 80);
    carrier.close(None).await.unwrap();
    let report = session.await.unwrap();
    // One wake for each frame of the customer's; pacing mostly needs none of its own. Vendors that
    // never answer cost a few.
    assert!(report.wakes < 480, "{} wakes", report.wakes);
}

/// The turns stored while the customer is silent for so long, each as it is said to have been heard.
async fn heard_without_marks(greeting_s: usize, listened: Duration) -> Vec<(String, bool)> {
    let Scene {
        mut carrier,
        session,
        stored,
        vendors: _silent,
        ..
    } = scene_at(&WithoutMarks, greeting_s, 64 * 1024).await;
    let started = Instant::now();
    for frame in 0.. {
        let until = started + Duration::from_millis((frame + 1) * 20);
        if until > started + listened {
            break;
        }
        carrier.send(silence(frame)).await.unwrap();
        while let Ok(message) = tokio::time::timeout_at(until, carrier.next()).await {
            assert_ne!(said(&message.unwrap().unwrap()), Said::Mark);
        }
    }
    carrier.close(None).await.unwrap();
    session.await.unwrap();
    let stored = stored.lock().unwrap();
    let turns = stored.iter().filter_map(|record| match record {
        Record::Turn(turn) => Some((turn.text.clone(), turn.interrupted)),
        Record::Opened | Record::LateTurns(_) | Record::OptOut(_) => None,
    });
    turns.collect()
}

#[tokio::test(start_paused = true)]
async fn a_carrier_without_marks_gets_its_heard_text_by_the_playback_clock() {
    let whole = heard_without_marks(2, Duration::from_millis(2_500)).await;
    assert_eq!(whole.first(), Some(&(GREETING.to_owned(), false)));
    // All of it is sent a fifth of a second before it is played: that is not heard yet.
    let cut = heard_without_marks(2, Duration::from_millis(1_900)).await;
    assert_ne!(cut.first(), Some(&(GREETING.to_owned(), false)));
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_says_nothing_is_gone_after_five_seconds() {
    let Scene {
        carrier,
        session,
        vendors: _silent,
        ..
    } = scene(1, 64 * 1024).await;
    let report = session.await.unwrap();
    let late = report.ended_after.checked_sub(CARRIER_SILENCE_MAX).unwrap();
    assert!(late < Duration::from_millis(20), "{late:?}");
    assert_eq!(
        report.ending,
        Ending {
            outcome: None,
            handed_over: false,
            carrier: Some(CarrierClosed::Lost),
            close_reason: CloseReason::Done,
        }
    );
    drop(carrier);
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_does_not_read_gets_a_clear_and_not_the_rest_of_the_words() {
    // The pipe holds a tenth of a second of speech.
    let Scene {
        carrier,
        session,
        vendors: _silent,
        ..
    } = scene(30, 1_024).await;
    let (mut speaking, mut reading) = carrier.split();
    // Nobody reads for ten seconds.
    let mut frame = 0;
    while frame < 500 {
        speaking.send(silence(frame)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        frame += 1;
    }
    let mut heard = Vec::new();
    for _ in 0..250 {
        speaking.send(silence(frame)).await.unwrap();
        frame += 1;
        let until = Instant::now() + Duration::from_millis(20);
        while let Ok(message) = tokio::time::timeout_at(until, reading.next()).await {
            heard.push(said(&message.unwrap().unwrap()));
        }
    }
    let clear = heard.iter().position(|said| *said == Said::Clear).unwrap();
    let before: usize = heard[..clear]
        .iter()
        .map(|said| match said {
            Said::Audio(bytes) => *bytes,
            Said::Mark | Said::Clear => 0,
        })
        .sum();
    // What the buffer's limit holds, and no more.
    assert!((8_000..32_000).contains(&before), "{before} bytes");
    assert_eq!(heard[clear + 1..], [], "the utterance went on");
    drop((speaking, reading));
    session.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_stops_leaves_the_call_to_be_resumed_at_once() {
    let Scene {
        mut carrier,
        session,
        admission,
        timers,
        vendors: _silent,
        ..
    } = scene(1, 64 * 1024).await;
    carrier.send(silence(0)).await.unwrap();
    admission.advance(DrainStage::Draining);
    timers.wake_all();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!session.is_finished());
    admission.advance(DrainStage::Expired);
    timers.wake_all();
    let report = session.await.unwrap();
    assert_eq!(
        report.ending,
        Ending {
            outcome: None,
            handed_over: false,
            carrier: None,
            close_reason: CloseReason::GoingAway,
        }
    );
}

#[tokio::test(start_paused = true)]
async fn a_worker_whose_installation_stops_ends_the_call_for_good() {
    let Scene {
        mut carrier,
        session,
        admission,
        timers,
        vendors: _silent,
        ..
    } = scene(1, 64 * 1024).await;
    carrier.send(silence(0)).await.unwrap();
    admission.advance(DrainStage::Draining);
    admission.advance(DrainStage::Closing);
    timers.wake_all();
    let report = session.await.unwrap();
    assert_eq!(report.ending.outcome, Some(Outcome::PlatformFailed));
}

#[test]
fn a_session_is_small() {
    // Beside it a call has its sockets' buffers and the replay of the customer's last words.
    let bytes = size_of::<Session>();
    assert!(bytes <= 3_000, "{bytes} bytes");
}

/// A control plane that this session does not ask.
#[derive(Debug)]
struct NoControl;

impl Control for NoControl {
    fn open(
        &self,
        _hello: crate::carrier_leg::handshake::Hello,
    ) -> BoxFuture<
        'static,
        Result<service::call::media::MediaSession, service::call::media::OpenError>,
    > {
        unreachable!("the session is open")
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
        _outcome: Option<Outcome>,
        _answer: Option<AmdResult>,
    ) -> BoxFuture<'static, Result<(), MediaError>> {
        Box::pin(std::future::ready(Ok(())))
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
        _checkpoint: model::Checkpoint,
    ) -> BoxFuture<'static, Result<service::call::media::HandOver, MediaError>> {
        Box::pin(std::future::ready(Err(MediaError::Superseded)))
    }

    fn redirect(
        &self,
        _session: Arc<SessionKey>,
        _to: service::call::media::HandOver,
    ) -> BoxFuture<'static, Result<(), service::call::media::RedirectError>> {
        unreachable!("nothing is prepared")
    }

    fn late_turns(
        &self,
        _session: Arc<SessionKey>,
        _seq: Option<u32>,
    ) -> BoxFuture<'static, Result<Vec<model::Turn>, MediaError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn record(&self, _session: Arc<SessionKey>) -> BoxFuture<'static, Result<(), MediaError>> {
        unreachable!("no notice is said")
    }

    fn hang_up(&self, _session: Arc<SessionKey>) -> BoxFuture<'static, Result<(), MediaError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
