//! What users say picked up: a label for a call, and detection measured by a campaign's labels.

use axum::extract::{Path, State as Shared};
use axum::{Extension, Json};
use model::CallId;
use serde::{Deserialize, Serialize};
use service::account::access::Principal;
use service::call::labels::{Class, Matrix, Picked};
use store::Label;
use utoipa::ToSchema;

use crate::body::{Body, id};
use crate::campaigns::AmdBody;
use crate::openapi;
use crate::{Problem, State};

/// What picked up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewLabel {
    #[schema(schema_with = openapi::picked)]
    answered_by: Picked,
}

/// A label.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LabelView {
    call_id: String,
    #[schema(schema_with = openapi::picked)]
    answered_by: String,
    /// What detection said, in the same words, or `unknown`.
    verdict: String,
    #[schema(format = DateTime)]
    at: String,
}

/// Detection against labels.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MatrixView {
    /// Labelled calls of the campaign that were counted.
    labelled: u64,
    /// There are more labels than are counted.
    truncated: bool,
    /// Pairs of verdict and label that occurred.
    cells: Vec<CellView>,
    classes: Vec<ClassView>,
    /// What the campaign has the carrier detect now.
    #[schema(value_type = AmdBody)]
    amd: model::Amd,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CellView {
    /// What detection said, or `unknown`.
    verdict: String,
    #[schema(schema_with = openapi::picked)]
    label: String,
    calls: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClassView {
    #[schema(schema_with = openapi::picked)]
    class: String,
    labelled: u64,
    detected: u64,
    right: u64,
    /// Of those that detection said are of the class, the share that are; `null`: it said so of none.
    precision: Option<f64>,
    /// Of those that are of the class, the share that detection said are; `null`: there are none.
    recall: Option<f64>,
}

/// Says what picked up a call. A later word replaces an earlier one; what detection said stays.
#[utoipa::path(post, path = "/v1/calls/{call_id}/label", tag = "calls",
    request_body = NewLabel, params(("call_id" = String, Path)),
    responses(
        (status = 200, description = "The label", body = LabelView),
        (status = 404, description = "`not_found`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid`: nothing picked up", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn label(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(call_id): Path<String>,
    Body(new): Body<NewLabel>,
) -> Result<Json<LabelView>, Problem> {
    let call_id: CallId = id(&call_id)?;
    let label = state
        .labels
        .label(
            principal.tenant_id,
            call_id,
            new.answered_by,
            principal.key_id,
        )
        .await?;
    Ok(Json(LabelView::from(label)))
}

/// Compares what detection said with what users said, for the labelled calls of a campaign.
#[utoipa::path(get, path = "/v1/campaigns/{campaign_id}/amd", tag = "campaigns",
    params(("campaign_id" = String, Path)),
    responses(
        (status = 200, description = "The confusion matrix", body = MatrixView),
        (status = 404, description = "`not_found`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn matrix(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign_id): Path<String>,
) -> Result<Json<MatrixView>, Problem> {
    let matrix = state
        .labels
        .matrix(principal.tenant_id, id(&campaign_id)?)
        .await?;
    Ok(Json(MatrixView::from(matrix)))
}

impl From<Label> for LabelView {
    fn from(label: Label) -> Self {
        Self {
            call_id: label.call_id.to_string(),
            answered_by: label.answered_by,
            verdict: label.verdict,
            at: label.at.to_string(),
        }
    }
}

impl From<Matrix> for MatrixView {
    fn from(matrix: Matrix) -> Self {
        let cells = matrix.cells.into_iter();
        Self {
            labelled: matrix.labelled,
            truncated: matrix.truncated,
            cells: cells
                .map(|((verdict, label), calls)| CellView {
                    verdict,
                    label: label.code().to_owned(),
                    calls,
                })
                .collect(),
            classes: matrix.classes.into_iter().map(ClassView::from).collect(),
            amd: matrix.amd,
        }
    }
}

impl From<Class> for ClassView {
    fn from(class: Class) -> Self {
        Self {
            class: class.class.code().to_owned(),
            labelled: class.labelled,
            detected: class.detected,
            right: class.right,
            precision: class.precision,
            recall: class.recall,
        }
    }
}
