//! What all requests have in common: reading them, who may make them, problems, pages, traces.
//!
//! Knows no subject of the API; `routes` has those.

pub(crate) mod auth;
pub(crate) mod body;
pub(crate) mod conditional;
pub(crate) mod csv;
pub mod edge;
pub(crate) mod idempotency;
pub(crate) mod link;
pub(crate) mod page;
pub(crate) mod params;
pub(crate) mod problem;
pub(crate) mod registry;
pub(crate) mod trace;
