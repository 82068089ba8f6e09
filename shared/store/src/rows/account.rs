//! Tenants and what they configure.

pub(crate) mod accounts;
pub(crate) mod agents;
pub(crate) mod idempotency;
pub(crate) mod numbers;
pub(crate) mod prompts;
pub(crate) mod uses;
