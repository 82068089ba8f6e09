//! `template.yaml` and the templates below it, held against the code that they deploy: table, queues,
//! events, settings, in [`iam`] what functions may do, and in [`operations`] what is watched.
//!
//! Values are read as they are written: of `!GetAtt Table.Arn` stays `Table.Arn`.

pub(crate) mod iam;
mod operations;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use aws_sdk_sqs::types::QueueAttributeName;
use engines::Engines;
use model::{
    CallId, CallState, CampaignId, CampaignState, CarrierVerdict, DomainEvent, EventId, EventKind,
    ImportId, Outcome, Speaker, TenantId,
};
use serde_json::{Map, Value};
use service::dialing::planner::wakes;
use store::{EVENT_ROWS, schema};

use crate::tidy::root;

pub(crate) const TEMPLATE: &str = "template.yaml";
pub(crate) const WORKER_TEMPLATE: &str = "infra/aws/media-worker.yaml";
const OPERATIONS_TEMPLATE: &str = "infra/aws/operations.yaml";

/// A template that was read.
#[derive(Debug)]
pub(crate) struct Template(Value);

impl Template {
    pub(crate) fn read(path: &str) -> Self {
        let text = fs::read_to_string(root().join(path)).unwrap();
        Self(serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}")))
    }

    pub(crate) fn properties(&self, resource: &str) -> &Value {
        let found = &self.0["Resources"][resource]["Properties"];
        assert!(found.is_object(), "no resource {resource}");
        found
    }

    fn resources(&self) -> &Map<String, Value> {
        self.0["Resources"].as_object().unwrap()
    }

    /// Names of the resources of a type.
    fn of_type(&self, kind: &str) -> BTreeSet<&str> {
        let resources = self.resources().iter();
        let found = resources.filter(|(_name, resource)| resource["Type"] == kind);
        found.map(|(name, _resource)| name.as_str()).collect()
    }
}

#[test]
fn every_folder_of_functions_is_deployed_and_nothing_else_is() {
    let template = Template::read(TEMPLATE);
    let folders = fs::read_dir(root().join("functions")).unwrap();
    let folders = folders.map(|folder| folder.unwrap().file_name().into_string().unwrap());
    let built: BTreeSet<String> = folders
        .map(|folder| format!("target/lambda/{folder}/"))
        .collect();
    let functions = template.of_type("AWS::Serverless::Function");
    let deployed: BTreeSet<String> = functions
        .iter()
        .map(|function| template.properties(function)["CodeUri"].as_str().unwrap())
        .map(str::to_owned)
        .collect();
    assert_eq!(deployed, built);
}

#[tokio::test]
async fn the_table_is_the_one_that_a_laptop_makes() {
    let folder = tempfile::tempdir().unwrap();
    let engines = Engines::start(folder.path()).await.unwrap();
    let dynamodb = engines.clients().await.dynamodb;
    schema::create_table(&dynamodb, "calls").await.unwrap();
    let made = dynamodb.describe_table().table_name("calls").send().await;
    let made = made.unwrap().table.unwrap();
    let template = Template::read(TEMPLATE);
    let declared = template.properties("Table");

    let pair = |one: &Value, other: &Value| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(one), text(other))
    };
    let pairs = |list: &Value, names: [&str; 2]| -> BTreeSet<(String, String)> {
        let list = list.as_array().unwrap().iter();
        list.map(|entry| pair(&entry[names[0]], &entry[names[1]]))
            .collect()
    };
    let attributes = made.attribute_definitions().iter();
    let attributes = attributes.map(|attribute| {
        let name = attribute.attribute_name().to_owned();
        (name, attribute.attribute_type().as_str().to_owned())
    });
    assert_eq!(
        pairs(
            &declared["AttributeDefinitions"],
            ["AttributeName", "AttributeType"]
        ),
        attributes.collect()
    );
    let key = |schema: &[aws_sdk_dynamodb::types::KeySchemaElement]| {
        let schema = schema.iter();
        let schema = schema.map(|key| {
            let name = key.attribute_name().to_owned();
            (name, key.key_type().as_str().to_owned())
        });
        schema.collect::<BTreeSet<_>>()
    };
    let key_names = ["AttributeName", "KeyType"];
    assert_eq!(
        pairs(&declared["KeySchema"], key_names),
        key(made.key_schema())
    );
    let indexes = declared["GlobalSecondaryIndexes"].as_array().unwrap();
    assert_eq!(indexes.len(), made.global_secondary_indexes().len());
    for (declared, made) in indexes.iter().zip(made.global_secondary_indexes()) {
        assert_eq!(declared["IndexName"].as_str(), made.index_name());
        assert_eq!(
            pairs(&declared["KeySchema"], key_names),
            key(made.key_schema())
        );
        let projection = made.projection().unwrap().projection_type().unwrap();
        assert_eq!(
            declared["Projection"]["ProjectionType"].as_str(),
            Some(projection.as_str())
        );
    }
    assert_eq!(
        declared["TimeToLiveSpecification"]["AttributeName"],
        schema::TTL
    );
    // What the scheduler reads of an event is its new row.
    assert_eq!(
        declared["StreamSpecification"]["StreamViewType"],
        "NEW_IMAGE"
    );
    engines.stop().await.unwrap();
}

