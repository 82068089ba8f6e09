//! One call: the carrier's socket, the vendors' connections, the tools, the store and the clock, all
//! polled in one task in a fixed order, and the core between them.
//!
//! The session does what the core says and decides nothing about the conversation. Each thing that
//! happens is fed to the core by itself and all its actions are performed before the next one. A wake
//! ends with at most one write to each socket. Nothing here waits: what cannot be done now is
//! polled again when its source wakes the task.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use audio::SpeechGate;
use bytes::BytesMut;
use call::{
    Action, CarrierClosed, Event, Failure, Generation, GenerationId, Mark, Recognition, UtteranceId,
};
use carrier::twilio::media::{self, Inbound, Track};
use futures_util::future::BoxFuture;
use model::{AudioPosition, CallTime, Outcome};
use providers::llm::{GenerationStream, Models, Tuning};
use providers::stt::{Recognizer, RecognizerConfig, Recognizers, ReplayBuffer};
use service::media::SessionKey;
use tokio::time::Instant;

use crate::gate::{Gate, Stage};
use crate::inbound::{BYTES_PER_MS, CallerAudio, MessageSize, Placed};
use crate::meters::Meters;
use crate::socket::{CarrierSocket, CloseReason, Full, Incoming};
use crate::speech::Speaker;
use crate::timers::TimerSlot;
use crate::tools::{Running, Tools};
use crate::turns::{TurnWriter, Written};

/// Caller audio comes fifty times a second on an answered call; nothing at all for this long means
/// that the carrier is gone (`twilio-media-streams`, section 6).
pub const CARRIER_SILENCE_MAX: Duration = Duration::from_secs(5);

/// Unreadable or foreign messages of one call that are ignored. A stream with more is refused: it is
/// not the carrier that we know.
pub const BAD_MESSAGES_MAX: u32 = 100;

/// Answers of the language model under way at a time. The core has one, or two while it moves on;
/// beyond, the oldest is dropped.
const GENERATIONS_MAX: usize = 4;

/// Events taken in one wake before other calls have their turn.
const EVENTS_PER_WAKE_MAX: u32 = 256;

/// Audio before speech that is kept for a replay although nothing was said in it.
const REPLAY_LEAD: Duration = Duration::from_millis(500);

/// What the recogniser calls the end of its words and what we take for sound differ by this much
/// and mean the same.
const SETTLED_SLACK: Duration = Duration::from_millis(400);

/// The core's reason to be woken for the next message of audio (`call`'s playback). It keeps a lead of
/// 100 to 200 ms, and caller audio wakes us every 20 ms anyway.
const PLAYBACK: &str = "playback";

/// So much later than due the timer wakes us for playback, so that mostly it need not.
const PLAYBACK_SLACK: Duration = Duration::from_millis(25);

/// Everything a session is made of.
pub(crate) struct Parts {
    pub(crate) socket: CarrierSocket,
    /// When the carrier's connection was accepted: call time zero.
    pub(crate) started: Instant,
    pub(crate) stream_sid: String,
    pub(crate) key: Arc<SessionKey>,
    pub(crate) call: call::Call,
    pub(crate) speaker: Speaker,
    pub(crate) turns: TurnWriter,
    pub(crate) timer: TimerSlot,
    pub(crate) gate: Arc<Gate>,
    pub(crate) meters: Arc<Meters>,
    pub(crate) recognizers: Recognizers,
    pub(crate) models: Models,
    pub(crate) tools: Tools,
    pub(crate) language: String,
    pub(crate) model: Option<String>,
    pub(crate) prompt_cache_key: String,
    pub(crate) endpointing_ms: u32,
}

