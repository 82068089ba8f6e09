//! The requests under `/v1/calls`: create, list, read with turns, hang up, fetch the recording, label.

pub(super) mod carrier_recordings;
mod labels;
mod transcript;

use axum::extract::State as Shared;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use jiff::Timestamp;
use model::{
    AbsentBecause, AgentId, AmdEvidence, AnsweredBy, Call, CallId, CallKind, CallState, CampaignId,
    CarrierVerdict, Consent, Direction, Doing, KnownLead, LeadId, LineFault, LineReport, Outcome,
    PhoneNumber, RecordingState, RejectedBecause, Rule, SilentSide, TraceId, Variables,
};
use serde::{Deserialize, Serialize};
use service::account::access::{Permission, Principal};
use service::call::CreateCall;
use service::{Fault, FieldProblem};
use store::{CallFilter, Overriding};
use utoipa::ToSchema;
use utoipa_axum::routes;

use self::labels::LabelView;
use self::transcript::{Answers, TurnView, view_turns};
use crate::http::body::Body;
use crate::http::idempotency::Key;
use crate::http::link;
use crate::http::page::{Page, Wanted};
use crate::http::params::{Path, Query};
use crate::http::problem::{Code, Problem};
use crate::http::registry::Routes;
use crate::routes::permits::PermitView;
use crate::schema::limits::REASON_CHARS_MAX;
use crate::state::State;

/// A frame of a line.
const FRAME_MS: u64 = 20;

pub(super) fn routes() -> Routes {
    use Permission as P;
    Routes::of(
        "calls",
        "Calls that are made or come in: how far they are, and what was said.",
    )
    .may(P::ReadCalls, routes!(list_calls))
    .may(P::MakeCalls, routes!(create_call))
    .may(P::ReadCalls, routes!(get_call))
    .may(P::HangUpCalls, routes!(hang_up_call))
    .may(P::ReadRecordings, routes!(get_call_recording))
    .may(P::LabelCalls, routes!(labels::label_call))
    .may(P::ReadCampaigns, routes!(labels::get_campaign_amd))
}

/// A call to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCall {
    /// The number to call.
    to: PhoneNumber,
    /// One of your numbers; absent, one that the agent answers, else the newest.
    #[serde(default)]
    from: Option<PhoneNumber>,
    agent_id: AgentId,
    /// What the call is for: hours and consent go by it.
    kind: CallKind,
    /// What the person has agreed to. Most places ask for some before an artificial voice calls.
    #[serde(default)]
    consent: Option<Consent>,
    /// Values for the `{{variables}}` of the agent's prompt. Each needs one.
    #[schema(value_type = BTreeMap<String, String>)]
    #[serde(default)]
    variables: Variables,
    /// Calls whatever the hour, however often and whatever was agreed to: for a test call to a phone of your own.
    /// Owners and admins only. Suppression holds all the same.
    #[serde(default, rename = "override")]
    overriding: Option<Override>,
}

/// An owner's word that a call is placed whatever the hour and however often. Kept with the call.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Override {
    /// Why, for those who look at the call later.
    reason: String,
}

/// A call.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Call)]
pub(crate) struct CallView {
    id: CallId,
    /// `null`: a call to one of your numbers that no agent answers.
    agent_id: Option<AgentId>,
    /// The campaign and lead that it is an attempt for.
    campaign_id: Option<CampaignId>,
    lead_id: Option<LeadId>,
    /// Which attempt for that lead it is, from 1. A call that came to nothing and was not counted leaves its number
    /// to the next.
    attempt: Option<u32>,
    /// The lead whose variables the agent has, of somebody who calls back; `null`: they are not known. It is no attempt
    /// for that lead and changes nothing of it.
    known_as: Option<KnownLead>,
    /// What it is for; `null`: a customer called.
    kind: Option<CallKind>,
    /// What the person had agreed to, as the request for a single call said. Of a campaign's call the lead has it.
    consent: Option<Consent>,
    direction: Direction,
    /// The number that is called.
    to: PhoneNumber,
    /// The number that calls.
    from: PhoneNumber,
    state: CallState,
    created_at: Timestamp,
    placed_at: Option<Timestamp>,
    answered_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    /// The carrier's own id of the call.
    carrier_call_id: Option<String>,
    /// Seconds from answer to end, as the carrier counts them for its bill.
    carrier_duration_seconds: Option<u32>,
    /// Who or what answered, as it was taken in the end; `null`: nobody did, or nothing told yet.
    answered_by: Option<AnsweredBy>,
    /// How it ended; only of a call that has ended.
    outcome: Option<Outcome>,
    /// Whose doing the outcome was.
    outcome_by: Option<Doing>,
    /// Why it was not taken; only where the outcome is `rejected`.
    rejected_because: Option<RejectedBecause>,
    recording: Option<RecordingView>,
    /// What the line is or was like; `null`: nobody measured it yet.
    line: Option<LineView>,
    /// What all log lines about the call have in their field `trace_id` (`docs/logs.md`).
    trace_id: TraceId,
}

