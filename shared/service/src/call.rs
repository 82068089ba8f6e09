//! Calls: create, read, list, hang up.

pub mod after_end;
pub mod callbacks;
pub mod carrier_recordings;
pub(crate) mod ending;
pub(crate) mod hold;
pub(crate) mod inquiry;
pub(crate) mod known_customers;
pub mod labels;
pub(crate) mod lifecycle;
pub mod media;
pub(crate) mod recorder;
pub mod recordings;

use std::sync::Arc;
use std::time::Duration;

use carrier::{Carrier, CarrierCallId, RefusalKind, RequestError};
use futures_util::future::try_join;
use jiff::SignedDuration;
use model::{
    AgentFields, AgentId, AmdPolicy, Call, CallId, CallKind, CallSnapshot, CallState, Campaign,
    Consent, Direction, EventKind, KnownLead, Lead, Outcome, PhoneNumber, PromptVersion,
    RecordingState, RejectedBecause, Rule, Template, TemplateProblem, TenantId, TraceId, Turn,
    VALUE_CHARS_MAX, Variables, member,
};
use serde::{Deserialize, Serialize};
use settings::Roster;
use store::{
    Agents, Bucket, CallFilter, CallRow, Calls as CallRows, CreateRefused, DialJob, Idempotency,
    NewCall, Numbers, Overriding, Progress, Prompts, Queue, Requests, Shelf, SlotRow, StoreError,
    Turns,
};
use tracing::{info, warn};

use crate::agent::vendors;
use crate::call::lifecycle::Fact;
use crate::call::recorder::{RecordError, Recorder};
use crate::context::requests::Keyed;
use crate::dialing::capacity::Capacity;
use crate::dialing::policy;
use crate::{Clock, Context, Fault, FieldProblem, IdempotencyKey, Ids, Refused};

/// The most variables of one call.
pub const VARIABLES_MAX: usize = 100;
/// The most bytes of a snapshot as JSON: a row of the table holds 400 KB, with its keys and tokens.
/// All but a few KB of it is the prompt with its variables filled in.
pub const SNAPSHOT_BYTES_MAX: usize = 380_000;
/// How long the address of a recording is good for.
pub const RECORDING_LINK_LIFETIME: Duration = Duration::from_secs(300);
/// Looks for a free line when others are faster each time.
const SLOT_TRIES_MAX: u32 = 8;
/// A tenant's numbers that are looked through for one to call from.
const NUMBERS_LOOKED_AT: u32 = 50;
/// Fields of a request.
const AGENT: &str = "/agent_id";
const FROM: &str = "/from";
const VARIABLES: &str = "/variables";

/// How long after its end a campaign's calls are looked for: they were begun before it, by clocks that may differ.
const AFTER_CAMPAIGN: SignedDuration = SignedDuration::from_hours(1);

/// A request to call somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateCall {
    pub to: PhoneNumber,
    /// One of the tenant's numbers; absent, one that the agent answers, else the newest.
    #[serde(default)]
    pub from: Option<PhoneNumber>,
    pub agent_id: AgentId,
    /// What it is for.
    pub kind: CallKind,
    /// What the person has agreed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
    /// Values for the prompt's `{{variables}}`.
    #[serde(default)]
    pub variables: Variables,
    /// Whose word it is that hours and caps do not matter; who may say so is decided before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overriding: Option<Overriding>,
}

/// A call that a request made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedCall {
    pub call: Call,
    /// An earlier request with the same key had made it.
    pub replayed: bool,
}

/// A call with its transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallWithTurns {
    pub call: Call,
    pub turns: Vec<Turn>,
}

/// What is needed to make a call of a tenant's agent.
#[derive(Debug, Clone)]
pub(crate) struct CallPlans {
    pub(crate) agents: Agents,
    pub(crate) prompts: Prompts,
    /// What agents may name. Absent, nobody looks: a customer who calls is held by other vendors rather than turned
    /// away.
    pub(crate) vendors: Option<Roster>,
}

/// An agent with its prompt, before a call's variables are filled in.
#[derive(Debug, Clone)]
pub(crate) struct CallPlan {
    agent_id: AgentId,
    agent: AgentFields,
    prompt: PromptVersion,
}

/// The use cases of calls.
#[derive(Debug, Clone)]
pub struct Calls {
    recorder: Recorder,
    calls: store::Calls,
    campaigns: store::Campaigns,
    clock: Arc<dyn Clock>,
    contacts: store::Contacts,
    ids: Ids,
    capacity: Capacity,
    call_plans: CallPlans,
    numbers: Numbers,
    requests: Requests,
    turns: Turns,
    dial: Queue<DialJob>,
    bucket: Bucket,
    carrier: Arc<dyn Carrier>,
}

