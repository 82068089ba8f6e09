//! The keys of every row, in one place. `ARCHITECTURE.md`, "Data", says who reads what by them.
//!
//! Every partition key begins with the tenant's, so that a wrong tenant cannot find a row by any id.
//! The exceptions are the lookups that come before a tenant is known: an API key by its hash, a number
//! by its digits, the owner of a laptop installation, the carrier's call; and what is read or counted across
//! tenants: event rows, the slots, pace, leases and recordings of an account at the carrier, calls to our
//! numbers that are on, and media workers.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use jiff::civil::Date;
use model::{
    AgentId, CallId, CampaignId, DomainEvent, ImportId, LaneId, LeadId, LeadPriority, NumberId,
    PhoneNumber, PromptId, TenantId, UserId, WorkerId,
};
use sha2::{Digest as _, Sha256};

use crate::rows::shelf::Shelf;
use crate::table::schema::{GSI1_PK, GSI1_SK, PK, SK};

/// Partitions that event rows are spread over, so that no single one limits how many calls a
/// deployment can hold. Readers read all of them.
pub const EVENT_SHARDS: u64 = 8;

/// Partitions that a campaign's leads are spread over, so that an import is not held up by what one
/// partition takes (1,000 writes a second). Lists walk them one after the other.
pub(crate) const LEAD_SHARDS: u8 = 16;
/// Rows that the counts of one lane are spread over: each end of a call changes one, and two
/// transactions on one row collide. A reader adds them up.
pub(crate) const COUNT_SHARDS: u8 = 4;

/// Where a row is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

impl Key {
    fn new(pk: String, sk: impl Into<String>) -> Self {
        Self { pk, sk: sk.into() }
    }

    pub(crate) fn attributes(&self) -> HashMap<String, AttributeValue> {
        HashMap::from([
            (PK.to_owned(), AttributeValue::S(self.pk.clone())),
            (SK.to_owned(), AttributeValue::S(self.sk.clone())),
        ])
    }
}

/// Where a row is in the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexKey {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

impl IndexKey {
    pub(crate) fn attributes(&self) -> HashMap<String, AttributeValue> {
        HashMap::from([
            (GSI1_PK.to_owned(), AttributeValue::S(self.pk.clone())),
            (GSI1_SK.to_owned(), AttributeValue::S(self.sk.clone())),
        ])
    }
}

pub(crate) fn call(tenant: TenantId, call: CallId) -> Key {
    Key::new(call_partition(tenant, call), "CALL")
}

pub(crate) fn call_partition(tenant: TenantId, call: CallId) -> String {
    format!("T#{tenant}#CALL#{call}")
}

pub(crate) fn snapshot(tenant: TenantId, call: CallId) -> Key {
    Key::new(call_partition(tenant, call), "SNAPSHOT")
}

pub(crate) const TURN_PREFIX: &str = "TURN#";

pub(crate) fn turn(tenant: TenantId, call: CallId, seq: u32) -> Key {
    Key::new(
        call_partition(tenant, call),
        format!("{TURN_PREFIX}{seq:06}"),
    )
}

pub(crate) fn calls_of(tenant: TenantId) -> String {
    format!("T#{tenant}#CALLS")
}

/// Which call of ours a call of the carrier's is.
/// Of all tenants: they share the carrier's account, and of what it has nobody knows whose it is.
pub(crate) fn carrier_call(carrier_call_id: &str) -> Key {
    Key::new(format!("CARRIER_CALL#{carrier_call_id}"), "CARRIER_CALL")
}

/// The key that a client sends is hashed: it is free text, and a long one.
pub(crate) fn idempotency(tenant: TenantId, route: &str, key: &str) -> Key {
    let hash = hex::encode(Sha256::digest(key.as_bytes()));
    Key::new(
        format!("T#{tenant}#IDEMPOTENCY#{route}#{hash}"),
        "IDEMPOTENCY",
    )
}

pub(crate) fn agent(tenant: TenantId, agent: AgentId) -> Key {
    Key::new(format!("T#{tenant}#AGENT#{agent}"), "AGENT")
}

pub(crate) fn agents_of(tenant: TenantId, shelf: Shelf) -> String {
    format!("T#{tenant}#AGENTS{}", of_shelf(shelf))
}

/// What the index partitions of archived things end with.
const fn of_shelf(shelf: Shelf) -> &'static str {
    match shelf {
        Shelf::InUse => "",
        Shelf::Archived => "_ARCHIVED",
    }
}

/// What uses the agent or prompt of this row.
pub(crate) fn uses(used: &Key) -> Key {
    Key::new(used.pk.clone(), "USES")
}

