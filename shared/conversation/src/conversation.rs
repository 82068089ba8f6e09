//! One conversation: who speaks, who listens, and what every event means at that moment.
//!
//! The branching over events is here; what follows from them is in the modules below.

pub(crate) mod deadline;
pub(crate) mod ending;
pub(crate) mod limit;
pub(crate) mod outbox;
#[cfg(test)]
mod tests;

use std::fmt;

use model::{
    AudioPosition, BargeIn, CallSnapshot, CallTime, Checkpoint, OptOutHow, Outcome, Speaker,
    TurnInput, TurnKind, Waterfall,
};

use crate::Deadline;
use crate::amd::detection::Amd;
use crate::config::{Config, millis};
use crate::conversation::limit::Limit;
use crate::conversation::outbox::{Chain, Outbox};
use crate::handover::earlier_sessions::Owed;
use crate::handover::state::Handover;
use crate::listening::hearing::Hearing;
use crate::listening::keypad::Keypad;
use crate::listening::recognizer::Recognizer;
use crate::listening::silence::Silence;
use crate::opt_out::state::OptOut;
use crate::reply::history::History;
use crate::reply::tools::Tools;
use crate::speaking::speech::{Speech, Then};
use crate::{
    Action, CarrierClosed, ChatMessage, EarlierSessions, Event, Observation, Recognition, Routes,
    ToolSpec,
};

/// Audio of the customer cannot be further ahead of our clock than this: what claims to be is garbage
/// and would make us deaf for everything before it.
const POSITION_AHEAD_MAX: std::time::Duration = std::time::Duration::from_secs(1);
/// What the model reads when the line broke while the agent spoke.
const BROKE_OFF: &str = "(The line broke while you were answering, and is back. Your last message was not \
                         heard to its end, or was not all of your answer. Take it up again with a whole \
                         sentence and say what is missing. Do not mention this.)";

/// One call. Feed it events, drain its actions, wake it when it asks to be woken.
pub struct Conversation {
    pub(crate) config: Config,
    pub(crate) now: CallTime,
    /// When the carrier's stream began: position zero of the customer's audio.
    pub(crate) stream_started: CallTime,
    pub(crate) agent: Agent,
    pub(crate) hearing: Hearing,
    pub(crate) keypad: Option<Keypad>,
    /// Turns of the customer that are answered once the agent has finished what it is saying.
    pub(crate) waiting: Waiting,
    pub(crate) recognizer: Recognizer,
    pub(crate) models: Chain,
    pub(crate) voices: Chain,
    pub(crate) tools: Tools,
    pub(crate) history: History,
    pub(crate) silence: Silence,
    pub(crate) amd: Amd,
    pub(crate) opt_out: OptOut,
    pub(crate) notice: Notice,
    /// What the customer said last and until when: a pause may cut a sentence into two turns.
    pub(crate) said_before: Option<(String, CallTime)>,
    pub(crate) handover: Handover,
    /// Turns of the customer that were understood.
    pub(crate) turns_heard: u32,
    pub(crate) limit: Limit,
    pub(crate) next_seq: u32,
    pub(crate) out: Outbox,
}

/// What the agent does.
pub(crate) enum Agent {
    /// The carrier's stream is not open yet.
    Offline(Opening),
    Listening,
    /// Speaks, or is about to: thinking is speaking that cannot be heard yet.
    Speaking(Box<Speech>),
    /// Was stopped by what may have been noise.
    Stopped(Box<Stopped>),
    Ended,
}

/// How the call begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    Greet,
    /// The customer's last words to the worker before were that they want no more calls.
    OptedOut(OptOutHow),
    /// The call was held by another session before, which broke off.
    Bridge(Owed),
    /// Another worker handed the call over: nobody is to notice.
    GoOn(Checkpoint),
}

/// That the call is recorded, as far as the customer has been told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    /// Nothing is to be said.
    None,
    /// An earlier session said it whole.
    Before,
    /// It is what this session says first.
    Owed,
    /// This session says it; then it opens so.
    Saying(Opening),
    /// This session has said it.
    Said,
}

/// A speech that was stopped, kept in case nobody meant to.
pub(crate) struct Stopped {
    pub(crate) speech: Box<Speech>,
    pub(crate) at: CallTime,
    /// When it goes on if no words come.
    pub(crate) resume_at: CallTime,
}

