//! Lists of a campaign's leads: the shards one after the other, by id, with a filter.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use model::{CampaignId, ImportId, LaneId, LeadId, LeadResult, Outcome, Rule, TenantId};

use crate::rows::campaign::leads::{LeadRow, Leads};
use crate::table::conditions::Conditions;
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
    pub attempts_min: Option<u32>,
    pub attempts_max: Option<u32>,
    pub held: Option<HeldFilter>,
}

/// Leads that a rule holds back: those whose row names it, and those of which it is known without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldFilter {
    pub rule: Rule,
    /// Leads that wait in one of these lanes pass too. A filter names [`LANES_NAMED_MAX`] at most: leads of the
    /// others are found by what their rows say.
    pub lanes: Vec<LaneId>,
    /// All leads that wait pass too.
    pub waiting: bool,
    /// Leads that wait and are due after that pass too.
    pub due_after: Option<Timestamp>,
}

/// Lanes of one filter: an expression of DynamoDB has 4 KB and 300 operators. A list all over the United States has
/// 65 lanes.
const LANES_NAMED_MAX: usize = 200;
/// Operands of one `IN`.
const OPERANDS_MAX: usize = 100;

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
                filter.write(tenant, campaign, &mut ask);
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

    fn write(&self, tenant: TenantId, campaign: CampaignId, ask: &mut Query<'_>) {
        let text = AttributeValue::S;
        let number = |number: u32| AttributeValue::N(number.to_string());
        let state = self.state.map(|state| text(state.to_owned()));
        let result = self.result.map(|result| text(result.code().to_owned()));
        let outcome = self.last_outcome;
        let outcome = outcome.map(|outcome| text(outcome.code().to_owned()));
        let import = self.import.map(|import| text(import.to_string()));
        let mut conditions = Conditions::default();
        for (name, is, value) in [
            ("state", "=", state),
            ("result", "=", result),
            ("last_outcome", "=", outcome),
            ("import_id", "=", import),
            ("attempts", ">=", self.attempts_min.map(number)),
            ("attempts", "<=", self.attempts_max.map(number)),
        ] {
            if let Some(value) = value {
                conditions.all(name, is, value);
            }
        }
        if let Some(held) = &self.held {
            let condition = held.condition(tenant, campaign, &mut conditions);
            conditions.push(condition);
        }
        conditions.of(ask);
    }
}

impl HeldFilter {
    fn condition(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        conditions: &mut Conditions,
    ) -> String {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let mut any = vec![conditions.compare("held_by", "=", text(self.rule.code()))];
        if self.waiting {
            any.push(conditions.compare("state", "=", text("waiting")));
        }
        if let Some(after) = self.due_after {
            // Only a lead that waits has a due time. Both are written to the second or finer, in one zone.
            any.push(conditions.compare("due_at", ">", text(&after.to_string())));
        }
        // A lead that waits is in the index by its lane, and no other is.
        let named = self.lanes.get(..LANES_NAMED_MAX).unwrap_or(&self.lanes);
        for lanes in named.chunks(OPERANDS_MAX) {
            let partition = |lane: &LaneId| keys::due_partition(tenant, campaign, *lane);
            let partitions = lanes.iter().map(|lane| text(&partition(lane)));
            any.push(conditions.one_of(schema::GSI1_PK, partitions));
        }
        format!("({})", any.join(" OR "))
    }
}

fn last_lead(key: &crate::table::Item) -> Result<LeadId, StoreError> {
    let id = key.get(schema::SK).and_then(|value| value.as_s().ok());
    id.map_or("", String::as_str)
        .parse()
        .map_err(StoreError::malformed("lead"))
}
