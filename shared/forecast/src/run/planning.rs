//! The scheduler's part: which lanes are open, who is put before the planner, and carrying out its plan.

use std::collections::BTreeMap;

use dialer::{
    AccountRoom, CampaignRoom, Denial, Due, Opening, PLAN_HORIZON, Recent, Snapshot, TenantRoom,
};
use jiff::{SignedDuration, Timestamp};
use model::{LeadId, LeadResult, LeadState, PhoneNumber, Rotation, Rule};

use super::{Event, Simulation, later};
use crate::people::{LeadStage, take_due};

/// The scheduler's own tick: what only time allows is seen then.
const TICK_SECONDS: i64 = 60;
/// Due leads that are looked at for each free line: some of them are held by rules of their own.
const LEADS_PER_LINE: usize = 2;
/// The most leads of one step, as many as the scheduler looks at at once.
const LEADS_PER_STEP_MAX: usize = 400;
/// How long an open lane that closes no sooner is not asked again.
const ASK_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What a plan wants with a lead, by its place in the step.
enum PlanningStep {
    Dial {
        person: usize,
        from: PhoneNumber,
        at: Timestamp,
    },
    Defer {
        person: usize,
        due_at: Timestamp,
        rotation: Rotation,
    },
    Finish {
        person: usize,
        result: LeadResult,
        rule: Rule,
    },
}

impl Simulation {
    /// One step of the scheduler.
    pub(super) fn plan(&mut self, now: Timestamp) {
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
            let room = free.min(self.room_in_pace(now));
            let most = room.saturating_mul(LEADS_PER_LINE).min(LEADS_PER_STEP_MAX);
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

    /// Calls for which the pace has room before the planner's horizon.
    fn room_in_pace(&self, now: Timestamp) -> usize {
        let free_for = self
            .pace_from
            .max(now)
            .duration_until(later(now, PLAN_HORIZON));
        let interval = self.call_interval.as_nanos().max(1);
        let room = (free_for.as_nanos() + interval - 1) / interval;
        usize::try_from(room).unwrap_or(0)
    }

    /// Puts people before the planner.
    fn ask_planner(
        &mut self,
        taken: &[usize],
        now: Timestamp,
    ) -> (Vec<PlanningStep>, Option<Timestamp>, BTreeMap<Rule, u64>) {
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
            let Some(queue) = queues.get(person.in_turn().lane) else {
                continue;
            };
            let LeadStage::Waiting { due_at } = person.stage else {
                continue;
            };
            by_id.insert(person.id, *place);
            let lead = person.lead(campaign.id, queues, LeadState::Waiting { due_at });
            leads.push((lead, queue.id, person));
        }
        let due: Vec<Due<'_>> = leads
            .iter()
            .map(|(lead, lane_id, person)| Due {
                lead,
                lane_id: *lane_id,
                contact: person.in_turn().contact.as_deref(),
                others: person.contacts_besides(),
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
                // Workers grow with the calls; how long that takes is not forecast.
                workers_free: u32::MAX,
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
            steps.extend(place(dial.lead.id).map(|person| PlanningStep::Dial {
                person,
                from: dial.from.clone(),
                at: dial.not_before,
            }));
        }
        for deferral in &plan.deferrals {
            steps.extend(place(deferral.lead.id).map(|person| PlanningStep::Defer {
                person,
                due_at: deferral.due_at,
                rotation: deferral.rotation,
            }));
        }
        for ending in &plan.endings {
            steps.extend(place(ending.lead.id).map(|person| PlanningStep::Finish {
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
    fn carry_out(&mut self, steps: Vec<PlanningStep>, taken: &[usize], now: Timestamp) -> usize {
        let mut dials = 0;
        for step in steps {
            match step {
                PlanningStep::Dial { person, from, at } => {
                    dials += 1;
                    self.claim(person, &from, at);
                }
                PlanningStep::Defer {
                    person,
                    due_at,
                    rotation,
                } => {
                    if let Some(person) = self.people.get_mut(person) {
                        person.turn(rotation);
                        person.stage = LeadStage::Waiting { due_at };
                    }
                }
                PlanningStep::Finish {
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
            person.stage = LeadStage::Calling;
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
    pub(super) fn wait_on(&mut self, place: usize) {
        let Some(person) = self.people.get(place) else {
            return;
        };
        if let LeadStage::Waiting { due_at } = person.stage
            && let Some(queue) = self.queues.get_mut(person.in_turn().lane)
        {
            // A lane that was given up is asked once more for whoever comes to it by another of their numbers.
            if queue.ask_at == Timestamp::MAX && person.others.is_some() {
                queue.ask_at = Timestamp::MIN;
            }
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
            for person in queue.drain() {
                self.held_back(person, denial, now);
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

    pub(super) fn plan_by(&mut self, at: Timestamp) {
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
}

/// Rules that are about lines and not about a person.
fn is_a_limit(rule: Rule) -> bool {
    match rule {
        Rule::CampaignConcurrency
        | Rule::TenantConcurrency
        | Rule::AccountConcurrency
        | Rule::NoWorker
        | Rule::Pacing
        | Rule::Ramp
        | Rule::CircuitBreaker
        | Rule::OurNumber
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
        | Rule::AlternateNumbers
        | Rule::NumberBusy => false,
    }
}
