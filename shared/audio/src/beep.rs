//! Tones on a customer's line: the beep of a mailbox, a fax machine, and the quiet between sounds.
//!
//! A beep is one steady tone of 300 to 2,000 Hz that lasts 100 ms to 1.5 s and is followed by quiet.
//! What makes it certain is not its pitch but its steadiness: from one 20 ms block to the next the
//! phase of a generated tone goes on as its frequency says, to a fraction of a hertz, which no voice
//! does. Signals of the telephone network are tones as well; they are told apart by what follows:
//!
//! | heard | taken for |
//! |---|---|
//! | one steady tone, then [`QUIET_AFTER_BEEP_MS`] of quiet | a beep |
//! | the same at 370 to 510 Hz, where ring-back and busy tones are | a beep only after more quiet: they repeat |
//! | 1,100 Hz for half a second, nobody spoke before, again after 3 s | a calling fax |
//! | the same once, and then nothing | a beep, late |
//! | 2,100 Hz for more than half a second | an answering fax or modem |
//! | two tones at once (keys, dial tone, busy), tone upon tone (melodies, network announcements) | nothing |
//!
//! Over 7,272 beeps (every 17 Hz, 100 ms to 1.5 s, down to −38 dB, noise 30 to 10 dB below) its tests allow
//! 0.2 % missed, none of them with less noise than 15 dB below; over half an hour of synthetic speech, music,
//! keys and signals of the network one false beep.
//!
//! It costs a bank of 38 filters a block (about a microsecond; a fifth of that in silence) and allocates
//! nothing. It knows no calls: whoever listens decides what a beep means.

use std::f32::consts::TAU;

use crate::{FRAME_BYTES, mulaw};

/// How long it must be quiet after a tone that no network signal resembles.
pub const QUIET_AFTER_BEEP_MS: u32 = 200;
/// The line counts as quiet when nothing was loud for this long: mailboxes pause for two or three
/// seconds before they beep.
pub const LINE_QUIET_MS: u32 = 4_500;

/// 20 ms: short enough to place a beep, long enough to tell tones 50 Hz apart.
const BLOCK: usize = FRAME_BYTES;
const BLOCK_MS: u32 = 20;
const BLOCK_SECONDS: f32 = 0.02;
/// Filters at 300, 350, … 2,150 Hz. A whole number of periods of each is in a block, so phases of
/// blocks can be compared.
const BINS: usize = 38;
const FIRST_HZ: u16 = 300;
const STEP_HZ: u16 = 50;

/// Mean square below which a block is silent anywhere: −58 dB of full scale.
const SILENT: f32 = 1_600.0;
/// A tone quieter than this (−50 dB) is not looked for.
const FAINT: f32 = 10_000.0;
/// A block this many times above the quietest of the last seconds is loud.
const LOUD_OVER_FLOOR: f32 = 4.0;
/// The share of a block's energy that one tone has, at least. With noise 10 dB below the tone it is
/// 0.91, of which a tone between two filters shows 0.74.
const PURITY_MIN: f32 = 0.62;
/// A second tone this far below the first (−13 dB) makes it two: keys of the phone differ by up to 8.
const SECOND_MAX: f32 = 0.05;
/// Filters this near to the first tone show itself.
const SKIRT_BINS: usize = 4;
/// What a generated tone seems to move by from block to block, in noise and after a mobile codec.
const DRIFT_HZ_MAX: f32 = 3.0;
/// The same where the ground tone of high voices is, as a filter at the edge of the telephone band
/// leaves it: below this pitch more steadiness is asked for.
const VOICES_BELOW_HZ: f32 = 345.0;
const VOICES_DRIFT_HZ_MAX: f32 = 1.5;
/// The same for the first blocks of a tone: voices hold a note for a moment.
const SHORT_BLOCKS: u64 = 6;
const SHORT_DRIFT_HZ_MAX: f32 = 2.3;
/// … and more quiet afterwards than there is between words.
const VOICES_QUIET_MS: u32 = 800;
/// What the second and third harmonic of a tone may have of its energy, at most: for a long tone, and
/// what is added for a short one, divided by its blocks. Voices have more; noise 10 dB below the tone
/// has half of it.
const OVERTONES_MAX: f32 = 0.014;
const OVERTONES_MAX_SHORT: f32 = 0.020;
/// A tone's energy changes by no more than this factor from block to block.
const SWELL_MAX: f32 = 1.8;
/// A block that the tone fills in part only has less than this of its energy, and another phase.
const END_BELOW: f32 = 0.92;

