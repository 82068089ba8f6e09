//! What a call becomes when something is known of it: the one place where the states of a call move.
//!
//! Pure: a row and a fact in, the changed row and what must be written with it out. Facts may come
//! twice, late and in any order; states only move forward, an outcome is set once (a provisional one
//! is replaced once, by what the session says), and the same facts lead to the same end whatever
//! their order. It knows no table and no carrier's words.

use jiff::{SignedDuration, Timestamp};
use model::{
    AmdResult, AnsweredBy, CallState, CarrierVerdict, EventKind, LineReport, MachineAction,
    Outcome, Permit, RecordingState, Rule, WorkerId,
};
use store::CallRow;

/// A carrier that was asked for another stream has opened it by then, or says that it could not.
const LEAVING_MAX: SignedDuration = SignedDuration::from_secs(15);

/// Sessions whose lines a call keeps: five may break off, and each deployment hands a call over. Of later ones nothing
/// is kept.
const LINES_MAX: usize = 32;

/// Something that is now known of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fact {
    /// The one way to the carrier is taken, by this permit. Changes a claimed call only.
    GatePassed(Box<Permit>),
    /// A rule says no at the moment of dialling: the permit says which. Changes a claimed call only: one
    /// that somebody else took through the gate meanwhile was permitted.
    NotPermitted(Box<Permit>),
    /// The carrier held the call back, a rule says no for when it would ring, and the carrier took it
    /// back.
    TakenBack(Box<Permit>),
    /// The call will not be dialled, for this reason. Changes a claimed call only.
    NotBegun(Outcome),
    /// The call's slots turned out not to be its own: it gives none back.
    SlotsLost,
    /// The carrier took the call.
    Placed {
        carrier_call_id: String,
    },
    /// The one request came to nothing, or the carrier does not know of it.
    NotPlaced(Outcome),
    Status {
        carrier_call_id: String,
        says: CarrierSays,
        at: Option<Timestamp>,
        duration_seconds: Option<u32>,
    },
    CarrierVerdict {
        carrier_call_id: String,
        answered_by: CarrierVerdict,
        detection_ms: Option<u32>,
    },
    /// The carrier could not stream to us.
    StreamFailed {
        carrier_call_id: String,
    },
    /// The carrier asked how to go on and is given another stream.
    Resumed {
        carrier_call_id: String,
    },
    /// The carrier asked how to go on while no worker could take the call: the customer is asked to hold.
    Held {
        carrier_call_id: String,
    },
    /// The carrier asked how to go on too often.
    ResumesExhausted,
    /// Somebody who is held wants no more calls, and hears the last words.
    OptedOut {
        carrier_call_id: String,
    },
    /// This session prepares the next one. News only of the current session of a call that goes on.
    HandingOver {
        session: u32,
        /// What the line was like until then.
        line: Option<LineReport>,
    },
    SessionOpened {
        session: u32,
        carrier_call_id: String,
        /// The media worker that it runs on.
        worker_id: Option<WorkerId>,
    },
    /// With an outcome the call is over, without one it waits to be resumed.
    SessionClosed {
        session: u32,
        outcome: Option<Outcome>,
        /// What the session found out about who answered.
        answer: Option<AmdResult>,
        /// What the line was like.
        line: Option<LineReport>,
    },
    /// What a session finds of its line while it is on.
    Line(LineReport),
    HangUpRequested,
    /// The carrier ended the call because we asked it to.
    HungUpAtCarrier,
    /// The carrier records the call, of which nobody else tells until it is over.
    RecordingBegun,
    Recording(RecordingState),
    /// A copy of the recording is begun, in a place of its own.
    RecordingCopied,
    /// The copy that the call knows is gone from our bucket, and the carrier's was copied once more.
    RecordingReplaced {
        lost_key: String,
        by: RecordingState,
    },
}

/// How far a call is, in no carrier's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CarrierSays {
    Accepted,
    Ringing,
    Answered,
    /// Over after it was answered.
    Completed,
    Busy,
    NoAnswer,
    Cancelled,
    Failed,
    /// No such number, or it cannot be reached.
    Unreachable,
}

/// A changed row and what is written with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) row: CallRow,
    pub(crate) events: Vec<EventKind>,
    /// The row names the carrier's call for the first time.
    pub(crate) adopts: bool,
    /// No stream of this call may begin any more.
    pub(crate) forget_tokens: bool,
}

