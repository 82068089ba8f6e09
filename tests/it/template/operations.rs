//! Alarms and dashboards, held to what the code tells and AWS publishes, and to the runbooks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;
use telemetry::SERVICE;

use super::{OPERATIONS_TEMPLATE, TEMPLATE, Template, names};
use crate::tidy::root;

const GRAFANA: &str = "infra/grafana/trunkline.json";
const RUNBOOKS: &str = "docs/runbooks";
const NAMESPACE: &str = "MetricsNamespace";

/// What AWS publishes, by namespace and dimensions (user guides of Amazon SQS, AWS Lambda, Amazon API
/// Gateway and Amazon DynamoDB, "CloudWatch metrics").
const OF_AWS: &[(&str, &str, &[&str])] = &[
    (
        "AWS/SQS",
        "QueueName",
        &[
            "ApproximateAgeOfOldestMessage",
            "ApproximateNumberOfMessagesVisible",
        ],
    ),
    (
        "AWS/Lambda",
        "FunctionName",
        &["Duration", "Errors", "Invocations", "Throttles"],
    ),
    ("AWS/ApiGateway", "ApiId", &["4xx", "5xx", "Count"]),
    (
        "AWS/DynamoDB",
        "TableName",
        &[
            "ConsumedReadCapacityUnits",
            "ConsumedWriteCapacityUnits",
            "ReadThrottleEvents",
            "WriteThrottleEvents",
        ],
    ),
];

/// A metric that something looks at.
#[derive(Debug, PartialEq, Eq)]
struct Looked {
    namespace: String,
    name: String,
    /// Values of dimensions; `None` where any is meant.
    dimensions: BTreeMap<String, Option<String>>,
}

impl Looked {
    /// Why there is no such metric.
    fn problem(&self) -> Option<String> {
        let dimensions: BTreeSet<&str> = self.dimensions.keys().map(String::as_str).collect();
        if self.namespace != NAMESPACE {
            let known = OF_AWS.iter().any(|(namespace, dimension, metrics)| {
                *namespace == self.namespace
                    && metrics.contains(&&*self.name)
                    && dimensions == BTreeSet::from([*dimension])
            });
            return (!known).then(|| "AWS publishes no such metric".to_owned());
        }
        let Some(metric) = telemetry::find(&self.name) else {
            return Some("the code does not count it".to_owned());
        };
        let kept = metric
            .kept_by
            .iter()
            .any(|set| set.iter().copied().collect::<BTreeSet<_>>() == dimensions);
        if !kept {
            return Some(format!("CloudWatch keeps it by {:?}", metric.kept_by));
        }
        let unsaid = self.dimensions.iter().find(|(name, value)| {
            let value = value.as_deref();
            value.is_some_and(|value| !is_said(name, value))
        });
        unsaid.map(|(name, value)| format!("nobody says {value:?} of {name}"))
    }
}

/// Whether code has the word as it is: dimensions that nobody fills show nothing.
fn is_said(dimension: &str, value: &str) -> bool {
    if dimension == SERVICE {
        let folder = root().join("functions").join(value);
        return value == "media-worker" || folder.is_dir();
    }
    let word = format!("\"{value}\"");
    let folders = ["shared", "functions", "media-worker"];
    folders.iter().any(|folder| {
        let mut files = Vec::new();
        crate::tidy::collect(&root().join(folder), ".rs", &mut files);
        files.iter().any(|file| {
            let file = fs::read_to_string(file).unwrap();
            file.split("#[cfg(test)]").next().unwrap().contains(&word)
        })
    })
}

/// Alarms by name.
fn alarms(template: &Template) -> Vec<(&str, &Value)> {
    let alarms = template.of_type("AWS::CloudWatch::Alarm").into_iter();
    alarms
        .map(|name| (name, template.properties(name)))
        .collect()
}

fn looked_at(alarm: &Value) -> Vec<Looked> {
    let one = |metric: &Value| {
        let dimensions = metric["Dimensions"].as_array().into_iter().flatten();
        Looked {
            namespace: metric["Namespace"].as_str().unwrap().to_owned(),
            name: metric["MetricName"].as_str().unwrap().to_owned(),
            dimensions: dimensions
                .map(|dimension| {
                    let text = |name: &str| dimension[name].as_str().unwrap().to_owned();
                    (text("Name"), Some(text("Value")))
                })
                .collect(),
        }
    };
    match alarm["Metrics"].as_array() {
        None => vec![one(alarm)],
        Some(metrics) => {
            let metrics = metrics.iter().map(|metric| &metric["MetricStat"]["Metric"]);
            metrics
                .filter(|metric| !metric.is_null())
                .map(one)
                .collect()
        }
    }
}

