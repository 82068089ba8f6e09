//! One call at the carrier, from the queue to the last callback.
//!
//! It is told the time and what arrives, and answers with [`Output`]s; it makes no request, opens no
//! socket and writes no file itself.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use url::Url;

use super::account::Account;
use super::hook::{Hook, Hooks, Purpose, Settled, WebhookAnswer, WebhookRequest};
use super::line::{Lateness, Line, LineEvent};
use super::playout::PlayoutStats;
use super::record::{
    Direction, Instructions, Record, RecordOrder, Recording, RecordingStatus, Status, date,
};
use super::signature::sign;
use super::stream::{MediaStream, StreamIds, StreamProblem};
use super::twiml::{self, Stream, TwimlProblem, Verb};
use crate::person::{Log, Person, Pickup};
use crate::recording::Recorder;
use crate::voice::{SILENCE, Voice, speak};

/// Steps that one call may execute without time passing: two redirects to each other would go on for
/// ever.
const STEPS_MAX: u32 = 100;

/// A request about a call that ended so short a time ago crossed with its end: nobody could know.
const CROSSING_MAX: Duration = Duration::from_secs(2);

/// What a played file sounds like here.
const PLAY_SAMPLES: usize = 2 * 8_000;

/// Something for the owner to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Make this request and say how it went.
    Request(WebhookRequest),
    /// Open a WebSocket to `url` with this `X-Twilio-Signature`.
    OpenStream { url: String, signature: String },
    /// Send this text on the WebSocket.
    StreamText(String),
    /// Close the WebSocket in order.
    CloseStream,
    /// Break the WebSocket without a word.
    CutStream,
    /// More samples of a recording.
    AppendRecording {
        sid: String,
        channels: u16,
        samples: Vec<u8>,
    },
    /// The recording is whole.
    FinishRecording { sid: String, channels: u16 },
    /// The record changed: keep it.
    Save,
}

/// How a call stands, for those who watch.
#[derive(Debug, Clone)]
pub struct CallView {
    pub sid: String,
    pub to: String,
    pub from: String,
    /// When it was asked for.
    pub created_at: Timestamp,
    pub status: Status,
    pub answered_by: Option<String>,
    /// What the person heard, said and did, to the last frame.
    pub log: Log,
    /// Playback over all streams of the call so far.
    pub playout: PlayoutStats,
    pub lateness: Lateness,
    /// Media streams that were opened.
    pub streams: u32,
    /// Between two of them.
    pub gaps: Vec<Gap>,
    /// Messages that the other side sent on them.
    pub stream_messages: u64,
    /// Recordings, by their ids.
    pub recordings: Vec<String>,
}

/// A time between two media streams of a call: what the person said then nobody was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// In milliseconds since the answer.
    pub from_ms: u64,
    pub to_ms: u64,
}

/// One call.
#[derive(Debug)]
pub(super) struct PhoneCall {
    account: Arc<Account>,
    record: Record,
    person: Person,
    rng: ChaCha8Rng,
    hooks: Hooks,
    state: LegState,
    outputs: VecDeque<Output>,
    /// When the recordings will be ready, after the end.
    recordings_ready_at: Option<Duration>,
    seen: Seen,
}

/// What is kept of a call for those who watch, beyond its record.
#[derive(Debug, Default)]
struct Seen {
    log: Log,
    playout: PlayoutStats,
    lateness: Lateness,
    streams: u32,
    gaps: Vec<Gap>,
    /// When the last stream ended, unless another one runs.
    stream_ended_ms: Option<u64>,
    stream_messages: u64,
}

#[derive(Debug)]
enum LegState {
    Queued {
        dial_at: Duration,
    },
    Dialing {
        ring_at: Duration,
    },
    Ringing {
        until: Duration,
        then: Status,
    },
    /// An inbound call waits for its first instructions.
    Inbound {
        fetching: u64,
    },
    Live(Box<Live>),
    Over,
}

/// An answered call.
#[derive(Debug)]
struct Live {
    line: Line,
    limit_at: Duration,
    program: VecDeque<Verb>,
    /// Where the running document came from.
    base: Option<Url>,
    doing: Doing,
    /// The next stream was waited for.
    stream_is_due: bool,
    /// Whether the verdict of the detection is still to come.
    undetected: bool,
    recording: Option<(String, u16)>,
}

#[derive(Debug)]
enum Doing {
    Nothing,
    /// Waiting to know who answered before the first instruction.
    Detecting,
    Fetching(u64),
    Playing,
    Pausing(Duration),
    Connecting {
        stream: Stream,
        action: Option<Hook>,
        ids: StreamIds,
    },
    Streaming {
        stream: Stream,
        action: Option<Hook>,
        breaks_at: Option<Duration>,
    },
}

impl PhoneCall {
    /// A call that was asked for; it leaves the queue at `dial_at`.
    pub(super) fn queued(
        account: Arc<Account>,
        record: Record,
        person: Person,
        seed: u64,
        dial_at: Duration,
    ) -> Self {
        let mut call = Self::new(account, record, person, seed, LegState::Queued { dial_at });
        call.outputs.push_back(Output::Save);
        call
    }

    /// A person calls one of our numbers.
    pub(super) fn inbound(
        account: Arc<Account>,
        record: Record,
        person: Person,
        seed: u64,
        voice: &Hook,
        now: Duration,
    ) -> Self {
        let mut call = Self::new(account, record, person, seed, LegState::Over);
        let fields = call.record.fields("ringing");
        if let Some(fetching) = call.hooks.fetch(Purpose::Instructions, voice, fields, now) {
            call.state = LegState::Inbound { fetching };
        }
        call.outputs.push_back(Output::Save);
        call.poll_hooks(now);
        call
    }

