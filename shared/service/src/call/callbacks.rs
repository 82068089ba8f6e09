//! What the carrier tells us of calls, once its signature was checked.
//!
//! Every callback may come twice, late, or before another that was sent earlier. What a fact does to
//! a call is decided in `progress`; here the carrier's words become facts.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use carrier::instructions::Reject;
use carrier::recording::RecordingStatus;
use carrier::report::{
    AmdReport, CallRequest, RecordingReport, StatusReport, StreamEvent, StreamReport,
};
use carrier::{CallStatus, Carrier, CarrierCallId, Instructions};
use jiff::{SignedDuration, Timestamp};
use model::{
    AbsentBecause, AgentId, CallId, CallState, Direction, EventKind, KnownLead, OptOutHow, Outcome,
    PhoneNumber, RecordingState, RejectedBecause, TenantId, TokenId,
};
use store::{
    CallRow, CreateRefused, NewCall, NewToken, Number, Numbers, Queue, RecordingJob, StoreError,
    TokenHash,
};
use tracing::{error, info, warn};

use crate::call::hold::{give_up, hold};
use crate::call::inquiry::at_carrier;
use crate::call::inquiry::{Inquiry, InquiryError};
use crate::call::known_customers::KnownCustomers;
use crate::call::lifecycle::{CarrierSays, Fact};
use crate::call::recorder::{RecordError, Recorded, Recorder, follow};
use crate::call::{CallPlans, Rejected, hang_up_at_carrier, new_row};
use crate::dialing::dial::unwanted;
use crate::dialing::workforce::Workforce;
use crate::lead::suppressions::Suppressions;
use crate::{Clock, Ids, Links, Refused};

/// How often the carrier is given another stream for one call whose stream broke off. A call whose worker
/// dies more often than this is better ended. Hand-overs of workers that stop do not count.
pub const RESUMES_MAX: u32 = 5;
/// How long a stream may take to begin once the carrier has its instructions.
const STREAM_TOKEN_LIFETIME: SignedDuration = SignedDuration::from_mins(2);
/// Stands for a number that the customer withholds: `ANONYMOUS` on a phone's keys, as carriers write it.
const WITHHELD: &str = "+266696687";

/// Why a callback was not taken. The entry point answers a documented refusal.
#[derive(Debug, thiserror::Error)]
pub enum CallbackError {
    /// The ids in the address name no call.
    #[error("there is no such call")]
    UnknownCall,
    /// The call is another one at the carrier.
    #[error("the call is another one at the carrier")]
    OtherCall,
    /// Worth the carrier's trying again.
    #[error("the callback could not be taken in")]
    Unavailable(#[source] StoreError),
}

impl From<RecordError> for CallbackError {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Unknown => Self::UnknownCall,
            RecordError::OtherCall => Self::OtherCall,
            RecordError::Store(error) => Self::Unavailable(error),
        }
    }
}

/// A call to a number of ours that we do not have yet.
#[derive(Debug)]
struct Called<'a> {
    number: &'a Number,
    from: PhoneNumber,
    request: &'a CallRequest,
    held: u32,
}

/// The use cases of the carrier's webhooks.
#[derive(Debug, Clone)]
pub struct Callbacks {
    recorder: Recorder,
    inquiry: Inquiry,
    calls: store::Calls,
    sessions: store::Sessions,
    suppressions: Suppressions,
    clock: Arc<dyn Clock>,
    ids: Ids,
    call_plans: CallPlans,
    known_customers: KnownCustomers,
    numbers: Numbers,
    recordings: Queue<RecordingJob>,
    carrier: Arc<dyn Carrier>,
    links: Links,
    workforce: Workforce,
}

