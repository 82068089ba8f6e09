//! Who answered, as far as it is known, and where the call stands with a machine.
//!
//! Three sources tell: the carrier's verdict, the first words, and tones on the line. A person is never
//! kept waiting for any of them: until one says otherwise the call is a conversation. What is done
//! about it is decided in `call::answering_machine`; here is what is known and what is due.

use std::time::Duration;

use model::{
    AmdMode, Answer, AnswerEvidence, CallSnapshot, CallTime, Detection, Direction, MachineAction,
    MachineClass, MessageCue,
};

/// Nobody has a verdict sooner: a greeting of half a second and the silence that ends it.
const FIRST_ASK: Duration = Duration::from_secs(2);
/// From one question for the verdict to the next.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// The same once the conversation has gone on for [`ASK_OFTEN`]: then a person talks, and the verdict
/// is hardly more than a note.
const ASK_SELDOM: Duration = Duration::from_secs(3);
const ASK_OFTEN: Duration = Duration::from_secs(10);
/// The carrier's word may be under way for this long after it had to be said.
const VERDICT_LATE: Duration = Duration::from_secs(5);
/// Beeps and first words mean something for this long: mailboxes with longer greetings are menus.
pub(crate) const OPENING_MAX: Duration = Duration::from_secs(60);
/// A machine that may be a screening service is heard out for this long before it is hung up on.
pub(crate) const DOUBT_MAX: Duration = Duration::from_secs(6);
/// The longest that a message waits for the beep. Then nobody records.
pub(crate) const BEEP_WAIT_MAX: Duration = Duration::from_secs(45);
/// A person who is called by their screening service is there within this time or not at all.
pub(crate) const SCREENING_WAIT_MAX: Duration = Duration::from_secs(60);
/// A pause within a screening service's question.
pub(crate) const QUESTION_PAUSE_MAX: Duration = Duration::from_millis(1_500);
/// A screening service that asks more often does not understand us.
pub(crate) const SCREENING_ANSWERS_MAX: u32 = 3;

/// What is known of who answered.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "five facts that are independent of each other; the state is `stage`"
)]
pub(crate) struct Answered {
    pub(crate) found: Answer,
    pub(crate) stage: Stage,
    pub(crate) action: MachineAction,
    /// An outbound call: only there it is a question.
    asks: bool,
    /// The carrier was asked to detect.
    detects: bool,
    verdict: Verdict,
    timeout: Duration,
    connected_at: CallTime,
    /// The line has been quiet for long.
    pub(crate) quiet: bool,
    /// The words may be those of a mailbox: with a beep they are.
    pub(crate) hinted: bool,
    /// Another session of the call has gone before: there is no greeting to wait out any more.
    pub(crate) resumed: bool,
}

/// Where the call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// A conversation, or what may become one.
    Talking,
    /// A screening service asks who calls, or fetches the person. `answers`: how often it was told;
    /// `asked`: where its question ended so far.
    Screening {
        answers: u32,
        asked: CallTime,
        until: CallTime,
    },
    /// A machine that is hung up on unless its words are those of a screening service.
    Doubting { until: CallTime },
    /// The message waits for the beep.
    Waiting { until: CallTime },
    /// The message is being left.
    Leaving { after: MessageCue },
}

/// The carrier's verdict, as far as we know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// It is not asked for, or it is here.
    Closed,
    /// To be asked for at this time.
    Due(CallTime),
    /// Asked for; an answer always comes.
    Asked,
}

impl Answered {
    pub(crate) fn new(snapshot: &CallSnapshot, resumed: bool) -> Self {
        let outbound = snapshot.direction == Direction::Outbound;
        let detects = outbound && snapshot.answering.detect != AmdMode::Off;
        let timeout = snapshot.answering.thresholds.timeout_seconds;
        Self {
            found: Answer::default(),
            stage: Stage::Talking,
            action: snapshot.answering.machine,
            asks: outbound,
            detects,
            verdict: Verdict::Closed,
            timeout: Duration::from_secs(u64::from(timeout)) + VERDICT_LATE,
            connected_at: CallTime::ZERO,
            quiet: false,
            hinted: false,
            resumed,
        }
    }

    /// What the next session is to know.
    pub(crate) fn detection(&self) -> Detection {
        Detection {
            found: self.found,
            connected_at: self.connected_at,
            open: self.is_open(),
            hinted: self.hinted,
        }
    }

    /// Goes on from where another session was.
    pub(crate) fn go_on(&mut self, before: &Detection, now: CallTime) {
        self.found = Answer {
            // Its place was in another stream's audio, and it decided nothing.
            beep: None,
            ..before.found
        };
        self.connected_at = before.connected_at;
        self.hinted = before.hinted;
        self.verdict = if before.open && self.detects {
            Verdict::Due(now)
        } else {
            Verdict::Closed
        };
    }

