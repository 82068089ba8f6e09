//! A list's bytes: what kind of file it is, and its records.

pub(crate) mod detect;
pub(crate) mod format;
pub(crate) mod garbled;
mod guess;
pub(crate) mod problem;
pub(crate) mod quote;
pub(crate) mod reader;
mod source;
pub(crate) mod text;
