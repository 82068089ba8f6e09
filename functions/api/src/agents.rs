//! The requests under `/v1/agents`: create, list, read, change from a revision.

use axum::extract::{Path, State as Shared};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use model::{Agent, AgentFields, AgentId};
use serde_json::{Map, Value};
use service::FieldProblem;
use service::account::access::Principal;

use crate::body::{Body, IfMatch, Key, Listed, Wanted, id, merge, read as read_json};
use crate::openapi;
use crate::{Problem, State};

/// Makes an agent.
#[utoipa::path(post, path = "/v1/agents", tag = "agents", request_body = openapi::AgentBody,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses(
        (status = 201, description = "The agent; `ETag` is its revision", body = openapi::AgentView),
        (status = 422, description = "`invalid`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn create(
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

/// Lists agents, newest first.
#[utoipa::path(get, path = "/v1/agents", tag = "agents", params(openapi::PageParams),
    responses((status = 200, description = "A page", body = Listed<openapi::AgentView>)))]
pub(crate) async fn list(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    wanted: Wanted<AgentId>,
) -> Result<Json<Listed<Agent>>, Problem> {
    let page = state
        .agents
        .list(principal.tenant_id, wanted.after, wanted.limit)
        .await?;
    let cursor = |agent: &Agent| agent.id.to_string();
    Ok(Json(Listed::new(page, cursor, |agent| agent)))
}

/// Reads an agent.
#[utoipa::path(get, path = "/v1/agents/{agent_id}", tag = "agents",
    params(("agent_id" = String, Path)),
    responses(
        (status = 200, description = "The agent; `ETag` is its revision", body = openapi::AgentView),
        (status = 404, description = "`not_found`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn read(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(agent_id): Path<String>,
) -> Result<Response, Problem> {
    let agent = state
        .agents
        .get(principal.tenant_id, id(&agent_id)?)
        .await?;
    Ok(answer(StatusCode::OK, &agent))
}

/// Changes fields of an agent (JSON Merge Patch, RFC 7396: `null` takes a field back to its default).
/// Calls that are made already keep what they were made with.
#[utoipa::path(patch, path = "/v1/agents/{agent_id}", tag = "agents",
    request_body = openapi::AgentBody,
    params(("agent_id" = String, Path),
        ("If-Match" = String, Header, description = "The `ETag` that the change was made from")),
    responses(
        (status = 200, description = "The changed agent", body = openapi::AgentView),
        (status = 412, description = "`revision_changed`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid`", body = Problem,
            content_type = "application/problem+json"),
        (status = 428, description = "`if_match_required`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn change(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(agent_id): Path<String>,
    IfMatch(revision): IfMatch,
    Body(patch): Body<Map<String, Value>>,
) -> Result<Response, Problem> {
    let agent_id: AgentId = id(&agent_id)?;
    let before = state.agents.get(principal.tenant_id, agent_id).await?;
    let fields = patched(&before.fields, patch)?;
    let changed = state
        .agents
        .change(principal.tenant_id, agent_id, revision, fields)
        .await?;
    Ok(answer(StatusCode::OK, &changed))
}

fn patched(fields: &AgentFields, patch: Map<String, Value>) -> Result<AgentFields, Problem> {
    let unreadable = |_error| Problem::invalid(vec![FieldProblem::new("body", "cannot be merged")]);
    let mut merged = serde_json::to_value(fields).map_err(unreadable)?;
    merge(&mut merged, Value::Object(patch));
    let text = serde_json::to_vec(&merged).map_err(unreadable)?;
    read_json(&text)
}

fn answer(status: StatusCode, agent: &Agent) -> Response {
    let etag = [(header::ETAG, format!("\"{}\"", agent.revision))];
    (status, etag, Json(agent)).into_response()
}

#[cfg(test)]
mod tests {
    use model::PromptId;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_patch_changes_what_it_names_and_null_takes_it_back() {
        let mut fields = AgentFields::new("Reminder", PromptId::from_parts(0, 0));
        fields.voice_id = Some("v".to_owned());
        let patch = json!({ "voice_id": null, "turn_taking": { "endpointing_ms": 500 } });
        let Value::Object(patch) = patch else {
            unreachable!("an object")
        };
        let changed = patched(&fields, patch).unwrap();
        assert_eq!(changed.voice_id, None);
        assert_eq!(changed.turn_taking.endpointing_ms, 500);
        assert_eq!(changed.turn_taking.end_of_turn_ms_max, 3_000);
        assert_eq!(changed.name, "Reminder");
    }

    #[test]
    fn a_patch_of_a_field_that_does_not_exist_is_refused() {
        let fields = AgentFields::new("Reminder", PromptId::from_parts(0, 0));
        let Value::Object(patch) = json!({ "nmae": "x" }) else {
            unreachable!("an object")
        };
        assert!(patched(&fields, patch).is_err());
    }
}
