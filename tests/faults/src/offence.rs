//! What can be wrong in a world, as facts: checks match them, and only the story of a world says them in words.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use sim::carriers::twilio::Gap;

use super::rows::{Lead, Numbers, Slot};

/// An offence, and when it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) at: Timestamp,
    pub(super) offence: Offence,
}

/// Something that must never happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Offence {
    PassedGate {
        call: String,
        breach: Breach,
    },
    WentBack {
        call: String,
        from: String,
        to: String,
    },
    /// A slot or a lead names it.
    NoSuchCall {
        call: String,
    },
    /// A call that lives has other slots than its row says.
    SlotsNotItsOwn {
        call: String,
        state: String,
        held: BTreeSet<Slot>,
        wanted: BTreeSet<Slot>,
    },
    SlotsAfterItsEnd {
        call: String,
        held: BTreeSet<Slot>,
    },
    /// A call lives and its lead is not being called by it, or is although the call is over.
    LeadDisagrees {
        call: String,
        state: String,
        lead: Option<Lead>,
    },
    Miscounted {
        campaign: String,
        leads: Numbers,
        counted: Numbers,
    },
    TooManySlots {
        scope: String,
        taken: usize,
        limit: usize,
    },
    SuppressionForgotten,
    TurnWrittenOver {
        pk: String,
        sk: String,
    },
    /// The rows that were followed are not those in the table.
    RowsDiffer,
    /// The carrier was asked for one call more than once.
    AskedAgain {
        call: String,
        times: usize,
    },
    CalledTooOften {
        at: Vec<Duration>,
    },
    TooFast {
        asked: u128,
        from: Duration,
        to: Duration,
        interval: Duration,
    },
    Stuck {
        call: String,
        state: String,
    },
    SlotsNotGivenBack {
        slots: usize,
    },
    LeadNotDone {
        campaign: String,
        lead: String,
        state: String,
        due_at: Option<Timestamp>,
    },
    CampaignNotOver {
        campaign: String,
        state: String,
    },
    CalledWhileBeingCalled {
        call: String,
    },
    LivesOnAtTheCarrier {
        call: String,
        over_for: Duration,
    },
    TooManyAtTheCarrier {
        calls: usize,
        limit: usize,
    },
    Lost {
        people: usize,
    },
    NotAtRest {
        at_work: usize,
        messages: usize,
        carriers_next: Option<Duration>,
        workers_calls: Option<usize>,
    },
    Panicked,
    TokenUsedAgain,
    /// A call that came in is over, and the list still has it.
    StillListed {
        call: String,
    },
    /// A worker is gone, and its row counts.
    WorkerStillCounts {
        worker: String,
        until: Timestamp,
    },
    TurnsMissing {
        call: String,
        places: Vec<u64>,
    },
    /// The transcript has a word of the customer's that was not said.
    NotSaid {
        call: String,
        word: String,
        stored: Vec<String>,
        said: Vec<(String, u64, u64)>,
    },
    GreetedAgain {
        call: String,
        times: usize,
    },
    /// The customer was told so although no session broke off.
    ToldThatTheLineWasGone {
        call: String,
    },
    WordLost {
        call: String,
        word: String,
        from_ms: u64,
        to_ms: u64,
        stored: BTreeSet<String>,
        gaps: Vec<Gap>,
        streams: u32,
    },
    /// A call is over at the carrier, and for us it goes on.
    GoesOnForUs {
        call: String,
        state: String,
        over_for: Duration,
    },
    /// A call was answered and is over, and we do not know what it is billed for.
    DurationUnknown {
        call: String,
        known: Option<u64>,
        billed: u64,
    },
    /// The carrier made a recording that we neither have nor know to be gone.
    RecordingMissing {
        call: String,
        state: Option<String>,
    },
    /// Our copy is not what the carrier had.
    RecordingDiffers {
        call: String,
        ours: Option<usize>,
        carriers: usize,
    },
    /// The carrier's copy was deleted, and there was no whole one of ours.
    DeletedWithoutACopy {
        recording: String,
    },
    /// The carrier got more requests at once than the pace allows.
    TooManyAtOnce {
        asked: usize,
        allowed: usize,
        from: Duration,
        to: Duration,
    },
    /// Somebody counts as reached who heard nothing of us, and of whom we heard nothing.
    ReachedWithoutAWord {
        campaign: String,
        lead: String,
    },
    /// Somebody counts as reached although a machine answered, and we knew it.
    ReachedAMachine {
        campaign: String,
        lead: String,
    },
    /// Somebody pressed the key for it while we were there, and may be called again.
    OptOutUnheard {
        call: String,
        pressed_ms: u64,
    },
}

