//! `GET /v1/permits/check`: may this number be called now, and why.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as Shared};
use axum::{Extension, Json};
use model::{Check, Permit, PhoneNumber};
use serde::{Deserialize, Serialize};
use service::account::access::Principal;
use service::dialing::permits::{Checked, sentence};
use utoipa::ToSchema;

use crate::body::id;
use crate::{Problem, State};

/// Whom the question is about.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PermitQuery {
    /// E.164, with `+` written `%2B`, or without it.
    to: String,
    /// With its rules, and as its lead if there is one; absent: as for a single call.
    campaign_id: Option<String>,
}

/// The answer of the gate that every call goes through, as it would be now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PermitView {
    allowed: bool,
    /// The answer in a sentence.
    sentence: String,
    #[schema(format = DateTime)]
    at: String,
    /// The first rule that says no.
    denied_by: Option<String>,
    /// When to ask again; `null`: never, or nobody can tell.
    #[schema(format = DateTime)]
    retry_at: Option<String>,
    /// Every zone that the number may be in, with its local time. All have to allow the call.
    zones: Vec<ZoneView>,
    /// Whose rules were applied.
    jurisdictions: Vec<String>,
    /// Every rule that was looked at, in order, up to the first no.
    checks: Vec<CheckView>,
    /// Of the rule packs.
    rules_version: String,
    /// The number's lead in the campaign.
    lead_id: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ZoneView {
    /// IANA name.
    zone: String,
    /// `2026-03-08T09:30:00-07:00`
    local: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckView {
    /// A stable code.
    rule: String,
    passed: bool,
    /// What it was decided on.
    because: String,
}

/// Says whether a number may be called now, rule by rule. Nothing is written, and the answer holds for
/// this moment only: each call is decided anew when it is dialled.
#[utoipa::path(get, path = "/v1/permits/check", tag = "permits", params(PermitQuery),
    responses(
        (status = 200, description = "The answer, whichever it is", body = PermitView),
        (status = 422, description = "`invalid`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn check(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    query: Result<Query<PermitQuery>, QueryRejection>,
) -> Result<Json<PermitView>, Problem> {
    let Query(query) = query.map_err(|_missing_or_unknown| {
        let says = "takes `to` and, if you like, `campaign_id`".to_owned();
        Problem::field("query", says)
    })?;
    // A plus sign that was not escaped arrives as a blank.
    let digits = query.to.trim().trim_start_matches('+');
    let to: PhoneNumber = format!("+{digits}")
        .parse()
        .map_err(|problem: model::PhoneNumberProblem| Problem::field("to", problem.to_string()))?;
    let campaign = match query.campaign_id.as_deref() {
        None => None,
        Some(text) => Some(id(text).map_err(|_malformed| {
            Problem::field("campaign_id", "there is no such campaign".to_owned())
        })?),
    };
    let checked = state
        .permits
        .check(principal.tenant_id, &to, campaign)
        .await?;
    Ok(Json(PermitView::from(checked)))
}

impl From<Checked> for PermitView {
    fn from(Checked { permit, lead }: Checked) -> Self {
        Self::new(permit, lead.map(|lead| lead.id.to_string()))
    }
}

impl PermitView {
    pub(crate) fn new(permit: Permit, lead_id: Option<String>) -> Self {
        let sentence = sentence(&permit);
        let Permit {
            at,
            allowed,
            denied_by,
            retry_at,
            zones,
            jurisdictions,
            checks,
            rules_version,
        } = permit;
        let zones = zones.into_iter().map(|zone| ZoneView {
            zone: zone.zone,
            local: zone.local,
        });
        let checks = checks.into_iter().map(
            |Check {
                 rule,
                 passed,
                 because,
             }| CheckView {
                rule: rule.code().to_owned(),
                passed,
                because,
            },
        );
        Self {
            allowed,
            sentence,
            at: at.to_string(),
            denied_by: denied_by.map(|rule| rule.code().to_owned()),
            retry_at: retry_at.map(|at| at.to_string()),
            zones: zones.collect(),
            jurisdictions,
            checks: checks.collect(),
            rules_version,
            lead_id,
        }
    }
}
