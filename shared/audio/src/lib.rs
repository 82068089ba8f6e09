//! Telephone audio: µ-law at 8 kHz, its arithmetic, a cheap guess whether anybody speaks, and what the line is like.
//!
//! Pure functions on bytes. It does not know carriers, vendors, calls or clocks.

pub mod beep;
pub mod frames;
pub mod line;
pub mod loudness;
pub mod mulaw;
pub mod sine;
pub mod vad;

pub use beep::{Beep, LineListener, LineSound};
pub use frames::{BYTES_PER_MS, FRAME_BYTES, FRAME_MS, SAMPLE_RATE, bytes_in, duration_of};
pub use line::{CustomerFrame, LineMeter, LineTotals};
pub use loudness::Loudness;
pub use mulaw::SILENCE;
pub use vad::{Activity, Vad};
