//! When something else than a person answers: hang up, leave a message after the beep, tell a screening
//! service who calls. Until that is known the conversation goes on as with a person.

use std::time::Duration;

use audio::LineSound;
use model::{
    AnswerEvidence, AnsweredBy, AudioPosition, BargeIn, CallTime, HeardBeep, LeftMessage,
    MachineAction, MachineClass, MessageCue, Outcome, Turn, TurnKind,
};

use super::{Agent, Call};
use crate::Action;
use crate::answered::{
    BEEP_WAIT_MAX, DOUBT_MAX, QUESTION_PAUSE_MAX, SCREENING_ANSWERS_MAX, SCREENING_WAIT_MAX, Stage,
};
use crate::first_words::{self, FirstWords};
use crate::hearing::Said;
use crate::speech::{Speech, Then};

/// Voice activity that began this shortly before a beep is the beep.
const BEEP_ONSET_MAX: Duration = Duration::from_millis(200);

impl Call {
    /// What was found out about who answered, for the call's row; `None` for an inbound call.
    #[must_use]
    pub fn answered(&self) -> Option<model::Answer> {
        self.answered.told()
    }

    /// Whether tones on the caller's line mean anything now: while they do, the session listens for them
    /// and tells of each by [`crate::Event::LineSound`].
    #[must_use]
    pub fn wants_line_sounds(&self) -> bool {
        match self.agent {
            Agent::Ended => false,
            Agent::Offline(_) | Agent::Listening | Agent::Speaking(_) | Agent::Stopped(_) => {
                self.answered.wants_tones(self.now)
            }
        }
    }

    /// The carrier's verdict, or that there is none yet.
    pub(super) fn verdict(&mut self, verdict: Option<AnsweredBy>) {
        // A session that leaves begins nothing; the next one asks again.
        let Some(verdict) = verdict.filter(|_| !self.is_gone()) else {
            self.answered.no_verdict(self.now);
            return;
        };
        if self.answered.found.carrier.is_some() {
            return;
        }
        self.answered.found.carrier = Some((verdict, self.now));
        self.answered.close_verdict();
        if self.is_leaving_anyway() {
            return;
        }
        let decided = self.answered.found.decided_by.is_some();
        match MachineClass::from(verdict) {
            MachineClass::Person if !decided => {
                let by = AnswerEvidence::Carrier;
                self.answered.decide(MachineClass::Person, by, self.now);
                self.answered.forget_quiet();
            }
            MachineClass::Fax => {
                let by = AnswerEvidence::Carrier;
                self.answered.decide(MachineClass::Fax, by, self.now);
                self.end(Outcome::Fax);
            }
            MachineClass::Machine => {
                let over = match verdict {
                    AnsweredBy::MachineEndBeep
                    | AnsweredBy::MachineEndSilence
                    | AnsweredBy::MachineEndOther => Some(MessageCue::Carrier),
                    AnsweredBy::Human
                    | AnsweredBy::MachineStart
                    | AnsweredBy::Fax
                    | AnsweredBy::Unknown => None,
                };
                self.machine_found(AnswerEvidence::Carrier, over);
            }
            MachineClass::Person | MachineClass::Screening | MachineClass::Unknown => {
                self.answered.forget_quiet();
            }
        }
    }

    pub(super) fn line_sound(&mut self, sound: LineSound) {
        if self.is_gone() {
            return;
        }
        match sound {
            LineSound::Beep(beep) => {
                if !self.beep_stands() {
                    let ends_ms = beep.ends_at / audio::BYTES_PER_MS as u64;
                    let hz = beep.hz;
                    self.answered.found.beep = Some(HeardBeep { ends_ms, hz });
                }
                let starts_ms = beep.starts_at / audio::BYTES_PER_MS as u64;
                self.beeped(AudioPosition::from_millis(starts_ms));
            }
            LineSound::Fax => {
                if self.answered.is_opening(self.now) && !self.is_leaving_anyway() {
                    let by = AnswerEvidence::Tone;
                    self.answered.decide(MachineClass::Fax, by, self.now);
                    self.end(Outcome::Fax);
                }
            }
            LineSound::Quiet => {
                self.answered.quiet = true;
                if let Stage::Waiting { .. } = self.answered.stage {
                    self.leave_message(MessageCue::Quiet);
                }
            }
            LineSound::Loud => self.answered.quiet = false,
        }
    }

