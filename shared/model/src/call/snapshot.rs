//! Everything a media session needs of the control plane, in one item and so in one read.

use serde::{Deserialize, Serialize};

use crate::{
    AgentFields, AgentId, AmdMode, AmdThresholds, CallId, CampaignFields, CampaignId, Direction,
    LeadId, MachineAction, OptOut, RenderedPrompt, TenantId, TraceId,
};

/// What a call is held with, fixed when the call is created: later edits of the agent or the prompt
/// do not change a call that is already on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallSnapshot {
    pub tenant_id: TenantId,
    pub call_id: CallId,
    pub direction: Direction,
    pub agent_id: AgentId,
    pub agent: AgentFields,
    pub prompt: RenderedPrompt,
    /// The campaign and lead that it is an attempt for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign_id: Option<CampaignId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead_id: Option<LeadId>,
    /// What is said first, and whole, of a call to one of our numbers that is recorded: recording begins with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    #[serde(default)]
    pub answering: AmdPolicy,
    /// The trace of the request that began it; absent, nobody asked for this very call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
}

impl CallSnapshot {
    /// The trace that everything about the call belongs to.
    #[must_use]
    pub fn trace(&self) -> TraceId {
        self.trace_id
            .unwrap_or_else(|| TraceId::of_call(self.call_id))
    }
}

/// What an outbound call does about machines, screening and people who want no more calls. Texts have
/// their variables filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AmdPolicy {
    pub detect: AmdMode,
    pub machine: MachineAction,
    #[serde(skip_serializing_if = "is_default")]
    pub thresholds: AmdThresholds,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voicemail_message: Option<String>,
    /// Who calls and why, for a call screening service; absent: a sentence in the agent's language of the
    /// next two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub screening_answer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// The key that opts out; words always do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opt_out_key: Option<char>,
    /// What is said to somebody who opted out; absent: a sentence in the agent's language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opt_out_acknowledgement: Option<String>,
}

impl AmdPolicy {
    /// For a single call, as its agent says.
    #[must_use]
    pub fn of_agent(agent: &AgentFields) -> Self {
        Self {
            detect: agent.amd.detect,
            machine: agent.amd.machine.into(),
            // Somebody who heard of it in an earlier call presses it in this one.
            opt_out_key: OptOut::default().key,
            ..Self::default()
        }
    }

    /// For a call of a campaign; `fill` puts the lead's variables into a text.
    ///
    /// # Errors
    /// What `fill` says.
    pub fn of_campaign<E>(
        campaign: &CampaignFields,
        fill: impl Fn(&str) -> Result<String, E>,
    ) -> Result<Self, E> {
        let filled = |text: &Option<String>| text.as_deref().map(&fill).transpose();
        Ok(Self {
            detect: campaign.amd.detect,
            machine: campaign.amd.machine,
            thresholds: campaign.amd.thresholds(),
            voicemail_message: filled(&campaign.amd.voicemail_message)?,
            screening_answer: filled(&campaign.amd.screening_answer)?,
            business_name: campaign.disclosure.business_name.clone(),
            purpose: filled(&campaign.disclosure.purpose)?,
            opt_out_key: campaign.opt_out.key,
            opt_out_acknowledgement: filled(&campaign.opt_out.acknowledgement)?,
        })
    }
}

fn is_default(thresholds: &AmdThresholds) -> bool {
    *thresholds == AmdThresholds::default()
}
