//! An answer as it streams in.

use std::borrow::Cow;
use std::collections::VecDeque;

use conversation::{Failure, FailureKind, Generation, GenerationId, Usage};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::llm::openai::VENDOR;
use crate::sse::{Event, Parser, Problem};

/// Most text of an answer. More than an agent says in a quarter of an hour: beyond it the answer
/// counts as cut by a limit.
pub const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// Most tool calls of an answer; with more it has failed.
pub const TOOL_CALLS_MAX: usize = 16;

/// Longest arguments of a tool call; with longer ones the answer has failed.
pub const ARGUMENTS_BYTES_MAX: usize = 64 * 1024;

/// Turns the bytes of a streamed answer into events. The last event is `Finished` or `Failed`.
#[derive(Debug)]
pub struct Answer {
    parser: Parser,
    /// No more bytes come.
    ended: bool,
    parts: Parts,
}

#[derive(Debug)]
struct Parts {
    request: GenerationId,
    ready: VecDeque<Generation>,
    /// Tool calls in the making.
    slots: Vec<Slot>,
    /// Tool calls that were made.
    calls: usize,
    text_bytes: usize,
    /// Words or a tool call have begun to come.
    begun: bool,
    /// The host said why the answer ends: whether for its length.
    length_limited: Option<bool>,
    usage: Option<Usage>,
    over: bool,
}

#[derive(Debug, Default)]
struct Slot {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

impl Slot {
    fn is_whole(&self) -> bool {
        serde_json::from_str::<IgnoredAny>(&self.arguments).is_ok()
    }
}

impl Answer {
    /// Nothing has come yet. `request` makes ids for tool calls where the host gives none.
    #[must_use]
    pub fn new(request: GenerationId) -> Self {
        Self {
            parser: Parser::default(),
            ended: false,
            parts: Parts {
                request,
                ready: VecDeque::new(),
                slots: Vec::new(),
                calls: 0,
                text_bytes: 0,
                begun: false,
                length_limited: None,
                usage: None,
                over: false,
            },
        }
    }

    /// Adds what was received. Take all events before the next piece.
    pub fn push(&mut self, bytes: &[u8]) {
        self.parser.push(bytes);
    }

    /// Says that no more comes.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Whether words or a tool call have begun to come. A role, an empty piece and hidden reasoning are
    /// not counted.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.parts.begun
    }

    /// Whether all that a call waits for has come; only the host's figures are missing.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.parts.length_limited.is_some()
    }

    /// The next event, if there is one by now.
    pub fn next_event(&mut self) -> Option<Generation> {
        loop {
            if let Some(event) = self.parts.ready.pop_front() {
                return Some(event);
            }
            if self.parts.over {
                return None;
            }
            match self.parser.next_event() {
                Ok(Some(event)) => {
                    if let Err(kind) = self.parts.take(event) {
                        self.parts.fail(kind);
                    }
                }
                Ok(None) if self.ended => self.last_event(),
                Ok(None) => return None,
                Err(Problem::TooLong) => self.parts.fail(FailureKind::Overflow),
                Err(Problem::NotText) => self.parts.fail(FailureKind::Protocol),
            }
        }
    }
}

impl Answer {
    /// The stream is over, perhaps in the middle of an event: then the event says nothing.
    fn last_event(&mut self) {
        if let Ok(Some(event)) = self.parser.last_event()
            && let Err(kind) = self.parts.take(event)
            && kind != FailureKind::Protocol
        {
            self.parts.fail(kind);
        }
        self.parts.conclude(false);
    }
}

