//! What past attempts at a number count for: caps, conversations, gaps and faults.

use jiff::{SignedDuration, Timestamp};
use model::{Attempt, CallId, Caps, Contact, Doing, Outcome};

const DAY: SignedDuration = SignedDuration::from_hours(24);
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
const MONTH: SignedDuration = SignedDuration::from_hours(30 * 24);

/// An attempt without an outcome is taken as alive for so long: longer than any call may last, so that
/// one whose end was never heard of does not block a number for ever.
pub const CALL_ALIVE_MAX: SignedDuration = SignedDuration::from_hours(6);

/// A cap that is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reached {
    pub(crate) what: Capped,
    pub(crate) count: u32,
    pub(crate) most: u32,
    /// When the oldest that counts no longer does.
    pub(crate) until: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Capped {
    AttemptsPerDay,
    AttemptsPerWeek,
    AttemptsPerMonth,
    ConversationsPerDay,
    /// So many days are over only after the last conversation.
    AfterConversation(u32),
}

/// The cap that holds the number back longest, if any is reached.
///
/// An attempt of the call that asks does not count against it.
pub(crate) fn reached(
    contact: &Contact,
    but: Option<CallId>,
    caps: &Caps,
    now: Timestamp,
) -> Option<Reached> {
    let after = caps.days_after_conversation.unwrap_or_default();
    let attempts = [
        (
            Capped::AttemptsPerDay,
            DAY,
            caps.attempts_per_day,
            rang as fn(&Attempt) -> bool,
        ),
        (
            Capped::AttemptsPerWeek,
            WEEK,
            caps.attempts_per_7_days.unwrap_or(u32::MAX),
            rang,
        ),
        (
            Capped::AfterConversation(after),
            DAY * i32::try_from(after).unwrap_or(i32::MAX),
            1,
            conversation,
        ),
        (
            Capped::AttemptsPerMonth,
            MONTH,
            caps.attempts_per_30_days,
            rang,
        ),
        (
            Capped::ConversationsPerDay,
            DAY,
            caps.conversations_per_day,
            conversation,
        ),
    ];
    let reached = attempts
        .into_iter()
        .filter_map(|(what, period, most, counts)| {
            let recent = |attempt: &&Attempt| {
                counts(attempt)
                    && Some(attempt.call_id) != but
                    && now.duration_since(attempt.at) < period
            };
            let count = contact.attempts.iter().filter(recent).count();
            let most_count = usize::try_from(most).unwrap_or(usize::MAX);
            let surplus = count.checked_sub(most_count)?;
            // Oldest first: when this one no longer counts, one more is allowed.
            let freeing = contact.attempts.iter().filter(recent).nth(surplus);
            let until = freeing.map_or(now, |attempt| attempt.at);
            Some(Reached {
                what,
                count: u32::try_from(count).unwrap_or(u32::MAX),
                most,
                until: later(until, period),
            })
        });
    reached.max_by_key(|reached| reached.until)
}

/// Attempts of the last 24 hours that count.
pub(crate) fn attempts_today(contact: &Contact, now: Timestamp) -> usize {
    let today = contact.attempts.iter();
    today
        .filter(|attempt| rang(attempt) && now.duration_since(attempt.at) < DAY)
        .count()
}

/// When the gap after the last attempt that was busy or not answered is over.
pub(crate) fn gap_until(contact: &Contact, caps: &Caps) -> Option<Timestamp> {
    let unanswered =
        |attempt: &&Attempt| matches!(attempt.outcome, Some(Outcome::Busy | Outcome::NoAnswer));
    let last = contact
        .attempts
        .iter()
        .filter(unanswered)
        .map(|attempt| attempt.at)
        .max()?;
    Some(later(last, caps.minimum_gap.as_duration()))
}

/// Until when a call to the number, other than this one, is taken as alive.
pub(crate) fn alive_until(
    contact: &Contact,
    but: Option<CallId>,
    now: Timestamp,
) -> Option<Timestamp> {
    let others = contact.attempts.iter().filter(|attempt| {
        attempt.outcome.is_none()
            && Some(attempt.call_id) != but
            && now.duration_since(attempt.at) < CALL_ALIVE_MAX
    });
    let last = others.map(|attempt| attempt.at).max()?;
    Some(later(last, CALL_ALIVE_MAX))
}

/// The phone may have rung: all but what never got so far, as far as is known.
pub(crate) fn rang(attempt: &Attempt) -> bool {
    match attempt.outcome {
        // Most of these the carrier never had. One that it had after all shows when its call is looked for again.
        Some(Outcome::CarrierUnconfirmed) => attempt.answered,
        Some(
            // Nobody has the number.
            Outcome::NumberUnreachable
            | Outcome::CarrierRefused
            | Outcome::CarrierRateLimited
            | Outcome::NotPermitted
            | Outcome::CampaignStopped
            | Outcome::Rejected,
        ) => false,
        None
        | Some(
            Outcome::AgentEnded
            | Outcome::CustomerHungUp
            | Outcome::CustomerSilent
            | Outcome::Busy
            | Outcome::NoAnswer
            | Outcome::Voicemail
            | Outcome::VoicemailLeft
            | Outcome::Fax
            | Outcome::OptedOut
            | Outcome::Screened
            | Outcome::CarrierFailed
            | Outcome::StreamLost
            | Outcome::VendorFailed
            | Outcome::NoCapacity
            | Outcome::WorkerLost
            | Outcome::PlatformFailed
            | Outcome::DurationLimit
            | Outcome::Cancelled
            | Outcome::HungUpByUser,
        ) => true,
    }
}

/// A person picked up, or may have.
pub(crate) fn conversation(attempt: &Attempt) -> bool {
    attempt.answered
        && !matches!(
            attempt.outcome,
            Some(Outcome::Voicemail | Outcome::VoicemailLeft | Outcome::Fax | Outcome::Screened)
        )
}

/// Whether an outcome speaks against the carrier, a vendor or us, as the circuit breaker counts it.
/// A number that does not exist and a request that was sent too soon do not.
#[must_use]
pub fn is_failure(outcome: Outcome) -> bool {
    match outcome.doing() {
        Doing::Carrier | Doing::Vendor | Doing::Platform => !matches!(
            outcome,
            Outcome::NumberUnreachable | Outcome::CarrierRateLimited
        ),
        Doing::Customer | Doing::Agent | Doing::Policy | Doing::User => false,
    }
}

/// The instant a while later, held within what `Timestamp` can say.
pub(crate) fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
