//! The stage for situations: a script in text goes in, a readable trace of what happened comes out.
//!
//! Voice, model and carrier are the simplest that behave: 50 ms a character, 300 ms to think, a
//! playback clock that returns marks. Every step also checks what must hold in every call.

mod far_side;
mod script;

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::time::Duration;

use audio::LineSound;
use model::{
    AmdMode, CallSnapshot, CallTime, CarrierVerdict, Checkpoint, Outcome, Speaker, Turn, TurnInput,
};

use crate::{
    Action, CarrierClosed, ChatMessage, Conversation, EarlierSessions, Event, Failure, FailureKind,
    Mark, Recognition, Routes, Synthesis, ToolCall, ToolSpec, UtteranceId,
};

/// From a hand-over to the stored token, from the redirect to the end of the stream, from there to the next
/// stream, and from there to what the session before left behind.
const READY_MS: u64 = 20;
const STREAM_ENDS_MS: u64 = 100;
const NEXT_STREAM_MS: u64 = 150;
const LEFT_BEHIND_MS: u64 = 700;

/// Plays a script. Parts are separated by `|`; a part that begins with a number is an event at that
/// second, the others set the stage. See [`Scene::set`] and [`Scene::schedule`].
pub(super) fn play(script: &str) -> Scene {
    let mut scene = Scene::new();
    let parts: Vec<&str> = script.split('|').map(str::trim).collect();
    for part in parts.iter().filter(|part| !begins_with_number(part)) {
        scene.set(part);
    }
    scene.raise();
    let mut until = 0;
    for part in parts.iter().filter(|part| begins_with_number(part)) {
        until = until.max(scene.schedule(part));
    }
    scene.scripted = scene.queued;
    scene.run(until);
    scene
}

fn begins_with_number(part: &str) -> bool {
    part.starts_with(|c: char| c.is_ascii_digit())
}

/// What the model answers to one request.
#[derive(Debug, Clone)]
enum Answer {
    Says(String, Vec<(String, String)>),
    Fails(FailureKind),
    /// Begins and breaks off.
    Breaks(String),
    Nothing,
    Silent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum VoiceMood {
    Fine,
    /// Without times.
    Untimed,
    Fails,
    /// Fails in the second sentence.
    FailsLater,
    Silent,
}

/// How a session comes to its end before the call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Break {
    /// The stream: the session knows, and stores what was said.
    Stream,
    /// The worker: nothing more is done or stored.
    Worker,
}

/// What the carrier does when it is asked to open another stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Redirect {
    Works,
    Refused,
    /// Its answer is lost; it ends the stream after that long, or does not.
    Lost(Option<u64>),
    Silent,
}

pub(super) struct Scene {
    snapshot: CallSnapshot,
    routes: Routes,
    history: Vec<Turn>,
    tools: Vec<ToolSpec>,
    call: Option<Conversation>,
    now: u64,
    queue: BTreeMap<(u64, u64), Event>,
    queued: u64,
    /// What is in the script happens, whatever is cancelled meanwhile.
    scripted: u64,
    answers: VecDeque<Answer>,
    voices: BTreeMap<usize, VoiceMood>,
    /// Milliseconds of audio given for each utterance.
    given_ms: BTreeMap<UtteranceId, u64>,
    carrier: Carrier,
    trace: String,
    next_seq: u32,
    ended: bool,
    show_audio: bool,
    /// The carrier's verdict, from this millisecond on.
    verdict: Option<(u64, CarrierVerdict)>,
    show_asks: bool,
    /// How long the store takes for an opt-out; for ever where there is none.
    store_ms: Option<u64>,
    /// Stored so far, by all sessions.
    stored: Vec<Turn>,
    redirect: Redirect,
    checkpoint: Option<Checkpoint>,
    /// By time: what breaks, and from when on there is another stream.
    breaks: VecDeque<(u64, Break, u64)>,
    breaking: Option<Break>,
    /// When the carrier's next stream begins, and when the one began that the call hears.
    next_stream_at: u64,
    stream_from: u64,
}

#[derive(Default)]
struct Carrier {
    /// When what was sent so far will have been played, in microseconds.
    empty_at: u64,
    playing: bool,
    sent: u64,
}

