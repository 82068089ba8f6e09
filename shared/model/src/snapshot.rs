//! Everything a media session needs of the control plane, in one item and so in one read.

use serde::{Deserialize, Serialize};

use crate::{AgentFields, AgentId, CallId, Direction, RenderedPrompt, TenantId};

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
}
