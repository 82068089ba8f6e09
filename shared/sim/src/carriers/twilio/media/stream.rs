//! The carrier's end of one bidirectional media stream: messages out, messages in, playback.
//!
//! It knows the protocol of `<Connect><Stream>` and nothing of calls, sockets or clocks: whoever owns
//! it asks for samples at the pace of the call. What the other side sends is read strictly, as the
//! carrier reads it: exactly the documented fields, or the message is dropped and warned of.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::playout::{Playout, PlayoutStats};
use crate::voice::FRAME_BYTES;

/// Longest message that is read; larger ones break the stream in practice.
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// Which stream of which call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamIds {
    pub account_sid: String,
    pub call_sid: String,
    /// `MZ` and 32 hex digits.
    pub stream_sid: String,
}

/// The carrier's end of a media stream.
#[derive(Debug, Clone)]
pub struct MediaStream {
    ids: StreamIds,
    sequence: u64,
    chunk: u64,
    playout: Playout,
    out: VecDeque<String>,
    problems: Vec<StreamProblem>,
    messages: u64,
}

/// Something that the other side sent against the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamProblem {
    /// The carrier's code: 31950 (cannot be decoded), 31951 (not compliant).
    pub code: u32,
    /// What was wrong. Never what was said.
    pub what: String,
}

/// What the other side may send, all of it. The event says which parts must be there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow, rename = "streamSid")]
    stream_sid: Cow<'a, str>,
    #[serde(borrow)]
    media: Option<SentMedia<'a>>,
    #[serde(borrow)]
    mark: Option<SentMark<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SentMedia<'a> {
    #[serde(borrow)]
    payload: Cow<'a, str>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SentMark<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

