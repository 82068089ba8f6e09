//! The media workers themselves: they enlist, take the carrier's sockets, talk, stop, die and come back.
//!
//! A worker is the product's own (`media_worker::Worker`), with its real session, core and dealings with the
//! control plane; its vendors are in memory ([`super::vendors`]) and its socket is a pipe. Between the
//! carrier and the workers stands a balancer that knows late who is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use jiff::SignedDuration;
use media_worker::{Worker, WorkerParts};
use serde_json::Value;
use service::Context;
use service::dialing::workforce::Enlisted;
use settings::Settings;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_util::sync::CancellationToken;

use super::carrier::Carrier;
use super::chance::Chance;
use super::offence::Offence;
use super::plant::Bug;
use super::process::{self, Kind, Plug};
use super::rows::Rows;
use super::tally::Fault;
use super::vendors;
use super::world::media_of;

/// Workers that there are when none has stopped.
pub(super) const PLACES: usize = 3;
/// What a socket's way holds.
const PIPE_BYTES: usize = 64 * 1024;
/// As `successor` asks: so often, and so many good answers in a row.
const ASK_EVERY: Duration = Duration::from_millis(250);
const READY_IN_A_ROW: u32 = 4;
/// How often is looked whether workers are wanted, and for whom who is due so soon.
const LOOK_EVERY: Duration = Duration::from_secs(5);
const WANTED_AHEAD: SignedDuration = SignedDuration::from_secs(60);
const CALLS_MAX: usize = 6;
/// A token that is used once more comes as soon, or as late.
const REPLAY_AFTER_MS: u64 = 3_000;

#[derive(Clone)]
pub(super) struct Fleet(Arc<Inner>);

struct Inner {
    chance: Chance,
    carrier: Carrier,
    rows: Rows,
    plug: Plug,
    deaths: u32,
    bug: Option<Bug>,
    machines: Mutex<BTreeMap<u64, Machine>>,
    /// The stream that each call of the carrier's has now.
    streams: Mutex<BTreeMap<String, Stream>>,
    seen: Mutex<Seen>,
    closing: CancellationToken,
}

/// One run of a worker.
#[derive(Clone)]
struct Machine {
    worker: Worker,
    dead: CancellationToken,
}

#[derive(Clone)]
struct Stream {
    number: u64,
    to_worker: mpsc::UnboundedSender<ToWorker>,
}

#[derive(Debug)]
enum ToWorker {
    Text(String),
    Close,
    Cut,
}

/// What is held against the rows at the end.
#[derive(Debug, Default)]
struct Seen {
    numbers: u64,
    /// Calls that lost a session in the middle of it, by the carrier's id: something may be missing.
    hurt: BTreeSet<String>,
    /// How many sockets with a token became a session.
    sessions: BTreeMap<String, u32>,
}

impl Fleet {
    pub(super) fn new(
        (chance, plug, deaths): (Chance, Plug, u32),
        carrier: Carrier,
        rows: Rows,
        bug: Option<Bug>,
    ) -> Self {
        Self(Arc::new(Inner {
            chance,
            carrier,
            rows,
            plug,
            deaths,
            bug,
            machines: Mutex::default(),
            streams: Mutex::default(),
            seen: Mutex::default(),
            closing: CancellationToken::new(),
        }))
    }

    /// One worker after the other in this place, until the fleet is closed.
    pub(super) async fn keep(self, parts: Context) {
        let Inner {
            chance,
            plug,
            closing,
            ..
        } = &*self.0;
        while !closing.is_cancelled() {
            if !self.is_wanted() {
                tokio::time::sleep(LOOK_EVERY).await;
                continue;
            }
            let number = self.number();
            let machine = self.machine(&parts);
            self.put(number, machine.clone());
            self.tell(|| format!("worker {number} starts"));
            // What it asks of the table is a process's, which storms reach.
            let life = self.live(number, &machine);
            if process::run(Kind::Media, chance, plug, 0, life)
                .await
                .is_none()
            {
                machine.dead.cancel();
            }
            self.0.machines.lock().unwrap().remove(&number);
            self.tell(|| format!("worker {number} is gone"));
            if self.0.machines.lock().unwrap().is_empty() && self.is_wanted() {
                chance.struck(Fault::NoWorkerLeft);
            }
            let pause = chance
                .pick(&[0..=500, 1_000..=8_000, 10_000..=90_000])
                .clone();
            tokio::select! {
                biased;
                () = closing.cancelled() => {}
                () = tokio::time::sleep(chance.ms(pause)) => {}
            }
        }
    }

