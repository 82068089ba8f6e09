//! Asks the carrier how a call is, and writes what it says: for calls of which nobody else would tell us.

pub(crate) mod at_carrier;

use std::sync::Arc;

use carrier::{CallStatus, Carrier, RequestError};
use jiff::{SignedDuration, Timestamp};
use model::{CallState, Direction};
use store::{CallRow, StoreError};
use tracing::{error, warn};

use self::at_carrier::Known;
use crate::call::hang_up_at_carrier;
use crate::call::lifecycle::{CarrierSays, Fact};
use crate::call::recorder::{RecordError, Recorder};
use crate::dialing::dial::request::time_limit;

/// A time further ahead of now than this was written by a clock that was wrong: nobody knows how long ago
/// it was.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(2);
/// How much longer than its limit a call may last that the carrier says is on, before it is hung up. The
/// carrier has the limit too: by then it has lost it. Generous, because a clock that was set forward must
/// not cut a conversation.
const HANG_UP_MARGIN: SignedDuration = SignedDuration::from_hours(2);

/// Asks about calls.
#[derive(Debug, Clone)]
pub(crate) struct Inquiry {
    recorder: Recorder,
    carrier: Arc<dyn Carrier>,
}

/// Why nothing is known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InquiryError {
    #[error("the call could not be read or written")]
    Record(#[source] RecordError),
    #[error("the carrier could not be asked")]
    Carrier(#[source] RequestError),
}

impl From<StoreError> for InquiryError {
    fn from(error: StoreError) -> Self {
        Self::Record(RecordError::Store(error))
    }
}

impl From<RecordError> for InquiryError {
    fn from(error: RecordError) -> Self {
        Self::Record(error)
    }
}

impl Inquiry {
    pub(crate) fn new(recorder: Recorder, carrier: Arc<dyn Carrier>) -> Self {
        Self { recorder, carrier }
    }

    /// Asks the carrier how a call is, and records the truth: a call that it does not know has failed. May be
    /// repeated.
    pub(crate) async fn ask(&self, row: &CallRow, now: Timestamp) -> Result<(), InquiryError> {
        self.ask_with(row, now, Some(CarrierSays::Failed)).await
    }

    /// The same of a call on which somebody of ours may talk: a carrier that does not know it lags behind, and
    /// its word ends nothing.
    pub(crate) async fn ask_of_talk(
        &self,
        row: &CallRow,
        now: Timestamp,
    ) -> Result<(), InquiryError> {
        self.ask_with(row, now, None).await
    }

    /// Hangs up a call that is to end, once more. May be repeated.
    pub(crate) async fn hang_up(&self, row: &CallRow) -> Result<(), InquiryError> {
        let Some(carrier_call_id) = &row.call.carrier_call_id else {
            return Ok(());
        };
        let hung_up = hang_up_at_carrier(&*self.carrier, carrier_call_id).await;
        hung_up.map_err(InquiryError::Carrier)?;
        let (tenant, call) = (row.call.tenant_id, row.call.id);
        let fact = Fact::HungUpAtCarrier;
        self.recorder.record(tenant, call, &fact).await?;
        Ok(())
    }

    async fn ask_with(
        &self,
        row: &CallRow,
        now: Timestamp,
        not_known: Option<CarrierSays>,
    ) -> Result<(), InquiryError> {
        let (tenant, call) = (row.call.tenant_id, row.call.id);
        let Some(carrier_call_id) = row.call.carrier_call_id.clone() else {
            return Ok(());
        };
        let asked = at_carrier::ask(&*self.carrier, &carrier_call_id).await;
        let known = match asked.map_err(InquiryError::Carrier)? {
            Known::There(found) => Some(found),
            Known::NotFound => None,
            Known::Foreign => {
                error!(call.id = %call, "the carrier's id of a call is not one of the carrier's");
                return Ok(());
            }
        };
        let status = known.as_ref().and_then(|known| known.status);
        let too_long =
            row.call.state == CallState::Answered && has_talked_too_long(row, now, HANG_UP_MARGIN);
        let says = match (&known, status) {
            (None, _) => match not_known {
                Some(says) => says,
                None => return Ok(()),
            },
            (Some(_), Some(CallStatus::InProgress)) if too_long => {
                hang_up_at_carrier(&*self.carrier, &carrier_call_id)
                    .await
                    .map_err(InquiryError::Carrier)?;
                CarrierSays::Completed
            }
            // It is on while they are held; answered it is when a session begins.
            (Some(_), Some(CallStatus::InProgress)) if row.call.direction == Direction::Inbound => {
                return Ok(());
            }
            (Some(_), Some(CallStatus::InProgress)) => CarrierSays::Answered,
            (Some(_), Some(CallStatus::Ringing)) => CarrierSays::Ringing,
            (Some(_), Some(status)) => match at_carrier::says_after_the_fact(status) {
                Some(says) => says,
                None => return Ok(()),
            },
            (Some(_), None) => return Ok(()),
        };
        let fact = match known {
            Some(found) => at_carrier::told(&found, says),
            None => Fact::Status {
                carrier_call_id,
                says,
                at: None,
                duration_seconds: None,
            },
        };
        let recorded = self.recorder.record(tenant, call, &fact).await?;
        if recorded.row.call.state == CallState::Ended {
            warn!(call.id = %call, "a call whose end was not heard of is ended");
            metrics::counter!("trunkline_calls_swept_total").increment(1);
        }
        Ok(())
    }
}

/// Whether an answered call lasts longer than its limit and a margin.
pub(crate) fn has_talked_too_long(row: &CallRow, now: Timestamp, margin: SignedDuration) -> bool {
    let since = row.call.answered_at.unwrap_or(row.call.created_at);
    let limit = time_limit(row.progress.max_duration_seconds);
    let limit = SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX);
    elapsed(since, now) > limit.saturating_add(margin)
}

/// The time since then; very long, if that cannot be.
pub(crate) fn elapsed(since: Timestamp, now: Timestamp) -> SignedDuration {
    let elapsed = now.duration_since(since);
    if elapsed < -AHEAD_MAX {
        return SignedDuration::MAX;
    }
    elapsed
}
