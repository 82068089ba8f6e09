//! How far a conversation is on its way to another session.

use model::{CallTime, Outcome, Turn, Waterfall};

use crate::Haste;

/// How far the call is on its way to another session.
#[derive(Debug, Default)]
pub(crate) struct Handover {
    pub(crate) haste: Option<Haste>,
    pub(crate) step: HandoverStep,
    /// The customer's wait for an answer, which the next session is to give.
    pub(crate) owed: Option<Waterfall>,
    /// Not stored by this session: for the next one, or for later.
    pub(crate) held: Vec<Turn>,
    pub(crate) not_before: CallTime,
    /// The carrier may still do what it was asked for: the end of the stream is not the end of the call.
    pub(crate) may_follow: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandoverStep {
    #[default]
    Here,
    /// The next session's token is under way to the store.
    Storing { until: CallTime },
    /// The carrier is asked to open the next session's stream.
    Redirected { until: CallTime },
    /// The stream is over; its last words are waited for.
    Listening { until: CallTime },
    /// The customer hung up while they spoke; their last words are waited for, and the call ends so.
    HungUp { until: CallTime, outcome: Outcome },
}
