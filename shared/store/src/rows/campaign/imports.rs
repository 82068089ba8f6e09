//! Import rows: how far a list has been read, what came of its rows, and which were kept out.
//!
//! How far it is, the leads that brings, the counts of both and the rows that were kept out are written in
//! one transaction on the condition of the version that was read. So whoever reads a list may die at any
//! row and be started twice: each row of the list counts once.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use intake::{FileProblem, Layout, Options, Position, Reject};
use jiff::Timestamp;
use model::{CampaignId, DomainEvent, ImportId, Lead, LeadId, TenantId};
use serde::{Deserialize, Serialize};

use crate::rows::campaign::campaigns;
use crate::rows::campaign::leads::{LeadRow, insert_writes, remove_writes, room_for};
use crate::rows::events::event_write;
use crate::table::keys::{self, IndexKey};
use crate::table::{Ask, Item, Page, TRANSACTION_WRITES_MAX, Table, Transacted, Write, to_item};
use crate::{Idempotency, StoreError};

/// Writes of a transaction that are not leads or their counts: the import, the campaign's condition,
/// rows kept out, an event.
const OTHER_WRITES: usize = 4;

/// A list on its way into a campaign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Import {
    pub id: ImportId,
    pub tenant_id: TenantId,
    pub campaign_id: CampaignId,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Rises by one with each change of the row.
    pub version: u64,
    #[serde(flatten)]
    pub state: ImportState,
    /// Where the list is in the bucket.
    pub object_key: String,
    pub bytes: u64,
    /// Which object it was when reading began: another one under the same key is another list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    #[serde(default)]
    pub options: Options,
    /// What kind of file it is, once its beginning was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// The next row to read; absent: the file's beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Position>,
    /// Rows of the whole list, as far as it was checked.
    #[serde(default)]
    pub rows_checked: u64,
    #[serde(default)]
    pub counts: ImportCounts,
    /// Since when leads are written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_started_at: Option<Timestamp>,
}

/// Where an import stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ImportState {
    /// The list is expected in the bucket.
    Uploading,
    /// It is read to its end for what makes it unusable as a whole, before a lead is written.
    Checking,
    Running,
    Completed {
        ended_at: Timestamp,
    },
    /// Its leads are taken away again. With a problem, because of it.
    Undoing {
        /// The last lead that was looked at.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<LeadId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        problem: Option<ImportProblem>,
    },
    Undone {
        ended_at: Timestamp,
    },
    Failed {
        ended_at: Timestamp,
        problem: ImportProblem,
    },
}

/// Why an import came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportProblem {
    pub code: ImportProblemCode,
    pub sentence: String,
    /// The row of the file that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
}

/// Why an import came to nothing: closed vocabulary, stable codes. Those of a list are [`FileProblem`]'s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ImportProblemCode {
    /// The campaign takes no leads any more.
    CampaignClosed,
    /// The list was replaced or removed while it was read.
    ListChanged,
    FileEmpty,
    FileWithoutRows,
    FileNotText,
    FileTooLarge,
    HeaderMissing,
    HeaderTooWide,
    HeaderTooLong,
    HeaderUnreadable,
    HeaderDuplicate,
    NumberColumnMissing,
    CallingCodeUnreadable,
    ColumnUnknown,
    ColumnAmbiguous,
    VariableName,
    QuoteUnclosed,
}

impl From<&FileProblem> for ImportProblemCode {
    fn from(problem: &FileProblem) -> Self {
        match problem {
            FileProblem::Empty => Self::FileEmpty,
            FileProblem::NoRows => Self::FileWithoutRows,
            FileProblem::NotText { .. } => Self::FileNotText,
            FileProblem::TooLarge => Self::FileTooLarge,
            FileProblem::NoHeader { .. } => Self::HeaderMissing,
            FileProblem::TooManyColumns => Self::HeaderTooWide,
            FileProblem::HeaderTooLong { .. } => Self::HeaderTooLong,
            FileProblem::HeaderUnreadable { .. } => Self::HeaderUnreadable,
            FileProblem::DuplicateHeader { .. } => Self::HeaderDuplicate,
            FileProblem::NoNumberColumn => Self::NumberColumnMissing,
            FileProblem::CallingCodeUnreadable { .. } => Self::CallingCodeUnreadable,
            FileProblem::UnknownColumn { .. } => Self::ColumnUnknown,
            FileProblem::SameTarget { .. } => Self::ColumnAmbiguous,
            FileProblem::VariableName { .. } => Self::VariableName,
            FileProblem::UnclosedQuote { .. } => Self::QuoteUnclosed,
        }
    }
}

