//! Where a phone number may be: its kind, its country and state, and every zone its owner may be in.
//!
//! Numbers move with people and metadata is never complete, so the answer is a set that is rather too
//! large than too small: all of it has to allow a call. The tables are libphonenumber's, see
//! `tools/zones.py`. That a number is assigned to anybody is not known here.

mod postal;
mod regions;
#[rustfmt::skip]
mod tables;

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;
use model::{Consent, Lane, PhoneNumber, StatedPlace};

use crate::zone::time_zone;

/// Version of libphonenumber's metadata that the tables come from.
pub const NUMBERS_VERSION: &str = tables::VERSION;

/// What sort of number it is, as far as it decides about zones and about calling at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NumberKind {
    /// Its digits say where it is: landlines, and mobiles where they have area codes.
    Geographic,
    /// A mobile that may be anywhere in its country.
    Mobile,
    /// Calling it costs whoever calls extra. Never dialled.
    Premium,
    TollFree,
    /// Internet telephony, personal and company numbers, pagers: anywhere in the country.
    Other,
    /// No range of any country has such a number. Never dialled.
    Invalid,
}

/// A zone that a lead's own column names, in its one spelling.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ZoneName(String);

/// A state or province by its code of ISO 3166-2, `US-CA`: of countries whose states have rules or zones of their own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionCode(String);

/// The text is no such code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a region is a state or province of Australia, Brazil, Canada, Mexico or the US, as in US-CA or CA-ON"
)]
pub struct RegionCodeProblem;

/// The text is not the name of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a zone is an IANA name, as in America/Chicago")]
pub struct ZoneNameProblem;

/// What the digits of a number say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    kind: NumberKind,
    /// ISO 3166 code of the country; empty: no country's.
    country: &'static str,
    jurisdictions: &'static [&'static str],
    area_code: Option<u16>,
    zones: &'static [u16],
}

impl Place {
    /// Looks the number up. No allocation, well under a microsecond.
    #[must_use]
    pub fn of(number: &PhoneNumber) -> Self {
        let digits = number.as_str().as_bytes();
        let digits = digits.strip_prefix(b"+").unwrap_or(digits);
        let Some((code, national)) = calling_code(digits) else {
            return Self {
                kind: NumberKind::Invalid,
                country: "",
                jurisdictions: &[WORLD],
                area_code: None,
                zones: &[],
            };
        };
        let (kind, region) = code.kind_of(national);
        let region = code.regions.get(usize::from(region));
        let region = region.copied().unwrap_or_default();
        let zones = match kind {
            NumberKind::Geographic => zones_of(digits),
            // A country has its own, whichever others share the calling code; toll-free numbers of the North
            // American plan are used in all of it.
            NumberKind::Mobile | NumberKind::Premium | NumberKind::TollFree | NumberKind::Other => {
                let own = zones_of_country(region).filter(|_zones| !is_shared(region));
                own.unwrap_or_else(|| zones_of(code.digits(digits)))
            }
            NumberKind::Invalid => &[],
        };
        let mut place = Self {
            kind,
            country: if region == WORLD { "" } else { region },
            jurisdictions: only(code.regions, region),
            area_code: None,
            zones,
        };
        if code.number == NANP {
            place.refine_for_north_america(national);
        }
        place
    }

    #[must_use]
    pub const fn kind(&self) -> NumberKind {
        self.kind
    }

