//! One call at the carrier, from the queue to the last callback.
//!
//! It is told the time and what arrives, and answers with [`Output`]s; it makes no request, opens no
//! socket and writes no file itself.

mod answered;
mod callbacks;
mod gather;
mod instructions;
mod recordings;
mod stream;
mod view;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use url::Url;

use self::callbacks::named;
use self::gather::Gathering;
use self::view::Seen;
use super::account::Account;
use super::hook::{Hook, Hooks, Purpose, WebhookAnswer, WebhookRequest};
use super::media::line::{Line, LineEvent};
use super::media::stream::StreamIds;
use super::record::{Record, Recording, RecordingStatus, Status};
use super::signature::Signed;
use super::twiml::{Stream, Verb};
use crate::person::{Person, Pickup};

pub use view::{CallView, Gap};

/// A request about a call that ended so short a time ago crossed with its end: nobody could know.
const CROSSING_MAX: Duration = Duration::from_secs(2);

/// Something for the owner to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Make this request and say how it went.
    Request(WebhookRequest),
    /// Open a WebSocket to `url` with these headers.
    OpenStream { url: String, signed: Signed },
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
    Gathering(Gathering),
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
        let hooks = Hooks::new(&account.signer, ChaCha8Rng::seed_from_u64(rng.random()));
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
                    Doing::Gathering(gathering) => {
                        next = gathering.due().map_or(next, |due| next.min(due));
                    }
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

    /// Whether it ended so short a time ago that somebody may not know of it yet.
    pub(super) fn has_just_ended(&self, now: Duration) -> bool {
        let ended_at = self.record.ended_at;
        ended_at.is_some_and(|ended_at| {
            let ago = self.account.wall(now).duration_since(ended_at);
            ago.unsigned_abs() < CROSSING_MAX
        })
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

    fn poll_hooks(&mut self, now: Duration) {
        while let Some(request) = self.hooks.poll_request(now) {
            self.outputs.push_back(Output::Request(request));
        }
    }

    fn changed(&mut self, now: Duration) {
        self.record.updated_at = self.account.wall(now);
        self.outputs.push_back(Output::Save);
    }

    fn fresh_sid(&mut self, prefix: &str) -> String {
        format!("{prefix}{:032x}", self.rng.random::<u128>())
    }
}
