//! The customer's side: sounds, words and keys, when they interrupt, and when their turn is over.

pub(crate) mod backchannel;
pub(crate) mod barge_in;
pub(crate) mod hearing;
pub(crate) mod keypad;
pub(crate) mod patterns;
pub(crate) mod recognizer;
pub(crate) mod silence;

use std::time::Duration;

use model::{
    AudioPosition, BargeIn, CallTime, OptOutHow, Outcome, Speaker, Stage, Turn, TurnInput,
    TurnKind, Waterfall,
};

use crate::conversation::{Agent, Conversation, Notice, Stopped};
use crate::listening::barge_in::{BargeInVerdict, Noticed, judge};
use crate::listening::hearing::{News, Said, WaitOver};
use crate::listening::keypad::{Keypad, is_key};
use crate::listening::recognizer::RecognizerStep;
use crate::reply::history::customer_text;
use crate::speaking::speech::{Speech, Then};
use crate::{Action, ChatMessage, Observation, opt_out};

/// Said before the greeting began, up to this many words are how people answer the phone: the
/// greeting is the answer to them and is not stopped.
const PICK_UP_WORDS_MAX: usize = 3;
/// Such words end this soon after the greeting began: what goes on is said to the greeting.
const PICK_UP_MAX: Duration = Duration::from_secs(1);
/// Turns that wait to be answered; more are in the transcript and not in the answer.
const WAITING_TURNS_MAX: usize = 16;

/// A pause within a sentence.
const SENTENCE_PAUSE_MAX: Duration = Duration::from_secs(3);

/// What becomes of a turn that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Response {
    Answer,
    /// Once the agent has finished what it is saying.
    AnswerLater,
    /// Something else answers it.
    Note,
    /// It only showed that the customer listens.
    Backchannel,
    /// It was the agent's own voice.
    Echo,
}

impl Conversation {
    /// Voice activity began.
    pub(crate) fn sound(&mut self, at: AudioPosition) {
        if matches!(self.agent, Agent::Offline(_)) || !self.hearing.sound(at) {
            return;
        }
        self.silence.sound(self.now);
        self.amd.sounded();
        if self.amd.is_apart() || self.is_opted_out() {
            return;
        }
        let Agent::Speaking(speech) = &self.agent else {
            return;
        };
        if !speech.is_audible() || self.is_pick_up(speech) {
            return;
        }
        if let BargeInVerdict::Stop(by) = judge(Noticed::Sound, speech.saying(self.now)) {
            self.stop_speech(by);
        }
    }

    /// A result of the recognizer was taken note of.
    pub(crate) fn heard(&mut self, news: News) {
        match news {
            News::Stale => self.out.observe(Observation::StaleDropped),
            News::Nothing => self.words_may_be_gone(),
            News::Words => {
                self.look_at_words();
                self.words_came();
            }
            News::Over => {
                self.look_at_words();
                self.words_came();
                self.end_of_turn();
            }
        }
    }

    pub(crate) fn check_hearing(&mut self) {
        let over = self.hearing.handle_timeout(self.now);
        self.wait_over(over);
    }

    pub(crate) fn wait_over(&mut self, over: Option<WaitOver>) {
        match over {
            None => {}
            Some(WaitOver::AskForFinal) => self.out.push(Action::FinalizeRecognition),
            Some(WaitOver::Over) => self.end_of_turn(),
        }
    }

