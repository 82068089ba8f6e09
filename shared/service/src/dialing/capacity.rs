//! Which slots are free: what a new outbound call counts in, at the carrier's account, its tenant and
//! its campaign.
//!
//! What is free here may be taken a moment later: the transaction that writes the call decides.

use model::{CampaignId, TenantId};
use settings::Dialing;
use store::{Scope, SlotRow, Slots, SlotsHeld, StoreError, free_numbers};

/// The slots as they are given out.
#[derive(Debug, Clone)]
pub(crate) struct Capacity {
    pub(crate) slots: Slots,
    /// The account at the carrier.
    pub(crate) account: String,
    pub(crate) dialing: Dialing,
}

/// Free numbers of one scope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Free(Vec<u32>);

impl Capacity {
    /// Every call on its way or on at the account, by slot.
    pub(crate) async fn live(&self) -> Result<Vec<SlotRow>, StoreError> {
        self.slots.live(Scope::Account(&self.account)).await
    }

    pub(crate) async fn of_account(&self) -> Result<Free, StoreError> {
        let live = self.live().await?;
        Ok(self.left_of(&live))
    }

    /// What is free of the account, when these are taken.
    pub(crate) fn left_of(&self, live: &[SlotRow]) -> Free {
        Free(free_numbers(live, self.dialing.carrier_calls_max))
    }

    pub(crate) async fn of_tenant(&self, tenant: TenantId) -> Result<Free, StoreError> {
        let live = self.slots.live(Scope::Tenant(tenant)).await?;
        Ok(Free(free_numbers(&live, self.dialing.tenant_calls_max)))
    }

    pub(crate) async fn of_campaign(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        most: u32,
    ) -> Result<Free, StoreError> {
        let live = self.slots.live(Scope::Campaign(tenant, campaign)).await?;
        Ok(Free(free_numbers(&live, most)))
    }

    pub(crate) fn held(&self, account: u32, tenant: u32, campaign: Option<u32>) -> SlotsHeld {
        SlotsHeld {
            account: self.account.clone(),
            account_slot: account,
            tenant_slot: tenant,
            campaign_slot: campaign,
        }
    }
}

impl Free {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Any one of them, so that two functions seldom choose the same; it is not given out again.
    pub(crate) fn draw(&mut self, chance: u128) -> Option<u32> {
        let len = u128::try_from(self.0.len()).unwrap_or(u128::MAX);
        let place = usize::try_from(chance.checked_rem(len)?).ok()?;
        Some(self.0.swap_remove(place))
    }

    /// One that was drawn and not taken.
    pub(crate) fn put_back(&mut self, number: u32) {
        self.0.push(number);
    }
}
