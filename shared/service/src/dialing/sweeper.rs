//! The sweeper: finds calls whose message, answer or callback was lost, and learns the truth.
//!
//! The account's slot rows are all our calls on their way or on, and calls to our numbers have a list of
//! their own. Whatever is in one state for longer than that state can last is looked after: a claimed call
//! is sent on its way again, a call that is being placed is settled, one that rings or talks for too long is
//! asked about at the carrier, at once a call whose media worker is gone, and every few minutes one that is talked on. It
//! never dials. So every call ends, gives its slots back, and its lead goes on (promise P2). Everything may be
//! repeated, and done by two at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use model::{CallState, WorkerId};
use store::{CallRow, InboundCalls, InboundRow, SlotRow, StoreError};
use tracing::{Instrument as _, error, info, info_span, warn};

use crate::call::inquiry::{Inquiry, InquiryError, elapsed, has_talked_too_long};
use crate::call::recorder::{Recorder, follow};
use crate::dialing::capacity::Capacity;
use crate::dialing::claims::Claims;
use crate::dialing::dial::request::RING_TIMEOUT;
use crate::dialing::dial::{DialJobs, PlaceError};
use crate::{Clock, Context, Ids};

/// A claimed call whose time was this long ago has lost its message. One that only waits its turn in the
/// row of calls gets a second message, which changes nothing.
pub const CLAIMED_MAX: SignedDuration = SignedDuration::from_secs(45);
/// A request may take this long; then its call is asked about.
pub const PLACING_MAX: SignedDuration = SignedDuration::from_secs(30);
/// What the carrier may add to the time it rings (`docs/protocols/carriers.md#calls`), and the
/// way of its callback.
const RING_MARGIN: SignedDuration = SignedDuration::from_secs(30);
/// An answered call that no session talks on waits this long to be resumed.
pub const SESSIONLESS_MAX: SignedDuration = SignedDuration::from_mins(3);
/// A customer who is held for longer than this may have hung up: nobody would tell us. They come back every five
/// seconds, and each sweep asks about them once.
pub const HELD_UNASKED_MAX: SignedDuration = SignedDuration::from_secs(30);
/// A session that talks tells of its end. Where that word is lost too, with the carrier's, nothing shows it: so the
/// carrier is asked about every talk each time that it has lasted so long again, by the sweeps of two minutes.
const TALK_UNASKED_MAX: SignedDuration = SignedDuration::from_mins(5);
const TALK_ASKED_WITHIN: SignedDuration = SignedDuration::from_mins(2);
/// How much longer than its limit an answered call may last before the carrier is asked.
const TALK_MARGIN: SignedDuration = SignedDuration::from_secs(30);
/// The carrier takes so long at most to hang up. A call that is still on was asked to end in vain.
const HANG_UP_MAX: SignedDuration = SignedDuration::from_secs(15);
/// How long a sweep begins new looks: a carrier that is slow must not keep the tick from planning.
const SWEEP_MAX: SignedDuration = SignedDuration::from_secs(10);
/// Calls that are looked at side by side.
const CALLS_AT_ONCE: usize = 8;
/// Calls of one sweep. Each sweep begins at another one.
const LOOKS_MAX: usize = 2_000;

/// A call that may be late.
#[derive(Debug)]
enum Late {
    Ours(SlotRow),
    /// To one of our numbers.
    Theirs(InboundRow),
}

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SweepResult {
    /// Calls that were in one state for too long.
    pub late: u32,
    /// Claimed calls that were sent on their way again.
    pub sent: u32,
    /// Calls that the carrier was asked about.
    pub asked: u32,
    /// Slots of calls that are over: a defect each.
    pub healed: u32,
    /// Calls that could not be looked after; the next sweep tries again.
    pub failed: u32,
}

/// Looks after calls that nobody else does.
#[derive(Debug, Clone)]
pub(crate) struct Sweeper {
    inquiry: Inquiry,
    calls: store::Calls,
    capacity: Capacity,
    claims: Claims,
    clock: Arc<dyn Clock>,
    ids: Ids,
    placing: DialJobs,
    inbound: InboundCalls,
    workers: store::Workers,
}

/// Why a call could not be looked after.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error(transparent)]
    Ask(#[from] InquiryError),
    #[error("the call could not be settled")]
    Settle(#[source] PlaceError),
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Ask(error.into())
    }
}

impl Sweeper {
    pub(crate) fn new(context: &Context, capacity: Capacity) -> Self {
        let (store, clock, ids) = (&context.store, &context.clock, &context.ids);
        let recorder = Recorder::new(store, Arc::clone(clock), ids.clone());
        Self {
            inquiry: Inquiry::new(recorder, Arc::clone(&context.carrier)),
            calls: store.calls.clone(),
            claims: Claims::new(context, capacity.clone()),
            capacity,
            clock: Arc::clone(clock),
            ids: ids.clone(),
            placing: DialJobs::new(context),
            inbound: context.store.inbound.clone(),
            workers: context.store.workers.clone(),
        }
    }