impl Callbacks {
    #[must_use]
    pub fn new(
        store: &store::Store,
        carrier: Arc<dyn Carrier>,
        links: Links,
        clock: Arc<dyn Clock>,
        ids: Ids,
    ) -> Self {
        let recorder = Recorder::new(store, Arc::clone(&clock), ids.clone());
        Self {
            workforce: Workforce::new(&store.workers, &clock),
            inquiry: Inquiry::new(recorder.clone(), Arc::clone(&carrier)),
            recorder,
            calls: store.calls.clone(),
            sessions: store.sessions.clone(),
            suppressions: Suppressions::new(store, Arc::clone(&clock), ids.clone()),
            clock,
            ids,
            call_plans: CallPlans {
                agents: store.agents.clone(),
                prompts: store.prompts.clone(),
                vendors: None,
            },
            known_customers: KnownCustomers::new(store),
            numbers: store.numbers.clone(),
            recordings: store.recordings.clone(),
            carrier,
            links,
        }
    }

    /// A call moved on.
    ///
    /// # Errors
    /// See [`CallbackError`].
    pub async fn status(
        &self,
        tenant: TenantId,
        call: CallId,
        callback: &StatusReport,
    ) -> Result<(), CallbackError> {
        let carrier_call_id = callback.call_id.as_str();
        if let Some(answered_by) = callback.answered_by {
            let fact = Fact::CarrierVerdict {
                carrier_call_id: carrier_call_id.to_owned(),
                answered_by,
                detection_ms: None,
            };
            self.recorder.record(tenant, call, &fact).await?;
        }
        let fact = Fact::Status {
            carrier_call_id: carrier_call_id.to_owned(),
            says: says(callback),
            at: callback.at,
            duration_seconds: callback.duration_seconds,
        };
        let recorded = self.recorder.record(tenant, call, &fact).await?;
        if recorded.changed {
            info!(call.id = %call, carrier_status = callback.status.code(), "the carrier says how a call goes");
        }
        if !callback.status.is_final() {
            self.end_if_unwanted(&recorded, carrier_call_id).await?;
        }
        Ok(())
    }

    /// Answering machine detection has a verdict. An open session reads it from the call and acts on it;
    /// a machine that no session talks to is hung up on here, where that is what is wanted.
    ///
    /// # Errors
    /// See [`CallbackError`].
    pub async fn amd(
        &self,
        tenant: TenantId,
        call: CallId,
        callback: &AmdReport,
    ) -> Result<(), CallbackError> {
        let carrier_call_id = callback.call_id.as_str();
        let fact = Fact::CarrierVerdict {
            carrier_call_id: carrier_call_id.to_owned(),
            answered_by: callback.answered_by,
            detection_ms: callback.detection_ms,
        };
        let recorded = self.recorder.record(tenant, call, &fact).await?;
        self.ask_if_forsaken(&recorded.row).await?;
        self.end_if_unwanted(&recorded, carrier_call_id).await
    }

    /// A sign of a call whose media worker is gone: what became of the call is asked now rather than at the
    /// next sweep.
    async fn ask_if_forsaken(&self, row: &CallRow) -> Result<(), CallbackError> {
        let gone = self.workforce.has_forsaken(row).await;
        if row.call.state < CallState::Ended && gone.map_err(CallbackError::Unavailable)? {
            asked(row, self.inquiry.ask(row, self.clock.now()).await);
        }
        Ok(())
    }

    /// The carrier still holds a call that is over for us: it is told so. Only at news, and when the
    /// news says that the carrier's call is alive.
    async fn end_if_unwanted(
        &self,
        recorded: &Recorded,
        carrier_call_id: &str,
    ) -> Result<(), CallbackError> {
        let ended_by_this = recorded.changed && recorded.before < CallState::Ended;
        let late_sign_of_life = recorded.before == CallState::Ended;
        let is_news = ended_by_this || late_sign_of_life;
        if !unwanted(&recorded.row) || !is_news || hears_last_words(&recorded.row) {
            return Ok(());
        }
        let call = recorded.row.call.id;
        if let Err(problem) = hang_up_at_carrier(&*self.carrier, carrier_call_id).await {
            // The carrier asks how to go on at the latest when the stream closes, and is told then.
            warn!(call.id = %call, kind = problem.code(), "the carrier did not hang up");
            return Ok(());
        }
        let fact = Fact::HungUpAtCarrier;
        self.recorder
            .record(recorded.row.call.tenant_id, call, &fact)
            .await?;
        Ok(())
    }

