//! One planning step: which of the due leads are dialled next, from which numbers, not before when.
//!
//! Leads first pass the permit, like at the gate later; those that may be called share the free lines.
//! The report says of every other one which rule held it. Nothing here is exact by itself: slots, the
//! lead's row and the gate decide again when the plan is carried out.

mod never;
mod our_numbers;
mod share;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use model::{
    Campaign, CampaignId, Contact, LaneId, Lead, LeadId, LeadResult, LeadState, PhoneNumber,
    Rotation, Rule, TenantId,
};
use rand::Rng;

use crate::after::{AfterDenial, after_denial};
use crate::attempts::later;
use crate::breaker::{Recent, concurrency};
use crate::lanes::Lanes;
use crate::permit::{Asking, Denial, Single, caps_of_lead, decide, runs};

pub use never::{Opener, never, opened_by, openers};
use our_numbers::OurNumberPool;
use share::Tickets;

/// How far ahead calls are planned: a tick of a minute then never leaves the carrier idle.
pub const PLAN_HORIZON: SignedDuration = SignedDuration::from_secs(60);

/// Everything that one step looks at.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot<'a> {
    pub account: AccountRoom,
    /// Every tenant that a campaign below belongs to. One that is missing has no room.
    pub tenants: &'a [TenantRoom<'a>],
    pub campaigns: &'a [CampaignRoom<'a>],
}

/// What the carrier's account allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountRoom {
    pub free_slots: u32,
    /// Calls that the media workers have room for.
    pub workers_free: u32,
    /// From one call to the next: a second divided by the calls per second.
    pub call_interval: SignedDuration,
    /// Before that the pace is taken by calls that are planned already.
    pub pace_from: Timestamp,
}

/// What a tenant allows.
#[derive(Debug, Clone, Copy)]
pub struct TenantRoom<'a> {
    pub tenant_id: TenantId,
    pub free_slots: u32,
    pub numbers: &'a [OurNumber],
}

/// A number of ours to call from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OurNumber {
    pub number: PhoneNumber,
    /// Calls of the current UTC day, planned ones included.
    pub calls_today: u32,
}

/// A campaign with its due leads.
#[derive(Debug, Clone, Copy)]
pub struct CampaignRoom<'a> {
    pub campaign: &'a Campaign,
    /// Slots it has taken.
    pub live_calls: u32,
    pub recent: Recent,
    /// In any order; the plan takes them by priority, due time and id.
    pub due: &'a [Due<'a>],
}

/// A lead that may be dialled.
#[derive(Debug, Clone)]
pub struct Due<'a> {
    pub lead: &'a Lead,
    /// Of the lane of the number in turn.
    pub lane_id: LaneId,
    /// Of the number in turn. Absent: caps and suppression are left to the gate.
    pub contact: Option<&'a Contact>,
    /// Of the lead's other numbers.
    pub others: Vec<&'a Contact>,
}

/// What is to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan<'a> {
    /// In the order of their times.
    pub dials: Vec<Dial<'a>>,
    /// Leads that get a later due time, or another number in turn.
    pub deferrals: Vec<Deferral<'a>>,
    /// Leads that are done without a call: suppressed, without consent, never allowed.
    pub endings: Vec<Ending<'a>>,
    /// When time alone may allow more; absent: only an event will.
    pub wake_at: Option<Timestamp>,
    /// Every lead of the snapshot that is not dialled, with the rule that held it.
    pub held: Vec<Held>,
}

/// A lead to dial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dial<'a> {
    pub campaign: &'a Campaign,
    pub lead: &'a Lead,
    /// The number of ours.
    pub from: &'a PhoneNumber,
    pub not_before: Timestamp,
}

/// A lead to come back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deferral<'a> {
    pub lead: &'a Lead,
    pub due_at: Timestamp,
    /// What `Lead::rotation` is then.
    pub rotation: Rotation,
    pub rule: Rule,
}

