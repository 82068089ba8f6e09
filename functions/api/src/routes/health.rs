//! `GET /health`, and the document that describes the API.

use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::http::registry::Routes;
use crate::schema::document::Document;

pub(super) fn routes() -> Routes {
    Routes::of("health", "Whether the API answers, and what it takes.")
        .open(routes!(get_health))
        .open(routes!(get_openapi))
}

/// The process answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    status: Up,
}

/// Always the same: what does not answer says nothing.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Up {
    Ok,
}

/// Whether the process answers
///
/// Nothing behind it is asked, so that an outage of the table does not make a balancer take away what
/// still works.
#[utoipa::path(get, path = "/health",
    responses((status = 200, description = "The process answers", body = Health)))]
pub(crate) async fn get_health() -> Json<Health> {
    Json(Health { status: Up::Ok })
}

/// This document
#[utoipa::path(get, path = "/v1/openapi.json",
    responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
pub(crate) async fn get_openapi(Extension(document): Extension<Document>) -> Document {
    document
}