    /// Whether somebody is on the phone, or about to be: else the fleet is scaled to zero.
    fn is_wanted(&self) -> bool {
        self.0.rows.is_anybody_waiting(WANTED_AHEAD)
    }

    fn put(&self, number: u64, machine: Machine) {
        self.0.machines.lock().unwrap().insert(number, machine);
    }

    fn machine(&self, parts: &Context) -> Machine {
        let chance = &self.0.chance;
        let mut settings = Settings::from_variables(&BTreeMap::new()).unwrap().worker;
        settings.calls_max = CALLS_MAX;
        settings.drain = chance.secs(chance.pick(&[2..=4, 20..=40, 60..=110]).clone());
        let enlisted = Enlisted::new(&parts.store.workers, &parts.clock, &parts.ids);
        let worker = Worker::start(WorkerParts {
            settings,
            media_socket: parts.links.media(),
            account_id: parts.carrier.account_id().to_owned(),
            codec: parts.carrier.media(),
            signatures: parts.signatures.clone(),
            control: Arc::new(media_of(parts).of_worker(enlisted.id())),
            recognizers: vendors::recognizers(),
            models: vendors::models(chance.clone()),
            synthesizers: vendors::synthesizers(),
            tools: media_worker::Tools::default(),
            enlisted: Some(enlisted),
            metrics: None,
        });
        Machine {
            worker,
            dead: CancellationToken::new(),
        }
    }

    /// As `media_worker::serve`: enlisted until it stops and its last call is gone; unless it dies.
    async fn live(&self, number: u64, machine: &Machine) {
        let Inner {
            chance, closing, ..
        } = &*self.0;
        let life = chance.ms(chance.pick(&[2_000..=15_000, 15_000..=60_000]).clone());
        let Machine { worker, dead } = machine;
        let stopping = async {
            tokio::select! {
                biased;
                () = closing.cancelled() => {}
                () = tokio::time::sleep(life) => {
                    if chance.per_mille(300) {
                        self.kill(number, Fault::WorkerKilled);
                        return std::future::pending().await;
                    }
                    chance.struck(Fault::WorkerStopped);
                    if self.draining() > 0 {
                        chance.struck(Fault::TwoWorkersStop);
                    }
                    if chance.per_mille(300) {
                        let (fleet, soon) = (self.clone(), chance.ms(0..=6_000));
                        tokio::spawn(async move {
                            tokio::time::sleep(soon).await;
                            fleet.kill(number, Fault::WorkerKilledWhileItStops);
                        });
                    }
                }
            }
            self.tell(|| format!("worker {number} stops with {} calls", worker.calls()));
            worker.drain_when(self.another_is_ready(number)).await;
        };
        tokio::select! {
            biased;
            () = dead.cancelled() => {}
            () = media_worker::stay_enlisted(worker) => {}
            () = stopping => media_worker::leave(worker).await,
        }
    }

    /// Everything of a worker is gone at once. One that is gone already cannot die.
    fn kill(&self, number: u64, how: Fault) {
        if let Some(machine) = self.0.machines.lock().unwrap().get(&number) {
            self.0.chance.struck(how);
            self.tell(|| format!("worker {number} dies with {} calls", machine.worker.calls()));
            machine.dead.cancel();
        }
    }

    async fn another_is_ready(&self, number: u64) {
        let mut in_a_row = 0;
        while in_a_row < READY_IN_A_ROW {
            tokio::time::sleep(ASK_EVERY).await;
            let machines = self.0.machines.lock().unwrap();
            let ready = machines.iter().any(|(other, machine)| {
                *other != number && machine.worker.is_serving() && !machine.dead.is_cancelled()
            });
            in_a_row = if ready { in_a_row + 1 } else { 0 };
        }
    }

    fn draining(&self) -> usize {
        let machines = self.0.machines.lock().unwrap();
        let draining = machines
            .values()
            .filter(|machine| !machine.worker.is_serving());
        draining.count()
    }

