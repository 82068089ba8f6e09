//! The run: a queue of events on virtual time, and the same questions to `dialer` as the scheduler and
//! the gate ask.
//!
//! | event | the real thing | here |
//! |---|---|---|
//! | plan | a tick of the scheduler, or a wake-up by a call that ended | `dialer::plan` on due leads of open lanes |
//! | dial | the gate | `dialer::permit`, then the outcome model |
//! | end | the carrier's last word | `dialer::after_call`, the slot comes back, the planner wakes |
//!
//! A lane that is closed costs nothing: it is asked again when it opens.

mod calling;
mod planning;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use dialer::{CallEnd, Lanes, Opening, OurNumber};
use jiff::{SignedDuration, Timestamp};
use model::{
    Campaign, CampaignFields, CampaignState, Contact, FieldProblem, Lane, LeadId, LeadResult,
    Outcome, PhoneNumber, Rule, TenantId,
};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use crate::dials::Dial;
use crate::people::{Entrant, LaneNames, LeadStage, Others, Person, Phone, Queue};
use crate::report::{Forecast, OurNumbers};
use crate::sample::Sample;
use crate::setup::Setup;
use crate::tally::Tally;

/// From a slot that came back to the planner's next step: the wake-up goes over a stream and a function.
const WAKE_AFTER: SignedDuration = SignedDuration::from_millis(200);
/// Calls from one number without a limit: where the pool is not known, it is large enough.
const ASSUMED_NUMBER: &str = "+19999999999";

/// A campaign on virtual time. Add leads, take dials until there are none, then ask for the forecast.
#[derive(Debug)]
pub struct Simulation {
    setup: Setup,
    campaign: Campaign,
    until: Timestamp,
    /// As scaled to a sample.
    carrier_calls_max: u32,
    tenant_calls_max: u32,
    call_interval: SignedDuration,
    people: Vec<Person>,
    queues: Vec<Queue>,
    lane_names: LaneNames,
    /// What the planner remembers of lanes.
    memory: Lanes,
    rng: ChaCha8Rng,
    events: BinaryHeap<Reverse<(Timestamp, u64, Event)>>,
    /// Events so far: of two at the same instant, the one that was made first comes first.
    made: u64,
    /// The planning step that counts; others in the queue were overtaken.
    plan_at: Option<Timestamp>,
    now: Timestamp,
    slots: u32,
    pace_from: Timestamp,
    recent: VecDeque<(Outcome, Timestamp)>,
    numbers: Vec<OurNumber>,
    numbers_known: bool,
    /// UTC day of `numbers`' counts.
    day: i64,
    /// How often each limit kept a due lead waiting.
    bounds: BTreeMap<Rule, u64>,
    calls: u128,
    tally: Tally,
    over: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Plan,
    Dial { person: usize },
    End { person: usize, end: CallEnd },
}

