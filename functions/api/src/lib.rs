//! The HTTP API under `/v1`.
//!
//! Translates requests into use cases and their answers into JSON or problem documents. Who may do
//! what is looked up in one place ([`auth`]); what happens is in `service`. The OpenAPI document is
//! generated from these handlers and served.

mod agents;
mod auth;
mod body;
mod calls;
mod campaigns;
pub mod edge;
mod examination;
mod forecasts;
mod imports;
mod labels;
mod leads;
mod numbers;
mod openapi;
mod permits;
mod problem;
mod prompts;
mod suppressions;
mod trace;
mod transcript;

use std::fmt;
use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::Uri;
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use doctor::Doctor;
use service::account::keys::Keys;
use service::agent::Agents;
use service::agent::numbers::Numbers;
use service::agent::prompts::Prompts;
use service::call::Calls;
use service::call::labels::Labels;
use service::campaign::Campaigns;
use service::campaign::simulation::Simulations;
use service::dialing::permits::Permits;
use service::lead::Leads;
use service::lead::imports::{Imports, SMALL_FILE_BYTES_MAX};
use service::lead::suppressions::Suppressions;
use service::{Context, Ids};

pub use auth::ROUTES;
pub use openapi::document;
pub use problem::Problem;

/// The longest request body: the longest prompt with every character escaped, and its envelope.
pub const BODY_BYTES_MAX: usize = 512 * 1024;
/// The longest body that brings leads or numbers: a thousand leads with all that may be said of them, and
/// less than a Lambda takes (6 MB, of which JSON takes some).
pub const LEADS_BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Entries of a page where none are asked for, and at most.
pub const PAGE_DEFAULT: u32 = 50;
pub const PAGE_MAX: u32 = 100;

/// What the function works with.
#[derive(Clone)]
pub struct State {
    keys: Keys,
    calls: Calls,
    campaigns: Campaigns,
    labels: Labels,
    leads: Leads,
    permits: Permits,
    suppressions: Suppressions,
    agents: Agents,
    prompts: Prompts,
    numbers: Numbers,
    forecasts: Simulations,
    imports: Imports,
    ids: Ids,
    doctor: Arc<Doctor>,
}

impl State {
    /// `doctor` looks at the installation that `parts` are of.
    #[must_use]
    pub fn new(parts: &Context, doctor: Doctor) -> Self {
        let clock = || Arc::clone(&parts.clock);
        let ids = || parts.ids.clone();
        let store = &parts.store;
        Self {
            keys: Keys::new(store, clock(), ids()),
            calls: Calls::new(parts),
            campaigns: Campaigns::new(store, clock(), ids()),
            labels: Labels::new(store, clock(), ids()),
            leads: Leads::new(store, clock(), ids()),
            permits: Permits::new(store, clock(), ids()),
            suppressions: Suppressions::new(store, clock(), ids()),
            agents: Agents::new(store, clock(), ids()),
            prompts: Prompts::new(store, clock(), ids()),
            numbers: Numbers::new(store, clock(), ids()),
            forecasts: Simulations::new(store, parts.dialing, clock()),
            imports: Imports::new(store, clock(), ids()),
            ids: ids(),
            doctor: Arc::new(doctor),
        }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("api::State").finish_non_exhaustive()
    }
}

