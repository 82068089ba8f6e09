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
            session,
            stored: 0,
            told: false,
        }
    }

    pub(super) fn heard(&mut self, frame: CustomerFrame, now: Instant) {
        self.meter.hear(frame, self.ms(now));
    }

    /// Words were recognized.
    pub(super) const fn understood(&mut self) {
        self.meter.understood();
    }

    pub(super) fn played(&mut self, audio: &[u8], now: Instant) {
        self.meter.play(audio, self.ms(now));
    }

    pub(super) fn cleared(&mut self, now: Instant) {
        self.meter.clear(self.ms(now));
    }

    /// A mark is on its way to a carrier that returns it.
    pub(super) fn mark(&mut self, now: Instant) {
        self.meter.mark(self.ms(now));
    }

    pub(super) fn marked(&mut self, now: Instant) {
        self.meter.marked(self.ms(now));
    }

    /// When, after now, there may be something to find although nothing comes.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        let due = self.meter.due_ms(self.ms(now))?;
        Some(self.began + Duration::from_millis(due))
    }

    /// What was measured until now.
    pub(super) fn report(&self, now: Instant) -> LineReport {
        let totals = self.meter.totals(self.ms(now));
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

    fn ms(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.began);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

impl Session {
    /// Tells the next thing that is known of the line by now; false when there is none.
    pub(super) fn step_line(&mut self) -> bool {
        let now_ms = self.line.ms(self.woken_at);
        let call = &self.parts.call;
        // A mailbox that records and a fax machine need not make a sound.
        let expected = || {
            call.answered().is_some_and(|answer| match answer.class {
                AnsweredBy::Machine | AnsweredBy::Screening | AnsweredBy::Fax => true,
                AnsweredBy::Human | AnsweredBy::Unknown => false,
            })
        };
        let Some(finding) = self.line.meter.poll(now_ms, expected) else {
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
            let report = self.line.report(self.woken_at);
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