    /// Looks at what the callee says first.
    pub(super) fn look_at_words(&mut self) {
        if !self.answered.is_opening(self.now) || self.is_leaving_anyway() || self.is_gone() {
            return;
        }
        let text = self.hearing.text();
        match (first_words::class(&text), self.answered.stage) {
            (
                Some(FirstWords::Screening),
                Stage::Talking | Stage::Doubting { .. } | Stage::Waiting { .. },
            ) => self.screening_found(),
            (Some(FirstWords::Mailbox), Stage::Talking | Stage::Doubting { .. }) => {
                self.answered.hinted = true;
                let found = &mut self.answered.found;
                found.words.get_or_insert((MachineClass::Machine, self.now));
                // The carrier heard a person: words alone do not make them a machine.
                if !self.carrier_heard_person() || self.beep_stands() {
                    self.machine_found(AnswerEvidence::Words, None);
                }
            }
            (Some(FirstWords::MailboxPerhaps), Stage::Talking) => {
                self.answered.hinted = true;
                if self.beep_stands() {
                    self.machine_found(AnswerEvidence::Words, Some(MessageCue::Beep));
                }
            }
            (Some(_) | None, _) => {}
        }
    }

    /// Takes a turn that is not of a conversation. `false` when it is.
    pub(super) fn take_machine_turn(&mut self) -> bool {
        if !self.answered.is_apart() {
            return false;
        }
        let Some(said) = self.hearing.take() else {
            return true;
        };
        match self.answered.stage {
            Stage::Screening {
                answers,
                asked,
                until,
            } => self.screening_turn(&said, answers, asked, until),
            Stage::Doubting { .. } => {
                self.store_said(&said);
                if first_words::class(&said.text) != Some(FirstWords::Screening) {
                    self.end(Outcome::Voicemail);
                }
            }
            Stage::Waiting { .. } | Stage::Leaving { .. } | Stage::Talking => {
                self.store_said(&said);
            }
        }
        true
    }

    pub(super) fn check_answered(&mut self) {
        if self.is_gone() {
            return;
        }
        if self.answered.ask(self.now) {
            self.out.push(Action::AskVerdict);
        }
        if !self.answered.is_overdue(self.now) {
            return;
        }
        match self.answered.stage {
            Stage::Screening { .. } => self.end(Outcome::Screened),
            Stage::Doubting { .. } | Stage::Waiting { .. } => self.end(Outcome::Voicemail),
            Stage::Talking | Stage::Leaving { .. } => {}
        }
    }

    /// The outcome of a call that ends while the other end is no person.
    pub(super) const fn outcome_apart(&self) -> Option<Outcome> {
        match self.answered.stage {
            Stage::Talking => None,
            Stage::Screening { .. } => Some(Outcome::Screened),
            Stage::Doubting { .. } | Stage::Waiting { .. } | Stage::Leaving { .. } => {
                Some(Outcome::Voicemail)
            }
        }
    }

    /// The message is over, heard to its end or not: notes what was left, and how the call ends.
    pub(super) fn message_over(&mut self, turn: Option<&Turn>) -> Option<Outcome> {
        let Stage::Leaving { after } = self.answered.stage else {
            return None;
        };
        if self.answered.found.message.is_none()
            && let Some(turn) = turn
        {
            let heard = turn.ended_at.since(turn.started_at);
            self.answered.found.message = Some(LeftMessage {
                started_at: turn.started_at,
                heard_ms: u64::try_from(heard.as_millis()).unwrap_or(u64::MAX),
                whole: !turn.interrupted,
                after,
            });
        }
        let whole = self.answered.found.message.is_some_and(|left| left.whole);
        Some(if whole {
            Outcome::VoicemailLeft
        } else {
            Outcome::Voicemail
        })
    }

