//! One request answered: the refusal with its status, or the stream of events with due times.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rand::RngExt as _;
use serde_json::{Value, json};

use super::Behaviour;
use super::brain::{Conversation, Last, Reply};
use super::request::{Message, Request};
use crate::peer::Violations;
use crate::peer::fault::Fault;
use crate::peer::latency::chance;
use crate::peer::{Due, Outbox, Wire};

/// What a list of models has in it when any name does.
const USUAL_MODEL: &str = "gpt-5.4-mini";
/// Characters of one token, about what the real ones have in English.
const TOKEN_CHARS: usize = 5;
/// An answer longer than this is cut, with `finish_reason: length`.
const ANSWER_TOKENS_MAX: usize = 4_096;
/// How long a refusal takes.
const REFUSAL_AFTER: Duration = Duration::from_millis(15);

/// The parts of a request outside its body that matter.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a> {
    pub authorization: Option<&'a str>,
    pub content_type: Option<&'a str>,
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A response in one piece.
    Refused {
        at: Duration,
        status: u16,
        retry_after: Option<Duration>,
        body: String,
    },
    /// `200`, `text/event-stream`: head at `at`, then the pieces. A stream without an end hangs.
    Stream { at: Duration, pieces: Vec<Due> },
    /// The connection breaks before any answer.
    Cut,
    /// Nothing ever comes.
    Silent,
}

/// The simulated model without IO. Shared by all its connections.
#[derive(Debug)]
pub struct Model {
    behaviour: Behaviour,
    violations: Violations,
    requests: AtomicU64,
}

impl Model {
    #[must_use]
    pub fn new(behaviour: Behaviour) -> Self {
        Self {
            behaviour,
            violations: Violations::default(),
            requests: AtomicU64::new(0),
        }
    }

    /// What its clients did wrong.
    #[must_use]
    pub fn violations(&self) -> &Violations {
        &self.violations
    }

    /// Requests so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// What a request without the key is answered with.
    pub(super) fn refusal(&self, authorization: Option<&str>) -> Option<String> {
        let key = authorization.and_then(|value| value.strip_prefix("Bearer "));
        if key == Some(self.behaviour.api_key.as_str()) {
            return None;
        }
        self.violations.note("authorization: not our key");
        Some(unauthorized().to_string())
    }

    /// The names that `GET /models` lists: where any name does, the usual one.
    pub(super) fn models(&self) -> Vec<String> {
        if self.behaviour.models.is_empty() {
            return vec![USUAL_MODEL.to_owned()];
        }
        self.behaviour.models.iter().cloned().collect()
    }

    /// Answers `POST /chat/completions`.
    #[must_use]
    pub fn answer(&self, head: RequestHead<'_>, body: &[u8], now: Duration) -> Answer {
        let index = self.requests.fetch_add(1, Ordering::Relaxed);
        let fault = self.behaviour.faults.of(index);
        let refused = |status, retry_after, body: &Value| Answer::Refused {
            at: now + REFUSAL_AFTER,
            status,
            retry_after,
            body: body.to_string(),
        };
        match fault {
            Some(Fault::RefuseConnect) => return Answer::Cut,
            Some(Fault::SilentAfter { messages: 0 }) => return Answer::Silent,
            Some(Fault::Unauthorized) => return refused(401, None, &unauthorized()),
            Some(Fault::RateLimited { retry_after }) => {
                let body = error(
                    "Rate limit reached for requests",
                    "requests",
                    None,
                    Some("rate_limit_exceeded"),
                );
                return refused(429, retry_after, &body);
            }
            Some(Fault::ServerError) => {
                let body = error(
                    "The server had an error while processing your request. Sorry about that!",
                    "server_error",
                    None,
                    None,
                );
                return refused(500, None, &body);
            }
            Some(
                Fault::CloseAfter { .. }
                | Fault::CutAfter { .. }
                | Fault::SilentAfter { .. }
                | Fault::GarbageAfter { .. }
                | Fault::Slow { .. },
            )
            | None => {}
        }
        if self.refusal(head.authorization).is_some() {
            return refused(401, None, &unauthorized());
        }
        let json_body = head
            .content_type
            .is_some_and(|kind| kind.starts_with("application/json"));
        if !json_body {
            self.violations.note("content-type: not JSON");
            let body = error(
                "Unsupported content type.",
                "invalid_request_error",
                None,
                None,
            );
            return refused(400, None, &body);
        }
        let request = match Request::parse(body) {
            Ok(request) => request,
            Err(refusal) => {
                self.violations.note(format!("request: {}", refusal.rule()));
                let body = error(
                    &refusal.message,
                    "invalid_request_error",
                    refusal.param.as_deref(),
                    refusal.code,
                );
                return refused(400, None, &body);
            }
        };
        if !self.behaviour.models.is_empty() && !self.behaviour.models.contains(&request.model) {
            self.violations.note("model: does not exist");
            let body = error(
                "The model does not exist or you do not have access to it.",
                "invalid_request_error",
                None,
                Some("model_not_found"),
            );
            return refused(404, None, &body);
        }
        self.stream(&request, index, fault, now)
    }

