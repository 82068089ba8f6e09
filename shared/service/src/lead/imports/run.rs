//! Works on an import: unpacks and checks the list, writes its leads batch by batch, takes them away again.
//!
//! Each step is written with the place that it leads to, on the condition that nobody else has written
//! meanwhile. So this may die anywhere and be started twice; the row of the table says where to go on.

use std::ops::ControlFlow;
use std::time::Duration;

use intake::{Entry, FileProblem, Intake, Position, Reason, Reject};
use jiff::Timestamp;
use model::{DomainEvent, EventId, EventKind, Lead, LeadId, LeadState, PhoneNumber};
use store::{
    BatchWritten, Entry as CampaignEntry, Import, ImportCounts, ImportJob, ImportProblem,
    ImportProblemCode, ImportState, LeadBatch, LeadFilter, LeadRow, NotTaken, StoreError,
};
use tracing::info;

use super::leads::lead_of;
use super::source::{ListSource, SourceError};
use super::{Imports, START, later};
use crate::Refused;
use crate::lead::listed::{depends_on_the_campaign, is_kept_out, listed};

/// How long one message is worked on before it is sent again: within the time that a message stays
/// hidden, so that nobody else takes it up meanwhile.
pub const BUDGET: Duration = Duration::from_secs(40);
/// Rows that are read for one batch. Most of them were kept out when it is met.
const BATCH_ROWS_MAX: u64 = 10_000;
/// Rows that are kept out in one batch: 50 KB in one row of the table.
const BATCH_REJECTS_MAX: usize = 500;
/// Rejects that are listed for download. A list with more is no list; the others are counted.
const LISTED_MAX: u64 = 1_000_000;
/// Rounds in which a batch is written again without leads that are in the campaign already.
const ROUNDS_MAX: u32 = 8;
/// Leads that are read at once to be taken away: some megabytes, whatever is in their variables.
const READ_AT_ONCE: u32 = 500;
/// Leads that are taken away in one transaction: with their counts, the import and an event they stay
/// within what one takes, even if each were counted by itself.
const REMOVED_AT_ONCE_MAX: usize = 45;
/// How often another worker on the same import may be first before the message is left to it.
const COLLISIONS_MAX: u32 = 5;

/// How a message ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportRunResult {
    /// There is nothing more to do.
    Finished,
    /// Its time was over; a new message goes on.
    ToBeContinued,
    /// No such import, or its list is not there yet.
    Nothing,
}

impl ImportRunResult {
    /// In logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::ToBeContinued => "to_be_continued",
            Self::Nothing => "nothing",
        }
    }
}

/// Why a message must come again.
#[derive(Debug, thiserror::Error)]
pub enum ImportRunError {
    /// Another worker is at the same import.
    #[error("another worker is at it")]
    Busy,
    #[error("storage did not answer")]
    Store(#[source] StoreError),
}

/// What a step came to.
pub(super) enum ImportStep {
    /// The import has gone on to another state.
    Next,
    /// Somebody else has changed it.
    Changed,
    OutOfTime,
}

/// Rows of a list up to a place.
struct Batch {
    leads: LeadBatch,
    /// What each lead comes from.
    rows: Vec<(LeadId, Origin)>,
    rejects: Vec<Reject>,
    entries: u64,
    /// Behind its last row.
    at: Position,
    ended: bool,
}

/// Where in the list a lead is.
#[derive(Debug, Clone, Copy)]
struct Origin {
    start: Position,
    /// Of its number.
    column: usize,
}

impl Origin {
    const fn reject(self, reason: Reason) -> Reject {
        Reject {
            row: self.start.row,
            column: Some(self.column),
            reason,
        }
    }
}

impl Imports {
    /// Works on an import until it is finished or its time is over.
    ///
    /// # Errors
    /// See [`ImportRunError`]: the message must come again.
    pub async fn run(&self, job: ImportJob) -> Result<ImportRunResult, ImportRunError> {
        Box::pin(self.run_for(job, BUDGET)).await
    }