/// The fact is of another call of the carrier's than this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the call is another one at the carrier")]
pub(crate) struct OtherCall;

/// What the row becomes; `None` when it already is that.
pub(crate) fn apply(
    row: &CallRow,
    fact: &Fact,
    now: Timestamp,
) -> Result<Option<Change>, OtherCall> {
    let mut next = Next {
        row: row.clone(),
        forget_tokens: false,
        now,
    };
    next.take(fact)?;
    let Next {
        row: mut changed,
        forget_tokens,
        now: _,
    } = next;
    if changed == *row {
        return Ok(None);
    }
    changed.progress.row_version = row.progress.row_version.saturating_add(1);
    let events = events(row, &changed);
    let adopts = row.call.carrier_call_id.is_none() && changed.call.carrier_call_id.is_some();
    Ok(Some(Change {
        row: changed,
        events,
        adopts,
        forget_tokens,
    }))
}

struct Next {
    row: CallRow,
    forget_tokens: bool,
    now: Timestamp,
}

impl Next {
    fn take(&mut self, fact: &Fact) -> Result<(), OtherCall> {
        match fact {
            Fact::GatePassed(permit) => self.pass_gate(permit),
            Fact::NotPermitted(permit) => {
                if self.row.call.state == CallState::Claimed {
                    self.turn_back(permit);
                }
            }
            Fact::TakenBack(permit) => {
                if self.row.call.state < CallState::Answered {
                    self.turn_back(permit);
                }
            }
            Fact::NotBegun(outcome) => {
                if self.row.call.state == CallState::Claimed {
                    self.end(*outcome, false, None);
                }
            }
            Fact::SlotsLost => self.row.progress.slots = None,
            Fact::Placed { carrier_call_id } => {
                self.adopt(carrier_call_id)?;
                self.advance(CallState::Placed);
            }
            Fact::NotPlaced(outcome) => {
                if self.row.call.state < CallState::Placed {
                    self.forget_tokens = true;
                    self.end(*outcome, false, None);
                }
            }
            Fact::Status {
                carrier_call_id,
                says,
                at,
                duration_seconds,
            } => {
                self.adopt(carrier_call_id)?;
                if duration_seconds.is_some() && self.row.call.carrier_duration_seconds.is_none() {
                    self.row.call.carrier_duration_seconds = *duration_seconds;
                }
                self.carrier_says(*says, *at);
            }
            Fact::CarrierVerdict {
                carrier_call_id,
                answered_by,
                detection_ms,
            } => {
                self.adopt(carrier_call_id)?;
                self.answered_by(*answered_by, *detection_ms);
            }
            Fact::StreamFailed { carrier_call_id } => {
                self.adopt(carrier_call_id)?;
                self.row.progress.picked_up = true;
                self.row.progress.stream_failed = true;
            }
            Fact::Resumed { carrier_call_id } => {
                self.adopt(carrier_call_id)?;
                self.row.progress.picked_up = true;
                if self.row.call.state < CallState::Ended {
                    self.row.progress.resumes = self.row.progress.resumes.saturating_add(1);
                    self.row.progress.leaving_until = None;
                    self.row.progress.held_since = None;
                }
            }
            Fact::Held { carrier_call_id } => {
                self.adopt(carrier_call_id)?;
                self.row.progress.picked_up = true;
                if self.row.call.state < CallState::Ended {
                    self.row.progress.leaving_until = None;
                    self.row.progress.held_since.get_or_insert(self.now);
                }
            }
            Fact::OptedOut { carrier_call_id } => {
                self.adopt(carrier_call_id)?;
                self.row.progress.picked_up = true;
                self.end(Outcome::OptedOut, false, None);
            }
            Fact::HandingOver { session, line } => {
                let progress = &mut self.row.progress;
                let goes_on = self.row.call.state < CallState::Ended
                    && progress.hang_up_requested_at.is_none();
                if goes_on && *session >= progress.session {
                    progress.hand_overs = progress.hand_overs.saturating_add(1);
                    progress.leaving_until = self.now.checked_add(LEAVING_MAX).ok();
                    self.line(line.as_ref());
                }
            }
            Fact::ResumesExhausted => {
                self.row.progress.picked_up = true;
                // An open session knows better how the call ends.
                if !self.row.progress.session_open {
                    let outcome = match self.row.progress.session {
                        0 => Outcome::NoCapacity,
                        _earlier => Outcome::StreamLost,
                    };
                    self.end(outcome, false, None);
                }
            }
            Fact::SessionOpened {
                session,
                carrier_call_id,
                worker_id,
            } => {
                self.adopt(carrier_call_id)?;
                if *session > self.row.progress.session {
                    self.row.progress.session = *session;
                    self.row.progress.session_open = true;
                    self.row.progress.worker_id = *worker_id;
                    self.row.progress.leaving_until = None;
                    self.row.progress.held_since = None;
                    self.answered(None);
                }
            }
            Fact::SessionClosed {
                session,
                outcome,
                answer,
                line,
            } => {
                if *session >= self.row.progress.session && answer.is_some() {
                    self.row.call.answer = *answer;
                }
                self.line(line.as_ref());
                self.close(*session, *outcome);
            }
            Fact::Line(line) => self.line(Some(line)),
            Fact::HangUpRequested => self.request_hang_up(),
            Fact::HungUpAtCarrier => {
                if self.row.call.state < CallState::Answered {
                    self.forget_tokens = true;
                    self.end(Outcome::Cancelled, false, None);
                }
            }
            Fact::RecordingBegun => {
                let begun_at = &mut self.row.progress.recording_begun_at;
                begun_at.get_or_insert(self.now);
            }
            Fact::Recording(state) => self.recording(state),
            Fact::RecordingCopied => {
                let copies = &mut self.row.progress.recording_copies;
                *copies = copies.saturating_add(1);
            }
            Fact::RecordingReplaced { lost_key, by } => {
                if let Some(RecordingState::Stored { object_key, .. }) = &self.row.call.recording
                    && object_key == lost_key
                {
                    self.row.call.recording = Some(by.clone());
                }
            }
        }
        self.refresh_provisional();
        Ok(())
    }