    /// The other end is a machine; `cue`: its greeting is over.
    fn machine_found(&mut self, by: AnswerEvidence, cue: Option<MessageCue>) {
        match self.answered.stage {
            Stage::Talking => self.machine_is_new(by, cue),
            Stage::Waiting { .. } => {
                if let Some(cue) = cue {
                    self.leave_message(cue);
                }
            }
            Stage::Doubting { .. } => {
                // Its words, or its beep, are no screening service's.
                if by != AnswerEvidence::Carrier {
                    self.answered.decide(MachineClass::Machine, by, self.now);
                    self.end(Outcome::Voicemail);
                }
            }
            // A screening service is a machine as well.
            Stage::Screening { .. } | Stage::Leaving { .. } => {}
        }
    }

    fn machine_is_new(&mut self, by: AnswerEvidence, cue: Option<MessageCue>) {
        self.answered.decide(MachineClass::Machine, by, self.now);
        let has_message = self.config.voicemail_message.is_some();
        match self.answered.action {
            MachineAction::Talk => {}
            // A call that was broken off: nobody knows whether the mailbox still records.
            MachineAction::HangUp | MachineAction::LeaveMessage if self.answered.resumed => {
                self.end(Outcome::Voicemail);
            }
            MachineAction::LeaveMessage if has_message => {
                self.silence_agent();
                let until = self.now + BEEP_WAIT_MAX;
                self.answered.stage = Stage::Waiting { until };
                let beeped = self.beep_stands().then_some(MessageCue::Beep);
                let quiet = self.answered.quiet.then_some(MessageCue::Quiet);
                if let Some(cue) = cue.or(beeped).or(quiet) {
                    self.leave_message(cue);
                }
            }
            MachineAction::HangUp | MachineAction::LeaveMessage => {
                if by == AnswerEvidence::Carrier && !self.has_understood() {
                    self.silence_agent();
                    let until = self.now + DOUBT_MAX;
                    self.answered.stage = Stage::Doubting { until };
                } else {
                    self.end(Outcome::Voicemail);
                }
            }
        }
    }

    /// A beep alone says little once a person was heard, and everything to who waits for it. Behind or within
    /// words that are no mailbox's it may be one of their sounds: then the carrier's verdict decides.
    fn beeped(&mut self, starts: AudioPosition) {
        match self.answered.stage {
            Stage::Waiting { .. } => self.leave_message(MessageCue::Beep),
            Stage::Doubting { .. } => self.machine_found(AnswerEvidence::Tone, None),
            Stage::Talking => {
                let began = self.hearing.began();
                let speaks = began.is_some_and(|began| began + BEEP_ONSET_MAX < starts);
                let alone = self.turns_heard == 0 && !speaks;
                let likely = self.answered.hinted || alone && self.answered.is_open();
                if likely && self.answered.is_opening(self.now) && !self.is_leaving_anyway() {
                    self.machine_found(AnswerEvidence::Tone, Some(MessageCue::Beep));
                }
            }
            Stage::Screening { .. } | Stage::Leaving { .. } => {}
        }
    }

    fn leave_message(&mut self, after: MessageCue) {
        let Some(message) = self.config.voicemail_message.clone() else {
            self.end(Outcome::Voicemail);
            return;
        };
        self.answered.stage = Stage::Leaving { after };
        let then = Then::End(Outcome::VoicemailLeft);
        let guard = BargeIn::Protected;
        let speech = Speech::fixed(TurnKind::Voicemail, &message, guard, then, &mut self.out);
        self.agent = Agent::Speaking(Box::new(speech));
    }

