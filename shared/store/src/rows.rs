//! Rows by what they are about: a repository each.

pub(crate) mod account;
pub(crate) mod call;
pub(crate) mod campaign;
pub(crate) mod dialing;
pub(crate) mod events;
pub(crate) mod shelf;
