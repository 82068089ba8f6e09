//! What a row of a list becomes in a campaign.

use dialer::{NumberKind, Place, ZoneName};
use intake::{Reason, Row};
use jiff::Timestamp;
use model::{AlternateNumber, Lane, Lead, LeadId, LeadState, PhoneNumber, Rotation};
use store::Import;

/// A row as a lead that waits from now on.
pub(super) fn lead_of(import: &Import, row: Row, now: Timestamp) -> Result<Lead, Reason> {
    let lane = lane_of(&row)?;
    let alternates = alternates_of(&row)?;
    Ok(Lead {
        id: LeadId::of(import.campaign_id, &row.number),
        campaign_id: import.campaign_id,
        number: row.number,
        lane,
        alternates,
        rotation: Rotation::default(),
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

/// Where the lead's own number is, with what the list says.
///
/// # Errors
/// Why the row is no lead after all.
pub fn lane_of(row: &Row) -> Result<Lane, Reason> {
    match Place::of(&row.number).kind() {
        NumberKind::Geographic | NumberKind::Mobile | NumberKind::TollFree | NumberKind::Other => {}
        // Two ports of the same metadata may be of different months: both have to know the number.
        NumberKind::Premium => return Err(Reason::NumberPremium),
        NumberKind::Invalid => return Err(Reason::NumberUnknown),
    }
    lane(&row.number, row)
}

/// The person's other numbers, where they are. One that is none for this month's metadata is kept: the permit
/// passes it over.
///
/// # Errors
/// Why the row is no lead after all.
pub fn alternates_of(row: &Row) -> Result<Vec<AlternateNumber>, Reason> {
    let numbers = row.alternates.iter();
    numbers
        .map(|number| {
            Ok(AlternateNumber {
                number: number.clone(),
                lane: lane(number, row)?,
            })
        })
        .collect()
}

/// Where a number of a row is: the zone that the list names is the person's and wins, whichever number is called, and
/// the rules of the place that it names apply besides those of the number's own.
fn lane(number: &PhoneNumber, row: &Row) -> Result<Lane, Reason> {
    let zone: Option<ZoneName> = match row.zone {
        Some(zone) => Some(zone.parse().map_err(|_unknown| Reason::Zone)?),
        None => None,
    };
    let Lane {
        zones,
        mut jurisdictions,
    } = Place::of(number).lane(zone.as_ref());
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
