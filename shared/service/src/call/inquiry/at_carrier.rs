//! What the carrier says of a call when it is asked: of one whose id is known, and of a request whose answer nobody
//! has.

use carrier::call::{CallOrigin, CarrierCall, FindCalls};
use carrier::{CallStatus, Carrier, CarrierCallId, RefusalKind, RequestError};
use jiff::{SignedDuration, Timestamp};
use model::{Attempt, Outcome};
use store::{CallRow, Calls, Contacts, StoreError};

use crate::call::lifecycle::{CarrierSays, Fact};
use crate::dialing::dial::REQUEST_DELAY_MAX;

/// How far the carrier's clock may be behind ours.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(60);

/// What there is under an id.
#[derive(Debug)]
pub(crate) enum Known {
    There(Box<CarrierCall>),
    /// The carrier has none of that id, or not yet.
    NotFound,
    /// That is no id of this carrier's.
    Foreign,
}

/// Which of the carrier's calls a request came to.
#[derive(Debug)]
pub(crate) enum Whereabouts {
    There(Box<CarrierCall>),
    /// None of those that the carrier lists; `complete`: and it lists all.
    Nowhere {
        complete: bool,
    },
    /// Two calls to the same number may be it: only their callbacks can tell which is which.
    Several,
}

/// Why a request cannot be looked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SearchError {
    #[error("the carrier could not be asked")]
    Carrier(#[source] RequestError),
    #[error("the call of an id could not be read")]
    Store(#[source] StoreError),
}

/// Asks for the call of an id.
pub(crate) async fn ask(
    carrier: &dyn Carrier,
    carrier_call_id: &str,
) -> Result<Known, RequestError> {
    let Ok(id) = carrier_call_id.parse::<CarrierCallId>() else {
        return Ok(Known::Foreign);
    };
    match carrier.fetch_call(&id).await {
        Ok(found) => Ok(Known::There(Box::new(found))),
        Err(RequestError::ForeignId) => Ok(Known::Foreign),
        Err(RequestError::Refused(refusal)) if refusal.kind == RefusalKind::NotFound => {
            Ok(Known::NotFound)
        }
        Err(problem) => Err(problem),
    }
}

/// Looks for the call that a request came to, by its numbers and its moment. What another call of ours is, and what
/// no request to the carrier has made, is not it.
pub(crate) async fn search(
    carrier: &dyn Carrier,
    (calls, contacts): (&Calls, &Contacts),
    row: &CallRow,
    gate_at: Timestamp,
) -> Result<Whereabouts, SearchError> {
    let call = &row.call;
    let from = gate_at.checked_sub(CLOCK_SKEW).ok();
    let until = gate_at
        .checked_add(REQUEST_DELAY_MAX + CLOCK_SKEW)
        .unwrap_or(Timestamp::MAX);
    let wanted = FindCalls {
        to: Some(call.to.clone()),
        from: Some(call.from.clone()),
        created_since: from,
        ..FindCalls::default()
    };
    let listed = carrier.find_calls(&wanted).await;
    let listed = listed.map_err(SearchError::Carrier)?;
    let ours = (call.tenant_id, call.id);
    let mut unclaimed = None;
    for found in listed.items {
        let by_request = match found.origin {
            Some(CallOrigin::Request) | None => true,
            Some(CallOrigin::Inbound | CallOrigin::Leg) => false,
        };
        if !by_request || found.created_at.is_some_and(|created| created > until) {
            continue;
        }
        let known = calls.of_carrier_call(found.id.as_str());
        let known = known.await.map_err(SearchError::Store)?;
        if known.is_some_and(|known| known != ours) {
            continue;
        }
        if unclaimed.replace(Box::new(found)).is_some() {
            return Ok(Whereabouts::Several);
        }
    }
    let Some(found) = unclaimed else {
        let complete = listed.complete;
        return Ok(Whereabouts::Nowhere { complete });
    };
    let contact = contacts.get(call.tenant_id, &call.to);
    let contact = contact.await.map_err(SearchError::Store)?;
    let before = gate_at.checked_sub(REQUEST_DELAY_MAX + CLOCK_SKEW);
    let before = before.unwrap_or(Timestamp::MIN);
    for attempt in &contact.attempts {
        let beside = attempt.call_id != call.id && (before..=until).contains(&attempt.at);
        if beside && is_unknown(attempt) {
            let other = calls.get(call.tenant_id, attempt.call_id);
            let other = other.await.map_err(SearchError::Store)?;
            if other.is_some_and(|other| other.call.carrier_call_id.is_none()) {
                return Ok(Whereabouts::Several);
            }
        }
    }
    Ok(Whereabouts::There(found))
}

/// Whether nobody knows what became of an attempt.
fn is_unknown(attempt: &Attempt) -> bool {
    matches!(attempt.outcome, None | Some(Outcome::CarrierUnconfirmed))
}

/// The end that a call has at the carrier, as a fact; `None`: it goes on, as far as is known.
pub(crate) fn end(found: &CarrierCall) -> Option<Fact> {
    let says = found.status.and_then(says_after_the_fact)?;
    Some(told(found, says))
}

/// What the carrier says of a call, as a fact.
pub(crate) fn told(found: &CarrierCall, says: CarrierSays) -> Fact {
    Fact::Status {
        carrier_call_id: found.id.as_str().to_owned(),
        says,
        at: found.ended_at,
        duration_seconds: found.duration_seconds,
    }
}

/// What a status that was asked for says. While a call is on its way the callbacks say it better.
pub(crate) fn says_after_the_fact(status: CallStatus) -> Option<CarrierSays> {
    match status {
        CallStatus::Queued
        | CallStatus::Initiated
        | CallStatus::Ringing
        | CallStatus::InProgress => None,
        CallStatus::Completed => Some(CarrierSays::Completed),
        CallStatus::Busy => Some(CarrierSays::Busy),
        CallStatus::Failed => Some(CarrierSays::Failed),
        CallStatus::NoAnswer => Some(CarrierSays::NoAnswer),
        CallStatus::Canceled => Some(CarrierSays::Cancelled),
    }
}
