//! What the carrier did not tell of a call that is over: how long it was, which is what it bills, and that its
//! recording is there. A callback was lost for good, or the job that it made.
//!
//! Each call that somebody answered, or may have, is looked at some minutes after its end, and again until both are known: the
//! recording is kept, or the carrier says that there is none. Nothing is deleted here: what is found gets a job
//! like any other.

use std::sync::Arc;
use std::time::Duration;

use carrier::call::CarrierCall;
use carrier::recording::{CarrierRecording, RecordingStatus};
use carrier::{CallStatus, Carrier, CarrierCallId, RefusalKind, RequestError};
use futures_util::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use model::{AbsentBecause, Call, RecordingState};
use store::{CallRow, FollowUp, FollowUps, Queue, RecordingJob, StoreError};
use tracing::{info, warn};

use crate::Clock;
use crate::call::ending::{is_recorded, was_answered};
use crate::call::hang_up_at_carrier;
use crate::call::inquiry::at_carrier::{self, Known, SearchError, Whereabouts};
use crate::call::lifecycle::{Fact, recording_id};
use crate::call::recorder::{RecordError, Recorder};

/// How long until the next look, by how many there were. A carrier takes its time with a long recording, and it or
/// a store may be out of reach; after the last the call is given up here.
const NEXT_LOOKS: [SignedDuration; 5] = [
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(2),
    SignedDuration::from_hours(8),
    SignedDuration::from_hours(24),
];
/// Calls of one step. Where there are more the next step goes on.
const LOOKS_MAX: u32 = 200;
/// Calls that are looked at side by side.
const CALLS_AT_ONCE: usize = 8;
/// How long a step begins new looks: a carrier that is slow must not keep the next tick waiting.
const STEP_MAX: SignedDuration = SignedDuration::from_secs(10);

/// What a step came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AfterEndResult {
    /// Calls of which everything is known.
    pub settled: u32,
    /// Recordings that were found at the carrier without its having told.
    pub found: u32,
    /// Calls of which something is not known yet.
    pub open: u32,
}

/// Looks at calls after their end.
#[derive(Debug, Clone)]
pub(crate) struct AfterEnd {
    due: FollowUps,
    calls: store::Calls,
    contacts: store::Contacts,
    jobs: Queue<RecordingJob>,
    recorder: Recorder,
    carrier: Arc<dyn Carrier>,
    clock: Arc<dyn Clock>,
}

/// What is known of a call's recording now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Settled,
    /// A job is on its way.
    Sent {
        told: bool,
    },
    /// The carrier has not finished it, or cannot be asked.
    NotYet,
}

impl AfterEnd {
    pub(crate) fn new(context: &crate::Context) -> Self {
        let (store, clock) = (&context.store, &context.clock);
        Self {
            due: store.follow_ups.clone(),
            calls: store.calls.clone(),
            contacts: store.contacts.clone(),
            jobs: store.recordings.clone(),
            recorder: Recorder::new(store, Arc::clone(clock), context.ids.clone()),
            carrier: Arc::clone(&context.carrier),
            clock: Arc::clone(clock),
        }
    }

    /// Looks at every call that is due.
    pub(crate) async fn look(&self) -> Result<AfterEndResult, StoreError> {
        let now = self.clock.now();
        let until = now.checked_add(STEP_MAX).unwrap_or(Timestamp::MAX);
        let due = self.due.due(now, LOOKS_MAX).await?;
        let looks: Vec<AfterEndResult> = stream::iter(due)
            .map(|due| self.look_after(due, until))
            .buffered(CALLS_AT_ONCE)
            .collect()
            .await;
        let mut result = AfterEndResult::default();
        for one in looks {
            result.settled += one.settled;
            result.found += one.found;
            result.open += one.open;
        }
        if result.found + result.open > 0 {
            let AfterEndResult {
                settled,
                found,
                open,
            } = result;
            info!(settled, found, open, "calls were looked at after their end");
        }
        Ok(result)
    }

