//! The HTTP API under `/v1`.
//!
//! Translates requests into use cases and their answers into JSON or problem documents. Who may do
//! what is looked up in one place ([`auth`]); what happens is in `service`. The OpenAPI document is
//! generated from these handlers and served.

mod agents;
mod auth;
mod body;
mod calls;
mod forecasts;
mod imports;
mod numbers;
mod openapi;
mod problem;
mod prompts;
mod transcript;

use std::fmt;
use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::Uri;
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use service::Parts;
use service::agents::Agents;
use service::calls::Calls;
use service::forecasts::Forecasts;
use service::imports::{Imports, SMALL_FILE_BYTES_MAX};
use service::keys::Keys;
use service::numbers::Numbers;
use service::prompts::Prompts;

pub use auth::ROUTES;
pub use openapi::document;
pub use problem::Problem;

/// The longest request body: the longest prompt with every character escaped, and its envelope.
pub const BODY_BYTES_MAX: usize = 512 * 1024;
/// Entries of a page where none are asked for, and at most.
pub const PAGE_DEFAULT: u32 = 50;
pub const PAGE_MAX: u32 = 100;

/// What the function works with.
#[derive(Clone)]
pub struct State {
    keys: Keys,
    calls: Calls,
    agents: Agents,
    prompts: Prompts,
    numbers: Numbers,
    forecasts: Forecasts,
    imports: Imports,
}

impl State {
    #[must_use]
    pub fn new(parts: &Parts) -> Self {
        let clock = || Arc::clone(&parts.clock);
        let ids = || parts.ids.clone();
        let store = &parts.store;
        Self {
            keys: Keys::new(store, clock(), ids()),
            calls: Calls::new(parts),
            agents: Agents::new(store, clock(), ids()),
            prompts: Prompts::new(store, clock(), ids()),
            numbers: Numbers::new(store, clock(), ids()),
            forecasts: Forecasts::new(store, parts.dialing, clock()),
            imports: Imports::new(store, clock(), ids()),
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
