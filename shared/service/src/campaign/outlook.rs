//! How a campaign goes: counts that add up, the pace of late, when it may be over, and why nobody is
//! called just now.
//!
//! The end is an estimate, not a plan: leads that wait, times the calls that leads took so far, at the
//! pace of late, in the hours in which their lanes are open. `simulate` answers the same question before
//! the first call.

use std::collections::BTreeMap;

use dialer::{Opening, Schedule};
use jiff::{SignedDuration, Timestamp};
use model::{
    Campaign, CampaignId, CampaignState, Lane, LaneId, LeadCounts, LeadState, Rule, TenantId,
};
use store::{LaneCounts, PlanNote};

use super::Campaigns;
use crate::Refused;

/// How far ahead an end is looked for.
const FORECAST_MAX: SignedDuration = SignedDuration::from_hours(90 * 24);
/// The grain of the forecast.
const FORECAST_STEP: SignedDuration = SignedDuration::from_mins(15);
/// Calls that a pace is worked out from; fewer say nothing.
const CALLS_MIN: u64 = 5;
/// How far back the calls of each hour are told.
const HOURS_TOLD: SignedDuration = SignedDuration::from_hours(48);
/// A note of the planner that is older than this says nothing of now.
const NOTE_FRESH: SignedDuration = SignedDuration::from_mins(5);
/// Open lanes that are asked for a due lead. Where there are more, nobody says how many leads wait.
const LANES_ASKED_MAX: usize = 20;

/// How a campaign goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    pub campaign: Campaign,
    pub at: Timestamp,
    pub counts: LeadCounts,
    pub lanes: Vec<LaneOutlook>,
    /// Calls that ended, by hour (UTC, `2026-03-08T09`), of the last two days; hours without are missing.
    pub calls_by_hour: BTreeMap<String, u64>,
    /// The pace of the last hour; absent when there were too few calls.
    pub calls_per_hour: Option<u64>,
    /// When everybody may be done, at this pace; absent when nobody can tell.
    pub ends_about: Option<Timestamp>,
    /// When the next lane opens that has leads waiting, if all of them are closed now.
    pub next_opening: Option<Timestamp>,
    /// Why nobody, or not everybody, is called just now.
    pub held: Vec<Held>,
}

/// One lane of a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneOutlook {
    pub id: LaneId,
    pub lane: Lane,
    pub counts: LeadCounts,
    pub open: bool,
    /// The rule that closes it.
    pub closed_by: Option<Rule>,
    /// When it opens or closes next.
    pub changes_at: Option<Timestamp>,
}

/// A rule that holds leads back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub rule: Rule,
    /// How many, as far as it is known.
    pub leads: Option<u64>,
    pub until: Option<Timestamp>,
    pub says: String,
}

impl Campaigns {
    /// How a campaign goes.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn outlook(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
    ) -> Result<Outlook, Refused> {
        let campaign = self.get(tenant, campaign).await?;
        let now = self.clock.now();
        let counted = self.leads.counts(tenant, campaign.id).await?;
        let counts = LaneCounts::sum(&counted);
        let since = now.saturating_sub(HOURS_TOLD).unwrap_or(Timestamp::MIN);
        let hours = self.leads.calls_by_hour(tenant, campaign.id, since).await?;
        let note = self.plans.get(tenant, campaign.id).await?;
        let lanes = outlook_of_lanes(&campaign, counted, now);
        let mut held = held(&campaign, &counts, &lanes, note.as_ref(), now);
        if held.is_empty() && campaign.state == CampaignState::Running && counts.waiting > 0 {
            held.extend(self.not_due(&campaign, &lanes, now).await?);
        }
        let pace = pace(&campaign, &hours, now);
        let waiting = lanes.iter().filter(|lane| lane.counts.waiting > 0);
        let all_closed = counts.waiting > 0 && waiting.clone().all(|lane| !lane.open);
        let next_opening = if all_closed {
            waiting.filter_map(|lane| lane.changes_at).min()
        } else {
            None
        };
        Ok(Outlook {
            ends_about: pace.and_then(|pace| ends_about(&campaign, &counts, &lanes, pace, now)),
            calls_per_hour: pace.map(rounded),
            campaign,
            at: now,
            counts,
            lanes,
            calls_by_hour: hours,
            next_opening,
            held,
        })
    }

    /// Whether every lead of the open lanes waits for its time.
    async fn not_due(
        &self,
        campaign: &Campaign,
        lanes: &[LaneOutlook],
        now: Timestamp,
    ) -> Result<Option<Held>, Refused> {
        let (tenant, id) = (campaign.tenant_id, campaign.id);
        let open = lanes
            .iter()
            .filter(|lane| lane.open && lane.counts.waiting > 0);
        let all_are_asked = open.clone().count() <= LANES_ASKED_MAX;
        let mut next: Option<Timestamp> = None;
        let mut leads = 0_u64;
        for lane in open.take(LANES_ASKED_MAX) {
            let first = self
                .leads
                .due(tenant, id, lane.id, Timestamp::MAX, 1)
                .await?;
            let Some(LeadState::Waiting { due_at }) = first.first().map(|row| &row.lead.state)
            else {
                continue;
            };
            if *due_at <= now {
                return Ok(None);
            }
            leads = leads.saturating_add(lane.counts.waiting);
            next = Some(next.map_or(*due_at, |next| next.min(*due_at)));
        }
        Ok(next.map(|until| Held {
            rule: Rule::NotDue,
            leads: all_are_asked.then_some(leads),
            until: Some(until),
            says: "wait until they are due again after an earlier attempt".to_owned(),
        }))
    }
}

