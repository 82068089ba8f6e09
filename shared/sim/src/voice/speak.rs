//! From text to speech: the sound, and the words in it.

use std::f64::consts::TAU;
use std::sync::Arc;

use super::frame::{FRAME_BYTES, Frame, TEXT_BYTES};
use super::{SAMPLES_PER_MS, SILENCE, mulaw};

/// Speaking time of a letter, which makes about 2.7 English words a second.
const LETTER_MS: u32 = 65;
/// A digit is spoken as a word of its own.
const DIGIT_MS: u32 = 260;
/// The shortest word.
const WORD_FRAMES_MIN: u32 = 6;
/// The longest word: frames are counted in a byte.
const WORD_FRAMES_MAX: u32 = 255;
/// Letters of the longest word; longer ones are spoken in pieces of this.
const WORD_BYTES_MAX: usize = 255 * TEXT_BYTES - 4;
/// Words of one speech that can be told apart; a speech ends there (about six hours).
const WORDS_MAX: usize = 65_535;

const PAUSE_MS: u64 = 60;
const PAUSE_COMMA_MS: u64 = 160;
const PAUSE_STOP_MS: u64 = 300;

/// Entries of a table that holds one period of a vowel.
const PERIOD: usize = 256;
/// Upper end of the telephone band.
const BAND_HZ: f64 = 3_400.0;

/// First three resonances in Hz of: a, e, i, o, u, and a closed mouth (consonants, "mm").
const FORMANTS: [[f64; 3]; 6] = [
    [730.0, 1_190.0, 2_440.0],
    [530.0, 1_840.0, 2_480.0],
    [290.0, 2_250.0, 2_950.0],
    [500.0, 880.0, 2_410.0],
    [320.0, 870.0, 2_240.0],
    [250.0, 1_050.0, 2_200.0],
];
const CLOSED: usize = 5;

/// How somebody sounds. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Voice {
    pitch_hz: f64,
    /// Speed in percent; 100 is about 2.7 words a second.
    rate_percent: u32,
    tables: Arc<[[i16; PERIOD]; 6]>,
}

/// A stretch of speech.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Speech {
    /// µ-law at 8 kHz, one byte a sample. Ends with the pause that follows its last word.
    pub audio: Vec<u8>,
    pub words: Vec<SpokenWord>,
    /// Every character of the text, white space included, with the sample at which it begins. Never
    /// goes back.
    pub chars: Vec<(char, u64)>,
}

/// A word within a [`Speech`], punctuation included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpokenWord {
    pub text: String,
    /// First sample of the word, and the first after it.
    pub start: u64,
    pub end: u64,
}

impl Voice {
    /// A voice with this pitch (about 80 to 260 Hz) at normal speed.
    #[must_use]
    pub fn new(pitch_hz: u16) -> Self {
        let pitch_hz = f64::from(pitch_hz.clamp(60, 400));
        Self {
            pitch_hz,
            rate_percent: 100,
            tables: Arc::new(FORMANTS.map(|formants| vowel(pitch_hz, &formants))),
        }
    }

    /// The same voice, slower or faster (25 to 400 percent).
    #[must_use]
    pub fn at_rate(mut self, percent: u32) -> Self {
        self.rate_percent = percent.clamp(25, 400);
        self
    }

    /// A voice that belongs to this name or vendor's voice id: always the same for the same name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self::new(90 + hash16(name.as_bytes(), 0) % 150)
    }

    fn frames(&self, word: &str) -> u32 {
        let ms: u32 = word
            .chars()
            .filter(|letter| letter.is_alphanumeric())
            .map(|letter| {
                if letter.is_ascii_digit() {
                    DIGIT_MS
                } else {
                    LETTER_MS
                }
            })
            .fold(0, u32::saturating_add);
        let ms = ms.saturating_mul(100) / self.rate_percent;
        let bytes = u32::try_from(word.len()).unwrap_or(u32::MAX);
        let needed = bytes.div_ceil(8).max(WORD_FRAMES_MIN);
        ms.div_ceil(20).max(needed).min(WORD_FRAMES_MAX)
    }
}

