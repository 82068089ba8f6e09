//! The caller's side: sounds, words and keys, when they interrupt, and when their turn is over.

use std::time::Duration;

use model::{
    AudioPosition, BargeIn, CallTime, OptOutHow, Speaker, Stage, Turn, TurnInput, TurnKind,
    Waterfall,
};

use super::{Agent, Call, Stopped};
use crate::barge_in::{Noticed, Verdict, judge};
use crate::hearing::{News, Said, WaitOver};
use crate::history::caller_text;
use crate::keypad::{Keypad, is_key};
use crate::recogniser::Step;
use crate::speech::{Speech, Then};
use crate::{Action, ChatMessage, Observation, opt_out, words};

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
enum Reply {
    Answer,
    /// Once the agent has finished what it is saying.
    AnswerLater,
    /// Something else answers it.
    Note,
    /// It only showed that the caller listens.
    Backchannel,
    /// It was the agent's own voice.
    Echo,
}

impl Call {
    /// Voice activity began.
    pub(super) fn sound(&mut self, at: AudioPosition) {
        if matches!(self.agent, Agent::Offline(_)) || !self.hearing.sound(at) {
            return;
        }
        self.silence.sound(self.now);
        if self.answered.is_apart() || self.is_opted_out() {
            return;
        }
        let Agent::Speaking(speech) = &self.agent else {
            return;
        };
        if !speech.is_audible() || self.is_pick_up(speech) {
            return;
        }
        if let Verdict::Stop(by) = judge(Noticed::Sound, speech.saying(self.now)) {
            self.stop_speech(by);
        }
    }