    pub(super) async fn run_for(
        &self,
        job: ImportJob,
        budget: Duration,
    ) -> Result<ImportRunResult, ImportRunError> {
        let until = later(self.clock.now(), budget);
        for _collision in 0..COLLISIONS_MAX {
            loop {
                let import = self.imports.get(job.tenant_id, job.import_id).await?;
                let Some(import) = import else {
                    return Ok(ImportRunResult::Nothing);
                };
                let step = match &import.state {
                    ImportState::Uploading => return Ok(ImportRunResult::Nothing),
                    ImportState::Checking => self.check(import, until).await?,
                    ImportState::Running => Box::pin(self.rows(import, until)).await?,
                    ImportState::Undoing { .. } => self.take_back(import, until).await?,
                    ImportState::Completed { .. }
                    | ImportState::Undone { .. }
                    | ImportState::Failed { .. } => {
                        self.forget_list(&import).await;
                        return Ok(ImportRunResult::Finished);
                    }
                };
                match step {
                    ImportStep::Next => {}
                    ImportStep::Changed => break,
                    ImportStep::OutOfTime => {
                        self.queue.send(&job, Duration::ZERO).await?;
                        return Ok(ImportRunResult::ToBeContinued);
                    }
                }
            }
        }
        Err(ImportRunError::Busy)
    }

    /// Reads the list to its end for what makes it unusable as a whole. Nothing is written of its rows.
    async fn check(
        &self,
        mut import: Import,
        until: Timestamp,
    ) -> Result<ImportStep, ImportRunError> {
        if import.etag.is_none() {
            let head = self.bucket.head(&import.object_key).await?;
            let Some(head) = head.filter(|head| head.bytes == import.bytes) else {
                return self.fail(import, list_changed()).await;
            };
            import.etag = head.etag;
        }
        let packed = import.workbook.as_ref();
        if packed.is_some_and(|workbook| workbook.sheet.is_none()) {
            return self.unpack(import, until).await;
        }
        let mut intake = match (&import.layout, import.at) {
            (Some(layout), Some(at)) => Intake::resume(layout.clone(), at),
            (Some(_) | None, Some(_) | None) => Intake::new(import.options.clone()),
        };
        let offset = import.at.map_or(0, |at| at.offset);
        let mut source = ListSource::new(self.bucket.clone(), &import, offset);
        loop {
            let entry = match source.next(&mut intake).await {
                Ok(entry) => entry,
                Err(error) => return self.source_failed(import, error).await,
            };
            if import.layout.is_none() {
                import.layout = intake.layout().cloned();
            }
            match entry {
                Entry::Row(_) | Entry::Rejected(_) => import.rows_checked += 1,
                Entry::NeedsInput => {}
                Entry::End => break,
            }
            let pause = import.rows_checked.is_multiple_of(BATCH_ROWS_MAX);
            if pause && self.clock.now() >= until {
                import.at = intake.position();
                return Ok(match self.write(import, None).await? {
                    Some(_) => ImportStep::OutOfTime,
                    None => ImportStep::Changed,
                });
            }
        }
        import.state = ImportState::Running;
        import.at = import.layout.as_ref().map(|layout| layout.start);
        import.last_started_at = Some(self.clock.now());
        self.next(import, None).await
    }

    /// Writes the list's leads.
    async fn rows(
        &self,
        mut import: Import,
        until: Timestamp,
    ) -> Result<ImportStep, ImportRunError> {
        let (Some(layout), Some(at)) = (import.layout.clone(), import.at) else {
            // It cannot run without them: it is checked again.
            import.state = ImportState::Checking;
            return self.next(import, None).await;
        };
        if import.reject_file.is_some() {
            // All of them are written: an earlier message has come as far as the rows that were kept out.
            return self.complete(import, until).await;
        }
        let mut intake = Intake::resume(layout, at);
        let mut source = ListSource::new(self.bucket.clone(), &import, at.offset);
        let mut carried = None;
        loop {
            let batch = self.batch(&import, &mut intake, &mut source, &mut carried);
            let batch = match batch.await {
                Ok(batch) => batch,
                Err(error) => return self.source_failed(import, error).await,
            };
            let ended = batch.ended;
            import = match self.write_batch(import, batch).await? {
                Written::Done(import) => *import,
                Written::Changed => return Ok(ImportStep::Changed),
                Written::Failed(step) => return Ok(step),
            };
            if ended {
                return self.complete(import, until).await;
            }
            if self.clock.now() >= until {
                return Ok(ImportStep::OutOfTime);
            }
        }
    }

