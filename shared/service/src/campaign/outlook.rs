//! How a campaign goes: counts that add up, the pace of late, when it may be over, and why nobody is
//! called just now.
//!
//! The end is an estimate, not a plan: leads that wait, times the calls that leads took so far, at the
//! pace of late, in the hours in which their lanes are open. Nobody is taken to be called before the first
//! lead of a lane is due, and the end is never before the last one that waits may be called. Calls that
//! retries will take are in it, how long those retries will wait is not: nobody knows yet who needs one.
//! `simulate` answers the same question before the first call.

use std::collections::BTreeMap;

use dialer::{Opening, Schedule};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use model::{
    Campaign, CampaignId, CampaignState, Lane, LaneId, LeadCounts, LeadState, Rule, TenantId,
};
use store::{DueSpan, LaneCounts, PlanNote};

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
/// Lanes with waiting leads that are asked when their leads are due, side by side a few at a time: a list all over
/// the United States has 65. Where there are more, nobody says when the campaign ends.
const LANES_OF_END_MAX: usize = 200;
const READS_AT_ONCE: usize = 8;

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
    /// When everybody may be done, at this pace, and not before the last lead that waits may be called; absent
    /// when nobody can tell.
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
        let ends_about = self.ends_about(&campaign, &counts, &lanes, pace, now);
        let ends_about = ends_about.await?;
        let waiting = lanes.iter().filter(|lane| lane.counts.waiting > 0);
        let all_closed = counts.waiting > 0 && waiting.clone().all(|lane| !lane.open);
        let next_opening = if all_closed {
            waiting.filter_map(|lane| lane.changes_at).min()
        } else {
            None
        };
        Ok(Outlook {
            ends_about,
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

    /// When the campaign may be over. Due times are read only where there is an end to tell.
    async fn ends_about(
        &self,
        campaign: &Campaign,
        counts: &LeadCounts,
        lanes: &[LaneOutlook],
        pace: Option<f64>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Refused> {
        let Some(pace) = pace.or_else(|| all_at_once(campaign, counts)) else {
            return Ok(None);
        };
        let waiting = lanes.iter().filter(|lane| lane.counts.waiting > 0);
        let running = campaign.state == CampaignState::Running;
        if !running || waiting.clone().count() > LANES_OF_END_MAX {
            return Ok(None);
        }
        let (tenant, id) = (campaign.tenant_id, campaign.id);
        let asked: Vec<(LaneId, u64)> =
            waiting.map(|lane| (lane.id, lane.counts.waiting)).collect();
        let spans: BTreeMap<LaneId, DueSpan> = stream::iter(asked)
            .map(async |(lane, waiting)| {
                let span = self.leads.due_span(tenant, id, lane, waiting).await?;
                Ok::<_, Refused>(span.map(|span| (lane, span)))
            })
            .buffered(READS_AT_ONCE)
            .try_filter_map(async |span| Ok(span))
            .try_collect()
            .await?;
        Ok(ends_about(campaign, counts, lanes, &spans, pace, now))
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

/// Where there are too few calls for a pace none is needed for no more leads than the campaign has lines: they are
/// all called when they may be.
fn all_at_once(campaign: &Campaign, counts: &LeadCounts) -> Option<f64> {
    let lines = u64::from(campaign.fields.max_concurrent_calls);
    (1..=lines)
        .contains(&counts.waiting)
        .then_some(f64::INFINITY)
}

/// The leads of a lane that wait, on the walk ahead.
struct Left {
    schedule: Schedule,
    calls: f64,
    /// When the first of them is due.
    from: Timestamp,
}

/// Walks ahead through the hours in which lanes are open and their leads are due.
fn ends_about(
    campaign: &Campaign,
    counts: &LeadCounts,
    lanes: &[LaneOutlook],
    spans: &BTreeMap<LaneId, DueSpan>,
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
    // When the last lead that waits may be called, or is ended because it may not.
    let mut last_called = now;
    let mut left: Vec<Left> = Vec::new();
    for lane in lanes.iter().filter(|lane| lane.counts.waiting > 0) {
        let mut schedule = Schedule::new(Some(&campaign.fields), &lane.lane);
        let span = spans.get(&lane.id);
        let last = span.map_or(now, |span| span.last.max(now));
        last_called = last_called.max(schedule.open_from(last).unwrap_or(last));
        left.push(Left {
            schedule,
            calls: real(lane.counts.waiting) * each,
            from: span.map_or(now, |span| span.first.max(now)),
        });
    }
    let ends = |at: Timestamp| {
        let at = at.max(last_called);
        campaign.fields.ends_at.map_or(at, |end| end.min(at))
    };
    let last = now.checked_add(FORECAST_MAX).ok()?;
    let per_step = calls_per_hour * FORECAST_STEP.as_secs_f64() / 3_600.0;
    let mut at = now;
    while at < last {
        left.retain(|lane| lane.calls > 0.0);
        if left.is_empty() {
            return Some(ends(at));
        }
        let mut opens: Option<Timestamp> = None;
        let mut open = Vec::new();
        for lane in &mut left {
            match lane.schedule.open_from(lane.from.max(at)) {
                Some(next) if next <= at => open.push(&mut lane.calls),
                Some(next) => opens = Some(opens.map_or(next, |opens| opens.min(next))),
                None => lane.calls = 0.0,
            }
        }
        let due: f64 = open.iter().map(|calls| **calls).sum();
        if due <= 0.0 {
            // Nobody can be called: on to when somebody can.
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
    use model::{LeadResult, Outcome};

    use super::*;

    fn running(windows: &str) -> Campaign {
        let mut fields = support::campaign_fields("Spring");
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

    /// Leads of the lane above, of which the first and the last are due then.
    fn due(first: &str, last: &str) -> BTreeMap<LaneId, DueSpan> {
        let span = DueSpan {
            first: first.parse().unwrap(),
            last: last.parse().unwrap(),
        };
        BTreeMap::from([(lane(1).lane.id(), span)])
    }

    fn waiting(waiting: u64) -> LeadCounts {
        LeadCounts {
            waiting,
            done: [(LeadResult::Reached, 10)].into(),
            calls: [(Outcome::AgentEnded, 10), (Outcome::NoAnswer, 10)].into(),
            ..LeadCounts::default()
        }
    }

    #[test]
    fn the_end_is_in_hours_in_which_somebody_is_called() {
        let campaign = running(MONDAY);
        // Monday 2 March 2026, 11:00 in Los Angeles: an hour is left, a hundred calls an hour.
        let now: Timestamp = "2026-03-02T19:00:00Z".parse().unwrap();
        let end = |leads| {
            let lanes = outlook_of_lanes(&campaign, vec![lane(leads)], now);
            let due = due("2026-03-01T00:00:00Z", "2026-03-02T18:00:00Z");
            let end = ends_about(&campaign, &waiting(leads), &lanes, &due, 100.0, now);
            end.map(|end| end.to_string())
        };
        // Two calls a lead.
        assert_eq!(end(50).as_deref(), Some("2026-03-02T20:00:00Z"));
        // The next Monday is after the clocks went forward.
        assert_eq!(end(75).as_deref(), Some("2026-03-09T17:30:00Z"));
        assert_eq!(end(1_000_000), None);
    }

    #[test]
    fn one_mailbox_that_waits_until_the_night_ends_its_campaign_in_the_morning() {
        let every_day = r#"{"mon":[["10:00","19:00"]],"tue":[["10:00","19:00"]]}"#;
        let campaign = running(every_day);
        // Monday, noon in Los Angeles; the last lead is due on Tuesday at 01:08.
        let now: Timestamp = "2026-03-02T20:00:00Z".parse().unwrap();
        let due = due("2026-03-03T09:08:00Z", "2026-03-03T09:08:00Z");
        let lanes = outlook_of_lanes(&campaign, vec![lane(1)], now);
        let end = |pace| ends_about(&campaign, &waiting(1), &lanes, &due, pace, now).unwrap();
        let tuesday_at_ten: Timestamp = "2026-03-03T18:00:00Z".parse().unwrap();
        let hour_after = tuesday_at_ten + SignedDuration::from_hours(1);
        for pace in [100.0, f64::INFINITY] {
            assert!((tuesday_at_ten..hour_after).contains(&end(pace)), "{pace}");
        }
        // Where the campaign ends before that, it ends then.
        let mut ended = campaign.clone();
        ended.fields.ends_at = Some("2026-03-03T08:00:00Z".parse().unwrap());
        let end = ends_about(&ended, &waiting(1), &lanes, &due, 100.0, now);
        assert_eq!(end, ended.fields.ends_at);
    }

    #[test]
    fn a_list_that_is_due_but_for_one_ends_with_that_one() {
        let campaign = running(r#"{"mon":[["10:00","19:00"]],"tue":[["10:00","19:00"]]}"#);
        let now: Timestamp = "2026-03-02T20:00:00Z".parse().unwrap();
        let lanes = outlook_of_lanes(&campaign, vec![lane(50)], now);
        let due = due("2026-03-02T18:00:00Z", "2026-03-03T09:08:00Z");
        let end = ends_about(&campaign, &waiting(50), &lanes, &due, 100.0, now);
        assert_eq!(end, Some("2026-03-03T18:00:00Z".parse().unwrap()));
    }

    #[test]
    fn a_list_that_is_due_tomorrow_takes_its_hours_from_then_on() {
        let campaign = running(r#"{"mon":[["10:00","19:00"]],"tue":[["10:00","19:00"]]}"#);
        let now: Timestamp = "2026-03-02T20:00:00Z".parse().unwrap();
        let lanes = outlook_of_lanes(&campaign, vec![lane(150)], now);
        let due = due("2026-03-03T18:00:00Z", "2026-03-03T18:10:00Z");
        // Three hundred calls at a hundred an hour, from Tuesday 10:00 on.
        let end = ends_about(&campaign, &waiting(150), &lanes, &due, 100.0, now);
        assert_eq!(end, Some("2026-03-03T21:00:00Z".parse().unwrap()));
    }

    #[test]
    fn a_lead_that_can_never_be_called_ends_its_campaign_when_it_is_due() {
        let campaign = running("{}");
        let now: Timestamp = "2026-03-02T20:00:00Z".parse().unwrap();
        let lanes = outlook_of_lanes(&campaign, vec![lane(1)], now);
        let due = due("2026-03-03T09:08:00Z", "2026-03-03T09:08:00Z");
        let end = ends_about(&campaign, &waiting(1), &lanes, &due, 100.0, now);
        assert_eq!(end, Some("2026-03-03T09:08:00Z".parse().unwrap()));
    }

    #[test]
    fn fewer_leads_than_lines_need_no_pace() {
        let campaign = running(MONDAY);
        let lines = u64::from(campaign.fields.max_concurrent_calls);
        assert!(all_at_once(&campaign, &waiting(lines)).is_some());
        assert!(all_at_once(&campaign, &waiting(lines + 1)).is_none());
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
