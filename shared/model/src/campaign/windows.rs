//! When a campaign calls: spans of local time for each weekday.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Weekday;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Fault, FieldProblem, element, member};

/// The most spans of one day.
pub const SPANS_MAX: usize = 12;

/// Minutes since local midnight, 0 to 1,440; written `10:00`, the end of the day `24:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MinuteOfDay(u16);

/// The text is not a time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time of day is written like 09:30, from 00:00 to 24:00")]
pub struct TimeProblem;

/// From a time of day up to, not including, a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Span(pub MinuteOfDay, pub MinuteOfDay);

/// Spans of local time in which numbers may be called, by the callee's own weekday. A weekday that
/// is left out is a day off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Windows {
    #[serde(default)]
    pub mon: Vec<Span>,
    #[serde(default)]
    pub tue: Vec<Span>,
    #[serde(default)]
    pub wed: Vec<Span>,
    #[serde(default)]
    pub thu: Vec<Span>,
    #[serde(default)]
    pub fri: Vec<Span>,
    #[serde(default)]
    pub sat: Vec<Span>,
    #[serde(default)]
    pub sun: Vec<Span>,
}

impl MinuteOfDay {
    /// The end of a day.
    pub const DAY_END: Self = Self(24 * 60);

    /// `None` beyond 24:00 or from the sixtieth minute on.
    #[must_use]
    pub const fn new(hour: u16, minute: u16) -> Option<Self> {
        if hour > 24 || minute > 59 || (hour == 24 && minute > 0) {
            return None;
        }
        Some(Self(hour * 60 + minute))
    }

    #[must_use]
    pub const fn minutes(self) -> u16 {
        self.0
    }

    const fn hours(hour: u16) -> Self {
        Self(hour * 60)
    }
}

impl FromStr for MinuteOfDay {
    type Err = TimeProblem;

    fn from_str(text: &str) -> Result<Self, TimeProblem> {
        let (hour, minute) = text.split_once(':').ok_or(TimeProblem)?;
        let digits = |part: &str| {
            let two = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            let part = if two { part } else { "" };
            part.parse().map_err(|_not_a_number| TimeProblem)
        };
        Self::new(digits(hour)?, digits(minute)?).ok_or(TimeProblem)
    }
}

impl fmt::Display for MinuteOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl Serialize for MinuteOfDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MinuteOfDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (from, to) = <(MinuteOfDay, MinuteOfDay)>::deserialize(deserializer)?;
        Ok(Self(from, to))
    }
}

impl Windows {
    /// Every hour of every day.
    #[must_use]
    pub fn all_day() -> Self {
        let day = || vec![Span(MinuteOfDay::hours(0), MinuteOfDay::DAY_END)];
        Self {
            mon: day(),
            tue: day(),
            wed: day(),
            thu: day(),
            fri: day(),
            sat: day(),
            sun: day(),
        }
    }

    /// The spans of a weekday.
    #[must_use]
    pub fn of(&self, weekday: Weekday) -> &[Span] {
        match weekday {
            Weekday::Monday => &self.mon,
            Weekday::Tuesday => &self.tue,
            Weekday::Wednesday => &self.wed,
            Weekday::Thursday => &self.thu,
            Weekday::Friday => &self.fri,
            Weekday::Saturday => &self.sat,
            Weekday::Sunday => &self.sun,
        }
    }

