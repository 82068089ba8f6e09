//! The requests under `/v1/agents`: create, list, read, change from a revision, archive.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Json};
use model::{Agent, AgentFields, AgentId};
use service::account::access::{Permission, Principal};
use utoipa_axum::routes;

use crate::http::body::patch::Patch;
use crate::http::body::sent::Sent;
use crate::http::conditional::{IfMatch, tagged};
use crate::http::idempotency::Key;
use crate::http::page::{Page, ShelfQuery, Shelved};
use crate::http::params::Path;
use crate::http::problem::Problem;
use crate::http::registry::Routes;
use crate::state::State;

pub(super) fn routes() -> Routes {
    Routes::of("agents", "AI configurations that calls are made with.")
        .may(Permission::ReadAgents, routes!(list_agents))
        .may(Permission::ChangeAgents, routes!(create_agent))
        .may(Permission::ReadAgents, routes!(get_agent))
        .may(Permission::ChangeAgents, routes!(update_agent))
        .may(Permission::ChangeAgents, routes!(archive_agent))
        .may(Permission::ChangeAgents, routes!(unarchive_agent))
}

/// Make an agent
#[utoipa::path(post, path = "/v1/agents", params(Key), request_body = AgentFields,
    responses((status = 201, description = "The agent", body = Agent, headers(("ETag")))))]
pub(crate) async fn create_agent(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Key(key): Key,
    sent: Sent<AgentFields>,
) -> Result<Response, Problem> {
    let check = async |fields| state.agents.problems(principal.tenant_id, &fields).await;
    let fields = sent.or_all_faults(check).await?;
    let agent = state
        .agents
        .create(principal.tenant_id, fields, key.as_ref())
        .await?;
    Ok(answer(StatusCode::CREATED, &agent))
}

/// List agents, newest first
#[utoipa::path(get, path = "/v1/agents", params(ShelfQuery),
    responses((status = 200, description = "A page", body = Page<Agent>)))]
pub(crate) async fn list_agents(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    wanted: Shelved<AgentId>,
) -> Result<Json<Page<Agent>>, Problem> {
    let page = state
        .agents
        .list(
            principal.tenant_id,
            wanted.shelf,
            wanted.after,
            wanted.limit,
        )
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
    responses(
        (status = 200, description = "The changed agent", body = Agent, headers(("ETag"))),
        (status = 409, description = "`archived`: unarchive it first"),
        (status = 422, description = "`invalid`: what is wrong with the fields; `no_defaults`: it answers a number, and the prompt has a variable without a default"),
    ))]
pub(crate) async fn update_agent(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(agent_id): Path<AgentId>,
    condition: IfMatch,
    patch: Patch,
) -> Result<Response, Problem> {
    let (agents, condition, patch) = (&state.agents, &condition, &patch);
    let tenant = principal.tenant_id;
    let edit = || async move {
        let before = agents.get(tenant, agent_id).await?;
        condition.check(before.revision.into())?;
        let check = async |fields| agents.problems(tenant, &fields).await;
        let fields = patch.over(&before.fields).or_all_faults(check).await?;
        let changed = agents.change(tenant, agent_id, before.revision, fields);
        Ok(changed.await?)
    };
    let changed = condition.edit(edit).await?;
    Ok(answer(StatusCode::OK, &changed))
}

/// Archive an agent
///
/// It is left out of lists and cannot be used for new calls, campaigns and numbers; calls that are made already
/// keep it. An agent that a number or an open campaign uses is not archived. Asking again changes nothing.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/archive", params(("agent_id" = AgentId, Path)),
    responses(
        (status = 200, description = "It is archived", body = Agent, headers(("ETag"))),
        (status = 409, description = "`in_use`: `used_by` names the campaigns and numbers that use it"),
    ))]
pub(crate) async fn archive_agent(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(agent_id): Path<AgentId>,
) -> Result<Response, Problem> {
    let agent = state.agents.archive(principal.tenant_id, agent_id).await?;
    Ok(answer(StatusCode::OK, &agent))
}

/// Take an agent out of the archive
///
/// Its prompt must not be archived. Asking again changes nothing.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/unarchive", params(("agent_id" = AgentId, Path)),
    responses(
        (status = 200, description = "It can be used", body = Agent, headers(("ETag"))),
        (status = 422, description = "`invalid`: its prompt is archived"),
    ))]
pub(crate) async fn unarchive_agent(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(agent_id): Path<AgentId>,
) -> Result<Response, Problem> {
    let agent = state
        .agents
        .unarchive(principal.tenant_id, agent_id)
        .await?;
    Ok(answer(StatusCode::OK, &agent))
}

fn answer(status: StatusCode, agent: &Agent) -> Response {
    tagged(status, u64::from(agent.revision), agent)
}
