//! What must never happen, judged by code that shares nothing with the product: at the moment a call
//! passes the gate to the carrier, and at the end of a world by the carrier's own books.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::carrier::Request;
use super::offence::{Breach, Offence};
use super::people::People;
use super::rows::{Book, Call};

/// How wrong a machine's clock may be in a world.
pub(super) const CLOCK_WRONG_MAX: Duration = Duration::from_secs(10);
/// How long before the gate is written it may have been decided: the store's longest operation.
const DECIDED_BEFORE: SignedDuration = SignedDuration::from_secs(15);
/// How late after its place in the row of calls a request may begin.
const PLACE_LATE: Duration = Duration::from_millis(40);
/// How long a request may take to reach the carrier, in a world: nobody waits for it any more then.
const ON_THE_WAY: Duration = Duration::from_secs(32);
/// How long a call that is over for us may live on at the carrier: it rings to its end, and then asks us
/// how to go on.
const LET_GO_MAX: Duration = Duration::from_secs(4 * 60);
/// Nobody is called before 8 or from 21 o'clock in the place where they are, whatever a campaign says
/// (`docs/protocols/calling-compliance.md#hours-and-caps`).
const LEGAL_MINUTES: (i64, i64) = (8 * 60, 21 * 60);
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// What is known of what was said in a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Talked {
    /// A person and we talked, and who talked with them knows that all of it is stored.
    pub(super) certainly: bool,
    /// Words of the customer's are stored.
    pub(super) heard: bool,
}

/// What was wrong about a call that was just allowed to the carrier.
pub(super) fn gate(
    book: &Book,
    people: &People,
    talked: impl Fn(&str) -> Talked,
    id: &str,
    now: Timestamp,
) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let call = &book.calls[id];
    if call.permit_allowed != Some(true) {
        breaches.push(Breach::NoPermit);
    }
    match book.contacts.get(&call.to) {
        None => breaches.push(Breach::NumberWithoutContact),
        Some(contact) => {
            if contact.suppressed {
                breaches.push(Breach::Suppressed);
            }
            if !contact.attempts.contains(id) {
                breaches.push(Breach::NoAttempt);
            }
        }
    }
    let listed = people.listed_as(&call.to);
    let mut numbers = people.others(&listed);
    numbers.push(listed);
    let asked_not_to = numbers
        .iter()
        .filter(|number| **number != call.to)
        .filter_map(|number| book.contacts.get(number))
        .any(|contact| contact.their_own_word);
    if call.campaign.is_some() && asked_not_to {
        breaches.push(Breach::Suppressed);
    }
    let talked_to = book.calls.iter().find(|(other, earlier)| {
        *other != id
            && earlier.lead.is_some()
            && earlier.lead == call.lead
            && earlier.campaign == call.campaign
            && was_talked_to(earlier, talked(other))
    });
    if let Some((earlier, _call)) = talked_to {
        let earlier = earlier.clone();
        breaches.push(Breach::TalkedTo { earlier });
    }
    if let Some(campaign) = call.campaign.as_ref().map(|id| &book.campaigns[id]) {
        if campaign.state != "running" {
            let state = campaign.state.clone();
            breaches.push(Breach::CampaignNotRunning { state });
        }
        let zones = people.at(&call.to).place.zones;
        if !open(&campaign.fields["windows"], zones, now) {
            breaches.push(Breach::Closed { now, zones });
        }
    }
    breaches
}

/// Whether there was a conversation with a person.
fn was_talked_to(call: &Call, talked: Talked) -> bool {
    let outcome = call.outcome.as_deref().unwrap_or_default();
    // Who was silent in the end had a conversation only if something was heard of them.
    let talked = match outcome {
        "agent_ended" | "customer_hung_up" => talked.heard || talked.certainly,
        "customer_silent" => talked.heard,
        _other => false,
    };
    talked && !call.is_a_machines()
}

/// Whether somebody may be called about now: at some moment that may have been taken for it.
fn open(windows: &Value, zones: &[&str], now: Timestamp) -> bool {
    let wrong = SignedDuration::try_from(CLOCK_WRONG_MAX).unwrap();
    [-(wrong + DECIDED_BEFORE), SignedDuration::ZERO, wrong]
        .into_iter()
        .any(|wrong_by| {
            let at = now.checked_add(wrong_by).unwrap();
            zones.iter().all(|zone| open_in(windows, zone, at))
        })
}

fn open_in(windows: &Value, zone: &str, at: Timestamp) -> bool {
    let local = at.to_zoned(TimeZone::get(zone).unwrap());
    let minute = i64::from(local.hour()) * 60 + i64::from(local.minute());
    let (from, to) = LEGAL_MINUTES;
    if minute < from || minute >= to {
        return false;
    }
    let weekday = usize::try_from(local.weekday().to_monday_zero_offset()).unwrap();
    let spans = windows[WEEKDAYS[weekday]].as_array();
    spans.into_iter().flatten().any(|span| {
        minute >= minute_of(span[0].as_str().unwrap())
            && minute < minute_of(span[1].as_str().unwrap())
    })
}

