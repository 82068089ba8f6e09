//! `GET /v1/doctor`: what is wrong with the installation, and what mends it.

use axum::extract::State as Shared;
use axum::{Extension, Json};
use doctor::Report;
use service::account::access::Principal;
use utoipa::ToSchema;

use crate::{Problem, State, openapi};

/// What was looked at.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes `doctor::Report`; a test compares them")]
pub(crate) struct ReportView {
    #[schema(format = DateTime)]
    at: String,
    /// Of the worst check: `ok`, `warning` or `failed`.
    #[schema(schema_with = openapi::check_state)]
    state: String,
    elapsed_ms: u64,
    checks: Vec<InstallationCheckView>,
}

/// One thing that calls need.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes `doctor::Check`; a test compares them")]
pub(crate) struct InstallationCheckView {
    #[schema(schema_with = openapi::check_group)]
    group: String,
    name: String,
    #[schema(schema_with = openapi::check_state)]
    state: String,
    /// What was found, or why nothing was looked at.
    found: String,
    details: Vec<String>,
    /// The command that mends it; `…` stands for what only you know.
    mend: Option<String>,
    elapsed_ms: u64,
}

/// Looks at everything that calls need: settings, secrets, table, queues, bucket, carrier, your numbers,
/// vendors' keys, clock, public addresses. Takes a few seconds, and asks carrier and vendors for nothing
/// that costs. No key and no value of a setting is in the answer.
#[utoipa::path(get, path = "/v1/doctor", tag = "health",
    responses((status = 200, description = "The report, whatever it says", body = ReportView)))]
pub(crate) async fn examine(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
) -> Result<Json<Report>, Problem> {
    let examined = state.doctor.examine(Some(principal.tenant_id));
    Ok(Json(Box::pin(examined).await))
}
