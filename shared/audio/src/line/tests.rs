//! Lines with every fault planted, and thousands without any, each from its seed.

use std::collections::VecDeque;

use super::*;
use crate::{BYTES_PER_MS, FRAME_BYTES, SILENCE, mulaw, sine};

/// Chance from a seed.
struct Chance(u64);

impl Chance {
    fn new(seed: u64, purpose: u64) -> Self {
        let mut chance = Self(
            (seed + 1)
                .wrapping_mul(0x9E37_79B9_7F4A_7C15)
                .wrapping_add(purpose.wrapping_mul(0xD1B5_4A32_D192_ED03))
                | 1,
        );
        for _round in 0..8 {
            chance.next();
        }
        chance
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// From `low` to `high`, both included.
    fn within(&mut self, low: u64, high: u64) -> u64 {
        low + (self.next() >> 16) % (high - low + 1)
    }

    fn one_of(&mut self, many: u64) -> bool {
        self.within(1, many) == 1
    }
}

/// A frame of so loud a sound: one loud sample in eight, as voices have peaks.
fn sound(mean: u32) -> [u8; FRAME_BYTES] {
    let small = i16::try_from((mean * 4 / 5).min(30_000)).unwrap();
    let large = i16::try_from((mean * 12 / 5).min(32_000)).unwrap();
    let mut frame = [SILENCE; FRAME_BYTES];
    for (place, sample) in frame.iter_mut().enumerate() {
        let size = if place % 8 == 0 { large } else { small };
        *sample = mulaw::encode(if place % 2 == 0 { size } else { -size });
    }
    frame
}

/// Sounds by loudness: the nearest that is not softer.
struct Sounds(Vec<(u32, Loudness, [u8; FRAME_BYTES])>);

impl Sounds {
    fn new() -> Self {
        let mut means = vec![3_u32];
        while means.last().is_some_and(|mean| *mean < 20_000) {
            means.push(means.last().unwrap() * 9 / 8 + 1);
        }
        let sounds = means.into_iter().map(|mean| {
            let frame = sound(mean);
            (mean, Loudness::of(&frame), frame)
        });
        Self(sounds.collect())
    }

    fn place(&self, mean: u32) -> usize {
        let place = self.0.partition_point(|(known, ..)| *known < mean);
        place.min(self.0.len() - 1)
    }

    fn loudness(&self, mean: u32) -> Loudness {
        self.0[self.place(mean)].1
    }

    fn frame(&self, mean: u32) -> &[u8; FRAME_BYTES] {
        &self.0[self.place(mean)].2
    }
}

/// Somebody who speaks in sentences of syllables.
struct Speaker {
    mean: u32,
    /// Frames that are left of a sentence and of the pause behind it, and of the syllable and the gap behind it.
    sentence: u64,
    pause: u64,
    syllable: u64,
    gap: u64,
}

impl Speaker {
    fn new(mean: u32) -> Self {
        Self {
            mean,
            sentence: 0,
            pause: 0,
            syllable: 0,
            gap: 0,
        }
    }

    fn silent() -> Self {
        Self::new(0)
    }

    /// How loud the next frame is.
    fn frame(&mut self, chance: &mut Chance) -> u32 {
        if self.mean == 0 {
            return 0;
        }
        if self.sentence == 0 {
            if self.pause == 0 {
                self.sentence = chance.within(30, 250);
                self.pause = chance.within(20, 300);
            }
            self.pause -= 1;
            return 0;
        }
        self.sentence -= 1;
        if self.syllable == 0 {
            if self.gap == 0 {
                self.syllable = chance.within(4, 14);
                self.gap = chance.within(1, 8);
            }
            self.gap -= 1;
            return self.mean / 20;
        }
        self.syllable -= 1;
        self.mean * u32::try_from(chance.within(40, 160)).unwrap() / 100
    }
}

/// What is wrong with a line, from a time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plant {
    /// Every sample has this value.
    Dead(u8),
    /// The same, but for one frame of sound every 0.8 s.
    DeadWithClicks,
    /// No frames come.
    Absent,
    /// The carrier does not return marks.
    Unplayed,
    /// What we play has one value.
    Mute,
    /// So many percent of frames never come.
    Loss(u64),
    /// So many percent of frames come late.
    Jitter(u64),
    /// So much louder than full scale.
    Overdriven,
    Faint,
    /// What we play comes back after so many milliseconds, at so many percent.
    Echo(u64, u32),
}

