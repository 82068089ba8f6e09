//! What was before this session of the call.

use std::time::Duration;

use model::{CallTime, Checkpoint, Turn};

/// The sessions that went before; nothing where the call begins.
#[derive(Debug, Clone, Default)]
pub struct EarlierSessions {
    /// Every turn stored so far, in order.
    pub turns: Vec<Turn>,
    /// How long ago the call began, when this session does.
    pub elapsed: Duration,
    /// Where the session before stood when it handed the call over; `None` when it broke off.
    pub checkpoint: Option<Checkpoint>,
}

impl EarlierSessions {
    /// The call time at which this session begins: never before a turn that is over, whatever the clocks of
    /// two machines say.
    #[must_use]
    pub fn now(&self) -> CallTime {
        let said = self.turns.iter().map(|turn| turn.ended_at).max();
        (CallTime::ZERO + self.elapsed).max(said.unwrap_or_default())
    }
}
