//! The requests under `/v1/carrier_recordings`: what the carrier still has, compare it with ours, delete there.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::{Extension, Json};
use jiff::Timestamp;
use model::{CallId, LeftBecause};
use serde::{Deserialize, Serialize};
use service::account::access::{Permission, Principal};
use service::call::carrier_recordings::{
    Deleted, Deletion, DeletionRefused, ReconciliationReport, ReconciliationState,
};
use store::LeftRecording;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::registry::Routes;
use crate::state::State;

pub(in crate::routes) fn routes() -> Routes {
    use Permission::ManageCarrierRecordings as Manage;
    Routes::of(
        "carrier_recordings",
        "Recordings that the carrier's account still has, whoever had them made.",
    )
    .may(Manage, routes!(get_carrier_recordings))
    .may(Manage, routes!(reconcile_carrier_recordings))
    .may(Manage, routes!(delete_carrier_recordings))
}

/// What the latest comparison of the carrier's recordings with yours came to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reconciliation)]
pub(crate) struct ReconciliationView {
    state: ReconciliationState,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    /// What keeps it from going on, or made it be given up.
    problem: Option<String>,
    /// Recordings of your calls that were deleted at the carrier: a verified copy is in the bucket.
    deleted: u64,
    /// Of your calls, without a copy yet: it is made, and the carrier's is deleted after it.
    queued: u64,
    /// Of calls that are on or have just ended, or not finished at the carrier.
    waiting: u64,
    /// Left at the carrier.
    left: u64,
    /// Those that were left: the first 500, the newest first. Of calls, those of your own.
    recordings: Vec<LeftRecordingView>,
    /// How many more were left than are named.
    omitted: u64,
    /// When the next comparison begins by itself.
    next_at: Option<Timestamp>,
}

/// A recording that is left at the carrier.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LeftRecording)]
pub(crate) struct LeftRecordingView {
    carrier_recording_id: String,
    because: LeftBecause,
    /// The call that it is of, if it is one of yours.
    call_id: Option<CallId>,
    /// When it began.
    started_at: Option<Timestamp>,
    duration_seconds: Option<u32>,
    /// About how many bytes it has, by its length: carriers do not say.
    bytes_about: Option<u64>,
}

/// Recordings to delete at the carrier.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordingsToDelete {
    /// The carrier's ids of them.
    carrier_recording_ids: Vec<String>,
}

/// What became of each.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RecordingDeletions)]
pub(crate) struct DeletionsView {
    items: Vec<DeletionView>,
}

/// What became of a recording that was to be deleted at the carrier.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RecordingDeletion)]
pub(crate) struct DeletionView {
    carrier_recording_id: String,
    result: DeletionResult,
    /// Of one that was refused.
    refused_because: Option<DeletionRefused>,
}

/// What became of it. `not_there`: the carrier has no such recording, or it is another tenant's.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RecordingDeletionResult)]
pub(crate) enum DeletionResult {
    Deleted,
    NotThere,
    Refused,
}

/// Read what the carrier still has
///
/// As the latest comparison found it. Every night, at three (UTC), all recordings of the carrier's account are
/// compared with yours: one of your calls whose copy is in the bucket is deleted at the carrier, one without a copy
/// is copied first, and everything else is left and named here.
#[utoipa::path(get, path = "/v1/carrier_recordings",
    responses((status = 200, description = "The latest comparison", body = ReconciliationView)))]
pub(crate) async fn get_carrier_recordings(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
) -> Result<Json<ReconciliationView>, Problem> {
    let report = state.carrier_recordings.report(Some(principal.tenant_id));
    Ok(Json(report.await?.into()))
}

/// Compare the carrier's recordings with yours now
///
/// It begins within a minute and goes on by itself. One that is under way goes on.
#[utoipa::path(post, path = "/v1/carrier_recordings/reconcile",
    responses((status = 202, description = "It is on its way: watch `state`", body = ReconciliationView)))]
pub(crate) async fn reconcile_carrier_recordings(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
) -> Result<(StatusCode, Json<ReconciliationView>), Problem> {
    let recordings = &state.carrier_recordings;
    recordings.begin().await?;
    let report = recordings.report(Some(principal.tenant_id)).await?;
    Ok((StatusCode::ACCEPTED, Json(report.into())))
}

/// Delete recordings at the carrier
///
/// The only way in which recordings that are not yours are deleted: the account may be shared with other programs.
/// Each is looked at just before. One of your calls is deleted only if a verified copy is in the bucket
/// (`no_verified_copy`).
#[utoipa::path(post, path = "/v1/carrier_recordings/delete", request_body = RecordingsToDelete,
    responses((status = 200, description = "What became of each", body = DeletionsView)))]
pub(crate) async fn delete_carrier_recordings(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Body(which): Body<RecordingsToDelete>,
) -> Json<DeletionsView> {
    let tenant = Some(principal.tenant_id);
    let deleted = state
        .carrier_recordings
        .delete_by_ids(tenant, &which.carrier_recording_ids);
    let items = Box::pin(deleted).await.into_iter();
    Json(DeletionsView {
        items: items.map(DeletionView::from).collect(),
    })
}

impl From<ReconciliationReport> for ReconciliationView {
    fn from(report: ReconciliationReport) -> Self {
        let counts = report.counts;
        Self {
            state: report.state,
            started_at: report.started_at,
            ended_at: report.ended_at,
            problem: report.problem,
            deleted: counts.deleted,
            queued: counts.queued,
            waiting: counts.waiting,
            left: counts.left,
            recordings: report
                .left
                .into_iter()
                .map(LeftRecordingView::from)
                .collect(),
            omitted: report.omitted,
            next_at: report.next_at,
        }
    }
}

impl From<LeftRecording> for LeftRecordingView {
    fn from(left: LeftRecording) -> Self {
        Self {
            carrier_recording_id: left.carrier_recording_id,
            because: left.because,
            call_id: left.call_id,
            started_at: left.started_at,
            duration_seconds: left.duration_seconds,
            bytes_about: left.bytes_about,
        }
    }
}

impl From<Deletion> for DeletionView {
    fn from(deletion: Deletion) -> Self {
        let (result, refused_because) = match deletion.result {
            Deleted::Done => (DeletionResult::Deleted, None),
            Deleted::NotThere => (DeletionResult::NotThere, None),
            Deleted::Refused(because) => (DeletionResult::Refused, Some(because)),
        };
        Self {
            carrier_recording_id: deletion.carrier_recording_id,
            result,
            refused_because,
        }
    }
}
