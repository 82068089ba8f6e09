//! The gate: a claimed call passes it once, or is turned back (promise P3).

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use model::{CallState, Outcome, Permit, TokenId};
use store::{CallRow, NewToken, Reserved, StoreError, TokenHash};
use tracing::{info, warn};

use super::{DialJobs, DialResult, PlaceError, REQUEST_DELAY_MAX};
use crate::call::lifecycle::Fact;
use crate::call::recorder::{Gate, Passed, RecordError};
use crate::dialing::policy::{Purpose, ReadWith};

/// A call that waited this long beyond its time to be placed is not placed any more: nobody expects
/// it now. Messages are normally delivered within a second; after an outage hours-old ones come.
pub const CLAIM_AGE_MAX: SignedDuration = SignedDuration::from_mins(15);
/// How long the first stream of a placed call may take to begin: the carrier's own queue, the ringing
/// and some room.
const PLACED_TOKEN_LIFETIME: SignedDuration = SignedDuration::from_hours(1);
/// How far ahead a place in the row of calls is taken and waited for. Who would have to wait longer comes
/// again with a message of its own.
pub const PACE_AHEAD_MAX: SignedDuration = SignedDuration::from_secs(1);
/// A place is taken this much before the request: the way through the gate is behind us when its moment comes.
const PACE_LEAD: SignedDuration = SignedDuration::from_millis(100);
/// A request that would begin this long after its place gives it up for a new one: what is late comes closer to
/// the next than the carrier allows. Four calls a second, of which one is so late, still arrive four in 950 ms.
const PACE_LATE_MAX: SignedDuration = SignedDuration::from_millis(40);
/// A message that comes this much before its call's time goes back into the queue; less is waited for.
const EARLY_MAX: SignedDuration = SignedDuration::from_secs(1);
/// Decisions on rows that changed while they were made. Each change is a step of somebody else.
const GATE_TRIES_MAX: u32 = 8;
/// From one look for a worker with room to the next, for a call that waits for one: a quarter of the time
/// that it has waited, within these. The sweeper sends what waits on its way again each minute, so that
/// there are ever more messages of a call that waits for long.
const WORKER_WAIT_MIN: SignedDuration = SignedDuration::from_secs(5);
const WORKER_WAIT_MAX: SignedDuration = SignedDuration::from_secs(60);

