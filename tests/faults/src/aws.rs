//! DynamoDB, SQS and S3 behind the AWS SDK's own seam for HTTP: the real repositories make their real
//! requests, which are answered in this process by the embedded table, a virtual queue and a virtual bucket.
//!
//! It is the place where storage goes wrong: a request may be throttled, refused, answered late or not
//! at all, before or after it was done, and the process that made it may die on either side of it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::config::StalledStreamProtectionConfig;
use aws_sdk_dynamodb::config::retry::RetryPartition;
use aws_smithy_runtime_api::client::auth::AuthSchemeId;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use engines::Table;
use settings::Secret;
use store::aws::{AccessKey, AwsConfig, Clients, Endpoints};
use tokio::sync::watch;

use super::chance::Chance;
use super::objects::{self, Objects};
use super::plant::{Plant, Planted};
use super::process::{self, Kind, Moment, Step};
use super::queue::Queues;
use super::rows::{self, Row, Rows};
use super::tally::Fault;

/// How often storage goes wrong, in a thousand requests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    pub(super) throttled: u32,
    pub(super) fails: u32,
    pub(super) lost: u32,
    pub(super) slow: u32,
    pub(super) leases_shared: u32,
}

/// Everything that is behind the AWS SDK.
#[derive(Debug, Clone)]
pub(super) struct Aws(Arc<Inner>);

struct Inner {
    chance: Chance,
    table: Table,
    rows: Rows,
    queues: Queues,
    objects: Objects,
    plant: Option<Plant>,
    /// Throttling of this moment, in a thousand requests; it comes in storms.
    throttled: AtomicU64,
    weather: Weather,
    /// By the kind of process that made them.
    requests: Mutex<BTreeMap<Kind, u64>>,
    /// The number that was last read to decide whether it may be called.
    deciding: watch::Sender<String>,
}

/// What is asked, and of whom.
#[derive(Debug, Clone, Copy)]
enum Asked<'a> {
    Table {
        operation: &'a str,
        body: &'a [u8],
    },
    Queue {
        operation: &'a str,
        body: &'a [u8],
    },
    Bucket {
        method: &'a str,
        key: &'a str,
        body: &'a [u8],
    },
}

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mishap {
    Throttled,
    /// A transaction meets another one on the same rows.
    Collides,
    Fails(Moment),
    Broken(Moment),
    Silent(Moment),
}

impl Aws {
    pub(super) fn new(
        chance: Chance,
        rows: Rows,
        table: Table,
        queues: Queues,
        objects: Objects,
        weather: Weather,
        plant: Option<Plant>,
    ) -> Self {
        Self(Arc::new(Inner {
            chance,
            table,
            rows,
            queues,
            objects,
            plant,
            throttled: AtomicU64::new(u64::from(weather.throttled)),
            weather,
            requests: Mutex::default(),
            deciding: watch::Sender::default(),
        }))
    }

    /// The product's clients, as it builds them itself, but for the way that their requests go.
    pub(super) async fn clients(&self) -> Clients {
        let nowhere = || Some("http://127.0.0.1:1".to_owned());
        let config = AwsConfig {
            region: None,
            endpoints: Endpoints {
                dynamodb: nowhere(),
                sqs: nowhere(),
                s3: nowhere(),
            },
            credentials: Some(AccessKey {
                id: "AKIAFAULTS".to_owned(),
                secret: Secret::new("nothing is signed here".to_owned()),
            }),
            ..AwsConfig::default()
        };
        let clients = Clients::connect(&config).await;
        // The same seed, the same run: no chance in the pauses, and no bucket of retries that is shared
        // with the next world. Nobody looks at signatures here, and they are dear.
        let dynamodb = clients.dynamodb.config();
        let retries = dynamodb.retry_config().unwrap().clone();
        let retries = retries.with_use_static_exponential_base(true);
        let unsigned = || [AuthSchemeId::new("noAuth")];
        let bucket = || RetryPartition::custom("a world").build();
        let dynamodb = dynamodb
            .to_builder()
            .http_client(self.clone())
            .allow_no_auth()
            .auth_scheme_preference(unsigned())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .retry_config(retries.clone())
            .retry_partition(bucket());
        let sqs = clients.sqs.config().to_builder();
        let sqs = sqs
            .http_client(self.clone())
            .allow_no_auth()
            .auth_scheme_preference(unsigned())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .retry_config(retries.clone())
            .retry_partition(bucket());
        let s3 = clients.s3.config().to_builder();
        let s3 = s3
            .http_client(self.clone())
            .allow_no_auth()
            .auth_scheme_preference(unsigned())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .retry_config(retries)
            .retry_partition(bucket());
        Clients {
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
            sqs: aws_sdk_sqs::Client::from_conf(sqs.build()),
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
        }
    }

