//! From a claimed call to the one request at the carrier, and what is done when its answer is lost.
//!
//! Promise P1: whoever moves a call from `claimed` to `placing` makes the one request of its life.
//! Everybody else who meets the call, however often, never dials: a call that stays `placing` is
//! settled by asking the carrier, or by the carrier's callbacks, which carry the call's id.
//!
//! Promise P3: that move is the gate. It is made on condition that the call, the campaign's revision
//! and the number's contact are what the permit was decided on, so that a pause or a stop request that
//! was answered before is never overtaken. A call that may not be dialled ends with the permit that says
//! why, and its lead goes back or is done, in one transaction.

use std::sync::Arc;
use std::time::Duration;

use carrier::call::{CreateCall, FindCalls, MachineDetection, MachineDetectionMode, RecordCall};
use carrier::{CallStatus, Carrier, CarrierCallId, CreateError};
use futures_util::future::try_join3;
use jiff::{SignedDuration, Timestamp};
use model::{AmdMode, AmdThresholds, Call, CallId, CallState, Outcome, Permit, TenantId, TokenId};
use store::{
    CallRow, DELAY_MAX, DialJob, NewToken, Pace, Progress, Queue, Reserved, StoreError, TokenHash,
};
use tracing::{info, warn};
use url::Url;

use crate::call::hang_up_at_carrier;
use crate::call::lifecycle::{CarrierSays, Fact};
use crate::call::recorder::{Gate, Passed, RecordError, Recorder, follow};
use crate::dialing::policy::{self, Purpose, ReadWith};
use crate::dialing::workforce::Workforce;
use crate::{Clock, Context, Ids, Links};

/// A call that waited this long beyond its time to be placed is not placed any more: nobody expects
/// it now. Messages are normally delivered within a second; after an outage hours-old ones come.
pub const CLAIM_AGE_MAX: SignedDuration = SignedDuration::from_mins(15);
/// How late after the gate the request may still begin. Settling counts on it: a request that has
/// not begun by then never will.
pub const REQUEST_DELAY_MAX: SignedDuration = SignedDuration::from_secs(10);
/// When the carrier knows of no call this long after the gate, there is none: longer than the delay,
/// the request's own time-out (10 s) and the carrier's own lag together.
pub const UNCONFIRMED_AFTER: SignedDuration = SignedDuration::from_secs(60);
/// When the carrier cannot be asked for this long, nothing more is to be learned.
pub const SETTLING_MAX: SignedDuration = SignedDuration::from_hours(1);
/// The wait between two questions to the carrier.
pub const SETTLE_PAUSE: Duration = Duration::from_secs(15);
/// How far the carrier's clock may be behind ours.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(60);
/// How long it rings.
pub const RING_TIMEOUT: Duration = Duration::from_secs(45);
/// How long the first stream of a placed call may take to begin: the carrier's own queue, the ringing
/// and some room.
const PLACED_TOKEN_LIFETIME: SignedDuration = SignedDuration::from_hours(1);
/// What the carrier allows a call beyond the agent's own limit, so that the farewell is heard.
const TIME_LIMIT_MARGIN: Duration = Duration::from_secs(60);
/// The usual ceiling of an account (`docs/protocols/carriers.md#calls`).
const TIME_LIMIT_MAX: Duration = Duration::from_secs(14_400);
/// How far ahead a place in the row of calls is taken and waited for. Who would have to wait longer comes
/// again with a message of its own.
pub const PACE_AHEAD_MAX: SignedDuration = SignedDuration::from_secs(1);
/// A place that was taken this long ago is given up for a new one: what was late would come closer to
/// the next than the carrier allows.
const PACE_LATE_MAX: SignedDuration = SignedDuration::from_millis(500);
/// Messages that must wait for a place come again this much apart, so that they do not all come at once.
const PACE_SPREAD_MS: u64 = 3_000;
/// A message that comes this much before its call's time goes back into the queue; less is waited for.
const EARLY_MAX: SignedDuration = SignedDuration::from_secs(1);
/// Decisions on rows that changed while they were made. Each change is a step of somebody else.
const GATE_TRIES_MAX: u32 = 8;
/// Calls that the carrier holds back longer than this are looked at again: what was allowed when it was
/// asked must be allowed when it rings.
const CARRIER_QUEUE_MAX: SignedDuration = SignedDuration::from_secs(2);
/// From one look for a worker with room to the next, for a call that waits for one: a quarter of the time
/// that it has waited, within these. The sweeper sends what waits on its way again each minute, so that
/// there are ever more messages of a call that waits for long.
const WORKER_WAIT_MIN: SignedDuration = SignedDuration::from_secs(5);
const WORKER_WAIT_MAX: SignedDuration = SignedDuration::from_secs(60);
/// Connections that are tried for the one request while nothing has been sent.
const CONNECT_TRIES_MAX: u32 = 3;
const CONNECT_PAUSE: Duration = Duration::from_millis(500);

