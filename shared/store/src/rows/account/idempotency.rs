//! Requests that must not be done twice, remembered by the key that the client gave them.

use jiff::{SignedDuration, Timestamp};
use model::TenantId;
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::table::keys;
use crate::table::{Table, Write, to_item};

/// How long a request is remembered: clients try again within hours, not days.
const LIFETIME: SignedDuration = SignedDuration::from_hours(48);

/// A request with a key, and the id of what it made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// Which kind of request: `calls`, `agents`.
    pub route: &'static str,
    /// The key as the client gave it.
    pub key: String,
    /// SHA-256 of the request's body, in hex: the same key with another body is another request.
    pub body_sha256: String,
    /// The id of what the request made.
    pub made: String,
    pub at: Timestamp,
}

/// What an earlier request with the same key was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierRequest {
    pub body_sha256: String,
    pub made: String,
}

#[derive(Serialize)]
struct Row<'a> {
    body_sha256: &'a str,
    made: &'a str,
    ttl: i64,
}

/// The remembered requests.
#[derive(Debug, Clone)]
pub struct Requests {
    table: Table,
}

impl Requests {
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// The earlier request with this key.
    ///
    /// # Errors
    /// When storage cannot be reached.
    pub async fn earlier(
        &self,
        tenant: TenantId,
        route: &str,
        key: &str,
    ) -> Result<Option<EarlierRequest>, StoreError> {
        let key = keys::idempotency(tenant, route, key);
        self.table.read(&key, "request").await
    }
}

impl Idempotency {
    pub(crate) fn write(&self, table: &Table, tenant: TenantId) -> Result<Write, StoreError> {
        let key = keys::idempotency(tenant, self.route, &self.key);
        let ttl = self.at.checked_add(LIFETIME).unwrap_or(Timestamp::MAX);
        let row = Row {
            body_sha256: &self.body_sha256,
            made: &self.made,
            ttl: ttl.as_second(),
        };
        table.new_row(to_item(&key, None, &row, "request")?)
    }
}