impl Calls {
    #[must_use]
    pub fn new(context: &Context) -> Self {
        let store = &context.store;
        Self {
            recorder: Recorder::new(store, Arc::clone(&context.clock), context.ids.clone()),
            calls: store.calls.clone(),
            campaigns: store.campaigns.clone(),
            clock: Arc::clone(&context.clock),
            contacts: store.contacts.clone(),
            ids: context.ids.clone(),
            capacity: Capacity {
                slots: store.slots.clone(),
                account: context.carrier.account_id().to_owned(),
                dialing: context.dialing,
            },
            call_plans: CallPlans {
                agents: store.agents.clone(),
                prompts: store.prompts.clone(),
                vendors: Some(context.vendors.clone()),
            },
            numbers: store.numbers.clone(),
            requests: store.requests.clone(),
            turns: store.turns.clone(),
            dial: store.dial.clone(),
            bucket: store.bucket.clone(),
            carrier: Arc::clone(&context.carrier),
        }
    }

    /// Writes a call with everything that it is held with, and has it placed. What is logged of it
    /// from now on belongs to `trace`.
    ///
    /// # Errors
    /// See [`Refused`]; nothing is written unless it is [`Refused::Unavailable`].
    pub async fn create(
        &self,
        tenant: TenantId,
        request: &CreateCall,
        key: Option<&IdempotencyKey>,
        trace: TraceId,
    ) -> Result<CreatedCall, Refused> {
        let keyed = Keyed::new("calls", key, request)?;
        if let Some(keyed) = &keyed
            && let Some(made) = keyed.made_before(&self.requests, tenant).await?
        {
            return self.again(tenant, made).await;
        }
        check_variables(&request.variables)?;
        let now = self.clock.now();
        let id = self.ids.fresh(CallId::from_parts);
        let direction = Direction::Outbound;
        let (agent, variables) = (request.agent_id, &request.variables);
        let from = self.number_to_call_from(tenant, request).await;
        let snapshot = self
            .call_plans
            .snapshot(tenant, id, direction, agent, variables);
        let (from, mut snapshot) = both(from, snapshot.await)?;
        snapshot.trace_id = Some(trace);
        self.check_policy(tenant, request, now).await?;
        let mut row = new_row(&snapshot, request.to.clone(), from, CallState::Claimed, now);
        row.call.kind = Some(request.kind);
        row.call.consent.clone_from(&request.consent);
        row.progress.overriding.clone_from(&request.overriding);
        let made = keyed.as_ref().map(|keyed| keyed.makes(&id, now));
        let claimed = Box::pin(self.claim(&mut row, &snapshot, made.as_ref(), now)).await?;
        if !claimed {
            // The same request ran at the same time and was first.
            let made = match &keyed {
                Some(keyed) => keyed.made_before(&self.requests, tenant).await?,
                None => None,
            };
            let made = made.ok_or(StoreError::Conflict)?;
            return self.again(tenant, made).await;
        }
        if let Some(overriding) = &request.overriding {
            info!(call.id = %id, tenant.id = %tenant, key.id = %overriding.by, "hours and caps are overridden for a call");
        }
        info!(call.id = %id, tenant.id = %tenant, trace_id = %trace, "a call is begun");
        if let Err(error) = self.send(&row.call).await {
            // With a key the client asks again and the message is sent then. Without one nobody
            // would: the call must not wait for ever.
            if keyed.is_none() {
                let ended = Fact::NotBegun(Outcome::PlatformFailed);
                self.recorder
                    .record(tenant, id, &ended)
                    .await
                    .map_err(refused)?;
            }
            return Err(error.into());
        }
        Ok(CreatedCall {
            call: row.call,
            replayed: false,
        })
    }

