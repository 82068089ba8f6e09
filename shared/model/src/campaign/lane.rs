//! Lanes: what decides when a number may be called, shared by all numbers that it is the same for.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::ConsentKind;

/// The zones and places that a number may be in. All of them have to allow a call.
///
/// A campaign's leads fall into a few dozen lanes; whether one is open is decided once for all leads in
/// it, and only leads of open lanes are read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lane {
    /// IANA names, sorted, each once: the number's, and those that are stated of the lead. Empty: nothing is known,
    /// and the number is never dialled by itself.
    pub zones: Vec<String>,
    /// Those of [`Self::zones`] that count alone in a campaign that trusts its list: the lead's own zone as it is
    /// stated, or else those of its state or postal code.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own_zones: Vec<String>,
    /// Whose rules apply: `US-CA`, `GB`; sorted, each once.
    pub jurisdictions: Vec<String>,
    /// What its leads have agreed to: some rules go by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<ConsentKind>,
}

/// Which of a lane's zones have to allow a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ZoneTrust {
    /// Those of the number, of the lead's own column, and of its state or postal code: numbers move with people, and
    /// lists err.
    #[default]
    Strict,
    /// Those that the list states, where it states any: its addresses are verified.
    Lead,
}

/// A short name of a lane: the first 48 bits of the SHA-256 of what is in it, in hex. The same
/// in every campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneId([u8; 6]);

/// The text is not a lane's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a lane's id has 12 hex digits")]
pub struct LaneIdProblem;

impl Lane {
    /// Sorts and removes repetitions, so that the same lane has one spelling.
    #[must_use]
    pub fn new(zones: Vec<String>, jurisdictions: Vec<String>) -> Self {
        Self {
            zones: sorted(zones),
            own_zones: Vec::new(),
            jurisdictions: sorted(jurisdictions),
            consent: None,
        }
    }

    /// The same for leads that have agreed to this.
    #[must_use]
    pub fn with_consent(self, consent: Option<ConsentKind>) -> Self {
        Self { consent, ..self }
    }

    /// The same with zones that are stated of the lead, which count besides the number's: by itself, and by its
    /// address.
    #[must_use]
    pub fn with_stated(self, own: Option<String>, of_address: Vec<String>) -> Self {
        let mut zones = self.zones;
        zones.extend(own.iter().chain(&of_address).cloned());
        Self {
            zones: sorted(zones),
            own_zones: own.map_or_else(|| sorted(of_address), |zone| vec![zone]),
            jurisdictions: self.jurisdictions,
            consent: self.consent,
        }
    }

    /// The zones that have to allow a call.
    #[must_use]
    pub fn zones_by(&self, trust: ZoneTrust) -> &[String] {
        match trust {
            ZoneTrust::Lead if !self.own_zones.is_empty() => &self.own_zones,
            ZoneTrust::Lead | ZoneTrust::Strict => &self.zones,
        }
    }

    #[must_use]
    pub fn id(&self) -> LaneId {
        let mut hash = Sha256::new();
        let mut add = |list: &[String], end: &[u8]| {
            for name in list {
                hash.update(name.as_bytes());
                hash.update(b",");
            }
            hash.update(end);
        };
        add(&self.jurisdictions, b"|");
        add(&self.zones, b".");
        // Lanes of which no more is known keep the ids that they had before more was.
        if !self.own_zones.is_empty() {
            add(&self.own_zones, b".");
        }
        if let Some(consent) = self.consent {
            hash.update(consent.code());
        }
        let digest = hash.finalize();
        let mut id = [0; 6];
        for (to, from) in id.iter_mut().zip(digest.iter()) {
            *to = *from;
        }
        LaneId(id)
    }
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names.dedup();
    names
}

impl fmt::Display for LaneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl FromStr for LaneId {
    type Err = LaneIdProblem;

    fn from_str(text: &str) -> Result<Self, LaneIdProblem> {
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 12 || !text.bytes().all(hex) {
            return Err(LaneIdProblem);
        }
        let number = u64::from_str_radix(text, 16).map_err(|_not_hex| LaneIdProblem)?;
        let [_, _, id @ ..] = number.to_be_bytes();
        Ok(Self(id))
    }
}

impl Serialize for LaneId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LaneId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_has_one_spelling_and_one_id() {
        let lane = |zones: &[&str]| {
            let zones = zones.iter().map(|zone| (*zone).to_owned());
            Lane::new(zones.collect(), vec!["US-ID".to_owned()])
        };
        let one = lane(&["America/Los_Angeles", "America/Boise"]);
        let same = lane(&["America/Boise", "America/Los_Angeles", "America/Boise"]);
        let other = lane(&["America/Boise"]);
        assert_eq!(one, same);
        assert_ne!(one.id(), other.id());
        assert_eq!(one.id().to_string().parse(), Ok(one.id()));
        let stated =
            |zone: &str| lane(&["America/Boise"]).with_stated(Some(zone.to_owned()), Vec::new());
        assert_ne!(stated("America/Boise").id(), other.id());
        assert_ne!(stated("America/Los_Angeles").id(), one.id());
    }

    #[test]
    fn stated_zones_count_besides_the_numbers_or_alone() {
        let lane = Lane::new(vec!["America/New_York".to_owned()], Vec::new());
        for trust in [ZoneTrust::Strict, ZoneTrust::Lead] {
            assert_eq!(lane.zones_by(trust), ["America/New_York"]);
        }
        let lane = lane.with_stated(None, vec!["Pacific/Honolulu".to_owned()]);
        let both = ["America/New_York", "Pacific/Honolulu"];
        assert_eq!(lane.zones_by(ZoneTrust::Strict), both);
        assert_eq!(lane.zones_by(ZoneTrust::Lead), ["Pacific/Honolulu"]);
        // The zone itself says more than the address that it is in.
        let chicago = Some("America/Chicago".to_owned());
        let lane = lane.with_stated(chicago, vec!["America/Denver".to_owned()]);
        assert_eq!(lane.zones_by(ZoneTrust::Strict).len(), 4);
        assert_eq!(lane.zones_by(ZoneTrust::Lead), ["America/Chicago"]);
    }
}