impl Simulation {
    /// An empty run.
    ///
    /// # Errors
    /// Every field that cannot be as it is, with the reason.
    pub fn new(setup: Setup) -> Result<Self, Vec<FieldProblem>> {
        let problems = setup.problems();
        let Some(end) = setup.until().filter(|_| problems.is_empty()) else {
            return Err(problems);
        };
        let until = setup
            .campaign
            .ends_at
            .map_or(end, |ends_at| ends_at.min(end));
        let mut fields = setup.campaign.clone();
        let sample = setup.sample.unwrap_or(Sample::whole());
        fields.max_concurrent_calls = sample.limit(fields.max_concurrent_calls);
        fields.ramp.from = sample.limit(fields.ramp.from);
        let pool = if setup.campaign.numbers.is_empty() {
            &setup.numbers
        } else {
            &setup.campaign.numbers
        };
        let numbers_known = !pool.is_empty();
        let assumed: Vec<PhoneNumber> = ASSUMED_NUMBER.parse().into_iter().collect();
        let pool = if numbers_known { pool } else { &assumed };
        let numbers = pool.iter().map(|number| OurNumber {
            number: number.clone(),
            calls_today: 0,
        });
        let numbers = numbers.collect();
        if numbers_known {
            fields.calls_per_number_per_day = sample.limit(fields.calls_per_number_per_day);
        } else {
            fields.numbers = Vec::new();
            fields.calls_per_number_per_day = u32::MAX;
        }
        let limits = setup.limits;
        let call_interval = SignedDuration::try_from(sample.interval(limits.call_interval));
        let starts_at = fields.starts_at.unwrap_or(setup.from).max(setup.from);
        let last_started_at = setup.last_started_at.unwrap_or(starts_at);
        let mut simulation = Self {
            campaign: Campaign {
                id: setup.campaign_id,
                tenant_id: TenantId::from_parts(0, 0),
                state: CampaignState::Running,
                created_at: setup.from,
                updated_at: setup.from,
                revision: 1,
                last_started_at: Some(last_started_at),
                ended_at: None,
                fields,
            },
            until,
            carrier_calls_max: sample.limit(limits.carrier_calls_max),
            tenant_calls_max: sample.limit(limits.tenant_calls_max),
            call_interval: call_interval.unwrap_or(SignedDuration::MAX),
            people: Vec::new(),
            queues: Vec::new(),
            lane_names: LaneNames::default(),
            memory: Lanes::new(),
            rng: ChaCha8Rng::seed_from_u64(setup.seed),
            events: BinaryHeap::new(),
            made: 0,
            plan_at: None,
            now: setup.from,
            slots: 0,
            pace_from: setup.from,
            recent: VecDeque::new(),
            numbers,
            numbers_known,
            day: i64::MIN,
            bounds: BTreeMap::new(),
            calls: 0,
            tally: Tally::new(setup.from, end),
            over: false,
            setup,
        };
        simulation.plan_by(simulation.setup.from);
        Ok(simulation)
    }

    /// Adds a lead. Each number once: that is the list's to see to.
    pub fn add(&mut self, entrant: Entrant) {
        let due_at = entrant.due_at.max(self.setup.from);
        let id = LeadId::of(self.campaign.id, &entrant.number);
        let own = self.phone(entrant.number, entrant.lane, entrant.contact);
        let alternates = entrant.alternates.into_iter();
        let phones: Vec<Phone> = alternates
            .map(|other| self.phone(other.number, other.lane, other.contact))
            .collect();
        let others = (!phones.is_empty()).then(|| {
            Box::new(Others {
                phones,
                rotation: entrant.rotation,
            })
        });
        let place = self.people.len();
        self.people.push(Person {
            id,
            own,
            others,
            priority: entrant.priority,
            consent: entrant.consent.map(Box::new),
            attempts: entrant.attempts,
            faults: entrant.faults,
            dials: 0,
            last_dial_at: None,
            stage: LeadStage::Waiting { due_at },
        });
        self.wait_on(place);
        self.tally.accepted += 1;
    }

    fn phone(&mut self, number: PhoneNumber, lane: Lane, contact: Option<Contact>) -> Phone {
        Phone {
            number,
            lane: self.lane_names.place(lane, &mut self.queues),
            contact: contact.map(Box::new),
        }
    }

    /// Counts a row that is no lead.
    pub fn refuse(&mut self, reason: &str) {
        if let Some(count) = self.tally.refused.get_mut(reason) {
            *count += 1;
        } else {
            self.tally.refused.insert(reason.to_owned(), 1);
        }
    }

    /// The campaign that is simulated.
    #[must_use]
    pub fn campaign(&self) -> &CampaignFields {
        &self.setup.campaign
    }

    /// Leads so far.
    #[must_use]
    pub fn leads(&self) -> u64 {
        self.tally.accepted
    }

    /// How far the run is, in thousandths: of its time or of its leads, whichever is further.
    #[must_use]
    pub fn per_mille_done(&self) -> u32 {
        let from = self.setup.from;
        let part = |done: u128, of: u128| (done * 1_000).checked_div(of).unwrap_or(1_000);
        let seconds =
            |to: Timestamp| u128::try_from(from.duration_until(to).as_secs()).unwrap_or(0);
        let time = part(seconds(self.now), seconds(self.until));
        let leads = part(self.tally.done_so_far().into(), self.tally.accepted.into());
        u32::try_from(time.max(leads).min(1_000)).unwrap_or(1_000)
    }