/// What came of a list's rows. Rows are those added and those kept out, always.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportCounts {
    pub rows: u64,
    pub added: u64,
    /// Kept out, by the code of the reason.
    pub rejected: BTreeMap<String, u64>,
    /// Rejects that are listed for download.
    pub listed: u64,
    /// Taken away again by undoing.
    pub removed: u64,
    /// Left in the campaign by undoing: somebody was called already.
    pub kept: u64,
}

impl ImportCounts {
    /// All rows that were kept out.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.rejected.values().sum()
    }
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchWritten {
    Done,
    /// Nothing was written: somebody else has changed the import.
    Changed,
    /// Nothing was written: the campaign takes no leads any more.
    CampaignClosed,
    /// Nothing was written: these leads are in the campaign already, or were changed meanwhile.
    Refused(Vec<LeadId>),
}

/// Leads that fit into one transaction with all that is written with them.
#[derive(Debug, Default)]
pub struct LeadBatch {
    leads: Vec<Lead>,
    ids: BTreeSet<LeadId>,
    counts: BTreeSet<String>,
    bytes: usize,
}

/// Why a batch does not take a lead.
#[derive(Debug)]
pub enum NotTaken {
    /// The lead is in the batch already.
    There,
    /// It belongs into the next one.
    Full(Box<Lead>),
}

impl LeadBatch {
    /// Takes a lead, if there is room.
    ///
    /// # Errors
    /// [`NotTaken`]. An empty batch takes any lead.
    pub fn push(&mut self, tenant: TenantId, lead: Lead) -> Result<(), NotTaken> {
        if self.ids.contains(&lead.id) {
            return Err(NotTaken::There);
        }
        let count = keys::count(tenant, lead.campaign_id, lead.lane.id(), lead.id).sk;
        let writes = self.leads.len() + 1 + self.counts.len();
        let writes = writes + usize::from(!self.counts.contains(&count)) + OTHER_WRITES;
        let room = room_for(&lead, self.bytes);
        if !self.leads.is_empty() && (writes > TRANSACTION_WRITES_MAX || room.is_none()) {
            return Err(NotTaken::Full(Box::new(lead)));
        }
        self.bytes = room.unwrap_or(usize::MAX);
        self.counts.insert(count);
        self.ids.insert(lead.id);
        self.leads.push(lead);
        Ok(())
    }

    #[must_use]
    pub fn leads(&self) -> &[Lead] {
        &self.leads
    }

    /// Leaves out what `keep` does not keep.
    pub fn retain(&mut self, keep: impl Fn(&Lead) -> bool) {
        self.leads.retain(keep);
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct RejectsRow {
    /// JSON: a list of small maps would be three times as large as attributes.
    pub(crate) rejects: String,
}

/// The import rows.
#[derive(Debug, Clone)]
pub struct Imports {
    table: Table,
}

impl Imports {
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Writes a new import.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the request was made before.
    pub async fn create(
        &self,
        import: &Import,
        request: Option<&Idempotency>,
    ) -> Result<(), StoreError> {
        let mut writes = vec![self.table.new_row(row(import)?)?];
        if let Some(request) = request {
            writes.push(request.write(&self.table, import.tenant_id)?);
        }
        match self.table.transact(writes).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused(_) => Err(StoreError::Conflict),
        }
    }

    /// Reads an import as it is now.
    ///
    /// # Errors
    /// When storage cannot be reached or the row cannot be read.
    pub async fn get(
        &self,
        tenant: TenantId,
        import: ImportId,
    ) -> Result<Option<Import>, StoreError> {
        let key = keys::import(tenant, import);
        self.table.read(&key, "import").await
    }

    /// A campaign's imports, newest first.
    ///
    /// # Errors
    /// When storage cannot be reached or a row cannot be read.
    pub async fn list(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        after: Option<ImportId>,
        limit: u32,
    ) -> Result<Page<Import>, StoreError> {
        self.table
            .rows_by_index(
                &keys::imports_of(tenant, campaign),
                after.map(|id| id.to_string()),
                limit,
                "import",
            )
            .await
    }

    /// Writes an import over the version before its own, with an event for others.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when that is not its version any more.
    pub async fn replace(
        &self,
        import: &Import,
        event: Option<&DomainEvent>,
    ) -> Result<(), StoreError> {
        let mut writes = vec![self.put(import)?];
        if let Some(event) = event {
            writes.push(event_write(&self.table, event)?);
        }
        match self.table.transact(writes).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused(_) => Err(StoreError::Conflict),
        }
    }

