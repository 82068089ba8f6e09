//! What holds in every call, whatever happens in whatever order: late, twice, out of order, garbage.
//!
//! A run is a list of small numbers, so that a failing one shrinks to the few events that matter.

use audio::{Beep, LineSound};
use bytes::Bytes;
use model::{
    AgentFields, AudioPosition, BargeIn, CallSnapshot, CallTime, CarrierVerdict, Direction,
    MachineAction, Outcome, PromptId, Speaker, Stage, Turn, TurnInput, TurnKind,
};
use proptest::prelude::*;

use super::scene::failure;
use crate::speaking::playback::{LEAD_BYTES_MAX, MESSAGE_BYTES_MAX};
use crate::{
    Action, Alignment, CarrierClosed, ChatMessage, Conversation, EarlierSessions, Event,
    FailureKind, Generation, GenerationId, Haste, Mark, Observation, Recognition, Routes,
    Synthesis, ToolSpec, UtteranceId,
};

/// How often a call may ask to be woken at one and the same time.
const WAKES_AT_ONCE_MAX: u32 = 12;
/// Everything ends by itself: even the longest silence policy needs fewer wakes.
const WAKES_TO_END_MAX: u32 = 20_000;

const TEXTS: [&str; 16] = [
    "Hello there, how are you today?",
    "Stop.",
    "mm-hm",
    "",
    "  ",
    "I would like to book a table. For two. Tomorrow at 7.30 p.m. please",
    "**Bold** 🎉 text with [a link](https://x.example)",
    "One sentence is here. Another one follows it at once. And a third.",
    "नमस्ते। आप कैसे हैं?",
    "\n\n- a\n- b\n",
    "...",
    "no",
    "Please take me off your list.",
    "Leave a message after the tone.",
    "Say your name and why you are calling.",
    "You have reached Sam, who is not available.",
];

/// The other side of one random call, with everything that is checked at each step.
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts of a run that are independent of each other"
)]
struct Watched {
    call: Conversation,
    now: u64,
    generation: u32,
    utterance: u32,
    last_text: String,
    finishing: bool,
    marks: Vec<Mark>,
    tools: Vec<String>,
    carrier_empty_at: u64,
    cleared: bool,
    next_seq: u32,
    ended: bool,
    calls: u32,
    opt_outs: u32,
    records: u32,
    verdict_asked: bool,
    /// A hand-over is under way: its token to the store, or the carrier asked.
    moving: Option<Moving>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moving {
    Storing,
    Redirected,
}

impl Watched {
    fn new(setup: u8) -> Self {
        let mut agent = AgentFields::new("Anna", PromptId::from_parts(0, 0));
        agent.turn_taking.barge_in =
            [BargeIn::Immediate, BargeIn::Balanced, BargeIn::Protected][usize::from(setup % 3)];
        agent.greeting_interruptible = setup & 4 == 0;
        agent.max_duration_seconds = 60;
        let mut snapshot = CallSnapshot {
            agent,
            direction: if setup & 32 == 0 {
                Direction::Inbound
            } else {
                Direction::Outbound
            },
            notice: (setup & 48 == 0).then(|| "This call is recorded.".to_owned()),
            answering: model::AmdPolicy {
                machine: [
                    MachineAction::HangUp,
                    MachineAction::LeaveMessage,
                    MachineAction::Talk,
                ][usize::from(setup / 64 % 3)],
                voicemail_message: Some("Please call us back. It is about Tuesday.".to_owned()),
                opt_out_key: Some('9'),
                ..model::AmdPolicy::default()
            },
            ..support::snapshot()
        };
        TEXTS[usize::from(setup) % TEXTS.len()].clone_into(&mut snapshot.prompt.greeting);
        let routes = usize::from(setup % 4);
        let routes = Routes {
            recognition: routes,
            generation: routes,
            synthesis: routes,
        };
        let history = if setup & 8 == 0 {
            Vec::new()
        } else {
            vec![earlier_turn(setup)]
        };
        let next_seq = u32::try_from(history.len()).unwrap();
        let tool = ToolSpec {
            name: "look_up".to_owned(),
            description: String::new(),
            parameters: "{}".to_owned(),
        };
        let past = EarlierSessions {
            turns: history,
            verdict: (setup & 64 != 0).then_some(CarrierVerdict::MachineStart),
            ..EarlierSessions::default()
        };
        let now = past.now().as_micros();
        Self {
            call: Conversation::new(&snapshot, routes, past).with_session_tools(vec![tool]),
            now,
            generation: 0,
            utterance: 0,
            last_text: String::new(),
            finishing: false,
            marks: Vec::new(),
            tools: Vec::new(),
            carrier_empty_at: 0,
            cleared: false,
            next_seq,
            ended: false,
            calls: 0,
            opt_outs: 0,
            records: 0,
            verdict_asked: false,
            moving: None,
        }
    }

