//! The requests under `/v1/numbers`: add, list.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use model::{AgentId, NumberId, PhoneNumber};
use serde::{Deserialize, Serialize};
use service::account::access::Principal;
use service::agent::numbers::NumberFields;
use store::Number;
use utoipa::ToSchema;

use crate::body::{Body, Key, Listed, Wanted};
use crate::openapi;
use crate::{Problem, State};

/// A number of yours at the carrier.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NumberBody {
    /// In E.164. It must be bought or verified at the carrier already.
    #[schema(value_type = String, example = "+14155550199", pattern = r"^\+[1-9][0-9]{6,14}$")]
    number: PhoneNumber,
    /// Who answers when it is called; absent, calls to it are rejected.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    agent_id: Option<AgentId>,
}

/// A number of yours.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NumberView {
    id: String,
    number: String,
    agent_id: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
}

/// Adds a number.
#[utoipa::path(post, path = "/v1/numbers", tag = "numbers", request_body = NumberBody,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses(
        (status = 201, description = "The number", body = NumberView),
        (status = 409, description = "`number_taken`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn create(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Key(key): Key,
    Body(body): Body<NumberBody>,
) -> Result<Response, Problem> {
    let fields = NumberFields {
        number: body.number,
        agent_id: body.agent_id,
    };
    let made = state
        .numbers
        .create(principal.tenant_id, &fields, key.as_ref())
        .await?;
    Ok((StatusCode::CREATED, Json(NumberView::from(made))).into_response())
}

/// Lists numbers, newest first.
#[utoipa::path(get, path = "/v1/numbers", tag = "numbers", params(openapi::PageParams),
    responses((status = 200, description = "A page", body = Listed<NumberView>)))]
pub(crate) async fn list(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    wanted: Wanted<NumberId>,
) -> Result<Json<Listed<NumberView>>, Problem> {
    let page = state
        .numbers
        .list(principal.tenant_id, wanted.after, wanted.limit)
        .await?;
    let cursor = |number: &Number| number.id.to_string();
    Ok(Json(Listed::new(page, cursor, NumberView::from)))
}

impl From<Number> for NumberView {
    fn from(number: Number) -> Self {
        Self {
            id: number.id.to_string(),
            number: number.number.as_str().to_owned(),
            agent_id: number.agent_id.map(|agent| agent.to_string()),
            created_at: number.created_at.to_string(),
        }
    }
}
