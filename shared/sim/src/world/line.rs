//! The carrier's side of the media stream, and the person at its end, in steps of 20 ms.
//!
//! A thin carrier for virtual time: it buffers what the product sends, plays it in real time, echoes
//! marks when what was before them has been played, and empties the buffer on a clear. It reads the
//! product's messages with its own strict types.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use serde::Deserialize;

use super::Scene;
use super::promise::{Broken, Promise};
use crate::carriers::twilio::media::detector::Detector;
use crate::person::{Deed, Log, OnCall};
use crate::voice::{FRAME_BYTES, SAMPLES_PER_MS, SILENCE};

/// A step of the line.
pub(super) const FRAME: Duration = Duration::from_millis(20);
/// Audio that the carrier holds for one call, in bytes: a minute. A worker that paces never comes
/// near it.
const BUFFER_BYTES_MAX: usize = 60 * 8_000;

/// The line of one call.
#[derive(Debug)]
pub(super) struct Line {
    stream_sid: String,
    person: OnCall,
    dead_at: Option<Duration>,
    buffer: VecDeque<Piece>,
    buffered: usize,
    /// Bytes that were taken into the buffer, and that were played or cleared.
    taken: u64,
    gone: u64,
    /// Marks with the count of bytes before them.
    marks: VecDeque<(u64, String)>,
    returned: BTreeSet<String>,
    /// What is played in the running step.
    playing: Vec<u8>,
    steps: u64,
    sequence: u64,
    /// Audio messages received.
    messages: u64,
    /// Nothing of the messages up to this number may be played from this time on.
    stale: Option<(u64, Duration)>,
    /// The buffer ran dry in the middle of something.
    dry: bool,
    /// Nothing but a mark came after the last audio.
    marked: bool,
    over: bool,
    problems: Vec<Broken>,
    underruns: usize,
    buffered_max: usize,
    /// The carrier listens for who answered.
    detector: Option<Detector>,
}

/// A stretch of audio as it came.
#[derive(Debug)]
struct Piece {
    message: u64,
    audio: Vec<u8>,
    played: usize,
}

/// What the line does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// A message to the worker, leaving at `at`.
    Message { at: Duration, text: String },
    /// The person hung up: after the message that says so the stream is closed.
    HungUp,
    /// The carrier's verdict on who answered.
    Verdict { at: Duration, word: &'static str },
}