/// A beep's pitch.
const BEEP_HZ: std::ops::RangeInclusive<f32> = 296.0..=2_010.0;
/// A beep of 100 ms fills four blocks wherever it begins.
const BEEP_BLOCKS_MIN: u64 = 4;
/// 1.5 s, and a block that is partly filled at each end.
const BEEP_BLOCKS_MAX: u64 = 77;
/// After its end a tone may ring for this long.
const RINGING_BLOCKS: u64 = 2;
/// Tones that follow each other within 400 ms are a melody, if their pitches differ.
const MELODY_BLOCKS: u64 = 20;
/// Pitches that differ by less are the same.
const SAME_HZ: f32 = 12.0;

/// Where the single tones of ring-back, busy and congestion are (400, 425, 440, 450, 480 Hz).
const NETWORK_HZ: std::ops::RangeInclusive<f32> = 370.0..=510.0;
/// Busy and congestion come again within 0.75 s, ring-back in pairs within 0.4 s.
const NETWORK_SHORT_QUIET_MS: u32 = 1_100;
/// A tone at least this long may be a ring-back of 1 s or more …
const NETWORK_LONG_BLOCKS: u64 = 30;
/// … which comes again within 5 s.
const NETWORK_LONG_QUIET_MS: u32 = 5_500;

/// The tone of a calling fax (ITU-T T.30): 1,100 Hz ± 38, 0.5 s ± 15 %, every 3 s ± 15 %.
const CALLING_HZ: std::ops::RangeInclusive<f32> = 1_060.0..=1_140.0;
const CALLING_BLOCKS: std::ops::RangeInclusive<u64> = 20..=31;
const CALLING_GAP_BLOCKS: std::ops::RangeInclusive<u64> = 120..=180;
const CALLING_QUIET_MS: u32 = 4_000;
/// The tone of an answering fax or modem (V.25, V.8): 2,100 Hz, for seconds, with reversals of phase.
const ANSWERING_HZ: std::ops::RangeInclusive<f32> = 2_080.0..=2_120.0;
const ANSWERING_BLOCKS: u32 = 30;
/// Loud blocks that are no steady tone: so much of it is somebody (or a recording of somebody) speaking.
const SPEECH_BLOCKS: u64 = 15;

/// Something heard on the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineSound {
    Beep(Beep),
    /// A fax machine (or a modem).
    Fax,
    /// There was sound, and nothing was loud for [`LINE_QUIET_MS`].
    Quiet,
    /// Sound again, after [`Self::Quiet`].
    Loud,
}

/// A beep, placed in bytes (which are samples) since the first that was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beep {
    pub starts_at: u64,
    pub ends_at: u64,
    pub hz: u16,
}

impl LineSound {
    /// The same, counted from so many bytes earlier.
    #[must_use]
    pub const fn later_by(self, bytes: u64) -> Self {
        match self {
            Self::Beep(beep) => Self::Beep(Beep {
                starts_at: beep.starts_at.saturating_add(bytes),
                ends_at: beep.ends_at.saturating_add(bytes),
                hz: beep.hz,
            }),
            Self::Fax | Self::Quiet | Self::Loud => self,
        }
    }
}

/// Listens to one line.
#[derive(Debug, Clone)]
pub struct LineListener {
    block: [f32; BLOCK],
    filled: usize,
    /// Blocks before the one that is being filled.
    blocks: u64,
    bank: Bank,
    floor: Floor,
    /// Blocks since the last loud one.
    quiet_blocks: u32,
    quiet: Quiet,
    /// Loud blocks, steady tones apart.
    spoken_blocks: u64,
    answering_blocks: u32,
    fax_told: bool,
    run: Option<Run>,
    /// The last tone that ended, until it is decided what it was.
    burst: Option<Burst>,
    /// The last tone before that.
    earlier: Option<Burst>,
}

/// Whether the line was said to be quiet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quiet {
    /// Nothing was heard yet: that says nothing.
    Unbroken,
    No,
    Told,
}

/// A tone that goes on.
#[derive(Debug, Clone, Copy)]
struct Run {
    from: u64,
    blocks: u64,
    bin: usize,
    hz: f32,
    energy: f32,
    loudest: f32,
    /// Sum over its blocks.
    overtones: f32,
    /// It wavered, as voices do.
    impure: bool,
}

