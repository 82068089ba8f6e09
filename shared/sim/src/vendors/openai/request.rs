//! The request body as the real service takes it: every field known, typed and in its range, and tool
//! messages where they belong. Written from the public types, not from what the product sends.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// The most messages a request may have; far more than a call of hours has.
const MESSAGES_MAX: usize = 4_096;
const TOOLS_MAX: usize = 128;
const TOOL_NAME_CHARS_MAX: usize = 64;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    pub(super) model: String,
    pub(super) messages: Vec<Message>,
    #[serde(default)]
    pub(super) stream: bool,
    pub(super) stream_options: Option<StreamOptions>,
    tools: Option<Vec<Tool>>,
    pub(super) tool_choice: Option<Value>,
    pub(super) parallel_tool_calls: Option<bool>,
    pub(super) max_completion_tokens: Option<u32>,
    max_tokens: Option<u32>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    stop: Option<Value>,
    #[serde(rename = "seed")]
    _seed: Option<i64>,
    reasoning_effort: Option<ReasoningEffort>,
    #[serde(rename = "verbosity")]
    _verbosity: Option<Verbosity>,
    #[serde(rename = "service_tier")]
    _service_tier: Option<ServiceTier>,
    #[serde(rename = "prompt_cache_key")]
    _prompt_cache_key: Option<String>,
    #[serde(rename = "safety_identifier")]
    _safety_identifier: Option<String>,
    #[serde(rename = "metadata")]
    _metadata: Option<BTreeMap<String, String>>,
    #[serde(rename = "store")]
    _store: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StreamOptions {
    #[serde(default)]
    pub(super) include_usage: bool,
    pub(super) include_obfuscation: Option<bool>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ReasoningEffort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    Xhigh,
    Max,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verbosity {
    Low,
    Medium,
    High,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ServiceTier {
    Auto,
    Default,
    Flex,
    Scale,
    Priority,
    Fast,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "role", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Message {
    #[serde(alias = "developer")]
    System {
        content: Content,
    },
    User {
        content: Content,
    },
    Assistant {
        content: Option<Content>,
        tool_calls: Option<Vec<ToolCall>>,
    },
    Tool {
        content: Content,
        tool_call_id: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Content {
    Text(String),
    Parts(Vec<TextPart>),
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum TextPart {
    Text { text: String },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ToolCall {
    pub(super) id: String,
    #[serde(rename = "type")]
    _kind: Function,
    pub(super) function: CalledFunction,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Function {
    Function,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CalledFunction {
    pub(super) name: String,
    arguments: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tool {
    #[serde(rename = "type")]
    _kind: Function,
    pub(super) function: ToolFunction,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ToolFunction {
    pub(super) name: String,
    #[serde(default, rename = "description")]
    _description: String,
    parameters: Option<Box<RawValue>>,
    #[serde(rename = "strict")]
    _strict: Option<bool>,
}

/// Why a request is refused, in the service's words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RequestRefusal {
    pub(super) message: String,
    pub(super) param: Option<String>,
    pub(super) code: Option<&'static str>,
}

impl RequestRefusal {
    fn new(message: impl Into<String>, param: &str, code: Option<&'static str>) -> Self {
        Self {
            message: message.into(),
            param: (!param.is_empty()).then(|| param.to_owned()),
            code,
        }
    }

    /// The rule that was broken, without what was said.
    pub(super) fn rule(&self) -> String {
        let param = self.param.as_deref().unwrap_or("body");
        format!("{param}: {}", self.code.unwrap_or("invalid"))
    }
}

impl Request {
    pub(super) fn parse(body: &[u8]) -> Result<Self, RequestRefusal> {
        let request: Self = serde_json::from_slice(body).map_err(|problem| {
            let text = problem.to_string();
            match text
                .strip_prefix("unknown field `")
                .and_then(|rest| rest.split_once('`'))
            {
                Some((field, _)) => RequestRefusal::new(
                    format!("Unknown parameter: '{field}'."),
                    field,
                    Some("unknown_parameter"),
                ),
                None => RequestRefusal::new(
                    format!("We could not parse the JSON body of your request: {text}"),
                    "",
                    None,
                ),
            }
        })?;
        request.check_fields()?;
        request.check_messages()?;
        request.check_tools()?;
        Ok(request)
    }

    /// The tools on offer.
    pub(super) fn tools(&self) -> &[Tool] {
        self.tools.as_deref().unwrap_or_default()
    }

    fn check_fields(&self) -> Result<(), RequestRefusal> {
        if !self.stream {
            // The real service answers in one piece; nothing in a call wants that.
            return Err(RequestRefusal::new(
                "The simulation only streams.",
                "stream",
                None,
            ));
        }
        let unsupported = |field: &str, present: bool| match present {
            true => Err(RequestRefusal::new(
                format!("Unsupported parameter: '{field}' is not supported with this model."),
                field,
                Some("unsupported_parameter"),
            )),
            false => Ok(()),
        };
        if is_reasoning(&self.model) {
            unsupported("max_tokens", self.max_tokens.is_some())?;
            unsupported("stop", self.stop.is_some())?;
            let thinks = self.reasoning_effort != Some(ReasoningEffort::None);
            unsupported("temperature", thinks && self.temperature.is_some())?;
            unsupported("top_p", thinks && self.top_p.is_some())?;
        } else {
            unsupported("reasoning_effort", self.reasoning_effort.is_some())?;
        }
        if self.max_tokens.is_some() && self.max_completion_tokens.is_some() {
            return Err(RequestRefusal::new(
                "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
                "max_tokens",
                Some("invalid_parameter_combination"),
            ));
        }
        let limits = [self.max_tokens, self.max_completion_tokens];
        if limits.into_iter().flatten().any(|limit| limit == 0) {
            return Err(RequestRefusal::new(
                "Expected a value >= 1.",
                "max_completion_tokens",
                Some("integer_below_min_value"),
            ));
        }
        if self
            .temperature
            .is_some_and(|value| !(0.0..=2.0).contains(&value))
        {
            return Err(RequestRefusal::new(
                "Expected a value from 0 to 2.",
                "temperature",
                Some("decimal_out_of_range"),
            ));
        }
        if self
            .top_p
            .is_some_and(|value| !(0.0..=1.0).contains(&value))
        {
            return Err(RequestRefusal::new(
                "Expected a value from 0 to 1.",
                "top_p",
                Some("decimal_out_of_range"),
            ));
        }
        Ok(())
    }

    /// Every tool call is answered by a tool message right after it, and nothing else is.
    fn check_messages(&self) -> Result<(), RequestRefusal> {
        if self.messages.is_empty() || self.messages.len() > MESSAGES_MAX {
            return Err(RequestRefusal::new(
                "Invalid 'messages': wrong length.",
                "messages",
                Some("invalid_array_length"),
            ));
        }
        let mut open: Vec<&str> = Vec::new();
        for (index, message) in self.messages.iter().enumerate() {
            let param = format!("messages.[{index}].role");
            if let Message::Tool { tool_call_id, .. } = message {
                let Some(place) = open.iter().position(|id| id == tool_call_id) else {
                    return Err(RequestRefusal::new(
                        "Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'.",
                        &param,
                        None,
                    ));
                };
                open.remove(place);
                continue;
            }
            if !open.is_empty() {
                return Err(unanswered(&param));
            }
            match message {
                Message::Assistant {
                    content,
                    tool_calls,
                } => match tool_calls {
                    Some(calls) if calls.is_empty() => {
                        return Err(RequestRefusal::new(
                            "Invalid 'tool_calls': empty array.",
                            &param,
                            Some("empty_array"),
                        ));
                    }
                    Some(calls) => open.extend(calls.iter().map(|call| call.id.as_str())),
                    None if content.is_none() => {
                        return Err(RequestRefusal::new(
                            "Invalid value for 'content': expected a string, got null.",
                            &format!("messages.[{index}].content"),
                            None,
                        ));
                    }
                    None => {}
                },
                Message::System { .. } | Message::User { .. } | Message::Tool { .. } => {}
            }
        }
        if !open.is_empty() {
            return Err(unanswered("messages"));
        }
        let arguments = self.messages.iter().flat_map(|message| match message {
            Message::Assistant {
                tool_calls: Some(calls),
                ..
            } => calls.as_slice(),
            Message::Assistant {
                tool_calls: None, ..
            }
            | Message::System { .. }
            | Message::User { .. }
            | Message::Tool { .. } => &[],
        });
        for call in arguments {
            // The service takes any text here; a model that is shown broken arguments repeats them.
            check_name(&call.function.name, "messages")?;
            if call.function.arguments.is_empty() {
                return Err(RequestRefusal::new(
                    "Invalid 'arguments': empty string.",
                    "messages",
                    Some("empty_string"),
                ));
            }
        }
        Ok(())
    }

    fn check_tools(&self) -> Result<(), RequestRefusal> {
        if self.tools.as_ref().is_some_and(Vec::is_empty) {
            return Err(RequestRefusal::new(
                "Invalid 'tools': empty array.",
                "tools",
                Some("empty_array"),
            ));
        }
        if self.tools().len() > TOOLS_MAX {
            return Err(RequestRefusal::new(
                "Invalid 'tools': array too long.",
                "tools",
                Some("array_above_max_length"),
            ));
        }
        if self.tools().is_empty()
            && (self.tool_choice.is_some() || self.parallel_tool_calls.is_some())
        {
            return Err(RequestRefusal::new(
                "'tool_choice' and 'parallel_tool_calls' are only allowed when 'tools' are specified.",
                "tool_choice",
                None,
            ));
        }
        for tool in self.tools() {
            check_name(&tool.function.name, "tools")?;
            if let Some(parameters) = &tool.function.parameters {
                let schema: Result<BTreeMap<String, Value>, _> =
                    serde_json::from_str(parameters.get());
                let object = schema
                    .is_ok_and(|schema| schema.get("type").is_some_and(|kind| kind == "object"));
                if !object {
                    return Err(RequestRefusal::new(
                        "Invalid schema for function: schema must be a JSON Schema of 'type: \"object\"'.",
                        "tools[0].function.parameters",
                        Some("invalid_function_parameters"),
                    ));
                }
            }
        }
        match &self.tool_choice {
            None => Ok(()),
            Some(Value::String(choice))
                if ["none", "auto", "required"].contains(&choice.as_str()) =>
            {
                Ok(())
            }
            Some(Value::Object(choice))
                if choice.get("type").is_some_and(|kind| kind == "function") =>
            {
                Ok(())
            }
            Some(_) => Err(RequestRefusal::new(
                "Invalid value for 'tool_choice'.",
                "tool_choice",
                Some("invalid_value"),
            )),
        }
    }
}

impl Content {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Parts(parts) => {
                let texts = parts.iter().map(|TextPart::Text { text }| text.as_str());
                texts.collect()
            }
        }
    }
}

fn unanswered(param: &str) -> RequestRefusal {
    RequestRefusal::new(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'.",
        param,
        None,
    )
}

fn check_name(name: &str, param: &str) -> Result<(), RequestRefusal> {
    let fits = (1..=TOOL_NAME_CHARS_MAX).contains(&name.len())
        && (name.bytes()).all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if fits {
        return Ok(());
    }
    Err(RequestRefusal::new(
        "Invalid function name: string does not match pattern '^[a-zA-Z0-9_-]+$'.",
        param,
        Some("invalid_value"),
    ))
}

/// The families that think before they answer, by the names in the public SDK.
fn is_reasoning(model: &str) -> bool {
    ["gpt-5", "gpt-6", "o1", "o3", "o4"]
        .iter()
        .any(|family| model.starts_with(family))
}