#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase", deny_unknown_fields)]
enum Received {
    Media {
        #[serde(rename = "streamSid")]
        stream_sid: String,
        media: Media,
    },
    Mark {
        #[serde(rename = "streamSid")]
        stream_sid: String,
        mark: MarkName,
    },
    Clear {
        #[serde(rename = "streamSid")]
        stream_sid: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Media {
    payload: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MarkName {
    name: String,
}

impl Line {
    pub(super) fn new(scene: &Scene, stream_sid: &str, detector: Option<Detector>) -> Self {
        Self {
            stream_sid: stream_sid.to_owned(),
            person: scene.person.pick_up(),
            dead_at: scene.line_dead_at,
            buffer: VecDeque::new(),
            buffered: 0,
            taken: 0,
            gone: 0,
            marks: VecDeque::new(),
            returned: BTreeSet::new(),
            playing: Vec::new(),
            steps: 0,
            sequence: 0,
            messages: 0,
            stale: None,
            dry: false,
            marked: true,
            over: false,
            problems: Vec::new(),
            underruns: 0,
            buffered_max: 0,
            detector,
        }
    }

    /// The stream is gone: nothing that it brought is played any more, and the person stays.
    pub(super) fn cut(&mut self) {
        self.buffer.clear();
        self.buffered = 0;
        self.gone = self.taken;
        self.marks.clear();
        self.returned.clear();
        self.stale = None;
        self.dry = false;
        self.marked = true;
    }

    /// The first messages of a stream.
    pub(super) fn begin(&mut self) -> [String; 2] {
        self.sequence = 1;
        self.messages = 0;
        let sid = &self.stream_sid;
        [
            r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#.to_owned(),
            format!(
                r#"{{"event":"start","sequenceNumber":"1","streamSid":"{sid}","start":{{"streamSid":"{sid}","accountSid":"AC00000000000000000000000000000000","callSid":"CA00000000000000000000000000000000","tracks":["inbound"],"customParameters":{{}},"mediaFormat":{{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}}}}"#
            ),
        ]
    }

    /// The next 20 ms begin at `now`.
    pub(super) fn step(&mut self, now: Duration) -> Vec<Told> {
        let mut told = Vec::new();
        if self.over {
            return told;
        }
        let start_ms = self.steps * 20;
        if self.steps > 0 {
            let position = (start_ms - 20) * SAMPLES_PER_MS;
            self.person.hear(&self.playing, position);
            self.playing.clear();
        }
        let mut frame = self.person.frame();
        if self.dead_at.is_some_and(|at| at <= now) {
            frame = [SILENCE; FRAME_BYTES];
        }
        let end = now + FRAME;
        self.sequence += 1;
        let text = format!(
            r#"{{"event":"media","sequenceNumber":"{}","streamSid":"{}","media":{{"track":"inbound","chunk":"{}","timestamp":"{start_ms}","payload":"{}"}}}}"#,
            self.sequence,
            self.stream_sid,
            self.steps + 1,
            base64_simd::STANDARD.encode_to_string(frame),
        );
        told.push(Told::Message { at: end, text });
        let mut beeped = false;
        while let Some(deed) = self.person.poll_deed() {
            match deed {
                Deed::Presses(key) => {
                    self.sequence += 1;
                    let text = format!(
                        r#"{{"event":"dtmf","streamSid":"{}","sequenceNumber":"{}","dtmf":{{"track":"inbound_track","digit":"{key}"}}}}"#,
                        self.stream_sid, self.sequence
                    );
                    told.push(Told::Message { at: end, text });
                }
                Deed::Beeped => beeped = true,
                Deed::HangsUp => {
                    self.sequence += 1;
                    let text = format!(
                        r#"{{"event":"stop","sequenceNumber":"{}","streamSid":"{}","stop":{{"accountSid":"AC00000000000000000000000000000000","callSid":"CA00000000000000000000000000000000"}}}}"#,
                        self.sequence, self.stream_sid
                    );
                    told.push(Told::Message { at: end, text });
                    told.push(Told::HungUp);
                    self.end();
                    return told;
                }
            }
        }
        let heard = self.detector.as_mut();
        if let Some(word) = heard.and_then(|detector| detector.hear(&frame, beeped)) {
            told.push(Told::Verdict { at: end, word });
        }
        self.play(now);
        self.echo_marks(end, &mut told);
        self.steps += 1;
        told
    }

    /// A message of the worker.
    pub(super) fn receive(&mut self, text: &str, now: Duration) -> Vec<Told> {
        let mut told = Vec::new();
        if self.over {
            return told;
        }
        let received = match serde_json::from_str(text) {
            Ok(received) => received,
            Err(_problem) => {
                self.problems.push(
                    Promise::CarrierProtocol.broken("a message that the carrier does not take"),
                );
                return told;
            }
        };
        let (Received::Media { stream_sid, .. }
        | Received::Mark { stream_sid, .. }
        | Received::Clear { stream_sid }) = &received;
        if *stream_sid != self.stream_sid {
            self.problems
                .push(Promise::CarrierProtocol.broken("a message for another stream"));
            return told;
        }
        match received {
            Received::Media { media, .. } => self.take(&media.payload),
            Received::Mark { mark, .. } => {
                self.marked = true;
                self.marks.push_back((self.taken, mark.name));
                if self.buffer.is_empty() {
                    self.echo_marks(now, &mut told);
                }
            }
            Received::Clear { .. } => {
                self.buffer.clear();
                self.buffered = 0;
                self.gone = self.taken;
                self.dry = false;
                self.marked = true;
                self.echo_marks(now, &mut told);
            }
        }
        told
    }

    /// From `from` on, nothing that was sent before now may be played: a clear is on its way.
    pub(super) fn expect_silence(&mut self, sent_messages: u64, from: Duration) {
        self.stale = Some((sent_messages, from));
    }

    /// The line is dead.
    pub(super) fn end(&mut self) {
        if !self.over {
            self.over = true;
            // What is being played is still heard.
            if let Some(step) = self.steps.checked_sub(1)
                && !self.playing.is_empty()
            {
                self.person.hear(&self.playing, step * 20 * SAMPLES_PER_MS);
            }
            self.person.end();
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn log(&self) -> &Log {
        self.person.log()
    }

    /// Whether this mark has gone back.
    pub(super) fn has_returned(&self, name: &str) -> bool {
        self.returned.contains(name)
    }

    /// What went against the rules of the stream.
    pub(super) fn problems(&self) -> &[Broken] {
        &self.problems
    }

    /// Times that the worker let the line run dry in the middle of a sentence.
    pub(super) fn underruns(&self) -> usize {
        self.underruns
    }

    /// The most that ever waited to be played.
    pub(super) fn lead_max(&self) -> Duration {
        let samples = u64::try_from(self.buffered_max).unwrap_or(u64::MAX);
        Duration::from_millis(samples / SAMPLES_PER_MS)
    }

    fn take(&mut self, payload: &str) {
        self.messages += 1;
        let Ok(audio) = base64_simd::STANDARD.decode_to_vec(payload.as_bytes()) else {
            self.problems
                .push(Promise::CarrierProtocol.broken("audio that is not base64"));
            return;
        };
        if audio.is_empty() {
            self.problems
                .push(Promise::CarrierProtocol.broken("an audio message without audio"));
            return;
        }
        if self.buffered + audio.len() > BUFFER_BYTES_MAX {
            self.problems
                .push(Promise::CarrierProtocol.broken("more audio than a minute ahead"));
            return;
        }
        if self.dry {
            self.underruns += 1;
            self.dry = false;
        }
        self.marked = false;
        self.buffered += audio.len();
        self.buffered_max = self.buffered_max.max(self.buffered);
        self.taken += u64::try_from(audio.len()).unwrap_or(0);
        self.buffer.push_back(Piece {
            message: self.messages,
            audio,
            played: 0,
        });
    }

    /// Takes 20 ms out of the buffer.
    fn play(&mut self, now: Duration) {
        self.playing.clear();
        while self.playing.len() < FRAME_BYTES {
            let Some(piece) = self.buffer.front_mut() else {
                break;
            };
            if let Some((messages, from)) = self.stale
                && piece.message <= messages
                && now > from
            {
                self.stale = None;
                self.problems.push(
                    Promise::SilentWhenInterrupted.broken("speech went on after the interruption"),
                );
            }
            let wanted = FRAME_BYTES - self.playing.len();
            let rest = piece.audio.get(piece.played..).unwrap_or_default();
            let part = rest.get(..wanted.min(rest.len())).unwrap_or_default();
            self.playing.extend_from_slice(part);
            self.buffered -= part.len();
            self.gone += u64::try_from(part.len()).unwrap_or(0);
            piece.played += part.len();
            if piece.played == piece.audio.len() {
                self.buffer.pop_front();
            }
        }
        if !self.playing.is_empty() && self.playing.len() < FRAME_BYTES {
            self.dry = !self.marked;
        }
        if self.playing.is_empty() && !self.marked {
            self.dry = true;
        }
        self.playing.resize(FRAME_BYTES, SILENCE);
    }

    fn echo_marks(&mut self, at: Duration, told: &mut Vec<Told>) {
        while let Some((before, name)) = self.marks.pop_front() {
            if before > self.gone {
                self.marks.push_front((before, name));
                return;
            }
            self.sequence += 1;
            self.returned.insert(name.clone());
            let text = format!(
                r#"{{"event":"mark","sequenceNumber":"{}","streamSid":"{}","mark":{{"name":"{name}"}}}}"#,
                self.sequence, self.stream_sid
            );
            told.push(Told::Message { at, text });
        }
    }
}