    fn pass_gate(&mut self, permit: &Permit) {
        if self.row.call.state == CallState::Claimed {
            self.row.call.state = CallState::Placing;
            self.row.call.permit = Some(permit.clone());
            self.row.progress.placing_at = Some(self.now);
        }
    }

    fn turn_back(&mut self, permit: &Permit) {
        // None is given out before the gate.
        self.forget_tokens = self.row.call.state > CallState::Claimed;
        self.row.call.permit = Some(permit.clone());
        let outcome = permit
            .denied_by
            .map_or(Outcome::NotPermitted, Rule::outcome);
        self.end(outcome, false, None);
    }

    /// The first word of the carrier's id stands; any other call of the carrier's is not this one.
    fn adopt(&mut self, carrier_call_id: &str) -> Result<(), OtherCall> {
        match &self.row.call.carrier_call_id {
            Some(known) if known == carrier_call_id => Ok(()),
            Some(_other) => Err(OtherCall),
            None => {
                self.row.call.carrier_call_id = Some(carrier_call_id.to_owned());
                self.row.call.placed_at = Some(self.now);
                self.advance(CallState::Placed);
                Ok(())
            }
        }
    }

    fn advance(&mut self, state: CallState) {
        if self.row.call.state < state {
            self.row.call.state = state;
        }
    }

    fn answered(&mut self, at: Option<Timestamp>) {
        let at = at.unwrap_or(self.now);
        self.row.progress.picked_up = true;
        self.advance(CallState::Answered);
        let earliest = self.row.call.answered_at.map_or(at, |known| known.min(at));
        self.row.call.answered_at = Some(earliest);
    }

    fn carrier_says(&mut self, says: CarrierSays, at: Option<Timestamp>) {
        match says {
            CarrierSays::Accepted => self.advance(CallState::Placed),
            CarrierSays::Ringing => self.advance(CallState::Ringing),
            CarrierSays::Answered => self.answered(at),
            CarrierSays::Completed => {
                self.row.progress.picked_up = true;
                self.end(Outcome::CustomerHungUp, true, at);
            }
            CarrierSays::Busy => self.end(Outcome::Busy, false, at),
            CarrierSays::NoAnswer => self.end(Outcome::NoAnswer, false, at),
            CarrierSays::Cancelled => self.end(Outcome::Cancelled, false, at),
            CarrierSays::Failed => self.end(Outcome::CarrierFailed, false, at),
            CarrierSays::Unreachable => self.end(Outcome::NumberUnreachable, false, at),
        }
    }

