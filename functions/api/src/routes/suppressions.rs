//! The requests under `/v1/suppressions`: add one or a list, list, read, remove, export.

use std::str::FromStr;

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Json};
use futures_util::{Stream, stream};
use intake::{Country, Options};
use jiff::Timestamp;
use model::{CallId, PhoneNumber, SuppressionReason, TenantId};
use serde::{Deserialize, Serialize};
use service::Refused;
use service::account::access::{Permission, Principal};
use service::lead::suppressions::{Put, PutList, Suppressed, Suppressions};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::http::body::{ListFile, MaybeBody};
use crate::http::csv::attachment;
use crate::http::page::{Page, PageQuery, Wanted};
use crate::http::params::{self, Path, Query};
use crate::http::problem::{Problem, UnusableList};
use crate::http::registry::{LISTS_BODY_BYTES_MAX, Routes};
use crate::state::State;

pub(super) fn routes() -> Routes {
    use Permission as P;
    Routes::of(
        "suppressions",
        "Who must not be called any more, across all campaigns.",
    )
    .may(P::ReadSuppressions, routes!(list_suppressions))
    .may(P::AddSuppressions, routes!(put_suppression))
    .may_send(
        P::AddSuppressions,
        LISTS_BODY_BYTES_MAX,
        routes!(import_suppressions),
    )
    .may(P::ExportLeads, routes!(export_suppressions))
    .may(P::ReadSuppressions, routes!(get_suppression))
    .may(P::RemoveSuppressions, routes!(delete_suppression))
}

/// What is said of a number that must not be called any more.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSuppression {
    /// Why, for those who read the list.
    #[serde(default)]
    note: Option<String>,
}

/// An entry of the list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Suppression)]
pub(crate) struct SuppressionView {
    number: PhoneNumber,
    reason: SuppressionReason,
    at: Timestamp,
    note: Option<String>,
    /// The call in which it was asked for.
    call_id: Option<CallId>,
}

/// An entry that was added.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AddedSuppression)]
pub(crate) struct PutView {
    #[schema(inline)]
    #[serde(flatten)]
    entry: SuppressionView,
    /// It was on the list before: since when and why it is there stays, a note replaces the earlier one.
    there_already: bool,
    /// Waiting leads that ended with it.
    leads_ended: u64,
}

/// What became of a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SuppressionsImported)]
pub(crate) struct PutListView {
    added: u64,
    there_already: u64,
    /// Waiting leads that ended with it.
    leads_ended: u64,
    rejected_total: u64,
    /// The first rows that name no number, with the reason.
    rejected: Vec<RejectedRow>,
}

/// A row that names no number.
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
    default_country: Option<Country>,
    /// The sheet of a workbook; absent: the first that is not hidden and has rows.
    #[serde(default, deserialize_with = "params::sheet")]
    sheet: Option<String>,
    /// Where the list comes from.
    note: Option<String>,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemovalQuery {
    /// Why somebody may be called again who must not be; kept with the number.
    reason: String,
}

/// Put a number on the list
///
/// It is not called from now on, and what waits for it ends. Of a number that is on the list since when and why it is
/// there stays, and a note replaces the earlier one.
#[utoipa::path(put, path = "/v1/suppressions/{number}", params(("number" = PhoneNumber, Path)),
    request_body = Option<NewSuppression>,
    responses(
        (status = 201, description = "It is on the list", body = PutView),
        (status = 200, description = "It was on the list", body = PutView),
    ))]
pub(crate) async fn put_suppression(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(number): Path<PhoneNumber>,
    MaybeBody(new): MaybeBody<NewSuppression>,
) -> Result<(StatusCode, Json<PutView>), Problem> {
    let put = state
        .suppressions
        .add(principal.tenant_id, &number, new.note)
        .await?;
    let status = if put.there_already {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    Ok((status, Json(put.into())))
}

/// Put a list of numbers on the list
///
/// A CSV, `.xlsx` or `.ods` file with a column of numbers. It is added whole, but for rows that name no
/// number.
#[utoipa::path(post, path = "/v1/suppressions/import", params(ListQuery),
    request_body(content(
        (String = "text/csv"),
        (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (String = "application/vnd.oasis.opendocument.spreadsheet"),
    )),
    responses(
        (status = 200, description = "What became of them", body = PutListView),
        (status = 422, response = UnusableList),
    ))]