fn outlook_of_lanes(
    campaign: &Campaign,
    counted: Vec<LaneCounts>,
    now: Timestamp,
) -> Vec<LaneOutlook> {
    let counted = counted.into_iter();
    counted
        .map(|LaneCounts { lane, counts }| {
            let opening = Schedule::new(Some(&campaign.fields), &lane).at(now);
            let (open, closed_by, changes_at) = match opening {
                Opening::Open { closes_at } => (true, None, closes_at),
                Opening::Closed { rule, opens_at } => (false, Some(rule), opens_at),
            };
            LaneOutlook {
                id: lane.id(),
                lane,
                counts,
                open,
                closed_by,
                changes_at,
            }
        })
        .collect()
}

/// What is known to hold leads back, without reading any.
fn held(
    campaign: &Campaign,
    counts: &LeadCounts,
    lanes: &[LaneOutlook],
    note: Option<&PlanNote>,
    now: Timestamp,
) -> Vec<Held> {
    let fields = &campaign.fields;
    let mut held = Vec::new();
    if counts.waiting == 0 {
        return held;
    }
    if campaign.state != CampaignState::Running {
        let until = fields.starts_at.filter(|at| *at > now);
        held.push(Held {
            rule: Rule::CampaignState,
            leads: Some(counts.waiting),
            until: until.filter(|_at| campaign.state == CampaignState::Scheduled),
            says: format!("the campaign is {}", campaign.state.code()),
        });
        return held;
    }
    let mut closed: BTreeMap<Rule, (u64, Option<Timestamp>)> = BTreeMap::new();
    for lane in lanes.iter().filter(|lane| lane.counts.waiting > 0) {
        if let Some(rule) = lane.closed_by {
            let (leads, until) = closed.entry(rule).or_default();
            *leads = leads.saturating_add(lane.counts.waiting);
            *until = match (*until, lane.changes_at) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
    }
    for (rule, (leads, until)) in closed {
        held.push(Held {
            rule,
            leads: Some(leads),
            until,
            says: says(rule).to_owned(),
        });
    }
    let most = u64::from(fields.max_concurrent_calls);
    if counts.calling >= most {
        held.push(Held {
            rule: Rule::CampaignConcurrency,
            leads: None,
            until: None,
            says: format!("{} of {most} calls at once are on", counts.calling),
        });
    }
    // What the planner said of leads that it looked at, of rules that are not told yet.
    let fresh = note.filter(|note| now.duration_since(note.at) <= NOTE_FRESH);
    for (rule, leads) in fresh.into_iter().flat_map(|note| &note.held) {
        if held.iter().all(|known| known.rule != *rule) {
            held.push(Held {
                rule: *rule,
                leads: Some(u64::from(*leads)),
                until: None,
                says: format!("{}, of those that were looked at last", says(*rule)),
            });
        }
    }
    held
}

/// What a rule means for leads that it holds.
const fn says(rule: Rule) -> &'static str {
    match rule {
        Rule::NotCallable => "have numbers that are not called",
        Rule::Suppressed => "are on the suppression list",
        Rule::Consent => "lack the consent that the campaign asks for",
        Rule::ZoneUnknown => "are where nobody knows the time",
        Rule::CampaignWindow => "are where the campaign's windows are closed now",
        Rule::LegalHours => "are where the law forbids calls at this hour",
        Rule::Holiday => "are where it is a public holiday",
        Rule::BlockedDay => "are where it is one of the campaign's blocked days",
        Rule::FrequencyCap => "were called as often of late as the caps allow",
        Rule::MinimumGap => "were called a short while ago",
        Rule::Attempts => "have used up their attempts",
        Rule::NotDue => "are not due yet",
        Rule::CampaignState => "wait for the campaign to run",
        Rule::AlternateNumbers => {
            "were to be called on another number, which the campaign does not do"
        }
        Rule::NumberBusy => "are being called by somebody else of yours",
        Rule::CampaignConcurrency => "wait for a line of the campaign",
        Rule::TenantConcurrency => "wait for a line of the tenant",
        Rule::AccountConcurrency => "wait for a line of the carrier's account",
        Rule::NoWorker => "wait for a media worker that has room",
        Rule::Pacing => "wait for their turn at the carrier's calls per second",
        Rule::Ramp => "wait while the campaign goes up step by step",
        Rule::CircuitBreaker => "wait because too many calls failed of late",
        Rule::OurNumber => "wait for a number of yours that may call today",
        Rule::FairShare => "wait for another campaign's turn to pass",
    }
}

