//! A call as it is stored: one attempt to talk, in states that only move forward.

pub(crate) mod amd;
pub(crate) mod checkpoint;
pub(crate) mod line;
pub(crate) mod outcome;
pub(crate) mod snapshot;
pub(crate) mod turn;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    AgentId, AmdResult, AnsweredBy, CallId, CallKind, CampaignId, CarrierVerdict, Consent, LeadId,
    LineReport, Outcome, Permit, PhoneNumber, TenantId, TraceId,
};

/// One attempt to talk, known by our id before the carrier knows of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    pub id: CallId,
    pub tenant_id: TenantId,
    /// Absent where a call to one of our numbers was rejected because no agent answers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<AgentId>,
    pub direction: Direction,
    /// The number that is called.
    pub to: PhoneNumber,
    /// The number that calls.
    pub from: PhoneNumber,
    pub state: CallState,
    pub created_at: Timestamp,
    /// The carrier's id of the call, known from `placed` on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier_call_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placed_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Seconds from answer to end, as the carrier counts them for its bill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier_duration_seconds: Option<u32>,
    /// The carrier's verdict on who or what answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier_verdict: Option<CarrierVerdict>,
    /// How long that took, by the carrier's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detection_ms: Option<u32>,
    /// What the session found out about who answered, and did about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<AmdResult>,
    /// What the line was like, by session in order. The latest session notes here what it finds while it is on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub line: Vec<LineReport>,
    /// How the call ended. Present exactly when the state is `ended`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Why a call to one of our numbers was not taken. Present exactly when the outcome is `rejected`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected_because: Option<RejectedBecause>,
    /// A call to one of our numbers is recorded, and its customer is told so first.
    #[serde(default, skip_serializing_if = "is_false")]
    pub records_inbound: bool,
    /// What happened to the recording so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<RecordingState>,
    /// The campaign and lead that it is an attempt for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign_id: Option<CampaignId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead_id: Option<LeadId>,
    /// What it is for; absent where a customer called us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<CallKind>,
    /// What the person has agreed to, of a single call; for a campaign's the lead says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
    /// Which attempt for that lead it is, from 1. One that came to nothing and was not counted leaves its number to
    /// the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The lead that somebody who calls us is known as: whose variables the agent has. The call is no attempt for
    /// it, and changes nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_as: Option<KnownLead>,
    /// Why it was, or was not, placed: decided at the moment of dialling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permit: Option<Permit>,
    /// The trace of the request that began it; absent, nobody asked for this very call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
}

impl Call {
    /// The trace that everything about the call belongs to.
    #[must_use]
    pub fn trace(&self) -> TraceId {
        self.trace_id.unwrap_or_else(|| TraceId::of_call(self.id))
    }

    /// What the line was like over all sessions; absent, nobody measured it yet.
    #[must_use]
    pub fn line(&self) -> Option<LineReport> {
        self.line.iter().copied().reduce(LineReport::and)
    }

    /// Who or what answered, as it was taken in the end. What the session acted on says more than the
    /// carrier's word.
    #[must_use]
    pub fn answered_by(&self) -> AnsweredBy {
        let class = self.answer.map(|answer| answer.class).unwrap_or_default();
        if class != AnsweredBy::Unknown {
            return class;
        }
        match self.outcome {
            Some(Outcome::Screened) => AnsweredBy::Screening,
            Some(Outcome::Fax) => AnsweredBy::Fax,
            Some(Outcome::Voicemail | Outcome::VoicemailLeft) => AnsweredBy::Machine,
            Some(_) | None => self
                .carrier_verdict
                .map(AnsweredBy::from)
                .unwrap_or_default(),
        }
    }
}

/// A lead, by its campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct KnownLead {
    pub campaign_id: CampaignId,
    pub lead_id: LeadId,
}

/// Why a call to one of our numbers was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RejectedBecause {
    /// The number is archived.
    NumberArchived,
    /// The number has no agent.
    NoAgent,
    /// Its agent is gone or archived, or its prompt is gone or too long.
    AgentUnfit,
    /// The agent's prompt needs a variable that has no default, and that nobody knows of who calls.
    MissingVariables,
}

impl RejectedBecause {
    pub const ALL: [Self; 4] = [
        Self::NumberArchived,
        Self::NoAgent,
        Self::AgentUnfit,
        Self::MissingVariables,
    ];

