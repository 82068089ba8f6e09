//! The requests under `/v1/calls`: create, list, read with turns, hang up, fetch the recording.

use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use model::{AgentId, Call, CallId, PhoneNumber, RecordingState, TraceId, Variables};
use serde::{Deserialize, Serialize};
use service::account::access::{Permission, Principal};
use service::call::CreateCall;
use store::Overriding;
use utoipa::ToSchema;

use crate::body::{Body, Key, Listed, Wanted, id};
use crate::labels::LabelView;
use crate::openapi;
use crate::permits::PermitView;
use crate::transcript::{Answers, TurnView, view_turns};
use crate::{Problem, State};

/// A call to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCall {
    /// The number to call, in E.164.
    #[schema(value_type = String, example = "+14155550100", pattern = r"^\+[1-9][0-9]{6,14}$")]
    to: PhoneNumber,
    /// One of your numbers; absent, one that the agent answers, else the newest.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "+14155550199")]
    from: Option<PhoneNumber>,
    #[schema(value_type = String, example = "agent_01j0000000000000000000000a")]
    agent_id: AgentId,
    /// Values for the `{{variables}}` of the agent's prompt. Each needs one.
    #[serde(default)]
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    variables: Variables,
    /// Calls whatever the hour and however often: for a test call to a phone of your own. Owners and
    /// admins only. Suppression holds all the same.
    #[serde(default, rename = "override")]
    overriding: Option<Override>,
}

/// An owner's word that a call is placed whatever the hour and however often. Kept with the call.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Override {
    /// Why, for whoever looks at the call later.
    #[schema(min_length = 1, max_length = 200)]
    reason: String,
}

/// The most characters of a reason.
const REASON_CHARS_MAX: usize = 200;

/// A call.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallView {
    id: String,
    agent_id: String,
    /// The campaign and lead that it is an attempt for.
    campaign_id: Option<String>,
    lead_id: Option<String>,
    #[schema(schema_with = openapi::direction)]
    direction: String,
    /// The number that is called.
    to: String,
    /// The number that calls.
    from: String,
    #[schema(schema_with = openapi::call_state)]
    state: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    placed_at: Option<String>,
    #[schema(format = DateTime)]
    answered_at: Option<String>,
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    /// The carrier's own id of the call.
    carrier_call_id: Option<String>,
    /// Seconds from answer to end, as the carrier counts them for its bill.
    carrier_duration_seconds: Option<u32>,
    /// The carrier's verdict on who or what answered.
    #[schema(schema_with = openapi::answered_by)]
    answered_by: Option<String>,
    /// How it ended; only of a call that has ended.
    #[schema(schema_with = openapi::outcome)]
    outcome: Option<String>,
    /// Whose doing the outcome was.
    #[schema(schema_with = openapi::doing)]
    outcome_by: Option<String>,
    recording: Option<RecordingView>,
    /// What all log lines about the call have in their field `trace_id` (`docs/logs.md`).
    #[schema(
        example = "4bf92f3577b34da6a3ce929d0e0e4736",
        pattern = "^[0-9a-f]{32}$"
    )]
    trace_id: String,
}

/// What happened to the recording so far.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecordingView {
    /// `ready` at the carrier, `stored` in our bucket and verified, `archived` when the carrier's
    /// copy is gone, `absent` when the carrier made none.
    #[schema(schema_with = openapi::recording_state)]
    state: String,
    carrier_recording_id: String,
    bytes: Option<u64>,
    /// Lower-case hex.
    sha256: Option<String>,
    #[schema(format = DateTime)]
    stored_at: Option<String>,
    #[schema(format = DateTime)]
    archived_at: Option<String>,
}

/// A call with its transcript.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallDetail {
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
pub(crate) struct DetectionView {
    /// `person`, `machine`, `screening`, `fax` or `unknown`.
    class: String,
    /// `carrier`, `words` or `tone`; `null`: nothing decided it.
    decided_by: Option<String>,
    /// Since the session's begin.
    decided_at_ms: Option<u64>,
    /// How long the carrier took, by its own clock.
    carrier_ms: Option<u32>,
}

