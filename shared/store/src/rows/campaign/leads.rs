//! Lead rows, and the counts that change with them.
//!
//! A lead's row and the row that counts it are written in one transaction, so counters add up to the
//! leads at every moment. While a lead waits it is in the index by the lane of its number in turn, priority and
//! due time; which lanes are open now is decided elsewhere.

mod counts;
mod listing;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use model::{
    AlternateNumber, CampaignId, LaneId, Lead, LeadId, LeadPriority, LeadState, Outcome,
    PhoneNumber, TenantId,
};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::rows::campaign::campaigns::{ENTRY_WRITES_MAX, Entry, NotLetIn, enter};
use crate::table::keys;
use crate::table::{
    Item, Query, Range, TRANSACTION_WRITES_MAX, Table, Transacted, Write, from_item, to_item,
};

pub use counts::LaneCounts;
use counts::{Changes, count_writes};
#[cfg(test)]
pub(crate) use counts::{HourRow, read as read_counts};
pub use listing::{HeldFilter, LeadFilter, LeadPage};

/// Bytes of leads in one transaction, as we count them: DynamoDB takes 4 MB.
const TRANSACTION_BYTES_MAX: usize = 3 * 1024 * 1024;
/// Rounds in which a refused chunk is written again without what was refused. Each round leaves out at
/// least one lead, and only leads that are written or removed meanwhile make another one.
const ROUNDS_MAX: u32 = 8;

/// A lead with the version that changes name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadRow {
    #[serde(flatten)]
    pub lead: Lead,
    /// Rises by one with each change of the row.
    #[serde(default)]
    pub row_version: u64,
}

/// When the leads of a lane that wait are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueSpan {
    /// The earliest due time of any.
    pub first: Timestamp,
    /// The latest.
    pub last: Timestamp,
}

/// What became of leads that were to be written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inserted {
    /// Ids of those that are new.
    pub added: Vec<LeadId>,
    /// Those whose number was in the campaign already, as they are there. A lead that was given twice
    /// is new the first time and there already the second.
    pub there_already: Vec<LeadRow>,
}

/// Why leads were not written or changed.
#[derive(Debug, thiserror::Error)]
pub enum LeadsRefused {
    /// The campaign did not let them in. Those that are named came in before.
    #[error("the campaign takes no leads")]
    NotLetIn {
        because: NotLetIn,
        added: Vec<LeadId>,
    },
    /// The lead has changed since it was read: read it again.
    #[error("the lead has changed meanwhile")]
    Changed,
    #[error("the leads could not be written")]
    Store(#[source] StoreError),
}

/// How a transition changes the campaign's count of ended calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallCount {
    /// No call has ended with it.
    None,
    /// A call has ended, when the lead was updated.
    Ended(Outcome),
    /// A call that was counted with one outcome turned out to have another.
    Corrected { from: Outcome, to: Outcome },
}

/// The lead rows.
#[derive(Debug, Clone)]
pub struct Leads {
    table: Table,
}

impl Leads {
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Writes the leads that are not there, in transactions of up to a hundred writes with the counts.
    /// May be repeated after a crash at any point: what is written already is then there already. The
    /// campaign has to be open.
    ///
    /// # Errors
    /// [`LeadsRefused::NotLetIn`], or storage.
    pub async fn insert_many(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        leads: &[Lead],
    ) -> Result<Inserted, LeadsRefused> {
        self.let_in(tenant, campaign, leads, Entry::Open).await
    }

    /// The same, by an entry. A campaign that is closed is opened again with the first leads that are new,
    /// and stays as it is if none is.
    ///
    /// # Errors
    /// [`LeadsRefused::NotLetIn`], or storage.
    pub async fn let_in(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        leads: &[Lead],
        mut entry: Entry,
    ) -> Result<Inserted, LeadsRefused> {
        let mut inserted = Inserted::default();
        let mut given = BTreeSet::new();
        let mut chunk = Chunk::default();
        let mut again = Vec::new();
        for lead in leads {
            if !given.insert(lead.id) {
                again.push(lead.id);
                continue;
            }
            if !chunk.takes(tenant, campaign, lead) {
                let full = std::mem::take(&mut chunk);
                self.insert_chunk(tenant, campaign, full, &mut entry, &mut inserted)
                    .await?;
                chunk.takes(tenant, campaign, lead);
            }
            chunk.leads.push(lead);
        }
        self.insert_chunk(tenant, campaign, chunk, &mut entry, &mut inserted)
            .await?;
        for rows in again.chunks(TRANSACTION_WRITES_MAX) {
            let mut there = self.batch_get(tenant, campaign, rows).await?;
            inserted.there_already.append(&mut there);
        }
        Ok(inserted)
    }