    /// A recording is ready, or will never be.
    ///
    /// # Errors
    /// See [`CallbackError`].
    pub async fn recording(
        &self,
        tenant_id: TenantId,
        call_id: CallId,
        callback: &RecordingReport,
    ) -> Result<(), CallbackError> {
        let carrier_recording_id = callback.recording_id.as_str().to_owned();
        let row = self.row(tenant_id, call_id, &callback.call_id).await?;
        let because = match callback.status {
            RecordingStatus::Completed => None,
            RecordingStatus::Absent => Some(AbsentBecause::NothingRecorded),
            RecordingStatus::Failed => Some(AbsentBecause::Failed),
            RecordingStatus::InProgress
            | RecordingStatus::Paused
            | RecordingStatus::Stopped
            | RecordingStatus::Processing
            | RecordingStatus::Deleted => return Ok(()),
        };
        if let Some(because) = because {
            let absent = Fact::Recording(RecordingState::Absent {
                carrier_recording_id: Some(carrier_recording_id),
                because,
            });
            self.recorder.record(tenant_id, call_id, &absent).await?;
            return Ok(());
        }
        let ready = Fact::Recording(RecordingState::Ready {
            carrier_recording_id: carrier_recording_id.clone(),
            duration_seconds: callback.duration_seconds,
        });
        let recorded = self.recorder.record(tenant_id, call_id, &ready).await?;
        // Sent again when the callback is repeated: the first message may not have been sent.
        if matches!(
            &recorded.row.call.recording,
            Some(RecordingState::Ready { carrier_recording_id: ready, .. }) if *ready == carrier_recording_id
        ) {
            let job = RecordingJob {
                tenant_id,
                call_id,
                carrier_recording_id,
                trace_id: Some(recorded.row.call.trace()),
            };
            let sent = self.recordings.send(&job, Duration::ZERO).await;
            sent.map_err(CallbackError::Unavailable)?;
        }
        // A carrier finishes a recording when the call is over.
        if row.call.state < CallState::Ended {
            asked(&row, self.inquiry.ask_of_talk(&row, self.clock.now()).await);
        }
        Ok(())
    }

    /// A media stream started, stopped or failed.
    ///
    /// # Errors
    /// See [`CallbackError`].
    pub async fn stream(
        &self,
        tenant: TenantId,
        call: CallId,
        callback: &StreamReport,
    ) -> Result<(), CallbackError> {
        let carrier_call_id = callback.call_id.as_str().to_owned();
        match callback.event {
            StreamEvent::Started => Ok(()),
            StreamEvent::Error => {
                warn!(call.id = %call, "the carrier's stream to us failed");
                let fact = Fact::StreamFailed { carrier_call_id };
                let recorded = self.recorder.record(tenant, call, &fact).await?;
                self.ask_if_forsaken(&recorded.row).await
            }
            StreamEvent::Stopped => self.ask_how_inbound_ended(tenant, call, callback).await,
        }
    }

    /// Nobody sends status callbacks of an inbound call: when its stream stops, the carrier is asked.
    async fn ask_how_inbound_ended(
        &self,
        tenant: TenantId,
        call: CallId,
        callback: &StreamReport,
    ) -> Result<(), CallbackError> {
        let row = self.calls.get(tenant, call).await;
        let row = row
            .map_err(CallbackError::Unavailable)?
            .ok_or(CallbackError::UnknownCall)?;
        follow(&row.call);
        if row.call.direction == Direction::Outbound {
            return self.ask_if_forsaken(&row).await;
        }
        if row.call.state == CallState::Ended {
            return Ok(());
        }
        let found = match self.carrier.fetch_call(&callback.call_id).await {
            Ok(found) => found,
            Err(problem) => {
                warn!(call.id = %call, kind = problem.code(), "the carrier cannot be asked about a call");
                return Ok(());
            }
        };
        if let Some(end) = at_carrier::end(&found) {
            self.recorder.record(tenant, call, &end).await?;
        }
        Ok(())
    }

