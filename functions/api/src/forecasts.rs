//! `POST /v1/campaigns/{campaign_id}/simulate`: what is to be expected of a campaign.

use std::collections::BTreeMap;

use axum::extract::{Path, State as Shared};
use axum::{Extension, Json};
use forecast::Forecast;
use model::CampaignId;
use service::account::access::Principal;
use service::campaign::simulation::Ask;
use utoipa::ToSchema;

use crate::body::{Body, id};
use crate::{Problem, State};

/// Simulates a campaign's waiting leads with the planner, rules and retries that call them for real, on
/// virtual time. Nobody is called and nothing is changed. Send `{}` for every default.
#[utoipa::path(post, path = "/v1/campaigns/{campaign_id}/simulate", tag = "campaigns",
    params(("campaign_id" = String, Path)), request_body = SimulateBody,
    responses(
        (status = 200, description = "What is to be expected", body = ForecastView),
        (status = 404, description = "`not_found`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn simulate(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign_id): Path<String>,
    Body(ask): Body<Ask>,
) -> Result<Json<Forecast>, Problem> {
    let campaign_id: CampaignId = id(&campaign_id)?;
    let forecast = state
        .forecasts
        .simulate(principal.tenant_id, campaign_id, ask)
        .await?;
    Ok(Json(forecast))
}

/// What a simulation may be told. Everything has a default.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes `service::campaign::simulation::Ask`; a test compares them"
)]
pub(crate) struct SimulateBody {
    /// When it begins; absent: now.
    #[schema(format = DateTime)]
    from: Option<String>,
    /// 1 to 366, 14 where absent.
    #[schema(minimum = 1, maximum = 366)]
    days: Option<u32>,
    /// The same seed gives the same people; 1 where absent.
    seed: Option<u64>,
    /// How people and the carrier behave; absent: as in the latest calls of the campaign or the tenant.
    model: Option<OutcomeModelBody>,
    prices: Option<PricesBody>,
    /// Of a campaign with more waiting leads, so many are a sample, and counts are scaled up: 1 to
    /// 50,000, 10,000 where absent.
    #[schema(minimum = 1, maximum = 50_000)]
    max_leads: Option<u32>,
}

/// How calls go. What is left out has its default.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes `forecast::OutcomeModel`; a test compares them"
)]
pub(crate) struct OutcomeModelBody {
    /// Share of numbers that cannot be reached, 0 to 1.
    unreachable: Option<f64>,
    fax: Option<f64>,
    /// How an attempt goes; only the proportion counts.
    attempts: Option<SharesBody>,
    /// The same by the hour of the callee's clock, `"0"` to `"23"`.
    by_hour: Option<BTreeMap<String, SharesBody>>,
    /// Share of conversations in which the callee asks not to be called again.
    opt_out: Option<f64>,
    hung_up: Option<f64>,
    setup: Option<TimesBody>,
    answer: Option<TimesBody>,
    mailbox: Option<TimesBody>,
    ring_out: Option<TimesBody>,
    refusal: Option<TimesBody>,
    talk: Option<TimesBody>,
    machine: Option<TimesBody>,
    message: Option<TimesBody>,
    undetected: Option<TimesBody>,
}

/// How attempts go. One that is left out is 0.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes `forecast::Shares`; a test compares them"
)]
pub(crate) struct SharesBody {
    answered: Option<f64>,
    voicemail: Option<f64>,
    no_answer: Option<f64>,
    busy: Option<f64>,
    screened: Option<f64>,
    failed: Option<f64>,
}

/// A log-normal time.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes `forecast::Times`; a test compares them"
)]
pub(crate) struct TimesBody {
    median_seconds: f64,
    sigma: Option<f64>,
    max_seconds: Option<f64>,
}

/// Prices in millionths of a unit of currency. The defaults are assumptions.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes `forecast::Prices`; a test compares them"
)]
pub(crate) struct PricesBody {
    currency: Option<String>,
    source: Option<String>,
    as_of: Option<String>,
    carrier_per_minute: Option<PriceRangeBody>,
    detection_per_call: Option<PriceRangeBody>,
    vendors_per_minute: Option<PriceRangeBody>,
}

#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes `forecast::PriceRange`; a test compares them"
)]
pub(crate) struct PriceRangeBody {
    low_micros: u64,
    high_micros: u64,
}

/// What is to be expected. `leads.total` is the sum of `leads.refused`, `leads.done` and
/// `leads.waiting`; and also of `leads.called` and `skipped`.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes `forecast::Forecast`; a test compares them"
)]
pub(crate) struct ForecastView {
    #[schema(format = DateTime)]
    from: String,
    #[schema(format = DateTime)]
    until: String,
    days: u32,
    seed: u64,
    /// `{"kind"}`: `assumptions`, `by_hand`, or `history` with `calls`.
    #[schema(value_type = Object)]
    basis: (),
    /// Present when the leads are a sample: `simulated` of so many.
    #[schema(value_type = Option<Object>)]
    sample: Option<()>,
    /// `total`, `refused` and `done` by reason, `waiting`, `waiting_because` by rule, `called`.
    #[schema(value_type = Object)]
    leads: (),
    /// Leads that are never called in this time, by reason.
    skipped: BTreeMap<String, u64>,
    /// `expected_at`, `half_at`, `nine_tenths_at`; each absent when it is not within this time.
    #[schema(value_type = Object)]
    finish: (),
    /// `total`, `answered`, `conversations`, `talk_seconds`, `by_outcome`, `by_attempt`.
    #[schema(value_type = Object)]
    calls: (),
    /// `mean`, `peak`, `peak_at`, `active_hours`.
    #[schema(value_type = Object)]
    calls_per_hour: (),
    /// `peak`, `peak_at`, `limit`.
    #[schema(value_type = Object)]
    concurrency: (),
    /// Calls that were claimed and turned back at the moment of dialling, by rule.
    turned_back: BTreeMap<String, u64>,
    /// `needed` on the busiest day, and how many are `given`.
    #[schema(value_type = Object)]
    our_numbers: (),
    /// `currency`, `low_micros`, `high_micros` and `lines`.
    #[schema(value_type = Object)]
    cost: (),
    prices: PricesBody,
    /// What was assumed, in sentences.
    assumptions: Vec<String>,
    /// The chart: an entry for each hour.
    hours: Vec<ForecastHour>,
}

/// An hour of the chart.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes `forecast::Hour`; a test compares them")]
pub(crate) struct ForecastHour {
    #[schema(format = DateTime)]
    start: String,
    /// Calls begun.
    dials: u64,
    answered: u64,
    conversations: u64,
    /// The most calls at once.
    concurrency: u64,
    /// Leads done since the start, when the hour is over.
    done: u64,
    waiting: u64,
}