    /// Reads a lead.
    ///
    /// # Errors
    /// When storage cannot be reached or the row cannot be read.
    pub async fn get(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        lead: LeadId,
    ) -> Result<Option<LeadRow>, StoreError> {
        let key = keys::lead(tenant, campaign, lead);
        self.table.read(&key, "lead").await
    }

    /// Reads the lead that has this number as its own in a campaign.
    ///
    /// # Errors
    /// When storage cannot be reached or the row cannot be read.
    pub async fn of_number(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        number: &PhoneNumber,
    ) -> Result<Option<LeadRow>, StoreError> {
        self.get(tenant, campaign, LeadId::of(campaign, number))
            .await
    }

    /// Leads of a lane that were due by then: high priority first, then by due time. Through the index,
    /// so a lead may have been taken meanwhile: whoever takes it names the version.
    ///
    /// # Errors
    /// When storage cannot be reached or a row cannot be read.
    pub async fn due(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        lane: LaneId,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<LeadRow>, StoreError> {
        let partition = keys::due_partition(tenant, campaign, lane);
        let mut due: Vec<LeadRow> = Vec::new();
        for priority in LeadPriority::ALL {
            let (first, last) = keys::due_until(priority, until);
            let mut start = None;
            loop {
                let found = u32::try_from(due.len()).unwrap_or(u32::MAX);
                let Some(left) = limit.checked_sub(found).filter(|left| *left > 0) else {
                    return Ok(due);
                };
                let mut ask = Query::new(&partition, Range::Between(&first, &last), left);
                ask.by_index = true;
                ask.start = start;
                let page = self.table.query(ask).await?;
                for item in page.items {
                    due.push(from_item(item, "lead")?);
                }
                start = page.last;
                if start.is_none() {
                    break;
                }
            }
        }
        Ok(due)
    }

    /// When the leads of a lane that wait are due, the first and the last of them; `None`: nobody waits.
    /// `waiting` is how many there are, as they are counted: of one a single read tells both, of leads of one
    /// priority two do, and six at most. Through the index, so it may be a moment old.
    ///
    /// # Errors
    /// When storage cannot be reached or a row cannot be read.
    pub async fn due_span(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        lane: LaneId,
        waiting: u64,
    ) -> Result<Option<DueSpan>, StoreError> {
        let partition = keys::due_partition(tenant, campaign, lane);
        let Some((highest, first)) = self.outermost(&partition, Range::All, false).await? else {
            return Ok(None);
        };
        let mut span = DueSpan { first, last: first };
        if waiting <= 1 {
            return Ok(Some(span));
        }
        let Some((lowest, last)) = self.outermost(&partition, Range::All, true).await? else {
            return Ok(Some(span));
        };
        span.take(last);
        // Within a priority leads are in the order of time; of several each has a first and a last.
        for priority in LeadPriority::ALL {
            if highest == lowest || priority < highest || priority > lowest {
                continue;
            }
            let (from, to) = keys::due_ever(priority);
            let range = Range::Between(&from, &to);
            if priority != highest
                && let Some((_priority, at)) = self.outermost(&partition, range, false).await?
            {
                span.take(at);
            }
            if priority != lowest
                && let Some((_priority, at)) = self.outermost(&partition, range, true).await?
            {
                span.take(at);
            }
        }
        Ok(Some(span))
    }

    /// The priority and due time of the first, or of the last, lead of a range of the due index.
    async fn outermost(
        &self,
        partition: &str,
        range: Range<'_>,
        backwards: bool,
    ) -> Result<Option<(LeadPriority, Timestamp)>, StoreError> {
        let mut ask = Query::new(partition, range, 1);
        ask.by_index = true;
        ask.backwards = backwards;
        let Some(item) = self.table.query(ask).await?.items.pop() else {
            return Ok(None);
        };
        let row: LeadRow = from_item(item, "lead")?;
        Ok(match row.lead.state {
            LeadState::Waiting { due_at } => Some((row.lead.priority, due_at)),
            LeadState::Calling { .. } | LeadState::Done { .. } => None,
        })
    }

    /// Replaces a lead of the version before with its counts, in one transaction.
    ///
    /// # Errors
    /// [`LeadsRefused::Changed`] when that is not its version any more.
    pub async fn replace(
        &self,
        tenant: TenantId,
        before: &LeadRow,
        after: &Lead,
    ) -> Result<LeadRow, LeadsRefused> {
        let (row, writes) = transition(&self.table, tenant, before, after, CallCount::None)?;
        match self.table.transact(writes).await? {
            Transacted::Done => Ok(row),
            Transacted::Refused(_) => Err(LeadsRefused::Changed),
        }
    }

    /// Replaces a lead of the version before that comes back into its campaign, or goes on there as another one: in
    /// one transaction with what lets it in and the counts. `to` is the other one, with the row that is there
    /// already. Answers the row of the lead that goes on.
    ///
    /// # Errors
    /// [`LeadsRefused::Changed`] when a row is not as it was read, [`LeadsRefused::NotLetIn`].
    pub async fn correct(
        &self,
        tenant: TenantId,
        (before, after): (&LeadRow, &Lead),
        to: Option<(&Lead, Option<&LeadRow>)>,
        entry: &Entry,
    ) -> Result<LeadRow, LeadsRefused> {
        let row = LeadRow {
            lead: after.clone(),
            row_version: before.row_version.saturating_add(1),
        };
        let mut counts = Changes::default();
        counts.leaves(tenant, &before.lead);
        counts.arrives(tenant, after);
        let mut writes = vec![put_lead(&self.table, tenant, before, &row)?];
        let mut goes_on = row;
        if let Some((lead, there)) = to {
            let there_version = there.map_or(0, |there| there.row_version);
            goes_on = LeadRow {
                lead: lead.clone(),
                row_version: goes_on.row_version.max(there_version.saturating_add(1)),
            };
            counts.arrives(tenant, lead);
            writes.push(match there {
                Some(there) => {
                    counts.leaves(tenant, &there.lead);
                    put_lead(&self.table, tenant, there, &goes_on)?
                }
                None => self.table.new_row(lead_item(tenant, &goes_on)?)?,
            });
        }
        let rows = writes.len();
        let mut entering = enter(&self.table, tenant, after.campaign_id, entry)?;
        writes.append(&mut entering.take());
        let entry_ends = writes.len();
        writes.append(&mut count_writes(&self.table, &counts)?);
        let failed = match self.table.transact(writes).await? {
            Transacted::Done => return Ok(goes_on),
            Transacted::Refused(failed) => failed,
        };
        if failed.iter().take(rows).any(|failed| *failed) {
            return Err(LeadsRefused::Changed);
        }
        let of_entry = failed.get(rows..entry_ends).unwrap_or_default();
        let because = entering.refusal(of_entry);
        Err(
            because.map_or(LeadsRefused::Changed, |refused| LeadsRefused::NotLetIn {
                because: refused.into(),
                added: Vec::new(),
            }),
        )
    }

    /// Replaces as many leads as are of the version before, in transactions with the counts. Answers
    /// how many were; the others have changed meanwhile.
    ///
    /// # Errors
    /// When storage cannot be reached.
    pub async fn replace_many(
        &self,
        tenant: TenantId,
        changes: &[(LeadRow, Lead)],
    ) -> Result<usize, StoreError> {
        self.write_many(changes, |table, (before, after), counts| {
            let row = LeadRow {
                lead: after.clone(),
                row_version: before.row_version.saturating_add(1),
            };
            counts.leaves(tenant, &before.lead);
            counts.arrives(tenant, after);
            put_lead(table, tenant, before, &row)
        })
        .await
    }

    /// Removes as many of these leads as have not changed since they were read, with their counts.
    /// Answers how many were.
    ///
    /// # Errors
    /// When storage cannot be reached.
    pub async fn remove_many(
        &self,
        tenant: TenantId,
        rows: &[LeadRow],
    ) -> Result<usize, StoreError> {
        self.write_many(rows, |table, row, counts| {
            counts.leaves(tenant, &row.lead);
            let key = keys::lead(tenant, row.lead.campaign_id, row.lead.id);
            table.delete_if(&key, "row_version = :before", HashMap::new(), version(row))
        })
        .await
    }

    /// The rows of these leads that are there.
    ///
    /// # Errors
    /// When storage cannot be reached or a row cannot be read.
    pub async fn batch_get(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        leads: &[LeadId],
    ) -> Result<Vec<LeadRow>, StoreError> {
        let keys: BTreeSet<LeadId> = leads.iter().copied().collect();
        let keys: Vec<_> = keys
            .into_iter()
            .map(|lead| keys::lead(tenant, campaign, lead))
            .collect();
        self.table.batch_read(&keys, "lead").await
    }

    async fn insert_chunk(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        chunk: Chunk<'_>,
        entry: &mut Entry,
        inserted: &mut Inserted,
    ) -> Result<(), LeadsRefused> {
        let mut left = chunk.leads;
        for _round in 0..ROUNDS_MAX {
            if left.is_empty() {
                return Ok(());
            }
            let mut counts = Changes::default();
            let mut writes = Vec::with_capacity(TRANSACTION_WRITES_MAX);
            for lead in &left {
                counts.arrives(tenant, lead);
                writes.push(self.table.new_row(lead_item(
                    tenant,
                    &LeadRow {
                        lead: (*lead).clone(),
                        row_version: 0,
                    },
                )?)?);
            }
            let mut entering = enter(&self.table, tenant, campaign, entry)?;
            writes.append(&mut entering.take());
            writes.append(&mut count_writes(&self.table, &counts)?);
            let failed = match self.table.transact(writes).await? {
                Transacted::Done => {
                    *entry = Entry::Open;
                    inserted.added.extend(left.iter().map(|lead| lead.id));
                    return Ok(());
                }
                Transacted::Refused(failed) => failed,
            };
            let of_entry = failed.get(left.len()..).unwrap_or_default();
            if let Some(refused) = entering.refusal(of_entry) {
                return Err(LeadsRefused::NotLetIn {
                    because: refused.into(),
                    added: std::mem::take(&mut inserted.added),
                });
            }
            let refused: Vec<LeadId> = left
                .iter()
                .zip(&failed)
                .filter_map(|(lead, failed)| failed.then_some(lead.id))
                .collect();
            let mut there = self.batch_get(tenant, campaign, &refused).await?;
            // One that was removed since the refusal is written in the next round.
            let known: BTreeSet<LeadId> = there.iter().map(|row| row.lead.id).collect();
            left.retain(|lead| !known.contains(&lead.id));
            inserted.there_already.append(&mut there);
        }
        if left.is_empty() {
            return Ok(());
        }
        Err(LeadsRefused::Store(StoreError::Conflict))
    }

    /// Writes one row for each of `rows` and the counts that change with them, in chunks; a row that is
    /// refused is left out of the next try. Answers how many were written.
    async fn write_many<R>(
        &self,
        rows: &[R],
        write: impl Fn(&Table, &R, &mut Changes) -> Result<Write, StoreError>,
    ) -> Result<usize, StoreError> {
        // Leads of one campaign share a few count rows; where they do not, fewer go at once.
        const ROWS_MAX: usize = TRANSACTION_WRITES_MAX * 9 / 10;
        let mut written = 0;
        let mut rest: Vec<&R> = rows.iter().collect();
        let mut at_once = ROWS_MAX;
        while !rest.is_empty() {
            let some = rest.get(..at_once).unwrap_or(&rest);
            let mut counts = Changes::default();
            let mut writes = some
                .iter()
                .map(|row| write(&self.table, row, &mut counts))
                .collect::<Result<Vec<_>, _>>()?;
            writes.append(&mut count_writes(&self.table, &counts)?);
            if writes.len() > TRANSACTION_WRITES_MAX {
                at_once = some.len() / 2;
                continue;
            }
            let tried = some.len();
            match self.table.transact(writes).await? {
                Transacted::Done => {
                    written += tried;
                    rest.drain(..tried);
                }
                Transacted::Refused(failed) => {
                    // Those that were refused are left out; the others are tried again.
                    let mut failed = failed.into_iter().take(tried);
                    rest.retain(|_row| !failed.next().unwrap_or(false));
                }
            }
        }
        Ok(written)
    }
}

impl DueSpan {
    fn take(&mut self, at: Timestamp) {
        self.first = self.first.min(at);
        self.last = self.last.max(at);
    }
}

impl From<StoreError> for LeadsRefused {
    fn from(problem: StoreError) -> Self {
        Self::Store(problem)
    }
}

/// What changes a lead of the version that was read, with the counts: at most four writes, the lead's
/// first, for a transaction with whatever else belongs to the change. Answers the row as it is then.
pub(crate) fn transition(
    table: &Table,
    tenant: TenantId,
    before: &LeadRow,
    after: &Lead,
    call: CallCount,
) -> Result<(LeadRow, Vec<Write>), StoreError> {
    let row = LeadRow {
        lead: after.clone(),
        row_version: before.row_version.saturating_add(1),
    };
    let mut counts = Changes::default();
    counts.leaves(tenant, &before.lead);
    counts.arrives(tenant, after);
    counts.call(tenant, after, call);
    let mut writes = vec![put_lead(table, tenant, before, &row)?];
    writes.append(&mut count_writes(table, &counts)?);
    Ok((row, writes))
}

/// What changes a campaign's count of calls when the lead itself does not change: a call's outcome was
/// corrected after the lead went on.
pub(crate) fn recount(
    table: &Table,
    tenant: TenantId,
    lead: &Lead,
    call: CallCount,
) -> Result<Vec<Write>, StoreError> {
    let mut counts = Changes::default();
    counts.call(tenant, lead, call);
    count_writes(table, &counts)
}

/// The writes of new leads, in their order, and then those of their counts.
pub(crate) fn insert_writes(
    table: &Table,
    tenant: TenantId,
    leads: &[Lead],
) -> Result<Vec<Write>, StoreError> {
    let mut counts = Changes::default();
    let mut writes = Vec::with_capacity(leads.len());
    for lead in leads {
        counts.arrives(tenant, lead);
        let row = LeadRow {
            lead: lead.clone(),
            row_version: 0,
        };
        writes.push(table.new_row(lead_item(tenant, &row)?)?);
    }
    writes.append(&mut count_writes(table, &counts)?);
    Ok(writes)
}

/// The writes that remove leads of the versions that were read, in their order, and then those of their
/// counts.
pub(crate) fn remove_writes(
    table: &Table,
    tenant: TenantId,
    rows: &[LeadRow],
) -> Result<Vec<Write>, StoreError> {
    let mut counts = Changes::default();
    let mut writes = Vec::with_capacity(rows.len());
    for row in rows {
        counts.leaves(tenant, &row.lead);
        let key = keys::lead(tenant, row.lead.campaign_id, row.lead.id);
        writes.push(table.delete_if(
            &key,
            "row_version = :before",
            HashMap::new(),
            version(row),
        )?);
    }
    writes.append(&mut count_writes(table, &counts)?);
    Ok(writes)
}

/// The bytes of a transaction's leads with one more among them; `None`: that is too many.
pub(crate) fn room_for(lead: &Lead, before: usize) -> Option<usize> {
    let after = before.saturating_add(bytes(lead));
    (after <= TRANSACTION_BYTES_MAX).then_some(after)
}

fn put_lead(
    table: &Table,
    tenant: TenantId,
    before: &LeadRow,
    after: &LeadRow,
) -> Result<Write, StoreError> {
    table.put_if(
        lead_item(tenant, after)?,
        "row_version = :before",
        version(before),
    )
}

fn version(row: &LeadRow) -> Item {
    Item::from([(
        ":before".to_owned(),
        AttributeValue::N(row.row_version.to_string()),
    )])
}

fn lead_item(tenant: TenantId, row: &LeadRow) -> Result<Item, StoreError> {
    let lead = &row.lead;
    let key = keys::lead(tenant, lead.campaign_id, lead.id);
    let index = match lead.state {
        LeadState::Waiting { due_at } => Some(keys::due(
            tenant,
            lead.campaign_id,
            lead.lane_in_turn().id(),
            (lead.priority, due_at),
            lead.id,
        )),
        LeadState::Calling { .. } | LeadState::Done { .. } => None,
    };
    to_item(&key, index.as_ref(), row, "lead")
}

/// Leads that go into one transaction.
#[derive(Debug, Default)]
struct Chunk<'a> {
    leads: Vec<&'a Lead>,
    counts: BTreeMap<String, String>,
    bytes: usize,
}

