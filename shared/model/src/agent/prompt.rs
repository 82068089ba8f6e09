//! Prompts with `{{variables}}`. A variable without a value is an error before dialling, never a
//! blank in speech.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::PromptId;

/// Values for `{{variables}}`, by name.
pub type Variables = BTreeMap<String, String>;

/// The most characters a template may have: a prompt of that size already costs seconds per turn.
pub const TEMPLATE_CHARS_MAX: usize = 40_000;
/// The most characters the value of a variable may have.
pub const VALUE_CHARS_MAX: usize = 2_000;

/// One immutable version of what an agent is told and what it says first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptVersion {
    pub id: PromptId,
    /// From 1; a change makes a new version.
    pub version: u32,
    pub name: String,
    /// The instructions to the language model.
    pub system: Template,
    /// The agent's first words.
    pub greeting: Template,
    /// What stands for variables of somebody who calls us and is not known. Nobody is called with them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub defaults: Variables,
    pub created_at: Timestamp,
}

/// A prompt with its variables filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenderedPrompt {
    pub id: PromptId,
    pub version: u32,
    pub system: String,
    pub greeting: String,
}

impl PromptVersion {
    /// Fills in the variables of both texts.
    ///
    /// # Errors
    /// Names every variable that has no value, or an empty one, in either text.
    pub fn render(&self, variables: &Variables) -> Result<RenderedPrompt, TemplateProblem> {
        let missing = self.missing(variables);
        if !missing.is_empty() {
            return Err(TemplateProblem::Missing(missing));
        }
        Ok(RenderedPrompt {
            id: self.id,
            version: self.version,
            system: self.system.fill(variables),
            greeting: self.greeting.fill(variables),
        })
    }

    /// These values, and the defaults of those that are missing or blank.
    #[must_use]
    pub fn with_defaults(&self, variables: &Variables) -> Variables {
        let mut all = self.defaults.clone();
        let given = variables.iter().filter(|(_name, value)| is_value(value));
        all.extend(given.map(|(name, value)| (name.clone(), value.clone())));
        all
    }

    /// The variables of both texts that have no default: a call with somebody of whom nothing is known cannot be
    /// held while there is one.
    #[must_use]
    pub fn without_default(&self) -> Vec<String> {
        self.missing(&self.defaults)
    }

    /// The names of the variables of both texts, each once.
    #[must_use]
    pub fn variables(&self) -> BTreeSet<&str> {
        let texts = [&self.system, &self.greeting];
        texts.into_iter().flat_map(Template::variables).collect()
    }

    fn missing(&self, values: &Variables) -> Vec<String> {
        let mut missing = self.system.missing(values);
        missing.extend(self.greeting.missing(values));
        missing.into_iter().collect()
    }
}

/// A text with `{{name}}` places. Names are letters, digits and underscores, starting with a letter.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(String),
}

/// What is wrong with a template or with the values for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateProblem {
    #[error("`{{{{` at character {at} is never closed by `}}}}`")]
    Unclosed { at: usize },
    #[error("`{name}` is not a variable name: use letters, digits and _, starting with a letter")]
    Name { name: String },
    #[error("a prompt has at most {TEMPLATE_CHARS_MAX} characters")]
    TooLong,
    #[error("no value for {}", .0.join(", "))]
    Missing(Vec<String>),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// See [`TemplateProblem`]; all but `Missing`.
    pub fn parse(text: &str) -> Result<Self, TemplateProblem> {
        if text.chars().count() > TEMPLATE_CHARS_MAX {
            return Err(TemplateProblem::TooLong);
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, open)) = rest.split_once("{{") {
            let Some((name, after)) = open.split_once("}}") else {
                let at = text.chars().count() - open.chars().count() - 2;
                return Err(TemplateProblem::Unclosed { at });
            };
            let name = name.trim();
            if !is_name(name) {
                let name = name.chars().take(40).collect();
                return Err(TemplateProblem::Name { name });
            }
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::Variable(name.to_owned()));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// The names of its variables.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Variable(name) => Some(name.as_str()),
        })
    }

    /// The text with every variable's value in place.
    ///
    /// # Errors
    /// Names every variable that has no value, or an empty one.
    pub fn render(&self, values: &Variables) -> Result<String, TemplateProblem> {
        let missing = self.missing(values);
        if missing.is_empty() {
            return Ok(self.fill(values));
        }
        Err(TemplateProblem::Missing(missing.into_iter().collect()))
    }

    fn missing(&self, values: &Variables) -> BTreeSet<String> {
        self.variables()
            .filter(|name| !values.get(*name).is_some_and(|value| is_value(value)))
            .map(str::to_owned)
            .collect()
    }

    /// Puts the values in place, once: a value that looks like a variable stays what it is.
    fn fill(&self, values: &Variables) -> String {
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Variable(name) => {
                    filled.push_str(values.get(name).map_or("", String::as_str));
                }
            }
        }
        filled
    }
}