#[tokio::test]
async fn the_queues_are_those_that_a_laptop_makes() {
    let folder = tempfile::tempdir().unwrap();
    let engines = Engines::start(folder.path()).await.unwrap();
    let sqs = engines.clients().await.sqs;
    let (queue, dead) = schema::create_queue_pair(&sqs, "jobs").await.unwrap();
    let attribute = async |queue: &str, name: QueueAttributeName| {
        let attributes = sqs.get_queue_attributes().queue_url(queue);
        let attributes = attributes.attribute_names(name.clone()).send().await;
        let attributes = attributes.unwrap().attributes.unwrap();
        let value: Value = serde_json::from_str(&attributes[&name]).unwrap();
        value
    };
    let visibility = attribute(&queue, QueueAttributeName::VisibilityTimeout).await;
    let kept = attribute(&queue, QueueAttributeName::MessageRetentionPeriod).await;
    let kept_dead = attribute(&dead, QueueAttributeName::MessageRetentionPeriod).await;
    let redrive = attribute(&queue, QueueAttributeName::RedrivePolicy).await;
    engines.stop().await.unwrap();

    let template = Template::read(TEMPLATE);
    let mut others = template.of_type("AWS::SQS::Queue");
    for name in ["Dial", "Recordings", "Import"] {
        let (queue, dead) = (format!("{name}Queue"), format!("{name}DeadLetters"));
        let declared = template.properties(&queue);
        assert_eq!(declared["VisibilityTimeout"], visibility, "{queue}");
        assert_eq!(declared["MessageRetentionPeriod"], kept, "{queue}");
        let policy = &declared["RedrivePolicy"];
        assert_eq!(
            policy["deadLetterTargetArn"],
            format!("{dead}.Arn"),
            "{queue}"
        );
        assert_eq!(
            policy["maxReceiveCount"], redrive["maxReceiveCount"],
            "{queue}"
        );
        assert!(others.remove(&*queue) && others.remove(&*dead));
    }
    assert_eq!(others, BTreeSet::from(["EventsDeadLetters"]));
    let operations = Template::read(OPERATIONS_TEMPLATE);
    for dead in template.of_type("AWS::SQS::Queue") {
        if dead.ends_with("DeadLetters") {
            let declared = template.properties(dead);
            assert_eq!(declared["MessageRetentionPeriod"], kept_dead, "{dead}");
            let alarm = operations.properties(&format!("{dead}Alarm"));
            assert_eq!(alarm["Threshold"], 1, "{dead} fills up unseen");
        }
    }
}

#[test]
fn a_message_is_not_delivered_again_while_somebody_works_on_it() {
    let template = Template::read(TEMPLATE);
    for source in ["DialSource", "ImportSource"] {
        let source = template.properties(source);
        assert_eq!(
            source["FunctionResponseTypes"][0],
            "ReportBatchItemFailures"
        );
        let function = template.properties(source["FunctionName"].as_str().unwrap());
        let queue = source["EventSourceArn"].as_str().unwrap();
        let queue = template.properties(queue.strip_suffix(".Arn").unwrap());
        let seconds = |value: &Value| value.as_u64().unwrap();
        assert!(seconds(&function["Timeout"]) < seconds(&queue["VisibilityTimeout"]));
    }
}