/// The customer's turns to be answered later.
#[derive(Default)]
pub(crate) struct Waiting {
    pub(crate) messages: Vec<ChatMessage>,
    pub(crate) waterfall: Option<Waterfall>,
}

impl Conversation {
    /// A call that has not been connected yet. Of the past there is none unless the call is resumed on
    /// this worker.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the past is the call's from here on"
    )]
    pub fn new(snapshot: &CallSnapshot, routes: Routes, past: EarlierSessions) -> Self {
        let agent = &snapshot.agent;
        let config = Config::new(snapshot);
        let now = past.now();
        let history = &past.turns;
        let opted_out = history.iter().find(|turn| config.asks_to_stop(turn));
        let opening = match (opted_out, past.checkpoint) {
            (Some(turn), _) => Opening::OptedOut(how(turn.input)),
            (None, Some(checkpoint)) => Opening::GoOn(checkpoint),
            (None, None) if past.has_greeted() => Opening::Bridge(past.owed()),
            (None, None) => Opening::Greet,
        };
        let told = |turn: &model::Turn| turn.kind == TurnKind::Notice && !turn.interrupted;
        let notice = match &config.notice {
            None => Notice::None,
            Some(_) if history.iter().any(told) => Notice::Before,
            Some(_) => Notice::Owed,
        };
        let heard = |turn: &&model::Turn| {
            turn.speaker == Speaker::Customer && turn.input == TurnInput::Speech
        };
        let turns_heard = history.iter().filter(heard).count();
        // Nobody knows how long they paused: the line was gone.
        let last_words = past.spoken().next_back().filter(heard);
        let last_words = last_words.map(|turn| (turn.text.clone(), now));
        let next_seq = history.iter().map(|turn| turn.seq.saturating_add(1)).max();
        Self {
            config,
            now,
            stream_started: now,
            agent: Agent::Offline(opening),
            hearing: Hearing::new(millis(agent.turn_taking.max_end_of_turn_ms)),
            keypad: None,
            waiting: Waiting::default(),
            recognizer: Recognizer::new(routes.recognition.max(1), now),
            models: Chain::new(routes.generation.max(1)),
            voices: Chain::new(routes.synthesis.max(1)),
            tools: Tools::new(&agent.tools),
            history: History::new(&snapshot.prompt.system, history),
            silence: Silence::default(),
            amd: Amd::new(snapshot, &past),
            opt_out: OptOut::default(),
            notice,
            said_before: last_words,
            handover: Handover::default(),
            turns_heard: u32::try_from(turns_heard).unwrap_or(u32::MAX),
            limit: Limit::new(agent.duration_max(), now),
            next_seq: next_seq.unwrap_or(0),
            out: Outbox::default(),
        }
    }

    /// Adds tools that the session runs itself, by [`Action::RunTool`], beside those of the agent
    /// that the core knows. A name that is known already keeps its meaning.
    #[must_use]
    pub fn with_session_tools(mut self, tools: Vec<ToolSpec>) -> Self {
        self.tools.add(tools);
        self
    }

    /// Takes note of something that happened. `now` never goes back; if it does, it counts as the
    /// latest time seen.
    pub fn handle(&mut self, event: Event, now: CallTime) {
        self.now = self.now.max(now);
        if matches!(self.agent, Agent::Ended) {
            return;
        }
        match event {
            Event::Connected => self.connected(),
            Event::Key(key) => self.key(key),
            Event::Marked(mark) => self.marked(mark),
            Event::Recognition(event) => self.recognition(event),
            Event::Generation { id, event } => self.generation(id, event),
            Event::Synthesis { utterance, event } => self.voiced(utterance, event),
            Event::ToolDone { id, result } => self.tool_done(&id, &result),
            Event::HandedOver(stage) => self.handed_over(stage),
            Event::Verdict(verdict) => self.verdict(verdict),
            Event::LineSound(sound) => self.line_sound(sound),
            Event::OptOutStored => self.opt_out_stored(),
            Event::HangUp => self.end(Outcome::HungUpByUser),
            Event::HandOver(haste) => self.leave(haste),
            Event::HandOverReady => self.hand_over_ready(),
            Event::HandOverFailed { may_follow } => self.hand_over_failed(may_follow),
            Event::LateTurn(turn) => self.hear_of(&turn),
            Event::Closing => self.apologise(Outcome::PlatformFailed),
            Event::DrainDeadline => self.drained(),
            Event::CarrierClosed(closed) => self.carrier_closed(closed),
        }
        self.advance();
    }

    /// Does what is due at `now`. Calling it too early does nothing.
    pub fn handle_timeout(&mut self, now: CallTime) {
        self.now = self.now.max(now);
        if matches!(self.agent, Agent::Ended) {
            return;
        }
        self.check_limit();
        self.check_opt_out();
        self.check_amd();
        self.check_recognizer();
        self.check_hearing();
        self.check_keypad();
        self.check_stopped();
        self.check_silence();
        self.check_reply();
        self.check_voice();
        self.check_handover();
        self.advance();
    }

    /// When the call wants to be woken next, and why. `None` once it is over.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(CallTime, Deadline)> {
        let agent = match &self.agent {
            Agent::Ended => return None,
            Agent::Offline(_) => None,
            Agent::Listening => self.silence_due().map(|(at, _)| (at, Deadline::Silence)),
            Agent::Speaking(speech) => speech.due(),
            Agent::Stopped(stopped) => (!self.hearing.has_words())
                .then_some((stopped.resume_at, Deadline::FalseInterruption)),
        };
        let limit = (!self.is_moving()).then(|| (self.limit.due(), Deadline::LongestCall));
        let recognizer = self.recognizer.due().map(|at| (at, Deadline::Recognition));
        let hearing = self.hearing.due().map(|at| (at, Deadline::EndOfTurn));
        let keypad = self
            .keypad
            .as_ref()
            .map(|keypad| (keypad.due(), Deadline::Keypad));
        let answered = self.amd.due().filter(|_| !self.is_gone());
        let waits = [answered, self.opt_out_due(), self.handover_due()];
        let all = [agent, limit, recognizer, hearing, keypad];
        let all = all.into_iter().chain(waits);
        all.flatten().min_by_key(|(at, _)| *at)
    }

    /// The next thing to do; to be called until it answers `None`.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.out.pop()
    }

    pub(crate) fn connected(&mut self) {
        let Agent::Offline(opening) = self.agent else {
            return;
        };
        self.stream_started = self.now;
        self.amd.connected(self.now);
        self.agent = Agent::Listening;
        self.silence.begins(self.now);
        match &opening {
            Opening::OptedOut(how) => {
                self.note_opt_out(*how);
                return;
            }
            Opening::GoOn(checkpoint) => self.go_on(checkpoint),
            Opening::Greet | Opening::Bridge(_) => {}
        }
        self.catch_up();
        if self.amd.is_apart() || !matches!(self.agent, Agent::Listening) {
            // No person is there to be told anything, or one who comes to the phone just now is greeted.
            return;
        }
        match self.notice {
            Notice::Owed => {
                self.notice = Notice::Saying(opening);
                let notice = self.config.notice.clone().unwrap_or_default();
                let (kind, guard) = (TurnKind::Notice, BargeIn::Protected);
                let speech = Speech::fixed(kind, &notice, guard, Then::Open, &mut self.out);
                self.agent = Agent::Speaking(Box::new(speech));
            }
            Notice::Before => {
                self.out.push(Action::Record);
                self.open(opening);
            }
            Notice::None | Notice::Saying(_) | Notice::Said => self.open(opening),
        }
    }

    /// The notice was said: the call begins as it would have without.
    pub(crate) fn notice_over(&mut self) {
        let Notice::Saying(opening) = self.notice else {
            return;
        };
        self.notice = Notice::Said;
        self.open(opening);
        if matches!(self.agent, Agent::Listening) {
            self.reply_to_waiting();
        }
    }

    fn open(&mut self, opening: Opening) {
        match opening {
            Opening::OptedOut(_) => {}
            Opening::GoOn(checkpoint) => self.answer_owed(&checkpoint),
            Opening::Greet => {
                let greeting = self.config.greeting.clone();
                self.speak_fixed(TurnKind::Greeting, &greeting, self.config.greeting_guard);
            }
            Opening::Bridge(owed) => {
                match owed {
                    Owed::Nothing => {}
                    Owed::Answer => self.owe_answer(),
                    Owed::Rest => {
                        self.history.push(ChatMessage::System(BROKE_OFF.to_owned()));
                        self.owe_answer();
                    }
                }
                let bridge = self.config.phrases.bridge;
                self.speak_fixed(TurnKind::Bridge, bridge, self.config.guard);
            }
        }
    }

    /// The customer waits, since now for all that this session knows.
    fn owe_answer(&mut self) {
        self.waiting.waterfall = Some(Waterfall::from_customer_stopped(self.now));
    }

    pub(crate) fn recognition(&mut self, event: Recognition) {
        match event {
            Recognition::Opened => self.recognizer.opened(self.now),
            Recognition::SpeechStarted { at } => {
                self.recognizer.works(self.now);
                self.sound(self.believable(at));
            }
            Recognition::Interim { text, end } => {
                self.recognizer.works(self.now);
                let news = self.hearing.interim(&text, self.believable(end), self.now);
                self.heard(news);
            }
            Recognition::Final {
                text,
                start,
                end,
                speech_final,
            } => {
                self.recognizer.works(self.now);
                let end = self.believable(end);
                let start = start.min(end);
                let news = self
                    .hearing
                    .finals(&text, start, end, speech_final, self.now);
                self.heard(news);
            }
            Recognition::UtteranceEnded => {
                self.recognizer.works(self.now);
                let over = self.hearing.utterance_ended(self.now);
                self.wait_over(over);
            }
            Recognition::Lost(failure) => {
                self.amd.sounded();
                let step = self.recognizer.lost(failure.kind, self.now);
                self.recognizer_step(step);
            }
        }
    }

    pub(crate) fn marked(&mut self, mark: crate::Mark) {
        let known = match &mut self.agent {
            Agent::Speaking(speech) => speech.marked(mark, self.now),
            Agent::Offline(_) | Agent::Listening | Agent::Stopped(_) | Agent::Ended => false,
        };
        // Marks that a clear flushed come back as well.
        if !known {
            self.out.observe(Observation::StaleDropped);
        }
    }

    pub(crate) fn carrier_closed(&mut self, closed: CarrierClosed) {
        if self.left(closed) {
            return;
        }
        let decided = self.decided().or(self.outcome_apart());
        let outcome = match closed {
            CarrierClosed::Stopped => decided.unwrap_or(Outcome::CustomerHungUp),
            // Whoever waits for a message, or for us, still does.
            CarrierClosed::Lost if self.amd.goes_on_elsewhere() => Outcome::StreamLost,
            CarrierClosed::Lost => decided.unwrap_or(Outcome::StreamLost),
        };
        if closed == CarrierClosed::Lost || !self.hears_out(outcome) {
            self.end(outcome);
        }
    }

    /// Moves the speech forward until nothing more follows at this time.
    pub(crate) fn advance(&mut self) {
        loop {
            let Agent::Speaking(speech) = &mut self.agent else {
                return;
            };
            let was_audible = speech.is_audible();
            speech.advance(self.voices.route, self.now, &mut self.out);
            if speech.kind == TurnKind::Notice && speech.is_audible() && !was_audible {
                self.out.push(Action::Record);
            }
            if !speech.is_over(self.now) {
                return;
            }
            self.speech_over();
        }
    }

    /// A position as far as it can be true.
    pub(crate) fn believable(&self, position: AudioPosition) -> AudioPosition {
        let elapsed = self.now.since(self.stream_started) + POSITION_AHEAD_MAX;
        position.min(AudioPosition::ZERO + elapsed)
    }

    /// When the customer's audio at this position came in.
    pub(crate) fn time_of(&self, position: AudioPosition) -> CallTime {
        let at = self.stream_started + position.since(AudioPosition::ZERO);
        at.min(self.now)
    }
}

pub(crate) const fn how(input: TurnInput) -> OptOutHow {
    match input {
        TurnInput::Speech => OptOutHow::Spoken,
        TurnInput::Keypad => OptOutHow::Keypad,
    }
}

/// Says where the call stands, and nothing that anybody said.
impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let agent = match &self.agent {
            Agent::Offline(_) => "offline",
            Agent::Listening => "listening",
            Agent::Speaking(speech) if speech.is_audible() => "speaking",
            Agent::Speaking(_) => "thinking",
            Agent::Stopped(_) => "stopped",
            Agent::Ended => "ended",
        };
        f.debug_struct("Conversation")
            .field("now", &self.now)
            .field("agent", &agent)
            .field("next_seq", &self.next_seq)
            .finish_non_exhaustive()
    }
}
