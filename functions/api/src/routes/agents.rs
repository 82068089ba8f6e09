//! The requests under `/v1/agents`: create, list, read, change from a revision.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Json};
use model::{Agent, AgentFields, AgentId};
use serde_json::{Map, Value};
use service::account::access::{Permission, Principal};
use utoipa_axum::routes;

use crate::http::body::Body;
use crate::http::conditional::{IfMatch, tagged};
use crate::http::idempotency::Key;
use crate::http::page::{Page, PageQuery, Wanted};
use crate::http::params::Path;
use crate::http::patch::patched;
use crate::http::problem::Problem;
use crate::http::registry::Routes;
use crate::state::State;

pub(super) fn routes() -> Routes {
    Routes::of("agents", "AI configurations that calls are made with.")
        .may(Permission::ReadAgents, routes!(list_agents))
        .may(Permission::ChangeAgents, routes!(create_agent))
        .may(Permission::ReadAgents, routes!(get_agent))
        .may(Permission::ChangeAgents, routes!(update_agent))
}

/// Make an agent
#[utoipa::path(post, path = "/v1/agents", params(Key), request_body = AgentFields,
    responses((status = 201, description = "The agent", body = Agent, headers(("ETag")))))]
pub(crate) async fn create_agent(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Key(key): Key,
    Body(fields): Body<AgentFields>,
) -> Result<Response, Problem> {
    let agent = state
        .agents
        .create(principal.tenant_id, fields, key.as_ref())
        .await?;
    Ok(answer(StatusCode::CREATED, &agent))
}

/// List agents, newest first
#[utoipa::path(get, path = "/v1/agents", params(PageQuery),
    responses((status = 200, description = "A page", body = Page<Agent>)))]
pub(crate) async fn list_agents(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    wanted: Wanted<AgentId>,
) -> Result<Json<Page<Agent>>, Problem> {
    let page = state
        .agents
        .list(principal.tenant_id, wanted.after, wanted.limit)
        .await?;
    let cursor = |agent: &Agent| agent.id.to_string();
    Ok(Json(Page::new(page, cursor, |agent| agent)))
}

/// Read an agent
#[utoipa::path(get, path = "/v1/agents/{agent_id}", params(("agent_id" = AgentId, Path)),
    responses((status = 200, description = "The agent", body = Agent, headers(("ETag")))))]
pub(crate) async fn get_agent(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(agent_id): Path<AgentId>,
) -> Result<Response, Problem> {
    let agent = state.agents.get(principal.tenant_id, agent_id).await?;
    Ok(answer(StatusCode::OK, &agent))
}

/// Change fields of an agent
///
/// Calls that are made already keep what they were made with.
#[utoipa::path(patch, path = "/v1/agents/{agent_id}",
    params(("agent_id" = AgentId, Path), IfMatch), request_body = AgentFields,
    responses((status = 200, description = "The changed agent", body = Agent, headers(("ETag")))))]
pub(crate) async fn update_agent(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(agent_id): Path<AgentId>,
    IfMatch(revision): IfMatch,
    Body(patch): Body<Map<String, Value>>,
) -> Result<Response, Problem> {
    let before = state.agents.get(principal.tenant_id, agent_id).await?;
    let fields = patched(&before.fields, patch, &[])?;
    let changed = state
        .agents
        .change(principal.tenant_id, agent_id, revision, fields)
        .await?;
    Ok(answer(StatusCode::OK, &changed))
}

fn answer(status: StatusCode, agent: &Agent) -> Response {
    tagged(status, u64::from(agent.revision), agent)
}