    /// Reads rows until there are enough for one transaction.
    async fn batch(
        &self,
        import: &Import,
        intake: &mut Intake,
        source: &mut ListSource,
        carried: &mut Option<(Lead, Origin)>,
    ) -> Result<Batch, SourceError> {
        let now = self.clock.now();
        let start = import.at.unwrap_or(START);
        let mut batch = Batch {
            leads: LeadBatch::default(),
            rows: Vec::new(),
            rejects: Vec::new(),
            entries: 0,
            at: start,
            ended: false,
        };
        loop {
            let (lead, origin) = match carried.take() {
                Some(carried) => carried,
                None => match source.next(intake).await? {
                    Entry::End => {
                        batch.ended = true;
                        batch.at = intake.position().unwrap_or(batch.at);
                        return Ok(batch);
                    }
                    Entry::NeedsInput => continue,
                    Entry::Rejected(reject) => {
                        batch.reject(reject, intake);
                        if batch.is_full() {
                            return Ok(batch);
                        }
                        continue;
                    }
                    Entry::Row(row) => {
                        let origin = Origin {
                            start: row.start,
                            column: row.column,
                        };
                        match lead_of(import, row, now) {
                            Ok(lead) => (lead, origin),
                            Err(reason) => {
                                batch.reject(origin.reject(reason), intake);
                                if batch.is_full() {
                                    return Ok(batch);
                                }
                                continue;
                            }
                        }
                    }
                },
            };
            let id = lead.id;
            match batch.leads.push(import.tenant_id, lead) {
                Ok(()) => {
                    batch.rows.push((id, origin));
                    batch.entries += 1;
                    batch.at = intake.position().unwrap_or(batch.at);
                }
                Err(NotTaken::There) => {
                    let reason = Reason::DuplicateInFile { first: None };
                    batch.reject(origin.reject(reason), intake);
                }
                Err(NotTaken::Full(lead)) => {
                    batch.at = origin.start;
                    *carried = Some((*lead, origin));
                    return Ok(batch);
                }
            }
        }
    }

    /// Writes a batch with all that it changes. Leads that must not be called, and those that are in the
    /// campaign already, are left out and told.
    async fn write_batch(
        &self,
        before: Import,
        mut batch: Batch,
    ) -> Result<Written, ImportRunError> {
        let tenant = before.tenant_id;
        let suppressed = self.suppressed(&before, batch.leads.leads()).await?;
        batch.leave_out(&suppressed, Reason::Suppressed);
        let mut entry = CampaignEntry::Open;
        for _round in 0..ROUNDS_MAX {
            let mut import = before.clone();
            import.at = Some(batch.at);
            import.updated_at = self.clock.now();
            import.version += 1;
            let listed = batch.count_into(&mut import.counts);
            // The first leads wake the planner; so does the end.
            let first = before.counts.added == 0 && import.counts.added > 0;
            let event = first.then(|| self.event(&import));
            let rejects = batch.rejects.get(..listed).unwrap_or_default();
            let leads = batch.leads.leads();
            let written = self
                .imports
                .add_batch(&import, leads, rejects, event.as_ref(), &entry);
            let refused = match written.await? {
                BatchWritten::Done => return Ok(Written::Done(Box::new(import))),
                BatchWritten::Changed => return Ok(Written::Changed),
                BatchWritten::NotLetIn(because) => {
                    let again = self.entries.again(tenant, before.campaign_id, because);
                    entry = match again.await {
                        Ok(entry) => entry,
                        Err(Refused::Unavailable(error)) => return Err(error.into()),
                        Err(refused) => {
                            let problem = not_let_in(&refused);
                            return Ok(Written::Failed(self.end(before, problem).await?));
                        }
                    };
                    continue;
                }
                BatchWritten::Refused(refused) => refused,
            };
            // One that was removed since the refusal is written in the next round.
            let there = self
                .leads
                .batch_get(tenant, before.campaign_id, &refused)
                .await?;
            let (ours, others): (Vec<_>, Vec<_>) = there
                .iter()
                .map(|row| (row.lead.id, row.lead.import_id))
                .partition(|(_, import)| *import == Some(before.id));
            let ids = |rows: Vec<(LeadId, _)>| rows.into_iter().map(|(id, _)| id).collect();
            let again: Vec<LeadId> = ids(ours);
            batch.leave_out(&again, Reason::DuplicateInFile { first: None });
            let known: Vec<LeadId> = ids(others);
            batch.leave_out(&known, Reason::AlreadyInCampaign);
        }
        Err(ImportRunError::Store(StoreError::Conflict))
    }

