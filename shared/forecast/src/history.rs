//! The outcome model from calls that were made.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use model::{Call, Direction, Outcome, PhoneNumber};

use crate::outcomes::{OutcomeModel, Shares, Times};

/// The default model counts as much as this many calls, so that a short history bends it and does
/// not replace it: after ten answered calls nobody knows that nothing is ever busy.
const PRIOR_CALLS: f64 = 50.0;
/// Calls of an hour from which on it has shares of its own.
const HOUR_CALLS_MIN: u32 = 200;
/// Conversations or answers from which on their times are taken from them.
const TIMES_MIN: usize = 30;

/// Counts by what the shares are made of.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    answered: u32,
    voicemail: u32,
    no_answer: u32,
    busy: u32,
    screened: u32,
    failed: u32,
}

impl OutcomeModel {
    /// Fits the model to ended outbound calls; also says how many calls it could use. Calls that never
    /// reached a callee by our own doing say nothing about people and are left out.
    ///
    /// Shares are the counted ones with the default model weighing as much as 50 calls; hours of the
    /// day have their own from 200 calls on; times of answering and talking are the middle and the
    /// spread of what was seen, from 30 on. What calls do not show (how long a mailbox holds a
    /// line) keeps its default.
    pub fn from_history<'a>(calls: impl IntoIterator<Item = &'a Call>) -> (Self, u32) {
        let mut all = Tally::default();
        let mut hours: BTreeMap<u8, Tally> = BTreeMap::new();
        let mut numbers: BTreeSet<&PhoneNumber> = BTreeSet::new();
        let (mut unreachable, mut fax) = (0_u32, 0_u32);
        let (mut opted_out, mut hung_up) = (0_u32, 0_u32);
        let (mut talks, mut answers) = (Vec::new(), Vec::new());
        let mut used = 0_u32;
        // Calls do not show when it began to ring.
        let setup = Self::default().setup.median_seconds;
        for call in calls {
            let (Direction::Outbound, Some(outcome)) = (call.direction, call.outcome) else {
                continue;
            };
            let Some(seen) = seen(outcome) else { continue };
            used = used.saturating_add(1);
            numbers.insert(&call.to);
            let to_answer = seconds(call.placed_at, call.answered_at);
            let count = match seen {
                Seen::Unreachable => {
                    unreachable += 1;
                    continue;
                }
                Seen::Fax => {
                    fax += 1;
                    continue;
                }
                Seen::Conversation => {
                    opted_out += u32::from(outcome == Outcome::OptedOut);
                    hung_up += u32::from(outcome == Outcome::CustomerHungUp);
                    talks.extend(seconds(call.answered_at, call.ended_at));
                    answers.extend(to_answer.map(|seconds| (seconds - setup).max(1.0)));
                    Tally::answered as fn(&mut Tally) -> &mut u32
                }
                Seen::Voicemail => Tally::voicemail,
                Seen::NoAnswer => Tally::no_answer,
                Seen::Busy => Tally::busy,
                Seen::Screened => Tally::screened,
                Seen::Failed => Tally::failed,
            };
            *count(&mut all) += 1;
            if let Some(hour) = local_hour(call) {
                *count(hours.entry(hour).or_default()) += 1;
            }
        }
        let default = Self::default();
        let numbers = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        let attempts = all.shares(&default.attempts);
        let own = hours
            .into_iter()
            .filter(|(_hour, tally)| tally.total() >= HOUR_CALLS_MIN);
        let by_hour = own
            .map(|(hour, tally)| (hour, tally.shares(&attempts)))
            .collect();
        let fitted = Self {
            unreachable: mixed(unreachable, numbers, default.unreachable),
            fax: mixed(fax, numbers, default.fax),
            attempts,
            by_hour,
            opt_out: mixed(opted_out, all.answered, default.opt_out),
            hung_up: mixed(hung_up, all.answered, default.hung_up),
            talk: times(talks, default.talk),
            answer: times(answers, default.answer),
            ..default
        };
        (fitted, used)
    }
}