/// Makes a call. The answer comes before it rings: watch `state`.
#[utoipa::path(post, path = "/v1/calls", tag = "calls", request_body = NewCall,
    params(("Idempotency-Key" = Option<String>, Header,
        description = "The same key with the same body makes one call")),
    responses(
        (status = 201, description = "The call is on its way", body = CallView),
        (status = 403, description = "`forbidden`: the role may not override rules",
            body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`not_permitted`: outside legal hours, or called too often",
            body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid`, `missing_variables`, `number_suppressed` or `idempotency_key_reused`",
            body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`no_free_line`: as many calls are on as may be at once",
            body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn create(
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
        variables: new.variables,
        overriding: overriding(&principal, new.overriding)?,
    };
    let created = state
        .calls
        .create(principal.tenant_id, &request, key.as_ref(), trace)
        .await?;
    let mut headers = HeaderMap::new();
    let location = format!("/v1/calls/{}", created.call.id);
    if let Ok(location) = HeaderValue::from_str(&location) {
        headers.insert(header::LOCATION, location);
    }
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
        return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", &title));
    }
    let reason = reason.trim().to_owned();
    let chars = reason.chars().count();
    if !(1..=REASON_CHARS_MAX).contains(&chars) {
        let problem = format!("must have 1 to {REASON_CHARS_MAX} characters, has {chars}");
        return Err(Problem::field("override.reason", problem));
    }
    let by = principal.key_id;
    Ok(Some(Overriding { by, reason }))
}

/// Lists calls, newest first.
#[utoipa::path(get, path = "/v1/calls", tag = "calls", params(openapi::PageParams),
    responses((status = 200, description = "A page", body = Listed<CallView>)))]
pub(crate) async fn list(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    wanted: Wanted<CallId>,
) -> Result<Json<Listed<CallView>>, Problem> {
    let page = state
        .calls
        .list(principal.tenant_id, wanted.after, wanted.limit)
        .await?;
    let cursor = |call: &Call| call.id.to_string();
    Ok(Json(Listed::new(page, cursor, CallView::from)))
}

/// Reads a call with its turns.
#[utoipa::path(get, path = "/v1/calls/{call_id}", tag = "calls",
    params(("call_id" = String, Path)),
    responses(
        (status = 200, description = "The call", body = CallDetail),
        (status = 404, description = "`not_found`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn read(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(call_id): Path<String>,
) -> Result<Json<CallDetail>, Problem> {
    let call_id: CallId = id(&call_id)?;
    let found = state
        .calls
        .get_with_turns(principal.tenant_id, call_id)
        .await?;
    let label = state.labels.get(principal.tenant_id, call_id).await?;
    let (turns, answers) = view_turns(found.turns);
    let detection = DetectionView::of(&found.call);
    let lead_id = found.call.lead_id.map(|lead| lead.to_string());
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

/// Ends a call, whatever its state. Asking twice is fine.
#[utoipa::path(post, path = "/v1/calls/{call_id}/hangup", tag = "calls",
    params(("call_id" = String, Path)),
    responses(
        (status = 202, description = "It is over or will be in a moment: watch `state`", body = CallView),
        (status = 404, description = "`not_found`", body = Problem,
            content_type = "application/problem+json"),
        (status = 502, description = "`carrier_unavailable`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn hang_up(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(call_id): Path<String>,
) -> Result<Response, Problem> {
    let call_id: CallId = id(&call_id)?;
    let call = state.calls.hang_up(principal.tenant_id, call_id).await?;
    Ok((StatusCode::ACCEPTED, Json(CallView::from(call))).into_response())
}

/// Fetches the recording: a redirect to an address that is good for five minutes.
#[utoipa::path(get, path = "/v1/calls/{call_id}/recording", tag = "calls",
    params(("call_id" = String, Path)),
    responses(
        (status = 307, description = "`Location` is the WAV file, one channel per side"),
        (status = 404, description = "`not_found`: no such call, or no recording of it is stored",
            body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn recording(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(call_id): Path<String>,
) -> Result<Response, Problem> {
    let call_id: CallId = id(&call_id)?;
    let link = state
        .calls
        .recording_link(principal.tenant_id, call_id)
        .await?;
    let headers = [
        (header::LOCATION, link),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((StatusCode::TEMPORARY_REDIRECT, headers).into_response())
}

impl DetectionView {
    fn of(call: &Call) -> Option<Self> {
        let answer = call.answer?;
        Some(Self {
            class: answer.class.code().to_owned(),
            decided_by: answer.decided_by.map(|by| openapi::word(&by)),
            decided_at_ms: answer.decided_at.map(model::CallTime::as_millis),
            carrier_ms: call.detection_ms,
        })
    }
}

impl From<Call> for CallView {
    fn from(call: Call) -> Self {
        Self {
            trace_id: call.trace().to_string(),
            id: call.id.to_string(),
            agent_id: call.agent_id.to_string(),
            campaign_id: call.campaign_id.map(|campaign| campaign.to_string()),
            lead_id: call.lead_id.map(|lead| lead.to_string()),
            direction: openapi::word(&call.direction),
            to: call.to.as_str().to_owned(),
            from: call.from.as_str().to_owned(),
            state: openapi::word(&call.state),
            created_at: call.created_at.to_string(),
            placed_at: call.placed_at.map(|at| at.to_string()),
            answered_at: call.answered_at.map(|at| at.to_string()),
            ended_at: call.ended_at.map(|at| at.to_string()),
            carrier_call_id: call.carrier_call_id,
            carrier_duration_seconds: call.carrier_duration_seconds,
            answered_by: call.answered_by.map(|by| openapi::word(&by)),
            outcome: call.outcome.map(|outcome| outcome.code().to_owned()),
            outcome_by: call.outcome.map(|outcome| openapi::word(&outcome.doing())),
            recording: call.recording.map(RecordingView::from),
        }
    }
}

impl From<RecordingState> for RecordingView {
    fn from(state: RecordingState) -> Self {
        let bare = |state: &str, carrier_recording_id| Self {
            state: state.to_owned(),
            carrier_recording_id,
            bytes: None,
            sha256: None,
            stored_at: None,
            archived_at: None,
        };
        match state {
            RecordingState::Ready {
                carrier_recording_id,
            } => bare("ready", carrier_recording_id),
            RecordingState::Absent {
                carrier_recording_id,
            } => bare("absent", carrier_recording_id),
            RecordingState::Stored {
                carrier_recording_id,
                object_key: _,
                bytes,
                sha256,
                stored_at,
            } => Self {
                bytes: Some(bytes),
                sha256: Some(sha256),
                stored_at: Some(stored_at.to_string()),
                ..bare("stored", carrier_recording_id)
            },
            RecordingState::Archived {
                carrier_recording_id,
                object_key: _,
                bytes,
                sha256,
                stored_at,
                archived_at,
            } => Self {
                bytes: Some(bytes),
                sha256: Some(sha256),
                stored_at: Some(stored_at.to_string()),
                archived_at: Some(archived_at.to_string()),
                ..bare("archived", carrier_recording_id)
            },
        }
    }
}
