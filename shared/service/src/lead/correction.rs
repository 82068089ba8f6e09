//! Corrections of a lead: what it becomes, decided on rows.
//!
//! A number is a lead's identity, so another number is another lead: the one goes on, and the other stays, done and
//! never called again, so that a list that still has the wrong number brings nobody back. Attempts are counted for a
//! number: they begin anew with another, and where a number is given back they are what they were. When a lead is due
//! stays as it is. Other numbers of the person go along; with others than before, the lead's own is in turn again.

use dialer::{Place, Schedule};
use jiff::Timestamp;
use model::{
    AlternateNumber, Campaign, Lane, Lead, LeadId, LeadResult, LeadState, PhoneNumber, Rotation,
    Rule, StatedPlace, Variables,
};

use super::{LeadFields, alternates};
use crate::Refused;

/// What a correction makes of a lead.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Corrected {
    /// It stands where it stood.
    InPlace(Box<Lead>),
    /// It was done and waits again.
    BroughtBack(Box<Lead>),
    /// It stays under the wrong number, and goes on under the right one.
    Moved {
        stays: Box<Lead>,
        goes_on: Box<Lead>,
    },
}

/// Corrects a lead of a campaign. `there` is the lead that the other number is already.
pub(super) fn of(
    campaign: &Campaign,
    before: &Lead,
    fields: &LeadFields,
    there: Option<&Lead>,
    now: Timestamp,
) -> Result<Corrected, Refused> {
    let number = fields.number.as_ref().unwrap_or(&before.number);
    let stated = stated(before, fields);
    let lane = Place::of(number).lane(&stated, fields.consent.as_ref());
    let renumbered = *number != before.number;
    let changes = Changes {
        number: renumbered,
        place: renumbered || stated != before.stated_place,
        consent: fields.consent != before.consent,
    };
    let state = match &before.state {
        LeadState::Waiting { .. } => LeadState::Waiting {
            due_at: fields.due_at.unwrap_or(now),
        },
        LeadState::Calling { .. } => return Err(Refused::LeadNotWaiting),
        LeadState::Done { result, .. } => {
            if !changes.lift(*result, before.held_by) {
                return Err(Refused::LeadNotWaiting);
            }
            if may_be_called(campaign, &lane, now) {
                LeadState::Waiting {
                    due_at: fields.due_at.unwrap_or(now),
                }
            } else {
                before.state.clone()
            }
        }
    };
    let waits = matches!(state, LeadState::Waiting { .. });
    let brought_back = waits && state_is_done(before);
    let others = other_numbers(before, fields, number);
    let same_numbers = !renumbered && others.iter().eq(numbers_of(&before.alternates));
    let after = Lead {
        lane,
        alternates: alternates(others.into_iter(), &stated, fields.consent.as_ref()),
        // What was given up was so for what is corrected.
        rotation: if same_numbers && !brought_back {
            before.rotation
        } else {
            Rotation::default()
        },
        stated_place: stated,
        variables: fields.variables.clone(),
        priority: fields.priority,
        consent: fields.consent.clone(),
        state,
        held_by: before.held_by.filter(|_rule| !brought_back),
        updated_at: now,
        ..before.clone()
    };
    if !renumbered {
        let after = Box::new(Lead {
            counted_lane: counted_lane(before, &after.lane),
            ..after
        });
        return Ok(if brought_back {
            Corrected::BroughtBack(after)
        } else {
            Corrected::InPlace(after)
        });
    }
    if there.is_some_and(|there| !is_renumbered(there)) {
        return Err(Refused::NumberInCampaign);
    }
    let goes_on = Lead {
        id: LeadId::of(before.campaign_id, number),
        number: number.clone(),
        attempts: there.map_or(0, |there| there.attempts),
        faults: 0,
        counted_lane: there.and_then(|there| counted_lane(there, &after.lane)),
        held_by: after.held_by.filter(|_rule| state_is_done(&after)),
        moved_to: None,
        ..after
    };
    let stays = Lead {
        // Whoever has the wrong number is somebody else: what is known of this person does not stay with it.
        alternates: Vec::new(),
        rotation: Rotation::default(),
        variables: Variables::new(),
        consent: None,
        state: LeadState::Done {
            result: LeadResult::Renumbered,
            done_at: now,
        },
        moved_to: Some(goes_on.id),
        updated_at: now,
        ..before.clone()
    };
    Ok(Corrected::Moved {
        stays: Box::new(stays),
        goes_on: Box::new(goes_on),
    })
}

/// What is said of the place then. A state that nobody can read counts until one is named that somebody can.
fn stated(before: &Lead, fields: &LeadFields) -> StatedPlace {
    let unread = before.stated_place.any_region_of.clone();
    StatedPlace {
        any_region_of: unread.filter(|_country| fields.region.is_none()),
        ..fields.stated()
    }
}

/// The person's other numbers then, without the one that is the lead's own.
fn other_numbers(before: &Lead, fields: &LeadFields, own: &PhoneNumber) -> Vec<PhoneNumber> {
    let others = fields.alternates.as_ref();
    let others = others.map_or_else(
        || numbers_of(&before.alternates).cloned().collect(),
        Clone::clone,
    );
    others.into_iter().filter(|number| number != own).collect()
}

fn numbers_of(alternates: &[AlternateNumber]) -> impl Iterator<Item = &PhoneNumber> {
    alternates.iter().map(|alternate| &alternate.number)
}

/// What of a lead is corrected that may have kept it from being called.
#[derive(Debug, Clone, Copy)]
struct Changes {
    number: bool,
    place: bool,
    consent: bool,
}

impl Changes {
    /// Whether they may take away why a lead is done.
    fn lift(self, result: LeadResult, held_by: Option<Rule>) -> bool {
        match result {
            LeadResult::Unreachable | LeadResult::Exhausted => self.number,
            LeadResult::NotAllowed => match held_by {
                Some(rule) if rule.closes_lanes() => self.place,
                Some(Rule::Consent) => self.consent,
                // The own number was given up, and the campaign calls no other.
                Some(Rule::AlternateNumbers) => self.number,
                Some(_) | None => false,
            },
            LeadResult::Reached
            | LeadResult::VoicemailLeft
            | LeadResult::OptedOut
            | LeadResult::Suppressed
            | LeadResult::Failed
            | LeadResult::Cancelled
            | LeadResult::Renumbered => false,
        }
    }
}

/// Whether there is an hour at which a lane's leads may be called.
fn may_be_called(campaign: &Campaign, lane: &Lane, now: Timestamp) -> bool {
    let opens = Schedule::new(Some(&campaign.fields), lane).open_from(now);
    opens.is_some_and(|at| campaign.fields.ends_at.is_none_or(|end| at < end))
}

/// Calls of a lead are counted in one lane, however often it is corrected.
fn counted_lane(before: &Lead, lane: &Lane) -> Option<Lane> {
    let counted = before.counted_lane.as_ref().unwrap_or(&before.lane);
    (counted != lane).then(|| counted.clone())
}

fn state_is_done(lead: &Lead) -> bool {
    matches!(lead.state, LeadState::Done { .. })
}

fn is_renumbered(lead: &Lead) -> bool {
    match lead.state {
        LeadState::Done { result, .. } => result == LeadResult::Renumbered,
        LeadState::Waiting { .. } | LeadState::Calling { .. } => false,
    }
}

#[cfg(test)]
mod tests;
