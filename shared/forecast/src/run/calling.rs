//! The gate's part, the carrier's and the callee's: permit, outcome, end.

use dialer::{AfterDenial, Asking, CallEnd, Denial, after_call, after_denial, permit};
use jiff::{SignedDuration, Timestamp};
use model::{
    Attempt, CallId, Contact, LeadResult, LeadState, Outcome, Permit, Rule, Suppression,
    SuppressionReason,
};

use super::{Event, Simulation, WAKE_AFTER, later};
use crate::people::LeadStage;

/// Attempts are kept as long as the longest cap looks back.
const ATTEMPTS_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A call that the carrier was asked for.
pub(super) struct Placed {
    pub(super) person: usize,
    pub(super) attempt: u32,
    pub(super) at: Timestamp,
    pub(super) ended: Timestamp,
    pub(super) outcome: Outcome,
}

impl Simulation {
    /// The gate, then the carrier and the person.
    pub(super) fn dial(&mut self, place: usize, now: Timestamp) -> Option<Placed> {
        if now >= self.until {
            self.turn_back(place, None, now);
            return None;
        }
        let call_id = self.call_id(now);
        let permit = self.permit(place, call_id, now)?;
        if !permit.allowed {
            let denial = permit.denied_by.map(|rule| Denial {
                rule,
                retry_at: permit.retry_at,
            });
            self.turn_back(place, denial, now);
            return None;
        }
        let person = self.people.get_mut(place)?;
        let fate = self.setup.model.fate(
            self.setup.seed,
            &person.in_turn().number,
            person.dials,
            local_hour(&permit),
            &self.campaign.fields.amd,
        );
        let attempt = person.attempts + 1;
        let detect = self.campaign.fields.amd.detect;
        let end = fate.end(detect);
        self.tally
            .dialled(now, attempt, person.dials == 0, &fate, detect);
        person.dials += 1;
        person.last_dial_at = Some(now);
        let contact = person.in_turn_mut().contact.get_or_insert_default();
        contact
            .attempts
            .retain(|attempt| now.duration_since(attempt.at) < ATTEMPTS_KEPT);
        contact.attempts.push(Attempt {
            call_id,
            at: now,
            outcome: None,
            answered: false,
        });
        let talk_ms = fate.talk_ms.unwrap_or(0);
        let took = i64::try_from(fate.ring_ms + talk_ms).unwrap_or(i64::MAX);
        let ended = later(now, SignedDuration::from_millis(took));
        self.push(ended, Event::End { person: place, end });
        Some(Placed {
            person: place,
            attempt,
            at: now,
            ended,
            outcome: fate.outcome,
        })
    }

    fn permit(&self, place: usize, call_id: CallId, now: Timestamp) -> Option<Permit> {
        let person = self.people.get(place)?;
        let state = LeadState::Calling { call_id };
        let lead = person.lead(self.campaign.id, &self.queues, state);
        let nobody = Contact::default();
        let known = person.in_turn().contact.as_deref();
        let asking = Asking {
            number: lead.number_in_turn(),
            lane: lead.lane_in_turn(),
            contact: Some(known.unwrap_or(&nobody)),
            others: &person.contacts_besides(),
            campaign: Some(&self.campaign),
            single: dialer::Single::default(),
            lead: Some(&lead),
            call_id: Some(call_id),
        };
        Some(permit(&asking, now))
    }

    /// A claimed call that is not placed: the slot comes back, no attempt counts.
    fn turn_back(&mut self, place: usize, denial: Option<Denial>, now: Timestamp) {
        self.slots -= 1;
        match denial {
            Some(denial) => {
                self.tally.turned_back(denial.rule);
                self.held_back(place, denial, now);
            }
            // The run is over: it goes on waiting.
            None => {
                let state = LeadState::Waiting { due_at: now };
                self.becomes(place, &state, None, now);
            }
        }
        self.plan_by(later(now, WAKE_AFTER));
    }

    /// What a rule makes of somebody.
    pub(super) fn held_back(&mut self, place: usize, denial: Denial, now: Timestamp) {
        let Some(person) = self.people.get_mut(place) else {
            return;
        };
        let waiting = LeadState::Waiting { due_at: now };
        let lead = person.lead(self.campaign.id, &self.queues, waiting);
        let AfterDenial { state, rotation } = after_denial(&self.campaign, &lead, denial, now);
        person.turn(rotation);
        self.becomes(place, &state, Some(denial.rule), now);
    }

    /// The carrier says how a call ended.
    pub(super) fn end(&mut self, place: usize, end: CallEnd, now: Timestamp) {
        self.slots -= 1;
        self.tally.ended(now);
        self.recent.push_front((end.outcome, now));
        let kept = usize::try_from(self.campaign.fields.breaker.calls).unwrap_or(usize::MAX);
        self.recent.truncate(kept);
        let Some(person) = self.people.get_mut(place) else {
            return;
        };
        let contact = person.in_turn_mut().contact.get_or_insert_default();
        let attempt = contact.attempts.last_mut();
        let call_id = attempt.as_ref().map(|attempt| attempt.call_id);
        if let Some(attempt) = attempt {
            attempt.outcome = Some(end.outcome);
            attempt.answered = end.answered;
        }
        if end.outcome == Outcome::OptedOut {
            contact.suppression = Some(Suppression {
                reason: SuppressionReason::Spoken,
                at: now,
                note: None,
                call_id,
            });
        }
        let call_id = call_id.unwrap_or(CallId::from_parts(0, 0));
        let state = LeadState::Calling { call_id };
        let lead = person.lead(self.campaign.id, &self.queues, state);
        let after = after_call(&self.campaign, &lead, end, now);
        person.attempts = after.attempts;
        person.faults = after.faults;
        person.turn(after.rotation);
        self.becomes(place, &after.state, None, now);
        self.plan_by(later(now, WAKE_AFTER));
    }

    fn becomes(&mut self, place: usize, state: &LeadState, rule: Option<Rule>, now: Timestamp) {
        match *state {
            LeadState::Waiting { due_at } => {
                if let Some(person) = self.people.get_mut(place) {
                    person.stage = LeadStage::Waiting { due_at };
                }
                self.wait_on(place);
            }
            LeadState::Done { result, .. } => self.done(place, result, rule, now),
            // Neither a call's end nor a denial leaves a lead in a call.
            LeadState::Calling { .. } => {}
        }
    }

    pub(super) fn done(
        &mut self,
        place: usize,
        result: LeadResult,
        rule: Option<Rule>,
        now: Timestamp,
    ) {
        if let Some(person) = self.people.get_mut(place)
            && person.stage != LeadStage::Done
        {
            person.stage = LeadStage::Done;
            // Nobody asks again, and of a long list most are done in the end.
            person.forget();
            let never_called = person.dials == 0;
            self.tally.done(result, rule.filter(|_| never_called), now);
        }
    }

    fn call_id(&mut self, now: Timestamp) -> CallId {
        self.calls += 1;
        let unix_ms = u64::try_from(now.as_millisecond()).unwrap_or(0);
        CallId::from_parts(unix_ms, self.calls)
    }
}

/// What the callee's clock shows in the first of the zones: `2026-03-08T09:30:00-07:00`.
fn local_hour(permit: &Permit) -> u8 {
    let local = permit.zones.first().map_or("", |zone| &zone.local);
    let hour = local.get(11..13).and_then(|hour| hour.parse().ok());
    hour.unwrap_or(0)
}