/// Why a call should not have passed the gate to the carrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Breach {
    NoPermit,
    NumberWithoutContact,
    Suppressed,
    /// Its number does not count it.
    NoAttempt,
    TalkedTo {
        earlier: String,
    },
    CampaignNotRunning {
        state: String,
    },
    Closed {
        now: Timestamp,
        zones: &'static [&'static str],
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.at, self.offence)
    }
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PassedGate { call, breach } => write!(f, "{call} passed the gate: {breach}"),
            Self::WentBack { call, from, to } => write!(f, "{call} went from {from} back to {to}"),
            Self::NoSuchCall { call } => {
                write!(f, "a slot or lead names {call}, which is not there")
            }
            Self::SlotsNotItsOwn {
                call,
                state,
                held,
                wanted,
            } => write!(f, "{call} is {state} and holds {held:?}, not {wanted:?}"),
            Self::SlotsAfterItsEnd { call, held } => write!(f, "{call} is over and holds {held:?}"),
            Self::LeadDisagrees { call, state, lead } => {
                write!(f, "{call} is {state}, and its lead is {lead:?}")
            }
            Self::Miscounted {
                campaign,
                leads,
                counted,
            } => write!(
                f,
                "{campaign}: leads are {leads:?}, counted were {counted:?}"
            ),
            Self::TooManySlots {
                scope,
                taken,
                limit,
            } => write!(f, "{taken} slots of {scope} are taken, {limit} allowed"),
            Self::SuppressionForgotten => write!(f, "that somebody is suppressed was forgotten"),
            Self::TurnWrittenOver { pk, sk } => write!(f, "a turn was written over: {pk} {sk}"),
            Self::RowsDiffer => {
                write!(f, "the rows that were followed are not those in the table")
            }
            Self::AskedAgain { call, times } => write!(f, "{call} was asked for {times} times"),
            Self::CalledTooOften { at } => write!(f, "somebody was called at {at:?}"),
            Self::TooFast {
                asked,
                from,
                to,
                interval,
            } => write!(
                f,
                "{asked} requests from {from:?} to {to:?}, one in {interval:?} allowed"
            ),
            Self::Stuck { call, state } => write!(f, "{call} is stuck: {state}"),
            Self::SlotsNotGivenBack { slots } => write!(f, "{slots} slots are not given back"),
            Self::LeadNotDone {
                campaign,
                lead,
                state,
                due_at,
            } => write!(f, "{lead} of {campaign} is {state}, due {due_at:?}"),
            Self::CampaignNotOver { campaign, state } => write!(f, "{campaign} is {state}"),
            Self::CalledWhileBeingCalled { call } => {
                write!(f, "{call} calls somebody who is being called")
            }
            Self::LivesOnAtTheCarrier { call, over_for } => {
                write!(
                    f,
                    "{call} lives on at the carrier, {over_for:?} after its end"
                )
            }
            Self::TooManyAtTheCarrier { calls, limit } => {
                write!(f, "the carrier has {calls} calls of ours, {limit} allowed")
            }
            Self::Lost { people } => {
                write!(f, "{people} people of the list are not there any more")
            }
            Self::NotAtRest {
                at_work,
                messages,
                carriers_next,
                workers_calls,
            } => write!(
                f,
                "the world has not come to rest: {at_work} at work, {messages} messages, the carrier's next \
                 {carriers_next:?}, workers' calls {workers_calls:?}"
            ),
            Self::Panicked => write!(f, "something panicked"),
            Self::TokenUsedAgain => write!(f, "a token opened two sessions"),
            Self::StillListed { call } => write!(f, "{call} is over and still listed"),
            Self::WorkerStillCounts { worker, until } => {
                write!(f, "{worker} is gone and counts until {until}")
            }
            Self::TurnsMissing { call, places } => write!(f, "{call} has turns at {places:?}"),
            Self::NotSaid {
                call,
                word,
                stored,
                said,
            } => write!(
                f,
                "{call}: its customer did not say this {word:?} (stored {stored:?}, said {said:?})"
            ),
            Self::GreetedAgain { call, times } => write!(f, "{call} was greeted {times} times"),
            Self::ToldThatTheLineWasGone { call } => {
                write!(f, "{call} was told that its line was gone")
            }
            Self::WordLost {
                call,
                word,
                from_ms,
                to_ms,
                stored,
                gaps,
                streams,
            } => write!(
                f,
                "{call}: {word:?}, said from {from_ms} to {to_ms} ms, is lost (stored {stored:?}, gaps {gaps:?}, \
                 {streams} streams)"
            ),
            Self::GoesOnForUs {
                call,
                state,
                over_for,
            } => write!(
                f,
                "{call} is {state}, and has been over at the carrier for {over_for:?}"
            ),
            Self::DurationUnknown {
                call,
                known,
                billed,
            } => write!(f, "{call} is billed for {billed} s, known are {known:?}"),
            Self::RecordingMissing { call, state } => {
                write!(f, "the recording of {call} is not kept: {state:?}")
            }
            Self::RecordingDiffers {
                call,
                ours,
                carriers,
            } => write!(
                f,
                "the copy of the recording of {call} has {ours:?} bytes and is not the carrier's, which has \
                 {carriers}"
            ),
            Self::DeletedWithoutACopy { recording } => {
                write!(f, "{recording} was deleted at the carrier without a copy")
            }
            Self::TooManyAtOnce {
                asked,
                allowed,
                from,
                to,
            } => write!(
                f,
                "{asked} requests came to the carrier from {from:?} to {to:?}, {allowed} allowed"
            ),
            Self::ReachedWithoutAWord { campaign, lead } => write!(
                f,
                "{lead} of {campaign} counts as reached, and nobody heard a word"
            ),
            Self::ReachedAMachine { campaign, lead } => {
                write!(
                    f,
                    "{lead} of {campaign} counts as reached, and a machine answered"
                )
            }
            Self::OptOutUnheard { call, pressed_ms } => write!(
                f,
                "{call}: its customer opted out by key at {pressed_ms} ms and is not suppressed"
            ),
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPermit => write!(f, "without a permit"),
            Self::NumberWithoutContact => write!(f, "its number knows nothing of it"),
            Self::Suppressed => write!(f, "its number is suppressed"),
            Self::NoAttempt => write!(f, "it is no attempt of its number"),
            Self::TalkedTo { earlier } => write!(f, "its lead was talked to in {earlier}"),
            Self::CampaignNotRunning { state } => write!(f, "its campaign is {state}"),
            Self::Closed { now, zones } => write!(f, "it is {now} in {zones:?}"),
        }
    }
}