    /// A call of a process that died: the far side has gone on without us meanwhile. What was ended is
    /// as it was; what was on is over, with everything that follows. `bytes` are what the recordings
    /// have come to.
    pub(super) fn restored(
        account: Arc<Account>,
        record: Record,
        seed: u64,
        bytes: impl Fn(&Recording) -> u64,
        now: Duration,
    ) -> Self {
        let mut call = Self::new(account, record, Person::no_answer(), seed, LegState::Over);
        let letters = std::mem::take(&mut call.record.undelivered);
        call.hooks.recover(letters, now);
        for recording in &mut call.record.recordings {
            if matches!(
                recording.status,
                RecordingStatus::InProgress | RecordingStatus::Processing
            ) {
                recording.bytes = bytes(recording);
                recording.status = RecordingStatus::InProgress;
            }
        }
        let unfinished = |recording: &Recording| recording.status == RecordingStatus::InProgress;
        match call.record.status {
            Status::Queued | Status::Ringing => call.over(Status::NoAnswer, "487", now),
            Status::InProgress => call.over(Status::Completed, "200", now),
            Status::Completed
            | Status::Busy
            | Status::Failed
            | Status::NoAnswer
            | Status::Canceled => {
                if call.record.recordings.iter().any(unfinished) {
                    call.recordings_ready_at = Some(now + call.account.timing.processing);
                }
            }
        }
        call.hooks.patient();
        call.poll_hooks(now);
        call
    }

