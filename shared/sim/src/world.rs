//! One whole call in memory, on virtual time: a person, the carrier's media stream, the vendors and
//! the product's conversation core, each message written and read by the product's own codecs.
//!
//! A [`Scene`] says who is called, what the far sides do wrong and which seed chance comes from;
//! [`run`] plays it in a few milliseconds; the [`Report`] tells what happened and, in
//! [`Report::broken`], every promise that was not kept. The same scene always gives the same report.
//!
//! It does not know the media worker: [`worker`](self) stands in for its session, with the same order
//! of steps, and is the only product code here that is not the product's own.

mod breaks;
mod checks;
mod legs;
mod line;
mod promise;
mod random;
mod wants;
mod worker;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use audio::line::Finding;
use conversation::{Action, CarrierClosed, EarlierSessions, Observation};
use model::{AmdMode, CallSnapshot, CallTime, CarrierVerdict, Outcome, Speaker, Turn, TurnKind};
use rand_chacha::ChaCha8Rng;

use crate::carriers::twilio::media::detector::{Detection, Detector};
use crate::peer::latency::{Latency, chance};
use crate::person::{Log, Person, Pickup};
use crate::vendors::openai::Brain;
use crate::vendors::{deepgram, elevenlabs, openai};

pub use breaks::{Break, Broke, Gap};
pub use promise::{Broken, Promise};

use breaks::Breaks;
use line::{Line, Told};
use wants::{Happened, Out, ToCarrier};
use worker::Worker;

/// What is played.
#[derive(Debug, Clone)]
pub struct Scene {
    pub seed: u64,
    pub person: Person,
    pub snapshot: CallSnapshot,
    pub network: Network,
    pub deepgram: deepgram::Behaviour,
    pub openai: openai::Behaviour,
    pub elevenlabs: elevenlabs::Behaviour,
    /// How long the table takes to write.
    pub store: Latency,
    /// The greeting and the like are in the worker's cache already.
    pub speech_cached: bool,
    /// The carrier's stream breaks at this time, and the call with it.
    pub stream_lost_at: Option<Duration>,
    /// From this time on nothing of the person comes through: frames of one value.
    pub line_dead_at: Option<Duration>,
    /// What breaks while the call goes on, with another session.
    pub breaks: Vec<Break>,
    /// A user hangs up at this time.
    pub hung_up_at: Option<Duration>,
    /// A defect built into the wiring, which the checks must find.
    pub defect: Option<Defect>,
    /// Note every step in the report.
    pub trace: bool,
}

/// How long messages are on their way. Messages of one connection never overtake each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    pub to_worker: Latency,
    pub to_carrier: Latency,
    /// Each way, to each vendor.
    pub vendors: Latency,
}

/// A bug on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// Every so many audio messages one is lost on the way to the carrier.
    AudioLost { every: u64 },
    /// Every so many audio messages one overtakes the one before.
    AudioReordered { every: u64 },
    /// Clears are not sent.
    ClearSkipped,
    /// A mark comes back as soon as it is sent, played or not.
    MarksEarly,
    /// Every second mark comes back after the next one.
    MarksReordered,
    /// Every so many frames of the customer one is lost on the way to the recognizer.
    CustomerAudioLost { every: u64 },
    /// Each turn is stored twice.
    TurnsStoredTwice,
    /// The end of the call is not noticed by the session.
    EndIgnored,
    /// The agent's words in the transcript are what was intended, heard or not.
    TranscriptIntended,
    /// Somebody's wish not to be called again is taken for stored and never was.
    OptOutLost,
    /// The same, while it is still on its way to the table.
    OptOutToldEarly,
    /// A beep is heard two seconds into the call, whoever answered.
    BeepImagined,
    /// Neither the carrier's verdict nor a tone on the line reaches the session.
    MachinesUnheard,
    /// Frames of one value are taken for sound.
    DeadLineUnnoticed,
    /// A quiet phone is taken for a dead line.
    QuietTakenForDead,
    /// Nothing that says who answered reaches the next session when the line has broken: no verdict, no tones,
    /// no words from before.
    MachinesForgotten,
    /// What the customer said last before a break reaches the next session once more.
    LastWordsTwice,
}

