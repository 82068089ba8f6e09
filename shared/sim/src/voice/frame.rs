//! One frame: 160 samples whose lowest bits carry 20 bytes.

use crc::{CRC_32_ISO_HDLC, Crc, Table};

/// Samples, which are bytes, in a frame of 20 ms.
pub const FRAME_BYTES: usize = 160;

/// Letters (bytes of UTF-8) that one frame carries.
pub(super) const TEXT_BYTES: usize = 8;

const CARRIED_BYTES: usize = FRAME_BYTES / 8;
const CHECKED_BYTES: usize = CARRIED_BYTES - 4;

/// First of the carried bits. Its first bit differs from that of silence, so that silence is passed
/// over a sample at a time without a second look.
const SYNC: [u8; 2] = [0x35, 0xC6];
const SYNC_BITS: [u8; 16] = sync_bits();

static CHECKSUM: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);

/// What one frame of a word says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    /// The speech that the word belongs to.
    pub(super) speech: u16,
    /// The word's place in the speech, from 0.
    pub(super) word: u16,
    /// The frame's place in the word, from 0, and how many there are.
    pub(super) part: u8,
    pub(super) parts: u8,
    /// Letters of the word, zeros where there are no more.
    pub(super) text: [u8; TEXT_BYTES],
}

impl Frame {
    /// Writes the frame into the low bits of these samples.
    pub(super) fn write(&self, samples: &mut [u8; FRAME_BYTES]) {
        for sample in samples.iter_mut() {
            // The second spelling of zero would not survive the way through PCM.
            if *sample | 1 == 0x7F {
                *sample |= 0x80;
            }
        }
        let mut carried = [0_u8; CARRIED_BYTES];
        let [speech_high, speech_low] = self.speech.to_be_bytes();
        let [word_high, word_low] = self.word.to_be_bytes();
        let head = [
            SYNC[0],
            SYNC[1],
            speech_high,
            speech_low,
            word_high,
            word_low,
            self.part,
            self.parts,
        ];
        for (to, from) in carried.iter_mut().zip(head.iter().chain(&self.text)) {
            *to = *from;
        }
        let sum = checksum(samples, &carried).to_be_bytes();
        for (to, from) in carried.iter_mut().skip(CHECKED_BYTES).zip(sum) {
            *to = from;
        }
        for (octet, byte) in samples.chunks_exact_mut(8).zip(carried) {
            for (bit, sample) in (0..8).rev().zip(octet) {
                *sample = (*sample & 0xFE) | ((byte >> bit) & 1);
            }
        }
    }

    /// Reads a frame that begins with the first of these samples, if one does and is whole.
    pub(super) fn read(samples: &[u8; FRAME_BYTES]) -> Option<Self> {
        if !begins(samples) {
            return None;
        }
        let mut carried = [0_u8; CARRIED_BYTES];
        for (octet, byte) in samples.chunks_exact(8).zip(&mut carried) {
            *byte = octet
                .iter()
                .fold(0, |bits, sample| (bits << 1) | (sample & 1));
        }
        let [_, _, s1, s0, w1, w0, part, parts, text @ .., c3, c2, c1, c0] = carried;
        if u32::from_be_bytes([c3, c2, c1, c0]) != checksum(samples, &carried) {
            return None;
        }
        Some(Self {
            speech: u16::from_be_bytes([s1, s0]),
            word: u16::from_be_bytes([w1, w0]),
            part,
            parts,
            text,
        })
    }
}

/// Whether the low bits of the first samples are the sync word.
fn begins(samples: &[u8; FRAME_BYTES]) -> bool {
    samples
        .iter()
        .zip(SYNC_BITS)
        .all(|(sample, bit)| sample & 1 == bit)
}

/// Over the upper bits of the samples and all carried bytes but the checksum's own.
fn checksum(samples: &[u8; FRAME_BYTES], carried: &[u8; CARRIED_BYTES]) -> u32 {
    let mut upper = *samples;
    for sample in &mut upper {
        *sample &= 0xFE;
    }
    let mut digest = CHECKSUM.digest();
    digest.update(&upper);
    let (checked, _sum) = carried.split_at(CHECKED_BYTES);
    digest.update(checked);
    digest.finalize()
}

const fn sync_bits() -> [u8; 16] {
    let mut bits = [0; 16];
    let mut index = 0;
    while index < 16 {
        bits[index] = (SYNC[index / 8] >> (7 - index % 8)) & 1;
        index += 1;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Frame = Frame {
        speech: 0xBEEF,
        word: 7,
        part: 2,
        parts: 9,
        text: *b"trunk\0\0\0",
    };

    fn written() -> [u8; FRAME_BYTES] {
        let mut samples = [0; FRAME_BYTES];
        for (at, sample) in samples.iter_mut().enumerate() {
            *sample = u8::try_from(at * 37 % 256).unwrap();
        }
        FRAME.write(&mut samples);
        samples
    }

    #[test]
    fn a_frame_reads_back() {
        assert_eq!(Frame::read(&written()), Some(FRAME));
    }

    #[test]
    fn any_single_bit_changed_anywhere_is_noticed() {
        for at in 0..FRAME_BYTES {
            for bit in 0..8 {
                let mut samples = written();
                samples[at] ^= 1 << bit;
                assert_eq!(Frame::read(&samples), None, "sample {at}, bit {bit}");
            }
        }
    }

    #[test]
    fn the_low_bits_survive_the_way_through_pcm() {
        let through =
            written().map(|byte| super::super::mulaw::encode(super::super::mulaw::decode(byte)));
        assert_eq!(through, written());
    }
}