/// A call on a line.
struct Call<'a> {
    sounds: &'a Sounds,
    chance: Chance,
    meter: LineMeter,
    now_ms: u64,
    customer: Speaker,
    agent: Speaker,
    noise: u32,
    /// From when to when the customer is muted by a phone that sends nothing then.
    muted: Option<std::ops::Range<u64>>,
    plant: Option<(Plant, u64)>,
    /// The network: its fastest frame, what others take longer, and how many in ten thousand it loses.
    fastest_ms: u64,
    jitter_ms: u64,
    lost: u64,
    /// Frames on their way, with when they come.
    coming: VecDeque<(u64, CustomerFrame)>,
    arrives_ms: u64,
    lost_ms: u64,
    /// What was played, a frame each.
    played: Vec<u32>,
    spoken: u64,
    marks: Vec<u64>,
    findings: Vec<(u64, Finding)>,
}

impl<'a> Call<'a> {
    /// A healthy call of this number.
    fn healthy(sounds: &'a Sounds, seed: u64) -> Self {
        let mut chance = Chance::new(seed, 0);
        // A third only listens; of the others some are soft, to −40 dB of full scale.
        let customer = match chance.within(0, 5) {
            0 | 1 => Speaker::silent(),
            2 => Speaker::new(u32::try_from(chance.within(260, 500)).unwrap()),
            3 => Speaker::new(u32::try_from(chance.within(3_000, 5_000)).unwrap()),
            _usual => Speaker::new(u32::try_from(chance.within(700, 2_500)).unwrap()),
        };
        let noise = match chance.within(0, 3) {
            // Comfort noise, a room, a street.
            0 => chance.within(3, 5),
            1 | 2 => chance.within(5, 60),
            _street => chance.within(60, 500),
        };
        let agent = Speaker::new(u32::try_from(chance.within(900, 2_500)).unwrap());
        let muted = chance.one_of(5).then(|| {
            let from = chance.within(2_000, 30_000);
            from..from + chance.within(500, 4_500)
        });
        Self {
            sounds,
            meter: LineMeter::new(),
            now_ms: 0,
            customer,
            agent,
            noise: u32::try_from(noise).unwrap(),
            muted,
            plant: None,
            fastest_ms: chance.within(5, 250),
            jitter_ms: chance.within(0, 50),
            lost: chance.within(0, 100),
            coming: VecDeque::new(),
            arrives_ms: 0,
            lost_ms: 0,
            played: Vec::new(),
            spoken: 0,
            marks: Vec::new(),
            findings: Vec::new(),
            chance,
        }
    }

    fn planted(sounds: &'a Sounds, seed: u64, plant: Plant, at_ms: u64) -> Self {
        let mut call = Self::healthy(sounds, seed);
        call.plant = Some((plant, at_ms));
        call
    }

    fn plant(&self) -> Option<Plant> {
        let (plant, at_ms) = self.plant?;
        (self.now_ms >= at_ms).then_some(plant)
    }

    fn plays(mut self, ms: u64) -> Self {
        let until = self.now_ms + ms;
        while self.now_ms < until {
            self.agent_frame();
            self.customer_frame();
            let now_ms = self.now_ms;
            while let Some((at_ms, frame)) = self.coming.pop_front_if(|(at_ms, _)| *at_ms <= now_ms)
            {
                self.meter.hear(frame, at_ms);
            }
            while let Some(finding) = self.meter.poll(now_ms, || false) {
                self.findings.push((now_ms, finding));
            }
            self.now_ms += 20;
        }
        self
    }

    fn agent_frame(&mut self) {
        let now_ms = self.now_ms;
        let returned = self.marks.iter().filter(|at| **at <= now_ms).count();
        self.marks.retain(|at| *at > now_ms);
        for _mark in 0..returned {
            self.meter.marked(now_ms);
        }
        let mean = self.agent.frame(&mut self.chance);
        self.played.push(mean);
        if mean == 0 && self.agent.sentence == 0 {
            return;
        }
        if self.plant() == Some(Plant::Mute) {
            self.meter.play(&[SILENCE; FRAME_BYTES], now_ms);
        } else {
            self.meter.play(self.sounds.frame(mean), now_ms);
        }
        self.spoken += 1;
        // A mark behind each three seconds, which are a sentence.
        if self.spoken.is_multiple_of(150) {
            self.meter.mark(now_ms);
            if self.plant() != Some(Plant::Unplayed) {
                self.marks.push(now_ms + 200 + self.fastest_ms);
            }
        }
    }

