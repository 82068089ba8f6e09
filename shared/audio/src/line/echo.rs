//! Whether what we play comes back: how loud both sides were, in steps of 40 ms, held against each other.

use crate::frames::FRAME_MS;
use crate::{BYTES_PER_MS, FRAME_BYTES, Loudness};

/// A step is two frames.
const STEP_MS: u64 = 2 * FRAME_MS;
/// Two seconds of steps are compared at a time …
const WINDOW_STEPS: u64 = 50;
/// … at delays of up to 600 ms: the carrier's ways to and fro, and the echo's own.
const DELAYS: u64 = 16;
/// What is kept: the window, delays, and what was sent ahead.
const PLAYED_STEPS: usize = 128;
const HEARD_STEPS: usize = 64;
/// Of our own audio every fourth sample is enough to know how loud it is.
const EVERY_SAMPLE: usize = 4;

/// Levels are four a doubling of loudness (1.5 dB), from a mean size of 16 on.
const LEVELS_FROM: u32 = 16;
/// A mean size of 200 is speech of ours, one of 64 may be heard as speech of theirs.
const PLAYED_LEVEL: u8 = 14;
const HEARD_LEVEL: u8 = 8;
/// So many steps with speech of ours, and with what came back, say something.
const PLAYED_MIN: usize = 15;
const HEARD_MIN: usize = 10;
/// The square of the correlation is at least one half.
const ALIKE_ONE_OF: i64 = 2;
/// Two people who take turns at one pace look alike for a moment, and never three times at the same delay.
const TIMES_MIN: u32 = 3;

#[derive(Debug, Clone)]
pub(super) struct Echo {
    played: Steps<PLAYED_STEPS>,
    played_until_ms: u64,
    heard: Steps<HEARD_STEPS>,
    /// Windows before this step were compared.
    compared: u64,
    /// The delay at which both were alike the last times, in steps, and how often.
    delay: u64,
    times: u32,
    found: Option<u32>,
}

impl Echo {
    pub(super) const fn new() -> Self {
        Self {
            played: Steps::new(),
            played_until_ms: 0,
            heard: Steps::new(),
            compared: WINDOW_STEPS + DELAYS,
            delay: 0,
            times: 0,
            found: None,
        }
    }

    pub(super) fn play(&mut self, audio: &[u8], now_ms: u64) {
        let mut at_ms = self.played_until_ms.max(now_ms);
        for frame in audio.chunks(FRAME_BYTES) {
            self.played.note(at_ms / STEP_MS, level(sampled(frame)));
            at_ms += u64::try_from(frame.len() / BYTES_PER_MS).unwrap_or(0);
        }
        self.played_until_ms = at_ms;
    }

    pub(super) const fn clear(&mut self, now_ms: u64) {
        self.played_until_ms = now_ms;
    }

    /// Takes how loud the customer's side was at this time.
    pub(super) fn hear(&mut self, mean: u32, at_ms: u64) {
        let step = at_ms / STEP_MS;
        if step >= self.compared {
            if self.found.is_none() {
                self.compare(self.compared);
            }
            self.compared = step.max(self.compared.saturating_add(1)) + WINDOW_STEPS;
        }
        self.heard.note(step, level(mean));
    }

    /// After so long what we play comes back.
    pub(super) const fn delay_ms(&self) -> Option<u32> {
        self.found
    }

    /// Compares the window before step `end`.
    fn compare(&mut self, end: u64) {
        let window = || end - WINDOW_STEPS..end;
        let spoke = window().filter(|step| self.played.at(*step) >= PLAYED_LEVEL);
        if spoke.count() < PLAYED_MIN {
            return;
        }
        let heard = window().filter(|step| self.heard.at(*step) >= HEARD_LEVEL);
        let best = if heard.count() < HEARD_MIN {
            None
        } else {
            let alike = |delay: &u64| self.alike(window(), *delay);
            let delays = (0..DELAYS).filter_map(|delay| Some((alike(&delay)?, delay)));
            delays.max().map(|(_alike, delay)| delay)
        };
        let Some(delay) = best else {
            self.times = 0;
            return;
        };
        self.times = if self.times > 0 && delay.abs_diff(self.delay) <= 1 {
            self.times + 1
        } else {
            1
        };
        self.delay = delay;
        if self.times >= TIMES_MIN {
            self.found = u32::try_from(delay * STEP_MS).ok();
        }
    }

    /// The square of the correlation at this delay, in thousandths, where both are alike.
    fn alike(&self, steps: std::ops::Range<u64>, delay: u64) -> Option<i64> {
        let (mut n, mut x, mut y, mut xx, mut yy, mut xy) = (0, 0, 0, 0, 0, 0);
        for step in steps {
            let played = i64::from(self.played.at(step.saturating_sub(delay)));
            let heard = i64::from(self.heard.at(step));
            n += 1;
            x += played;
            y += heard;
            xx += played * played;
            yy += heard * heard;
            xy += played * heard;
        }
        let together: i64 = n * xy - x * y;
        let apart: i64 = (n * xx - x * x) * (n * yy - y * y);
        let alike = together > 0 && apart > 0 && together * together * ALIKE_ONE_OF >= apart;
        alike.then(|| together * together / (apart / 1_000).max(1))
    }
}

/// How loud the last steps were; steps that nothing was noted of were silent.
#[derive(Debug, Clone)]
struct Steps<const N: usize> {
    levels: [u8; N],
    /// The step after the latest.
    end: u64,
}

impl<const N: usize> Steps<N> {
    const fn new() -> Self {
        Self {
            levels: [0; N],
            end: 0,
        }
    }

    /// Notes a level of a step: of several the loudest counts.
    fn note(&mut self, step: u64, level: u8) {
        if step >= self.end {
            let skipped = usize::try_from(step - self.end).unwrap_or(N).min(N);
            if skipped == N {
                self.levels = [0; N];
            } else {
                for between in self.end..step {
                    self.set(between, 0);
                }
            }
            self.set(step, level);
            self.end = step + 1;
        } else if level > self.at(step) {
            self.set(step, level);
        }
    }

    fn at(&self, step: u64) -> u8 {
        let known = step < self.end && step + Self::len() >= self.end;
        let level = self.levels.get(Self::place(step)).copied();
        level.filter(|_level| known).unwrap_or(0)
    }

    fn set(&mut self, step: u64, level: u8) {
        if let Some(place) = self.levels.get_mut(Self::place(step)) {
            *place = level;
        }
    }

    const fn len() -> u64 {
        N as u64
    }

    fn place(step: u64) -> usize {
        usize::try_from(step % Self::len()).unwrap_or(0)
    }
}

fn level(mean: u32) -> u8 {
    if mean < LEVELS_FROM {
        return 0;
    }
    let doublings = mean.ilog2();
    let quarter = (mean >> (doublings - 2)) & 3;
    let lowest = 4 * LEVELS_FROM.ilog2();
    u8::try_from(4 * doublings + quarter - lowest).unwrap_or(u8::MAX)
}

/// The mean size of a frame, by every fourth sample.
fn sampled(frame: &[u8]) -> u32 {
    let mut some = [0; FRAME_BYTES / EVERY_SAMPLE];
    let mut count = 0;
    for (to, from) in some.iter_mut().zip(frame.iter().step_by(EVERY_SAMPLE)) {
        *to = *from;
        count += 1;
    }
    Loudness::of(some.get(..count).unwrap_or_default()).mean()
}
