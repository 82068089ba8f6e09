//! Changes that others hear of. Each is stored in the same transaction as the change itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    CallId, CallState, CampaignId, CampaignState, CarrierVerdict, EventId, ImportId, Outcome,
    Speaker, TenantId,
};

/// One change, delivered at least once; consumers are idempotent by `id`.
///
/// An event names what changed and carries no personal data: no number, no words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainEvent {
    pub id: EventId,
    pub tenant_id: TenantId,
    pub at: Timestamp,
    #[serde(flatten)]
    pub kind: EventKind,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventKind {
    /// The call reached a state before its end.
    CallAdvanced {
        call_id: CallId,
        state: CallState,
    },
    CallAnsweredBy {
        call_id: CallId,
        answered_by: CarrierVerdict,
    },
    CallEnded {
        call_id: CallId,
        outcome: Outcome,
    },
    /// A turn is in the transcript.
    TurnStored {
        call_id: CallId,
        seq: u32,
        speaker: Speaker,
        interrupted: bool,
    },
    RecordingStored {
        call_id: CallId,
        bytes: u64,
    },
    RecordingKept {
        call_id: CallId,
    },
    /// A campaign changed its state or its rules.
    CampaignChanged {
        campaign_id: CampaignId,
        state: CampaignState,
    },
    /// An import brought leads, or took them away.
    ImportAdvanced {
        import_id: ImportId,
        campaign_id: CampaignId,
    },
    /// Somebody is not to be called any more.
    NumberSuppressed {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call_id: Option<CallId>,
    },
}

impl EventKind {
    /// The millisecond in the id of what changed: events of one thing share it, and so a shard, and are
    /// read in order. `None` where nothing needs an order.
    #[must_use]
    pub fn subject_ms(&self) -> Option<u64> {
        match self {
            Self::CallAdvanced { call_id, .. }
            | Self::CallAnsweredBy { call_id, .. }
            | Self::CallEnded { call_id, .. }
            | Self::TurnStored { call_id, .. }
            | Self::RecordingStored { call_id, .. }
            | Self::RecordingKept { call_id } => Some(call_id.unix_ms()),
            Self::CampaignChanged { campaign_id, .. }
            | Self::ImportAdvanced { campaign_id, .. } => Some(campaign_id.unix_ms()),
            Self::NumberSuppressed { call_id } => call_id.map(CallId::unix_ms),
        }
    }
}
