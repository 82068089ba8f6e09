//! Recordings of a call, from their order to the file.

use std::time::Duration;

use super::callbacks::named;
use super::{LegState, Output, PhoneCall};
use crate::carriers::recording::Recorder;
use crate::carriers::twilio::hook::Purpose;
use crate::carriers::twilio::record::{RecordOrder, Recording, RecordingStatus, date};

impl PhoneCall {
    /// Records from here on. Not possible when the call is not on, or recorded already.
    pub(in crate::carriers::twilio) fn start_recording(
        &mut self,
        order: RecordOrder,
        now: Duration,
    ) -> Option<&Recording> {
        let sid = self.fresh_sid("RE");
        let LegState::Live(live) = &mut self.state else {
            return None;
        };
        if live.recording.is_some() {
            let what = "a second recording of a call that is recorded";
            self.account.violated(21_220, what, Some(&self.record.sid));
            return None;
        }
        live.line.record(Recorder::new(order.channels));
        live.recording = Some((sid.clone(), order.channels));
        let at = self.account.wall(now);
        self.record.recordings.push(Recording {
            sid,
            status: RecordingStatus::InProgress,
            order,
            started_at: at,
            updated_at: at,
            bytes: 0,
        });
        let last = self.record.recordings.len() - 1;
        self.recording_event(last, now);
        self.changed(now);
        self.record.recordings.last()
    }

    pub(super) fn recorded(&mut self, samples: Vec<u8>) {
        let LegState::Live(live) = &self.state else {
            return;
        };
        let Some((sid, channels)) = live.recording.clone() else {
            return;
        };
        let bytes = u64::try_from(samples.len()).unwrap_or(0);
        let recording = self
            .record
            .recordings
            .iter_mut()
            .find(|recording| recording.sid == sid);
        if let Some(recording) = recording {
            recording.bytes += bytes;
        }
        self.outputs.push_back(Output::AppendRecording {
            sid,
            channels,
            samples,
        });
    }

    /// Recordings are processed: they can be fetched, or there was nothing to record.
    pub(super) fn finish_recordings(&mut self, now: Duration) {
        for nth in 0..self.record.recordings.len() {
            let Some(recording) = self.record.recordings.get_mut(nth) else {
                return;
            };
            if !matches!(
                recording.status,
                RecordingStatus::InProgress | RecordingStatus::Processing
            ) {
                continue;
            }
            recording.status = if recording.bytes == 0 {
                RecordingStatus::Absent
            } else {
                RecordingStatus::Completed
            };
            recording.updated_at = self.account.wall(now);
            self.outputs.push_back(Output::FinishRecording {
                sid: recording.sid.clone(),
                channels: recording.order.channels,
            });
            self.recording_event(nth, now);
        }
        self.changed(now);
    }

    pub(super) fn recording_event(&mut self, nth: usize, now: Duration) {
        let Some(recording) = self.record.recordings.get(nth) else {
            return;
        };
        let status = recording.status.as_str();
        let Some(hook) = recording.order.callback.clone() else {
            return;
        };
        if !recording.order.events.iter().any(|event| event == status) {
            return;
        }
        let fields = named([
            ("AccountSid", self.record.account_sid.clone()),
            ("CallSid", self.record.sid.clone()),
            ("RecordingSid", recording.sid.clone()),
            ("RecordingUrl", self.recording_url(recording)),
            ("RecordingStatus", status.to_owned()),
            ("RecordingDuration", recording.duration_s().to_string()),
            ("RecordingChannels", recording.order.channels.to_string()),
            ("RecordingStartTime", date(recording.started_at)),
            ("RecordingSource", recording.order.source.clone()),
            ("RecordingTrack", "both".to_owned()),
            ("ErrorCode", "0".to_owned()),
        ]);
        self.call_back(Purpose::Recording, &hook, fields, now);
    }

    pub(super) fn recording_url(&self, recording: &Recording) -> String {
        format!(
            "https://api.twilio.com{}",
            self.record.recording_path(recording)
        )
    }
}
