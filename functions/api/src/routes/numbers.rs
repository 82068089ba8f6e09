//! The requests under `/v1/numbers`: add, list.

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
use crate::http::page::{Page, PageQuery, Wanted};
use crate::http::problem::Problem;
use crate::http::registry::Routes;
use crate::state::State;

pub(super) fn routes() -> Routes {
    Routes::of("numbers", "Your phone numbers at the carrier.")
        .may(Permission::ReadNumbers, routes!(list_numbers))
        .may(Permission::ChangeNumbers, routes!(create_number))
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
}

/// Add a number
///
/// It must be bought or verified at the carrier already.
#[utoipa::path(post, path = "/v1/numbers", params(Key), request_body = NumberFields,
    responses(
        (status = 201, description = "The number", body = NumberView),
        (status = 409, description = "`number_taken`"),
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
#[utoipa::path(get, path = "/v1/numbers", params(PageQuery),
    responses((status = 200, description = "A page", body = Page<NumberView>)))]
pub(crate) async fn list_numbers(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    wanted: Wanted<NumberId>,
) -> Result<Json<Page<NumberView>>, Problem> {
    let page = state
        .numbers
        .list(principal.tenant_id, wanted.after, wanted.limit)
        .await?;
    let cursor = |number: &Number| number.id.to_string();
    Ok(Json(Page::new(page, cursor, NumberView::from)))
}

impl From<Number> for NumberView {
    fn from(number: Number) -> Self {
        Self {
            id: number.id,
            number: number.number,
            agent_id: number.agent_id,
            created_at: number.created_at,
        }
    }
}