#[test]
fn the_stream_wakes_the_scheduler_for_those_events_that_may_allow_a_call() {
    let template = Template::read(TEMPLATE);
    let filters = &template.properties("EventsSource")["FilterCriteria"]["Filters"];
    assert_eq!(filters.as_array().unwrap().len(), 1);
    let pattern: Value = serde_json::from_str(filters[0]["Pattern"].as_str().unwrap()).unwrap();
    let row = &pattern["dynamodb"]["NewImage"];
    assert_eq!(row["pk"]["S"][0]["prefix"], EVENT_ROWS);
    let passed = row["type"]["S"].as_array().unwrap();
    let passed: BTreeSet<&str> = passed.iter().map(|kind| kind.as_str().unwrap()).collect();
    let all = one_of_each();
    let wanted: BTreeSet<&str> = all
        .iter()
        .filter(|event| wakes(event))
        .map(|event| kind_of(&event.kind))
        .collect();
    assert_eq!(passed, wanted);
    for event in &all {
        let written = serde_json::to_value(event).unwrap();
        assert_eq!(written["type"], kind_of(&event.kind));
    }
}

/// Names of kinds as they are stored. A new one has to be said here, and in [`one_of_each`].
fn kind_of(kind: &EventKind) -> &'static str {
    match kind {
        EventKind::CallAdvanced { .. } => "call_advanced",
        EventKind::CallAnsweredBy { .. } => "call_answered_by",
        EventKind::CallEnded { .. } => "call_ended",
        EventKind::TurnStored { .. } => "turn_stored",
        EventKind::RecordingStored { .. } => "recording_stored",
        EventKind::RecordingKept { .. } => "recording_kept",
        EventKind::CampaignChanged { .. } => "campaign_changed",
        EventKind::ImportAdvanced { .. } => "import_advanced",
        EventKind::NumberSuppressed { .. } => "number_suppressed",
    }
}

fn one_of_each() -> Vec<DomainEvent> {
    let call_id = CallId::from_parts(1, 1);
    let campaign_id = CampaignId::from_parts(1, 1);
    let kinds = [
        EventKind::CallAdvanced {
            call_id,
            state: CallState::Ringing,
        },
        EventKind::CallAnsweredBy {
            call_id,
            answered_by: CarrierVerdict::Human,
        },
        EventKind::CallEnded {
            call_id,
            outcome: Outcome::NoAnswer,
        },
        EventKind::TurnStored {
            call_id,
            seq: 1,
            speaker: Speaker::Agent,
            interrupted: false,
        },
        EventKind::RecordingStored { call_id, bytes: 1 },
        EventKind::RecordingKept { call_id },
        EventKind::CampaignChanged {
            campaign_id,
            state: CampaignState::Running,
        },
        EventKind::ImportAdvanced {
            import_id: ImportId::from_parts(1, 1),
            campaign_id,
        },
        EventKind::NumberSuppressed { call_id: None },
    ];
    let event = |kind| DomainEvent {
        id: EventId::from_parts(1, 1),
        tenant_id: TenantId::from_parts(1, 1),
        at: jiff::Timestamp::UNIX_EPOCH,
        kind,
    };
    kinds.into_iter().map(event).collect()
}

/// Variables that are nobody's settings: the SDK's own, and one that only changes.
const OTHER_VARIABLES: [&str; 2] = ["AWS_ENDPOINT_URL", "KEYS_REVISION"];