impl Parts {
    fn take(&mut self, event: Event<'_>) -> Result<(), FailureKind> {
        let Event { name, data } = event;
        if data.trim() == "[DONE]" {
            self.conclude(true);
            return Ok(());
        }
        if name == "error" {
            return Err(error_kind(data));
        }
        // The library's problem says what it read, and that can be the agent's words.
        let chunk = serde_json::from_str::<Chunk<'_>>(data);
        let chunk = chunk.map_err(|_says_what_it_read| FailureKind::Protocol)?;
        if chunk.error.is_some() {
            return Err(error_kind(data));
        }
        let groq = chunk.x_groq.and_then(|own| own.usage);
        if let Some(usage) = chunk.usage.or(groq) {
            self.usage = Some(usage.into());
        }
        let choices = chunk.choices.unwrap_or_default();
        // One answer is asked for.
        let first = choices
            .into_iter()
            .find(|choice| choice.index.unwrap_or(0) == 0);
        if let Some(choice) = first {
            let finish = choice.finish_reason;
            self.delta(choice.delta.unwrap_or_default())?;
            match finish.as_ref().map(|Text(reason)| reason.as_ref()) {
                None | Some("") => {}
                Some(reason) => self.finish(reason),
            }
        }
        if self.length_limited.is_some() && self.usage.is_some() {
            self.conclude(true);
        }
        Ok(())
    }

    fn delta(&mut self, delta: Delta<'_>) -> Result<(), FailureKind> {
        for Text(text) in [delta.content, delta.refusal].into_iter().flatten() {
            if text.is_empty() {
                continue;
            }
            self.begun = true;
            self.text_bytes += text.len();
            if self.text_bytes > ANSWER_BYTES_MAX {
                self.finish("length");
                self.conclude(true);
                return Ok(());
            }
            self.ready.push_back(Generation::Text(text.into_owned()));
        }
        for piece in delta.tool_calls.unwrap_or_default() {
            self.begun = true;
            self.tool_call(piece)?;
        }
        Ok(())
    }

    /// Fragments of a call share an index. Some hosts leave the index out or repeat it for every call
    /// (Gemini) and send each call whole: another id is another call, whatever the index says, and so
    /// is a name after arguments that are whole.
    fn tool_call(&mut self, piece: ToolCallPiece<'_>) -> Result<(), FailureKind> {
        let id = piece.id.map(|Text(id)| id).unwrap_or_default();
        let function = piece.function.unwrap_or_default();
        let same = |slot: &&mut Slot| {
            let same_index = piece.index.is_none() || slot.index == piece.index;
            let same_id = id.is_empty() || slot.id.is_empty();
            let goes_on = function.name.is_none() || !slot.is_whole();
            same_index && (slot.id == id && !id.is_empty() || same_id && goes_on)
        };
        let slot = match self.slots.iter_mut().rev().find(same) {
            Some(slot) => slot,
            None => {
                if self.calls + self.slots.len() >= TOOL_CALLS_MAX {
                    return Err(FailureKind::Overflow);
                }
                self.slots.push(Slot {
                    index: piece.index,
                    ..Slot::default()
                });
                self.slots.last_mut().ok_or(FailureKind::Overflow)?
            }
        };
        if slot.id.is_empty() {
            slot.id = id.into_owned();
        }
        if let Some(Text(name)) = function.name
            && slot.name.is_empty()
        {
            slot.name = name.into_owned();
        }
        if let Some(Text(arguments)) = function.arguments {
            slot.arguments.push_str(&arguments);
        }
        if slot.arguments.len() > ARGUMENTS_BYTES_MAX {
            return Err(FailureKind::Overflow);
        }
        Ok(())
    }

    fn finish(&mut self, reason: &str) {
        if reason == "content_filter" && !self.begun {
            // Nothing may be said: that is no answer.
            return self.fail(FailureKind::Refused);
        }
        self.length_limited = Some(reason == "length");
        if reason == "length" {
            // A call cut in the middle must not run.
            self.slots.clear();
        }
        self.release_calls();
    }

    fn release_calls(&mut self) {
        for slot in std::mem::take(&mut self.slots) {
            if slot.name.is_empty() {
                return self.fail(FailureKind::Protocol);
            }
            let id = if slot.id.is_empty() {
                format!("call_{}_{}", self.request.0, self.calls)
            } else {
                slot.id
            };
            self.calls += 1;
            self.ready.push_back(Generation::ToolCall {
                id,
                name: slot.name,
                arguments: slot.arguments,
            });
        }
    }