    /// Goes on to the next dial; `None` when nobody is called any more.
    pub fn next_dial(&mut self) -> Option<Dial<'_>> {
        let placed = loop {
            let Some(Reverse((at, _made, event))) = self.events.pop() else {
                self.finish();
                return None;
            };
            self.now = at;
            match event {
                Event::Plan if self.plan_at == Some(at) => {
                    self.plan_at = None;
                    self.plan(at);
                }
                Event::Plan => {}
                Event::Dial { person } => {
                    if let Some(placed) = self.dial(person, at) {
                        break placed;
                    }
                }
                Event::End { person, end } => self.end(person, end, at),
            }
        };
        let person = self.people.get(placed.person)?;
        let phone = person.in_turn();
        let queue = self.queues.get(phone.lane)?;
        Some(Dial {
            number: phone.number.clone(),
            attempt: placed.attempt,
            at: placed.at,
            ended: placed.ended,
            zones: &queue.lane.zones,
            outcome: placed.outcome,
        })
    }

    /// What is to be expected. Runs to the end first.
    pub fn forecast(&mut self) -> Forecast {
        while self.next_dial().is_some() {}
        let limits = &self.setup.limits;
        let limit = (self.setup.campaign.max_concurrent_calls)
            .min(limits.carrier_calls_max)
            .min(limits.tenant_calls_max);
        let sample = self.setup.sample.unwrap_or(Sample::whole());
        let most_a_day = sample.scaled(self.tally.most_dials_a_day());
        let per_number = u64::from(self.setup.campaign.calls_per_number_per_day.max(1));
        let our_numbers = OurNumbers {
            given: self
                .numbers_known
                .then_some(crate::count(self.numbers.len())),
            needed: most_a_day.div_ceil(per_number),
        };
        let mut assumptions = Vec::new();
        if !self.numbers_known {
            assumptions.push(
                "there are as many numbers to call from as it takes; name yours in `numbers` to have their daily limit simulated".to_owned(),
            );
        }
        assumptions.push(
            "nobody on the list is called by another campaign meanwhile, and no one else uses the carrier's lines".to_owned(),
        );
        if sample.simulated != sample.of {
            assumptions.push(
                "the rest of the leads is like the sample, which was run with lines and pace scaled down as much".to_owned(),
            );
        }
        self.tally
            .forecast(&self.setup, u64::from(limit), our_numbers, assumptions)
    }

    fn push(&mut self, at: Timestamp, event: Event) {
        self.made += 1;
        self.events.push(Reverse((at, self.made, event)));
    }

    /// Says of everybody who still waits why.
    fn finish(&mut self) {
        if self.over {
            return;
        }
        self.over = true;
        let ended = self
            .campaign
            .fields
            .ends_at
            .filter(|end| *end <= self.until);
        let most = self.bounds.iter().max_by_key(|(_rule, count)| **count);
        let limit = most.map_or(Rule::CampaignConcurrency, |(rule, _count)| *rule);
        for place in 0..self.people.len() {
            let Some(person) = self.people.get(place) else {
                continue;
            };
            let LeadStage::Waiting { due_at } = person.stage else {
                continue;
            };
            let Some(queue) = self.queues.get(person.in_turn().lane) else {
                continue;
            };
            if let Some(end) = ended {
                self.done(
                    place,
                    LeadResult::NotAllowed,
                    Some(Rule::CampaignState),
                    end,
                );
                continue;
            }
            let rule = if due_at >= self.until {
                Rule::NotDue
            } else if queue.ever_open {
                limit
            } else {
                let (id, lane) = (queue.id, queue.lane.clone());
                match self
                    .memory
                    .opening(&self.campaign, id, &lane, self.setup.from)
                {
                    Opening::Closed { rule, .. } => rule,
                    // Open, and the planner never came to look: the campaign starts later.
                    Opening::Open { .. } => Rule::CampaignState,
                }
            };
            let never_called = person.dials == 0;
            self.tally.still_waiting(rule, never_called);
        }
    }
}

/// The instant a while later, held within what `Timestamp` can say.
fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
