//! How a call stands, for those who watch.

use jiff::Timestamp;

use super::{LegState, PhoneCall};
use crate::carriers::twilio::media::line::Lateness;
use crate::carriers::twilio::media::playout::PlayoutStats;
use crate::carriers::twilio::record::Status;
use crate::person::Log;

/// How a call stands, for those who watch.
#[derive(Debug, Clone)]
pub struct CallView {
    pub sid: String,
    pub to: String,
    pub from: String,
    /// When it was asked for.
    pub created_at: Timestamp,
    pub answered_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// Seconds that are billed, of a call that is over.
    pub billed_seconds: Option<u64>,
    pub status: Status,
    pub answered_by: Option<String>,
    /// What the person heard, said and did, to the last frame.
    pub log: Log,
    /// Playback over all streams of the call so far.
    pub playout: PlayoutStats,
    pub lateness: Lateness,
    /// Media streams that were opened.
    pub streams: u32,
    /// Between two of them.
    pub gaps: Vec<Gap>,
    /// Messages that the other side sent on them.
    pub stream_messages: u64,
    /// Recordings, by their ids.
    pub recordings: Vec<String>,
}

/// A time between two media streams of a call: what the person said then nobody was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// In milliseconds since the answer.
    pub from_ms: u64,
    pub to_ms: u64,
}

/// What is kept of a call for those who watch, beyond its record.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) log: Log,
    pub(super) playout: PlayoutStats,
    pub(super) lateness: Lateness,
    pub(super) streams: u32,
    pub(super) gaps: Vec<Gap>,
    /// When the last stream ended, unless another one runs.
    pub(super) stream_ended_ms: Option<u64>,
    pub(super) stream_messages: u64,
}

impl PhoneCall {
    pub(in crate::carriers::twilio) fn view(&self) -> CallView {
        let mut view = CallView {
            sid: self.record.sid.clone(),
            to: self.record.to.clone(),
            from: self.record.from.clone(),
            created_at: self.record.created_at,
            answered_at: self.record.answered_at,
            ended_at: self.record.ended_at,
            billed_seconds: self
                .record
                .duration_s()
                .and_then(|seconds| u64::try_from(seconds).ok()),
            status: self.record.status,
            answered_by: self.record.answered_by.clone(),
            log: self.seen.log.clone(),
            playout: self.seen.playout,
            lateness: self.seen.lateness,
            streams: self.seen.streams,
            gaps: self.seen.gaps.clone(),
            stream_messages: self.seen.stream_messages,
            recordings: self
                .record
                .recordings
                .iter()
                .map(|recording| recording.sid.clone())
                .collect(),
        };
        if let LegState::Live(live) = &self.state {
            view.log = live.line.log().clone();
            view.lateness = live.line.lateness();
            if let Some(stream) = live.line.stream() {
                view.playout = view.playout.and(stream.stats());
                view.stream_messages += stream.messages();
            }
        }
        view
    }
}