    /// The stream of a call is over and the carrier asks how to go on: with another stream, or not. While
    /// no worker could take it the call is held; `held` is how often it has been, and `keys` were pressed meanwhile.
    ///
    /// # Errors
    /// See [`CallbackError`].
    pub async fn resume(
        &self,
        tenant: TenantId,
        call: CallId,
        carrier_call_id: &CarrierCallId,
        held: u32,
        keys: &str,
    ) -> Result<Instructions, CallbackError> {
        if !keys.is_empty() {
            let opted_out = self.opted_out(tenant, call, carrier_call_id, keys);
            match Box::pin(opted_out).await {
                Ok(None) => {}
                Ok(Some(last_words)) => return Ok(last_words),
                Err(CallbackError::Unavailable(error)) => {
                    return self.hold_with_keys(tenant, call, held, keys, error);
                }
                Err(refused) => return Err(refused),
            }
        }
        let row = self.row(tenant, call, carrier_call_id).await?;
        if row.call.outcome == Some(Outcome::Rejected) {
            return Ok(not_taken());
        }
        if row.call.state == CallState::Ended || row.progress.hang_up_requested_at.is_some() {
            return Ok(Instructions::hang_up());
        }
        if row.progress.resumes >= RESUMES_MAX {
            warn!(call.id = %call, "a call was resumed too often and is ended");
            let exhausted = Fact::ResumesExhausted;
            self.recorder.record(tenant, call, &exhausted).await?;
            return Ok(Instructions::hang_up());
        }
        if !self.has_worker().await? {
            let language = match row.call.agent_id {
                Some(agent) => self.language(tenant, agent).await?,
                None => String::new(),
            };
            let again = |held| self.links.resume_held(tenant, call, held, "");
            if let Some(instructions) = hold(&language, held, self.carrier.capabilities(), again) {
                self.note_hold(&row, carrier_call_id).await?;
                info!(call.id = %call, held, "a customer waits for a media worker");
                customer_waits();
                return Ok(instructions);
            }
            warn!(call.id = %call, "no media worker came for a call and it is ended");
            let exhausted = Fact::ResumesExhausted;
            self.recorder.record(tenant, call, &exhausted).await?;
            return Ok(give_up(&language));
        }
        info!(call.id = %call, resumes = row.progress.resumes + 1, "resuming a call");
        let token = self.ids.fresh(TokenId::from_parts);
        let hash = TokenHash::of(token);
        let fact = Fact::Resumed {
            carrier_call_id: carrier_call_id.as_str().to_owned(),
        };
        let recorded = self
            .recorder
            .record_with(tenant, call, &fact, Some(self.token(&hash)))
            .await?;
        if !recorded.changed {
            // It ended meanwhile.
            return Ok(Instructions::hang_up());
        }
        Ok(self.links.connect(tenant, call, token))
    }

    /// The last words to somebody whose keys opt out, once it is stored: as in a session, whatever has become of the
    /// call. `None`: the keys mean nothing, as every other key to somebody who is held.
    async fn opted_out(
        &self,
        tenant: TenantId,
        call: CallId,
        carrier_call_id: &CarrierCallId,
        keys: &str,
    ) -> Result<Option<Instructions>, CallbackError> {
        let unavailable = CallbackError::Unavailable;
        self.row(tenant, call, carrier_call_id).await?;
        let snapshot = self.sessions.snapshot(tenant, call).await;
        let Some(snapshot) = snapshot.map_err(unavailable)? else {
            return Ok(None);
        };
        let Some(last_words) = conversation::opted_out_by_keys(&snapshot, keys) else {
            return Ok(None);
        };
        let wished = self.suppressions.wished(tenant, call, OptOutHow::Keypad);
        let put = wished.await.map_err(unavailable)?;
        if put.is_some_and(|put| !put.there_already) {
            metrics::counter!("trunkline_opt_outs_total").increment(1);
        }
        let fact = Fact::OptedOut {
            carrier_call_id: carrier_call_id.as_str().to_owned(),
        };
        self.recorder.record(tenant, call, &fact).await?;
        let language = &snapshot.agent.language;
        Ok(Some(Instructions::say_and_hang_up(&last_words, language)))
    }

