//! The requests under `/v1/prompts`: create, list, read, add a version, archive.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::{Extension, Json};
use jiff::Timestamp;
use model::{PromptId, PromptVersion, Variables};
use serde::Serialize;
use service::account::access::{Permission, Principal};
use service::agent::prompts::PromptFields;
use service::{FieldProblem, Refused};
use store::PromptHead;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::http::body::sent::Sent;
use crate::http::idempotency::Key;
use crate::http::page::{Page, ShelfQuery, Shelved};
use crate::http::params::Path;
use crate::http::problem::Problem;
use crate::http::registry::Routes;
use crate::state::State;

pub(super) fn routes() -> Routes {
    Routes::of(
        "prompts",
        "What agents are told, in versions that do not change.",
    )
    .may(Permission::ReadAgents, routes!(list_prompts))
    .may(Permission::ChangeAgents, routes!(create_prompt))
    .may(Permission::ReadAgents, routes!(get_prompt))
    .may(Permission::ChangeAgents, routes!(create_prompt_version))
    .may(Permission::ReadAgents, routes!(get_prompt_version))
    .may(Permission::ChangeAgents, routes!(archive_prompt))
    .may(Permission::ChangeAgents, routes!(unarchive_prompt))
}

/// One version of a prompt. Versions do not change.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PromptVersion)]
pub(crate) struct PromptView {
    id: PromptId,
    /// From 1.
    version: u32,
    name: String,
    /// The instructions to the language model, with `{{variables}}`.
    system: String,
    /// The agent's first words, with `{{variables}}`.
    greeting: String,
    /// Every variable that a call with this prompt needs a value for.
    variables: Vec<String>,
    /// What stands for variables of somebody who calls and is not known.
    #[schema(value_type = BTreeMap<String, String>)]
    defaults: Variables,
    created_at: Timestamp,
    /// Since when the prompt is archived, with all of its versions.
    archived_at: Option<Timestamp>,
}

/// What a list shows of a prompt.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Prompt)]
pub(crate) struct PromptEntry {
    id: PromptId,
    name: String,
    latest_version: u32,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// Since when it is archived: readable, and not used for anything new.
    archived_at: Option<Timestamp>,
}

/// Make a prompt with its first version
#[utoipa::path(post, path = "/v1/prompts", params(Key), request_body = PromptFields,
    responses((status = 201, description = "The first version", body = PromptView)))]
pub(crate) async fn create_prompt(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Key(key): Key,
    sent: Sent<PromptFields>,
) -> Result<(StatusCode, Json<PromptView>), Problem> {
    let fields = sent.or_all_faults(problems).await?;
    let made = state
        .prompts
        .create(principal.tenant_id, &fields, key.as_ref())
        .await?;
    Ok((StatusCode::CREATED, Json(PromptView::of(made, None))))
}

/// Make the next version of a prompt
///
/// Agents use the latest; calls that are made already keep theirs.
#[utoipa::path(post, path = "/v1/prompts/{prompt_id}/versions",
    params(("prompt_id" = PromptId, Path), Key), request_body = PromptFields,
    responses(
        (status = 201, description = "The new version", body = PromptView),
        (status = 409, description = "`archived`: unarchive it first"),
        (status = 412, description = "`revision_changed`: a version was made at the same time"),
        (status = 422, description = "`invalid`: what is wrong with the fields; `no_defaults`: an agent with this prompt answers a number, and a variable has no default"),
    ))]
pub(crate) async fn create_prompt_version(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(prompt_id): Path<PromptId>,
    Key(key): Key,
    sent: Sent<PromptFields>,
) -> Result<(StatusCode, Json<PromptView>), Problem> {
    let fields = sent.or_all_faults(problems).await?;
    let made = state
        .prompts
        .add_version(principal.tenant_id, prompt_id, &fields, key.as_ref())
        .await?;
    Ok((StatusCode::CREATED, Json(PromptView::of(made, None))))
}

/// List prompts, newest first
#[utoipa::path(get, path = "/v1/prompts", params(ShelfQuery),
    responses((status = 200, description = "A page", body = Page<PromptEntry>)))]
