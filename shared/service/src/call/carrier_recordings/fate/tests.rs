//! What becomes of a recording, by whose it is and what we have of it.

use model::{AbsentBecause, CallState};

use super::*;
use crate::call::new_row;

const OURS: &str = "RE00000000000000000000000000000001";
const OTHER: &str = "RE00000000000000000000000000000002";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn recording(status: Option<RecordingStatus>) -> CarrierRecording {
    CarrierRecording {
        id: OURS.parse().unwrap(),
        call_id: None,
        status,
        duration_seconds: None,
        channels: None,
        started_at: None,
        error_code: None,
    }
}

/// A call that ended at zero.
fn call(recording: Option<RecordingState>) -> Call {
    let (to, from) = ("+14155550100", "+14155550199");
    let row = new_row(
        &support::snapshot(),
        to.parse().unwrap(),
        from.parse().unwrap(),
        CallState::Ended,
        at(0),
    );
    Call {
        ended_at: Some(at(0)),
        recording,
        ..row.call
    }
}

fn stored(id: &str) -> RecordingState {
    RecordingState::Stored {
        carrier_recording_id: id.to_owned(),
        object_key: "recordings/1.wav".to_owned(),
        bytes: 1,
        sha256: String::new(),
        duration_seconds: None,
        stored_at: at(0),
    }
}

fn kept(id: &str) -> RecordingState {
    crate::call::recordings::kept(stored(id), at(0))
}

fn ready(id: &str) -> RecordingState {
    RecordingState::Ready {
        carrier_recording_id: id.to_owned(),
        duration_seconds: None,
    }
}

fn absent(id: Option<&str>) -> RecordingState {
    RecordingState::Absent {
        carrier_recording_id: id.map(str::to_owned),
        because: AbsentBecause::NotMade,
    }
}

/// What becomes of a finished recording of a call that is over for an hour.
fn later(known: Option<RecordingState>, copied: bool) -> Fate {
    let finished = recording(Some(RecordingStatus::Completed));
    fate(&finished, Whose::Of(&call(known)), copied, at(3_600))
}

#[test]
fn only_what_is_ours_and_in_the_bucket_is_deleted() {
    assert_eq!(later(Some(stored(OURS)), true), Fate::Delete);
    assert_eq!(later(Some(kept(OURS)), true), Fate::Delete);
    let missing = Fate::Leave(LeftBecause::CopyMissing);
    assert_eq!(later(Some(kept(OURS)), false), missing);
    for known in [
        None,
        Some(ready(OURS)),
        Some(stored(OURS)),
        Some(absent(None)),
        Some(absent(Some(OURS))),
    ] {
        assert_eq!(later(known.clone(), false), Fate::Copy, "{known:?}");
    }
}

#[test]
fn what_has_no_verified_copy_of_its_own_is_never_deleted() {
    let another = Fate::Leave(LeftBecause::AnotherRecording);
    for known in [
        ready(OTHER),
        stored(OTHER),
        kept(OTHER),
        absent(Some(OTHER)),
    ] {
        for copied in [false, true] {
            assert_eq!(later(Some(known.clone()), copied), another, "{known:?}");
        }
    }
    let finished = recording(Some(RecordingStatus::Completed));
    for (whose, because) in [
        (Whose::Nobodys, LeftBecause::NotOurs),
        (Whose::OfACallThatIsGone, LeftBecause::CopyMissing),
    ] {
        let told = fate(&finished, whose, true, at(3_600));
        assert_eq!(told, Fate::Leave(because));
    }
}

#[test]
fn calls_that_are_on_or_have_just_ended_are_left_alone() {
    let finished = recording(Some(RecordingStatus::Completed));
    let over = call(Some(kept(OURS)));
    let on = Call {
        state: CallState::Answered,
        ended_at: None,
        ..over.clone()
    };
    let told = |call: &Call, now| fate(&finished, Whose::Of(call), true, at(now));
    assert_eq!(told(&on, 1_000_000), Fate::Wait);
    assert_eq!(told(&over, 599), Fate::Wait);
    assert_eq!(told(&over, 600), Fate::Delete);
}

#[test]
fn what_the_carrier_has_not_finished_waits_and_what_is_empty_stays() {
    use RecordingStatus::{Absent, Deleted, Failed, InProgress, Paused, Processing, Stopped};
    let over = call(Some(stored(OURS)));
    let told = |status| fate(&recording(status), Whose::Of(&over), true, at(3_600));
    for unfinished in [
        None,
        Some(InProgress),
        Some(Paused),
        Some(Stopped),
        Some(Processing),
    ] {
        assert_eq!(told(unfinished), Fate::Wait, "{unfinished:?}");
        assert!(!is_finished(&recording(unfinished)));
    }
    for empty in [Absent, Failed, Deleted] {
        let left = Fate::Leave(LeftBecause::NothingRecorded);
        assert_eq!(told(Some(empty)), left, "{empty:?}");
        assert!(is_finished(&recording(Some(empty))));
    }
}
