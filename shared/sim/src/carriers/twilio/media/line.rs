//! An answered call's audio: the person, what is played to them, the media stream, the recording.
//!
//! Everything moves on one clock, samples since the answer: the person's frames, playback at 8,000
//! samples a second, marks at their sample, both channels of the recording. The owner says what time
//! it is ([`Line::advance`]) and when it is wanted next ([`Line::poll_timeout`]); it knows no sockets
//! and no TwiML, so it serves the simulated carrier and a conversation in memory alike.

use std::collections::VecDeque;
use std::time::Duration;

use super::detector::{Detection, Detector};
use super::stream::{MediaStream, StreamIds};
use crate::carriers::recording::Recorder;
use crate::person::{CarrierVerdict, Deed, Log, OnCall, Person};
use crate::voice::{FRAME_BYTES, SILENCE};

const FRAME: u64 = FRAME_BYTES as u64;

/// An answered call.
#[derive(Debug)]
pub struct Line {
    answered_at: Duration,
    /// Samples since the answer that were played, heard and recorded.
    position: u64,
    person: OnCall,
    playing: Playing,
    /// What was played since the last whole frame.
    played: Vec<u8>,
    recorder: Option<Recorder>,
    detector: Option<Detector>,
    events: VecDeque<LineEvent>,
    lateness: Lateness,
}

/// What the person hears.
#[derive(Debug)]
enum Playing {
    Nothing,
    /// Audio of the carrier itself, such as a spoken `<Say>`.
    Local {
        audio: Vec<u8>,
        played: usize,
    },
    Stream(Box<MediaStream>),
}

/// Something that happened on the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineEvent {
    /// Audio of the carrier itself was played to its end.
    Played,
    PressedKey(char),
    HungUp,
    /// Answering machine detection: the carrier's word for who answered, and after how long.
    Verdict {
        answered_by: &'static str,
        after_ms: u32,
    },
    /// More of the recording: 16-bit PCM, channels interleaved.
    Recorded(Vec<u8>),
}

/// How late frames were made, against the clock of the call: the simulator's own doing, to be looked
/// at before anything is said about the other side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lateness {
    pub frames: u64,
    /// Frames that were more than 5 and more than 20 ms late.
    pub over_5_ms: u64,
    pub over_20_ms: u64,
    pub max: Duration,
}

impl Line {
    /// The person picks up now.
    #[must_use]
    pub fn answered(person: &Person, now: Duration) -> Self {
        Self {
            answered_at: now,
            position: 0,
            person: person.pick_up(),
            playing: Playing::Nothing,
            played: Vec::with_capacity(2 * FRAME_BYTES),
            recorder: None,
            detector: None,
            events: VecDeque::new(),
            lateness: Lateness::default(),
        }
    }

    /// Connects a media stream; its `connected` and `start` wait to be polled.
    pub fn connect(&mut self, ids: StreamIds, parameters: &[(String, String)], now: Duration) {
        self.advance(now);
        self.playing = Playing::Stream(Box::new(MediaStream::open(ids, parameters)));
    }

    /// A text message from the other end of the media stream.
    pub fn receive(&mut self, text: &str, now: Duration) {
        self.advance(now);
        if let Playing::Stream(stream) = &mut self.playing {
            stream.receive(text);
        }
    }

    /// The next message to the other end of the media stream.
    pub fn poll_message(&mut self) -> Option<String> {
        match &mut self.playing {
            Playing::Stream(stream) => stream.poll_message(),
            Playing::Nothing | Playing::Local { .. } => None,
        }
    }

    /// Lets the call go on to `now`: plays, listens, speaks, records.
    pub fn advance(&mut self, now: Duration) {
        let elapsed = now.saturating_sub(self.answered_at).as_micros() * 8 / 1_000;
        let target = u64::try_from(elapsed).unwrap_or(u64::MAX);
        while self.position < target {
            let to_frame = FRAME - self.position % FRAME;
            let samples = to_frame.min(target - self.position);
            self.play(usize::try_from(samples).unwrap_or(FRAME_BYTES));
            self.position += samples;
            if self.position.is_multiple_of(FRAME) {
                self.whole_frame(now);
            }
        }
    }