    /// The call as it is now, if it is this one at the carrier.
    async fn row(
        &self,
        tenant: TenantId,
        call: CallId,
        carrier_call_id: &CarrierCallId,
    ) -> Result<CallRow, CallbackError> {
        let row = self.calls.get(tenant, call).await;
        let row = row
            .map_err(CallbackError::Unavailable)?
            .ok_or(CallbackError::UnknownCall)?;
        follow(&row.call);
        let known = row.call.carrier_call_id.as_deref();
        if known.is_some_and(|known| known != carrier_call_id.as_str()) {
            return Err(CallbackError::OtherCall);
        }
        Ok(row)
    }

    /// Holds somebody on whose keys storage did not answer, and keeps the keys in the next address: the carrier has
    /// less patience with a webhook than an outage lasts.
    fn hold_with_keys(
        &self,
        tenant: TenantId,
        call: CallId,
        held: u32,
        keys: &str,
        problem: StoreError,
    ) -> Result<Instructions, CallbackError> {
        let kept: BTreeSet<char> = keys.chars().collect();
        let kept = String::from_iter(kept);
        let again = |held| self.links.resume_held(tenant, call, held, &kept);
        // The agent's language may be what storage does not tell.
        let Some(instructions) = hold("", held, self.carrier.capabilities(), again) else {
            return Err(CallbackError::Unavailable(problem));
        };
        error!(
            call.id = %call,
            problem = &problem as &dyn std::error::Error,
            "a key of somebody who is held could not be looked at, and is kept"
        );
        Ok(instructions)
    }

    /// Notes once that the customer is held: nobody calls back when they hang up, so the sweeper asks.
    async fn note_hold(
        &self,
        row: &CallRow,
        carrier_call_id: &CarrierCallId,
    ) -> Result<(), CallbackError> {
        if row.progress.held_since.is_some() {
            return Ok(());
        }
        let fact = Fact::Held {
            carrier_call_id: carrier_call_id.as_str().to_owned(),
        };
        let call = &row.call;
        self.recorder.record(call.tenant_id, call.id, &fact).await?;
        Ok(())
    }

    /// Somebody calls one of our numbers. While no worker could take the call they are held: theirs is a call
    /// like any other then, so that who does not wait is a missed call and not forgotten. Nor is one forgotten that
    /// is not taken: it is a call that is over. `held` is how often they have been held, where an earlier version
    /// held them without a call.
    ///
    /// # Errors
    /// [`CallbackError::Unavailable`]; a number that nobody answers is a rejection, not an error.
    pub async fn inbound_voice(
        &self,
        request: &CallRequest,
        held: u32,
    ) -> Result<Instructions, CallbackError> {
        if request.direction == Direction::Outbound {
            return Ok(Instructions::hang_up());
        }
        let number = match &request.to {
            Some(to) => self.numbers.owner(to).await,
            None => Ok(None),
        };
        let Some(number) = number.map_err(CallbackError::Unavailable)? else {
            // Nobody's call: there is no tenant to keep it for.
            return Ok(nobodys("unknown_number"));
        };
        let Some(from) = request.from.clone().or_else(withheld) else {
            return Ok(nobodys("no_customer"));
        };
        let tenant = number.tenant_id;
        let known = self
            .calls
            .by_carrier_call(tenant, request.call_id.as_str())
            .await
            .map_err(CallbackError::Unavailable)?;
        if let Some(call) = known {
            return self.resume(tenant, call, &request.call_id, held, "").await;
        }
        let called = Called {
            number: &number,
            from,
            request,
            held,
        };
        if number.archived_at.is_some() {
            let because = RejectedBecause::NumberArchived;
            return self.reject(called, None, because).await;
        }
        match number.agent_id {
            Some(agent) => Box::pin(self.take(called, agent)).await,
            None => self.reject(called, None, RejectedBecause::NoAgent).await,
        }
    }

    /// Whether there would be somebody to talk to them.
    async fn has_worker(&self) -> Result<bool, CallbackError> {
        let room = self.workforce.room().await;
        Ok(room.map_err(CallbackError::Unavailable)?.is_there())
    }

