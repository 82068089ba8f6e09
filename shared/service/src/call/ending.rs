//! What goes with a call's end: its slots come back, its lead moves on, its contact keeps the outcome.
//!
//! Pure: the rows in, what is written with the call out. A provisional outcome that turns into the
//! final one moves the lead again, from where it stood before the call's end, unless another call has
//! it by then. What a lead becomes is decided by `dialer`.

use dialer::{CallEnd, Talk};
use jiff::{SignedDuration, Timestamp};
use model::{
    AnsweredBy, Call, CallState, Campaign, Contact, Direction, Doing, Lead, LeadResult, LeadState,
    Outcome, RecordingState, Rule,
};
use store::{CallCount, CallRow, LeadBefore, LeadChange, LeadRow, SlotsHeld, Spoken};

/// A carrier tells of a call's length and of its recording within seconds of its end; after this it is asked.
const TOLD_WITHIN: SignedDuration = SignedDuration::from_mins(5);

/// What a call's end is decided on besides the call.
#[derive(Debug, Default)]
pub(crate) struct Around {
    pub(crate) campaign: Option<Campaign>,
    pub(crate) lead: Option<LeadRow>,
    pub(crate) contact: Option<Contact>,
    /// What its transcript has, where a lead hangs on that.
    pub(crate) talk: Talk,
}

/// What is written with a changed call.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    pub(crate) slots: Option<SlotsHeld>,
    pub(crate) lead: Option<LeadMove>,
    pub(crate) contact: Option<Contact>,
    /// When to look for what is not known yet, of a call that was answered.
    pub(crate) follow_up: Option<Timestamp>,
    /// The call ends with this change.
    ends: bool,
    /// The outcome that stood for the time being, and is corrected with this change.
    corrects: bool,
}

/// How the lead and its campaign's counts change.
#[derive(Debug)]
pub(crate) enum LeadMove {
    Becomes {
        before: Box<LeadRow>,
        after: Box<Lead>,
        count: CallCount,
    },
    Recount {
        lead: Box<Lead>,
        count: CallCount,
    },
}

impl Ending {
    /// Nothing, unless the change sets an outcome or another one. `after` gives up its slots, and
    /// keeps what a correction would begin from.
    pub(crate) fn of(
        before: &CallRow,
        after: &mut CallRow,
        around: &Around,
        now: Timestamp,
    ) -> Self {
        let contact = around.contact.as_ref();
        let Some(outcome) = after.call.outcome.filter(|_| decides(before, after)) else {
            return Self::default();
        };
        let ends = before.call.state < CallState::Ended;
        let picks_up = was_answered(after) && !was_answered(before);
        let slots = if ends {
            after.progress.slots.take()
        } else {
            None
        };
        let count = match before.call.outcome {
            Some(from) => CallCount::Corrected { from, to: outcome },
            None => CallCount::Ended(outcome),
        };
        let lead = around.lead.as_ref().map(|row| {
            let moved = next(before, after, around, row, ends, now);
            match moved.map(|lead| as_they_wished(lead, after, contact, now)) {
                Some(lead) => LeadMove::Becomes {
                    before: Box::new(row.clone()),
                    after: Box::new(lead),
                    count,
                },
                None => LeadMove::Recount {
                    lead: Box::new(row.lead.clone()),
                    count,
                },
            }
        });
        after.progress.lead_before = match &lead {
            _ if !may_be_corrected(after) => None,
            Some(LeadMove::Becomes { before, .. }) if ends => Some(LeadBefore {
                attempts: before.lead.attempts,
                faults: before.lead.faults,
            }),
            Some(LeadMove::Becomes { .. } | LeadMove::Recount { .. }) | None => {
                after.progress.lead_before
            }
        };
        Self {
            slots,
            lead,
            follow_up: follow_up(after, now).filter(|_at| ends || picks_up),
            contact: contact.and_then(|contact| noted(contact, after)),
            ends,
            corrects: before.progress.provisional && !after.progress.provisional,
        }
    }

    /// Counts what was written.
    pub(crate) fn count(&self, row: &CallRow) {
        let Some(outcome) = row.call.outcome.filter(|_| self.ends || self.corrects) else {
            return;
        };
        if self.ends {
            let code = outcome.code();
            metrics::counter!("trunkline_calls_ended_total", "outcome" => code).increment(1);
        }
        if self.corrects {
            metrics::counter!("trunkline_calls_unheard_total", "state" => "heard").increment(1);
        }
        if row.progress.provisional {
            metrics::counter!("trunkline_calls_unheard_total", "state" => "missing").increment(1);
        } else if row.call.answered_at.is_some() && is_a_fault(outcome) {
            let reason = outcome.code();
            metrics::counter!("trunkline_calls_dropped_total", "reason" => reason).increment(1);
        }
    }
}

/// Whether somebody who had answered lost the call through us or a vendor of ours.
fn is_a_fault(outcome: Outcome) -> bool {
    match outcome.doing() {
        Doing::Platform | Doing::Vendor => true,
        Doing::Agent | Doing::Customer | Doing::Carrier | Doing::Policy | Doing::User => false,
    }
}