    /// Two letters, as in `GB`; empty for numbers that belong to no country.
    #[must_use]
    pub const fn country(&self) -> &'static str {
        self.country
    }

    /// Whose rules apply: `US-CA` where the area code tells the state, `US` where it does not. Several
    /// where the number may be in any of them.
    #[must_use]
    pub const fn jurisdictions(&self) -> &'static [&'static str] {
        self.jurisdictions
    }

    /// The area code of a geographic number of the North American plan.
    #[must_use]
    pub const fn area_code(&self) -> Option<u16> {
        self.area_code
    }

    /// Every zone that it may be in; none: nothing is known.
    pub fn zones(&self) -> impl Iterator<Item = &'static str> {
        let name = |zone: &u16| tables::ZONES.get(usize::from(*zone)).copied();
        self.zones.iter().filter_map(name)
    }

    /// The lane of a lead with this number, of whom this is stated and who has agreed to this. What is stated adds
    /// zones and rules to those of the number, and takes none away.
    ///
    /// A name that nobody knows any more says nothing.
    #[must_use]
    pub fn lane(&self, stated: &StatedPlace, consent: Option<&Consent>) -> Lane {
        let zones = self.zones().map(str::to_owned).collect();
        let jurisdictions = self.jurisdictions.iter().map(|&place| place.to_owned());
        let mut jurisdictions: Vec<String> = jurisdictions.collect();
        let by_code = self.regions_of_postal_code(stated);
        jurisdictions.extend(stated.region.clone());
        jurisdictions.extend(by_code.iter().map(|&region| region.to_owned()));
        // A country alone stands for all of its states: the strictest of each rule.
        jurisdictions.extend(stated.any_region_of.clone());
        if let Some(country) = &stated.country {
            let known = |place: &String| place.split('-').next() == Some(country.as_str());
            if !jurisdictions.iter().any(known) {
                jurisdictions.push(country.clone());
            }
        }
        let own: Option<ZoneName> = (stated.zone.as_deref()).and_then(|zone| zone.parse().ok());
        let own = own.map(|zone| zone.0);
        let mut of_address = zones_of_address(stated, by_code);
        if of_address.is_empty() {
            of_address.extend(self.zones_of_another_country(stated));
        }
        let consent = consent.map(|consent| consent.kind);
        Lane::new(zones, jurisdictions)
            .with_stated(own, of_address)
            .with_consent(consent)
    }

    /// The zones of the country that is stated, where it is another than the number's.
    fn zones_of_another_country(&self, stated: &StatedPlace) -> impl Iterator<Item = String> {
        let country = stated.country.as_deref();
        let country = country.filter(|country| *country != self.country);
        let zones = country.and_then(zones_of_country).unwrap_or_default();
        let name = |zone: &u16| tables::ZONES.get(usize::from(*zone)).copied();
        zones.iter().filter_map(name).map(str::to_owned)
    }

    /// The states of the postal code, in the country that is stated, or else in the number's.
    fn regions_of_postal_code(&self, stated: &StatedPlace) -> &'static [&'static str] {
        let Some(code) = stated.postal_code.as_deref() else {
            return &[];
        };
        let of_region = stated.region.as_deref().and_then(|region| region.get(..2));
        let country = stated.country.as_deref().or(of_region);
        postal::regions(country.unwrap_or(self.country), code)
    }

    /// One plan serves two large countries and twenty small ones: the area code tells the state, and
    /// numbers without one are used in both large ones.
    fn refine_for_north_america(&mut self, national: &[u8]) {
        if !is_shared(self.country) {
            return;
        }
        if self.kind != NumberKind::Geographic {
            self.jurisdictions = &["CA", "US"];
            return;
        }
        let area = national.iter().take(3);
        let area = area.fold(0, |area, digit| area * 10 + u16::from(digit - b'0'));
        self.area_code = Some(area);
        let found = tables::AREAS.binary_search_by_key(&area, |(area, _states)| *area);
        if let Some((_, states)) = found.ok().and_then(|place| tables::AREAS.get(place)) {
            self.jurisdictions = states;
        }
    }
}

/// The zones of a lead's state and of its postal code.
fn zones_of_address(stated: &StatedPlace, by_code: &[&str]) -> Vec<String> {
    let regions = stated.region.as_deref().into_iter();
    let regions = regions.chain(by_code.iter().copied());
    let of_regions = regions.filter_map(regions::zones).flatten().copied();
    let unread = stated.any_region_of.as_deref().into_iter();
    let of_any = unread.flat_map(regions::zones_of_all);
    of_regions.chain(of_any).map(str::to_owned).collect()
}

impl ZoneName {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ZoneName {
    type Err = ZoneNameProblem;

    /// Takes any spelling of case; only names with a place (`Europe/Berlin`) and `UTC`, so that `EST`
    /// cannot be mistaken for New York, which has summer time.
    fn from_str(text: &str) -> Result<Self, ZoneNameProblem> {
        let text = text.trim();
        if !text.contains('/') && !text.eq_ignore_ascii_case("utc") {
            return Err(ZoneNameProblem);
        }
        let zone = time_zone(text).ok_or(ZoneNameProblem)?;
        let name = TimeZone::iana_name(&zone).ok_or(ZoneNameProblem)?;
        if name.starts_with("Etc/") && name != "Etc/UTC" {
            return Err(ZoneNameProblem);
        }
        Ok(Self(name.to_owned()))
    }
}

impl RegionCode {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RegionCode {
    type Err = RegionCodeProblem;