    /// The agent's language; the usual one when the agent is gone.
    async fn language(&self, tenant: TenantId, agent: AgentId) -> Result<String, CallbackError> {
        let agent = self.call_plans.agents.get(tenant, agent).await;
        let agent = agent.map_err(CallbackError::Unavailable)?;
        Ok(agent.map_or_else(String::new, |agent| agent.fields.language))
    }

    async fn take(
        &self,
        called: Called<'_>,
        agent: AgentId,
    ) -> Result<Instructions, CallbackError> {
        let Called {
            number,
            from,
            request,
            held,
        } = called;
        let tenant = number.tenant_id;
        let known = match &request.from {
            Some(from) => self
                .known_customers
                .find(tenant, from, &number.number)
                .await
                .map_err(CallbackError::Unavailable)?,
            None => None,
        };
        let known_as = known.as_ref().map(|known| known.lead);
        let variables = known.map(|known| known.variables).unwrap_or_default();
        let id = self.ids.fresh(CallId::from_parts);
        let snapshot = self
            .call_plans
            .snapshot(tenant, id, Direction::Inbound, agent, &variables)
            .await;
        let snapshot = match snapshot {
            Ok(snapshot) => snapshot,
            Err(Refused::Unavailable(error)) => return Err(CallbackError::Unavailable(error)),
            Err(refused) => {
                warn!(agent.id = %agent, problem = %refused, "an agent cannot take inbound calls");
                let because = if matches!(refused, Refused::MissingVariables(_)) {
                    RejectedBecause::MissingVariables
                } else {
                    RejectedBecause::AgentUnfit
                };
                let called = Called {
                    number,
                    from,
                    request,
                    held,
                };
                return self.reject(called, known_as, because).await;
            }
        };
        let now = self.clock.now();
        let state = CallState::Ringing;
        let mut row = new_row(&snapshot, number.number.clone(), from, state, now);
        row.call.carrier_call_id = Some(request.call_id.as_str().to_owned());
        row.call.known_as = known_as;
        let has_worker = self.has_worker().await?;
        row.progress.held_since = (!has_worker).then_some(now);
        let token = self.ids.fresh(TokenId::from_parts);
        let hash = TokenHash::of(token);
        let event = EventKind::CallAdvanced { call_id: id, state };
        let new = NewCall {
            row: &row,
            snapshot: &snapshot,
            token: has_worker.then(|| self.token(&hash)),
            request: None,
            slots: None,
            lead: None,
            counted_at: None,
            event: self.ids.event(tenant, event, now),
        };
        match self.calls.create(new).await {
            Ok(()) => {
                follow(&row.call);
                let is_known = known_as.is_some();
                info!(call.id = %id, tenant.id = %tenant, is_known, "a call came in");
                if has_worker {
                    return Ok(self.links.connect(tenant, id, token));
                }
                self.resume(tenant, id, &request.call_id, held, "").await
            }
            Err(refused) => self.made_already(tenant, request, held, refused).await,
        }
    }

    /// Does not take a call, and keeps that somebody called and why nobody answered.
    async fn reject(
        &self,
        called: Called<'_>,
        known_as: Option<KnownLead>,
        because: RejectedBecause,
    ) -> Result<Instructions, CallbackError> {
        let Called {
            number,
            from,
            request,
            held,
        } = called;
        let tenant = number.tenant_id;
        let now = self.clock.now();
        let row = Rejected {
            id: self.ids.fresh(CallId::from_parts),
            tenant_id: tenant,
            agent_id: number.agent_id,
            to: number.number.clone(),
            from,
            carrier_call_id: request.call_id.as_str(),
            known_as,
            because,
        }
        .row(now);
        let event = EventKind::CallEnded {
            call_id: row.call.id,
            outcome: Outcome::Rejected,
        };
        let event = self.ids.event(tenant, event, now);
        match self.calls.create_ended(&row, &event).await {
            Ok(()) => {
                follow(&row.call);
                let because = because.code();
                info!(call.id = %row.call.id, tenant.id = %tenant, because, "a call that came in is not taken");
                metrics::counter!("trunkline_inbound_calls_rejected_total", "reason" => because)
                    .increment(1);
                let outcome = Outcome::Rejected.code();
                metrics::counter!("trunkline_calls_ended_total", "outcome" => outcome).increment(1);
                Ok(not_taken())
            }
            Err(refused) => self.made_already(tenant, request, held, refused).await,
        }
    }