impl DialJobs {
    /// Takes a claimed call through the gate, or turns it back.
    pub(super) async fn pass_gate(&self, row: &CallRow) -> Result<DialResult, PlaceError> {
        let (tenant, call) = (row.call.tenant_id, row.call.id);
        if let Some(wait) = self.early(row) {
            return self.come_again(&row.call, wait).await;
        }
        if !self.is_too_old(row) && !self.has_worker().await? {
            info!(call.id = %call, "a call waits for a media worker");
            metrics::counter!("trunkline_waits_for_worker_total", "who" => "call").increment(1);
            let wait = (self.waited(row) / 4).clamp(WORKER_WAIT_MIN, WORKER_WAIT_MAX);
            return self.come_again(&row.call, wait).await;
        }
        if let Some(not_before) = row.progress.not_before {
            let soon = self.now().checked_add(EARLY_MAX).unwrap_or(Timestamp::MAX);
            self.wait_until(not_before.min(soon)).await;
        }
        let token = self.ids.fresh(TokenId::from_parts);
        let request = self.request(row, token);
        let hash = TokenHash::of(token);
        let mut row = row.clone();
        let mut place = None;
        for _try in 0..GATE_TRIES_MAX {
            if self.is_too_old(&row) {
                warn!(call.id = %call, "a call waited too long to be placed");
                return self.not_begun(tenant, call, Outcome::PlatformFailed).await;
            }
            let known = Box::pin(self.known(&row)).await?;
            // Nobody takes a place in the row of calls to be turned back.
            let permit = self.permit(&row, &known);
            if !permit.allowed {
                return self.turn_back(&row, Fact::NotPermitted, permit).await;
            }
            let taken = match place.filter(|at| !self.is_late(*at)) {
                Some(at) => at,
                None => match self.reserve(PACE_AHEAD_MAX).await? {
                    Reserved::Granted(at) => at,
                    Reserved::Later(at) => {
                        let wait = at.duration_since(self.now());
                        return self.come_again(&row.call, wait).await;
                    }
                },
            };
            place = Some(taken);
            self.wait_until(taken.checked_sub(PACE_LEAD).unwrap_or(taken))
                .await;
            let permit = self.permit(&row, &known);
            if !permit.allowed {
                return self.turn_back(&row, Fact::NotPermitted, permit).await;
            }
            let now = self.now();
            let until = now
                .checked_add(PLACED_TOKEN_LIFETIME)
                .unwrap_or(Timestamp::MAX);
            let contact = known.with_attempt(&row.call, now);
            let others = known.others_with_call(&row.call, now);
            let gate = Gate {
                token: NewToken {
                    hash: &hash,
                    until,
                    from: None,
                },
                contact: &contact,
                others: &others,
                campaign: match &known.purpose {
                    Purpose::Lead { campaign, .. } => Some((campaign.id, campaign.revision)),
                    Purpose::Single | Purpose::Nothing => None,
                },
            };
            let passed = self.recorder.pass(&row, permit, gate).await;
            match passed.map_err(PlaceError::Record)? {
                Passed::Ours(row) => {
                    return Box::pin(self.ask(&row, &request, taken)).await;
                }
                Passed::Again => {}
            }
            let read = self.calls.get(tenant, call).await;
            let read = read.map_err(|error| PlaceError::Record(RecordError::Store(error)))?;
            match read {
                Some(read) if read.call.state == CallState::Claimed => row = read,
                // Somebody else passed, or the call was cancelled.
                Some(_) | None => return Ok(DialResult::Nothing),
            }
        }
        Err(PlaceError::Record(RecordError::Store(StoreError::Conflict)))
    }

    /// Whether nobody expects the call any more.
    pub(super) fn is_too_old(&self, row: &CallRow) -> bool {
        self.waited(row) > CLAIM_AGE_MAX
    }

    /// Since its time to be placed.
    pub(super) fn waited(&self, row: &CallRow) -> SignedDuration {
        let since = row.progress.not_before.unwrap_or(row.call.created_at);
        self.now().duration_since(since.max(row.call.created_at))
    }

    /// Allowed now, and still when the request is on its way at the latest.
    pub(super) fn permit(&self, row: &CallRow, known: &ReadWith) -> Permit {
        let now = self.now();
        let permit = known.permit(row, now);
        if !permit.allowed {
            return permit;
        }
        let latest = now.checked_add(REQUEST_DELAY_MAX).unwrap_or(Timestamp::MAX);
        let then = known.permit(row, latest);
        if then.allowed { permit } else { then }
    }

    /// Takes a place in the row of calls that is at most so far ahead.
    pub(super) async fn reserve(&self, ahead_max: SignedDuration) -> Result<Reserved, PlaceError> {
        self.pace
            .reserve(
                self.carrier.account_id(),
                self.now().checked_add(PACE_LEAD).unwrap_or(Timestamp::MAX),
                self.call_interval,
                ahead_max,
            )
            .await
            .map_err(|error| PlaceError::Record(RecordError::Store(error)))
    }

    pub(super) fn is_late(&self, place: Timestamp) -> bool {
        self.now().duration_since(place) > PACE_LATE_MAX
    }

    /// Waits for a moment that is less than [`REQUEST_DELAY_MAX`] ahead.
    pub(super) async fn wait_until(&self, at: Timestamp) {
        let wait = at.duration_since(self.now()).min(REQUEST_DELAY_MAX);
        if let Ok(wait) = Duration::try_from(wait) {
            tokio::time::sleep(wait).await;
        }
    }

    /// How long it is until the call's time, if that is worth a message.
    pub(super) fn early(&self, row: &CallRow) -> Option<SignedDuration> {
        let wait = row.progress.not_before?.duration_since(self.now());
        // A time that lies far ahead was written by a clock that was wrong.
        (wait > EARLY_MAX && wait < CLAIM_AGE_MAX).then_some(wait)
    }
}
