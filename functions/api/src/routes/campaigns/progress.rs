//! How a campaign goes: leads and calls, the pace, and why nobody is called just now.

use std::collections::BTreeMap;

use axum::extract::State as Shared;
use axum::{Extension, Json};
use jiff::Timestamp;
use model::{CampaignId, CampaignState, LaneId, LeadCounts, LeadResult, Outcome, Rule};
use serde::Serialize;
use service::account::access::Principal;
use service::campaign::outlook::{Held, LaneOutlook, Outlook};
use utoipa::ToSchema;

use crate::http::params::Path;
use crate::http::problem::Problem;
use crate::state::State;

/// Leads by state. `total` is the sum of the others.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LeadCounts)]
pub(crate) struct LeadCountsView {
    total: u64,
    waiting: u64,
    calling: u64,
    /// By result; all are there.
    done: BTreeMap<LeadResult, u64>,
}

/// How a campaign goes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CampaignProgress)]
pub(crate) struct ProgressView {
    campaign_id: CampaignId,
    state: CampaignState,
    at: Timestamp,
    leads: LeadCountsView,
    /// Of all leads those that are done, rounded down.
    percent_done: u64,
    calls: CallCountsView,
    /// The pace of the last hour; `null` after too few calls.
    calls_per_hour: Option<u64>,
    /// When everybody may be done, at this pace and in these windows, and not before the last lead that waits may be
    /// called: an estimate. Calls that retries will take are in it, how long they will wait is not.
    ends_about: Option<Timestamp>,
    /// When the next call is possible, if all lanes with waiting leads are closed now.
    next_opening: Option<Timestamp>,
    /// Why nobody, or not everybody, is called just now.
    held: Vec<HeldView>,
    /// Leads by what decides when they may be called.
    lanes: Vec<LaneView>,
}

/// Ended calls.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CallCounts)]
pub(crate) struct CallCountsView {
    total: u64,
    /// By outcome; one that is missing is zero.
    by_outcome: BTreeMap<Outcome, u64>,
    /// Of the last two days, by hour (UTC, `2026-03-08T09`); one that is missing is zero.
    by_hour: BTreeMap<String, u64>,
}

/// A rule that holds leads back.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HeldLeads)]
pub(crate) struct HeldView {
    rule: Rule,
    /// `null`: it is not known how many.
    leads: Option<u64>,
    until: Option<Timestamp>,
    /// What it does to them.
    says: String,
}

/// Leads that may be called at the same times.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Lane)]
pub(crate) struct LaneView {
    id: LaneId,
    zones: Vec<String>,
    jurisdictions: Vec<String>,
    waiting: u64,
    calling: u64,
    done: u64,
    open: bool,
    /// The rule that closes it.
    closed_by: Option<Rule>,
    /// When it opens or closes next.
    changes_at: Option<Timestamp>,
}

/// Say how a campaign goes
///
/// Leads and calls, the pace, when it may be over, and why nobody is called just now.
#[utoipa::path(get, path = "/v1/campaigns/{campaign_id}/progress",
    params(("campaign_id" = CampaignId, Path)),
    responses((status = 200, description = "The progress", body = ProgressView)))]
pub(crate) async fn get_campaign_progress(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign_id): Path<CampaignId>,
) -> Result<Json<ProgressView>, Problem> {
    let outlook = state
        .campaigns
        .outlook(principal.tenant_id, campaign_id)
        .await?;
    Ok(Json(outlook.into()))
}

impl From<&LeadCounts> for LeadCountsView {
    fn from(counts: &LeadCounts) -> Self {
        let done = LeadResult::ALL.map(|result| {
            let count = counts.done.get(&result).copied().unwrap_or_default();
            (result, count)
        });
        Self {
            total: counts.total(),
            waiting: counts.waiting,
            calling: counts.calling,
            done: done.into(),
        }
    }
}

impl From<Outlook> for ProgressView {
    fn from(outlook: Outlook) -> Self {
        let counts = &outlook.counts;
        let done: u64 = counts.done.values().sum();
        let percent = done.saturating_mul(100).checked_div(counts.total());
        Self {
            campaign_id: outlook.campaign.id,
            state: outlook.campaign.state,
            at: outlook.at,
            leads: LeadCountsView::from(counts),
            percent_done: percent.unwrap_or_default(),
            calls: CallCountsView {
                total: counts.calls.values().sum(),
                by_outcome: counts.calls.clone(),
                by_hour: outlook.calls_by_hour,
            },
            calls_per_hour: outlook.calls_per_hour,
            ends_about: outlook.ends_about,
            next_opening: outlook.next_opening,
            held: outlook.held.into_iter().map(HeldView::from).collect(),
            lanes: outlook.lanes.into_iter().map(LaneView::from).collect(),
        }
    }
}

impl From<Held> for HeldView {
    fn from(held: Held) -> Self {
        Self {
            rule: held.rule,
            leads: held.leads,
            until: held.until,
            says: held.says,
        }
    }
}

impl From<LaneOutlook> for LaneView {
    fn from(lane: LaneOutlook) -> Self {
        Self {
            id: lane.id,
            zones: lane.lane.zones,
            jurisdictions: lane.lane.jurisdictions,
            waiting: lane.counts.waiting,
            calling: lane.counts.calling,
            done: lane.counts.done.values().sum(),
            open: lane.open,
            closed_by: lane.closed_by,
            changes_at: lane.changes_at,
        }
    }
}
