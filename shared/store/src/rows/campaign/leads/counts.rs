//! The rows that count a campaign's leads, by lane and shard.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use model::{CampaignId, Lane, LaneId, Lead, LeadCounts, LeadResult, LeadState, Outcome, TenantId};
use serde::Deserialize;

use crate::rows::campaign::leads::{CallCount, Leads};
use crate::table::keys::{self, Key};
use crate::table::{Item, Range, Table, Write, from_item};
use crate::{StoreError, schema};

const LANE: &str = "lane";
const WAITING: &str = "waiting";
const CALLING: &str = "calling";
/// Before the code of a result, and of an outcome: numbers must be at the top of a row to be added to.
const DONE: &str = "done_";
const CALLS: &str = "calls_";
const HOUR: &str = "hour";
const HOUR_CALLS: &str = "calls";

/// How many leads, by the lane of the number in turn, are in which state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneCounts {
    pub lane: Lane,
    pub counts: LeadCounts,
}

/// What changes in count rows.
#[derive(Debug, Default)]
pub(super) struct Changes {
    rows: BTreeMap<(String, String), (Lane, BTreeMap<String, i64>)>,
    /// Ended calls by the row of their hour.
    hours: BTreeMap<(String, String), (String, i64)>,
}

impl Leads {
    /// How many leads a campaign has in each lane and state, from one consistent query.
    ///
    /// # Errors
    /// When storage cannot be reached or a row cannot be read.
    pub async fn counts(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
    ) -> Result<Vec<LaneCounts>, StoreError> {
        let partition = keys::campaign_partition(tenant, campaign);
        let items = self
            .table
            .all_of(&partition, Range::BeginsWith(keys::COUNT_PREFIX))
            .await?;
        let mut lanes: BTreeMap<LaneId, LaneCounts> = BTreeMap::new();
        for item in items {
            let row = read(item)?;
            let counts = &mut lanes
                .entry(row.lane.id())
                .or_insert_with(|| LaneCounts {
                    lane: row.lane,
                    counts: LeadCounts::default(),
                })
                .counts;
            counts.add(&row.counts);
        }
        Ok(lanes.into_values().collect())
    }

    /// How many calls of a campaign ended in each hour since (UTC, `2026-03-08T09`), from one consistent
    /// query. Hours without calls are missing.
    ///
    /// # Errors
    /// When storage cannot be reached or a row cannot be read.
    pub async fn calls_by_hour(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        since: Timestamp,
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        let partition = keys::campaign_partition(tenant, campaign);
        let first = format!("{}{}", keys::HOUR_PREFIX, keys::hour_of(since));
        // `~` comes after every hour.
        let last = format!("{}~", keys::HOUR_PREFIX);
        let items = self
            .table
            .all_of(&partition, Range::Between(&first, &last))
            .await?;
        let mut hours = BTreeMap::new();
        for item in items {
            let row: HourRow = from_item(item, "hour")?;
            let sum: &mut u64 = hours.entry(row.hour).or_default();
            *sum = sum.saturating_add(row.calls);
        }
        Ok(hours)
    }