/// One running call.
pub(crate) struct Session {
    parts: Parts,
    caller: CallerAudio,
    /// Tells voice from silence in the caller's audio.
    ear: SpeechGate,
    message_size: MessageSize,
    replay: ReplayBuffer,
    /// End of the last sound the caller made, and of the last words that are final.
    voiced_until: AudioPosition,
    settled_until: AudioPosition,
    recognition: RecognitionLeg,
    generations: Vec<(GenerationId, Box<dyn GenerationStream>)>,
    running_tools: Running,
    due: Due,
    /// Reused for every message to the carrier.
    out: BytesMut,
    playout: Playout,
    /// The utterance whose text was given to a voice last.
    speaking: Option<UtteranceId>,
    bad_messages: u32,
    carrier_heard_at: Instant,
    woken_at: Instant,
    /// A `clear` is on its way since then.
    clearing_since: Option<Instant>,
    drain_told: bool,
    carrier_closed: Option<CarrierClosed>,
    close_reason: CloseReason,
    end: Option<Outcome>,
    superseded: bool,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ending {
    /// `None`: the call goes on elsewhere, or may be resumed.
    pub(crate) outcome: Option<Outcome>,
    pub(crate) carrier: Option<CarrierClosed>,
    pub(crate) close_reason: CloseReason,
}

/// What is left of a session after its end.
pub(crate) struct Remains {
    pub(crate) socket: CarrierSocket,
    pub(crate) turns: TurnWriter,
    pub(crate) key: Arc<SessionKey>,
}

enum RecognitionLeg {
    /// The core decides whether and where to connect again.
    Closed,
    Connecting {
        from: AudioPosition,
        connect: BoxFuture<'static, Result<Box<dyn Recognizer>, Failure>>,
    },
    Open(Box<dyn Recognizer>),
}

/// Whether the carrier takes what we send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Playout {
    Flowing,
    /// It did not read, so this utterance (and with it its marks: it was not heard) is dropped until
    /// the next one begins. `cleared` once what the carrier still had of it is emptied.
    Dropping {
        cleared: bool,
    },
}

/// Where something can happen, in the order in which it is looked at. What comes earlier feeds what
/// comes later, so that one round is mostly enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Carrier,
    Recognition,
    Generation,
    Speech,
    Tools,
    Clock,
    Turns,
}

impl Source {
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

    fn add(&mut self, source: Source) {
        self.0 |= source.bit();
    }

    fn take_first(&mut self) -> Option<Source> {
        let first = Source::ALL
            .into_iter()
            .find(|source| self.0 & source.bit() != 0)?;
        self.0 &= !first.bit();
        Some(first)
    }
}

impl Session {
    /// Begins the call: the recogniser starts to connect, the core is told that audio flows.
    pub(crate) fn new(parts: Parts) -> Self {
        let now = Instant::now();
        let message_size = MessageSize::new(parts.endpointing_ms);
        let mut session = Self {
            parts,
            caller: CallerAudio::new(),
            ear: SpeechGate::new(),
            message_size,
            replay: ReplayBuffer::new(),
            voiced_until: AudioPosition::ZERO,
            settled_until: AudioPosition::ZERO,
            recognition: RecognitionLeg::Closed,
            generations: Vec::new(),
            running_tools: Running::default(),
            due: Due::ALL,
            out: BytesMut::new(),
            playout: Playout::Flowing,
            speaking: None,
            bad_messages: 0,
            carrier_heard_at: now,
            woken_at: now,
            clearing_since: None,
            drain_told: false,
            carrier_closed: None,
            close_reason: CloseReason::Done,
            end: None,
            superseded: false,
        };
        session.connect_recognizer(0);
        session.parts.speaker.warm();
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
        match self.ending() {
            Some(ending) => Poll::Ready(ending),
            None => {
                self.arm(cx);
                Poll::Pending
            }
        }
    }

    /// What must outlive the conversation.
    pub(crate) fn into_remains(self) -> Remains {
        Remains {
            socket: self.parts.socket,
            turns: self.parts.turns,
            key: self.parts.key,
        }
    }

    /// Takes one event of `source`; false when there is none and the source will wake us.
    fn step(&mut self, source: Source, cx: &mut Context<'_>) -> bool {
        match source {
            Source::Carrier => self.step_carrier(cx),
            Source::Recognition => self.step_recognition(cx),
            Source::Generation => self.step_generation(cx),
            Source::Speech => self.step_speech(cx),
            Source::Tools => self.step_tools(cx),
            Source::Clock => self.step_clock(),
            Source::Turns => self.step_turns(cx),
        }
    }

