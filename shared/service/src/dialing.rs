//! From a due lead to the one request at the carrier: planning, claiming, permits, dialling, and what finds
//! calls that were left on the way.

pub(crate) mod capacity;
pub(crate) mod claims;
pub mod dial;
pub mod permits;
pub mod planner;
pub(crate) mod policy;
pub mod sweeper;
pub(crate) mod upkeep;
pub mod workforce;