impl Scene {
    fn new() -> Self {
        let mut snapshot = support::snapshot();
        snapshot.agent.farewell = "Goodbye.".to_owned();
        snapshot.answering.detect = AmdMode::Off;
        Self {
            snapshot,
            routes: Routes {
                recognition: 1,
                generation: 1,
                synthesis: 1,
            },
            history: Vec::new(),
            tools: Vec::new(),
            call: None,
            now: 0,
            queue: BTreeMap::new(),
            queued: 0,
            scripted: 0,
            answers: VecDeque::new(),
            voices: BTreeMap::new(),
            given_ms: BTreeMap::new(),
            carrier: Carrier::default(),
            trace: String::new(),
            next_seq: 0,
            ended: false,
            show_audio: false,
            verdict: None,
            show_asks: false,
            store_ms: Some(50),
            stored: Vec::new(),
            redirect: Redirect::Works,
            checkpoint: None,
            breaks: VecDeque::new(),
            breaking: None,
            next_stream_at: 0,
            stream_from: 0,
        }
    }

    pub(super) fn trace(&self) -> &str {
        self.trace.trim_end()
    }

    fn raise(&mut self) {
        let turns = std::mem::take(&mut self.history);
        let past = EarlierSessions {
            verdict: self.verdict_at(0).filter(|_| !turns.is_empty()),
            turns,
            ..EarlierSessions::default()
        };
        self.stored.clone_from(&past.turns);
        self.begin(past, 0);
    }

    fn begin(&mut self, past: EarlierSessions, at: u64) {
        let call = Conversation::new(&self.snapshot, self.routes, past);
        self.call = Some(call.with_session_tools(self.tools.clone()));
        self.at(at, Event::Recognition(Recognition::Opened));
        self.at(at, Event::Connected);
    }

    /// The next session takes the call over; what the one before left behind reaches it later.
    fn move_on(&mut self, rest: Vec<Turn>) {
        self.line("LEAVE");
        let scripted = self.scripted;
        self.queue.retain(|(_, place), _| *place <= scripted);
        self.given_ms.clear();
        self.carrier = Carrier::default();
        // It runs while the old one still listens; here one comes after the other.
        self.stream_from = self.next_stream_at;
        let at = self.ms();
        let past = EarlierSessions {
            turns: self.stored.clone(),
            elapsed: Duration::from_millis(at),
            checkpoint: self.checkpoint.take(),
            verdict: self.verdict_at(at),
        };
        self.begin(past, at);
        for turn in rest {
            self.store(&turn);
            self.at(at + LEFT_BEHIND_MS, Event::LateTurn(turn));
        }
    }

    /// The session is over before the call is, and another one goes on when there is a stream again.
    fn break_off(&mut self, how: Break, next_at: u64) {
        match how {
            Break::Stream => {
                self.breaking = Some(how);
                let lost = Event::CarrierClosed(CarrierClosed::Lost);
                let now = CallTime::from_micros(self.now);
                self.call.as_mut().unwrap().handle(lost, now);
                self.drain();
                self.breaking = None;
            }
            Break::Worker => self.line("KILLED"),
        }
        if self.ended {
            return;
        }
        let scripted = self.scripted;
        self.queue
            .retain(|(at, place), _| *place <= scripted && *at >= next_at * 1_000);
        self.given_ms.clear();
        self.carrier = Carrier::default();
        self.stream_from = next_at;
        let past = EarlierSessions {
            turns: self.stored.clone(),
            elapsed: Duration::from_millis(next_at),
            checkpoint: None,
            verdict: self.verdict_at(next_at),
        };
        self.begin(past, next_at);
    }

    fn verdict_at(&self, ms: u64) -> Option<CarrierVerdict> {
        let verdict = self.verdict.filter(|(at, _)| *at <= ms);
        verdict.map(|(_, verdict)| verdict)
    }

    fn at(&mut self, ms: u64, event: Event) {
        self.queued += 1;
        self.queue.insert((ms * 1_000, self.queued), event);
    }

    fn run(&mut self, until_ms: u64) {
        for _step in 0..100_000 {
            let event_at = self.queue.keys().next().map(|(at, _)| *at);
            let timeout_at = self
                .call
                .as_ref()
                .unwrap()
                .poll_timeout()
                .map(|(at, _)| at.as_micros());
            let break_at = self.breaks.front().map(|(at, ..)| at * 1_000);
            let all = [event_at, timeout_at, break_at];
            let Some(next) = all.into_iter().flatten().min() else {
                return;
            };
            if next > until_ms * 1_000 {
                return;
            }
            self.now = self.now.max(next);
            self.carrier_ran_dry();
            if break_at == Some(next) {
                let (_, how, next_at) = self.breaks.pop_front().unwrap();
                self.break_off(how, next_at);
                continue;
            }
            let now = CallTime::from_micros(self.now);
            let call = self.call.as_mut().unwrap();
            if event_at == Some(next) {
                let (_, event) = self.queue.pop_first().unwrap();
                if let Event::CarrierClosed(_) = event {
                    self.next_stream_at = self.now / 1_000 + NEXT_STREAM_MS;
                }
                // What nobody listens for is not heard.
                if !matches!(event, Event::LineSound(_)) || call.wants_line_sounds() {
                    call.handle(in_stream(event, self.stream_from), now);
                }
            } else {
                call.handle_timeout(now);
            }
            self.drain();
        }
        panic!("the call is busy for ever:\n{}", self.trace);
    }