/// What happened.
#[derive(Debug, Clone)]
pub struct Report {
    pub seed: u64,
    pub outcome: Option<Outcome>,
    pub turns: Vec<Turn>,
    /// What the session found out about who answered.
    pub answer: Option<model::AmdResult>,
    /// What the person heard, said and did.
    pub person: Log,
    pub observations: Vec<Observation>,
    /// What was found of the line, and when.
    pub line: Vec<(Duration, Finding)>,
    /// Length of the call on virtual time.
    pub lasted: Duration,
    /// Steps that were simulated.
    pub steps: u64,
    /// What was broken off by breaks.
    pub gaps: BTreeSet<Gap>,
    /// Every promise that was broken; empty is good.
    pub broken: Vec<Broken>,
    /// With [`Scene::trace`]: every step.
    pub trace: Vec<String>,
}

impl fmt::Display for Report {
    /// The call as the transcript has it, as the person knows it, and what went wrong.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = self.outcome.map_or("no outcome", Outcome::code);
        writeln!(f, "{outcome} after {:.1} s", self.lasted.as_secs_f64())?;
        for turn in &self.turns {
            let who = match turn.speaker {
                Speaker::Customer => "customer",
                Speaker::Agent => "agent",
            };
            let from = turn.started_at.as_millis() / 10;
            write!(
                f,
                "{:>3}.{:02} {who}: {}",
                from / 100,
                from % 100,
                turn.text
            )?;
            if let Some(intended) = &turn.intended {
                write!(f, " [of: {intended}]")?;
            }
            for tool in &turn.tools {
                write!(f, " <{}>", tool.name)?;
            }
            writeln!(f)?;
        }
        writeln!(f, "the person's side:")?;
        write!(f, "{}", self.person)?;
        if !self.observations.is_empty() {
            writeln!(f, "noticed: {:?}", self.observations)?;
        }
        for (at, finding) in &self.line {
            writeln!(f, "the line after {:.1} s: {finding:?}", at.as_secs_f64())?;
        }
        for broken in &self.broken {
            writeln!(f, "BROKEN: {broken}")?;
        }
        for line in &self.trace {
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}

/// Longest call on virtual time beyond the agent's own longest call; later it is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(60);
/// Steps of one call; more means that it spins.
const STEPS_MAX: u64 = 5_000_000;

/// Plays a scene from its beginning to its end.
#[must_use]
pub fn run(scene: &Scene) -> Report {
    let mut world = World::new(scene);
    world.run();
    world.report()
}

/// Something that comes at its time.
#[derive(Debug)]
enum Coming {
    LineStep,
    /// A message of the carrier reaches the worker of this session.
    AtWorker(u32, String),
    StreamOver(CarrierClosed),
    /// A message of this session's worker reaches the carrier.
    AtCarrier(u32, String),
    /// The worker's close reaches the carrier.
    Closed,
    StreamBreaks,
    /// What [`Scene::breaks`] has in this place.
    Breaks(usize),
    NextStream,
    UserHangsUp,
    Happened(u32, Happened),
    /// The carrier's callback with its verdict was taken in.
    Verdict(CarrierVerdict),
}

#[derive(Debug)]
struct Entry {
    at: Duration,
    /// Of things at the same time the one that was decided first comes first.
    order: u64,
    coming: Coming,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// Things to come, in order.
#[derive(Debug, Default)]
struct Queue {
    heap: BinaryHeap<Reverse<Entry>>,
    order: u64,
}

impl Queue {
    fn add(&mut self, at: Duration, coming: Coming) {
        self.order += 1;
        self.heap.push(Reverse(Entry {
            at,
            order: self.order,
            coming,
        }));
    }

