//! Plain tones: the beep of a mailbox, a ring-back, something to hear in a test.

use crate::{SAMPLE_RATE, mulaw};

/// The longest tone, in milliseconds: more is a mistake in the customer's arithmetic.
pub const TONE_MS_MAX: u32 = 60_000;

/// A sine of `hz` (below 4,000) for `ms` milliseconds with this peak (0 to 32,767), as µ-law.
#[must_use]
pub fn sine(hz: u16, ms: u32, peak: i16) -> Vec<u8> {
    let samples = SAMPLE_RATE / 1_000 * ms.min(TONE_MS_MAX);
    let step = f64::from(hz) * std::f64::consts::TAU / f64::from(SAMPLE_RATE);
    (0..samples)
        .map(|sample| {
            let value = (f64::from(sample) * step).sin() * f64::from(peak);
            #[expect(
                clippy::cast_possible_truncation,
                reason = "within ±peak, which is an i16"
            )]
            mulaw::encode(value as i16)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_as_long_and_as_loud_as_asked() {
        let tone = sine(1_000, 100, 8_000);
        assert_eq!(tone.len(), 800);
        let peak = tone.iter().map(|byte| mulaw::decode(*byte)).max().unwrap();
        assert!((7_500..=8_500).contains(&peak), "{peak}");
        assert!(
            sine(1_000, 20, 0)
                .iter()
                .all(|byte| *byte == mulaw::SILENCE)
        );
    }
}
