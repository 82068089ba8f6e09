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

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use dialer::{
    AccountRoom, Asking, CallEnd, CallerNumber, CampaignRoom, Denial, Due, Lanes, Opening,
    PLAN_HORIZON, Recent, Snapshot, TenantRoom, after_call, after_denial, permit,
};
use jiff::{SignedDuration, Timestamp};
use model::{
    Attempt, CallId, Campaign, CampaignState, LeadId, LeadResult, LeadState, Outcome, Permit,
    PhoneNumber, Rule, Suppression, SuppressionReason, TenantId,
};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use crate::dials::Dial;
use crate::outcomes::OutcomeModel;
use crate::people::{Entrant, LaneNames, Person, Queue, Stage, take_due};
use crate::report::{CallerNumbers, Forecast, Sample};
use crate::setup::Setup;
use crate::tally::Tally;

/// From a slot that came back to the planner's next step: the wake-up goes over a stream and a function.
const WAKE_AFTER: SignedDuration = SignedDuration::from_millis(200);
/// The scheduler's own tick: what only time allows is seen then.
const TICK_SECONDS: i64 = 60;
/// Due leads that are looked at for each free line: some of them are held by rules of their own.
const LEADS_PER_LINE: usize = 2;
/// The most leads of one step, as many as one read of the table gives.
const LEADS_PER_STEP_MAX: usize = 500;
/// Attempts are kept as long as the longest cap looks back.
const ATTEMPTS_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long an open lane that closes no sooner is not asked again.
const ASK_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Calls from one number without a limit: where the pool is not known, it is large enough.
const ASSUMED_CALLER: &str = "+19999999999";

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
    numbers: Vec<CallerNumber>,
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
    Dial {
        person: usize,
    },
    End {
        person: usize,
        outcome: Outcome,
        answered: bool,
    },
}

/// A call that the carrier was asked for.
struct Placed {
    person: usize,
    attempt: u32,
    at: Timestamp,
    ended: Timestamp,
    outcome: Outcome,
}

/// What a plan wants with a lead, by its place in the step.
enum Step {
    Dial {
        person: usize,
        from: PhoneNumber,
        at: Timestamp,
    },
    Defer {
        person: usize,
        due_at: Timestamp,
    },
    Finish {
        person: usize,
        result: LeadResult,
        rule: Rule,
    },
}