#[test]
fn an_alarm_looks_at_a_metric_that_there_is() {
    let template = Template::read(OPERATIONS_TEMPLATE);
    let alarms = alarms(&template);
    assert!(alarms.len() > 30, "found only {}", alarms.len());
    let mut wrong = Vec::new();
    for (name, alarm) in alarms {
        let looked = looked_at(alarm);
        assert!(!looked.is_empty(), "{name} looks at nothing");
        for looked in looked {
            if let Some(problem) = looked.problem() {
                wrong.push(format!("{name}: {}: {problem}", looked.name));
            }
        }
        // What a metric is called in an expression has to be one of the alarm's.
        let metrics = alarm["Metrics"].as_array().into_iter().flatten();
        let metrics: Vec<&Value> = metrics.collect();
        for metric in &metrics {
            let Some(expression) = metric["Expression"].as_str() else {
                continue;
            };
            let ids: BTreeSet<&str> = metrics
                .iter()
                .filter_map(|one| one["Id"].as_str())
                .collect();
            let words = expression.split(|character: char| !character.is_ascii_lowercase());
            for word in words.filter(|word| word.len() > 1) {
                if !ids.contains(word) {
                    wrong.push(format!("{name}: {word} is no metric of it"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_alarm_has_a_runbook_and_every_runbook_an_alarm() {
    let operations = Template::read(OPERATIONS_TEMPLATE);
    let template = Template::read(TEMPLATE);
    let mut named = BTreeSet::new();
    let mut descriptions: Vec<(&str, &str)> = alarms(&operations)
        .into_iter()
        .map(|(name, alarm)| (name, alarm["AlarmDescription"].as_str().unwrap()))
        .collect();
    // A budget has no description of its own.
    let budget = &template.0["Parameters"]["MonthlyBudgetUsd"]["Description"];
    descriptions.push(("MonthlyBudgetUsd", budget.as_str().unwrap()));
    for (name, description) in descriptions {
        let (_what, runbook) = description
            .rsplit_once(" Runbook: ")
            .unwrap_or_else(|| panic!("{name} names no runbook"));
        let text = fs::read_to_string(root().join(runbook))
            .unwrap_or_else(|error| panic!("{name}: {runbook}: {error}"));
        assert!(
            text.contains(&format!("`{name}`")),
            "{runbook} does not name {name}"
        );
        named.insert(runbook.to_owned());
    }
    for file in fs::read_dir(root().join(RUNBOOKS)).unwrap() {
        let file = file.unwrap().file_name().into_string().unwrap();
        let runbook = format!("{RUNBOOKS}/{file}");
        if file == "README.md" {
            continue;
        }
        assert!(named.contains(&runbook), "no alarm leads to {runbook}");
        let text = fs::read_to_string(root().join(&runbook)).unwrap();
        for part in [
            "## What customers notice",
            "## Where to look",
            "## What to do",
            "## How to know that it is over",
        ] {
            assert!(text.contains(part), "{runbook} has no part {part:?}");
        }
    }
}

#[test]
fn every_queue_and_function_is_watched() {
    let template = Template::read(TEMPLATE);
    let operations = Template::read(OPERATIONS_TEMPLATE);
    let watched: BTreeSet<(String, String)> = alarms(&operations)
        .into_iter()
        .flat_map(|(_name, alarm)| looked_at(alarm))
        .flat_map(|looked| {
            let values = looked.dimensions.into_values().flatten();
            let name = looked.name;
            values
                .map(move |value| (value, name.clone()))
                .collect::<Vec<_>>()
        })
        .collect();
    let is_watched = |what: &str, metric: &str| {
        assert!(
            watched.contains(&(what.to_owned(), metric.to_owned())),
            "nobody watches {metric} of {what}"
        );
    };
    for queue in template.of_type("AWS::SQS::Queue") {
        let metric = if queue.ends_with("DeadLetters") {
            "ApproximateNumberOfMessagesVisible"
        } else {
            "ApproximateAgeOfOldestMessage"
        };
        is_watched(queue, metric);
    }
    for function in template.of_type("AWS::Serverless::Function") {
        is_watched(&format!("{function}Function"), "Errors");
        is_watched(&format!("{function}Function"), "Throttles");
    }
    // What the nested template calls them is what they are.
    let given = template.properties("Operations")["Parameters"].as_object();
    for (parameter, value) in given.unwrap() {
        let Some(value) = value.as_str() else {
            continue;
        };
        let resource = value.trim_end_matches(".QueueName");
        let named = parameter == resource
            || *parameter == format!("{resource}Function")
            || parameter == "ApiId"
            || value.contains("AWS::StackName");
        assert!(named, "{parameter} is {value}");
    }
}

#[test]
fn the_nested_template_of_operations_gets_every_parameter_that_it_has() {
    let template = Template::read(TEMPLATE);
    let operations = Template::read(OPERATIONS_TEMPLATE);
    let given: BTreeSet<&str> = names(&template.properties("Operations")["Parameters"]).collect();
    let taken: BTreeSet<&str> = names(&operations.0["Parameters"]).collect();
    assert_eq!(given, taken);
}

#[test]
fn a_widget_shows_metrics_that_there_are() {
    let template = Template::read(OPERATIONS_TEMPLATE);
    let body = template.properties("Dashboard")["DashboardBody"].as_str();
    let body: Value = serde_json::from_str(body.unwrap()).unwrap();
    let widgets = body["widgets"].as_array().unwrap();
    assert!(widgets.len() > 15, "found only {}", widgets.len());
    let mut wrong = Vec::new();
    for widget in widgets {
        let properties = &widget["properties"];
        let title = properties["title"].as_str().unwrap();
        for shown in properties["metrics"].as_array().unwrap() {
            let looked = shown_metric(shown.as_array().unwrap());
            if let Some(problem) = looked.problem() {
                wrong.push(format!("{title}: {}: {problem}", looked.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A metric as dashboards write it: namespace, name, pairs of dimensions, options; or a search.
fn shown_metric(shown: &[Value]) -> Looked {
    let unwrapped = |text: &str| {
        text.trim_start_matches("${")
            .trim_end_matches('}')
            .to_owned()
    };
    if let Some(search) = shown[0]["expression"].as_str() {
        let schema = search.split_once('{').unwrap().1;
        let schema = schema.split_once("\"").unwrap().1;
        let (namespace, rest) = schema.split_once('"').unwrap();
        let dimensions = rest.split_once('}').unwrap().0.split(',').skip(1);
        let name = search.split_once("MetricName=\"").unwrap().1;
        return Looked {
            namespace: unwrapped(namespace),
            name: name.split_once('"').unwrap().0.to_owned(),
            dimensions: dimensions.map(|name| (name.to_owned(), None)).collect(),
        };
    }
    let texts: Vec<String> = shown
        .iter()
        .filter_map(|part| Some(unwrapped(part.as_str()?)))
        .collect();
    Looked {
        namespace: texts[0].clone(),
        name: texts[1].clone(),
        dimensions: texts[2..]
            .chunks(2)
            .map(|pair| (pair[0].clone(), Some(pair[1].clone())))
            .collect(),
    }
}

#[test]
fn what_an_emulator_does_not_get_of_it_is_in_the_documentation() {
    let documentation = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let operations = Template::read(OPERATIONS_TEMPLATE);
    for (name, resource) in operations.resources() {
        if resource["Condition"].is_string() {
            assert!(documentation.contains(&format!("`{name}`")), "{name}");
        }
        // An alarm on several metrics is what it does not know, and nothing else.
        let many = resource["Properties"]["Metrics"].is_array();
        assert_eq!(many, resource["Condition"].is_string(), "{name}");
    }
}

#[test]
fn grafana_asks_for_metrics_that_there_are() {
    let dashboard = fs::read_to_string(root().join(GRAFANA)).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let expressions: Vec<&str> = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().into_iter().flatten())
        .map(|target| target["expr"].as_str().unwrap())
        .collect();
    assert!(expressions.len() > 15, "found only {}", expressions.len());
    for expression in expressions {
        let names = expression
            .split(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
        let names: Vec<&str> = names
            .filter(|name| name.starts_with("trunkline_"))
            .collect();
        assert!(!names.is_empty(), "{expression} asks for nothing of ours");
        for name in names {
            let bucket = name
                .strip_suffix("_bucket")
                .filter(|name| name.ends_with("_seconds"));
            let metric = telemetry::find(bucket.unwrap_or(name));
            let metric = metric.unwrap_or_else(|| panic!("{expression}: nobody counts {name}"));
            let by = expression.split("by (").skip(1);
            for label in by.flat_map(|by| by.split_once(')').unwrap().0.split(", ")) {
                let known = metric.labels.contains(&label) || ["le", "instance"].contains(&label);
                assert!(known, "{expression}: {name} has no label {label}");
            }
        }
    }
}

#[test]
fn the_service_scales_by_a_metric_that_there_is() {
    let worker = Template::read(super::WORKER_TEMPLATE);
    let policy = worker.properties("CallsPerWorker");
    let policy = &policy["TargetTrackingScalingPolicyConfiguration"];
    let looked = looked_at(&policy["CustomizedMetricSpecification"]);
    assert_eq!(looked[0].problem(), None, "{looked:?}");
    let somebody_waits = worker.properties("SomebodyWaits");
    let looked = looked_at(somebody_waits);
    assert_eq!(looked[0].problem(), None, "{looked:?}");
    assert_eq!(somebody_waits["AlarmActions"][0], "OneMoreWorker");
}

/// An alarm of a nested template looks where the functions and the worker write.
#[test]
fn all_tell_their_metrics_in_one_namespace() {
    let template = Template::read(TEMPLATE);
    let globals = &template.0["Globals"]["Function"]["Environment"]["Variables"];
    let namespace = &globals["TRUNKLINE_METRICS_NAMESPACE"];
    assert!(namespace.is_string(), "{namespace}");
    for nested in ["MediaWorker", "Operations"] {
        let given = &template.properties(nested)["Parameters"]["MetricsNamespace"];
        assert_eq!(given, namespace, "{nested}");
    }
}