    /// Lets time pass; wakes are a little late, as in life.
    fn wait(&mut self, micros: u64, late: u64) {
        let until = self.now + micros;
        let mut at_once = 0;
        while let Some((due, _)) = self.call.poll_timeout() {
            let due = due.as_micros() + late;
            if due > until {
                break;
            }
            at_once = if due > self.now { 0 } else { at_once + 1 };
            assert!(
                at_once <= WAKES_AT_ONCE_MAX,
                "woken for ever: {:?}",
                self.call.poll_timeout()
            );
            self.now = self.now.max(due);
            self.call.handle_timeout(CallTime::from_micros(self.now));
            self.drain();
        }
        self.now = self.now.max(until);
    }

    fn send(&mut self, event: Event) {
        self.call.handle(event, CallTime::from_micros(self.now));
        self.drain();
    }

    fn run_to_the_end(&mut self) {
        for _wake in 0..WAKES_TO_END_MAX {
            let Some((due, _)) = self.call.poll_timeout() else {
                break;
            };
            self.now = self.now.max(due.as_micros());
            self.call.handle_timeout(CallTime::from_micros(self.now));
            self.drain();
        }
        assert!(
            self.ended,
            "the call does not end by itself: {:?}",
            self.call
        );
        assert_eq!(self.call.poll_timeout(), None);
        self.send(Event::Connected);
        self.send(Event::HangUp);
    }

    fn drain(&mut self) {
        while let Some(action) = self.call.poll_action() {
            assert!(!self.ended, "{action:?} after the end");
            self.check(action);
        }
    }

    fn check(&mut self, action: Action) {
        match action {
            Action::SendAudio(audio) => {
                assert_ne!(self.moving, Some(Moving::Redirected), "speaks and leaves");
                assert!(!self.cleared, "audio of the old utterance after a clear");
                assert!(!audio.is_empty() && audio.len().is_multiple_of(160));
                assert!(audio.len() <= MESSAGE_BYTES_MAX);
                let micros = u64::try_from(audio.len()).unwrap() * 125;
                self.carrier_empty_at = self.carrier_empty_at.max(self.now) + micros;
                let ahead = (self.carrier_empty_at - self.now).div_ceil(125);
                assert!(ahead <= LEAD_BYTES_MAX, "{ahead} bytes ahead");
            }
            Action::SendMark(mark) => {
                assert!(!self.cleared, "mark of the old utterance after a clear");
                self.marks.push(mark);
            }
            Action::Clear => {
                self.cleared = true;
                self.carrier_empty_at = self.now;
            }
            Action::Observe(Observation::FalseInterruption) => self.cleared = false,
            Action::Observe(_) => {}
            Action::Synthesize(request) => {
                self.cleared = false;
                let text = &request.text;
                assert!(!text.trim().is_empty() && text.trim() == text, "{text:?}");
                self.utterance = request.utterance.0;
                self.last_text = request.text;
                self.finishing = false;
            }
            Action::FinishSynthesis(utterance) => {
                assert_eq!(utterance.0, self.utterance);
                self.finishing = true;
            }
            Action::Generate(request) => {
                assert!(request.id.0 >= self.generation);
                self.generation = request.id.0;
                let (mut calls, mut results) = (0, 0);
                for message in &request.messages {
                    match &**message {
                        ChatMessage::Agent { tool_calls, .. } => calls += tool_calls.len(),
                        ChatMessage::ToolResult { .. } => results += 1,
                        ChatMessage::System(_) | ChatMessage::Customer(_) => {}
                    }
                }
                assert_eq!(calls, results, "each tool call has its result");
            }
            Action::RunTool(call) => self.tools.push(call.id),
            Action::StoreTurn(turn) => {
                assert_eq!(turn.seq, self.next_seq);
                self.next_seq += 1;
                assert!(turn.started_at <= turn.ended_at);
                assert!(turn.ended_at <= CallTime::from_micros(self.now));
                assert_eq!(turn.interrupted, turn.intended.is_some());
                if let Some(intended) = &turn.intended {
                    assert_eq!(turn.speaker, Speaker::Agent);
                    let rest = intended.strip_prefix(&turn.text).expect("a beginning");
                    // Nothing more was known of an answer that was cut while the model thought.
                    let fits = turn.text.is_empty() || rest.is_empty() || rest.starts_with(' ');
                    assert!(fits, "{turn:?}");
                }
                if let Some(waterfall) = &turn.waterfall {
                    let sum: u64 = waterfall.parts().map(|(_, micros)| micros).sum();
                    assert_eq!(sum, waterfall.total_micros());
                }
            }
            Action::OptOut(_) => {
                self.opt_outs += 1;
                assert_eq!(self.opt_outs, 1, "opted out once");
            }
            Action::Record => {
                self.records += 1;
                assert_eq!(self.records, 1, "asked for once");
                assert!(self.carrier_empty_at > 0, "recorded before a word was said");
            }
            Action::AskVerdict => {
                assert!(!self.verdict_asked, "one question at a time");
                self.verdict_asked = true;
            }
            Action::HandOver(_) => {
                assert_eq!(self.moving, None, "one hand-over at a time");
                self.moving = Some(Moving::Storing);
            }
            Action::Redirect => {
                assert_eq!(self.moving, Some(Moving::Storing));
                self.moving = Some(Moving::Redirected);
            }
            Action::Stay => self.moving = None,
            Action::Leave(rest) => {
                for turn in rest {
                    self.check(Action::StoreTurn(turn));
                }
                self.ended = true;
            }
            Action::End(outcome) => {
                let opted_out = outcome == Outcome::OptedOut;
                assert_eq!(opted_out, self.opt_outs == 1, "{outcome:?}");
                self.ended = true;
            }
            Action::OpenRecognition { .. }
            | Action::FinalizeRecognition
            | Action::CancelGeneration(_)
            | Action::CancelSynthesis(_) => {}
        }
    }