    fn screening_found(&mut self) {
        self.answered.found.words = Some((MachineClass::Screening, self.now));
        let by = AnswerEvidence::Words;
        self.answered.decide(MachineClass::Screening, by, self.now);
        self.silence_agent();
        self.answered.stage = Stage::Screening {
            answers: 0,
            asked: self.now,
            until: self.now + SCREENING_WAIT_MAX,
        };
    }

    /// What came out of a screening service: more of its question, the question again, that it tries, that
    /// nobody is there, or the person.
    fn screening_turn(&mut self, said: &Said, answers: u32, asked: CallTime, until: CallTime) {
        let class = first_words::class(&said.text);
        let message = self.store_said(said);
        if self.is_opted_out() {
            return;
        }
        self.history.push(message);
        // What is said over our answer is mostly the rest of the question.
        let over_answer =
            matches!(&self.agent, Agent::Speaking(speech) if !speech.is_heard(self.now));
        let (started, ended) = (self.time_of(said.started), self.time_of(said.ended));
        let goes_on = answers > 0 && started.since(asked) <= QUESTION_PAUSE_MAX;
        match class {
            Some(FirstWords::Mailbox) => {
                self.answered.stage = Stage::Talking;
                self.machine_is_new(AnswerEvidence::Words, None);
            }
            // It did not listen yet: the answer begins anew, and the time for all of it does not.
            Some(_) | None if goes_on => self.say_who_calls(answers, ended, until),
            Some(FirstWords::Screening) => self.answer_screening(answers, ended),
            Some(FirstWords::Unavailable | FirstWords::MailboxPerhaps | FirstWords::Hold)
            | None => {
                if answers == 0 {
                    // It was taken for one by words that were taken back, or asked in pieces.
                    self.answer_screening(answers, ended);
                } else if matches!(
                    class,
                    Some(FirstWords::Unavailable | FirstWords::MailboxPerhaps)
                ) {
                    self.end(Outcome::Screened);
                } else if class.is_none() && !over_answer {
                    self.person_comes();
                }
            }
        }
    }

    fn answer_screening(&mut self, answers: u32, asked: CallTime) {
        if answers >= SCREENING_ANSWERS_MAX {
            self.end(Outcome::Screened);
            return;
        }
        self.say_who_calls(answers + 1, asked, self.now + SCREENING_WAIT_MAX);
    }

    fn say_who_calls(&mut self, answers: u32, asked: CallTime, until: CallTime) {
        self.silence_agent();
        self.answered.stage = Stage::Screening {
            answers,
            asked,
            until,
        };
        let answer = self.config.screening_answer.clone();
        self.speak_fixed(TurnKind::Screening, &answer, BargeIn::Protected);
    }

    /// The screening service put us through: the conversation begins as every other.
    fn person_comes(&mut self) {
        self.silence_agent();
        self.answered.stage = Stage::Talking;
        self.answered.close_verdict();
        let greeting = self.config.greeting.clone();
        self.speak_fixed(TurnKind::Greeting, &greeting, self.config.greeting_guard);
    }

    /// Whether a whole turn of the other end was understood: its words would have shown a screening
    /// service.
    fn has_understood(&self) -> bool {
        self.turns_heard > 0 && !self.hearing.is_speaking()
    }

    /// Whether a beep was heard and nothing behind it: not in the middle of a greeting.
    fn beep_stands(&self) -> bool {
        let Some(beep) = self.answered.found.beep else {
            return false;
        };
        let beeped = self.time_of(AudioPosition::from_millis(beep.ends_ms));
        let sounds = self.hearing.last_heard().map(|last| self.time_of(last));
        let words = self.said_before.as_ref().map(|(_, ended)| *ended);
        sounds.max(words).is_none_or(|last| last <= beeped)
    }

    fn carrier_heard_person(&self) -> bool {
        let verdict = self.answered.found.carrier.map(|(verdict, _)| verdict);
        verdict == Some(AnsweredBy::Human)
    }

    /// The end is decided: who answered is only a note.
    fn is_leaving_anyway(&self) -> bool {
        self.is_opted_out() || self.decided().is_some()
    }
}