    /// When [`Self::advance`] is wanted next: at the next frame, or at a mark before it.
    #[must_use]
    pub fn poll_timeout(&self) -> Duration {
        let mut samples = FRAME - self.position % FRAME;
        if let Playing::Stream(stream) = &self.playing
            && let Some(mark) = stream.next_mark_in()
        {
            samples = samples.min(u64::try_from(mark).unwrap_or(u64::MAX).max(1));
        }
        self.answered_at + Duration::from_micros((self.position + samples) * 125)
    }

    /// What happened on the line.
    pub fn poll_event(&mut self) -> Option<LineEvent> {
        self.events.pop_front()
    }

    /// The media stream, while there is one.
    #[must_use]
    pub fn stream(&self) -> Option<&MediaStream> {
        match &self.playing {
            Playing::Stream(stream) => Some(stream),
            Playing::Nothing | Playing::Local { .. } => None,
        }
    }

    /// Takes the media stream away; the person hears silence.
    pub fn disconnect(&mut self, now: Duration) -> Option<MediaStream> {
        self.advance(now);
        match std::mem::replace(&mut self.playing, Playing::Nothing) {
            Playing::Stream(stream) => Some(*stream),
            other @ (Playing::Nothing | Playing::Local { .. }) => {
                self.playing = other;
                None
            }
        }
    }

    /// The call is over: the person hears no more, and the rest of the recording comes out.
    pub fn end(&mut self, now: Duration) {
        self.advance(now);
        self.person.end();
        if let Some(mut recorder) = self.recorder.take() {
            let rest = recorder.take();
            if !rest.is_empty() {
                self.events.push_back(LineEvent::Recorded(rest));
            }
        }
    }

    /// What the person heard, said and did so far.
    #[must_use]
    pub const fn log(&self) -> &Log {
        self.person.log()
    }

    /// Milliseconds since the answer.
    #[must_use]
    pub const fn elapsed_ms(&self) -> u64 {
        self.position / 8
    }

    #[must_use]
    pub const fn lateness(&self) -> Lateness {
        self.lateness
    }

    pub(crate) fn stream_mut(&mut self) -> Option<&mut MediaStream> {
        match &mut self.playing {
            Playing::Stream(stream) => Some(stream),
            Playing::Nothing | Playing::Local { .. } => None,
        }
    }

    /// Plays audio of the carrier itself. [`LineEvent::Played`] follows at its end.
    pub(crate) fn play_local(&mut self, audio: Vec<u8>) {
        self.playing = Playing::Local { audio, played: 0 };
    }

    /// Stops audio of the carrier itself.
    pub(crate) fn stop_local(&mut self) {
        if let Playing::Local { .. } = self.playing {
            self.playing = Playing::Nothing;
        }
    }

    /// Records from here on.
    pub(crate) fn record(&mut self, recorder: Recorder) {
        self.recorder = Some(recorder);
    }

    /// Listens from here on for who answered.
    pub(crate) fn detect(&mut self, detection: Detection, answered_by: CarrierVerdict) {
        self.detector = Some(Detector::new(detection, answered_by));
    }

    fn play(&mut self, samples: usize) {
        let before = self.played.len();
        match &mut self.playing {
            Playing::Nothing => self.played.resize(before + samples, SILENCE),
            Playing::Stream(stream) => stream.play(samples, &mut self.played),
            Playing::Local { audio, played } => {
                let rest = audio.get(*played..).unwrap_or_default();
                self.played.extend(rest.iter().take(samples));
                *played += samples;
                let over = *played >= audio.len();
                self.played.resize(before + samples, SILENCE);
                if over {
                    self.playing = Playing::Nothing;
                    self.events.push_back(LineEvent::Played);
                }
            }
        }
        let heard = self.played.get(before..).unwrap_or_default();
        self.person.hear(heard, self.position);
    }

    /// 20 ms are full: the person makes theirs, and both go to everybody who listens.
    fn whole_frame(&mut self, now: Duration) {
        self.lateness
            .add(now.saturating_sub(self.answered_at + Duration::from_micros(self.position * 125)));
        let frame = self.person.frame();
        let mut beeped = false;
        if let Playing::Stream(stream) = &mut self.playing {
            stream.customer_frame(&frame);
        }
        while let Some(deed) = self.person.poll_deed() {
            match deed {
                Deed::Presses(key) => {
                    if let Playing::Stream(stream) = &mut self.playing {
                        stream.customer_key(key);
                    }
                    self.events.push_back(LineEvent::PressedKey(key));
                }
                Deed::Beeped => beeped = true,
                Deed::HangsUp => self.events.push_back(LineEvent::HungUp),
            }
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.frame(&frame, &self.played);
            if recorder.is_due() {
                self.events.push_back(LineEvent::Recorded(recorder.take()));
            }
        }
        if let Some(detector) = &mut self.detector
            && let Some(answered_by) = detector.hear(&frame, beeped)
        {
            self.events.push_back(LineEvent::Verdict {
                answered_by,
                after_ms: detector.elapsed_ms(),
            });
        }
        self.played.clear();
    }
}

