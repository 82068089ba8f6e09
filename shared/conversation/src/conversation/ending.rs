//! How a call ends: politely where there is time for it, and always once.

use model::{BargeIn, Outcome, TurnKind};

use crate::Action;
use crate::conversation::limit::Limit;
use crate::conversation::{Agent, Conversation};
use crate::speaking::speech::{Speech, Then};

impl Conversation {
    /// Says goodbye and ends the call when that was played. Who has begun to say goodbye goes on.
    pub(crate) fn say_farewell(&mut self, outcome: Outcome, lead_in: Option<&str>) {
        if let Agent::Offline(_) = self.agent {
            self.end(outcome);
            return;
        }
        if self.is_saying_goodbye() {
            return;
        }
        self.silence_agent();
        // Somebody who speaks up after all is listened to; nothing else can change the end.
        let guard = if outcome == Outcome::CustomerSilent {
            self.config.guard
        } else {
            self.limit = Limit::farewell(self.now);
            BargeIn::Protected
        };
        let farewell = &self.config.farewell;
        let text = lead_in.map_or_else(|| farewell.clone(), |lead| format!("{lead} {farewell}"));
        let then = Then::End(outcome);
        let speech = Speech::fixed(TurnKind::Farewell, &text, guard, then, &mut self.out);
        self.agent = Agent::Speaking(Box::new(speech));
    }

    /// The call cannot go on: apologises behind what is being said, or instead of it, and ends it so.
    pub(crate) fn apologise(&mut self, outcome: Outcome) {
        if self.amd.is_machine() || self.is_opted_out() || self.is_gone() {
            // Nobody is there to apologise to, and no words are needed for a beep. Who opted out hears that
            // it was understood, and nothing else. Another session has vendors of its own.
            return;
        }
        let apology = self.config.phrases.apology;
        if !self.is_saying_goodbye()
            && let Agent::Speaking(speech) = &mut self.agent
            && speech.is_audible()
            && speech
                .answer
                .as_ref()
                .is_none_or(|answer| answer.is_complete())
            && speech.add_last_words(&[apology, &self.config.farewell], outcome)
        {
            self.limit = Limit::farewell(self.now);
            return;
        }
        self.say_farewell(outcome, Some(apology));
    }

    /// The call is over. What was said so far is stored; nothing follows.
    pub(crate) fn end(&mut self, outcome: Outcome) {
        // Two things may be due at once that each end it.
        if matches!(self.agent, Agent::Ended) {
            return;
        }
        self.end_handover();
        if let Some(mut speech) = self.take_speech() {
            speech.cancel(&mut self.out);
            self.remember(&mut speech);
        }
        self.store_unanswered();
        self.agent = Agent::Ended;
        let breaks_off = matches!(outcome, Outcome::StreamLost | Outcome::WorkerLost);
        let outcome = if self.is_opted_out() {
            Outcome::OptedOut
        } else {
            match self.message_over(None) {
                // Another session says it again, from its beginning.
                Some(Outcome::Voicemail) if breaks_off => outcome,
                Some(left) => left,
                None => outcome,
            }
        };
        self.out.push(Action::End(outcome));
    }

    pub(crate) fn check_limit(&mut self) {
        if self.limit.due() > self.now || self.is_moving() {
            return;
        }
        let audible = matches!(&self.agent, Agent::Speaking(speech) if speech.is_audible());
        match self.limit {
            Limit::At(_) | Limit::Grace(_) if self.is_saying_goodbye() || self.is_opted_out() => {
                self.limit = Limit::farewell(self.now);
            }
            Limit::At(_) | Limit::Grace(_) if self.amd.is_apart() => {
                self.end(self.outcome_apart().unwrap_or(Outcome::DurationLimit));
            }
            Limit::At(_) if audible => self.limit = Limit::grace(self.now),
            Limit::At(_) | Limit::Grace(_) => self.say_farewell(Outcome::DurationLimit, None),
            Limit::Farewell(_) => self.end(self.decided().unwrap_or(Outcome::DurationLimit)),
        }
    }

    /// The limit is reached and only the sentence in the air was waited for.
    pub(crate) const fn is_over_limit(&self) -> bool {
        matches!(self.limit, Limit::Grace(_))
    }

    /// The last words are being said and nothing stops them.
    pub(crate) fn is_closing(&self) -> bool {
        let Agent::Speaking(speech) = &self.agent else {
            return false;
        };
        matches!(speech.then, Then::End(_)) && speech.guard == BargeIn::Protected
    }

    /// The outcome that the last words lead to, if they are being said.
    pub(crate) fn decided(&self) -> Option<Outcome> {
        match &self.agent {
            Agent::Speaking(speech) => match speech.then {
                Then::End(outcome) => Some(outcome),
                Then::Listen | Then::Open => None,
            },
            Agent::Offline(_) | Agent::Listening | Agent::Stopped(_) | Agent::Ended => None,
        }
    }

    fn is_saying_goodbye(&self) -> bool {
        self.decided().is_some()
    }

    /// Stops whatever the agent says or thinks, for good.
    pub(crate) fn silence_agent(&mut self) {
        if let Some(mut speech) = self.take_speech() {
            if speech.is_audible() && !speech.is_heard(self.now) {
                self.out.push(Action::Clear);
            }
            speech.cancel(&mut self.out);
            self.remember(&mut speech);
        }
        self.waiting.waterfall = None;
        self.listen();
    }
}