    /// A key was pressed. It ends what the customer was saying, and interrupts.
    pub(crate) fn key(&mut self, key: char) {
        if !is_key(key) || matches!(self.agent, Agent::Offline(_)) || self.is_opted_out() {
            return;
        }
        // Somebody who picked up late, or hears the last words: one key means something there.
        if self.amd.is_apart() || self.is_closing() {
            let keypad = Keypad::new(key, self.now);
            if self.config.is_opt_out_key(&keypad.keys) {
                self.take_opt_out_key(&keypad);
            }
            return;
        }
        if self.hearing.is_speaking() && self.keypad.is_none() {
            self.out.push(Action::FinalizeRecognition);
            self.hearing.ask_for_final(self.now);
        }
        match &self.agent {
            Agent::Speaking(speech) if speech.is_audible() => {
                if let BargeInVerdict::Stop(by) = judge(Noticed::Key, speech.saying(self.now)) {
                    self.stop_speech(by);
                }
            }
            Agent::Speaking(speech) if is_dropped_by_words(speech) => self.drop_speech(),
            Agent::Stopped(_) => self.listen(),
            Agent::Speaking(_) | Agent::Offline(_) | Agent::Listening | Agent::Ended => {}
        }
        match &mut self.keypad {
            Some(keypad) => keypad.press(key, self.now),
            None => self.keypad = Some(Keypad::new(key, self.now)),
        }
        self.check_keypad();
    }

    pub(crate) fn check_keypad(&mut self) {
        let due = self.keypad.as_ref().map(Keypad::due);
        if due.is_none_or(|due| due > self.now) {
            return;
        }
        // Words that did not become final in time come before the keys that ended them.
        self.end_of_turn();
        let Some(keypad) = self.keypad.take() else {
            return;
        };
        if self.config.is_opt_out_key(&keypad.keys) {
            self.take_opt_out_key(&keypad);
            return;
        }
        if self.amd.is_apart() || self.is_opted_out() {
            self.store_keys(&keypad);
            return;
        }
        let mut waterfall = Waterfall::from_customer_stopped(keypad.last);
        waterfall.reach(Stage::Recognized, keypad.last);
        let message = self.store_keys(&keypad);
        if matches!(self.agent, Agent::Speaking(_)) {
            self.answer_later(message, waterfall);
        } else {
            self.note_waiting();
            self.history.push(message);
            self.answer(waterfall);
        }
    }

    fn take_opt_out_key(&mut self, keypad: &Keypad) {
        self.note_opt_out(OptOutHow::Keypad);
        self.store_keys(keypad);
        self.hush_for_opt_out();
    }

    /// Nothing but noise stopped the agent: it goes on.
    pub(crate) fn check_stopped(&mut self) {
        if let Agent::Stopped(stopped) = &self.agent
            && stopped.resume_at <= self.now
            && !self.hearing.has_words()
        {
            self.resume_speech();
        }
    }

    pub(crate) fn check_recognizer(&mut self) {
        let step = self.recognizer.handle_timeout(self.now);
        self.recognizer_step(step);
    }

    pub(crate) fn recognizer_step(&mut self, step: RecognizerStep) {
        match step {
            RecognizerStep::Nothing => {}
            RecognizerStep::Open { route } => {
                self.out.observe(Observation::RecognitionRetried);
                self.out.push(Action::OpenRecognition { route });
            }
            RecognizerStep::GiveUp => self.apologise(Outcome::VendorFailed),
        }
    }

    /// What the customer said without having been answered: at the end of the call.
    pub(crate) fn store_unanswered(&mut self) {
        if let Some(said) = self.hearing.take() {
            self.store_said(&said);
        }
        if let Some(keypad) = self.keypad.take() {
            if self.config.is_opt_out_key(&keypad.keys) {
                self.note_opt_out(OptOutHow::Keypad);
            }
            self.store_keys(&keypad);
        }
    }

    fn words_came(&mut self) {
        if self.amd.is_apart() || self.is_opted_out() {
            return;
        }
        let Agent::Speaking(speech) = &self.agent else {
            return;
        };
        let text = self.hearing.text();
        let heard = backchannel::words(&text);
        if speech.is_audible() {
            if self.is_pick_up(speech) && heard.len() <= PICK_UP_WORDS_MAX {
                return;
            }
            let spoken = self.hearing.spoken();
            let noticed = Noticed::Words {
                text: &text,
                spoken,
            };
            if let BargeInVerdict::Stop(by) = judge(noticed, speech.saying(self.now)) {
                self.stop_speech(by);
            }
        } else if is_dropped_by_words(speech) && !backchannel::is_listening_sound(&heard) {
            // Nothing was said yet: the customer goes on with the turn that we thought was over.
            self.drop_speech();
        }
    }

