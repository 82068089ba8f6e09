//! Speech that carries its own words: text to µ-law audio whose low bits say what is spoken.
//!
//! Every 20 ms frame of a spoken word (160 bytes of µ-law at 8 kHz) carries 20 bytes in the lowest
//! bit of each sample: a sync word, the speech's and the word's number, which part of the word it is
//! and of how many, some of the word's letters, and a checksum over those and over the upper bits of
//! the frame's samples. A [`Listener`] finds frames at any byte offset, so audio may be cut into
//! messages anywhere, and reports a word only when every one of its frames came whole, in order and
//! back to back; anything else is heard as a garbled or a cut word. To a human ear it is a hum with
//! the rhythm of speech. The low bits survive decoding to 16-bit PCM and encoding again, so words
//! can be read back out of recordings.
//!
//! It knows nothing of carriers, vendors or people.

mod frame;
mod listener;
pub mod mulaw;
mod room;
mod speak;

pub use frame::FRAME_BYTES;
pub use listener::{Heard, Listener};
pub use room::Room;
pub use speak::{Speech, SpokenWord, Voice, noise, speak};

/// µ-law silence.
pub const SILENCE: u8 = 0xFF;

/// Samples, which are bytes, in a millisecond.
pub const SAMPLES_PER_MS: u64 = 8;

#[cfg(test)]
mod tests;