/// A tone that ended.
#[derive(Debug, Clone, Copy)]
struct Burst {
    from: u64,
    /// The first block after it.
    to: u64,
    hz: f32,
    energy: f32,
    impure: bool,
    /// Of a cadence or a melody: no beep, whatever follows.
    repeats: bool,
    quiet_blocks: u32,
    spoken_before: bool,
}

impl LineListener {
    #[must_use]
    pub fn new() -> Self {
        Self {
            block: [0.0; BLOCK],
            filled: 0,
            blocks: 0,
            bank: Bank::new(),
            floor: Floor::new(),
            quiet_blocks: 0,
            quiet: Quiet::Unbroken,
            spoken_blocks: 0,
            answering_blocks: 0,
            fax_told: false,
            run: None,
            burst: None,
            earlier: None,
        }
    }

    /// Hears the next stretch of µ-law audio, of any length. At most one thing becomes known in 20 ms;
    /// of a longer stretch everything is told to `tell`, in order.
    pub fn hear(&mut self, audio: &[u8], mut tell: impl FnMut(LineSound)) {
        for byte in audio {
            if let Some(place) = self.block.get_mut(self.filled) {
                *place = f32::from(mulaw::decode(*byte));
            }
            self.filled += 1;
            if self.filled == BLOCK {
                self.filled = 0;
                self.take_block(&mut tell);
                self.blocks += 1;
            }
        }
    }

    fn take_block(&mut self, tell: &mut impl FnMut(LineSound)) {
        let sum: f32 = self.block.iter().map(|sample| sample * sample).sum();
        let energy = sum / f32::from(FRAME_SAMPLES);
        let pitch = if energy < FAINT {
            self.bank.forget();
            None
        } else {
            self.bank.pitch(&self.block, sum)
        };
        let loud = energy > SILENT && energy > self.floor.energy() * LOUD_OVER_FLOOR;
        if pitch.is_none() {
            self.floor.follow(energy);
        }
        let loud = loud || pitch.is_some();
        if loud {
            self.spoken_blocks = self.spoken_blocks.saturating_add(1);
        }
        self.note_loudness(loud, tell);
        self.note_answering(pitch, tell);
        self.follow_tone(pitch, energy);
        self.judge(pitch, energy, tell);
    }

    fn note_loudness(&mut self, loud: bool, tell: &mut impl FnMut(LineSound)) {
        if loud {
            self.quiet_blocks = 0;
            if self.quiet == Quiet::Told {
                tell(LineSound::Loud);
            }
            self.quiet = Quiet::No;
            return;
        }
        self.quiet_blocks = self.quiet_blocks.saturating_add(1);
        if self.quiet == Quiet::No && self.quiet_blocks * BLOCK_MS >= LINE_QUIET_MS {
            self.quiet = Quiet::Told;
            tell(LineSound::Quiet);
        }
    }

    /// An answering fax turns its phase every 450 ms, so blocks are counted rather than followed.
    fn note_answering(&mut self, pitch: Option<Pitch>, tell: &mut impl FnMut(LineSound)) {
        self.answering_blocks = if pitch.is_some_and(|pitch| ANSWERING_HZ.contains(&pitch.hz)) {
            self.answering_blocks + 1
        } else {
            self.answering_blocks.saturating_sub(4)
        };
        if self.answering_blocks >= ANSWERING_BLOCKS {
            self.tell_fax(tell);
        }
    }

    fn tell_fax(&mut self, tell: &mut impl FnMut(LineSound)) {
        if !self.fax_told {
            self.fax_told = true;
            tell(LineSound::Fax);
        }
    }

    /// Moves the tone that goes on: it goes on, ends, or another one takes its place.
    fn follow_tone(&mut self, pitch: Option<Pitch>, energy: f32) {
        let Some(pitch) = pitch else {
            if let Some(run) = self.run.take() {
                self.ended(run);
            }
            return;
        };
        let Some(run) = &mut self.run else {
            // A tone that rings out is no new one.
            let rings = self.burst.is_some_and(|burst| {
                self.blocks < burst.to + RINGING_BLOCKS && energy < burst.energy / SWELL_MAX
            });
            if !rings {
                // The same tone, and it was not at its end.
                let wavers = self.burst.is_some_and(|burst| {
                    self.blocks <= burst.to + 1 && (burst.hz - pitch.hz).abs() <= f32::from(STEP_HZ)
                });
                self.run = Some(Run::new(self.blocks, pitch, energy, wavers));
            }
            return;
        };
        if run.goes_on(pitch, energy) {
            return;
        }
        let run = *run;
        if energy < run.energy * END_BELOW && pitch.bin.abs_diff(run.bin) <= 1 {
            // Its end fell into this block.
            self.run = None;
            self.ended(run);
        } else if run.blocks < 2 {
            self.run = Some(Run::new(self.blocks, pitch, energy, run.impure));
        } else if pitch.bin.abs_diff(run.bin) > 1 {
            self.ended(run);
            self.run = Some(Run::new(self.blocks, pitch, energy, false));
        } else {
            self.run = Some(Run {
                from: run.from,
                ..Run::new(self.blocks, pitch, energy, true)
            });
        }
    }

