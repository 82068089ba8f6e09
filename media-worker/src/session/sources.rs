//! The other sources of events, each looked at once in a round: vendors, tools, the clock, the table.

use std::task::{Context, Poll};

use conversation::{CarrierClosed, Event, Generation, Haste, Recognition, Synthesis};
use tokio::time::Instant;

use super::{CARRIER_SILENCE_MAX, Elsewhere, Session};
use crate::admission::DrainStage;
use crate::carrier_leg::socket::CloseReason;
use crate::handover::client::HandoverProgress;
use crate::meters::{GENERATION, RECOGNITION, SYNTHESIS};
use crate::session::turn_writer::Written;

impl Session {
    pub(super) fn step_recognition(&mut self, cx: &mut Context<'_>) -> bool {
        let Poll::Ready(event) = self.parts.ear.poll_event(cx) else {
            return false;
        };
        let meters = &self.parts.meters;
        match &event {
            Recognition::Opened => meters.vendor_works(RECOGNITION, self.parts.ear.vendor()),
            Recognition::Lost(failure) => {
                meters.vendor_failed(RECOGNITION, failure, self.parts.key.call_id);
            }
            Recognition::Final { text, .. } if !text.is_empty() => self.line.understood(),
            Recognition::SpeechStarted { .. }
            | Recognition::Interim { .. }
            | Recognition::Final { .. }
            | Recognition::UtteranceEnded => {}
        }
        self.feed(Event::Recognition(event));
        true
    }

    pub(super) fn step_generation(&mut self, cx: &mut Context<'_>) -> bool {
        let mut happened = None;
        for (place, (id, stream)) in self.generations.iter_mut().enumerate() {
            if let Poll::Ready(event) = stream.poll_event(cx) {
                happened = Some((place, *id, event));
                break;
            }
        }
        let Some((place, id, event)) = happened else {
            return false;
        };
        match &event {
            Generation::Text(_) | Generation::ToolCall { .. } => {}
            Generation::Finished { .. } => {
                self.parts.meters.vendor_works(GENERATION, self.answering);
                drop(self.generations.remove(place));
            }
            Generation::Failed(failure) => {
                let call = self.parts.key.call_id;
                self.parts.meters.vendor_failed(GENERATION, failure, call);
                drop(self.generations.remove(place));
            }
        }
        self.feed(Event::Generation { id, event });
        true
    }

    pub(super) fn step_speech(&mut self, cx: &mut Context<'_>) -> bool {
        let Poll::Ready((utterance, event)) = self.parts.tts.poll_event(cx) else {
            return false;
        };
        if let Synthesis::Failed(failure) = &event {
            let call = self.parts.key.call_id;
            self.parts.meters.vendor_failed(SYNTHESIS, failure, call);
        }
        self.feed(Event::Synthesis { utterance, event });
        true
    }

    pub(super) fn step_tools(&mut self, cx: &mut Context<'_>) -> bool {
        let Poll::Ready((id, result)) = self.running_tools.poll_done(cx) else {
            return false;
        };
        self.feed(Event::ToolDone { id, result });
        true
    }

    /// Looks at every deadline that has passed.
    pub(super) fn step_clock(&mut self) -> bool {
        let now = self.woken_at;
        if self.step_line() {
            return true;
        }
        if !self.drain_told && self.parts.admission.stage() == DrainStage::Expired {
            self.drain_told = true;
            self.close_reason = CloseReason::GoingAway;
            self.feed(Event::DrainDeadline);
            return true;
        }
        if !self.closing_told && self.parts.admission.stage() == DrainStage::Closing {
            self.closing_told = true;
            self.feed(Event::Closing);
            return true;
        }
        if let Some(haste) = self.is_to_leave() {
            self.haste = Some(haste);
            self.feed(Event::HandOver(haste));
            return true;
        }
        let silent = now.saturating_duration_since(self.carrier_heard_at);
        if silent >= CARRIER_SILENCE_MAX && self.carrier_closed.is_none() {
            self.carrier_is_gone(CarrierClosed::Lost);
            return true;
        }
        if let Some(mark) = self.playout.take_played(now) {
            self.feed(Event::Marked(mark));
            return true;
        }
        let call_time = self.call_time(now);
        if self
            .parts
            .call
            .poll_timeout()
            .is_some_and(|(at, _reason)| at <= call_time)
        {
            self.parts.call.handle_timeout(call_time);
            self.perform_all();
            return true;
        }
        false
    }

    /// What the core is to be told of the worker's stopping, once.
    pub(super) fn is_to_leave(&mut self) -> Option<Haste> {
        match self.parts.admission.stage() {
            DrainStage::Serving
            | DrainStage::Draining
            | DrainStage::Closing
            | DrainStage::Expired => None,
            DrainStage::Leaving if self.haste.is_none() => {
                self.leaving_place = self.parts.admission.leave();
                self.leaving_place.is_some().then_some(Haste::WhenQuiet)
            }
            DrainStage::Pressing if self.haste != Some(Haste::AtNextPause) => {
                Some(Haste::AtNextPause)
            }
            DrainStage::Leaving | DrainStage::Pressing => None,
        }
    }

    pub(super) fn step_turns(&mut self, cx: &mut Context<'_>) -> bool {
        if self.step_verdict(cx)
            || self.step_left_behind(cx)
            || self.step_mover(cx)
            || self.step_recording(cx)
        {
            return true;
        }
        let Poll::Ready(written) = self.parts.turns.poll_written(cx, Instant::now()) else {
            return false;
        };
        self.parts.meters.written(written);
        match written {
            Written::Stored | Written::Retrying => {}
            Written::OptedOut => self.feed(Event::OptOutStored),
            Written::Superseded => {
                tracing::warn!("the call is held by another session, this one leaves");
                self.elsewhere.get_or_insert(Elsewhere::Superseded);
            }
        }
        true
    }

    pub(super) fn step_left_behind(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(late_turns) = &mut self.parts.late_turns else {
            return false;
        };
        let found = late_turns.poll_turn(cx, self.woken_at);
        if late_turns.is_done() {
            self.parts.late_turns = None;
        }
        let Poll::Ready(turn) = found else {
            return false;
        };
        self.feed(Event::LateTurn(turn));
        true
    }

    pub(super) fn step_mover(&mut self, cx: &mut Context<'_>) -> bool {
        let Poll::Ready(moved) = self.mover.poll(cx, self.parts.turns.is_empty()) else {
            return false;
        };
        self.feed(match moved {
            HandoverProgress::Ready => Event::HandOverReady,
            HandoverProgress::Failed { may_follow } => Event::HandOverFailed { may_follow },
        });
        true
    }

    pub(super) fn step_recording(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(recording) = &mut self.recording else {
            return false;
        };
        if recording.poll(cx, Instant::now()).is_pending() {
            return false;
        }
        self.recording = None;
        true
    }

    /// The table says whether the carrier has a verdict. Where it does not answer, there is none yet.
    pub(super) fn step_verdict(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(asked) = &mut self.verdict else {
            return false;
        };
        let Poll::Ready(verdict) = asked.as_mut().poll(cx) else {
            return false;
        };
        self.verdict = None;
        let verdict = verdict.unwrap_or_else(|error| {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the verdict on who answered could not be read"
            );
            None
        });
        self.feed(Event::Verdict(verdict));
        true
    }
}