    /// One call that cannot be looked at keeps no other from it: it comes again later.
    async fn look_after(&self, due: FollowUp, until: Timestamp) -> AfterEndResult {
        if self.clock.now() >= until {
            return AfterEndResult::default();
        }
        let looked = match self.look_at(&due).await {
            Ok(looked) => Ok(looked),
            Err(error) => {
                warn!(
                    call.id = %due.call_id,
                    error = &error as &dyn std::error::Error,
                    "a call could not be looked at after its end"
                );
                self.look_again(&due).await.map(|()| AfterEndResult {
                    open: 1,
                    ..AfterEndResult::default()
                })
            }
        };
        // Where not even that can be written the row stays as it is, and is looked at in the next step.
        looked.unwrap_or(AfterEndResult {
            open: 1,
            ..AfterEndResult::default()
        })
    }

    async fn look_at(&self, due: &FollowUp) -> Result<AfterEndResult, StoreError> {
        let mut result = AfterEndResult::default();
        let row = self.calls.get(due.tenant_id, due.call_id).await?;
        let Some(row) = row else {
            self.due.remove(due).await?;
            return Ok(result);
        };
        let measured = self.has_duration(&row).await?;
        let recording = self.recording_after(due, row).await?;
        result.found = u32::from(recording == Found::Sent { told: false });
        if measured && recording == Found::Settled {
            self.due.remove(due).await?;
            result.settled = 1;
        } else {
            self.look_again(due).await?;
            result.open = 1;
        }
        Ok(result)
    }

    async fn look_again(&self, due: &FollowUp) -> Result<(), StoreError> {
        let looks = usize::try_from(due.looks).unwrap_or(usize::MAX);
        let Some(pause) = NEXT_LOOKS.get(looks) else {
            warn!(call.id = %due.call_id, "a call is given up of which not everything is known");
            metrics::counter!("trunkline_recordings_missing_total", "result" => "given_up")
                .increment(1);
            return self.due.remove(due).await;
        };
        let until = self.clock.now().checked_add(*pause);
        self.due
            .postpone(due, until.unwrap_or(Timestamp::MAX))
            .await
    }

    /// Asks how long the call was, if that is not known. `false`: it is not known yet.
    async fn has_duration(&self, row: &CallRow) -> Result<bool, StoreError> {
        let call = &row.call;
        if call.carrier_duration_seconds.is_some() {
            return Ok(true);
        }
        let Some(id) = &call.carrier_call_id else {
            return self.unconfirmed(row).await;
        };
        let found = match at_carrier::ask(&*self.carrier, id).await {
            Ok(Known::There(found)) => found,
            Ok(Known::NotFound | Known::Foreign) => return Ok(true),
            Err(problem) => {
                warn!(call.id = %call.id, kind = problem.code(), "the carrier cannot be asked how long a call was");
                return Ok(false);
            }
        };
        let Some(end) = at_carrier::end(&found) else {
            return Ok(false);
        };
        self.record(call, &end).await?;
        Ok(is_measured(&found))
    }