    fn next_at(&self) -> Option<Duration> {
        self.heap.peek().map(|Reverse(entry)| entry.at)
    }

    fn pop(&mut self) -> Option<Coming> {
        self.heap.pop().map(|Reverse(entry)| entry.coming)
    }
}

/// One direction of a connection.
#[derive(Debug)]
struct Pipe {
    latency: Latency,
    last: Duration,
    rng: ChaCha8Rng,
}

impl Pipe {
    fn new(latency: Latency, rng: ChaCha8Rng) -> Self {
        Self {
            latency,
            last: Duration::ZERO,
            rng,
        }
    }

    /// When what is sent now arrives.
    fn arrival(&mut self, now: Duration) -> Duration {
        let at = now + self.latency.draw(&mut self.rng);
        self.last = self.last.max(at);
        self.last
    }
}

struct World<'a> {
    scene: &'a Scene,
    now: Duration,
    queue: Queue,
    line: Line,
    worker: Worker<'a>,
    /// The sessions that broke off.
    gone: Vec<Worker<'a>>,
    /// From 0.
    session: u32,
    /// The carrier's, and since when it is on the call's row.
    verdict: Option<(Duration, CarrierVerdict)>,
    to_worker: Pipe,
    to_carrier: Pipe,
    callbacks: Pipe,
    stream_up: bool,
    /// What the worker sent to the carrier, for the checks and defects.
    audio_sent: u64,
    held_audio: Option<String>,
    held_mark: Option<String>,
    observed: Observed,
    steps: u64,
}

/// What the checks look at beside the line and the turns.
#[derive(Debug, Default)]
struct Observed {
    outcomes: Vec<(Duration, Outcome)>,
    turns: Vec<Turn>,
    /// When each of them was stored.
    stored_at: Vec<Duration>,
    breaks: Breaks,
    observations: Vec<Observation>,
    /// Names of marks, as sent and as told to the core.
    marks_sent: Vec<String>,
    marks_told: Vec<String>,
    /// Marks that were told before their audio was played.
    marks_unplayed: u32,
    actions_after_end: u32,
    /// When somebody's wish not to be called again was sent to the store.
    opt_outs: Vec<Duration>,
    stuck: Option<&'static str>,
    trace: Vec<String>,
}

impl<'a> World<'a> {
    fn new(scene: &'a Scene) -> Self {
        let seed = scene.seed;
        let pipe = |name, latency| Pipe::new(latency, chance(seed, name, 0));
        let mut world = Self {
            scene,
            now: Duration::ZERO,
            queue: Queue::default(),
            line: Line::new(scene, STREAM_SID, detector(scene)),
            worker: Worker::new(scene, 0, EarlierSessions::default()),
            gone: Vec::new(),
            session: 0,
            verdict: None,
            to_worker: pipe("to worker", scene.network.to_worker),
            to_carrier: pipe("to carrier", scene.network.to_carrier),
            callbacks: pipe("callbacks", CALLBACK_TAKES),
            stream_up: true,
            audio_sent: 0,
            held_audio: None,
            held_mark: None,
            observed: Observed::default(),
            steps: 0,
        };
        for text in world.line.begin() {
            let at = world.to_worker.arrival(Duration::ZERO);
            world.queue.add(at, Coming::AtWorker(0, text));
        }
        world.queue.add(Duration::ZERO, Coming::LineStep);
        world.plan_breaks(|broke| match broke {
            Broke::At(at) => Some(at),
            Broke::AfterVerdict(_) | Broke::AfterTurn { .. } => None,
        });
        if let Some(at) = scene.stream_lost_at {
            world.queue.add(at, Coming::StreamBreaks);
        }
        if let Some(at) = scene.hung_up_at {
            world.queue.add(at, Coming::UserHangsUp);
        }
        world
    }