    /// The stream is over; `said` if the host said so.
    fn conclude(&mut self, said: bool) {
        if self.over {
            return;
        }
        if self.length_limited.is_none() {
            // Some hosts end without a reason; a stream that just stops was cut.
            if !said {
                return self.fail(FailureKind::Closed);
            }
            if !self.begun {
                return self.fail(FailureKind::Protocol);
            }
        }
        self.release_calls();
        if self.over {
            return;
        }
        self.over = true;
        self.ready.push_back(Generation::Finished {
            length_limited: self.length_limited.unwrap_or(false),
            usage: self.usage,
        });
    }

    fn fail(&mut self, kind: FailureKind) {
        if !self.over {
            self.over = true;
            let vendor = Cow::Borrowed(VENDOR);
            self.ready
                .push_back(Generation::Failed(Failure { vendor, kind }));
        }
    }
}

/// What an error object means: `{"error": {…}}`, the inner object alone, an array around either, or
/// bare text. Its sentence is for people and can repeat what was said: only codes are looked at.
#[must_use]
pub fn error_kind(body: &str) -> FailureKind {
    let mut codes = Vec::new();
    match serde_json::from_str::<serde_json::Value>(body) {
        Ok(value) => {
            let value = value.get(0).unwrap_or(&value);
            let error = value.get("error").unwrap_or(value);
            let fields = ["code", "type", "status"].map(|name| error.get(name));
            for field in fields.into_iter().flatten().chain([error]) {
                match field {
                    serde_json::Value::String(text) => codes.push(text.to_ascii_lowercase()),
                    serde_json::Value::Number(number) => codes.push(number.to_string()),
                    serde_json::Value::Null
                    | serde_json::Value::Bool(_)
                    | serde_json::Value::Array(_)
                    | serde_json::Value::Object(_) => {}
                }
            }
        }
        Err(_bare_text) => codes.push(body.trim().to_ascii_lowercase()),
    }
    let says = |signs: &[&str]| {
        codes
            .iter()
            .any(|code| signs.iter().any(|sign| code.contains(sign)))
    };
    if says(&["insufficient_quota", "billing", "credit", "402"]) {
        FailureKind::QuotaExceeded
    } else if says(&["rate_limit", "too_many", "resource_exhausted", "429"]) {
        FailureKind::RateLimited { retry_after: None }
    } else if says(&[
        "api_key",
        "authentication",
        "unauthorized",
        "permission",
        "401",
        "403",
    ]) {
        FailureKind::Unauthorized
    } else if says(&[
        "invalid",
        "not_found",
        "context_length",
        "unsupported",
        "400",
        "404",
        "422",
    ]) {
        FailureKind::Refused
    } else {
        FailureKind::ServerError
    }
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    choices: Option<Vec<Choice<'a>>>,
    usage: Option<WireUsage>,
    x_groq: Option<GroqsOwn>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    index: Option<u64>,
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    #[serde(borrow)]
    finish_reason: Option<Text<'a>>,
}

// Reasoning comes in other fields (`reasoning_content`, `reasoning`) and is never read.
#[derive(Default, Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    content: Option<Text<'a>>,
    #[serde(borrow)]
    refusal: Option<Text<'a>>,
    #[serde(borrow)]
    tool_calls: Option<Vec<ToolCallPiece<'a>>>,
}

#[derive(Deserialize)]
struct ToolCallPiece<'a> {
    index: Option<u64>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    function: Option<FunctionPiece<'a>>,
}

#[derive(Default, Deserialize)]
struct FunctionPiece<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    arguments: Option<Text<'a>>,
}

/// Text that is borrowed where it has no escapes; inside an `Option` the library would copy it.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
struct WireUsage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    prompt_tokens_details: Option<PromptTokens>,
}

#[derive(Deserialize)]
struct PromptTokens {
    cached_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct GroqsOwn {
    usage: Option<WireUsage>,
}

impl From<WireUsage> for Usage {
    fn from(wire: WireUsage) -> Self {
        let count = |tokens: Option<u64>| u32::try_from(tokens.unwrap_or(0)).unwrap_or(u32::MAX);
        let cached = wire
            .prompt_tokens_details
            .and_then(|details| details.cached_tokens);
        Self {
            prompt_tokens: count(wire.prompt_tokens),
            cached_prompt_tokens: count(cached),
            completion_tokens: count(wire.completion_tokens),
        }
    }
}

#[cfg(test)]
mod tests;
