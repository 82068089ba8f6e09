//! How long a WAV file is, by its first bytes.

use std::time::Duration;

/// Where the first chunk begins: behind `RIFF`, a length and `WAVE`.
const FIRST_CHUNK: usize = 12;
/// A chunk's name and length.
const CHUNK_HEADER: usize = 8;
/// Bytes a second within a format chunk.
const BYTE_RATE: usize = 8;

/// The length of the audio in a WAV file of so many bytes that begins like this. `None` where that is no WAV
/// file, or its header does not say it. Counts what came: a header's own length is often wrong where a file was
/// written while it was streamed.
pub(super) fn length(beginning: &[u8], bytes: u64) -> Option<Duration> {
    if beginning.get(..4)? != b"RIFF" || beginning.get(8..12)? != b"WAVE" {
        return None;
    }
    let mut at = FIRST_CHUNK;
    let mut byte_rate = None;
    loop {
        let name = beginning.get(at..at + 4)?;
        let size = usize::try_from(number(beginning, at + 4)?).ok()?;
        let content = at + CHUNK_HEADER;
        if name == b"fmt " {
            byte_rate = Some(number(beginning, content + BYTE_RATE)?).filter(|rate| *rate > 0);
        }
        if name == b"data" {
            let audio = bytes.saturating_sub(u64::try_from(content).ok()?);
            let micros = audio.saturating_mul(1_000_000) / u64::from(byte_rate?);
            return Some(Duration::from_micros(micros));
        }
        // Chunks have even lengths.
        at = content.checked_add(size)?.checked_add(size % 2)?;
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header as carriers write it: 8 kHz, two channels of 16 bits.
    fn header(before_data: &[u8]) -> Vec<u8> {
        let mut wav = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x02\0".to_vec();
        wav.extend(8_000_u32.to_le_bytes());
        wav.extend(32_000_u32.to_le_bytes());
        wav.extend(b"\x04\0\x10\0");
        wav.extend(before_data);
        wav.extend(b"data\xff\xff\xff\xff");
        wav
    }

    #[test]
    fn the_length_is_that_of_the_audio_that_came() {
        let plain = header(b"");
        assert_eq!(length(&plain, 44 + 64_000), Some(Duration::from_secs(2)));
        assert_eq!(length(&plain, 44), Some(Duration::ZERO));
        let listed = header(b"LIST\x03\0\0\0abc\0");
        assert_eq!(
            length(&listed, 56 + 16_000),
            Some(Duration::from_millis(500))
        );
    }

    #[test]
    fn what_is_no_wav_file_has_no_length() {
        let mut still = header(b"");
        still[28..32].copy_from_slice(&[0; 4]);
        for other in [
            &b""[..],
            b"RIFF",
            b"ID3\x04 and so on, for a while",
            &header(b"")[..40],
            &still,
        ] {
            assert_eq!(length(other, 1_000_000), None, "{other:?}");
        }
        // A chunk that claims to be longer than there are bytes.
        let endless = header(b"LIST\xff\xff\xff\xff");
        assert_eq!(length(&endless, 1_000_000), None);
    }
}
