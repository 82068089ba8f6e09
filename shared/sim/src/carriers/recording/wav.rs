//! The WAV format, as far as recordings need it.

/// Samples a second and channel.
pub const SAMPLE_RATE: u32 = 8_000;

/// Bytes before the first sample.
pub const HEADER_BYTES: usize = 44;

/// The header of a file with this many bytes of samples.
#[must_use]
pub fn header(channels: u16, sample_bytes: u32) -> [u8; HEADER_BYTES] {
    let block = channels * 2;
    let rate = SAMPLE_RATE * u32::from(block);
    let mut header = [0; HEADER_BYTES];
    let parts: [&[u8]; 13] = [
        b"RIFF",
        &sample_bytes.saturating_add(36).to_le_bytes(),
        b"WAVE",
        b"fmt ",
        &16_u32.to_le_bytes(),
        &1_u16.to_le_bytes(),
        &channels.to_le_bytes(),
        &SAMPLE_RATE.to_le_bytes(),
        &rate.to_le_bytes(),
        &block.to_le_bytes(),
        &16_u16.to_le_bytes(),
        b"data",
        &sample_bytes.to_le_bytes(),
    ];
    for (to, from) in header.iter_mut().zip(parts.concat()) {
        *to = from;
    }
    header
}

/// Mixes samples of two channels into one.
#[must_use]
pub fn to_mono(stereo: &[u8]) -> Vec<u8> {
    let mut mono = Vec::with_capacity(stereo.len() / 2);
    for pair in stereo.chunks_exact(4) {
        if let [a, b, c, d] = pair {
            let one = i16::from_le_bytes([*a, *b]);
            let two = i16::from_le_bytes([*c, *d]);
            mono.extend_from_slice(&one.saturating_add(two).to_le_bytes());
        }
    }
    mono
}
