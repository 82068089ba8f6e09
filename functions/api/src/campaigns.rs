//! The requests under `/v1/campaigns`: create, list, read, change, delete; start, pause, resume, cancel;
//! progress; redial.

use std::collections::BTreeMap;

use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use jiff::Timestamp;
use model::{Campaign, CampaignFields, CampaignId, CampaignState, LeadCounts, LeadResult, Outcome};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use service::account::access::Principal;
use service::campaign::CampaignWithCopy;
use service::campaign::moves::{Move, Moved};
use service::campaign::outlook::{Held, LaneOutlook, Outlook};
use service::campaign::redial::Redial;
use utoipa::ToSchema;

use crate::body::{Body, IfMatch, Key, Listed, MaybeBody, Wanted, id, merge, read_fields};
use crate::openapi;
use crate::{Problem, State};

/// What may be set of a campaign. Only `name` is needed to make one.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes `model::CampaignFields`; a test compares them"
)]
pub(crate) struct CampaignBody {
    /// 1 to 100 characters.
    name: String,
    /// Who talks. Needed before the start.
    agent_id: Option<String>,
    windows: Option<WindowsBody>,
    /// Dates on which nobody is called, in the callee's local date: `2026-12-24`.
    #[schema(format = Date)]
    blocked_days: Option<Vec<String>>,
    /// Whether public holidays are working days. Where the law forbids calls on them they are not.
    call_on_holidays: Option<bool>,
    #[schema(minimum = 1, maximum = 10_000)]
    max_concurrent_calls: Option<u32>,
    /// Attempts for each lead.
    #[schema(minimum = 1, maximum = 20)]
    max_attempts: Option<u32>,
    retry: Option<RetryBody>,
    caps: Option<CapsBody>,
    /// Numbers of yours to call from; absent: every one.
    numbers: Option<Vec<String>>,
    /// Prefer a number of yours from the callee's own area.
    local_presence: Option<bool>,
    calls_per_number_per_day: Option<u32>,
    amd: Option<AmdBody>,
    opt_out: Option<OptOutBody>,
    disclosure: Option<DisclosureBody>,
    /// The weakest consent that a lead must carry: `express` or `written`.
    consent: Option<String>,
    /// Of two campaigns, shares of free lines go as their priorities.
    #[schema(minimum = 1, maximum = 9)]
    priority: Option<u8>,
    ramp: Option<RampBody>,
    breaker: Option<BreakerBody>,
    /// Starts by itself then, once it was started; absent: at once.
    #[schema(format = DateTime)]
    starts_at: Option<String>,
    /// No call begins from then on; what is left ends as `not_allowed`.
    #[schema(format = DateTime)]
    ends_at: Option<String>,
}

/// Spans of the callee's local time by weekday, as in `[["10:00","12:30"],["14:00","19:00"]]`. A weekday
/// that is left out is a day off. The law's hours apply besides.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes `model::Windows`; a test compares them")]
pub(crate) struct WindowsBody {
    mon: Option<Vec<Vec<String>>>,
    tue: Option<Vec<Vec<String>>>,
    wed: Option<Vec<Vec<String>>>,
    thu: Option<Vec<Vec<String>>>,
    fri: Option<Vec<Vec<String>>>,
    sat: Option<Vec<Vec<String>>>,
    sun: Option<Vec<Vec<String>>>,
}

/// How long to wait after an attempt, by how it ended: `30m`, `2h`, `1h 30m`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes `model::Retry`; a test compares them")]
pub(crate) struct RetryBody {
    no_answer: Option<String>,
    busy: Option<String>,
    /// The carrier or we failed.
    failed: Option<String>,
    voicemail: Option<String>,
}

