//! What a row of a list becomes in a campaign.

use dialer::{NumberKind, Place, ZoneName};
use intake::{Reason, Row};
use jiff::Timestamp;
use model::{Lane, Lead, LeadId, LeadState};
use store::Import;

/// A row as a lead that waits from now on.
pub(super) fn lead_of(import: &Import, row: Row, now: Timestamp) -> Result<Lead, Reason> {
    let lane = lane_of(&row)?;
    Ok(Lead {
        id: LeadId::of(import.campaign_id, &row.number),
        campaign_id: import.campaign_id,
        number: row.number,
        lane,
        variables: row.variables,
        priority: row.priority,
        consent: row.consent,
        state: LeadState::Waiting { due_at: now },
        attempts: 0,
        faults: 0,
        last_call_id: None,
        last_attempt_at: None,
        last_outcome: None,
        import_id: Some(import.id),
        created_at: now,
        updated_at: now,
    })
}

/// Where the number is, with what the list says: its zone wins, and the rules of the place that it names
/// apply besides those of the number's own.
///
/// # Errors
/// Why the row is no lead after all.
pub fn lane_of(row: &Row) -> Result<Lane, Reason> {
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
    let Lane {
        zones,
        mut jurisdictions,
    } = place.lane(zone.as_ref());
    if let Some(region) = row.region {
        jurisdictions.push(region.to_owned());
    }
    // A country alone stands for all of its states: the strictest of each rule.
    if let Some(country) = row.region_unreadable {
        jurisdictions.push(country.to_string());
    }
    if let Some(country) = row.country {
        let country = country.to_string();
        let known = |place: &String| place.split('-').next() == Some(country.as_str());
        if !jurisdictions.iter().any(known) {
            jurisdictions.push(country);
        }
    }
    Ok(Lane::new(zones, jurisdictions))
}