    /// Writes an import over the version before its own, new leads with their counts, and rows that were
    /// kept out: all or nothing.
    ///
    /// # Errors
    /// When storage cannot be reached.
    pub async fn add_batch(
        &self,
        import: &Import,
        leads: &[Lead],
        rejects: &[Reject],
        event: Option<&DomainEvent>,
    ) -> Result<BatchWritten, StoreError> {
        let (tenant, campaign) = (import.tenant_id, import.campaign_id);
        let mut writes = vec![
            self.put(import)?,
            campaigns::open(&self.table, tenant, campaign)?,
        ];
        writes.append(&mut insert_writes(&self.table, tenant, leads)?);
        if let Some(first) = rejects.first() {
            let row = RejectsRow {
                rejects: serde_json::to_string(rejects)
                    .map_err(StoreError::malformed("rejects"))?,
            };
            let key = keys::rejects(tenant, import.id, first.row);
            // The import's condition says that nobody has written it; nothing else is asked of it.
            writes.push(self.table.put(to_item(&key, None, &row, "rejects")?)?);
        }
        if let Some(event) = event {
            writes.push(event_write(&self.table, event)?);
        }
        let mut failed = match self.table.transact(writes).await? {
            Transacted::Done => return Ok(BatchWritten::Done),
            Transacted::Refused(failed) => failed.into_iter(),
        };
        let (import_changed, closed) = (failed.next(), failed.next());
        if import_changed.unwrap_or_default() {
            return Ok(BatchWritten::Changed);
        }
        if closed.unwrap_or_default() {
            return Ok(BatchWritten::CampaignClosed);
        }
        Ok(BatchWritten::Refused(which(
            leads.iter().map(|lead| lead.id),
            failed,
        )))
    }

    /// Writes an import over the version before its own, and removes leads with their counts as long as
    /// none of them has changed: all or nothing.
    ///
    /// # Errors
    /// When storage cannot be reached.
    pub async fn remove_batch(
        &self,
        import: &Import,
        leads: &[LeadRow],
        event: Option<&DomainEvent>,
    ) -> Result<BatchWritten, StoreError> {
        let tenant = import.tenant_id;
        let mut writes = vec![self.put(import)?];
        writes.append(&mut remove_writes(&self.table, tenant, leads)?);
        if let Some(event) = event {
            writes.push(event_write(&self.table, event)?);
        }
        let mut failed = match self.table.transact(writes).await? {
            Transacted::Done => return Ok(BatchWritten::Done),
            Transacted::Refused(failed) => failed.into_iter(),
        };
        if failed.next().unwrap_or_default() {
            return Ok(BatchWritten::Changed);
        }
        Ok(BatchWritten::Refused(which(
            leads.iter().map(|row| row.lead.id),
            failed,
        )))
    }

    /// Rows that were kept out, in the order of the file: those of some batches, after a row. With the
    /// row to go on after, if more may follow.
    ///
    /// # Errors
    /// When storage cannot be reached or a row cannot be read.
    pub async fn rejects(
        &self,
        tenant: TenantId,
        import: ImportId,
        after: Option<u64>,
    ) -> Result<(Vec<Reject>, Option<u64>), StoreError> {
        const BATCHES: u32 = 50;
        let after = after.map(|row| keys::rejects(tenant, import, row).sk);
        let ask = Ask {
            after: after.as_deref(),
            newest_first: false,
            limit: BATCHES,
        };
        let partition = keys::import_partition(tenant, import);
        let page: Page<RejectsRow> = self
            .table
            .rows_of(&partition, keys::REJECTS_PREFIX, ask, "rejects")
            .await?;
        let mut rejects = Vec::new();
        let mut last = None;
        for row in page.items {
            let batch: Vec<Reject> =
                serde_json::from_str(&row.rejects).map_err(StoreError::malformed("rejects"))?;
            last = batch.first().map(|reject| reject.row);
            rejects.extend(batch);
        }
        Ok((rejects, last.filter(|_row| page.more)))
    }

    fn put(&self, import: &Import) -> Result<Write, StoreError> {
        let before = import.version.saturating_sub(1).to_string();
        self.table.put_if(
            row(import)?,
            "version = :before",
            Item::from([(":before".to_owned(), AttributeValue::N(before))]),
        )
    }
}

/// The leads whose conditions failed.
fn which(ids: impl Iterator<Item = LeadId>, failed: impl Iterator<Item = bool>) -> Vec<LeadId> {
    ids.zip(failed)
        .filter_map(|(lead, failed)| failed.then_some(lead))
        .collect()
}

fn row(import: &Import) -> Result<Item, StoreError> {
    let key = keys::import(import.tenant_id, import.id);
    let index = IndexKey {
        pk: keys::imports_of(import.tenant_id, import.campaign_id),
        sk: import.id.to_string(),
    };
    to_item(&key, Some(&index), import, "import")
}