    /// What is certain to be turned back at the gate is not begun. The gate looks again.
    async fn check_policy(
        &self,
        tenant: TenantId,
        request: &CreateCall,
        now: jiff::Timestamp,
    ) -> Result<(), Refused> {
        let contact = self.contacts.get(tenant, &request.to).await?;
        let asking = dialer::Asking {
            number: &request.to,
            lane: &policy::lane_of(&request.to, request.consent.as_ref()),
            contact: Some(&contact),
            others: &[],
            campaign: None,
            single: dialer::Single {
                kind: Some(request.kind),
                consent: request.consent.as_ref(),
            },
            lead: None,
            call_id: None,
        };
        let permit = dialer::permit(&asking, now);
        let Some(rule) = permit.denied_by else {
            return Ok(());
        };
        if rule == Rule::Suppressed {
            Err(Refused::NumberSuppressed)
        } else if rule == Rule::NotCallable {
            Err(Refused::field(
                "/to",
                Fault::OutOfRange,
                "is not a number that may be called",
            ))
        } else if request.overriding.is_some() && !rule.stands() {
            Ok(())
        } else {
            Err(Refused::NotPermitted {
                rule,
                retry_at: permit.retry_at,
            })
        }
    }

    /// Writes the claimed call with its slots. False: the request was made before.
    async fn claim(
        &self,
        row: &mut CallRow,
        snapshot: &CallSnapshot,
        made: Option<&Idempotency>,
        now: jiff::Timestamp,
    ) -> Result<bool, Refused> {
        let (tenant, id) = (row.call.tenant_id, row.call.id);
        for _try in 0..SLOT_TRIES_MAX {
            let (mut account, mut of_tenant) =
                try_join(self.capacity.of_account(), self.capacity.of_tenant(tenant)).await?;
            let ids = &self.ids;
            let (Some(account), Some(of_tenant)) =
                (account.draw(ids.chance()), of_tenant.draw(ids.chance()))
            else {
                metrics::counter!("trunkline_call_requests_refused_total", "reason" => "no_free_line").increment(1);
                return Err(Refused::NoFreeLine);
            };
            let held = self.capacity.held(account, of_tenant, None);
            let slot = SlotRow {
                number: 0,
                call_id: id,
                tenant_id: tenant,
                campaign_id: None,
                since: now,
                not_before: now,
            };
            row.progress.slots = Some(held.clone());
            let state = CallState::Claimed;
            let event = EventKind::CallAdvanced { call_id: id, state };
            let new = NewCall {
                row,
                snapshot,
                token: None,
                request: made,
                slots: Some((&held, &slot)),
                lead: None,
                counted_at: None,
                event: self.ids.event(tenant, event, now),
            };
            match self.calls.create(new).await {
                Ok(()) => return Ok(true),
                Err(CreateRefused::Repeated) => return Ok(false),
                Err(CreateRefused::SlotTaken { .. }) => {}
                Err(CreateRefused::CarrierCallTaken | CreateRefused::LeadChanged) => {
                    return Err(StoreError::Conflict.into());
                }
                Err(CreateRefused::Store(error)) => return Err(error.into()),
            }
        }
        // Others were always faster: there is hardly a line left.
        Err(Refused::NoFreeLine)
    }

    /// The answer to a request that was made before: its call, which is sent again on its way if
    /// that had not happened.
    async fn again(&self, tenant: TenantId, made: CallId) -> Result<CreatedCall, Refused> {
        let row = self.calls.get(tenant, made).await?;
        let row = row.ok_or(Refused::NotFound)?;
        if row.call.state == CallState::Claimed {
            self.send(&row.call).await?;
        }
        Ok(CreatedCall {
            call: row.call,
            replayed: true,
        })
    }

    async fn send(&self, call: &Call) -> Result<(), StoreError> {
        self.dial.send(&DialJob::of(call), Duration::ZERO).await
    }

    async fn number_to_call_from(
        &self,
        tenant: TenantId,
        request: &CreateCall,
    ) -> Result<PhoneNumber, Refused> {
        if let Some(from) = &request.from {
            return match self.numbers.of_tenant(tenant, from).await? {
                Some(number) if number.archived_at.is_some() => {
                    let says = "is archived: unarchive it first";
                    Err(Refused::field(FROM, Fault::Archived, says))
                }
                Some(number) => Ok(number.number),
                None => {
                    let says = "is not one of your numbers";
                    Err(Refused::field(FROM, Fault::NotFound, says))
                }
            };
        }
        let page = self
            .numbers
            .list(tenant, Shelf::InUse, None, NUMBERS_LOOKED_AT)
            .await?;
        let of_agent = page
            .items
            .iter()
            .find(|number| number.agent_id == Some(request.agent_id));
        match of_agent.or(page.items.first()) {
            Some(number) => Ok(number.number.clone()),
            None => Err(Refused::field(
                FROM,
                Fault::Missing,
                "is missing, and you have no number to call from",
            )),
        }
    }

