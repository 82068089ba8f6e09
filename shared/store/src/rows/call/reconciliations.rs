//! How far the comparison of the recordings at a carrier's account with ours is, and what it left there.
//!
//! Two rows for each account: a small one that every tick reads, and the list, which is read and written only while
//! a comparison runs or somebody asks for it. A page's result is one transaction, so that whoever dies left all of
//! a page or nothing. What is done about a recording, and why, is decided elsewhere.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use model::{CallId, LeftBecause, TenantId};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::table::keys;
use crate::table::{Table, Transacted, to_item};

/// Recordings that are named of those that were left at the carrier. More are counted only: some 200 bytes each,
/// and a row has 400 KB at most.
pub const LEFT_NAMED_MAX: usize = 500;

/// How far the comparison of an account is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciliation {
    /// Rises with each change of the row.
    pub row_version: u64,
    /// When the next run begins by itself.
    pub due_at: Timestamp,
    /// The latest run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<ReconciliationRun>,
}

/// One walk through all recordings of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconciliationRun {
    pub started_at: Timestamp,
    /// Absent, it is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// The carrier's word for the page that is next; absent, the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page: Option<String>,
    /// The last recording of the page before. The carrier finds the next page by it, so that it is dealt with only
    /// then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// Pages that are done.
    #[serde(default)]
    pub pages: u32,
    /// Steps in a row that came to nothing.
    #[serde(default)]
    pub failures: u32,
    /// Times that it began again from the first page.
    #[serde(default)]
    pub restarts: u32,
    /// What kept the latest step from its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    #[serde(default)]
    pub counts: ReconciliationCounts,
}

/// What a run came to so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReconciliationCounts {
    /// Deleted at the carrier: ours, and the copy is in the bucket.
    pub deleted: u64,
    /// Ours, not copied yet: a job is on its way.
    pub queued: u64,
    /// Ours, of calls or recordings that are not over for long enough.
    pub waiting: u64,
    /// Left at the carrier.
    pub left: u64,
}

/// A recording that was left at the carrier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftRecording {
    pub carrier_recording_id: String,
    pub because: LeftBecause,
    /// The call that it is of, if it is one of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<CallId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<TenantId>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u32>,
    /// About how many bytes it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_about: Option<u64>,
}

/// What the latest run left at the carrier: the first [`LEFT_NAMED_MAX`], as the carrier lists them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftAtCarrier {
    pub recordings: Vec<LeftRecording>,
}

/// The rows of comparisons.
#[derive(Debug, Clone)]
pub struct Reconciliations {
    table: Table,
}

impl Reconciliations {
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// How far the comparison of an account is.
    ///
    /// # Errors
    /// When storage cannot be reached or the row cannot be read.
    pub async fn get(&self, account: &str) -> Result<Option<Reconciliation>, StoreError> {
        let key = keys::reconciliation(account);
        self.table.read(&key, "reconciliation").await
    }

    /// What the latest run left at the carrier so far.
    ///
    /// # Errors
    /// When storage cannot be reached or the row cannot be read.
    pub async fn left(&self, account: &str) -> Result<LeftAtCarrier, StoreError> {
        let key = keys::left_at_carrier(account);
        let row = self.table.read(&key, "list of recordings").await?;
        Ok(row.unwrap_or_default())
    }

    /// Writes the row that follows the version before `row`'s, which is 0 where there is none; with a list, that
    /// too. `false`: somebody else was there first, and nothing was written.
    ///
    /// # Errors
    /// When storage cannot be reached.
    pub async fn write(
        &self,
        account: &str,
        row: &Reconciliation,
        left: Option<&LeftAtCarrier>,
    ) -> Result<bool, StoreError> {
        let item = to_item(&keys::reconciliation(account), None, row, "reconciliation")?;
        let before = row.row_version.saturating_sub(1);
        let mut writes = vec![if before == 0 {
            self.table.new_row(item)?
        } else {
            let before = AttributeValue::N(before.to_string());
            let values = HashMap::from([(":before".to_owned(), before)]);
            self.table.put_if(item, "row_version = :before", values)?
        }];
        if let Some(left) = left {
            let key = keys::left_at_carrier(account);
            let item = to_item(&key, None, left, "list of recordings")?;
            writes.push(self.table.put(item)?);
        }
        match self.table.transact(writes).await? {
            Transacted::Done => Ok(true),
            Transacted::Refused(_taken) => Ok(false),
        }
    }
}
