//! One live stream: audio in, results out. Everything but the time-out for a silent client is driven
//! by the audio itself, as in the real service.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Behaviour;
use super::query::Parameters;
use crate::peer::Violations;
use crate::peer::fault::Fault;
use crate::peer::latency::chance;
use crate::peer::{Due, Input, Outbox, Peer, Wire};
use crate::voice::{Heard, Listener, SAMPLES_PER_MS};

/// A client that sends nothing for this long is dropped.
const CLIENT_SILENT_MAX: Duration = Duration::from_secs(10);
/// Audio is judged in steps of 20 ms, however it was cut into messages.
const STEP_BYTES: usize = 160;
/// A word may take longer than the pause that ends an utterance: while there is sound, wait on.
const LONG_WORD_MS: u64 = 1_500;
/// Words that wait to be final; far more than the vendor's own window holds.
const WORDS_MAX: usize = 1_000;
/// What cannot be understood is written so.
const GARBLED: &str = "[garbled]";

/// A connection to the simulated vendor.
#[derive(Debug)]
pub struct Session {
    parameters: Parameters,
    request_id: String,
    interim_every: u64,
    final_every: u64,
    listener: Listener,
    /// Samples received.
    position: u64,
    /// Where the next result begins.
    from: u64,
    /// Where the last result ended.
    said_at: u64,
    words: Vec<Word>,
    /// Sound was heard since the last end of speech.
    speaking: bool,
    /// End of the last word, until the end of the utterance was told.
    last_word: Option<u64>,
    last_input: Duration,
    opened: Duration,
    outbox: Outbox,
    violations: Violations,
    heard: Arc<AtomicU64>,
}

#[derive(Debug, Clone, PartialEq)]
struct Word {
    text: String,
    start: u64,
    end: u64,
    confidence: f64,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
enum Message {
    KeepAlive {},
    Finalize {},
    CloseStream {},
    Configure {
        keyterms: Option<Vec<String>>,
        #[serde(rename = "features")]
        _features: Option<Features>,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Features {
    #[serde(rename = "numerals")]
    _numerals: Option<bool>,
}

/// What kind of result a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Interim,
    /// The words will not change any more.
    Final,
    /// And the speaker paused.
    SpeechFinal,
    /// And the client asked for it.
    FromFinalize,
}

impl Session {
    pub(super) fn new(
        behaviour: &Behaviour,
        parameters: Parameters,
        request_id: String,
        fault: Option<Fault>,
        mut rng: ChaCha8Rng,
        violations: Violations,
        heard: Arc<AtomicU64>,
        now: Duration,
    ) -> Self {
        let outbox_rng = chance(rng.random(), "outbox", 0);
        Self {
            parameters,
            request_id,
            interim_every: behaviour.interim_every_ms * SAMPLES_PER_MS,
            final_every: behaviour.final_every_ms * SAMPLES_PER_MS,
            listener: Listener::new(),
            position: 0,
            from: 0,
            said_at: 0,
            words: Vec::new(),
            speaking: false,
            last_word: None,
            last_input: now,
            opened: now,
            outbox: Outbox::new(behaviour.latency, fault, outbox_rng),
            violations,
            heard,
        }
    }

    fn audio(&mut self, audio: &[u8], now: Duration) {
        if self.position == 0 && audio.starts_with(b"RIFF") {
            self.violations.note("audio: has a file header");
            self.close(now, 1008, "DATA-0000");
            return;
        }
        self.heard
            .fetch_add(samples(audio.len()), Ordering::Relaxed);
        for step in audio.chunks(STEP_BYTES) {
            let heard = self.listener.hear(step, self.position);
            self.position += samples(step.len());
            let words_before = self.words.len();
            for heard in heard {
                self.hear(heard, now);
            }
            let word_ended = self.words.len() > words_before;
            if word_ended && self.parameters.interim_results {
                self.result(Kind::Interim, now);
            }
            self.judge(word_ended, now);
        }
    }

