//! Leads: a contact's row in one campaign, and the contact's number across campaigns.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    ApiKeyId, CallId, CampaignId, ImportId, Lane, LeadId, Outcome, PhoneNumber, Variables,
};

/// The most numbers that a lead has besides its own: two phones at home, two at work.
pub const ALTERNATES_MAX: usize = 4;

/// A contact's row in one campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lead {
    pub id: LeadId,
    pub campaign_id: CampaignId,
    pub number: PhoneNumber,
    /// What decides when the number may be called.
    pub lane: Lane,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: Variables,
    #[serde(default)]
    pub priority: LeadPriority,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
    #[serde(flatten)]
    pub state: LeadState,
    /// Attempts that count: those that reached the carrier and were not our own fault.
    #[serde(default)]
    pub attempts: u32,
    /// Attempts in a row that came to nothing by our own or the carrier's fault.
    #[serde(default)]
    pub faults: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_call_id: Option<CallId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_attempt_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_outcome: Option<Outcome>,
    /// The import that brought it; absent for one that was added by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import_id: Option<ImportId>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Where a lead stands. Every lead of a running campaign waits with a due time, is being called, or
/// is done (promise P2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum LeadState {
    /// To be called from then on, when its lane is open.
    Waiting { due_at: Timestamp },
    /// A call has it, from the claim to the call's end.
    Calling { call_id: CallId },
    /// Not called again in this campaign.
    Done {
        result: LeadResult,
        done_at: Timestamp,
    },
}

/// What came of a lead in the end: closed vocabulary, stable codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LeadResult {
    /// Somebody answered and was talked to.
    Reached,
    /// The campaign's message was left on a mailbox, and that is all the campaign wants.
    VoicemailLeft,
    /// They asked not to be called again, in this campaign.
    OptedOut,
    /// On the suppression list, or put there by another campaign, text or upload.
    Suppressed,
    /// The number does not exist, cannot be reached, or is a fax.
    Unreachable,
    /// All attempts were made and nobody was reached.
    Exhausted,
    /// No rule allows calling it before the campaign ends, or consent is missing.
    NotAllowed,
    /// Our or the carrier's faults used up all tries.
    Failed,
    /// The campaign was cancelled first.
    Cancelled,
}

/// Which of several due leads goes first.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LeadPriority {
    High,
    #[default]
    Normal,
    Low,
}

/// What a lead agreed to, when and where, as the list says.
// docs/protocols/calling-compliance.md#consent
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Consent {
    pub kind: ConsentKind,
    #[serde(default)]
    pub at: Option<Timestamp>,
    /// Where it was given: a form, a page, a call.
    #[serde(default)]
    pub source: Option<String>,
}

/// How strong a consent is, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConsentKind {
    /// Prior express consent: enough for informational calls.
    Express,
    /// Prior express written consent: what sales calls with an artificial voice need in the US.
    Written,
}

/// What is known of a number across all campaigns of a tenant: what frequency caps and suppression
/// are decided on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppression: Option<Suppression>,
    /// Attempts of the last 30 days, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// When and why it was taken off the suppression list, the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<Release>,
    /// Rises with each change of the row.
    #[serde(default)]
    pub version: u64,
}

/// The end of a suppression, with whose word it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    pub at: Timestamp,
    /// Why, in a user's words.
    pub reason: String,
    /// The API key that did it.
    pub by: ApiKeyId,
    /// What it ended.
    pub was: Suppression,
}

/// One attempt to reach a number, in any campaign or by a single call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub call_id: CallId,
    /// When the carrier was asked.
    pub at: Timestamp,
    /// How it ended; absent while the call lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Somebody or something picked up.
    #[serde(default)]
    pub answered: bool,
}

/// Why a number must not be called or texted, since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    pub reason: SuppressionReason,
    pub at: Timestamp,
    /// A user's note, or the file it came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The call in which it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<CallId>,
}

/// How a suppression came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SuppressionReason {
    /// Asked for in a call, by words.
    Spoken,
    /// Asked for in a call, by a key.
    Keypad,
    /// A user put it there.
    Manual,
    /// It came with an uploaded list.
    Upload,
}

/// How many leads of a campaign are in each state. Changed with the leads, so it always adds up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadCounts {
    pub waiting: u64,
    pub calling: u64,
    /// By result; one that is missing is zero.
    pub done: BTreeMap<LeadResult, u64>,
    /// Ended calls of the campaign by outcome; one that is missing is zero.
    pub calls: BTreeMap<Outcome, u64>,
}

impl LeadCounts {
    /// All leads.
    #[must_use]
    pub fn total(&self) -> u64 {
        let done: u64 = self.done.values().sum();
        self.waiting
            .saturating_add(self.calling)
            .saturating_add(done)
    }

    /// Adds another part of the same campaign.
    pub fn add(&mut self, other: &Self) {
        self.waiting = self.waiting.saturating_add(other.waiting);
        self.calling = self.calling.saturating_add(other.calling);
        for (result, number) in &other.done {
            let sum = self.done.entry(*result).or_default();
            *sum = sum.saturating_add(*number);
        }
        for (outcome, number) in &other.calls {
            let sum = self.calls.entry(*outcome).or_default();
            *sum = sum.saturating_add(*number);
        }
    }
}

impl SuppressionReason {
    /// The stable code, as in the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Spoken => "spoken",
            Self::Keypad => "keypad",
            Self::Manual => "manual",
            Self::Upload => "upload",
        }
    }
}

impl LeadResult {
    /// Every result, in the order of the documentation.
    pub const ALL: [Self; 9] = [
        Self::Reached,
        Self::VoicemailLeft,
        Self::OptedOut,
        Self::Suppressed,
        Self::Unreachable,
        Self::Exhausted,
        Self::NotAllowed,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The stable code, as in the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::VoicemailLeft => "voicemail_left",
            Self::OptedOut => "opted_out",
            Self::Suppressed => "suppressed",
            Self::Unreachable => "unreachable",
            Self::Exhausted => "exhausted",
            Self::NotAllowed => "not_allowed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_what_is_stored() {
        for result in LeadResult::ALL {
            let stored = serde_json::to_string(&result).unwrap();
            assert_eq!(stored, format!("\"{}\"", result.code()));
        }
    }
}
