//! The requests under `/v1/campaigns`: create, list, read, change, delete; start, pause, resume, cancel;
//! redial; progress.

mod progress;

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use jiff::Timestamp;
use model::{Campaign, CampaignFields, CampaignId, CampaignState, ConsentElsewhere};
use serde::{Deserialize, Serialize};
use service::account::access::{Permission, Principal};
use service::campaign::CampaignWithCopy;
use service::campaign::moves::{Move, Moved};
use service::campaign::redial::Redial;
use utoipa::ToSchema;
use utoipa_axum::routes;

use self::progress::LeadCountsView;
use crate::http::body::patch::Patch;
use crate::http::body::sent::Sent;
use crate::http::body::{Body, MaybeBody};
use crate::http::conditional::{IfMatch, etag, tagged};
use crate::http::idempotency::Key;
use crate::http::link::location;
use crate::http::page::{Page, PageQuery, Wanted};
use crate::http::params::Path;
use crate::http::problem::{Code, Problem};
use crate::http::registry::Routes;
use crate::state::State;

pub(super) fn routes() -> Routes {
    use Permission as P;
    Routes::of(
        "campaigns",
        "Who is called by which agent, when, how often and how fast.",
    )
    .may(P::ReadCampaigns, routes!(list_campaigns))
    .may(P::ChangeCampaigns, routes!(create_campaign))
    .may(P::ReadCampaigns, routes!(get_campaign))
    .may(P::ChangeCampaigns, routes!(update_campaign))
    .may(P::ChangeCampaigns, routes!(delete_campaign))
    .may(P::RunCampaigns, routes!(start_campaign))
    .may(P::RunCampaigns, routes!(pause_campaign))
    .may(P::RunCampaigns, routes!(resume_campaign))
    .may(P::RunCampaigns, routes!(cancel_campaign))
    .may(P::ChangeCampaigns, routes!(redial_campaign))
    .may(P::ReadCampaigns, routes!(progress::get_campaign_progress))
}

/// A campaign.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Campaign)]
pub(crate) struct CampaignView {
    id: CampaignId,
    state: CampaignState,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// Rises by one with each change.
    revision: u32,
    /// When it began to call, the latest time.
    last_started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    /// Leads of another campaign that it still takes over; while it is there it cannot be started.
    copying: Option<CopyView>,
    #[schema(inline)]
    #[serde(flatten)]
    fields: CampaignFields,
}

/// Leads on their way from another campaign.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CampaignCopy)]
pub(crate) struct CopyView {
    from: CampaignId,
    leads_copied: u64,
}

/// When to start.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CampaignStart)]
pub(crate) struct StartBody {
    /// Absent: at `starts_at`, or at once.
    #[serde(default)]
    at: Option<Timestamp>,
}

/// A campaign after a start, pause, resume or cancel.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CampaignMoved)]
pub(crate) struct MovedView {
    campaign: CampaignView,
    leads: LeadCountsView,
    /// What happens to calls and leads now, in a sentence or two.
    effect: String,
    /// What does not forbid the start, and should be known.
    warnings: Vec<String>,
}

/// Make a campaign, as a draft
///
/// Only `name` is needed; everything else has a default. A problem names every field at once.
#[utoipa::path(post, path = "/v1/campaigns", params(Key), request_body = CampaignFields,
    responses(
        (status = 201, description = "The draft", body = CampaignView, headers(("ETag"), ("Location"))),
        (status = 404, description = "`not_found`: what the `Idempotency-Key` made was deleted"),
    ))]
pub(crate) async fn create_campaign(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Key(key): Key,
    sent: Sent<CampaignFields>,
) -> Result<Response, Problem> {
    let check = async |fields| state.campaigns.problems(principal.tenant_id, &fields).await;
    let fields = sent.or_all_faults(check).await?;
    let fields = answered_for(&principal, fields, None)?;
    let campaign = state
        .campaigns
        .create(principal.tenant_id, fields, key.as_ref())
        .await?;
    Ok(made(campaign.into()))
}

/// List campaigns, newest first
#[utoipa::path(get, path = "/v1/campaigns", params(PageQuery),
    responses((status = 200, description = "A page", body = Page<CampaignView>)))]
pub(crate) async fn list_campaigns(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    wanted: Wanted<CampaignId>,
) -> Result<Json<Page<CampaignView>>, Problem> {
    let page = state
        .campaigns
        .list(principal.tenant_id, wanted.after, wanted.limit)
        .await?;
    let cursor = |campaign: &Campaign| campaign.id.to_string();
    Ok(Json(Page::new(page, cursor, CampaignView::from)))
}

