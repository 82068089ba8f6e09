//! Policies, both ways: no function asks AWS for what its policy does not allow, and no policy allows what
//! its function never asks for.
//!
//! The tests of the control plane run every function with a guard on its AWS clients: it has the policies
//! of the templates, sees each request as it is signed, and lets pass what IAM would. What it sees is
//! remembered, and a set of situations that together make every function do all that it does is played
//! in one process, and held against the policies.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, Metadata};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use serde_json::Value;
use settings::Storage;
use store::aws::Clients;

use super::{TEMPLATE, Template, WORKER_TEMPLATE};
use crate::{control, releases};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    Api,
    Callbacks,
    Dial,
    Import,
    Scheduler,
    Worker,
}

const EVERYBODY: [Who; 6] = [
    Who::Api,
    Who::Callbacks,
    Who::Dial,
    Who::Import,
    Who::Scheduler,
    Who::Worker,
];

/// A verb on a resource, as a policy says it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    action: String,
    resource: String,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.action, self.resource)
    }
}

/// What was asked for in this process.
static ASKED: Mutex<BTreeSet<(Who, Right)>> = Mutex::new(BTreeSet::new());

/// The same clients in the hands of somebody who has a role of the templates.
pub(crate) fn held_to(who: Who, clients: &Clients, names: &Storage) -> Clients {
    let guard = Guard {
        who,
        rights: Arc::new(rights(who)),
        names: Arc::new(names.clone()),
    };
    let dynamodb = clients.dynamodb.config().to_builder();
    let sqs = clients.sqs.config().to_builder();
    let s3 = clients.s3.config().to_builder();
    Clients {
        dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.interceptor(guard.clone()).build()),
        sqs: aws_sdk_sqs::Client::from_conf(sqs.interceptor(guard.clone()).build()),
        s3: aws_sdk_s3::Client::from_conf(s3.interceptor(guard).build()),
    }
}

/// Stands where IAM stands.
#[derive(Debug, Clone)]
struct Guard {
    who: Who,
    rights: Arc<BTreeSet<Right>>,
    names: Arc<Storage>,
}

impl Intercept for Guard {
    fn name(&self) -> &'static str {
        "policy"
    }

    fn read_after_signing(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = config
            .load::<Metadata>()
            .ok_or("an operation has no name")?;
        if operation.service() == "DynamoDB" {
            releases::note(operation.name(), &json(context.request()));
        }
        for right in asked(&self.names, operation, context.request()) {
            // Nobody else would say what went wrong: a refusal of IAM's looks like an outage.
            assert!(
                self.rights.contains(&right),
                "the policy of {:?} does not allow {right}",
                self.who
            );
            remember(self.who, right);
        }
        Ok(())
    }
}

fn remember(who: Who, right: Right) {
    ASKED.lock().unwrap().insert((who, right));
}

/// What a request needs (Service Authorization Reference of DynamoDB, SQS and S3).
fn asked(names: &Storage, operation: &Metadata, request: &HttpRequest) -> Vec<Right> {
    let name = operation.name();
    match operation.service() {
        "DynamoDB" => of_table(name, &json(request)),
        "SQS" => vec![of_queue(names, name, &json(request))],
        "S3" => of_bucket(name, request.uri()),
        other => panic!("nobody knows what {other} allows"),
    }
}

fn json(request: &HttpRequest) -> Value {
    serde_json::from_slice(request.body().bytes().unwrap()).unwrap()
}

fn of_table(operation: &str, body: &Value) -> Vec<Right> {
    let right = |action: &str, resource: &str| Right {
        action: format!("dynamodb:{action}"),
        resource: resource.to_owned(),
    };
    match operation {
        // A transaction needs the verbs of its parts (DynamoDB developer guide, "Using IAM with
        // transactions").
        "TransactWriteItems" => {
            let items = body["TransactItems"].as_array().unwrap().iter();
            let parts = items.flat_map(|item| item.as_object().unwrap().keys());
            let verbs: BTreeSet<&str> = parts
                .map(|part| match part.as_str() {
                    "ConditionCheck" => "ConditionCheckItem",
                    "Delete" => "DeleteItem",
                    "Put" => "PutItem",
                    "Update" => "UpdateItem",
                    other => panic!("a transaction of {other}"),
                })
                .collect();
            verbs.into_iter().map(|verb| right(verb, "Table")).collect()
        }
        "Query" if body["IndexName"].is_string() => vec![right("Query", "Table/index/gsi1")],
        "BatchGetItem"
        | "GetItem"
        | "PutItem"
        | "Query"
        | "UpdateItem"
        | "DeleteItem"
        | "DescribeContinuousBackups"
        | "DescribeTable"
        | "DescribeTimeToLive" => vec![right(operation, "Table")],
        other => panic!("nobody knows what {other} needs"),
    }
}

fn of_queue(names: &Storage, operation: &str, body: &Value) -> Right {
    let queue = body["QueueUrl"].as_str().unwrap();
    let queues = [
        (&names.dial_queue, "DialQueue"),
        (&names.recordings_queue, "RecordingsQueue"),
        (&names.import_queue, "ImportQueue"),
    ];
    let live = queue.strip_suffix(store::schema::DEAD_LETTER_SUFFIX);
    let known = live.unwrap_or(queue);
    let known = queues.iter().find(|(name, _queue)| known.ends_with(*name));
    let known = known.unwrap().1;
    Right {
        action: format!("sqs:{operation}"),
        resource: match live {
            Some(_dead) => known.replace("Queue", "DeadLetters"),
            None => known.to_owned(),
        },
    }
}

