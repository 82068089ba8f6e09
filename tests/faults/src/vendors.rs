//! Vendors in memory, on virtual time: a recognizer that hears the words that the audio carries, a model
//! with little to say, a voice.
//!
//! `sim::vendors` cannot be them: they stop at the bytes of their protocols, and what the product has before
//! those bytes are its own sockets, on which virtual time does not wait. Ears and voice are `sim::voice`.
//!
//! How vendors fail is the simulation of conversations' business; here they work, so that what is lost of a
//! conversation was lost by a hand-over or a crash.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use ::conversation::{
    Alignment, ChatMessage, Failure, FailureKind, Generate, Generation, Recognition, Synthesis,
    UtteranceId,
};
use futures_util::future::BoxFuture;
use model::AudioPosition;
use providers::llm::{self, GenerationStream, Models, Tuning};
use providers::stt::{self, Recognizer, RecognizerConfig, Recognizers};
use providers::tts::{self, Synthesizer, Synthesizers};
use sim::voice::{Heard, Listener, SAMPLES_PER_MS, Voice, speak};
use tokio::time::Sleep;

use super::chance::Chance;

/// Somebody who says this is said goodbye to.
pub(super) const LAST_WORD: &str = "goodbye";
/// The voice hurries, and a world takes less time.
const RATE_PERCENT: u32 = 300;

pub(super) fn recognizers() -> Recognizers {
    Recognizers::of(Arc::new(Ears))
}

pub(super) fn models(chance: Chance) -> Models {
    Models::of(Arc::new(Brains(chance)))
}

pub(super) fn synthesizers() -> Synthesizers {
    Synthesizers::of(Arc::new(Voices(Voice::new(180).at_rate(RATE_PERCENT))))
}

struct Ears;

impl stt::Vendor for Ears {
    fn name(&self) -> &'static str {
        "ears"
    }

    fn connect(
        &self,
        config: RecognizerConfig,
    ) -> BoxFuture<'static, Result<Box<dyn Recognizer>, Failure>> {
        let ear: Box<dyn Recognizer> = Box::new(Ear {
            listener: Listener::new(),
            position: config.position.as_millis() * SAMPLES_PER_MS,
            words: Vec::new(),
            out: VecDeque::from([Recognition::Opened]),
        });
        Box::pin(std::future::ready(Ok(ear)))
    }
}

struct Ear {
    listener: Listener,
    /// Samples from the beginning of the stream.
    position: u64,
    /// Words that are not final yet, with their places.
    words: Vec<(String, u64, u64)>,
    out: VecDeque<Recognition>,
}

impl Ear {
    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::SpeechStarted { at } => {
                self.out
                    .push_back(Recognition::SpeechStarted { at: place(at) });
            }
            Heard::Word {
                text, start, end, ..
            } => {
                self.words.push((text, start, end));
                let (text, end) = (self.text(), place(end));
                self.out.push_back(Recognition::Interim { text, end });
            }
            Heard::SpeechStopped { .. } => self.finish(),
            Heard::Garbled { .. } | Heard::Cut { .. } => {}
        }
    }

    fn finish(&mut self) {
        let (Some((_, start, _)), Some((_, _, end))) = (self.words.first(), self.words.last())
        else {
            return;
        };
        self.out.push_back(Recognition::Final {
            start: place(*start),
            end: place(*end),
            text: self.text(),
            speech_final: true,
        });
        self.words.clear();
    }

    fn text(&self) -> String {
        let words: Vec<&str> = self.words.iter().map(|(text, ..)| text.as_str()).collect();
        words.join(" ")
    }
}

impl Recognizer for Ear {
    fn send_audio(&mut self, mulaw: &[u8]) -> Result<(), Failure> {
        for heard in self.listener.hear(mulaw, self.position) {
            self.hear(heard);
        }
        self.position += mulaw.len() as u64;
        Ok(())
    }

    fn finalize(&mut self) {
        self.finish();
    }

    fn close(&mut self) {
        self.finish();
        self.out.push_back(Recognition::Lost(Failure {
            vendor: "ears".into(),
            kind: FailureKind::Closed,
        }));
    }

    /// Whoever sends audio polls after it.
    fn poll_event(&mut self, _cx: &mut Context<'_>) -> Poll<Recognition> {
        self.out.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

fn place(sample: u64) -> AudioPosition {
    AudioPosition::from_millis(sample / SAMPLES_PER_MS)
}

struct Brains(Chance);

impl llm::Vendor for Brains {
    fn name(&self) -> &'static str {
        "brains"
    }

    fn generate(&self, request: &Generate, _tuning: Tuning<'_>) -> Box<dyn GenerationStream> {
        let last = request.messages.last().unwrap();
        let over = matches!(&**last, ChatMessage::Customer(text) if text.to_lowercase().contains(LAST_WORD));
        let answer = if over {
            Generation::ToolCall {
                id: "tool".to_owned(),
                name: "end_call".to_owned(),
                arguments: r#"{"farewell":"Bye."}"#.to_owned(),
            }
        } else {
            Generation::Text("I see, and then?".to_owned())
        };
        let finished = Generation::Finished {
            length_limited: false,
            usage: None,
        };
        Box::new(Thought {
            thinks: Box::pin(tokio::time::sleep(self.0.ms(50..=600))),
            out: VecDeque::from([answer, finished]),
        })
    }

    fn warm(&self) {}
}

struct Thought {
    thinks: std::pin::Pin<Box<Sleep>>,
    out: VecDeque<Generation>,
}

impl GenerationStream for Thought {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Generation> {
        if self.out.len() == 2 {
            std::task::ready!(self.thinks.as_mut().poll(cx));
        }
        self.out.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

struct Voices(Voice);

impl tts::Vendor for Voices {
    fn name(&self) -> &'static str {
        "voices"
    }

    fn open(&self, _voice: Option<&str>, _language: &str) -> Box<dyn Synthesizer> {
        Box::new(Speaking {
            voice: self.0.clone(),
            out: VecDeque::new(),
        })
    }
}

struct Speaking {
    voice: Voice,
    out: VecDeque<(UtteranceId, Synthesis)>,
}

impl Synthesizer for Speaking {
    fn speak(&mut self, utterance: UtteranceId, text: &str) {
        let speech = speak(text, &self.voice);
        let ms = |sample: u64| u32::try_from(sample / SAMPLES_PER_MS).unwrap();
        let chars = speech.chars.iter().map(|(letter, at)| (*letter, ms(*at)));
        let audio = Synthesis::Audio {
            alignment: Some(Alignment {
                chars: chars.collect(),
            }),
            audio: speech.audio.into(),
        };
        self.out.push_back((utterance, audio));
    }

    fn finish(&mut self, utterance: UtteranceId) {
        self.out.push_back((utterance, Synthesis::Finished));
    }

    fn cancel(&mut self, utterance: UtteranceId) {
        self.out.retain(|(of, _event)| *of != utterance);
    }

    /// Whoever speaks polls after it.
    fn poll_event(&mut self, _cx: &mut Context<'_>) -> Poll<(UtteranceId, Synthesis)> {
        self.out.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}
