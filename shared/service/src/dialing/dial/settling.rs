//! What became of a request whose answer nobody has: the carrier is asked, and never told to dial.

use jiff::SignedDuration;
use model::Outcome;
use store::CallRow;
use tracing::warn;

use super::{DialJobs, DialResult, PlaceError};
use crate::call::inquiry::at_carrier::{self, SearchError, Whereabouts};
use crate::call::recorder::RecordError;

/// When the carrier knows of no call this long after the gate, there is none: longer than the delay,
/// the request's own time-out (10 s) and the carrier's own lag together.
pub const UNCONFIRMED_AFTER: SignedDuration = SignedDuration::from_secs(60);
/// When the carrier cannot be asked for this long, nothing more is to be learned.
pub const SETTLING_MAX: SignedDuration = SignedDuration::from_hours(1);

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
        let waited = self.since_gate(row);
        let books = (&self.calls, &self.contacts);
        let whereabouts = at_carrier::search(&*self.carrier, books, row, gate_at).await;
        let found = match whereabouts {
            Ok(Whereabouts::There(found)) => found,
            Ok(Whereabouts::Nowhere { complete }) => {
                let sure = complete && waited > UNCONFIRMED_AFTER;
                return self
                    .wait_or_end(row, sure || waited > SETTLING_MAX, again)
                    .await;
            }
            Ok(Whereabouts::Several) => {
                return self.wait_or_end(row, waited > SETTLING_MAX, again).await;
            }
            Err(SearchError::Carrier(problem)) => {
                warn!(call.id = %call, kind = problem.code(), "the carrier cannot be asked about a call");
                return self.wait_or_end(row, waited > SETTLING_MAX, again).await;
            }
            Err(SearchError::Store(error)) => {
                return Err(PlaceError::Record(RecordError::Store(error)));
            }
        };
        let settled = self
            .placed(tenant, call, found.id.as_str().to_owned())
            .await?;
        if let Some(end) = at_carrier::end(&found) {
            let recorded = self.recorder.record(tenant, call, &end).await;
            recorded.map_err(PlaceError::Record)?;
        }
        Ok(settled)
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
