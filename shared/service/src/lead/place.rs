//! Where a lead is, as its list or a user says it.

use std::fmt;
use std::str::FromStr;

use dialer::{RegionCode, ZoneName};
use intake::Country;
use model::StatedPlace;

/// The longest postal code, with its blanks and hyphens.
const POSTAL_CODE_CHARS_MAX: usize = 12;

/// A postal code as its country's postal service may write it: `96813`, `K1A 0B1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostalCode(String);

/// The text is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a postal code has 1 to {POSTAL_CODE_CHARS_MAX} letters, digits, blanks, dots and hyphens")]
pub struct PostalCodeProblem;

impl FromStr for PostalCode {
    type Err = PostalCodeProblem;

    fn from_str(text: &str) -> Result<Self, PostalCodeProblem> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | '-');
        let length = (1..=POSTAL_CODE_CHARS_MAX).contains(&text.len());
        if length && text.chars().all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(PostalCodeProblem)
        }
    }
}

impl fmt::Display for PostalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a user says of a place, to be stored.
pub(crate) fn stated(
    zone: Option<&ZoneName>,
    region: Option<&RegionCode>,
    postal_code: Option<&PostalCode>,
    country: Option<Country>,
) -> StatedPlace {
    StatedPlace {
        zone: zone.map(ToString::to_string),
        region: region.map(ToString::to_string),
        any_region_of: None,
        postal_code: postal_code.map(ToString::to_string),
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