    /// The first verdict stands. A session that is open hears of it and decides, also what is said to a
    /// machine; without one there is nobody to say anything.
    fn answered_by(&mut self, answered_by: CarrierVerdict, detection_ms: Option<u32>) {
        if self.row.call.carrier_verdict.is_some() {
            return;
        }
        self.row.call.carrier_verdict = Some(answered_by);
        self.row.call.detection_ms = detection_ms;
        let outcome = match AnsweredBy::from(answered_by) {
            AnsweredBy::Machine => Outcome::Voicemail,
            AnsweredBy::Fax => Outcome::Fax,
            AnsweredBy::Human | AnsweredBy::Screening | AnsweredBy::Unknown => return,
        };
        match self.row.progress.machine {
            MachineAction::HangUp if !self.row.progress.session_open => {
                self.forget_tokens = self.row.call.state < CallState::Ended;
                self.end(outcome, false, None);
            }
            MachineAction::HangUp | MachineAction::LeaveMessage | MachineAction::Talk => {}
        }
    }

    fn close(&mut self, session: u32, outcome: Option<Outcome>) {
        // A session that was superseded has no say any more.
        if session < self.row.progress.session {
            return;
        }
        self.row.progress.session = session;
        self.row.progress.session_open = false;
        let Some(outcome) = outcome else { return };
        // What the session saw may have been our own hanging up.
        let seen_from_outside = matches!(
            outcome,
            Outcome::CustomerHungUp | Outcome::StreamLost | Outcome::WorkerLost
        );
        let outcome = if seen_from_outside && self.row.progress.hang_up_requested_at.is_some() {
            Outcome::HungUpByUser
        } else {
            outcome
        };
        self.end(outcome, false, None);
    }

    /// A session knows its line better the longer it lasts. One that was superseded has no say any more: what it knew
    /// came with the hand-over.
    fn line(&mut self, report: Option<&LineReport>) {
        let Some(report) = report.filter(|report| report.session >= self.row.progress.session)
        else {
            return;
        };
        let lines = &mut self.row.call.line;
        let full = lines.len() >= LINES_MAX;
        let known = lines.iter_mut().find(|line| line.session == report.session);
        match known {
            Some(known) => {
                let so_far = |line: &LineReport| (line.frames, line.one_way_ms);
                if so_far(report) >= so_far(known) {
                    *known = *report;
                }
            }
            None if !full => {
                lines.push(*report);
                lines.sort_by_key(|line| line.session);
            }
            None => {}
        }
    }

    fn request_hang_up(&mut self) {
        match self.row.call.state {
            CallState::Ended => {}
            CallState::Claimed => self.end(Outcome::Cancelled, false, None),
            CallState::Placing | CallState::Placed | CallState::Ringing | CallState::Answered => {
                if self.row.progress.hang_up_requested_at.is_none() {
                    self.row.progress.hang_up_requested_at = Some(self.now);
                }
            }
        }
    }

    fn recording(&mut self, state: &RecordingState) {
        if follows(self.row.call.recording.as_ref(), state) {
            self.row.call.recording = Some(state.clone());
        }
    }

    /// Ends the call, or replaces a provisional outcome by a final one. A final one stays.
    fn end(&mut self, outcome: Outcome, provisional: bool, at: Option<Timestamp>) {
        let first = self.row.call.state != CallState::Ended;
        if first {
            self.row.call.state = CallState::Ended;
            self.row.call.ended_at = Some(at.unwrap_or(self.now));
            self.row.call.outcome = Some(outcome);
            self.row.progress.provisional = provisional;
            return;
        }
        // Whoever tells it first, the call ended when the carrier says that it did.
        if let (Some(at), Some(known)) = (at, self.row.call.ended_at) {
            self.row.call.ended_at = Some(known.min(at));
        }
        if self.row.progress.provisional && !provisional {
            self.row.call.outcome = Some(outcome);
            self.row.progress.provisional = false;
        }
    }