/// Calls an hour in the last hour, or since the campaign began if that is shorter.
fn pace(campaign: &Campaign, hours: &BTreeMap<String, u64>, now: Timestamp) -> Option<f64> {
    let hour = |at: Timestamp| {
        let name = at.strftime("%Y-%m-%dT%H").to_string();
        hours.get(&name).copied().unwrap_or_default()
    };
    let seconds = u32::try_from(now.as_second().rem_euclid(3_600)).unwrap_or_default();
    let before = now.checked_sub(SignedDuration::from_hours(1)).ok()?;
    let (this, last) = (hour(now), hour(before));
    if this.saturating_add(last) < CALLS_MIN {
        return None;
    }
    let gone = f64::from(seconds) / 3_600.0;
    let calls = real(this) + real(last) * (1.0 - gone);
    let since = campaign.last_started_at?;
    let running = now.duration_since(since).as_secs_f64() / 3_600.0;
    // Five minutes at least: a first burst is no pace.
    Some(calls / running.clamp(5.0 / 60.0, 1.0))
}

/// Walks ahead through the hours in which lanes are open.
fn ends_about(
    campaign: &Campaign,
    counts: &LeadCounts,
    lanes: &[LaneOutlook],
    calls_per_hour: f64,
    now: Timestamp,
) -> Option<Timestamp> {
    if campaign.state != CampaignState::Running {
        return None;
    }
    let calls: u64 = counts.calls.values().sum();
    let done: u64 = counts.done.values().sum();
    let most = f64::from(campaign.fields.max_attempts);
    let each = if done == 0 {
        1.0
    } else {
        (real(calls) / real(done)).clamp(1.0, most)
    };
    let mut left: Vec<(Schedule, f64)> = lanes
        .iter()
        .filter(|lane| lane.counts.waiting > 0)
        .map(|lane| {
            let schedule = Schedule::new(Some(&campaign.fields), &lane.lane);
            (schedule, real(lane.counts.waiting) * each)
        })
        .collect();
    let last = now.checked_add(FORECAST_MAX).ok()?;
    let per_step = calls_per_hour * FORECAST_STEP.as_secs_f64() / 3_600.0;
    let mut at = now;
    while at < last {
        left.retain(|(_schedule, calls)| *calls > 0.0);
        if left.is_empty() {
            let ends = campaign.fields.ends_at;
            return Some(ends.map_or(at, |end| end.min(at)));
        }
        let mut opens: Option<Timestamp> = None;
        let mut open = Vec::new();
        for (schedule, calls) in &mut left {
            match schedule.at(at) {
                Opening::Open { .. } => open.push(calls),
                Opening::Closed {
                    opens_at: Some(next),
                    ..
                } => {
                    opens = Some(opens.map_or(next, |opens| opens.min(next)));
                }
                Opening::Closed { opens_at: None, .. } => *calls = 0.0,
            }
        }
        let due: f64 = open.iter().map(|calls| **calls).sum();
        if due <= 0.0 {
            // Nothing is open: on to where something is.
            at = opens.unwrap_or(at).max(at.checked_add(FORECAST_STEP).ok()?);
            continue;
        }
        let share = (per_step / due).min(1.0);
        for calls in open {
            *calls -= *calls * share;
            if *calls < 0.5 {
                *calls = 0.0;
            }
        }
        at = at.checked_add(FORECAST_STEP).ok()?;
    }
    None
}

