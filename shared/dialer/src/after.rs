//! What becomes of a lead after a call, or after a rule held it back: done with a result, or waiting
//! with a due time. There is no third way, so no lead is lost.

use jiff::{SignedDuration, Timestamp};
use model::{Campaign, CampaignState, Lead, LeadResult, LeadState, Outcome, Retry, Rule};

use crate::attempts::later;
use crate::permit::{Denial, NUMBER_BUSY_RETRY};

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
}

/// What an outcome means for the lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// Nothing more to do.
    Done(LeadResult),
    /// The callee's side took the attempt and nobody was talked to.
    Again(SignedDuration),
    /// An attempt that the carrier or we spoilt after the phone may have rung: counts as both.
    Spoilt(SignedDuration),
    /// The phone never rang, or nobody had a chance to answer: not an attempt. Not again before so long.
    Fault(SignedDuration),
    /// Nothing was tried.
    NotTried,
}

/// The lead's next state. `lead` is as it was while the call was on.
#[must_use]
pub fn after_call(campaign: &Campaign, lead: &Lead, end: CallEnd, now: Timestamp) -> AfterCall {
    let (attempts, faults) = (lead.attempts, lead.faults);
    match meaning(campaign, end) {
        Meaning::Done(result) => AfterCall {
            state: done(result, now),
            attempts: attempts.saturating_add(1),
            faults: 0,
        },
        Meaning::Again(delay) => {
            let attempts = attempts.saturating_add(1);
            let state = if attempts >= campaign.fields.max_attempts {
                done(LeadResult::Exhausted, now)
            } else {
                waiting(campaign, later(now, delay), now)
            };
            AfterCall {
                state,
                attempts,
                faults: 0,
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
            }
        }
        Meaning::NotTried => AfterCall {
            state: waiting(campaign, later(now, TURNED_BACK_RETRY), now),
            attempts,
            faults,
        },
    }
}

/// The state of a lead that a rule held back at the gate or in the planner: no attempt is counted.
#[must_use]
pub fn after_denial(campaign: &Campaign, denial: Denial, now: Timestamp) -> LeadState {
    let Denial { rule, retry_at } = denial;
    match rule {
        Rule::NotCallable => done(LeadResult::Unreachable, now),
        Rule::Suppressed => done(LeadResult::Suppressed, now),
        Rule::Consent | Rule::ZoneUnknown => done(LeadResult::NotAllowed, now),
        Rule::Attempts => done(LeadResult::Exhausted, now),
        Rule::CampaignWindow
        | Rule::LegalHours
        | Rule::Holiday
        | Rule::BlockedDay
        | Rule::FrequencyCap => match retry_at {
            Some(at) => waiting(campaign, at, now),
            None => done(LeadResult::NotAllowed, now),
        },
        Rule::MinimumGap | Rule::NotDue => waiting(
            campaign,
            retry_at.unwrap_or(later(now, TURNED_BACK_RETRY)),
            now,
        ),
        Rule::NumberBusy => waiting(
            campaign,
            retry_at.unwrap_or(later(now, NUMBER_BUSY_RETRY)),
            now,
        ),
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
        | Rule::FairShare => waiting(campaign, retry_at.unwrap_or(now), now),
    }
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
        Outcome::Fax | Outcome::NumberUnreachable => Meaning::Done(LeadResult::Unreachable),
        Outcome::Busy => Meaning::Again(retry.busy.as_duration()),
        Outcome::NoAnswer => Meaning::Again(retry.no_answer.as_duration()),
        Outcome::Voicemail | Outcome::Screened => Meaning::Again(retry.voicemail.as_duration()),
        // Somebody of the tenant took the call away, before anybody of us had it or after.
        Outcome::HungUpByUser if end.talk > Talk::NoSession => {
            conversation(retry, end, Talk::Listened)
        }
        Outcome::Cancelled | Outcome::HungUpByUser => Meaning::Again(retry.no_answer.as_duration()),
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
        Meaning::Again(retry.voicemail.as_duration())
    } else if end.talk >= least {
        Meaning::Done(LeadResult::Reached)
    } else {
        Meaning::Again(retry.no_answer.as_duration())
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
