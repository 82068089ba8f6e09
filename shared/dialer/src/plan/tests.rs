//! Situations of `plan`.