/// What became of a dial message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DialResult {
    /// The carrier has the call.
    Placed,
    /// The carrier does not take it, or nobody wants it any more: the call has ended.
    Ended(Outcome),
    /// The request's answer is not known; the carrier is asked again in a while.
    Unsettled,
    /// Not yet its turn: the message was sent again.
    Later,
    /// An earlier delivery had done it, or there is no such call.
    Nothing,
}

/// Why a dial message must be delivered again.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    #[error("the call could not be read or written")]
    Record(#[source] RecordError),
    #[error("the next look at the call could not be scheduled")]
    Queue(#[source] StoreError),
}

/// The use case of the dial queue.
#[derive(Debug, Clone)]
pub struct DialJobs {
    recorder: Recorder,
    calls: store::Calls,
    campaigns: store::Campaigns,
    clock: Arc<dyn Clock>,
    contacts: store::Contacts,
    ids: Ids,
    leads: store::Leads,
    pace: Pace,
    queue: Queue<DialJob>,
    carrier: Arc<dyn Carrier>,
    links: Links,
    workforce: Workforce,
    call_interval: SignedDuration,
}

/// How a call whose fate is not known is looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    /// By a message of its own.
    Message,
    /// By whoever asked.
    Elsewhere,
}

impl DialJobs {
    #[must_use]
    pub fn new(context: &Context) -> Self {
        let call_interval = context.dialing.call_interval;
        Self {
            recorder: Recorder::new(
                &context.store,
                Arc::clone(&context.clock),
                context.ids.clone(),
            ),
            calls: context.store.calls.clone(),
            campaigns: context.store.campaigns.clone(),
            clock: Arc::clone(&context.clock),
            contacts: context.store.contacts.clone(),
            ids: context.ids.clone(),
            leads: context.store.leads.clone(),
            pace: context.store.pace.clone(),
            queue: context.store.dial.clone(),
            carrier: Arc::clone(&context.carrier),
            links: context.links.clone(),
            workforce: Workforce::new(&context.store.workers, &context.clock),
            call_interval: SignedDuration::try_from(call_interval).unwrap_or(SignedDuration::MAX),
        }
    }

    /// Does what a dial message asks for: places the call if nobody has, settles it if somebody tried.
    ///
    /// # Errors
    /// When the message must be delivered again. The carrier is never asked twice to dial.
    pub async fn place(&self, tenant: TenantId, call: CallId) -> Result<DialResult, PlaceError> {
        let row = self.calls.get(tenant, call).await;
        let row = row.map_err(|error| PlaceError::Record(RecordError::Store(error)))?;
        let Some(row) = row else {
            warn!(call.id = %call, "a dial message names a call that is not there");
            return Ok(DialResult::Nothing);
        };
        follow(&row.call);
        match row.call.state {
            CallState::Claimed => Box::pin(self.pass_gate(&row)).await,
            CallState::Placing => Box::pin(self.settle(&row, Again::Message)).await,
            CallState::Placed | CallState::Ringing | CallState::Answered | CallState::Ended => {
                Ok(DialResult::Nothing)
            }
        }
    }

