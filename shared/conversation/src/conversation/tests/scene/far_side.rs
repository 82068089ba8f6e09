//! Model, voice and carrier of a scene, the simplest that behave.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;

use super::{Answer, Scene, VoiceMood, failure};
use crate::speaking::playback::{LEAD_BYTES_MAX, MESSAGE_BYTES_MAX};
use crate::{Alignment, Event, FailureKind, Generation, GenerationId, Synthesis, UtteranceId};

const CHAR_MS: u32 = 50;
const MODEL_MS: u64 = 300;
const TOKEN_MS: u64 = 10;
const VOICE_MS: u64 = 100;

impl Scene {
    pub(super) fn model(&mut self, id: GenerationId) {
        let mut at = self.ms() + MODEL_MS;
        let answer = self.answers.pop_front();
        let answer = answer.unwrap_or_else(|| Answer::Says("All right.".to_owned(), Vec::new()));
        let mut say = |scene: &mut Self, text: &str| {
            for token in text.split_inclusive(' ') {
                let text = token.to_owned();
                scene.at(
                    at,
                    Event::Generation {
                        id,
                        event: Generation::Text(text),
                    },
                );
                at += TOKEN_MS;
            }
            at
        };
        let (at, last) = match answer {
            Answer::Silent => return,
            Answer::Nothing => (at, finished()),
            Answer::Fails(kind) => (at, Generation::Failed(failure(kind))),
            Answer::Breaks(text) => {
                let at = say(self, &text);
                (at, Generation::Failed(failure(FailureKind::Closed)))
            }
            Answer::Says(text, calls) => {
                let at = say(self, &text);
                for (place, (name, arguments)) in calls.into_iter().enumerate() {
                    let id_of_call = format!("t{place}");
                    let event = Generation::ToolCall {
                        id: id_of_call,
                        name,
                        arguments,
                    };
                    self.at(at, Event::Generation { id, event });
                }
                (at, finished())
            }
        };
        self.at(at, Event::Generation { id, event: last });
    }

    pub(super) fn voice(&mut self, utterance: UtteranceId, route: usize, text: &str) {
        let mood = self.voices.get(&route).copied().unwrap_or(VoiceMood::Fine);
        let at = self.ms() + VOICE_MS;
        let given = self.given_ms.entry(utterance).or_insert(0);
        let first = *given == 0;
        let fails = mood == VoiceMood::Fails || mood == VoiceMood::FailsLater && !first;
        if fails {
            let event = Synthesis::Failed(failure(FailureKind::Closed));
            self.at(at, Event::Synthesis { utterance, event });
            return;
        }
        if mood == VoiceMood::Silent {
            *given = u64::MAX;
            return;
        }
        // A space behind every chunk, as vendors want it.
        let chars: Vec<(char, u32)> = format!("{text} ")
            .chars()
            .zip((0..).map(|c| c * CHAR_MS))
            .collect();
        let length = chars.len() * CHAR_MS as usize;
        *given += length as u64;
        let alignment = (mood != VoiceMood::Untimed).then_some(Alignment { chars });
        let audio = Bytes::from(vec![1; length * 8]);
        let event = Synthesis::Audio { audio, alignment };
        self.at(at, Event::Synthesis { utterance, event });
    }

    pub(super) fn carrier_takes(&mut self, audio: &Bytes) {
        assert_eq!(audio.len() % 160, 0, "whole frames");
        assert!(audio.len() <= MESSAGE_BYTES_MAX && !audio.is_empty());
        if !self.carrier.playing {
            self.line("audio begins");
            self.carrier.playing = true;
            self.carrier.empty_at = self.now;
            self.carrier.sent = 0;
        }
        if self.show_audio {
            self.line(&format!("send {} ms", audio.len() / 8));
        }
        self.carrier.sent += audio.len() as u64;
        self.carrier.empty_at = self.carrier.empty_at.max(self.now) + audio.len() as u64 * 125;
        let ahead = (self.carrier.empty_at - self.now) / 125;
        assert!(ahead <= LEAD_BYTES_MAX, "{ahead} bytes ahead");
    }

    pub(super) fn carrier_ran_dry(&mut self) {
        if self.carrier.playing && self.carrier.empty_at < self.now {
            let played = self.carrier.sent / 8;
            let at = Duration::from_micros(self.carrier.empty_at);
            writeln!(
                self.trace,
                "{:.3} audio ends ({played} ms)",
                at.as_secs_f64()
            )
            .unwrap();
            self.carrier.playing = false;
        }
    }
}

fn finished() -> Generation {
    Generation::Finished {
        length_limited: false,
        usage: None,
    }
}