    /// The same webhook, delivered twice at once: the other one made the call.
    async fn made_already(
        &self,
        tenant: TenantId,
        request: &CallRequest,
        held: u32,
        refused: CreateRefused,
    ) -> Result<Instructions, CallbackError> {
        match refused {
            CreateRefused::CarrierCallTaken => {
                let known = self
                    .calls
                    .by_carrier_call(tenant, request.call_id.as_str())
                    .await
                    .map_err(CallbackError::Unavailable)?;
                let known = known.ok_or(CallbackError::UnknownCall)?;
                self.resume(tenant, known, &request.call_id, held, "").await
            }
            // An inbound call has no request, no slot and no lead.
            CreateRefused::Repeated
            | CreateRefused::SlotTaken { .. }
            | CreateRefused::LeadChanged => Err(CallbackError::Unavailable(StoreError::Conflict)),
            CreateRefused::Store(error) => Err(CallbackError::Unavailable(error)),
        }
    }

    fn token<'a>(&self, hash: &'a TokenHash) -> NewToken<'a> {
        NewToken {
            hash,
            until: stream_deadline(self.clock.now()),
            from: None,
        }
    }
}

/// What the carrier is told of a call that nobody takes.
fn not_taken() -> Instructions {
    Instructions::reject(Reject::NotInService)
}

/// The same of a call that is no tenant's: it is counted and leaves no row.
fn nobodys(reason: &'static str) -> Instructions {
    info!(reason, "a call came in that is nobody's");
    metrics::counter!("trunkline_inbound_calls_rejected_total", "reason" => reason).increment(1);
    not_taken()
}

/// Whether the carrier was told to say why it hangs up, and then to do so.
fn hears_last_words(row: &CallRow) -> bool {
    row.call.outcome == Some(Outcome::OptedOut) && row.progress.held_since.is_some()
}

/// By when a stream has to begin whose instructions the carrier gets now.
pub(crate) fn stream_deadline(now: Timestamp) -> Timestamp {
    now.checked_add(STREAM_TOKEN_LIFETIME)
        .unwrap_or(Timestamp::MAX)
}

fn customer_waits() {
    metrics::counter!("trunkline_waits_for_worker_total", "who" => "customer").increment(1);
}

fn withheld() -> Option<PhoneNumber> {
    WITHHELD.parse().ok()
}

/// What is not known now the sweeper learns.
fn asked(row: &CallRow, asked: Result<(), InquiryError>) {
    if let Err(error) = asked {
        warn!(
            call.id = %row.call.id,
            error = &error as &dyn std::error::Error,
            "what became of a call is not known yet"
        );
    }
}

/// SIP says of these that the number is wrong or gone (RFC 3261: 404, 410, 484, 604).
const SIP_UNREACHABLE: [u16; 4] = [404, 410, 484, 604];

pub(crate) fn says(callback: &StatusReport) -> CarrierSays {
    match callback.status {
        CallStatus::Queued | CallStatus::Initiated => CarrierSays::Accepted,
        CallStatus::Ringing => CarrierSays::Ringing,
        CallStatus::InProgress => CarrierSays::Answered,
        CallStatus::Completed => CarrierSays::Completed,
        CallStatus::Busy => CarrierSays::Busy,
        CallStatus::NoAnswer => CarrierSays::NoAnswer,
        CallStatus::Canceled => CarrierSays::Cancelled,
        CallStatus::Failed => {
            let code = callback.sip_response_code;
            if code.is_some_and(|code| SIP_UNREACHABLE.contains(&code)) {
                CarrierSays::Unreachable
            } else {
                CarrierSays::Failed
            }
        }
    }
}