    /// Those whose numbers must not be called.
    async fn suppressed(
        &self,
        import: &Import,
        leads: &[Lead],
    ) -> Result<Vec<LeadId>, ImportRunError> {
        let numbers = leads.iter().flat_map(Lead::numbers);
        let numbers: Vec<PhoneNumber> = numbers.map(|(number, _lane)| number.clone()).collect();
        let contacts = self.contacts.batch_get(import.tenant_id, &numbers).await?;
        let listed = listed(contacts);
        let campaign = if depends_on_the_campaign(leads, &listed) {
            let (tenant, campaign) = (import.tenant_id, import.campaign_id);
            self.campaigns.get(tenant, campaign).await?
        } else {
            None
        };
        let alternates = campaign.map(|campaign| campaign.fields.alternate_numbers);
        let alternates = alternates.unwrap_or_default();
        Ok(leads
            .iter()
            .filter(|lead| {
                let numbers = lead.numbers().map(|(number, _lane)| number);
                is_kept_out(numbers, &listed, &alternates)
            })
            .map(|lead| lead.id)
            .collect())
    }

    /// All rows are read: the rejects become a file, and the import is over.
    async fn complete(
        &self,
        import: Import,
        until: Timestamp,
    ) -> Result<ImportStep, ImportRunError> {
        let mut import = match self.write_rejects(import, until).await? {
            ControlFlow::Continue(import) => *import,
            ControlFlow::Break(step) => return Ok(step),
        };
        info!(import.id = %import.id, tenant.id = %import.tenant_id, added = import.counts.added,
            rejected = import.counts.rejected(), "an import is complete");
        import.state = ImportState::Completed {
            ended_at: self.clock.now(),
        };
        let event = self.event(&import);
        self.next(import, Some(&event)).await
    }

    /// Takes the import's leads away, but those that were called.
    async fn take_back(
        &self,
        mut import: Import,
        until: Timestamp,
    ) -> Result<ImportStep, ImportRunError> {
        let filter = LeadFilter {
            import: Some(import.id),
            ..LeadFilter::default()
        };
        loop {
            let Some((after, _problem)) = undoing(&import) else {
                return Ok(ImportStep::Next);
            };
            let page = self.leads.list(
                import.tenant_id,
                import.campaign_id,
                &filter,
                after,
                READ_AT_ONCE,
            );
            let page = page.await?;
            let mut rows = page.items;
            loop {
                let rest = rows.split_off(rows.len().min(REMOVED_AT_ONCE_MAX));
                // Behind the last of these leads, or behind all that the page has looked at.
                let last = rows.last().map(|row| row.lead.id);
                let after = if rest.is_empty() { page.next } else { last };
                import = match self.remove_batch(import, rows, after).await? {
                    Some(import) => import,
                    None => return Ok(ImportStep::Changed),
                };
                if after.is_none() {
                    return Ok(ImportStep::Next);
                }
                if self.clock.now() >= until {
                    return Ok(ImportStep::OutOfTime);
                }
                if rest.is_empty() {
                    break;
                }
                rows = rest;
            }
        }
    }

