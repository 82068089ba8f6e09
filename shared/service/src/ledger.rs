//! Reads a call, decides what a fact makes of it, and writes that if the call is still as it was.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use model::{CallId, CallState, DomainEvent, EventId, EventKind, TenantId};
use store::{Along, CallRow, Calls, StoreError, TokenHash, WriteRefused};

use crate::progress::{self, Fact};
use crate::{Clock, Ids};

/// A call has a handful of writers at most (carrier, session, user); more collisions than this on
/// one row are a defect.
const TRIES_MAX: u32 = 10;
const PAUSE_MS_MAX: u64 = 20;

/// The calls as a book that facts are written into.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    pub(crate) calls: Calls,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Ids,
}

/// A call after a fact.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(crate) row: CallRow,
    /// The state before.
    pub(crate) before: CallState,
    /// Whether the fact was news.
    pub(crate) changed: bool,
}

/// Why a fact was not written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("there is no such call")]
    Unknown,
    #[error("the call is another one at the carrier")]
    OtherCall,
    #[error("the call could not be written")]
    Store(#[source] StoreError),
}

impl Ledger {
    /// Writes a fact into a call.
    pub(crate) async fn record(
        &self,
        tenant: TenantId,
        call: CallId,
        fact: &Fact,
    ) -> Result<Recorded, RecordError> {
        self.record_with(tenant, call, fact, None).await
    }

    /// Writes a fact into a call and, if it is news, a token that opens a session until then.
    pub(crate) async fn record_with(
        &self,
        tenant: TenantId,
        call: CallId,
        fact: &Fact,
        token: Option<(&TokenHash, Timestamp)>,
    ) -> Result<Recorded, RecordError> {
        for _try in 0..TRIES_MAX {
            let row = self.calls.get(tenant, call).await;
            let row = row
                .map_err(RecordError::Store)?
                .ok_or(RecordError::Unknown)?;
            let before = row.call.state;
            let now = self.clock.now();
            let change = progress::apply(&row, fact, now)
                .map_err(|progress::OtherCall| RecordError::OtherCall)?;
            let Some(change) = change else {
                return Ok(Recorded {
                    row,
                    before,
                    changed: false,
                });
            };
            let carrier_call_id = change.row.call.carrier_call_id.as_deref();
            let along = Along {
                events: self.events(tenant, change.events, now),
                carrier_call_id: carrier_call_id.filter(|_id| change.adopts),
                token,
                forget_tokens: change.forget_tokens,
                ..Along::default()
            };
            match self.calls.replace(&change.row, along).await {
                Ok(()) => {
                    return Ok(Recorded {
                        row: change.row,
                        before,
                        changed: true,
                    });
                }
                Err(
                    WriteRefused::Changed | WriteRefused::CampaignChanged | WriteRefused::SlotsLost,
                ) => {
                    let pause = u64::try_from(self.ids.chance() % u128::from(PAUSE_MS_MAX));
                    let pause = Duration::from_millis(pause.unwrap_or_default());
                    tokio::time::sleep(pause).await;
                }
                Err(WriteRefused::CarrierCallTaken) => return Err(RecordError::OtherCall),
                Err(WriteRefused::Store(error)) => return Err(RecordError::Store(error)),
            }
        }
        Err(RecordError::Store(StoreError::Conflict))
    }

    fn events(
        &self,
        tenant_id: TenantId,
        kinds: Vec<EventKind>,
        at: Timestamp,
    ) -> Vec<DomainEvent> {
        let kinds = kinds.into_iter();
        kinds.map(|kind| self.event(tenant_id, kind, at)).collect()
    }

    pub(crate) fn event(&self, tenant_id: TenantId, kind: EventKind, at: Timestamp) -> DomainEvent {
        DomainEvent {
            id: self.ids.fresh(EventId::from_parts),
            tenant_id,
            at,
            kind,
        }
    }
}
