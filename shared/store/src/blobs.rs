//! Large objects: recordings, written in parts and read back to be believed; lists of leads, sent by
//! their owner straight to the bucket and read piece by piece.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::StoreError;

/// The size of a part. S3 takes no part but the last under 5 MiB and 10,000 parts at most (S3 user
/// guide, "Multipart upload limits"): this allows 80 GiB with 8 MiB in memory.
pub const PART_BYTES: usize = 8 * 1024 * 1024;

/// An S3 bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    client: Client,
    name: Arc<str>,
}

/// An object that is being written in parts. Whoever has it can go on with it, in another process too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    id: String,
    key: String,
    parts: Vec<Part>,
}

/// A part that is in the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crc32: Option<String>,
}

/// Which object it is: another one under the same key differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectHead {
    pub bytes: u64,
    pub etag: Option<String>,
}

/// A piece of an object.
#[derive(Debug, Clone)]
pub struct Piece {
    pub bytes: Bytes,
    /// Of the whole object, as it was when the piece was read.
    pub etag: Option<String>,
}

/// A request that somebody else may make for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresignedPut {
    pub url: String,
    /// Headers that must be sent as they are.
    pub headers: Vec<(String, String)>,
}

/// What reading an object back showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    pub bytes: u64,
    /// Lower-case hex.
    pub sha256: String,
}

impl Bucket {
    #[must_use]
    pub fn new(client: Client, name: &str) -> Self {
        Self {
            client,
            name: name.into(),
        }
    }

    /// Writes an object in one request, replacing what is there.
    ///
    /// # Errors
    /// When the bucket cannot be reached.
    pub async fn put(&self, key: &str, body: Bytes, content_type: &str) -> Result<(), StoreError> {
        self.client
            .put_object()
            .bucket(&*self.name)
            .key(key)
            .content_type(content_type)
            .body(ByteStream::from(body))
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        Ok(())
    }

    /// Begins an object of unknown length. Nothing is there until [`Bucket::complete`].
    ///
    /// # Errors
    /// When the bucket cannot be reached.
    pub async fn begin(&self, key: &str, content_type: &str) -> Result<Upload, StoreError> {
        let begun = self
            .client
            .create_multipart_upload()
            .bucket(&*self.name)
            .key(key)
            .content_type(content_type)
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        Ok(Upload {
            id: begun.upload_id.unwrap_or_default(),
            key: key.to_owned(),
            parts: Vec::new(),
        })
    }

    /// Adds a part: [`PART_BYTES`] long or a little longer, but the last.
    ///
    /// # Errors
    /// When the bucket cannot be reached.
    pub async fn add(&self, upload: &mut Upload, part: Bytes) -> Result<(), StoreError> {
        let number = i32::try_from(upload.parts.len() + 1).unwrap_or(i32::MAX);
        let added = self
            .client
            .upload_part()
            .bucket(&*self.name)
            .key(&upload.key)
            .upload_id(&upload.id)
            .part_number(number)
            .body(ByteStream::from(part))
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        upload.parts.push(Part {
            etag: added.e_tag,
            crc32: added.checksum_crc32,
        });
        Ok(())
    }