    /// Removes those of some leads that were never called, and notes where to go on: nowhere, and the
    /// import is undone. `None`: somebody else has changed the import.
    async fn remove_batch(
        &self,
        import: Import,
        mut rows: Vec<LeadRow>,
        after: Option<LeadId>,
    ) -> Result<Option<Import>, ImportRunError> {
        let Some((_after, problem)) = undoing(&import) else {
            return Ok(None);
        };
        let mut kept = take_called(&mut rows);
        for _round in 0..ROUNDS_MAX {
            let mut removed = import.clone();
            let now = self.clock.now();
            removed.version += 1;
            removed.updated_at = now;
            removed.counts.removed += u64::try_from(rows.len()).unwrap_or(u64::MAX);
            removed.counts.kept += kept;
            removed.state = match (after, problem.clone()) {
                (Some(after), problem) => ImportState::Undoing {
                    after: Some(after),
                    problem,
                },
                (None, None) => ImportState::Undone { ended_at: now },
                (None, Some(problem)) => ImportState::Failed {
                    ended_at: now,
                    problem,
                },
            };
            let event = after.is_none().then(|| self.event(&removed));
            let written = self.imports.remove_batch(&removed, &rows, event.as_ref());
            let changed = match written.await? {
                BatchWritten::Done => return Ok(Some(removed)),
                BatchWritten::Changed | BatchWritten::NotLetIn(_) => return Ok(None),
                BatchWritten::Refused(changed) => changed,
            };
            // They were claimed, called or removed meanwhile: they are looked at again.
            rows.retain(|row| !changed.contains(&row.lead.id));
            let there = self
                .leads
                .batch_get(import.tenant_id, import.campaign_id, &changed);
            let mut there = there.await?;
            kept += take_called(&mut there);
            rows.append(&mut there);
        }
        Err(ImportRunError::Store(StoreError::Conflict))
    }

    /// The list cannot be read on.
    pub(super) async fn source_failed(
        &self,
        import: Import,
        error: SourceError,
    ) -> Result<ImportStep, ImportRunError> {
        match error {
            SourceError::Store(error) => Err(error.into()),
            SourceError::Changed => self.fail(import, list_changed()).await,
            SourceError::File(file) => self.fail(import, of_file(&file)).await,
        }
    }

    /// What was written is taken away again, if anything was: nothing stays half imported.
    async fn fail(
        &self,
        mut import: Import,
        problem: ImportProblem,
    ) -> Result<ImportStep, ImportRunError> {
        if import.counts.added == 0 {
            return self.end(import, problem).await;
        }
        import.state = ImportState::Undoing {
            after: None,
            problem: Some(problem),
        };
        self.next(import, None).await
    }

    async fn end(
        &self,
        mut import: Import,
        problem: ImportProblem,
    ) -> Result<ImportStep, ImportRunError> {
        import.state = ImportState::Failed {
            ended_at: self.clock.now(),
            problem,
        };
        let event = self.event(&import);
        self.next(import, Some(&event)).await
    }

    async fn next(
        &self,
        import: Import,
        event: Option<&DomainEvent>,
    ) -> Result<ImportStep, ImportRunError> {
        let written = self.write(import, event).await?;
        Ok(written.map_or(ImportStep::Changed, |_import| ImportStep::Next))
    }

