//! The requests under `/v1/numbers`: add, list, read, archive.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::{Extension, Json};
use jiff::Timestamp;
use model::{AgentId, NumberId, PhoneNumber};
use serde::Serialize;
use service::account::access::{Permission, Principal};
use service::agent::numbers::NumberFields;
use store::Number;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::http::body::Body;
use crate::http::idempotency::Key;
use crate::http::page::{Page, ShelfQuery, Shelved};
use crate::http::params::Path;
use crate::http::problem::Problem;
use crate::http::registry::Routes;
use crate::state::State;

pub(super) fn routes() -> Routes {
    Routes::of("numbers", "Your phone numbers at the carrier.")
        .may(Permission::ReadNumbers, routes!(list_numbers))
        .may(Permission::ChangeNumbers, routes!(create_number))
        .may(Permission::ReadNumbers, routes!(get_number))
        .may(Permission::ChangeNumbers, routes!(archive_number))
        .may(Permission::ChangeNumbers, routes!(unarchive_number))
}

/// A number of yours.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Number)]
pub(crate) struct NumberView {
    id: NumberId,
    number: PhoneNumber,
    /// Who answers when it is called; `null`: calls to it are rejected.
    agent_id: Option<AgentId>,
    created_at: Timestamp,
    /// Since when it is archived: calls to it are rejected, and none are made from it.
    archived_at: Option<Timestamp>,
}

/// Add a number
///
/// It must be bought or verified at the carrier already.
#[utoipa::path(post, path = "/v1/numbers", params(Key), request_body = NumberFields,
    responses(
        (status = 201, description = "The number", body = NumberView),
        (status = 409, description = "`number_taken`"),
        (status = 422, description = "`invalid`: what is wrong with the fields; `no_defaults`: the agent's prompt has a variable without a default, and whoever calls may not be known"),
    ))]
pub(crate) async fn create_number(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Key(key): Key,
    Body(fields): Body<NumberFields>,
) -> Result<(StatusCode, Json<NumberView>), Problem> {
    let made = state
        .numbers
        .create(principal.tenant_id, &fields, key.as_ref())
        .await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// List numbers, newest first
#[utoipa::path(get, path = "/v1/numbers", params(ShelfQuery),
    responses((status = 200, description = "A page", body = Page<NumberView>)))]
pub(crate) async fn list_numbers(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    wanted: Shelved<NumberId>,
) -> Result<Json<Page<NumberView>>, Problem> {
    let page = state
        .numbers
        .list(
            principal.tenant_id,
            wanted.shelf,
            wanted.after,
            wanted.limit,
        )
        .await?;
    let cursor = |number: &Number| number.id.to_string();
    Ok(Json(Page::new(page, cursor, NumberView::from)))
}

/// Read a number
#[utoipa::path(get, path = "/v1/numbers/{number_id}", params(("number_id" = NumberId, Path)),
    responses((status = 200, description = "The number", body = NumberView)))]
pub(crate) async fn get_number(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(number_id): Path<NumberId>,
) -> Result<Json<NumberView>, Problem> {
    let number = state.numbers.get(principal.tenant_id, number_id).await?;
    Ok(Json(number.into()))
}

/// Archive a number
///
/// It is left out of lists, calls to it are rejected, none are made from it, and its agent is free. A number that a
/// campaign names that was started is not archived; others stop calling from it with their next calls. Asking again
/// changes nothing.
#[utoipa::path(post, path = "/v1/numbers/{number_id}/archive", params(("number_id" = NumberId, Path)),
    responses(
        (status = 200, description = "It is archived", body = NumberView),
        (status = 409, description = "`in_use`: `used_by` names the campaigns that call from it"),
    ))]
pub(crate) async fn archive_number(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(number_id): Path<NumberId>,
) -> Result<Json<NumberView>, Problem> {
    let number = state
        .numbers
        .archive(principal.tenant_id, number_id)
        .await?;
    Ok(Json(number.into()))
}

/// Take a number out of the archive
///
/// Its agent answers it again, and must not be archived. Asking again changes nothing.
#[utoipa::path(post, path = "/v1/numbers/{number_id}/unarchive", params(("number_id" = NumberId, Path)),
    responses(
        (status = 200, description = "It can be used", body = NumberView),
        (status = 422, description = "`invalid`: its agent is archived; `no_defaults`: a variable of its prompt has no default"),
    ))]
pub(crate) async fn unarchive_number(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(number_id): Path<NumberId>,
) -> Result<Json<NumberView>, Problem> {
    let number = state
        .numbers
        .unarchive(principal.tenant_id, number_id)
        .await?;
    Ok(Json(number.into()))
}

impl From<Number> for NumberView {
    fn from(number: Number) -> Self {
        Self {
            id: number.id,
            number: number.number,
            agent_id: number.agent_id,
            created_at: number.created_at,
            archived_at: number.archived_at,
        }
    }
}
