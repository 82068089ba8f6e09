//! The keys of every row, in one place. `ARCHITECTURE.md`, "Data", says who reads what by them.
//!
//! Every partition key begins with the tenant's, so that a wrong tenant cannot find a row by any id.
//! The exceptions are the lookups that come before a tenant is known: an API key by its hash, a number
//! by its digits, the owner of a laptop installation; and event rows, which are read across tenants.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use model::{AgentId, CallId, DomainEvent, NumberId, PhoneNumber, PromptId, TenantId, UserId};
use sha2::{Digest as _, Sha256};

use crate::schema::{GSI1_PK, GSI1_SK, PK, SK};

/// Partitions that event rows are spread over, so that no single one limits how many calls a
/// deployment can hold. Readers read all of them.
pub const EVENT_SHARDS: u64 = 8;

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
pub(crate) fn carrier_call(tenant: TenantId, carrier_call_id: &str) -> Key {
    Key::new(
        format!("T#{tenant}#CARRIER_CALL#{carrier_call_id}"),
        "CARRIER_CALL",
    )
}

/// The key of the caller is hashed: it is free text, and a long one.
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

pub(crate) fn agents_of(tenant: TenantId) -> String {
    format!("T#{tenant}#AGENTS")
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

pub(crate) fn prompts_of(tenant: TenantId) -> String {
    format!("T#{tenant}#PROMPTS")
}

pub(crate) fn number(number: &PhoneNumber) -> Key {
    Key::new(format!("NUMBER#{}", number.as_str()), "NUMBER")
}

pub(crate) fn numbers_of(tenant: TenantId) -> String {
    format!("T#{tenant}#NUMBERS")
}

pub(crate) fn number_in_index(tenant: TenantId, id: NumberId) -> IndexKey {
    IndexKey {
        pk: numbers_of(tenant),
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

/// Event rows of one thing share a shard, so that they are read in order.
pub(crate) fn event(event: &DomainEvent) -> Key {
    let subject_ms = event.kind.subject_ms().unwrap_or(event.id.unix_ms());
    Key::new(event_shard(subject_ms % EVENT_SHARDS), event.id.to_string())
}

pub(crate) fn event_shard(shard: u64) -> String {
    format!("EVENTS#{shard}")
}
