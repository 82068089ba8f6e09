//! Situations of `permit`.