    /// The carrier opens a stream, and nobody is there.
    pub(super) fn refuse(&self, sid: &str) {
        // The carrier comes back, and the next worker knows of no hand-over.
        self.hurts(sid);
        self.0.carrier.refuse_stream(sid);
    }

    /// The carrier opens a stream: the balancer gives it to a worker that takes calls, or finds none.
    pub(super) fn connect(&self, sid: &str) {
        let chance = &self.0.chance;
        let machine = if chance.strikes(Fault::StreamRefused, 30) {
            None
        } else {
            self.any_machine()
        };
        let Some((number, machine)) = machine else {
            return self.refuse(sid);
        };
        let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
        let (to_worker, from_carrier) = mpsc::unbounded_channel();
        let stream = Stream {
            number: self.number(),
            to_worker,
        };
        self.tell(|| format!("stream {} of {sid} comes to worker {number}", stream.number));
        let mut streams = self.0.streams.lock().unwrap();
        streams.insert(sid.to_owned(), stream.clone());
        drop(streams);
        let (fleet, of) = (self.clone(), sid.to_owned());
        tokio::spawn(async move {
            fleet
                .pass_on(&of, stream.number, theirs, from_carrier)
                .await;
        });
        let (fleet, of) = (self.clone(), sid.to_owned());
        tokio::spawn(async move { fleet.serve(&of, number, machine, ours).await });
        self.0
            .carrier
            .with(|core, now| core.stream_opened(sid, now));
    }

    fn any_machine(&self) -> Option<(u64, Machine)> {
        let machines = self.0.machines.lock().unwrap();
        let takes = |machine: &Machine| {
            machine.worker.is_serving()
                && machine.worker.calls() < CALLS_MAX
                && !machine.dead.is_cancelled()
        };
        let mut ready = machines.iter().filter(|(_, machine)| takes(machine));
        let count = ready.clone().count();
        if count == 0 {
            return None;
        }
        let (number, machine) = ready.nth(self.0.chance.index(count))?;
        Some((*number, machine.clone()))
    }

    /// A worker's side of a socket, for as long as the worker lives.
    async fn serve(&self, sid: &str, number: u64, machine: Machine, ours: DuplexStream) {
        let Inner {
            chance,
            plug,
            deaths,
            ..
        } = &*self.0;
        let call = machine.worker.serve_connection(ours);
        let call = process::run(Kind::Media, chance, plug, *deaths, Box::pin(call));
        let whole = tokio::select! {
            biased;
            () = machine.dead.cancelled() => false,
            served = call => served.is_some(),
        };
        if !whole {
            self.hurts(sid);
            self.kill(number, Fault::WorkerKilled);
        }
    }

    /// The carrier's side of a socket.
    async fn pass_on(
        &self,
        sid: &str,
        number: u64,
        theirs: DuplexStream,
        mut from_carrier: mpsc::UnboundedReceiver<ToWorker>,
    ) {
        let mut socket = WebSocketStream::from_raw_socket(theirs, Role::Client, None).await;
        let mut token = None;
        loop {
            tokio::select! {
                biased;
                said = from_carrier.recv() => match said {
                    Some(ToWorker::Text(text)) => {
                        if let Some(given) = token_of(&text) {
                            self.replay(sid, &text);
                            token = Some(given);
                        }
                        // A worker that is gone does not read; that its side is closed comes next.
                        let _gone = socket.send(Message::text(text)).await;
                    }
                    Some(ToWorker::Close) => {
                        let _gone = socket.close(None).await;
                        while let Some(Ok(_rest)) = socket.next().await {}
                        return;
                    }
                    Some(ToWorker::Cut) | None => return,
                },
                said = socket.next() => match said {
                    Some(Ok(Message::Text(text))) => {
                        if let Some(token) = token.take() {
                            self.begun(&token);
                        }
                        if self.is_current(sid, number) {
                            self.0.carrier.with(|core, now| core.stream_text(sid, &text, now));
                        }
                    }
                    Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                    closed @ (Some(Ok(Message::Close(_)) | Err(_)) | None) => {
                        // In order where the call is over; else it goes on with what was stored.
                        if !matches!(closed, Some(Ok(Message::Close(Some(CloseFrame { code: CloseCode::Normal, .. }))))) {
                            self.hurts(sid);
                        }
                        if self.is_current(sid, number) {
                            self.0.streams.lock().unwrap().remove(sid);
                            self.0.carrier.with(|core, now| core.stream_closed(sid, now));
                        }
                        return;
                    }
                },
            }
        }
    }