pub(crate) fn prompt(tenant: TenantId, prompt: PromptId) -> Key {
    Key::new(prompt_partition(tenant, prompt), "PROMPT")
}

pub(crate) fn prompt_partition(tenant: TenantId, prompt: PromptId) -> String {
    format!("T#{tenant}#PROMPT#{prompt}")
}

pub(crate) const VERSION_PREFIX: &str = "VERSION#";

pub(crate) fn prompt_version(tenant: TenantId, prompt: PromptId, version: u32) -> Key {
    Key::new(
        prompt_partition(tenant, prompt),
        format!("{VERSION_PREFIX}{version:06}"),
    )
}

pub(crate) fn prompts_of(tenant: TenantId, shelf: Shelf) -> String {
    format!("T#{tenant}#PROMPTS{}", of_shelf(shelf))
}

pub(crate) fn number(number: &PhoneNumber) -> Key {
    Key::new(format!("NUMBER#{}", number.as_str()), "NUMBER")
}

pub(crate) fn numbers_of(tenant: TenantId, shelf: Shelf) -> String {
    format!("T#{tenant}#NUMBERS{}", of_shelf(shelf))
}

pub(crate) fn number_in_index(tenant: TenantId, shelf: Shelf, id: NumberId) -> IndexKey {
    IndexKey {
        pk: numbers_of(tenant, shelf),
        sk: id.to_string(),
    }
}

pub(crate) fn tenant(tenant: TenantId) -> Key {
    Key::new(format!("T#{tenant}"), "TENANT")
}

pub(crate) fn user(tenant: TenantId, user: UserId) -> Key {
    Key::new(format!("T#{tenant}"), format!("USER#{user}"))
}

pub(crate) fn api_key(sha256: &str) -> Key {
    Key::new(format!("API_KEY#{sha256}"), "API_KEY")
}

/// The tenant and user that a laptop installation belongs to.
pub(crate) fn owner() -> Key {
    Key::new("OWNER".to_owned(), "OWNER")
}

/// Whose limit a slot counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope<'a> {
    /// An account at the carrier, by its id.
    Account(&'a str),
    Tenant(TenantId),
    Campaign(TenantId, CampaignId),
}

/// The taken slots of a scope.
pub(crate) fn slots_of(scope: Scope<'_>) -> String {
    match scope {
        Scope::Account(account) => format!("SLOTS#{account}"),
        Scope::Tenant(tenant) => format!("T#{tenant}#SLOTS"),
        Scope::Campaign(tenant, campaign) => format!("T#{tenant}#CAMPAIGN#{campaign}#SLOTS"),
    }
}

pub(crate) fn slot(scope: Scope<'_>, number: u32) -> Key {
    Key::new(slots_of(scope), format!("{number:05}"))
}

/// What the latest planning step said of a campaign.
pub(crate) fn plan(tenant: TenantId, campaign: CampaignId) -> Key {
    Key::new(campaign_partition(tenant, campaign), "PLAN")
}

/// How often a number of ours was called from on a day.
pub(crate) fn our_number_day(tenant: TenantId, number: &PhoneNumber, day: Date) -> Key {
    let pk = format!("T#{tenant}#OUR_NUMBER#{}", number.as_str());
    Key::new(pk, format!("DAY#{day}"))
}

/// When the next call of an account may be asked for.
pub(crate) fn pace(account: &str) -> Key {
    Key::new(format!("PACE#{account}"), "PACE")
}

/// The rows of media workers, which serve all tenants.
pub(crate) const WORKERS: &str = "WORKERS";

pub(crate) fn worker(id: WorkerId) -> Key {
    Key::new(WORKERS.to_owned(), id.to_string())
}

/// The calls to our numbers that are on, of all tenants.
pub(crate) const INBOUND: &str = "INBOUND";

pub(crate) fn inbound(call: CallId) -> Key {
    Key::new(INBOUND.to_owned(), call.to_string())
}

/// Calls that are to be looked at after their end, of all tenants, by when.
pub(crate) const FOLLOW_UPS: &str = "FOLLOW_UPS";
pub(crate) const FOLLOW_UP_PREFIX: &str = "FOLLOW_UP#";

pub(crate) fn follow_up(at: Timestamp, call: CallId) -> Key {
    let at = at.as_millisecond().max(0);
    let sk = format!("{FOLLOW_UP_PREFIX}{at:015}#{call}");
    Key::new(FOLLOW_UPS.to_owned(), sk)
}

/// How far the comparison of an account's recordings with ours is.
pub(crate) fn reconciliation(account: &str) -> Key {
    Key::new(format!("RECONCILIATION#{account}"), "RECONCILIATION")
}