    /// Takes any spelling of case.
    fn from_str(text: &str) -> Result<Self, RegionCodeProblem> {
        let code = text.trim().to_ascii_uppercase();
        if regions::zones(&code).is_some() {
            Ok(Self(code))
        } else {
            Err(RegionCodeProblem)
        }
    }
}

impl fmt::Display for RegionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ZoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The calling code of the North American plan.
const NANP: u16 = 1;
/// What stands in place of a country for numbers of none, such as +800.
const WORLD: &str = "001";

/// A calling code with the patterns of its numbers.
struct CallingCode {
    number: u16,
    first_row: u16,
    regions: &'static [&'static str],
}

impl CallingCode {
    /// Follows the digits through the table: kind and the place of the region in `regions`.
    fn kind_of(&self, national: &[u8]) -> (NumberKind, u8) {
        let mut row = usize::from(self.first_row);
        for digit in national {
            let after = tables::ROWS.get(row);
            let after = after.and_then(|after| after.get(usize::from(digit - b'0')));
            row = usize::from(after.copied().unwrap_or_default());
        }
        let leaf = tables::ROW_LEAVES.get(row).copied().unwrap_or_default();
        if leaf == 0 {
            return (NumberKind::Invalid, 0);
        }
        let (kind, region) = tables::LEAVES
            .get(usize::from(leaf))
            .copied()
            .unwrap_or_default();
        let kind = match kind {
            0 => NumberKind::Geographic,
            1 => NumberKind::Mobile,
            2 => NumberKind::Premium,
            3 => NumberKind::TollFree,
            _ => NumberKind::Other,
        };
        (kind, region)
    }

    /// The digits of the calling code itself, out of a number that begins with it.
    fn digits<'a>(&self, digits: &'a [u8]) -> &'a [u8] {
        let length = match self.number {
            0..10 => 1,
            10..100 => 2,
            _ => 3,
        };
        digits.get(..length).unwrap_or(digits)
    }
}

/// Splits off the calling code. No code is the beginning of another.
fn calling_code(digits: &[u8]) -> Option<(CallingCode, &[u8])> {
    let mut number = 0;
    for length in 1..=3 {
        let (code, national) = digits.split_at_checked(length)?;
        number = number * 10 + u16::from(code.last()? - b'0');
        let found = tables::CODES.binary_search_by_key(&number, |(number, _, _)| *number);
        if let Some(&(number, first_row, regions)) =
            found.ok().and_then(|place| tables::CODES.get(place))
        {
            let code = CallingCode {
                number,
                first_row,
                regions,
            };
            return Some((code, national));
        }
    }
    None
}

/// The part of `regions` that is just this one.
fn only(regions: &'static [&'static str], region: &str) -> &'static [&'static str] {
    let place = regions.iter().position(|one| *one == region);
    place
        .and_then(|place| regions.get(place..=place))
        .unwrap_or_default()
}

/// Whether numbers of this country without a place are used in other countries as well.
fn is_shared(country: &str) -> bool {
    matches!(country, "US" | "CA")
}

/// The zones of a country, as places in `ZONES`.
fn zones_of_country(country: &str) -> Option<&'static [u16]> {
    let place = tables::COUNTRIES.binary_search_by_key(&country, |(region, _set)| region);
    let (_region, set) = tables::COUNTRIES.get(place.ok()?)?;
    tables::ZONE_SETS.get(usize::from(*set)).copied()
}

/// Digits of a prefix that the zone map compares.
const KEY_DIGITS: usize = 9;

/// The zones of the longest prefix of these digits that the map has.
fn zones_of(digits: &[u8]) -> &'static [u16] {
    // Base 11, in which 0 stands for "no digit": a short number sorts before all it is a prefix of.
    let digit = |place| {
        digits
            .get(place)
            .map_or(0, |digit| u32::from(digit - b'0') + 1)
    };
    let key = (0..KEY_DIGITS).fold(0_u32, |key, place| key * 11 + digit(place));
    let after = tables::SPANS.partition_point(|(first, _set)| *first <= key);
    let span = after.checked_sub(1).and_then(|at| tables::SPANS.get(at));
    let set = span.map_or(tables::NO_ZONES, |(_, set)| *set);
    tables::ZONE_SETS
        .get(usize::from(set))
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
