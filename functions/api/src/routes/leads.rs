//! The requests under `/v1/campaigns/{campaign_id}/leads`: add, list, read, change, remove, export.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Json};
use futures_util::{Stream, stream};
use jiff::Timestamp;
use model::{
    AlternateNumber, CallId, CampaignId, Consent, ImportId, Lead, LeadId, LeadPriority, LeadResult,
    LeadState, Outcome, PhoneNumber, Rule, Variables,
};
use serde::{Deserialize, Serialize};
use service::Refused;
use service::account::access::{Permission, Principal};
use service::lead::export::Export;
use service::lead::{Added, LeadFields, Leads, NewLead};
use store::{HeldFilter, LeadFilter, LeadRow};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::http::body::patch::Patch;
use crate::http::body::sent::Sent;
use crate::http::conditional::{IfMatch, tagged};
use crate::http::csv::attachment;
use crate::http::page::{Page, Wanted};
use crate::http::params::{Path, Query};
use crate::http::problem::Problem;
use crate::http::registry::{LISTS_BODY_BYTES_MAX, Routes};
use crate::state::State;

pub(super) fn routes() -> Routes {
    use Permission as P;
    Routes::of("leads", "Who is called in a campaign, and what came of it.")
        .may(P::ReadCampaigns, routes!(list_leads))
        .may_send(P::ChangeCampaigns, LISTS_BODY_BYTES_MAX, routes!(add_leads))
        .may(P::ExportLeads, routes!(export_leads))
        .may(P::ReadCampaigns, routes!(get_lead))
        .may(P::ChangeCampaigns, routes!(update_lead))
        .may(P::ChangeCampaigns, routes!(delete_lead))
}

/// Leads to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewLeads {
    leads: Vec<NewLead>,
}

/// What became of leads.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AddedLeads)]
pub(crate) struct AddedView {
    added: u64,
    there_already: u64,
    /// Kept out: they must not be called.
    suppressed: u64,
    /// One for each lead of the request, in its order.
    leads: Vec<AddedLead>,
}

/// What became of one lead.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AddedLead {
    id: LeadId,
    status: Added,
}

/// A lead.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Lead)]
pub(crate) struct LeadView {
    id: LeadId,
    campaign_id: CampaignId,
    number: PhoneNumber,
    /// Other numbers of the same person, in the order in which they are called.
    alternates: Vec<AlternateView>,
    /// The number that is called next, or is being called; of one that is done, the last one.
    number_in_turn: PhoneNumber,
    /// Numbers that this campaign does not call any more.
    given_up_numbers: Vec<PhoneNumber>,
    state: LeadStatus,
    /// Of one that waits.
    due_at: Option<Timestamp>,
    /// Of one that is being called.
    call_id: Option<CallId>,
    /// Of one that is done.
    result: Option<LeadResult>,
    /// Of one that is done.
    done_at: Option<Timestamp>,
    #[schema(value_type = BTreeMap<String, String>)]
    variables: Variables,
    priority: LeadPriority,
    consent: Option<Consent>,
    /// Its own zone, where its list or a user named one.
    zone: Option<String>,
    /// Its state or province, where its list or a user named one.
    region: Option<String>,
    /// Its postal code, where its list or a user named one.
    postal_code: Option<String>,
    /// Its country, where its list or a user named one.
    country: Option<String>,
    /// Every zone that has to allow a call to `number`: those that the number may be in, its own, and those of its state
    /// and postal code.
    zones: Vec<String>,
    /// Whose rules apply to it.
    jurisdictions: Vec<String>,
    /// Attempts that count.
    attempts: u32,
    last_call_id: Option<CallId>,
    last_attempt_at: Option<Timestamp>,
    last_outcome: Option<Outcome>,
    /// The rule that turned it back, put it off or ended it when it was looked at last; `null` once it was called.
    held_by: Option<Rule>,
    /// The lead that it goes on as: its number was corrected.
    moved_to: Option<LeadId>,
    /// The import that brought it.
    import_id: Option<ImportId>,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// Rises with each change: the `ETag` that a change names.
    revision: u64,
}

