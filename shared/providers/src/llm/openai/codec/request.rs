//! A request's body, written straight from the conversation: nothing is copied into a tree first.

use std::sync::Arc;

use conversation::{ChatMessage, Generate, ToolCall, ToolSpec};
use serde::ser::{SerializeSeq as _, Serializer};
use serde::{Deserialize as _, Serialize};
use serde_json::value::RawValue;
use url::{Host, Url};

use crate::llm::Tuning;

/// Most tokens of an answer, hidden reasoning included. What an agent says in one turn has some
/// dozens; the limit is for a model that does not stop.
pub const COMPLETION_TOKENS_MAX: u32 = 1_000;

/// What a host takes beside the fields that all of them take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// `parallel_tool_calls`: one call at a time is what a conversation can follow.
    pub parallel_tool_calls: bool,
    /// `prompt_cache_key`.
    pub prompt_cache_key: bool,
    /// `stream_options.include_obfuscation`, to be switched off: it pads every chunk.
    pub obfuscation: bool,
}

/// A request cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("a tool's parameters are not JSON")]
pub struct RequestProblem(#[source] serde_json::Error);

impl Capabilities {
    /// What the host behind this base URL takes. A host on this machine takes or ignores everything
    /// (the simulated vendor, Ollama, llama.cpp); one that we do not know gets only what all take,
    /// since some refuse a request for one unknown field.
    #[must_use]
    pub fn of(base: &Url) -> Self {
        let everything = Self {
            parallel_tool_calls: true,
            prompt_cache_key: true,
            obfuscation: true,
        };
        let common = Self {
            parallel_tool_calls: false,
            prompt_cache_key: false,
            obfuscation: false,
        };
        match base.host() {
            Some(Host::Ipv4(address)) if address.is_loopback() => everything,
            Some(Host::Ipv6(address)) if address.is_loopback() => everything,
            Some(Host::Domain("api.openai.com" | "localhost")) => everything,
            Some(Host::Domain("api.x.ai" | "api.groq.com" | "api.cerebras.ai")) => Self {
                parallel_tool_calls: true,
                ..common
            },
            Some(Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_)) | None => common,
        }
    }
}

/// Writes a request.
///
/// # Errors
/// A tool's parameters are not JSON.
pub fn encode(
    request: &Generate,
    model: &str,
    tuning: Tuning<'_>,
    takes: Capabilities,
) -> Result<Vec<u8>, RequestProblem> {
    let tools = request.tools.iter().map(Tool::new);
    let tools = tools
        .collect::<Result<Vec<_>, _>>()
        .map_err(RequestProblem)?;
    let body = Body {
        model: tuning.model.unwrap_or(model),
        stream: true,
        stream_options: StreamOptions {
            include_usage: true,
            include_obfuscation: takes.obfuscation.then_some(false),
        },
        messages: Messages(&request.messages),
        parallel_tool_calls: (takes.parallel_tool_calls && !tools.is_empty()).then_some(false),
        tools,
        max_completion_tokens: COMPLETION_TOKENS_MAX,
        prompt_cache_key: tuning.prompt_cache_key.filter(|_| takes.prompt_cache_key),
    };
    serde_json::to_vec(&body).map_err(RequestProblem)
}

// Fields in an order that keeps what is the same from turn to turn in front.
#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    stream: bool,
    stream_options: StreamOptions,
    max_completion_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_cache_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    messages: Messages<'a>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    include_obfuscation: Option<bool>,
}

#[derive(Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a RawValue,
}

impl<'a> Tool<'a> {
    fn new(spec: &'a ToolSpec) -> Result<Self, serde_json::Error> {
        let mut parameters = serde_json::Deserializer::from_str(&spec.parameters);
        let raw = <&RawValue>::deserialize(&mut parameters)?;
        parameters.end()?;
        Ok(Self {
            r#type: "function",
            function: Function {
                name: &spec.name,
                description: &spec.description,
                parameters: raw,
            },
        })
    }
}

struct Messages<'a>(&'a [Arc<ChatMessage>]);

impl Serialize for Messages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut messages = serializer.serialize_seq(Some(self.0.len()))?;
        for message in self.0 {
            messages.serialize_element(&Message::from(message.as_ref()))?;
        }
        messages.end()
    }
}

// `system`, not `developer`: every host knows it, and OpenAI's reasoning models take it as the other.
#[derive(Serialize)]
#[serde(tag = "role", rename_all = "snake_case")]
enum Message<'a> {
    System {
        content: &'a str,
    },
    User {
        content: &'a str,
    },
    Assistant {
        content: Option<&'a str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<Call<'a>>,
    },
    Tool {
        tool_call_id: &'a str,
        content: &'a str,
    },
}

#[derive(Serialize)]
struct Call<'a> {
    id: &'a str,
    r#type: &'static str,
    function: Called<'a>,
}

#[derive(Serialize)]
struct Called<'a> {
    name: &'a str,
    arguments: &'a str,
}

impl<'a> From<&'a ChatMessage> for Message<'a> {
    fn from(message: &'a ChatMessage) -> Self {
        match message {
            ChatMessage::System(content) => Self::System { content },
            ChatMessage::Customer(content) => Self::User { content },
            ChatMessage::Agent { text, tool_calls } => Self::Assistant {
                // A message that only calls tools has no content; one without calls must have some.
                content: (!text.is_empty() || tool_calls.is_empty()).then_some(text),
                tool_calls: tool_calls.iter().map(Call::from).collect(),
            },
            ChatMessage::ToolResult { id, content } => Self::Tool {
                tool_call_id: id,
                content,
            },
        }
    }
}