/// Read a campaign
#[utoipa::path(get, path = "/v1/campaigns/{campaign_id}",
    params(("campaign_id" = CampaignId, Path)),
    responses((status = 200, description = "The campaign", body = CampaignView, headers(("ETag")))))]
pub(crate) async fn get_campaign(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign_id): Path<CampaignId>,
) -> Result<Response, Problem> {
    let found = state
        .campaigns
        .get_with_copy(principal.tenant_id, campaign_id)
        .await?;
    Ok(answer(&found.into()))
}

/// Change fields of a campaign
///
/// Hours, limits and retries may change at any time and hold from the next call on; `agent_id`,
/// `kind`, `consent` and `consent_elsewhere` not while it runs; `starts_at` not once it has begun.
#[utoipa::path(patch, path = "/v1/campaigns/{campaign_id}",
    params(("campaign_id" = CampaignId, Path), IfMatch), request_body = CampaignFields,
    responses(
        (status = 200, description = "The changed campaign", body = CampaignView, headers(("ETag"))),
        (status = 409, description = "`fields_locked`: names each field that cannot change now, and when it can"),
        (status = 422, description = "`invalid`, or `cannot_start` where it would not have been started so"),
    ))]
pub(crate) async fn update_campaign(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign_id): Path<CampaignId>,
    condition: IfMatch,
    patch: Patch,
) -> Result<Response, Problem> {
    let (campaigns, condition, patch) = (&state.campaigns, &condition, &patch);
    let (tenant, principal) = (principal.tenant_id, &principal);
    let edit = || async move {
        let before = campaigns.get(tenant, campaign_id).await?;
        condition.check(before.revision.into())?;
        let check = async |fields| campaigns.problems(tenant, &fields).await;
        let fields = patch.over(&before.fields).or_all_faults(check).await?;
        let fields = answered_for(principal, fields, Some(&before.fields))?;
        let changed = campaigns.change(tenant, campaign_id, before.revision, fields);
        Ok(changed.await?)
    };
    let changed: Campaign = condition.edit(edit).await?;
    Ok(answer(&changed.into()))
}

/// The fields, with who says that consent is kept elsewhere, if they may.
fn answered_for(
    principal: &Principal,
    fields: CampaignFields,
    before: Option<&CampaignFields>,
) -> Result<CampaignFields, Problem> {
    let known = before.and_then(|before| before.consent_elsewhere.clone());
    let said = |elsewhere: &ConsentElsewhere| (elsewhere.kind, elsewhere.reason.clone());
    if fields.consent_elsewhere.as_ref().map(said) == known.as_ref().map(said) {
        return Ok(CampaignFields {
            consent_elsewhere: known,
            ..fields
        });
    }
    let may = principal.role.may(Permission::OverrideRules);
    if fields.consent_elsewhere.is_some() && !may {
        let title = format!(
            "The role {} may not say that consent is kept elsewhere.",
            principal.role
        );
        return Err(Problem::new(Code::Forbidden, &title));
    }
    let by = Some(principal.key_id);
    let consent_elsewhere = fields.consent_elsewhere;
    let consent_elsewhere = consent_elsewhere.map(|said| ConsentElsewhere { by, ..said });
    Ok(CampaignFields {
        consent_elsewhere,
        ..fields
    })
}

/// Delete a draft with its leads
#[utoipa::path(delete, path = "/v1/campaigns/{campaign_id}",
    params(("campaign_id" = CampaignId, Path)),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "`campaign_state`: it is no draft"),
    ))]
pub(crate) async fn delete_campaign(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign_id): Path<CampaignId>,
) -> Result<StatusCode, Problem> {
    let deleted = state.campaigns.delete(principal.tenant_id, campaign_id);
    deleted.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Start a draft, at once or at a time
///
/// It is looked over first: agent, numbers, leads, windows, variables, and what its opening must say where
/// its leads are.
#[utoipa::path(post, path = "/v1/campaigns/{campaign_id}/start",
    params(("campaign_id" = CampaignId, Path)), request_body = Option<StartBody>,
    responses(
        (status = 200, description = "It is `running`, or `scheduled`", body = MovedView, headers(("ETag"))),
        (status = 409, description = "`already_started`, or `campaign_state`: it is paused or over"),
        (status = 422, description = "`cannot_start`: everything that is missing, or `invalid`"),
    ))]
