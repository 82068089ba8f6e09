//! Handing the call over to another session, on another worker: when nobody would notice, and without
//! losing what is said meanwhile.
//!
//! The best moment is the end of the customer's turn: they expect a pause, and the answer comes from the
//! next session. Another is a silence that lasts. From [`Action::Redirect`] on the stream may end at
//! any time, so nothing is begun here any more, and what is still heard is left to the next session.

pub(crate) mod earlier_sessions;
pub(crate) mod state;

use std::time::Duration;

use model::{CallTime, Checkpoint, Outcome, Speaker, Stage, Turn, TurnInput, Waterfall};

use self::state::HandoverStep;
use crate::Deadline;
use crate::conversation::{Agent, Conversation, how};
use crate::reply::rounds::ReplyState;
use crate::speaking::speech::Then;
use crate::{Action, CarrierClosed, Haste};

/// So long nobody has spoken before a silence counts as quiet: people answer within a second.
const QUIET: Duration = Duration::from_secs(2);
/// Storing the last turns and the next session's token takes milliseconds. Beyond, the moment is over.
const READY_WAIT_MAX: Duration = Duration::from_secs(2);
/// The carrier ends the stream within half a second of being asked. Beyond, the call goes on here: a customer
/// who speaks now waits for an answer.
const REDIRECT_WAIT_MAX: Duration = Duration::from_secs(4);
/// From a hand-over that came to nothing to the next try.
const TRY_AGAIN: Duration = Duration::from_secs(3);
/// The recognizer gets this long for the last words that the ended stream brought.
const LAST_WORDS_WAIT: Duration = Duration::from_millis(600);
/// The same where its connection was lost and has to be opened first.
const LATE_WORDS_WAIT: Duration = Duration::from_secs(3);

impl Conversation {
    /// Whether the carrier's stream is over and only its last words are waited for.
    #[must_use]
    pub const fn waits_for_last_words(&self) -> bool {
        matches!(
            self.handover.step,
            HandoverStep::Listening { .. } | HandoverStep::HungUp { .. }
        )
    }

    /// The customer has hung up. Where they spoke, what they said is waited for: they may have asked not to be called
    /// again. `false`: there is nothing to wait for.
    pub(crate) fn hears_out(&mut self, outcome: Outcome) -> bool {
        if matches!(self.agent, Agent::Offline(_) | Agent::Ended)
            || self.amd.is_machine()
            || self.is_opted_out()
        {
            return false;
        }
        let wait = if self.recognizer.is_connecting() {
            LATE_WORDS_WAIT
        } else if self.hearing.is_speaking() {
            LAST_WORDS_WAIT
        } else {
            return false;
        };
        self.handover.step = HandoverStep::HungUp {
            until: self.now + wait,
            outcome,
        };
        self.store_held();
        self.only_listen();
        true
    }

    pub(crate) fn leave(&mut self, haste: Haste) {
        self.handover.haste = self.handover.haste.max(Some(haste));
    }

    /// The next session can begin. If it is not quiet any more it does not: a word that falls between two
    /// streams is lost for ever.
    pub(crate) fn hand_over_ready(&mut self) {
        let HandoverStep::Storing { .. } = self.handover.step else {
            return;
        };
        if !self.is_quiet() || self.sounds() || !self.handover.held.is_empty() {
            self.stay();
            return;
        }
        self.handover.step = HandoverStep::Redirected {
            until: self.now + REDIRECT_WAIT_MAX,
        };
        self.out.push(Action::Redirect);
    }

    pub(crate) fn hand_over_failed(&mut self, may_follow: bool) {
        match self.handover.step {
            HandoverStep::Storing { .. } => self.stay(),
            HandoverStep::Redirected { .. } => {
                self.handover.may_follow |= may_follow;
                self.stay();
            }
            HandoverStep::Here | HandoverStep::Listening { .. } | HandoverStep::HungUp { .. } => {}
        }
    }

    /// The stream is over. `false` when that is the end of the call, or of its line.
    pub(crate) fn left(&mut self, closed: CarrierClosed) -> bool {
        match self.handover.step {
            HandoverStep::Redirected { .. } => {}
            HandoverStep::Listening { .. } | HandoverStep::HungUp { .. } => return true,
            // The carrier did after all what it was asked for.
            HandoverStep::Here | HandoverStep::Storing { .. }
                if self.handover.may_follow
                    && closed == CarrierClosed::Stopped
                    && !self.is_ending() => {}
            HandoverStep::Here | HandoverStep::Storing { .. } => return false,
        }
        self.handover.step = HandoverStep::Listening {
            until: self.now + LAST_WORDS_WAIT,
        };
        self.only_listen();
        true
    }

    /// Nobody hears us any more; what was heard of them is asked for.
    fn only_listen(&mut self) {
        if let Some(mut speech) = self.take_speech() {
            speech.cancel(&mut self.out);
            self.remember(&mut speech);
        }
        self.agent = Agent::Listening;
        self.out.push(Action::FinalizeRecognition);
        self.hearing.ask_for_final(self.now);
    }

