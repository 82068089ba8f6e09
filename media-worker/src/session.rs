//! One call: the carrier's socket, the vendors' connections, the tools, the store and the clock, all
//! polled in one task in a fixed order, and the core between them.
//!
//! The session does what the core says and decides nothing about the conversation. Each thing that
//! happens is fed to the core by itself and all its actions are performed before the next one. A wake
//! ends with at most one write to each socket. Nothing here waits: what cannot be done now is
//! polled again when its source wakes the task.

pub(crate) mod control;
pub(crate) mod tools;
pub(crate) mod turn_writer;

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use carrier::media::{Inbound, MediaCodec, Track};
use conversation::{
    Action, CarrierClosed, Deadline, Event, Generation, GenerationId, Haste, Mark, Recognition,
    Synthesis, UtteranceId,
};
use futures_util::future::BoxFuture;
use model::{AmdResult, CallTime, CarrierVerdict, Outcome};
use providers::llm::{GenerationStream, Models, Tuning};
use service::call::media::{MediaError, SessionKey};
use tokio::time::Instant;

use crate::admission::{Admission, DrainStage, LeavingPlace};
use crate::carrier_leg::playout::{Flushed, Playout};
use crate::carrier_leg::socket::{CarrierSocket, CloseReason, Incoming};
use crate::handover::client::{HandoverClient, HandoverProgress};
use crate::handover::late_turns::LateTurns;
use crate::meters::Meters;
use crate::session::control::Control;
use crate::session::tools::{Running, Tools};
use crate::session::turn_writer::{TurnWriter, Written};
use crate::stt_leg::customer_audio::BYTES_PER_MS;
use crate::stt_leg::{SttLeg, Taken};
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
    /// Where the session before handed the call over: what it heard last.
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
    generations: Vec<(GenerationId, Box<dyn GenerationStream>)>,
    running_tools: Running,
    /// Asked of the table, one at a time.
    verdict: Option<BoxFuture<'static, Result<Option<CarrierVerdict>, MediaError>>>,
    due: Due,
    bad_messages: u32,
    carrier_heard_at: Instant,
    woken_at: Instant,
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
        let mut session = Self {
            playout: Playout::new(parts.codec, std::mem::take(&mut parts.stream_id)),
            mover: HandoverClient::new(Arc::clone(&parts.control), Arc::clone(&parts.key)),
            haste: None,
            leaving_place: None,
            elsewhere: None,
            parts,
            generations: Vec::new(),
            running_tools: Running::default(),
            verdict: None,
            due: Due::ALL,
            bad_messages: 0,
            carrier_heard_at: now,
            woken_at: now,
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

    fn step_carrier(&mut self, cx: &mut Context<'_>) -> bool {
        if self.carrier_closed.is_some() {
            return false;
        }
        let Poll::Ready(incoming) = self.parts.socket.poll_message(cx) else {
            return false;
        };
        self.carrier_heard_at = self.woken_at;
        match incoming {
            Incoming::Text(text) => self.take_message(&text),
            Incoming::Binary => self.refuse_stream("binary", CloseReason::Unsupported),
            Incoming::Oversized => self.refuse_stream("oversized", CloseReason::TooLarge),
            Incoming::Garbage => self.refuse_stream("garbage", CloseReason::InvalidText),
            Incoming::Closed | Incoming::Broken => self.carrier_is_gone(CarrierClosed::Lost),
        }
        true
    }

    fn take_message(&mut self, text: &str) {
        let message = match self.playout.codec().decode(text) {
            Ok(message) => message,
            Err(problem) => return self.ignore(problem.code()),
        };
        if message
            .stream_id()
            .is_some_and(|stream| stream != self.playout.stream_id())
        {
            return self.ignore("foreign_stream");
        }
        match message {
            Inbound::Media {
                sequence,
                timestamp_ms,
                track: Track::Inbound,
                payload_base64,
                stream_id: _,
            } => self.take_audio(sequence, timestamp_ms, &payload_base64),
            Inbound::Media {
                track: Track::Other,
                ..
            } => self.ignore("foreign_track"),
            Inbound::Dtmf { digit, .. } => self.feed(Event::Key(digit)),
            Inbound::Mark { name, .. } => match name.parse::<Mark>() {
                Ok(mark) => self.feed(Event::Marked(mark)),
                Err(_foreign) => self.ignore("foreign_mark"),
            },
            Inbound::Stop { .. } => self.carrier_is_gone(CarrierClosed::Stopped),
            Inbound::Start(_) => self.refuse_stream("second_start", CloseReason::Policy),
            Inbound::Connected => self.ignore("second_connected"),
            Inbound::Unknown => self.ignore("unknown_event"),
        }
    }

    fn take_audio(&mut self, sequence: u64, timestamp_ms: u64, payload: &str) {
        let listens = self.parts.call.wants_line_sounds();
        match self
            .parts
            .ear
            .take(sequence, timestamp_ms, payload, listens)
        {
            Taken::Heard {
                lost_ms,
                due,
                sounds,
            } => {
                self.parts.meters.frames_received.increment(1);
                if lost_ms > 0 {
                    let lost_bytes = lost_ms * BYTES_PER_MS;
                    self.parts.meters.audio_lost_bytes.increment(lost_bytes);
                }
                if due && self.parts.ear.send() {
                    self.parts.meters.recognition_messages.increment(1);
                    self.due.add(WakeSource::Recognition);
                }
                for sound in sounds.into_iter().flatten() {
                    self.feed(Event::LineSound(sound));
                }
            }
            Taken::Duplicate => self.ignore("duplicate"),
            Taken::Late => self.ignore("out_of_order"),
            Taken::Unreadable(problem) => self.ignore(problem.code()),
        }
    }

    fn step_recognition(&mut self, cx: &mut Context<'_>) -> bool {
        let Poll::Ready(event) = self.parts.ear.poll_event(cx) else {
            return false;
        };
        if let Recognition::Lost(failure) = &event {
            Meters::vendor_failed("recognition", failure);
        }
        self.feed(Event::Recognition(event));
        true
    }

    fn step_generation(&mut self, cx: &mut Context<'_>) -> bool {
        let mut happened = None;
        for (place, (id, stream)) in self.generations.iter_mut().enumerate() {
            if let Poll::Ready(event) = stream.poll_event(cx) {
                happened = Some((place, *id, event));
                break;
            }
        }
        let Some((place, id, event)) = happened else {
            return false;
        };
        match &event {
            Generation::Text(_) | Generation::ToolCall { .. } => {}
            Generation::Finished { .. } => drop(self.generations.remove(place)),
            Generation::Failed(failure) => {
                Meters::vendor_failed("generation", failure);
                drop(self.generations.remove(place));
            }
        }
        self.feed(Event::Generation { id, event });
        true
    }

    fn step_speech(&mut self, cx: &mut Context<'_>) -> bool {
        let Poll::Ready((utterance, event)) = self.parts.tts.poll_event(cx) else {
            return false;
        };
        if let Synthesis::Failed(failure) = &event {
            Meters::vendor_failed("synthesis", failure);
        }
        self.feed(Event::Synthesis { utterance, event });
        true
    }

    fn step_tools(&mut self, cx: &mut Context<'_>) -> bool {
        let Poll::Ready((id, result)) = self.running_tools.poll_done(cx) else {
            return false;
        };
        self.feed(Event::ToolDone { id, result });
        true
    }

    /// Looks at every deadline that has passed.
    fn step_clock(&mut self) -> bool {
        let now = self.woken_at;
        if !self.drain_told && self.parts.admission.stage() == DrainStage::Expired {
            self.drain_told = true;
            self.close_reason = CloseReason::GoingAway;
            self.feed(Event::DrainDeadline);
            return true;
        }
        if let Some(haste) = self.is_to_leave() {
            self.haste = Some(haste);
            self.feed(Event::HandOver(haste));
            return true;
        }
        let silent = now.saturating_duration_since(self.carrier_heard_at);
        if silent >= CARRIER_SILENCE_MAX && self.carrier_closed.is_none() {
            self.carrier_is_gone(CarrierClosed::Lost);
            return true;
        }
        if let Some(mark) = self.playout.take_played(now) {
            self.feed(Event::Marked(mark));
            return true;
        }
        let call_time = self.call_time(now);
        if self
            .parts
            .call
            .poll_timeout()
            .is_some_and(|(at, _reason)| at <= call_time)
        {
            self.parts.call.handle_timeout(call_time);
            self.perform_all();
            return true;
        }
        false
    }

    /// What the core is to be told of the worker's stopping, once.
    fn is_to_leave(&mut self) -> Option<Haste> {
        match self.parts.admission.stage() {
            DrainStage::Serving | DrainStage::Draining | DrainStage::Expired => None,
            DrainStage::Leaving if self.haste.is_none() => {
                self.leaving_place = self.parts.admission.leave();
                self.leaving_place.is_some().then_some(Haste::WhenQuiet)
            }
            DrainStage::Pressing if self.haste != Some(Haste::AtNextPause) => {
                Some(Haste::AtNextPause)
            }
            DrainStage::Leaving | DrainStage::Pressing => None,
        }
    }

    fn step_turns(&mut self, cx: &mut Context<'_>) -> bool {
        if self.step_verdict(cx) || self.step_left_behind(cx) || self.step_mover(cx) {
            return true;
        }
        let Poll::Ready(written) = self.parts.turns.poll_written(cx, Instant::now()) else {
            return false;
        };
        self.parts.meters.written(written);
        match written {
            Written::Stored | Written::Retrying => {}
            Written::OptedOut => self.feed(Event::OptOutStored),
            Written::Superseded => {
                tracing::warn!("the call is held by another session, this one leaves");
                self.elsewhere.get_or_insert(Elsewhere::Superseded);
            }
        }
        true
    }

    fn step_left_behind(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(late_turns) = &mut self.parts.late_turns else {
            return false;
        };
        let found = late_turns.poll_turn(cx, self.woken_at);
        if late_turns.is_done() {
            self.parts.late_turns = None;
        }
        let Poll::Ready(turn) = found else {
            return false;
        };
        self.feed(Event::LateTurn(turn));
        true
    }

    fn step_mover(&mut self, cx: &mut Context<'_>) -> bool {
        let Poll::Ready(moved) = self.mover.poll(cx, self.parts.turns.is_empty()) else {
            return false;
        };
        self.feed(match moved {
            HandoverProgress::Ready => Event::HandOverReady,
            HandoverProgress::Failed { may_follow } => Event::HandOverFailed { may_follow },
        });
        true
    }

    /// The table says whether the carrier has a verdict. Where it does not answer, there is none yet.
    fn step_verdict(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(asked) = &mut self.verdict else {
            return false;
        };
        let Poll::Ready(verdict) = asked.as_mut().poll(cx) else {
            return false;
        };
        self.verdict = None;
        let verdict = verdict.unwrap_or_else(|error| {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the verdict on who answered could not be read"
            );
            None
        });
        self.feed(Event::Verdict(verdict));
        true
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

    fn perform(&mut self, action: Action) {
        match action {
            Action::SendAudio(audio) => self.play(&audio),
            Action::SendMark(mark) => {
                let socket = &mut self.parts.socket;
                self.playout.mark(socket, mark, self.woken_at);
            }
            Action::Clear => self.playout.clear(&mut self.parts.socket, self.woken_at),
            Action::OpenRecognition { route } => {
                self.parts.ear.connect(route);
                self.due.add(WakeSource::Recognition);
            }
            Action::FinalizeRecognition => {
                self.parts.ear.finalize();
                self.due.add(WakeSource::Recognition);
            }
            Action::Generate(request) => {
                if self.generations.len() >= GENERATIONS_MAX {
                    drop(self.generations.remove(0));
                }
                let tuning = Tuning {
                    model: self.parts.model.as_deref(),
                    prompt_cache_key: Some(&self.parts.prompt_cache_key),
                };
                let stream = self.parts.models.generate(request.route, &request, tuning);
                self.generations.push((request.id, stream));
                self.handed_over.model = true;
                self.due.add(WakeSource::Generation);
            }
            Action::CancelGeneration(id) => self.generations.retain(|(of, _)| *of != id),
            Action::Synthesize(wanted) => {
                self.playout.speaks(wanted.utterance);
                if self.voiced < Some(wanted.utterance) {
                    self.voiced = Some(wanted.utterance);
                    self.handed_over.voice = true;
                    self.silent_so_far = true;
                }
                self.parts.tts.speak(wanted);
                self.due.add(WakeSource::Speech);
            }
            Action::FinishSynthesis(utterance) => {
                self.parts.tts.finish(utterance);
                self.due.add(WakeSource::Speech);
            }
            Action::CancelSynthesis(utterance) => {
                self.parts.tts.cancel(utterance);
                self.due.add(WakeSource::Speech);
            }
            Action::RunTool(call) => {
                self.running_tools.start(&self.parts.tools, call);
                self.due.add(WakeSource::Tools);
            }
            Action::StoreTurn(turn) => {
                if let Some(answer) = &turn.waterfall {
                    self.parts.meters.answered(answer);
                }
                if self.parts.turns.push(turn).is_err() {
                    self.parts.meters.turns_lost.increment(1);
                    tracing::error!("the store has been away for too long, a turn is lost");
                }
                self.due.add(WakeSource::Turns);
            }
            Action::AskVerdict => {
                let key = Arc::clone(&self.parts.key);
                self.verdict = Some(self.parts.control.verdict(key));
                self.due.add(WakeSource::Turns);
            }
            Action::OptOut(how) => {
                self.parts.turns.push_opt_out(how);
                self.due.add(WakeSource::Turns);
            }
            Action::Observe(observation) => Meters::observed(observation),
            Action::HandOver(checkpoint) => {
                self.mover.prepare(checkpoint);
                self.due.add(WakeSource::Turns);
            }
            Action::Redirect => {
                self.mover.redirect();
                self.due.add(WakeSource::Turns);
            }
            Action::Stay => self.mover.stay(),
            Action::Leave(turns) => {
                for turn in turns {
                    self.parts.turns.push_left_behind(turn);
                }
                self.elsewhere = Some(Elsewhere::HandedOver);
            }
            Action::End(outcome) => self.end = Some(outcome),
        }
    }

    fn play(&mut self, audio: &[u8]) {
        self.handed_over.audio |= std::mem::take(&mut self.silent_so_far);
        let was_dropping = self.playout.is_dropping();
        if self
            .playout
            .play(&mut self.parts.socket, audio, self.woken_at)
        {
            self.parts.meters.media_sent.increment(1);
            let bytes = u64::try_from(audio.len()).unwrap_or(0);
            self.parts.meters.audio_sent_bytes.increment(bytes);
        } else if !was_dropping {
            self.parts.meters.playouts_dropped.increment(1);
            tracing::warn!("the carrier does not read, what the agent says is dropped");
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

    /// A message that is not taken, while the call goes on.
    fn ignore(&mut self, reason: &'static str) {
        Meters::message_ignored(reason);
        self.bad_messages += 1;
        if self.bad_messages > BAD_MESSAGES_MAX {
            self.refuse_stream("too_many_bad_messages", CloseReason::Policy);
        }
    }

    /// Ends the stream for what came through it.
    fn refuse_stream(&mut self, reason: &'static str, close: CloseReason) {
        Meters::stream_refused(reason);
        tracing::warn!(reason, "the carrier's stream is refused");
        self.close_reason = close;
        self.carrier_is_gone(CarrierClosed::Lost);
    }

    fn carrier_is_gone(&mut self, how: CarrierClosed) {
        if self.carrier_closed.is_some() {
            return;
        }
        self.carrier_closed = Some(how);
        self.feed(Event::CarrierClosed(how));
        if !self.is_over() && !self.parts.call.is_handing_over() {
            tracing::error!("the core goes on without a carrier");
            self.end = Some(Outcome::StreamLost);
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