    /// A result of the recogniser was taken note of.
    pub(super) fn heard(&mut self, news: News) {
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

    pub(super) fn check_hearing(&mut self) {
        let over = self.hearing.handle_timeout(self.now);
        self.wait_over(over);
    }

    pub(super) fn wait_over(&mut self, over: Option<WaitOver>) {
        match over {
            None => {}
            Some(WaitOver::AskForFinal) => self.out.push(Action::FinalizeRecognition),
            Some(WaitOver::Over) => self.end_of_turn(),
        }
    }

    /// A key was pressed. It ends what the caller was saying, and interrupts.
    pub(super) fn key(&mut self, key: char) {
        let nobody = self.answered.is_apart() || self.is_opted_out();
        if !is_key(key) || matches!(self.agent, Agent::Offline(_)) || self.is_closing() || nobody {
            return;
        }
        if self.hearing.is_speaking() && self.keypad.is_none() {
            self.out.push(Action::FinalizeRecognition);
            self.hearing.ask_for_final(self.now);
        }
        match &self.agent {
            Agent::Speaking(speech) if speech.is_audible() => {
                if let Verdict::Stop(by) = judge(Noticed::Key, speech.saying(self.now)) {
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

    pub(super) fn check_keypad(&mut self) {
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
            self.note_opt_out(OptOutHow::Keypad);
            self.store_keys(&keypad);
            self.hush_for_opt_out();
            return;
        }
        if self.answered.is_apart() || self.is_opted_out() {
            self.store_keys(&keypad);
            return;
        }
        let mut waterfall = Waterfall::from_caller_stopped(keypad.last);
        waterfall.reach(Stage::Recognised, keypad.last);
        let message = self.store_keys(&keypad);
        if matches!(self.agent, Agent::Speaking(_)) {
            self.answer_later(message, waterfall);
        } else {
            self.history.push(message);
            self.answer(waterfall);
        }
    }

    /// Nothing but noise stopped the agent: it goes on.
    pub(super) fn check_stopped(&mut self) {
        if let Agent::Stopped(stopped) = &self.agent
            && stopped.resume_at <= self.now
            && !self.hearing.has_words()
        {
            self.resume_speech();
        }
    }

    pub(super) fn check_recogniser(&mut self) {
        let step = self.recogniser.handle_timeout(self.now);
        self.recogniser_step(step);
    }

    pub(super) fn recogniser_step(&mut self, step: Step) {
        match step {
            Step::Nothing => {}
            Step::Open { route } => {
                self.out.observe(Observation::RecognitionRetried);
                self.out.push(Action::OpenRecognition { route });
            }
            Step::GiveUp => self.vendors_failed(),
        }
    }

    /// What the caller said without having been answered: at the end of the call.
    pub(super) fn store_unanswered(&mut self) {
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
        if self.answered.is_apart() || self.is_opted_out() {
            return;
        }
        let Agent::Speaking(speech) = &self.agent else {
            return;
        };
        let text = self.hearing.text();
        let heard = words::words(&text);
        if speech.is_audible() {
            if self.is_pick_up(speech) && heard.len() <= PICK_UP_WORDS_MAX {
                return;
            }
            let spoken = self.hearing.spoken();
            let noticed = Noticed::Words {
                text: &text,
                spoken,
            };
            if let Verdict::Stop(by) = judge(noticed, speech.saying(self.now)) {
                self.stop_speech(by);
            }
        } else if is_dropped_by_words(speech) && !words::is_listening_sound(&heard) {
            // Nothing was said yet: the caller goes on with the turn that we thought was over.
            self.drop_speech();
        }
    }

    fn words_may_be_gone(&mut self) {
        if let Agent::Stopped(stopped) = &mut self.agent {
            stopped.resume_at = stopped.resume_at.max(self.now);
        }
    }

    fn end_of_turn(&mut self) {
        if matches!(self.agent, Agent::Ended) || self.take_machine_turn() {
            self.hush_for_opt_out();
            return;
        }
        let reply = self.reply();
        let Some(said) = self.hearing.take() else {
            return;
        };
        let asked = !matches!(reply, Reply::Echo)
            && self.asks_to_opt_out(&said.text, self.time_of(said.started));
        if asked || self.is_opted_out() {
            self.note_turn(&said);
            self.hush_for_opt_out();
            return;
        }
        match reply {
            Reply::Answer => {
                let waterfall = self.note_turn(&said);
                self.answer(waterfall);
            }
            Reply::AnswerLater => {
                let message = self.store_said(&said);
                let waterfall = self.waterfall(&said);
                self.answer_later(message, waterfall);
            }
            Reply::Note => {
                self.note_turn(&said);
            }
            Reply::Backchannel => {
                self.out.observe(Observation::BackchannelIgnored);
                self.silence.broken();
                if matches!(self.agent, Agent::Stopped(_)) {
                    self.resume_speech();
                }
            }
            Reply::Echo => {}
        }
    }

    /// What the words that are here, taken as a whole turn, call for.
    fn reply(&self) -> Reply {
        let text = self.hearing.text();
        let heard = words::words(&text);
        match &self.agent {
            Agent::Speaking(speech) if !speech.is_audible() => {
                if !is_dropped_by_words(speech) {
                    Reply::Note
                } else if words::is_listening_sound(&heard) {
                    Reply::Backchannel
                } else {
                    Reply::AnswerLater
                }
            }
            Agent::Speaking(speech) => {
                if self.is_closing() || self.is_pick_up(speech) {
                    return Reply::Note;
                }
                self.reply_over(speech, self.now, &text, Reply::AnswerLater)
            }
            Agent::Stopped(stopped) => {
                let Stopped { speech, at, .. } = &**stopped;
                self.reply_over(speech, *at, &text, self.reply_in_silence())
            }
            Agent::Listening if heard.is_empty() => Reply::Note,
            Agent::Listening => self.reply_in_silence(),
            Agent::Offline(_) | Agent::Ended => Reply::Note,
        }
    }

    /// Whether these words, or the last ones together with them, ask not to be called again.
    pub(super) fn asks_to_opt_out(&self, text: &str, started_at: CallTime) -> bool {
        if opt_out::is_asked(text) {
            return true;
        }
        self.said_before.as_ref().is_some_and(|(before, ended_at)| {
            started_at.since(*ended_at) <= SENTENCE_PAUSE_MAX
                && opt_out::is_asked(&format!("{before} {text}"))
        })
    }

    /// A key entry that goes on is answered together with the words before it.
    const fn reply_in_silence(&self) -> Reply {
        if self.keypad.is_some() {
            Reply::Note
        } else {
            Reply::Answer
        }
    }

    fn reply_over(&self, speech: &Speech, at: CallTime, text: &str, otherwise: Reply) -> Reply {
        let spoken = self.hearing.spoken();
        match judge(Noticed::Words { text, spoken }, speech.saying(at)) {
            Verdict::Backchannel => Reply::Backchannel,
            Verdict::Echo => Reply::Echo,
            Verdict::Stop(_) | Verdict::GoOn => otherwise,
        }
    }

    /// Whether this is how people pick up the phone: words that began before the greeting did and
    /// were over soon after.
    fn is_pick_up(&self, speech: &Speech) -> bool {
        let opens = matches!(speech.kind, TurnKind::Greeting | TurnKind::Bridge);
        let Some(first) = speech.first_sent_at().filter(|_| opens) else {
            return false;
        };
        let began = self.hearing.began().map(|began| self.time_of(began));
        let last = self.hearing.last_heard().map(|last| self.time_of(last));
        began.is_some_and(|began| began < first)
            && last.is_some_and(|last| last < first + PICK_UP_MAX)
    }

    /// The caller's turn is stored and known to the model; an answer to it starts from here.
    fn note_turn(&mut self, said: &Said) -> Waterfall {
        let message = self.store_said(said);
        self.history.push(message);
        self.waterfall(said)
    }

    fn waterfall(&self, said: &Said) -> Waterfall {
        let mut waterfall = Waterfall::from_caller_stopped(self.time_of(said.ended));
        waterfall.reach(Stage::Recognised, said.recognised_at.unwrap_or(self.now));
        waterfall
    }

    fn answer_later(&mut self, message: ChatMessage, waterfall: Waterfall) {
        if self.waiting.messages.len() < WAITING_TURNS_MAX {
            self.waiting.messages.push(message);
        }
        self.waiting.waterfall = Some(waterfall);
    }

    pub(super) fn store_said(&mut self, said: &Said) -> ChatMessage {
        self.turns_heard = self.turns_heard.saturating_add(1);
        if self.asks_to_opt_out(&said.text, self.time_of(said.started)) {
            self.note_opt_out(OptOutHow::Spoken);
        }
        self.said_before = Some((said.text.clone(), self.time_of(said.ended)));
        let started_at = self.time_of(said.started);
        self.store_caller(
            &said.text,
            TurnInput::Speech,
            started_at,
            self.time_of(said.ended),
        )
    }

    fn store_keys(&mut self, keypad: &Keypad) -> ChatMessage {
        self.store_caller(&keypad.keys, TurnInput::Keypad, keypad.started, keypad.last)
    }

    fn store_caller(
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
            speaker: Speaker::Caller,
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
        ChatMessage::Caller(caller_text(text, input))
    }
}

/// Whether words drop a speech that cannot be heard yet. Greeting and bridge come first whatever
/// the caller says meanwhile, and the last words come after everything.
fn is_dropped_by_words(speech: &Speech) -> bool {
    match speech.kind {
        TurnKind::Greeting | TurnKind::Bridge => false,
        TurnKind::Farewell => speech.guard != BargeIn::Protected,
        TurnKind::Screening | TurnKind::Voicemail => false,
        TurnKind::Talk | TurnKind::Reminder => speech.then == Then::Listen,
    }
}
