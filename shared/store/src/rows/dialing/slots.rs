//! Slots: numbered rows, one for each call that is on its way or on, by whose limit it counts in.
//!
//! A scope has as many slots as calls are allowed in it at once. A slot is taken by putting its row
//! where there is none, in the transaction that writes the claimed call, and given back by deleting it
//! in the transaction that ends the call. So a limit holds under any number of parallel functions, a
//! slot comes back exactly once, and no counter is hot. The account's rows are the list of all calls
//! on their way or on: what the sweeper walks.
//!
//! A limit that was lowered holds for new calls at once: only the lowest free numbers are given out,
//! as many as are left below the limit when every row counts, also those above it.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use model::{CallId, CampaignId, TenantId};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::table::keys::{self, Key, Scope};
use crate::table::{Range, Table, Transacted, Write, from_item, to_item};

/// The most slots of one scope: what their rows take to read stays below two megabytes.
pub const SLOTS_MAX: u32 = 10_000;

/// The slots that a call holds, kept on its row: whoever ends the call gives them back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotsHeld {
    /// The account at the carrier that the call counts in.
    pub account: String,
    pub account_slot: u32,
    pub tenant_slot: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign_slot: Option<u32>,
}

/// A taken slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotRow {
    /// The slot's number, below the limit that held when it was taken.
    #[serde(skip)]
    pub number: u32,
    pub call_id: CallId,
    pub tenant_id: TenantId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign_id: Option<CampaignId>,
    /// When it was taken.
    pub since: Timestamp,
    /// When the call is to be placed at the earliest.
    pub not_before: Timestamp,
}

/// The slot rows.
#[derive(Debug, Clone)]
pub struct Slots {
    table: Table,
}

#[derive(Deserialize)]
struct StoredSlot {
    sk: String,
    #[serde(flatten)]
    row: SlotRow,
}

impl Slots {
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Every taken slot of a scope, by number.
    ///
    /// # Errors
    /// When storage cannot be reached or a row cannot be read.
    pub async fn live(&self, scope: Scope<'_>) -> Result<Vec<SlotRow>, StoreError> {
        let found = self
            .table
            .all_of(&keys::slots_of(scope), Range::All)
            .await?;
        found
            .into_iter()
            .map(|item| {
                let stored: StoredSlot = from_item(item, "slot")?;
                let number = stored.sk.parse().map_err(StoreError::malformed("slot"))?;
                Ok(SlotRow {
                    number,
                    ..stored.row
                })
            })
            .collect()
    }

    /// Gives back every slot that a call holds, looking for them: of a call that is over, and should hold
    /// none. Answers how many there were.
    ///
    /// # Errors
    /// When storage cannot be reached.
    pub async fn reclaim(
        &self,
        account: &str,
        tenant: TenantId,
        campaign: Option<CampaignId>,
        call: CallId,
    ) -> Result<u32, StoreError> {
        let campaign = campaign.map(|campaign| Scope::Campaign(tenant, campaign));
        let scopes = [Scope::Account(account), Scope::Tenant(tenant)];
        let mut given_back = 0;
        for scope in scopes.into_iter().chain(campaign) {
            for slot in self.live(scope).await? {
                if slot.call_id != call {
                    continue;
                }
                let write = release(&self.table, &keys::slot(scope, slot.number), call)?;
                match self.table.transact(vec![write]).await? {
                    Transacted::Done => given_back += 1,
                    Transacted::Refused(_) => {}
                }
            }
        }
        Ok(given_back)
    }

    /// The writes that take the slots, for the transaction that writes the call: the account's first,
    /// then the tenant's, then the campaign's.
    pub(crate) fn take(
        table: &Table,
        held: &SlotsHeld,
        row: &SlotRow,
    ) -> Result<Vec<Write>, StoreError> {
        let keys = held.keys(row.tenant_id, row.campaign_id);
        let items = keys.iter().map(|key| to_item(key, None, row, "slot"));
        items.map(|item| table.new_row(item?)).collect()
    }

    /// The writes that give the slots back, for the transaction that ends the call: refused unless
    /// the call holds all of them.
    pub(crate) fn give_back(
        table: &Table,
        tenant: TenantId,
        campaign: Option<CampaignId>,
        held: &SlotsHeld,
        call: CallId,
    ) -> Result<Vec<Write>, StoreError> {
        let keys = held.keys(tenant, campaign);
        keys.iter().map(|key| release(table, key, call)).collect()
    }
}

/// The numbers that may be taken now: the lowest free ones, as many as the limit leaves.
#[must_use]
pub fn free_numbers(live: &[SlotRow], limit: u32) -> Vec<u32> {
    let taken: BTreeSet<u32> = live.iter().map(|slot| slot.number).collect();
    let left = usize::try_from(limit)
        .unwrap_or(usize::MAX)
        .saturating_sub(taken.len());
    (0..limit)
        .filter(|number| !taken.contains(number))
        .take(left)
        .collect()
}

impl SlotsHeld {
    fn keys(&self, tenant: TenantId, campaign: Option<CampaignId>) -> Vec<Key> {
        let mut keys = vec![
            keys::slot(Scope::Account(&self.account), self.account_slot),
            keys::slot(Scope::Tenant(tenant), self.tenant_slot),
        ];
        if let (Some(campaign), Some(number)) = (campaign, self.campaign_slot) {
            keys.push(keys::slot(Scope::Campaign(tenant, campaign), number));
        }
        keys
    }
}

fn release(table: &Table, key: &Key, call: CallId) -> Result<Write, StoreError> {
    table.delete_if(
        key,
        "call_id = :call",
        HashMap::new(),
        HashMap::from([(":call".to_owned(), AttributeValue::S(call.to_string()))]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(numbers: &[u32]) -> Vec<SlotRow> {
        let row = |number: &u32| SlotRow {
            number: *number,
            call_id: CallId::from_parts(0, u128::from(*number)),
            tenant_id: TenantId::from_parts(0, 0),
            campaign_id: None,
            since: Timestamp::UNIX_EPOCH,
            not_before: Timestamp::UNIX_EPOCH,
        };
        numbers.iter().map(row).collect()
    }

    #[test]
    fn a_lowered_limit_counts_the_slots_above_it() {
        for (live, limit, free) in [
            (&[][..], 3, &[0, 1, 2][..]),
            (&[1], 3, &[0, 2]),
            (&[0, 1, 2], 3, &[]),
            // Lowered from 10: only what is left below the limit, in the lowest places.
            (&[7, 8, 9], 5, &[0, 1]),
            (&[3, 7, 8, 9], 5, &[0]),
            (&[5, 6, 7, 8, 9], 5, &[]),
            (&[5, 6, 7, 8, 9], 2, &[]),
            (&[4], 0, &[]),
        ] {
            assert_eq!(
                free_numbers(&taken(live), limit),
                free,
                "{live:?} of {limit}"
            );
        }
    }
}