pub(crate) async fn import_suppressions(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Query(query): Query<ListQuery>,
    ListFile(list): ListFile,
) -> Result<Json<PutListView>, Problem> {
    let options = Options {
        default_country: query.default_country,
        sheet: query.sheet,
        ..Options::default()
    };
    let list = state
        .suppressions
        .add_list(principal.tenant_id, list, options, query.note)
        .await?;
    Ok(Json(list.into()))
}

/// List numbers that must not be called, in the order of their digits
#[utoipa::path(get, path = "/v1/suppressions", params(PageQuery),
    responses((status = 200, description = "A page", body = Page<SuppressionView>)))]
pub(crate) async fn list_suppressions(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    wanted: Wanted<After>,
) -> Result<Json<Page<SuppressionView>>, Problem> {
    let after = wanted.after.map(|After(number)| number);
    let page = state
        .suppressions
        .list(principal.tenant_id, after.as_ref(), wanted.limit)
        .await?;
    let cursor = |entry: &Suppressed| {
        let number = entry.number.as_str();
        number.strip_prefix('+').unwrap_or(number).to_owned()
    };
    Ok(Json(Page::new(page, cursor, SuppressionView::from)))
}

/// Read an entry
#[utoipa::path(get, path = "/v1/suppressions/{number}", params(("number" = PhoneNumber, Path)),
    responses((status = 200, description = "The entry", body = SuppressionView)))]
pub(crate) async fn get_suppression(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(number): Path<PhoneNumber>,
) -> Result<Json<SuppressionView>, Problem> {
    let entry = state.suppressions.get(principal.tenant_id, &number).await?;
    Ok(Json(entry.into()))
}

/// Take a number off the list
///
/// Reason and API key are kept with the number.
#[utoipa::path(delete, path = "/v1/suppressions/{number}",
    params(("number" = PhoneNumber, Path), RemovalQuery),
    responses((status = 204, description = "It may be called again")))]
pub(crate) async fn delete_suppression(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(number): Path<PhoneNumber>,
    Query(query): Query<RemovalQuery>,
) -> Result<StatusCode, Problem> {
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

/// Export the list as CSV
#[utoipa::path(get, path = "/v1/suppressions.csv",
    responses((status = 200, description = "The list", body = String, content_type = "text/csv")))]
pub(crate) async fn export_suppressions(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
) -> Response {
    let parts = parts(state.suppressions, principal.tenant_id);
    attachment("suppressions.csv", parts)
}

/// The export in parts, each of which begins after the last number of the one before.
fn parts(
    suppressions: Suppressions,
    tenant: TenantId,
) -> impl Stream<Item = Result<String, Refused>> {
    let begin = Some((suppressions, None));
    stream::unfold(
        begin,
        move |at: Option<(Suppressions, Option<PhoneNumber>)>| async move {
            let (suppressions, after) = at?;
            match suppressions.export(tenant, after.as_ref()).await {
                Ok((csv, next)) => Some((Ok(csv), next.map(|number| (suppressions, Some(number))))),
                Err(problem) => Some((Err(problem), None)),
            }
        },
    )
}

/// A cursor: a number without its plus sign, which would be a blank in an address.
pub(crate) struct After(PhoneNumber);

impl FromStr for After {
    type Err = model::PhoneNumberProblem;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        format!("+{text}").parse().map(Self)
    }
}

impl From<Suppressed> for SuppressionView {
    fn from(entry: Suppressed) -> Self {
        let suppression = entry.suppression;
        Self {
            number: entry.number,
            reason: suppression.reason,
            at: suppression.at,
            note: suppression.note,
            call_id: suppression.call_id,
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
