//! The file of rows that were kept out: read out of the list again, when all its leads are written.
//!
//! A list may be longer than can be read in the time of one message. Then what is written so far stays
//! (parts of the file in the bucket, what is no part yet as an object beside it), the import notes how far
//! it is, and the next message goes on there. Whoever dies in between is as if he had not begun. It is the
//! same file each time it is written.

use std::ops::ControlFlow;

use bytes::Bytes;
use intake::Position;
use intake::rejects::{RejectWriter, begin, write_lost};
use jiff::Timestamp;
use store::{Import, PART_BYTES, RejectFile, StoreError, Upload};

use super::run::{ImportRunError, ImportStep};
use super::source::{ListSource, SourceError};
use super::{CONTENT_TYPE, Imports, START, length, rejects_key};

/// Rows that are read between two looks at the clock; so far every message comes.
const LOOK_ROWS: u64 = 1_000;

/// A reject file while it is written.
struct Draft {
    key: String,
    /// Parts that are in the bucket, of this or an earlier message.
    upload: Option<Upload>,
    /// It was begun by another message, whose parts may be gone.
    resumed: bool,
    /// What is no part yet.
    rest: Vec<u8>,
    at: Position,
    after: Option<u64>,
    after_batch: Option<u64>,
}

impl Imports {
    /// Writes the rows that were kept out, as far as there is time. `Break`: the file is not whole, and the
    /// import was changed to go on with it, or by somebody else.
    pub(super) async fn write_rejects(
        &self,
        import: Import,
        until: Timestamp,
    ) -> Result<ControlFlow<ImportStep, Box<Import>>, ImportRunError> {
        let mut draft = self.draft(&import).await?;
        match Box::pin(self.fill(&import, &mut draft, until)).await {
            Ok(Filled::Whole) => Ok(ControlFlow::Continue(Box::new(import))),
            Ok(Filled::OutOfTime) => self.keep(import, draft).await,
            Ok(Filled::Not(problem)) => {
                let step = self.source_failed(import, problem).await?;
                Ok(ControlFlow::Break(step))
            }
            Err(error) => {
                // Parts of a file that was not finished do not stay for ever: it is begun again.
                if draft.resumed {
                    let mut anew = import;
                    anew.reject_file = None;
                    self.write(anew, None).await?;
                }
                Err(error.into())
            }
        }
    }

    /// The file as far as an earlier message has come, or its beginning.
    async fn draft(&self, import: &Import) -> Result<Draft, ImportRunError> {
        if let Some(file) = &import.reject_file
            && let Some(rest) = self.rest_of(file).await?
        {
            return Ok(Draft {
                key: rejects_key(import),
                upload: file.upload.clone(),
                resumed: true,
                rest,
                at: file.at,
                after: file.after,
                after_batch: file.after_batch,
            });
        }
        let (mut at, mut rest) = (import.at.unwrap_or(START), Vec::new());
        if let Some(layout) = &import.layout {
            let head = layout.start.offset.max(1);
            let head = self.bucket.piece(&import.object_key, 0, head).await?;
            let head = head.map(|piece| piece.bytes).unwrap_or_default();
            (at, rest) = (layout.start, begin(layout, &head));
        }
        Ok(Draft {
            key: rejects_key(import),
            upload: None,
            resumed: false,
            rest,
            at,
            after: None,
            after_batch: None,
        })
    }

    /// What was no part yet when an earlier message stopped, if it is there.
    async fn rest_of(&self, file: &RejectFile) -> Result<Option<Vec<u8>>, StoreError> {
        if file.rest_bytes == 0 {
            return Ok(Some(Vec::new()));
        }
        let rest = self
            .bucket
            .piece(&file.rest_key, 0, file.rest_bytes)
            .await?;
        let rest = rest.map(|piece| piece.bytes);
        let rest = rest.filter(|rest| length(rest) == file.rest_bytes);
        Ok(rest.map(Vec::from))
    }

