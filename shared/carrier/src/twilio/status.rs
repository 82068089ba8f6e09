//! The words that Twilio uses for how far a call or a recording is.

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use model::CarrierVerdict;

use crate::call::CallStatus;
use crate::recording::RecordingStatus;

/// How far a call is (`docs/protocols/twilio-voice.md#calls-that-exist`,
/// `docs/protocols/twilio-voice.md#status-callback`).
const CALL_WORDS: [(CallStatus, &str); 9] = [
    (CallStatus::Queued, "queued"),
    // Only callbacks say this word.
    (CallStatus::Initiated, "initiated"),
    (CallStatus::Ringing, "ringing"),
    (CallStatus::InProgress, "in-progress"),
    (CallStatus::Completed, "completed"),
    (CallStatus::Busy, "busy"),
    (CallStatus::Failed, "failed"),
    (CallStatus::NoAnswer, "no-answer"),
    (CallStatus::Canceled, "canceled"),
];

/// How far a recording is (`docs/protocols/twilio-voice.md#recordings`). Only recordings of conferences fail.
const RECORDING_WORDS: [(RecordingStatus, &str); 8] = [
    (RecordingStatus::InProgress, "in-progress"),
    (RecordingStatus::Paused, "paused"),
    (RecordingStatus::Stopped, "stopped"),
    (RecordingStatus::Processing, "processing"),
    (RecordingStatus::Completed, "completed"),
    (RecordingStatus::Absent, "absent"),
    (RecordingStatus::Deleted, "deleted"),
    (RecordingStatus::Failed, "failed"),
];

/// The status that Twilio says with this word.
#[must_use]
pub fn call_status(word: &str) -> Option<CallStatus> {
    meaning(&CALL_WORDS, word)
}

/// Twilio's word for a status.
#[must_use]
pub fn call_word(status: CallStatus) -> &'static str {
    let found = CALL_WORDS.iter().find(|(known, _)| *known == status);
    found.map_or("", |(_, word)| word)
}

/// The status of a recording that Twilio says with this word.
#[must_use]
pub fn recording_status(word: &str) -> Option<RecordingStatus> {
    meaning(&RECORDING_WORDS, word)
}

fn meaning<T: Copy>(words: &[(T, &str)], word: &str) -> Option<T> {
    let found = words.iter().find(|(_, known)| *known == word);
    found.map(|(meaning, _)| *meaning)
}

/// A time of Twilio's: RFC 2822 in REST answers and call callbacks, ISO 8601 in stream callbacks.
pub(crate) fn time(text: &str) -> Option<Timestamp> {
    static RFC_2822: DateTimeParser = DateTimeParser::new();
    RFC_2822
        .parse_timestamp(text)
        .or_else(|_other_format| text.parse())
        .ok()
}

/// Who answered, in the words of callbacks (`docs/protocols/twilio-voice.md#answering-machine-detection`). The
/// call resource says `machine` without telling more.
pub(crate) fn answered_by(word: &str) -> Option<CarrierVerdict> {
    match word {
        "human" => Some(CarrierVerdict::Human),
        "machine" | "machine_start" => Some(CarrierVerdict::MachineStart),
        "machine_end_beep" => Some(CarrierVerdict::MachineEndBeep),
        "machine_end_silence" => Some(CarrierVerdict::MachineEndSilence),
        "machine_end_other" => Some(CarrierVerdict::MachineEndOther),
        "fax" => Some(CarrierVerdict::Fax),
        "unknown" => Some(CarrierVerdict::Unknown),
        _other => None,
    }
}