/// How often one number is called, over all campaigns.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes `model::Caps`; a test compares them")]
pub(crate) struct CapsBody {
    /// Attempts in any 24 hours.
    #[schema(minimum = 1, maximum = 24)]
    attempts_per_day: Option<u32>,
    #[schema(minimum = 1, maximum = 200)]
    attempts_per_30_days: Option<u32>,
    /// Conversations in any 24 hours.
    #[schema(minimum = 1, maximum = 24)]
    conversations_per_day: Option<u32>,
    /// From an attempt that was busy or not answered to the next, by whichever campaign.
    minimum_gap: Option<String>,
}

/// AmdPolicy machines.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes `model::Amd`; a test compares them")]
pub(crate) struct AmdBody {
    /// `off`, `start` (a verdict as soon as there is one) or `message_end` (also waits for the end of
    /// a machine's greeting).
    detect: Option<String>,
    /// When a machine answered: `hang_up`, `leave_message` or `talk`.
    machine: Option<String>,
    /// What is left after the beep. Takes `{{variables}}`.
    voicemail_message: Option<String>,
    #[schema(minimum = 3, maximum = 59)]
    timeout_seconds: Option<u32>,
    #[schema(minimum = 1_000, maximum = 6_000)]
    speech_threshold_ms: Option<u32>,
    #[schema(minimum = 500, maximum = 5_000)]
    speech_end_threshold_ms: Option<u32>,
    #[schema(minimum = 2_000, maximum = 10_000)]
    silence_timeout_ms: Option<u32>,
    /// Who calls and why, said to a call screening service. Takes `{{variables}}`.
    screening_answer: Option<String>,
}

/// How people say that they want no more calls. Words are always understood.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes `model::OptOut`; a test compares them")]
pub(crate) struct OptOutBody {
    /// One of `0-9*#`.
    key: Option<String>,
    /// What the agent says then.
    acknowledgement: Option<String>,
}

/// Who calls and why, and what has to be said of it.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes `model::Disclosure`; a test compares them"
)]
pub(crate) struct DisclosureBody {
    business_name: Option<String>,
    /// Half a sentence: "your appointment on Tuesday".
    purpose: Option<String>,
    /// What the agent says first in place of its prompt's greeting. Takes `{{variables}}`.
    opening: Option<String>,
    /// The campaign sells something: stricter rules apply.
    marketing: Option<bool>,
}

/// How a campaign goes up to its concurrency after a start.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes `model::Ramp`; a test compares them")]
pub(crate) struct RampBody {
    from: Option<u32>,
    over: Option<String>,
}

/// When a campaign stops by itself for a while because its calls fail.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes `model::Breaker`; a test compares them")]
pub(crate) struct BreakerBody {
    #[schema(minimum = 1, maximum = 100)]
    failures_percent: Option<u32>,
    #[schema(minimum = 5, maximum = 1_000)]
    calls: Option<u32>,
    pause: Option<String>,
}

/// A campaign.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes `CampaignJson`; a test compares them")]
pub(crate) struct CampaignView {
    id: String,
    #[schema(schema_with = openapi::campaign_state)]
    state: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    /// Rises by one with each change.
    revision: u32,
    #[schema(format = DateTime)]
    running_since: Option<String>,
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    /// Leads of another campaign that it still takes over; while it is there it cannot be started.
    copying: Option<CopyView>,
    #[schema(inline)]
    #[serde(flatten)]
    fields: CampaignBody,
}

/// Leads on their way from another campaign.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CopyView {
    from: String,
    leads_copied: u64,
}

/// A campaign as it is answered.
#[derive(Debug, Serialize)]
pub(crate) struct CampaignJson {
    id: CampaignId,
    state: CampaignState,
    created_at: Timestamp,
    updated_at: Timestamp,
    revision: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    running_since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    copying: Option<CopyView>,
    #[serde(flatten)]
    fields: CampaignFields,
}

/// When to start.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartBody {
    /// Absent: at `starts_at`, or at once.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
}

/// A campaign after a start, pause, resume or cancel.
#[derive(Serialize, ToSchema)]
pub(crate) struct MovedView {
    #[schema(value_type = CampaignView)]
    campaign: CampaignJson,
    leads: LeadCountsView,
    /// What happens to calls and leads now, in a sentence or two.
    effect: String,
    /// What does not forbid the start, and should be known.
    warnings: Vec<String>,
}

