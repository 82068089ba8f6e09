//! What is a beep and what is not, over pitches, levels and noise; with everything else that a
//! telephone line carries, synthesised here. The random parts are seeded.

use super::*;
use crate::{SAMPLE_RATE, sine};

/// Linear samples, so that sounds can be added.
#[derive(Debug, Clone, Default)]
struct Sound(Vec<f64>);

impl Sound {
    fn silence(ms: u32) -> Self {
        Self(vec![0.0; samples(ms)])
    }

    fn tone(hz: f64, ms: u32, peak: f64) -> Self {
        Self::tones(&[(hz, peak)], ms)
    }

    fn tones(parts: &[(f64, f64)], ms: u32) -> Self {
        let wave = |at: usize| {
            let part = |(hz, peak): &(f64, f64)| peak * (turn(*hz) * at as f64 + hz).sin();
            parts.iter().map(part).sum()
        };
        Self((0..samples(ms)).map(wave).collect())
    }

    fn then(mut self, next: Self) -> Self {
        self.0.extend(next.0);
        self
    }

    fn times(self, count: usize) -> Self {
        Self(self.0.repeat(count))
    }

    /// White noise of this root mean square under all of it.
    fn with_noise(mut self, rms: f64, chance: &mut Chance) -> Self {
        for sample in &mut self.0 {
            *sample += rms * chance.normal();
        }
        self
    }

    fn mulaw(&self) -> Vec<u8> {
        let encode = |sample: &f64| mulaw::encode(sample.clamp(-32_767.0, 32_767.0) as i16);
        self.0.iter().map(encode).collect()
    }

    fn heard(&self) -> Vec<LineSound> {
        self.heard_in(160)
    }

    fn heard_in(&self, message_bytes: usize) -> Vec<LineSound> {
        let mut listener = LineListener::new();
        let mut heard = Vec::new();
        for message in self.mulaw().chunks(message_bytes) {
            listener.hear(message, |sound| heard.push(sound));
        }
        heard
    }

    fn beeps(&self) -> usize {
        let heard = self.heard();
        heard.iter().filter(|sound| is_beep(sound)).count()
    }
}

fn is_beep(sound: &LineSound) -> bool {
    matches!(sound, LineSound::Beep(_))
}

fn samples(ms: u32) -> usize {
    usize::try_from(ms * SAMPLE_RATE / 1_000).unwrap()
}

fn turn(hz: f64) -> f64 {
    hz * std::f64::consts::TAU / f64::from(SAMPLE_RATE)
}

/// Seeded chance.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.next()
    }

    fn ms(&mut self, low: u32, high: u32) -> u32 {
        self.between(f64::from(low), f64::from(high)) as u32
    }

    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.next().max(1e-12).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.next()).cos()
    }
}

