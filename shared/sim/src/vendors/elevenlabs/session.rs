//! One multi-context socket: texts in, audio with alignment out, each context in its own order.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::Behaviour;
use super::message::Message;
use super::query::Parameters;
use crate::peer::Violations;
use crate::peer::fault::Fault;
use crate::peer::latency::{Latency, chance};
use crate::peer::{Due, Input, Outbox, Peer, Wire};
use crate::voice::{SAMPLES_PER_MS, Voice, speak};

/// Contexts that may be open on one socket, closing ones included.
const CONTEXTS_MAX: usize = 5;
/// Characters of one message, and of a context's text that waits to be spoken.
const TEXT_CHARS_MAX: usize = 40_000;
/// Characters gathered before each generation, unless told otherwise.
const SCHEDULE_DEFAULT: [u32; 4] = [120, 160, 250, 290];

/// A connection to the simulated vendor.
#[derive(Debug)]
pub struct Session {
    voice: Voice,
    auto_mode: bool,
    inactivity_timeout: Duration,
    first_byte: Latency,
    rate_percent: u32,
    chunk_bytes: (usize, usize),
    snake: bool,
    contexts: BTreeMap<String, Context>,
    /// Whether `close_socket` was asked for.
    closing: bool,
    quiet_since: Duration,
    outbox: Outbox,
    rng: ChaCha8Rng,
    violations: Violations,
    characters: u64,
}

/// One stretch of speech.
#[derive(Debug)]
struct Context {
    voice: Voice,
    schedule: Vec<u32>,
    generations: usize,
    text: String,
    /// What is left to send, in order.
    planned: VecDeque<(Duration, Value)>,
    /// When the last generation ends.
    busy_until: Duration,
    closing: bool,
}

/// Why the socket is closed.
struct Broken(String);

impl Session {
    pub(super) fn new(
        behaviour: &Behaviour,
        parameters: &Parameters,
        voice: Voice,
        snake: bool,
        fault: Option<Fault>,
        mut rng: ChaCha8Rng,
        violations: Violations,
        now: Duration,
    ) -> Self {
        let outbox_rng = chance(rng.random(), "outbox", 0);
        Self {
            voice,
            auto_mode: parameters.auto_mode,
            inactivity_timeout: parameters.inactivity_timeout,
            first_byte: behaviour.first_byte,
            rate_percent: behaviour.rate_percent.max(1),
            chunk_bytes: behaviour.chunk_bytes,
            snake,
            contexts: BTreeMap::new(),
            closing: false,
            quiet_since: now,
            outbox: Outbox::new(Latency::NONE, fault, outbox_rng),
            rng,
            violations,
            characters: 0,
        }
    }

    /// Characters spoken so far, which is what the vendor bills.
    #[must_use]
    pub fn characters(&self) -> u64 {
        self.characters
    }

    fn message(&mut self, message: Message, now: Duration) -> Result<(), Broken> {
        match message {
            Message::CloseSocket => {
                let names: Vec<_> = self.contexts.keys().cloned().collect();
                for name in names {
                    self.generate(&name, now);
                    self.close_context(&name);
                }
                self.closing = true;
                Ok(())
            }
            Message::Flush { context } => self.flush(&context, now),
            Message::CloseContext { context } => {
                if !self.contexts.contains_key(&context) {
                    // The real service says nothing about a context that it does not know.
                    return Ok(());
                }
                self.close_context(&context);
                Ok(())
            }
            Message::Text {
                context,
                text,
                voice_settings,
                generation_config,
                flush,
            } => {
                let settled = voice_settings.is_some() || generation_config.is_some();
                if self.closing {
                    return Err(Broken("text: after close_socket".to_owned()));
                }
                let reopened = self.contexts.get(&context).is_none_or(|open| open.closing);
                if !reopened {
                    if settled {
                        return Err(Broken(
                            "voice_settings: only in the first message of a context".to_owned(),
                        ));
                    }
                    return self.text(&context, &text, flush, now);
                }
                if self.contexts.contains_key(&context) {
                    return Err(Broken("context_id: used again before its end".to_owned()));
                }
                if !text.is_empty() && text != " " {
                    return Err(Broken(
                        "text: the first of a context must be a single space".to_owned(),
                    ));
                }
                if self.contexts.len() >= CONTEXTS_MAX {
                    return Err(Broken("max_contexts_exceeded".to_owned()));
                }
                let settings = voice_settings.unwrap_or_default();
                let schedule = generation_config.and_then(|config| config.chunk_length_schedule);
                let opened = Context {
                    voice: self.voice.clone().at_rate(settings.rate_percent()),
                    schedule: schedule.unwrap_or_else(|| SCHEDULE_DEFAULT.to_vec()),
                    generations: 0,
                    text: String::new(),
                    planned: VecDeque::new(),
                    busy_until: now,
                    closing: false,
                };
                self.contexts.insert(context, opened);
                Ok(())
            }
        }
    }

