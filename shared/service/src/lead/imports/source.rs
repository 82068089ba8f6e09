//! The bytes of a list in the bucket, a piece at a time.

use bytes::{Bytes, BytesMut};
use intake::rejects::RejectWriter;
use intake::{Entry, FileProblem, Intake};
use store::{Bucket, Import, StoreError};

/// How much is read at once: memory, and a request's worth of waiting, against their number.
const PIECE_BYTES: u64 = 1024 * 1024;

/// Reads on from a place in the file.
#[derive(Debug)]
pub(super) struct ListSource {
    bucket: Bucket,
    key: String,
    offset: u64,
    bytes: u64,
    etag: Option<String>,
}

/// Why there is no next entry.
#[derive(Debug)]
pub(super) enum SourceError {
    /// The object is gone, or another one.
    Changed,
    File(FileProblem),
    Store(StoreError),
}

impl ListSource {
    pub(super) fn new(bucket: Bucket, import: &Import, offset: u64) -> Self {
        Self {
            bucket,
            key: import.object_key.clone(),
            offset,
            bytes: import.bytes,
            etag: import.etag.clone(),
        }
    }

    /// The next entry, with as many pieces read as it takes.
    pub(super) async fn next(&mut self, intake: &mut Intake) -> Result<Entry, SourceError> {
        loop {
            match intake.next_entry().map_err(SourceError::File)? {
                Entry::NeedsInput => match self.piece().await? {
                    Some(piece) => intake.push(piece),
                    None => intake.end(),
                },
                entry @ (Entry::Row(_) | Entry::Rejected(_) | Entry::End) => return Ok(entry),
            }
        }
    }

    /// The next row to be written into a reject file, by its number; nothing at the end.
    pub(super) async fn next_of(
        &mut self,
        list: &mut RejectWriter,
    ) -> Result<Option<u64>, SourceError> {
        loop {
            match list.next_entry().map_err(SourceError::File)? {
                Entry::NeedsInput => match self.piece().await? {
                    Some(piece) => list.push(piece),
                    None => list.end(),
                },
                Entry::Row(row) => return Ok(Some(row.start.row)),
                Entry::Rejected(reject) => return Ok(Some(reject.row)),
                Entry::End => return Ok(None),
            }
        }
    }

    /// All that is left, in one piece.
    pub(super) async fn rest(&mut self) -> Result<Bytes, SourceError> {
        let left = usize::try_from(self.bytes.saturating_sub(self.offset)).unwrap_or_default();
        let mut rest = BytesMut::with_capacity(left);
        while let Some(piece) = self.piece().await? {
            rest.extend_from_slice(&piece);
        }
        Ok(rest.freeze())
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, SourceError> {
        let left = self.bytes.saturating_sub(self.offset);
        if left == 0 {
            return Ok(None);
        }
        let wanted = left.min(PIECE_BYTES);
        let piece = self.bucket.piece(&self.key, self.offset, wanted).await;
        let piece = piece.map_err(SourceError::Store)?;
        let piece = piece.ok_or(SourceError::Changed)?;
        let read = u64::try_from(piece.bytes.len()).unwrap_or(u64::MAX);
        if piece.etag != self.etag || read != wanted {
            return Err(SourceError::Changed);
        }
        self.offset = self.offset.saturating_add(read);
        Ok(Some(piece.bytes))
    }
}
