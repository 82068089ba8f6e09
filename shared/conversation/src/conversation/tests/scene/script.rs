//! The words of a script: what sets the stage, and what happens when.

use std::time::Duration;

use audio::{Beep, LineSound};
use bytes::Bytes;
use model::{
    AmdMode, AudioPosition, BargeIn, CallTime, CarrierVerdict, Direction, MachineAction, Speaker,
    Turn, TurnInput, TurnKind,
};

use super::{Answer, Break, Redirect, Scene, VoiceMood, failure};
use crate::{
    CarrierClosed, Event, FailureKind, Generation, GenerationId, Haste, Recognition, Routes,
    Synthesis, ToolSpec, UtteranceId,
};

const SOUND_DELAY_MS: u64 = 100;
const FINAL_DELAY_MS: u64 = 300;

impl Scene {
    /// Sets the stage: `greeting '…'`, `preset balanced`, `answers '…' then tool {…}`, …
    pub(super) fn set(&mut self, part: &str) {
        let (word, rest) = part.split_once(' ').unwrap_or((part, ""));
        let agent = &mut self.snapshot.agent;
        match word {
            "" => {}
            "notice" => self.snapshot.notice = Some(quoted(rest)),
            "greeting" => self.snapshot.prompt.greeting = quoted(rest),
            "preset" => {
                agent.turn_taking.barge_in = match rest {
                    "immediate" => BargeIn::Immediate,
                    "balanced" => BargeIn::Balanced,
                    "protected" => BargeIn::Protected,
                    other => panic!("no preset {other}"),
                }
            }
            "uninterruptible" => agent.greeting_interruptible = false,
            "longest" => agent.max_duration_seconds = rest.parse().unwrap(),
            "reminders" => agent.silence.max_reminders = rest.parse().unwrap(),
            "routes" => {
                let routes = rest.parse().unwrap();
                self.routes = Routes {
                    recognition: routes,
                    generation: routes,
                    synthesis: routes,
                };
            }
            "answers" => self.answers.push_back(answer(rest)),
            "model" => self.answers.push_back(match rest {
                "fails" => Answer::Fails(FailureKind::ServerError),
                "refuses" => Answer::Fails(FailureKind::Refused),
                "silent" => Answer::Silent,
                "nothing" => Answer::Nothing,
                other => Answer::Breaks(quoted(other.strip_prefix("breaks ").unwrap())),
            }),
            "voice" => {
                let (route, mood) = rest.split_once(' ').unwrap();
                let mood = match mood {
                    "untimed" => VoiceMood::Untimed,
                    "fails" => VoiceMood::Fails,
                    "fails-later" => VoiceMood::FailsLater,
                    "silent" => VoiceMood::Silent,
                    other => panic!("no such voice: {other}"),
                };
                self.voices.insert(route.parse().unwrap(), mood);
            }
            "tool" => self.tools.push(ToolSpec {
                name: rest.to_owned(),
                description: String::new(),
                parameters: "{}".to_owned(),
            }),
            "before" => {
                let (speaker, text) = rest.split_once(' ').unwrap();
                let input = if speaker == "keys" {
                    TurnInput::Keypad
                } else {
                    TurnInput::Speech
                };
                let (speaker, kind) = match speaker {
                    "customer" | "keys" => (Speaker::Customer, TurnKind::Talk),
                    "agent" => (Speaker::Agent, TurnKind::Talk),
                    "notice" => (Speaker::Agent, TurnKind::Notice),
                    "voicemail" => (Speaker::Agent, TurnKind::Voicemail),
                    other => panic!("who is {other}?"),
                };
                let seq = u32::try_from(self.history.len()).unwrap();
                self.next_seq = seq + 1;
                self.history.push(Turn {
                    seq,
                    speaker,
                    kind,
                    text: quoted(text),
                    intended: None,
                    interrupted: false,
                    input,
                    started_at: CallTime::ZERO,
                    ended_at: CallTime::ZERO,
                    tools: Vec::new(),
                    waterfall: None,
                });
            }
            "show" => self.show_audio = true,
            "show-asks" => self.show_asks = true,
            "store-away" => self.store_ms = None,
            "redirect" => {
                self.redirect = match rest {
                    "refused" => Redirect::Refused,
                    "silent" => Redirect::Silent,
                    "lost" => Redirect::Lost(None),
                    late => Redirect::Lost(Some(millis(late.strip_prefix("lost ").unwrap()))),
                }
            }
            "inbound" => self.snapshot.direction = Direction::Inbound,
            "language" => agent.language = rest.to_owned(),
            "amd" => {
                self.snapshot.answering.detect = match rest {
                    "" => AmdMode::Start,
                    "off" => AmdMode::Off,
                    other => panic!("no detection {other}"),
                }
            }
            "machine" => {
                self.snapshot.answering.detect = AmdMode::Start;
                self.snapshot.answering.machine = match rest {
                    "talk" => MachineAction::Talk,
                    "hang-up" => MachineAction::HangUp,
                    message => {
                        self.snapshot.answering.voicemail_message = Some(quoted(message));
                        MachineAction::LeaveMessage
                    }
                }
            }
            "screening-answer" => self.snapshot.answering.screening_answer = Some(quoted(rest)),
            "calls-from" => self.snapshot.answering.business_name = Some(quoted(rest)),
            "calls-about" => self.snapshot.answering.purpose = Some(quoted(rest)),
            "opt-out-key" => self.snapshot.answering.opt_out_key = rest.chars().next(),
            "acknowledges" => {
                self.snapshot.answering.opt_out_acknowledgement = Some(quoted(rest));
            }
            // `verdict human @2.3`: what the carrier says from then on.
            "verdict" => {
                self.snapshot.answering.detect = AmdMode::Start;
                let (word, at) = rest.split_once(" @").unwrap();
                let word = match word {
                    "human" => CarrierVerdict::Human,
                    "start" => CarrierVerdict::MachineStart,
                    "beep" => CarrierVerdict::MachineEndBeep,
                    "silence" => CarrierVerdict::MachineEndSilence,
                    "fax" => CarrierVerdict::Fax,
                    "unknown" => CarrierVerdict::Unknown,
                    other => panic!("no verdict {other}"),
                };
                self.verdict = Some((millis(at), word));
            }
            other => panic!("unknown setting {other}"),
        }
    }

