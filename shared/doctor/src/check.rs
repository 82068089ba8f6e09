//! Checks as data, and how one is made: named, timed, bounded.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use tokio::time::Instant;

/// The longest that a check may take. Three of them follow one another at most, and a function of an HTTP
/// API has 29 seconds.
pub const CHECK_TIME_MAX: Duration = Duration::from_secs(5);
/// The longest that one request of a check may take.
pub(crate) const REQUEST_TIME_MAX: Duration = Duration::from_secs(4);

/// What was looked at, and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = DoctorCheck))]
pub struct Check {
    pub group: Group,
    pub name: String,
    pub state: CheckState,
    /// In a sentence without its full stop.
    pub found: String,
    /// More of it, a line each.
    pub details: Vec<String>,
    /// The command that mends it. Words in capitals and dots stand for what only its reader knows.
    pub mend: Option<String>,
    #[cfg_attr(feature = "schema", schema(value_type = u64))]
    #[serde(rename = "elapsed_ms", serialize_with = "milliseconds")]
    pub elapsed: Duration,
}

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = DoctorState))]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    Ok,
    /// It was not looked at, and `found` says why.
    Skipped,
    /// Calls work without it, or somebody should look.
    Warning,
    Failed,
}

/// What a check is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = DoctorGroup))]
#[serde(rename_all = "snake_case")]
pub enum Group {
    Settings,
    Secrets,
    Storage,
    Carrier,
    Numbers,
    Vendors,
    Network,
}

/// Everything that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = DoctorReport))]
pub struct Report {
    pub at: Timestamp,
    /// Of the worst check; what was skipped is no fault.
    pub state: CheckState,
    #[cfg_attr(feature = "schema", schema(value_type = u64))]
    #[serde(rename = "elapsed_ms", serialize_with = "milliseconds")]
    pub elapsed: Duration,
    pub checks: Vec<Check>,
}

impl CheckState {
    pub const ALL: [Self; 4] = [Self::Ok, Self::Skipped, Self::Warning, Self::Failed];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Skipped => "skipped",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

impl Group {
    pub const ALL: [Self; 7] = [
        Self::Settings,
        Self::Secrets,
        Self::Storage,
        Self::Carrier,
        Self::Numbers,
        Self::Vendors,
        Self::Network,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Secrets => "secrets",
            Self::Storage => "storage",
            Self::Carrier => "carrier",
            Self::Numbers => "numbers",
            Self::Vendors => "vendors",
            Self::Network => "network",
        }
    }
}

impl Report {
    pub(crate) fn new(at: Timestamp, elapsed: Duration, checks: Vec<Check>) -> Self {
        let worst = checks.iter().map(|check| check.state).max();
        let state = match worst {
            Some(state @ (CheckState::Warning | CheckState::Failed)) => state,
            Some(CheckState::Ok | CheckState::Skipped) | None => CheckState::Ok,
        };
        Self {
            at,
            state,
            elapsed,
            checks,
        }
    }

    /// How many checks stand so.
    #[must_use]
    pub fn count(&self, state: CheckState) -> usize {
        let checks = self.checks.iter();
        checks.filter(|check| check.state == state).count()
    }
}

/// What a check came to, before it has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) state: CheckState,
    found: String,
    details: Vec<String>,
    mend: Option<String>,
}

impl Finding {
    pub(crate) fn ok(found: impl Into<String>) -> Self {
        Self::new(CheckState::Ok, found)
    }

    pub(crate) fn skipped(why: impl Into<String>) -> Self {
        Self::new(CheckState::Skipped, why)
    }

    pub(crate) fn warning(found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            mend: Some(mend.into()),
            ..Self::new(CheckState::Warning, found)
        }
    }

    pub(crate) fn failed(found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            mend: Some(mend.into()),
            ..Self::new(CheckState::Failed, found)
        }
    }

    pub(crate) fn with_details(mut self, details: Vec<String>) -> Self {
        self.details = details;
        self
    }

    fn new(state: CheckState, found: impl Into<String>) -> Self {
        Self {
            state,
            found: found.into(),
            details: Vec::new(),
            mend: None,
        }
    }

    pub(crate) fn named(self, group: Group, name: impl Into<String>, elapsed: Duration) -> Check {
        Check {
            group,
            name: name.into(),
            state: self.state,
            found: self.found,
            details: self.details,
            mend: self.mend,
            elapsed,
        }
    }
}

/// Makes a check, within its time. `mend` is for one that does not come to an end.
pub(crate) async fn check(
    group: Group,
    name: impl Into<String>,
    mend: String,
    look: impl Future<Output = Finding>,
) -> Check {
    let begun = Instant::now();
    let finding = match tokio::time::timeout(CHECK_TIME_MAX, look).await {
        Ok(finding) => finding,
        Err(_elapsed) => {
            let found = format!("no answer within {} s", CHECK_TIME_MAX.as_secs());
            Finding::failed(found, mend)
        }
    };
    finding.named(group, name, begun.elapsed())
}

fn milliseconds<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_check_that_does_not_end_is_ended_and_says_what_to_do() {
        let never = std::future::pending::<Finding>();
        let check = check(Group::Storage, "table", "do this".to_owned(), never).await;
        assert_eq!(check.state, CheckState::Failed);
        assert_eq!(check.found, "no answer within 5 s");
        assert_eq!(check.mend.as_deref(), Some("do this"));
        assert_eq!(check.elapsed, CHECK_TIME_MAX);
    }

    #[test]
    fn a_report_is_as_bad_as_its_worst_check_and_what_was_skipped_is_no_fault() {
        let check = |finding: Finding| finding.named(Group::Network, "n", Duration::ZERO);
        let state = |findings: Vec<Finding>| {
            let checks = findings.into_iter().map(check).collect();
            Report::new(Timestamp::UNIX_EPOCH, Duration::ZERO, checks).state
        };
        assert_eq!(state(vec![]), CheckState::Ok);
        assert_eq!(state(vec![Finding::skipped("")]), CheckState::Ok);
        let warning = Finding::warning("", "");
        assert_eq!(
            state(vec![warning.clone(), Finding::skipped("")]),
            CheckState::Warning
        );
        let failed = Finding::failed("", "");
        assert_eq!(
            state(vec![failed, warning, Finding::ok("")]),
            CheckState::Failed
        );
    }

    #[test]
    fn words_in_json_are_the_words_of_the_terminal() {
        for state in CheckState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        for group in Group::ALL {
            assert_eq!(serde_json::to_value(group).unwrap(), group.as_str());
        }
    }
}