/// Somebody speaking: a glottal pulse train whose pitch wanders, through three moving resonances, with
/// hissed consonants and pauses. Pitches from a deep man's to a child's.
fn speech(seconds: u32, pitch_hz: f64, chance: &mut Chance) -> Sound {
    const VOWELS: [[f64; 3]; 7] = [
        [730.0, 1_090.0, 2_440.0],
        [270.0, 2_290.0, 3_010.0],
        [300.0, 870.0, 2_240.0],
        [530.0, 1_840.0, 2_480.0],
        [570.0, 840.0, 2_410.0],
        [250.0, 1_000.0, 2_200.0],
        [660.0, 1_720.0, 2_410.0],
    ];
    let mut sound = Vec::new();
    let mut phase = 0.0;
    let mut state = [[0.0_f64; 2]; 3];
    let end = samples(seconds * 1_000);
    while sound.len() < end {
        let kind = chance.next();
        if kind < 0.15 {
            let pause = samples(chance.ms(60, 700));
            sound.resize(sound.len() + pause, 0.0);
            continue;
        }
        if kind < 0.3 {
            for _ in 0..samples(chance.ms(40, 120)) {
                sound.push(1_200.0 * chance.normal());
            }
            continue;
        }
        let vowel = VOWELS[(chance.next() * 7.0) as usize];
        let length = samples(chance.ms(60, 350));
        let from = pitch_hz * chance.between(0.85, 1.2);
        let to = from * chance.between(0.9, 1.12);
        let loud = chance.between(500.0, 5_000.0);
        let begin = sound.len();
        // From one opening of the glottis to the next every voice trembles by about 1 %.
        let mut tremble = 1.0;
        for at in 0..length {
            let along = at as f64 / length as f64;
            phase += (from + (to - from) * along) * tremble / f64::from(SAMPLE_RATE);
            let mut sample = 0.0;
            if phase >= 1.0 {
                phase -= 1.0;
                sample = 1.0;
                tremble = 1.0 + 0.008 * chance.normal();
            }
            for (resonance, hz) in state.iter_mut().zip(vowel) {
                let radius =
                    (-std::f64::consts::PI * (60.0 + hz / 25.0) / f64::from(SAMPLE_RATE)).exp();
                let (one, two) = (2.0 * radius * turn(hz).cos(), radius * radius);
                let next = (1.0 - one + two) * sample + one * resonance[0] - two * resonance[1];
                *resonance = [next, resonance[0]];
                sample = next;
            }
            let edge = (along * 12.0).min((1.0 - along) * 12.0).min(1.0);
            sound.push(sample * edge);
        }
        let squares: f64 = sound[begin..].iter().map(|sample| sample * sample).sum();
        let gain = loud / (squares / length as f64).sqrt().max(1e-9);
        for sample in &mut sound[begin..] {
            *sample *= gain;
        }
    }
    Sound(sound)
}

const LEVELS: [f64; 4] = [16_000.0, 4_000.0, 1_000.0, 400.0];

#[test]
fn beeps_of_every_pitch_level_and_length_are_heard_in_noise() {
    let mut chance = Chance(7);
    let (mut missed, mut doubled, mut all) = (Vec::new(), 0, 0);
    let mut late_ms_max = 0.0_f64;
    for hz in (300..=2_000).step_by(17) {
        for peak in LEVELS {
            for ms in [100, 130, 200, 400, 1_000, 1_500] {
                for snr_db in [10.0, 15.0, 30.0] {
                    let hz = f64::from(hz);
                    let noise = peak / 2.0_f64.sqrt() / 10.0_f64.powf(snr_db / 20.0);
                    let lead = chance.ms(300, 700);
                    let sound = Sound::silence(lead)
                        .then(Sound::tone(hz, ms, peak))
                        .then(Sound::silence(6_000))
                        .with_noise(noise, &mut chance);
                    all += 1;
                    let beeps: Vec<_> = sound.heard().into_iter().filter(is_beep).collect();
                    match beeps.as_slice() {
                        [LineSound::Beep(beep)] => {
                            assert!(
                                (f64::from(beep.hz) - hz).abs() < 8.0,
                                "{hz} heard as {}",
                                beep.hz
                            );
                            let off = beep.ends_at as f64 / 8.0 - f64::from(lead + ms);
                            late_ms_max = late_ms_max.max(off.abs());
                        }
                        [] => missed.push((hz, peak, ms, snr_db)),
                        _ => doubled += 1,
                    }
                }
            }
        }
    }
    println!(
        "missed {} of {all}, end placed within {late_ms_max:.0} ms",
        missed.len()
    );
    assert_eq!(doubled, 0);
    // With noise only 10 dB below a beep, one of its blocks may drown.
    assert!(missed.len() * 500 <= all, "{missed:?}");
    assert!(
        missed.iter().all(|(.., snr_db)| *snr_db <= 15.0),
        "{missed:?}"
    );
    assert!(late_ms_max <= 40.0, "placed {late_ms_max} ms off");
}

