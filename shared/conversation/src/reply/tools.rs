//! Tools: what the language model may do besides talking.
//!
//! The registry is open: a tool of the agent's configuration is a name in `model` with a place in
//! [`spec`] and [`prepare`]; a tool that the session runs is added to the call from outside and needs
//! nothing here.

use std::sync::Arc;

use model::ToolName;
use serde::Deserialize;

use crate::{ToolCall, ToolSpec};

/// How often the model may use tools before it must answer in words.
pub(crate) const ROUNDS_MAX: usize = 4;
/// Calls in one round; more are answered with an error.
pub(crate) const CALLS_PER_ROUND_MAX: usize = 8;
/// A tool that takes longer counts as failed: nobody waits longer on the phone.
pub(crate) const TOOL_MS_MAX: u64 = 10_000;
/// Longer arguments are refused.
const ARGUMENTS_BYTES_MAX: usize = 16 * 1_024;
/// A longer result is cut: the model reads all of it before it speaks.
const RESULT_CHARS_MAX: usize = 4_000;

/// What a call can do.
#[derive(Debug, Clone)]
pub(crate) struct Tools {
    own: Vec<ToolName>,
    specs: Arc<[ToolSpec]>,
    none: Arc<[ToolSpec]>,
}

/// What is to be done about a tool call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Prepared {
    /// The session runs it.
    Run,
    /// The call ends after the last words; `farewell` where the model chose them.
    EndCall { farewell: Option<String> },
    /// The model is told what was wrong.
    Refused(String),
}

impl Tools {
    pub(crate) fn new(own: &[ToolName]) -> Self {
        let mut own = own.to_vec();
        own.sort_unstable();
        own.dedup();
        Self {
            specs: own.iter().map(|name| spec(*name)).collect(),
            own,
            none: Arc::from([]),
        }
    }

    /// Adds tools that the session runs. A name that is taken keeps its first meaning.
    pub(crate) fn add(&mut self, more: Vec<ToolSpec>) {
        let mut specs = self.specs.to_vec();
        for tool in more {
            if specs.iter().all(|known| known.name != tool.name) {
                specs.push(tool);
            }
        }
        self.specs = specs.into();
    }

    /// What the model is offered after this many rounds of tools.
    pub(crate) fn offered(&self, rounds: usize) -> Arc<[ToolSpec]> {
        let offer = if rounds < ROUNDS_MAX {
            &self.specs
        } else {
            &self.none
        };
        Arc::clone(offer)
    }

    pub(crate) fn prepare(&self, call: &ToolCall) -> Prepared {
        let own = self.own.iter().find(|name| spec(**name).name == call.name);
        let known = own.is_some() || self.specs.iter().any(|tool| tool.name == call.name);
        if !known {
            return Prepared::Refused("There is no such tool.".to_owned());
        }
        let arguments = match arguments(&call.arguments) {
            Ok(arguments) => arguments,
            Err(problem) => return Prepared::Refused(problem),
        };
        match own {
            Some(ToolName::EndCall) => end_call(arguments),
            None => Prepared::Run,
        }
    }
}

/// A result as the model is told it.
pub(crate) fn bounded_result(text: &str) -> String {
    match text.char_indices().nth(RESULT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn spec(name: ToolName) -> ToolSpec {
    match name {
        ToolName::EndCall => ToolSpec {
            name: "end_call".to_owned(),
            description: "Ends the call. Use it when both sides are done or the customer asks for \
                          it, and only together with or after your last words."
                .to_owned(),
            parameters: r#"{"type":"object","properties":{"farewell":{"type":"string","description":"Last words, where you did not say goodbye yet."}}}"#
                .to_owned(),
        },
    }
}

/// Unknown fields are ignored on purpose: models like to add a reason.
#[derive(Deserialize)]
struct EndCall {
    farewell: Option<String>,
}

fn end_call(arguments: serde_json::Value) -> Prepared {
    match serde_json::from_value::<EndCall>(arguments) {
        Ok(EndCall { farewell }) => Prepared::EndCall {
            farewell: farewell.filter(|words| !words.trim().is_empty()),
        },
        Err(_wrong_type) => Prepared::Refused("`farewell` must be a string.".to_owned()),
    }
}

/// The arguments as JSON. Models write nothing at all for a tool that needs none.
fn arguments(text: &str) -> Result<serde_json::Value, String> {
    if text.len() > ARGUMENTS_BYTES_MAX {
        return Err("The arguments are too long.".to_owned());
    }
    if text.trim().is_empty() {
        return Ok(serde_json::Value::Object(serde_json::Map::new()));
    }
    let value = serde_json::from_str::<serde_json::Value>(text);
    match value {
        Ok(object) if object.is_object() => Ok(object),
        Ok(_other) => Err("The arguments must be a JSON object.".to_owned()),
        Err(_not_json) => Err("The arguments are not JSON.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(name: &str, arguments: &str) -> Prepared {
        let mut tools = Tools::new(&[ToolName::EndCall, ToolName::EndCall]);
        let look_up = |description: &str| ToolSpec {
            name: "look_up".to_owned(),
            description: description.to_owned(),
            parameters: "{}".to_owned(),
        };
        tools.add(vec![look_up("first"), look_up("second")]);
        assert_eq!(tools.offered(0).len(), 2);
        assert_eq!(tools.offered(ROUNDS_MAX).len(), 0);
        tools.prepare(&ToolCall {
            id: "1".to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        })
    }

    #[test]
    fn what_the_model_wrote_is_checked() {
        let refused = |text: &str| Prepared::Refused(text.to_owned());
        let goodbye = |farewell: Option<&str>| Prepared::EndCall {
            farewell: farewell.map(str::to_owned),
        };
        let cases = [
            ("end_call", "", goodbye(None)),
            (
                "end_call",
                r#"{"reason":"done","farewell":" "}"#,
                goodbye(None),
            ),
            ("end_call", r#"{"farewell":"Bye!"}"#, goodbye(Some("Bye!"))),
            (
                "end_call",
                r#"{"farewell":7}"#,
                refused("`farewell` must be a string."),
            ),
            (
                "end_call",
                "[]",
                refused("The arguments must be a JSON object."),
            ),
            ("look_up", "{", refused("The arguments are not JSON.")),
            ("look_up", "{}", Prepared::Run),
            ("dance", "{}", refused("There is no such tool.")),
        ];
        for (name, arguments, expected) in cases {
            assert_eq!(prepared(name, arguments), expected, "{name} {arguments}");
        }
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(ARGUMENTS_BYTES_MAX));
        assert_eq!(
            prepared("look_up", &long),
            refused("The arguments are too long.")
        );
        let spec = spec(ToolName::EndCall);
        assert!(serde_json::from_str::<serde_json::Value>(&spec.parameters).is_ok());
    }
}
