//! What a phone sends while nobody speaks: noise some 70 dB below full scale, as every living line has it.

use super::FRAME_BYTES;

/// Zeros and the steps next to zero but one, in both signs: their lowest bits are those of silence, so that no word
/// begins in them.
const NOISE: [u8; 4] = [0xFF, 0x7F, 0xFD, 0x7D];
/// A second that is heard over and over, each frame from another place in it.
const SAMPLES: usize = 8_191;
static SECOND: [u8; SAMPLES + FRAME_BYTES] = second();

/// The noise of one phone.
#[derive(Debug, Clone)]
pub struct Room {
    chance: u32,
}

impl Room {
    #[must_use]
    pub const fn new(seed: u32) -> Self {
        Self {
            chance: seed.wrapping_mul(2_654_435_761),
        }
    }

    /// The next 20 ms.
    pub fn frame(&mut self) -> [u8; FRAME_BYTES] {
        self.chance = next(self.chance);
        let place = usize::try_from(self.chance >> 8).unwrap_or(0) % SAMPLES;
        let noise = SECOND.get(place..).and_then(<[u8]>::first_chunk);
        noise.copied().unwrap_or([super::SILENCE; FRAME_BYTES])
    }
}

const fn second() -> [u8; SAMPLES + FRAME_BYTES] {
    let mut second = [0; SAMPLES + FRAME_BYTES];
    let mut chance = 1;
    let mut at = 0;
    while at < second.len() {
        chance = next(chance);
        second[at] = NOISE[(chance >> 30) as usize];
        at += 1;
    }
    second
}

const fn next(chance: u32) -> u32 {
    chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::voice::{Heard, Listener, mulaw};

    #[test]
    fn a_room_is_never_quite_silent_and_nobody_hears_anything_in_it() {
        let mut room = Room::new(125);
        let mut listener = Listener::new();
        for nth in 0..500_u64 {
            let frame = room.frame();
            let loudest = frame.map(|byte| mulaw::decode(byte).unsigned_abs());
            assert_eq!(loudest.into_iter().max(), Some(16));
            let heard = listener.hear(&frame, nth * FRAME_BYTES as u64);
            assert_eq!(heard, Vec::<Heard>::new());
        }
    }
}
