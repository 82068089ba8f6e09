//! What is on AWS only: secrets, recovery of the table, who may open the bucket, and rights. AWS answers
//! here by what is behind its SDK's seam for HTTP.

use std::sync::Arc;

use ::doctor::{CheckState, Doctor, Installation, Place};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use serde_json::{Value, json};
use settings::Variables;
use store::aws::Clients;
use store::schema::QueueUrls;
use store::secrets::Secrets;
use store::{PROBE_PREFIX, Store};

use super::{Examined, SteppedClock, World, fields};

const KEYS: &str = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:Keys-abcdef";
const OWNER: &str = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:Owner-abcdef";
const PUT_KEYS: &str = "aws --region eu-west-1 secretsmanager put-secret-value --secret-id arn:aws:secretsmanager:eu-west-1:000000000000:secret:Keys-abcdef --secret-string file://keys.json";

/// Answers a request: what is asked, of what, and the body.
type Answers = Arc<dyn Fn(&str, &Value) -> (u16, String) + Send + Sync>;

#[derive(Clone)]
struct Aws(Answers);

impl std::fmt::Debug for Aws {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Aws")
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
        // JSON protocols name the operation in a header, S3 by method and address.
        let target = request.headers().get("x-amz-target");
        let operation = target.map_or_else(
            || format!("{} {}", request.method(), request.uri()),
            |target| target.rsplit('.').next().unwrap().to_owned(),
        );
        let body = request.body().bytes().unwrap_or_default();
        let body = serde_json::from_slice(body).unwrap_or(Value::Null);
        let (status, answer) = (self.0)(&operation, &body);
        let answer = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(answer));
        HttpConnectorFuture::ready(Ok(answer))
    }
}

fn config(answers: impl Fn(&str, &Value) -> (u16, String) + Send + Sync + 'static) -> SdkConfig {
    let credentials = Credentials::from_keys("AKIATEST", "secret", None);
    let provider = aws_sdk_s3::config::SharedCredentialsProvider::new(credentials);
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(provider)
        .retry_config(RetryConfig::disabled())
        .http_client(Aws(Arc::new(answers)))
        .build()
}

/// Storage that answers so.
fn store(answers: impl Fn(&str, &Value) -> (u16, String) + Send + Sync + 'static) -> Store {
    let shared = config(answers);
    let s3 = aws_sdk_s3::config::Builder::from(&shared).force_path_style(true);
    let clients = Clients {
        dynamodb: aws_sdk_dynamodb::Client::new(&shared),
        sqs: aws_sdk_sqs::Client::new(&shared),
        s3: aws_sdk_s3::Client::from_conf(s3.build()),
    };
    let queue = |name: &str| format!("https://sqs.eu-west-1.amazonaws.com/0/{name}");
    let queues = QueueUrls {
        dial: queue("dial"),
        recordings: queue("recordings"),
        imports: queue("import"),
    };
    let (settings, _problems) = Variables::default().settings_and_problems();
    Store::new(&clients, &settings.storage, &queues)
}

async fn examined(store: Store) -> Examined {
    let doctor = Doctor::new(Installation {
        variables: Variables::default(),
        place: Place::Aws,
        store: Some(store),
        secrets: None,
        clock: Arc::new(SteppedClock::default()),
        command: None,
    });
    Examined::new(Box::pin(doctor.examine(None)).await)
}

/// A table as the template has it, and a bucket.
fn as_it_should_be(recovery: &'static str) -> impl Fn(&str, &Value) -> (u16, String) {
    move |operation, _body| {
        let key = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
        let answer = match operation {
            "DescribeTable" => json!({"Table": {
                "TableStatus": "ACTIVE",
                "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
                "GlobalSecondaryIndexes": [{
                    "IndexName": "gsi1",
                    "KeySchema": [key("gsi1pk", "HASH"), key("gsi1sk", "RANGE")],
                }],
            }}),
            "DescribeTimeToLive" => json!({"TimeToLiveDescription": {
                "TimeToLiveStatus": "ENABLED", "AttributeName": "ttl",
            }}),
            "DescribeContinuousBackups" => json!({"ContinuousBackupsDescription": {
                "ContinuousBackupsStatus": "ENABLED",
                "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": recovery},
            }}),
            "GetItem" => json!({}),
            s3 if s3.contains("publicAccessBlock") => {
                let parts = [
                    "BlockPublicAcls",
                    "IgnorePublicAcls",
                    "BlockPublicPolicy",
                    "RestrictPublicBuckets",
                ];
                let parts = parts.map(|part| format!("<{part}>true</{part}>")).concat();
                let name = "PublicAccessBlockConfiguration";
                return (200, format!("<{name}>{parts}</{name}>"));
            }
            s3 if s3.starts_with("HEAD ") => return (200, String::new()),
            other => {
                return (
                    400,
                    json!({"__type": "UnknownOperation", "message": other}).to_string(),
                );
            }
        };
        (200, answer.to_string())
    }
}

