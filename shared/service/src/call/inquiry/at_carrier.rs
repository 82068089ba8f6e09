//! What the carrier says of a call when it is asked: of one whose id is known, and of a request whose answer nobody
//! has.

use carrier::call::{CarrierCall, FindCalls};
use carrier::{CallStatus, Carrier, CarrierCallId, RefusalKind, RequestError};
use jiff::{SignedDuration, Timestamp};
use store::{CallRow, StoreError};

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
    /// Two calls of ours to the same number: only their callbacks can tell which is which.
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

/// Looks for the call that a request came to, by its numbers and its moment.
pub(crate) async fn search(
    carrier: &dyn Carrier,
    calls: &store::Calls,
    row: &CallRow,
    gate_at: Timestamp,
) -> Result<Whereabouts, SearchError> {
    let call = &row.call;
    let wanted = FindCalls {
        to: Some(call.to.clone()),
        from: Some(call.from.clone()),
        created_since: gate_at.checked_sub(CLOCK_SKEW).ok(),
        ..FindCalls::default()
    };
    let listed = carrier.find_calls(&wanted).await;
    let listed = listed.map_err(SearchError::Carrier)?;
    let latest = gate_at
        .checked_add(REQUEST_DELAY_MAX + CLOCK_SKEW)
        .unwrap_or(Timestamp::MAX);
    let mut unclaimed = None;
    for found in listed.items {
        if found.created_at.is_some_and(|created| created > latest) {
            continue;
        }
        let known = calls.by_carrier_call(call.tenant_id, found.id.as_str());
        let known = known.await.map_err(SearchError::Store)?;
        if known.is_some_and(|known| known != call.id) {
            continue;
        }
        if unclaimed.replace(Box::new(found)).is_some() {
            return Ok(Whereabouts::Several);
        }
    }
    Ok(unclaimed.map_or(
        Whereabouts::Nowhere {
            complete: listed.complete,
        },
        Whereabouts::There,
    ))
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