    fn drain(&mut self) {
        while let Some(action) = self.call.as_mut().unwrap().poll_action() {
            assert!(!self.ended, "{action:?} after the end");
            self.perform(action);
        }
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::OpenRecognition { route } => {
                self.line(&format!("open recognition {route}"));
                self.at(self.ms() + 100, Event::Recognition(Recognition::Opened));
            }
            Action::FinalizeRecognition => self.line("finalize recognition"),
            Action::Generate(request) => {
                let route = request.route;
                let told: Vec<String> = request
                    .messages
                    .iter()
                    .skip(1)
                    .map(|m| message(m))
                    .collect();
                self.line(&format!(
                    "ask {}@{route}: {}",
                    request.id.0,
                    told.join(" / ")
                ));
                if request.tools.is_empty() {
                    self.line("  without tools");
                }
                self.model(request.id);
            }
            Action::CancelGeneration(id) => {
                self.line(&format!("cancel model {}", id.0));
                let stale =
                    |event: &Event| matches!(event, Event::Generation { id: of, .. } if *of == id);
                self.queue
                    .retain(|(_, place), event| *place <= self.scripted || !stale(event));
            }
            Action::Synthesize(request) => {
                let cached = if request.cacheable {
                    " (cacheable)"
                } else {
                    ""
                };
                self.line(&format!(
                    "voice {}@{}{cached}: {}",
                    request.utterance, request.route, request.text
                ));
                self.voice(request.utterance, request.route, &request.text);
            }
            Action::FinishSynthesis(utterance) => {
                let of_it = self.queue.iter().rev();
                let mut of_it = of_it.filter(|(_, event)| is_synthesis_of(event, utterance));
                let last = of_it.next().map(|((at, _), _)| *at);
                let silent = self.given_ms.get(&utterance) == Some(&u64::MAX);
                if !silent {
                    let at = last.unwrap_or(self.now) / 1_000;
                    self.at(
                        at,
                        Event::Synthesis {
                            utterance,
                            event: Synthesis::Finished,
                        },
                    );
                }
            }
            Action::CancelSynthesis(utterance) => {
                self.line(&format!("cancel voice {utterance}"));
                let stale = |event: &Event| is_synthesis_of(event, utterance);
                self.queue
                    .retain(|(_, place), event| *place <= self.scripted || !stale(event));
            }
            Action::SendAudio(audio) => self.carrier_takes(&audio),
            Action::SendMark(mark) => {
                if self.show_audio {
                    self.line(&format!("mark {mark}"));
                }
                let at = self.carrier.empty_at.max(self.now).div_ceil(1_000);
                self.at(at, Event::Marked(mark));
            }
            Action::Clear => {
                let unplayed = self.carrier.empty_at.saturating_sub(self.now) / 1_000;
                self.line(&format!("CLEAR ({unplayed} ms unplayed)"));
                self.carrier.empty_at = self.now;
                self.carrier.playing = false;
                let now = self.ms();
                let pending = self
                    .queue
                    .iter()
                    .filter(|((_, place), _)| *place > self.scripted);
                let marks: Vec<Mark> = pending.filter_map(|(_, event)| mark_of(event)).collect();
                self.queue.retain(|(_, place), event| {
                    *place <= self.scripted || mark_of(event).is_none()
                });
                for mark in marks {
                    self.at(now, Event::Marked(mark));
                }
            }
            Action::RunTool(ToolCall {
                id,
                name,
                arguments,
            }) => {
                self.line(&format!("run {name} {arguments} as {id}"));
            }
            Action::StoreTurn(turn) => self.store(&turn),
            Action::AskVerdict => {
                let verdict = self.verdict_at(self.ms());
                if self.show_asks || verdict.is_some() {
                    self.line("ask for the verdict");
                }
                self.at(self.ms() + 20, Event::Verdict(verdict));
            }
            Action::OptOut(how) => {
                self.line(&format!("OPT OUT {how:?}"));
                if let Some(wait) = self.store_ms {
                    self.at(self.ms() + wait, Event::OptOutStored);
                }
            }
            Action::Record => self.line("RECORD"),
            Action::Observe(observation) => self.line(&format!("observe {observation:?}")),
            Action::HandOver(checkpoint) => {
                let owed = checkpoint.owed_since;
                let owed = owed.map_or(String::new(), |since| format!(", owing since {since:?}"));
                self.line(&format!("hand over{owed}"));
                self.checkpoint = Some(checkpoint);
                if self.store_ms.is_some() {
                    self.at(self.ms() + READY_MS, Event::HandOverReady);
                }
            }
            Action::Redirect => {
                self.line("redirect");
                let gone = Event::CarrierClosed(CarrierClosed::Stopped);
                let failed = |may_follow| Event::HandOverFailed { may_follow };
                match self.redirect {
                    Redirect::Works => self.at(self.ms() + STREAM_ENDS_MS, gone),
                    Redirect::Refused => self.at(self.ms() + STREAM_ENDS_MS, failed(false)),
                    Redirect::Lost(ends) => {
                        self.at(self.ms() + STREAM_ENDS_MS, failed(true));
                        if let Some(ends) = ends {
                            self.at(self.ms() + ends, gone);
                        }
                    }
                    Redirect::Silent => {}
                }
            }
            Action::Stay => self.line("stay"),
            Action::Leave(rest) => self.move_on(rest),
            Action::End(Outcome::StreamLost) if self.breaking.is_some() => self.line("BREAKS OFF"),
            Action::End(outcome) => {
                self.line(&format!("END {}", outcome.code()));
                self.ended = true;
            }
        }
    }

    fn store(&mut self, turn: &Turn) {
        self.stored.push(turn.clone());
        assert_eq!(turn.seq, self.next_seq, "turns have no gaps");
        self.next_seq += 1;
        assert!(turn.started_at <= turn.ended_at);
        if let Some(waterfall) = &turn.waterfall {
            let parts: u64 = waterfall.parts().map(|(_, micros)| micros).sum();
            assert_eq!(parts, waterfall.total_micros());
        }
        let who = match turn.speaker {
            Speaker::Customer => "customer",
            Speaker::Agent => "agent",
        };
        let mut line = format!(
            "turn {} {who} {:?} {:?}-{:?} '{}'",
            turn.seq, turn.kind, turn.started_at, turn.ended_at, turn.text
        );
        if let Some(intended) = &turn.intended {
            assert!(turn.interrupted && intended.starts_with(&turn.text));
            write!(line, " of '{intended}'").unwrap();
        }
        if turn.input == TurnInput::Keypad {
            line.push_str(" (keys)");
        }
        for used in &turn.tools {
            write!(
                line,
                " [{} {} -> {} {}]",
                used.name, used.arguments, used.ok, used.result
            )
            .unwrap();
        }
        self.line(&line);
    }

    fn line(&mut self, text: &str) {
        let at = Duration::from_micros(self.now).as_secs_f64();
        writeln!(self.trace, "{at:.3} {text}").unwrap();
    }

    const fn ms(&self) -> u64 {
        self.now.div_ceil(1_000)
    }
}

