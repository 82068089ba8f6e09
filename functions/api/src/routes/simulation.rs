//! `POST /v1/campaigns/{campaign_id}/simulate`: what is to be expected of a campaign.

use axum::extract::State as Shared;
use axum::{Extension, Json};
use forecast::Forecast;
use model::CampaignId;
use service::account::access::{Permission, Principal};
use service::campaign::simulation::Ask;
use utoipa_axum::routes;

use crate::http::body::Body;
use crate::http::params::Path;
use crate::http::problem::Problem;
use crate::http::registry::Routes;
use crate::state::State;

pub(super) fn routes() -> Routes {
    Routes::of(
        "simulation",
        "What is to be expected of a campaign, before anyone is called.",
    )
    .may(Permission::ReadCampaigns, routes!(simulate_campaign))
}

/// Simulate a campaign's waiting leads
///
/// The planner, rules and retries are those that call them for real, on virtual time. Nobody is called and
/// nothing is changed. Send `{}` for every default.
#[utoipa::path(post, path = "/v1/campaigns/{campaign_id}/simulate",
    params(("campaign_id" = CampaignId, Path)), request_body = Ask,
    responses((status = 200, description = "What is to be expected", body = Forecast)))]
pub(crate) async fn simulate_campaign(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign_id): Path<CampaignId>,
    Body(ask): Body<Ask>,
) -> Result<Json<Forecast>, Problem> {
    let forecast = state
        .forecasts
        .simulate(principal.tenant_id, campaign_id, ask)
        .await?;
    Ok(Json(forecast))
}