fn minute_of(text: &str) -> i64 {
    let (hour, minute) = text.split_once(':').unwrap();
    hour.parse::<i64>().unwrap() * 60 + minute.parse::<i64>().unwrap()
}

/// No call was asked for twice, and none that had not passed the gate.
pub(super) fn asked_once(requests: &[Request]) -> Vec<Offence> {
    let mut by_call: BTreeMap<&str, usize> = BTreeMap::new();
    for request in requests {
        *by_call.entry(&request.call).or_default() += 1;
    }
    let again = by_call.into_iter().filter(|(_call, times)| *times > 1);
    let again = again.map(|(call, times)| Offence::AskedAgain {
        call: call.to_owned(),
        times,
    });
    again.collect()
}

/// Nobody was called more often in a day than the caps allow, on all numbers of theirs together. At a number that
/// nobody has no phone rings.
pub(super) fn within_caps(
    requests: &[Request],
    people: &People,
    attempts_per_day: usize,
) -> Vec<Offence> {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let mut by_person: BTreeMap<String, Vec<Duration>> = BTreeMap::new();
    let rang = |request: &&Request| request.sid.is_some() && people.has_phone(&request.to);
    for request in requests.iter().filter(rang) {
        let times = by_person.entry(people.listed_as(&request.to)).or_default();
        times.push(request.at);
    }
    let mut times = by_person.into_values().collect::<Vec<_>>();
    times.retain(|times| {
        times
            .windows(attempts_per_day + 1)
            .any(|some| some[attempts_per_day] - some[0] < DAY - ON_THE_WAY)
    });
    let too_often = times.into_iter().map(|at| Offence::CalledTooOften { at });
    too_often.collect()
}

/// Requests keep their distance: in no span of time are there more than fit into it and into what the
/// clocks of those who took the places may differ by.
pub(super) fn paced(
    requests: &[Request],
    interval: Duration,
    clocks_wrong: Duration,
) -> Vec<Offence> {
    let mut times: Vec<Duration> = requests.iter().map(|request| request.begun).collect();
    times.sort_unstable();
    let slack = clocks_wrong * 2 + PLACE_LATE;
    for (first, from) in times.iter().enumerate() {
        for (last, to) in times.iter().enumerate().skip(first) {
            let fit = (*to - *from + slack).as_nanos() / interval.as_nanos();
            let asked = u128::try_from(last - first + 1).unwrap();
            if asked > fit + 1 {
                return vec![Offence::TooFast {
                    asked,
                    from: *from,
                    to: *to,
                    interval,
                }];
            }
        }
    }
    Vec::new()
}

/// At the end everybody is accounted for: nothing lives, nothing is held, nobody waits.
pub(super) fn settled(book: &Book) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (id, call) in &book.calls {
        if !call.is_over() {
            offences.push(Offence::Stuck {
                call: id.clone(),
                state: call.state.clone(),
            });
        }
    }
    let slots = book.slots_taken();
    if slots > 0 {
        offences.push(Offence::SlotsNotGivenBack { slots });
    }
    for ((campaign, id), lead) in &book.leads {
        if lead.state != "done" {
            offences.push(Offence::LeadNotDone {
                campaign: campaign.clone(),
                lead: id.clone(),
                state: lead.state.clone(),
                due_at: lead.due_at,
            });
        }
    }
    for (id, campaign) in &book.campaigns {
        if !["completed", "cancelled"].contains(&campaign.state.as_str()) {
            offences.push(Offence::CampaignNotOver {
                campaign: id.clone(),
                state: campaign.state.clone(),
            });
        }
    }
    offences
}

/// The carrier never has more calls than are allowed, but for those that are over for us and that it has
/// not let go of yet; and it lets go of them soon.
pub(super) fn at_the_carrier(
    live: &[(String, String)],
    people: &People,
    over_for: impl Fn(&str) -> Option<Duration>,
    limit: usize,
) -> Vec<Offence> {
    let mut offences = Vec::new();
    let mut ours = 0;
    let (mut numbers, mut persons) = (BTreeSet::new(), BTreeSet::new());
    for (call, number) in live {
        let goes_on = over_for(call).is_none();
        let person_again = goes_on && !persons.insert(people.listed_as(number));
        if !numbers.insert(number) || person_again {
            let call = call.clone();
            offences.push(Offence::CalledWhileBeingCalled { call });
        }
        match over_for(call) {
            None => ours += 1,
            Some(over_for) if over_for > LET_GO_MAX => {
                let call = call.clone();
                offences.push(Offence::LivesOnAtTheCarrier { call, over_for });
            }
            Some(_moment) => {}
        }
    }
    if ours > limit {
        let calls = ours;
        offences.push(Offence::TooManyAtTheCarrier { calls, limit });
    }
    offences
}

/// Nobody of the list is missing.
pub(super) fn nobody_lost(book: &Book, listed: &BTreeSet<String>) -> Option<Offence> {
    let there: BTreeSet<String> = book
        .leads
        .values()
        .map(|lead| lead.number.clone())
        .collect();
    let people = listed.difference(&there).count();
    (people > 0).then_some(Offence::Lost { people })
}