    /// Looks at every call of the account that may be late.
    pub(crate) async fn sweep(&self) -> Result<SweepResult, StoreError> {
        let now = self.now();
        let live = self.capacity.live().await?;
        let taken = u32::try_from(live.len()).unwrap_or(u32::MAX);
        let ours = live.into_iter().filter(|slot| age(slot, now) > PLACING_MAX);
        let theirs = self.inbound.live().await?.into_iter();
        let theirs = theirs.filter(|row| elapsed(row.since, now) > HELD_UNASKED_MAX);
        let mut late: Vec<Late> = ours
            .map(Late::Ours)
            .chain(theirs.map(Late::Theirs))
            .collect();
        if let Ok(len @ 1..) = u128::try_from(late.len()) {
            let first = self.ids.chance() % len;
            late.rotate_left(usize::try_from(first).unwrap_or_default());
            late.truncate(LOOKS_MAX);
        }
        let until = now.checked_add(SWEEP_MAX).unwrap_or(Timestamp::MAX);
        let workers = self.workers.at(now).await?;
        let workers: BTreeSet<WorkerId> = workers.iter().map(|worker| worker.id).collect();
        let looks: Vec<SweepResult> = stream::iter(late)
            .map(|late| self.look_after(late, &workers, until))
            .buffered(CALLS_AT_ONCE)
            .collect()
            .await;
        let mut swept = SweepResult::default();
        for one in looks {
            swept.add(one);
        }
        metrics::gauge!("trunkline_slots_taken").set(taken);
        if swept != SweepResult::default() {
            info!(
                late = swept.late,
                sent = swept.sent,
                asked = swept.asked,
                healed = swept.healed,
                failed = swept.failed,
                "late calls were looked after"
            );
        }
        Ok(swept)
    }

    async fn look_after(
        &self,
        late: Late,
        workers: &BTreeSet<WorkerId>,
        until: Timestamp,
    ) -> SweepResult {
        if self.now() >= until {
            return SweepResult::default();
        }
        let (tenant, call) = match &late {
            Late::Ours(slot) => (slot.tenant_id, slot.call_id),
            Late::Theirs(row) => (row.tenant_id, row.call_id),
        };
        let span = info_span!(
            "late call",
            call.id = %call,
            tenant.id = %tenant,
            trace_id = tracing::field::Empty,
        );
        let looking = async {
            let looked = match &late {
                Late::Ours(slot) => self.look_at(slot, workers).await,
                Late::Theirs(row) => self.look_at_inbound(row, workers).await,
            };
            looked.unwrap_or_else(|problem| {
                warn!(
                    problem = &problem as &dyn std::error::Error,
                    "a late call could not be looked after"
                );
                SweepResult {
                    failed: 1,
                    ..SweepResult::default()
                }
            })
        };
        looking.instrument(span).await
    }

    async fn look_at(
        &self,
        slot: &SlotRow,
        workers: &BTreeSet<WorkerId>,
    ) -> Result<SweepResult, Problem> {
        let Some(row) = self.calls.get(slot.tenant_id, slot.call_id).await? else {
            return self.heal(slot).await;
        };
        follow(&row.call);
        let now = self.now();
        let nothing = SweepResult::default();
        match row.call.state {
            CallState::Claimed => {
                if age(slot, now) <= CLAIMED_MAX {
                    return Ok(nothing);
                }
                let call = &row.call;
                self.claims.send(call, now, now).await;
                Ok(SweepResult {
                    late: 1,
                    sent: 1,
                    ..nothing
                })
            }
            CallState::Placing => {
                let since = row.progress.placing_at.unwrap_or(row.call.created_at);
                if elapsed(since, now) <= PLACING_MAX {
                    return Ok(nothing);
                }
                let settled = self.placing.settle_once(&row).await;
                settled.map_err(Problem::Settle)?;
                Ok(SweepResult {
                    late: 1,
                    asked: 1,
                    ..nothing
                })
            }
            CallState::Placed | CallState::Ringing | CallState::Answered => {
                self.ask(&row, is_late(&row, now) || is_forsaken(&row, workers), now)
                    .await
            }
            CallState::Ended => self.heal(slot).await,
        }
    }

    /// Nobody calls back about a call to one of our numbers: where no session would notice its end, the carrier
    /// is asked.
    async fn look_at_inbound(
        &self,
        inbound: &InboundRow,
        workers: &BTreeSet<WorkerId>,
    ) -> Result<SweepResult, Problem> {
        let calls = &self.calls;
        let row = calls.get(inbound.tenant_id, inbound.call_id).await?;
        let Some(row) = row.filter(|row| row.call.state < CallState::Ended) else {
            // One that an earlier version ended.
            self.inbound.remove(inbound.call_id).await?;
            return Ok(SweepResult::default());
        };
        follow(&row.call);
        let now = self.now();
        self.ask(
            &row,
            is_unheard(&row, now) || is_forsaken(&row, workers),
            now,
        )
        .await
    }

