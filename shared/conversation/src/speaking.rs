//! The agent's side: what it says of itself, how it is stopped and goes on, and what is remembered.

pub(crate) mod canned;
pub(crate) mod heard_text;
pub(crate) mod playback;
pub(crate) mod speakable;
pub(crate) mod speech;
pub(crate) mod splitter;

use model::{BargeIn, Outcome, Stage, Turn, TurnKind};

use crate::conversation::{Agent, Conversation, Stopped};
use crate::listening::silence::Due;
use crate::speaking::speech::{RESUMES_MAX, Speech, Then, Told, Voiced};
use crate::{Action, ChatMessage, Interruption, Observation, Synthesis, UtteranceId};

impl Conversation {
    /// What was asked for is on its way: until then it was our time.
    pub(crate) fn handed_over(&mut self, stage: Stage) {
        if let Agent::Speaking(speech) = &mut self.agent
            && matches!(
                stage,
                Stage::ModelAsked | Stage::SpeechAsked | Stage::FirstFrameOut
            )
        {
            speech.settle(stage, self.now);
        }
    }

    /// Says fixed words and listens then. Without words it listens at once.
    pub(crate) fn speak_fixed(&mut self, kind: TurnKind, text: &str, guard: BargeIn) {
        let speech = Speech::fixed(kind, text, guard, Then::Listen, &mut self.out);
        self.agent = Agent::Speaking(Box::new(speech));
    }

    /// Stops the agent in mid-speech. The order is that of the promise: silence first.
    pub(crate) fn stop_speech(&mut self, by: Interruption) {
        let Some(mut speech) = self.take_speech() else {
            return;
        };
        if speech.is_heard(self.now) {
            // There is nothing left to stop: the customer answers what was said.
            self.agent = Agent::Speaking(speech);
            self.speech_over();
            return;
        }
        self.out.push(Action::Clear);
        speech.cancel(&mut self.out);
        self.remember(&mut speech);
        self.out.observe(Observation::Interrupted(by));
        // A key is never noise, and an answer that waits is given however noisy the line is.
        let goes_on = speech.resumes < RESUMES_MAX || self.waiting.waterfall.is_some();
        if by != Interruption::Key && goes_on {
            self.agent = Agent::Stopped(Box::new(Stopped {
                speech,
                at: self.now,
                resume_at: self.now + self.config.false_interruption,
            }));
        }
    }

    /// Goes on after what turned out not to be an interruption.
    pub(crate) fn resume_speech(&mut self) {
        let Agent::Stopped(stopped) = std::mem::replace(&mut self.agent, Agent::Listening) else {
            return;
        };
        self.silence.begins(self.now);
        self.out.observe(Observation::FalseInterruption);
        if stopped.speech.resumes >= RESUMES_MAX {
            self.reply_to_waiting();
            return;
        }
        let then = stopped.speech.then;
        let rest = stopped.speech.go_on(stopped.at, self.now, &mut self.out);
        match (rest, then) {
            (Some(speech), _) => {
                if speech.kind != TurnKind::Bridge {
                    self.history.go_on("");
                }
                self.agent = Agent::Speaking(Box::new(speech));
                self.check_reply();
            }
            (None, Then::Listen) => self.reply_to_waiting(),
            (None, Then::Open) => self.notice_over(),
            (None, Then::End(outcome)) => self.end(outcome),
        }
    }

    /// Takes back a speech of which nothing was heard yet.
    pub(crate) fn drop_speech(&mut self) {
        if let Some(mut speech) = self.take_speech() {
            speech.cancel(&mut self.out);
            self.remember(&mut speech);
        }
    }

    /// All was said and played.
    pub(crate) fn speech_over(&mut self) {
        let Some(mut speech) = self.take_speech() else {
            return;
        };
        self.remember(&mut speech);
        match speech.then {
            Then::End(outcome) => self.end(outcome),
            Then::Listen | Then::Open if self.is_over_limit() => {
                self.say_farewell(Outcome::DurationLimit, None);
            }
            Then::Listen => self.reply_to_waiting(),
            Then::Open => self.notice_over(),
        }
    }

