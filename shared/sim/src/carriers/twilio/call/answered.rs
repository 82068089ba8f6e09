//! An answered call: its line, and what happens on it.

use std::collections::VecDeque;
use std::time::Duration;

use super::callbacks::named;
use super::{Doing, LegState, Live, Output, PhoneCall};
use crate::carriers::twilio::hook::Purpose;
use crate::carriers::twilio::media::line::{Line, LineEvent};
use crate::carriers::twilio::record::Status;
use crate::person::Pickup;

/// Steps that one call may execute without time passing: two redirects to each other would go on for
/// ever.
const STEPS_MAX: u32 = 100;

impl PhoneCall {
    /// The line is open from now on.
    pub(super) fn go_live(&mut self, now: Duration) {
        let order = self.record.order.clone();
        let mut live = Live {
            line: Line::answered(&self.person, now),
            limit_at: now + Duration::from_secs(order.time_limit_s.into()),
            program: VecDeque::new(),
            base: None,
            doing: Doing::Nothing,
            stream_is_due: false,
            undetected: false,
            recording: None,
        };
        if let (Some(detect), Pickup::Answers { by, .. }) = (&order.detect, self.person.pickup()) {
            live.line.detect(detect.detection, by);
            live.undetected = true;
            if !detect.in_background {
                live.doing = Doing::Detecting;
            }
        }
        self.record.answered_at = Some(self.account.wall(now));
        self.record.status = Status::InProgress;
        self.state = LegState::Live(Box::new(live));
        if let Some(order) = order.record {
            self.start_recording(order, now);
        }
        self.changed(now);
    }

    /// Lets an answered call go on.
    pub(super) fn live(&mut self, now: Duration) {
        let LegState::Live(live) = &mut self.state else {
            return;
        };
        live.line.advance(now);
        while let Some(message) = live.line.poll_message() {
            self.outputs.push_back(Output::StreamText(message));
        }
        self.line_events(now);
        for _step in 0..STEPS_MAX {
            let LegState::Live(live) = &mut self.state else {
                return;
            };
            if live.limit_at <= now {
                return self.over(Status::Completed, "200", now);
            }
            match &live.doing {
                Doing::Pausing(until) if *until <= now => live.doing = Doing::Nothing,
                Doing::Gathering(gathering) if gathering.due().is_some_and(|due| due <= now) => {
                    self.waited_for_keys(now);
                }
                Doing::Streaming {
                    breaks_at: Some(at),
                    ..
                } if *at <= now => {
                    self.outputs.push_back(Output::CutStream);
                    self.end_stream(Some((31_903, "the connection broke")), now);
                }
                Doing::Nothing => match live.program.pop_front() {
                    Some(verb) => self.execute(verb, now),
                    None => return self.over(Status::Completed, "200", now),
                },
                Doing::Detecting
                | Doing::Fetching(_)
                | Doing::Playing
                | Doing::Pausing(_)
                | Doing::Gathering(_)
                | Doing::Connecting { .. }
                | Doing::Streaming { .. } => return,
            }
        }
        self.account.violated(
            12_100,
            "instructions that go round in circles",
            Some(&self.record.sid),
        );
        self.over(Status::Failed, "200", now);
    }

    pub(super) fn line_events(&mut self, now: Duration) {
        loop {
            let LegState::Live(live) = &mut self.state else {
                return;
            };
            let Some(event) = live.line.poll_event() else {
                return;
            };
            match event {
                LineEvent::Played => match &live.doing {
                    Doing::Playing => live.doing = Doing::Nothing,
                    Doing::Gathering(_) => self.waited_for_keys(now),
                    Doing::Nothing
                    | Doing::Detecting
                    | Doing::Fetching(_)
                    | Doing::Pausing(_)
                    | Doing::Connecting { .. }
                    | Doing::Streaming { .. } => {}
                },
                LineEvent::PressedKey(key) => self.key(key, now),
                LineEvent::HungUp => self.over(Status::Completed, "200", now),
                LineEvent::Verdict {
                    answered_by,
                    after_ms,
                } => self.detected(answered_by, after_ms, now),
                LineEvent::Recorded(samples) => self.recorded(samples),
            }
        }
    }

    pub(super) fn detected(&mut self, answered_by: &str, after_ms: u32, now: Duration) {
        self.record.answered_by = Some(answered_by.to_owned());
        let waiting = match &mut self.state {
            LegState::Live(live) => {
                live.undetected = false;
                let waiting = matches!(live.doing, Doing::Detecting);
                if waiting {
                    live.doing = Doing::Nothing;
                }
                waiting
            }
            LegState::Queued { .. }
            | LegState::Dialing { .. }
            | LegState::Ringing { .. }
            | LegState::Inbound { .. }
            | LegState::Over => false,
        };
        let callback = self
            .record
            .order
            .detect
            .as_ref()
            .and_then(|detect| detect.callback.clone().filter(|_hook| detect.in_background));
        if let Some(hook) = callback {
            let fields = [
                ("CallSid", self.record.sid.clone()),
                ("AccountSid", self.record.account_sid.clone()),
                ("AnsweredBy", answered_by.to_owned()),
                ("MachineDetectionDuration", after_ms.to_string()),
            ];
            self.call_back(Purpose::Detection, &hook, named(fields), now);
        }
        if waiting {
            let instructions = self.record.order.instructions.clone();
            self.instruct(&instructions, now);
        }
        self.changed(now);
    }
}
