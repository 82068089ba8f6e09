//! Who is never called, whatever becomes of other calls, and what would let them be.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::{
    Campaign, CampaignFields, Lane, Lead, MinuteOfDay, NextNumberAfter, Rule, Span, Windows,
};

use crate::lanes::Lanes;
use crate::permit::{Asking, Single, decide};
use crate::windows::{Opening, Schedule};

/// A change after which a lane that never opens does. Each is enough by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opener {
    /// Windows with these hours, in which all zones of the lane have legal hours at once.
    Windows(Span),
    /// None of the days that the campaign leaves out.
    BlockedDays,
    /// To call on holidays.
    Holidays,
    /// An end of the campaign that is later than this.
    EndsAt(Timestamp),
    /// The lead's own zone: nobody knows another, and in each there are hours.
    Zone,
    /// The lead's own zone, in a campaign that lets it count alone: in each of those that the lead may be in there are
    /// hours.
    TrustedZone,
}

/// The rule by which a lead is called at no time that comes, on none of the numbers that the campaign calls.
///
/// Nothing for one that has its hours. What other calls and lists say of its numbers is not looked at.
#[must_use]
pub fn never(lanes: &mut Lanes, campaign: &Campaign, lead: &Lead, now: Timestamp) -> Option<Rule> {
    let after = &campaign.fields.alternate_numbers.after;
    let numbers = if after.contains(&NextNumberAfter::NotAllowed) {
        lead.alternates.len() + 1
    } else {
        1
    };
    let over = |at: Timestamp| campaign.fields.ends_at.is_some_and(|end| at >= end);
    let mut first = None;
    for (number, lane) in lead.numbers().take(numbers) {
        let ready = lanes.ready(campaign, lane.id(), lane);
        let asking = Asking {
            number,
            lane,
            contact: None,
            others: &[],
            campaign: Some(campaign),
            single: Single::default(),
            lead: Some(lead),
            call_id: None,
        };
        let (schedule, caps) = (&mut ready.schedule, &ready.caps);
        match decide(&asking, schedule, caps, now, &mut |_, _, _| {}) {
            Some(denial) if denial.retry_at.is_none_or(over) => {
                first.get_or_insert(denial.rule);
            }
            Some(_) | None => return None,
        }
    }
    first
}

/// What opens a lane that a campaign never reaches from `now` on; nothing for one that it reaches, and for one that
/// no single change opens.
#[must_use]
pub fn openers(fields: &CampaignFields, lane: &Lane, now: Timestamp) -> Vec<Opener> {
    if opening(fields, lane, now).is_some() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let wide = CampaignFields {
        windows: Windows::all_day(),
        ..fields.clone()
    };
    if let Some(at) = opening(&wide, lane, now) {
        found.push(Opener::Windows(hours(&wide, lane, at)));
    }
    let every_day = CampaignFields {
        blocked_days: Vec::new(),
        ..fields.clone()
    };
    if opening(&every_day, lane, now).is_some() {
        found.push(Opener::BlockedDays);
    }
    let on_holidays = CampaignFields {
        call_on_holidays: true,
        ..fields.clone()
    };
    if opening(&on_holidays, lane, now).is_some() {
        found.push(Opener::Holidays);
    }
    let endless = CampaignFields {
        ends_at: None,
        ..fields.clone()
    };
    if let Some(at) = opening(&endless, lane, now) {
        found.push(Opener::EndsAt(at));
    }
    let alone = |zone: &String| {
        Lane::new(vec![zone.clone()], lane.jurisdictions.clone()).with_consent(lane.consent)
    };
    let opens = |zone: &String| opening(fields, &alone(zone), now).is_some();
    if lane.zones.is_empty() {
        found.push(Opener::Zone);
    } else if lane.zones.len() > 1 && lane.zones.iter().all(opens) {
        found.push(Opener::TrustedZone);
    }
    found
}

/// What would let a lane's leads be called, in words.
#[must_use]
pub fn opened_by(openers: &[Opener]) -> String {
    let help = openers.iter().map(|opener| match opener {
        Opener::Windows(Span(from, to)) => format!("windows from {from} to {to}"),
        Opener::BlockedDays => "no blocked days".to_owned(),
        Opener::Holidays => "calls on holidays".to_owned(),
        Opener::EndsAt(at) => format!("an end of the campaign after {at}"),
        Opener::Zone => "the zone of each lead, in a column `zone`".to_owned(),
        Opener::TrustedZone => {
            "the zone of each lead, in a column `zone`, with `zones` set to `lead`".to_owned()
        }
    });
    let help: Vec<String> = help.collect();
    match help.as_slice() {
        [] => "no single change of the campaign opens one".to_owned(),
        [only] => format!("{only} would open some"),
        [first @ .., last] => format!("{} or {last} would open some", first.join(", ")),
    }
}

/// The first instant at which the lane is open, if it comes before the campaign's end.
fn opening(fields: &CampaignFields, lane: &Lane, now: Timestamp) -> Option<Timestamp> {
    let at = Schedule::new(Some(fields), lane).open_from(now)?;
    fields.ends_at.is_none_or(|end| at < end).then_some(at)
}

/// What the clocks of all zones show while the lane is open: the hours that begin next, or those that began before
/// `at` if no others come.
fn hours(fields: &CampaignFields, lane: &Lane, at: Timestamp) -> Span {
    let midnight = MinuteOfDay::new(0, 0).unwrap_or(MinuteOfDay::DAY_END);
    let whole = Span(midnight, MinuteOfDay::DAY_END);
    let mut schedule = Schedule::new(Some(fields), lane);
    let Some(first_end) = closing(&mut schedule, at) else {
        return whole;
    };
    let next = schedule.open_from(first_end);
    let next = next.filter(|next| fields.ends_at.is_none_or(|end| *next < end));
    let next = next.and_then(|next| Some((next, closing(&mut schedule, next)?)));
    let (at, closes_at) = next.unwrap_or((at, first_end));
    let shown = schedule.clocks().map(|zone| shown(zone, at, closes_at));
    let shown: Option<Vec<(MinuteOfDay, MinuteOfDay)>> = shown.collect();
    let shown = shown.unwrap_or_default();
    let first = shown.iter().map(|(from, _to)| *from).min();
    let last = shown.iter().map(|(_from, to)| *to).max();
    match (first, last) {
        (Some(from), Some(to)) => Span(from, to),
        (Some(_) | None, None) | (None, Some(_)) => whole,
    }
}

fn closing(schedule: &mut Schedule, at: Timestamp) -> Option<Timestamp> {
    match schedule.at(at) {
        Opening::Open { closes_at } => closes_at,
        Opening::Closed { .. } => None,
    }
}

/// From when to when on a zone's clock; nothing if a midnight lies between.
fn shown(zone: &TimeZone, from: Timestamp, to: Timestamp) -> Option<(MinuteOfDay, MinuteOfDay)> {
    let (begins, ends) = (from.to_zoned(zone.clone()), to.to_zoned(zone.clone()));
    let minute = |hour: i8, minute: i8| {
        MinuteOfDay::new(u16::try_from(hour).ok()?, u16::try_from(minute).ok()?)
    };
    let from = minute(begins.hour(), begins.minute())?;
    if begins.date() == ends.date() {
        return Some((from, minute(ends.hour(), ends.minute())?));
    }
    let tomorrow = begins.date().tomorrow().ok()?;
    let at_midnight = ends.date() == tomorrow && ends.hour() == 0 && ends.minute() == 0;
    at_midnight.then_some((from, MinuteOfDay::DAY_END))
}
