//! A person in a call, from frame to frame.

use std::collections::VecDeque;
use std::f64::consts::TAU;

use super::{Experience, Log, Person, ScriptStep, When, plain_words};
use crate::voice::{
    FRAME_BYTES, Heard, Listener, Room, SAMPLES_PER_MS, Voice, mulaw, noise, speak,
};

const SAMPLE_RATE: u32 = 8_000;
const TONE_PEAK: f64 = 8_000.0;

/// A person with the phone at their ear.
#[derive(Debug, Clone)]
pub struct OnCall {
    voice: Voice,
    reply_after: u64,
    steps: VecDeque<ScriptStep>,
    /// Since when the step in front has been waiting to be done.
    step_since: u64,
    /// Samples of the next frame's first sample.
    now: u64,
    listener: Listener,
    room: Room,
    /// What they are saying: samples still to come.
    mouth: VecDeque<u8>,
    mouth_kind: Mouth,
    /// Words of the other side since this person's own last words ended.
    words_since: u32,
    /// Everything heard, without capitals and punctuation, and how much of it `when hears` used up.
    heard: Vec<String>,
    heard_used: usize,
    /// A `waits` or `when hears` came just before: quiet is enough to speak.
    turn_granted: bool,
    deeds: VecDeque<Deed>,
    hung_up: bool,
    log: Log,
}

/// Something that a person does besides speaking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    Presses(char),
    /// A mailbox has beeped: from now on it records.
    Beeped,
    HangsUp,
}

/// What kind of sound is in the mouth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mouth {
    Closed,
    /// Words that take the turn.
    Turn,
    /// Sounds that do not.
    Aside,
    Beep,
}

impl OnCall {
    pub(super) fn new(person: &Person) -> Self {
        Self {
            voice: person.voice(),
            reply_after: u64::from(person.reply_after_ms) * SAMPLES_PER_MS,
            steps: person.steps.clone().into(),
            step_since: 0,
            now: 0,
            listener: Listener::new(),
            room: Room::new(person.pitch_hz.into()),
            mouth: VecDeque::new(),
            mouth_kind: Mouth::Closed,
            words_since: 0,
            heard: Vec::new(),
            heard_used: 0,
            turn_granted: false,
            deeds: VecDeque::new(),
            hung_up: false,
            log: Log::default(),
        }
    }

    /// Hears what the line plays. `position` is that of the first sample, from the answer of the call.
    pub fn hear(&mut self, played: &[u8], position: u64) {
        for heard in self.listener.hear(played, position) {
            self.experience(heard);
        }
    }

    /// The next 20 ms of what this person says. To be asked for once for every 20 ms of the call,
    /// after [`Self::hear`] of all that was played until then.
    pub fn frame(&mut self) -> [u8; FRAME_BYTES] {
        self.act();
        let mut frame = self.room.frame();
        for (to, from) in frame
            .iter_mut()
            .zip(self.mouth.drain(..self.mouth.len().min(FRAME_BYTES)))
        {
            *to = from;
        }
        self.now += FRAME_BYTES as u64;
        if self.mouth.is_empty() && self.mouth_kind != Mouth::Closed {
            self.step_since = self.now;
            match std::mem::replace(&mut self.mouth_kind, Mouth::Closed) {
                Mouth::Turn => self.words_since = 0,
                Mouth::Beep => {
                    self.log.push(Experience::Beeped { at: self.now });
                    self.deeds.push_back(Deed::Beeped);
                }
                Mouth::Closed | Mouth::Aside => {}
            }
        }
        frame
    }

    /// What the person did since the last frame.
    pub fn poll_deed(&mut self) -> Option<Deed> {
        self.deeds.pop_front()
    }

    /// The line is dead: nothing more is heard.
    pub fn end(&mut self) {
        for heard in self.listener.finish() {
            self.experience(heard);
        }
    }

    #[must_use]
    pub const fn log(&self) -> &Log {
        &self.log
    }

