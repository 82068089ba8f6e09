//! A call that moves between workers: the session that hands it over, the session that goes on, and whether
//! another worker is there.

pub(crate) mod client;
pub(crate) mod late_turns;
pub(crate) mod readiness;
