//! Clients of DynamoDB, SQS and S3.
//!
//! The one place that knows how a client is built: endpoint, credentials, time-outs, retries. It
//! does not know what is stored. On AWS nothing is given and the SDK finds region and credentials by
//! itself; on a laptop everything is given and nothing of the user's own AWS set-up is read.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::{Builder, Connector, tls};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use settings::{Proxies, Secret, Variables};

use crate::table::throttles::Throttles;

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
    /// By way of whom AWS is reached. Services of this machine are never reached by way of a proxy.
    pub proxies: Proxies,
}

impl AwsConfig {
    /// Where the SDK's own environment says, by way of the environment's proxies.
    #[must_use]
    pub fn of_environment() -> Self {
        Self {
            proxies: Variables::from_environment().proxies(),
            ..Self::default()
        }
    }
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
        dynamodb = dynamodb.interceptor(Throttles("dynamodb"));
        if let Some(endpoint) = &config.endpoints.dynamodb {
            dynamodb = dynamodb.endpoint_url(endpoint);
        }
        let mut sqs = aws_sdk_sqs::config::Builder::from(&shared)
            .timeout_config(timeouts(SQS_ATTEMPT_TIMEOUT, SQS_OPERATION_TIMEOUT))
            .interceptor(Throttles("sqs"));
        if let Some(endpoint) = &config.endpoints.sqs {
            sqs = sqs.endpoint_url(endpoint);
        }
        Self {
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
            sqs: aws_sdk_sqs::Client::from_conf(sqs.build()),
            s3: s3(&shared, config.endpoints.s3.as_deref()),
        }
    }
}

/// A client of S3. Where an endpoint is named, here or by `AWS_ENDPOINT_URL`, buckets have no host names
/// of their own: they are in the path, of presigned addresses too.
fn s3(shared: &SdkConfig, endpoint: Option<&str>) -> aws_sdk_s3::Client {
    let mut s3 = aws_sdk_s3::config::Builder::from(shared)
        .timeout_config(timeouts(S3_ATTEMPT_TIMEOUT, S3_OPERATION_TIMEOUT))
        .interceptor(Throttles("s3"));
    if let Some(endpoint) = endpoint {
        s3 = s3.endpoint_url(endpoint);
    }
    let elsewhere = endpoint.is_some() || shared.endpoint_url().is_some();
    aws_sdk_s3::Client::from_conf(s3.force_path_style(elsewhere).build())
}

pub(crate) async fn shared_config(config: &AwsConfig) -> SdkConfig {
    let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS_MAX);
    let http = http_client(&config.proxies);
    let Some(key) = &config.credentials else {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .retry_config(retries)
            .http_client(http);
        if let Some(region) = &config.region {
            loader = loader.region(Region::new(region.clone()));
        }
        return loader.load().await;
    };
    let region = config.region.as_deref().unwrap_or(LOCAL_REGION).to_owned();
    let credentials = Credentials::from_keys(key.id.as_str(), key.secret.expose().to_owned(), None);
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http)
        .region(Region::new(region))
        .credentials_provider(aws_sdk_dynamodb::config::SharedCredentialsProvider::new(
            credentials,
        ))
        .retry_config(retries)
        .build()
}

/// The SDK's own client, but for one thing: it would go by way of the environment's proxies to this machine too.
fn http_client(proxies: &Proxies) -> SharedHttpClient {
    let proxy = proxy_config(proxies);
    Builder::new().build_with_connector_fn(move |settings, components| {
        let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc);
        let mut connector = Connector::builder().tls_provider(provider);
        connector.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        connector.set_proxy_config(Some(proxy.clone()));
        connector.build()
    })
}

/// For what is encrypted, which all of AWS is; the metadata of a machine or task is not, and is next door.
fn proxy_config(proxies: &Proxies) -> ProxyConfig {
    let Some((proxy, exceptions)) = proxies.of_https() else {
        return ProxyConfig::disabled();
    };
    let config = ProxyConfig::https(proxy.expose()).map(|config| config.no_proxy(exceptions));
    // A proxy of the settings is a URL of the web with a host, which is all that is asked for here.
    config.unwrap_or_else(|_unreadable| ProxyConfig::disabled())
}