    fn ended(&mut self, run: Run) {
        if run.blocks < BEEP_BLOCKS_MIN && !run.impure {
            return;
        }
        let mut burst = Burst {
            from: run.from,
            to: self.blocks,
            hz: run.hz,
            energy: run.loudest,
            impure: run.impure || run.has_overtones(),
            repeats: false,
            quiet_blocks: 0,
            spoken_before: false,
        };
        if !burst.impure {
            self.spoken_blocks = self.spoken_blocks.saturating_sub(burst.blocks());
        }
        burst.spoken_before = self.spoken_blocks >= SPEECH_BLOCKS;
        self.drop_burst();
        if let Some(earlier) = &self.earlier {
            let gap = burst.from.saturating_sub(earlier.to);
            let same = (burst.hz - earlier.hz).abs() <= SAME_HZ;
            let melody = !same && gap < MELODY_BLOCKS;
            let network = NETWORK_HZ.contains(&burst.hz) && NETWORK_HZ.contains(&earlier.hz);
            burst.repeats =
                melody || network && gap * u64::from(BLOCK_MS) < NETWORK_LONG_QUIET_MS.into();
        }
        self.burst = Some(burst);
    }

    /// Decides what the last tone was once enough is known.
    fn judge(&mut self, pitch: Option<Pitch>, energy: f32, tell: &mut impl FnMut(LineSound)) {
        let Some(burst) = &mut self.burst else {
            return;
        };
        if self.blocks < burst.to {
            return;
        }
        if let Some(earlier) = &self.earlier
            && burst.is_calling_fax()
            && earlier.is_calling_fax()
            && CALLING_GAP_BLOCKS.contains(&burst.from.saturating_sub(earlier.to))
        {
            self.tell_fax(tell);
            self.drop_burst();
            return;
        }
        if pitch.is_some() && self.run.is_some() {
            // Another tone: what that makes of this one is seen at its end.
            return;
        }
        let hush = (self.floor.energy() * 3.0)
            .max(burst.energy / 32.0)
            .min(burst.energy / 3.0)
            .max(SILENT);
        if energy > hush {
            let rings = self.blocks < burst.to + RINGING_BLOCKS && energy <= burst.energy;
            if !rings {
                self.drop_burst();
            }
            return;
        }
        burst.quiet_blocks += 1;
        if burst.quiet_blocks * BLOCK_MS < burst.quiet_needed_ms() {
            return;
        }
        if burst.is_beep() {
            tell(LineSound::Beep(burst.told()));
        }
        self.drop_burst();
    }

    /// It stays known as the one before the next, unless it was a moment of somebody's voice.
    fn drop_burst(&mut self) {
        let burst = self.burst.take();
        self.earlier = burst.filter(|burst| !burst.impure).or(self.earlier);
    }
}

impl Default for LineListener {
    fn default() -> Self {
        Self::new()
    }
}

/// [`BLOCK`], where a number of samples is wanted.
const FRAME_SAMPLES: u16 = 160;

impl Run {
    const fn new(from: u64, pitch: Pitch, energy: f32, impure: bool) -> Self {
        Self {
            from,
            blocks: 1,
            bin: pitch.bin,
            hz: pitch.hz,
            energy,
            loudest: energy,
            overtones: 0.0,
            impure,
        }
    }

    /// Takes a block into the tone, if it belongs to it.
    fn goes_on(&mut self, pitch: Pitch, energy: f32) -> bool {
        let near = pitch.bin.abs_diff(self.bin) <= 1;
        // The pitch of the first block was compared with what was before the tone, and that of the
        // second with a block that it may have filled in part only.
        let drift_max = if pitch.hz < VOICES_BELOW_HZ {
            VOICES_DRIFT_HZ_MAX
        } else if self.blocks < SHORT_BLOCKS {
            SHORT_DRIFT_HZ_MAX
        } else {
            DRIFT_HZ_MAX
        };
        let steady = self.blocks <= 2 || (pitch.hz - self.hz).abs() <= drift_max;
        let swell = energy / self.energy;
        let even =
            (1.0 / SWELL_MAX..=SWELL_MAX).contains(&swell) || self.blocks == 1 && swell > 1.0;
        if !(near && steady && even) {
            return false;
        }
        self.hz = if self.blocks <= 2 {
            pitch.hz
        } else {
            self.hz + (pitch.hz - self.hz) / 4.0
        };
        self.bin = pitch.bin;
        self.blocks += 1;
        self.energy = energy;
        self.loudest = self.loudest.max(energy);
        self.overtones += pitch.overtones;
        true
    }
}

