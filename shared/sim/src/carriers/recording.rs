//! Recordings as the carrier keeps them: WAV files of 16-bit PCM at 8 kHz.
//!
//! A [`Recorder`] makes the samples of one call; [`RecordingFiles`] keeps files, in a folder or in memory.
//! A file is a valid WAV at every moment but for the lengths in its header, which are written when the
//! recording is finished, by the process that began it or by the next one.

mod files;
mod recorder;
mod wav;

pub use files::RecordingFiles;
pub use recorder::Recorder;
pub use wav::{HEADER_BYTES, SAMPLE_RATE, header, to_mono};