    fn customer_frame(&mut self) {
        let now_ms = self.now_ms;
        let speaks = self.customer.frame(&mut self.chance);
        let plant = self.plant();
        let lost = match plant {
            Some(Plant::Absent) => true,
            Some(Plant::Loss(percent)) => self.chance.within(1, 100) <= percent,
            Some(_) | None => self.chance.within(1, 10_000) <= self.lost,
        };
        if lost {
            self.lost_ms += 20;
            return;
        }
        if speaks > 0 {
            self.meter.understood();
        }
        let loudness = self.loudness(speaks, plant);
        let late_ms = match plant {
            Some(Plant::Jitter(percent)) if self.chance.within(1, 100) <= percent => {
                self.jitter_ms + self.chance.within(70, 200)
            }
            Some(_) | None => self.chance.within(0, self.jitter_ms),
        };
        // Frames do not overtake each other.
        self.arrives_ms = self.arrives_ms.max(now_ms + self.fastest_ms + late_ms);
        let frame = CustomerFrame {
            loudness,
            lost_ms: std::mem::take(&mut self.lost_ms),
            timestamp_ms: now_ms + 90_000,
        };
        self.coming.push_back((self.arrives_ms, frame));
    }

    fn loudness(&mut self, speaks: u32, plant: Option<Plant>) -> Loudness {
        let now_ms = self.now_ms;
        let noise = self.noise * u32::try_from(self.chance.within(80, 120)).unwrap() / 100;
        let mean = speaks.max(noise).max(3);
        match plant {
            Some(Plant::Dead(value)) => return Loudness::of(&[value; FRAME_BYTES]),
            Some(Plant::DeadWithClicks) if !now_ms.is_multiple_of(800) => {
                return Loudness::of(&[SILENCE; FRAME_BYTES]);
            }
            Some(Plant::Overdriven) if speaks > 0 => {
                let mut frame = *self.sounds.frame(mean.max(3_000));
                frame[..12].fill(0x80);
                return Loudness::of(&frame);
            }
            Some(Plant::Faint) => {
                return self.sounds.loudness((mean / 24).max(3));
            }
            Some(Plant::Echo(delay_ms, percent)) => {
                let back = usize::try_from(delay_ms / 20).unwrap();
                let played = self.played.len().checked_sub(back + 1);
                let played = played.and_then(|place| self.played.get(place));
                let echo = played.copied().unwrap_or(0) * percent / 100;
                return self.sounds.loudness(mean.max(echo));
            }
            Some(_) | None => {}
        }
        let muted = self.muted.as_ref();
        if muted.is_some_and(|muted| muted.contains(&now_ms)) {
            return Loudness::of(&[SILENCE; FRAME_BYTES]);
        }
        self.sounds.loudness(mean)
    }

    fn first(&self, wanted: Finding) -> Option<u64> {
        let mut findings = self.findings.iter();
        findings.find_map(|(at, finding)| (*finding == wanted).then_some(*at))
    }
}

const SEEDS: u64 = 1_000;
const PLANTED: [u64; 3] = [0, 10_000, 25_000];

/// Plays the plant at each time and says how long after it the finding came at worst, if within `listen_ms`.
fn found_within(plant: Plant, wanted: Finding, seeds: u64, listen_ms: u64) -> u64 {
    let sounds = Sounds::new();
    let mut worst = 0;
    for seed in 0..seeds {
        for at_ms in PLANTED {
            let call = Call::planted(&sounds, seed, plant, at_ms).plays(at_ms + listen_ms);
            let Some(found) = call.first(wanted) else {
                panic!("{plant:?} at {at_ms} of seed {seed}: {:?}", call.findings);
            };
            assert!(found >= at_ms, "seed {seed}: found before it began");
            worst = worst.max(found - at_ms);
        }
    }
    worst
}