    fn step_carrier(&mut self, cx: &mut Context<'_>) -> bool {
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
        let message = match media::decode(text) {
            Ok(message) => message,
            Err(problem) => return self.ignore(problem.code()),
        };
        if message
            .stream_sid()
            .is_some_and(|stream| stream != self.parts.stream_sid)
        {
            return self.ignore("foreign_stream");
        }
        match message {
            Inbound::Media {
                sequence,
                timestamp_ms,
                track: Track::Inbound,
                payload_base64,
                stream_sid: _,
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
        let overlap_bytes = match self.caller.place(sequence, timestamp_ms) {
            Placed::AtEnd {
                lost_ms,
                overlap_bytes,
            } => {
                if lost_ms > 0 {
                    self.parts.meters.audio_lost_ms.increment(lost_ms);
                }
                overlap_bytes
            }
            Placed::Duplicate => return self.ignore("duplicate"),
            Placed::Late => return self.ignore("out_of_order"),
        };
        let decoded = self
            .caller
            .append(overlap_bytes, |into| media::decode_payload(payload, into));
        let bytes = match decoded {
            Ok(bytes) => bytes,
            Err(problem) => return self.ignore(problem.code()),
        };
        self.parts.meters.frames_received.increment(1);
        let _activity = self.ear.hear(self.caller.newest(bytes));
        let voiced = self.ear.is_loud();
        if voiced {
            self.voiced_until = self.caller.end();
        }
        let waiting = self.caller.waiting().len();
        if self.message_size.is_due(bytes, voiced, waiting) {
            self.send_to_recognizer();
        }
    }

    /// Sends all caller audio that waits, and keeps it for a replay.
    fn send_to_recognizer(&mut self) {
        let audio = self.caller.waiting();
        if audio.is_empty() {
            return;
        }
        self.replay.push(audio);
        match &mut self.recognition {
            RecognitionLeg::Open(recognizer) => {
                self.parts.meters.recognition_messages.increment(1);
                // A failure comes again as the recogniser's last event.
                drop(recognizer.send_audio(audio));
                self.due.add(Source::Recognition);
                // Nothing is said that is not final: only the lead before speech is needed.
                if self.voiced_until <= self.settled_until + SETTLED_SLACK {
                    self.replay.settle(self.replay.end() - REPLAY_LEAD);
                }
            }
            RecognitionLeg::Closed | RecognitionLeg::Connecting { .. } => {}
        }
        self.caller.sent();
    }

    fn connect_recognizer(&mut self, route: usize) {
        let from = self.replay.start();
        let key = &self.parts.key;
        let connect = self.parts.recognizers.connect(
            route,
            RecognizerConfig {
                language: self.parts.language.clone(),
                endpointing_ms: self.parts.endpointing_ms,
                position: from,
                tag: format!("{} {}", key.tenant_id, key.call_id),
            },
        );
        self.recognition = RecognitionLeg::Connecting { from, connect };
        self.due.add(Source::Recognition);
    }

    fn step_recognition(&mut self, cx: &mut Context<'_>) -> bool {
        match &mut self.recognition {
            RecognitionLeg::Closed => false,
            RecognitionLeg::Connecting { from, connect } => {
                let Poll::Ready(connected) = connect.as_mut().poll(cx) else {
                    return false;
                };
                let from = *from;
                match connected {
                    Ok(recognizer) => self.replay_into(recognizer, from),
                    Err(failure) => self.recognition_lost(failure),
                }
                true
            }
            RecognitionLeg::Open(recognizer) => {
                let Poll::Ready(event) = recognizer.poll_event(cx) else {
                    return false;
                };
                match event {
                    Recognition::Lost(failure) => self.recognition_lost(failure),
                    Recognition::Opened
                    | Recognition::SpeechStarted { .. }
                    | Recognition::Interim { .. }
                    | Recognition::Final { .. }
                    | Recognition::UtteranceEnded => self.recognised(event),
                }
                true
            }
        }
    }

    fn recognised(&mut self, event: Recognition) {
        match &event {
            Recognition::Final {
                end, speech_final, ..
            } => {
                self.replay.settle(*end);
                self.settled_until = self.settled_until.max(*end);
                if *speech_final {
                    self.message_size.turn_ended();
                }
            }
            Recognition::UtteranceEnded => self.message_size.turn_ended(),
            Recognition::Opened
            | Recognition::SpeechStarted { .. }
            | Recognition::Interim { .. }
            | Recognition::Lost(_) => {}
        }
        self.feed(Event::Recognition(event));
    }

    fn recognition_lost(&mut self, failure: Failure) {
        Meters::vendor_failed(&failure);
        self.recognition = RecognitionLeg::Closed;
        self.feed(Event::Recognition(Recognition::Lost(failure)));
    }

    /// Gives a new recogniser the words that are not final yet, at their places.
    fn replay_into(&mut self, mut recognizer: Box<dyn Recognizer>, from: AudioPosition) {
        // While connecting, the oldest may have gone beyond the replay's limit: silence holds its
        // place.
        let gone_micros = self.replay.start().since(from).as_micros();
        let gone = gone_micros * u128::from(BYTES_PER_MS) / 1_000;
        let silence = vec![0xFF; usize::try_from(gone).unwrap_or(0)];
        let (older, newer) = self.replay.audio();
        for piece in [silence.as_slice(), older, newer] {
            // A failure comes again as the recogniser's last event.
            drop(recognizer.send_audio(piece));
        }
        self.recognition = RecognitionLeg::Open(recognizer);
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
                Meters::vendor_failed(failure);
                drop(self.generations.remove(place));
            }
        }
        self.feed(Event::Generation { id, event });
        true
    }