/// What a call's line is like. While the call is on it has what is wrong, within six seconds; the counts are complete
/// when it has ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Line)]
pub(crate) struct LineView {
    /// One side is not heard by the other, or was not when the call ended.
    one_way_audio: bool,
    /// Who is not heard.
    silent_side: Option<SilentSide>,
    /// How long a side was not heard, in all: also where it was heard again.
    one_way_ms: u64,
    /// The line is bad for talking and recognition, or was for a while.
    bad_line: bool,
    /// What was found first.
    bad_because: Option<LineFault>,
    /// When that was found, since the session's begin.
    bad_at_ms: Option<u64>,
    /// Frames of 20 ms that the customer's audio should have had.
    frames: u32,
    frames_missing: u32,
    /// Frames that came over 60 ms late.
    frames_late: u32,
    /// How much of it was speech.
    speech_ms: u64,
    /// How loud speech was on average, below full scale; −26 is usual. `null`: there was too little.
    level_dbfs: Option<i32>,
    /// The share of speech that is cut off at full scale.
    clipped_percent: f64,
    /// After so long the agent's own voice came back; `null`: it did not.
    echo_delay_ms: Option<u32>,
}

/// Which calls are wanted.
#[derive(Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CallQuery {
    /// The last page's `next_cursor`.
    cursor: Option<String>,
    /// Entries of the page.
    limit: Option<u32>,
    /// Attempts for leads of a campaign.
    campaign_id: Option<CampaignId>,
    /// Attempts for a lead.
    lead_id: Option<LeadId>,
    state: Option<CallState>,
    outcome: Option<Outcome>,
    /// The rule that turned them back at the moment of dialling.
    rule: Option<Rule>,
    /// Which attempt for their leads they are, from 1.
    attempt: Option<u32>,
}

/// What happened to the recording so far.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Recording)]
pub(crate) struct RecordingView {
    state: RecordingStatus,
    carrier_recording_id: Option<String>,
    bytes: Option<u64>,
    /// Lower-case hex.
    sha256: Option<String>,
    /// How long it is, in whole seconds.
    duration_seconds: Option<u32>,
    /// Of one that is absent.
    absent_because: Option<AbsentBecause>,
    stored_at: Option<Timestamp>,
    carrier_copy_deleted_at: Option<Timestamp>,
}

/// How far a recording is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RecordingState)]
pub(crate) enum RecordingStatus {
    /// The carrier has it.
    Ready,
    /// The copy in our bucket is verified.
    Stored,
    /// The carrier's copy is gone; ours is the only one.
    Kept,
    /// The carrier made none.
    Absent,
}

/// A call with its transcript.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallDetail {
    #[schema(inline)]
    #[serde(flatten)]
    call: CallView,
    /// What was said, in order.
    turns: Vec<TurnView>,
    /// How fast the agent answered, over the whole call.
    answers: Answers,
    /// Why it was, or was not, placed: decided at the moment of dialling. Of an outbound call that got
    /// that far.
    permit: Option<PermitView>,
    /// What it was taken for in the end, and by what.
    detection: Option<DetectionView>,
    /// What a user says picked up.
    label: Option<LabelView>,
}

/// Who or what answered, as far as it was found out.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Detection)]
pub(crate) struct DetectionView {
    class: AnsweredBy,
    /// `null`: nothing decided it.
    decided_by: Option<AmdEvidence>,
    /// Since the session's begin.
    decided_at_ms: Option<u64>,
    /// The carrier's own word.
    carrier_verdict: Option<CarrierVerdict>,
    /// How long the carrier took, by its own clock.
    carrier_ms: Option<u32>,
}

/// Make a call
///
/// The answer comes before it rings: watch `state`.
#[utoipa::path(post, path = "/v1/calls", params(Key), request_body = NewCall,
    responses(
        (status = 201, description = "The call is on its way", body = CallView,
            headers(("Location"), ("Idempotent-Replayed"))),
        (status = 409, description = "`not_permitted`: outside legal hours, or called too often"),
        (status = 422, description = "`invalid`, `missing_variables`, `number_suppressed` or `idempotency_key_reused`"),
        (status = 429, description = "`no_free_line`: as many calls are on as may be at once"),
    ))]