    /// Somebody who saw the beginning of a stream uses its token too.
    fn replay(&self, sid: &str, start: &str) {
        let chance = &self.0.chance;
        if !chance.strikes(Fault::TokenReplayed, 60) {
            return;
        }
        let after = chance.ms(0..=REPLAY_AFTER_MS);
        let (fleet, sid, start) = (self.clone(), sid.to_owned(), start.to_owned());
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            let Some((_number, machine)) = fleet.any_machine() else {
                return;
            };
            let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
            let dead = machine.dead.clone();
            tokio::spawn(async move {
                tokio::select! {
                    () = dead.cancelled() => {}
                    _served = Box::pin(machine.worker.serve_connection(ours)) => {}
                }
            });
            let mut socket = WebSocketStream::from_raw_socket(theirs, Role::Client, None).await;
            let connected = r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#;
            let token = token_of(&start).unwrap();
            let _gone = socket.send(Message::text(connected)).await;
            let _gone = socket.send(Message::text(start)).await;
            while let Some(Ok(message)) = socket.next().await {
                if message.is_text() {
                    // It was faster than the carrier, whose call goes on with another stream.
                    fleet.hurts(&sid);
                    fleet.begun(&token);
                    return;
                }
            }
        });
    }

    /// A worker speaks on a socket that came with this token.
    fn begun(&self, token: &str) {
        let mut seen = self.0.seen.lock().unwrap();
        let sessions = seen.sessions.entry(token.to_owned()).or_default();
        *sessions += 1;
        if *sessions > 1 {
            self.0.rows.problem(Offence::TokenUsedAgain);
        }
    }

    pub(super) fn message(&self, sid: &str, text: String) {
        if self.0.bug == Some(Bug::KeyUnheard) && text.contains(r#""event":"dtmf""#) {
            return;
        }
        self.send(sid, ToWorker::Text(text));
    }

    /// The carrier is done with the stream.
    pub(super) fn closed(&self, sid: &str, in_order: bool) {
        let closed = if in_order {
            ToWorker::Close
        } else {
            self.hurts(sid);
            ToWorker::Cut
        };
        self.send(sid, closed);
        self.0.streams.lock().unwrap().remove(sid);
    }

    fn send(&self, sid: &str, what: ToWorker) {
        if let Some(stream) = self.0.streams.lock().unwrap().get(sid) {
            // Its reader ends only with the stream.
            let _gone = stream.to_worker.send(what);
        }
    }

    fn is_current(&self, sid: &str, number: u64) -> bool {
        let streams = self.0.streams.lock().unwrap();
        streams
            .get(sid)
            .is_some_and(|stream| stream.number == number)
    }

    /// Waits until there is no worker.
    pub(super) async fn is_empty(&self) {
        while !self.0.machines.lock().unwrap().is_empty() {
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// Calls that the workers hold.
    pub(super) fn calls(&self) -> usize {
        let machines = self.0.machines.lock().unwrap();
        machines
            .values()
            .map(|machine| machine.worker.calls())
            .sum()
    }

    /// Whether something of this call may be missing: a session of it was cut off.
    pub(super) fn is_hurt(&self, sid: &str) -> bool {
        self.0.seen.lock().unwrap().hurt.contains(sid)
    }

    fn hurts(&self, sid: &str) {
        self.0.seen.lock().unwrap().hurt.insert(sid.to_owned());
    }

    /// Has every worker stop, and none come after it.
    pub(super) async fn close(&self) {
        self.0.closing.cancel();
        self.is_empty().await;
    }

    fn number(&self) -> u64 {
        let mut seen = self.0.seen.lock().unwrap();
        seen.numbers += 1;
        seen.numbers
    }

    fn tell(&self, what: impl FnOnce() -> String) {
        self.0.rows.tell(what);
    }
}

/// The token of a stream, if this is its beginning.
fn token_of(text: &str) -> Option<String> {
    if !text.contains(r#""event":"start""#) {
        return None;
    }
    let start: Value = serde_json::from_str(text).unwrap();
    let token = start["start"]["customParameters"]["token"].as_str();
    token.map(str::to_owned)
}
