//! Who answered, as far as it is known, and where the call stands with a machine.
//!
//! Three sources tell: the carrier's verdict, the first words, and tones on the line. A person is never
//! kept waiting for any of them: until one says otherwise the call is a conversation. What is done
//! about it is decided in `amd::handling`; here is what is known and what is due.

use std::time::Duration;

use model::{
    AmdEvidence, AmdMode, AmdResult, AnsweredBy, CallSnapshot, CallTime, CarrierVerdict, Detection,
    Direction, MachineAction, MessageCue,
};

use crate::amd::first_words::OPENING_MAX;
use crate::amd::recall::{Recalled, recall};
use crate::{Deadline, EarlierSessions};

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
    reason = "four facts that are independent of each other; the state is `stage`"
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
    /// When the call's first session began to listen: everything that runs out is counted from there.
    connected_at: CallTime,
    /// The line has been quiet for long.
    pub(crate) quiet: bool,
    /// The words may be those of a mailbox: with a beep they are.
    pub(crate) hinted: bool,
    /// Where sessions went before: what is known from them, until the call goes on.
    pub(crate) before: Option<Before>,
    /// What was heard last before the line broke: what comes first now may be the rest of it.
    pub(crate) cut_words: String,
    /// Nothing at all was heard since the line is back: by then a mailbox may have beeped, and records.
    silent_from: Option<CallTime>,
}

/// What is known of who answered from before this session.
#[derive(Debug)]
pub(crate) struct Before {
    /// The carrier's word, if it had one when this session began.
    pub(crate) verdict: Option<CarrierVerdict>,
    pub(crate) recalled: Recalled,
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
    pub(crate) fn new(snapshot: &CallSnapshot, past: &EarlierSessions) -> Self {
        let outbound = snapshot.direction == Direction::Outbound;
        let before = past.were_there().then(|| Before {
            verdict: past.verdict.filter(|_| outbound),
            // Who handed over told what it knew.
            recalled: if outbound && past.checkpoint.is_none() {
                recall(&past.turns)
            } else {
                Recalled::default()
            },
        });
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
            before,
            cut_words: String::new(),
            silent_from: None,
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
    pub(crate) fn go_on(&mut self, before: &Detection) {
        self.found = AmdResult {
            // Its place was in another stream's audio, and it decided nothing.
            beep: None,
            ..before.found
        };
        self.connected_at = before.connected_at;
        self.hinted = before.hinted;
        if !before.open {
            self.verdict = VerdictWait::Closed;
        }
    }

    pub(crate) fn connected(&mut self, now: CallTime) {
        let goes_on = self.before.is_some();
        self.connected_at = if goes_on { CallTime::ZERO } else { now };
        self.silent_from = goes_on.then_some(now);
        if self.detects {
            self.verdict = if goes_on {
                // The table was asked when this session was opened.
                VerdictWait::Asked
            } else {
                VerdictWait::Due(now + FIRST_ASK)
            };
        }
    }

    /// Something was heard, or may have been and nobody listened.
    pub(crate) const fn sounded(&mut self) {
        self.silent_from = None;
    }

    /// What the break may have cut is whole, or something else follows it.
    pub(crate) fn forget_cut_words(&mut self) {
        self.cut_words.clear();
    }

    /// By when the beep has to come if nothing more is heard. Breaks of the line do not make it later than
    /// it is in any call.
    pub(crate) fn beep_by(&self, now: CallTime) -> CallTime {
        let latest = self.connected_at + self.timeout.max(OPENING_MAX) + BEEP_WAIT_MAX;
        latest.min(now + BEEP_WAIT_MAX)
    }

    /// Whether another session can do what is left to do when this one breaks off: leave a message, or wait
    /// for the person behind a screening service.
    pub(crate) const fn goes_on_elsewhere(&self) -> bool {
        match self.stage {
            AmdStage::Talking | AmdStage::Doubting { .. } => false,
            AmdStage::Screening { .. } | AmdStage::Waiting { .. } | AmdStage::Leaving { .. } => {
                true
            }
        }
    }

    /// Whether first words and tones still say who answered.
    pub(crate) fn is_opening(&self, now: CallTime) -> bool {
        self.asks && now.since(self.connected_at) <= OPENING_MAX
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
            AmdStage::Waiting { until } => {
                let quiet = self.quiet_by();
                Some((quiet.map_or(until, |at| until.min(at)), Deadline::Beep))
            }
        };
        let ask = match self.verdict {
            VerdictWait::Due(at) => Some((at, Deadline::CarrierVerdict)),
            VerdictWait::Closed | VerdictWait::Asked => None,
        };
        [stage, ask].into_iter().flatten().min()
    }

    /// Whether a mailbox has been silent since the line is back, for as long as one is that records.
    pub(crate) fn is_silent(&self, now: CallTime) -> bool {
        self.quiet_by().is_some_and(|at| at <= now)
    }

    fn quiet_by(&self) -> Option<CallTime> {
        let wait = Duration::from_millis(audio::beep::LINE_QUIET_MS.into());
        self.silent_from.map(|from| from + wait)
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
        self.verdict = if since > self.timeout {
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
