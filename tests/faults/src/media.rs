//! A thin stand-in for the media worker: opens a session with the token that the stream brings, says hello,
//! listens for some seconds, stores what both sides said, and writes how it ended; or dies in the middle of it.
//!
//! How people and agents talk is the simulation of conversations; here only the session's dealings with the
//! control plane matter, which are the real ones (`service::call::media`). What is stored is what the person
//! heard and said by their own account, as an ideal ear would have it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use model::{
    CallTime, CarrierVerdict, OptOutHow, Outcome, Speaker, Turn, TurnInput, TurnKind, WorkerId,
};
use serde_json::{Value, json};
use service::Ids;
use service::call::media::{Hello, Media, MediaError, OpenError, SessionKey};
use sim::carriers::twilio::CallView;
use sim::person::Experience;
use sim::voice::{Heard, SAMPLES_PER_MS, Voice, speak};
use store::{WorkerRow, WorkerState};
use tokio::sync::mpsc;

use super::carrier::Carrier;
use super::chance::Chance;
use super::clock::TrueTime;
use super::people::People;
use super::plant::Bug;
use super::process::{self, Kind, Plug};
use super::rows::Rows;
use super::tally::Fault;

/// What a worker tries again after storage failed, and how long it waits in between.
const TRIES_MAX: u32 = 6;
const PAUSE: Duration = Duration::from_secs(1);
/// So often of a thousand times the agent says something.
const SPEAKS: u32 = 850;
const GREETING: &str = "Good day.";
/// The voice hurries, and a world takes less time.
const RATE_PERCENT: u32 = 300;
/// Until the last word that was played is heard.
const HEARD_WITHIN: Duration = Duration::from_millis(100);
/// The row of a worker that is gone counts for so long.
const ROW_LIVES_ON: SignedDuration = SignedDuration::from_secs(20);

/// What a stand-in worker is made of.
#[derive(Debug, Clone)]
pub(super) struct WorkersParts {
    pub(super) chance: Chance,
    pub(super) time: TrueTime,
    pub(super) media: Media,
    pub(super) rows_of_workers: store::Workers,
    pub(super) ids: Ids,
    pub(super) carrier: Carrier,
    pub(super) people: People,
    pub(super) rows: Rows,
    pub(super) plug: Plug,
    pub(super) deaths: u32,
    pub(super) bug: Option<Bug>,
}

/// The workers, and the streams that the carrier has opened to them.
#[derive(Debug, Clone)]
pub(super) struct Workers {
    parts: WorkersParts,
    /// The one that takes calls now. Whoever dies is followed by another one.
    worker: Arc<Mutex<Option<WorkerId>>>,
    streams: Arc<Mutex<BTreeMap<String, Stream>>>,
}

type Stream = mpsc::UnboundedSender<Ended>;

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// The carrier is done with it.
    InOrder,
    Cut,
}

/// One session of a call.
struct Session<'a> {
    workers: &'a Workers,
    sid: &'a str,
    key: SessionKey,
    next_seq: u32,
    /// Entries of the person's log that are not this session's, or told already.
    passed: usize,
    /// Words of either side are stored.
    has_words: bool,
}

impl Workers {
    pub(super) fn new(parts: WorkersParts) -> Self {
        Self {
            parts,
            worker: Arc::default(),
            streams: Arc::default(),
        }
    }

    /// The carrier opens a stream: a worker takes it, or none has room.
    pub(super) fn connect(&self, sid: &str) {
        let WorkersParts {
            chance, carrier, ..
        } = &self.parts;
        if chance.strikes(Fault::StreamRefused, 30) {
            carrier.refuse_stream(sid);
            return;
        }
        carrier.with(|core, now| core.stream_opened(sid, now));
    }

    /// A message on the stream: its `start` begins the session.
    pub(super) fn message(
        &self,
        sid: &str,
        text: &str,
    ) -> Option<impl Future<Output = ()> + use<>> {
        if !text.starts_with(r#"{"event":"start""#) && !text.contains(r#""event":"start""#) {
            return None;
        }
        let start: Value = serde_json::from_str(text).unwrap();
        let start = start["start"].clone();
        let (stream, ended) = mpsc::unbounded_channel();
        self.streams
            .lock()
            .unwrap()
            .insert(sid.to_owned(), stream.clone());
        let (workers, sid) = (self.clone(), sid.to_owned());
        Some(async move {
            let WorkersParts {
                chance,
                plug,
                deaths,
                carrier,
                ..
            } = &workers.parts;
            let worker = *workers.worker.lock().unwrap();
            let session = Box::pin(workers.session(&sid, worker, &start, ended));
            let whole = process::run(Kind::Media, chance, plug, *deaths, session).await;
            if whole.is_none() {
                workers.replace(worker).await;
            }
            // Whether it ended or the worker died, the socket is gone.
            let mut streams = workers.streams.lock().unwrap();
            if streams
                .get(&sid)
                .is_some_and(|open| open.same_channel(&stream))
            {
                streams.remove(&sid);
                drop(streams);
                carrier.with(|core, now| core.stream_closed(&sid, now));
            }
        })
    }

