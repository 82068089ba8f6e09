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
use model::{CallId, CallSnapshot, CarrierVerdict, Outcome, SilentSide, TenantId};
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
            audio: Bytes::from([0x55, 0xD5].repeat(greeting_s * 4_000)),
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
    media(frame, &[0xFF; 160])
}

/// A phone in a quiet room.
fn noise(frame: u64) -> Message {
    media(frame, [0xFF, 0x7F, 0xFD, 0x7D].repeat(40).as_slice())
}

fn media(frame: u64, audio: &[u8]) -> Message {
    let payload = STANDARD.encode_to_string(audio);
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
        Record::Opened | Record::LateTurns(_) | Record::OptOut(_) | Record::Line(_) => None,
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

/// What the carrier does while it is talked to.
#[derive(Clone, Copy)]
struct Carrying {
    /// The customer's next frame; none come.
    frame: Option<fn(u64) -> Message>,
    returns_marks: bool,
}

impl Scene {
    /// Carries the call for these frames, and says when what of the line was stored.
    async fn carry(
        &mut self,
        frames: std::ops::Range<u64>,
        how: Carrying,
    ) -> Vec<(u64, LineReport)> {
        let started = Instant::now();
        let mut told = Vec::new();
        let first = frames.start;
        for frame in frames {
            if let Some(made) = how.frame {
                self.carrier.send(made(frame)).await.unwrap();
            } else {
                // So that the carrier counts as alive.
                let foreign = r#"{"event":"mark","sequenceNumber":"1","streamSid":"MZ1","mark":{"name":"?"}}"#;
                if frame % 50 == 0 {
                    self.carrier.send(Message::text(foreign)).await.unwrap();
                }
            }
            let after_ms = (frame - first + 1) * 20;
            let until = started + Duration::from_millis(after_ms);
            while let Ok(message) = tokio::time::timeout_at(until, self.carrier.next()).await {
                let message = message.unwrap().unwrap();
                if how.returns_marks && said(&message) == Said::Mark {
                    let mut mark: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
                    mark["sequenceNumber"] = "1".into();
                    self.carrier
                        .send(Message::text(mark.to_string()))
                        .await
                        .unwrap();
                }
            }
            let mut stored = self.stored.lock().unwrap();
            told.extend(stored.drain(..).filter_map(|record| match record {
                Record::Line(report) => Some((after_ms, report)),
                Record::Opened | Record::Turn(_) | Record::LateTurns(_) | Record::OptOut(_) => None,
            }));
        }
        told
    }
}

#[tokio::test(start_paused = true)]
async fn a_customer_of_whom_nothing_is_heard_is_told_of_within_six_seconds_and_when_they_are() {
    let mut scene = scene(1, 64 * 1024).await;
    let dead = Carrying {
        frame: Some(silence),
        returns_marks: true,
    };
    let told = scene.carry(0..350, dead).await;
    let [(at_ms, report)] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert!((5_000..=6_000).contains(at_ms), "{at_ms}");
    assert_eq!(report.silent_side, Some(SilentSide::Customer));
    let alive = Carrying {
        frame: Some(noise),
        ..dead
    };
    let told = scene.carry(350..450, alive).await;
    let [(at_ms, report)] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert!(*at_ms <= 100, "{at_ms}");
    assert_eq!((report.silent_side, report.session), (None, 1));
    assert!((7_000..7_100).contains(&report.one_way_ms.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_brings_no_audio_or_plays_none_is_told_of_within_six_seconds() {
    let brings_none = Carrying {
        frame: None,
        returns_marks: true,
    };
    let plays_none = Carrying {
        frame: Some(noise),
        returns_marks: false,
    };
    for (how, silent) in [
        (brings_none, SilentSide::Customer),
        (plays_none, SilentSide::Agent),
    ] {
        let told = scene(3, 64 * 1024).await.carry(0..320, how).await;
        let [(at_ms, report)] = told.as_slice() else {
            panic!("{silent:?}: {told:?}");
        };
        assert!((5_000..=6_000).contains(at_ms), "{silent:?}: {at_ms}");
        assert_eq!(report.silent_side, Some(silent));
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_quiet_customer_and_a_line_that_is_well_nothing_is_told() {
    let mut scene = scene(4, 64 * 1024).await;
    let well = Carrying {
        frame: Some(noise),
        returns_marks: true,
    };
    assert_eq!(scene.carry(0..400, well).await, Vec::new());
}

#[tokio::test(start_paused = true)]
async fn a_line_that_loses_every_tenth_frame_is_bad() {
    let mut scene = scene(4, 64 * 1024).await;
    let lossy = Carrying {
        // Its numbers go on, its audio does not.
        frame: Some(|frame| noise(frame + frame / 9)),
        returns_marks: true,
    };
    let told = scene.carry(0..400, lossy).await;
    let [(_at, report)] = told.as_slice() else {
        panic!("{told:?}");
    };
    let (fault, _at) = report.fault.unwrap();
    assert_eq!(fault, model::LineFault::FramesMissing);
    assert_eq!(report.frames_missing, 25);
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
    assert!(bytes <= 3_500, "{bytes} bytes");
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
        _found: service::call::media::Found,
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
        _line: LineReport,
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
