//! Lists of leads on their way into a campaign: preview, import, progress, rejects, undo.
//!
//! A small list comes in one request and is worked on at once; a large one is put into the bucket by its
//! owner and worked on from the import queue. Both are the same from there on, see [`run`]; a workbook is, once
//! its sheet is a CSV (see [`workbook`]). What rows say is read by `intake`; nothing here looks into a file.

mod leads;
mod preview;
mod rejects;
mod run;
mod source;
mod workbook;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use intake::workbook::is_workbook;
use intake::{FILE_BYTES_MAX, FileProblem, Options, Position};
use jiff::{SignedDuration, Timestamp};
use model::{Campaign, CampaignId, ImportId, TenantId};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use store::{
    Agents, Bucket, Campaigns, Contacts, Import, ImportCounts, ImportJob, ImportState,
    ImportedWorkbook, Leads, Page, PresignedPut, Prompts, Queue, Requests, StoreError,
};
use tracing::warn;

use super::sheet::ListCsv;
use crate::campaign::entry::Entries;
use crate::context::requests::Keyed;
use crate::{Clock, IdempotencyKey, Ids, Refused};

pub use dialer::Opener;
pub use leads::{alternates_of, lane_of};
pub use preview::{
    NEVER_CALLED_MAX, NeverCalled, PREVIEW_BYTES_MAX, PREVIEW_ROWS_MAX, Preview, PreviewRow, Reach,
};
pub use run::{BUDGET, ImportRunError, ImportRunResult};

/// The largest list that comes in one request: some ten thousand rows, which are written within the time
/// that a request may take.
pub const SMALL_FILE_BYTES_MAX: usize = 1_000_000;
/// How long an upload may begin after it was asked for.
const UPLOAD_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// How long a link to a reject file works.
const LINK_LIFETIME: Duration = Duration::from_secs(5 * 60);
/// How long a request works on a small list: an API gateway answers for us after 29 s.
const REQUEST_BUDGET: Duration = Duration::from_secs(20);
/// A small list that the request did not finish goes on from the queue after this long.
const SAFETY_DELAY: Duration = Duration::from_secs(60);

/// The use cases of imports.
#[derive(Debug, Clone)]
pub struct Imports {
    imports: store::Imports,
    campaigns: Campaigns,
    entries: Entries,
    leads: Leads,
    contacts: Contacts,
    agents: Agents,
    prompts: Prompts,
    requests: Requests,
    bucket: Bucket,
    queue: Queue<ImportJob>,
    clock: Arc<dyn Clock>,
    ids: Ids,
}

/// An upload that may begin.
#[derive(Debug, Clone, PartialEq)]
pub struct BegunUpload {
    pub import: Import,
    pub put: PresignedPut,
    pub expires_at: Timestamp,
}

/// What is known of an import's progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Per cent of the list's bytes that are done with, of the step that it is at.
    pub percent: u8,
    /// When all leads are written, if it goes on like this.
    pub ends_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct Fingerprint<'a> {
    campaign: CampaignId,
    sha256: String,
    bytes: u64,
    options: &'a Options,
}

impl Imports {
    #[must_use]
    pub fn new(store: &store::Store, clock: Arc<dyn Clock>, ids: Ids) -> Self {
        Self {
            imports: store.imports.clone(),
            entries: Entries::new(store.campaigns.clone(), Arc::clone(&clock), ids.clone()),
            campaigns: store.campaigns.clone(),
            leads: store.leads.clone(),
            contacts: store.contacts.clone(),
            agents: store.agents.clone(),
            prompts: store.prompts.clone(),
            requests: store.requests.clone(),
            bucket: store.bucket.clone(),
            queue: store.import.clone(),
            clock,
            ids,
        }
    }

    /// What a list would bring, without writing anything.
    ///
    /// # Errors
    /// See [`Refused`]; a list that is refused as a whole is [`Refused::List`].
    pub async fn preview(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        file: Bytes,
        options: Options,
    ) -> Result<Preview, Refused> {
        let campaign = self.open_campaign(tenant, campaign).await?;
        let list = ListCsv::of_file(file, options, &self.clock).await?;
        Box::pin(self.preview_of(campaign, list)).await
    }

