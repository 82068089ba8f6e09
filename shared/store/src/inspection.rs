//! Whether table, queues and bucket are as [`schema`] makes them, for whoever looks for what is wrong.
//!
//! It finds facts and differences and changes nothing, but for one small object that it puts under a
//! prefix of its own, reads back and deletes. What a difference means and what mends it is not known here.

use aws_sdk_dynamodb::types::{
    ContinuousBackupsStatus, KeySchemaElement, KeyType, PointInTimeRecoveryStatus,
    TableDescription, TableStatus, TimeToLiveStatus,
};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_sqs::types::QueueAttributeName;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use bytes::Bytes;
use serde::Deserialize;
use settings::Storage;

use crate::aws::Clients;
use crate::table::schema::{
    self, GSI1, GSI1_PK, GSI1_SK, PK, QueueUrls, RECEIVES_MAX, SK, TTL, VISIBILITY_SECONDS,
};

/// Where objects are put that only show that objects can be put.
pub const PROBE_PREFIX: &str = "doctor/";
const PROBE_BODY: &[u8] = b"put here to see whether it can be, and gone at once";

/// Looks at one installation's storage.
#[derive(Debug, Clone)]
pub struct Inspection {
    clients: Clients,
    /// Queues by name or URL.
    names: Storage,
}

/// Why something could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSeen {
    #[error("it does not exist")]
    Absent,
    #[error("not allowed ({0})")]
    Denied(String),
    #[error("AWS does not take the credentials ({0})")]
    Credentials(String),
    /// No answer, or none that is known here.
    #[error("{0}")]
    Failed(String),
}

/// Which queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueRole {
    Dial,
    Recordings,
    Import,
}

/// A table that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSeen {
    pub active: bool,
    /// As DynamoDB says it.
    pub status: String,
    /// What is otherwise than [`schema`] has it, in words.
    pub differences: Vec<String>,
}

/// A queue that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSeen {
    pub url: String,
    pub arn: String,
    /// About how many messages wait.
    pub waiting: u64,
    pub dead_letters: Option<DeadLetters>,
    /// What is otherwise than [`schema`] has it, in words.
    pub differences: Vec<String>,
}

/// Where messages go that were given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetters {
    pub url: String,
    pub arn: String,
    /// About how many there are.
    pub waiting: Result<u64, NotSeen>,
}

/// `RedrivePolicy` of a queue.
#[derive(Deserialize)]
struct Redrive {
    #[serde(rename = "deadLetterTargetArn")]
    target: String,
    /// A number, or a number in quotes.
    #[serde(rename = "maxReceiveCount")]
    receives_max: serde_json::Value,
}

impl QueueRole {
    pub const ALL: [Self; 3] = [Self::Dial, Self::Recordings, Self::Import];
}

impl Inspection {
    #[must_use]
    pub fn new(clients: &Clients, names: &Storage, queues: &QueueUrls) -> Self {
        let names = Storage {
            dial_queue: queues.dial.clone(),
            recordings_queue: queues.recordings.clone(),
            import_queue: queues.imports.clone(),
            ..names.clone()
        };
        Self {
            clients: clients.clone(),
            names,
        }
    }

    /// The table with its keys and index.
    ///
    /// # Errors
    /// See [`NotSeen`].
    pub async fn table(&self) -> Result<TableSeen, NotSeen> {
        let described = self.clients.dynamodb.describe_table();
        let described = described.table_name(&self.names.table).send().await;
        let table = described.map_err(|error| not_seen(&error))?.table;
        let table = table.ok_or(NotSeen::Absent)?;
        let status = table.table_status();
        Ok(TableSeen {
            active: status == Some(&TableStatus::Active),
            status: status.map_or("unknown", TableStatus::as_str).to_owned(),
            differences: differences_of(&table),
        })
    }

    /// Whether rows expire by [`TTL`].
    ///
    /// # Errors
    /// See [`NotSeen`].
    pub async fn rows_expire(&self) -> Result<bool, NotSeen> {
        let described = self.clients.dynamodb.describe_time_to_live();
        let described = described.table_name(&self.names.table).send().await;
        let expiry = described
            .map_err(|error| not_seen(&error))?
            .time_to_live_description;
        Ok(expiry.is_some_and(|expiry| {
            let on = matches!(
                expiry.time_to_live_status(),
                Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
            );
            on && expiry.attribute_name() == Some(TTL)
        }))
    }