    /// The stream is over on the carrier's side.
    pub(super) fn closed(&self, sid: &str, in_order: bool) {
        if let Some(stream) = self.streams.lock().unwrap().remove(sid) {
            let how = if in_order { Ended::InOrder } else { Ended::Cut };
            // A session that is over reads no more.
            let _gone = stream.send(how);
        }
    }

    /// This worker is gone, and another one comes.
    pub(super) async fn replace(&self, gone: Option<WorkerId>) {
        let WorkersParts {
            ids,
            time,
            rows_of_workers,
            ..
        } = &self.parts;
        let new = ids.fresh(WorkerId::from_parts);
        {
            let mut worker = self.worker.lock().unwrap();
            if *worker != gone {
                return;
            }
            *worker = Some(new);
        }
        let row = |id, until| WorkerRow {
            id,
            state: WorkerState::Ready,
            calls: 0,
            calls_max: 1_000,
            until,
            unreached: None,
        };
        if let Some(gone) = gone {
            let until = time.now().checked_add(ROW_LIVES_ON).unwrap();
            rows_of_workers.put(&row(gone, until)).await.unwrap();
        }
        let row = row(new, Timestamp::MAX);
        rows_of_workers.put(&row).await.unwrap();
    }

    /// The worker dies with everything else.
    pub(super) async fn die(&self) {
        let worker = *self.worker.lock().unwrap();
        self.replace(worker).await;
    }