#[test]
fn a_beep_after_a_greeting_is_heard_soon_after_its_end() {
    let mut chance = Chance(11);
    let (mut missed, mut early) = (0, Vec::new());
    for _greeting in 0..60 {
        let pitch = chance.between(85.0, 320.0);
        let hz = chance.between(520.0, 1_900.0);
        let pause = chance.ms(0, 1_500);
        let greeting = speech(5, pitch, &mut chance).then(Sound::silence(pause));
        let ends = greeting.0.len() / 8 + 400;
        let sound = greeting
            .then(Sound::tone(hz, 400, 6_000.0))
            .then(Sound::silence(1_000));
        let sound = sound.with_noise(40.0, &mut chance);
        let mut listener = LineListener::new();
        let mut heard = None;
        for (frame, audio) in sound.mulaw().chunks(160).enumerate() {
            listener.hear(audio, |sound| {
                if is_beep(&sound) && heard.is_none() {
                    heard = Some(((frame + 1) * 20, sound));
                }
            });
        }
        match heard {
            Some((at, _)) if (ends..=ends + 260).contains(&at) => {}
            Some((at, beep)) if at < ends => early.push((pitch, beep)),
            Some(_) | None => missed += 1,
        }
    }
    assert!(early.len() <= 1, "{early:?}");
    assert_eq!(missed, 0, "missed after a greeting");
}

#[test]
fn half_an_hour_of_speech_beeps_nowhere() {
    let mut chance = Chance(3);
    let mut beeps = Vec::new();
    for speaker in 0..60 {
        let pitch = 80.0 + 6.0 * f64::from(speaker);
        let sound = speech(30, pitch, &mut chance).with_noise(30.0, &mut chance);
        for beep in sound.heard().into_iter().filter(is_beep) {
            beeps.push((pitch, beep));
        }
    }
    // A synthetic voice can hold a note more steadily than a real one.
    assert!(beeps.len() <= 1, "{beeps:?}");
}

#[test]
fn a_hum_a_whistle_and_a_sung_note_are_no_beeps() {
    let mut chance = Chance(5);
    let mut beeps = Vec::new();
    for nth in 0..400 {
        // One voice, one note, as steady as trained voices get: 5 Hz of vibrato, or a slow slide.
        let hz = chance.between(300.0, 1_500.0);
        let (depth, rate) = (chance.between(0.012, 0.04), chance.between(4.0, 7.0));
        let slide = chance.between(-0.06, 0.06);
        let ms = chance.ms(200, 1_400);
        let mut phase = 0.0;
        let wave = (0..samples(ms)).map(|at| {
            let seconds = at as f64 / f64::from(SAMPLE_RATE);
            let bend =
                1.0 + depth * (std::f64::consts::TAU * rate * seconds).sin() + slide * seconds;
            phase += turn(hz * bend);
            6_000.0 * phase.sin()
        });
        let note = Sound(wave.collect());
        let sound = Sound::silence(400).then(note).then(Sound::silence(1_500));
        if sound.beeps() > 0 {
            beeps.push((nth, hz, depth, ms));
        }
    }
    println!("{} of 400 sung notes", beeps.len());
    assert!(beeps.len() <= 4, "{beeps:?}");
}

#[test]
fn music_is_no_beep() {
    let mut chance = Chance(17);
    let mut beeps = 0;
    for _piece in 0..40 {
        let mut sound = Sound::default();
        for _bar in 0..24 {
            // A chord that rings out, and a melody over it.
            let root = 110.0 * 2.0_f64.powf((chance.next() * 24.0).floor() / 12.0);
            let note = root * 2.0 * 2.0_f64.powf((chance.next() * 12.0).floor() / 12.0);
            let ms = chance.ms(120, 600);
            let mut bar = Sound::tones(
                &[
                    (root, 2_500.0),
                    (root * 1.26, 2_000.0),
                    (root * 1.5, 2_000.0),
                    (note, 3_000.0),
                    (note * 2.0, 1_500.0),
                    (note * 3.0, 800.0),
                ],
                ms,
            );
            for (at, sample) in bar.0.iter_mut().enumerate() {
                *sample *= (-(at as f64) / f64::from(SAMPLE_RATE) * 2.0).exp();
            }
            sound = sound.then(bar);
            if chance.next() < 0.3 {
                sound = sound.then(Sound::silence(chance.ms(50, 600)));
            }
        }
        beeps += sound.with_noise(20.0, &mut chance).beeps();
    }
    assert_eq!(beeps, 0);
}