pub(crate) async fn create_call(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Extension(trace): Extension<TraceId>,
    Key(key): Key,
    Body(new): Body<NewCall>,
) -> Result<Response, Problem> {
    let request = CreateCall {
        to: new.to,
        from: new.from,
        agent_id: new.agent_id,
        kind: new.kind,
        consent: new.consent,
        variables: new.variables,
        overriding: overriding(&principal, new.overriding)?,
    };
    let created = state
        .calls
        .create(principal.tenant_id, &request, key.as_ref(), trace)
        .await?;
    let mut headers = link::location("/v1/calls", &created.call.id);
    if created.replayed {
        headers.insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    let view = Json(CallView::from(created.call));
    Ok((StatusCode::CREATED, headers, view).into_response())
}

/// Who overrides, if they may.
fn overriding(
    principal: &Principal,
    asked: Option<Override>,
) -> Result<Option<Overriding>, Problem> {
    let Some(Override { reason }) = asked else {
        return Ok(None);
    };
    if !principal.role.may(Permission::OverrideRules) {
        let title = format!("The role {} may not override rules.", principal.role);
        return Err(Problem::new(Code::Forbidden, &title));
    }
    let reason = reason.trim().to_owned();
    let chars = reason.chars().count();
    if !(1..=REASON_CHARS_MAX).contains(&chars) {
        let problem = format!("must have 1 to {REASON_CHARS_MAX} characters, has {chars}");
        let problem = FieldProblem::new("/override/reason", Fault::OutOfRange, problem);
        return Err(Problem::invalid(vec![problem]));
    }
    let by = principal.key_id;
    Ok(Some(Overriding { by, reason }))
}

/// List calls that pass the filter, newest first
///
/// A page may be short, or empty, and not the last.
#[utoipa::path(get, path = "/v1/calls", params(CallQuery),
    responses((status = 200, description = "A page", body = Page<CallView>)))]
pub(crate) async fn list_calls(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Query(query): Query<CallQuery>,
) -> Result<Json<Page<CallView>>, Problem> {
    let Wanted { after, limit } = Wanted::read(query.cursor.as_deref(), query.limit)?;
    let filter = CallFilter {
        campaign: query.campaign_id,
        lead: query.lead_id,
        state: query.state,
        outcome: query.outcome,
        rule: query.rule,
        attempt: query.attempt,
        ..CallFilter::default()
    };
    let listed = state
        .calls
        .list(principal.tenant_id, filter, after, limit)
        .await?;
    let (calls, next) = listed;
    Ok(Json(Page {
        items: calls.into_iter().map(CallView::from).collect(),
        next_cursor: next.map(|call| call.to_string()),
    }))
}

/// Read a call with its turns
#[utoipa::path(get, path = "/v1/calls/{call_id}", params(("call_id" = CallId, Path)),
    responses((status = 200, description = "The call", body = CallDetail)))]
pub(crate) async fn get_call(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(call_id): Path<CallId>,
) -> Result<Json<CallDetail>, Problem> {
    let found = state
        .calls
        .get_with_turns(principal.tenant_id, call_id)
        .await?;
    let label = state.labels.get(principal.tenant_id, call_id).await?;
    let (turns, answers) = view_turns(found.turns);
    let detection = DetectionView::of(&found.call);
    let lead_id = found.call.lead_id;
    let permit = found.call.permit.clone();
    Ok(Json(CallDetail {
        call: CallView::from(found.call),
        turns,
        answers,
        permit: permit.map(|permit| PermitView::new(permit, lead_id)),
        detection,
        label: label.map(LabelView::from),
    }))
}

/// End a call, whatever its state
///
/// Asking twice is fine.
#[utoipa::path(post, path = "/v1/calls/{call_id}/hangup", params(("call_id" = CallId, Path)),
    responses(
        (status = 202, description = "It is over or will be in a moment: watch `state`", body = CallView),
        (status = 502, description = "`carrier_unavailable`"),
    ))]
pub(crate) async fn hang_up_call(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(call_id): Path<CallId>,
) -> Result<(StatusCode, Json<CallView>), Problem> {
    let call = state.calls.hang_up(principal.tenant_id, call_id).await?;
    Ok((StatusCode::ACCEPTED, Json(call.into())))
}

