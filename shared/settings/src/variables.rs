//! Names and values, before settings are made of them.

use std::collections::BTreeMap;
use std::fmt;

use crate::reader::Reader;
use crate::{Problems, Proxies, Settings};

/// Secrets that are read at start: ids or ARNs of Secrets Manager, separated by commas.
const SECRETS: &str = "TRUNKLINE_SECRETS";

/// What settings are read from. Values do not print: some are secrets.
#[derive(Clone, Default)]
pub struct Variables {
    values: BTreeMap<String, String>,
    /// Of those that are not the environment's.
    sources: BTreeMap<String, VariableSource>,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum VariableSource {
    Environment,
    /// What was laid beneath the environment: a secret by its id, or a file.
    Beneath(String),
}

impl Variables {
    /// The process's environment.
    #[must_use]
    pub fn from_environment() -> Self {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            // A variable that is not text cannot be one of ours.
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self::from(variables.collect::<BTreeMap<_, _>>())
    }

    /// `TRUNKLINE_SECRETS` (default none): secrets whose fields are settings too, in the order in which
    /// they are asked.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        let listed = self.values.get(SECRETS).map_or("", String::as_str);
        let ids = listed.split(',').map(str::trim);
        ids.filter(|id| !id.is_empty()).map(str::to_owned).collect()
    }

    /// Lays these beneath: what has a value keeps it. `source` says where they come from.
    pub fn lay_beneath(
        &mut self,
        source: &str,
        fields: impl IntoIterator<Item = (String, String)>,
    ) {
        for (name, value) in fields {
            let kept = self.values.entry(name.clone()).or_default();
            if kept.trim().is_empty() {
                *kept = value;
                self.sources
                    .insert(name, VariableSource::Beneath(source.to_owned()));
            }
        }
    }

    /// All names, also of what is no setting.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// A value as it was given.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        let text = self.values.get(name)?.trim();
        (!text.is_empty()).then_some(text)
    }

    /// Where a value comes from; `None` when there is none.
    #[must_use]
    pub fn source(&self, name: &str) -> Option<VariableSource> {
        self.value(name)?;
        let beneath = self.sources.get(name);
        Some(beneath.cloned().unwrap_or(VariableSource::Environment))
    }

    /// By way of whom the outside is reached: for those who ask for settings before there are any.
    #[must_use]
    pub fn proxies(&self) -> Proxies {
        Reader::new(&self.values).proxies()
    }

    /// Settings of these values.
    ///
    /// # Errors
    /// Every problem of every variable at once.
    pub fn settings(&self) -> Result<Settings, Problems> {
        Settings::from_variables(&self.values)
    }

    /// Settings with their defaults where a value cannot be used, and what is wrong: for whoever wants to
    /// know all that is wrong, and not only the first of it.
    #[must_use]
    pub fn settings_and_problems(&self) -> (Settings, Problems) {
        let (settings, problems, _names) = Settings::read(&self.values);
        (settings, problems)
    }
}

impl From<BTreeMap<String, String>> for Variables {
    fn from(values: BTreeMap<String, String>) -> Self {
        Self {
            values,
            sources: BTreeMap::new(),
        }
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}