#[test]
fn signals_of_the_network_are_no_beeps() {
    let s = Sound::silence;
    let on = Sound::tone;
    let two = |one: f64, other: f64, ms| Sound::tones(&[(one, 4_000.0), (other, 4_000.0)], ms);
    let p = 5_000.0;
    let signals = [
        (
            "ring-back, US",
            two(440.0, 480.0, 2_000).then(s(4_000)).times(3),
        ),
        (
            "ring-back, UK",
            two(400.0, 450.0, 400)
                .then(s(200))
                .then(two(400.0, 450.0, 400))
                .then(s(2_000))
                .times(4),
        ),
        (
            "ring-back, Europe",
            on(425.0, 1_000, p).then(s(4_000)).times(4),
        ),
        (
            "ring-back, France",
            on(440.0, 1_500, p).then(s(3_500)).times(4),
        ),
        (
            "ring-back, India",
            two(400.0, 425.0, 400)
                .then(s(200))
                .then(two(400.0, 425.0, 400))
                .then(s(2_000))
                .times(4),
        ),
        (
            "ring-back, China",
            on(450.0, 1_000, p).then(s(4_000)).times(4),
        ),
        ("busy, US", two(480.0, 620.0, 500).then(s(500)).times(10)),
        ("busy, UK", on(400.0, 375, p).then(s(375)).times(12)),
        ("busy, Europe", on(425.0, 500, p).then(s(500)).times(10)),
        ("busy, fast", on(425.0, 250, p).then(s(250)).times(20)),
        (
            "congestion, US",
            two(480.0, 620.0, 250).then(s(250)).times(20),
        ),
        ("dial tone, US", two(350.0, 440.0, 5_000)),
        ("dial tone, Europe", on(425.0, 5_000, p)),
        (
            "no such number",
            on(950.0, 330, p)
                .then(on(1_400.0, 330, p))
                .then(on(1_800.0, 330, p))
                .then(s(1_000))
                .times(3),
        ),
        ("an answering fax", on(2_100.0, 3_300, p).then(s(1_000))),
        (
            "call waiting twice",
            two(350.0, 440.0, 300).then(s(3_000)).times(2),
        ),
    ];
    let mut chance = Chance(23);
    for (name, signal) in signals {
        for noise in [0.0, 100.0, 900.0] {
            for lead in [500, 507, 513] {
                let sound = s(lead)
                    .then(signal.clone())
                    .then(s(400))
                    .with_noise(noise, &mut chance);
                let heard: Vec<_> = sound.heard().into_iter().filter(is_beep).collect();
                assert_eq!(heard, [], "{name} with noise {noise} after {lead} ms");
            }
        }
    }
}

#[test]
fn keys_of_the_phone_are_no_beeps() {
    let mut chance = Chance(29);
    for low in [697.0, 770.0, 852.0, 941.0] {
        for high in [1_209.0, 1_336.0, 1_477.0, 1_633.0] {
            for twist_db in [-8.0, -4.0, 0.0, 4.0, 8.0] {
                for ms in [50, 100, 250, 700] {
                    let other = 4_000.0 * 10.0_f64.powf(twist_db / 20.0);
                    let key = Sound::tones(&[(low, 4_000.0), (high, other)], ms);
                    let sound = Sound::silence(311)
                        .then(key)
                        .then(Sound::silence(600))
                        .times(3);
                    let sound = sound.with_noise(60.0, &mut chance);
                    assert_eq!(sound.beeps(), 0, "{low}+{high} {twist_db} dB {ms} ms");
                }
            }
        }
    }
}

#[test]
fn noise_is_no_beep() {
    let mut chance = Chance(31);
    for rms in [50.0, 500.0, 4_000.0] {
        assert_eq!(
            Sound::silence(60_000).with_noise(rms, &mut chance).beeps(),
            0
        );
        // A narrow band of it, as wind and engines make.
        let mut state = [0.0_f64; 2];
        let hz = 700.0;
        let radius = 0.99;
        let narrow: Vec<f64> = (0..samples(60_000))
            .map(|_| {
                let next = chance.normal() + 2.0 * radius * turn(hz).cos() * state[0]
                    - radius * radius * state[1];
                state = [next, state[0]];
                next * rms / 8.0
            })
            .collect();
        assert_eq!(Sound(narrow).beeps(), 0);
    }
}

