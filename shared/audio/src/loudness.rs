//! How loud a stretch of audio is, how much of it is clipped, and whether it is sound at all: a table look-up and
//! an addition a sample, so that everybody who wants to know shares one look at it.

use crate::{FRAME_BYTES, mulaw};

/// One sample at full scale, in the bits above sizes.
const CLIPPED: u32 = 1 << 24;

/// Of each byte: the size of its sample, and [`CLIPPED`] at full scale. A frame's sum of sizes is below 2^24 and
/// its count of clipped samples below 2^8, so both fit into one number.
static WEIGHTS: [u32; 256] = weights();

/// What a stretch of µ-law audio is like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Loudness {
    samples: u32,
    /// Sum of sizes.
    size: u64,
    clipped: u32,
    flat: bool,
}

impl Loudness {
    #[must_use]
    pub fn of(audio: &[u8]) -> Self {
        let (mut size, mut clipped) = (0_u64, 0_u32);
        for stretch in audio.chunks(FRAME_BYTES) {
            let sum = stretch.iter().fold(0_u32, |sum, byte| {
                // A table of 256 has a place for every byte.
                sum.wrapping_add(WEIGHTS.get(usize::from(*byte)).copied().unwrap_or(0))
            });
            size += u64::from(sum % CLIPPED);
            clipped = clipped.saturating_add(sum / CLIPPED);
        }
        Self {
            samples: u32::try_from(audio.len()).unwrap_or(u32::MAX),
            size,
            clipped,
            flat: size == 0 || is_constant(audio, size),
        }
    }

    #[must_use]
    pub const fn samples(self) -> u32 {
        self.samples
    }

    /// The mean size of the samples; 0 without samples.
    #[must_use]
    pub fn mean(self) -> u32 {
        let mean = self.size.checked_div(self.samples.into()).unwrap_or(0);
        u32::try_from(mean).unwrap_or(u32::MAX)
    }

    /// Samples at full scale.
    #[must_use]
    pub const fn clipped(self) -> u32 {
        self.clipped
    }

    /// No sound: every sample has the same value, or is zero in either spelling. A line that lives has noise of its
    /// own.
    #[must_use]
    pub const fn is_flat(self) -> bool {
        self.flat
    }
}

/// Whether every byte is the same. `size` is the sum of sizes: mostly it says at once that they are not.
fn is_constant(audio: &[u8], size: u64) -> bool {
    let (Some((first, rest)), Some((_, but_last))) = (audio.split_first(), audio.split_last())
    else {
        return true;
    };
    let one = u64::from(mulaw::decode(*first).unsigned_abs());
    let all = u64::try_from(audio.len()).unwrap_or(u64::MAX);
    size == one.saturating_mul(all) && rest == but_last
}

const fn weights() -> [u32; 256] {
    let mut table = [0; 256];
    let decoded = mulaw::table();
    let mut byte = 0;
    while byte < 256 {
        let size = decoded[byte].unsigned_abs();
        table[byte] = size as u32;
        if size == mulaw::LOUDEST.unsigned_abs() {
            table[byte] |= CLIPPED;
        }
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{SILENCE, sine};

    #[test]
    fn a_clipped_tone_is_told_from_a_loud_one() {
        let loud = Loudness::of(&sine::sine(300, 20, 30_000));
        assert_eq!(loud.clipped(), 0);
        let mut audio = sine::sine(300, 20, 30_000);
        audio[..20].fill(0x80);
        audio[20..30].fill(0x00);
        assert_eq!(Loudness::of(&audio).clipped(), 30);
    }

    #[test]
    fn nothing_is_flat_but_what_never_moves() {
        for flat in [[SILENCE; 160], [0x7F; 160], [0x55; 160], [0x80; 160]] {
            assert!(Loudness::of(&flat).is_flat());
        }
        let mut zeros = [SILENCE; 160];
        zeros[7] = 0x7F;
        assert!(Loudness::of(&zeros).is_flat(), "both spellings of zero");
        zeros[7] = 0xFE;
        assert!(!Loudness::of(&zeros).is_flat());
        let mut two = [0x55; 160];
        two[159] = 0xD5;
        assert!(!Loudness::of(&two).is_flat(), "as large, and not the same");
        assert!(Loudness::of(&[]).is_flat());
        assert_eq!(Loudness::of(&[]).mean(), 0);
    }

    proptest! {
        #[test]
        fn it_is_what_every_sample_by_itself_says(audio in proptest::collection::vec(any::<u8>(), 0..700)) {
            let sizes: Vec<u64> = audio.iter().map(|byte| mulaw::decode(*byte).unsigned_abs().into()).collect();
            let all: u64 = sizes.iter().sum();
            let heard = Loudness::of(&audio);
            prop_assert_eq!(u64::from(heard.mean()), all.checked_div(sizes.len() as u64).unwrap_or(0));
            let clipped = audio.iter().filter(|byte| matches!(byte, 0x00 | 0x80)).count();
            prop_assert_eq!(heard.clipped() as usize, clipped);
            let flat = all == 0 || audio.iter().all(|byte| *byte == audio[0]);
            prop_assert_eq!(heard.is_flat(), flat);
        }
    }
}
