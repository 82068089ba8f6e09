//! What becomes of a lead after a call, or after a rule held it back: done with a result, or waiting
//! with a due time for the number that is in turn then. There is no third way, so no lead is lost.

mod rotation;

use jiff::{SignedDuration, Timestamp};
use model::{
    Campaign, CampaignState, Lead, LeadResult, LeadState, NextNumberAfter, Outcome, Retry,
    Rotation, Rule,
};

use crate::attempts::later;
use crate::permit::{Denial, NUMBER_BUSY_RETRY};

use rotation::Onward;

/// Faults in a row that are not the callee's doing, after which a lead is given up: by then something is
/// wrong that trying again does not mend.
pub const FAULTS_MAX: u32 = 8;
/// Wait after a fault of ours; doubles with each one in a row, up to `retry.failed`.
pub const FAULT_RETRY: SignedDuration = SignedDuration::from_mins(1);
/// Wait after a call that was turned back and whose reason is not at hand.
pub const TURNED_BACK_RETRY: SignedDuration = SignedDuration::from_mins(5);

/// How a call of a lead ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallEnd {
    pub outcome: Outcome,
    /// Somebody or something picked up.
    pub answered: bool,
    pub talk: Talk,
    /// The other end was a machine, by the verdict that stood at the end.
    pub machine: bool,
}

/// What was said in a call, as its transcript has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Talk {
    /// None of our sessions ever had the call.
    #[default]
    NoSession,
    /// A session had it, and neither side heard a word of the other.
    Nothing,
    /// They heard words of ours, and said none.
    Listened,
    /// Words of theirs were heard, or keys that they pressed.
    Spoke,
}

impl Talk {
    /// Every one, from the least to the most.
    pub const ALL: [Self; 4] = [Self::NoSession, Self::Nothing, Self::Listened, Self::Spoke];
}

impl CallEnd {
    /// The end of a call that nobody picked up.
    #[must_use]
    pub const fn unanswered(outcome: Outcome) -> Self {
        Self {
            outcome,
            answered: false,
            talk: Talk::NoSession,
            machine: false,
        }
    }
}

/// What a lead is after a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AfterCall {
    pub state: LeadState,
    /// What `Lead::attempts` is then.
    pub attempts: u32,
    /// What `Lead::faults` is then.
    pub faults: u32,
    /// What `Lead::rotation` is then.
    pub rotation: Rotation,
}

/// What a lead is after a rule held it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AfterDenial {
    pub state: LeadState,
    /// What `Lead::rotation` is then.
    pub rotation: Rotation,
}

/// What an outcome means for the lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// Nothing more to do.
    Done(LeadResult),
    /// Nobody is ever reached on the number.
    Unreachable,
    /// The callee's side took the attempt and nobody was talked to.
    Again(Missed),
    /// An attempt that the carrier or we spoilt after the phone may have rung: counts as both.
    Spoilt(SignedDuration),
    /// The phone never rang, or nobody had a chance to answer: not an attempt. Not again before so long.
    Fault(SignedDuration),
    /// Nothing was tried.
    NotTried,
}

/// How nobody was reached on a number that others may be reached on another time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missed {
    NoAnswer,
    Busy,
    Voicemail,
}

impl Missed {
    /// How long the same number waits then.
    fn retry(self, retry: &Retry) -> SignedDuration {
        match self {
            Self::NoAnswer => retry.no_answer,
            Self::Busy => retry.busy,
            Self::Voicemail => retry.voicemail,
        }
        .as_duration()
    }

    const fn next_number(self) -> NextNumberAfter {
        match self {
            Self::NoAnswer => NextNumberAfter::NoAnswer,
            Self::Busy => NextNumberAfter::Busy,
            Self::Voicemail => NextNumberAfter::Voicemail,
        }
    }
}

