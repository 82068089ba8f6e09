//! The leads of a run, kept small, and the lanes they wait in.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use jiff::Timestamp;
use model::{
    AlternateNumber, CampaignId, Consent, Contact, Lane, LaneId, Lead, LeadId, LeadPriority,
    LeadState, PhoneNumber, Rotation, StatedPlace, Variables,
};

/// A lead as it goes in.
#[derive(Debug, Clone)]
pub struct Entrant {
    pub number: PhoneNumber,
    pub lane: Lane,
    pub priority: LeadPriority,
    pub consent: Option<Consent>,
    /// Attempts that were made already.
    pub attempts: u32,
    pub faults: u32,
    /// Not before the run's start, where that is later.
    pub due_at: Timestamp,
    /// What is known of the number: suppression, calls of the last 30 days.
    pub contact: Option<Contact>,
    /// Other numbers of the same person, in their order.
    pub alternates: Vec<EntrantAlternate>,
    pub rotation: Rotation,
}

/// Another number of a lead as it goes in.
#[derive(Debug, Clone)]
pub struct EntrantAlternate {
    pub number: PhoneNumber,
    pub lane: Lane,
    /// What is known of it.
    pub contact: Option<Contact>,
}

impl Entrant {
    /// Somebody who was never called.
    #[must_use]
    pub fn new(number: PhoneNumber, lane: Lane) -> Self {
        Self {
            number,
            lane,
            priority: LeadPriority::default(),
            consent: None,
            attempts: 0,
            faults: 0,
            due_at: Timestamp::MIN,
            contact: None,
            alternates: Vec::new(),
            rotation: Rotation::default(),
        }
    }
}

/// A lead while it is simulated.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) id: LeadId,
    pub(crate) own: Phone,
    /// Boxed, because most people have one number.
    pub(crate) others: Option<Box<Others>>,
    pub(crate) priority: LeadPriority,
    pub(crate) consent: Option<Box<Consent>>,
    pub(crate) attempts: u32,
    pub(crate) faults: u32,
    /// Calls that the carrier was asked for in this run.
    pub(crate) dials: u32,
    pub(crate) last_dial_at: Option<Timestamp>,
    pub(crate) stage: LeadStage,
}

/// A number of somebody.
#[derive(Debug)]
pub(crate) struct Phone {
    pub(crate) number: PhoneNumber,
    /// The place of its queue.
    pub(crate) lane: usize,
    /// Boxed, because most people of a long list are called late or never.
    pub(crate) contact: Option<Box<Contact>>,
}

/// Further numbers of somebody.
#[derive(Debug)]
pub(crate) struct Others {
    pub(crate) phones: Vec<Phone>,
    pub(crate) rotation: Rotation,
}

/// Where somebody stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeadStage {
    Waiting {
        due_at: Timestamp,
    },
    /// Has a slot and waits for its turn, or is in a call.
    Calling,
    Done,
}

