//! The outcome model: what people and the carrier do with calls.
//!
//! Set by hand, or fitted to calls that were made ([`OutcomeModel::from_history`]). Everything left out
//! has a default; the defaults are assumptions, each with its reason beside it, and no promise.

use std::collections::BTreeMap;

use dialer::{CallEnd, Talk};
use model::{Amd, AmdMode, Fault, FieldProblem, MachineAction, Outcome, PhoneNumber, member};
use serde::{Deserialize, Serialize};

use crate::chance::{Chance, Purpose};

/// The longest time of anything in a call that is believed: a day.
pub const SECONDS_MAX: u32 = 86_400;
/// The widest spread that is believed: beyond it the longest calls are all at the maximum.
pub const SIGMA_MAX: u32 = 3;
/// The largest share that is believed: as many calls as nobody makes, where shares are counts of calls.
pub const SHARE_MAX: u32 = 1_000_000_000;

/// How calls go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct OutcomeModel {
    /// Share of numbers that do not exist or cannot be reached, at whatever attempt. Default 0.03: a
    /// list that was collected over a year or two and was never called.
    pub unreachable: f64,
    /// Share of numbers that a fax answers. Default 0.002: few are left.
    pub fax: f64,
    /// How an attempt goes, of numbers that ring.
    pub attempts: Shares,
    /// The same by the hour of the callee's clock (`"18"`), for hours that differ; in the first of the
    /// zones that a number may be in.
    pub by_hour: BTreeMap<u8, Shares>,
    /// Share of conversations in which the callee asks not to be called again. Default 0.02: for people
    /// who gave their number, and were told at once how to object.
    pub opt_out: f64,
    /// Share of conversations that the callee ends by hanging up. Default 0.4: most calls by
    /// machines are cut short.
    pub hung_up: f64,
    /// From the request until it rings. Default 2 s.
    pub setup: Times,
    /// Until somebody answers. Default 9 s: two rings or three.
    pub answer: Times,
    /// Until a mailbox answers. Default 24 s: after four rings or five.
    pub mailbox: Times,
    /// Until an unanswered call is given up. Default 45 s, for which we ask the carrier.
    pub ring_out: Times,
    /// Until the carrier says that a number is busy, unreachable, or that it failed. Default 3 s.
    pub refusal: Times,
    /// A conversation. Default 45 s in the middle, a tenth longer than 2 minutes, at most 30 minutes
    /// (an agent's own limit).
    pub talk: Times,
    /// From the answer of a machine until the line is free again, when nothing is left on it. Default
    /// 6 s: most verdicts come within 4.
    pub machine: Times,
    /// The same when the campaign's message is left after the beep. Default 35 s.
    pub message: Times,
    /// The same when nobody detects the machine: until the agent gives up in the silence. Default 30 s.
    pub undetected: Times,
}

/// How attempts go. Only the proportion of the numbers counts; one that is left out is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = OutcomeShares))]
#[serde(deny_unknown_fields, default)]
pub struct Shares {
    /// A person answers.
    pub answered: f64,
    pub voicemail: f64,
    pub no_answer: f64,
    pub busy: f64,
    /// A call screening service answers and does not put us through.
    pub screened: f64,
    /// The carrier fails to connect the call.
    pub failed: f64,
}

/// A time that differs from call to call: log-normal, as times between people usually are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = OutcomeTimes))]
#[serde(deny_unknown_fields)]
pub struct Times {
    /// Half of all are shorter.
    pub median_seconds: f64,
    /// Deviation of the natural logarithm; 0: always the median. With 0.8 a tenth is longer than 2.8
    /// times the median.
    #[serde(default)]
    pub sigma: f64,
    /// What is longer is cut to this; absent: a day.
    #[serde(default)]
    pub max_seconds: Option<f64>,
}

/// How one dial goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fate {
    pub(crate) outcome: Outcome,
    /// From the carrier's request to the answer, or to the end where nobody answers.
    pub(crate) ring_ms: u64,
    /// From the answer to the end; absent: not answered.
    pub(crate) talk_ms: Option<u64>,
}