/// The API, with health and the OpenAPI document. It answers what no route takes, so that other
/// routers may be merged into it and not the other way round.
pub fn router(state: State) -> Router {
    let guarded = Router::new()
        .route("/v1/calls", get(calls::list).post(calls::create))
        .route("/v1/calls/{call_id}", get(calls::read))
        .route("/v1/calls/{call_id}/hangup", post(calls::hang_up))
        .route("/v1/calls/{call_id}/recording", get(calls::recording))
        .route("/v1/calls/{call_id}/label", post(labels::label))
        .route(
            "/v1/campaigns",
            get(campaigns::list).post(campaigns::create),
        )
        .route(
            "/v1/campaigns/{campaign_id}",
            get(campaigns::read)
                .patch(campaigns::change)
                .delete(campaigns::delete),
        )
        .route("/v1/campaigns/{campaign_id}/start", post(campaigns::start))
        .route("/v1/campaigns/{campaign_id}/pause", post(campaigns::pause))
        .route(
            "/v1/campaigns/{campaign_id}/resume",
            post(campaigns::resume),
        )
        .route(
            "/v1/campaigns/{campaign_id}/cancel",
            post(campaigns::cancel),
        )
        .route(
            "/v1/campaigns/{campaign_id}/redial",
            post(campaigns::redial),
        )
        .route(
            "/v1/campaigns/{campaign_id}/progress",
            get(campaigns::progress),
        )
        .route("/v1/campaigns/{campaign_id}/amd", get(labels::matrix))
        .route(
            "/v1/campaigns/{campaign_id}/leads",
            get(leads::list)
                .post(leads::add)
                .layer(DefaultBodyLimit::max(LEADS_BODY_BYTES_MAX)),
        )
        .route("/v1/campaigns/{campaign_id}/leads.csv", get(leads::export))
        .route(
            "/v1/campaigns/{campaign_id}/leads/{lead_id}",
            get(leads::read).patch(leads::change).delete(leads::remove),
        )
        .route(
            "/v1/suppressions",
            get(suppressions::list).post(suppressions::add),
        )
        .route(
            "/v1/suppressions/import",
            post(suppressions::add_list).layer(DefaultBodyLimit::max(LEADS_BODY_BYTES_MAX)),
        )
        .route("/v1/suppressions.csv", get(suppressions::export))
        .route(
            "/v1/suppressions/{number}",
            get(suppressions::read).delete(suppressions::remove),
        )
        .route("/v1/permits/check", get(permits::check))
        .route("/v1/agents", get(agents::list).post(agents::create))
        .route(
            "/v1/agents/{agent_id}",
            get(agents::read).patch(agents::change),
        )
        .route("/v1/prompts", get(prompts::list).post(prompts::create))
        .route("/v1/prompts/{prompt_id}", get(prompts::read))
        .route(
            "/v1/prompts/{prompt_id}/versions",
            post(prompts::add_version),
        )
        .route(
            "/v1/prompts/{prompt_id}/versions/{version}",
            get(prompts::read_version),
        )
        .route(
            "/v1/campaigns/{campaign_id}/simulate",
            post(forecasts::simulate),
        )
        .route("/v1/numbers", get(numbers::list).post(numbers::create))
        .route(
            "/v1/campaigns/{campaign_id}/imports",
            get(imports::list)
                .post(imports::create)
                .layer(DefaultBodyLimit::max(SMALL_FILE_BYTES_MAX)),
        )
        .route(
            "/v1/campaigns/{campaign_id}/uploads",
            post(imports::begin_upload),
        )
        .route(
            "/v1/imports/{import_id}",
            get(imports::read).delete(imports::undo),
        )
        .route("/v1/imports/{import_id}/start", post(imports::start))
        .route("/v1/imports/{import_id}/rejects", get(imports::rejects))
        .route("/v1/doctor", get(examination::examine))
        .route_layer(middleware::from_fn_with_state(
            state.clone(),
            auth::authorize,
        ));
    guarded
        .route("/health", get(health))
        .route("/v1/openapi.json", get(openapi::serve))
        .method_not_allowed_fallback(wrong_method)
        .fallback(nothing_here)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(state.clone(), trace::follow))
        .with_state(state)
}

/// Whether the process answers. Nothing behind it is asked, so that an outage of the table does not
/// make a balancer take away what still works.
#[utoipa::path(get, path = "/health", tag = "health", security(()),
    responses((status = 200, description = "The process answers", body = openapi::Health)))]
async fn health() -> Json<openapi::Health> {
    Json(openapi::Health {
        status: "ok".to_owned(),
    })
}

async fn nothing_here(_uri: Uri) -> Problem {
    Problem::not_found()
}

async fn wrong_method() -> Problem {
    Problem::method_not_allowed()
}

#[cfg(test)]
mod tests;