#[test]
fn every_line_on_which_the_customer_is_not_heard_is_found_within_six_seconds() {
    for plant in [
        Plant::Dead(SILENCE),
        Plant::Dead(0x7F),
        Plant::Dead(0xD5),
        Plant::DeadWithClicks,
        Plant::Absent,
    ] {
        let worst = found_within(plant, Finding::Silent(Side::Customer), SEEDS, 7_000);
        println!("{plant:?}: at worst after {worst} ms");
        assert!(worst <= 6_000, "{plant:?} after {worst} ms");
    }
}

#[test]
fn every_line_on_which_we_are_not_heard_is_found_within_six_seconds_of_speech() {
    let sounds = Sounds::new();
    for (plant, wanted) in [
        (Plant::Unplayed, Finding::Silent(Side::Agent)),
        (Plant::Mute, Finding::Silent(Side::Agent)),
    ] {
        let mut worst = 0;
        for seed in 0..SEEDS {
            for at_ms in PLANTED {
                let mut call = Call::planted(&sounds, seed, plant, at_ms);
                // A greeting that goes on: only of what is said can be known that it is not heard.
                call.agent.sentence = at_ms / 20 + 1_000;
                let call = call.plays(at_ms + 10_000);
                let found = call.first(wanted);
                let found = found.unwrap_or_else(|| panic!("{plant:?} at {at_ms} of {seed}"));
                worst = worst.max(found - at_ms);
            }
        }
        println!("{plant:?}: at worst after {worst} ms");
        assert!(worst <= 6_000, "{plant:?} after {worst} ms");
    }
}

#[test]
fn healthy_calls_are_not_found_fault_with() {
    const CALLS: u32 = 10_000;
    let sounds = Sounds::new();
    let mut wrong = Vec::new();
    let mut muted = 0;
    for seed in 0..CALLS {
        let call = Call::healthy(&sounds, seed.into()).plays(36_000);
        muted += u64::from(call.muted.is_some());
        if let Some(first) = call.findings.first() {
            wrong.push((seed, *first));
        }
    }
    println!(
        "{} of {CALLS} healthy calls were found fault with, {muted} of them muted themselves: {:?}",
        wrong.len(),
        wrong.iter().take(10).collect::<Vec<_>>()
    );
    assert!(muted > 1_000);
    let a_thousandth = usize::try_from(CALLS / 1_000).unwrap();
    assert!(wrong.len() < a_thousandth, "{wrong:?}");
}

#[test]
fn who_mutes_for_long_is_not_heard_for_as_long_and_it_is_taken_back() {
    let sounds = Sounds::new();
    for seed in 0..200 {
        let mut call = Call::healthy(&sounds, seed);
        call.muted = Some(10_000..22_000);
        let call = call.plays(40_000);
        let told: Vec<Finding> = call.findings.iter().map(|(_, finding)| *finding).collect();
        let sides = [
            Finding::Silent(Side::Customer),
            Finding::Heard(Side::Customer),
        ];
        assert_eq!(told, sides, "seed {seed}");
        let totals = call.meter.totals(40_000);
        assert!(!totals.customer_silent);
        assert!((11_500..=12_700).contains(&totals.one_way_ms), "{totals:?}");
    }
}

#[test]
fn a_machine_that_listens_without_a_sound_is_no_dead_line() {
    let mut meter = LineMeter::new();
    let silence = Loudness::of(&[SILENCE; FRAME_BYTES]);
    for frame in 0..1_000 {
        let now_ms = frame * 20;
        let heard = CustomerFrame {
            loudness: silence,
            lost_ms: 0,
            timestamp_ms: now_ms,
        };
        meter.hear(heard, now_ms);
        assert_eq!(meter.poll(now_ms, || true), None);
    }
    // It was a person, after all.
    let silent = Some(Finding::Silent(Side::Customer));
    assert_eq!(meter.poll(20_000, || false), silent);
    assert_eq!(meter.poll(20_000, || false), None);
}

#[test]
fn bad_lines_are_found_by_what_is_bad_about_them() {
    for (plant, fault) in [
        (Plant::Loss(8), Fault::FramesMissing),
        (Plant::Jitter(12), Fault::FramesLate),
    ] {
        let worst = found_within(plant, Finding::Bad(fault), 300, 30_000);
        println!("{plant:?}: at worst after {worst} ms");
        assert!(worst <= 20_000, "{plant:?} after {worst} ms");
    }
}