/// The lead's next state. `lead` is as it was while the call was on.
#[must_use]
pub fn after_call(campaign: &Campaign, lead: &Lead, end: CallEnd, now: Timestamp) -> AfterCall {
    let (attempts, faults, rotation) = (lead.attempts, lead.faults, lead.rotation);
    let (fields, alternates) = (&campaign.fields, &campaign.fields.alternate_numbers);
    match meaning(campaign, end) {
        Meaning::Done(result) => AfterCall {
            state: done(result, now),
            attempts: attempts.saturating_add(1),
            faults: 0,
            rotation,
        },
        Meaning::Unreachable => {
            let unreachable = NextNumberAfter::Unreachable;
            match rotation::without_this(alternates, lead, unreachable) {
                // A number that nobody has is no attempt at the person.
                Some(onward) => AfterCall {
                    state: waiting(campaign, due(campaign, onward, Missed::NoAnswer, now), now),
                    attempts,
                    faults: 0,
                    rotation: onward.rotation,
                },
                None => AfterCall {
                    state: done(LeadResult::Unreachable, now),
                    attempts: attempts.saturating_add(1),
                    faults: 0,
                    rotation,
                },
            }
        }
        Meaning::Again(missed) => {
            let attempts = attempts.saturating_add(1);
            if attempts >= fields.max_attempts {
                return AfterCall {
                    state: done(LeadResult::Exhausted, now),
                    attempts,
                    faults: 0,
                    rotation,
                };
            }
            let onward = rotation::next(alternates, lead, missed.next_number());
            let due_at = onward.map_or_else(
                || later(now, missed.retry(&fields.retry)),
                |onward| due(campaign, onward, missed, now),
            );
            AfterCall {
                state: waiting(campaign, due_at, now),
                attempts,
                faults: 0,
                rotation: onward.map_or(rotation, |onward| onward.rotation),
            }
        }
        Meaning::Spoilt(delay) => {
            let attempts = attempts.saturating_add(1);
            let faults = faults.saturating_add(1);
            let given_up = attempts >= campaign.fields.max_attempts || faults >= FAULTS_MAX;
            let state = if given_up {
                done(LeadResult::Failed, now)
            } else {
                waiting(campaign, later(now, delay), now)
            };
            AfterCall {
                state,
                attempts,
                faults,
                rotation,
            }
        }
        Meaning::Fault(least) => {
            let faults = faults.saturating_add(1);
            let state = if faults >= FAULTS_MAX {
                done(LeadResult::Failed, now)
            } else {
                let longest = campaign.fields.retry.failed.as_duration().max(FAULT_RETRY);
                let doubled = 1_i32.checked_shl(faults - 1).unwrap_or(i32::MAX);
                let delay = FAULT_RETRY.checked_mul(doubled).unwrap_or(longest);
                waiting(campaign, later(now, delay.min(longest).max(least)), now)
            };
            AfterCall {
                state,
                attempts,
                faults,
                rotation,
            }
        }
        Meaning::NotTried => AfterCall {
            state: waiting(campaign, later(now, TURNED_BACK_RETRY), now),
            attempts,
            faults,
            rotation,
        },
    }
}

/// The state of a lead that a rule held back at the gate or in the planner: no attempt is counted. `lead` has the
/// number in turn that was to be called.
#[must_use]
pub fn after_denial(
    campaign: &Campaign,
    lead: &Lead,
    denial: Denial,
    now: Timestamp,
) -> AfterDenial {
    let Denial { rule, retry_at } = denial;
    let stays = |state| AfterDenial {
        state,
        rotation: lead.rotation,
    };
    let not_allowed = || {
        let (why, result) = (NextNumberAfter::NotAllowed, LeadResult::NotAllowed);
        given_up(campaign, lead, why, result, now)
    };
    match rule {
        Rule::NotCallable => {
            let (why, result) = (NextNumberAfter::Unreachable, LeadResult::Unreachable);
            given_up(campaign, lead, why, result, now)
        }
        Rule::Suppressed => {
            let (why, result) = (NextNumberAfter::Suppressed, LeadResult::Suppressed);
            given_up(campaign, lead, why, result, now)
        }
        Rule::Consent | Rule::ZoneUnknown => not_allowed(),
        Rule::Attempts => stays(done(LeadResult::Exhausted, now)),
        Rule::AlternateNumbers => match rotation::own(lead) {
            Some(rotation) => AfterDenial {
                state: waiting(campaign, next_round(campaign, lead, now), now),
                rotation,
            },
            None => stays(done(LeadResult::NotAllowed, now)),
        },
        Rule::CampaignWindow
        | Rule::LegalHours
        | Rule::Holiday
        | Rule::BlockedDay
        | Rule::FrequencyCap => match retry_at {
            Some(at) => stays(waiting(campaign, at, now)),
            None => not_allowed(),
        },
        Rule::MinimumGap | Rule::NotDue => stays(waiting(
            campaign,
            retry_at.unwrap_or(later(now, TURNED_BACK_RETRY)),
            now,
        )),
        Rule::NumberBusy => stays(waiting(
            campaign,
            retry_at.unwrap_or(later(now, NUMBER_BUSY_RETRY)),
            now,
        )),
        // Nothing of the lead's own: it goes on when the campaign does.
        Rule::CampaignState
        | Rule::CampaignConcurrency
        | Rule::TenantConcurrency
        | Rule::AccountConcurrency
        | Rule::NoWorker
        | Rule::Pacing
        | Rule::Ramp
        | Rule::CircuitBreaker
        | Rule::OurNumber
        | Rule::FairShare => stays(waiting(campaign, retry_at.unwrap_or(now), now)),
    }
}

/// The number in turn is not called any more: another one is, or the lead is done.
fn given_up(
    campaign: &Campaign,
    lead: &Lead,
    why: NextNumberAfter,
    result: LeadResult,
    now: Timestamp,
) -> AfterDenial {
    match rotation::without_this(&campaign.fields.alternate_numbers, lead, why) {
        Some(onward) => {
            // Nothing was called just now, so the next number need not wait.
            let due_at = if onward.next_round {
                next_round(campaign, lead, now)
            } else {
                now
            };
            AfterDenial {
                state: waiting(campaign, due_at, now),
                rotation: onward.rotation,
            }
        }
        None => AfterDenial {
            state: done(result, now),
            rotation: lead.rotation,
        },
    }
}