    fn stream(&self, request: &Request, index: u64, fault: Option<Fault>, now: Duration) -> Answer {
        let behaviour = &self.behaviour;
        let mut rng = chance(behaviour.seed, "openai", index);
        let reply = self.reply(request);
        let first = behaviour.first_token.draw(&mut rng);
        let slow = match fault {
            Some(Fault::Slow { extra }) => extra,
            Some(_) | None => Duration::ZERO,
        };
        let mut events = Vec::new();
        let mut at = now + first;
        if behaviour
            .comment_after
            .is_some_and(|after| after < first + slow)
        {
            events.push((now, ": keep-alive\n\n".to_owned()));
        }
        for chunk in chunks(request, &reply, index, &mut rng) {
            events.push((at, format!("data: {chunk}\n\n")));
            at += behaviour.next_token.draw(&mut rng);
        }
        events.push((at, "data: [DONE]\n\n".to_owned()));
        let mut outbox = Outbox::new(
            crate::peer::latency::Latency::NONE,
            fault,
            chance(behaviour.seed, "outbox", index),
        );
        for (at, event) in events {
            outbox.send_at(at, Wire::Text(event));
        }
        let close = Wire::Close {
            code: 1000,
            reason: String::new(),
        };
        // An orderly end is not a message: a fault that counts messages must not count it.
        match fault {
            Some(Fault::SilentAfter { .. }) => {}
            Some(_) | None => outbox.send_at(at, close),
        }
        let mut pieces = outbox.take();
        if behaviour.shred {
            pieces = shred(pieces, &mut rng);
        }
        // The real service answers the head early or with the first token; the later one is harder.
        Answer::Stream {
            at: now + first + slow,
            pieces,
        }
    }

    fn reply(&self, request: &Request) -> Reply {
        let mut system = String::new();
        let mut customer = Vec::new();
        let mut agent = Vec::new();
        let mut names: Vec<(&str, &str)> = Vec::new();
        for message in &request.messages {
            match message {
                Message::System { content } => {
                    system.push_str(&content.text());
                    system.push('\n');
                }
                Message::User { content } => customer.push(content.text()),
                Message::Assistant {
                    content,
                    tool_calls,
                } => {
                    agent.extend(content.as_ref().map(super::request::Content::text));
                    let calls = tool_calls.iter().flatten();
                    names.extend(calls.map(|call| (call.id.as_str(), call.function.name.as_str())));
                }
                Message::Tool { .. } => {}
            }
        }
        let tools: Vec<_> = match request.tool_choice.as_ref().and_then(Value::as_str) {
            Some("none") => Vec::new(),
            Some(_) | None => (request.tools().iter())
                .map(|tool| tool.function.name.clone())
                .collect(),
        };
        let content;
        let last = match request.messages.last() {
            Some(Message::User { .. }) => customer
                .last()
                .map_or(Last::Nobody, |text| Last::Customer(text)),
            Some(Message::Assistant { .. }) => Last::Agent,
            Some(Message::Tool {
                tool_call_id,
                content: result,
            }) => {
                let name = names.iter().find(|(id, _)| id == tool_call_id);
                content = result.text();
                Last::Tool {
                    name: name.map_or("", |(_, name)| name),
                    content: &content,
                }
            }
            Some(Message::System { .. }) | None => Last::Nobody,
        };
        self.behaviour.brain.reply(&Conversation {
            system: &system,
            customer: &customer,
            agent: &agent,
            tools: &tools,
            last,
        })
    }
}

