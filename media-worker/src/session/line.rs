//! What the call's line is like: the meter is told what comes and goes; what it finds is logged, counted and stored.

use std::time::Duration;

use audio::line::{Fault, Finding, Side};
use audio::{CustomerFrame, LineMeter};
use model::{AnsweredBy, CallTime, LineFault, LineReport, SilentSide};
use tokio::time::Instant;

use super::{Session, WakeSource};
use crate::meters::Meters;

/// Findings that are stored while the call is on. What a line does that comes and goes more often is told when the
/// session ends.
const FINDINGS_STORED_MAX: u32 = 6;

/// The line of one session.
pub(super) struct Line {
    meter: LineMeter,
    began: Instant,
    /// The call time that it was then.
    began_at: CallTime,
    /// Milliseconds since then, at the latest wake.
    now_ms: u64,
    session: u32,
    stored: u32,
    /// That a side is silent was told already.
    told: bool,
}

impl Line {
    pub(super) const fn new(began: Instant, began_at: CallTime, session: u32) -> Self {
        Self {
            meter: LineMeter::new(),
            began,
            began_at,
            now_ms: 0,
            session,
            stored: 0,
            told: false,
        }
    }

    /// Whatever comes next comes at this time.
    pub(super) fn woken(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.began);
        self.now_ms = since.as_secs() * 1_000 + u64::from(since.subsec_millis());
    }

    pub(super) fn heard(&mut self, frame: CustomerFrame) {
        self.meter.hear(frame, self.now_ms);
    }

    /// Words were recognized.
    pub(super) const fn understood(&mut self) {
        self.meter.understood();
    }

    pub(super) fn played(&mut self, audio: &[u8]) {
        self.meter.play(audio, self.now_ms);
    }

    pub(super) const fn cleared(&mut self) {
        self.meter.clear(self.now_ms);
    }

    /// A mark is on its way to a carrier that returns it.
    pub(super) fn mark(&mut self) {
        self.meter.mark(self.now_ms);
    }

    pub(super) fn marked(&mut self) {
        self.meter.marked(self.now_ms);
    }

    /// When, after now, there may be something to find although nothing comes.
    pub(super) fn due(&self) -> Option<Instant> {
        let due = self.meter.due_ms(self.now_ms)?;
        Some(self.began + Duration::from_millis(due))
    }

    /// What was measured until now.
    pub(super) fn report(&self) -> LineReport {
        let totals = self.meter.totals(self.now_ms);
        let silent_side = match (totals.customer_silent, totals.agent_silent) {
            (true, true) => Some(SilentSide::Both),
            (true, false) => Some(SilentSide::Customer),
            (false, true) => Some(SilentSide::Agent),
            (false, false) => None,
        };
        let found = |(fault, at_ms)| (named(fault), self.began_at + Duration::from_millis(at_ms));
        LineReport {
            session: self.session,
            frames: totals.frames,
            frames_missing: totals.frames_missing,
            frames_late: totals.frames_late,
            active_frames: totals.active_frames,
            clipped_frames: totals.clipped_frames,
            level_dbfs: totals.level_dbfs,
            silent_side,
            one_way_ms: (totals.one_way_ms > 0).then_some(totals.one_way_ms),
            fault: totals.fault.map(found),
            echo_delay_ms: totals.echo_delay_ms,
        }
    }
}

impl Session {
    /// Tells the next thing that is known of the line by now; false when there is none.
    pub(super) fn step_line(&mut self) -> bool {
        let call = &self.parts.call;
        // A mailbox that records and a fax machine need not make a sound.
        let expected = || {
            call.answered().is_some_and(|answer| match answer.class {
                AnsweredBy::Machine | AnsweredBy::Screening | AnsweredBy::Fax => true,
                AnsweredBy::Human | AnsweredBy::Unknown => false,
            })
        };
        let Some(finding) = self.line.meter.poll(self.line.now_ms, expected) else {
            return false;
        };
        match finding {
            Finding::Silent(_) if self.line.told => {}
            Finding::Silent(side) => {
                self.line.told = true;
                Meters::one_way_audio();
                let reason = match side {
                    Side::Customer => SilentSide::Customer.code(),
                    Side::Agent => SilentSide::Agent.code(),
                };
                tracing::warn!(
                    kind = "one_way_audio",
                    reason,
                    "a side of the call is not heard"
                );
            }
            Finding::Heard(_) => {}
            Finding::Bad(fault) => {
                Meters::bad_line();
                let reason = named(fault).code();
                tracing::warn!(kind = "bad_line", reason, "the line of the call is bad");
            }
        }
        if self.line.stored < FINDINGS_STORED_MAX {
            self.line.stored += 1;
            let report = self.line.report();
            self.parts.turns.push_line(report);
            self.due.add(WakeSource::Turns);
        }
        true
    }
}

const fn named(fault: Fault) -> LineFault {
    match fault {
        Fault::FramesMissing => LineFault::FramesMissing,
        Fault::FramesLate => LineFault::FramesLate,
        Fault::Clipped => LineFault::Clipped,
        Fault::TooQuiet => LineFault::TooQuiet,
        Fault::TooLoud => LineFault::TooLoud,
        Fault::Echo => LineFault::Echo,
    }
}