    /// The table throttles so many of a thousand requests from now on.
    pub(super) fn throttle(&self, per_mille: u32) {
        let per_mille = u64::from(per_mille.max(self.0.weather.throttled));
        self.0.throttled.store(per_mille, Ordering::Relaxed);
    }

    /// Holds what was followed of the rows against the table itself.
    pub(super) fn compare(&self) {
        self.0.rows.compare(&self.0.table);
    }

    /// Every row of the table.
    pub(super) fn rows(&self) -> Vec<(String, String, Row)> {
        rows::all(&self.0.table)
    }

    /// Waits until it is being decided whether somebody may be called: their number.
    pub(super) async fn deciding(&self) -> String {
        let mut deciding = self.0.deciding.subscribe();
        deciding.changed().await.unwrap();
        deciding.borrow().clone()
    }

    pub(super) fn requests(&self) -> BTreeMap<Kind, u64> {
        self.0.requests.lock().unwrap().clone()
    }
}

impl Inner {
    async fn exchange(&self, asked: Asked<'_>) -> Result<HttpResponse, ConnectorError> {
        let Some(step) = process::step() else {
            return Ok(self.done(None, asked));
        };
        *self
            .requests
            .lock()
            .unwrap()
            .entry(step.kind())
            .or_default() += 1;
        step.survive(Moment::Before).await;
        tokio::time::sleep(self.latency()).await;
        let answer = match self.mishap(asked) {
            None => Ok(self.done(Some(&step), asked)),
            Some(Mishap::Throttled) => Ok(asked.refused(400, asked.throttled())),
            Some(Mishap::Collides) => Ok(collision(asked)),
            Some(Mishap::Fails(moment)) => {
                self.done_if(&step, moment, asked);
                Ok(asked.refused(500, asked.failed()))
            }
            Some(Mishap::Broken(moment)) => {
                self.done_if(&step, moment, asked);
                Err(ConnectorError::io("the connection broke".into()))
            }
            Some(Mishap::Silent(moment)) => {
                self.done_if(&step, moment, asked);
                step.survive(Moment::After).await;
                std::future::pending().await
            }
        };
        step.survive(Moment::After).await;
        tokio::time::sleep(self.chance.ms(0..=4)).await;
        answer
    }

    fn mishap(&self, asked: Asked<'_>) -> Option<Mishap> {
        let chance = &self.chance;
        let throttled = u32::try_from(self.throttled.load(Ordering::Relaxed)).unwrap();
        if let Asked::Table { operation, .. } = asked
            && chance.per_mille(throttled)
        {
            let transaction = operation == "TransactWriteItems";
            if transaction && chance.strikes(Fault::TransactionCollided, 500) {
                return Some(Mishap::Collides);
            }
            chance.struck(Fault::StorageThrottled);
            return Some(Mishap::Throttled);
        }
        let moment = || {
            let moment = *chance.pick(&[Moment::Before, Moment::After]);
            if moment == Moment::After {
                chance.struck(Fault::StorageAnswerLost);
            }
            moment
        };
        if chance.strikes(Fault::StorageFailed, self.weather.fails) {
            return Some(Mishap::Fails(moment()));
        }
        if chance.per_mille(self.weather.lost) {
            if chance.strikes(Fault::StorageSilent, 300) {
                return Some(Mishap::Silent(moment()));
            }
            chance.struck(Fault::StorageBroke);
            return Some(Mishap::Broken(moment()));
        }
        None
    }

    fn latency(&self) -> Duration {
        if self.chance.strikes(Fault::StorageSlow, self.weather.slow) {
            self.chance.ms(100..=2_800)
        } else {
            self.chance.ms(1..=9)
        }
    }

    fn done_if(&self, step: &Step, moment: Moment, asked: Asked<'_>) {
        if moment == Moment::After {
            self.done(Some(step), asked);
        }
    }

    fn done(&self, step: Option<&Step>, asked: Asked<'_>) -> HttpResponse {
        let (status, answer) = match asked {
            Asked::Bucket { method, key, body } => {
                let planted = self.plant.as_ref().and_then(|plant| plant.key(key));
                let key = planted.as_deref().unwrap_or(key);
                return self.objects.answer(method, key, body);
            }
            Asked::Queue { operation, body } => self.queues.answer(operation, body),
            Asked::Table { operation, body } => {
                if step.is_some_and(|step| step.kind() == Kind::Dial)
                    && let Some(number) = contact_read(operation, body)
                {
                    self.deciding.send_replace(number);
                }
                self.done_by_table(step, operation, body)
            }
        };
        response(status, answer)
    }