    /// Reads a call with its turns.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn get_with_turns(
        &self,
        tenant: TenantId,
        call: CallId,
    ) -> Result<CallWithTurns, Refused> {
        let row = self.calls.get(tenant, call).await?;
        let row = row.ok_or(Refused::NotFound)?;
        Ok(CallWithTurns {
            call: row.call,
            turns: self.turns.of_call(tenant, call).await?,
        })
    }

    /// A tenant's calls that pass the filter, newest first, older than `after`, and the call to go on after. A page
    /// may have fewer than `limit`, or none, and another one after it.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn list(
        &self,
        tenant: TenantId,
        mut filter: CallFilter,
        after: Option<CallId>,
        limit: u32,
    ) -> Result<(Vec<Call>, Option<CallId>), Refused> {
        if let Some(campaign) = filter.campaign {
            let Some(campaign) = self.campaigns.get(tenant, campaign).await? else {
                return Ok((Vec::new(), None));
            };
            // Nothing else is looked at than what was begun while it was there.
            filter.since = Some(campaign.created_at);
            let ended_at = campaign.ended_at.filter(|_at| campaign.state.is_closed());
            filter.until = ended_at.and_then(|at| at.checked_add(AFTER_CAMPAIGN).ok());
        }
        let page = self.calls.find(tenant, &filter, after, limit).await?;
        let calls = page.items.into_iter().map(|row| row.call);
        Ok((calls.collect(), page.next))
    }

    /// Ends a call, whatever its state. Asking twice, or for a call that is over, is fine. The call
    /// may end a moment after the answer.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn hang_up(&self, tenant: TenantId, call: CallId) -> Result<Call, Refused> {
        let asked = self.recorder.record(tenant, call, &Fact::HangUpRequested);
        let row = asked.await.map_err(refused)?.row;
        if row.call.state == CallState::Ended {
            return Ok(row.call);
        }
        // A call whose request is still under way is hung up when its answer comes.
        let Some(carrier_call_id) = &row.call.carrier_call_id else {
            return Ok(row.call);
        };
        if hang_up_at_carrier(&*self.carrier, carrier_call_id)
            .await
            .is_err()
        {
            return Err(Refused::Carrier);
        }
        // The carrier tells nobody of a call that it ended while it was still queued.
        let ended = self.recorder.record(tenant, call, &Fact::HungUpAtCarrier);
        Ok(ended.await.map_err(refused)?.row.call)
    }

    /// An address under which the kept recording can be fetched for
    /// [`RECORDING_LINK_LIFETIME`].
    ///
    /// # Errors
    /// [`Refused::NotFound`] also while there is no recording in our bucket.
    pub async fn recording_link(&self, tenant: TenantId, call: CallId) -> Result<String, Refused> {
        let row = self.calls.get(tenant, call).await?;
        let row = row.ok_or(Refused::NotFound)?;
        match &row.call.recording {
            Some(
                RecordingState::Stored { object_key, .. } | RecordingState::Kept { object_key, .. },
            ) => {
                let name = format!("{call}.wav");
                let link = self
                    .bucket
                    .presign(object_key, &name, RECORDING_LINK_LIFETIME);
                Ok(link.await?)
            }
            Some(RecordingState::Ready { .. } | RecordingState::Absent { .. }) | None => {
                Err(Refused::NotFound)
            }
        }
    }
}

impl CallPlans {
    /// Everything that a call with this agent is held with, as of now.
    pub(crate) async fn snapshot(
        &self,
        tenant_id: TenantId,
        call_id: CallId,
        direction: Direction,
        agent_id: AgentId,
        variables: &Variables,
    ) -> Result<CallSnapshot, Refused> {
        let call_plan = self.call_plan(tenant_id, agent_id).await?;
        call_plan.fill(tenant_id, call_id, direction, variables)
    }

    /// The agent and its prompt as of now.
    pub(crate) async fn call_plan(
        &self,
        tenant_id: TenantId,
        agent_id: AgentId,
    ) -> Result<CallPlan, Refused> {
        let agent = self.agents.get(tenant_id, agent_id).await?;
        let unfit = |fault, says| Refused::field(AGENT, fault, says);
        let agent = agent.ok_or_else(|| unfit(Fault::NotFound, "there is no such agent"))?;
        if agent.archived_at.is_some() {
            return Err(unfit(Fault::Archived, "is archived: unarchive it first"));
        }
        if let Some(roster) = &self.vendors
            && let Some((fault, says)) = vendors::unfit(&agent.fields, roster)
        {
            return Err(unfit(fault, &says));
        }
        let prompt: Option<PromptVersion> = self
            .prompts
            .latest(tenant_id, agent.fields.prompt_id)
            .await?;
        let prompt =
            prompt.ok_or_else(|| unfit(Fault::NotFound, "the agent's prompt is missing"))?;
        Ok(CallPlan {
            agent_id,
            agent: agent.fields,
            prompt,
        })
    }
}

