//! The requests under `/v1/suppressions`: add one or a list, list, read, remove, export.

use axum::body::{Body as HttpBody, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State as Shared};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use futures_util::stream;
use intake::{Country, Options};
use model::{PhoneNumber, TenantId};
use serde::{Deserialize, Serialize};
use service::account::access::Principal;
use service::lead::suppressions::{Put, PutList, Suppressed, Suppressions};
use telemetry::Chain;
use tracing::error;
use utoipa::ToSchema;

use crate::body::{Body, Listed, Wanted, id};
use crate::openapi;
use crate::{Problem, State};

/// A number that must not be called any more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSuppression {
    /// E.164.
    #[schema(value_type = String, example = "+14155550100")]
    number: PhoneNumber,
    /// Why, for whoever reads the list; at most 500 characters.
    #[serde(default)]
    note: Option<String>,
}

/// An entry of the list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SuppressionView {
    number: String,
    /// How it came there: said in a call, by a key in a call, by a user, with a list.
    #[schema(schema_with = openapi::suppression_reason)]
    reason: String,
    #[schema(format = DateTime)]
    at: String,
    note: Option<String>,
    /// The call in which it was asked for.
    call_id: Option<String>,
}

/// An entry that was added.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PutView {
    #[serde(flatten)]
    entry: SuppressionView,
    /// It was on the list before, and its first entry stays.
    there_already: bool,
    /// Waiting leads that ended with it.
    leads_ended: u64,
}

/// What became of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PutListView {
    added: u64,
    there_already: u64,
    /// Waiting leads that ended with it.
    leads_ended: u64,
    rejected_total: u64,
    /// The first rows that name no number, with the reason.
    rejected: Vec<RejectedRow>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RejectedRow {
    /// As a spreadsheet shows it.
    row: u64,
    reason: String,
}

/// What is known of a list beforehand.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// The country of numbers without a country code, as in `US`.
    default_country: Option<String>,
    /// Where the list comes from; at most 500 characters.
    note: Option<String>,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemovalQuery {
    /// Why somebody may be called again who must not be: 1 to 500 characters, kept with the number.
    reason: String,
}

/// Puts a number on the list: it is not called from now on, and what waits for it ends.
#[utoipa::path(post, path = "/v1/suppressions", tag = "suppressions",
    request_body = NewSuppression,
    responses(
        (status = 201, description = "It is on the list", body = PutView),
        (status = 200, description = "It was on the list", body = PutView),
        (status = 422, description = "`invalid`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn add(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Body(new): Body<NewSuppression>,
) -> Result<Response, Problem> {
    let put = state
        .suppressions
        .add(principal.tenant_id, &new.number, new.note)
        .await?;
    let status = if put.there_already {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    Ok((status, Json(PutView::from(put))).into_response())
}

/// Puts the numbers of a CSV on the list. Rows without a number are told and hold up no other. May be
/// sent again.
#[utoipa::path(post, path = "/v1/suppressions/import", tag = "suppressions",
    params(ListQuery),
    request_body(content = String, content_type = "text/csv"),
    responses(
        (status = 200, description = "What became of them", body = PutListView),
        (status = 413, description = "`body_too_large`", body = Problem,
            content_type = "application/problem+json"),
        (status = 415, description = "`unsupported_media_type`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid`, or the code of what is wrong with the file; nothing is added",
            body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn add_list(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    query: Result<Query<ListQuery>, QueryRejection>,
    headers: axum::http::HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Json<PutListView>, Problem> {
    let Query(query) = query.map_err(|_unknown_or_malformed| {
        let says = "takes only `default_country` and `note`".to_owned();
        Problem::field("query", says)
    })?;
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next());
    if !essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("text/csv")) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "Send text/csv.",
        ));
    }
    let body = body.map_err(|_too_long| {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "The body is too long or did not arrive whole.",
        )
    })?;
    let country = query.default_country.as_deref().map(str::parse::<Country>);
    let options = Options {
        default_country: country
            .transpose()
            .map_err(|problem| Problem::field("default_country", problem.to_string()))?,
        ..Options::default()
    };
    let list = state
        .suppressions
        .add_list(principal.tenant_id, body, options, query.note)
        .await?;
    Ok(Json(PutListView::from(list)))
}

/// Lists numbers that must not be called, in the order of their digits.
#[utoipa::path(get, path = "/v1/suppressions", tag = "suppressions", params(openapi::PageParams),
    responses((status = 200, description = "A page", body = Listed<SuppressionView>)))]