#[test]
fn speech_that_is_cut_off_or_hardly_there_is_found() {
    let sounds = Sounds::new();
    for (plant, fault) in [
        (Plant::Overdriven, Fault::Clipped),
        (Plant::Faint, Fault::TooQuiet),
    ] {
        for seed in 0..300 {
            let mut call = Call::planted(&sounds, seed, plant, 0);
            call.customer = Speaker::new(1_600);
            call.noise = 5;
            call.muted = None;
            let call = call.plays(90_000);
            let found = call.first(Finding::Bad(fault));
            assert!(
                found.is_some(),
                "{plant:?}, seed {seed}: {:?}",
                call.findings
            );
        }
    }
}

#[test]
fn our_own_voice_that_comes_back_is_found_with_its_delay() {
    let sounds = Sounds::new();
    let mut far = 0;
    for seed in 0..300 {
        let delay_ms = 20 * (seed % 20);
        let mut call = Call::planted(&sounds, seed, Plant::Echo(delay_ms, 12), 0);
        call.customer = Speaker::silent();
        call.noise = 6;
        call.jitter_ms = 10;
        call.fastest_ms = 30;
        call.muted = None;
        call.lost = 0;
        let call = call.plays(60_000);
        let found = call.first(Finding::Bad(Fault::Echo));
        assert!(found.is_some(), "seed {seed}: {:?}", call.findings);
        let told = u64::from(call.meter.totals(60_000).echo_delay_ms.unwrap());
        // The customer's audio comes 30 ms after it was said.
        far = far.max(told.abs_diff(delay_ms + 30));
    }
    println!("delays were wrong by {far} ms at most");
    assert!(far <= 80, "{far}");
}

#[test]
fn two_people_at_once_are_no_echo() {
    let sounds = Sounds::new();
    for seed in 0..1_000 {
        let mut call = Call::healthy(&sounds, seed);
        call.customer = Speaker::new(2_000);
        call.noise = 6;
        // Neither stops for the other.
        call.customer.sentence = 3_000;
        call.agent.sentence = 3_000;
        let call = call.plays(60_000);
        assert_eq!(call.first(Finding::Bad(Fault::Echo)), None, "seed {seed}");
    }
}

#[test]
fn how_loud_somebody_is_is_told_in_decibels() {
    // A sine at a tenth of full scale is 23 dB below it; its form is 1 dB from that of speech.
    let mut meter = LineMeter::new();
    let tone = sine::sine(400, 20, 3_212);
    let silence = sound(5);
    for frame in 0..400_u64 {
        let audio: &[u8] = if frame % 20 < 10 { &tone } else { &silence };
        let heard = CustomerFrame {
            loudness: Loudness::of(audio),
            lost_ms: 0,
            timestamp_ms: frame * 20,
        };
        meter.hear(heard, frame * 20);
    }
    let totals = meter.totals(8_000);
    assert_eq!(totals.level_dbfs, Some(-22));
    assert_eq!((totals.frames, totals.active_frames), (400, 200));
    assert_eq!(totals.fault, None);
}

#[test]
fn a_clock_that_is_set_makes_nothing_late() {
    let mut meter = LineMeter::new();
    for frame in 0..1_000_u64 {
        let timestamp_ms = match frame {
            0..300 => 600_000 + frame * 20,
            300..600 => frame * 20,
            _later => 9_000_000 + frame * 20,
        };
        let heard = CustomerFrame {
            loudness: Loudness::of(&sound(100)),
            lost_ms: 0,
            timestamp_ms,
        };
        meter.hear(heard, frame * 20);
    }
    assert_eq!(meter.totals(20_000).frames_late, 0);
}

#[test]
fn a_clock_that_runs_away_makes_nothing_late() {
    // A second in an hour, which is more than a carrier's clock and ours differ.
    let mut meter = LineMeter::new();
    for frame in 0..180_000_u64 {
        let heard = CustomerFrame {
            loudness: Loudness::of(&sound(100)),
            lost_ms: 0,
            timestamp_ms: frame * 20,
        };
        meter.hear(heard, frame * 20 + frame / 180);
    }
    assert_eq!(meter.totals(3_600_000).frames_late, 0);
}

#[test]
fn it_is_small() {
    // It is with a session for as long as that lasts.
    let bytes = size_of::<LineMeter>();
    assert!(bytes <= 600, "{bytes} bytes");
    assert_eq!(FRAME_BYTES / BYTES_PER_MS, 20);
}
