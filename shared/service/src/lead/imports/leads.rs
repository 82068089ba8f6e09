//! What a row of a list becomes in a campaign.

use dialer::{NumberKind, Place, ZoneName};
use intake::{Reason, Row};
use jiff::Timestamp;
use model::{AlternateNumber, Lane, Lead, LeadId, LeadState, Rotation, StatedPlace};
use store::Import;

use crate::lead::alternates;

/// A row as a lead that waits from now on.
pub(super) fn lead_of(import: &Import, row: Row, now: Timestamp) -> Result<Lead, Reason> {
    let stated = stated(&row)?;
    Ok(Lead {
        id: LeadId::of(import.campaign_id, &row.number),
        campaign_id: import.campaign_id,
        lane: own_lane(&row, &stated)?,
        number: row.number,
        alternates: alternates(row.alternates.into_iter(), &stated, row.consent.as_ref()),
        rotation: Rotation::default(),
        stated_place: stated,
        counted_lane: None,
        variables: row.variables,
        priority: row.priority,
        consent: row.consent,
        state: LeadState::Waiting { due_at: now },
        attempts: 0,
        faults: 0,
        last_call_id: None,
        last_attempt_at: None,
        last_outcome: None,
        held_by: None,
        moved_to: None,
        import_id: Some(import.id),
        created_at: now,
        updated_at: now,
    })
}

/// Where the lead's own number is, with what the list says.
///
/// # Errors
/// Why the row is no lead after all.
pub fn lane_of(row: &Row) -> Result<Lane, Reason> {
    own_lane(row, &stated(row)?)
}

/// The person's other numbers, where they are. One that is none for this month's metadata is kept: the permit
/// passes it over.
///
/// # Errors
/// Why the row is no lead after all.
pub fn alternates_of(row: &Row) -> Result<Vec<AlternateNumber>, Reason> {
    let stated = stated(row)?;
    Ok(alternates(
        row.alternates.iter().cloned(),
        &stated,
        row.consent.as_ref(),
    ))
}

fn own_lane(row: &Row, stated: &StatedPlace) -> Result<Lane, Reason> {
    let place = Place::of(&row.number);
    match place.kind() {
        NumberKind::Geographic | NumberKind::Mobile | NumberKind::TollFree | NumberKind::Other => {}
        // Two ports of the same metadata may be of different months: both have to know the number.
        NumberKind::Premium => return Err(Reason::NumberPremium),
        NumberKind::Invalid => return Err(Reason::NumberUnknown),
    }
    Ok(place.lane(stated, row.consent.as_ref()))
}

/// What the list says of the person's place.
fn stated(row: &Row) -> Result<StatedPlace, Reason> {
    let zone: Option<ZoneName> = match row.zone {
        Some(zone) => Some(zone.parse().map_err(|_unknown| Reason::Zone)?),
        None => None,
    };
    Ok(StatedPlace {
        zone: zone.map(|zone| zone.to_string()),
        region: row.region.map(str::to_owned),
        any_region_of: row.region_unreadable.map(|country| country.to_string()),
        postal_code: row.postal_code.clone(),
        country: row.country.map(|country| country.to_string()),
    })
}
