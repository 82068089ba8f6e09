//! Answering-machine detection: who or what picked up, and what is done about it.

pub(crate) mod detection;
mod first_words;
mod handling;
mod recall;