    fn words_may_be_gone(&mut self) {
        match &mut self.agent {
            Agent::Stopped(stopped) => stopped.resume_at = stopped.resume_at.max(self.now),
            // It waited for these words.
            Agent::Listening => self.reply_to_waiting(),
            Agent::Offline(_) | Agent::Speaking(_) | Agent::Ended => {}
        }
    }

    fn end_of_turn(&mut self) {
        if matches!(self.agent, Agent::Ended) || self.take_machine_turn() {
            self.hush_for_opt_out();
            return;
        }
        let reply = self.response();
        let Some(said) = self.hearing.take() else {
            return;
        };
        let asked = !matches!(reply, Response::Echo)
            && self.asks_to_opt_out(&said.text, self.time_of(said.started));
        if asked || self.is_opted_out() {
            self.note_turn(&said);
            self.hush_for_opt_out();
            return;
        }
        match reply {
            Response::Answer => {
                let waterfall = self.note_turn(&said);
                self.answer(waterfall);
            }
            Response::AnswerLater => {
                let message = self.store_said(&said);
                let waterfall = self.waterfall(&said);
                self.answer_later(message, waterfall);
            }
            Response::Note => {
                self.note_turn(&said);
                self.words_may_be_gone();
            }
            Response::Backchannel => {
                self.out.observe(Observation::BackchannelIgnored);
                self.silence.broken();
                if matches!(self.agent, Agent::Stopped(_)) {
                    self.resume_speech();
                }
            }
            Response::Echo => {}
        }
    }

    /// What the words that are here, taken as a whole turn, call for.
    fn response(&self) -> Response {
        let text = self.hearing.text();
        let heard = backchannel::words(&text);
        match &self.agent {
            Agent::Speaking(speech) if !speech.is_audible() => {
                if !is_dropped_by_words(speech) && speech.kind != TurnKind::Bridge {
                    Response::Note
                } else if backchannel::is_listening_sound(&heard) {
                    Response::Backchannel
                } else {
                    Response::AnswerLater
                }
            }
            Agent::Speaking(speech) => {
                // The greeting answers who picks up. What was said into the gap of a broken line is answered
                // by nothing that the bridge says.
                let opens = speech.kind != TurnKind::Bridge && self.is_pick_up(speech);
                if self.is_closing() || opens {
                    return Response::Note;
                }
                self.response_over(speech, self.now, &text, Response::AnswerLater)
            }
            Agent::Stopped(stopped) => {
                let Stopped { speech, at, .. } = &**stopped;
                self.response_over(speech, *at, &text, self.response_in_silence())
            }
            Agent::Listening if heard.is_empty() => Response::Note,
            Agent::Listening => self.response_in_silence(),
            Agent::Offline(_) | Agent::Ended => Response::Note,
        }
    }

    /// Whether these words, or the last ones together with them, ask not to be called again.
    pub(crate) fn asks_to_opt_out(&self, text: &str, started_at: CallTime) -> bool {
        if opt_out::is_asked(text) {
            return true;
        }
        self.said_before.as_ref().is_some_and(|(before, ended_at)| {
            started_at.since(*ended_at) <= SENTENCE_PAUSE_MAX
                && opt_out::is_asked(&format!("{before} {text}"))
        })
    }

    /// A key entry that goes on is answered together with the words before it.
    const fn response_in_silence(&self) -> Response {
        if self.keypad.is_some() {
            Response::Note
        } else {
            Response::Answer
        }
    }