impl MediaStream {
    /// The stream is open: says `connected` and `start`, with the TwiML's parameters.
    #[must_use]
    pub fn open(ids: StreamIds, parameters: &[(String, String)]) -> Self {
        let custom: serde_json::Map<String, serde_json::Value> = parameters
            .iter()
            .map(|(name, value)| (name.clone(), value.clone().into()))
            .collect();
        let start = serde_json::json!({
            "event": "start",
            "sequenceNumber": "1",
            "streamSid": ids.stream_sid,
            "start": {
                "streamSid": ids.stream_sid,
                "accountSid": ids.account_sid,
                "callSid": ids.call_sid,
                "tracks": ["inbound"],
                "customParameters": custom,
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8_000, "channels": 1},
            },
        });
        let connected = r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#;
        Self {
            ids,
            sequence: 1,
            chunk: 0,
            playout: Playout::default(),
            out: VecDeque::from([connected.to_owned(), start.to_string()]),
            problems: Vec::new(),
            messages: 0,
        }
    }

    /// The next 20 ms of the customer. Frames are numbered and timed by their count: none may be left
    /// out.
    pub fn customer_frame(&mut self, frame: &[u8; FRAME_BYTES]) {
        self.sequence += 1;
        let timestamp_ms = self.chunk * 20;
        self.chunk += 1;
        let Self {
            ids,
            sequence,
            chunk,
            ..
        } = self;
        // Written by hand: fifty of these a second and call.
        let mut message = String::with_capacity(420);
        let written = write!(
            message,
            r#"{{"event":"media","sequenceNumber":"{sequence}","streamSid":"{sid}","media":{{"track":"inbound","chunk":"{chunk}","timestamp":"{timestamp_ms}","payload":""#,
            sid = ids.stream_sid,
        );
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
        STANDARD.encode_string(frame, &mut message);
        message.push_str("\"}}");
        self.out.push_back(message);
    }

    /// The customer pressed a key.
    pub fn customer_key(&mut self, key: char) {
        let message = serde_json::json!({
            "event": "dtmf",
            "streamSid": self.ids.stream_sid,
            "sequenceNumber": self.next_sequence(),
            "dtmf": {"track": "inbound_track", "digit": key.to_string()},
        });
        self.out.push_back(message.to_string());
    }

    /// The stream ends in order: says `stop`. The owner closes the socket afterwards.
    pub fn stop(&mut self) {
        let message = serde_json::json!({
            "event": "stop",
            "sequenceNumber": self.next_sequence(),
            "streamSid": self.ids.stream_sid,
            "stop": {"accountSid": self.ids.account_sid, "callSid": self.ids.call_sid},
        });
        self.out.push_back(message.to_string());
    }

    /// A text message from the other side. Play up to now first: a clear cuts where playback is.
    pub fn receive(&mut self, text: &str) {
        self.messages += 1;
        if text.len() > MESSAGE_BYTES_MAX {
            return self.problem(31_951, format!("a message of {} bytes", text.len()));
        }
        let sent: Sent<'_> = match serde_json::from_str(text) {
            Ok(sent) => sent,
            Err(source) => {
                return self.problem(31_951, format!("not a documented message: {source}"));
            }
        };
        if sent.stream_sid != self.ids.stream_sid {
            return self.problem(31_951, "another stream's streamSid".to_owned());
        }
        match (&*sent.event, sent.media, sent.mark) {
            ("media", Some(media), None) => match STANDARD.decode(&*media.payload) {
                Ok(audio) if audio.is_empty() => {
                    self.problem(31_951, "media without audio".to_owned());
                }
                Ok(audio) if audio.starts_with(b"RIFF") => {
                    self.problem(
                        31_951,
                        "media with a file header, which plays as noise".to_owned(),
                    );
                }
                Ok(audio) => self.playout.audio(audio),
                Err(source) => self.problem(31_951, format!("payload: {source}")),
            },
            ("mark", None, Some(mark)) if mark.name.is_empty() => {
                self.problem(31_951, "a mark without a name".to_owned());
            }
            ("mark", None, Some(mark)) => {
                if let Some(name) = self.playout.mark(mark.name.into_owned()) {
                    self.echo(&name);
                }
            }
            ("clear", None, None) => {
                for name in self.playout.clear() {
                    self.echo(&name);
                }
            }
            ("media" | "mark" | "clear", _, _) => {
                self.problem(31_951, format!("{} with the wrong fields", sent.event));
            }
            (_, _, _) => self.problem(31_951, "an unknown event".to_owned()),
        }
    }

    /// A binary message from the other side.
    pub fn receive_binary(&mut self, bytes: usize) {
        self.messages += 1;
        self.problem(31_950, format!("a binary message of {bytes} bytes"));
    }

    /// Plays the next samples into `out`, silence where nothing is buffered; echoes the marks reached.
    pub fn play(&mut self, samples: usize, out: &mut Vec<u8>) {
        for name in self.playout.play(samples, out) {
            self.echo(&name);
        }
    }

    /// Samples until the next mark is due.
    #[must_use]
    pub fn next_mark_in(&self) -> Option<usize> {
        self.playout.next_mark_in()
    }

    /// The next message to send.
    pub fn poll_message(&mut self) -> Option<String> {
        self.out.pop_front()
    }

    #[must_use]
    pub const fn ids(&self) -> &StreamIds {
        &self.ids
    }

    #[must_use]
    pub const fn stats(&self) -> PlayoutStats {
        self.playout.stats()
    }

    /// Bytes of audio waiting to be played.
    #[must_use]
    pub const fn buffered(&self) -> usize {
        self.playout.buffered()
    }

    /// Messages received.
    #[must_use]
    pub const fn messages(&self) -> u64 {
        self.messages
    }

    /// Everything that was against the protocol (the carrier itself warns of 31951 once per stream).
    #[must_use]
    pub fn problems(&self) -> &[StreamProblem] {
        &self.problems
    }

    fn echo(&mut self, name: &str) {
        let message = serde_json::json!({
            "event": "mark",
            "sequenceNumber": self.next_sequence(),
            "streamSid": self.ids.stream_sid,
            "mark": {"name": name},
        });
        self.out.push_back(message.to_string());
    }

    fn next_sequence(&mut self) -> String {
        self.sequence += 1;
        self.sequence.to_string()
    }

    /// Kept up to a limit that is far beyond what a test wants to read.
    fn problem(&mut self, code: u32, what: String) {
        const PROBLEMS_MAX: usize = 1_000;
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(StreamProblem { code, what });
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn stream() -> MediaStream {
        let ids = StreamIds {
            account_sid: "AC1".to_owned(),
            call_sid: "CA1".to_owned(),
            stream_sid: "MZ1".to_owned(),
        };
        MediaStream::open(ids, &[("call_id".to_owned(), "c\"1".to_owned())])
    }

    fn messages(stream: &mut MediaStream) -> String {
        std::iter::from_fn(|| stream.poll_message())
            .map(|message| message + "\n")
            .collect()
    }

    fn check(sent: &[&str], expect: &Expect) {
        let mut stream = stream();
        messages(&mut stream);
        for text in sent {
            stream.receive(text);
        }
        let problems: String = stream
            .problems()
            .iter()
            .map(|problem| format!("{} {}\n", problem.code, problem.what))
            .collect();
        expect.assert_eq(&(messages(&mut stream) + &problems));
    }

    #[test]
    fn it_speaks_as_documented() {
        let mut stream = stream();
        stream.customer_frame(&[0xFF; 160]);
        stream.customer_key('#');
        stream.customer_frame(&[0; 160]);
        stream.stop();
        expect![[r##"
            {"event":"connected","protocol":"Call","version":"1.0.0"}
            {"event":"start","sequenceNumber":"1","start":{"accountSid":"AC1","callSid":"CA1","customParameters":{"call_id":"c\"1"},"mediaFormat":{"channels":1,"encoding":"audio/x-mulaw","sampleRate":8000},"streamSid":"MZ1","tracks":["inbound"]},"streamSid":"MZ1"}
            {"event":"media","sequenceNumber":"2","streamSid":"MZ1","media":{"track":"inbound","chunk":"1","timestamp":"0","payload":"/////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////w=="}}
            {"dtmf":{"digit":"#","track":"inbound_track"},"event":"dtmf","sequenceNumber":"3","streamSid":"MZ1"}
            {"event":"media","sequenceNumber":"4","streamSid":"MZ1","media":{"track":"inbound","chunk":"2","timestamp":"20","payload":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="}}
            {"event":"stop","sequenceNumber":"5","stop":{"accountSid":"AC1","callSid":"CA1"},"streamSid":"MZ1"}
        "##]].assert_eq(&messages(&mut stream));
    }

    #[test]
    fn marks_come_back_at_once_when_nothing_plays_and_together_when_cleared() {
        check(
            &[
                r#"{"event":"mark","streamSid":"MZ1","mark":{"name":"now"}}"#,
                r#"{"event":"media","streamSid":"MZ1","media":{"payload":"AAAA"}}"#,
                r#"{"event":"mark","streamSid":"MZ1","mark":{"name":"one"}}"#,
                r#"{"event":"mark","streamSid":"MZ1","mark":{"name":"two"}}"#,
                r#"{"event":"clear","streamSid":"MZ1"}"#,
            ],
            &expect![[r#"
                {"event":"mark","mark":{"name":"now"},"sequenceNumber":"2","streamSid":"MZ1"}
                {"event":"mark","mark":{"name":"one"},"sequenceNumber":"3","streamSid":"MZ1"}
                {"event":"mark","mark":{"name":"two"},"sequenceNumber":"4","streamSid":"MZ1"}
            "#]],
        );
    }

    #[test]
    fn what_the_carrier_would_not_take_is_refused() {
        check(
            &[
                "hello",
                r#"{"event":"media","streamSid":"MZ2","media":{"payload":"AAAA"}}"#,
                r#"{"event":"media","streamSid":"MZ1","media":{"payload":"AAA"}}"#,
                r#"{"event":"media","streamSid":"MZ1","media":{"payload":""}}"#,
                r#"{"event":"media","streamSid":"MZ1","media":{"payload":"UklGRgAAAAA="}}"#,
                r#"{"event":"media","streamSid":"MZ1","media":{"payload":"AAAA","track":"outbound"}}"#,
                r#"{"event":"media","streamSid":"MZ1","sequenceNumber":"3","media":{"payload":"AAAA"}}"#,
                r#"{"event":"clear","streamSid":"MZ1","mark":{"name":"x"}}"#,
                r#"{"event":"mark","streamSid":"MZ1","mark":{"name":""}}"#,
                r#"{"event":"mark","streamSid":"MZ1"}"#,
                r#"{"event":"dtmf","streamSid":"MZ1"}"#,
                r#"{"event":"clear"}"#,
            ],
            &expect![[r#"
                31951 not a documented message: expected value at line 1 column 1
                31951 another stream's streamSid
                31951 payload: Invalid padding
                31951 media without audio
                31951 media with a file header, which plays as noise
                31951 not a documented message: unknown field `track`, expected `payload` at line 1 column 68
                31951 not a documented message: unknown field `sequenceNumber`, expected one of `event`, `streamSid`, `media`, `mark` at line 1 column 51
                31951 clear with the wrong fields
                31951 a mark without a name
                31951 mark with the wrong fields
                31951 an unknown event
                31951 not a documented message: missing field `streamSid` at line 1 column 17
            "#]],
        );
    }
}