pub(crate) async fn list(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    wanted: Wanted<After>,
) -> Result<Json<Listed<SuppressionView>>, Problem> {
    let after = wanted.after.map(|After(number)| number);
    let page = state
        .suppressions
        .list(principal.tenant_id, after.as_ref(), wanted.limit)
        .await?;
    let cursor = |entry: &Suppressed| {
        let number = entry.number.as_str();
        number.strip_prefix('+').unwrap_or(number).to_owned()
    };
    Ok(Json(Listed::new(page, cursor, SuppressionView::from)))
}

/// Reads an entry.
#[utoipa::path(get, path = "/v1/suppressions/{number}", tag = "suppressions",
    params(("number" = String, Path, description = "E.164; `+` may be written `%2B`")),
    responses(
        (status = 200, description = "The entry", body = SuppressionView),
        (status = 404, description = "`not_found`: it is not on the list", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn read(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(number): Path<String>,
) -> Result<Json<SuppressionView>, Problem> {
    let number: PhoneNumber = id(&number)?;
    let entry = state.suppressions.get(principal.tenant_id, &number).await?;
    Ok(Json(SuppressionView::from(entry)))
}

/// Takes a number off the list. Reason and API key are kept with the number.
#[utoipa::path(delete, path = "/v1/suppressions/{number}", tag = "suppressions",
    params(("number" = String, Path), RemovalQuery),
    responses(
        (status = 204, description = "It may be called again"),
        (status = 404, description = "`not_found`: it is not on the list", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid`: the reason is missing", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn remove(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(number): Path<String>,
    query: Result<Query<RemovalQuery>, QueryRejection>,
) -> Result<StatusCode, Problem> {
    let number: PhoneNumber = id(&number)?;
    let Query(query) = query.map_err(|_missing_or_unknown| {
        let says = "is needed, and nothing else: `?reason=…`".to_owned();
        Problem::field("reason", says)
    })?;
    state
        .suppressions
        .remove(
            principal.tenant_id,
            &number,
            &query.reason,
            principal.key_id,
        )
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Exports the list as CSV.
#[utoipa::path(get, path = "/v1/suppressions.csv", tag = "suppressions",
    responses((status = 200, description = "The list", body = String, content_type = "text/csv")))]
pub(crate) async fn export(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"suppressions.csv\"",
        ),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let begin = Some((state.suppressions, principal.tenant_id, None));
    (headers, HttpBody::from_stream(stream::unfold(begin, part))).into_response()
}

/// Where an export is: whose, and after which number it goes on.
type Exporting = Option<(Suppressions, TenantId, Option<PhoneNumber>)>;

/// The next part of an export. What fails on the way breaks the transfer off.
async fn part(at: Exporting) -> Option<(Result<Bytes, std::io::Error>, Exporting)> {
    let (suppressions, tenant, after) = at?;
    match suppressions.export(tenant, after.as_ref()).await {
        Ok((csv, next)) => {
            let next = next.map(|number| (suppressions, tenant, Some(number)));
            Some((Ok(Bytes::from(csv)), next))
        }
        Err(problem) => {
            error!(problem = %Chain(&problem), "an export broke off");
            Some((Err(std::io::Error::other("the export broke off")), None))
        }
    }
}

/// A cursor: a number without its plus sign, which would be a blank in an address.
pub(crate) struct After(PhoneNumber);

impl std::str::FromStr for After {
    type Err = model::PhoneNumberProblem;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        format!("+{text}").parse().map(Self)
    }
}

impl From<Suppressed> for SuppressionView {
    fn from(entry: Suppressed) -> Self {
        let suppression = entry.suppression;
        Self {
            number: entry.number.as_str().to_owned(),
            reason: suppression.reason.code().to_owned(),
            at: suppression.at.to_string(),
            note: suppression.note,
            call_id: suppression.call_id.map(|call| call.to_string()),
        }
    }
}

impl From<Put> for PutView {
    fn from(put: Put) -> Self {
        Self {
            entry: put.suppressed.into(),
            there_already: put.there_already,
            leads_ended: put.leads_ended,
        }
    }
}

impl From<PutList> for PutListView {
    fn from(list: PutList) -> Self {
        let rejected = list.rejected.into_iter();
        Self {
            added: list.added,
            there_already: list.there_already,
            leads_ended: list.leads_ended,
            rejected_total: list.rejected_total,
            rejected: rejected
                .map(|(row, reason)| RejectedRow { row, reason })
                .collect(),
        }
    }
}