    /// Whether the table can be brought back to any moment of the last weeks.
    ///
    /// # Errors
    /// See [`NotSeen`].
    pub async fn can_be_recovered(&self) -> Result<bool, NotSeen> {
        let described = self.clients.dynamodb.describe_continuous_backups();
        let described = described.table_name(&self.names.table).send().await;
        let backups = described
            .map_err(|error| not_seen(&error))?
            .continuous_backups_description;
        Ok(backups.is_some_and(|backups| {
            let recovery = backups.point_in_time_recovery_description();
            let status = recovery.and_then(|recovery| recovery.point_in_time_recovery_status());
            backups.continuous_backups_status() == &ContinuousBackupsStatus::Enabled
                && status == Some(&PointInTimeRecoveryStatus::Enabled)
        }))
    }

    /// A queue and the one for its dead letters.
    ///
    /// # Errors
    /// See [`NotSeen`].
    pub async fn queue(&self, role: QueueRole) -> Result<QueueSeen, NotSeen> {
        let url = self.url_of(self.name_of(role)).await?;
        let asked = [
            QueueAttributeName::QueueArn,
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::VisibilityTimeout,
            QueueAttributeName::RedrivePolicy,
        ];
        let attributes = self.clients.sqs.get_queue_attributes().queue_url(&url);
        let attributes = attributes.set_attribute_names(Some(asked.to_vec()));
        let attributes = attributes
            .send()
            .await
            .map_err(|error| not_seen(&error))?
            .attributes;
        let attributes = attributes.unwrap_or_default();
        let text = |name| attributes.get(&name).map(String::as_str);
        let number = |name| text(name).and_then(|number| number.parse::<u64>().ok());

        let mut differences = Vec::new();
        let hidden = number(QueueAttributeName::VisibilityTimeout);
        if hidden != Some(u64::from(VISIBILITY_SECONDS)) {
            let hidden = hidden.map_or_else(|| "?".to_owned(), |seconds| seconds.to_string());
            differences.push(format!(
                "messages stay hidden for {hidden} s instead of {VISIBILITY_SECONDS}"
            ));
        }
        let redrive = text(QueueAttributeName::RedrivePolicy)
            .and_then(|policy| serde_json::from_str::<Redrive>(policy).ok());
        let dead_letters = match redrive {
            Some(redrive) => {
                let receives = redrive.receives_max.to_string();
                let receives = receives.trim_matches('"');
                if receives != RECEIVES_MAX.to_string() {
                    differences.push(format!(
                        "messages are given up after {receives} receives instead of {RECEIVES_MAX}"
                    ));
                }
                Some(self.dead_letters(&url, redrive.target).await)
            }
            None => None,
        };
        Ok(QueueSeen {
            arn: text(QueueAttributeName::QueueArn)
                .unwrap_or_default()
                .to_owned(),
            waiting: number(QueueAttributeName::ApproximateNumberOfMessages).unwrap_or_default(),
            dead_letters,
            differences,
            url,
        })
    }

    async fn dead_letters(&self, queue: &str, arn: String) -> DeadLetters {
        // A queue and its dead letters are in one account and region (SQS developer guide, "Dead-letter
        // queues"), so their URLs differ in the name only.
        let name = arn.rsplit(':').next().unwrap_or_default();
        let base = queue.rsplit_once('/').map_or(queue, |(base, _name)| base);
        let url = format!("{base}/{name}");
        let asked = QueueAttributeName::ApproximateNumberOfMessages;
        let attributes = self.clients.sqs.get_queue_attributes().queue_url(&url);
        let attributes = attributes.attribute_names(asked.clone()).send().await;
        let waiting = attributes
            .map_err(|error| not_seen(&error))
            .and_then(|found| {
                let number = found.attributes().and_then(|found| found.get(&asked));
                let number = number.and_then(|number| number.parse().ok());
                number.ok_or_else(|| NotSeen::Failed("SQS does not say how many".to_owned()))
            });
        DeadLetters { url, arn, waiting }
    }

    async fn url_of(&self, queue: &str) -> Result<String, NotSeen> {
        if schema::is_url(queue) {
            return Ok(queue.to_owned());
        }
        let found = self.clients.sqs.get_queue_url().queue_name(queue).send();
        let found = found.await.map_err(|error| not_seen(&error))?.queue_url;
        found.ok_or(NotSeen::Absent)
    }

    /// Name or URL.
    #[must_use]
    pub fn name_of(&self, role: QueueRole) -> &str {
        match role {
            QueueRole::Dial => &self.names.dial_queue,
            QueueRole::Recordings => &self.names.recordings_queue,
            QueueRole::Import => &self.names.import_queue,
        }
    }

    #[must_use]
    pub fn table_name(&self) -> &str {
        &self.names.table
    }