pub(crate) async fn start_campaign(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign_id): Path<CampaignId>,
    MaybeBody(StartBody { at }): MaybeBody<StartBody>,
) -> Result<Response, Problem> {
    make(&state, &principal, campaign_id, Move::Start { at }).await
}

/// Stop new calls
///
/// Calls that ring or are on go on to their end; those that are claimed and not placed are turned back and
/// count no attempt; leads keep their place. Asking again changes nothing.
#[utoipa::path(post, path = "/v1/campaigns/{campaign_id}/pause",
    params(("campaign_id" = CampaignId, Path)),
    responses(
        (status = 200, description = "It is `paused`", body = MovedView, headers(("ETag"))),
        (status = 409, description = "`campaign_state`"),
    ))]
pub(crate) async fn pause_campaign(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign_id): Path<CampaignId>,
) -> Result<Response, Problem> {
    make(&state, &principal, campaign_id, Move::Pause).await
}

/// Let a paused campaign go on
///
/// It is looked over as at its start, and its ramp begins anew. Asking again changes nothing.
#[utoipa::path(post, path = "/v1/campaigns/{campaign_id}/resume",
    params(("campaign_id" = CampaignId, Path)),
    responses(
        (status = 200, description = "It is `running` or `scheduled`", body = MovedView, headers(("ETag"))),
        (status = 409, description = "`campaign_state`"),
        (status = 422, description = "`cannot_start`: everything that is missing"),
    ))]
pub(crate) async fn resume_campaign(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign_id): Path<CampaignId>,
) -> Result<Response, Problem> {
    make(&state, &principal, campaign_id, Move::Resume).await
}

/// End a campaign for good
///
/// Calls are treated as by a pause; leads that wait end as `cancelled`. Asking again changes nothing.
#[utoipa::path(post, path = "/v1/campaigns/{campaign_id}/cancel",
    params(("campaign_id" = CampaignId, Path)),
    responses(
        (status = 200, description = "It is `cancelled`", body = MovedView, headers(("ETag"))),
        (status = 409, description = "`campaign_state`"),
    ))]
pub(crate) async fn cancel_campaign(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign_id): Path<CampaignId>,
) -> Result<Response, Problem> {
    make(&state, &principal, campaign_id, Move::Cancel).await
}

/// Call some leads of a campaign again, in a new one
///
/// Makes a draft with the fields of a campaign and those of its leads that are done in one of these ways. Of
/// a long list some leads follow after the answer: `copying` is there until all have come.
#[utoipa::path(post, path = "/v1/campaigns/{campaign_id}/redial",
    params(("campaign_id" = CampaignId, Path), Key), request_body = Redial,
    responses((status = 201, description = "The draft", body = CampaignView,
        headers(("ETag"), ("Location")))))]
pub(crate) async fn redial_campaign(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign_id): Path<CampaignId>,
    Key(key): Key,
    Body(redial): Body<Redial>,
) -> Result<Response, Problem> {
    let draft = state
        .campaigns
        .redial(principal.tenant_id, campaign_id, &redial, key.as_ref())
        .await?;
    Ok(made(draft.into()))
}

async fn make(
    state: &State,
    principal: &Principal,
    campaign_id: CampaignId,
    wanted: Move,
) -> Result<Response, Problem> {
    let moved = state
        .campaigns
        .make(principal.tenant_id, campaign_id, wanted)
        .await?;
    let revision = u64::from(moved.campaign.revision);
    Ok(tagged(StatusCode::OK, revision, &MovedView::from(moved)))
}

fn answer(campaign: &CampaignView) -> Response {
    tagged(StatusCode::OK, u64::from(campaign.revision), campaign)
}

fn made(campaign: CampaignView) -> Response {
    let etag = etag(u64::from(campaign.revision));
    let location = location("/v1/campaigns", &campaign.id);
    (StatusCode::CREATED, etag, location, Json(campaign)).into_response()
}

impl From<Campaign> for CampaignView {
    fn from(campaign: Campaign) -> Self {
        Self {
            id: campaign.id,
            state: campaign.state,
            created_at: campaign.created_at,
            updated_at: campaign.updated_at,
            revision: campaign.revision,
            last_started_at: campaign.last_started_at,
            ended_at: campaign.ended_at,
            copying: None,
            fields: campaign.fields,
        }
    }
}

impl From<CampaignWithCopy> for CampaignView {
    fn from(found: CampaignWithCopy) -> Self {
        Self {
            copying: found.copy.map(|copy| CopyView {
                from: copy.from,
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