/// White space says nothing.
fn is_value(text: &str) -> bool {
    !text.trim().is_empty()
}

/// The names of variables, as a pattern.
pub const VARIABLE_NAME: &str = "^[A-Za-z][A-Za-z0-9_]{0,63}$";

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.len() <= 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl TryFrom<String> for Template {
    type Error = TemplateProblem;

    fn try_from(text: String) -> Result<Self, TemplateProblem> {
        Self::parse(&text)
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.to_string()
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Text(text) => f.write_str(text)?,
                Part::Variable(name) => write!(f, "{{{{{name}}}}}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({} parts)", self.parts.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prompt(system: &str, greeting: &str) -> PromptVersion {
        PromptVersion {
            id: PromptId::from_parts(0, 0),
            version: 1,
            name: "reminder".to_owned(),
            system: Template::parse(system).unwrap(),
            greeting: Template::parse(greeting).unwrap(),
            defaults: Variables::new(),
            created_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn values(pairs: &[(&str, &str)]) -> Variables {
        let owned = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        owned.collect()
    }

    #[test]
    fn every_missing_variable_is_named_at_once() {
        let prompt = prompt(
            "Remind {{ name }} of {{day}}.",
            "Hello {{name}}, {{clinic}} here.",
        );
        assert_eq!(
            prompt.render(&values(&[("day", "  ")])),
            Err(TemplateProblem::Missing(
                vec!["day".to_owned(), "name".to_owned(), "clinic".to_owned()]
                    .into_iter()
                    .collect::<BTreeSet<_>>()
                    .into_iter()
                    .collect()
            ))
        );
    }

    #[test]
    fn a_default_stands_in_for_a_value_that_is_missing_or_blank_and_for_no_other() {
        let mut prompt = prompt(
            "Remind {{name}} of {{day}}.",
            "Hello {{name}}, {{clinic}} here.",
        );
        prompt.defaults = values(&[("name", "there"), ("clinic", "the clinic")]);
        assert_eq!(prompt.without_default(), ["day"]);
        let known = values(&[
            ("name", " "),
            ("clinic", "Bright Dental"),
            ("day", "Monday"),
        ]);
        let rendered = prompt.render(&prompt.with_defaults(&known)).unwrap();
        assert_eq!(rendered.system, "Remind there of Monday.");
        assert_eq!(rendered.greeting, "Hello there, Bright Dental here.");
        assert_eq!(
            prompt.render(&prompt.with_defaults(&Variables::new())),
            Err(TemplateProblem::Missing(vec!["day".to_owned()]))
        );
        let named = vec!["clinic".to_owned(), "day".to_owned(), "name".to_owned()];
        assert_eq!(
            prompt.render(&Variables::new()),
            Err(TemplateProblem::Missing(named)),
            "nobody is called with defaults"
        );
        prompt.defaults.insert("day".to_owned(), " ".to_owned());
        assert_eq!(prompt.without_default(), ["day"], "a blank is no default");
    }

    #[test]
    fn a_value_is_never_read_as_a_template() {
        let prompt = prompt("Call {{name}}.", "Hi {{name}}.");
        let rendered = prompt
            .render(&values(&[("name", "{{secret}}"), ("secret", "x")]))
            .unwrap();
        assert_eq!(rendered.greeting, "Hi {{secret}}.");
    }

    #[test]
    fn a_broken_template_says_where() {
        assert_eq!(
            Template::parse("Hé {{name"),
            Err(TemplateProblem::Unclosed { at: 3 })
        );
        assert!(matches!(
            Template::parse("{{1st}}"),
            Err(TemplateProblem::Name { .. })
        ));
        assert!(matches!(
            Template::parse("{{}}"),
            Err(TemplateProblem::Name { .. })
        ));
    }

    proptest! {
        #[test]
        fn what_parses_prints_as_something_that_parses_the_same(text in "(\\{\\{[a-z]{1,3}\\}\\}|[a-zé {}]){0,12}") {
            if let Ok(template) = Template::parse(&text) {
                prop_assert_eq!(Template::parse(&template.to_string()).unwrap(), template);
            }
        }
    }
}