    /// Nothing that the carrier or the clock says may begin anything here.
    pub(crate) const fn is_gone(&self) -> bool {
        matches!(
            self.handover.step,
            HandoverStep::Redirected { .. }
                | HandoverStep::Listening { .. }
                | HandoverStep::HungUp { .. }
        )
    }

    /// On its way, if it can still turn back.
    pub(crate) const fn is_moving(&self) -> bool {
        !matches!(self.handover.step, HandoverStep::Here)
    }

    /// A turn that the next session stores if there is one. Gives it back where this one does.
    pub(crate) fn hold(&mut self, turn: Turn) -> Option<Turn> {
        match self.handover.step {
            HandoverStep::Here | HandoverStep::HungUp { .. } => Some(turn),
            HandoverStep::Storing { .. }
            | HandoverStep::Redirected { .. }
            | HandoverStep::Listening { .. } => {
                self.handover.held.push(turn);
                None
            }
        }
    }

    /// The call ends here.
    pub(crate) fn end_handover(&mut self) {
        self.handover.step = HandoverStep::Here;
        self.store_held();
    }

    /// Stores what was held back.
    fn store_held(&mut self) {
        for turn in std::mem::take(&mut self.handover.held) {
            self.out.push(Action::StoreTurn(turn));
        }
    }

    /// The customer is to be answered: by the next session, if this is the moment.
    pub(crate) fn answered_elsewhere(&mut self, waterfall: &Waterfall) -> bool {
        if self.is_moving() {
            self.handover.owed = Some(waterfall.clone());
            return true;
        }
        if self.handover.haste.is_none() || self.now < self.handover.not_before {
            return false;
        }
        if matches!(self.agent, Agent::Stopped(_)) {
            self.listen();
        }
        if !self.is_quiet() || self.sounds() {
            return false;
        }
        self.hand_over(Some(waterfall.clone()));
        true
    }

    pub(crate) fn handover_due(&self) -> Option<(CallTime, Deadline)> {
        match self.handover.step {
            HandoverStep::Here => self.quiet_from().map(|at| (at, Deadline::QuietMoment)),
            HandoverStep::Storing { until } | HandoverStep::Redirected { until } => {
                Some((until, Deadline::Handover))
            }
            HandoverStep::Listening { until } | HandoverStep::HungUp { until, .. } => {
                Some((until, Deadline::LastWords))
            }
        }
    }

    pub(crate) fn check_handover(&mut self) {
        if self.handover_due().is_none_or(|(due, _)| due > self.now) {
            return;
        }
        match self.handover.step {
            HandoverStep::Here => {
                let owed = self.drop_thought();
                self.hand_over(owed);
            }
            HandoverStep::Storing { .. } => self.stay(),
            HandoverStep::Redirected { .. } => {
                self.handover.may_follow = true;
                self.stay();
            }
            HandoverStep::Listening { .. } => self.go(),
            HandoverStep::HungUp { outcome, .. } => self.end(outcome),
        }
    }

    /// The worker cannot wait any longer.
    pub(crate) fn drained(&mut self) {
        if let HandoverStep::HungUp { outcome, .. } = self.handover.step {
            self.end(outcome);
        } else if self.is_gone() {
            self.go();
        } else {
            self.end(Outcome::WorkerLost);
        }
    }

    /// Goes on where the session before was.
    pub(crate) fn go_on(&mut self, checkpoint: &Checkpoint) {
        self.silence
            .go_on(checkpoint.silent_since, checkpoint.reminders);
        self.amd.go_on(&checkpoint.detection);
    }

    /// Gives the answer that the session before left to this one.
    pub(crate) fn answer_owed(&mut self, checkpoint: &Checkpoint) {
        if let Some(stopped) = checkpoint.owed_since {
            self.answer(Waterfall::from_customer_stopped(stopped.min(self.now)));
        }
    }

    /// The session before heard this, and stored it after this one began.
    pub(crate) fn hear_of(&mut self, turn: &Turn) {
        self.next_seq = self.next_seq.max(turn.seq.saturating_add(1));
        self.history.push_turn(turn);
        if turn.speaker == Speaker::Agent {
            return;
        }
        self.silence.broken();
        self.silence.begins(self.now);
        self.turns_heard = self.turns_heard.saturating_add(1);
        let asked = match turn.input {
            TurnInput::Speech => self.asks_to_opt_out(&turn.text, turn.started_at),
            TurnInput::Keypad => self.config.is_opt_out_key(&turn.text),
        };
        if turn.input == TurnInput::Speech {
            self.look_at_late_words(&turn.text);
            self.said_before = Some((turn.text.clone(), turn.ended_at));
        }
        if matches!(self.agent, Agent::Ended) {
            return;
        }
        if asked {
            self.note_opt_out(how(turn.input));
            self.hush_for_opt_out();
            return;
        }
        let waterfall = Waterfall::from_customer_stopped(turn.ended_at.min(self.now));
        let goes_on = self.hearing.has_words() || self.keypad.is_some();
        match &self.agent {
            // What they go on with is answered together with it.
            Agent::Listening | Agent::Speaking(_) if self.amd.is_apart() => {}
            Agent::Listening if goes_on || self.is_opted_out() => {}
            Agent::Listening => self.answer(waterfall),
            // Nobody heard anything of the answer to the words before: there is one to all of them.
            Agent::Speaking(speech) if speech.answer.is_some() && !speech.is_audible() => {
                self.drop_speech();
                if !goes_on {
                    self.answer(waterfall);
                }
            }
            Agent::Speaking(speech) if matches!(speech.then, Then::Listen | Then::Open) => {
                self.waiting.waterfall = Some(waterfall);
            }
            Agent::Stopped(stopped) if stopped.speech.then == Then::Listen => {
                self.waiting.waterfall = Some(waterfall);
            }
            Agent::Speaking(_) | Agent::Stopped(_) | Agent::Offline(_) | Agent::Ended => {}
        }
    }

