//! What the carrier's socket brings.

use std::task::{Context, Poll};

use audio::CustomerFrame;
use carrier::media::{Inbound, Track};
use conversation::{CarrierClosed, Event, Mark};
use model::Outcome;

use super::{BAD_MESSAGES_MAX, Session, WakeSource};
use crate::carrier_leg::socket::{CloseReason, Incoming};
use crate::meters::Meters;
use crate::stt_leg::Taken;
use crate::stt_leg::customer_audio::BYTES_PER_MS;

impl Session {
    pub(super) fn step_carrier(&mut self, cx: &mut Context<'_>) -> bool {
        if self.carrier_closed.is_some() {
            return false;
        }
        let Poll::Ready(incoming) = self.parts.socket.poll_message(cx) else {
            return false;
        };
        self.carrier_heard_at = self.woken_at;
        match incoming {
            Incoming::Text(text) => self.take_message(&text),
            Incoming::Binary => self.refuse_stream("binary", CloseReason::Unsupported),
            Incoming::Oversized => self.refuse_stream("oversized", CloseReason::TooLarge),
            Incoming::Garbage => self.refuse_stream("garbage", CloseReason::InvalidText),
            Incoming::Closed | Incoming::Broken => self.carrier_is_gone(CarrierClosed::Lost),
        }
        true
    }

    pub(super) fn take_message(&mut self, text: &str) {
        let message = match self.playout.codec().decode(text) {
            Ok(message) => message,
            Err(problem) => return self.ignore(problem.code()),
        };
        if message
            .stream_id()
            .is_some_and(|stream| stream != self.playout.stream_id())
        {
            return self.ignore("foreign_stream");
        }
        match message {
            Inbound::Media {
                sequence,
                timestamp_ms,
                track: Track::Inbound,
                payload_base64,
                stream_id: _,
            } => self.take_audio(sequence, timestamp_ms, &payload_base64),
            Inbound::Media {
                track: Track::Other,
                ..
            } => self.ignore("foreign_track"),
            Inbound::Dtmf { digit, .. } => self.feed(Event::Key(digit)),
            Inbound::Mark { name, .. } => match name.parse::<Mark>() {
                Ok(mark) => {
                    self.line.marked();
                    self.feed(Event::Marked(mark));
                }
                Err(_foreign) => self.ignore("foreign_mark"),
            },
            Inbound::Stop { .. } => self.carrier_is_gone(CarrierClosed::Stopped),
            Inbound::Start(_) => self.refuse_stream("second_start", CloseReason::Policy),
            Inbound::Connected => self.ignore("second_connected"),
            Inbound::Unknown => self.ignore("unknown_event"),
        }
    }

    pub(super) fn take_audio(&mut self, sequence: u64, timestamp_ms: u64, payload: &str) {
        let listens = self.parts.call.wants_line_sounds();
        match self
            .parts
            .ear
            .take(sequence, timestamp_ms, payload, listens)
        {
            Taken::Heard {
                loudness,
                lost_ms,
                due,
                sounds,
            } => {
                let frame = CustomerFrame {
                    loudness,
                    lost_ms,
                    timestamp_ms,
                };
                self.line.heard(frame);
                self.parts.meters.frames_received.increment(1);
                if lost_ms > 0 {
                    let lost_bytes = lost_ms * BYTES_PER_MS;
                    self.parts.meters.audio_lost_bytes.increment(lost_bytes);
                }
                if due && self.parts.ear.send() {
                    self.parts.meters.recognition_messages.increment(1);
                    self.due.add(WakeSource::Recognition);
                }
                for sound in sounds.into_iter().flatten() {
                    self.feed(Event::LineSound(sound));
                }
            }
            Taken::Duplicate => self.ignore("duplicate"),
            Taken::Late => self.ignore("out_of_order"),
            Taken::Unreadable(problem) => self.ignore(problem.code()),
        }
    }

    /// A message that is not taken, while the call goes on.
    pub(super) fn ignore(&mut self, reason: &'static str) {
        Meters::message_ignored(reason);
        self.bad_messages += 1;
        if self.bad_messages > BAD_MESSAGES_MAX {
            self.refuse_stream("too_many_bad_messages", CloseReason::Policy);
        }
    }

    /// Ends the stream for what came through it.
    pub(super) fn refuse_stream(&mut self, reason: &'static str, close: CloseReason) {
        Meters::stream_refused(reason);
        tracing::warn!(reason, "the carrier's stream is refused");
        self.close_reason = close;
        self.carrier_is_gone(CarrierClosed::Lost);
    }

    pub(super) fn carrier_is_gone(&mut self, how: CarrierClosed) {
        if self.carrier_closed.is_some() {
            return;
        }
        self.carrier_closed = Some(how);
        self.feed(Event::CarrierClosed(how));
        if !self.is_over() && !self.parts.call.waits_for_last_words() {
            tracing::error!("the core goes on without a carrier");
            self.end = Some(Outcome::StreamLost);
        }
    }
}