    fn hear(&mut self, heard: Heard, now: Duration) {
        match heard {
            Heard::SpeechStarted { at } => {
                self.speaking = true;
                if self.parameters.vad_events {
                    self.say(
                        &json!({"type": "SpeechStarted", "channel": [0, 1], "timestamp": seconds(at)}),
                        now,
                    );
                }
            }
            Heard::Word {
                text, start, end, ..
            } => self.word(text, start, end, 0.98),
            Heard::Garbled { words, start, end } => {
                for _word in 0..words.max(1) {
                    self.word(GARBLED.to_owned(), start, end, 0.31);
                }
            }
            Heard::Cut {
                text, start, end, ..
            } => {
                if !text.is_empty() {
                    self.word(text, start, end, 0.62);
                }
            }
            Heard::SpeechStopped { .. } => {}
        }
    }

    fn word(&mut self, text: String, start: u64, end: u64, confidence: f64) {
        self.speaking = true;
        self.last_word = Some(end);
        if self.words.len() < WORDS_MAX {
            self.words.push(Word {
                text,
                start,
                end,
                confidence,
            });
        }
    }

    /// Decides, after each step of audio, what there is to say besides new words.
    fn judge(&mut self, word_ended: bool, now: Duration) {
        let quiet = (self.listener.sound_until())
            .map_or(self.position, |until| self.position.saturating_sub(until));
        let endpointing = self.parameters.endpointing_ms.map(|ms| ms * SAMPLES_PER_MS);
        if self.speaking && endpointing.is_some_and(|silence| quiet >= silence) {
            self.speaking = false;
            self.result(Kind::SpeechFinal, now);
        }
        if let (Some(pause), Some(last)) = (self.parameters.utterance_end_ms, self.last_word) {
            let sound = if self.listener.in_speech() {
                LONG_WORD_MS
            } else {
                0
            };
            if self.position.saturating_sub(last) >= (pause + sound) * SAMPLES_PER_MS {
                if !self.words.is_empty() {
                    self.result(Kind::Final, now);
                }
                self.last_word = None;
                self.say(
                    &json!({"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": seconds(last)}),
                    now,
                );
            }
        }
        // Never in the middle of a word: what is final stays as it is.
        let between_words = word_ended || !self.listener.in_speech();
        if self.position - self.from >= self.final_every && between_words {
            self.result(Kind::Final, now);
        } else if self.parameters.interim_results
            && self.position - self.said_at >= self.interim_every
        {
            self.result(Kind::Interim, now);
        }
    }

    fn result(&mut self, kind: Kind, now: Duration) {
        let plain = |text: &str| {
            let bare = text.trim_matches(|char: char| !char.is_alphanumeric());
            if text == GARBLED {
                text.to_owned()
            } else {
                bare.to_lowercase()
            }
        };
        let shown = |text: &str| match self.parameters.punctuate {
            true => text.to_owned(),
            false => plain(text),
        };
        // What is under way belongs to the next result.
        let under_way = kind != Kind::Interim && self.listener.in_speech();
        let last = self.words.last().filter(|_| under_way);
        let until = last.map_or(self.position, |word| word.end);
        let transcript: Vec<_> = self.words.iter().map(|word| shown(&word.text)).collect();
        let words: Vec<_> = (self.words.iter())
            .map(|word| {
                json!({
                    "word": plain(&word.text),
                    "start": seconds(word.start),
                    "end": seconds(word.end),
                    "confidence": word.confidence,
                    "punctuated_word": shown(&word.text),
                })
            })
            .collect();
        let confidence = if words.is_empty() { 0.0 } else { 0.98 };
        let message = json!({
            "type": "Results",
            "channel_index": [0, 1],
            "duration": seconds(until.saturating_sub(self.from)),
            "start": seconds(self.from),
            "is_final": kind != Kind::Interim,
            "speech_final": kind == Kind::SpeechFinal,
            "channel": {"alternatives": [{
                "transcript": transcript.join(" "),
                "confidence": confidence,
                "words": words,
            }]},
            "metadata": {
                "request_id": self.request_id,
                "model_info": {"name": "general-nova-3", "version": "2025-04-17.21547", "arch": "nova-3"},
                "model_uuid": "40bd3654-e622-47c4-a111-63a61b23bfe8",
            },
            "from_finalize": kind == Kind::FromFinalize,
        });
        self.said_at = self.position;
        match kind {
            Kind::Interim => {}
            Kind::Final | Kind::SpeechFinal | Kind::FromFinalize => {
                self.from = until;
                self.words.clear();
            }
        }
        self.say(&message, now);
    }

