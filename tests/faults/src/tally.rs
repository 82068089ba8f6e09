//! What went wrong in a world, by kind: a fault that never happens is a check that cannot fail.

use std::collections::BTreeMap;
use std::fmt;

use super::process::{Kind, Moment};

/// Something that went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// A process died around one of its requests.
    Died(Kind, Moment),
    StorageThrottled,
    StorageStorm,
    TransactionCollided,
    StorageFailed,
    StorageBroke,
    StorageSilent,
    /// It was done, and the one who asked does not know.
    StorageAnswerLost,
    StorageSlow,
    /// Two work under one lease.
    LeaseShared,
    /// A planner began while another one was at work.
    TwoPlanners,
    MessageTwice,
    MessageLate,
    /// Behind one that was sent later.
    MessageOvertaken,
    /// Once more after its visibility time-out.
    MessageAgain,
    EventsLate,
    EventsTwice,
    CarrierNotConnected,
    CarrierTooMany,
    CarrierUnavailable,
    CarrierFailed,
    CarrierBroke,
    CarrierSilent,
    CarrierLate,
    /// The carrier made a call, and we do not know.
    CallAnswerLost,
    CarrierSlow,
    WebhookNotConnected,
    WebhookTwice,
    WebhookOvertaken,
    /// A call ended at the carrier, and nobody ever told us.
    WebhookNever,
    /// What it told came neither then nor later.
    CallbackLost(Told),
    /// For a while nothing that comes to us is let in.
    Deaf,
    /// Everything of ours dies, and hears nothing until it has started again.
    Killed,
    /// It does while a phone rings.
    KilledWhileRinging,
    /// It does after somebody picked up and before anybody of ours speaks with them.
    KilledBeforeSession,
    /// The carrier does not have the recording that it told of.
    RecordingNotThere,
    /// It sends part of a recording and says nothing of the rest.
    RecordingShort,
    /// It sends a file without any audio.
    RecordingEmpty,
    /// Somebody asks for a recording that was sent before.
    RecordingAgain,
    /// The carrier has it no more then.
    SecondFetchNotThere,
    /// The carrier sends less then.
    SecondFetchDiffers,
    StreamRefused,
    /// A stream breaks before or after the carrier's word on who answered.
    StreamCut(Moment, Answerer),
    ClockStepped,
    /// A worker stops and hands its calls over.
    WorkerStopped,
    TwoWorkersStop,
    WorkerKilled,
    WorkerKilledWhileItStops,
    /// No worker was left.
    NoWorkerLeft,
    /// Somebody used a stream's token once more, or first.
    TokenReplayed,
    /// A call went from one worker to another and none of it broke off.
    HandedOver,
    /// One broke off, and went on.
    Resumed,
    /// Somebody who is held hung up.
    HungUpWhileHeld,
    /// The carrier opened another stream for a worker that stops, and the worker does not know.
    RedirectAnswerLost,
    /// It does so when nobody counts on it any more.
    RedirectLate,
}

/// What a callback tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Told {
    Answered,
    Completed,
    Recording,
    Verdict,
}

/// Who picked up, as the carrier says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Answerer {
    Person,
    Machine,
}

impl Fault {
    /// What workers that come and go add to it.
    pub(super) fn of_workers() -> Vec<Self> {
        vec![
            Self::WorkerStopped,
            Self::TwoWorkersStop,
            Self::WorkerKilled,
            Self::WorkerKilledWhileItStops,
            Self::NoWorkerLeft,
            Self::TokenReplayed,
            Self::HandedOver,
            Self::Resumed,
            Self::RedirectAnswerLost,
            Self::RedirectLate,
        ]
    }

    /// All of them.
    pub(super) fn every() -> Vec<Self> {
        let mut every = vec![
            Self::StorageThrottled,
            Self::StorageStorm,
            Self::TransactionCollided,
            Self::StorageFailed,
            Self::StorageBroke,
            Self::StorageSilent,
            Self::StorageAnswerLost,
            Self::StorageSlow,
            Self::LeaseShared,
            Self::TwoPlanners,
            Self::MessageTwice,
            Self::MessageLate,
            Self::MessageOvertaken,
            Self::MessageAgain,
            Self::EventsLate,
            Self::EventsTwice,
            Self::CarrierNotConnected,
            Self::CarrierTooMany,
            Self::CarrierUnavailable,
            Self::CarrierFailed,
            Self::CarrierBroke,
            Self::CarrierSilent,
            Self::CarrierLate,
            Self::CallAnswerLost,
            Self::CarrierSlow,
            Self::WebhookNotConnected,
            Self::WebhookTwice,
            Self::WebhookOvertaken,
            Self::WebhookNever,
            Self::Deaf,
            Self::Killed,
            Self::KilledWhileRinging,
            Self::KilledBeforeSession,
            Self::RecordingNotThere,
            Self::RecordingShort,
            Self::RecordingEmpty,
            Self::RecordingAgain,
            Self::SecondFetchNotThere,
            Self::SecondFetchDiffers,
            Self::StreamRefused,
            Self::ClockStepped,
        ];
        for kind in Kind::EVERY {
            every.extend([Moment::Before, Moment::After].map(|moment| Self::Died(kind, moment)));
        }
        for told in [
            Told::Answered,
            Told::Completed,
            Told::Recording,
            Told::Verdict,
        ] {
            every.push(Self::CallbackLost(told));
        }
        for who in [Answerer::Person, Answerer::Machine] {
            every.extend([Moment::Before, Moment::After].map(|cut| Self::StreamCut(cut, who)));
        }
        every
    }
}

/// How often each went wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally(BTreeMap<Fault, u64>);

impl Tally {
    pub(super) fn note(&mut self, fault: Fault) {
        *self.0.entry(fault).or_default() += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (fault, times) in &other.0 {
            *self.0.entry(*fault).or_default() += times;
        }
    }

    /// What of these never went wrong.
    pub(super) fn missing(&self, mut every: Vec<Fault>) -> Vec<Fault> {
        every.retain(|fault| !self.0.contains_key(fault));
        every
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, (fault, times)) in self.0.iter().enumerate() {
            let comma = if nth == 0 { "" } else { ", " };
            write!(f, "{comma}{fault:?} {times}")?;
        }
        Ok(())
    }
}