    fn step_speech(&mut self, cx: &mut Context<'_>) -> bool {
        let Poll::Ready((utterance, event)) = self.parts.speaker.poll_event(cx) else {
            return false;
        };
        if let call::Synthesis::Failed(failure) = &event {
            Meters::vendor_failed(failure);
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
        if !self.drain_told && self.parts.gate.stage() == Stage::Expired {
            self.drain_told = true;
            self.close_reason = CloseReason::GoingAway;
            self.feed(Event::DrainDeadline);
            return true;
        }
        if now.saturating_duration_since(self.carrier_heard_at) >= CARRIER_SILENCE_MAX {
            self.carrier_is_gone(CarrierClosed::Lost);
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

    fn step_turns(&mut self, cx: &mut Context<'_>) -> bool {
        let Poll::Ready(written) = self.parts.turns.poll_written(cx, Instant::now()) else {
            return false;
        };
        self.parts.meters.written(written);
        match written {
            Written::Stored | Written::Retrying => {}
            Written::Superseded => {
                tracing::warn!("the call is held by another session, this one leaves");
                self.superseded = true;
            }
        }
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
            Action::SendMark(mark) => self.mark(mark),
            Action::Clear => self.clear(),
            Action::OpenRecognition { route } => self.connect_recognizer(route),
            Action::FinalizeRecognition => {
                self.send_to_recognizer();
                if let RecognitionLeg::Open(recognizer) = &mut self.recognition {
                    recognizer.finalize();
                }
                self.due.add(Source::Recognition);
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
                self.due.add(Source::Generation);
            }
            Action::CancelGeneration(id) => self.generations.retain(|(of, _)| *of != id),
            Action::Synthesize(wanted) => {
                if self.speaking != Some(wanted.utterance) {
                    self.speaking = Some(wanted.utterance);
                    self.begin_utterance();
                }
                self.parts.speaker.speak(wanted);
                self.due.add(Source::Speech);
            }
            Action::FinishSynthesis(utterance) => {
                self.parts.speaker.finish(utterance);
                self.due.add(Source::Speech);
            }
            Action::CancelSynthesis(utterance) => {
                self.parts.speaker.cancel(utterance);
                self.due.add(Source::Speech);
            }
            Action::RunTool(call) => {
                self.running_tools.start(&self.parts.tools, call);
                self.due.add(Source::Tools);
            }
            Action::StoreTurn(turn) => {
                if let Some(answer) = &turn.waterfall {
                    self.parts.meters.answered(answer);
                }
                if self.parts.turns.push(turn).is_err() {
                    self.parts.meters.turns_lost.increment(1);
                    tracing::error!("the store has been away for too long, a turn is lost");
                }
                self.due.add(Source::Turns);
            }
            Action::Observe(observation) => Meters::observed(observation),
            Action::End(outcome) => self.end = Some(outcome),
        }
    }

    fn play(&mut self, audio: &[u8]) {
        if self.playout != Playout::Flowing {
            return;
        }
        media::encode_media(&self.parts.stream_sid, audio, &mut self.out);
        if self.send_out() {
            self.parts.meters.media_sent.increment(1);
            let millis = u64::try_from(audio.len()).unwrap_or(0) / BYTES_PER_MS;
            self.parts.meters.audio_sent_ms.increment(millis);
        }
    }

    fn mark(&mut self, mark: Mark) {
        if self.playout == Playout::Flowing {
            media::encode_mark(&self.parts.stream_sid, &mark.to_string(), &mut self.out);
            self.send_out();
        }
    }

    fn clear(&mut self) {
        self.clearing_since.get_or_insert(self.woken_at);
        media::encode_clear(&self.parts.stream_sid, &mut self.out);
        // A clear that does not fit goes out as soon as the carrier reads again.
        let cleared = self.send_out();
        if let Playout::Dropping { cleared: known } = &mut self.playout {
            *known |= cleared;
        }
    }

    /// A new utterance: the one that was dropped is over, if the carrier reads again.
    fn begin_utterance(&mut self) {
        if self.playout == (Playout::Dropping { cleared: true }) {
            self.playout = Playout::Flowing;
        }
    }

    /// Queues the message in `out`; false when the carrier does not take it, and then the utterance is
    /// given up.
    fn send_out(&mut self) -> bool {
        let message = self.out.split().freeze();
        let sent = self.parts.socket.send(message);
        if sent == Err(Full) && self.playout == Playout::Flowing {
            self.parts.meters.playouts_dropped.increment(1);
            tracing::warn!("the carrier does not read, what the agent says is dropped");
            self.playout = Playout::Dropping { cleared: false };
        }
        sent.is_ok()
    }

    /// Writes to the carrier what this wake has for it.
    fn flush(&mut self, cx: &mut Context<'_>) {
        if !self.parts.socket.is_unflushed() || self.parts.socket.poll_flush(cx).is_pending() {
            return;
        }
        if let Some(since) = self.clearing_since.take() {
            self.parts.meters.barge_in(since.elapsed());
        }
        if self.playout == (Playout::Dropping { cleared: false }) {
            // It reads again; what it still has breaks off in mid-word.
            media::encode_clear(&self.parts.stream_sid, &mut self.out);
            let cleared = self.send_out();
            self.playout = Playout::Dropping { cleared };
            cx.waker().wake_by_ref();
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
        if self.end.is_none() {
            tracing::error!("the core goes on without a carrier");
            self.end = Some(Outcome::StreamLost);
        }
    }

    fn is_over(&self) -> bool {
        self.end.is_some() || self.superseded
    }

    fn ending(&self) -> Option<Ending> {
        if !self.is_over() {
            return None;
        }
        // A stream that broke, and one that a stopping worker gives up, leave the call to be resumed:
        // the carrier goes on to the resume webhook.
        let resumable =
            self.superseded || matches!(self.end, Some(Outcome::StreamLost | Outcome::WorkerLost));
        Some(Ending {
            outcome: self.end.filter(|_| !resumable),
            carrier: self.carrier_closed,
            close_reason: self.close_reason,
        })
    }

    /// Makes sure that the next deadline wakes us.
    fn arm(&mut self, cx: &Context<'_>) {
        let mut next = self.carrier_heard_at + CARRIER_SILENCE_MAX;
        if let Some((at, reason)) = self.parts.call.poll_timeout() {
            let slack = if reason == PLAYBACK {
                PLAYBACK_SLACK
            } else {
                Duration::ZERO
            };
            next = next.min(self.instant(at) + slack);
        }
        if let Some(at) = self.parts.turns.next_attempt() {
            next = next.min(at);
        }
        self.parts.timer.arm(next, cx.waker());
    }

    fn call_time(&self, now: Instant) -> CallTime {
        CallTime::ZERO + now.saturating_duration_since(self.parts.started)
    }

    fn instant(&self, at: CallTime) -> Instant {
        self.parts.started + at.since(CallTime::ZERO)
    }
}