impl Run {
    /// Whether it sounds like a voice on one note.
    fn has_overtones(&self) -> bool {
        // Shorter than any number that is not exact.
        let blocks = f32::from(u16::try_from(self.blocks).unwrap_or(u16::MAX));
        self.overtones / blocks > OVERTONES_MAX + OVERTONES_MAX_SHORT / blocks
    }
}

impl Burst {
    const fn blocks(&self) -> u64 {
        self.to - self.from
    }

    fn is_beep(&self) -> bool {
        !self.impure
            && !self.repeats
            && BEEP_HZ.contains(&self.hz)
            && (BEEP_BLOCKS_MIN..=BEEP_BLOCKS_MAX).contains(&self.blocks())
    }

    /// A fax says nothing before it.
    fn is_calling_fax(&self) -> bool {
        !self.spoken_before
            && !self.impure
            && CALLING_HZ.contains(&self.hz)
            && CALLING_BLOCKS.contains(&self.blocks())
    }

    fn quiet_needed_ms(&self) -> u32 {
        if self.is_calling_fax() {
            CALLING_QUIET_MS
        } else if self.hz < VOICES_BELOW_HZ {
            VOICES_QUIET_MS
        } else if !NETWORK_HZ.contains(&self.hz) {
            QUIET_AFTER_BEEP_MS
        } else if self.blocks() < NETWORK_LONG_BLOCKS {
            NETWORK_SHORT_QUIET_MS
        } else {
            NETWORK_LONG_QUIET_MS
        }
    }

    fn told(&self) -> Beep {
        let bytes = u64::try_from(BLOCK).unwrap_or(0);
        // Its range was checked.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 296 and 2,010"
        )]
        let hz = self.hz.round() as u16;
        Beep {
            starts_at: self.from * bytes,
            ends_at: self.to * bytes,
            hz,
        }
    }
}

/// The tone that dominates a block.
#[derive(Debug, Clone, Copy)]
struct Pitch {
    bin: usize,
    hz: f32,
    /// The share of its energy that its second and third harmonic have.
    overtones: f32,
}

/// Goertzel filters, with the phases of the block before.
#[derive(Debug, Clone)]
struct Bank {
    /// 2·cos ω of each filter.
    twice_cos: [f32; BINS],
    cos: [f32; BINS],
    sin: [f32; BINS],
    before: Spectrum,
    known_before: bool,
}

#[derive(Debug, Clone)]
struct Spectrum {
    re: [f32; BINS],
    im: [f32; BINS],
}

impl Bank {
    fn new() -> Self {
        let mut bank = Self {
            twice_cos: [0.0; BINS],
            cos: [0.0; BINS],
            sin: [0.0; BINS],
            before: Spectrum {
                re: [0.0; BINS],
                im: [0.0; BINS],
            },
            known_before: false,
        };
        let places = bank.cos.iter_mut().zip(&mut bank.sin);
        for (((cos, sin), twice), hz) in places.zip(&mut bank.twice_cos).zip(hertz()) {
            let omega = TAU * hz / 8_000.0;
            *cos = omega.cos();
            *sin = omega.sin();
            *twice = 2.0 * *cos;
        }
        bank
    }

    /// The next block is not compared with the last one.
    const fn forget(&mut self) {
        self.known_before = false;
    }