    fn text(&mut self, name: &str, text: &str, flush: bool, now: Duration) -> Result<(), Broken> {
        if text.is_empty() || text == " " {
            // Keeps the context alive.
            return if flush { self.flush(name, now) } else { Ok(()) };
        }
        if !text.ends_with(' ') {
            return Err(Broken("text: must end with a space".to_owned()));
        }
        let Some(context) = self.contexts.get_mut(name) else {
            return Ok(());
        };
        context.text.push_str(text);
        let waiting = context.text.chars().count();
        if waiting > TEXT_CHARS_MAX {
            return Err(Broken("max_character_limit_exceeded".to_owned()));
        }
        let enough = (context.schedule.get(context.generations))
            .or(context.schedule.last())
            .is_none_or(|chars| u64::from(*chars) <= u64::try_from(waiting).unwrap_or(u64::MAX));
        if flush {
            return self.flush(name, now);
        }
        if self.auto_mode || enough {
            self.generate(name, now);
        }
        Ok(())
    }

    fn flush(&mut self, name: &str, now: Duration) -> Result<(), Broken> {
        if self
            .contexts
            .get(name)
            .is_none_or(|context| context.closing)
        {
            return Err(Broken("flush: no such context".to_owned()));
        }
        self.generate(name, now);
        let done = self.named(name, json!({"type": "flush_done"}));
        if let Some(context) = self.contexts.get_mut(name) {
            context
                .planned
                .push_back((context.busy_until.max(now), done));
        }
        Ok(())
    }

    /// Speaks what has been gathered.
    fn generate(&mut self, name: &str, now: Duration) {
        let Some(context) = self.contexts.get_mut(name) else {
            return;
        };
        let text = std::mem::take(&mut context.text);
        if text.trim().is_empty() {
            return;
        }
        self.characters += u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
        context.generations += 1;
        let speech = speak(&text, &context.voice);
        let first = now + self.first_byte.draw(&mut self.rng);
        let mut at = first.max(context.busy_until);
        let mut planned = Vec::new();
        let mut offset = 0_usize;
        let mut chars = speech.chars.iter().peekable();
        while offset < speech.audio.len() {
            let (least, most) = self.chunk_bytes;
            let bytes = self.rng.random_range(least.max(1)..=most.max(least.max(1))) | 1;
            let end = (offset + bytes).min(speech.audio.len());
            let audio = speech.audio.get(offset..end).unwrap_or_default();
            // Chunks come when they are made, which is faster than they are spoken.
            at +=
                Duration::from_micros(millis(audio.len()) * 100_000 / u64::from(self.rate_percent));
            let from = u64::try_from(offset).unwrap_or(u64::MAX);
            let until = u64::try_from(end).unwrap_or(u64::MAX);
            let mut letters: Vec<String> = Vec::new();
            let mut starts: Vec<u64> = Vec::new();
            while let Some((letter, start)) = chars.next_if(|(_, start)| *start < until) {
                letters.push(letter.to_string());
                starts.push(start.saturating_sub(from) / SAMPLES_PER_MS);
            }
            let alignment = alignment(&letters, &starts, millis(audio.len()), self.snake);
            planned.push((
                at,
                json!({
                    "audio": base64_simd::STANDARD.encode_to_string(audio),
                    "alignment": alignment,
                    "normalizedAlignment": alignment,
                }),
            ));
            offset = end;
        }
        let named: Vec<_> = planned
            .into_iter()
            .map(|(at, message)| (at, self.named(name, message)))
            .collect();
        if let Some(context) = self.contexts.get_mut(name) {
            context.busy_until = at;
            context.planned.extend(named);
        }
    }

    /// No more is generated; what is being spoken is finished.
    fn close_context(&mut self, name: &str) {
        if let Some(context) = self.contexts.get_mut(name) {
            context.text.clear();
            context.closing = true;
        }
    }

