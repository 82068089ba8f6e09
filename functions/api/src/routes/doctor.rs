//! `GET /v1/doctor`: what is wrong with the installation, and what mends it.

use axum::extract::State as Shared;
use axum::{Extension, Json};
use doctor::Report;
use service::account::access::{Permission, Principal};
use utoipa_axum::routes;

use crate::http::problem::Problem;
use crate::http::registry::Routes;
use crate::state::State;

pub(super) fn routes() -> Routes {
    Routes::of(
        "doctor",
        "What is wrong with the installation, and what mends it.",
    )
    .may(Permission::ExamineInstallation, routes!(get_doctor_report))
}

/// Look at everything that calls need
///
/// Settings, secrets, table, queues, bucket, carrier, your numbers, vendors' keys, clock, public addresses.
/// Takes a few seconds, and asks carrier and vendors for nothing that costs. No key and no value of a
/// setting is in the answer.
#[utoipa::path(get, path = "/v1/doctor",
    responses((status = 200, description = "The report, whatever it says", body = Report)))]
pub(crate) async fn get_doctor_report(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
) -> Result<Json<Report>, Problem> {
    let examined = state.doctor.examine(Some(principal.tenant_id));
    Ok(Json(Box::pin(examined).await))
}