/// Fetch the recording
///
/// A redirect to an address that is good for five minutes. `not_found` also means that no recording of the
/// call is stored.
#[utoipa::path(get, path = "/v1/calls/{call_id}/recording", params(("call_id" = CallId, Path)),
    responses((status = 307, description = "`Location` is the WAV file, one channel per side",
        headers(("Location")))))]
pub(crate) async fn get_call_recording(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(call_id): Path<CallId>,
) -> Result<Response, Problem> {
    let link = state
        .calls
        .recording_link(principal.tenant_id, call_id)
        .await?;
    Ok(link::redirect(link))
}

impl DetectionView {
    fn of(call: &Call) -> Option<Self> {
        let answer = call.answer?;
        Some(Self {
            // As it was taken in the end: a verdict may come after the session's last word.
            class: call.answered_by(),
            decided_by: answer.decided_by,
            decided_at_ms: answer.decided_at.map(model::CallTime::as_millis),
            carrier_verdict: call.carrier_verdict,
            carrier_ms: call.detection_ms,
        })
    }
}

impl From<LineReport> for LineView {
    fn from(line: LineReport) -> Self {
        let clipped = f64::from(line.clipped_frames) / f64::from(line.active_frames.max(1));
        Self {
            one_way_audio: line.silent_side.is_some(),
            silent_side: line.silent_side,
            one_way_ms: line.one_way_ms.unwrap_or(0),
            bad_line: line.fault.is_some(),
            bad_because: line.fault.map(|(fault, _)| fault),
            bad_at_ms: line.fault.map(|(_, at)| at.as_millis()),
            frames: line.frames,
            frames_missing: line.frames_missing,
            frames_late: line.frames_late,
            speech_ms: u64::from(line.active_frames) * FRAME_MS,
            level_dbfs: line.level_dbfs,
            clipped_percent: (clipped * 1_000.0).round() / 10.0,
            echo_delay_ms: line.echo_delay_ms,
        }
    }
}

impl From<Call> for CallView {
    fn from(call: Call) -> Self {
        let line = call.line().map(LineView::from);
        let answered_by = call.answered_by();
        let told = call.answered_at.is_some() || answered_by != AnsweredBy::Unknown;
        Self {
            trace_id: call.trace(),
            id: call.id,
            agent_id: call.agent_id,
            campaign_id: call.campaign_id,
            lead_id: call.lead_id,
            attempt: call.attempt,
            known_as: call.known_as,
            kind: call.kind,
            consent: call.consent,
            direction: call.direction,
            to: call.to,
            from: call.from,
            state: call.state,
            created_at: call.created_at,
            placed_at: call.placed_at,
            answered_at: call.answered_at,
            ended_at: call.ended_at,
            carrier_call_id: call.carrier_call_id,
            carrier_duration_seconds: call.carrier_duration_seconds,
            answered_by: told.then_some(answered_by),
            outcome: call.outcome,
            outcome_by: call.outcome.map(Outcome::doing),
            rejected_because: call.rejected_because,
            recording: call.recording.map(RecordingView::from),
            line,
        }
    }
}

impl From<RecordingState> for RecordingView {
    fn from(state: RecordingState) -> Self {
        let bare = |state, carrier_recording_id| Self {
            state,
            carrier_recording_id,
            bytes: None,
            sha256: None,
            duration_seconds: None,
            absent_because: None,
            stored_at: None,
            carrier_copy_deleted_at: None,
        };
        match state {
            RecordingState::Ready {
                carrier_recording_id,
                duration_seconds,
            } => Self {
                duration_seconds,
                ..bare(RecordingStatus::Ready, Some(carrier_recording_id))
            },
            RecordingState::Absent {
                carrier_recording_id,
                because,
            } => Self {
                absent_because: Some(because),
                ..bare(RecordingStatus::Absent, carrier_recording_id)
            },
            RecordingState::Stored {
                carrier_recording_id,
                object_key: _,
                bytes,
                sha256,
                duration_seconds,
                stored_at,
            } => Self {
                bytes: Some(bytes),
                sha256: Some(sha256),
                duration_seconds,
                stored_at: Some(stored_at),
                ..bare(RecordingStatus::Stored, Some(carrier_recording_id))
            },
            RecordingState::Kept {
                carrier_recording_id,
                object_key: _,
                bytes,
                sha256,
                duration_seconds,
                stored_at,
                carrier_copy_deleted_at,
            } => Self {
                bytes: Some(bytes),
                sha256: Some(sha256),
                duration_seconds,
                stored_at: Some(stored_at),
                carrier_copy_deleted_at: Some(carrier_copy_deleted_at),
                ..bare(RecordingStatus::Kept, Some(carrier_recording_id))
            },
        }
    }
}