    /// The stable code, as in the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NumberArchived => "number_archived",
            Self::NoAgent => "no_agent",
            Self::AgentUnfit => "agent_unfit",
            Self::MissingVariables => "missing_variables",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Outbound,
    Inbound,
}

/// How far a call is. States only move forward; a later state that arrives first is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// Written, with everything needed to place it. Nobody has been asked to ring yet.
    Claimed,
    /// The one request to the carrier is being made, or was made and its answer is not known.
    Placing,
    /// The carrier accepted the request and gave its id.
    Placed,
    Ringing,
    /// Somebody or something picked up.
    Answered,
    Ended,
}

impl CallState {
    /// Every state, in order.
    pub const ALL: [Self; 6] = [
        Self::Claimed,
        Self::Placing,
        Self::Placed,
        Self::Ringing,
        Self::Answered,
        Self::Ended,
    ];

    /// The stable code, as in the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Placing => "placing",
            Self::Placed => "placed",
            Self::Ringing => "ringing",
            Self::Answered => "answered",
            Self::Ended => "ended",
        }
    }

    /// Place in the order, from 0: what conditional writes compare.
    #[must_use]
    pub const fn rank(self) -> u8 {
        match self {
            Self::Claimed => 0,
            Self::Placing => 1,
            Self::Placed => 2,
            Self::Ringing => 3,
            Self::Answered => 4,
            Self::Ended => 5,
        }
    }
}

/// The life of a recording. Each step is reached only after the one before it is proven (P11).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RecordingState {
    /// The carrier says that the recording is ready to fetch.
    Ready {
        carrier_recording_id: String,
        /// How long it is, as the carrier says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        duration_seconds: Option<u32>,
    },
    /// The copy in our bucket has the length and the checksum of what the carrier sent.
    Stored {
        carrier_recording_id: String,
        object_key: String,
        bytes: u64,
        /// Lower-case hex.
        sha256: String,
        /// How long it is: as it came, or where its file does not say it, as the carrier does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        duration_seconds: Option<u32>,
        stored_at: Timestamp,
    },
    /// The carrier's copy is gone; ours is the only one.
    Kept {
        carrier_recording_id: String,
        object_key: String,
        bytes: u64,
        sha256: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        duration_seconds: Option<u32>,
        stored_at: Timestamp,
        carrier_copy_deleted_at: Timestamp,
    },
    /// The carrier has no recording.
    Absent {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        carrier_recording_id: Option<String>,
        #[serde(default)]
        because: AbsentBecause,
    },
}

/// Why there is no recording of a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AbsentBecause {
    /// Nobody answered, or nothing was said.
    #[default]
    NothingRecorded,
    /// The carrier could not record.
    Failed,
    /// Somebody deleted it at the carrier before it was copied.
    Deleted,
    /// The carrier knows of none.
    NotMade,
}

/// Why a recording is left at the carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LeftBecause {
    /// No call of this installation is known that it could be of.
    NotOurs,
    /// Of a call that had another recording, which is the one that is kept.
    AnotherRecording,
    /// It was copied, and the copy is not in the bucket any more, or not whole.
    CopyMissing,
    /// The carrier says that nothing was recorded.
    NothingRecorded,
    /// The carrier did not delete it.
    NotDeleted,
}

impl LeftBecause {
    /// The stable code, as in the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotOurs => "not_ours",
            Self::AnotherRecording => "another_recording",
            Self::CopyMissing => "copy_missing",
            Self::NothingRecorded => "nothing_recorded",
            Self::NotDeleted => "not_deleted",
        }
    }
}

impl AbsentBecause {
    /// The stable code, as in the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NothingRecorded => "nothing_recorded",
            Self::Failed => "failed",
            Self::Deleted => "deleted",
            Self::NotMade => "not_made",
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out references"
)]
const fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_a_rejection_is_what_is_stored() {
        for because in RejectedBecause::ALL {
            let stored = serde_json::to_string(&because).unwrap();
            assert_eq!(stored, format!("\"{}\"", because.code()));
        }
    }

    #[test]
    fn ranks_follow_the_order_of_states_and_codes_are_what_is_stored() {
        for (rank, state) in CallState::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(state.rank()), rank);
            let stored = serde_json::to_string(&state).unwrap();
            assert_eq!(stored, format!("\"{}\"", state.code()));
        }
        assert!(CallState::ALL.is_sorted());
    }
}
