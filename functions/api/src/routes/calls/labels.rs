//! What users say picked up: a label for a call, and detection measured by a campaign's labels.

use axum::extract::State as Shared;
use axum::{Extension, Json};
use jiff::Timestamp;
use model::{Amd, AnsweredBy, CallId, CampaignId};
use serde::{Deserialize, Serialize};
use service::account::access::Principal;
use service::call::labels::{Class, LabelClass, Labelled, Matrix};
use utoipa::ToSchema;

use crate::http::body::Body;
use crate::http::params::Path;
use crate::http::problem::Problem;
use crate::state::State;

/// What picked up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewLabel {
    answered_by: LabelClass,
}

/// A label.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Label)]
pub(crate) struct LabelView {
    call_id: CallId,
    answered_by: AnsweredBy,
    /// What detection had said when the label was given.
    verdict: AnsweredBy,
    at: Timestamp,
}

/// Detection against labels.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DetectionMatrix)]
pub(crate) struct MatrixView {
    /// Labelled calls of the campaign that were counted.
    labelled: u64,
    /// There are more labels than are counted.
    truncated: bool,
    /// Pairs of verdict and label that occurred.
    cells: Vec<CellView>,
    classes: Vec<ClassView>,
    /// What the campaign has the carrier detect now.
    amd: Amd,
}

/// How often a verdict met a label.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DetectionCell)]
pub(crate) struct CellView {
    /// What detection said.
    verdict: AnsweredBy,
    label: AnsweredBy,
    calls: u64,
}

/// How well one class is detected.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DetectionClass)]
pub(crate) struct ClassView {
    class: AnsweredBy,
    labelled: u64,
    detected: u64,
    right: u64,
    /// Of those that detection said are of the class, the share that are; `null`: it said so of none.
    precision: Option<f64>,
    /// Of those that are of the class, the share that detection said are; `null`: there are none.
    recall: Option<f64>,
}

/// Say what picked up a call
///
/// A later word replaces an earlier one; what detection said stays. A call that nothing picked up has
/// nothing to label.
#[utoipa::path(put, path = "/v1/calls/{call_id}/label",
    params(("call_id" = CallId, Path)), request_body = NewLabel,
    responses((status = 200, description = "The label", body = LabelView)))]
pub(crate) async fn label_call(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(call_id): Path<CallId>,
    Body(new): Body<NewLabel>,
) -> Result<Json<LabelView>, Problem> {
    let label = state
        .labels
        .label(
            principal.tenant_id,
            call_id,
            new.answered_by,
            principal.key_id,
        )
        .await?;
    Ok(Json(label.into()))
}

/// Compare what detection said with what users said, for the labelled calls of a campaign
#[utoipa::path(get, path = "/v1/campaigns/{campaign_id}/amd",
    params(("campaign_id" = CampaignId, Path)),
    responses((status = 200, description = "The confusion matrix", body = MatrixView)))]
pub(crate) async fn get_campaign_amd(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign_id): Path<CampaignId>,
) -> Result<Json<MatrixView>, Problem> {
    let matrix = state
        .labels
        .matrix(principal.tenant_id, campaign_id)
        .await?;
    Ok(Json(matrix.into()))
}

impl From<Labelled> for LabelView {
    fn from(label: Labelled) -> Self {
        Self {
            call_id: label.call_id,
            answered_by: label.answered_by,
            verdict: label.verdict,
            at: label.at,
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
                    label,
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
            class: class.class,
            labelled: class.labelled,
            detected: class.detected,
            right: class.right,
            precision: class.precision,
            recall: class.recall,
        }
    }
}