/// Speaks the text. A text without a word gives no audio.
#[must_use]
pub fn speak(text: &str, voice: &Voice) -> Speech {
    let mut speech = Speech::default();
    let mut mouth = Mouth::new(voice);
    let id = hash16(text.as_bytes(), voice.rate_percent);
    for token in tokens(text) {
        let at = position(&speech.audio);
        if token.trim().is_empty() {
            speech
                .chars
                .extend(token.chars().map(|letter| (letter, at)));
            continue;
        }
        let Some(index) = u16::try_from(speech.words.len())
            .ok()
            .filter(|index| usize::from(*index) < WORDS_MAX)
        else {
            speech
                .chars
                .extend(token.chars().map(|letter| (letter, at)));
            continue;
        };
        mouth.word(token, id, index, &mut speech.audio);
        let end = position(&speech.audio);
        let letters = u64::try_from(token.chars().count())
            .unwrap_or(u64::MAX)
            .max(1);
        for (nth, letter) in (0..).zip(token.chars()) {
            speech.chars.push((letter, at + (end - at) * nth / letters));
        }
        speech.words.push(SpokenWord {
            text: token.to_owned(),
            start: at,
            end,
        });
        let pause = usize::try_from(pause_ms(token) * SAMPLES_PER_MS).unwrap_or(0);
        speech.audio.resize(speech.audio.len() + pause, SILENCE);
    }
    speech
}

/// Sound in this voice without any word in it: a cough, a door, traffic. Voice activity detection
/// hears it, recognition finds nothing.
#[must_use]
pub fn noise(ms: u32, voice: &Voice) -> Vec<u8> {
    let mut mouth = Mouth::new(voice);
    let samples = usize::try_from(u64::from(ms) * SAMPLES_PER_MS).unwrap_or(0);
    (0..samples)
        .map(|_sample| mulaw::encode(mouth.sample('h', 100)))
        .collect()
}

/// What makes the sound, from sample to sample.
struct Mouth<'a> {
    voice: &'a Voice,
    /// Where in the period we are: the upper eight bits are the table's index.
    phase: u32,
    /// Vowel that sounds, and the one it comes from, with how far it has come (256 is all the way).
    vowel: usize,
    vowel_before: usize,
    blend: i32,
    /// Loudness that sounds now; follows its target so that nothing clicks.
    loudness: i32,
    /// Pitch in percent of the voice's own; sinks over a phrase.
    pitch_percent: i32,
    chance: u32,
}

impl<'a> Mouth<'a> {
    fn new(voice: &'a Voice) -> Self {
        Self {
            voice,
            phase: 0,
            vowel: CLOSED,
            vowel_before: CLOSED,
            blend: 256,
            loudness: 0,
            pitch_percent: 112,
            chance: 0x2545_F491,
        }
    }

    fn word(&mut self, word: &str, speech: u16, index: u16, audio: &mut Vec<u8>) {
        let frames = self.voice.frames(word);
        let Ok(parts) = u8::try_from(frames) else {
            return;
        };
        let letters: Vec<char> = word.chars().collect();
        let rises = word.ends_with('?');
        let total = frames * 160;
        let mut at = 0_u32;
        let mut text = word.as_bytes().chunks(TEXT_BYTES);
        for part in 0..parts {
            let mut samples = [SILENCE; FRAME_BYTES];
            for sample in &mut samples {
                let spot = usize::try_from(u64::from(at) * letters.len() as u64 / u64::from(total));
                let letter = spot.ok().and_then(|spot| letters.get(spot)).copied();
                // The word swells and fades within 30 ms at its ends.
                let edge = at.min(total - at).min(240);
                let envelope = i32::try_from(edge * 100 / 240).unwrap_or(100).max(25);
                *sample = mulaw::encode(self.sample(letter.unwrap_or('m'), envelope));
                at += 1;
            }
            let mut carried = [0; TEXT_BYTES];
            for (to, from) in carried.iter_mut().zip(text.next().unwrap_or_default()) {
                *to = *from;
            }
            let frame = Frame {
                speech,
                word: index,
                part,
                parts,
                text: carried,
            };
            frame.write(&mut samples);
            audio.extend_from_slice(&samples);
            if rises {
                self.pitch_percent = (self.pitch_percent + 2).min(140);
            }
        }
        self.pitch_percent = match word.chars().last() {
            Some('.' | '!' | '?' | ';' | ':') => 112,
            Some(',') => 104,
            Some(_) | None => (self.pitch_percent - 2).max(88),
        };
    }

