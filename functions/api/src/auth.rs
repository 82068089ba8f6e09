//! Who is asking, and whether they may: the one place where both are decided.
//!
//! A route that is not in [`ROUTES`] is closed, so a new one cannot be forgotten here.

use axum::extract::{MatchedPath, Request, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use service::account::access::{Permission, Principal};
use service::account::keys::KeyError;
use settings::Secret;
use telemetry::Chain;
use tracing::{error, warn};

use crate::{Problem, State};

/// What each request needs. Which role has a permission is `service::account::access::TABLE`.
pub const ROUTES: [(&str, &str, Permission); 51] = [
    ("GET", "/v1/campaigns", Permission::ReadCampaigns),
    ("POST", "/v1/campaigns", Permission::ChangeCampaigns),
    (
        "GET",
        "/v1/campaigns/{campaign_id}",
        Permission::ReadCampaigns,
    ),
    (
        "PATCH",
        "/v1/campaigns/{campaign_id}",
        Permission::ChangeCampaigns,
    ),
    (
        "DELETE",
        "/v1/campaigns/{campaign_id}",
        Permission::ChangeCampaigns,
    ),
    (
        "POST",
        "/v1/campaigns/{campaign_id}/start",
        Permission::RunCampaigns,
    ),
    (
        "POST",
        "/v1/campaigns/{campaign_id}/pause",
        Permission::RunCampaigns,
    ),
    (
        "POST",
        "/v1/campaigns/{campaign_id}/resume",
        Permission::RunCampaigns,
    ),
    (
        "POST",
        "/v1/campaigns/{campaign_id}/cancel",
        Permission::RunCampaigns,
    ),
    (
        "POST",
        "/v1/campaigns/{campaign_id}/redial",
        Permission::ChangeCampaigns,
    ),
    (
        "GET",
        "/v1/campaigns/{campaign_id}/progress",
        Permission::ReadCampaigns,
    ),
    (
        "GET",
        "/v1/campaigns/{campaign_id}/amd",
        Permission::ReadCampaigns,
    ),
    (
        "GET",
        "/v1/campaigns/{campaign_id}/leads",
        Permission::ReadCampaigns,
    ),
    (
        "POST",
        "/v1/campaigns/{campaign_id}/leads",
        Permission::ChangeCampaigns,
    ),
    (
        "GET",
        "/v1/campaigns/{campaign_id}/leads.csv",
        Permission::ExportLeads,
    ),
    (
        "GET",
        "/v1/campaigns/{campaign_id}/leads/{lead_id}",
        Permission::ReadCampaigns,
    ),
    (
        "PATCH",
        "/v1/campaigns/{campaign_id}/leads/{lead_id}",
        Permission::ChangeCampaigns,
    ),
    (
        "DELETE",
        "/v1/campaigns/{campaign_id}/leads/{lead_id}",
        Permission::ChangeCampaigns,
    ),
    ("GET", "/v1/suppressions", Permission::ReadSuppressions),
    ("POST", "/v1/suppressions", Permission::AddSuppressions),
    (
        "POST",
        "/v1/suppressions/import",
        Permission::AddSuppressions,
    ),
    ("GET", "/v1/suppressions.csv", Permission::ExportLeads),
    (
        "GET",
        "/v1/suppressions/{number}",
        Permission::ReadSuppressions,
    ),
    (
        "DELETE",
        "/v1/suppressions/{number}",
        Permission::RemoveSuppressions,
    ),
    ("GET", "/v1/permits/check", Permission::ReadCampaigns),
    ("POST", "/v1/calls/{call_id}/label", Permission::LabelCalls),
    ("GET", "/v1/calls", Permission::ReadCalls),
    ("POST", "/v1/calls", Permission::MakeCalls),
    ("GET", "/v1/calls/{call_id}", Permission::ReadCalls),
    (
        "POST",
        "/v1/calls/{call_id}/hangup",
        Permission::HangUpCalls,
    ),
    (
        "GET",
        "/v1/calls/{call_id}/recording",
        Permission::ReadRecordings,
    ),
    ("GET", "/v1/agents", Permission::ReadAgents),
    ("POST", "/v1/agents", Permission::ChangeAgents),
    ("GET", "/v1/agents/{agent_id}", Permission::ReadAgents),
    ("PATCH", "/v1/agents/{agent_id}", Permission::ChangeAgents),
    ("GET", "/v1/prompts", Permission::ReadAgents),
    ("POST", "/v1/prompts", Permission::ChangeAgents),
    ("GET", "/v1/prompts/{prompt_id}", Permission::ReadAgents),
    (
        "POST",
        "/v1/prompts/{prompt_id}/versions",
        Permission::ChangeAgents,
    ),
    (
        "GET",
        "/v1/prompts/{prompt_id}/versions/{version}",
        Permission::ReadAgents,
    ),
    (
        "POST",
        "/v1/campaigns/{campaign_id}/simulate",
        Permission::ReadCampaigns,
    ),
    ("GET", "/v1/numbers", Permission::ReadNumbers),
    ("POST", "/v1/numbers", Permission::ChangeNumbers),
    (
        "GET",
        "/v1/campaigns/{campaign_id}/imports",
        Permission::ReadCampaigns,
    ),
    (
        "POST",
        "/v1/campaigns/{campaign_id}/imports",
        Permission::ChangeCampaigns,
    ),
    (
        "POST",
        "/v1/campaigns/{campaign_id}/uploads",
        Permission::ChangeCampaigns,
    ),
    ("GET", "/v1/imports/{import_id}", Permission::ReadCampaigns),
    (
        "DELETE",
        "/v1/imports/{import_id}",
        Permission::ChangeCampaigns,
    ),
    (
        "POST",
        "/v1/imports/{import_id}/start",
        Permission::ChangeCampaigns,
    ),
    (
        "GET",
        "/v1/imports/{import_id}/rejects",
        Permission::ReadCampaigns,
    ),
    ("GET", "/v1/doctor", Permission::ExamineInstallation),
];

/// Lets a request through with its [`Principal`] as an extension, or refuses it.
pub(crate) async fn authorize(
    Shared(state): Shared<State>,
    path: MatchedPath,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let secret = bearer(request.headers()).ok_or_else(unauthorized)?;
    let principal = match state.keys.authenticate(&secret).await {
        Ok(principal) => principal,
        Err(KeyError::Unknown) => return Err(unauthorized()),
        Err(KeyError::Store(problem)) => {
            error!(problem = %Chain(&problem), "an API key could not be looked up");
            return Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "Not possible just now; try again.",
            ));
        }
    };
    let method = match request.method().as_str() {
        "HEAD" => "GET",
        method => method,
    };
    let Some(permission) = needed(method, path.as_str()) else {
        return Err(Problem::method_not_allowed());
    };
    if !principal.role.may(permission) {
        warn!(key.id = %principal.key_id, role = %principal.role, ?permission, "a request was forbidden");
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            &format!("The role {} may not do this.", principal.role),
        ));
    }
    request.extensions_mut().insert::<Principal>(principal);
    Ok(next.run(request).await)
}

pub(crate) fn needed(method: &str, path: &str) -> Option<Permission> {
    let found = ROUTES
        .iter()
        .find(|(known, at, _)| *known == method && *at == path);
    found.map(|(_, _, permission)| *permission)
}

fn bearer(headers: &HeaderMap) -> Option<Secret> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = value.split_once(' ')?;
    let secret = secret.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty())
        .then(|| Secret::new(secret.to_owned()))
}

fn unauthorized() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "unauthorized",
        "Send an API key, as in `Authorization: Bearer …`.",
    )
}