impl LeadMove {
    pub(crate) fn change(&self) -> LeadChange<'_> {
        match self {
            Self::Becomes {
                before,
                after,
                count,
            } => LeadChange::Becomes {
                before,
                after,
                count: *count,
            },
            Self::Recount { lead, count } => LeadChange::Recount {
                lead,
                count: *count,
            },
        }
    }
}

/// Whether the call was noted as an attempt with its contact: it passed the gate.
pub(crate) fn noted_with_contact(row: &CallRow) -> bool {
    row.call.direction == Direction::Outbound && row.progress.placing_at.is_some()
}

/// Whether an end is decided with this change, or decided anew: by another outcome or by the final one, because
/// somebody picked up after all, or because it was a machine.
pub(crate) fn decides(before: &CallRow, after: &CallRow) -> bool {
    let on = |row: &CallRow| {
        let (call, progress) = (&row.call, &row.progress);
        let ended = (call.outcome?, progress.provisional);
        let who = (was_answered(row), was_a_machine(call));
        // Whoever talked with them says how it ended, and what was said is stored by then.
        Some((ended, who, progress.session > 0 && !progress.session_open))
    };
    on(before) != on(after)
}

/// Whether something may still be heard that decides the end anew: what ended it, that the carrier had it after all, or
/// a verdict on who answered, where a session came to none.
fn may_be_corrected(row: &CallRow) -> bool {
    let call = &row.call;
    let undecided = call
        .answer
        .is_none_or(|answer| answer.class == AnsweredBy::Unknown);
    let lacks_verdict = call.carrier_verdict.is_none() && undecided;
    row.progress.provisional
        || call.outcome == Some(Outcome::CarrierUnconfirmed)
        || (row.progress.session > 0 && lacks_verdict)
}

/// What the lead becomes; `None`: it is not this call's to move.
fn next(
    before: &CallRow,
    after: &CallRow,
    around: &Around,
    row: &LeadRow,
    ends: bool,
    now: Timestamp,
) -> Option<Lead> {
    let campaign = around.campaign.as_ref()?;
    let call = &after.call;
    let lead = &row.lead;
    let outcome = call.outcome?;
    let mut from = lead.clone();
    if ends {
        if lead.state != (LeadState::Calling { call_id: call.id }) {
            return None;
        }
    } else {
        let ours = lead.last_call_id == Some(call.id) && lead.last_outcome == before.call.outcome;
        let LeadBefore { attempts, faults } = before.progress.lead_before?;
        if !ours || has_moved_on(&lead.state) {
            return None;
        }
        from.attempts = attempts;
        from.faults = faults;
    }
    // The number that was called, whichever is in turn by now: it was not given up then. Of a number that was taken
    // away from the lead since, nothing follows for the others.
    let place = from.place_of(&call.to)?;
    from.rotation = from.rotation.back_to(place);
    let denied = call
        .permit
        .as_ref()
        .filter(|permit| !permit.allowed)
        .and_then(|permit| Some((permit.denied_by?, permit.retry_at)));
    let mut next = from;
    next.held_by = denied.map(|(rule, _retry_at)| rule);
    if let Some((rule, retry_at)) = denied {
        let denial = dialer::Denial { rule, retry_at };
        let then = dialer::after_denial(campaign, &next, denial, now);
        next.state = then.state;
        next.rotation = then.rotation;
    } else {
        let end = CallEnd {
            outcome,
            answered: was_answered(after),
            talk: around.talk,
            machine: was_a_machine(call),
        };
        let then = dialer::after_call(campaign, &next, end, now);
        next.state = then.state;
        next.attempts = then.attempts;
        next.faults = then.faults;
        next.rotation = then.rotation;
        next.last_attempt_at = after.progress.placing_at.or(next.last_attempt_at);
    }
    next.last_outcome = Some(outcome);
    next.updated_at = now;
    Some(next)
}

/// Who asked in this very call not to be called again has opted out, however the call ended after that.
fn as_they_wished(lead: Lead, row: &CallRow, contact: Option<&Contact>, now: Timestamp) -> Lead {
    let suppression = contact.and_then(|contact| contact.suppression.as_ref());
    if suppression.and_then(|suppression| suppression.call_id) == Some(row.call.id) {
        return done(&lead, LeadResult::OptedOut, lead.held_by, now);
    }
    lead
}

/// When a call that ends now is looked at again, if something is not known of it that a carrier tells.
fn follow_up(row: &CallRow, now: Timestamp) -> Option<Timestamp> {
    let call = &row.call;
    let is_settled = matches!(
        call.recording,
        Some(RecordingState::Kept { .. } | RecordingState::Absent { .. })
    );
    let lacks_recording = is_recorded(call) && !is_settled;
    let lacks_something = lacks_recording || call.carrier_duration_seconds.is_none();
    let answered = was_answered(row) || may_have_been_answered(call);
    if !answered || !lacks_something {
        return None;
    }
    now.checked_add(TOLD_WITHIN).ok()
}

