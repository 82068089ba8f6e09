//! The first scene: who is called, what they say, and whether everything happened that should have.

pub(crate) mod books;
pub mod client;
pub mod people;
pub mod scene;
pub(crate) mod welcome;