impl Chunk<'_> {
    /// Makes room for a lead, if there is.
    fn takes(&mut self, tenant: TenantId, campaign: CampaignId, lead: &Lead) -> bool {
        let count = keys::count(tenant, campaign, lead.lane_in_turn().id(), lead.id);
        let is_new = !self.counts.contains_key(&count.sk);
        let writes =
            ENTRY_WRITES_MAX + self.leads.len() + 1 + self.counts.len() + usize::from(is_new);
        let bytes = self.bytes + bytes(lead);
        let full = writes > TRANSACTION_WRITES_MAX || bytes > TRANSACTION_BYTES_MAX;
        if full && !self.leads.is_empty() {
            return false;
        }
        self.counts.insert(count.sk, count.pk);
        self.bytes = bytes;
        true
    }
}

/// About how large a lead's row is: its own words and what every row has.
fn bytes(lead: &Lead) -> usize {
    const EVERY_ROW: usize = 1_024;
    const EVERY_ALTERNATE: usize = 80;
    let variables: usize = lead
        .variables
        .iter()
        .map(|(name, value)| name.len() + value.len() + 8)
        .sum();
    let names = |names: &[String]| names.iter().map(|name| name.len() + 3).sum::<usize>();
    let alternates: usize = lead
        .alternates
        .iter()
        .map(|AlternateNumber { lane, .. }| {
            EVERY_ALTERNATE + names(&lane.zones) + names(&lane.jurisdictions)
        })
        .sum();
    EVERY_ROW + variables + alternates
}
