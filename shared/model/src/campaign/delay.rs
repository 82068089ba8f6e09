//! A wait that a user sets, in whole seconds.

use jiff::SignedDuration;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A wait of whole seconds, never negative and no longer than [`Self::SECONDS_MAX`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Delay {
    seconds: u32,
}

/// Why a number is not a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 0 to {} seconds", Delay::SECONDS_MAX)]
pub struct DelayProblem;

impl Delay {
    /// The longest wait that makes sense between two attempts: a quarter of a year, 92 days.
    pub const SECONDS_MAX: u32 = 92 * 24 * 60 * 60;

    /// No wait.
    pub const ZERO: Self = Self { seconds: 0 };

    #[must_use]
    pub const fn from_mins(minutes: u16) -> Self {
        Self {
            seconds: minutes as u32 * 60,
        }
    }

    #[must_use]
    pub const fn from_hours(hours: u8) -> Self {
        Self {
            seconds: hours as u32 * 3_600,
        }
    }

    #[must_use]
    pub fn as_duration(self) -> SignedDuration {
        SignedDuration::from_secs(i64::from(self.seconds))
    }
}

impl TryFrom<u64> for Delay {
    type Error = DelayProblem;

    fn try_from(seconds: u64) -> Result<Self, DelayProblem> {
        match u32::try_from(seconds) {
            Ok(seconds) if seconds <= Self::SECONDS_MAX => Ok(Self { seconds }),
            Ok(_) | Err(_) => Err(DelayProblem),
        }
    }
}

impl Serialize for Delay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.seconds)
    }
}

impl<'de> Deserialize<'de> for Delay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = u64::deserialize(deserializer)?;
        seconds.try_into().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_of_whole_seconds_up_to_a_quarter_of_a_year() {
        let read = |text: &str| serde_json::from_str::<Delay>(text).ok();
        assert_eq!(read("7200"), Some(Delay::from_hours(2)));
        assert_eq!(read("0"), Some(Delay::ZERO));
        let longest = read("7948800").unwrap();
        assert_eq!(longest.as_duration(), SignedDuration::from_hours(92 * 24));
        assert_eq!(serde_json::to_string(&longest).unwrap(), "7948800");
        for wrong in [
            "7948801",
            "-1",
            "1.5",
            "\"2h\"",
            "null",
            "18446744073709551616",
        ] {
            assert_eq!(read(wrong), None, "{wrong} was accepted");
        }
    }
}
