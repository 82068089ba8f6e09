//! Lanes: what decides when a number may be called, shared by all numbers that it is the same for.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// The zones and places that a number may be in. All of them have to allow a call.
///
/// A campaign's leads fall into a few dozen lanes; whether one is open is decided once for all leads in
/// it, and only leads of open lanes are read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lane {
    /// IANA names, sorted, each once. Empty: nothing is known, and the number is never dialled by
    /// itself.
    pub zones: Vec<String>,
    /// Whose rules apply: `US-CA`, `GB`; sorted, each once.
    pub jurisdictions: Vec<String>,
}

/// A short name of a lane: the first 48 bits of the SHA-256 of its zones and places, in hex. The same
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
    pub fn new(mut zones: Vec<String>, mut jurisdictions: Vec<String>) -> Self {
        zones.sort_unstable();
        zones.dedup();
        jurisdictions.sort_unstable();
        jurisdictions.dedup();
        Self {
            zones,
            jurisdictions,
        }
    }

    #[must_use]
    pub fn id(&self) -> LaneId {
        let mut hash = Sha256::new();
        for (list, end) in [(&self.jurisdictions, b'|'), (&self.zones, b'.')] {
            for name in list {
                hash.update(name.as_bytes());
                hash.update(b",");
            }
            hash.update([end]);
        }
        let digest = hash.finalize();
        let mut id = [0; 6];
        for (to, from) in id.iter_mut().zip(digest.iter()) {
            *to = *from;
        }
        LaneId(id)
    }
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
    }
}