    async fn fill(
        &self,
        import: &Import,
        draft: &mut Draft,
        until: Timestamp,
    ) -> Result<Filled, StoreError> {
        if let Some(layout) = &import.layout
            && import.counts.listed > 0
        {
            let mut list = RejectWriter::resume(layout.clone(), draft.at);
            let mut source = ListSource::new(self.bucket.clone(), import, draft.at.offset);
            // The row that the list is at.
            let mut row = None;
            let mut read = 0_u64;
            loop {
                let page = self
                    .imports
                    .rejects(import.tenant_id, import.id, draft.after_batch);
                let (rejects, next) = page.await?;
                let after = draft.after;
                let rejects = rejects
                    .into_iter()
                    .filter(|reject| after.is_none_or(|after| reject.row > after));
                for reject in rejects {
                    while row.is_none_or(|row| row < reject.row) {
                        let look = read > 0 && read.is_multiple_of(LOOK_ROWS);
                        if look && self.clock.now() >= until {
                            draft.at = list.position().unwrap_or(draft.at);
                            return Ok(Filled::OutOfTime);
                        }
                        read += 1;
                        match source.next_of(&mut list).await {
                            Ok(Some(next)) => row = Some(next),
                            Ok(None) => row = Some(u64::MAX),
                            Err(SourceError::Store(error)) => return Err(error),
                            Err(problem) => return Ok(Filled::Not(problem)),
                        }
                    }
                    if row == Some(reject.row) {
                        list.write(&reject, &mut draft.rest);
                    } else {
                        write_lost(layout, &reject, &mut draft.rest);
                    }
                    draft.after = Some(reject.row);
                    if draft.rest.len() >= PART_BYTES {
                        self.add(draft).await?;
                    }
                }
                match next {
                    Some(batch) => draft.after_batch = Some(batch),
                    None => break,
                }
            }
        }
        self.finish(draft).await?;
        Ok(Filled::Whole)
    }

    /// What there is becomes a part.
    async fn add(&self, draft: &mut Draft) -> Result<(), StoreError> {
        let part = Bytes::from(std::mem::take(&mut draft.rest));
        let upload = match &mut draft.upload {
            Some(upload) => upload,
            none @ None => none.insert(self.bucket.begin(&draft.key, CONTENT_TYPE).await?),
        };
        self.bucket.add(upload, part).await
    }

    async fn finish(&self, draft: &mut Draft) -> Result<(), StoreError> {
        if draft.upload.is_some() && !draft.rest.is_empty() {
            self.add(draft).await?;
        }
        match draft.upload.take() {
            Some(upload) => self.bucket.complete(upload).await,
            None => {
                let file = Bytes::from(std::mem::take(&mut draft.rest));
                self.bucket.put(&draft.key, file, CONTENT_TYPE).await
            }
        }
    }

    /// Keeps what there is for the next message.
    async fn keep(
        &self,
        mut import: Import,
        draft: Draft,
    ) -> Result<ControlFlow<ImportStep, Box<Import>>, ImportRunError> {
        let name = self.ids.fresh(|at, chance| format!("{at:x}-{chance:x}"));
        let rest_key = format!("imports/{}/{}-{name}.part", import.tenant_id, import.id);
        let rest_bytes = u64::try_from(draft.rest.len()).unwrap_or(u64::MAX);
        self.bucket
            .put(&rest_key, draft.rest.into(), CONTENT_TYPE)
            .await?;
        let before = import.reject_file.replace(RejectFile {
            upload: draft.upload,
            rest_key: rest_key.clone(),
            rest_bytes,
            at: draft.at,
            after: draft.after,
            after_batch: draft.after_batch,
        });
        let written = self.write(import, None).await?;
        let unused = match &written {
            Some(_) => before.map(|before| before.rest_key),
            None => Some(rest_key),
        };
        if let Some(unused) = unused {
            self.forget_object(&unused).await;
        }
        Ok(ControlFlow::Break(match written {
            Some(_) => ImportStep::OutOfTime,
            None => ImportStep::Changed,
        }))
    }
}

/// How far the file came.
enum Filled {
    Whole,
    OutOfTime,
    /// The list cannot be read on.
    Not(SourceError),
}