fn of_bucket(operation: &str, uri: &str) -> Vec<Right> {
    // The path begins with the bucket here; a policy is about the first folder in it.
    let path = uri.split('?').next().unwrap();
    let path = path.split_once("://").map_or(path, |(_scheme, rest)| rest);
    let folder = path.split('/').nth(2).unwrap_or_default();
    let right = |action: &str| Right {
        action: format!("s3:{action}"),
        resource: format!("Bucket/{folder}/*"),
    };
    let of_all = |action: &str| Right {
        action: format!("s3:{action}"),
        resource: "Bucket".to_owned(),
    };
    match operation {
        "GetObject" | "DeleteObject" | "PutObject" | "AbortMultipartUpload" => {
            vec![right(operation)]
        }
        "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload" => {
            vec![right("PutObject")]
        }
        // Who may not list a bucket is not told that an object is missing: the answer is 403 instead of 404
        // (S3 API reference, `HeadObject`).
        "HeadObject" => vec![right("GetObject"), of_all("ListBucket")],
        "HeadBucket" => vec![of_all("ListBucket")],
        "GetPublicAccessBlock" => vec![of_all("GetBucketPublicAccessBlock")],
        other => panic!("nobody knows what {other} needs"),
    }
}

/// What a role's own policy allows but for secrets, which are read before there are clients.
fn rights(who: Who) -> BTreeSet<Right> {
    let (template, role) = match who {
        Who::Worker => (WORKER_TEMPLATE, "WorkerRole".to_owned()),
        Who::Api | Who::Callbacks | Who::Dial | Who::Import | Who::Scheduler => {
            (TEMPLATE, format!("{who:?}Role"))
        }
    };
    let mut rights = BTreeSet::new();
    for statement in statements(&Template::read(template), &role, "own") {
        assert_eq!(statement["Effect"], "Allow");
        for action in texts(&statement["Action"]) {
            for resource in texts(&statement["Resource"]) {
                let (action, resource) = (action.to_owned(), plain(resource));
                rights.insert(Right { action, resource });
            }
        }
    }
    let secrets = |right: &Right| right.action == "secretsmanager:GetSecretValue";
    let of_secrets: BTreeSet<_> = rights.iter().filter(|right| secrets(right)).collect();
    let of_secrets: Vec<&str> = of_secrets.iter().map(|right| &*right.resource).collect();
    match who {
        Who::Api => assert_eq!(of_secrets, ["KeysSecret", "OwnerSecret"]),
        Who::Callbacks | Who::Dial | Who::Import | Who::Scheduler | Who::Worker => {
            assert_eq!(of_secrets, ["KeysSecret"], "{who:?}");
        }
    }
    rights.retain(|right| !secrets(right));
    rights
}

fn statements(template: &Template, role: &str, policy: &str) -> Vec<Value> {
    let policies = template.properties(role)["Policies"].as_array().unwrap();
    let found = policies.iter().find(|found| found["PolicyName"] == policy);
    let statements = &found.unwrap()["PolicyDocument"]["Statement"];
    statements.as_array().unwrap().clone()
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(list) => list.iter().map(|text| text.as_str().unwrap()).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            panic!("neither a text nor a list: {value}")
        }
    }
}

/// A resource without what an ARN has before it: `Table`, `Table/index/gsi1`, `Bucket/imports/*`.
fn plain(resource: &str) -> String {
    let last = resource.rsplit(':').next().unwrap();
    let last = last.strip_prefix("table/").unwrap_or(last);
    let plain = last.replace("${", "").replace('}', "");
    let plain = plain.replace(".Arn", "").replace(".Id", "");
    plain.strip_suffix("Arn").unwrap_or(&plain).to_owned()
}

#[test]
fn no_policy_allows_everything_of_anything() {
    for (path, roles) in [
        (
            TEMPLATE,
            [
                "ApiRole",
                "CallbacksRole",
                "DialRole",
                "ImportRole",
                "SchedulerRole",
            ]
            .as_slice(),
        ),
        (WORKER_TEMPLATE, &["WorkerRole"]),
    ] {
        let template = Template::read(path);
        for role in roles {
            for statement in statements(&template, role, "own") {
                let all = statement.to_string();
                assert!(
                    !all.contains(":*\"") && !all.contains("\"*\""),
                    "{role}: {all}"
                );
            }
        }
    }
}

#[test]
fn policies_allow_what_is_asked_for_and_nothing_else() {
    // Each has a world of its own; together they make everybody do everything.
    std::thread::scope(|threads| {
        for situation in control::EVERYTHING {
            threads.spawn(situation);
        }
    });
    let asked = ASKED.lock().unwrap();
    let mut unused = Vec::new();
    for who in EVERYBODY {
        for right in rights(who) {
            if !asked.contains(&(who, right.clone())) {
                unused.push(format!("{who:?} never asks for {right}"));
            }
        }
    }
    assert!(unused.is_empty(), "{}", unused.join("\n"));
}