/// The events of a reply, without their framing.
fn chunks(
    request: &Request,
    reply: &Reply,
    index: u64,
    rng: &mut rand_chacha::ChaCha8Rng,
) -> Vec<Value> {
    let options = request.stream_options.as_ref();
    let include_usage = options.is_some_and(|options| options.include_usage);
    let obfuscated = options.and_then(|options| options.include_obfuscation) != Some(false);
    let mut chunk = |choices: Value, usage: Value| {
        let mut chunk = json!({
            "id": format!("chatcmpl-sim{index}"),
            "object": "chat.completion.chunk",
            "created": 1_790_000_000_u64 + index,
            "model": request.model,
            "service_tier": "default",
            "system_fingerprint": null,
            "choices": choices,
        });
        if let Value::Object(fields) = &mut chunk {
            if include_usage {
                fields.insert("usage".to_owned(), usage);
            }
            if obfuscated {
                let noise: String = (0..rng.random_range(2..14))
                    .map(|_| rng.sample(rand::distr::Alphanumeric) as char)
                    .collect();
                fields.insert("obfuscation".to_owned(), Value::String(noise));
            }
        }
        chunk
    };
    let choice = |delta: Value, finish: Value| json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]);
    let limit = request
        .max_completion_tokens
        .map_or(ANSWER_TOKENS_MAX, |limit| {
            usize::try_from(limit)
                .unwrap_or(usize::MAX)
                .min(ANSWER_TOKENS_MAX)
        });
    let mut out = Vec::new();
    let speaks = !reply.text.is_empty();
    let content = if speaks || reply.tools.is_empty() {
        json!("")
    } else {
        Value::Null
    };
    out.push(chunk(
        choice(
            json!({"role": "assistant", "content": content, "refusal": null}),
            Value::Null,
        ),
        Value::Null,
    ));
    let tokens = tokens(&reply.text);
    let cut = tokens.len() > limit;
    let mut used = 0_usize;
    for token in tokens.iter().take(limit) {
        used += 1;
        out.push(chunk(
            choice(json!({"content": token}), Value::Null),
            Value::Null,
        ));
    }
    let calls: &[(String, String)] = if cut { &[] } else { &reply.tools };
    // One call at a time when the request says so.
    let calls_max = if request.parallel_tool_calls == Some(false) {
        1
    } else {
        calls.len()
    };
    for (place, (name, arguments)) in calls.iter().take(calls_max).enumerate() {
        let open = json!({"tool_calls": [{"index": place, "id": format!("call_sim{index}_{place}"), "type": "function", "function": {"name": name, "arguments": ""}}]});
        out.push(chunk(choice(open, Value::Null), Value::Null));
        for part in self::tokens(arguments) {
            used += 1;
            let delta = json!({"tool_calls": [{"index": place, "function": {"arguments": part}}]});
            out.push(chunk(choice(delta, Value::Null), Value::Null));
        }
    }
    let finish = match (cut, calls.is_empty()) {
        (true, _) => "length",
        (false, true) => "stop",
        (false, false) => "tool_calls",
    };
    out.push(chunk(choice(json!({}), json!(finish)), Value::Null));
    if include_usage {
        let prompt = prompt_tokens(request);
        let usage = json!({
            "prompt_tokens": prompt,
            "completion_tokens": used,
            "total_tokens": prompt + used,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
        });
        out.push(chunk(json!([]), usage));
    }
    out
}

/// Cuts a text into tokens: a word with the space before it, long words in parts.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut open = String::new();
    for char in text.chars() {
        let begins_word = char == ' ' && !open.is_empty();
        if begins_word || open.chars().count() >= TOKEN_CHARS {
            tokens.push(std::mem::take(&mut open));
        }
        open.push(char);
    }
    if !open.is_empty() {
        tokens.push(open);
    }
    tokens
}

fn prompt_tokens(request: &Request) -> usize {
    let characters = |message: &Message| match message {
        Message::System { content } | Message::User { content } | Message::Tool { content, .. } => {
            content.text().chars().count()
        }
        Message::Assistant { content, .. } => content
            .as_ref()
            .map_or(0, |content| content.text().chars().count()),
    };
    request
        .messages
        .iter()
        .map(|message| 4 + characters(message) / 4)
        .sum()
}

/// Cuts the events into pieces of odd sizes and glues neighbours that are due together, as a network
/// does.
fn shred(pieces: Vec<Due>, rng: &mut rand_chacha::ChaCha8Rng) -> Vec<Due> {
    let mut out: Vec<Due> = Vec::new();
    for due in pieces {
        let bytes = match due.wire {
            Wire::Text(text) => Bytes::from(text),
            Wire::Binary(bytes) => bytes,
            wire @ (Wire::Close { .. } | Wire::Cut) => {
                out.push(Due { at: due.at, wire });
                continue;
            }
        };
        let cut = rng.random_range(0..=bytes.len());
        for part in [bytes.slice(..cut), bytes.slice(cut..)] {
            if !part.is_empty() {
                out.push(Due {
                    at: due.at,
                    wire: Wire::Binary(part),
                });
            }
        }
    }
    out
}

fn error(message: &str, kind: &str, param: Option<&str>, code: Option<&str>) -> Value {
    json!({"error": {"message": message, "type": kind, "param": param, "code": code}})
}

fn unauthorized() -> Value {
    error(
        "Incorrect API key provided.",
        "invalid_request_error",
        None,
        Some("invalid_api_key"),
    )
}