    /// One event. `kind` says what, `a` how; most are what a healthy peer would send, some are not.
    fn event(&mut self, kind: u8, a: u8) -> Event {
        let text = TEXTS[usize::from(a) % TEXTS.len()].to_owned();
        let heard_until = AudioPosition::from_micros(self.now);
        let garbage = AudioPosition::from_micros(u64::from(a) * 1_000_003);
        let id = GenerationId(self.generation.saturating_sub(u32::from(a % 16 == 15)));
        let utterance = UtteranceId(self.utterance.saturating_sub(u32::from(a % 16 == 15)));
        let generation = |event| Event::Generation { id, event };
        let synthesis = |event| Event::Synthesis { utterance, event };
        match kind % 32 {
            0 => Event::Connected,
            1 => Event::Key(char::from(b'!' + a % 80)),
            2 | 3 => match self.marks.first().copied() {
                Some(mark) if !a.is_multiple_of(4) => {
                    self.marks.remove(0);
                    Event::Marked(mark)
                }
                _none => Event::Marked(Mark {
                    utterance,
                    sentence: u32::from(a),
                }),
            },
            4 => Event::Recognition(Recognition::Opened),
            5 | 6 => Event::Recognition(Recognition::SpeechStarted { at: heard_until }),
            7 | 8 => Event::Recognition(Recognition::Interim {
                text,
                end: if a % 16 == 15 { garbage } else { heard_until },
            }),
            9..=11 => Event::Recognition(Recognition::Final {
                text,
                start: heard_until - std::time::Duration::from_millis(u64::from(a)),
                end: if a % 16 == 15 { garbage } else { heard_until },
                speech_final: !a.is_multiple_of(3),
            }),
            12 if a.is_multiple_of(2) => {
                Event::HandedOver(Stage::ALL[usize::from(a) % Stage::ALL.len()])
            }
            12 => Event::Recognition(Recognition::UtteranceEnded),
            13 => Event::Recognition(Recognition::Lost(failure(kind_of(a)))),
            14..=17 => generation(Generation::Text(text)),
            18 => {
                self.calls += 1;
                generation(Generation::ToolCall {
                    id: format!("c{}", self.calls % 7),
                    name: ["end_call", "look_up", "look_up", "dance"][usize::from(a % 4)]
                        .to_owned(),
                    arguments: ["{}", "", "[", "{\"farewell\":\"Bye now.\"}"]
                        [usize::from(a / 4 % 4)]
                    .to_owned(),
                })
            }
            19 | 20 => generation(Generation::Finished {
                length_limited: a.is_multiple_of(2),
                usage: None,
            }),
            21 => generation(Generation::Failed(failure(kind_of(a)))),
            22..=26 => {
                let chars = if a % 8 == 7 {
                    text
                } else {
                    self.last_text.clone()
                };
                let length = chars.len() * 400 + usize::from(a);
                let timed = chars.chars().zip((0..).step_by(50)).collect();
                synthesis(Synthesis::Audio {
                    audio: Bytes::from(vec![1; if a == 0 { 0 } else { length }]),
                    alignment: (!a.is_multiple_of(5)).then_some(Alignment { chars: timed }),
                })
            }
            27 => synthesis(Synthesis::Finished),
            28 => synthesis(Synthesis::Failed(failure(kind_of(a)))),
            29 if self.verdict_asked => {
                self.verdict_asked = false;
                let verdicts = [
                    CarrierVerdict::Human,
                    CarrierVerdict::MachineStart,
                    CarrierVerdict::MachineEndBeep,
                    CarrierVerdict::Fax,
                    CarrierVerdict::Unknown,
                ];
                Event::Verdict(verdicts.get(usize::from(a % 16)).copied())
            }
            30 if a.is_multiple_of(2) => match a / 2 % 8 {
                0 => Event::OptOutStored,
                1 => Event::LineSound(LineSound::Quiet),
                2 => Event::LineSound(LineSound::Loud),
                3 if a > 200 => Event::LineSound(LineSound::Fax),
                _beep => Event::LineSound(LineSound::Beep(Beep {
                    starts_at: 0,
                    ends_at: u64::from(a) * 800,
                    hz: 1_000,
                })),
            },
            29 | 30 => Event::ToolDone {
                id: self.tools.pop().unwrap_or_else(|| "c9".to_owned()),
                result: if a.is_multiple_of(2) {
                    Ok(text)
                } else {
                    Err(text)
                },
            },
            31 if a >= 224 => Event::HandOver(if a.is_multiple_of(2) {
                Haste::WhenQuiet
            } else {
                Haste::AtNextPause
            }),
            31 if a >= 128 => match self.moving {
                Some(Moving::Storing) => Event::HandOverReady,
                Some(Moving::Redirected) if a.is_multiple_of(3) => Event::HandOverFailed {
                    may_follow: a.is_multiple_of(2),
                },
                Some(Moving::Redirected) => Event::CarrierClosed(CarrierClosed::Stopped),
                None => Event::HandOverReady,
            },
            _rare => match a {
                0 => Event::HangUp,
                1 => Event::DrainDeadline,
                2 => Event::CarrierClosed(CarrierClosed::Stopped),
                3 => Event::CarrierClosed(CarrierClosed::Lost),
                4 => Event::Closing,
                _mostly => synthesis(Synthesis::Finished),
            },
        }
    }
}

fn earlier_turn(setup: u8) -> Turn {
    Turn {
        seq: 0,
        speaker: if setup & 16 == 0 {
            Speaker::Customer
        } else {
            Speaker::Agent
        },
        kind: [
            TurnKind::Talk,
            TurnKind::Greeting,
            TurnKind::Screening,
            TurnKind::Voicemail,
        ][usize::from(setup / 64)],
        text: "Hello.".to_owned(),
        intended: (setup & 1 != 0).then(|| "Hello. Goodbye.".to_owned()),
        interrupted: setup & 1 != 0,
        input: TurnInput::Speech,
        started_at: CallTime::ZERO,
        ended_at: CallTime::from_millis(900),
        tools: Vec::new(),
        waterfall: None,
    }
}

fn kind_of(a: u8) -> FailureKind {
    match a % 4 {
        0 => FailureKind::Closed,
        1 => FailureKind::Unauthorized,
        2 => FailureKind::RateLimited { retry_after: None },
        _other => FailureKind::ServerError,
    }
}

proptest! {
    #[test]
    fn a_call_keeps_its_promises_whatever_happens(
        setup in any::<u8>(),
        steps in proptest::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 0..300),
    ) {
        let mut watched = Watched::new(setup);
        watched.send(Event::Connected);
        for (kind, a, pause) in steps {
            // Mostly a few milliseconds, now and then seconds.
            let micros = u64::from(pause % 64) * if pause >= 192 { 40_000 } else { 700 };
            watched.wait(micros, u64::from(a % 8) * 500);
            let event = watched.event(kind, a);
            watched.send(event);
        }
        watched.run_to_the_end();
    }
}
