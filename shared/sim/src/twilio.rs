//! Twilio, simulated: REST, signed webhooks, TwiML, Media Streams, recordings.

mod detector;
mod line;
mod playout;
mod stream;

pub use line::{Lateness, Line, LineEvent};
pub use playout::{BUFFER_BYTES_MAX, MARKS_MAX, PlayoutStats};
pub use stream::{MESSAGE_BYTES_MAX, MediaStream, StreamIds, StreamProblem};