/// Whether the carrier is asked to record the call: with the request for each that we make, and once a session has
/// begun to tell the customer so for one to our numbers.
pub(crate) fn is_recorded(call: &Call) -> bool {
    match call.direction {
        Direction::Outbound => true,
        Direction::Inbound => call.records_inbound,
    }
}

/// What was said in a call that a session of ours had, or none.
pub(crate) fn talk(row: &CallRow, spoken: Spoken) -> Talk {
    match (row.progress.session, spoken) {
        (0, _) => Talk::NoSession,
        (_, Spoken { customer: true, .. }) => Talk::Spoke,
        (_, Spoken { agent: true, .. }) => Talk::Listened,
        (_, Spoken { .. }) => Talk::Nothing,
    }
}

/// The verdict on who answered that stands at the end: the session's, which knows the carrier's, else, where it came
/// to none, the carrier's.
fn was_a_machine(call: &Call) -> bool {
    let session = call.answer.map(|answer| answer.class);
    let decided = session.filter(|class| *class != AnsweredBy::Unknown);
    let class = decided.or(call.carrier_verdict.map(AnsweredBy::from));
    match class.unwrap_or_default() {
        AnsweredBy::Machine | AnsweredBy::Fax => true,
        // A screening service that put us through: what it kept has an outcome of its own.
        AnsweredBy::Screening | AnsweredBy::Human | AnsweredBy::Unknown => false,
    }
}

/// Whether somebody may have picked up without our knowing: we ended the call while it was on its way, or never heard
/// whether the carrier took it.
fn may_have_been_answered(call: &Call) -> bool {
    let by_us = call.outcome.is_some_and(|outcome| match outcome.doing() {
        Doing::User | Doing::Policy => true,
        Doing::Agent | Doing::Customer | Doing::Carrier | Doing::Vendor | Doing::Platform => false,
    });
    by_us && call.carrier_call_id.is_some() || call.outcome == Some(Outcome::CarrierUnconfirmed)
}

/// Whether somebody or something picked up: also where the end was heard of before the answer.
pub(crate) fn was_answered(row: &CallRow) -> bool {
    row.progress.picked_up
        || row.call.outcome.is_some_and(|outcome| match outcome {
            Outcome::AgentEnded
            | Outcome::CustomerHungUp
            | Outcome::CustomerSilent
            | Outcome::Voicemail
            | Outcome::VoicemailLeft
            | Outcome::Fax
            | Outcome::OptedOut
            | Outcome::Screened
            | Outcome::DurationLimit => true,
            Outcome::Busy
            | Outcome::NoAnswer
            | Outcome::NumberUnreachable
            | Outcome::CarrierRefused
            | Outcome::CarrierRateLimited
            | Outcome::CarrierUnconfirmed
            | Outcome::CarrierFailed
            | Outcome::StreamLost
            | Outcome::VendorFailed
            | Outcome::NoCapacity
            | Outcome::WorkerLost
            | Outcome::PlatformFailed
            | Outcome::Cancelled
            | Outcome::HungUpByUser
            | Outcome::NotPermitted
            | Outcome::CampaignStopped
            | Outcome::Rejected => false,
        })
}

/// Another call has the lead, or the callee's wish decided it meanwhile.
fn has_moved_on(state: &LeadState) -> bool {
    match state {
        LeadState::Waiting { .. } => false,
        LeadState::Calling { .. } => true,
        LeadState::Done { result, .. } => match result {
            LeadResult::Suppressed | LeadResult::OptedOut | LeadResult::Renumbered => true,
            LeadResult::Reached
            | LeadResult::VoicemailLeft
            | LeadResult::Unreachable
            | LeadResult::Exhausted
            | LeadResult::NotAllowed
            | LeadResult::Failed
            | LeadResult::Cancelled => false,
        },
    }
}

/// The contact with the outcome of this call's attempt; `None` when that is known or the attempt is
/// not there any more.
fn noted(contact: &Contact, row: &CallRow) -> Option<Contact> {
    let call = &row.call;
    let answered = was_answered(row);
    let mut contact = contact.clone();
    let attempt = contact
        .attempts
        .iter_mut()
        .find(|attempt| attempt.call_id == call.id)?;
    if attempt.outcome == call.outcome && attempt.answered == answered {
        return None;
    }
    attempt.outcome = call.outcome;
    attempt.answered = answered;
    contact.version = contact.version.saturating_add(1);
    Some(contact)
}

/// The lead, done. The rule is what ended it without a call.
pub(crate) fn done(lead: &Lead, result: LeadResult, rule: Option<Rule>, now: Timestamp) -> Lead {
    Lead {
        held_by: rule,
        state: LeadState::Done {
            result,
            done_at: now,
        },
        updated_at: now,
        ..lead.clone()
    }
}

#[cfg(test)]
mod tests;
