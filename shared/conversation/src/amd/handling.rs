//! When something else than a person answers: hang up, leave a message after the beep, tell a screening
//! service who calls. Until that is known the conversation goes on as with a person.

use std::time::Duration;

use audio::LineSound;
use model::{
    AmdEvidence, AnsweredBy, AudioPosition, BargeIn, CallTime, CarrierVerdict, HeardBeep,
    LeftMessage, MachineAction, MessageCue, Outcome, Turn, TurnKind,
};

use crate::Action;
use crate::amd::detection::{
    AmdStage, Before, DOUBT_MAX, QUESTION_PAUSE_MAX, SCREENING_ANSWERS_MAX, SCREENING_WAIT_MAX,
};
use crate::amd::first_words::{self, FirstWords};
use crate::amd::recall::{Recalled, RecalledStage};
use crate::conversation::{Agent, Conversation};
use crate::listening::hearing::Said;
use crate::speaking::speech::{Speech, Then};

/// Voice activity that began this shortly before a beep is the beep.
const BEEP_ONSET_MAX: Duration = Duration::from_millis(200);

impl Conversation {
    /// What was found out about who answered, for the call's row; `None` for an inbound call.
    #[must_use]
    pub fn answered(&self) -> Option<model::AmdResult> {
        self.amd.told()
    }

    /// Whether tones on the customer's line mean anything now: while they do, the session listens for them
    /// and tells of each by [`crate::Event::LineSound`].
    #[must_use]
    pub fn wants_line_sounds(&self) -> bool {
        match self.agent {
            Agent::Ended => false,
            Agent::Offline(_) | Agent::Listening | Agent::Speaking(_) | Agent::Stopped(_) => {
                self.amd.wants_tones(self.now)
            }
        }
    }

    /// Takes up what the sessions before knew of who answered, as if it was heard just now.
    pub(crate) fn catch_up(&mut self) {
        let Some(Before { verdict, recalled }) = self.amd.before.take() else {
            return;
        };
        let Recalled {
            stage,
            mailbox_at,
            hinted,
            words,
        } = recalled;
        self.amd.hinted |= hinted;
        if let Some(at) = mailbox_at {
            self.amd.found.words = Some((AnsweredBy::Machine, at));
        }
        match stage {
            RecalledStage::Talking => {
                self.verdict(verdict);
                if mailbox_at.is_some()
                    && !self.carrier_heard_person()
                    && !matches!(self.agent, Agent::Ended)
                {
                    self.machine_found(AmdEvidence::Words, None);
                }
                self.amd.cut_words = words;
            }
            RecalledStage::Leaving(message) => {
                let by = if verdict.map(AnsweredBy::from) == Some(AnsweredBy::Machine) {
                    AmdEvidence::Carrier
                } else if mailbox_at.is_some() {
                    AmdEvidence::Words
                } else {
                    AmdEvidence::Tone
                };
                self.amd.decide(AnsweredBy::Machine, by, self.now);
                if message.whole {
                    // Only its end was never told.
                    let after = message.after;
                    self.amd.found.message = Some(message);
                    self.amd.stage = AmdStage::Leaving { after };
                    self.end(Outcome::VoicemailLeft);
                    return;
                }
                // A mailbox keeps all that it hears: a message without its second half is followed by a whole one.
                self.leave_message(message.after);
                if !matches!(self.agent, Agent::Ended) {
                    self.verdict(verdict);
                }
            }
            RecalledStage::Screening {
                answers,
                asked,
                waits,
            } => {
                self.amd.found.words = Some((AnsweredBy::Screening, asked));
                let by = AmdEvidence::Words;
                self.amd.decide(AnsweredBy::Screening, by, self.now);
                let until = asked + SCREENING_WAIT_MAX;
                self.amd.stage = AmdStage::Screening {
                    answers,
                    asked,
                    until,
                };
                self.verdict(verdict);
                if matches!(self.agent, Agent::Ended) || !waits {
                    return;
                }
                if words.is_empty() {
                    self.say_who_calls(answers.max(1), asked, until);
                } else {
                    self.screening_said(&words, false, answers, asked, until);
                }
            }
        }
    }

