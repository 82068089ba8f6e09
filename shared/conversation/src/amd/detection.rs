//! Who answered, as far as it is known, and where the call stands with a machine.
//!
//! Three sources tell: the carrier's verdict, the first words, and tones on the line. A person is never
//! kept waiting for any of them: until one says otherwise the call is a conversation. What is done
//! about it is decided in `amd::handling`; here is what is known and what is due.

use std::time::Duration;

use model::{
    AmdEvidence, AmdMode, AmdResult, AnsweredBy, CallSnapshot, CallTime, Detection, Direction,
    MachineAction, MessageCue,
};

use crate::Deadline;

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
pub(crate) struct Amd {
    pub(crate) found: AmdResult,
    pub(crate) stage: AmdStage,
    pub(crate) action: MachineAction,
    /// An outbound call: only there it is a question.
    asks: bool,
    /// The carrier was asked to detect.
    detects: bool,
    verdict: VerdictWait,
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
pub(crate) enum AmdStage {
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
enum VerdictWait {
    /// It is not asked for, or it is here.
    Closed,
    /// To be asked for at this time.
    Due(CallTime),
    /// Asked for; an answer always comes.
    Asked,
}

impl Amd {
    pub(crate) fn new(snapshot: &CallSnapshot, resumed: bool) -> Self {
        let outbound = snapshot.direction == Direction::Outbound;
        let detects = outbound && snapshot.answering.detect != AmdMode::Off;
        let timeout = snapshot.answering.thresholds.timeout_seconds;
        Self {
            found: AmdResult::default(),
            stage: AmdStage::Talking,
            action: snapshot.answering.machine,
            asks: outbound,
            detects,
            verdict: VerdictWait::Closed,
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
        self.found = AmdResult {
            // Its place was in another stream's audio, and it decided nothing.
            beep: None,
            ..before.found
        };
        self.connected_at = before.connected_at;
        self.hinted = before.hinted;
        self.verdict = if before.open && self.detects {
            VerdictWait::Due(now)
        } else {
            VerdictWait::Closed
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
            self.verdict = VerdictWait::Due(now + wait);
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
            AmdStage::Screening { .. } | AmdStage::Waiting { .. } | AmdStage::Doubting { .. } => {
                true
            }
            // Where the carrier does not listen, only we do.
            AmdStage::Talking => {
                self.is_opening(now) && (self.is_open() || self.hinted || !self.detects)
            }
            AmdStage::Leaving { .. } => false,
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
        self.verdict != VerdictWait::Closed
    }

    /// Whether no person is on the line as far as is known: nobody is answered, reminded or waited for
    /// as in a conversation.
    pub(crate) const fn is_apart(&self) -> bool {
        match self.stage {
            AmdStage::Talking => false,
            AmdStage::Screening { .. }
            | AmdStage::Doubting { .. }
            | AmdStage::Waiting { .. }
            | AmdStage::Leaving { .. } => true,
        }
    }

    /// Whether the other end is a machine that nobody talks to.
    pub(crate) const fn is_machine(&self) -> bool {
        match self.stage {
            AmdStage::Talking | AmdStage::Screening { .. } => false,
            AmdStage::Doubting { .. } | AmdStage::Waiting { .. } | AmdStage::Leaving { .. } => true,
        }
    }

    /// When something is due, and what.
    pub(crate) fn due(&self) -> Option<(CallTime, Deadline)> {
        let stage = match self.stage {
            AmdStage::Talking | AmdStage::Leaving { .. } => None,
            AmdStage::Screening { until, .. } => Some((until, Deadline::Screening)),
            AmdStage::Doubting { until } => Some((until, Deadline::Machine)),
            AmdStage::Waiting { until } => Some((until, Deadline::Beep)),
        };
        let ask = match self.verdict {
            VerdictWait::Due(at) => Some((at, Deadline::CarrierVerdict)),
            VerdictWait::Closed | VerdictWait::Asked => None,
        };
        [stage, ask].into_iter().flatten().min()
    }

    /// Whether the stage's time is over.
    pub(crate) fn is_overdue(&self, now: CallTime) -> bool {
        match self.stage {
            AmdStage::Talking | AmdStage::Leaving { .. } => false,
            AmdStage::Screening { until, .. }
            | AmdStage::Doubting { until }
            | AmdStage::Waiting { until } => until <= now,
        }
    }

    /// Whether the verdict is to be asked for now.
    pub(crate) fn ask(&mut self, now: CallTime) -> bool {
        match self.verdict {
            VerdictWait::Due(at) if at <= now => {
                self.verdict = VerdictWait::Asked;
                true
            }
            VerdictWait::Due(_) | VerdictWait::Closed | VerdictWait::Asked => false,
        }
    }

    /// There is no verdict yet.
    pub(crate) fn no_verdict(&mut self, now: CallTime) {
        if self.verdict != VerdictWait::Asked {
            return;
        }
        let since = now.since(self.connected_at);
        self.verdict = if since > self.timeout || self.resumed {
            self.forget_quiet();
            VerdictWait::Closed
        } else if since < ASK_OFTEN || self.is_machine() {
            VerdictWait::Due(now + ASK_EVERY)
        } else {
            VerdictWait::Due(now + ASK_SELDOM)
        };
    }

    /// The verdict is here, or nobody wants it any more.
    pub(crate) const fn close_verdict(&mut self) {
        self.verdict = VerdictWait::Closed;
    }

    /// Notes what the call is taken for, and why. What was decided later stands.
    pub(crate) const fn decide(&mut self, class: AnsweredBy, by: AmdEvidence, now: CallTime) {
        self.found.class = class;
        self.found.decided_by = Some(by);
        self.found.decided_at = Some(now);
    }

    /// What was found out; nothing where it was no question.
    pub(crate) fn told(&self) -> Option<AmdResult> {
        self.asks.then_some(self.found)
    }
}