/// Positions in the script count from the beginning of the scene, those of a call from its stream's.
fn in_stream(mut event: Event, from_ms: u64) -> Event {
    let from = Duration::from_millis(from_ms);
    if let Event::Recognition(
        Recognition::SpeechStarted { at } | Recognition::Interim { end: at, .. },
    ) = &mut event
    {
        *at = *at - from;
    }
    if let Event::Recognition(Recognition::Final { start, end, .. }) = &mut event {
        *start = *start - from;
        *end = *end - from;
    }
    if let Event::LineSound(LineSound::Beep(beep)) = &mut event {
        beep.starts_at = beep.starts_at.saturating_sub(from_ms * 8);
        beep.ends_at = beep.ends_at.saturating_sub(from_ms * 8);
    }
    event
}

fn is_synthesis_of(event: &Event, utterance: UtteranceId) -> bool {
    matches!(event, Event::Synthesis { utterance: of, .. } if *of == utterance)
}

fn mark_of(event: &Event) -> Option<Mark> {
    if let Event::Marked(mark) = event {
        Some(*mark)
    } else {
        None
    }
}

pub(super) fn failure(kind: FailureKind) -> Failure {
    Failure {
        vendor: "vendor".into(),
        kind,
    }
}

fn message(message: &ChatMessage) -> String {
    match message {
        ChatMessage::System(text) => format!("system {text}"),
        ChatMessage::Customer(text) => format!("customer '{text}'"),
        ChatMessage::Agent { text, tool_calls } => {
            let calls: String = tool_calls
                .iter()
                .map(|call| format!(" +{}", call.name))
                .collect();
            format!("agent '{text}'{calls}")
        }
        ChatMessage::ToolResult { id, content } => format!("{id} -> {content}"),
    }
}
