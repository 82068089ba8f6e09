//! Labels: what users say picked up a call, against what the machine said.

use jiff::Timestamp;
use model::{ApiKeyId, CallId, CampaignId, TenantId};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::table::keys::{self, IndexKey};
use crate::table::{Query, Range, Table, Transacted, from_item, to_item};

/// What a user says picked up a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    pub call_id: CallId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign_id: Option<CampaignId>,
    /// What picked up: `human`, `machine`, `fax`, `screening`.
    pub answered_by: String,
    /// What detection had said when the label was given, in the same words, or `unknown`.
    pub verdict: String,
    pub at: Timestamp,
    /// The API key that gave it.
    pub by: ApiKeyId,
}

/// The label rows.
#[derive(Debug, Clone)]
pub struct Labels {
    table: Table,
}

impl Labels {
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Labels a call; a later label replaces an earlier one.
    ///
    /// # Errors
    /// When storage cannot be reached.
    pub async fn put(&self, tenant: TenantId, label: &Label) -> Result<(), StoreError> {
        let key = keys::label(tenant, label.call_id);
        let index = label.campaign_id.map(|campaign| IndexKey {
            pk: keys::labels_of(tenant, campaign),
            sk: label.call_id.to_string(),
        });
        let put = self
            .table
            .put(to_item(&key, index.as_ref(), label, "label")?)?;
        match self.table.transact(vec![put]).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused(_) => Err(StoreError::Conflict),
        }
    }

    /// A call's label.
    ///
    /// # Errors
    /// When storage cannot be reached or the row cannot be read.
    pub async fn get(&self, tenant: TenantId, call: CallId) -> Result<Option<Label>, StoreError> {
        self.table.read(&keys::label(tenant, call), "label").await
    }

    /// Labels of a campaign's calls, oldest call first, up to `limit`.
    ///
    /// # Errors
    /// When storage cannot be reached or a row cannot be read.
    pub async fn of_campaign(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        limit: usize,
    ) -> Result<Vec<Label>, StoreError> {
        let partition = keys::labels_of(tenant, campaign);
        let mut labels = Vec::new();
        let mut start = None;
        while labels.len() < limit {
            let left = u32::try_from(limit - labels.len()).unwrap_or(u32::MAX);
            let mut ask = Query::new(&partition, Range::All, left);
            ask.by_index = true;
            ask.start = start;
            let found = self.table.query(ask).await?;
            for item in found.items {
                labels.push(from_item(item, "label")?);
            }
            start = found.last;
            if start.is_none() {
                break;
            }
        }
        Ok(labels)
    }
}