/// A lead that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending<'a> {
    pub lead: &'a Lead,
    pub result: LeadResult,
    pub rule: Rule,
}

/// A lead that was passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub campaign_id: CampaignId,
    pub lead_id: LeadId,
    pub rule: Rule,
    /// When time alone may lift it.
    pub until: Option<Timestamp>,
}

impl Plan<'_> {
    /// How many leads of each campaign each rule held.
    #[must_use]
    pub fn held_by_rule(&self) -> BTreeMap<(CampaignId, Rule), u32> {
        let mut counts = BTreeMap::new();
        for held in &self.held {
            *counts.entry((held.campaign_id, held.rule)).or_default() += 1;
        }
        counts
    }

    fn hold(&mut self, room: &CampaignRoom<'_>, lead: &Lead, rule: Rule, until: Option<Timestamp>) {
        self.held.push(Held {
            campaign_id: room.campaign.id,
            lead_id: lead.id,
            rule,
            until,
        });
        self.wake(until);
    }

    fn wake(&mut self, at: Option<Timestamp>) {
        self.wake_at = match (self.wake_at, at) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
}

/// Plans one step. The same snapshot, time and chance give the same plan; `lanes` only remembers.
pub fn plan<'a>(
    snapshot: &Snapshot<'a>,
    lanes: &mut Lanes,
    now: Timestamp,
    rng: &mut impl Rng,
) -> Plan<'a> {
    let mut plan = Plan::default();
    let mut contenders: Vec<Contender<'a, '_>> = Vec::with_capacity(snapshot.campaigns.len());
    for room in snapshot.campaigns {
        let callable = sift(room, lanes, now, &mut plan);
        if !callable.is_empty() {
            contenders.push(Contender::new(room, callable, now));
        }
    }
    if !contenders.is_empty() {
        Sharing::new(snapshot, now).share(&mut contenders, &mut plan, rng);
    }
    plan
}

/// A campaign with leads that may be called.
struct Contender<'a, 's> {
    room: &'s CampaignRoom<'a>,
    /// In the order in which they are called.
    callable: Vec<&'a Lead>,
    next: usize,
    dials: usize,
    /// Calls it may still begin, and what limits them.
    free: u32,
    limit: (Rule, Option<Timestamp>),
    /// Why it gets no more lines.
    stopped: Option<(Rule, Option<Timestamp>)>,
}

impl<'a, 's> Contender<'a, 's> {
    fn new(room: &'s CampaignRoom<'a>, callable: Vec<&'a Lead>, now: Timestamp) -> Self {
        let limit = concurrency(room.campaign, &room.recent, now);
        Self {
            room,
            callable,
            next: 0,
            dials: 0,
            free: limit.most.saturating_sub(room.live_calls),
            limit: (limit.rule, limit.until),
            stopped: None,
        }
    }

    fn wants_lines(&self) -> bool {
        self.stopped.is_none() && self.next < self.callable.len()
    }
}

/// Puts the due leads of a campaign through the permit. Returns those that pass, in their order.
fn sift<'a>(
    room: &CampaignRoom<'a>,
    lanes: &mut Lanes,
    now: Timestamp,
    plan: &mut Plan<'a>,
) -> Vec<&'a Lead> {
    let campaign = room.campaign;
    let mut callable = Vec::with_capacity(room.due.len());
    let (runs, _because, retry_at) = runs(campaign, now);
    let stopped = (!runs).then_some(Denial {
        rule: Rule::CampaignState,
        retry_at,
    });
    for due in room.due {
        let lead = due.lead;
        match lead.state {
            LeadState::Waiting { due_at } if due_at <= now => {}
            LeadState::Waiting { due_at } => {
                plan.hold(room, lead, Rule::NotDue, Some(due_at));
                continue;
            }
            LeadState::Calling { .. } | LeadState::Done { .. } => {
                plan.hold(room, lead, Rule::NotDue, None);
                continue;
            }
        }
        let denial = stopped.or_else(|| {
            let asking = Asking {
                number: lead.number_in_turn(),
                lane: lead.lane_in_turn(),
                contact: due.contact,
                others: &due.others,
                campaign: Some(campaign),
                single: Single::default(),
                lead: Some(lead),
                call_id: None,
            };
            let ready = lanes.ready(campaign, due.lane_id, lead.lane_in_turn());
            decide(
                &asking,
                &mut ready.schedule,
                &caps_of_lead(&asking, ready.caps),
                now,
                &mut |_, _, _| (),
            )
        });
        match denial {
            None => callable.push(lead),
            Some(denial) => held_back(room, lead, denial, now, plan),
        }
    }
    if !callable.is_sorted_by_key(|lead| order(lead)) {
        callable.sort_unstable_by_key(|lead| order(lead));
    }
    callable
}