impl Fate {
    /// What the planner learns of it. Whoever is silent throughout is a machine; its verdict is known where
    /// the campaign asks for one.
    pub(crate) fn end(&self, detect: AmdMode) -> CallEnd {
        if self.talk_ms.is_none() {
            return CallEnd::unanswered(self.outcome);
        }
        let silent = self.outcome == Outcome::CustomerSilent;
        CallEnd {
            outcome: self.outcome,
            answered: true,
            talk: if silent { Talk::Listened } else { Talk::Spoke },
            machine: silent && detect != AmdMode::Off,
        }
    }
}

impl Default for OutcomeModel {
    fn default() -> Self {
        Self {
            unreachable: 0.03,
            fax: 0.002,
            attempts: Shares::default_attempts(),
            by_hour: BTreeMap::new(),
            opt_out: 0.02,
            hung_up: 0.4,
            setup: Times::fixed(2.0),
            answer: Times::spread(9.0, 0.5, 44.0),
            mailbox: Times::spread(24.0, 0.15, 44.0),
            ring_out: Times::fixed(45.0),
            refusal: Times::spread(3.0, 0.4, 15.0),
            talk: Times::spread(45.0, 0.8, 1_800.0),
            machine: Times::spread(6.0, 0.4, 30.0),
            message: Times::spread(35.0, 0.2, 120.0),
            undetected: Times::spread(30.0, 0.2, 120.0),
        }
    }
}

impl Shares {
    /// Of ten calls to numbers that were never called from this one: two are answered, three go to a
    /// mailbox and four ring out, as people treat unknown numbers.
    const fn default_attempts() -> Self {
        Self {
            answered: 0.20,
            voicemail: 0.32,
            no_answer: 0.40,
            busy: 0.05,
            screened: 0.02,
            failed: 0.01,
        }
    }

    const fn parts(&self) -> [(&'static str, f64, Attempt); 6] {
        [
            ("answered", self.answered, Attempt::Answered),
            ("voicemail", self.voicemail, Attempt::Voicemail),
            ("no_answer", self.no_answer, Attempt::NoAnswer),
            ("busy", self.busy, Attempt::Busy),
            ("screened", self.screened, Attempt::Screened),
            ("failed", self.failed, Attempt::Failed),
        ]
    }

    fn total(&self) -> f64 {
        self.parts()
            .iter()
            .map(|(_name, share, _attempt)| share)
            .sum()
    }

    fn draw(&self, chance: &mut Chance) -> Attempt {
        let mut left = chance.share() * self.total();
        for (_name, share, attempt) in self.parts() {
            if left < share {
                return attempt;
            }
            left -= share;
        }
        // Rounding can leave a hair over at the very end of the range.
        Attempt::NoAnswer
    }

    fn problems(&self) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        for (name, share, _attempt) in self.parts() {
            if !(0.0..=f64::from(SHARE_MAX)).contains(&share) {
                let says = format!("must be from 0 to {SHARE_MAX}");
                problems.push(FieldProblem::new(member("", name), Fault::OutOfRange, says));
            }
        }
        if self.total() <= 0.0 {
            let says = "must have one share above 0";
            problems.push(FieldProblem::new("", Fault::OutOfRange, says));
        }
        problems
    }
}

/// How an attempt goes before a campaign's settings make an outcome of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    Answered,
    Voicemail,
    NoAnswer,
    Busy,
    Screened,
    Failed,
}

impl Times {
    /// Always the same.
    #[must_use]
    pub const fn fixed(seconds: f64) -> Self {
        Self {
            median_seconds: seconds,
            sigma: 0.0,
            max_seconds: None,
        }
    }

    #[must_use]
    pub const fn spread(median_seconds: f64, sigma: f64, max_seconds: f64) -> Self {
        Self {
            median_seconds,
            sigma,
            max_seconds: Some(max_seconds),
        }
    }

    fn draw_ms(&self, chance: &mut Chance) -> u64 {
        let seconds = self.median_seconds * libm::exp(self.sigma * chance.normal());
        let seconds = seconds.min(self.max_seconds.unwrap_or(f64::INFINITY));
        crate::whole(seconds.min(SECONDS_MAX.into()) * 1_000.0)
    }

