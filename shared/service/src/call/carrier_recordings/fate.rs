//! What becomes of a recording that the carrier has: one table.
//!
//! | whose | how far | what the call knows | our copy | |
//! |---|---|---|---|---|
//! | nobody's that we know | | | | left |
//! | of a call of ours that is gone | | | | left |
//! | of a call of ours | the call is on or has just ended, or the recording is not finished | | | waits |
//! | | nothing was recorded | | | left |
//! | | finished | another recording | | left |
//! | | | none, or this one and no copy | | copied |
//! | | | a copy | in the bucket, whole | deleted |
//! | | | a copy, the carrier's not deleted yet | missing | copied |
//! | | | a copy, the carrier's deleted | missing | left |
//!
//! In the last line somebody, or the bucket's own rule, removed what was kept: it is not brought back unasked.

use carrier::recording::{CarrierRecording, RecordingStatus};
use jiff::{SignedDuration, Timestamp};
use model::{Call, CallState, LeftBecause, RecordingState};

use crate::call::lifecycle::recording_id;

/// How long a call is over before its recording is looked at: until then its callbacks, its job and the look after
/// its end may be on their way.
pub(super) const OVER_FOR: SignedDuration = SignedDuration::from_mins(10);

/// Whose a recording is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Whose<'a> {
    Nobodys,
    OfACallThatIsGone,
    Of(&'a Call),
}

/// What is done about a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Deleted at the carrier.
    Delete,
    /// A job copies it.
    Copy,
    /// Nothing now.
    Wait,
    /// Nothing.
    Leave(LeftBecause),
}

pub(super) fn fate(
    recording: &CarrierRecording,
    whose: Whose<'_>,
    copied: bool,
    now: Timestamp,
) -> Fate {
    let call = match whose {
        Whose::Nobodys => return Fate::Leave(LeftBecause::NotOurs),
        Whose::OfACallThatIsGone => return Fate::Leave(LeftBecause::CopyMissing),
        Whose::Of(call) => call,
    };
    if !is_over(call, now) {
        return Fate::Wait;
    }
    match how_far(recording) {
        HowFar::Unfinished => return Fate::Wait,
        HowFar::Nothing => return Fate::Leave(LeftBecause::NothingRecorded),
        HowFar::Whole => {}
    }
    let Some(known) = &call.recording else {
        return Fate::Copy;
    };
    if recording_id(known).is_some_and(|id| id != recording.id.as_str()) {
        return Fate::Leave(LeftBecause::AnotherRecording);
    }
    match known {
        RecordingState::Ready { .. } | RecordingState::Absent { .. } => Fate::Copy,
        RecordingState::Stored { .. } | RecordingState::Kept { .. } if copied => Fate::Delete,
        RecordingState::Stored { .. } => Fate::Copy,
        RecordingState::Kept { .. } => Fate::Leave(LeftBecause::CopyMissing),
    }
}

/// Whether the carrier has the whole of it, or all that it will ever have.
pub(super) fn is_finished(recording: &CarrierRecording) -> bool {
    match how_far(recording) {
        HowFar::Unfinished => false,
        HowFar::Whole | HowFar::Nothing => true,
    }
}

enum HowFar {
    Unfinished,
    Whole,
    Nothing,
}

fn how_far(recording: &CarrierRecording) -> HowFar {
    match recording.status {
        Some(RecordingStatus::Completed) => HowFar::Whole,
        Some(RecordingStatus::Absent | RecordingStatus::Failed | RecordingStatus::Deleted) => {
            HowFar::Nothing
        }
        // A word that we do not know may become one that we do.
        None
        | Some(
            RecordingStatus::InProgress
            | RecordingStatus::Paused
            | RecordingStatus::Stopped
            | RecordingStatus::Processing,
        ) => HowFar::Unfinished,
    }
}

fn is_over(call: &Call, now: Timestamp) -> bool {
    let over_at = call.ended_at.filter(|_| call.state == CallState::Ended);
    over_at.is_some_and(|at| now.duration_since(at) >= OVER_FOR)
}

#[cfg(test)]
mod tests;
