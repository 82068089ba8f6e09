//! A list's bytes: what kind of file it is, and its records.

pub(crate) mod detect;
pub(crate) mod format;
pub(crate) mod problem;
pub(crate) mod reader;
pub(crate) mod text;