    /// Asks the carrier about a call that is late, and about one that has talked for long.
    async fn ask(
        &self,
        row: &CallRow,
        is_late: bool,
        now: Timestamp,
    ) -> Result<SweepResult, Problem> {
        let is_asked_to_end = is_asked_to_end(row, now);
        if is_asked_to_end {
            self.inquiry.hang_up(row).await?;
        }
        if is_late {
            self.inquiry.ask(row, now).await?;
            return Ok(SweepResult {
                late: 1,
                asked: 1,
                ..SweepResult::default()
            });
        }
        if is_asked_to_end || is_talk_to_ask_about(row, now) {
            self.inquiry.ask_of_talk(row, now).await?;
        }
        Ok(SweepResult::default())
    }

    /// A slot whose call is over: what cannot be, since one transaction does both.
    async fn heal(&self, slot: &SlotRow) -> Result<SweepResult, Problem> {
        let lines = &self.capacity;
        let healed = lines
            .slots
            .reclaim(
                &lines.account,
                slot.tenant_id,
                slot.campaign_id,
                slot.call_id,
            )
            .await?;
        if healed > 0 {
            error!(call.id = %slot.call_id, slots = healed, "slots of a call that is over were given back");
            metrics::counter!("trunkline_slots_healed_total", "reason" => "call_over")
                .increment(u64::from(healed));
        }
        Ok(SweepResult {
            late: u32::from(healed > 0),
            healed,
            ..SweepResult::default()
        })
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl SweepResult {
    fn add(&mut self, other: Self) {
        self.late += other.late;
        self.sent += other.sent;
        self.asked += other.asked;
        self.healed += other.healed;
        self.failed += other.failed;
    }
}

/// How long a slot's call might have been placed.
fn age(slot: &SlotRow, now: Timestamp) -> SignedDuration {
    // A time that lies ahead of its claim by more than any plan was written by a clock that was wrong.
    let planned = slot.not_before.duration_since(slot.since) <= dialer::PLAN_HORIZON * 2;
    let since = if planned { slot.not_before } else { slot.since };
    elapsed(since.max(slot.since), now)
}

/// Whether a call is in its state for longer than it can be without our hearing of it.
fn is_late(row: &CallRow, now: Timestamp) -> bool {
    let call = &row.call;
    if call.state == CallState::Answered {
        let since = call.answered_at.unwrap_or(call.created_at);
        let alone = !row.progress.session_open && elapsed(since, now) > SESSIONLESS_MAX;
        return alone || has_talked_too_long(row, now, TALK_MARGIN);
    }
    let since = call.placed_at.unwrap_or(call.created_at);
    let ring = SignedDuration::try_from(RING_TIMEOUT).unwrap_or(SignedDuration::MAX);
    elapsed(since, now) > ring.saturating_add(RING_MARGIN)
}

/// Whether a call to one of our numbers may be over without our having heard of it.
fn is_unheard(row: &CallRow, now: Timestamp) -> bool {
    let (call, progress) = (&row.call, &row.progress);
    if let Some(since) = progress.held_since {
        return elapsed(since, now) > HELD_UNASKED_MAX;
    }
    let since = call.answered_at.unwrap_or(call.created_at);
    let alone = !progress.session_open && elapsed(since, now) > SESSIONLESS_MAX;
    alone || has_talked_too_long(row, now, TALK_MARGIN)
}

/// Whether the carrier was asked in vain to hang up.
fn is_asked_to_end(row: &CallRow, now: Timestamp) -> bool {
    let asked_at = row.progress.hang_up_requested_at;
    let in_vain = asked_at.is_some_and(|at| elapsed(at, now) > HANG_UP_MAX);
    in_vain && row.call.carrier_call_id.is_some()
}

/// Whether it is time to ask about a call that a session talks on.
fn is_talk_to_ask_about(row: &CallRow, now: Timestamp) -> bool {
    let call = &row.call;
    if call.state != CallState::Answered || !row.progress.session_open {
        return false;
    }
    let talked = elapsed(call.answered_at.unwrap_or(call.created_at), now);
    let unasked = talked.as_secs() % TALK_UNASKED_MAX.as_secs();
    talked >= TALK_UNASKED_MAX && unasked < TALK_ASKED_WITHIN.as_secs()
}

/// Whether the call's session ran on a worker that says nothing any more.
fn is_forsaken(row: &CallRow, workers: &BTreeSet<WorkerId>) -> bool {
    let on = row.progress.session_on();
    on.is_some_and(|worker| !workers.contains(&worker))
}
