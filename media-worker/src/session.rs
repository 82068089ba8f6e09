//! One call: the carrier's socket, the vendors' connections, the tools, the store and the clock, all
//! polled in one task in a fixed order, and the core between them.
//!
//! The session does what the core says and decides nothing about the conversation. Each thing that
//! happens is fed to the core by itself and all its actions are performed before the next one. A wake
//! ends with at most one write to each socket. Nothing here waits: what cannot be done now is
//! polled again when its source wakes the task.

mod actions;
pub(crate) mod control;
mod incoming;
mod line;
mod recording;
mod sources;
pub(crate) mod tools;
pub(crate) mod turn_writer;

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use carrier::media::MediaCodec;
use conversation::{CarrierClosed, Deadline, Event, GenerationId, Haste, UtteranceId};
use futures_util::future::BoxFuture;
use model::{AmdResult, CallTime, CarrierVerdict, LineReport, Outcome};
use providers::llm::{GenerationStream, Models};
use service::call::media::{MediaError, SessionKey};
use tokio::time::Instant;

use crate::admission::{Admission, LeavingPlace};
use crate::carrier_leg::playout::{Flushed, Playout};
use crate::carrier_leg::socket::{CarrierSocket, CloseReason};
use crate::handover::client::HandoverClient;
use crate::handover::late_turns::LateTurns;
use crate::meters::Meters;
use crate::session::control::Control;
use crate::session::line::Line;
use crate::session::recording::RecordingRequest;
use crate::session::tools::{Running, Tools};
use crate::session::turn_writer::TurnWriter;
use crate::stt_leg::SttLeg;
use crate::timers::TimerSlot;
use crate::tts_leg::TtsLeg;

/// Customer audio comes fifty times a second on an answered call; nothing at all for this long means
/// that the carrier is gone (`docs/protocols/carriers.md#media-sockets`).
pub const CARRIER_SILENCE_MAX: Duration = Duration::from_secs(5);

/// Unreadable or foreign messages of one call that are ignored. A stream with more is refused: it is
/// not the carrier that we know.
pub const BAD_MESSAGES_MAX: u32 = 100;

/// Answers of the language model under way at a time. The core has one, or two while it moves on;
/// beyond, the oldest is dropped.
const GENERATIONS_MAX: usize = 4;

/// Events taken in one wake before other calls have their turn.
const EVENTS_PER_WAKE_MAX: u32 = 256;

/// So much later than due the timer wakes us for playback: it keeps a lead of 100 to 200 ms, and customer audio
/// wakes us every 20 ms anyway.
const PLAYBACK_SLACK: Duration = Duration::from_millis(25);

/// Everything a session is made of.
pub(crate) struct SessionParts {
    pub(crate) socket: CarrierSocket,
    /// When the carrier's connection was accepted, and the call time that it was then: zero unless other
    /// sessions went before.
    pub(crate) started: Instant,
    pub(crate) began: CallTime,
    /// Where sessions went before: what the last of them heard and stored late.
    pub(crate) late_turns: Option<LateTurns>,
    pub(crate) codec: &'static dyn MediaCodec,
    pub(crate) stream_id: String,
    pub(crate) key: Arc<SessionKey>,
    pub(crate) call: conversation::Conversation,
    pub(crate) ear: SttLeg,
    pub(crate) tts: TtsLeg,
    pub(crate) models: Models,
    /// The language model's name; absent means the deployment's.
    pub(crate) model: Option<String>,
    pub(crate) prompt_cache_key: String,
    pub(crate) tools: Tools,
    pub(crate) turns: TurnWriter,
    pub(crate) control: Arc<dyn Control>,
    pub(crate) timer: TimerSlot,
    pub(crate) admission: Arc<Admission>,
    pub(crate) meters: Arc<Meters>,
}

/// One running call.
pub(crate) struct Session {
    parts: SessionParts,
    playout: Playout,
    line: Box<Line>,
    generations: Vec<(GenerationId, Box<dyn GenerationStream>)>,
    /// The vendor that was asked for the latest of them.
    answering: &'static str,
    running_tools: Running,
    /// Asked of the table, one at a time.
    verdict: Option<BoxFuture<'static, Result<Option<CarrierVerdict>, MediaError>>>,
    /// While the carrier is asked to record the call: most sessions never do.
    recording: Option<Box<RecordingRequest>>,
    due: Due,
    bad_messages: u32,
    carrier_heard_at: Instant,
    woken_at: Instant,
    closing_told: bool,
    drain_told: bool,
    mover: HandoverClient,
    /// What the core was told about leaving, and the place that is taken meanwhile.
    haste: Option<Haste>,
    leaving_place: Option<LeavingPlace>,
    elsewhere: Option<Elsewhere>,
    carrier_closed: Option<CarrierClosed>,
    close_reason: CloseReason,
    end: Option<Outcome>,
    handed_over: HandedOver,
    /// The latest utterance that the voice was given text of.
    voiced: Option<UtteranceId>,
    /// No audio of it went out yet.
    silent_so_far: bool,
}