    /// The carrier's verdict, or that there is none yet.
    pub(crate) fn verdict(&mut self, verdict: Option<CarrierVerdict>) {
        // A session that leaves begins nothing; the next one asks again.
        let Some(verdict) = verdict.filter(|_| !self.is_gone()) else {
            self.amd.no_verdict(self.now);
            return;
        };
        if self.amd.found.carrier.is_some() {
            return;
        }
        self.amd.found.carrier = Some((verdict, self.now));
        self.amd.close_verdict();
        if self.is_leaving_anyway() {
            return;
        }
        let decided = self.amd.found.decided_by.is_some();
        match AnsweredBy::from(verdict) {
            AnsweredBy::Human if !decided => {
                let by = AmdEvidence::Carrier;
                self.amd.decide(AnsweredBy::Human, by, self.now);
                self.amd.forget_quiet();
            }
            AnsweredBy::Fax => {
                let by = AmdEvidence::Carrier;
                self.amd.decide(AnsweredBy::Fax, by, self.now);
                self.end(Outcome::Fax);
            }
            AnsweredBy::Machine => {
                let over = match verdict {
                    CarrierVerdict::MachineEndBeep
                    | CarrierVerdict::MachineEndSilence
                    | CarrierVerdict::MachineEndOther => Some(MessageCue::Carrier),
                    CarrierVerdict::Human
                    | CarrierVerdict::MachineStart
                    | CarrierVerdict::Fax
                    | CarrierVerdict::Unknown => None,
                };
                self.machine_found(AmdEvidence::Carrier, over);
            }
            AnsweredBy::Human | AnsweredBy::Screening | AnsweredBy::Unknown => {
                self.amd.forget_quiet();
            }
        }
    }

    pub(crate) fn line_sound(&mut self, sound: LineSound) {
        if self.is_gone() {
            return;
        }
        self.amd.sounded();
        match sound {
            LineSound::Beep(beep) => {
                if !self.beep_stands() {
                    let ends_ms = beep.ends_at / audio::BYTES_PER_MS as u64;
                    let hz = beep.hz;
                    self.amd.found.beep = Some(HeardBeep { ends_ms, hz });
                }
                let starts_ms = beep.starts_at / audio::BYTES_PER_MS as u64;
                self.beeped(AudioPosition::from_millis(starts_ms));
            }
            LineSound::Fax => {
                if self.amd.is_opening(self.now) && !self.is_leaving_anyway() {
                    let by = AmdEvidence::Tone;
                    self.amd.decide(AnsweredBy::Fax, by, self.now);
                    self.end(Outcome::Fax);
                }
            }
            LineSound::Quiet => {
                self.amd.quiet = true;
                if let AmdStage::Waiting { .. } = self.amd.stage {
                    self.leave_message(MessageCue::Quiet);
                }
            }
            LineSound::Loud => self.amd.quiet = false,
        }
    }

    /// Looks at what the callee says first.
    pub(crate) fn look_at_words(&mut self) {
        self.amd.sounded();
        if self.words_tell() {
            let text = self.hearing.text();
            self.look_at(&text);
        }
    }

    /// Looks at words that the session before heard.
    pub(crate) fn look_at_late_words(&mut self, text: &str) {
        if self.words_tell() {
            self.look_at(text);
        }
    }

    fn words_tell(&self) -> bool {
        self.amd.is_opening(self.now) && !self.is_leaving_anyway() && !self.is_gone()
    }

    fn look_at(&mut self, text: &str) {
        match (self.class_of(text), self.amd.stage) {
            (
                Some(FirstWords::Screening),
                AmdStage::Talking | AmdStage::Doubting { .. } | AmdStage::Waiting { .. },
            ) => self.screening_found(),
            (Some(FirstWords::Mailbox), AmdStage::Talking | AmdStage::Doubting { .. }) => {
                self.amd.hinted = true;
                let found = &mut self.amd.found;
                found.words.get_or_insert((AnsweredBy::Machine, self.now));
                // The carrier heard a person: words alone do not make them a machine.
                if !self.carrier_heard_person() || self.beep_stands() {
                    self.machine_found(AmdEvidence::Words, None);
                }
            }
            (Some(FirstWords::MailboxPerhaps), AmdStage::Talking) => {
                self.amd.hinted = true;
                if self.beep_stands() {
                    self.machine_found(AmdEvidence::Words, Some(MessageCue::Beep));
                }
            }
            (Some(_) | None, _) => {}
        }
    }

    /// Takes a turn that is not of a conversation. `false` when it is.
    pub(crate) fn take_machine_turn(&mut self) -> bool {
        if !self.amd.is_apart() {
            return false;
        }
        let Some(said) = self.hearing.take() else {
            return true;
        };
        match self.amd.stage {
            AmdStage::Screening {
                answers,
                asked,
                until,
            } => self.screening_turn(&said, answers, asked, until),
            AmdStage::Doubting { .. } => {
                let class = self.class_of(&said.text);
                self.store_said(&said);
                if class != Some(FirstWords::Screening) {
                    self.end(Outcome::Voicemail);
                }
            }
            AmdStage::Waiting { .. } | AmdStage::Leaving { .. } | AmdStage::Talking => {
                self.store_said(&said);
            }
        }
        true
    }