    /// Looks for the carrier's call of a request whose answer nobody has. `false`: it is to be looked for again.
    async fn unconfirmed(&self, row: &CallRow) -> Result<bool, StoreError> {
        let call = &row.call;
        let Some(gate_at) = row.progress.placing_at else {
            return Ok(true);
        };
        let books = (&self.calls, &self.contacts);
        let found = match at_carrier::search(&*self.carrier, books, row, gate_at).await {
            Ok(Whereabouts::There(found)) => found,
            Ok(Whereabouts::Nowhere { complete }) => return Ok(complete),
            Ok(Whereabouts::Several) => return Ok(false),
            Err(SearchError::Carrier(problem)) => {
                warn!(call.id = %call.id, kind = problem.code(), "the carrier cannot be asked about a call");
                return Ok(false);
            }
            Err(SearchError::Store(error)) => return Err(error),
        };
        let waits = match found.status {
            Some(CallStatus::Queued | CallStatus::Initiated | CallStatus::Ringing) => true,
            // One of ours would have been told to hang up when it was answered: this one is somebody else's.
            Some(CallStatus::InProgress) | None => return Ok(false),
            Some(
                CallStatus::Completed
                | CallStatus::Busy
                | CallStatus::Failed
                | CallStatus::NoAnswer
                | CallStatus::Canceled,
            ) => false,
        };
        let carrier_call_id = found.id.as_str().to_owned();
        let placed = Fact::Placed {
            carrier_call_id: carrier_call_id.clone(),
        };
        if !self.record(call, &placed).await? {
            return Ok(false);
        }
        warn!(call.id = %call.id, "the carrier had taken a call that it did not confirm");
        if let Some(end) = at_carrier::end(&found) {
            self.record(call, &end).await?;
        }
        if waits && let Err(problem) = hang_up_at_carrier(&*self.carrier, &carrier_call_id).await {
            warn!(call.id = %call.id, kind = problem.code(), "the carrier did not hang up");
        }
        Ok(!waits && is_measured(&found))
    }

    /// Of a call that was not known to be answered the carrier has just told whether it was.
    async fn recording_after(&self, due: &FollowUp, row: CallRow) -> Result<Found, StoreError> {
        if was_answered(&row) {
            return self.recording(&row).await;
        }
        match self.calls.get(due.tenant_id, due.call_id).await? {
            Some(row) if was_answered(&row) => self.recording(&row).await,
            Some(_) | None => Ok(Found::Settled),
        }
    }

    async fn recording(&self, row: &CallRow) -> Result<Found, StoreError> {
        if !is_recorded(&row.call) {
            return Ok(Found::Settled);
        }
        match &row.call.recording {
            Some(RecordingState::Kept { .. } | RecordingState::Absent { .. }) => Ok(Found::Settled),
            Some(known @ (RecordingState::Ready { .. } | RecordingState::Stored { .. })) => {
                // Its job may be lost, or among the dead letters.
                if let Some(id) = recording_id(known) {
                    self.send(&row.call, id.to_owned()).await?;
                }
                Ok(Found::Sent { told: true })
            }
            None => self.ask(row).await,
        }
    }

    async fn ask(&self, row: &CallRow) -> Result<Found, StoreError> {
        let call = &row.call;
        let id = call.carrier_call_id.as_deref();
        let Some(Ok(id)) = id.map(str::parse::<CarrierCallId>) else {
            return Ok(Found::Settled);
        };
        let listed = match self.carrier.list_recordings(&id).await {
            Ok(listed) => listed.items,
            Err(RequestError::Refused(refusal)) if refusal.kind == RefusalKind::NotFound => {
                Vec::new()
            }
            Err(problem) => {
                warn!(call.id = %call.id, kind = problem.code(), "the carrier cannot be asked for recordings");
                return Ok(Found::NotYet);
            }
        };
        match verdict(&listed) {
            Verdict::There(recording) => {
                let carrier_recording_id = recording.id.as_str().to_owned();
                let ready = RecordingState::Ready {
                    carrier_recording_id: carrier_recording_id.clone(),
                    duration_seconds: recording.duration_seconds,
                };
                self.record(call, &Fact::Recording(ready)).await?;
                self.send(call, carrier_recording_id).await?;
                warn!(call.id = %call.id, "a recording was found that was not told of");
                metrics::counter!("trunkline_recordings_missing_total", "result" => "found")
                    .increment(1);
                Ok(Found::Sent { told: false })
            }
            Verdict::NotYet => Ok(Found::NotYet),
            Verdict::Absent(recording, because) => {
                let absent = RecordingState::Absent {
                    carrier_recording_id: recording.map(|it| it.id.as_str().to_owned()),
                    because,
                };
                self.record(call, &Fact::Recording(absent)).await?;
                warn!(call.id = %call.id, because = because.code(), "a call that was answered has no recording");
                metrics::counter!("trunkline_recordings_missing_total", "result" => "absent")
                    .increment(1);
                Ok(Found::Settled)
            }
        }
    }