    fn run(&mut self) {
        let deadline = self.scene.snapshot.agent.duration_max() + STUCK_AFTER;
        while !self.is_done() {
            self.steps += 1;
            if self.steps > STEPS_MAX {
                self.observed.stuck = Some("the call spins without time going on");
                return;
            }
            let timer = self.worker.poll_timeout();
            let coming = self.queue.next_at();
            let next = match (timer, coming) {
                (Some(timer), Some(coming)) => timer.min(coming),
                (Some(at), None) | (None, Some(at)) => at,
                (None, None) => {
                    self.observed.stuck =
                        Some("nothing is left to happen and the call has not ended");
                    return;
                }
            };
            if next > deadline {
                self.observed.stuck = Some("the call goes on beyond its longest duration");
                return;
            }
            self.now = self.now.max(next);
            if coming.is_some_and(|at| at <= self.now) {
                if let Some(coming) = self.queue.pop() {
                    self.happens(coming);
                }
            } else {
                self.worker.handle_timeout(self.now);
            }
            self.perform();
        }
    }

    /// The call is over for everybody, and what was on its way has arrived.
    fn is_done(&self) -> bool {
        !self.observed.outcomes.is_empty() && self.line.is_over()
    }

    fn happens(&mut self, coming: Coming) {
        match coming {
            Coming::LineStep => {
                let told = self.line.step(self.now);
                self.line_told(told);
                if !self.line.is_over() {
                    self.queue.add(self.now + line::FRAME, Coming::LineStep);
                }
            }
            Coming::AtWorker(session, text) => {
                if self.stream_up && session == self.session {
                    self.note_mark(&text);
                    self.worker.carrier_message(&text, self.now);
                }
            }
            Coming::StreamOver(closed) => {
                if self.stream_up {
                    self.stream_up = false;
                    self.worker.carrier_closed(closed, self.now);
                }
            }
            Coming::AtCarrier(session, text) => {
                if session == self.session {
                    let told = self.line.receive(&text, self.now);
                    self.line_told(told);
                }
            }
            Coming::Closed => self.line.end(),
            Coming::StreamBreaks => {
                // The socket is gone for both; what was on its way is lost with it.
                self.line.end();
                let at = self.now + Duration::from_millis(1);
                self.queue.add(at, Coming::StreamOver(CarrierClosed::Lost));
            }
            Coming::Breaks(place) => self.break_off(place),
            Coming::NextStream => self.next_stream(),
            Coming::UserHangsUp => self.worker.hang_up(self.now),
            Coming::Verdict(verdict) => {
                self.verdict.get_or_insert((self.now, verdict));
                self.worker.verdict_is(verdict);
            }
            Coming::Happened(session, happened) => {
                if session == self.session {
                    self.worker.happened(happened, self.now);
                }
            }
        }
    }

