//! One dial, and how it is written: a row of `dials.csv`.

use std::fmt;

use jiff::Timestamp;
use model::{Outcome, PhoneNumber};

/// A call that the simulated carrier was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dial<'a> {
    pub number: PhoneNumber,
    /// From 1.
    pub attempt: u32,
    /// When the carrier was asked.
    pub at: Timestamp,
    /// When the line was free again.
    pub ended: Timestamp,
    /// Where the number may be: all of these allowed the call.
    pub zones: &'a [String],
    pub outcome: Outcome,
}

impl Dial<'_> {
    /// The first row of the file.
    pub const HEADER: &'static str = "number,attempt,at_utc,ended_utc,zones,outcome";
}

/// A row without its line end. No field needs quotes: zones are divided by semicolons.
impl fmt::Display for Dial<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{},{},{:.3},{:.3},",
            self.number.as_str(),
            self.attempt,
            self.at,
            self.ended
        )?;
        for (index, zone) in self.zones.iter().enumerate() {
            if index > 0 {
                f.write_str(";")?;
            }
            f.write_str(zone)?;
        }
        write!(f, ",{}", self.outcome.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dial_is_a_row() {
        let zones = ["America/Boise".to_owned(), "America/Los_Angeles".to_owned()];
        let dial = Dial {
            number: "+12085550123".parse().unwrap(),
            attempt: 2,
            at: "2026-03-02T17:00:00Z".parse().unwrap(),
            ended: "2026-03-02T17:00:47.25Z".parse().unwrap(),
            zones: &zones,
            outcome: Outcome::NoAnswer,
        };
        expect_test::expect![[
            "+12085550123,2,2026-03-02T17:00:00.000Z,2026-03-02T17:00:47.250Z,America/Boise;America/Los_Angeles,no_answer"
        ]]
        .assert_eq(&dial.to_string());
    }
}