/// Leads by state. `total` is the sum of the others.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LeadCountsView {
    total: u64,
    waiting: u64,
    calling: u64,
    /// By result; all are there.
    done: BTreeMap<String, u64>,
}

/// Which leads are called again.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes `service::campaign::redial::Redial`; a test compares them"
)]
pub(crate) struct RedialBody {
    /// Leads that are done with one of these.
    results: Option<Vec<String>>,
    /// Leads that are done and whose last call ended with one of these.
    outcomes: Option<Vec<String>>,
    /// Of the new campaign.
    name: Option<String>,
}

/// How a campaign goes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProgressView {
    campaign_id: String,
    #[schema(schema_with = openapi::campaign_state)]
    state: String,
    #[schema(format = DateTime)]
    at: String,
    leads: LeadCountsView,
    /// Of all leads those that are done, rounded down.
    percent_done: u64,
    calls: CallCountsView,
    /// The pace of the last hour; `null` after too few calls.
    calls_per_hour: Option<u64>,
    /// When everybody may be done, at this pace and in these windows: an estimate.
    #[schema(format = DateTime)]
    ends_about: Option<String>,
    /// When somebody may be called again, if all lanes with waiting leads are closed now.
    #[schema(format = DateTime)]
    next_opening: Option<String>,
    /// Why nobody, or not everybody, is called just now.
    held: Vec<HeldView>,
    /// Leads by what decides when they may be called.
    lanes: Vec<LaneView>,
}

/// Ended calls.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallCountsView {
    total: u64,
    /// By outcome; one that is missing is zero.
    by_outcome: BTreeMap<String, u64>,
    /// Of the last two days, by hour (UTC, `2026-03-08T09`); one that is missing is zero.
    by_hour: BTreeMap<String, u64>,
}

/// A rule that holds leads back.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HeldView {
    /// A stable code, as in a permit.
    rule: String,
    leads: Option<u64>,
    #[schema(format = DateTime)]
    until: Option<String>,
    /// What it does to them.
    says: String,
}

/// Leads that may be called at the same times.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LaneView {
    id: String,
    zones: Vec<String>,
    jurisdictions: Vec<String>,
    waiting: u64,
    calling: u64,
    done: u64,
    open: bool,
    /// The rule that closes it.
    closed_by: Option<String>,
    /// When it opens or closes next.
    #[schema(format = DateTime)]
    changes_at: Option<String>,
}

/// Makes a campaign, as a draft.
#[utoipa::path(post, path = "/v1/campaigns", tag = "campaigns", request_body = CampaignBody,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses(
        (status = 201, description = "The draft; `ETag` is its revision", body = CampaignView),
        (status = 422, description = "`invalid`, every field at once", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn create(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Key(key): Key,
    Body(fields): Body<Map<String, Value>>,
) -> Result<Response, Problem> {
    let fields: CampaignFields = read_fields(fields, NEEDED)?;
    let campaign = state
        .campaigns
        .create(principal.tenant_id, fields, key.as_ref())
        .await?;
    let location = location(campaign.id);
    let mut answer = answer(StatusCode::CREATED, campaign.into());
    answer.headers_mut().extend(location);
    Ok(answer)
}

/// Lists campaigns, newest first.
#[utoipa::path(get, path = "/v1/campaigns", tag = "campaigns", params(openapi::PageParams),
    responses((status = 200, description = "A page", body = Listed<CampaignView>)))]
pub(crate) async fn list(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    wanted: Wanted<CampaignId>,
) -> Result<Json<Listed<CampaignJson>>, Problem> {
    let page = state
        .campaigns
        .list(principal.tenant_id, wanted.after, wanted.limit)
        .await?;
    let cursor = |campaign: &Campaign| campaign.id.to_string();
    Ok(Json(Listed::new(page, cursor, CampaignJson::from)))
}