    pub(crate) fn voiced(&mut self, utterance: UtteranceId, event: Synthesis) {
        let voiced = match &mut self.agent {
            Agent::Speaking(speech) => speech.synthesised(utterance, event, self.now),
            Agent::Offline(_) | Agent::Listening | Agent::Stopped(_) | Agent::Ended => {
                Voiced::Stale
            }
        };
        match voiced {
            Voiced::Taken => {}
            Voiced::Stale => self.out.observe(Observation::StaleDropped),
            Voiced::Failed { may_heal } => self.voice_failed(may_heal),
        }
    }

    pub(crate) fn check_voice(&mut self) {
        if let Agent::Speaking(speech) = &self.agent
            && speech.voice_due().is_some_and(|due| due <= self.now)
        {
            self.voice_failed(true);
        }
    }

    pub(crate) fn check_silence(&mut self) {
        let Some((at, due)) = self.silence_due() else {
            return;
        };
        if at > self.now {
            return;
        }
        match due {
            Due::Remind => {
                self.silence.reminded();
                let reminder = self.config.phrases.reminder;
                self.speak_fixed(TurnKind::Reminder, reminder, self.config.guard);
            }
            Due::HangUp => self.say_farewell(Outcome::CustomerSilent, None),
        }
    }

    /// When silence calls for something: only while both sides are silent.
    pub(crate) fn silence_due(&self) -> Option<(model::CallTime, Due)> {
        let silent = matches!(self.agent, Agent::Listening)
            && !self.hearing.has_words()
            && self.keypad.is_none()
            && !self.amd.is_apart()
            && !self.is_opted_out()
            && !self.is_moving();
        silent.then(|| self.silence.due(&self.config.silence))
    }

    /// Listens, whatever was going on.
    pub(crate) fn listen(&mut self) {
        self.agent = Agent::Listening;
        self.silence.begins(self.now);
    }

    /// Ends the speech at this moment; the agent listens.
    pub(crate) fn take_speech(&mut self) -> Option<Box<Speech>> {
        match std::mem::replace(&mut self.agent, Agent::Listening) {
            Agent::Speaking(speech) => {
                self.silence.begins(self.now);
                Some(speech)
            }
            other @ (Agent::Offline(_) | Agent::Listening | Agent::Stopped(_) | Agent::Ended) => {
                self.agent = other;
                None
            }
        }
    }

    /// Puts a speech that is over into the transcript and the model's history.
    pub(crate) fn remember(&mut self, speech: &mut Speech) {
        let Told {
            turn,
            messages,
            last_words,
        } = speech.told(self.now);
        let went_on = speech.resumes > 0 && messages.is_empty();
        for message in messages {
            self.history.push(message);
        }
        if speech.kind == TurnKind::Bridge {
            // The model is told of no breaks: to it the question comes right before its answer.
        } else if went_on {
            self.history.go_on(&last_words);
        } else if !last_words.is_empty() {
            self.history.push(ChatMessage::Agent {
                text: last_words,
                tool_calls: Vec::new(),
            });
        }
        if speech.kind == TurnKind::Voicemail {
            self.message_over(turn.as_ref());
        }
        if let Some(turn) = turn {
            self.store(turn);
        }
    }

    /// Stores a turn in the next place of the call.
    pub(crate) fn store(&mut self, turn: Turn) {
        let seq = self.next_seq;
        self.next_seq = seq.saturating_add(1);
        if let Some(turn) = self.hold(Turn { seq, ..turn }) {
            self.out.push(Action::StoreTurn(turn));
        }
    }

    fn voice_failed(&mut self, may_heal: bool) {
        let Agent::Speaking(speech) = &mut self.agent else {
            return;
        };
        speech.cancel_voice(&mut self.out);
        speech.voice_failures += 1;
        if self.voices.allows_retry(speech.voice_failures, may_heal) {
            self.voices.advance();
            speech.change_voice(&mut self.out);
            self.out.observe(Observation::SynthesisRetried);
        } else if let Then::End(outcome) = speech.then {
            self.end(outcome);
        } else {
            // The farewell may be in the cache of synthesised speech.
            let apology = self.config.phrases.apology;
            self.say_farewell(Outcome::VendorFailed, Some(apology));
        }
    }
}