    /// Removes a campaign's count rows: of a deleted campaign without leads.
    ///
    /// # Errors
    /// When storage cannot be reached.
    pub async fn remove_counts(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
    ) -> Result<(), StoreError> {
        let partition = keys::campaign_partition(tenant, campaign);
        let items = self
            .table
            .all_of(&partition, Range::BeginsWith(keys::COUNT_PREFIX))
            .await?;
        for some in items.chunks(crate::table::TRANSACTION_WRITES_MAX) {
            let writes = some
                .iter()
                .map(|item| self.table.delete(&key_of(item)?))
                .collect::<Result<Vec<_>, _>>()?;
            self.table.transact(writes).await?;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
pub(crate) struct HourRow {
    pub(crate) hour: String,
    pub(crate) calls: u64,
}

impl LaneCounts {
    /// The whole campaign's.
    #[must_use]
    pub fn sum(lanes: &[Self]) -> LeadCounts {
        let mut sum = LeadCounts::default();
        for lane in lanes {
            sum.add(&lane.counts);
        }
        sum
    }
}

impl Changes {
    pub(super) fn arrives(&mut self, tenant: TenantId, lead: &Lead) {
        self.change(
            tenant,
            (lead, lead.lane_in_turn()),
            state_name(&lead.state),
            1,
        );
    }

    pub(super) fn leaves(&mut self, tenant: TenantId, lead: &Lead) {
        self.change(
            tenant,
            (lead, lead.lane_in_turn()),
            state_name(&lead.state),
            -1,
        );
    }

    /// Counted in the lane of the lead's own number, whichever was called: there the count is found when it is
    /// corrected, though another number is in turn by then.
    pub(super) fn call(&mut self, tenant: TenantId, lead: &Lead, call: CallCount) {
        // Always in the same row, so that a correction finds what it takes away.
        let counted = (lead, lead.counted_lane.as_ref().unwrap_or(&lead.lane));
        match call {
            CallCount::None => {}
            CallCount::Ended(outcome) => {
                self.change(tenant, counted, call_name(outcome), 1);
                let at = lead.updated_at;
                let key = keys::hour(tenant, lead.campaign_id, at, lead.id);
                let (_hour, calls) = self
                    .hours
                    .entry((key.pk, key.sk))
                    .or_insert_with(|| (keys::hour_of(at), 0));
                *calls = calls.saturating_add(1);
            }
            CallCount::Corrected { from, to } => {
                self.change(tenant, counted, call_name(from), -1);
                self.change(tenant, counted, call_name(to), 1);
            }
        }
    }

    fn change(&mut self, tenant: TenantId, (lead, lane): (&Lead, &Lane), name: String, by: i64) {
        let key = keys::count(tenant, lead.campaign_id, lane.id(), lead.id);
        let (_lane, numbers) = self
            .rows
            .entry((key.pk, key.sk))
            .or_insert_with(|| (lane.clone(), BTreeMap::new()));
        let number = numbers.entry(name).or_default();
        *number = number.saturating_add(by);
    }
}

/// The writes for what changes; none for a row in which nothing does.
pub(super) fn count_writes(table: &Table, changes: &Changes) -> Result<Vec<Write>, StoreError> {
    let mut writes = Vec::new();
    for ((pk, sk), (lane, numbers)) in &changes.rows {
        let numbers: BTreeMap<String, i64> = numbers
            .iter()
            .filter(|(_name, number)| **number != 0)
            .map(|(name, number)| (name.clone(), *number))
            .collect();
        if numbers.is_empty() {
            continue;
        }
        let key = Key {
            pk: pk.clone(),
            sk: sk.clone(),
        };
        let lane = serde_dynamo::aws_sdk_dynamodb_1::to_attribute_value(lane)
            .map_err(StoreError::malformed("lane"))?;
        writes.push(table.add(&key, (LANE, lane), &numbers)?);
    }
    for ((pk, sk), (hour, calls)) in &changes.hours {
        let key = Key {
            pk: pk.clone(),
            sk: sk.clone(),
        };
        let hour = AttributeValue::S(hour.clone());
        let calls = BTreeMap::from([(HOUR_CALLS.to_owned(), *calls)]);
        writes.push(table.add(&key, (HOUR, hour), &calls)?);
    }
    Ok(writes)
}

fn state_name(state: &LeadState) -> String {
    match state {
        LeadState::Waiting { .. } => WAITING.to_owned(),
        LeadState::Calling { .. } => CALLING.to_owned(),
        LeadState::Done { result, .. } => format!("{DONE}{}", result.code()),
    }
}

fn call_name(outcome: Outcome) -> String {
    format!("{CALLS}{}", outcome.code())
}

fn key_of(item: &Item) -> Result<Key, StoreError> {
    let text = |name: &str| {
        item.get(name)
            .and_then(|value| value.as_s().ok())
            .cloned()
            .ok_or_else(|| StoreError::malformed("count")(Uncountable))
    };
    Ok(Key {
        pk: text(schema::PK)?,
        sk: text(schema::SK)?,
    })
}

/// A count row has something in it that we do not write.
#[derive(Debug, thiserror::Error)]
#[error("an attribute is no count")]
struct Uncountable;

pub(crate) fn read(mut item: Item) -> Result<LaneCounts, StoreError> {
    let wrong = || StoreError::malformed("count")(Uncountable);
    let lane = item.remove(LANE).ok_or_else(wrong)?;
    let lane: Lane = serde_dynamo::aws_sdk_dynamodb_1::from_attribute_value(lane)
        .map_err(StoreError::malformed("lane"))?;
    let mut counts = LeadCounts::default();
    for (name, value) in item {
        let number = || -> Result<u64, StoreError> {
            let number = value.as_n().ok().and_then(|number| number.parse().ok());
            number.ok_or_else(wrong)
        };
        if name == WAITING {
            counts.waiting = number()?;
        } else if name == CALLING {
            counts.calling = number()?;
        } else if let Some(code) = name.strip_prefix(DONE) {
            let mut results = LeadResult::ALL.into_iter();
            let result = results.find(|result| result.code() == code);
            counts.done.insert(result.ok_or_else(wrong)?, number()?);
        } else if let Some(code) = name.strip_prefix(CALLS) {
            let mut outcomes = Outcome::ALL.into_iter();
            let outcome = outcomes.find(|outcome| outcome.code() == code);
            counts.calls.insert(outcome.ok_or_else(wrong)?, number()?);
        }
        // Anything else is the key, or a later version's.
    }
    // What was counted and is zero again is as if it had never been.
    counts.done.retain(|_result, number| *number > 0);
    counts.calls.retain(|_outcome, number| *number > 0);
    Ok(LaneCounts { lane, counts })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_a_lead_that_was_moved_are_counted_where_they_were() {
        let (tenant, campaign) = (TenantId::from_parts(0, 0), CampaignId::from_parts(0, 0));
        let number = "+14155550100".parse().unwrap();
        let before = support::lead(campaign, number, Timestamp::UNIX_EPOCH);
        let after = Lead {
            lane: Lane::new(vec!["Asia/Tokyo".to_owned()], Vec::new()),
            counted_lane: Some(before.lane.clone()),
            ..before.clone()
        };
        let mut changes = Changes::default();
        changes.leaves(tenant, &before);
        changes.arrives(tenant, &after);
        let (from, to) = (Outcome::WorkerLost, Outcome::AgentEnded);
        changes.call(tenant, &after, CallCount::Corrected { from, to });
        let counted: BTreeMap<&str, Vec<(&str, i64)>> = changes
            .rows
            .values()
            .map(|(lane, numbers)| {
                let numbers = numbers.iter().map(|(name, by)| (name.as_str(), *by));
                (lane.zones[0].as_str(), numbers.collect())
            })
            .collect();
        let here = vec![
            ("calls_agent_ended", 1),
            ("calls_worker_lost", -1),
            ("waiting", -1),
        ];
        let expected = [("Asia/Tokyo", vec![("waiting", 1)]), ("Etc/UTC", here)];
        assert_eq!(counted, expected.into());
    }
}