/// What an outcome says about people; `None`: nothing.
fn seen(outcome: Outcome) -> Option<Seen> {
    match outcome {
        Outcome::AgentEnded
        | Outcome::CustomerHungUp
        | Outcome::CustomerSilent
        | Outcome::OptedOut
        | Outcome::StreamLost
        | Outcome::DurationLimit
        | Outcome::HungUpByUser => Some(Seen::Conversation),
        Outcome::Voicemail | Outcome::VoicemailLeft => Some(Seen::Voicemail),
        Outcome::Busy => Some(Seen::Busy),
        Outcome::NoAnswer => Some(Seen::NoAnswer),
        Outcome::Fax => Some(Seen::Fax),
        Outcome::Screened => Some(Seen::Screened),
        Outcome::NumberUnreachable => Some(Seen::Unreachable),
        Outcome::CarrierFailed => Some(Seen::Failed),
        Outcome::CarrierRefused
        | Outcome::CarrierRateLimited
        | Outcome::CarrierUnconfirmed
        | Outcome::VendorFailed
        | Outcome::NoCapacity
        | Outcome::WorkerLost
        | Outcome::PlatformFailed
        | Outcome::Cancelled
        | Outcome::NotPermitted
        | Outcome::CampaignStopped
        | Outcome::Rejected => None,
    }
}

#[derive(Debug, Clone, Copy)]
enum Seen {
    Conversation,
    Voicemail,
    NoAnswer,
    Busy,
    Screened,
    Failed,
    Fax,
    Unreachable,
}

impl Tally {
    fn answered(&mut self) -> &mut u32 {
        &mut self.answered
    }

    fn voicemail(&mut self) -> &mut u32 {
        &mut self.voicemail
    }

    fn no_answer(&mut self) -> &mut u32 {
        &mut self.no_answer
    }

    fn busy(&mut self) -> &mut u32 {
        &mut self.busy
    }

    fn screened(&mut self) -> &mut u32 {
        &mut self.screened
    }

    fn failed(&mut self) -> &mut u32 {
        &mut self.failed
    }

    fn total(&self) -> u32 {
        self.answered + self.voicemail + self.no_answer + self.busy + self.screened + self.failed
    }

    fn shares(&self, prior: &Shares) -> Shares {
        let of = self.total();
        let share = |count: u32, prior: f64| mixed(count, of, prior);
        Shares {
            answered: share(self.answered, prior.answered),
            voicemail: share(self.voicemail, prior.voicemail),
            no_answer: share(self.no_answer, prior.no_answer),
            busy: share(self.busy, prior.busy),
            screened: share(self.screened, prior.screened),
            failed: share(self.failed, prior.failed),
        }
    }
}