    /// Imports a small list. It is whole when this answers, or goes on from the queue.
    ///
    /// # Errors
    /// See [`Refused`]. Nothing is written when the list is refused as a whole.
    pub async fn create(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        file: Bytes,
        options: Options,
        key: Option<&IdempotencyKey>,
    ) -> Result<Import, Refused> {
        let fingerprint = Fingerprint {
            campaign,
            sha256: hex::encode(Sha256::digest(&file)),
            bytes: length(&file),
            options: &options,
        };
        let keyed = Keyed::new("imports", key, &fingerprint)?;
        if let Some(made) = self.made_before(tenant, keyed.as_ref()).await? {
            return self.work_now(made).await;
        }
        self.open_campaign(tenant, campaign).await?;
        let list = ListCsv::of_file(file, options, &self.clock).await?;
        preview::check(list.csv.clone(), list.options.clone())?;
        let mut import = self.fresh(tenant, campaign, length(&list.csv), list.options);
        import.state = ImportState::Checking;
        import.workbook = list.workbook.map(|workbook| ImportedWorkbook {
            object_key: None,
            sheet: Some(workbook.sheet),
        });
        // The list first: an import whose list is not there could not go on.
        self.bucket
            .put(&import.object_key, list.csv, CONTENT_TYPE)
            .await?;
        if let Some(earlier) = self.write_new(&import, keyed.as_ref()).await? {
            self.forget_object(&import.object_key).await;
            import = earlier;
        }
        let job = job_of(&import);
        self.queue.send(&job, SAFETY_DELAY).await?;
        self.work_now(import).await
    }

