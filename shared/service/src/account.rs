//! Who asks, and what they may do.

pub mod access;
pub mod keys;
