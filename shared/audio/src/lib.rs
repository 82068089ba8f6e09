//! Telephone audio: µ-law at 8 kHz, its arithmetic, and a cheap guess whether anybody speaks.
//!
//! Pure functions on bytes. It does not know carriers, vendors, calls or clocks.

pub mod frames;
pub mod gate;
pub mod mulaw;
pub mod tone;
pub mod tones;

pub use frames::{BYTES_PER_MS, FRAME_BYTES, FRAME_MS, SAMPLE_RATE, bytes_in, duration_of};
pub use gate::{Activity, SpeechGate};
pub use mulaw::SILENCE;
pub use tones::{Beep, LineListener, LineSound};
