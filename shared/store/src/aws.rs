//! Clients of DynamoDB, SQS and S3.
//!
//! The one place that knows how a client is built: endpoint, credentials, time-outs, retries. It
//! does not know what is stored. On AWS nothing is given and the SDK finds region and credentials by
//! itself; on a laptop everything is given and nothing of the user's own AWS set-up is read.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use settings::Secret;

/// Region of endpoints that are not AWS. They all take it, and request signatures need one.
pub const LOCAL_REGION: &str = "us-east-1";

/// A connection inside one region stands within milliseconds; a second is a lost packet and more.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// DynamoDB answers in milliseconds. An attempt older than this is better repeated: calls wait for it.
const DYNAMODB_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
const DYNAMODB_OPERATION_TIMEOUT: Duration = Duration::from_secs(10);
/// A long poll is answered after at most 20 seconds (SQS API reference, `WaitTimeSeconds`).
const SQS_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(26);
const SQS_OPERATION_TIMEOUT: Duration = Duration::from_secs(60);
/// One part of a recording has to pass in one attempt, also over a slow line.
const S3_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);
const S3_OPERATION_TIMEOUT: Duration = Duration::from_secs(200);
/// First attempt included. Back-off with jitter is the SDK's (standard mode: 1 s, doubled, capped).
const ATTEMPTS_MAX: u32 = 4;

/// Where AWS's services are and who asks. The default is AWS itself.
#[derive(Debug, Clone, Default)]
pub struct AwsConfig {
    /// Absent: the SDK's own search (environment, profile, metadata).
    pub region: Option<String>,
    pub endpoints: Endpoints,
    /// Absent: the SDK's own search. Present: nothing outside this struct is read.
    pub credentials: Option<AccessKey>,
}

/// Base URLs of the services. Those that are absent are the SDK's own choice, which also honours
/// `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_DYNAMODB`, `…_SQS`, `…_S3`.
///
/// Give local ones as `http://127.0.0.1:PORT`: with an IP address the S3 client names the bucket in
/// the path by itself.
#[derive(Debug, Clone, Default)]
pub struct Endpoints {
    pub dynamodb: Option<String>,
    pub sqs: Option<String>,
    pub s3: Option<String>,
}

/// A long-lived access key.
#[derive(Debug, Clone)]
pub struct AccessKey {
    pub id: String,
    pub secret: Secret,
}

/// Clients of the three services. Cloning shares the connections.
#[derive(Debug, Clone)]
pub struct Clients {
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub sqs: aws_sdk_sqs::Client,
    pub s3: aws_sdk_s3::Client,
}

impl Clients {
    /// Builds the clients. Nothing is asked of the services yet; without an access key the SDK may
    /// ask the instance's or task's metadata address for region and credentials.
    pub async fn connect(config: &AwsConfig) -> Self {
        let shared = shared_config(config).await;

        let mut dynamodb = aws_sdk_dynamodb::config::Builder::from(&shared).timeout_config(
            timeouts(DYNAMODB_ATTEMPT_TIMEOUT, DYNAMODB_OPERATION_TIMEOUT),
        );
        if let Some(endpoint) = &config.endpoints.dynamodb {
            dynamodb = dynamodb.endpoint_url(endpoint);
        }
        let mut sqs = aws_sdk_sqs::config::Builder::from(&shared)
            .timeout_config(timeouts(SQS_ATTEMPT_TIMEOUT, SQS_OPERATION_TIMEOUT));
        if let Some(endpoint) = &config.endpoints.sqs {
            sqs = sqs.endpoint_url(endpoint);
        }
        let mut s3 = aws_sdk_s3::config::Builder::from(&shared)
            .timeout_config(timeouts(S3_ATTEMPT_TIMEOUT, S3_OPERATION_TIMEOUT));
        if let Some(endpoint) = &config.endpoints.s3 {
            s3 = s3.endpoint_url(endpoint).force_path_style(true);
        }
        Self {
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
            sqs: aws_sdk_sqs::Client::from_conf(sqs.build()),
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
        }
    }
}

async fn shared_config(config: &AwsConfig) -> SdkConfig {
    let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS_MAX);
    let Some(key) = &config.credentials else {
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).retry_config(retries);
        if let Some(region) = &config.region {
            loader = loader.region(Region::new(region.clone()));
        }
        return loader.load().await;
    };
    let region = config.region.as_deref().unwrap_or(LOCAL_REGION).to_owned();
    let credentials = Credentials::from_keys(key.id.as_str(), key.secret.expose().to_owned(), None);
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(aws_sdk_dynamodb::config::SharedCredentialsProvider::new(
            credentials,
        ))
        .retry_config(retries)
        .build()
}

fn timeouts(attempt: Duration, operation: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(attempt)
        .operation_timeout(operation)
        .build()
}