    /// Adds the context's name in the spelling of this connection.
    fn named(&self, context: &str, mut message: Value) -> Value {
        if let Value::Object(fields) = &mut message {
            let key = if self.snake {
                "context_id"
            } else {
                "contextId"
            };
            fields.insert(key.to_owned(), Value::from(context));
        }
        message
    }

    /// Sends everything that is due, the earliest first.
    fn send_due(&mut self, now: Duration) {
        loop {
            let next = (self.contexts.iter())
                .filter_map(|(name, context)| Some((next_of(context)?, name)))
                .min();
            let Some((at, name)) = next else {
                break;
            };
            if at > now {
                return;
            }
            let name = name.clone();
            let Some(context) = self.contexts.get_mut(&name) else {
                return;
            };
            let message = match context.planned.pop_front() {
                Some((_, message)) => message,
                None => {
                    self.contexts.remove(&name);
                    let key = if self.snake { "is_final" } else { "isFinal" };
                    self.named(&name, json!({ key: true }))
                }
            };
            self.outbox.send_at(now, Wire::Text(message.to_string()));
        }
        if self.closing && self.contexts.is_empty() {
            self.close(now, 1000, "");
        }
    }

    fn close(&mut self, now: Duration, code: u16, reason: &str) {
        let reason = reason.to_owned();
        self.outbox.send_at(now, Wire::Close { code, reason });
        self.contexts.clear();
    }

    fn refuse(&mut self, problem: String, now: Duration) {
        let error = json!({"message": problem, "error": problem, "code": 1008});
        self.outbox.send_at(now, Wire::Text(error.to_string()));
        self.close(now, 1008, &problem);
        self.violations.note(problem);
    }

    /// The socket is closed at this time if no text comes. Speech under way keeps it open.
    fn inactive_at(&self) -> Duration {
        let busy = self
            .contexts
            .values()
            .map(|context| context.busy_until)
            .max();
        self.quiet_since.max(busy.unwrap_or_default()) + self.inactivity_timeout
    }
}

impl Peer for Session {
    fn handle(&mut self, input: Input<'_>, now: Duration) -> Vec<Due> {
        if self.outbox.is_over() {
            return Vec::new();
        }
        let taken = match input {
            Input::Closed => {
                self.outbox.end();
                self.contexts.clear();
                return Vec::new();
            }
            Input::Binary(_) => Err(Broken("message: binary".to_owned())),
            Input::Text(text) => {
                self.quiet_since = now;
                (Message::parse(text).map_err(Broken))
                    .and_then(|message| self.message(message, now))
            }
        };
        if let Err(Broken(problem)) = taken {
            self.refuse(problem, now);
        }
        self.send_due(now);
        self.outbox.take()
    }

    fn handle_timeout(&mut self, now: Duration) -> Vec<Due> {
        self.send_due(now);
        if !self.outbox.is_over() && now >= self.inactive_at() {
            let error = json!({"message": "Have not received a new text input within the timeout.", "error": "input_timeout_exceeded", "code": 1008});
            self.outbox.send_at(now, Wire::Text(error.to_string()));
            self.close(now, 1008, "input_timeout_exceeded");
        }
        self.outbox.take()
    }

    fn is_half_open(&self) -> bool {
        self.outbox.is_half_open()
    }

    fn poll_timeout(&self) -> Option<Duration> {
        if self.outbox.is_over() {
            return None;
        }
        let next = self.contexts.values().filter_map(next_of).min();
        let inactive = self.inactive_at();
        Some(next.map_or(inactive, |next| next.min(inactive)))
    }
}

/// When a context has something to send.
fn next_of(context: &Context) -> Option<Duration> {
    match context.planned.front() {
        Some((at, _)) => Some(*at),
        None => context.closing.then_some(context.busy_until),
    }
}

/// Characters of one chunk with their times in it, or null when none begins there.
fn alignment(letters: &[String], starts: &[u64], length_ms: u64, snake: bool) -> Value {
    if letters.is_empty() {
        return Value::Null;
    }
    let ends = starts.iter().skip(1).chain(std::iter::once(&length_ms));
    let durations: Vec<_> = (starts.iter().zip(ends))
        .map(|(start, end)| end.saturating_sub(*start))
        .collect();
    let key = if snake {
        "charsDurationsMs"
    } else {
        "charDurationsMs"
    };
    json!({"chars": letters, "charStartTimesMs": starts, key: durations})
}

/// Time of this many bytes of audio in milliseconds.
fn millis(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX) / SAMPLES_PER_MS
}
