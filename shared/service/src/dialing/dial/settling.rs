//! What became of a request whose answer nobody has: the carrier is asked, and never told to dial.

use carrier::CallStatus;
use carrier::call::FindCalls;
use jiff::{SignedDuration, Timestamp};
use model::{CallId, Outcome, TenantId};
use store::CallRow;
use tracing::warn;

use super::{DialJobs, DialResult, PlaceError, REQUEST_DELAY_MAX};
use crate::call::lifecycle::{CarrierSays, Fact};
use crate::call::recorder::RecordError;

/// When the carrier knows of no call this long after the gate, there is none: longer than the delay,
/// the request's own time-out (10 s) and the carrier's own lag together.
pub const UNCONFIRMED_AFTER: SignedDuration = SignedDuration::from_secs(60);
/// When the carrier cannot be asked for this long, nothing more is to be learned.
pub const SETTLING_MAX: SignedDuration = SignedDuration::from_hours(1);
/// How far the carrier's clock may be behind ours.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(60);

/// How a call whose fate is not known is looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    /// By a message of its own.
    Message,
    /// By whoever asked.
    Elsewhere,
}

impl DialJobs {
    /// Looks at a call whose request may not have been answered, and again by messages of its own until it is
    /// settled. Never dials.
    pub(super) async fn settle_by_messages(&self, row: &CallRow) -> Result<DialResult, PlaceError> {
        self.settle(row, Again::Message).await
    }

    /// Looks at a call whose request may not have been answered, once. Never dials.
    ///
    /// # Errors
    /// When storage cannot be reached.
    pub(crate) async fn settle_once(&self, row: &CallRow) -> Result<DialResult, PlaceError> {
        self.settle(row, Again::Elsewhere).await
    }

    /// Finds out what became of a request whose answer nobody has. Never dials.
    async fn settle(&self, row: &CallRow, again: Again) -> Result<DialResult, PlaceError> {
        let (tenant, call) = (row.call.tenant_id, row.call.id);
        let Some(gate_at) = row.progress.placing_at else {
            return self
                .not_placed(tenant, call, Outcome::CarrierUnconfirmed)
                .await;
        };
        let listed = self
            .carrier
            .find_calls(&FindCalls {
                to: Some(row.call.to.clone()),
                from: Some(row.call.from.clone()),
                created_since: gate_at.checked_sub(CLOCK_SKEW).ok(),
                ..FindCalls::default()
            })
            .await;
        let waited = self.since_gate(row);
        let listed = match listed {
            Ok(listed) => listed,
            Err(problem) => {
                warn!(call.id = %call, kind = problem.code(), "the carrier cannot be asked about a call");
                return self.wait_or_end(row, waited > SETTLING_MAX, again).await;
            }
        };
        let latest = gate_at
            .checked_add(REQUEST_DELAY_MAX + CLOCK_SKEW)
            .unwrap_or(Timestamp::MAX);
        let mut unclaimed = Vec::new();
        for found in listed.items {
            let in_time = found.created_at.is_none_or(|created| created <= latest);
            if in_time
                && !self
                    .belongs_to_another(tenant, call, found.id.as_str())
                    .await?
            {
                unclaimed.push(found);
            }
        }
        match unclaimed.as_slice() {
            [] => {
                let sure = listed.complete && waited > UNCONFIRMED_AFTER;
                self.wait_or_end(row, sure || waited > SETTLING_MAX, again)
                    .await
            }
            [found] => {
                let settled = self
                    .placed(tenant, call, found.id.as_str().to_owned())
                    .await?;
                if let Some(says) = found.status.and_then(says_after_the_fact) {
                    let fact = Fact::Status {
                        carrier_call_id: found.id.as_str().to_owned(),
                        says,
                        at: found.ended_at,
                        duration_seconds: found.duration_seconds,
                    };
                    let recorded = self.recorder.record(tenant, call, &fact).await;
                    recorded.map_err(PlaceError::Record)?;
                }
                Ok(settled)
            }
            // Two calls of ours to the same number: only their callbacks can tell which is which.
            _several => self.wait_or_end(row, waited > SETTLING_MAX, again).await,
        }
    }

    async fn belongs_to_another(
        &self,
        tenant: TenantId,
        call: CallId,
        carrier_call_id: &str,
    ) -> Result<bool, PlaceError> {
        let known = self.calls.by_carrier_call(tenant, carrier_call_id);
        match known.await {
            Ok(known) => Ok(known.is_some_and(|known| known != call)),
            Err(error) => Err(PlaceError::Record(RecordError::Store(error))),
        }
    }

    async fn wait_or_end(
        &self,
        row: &CallRow,
        end: bool,
        again: Again,
    ) -> Result<DialResult, PlaceError> {
        let (tenant, call) = (row.call.tenant_id, row.call.id);
        if end {
            return self
                .not_placed(tenant, call, Outcome::CarrierUnconfirmed)
                .await;
        }
        match again {
            Again::Message => self.look_later(&row.call).await,
            Again::Elsewhere => Ok(DialResult::Unsettled),
        }
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