#[test]
fn every_variable_that_is_set_is_a_setting() {
    let settings = ["lib.rs", "variables.rs"];
    let settings = settings.map(|file| root().join("shared/settings/src").join(file));
    let settings = settings
        .map(|file| fs::read_to_string(file).unwrap())
        .concat();
    let template = Template::read(TEMPLATE);
    let worker = Template::read(WORKER_TEMPLATE);
    let globals = &template.0["Globals"]["Function"]["Environment"]["Variables"];
    let mut set: Vec<&str> = names(globals).collect();
    for function in template.of_type("AWS::Serverless::Function") {
        set.extend(names(
            &template.properties(function)["Environment"]["Variables"],
        ));
    }
    let container = &worker.properties("Task")["ContainerDefinitions"][0];
    let variables = container["Environment"].as_array().unwrap();
    set.extend(
        variables
            .iter()
            .map(|variable| variable["Name"].as_str().unwrap()),
    );
    assert!(set.len() > 20, "found only {set:?}");
    for variable in set {
        let known = settings.contains(&format!("\"{variable}\""));
        assert!(
            known || OTHER_VARIABLES.contains(&variable),
            "nothing reads {variable}"
        );
    }
}

fn names(map: &Value) -> impl Iterator<Item = &str> {
    map.as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
}

#[test]
fn the_nested_template_gets_every_parameter_that_it_has() {
    let template = Template::read(TEMPLATE);
    let worker = Template::read(WORKER_TEMPLATE);
    let given: BTreeSet<&str> = names(&template.properties("MediaWorker")["Parameters"]).collect();
    let taken: BTreeSet<&str> = names(&worker.0["Parameters"]).collect();
    assert_eq!(given, taken);
}

#[test]
fn what_the_reader_of_readme_types_names_outputs_and_parameters_that_are_there() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let (_before, deploy) = readme.split_once("\n## Deploy to AWS\n").unwrap();
    let (deploy, _after) = deploy.split_once("\n### ").unwrap();
    let template = Template::read(TEMPLATE);
    let word = |text: &str| -> String {
        let word = text.chars().take_while(char::is_ascii_alphanumeric);
        word.collect()
    };
    let outputs: BTreeSet<String> = deploy.split("$(output ").skip(1).map(word).collect();
    assert!(outputs.contains("PutKeys") && outputs.contains("Doctor"));
    for output in &outputs {
        assert!(!template.0["Outputs"][output].is_null(), "{output}");
    }
    let typed = deploy.lines().filter(|line| line.starts_with("sam deploy"));
    let typed = typed.flat_map(str::split_whitespace);
    let parameters: Vec<&str> = typed
        .filter_map(|word| Some(word.split_once('=')?.0))
        .collect();
    assert!(parameters.contains(&"MediaDomain"));
    for parameter in parameters {
        assert!(
            !template.0["Parameters"][parameter].is_null(),
            "{parameter}"
        );
    }
}

#[test]
fn what_customers_said_outlives_the_stack_and_a_failed_first_deploy_leaves_nothing() {
    let template = Template::read(TEMPLATE);
    for (name, resource) in template.resources() {
        let state = ["AWS::DynamoDB::Table", "AWS::S3::Bucket"]
            .iter()
            .any(|kind| resource["Type"] == *kind);
        let wanted = |policy: &'static str| {
            if state {
                Value::from(policy)
            } else {
                Value::Null
            }
        };
        assert_eq!(
            resource["DeletionPolicy"],
            wanted("RetainExceptOnCreate"),
            "{name}"
        );
        assert_eq!(resource["UpdateReplacePolicy"], wanted("Retain"), "{name}");
    }
}

#[test]
fn what_an_emulator_does_not_get_is_in_the_documentation() {
    let documentation = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let template = Template::read(TEMPLATE);
    // Conditions that are met on AWS only, by what they are made of.
    let conditions = template.0["Conditions"].as_object().unwrap();
    let only_on_aws =
        |name: &str| name == "OnAws" || conditions[name].to_string().contains("\"OnAws\"");
    let absent: BTreeMap<&String, &str> = template
        .resources()
        .iter()
        .filter_map(|(name, resource)| Some((name, resource["Condition"].as_str()?)))
        .filter(|(_name, condition)| *condition != "OnEmulator" && only_on_aws(condition))
        .collect();
    assert!(!absent.is_empty());
    for (name, _condition) in absent {
        assert!(
            documentation.contains(&format!("`{name}`")),
            "{name} is not in ARCHITECTURE, \"Deploy\""
        );
    }
}
