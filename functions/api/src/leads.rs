//! The requests under `/v1/campaigns/{campaign_id}/leads`: add, list, read, change, remove, export.

use std::collections::BTreeMap;

use axum::body::{Body as HttpBody, Bytes};
use axum::extract::{Path, Query, State as Shared};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use futures_util::stream;
use model::{CampaignId, Lead, LeadId, LeadState};
use serde::de::IntoDeserializer as _;
use serde::de::value::{Error as WordError, StrDeserializer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use service::FieldProblem;
use service::account::access::Principal;
use service::lead::export::Export;
use service::lead::{Added, LeadFields, Leads, NewLead};
use store::{LeadFilter, LeadRow};
use telemetry::Chain;
use tracing::error;
use utoipa::ToSchema;

use crate::body::{Body, IfMatch, Listed, id, merge, read as read_json, read_fields};
use crate::openapi;
use crate::{PAGE_DEFAULT, PAGE_MAX, Problem, State};

/// Leads to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewLeads {
    /// 1 to 1,000.
    #[schema(value_type = Vec<NewLeadBody>)]
    leads: Vec<Map<String, Value>>,
}

/// A lead to add. Only `number` is needed.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes `service::lead::NewLead`; a test compares them"
)]
pub(crate) struct NewLeadBody {
    /// E.164.
    #[schema(example = "+14155550100", pattern = r"^\+[1-9][0-9]{6,14}$")]
    number: String,
    /// The lead's own time zone, an IANA name; absent: every zone that the number may be in has to
    /// allow a call.
    zone: Option<String>,
    /// Values for the `{{variables}}` of what the agent says.
    variables: Option<BTreeMap<String, String>>,
    #[schema(schema_with = openapi::lead_priority)]
    priority: Option<String>,
    consent: Option<ConsentBody>,
    /// Not called before; absent: at once.
    #[schema(format = DateTime)]
    due_at: Option<String>,
}

/// What a lead agreed to.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes `model::Consent`; a test compares them")]
pub(crate) struct ConsentBody {
    /// `express` or `written`.
    kind: String,
    #[schema(format = DateTime)]
    at: Option<String>,
    /// Where it was given.
    source: Option<String>,
}

/// What may be changed of a lead that waits.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes `service::lead::LeadFields`; a test compares them"
)]
pub(crate) struct LeadPatch {
    variables: Option<BTreeMap<String, Option<String>>>,
    #[schema(schema_with = openapi::lead_priority)]
    priority: Option<String>,
    consent: Option<ConsentBody>,
    #[schema(format = DateTime)]
    due_at: Option<String>,
}

/// What became of leads.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AddedView {
    added: u64,
    there_already: u64,
    /// Kept out: they must not be called.
    suppressed: u64,
    /// One for each lead of the request, in its order.
    leads: Vec<AddedLead>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AddedLead {
    id: String,
    #[schema(schema_with = openapi::added)]
    status: String,
}

/// A lead.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LeadView {
    id: String,
    campaign_id: String,
    number: String,
    #[schema(schema_with = openapi::lead_state)]
    state: String,
    /// Of one that waits.
    #[schema(format = DateTime)]
    due_at: Option<String>,
    /// Of one that is being called.
    call_id: Option<String>,
    /// Of one that is done.
    #[schema(schema_with = openapi::lead_result)]
    result: Option<String>,
    #[schema(format = DateTime)]
    done_at: Option<String>,
    variables: BTreeMap<String, String>,
    #[schema(schema_with = openapi::lead_priority)]
    priority: String,
    #[schema(value_type = Option<ConsentBody>)]
    consent: Option<Value>,
    /// Every zone that has to allow a call.
    zones: Vec<String>,
    /// Whose rules apply.
    jurisdictions: Vec<String>,
    /// Attempts that count.
    attempts: u32,
    last_call_id: Option<String>,
    #[schema(format = DateTime)]
    last_attempt_at: Option<String>,
    #[schema(schema_with = openapi::outcome)]
    last_outcome: Option<String>,
    /// The import that brought it.
    import_id: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    /// Rises with each change: the `ETag` that a change names.
    revision: u64,
}