    /// Schedules what happens at a second, and gives the millisecond until which the scene runs.
    pub(super) fn schedule(&mut self, part: &str) -> u64 {
        let (second, rest) = part.split_once(' ').unwrap_or((part, "stop"));
        let at = millis(second);
        let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let pos = |ms| AudioPosition::from_millis(ms);
        let recognized = Event::Recognition;
        match word {
            "stop" => {}
            // Somebody speaks for that long: sound, interim words, final words.
            "says" => {
                let text = quoted(rest);
                let length = rest
                    .rsplit_once(' ')
                    .map_or(500, |(_, ms)| millis(ms.trim_end_matches('s')));
                let end = at + length;
                self.at(
                    at + SOUND_DELAY_MS,
                    recognized(Recognition::SpeechStarted { at: pos(at) }),
                );
                self.at(
                    end + SOUND_DELAY_MS,
                    recognized(Recognition::Interim {
                        text: text.clone(),
                        end: pos(end),
                    }),
                );
                self.at(
                    end + FINAL_DELAY_MS,
                    recognized(Recognition::Final {
                        text,
                        start: pos(at),
                        end: pos(end),
                        speech_final: true,
                    }),
                );
            }
            "sound" => self.at(at, recognized(Recognition::SpeechStarted { at: pos(at) })),
            "interim" => self.at(
                at,
                recognized(Recognition::Interim {
                    text: quoted(rest),
                    end: pos(at),
                }),
            ),
            // `final 'text' @2.5`: words that ended at that second; without it, just now.
            "final" | "pause" => {
                let (text, end) = rest.rsplit_once('@').unwrap_or((rest, ""));
                let end = if end.is_empty() {
                    at.saturating_sub(50)
                } else {
                    millis(end)
                };
                let heard = Recognition::Final {
                    text: quoted(text),
                    start: pos(end.saturating_sub(350)),
                    end: pos(end),
                    speech_final: word == "pause",
                };
                self.at(at, recognized(heard));
            }
            "utterance-end" => self.at(at, recognized(Recognition::UtteranceEnded)),
            "deaf" => self.at(
                at,
                recognized(Recognition::Lost(failure(FailureKind::Closed))),
            ),
            "key" => self.at(at, Event::Key(rest.chars().next().unwrap())),
            "hang-up" => self.at(at, Event::CarrierClosed(CarrierClosed::Stopped)),
            "broken" => self.at(at, Event::CarrierClosed(CarrierClosed::Lost)),
            // `cut 0.5`: half a second later there is another stream. `killed 0.5`: with the worker.
            "cut" | "killed" => {
                let what = if word == "cut" {
                    Break::Stream
                } else {
                    Break::Worker
                };
                self.breaks.push_back((at, what, at + millis(rest)));
            }
            "user-hangs-up" => self.at(at, Event::HangUp),
            "closing" => self.at(at, Event::Closing),
            "drain" => self.at(at, Event::DrainDeadline),
            "leave" => self.at(at, Event::HandOver(Haste::WhenQuiet)),
            "press" => self.at(at, Event::HandOver(Haste::AtNextPause)),
            "connected" => self.at(at, Event::Connected),
            "beep" => {
                let ends_at = at * 8;
                let beep = Beep {
                    starts_at: ends_at - 3_200,
                    ends_at,
                    hz: 1_000,
                };
                self.at(at + 200, Event::LineSound(LineSound::Beep(beep)));
            }
            "fax-tone" => self.at(at, Event::LineSound(LineSound::Fax)),
            "quiet" => self.at(at, Event::LineSound(LineSound::Quiet)),
            "loud" => self.at(at, Event::LineSound(LineSound::Loud)),
            "mark" => self.at(at, Event::Marked(rest.parse().unwrap())),
            "tool-done" => {
                let (id, result) = rest.split_once(' ').unwrap();
                let id = id.to_owned();
                self.at(
                    at,
                    Event::ToolDone {
                        id,
                        result: Ok(quoted(result)),
                    },
                );
            }
            "audio-of" => {
                let utterance = UtteranceId(rest.parse().unwrap());
                let audio = Bytes::from_static(&[1; 1_600]);
                let event = Synthesis::Audio {
                    audio,
                    alignment: None,
                };
                self.at(at, Event::Synthesis { utterance, event });
            }
            "text-of" => {
                let (id, text) = rest.split_once(' ').unwrap();
                let id = GenerationId(id.parse().unwrap());
                self.at(
                    at,
                    Event::Generation {
                        id,
                        event: Generation::Text(quoted(text)),
                    },
                );
            }
            other => panic!("unknown event {other}"),
        }
        at
    }
}

fn answer(text: &str) -> Answer {
    let calls = text.split(" then ").skip(1).map(|call| {
        let (name, arguments) = call.split_once(' ').unwrap_or((call, ""));
        (name.to_owned(), arguments.to_owned())
    });
    Answer::Says(quoted(text), calls.collect())
}

/// What stands between the first and the last quote.
fn quoted(text: &str) -> String {
    let inner = text
        .split_once('\'')
        .and_then(|(_, rest)| rest.rsplit_once('\''));
    inner.map_or(String::new(), |(inner, _)| inner.to_owned())
}

fn millis(seconds: &str) -> u64 {
    let seconds: f64 = seconds.parse().unwrap();
    Duration::from_secs_f64(seconds)
        .as_millis()
        .try_into()
        .unwrap()
}