    /// Begins the import of a list that its owner puts into the bucket.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn begin_upload(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        bytes: u64,
        key: Option<&IdempotencyKey>,
    ) -> Result<BegunUpload, Refused> {
        if bytes == 0 {
            return Err(FileProblem::Empty.into());
        }
        if bytes > FILE_BYTES_MAX {
            return Err(FileProblem::TooLarge.into());
        }
        let fingerprint = Fingerprint {
            campaign,
            sha256: String::new(),
            bytes,
            options: &Options::default(),
        };
        let keyed = Keyed::new("uploads", key, &fingerprint)?;
        let mut import = match self.made_before(tenant, keyed.as_ref()).await? {
            Some(made) => made,
            None => {
                self.open_campaign(tenant, campaign).await?;
                self.fresh(tenant, campaign, bytes, Options::default())
            }
        };
        if import.version == 0
            && let Some(earlier) = self.write_new(&import, keyed.as_ref()).await?
        {
            import = earlier;
        }
        if import.state != ImportState::Uploading {
            return Err(Refused::ImportStarted);
        }
        let put = self
            .bucket
            .presign_put(&import.object_key, import.bytes, UPLOAD_LIFETIME)
            .await?;
        Ok(BegunUpload {
            import,
            put,
            expires_at: later(self.clock.now(), UPLOAD_LIFETIME),
        })
    }

    /// What the beginning of an uploaded list would bring, without writing anything.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn preview_upload(
        &self,
        tenant: TenantId,
        import: ImportId,
        options: Options,
    ) -> Result<Preview, Refused> {
        let import = self.get(tenant, import).await?;
        let list = self.beginning(&import, options).await?;
        if list.csv.is_empty() {
            return Err(workbook::TOO_SLOW.into());
        }
        let campaign = self.campaigns.get(tenant, import.campaign_id).await?;
        let campaign = campaign.ok_or(Refused::NotFound)?;
        Box::pin(self.preview_of(campaign, list)).await
    }

    /// Starts the import of an uploaded list.
    ///
    /// # Errors
    /// See [`Refused`]; the list can be put again and started again after any of them but
    /// [`Refused::ImportStarted`].
    pub async fn start(
        &self,
        tenant: TenantId,
        import: ImportId,
        options: Options,
    ) -> Result<Import, Refused> {
        let mut import = self.get(tenant, import).await?;
        match import.state {
            ImportState::Uploading => {}
            // Whoever starts it twice may have seen it stand still: it is woken, in any case.
            ImportState::Checking | ImportState::Running | ImportState::Undoing { .. } => {
                self.queue.send(&job_of(&import), Duration::ZERO).await?;
                return Err(Refused::ImportStarted);
            }
            ImportState::Completed { .. }
            | ImportState::Undone { .. }
            | ImportState::Failed { .. } => return Err(Refused::ImportStarted),
        }
        self.open_campaign(tenant, import.campaign_id).await?;
        let list = self.beginning(&import, options.clone()).await?;
        import.state = ImportState::Checking;
        import.options = options;
        import.workbook = list.workbook.is_some().then(|| ImportedWorkbook {
            object_key: Some(import.object_key.clone()),
            sheet: None,
        });
        // A workbook that takes long to open is looked at by whoever reads it to its end.
        if !list.csv.is_empty() {
            preview::check_beginning(list.csv, list.whole, list.options)?;
        }
        import.version += 1;
        import.updated_at = self.clock.now();
        match self.imports.replace(&import, None).await {
            Ok(()) => {}
            Err(StoreError::Conflict) => return Err(Refused::ImportStarted),
            Err(error) => return Err(error.into()),
        }
        self.queue.send(&job_of(&import), Duration::ZERO).await?;
        Ok(import)
    }

    /// Reads an import.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn get(&self, tenant: TenantId, import: ImportId) -> Result<Import, Refused> {
        let found = self.imports.get(tenant, import).await?;
        found.ok_or(Refused::NotFound)
    }

    /// A campaign's imports, newest first, older than `after`.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn list(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        after: Option<ImportId>,
        limit: u32,
    ) -> Result<Page<Import>, Refused> {
        if self.campaigns.get(tenant, campaign).await?.is_none() {
            return Err(Refused::NotFound);
        }
        Ok(self.imports.list(tenant, campaign, after, limit).await?)
    }

    /// An address of the file of rows that were kept out, for a few minutes.
    ///
    /// # Errors
    /// [`Refused::ImportUnfinished`] while rows are still being read.
    pub async fn rejects_link(
        &self,
        tenant: TenantId,
        import: ImportId,
    ) -> Result<String, Refused> {
        let import = self.get(tenant, import).await?;
        match import.state {
            ImportState::Completed { .. } => {}
            ImportState::Uploading
            | ImportState::Checking
            | ImportState::Running
            | ImportState::Undoing { .. }
            | ImportState::Undone { .. }
            | ImportState::Failed { .. } => return Err(Refused::ImportUnfinished),
        }
        let name = format!("rejects-{}.csv", import.id);
        let key = rejects_key(&import);
        Ok(self.bucket.presign(&key, &name, LINK_LIFETIME).await?)
    }

    /// Takes an import back: its leads that were never called are removed. Asking twice is fine.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn undo(&self, tenant: TenantId, import: ImportId) -> Result<Import, Refused> {
        /// Every try loses to a batch that was written; between two batches there is time.
        const TRIES_MAX: u32 = 50;
        for _try in 0..TRIES_MAX {
            let mut import = self.get(tenant, import).await?;
            match import.state {
                ImportState::Uploading
                | ImportState::Checking
                | ImportState::Running
                | ImportState::Completed { .. }
                | ImportState::Failed { .. } => {}
                ImportState::Undoing { .. } => {
                    self.queue.send(&job_of(&import), Duration::ZERO).await?;
                    return Ok(import);
                }
                ImportState::Undone { .. } => return Ok(import),
            }
            import.state = ImportState::Undoing {
                after: None,
                problem: None,
            };
            import.version += 1;
            import.updated_at = self.clock.now();
            match self.imports.replace(&import, None).await {
                Ok(()) => {}
                Err(StoreError::Conflict) => continue,
                Err(error) => return Err(error.into()),
            }
            self.queue.send(&job_of(&import), Duration::ZERO).await?;
            return Ok(import);
        }
        Err(Refused::Unavailable(StoreError::Conflict))
    }

    /// How far an import is.
    #[must_use]
    pub fn progress(&self, import: &Import) -> Progress {
        let done = import.at.map_or(0, |at| at.offset).min(import.bytes);
        let percent = done.saturating_mul(100).checked_div(import.bytes);
        let percent = u8::try_from(percent.unwrap_or_default()).unwrap_or(100);
        match import.state {
            ImportState::Uploading => Progress {
                percent: 0,
                ends_at: None,
            },
            ImportState::Checking => Progress {
                percent,
                ends_at: None,
            },
            ImportState::Running => Progress {
                percent,
                ends_at: forecast(import, done),
            },
            ImportState::Completed { .. }
            | ImportState::Undoing { .. }
            | ImportState::Undone { .. }
            | ImportState::Failed { .. } => Progress {
                percent: 100,
                ends_at: None,
            },
        }
    }

    async fn open_campaign(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
    ) -> Result<Campaign, Refused> {
        self.entries.campaign(tenant, campaign).await
    }

    fn fresh(
        &self,
        tenant_id: TenantId,
        campaign_id: CampaignId,
        bytes: u64,
        options: Options,
    ) -> Import {
        let id = self.ids.fresh(ImportId::from_parts);
        let now = self.clock.now();
        Import {
            id,
            tenant_id,
            campaign_id,
            created_at: now,
            updated_at: now,
            version: 0,
            state: ImportState::Uploading,
            object_key: format!("imports/{tenant_id}/{id}.csv"),
            bytes,
            workbook: None,
            workbook_tries: 0,
            etag: None,
            options,
            layout: None,
            at: None,
            rows_checked: 0,
            counts: ImportCounts::default(),
            last_started_at: None,
            reject_file: None,
        }
    }

    async fn made_before(
        &self,
        tenant: TenantId,
        keyed: Option<&Keyed>,
    ) -> Result<Option<Import>, Refused> {
        let Some(keyed) = keyed else {
            return Ok(None);
        };
        let Some(made) = keyed.made_before(&self.requests, tenant).await? else {
            return Ok(None);
        };
        self.get(tenant, made).await.map(Some)
    }

    /// Writes a new import; the one that the same request made before, if it did meanwhile.
    async fn write_new(
        &self,
        import: &Import,
        keyed: Option<&Keyed>,
    ) -> Result<Option<Import>, Refused> {
        let request = keyed.map(|keyed| keyed.makes(&import.id, import.created_at));
        match self.imports.create(import, request.as_ref()).await {
            Ok(()) => Ok(None),
            Err(StoreError::Conflict) => {
                let made = self.made_before(import.tenant_id, keyed).await?;
                made.map(Some)
                    .ok_or(Refused::Unavailable(StoreError::Conflict))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Works on an import within the request. What is left when its time is over, or fails, is done from
    /// the queue.
    async fn work_now(&self, import: Import) -> Result<Import, Refused> {
        if let Err(problem) = Box::pin(self.run_for(job_of(&import), REQUEST_BUDGET)).await {
            warn!(import.id = %import.id, problem = &problem as &dyn std::error::Error,
                "an import goes on from the queue");
        }
        self.get(import.tenant_id, import.id).await
    }

    /// The beginning of an uploaded list, as a CSV; without any of it when a workbook takes long to open.
    async fn beginning(&self, import: &Import, options: Options) -> Result<ListCsv, Refused> {
        let head = self.bucket.head(&import.object_key).await?;
        let head = head.ok_or(Refused::NotUploaded)?;
        if head.bytes != import.bytes {
            return Err(Refused::NotUploaded);
        }
        let piece = self
            .bucket
            .piece(&import.object_key, 0, PREVIEW_BYTES_MAX)
            .await?;
        let piece = piece.ok_or(Refused::NotUploaded)?;
        let whole = length(&piece.bytes) == import.bytes;
        if !is_workbook(&piece.bytes) {
            return Ok(ListCsv::of_csv(piece.bytes, whole, options));
        }
        let file = if whole {
            piece.bytes
        } else {
            let mut import = import.clone();
            import.etag = head.etag;
            self.packed(&import).await?
        };
        let read = ListCsv::of_workbook(file, options, PREVIEW_BYTES_MAX, &self.clock);
        Ok(read.await?)
    }

    /// What the import had in the bucket to read from.
    async fn forget_list(&self, import: &Import) {
        self.forget_object(&import.object_key).await;
        let packed = import.workbook.as_ref();
        let packed = packed.and_then(|workbook| workbook.object_key.as_ref());
        if let Some(packed) = packed.filter(|packed| **packed != import.object_key) {
            self.forget_object(packed).await;
        }
        if let Some(file) = &import.reject_file {
            self.forget_object(&file.rest_key).await;
        }
    }

    /// Best effort: the bucket's lifecycle rule for `imports/` removes what stays.
    async fn forget_object(&self, key: &str) {
        if let Err(problem) = self.bucket.remove(key).await {
            warn!(
                problem = &problem as &dyn std::error::Error,
                "a list could not be removed"
            );
        }
    }
}

const CONTENT_TYPE: &str = "text/csv";
/// The beginning of a list.
const START: Position = Position {
    offset: 0,
    row: 1,
    after_cr: false,
};

fn rejects_key(import: &Import) -> String {
    format!("imports/{}/{}-rejects.csv", import.tenant_id, import.id)
}

fn job_of(import: &Import) -> ImportJob {
    ImportJob {
        tenant_id: import.tenant_id,
        import_id: import.id,
    }
}

fn length(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// In a straight line from the bytes that are done.
fn forecast(import: &Import, done: u64) -> Option<Timestamp> {
    let since = import.last_started_at?;
    let took = import.updated_at.duration_since(since).as_millis();
    let took = u128::try_from(took).ok()?;
    let left = u128::from(import.bytes.saturating_sub(done));
    let rest = took.saturating_mul(left).checked_div(u128::from(done))?;
    let rest = u64::try_from(rest).ok()?;
    Some(later(import.updated_at, Duration::from_millis(rest)))
}