/// Why another session has the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Elsewhere {
    /// It was given the call, in order.
    HandedOver,
    /// It took the call: this one was thought dead.
    Superseded,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ending {
    /// `None`: the call goes on elsewhere, or may be resumed.
    pub(crate) outcome: Option<Outcome>,
    /// Another session was given the call, in order.
    pub(crate) handed_over: bool,
    pub(crate) carrier: Option<CarrierClosed>,
    pub(crate) close_reason: CloseReason,
}

/// What is left of a session after its end.
pub(crate) struct Remains {
    pub(crate) socket: CarrierSocket,
    pub(crate) turns: TurnWriter,
    pub(crate) key: Arc<SessionKey>,
    /// What was found out about who answered.
    pub(crate) answer: Option<AmdResult>,
    pub(crate) line: LineReport,
}

/// Where something can happen, in the order in which it is looked at. What comes earlier feeds what
/// comes later, so that one round is mostly enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WakeSource {
    Carrier,
    Recognition,
    Generation,
    Speech,
    Tools,
    Clock,
    Turns,
}

impl WakeSource {
    const ALL: [Self; 7] = [
        Self::Carrier,
        Self::Recognition,
        Self::Generation,
        Self::Speech,
        Self::Tools,
        Self::Clock,
        Self::Turns,
    ];

    const fn bit(self) -> u8 {
        match self {
            Self::Carrier => 1,
            Self::Recognition => 1 << 1,
            Self::Generation => 1 << 2,
            Self::Speech => 1 << 3,
            Self::Tools => 1 << 4,
            Self::Clock => 1 << 5,
            Self::Turns => 1 << 6,
        }
    }
}

/// The sources that are to be polled before the task may sleep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Due(u8);

impl Due {
    const ALL: Self = Self(0x7F);

    fn add(&mut self, source: WakeSource) {
        self.0 |= source.bit();
    }

    fn take_first(&mut self) -> Option<WakeSource> {
        let first = WakeSource::ALL
            .into_iter()
            .find(|source| self.0 & source.bit() != 0)?;
        self.0 &= !first.bit();
        Some(first)
    }
}

/// What of an answer this wake handed over for the first time.
#[derive(Debug, Default)]
struct HandedOver {
    model: bool,
    voice: bool,
    audio: bool,
}

impl HandedOver {
    fn stages(&self) -> impl Iterator<Item = model::Stage> + use<> {
        let stages = [
            (self.model, model::Stage::ModelAsked),
            (self.voice, model::Stage::SpeechAsked),
            (self.audio, model::Stage::FirstFrameOut),
        ];
        stages
            .into_iter()
            .filter_map(|(handed, stage)| handed.then_some(stage))
    }
}

impl Session {
    /// Begins the call: the voice starts to connect beside the recognizer, the core is told that audio
    /// flows.
    pub(crate) fn new(mut parts: SessionParts) -> Self {
        let now = Instant::now();
        parts.tts.warm();
        let began_at = parts.began + now.saturating_duration_since(parts.started);
        let mut session = Self {
            line: Box::new(Line::new(now, began_at, parts.key.session)),
            playout: Playout::new(parts.codec, std::mem::take(&mut parts.stream_id)),
            mover: HandoverClient::new(Arc::clone(&parts.control), Arc::clone(&parts.key)),
            haste: None,
            leaving_place: None,
            elsewhere: None,
            parts,
            generations: Vec::new(),
            answering: "",
            running_tools: Running::default(),
            verdict: None,
            recording: None,
            due: Due::ALL,
            bad_messages: 0,
            carrier_heard_at: now,
            woken_at: now,
            closing_told: false,
            drain_told: false,
            carrier_closed: None,
            close_reason: CloseReason::Done,
            end: None,
            handed_over: HandedOver::default(),
            voiced: None,
            silent_so_far: false,
        };
        session.feed(Event::Connected);
        session
    }

