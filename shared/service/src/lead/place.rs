//! Where a lead is: what its number says, with what its list or a user says of it.

use dialer::{Place, RegionCode, ZoneName};
use intake::Country;
use model::{Lane, StatedPlace};

/// The lane of a number: a stated zone wins over the number's, and the rules of the stated place apply besides those
/// of the number's own.
pub(crate) fn lane(place: &Place, stated: &StatedPlace) -> Lane {
    // What is stored was read before: a name that nobody knows any more says nothing, and all zones of the number
    // have to allow a call.
    let zone = stated.zone.as_deref();
    let zone: Option<ZoneName> = zone.and_then(|zone| zone.parse().ok());
    let Lane {
        zones,
        mut jurisdictions,
    } = place.lane(zone.as_ref());
    jurisdictions.extend(stated.region.clone());
    // A country alone stands for all of its states: the strictest of each rule.
    jurisdictions.extend(stated.any_region_of.clone());
    if let Some(country) = &stated.country {
        let known = |place: &String| place.split('-').next() == Some(country.as_str());
        if !jurisdictions.iter().any(known) {
            jurisdictions.push(country.clone());
        }
    }
    Lane::new(zones, jurisdictions)
}

/// What a user says of a place, to be stored.
pub(crate) fn stated(
    zone: Option<&ZoneName>,
    region: Option<&RegionCode>,
    country: Option<Country>,
) -> StatedPlace {
    StatedPlace {
        zone: zone.map(ToString::to_string),
        region: region.map(ToString::to_string),
        any_region_of: None,
        country: country.map(|country| country.to_string()),
    }
}

/// A name that is a text in JSON, or nothing.
pub(crate) mod text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    #[expect(clippy::ref_option, reason = "serde hands it over so")]
    pub(crate) fn serialize<T: Display, S: Serializer>(
        name: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let text = name.as_ref().map(ToString::to_string);
        text.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text = Option::<String>::deserialize(deserializer)?;
        let name = text.map(|text| text.parse());
        name.transpose().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(
        number: &str,
        zone: Option<&str>,
        region: Option<&str>,
        country: Option<&str>,
    ) -> String {
        let stated = StatedPlace {
            zone: zone.map(str::to_owned),
            region: region.map(str::to_owned),
            any_region_of: None,
            country: country.map(str::to_owned),
        };
        let lane = lane(&Place::of(&number.parse().unwrap()), &stated);
        format!(
            "{} by {}",
            lane.zones.join(" "),
            lane.jurisdictions.join(" ")
        )
    }

    #[test]
    fn what_is_stated_moves_the_clock_and_adds_rules_and_takes_none_away() {
        let number = "+14155550100";
        assert_eq!(
            told(number, None, None, None),
            "America/Los_Angeles by US-CA"
        );
        assert_eq!(
            told(number, Some("America/New_York"), None, None),
            "America/New_York by US-CA"
        );
        assert_eq!(
            told(number, None, Some("US-FL"), Some("US")),
            "America/Los_Angeles by US-CA US-FL"
        );
        assert_eq!(
            told(number, None, None, Some("DE")),
            "America/Los_Angeles by DE US-CA"
        );
    }
}