impl Simulation {
    /// An empty run.
    ///
    /// # Errors
    /// Every field that cannot be as it is, with the reason.
    pub fn new(setup: Setup) -> Result<Self, Vec<(String, String)>> {
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
        let assumed: Vec<PhoneNumber> = ASSUMED_CALLER.parse().into_iter().collect();
        let pool = if numbers_known { pool } else { &assumed };
        let numbers = pool.iter().map(|number| CallerNumber {
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
        let mut simulation = Self {
            campaign: Campaign {
                id: setup.campaign_id,
                tenant_id: TenantId::from_parts(0, 0),
                state: CampaignState::Running,
                created_at: setup.from,
                updated_at: setup.from,
                revision: 1,
                running_since: Some(fields.starts_at.map_or(setup.from, |at| at.max(setup.from))),
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
        let place = self.lane_names.place(entrant.lane, &mut self.queues);
        let due_at = entrant.due_at.max(self.setup.from);
        let id = LeadId::of(self.campaign.id, &entrant.number);
        let person = self.people.len();
        if let Some(queue) = self.queues.get_mut(place) {
            queue.push(entrant.priority, (due_at, id, person));
        }
        self.people.push(Person {
            id,
            number: entrant.number,
            lane: place,
            priority: entrant.priority,
            consent: entrant.consent.map(Box::new),
            contact: entrant.contact.map(Box::new),
            attempts: entrant.attempts,
            faults: entrant.faults,
            dials: 0,
            stage: Stage::Waiting { due_at },
        });
        self.tally.accepted += 1;
    }

    /// Counts a row that is no lead.
    pub fn refuse(&mut self, reason: &str) {
        if let Some(count) = self.tally.refused.get_mut(reason) {
            *count += 1;
        } else {
            self.tally.refused.insert(reason.to_owned(), 1);
        }
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
                Event::End {
                    person,
                    outcome,
                    answered,
                } => self.end(person, CallEnd { outcome, answered }, at),
            }
        };
        let person = self.people.get(placed.person)?;
        let queue = self.queues.get(person.lane)?;
        Some(Dial {
            number: person.number.clone(),
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
        let caller_numbers = CallerNumbers {
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
            .forecast(&self.setup, u64::from(limit), caller_numbers, assumptions)
    }

    // Planning

    /// One step of the scheduler.
    fn plan(&mut self, now: Timestamp) {
        if now >= self.until {
            return;
        }
        self.look_at_lanes(now);
        self.new_day(now);
        let mut wake_at = None;
        loop {
            let free = self.free_lines();
            if free == 0 {
                // The end of any call wakes the planner.
                return;
            }
            if self.pace_from >= later(now, PLAN_HORIZON) {
                self.bound(Rule::Pacing);
                wake_at = Some(later(self.pace_from, -(PLAN_HORIZON / 2)));
                break;
            }
            let most = free.saturating_mul(LEADS_PER_LINE).min(LEADS_PER_STEP_MAX);
            let taken = take_due(&mut self.queues, now, most);
            if taken.is_empty() {
                break;
            }
            let looked_at = taken.len();
            let (steps, woken_by, held) = self.ask_planner(&taken, now);
            wake_at = woken_by;
            let decided = steps.len();
            let dials = self.carry_out(steps, &taken, now);
            for (rule, count) in held {
                *self.bounds.entry(rule).or_default() += count;
            }
            // Whoever a rule of their own holds gives way to the next.
            if decided == dials || looked_at < most {
                break;
            }
        }
        self.wake_for_time(now, wake_at);
    }

    /// Puts people before the planner.
    fn ask_planner(
        &mut self,
        taken: &[usize],
        now: Timestamp,
    ) -> (Vec<Step>, Option<Timestamp>, BTreeMap<Rule, u64>) {
        let Self {
            campaign,
            people,
            queues,
            memory,
            rng,
            numbers,
            recent,
            slots,
            carrier_calls_max,
            tenant_calls_max,
            call_interval,
            pace_from,
            ..
        } = self;
        let mut leads = Vec::with_capacity(taken.len());
        let mut by_id = BTreeMap::new();
        for place in taken {
            let Some(person) = people.get(*place) else {
                continue;
            };
            let Some(queue) = queues.get(person.lane) else {
                continue;
            };
            let Stage::Waiting { due_at } = person.stage else {
                continue;
            };
            by_id.insert(person.id, *place);
            let lead = person.lead(campaign.id, &queue.lane, LeadState::Waiting { due_at });
            leads.push((lead, queue.id, person.contact.as_deref()));
        }
        let due: Vec<Due<'_>> = leads
            .iter()
            .map(|(lead, lane_id, contact)| Due {
                lead,
                lane_id: *lane_id,
                contact: *contact,
            })
            .collect();
        let room = |most: u32| most.saturating_sub(*slots);
        let tenants = [TenantRoom {
            tenant_id: campaign.tenant_id,
            free_slots: room(*tenant_calls_max),
            numbers,
        }];
        let campaigns = [CampaignRoom {
            campaign,
            live_calls: *slots,
            recent: Recent::of(recent.iter().copied(), &campaign.fields.breaker),
            due: &due,
        }];
        let snapshot = Snapshot {
            account: AccountRoom {
                free_slots: room(*carrier_calls_max),
                call_interval: *call_interval,
                pace_from: *pace_from,
            },
            tenants: &tenants,
            campaigns: &campaigns,
        };
        let plan = dialer::plan(&snapshot, memory, now, rng);
        let place = |id: LeadId| by_id.get(&id).copied();
        let mut steps = Vec::with_capacity(plan.dials.len());
        for dial in &plan.dials {
            steps.extend(place(dial.lead.id).map(|person| Step::Dial {
                person,
                from: dial.from.clone(),
                at: dial.not_before,
            }));
        }
        for deferral in &plan.deferrals {
            steps.extend(place(deferral.lead.id).map(|person| Step::Defer {
                person,
                due_at: deferral.due_at,
            }));
        }
        for ending in &plan.endings {
            steps.extend(place(ending.lead.id).map(|person| Step::Finish {
                person,
                result: ending.result,
                rule: ending.rule,
            }));
        }
        let mut held: BTreeMap<Rule, u64> = BTreeMap::new();
        for one in plan.held.iter().filter(|held| is_a_limit(held.rule)) {
            *held.entry(one.rule).or_default() += 1;
        }
        (steps, plan.wake_at, held)
    }

    /// Does what the plan says; whoever it says nothing of goes on waiting. How many are dialled.
    fn carry_out(&mut self, steps: Vec<Step>, taken: &[usize], now: Timestamp) -> usize {
        let mut dials = 0;
        for step in steps {
            match step {
                Step::Dial { person, from, at } => {
                    dials += 1;
                    self.claim(person, &from, at);
                }
                Step::Defer { person, due_at } => {
                    if let Some(person) = self.people.get_mut(person) {
                        person.stage = Stage::Waiting { due_at };
                    }
                }
                Step::Finish {
                    person,
                    result,
                    rule,
                } => self.done(person, result, Some(rule), now),
            }
        }
        for place in taken {
            self.wait_on(*place);
        }
        dials
    }

    /// A slot, a number of ours and a place in the pace for a call.
    fn claim(&mut self, person: usize, from: &PhoneNumber, at: Timestamp) {
        self.slots += 1;
        if let Some(person) = self.people.get_mut(person) {
            person.stage = Stage::Calling;
        }
        if self.numbers_known {
            let used = self.numbers.iter_mut().find(|ours| ours.number == *from);
            if let Some(used) = used {
                used.calls_today += 1;
            }
        }
        self.pace_from = later(at, self.call_interval);
        self.push(at, Event::Dial { person });
    }

    /// Puts somebody who waits into the queue.
    fn wait_on(&mut self, place: usize) {
        let Some(person) = self.people.get(place) else {
            return;
        };
        if let Stage::Waiting { due_at } = person.stage
            && let Some(queue) = self.queues.get_mut(person.lane)
        {
            queue.push(person.priority, (due_at, person.id, place));
        }
    }

    /// Asks lanes whose answer has run out. Those that never open again are given up.
    fn look_at_lanes(&mut self, now: Timestamp) {
        let mut never = Vec::new();
        for (place, queue) in self.queues.iter_mut().enumerate() {
            if queue.ask_at > now {
                continue;
            }
            match self
                .memory
                .opening(&self.campaign, queue.id, &queue.lane, now)
            {
                Opening::Open { closes_at } => {
                    queue.open = true;
                    queue.ever_open = true;
                    // Open for weeks: nothing is missed by asking again in one.
                    queue.ask_at = closes_at.unwrap_or(later(now, ASK_AGAIN_AFTER));
                }
                Opening::Closed { rule, opens_at } => {
                    queue.open = false;
                    let ends_at = self.campaign.fields.ends_at;
                    match opens_at.filter(|at| ends_at.is_none_or(|end| *at < end)) {
                        Some(at) => queue.ask_at = at,
                        None => never.push((place, rule)),
                    }
                }
            }
        }
        for (place, rule) in never {
            let Some(queue) = self.queues.get_mut(place) else {
                continue;
            };
            queue.ask_at = Timestamp::MAX;
            let denial = Denial {
                rule,
                retry_at: None,
            };
            if let LeadState::Done { result, .. } = after_denial(&self.campaign, denial, now) {
                for person in queue.drain() {
                    self.done(person, result, Some(rule), now);
                }
            }
        }
    }

    /// Daily limits of our numbers begin anew.
    fn new_day(&mut self, now: Timestamp) {
        let day = now.as_second().div_euclid(86_400);
        if day != self.day {
            self.day = day;
            for number in &mut self.numbers {
                number.calls_today = 0;
            }
        }
    }

    /// The next step at a tick, for what only time allows.
    fn wake_for_time(&mut self, now: Timestamp, asked: Option<Timestamp>) {
        let waiting = self.queues.iter().filter(|queue| !queue.is_empty());
        let chances = waiting.filter_map(|queue| {
            if queue.open {
                // Whoever is due already waits for a line, not for time.
                queue.first_due().filter(|due_at| *due_at > now)
            } else {
                (queue.ask_at < Timestamp::MAX).then_some(queue.ask_at)
            }
        });
        let Some(at) = chances.chain(asked).min() else {
            return;
        };
        let second = at.max(now).as_second();
        let tick = (second.div_euclid(TICK_SECONDS) + 1) * TICK_SECONDS;
        let on_tick = at.as_second().rem_euclid(TICK_SECONDS) == 0 && at.subsec_nanosecond() == 0;
        let tick = if on_tick && at > now {
            at.as_second()
        } else {
            tick
        };
        if let Ok(tick) = Timestamp::from_second(tick) {
            self.plan_by(tick);
        }
    }

    fn plan_by(&mut self, at: Timestamp) {
        if at < self.until && self.plan_at.is_none_or(|planned| at < planned) {
            self.plan_at = Some(at);
            self.push(at, Event::Plan);
        }
    }

    fn free_lines(&mut self) -> usize {
        let limits = [
            (
                Rule::CampaignConcurrency,
                self.campaign.fields.max_concurrent_calls,
            ),
            (Rule::TenantConcurrency, self.tenant_calls_max),
            (Rule::AccountConcurrency, self.carrier_calls_max),
        ];
        let least = limits.into_iter().min_by_key(|(_rule, most)| *most);
        let Some((rule, most)) = least else { return 0 };
        let free = most.saturating_sub(self.slots);
        if free == 0 {
            self.bound(rule);
        }
        usize::try_from(free).unwrap_or(usize::MAX)
    }

    fn bound(&mut self, rule: Rule) {
        *self.bounds.entry(rule).or_default() += 1;
    }

    // Calling

    /// The gate, then the carrier and the person.
    fn dial(&mut self, place: usize, now: Timestamp) -> Option<Placed> {
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
        let model: &OutcomeModel = &self.setup.model;
        let fate = model.fate(
            self.setup.seed,
            &person.number,
            person.dials,
            local_hour(&permit),
            &self.campaign.fields.amd,
        );
        let attempt = person.attempts + 1;
        let detect = self.campaign.fields.amd.detect;
        self.tally
            .dialled(now, attempt, person.dials == 0, &fate, detect);
        person.dials += 1;
        let contact = person.contact.get_or_insert_default();
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
        self.push(
            ended,
            Event::End {
                person: place,
                outcome: fate.outcome,
                answered: fate.talk_ms.is_some(),
            },
        );
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
        let queue = self.queues.get(person.lane)?;
        let lead = person.lead(
            self.campaign.id,
            &queue.lane,
            LeadState::Calling { call_id },
        );
        let nobody = model::Contact::default();
        let asking = Asking {
            number: &person.number,
            lane: &queue.lane,
            contact: Some(person.contact.as_deref().unwrap_or(&nobody)),
            campaign: Some(&self.campaign),
            lead: Some(&lead),
            call_id: Some(call_id),
        };
        Some(permit(&asking, now))
    }

    /// A claimed call that is not placed: the slot comes back, no attempt counts.
    fn turn_back(&mut self, place: usize, denial: Option<Denial>, now: Timestamp) {
        self.slots -= 1;
        let state = match denial {
            Some(denial) => {
                self.tally.turned_back(denial.rule);
                after_denial(&self.campaign, denial, now)
            }
            // The run is over: it goes on waiting.
            None => LeadState::Waiting { due_at: now },
        };
        self.becomes(place, &state, denial.map(|denial| denial.rule), now);
        self.plan_by(later(now, WAKE_AFTER));
    }

    /// The carrier says how a call ended.
    fn end(&mut self, place: usize, end: CallEnd, now: Timestamp) {
        self.slots -= 1;
        self.tally.ended(now);
        self.recent.push_front((end.outcome, now));
        let kept = usize::try_from(self.campaign.fields.breaker.calls).unwrap_or(usize::MAX);
        self.recent.truncate(kept);
        let Some(person) = self.people.get_mut(place) else {
            return;
        };
        let Some(queue) = self.queues.get(person.lane) else {
            return;
        };
        let contact = person.contact.get_or_insert_default();
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
        let lead = person.lead(
            self.campaign.id,
            &queue.lane,
            LeadState::Calling { call_id },
        );
        let after = after_call(&self.campaign, &lead, end, now);
        person.attempts = after.attempts;
        person.faults = after.faults;
        self.becomes(place, &after.state, None, now);
        self.plan_by(later(now, WAKE_AFTER));
    }

    fn becomes(&mut self, place: usize, state: &LeadState, rule: Option<Rule>, now: Timestamp) {
        match *state {
            LeadState::Waiting { due_at } => {
                if let Some(person) = self.people.get_mut(place) {
                    person.stage = Stage::Waiting { due_at };
                }
                self.wait_on(place);
            }
            LeadState::Done { result, .. } => self.done(place, result, rule, now),
            // Neither a call's end nor a denial leaves a lead in a call.
            LeadState::Calling { .. } => {}
        }
    }

    fn done(&mut self, place: usize, result: LeadResult, rule: Option<Rule>, now: Timestamp) {
        if let Some(person) = self.people.get_mut(place)
            && person.stage != Stage::Done
        {
            person.stage = Stage::Done;
            let never_called = person.dials == 0;
            self.tally.done(result, rule.filter(|_| never_called), now);
        }
    }

    fn call_id(&mut self, now: Timestamp) -> CallId {
        self.calls += 1;
        let unix_ms = u64::try_from(now.as_millisecond()).unwrap_or(0);
        CallId::from_parts(unix_ms, self.calls)
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
            let Stage::Waiting { due_at } = person.stage else {
                continue;
            };
            let Some(queue) = self.queues.get(person.lane) else {
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

/// Rules that are about lines and not about a person.
fn is_a_limit(rule: Rule) -> bool {
    match rule {
        Rule::CampaignConcurrency
        | Rule::TenantConcurrency
        | Rule::AccountConcurrency
        | Rule::Pacing
        | Rule::Ramp
        | Rule::CircuitBreaker
        | Rule::CallerNumber
        | Rule::FairShare => true,
        Rule::NotCallable
        | Rule::Suppressed
        | Rule::Consent
        | Rule::ZoneUnknown
        | Rule::CampaignWindow
        | Rule::LegalHours
        | Rule::Holiday
        | Rule::BlockedDay
        | Rule::FrequencyCap
        | Rule::MinimumGap
        | Rule::Attempts
        | Rule::NotDue
        | Rule::CampaignState
        | Rule::NumberBusy => false,
    }
}

/// What the callee's clock shows in the first of the zones: `2026-03-08T09:30:00-07:00`.
fn local_hour(permit: &Permit) -> u8 {
    let local = permit.zones.first().map_or("", |zone| &zone.local);
    let hour = local.get(11..13).and_then(|hour| hour.parse().ok());
    hour.unwrap_or(0)
}

/// The instant a while later, held within what `Timestamp` can say.
fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