    fn hand_over(&mut self, owed: Option<Waterfall>) {
        let stopped = owed
            .as_ref()
            .and_then(|owed| owed.at(Stage::CustomerStopped));
        let checkpoint = Checkpoint {
            owed_since: stopped,
            silent_since: self.silence.since(),
            reminders: self.silence.reminders(),
            detection: self.amd.detection(),
        };
        self.handover.owed = owed;
        self.handover.step = HandoverStep::Storing {
            until: self.now + READY_WAIT_MAX,
        };
        self.out.push(Action::HandOver(checkpoint));
    }

    /// The call goes on here after all.
    fn stay(&mut self) {
        self.handover.step = HandoverStep::Here;
        self.handover.not_before = self.now + TRY_AGAIN;
        self.out.push(Action::Stay);
        self.store_held();
        let Some(owed) = self.handover.owed.take().filter(|_| !self.is_ending()) else {
            return;
        };
        match &self.agent {
            Agent::Listening => {
                self.waiting.waterfall.get_or_insert(owed);
                self.reply_to_waiting();
            }
            Agent::Speaking(_) | Agent::Stopped(_) => {
                self.waiting.waterfall.get_or_insert(owed);
            }
            Agent::Offline(_) | Agent::Ended => {}
        }
    }

    /// All is heard: the rest is the next session's.
    fn go(&mut self) {
        self.store_unanswered();
        self.agent = Agent::Ended;
        let rest = std::mem::take(&mut self.handover.held);
        self.out.push(Action::Leave(rest));
    }

    /// Nobody speaks or has anything to say, nothing is under way, and the call is not about to end.
    fn is_quiet(&self) -> bool {
        matches!(self.agent, Agent::Listening)
            && !self.hearing.has_words()
            && self.keypad.is_none()
            && self.waiting.messages.is_empty()
            && !self.amd.is_apart()
            && !self.is_opted_out()
            && !self.is_over_limit()
    }

    /// From when on it is quiet if nothing happens.
    fn quiet_from(&self) -> Option<CallTime> {
        let after = match self.handover.haste? {
            Haste::WhenQuiet => QUIET,
            Haste::AtNextPause => Duration::ZERO,
        };
        let fits = self.is_quiet() || self.only_thinks();
        let mut silent = (self.silence.since() + after).max(self.handover.not_before);
        if self.hearing.is_speaking() {
            // A sound without words: some may follow.
            silent = silent.max(self.silence.sounds_until());
        }
        fits.then_some(silent)
    }

    /// Whether the customer makes a sound that may become words.
    fn sounds(&self) -> bool {
        self.hearing.is_speaking() && self.silence.sounds_until() > self.now
    }

    /// The end is decided, or the other end is no person: nobody is handed over.
    fn is_ending(&self) -> bool {
        self.decided().is_some() || self.is_opted_out() || self.amd.is_apart()
    }

    /// The agent has begun an answer of which nothing can be heard and nothing was done yet; in haste it is
    /// left to the next session.
    fn only_thinks(&self) -> bool {
        let Agent::Speaking(speech) = &self.agent else {
            return false;
        };
        let untouched = speech.answer.as_ref().is_some_and(|answer| {
            answer.rounds.is_empty()
                && matches!(
                    answer.state,
                    ReplyState::Due { .. } | ReplyState::Asked { .. }
                )
        });
        self.handover.haste == Some(Haste::AtNextPause)
            && untouched
            && !speech.is_audible()
            && speech.then == Then::Listen
            && self.waiting.messages.is_empty()
            && !self.hearing.has_words()
            && self.keypad.is_none()
            && !self.is_over_limit()
    }

    fn drop_thought(&mut self) -> Option<Waterfall> {
        let Agent::Speaking(speech) = &self.agent else {
            return None;
        };
        let stopped = speech.waterfall.as_ref();
        let stopped = stopped.and_then(|waterfall| waterfall.at(Stage::CustomerStopped));
        self.drop_speech();
        Some(Waterfall::from_customer_stopped(
            stopped.unwrap_or(self.now),
        ))
    }
}