/// Exact up to 2^52, and near enough beyond: it only feeds estimates.
fn real(count: u64) -> f64 {
    let high = u32::try_from(count >> 32).unwrap_or(u32::MAX);
    let low = u32::try_from(count & u64::from(u32::MAX)).unwrap_or_default();
    f64::from(high) * 4_294_967_296.0 + f64::from(low)
}

/// A pace as a whole number.
fn rounded(value: f64) -> u64 {
    // A duration converts without a cast that could lose something silently.
    let whole = std::time::Duration::try_from_secs_f64(value.max(0.0) + 0.5);
    whole.map_or(0, |value| value.as_secs())
}

#[cfg(test)]
mod tests {
    use model::{CampaignFields, LeadResult, Outcome};

    use super::*;

    fn running(windows: &str) -> Campaign {
        let mut fields = CampaignFields::new("Spring");
        fields.windows = serde_json::from_str(windows).unwrap();
        let (tenant, id) = (TenantId::from_parts(0, 0), CampaignId::from_parts(0, 0));
        Campaign {
            state: CampaignState::Running,
            last_started_at: Some("2026-03-02T17:00:00Z".parse().unwrap()),
            fields,
            ..support::campaign(tenant, id, Timestamp::UNIX_EPOCH)
        }
    }

    fn lane(waiting: u64) -> LaneCounts {
        let zones = vec!["America/Los_Angeles".to_owned()];
        LaneCounts {
            lane: Lane::new(zones, vec!["US-CA".to_owned()]),
            counts: LeadCounts {
                waiting,
                ..LeadCounts::default()
            },
        }
    }

    const MONDAY: &str = r#"{"mon":[["10:00","12:00"]]}"#;

    #[test]
    fn the_end_is_in_hours_in_which_somebody_is_called() {
        let campaign = running(MONDAY);
        // Monday 2 March 2026, 11:00 in Los Angeles: an hour is left, a hundred calls an hour.
        let now: Timestamp = "2026-03-02T19:00:00Z".parse().unwrap();
        let end = |waiting| {
            let lanes = outlook_of_lanes(&campaign, vec![lane(waiting)], now);
            let counts = LeadCounts {
                waiting,
                done: [(LeadResult::Reached, 10)].into(),
                calls: [(Outcome::AgentEnded, 10), (Outcome::NoAnswer, 10)].into(),
                ..LeadCounts::default()
            };
            ends_about(&campaign, &counts, &lanes, 100.0, now).map(|end| end.to_string())
        };
        // Two calls a lead.
        assert_eq!(end(50).as_deref(), Some("2026-03-02T20:00:00Z"));
        // The next Monday is after the clocks went forward.
        assert_eq!(end(75).as_deref(), Some("2026-03-09T17:30:00Z"));
        assert_eq!(end(1_000_000), None);
    }

    #[test]
    fn the_pace_is_that_of_the_last_hour() {
        let campaign = running(MONDAY);
        let hours = BTreeMap::from([
            ("2026-03-02T18".to_owned(), 60),
            ("2026-03-02T19".to_owned(), 20),
        ]);
        let now: Timestamp = "2026-03-02T19:30:00Z".parse().unwrap();
        assert_eq!(pace(&campaign, &hours, now).map(rounded), Some(50));
        let few = BTreeMap::from([("2026-03-02T19".to_owned(), 4)]);
        assert_eq!(pace(&campaign, &few, now), None);
    }

    #[test]
    fn a_closed_lane_says_which_rule_and_until_when() {
        let campaign = running(MONDAY);
        let now: Timestamp = "2026-03-02T21:00:00Z".parse().unwrap();
        let lanes = outlook_of_lanes(&campaign, vec![lane(7)], now);
        let counts = LeadCounts {
            waiting: 7,
            ..LeadCounts::default()
        };
        let held = held(&campaign, &counts, &lanes, None, now);
        assert_eq!(held.len(), 1);
        assert_eq!(held[0].rule, Rule::CampaignWindow);
        assert_eq!(held[0].leads, Some(7));
        assert_eq!(
            held[0].until.map(|at| at.to_string()).as_deref(),
            Some("2026-03-09T17:00:00Z")
        );
    }
}
