//! What a call's line was like, as its media sessions measured it (`audio::line` says by what).

use serde::{Deserialize, Serialize};

use crate::CallTime;

/// What one media session measured of its call's line. Frames are of 20 ms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LineReport {
    /// Which session of the call, from 1.
    pub session: u32,
    /// Frames that the customer's audio should have had.
    pub frames: u32,
    #[serde(skip_serializing_if = "is_zero")]
    pub frames_missing: u32,
    #[serde(skip_serializing_if = "is_zero")]
    pub frames_late: u32,
    /// Of those that came, frames with speech.
    #[serde(skip_serializing_if = "is_zero")]
    pub active_frames: u32,
    /// Of those with speech, frames that were cut off at full scale.
    #[serde(skip_serializing_if = "is_zero")]
    pub clipped_frames: u32,
    /// How loud speech was on average; absent, there was too little.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level_dbfs: Option<i32>,
    /// Of whom nothing is heard, or was heard at the session's end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silent_side: Option<SilentSide>,
    /// How long nothing was heard of a side, in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub one_way_ms: Option<u64>,
    /// What made the line a bad one, and when that was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<(LineFault, CallTime)>,
    /// After so long the agent's own voice came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub echo_delay_ms: Option<u32>,
}

/// Who is not heard by the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SilentSide {
    Customer,
    Agent,
    Both,
}

impl SilentSide {
    /// The stable code, as in the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Agent => "agent",
            Self::Both => "both",
        }
    }
}

/// What makes a line a bad one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LineFault {
    /// Frames of the customer's audio never came.
    FramesMissing,
    /// Frames came too late.
    FramesLate,
    /// The customer's speech is cut off at full scale.
    Clipped,
    TooQuiet,
    TooLoud,
    /// The agent's own voice comes back.
    Echo,
}

impl LineFault {
    /// The stable code, as in the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::FramesMissing => "frames_missing",
            Self::FramesLate => "frames_late",
            Self::Clipped => "clipped",
            Self::TooQuiet => "too_quiet",
            Self::TooLoud => "too_loud",
            Self::Echo => "echo",
        }
    }
}

impl LineReport {
    /// This and that of a later session as one: who is silent at the end is the later one's word, the first fault
    /// counts, and how loud speech was is the average by how much of it there was.
    #[must_use]
    pub fn and(self, later: Self) -> Self {
        let one_way_ms = self.one_way_ms.unwrap_or(0) + later.one_way_ms.unwrap_or(0);
        Self {
            session: later.session,
            frames: self.frames.saturating_add(later.frames),
            frames_missing: self.frames_missing.saturating_add(later.frames_missing),
            frames_late: self.frames_late.saturating_add(later.frames_late),
            active_frames: self.active_frames.saturating_add(later.active_frames),
            clipped_frames: self.clipped_frames.saturating_add(later.clipped_frames),
            level_dbfs: average(
                (self.level_dbfs, self.active_frames),
                (later.level_dbfs, later.active_frames),
            ),
            silent_side: later.silent_side,
            one_way_ms: (one_way_ms > 0).then_some(one_way_ms),
            fault: self.fault.or(later.fault),
            echo_delay_ms: self.echo_delay_ms.or(later.echo_delay_ms),
        }
    }
}

fn average(one: (Option<i32>, u32), other: (Option<i32>, u32)) -> Option<i32> {
    let ((Some(level), frames), (Some(later), more)) = (one, other) else {
        return one.0.or(other.0);
    };
    let sum = i64::from(level) * i64::from(frames) + i64::from(later) * i64::from(more);
    let frames = (i64::from(frames) + i64::from(more)).max(1);
    i32::try_from(sum / frames).ok()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_add_up_to_a_call() {
        let first = LineReport {
            session: 1,
            frames: 500,
            frames_missing: 40,
            active_frames: 100,
            level_dbfs: Some(-20),
            silent_side: Some(SilentSide::Customer),
            one_way_ms: Some(7_000),
            fault: Some((LineFault::FramesMissing, CallTime::from_millis(3_000))),
            ..LineReport::default()
        };
        let second = LineReport {
            session: 2,
            frames: 1_000,
            active_frames: 300,
            level_dbfs: Some(-28),
            fault: Some((LineFault::Echo, CallTime::from_millis(30_000))),
            echo_delay_ms: Some(160),
            ..LineReport::default()
        };
        let both = LineReport {
            session: 2,
            frames: 1_500,
            frames_missing: 40,
            active_frames: 400,
            level_dbfs: Some(-26),
            // They are heard again.
            silent_side: None,
            one_way_ms: Some(7_000),
            fault: first.fault,
            echo_delay_ms: Some(160),
            ..LineReport::default()
        };
        assert_eq!(first.and(second), both);
    }

    #[test]
    fn a_healthy_report_is_short() {
        let report = LineReport {
            session: 1,
            frames: 2_400,
            active_frames: 700,
            level_dbfs: Some(-25),
            ..LineReport::default()
        };
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(
            text,
            r#"{"session":1,"frames":2400,"active_frames":700,"level_dbfs":-25}"#
        );
        assert_eq!(serde_json::from_str::<LineReport>(&text).unwrap(), report);
    }
}