/// Reads a campaign.
#[utoipa::path(get, path = "/v1/campaigns/{campaign_id}", tag = "campaigns",
    params(("campaign_id" = String, Path)),
    responses(
        (status = 200, description = "The campaign; `ETag` is its revision", body = CampaignView),
        (status = 404, description = "`not_found`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn read(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign_id): Path<String>,
) -> Result<Response, Problem> {
    let found = state
        .campaigns
        .get_with_copy(principal.tenant_id, id(&campaign_id)?)
        .await?;
    Ok(answer(StatusCode::OK, found.into()))
}

/// Changes fields of a campaign (JSON Merge Patch, RFC 7396: `null` takes a field back to its default).
/// Hours, limits and retries may change at any time and hold from the next call on; `agent_id`,
/// `consent` and `disclosure.marketing` not while it runs; `starts_at` not once it has begun.
#[utoipa::path(patch, path = "/v1/campaigns/{campaign_id}", tag = "campaigns",
    request_body = CampaignBody,
    params(("campaign_id" = String, Path),
        ("If-Match" = String, Header, description = "The `ETag` that the change was made from")),
    responses(
        (status = 200, description = "The changed campaign", body = CampaignView),
        (status = 409, description = "`fields_locked`: names each field that cannot change now, and when it can",
            body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "`revision_changed`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid`, or `cannot_start` where it would not have been started so",
            body = Problem, content_type = "application/problem+json"),
        (status = 428, description = "`if_match_required`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn change(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign_id): Path<String>,
    IfMatch(revision): IfMatch,
    Body(patch): Body<Map<String, Value>>,
) -> Result<Response, Problem> {
    let campaign_id: CampaignId = id(&campaign_id)?;
    let before = state
        .campaigns
        .get(principal.tenant_id, campaign_id)
        .await?;
    let fields = patched(&before.fields, patch)?;
    let changed = state
        .campaigns
        .change(principal.tenant_id, campaign_id, revision, fields)
        .await?;
    Ok(answer(StatusCode::OK, changed.into()))
}

/// Deletes a draft with its leads.
#[utoipa::path(delete, path = "/v1/campaigns/{campaign_id}", tag = "campaigns",
    params(("campaign_id" = String, Path)),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "`not_found`", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`campaign_state`: it is no draft", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn delete(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign_id): Path<String>,
) -> Result<StatusCode, Problem> {
    let deleted = state
        .campaigns
        .delete(principal.tenant_id, id(&campaign_id)?);
    deleted.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Starts a draft, at once or at a time. It is looked over first: agent, numbers, leads, windows,
/// variables, and what its opening must say where its leads are.
#[utoipa::path(post, path = "/v1/campaigns/{campaign_id}/start", tag = "campaigns",
    request_body = Option<StartBody>, params(("campaign_id" = String, Path)),
    responses(
        (status = 200, description = "It is `running`, or `scheduled`", body = MovedView),
        (status = 404, description = "`not_found`", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`already_started`, or `campaign_state`: it is paused or over",
            body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`cannot_start`: everything that is missing", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn start(
    state: Shared<State>,
    principal: Extension<Principal>,
    campaign_id: Path<String>,
    MaybeBody(StartBody { at }): MaybeBody<StartBody>,
) -> Result<Response, Problem> {
    make(state, principal, campaign_id, Move::Start { at }).await
}

/// Stops new calls. Calls that ring or are on go on to their end; those that are claimed and not placed
/// are turned back and count no attempt; leads keep their place.
#[utoipa::path(post, path = "/v1/campaigns/{campaign_id}/pause", tag = "campaigns",
    params(("campaign_id" = String, Path)),
    responses(
        (status = 200, description = "It is `paused`; asking again changes nothing", body = MovedView),
        (status = 404, description = "`not_found`", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`campaign_state`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn pause(
    state: Shared<State>,
    principal: Extension<Principal>,
    campaign_id: Path<String>,
) -> Result<Response, Problem> {
    make(state, principal, campaign_id, Move::Pause).await
}

/// Lets a paused campaign go on. It is looked over as at its start, and its ramp begins anew.
#[utoipa::path(post, path = "/v1/campaigns/{campaign_id}/resume", tag = "campaigns",
    params(("campaign_id" = String, Path)),
    responses(
        (status = 200, description = "It is `running` or `scheduled`; asking again changes nothing",
            body = MovedView),
        (status = 404, description = "`not_found`", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`campaign_state`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`cannot_start`: everything that is missing", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn resume(
    state: Shared<State>,
    principal: Extension<Principal>,
    campaign_id: Path<String>,
) -> Result<Response, Problem> {
    make(state, principal, campaign_id, Move::Resume).await
}

/// Ends a campaign for good. Calls are treated as by a pause; leads that wait end as `cancelled`.
#[utoipa::path(post, path = "/v1/campaigns/{campaign_id}/cancel", tag = "campaigns",
    params(("campaign_id" = String, Path)),
    responses(
        (status = 200, description = "It is `cancelled`; asking again changes nothing", body = MovedView),
        (status = 404, description = "`not_found`", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`campaign_state`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn cancel(
    state: Shared<State>,
    principal: Extension<Principal>,
    campaign_id: Path<String>,
) -> Result<Response, Problem> {
    make(state, principal, campaign_id, Move::Cancel).await
}

/// Makes a draft with the fields of a campaign and those of its leads that are done in one of these
/// ways. Of a long list some leads follow after the answer: `copying` is there until all have come.
#[utoipa::path(post, path = "/v1/campaigns/{campaign_id}/redial", tag = "campaigns",
    request_body = RedialBody,
    params(("campaign_id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses(
        (status = 201, description = "The draft; `ETag` is its revision", body = CampaignView),
        (status = 404, description = "`not_found`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn redial(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign_id): Path<String>,
    Key(key): Key,
    Body(redial): Body<Redial>,
) -> Result<Response, Problem> {
    let made = state
        .campaigns
        .redial(
            principal.tenant_id,
            id(&campaign_id)?,
            &redial,
            key.as_ref(),
        )
        .await?;
    let location = location(made.campaign.id);
    let mut answer = answer(StatusCode::CREATED, made.into());
    answer.headers_mut().extend(location);
    Ok(answer)
}

/// Says how a campaign goes: leads and calls, the pace, when it may be over, and why nobody is called
/// just now.
#[utoipa::path(get, path = "/v1/campaigns/{campaign_id}/progress", tag = "campaigns",
    params(("campaign_id" = String, Path)),
    responses(
        (status = 200, description = "The progress", body = ProgressView),
        (status = 404, description = "`not_found`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn progress(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign_id): Path<String>,
) -> Result<Json<ProgressView>, Problem> {
    let outlook = state
        .campaigns
        .outlook(principal.tenant_id, id(&campaign_id)?)
        .await?;
    Ok(Json(outlook.into()))
}

/// What a campaign cannot be read without, with something that can stand for it.
const NEEDED: &[(&str, Value)] = &[("name", Value::String(String::new()))];

async fn make(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign_id): Path<String>,
    wanted: Move,
) -> Result<Response, Problem> {
    let moved = state
        .campaigns
        .make(principal.tenant_id, id(&campaign_id)?, wanted)
        .await?;
    let etag = [(header::ETAG, etag(moved.campaign.revision))];
    Ok((etag, Json(MovedView::from(moved))).into_response())
}

fn patched(fields: &CampaignFields, patch: Map<String, Value>) -> Result<CampaignFields, Problem> {
    let unreadable = || Problem::field("body", "cannot be merged".to_owned());
    let mut merged = serde_json::to_value(fields).map_err(|_unprintable| unreadable())?;
    merge(&mut merged, Value::Object(patch));
    let Value::Object(merged) = merged else {
        return Err(unreadable());
    };
    read_fields(merged, NEEDED)
}

fn answer(status: StatusCode, campaign: CampaignJson) -> Response {
    let etag = [(header::ETAG, etag(campaign.revision))];
    (status, etag, Json(campaign)).into_response()
}

fn etag(revision: u32) -> String {
    format!("\"{revision}\"")
}

fn location(campaign: CampaignId) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/campaigns/{campaign}")) {
        headers.insert(header::LOCATION, location);
    }
    headers
}

impl From<Campaign> for CampaignJson {
    fn from(campaign: Campaign) -> Self {
        Self {
            id: campaign.id,
            state: campaign.state,
            created_at: campaign.created_at,
            updated_at: campaign.updated_at,
            revision: campaign.revision,
            running_since: campaign.running_since,
            ended_at: campaign.ended_at,
            copying: None,
            fields: campaign.fields,
        }
    }
}

impl From<CampaignWithCopy> for CampaignJson {
    fn from(found: CampaignWithCopy) -> Self {
        Self {
            copying: found.copy.map(|copy| CopyView {
                from: copy.from.to_string(),
                leads_copied: copy.leads_copied,
            }),
            ..Self::from(found.campaign)
        }
    }
}

impl From<Moved> for MovedView {
    fn from(moved: Moved) -> Self {
        Self {
            leads: LeadCountsView::from(&moved.counts),
            campaign: moved.campaign.into(),
            effect: moved.effect,
            warnings: moved.warnings,
        }
    }
}

impl From<&LeadCounts> for LeadCountsView {
    fn from(counts: &LeadCounts) -> Self {
        let done = LeadResult::ALL.map(|result| {
            let count = counts.done.get(&result).copied().unwrap_or_default();
            (result.code().to_owned(), count)
        });
        Self {
            total: counts.total(),
            waiting: counts.waiting,
            calling: counts.calling,
            done: done.into(),
        }
    }
}

impl From<Outlook> for ProgressView {
    fn from(outlook: Outlook) -> Self {
        let counts = &outlook.counts;
        let done: u64 = counts.done.values().sum();
        let percent = done.saturating_mul(100).checked_div(counts.total());
        let by_outcome = |(outcome, count): (&Outcome, &u64)| (outcome.code().to_owned(), *count);
        Self {
            campaign_id: outlook.campaign.id.to_string(),
            state: outlook.campaign.state.code().to_owned(),
            at: outlook.at.to_string(),
            leads: LeadCountsView::from(counts),
            percent_done: percent.unwrap_or_default(),
            calls: CallCountsView {
                total: counts.calls.values().sum(),
                by_outcome: counts.calls.iter().map(by_outcome).collect(),
                by_hour: outlook.calls_by_hour,
            },
            calls_per_hour: outlook.calls_per_hour,
            ends_about: outlook.ends_about.map(|at| at.to_string()),
            next_opening: outlook.next_opening.map(|at| at.to_string()),
            held: outlook.held.into_iter().map(HeldView::from).collect(),
            lanes: outlook.lanes.into_iter().map(LaneView::from).collect(),
        }
    }
}

impl From<Held> for HeldView {
    fn from(held: Held) -> Self {
        Self {
            rule: held.rule.code().to_owned(),
            leads: held.leads,
            until: held.until.map(|at| at.to_string()),
            says: held.says,
        }
    }
}

impl From<LaneOutlook> for LaneView {
    fn from(lane: LaneOutlook) -> Self {
        Self {
            id: lane.id.to_string(),
            zones: lane.lane.zones,
            jurisdictions: lane.lane.jurisdictions,
            waiting: lane.counts.waiting,
            calling: lane.counts.calling,
            done: lane.counts.done.values().sum(),
            open: lane.open,
            closed_by: lane.closed_by.map(|rule| rule.code().to_owned()),
            changes_at: lane.changes_at.map(|at| at.to_string()),
        }
    }
}
