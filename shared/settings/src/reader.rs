//! Reads typed values from named texts and collects what is wrong with them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use url::Url;

use crate::vendors::VendorVariables;
use crate::{LogFormat, Proxies, Secret, VendorRole, VendorSettings};

/// One variable that cannot be used as it is. Never carries the value: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub variable: &'static str,
    pub problem: String,
}

/// Everything that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("these settings cannot be used:")?;
        for Problem { variable, problem } in &self.0 {
            write!(f, "\n  {variable}: {problem}")?;
        }
        Ok(())
    }
}

pub(crate) struct Reader<'a> {
    variables: &'a BTreeMap<String, String>,
    problems: Vec<Problem>,
    /// What was asked for: the names of all settings, once they are read.
    names: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(variables: &'a BTreeMap<String, String>) -> Self {
        Self {
            variables,
            problems: Vec::new(),
            names: RefCell::default(),
        }
    }

    /// What is wrong, and the names of all settings.
    pub(crate) fn finish(self) -> (Problems, BTreeSet<&'static str>) {
        (Problems(self.problems), self.names.into_inner())
    }

    pub(crate) fn optional(&self, variable: &'static str) -> Option<String> {
        self.value(variable).map(str::to_owned)
    }

    pub(crate) fn text(&self, variable: &'static str, default: &str) -> String {
        self.value(variable).unwrap_or(default).to_owned()
    }

    pub(crate) fn secret(&self, variable: &'static str) -> Option<Secret> {
        self.optional(variable).map(Secret::new)
    }

    pub(crate) fn number<T>(&mut self, variable: &'static str, default: T, low: T, high: T) -> T
    where
        T: FromStr + PartialOrd + fmt::Display + Copy,
    {
        let Some(text) = self.value(variable) else {
            return default;
        };
        match text.parse::<T>() {
            Ok(number) if number >= low && number <= high => number,
            Ok(_) | Err(_) => {
                self.problem(
                    variable,
                    format!("must be a whole number from {low} to {high}"),
                );
                default
            }
        }
    }

    /// The time between two of something of which there are so many a second: 0.01 to 1,000.
    pub(crate) fn interval(&mut self, variable: &'static str, default: f64) -> Duration {
        let rate = match self.value(variable).map(str::parse::<f64>) {
            None => default,
            Some(Ok(rate)) if (0.01..=1_000.0).contains(&rate) => rate,
            Some(Ok(_) | Err(_)) => {
                let problem = "must be a number from 0.01 to 1000, as in 1 or 2.5";
                self.problem(variable, problem.to_owned());
                default
            }
        };
        Duration::from_secs_f64(rate.recip())
    }

    /// A base that paths are joined to: `http` or `https`, no query, no fragment.
    pub(crate) fn base_url(&mut self, variable: &'static str, default: &'static str) -> Url {
        let chosen = self.url(variable, &["http", "https"]);
        #[expect(
            clippy::expect_used,
            reason = "the defaults are constants, parsed by a test"
        )]
        chosen.unwrap_or_else(|| Url::parse(default).expect("a default URL"))
    }

    pub(crate) fn url(&mut self, variable: &'static str, schemes: &[&str]) -> Option<Url> {
        let text = self.value(variable)?;
        let Ok(url) = Url::parse(text) else {
            self.problem(
                variable,
                "must be a URL, as in https://host/path".to_owned(),
            );
            return None;
        };
        if !schemes.contains(&url.scheme()) || !url.has_host() {
            self.problem(
                variable,
                format!("must be a URL with scheme {}", schemes.join(" or ")),
            );
            return None;
        }
        if url.query().is_some() || url.fragment().is_some() {
            self.problem(variable, "must have no query and no fragment".to_owned());
            return None;
        }
        Some(url)
    }

    /// `AC` and 32 hex digits (Twilio's API description).
    pub(crate) fn account_sid(&mut self, variable: &'static str) -> Option<String> {
        let text = self.value(variable)?;
        let digits = text.strip_prefix("AC").unwrap_or_default();
        if digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Some(text.to_owned());
        }
        self.problem(variable, "must be AC and 32 hexadecimal digits".to_owned());
        None
    }

    pub(crate) fn api_key(&mut self, variable: &'static str) -> Option<Secret> {
        let text = self.value(variable)?;
        if text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Some(Secret::new(text.to_owned()));
        }
        self.problem(
            variable,
            "must have at least 16 printable characters and no space".to_owned(),
        );
        None
    }

    pub(crate) fn log_format(&mut self, variable: &'static str) -> LogFormat {
        match self.value(variable) {
            Some("json") => LogFormat::Json,
            Some("text") => LogFormat::Text,
            None | Some("auto") => self.log_format_here(),
            Some(_) => {
                self.problem(variable, "must be json, text or auto".to_owned());
                LogFormat::Text
            }
        }
    }

    /// Lambda and ECS say where they are by these variables (AWS documentation of both).
    fn log_format_here(&self) -> LogFormat {
        let aws = ["AWS_LAMBDA_RUNTIME_API", "ECS_CONTAINER_METADATA_URI_V4"];
        if aws
            .into_iter()
            .any(|variable| self.given(variable).is_some())
        {
            LogFormat::Json
        } else {
            LogFormat::Text
        }
    }

    /// From variables that other programs read too.
    pub(crate) fn proxies(&self) -> Proxies {
        Proxies::read(|variable| self.in_either_case(variable))
    }

    /// A variable in capitals or, as some programs want it, in small letters.
    fn in_either_case(&self, variable: &'static str) -> Option<String> {
        let small = variable.to_ascii_lowercase();
        let value = self.value(variable).or_else(|| self.given(&small));
        value.map(str::to_owned)
    }

    pub(crate) fn vendor(
        &mut self,
        variables: &'static VendorVariables,
        proxies: &Proxies,
    ) -> VendorSettings {
        let (base_url, base_url_default) = variables.base_url;
        let (model, model_default) = variables.model;
        VendorSettings {
            api_key: self.secret(variables.api_key),
            base_url: self.base_url(base_url, base_url_default),
            model: self.text(model, model_default),
            voice_id: variables.voice_id.and_then(|name| self.optional(name)),
            simulated: self.none(&[variables.api_key, base_url]),
            proxies: proxies.clone(),
            variables,
        }
    }

    /// Vendors of a role, each once, in the order in which they are tried.
    pub(crate) fn chain(
        &mut self,
        role: VendorRole,
        default: &[&'static str],
    ) -> Vec<&'static str> {
        let variable = role.variable();
        let Some(text) = self.value(variable) else {
            return default.to_vec();
        };
        let mut chain = Vec::new();
        for word in text.split(',').map(str::trim) {
            let known = role.names().find(|name| *name == word);
            match known {
                Some(name) if !chain.contains(&name) => chain.push(name),
                // A word that nobody knows is not repeated: it may be a key in the wrong place.
                Some(_) | None => {
                    let names: Vec<_> = role.names().collect();
                    let names = names.join(", ");
                    self.problem(
                        variable,
                        format!(
                            "must name vendors out of {names}, each once, with commas between them"
                        ),
                    );
                    return default.to_vec();
                }
            }
        }
        chain
    }

    /// Both or neither.
    pub(crate) fn together(&mut self, one: &'static str, other: &'static str) {
        self.needs(one, other);
        self.needs(other, one);
    }

    pub(crate) fn needs(&mut self, variable: &'static str, needed: &'static str) {
        if self.given(variable).is_some() && self.given(needed).is_none() {
            self.problem(needed, format!("must be set when {variable} is"));
        }
    }

    /// Whether none of these is set.
    pub(crate) fn none(&self, variables: &[&str]) -> bool {
        variables
            .iter()
            .all(|variable| self.given(variable).is_none())
    }

    /// A setting.
    fn value(&self, variable: &'static str) -> Option<&'a str> {
        self.names.borrow_mut().insert(variable);
        self.given(variable)
    }

    fn given(&self, variable: &str) -> Option<&'a str> {
        let text = self.variables.get(variable)?.trim();
        (!text.is_empty()).then_some(text)
    }

    fn problem(&mut self, variable: &'static str, problem: String) {
        self.problems.push(Problem { variable, problem });
    }
}