pub(crate) fn timeouts(attempt: Duration, operation: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(attempt)
        .operation_timeout(operation)
        .build()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use aws_sdk_s3::presigning::PresigningConfig;
    use tokio::net::TcpListener;

    use super::*;

    /// Where a presigned address of an object leads, with this endpoint for everything and this one for
    /// S3 alone.
    async fn leads_to(everything: Option<&str>, s3_alone: Option<&str>) -> String {
        let credentials = Credentials::from_keys("AKIATEST", "secret", None);
        let mut shared = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(aws_sdk_dynamodb::config::SharedCredentialsProvider::new(
                credentials,
            ));
        shared.set_endpoint_url(everything.map(str::to_owned));
        let lifetime = PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
        let object = s3(&shared.build(), s3_alone).get_object();
        let signed = object.bucket("calls").key("a.wav").presigned(lifetime);
        let address = signed.await.unwrap().uri().to_owned();
        address.split('?').next().unwrap().to_owned()
    }

    /// What somebody who listens here is asked first.
    async fn asked_of(port: u16, config: AwsConfig) -> String {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let here = listener.local_addr().unwrap();
        let config = AwsConfig {
            endpoints: Endpoints {
                dynamodb: config.endpoints.dynamodb.or(Some(format!("http://{here}"))),
                ..Endpoints::default()
            },
            proxies: config.proxies,
            credentials: Some(AccessKey {
                id: "AKIATEST".to_owned(),
                secret: Secret::new("secret".to_owned()),
            }),
            region: None,
        };
        let clients = Clients::connect(&config).await;
        let asking = tokio::spawn(clients.dynamodb.list_tables().send());
        let (socket, _) = listener.accept().await.unwrap();
        let mut line = vec![0; 4_096];
        let read = loop {
            socket.readable().await.unwrap();
            match socket.try_read(&mut line) {
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                read => break read.unwrap(),
            }
        };
        asking.abort();
        let text = String::from_utf8(line[..read].to_vec()).unwrap();
        text.lines().next().unwrap().to_owned()
    }

    fn by_way_of(proxy: &str) -> Proxies {
        let names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
        let variables = names.map(|name| (name.to_owned(), proxy.to_owned()));
        Variables::from(BTreeMap::from(variables)).proxies()
    }

    #[tokio::test]
    async fn a_service_of_this_machine_is_asked_without_a_proxy_and_aws_by_way_of_it() {
        // Nobody listens at the proxy's port, and the engine is asked all the same.
        let here = AwsConfig {
            proxies: by_way_of("http://127.0.0.1:9"),
            ..AwsConfig::default()
        };
        assert_eq!(asked_of(0, here).await, "POST / HTTP/1.1");

        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let aws = AwsConfig {
            proxies: by_way_of(&format!("http://127.0.0.1:{port}")),
            endpoints: Endpoints {
                dynamodb: Some("https://dynamodb.eu-central-1.amazonaws.com".to_owned()),
                ..Endpoints::default()
            },
            ..AwsConfig::default()
        };
        let asked = "CONNECT dynamodb.eu-central-1.amazonaws.com:443 HTTP/1.1";
        assert_eq!(asked_of(port, aws).await, asked);
    }

    #[tokio::test]
    async fn a_bucket_is_in_the_path_wherever_it_has_no_host_of_its_own() {
        for endpoint in ["http://127.0.0.1:4566", "http://localhost:4566"] {
            let there = format!("{endpoint}/calls/a.wav");
            assert_eq!(leads_to(Some(endpoint), None).await, there);
            assert_eq!(leads_to(None, Some(endpoint)).await, there);
        }
        let on_aws = "https://calls.s3.eu-central-1.amazonaws.com/a.wav";
        assert_eq!(leads_to(None, None).await, on_aws);
    }
}
