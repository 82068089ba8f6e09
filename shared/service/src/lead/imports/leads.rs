//! What a row of a list becomes in a campaign.

use dialer::{NumberKind, Place, ZoneName};
use intake::{Reason, Row};
use jiff::Timestamp;
use model::{Lane, Lead, LeadId, LeadState, StatedPlace};
use store::Import;

use crate::lead::place::lane;

/// A row as a lead that waits from now on.
pub(super) fn lead_of(import: &Import, row: Row, now: Timestamp) -> Result<Lead, Reason> {
    let (lane, stated) = placed(&row)?;
    Ok(Lead {
        id: LeadId::of(import.campaign_id, &row.number),
        campaign_id: import.campaign_id,
        number: row.number,
        lane,
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

/// Where the number is, with what the list says.
///
/// # Errors
/// Why the row is no lead after all.
pub fn lane_of(row: &Row) -> Result<Lane, Reason> {
    placed(row).map(|(lane, _stated)| lane)
}

/// The lane, and what the list says of the place.
fn placed(row: &Row) -> Result<(Lane, StatedPlace), Reason> {
    let place = Place::of(&row.number);
    match place.kind() {
        NumberKind::Geographic | NumberKind::Mobile | NumberKind::TollFree | NumberKind::Other => {}
        // Two ports of the same metadata may be of different months: both have to know the number.
        NumberKind::Premium => return Err(Reason::NumberPremium),
        NumberKind::Invalid => return Err(Reason::NumberUnknown),
    }
    let zone: Option<ZoneName> = match row.zone {
        Some(zone) => Some(zone.parse().map_err(|_unknown| Reason::Zone)?),
        None => None,
    };
    let stated = StatedPlace {
        zone: zone.map(|zone| zone.to_string()),
        region: row.region.map(str::to_owned),
        country: row.country.map(|country| country.to_string()),
    };
    Ok((lane(&place, &stated), stated))
}
