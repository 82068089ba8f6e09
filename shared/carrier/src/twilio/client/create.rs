//! The request that places a call, and what its answer proves.

use std::time::Duration;

use model::PhoneNumber;
use url::Url;

use super::CarrierCall;
use super::answer;
use super::error::{CreateError, CreateProblem, Lost};
use super::http::{HttpAnswer, RetryVerdict, SendError};
use crate::twilio::twiml::{Twiml, check_callback};

/// The longest ringing that Twilio allows, in seconds.
pub const RING_SECONDS_MAX: u64 = 600;

/// A call to place.
#[derive(Debug, Clone)]
pub struct CreateCall {
    pub to: PhoneNumber,
    pub from: PhoneNumber,
    /// What the call does once it is answered, inline: no webhook round trip at that moment.
    pub twiml: Twiml,
    /// Told of `initiated`, `ringing`, `answered` and `completed`.
    pub status_callback: Url,
    /// How long it rings: 1 to [`RING_SECONDS_MAX`] seconds; absent, the carrier's 60. Twilio may
    /// add about five.
    pub ring_timeout: Option<Duration>,
    /// The carrier ends the call after this long; absent, the account's own limit.
    pub duration_max: Option<Duration>,
    pub recording: Option<Recording>,
    pub machine_detection: Option<MachineDetection>,
}

/// Records both sides from answer to end, each in its own channel. Silence is never trimmed: the
/// audio would not line up with the transcript any more.
#[derive(Debug, Clone)]
pub struct Recording {
    /// Told of `completed` and `absent`.
    pub status_callback: Url,
}

/// Finds out in the background whether a person or a machine answered; the call goes on meanwhile.
#[derive(Debug, Clone)]
pub struct MachineDetection {
    pub mode: MachineDetectionMode,
    /// Told of the verdict.
    pub callback: Url,
    /// 3 to 59 seconds; absent, the carrier's 30.
    pub timeout_seconds: Option<u32>,
    /// Speech longer than this is a machine's: 1000 to 6000 ms; absent, the carrier's 2400.
    pub speech_threshold_ms: Option<u32>,
    /// Silence that ends the speech: 500 to 5000 ms; absent, the carrier's 1200.
    pub speech_end_threshold_ms: Option<u32>,
    /// Silence at the start that gives up: 2000 to 10000 ms; absent, the carrier's 5000.
    pub silence_timeout_ms: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MachineDetectionMode {
    /// A verdict as soon as it is known who answered.
    Enable,
    /// For a machine, the verdict at the end of its greeting.
    DetectMessageEnd,
}

impl MachineDetection {
    /// With the carrier's own thresholds.
    #[must_use]
    pub const fn new(mode: MachineDetectionMode, callback: Url) -> Self {
        Self {
            mode,
            callback,
            timeout_seconds: None,
            speech_threshold_ms: None,
            speech_end_threshold_ms: None,
            silence_timeout_ms: None,
        }
    }
}

/// Named values of a request; arrays repeat the name.
type Form = Vec<(&'static str, String)>;

impl CreateCall {
    pub(super) fn form(&self) -> Result<Form, CreateError> {
        self.checked_form().map_err(CreateError::Invalid)
    }

    fn checked_form(&self) -> Result<Form, CreateProblem> {
        let mut form: Form = vec![
            ("To", self.to.as_str().to_owned()),
            ("From", self.from.as_str().to_owned()),
            ("Twiml", self.twiml.as_str().to_owned()),
            (
                "StatusCallback",
                callback("StatusCallback", &self.status_callback)?,
            ),
            ("StatusCallbackMethod", "POST".to_owned()),
        ];
        for event in ["initiated", "ringing", "answered", "completed"] {
            form.push(("StatusCallbackEvent", event.to_owned()));
        }
        if let Some(ring) = self.ring_timeout {
            let seconds = whole_seconds("Timeout", ring, RING_SECONDS_MAX)?;
            form.push(("Timeout", seconds));
        }
        if let Some(longest) = self.duration_max {
            // The account's own ceiling is not known here; a day is beyond every documented one.
            let seconds = whole_seconds("TimeLimit", longest, 24 * 60 * 60)?;
            form.push(("TimeLimit", seconds));
        }
        if let Some(recording) = &self.recording {
            recording.add_to(&mut form)?;
        }
        if let Some(detection) = &self.machine_detection {
            detection.add_to(&mut form)?;
        }
        Ok(form)
    }
}

impl Recording {
    fn add_to(&self, form: &mut Form) -> Result<(), CreateProblem> {
        let url = callback("RecordingStatusCallback", &self.status_callback)?;
        form.push(("Record", "true".to_owned()));
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
}

impl MachineDetection {
    fn add_to(&self, form: &mut Form) -> Result<(), CreateProblem> {
        let mode = match self.mode {
            MachineDetectionMode::Enable => "Enable",
            MachineDetectionMode::DetectMessageEnd => "DetectMessageEnd",
        };
        form.push(("MachineDetection", mode.to_owned()));
        form.push(("AsyncAmd", "true".to_owned()));
        let url = callback("AsyncAmdStatusCallback", &self.callback)?;
        form.push(("AsyncAmdStatusCallback", url));
        form.push(("AsyncAmdStatusCallbackMethod", "POST".to_owned()));
        for (parameter, value, low, high) in [
            ("MachineDetectionTimeout", self.timeout_seconds, 3, 59),
            (
                "MachineDetectionSpeechThreshold",
                self.speech_threshold_ms,
                1_000,
                6_000,
            ),
            (
                "MachineDetectionSpeechEndThreshold",
                self.speech_end_threshold_ms,
                500,
                5_000,
            ),
            (
                "MachineDetectionSilenceTimeout",
                self.silence_timeout_ms,
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
