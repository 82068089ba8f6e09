//! Names and values, before settings are made of them.

use std::collections::BTreeMap;
use std::fmt;

use crate::{Problems, Settings};

/// Secrets that are read at start: ids or ARNs of Secrets Manager, separated by commas.
const SECRETS: &str = "TRUNKLINE_SECRETS";

/// What settings are read from. Values do not print: some are secrets.
#[derive(Clone, Default)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// The process's environment.
    #[must_use]
    pub fn from_environment() -> Self {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            // A variable that is not text cannot be one of ours.
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self(variables.collect())
    }

    /// `TRUNKLINE_SECRETS` (default none): secrets whose fields are settings too, in the order in which
    /// they are asked.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        let listed = self.0.get(SECRETS).map_or("", String::as_str);
        let ids = listed.split(',').map(str::trim);
        ids.filter(|id| !id.is_empty()).map(str::to_owned).collect()
    }

    /// Lays these beneath: what has a value keeps it.
    pub fn lay_beneath(&mut self, fields: impl IntoIterator<Item = (String, String)>) {
        for (name, value) in fields {
            let kept = self.0.entry(name).or_default();
            if kept.trim().is_empty() {
                *kept = value;
            }
        }
    }

    /// Settings of these values.
    ///
    /// # Errors
    /// Every problem of every variable at once.
    pub fn settings(&self) -> Result<Settings, Problems> {
        Settings::from_variables(&self.0)
    }
}

impl From<BTreeMap<String, String>> for Variables {
    fn from(variables: BTreeMap<String, String>) -> Self {
        Self(variables)
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