    pub(crate) fn connected(&mut self, now: CallTime) {
        self.connected_at = now;
        if self.detects {
            let wait = if self.resumed {
                Duration::ZERO
            } else {
                FIRST_ASK
            };
            self.verdict = Verdict::Due(now + wait);
        }
    }

    /// Whether first words and tones still say who answered.
    pub(crate) fn is_opening(&self, now: CallTime) -> bool {
        self.asks && !self.resumed && now.since(self.connected_at) <= OPENING_MAX
    }

    /// Whether tones on the line are worth listening for.
    pub(crate) fn wants_tones(&self, now: CallTime) -> bool {
        match self.stage {
            // A screening service may hand over to a mailbox.
            Stage::Screening { .. } | Stage::Waiting { .. } | Stage::Doubting { .. } => true,
            // Where the carrier does not listen, only we do.
            Stage::Talking => {
                self.is_opening(now) && (self.is_open() || self.hinted || !self.detects)
            }
            Stage::Leaving { .. } => false,
        }
    }

    /// Nobody listens to the line any more unless something else asks for it: what it sounded like says
    /// nothing of later.
    pub(crate) const fn forget_quiet(&mut self) {
        if !self.hinted {
            self.quiet = false;
        }
    }

    /// Whether the carrier's verdict may still come.
    pub(crate) fn is_open(&self) -> bool {
        self.verdict != Verdict::Closed
    }

    /// Whether no person is on the line as far as is known: nobody is answered, reminded or waited for
    /// as in a conversation.
    pub(crate) const fn is_apart(&self) -> bool {
        match self.stage {
            Stage::Talking => false,
            Stage::Screening { .. }
            | Stage::Doubting { .. }
            | Stage::Waiting { .. }
            | Stage::Leaving { .. } => true,
        }
    }

    /// Whether the other end is a machine that nobody talks to.
    pub(crate) const fn is_machine(&self) -> bool {
        match self.stage {
            Stage::Talking | Stage::Screening { .. } => false,
            Stage::Doubting { .. } | Stage::Waiting { .. } | Stage::Leaving { .. } => true,
        }
    }

    /// When something is due, and what.
    pub(crate) fn due(&self) -> Option<(CallTime, &'static str)> {
        let stage = match self.stage {
            Stage::Talking | Stage::Leaving { .. } => None,
            Stage::Screening { until, .. } => Some((until, "screening")),
            Stage::Doubting { until } => Some((until, "machine")),
            Stage::Waiting { until } => Some((until, "beep")),
        };
        let ask = match self.verdict {
            Verdict::Due(at) => Some((at, "verdict")),
            Verdict::Closed | Verdict::Asked => None,
        };
        [stage, ask].into_iter().flatten().min()
    }

    /// Whether the stage's time is over.
    pub(crate) fn is_overdue(&self, now: CallTime) -> bool {
        match self.stage {
            Stage::Talking | Stage::Leaving { .. } => false,
            Stage::Screening { until, .. }
            | Stage::Doubting { until }
            | Stage::Waiting { until } => until <= now,
        }
    }

    /// Whether the verdict is to be asked for now.
    pub(crate) fn ask(&mut self, now: CallTime) -> bool {
        match self.verdict {
            Verdict::Due(at) if at <= now => {
                self.verdict = Verdict::Asked;
                true
            }
            Verdict::Due(_) | Verdict::Closed | Verdict::Asked => false,
        }
    }

    /// There is no verdict yet.
    pub(crate) fn no_verdict(&mut self, now: CallTime) {
        if self.verdict != Verdict::Asked {
            return;
        }
        let since = now.since(self.connected_at);
        self.verdict = if since > self.timeout || self.resumed {
            self.forget_quiet();
            Verdict::Closed
        } else if since < ASK_OFTEN || self.is_machine() {
            Verdict::Due(now + ASK_EVERY)
        } else {
            Verdict::Due(now + ASK_SELDOM)
        };
    }

    /// The verdict is here, or nobody wants it any more.
    pub(crate) const fn close_verdict(&mut self) {
        self.verdict = Verdict::Closed;
    }

    /// Notes what the call is taken for, and why. What was decided later stands.
    pub(crate) const fn decide(&mut self, class: MachineClass, by: AnswerEvidence, now: CallTime) {
        self.found.class = class;
        self.found.decided_by = Some(by);
        self.found.decided_at = Some(now);
    }

    /// What was found out; nothing where it was no question.
    pub(crate) fn told(&self) -> Option<Answer> {
        self.asks.then_some(self.found)
    }
}
