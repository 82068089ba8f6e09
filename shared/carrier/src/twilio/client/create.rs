//! The request that places a call, and what its answer proves.

use std::time::Duration;

use url::Url;

use super::answer;
use super::http::{HttpAnswer, RetryVerdict, SendError};
use crate::call::{CarrierCall, CreateCall, MachineDetection, MachineDetectionMode, RecordCall};
use crate::error::{CreateError, CreateProblem, Lost, RequestError};
use crate::instructions::InstructionsProblem;
use crate::twilio::twiml::{self, check_callback};

/// The longest ringing that Twilio allows, in seconds.
pub const RING_SECONDS_MAX: u64 = 600;

/// Named values of a request; arrays repeat the name.
type Form = Vec<(&'static str, String)>;

/// The form of the request. Silence is never trimmed and both sides have a channel of their own: the
/// audio would not line up with the transcript otherwise. Detection runs in the background.
pub(super) fn form(call: &CreateCall) -> Result<Form, CreateError> {
    checked_form(call).map_err(CreateError::Invalid)
}

fn checked_form(call: &CreateCall) -> Result<Form, CreateProblem> {
    let twiml = twiml::write(&call.instructions);
    let twiml = twiml.map_err(|_unfit| CreateProblem { parameter: "Twiml" })?;
    let mut form: Form = vec![
        ("To", call.to.as_str().to_owned()),
        ("From", call.from.as_str().to_owned()),
        ("Twiml", twiml.as_str().to_owned()),
        (
            "StatusCallback",
            callback("StatusCallback", &call.status_callback)?,
        ),
        ("StatusCallbackMethod", "POST".to_owned()),
    ];
    for event in ["initiated", "ringing", "answered", "completed"] {
        form.push(("StatusCallbackEvent", event.to_owned()));
    }
    if let Some(ring) = call.ring_timeout {
        let seconds = whole_seconds("Timeout", ring, RING_SECONDS_MAX)?;
        form.push(("Timeout", seconds));
    }
    if let Some(longest) = call.duration_max {
        // The account's own ceiling is not known here; a day is beyond every documented one.
        let seconds = whole_seconds("TimeLimit", longest, 24 * 60 * 60)?;
        form.push(("TimeLimit", seconds));
    }
    if let Some(recording) = &call.recording {
        add_recording(recording, &mut form)?;
    }
    if let Some(detection) = &call.machine_detection {
        add_detection(detection, &mut form)?;
    }
    Ok(form)
}

fn add_recording(recording: &RecordCall, form: &mut Form) -> Result<(), CreateProblem> {
    form.push(("Record", "true".to_owned()));
    how_to_record(recording, form)
}

/// The request that records a live call from then on.
pub(super) fn recording_form(recording: &RecordCall) -> Result<Form, RequestError> {
    let mut form = Form::new();
    // All that can be wrong is our own address, which was checked when the process started.
    how_to_record(recording, &mut form)
        .map_err(|_problem| RequestError::Instructions(InstructionsProblem::CallbackUrl))?;
    Ok(form)
}

fn how_to_record(recording: &RecordCall, form: &mut Form) -> Result<(), CreateProblem> {
    let url = callback("RecordingStatusCallback", &recording.status_callback)?;
    form.push(("RecordingChannels", "dual".to_owned()));
    form.push(("RecordingTrack", "both".to_owned()));
    form.push(("Trim", "do-not-trim".to_owned()));
    form.push(("RecordingStatusCallback", url));
    form.push(("RecordingStatusCallbackMethod", "POST".to_owned()));
    for event in ["completed", "absent"] {
        form.push(("RecordingStatusCallbackEvent", event.to_owned()));
    }
    Ok(())
}

fn add_detection(detection: &MachineDetection, form: &mut Form) -> Result<(), CreateProblem> {
    let mode = match detection.mode {
        MachineDetectionMode::Start => "Enable",
        MachineDetectionMode::MessageEnd => "DetectMessageEnd",
    };
    form.push(("MachineDetection", mode.to_owned()));
    form.push(("AsyncAmd", "true".to_owned()));
    let url = callback("AsyncAmdStatusCallback", &detection.callback)?;
    form.push(("AsyncAmdStatusCallback", url));
    form.push(("AsyncAmdStatusCallbackMethod", "POST".to_owned()));
    for (parameter, value, low, high) in [
        ("MachineDetectionTimeout", detection.timeout_seconds, 3, 59),
        (
            "MachineDetectionSpeechThreshold",
            detection.speech_threshold_ms,
            1_000,
            6_000,
        ),
        (
            "MachineDetectionSpeechEndThreshold",
            detection.speech_end_threshold_ms,
            500,
            5_000,
        ),
        (
            "MachineDetectionSilenceTimeout",
            detection.silence_timeout_ms,
            2_000,
            10_000,
        ),
    ] {
        match value {
            Some(value) if (low..=high).contains(&value) => {
                form.push((parameter, value.to_string()));
            }
            Some(_out_of_range) => return Err(CreateProblem { parameter }),
            None => {}
        }
    }
    Ok(())
}

fn callback(parameter: &'static str, url: &Url) -> Result<String, CreateProblem> {
    match check_callback(url) {
        Ok(()) => Ok(url.as_str().to_owned()),
        Err(_unfit) => Err(CreateProblem { parameter }),
    }
}

fn whole_seconds(
    parameter: &'static str,
    span: Duration,
    max: u64,
) -> Result<String, CreateProblem> {
    let seconds = span.as_secs();
    if (1..=max).contains(&seconds) && span.subsec_nanos() == 0 {
        Ok(seconds.to_string())
    } else {
        Err(CreateProblem { parameter })
    }
}

/// What the answer to the one request proves.
///
/// Certainly not placed: nothing was sent; 429, which Twilio says is never processed; a 4xx other
/// than 408 (which a proxy says when it lost the request half-way); 503 with an error body of the
/// API itself. Everything else leaves the call possibly under way: a lost or unreadable answer, any
/// other 5xx (also a bare 503, which a proxy says when the API behind it broke off), a redirect.
pub(super) fn judge(answer: Result<HttpAnswer, SendError>) -> Result<CarrierCall, CreateError> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(SendError::NotSent(source)) => return Err(CreateError::NotSent(source)),
        Err(SendError::Lost(lost)) => return Err(CreateError::Unknown(lost)),
    };
    match answer.verdict() {
        RetryVerdict::Done(body) => match body {
            Ok(body) => answer::call(&body).map_err(|_unreadable| {
                // The status says that the call was taken; only its id is not known.
                CreateError::Unknown(Lost::Unreadable)
            }),
            Err(lost) => Err(CreateError::Unknown(lost)),
        },
        RetryVerdict::TooMany { code, retry_after } => {
            Err(CreateError::RateLimited { code, retry_after })
        }
        RetryVerdict::Refused(refusal) => Err(CreateError::Refused(refusal)),
        RetryVerdict::Unclear { status } => Err(CreateError::Unknown(Lost::Status { status })),
    }
}