/// When the number that is in turn now is called, after a call to another one that has just ended.
fn due(campaign: &Campaign, onward: Onward, missed: Missed, now: Timestamp) -> Timestamp {
    let fields = &campaign.fields;
    if onward.next_round {
        later(now, missed.retry(&fields.retry))
    } else {
        later(now, fields.alternate_numbers.wait.as_duration())
    }
}

/// When a number that was called in an earlier round is called again, as nothing was called just now.
fn next_round(campaign: &Campaign, lead: &Lead, now: Timestamp) -> Timestamp {
    let wait = campaign.fields.retry.no_answer.as_duration();
    let last = lead.last_attempt_at;
    last.map_or(now, |at| later(at, wait).max(now))
}

fn meaning(campaign: &Campaign, end: CallEnd) -> Meaning {
    let retry = &campaign.fields.retry;
    let failed = retry.failed.as_duration();
    match end.outcome {
        Outcome::AgentEnded | Outcome::CustomerHungUp | Outcome::DurationLimit => {
            conversation(retry, end, Talk::Listened)
        }
        // Whoever said nothing at all may not have been there: what they heard of us is no conversation.
        Outcome::CustomerSilent => conversation(retry, end, Talk::Spoke),
        Outcome::VoicemailLeft => Meaning::Done(LeadResult::VoicemailLeft),
        Outcome::OptedOut => Meaning::Done(LeadResult::OptedOut),
        Outcome::Fax | Outcome::NumberUnreachable => Meaning::Unreachable,
        Outcome::Busy => Meaning::Again(Missed::Busy),
        Outcome::NoAnswer => Meaning::Again(Missed::NoAnswer),
        Outcome::Voicemail | Outcome::Screened => Meaning::Again(Missed::Voicemail),
        // Somebody of the tenant took the call away, before anybody of us had it or after.
        Outcome::HungUpByUser if end.talk > Talk::NoSession => {
            conversation(retry, end, Talk::Listened)
        }
        Outcome::Cancelled | Outcome::HungUpByUser => Meaning::Again(Missed::NoAnswer),
        Outcome::CarrierRefused | Outcome::CarrierFailed => Meaning::Spoilt(failed),
        Outcome::CarrierUnconfirmed
        | Outcome::StreamLost
        | Outcome::VendorFailed
        | Outcome::NoCapacity
        | Outcome::WorkerLost
        | Outcome::PlatformFailed
            if end.answered =>
        {
            Meaning::Spoilt(failed)
        }
        // The carrier's list may lag behind: a call that it does not know of yet may still ring.
        Outcome::CarrierUnconfirmed => Meaning::Fault(failed),
        Outcome::CarrierRateLimited
        | Outcome::StreamLost
        | Outcome::VendorFailed
        | Outcome::NoCapacity
        | Outcome::WorkerLost
        | Outcome::PlatformFailed => Meaning::Fault(FAULT_RETRY),
        // No lead's call is rejected: that is said of calls to our numbers.
        Outcome::NotPermitted | Outcome::CampaignStopped | Outcome::Rejected => Meaning::NotTried,
    }
}

/// A call that ended as conversations do. It reached somebody if that was a person and there was at least
/// this much of a conversation.
fn conversation(retry: &Retry, end: CallEnd, least: Talk) -> Meaning {
    if end.talk == Talk::NoSession {
        // They picked up and heard nobody.
        Meaning::Spoilt(retry.failed.as_duration())
    } else if end.machine {
        Meaning::Again(Missed::Voicemail)
    } else if end.talk >= least {
        Meaning::Done(LeadResult::Reached)
    } else {
        Meaning::Again(Missed::NoAnswer)
    }
}

/// Waiting, unless the campaign will not be calling any more then.
fn waiting(campaign: &Campaign, due_at: Timestamp, now: Timestamp) -> LeadState {
    let over = |end: Timestamp| due_at.max(now) >= end;
    match campaign.state {
        CampaignState::Cancelled => done(LeadResult::Cancelled, now),
        CampaignState::Completed => done(LeadResult::NotAllowed, now),
        CampaignState::Draft
        | CampaignState::Scheduled
        | CampaignState::Running
        | CampaignState::Paused => {
            if campaign.fields.ends_at.is_some_and(over) {
                done(LeadResult::NotAllowed, now)
            } else {
                LeadState::Waiting { due_at }
            }
        }
    }
}

fn done(result: LeadResult, now: Timestamp) -> LeadState {
    LeadState::Done {
        result,
        done_at: now,
    }
}

#[cfg(test)]
mod tests;