    /// Makes the object of its parts, replacing what is there.
    ///
    /// # Errors
    /// When the bucket cannot be reached.
    pub async fn complete(&self, upload: Upload) -> Result<(), StoreError> {
        let parts = (1..).zip(upload.parts).map(|(number, part)| {
            CompletedPart::builder()
                .part_number(number)
                .set_e_tag(part.etag)
                .set_checksum_crc32(part.crc32)
                .build()
        });
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(parts.collect()))
            .build();
        self.client
            .complete_multipart_upload()
            .bucket(&*self.name)
            .key(&upload.key)
            .upload_id(&upload.id)
            .multipart_upload(parts)
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        Ok(())
    }

    /// Drops the parts of an object that will not be completed.
    ///
    /// # Errors
    /// When the bucket cannot be reached; a lifecycle rule of the bucket then removes the parts.
    pub async fn abandon(&self, upload: Upload) -> Result<(), StoreError> {
        self.client
            .abort_multipart_upload()
            .bucket(&*self.name)
            .key(&upload.key)
            .upload_id(&upload.id)
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        Ok(())
    }

    /// The length of an object, if it is there.
    ///
    /// # Errors
    /// When the bucket cannot be reached.
    pub async fn length(&self, key: &str) -> Result<Option<u64>, StoreError> {
        let head = self.head(key).await?;
        Ok(head.map(|head| head.bytes))
    }

    /// Which object is there, if there is one.
    ///
    /// # Errors
    /// When the bucket cannot be reached.
    pub async fn head(&self, key: &str) -> Result<Option<ObjectHead>, StoreError> {
        let head = self
            .client
            .head_object()
            .bucket(&*self.name)
            .key(key)
            .send()
            .await;
        match head {
            Ok(head) => Ok(head
                .content_length
                .and_then(|bytes| u64::try_from(bytes).ok())
                .map(|bytes| ObjectHead {
                    bytes,
                    etag: head.e_tag,
                })),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|refusal| refusal.is_not_found()) =>
            {
                Ok(None)
            }
            Err(error) => Err(StoreError::unavailable(error)),
        }
    }

    /// A piece of an object: at most so many bytes from an offset that is within it. `None`: there is no
    /// such object.
    ///
    /// # Errors
    /// When the bucket cannot be reached or breaks off.
    pub async fn piece(
        &self,
        key: &str,
        offset: u64,
        bytes_max: u64,
    ) -> Result<Option<Piece>, StoreError> {
        let last = offset.saturating_add(bytes_max).saturating_sub(1);
        let read = self
            .client
            .get_object()
            .bucket(&*self.name)
            .key(key)
            .range(format!("bytes={offset}-{last}"))
            .send()
            .await;
        match read {
            Ok(object) => {
                let etag = object.e_tag;
                let body = object.body.collect().await;
                let bytes = body.map_err(StoreError::unavailable)?.into_bytes();
                Ok(Some(Piece { bytes, etag }))
            }
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|refusal| refusal.is_no_such_key()) =>
            {
                Ok(None)
            }
            Err(error) => Err(StoreError::unavailable(error)),
        }
    }

    /// Removes an object, or finds it gone.
    ///
    /// # Errors
    /// When the bucket cannot be reached.
    pub async fn remove(&self, key: &str) -> Result<(), StoreError> {
        self.client
            .delete_object()
            .bucket(&*self.name)
            .key(key)
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        Ok(())
    }

    /// A request that lets whoever has it put an object of exactly this length there for a while.
    ///
    /// # Errors
    /// When no credentials are to be had, or the time is out of S3's range.
    pub async fn presign_put(
        &self,
        key: &str,
        bytes: u64,
        lifetime: Duration,
    ) -> Result<PresignedPut, StoreError> {
        let config = PresigningConfig::expires_in(lifetime).map_err(StoreError::unavailable)?;
        let signed = self
            .client
            .put_object()
            .bucket(&*self.name)
            .key(key)
            .content_length(i64::try_from(bytes).unwrap_or(i64::MAX))
            .presigned(config)
            .await
            .map_err(StoreError::unavailable)?;
        let headers = signed
            .headers()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(PresignedPut {
            url: signed.uri().to_owned(),
            headers: headers.collect(),
        })
    }

    /// Reads an object back, in pieces, and says what it is.
    ///
    /// # Errors
    /// When the bucket cannot be reached or breaks off.
    pub async fn digest(&self, key: &str) -> Result<Digest, StoreError> {
        let mut object = self
            .client
            .get_object()
            .bucket(&*self.name)
            .key(key)
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        let mut hasher = Sha256::new();
        let mut bytes = 0_u64;
        while let Some(piece) = object.body.next().await {
            let piece = piece.map_err(StoreError::unavailable)?;
            bytes = bytes.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
            hasher.update(&piece);
        }
        Ok(Digest {
            bytes,
            sha256: hex::encode(hasher.finalize()),
        })
    }

    /// An address that lets whoever has it read the object for a while, under a file name.
    ///
    /// # Errors
    /// When no credentials are to be had, or the time is out of S3's range.
    pub async fn presign(
        &self,
        key: &str,
        file_name: &str,
        lifetime: Duration,
    ) -> Result<String, StoreError> {
        let config = PresigningConfig::expires_in(lifetime).map_err(StoreError::unavailable)?;
        let signed = self
            .client
            .get_object()
            .bucket(&*self.name)
            .key(key)
            .response_content_disposition(format!("attachment; filename=\"{file_name}\""))
            .presigned(config)
            .await
            .map_err(StoreError::unavailable)?;
        Ok(signed.uri().to_owned())
    }
}