    pub(crate) fn check_amd(&mut self) {
        if self.is_gone() || matches!(self.agent, Agent::Ended) {
            return;
        }
        if self.amd.ask(self.now) {
            self.out.push(Action::AskVerdict);
        }
        if let AmdStage::Waiting { .. } = self.amd.stage
            && self.amd.is_silent(self.now)
        {
            self.leave_message(MessageCue::Quiet);
            return;
        }
        if !self.amd.is_overdue(self.now) {
            return;
        }
        match self.amd.stage {
            AmdStage::Screening { .. } => self.end(Outcome::Screened),
            AmdStage::Doubting { .. } | AmdStage::Waiting { .. } => self.end(Outcome::Voicemail),
            AmdStage::Talking | AmdStage::Leaving { .. } => {}
        }
    }

    /// The outcome of a call that ends while the other end is no person.
    pub(crate) const fn outcome_apart(&self) -> Option<Outcome> {
        match self.amd.stage {
            AmdStage::Talking => None,
            AmdStage::Screening { .. } => Some(Outcome::Screened),
            AmdStage::Doubting { .. } | AmdStage::Waiting { .. } | AmdStage::Leaving { .. } => {
                Some(Outcome::Voicemail)
            }
        }
    }

    /// The message is over, heard to its end or not: notes what was left, and how the call ends.
    pub(crate) fn message_over(&mut self, turn: Option<&Turn>) -> Option<Outcome> {
        let AmdStage::Leaving { after } = self.amd.stage else {
            return None;
        };
        if self.amd.found.message.is_none()
            && let Some(turn) = turn
        {
            let heard = turn.ended_at.since(turn.started_at);
            self.amd.found.message = Some(LeftMessage {
                started_at: turn.started_at,
                heard_ms: u64::try_from(heard.as_millis()).unwrap_or(u64::MAX),
                whole: !turn.interrupted,
                after,
            });
        }
        let whole = self.amd.found.message.is_some_and(|left| left.whole);
        Some(if whole {
            Outcome::VoicemailLeft
        } else {
            Outcome::Voicemail
        })
    }

    /// The other end is a machine; `cue`: its greeting is over.
    fn machine_found(&mut self, by: AmdEvidence, cue: Option<MessageCue>) {
        match self.amd.stage {
            AmdStage::Talking => self.machine_is_new(by, cue),
            AmdStage::Waiting { .. } => {
                if let Some(cue) = cue {
                    self.leave_message(cue);
                }
            }
            AmdStage::Doubting { .. } => {
                // Its words, or its beep, are no screening service's.
                if by != AmdEvidence::Carrier {
                    self.amd.decide(AnsweredBy::Machine, by, self.now);
                    self.end(Outcome::Voicemail);
                }
            }
            // A screening service is a machine as well.
            AmdStage::Screening { .. } | AmdStage::Leaving { .. } => {}
        }
    }

    fn machine_is_new(&mut self, by: AmdEvidence, cue: Option<MessageCue>) {
        self.amd.decide(AnsweredBy::Machine, by, self.now);
        let has_message = self.config.voicemail_message.is_some();
        match self.amd.action {
            MachineAction::Talk => {}
            MachineAction::LeaveMessage if has_message => {
                self.silence_agent();
                let until = self.amd.beep_by(self.now);
                self.amd.stage = AmdStage::Waiting { until };
                let beeped = self.beep_stands().then_some(MessageCue::Beep);
                let quiet = self.amd.quiet.then_some(MessageCue::Quiet);
                if let Some(cue) = cue.or(beeped).or(quiet) {
                    self.leave_message(cue);
                }
            }
            MachineAction::HangUp | MachineAction::LeaveMessage => {
                if by == AmdEvidence::Carrier && !self.has_understood() {
                    self.silence_agent();
                    let until = self.now + DOUBT_MAX;
                    self.amd.stage = AmdStage::Doubting { until };
                } else {
                    self.end(Outcome::Voicemail);
                }
            }
        }
    }