impl<'a> From<&'a ToolCall> for Call<'a> {
    fn from(call: &'a ToolCall) -> Self {
        let arguments = match call.arguments.as_str() {
            // Models leave them out where there are none; hosts want an object back.
            "" => "{}",
            arguments => arguments,
        };
        Self {
            id: &call.id,
            r#type: "function",
            function: Called {
                name: &call.name,
                arguments,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use conversation::GenerationId;
    use expect_test::expect;

    use super::*;

    fn conversation() -> Generate {
        let call = |arguments: &str| ToolCall {
            id: "call_1".to_owned(),
            name: "end_call".to_owned(),
            arguments: arguments.to_owned(),
        };
        let messages = [
            ChatMessage::System("Be \"brief\".\n".to_owned()),
            ChatMessage::Agent {
                text: "Hello.".to_owned(),
                tool_calls: vec![],
            },
            ChatMessage::Customer("Bye".to_owned()),
            ChatMessage::Agent {
                text: String::new(),
                tool_calls: vec![call(r#"{"why":"bye"}"#), call("")],
            },
            ChatMessage::ToolResult {
                id: "call_1".to_owned(),
                content: "done".to_owned(),
            },
        ];
        Generate {
            id: GenerationId(3),
            route: 0,
            messages: messages.into_iter().map(Arc::new).collect(),
            tools: Arc::from([ToolSpec {
                name: "end_call".to_owned(),
                description: "Ends the call.".to_owned(),
                parameters: r#"{ "type": "object" }"#.to_owned(),
            }]),
        }
    }

    fn check(base: &str, tuning: Tuning<'_>, expected: &expect_test::Expect) {
        let takes = Capabilities::of(&Url::parse(base).unwrap());
        let body = encode(&conversation(), "model-a", tuning, takes).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        expected.assert_eq(&body.to_string());
    }

    #[test]
    fn a_conversation_as_openai_takes_it() {
        let tuning = Tuning {
            model: Some("model-b"),
            prompt_cache_key: Some("agent_1-v2"),
        };
        check(
            "https://api.openai.com/v1",
            tuning,
            &expect![[
                r#"{"max_completion_tokens":1000,"messages":[{"content":"Be \"brief\".\n","role":"system"},{"content":"Hello.","role":"assistant"},{"content":"Bye","role":"user"},{"content":null,"role":"assistant","tool_calls":[{"function":{"arguments":"{\"why\":\"bye\"}","name":"end_call"},"id":"call_1","type":"function"},{"function":{"arguments":"{}","name":"end_call"},"id":"call_1","type":"function"}]},{"content":"done","role":"tool","tool_call_id":"call_1"}],"model":"model-b","parallel_tool_calls":false,"prompt_cache_key":"agent_1-v2","stream":true,"stream_options":{"include_obfuscation":false,"include_usage":true},"tools":[{"function":{"description":"Ends the call.","name":"end_call","parameters":{"type":"object"}},"type":"function"}]}"#
            ]],
        );
    }

    #[test]
    fn an_unknown_host_gets_nothing_that_it_could_refuse() {
        let tuning = Tuning {
            model: None,
            prompt_cache_key: Some("agent_1-v2"),
        };
        check(
            "https://llm.example.com/v1/",
            tuning,
            &expect![[
                r#"{"max_completion_tokens":1000,"messages":[{"content":"Be \"brief\".\n","role":"system"},{"content":"Hello.","role":"assistant"},{"content":"Bye","role":"user"},{"content":null,"role":"assistant","tool_calls":[{"function":{"arguments":"{\"why\":\"bye\"}","name":"end_call"},"id":"call_1","type":"function"},{"function":{"arguments":"{}","name":"end_call"},"id":"call_1","type":"function"}]},{"content":"done","role":"tool","tool_call_id":"call_1"}],"model":"model-a","stream":true,"stream_options":{"include_usage":true},"tools":[{"function":{"description":"Ends the call.","name":"end_call","parameters":{"type":"object"}},"type":"function"}]}"#
            ]],
        );
    }

    #[test]
    fn the_beginning_stays_the_same_from_turn_to_turn() {
        let takes = Capabilities::of(&Url::parse("http://localhost:1").unwrap());
        let mut request = conversation();
        let before = encode(&request, "m", Tuning::default(), takes).unwrap();
        request
            .messages
            .push(Arc::new(ChatMessage::Customer("Wait".to_owned())));
        let after = encode(&request, "m", Tuning::default(), takes).unwrap();
        // All but the two brackets that close the conversation.
        assert!(after.starts_with(&before[..before.len() - 2]));
    }

    #[test]
    fn a_tool_with_broken_parameters_is_not_sent() {
        for parameters in ["", "{", "{} {}", r#"{"a":1},"model":"x""#] {
            let mut request = conversation();
            let tool = ToolSpec {
                parameters: parameters.to_owned(),
                ..request.tools[0].clone()
            };
            request.tools = Arc::from([tool]);
            let takes = Capabilities::of(&Url::parse("http://localhost:1").unwrap());
            assert!(encode(&request, "m", Tuning::default(), takes).is_err());
        }
    }
}
