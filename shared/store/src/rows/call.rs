//! Calls, their sessions and turns.

pub(crate) mod calls;
pub(crate) mod follow_ups;
pub(crate) mod inbound;
pub(crate) mod labels;
pub(crate) mod reconciliations;
pub(crate) mod sessions;
pub(crate) mod turns;
