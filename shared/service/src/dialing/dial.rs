//! From a claimed call to the one request at the carrier, and what is done when its answer is lost.
//!
//! Promise P1: whoever moves a call from `claimed` to `placing` makes the one request of its life.
//! Everybody else who meets the call, however often, never dials: a call that stays `placing` is
//! settled by asking the carrier, or by the carrier's callbacks, which carry the call's id.
//!
//! Promise P3: that move is the gate. It is made on condition that the call, the campaign's revision and the
//! contacts of the number and of the person's other ones are what the permit was decided on, so that a pause or a stop request that
//! was answered before is never overtaken. A call that may not be dialled ends with the permit that says
//! why, and its lead goes back or is done, in one transaction.

pub mod gate;
pub(crate) mod request;
pub mod settling;

use std::sync::Arc;
use std::time::Duration;

use carrier::Carrier;
use futures_util::future::{try_join_all, try_join3};
use jiff::{SignedDuration, Timestamp};
use model::{Call, CallId, CallState, Lead, Outcome, Permit, PhoneNumber, TenantId};
use store::{CallRow, ContactRow, DELAY_MAX, DialJob, Pace, Queue, StoreError};
use tracing::{info, warn};

use crate::call::hang_up_at_carrier;
use crate::call::lifecycle::Fact;
use crate::call::recorder::{RecordError, Recorder, follow};
use crate::dialing::policy::{self, Purpose, ReadWith};
use crate::dialing::workforce::Workforce;
use crate::{Clock, Context, Ids, Links};

/// How late after the gate the request may still begin. Settling counts on it: a request that has
/// not begun by then never will.
pub const REQUEST_DELAY_MAX: SignedDuration = SignedDuration::from_secs(10);
/// The wait between two questions to the carrier.
pub const SETTLE_PAUSE: Duration = Duration::from_secs(15);
/// Messages that must wait for a place come again this much apart, so that they do not all come at once.
const PACE_SPREAD_MS: u64 = 3_000;

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

impl DialResult {
    /// In logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Ended(outcome) => outcome.code(),
            Self::Unsettled => "unsettled",
            Self::Later => "later",
            Self::Nothing => "nothing",
        }
    }
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
            CallState::Placing => Box::pin(self.settle_by_messages(&row)).await,
            CallState::Placed | CallState::Ringing | CallState::Answered | CallState::Ended => {
                Ok(DialResult::Nothing)
            }
        }
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
        let purpose = policy::purpose(call, campaign, lead.map(|row| row.lead));
        let others = match &purpose {
            Purpose::Lead { lead, .. } => self.contacts_besides(tenant, lead, &call.to).await,
            Purpose::Single | Purpose::Nothing => Ok(Vec::new()),
        };
        Ok(ReadWith {
            purpose,
            contact,
            others: others.map_err(|error| PlaceError::Record(RecordError::Store(error)))?,
        })
    }

    /// What is known of the lead's other numbers. Most leads have none, and nothing is read.
    async fn contacts_besides(
        &self,
        tenant: TenantId,
        lead: &Lead,
        to: &PhoneNumber,
    ) -> Result<Vec<ContactRow>, StoreError> {
        let reads = lead.numbers_besides(to).map(async |number| {
            let contact = self.contacts.get(tenant, number).await?;
            Ok(ContactRow {
                number: number.clone(),
                contact,
            })
        });
        Box::pin(try_join_all(reads)).await
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
                | Outcome::CampaignStopped
                | Outcome::Rejected,
            ) => true,
            Some(
                Outcome::AgentEnded
                | Outcome::CustomerHungUp
                | Outcome::CustomerSilent
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