    fn done_by_table(&self, step: Option<&Step>, operation: &str, body: &[u8]) -> (u16, String) {
        if let Some(taken) = self.lease_taken_from_its_holder(operation, body) {
            return self.asked_of_table(operation, &taken);
        }
        let Some(plant) = &self.plant else {
            return self.asked_of_table(operation, body);
        };
        let answer = match plant.before(step, operation, body) {
            None => self.asked_of_table(operation, body),
            Some(Planted::Request(body)) => self.asked_of_table(operation, &body),
            Some(Planted::Answer(answer)) => (200, answer),
        };
        if answer.0 == 200
            && let Some((operation, body)) = plant.after(operation, body)
        {
            self.asked_of_table(operation, &body);
        }
        answer
    }

    /// A lease only saves work: nothing may hang on it. Now and then one is had by two, as after a holder
    /// that stood still for a minute and then goes on.
    fn lease_taken_from_its_holder(&self, operation: &str, body: &[u8]) -> Option<Vec<u8>> {
        let takes = |body: &[u8]| {
            let body = String::from_utf8_lossy(body);
            body.contains("\"LEASE#") && body.contains("SET holder")
        };
        if operation != "UpdateItem"
            || !takes(body)
            || !self
                .chance
                .strikes(Fault::LeaseShared, self.weather.leases_shared)
        {
            return None;
        }
        let mut request: serde_json::Value = serde_json::from_slice(body).unwrap();
        let condition = "attribute_exists(pk) OR attribute_not_exists(pk) OR #until <= :now OR #until > :believed \
                         OR shape <= :shape_known";
        request["ConditionExpression"] = condition.into();
        Some(request.to_string().into_bytes())
    }

    fn asked_of_table(&self, operation: &str, body: &[u8]) -> (u16, String) {
        let (status, answer) = self.table.answer(operation, body);
        if status.is_success() {
            self.rows.written(operation, body, &self.table);
        }
        (status.as_u16(), answer)
    }
}

impl HttpClient for Aws {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Aws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let inner = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            let body = request.body().bytes().unwrap_or_default();
            let target = request.headers().get("x-amz-target");
            let asked = match target.map(|target| target.split_once('.').unwrap()) {
                Some(("AmazonSQS", operation)) => Asked::Queue { operation, body },
                Some((_table, operation)) => Asked::Table { operation, body },
                None => Asked::Bucket {
                    method: request.method(),
                    key: objects::key_in(request.uri()).unwrap(),
                    body,
                },
            };
            inner.exchange(asked).await
        })
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws").finish_non_exhaustive()
    }
}

/// The number whose contact a request reads.
fn contact_read(operation: &str, body: &[u8]) -> Option<String> {
    if operation != "GetItem" {
        return None;
    }
    let request: serde_json::Value = serde_json::from_slice(body).ok()?;
    let pk = request["Key"]["pk"]["S"].as_str()?;
    let (_tenant, number) = pk.split_once("#CONTACT#")?;
    Some(number.to_owned())
}

impl Asked<'_> {
    fn throttled(self) -> &'static str {
        match self {
            Self::Table { .. } => {
                "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"
            }
            Self::Queue { .. } => "com.amazonaws.sqs#RequestThrottled",
            Self::Bucket { .. } => "SlowDown",
        }
    }

    fn failed(self) -> &'static str {
        match self {
            Self::Table { .. } | Self::Queue { .. } => "InternalServerError",
            Self::Bucket { .. } => "InternalError",
        }
    }

    fn refused(self, status: u16, code: &str) -> HttpResponse {
        match self {
            Self::Table { .. } | Self::Queue { .. } => response(
                status,
                format!(r#"{{"__type":"{code}","message":"as told"}}"#),
            ),
            Self::Bucket { .. } => objects::problem(status, code),
        }
    }
}

/// A transaction that is cancelled because another one has a row of it in hand.
fn collision(asked: Asked<'_>) -> HttpResponse {
    let (Asked::Table { body, .. } | Asked::Queue { body, .. } | Asked::Bucket { body, .. }) =
        asked;
    let request: serde_json::Value = serde_json::from_slice(body).unwrap();
    let writes = request["TransactItems"].as_array().unwrap().len();
    let reasons: Vec<_> = (0..writes)
        .map(|write| match write {
            0 => serde_json::json!({ "Code": "TransactionConflict", "Message": "as told" }),
            _ => serde_json::json!({ "Code": "None" }),
        })
        .collect();
    let cancelled = serde_json::json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "message": "as told",
        "CancellationReasons": reasons,
    });
    response(400, cancelled.to_string())
}

fn response(status: u16, body: String) -> HttpResponse {
    let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
    let headers = response.headers_mut();
    headers.insert("content-type", "application/x-amz-json-1.0");
    response
}