    /// Whether the script is done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.steps.is_empty() && self.mouth.is_empty()
    }

    fn experience(&mut self, heard: Heard) {
        match &heard {
            Heard::Word { text, .. } => {
                self.words_since += 1;
                self.heard.extend(plain_words(text));
            }
            Heard::Garbled { .. } => {
                self.words_since += 1;
                // Stands for itself: no pattern matches across it.
                self.heard.push("[garbled]".to_owned());
            }
            Heard::Cut { .. } | Heard::SpeechStarted { .. } | Heard::SpeechStopped { .. } => {}
        }
        self.log.push(Experience::Heard(heard));
    }

    /// Does every step whose time has come.
    fn act(&mut self) {
        while self.mouth.is_empty() && !self.hung_up {
            let Some(step) = self.steps.pop_front() else {
                return;
            };
            if !self.try_step(&step) {
                self.steps.push_front(step);
                return;
            }
            self.step_since = self.now;
        }
    }

    /// Does the step if it is time for it.
    fn try_step(&mut self, step: &ScriptStep) -> bool {
        match step {
            ScriptStep::Says { text, when } => {
                if !self.may_speak(*when) {
                    return false;
                }
                self.turn_granted = false;
                self.heard_used = self.heard.len();
                self.say(text, Mouth::Turn);
            }
            ScriptStep::Mumbles(text) => {
                if !(self.listener.in_speech() && self.words_since > 0) {
                    return false;
                }
                self.say(text, Mouth::Aside);
            }
            ScriptStep::Coughs { ms } => {
                self.mouth = noise(*ms, &self.voice).into();
                self.mouth_kind = Mouth::Aside;
            }
            ScriptStep::Waits { ms } => {
                if !self.waited(*ms) {
                    return false;
                }
                self.turn_granted = true;
            }
            ScriptStep::WhenHears(words) => {
                let Some(used) = find(&self.heard, words, self.heard_used) else {
                    return false;
                };
                self.heard_used = used;
                self.turn_granted = true;
            }
            ScriptStep::Presses(key) => {
                self.log.push(Experience::Pressed {
                    key: *key,
                    at: self.now,
                });
                self.deeds.push_back(Deed::Presses(*key));
            }
            ScriptStep::Beeps { hz, ms } => {
                self.mouth = tone(*hz, *ms);
                self.mouth_kind = Mouth::Beep;
            }
            ScriptStep::HangsUp { after_ms } => {
                if !self.waited(*after_ms) {
                    return false;
                }
                self.hung_up = true;
                self.log.push(Experience::HungUp { at: self.now });
                self.deeds.push_back(Deed::HangsUp);
            }
        }
        true
    }

    fn may_speak(&self, when: When) -> bool {
        match when {
            When::Now => true,
            When::AfterWords(words) => self.words_since >= words,
            When::MyTurn => {
                let quiet_since = self.listener.sound_until().unwrap_or(0);
                let quiet = self.now.saturating_sub(quiet_since) >= self.reply_after;
                quiet && (self.turn_granted || self.words_since > 0)
            }
        }
    }

    fn waited(&self, ms: u32) -> bool {
        self.now.saturating_sub(self.step_since) >= u64::from(ms) * SAMPLES_PER_MS
    }

    fn say(&mut self, text: &str, kind: Mouth) {
        let speech = speak(text, &self.voice);
        let Some(last) = speech.words.last() else {
            return;
        };
        self.log.push(Experience::Said {
            text: text.to_owned(),
            start: self.now,
            end: self.now + last.end,
        });
        // The pause after the last word belongs to a longer speech; here silence follows anyway.
        let spoken = usize::try_from(last.end).unwrap_or(usize::MAX);
        self.mouth = speech.audio.into_iter().take(spoken).collect();
        self.mouth_kind = kind;
    }
}

/// Where the words end that match `wanted`, at or after `from`.
fn find(heard: &[String], wanted: &[String], from: usize) -> Option<usize> {
    let unused = heard.get(from..)?;
    if wanted.is_empty() {
        return Some(from);
    }
    let at = unused
        .windows(wanted.len())
        .position(|words| words == wanted)?;
    Some(from + at + wanted.len())
}

/// A loud tone.
fn tone(hz: u16, ms: u32) -> VecDeque<u8> {
    let samples = usize::try_from(u64::from(ms) * SAMPLES_PER_MS).unwrap_or(0);
    let turn = f64::from(hz) * TAU / f64::from(SAMPLE_RATE);
    let wave = (0_u32..).map(|sample| (f64::from(sample) * turn).sin() * TONE_PEAK);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "within ±8,000, which is an i16"
    )]
    wave.take(samples)
        .map(|sample| mulaw::encode(sample as i16))
        .collect()
}