/// Another number of a lead.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AlternateNumber)]
pub(crate) struct AlternateView {
    number: PhoneNumber,
    /// Every zone that has to allow a call.
    zones: Vec<String>,
    /// Whose rules apply.
    jurisdictions: Vec<String>,
}

/// Where a lead stands.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = LeadState)]
pub(crate) enum LeadStatus {
    /// To be called, from `due_at` on.
    Waiting,
    Calling,
    /// Not called again in this campaign.
    Done,
}

/// Which leads are wanted.
#[derive(Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LeadQuery {
    /// The last page's `next_cursor`.
    cursor: Option<String>,
    /// Entries of the page.
    limit: Option<u32>,
    state: Option<LeadStatus>,
    /// Of leads that are done.
    result: Option<LeadResult>,
    last_outcome: Option<Outcome>,
    /// The rule that holds them back: that turned them back, put them off or ended them when they were looked at last,
    /// or holds all that wait in their place, or in the campaign, now.
    rule: Option<Rule>,
    /// At least so many attempts that count.
    attempts_min: Option<u32>,
    /// At most so many attempts that count.
    attempts_max: Option<u32>,
    /// The import that brought them.
    import_id: Option<ImportId>,
}

/// Which leads go into an export. All of them are in it: it has no pages.
#[derive(Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ExportQuery {
    state: Option<LeadStatus>,
    /// Of leads that are done.
    result: Option<LeadResult>,
    last_outcome: Option<Outcome>,
    /// The rule that holds them back: that turned them back, put them off or ended them when they were looked at last,
    /// or holds all that wait in their place, or in the campaign, now.
    rule: Option<Rule>,
    /// At least so many attempts that count.
    attempts_min: Option<u32>,
    /// At most so many attempts that count.
    attempts_max: Option<u32>,
    /// The import that brought them.
    import_id: Option<ImportId>,
}

/// Add leads, all or none
///
/// A number is one lead of a campaign: one that is there already stays as it is, so that a request may be
/// sent again. Numbers on the suppression list are kept out, and so is who asked on any of their `alternates` not to
/// be called. A campaign that is completed goes on with leads that are new; one that is cancelled, or whose `ends_at`
/// is past, takes none. A problem names every field, as in `/leads/3/number`.
#[utoipa::path(post, path = "/v1/campaigns/{campaign_id}/leads",
    params(("campaign_id" = CampaignId, Path)), request_body = NewLeads,
    responses(
        (status = 200, description = "What became of each", body = AddedView),
        (status = 409, description = "`campaign_closed`"),
        (status = 422, description = "`invalid`, or `cannot_start` where the agent of a completed campaign is archived"),
    ))]
pub(crate) async fn add_leads(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign_id): Path<CampaignId>,
    sent: Sent<NewLeads>,
) -> Result<Json<AddedView>, Problem> {
    let check = async |new: NewLeads| Ok(service::lead::problems(&new.leads));
    let new = sent.or_all_faults(check).await?;
    let added = state
        .leads
        .add(principal.tenant_id, campaign_id, &new.leads)
        .await?;
    Ok(Json(AddedView::of(added)))
}

/// List leads that pass the filter, in a fixed order
///
/// A page may be short, or empty, and not the last.
#[utoipa::path(get, path = "/v1/campaigns/{campaign_id}/leads",
    params(("campaign_id" = CampaignId, Path), LeadQuery),
    responses((status = 200, description = "A page", body = Page<LeadView>)))]
pub(crate) async fn list_leads(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign_id): Path<CampaignId>,
    Query(query): Query<LeadQuery>,
) -> Result<Json<Page<LeadView>>, Problem> {
    let Wanted { after, limit } = Wanted::read(query.cursor.as_deref(), query.limit)?;
    let held = held(&state, &principal, campaign_id, query.rule).await?;
    let filter = LeadFilter {
        state: query.state.map(LeadStatus::code),
        result: query.result,
        last_outcome: query.last_outcome,
        import: query.import_id,
        attempts_min: query.attempts_min,
        attempts_max: query.attempts_max,
        held,
    };
    let page = state
        .leads
        .list(principal.tenant_id, campaign_id, &filter, after, limit)
        .await?;
    Ok(Json(Page {
        items: page.items.into_iter().map(LeadView::from).collect(),
        next_cursor: page.next.map(|lead| lead.to_string()),
    }))
}