impl CallPlan {
    /// What one call is held with.
    pub(crate) fn fill(
        &self,
        tenant_id: TenantId,
        call_id: CallId,
        direction: Direction,
        variables: &Variables,
    ) -> Result<CallSnapshot, Refused> {
        let prompt = match direction {
            Direction::Outbound => self.prompt.render(variables),
            // Who calls us is not known as well as those whom we call.
            Direction::Inbound => self.prompt.render(&self.prompt.with_defaults(variables)),
        };
        let prompt = prompt.map_err(unfilled)?;
        let notice = match direction {
            Direction::Outbound => None,
            Direction::Inbound => self.agent.inbound_notice().map(str::to_owned),
        };
        let snapshot = CallSnapshot {
            tenant_id,
            call_id,
            direction,
            agent_id: self.agent_id,
            notice,
            answering: AmdPolicy::of_agent(&self.agent),
            agent: self.agent.clone(),
            prompt,
            campaign_id: None,
            lead_id: None,
            trace_id: None,
        };
        check_size(snapshot)
    }

    /// What a call of a campaign is held with: its opening comes in place of the prompt's greeting, and
    /// its rules about machines and opting out in place of the agent's.
    pub(crate) fn fill_for(
        &self,
        campaign: &Campaign,
        lead: &Lead,
        call_id: CallId,
    ) -> Result<CallSnapshot, Refused> {
        let fill = |text: &str| {
            let template = Template::parse(text).map_err(unfilled)?;
            template.render(&lead.variables).map_err(unfilled)
        };
        let fields = &campaign.fields;
        let mut call_plan = self.clone();
        if let Some(opening) = &fields.disclosure.opening {
            call_plan.prompt.greeting = Template::parse(opening).map_err(unfilled)?;
        }
        let direction = Direction::Outbound;
        let mut snapshot =
            call_plan.fill(campaign.tenant_id, call_id, direction, &lead.variables)?;
        snapshot.answering = AmdPolicy::of_campaign(fields, fill)?;
        snapshot.campaign_id = Some(campaign.id);
        snapshot.lead_id = Some(lead.id);
        check_size(snapshot)
    }
}

/// Both, or all that is wrong with either.
fn both<A, B>(one: Result<A, Refused>, other: Result<B, Refused>) -> Result<(A, B), Refused> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (Err(Refused::Invalid(mut problems)), Err(Refused::Invalid(more))) => {
            problems.extend(more);
            Err(Refused::Invalid(problems))
        }
        (Err(refused), Ok(_) | Err(Refused::Invalid(_))) | (_, Err(refused)) => Err(refused),
    }
}

fn unfilled(problem: TemplateProblem) -> Refused {
    match problem {
        TemplateProblem::Missing(names) => Refused::MissingVariables(names),
        TemplateProblem::Unclosed { .. }
        | TemplateProblem::Name { .. }
        | TemplateProblem::TooLong => Refused::field(
            AGENT,
            Fault::Malformed,
            "the agent's prompt cannot be filled in",
        ),
    }
}

fn check_size(snapshot: CallSnapshot) -> Result<CallSnapshot, Refused> {
    let bytes = serde_json::to_string(&snapshot).map_or(usize::MAX, |text| text.len());
    if bytes > SNAPSHOT_BYTES_MAX {
        let problem = format!("make the prompt longer than {SNAPSHOT_BYTES_MAX} bytes");
        return Err(Refused::field(VARIABLES, Fault::OutOfRange, &problem));
    }
    Ok(snapshot)
}

/// The row of a call that was just made.
pub(crate) fn new_row(
    snapshot: &CallSnapshot,
    to: PhoneNumber,
    from: PhoneNumber,
    state: CallState,
    created_at: jiff::Timestamp,
) -> CallRow {
    let ids = (snapshot.tenant_id, snapshot.call_id);
    let bare = bare_call(ids, snapshot.direction, (to, from), state, created_at);
    CallRow {
        call: Call {
            agent_id: Some(snapshot.agent_id),
            records_inbound: snapshot.notice.is_some(),
            campaign_id: snapshot.campaign_id,
            lead_id: snapshot.lead_id,
            trace_id: snapshot.trace_id,
            ..bare
        },
        progress: Progress {
            row_version: 1,
            detect: snapshot.answering.detect,
            machine: snapshot.answering.machine,
            thresholds: snapshot.answering.thresholds,
            max_duration_seconds: snapshot.agent.max_duration_seconds,
            ..Progress::default()
        },
    }
}