    /// `false`: the fact is of another call, or there is none.
    async fn record(&self, call: &Call, fact: &Fact) -> Result<bool, StoreError> {
        match self.recorder.record(call.tenant_id, call.id, fact).await {
            Ok(_) => Ok(true),
            Err(RecordError::Unknown | RecordError::OtherCall) => Ok(false),
            Err(RecordError::Store(error)) => Err(error),
        }
    }

    async fn send(&self, call: &Call, carrier_recording_id: String) -> Result<(), StoreError> {
        let job = RecordingJob {
            tenant_id: call.tenant_id,
            call_id: call.id,
            carrier_recording_id,
            trace_id: Some(call.trace()),
        };
        self.jobs.send(&job, Duration::ZERO).await
    }
}

/// Whether the carrier says how long the call was; what was not answered has no length.
fn is_measured(found: &CarrierCall) -> bool {
    found.duration_seconds.is_some() || found.status != Some(CallStatus::Completed)
}

/// What the carrier's list of a call's recordings says.
enum Verdict<'a> {
    There(&'a CarrierRecording),
    NotYet,
    Absent(Option<&'a CarrierRecording>, AbsentBecause),
}

fn verdict(listed: &[CarrierRecording]) -> Verdict<'_> {
    let with = |wanted: &[RecordingStatus]| {
        let mut listed = listed.iter();
        listed.find(|one| one.status.is_some_and(|status| wanted.contains(&status)))
    };
    if let Some(there) = with(&[RecordingStatus::Completed]) {
        return Verdict::There(there);
    }
    // A status that we do not know may become one that we do.
    if listed.iter().any(|one| one.status.is_none())
        || with(&[
            RecordingStatus::InProgress,
            RecordingStatus::Paused,
            RecordingStatus::Stopped,
            RecordingStatus::Processing,
        ])
        .is_some()
    {
        return Verdict::NotYet;
    }
    for (status, because) in [
        (RecordingStatus::Failed, AbsentBecause::Failed),
        (RecordingStatus::Deleted, AbsentBecause::Deleted),
        (RecordingStatus::Absent, AbsentBecause::NothingRecorded),
    ] {
        if let Some(one) = with(&[status]) {
            return Verdict::Absent(Some(one), because);
        }
    }
    Verdict::Absent(None, AbsentBecause::NotMade)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(status: Option<RecordingStatus>) -> CarrierRecording {
        CarrierRecording {
            id: "RE00000000000000000000000000000001".parse().unwrap(),
            call_id: None,
            status,
            duration_seconds: None,
            channels: None,
            started_at: None,
            error_code: None,
        }
    }

    fn said(statuses: &[Option<RecordingStatus>]) -> String {
        let listed: Vec<_> = statuses.iter().copied().map(recording).collect();
        match verdict(&listed) {
            Verdict::There(_) => "there".to_owned(),
            Verdict::NotYet => "not yet".to_owned(),
            Verdict::Absent(_, because) => because.code().to_owned(),
        }
    }

    #[test]
    fn what_the_carrier_lists_says_what_becomes_of_a_recording() {
        use RecordingStatus::{Absent, Completed, Deleted, Failed, Processing};
        assert_eq!(said(&[]), "not_made");
        assert_eq!(said(&[Some(Failed), Some(Completed)]), "there");
        assert_eq!(said(&[Some(Processing), Some(Failed)]), "not yet");
        assert_eq!(said(&[None]), "not yet");
        assert_eq!(said(&[Some(Absent)]), "nothing_recorded");
        assert_eq!(said(&[Some(Absent), Some(Deleted)]), "deleted");
        assert_eq!(said(&[Some(Failed)]), "failed");
    }
}
