//! Who or what answered a call: what was found out, by what evidence, and what was done about it.

use serde::{Deserialize, Serialize};

use crate::{CallTime, SuppressionReason};

/// The carrier's thresholds for telling machines from people.
// docs/protocols/carriers.md#answering-machine-detection
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AmdThresholds {
    /// When it gives up: 3 to 59 seconds.
    pub timeout_seconds: u32,
    /// Speech longer than this is a machine's: 1,000 to 6,000 ms.
    pub speech_threshold_ms: u32,
    /// Silence after speech that ends it: 500 to 5,000 ms.
    pub speech_end_threshold_ms: u32,
    /// Silence at the start after which it is unknown: 2,000 to 10,000 ms.
    pub silence_timeout_ms: u32,
}

impl Default for AmdThresholds {
    /// The carrier's own.
    fn default() -> Self {
        Self {
            timeout_seconds: 30,
            speech_threshold_ms: 2_400,
            speech_end_threshold_ms: 1_200,
            silence_timeout_ms: 5_000,
        }
    }
}

/// Who or what picked up, as the carrier's answering machine detection tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CarrierVerdict {
    Human,
    MachineStart,
    MachineEndBeep,
    MachineEndSilence,
    MachineEndOther,
    Fax,
    Unknown,
}

/// What answered, as far as it matters for what is done.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AnsweredBy {
    /// A person.
    Human,
    /// A mailbox or another machine that speaks.
    Machine,
    /// A service that asks who is calling before it puts them through.
    Screening,
    Fax,
    /// Nothing decided it: treated as a person.
    #[default]
    Unknown,
}

impl AnsweredBy {
    /// Every class, in the order of the documentation.
    pub const ALL: [Self; 5] = [
        Self::Human,
        Self::Machine,
        Self::Screening,
        Self::Fax,
        Self::Unknown,
    ];

    /// The class of a code.
    #[must_use]
    pub fn of(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.code() == code)
    }

    /// The stable code, as in the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Machine => "machine",
            Self::Screening => "screening",
            Self::Fax => "fax",
            Self::Unknown => "unknown",
        }
    }
}

impl From<CarrierVerdict> for AnsweredBy {
    fn from(verdict: CarrierVerdict) -> Self {
        match verdict {
            CarrierVerdict::Human => Self::Human,
            CarrierVerdict::MachineStart
            | CarrierVerdict::MachineEndBeep
            | CarrierVerdict::MachineEndSilence
            | CarrierVerdict::MachineEndOther => Self::Machine,
            CarrierVerdict::Fax => Self::Fax,
            CarrierVerdict::Unknown => Self::Unknown,
        }
    }
}

/// What decided the class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AmdEvidence {
    /// The carrier's verdict.
    Carrier,
    /// The first words, in the agent's languages.
    Words,
    /// A beep, or the tone of a fax machine.
    Tone,
}

/// What a session found out about who answered. Holds times and classes, never words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AmdResult {
    /// What the call was taken for in the end.
    pub class: AnsweredBy,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<AmdEvidence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<CallTime>,
    /// The carrier's verdict and when the session learned of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carrier: Option<(CarrierVerdict, CallTime)>,
    /// What the words sounded like, and when that was understood.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<(AnsweredBy, CallTime)>,
    /// Our own beep detection: where the beep ended that no words followed, and its pitch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beep: Option<HeardBeep>,
    /// The message on the mailbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<LeftMessage>,
}

/// A beep that was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeardBeep {
    /// In the customer's audio, milliseconds since its first sample.
    pub ends_ms: u64,
    pub hz: u16,
}

/// A message that was spoken to a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftMessage {
    /// When its first sound went out.
    pub started_at: CallTime,
    /// How much of it was played, as the carrier confirmed.
    pub heard_ms: u64,
    /// All of it was.
    pub whole: bool,
    /// What it waited for.
    pub after: MessageCue,
}

/// What said that a mailbox records now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageCue {
    /// Our own beep detection.
    Beep,
    /// The carrier: the greeting is over.
    Carrier,
    /// Neither, and the line was quiet.
    Quiet,
    /// A session of the call that broke off had begun the message.
    Begun,
}

/// How somebody asked not to be called again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptOutHow {
    Spoken,
    Keypad,
}

impl OptOutHow {
    /// In logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Spoken => "spoken",
            Self::Keypad => "keypad",
        }
    }
}

impl From<OptOutHow> for SuppressionReason {
    fn from(how: OptOutHow) -> Self {
        match how {
            OptOutHow::Spoken => Self::Spoken,
            OptOutHow::Keypad => Self::Keypad,
        }
    }
}