    /// A beep alone says little once a person was heard, and everything to who waits for it. Behind or within
    /// words that are no mailbox's it may be one of their sounds: then the carrier's verdict decides.
    fn beeped(&mut self, starts: AudioPosition) {
        match self.amd.stage {
            AmdStage::Waiting { .. } => self.leave_message(MessageCue::Beep),
            AmdStage::Doubting { .. } => self.machine_found(AmdEvidence::Tone, None),
            AmdStage::Talking => {
                let began = self.hearing.began();
                let speaks = began.is_some_and(|began| began + BEEP_ONSET_MAX < starts);
                let alone = self.turns_heard == 0 && !speaks;
                let likely = self.amd.hinted || alone && self.amd.is_open();
                if likely && self.amd.is_opening(self.now) && !self.is_leaving_anyway() {
                    self.machine_found(AmdEvidence::Tone, Some(MessageCue::Beep));
                }
            }
            AmdStage::Screening { .. } | AmdStage::Leaving { .. } => {}
        }
    }

    fn leave_message(&mut self, after: MessageCue) {
        let Some(message) = self.config.voicemail_message.clone() else {
            self.end(Outcome::Voicemail);
            return;
        };
        self.amd.stage = AmdStage::Leaving { after };
        let then = Then::End(Outcome::VoicemailLeft);
        let guard = BargeIn::Protected;
        let speech = Speech::fixed(TurnKind::Voicemail, &message, guard, then, &mut self.out);
        self.agent = Agent::Speaking(Box::new(speech));
    }

    fn screening_found(&mut self) {
        self.amd.found.words = Some((AnsweredBy::Screening, self.now));
        let by = AmdEvidence::Words;
        self.amd.decide(AnsweredBy::Screening, by, self.now);
        self.silence_agent();
        self.amd.stage = AmdStage::Screening {
            answers: 0,
            asked: self.now,
            until: self.now + SCREENING_WAIT_MAX,
        };
    }

    /// What came out of a screening service: more of its question, the question again, that it tries, that
    /// nobody is there, or the person.
    fn screening_turn(&mut self, said: &Said, answers: u32, asked: CallTime, until: CallTime) {
        let message = self.store_said(said);
        if self.is_opted_out() {
            return;
        }
        self.history.push(message);
        let (started, ended) = (self.time_of(said.started), self.time_of(said.ended));
        let goes_on = answers > 0 && started.since(asked) <= QUESTION_PAUSE_MAX;
        self.screening_said(&said.text, goes_on, answers, ended, until);
    }

    /// Does what its words call for; `goes_on`: they are the rest of a question that was answered too soon.
    fn screening_said(
        &mut self,
        text: &str,
        goes_on: bool,
        answers: u32,
        ended: CallTime,
        until: CallTime,
    ) {
        // What is said over our answer is mostly the rest of the question.
        let over_answer =
            matches!(&self.agent, Agent::Speaking(speech) if !speech.is_heard(self.now));
        let class = first_words::class(text);
        match class {
            Some(FirstWords::Mailbox) => {
                self.amd.stage = AmdStage::Talking;
                self.machine_is_new(AmdEvidence::Words, None);
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
        self.amd.stage = AmdStage::Screening {
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
        self.amd.stage = AmdStage::Talking;
        self.amd.close_verdict();
        let greeting = self.config.greeting.clone();
        self.speak_fixed(TurnKind::Greeting, &greeting, self.config.greeting_guard);
    }

    /// What words sound like that come first, also together with those that a break cut off before them.
    fn class_of(&self, text: &str) -> Option<FirstWords> {
        let cut = &self.amd.cut_words;
        first_words::class(text).or_else(|| {
            let rest_of_them = !cut.is_empty();
            let whole = rest_of_them.then(|| format!("{cut} {text}"))?;
            first_words::class(&whole)
        })
    }

    /// Whether a whole turn of the other end was understood: its words would have shown a screening
    /// service.
    fn has_understood(&self) -> bool {
        self.turns_heard > 0 && !self.hearing.is_speaking()
    }

    /// Whether a beep was heard and nothing behind it: not in the middle of a greeting.
    fn beep_stands(&self) -> bool {
        let Some(beep) = self.amd.found.beep else {
            return false;
        };
        let beeped = self.time_of(AudioPosition::from_millis(beep.ends_ms));
        let sounds = self.hearing.last_heard().map(|last| self.time_of(last));
        let words = self.said_before.as_ref().map(|(_, ended)| *ended);
        sounds.max(words).is_none_or(|last| last <= beeped)
    }

    fn carrier_heard_person(&self) -> bool {
        let verdict = self.amd.found.carrier.map(|(verdict, _)| verdict);
        verdict == Some(CarrierVerdict::Human)
    }

    /// The end is decided: who answered is only a note.
    fn is_leaving_anyway(&self) -> bool {
        self.is_opted_out() || self.decided().is_some()
    }
}
