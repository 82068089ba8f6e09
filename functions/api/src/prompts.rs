//! The requests under `/v1/prompts`: create, list, read, add a version.

use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use model::{PromptId, PromptVersion};
use serde::{Deserialize, Serialize};
use service::account::access::Principal;
use service::agent::prompts::PromptFields;
use store::PromptHead;
use utoipa::ToSchema;

use crate::body::{Body, Key, Listed, Wanted, id};
use crate::openapi;
use crate::{Problem, State};

/// A prompt's texts.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PromptBody {
    name: String,
    /// The instructions to the language model, with `{{variables}}`.
    system: String,
    /// The agent's first words, with `{{variables}}`.
    greeting: String,
}

/// One version of a prompt. Versions do not change.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PromptView {
    id: String,
    /// From 1.
    version: u32,
    name: String,
    system: String,
    greeting: String,
    /// Every variable that a call with this prompt needs a value for.
    variables: Vec<String>,
    #[schema(format = DateTime)]
    created_at: String,
}

/// What a list shows of a prompt.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PromptEntry {
    id: String,
    name: String,
    latest_version: u32,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

/// Makes a prompt with its first version.
#[utoipa::path(post, path = "/v1/prompts", tag = "prompts", request_body = PromptBody,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses(
        (status = 201, description = "The first version", body = PromptView),
        (status = 422, description = "`invalid`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn create(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Key(key): Key,
    Body(body): Body<PromptBody>,
) -> Result<Response, Problem> {
    let made = state
        .prompts
        .create(principal.tenant_id, &body.into(), key.as_ref())
        .await?;
    Ok((StatusCode::CREATED, Json(PromptView::from(made))).into_response())
}

/// Makes the next version of a prompt. Agents use the latest; calls that are made already keep theirs.
#[utoipa::path(post, path = "/v1/prompts/{prompt_id}/versions", tag = "prompts",
    request_body = PromptBody,
    params(("prompt_id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses(
        (status = 201, description = "The new version", body = PromptView),
        (status = 412, description = "`revision_changed`: somebody made a version at the same time",
            body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn add_version(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(prompt_id): Path<String>,
    Key(key): Key,
    Body(body): Body<PromptBody>,
) -> Result<Response, Problem> {
    let prompt_id: PromptId = id(&prompt_id)?;
    let made = state
        .prompts
        .add_version(principal.tenant_id, prompt_id, &body.into(), key.as_ref())
        .await?;
    Ok((StatusCode::CREATED, Json(PromptView::from(made))).into_response())
}

/// Lists prompts, newest first.
#[utoipa::path(get, path = "/v1/prompts", tag = "prompts", params(openapi::PageParams),
    responses((status = 200, description = "A page", body = Listed<PromptEntry>)))]
pub(crate) async fn list(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    wanted: Wanted<PromptId>,
) -> Result<Json<Listed<PromptEntry>>, Problem> {
    let page = state
        .prompts
        .list(principal.tenant_id, wanted.after, wanted.limit)
        .await?;
    let cursor = |head: &PromptHead| head.id.to_string();
    Ok(Json(Listed::new(page, cursor, PromptEntry::from)))
}

/// Reads the latest version of a prompt.
#[utoipa::path(get, path = "/v1/prompts/{prompt_id}", tag = "prompts",
    params(("prompt_id" = String, Path)),
    responses(
        (status = 200, description = "The latest version", body = PromptView),
        (status = 404, description = "`not_found`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn read(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(prompt_id): Path<String>,
) -> Result<Json<PromptView>, Problem> {
    let prompt_id: PromptId = id(&prompt_id)?;
    let found = state
        .prompts
        .version(principal.tenant_id, prompt_id, None)
        .await?;
    Ok(Json(PromptView::from(found)))
}

/// Reads one version of a prompt.
#[utoipa::path(get, path = "/v1/prompts/{prompt_id}/versions/{version}", tag = "prompts",
    params(("prompt_id" = String, Path), ("version" = u32, Path)),
    responses(
        (status = 200, description = "The version", body = PromptView),
        (status = 404, description = "`not_found`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn read_version(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path((prompt_id, version)): Path<(String, String)>,
) -> Result<Json<PromptView>, Problem> {
    let prompt_id: PromptId = id(&prompt_id)?;
    let version: u32 = id(&version)?;
    let found = state
        .prompts
        .version(principal.tenant_id, prompt_id, Some(version))
        .await?;
    Ok(Json(PromptView::from(found)))
}

impl From<PromptBody> for PromptFields {
    fn from(body: PromptBody) -> Self {
        Self {
            name: body.name,
            system: body.system,
            greeting: body.greeting,
        }
    }
}

impl From<PromptVersion> for PromptView {
    fn from(prompt: PromptVersion) -> Self {
        let mut variables: Vec<_> = prompt
            .system
            .variables()
            .chain(prompt.greeting.variables())
            .map(str::to_owned)
            .collect();
        variables.sort_unstable();
        variables.dedup();
        Self {
            id: prompt.id.to_string(),
            version: prompt.version,
            name: prompt.name,
            system: prompt.system.to_string(),
            greeting: prompt.greeting.to_string(),
            variables,
            created_at: prompt.created_at.to_string(),
        }
    }
}

impl From<PromptHead> for PromptEntry {
    fn from(head: PromptHead) -> Self {
        Self {
            id: head.id.to_string(),
            name: head.name,
            latest_version: head.latest_version,
            created_at: head.created_at.to_string(),
            updated_at: head.updated_at.to_string(),
        }
    }
}