    fn line_told(&mut self, told: Vec<Told>) {
        for told in told {
            match told {
                // Nobody listens between two streams.
                Told::Message { .. } if !self.stream_up => {}
                Told::Message { at, text } => {
                    let is_mark = text.starts_with(r#"{"event":"mark""#);
                    let at = self.to_worker.arrival(at);
                    if is_mark && self.scene.defect == Some(Defect::MarksReordered) {
                        match self.held_mark.take() {
                            None => self.held_mark = Some(text),
                            Some(held) => {
                                let session = self.session;
                                self.queue.add(at, Coming::AtWorker(session, text));
                                self.queue.add(at, Coming::AtWorker(session, held));
                            }
                        }
                        continue;
                    }
                    if is_mark && self.scene.defect == Some(Defect::MarksEarly) {
                        continue;
                    }
                    self.queue.add(at, Coming::AtWorker(self.session, text));
                }
                Told::Verdict { at, word } => {
                    self.observed.breaks.verdict_at(at);
                    self.plan_breaks(|broke| match broke {
                        Broke::AfterVerdict(wait) => Some(at + wait),
                        Broke::At(_) | Broke::AfterTurn { .. } => None,
                    });
                    let at = self.callbacks.arrival(at);
                    self.queue.add(at, Coming::Verdict(answered_by(word)));
                }
                Told::HungUp if !self.stream_up => {
                    // As the control plane has it of a call whose session broke off.
                    if self.observed.outcomes.is_empty() {
                        let outcome = (self.now, Outcome::StreamLost);
                        self.observed.outcomes.push(outcome);
                    }
                }
                Told::HungUp => {
                    let at = self.to_worker.arrival(self.now + line::FRAME);
                    self.queue
                        .add(at, Coming::StreamOver(CarrierClosed::Stopped));
                }
            }
        }
    }

    /// Does everything that the worker wants done.
    fn perform(&mut self) {
        while let Some(out) = self.worker.poll_output() {
            match out {
                Out::At(at, happened) => {
                    self.queue.add(at, Coming::Happened(self.session, happened));
                }
                Out::Carrier(message) => self.send(message),
                Out::Action(action) => self.keep(action),
                Out::Note(note) => {
                    if self.scene.trace {
                        self.observed
                            .trace
                            .push(format!("{:>9.3} {note}", self.now.as_secs_f64()));
                    }
                }
            }
        }
    }

    /// Sends one message to the carrier, unless a defect gets in the way.
    fn send(&mut self, message: ToCarrier) {
        if !self.stream_up {
            return;
        }
        let at = self.to_carrier.arrival(self.now);
        let session = self.session;
        match message {
            ToCarrier::Audio(text) => {
                self.audio_sent += 1;
                let nth = self.audio_sent;
                let strikes = |every: u64| every > 0 && nth.is_multiple_of(every);
                match self.scene.defect {
                    Some(Defect::AudioLost { every }) if strikes(every) => {}
                    Some(Defect::AudioReordered { every }) if strikes(every) => {
                        self.held_audio = Some(text);
                    }
                    Some(_) | None => {
                        self.queue.add(at, Coming::AtCarrier(session, text));
                        if let Some(held) = self.held_audio.take() {
                            self.queue.add(at, Coming::AtCarrier(session, held));
                        }
                    }
                }
            }
            ToCarrier::Mark { text, name } => {
                if self.scene.defect == Some(Defect::MarksEarly) {
                    let echo = format!(
                        r#"{{"event":"mark","sequenceNumber":"1","streamSid":"{STREAM_SID}","mark":{{"name":"{name}"}}}}"#
                    );
                    let back = self.to_worker.arrival(at);
                    self.queue.add(back, Coming::AtWorker(session, echo));
                }
                self.observed.marks_sent.push(name);
                self.queue.add(at, Coming::AtCarrier(session, text));
            }
            ToCarrier::Clear(text) => {
                // Once it has arrived, only the 20 ms that are being played may still be heard.
                self.line.expect_silence(self.audio_sent, at + line::FRAME);
                if self.scene.defect != Some(Defect::ClearSkipped) {
                    self.queue.add(at, Coming::AtCarrier(session, text));
                }
            }
        }
    }

    /// Keeps what the checks look at.
    fn keep(&mut self, action: Action) {
        if !self.observed.outcomes.is_empty() {
            self.observed.actions_after_end += 1;
        }
        match action {
            Action::StoreTurn(turn) => {
                let mut turn = turn;
                if self.scene.defect == Some(Defect::TranscriptIntended)
                    && let Some(intended) = turn.intended.take()
                {
                    turn.text = intended;
                }
                if self.scene.defect == Some(Defect::TurnsStoredTwice) {
                    self.stored(turn.clone());
                }
                self.stored(turn);
            }
            Action::Observe(observation) => self.observed.observations.push(observation),
            Action::End(Outcome::StreamLost) if self.observed.breaks.is_breaking() => {}
            Action::End(outcome) => {
                if self.scene.defect == Some(Defect::EndIgnored) {
                    return;
                }
                self.observed.outcomes.push((self.now, outcome));
                let at = self.to_carrier.arrival(self.now);
                self.queue.add(at, Coming::Closed);
                self.stream_up = false;
            }
            Action::OpenRecognition { .. }
            | Action::FinalizeRecognition
            | Action::Generate(_)
            | Action::CancelGeneration(_)
            | Action::Synthesize(_)
            | Action::FinishSynthesis(_)
            | Action::CancelSynthesis(_)
            | Action::SendAudio(_)
            | Action::SendMark(_)
            | Action::Clear
            | Action::RunTool(_)
            | Action::AskVerdict
            | Action::Record
            | Action::HandOver(_)
            | Action::Redirect
            | Action::Stay
            | Action::Leave(_) => {}
            Action::OptOut(_) => self.observed.opt_outs.push(self.now),
        }
    }

    fn stored(&mut self, turn: Turn) {
        let speaker = turn.speaker;
        self.observed.turns.push(turn);
        self.observed.stored_at.push(self.now);
        if speaker == Speaker::Agent {
            return;
        }
        let turns = self.observed.turns.iter();
        let count = turns.filter(|turn| turn.speaker == speaker).count();
        let now = self.now;
        self.plan_breaks(|broke| match broke {
            Broke::AfterTurn { nth, wait } if nth == count => Some(now + wait),
            Broke::At(_) | Broke::AfterVerdict(_) | Broke::AfterTurn { .. } => None,
        });
    }

    /// Has what breaks happen at its time, where that is known now.
    fn plan_breaks(&mut self, at: impl Fn(Broke) -> Option<Duration>) {
        for (place, one) in self.scene.breaks.iter().enumerate() {
            if let Some(at) = at(one.when) {
                self.queue.add(at, Coming::Breaks(place));
            }
        }
    }

    /// The stream breaks, or the worker dies: the person stays on the line, and hears nothing.
    fn break_off(&mut self, place: usize) {
        let Some(one) = self.scene.breaks.get(place) else {
            return;
        };
        if !self.stream_up || self.worker.connected_at().is_none() {
            return;
        }
        self.stream_up = false;
        self.line.cut();
        if one.kills {
            self.worker.die(self.now);
        } else {
            self.observed.breaks.begin();
            self.worker.carrier_closed(CarrierClosed::Lost, self.now);
            self.perform();
            self.observed.breaks.end();
        }
        if self.observed.outcomes.is_empty() {
            let turns = &self.observed.turns;
            self.observed.breaks.note(self.now, turns);
            self.queue.add(self.now + one.gap, Coming::NextStream);
        }
    }

    /// The carrier comes back with another stream, and another session goes on.
    fn next_stream(&mut self) {
        if self.line.is_over() {
            return;
        }
        self.session += 1;
        let verdict = self.verdict.map(|(_, verdict)| verdict);
        let mut turns = self.observed.turns.clone();
        if self.scene.defect == Some(Defect::MachinesForgotten) {
            turns.retain(|turn| turn.kind == TurnKind::Greeting);
        }
        let past = EarlierSessions {
            turns,
            elapsed: self.now,
            checkpoint: None,
            verdict: verdict.filter(|_| !worker::is_deaf(self.scene, self.session)),
        };
        let mut next = Worker::new(self.scene, self.session, past);
        if let Some(verdict) = verdict {
            next.verdict_is(verdict);
        }
        self.gone.push(std::mem::replace(&mut self.worker, next));
        self.stream_up = true;
        (self.audio_sent, self.held_audio, self.held_mark) = (0, None, None);
        for text in self.line.begin() {
            let at = self.to_worker.arrival(self.now);
            self.queue.add(at, Coming::AtWorker(self.session, text));
        }
    }

    /// All sessions of the call, in order.
    fn workers(&self) -> impl Iterator<Item = &Worker<'a>> {
        self.gone.iter().chain([&self.worker])
    }