impl Person {
    /// As the rules see it.
    pub(crate) fn lead(&self, campaign_id: CampaignId, queues: &[Queue], state: LeadState) -> Lead {
        let lane = |phone: &Phone| {
            let queue = queues.get(phone.lane);
            queue.map_or_else(
                || Lane::new(Vec::new(), Vec::new()),
                |queue| queue.lane.clone(),
            )
        };
        let others = self.others.iter().flat_map(|others| &others.phones);
        Lead {
            id: self.id,
            campaign_id,
            number: self.own.number.clone(),
            lane: lane(&self.own),
            alternates: others
                .map(|phone| AlternateNumber {
                    number: phone.number.clone(),
                    lane: lane(phone),
                })
                .collect(),
            rotation: self.rotation(),
            stated_place: StatedPlace::default(),
            counted_lane: None,
            variables: Variables::new(),
            priority: self.priority,
            consent: self.consent.as_deref().cloned(),
            state,
            attempts: self.attempts,
            faults: self.faults,
            last_call_id: None,
            last_attempt_at: self.last_dial_at,
            last_outcome: None,
            held_by: None,
            moved_to: None,
            import_id: None,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    /// The number that is called next.
    pub(crate) fn in_turn(&self) -> &Phone {
        let place = usize::from(self.rotation().in_turn()).checked_sub(1);
        let others = self.others.as_deref();
        let other = others
            .zip(place)
            .and_then(|(others, place)| others.phones.get(place));
        other.unwrap_or(&self.own)
    }

    pub(crate) fn in_turn_mut(&mut self) -> &mut Phone {
        let place = usize::from(self.rotation().in_turn()).checked_sub(1);
        let others = self.others.as_deref_mut();
        let other = others
            .zip(place)
            .and_then(|(others, place)| others.phones.get_mut(place));
        other.unwrap_or(&mut self.own)
    }

    /// Every number of theirs, their own first.
    pub(crate) fn phones(&self) -> impl Iterator<Item = &Phone> {
        let others = self.others.iter().flat_map(|others| &others.phones);
        std::iter::once(&self.own).chain(others)
    }

    /// What is known of the numbers that are not in turn.
    pub(crate) fn contacts_besides(&self) -> Vec<&Contact> {
        let in_turn = usize::from(self.rotation().in_turn());
        let phones = self.phones().enumerate();
        phones
            .filter(|(place, _phone)| *place != in_turn)
            .filter_map(|(_place, phone)| phone.contact.as_deref())
            .collect()
    }

    pub(crate) fn rotation(&self) -> Rotation {
        let others = self.others.as_deref();
        others.map_or_else(Rotation::default, |others| others.rotation)
    }

    /// Puts another number in turn.
    pub(crate) fn turn(&mut self, rotation: Rotation) {
        if let Some(others) = &mut self.others {
            others.rotation = rotation;
        }
    }

    /// Nobody asks for what is known of them any more.
    pub(crate) fn forget(&mut self) {
        self.consent = None;
        self.own.contact = None;
        for phone in self.others.iter_mut().flat_map(|others| &mut others.phones) {
            phone.contact = None;
        }
    }
}

/// Somebody in a queue: by due time, then by id, as the due index has them.
pub(crate) type Waiting = (Timestamp, LeadId, usize);

/// A lane with those who wait in it.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) id: LaneId,
    pub(crate) lane: Lane,
    pub(crate) open: bool,
    /// From then on `open` is to be asked again.
    pub(crate) ask_at: Timestamp,
    pub(crate) ever_open: bool,
    by_priority: [BinaryHeap<Reverse<Waiting>>; 3],
}

impl Queue {
    pub(crate) fn new(id: LaneId, lane: Lane) -> Self {
        Self {
            id,
            lane,
            open: false,
            ask_at: Timestamp::MIN,
            ever_open: false,
            by_priority: [const { BinaryHeap::new() }; 3],
        }
    }

    pub(crate) fn push(&mut self, priority: LeadPriority, waiting: Waiting) {
        let [high, normal, low] = &mut self.by_priority;
        let queue = match priority {
            LeadPriority::High => high,
            LeadPriority::Normal => normal,
            LeadPriority::Low => low,
        };
        queue.push(Reverse(waiting));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_priority.iter().all(BinaryHeap::is_empty)
    }

    /// The earliest due time.
    pub(crate) fn first_due(&self) -> Option<Timestamp> {
        let firsts = self.by_priority.iter().filter_map(BinaryHeap::peek);
        firsts.map(|Reverse((due_at, _id, _person))| *due_at).min()
    }

    /// Everybody in it, in no order that matters.
    pub(crate) fn drain(&mut self) -> Vec<usize> {
        let mut all = Vec::new();
        for queue in &mut self.by_priority {
            let people = queue.drain();
            all.extend(people.map(|Reverse((_due_at, _id, person))| person));
        }
        all.sort_unstable();
        all
    }
}

/// Takes up to so many due people out of the open lanes: by priority, due time and id.
pub(crate) fn take_due(queues: &mut [Queue], now: Timestamp, most: usize) -> Vec<usize> {
    let mut taken = Vec::with_capacity(most.min(1_024));
    for priority in 0..3 {
        // The heads of all open lanes; whoever is taken makes room for the next of the same lane.
        let mut heads: BinaryHeap<Reverse<(Waiting, usize)>> = BinaryHeap::new();
        for (place, queue) in queues.iter().enumerate() {
            let head = queue.by_priority.get(priority).and_then(BinaryHeap::peek);
            if let Some(Reverse(head)) = head
                && queue.open
                && head.0 <= now
            {
                heads.push(Reverse((*head, place)));
            }
        }
        while taken.len() < most {
            let Some(Reverse((_head, place))) = heads.pop() else {
                break;
            };
            let queue = queues.get_mut(place);
            let Some(queue) = queue.and_then(|queue| queue.by_priority.get_mut(priority)) else {
                continue;
            };
            taken.extend(queue.pop().map(|Reverse((_due_at, _id, person))| person));
            if let Some(Reverse(head)) = queue.peek()
                && head.0 <= now
            {
                heads.push(Reverse((*head, place)));
            }
        }
    }
    taken
}

/// Finds the lane of a person, or makes it.
#[derive(Debug, Default)]
pub(crate) struct LaneNames {
    places: BTreeMap<LaneId, usize>,
}

impl LaneNames {
    pub(crate) fn place(&mut self, lane: Lane, queues: &mut Vec<Queue>) -> usize {
        let id = lane.id();
        *self.places.entry(id).or_insert_with(|| {
            queues.push(Queue::new(id, lane));
            queues.len() - 1
        })
    }
}