    /// Takes a claimed call through the gate, or turns it back.
    async fn pass_gate(&self, row: &CallRow) -> Result<DialResult, PlaceError> {
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
            self.wait_until(not_before).await;
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
                None => match self.reserve().await? {
                    Reserved::Granted(at) => at,
                    Reserved::Later(at) => {
                        let wait = at.duration_since(self.now());
                        return self.come_again(&row.call, wait).await;
                    }
                },
            };
            place = Some(taken);
            self.wait_until(taken).await;
            let permit = self.permit(&row, &known);
            if !permit.allowed {
                return self.turn_back(&row, Fact::NotPermitted, permit).await;
            }
            let now = self.now();
            let until = now
                .checked_add(PLACED_TOKEN_LIFETIME)
                .unwrap_or(Timestamp::MAX);
            let contact = known.with_attempt(&row.call, now);
            let gate = Gate {
                token: NewToken {
                    hash: &hash,
                    until,
                    from: None,
                },
                contact: &contact,
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
    fn is_too_old(&self, row: &CallRow) -> bool {
        self.waited(row) > CLAIM_AGE_MAX
    }

    /// Since its time to be placed.
    fn waited(&self, row: &CallRow) -> SignedDuration {
        let since = row.progress.not_before.unwrap_or(row.call.created_at);
        self.now().duration_since(since.max(row.call.created_at))
    }

    /// Whether there would be somebody to talk to them.
    async fn has_worker(&self) -> Result<bool, PlaceError> {
        let room = self.workforce.room().await;
        let room = room.map_err(|error| PlaceError::Record(RecordError::Store(error)))?;
        Ok(room.is_there())
    }

    /// Reads what the permit is decided on.
    async fn known(&self, row: &CallRow) -> Result<ReadWith, PlaceError> {
        let call = &row.call;
        let tenant = call.tenant_id;
        let contact = self.contacts.get(tenant, &call.to);
        let read = async {
            let (Some(campaign), Some(lead)) = (call.campaign_id, call.lead_id) else {
                return Ok((None, None, contact.await?));
            };
            Box::pin(try_join3(
                self.campaigns.get(tenant, campaign),
                self.leads.get(tenant, campaign, lead),
                contact,
            ))
            .await
        };
        let (campaign, lead, contact) = Box::pin(read)
            .await
            .map_err(|error: StoreError| PlaceError::Record(RecordError::Store(error)))?;
        Ok(ReadWith {
            purpose: policy::purpose(call, campaign, lead.map(|row| row.lead)),
            contact,
        })
    }

    /// Allowed now, and still when the request is on its way at the latest.
    fn permit(&self, row: &CallRow, known: &ReadWith) -> Permit {
        let now = self.now();
        let permit = known.permit(row, now);
        if !permit.allowed {
            return permit;
        }
        let latest = now.checked_add(REQUEST_DELAY_MAX).unwrap_or(Timestamp::MAX);
        let then = known.permit(row, latest);
        if then.allowed { permit } else { then }
    }

    /// Ends a call that may not be dialled; its lead goes back or is done.
    async fn turn_back(
        &self,
        row: &CallRow,
        fact: fn(Box<Permit>) -> Fact,
        permit: Permit,
    ) -> Result<DialResult, PlaceError> {
        let (tenant, call) = (row.call.tenant_id, row.call.id);
        let rule = permit.denied_by.map_or("none", model::Rule::code);
        info!(call.id = %call, rule, "a call is turned back at the gate");
        metrics::counter!("trunkline_dials_turned_back_total", "rule" => rule).increment(1);
        self.ended_by(tenant, call, fact(Box::new(permit))).await
    }

    async fn reserve(&self) -> Result<Reserved, PlaceError> {
        self.pace
            .reserve(
                self.carrier.account_id(),
                self.now(),
                self.call_interval,
                PACE_AHEAD_MAX,
            )
            .await
            .map_err(|error| PlaceError::Record(RecordError::Store(error)))
    }

    fn is_late(&self, place: Timestamp) -> bool {
        self.now().duration_since(place) > PACE_LATE_MAX
    }

    /// Waits for a moment that is at most [`PACE_AHEAD_MAX`] ahead.
    async fn wait_until(&self, at: Timestamp) {
        let wait = at.duration_since(self.now()).min(PACE_AHEAD_MAX);
        if let Ok(wait) = Duration::try_from(wait) {
            tokio::time::sleep(wait).await;
        }
    }

    /// How long it is until the call's time, if that is worth a message.
    fn early(&self, row: &CallRow) -> Option<SignedDuration> {
        let wait = row.progress.not_before?.duration_since(self.now());
        // A time that lies far ahead was written by a clock that was wrong.
        (wait > EARLY_MAX && wait < CLAIM_AGE_MAX).then_some(wait)
    }

    /// The message comes again after the wait: in whole seconds, and not all at once.
    async fn come_again(
        &self,
        call: &Call,
        wait: SignedDuration,
    ) -> Result<DialResult, PlaceError> {
        let spread = u64::try_from(self.ids.chance() % u128::from(PACE_SPREAD_MS));
        let wait = Duration::try_from(wait).unwrap_or_default()
            + Duration::from_millis(spread.unwrap_or_default());
        let job = DialJob::of(call);
        let delay = wait.max(Duration::from_secs(1)).min(DELAY_MAX);
        let sent = self.queue.send(&job, delay).await;
        sent.map_err(PlaceError::Queue)?;
        Ok(DialResult::Later)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The one request of a call's life.
    async fn ask(
        &self,
        row: &CallRow,
        request: &CreateCall,
        place: Timestamp,
    ) -> Result<DialResult, PlaceError> {
        let (tenant, call) = (row.call.tenant_id, row.call.id);
        let mut place = place;
        for attempt in 1..=CONNECT_TRIES_MAX {
            if self.is_late(place) {
                match self.reserve().await? {
                    Reserved::Granted(at) => place = at,
                    Reserved::Later(_) => {
                        let outcome = Outcome::CarrierRateLimited;
                        return self.not_placed(tenant, call, outcome).await;
                    }
                }
                self.wait_until(place).await;
            }
            if self.since_gate(row) > REQUEST_DELAY_MAX {
                warn!(call.id = %call, "too late after the gate to begin the request");
                break;
            }
            let problem = match self.carrier.place(request).await {
                Ok(carrier_call) => {
                    let queue = carrier_call.queue_ms.unwrap_or_default();
                    let carrier_call_id = String::from(carrier_call.id);
                    let placed = self.placed(tenant, call, carrier_call_id.clone()).await?;
                    Box::pin(self.look_behind_queue(row, &carrier_call_id, queue)).await?;
                    return Ok(placed);
                }
                Err(problem) => problem,
            };
            metrics::counter!("trunkline_carrier_create_failures_total", "kind" => problem.code())
                .increment(1);
            warn!(call.id = %call, kind = problem.code(), "the carrier did not confirm the call");
            match problem {
                CreateError::Unknown(_) => return self.look_later(&row.call).await,
                // Nothing was sent: trying again is still the first request.
                CreateError::NotSent(_) if attempt < CONNECT_TRIES_MAX => {
                    tokio::time::sleep(CONNECT_PAUSE * attempt).await;
                }
                CreateError::NotSent(_)
                | CreateError::Unsupported(_)
                | CreateError::Invalid(_)
                | CreateError::RateLimited { .. }
                | CreateError::Refused(_) => {
                    let outcome = problem.outcome().unwrap_or(Outcome::PlatformFailed);
                    return self.not_placed(tenant, call, outcome).await;
                }
            }
        }
        self.not_placed(tenant, call, Outcome::PlatformFailed).await
    }

    /// A call that the carrier holds back is taken back if it may not ring by then.
    async fn look_behind_queue(
        &self,
        row: &CallRow,
        carrier_call_id: &str,
        queue_ms: u32,
    ) -> Result<(), PlaceError> {
        let queue = SignedDuration::from_millis(i64::from(queue_ms));
        if queue <= CARRIER_QUEUE_MAX {
            return Ok(());
        }
        let call = row.call.id;
        warn!(call.id = %call, queue_ms, "the carrier holds a call back");
        let rings_at = self.now().checked_add(queue).unwrap_or(Timestamp::MAX);
        let known = Box::pin(self.known(row)).await?;
        let permit = known.permit(row, rings_at);
        if permit.allowed {
            return Ok(());
        }
        // Only while it does not ring. Where it cannot be taken back, its callbacks tell how it went.
        let Ok(id) = carrier_call_id.parse::<CarrierCallId>() else {
            return Ok(());
        };
        match self.carrier.cancel(&id).await {
            Ok(_cancelled) => {
                let ended = self.turn_back(row, Fact::TakenBack, permit).await;
                ended.map(|_ended| ())
            }
            Err(problem) => {
                warn!(call.id = %call, kind = problem.code(), "the carrier did not take a call back");
                Ok(())
            }
        }
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

    async fn placed(
        &self,
        tenant: TenantId,
        call: CallId,
        carrier_call_id: String,
    ) -> Result<DialResult, PlaceError> {
        let fact = Fact::Placed { carrier_call_id };
        let recorded = self.recorder.record(tenant, call, &fact).await;
        let row = recorded.map_err(PlaceError::Record)?.row;
        if unwanted(&row)
            && let Some(carrier_call_id) = &row.call.carrier_call_id
        {
            info!(call.id = %call, "hanging up a call that was cancelled while it was placed");
            if let Err(problem) = hang_up_at_carrier(&*self.carrier, carrier_call_id).await {
                warn!(call.id = %call, kind = problem.code(), "the carrier did not hang up");
            } else {
                let ended = self
                    .recorder
                    .record(tenant, call, &Fact::HungUpAtCarrier)
                    .await;
                ended.map_err(PlaceError::Record)?;
            }
        }
        Ok(DialResult::Placed)
    }

    async fn not_placed(
        &self,
        tenant: TenantId,
        call: CallId,
        outcome: Outcome,
    ) -> Result<DialResult, PlaceError> {
        let fact = Fact::NotPlaced(outcome);
        self.ended_by(tenant, call, fact).await
    }

    async fn not_begun(
        &self,
        tenant: TenantId,
        call: CallId,
        outcome: Outcome,
    ) -> Result<DialResult, PlaceError> {
        self.ended_by(tenant, call, Fact::NotBegun(outcome)).await
    }

    async fn ended_by(
        &self,
        tenant: TenantId,
        call: CallId,
        fact: Fact,
    ) -> Result<DialResult, PlaceError> {
        let recorded = self.recorder.record(tenant, call, &fact).await;
        let row = recorded.map_err(PlaceError::Record)?.row;
        Ok(row
            .call
            .outcome
            .map_or(DialResult::Nothing, DialResult::Ended))
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

    /// A message of its own, so that looking often does not count as failing often.
    async fn look_later(&self, call: &Call) -> Result<DialResult, PlaceError> {
        let sent = self.queue.send(&DialJob::of(call), SETTLE_PAUSE).await;
        sent.map_err(PlaceError::Queue)?;
        Ok(DialResult::Unsettled)
    }

    fn since_gate(&self, row: &CallRow) -> SignedDuration {
        let gate_at = row.progress.placing_at.unwrap_or(row.call.created_at);
        self.clock.now().duration_since(gate_at)
    }

    fn request(&self, row: &CallRow, token: TokenId) -> CreateCall {
        let (tenant, call) = (row.call.tenant_id, row.call.id);
        CreateCall {
            to: row.call.to.clone(),
            from: row.call.from.clone(),
            instructions: self.links.connect(tenant, call, token),
            status_callback: self.links.status(tenant, call),
            ring_timeout: Some(RING_TIMEOUT),
            duration_max: Some(time_limit(row.progress.max_duration_seconds)),
            recording: Some(RecordCall {
                status_callback: self.links.recording(tenant, call),
            }),
            machine_detection: machine_detection(&row.progress, self.links.amd(tenant, call)),
        }
    }
}

/// Always in the background: nobody waits for it in silence.
fn machine_detection(progress: &Progress, callback: Url) -> Option<MachineDetection> {
    let mode = match progress.detect {
        AmdMode::Off => return None,
        AmdMode::Start => MachineDetectionMode::Start,
        AmdMode::MessageEnd => MachineDetectionMode::MessageEnd,
    };
    let AmdThresholds {
        timeout_seconds,
        speech_threshold_ms,
        speech_end_threshold_ms,
        silence_timeout_ms,
    } = progress.thresholds;
    Some(MachineDetection {
        mode,
        callback,
        timeout_seconds: Some(timeout_seconds),
        speech_threshold_ms: Some(speech_threshold_ms),
        speech_end_threshold_ms: Some(speech_end_threshold_ms),
        silence_timeout_ms: Some(silence_timeout_ms),
    })
}

/// When the carrier ends the call although nobody of us did: what it costs is bounded even if every
/// worker is gone.
pub(crate) fn time_limit(max_duration_seconds: u32) -> Duration {
    let agent = Duration::from_secs(u64::from(max_duration_seconds));
    (agent + TIME_LIMIT_MARGIN).min(TIME_LIMIT_MAX)
}

/// Whether a call that the carrier has should not go on: it was given up or cancelled before.
pub(crate) fn unwanted(row: &CallRow) -> bool {
    row.progress.hang_up_requested_at.is_some()
        || match row.call.outcome {
            Some(
                Outcome::CarrierUnconfirmed
                | Outcome::Cancelled
                | Outcome::PlatformFailed
                | Outcome::HungUpByUser
                | Outcome::Voicemail
                | Outcome::Fax
                | Outcome::OptedOut
                | Outcome::NotPermitted
                | Outcome::CampaignStopped,
            ) => true,
            Some(
                Outcome::AgentEnded
                | Outcome::CalleeHungUp
                | Outcome::CalleeSilent
                | Outcome::VoicemailLeft
                | Outcome::Screened
                | Outcome::Busy
                | Outcome::NoAnswer
                | Outcome::NumberUnreachable
                | Outcome::CarrierRefused
                | Outcome::CarrierRateLimited
                | Outcome::CarrierFailed
                | Outcome::StreamLost
                | Outcome::VendorFailed
                | Outcome::NoCapacity
                | Outcome::WorkerLost
                | Outcome::DurationLimit,
            )
            | None => false,
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