    fn text(&mut self, text: &str, now: Duration) {
        match serde_json::from_str(text) {
            Ok(Message::KeepAlive {}) => {}
            Ok(Message::Finalize {}) => {
                // With nothing to flush the service may well stay silent, so here it does.
                if self.position > self.from {
                    self.result(Kind::FromFinalize, now);
                }
            }
            Ok(Message::CloseStream {}) => self.close_stream(now),
            Ok(Message::Configure { keyterms, .. }) => self.say(
                &json!({"type": "ConfigureSuccess", "request_id": self.request_id, "keyterms": keyterms}),
                now,
            ),
            Err(_problem) => {
                self.violations.note("text message: not of the schema");
                self.say(
                    &json!({
                        "type": "Error",
                        "variant": "SchemaError",
                        "description": "Could not deserialize last text message.",
                        "message": text,
                    }),
                    now,
                );
            }
        }
    }

    /// Says what is left, sums up and closes.
    fn close_stream(&mut self, now: Duration) {
        for heard in self.listener.finish() {
            self.hear(heard, now);
        }
        if self.position > self.from {
            self.result(Kind::Final, now);
        }
        self.say(
            &json!({
                "type": "Metadata",
                "transaction_key": "deprecated",
                "request_id": self.request_id,
                "sha256": "0".repeat(64),
                "created": "2026-01-01T00:00:00.000Z",
                "duration": seconds(self.position),
                "channels": 1,
            }),
            now,
        );
        self.close(now, 1000, "");
    }

    fn close(&mut self, now: Duration, code: u16, reason: &str) {
        let reason = reason.to_owned();
        self.outbox.send(now, Wire::Close { code, reason });
    }

    fn say(&mut self, message: &Value, now: Duration) {
        self.outbox.send(now, Wire::Text(message.to_string()));
    }

    /// A client is given up at this time when it goes on like that. On a fresh connection it must be
    /// audio that comes.
    fn given_up_at(&self) -> Duration {
        let since = if self.position == 0 {
            self.opened
        } else {
            self.last_input
        };
        since + CLIENT_SILENT_MAX
    }
}

impl Peer for Session {
    fn handle(&mut self, input: Input<'_>, now: Duration) -> Vec<Due> {
        if self.outbox.is_over() {
            return Vec::new();
        }
        match input {
            Input::Closed => self.outbox.end(),
            Input::Binary([]) => {
                self.violations
                    .note("audio: empty message, which ends the stream");
                self.close_stream(now);
            }
            Input::Binary(audio) => {
                self.last_input = now;
                self.audio(audio, now);
            }
            Input::Text(text) => {
                self.last_input = now;
                self.text(text, now);
            }
        }
        self.outbox.take()
    }

    fn handle_timeout(&mut self, now: Duration) -> Vec<Due> {
        if !self.outbox.is_over() && now >= self.given_up_at() {
            self.violations
                .note("connection: neither audio nor KeepAlive for 10 s");
            self.close(now, 1011, "NET-0001");
        }
        self.outbox.take()
    }

    fn is_half_open(&self) -> bool {
        self.outbox.is_half_open()
    }

    fn poll_timeout(&self) -> Option<Duration> {
        (!self.outbox.is_over()).then(|| self.given_up_at())
    }
}

fn samples(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "exact for two million years of audio"
)]
fn seconds(samples: u64) -> f64 {
    (samples / SAMPLES_PER_MS) as f64 / 1_000.0
}
