//! How many bytes a time is and the reverse. One byte is one sample, so this is all there is.

use std::time::Duration;

/// Samples, and bytes, a second of telephone audio.
pub const SAMPLE_RATE: u32 = 8_000;
/// Bytes a millisecond.
pub const BYTES_PER_MS: usize = 8;
/// The carriers' frame, in milliseconds.
pub const FRAME_MS: u64 = 20;
/// The carriers' frame, in bytes.
pub const FRAME_BYTES: usize = 160;

const MICROS_PER_BYTE: u64 = 125;

/// How long this many bytes last.
#[must_use]
pub const fn duration_of(bytes: u64) -> Duration {
    Duration::from_micros(bytes.saturating_mul(MICROS_PER_BYTE))
}

/// How many whole bytes are played in this time.
#[must_use]
pub fn bytes_in(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX) / MICROS_PER_BYTE
}

/// The part of `bytes` that is whole frames.
#[must_use]
pub const fn whole_frames(bytes: usize) -> usize {
    bytes - bytes % FRAME_BYTES
}

/// How many bytes of silence make `bytes` end with a whole frame.
#[must_use]
pub const fn padding(bytes: usize) -> usize {
    bytes.next_multiple_of(FRAME_BYTES) - bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_twenty_milliseconds() {
        let frame = Duration::from_millis(FRAME_MS);
        assert_eq!(bytes_in(frame), 160);
        assert_eq!(duration_of(160), frame);
        assert_eq!(bytes_in(Duration::from_micros(249)), 1);
        assert_eq!((whole_frames(479), padding(479)), (320, 1));
        assert_eq!((whole_frames(480), padding(480)), (480, 0));
    }
}