    /// `None`: somebody else has changed it.
    pub(super) async fn write(
        &self,
        mut import: Import,
        event: Option<&DomainEvent>,
    ) -> Result<Option<Import>, ImportRunError> {
        import.version += 1;
        import.updated_at = self.clock.now();
        match self.imports.replace(&import, event).await {
            Ok(()) => Ok(Some(import)),
            Err(StoreError::Conflict) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn event(&self, import: &Import) -> DomainEvent {
        DomainEvent {
            id: self.ids.fresh(EventId::from_parts),
            tenant_id: import.tenant_id,
            at: self.clock.now(),
            kind: EventKind::ImportAdvanced {
                import_id: import.id,
                campaign_id: import.campaign_id,
            },
        }
    }
}

/// What became of a batch and of the import with it.
enum Written {
    Done(Box<Import>),
    Changed,
    Failed(ImportStep),
}

impl Batch {
    fn reject(&mut self, reject: Reject, intake: &Intake) {
        self.rejects.push(reject);
        self.entries += 1;
        self.at = intake.position().unwrap_or(self.at);
    }

    fn is_full(&self) -> bool {
        self.entries >= BATCH_ROWS_MAX || self.rejects.len() >= BATCH_REJECTS_MAX
    }

    /// Moves leads to the rows that are kept out.
    fn leave_out(&mut self, leads: &[LeadId], reason: Reason) {
        for (id, origin) in &self.rows {
            if leads.contains(id) {
                self.rejects.push(origin.reject(reason));
            }
        }
        self.rows.retain(|(id, _)| !leads.contains(id));
        self.leads.retain(|lead| !leads.contains(&lead.id));
        self.rejects.sort_by_key(|reject| reject.row);
    }

    /// Counts it, and says how many of its rejects are listed.
    fn count_into(&self, counts: &mut ImportCounts) -> usize {
        counts.rows += self.entries;
        counts.added += u64::try_from(self.leads.leads().len()).unwrap_or(u64::MAX);
        for reject in &self.rejects {
            let code = reject.reason.code().to_owned();
            *counts.rejected.entry(code).or_default() += 1;
        }
        let room = LISTED_MAX.saturating_sub(counts.listed);
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let listed = self.rejects.len().min(room);
        counts.listed += u64::try_from(listed).unwrap_or(u64::MAX);
        listed
    }
}

/// How far undoing is, and why it is done.
fn undoing(import: &Import) -> Option<(Option<LeadId>, Option<ImportProblem>)> {
    match &import.state {
        ImportState::Undoing { after, problem } => Some((*after, problem.clone())),
        ImportState::Uploading
        | ImportState::Checking
        | ImportState::Running
        | ImportState::Completed { .. }
        | ImportState::Undone { .. }
        | ImportState::Failed { .. } => None,
    }
}

/// Leaves only leads that were never called, and says how many others there were.
fn take_called(rows: &mut Vec<LeadRow>) -> u64 {
    let before = rows.len();
    rows.retain(|row| {
        let on_a_call = matches!(row.lead.state, LeadState::Calling { .. });
        row.lead.last_call_id.is_none() && row.lead.attempts == 0 && !on_a_call
    });
    u64::try_from(before - rows.len()).unwrap_or(u64::MAX)
}

fn of_file(file: &FileProblem) -> ImportProblem {
    ImportProblem {
        code: ImportProblemCode::from(file),
        sentence: file.to_string(),
        row: file.row(),
    }
}

fn list_changed() -> ImportProblem {
    problem(
        ImportProblemCode::ListChanged,
        "the list was replaced or removed while it was read",
    )
}

/// Why the campaign takes no lead of the list.
fn not_let_in(refused: &Refused) -> ImportProblem {
    let code = ImportProblemCode::CampaignClosed;
    let sentence = if let Refused::CannotStart(problems) = refused {
        let why = problems.first().map_or("", |problem| problem.says.as_str());
        format!("the campaign is completed and cannot go on: its agent {why}")
    } else {
        refused.to_string()
    };
    problem(code, &sentence)
}

fn problem(code: ImportProblemCode, sentence: &str) -> ImportProblem {
    ImportProblem {
        code,
        sentence: sentence.to_owned(),
        row: None,
    }
}

impl From<StoreError> for ImportRunError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
