//! What the latest planning step said of a campaign: one small row, for whoever asks how it goes and for
//! the next step. Nothing exact hangs on it: whoever writes it last is right.

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::{CampaignId, Outcome, Rule, TenantId};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::table::keys;
use crate::table::{Table, to_item};

/// What a step found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlanNote {
    pub at: Timestamp,
    /// Due leads that were looked at and not dialled, by the rule that held them.
    pub held: BTreeMap<Rule, u32>,
    /// Calls that were claimed.
    pub dials: u32,
    pub lanes_open: u32,
    pub lanes_closed: u32,
    /// When the next closed lane opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_opening: Option<Timestamp>,
    /// When time alone may allow more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wake_at: Option<Timestamp>,
    /// Ended calls by outcome that are in `recent` already, or were.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub seen: BTreeMap<Outcome, u64>,
    /// The latest ended calls, newest first: what the circuit breaker looks at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recent: Vec<RecentCall>,
}

/// An ended call, as the circuit breaker sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentCall {
    #[serde(rename = "o")]
    pub outcome: Outcome,
    /// When a step saw it: at most as much later than its end as steps are apart.
    #[serde(rename = "t")]
    pub at: Timestamp,
}

/// The plan rows.
#[derive(Debug, Clone)]
pub struct Plans {
    table: Table,
}

impl Plans {
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// What the latest step said of a campaign; `None` before the first one.
    ///
    /// # Errors
    /// When storage cannot be reached or the row cannot be read.
    pub async fn get(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
    ) -> Result<Option<PlanNote>, StoreError> {
        self.table.read(&keys::plan(tenant, campaign), "plan").await
    }

    /// Writes what a step said.
    ///
    /// # Errors
    /// When storage cannot be reached.
    pub async fn put(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        note: &PlanNote,
    ) -> Result<(), StoreError> {
        let item = to_item(&keys::plan(tenant, campaign), None, note, "plan")?;
        let write = self.table.put(item)?;
        self.table.transact(vec![write]).await.map(|_done| ())
    }

    /// Removes the row of a campaign that is gone.
    ///
    /// # Errors
    /// When storage cannot be reached.
    pub async fn remove(&self, tenant: TenantId, campaign: CampaignId) -> Result<(), StoreError> {
        let write = self.table.delete(&keys::plan(tenant, campaign))?;
        self.table.transact(vec![write]).await.map(|_done| ())
    }
}
