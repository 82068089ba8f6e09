//! What was before this session of the call.

use std::time::Duration;

use model::{CallTime, CarrierVerdict, Checkpoint, Speaker, Turn, TurnKind};

/// A first session is opened within the millisecond that the call counts from.
const FIRST_SESSION_MAX: Duration = Duration::from_millis(1);

/// What a customer is still to hear whose line broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owed {
    Nothing,
    /// The answer to their last words: as far as is known none of it was heard.
    Answer,
    /// The rest of an answer that they heard the beginning of.
    Rest,
}

/// The sessions that went before; nothing where the call begins.
#[derive(Debug, Clone, Default)]
pub struct EarlierSessions {
    /// Every turn stored so far, in order.
    pub turns: Vec<Turn>,
    /// How long ago the call began, when this session does.
    pub elapsed: Duration,
    /// Where the session before stood when it handed the call over; `None` when it broke off.
    pub checkpoint: Option<Checkpoint>,
    /// The carrier's verdict on who answered, where it had one when this session began.
    pub verdict: Option<CarrierVerdict>,
}

impl EarlierSessions {
    /// The call time at which this session begins: never before a turn that is over, whatever the clocks of
    /// two machines say.
    #[must_use]
    pub fn now(&self) -> CallTime {
        let said = self.turns.iter().map(|turn| turn.ended_at).max();
        (CallTime::ZERO + self.elapsed).max(said.unwrap_or_default())
    }

    /// Whether there were any.
    pub(crate) fn were_there(&self) -> bool {
        self.checkpoint.is_some() || !self.turns.is_empty() || self.elapsed > FIRST_SESSION_MAX
    }

    /// Whether the customer knows who calls: a greeting that broke off is said again, as if the call began.
    pub(crate) fn has_greeted(&self) -> bool {
        let mut agent = self.spoken().filter(|turn| turn.speaker == Speaker::Agent);
        let answers = self
            .spoken()
            .skip_while(|turn| turn.speaker == Speaker::Customer)
            .any(|turn| turn.speaker == Speaker::Customer);
        answers || agent.any(|turn| turn.kind != TurnKind::Greeting || !turn.interrupted)
    }

    /// What the customer is still to hear.
    pub(crate) fn owed(&self) -> Owed {
        match self.spoken().next_back() {
            Some(last) if last.speaker == Speaker::Customer => Owed::Answer,
            Some(last) if last.kind == TurnKind::Talk && last.interrupted => Owed::Rest,
            Some(_) | None => Owed::Nothing,
        }
    }

    /// The turns but for what was said about breaks of the line, and that the call is recorded.
    pub(crate) fn spoken(&self) -> impl DoubleEndedIterator<Item = &Turn> {
        let turns = self.turns.iter();
        turns.filter(|turn| !matches!(turn.kind, TurnKind::Bridge | TurnKind::Notice))
    }
}