impl Lateness {
    fn add(&mut self, late: Duration) {
        self.frames += 1;
        self.max = self.max.max(late);
        self.over_5_ms += u64::from(late > Duration::from_millis(5));
        self.over_20_ms += u64::from(late > Duration::from_millis(20));
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            frames: self.frames + other.frames,
            over_5_ms: self.over_5_ms + other.over_5_ms,
            over_20_ms: self.over_20_ms + other.over_20_ms,
            max: self.max.max(other.max),
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use expect_test::expect;

    use super::*;
    use crate::voice::{Voice, speak};

    fn ids() -> StreamIds {
        StreamIds {
            account_sid: "AC1".to_owned(),
            call_sid: "CA1".to_owned(),
            stream_sid: "MZ1".to_owned(),
        }
    }

    fn media(audio: &[u8]) -> String {
        let payload = STANDARD.encode(audio);
        format!(r#"{{"event":"media","streamSid":"MZ1","media":{{"payload":"{payload}"}}}}"#)
    }

    /// Runs the line on its own clock until `until`.
    fn run(line: &mut Line, until: Duration) -> Vec<String> {
        let mut messages = Vec::new();
        loop {
            let next = line.poll_timeout();
            if next > until {
                return messages;
            }
            line.advance(next);
            while let Some(message) = line.poll_message() {
                messages.push(format!("{:.3} {message}", next.as_secs_f64()));
            }
        }
    }

    #[test]
    fn an_agent_and_a_person_talk_over_a_stream_and_a_clear_cuts_where_playback_is() {
        let person: Person =
            r#"answers | when hears "there" | opens with "Stop!" | hangs up after 1500ms"#
                .parse()
                .unwrap();
        let start = Duration::from_millis(7);
        let mut line = Line::answered(&person, start);
        line.connect(ids(), &[], start + Duration::from_millis(3));
        let speech = speak("Hello there, how are you today?", &Voice::named("agent"));
        for chunk in speech.audio.chunks(1_000) {
            line.receive(&media(chunk), start + Duration::from_millis(4));
        }
        line.receive(
            r#"{"event":"mark","streamSid":"MZ1","mark":{"name":"end"}}"#,
            start + Duration::from_millis(4),
        );
        let before = run(&mut line, start + Duration::from_millis(1_200));
        line.receive(
            r#"{"event":"clear","streamSid":"MZ1"}"#,
            start + Duration::from_millis(1_201),
        );
        let after = run(&mut line, start + Duration::from_millis(2_000));
        let marks = |messages: &[String]| {
            messages
                .iter()
                .filter(|message| message.contains("mark"))
                .cloned()
                .collect::<Vec<_>>()
        };
        assert_eq!(marks(&before).len(), 0);
        assert_eq!(marks(&after).len(), 1);
        line.end(start + Duration::from_millis(3_000));
        expect![[r#"
            0.00-0.74 agent: Hello there,
            0.74-1.00 person: Stop!
            0.90-1.18 agent: how are-
        "#]]
        .assert_eq(&line.log().to_string());
        assert_eq!(line.lateness().max, Duration::from_millis(980));
    }

    #[test]
    fn a_mark_comes_back_at_its_sample_between_two_frames() {
        let mut line = Line::answered(&"answers".parse().unwrap(), Duration::ZERO);
        line.connect(ids(), &[], Duration::ZERO);
        line.receive(&media(&[0; 240]), Duration::ZERO);
        line.receive(
            r#"{"event":"mark","streamSid":"MZ1","mark":{"name":"m"}}"#,
            Duration::ZERO,
        );
        let messages = run(&mut line, Duration::from_millis(60));
        let mark = messages
            .iter()
            .find(|message| message.contains("mark"))
            .unwrap();
        assert!(mark.starts_with("0.030 "), "{mark}");
    }
}