    #[must_use]
    pub fn bucket_name(&self) -> &str {
        &self.names.bucket
    }

    /// Whether the bucket is there.
    ///
    /// # Errors
    /// See [`NotSeen`].
    pub async fn bucket(&self) -> Result<(), NotSeen> {
        let head = self.clients.s3.head_bucket().bucket(&self.names.bucket);
        head.send().await.map_err(|error| not_seen(&error))?;
        Ok(())
    }

    /// Puts a small object, reads it back and deletes it. `id` is part of its name and makes it unlike any
    /// other's. Answers whether what was read is what was put.
    ///
    /// # Errors
    /// The step that failed, and why.
    pub async fn try_object(&self, id: &str) -> Result<bool, (&'static str, NotSeen)> {
        let key = format!("{PROBE_PREFIX}{id}");
        let s3 = &self.clients.s3;
        let bucket = &self.names.bucket;
        let put = s3.put_object().bucket(bucket).key(&key);
        let put = put.body(ByteStream::from_static(PROBE_BODY)).send().await;
        put.map_err(|error| ("putting an object", not_seen(&error)))?;
        let got = s3.get_object().bucket(bucket).key(&key).send().await;
        let read = match got {
            Ok(got) => got.body.collect().await.map_err(|_broken| {
                let cause = "the connection broke".to_owned();
                ("reading an object", NotSeen::Failed(cause))
            }),
            Err(error) => Err(("reading an object", not_seen(&error))),
        };
        // Whatever reading came to, nothing is left behind.
        let deleted = s3.delete_object().bucket(bucket).key(&key).send().await;
        let read: Bytes = read?.into_bytes();
        deleted.map_err(|error| ("deleting an object", not_seen(&error)))?;
        Ok(read == PROBE_BODY)
    }

    /// Whether nobody outside can be given access to the bucket.
    ///
    /// # Errors
    /// See [`NotSeen`].
    pub async fn public_access_is_blocked(&self) -> Result<bool, NotSeen> {
        let asked = self.clients.s3.get_public_access_block();
        let found = match asked.bucket(&self.names.bucket).send().await {
            Ok(found) => found.public_access_block_configuration,
            // S3 says by an error that nothing is blocked (S3 API reference, `GetPublicAccessBlock`).
            Err(error) if error.code() == Some("NoSuchPublicAccessBlockConfiguration") => None,
            Err(error) => return Err(not_seen(&error)),
        };
        Ok(found.is_some_and(|block| {
            let parts = [
                block.block_public_acls(),
                block.block_public_policy(),
                block.ignore_public_acls(),
                block.restrict_public_buckets(),
            ];
            parts.iter().all(|part| *part == Some(true))
        }))
    }
}

fn differences_of(table: &TableDescription) -> Vec<String> {
    let mut differences = Vec::new();
    let keys = |schema: &[KeySchemaElement]| {
        let key = |kind: &KeyType| {
            let found = schema.iter().find(|key| key.key_type() == kind);
            found.map_or("none", |key| key.attribute_name()).to_owned()
        };
        (key(&KeyType::Hash), key(&KeyType::Range))
    };
    let mut compare = |what: &str, (hash, range): (String, String), wanted: (&str, &str)| {
        if (&*hash, &*range) != wanted {
            differences.push(format!(
                "{what} has the keys {hash} and {range} instead of {} and {}",
                wanted.0, wanted.1
            ));
        }
    };
    compare("the table", keys(table.key_schema()), (PK, SK));
    let index = table.global_secondary_indexes().iter();
    let index = index
        .into_iter()
        .find(|index| index.index_name() == Some(GSI1));
    match index {
        Some(index) => compare(
            "the index gsi1",
            keys(index.key_schema()),
            (GSI1_PK, GSI1_SK),
        ),
        None => differences.push(format!("the index {GSI1} is missing")),
    }
    differences
}

/// What an answer means that is none.
fn not_seen<E, R>(error: &SdkError<E, R>) -> NotSeen
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let code = error.code().unwrap_or_default().to_owned();
    match &*code {
        "ResourceNotFoundException"
        | "AWS.SimpleQueueService.NonExistentQueue"
        | "QueueDoesNotExist"
        | "NoSuchBucket"
        | "NotFound" => NotSeen::Absent,
        "AccessDenied" | "AccessDeniedException" | "Forbidden" => NotSeen::Denied(code),
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestTimeTooSkewed" => NotSeen::Credentials(code),
        "" => NotSeen::Failed(innermost(error)),
        _other => NotSeen::Failed(code),
    }
}

/// The end of an error's chain says what happened; what is before it says where in the client.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
