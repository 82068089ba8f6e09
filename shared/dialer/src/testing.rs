//! Campaigns and leads for the tests of this crate.

use jiff::Timestamp;
use model::{Campaign, CampaignFields, CampaignId, CampaignState, TenantId};

/// A running campaign with these fields.
pub(crate) fn campaign(fields: CampaignFields) -> Campaign {
    Campaign {
        id: CampaignId::from_parts(1_700_000_000_000, 1),
        tenant_id: TenantId::from_parts(1_700_000_000_000, 1),
        state: CampaignState::Running,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        revision: 1,
        running_since: Some(Timestamp::UNIX_EPOCH),
        ended_at: None,
        fields,
    }
}
