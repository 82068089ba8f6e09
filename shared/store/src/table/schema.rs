//! The table, queues and bucket that the product needs, made where they are missing.
//!
//! For the laptop and for tests; on AWS `template.yaml` declares the same. Every step may be
//! repeated. It does not know what the rows mean: keys are in the repositories.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TableStatus, TimeToLiveSpecification, TimeToLiveStatus,
};
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use aws_sdk_sqs::types::QueueAttributeName;
use settings::Storage;

use crate::aws::{Clients, LOCAL_REGION};
use crate::error::in_words;

/// Partition and sort key of the table.
pub const PK: &str = "pk";
pub const SK: &str = "sk";
/// The one global secondary index, and its keys.
pub const GSI1: &str = "gsi1";
pub const GSI1_PK: &str = "gsi1pk";
pub const GSI1_SK: &str = "gsi1sk";
/// Seconds since 1970 after which a row may vanish; rows without it stay.
pub const TTL: &str = "ttl";

/// A message that failed this often moves to the dead-letter queue.
pub const RECEIVES_MAX: u32 = 5;
/// What a queue's dead-letter queue is called: its own name and this.
pub const DEAD_LETTER_SUFFIX: &str = "-dead";
/// How long a received message stays hidden. Handlers that need longer extend it as they go, so that
/// the message of a handler that died comes back soon.
pub const VISIBILITY_SECONDS: u32 = 60;
/// Dead letters are kept as long as SQS can: a person has to look at them.
const DEAD_LETTER_RETENTION_SECONDS: u32 = 14 * 24 * 60 * 60;
const RETENTION_SECONDS: u32 = 4 * 24 * 60 * 60;

/// A new table is ready within seconds on AWS, at once elsewhere.
const TABLE_READY_DEADLINE: Duration = Duration::from_secs(60);
const TABLE_READY_POLL: Duration = Duration::from_millis(250);

/// Why the schema could not be made or found.
#[derive(Debug, thiserror::Error)]
#[error("{step}: {cause}")]
pub struct SchemaError {
    step: &'static str,
    cause: String,
}

impl SchemaError {
    fn new<E: std::error::Error + 'static>(step: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self {
            step,
            cause: in_words(&source),
        }
    }
}

/// Addresses of the queues that are sent to and received from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueUrls {
    pub dial: String,
    pub recordings: String,
    pub imports: String,
}

/// Creates what is missing and leaves what is there.
///
/// # Errors
/// A service refused, or the table was not ready within a minute.
pub async fn create(clients: &Clients, names: &Storage) -> Result<QueueUrls, SchemaError> {
    create_table(&clients.dynamodb, &names.table).await?;
    create_bucket(&clients.s3, &names.bucket).await?;
    let (dial, _dead) = create_queue_pair(&clients.sqs, &names.dial_queue).await?;
    let (recordings, _dead) = create_queue_pair(&clients.sqs, &names.recordings_queue).await?;
    let (imports, _dead) = create_queue_pair(&clients.sqs, &names.import_queue).await?;
    Ok(QueueUrls {
        dial,
        recordings,
        imports,
    })
}

/// Finds the queues, where something else created them: those that are given by names, side by side.
///
/// # Errors
/// SQS could not be asked, or a queue does not exist.
pub async fn find_queues(
    sqs: &aws_sdk_sqs::Client,
    names: &Storage,
) -> Result<QueueUrls, SchemaError> {
    let (dial, recordings, imports) = tokio::try_join!(
        queue_url(sqs, &names.dial_queue),
        queue_url(sqs, &names.recordings_queue),
        queue_url(sqs, &names.import_queue),
    )?;
    Ok(QueueUrls {
        dial,
        recordings,
        imports,
    })
}

/// Creates the table with its index and expiry.
///
/// # Errors
/// DynamoDB refused, or the table was not ready within a minute.
pub async fn create_table(
    dynamodb: &aws_sdk_dynamodb::Client,
    table: &str,
) -> Result<(), SchemaError> {
    let attribute = |name: &str| {
        AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(ScalarAttributeType::S)
            .build()
            .map_err(SchemaError::new("describing the table"))
    };
    let key = |name: &str, kind: KeyType| {
        KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(kind)
            .build()
            .map_err(SchemaError::new("describing the table"))
    };
    let index = GlobalSecondaryIndex::builder()
        .index_name(GSI1)
        .key_schema(key(GSI1_PK, KeyType::Hash)?)
        .key_schema(key(GSI1_SK, KeyType::Range)?)
        .projection(
            Projection::builder()
                .projection_type(ProjectionType::All)
                .build(),
        )
        .build()
        .map_err(SchemaError::new("describing the index"))?;
    let created = dynamodb
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute(PK)?)
        .attribute_definitions(attribute(SK)?)
        .attribute_definitions(attribute(GSI1_PK)?)
        .attribute_definitions(attribute(GSI1_SK)?)
        .key_schema(key(PK, KeyType::Hash)?)
        .key_schema(key(SK, KeyType::Range)?)
        .global_secondary_indexes(index)
        .send()
        .await;
    if let Err(error) = created {
        let there_already = error
            .as_service_error()
            .is_some_and(|refusal| refusal.is_resource_in_use_exception());
        if !there_already {
            return Err(SchemaError::new("creating the table")(error));
        }
    }
    wait_until_active(dynamodb, table).await?;
    expire_rows(dynamodb, table).await
}

