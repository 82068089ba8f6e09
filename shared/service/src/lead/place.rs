//! Where a lead is, as its list or a user says it.

use dialer::{RegionCode, ZoneName};
use intake::Country;
use model::StatedPlace;

/// What a user says of a place, to be stored.
pub(crate) fn stated(
    zone: Option<&ZoneName>,
    region: Option<&RegionCode>,
    postal_code: Option<&str>,
    country: Option<Country>,
) -> StatedPlace {
    StatedPlace {
        zone: zone.map(ToString::to_string),
        region: region.map(ToString::to_string),
        any_region_of: None,
        postal_code: postal_code.map(str::to_owned),
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
