//! Somebody does not want to be called again: stored first, acknowledged then, and the call ends.

use std::time::Duration;

use model::{BargeIn, CallTime, OptOutHow, Outcome, TurnKind};

use super::state::OptOut;
use crate::Action;
use crate::Deadline;
use crate::conversation::limit::Limit;
use crate::conversation::{Agent, Conversation};
use crate::speaking::speech::{Speech, Then};

/// How long the acknowledgement waits for the store. Beyond, it is said while the session goes on
/// storing: the person must not be left in silence.
const STORED_WAIT_MAX: Duration = Duration::from_secs(3);

impl Conversation {
    pub(crate) fn is_opted_out(&self) -> bool {
        self.opt_out != OptOut::NotAsked
    }

    /// Asks for it to be stored, the first time.
    pub(crate) fn note_opt_out(&mut self, how: OptOutHow) {
        if self.is_opted_out() {
            return;
        }
        self.out.push(Action::OptOut(how));
        self.opt_out = OptOut::Storing {
            until: self.now + STORED_WAIT_MAX,
        };
    }

    /// Stops everything else once somebody opted out. `false` when nobody did.
    pub(crate) fn hush_for_opt_out(&mut self) -> bool {
        if !self.is_opted_out() {
            return false;
        }
        if self.amd.is_apart() && !matches!(self.agent, Agent::Ended) {
            // Nor is the message left to who wants none.
            self.end(Outcome::OptedOut);
        } else if self.is_heard_leaving() || matches!(self.agent, Agent::Ended) {
            // Last words that are being said are as good.
            self.opt_out = OptOut::Settled;
        } else if let OptOut::Storing { .. } = self.opt_out {
            self.silence_agent();
        }
        true
    }

    /// It is stored.
    pub(crate) fn opt_out_stored(&mut self) {
        match self.opt_out {
            // The next session hears of it with the words. If there is none, it is said here then.
            OptOut::Storing { .. } if self.is_gone() => {}
            OptOut::Storing { .. } => self.acknowledge(),
            OptOut::NotAsked | OptOut::Settled => {}
        }
    }

    pub(crate) fn opt_out_due(&self) -> Option<(CallTime, Deadline)> {
        match self.opt_out {
            OptOut::Storing { until } if !self.is_gone() => Some((until, Deadline::OptOutStored)),
            OptOut::Storing { .. } | OptOut::NotAsked | OptOut::Settled => None,
        }
    }

    pub(crate) fn check_opt_out(&mut self) {
        if self.opt_out_due().is_some_and(|(due, _)| due <= self.now) {
            self.acknowledge();
        }
    }

    /// Whether the last words are in the air.
    fn is_heard_leaving(&self) -> bool {
        let audible = matches!(&self.agent, Agent::Speaking(speech) if speech.is_audible());
        audible && self.decided().is_some()
    }

    fn acknowledge(&mut self) {
        self.opt_out = OptOut::Settled;
        if let Agent::Offline(_) | Agent::Ended = self.agent {
            return;
        }
        self.silence_agent();
        self.limit = Limit::farewell(self.now);
        let words = self.config.acknowledgement.clone();
        let then = Then::End(Outcome::OptedOut);
        let guard = BargeIn::Protected;
        let speech = Speech::fixed(TurnKind::Farewell, &words, guard, then, &mut self.out);
        self.agent = Agent::Speaking(Box::new(speech));
    }
}