#[tokio::test]
async fn the_table_could_not_be_brought_back() {
    let off = examined(store(as_it_should_be("DISABLED"))).await;
    off.warns(
        "table recovery",
        "point-in-time recovery is off",
        "aws dynamodb update-continuous-backups --table-name trunkline --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true",
    );
    let on = examined(store(as_it_should_be("ENABLED"))).await;
    on.is("table recovery", CheckState::Ok, "to any moment", "");
    on.is("bucket access", CheckState::Ok, "blocked", "");
}

#[tokio::test]
async fn the_bucket_could_be_opened_to_anybody() {
    for part in ["", "<BlockPublicAcls>true</BlockPublicAcls>"] {
        let usual = as_it_should_be("ENABLED");
        let answers = move |operation: &str, body: &Value| {
            if !operation.contains("publicAccessBlock") {
                return usual(operation, body);
            }
            let name = "PublicAccessBlockConfiguration";
            if part.is_empty() {
                let code = "<Error><Code>NoSuchPublicAccessBlockConfiguration</Code></Error>";
                return (404, code.to_owned());
            }
            (200, format!("<{name}>{part}</{name}>"))
        };
        let open = examined(store(answers)).await;
        open.fails(
            "bucket access",
            "public access is not blocked",
            "aws s3api put-public-access-block --bucket trunkline --public-access-block-configuration BlockPublicAcls=true",
        );
    }
}

#[tokio::test]
async fn rights_are_missing_or_credentials_are_wrong() {
    let refuse = |kind: &'static str| {
        move |operation: &str, _body: &Value| {
            let code = if operation.contains(' ') {
                format!("<Error><Code>{kind}</Code></Error>")
            } else {
                json!({ "__type": kind }).to_string()
            };
            (403, code)
        }
    };
    let denied = examined(store(refuse("AccessDeniedException"))).await;
    denied.fails(
        "table",
        "not allowed to look at trunkline (AccessDeniedException)",
        "sam deploy",
    );
    denied.fails("dial queue", "not allowed", "sam deploy");
    let unknown = examined(store(refuse("UnrecognizedClientException"))).await;
    unknown.fails(
        "table",
        "AWS does not take the credentials",
        "aws configure",
    );

    // It may look, and not write.
    let usual = as_it_should_be("ENABLED");
    let read_only = examined(store(move |operation: &str, body: &Value| {
        if operation.contains(PROBE_PREFIX) {
            return (403, "<Error><Code>AccessDenied</Code></Error>".to_owned());
        }
        usual(operation, body)
    }))
    .await;
    read_only.fails(
        "bucket objects",
        "putting an object: not allowed (AccessDenied)",
        "sam deploy",
    );
}

