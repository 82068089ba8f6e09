//! A list that is a workbook: its sheet becomes a CSV before anything else, and an object of its own.
//!
//! Reading a workbook is work for a processor and not for this task, so it is done on a thread beside it.
//! It cannot go on where it stopped: it is whole within the time of one message, or begun again. Two
//! workers at the same workbook write two objects; the one whose import is written first counts.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use intake::FileProblem;
use intake::workbook::{self, WORKBOOK_BYTES_MAX, csv_options};
use jiff::Timestamp;
use store::{Import, PART_BYTES};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::run::{ImportRunError, ImportStep};
use super::source::{ListSource, SourceError};
use super::{CONTENT_TYPE, Imports, length};
use crate::Refused;

/// Pieces of a CSV that wait for the bucket: a part of them.
const PIECES_MAX: usize = 128;
/// How often a workbook may take longer than a message is worked on. It may have been a slow day.
const TRIES_MAX: u32 = 3;

pub(super) const TOO_SLOW: FileProblem = FileProblem::WorkbookTooLarge {
    what: "reading it takes too long",
};

/// A CSV that is in the bucket.
struct Unpacked {
    key: String,
    bytes: u64,
    etag: Option<String>,
    sheet: String,
}

/// Why there is none.
enum NotUnpacked {
    OutOfTime,
    Source(SourceError),
}

impl Imports {
    /// A whole workbook that was uploaded.
    pub(super) async fn packed(&self, import: &Import) -> Result<Bytes, Refused> {
        let mut source = self.packed_source(import)?;
        source.rest().await.map_err(|error| match error {
            SourceError::Changed => Refused::NotUploaded,
            SourceError::File(problem) => problem.into(),
            SourceError::Store(error) => error.into(),
        })
    }

    /// Turns the import's workbook into a CSV, which is its list from then on.
    pub(super) async fn unpack(
        &self,
        mut import: Import,
        until: Timestamp,
    ) -> Result<ImportStep, ImportRunError> {
        let unpacked = match Box::pin(self.unpacked(&import, until)).await {
            Ok(unpacked) => unpacked,
            Err(NotUnpacked::Source(error)) => return self.source_failed(import, error).await,
            Err(NotUnpacked::OutOfTime) => {
                import.workbook_tries += 1;
                if import.workbook_tries >= TRIES_MAX {
                    let error = SourceError::File(TOO_SLOW);
                    return self.source_failed(import, error).await;
                }
                let written = self.write(import, None).await?;
                return Ok(written.map_or(ImportStep::Changed, |_import| ImportStep::OutOfTime));
            }
        };
        let key = unpacked.key.clone();
        if let Some(workbook) = &mut import.workbook {
            workbook.sheet = Some(unpacked.sheet);
        }
        import.object_key = unpacked.key;
        import.bytes = unpacked.bytes;
        import.etag = unpacked.etag;
        import.options = csv_options(import.options);
        let written = self.write(import, None).await?;
        if written.is_none() {
            self.forget_object(&key).await;
        }
        Ok(written.map_or(ImportStep::Changed, |_import| ImportStep::Next))
    }

    async fn unpacked(&self, import: &Import, until: Timestamp) -> Result<Unpacked, NotUnpacked> {
        let file = self.packed_source(import);
        let file = file.map_err(SourceError::File)?.rest().await?;
        let name = self.ids.fresh(|at, chance| format!("{at:x}-{chance:x}"));
        let key = format!("imports/{}/{}-{name}.csv", import.tenant_id, import.id);
        let (pieces, mut taken) = mpsc::channel::<Bytes>(PIECES_MAX);
        let clock = Arc::clone(&self.clock);
        let sheet = import.options.sheet.clone();
        let reading = spawn_blocking(move || {
            workbook::to_csv(&file, sheet.as_deref(), &mut |piece| {
                // Whoever took the pieces has given up when none is taken any more.
                let taken =
                    piece.is_empty() || pieces.blocking_send(Bytes::copy_from_slice(piece)).is_ok();
                if taken && clock.now() < until {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            })
        });
        let mut upload = None;
        let mut rest = BytesMut::new();
        let mut bytes = 0;
        while let Some(piece) = taken.recv().await {
            bytes += length(&piece);
            rest.extend_from_slice(&piece);
            if rest.len() >= PART_BYTES {
                let part = rest.split_to(PART_BYTES).freeze();
                let upload = match &mut upload {
                    Some(upload) => upload,
                    none @ None => none.insert(self.bucket.begin(&key, CONTENT_TYPE).await?),
                };
                self.bucket.add(upload, part).await?;
            }
        }
        let read = reading
            .await
            .unwrap_or_else(|_panic| Err(workbook::damaged()));
        let workbook = read.map_err(SourceError::File)?;
        if !workbook.whole {
            return Err(NotUnpacked::OutOfTime);
        }
        match upload {
            None => self.bucket.put(&key, rest.freeze(), CONTENT_TYPE).await?,
            Some(mut upload) => {
                if !rest.is_empty() {
                    self.bucket.add(&mut upload, rest.freeze()).await?;
                }
                self.bucket.complete(upload).await?;
            }
        }
        let head = self.bucket.head(&key).await?;
        let head = head.filter(|head| head.bytes == bytes);
        let head = head.ok_or(SourceError::Changed)?;
        Ok(Unpacked {
            key,
            bytes,
            etag: head.etag,
            sheet: workbook.sheet,
        })
    }

    fn packed_source(&self, import: &Import) -> Result<ListSource, FileProblem> {
        if import.bytes > WORKBOOK_BYTES_MAX {
            return Err(FileProblem::WorkbookTooLarge {
                what: "more than 100 MB",
            });
        }
        Ok(ListSource::new(self.bucket.clone(), import, 0))
    }
}

impl From<SourceError> for NotUnpacked {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl From<store::StoreError> for NotUnpacked {
    fn from(error: store::StoreError) -> Self {
        Self::Source(SourceError::Store(error))
    }
}
