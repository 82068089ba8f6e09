//! The worker as a process: what it serves, what its calls share, and what it says of itself.

pub(crate) mod fleet;
pub(crate) mod serve;
pub(crate) mod start;
pub(crate) mod worker;
