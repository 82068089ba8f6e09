//! A wait that a user sets, written as in `30m`, `2h` or `1h 30m`.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use jiff::fmt::friendly::{Designator, SpanPrinter};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest wait that makes sense between two attempts: a quarter of a year.
const DELAY_MAX: SignedDuration = SignedDuration::from_hours(92 * 24);

/// A wait of whole seconds, never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Delay(SignedDuration);

/// Why a text is not a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DelayProblem {
    #[error("a wait is written like 30m, 2h or 1h 30m")]
    Form,
    #[error("a wait has whole seconds and is from 0s to 2208h (92 days)")]
    Range,
}

impl Delay {
    /// No wait.
    pub const ZERO: Self = Self(SignedDuration::ZERO);

    #[must_use]
    pub const fn from_mins(minutes: u16) -> Self {
        Self(SignedDuration::from_secs(minutes as i64 * 60))
    }

    #[must_use]
    pub const fn from_hours(hours: u8) -> Self {
        Self(SignedDuration::from_secs(hours as i64 * 3_600))
    }

    #[must_use]
    pub const fn as_duration(self) -> SignedDuration {
        self.0
    }
}

impl FromStr for Delay {
    type Err = DelayProblem;

    fn from_str(text: &str) -> Result<Self, DelayProblem> {
        let duration: SignedDuration = text
            .trim()
            .parse()
            .map_err(|_not_a_duration| DelayProblem::Form)?;
        let whole = duration.subsec_nanos() == 0;
        if !whole || duration.is_negative() || duration > DELAY_MAX {
            return Err(DelayProblem::Range);
        }
        Ok(Self(duration))
    }
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printer = SpanPrinter::new().designator(Designator::Compact);
        f.write_str(&printer.duration_to_string(&self.0))
    }
}

impl Serialize for Delay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Delay {
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
    fn a_wait_reads_as_it_is_written() {
        for (text, minutes, shown) in [
            ("30m", 30, "30m"),
            ("2h", 120, "2h"),
            ("24h", 1_440, "24h"),
            ("1h 30m", 90, "1h 30m"),
            ("90m", 90, "1h 30m"),
            ("PT2H", 120, "2h"),
            ("0s", 0, "0s"),
        ] {
            let delay: Delay = text.parse().unwrap();
            assert_eq!(delay.as_duration().as_mins(), minutes, "{text}");
            assert_eq!(delay.to_string(), shown);
        }
        for wrong in ["", "2", "two hours", "-1h", "1.5s", "5000h"] {
            assert!(wrong.parse::<Delay>().is_err(), "{wrong} was accepted");
        }
    }
}