/// Read a lead
#[utoipa::path(get, path = "/v1/campaigns/{campaign_id}/leads/{lead_id}",
    params(("campaign_id" = CampaignId, Path), ("lead_id" = LeadId, Path)),
    responses((status = 200, description = "The lead", body = LeadView, headers(("ETag")))))]
pub(crate) async fn get_lead(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path((campaign_id, lead_id)): Path<(CampaignId, LeadId)>,
) -> Result<Response, Problem> {
    let row = state
        .leads
        .get(principal.tenant_id, campaign_id, lead_id)
        .await?;
    Ok(answer(row))
}

/// Correct a lead
///
/// While it waits, and when it is done for what is corrected: `unreachable` or `exhausted` by its number, `not_allowed`
/// by where it is or by its consent. It waits again then, where an hour lets it be called, and a completed campaign goes
/// on. Zones and rules are made anew, when it is due stays.
///
/// Another number is another lead: the answer has its `id`. This one ends as `renumbered`, names it in `moved_to`, and is
/// not called again, whatever list still has its number. Suppression and limits are those of the new number, and
/// attempts are counted anew. The person's other numbers go along; with other `alternates` than before `number` is in
/// turn again.
#[utoipa::path(patch, path = "/v1/campaigns/{campaign_id}/leads/{lead_id}",
    params(("campaign_id" = CampaignId, Path), ("lead_id" = LeadId, Path), IfMatch),
    request_body = LeadFields,
    responses(
        (status = 200, description = "The corrected lead", body = LeadView, headers(("ETag"))),
        (status = 409, description = "`lead_not_waiting`, `number_in_campaign`, or `campaign_closed`"),
        (status = 422, description = "`invalid`, `number_suppressed`, or `cannot_start` where the agent of a completed campaign is archived"),
    ))]
pub(crate) async fn update_lead(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path((campaign_id, lead_id)): Path<(CampaignId, LeadId)>,
    condition: IfMatch,
    patch: Patch,
) -> Result<Response, Problem> {
    let (leads, condition, patch) = (&state.leads, &condition, &patch);
    let tenant = principal.tenant_id;
    let edit = || async move {
        let before = leads.get(tenant, campaign_id, lead_id).await?;
        condition.check(before.row_version)?;
        let check = async |fields: LeadFields| Ok(fields.problems(&before.lead));
        let fields = patch.over(&Leads::fields(&before.lead));
        let fields = fields.or_all_faults(check).await?;
        let changed = leads.change(tenant, campaign_id, lead_id, before.row_version, fields);
        Ok(changed.await?)
    };
    Ok(answer(condition.edit(edit).await?))
}

/// Remove a lead while it waits
///
/// Calls that were made are kept.
#[utoipa::path(delete, path = "/v1/campaigns/{campaign_id}/leads/{lead_id}",
    params(("campaign_id" = CampaignId, Path), ("lead_id" = LeadId, Path)),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "`lead_not_waiting`"),
    ))]
pub(crate) async fn delete_lead(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path((campaign_id, lead_id)): Path<(CampaignId, LeadId)>,
) -> Result<StatusCode, Problem> {
    let removed = state
        .leads
        .remove(principal.tenant_id, campaign_id, lead_id);
    removed.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Export leads as CSV
///
/// With a column for each variable. Cells that a spreadsheet could run as a formula begin with an
/// apostrophe.
#[utoipa::path(get, path = "/v1/campaigns/{campaign_id}/leads.csv",
    params(("campaign_id" = CampaignId, Path), ExportQuery),
    responses((status = 200, description = "The leads", body = String, content_type = "text/csv")))]