/// The recordings that it left at the carrier.
pub(crate) fn left_at_carrier(account: &str) -> Key {
    Key::new(format!("RECONCILIATION#{account}"), "LEFT_AT_CARRIER")
}

pub(crate) fn lease(name: &str) -> Key {
    Key::new(format!("LEASE#{name}"), "LEASE")
}

/// Event rows of one thing share a shard, so that they are read in order.
pub(crate) fn event(event: &DomainEvent) -> Key {
    let subject_ms = event.kind.subject_ms().unwrap_or(event.id.unix_ms());
    Key::new(event_shard(subject_ms % EVENT_SHARDS), event.id.to_string())
}

/// What the partition keys of event rows begin with, and no other row's.
pub const EVENT_ROWS: &str = "EVENTS#";

pub(crate) fn event_shard(shard: u64) -> String {
    format!("{EVENT_ROWS}{shard}")
}

pub(crate) fn campaign(tenant: TenantId, campaign: CampaignId) -> Key {
    Key::new(campaign_partition(tenant, campaign), "CAMPAIGN")
}

pub(crate) fn campaign_partition(tenant: TenantId, campaign: CampaignId) -> String {
    format!("T#{tenant}#CAMPAIGN#{campaign}")
}

pub(crate) fn campaigns_of(tenant: TenantId) -> String {
    format!("T#{tenant}#CAMPAIGNS")
}

/// Campaigns of all tenants that somebody has to look at. Read across tenants by the planner.
pub(crate) const ACTIVE_CAMPAIGNS: &str = "ACTIVE_CAMPAIGNS";

pub(crate) fn active_campaign(tenant: TenantId, campaign: CampaignId) -> Key {
    let sk = format!("{}{campaign}", active_campaigns_of(tenant));
    Key::new(ACTIVE_CAMPAIGNS.to_owned(), sk)
}

/// What the sort keys of a tenant's active campaigns begin with.
pub(crate) fn active_campaigns_of(tenant: TenantId) -> String {
    format!("{tenant}#")
}

pub(crate) const COUNT_PREFIX: &str = "COUNT#";

/// The row that counts a lead of a lane: always the same one, so that no shard falls below zero.
pub(crate) fn count(tenant: TenantId, campaign: CampaignId, lane: LaneId, lead: LeadId) -> Key {
    let shard = lead.spread() / LEAD_SHARDS % COUNT_SHARDS;
    Key::new(
        campaign_partition(tenant, campaign),
        format!("{COUNT_PREFIX}{lane}#{shard}"),
    )
}

pub(crate) const HOUR_PREFIX: &str = "HOUR#";

/// The row that counts the calls that ended in an hour: spread like the counts.
pub(crate) fn hour(tenant: TenantId, campaign: CampaignId, at: Timestamp, lead: LeadId) -> Key {
    let shard = lead.spread() / LEAD_SHARDS % COUNT_SHARDS;
    let hour = hour_of(at);
    Key::new(
        campaign_partition(tenant, campaign),
        format!("{HOUR_PREFIX}{hour}#{shard}"),
    )
}

/// An hour as it is in keys: `2026-03-08T09`.
pub(crate) fn hour_of(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H").to_string()
}

/// How far leads of another campaign were taken over.
pub(crate) fn copy(tenant: TenantId, campaign: CampaignId) -> Key {
    Key::new(campaign_partition(tenant, campaign), "COPY")
}

pub(crate) fn import(tenant: TenantId, import: ImportId) -> Key {
    Key::new(import_partition(tenant, import), "IMPORT")
}

pub(crate) fn import_partition(tenant: TenantId, import: ImportId) -> String {
    format!("T#{tenant}#IMPORT#{import}")
}

pub(crate) fn imports_of(tenant: TenantId, campaign: CampaignId) -> String {
    format!("T#{tenant}#CAMPAIGN#{campaign}#IMPORTS")
}

pub(crate) const REJECTS_PREFIX: &str = "REJECTS#";

/// Rows of a list that were kept out, by the first of them; a file has at most 2 billion.
pub(crate) fn rejects(tenant: TenantId, import: ImportId, first_row: u64) -> Key {
    Key::new(
        import_partition(tenant, import),
        format!("{REJECTS_PREFIX}{first_row:012}"),
    )
}

/// What a user says picked up.
pub(crate) fn label(tenant: TenantId, call: CallId) -> Key {
    Key::new(call_partition(tenant, call), "LABEL")
}

pub(crate) fn labels_of(tenant: TenantId, campaign: CampaignId) -> String {
    format!("T#{tenant}#CAMPAIGN#{campaign}#LABELS")
}