fn order(lead: &Lead) -> (model::LeadPriority, Timestamp, LeadId) {
    let due_at = match lead.state {
        LeadState::Waiting { due_at } => due_at,
        LeadState::Calling { .. } | LeadState::Done { .. } => Timestamp::MAX,
    };
    (lead.priority, due_at, lead.id)
}

/// Says what becomes of a lead that may not be called now.
fn held_back<'a>(
    room: &CampaignRoom<'a>,
    lead: &'a Lead,
    denial: Denial,
    now: Timestamp,
    plan: &mut Plan<'a>,
) {
    let rule = denial.rule;
    let AfterDenial { state, rotation } = after_denial(room.campaign, lead, denial, now);
    match state {
        LeadState::Done { result, .. } => {
            plan.endings.push(Ending { lead, result, rule });
            plan.hold(room, lead, rule, None);
        }
        LeadState::Waiting { due_at } => {
            let another = rotation != lead.rotation;
            if is_the_leads_own(rule) || another {
                plan.deferrals.push(Deferral {
                    lead,
                    due_at,
                    rotation,
                    rule,
                });
            }
            let until = if another {
                Some(due_at)
            } else {
                denial.retry_at
            };
            plan.hold(room, lead, rule, until);
        }
        LeadState::Calling { .. } => plan.hold(room, lead, rule, denial.retry_at),
    }
}

/// Rules that hold a single number: it gets a later due time. What holds a lane or a campaign is asked
/// again as it is, so that an edited window moves no lead's row.
fn is_the_leads_own(rule: Rule) -> bool {
    match rule {
        Rule::FrequencyCap | Rule::MinimumGap | Rule::NumberBusy => true,
        Rule::NotCallable
        | Rule::Suppressed
        | Rule::Consent
        | Rule::ZoneUnknown
        | Rule::CampaignWindow
        | Rule::LegalHours
        | Rule::Holiday
        | Rule::BlockedDay
        | Rule::Attempts
        | Rule::NotDue
        | Rule::CampaignState
        | Rule::AlternateNumbers
        | Rule::CampaignConcurrency
        | Rule::TenantConcurrency
        | Rule::AccountConcurrency
        | Rule::NoWorker
        | Rule::Pacing
        | Rule::Ramp
        | Rule::CircuitBreaker
        | Rule::OurNumber
        | Rule::FairShare => false,
    }
}

/// The lines, and how they are given out.
struct Sharing<'a> {
    now: Timestamp,
    lines: u32,
    /// What there is too little of when there are no more lines.
    scarce: Rule,
    interval: SignedDuration,
    next_at: Timestamp,
    horizon: Timestamp,
    tenants: BTreeMap<TenantId, (u32, OurNumberPool<'a>)>,
    taken: BTreeSet<&'a PhoneNumber>,
}