fn seconds(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<f64> {
    let seconds = from?.duration_until(to?).as_secs_f64();
    (seconds > 0.0).then_some(seconds)
}

/// The hour that the callee's clock showed, in the first zone of the permit: `2026-03-08T09:30:00-07:00`.
fn local_hour(call: &Call) -> Option<u8> {
    let zone = call.permit.as_ref()?.zones.first()?;
    zone.local.get(11..13)?.parse().ok()
}

/// Middle and spread of what was seen: mean and deviation of the logarithms.
fn times(seen: Vec<f64>, default: Times) -> Times {
    if seen.len() < TIMES_MIN {
        return default;
    }
    let logs: Vec<f64> = seen.into_iter().map(libm::log).collect();
    let count = f64::from(u32::try_from(logs.len()).unwrap_or(u32::MAX));
    let mean = logs.iter().sum::<f64>() / count;
    let variance = logs
        .iter()
        .map(|log| (log - mean) * (log - mean))
        .sum::<f64>()
        / count;
    Times {
        median_seconds: rounded(libm::exp(mean)),
        sigma: rounded(libm::sqrt(variance)),
        ..default
    }
}

/// What was counted, with the default weighing as much as [`PRIOR_CALLS`].
fn mixed(count: u32, of: u32, prior: f64) -> f64 {
    rounded((f64::from(count) + PRIOR_CALLS * prior) / (f64::from(of) + PRIOR_CALLS))
}

/// To ten-thousandths, so that the model is readable where it is shown.
fn rounded(value: f64) -> f64 {
    libm::round(value * 10_000.0) / 10_000.0
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use model::{AgentId, CallId, CallState, Permit, TenantId, ZoneTime};

    use super::*;

    /// Ended calls at one hour of the callee's clock: who answered rang for 10 s and talked for 60.
    fn calls(outcome: Outcome, hour: u8, count: u32) -> Vec<Call> {
        let placed: Timestamp = "2026-03-02T17:00:00Z".parse().unwrap();
        let after = |seconds| placed + SignedDuration::from_secs(seconds);
        let answered = matches!(seen(outcome), Some(Seen::Conversation | Seen::Voicemail));
        let call = |place: u32| Call {
            id: CallId::from_parts(1, place.into()),
            tenant_id: TenantId::from_parts(1, 1),
            agent_id: Some(AgentId::from_parts(1, 1)),
            direction: Direction::Outbound,
            to: format!("+1415555{place:04}").parse().unwrap(),
            from: "+14155550100".parse().unwrap(),
            state: CallState::Ended,
            created_at: placed,
            carrier_call_id: None,
            placed_at: Some(placed),
            answered_at: answered.then_some(after(10)),
            ended_at: Some(after(70)),
            carrier_duration_seconds: None,
            carrier_verdict: None,
            detection_ms: None,
            answer: None,
            line: Vec::new(),
            outcome: Some(outcome),
            rejected_because: None,
            records_inbound: false,
            recording: None,
            trace_id: None,
            campaign_id: None,
            lead_id: None,
            attempt: None,
            known_as: None,
            kind: None,
            consent: None,
            permit: Some(Permit {
                at: placed,
                allowed: true,
                denied_by: None,
                retry_at: None,
                zones: vec![ZoneTime {
                    zone: "America/Los_Angeles".to_owned(),
                    local: format!("2026-03-02T{hour:02}:00:00-08:00"),
                    source: model::ZoneSource::Number,
                }],
                jurisdictions: Vec::new(),
                checks: Vec::new(),
                rules_version: String::new(),
            }),
        };
        (0..count).map(call).collect()
    }

    fn near(one: f64, other: f64) -> bool {
        (one - other).abs() < 0.01
    }

    #[test]
    fn no_history_is_the_default() {
        let (model, used) = OutcomeModel::from_history(&[]);
        assert_eq!((model, used), (OutcomeModel::default(), 0));
    }

    #[test]
    fn a_long_history_says_how_people_are() {
        let mut history = calls(Outcome::AgentEnded, 9, 600);
        history.extend(calls(Outcome::CustomerHungUp, 9, 300));
        history.extend(calls(Outcome::OptedOut, 9, 100));
        history.extend(calls(Outcome::NoAnswer, 18, 4_000));
        history.extend(calls(Outcome::NumberUnreachable, 18, 500));
        // Our own faults and a person who called us say nothing.
        history.extend(calls(Outcome::NoCapacity, 9, 500));
        let mut inbound = calls(Outcome::AgentEnded, 9, 1).remove(0);
        inbound.direction = Direction::Inbound;
        history.push(inbound);
        let (model, used) = OutcomeModel::from_history(&history);
        assert_eq!(used, 5_500);
        assert_eq!(model.problems(), []);
        assert!(near(model.attempts.answered, 0.2), "{model:?}");
        assert!(near(model.attempts.no_answer, 0.8 - 0.01), "{model:?}");
        assert!(near(model.opt_out, 0.1), "{model:?}");
        assert!(near(model.hung_up, 0.3), "{model:?}");
        assert!(near(model.unreachable, 500.0 / 4_000.0), "{model:?}");
        assert!(model.by_hour[&9].answered > 0.9 && model.by_hour[&18].answered < 0.1);
        assert!(near(model.talk.median_seconds, 60.0) && near(model.talk.sigma, 0.0));
        assert!(near(model.answer.median_seconds, 8.0), "{model:?}");
    }

    #[test]
    fn a_short_history_bends_the_default_and_does_not_replace_it() {
        let (model, used) = OutcomeModel::from_history(&calls(Outcome::AgentEnded, 9, 5));
        let default = OutcomeModel::default();
        assert_eq!(used, 5);
        assert!(model.attempts.answered > default.attempts.answered);
        assert!(model.attempts.answered < 0.3 && model.attempts.busy > 0.0);
        assert_eq!(model.by_hour, BTreeMap::new());
        assert_eq!(model.talk, default.talk);
    }
}
