//! G.711 µ-law, the simulators' own: what the product's codec does is checked against it.

const BIAS: i32 = 0x84;
const CLIP: i32 = 32_635;

const DECODED: [i16; 256] = decode_table();

/// One byte as 16-bit PCM.
#[must_use]
pub const fn decode(byte: u8) -> i16 {
    DECODED[byte as usize]
}

/// One 16-bit PCM sample as a byte. Encoding what [`decode`] gave returns the byte, but for the
/// second spelling of zero (`0x7F`).
#[must_use]
pub const fn encode(sample: i16) -> u8 {
    let sample = sample as i32;
    let (sign, magnitude) = if sample < 0 {
        (0x80_u8, -sample)
    } else {
        (0, sample)
    };
    let biased = if magnitude > CLIP { CLIP } else { magnitude } + BIAS;
    // `biased` lies in 132..=32_767: its highest set bit is bit 7 to 14.
    let exponent = 24 - biased.leading_zeros();
    let mantissa = (biased >> (exponent + 3)) & 0x0F;
    let [low, ..] = ((exponent << 4) | mantissa.unsigned_abs()).to_le_bytes();
    !(sign | low)
}

const fn decode_table() -> [i16; 256] {
    let mut table = [0_i16; 256];
    let mut byte = 0_u8;
    loop {
        let bits = !byte;
        let exponent = (bits >> 4) & 0x07;
        let mantissa = (bits & 0x0F) as i16;
        let biased = ((mantissa << 3) + 0x84) << exponent;
        let magnitude = biased.wrapping_sub(0x84);
        table[byte as usize] = if bits & 0x80 == 0 {
            magnitude
        } else {
            -magnitude
        };
        if byte == 255 {
            return table;
        }
        byte += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_of_the_standard() {
        assert_eq!(decode(0xFF), 0);
        assert_eq!(decode(0x80), 32_124);
        assert_eq!(decode(0x00), -32_124);
        assert_eq!(encode(0), 0xFF);
        assert_eq!(encode(i16::MAX), 0x80);
        assert_eq!(encode(i16::MIN), 0x00);
    }

    #[test]
    fn every_byte_survives_the_way_through_pcm() {
        for byte in 0..=255_u8 {
            let back = encode(decode(byte));
            if byte == 0x7F {
                assert_eq!(back, 0xFF, "both are zero");
            } else {
                assert_eq!(back, byte);
            }
        }
    }
}