/// A call to one of our numbers that is not taken.
#[derive(Debug)]
pub(crate) struct Rejected<'a> {
    pub(crate) id: CallId,
    pub(crate) tenant_id: TenantId,
    pub(crate) agent_id: Option<AgentId>,
    pub(crate) to: PhoneNumber,
    pub(crate) from: PhoneNumber,
    pub(crate) carrier_call_id: &'a str,
    pub(crate) known_as: Option<KnownLead>,
    pub(crate) because: RejectedBecause,
}

impl Rejected<'_> {
    /// Its row: it is over as soon as it came.
    pub(crate) fn row(self, now: jiff::Timestamp) -> CallRow {
        let ids = (self.tenant_id, self.id);
        let parties = (self.to, self.from);
        let bare = bare_call(ids, Direction::Inbound, parties, CallState::Ended, now);
        CallRow {
            call: Call {
                agent_id: self.agent_id,
                carrier_call_id: Some(self.carrier_call_id.to_owned()),
                ended_at: Some(now),
                outcome: Some(Outcome::Rejected),
                rejected_because: Some(self.because),
                known_as: self.known_as,
                ..bare
            },
            progress: Progress {
                row_version: 1,
                ..Progress::default()
            },
        }
    }
}

/// A call of which nothing is known yet but who calls whom.
fn bare_call(
    (tenant_id, id): (TenantId, CallId),
    direction: Direction,
    (to, from): (PhoneNumber, PhoneNumber),
    state: CallState,
    created_at: jiff::Timestamp,
) -> Call {
    Call {
        id,
        tenant_id,
        agent_id: None,
        direction,
        to,
        from,
        state,
        created_at,
        carrier_call_id: None,
        placed_at: None,
        answered_at: None,
        ended_at: None,
        carrier_duration_seconds: None,
        carrier_verdict: None,
        detection_ms: None,
        answer: None,
        line: Vec::new(),
        outcome: None,
        rejected_because: None,
        records_inbound: false,
        recording: None,
        campaign_id: None,
        lead_id: None,
        attempt: None,
        known_as: None,
        kind: None,
        consent: None,
        permit: None,
        trace_id: None,
    }
}

/// Hangs up at the carrier. A call that the carrier has already ended, or does not know, is fine.
pub(crate) async fn hang_up_at_carrier(
    carrier: &dyn Carrier,
    carrier_call_id: &str,
) -> Result<(), RequestError> {
    let hung_up = match carrier_call_id.parse::<CarrierCallId>() {
        Ok(id) => carrier.hang_up(&id).await,
        Err(_malformed) => Err(RequestError::ForeignId),
    };
    match hung_up {
        Ok(_ended) => Ok(()),
        Err(RequestError::ForeignId) => {
            warn!("the carrier's id of a call is not one of the carrier's");
            Ok(())
        }
        Err(RequestError::Refused(refusal))
            if matches!(
                refusal.kind,
                RefusalKind::NotFound | RefusalKind::NotInState
            ) =>
        {
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn check_variables(variables: &Variables) -> Result<(), Refused> {
    let mut problems = Vec::new();
    if variables.len() > VARIABLES_MAX {
        let problem = format!("must be at most {VARIABLES_MAX}, are {}", variables.len());
        problems.push(FieldProblem::new(VARIABLES, Fault::OutOfRange, problem));
    }
    for (name, value) in variables.iter().take(VARIABLES_MAX) {
        let chars = value.chars().count();
        if chars > VALUE_CHARS_MAX {
            let problem = format!("must have at most {VALUE_CHARS_MAX} characters, has {chars}");
            let at = member(VARIABLES, name);
            problems.push(FieldProblem::new(at, Fault::OutOfRange, problem));
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Refused::Invalid(problems))
    }
}

pub(crate) fn refused(error: RecordError) -> Refused {
    match error {
        RecordError::Unknown => Refused::NotFound,
        RecordError::OtherCall => Refused::Unavailable(StoreError::Conflict),
        RecordError::Store(error) => Refused::Unavailable(error),
    }
}

impl Calls {
    /// The call rows, for entry points that only read.
    #[must_use]
    pub fn rows(&self) -> &CallRows {
        &self.calls
    }
}
