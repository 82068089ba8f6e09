//! Frames that are missing, late or clipped, and how loud speech is.

use super::{CustomerFrame, Fault, LineTotals};
use crate::frames::FRAME_MS;

/// What is looked at: ten seconds, in seconds.
const WINDOW_SECONDS: usize = 10;
const SECOND_FRAMES: u32 = 50;
/// 5 % of ten seconds.
const BAD_FRAMES_MIN: u32 = 25;
/// Later than the fastest frames of the last seconds by more than this is late.
const LATE_AFTER_MS: i64 = 60;
/// The fastest frame is looked for anew this often: two clocks drift apart by milliseconds a minute.
const FASTEST_FOR_FRAMES: u32 = 500;
/// Nothing can be later and come at all; the carrier's clock was set.
const CLOCK_SET_MS: i64 = 5_000;

/// Speech is louder than this (−54 dB of full scale) …
const ACTIVE_MEAN: u32 = 50;
/// … and than so many times the noise, which is never less than [`NOISE_MIN`].
const ACTIVE_OVER_NOISE: u32 = 4;
const NOISE_MIN: u32 = 8;
/// Noise follows what is louder by this power of two of frames: a sentence does not become noise.
const NOISE_RISE_SHIFT: u32 = 8;

/// Samples of a frame at full scale that are no single peak.
const CLIPPED_SAMPLES_MIN: u32 = 4;
/// Of this many frames with speech …
const CLIPPED_ACTIVE_MIN: u32 = 100;
/// … one of so many is clipped.
const CLIPPED_ONE_OF: u32 = 10;

/// How loud speech is says nothing before there were so many frames of it.
const LEVEL_ACTIVE_MIN: u32 = 50;
const TOO_QUIET_ACTIVE_MIN: u32 = 250;
const TOO_LOUD_ACTIVE_MIN: u32 = 100;
/// Mean sizes of frames at −48 and −10 dB of full scale.
const TOO_QUIET_MEAN: u64 = 102;
const TOO_LOUD_MEAN: u64 = 8_127;
/// The root mean square of speech is some 1.25 times its mean size, which is 2 dB.
const FORM_DB: f64 = 1.94;
/// 20 log of the largest sample.
const FULL_SCALE_DB: f64 = 90.14;

#[derive(Debug, Clone)]
pub(super) struct Quality {
    totals: Counts,
    /// Of the last ten seconds, and each of them.
    window: Counts,
    seconds: [Second; WINDOW_SECONDS],
    second: usize,
    frames_left: u32,
    /// Sum of the squares of mean sizes of frames with speech.
    energy: u64,
    /// In 1/256.
    noise: u32,
    understood: bool,
    fastest: Fastest,
    fault: Option<Fault>,
}

#[derive(Debug, Clone, Copy)]
struct Counts {
    frames: u32,
    missing: u32,
    late: u32,
    active: u32,
    clipped: u32,
}

#[derive(Debug, Clone, Copy)]
struct Second {
    missing: u16,
    late: u16,
    active: u16,
    clipped: u16,
}

/// The shortest way of a frame from the carrier's clock to ours, which may be negative.
#[derive(Debug, Clone, Copy)]
struct Fastest {
    now: Option<i64>,
    before: i64,
    frames_left: u32,
}

impl Quality {
    pub(super) const fn new() -> Self {
        Self {
            totals: Counts::NONE,
            window: Counts::NONE,
            seconds: [Second::NONE; WINDOW_SECONDS],
            second: 0,
            frames_left: SECOND_FRAMES,
            energy: 0,
            noise: NOISE_MIN << NOISE_RISE_SHIFT,
            understood: false,
            fastest: Fastest {
                now: None,
                before: i64::MAX,
                frames_left: FASTEST_FOR_FRAMES,
            },
            fault: None,
        }
    }

    /// Takes a frame whose sound has this mean size. Says when it would have come had it been as fast as the
    /// fastest.
    pub(super) fn hear(&mut self, frame: CustomerFrame, mean: u32, now_ms: u64) -> u64 {
        let lost = frame.lost_ms.saturating_add(FRAME_MS / 2) / FRAME_MS;
        let lost = u32::try_from(lost).unwrap_or(u32::MAX);
        let (late_ms, should_ms) = self.fastest.late(frame.timestamp_ms, now_ms);
        let late = late_ms > LATE_AFTER_MS;
        let active = self.is_active(mean);
        let frames = frame.frames();
        let clipped = active && frame.loudness.clipped() >= CLIPPED_SAMPLES_MIN * frames;
        if active {
            let energy = u64::from(mean) * u64::from(mean) * u64::from(frames);
            self.energy = self.energy.saturating_add(energy);
        }
        let if_so = |so: bool| if so { frames } else { 0 };
        let more = Counts {
            frames: lost.saturating_add(frames),
            missing: lost,
            late: if_so(late),
            active: if_so(active),
            clipped: if_so(clipped),
        };
        self.totals.add(more);
        self.window.add(more);
        if let Some(second) = self.seconds.get_mut(self.second) {
            second.add(more);
        }
        if lost > 0 || late {
            self.judge_frames();
        }
        self.pass(more.frames);
        should_ms
    }

    pub(super) const fn understood(&mut self) {
        self.understood = true;
    }

    pub(super) const fn fault(&self) -> Option<Fault> {
        self.fault
    }