pub(crate) async fn list_prompts(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    wanted: Shelved<PromptId>,
) -> Result<Json<Page<PromptEntry>>, Problem> {
    let page = state
        .prompts
        .list(
            principal.tenant_id,
            wanted.shelf,
            wanted.after,
            wanted.limit,
        )
        .await?;
    let cursor = |head: &PromptHead| head.id.to_string();
    Ok(Json(Page::new(page, cursor, PromptEntry::from)))
}

/// Read the latest version of a prompt
#[utoipa::path(get, path = "/v1/prompts/{prompt_id}", params(("prompt_id" = PromptId, Path)),
    responses((status = 200, description = "The latest version", body = PromptView)))]
pub(crate) async fn get_prompt(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(prompt_id): Path<PromptId>,
) -> Result<Json<PromptView>, Problem> {
    read(&state, &principal, prompt_id, None).await
}

/// Read one version of a prompt
#[utoipa::path(get, path = "/v1/prompts/{prompt_id}/versions/{version}",
    params(("prompt_id" = PromptId, Path), ("version" = u32, Path)),
    responses((status = 200, description = "The version", body = PromptView)))]
pub(crate) async fn get_prompt_version(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path((prompt_id, version)): Path<(PromptId, u32)>,
) -> Result<Json<PromptView>, Problem> {
    read(&state, &principal, prompt_id, Some(version)).await
}

async fn problems(fields: PromptFields) -> Result<Vec<FieldProblem>, Refused> {
    Ok(fields.problems())
}

async fn read(
    state: &State,
    principal: &Principal,
    prompt_id: PromptId,
    version: Option<u32>,
) -> Result<Json<PromptView>, Problem> {
    let tenant = principal.tenant_id;
    let found = state.prompts.version(tenant, prompt_id, version).await?;
    let head = state.prompts.head(tenant, prompt_id).await?;
    Ok(Json(PromptView::of(found, head.archived_at)))
}

/// Archive a prompt
///
/// It is left out of lists, gets no new version and no agent. A prompt that an agent uses is not archived. Asking
/// again changes nothing.
#[utoipa::path(post, path = "/v1/prompts/{prompt_id}/archive", params(("prompt_id" = PromptId, Path)),
    responses(
        (status = 200, description = "It is archived", body = PromptEntry),
        (status = 409, description = "`in_use`: `used_by` names the agents that use it"),
    ))]
pub(crate) async fn archive_prompt(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(prompt_id): Path<PromptId>,
) -> Result<Json<PromptEntry>, Problem> {
    let head = state
        .prompts
        .archive(principal.tenant_id, prompt_id)
        .await?;
    Ok(Json(head.into()))
}

/// Take a prompt out of the archive
///
/// Asking again changes nothing.
#[utoipa::path(post, path = "/v1/prompts/{prompt_id}/unarchive", params(("prompt_id" = PromptId, Path)),
    responses((status = 200, description = "It can be used", body = PromptEntry)))]
pub(crate) async fn unarchive_prompt(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(prompt_id): Path<PromptId>,
) -> Result<Json<PromptEntry>, Problem> {
    let head = state
        .prompts
        .unarchive(principal.tenant_id, prompt_id)
        .await?;
    Ok(Json(head.into()))
}

impl PromptView {
    fn of(prompt: PromptVersion, archived_at: Option<Timestamp>) -> Self {
        let variables = prompt.variables().into_iter().map(str::to_owned).collect();
        Self {
            id: prompt.id,
            version: prompt.version,
            name: prompt.name,
            system: prompt.system.to_string(),
            greeting: prompt.greeting.to_string(),
            variables,
            defaults: prompt.defaults,
            created_at: prompt.created_at,
            archived_at,
        }
    }
}

impl From<PromptHead> for PromptEntry {
    fn from(head: PromptHead) -> Self {
        Self {
            id: head.id,
            name: head.name,
            latest_version: head.latest_version,
            created_at: head.created_at,
            updated_at: head.updated_at,
            archived_at: head.archived_at,
        }
    }
}