pub(crate) async fn export_leads(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign_id): Path<CampaignId>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Problem> {
    let held = held(&state, &principal, campaign_id, query.rule).await?;
    let filter = LeadFilter {
        state: query.state.map(LeadStatus::code),
        result: query.result,
        last_outcome: query.last_outcome,
        import: query.import_id,
        attempts_min: query.attempts_min,
        attempts_max: query.attempts_max,
        held,
    };
    let export = state
        .leads
        .export(principal.tenant_id, campaign_id, filter)
        .await?;
    Ok(attachment(
        &format!("leads-{campaign_id}.csv"),
        parts(export),
    ))
}

/// The export in parts.
fn parts(export: Export) -> impl Stream<Item = Result<String, Refused>> {
    stream::unfold(Some(export), async move |export| {
        let mut export = export?;
        match export.chunk().await {
            Ok(None) => None,
            Ok(Some(csv)) => Some((Ok(csv), Some(export))),
            Err(problem) => Some((Err(problem), None)),
        }
    })
}

/// What of a filter hangs on the campaign as it is now.
async fn held(
    state: &State,
    principal: &Principal,
    campaign_id: CampaignId,
    rule: Option<Rule>,
) -> Result<Option<HeldFilter>, Problem> {
    let Some(rule) = rule else {
        return Ok(None);
    };
    let held = state
        .leads
        .held_by(principal.tenant_id, campaign_id, rule)
        .await?;
    Ok(Some(held))
}

impl LeadStatus {
    /// As it is stored.
    const fn code(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Calling => "calling",
            Self::Done => "done",
        }
    }
}

fn answer(row: LeadRow) -> Response {
    let revision = row.row_version;
    tagged(StatusCode::OK, revision, &LeadView::from(row))
}

impl AddedView {
    fn of(added: Vec<(LeadId, Added)>) -> Self {
        let count = |status| {
            let count = added.iter().filter(|(_lead, became)| *became == status);
            u64::try_from(count.count()).unwrap_or(u64::MAX)
        };
        Self {
            added: count(Added::Added),
            there_already: count(Added::ThereAlready),
            suppressed: count(Added::Suppressed),
            leads: added
                .into_iter()
                .map(|(id, status)| AddedLead { id, status })
                .collect(),
        }
    }
}

impl From<AlternateNumber> for AlternateView {
    fn from(alternate: AlternateNumber) -> Self {
        let AlternateNumber { number, lane } = alternate;
        Self {
            number,
            zones: lane.zones,
            jurisdictions: lane.jurisdictions,
        }
    }
}

impl From<LeadRow> for LeadView {
    fn from(row: LeadRow) -> Self {
        let number_in_turn = row.lead.number_in_turn().clone();
        let given_up_numbers = row.lead.given_up_numbers().cloned().collect();
        let Lead {
            id,
            campaign_id,
            number,
            lane,
            alternates,
            rotation: _,
            stated_place,
            counted_lane: _,
            variables,
            priority,
            consent,
            state,
            attempts,
            faults: _,
            last_call_id,
            last_attempt_at,
            last_outcome,
            held_by,
            moved_to,
            import_id,
            created_at,
            updated_at,
        } = row.lead;
        let mut view = Self {
            id,
            campaign_id,
            number,
            alternates: alternates.into_iter().map(AlternateView::from).collect(),
            number_in_turn,
            given_up_numbers,
            state: LeadStatus::Waiting,
            due_at: None,
            call_id: None,
            result: None,
            done_at: None,
            variables,
            priority,
            consent,
            zone: stated_place.zone,
            region: stated_place.region,
            postal_code: stated_place.postal_code,
            country: stated_place.country,
            zones: lane.zones,
            jurisdictions: lane.jurisdictions,
            attempts,
            last_call_id,
            last_attempt_at,
            last_outcome,
            held_by,
            moved_to,
            import_id,
            created_at,
            updated_at,
            revision: row.row_version,
        };
        match state {
            LeadState::Waiting { due_at } => view.due_at = Some(due_at),
            LeadState::Calling { call_id } => {
                view.state = LeadStatus::Calling;
                view.call_id = Some(call_id);
            }
            LeadState::Done { result, done_at } => {
                view.state = LeadStatus::Done;
                view.result = Some(result);
                view.done_at = Some(done_at);
            }
        }
        view
    }
}