    pub(super) fn totals(&self) -> LineTotals {
        LineTotals {
            frames: self.totals.frames,
            frames_missing: self.totals.missing,
            frames_late: self.totals.late,
            active_frames: self.totals.active,
            clipped_frames: self.totals.clipped,
            level_dbfs: self.level_dbfs(),
            ..LineTotals::default()
        }
    }

    fn is_active(&mut self, mean: u32) -> bool {
        let noise = self.noise >> NOISE_RISE_SHIFT;
        let heard = mean << NOISE_RISE_SHIFT;
        self.noise = if heard < self.noise {
            heard.max(NOISE_MIN << NOISE_RISE_SHIFT)
        } else {
            self.noise + ((heard - self.noise) >> NOISE_RISE_SHIFT)
        };
        mean > ACTIVE_MEAN && mean > noise.saturating_mul(ACTIVE_OVER_NOISE)
    }

    /// So many frames of time are over.
    fn pass(&mut self, frames: u32) {
        if frames < self.frames_left {
            self.frames_left -= frames;
            return;
        }
        self.judge_sound();
        let over = (frames - self.frames_left) / SECOND_FRAMES + 1;
        self.frames_left = SECOND_FRAMES - (frames - self.frames_left) % SECOND_FRAMES;
        for _second in 0..over.min(10) {
            self.second = (self.second + 1) % WINDOW_SECONDS;
            if let Some(oldest) = self.seconds.get_mut(self.second) {
                self.window.take(*oldest);
                *oldest = Second::NONE;
            }
        }
    }

    fn judge_frames(&mut self) {
        let Counts { missing, late, .. } = self.window;
        if missing.saturating_add(late) >= BAD_FRAMES_MIN {
            self.fault.get_or_insert(if missing >= late {
                Fault::FramesMissing
            } else {
                Fault::FramesLate
            });
        }
    }

    fn judge_sound(&mut self) {
        let Counts {
            active, clipped, ..
        } = self.window;
        let so_far = self.totals.active;
        let mean_is = |mean: u64| mean * mean * u64::from(so_far);
        let fault = if active >= CLIPPED_ACTIVE_MIN && clipped * CLIPPED_ONE_OF >= active {
            Fault::Clipped
        } else if so_far >= TOO_LOUD_ACTIVE_MIN && self.energy > mean_is(TOO_LOUD_MEAN) {
            Fault::TooLoud
        } else if self.understood
            && so_far >= TOO_QUIET_ACTIVE_MIN
            && self.energy < mean_is(TOO_QUIET_MEAN)
        {
            Fault::TooQuiet
        } else {
            return;
        };
        self.fault.get_or_insert(fault);
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "decibels: a few hundred at most, of a sum whose last digits mean nothing"
    )]
    fn level_dbfs(&self) -> Option<i32> {
        let active = self.totals.active;
        if active < LEVEL_ACTIVE_MIN {
            return None;
        }
        let square = self.energy as f64 / f64::from(active);
        let level = 10.0 * square.max(1.0).log10() + FORM_DB - FULL_SCALE_DB;
        Some(level.round() as i32)
    }
}

impl Counts {
    const NONE: Self = Self {
        frames: 0,
        missing: 0,
        late: 0,
        active: 0,
        clipped: 0,
    };

    const fn add(&mut self, more: Self) {
        self.frames = self.frames.saturating_add(more.frames);
        self.missing = self.missing.saturating_add(more.missing);
        self.late = self.late.saturating_add(more.late);
        self.active = self.active.saturating_add(more.active);
        self.clipped = self.clipped.saturating_add(more.clipped);
    }

    fn take(&mut self, second: Second) {
        self.missing = self.missing.saturating_sub(second.missing.into());
        self.late = self.late.saturating_sub(second.late.into());
        self.active = self.active.saturating_sub(second.active.into());
        self.clipped = self.clipped.saturating_sub(second.clipped.into());
    }
}

impl Second {
    const NONE: Self = Self {
        missing: 0,
        late: 0,
        active: 0,
        clipped: 0,
    };

    fn add(&mut self, more: Counts) {
        let add = |to: u16, more: u32| to.saturating_add(u16::try_from(more).unwrap_or(u16::MAX));
        self.missing = add(self.missing, more.missing);
        self.late = add(self.late, more.late);
        self.active = add(self.active, more.active);
        self.clipped = add(self.clipped, more.clipped);
    }
}

impl Fastest {
    /// How late a frame is, and when it would have come had it not been.
    fn late(&mut self, timestamp_ms: u64, now_ms: u64) -> (i64, u64) {
        let signed = |ms| i64::try_from(ms).unwrap_or(i64::MAX);
        let took = signed(now_ms).saturating_sub(signed(timestamp_ms));
        self.frames_left = self.frames_left.saturating_sub(1);
        if self.frames_left == 0 {
            self.frames_left = FASTEST_FOR_FRAMES;
            self.before = self.now.take().unwrap_or(i64::MAX);
        }
        let now = self.now.map_or(took, |now| now.min(took));
        self.now = Some(now);
        let late = took.saturating_sub(now.min(self.before));
        if late > CLOCK_SET_MS {
            self.before = i64::MAX;
            self.now = Some(took);
            return (0, now_ms);
        }
        (late, now_ms.saturating_sub(late.unsigned_abs()))
    }
}