    /// What the carrier's bare "completed" means depends on what else is known, also later.
    fn refresh_provisional(&mut self) {
        let progress = &self.row.progress;
        if !progress.provisional {
            return;
        }
        let outcome = if progress.hang_up_requested_at.is_some() {
            Outcome::HungUpByUser
        } else if progress.session_open {
            Outcome::WorkerLost
        } else if progress.leaving_until >= self.row.call.ended_at
            && progress.leaving_until.is_some()
            && !progress.stream_failed
        {
            // Between two streams: whoever ended the call, it was none of ours.
            Outcome::CustomerHungUp
        } else if progress.session == 0 && progress.held_since.is_some() {
            // They heard that somebody would be there soon, and nobody came.
            Outcome::NoCapacity
        } else if progress.session > 0 || progress.stream_failed {
            Outcome::StreamLost
        } else {
            // They picked up, and none of us ever spoke with them.
            Outcome::PlatformFailed
        };
        self.row.call.outcome = Some(outcome);
    }
}

/// Whether a recording may go from what is known of it to `next`: each step once and in order, and
/// the first recording of a call is the one that counts.
fn follows(known: Option<&RecordingState>, next: &RecordingState) -> bool {
    let same = |known: &RecordingState| {
        recording_id(known).is_none_or(|known| recording_id(next) == Some(known))
    };
    match (known, next) {
        (
            None,
            RecordingState::Ready { .. }
            | RecordingState::Absent { .. }
            | RecordingState::Stored { .. },
        ) => true,
        (
            Some(known @ (RecordingState::Ready { .. } | RecordingState::Absent { .. })),
            RecordingState::Stored { .. },
        ) => same(known),
        (Some(RecordingState::Absent { .. }), RecordingState::Ready { .. }) => true,
        // What the carrier's copy was deleted for is the copy that the call knows.
        (
            Some(known @ RecordingState::Stored { object_key, .. }),
            RecordingState::Kept {
                object_key: kept, ..
            },
        ) => same(known) && object_key == kept,
        (
            Some(
                RecordingState::Ready { .. }
                | RecordingState::Stored { .. }
                | RecordingState::Kept { .. },
            ),
            RecordingState::Ready { .. } | RecordingState::Absent { .. },
        )
        | (
            Some(RecordingState::Stored { .. } | RecordingState::Kept { .. }),
            RecordingState::Stored { .. },
        )
        | (Some(RecordingState::Absent { .. }), RecordingState::Absent { .. })
        | (
            None
            | Some(
                RecordingState::Ready { .. }
                | RecordingState::Absent { .. }
                | RecordingState::Kept { .. },
            ),
            RecordingState::Kept { .. },
        ) => false,
    }
}

/// The carrier's id of a recording; `None` where it has none.
pub(crate) fn recording_id(state: &RecordingState) -> Option<&str> {
    match state {
        RecordingState::Ready {
            carrier_recording_id,
            ..
        }
        | RecordingState::Stored {
            carrier_recording_id,
            ..
        }
        | RecordingState::Kept {
            carrier_recording_id,
            ..
        } => Some(carrier_recording_id),
        RecordingState::Absent {
            carrier_recording_id,
            ..
        } => carrier_recording_id.as_deref(),
    }
}

/// What others hear of a change.
fn events(before: &CallRow, after: &CallRow) -> Vec<EventKind> {
    let call_id = after.call.id;
    let mut events = Vec::new();
    if let Some(answered_by) = after.call.carrier_verdict
        && before.call.carrier_verdict.is_none()
    {
        events.push(EventKind::CallAnsweredBy {
            call_id,
            answered_by,
        });
    }
    match after.call.outcome {
        Some(outcome) if before.call.outcome != Some(outcome) => {
            events.push(EventKind::CallEnded { call_id, outcome });
        }
        Some(_) | None if before.call.state != after.call.state => {
            events.push(EventKind::CallAdvanced {
                call_id,
                state: after.call.state,
            });
        }
        Some(_) | None => {}
    }
    if before.call.recording != after.call.recording {
        match &after.call.recording {
            Some(RecordingState::Stored { bytes, .. }) => {
                let bytes = *bytes;
                events.push(EventKind::RecordingStored { call_id, bytes });
            }
            Some(RecordingState::Kept { .. }) => {
                events.push(EventKind::RecordingKept { call_id });
            }
            Some(RecordingState::Ready { .. } | RecordingState::Absent { .. }) | None => {}
        }
    }
    events
}

#[cfg(test)]
mod tests;