/// Reads these secrets: by the last part of their names.
async fn with_secrets(world: &World, keys: &'static str, at_start: &str) -> Examined {
    let answers = move |_operation: &str, body: &Value| {
        let id = body["SecretId"].as_str().unwrap();
        let value = if id == OWNER {
            fields(&[("TRUNKLINE_API_KEY", "hidden-in-the-secret")])
        } else {
            keys.to_owned()
        };
        match value.as_str() {
            "nothing" => (
                400,
                json!({ "__type": "ResourceNotFoundException" }).to_string(),
            ),
            "denied" => (
                400,
                json!({ "__type": "AccessDeniedException" }).to_string(),
            ),
            value => (200, json!({ "SecretString": value }).to_string()),
        }
    };
    let mut variables = world.variables.clone();
    for kept_there in ["TWILIO_AUTH_TOKEN", "DEEPGRAM_API_KEY", "DEEPGRAM_BASE_URL"] {
        variables.remove(kept_there);
    }
    let base = world.recognizer.url();
    variables.insert("TRUNKLINE_SECRETS".to_owned(), format!("{OWNER},{KEYS}"));
    let mut variables = Variables::from(variables);
    if let Ok(read) = serde_json::from_str::<std::collections::BTreeMap<String, String>>(at_start) {
        variables.lay_beneath(KEYS, read);
        variables.lay_beneath(KEYS, [("DEEPGRAM_BASE_URL".to_owned(), base)]);
    }
    let owner = [(
        "TRUNKLINE_API_KEY".to_owned(),
        "hidden-in-the-secret".to_owned(),
    )];
    variables.lay_beneath(OWNER, owner);
    let doctor = Doctor::new(Installation {
        variables,
        place: Place::Aws,
        store: Some(world.store()),
        secrets: Some(Secrets::new(&config(answers))),
        clock: Arc::new(SteppedClock::default()),
        command: None,
    });
    Examined::new(Box::pin(doctor.examine(None)).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_empty_malformed_or_closed() {
    let world = World::start().await;
    world.own.leaves_errors_of_doctor(4);
    for (keys, found, mend) in [
        ("nothing", "does not exist or has no value yet", PUT_KEYS),
        (" ", "does not exist or has no value yet", PUT_KEYS),
        ("sk-hidden-in-the-secret", "not a JSON object", PUT_KEYS),
        (
            "denied",
            "it cannot be read",
            "aws --region eu-west-1 secretsmanager describe-secret --secret-id arn:",
        ),
    ] {
        let examined = with_secrets(&world, keys, "").await;
        examined.fails("Keys-abcdef", found, mend);
        examined.is("Owner-abcdef", CheckState::Ok, "1 setting", "");
        // What may be in it is not called missing a second time.
        let why = "may be in the secret Keys-abcdef, which cannot be read";
        examined.skips("Deepgram", why);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_have_fields_that_nothing_reads_or_that_were_changed() {
    let world = World::start().await;
    world.own.leaves_errors_of_doctor(3);
    const KNOWN: &str =
        r#"{"TWILIO_AUTH_TOKEN":"the-carriers-token","DEEPGRAM_API_KEY":"a-key-of-the-vendors"}"#;
    let examined = with_secrets(&world, KNOWN, KNOWN).await;
    examined.is("Keys-abcdef", CheckState::Ok, "2 settings", "");
    examined.is("Deepgram", CheckState::Ok, "takes the key", "");

    const MISSPELT: &str =
        r#"{"TWILIO_AUTH_TOKEN":"the-carriers-token","DEEPGRAM_KEY":"hidden-in-the-secret"}"#;
    let without = r#"{"TWILIO_AUTH_TOKEN":"the-carriers-token"}"#;
    let misspelt = with_secrets(&world, MISSPELT, without).await;
    misspelt.warns("Keys-abcdef", "no setting is called DEEPGRAM_KEY", PUT_KEYS);

    const CHANGED: &str =
        r#"{"TWILIO_AUTH_TOKEN":"hidden-in-the-secret","DEEPGRAM_API_KEY":"a-key-of-the-vendors"}"#;
    let changed = with_secrets(&world, CHANGED, KNOWN).await;
    changed.warns(
        "Keys-abcdef",
        "changed since this was started: TWILIO_AUTH_TOKEN",
        "--parameter-overrides KeysRevision=$(date +%s)",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn on_aws_every_side_is_real() {
    let world = World::start().await;
    let world = ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_BASE_URL"]
        .into_iter()
        .chain(["OPENAI_API_KEY", "OPENAI_BASE_URL", "PUBLIC_URL"])
        .fold(world, |world, name| world.with(name, ""));
    let mut world = world;
    world.place = Place::Aws;
    world.own.leaves_errors_of_doctor(1);
    let examined = world.examined().await;
    examined.fails("account", "are not set", "TWILIO_AUTH_TOKEN");
    examined.fails("OpenAI", "OPENAI_API_KEY is not set", "OPENAI_API_KEY");
    examined.fails("webhooks", "PUBLIC_URL is not set", "PublicUrl=…");
}
