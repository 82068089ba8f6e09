//! Situations of `after`.