pub(crate) fn lead(tenant: TenantId, campaign: CampaignId, lead: LeadId) -> Key {
    Key::new(
        lead_partition(tenant, campaign, lead_shard(lead)),
        lead.to_string(),
    )
}

pub(crate) fn lead_shard(lead: LeadId) -> u8 {
    lead.spread() % LEAD_SHARDS
}

/// An id after every lead of a shard.
pub(crate) fn end_of_lead_shard(shard: u8) -> LeadId {
    let last = u128::from(u8::MAX - u8::MAX % LEAD_SHARDS + shard % LEAD_SHARDS);
    let unix_ms = (1 << 48) - 1;
    LeadId::from_parts(unix_ms, u128::MAX - u128::from(u8::MAX) + last)
}

pub(crate) fn lead_partition(tenant: TenantId, campaign: CampaignId, shard: u8) -> String {
    format!("T#{tenant}#CAMPAIGN#{campaign}#LEADS#{shard:02}")
}

/// Where a waiting lead is in the index: by lane, then priority, then due time.
pub(crate) fn due(
    tenant: TenantId,
    campaign: CampaignId,
    lane: LaneId,
    (priority, due_at): (LeadPriority, Timestamp),
    lead: LeadId,
) -> IndexKey {
    IndexKey {
        pk: due_partition(tenant, campaign, lane),
        sk: format!("{}{}#{lead}", priority_digit(priority), instant(due_at)),
    }
}

pub(crate) fn due_partition(tenant: TenantId, campaign: CampaignId, lane: LaneId) -> String {
    format!("T#{tenant}#CAMPAIGN#{campaign}#DUE#{lane}")
}

/// The first and last sort key of leads of a priority that are due by then.
pub(crate) fn due_until(priority: LeadPriority, until: Timestamp) -> (String, String) {
    let digit = priority_digit(priority);
    // `~` comes after every id.
    (digit.to_string(), format!("{digit}{}#~", instant(until)))
}

/// The first and last sort key of all leads of a priority.
pub(crate) fn due_ever(priority: LeadPriority) -> (String, String) {
    let digit = priority_digit(priority);
    (digit.to_string(), format!("{digit}~"))
}

const fn priority_digit(priority: LeadPriority) -> char {
    match priority {
        LeadPriority::High => '1',
        LeadPriority::Normal => '5',
        LeadPriority::Low => '9',
    }
}

/// Milliseconds at a fixed width, so that the order of texts is the order of time.
fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

pub(crate) fn contact(tenant: TenantId, number: &PhoneNumber) -> Key {
    Key::new(format!("T#{tenant}#CONTACT#{}", number.as_str()), "CONTACT")
}

pub(crate) fn suppressed_of(tenant: TenantId) -> String {
    format!("T#{tenant}#SUPPRESSED")
}

pub(crate) fn suppressed(tenant: TenantId, number: &PhoneNumber) -> IndexKey {
    IndexKey {
        pk: suppressed_of(tenant),
        sk: number.as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_shard_is_in_it() {
        for shard in 0..LEAD_SHARDS {
            let end = end_of_lead_shard(shard);
            assert_eq!(lead_shard(end), shard);
            assert!(end > LeadId::from_parts(1 << 47, u128::MAX));
        }
    }

    #[test]
    fn due_keys_sort_by_priority_then_time() {
        let tenant = TenantId::from_parts(0, 0);
        let campaign = CampaignId::from_parts(0, 0);
        let lane: LaneId = "0123456789ab".parse().unwrap();
        let key = |priority, at: &str, lead| {
            let at: Timestamp = at.parse().unwrap();
            due(
                tenant,
                campaign,
                lane,
                (priority, at),
                LeadId::from_parts(0, lead),
            )
            .sk
        };
        let keys = [
            key(LeadPriority::High, "2026-03-09T10:00:00Z", 9),
            key(LeadPriority::Normal, "2026-03-08T09:59:59.999999Z", 3),
            key(LeadPriority::Normal, "2026-03-08T10:00:00Z", 1),
            key(LeadPriority::Normal, "2026-03-08T10:00:00.001Z", 0),
            key(LeadPriority::Low, "2026-03-01T00:00:00Z", 0),
        ];
        assert!(keys.is_sorted(), "{keys:?}");
        let until = "2026-03-08T10:00:00Z".parse().unwrap();
        let (first, last) = due_until(LeadPriority::Normal, until);
        let found: Vec<bool> = keys
            .iter()
            .map(|key| *key >= first && *key <= last)
            .collect();
        assert_eq!(found, [false, true, true, false, false]);
    }
}