    /// One wake. Ready when the conversation is over.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ending> {
        let now = Instant::now();
        self.woken_at = now;
        self.line.woken(now);
        self.parts.meters.wakes.increment(1);
        self.parts.timer.passed(now);
        self.due = Due::ALL;
        let mut events_left = EVENTS_PER_WAKE_MAX;
        while let Some(source) = self.due.take_first() {
            if self.is_over() {
                break;
            }
            if !self.step(source, cx) {
                continue;
            }
            self.due.add(source);
            events_left -= 1;
            if events_left == 0 {
                cx.waker().wake_by_ref();
                break;
            }
        }
        self.flush(cx);
        self.tell_handed_over();
        match self.ending() {
            Some(ending) => Poll::Ready(ending),
            None => {
                self.arm(cx);
                Poll::Pending
            }
        }
    }

    /// Tells the core when what it asked for first had left, for the waterfall of the answer.
    fn tell_handed_over(&mut self) {
        let handed = std::mem::take(&mut self.handed_over);
        for stage in handed.stages() {
            if !self.is_over() {
                self.feed(Event::HandedOver(stage));
            }
        }
    }

    /// What must outlive the conversation.
    pub(crate) fn into_remains(self) -> Remains {
        Remains {
            socket: self.parts.socket,
            answer: self.parts.call.answered(),
            line: self.line.report(),
            turns: self.parts.turns,
            key: self.parts.key,
        }
    }

    /// Takes one event of `source`; false when there is none and the source will wake us.
    fn step(&mut self, source: WakeSource, cx: &mut Context<'_>) -> bool {
        match source {
            WakeSource::Carrier => self.step_carrier(cx),
            WakeSource::Recognition => self.step_recognition(cx),
            WakeSource::Generation => self.step_generation(cx),
            WakeSource::Speech => self.step_speech(cx),
            WakeSource::Tools => self.step_tools(cx),
            WakeSource::Clock => self.step_clock(),
            WakeSource::Turns => self.step_turns(cx),
        }
    }

    /// Tells the core what happened and does everything it wants done.
    fn feed(&mut self, event: Event) {
        let now = self.call_time(Instant::now());
        self.parts.call.handle(event, now);
        self.perform_all();
    }

    fn perform_all(&mut self) {
        while let Some(action) = self.parts.call.poll_action() {
            self.perform(action);
        }
    }

    /// Writes to the carrier what this wake has for it.
    fn flush(&mut self, cx: &mut Context<'_>) {
        match self.playout.flush(&mut self.parts.socket, cx) {
            Flushed::Written {
                clear_took: Some(took),
            } => self.parts.meters.barge_in(took),
            Flushed::Written { clear_took: None } | Flushed::Nothing => {}
        }
    }

    fn is_over(&self) -> bool {
        self.end.is_some() || self.elsewhere.is_some()
    }

    fn ending(&self) -> Option<Ending> {
        if !self.is_over() {
            return None;
        }
        // A stream that broke, and one that a stopping worker gives up, leave the call to be resumed:
        // the carrier goes on to the resume webhook.
        let resumable = self.elsewhere.is_some()
            || matches!(self.end, Some(Outcome::StreamLost | Outcome::WorkerLost));
        Some(Ending {
            outcome: self.end.filter(|_| !resumable),
            handed_over: self.elsewhere == Some(Elsewhere::HandedOver),
            carrier: self.carrier_closed,
            close_reason: self.close_reason,
        })
    }

    /// Makes sure that the next deadline wakes us.
    fn arm(&mut self, cx: &Context<'_>) {
        let mut next = match self.carrier_closed {
            None => self.carrier_heard_at + CARRIER_SILENCE_MAX,
            Some(_) => self.woken_at + CARRIER_SILENCE_MAX,
        };
        let look = self.parts.late_turns.as_ref();
        if let Some(at) = look.and_then(LateTurns::next_look) {
            next = next.min(at);
        }
        if let Some((at, reason)) = self.parts.call.poll_timeout() {
            let slack = if reason == Deadline::Playback {
                PLAYBACK_SLACK
            } else {
                Duration::ZERO
            };
            next = next.min(self.instant(at) + slack);
        }
        if let Some(at) = self.playout.next_played() {
            next = next.min(at);
        }
        if let Some(at) = self.parts.turns.next_attempt() {
            next = next.min(at);
        }
        let recording = self.recording.as_deref();
        if let Some(at) = recording.and_then(RecordingRequest::next_attempt) {
            next = next.min(at);
        }
        if let Some(at) = self.line.due() {
            next = next.min(at);
        }
        self.parts.timer.arm(next, self.woken_at, cx.waker());
    }

    fn call_time(&self, now: Instant) -> CallTime {
        self.parts.began + now.saturating_duration_since(self.parts.started)
    }

    fn instant(&self, at: CallTime) -> Instant {
        self.parts.started + at.since(self.parts.began)
    }
}

#[cfg(test)]
mod tests;