async fn wait_until_active(
    dynamodb: &aws_sdk_dynamodb::Client,
    table: &str,
) -> Result<(), SchemaError> {
    let wait = async {
        loop {
            let described = dynamodb
                .describe_table()
                .table_name(table)
                .send()
                .await
                .map_err(SchemaError::new("looking at the table"))?;
            let status = described.table().and_then(|table| table.table_status());
            if status == Some(&TableStatus::Active) {
                return Ok(());
            }
            tokio::time::sleep(TABLE_READY_POLL).await;
        }
    };
    tokio::time::timeout(TABLE_READY_DEADLINE, wait)
        .await
        .map_err(SchemaError::new("waiting for the table"))?
}

async fn expire_rows(dynamodb: &aws_sdk_dynamodb::Client, table: &str) -> Result<(), SchemaError> {
    let described = dynamodb
        .describe_time_to_live()
        .table_name(table)
        .send()
        .await
        .map_err(SchemaError::new("looking at the table's expiry"))?;
    let status = described
        .time_to_live_description()
        .and_then(|expiry| expiry.time_to_live_status());
    // Asking for it a second time is refused, so it is asked for only where it is off.
    if matches!(
        status,
        Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
    ) {
        return Ok(());
    }
    let expiry = TimeToLiveSpecification::builder()
        .attribute_name(TTL)
        .enabled(true)
        .build()
        .map_err(SchemaError::new("describing the table's expiry"))?;
    dynamodb
        .update_time_to_live()
        .table_name(table)
        .time_to_live_specification(expiry)
        .send()
        .await
        .map_err(SchemaError::new("setting the table's expiry"))?;
    Ok(())
}

/// Creates a queue whose messages move to a dead-letter queue after [`RECEIVES_MAX`] receives.
/// Returns the addresses of both.
///
/// # Errors
/// SQS refused, or a queue of that name has other attributes.
pub async fn create_queue_pair(
    sqs: &aws_sdk_sqs::Client,
    name: &str,
) -> Result<(String, String), SchemaError> {
    let dead = create_queue(
        sqs,
        &dead_letter_name(name),
        [(
            QueueAttributeName::MessageRetentionPeriod,
            DEAD_LETTER_RETENTION_SECONDS.to_string(),
        )]
        .into(),
    )
    .await?;
    let attributes = sqs
        .get_queue_attributes()
        .queue_url(&dead)
        .attribute_names(QueueAttributeName::QueueArn)
        .send()
        .await
        .map_err(SchemaError::new("looking at the dead-letter queue"))?;
    let arn = attributes
        .attributes()
        .and_then(|attributes| attributes.get(&QueueAttributeName::QueueArn))
        .ok_or_else(|| SchemaError {
            step: "looking at the dead-letter queue",
            cause: "it has no ARN".to_owned(),
        })?;
    let redrive =
        serde_json::json!({ "deadLetterTargetArn": arn, "maxReceiveCount": RECEIVES_MAX });
    let queue = create_queue(
        sqs,
        name,
        [
            (
                QueueAttributeName::MessageRetentionPeriod,
                RETENTION_SECONDS.to_string(),
            ),
            (
                QueueAttributeName::VisibilityTimeout,
                VISIBILITY_SECONDS.to_string(),
            ),
            (QueueAttributeName::RedrivePolicy, redrive.to_string()),
        ]
        .into(),
    )
    .await?;
    Ok((queue, dead))
}

async fn create_queue(
    sqs: &aws_sdk_sqs::Client,
    name: &str,
    attributes: HashMap<QueueAttributeName, String>,
) -> Result<String, SchemaError> {
    // The same name with the same attributes answers the queue that is there.
    let created = sqs
        .create_queue()
        .queue_name(name)
        .set_attributes(Some(attributes))
        .send()
        .await
        .map_err(SchemaError::new("creating a queue"))?;
    created.queue_url.ok_or_else(|| SchemaError {
        step: "creating a queue",
        cause: "SQS answered no address".to_owned(),
    })
}

/// Whether it is a queue's URL and no name: no name has a colon (SQS API reference, `QueueName`).
pub(crate) fn is_url(queue: &str) -> bool {
    queue.contains("://")
}

async fn queue_url(sqs: &aws_sdk_sqs::Client, name: &str) -> Result<String, SchemaError> {
    if is_url(name) {
        return Ok(name.to_owned());
    }
    let found = sqs
        .get_queue_url()
        .queue_name(name)
        .send()
        .await
        .map_err(SchemaError::new("finding a queue"))?;
    found.queue_url.ok_or_else(|| SchemaError {
        step: "finding a queue",
        cause: "SQS answered no address".to_owned(),
    })
}

fn dead_letter_name(queue: &str) -> String {
    format!("{queue}{DEAD_LETTER_SUFFIX}")
}

/// Creates the bucket.
///
/// # Errors
/// S3 refused, or another account owns a bucket of that name.
pub async fn create_bucket(s3: &aws_sdk_s3::Client, bucket: &str) -> Result<(), SchemaError> {
    if s3.head_bucket().bucket(bucket).send().await.is_ok() {
        return Ok(());
    }
    let region = s3.config().region().map_or(LOCAL_REGION, AsRef::as_ref);
    // The first region is the one that must not be named (S3 API reference, CreateBucket).
    let location = (region != LOCAL_REGION).then(|| {
        CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::from(region))
            .build()
    });
    let created = s3
        .create_bucket()
        .bucket(bucket)
        .set_create_bucket_configuration(location)
        .send()
        .await;
    match created {
        Ok(_created) => Ok(()),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(|refusal| refusal.is_bucket_already_owned_by_you()) =>
        {
            Ok(())
        }
        Err(error) => Err(SchemaError::new("creating the bucket")(error)),
    }
}
