//! Lists of a campaign's leads: the shards one after the other, by id, with a filter.

use model::{CampaignId, ImportId, LeadId, LeadResult, Outcome, TenantId};

use aws_sdk_dynamodb::types::AttributeValue;

use crate::rows::campaign::leads::{LeadRow, Leads};
use crate::table::keys::{self, LEAD_SHARDS};
use crate::table::{Query, Range, from_item};
use crate::{StoreError, schema};

/// Rows that are looked at for one page, so that a filter that few pass does not make a request that
/// takes minutes. A page that meets it is short, or empty, and has a cursor.
const ROWS_LOOKED_AT_MAX: u32 = 5_000;

/// Which leads are wanted; what is absent does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeadFilter {
    /// `waiting`, `calling` or `done`.
    pub state: Option<&'static str>,
    pub result: Option<LeadResult>,
    pub last_outcome: Option<Outcome>,
    pub import: Option<ImportId>,
}

/// Leads, and where to go on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeadPage {
    pub items: Vec<LeadRow>,
    /// The last lead that was looked at, if more may follow: what the next page is asked with.
    pub next: Option<LeadId>,
}

impl Leads {
    /// Leads that pass the filter, in a fixed order, after a lead.
    ///
    /// # Errors
    /// When storage cannot be reached or a row cannot be read.
    pub async fn list(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        filter: &LeadFilter,
        after: Option<LeadId>,
        limit: u32,
    ) -> Result<LeadPage, StoreError> {
        let mut page = LeadPage::default();
        let mut looked_at = 0_u32;
        let mut after = after;
        for shard in after.map_or(0, keys::lead_shard)..LEAD_SHARDS {
            let partition = keys::lead_partition(tenant, campaign, shard);
            loop {
                let found = u32::try_from(page.items.len()).unwrap_or(u32::MAX);
                let left = limit.saturating_sub(found);
                let may_look = ROWS_LOOKED_AT_MAX.saturating_sub(looked_at);
                if left == 0 || may_look == 0 {
                    page.next = after;
                    return Ok(page);
                }
                let last = after.map(|lead| lead.to_string());
                let range = match (&last, after) {
                    (Some(last), Some(lead)) if keys::lead_shard(lead) == shard => {
                        Range::After(last)
                    }
                    (Some(_) | None, Some(_) | None) => Range::All,
                };
                // Without a filter every row that is looked at is one of the page.
                let look = if filter.is_none() { left } else { may_look };
                let mut ask = Query::new(&partition, range, look.min(may_look));
                filter.write(&mut ask);
                let read = self.table.query(ask).await?;
                looked_at = looked_at.saturating_add(read.looked_at);
                let mut more = read.last.is_some();
                let mut seen = read.last.map(|key| last_lead(&key)).transpose()?;
                for item in read.items {
                    if u32::try_from(page.items.len()).unwrap_or(u32::MAX) == limit {
                        // The filter passed more than fit: the next page begins after the last that did.
                        seen = None;
                        more = true;
                        break;
                    }
                    page.items.push(from_item(item, "lead")?);
                }
                if more {
                    after = seen.or_else(|| page.items.last().map(|row| row.lead.id));
                } else {
                    after = Some(keys::end_of_lead_shard(shard));
                    break;
                }
            }
        }
        Ok(page)
    }
}

impl LeadFilter {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }

    fn write(&self, ask: &mut Query<'_>) {
        let wanted = [
            ("state", self.state.map(str::to_owned)),
            ("result", self.result.map(|result| result.code().to_owned())),
            (
                "last_outcome",
                self.last_outcome.map(|outcome| outcome.code().to_owned()),
            ),
            ("import_id", self.import.map(|import| import.to_string())),
        ];
        let mut conditions = Vec::new();
        for (name, value) in wanted {
            if let Some(value) = value {
                conditions.push(format!("#{name} = :{name}"));
                ask.names.insert(format!("#{name}"), name.to_owned());
                ask.values
                    .insert(format!(":{name}"), AttributeValue::S(value));
            }
        }
        ask.filter = (!conditions.is_empty()).then(|| conditions.join(" AND "));
    }
}

fn last_lead(key: &crate::table::Item) -> Result<LeadId, StoreError> {
    let id = key.get(schema::SK).and_then(|value| value.as_s().ok());
    id.map_or("", String::as_str)
        .parse()
        .map_err(StoreError::malformed("lead"))
}