    /// Every weekday with its name in the API.
    #[must_use]
    pub fn days(&self) -> [(&'static str, &[Span]); 7] {
        [
            ("mon", &self.mon),
            ("tue", &self.tue),
            ("wed", &self.wed),
            ("thu", &self.thu),
            ("fri", &self.fri),
            ("sat", &self.sat),
            ("sun", &self.sun),
        ]
    }

    /// No day has a span: nobody could ever be called.
    #[must_use]
    pub fn never_open(&self) -> bool {
        self.days().iter().all(|(_day, spans)| spans.is_empty())
    }

    /// What is wrong with them.
    #[must_use]
    pub fn problems(&self) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        if self.never_open() {
            let says = "must have at least one span on one weekday";
            problems.push(FieldProblem::new("", Fault::OutOfRange, says));
        }
        for (day, spans) in self.days() {
            let at = member("", day);
            if spans.len() > SPANS_MAX {
                let says = format!("must have at most {SPANS_MAX} spans, has {}", spans.len());
                problems.push(FieldProblem::new(&at, Fault::OutOfRange, says));
            }
            for (place, Span(from, to)) in spans.iter().enumerate() {
                if from >= to {
                    let says = format!(
                        "ends after it begins, and {from} to {to} does not; one past midnight is two \
                         spans on two days"
                    );
                    problems.push(FieldProblem::new(
                        element(&at, place),
                        Fault::Conflict,
                        says,
                    ));
                }
            }
            let mut sorted = spans.to_vec();
            sorted.sort_unstable();
            let overlap = sorted
                .iter()
                .zip(sorted.iter().skip(1))
                .find(|(earlier, later)| earlier.1 > later.0);
            if let Some((earlier, later)) = overlap {
                let says = format!(
                    "has two spans that overlap: {}-{} and {}-{}",
                    earlier.0, earlier.1, later.0, later.1
                );
                problems.push(FieldProblem::new(at, Fault::Conflict, says));
            }
        }
        problems
    }
}

impl Default for Windows {
    /// 09:00 to 20:00 on weekdays and Saturdays, 12:00 to 20:00 on Sundays: within the hours of most
    /// US states.
    // docs/protocols/calling-compliance.md#hours-and-caps
    fn default() -> Self {
        let long = vec![Span(MinuteOfDay::hours(9), MinuteOfDay::hours(20))];
        Self {
            mon: long.clone(),
            tue: long.clone(),
            wed: long.clone(),
            thu: long.clone(),
            fri: long.clone(),
            sat: long,
            sun: vec![Span(MinuteOfDay::hours(12), MinuteOfDay::hours(20))],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Place;

    #[test]
    fn windows_read_as_in_the_api() {
        let days = r#""tue":[],"wed":[],"thu":[],"fri":[],"sat":[],"sun":[]}"#;
        let monday = r#"{"mon":[["10:00","12:30"],["14:00","24:00"]]"#;
        let windows: Windows = serde_json::from_str(&format!("{monday}}}")).unwrap();
        assert_eq!(windows.of(Weekday::Monday).len(), 2);
        assert_eq!(windows.of(Weekday::Tuesday), []);
        // Every day is told, those without calls too.
        let told = serde_json::to_string(&windows).unwrap();
        assert_eq!(told, format!("{monday},{days}"));
        assert_eq!(windows.problems(), []);
    }

    #[test]
    fn impossible_windows_are_refused_with_the_reason() {
        for (text, says) in [
            (r#"{"mon":[["9:00","10:00"]]}"#, "written like 09:30"),
            (r#"{"mon":[["24:01","24:02"]]}"#, "written like 09:30"),
            (r#"{"mon":[["10:00"]]}"#, "tuple"),
        ] {
            let problem = serde_json::from_str::<Windows>(text).unwrap_err();
            assert!(problem.to_string().contains(says), "{text}: {problem}");
        }
        let overlapping: Windows =
            serde_json::from_str(r#"{"tue":[["12:00","15:00"],["10:00","13:00"]]}"#).unwrap();
        assert_eq!(overlapping.problems()[0].at, Place::Body("/tue".to_owned()));
        let backwards = r#"{"wed":[["10:00","11:00"],["19:00","12:00"],["20:00","20:00"]]}"#;
        let backwards: Windows = serde_json::from_str(backwards).unwrap();
        let at = backwards.problems().into_iter().map(|problem| problem.at);
        let expected = ["/wed/1", "/wed/2"].map(|at| Place::Body(at.to_owned()));
        assert_eq!(at.collect::<Vec<_>>(), expected);
        let never: Windows = serde_json::from_str("{}").unwrap();
        assert_eq!(never.problems()[0].at, Place::Body(String::new()));
    }
}