    /// The one tone of a block with this sum of squares, if there is one.
    fn pitch(&mut self, block: &[f32; BLOCK], sum: f32) -> Option<Pitch> {
        let now = self.spectrum(block);
        let mut shares = [0.0_f32; BINS];
        let whole = sum * f32::from(FRAME_SAMPLES) / 2.0;
        for ((share, re), im) in shares.iter_mut().zip(&now.re).zip(&now.im) {
            *share = (re * re + im * im) / whole;
        }
        let (bin, peak) = (shares.iter().copied().enumerate())
            .max_by(|(_, one), (_, other)| one.total_cmp(other))?;
        let share = |bin: Option<usize>| bin.and_then(|bin| shares.get(bin)).copied();
        let below = share(bin.checked_sub(1)).unwrap_or(0.0);
        let above = share(bin.checked_add(1)).unwrap_or(0.0);
        let purity = peak + below.max(above);
        let others = shares.iter().enumerate();
        let second = others
            .filter(|(other, _)| other.abs_diff(bin) > SKIRT_BINS)
            .map(|(_, share)| *share)
            .fold(0.0_f32, f32::max);
        let is_tone = purity >= PURITY_MIN && second <= purity * SECOND_MAX;
        let pitch = is_tone.then(|| {
            let hz = self.hz(bin, &now, above > below);
            let overtones = overtone(&shares, hz * 2.0) + overtone(&shares, hz * 3.0);
            Pitch {
                bin,
                hz,
                overtones: overtones / purity,
            }
        });
        self.before = now;
        self.known_before = true;
        pitch
    }

    /// The exact pitch, by how far the phase went on since the last block.
    fn hz(&self, bin: usize, now: &Spectrum, upwards: bool) -> f32 {
        let centre = hertz().nth(bin).unwrap_or(0.0);
        if !self.known_before {
            return centre;
        }
        let of = |spectrum: &Spectrum| Some((*spectrum.re.get(bin)?, *spectrum.im.get(bin)?));
        let (Some((re, im)), Some((re_before, im_before))) = (of(now), of(&self.before)) else {
            return centre;
        };
        let turned = (im * re_before - re * im_before).atan2(re * re_before + im * im_before);
        let off = turned / TAU / BLOCK_SECONDS;
        // Half a step up and half a step down look the same.
        let step = f32::from(STEP_HZ);
        let off = if upwards && off < -step / 4.0 {
            off + step
        } else if !upwards && off > step / 4.0 {
            off - step
        } else {
            off
        };
        centre + off
    }

    fn spectrum(&self, block: &[f32; BLOCK]) -> Spectrum {
        let mut one = [0.0_f32; BINS];
        let mut two = [0.0_f32; BINS];
        for sample in block {
            // Straight over arrays of a fixed length: the compiler makes it a few wide instructions.
            for ((one, two), twice_cos) in one.iter_mut().zip(&mut two).zip(&self.twice_cos) {
                let next = sample + twice_cos * *one - *two;
                *two = *one;
                *one = next;
            }
        }
        let mut spectrum = Spectrum {
            re: [0.0; BINS],
            im: [0.0; BINS],
        };
        let places = spectrum.re.iter_mut().zip(&mut spectrum.im);
        let states = one.iter().zip(&two);
        let turns = self.cos.iter().zip(&self.sin);
        for (((re, im), (one, two)), (cos, sin)) in places.zip(states).zip(turns) {
            *re = one - two * cos;
            *im = two * sin;
        }
        spectrum
    }
}

/// The share of the two filters around a pitch; none above the highest.
fn overtone(shares: &[f32; BINS], hz: f32) -> f32 {
    let around = hertz().zip(shares);
    around
        .filter(|(filter, _)| (filter - hz).abs() <= f32::from(STEP_HZ))
        .map(|(_, share)| share)
        .sum()
}

/// The filters' pitches.
fn hertz() -> impl Iterator<Item = f32> {
    (0..BINS)
        .scan(FIRST_HZ, |next, _bin| {
            let hz = *next;
            *next += STEP_HZ;
            Some(hz)
        })
        .map(f32::from)
}

/// The quietest that the line was in the last one to two seconds, tones apart.
#[derive(Debug, Clone)]
struct Floor {
    lowest: f32,
    lowest_before: f32,
    blocks: u32,
}

/// A second.
const FLOOR_BLOCKS: u32 = 50;

impl Floor {
    const fn new() -> Self {
        Self {
            lowest: f32::MAX,
            lowest_before: f32::MAX,
            blocks: 0,
        }
    }

    fn follow(&mut self, energy: f32) {
        self.lowest = self.lowest.min(energy);
        self.blocks += 1;
        if self.blocks == FLOOR_BLOCKS {
            self.lowest_before = std::mem::replace(&mut self.lowest, f32::MAX);
            self.blocks = 0;
        }
    }

    /// Silence while nothing is known.
    fn energy(&self) -> f32 {
        let lowest = self.lowest.min(self.lowest_before);
        if lowest < f32::MAX { lowest } else { 0.0 }
    }
}

#[cfg(test)]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "samples and times of test sounds are small and positive"
)]
mod tests;