    fn sample(&mut self, letter: char, envelope: i32) -> i16 {
        let (vowel, loudness, breath) = mouth_shape(letter);
        if vowel != self.vowel && self.blend >= 256 {
            self.vowel_before = self.vowel;
            self.vowel = vowel;
            self.blend = 0;
        }
        self.blend = (self.blend + 1).min(256);
        let target = loudness * envelope / 100;
        self.loudness += (target - self.loudness) / 32 + (target - self.loudness).signum();

        self.chance = self
            .chance
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        let index = usize::from(self.phase.to_be_bytes()[0]);
        let of = |vowel: usize| {
            let table = self.voice.tables.get(vowel);
            i32::from(
                table
                    .and_then(|table| table.get(index))
                    .copied()
                    .unwrap_or(0),
            )
        };
        let voiced =
            (of(self.vowel) * self.blend + of(self.vowel_before) * (256 - self.blend)) / 256;
        let hiss = i32::from(self.chance.to_be_bytes()[0]) * 64 - 8_160;
        let mixed = (voiced * (100 - breath) + hiss * breath) / 100;
        let step = self.voice.pitch_hz * f64::from(self.pitch_percent) / 100.0 / 8_000.0;
        self.phase = self.phase.wrapping_add(fraction_to_phase(step));
        i16::try_from((mixed * self.loudness / 100).clamp(-30_000, 30_000)).unwrap_or(0)
    }
}

/// Vowel, loudness in percent and share of breath in percent that a letter sounds with.
fn mouth_shape(letter: char) -> (usize, i32, i32) {
    match letter.to_ascii_lowercase() {
        'a' | '1' | '8' => (0, 100, 0),
        'e' | '7' | '0' => (1, 95, 0),
        'i' | 'y' | '3' | '6' => (2, 85, 0),
        'o' | '4' | '9' => (3, 100, 0),
        'u' | 'w' | '2' | '5' => (4, 90, 0),
        's' | 'f' | 'x' | 'z' | 'c' => (CLOSED, 45, 55),
        't' | 'k' | 'p' | 'q' => (CLOSED, 35, 35),
        'h' => (1, 50, 40),
        _ => (CLOSED, 60, 3),
    }
}

/// One period of a vowel: harmonics of the pitch, as loud as the resonances let them be.
fn vowel(pitch_hz: f64, formants: &[f64; 3]) -> [i16; PERIOD] {
    let mut wave = [0.0_f64; PERIOD];
    let mut harmonic = 1.0;
    while harmonic * pitch_hz < BAND_HZ {
        let hz = harmonic * pitch_hz;
        let resonance: f64 = formants
            .iter()
            .zip([1.0, 0.5, 0.25])
            .map(|(formant, weight)| weight / (1.0 + ((hz - formant) / 90.0).powi(2)))
            .sum();
        let loud = (resonance + 0.03) / harmonic.sqrt();
        // Spread phases, so that the period is not one sharp click.
        let shift = harmonic * harmonic * 0.4;
        let mut angle = shift;
        for value in &mut wave {
            *value += loud * angle.sin();
            angle += TAU * harmonic / 256.0;
        }
        harmonic += 1.0;
    }
    let peak = wave
        .iter()
        .fold(1e-9_f64, |peak, value| peak.max(value.abs()));
    wave.map(|value| to_i16(value / peak * 9_000.0))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "clamped to the range before"
)]
fn to_i16(value: f64) -> i16 {
    value.clamp(-32_000.0, 32_000.0) as i16
}

/// A share of a period (0 to 1) as a step of the phase, of which a whole turn is 2^32.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the range before"
)]
fn fraction_to_phase(share: f64) -> u32 {
    (share.clamp(0.0, 0.5) * 4_294_967_296.0) as u32
}

fn pause_ms(word: &str) -> u64 {
    match word
        .chars()
        .rev()
        .find(|letter| !matches!(letter, '"' | '\'' | ')'))
    {
        Some('.' | '!' | '?') => PAUSE_STOP_MS,
        Some(',' | ';' | ':') => PAUSE_COMMA_MS,
        Some(_) | None => PAUSE_MS,
    }
}

/// Words and the white space between them, in order; words too long for one are cut in pieces.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let blank = is_blank(first);
        let end = rest
            .char_indices()
            .find(|(at, letter)| is_blank(*letter) != blank || *at >= WORD_BYTES_MAX)
            .map_or(rest.len(), |(at, _letter)| at);
        let (token, after) = rest.split_at(end);
        tokens.push(token);
        rest = after;
    }
    tokens
}

/// The zero character ends a word's letters on the wire, so it is no letter.
fn is_blank(letter: char) -> bool {
    letter.is_whitespace() || letter == '\0'
}

fn position(audio: &[u8]) -> u64 {
    u64::try_from(audio.len()).unwrap_or(u64::MAX)
}

/// FNV-1a, folded to 16 bits.
fn hash16(bytes: &[u8], salt: u32) -> u16 {
    let hash = bytes.iter().fold(0x811C_9DC5 ^ salt, |hash: u32, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    });
    let [a, b, c, d] = hash.to_be_bytes();
    u16::from_be_bytes([a ^ c, b ^ d])
}