    async fn session(
        &self,
        sid: &str,
        worker: Option<WorkerId>,
        start: &Value,
        mut ended: mpsc::UnboundedReceiver<Ended>,
    ) {
        let WorkersParts {
            chance,
            carrier,
            bug,
            ..
        } = &self.parts;
        let of = |name: &str| start["customParameters"][name].as_str().unwrap();
        let hello = Hello {
            tenant_id: of("tenant_id").parse().unwrap(),
            call_id: of("call_id").parse().unwrap(),
            token: of("token").parse().unwrap(),
            stream_id: "MZ",
            carrier_call_id: sid,
        };
        let media = self.parts.media.clone();
        let media = worker.map_or(media.clone(), |worker| media.of_worker(worker));
        let mut opened = Err(OpenError::Refused);
        for _try in 0..TRIES_MAX {
            opened = media.open(&hello).await;
            if !matches!(opened, Err(OpenError::Store(_))) {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        let Ok(opened) = opened else { return };
        let key = opened.key;
        write(|| media.opened(&key)).await;
        let mut session = Session {
            workers: self,
            sid,
            key,
            next_seq: u32::try_from(opened.history.len()).unwrap(),
            passed: carrier.person(sid).log.entries().len(),
            has_words: !opened.history.is_empty(),
        };
        let (media, key) = (&media, session.key.clone());
        if chance.per_mille(40) {
            write(|| media.opt_out(&key, OptOutHow::Spoken)).await;
            write(|| media.close(&key, Some(Outcome::OptedOut))).await;
            return;
        }
        let mut talks = Box::pin(async {
            let until = chance.ms(1_000..=6_000);
            if *bug == Some(Bug::WordsNobodyHeard) {
                session.store(Speaker::Agent, GREETING.to_owned()).await;
            } else if chance.per_mille(SPEAKS) {
                let lasts = session.speak(start["streamSid"].as_str().unwrap());
                tokio::time::sleep(lasts + HEARD_WITHIN).await;
                session.store_heard().await;
            }
            tokio::time::sleep(until).await;
        });
        let outcome = tokio::select! {
            biased;
            how = ended.recv() => match how {
                Some(Ended::InOrder) | None => Some(Outcome::CustomerHungUp),
                // Whether the call goes on another session will know.
                Some(Ended::Cut) => None,
            },
            () = &mut talks => said(chance),
        };
        drop(talks);
        session.store_heard().await;
        session.store_said().await;
        let outcome = match outcome {
            // Now and then nobody notices before it is over.
            Some(_ended) if chance.per_mille(500) && is_a_machine(media, &key).await => {
                Some(Outcome::Voicemail)
            }
            outcome => outcome,
        };
        let closed = write(|| media.close(&key, outcome)).await;
        if closed && outcome.is_some() && session.has_words && session.is_with_a_person() {
            self.parts.rows.talked(&key.call_id.to_string());
        }
    }
}

/// Whether the carrier has said that a machine answered.
async fn is_a_machine(media: &Media, key: &SessionKey) -> bool {
    let verdict = media.verdict(key).await;
    matches!(
        verdict,
        Ok(Some(
            CarrierVerdict::MachineStart
                | CarrierVerdict::MachineEndBeep
                | CarrierVerdict::MachineEndSilence
                | CarrierVerdict::MachineEndOther
        ))
    )
}

/// How a session ends that nothing cuts short.
fn said(chance: &Chance) -> Option<Outcome> {
    match chance.number(0..=99) {
        0..=84 => Some(Outcome::AgentEnded),
        85..=94 => Some(Outcome::CustomerSilent),
        // The worker drains: another one resumes the call.
        _ => None,
    }
}

impl Session<'_> {
    /// Says hello, and how long that takes.
    fn speak(&self, stream_sid: &str) -> Duration {
        let speech = speak(GREETING, &Voice::new(180).at_rate(RATE_PERCENT));
        let samples = u64::try_from(speech.audio.len()).unwrap();
        let message = json!({
            "event": "media",
            "streamSid": stream_sid,
            "media": { "payload": STANDARD.encode(&speech.audio) },
        });
        let message = message.to_string();
        let carrier = &self.workers.parts.carrier;
        carrier.with(|core, now| core.stream_text(self.sid, &message, now));
        Duration::from_millis(samples / SAMPLES_PER_MS)
    }

    /// Stores what the person has heard of us in this session.
    async fn store_heard(&mut self) {
        let view = self.view();
        let entries = view.log.entries().iter().skip(self.passed);
        let words = entries.filter_map(|entry| match entry {
            Experience::Heard(Heard::Word { text, .. }) => Some(text.as_str()),
            Experience::Heard(
                Heard::Garbled { .. }
                | Heard::Cut { .. }
                | Heard::SpeechStarted { .. }
                | Heard::SpeechStopped { .. },
            )
            | Experience::Said { .. }
            | Experience::Pressed { .. }
            | Experience::Beeped { .. }
            | Experience::HungUp { .. } => None,
        });
        let words: Vec<&str> = words.collect();
        if !words.is_empty() && self.next_seq == 0 {
            self.store(Speaker::Agent, words.join(" ")).await;
        }
    }

    /// Stores what the person has said to its end in this session.
    async fn store_said(&mut self) {
        let view = self.view();
        let now = self.workers.parts.time.now();
        let on_for = view
            .answered_at
            .map(|answered| now.duration_since(answered));
        let on_for = on_for.map_or(0, |on_for| u64::try_from(on_for.as_millis()).unwrap_or(0));
        let entries = view.log.entries().iter().skip(self.passed);
        let said = entries.filter_map(|entry| match entry {
            Experience::Said { text, end, .. } if end / SAMPLES_PER_MS <= on_for => {
                Some(text.as_str())
            }
            Experience::Said { .. }
            | Experience::Heard(_)
            | Experience::Pressed { .. }
            | Experience::Beeped { .. }
            | Experience::HungUp { .. } => None,
        });
        let said: Vec<&str> = said.collect();
        if !said.is_empty() {
            self.store(Speaker::Customer, said.join(" ")).await;
        }
    }

    async fn store(&mut self, speaker: Speaker, text: String) {
        let turn = Turn {
            seq: self.next_seq,
            speaker,
            kind: match speaker {
                Speaker::Agent => TurnKind::Greeting,
                Speaker::Customer => TurnKind::Talk,
            },
            text,
            intended: None,
            interrupted: false,
            input: TurnInput::Speech,
            started_at: CallTime::ZERO,
            ended_at: CallTime::ZERO,
            tools: Vec::new(),
            waterfall: None,
        };
        let media = &self.workers.parts.media;
        if write(|| media.store_turn(&self.key, &turn)).await {
            self.next_seq += 1;
            self.has_words = true;
        }
    }

    fn is_with_a_person(&self) -> bool {
        self.workers.parts.people.is_person(&self.view().to)
    }

    fn view(&self) -> CallView {
        self.workers.parts.carrier.person(self.sid)
    }
}

/// Writes, and tries again while storage fails; whether it is written. What still fails is left to the sweeper.
async fn write<F>(act: impl Fn() -> F) -> bool
where
    F: Future<Output = Result<(), MediaError>>,
{
    for _try in 0..TRIES_MAX {
        match act().await {
            Ok(()) => return true,
            Err(MediaError::Superseded | MediaError::Carrier(_)) => return false,
            Err(MediaError::Unavailable(_)) => tokio::time::sleep(PAUSE).await,
        }
    }
    false
}