impl<'a> Sharing<'a> {
    fn new(snapshot: &Snapshot<'a>, now: Timestamp) -> Self {
        let account = snapshot.account;
        let tenants = snapshot.tenants.iter().map(|tenant| {
            let pool = OurNumberPool::new(tenant.numbers);
            (tenant.tenant_id, (tenant.free_slots, pool))
        });
        Self {
            now,
            lines: account.free_slots.min(account.workers_free),
            scarce: if account.workers_free < account.free_slots {
                Rule::NoWorker
            } else {
                Rule::AccountConcurrency
            },
            interval: account.call_interval,
            next_at: account.pace_from.max(now),
            horizon: later(now, PLAN_HORIZON),
            tenants: tenants.collect(),
            taken: BTreeSet::new(),
        }
    }

    /// Gives out line after line until nobody wants or may have another.
    fn share(
        mut self,
        contenders: &mut [Contender<'a, '_>],
        plan: &mut Plan<'a>,
        rng: &mut impl Rng,
    ) {
        let mut tickets = Tickets::new(
            contenders
                .iter()
                .map(|contender| contender.room.campaign.fields.priority),
        );
        let rule = loop {
            let wants = |place: usize| contenders.get(place).is_some_and(Contender::wants_lines);
            let Some(drawn) = tickets.draw(wants, rng) else {
                break None;
            };
            if self.lines == 0 {
                break Some(self.scarce);
            }
            if self.next_at >= self.horizon {
                break Some(Rule::Pacing);
            }
            let Some(contender) = contenders.get_mut(drawn) else {
                break None;
            };
            if self.give_line(contender, plan, rng) {
                tickets.spend(drawn);
            }
        };
        let dials = plan.dials.len();
        for contender in contenders {
            let others = dials - contender.dials;
            let (rule, until) = contender.stopped.unwrap_or_else(|| self.end(rule, others));
            for lead in contender.callable.iter().skip(contender.next) {
                plan.hold(contender.room, lead, rule, until);
            }
        }
    }

    /// Dials the campaign's next lead. False when it got nothing for its turn.
    fn give_line(
        &mut self,
        contender: &mut Contender<'a, '_>,
        plan: &mut Plan<'a>,
        rng: &mut impl Rng,
    ) -> bool {
        let room = contender.room;
        let Some(lead) = contender.callable.get(contender.next).copied() else {
            return false;
        };
        if contender.free == 0 {
            contender.stopped = Some(contender.limit);
            return false;
        }
        let Some((free, pool)) = self.tenants.get_mut(&room.campaign.tenant_id) else {
            contender.stopped = Some((Rule::TenantConcurrency, None));
            return false;
        };
        if *free == 0 {
            contender.stopped = Some((Rule::TenantConcurrency, None));
            return false;
        }
        let number = lead.number_in_turn();
        if self.taken.contains(number) {
            plan.hold(room, lead, Rule::NumberBusy, None);
            contender.next += 1;
            return false;
        }
        let Some(from) = pool.choose(&room.campaign.fields, number, rng) else {
            contender.stopped = Some((Rule::OurNumber, Some(next_utc_day(self.now))));
            return false;
        };
        *free -= 1;
        self.lines -= 1;
        contender.free -= 1;
        contender.dials += 1;
        contender.next += 1;
        self.taken.insert(number);
        plan.dials.push(Dial {
            campaign: room.campaign,
            lead,
            from,
            not_before: self.next_at,
        });
        self.next_at = later(self.next_at, self.interval);
        true
    }

    /// Why those that would still call do not.
    fn end(&self, rule: Option<Rule>, dials_of_others: usize) -> (Rule, Option<Timestamp>) {
        match rule {
            Some(Rule::Pacing) => {
                // Half a horizon early, so that the carrier is never idle.
                let early = later(self.next_at, -(PLAN_HORIZON / 2));
                (
                    Rule::Pacing,
                    Some(early.max(later(self.now, PLAN_HORIZON / 2))),
                )
            }
            Some(rule) if dials_of_others == 0 => (rule, None),
            Some(_) | None => (Rule::FairShare, None),
        }
    }
}

/// When the numbers' daily limits begin anew.
fn next_utc_day(now: Timestamp) -> Timestamp {
    let day = now.as_second().div_euclid(86_400);
    Timestamp::from_second((day + 1) * 86_400).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
