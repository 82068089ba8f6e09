//! ITU-T G.711 µ-law: one byte a sample, linear to 14 bits and back, by tables made at compile time.

/// The byte for no sound at all.
pub const SILENCE: u8 = 0xFF;

/// Added before the logarithm so that small values have a segment too (G.711's 33, in 16 bits).
const BIAS: i16 = 132;
/// Larger values cannot be told apart.
const CLIP: i16 = 32_635;

/// The largest sample that a byte stands for.
pub(crate) const LOUDEST: i16 = 32_124;

static DECODED: [i16; 256] = table();

/// The sample that a byte stands for.
#[must_use]
pub fn decode(byte: u8) -> i16 {
    // A table of 256 has a place for every byte.
    DECODED.get(usize::from(byte)).copied().unwrap_or(0)
}

/// The byte that stands for a sample.
#[must_use]
pub const fn encode(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    // `saturating_abs`: the most negative value has no positive twin.
    let size = sample.saturating_abs();
    let size = if size > CLIP { CLIP } else { size } + BIAS;
    // The place of the highest bit, from 7 (quiet) to 14 (loud), is the segment.
    let segment = 8 - size.leading_zeros();
    let step = (size >> (segment + 3)) & 0x0F;
    !(sign | low_byte(segment) << 4 | low_byte(step.cast_unsigned() as u32))
}

/// Decodes into a buffer that is reused from frame to frame.
pub fn decode_into(bytes: &[u8], samples: &mut Vec<i16>) {
    samples.extend(bytes.iter().map(|byte| decode(*byte)));
}

/// Encodes into a buffer that is reused from frame to frame.
pub fn encode_into(samples: &[i16], bytes: &mut Vec<u8>) {
    bytes.extend(samples.iter().map(|sample| encode(*sample)));
}

const fn low_byte(value: u32) -> u8 {
    value.to_le_bytes()[0]
}

/// The sample of every byte.
pub(crate) const fn table() -> [i16; 256] {
    let mut table = [0; 256];
    let mut byte = 0u8;
    loop {
        let bits = !byte;
        let step = (bits & 0x0F) as i16;
        let segment = (bits >> 4) & 0x07;
        let size = (((step << 3) + BIAS) << segment) - BIAS;
        table[byte as usize] = if bits & 0x80 == 0 { size } else { -size };
        if byte == u8::MAX {
            return table;
        }
        byte += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_values_of_the_standard() {
        assert_eq!(decode(0xFF), 0);
        assert_eq!(decode(0x7F), 0);
        assert_eq!(decode(0x80), 32_124);
        assert_eq!(decode(0x00), -32_124);
        assert_eq!(encode(0), SILENCE);
        assert_eq!(encode(i16::MAX), 0x80);
        assert_eq!(encode(i16::MIN), 0x00);
        assert_eq!(encode(1_000), 0xCE);
        assert_eq!(encode(-1_000), 0x4E);
    }

    #[test]
    fn every_byte_survives_decoding_and_encoding() {
        for byte in 0..=u8::MAX {
            // Two bytes stand for zero; the encoder writes one of them.
            let expected = if byte == 0x7F { SILENCE } else { byte };
            assert_eq!(encode(decode(byte)), expected, "{byte:#x}");
        }
    }

    proptest! {
        #[test]
        fn a_sample_moves_by_less_than_its_own_step(sample in any::<i16>()) {
            let back = i32::from(decode(encode(sample)));
            let size = i32::from(sample).abs().min(32_635);
            let step = (size + 132) / 16;
            prop_assert!((back.abs() - size).abs() <= step.max(4), "{sample} -> {back}");
        }

        #[test]
        fn louder_stays_louder(a in any::<i16>(), b in any::<i16>()) {
            prop_assume!(a <= b);
            prop_assert!(decode(encode(a)) <= decode(encode(b)));
        }
    }
}