/// Which leads are wanted.
#[derive(Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LeadQuery {
    /// The last page's `next_cursor`.
    cursor: Option<String>,
    /// 1 to 100, 50 where absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// `waiting`, `calling` or `done`.
    state: Option<String>,
    /// Of leads that are done.
    result: Option<String>,
    last_outcome: Option<String>,
    import_id: Option<String>,
}

/// Adds leads, all or none. A number is one lead of a campaign: one that is there already stays as it
/// is, so that a request may be sent again. Numbers on the suppression list are kept out.
#[utoipa::path(post, path = "/v1/campaigns/{campaign_id}/leads", tag = "leads",
    request_body = NewLeads, params(("campaign_id" = String, Path)),
    responses(
        (status = 200, description = "What became of each", body = AddedView),
        (status = 404, description = "`not_found`", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`campaign_closed`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid`: names every field, as in `leads[3].number`; nothing is added",
            body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn add(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign_id): Path<String>,
    Body(new): Body<NewLeads>,
) -> Result<Json<AddedView>, Problem> {
    let campaign_id: CampaignId = id(&campaign_id)?;
    let leads = read_leads(new.leads)?;
    let added = state
        .leads
        .add(principal.tenant_id, campaign_id, &leads)
        .await?;
    let count = |status| {
        let count = added.iter().filter(|(_lead, became)| *became == status);
        u64::try_from(count.count()).unwrap_or(u64::MAX)
    };
    Ok(Json(AddedView {
        added: count(Added::Added),
        there_already: count(Added::ThereAlready),
        suppressed: count(Added::Suppressed),
        leads: added.iter().map(AddedLead::from).collect(),
    }))
}

/// Lists leads that pass the filter, in a fixed order. A page may be short, or empty, and not the last.
#[utoipa::path(get, path = "/v1/campaigns/{campaign_id}/leads", tag = "leads",
    params(("campaign_id" = String, Path), LeadQuery),
    responses(
        (status = 200, description = "A page", body = Listed<LeadView>),
        (status = 404, description = "`not_found`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn list(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign_id): Path<String>,
    query: Result<Query<LeadQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Listed<LeadView>>, Problem> {
    let query = known(query)?;
    let limit = query.limit.unwrap_or(PAGE_DEFAULT);
    if !(1..=PAGE_MAX).contains(&limit) {
        let says = format!("must be from 1 to {PAGE_MAX}");
        return Err(Problem::field("limit", says));
    }
    let foreign = |_foreign| Problem::field("cursor", "is not one that a list answered".to_owned());
    let after: Option<LeadId> = query
        .cursor
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(foreign)?;
    let filter = filter(&query)?;
    let page = state
        .leads
        .list(
            principal.tenant_id,
            id(&campaign_id)?,
            &filter,
            after,
            limit,
        )
        .await?;
    Ok(Json(Listed {
        items: page.items.into_iter().map(LeadView::from).collect(),
        next_cursor: page.next.map(|lead| lead.to_string()),
    }))
}

/// Reads a lead.
#[utoipa::path(get, path = "/v1/campaigns/{campaign_id}/leads/{lead_id}", tag = "leads",
    params(("campaign_id" = String, Path), ("lead_id" = String, Path)),
    responses(
        (status = 200, description = "The lead; `ETag` is its revision", body = LeadView),
        (status = 404, description = "`not_found`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn read(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path((campaign_id, lead_id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let row = state
        .leads
        .get(principal.tenant_id, id(&campaign_id)?, id(&lead_id)?)
        .await?;
    Ok(answer(row))
}

/// Changes a lead while it waits (JSON Merge Patch, RFC 7396).
#[utoipa::path(patch, path = "/v1/campaigns/{campaign_id}/leads/{lead_id}", tag = "leads",
    request_body = LeadPatch,
    params(("campaign_id" = String, Path), ("lead_id" = String, Path),
        ("If-Match" = String, Header, description = "The `ETag` that the change was made from")),
    responses(
        (status = 200, description = "The changed lead", body = LeadView),
        (status = 404, description = "`not_found`", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`lead_not_waiting`", body = Problem,
            content_type = "application/problem+json"),
        (status = 412, description = "`revision_changed`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid`", body = Problem,
            content_type = "application/problem+json"),
        (status = 428, description = "`if_match_required`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn change(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path((campaign_id, lead_id)): Path<(String, String)>,
    IfMatch(revision): IfMatch,
    Body(patch): Body<Map<String, Value>>,
) -> Result<Response, Problem> {
    let (campaign_id, lead_id): (CampaignId, LeadId) = (id(&campaign_id)?, id(&lead_id)?);
    let before = state
        .leads
        .get(principal.tenant_id, campaign_id, lead_id)
        .await?;
    let fields = patched(&Leads::fields(&before.lead), patch)?;
    let row = state
        .leads
        .change(principal.tenant_id, campaign_id, lead_id, revision, fields)
        .await?;
    Ok(answer(row))
}

/// Removes a lead while it waits. Calls that were made are kept.
#[utoipa::path(delete, path = "/v1/campaigns/{campaign_id}/leads/{lead_id}", tag = "leads",
    params(("campaign_id" = String, Path), ("lead_id" = String, Path)),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "`not_found`", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`lead_not_waiting`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn remove(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path((campaign_id, lead_id)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let removed = state
        .leads
        .remove(principal.tenant_id, id(&campaign_id)?, id(&lead_id)?);
    removed.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Exports leads as CSV, with a column for each variable. Cells that a spreadsheet could run as a formula
/// begin with an apostrophe.
#[utoipa::path(get, path = "/v1/campaigns/{campaign_id}/leads.csv", tag = "leads",
    params(("campaign_id" = String, Path), LeadQuery),
    responses(
        (status = 200, description = "The leads", body = String, content_type = "text/csv"),
        (status = 404, description = "`not_found`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn export(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign_id): Path<String>,
    query: Result<Query<LeadQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let query = known(query)?;
    if query.cursor.is_some() || query.limit.is_some() {
        let says = "takes no `cursor` and no `limit`: an export is whole".to_owned();
        return Err(Problem::field("query", says));
    }
    let filter = filter(&query)?;
    let campaign_id: CampaignId = id(&campaign_id)?;
    let export = state
        .leads
        .export(principal.tenant_id, campaign_id, filter)
        .await?;
    let name = format!("attachment; filename=\"leads-{campaign_id}.csv\"");
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((
        headers,
        HttpBody::from_stream(stream::unfold(Some(export), part)),
    )
        .into_response())
}

/// The next part of an export. What fails on the way breaks the transfer off, so that nobody takes half a
/// file for a whole one.
async fn part(export: Option<Export>) -> Option<(Result<Bytes, std::io::Error>, Option<Export>)> {
    let mut export = export?;
    match export.chunk().await {
        Ok(None) => None,
        Ok(Some(csv)) => Some((Ok(Bytes::from(csv)), Some(export))),
        Err(problem) => {
            error!(problem = %Chain(&problem), "an export broke off");
            Some((Err(std::io::Error::other("the export broke off")), None))
        }
    }
}

fn read_leads(leads: Vec<Map<String, Value>>) -> Result<Vec<NewLead>, Problem> {
    let stand_in = Value::String("+14155550100".to_owned());
    let mut read = Vec::with_capacity(leads.len());
    let mut problems = Vec::new();
    for (place, lead) in leads.into_iter().enumerate() {
        match read_fields::<NewLead>(lead, &[("number", stand_in.clone())]) {
            Ok(lead) => read.push(lead),
            Err(problem) => problems.extend(problem.into_errors().into_iter().map(
                |FieldProblem { field, problem }| {
                    FieldProblem::new(format!("leads[{place}].{field}"), problem)
                },
            )),
        }
    }
    if problems.is_empty() {
        Ok(read)
    } else {
        Err(Problem::invalid(problems))
    }
}

fn known(
    query: Result<Query<LeadQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<LeadQuery, Problem> {
    let Query(query) = query.map_err(|_unknown_or_malformed| {
        let says =
            "takes only `cursor`, `limit`, `state`, `result`, `last_outcome` and `import_id`";
        Problem::field("query", says.to_owned())
    })?;
    Ok(query)
}

fn filter(query: &LeadQuery) -> Result<LeadFilter, Problem> {
    let state = match query.state.as_deref() {
        None => None,
        Some("waiting") => Some("waiting"),
        Some("calling") => Some("calling"),
        Some("done") => Some("done"),
        Some(_other) => {
            let says = "must be `waiting`, `calling` or `done`".to_owned();
            return Err(Problem::field("state", says));
        }
    };
    let import = query.import_id.as_deref().map(str::parse).transpose();
    Ok(LeadFilter {
        state,
        result: word("result", query.result.as_deref())?,
        last_outcome: word("last_outcome", query.last_outcome.as_deref())?,
        import: import
            .map_err(|_malformed| Problem::field("import_id", "is not an import's".to_owned()))?,
    })
}

/// A word of a closed vocabulary in a query.
fn word<'a, T: Deserialize<'a>>(field: &str, word: Option<&'a str>) -> Result<Option<T>, Problem> {
    let Some(word) = word else {
        return Ok(None);
    };
    let word: StrDeserializer<'a, WordError> = word.into_deserializer();
    let read = T::deserialize(word);
    read.map(Some)
        .map_err(|problem| Problem::field(field, problem.to_string()))
}

fn patched(fields: &LeadFields, patch: Map<String, Value>) -> Result<LeadFields, Problem> {
    let unreadable = |_unprintable| Problem::field("body", "cannot be merged".to_owned());
    let mut merged = serde_json::to_value(fields).map_err(unreadable)?;
    merge(&mut merged, Value::Object(patch));
    read_json(&serde_json::to_vec(&merged).map_err(unreadable)?)
}

fn answer(row: LeadRow) -> Response {
    let etag = [(header::ETAG, format!("\"{}\"", row.row_version))];
    (etag, Json(LeadView::from(row))).into_response()
}

impl From<&(LeadId, Added)> for AddedLead {
    fn from((lead, became): &(LeadId, Added)) -> Self {
        let status = match became {
            Added::Added => "added",
            Added::ThereAlready => "there_already",
            Added::Suppressed => "suppressed",
        };
        Self {
            id: lead.to_string(),
            status: status.to_owned(),
        }
    }
}

impl From<LeadRow> for LeadView {
    fn from(row: LeadRow) -> Self {
        let Lead {
            id,
            campaign_id,
            number,
            lane,
            variables,
            priority,
            consent,
            state,
            attempts,
            faults: _,
            last_call_id,
            last_attempt_at,
            last_outcome,
            import_id,
            created_at,
            updated_at,
        } = row.lead;
        let mut view = Self {
            id: id.to_string(),
            campaign_id: campaign_id.to_string(),
            number: number.as_str().to_owned(),
            state: String::new(),
            due_at: None,
            call_id: None,
            result: None,
            done_at: None,
            variables,
            priority: openapi::word(&priority),
            consent: consent.and_then(|consent| serde_json::to_value(consent).ok()),
            zones: lane.zones,
            jurisdictions: lane.jurisdictions,
            attempts,
            last_call_id: last_call_id.map(|call| call.to_string()),
            last_attempt_at: last_attempt_at.map(|at| at.to_string()),
            last_outcome: last_outcome.map(|outcome| outcome.code().to_owned()),
            import_id: import_id.map(|import| import.to_string()),
            created_at: created_at.to_string(),
            updated_at: updated_at.to_string(),
            revision: row.row_version,
        };
        match state {
            LeadState::Waiting { due_at } => {
                "waiting".clone_into(&mut view.state);
                view.due_at = Some(due_at.to_string());
            }
            LeadState::Calling { call_id } => {
                "calling".clone_into(&mut view.state);
                view.call_id = Some(call_id.to_string());
            }
            LeadState::Done { result, done_at } => {
                "done".clone_into(&mut view.state);
                view.result = Some(result.code().to_owned());
                view.done_at = Some(done_at.to_string());
            }
        }
        view
    }
}