    fn note_mark(&mut self, text: &str) {
        if text.starts_with(r#"{"event":"mark""#)
            && let Some((_, rest)) = text.split_once(r#""name":""#)
            && let Some((name, _)) = rest.split_once('"')
        {
            if !self.line.has_returned(name) {
                self.observed.marks_unplayed += 1;
            }
            self.observed.marks_told.push(name.to_owned());
        }
    }

    fn report(mut self) -> Report {
        self.line.end();
        let broken = checks::broken(&self);
        let gaps = self.observed.breaks.gaps(&self.observed.turns);
        let Observed {
            outcomes,
            turns,
            observations,
            trace,
            ..
        } = self.observed;
        Report {
            seed: self.scene.seed,
            outcome: outcomes.first().map(|(_, outcome)| *outcome),
            turns,
            answer: self.worker.answered(),
            person: self.line.log().clone(),
            observations,
            line: self.worker.findings().to_vec(),
            lasted: self.now,
            steps: self.steps,
            gaps,
            broken,
            trace,
        }
    }
}

/// From the carrier's verdict to the call's row: two networks, a function and a write.
const CALLBACK_TAKES: Latency = Latency::between_ms(80, 500);

/// What the carrier listens by, as the call was placed.
fn detector(scene: &Scene) -> Option<Detector> {
    let answering = &scene.snapshot.answering;
    let wait_for_message_end = match answering.detect {
        AmdMode::Off => return None,
        AmdMode::Start => false,
        AmdMode::MessageEnd => true,
    };
    let by = match scene.person.pickup() {
        Pickup::Answers { by, .. } => by,
        Pickup::Busy | Pickup::NoAnswer | Pickup::Unreachable => return None,
    };
    let thresholds = answering.thresholds;
    let detection = Detection {
        wait_for_message_end,
        timeout_ms: thresholds.timeout_seconds.saturating_mul(1_000),
        speech_threshold_ms: thresholds.speech_threshold_ms,
        speech_end_threshold_ms: thresholds.speech_end_threshold_ms,
        silence_timeout_ms: thresholds.silence_timeout_ms,
    };
    Some(Detector::new(detection, by))
}

/// The carrier's word in ours.
fn answered_by(word: &str) -> CarrierVerdict {
    match word {
        "human" => CarrierVerdict::Human,
        "machine_start" => CarrierVerdict::MachineStart,
        "machine_end_beep" => CarrierVerdict::MachineEndBeep,
        "machine_end_silence" => CarrierVerdict::MachineEndSilence,
        "machine_end_other" => CarrierVerdict::MachineEndOther,
        "fax" => CarrierVerdict::Fax,
        _unknown => CarrierVerdict::Unknown,
    }
}

/// The stream's id; any will do.
const STREAM_SID: &str = "MZ00000000000000000000000000000001";

impl Network {
    /// A worker in the carrier's region.
    #[must_use]
    pub const fn nearby() -> Self {
        Self {
            to_worker: Latency::between_ms(8, 25),
            to_carrier: Latency::between_ms(8, 25),
            vendors: Latency::between_ms(5, 25),
        }
    }
}

impl Scene {
    /// This person is called by this agent; everything works.
    #[must_use]
    pub fn new(seed: u64, person: Person, snapshot: CallSnapshot, brain: Arc<dyn Brain>) -> Self {
        let mut scene = Self {
            seed,
            person,
            snapshot,
            network: Network::nearby(),
            deepgram: deepgram::Behaviour::new("dg-sim"),
            openai: openai::Behaviour::new("sk-sim", brain),
            elevenlabs: elevenlabs::Behaviour::new("el-sim"),
            store: Latency::fixed_ms(15),
            speech_cached: true,
            stream_lost_at: None,
            line_dead_at: None,
            breaks: Vec::new(),
            hung_up_at: None,
            defect: None,
            trace: false,
        };
        scene.deepgram.seed = seed;
        scene.openai.seed = seed;
        scene.elevenlabs.seed = seed;
        scene
    }
}

/// Virtual time as the call counts it: the world begins with the media session.
fn call_time(now: Duration) -> CallTime {
    CallTime::ZERO + now
}