    fn new(
        account: Arc<Account>,
        record: Record,
        person: Person,
        seed: u64,
        state: LegState,
    ) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let hooks = Hooks::new(
            &account.auth_token.0,
            ChaCha8Rng::seed_from_u64(rng.random()),
        );
        Self {
            account,
            record,
            person,
            rng,
            hooks,
            state,
            outputs: VecDeque::new(),
            recordings_ready_at: None,
            seen: Seen::default(),
        }
    }

    pub(super) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Self::handle_timeout`] is wanted next.
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        let state = match &self.state {
            LegState::Queued { dial_at } => Some(*dial_at),
            LegState::Dialing { ring_at } => Some(*ring_at),
            LegState::Ringing { until, .. } => Some(*until),
            LegState::Inbound { .. } | LegState::Over => None,
            LegState::Live(live) => {
                let mut next = live.line.poll_timeout().min(live.limit_at);
                match &live.doing {
                    Doing::Pausing(until)
                    | Doing::Streaming {
                        breaks_at: Some(until),
                        ..
                    } => next = next.min(*until),
                    Doing::Nothing
                    | Doing::Detecting
                    | Doing::Fetching(_)
                    | Doing::Playing
                    | Doing::Connecting { .. }
                    | Doing::Streaming {
                        breaks_at: None, ..
                    } => {}
                }
                Some(next)
            }
        };
        let times = [state, self.recordings_ready_at, self.hooks.poll_timeout()];
        times.into_iter().flatten().min()
    }

    /// Whether nothing will happen any more.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self.state, LegState::Over)
            && self.recordings_ready_at.is_none()
            && self.hooks.is_idle()
    }

    /// Whether nothing will happen any more and nothing waits to be put out.
    pub(super) fn is_idle(&mut self) -> bool {
        self.is_settled() && self.outputs.is_empty()
    }

    /// Lets time pass.
    pub(super) fn handle_timeout(&mut self, now: Duration) {
        match &mut self.state {
            LegState::Queued { dial_at } if *dial_at <= now => self.dial(now),
            LegState::Dialing { ring_at } if *ring_at <= now => self.ring(now),
            LegState::Ringing { until, then } if *until <= now => match *then {
                Status::InProgress => self.answer(now),
                other @ (Status::Queued
                | Status::Ringing
                | Status::Completed
                | Status::Busy
                | Status::Failed
                | Status::NoAnswer
                | Status::Canceled) => self.over(other, "487", now),
            },
            LegState::Live(_) => self.live(now),
            LegState::Queued { .. }
            | LegState::Dialing { .. }
            | LegState::Ringing { .. }
            | LegState::Inbound { .. }
            | LegState::Over => {}
        }
        if self.recordings_ready_at.is_some_and(|at| at <= now) {
            self.recordings_ready_at = None;
            self.finish_recordings(now);
        }
        self.poll_hooks(now);
    }

    /// How a request of [`Output::Request`] went.
    pub(super) fn webhook_answered(&mut self, id: u64, answer: WebhookAnswer, now: Duration) {
        if let Some(settled) = self.hooks.answered(id, answer, now) {
            match settled.purpose {
                Purpose::Instructions | Purpose::Fallback => self.fetched(settled, now),
                Purpose::Status
                | Purpose::Detection
                | Purpose::Recording
                | Purpose::Stream
                | Purpose::Again => self.delivered(&settled),
            }
        }
        self.handle_timeout(now);
    }

    /// The WebSocket of [`Output::OpenStream`] stands.
    pub(super) fn stream_opened(&mut self, now: Duration) {
        let breaks_after = self.account.faults().stream_breaks_after;
        let LegState::Live(live) = &mut self.state else {
            return self.outputs.push_back(Output::CloseStream);
        };
        match std::mem::replace(&mut live.doing, Doing::Nothing) {
            Doing::Connecting {
                stream,
                action,
                ids,
            } => {
                let sid = ids.stream_sid.clone();
                live.line.connect(ids, &stream.parameters, now);
                self.seen.streams += 1;
                if let Some(from_ms) = self.seen.stream_ended_ms.take() {
                    let to_ms = live.line.elapsed_ms();
                    self.seen.gaps.push(Gap { from_ms, to_ms });
                }
                live.doing = Doing::Streaming {
                    stream: stream.clone(),
                    action,
                    breaks_at: breaks_after.map(|after| now + after),
                };
                self.stream_event((&stream, &sid), "stream-started", None, now);
            }
            other @ (Doing::Nothing
            | Doing::Detecting
            | Doing::Fetching(_)
            | Doing::Playing
            | Doing::Pausing(_)
            | Doing::Streaming { .. }) => {
                // Redirected meanwhile.
                live.doing = other;
                self.outputs.push_back(Output::CloseStream);
            }
        }
        self.handle_timeout(now);
    }

    /// The WebSocket could not be opened.
    pub(super) fn stream_refused(&mut self, code: u32, what: &str, now: Duration) {
        let LegState::Live(live) = &mut self.state else {
            return;
        };
        match std::mem::replace(&mut live.doing, Doing::Nothing) {
            Doing::Connecting {
                stream,
                action,
                ids,
            } => {
                self.account.noticed(code, what, Some(&self.record.sid));
                let error = Some(format!("{code}: {what}"));
                self.stream_event((&stream, &ids.stream_sid), "stream-error", error, now);
                self.after_stream(action, now);
            }
            other @ (Doing::Nothing
            | Doing::Detecting
            | Doing::Fetching(_)
            | Doing::Playing
            | Doing::Pausing(_)
            | Doing::Streaming { .. }) => live.doing = other,
        }
        self.handle_timeout(now);
    }

    /// A text message on the WebSocket.
    pub(super) fn stream_text(&mut self, text: &str, now: Duration) {
        if let LegState::Live(live) = &mut self.state {
            live.line.receive(text, now);
        }
        self.handle_timeout(now);
    }

    /// A binary message on the WebSocket.
    pub(super) fn stream_binary(&mut self, bytes: usize, now: Duration) {
        if let LegState::Live(live) = &mut self.state
            && let Some(stream) = live.line.stream_mut()
        {
            stream.receive_binary(bytes);
        }
        self.handle_timeout(now);
    }

    /// The other side broke the rules of WebSockets.
    pub(super) fn stream_violated(&self, code: u32, what: &str) {
        self.account.violated(code, what, Some(&self.record.sid));
    }

    /// The other side closed the WebSocket, or it broke (`problem` says how).
    pub(super) fn stream_closed(&mut self, problem: Option<(u32, &str)>, now: Duration) {
        self.end_stream(problem, now);
        self.handle_timeout(now);
    }

    /// Breaks the media stream without a word, as a network does.
    pub(super) fn cut_stream(&mut self, now: Duration) {
        self.outputs.push_back(Output::CutStream);
        self.stream_closed(Some((31_903, "the connection broke")), now);
    }

    /// REST `Status=completed` or `canceled`.
    pub(super) fn hang_up(&mut self, now: Duration) {
        match self.record.status {
            // A call that was still queued fires no callback.
            Status::Queued if matches!(self.state, LegState::Queued { .. }) => {
                self.record.status = Status::Canceled;
                self.record.ended_at = Some(self.account.wall(now));
                self.state = LegState::Over;
                self.outputs.push_back(Output::Save);
            }
            Status::Queued | Status::Ringing => self.over(Status::Canceled, "487", now),
            Status::InProgress => self.over(Status::Completed, "200", now),
            Status::Completed
            | Status::Busy
            | Status::Failed
            | Status::NoAnswer
            | Status::Canceled => {}
        }
        self.poll_hooks(now);
    }

    /// REST with new instructions: what runs is over.
    pub(super) fn redirect(&mut self, instructions: &Instructions, now: Duration) {
        self.leave_stream(now);
        if let LegState::Live(live) = &mut self.state {
            live.line.stop_local();
            live.program.clear();
            live.stream_is_due = false;
            if let Doing::Fetching(id) = std::mem::replace(&mut live.doing, Doing::Nothing) {
                self.hooks.forget(id);
            }
        }
        self.instruct(instructions, now);
        self.handle_timeout(now);
    }

    /// REST on the stream: the carrier ends it, the call goes on.
    pub(super) fn stop_stream(&mut self, now: Duration) {
        let action = match &self.state {
            LegState::Live(live) => match &live.doing {
                Doing::Streaming { action, .. } => action.clone(),
                Doing::Nothing
                | Doing::Detecting
                | Doing::Fetching(_)
                | Doing::Playing
                | Doing::Pausing(_)
                | Doing::Connecting { .. } => None,
            },
            LegState::Queued { .. }
            | LegState::Dialing { .. }
            | LegState::Ringing { .. }
            | LegState::Inbound { .. }
            | LegState::Over => None,
        };
        self.leave_stream(now);
        self.after_stream(action, now);
        self.handle_timeout(now);
    }

    pub(super) const fn record(&self) -> &Record {
        &self.record
    }

    pub(super) const fn record_mut(&mut self) -> &mut Record {
        &mut self.record
    }

    /// Has the record kept.
    pub(super) fn save(&mut self) {
        self.outputs.push_back(Output::Save);
    }

    /// The record as it is kept, undelivered callbacks included.
    pub(super) fn saved(&self) -> Record {
        let mut record = self.record.clone();
        record.undelivered = self.hooks.undelivered();
        record
    }

    /// The name and id of the media stream, while there is one.
    pub(super) fn stream(&self) -> Option<(Option<&str>, &str)> {
        let LegState::Live(live) = &self.state else {
            return None;
        };
        let Doing::Streaming { stream, .. } = &live.doing else {
            return None;
        };
        Some((
            stream.name.as_deref(),
            &live.line.stream()?.ids().stream_sid,
        ))
    }

    pub(super) fn view(&self) -> CallView {
        let mut view = CallView {
            sid: self.record.sid.clone(),
            to: self.record.to.clone(),
            from: self.record.from.clone(),
            created_at: self.record.created_at,
            status: self.record.status,
            answered_by: self.record.answered_by.clone(),
            log: self.seen.log.clone(),
            playout: self.seen.playout,
            lateness: self.seen.lateness,
            streams: self.seen.streams,
            gaps: self.seen.gaps.clone(),
            stream_messages: self.seen.stream_messages,
            recordings: self
                .record
                .recordings
                .iter()
                .map(|recording| recording.sid.clone())
                .collect(),
        };
        if let LegState::Live(live) = &self.state {
            view.log = live.line.log().clone();
            view.lateness = live.line.lateness();
            if let Some(stream) = live.line.stream() {
                view.playout = view.playout.and(stream.stats());
                view.stream_messages += stream.messages();
            }
        }
        view
    }

    fn dial(&mut self, now: Duration) {
        self.record.started_at = Some(self.account.wall(now));
        self.status_event("initiated", "initiated", Vec::new(), now);
        self.state = LegState::Dialing {
            ring_at: now + self.account.timing.setup,
        };
    }

    fn ring(&mut self, now: Duration) {
        let timeout = now + self.account.timing.timeout_second * self.record.order.ring_timeout_s;
        let (until, then) = match self.person.pickup() {
            Pickup::Busy => return self.over(Status::Busy, "486", now),
            Pickup::Unreachable => return self.over(Status::Failed, "404", now),
            Pickup::NoAnswer => (timeout, Status::NoAnswer),
            Pickup::Answers { after_rings, .. } => {
                let answers_at = now + self.account.timing.ring * after_rings;
                if answers_at < timeout {
                    (answers_at, Status::InProgress)
                } else {
                    (timeout, Status::NoAnswer)
                }
            }
        };
        self.record.status = Status::Ringing;
        let stir = vec![("StirStatus".to_owned(), "B".to_owned())];
        self.status_event("ringing", "ringing", stir, now);
        self.state = LegState::Ringing { until, then };
    }

    fn answer(&mut self, now: Duration) {
        let instructions = self.record.order.instructions.clone();
        self.go_live(now);
        let stir = vec![("StirStatus".to_owned(), "B".to_owned())];
        self.status_event("answered", "in-progress", stir, now);
        if let LegState::Live(live) = &mut self.state
            && matches!(live.doing, Doing::Detecting)
        {
            return;
        }
        self.instruct(&instructions, now);
        self.live(now);
    }

    /// The line is open from now on.
    fn go_live(&mut self, now: Duration) {
        let order = self.record.order.clone();
        let mut live = Live {
            line: Line::answered(&self.person, now),
            limit_at: now + Duration::from_secs(order.time_limit_s.into()),
            program: VecDeque::new(),
            base: None,
            doing: Doing::Nothing,
            stream_is_due: false,
            undetected: false,
            recording: None,
        };
        if let (Some(detect), Pickup::Answers { by, .. }) = (&order.detect, self.person.pickup()) {
            live.line.detect(detect.detection, by);
            live.undetected = true;
            if !detect.in_background {
                live.doing = Doing::Detecting;
            }
        }
        self.record.answered_at = Some(self.account.wall(now));
        self.record.status = Status::InProgress;
        self.state = LegState::Live(Box::new(live));
        if let Some(order) = order.record {
            self.start_recording(order, now);
        }
        self.changed(now);
    }

    /// Lets an answered call go on.
    fn live(&mut self, now: Duration) {
        let LegState::Live(live) = &mut self.state else {
            return;
        };
        live.line.advance(now);
        while let Some(message) = live.line.poll_message() {
            self.outputs.push_back(Output::StreamText(message));
        }
        self.line_events(now);
        for _step in 0..STEPS_MAX {
            let LegState::Live(live) = &mut self.state else {
                return;
            };
            if live.limit_at <= now {
                return self.over(Status::Completed, "200", now);
            }
            match &live.doing {
                Doing::Pausing(until) if *until <= now => live.doing = Doing::Nothing,
                Doing::Streaming {
                    breaks_at: Some(at),
                    ..
                } if *at <= now => {
                    self.outputs.push_back(Output::CutStream);
                    self.end_stream(Some((31_903, "the connection broke")), now);
                }
                Doing::Nothing => match live.program.pop_front() {
                    Some(verb) => self.execute(verb, now),
                    None => return self.over(Status::Completed, "200", now),
                },
                Doing::Detecting
                | Doing::Fetching(_)
                | Doing::Playing
                | Doing::Pausing(_)
                | Doing::Connecting { .. }
                | Doing::Streaming { .. } => return,
            }
        }
        self.account.violated(
            12_100,
            "instructions that go round in circles",
            Some(&self.record.sid),
        );
        self.over(Status::Failed, "200", now);
    }

    fn line_events(&mut self, now: Duration) {
        loop {
            let LegState::Live(live) = &mut self.state else {
                return;
            };
            let Some(event) = live.line.poll_event() else {
                return;
            };
            match event {
                LineEvent::Played => {
                    if matches!(live.doing, Doing::Playing) {
                        live.doing = Doing::Nothing;
                    }
                }
                LineEvent::PressedKey(_) => {}
                LineEvent::HungUp => self.over(Status::Completed, "200", now),
                LineEvent::Verdict {
                    answered_by,
                    after_ms,
                } => self.detected(answered_by, after_ms, now),
                LineEvent::Recorded(samples) => self.recorded(samples),
            }
        }
    }

    fn detected(&mut self, answered_by: &str, after_ms: u32, now: Duration) {
        self.record.answered_by = Some(answered_by.to_owned());
        let waiting = match &mut self.state {
            LegState::Live(live) => {
                live.undetected = false;
                let waiting = matches!(live.doing, Doing::Detecting);
                if waiting {
                    live.doing = Doing::Nothing;
                }
                waiting
            }
            LegState::Queued { .. }
            | LegState::Dialing { .. }
            | LegState::Ringing { .. }
            | LegState::Inbound { .. }
            | LegState::Over => false,
        };
        let callback = self
            .record
            .order
            .detect
            .as_ref()
            .and_then(|detect| detect.callback.clone().filter(|_hook| detect.in_background));
        if let Some(hook) = callback {
            let fields = [
                ("CallSid", self.record.sid.clone()),
                ("AccountSid", self.record.account_sid.clone()),
                ("AnsweredBy", answered_by.to_owned()),
                ("MachineDetectionDuration", after_ms.to_string()),
            ];
            self.call_back(Purpose::Detection, &hook, named(fields), now);
        }
        if waiting {
            let instructions = self.record.order.instructions.clone();
            self.instruct(&instructions, now);
        }
        self.changed(now);
    }

    /// Runs new instructions, now or when they are fetched.
    fn instruct(&mut self, instructions: &Instructions, now: Duration) {
        match instructions {
            Instructions::Inline(document) => self.program(document, None, now),
            Instructions::At(hook) => self.fetch(Purpose::Instructions, hook, Vec::new(), now),
        }
    }

    fn program(&mut self, document: &str, base: Option<Url>, now: Duration) {
        match twiml::parse(document, base.as_ref()) {
            Ok(verbs) => {
                if let LegState::Live(live) = &mut self.state {
                    live.program = verbs.into();
                    live.base = base;
                    live.doing = Doing::Nothing;
                }
            }
            Err(problem) => self.bad_instructions(&problem, now),
        }
    }

    fn bad_instructions(&mut self, problem: &TwimlProblem, now: Duration) {
        self.account
            .violated(problem.code, problem.what.clone(), Some(&self.record.sid));
        self.over(Status::Completed, "200", now);
    }

    fn fetch(
        &mut self,
        purpose: Purpose,
        hook: &Hook,
        extra: Vec<(String, String)>,
        now: Duration,
    ) {
        let mut fields = self.record.fields(self.record.status.as_str());
        if let Some(answered_by) = &self.record.answered_by {
            fields.push(("AnsweredBy".to_owned(), answered_by.clone()));
        }
        fields.extend(extra);
        let id = self.hooks.fetch(purpose, hook, fields, now);
        if let (LegState::Live(live), Some(id)) = (&mut self.state, id) {
            live.doing = Doing::Fetching(id);
        }
    }

    /// Instructions came, or did not.
    fn fetched(&mut self, settled: Settled, now: Duration) {
        let wanted = match &self.state {
            LegState::Live(live) => matches!(live.doing, Doing::Fetching(id) if id == settled.id),
            LegState::Inbound { fetching } => *fetching == settled.id,
            LegState::Queued { .. }
            | LegState::Dialing { .. }
            | LegState::Ringing { .. }
            | LegState::Over => false,
        };
        if !wanted {
            return;
        }
        let sid = self.record.sid.clone();
        let document = match settled.answer {
            WebhookAnswer::Answered {
                status,
                content_type,
                body,
            } if status / 100 == 2 => {
                if is_xml(&content_type) {
                    Some(body)
                } else {
                    self.account
                        .violated(12_300, "instructions that are not text/xml", Some(&sid));
                    None
                }
            }
            WebhookAnswer::Answered { status, .. } => {
                let what = format!("instructions answered with status {status}");
                self.account.noticed(11_200, what, Some(&sid));
                None
            }
            WebhookAnswer::NotConnected => {
                self.account
                    .noticed(11_205, "no connection for instructions", Some(&sid));
                None
            }
            WebhookAnswer::NotAnswered => {
                self.account
                    .noticed(11_200, "no answer with instructions", Some(&sid));
                None
            }
        };
        let base = Url::parse(&settled.url).ok();
        match (document, &self.state) {
            (Some(document), LegState::Inbound { .. }) => {
                self.pick_up_inbound(&document, base, now);
            }
            (Some(document), _) => self.program(&document, base, now),
            (None, LegState::Live(_)) if settled.purpose == Purpose::Instructions => {
                match self.record.order.fallback.clone() {
                    Some(hook) => {
                        let error = [("ErrorCode", "11200".to_owned()), ("ErrorUrl", settled.url)];
                        self.fetch(Purpose::Fallback, &hook, named(error), now);
                    }
                    None => self.over(Status::Completed, "200", now),
                }
            }
            (None, LegState::Inbound { .. }) => self.over(Status::Failed, "200", now),
            (None, _) => self.over(Status::Completed, "200", now),
        }
    }

    /// The first instructions of an inbound call: any verb but `Reject` picks up.
    fn pick_up_inbound(&mut self, document: &str, base: Option<Url>, now: Duration) {
        match twiml::parse(document, base.as_ref()) {
            Ok(verbs) => match verbs.first() {
                Some(Verb::Reject { busy }) => {
                    let status = if *busy {
                        Status::Busy
                    } else {
                        Status::NoAnswer
                    };
                    self.over(status, "486", now);
                }
                Some(_) | None => {
                    self.go_live(now);
                    if let LegState::Live(live) = &mut self.state {
                        live.program = verbs.into();
                        live.base = base;
                    }
                }
            },
            Err(problem) => {
                self.account
                    .violated(problem.code, problem.what, Some(&self.record.sid));
                self.over(Status::Failed, "200", now);
            }
        }
    }

    fn execute(&mut self, verb: Verb, now: Duration) {
        let LegState::Live(live) = &mut self.state else {
            return;
        };
        let opens_after = self.account.faults().stream_opens_after;
        match verb {
            connect @ Verb::Connect { .. } if !opens_after.is_zero() && !live.stream_is_due => {
                live.stream_is_due = true;
                live.program.push_front(connect);
                live.doing = Doing::Pausing(now + opens_after);
            }
            Verb::Connect { stream, action } => {
                live.stream_is_due = false;
                self.open_stream(stream, action);
            }
            Verb::StartRecording {
                channels,
                callback,
                events,
            } => {
                let order = RecordOrder {
                    channels,
                    callback,
                    events,
                    source: "StartCallRecordingTwiML".to_owned(),
                };
                self.start_recording(order, now);
            }
            Verb::Say { text, times } => {
                let once = speak(&text, &Voice::named("twilio")).audio;
                live.line.play_local(repeated(&once, times));
                live.doing = Doing::Playing;
            }
            Verb::Play { times } => {
                live.line
                    .play_local(repeated(&[SILENCE; PLAY_SAMPLES], times));
                live.doing = Doing::Playing;
            }
            Verb::Pause { seconds } => {
                live.doing = Doing::Pausing(now + Duration::from_secs(seconds.into()));
            }
            Verb::Redirect(hook) => self.fetch(Purpose::Instructions, &hook, Vec::new(), now),
            Verb::Hangup | Verb::Reject { .. } => self.over(Status::Completed, "200", now),
        }
    }

    fn open_stream(&mut self, stream: Stream, action: Option<Hook>) {
        let ids = StreamIds {
            account_sid: self.record.account_sid.clone(),
            call_sid: self.record.sid.clone(),
            stream_sid: self.fresh_sid("MZ"),
        };
        self.outputs.push_back(Output::OpenStream {
            url: stream.url.clone(),
            signature: sign(&self.account.auth_token.0, &stream.url, &[]),
        });
        if let LegState::Live(live) = &mut self.state {
            live.doing = Doing::Connecting {
                stream,
                action,
                ids,
            };
        }
    }

    /// The stream ended from the other side.
    fn end_stream(&mut self, problem: Option<(u32, &str)>, now: Duration) {
        let LegState::Live(live) = &mut self.state else {
            return;
        };
        match std::mem::replace(&mut live.doing, Doing::Nothing) {
            Doing::Streaming { stream, action, .. } => {
                let mut sid = String::new();
                if let Some(media) = live.line.disconnect(now) {
                    self.seen.stream_ended_ms = Some(live.line.elapsed_ms());
                    sid.clone_from(&media.ids().stream_sid);
                    self.keep_stream(&media);
                }
                if let Some((code, what)) = problem {
                    self.account.noticed(code, what, Some(&self.record.sid));
                    let error = Some(format!("{code}: {what}"));
                    self.stream_event((&stream, &sid), "stream-error", error, now);
                }
                self.stream_event((&stream, &sid), "stream-stopped", None, now);
                self.after_stream(action, now);
            }
            other @ (Doing::Nothing
            | Doing::Detecting
            | Doing::Fetching(_)
            | Doing::Playing
            | Doing::Pausing(_)
            | Doing::Connecting { .. }) => live.doing = other,
        }
    }

    /// The carrier ends the stream: `stop`, then the socket closes.
    fn leave_stream(&mut self, now: Duration) {
        let LegState::Live(live) = &mut self.state else {
            return;
        };
        let stream = match std::mem::replace(&mut live.doing, Doing::Nothing) {
            Doing::Streaming { stream, .. } => stream,
            Doing::Connecting { .. } => return self.outputs.push_back(Output::CloseStream),
            other @ (Doing::Nothing
            | Doing::Detecting
            | Doing::Fetching(_)
            | Doing::Playing
            | Doing::Pausing(_)) => {
                live.doing = other;
                return;
            }
        };
        let Some(mut media) = live.line.disconnect(now) else {
            return;
        };
        self.seen.stream_ended_ms = Some(live.line.elapsed_ms());
        if self.account.faults().no_stop_message {
            while let Some(message) = media.poll_message() {
                self.outputs.push_back(Output::StreamText(message));
            }
            self.outputs.push_back(Output::CutStream);
        } else {
            media.stop();
            while let Some(message) = media.poll_message() {
                self.outputs.push_back(Output::StreamText(message));
            }
            self.outputs.push_back(Output::CloseStream);
        }
        self.keep_stream(&media);
        self.stream_event(
            (&stream, &media.ids().stream_sid),
            "stream-stopped",
            None,
            now,
        );
    }

    /// After `<Connect>`: its action, or the next verb.
    fn after_stream(&mut self, action: Option<Hook>, now: Duration) {
        if let Some(hook) = action {
            self.fetch(Purpose::Instructions, &hook, Vec::new(), now);
        }
    }

    fn keep_stream(&mut self, stream: &MediaStream) {
        self.seen.playout = self.seen.playout.and(stream.stats());
        self.seen.stream_messages += stream.messages();
        // The carrier warns of each kind once per stream.
        for kind in [31_950, 31_951] {
            let mut of_kind = stream
                .problems()
                .iter()
                .filter(|problem| problem.code == kind);
            if let Some(StreamProblem { code, what }) = of_kind.next() {
                let what = match of_kind.count() {
                    0 => what.clone(),
                    more => format!("{what} (and {more} more like it)"),
                };
                self.account.violated(*code, what, Some(&self.record.sid));
            }
        }
    }

    /// Whether it ended so short a time ago that somebody may not know of it yet.
    pub(super) fn has_just_ended(&self, now: Duration) -> bool {
        let ended_at = self.record.ended_at;
        ended_at.is_some_and(|ended_at| {
            let ago = self.account.wall(now).duration_since(ended_at);
            ago.unsigned_abs() < CROSSING_MAX
        })
    }

    /// Records from here on. Not possible when the call is not on, or recorded already.
    pub(super) fn start_recording(
        &mut self,
        order: RecordOrder,
        now: Duration,
    ) -> Option<&Recording> {
        let sid = self.fresh_sid("RE");
        let LegState::Live(live) = &mut self.state else {
            return None;
        };
        if live.recording.is_some() {
            let what = "a second recording of a call that is recorded";
            self.account.violated(21_220, what, Some(&self.record.sid));
            return None;
        }
        live.line.record(Recorder::new(order.channels));
        live.recording = Some((sid.clone(), order.channels));
        let at = self.account.wall(now);
        self.record.recordings.push(Recording {
            sid,
            status: RecordingStatus::InProgress,
            order,
            started_at: at,
            updated_at: at,
            bytes: 0,
        });
        let last = self.record.recordings.len() - 1;
        self.recording_event(last, now);
        self.changed(now);
        self.record.recordings.last()
    }

    fn recorded(&mut self, samples: Vec<u8>) {
        let LegState::Live(live) = &self.state else {
            return;
        };
        let Some((sid, channels)) = live.recording.clone() else {
            return;
        };
        let bytes = u64::try_from(samples.len()).unwrap_or(0);
        let recording = self
            .record
            .recordings
            .iter_mut()
            .find(|recording| recording.sid == sid);
        if let Some(recording) = recording {
            recording.bytes += bytes;
        }
        self.outputs.push_back(Output::AppendRecording {
            sid,
            channels,
            samples,
        });
    }

    /// Recordings are processed: they can be fetched, or there was nothing to record.
    fn finish_recordings(&mut self, now: Duration) {
        for nth in 0..self.record.recordings.len() {
            let Some(recording) = self.record.recordings.get_mut(nth) else {
                return;
            };
            if !matches!(
                recording.status,
                RecordingStatus::InProgress | RecordingStatus::Processing
            ) {
                continue;
            }
            recording.status = if recording.bytes == 0 {
                RecordingStatus::Absent
            } else {
                RecordingStatus::Completed
            };
            recording.updated_at = self.account.wall(now);
            self.outputs.push_back(Output::FinishRecording {
                sid: recording.sid.clone(),
                channels: recording.order.channels,
            });
            self.recording_event(nth, now);
        }
        self.changed(now);
    }

    /// The call is over, whoever ended it.
    fn over(&mut self, status: Status, sip: &str, now: Duration) {
        self.leave_stream(now);
        if let LegState::Live(live) = &mut self.state {
            live.line.end(now);
            self.seen.log = live.line.log().clone();
            self.seen.lateness = live.line.lateness();
            let unheard = live.undetected.then(|| live.line.elapsed_ms());
            // What was hanging in the line: the rest of the recording above all.
            while let LegState::Live(live) = &mut self.state
                && let Some(event) = live.line.poll_event()
            {
                if let LineEvent::Recorded(samples) = event {
                    self.recorded(samples);
                }
            }
            if let Some(elapsed_ms) = unheard {
                self.detected(
                    "unknown",
                    u32::try_from(elapsed_ms).unwrap_or(u32::MAX),
                    now,
                );
            }
        }
        self.state = LegState::Over;
        self.record.status = status;
        self.record.ended_at = Some(self.account.wall(now));
        for recording in &mut self.record.recordings {
            if recording.status == RecordingStatus::InProgress {
                recording.status = RecordingStatus::Processing;
                self.recordings_ready_at = Some(now + self.account.timing.processing);
            }
        }
        let seconds = self.record.duration_s().unwrap_or(0);
        let mut extra = named([
            ("CallDuration", seconds.to_string()),
            ("SipResponseCode", sip.to_owned()),
        ]);
        if status == Status::Completed {
            extra.extend(named([("Duration", ((seconds + 59) / 60).to_string())]));
            if let Some(recording) = self.record.recordings.first() {
                extra.extend(named([
                    ("RecordingUrl", self.recording_url(recording)),
                    ("RecordingSid", recording.sid.clone()),
                    ("RecordingDuration", recording.duration_s().to_string()),
                ]));
            }
        }
        self.status_event("completed", status.as_str(), extra, now);
    }

    fn status_event(
        &mut self,
        event: &str,
        status: &str,
        extra: Vec<(String, String)>,
        now: Duration,
    ) {
        let order = &self.record.order;
        let wanted = order.status_events.iter().any(|wanted| wanted == event);
        if let Some(hook) = order.status_callback.clone()
            && wanted
        {
            let mut fields = self.record.fields(status);
            fields.extend(named([
                ("CallbackSource", "call-progress-events".to_owned()),
                ("Timestamp", date(self.account.wall(now))),
                ("SequenceNumber", self.record.sequence.to_string()),
            ]));
            fields.extend(extra);
            self.record.sequence += 1;
            self.call_back(Purpose::Status, &hook, fields, now);
        }
        self.changed(now);
    }

    fn recording_event(&mut self, nth: usize, now: Duration) {
        let Some(recording) = self.record.recordings.get(nth) else {
            return;
        };
        let status = recording.status.as_str();
        let Some(hook) = recording.order.callback.clone() else {
            return;
        };
        if !recording.order.events.iter().any(|event| event == status) {
            return;
        }
        let fields = named([
            ("AccountSid", self.record.account_sid.clone()),
            ("CallSid", self.record.sid.clone()),
            ("RecordingSid", recording.sid.clone()),
            ("RecordingUrl", self.recording_url(recording)),
            ("RecordingStatus", status.to_owned()),
            ("RecordingDuration", recording.duration_s().to_string()),
            ("RecordingChannels", recording.order.channels.to_string()),
            ("RecordingStartTime", date(recording.started_at)),
            ("RecordingSource", recording.order.source.clone()),
            ("RecordingTrack", "both".to_owned()),
            ("ErrorCode", "0".to_owned()),
        ]);
        self.call_back(Purpose::Recording, &hook, fields, now);
    }

    fn stream_event(
        &mut self,
        (stream, stream_sid): (&Stream, &str),
        event: &str,
        error: Option<String>,
        now: Duration,
    ) {
        let Some(hook) = stream.callback.clone() else {
            return;
        };
        let name = stream.name.clone().unwrap_or_else(|| stream_sid.to_owned());
        let mut fields = named([
            ("AccountSid", self.record.account_sid.clone()),
            ("CallSid", self.record.sid.clone()),
            ("StreamSid", stream_sid.to_owned()),
            ("StreamName", name),
            ("StreamEvent", event.to_owned()),
            ("Timestamp", self.account.wall(now).to_string()),
        ]);
        fields.extend(error.map(|text| ("StreamError".to_owned(), text)));
        self.call_back(Purpose::Stream, &hook, fields, now);
    }

    fn call_back(
        &mut self,
        purpose: Purpose,
        hook: &Hook,
        fields: Vec<(String, String)>,
        now: Duration,
    ) {
        let faults = self.account.faults().callbacks;
        if self
            .hooks
            .call_back(purpose, hook, fields, faults, now)
            .is_none()
        {
            self.account
                .noticed(11_200, "too many callbacks waiting", Some(&self.record.sid));
        }
        self.outputs.push_back(Output::Save);
    }

    /// A callback was answered, or given up.
    fn delivered(&mut self, settled: &Settled) {
        let (code, what) = match &settled.answer {
            WebhookAnswer::Answered { status, .. } if status / 100 == 2 => (0, String::new()),
            WebhookAnswer::Answered { status, .. } => {
                (11_200, format!("a callback answered with status {status}"))
            }
            WebhookAnswer::NotConnected => (11_205, "no connection for a callback".to_owned()),
            WebhookAnswer::NotAnswered => (11_200, "a callback without an answer".to_owned()),
        };
        if code != 0 {
            self.account.noticed(code, what, Some(&self.record.sid));
        }
        self.outputs.push_back(Output::Save);
    }

    fn poll_hooks(&mut self, now: Duration) {
        while let Some(request) = self.hooks.poll_request(now) {
            self.outputs.push_back(Output::Request(request));
        }
    }

    fn changed(&mut self, now: Duration) {
        self.record.updated_at = self.account.wall(now);
        self.outputs.push_back(Output::Save);
    }

    fn recording_url(&self, recording: &Recording) -> String {
        format!(
            "https://api.twilio.com{}",
            self.record.recording_path(recording)
        )
    }

    fn fresh_sid(&mut self, prefix: &str) -> String {
        format!("{prefix}{:032x}", self.rng.random::<u128>())
    }
}

impl Record {
    /// A record of a call that begins now.
    pub(super) fn new(
        sid: String,
        account: &Account,
        (from, to): (String, String),
        direction: Direction,
        order: super::record::Order,
        queue_time_ms: u64,
        now: Duration,
    ) -> Self {
        let at = account.wall(now);
        let inbound = direction == Direction::Inbound;
        Self {
            sid,
            account_sid: account.sid.clone(),
            to,
            from,
            direction,
            order,
            status: if inbound {
                Status::Ringing
            } else {
                Status::Queued
            },
            created_at: at,
            updated_at: at,
            started_at: inbound.then_some(at),
            answered_at: None,
            ended_at: None,
            answered_by: None,
            queue_time_ms,
            sequence: 0,
            recordings: Vec::new(),
            undelivered: Vec::new(),
        }
    }
}

fn named<const N: usize>(fields: [(&str, String); N]) -> Vec<(String, String)> {
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// Audio of the carrier itself, so many times; 0 times means for as long as a call can last, which a
/// minute stands for here.
fn repeated(once: &[u8], times: u32) -> Vec<u8> {
    const LOOP_SAMPLES_MAX: usize = 60 * 8_000;
    let times = if times == 0 { u32::MAX } else { times };
    let mut audio = once.to_vec();
    for _again in 1..times {
        if once.is_empty() || audio.len() + once.len() > LOOP_SAMPLES_MAX {
            break;
        }
        audio.extend_from_slice(once);
    }
    audio
}

fn is_xml(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("text/xml") || kind.eq_ignore_ascii_case("application/xml")
}