#[test]
fn fax_machines_are_faxes() {
    let mut chance = Chance(37);
    for noise in [0.0, 100.0, 400.0] {
        let calling = Sound::silence(700)
            .then(
                Sound::tone(1_100.0, 500, 4_000.0)
                    .then(Sound::silence(3_000))
                    .times(3),
            )
            .with_noise(noise, &mut chance);
        assert_eq!(tones(&calling), [LineSound::Fax], "noise {noise}");

        // With the reversals of phase that switch echo cancellers off.
        let answer = Sound::tone(2_100.0, 450, 4_000.0).then(Sound::tone(2_100.0, 450, -4_000.0));
        let answering = Sound::silence(900)
            .then(answer.times(4))
            .with_noise(noise, &mut chance);
        assert_eq!(tones(&answering), [LineSound::Fax], "noise {noise}");
    }
}

#[test]
fn a_beep_like_a_calling_fax_is_a_beep_after_a_greeting_and_late_without_one() {
    let mut chance = Chance(41);
    let beep = Sound::tone(1_100.0, 500, 5_000.0);
    let greeting = speech(4, 120.0, &mut chance).then(Sound::silence(600));
    let spoken = greeting.then(beep.clone()).then(Sound::silence(400));
    assert_eq!(tones(&spoken).len(), 1);
    let alone = Sound::silence(600).then(beep);
    assert_eq!(tones(&alone.clone().then(Sound::silence(3_500))), []);
    assert_eq!(tones(&alone.then(Sound::silence(4_500))).len(), 1);
}

#[test]
fn a_tone_in_the_middle_of_speech_is_no_beep() {
    let mut chance = Chance(43);
    let sound = speech(2, 150.0, &mut chance)
        .then(Sound::tone(900.0, 300, 5_000.0))
        .then(Sound::tones(
            &[
                (200.0, 3_000.0),
                (400.0, 3_000.0),
                (600.0, 3_000.0),
                (1_300.0, 2_000.0),
            ],
            1_000,
        ));
    assert_eq!(tones(&sound), []);
}

#[test]
fn a_double_beep_is_told_after_its_second_half() {
    let beep = || Sound::tone(1_000.0, 150, 6_000.0);
    let sound = Sound::silence(500)
        .then(beep())
        .then(Sound::silence(120))
        .then(beep())
        .then(Sound::silence(500));
    let [LineSound::Beep(heard)] = tones(&sound)[..] else {
        panic!("{:?}", tones(&sound));
    };
    assert!(heard.ends_at / 8 >= 900, "{heard:?}");
}

#[test]
fn quiet_is_told_once_after_sound_and_again_after_more() {
    let mut chance = Chance(47);
    let talk = speech(2, 130.0, &mut chance);
    let sound = Sound::silence(6_000)
        .then(talk.clone())
        .then(Sound::silence(6_000))
        .then(talk)
        .then(Sound::silence(6_000));
    let sound = sound.with_noise(20.0, &mut chance);
    assert_eq!(
        sound.heard(),
        [LineSound::Quiet, LineSound::Loud, LineSound::Quiet]
    );
}

#[test]
fn audio_may_be_cut_anywhere() {
    let sound = Sound::silence(333)
        .then(Sound::tone(850.0, 300, 5_000.0))
        .then(Sound::silence(5_000));
    let whole = sound.heard_in(160);
    assert_eq!(whole.len(), 2);
    for bytes in [1, 7, 159, 161, 800, 60_000] {
        assert_eq!(sound.heard_in(bytes), whole, "{bytes}");
    }
    let beep = sine::sine(1_000, 300, 8_000);
    let mut listener = LineListener::new();
    listener.hear(&beep, |sound| panic!("{sound:?} before its end"));
}

/// Everything but quiet and its end.
fn tones(sound: &Sound) -> Vec<LineSound> {
    let mut heard = sound.heard();
    heard.retain(|sound| !matches!(sound, LineSound::Quiet | LineSound::Loud));
    heard
}
