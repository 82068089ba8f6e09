//! `GET /v1/permits/check`: may this number be called now, and why.

use axum::extract::State as Shared;
use axum::{Extension, Json};
use jiff::Timestamp;
use model::{
    CallKind, CampaignId, Check, ConsentKind, LeadId, Permit, PhoneNumber, Rule, ZoneTime,
};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use service::account::access::{Permission, Principal};
use service::dialing::permits::{CalledFor, Checked, sentence};
use service::{Fault, FieldProblem, Refused};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::http::params::Query;
use crate::http::problem::Problem;
use crate::http::registry::Routes;
use crate::state::State;

pub(super) fn routes() -> Routes {
    Routes::of("permits", "Whether a number may be called now, and why.")
        .may(Permission::ReadCampaigns, routes!(check_permit))
}

/// Whom the question is about.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PermitQuery {
    /// E.164, with `+` written `%2B`, or without it; a `+` as it is arrives as a blank, which is taken for one.
    #[param(value_type = String, pattern = "^[+ ]?[1-9][0-9]{6,14}$", example = "+14155550100")]
    #[serde(deserialize_with = "number")]
    to: PhoneNumber,
    /// With its rules, and as the lead that is known by the number if there is one; absent: as for a single call.
    campaign_id: Option<CampaignId>,
    /// What a single call is for; absent: the kind with the strictest rules, sales. A campaign has its own.
    kind: Option<CallKind>,
    /// What the person has agreed to, for a single call. Leads of a campaign have their own.
    consent: Option<ConsentKind>,
    /// As this lead of the campaign, for which the number is one of several.
    lead_id: Option<LeadId>,
}

/// The answer of the gate that every call goes through, as it would be now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Permit)]
pub(crate) struct PermitView {
    allowed: bool,
    /// The answer in a sentence.
    sentence: String,
    at: Timestamp,
    /// The first rule that says no.
    denied_by: Option<Rule>,
    /// When to ask again; `null`: never, or nobody can tell.
    retry_at: Option<Timestamp>,
    /// Every zone that the number may be in, with its local time. All have to allow the call.
    zones: Vec<ZoneTime>,
    /// Whose rules were applied.
    jurisdictions: Vec<String>,
    /// Every rule that was looked at, in order, up to the first no.
    checks: Vec<Check>,
    /// Of the rule packs.
    rules_version: String,
    /// The lead of the campaign that has the number.
    lead_id: Option<LeadId>,
}

/// Say whether a number may be called now, rule by rule
///
/// Nothing is written, and the answer holds for this moment only: each call is decided anew when it is
/// dialled.
#[utoipa::path(get, path = "/v1/permits/check", params(PermitQuery),
    responses((status = 200, description = "The answer, whichever it is", body = PermitView)))]
pub(crate) async fn check_permit(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Query(query): Query<PermitQuery>,
) -> Result<Json<PermitView>, Problem> {
    let called_for = match (query.campaign_id, query.lead_id) {
        (None, None) => CalledFor::Single(query.kind, query.consent),
        (Some(_), _) if query.kind.is_some() => return Err(its_own("kind").into()),
        (Some(_), _) if query.consent.is_some() => return Err(its_own("consent").into()),
        (Some(campaign), None) => CalledFor::Campaign(campaign),
        (Some(campaign), Some(lead)) => CalledFor::Lead(campaign, lead),
        (None, Some(_lead)) => return Err(without_campaign().into()),
    };
    let checked = state
        .permits
        .check(principal.tenant_id, &query.to, called_for)
        .await?;
    Ok(Json(PermitView::from(checked)))
}

fn its_own(parameter: &str) -> Refused {
    let says = "is said by the campaign and its leads: leave it out with `campaign_id`";
    Refused::Invalid(vec![FieldProblem::parameter(
        parameter,
        Fault::Conflict,
        says,
    )])
}

fn without_campaign() -> Refused {
    let says = "is needed with `lead_id`";
    Refused::Invalid(vec![FieldProblem::parameter(
        "campaign_id",
        Fault::Missing,
        says,
    )])
}

/// A plus sign that was not escaped arrives as a blank.
fn number<'de, D: Deserializer<'de>>(from: D) -> Result<PhoneNumber, D::Error> {
    let text = String::deserialize(from)?;
    let digits = text.strip_prefix(['+', ' ']).unwrap_or(&text);
    format!("+{digits}").parse().map_err(D::Error::custom)
}

impl From<Checked> for PermitView {
    fn from(Checked { permit, lead }: Checked) -> Self {
        Self::new(permit, lead.map(|lead| lead.id))
    }
}

impl PermitView {
    pub(crate) fn new(permit: Permit, lead_id: Option<LeadId>) -> Self {
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
        Self {
            allowed,
            sentence,
            at,
            denied_by,
            retry_at,
            zones,
            jurisdictions,
            checks,
            rules_version,
            lead_id,
        }
    }
}
