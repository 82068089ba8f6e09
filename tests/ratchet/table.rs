//! The table behind the AWS SDK's seam for HTTP: the real repositories make their real requests, which the
//! embedded engine answers in this process, after a while of virtual time.

use std::time::Duration;

use aws_sdk_dynamodb::config::StalledStreamProtectionConfig;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use engines::Table;
use settings::{Secret, Storage};
use store::Store;
use store::aws::{AccessKey, AwsConfig, Clients, Endpoints};
use store::schema::{self, QueueUrls};

use super::outside::outside;

const TABLE: &str = "trunkline";
/// How long the table takes.
const ANSWER_AFTER: Duration = Duration::from_millis(4);

pub(super) async fn store() -> Store {
    let nowhere = || Some("http://127.0.0.1:1".to_owned());
    let config = AwsConfig {
        region: None,
        endpoints: Endpoints {
            dynamodb: nowhere(),
            sqs: nowhere(),
            s3: nowhere(),
        },
        credentials: Some(AccessKey {
            id: "AKIARATCHET".to_owned(),
            secret: Secret::new("signed as always".to_owned()),
        }),
        ..AwsConfig::default()
    };
    let clients = Clients::connect(&config).await;
    let embedded = Embedded(Table::in_memory().unwrap());
    let dynamodb = clients.dynamodb.config().to_builder();
    let dynamodb = dynamodb
        .http_client(embedded.clone())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    let sqs = clients.sqs.config().to_builder();
    let sqs = sqs
        .http_client(embedded)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    let clients = Clients {
        dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
        sqs: aws_sdk_sqs::Client::from_conf(sqs.build()),
        s3: clients.s3,
    };
    schema::create_table(&clients.dynamodb, TABLE)
        .await
        .unwrap();
    let queue = || "http://sqs/none".to_owned();
    let names = Storage {
        table: TABLE.to_owned(),
        bucket: "nothing-is-stored-there".to_owned(),
        dial_queue: queue(),
        recordings_queue: queue(),
        import_queue: queue(),
    };
    let queues = QueueUrls {
        dial: queue(),
        recordings: queue(),
        imports: queue(),
    };
    Store::new(&clients, &names, &queues)
}

#[derive(Debug, Clone)]
struct Embedded(Table);

impl HttpClient for Embedded {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Embedded {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let table = self.0.clone();
        HttpConnectorFuture::new(async move {
            tokio::time::sleep(ANSWER_AFTER).await;
            Ok(outside(|| answer(&table, &request)))
        })
    }
}

fn answer(table: &Table, request: &HttpRequest) -> HttpResponse {
    let target = request.headers().get("x-amz-target").unwrap();
    let (service, operation) = target.split_once('.').unwrap();
    let (status, answer) = if service == "AmazonSQS" {
        // Nobody takes it: whoever makes a call here places it too.
        (http::StatusCode::OK, r#"{"MessageId":"1"}"#.to_owned())
    } else {
        table.answer(operation, request.body().bytes().unwrap())
    };
    let status = status.as_u16().try_into().unwrap();
    let mut response = HttpResponse::new(status, SdkBody::from(answer));
    let headers = response.headers_mut();
    headers.insert("content-type", "application/x-amz-json-1.0");
    response
}