    fn response_over(
        &self,
        speech: &Speech,
        at: CallTime,
        text: &str,
        otherwise: Response,
    ) -> Response {
        let spoken = self.hearing.spoken();
        match judge(Noticed::Words { text, spoken }, speech.saying(at)) {
            BargeInVerdict::Backchannel => Response::Backchannel,
            BargeInVerdict::Echo => Response::Echo,
            BargeInVerdict::Stop(_) | BargeInVerdict::GoOn => otherwise,
        }
    }

    /// Whether this is how people pick up the phone: words that began before the greeting did and
    /// were over soon after. Where a notice comes first, it is what they pick up to.
    fn is_pick_up(&self, speech: &Speech) -> bool {
        let opens = match speech.kind {
            TurnKind::Notice => true,
            TurnKind::Greeting | TurnKind::Bridge => self.notice != Notice::Said,
            TurnKind::Talk
            | TurnKind::Reminder
            | TurnKind::Farewell
            | TurnKind::Screening
            | TurnKind::Voicemail => false,
        };
        let Some(first) = speech.first_sent_at().filter(|_| opens) else {
            return false;
        };
        let began = self.hearing.began().map(|began| self.time_of(began));
        let last = self.hearing.last_heard().map(|last| self.time_of(last));
        began.is_some_and(|began| began < first)
            && last.is_some_and(|last| last < first + PICK_UP_MAX)
    }

    /// The customer's turn is stored and known to the model; an answer to it starts from here.
    fn note_turn(&mut self, said: &Said) -> Waterfall {
        let message = self.store_said(said);
        self.note_waiting();
        self.history.push(message);
        self.waterfall(said)
    }

    fn waterfall(&self, said: &Said) -> Waterfall {
        let mut waterfall = Waterfall::from_customer_stopped(self.time_of(said.ended));
        waterfall.reach(Stage::Recognized, said.recognized_at.unwrap_or(self.now));
        waterfall
    }

    fn answer_later(&mut self, message: ChatMessage, waterfall: Waterfall) {
        if self.waiting.messages.len() < WAITING_TURNS_MAX {
            self.waiting.messages.push(message);
        }
        self.waiting.waterfall = Some(waterfall);
    }

    pub(crate) fn store_said(&mut self, said: &Said) -> ChatMessage {
        self.turns_heard = self.turns_heard.saturating_add(1);
        if self.asks_to_opt_out(&said.text, self.time_of(said.started)) {
            self.note_opt_out(OptOutHow::Spoken);
        }
        self.said_before = Some((said.text.clone(), self.time_of(said.ended)));
        self.amd.forget_cut_words();
        let started_at = self.time_of(said.started);
        self.store_customer(
            &said.text,
            TurnInput::Speech,
            started_at,
            self.time_of(said.ended),
        )
    }

    fn store_keys(&mut self, keypad: &Keypad) -> ChatMessage {
        self.store_customer(&keypad.keys, TurnInput::Keypad, keypad.started, keypad.last)
    }

    fn store_customer(
        &mut self,
        text: &str,
        input: TurnInput,
        started_at: CallTime,
        ended_at: CallTime,
    ) -> ChatMessage {
        self.silence.broken();
        self.silence.begins(self.now);
        self.store(Turn {
            seq: 0,
            speaker: Speaker::Customer,
            kind: TurnKind::Talk,
            text: text.to_owned(),
            intended: None,
            interrupted: false,
            input,
            started_at,
            ended_at: ended_at.max(started_at),
            tools: Vec::new(),
            waterfall: None,
        });
        ChatMessage::Customer(customer_text(text, input))
    }
}

/// Whether words drop a speech that cannot be heard yet. Notice, greeting and bridge come first whatever
/// the customer says meanwhile, and the last words come after everything.
fn is_dropped_by_words(speech: &Speech) -> bool {
    match speech.kind {
        TurnKind::Notice | TurnKind::Greeting | TurnKind::Bridge => false,
        TurnKind::Farewell => speech.guard != BargeIn::Protected,
        TurnKind::Screening | TurnKind::Voicemail => false,
        TurnKind::Talk | TurnKind::Reminder => speech.then == Then::Listen,
    }
}