    fn problems(&self) -> Vec<FieldProblem> {
        let max_seconds = self.max_seconds.unwrap_or_default();
        let mut problems = Vec::new();
        for (name, value, high) in [
            ("median_seconds", self.median_seconds, SECONDS_MAX),
            ("sigma", self.sigma, SIGMA_MAX),
            ("max_seconds", max_seconds, SECONDS_MAX),
        ] {
            if !(0.0..=f64::from(high)).contains(&value) {
                let says = format!("must be from 0 to {high}");
                problems.push(FieldProblem::new(member("", name), Fault::OutOfRange, says));
            }
        }
        problems
    }
}

impl OutcomeModel {
    /// Every field that cannot be as it is, with the reason.
    #[must_use]
    pub fn problems(&self) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        for (name, share) in [
            ("unreachable", self.unreachable),
            ("fax", self.fax),
            ("opt_out", self.opt_out),
            ("hung_up", self.hung_up),
        ] {
            if !(0.0..=1.0).contains(&share) {
                let says = "must be from 0 to 1";
                problems.push(FieldProblem::new(member("", name), Fault::OutOfRange, says));
            }
        }
        let mut within = |at: &str, inside: Vec<FieldProblem>| {
            problems.extend(inside.into_iter().map(|problem| problem.below(at)));
        };
        within("/attempts", self.attempts.problems());
        for (hour, shares) in &self.by_hour {
            let at = format!("/by_hour/{hour}");
            if *hour > 23 {
                let says = "must be an hour from 0 to 23";
                within(&at, vec![FieldProblem::new("", Fault::OutOfRange, says)]);
            }
            within(&at, shares.problems());
        }
        for (name, times) in [
            ("setup", &self.setup),
            ("answer", &self.answer),
            ("mailbox", &self.mailbox),
            ("ring_out", &self.ring_out),
            ("refusal", &self.refusal),
            ("talk", &self.talk),
            ("machine", &self.machine),
            ("message", &self.message),
            ("undetected", &self.undetected),
        ] {
            within(&member("", name), times.problems());
        }
        problems
    }

    /// How the next dial to a number goes, after `dials_before` others, at this hour of its clock.
    pub(crate) fn fate(
        &self,
        seed: u64,
        number: &PhoneNumber,
        dials_before: u32,
        local_hour: u8,
        amd: &Amd,
    ) -> Fate {
        let what = Chance::of(seed, number, Purpose::Number).share();
        let mut chance = Chance::of(seed, number, Purpose::Dial(dials_before));
        let shares = self.by_hour.get(&local_hour).unwrap_or(&self.attempts);
        let attempt = shares.draw(&mut chance);
        let setup_ms = self.setup.draw_ms(&mut chance);
        let mut unanswered = |outcome, times: &Times| Fate {
            outcome,
            ring_ms: setup_ms + times.draw_ms(&mut chance),
            talk_ms: None,
        };
        if what < self.unreachable {
            return unanswered(Outcome::NumberUnreachable, &self.refusal);
        }
        match attempt {
            Attempt::NoAnswer => return unanswered(Outcome::NoAnswer, &self.ring_out),
            Attempt::Busy => return unanswered(Outcome::Busy, &self.refusal),
            Attempt::Failed => return unanswered(Outcome::CarrierFailed, &self.refusal),
            Attempt::Answered | Attempt::Voicemail | Attempt::Screened => {}
        }
        let (rings, outcome, talks) = if what < self.unreachable + self.fax {
            (&self.answer, Outcome::Fax, &self.machine)
        } else if attempt == Attempt::Answered {
            let (asks, hangs_up) = (chance.share(), chance.share());
            let outcome = if asks < self.opt_out {
                Outcome::OptedOut
            } else if hangs_up < self.hung_up {
                Outcome::CustomerHungUp
            } else {
                Outcome::AgentEnded
            };
            (&self.answer, outcome, &self.talk)
        } else if attempt == Attempt::Screened {
            (&self.answer, Outcome::Screened, &self.machine)
        } else {
            let (outcome, talks) = self.on_a_machine(amd);
            (&self.mailbox, outcome, talks)
        };
        Fate {
            outcome,
            ring_ms: setup_ms + rings.draw_ms(&mut chance),
            talk_ms: Some(talks.draw_ms(&mut chance)),
        }
    }

    fn on_a_machine(&self, amd: &Amd) -> (Outcome, &Times) {
        match (amd.detect, amd.machine) {
            (AmdMode::Off, _) | (AmdMode::Start | AmdMode::MessageEnd, MachineAction::Talk) => {
                (Outcome::CustomerSilent, &self.undetected)
            }
            (AmdMode::Start | AmdMode::MessageEnd, MachineAction::LeaveMessage) => {
                (Outcome::VoicemailLeft, &self.message)
            }
            (AmdMode::Start | AmdMode::MessageEnd, MachineAction::HangUp) => {
                (Outcome::Voicemail, &self.machine)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(last: u32) -> PhoneNumber {
        format!("+1415555{last:04}").parse().unwrap()
    }

    /// Of a thousand first dials, how many went which way.
    fn tally(model: &OutcomeModel, amd: &Amd) -> BTreeMap<Outcome, u32> {
        let mut tally = BTreeMap::new();
        for last in 0..1_000 {
            let fate = model.fate(7, &person(last), 0, 12, amd);
            *tally.entry(fate.outcome).or_default() += 1;
        }
        tally
    }

    #[test]
    fn dials_go_as_the_shares_say() {
        let tally = tally(&OutcomeModel::default(), &Amd::default());
        let of = |outcome| tally.get(&outcome).copied().unwrap_or(0);
        for (outcome, low, high) in [
            (Outcome::NoAnswer, 350, 430),
            (Outcome::Voicemail, 270, 350),
            (Outcome::AgentEnded, 80, 150),
            (Outcome::NumberUnreachable, 15, 45),
            (Outcome::Busy, 30, 70),
        ] {
            assert!((low..=high).contains(&of(outcome)), "{tally:?}");
        }
    }

    #[test]
    fn a_dead_number_is_dead_at_every_attempt() {
        let model = OutcomeModel::default();
        let dead = |before| -> Vec<u32> {
            let dead = |last: &u32| {
                let fate = model.fate(7, &person(*last), before, 12, &Amd::default());
                fate.outcome == Outcome::NumberUnreachable
            };
            (0..1_000).filter(dead).collect()
        };
        assert_eq!(dead(0), dead(1));
        assert!(!dead(0).is_empty());
    }

    #[test]
    fn what_a_campaign_does_with_machines_decides_their_outcome() {
        let model: OutcomeModel =
            serde_json::from_str(r#"{"attempts":{"voicemail":1},"unreachable":0,"fax":0}"#)
                .unwrap();
        let amd = |detect, machine| Amd {
            detect,
            machine,
            ..Amd::default()
        };
        for (detect, machine, outcome) in [
            (AmdMode::Start, MachineAction::HangUp, Outcome::Voicemail),
            (
                AmdMode::MessageEnd,
                MachineAction::LeaveMessage,
                Outcome::VoicemailLeft,
            ),
            (AmdMode::Off, MachineAction::HangUp, Outcome::CustomerSilent),
            (AmdMode::Start, MachineAction::Talk, Outcome::CustomerSilent),
        ] {
            let tally = tally(&model, &amd(detect, machine));
            assert_eq!(tally, BTreeMap::from([(outcome, 1_000)]));
        }
    }

    #[test]
    fn an_hour_of_its_own_overrides_the_rest() {
        let model: OutcomeModel = serde_json::from_str(
            r#"{"by_hour":{"18":{"busy":2.5}},"unreachable":0,"fax":0,"setup":{"median_seconds":1}}"#,
        )
        .unwrap();
        assert_eq!(model.problems(), []);
        for (hour, busy) in [(18, true), (17, false)] {
            let all = (0..50).all(|last| {
                let fate = model.fate(7, &person(last), 0, hour, &Amd::default());
                fate.outcome == Outcome::Busy
            });
            assert_eq!(all, busy, "{hour}");
        }
    }

    #[test]
    fn every_absurd_field_is_named() {
        let model: OutcomeModel = serde_json::from_str(
            r#"{"unreachable":2,"attempts":{"busy":-1},"by_hour":{"24":{"busy":1}},
                "talk":{"median_seconds":-1,"sigma":9}}"#,
        )
        .unwrap();
        let fields: Vec<_> = model
            .problems()
            .into_iter()
            .map(|problem| problem.at.to_string())
            .collect();
        assert_eq!(
            fields,
            [
                "/unreachable",
                "/attempts/busy",
                "/attempts",
                "/by_hour/24",
                "/talk/median_seconds",
                "/talk/sigma"
            ]
        );
        assert_eq!(OutcomeModel::default().problems(), []);
    }
}
