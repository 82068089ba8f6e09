//! What the lines say, and that they are of the format.

use expect_test::expect;
use metrics::with_local_recorder;

use super::*;

fn told(emf: &Emf) -> Vec<Value> {
    let mut lines = Vec::new();
    let now = Timestamp::from_second(1_700_000_000).unwrap();
    emf.tell(now, &mut lines).unwrap();
    let text = String::from_utf8(lines).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    lines.iter().for_each(is_of_the_format);
    lines
}

/// The rules of the specification: structure, limits, and that every reference has its target.
fn is_of_the_format(line: &Value) {
    let Some(aws) = line.get("_aws") else {
        return;
    };
    assert!(aws["Timestamp"].is_u64());
    let directives = aws["CloudWatchMetrics"].as_array().unwrap();
    assert!(!directives.is_empty());
    for directive in directives {
        let namespace = directive["Namespace"].as_str().unwrap();
        assert!((1..=1_024).contains(&namespace.len()));
        let sets = directive["Dimensions"].as_array().unwrap();
        assert!(!sets.is_empty());
        for set in sets {
            let set = set.as_array().unwrap();
            assert!(set.len() <= 30);
            for dimension in set {
                let target = line[dimension.as_str().unwrap()].as_str().unwrap();
                assert!((1..=1_024).contains(&target.len()) && target.is_ascii());
            }
        }
        let metrics = directive["Metrics"].as_array().unwrap();
        assert!((1..=100).contains(&metrics.len()));
        for metric in metrics {
            let target = &line[metric["Name"].as_str().unwrap()];
            match target.as_array() {
                Some(values) => {
                    assert!((1..=100).contains(&values.len()));
                    assert!(values.iter().all(Value::is_number));
                }
                None => assert!(target.is_number(), "{metric}: {target}"),
            }
            assert!(metric["Unit"].is_string());
        }
    }
}

#[test]
fn a_line_has_the_metrics_of_one_set_of_labels() {
    let emf = Emf::new("Trunkline/mine", "callbacks");
    with_local_recorder(&emf, || {
        metrics::counter!("trunkline_webhooks_refused_total", "code" => "signature_refused")
            .increment(2);
        metrics::counter!("trunkline_calls_swept_total").increment(1);
        metrics::counter!("trunkline_slots_healed_total", "reason" => "not_held").increment(1);
    });
    let lines = told(&emf);
    let texts: Vec<String> = lines.iter().map(Value::to_string).collect();
    expect![[r#"
        {"_aws":{"CloudWatchMetrics":[{"Dimensions":[["service"]],"Metrics":[{"Name":"trunkline_calls_swept_total","Unit":"Count"}],"Namespace":"Trunkline/mine"}],"Timestamp":1700000000000},"level":"INFO","message":"metrics","service":"callbacks","timestamp":"2023-11-14T22:13:20Z","trunkline_calls_swept_total":1}
        {"_aws":{"CloudWatchMetrics":[{"Dimensions":[["code"]],"Metrics":[{"Name":"trunkline_webhooks_refused_total","Unit":"Count"}],"Namespace":"Trunkline/mine"}],"Timestamp":1700000000000},"code":"signature_refused","level":"INFO","message":"metrics","service":"callbacks","timestamp":"2023-11-14T22:13:20Z","trunkline_webhooks_refused_total":2}
        {"level":"INFO","message":"metrics","reason":"not_held","service":"callbacks","timestamp":"2023-11-14T22:13:20Z","trunkline_slots_healed_total":1}"#]]
    .assert_eq(&texts.join("\n"));
}

#[test]
fn what_is_kept_together_has_no_dimension_and_keeps_its_labels() {
    let emf = Emf::new("Trunkline/mine", "callbacks");
    with_local_recorder(&emf, || {
        metrics::counter!("trunkline_waits_for_worker_total", "who" => "customer").increment(1);
    });
    let lines = told(&emf);
    let directive = &lines[0]["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(directive["Dimensions"], json!([[]]));
    assert_eq!(lines[0]["who"], "customer");
}

#[test]
fn nothing_is_told_twice() {
    let emf = Emf::new("Trunkline/mine", "media-worker");
    with_local_recorder(&emf, || {
        let started = metrics::counter!("trunkline_calls_started_total");
        let calls = metrics::gauge!("trunkline_worker_calls");
        assert!(told(&emf).is_empty());
        started.increment(3);
        calls.set(7);
        let line = &told(&emf)[0];
        assert_eq!(line["trunkline_calls_started_total"], 3);
        assert_eq!(line["trunkline_worker_calls"], 7.0);
        assert!(told(&emf).is_empty());
        started.increment(1);
        calls.set(0);
        let line = &told(&emf)[0];
        assert_eq!(line["trunkline_calls_started_total"], 1);
        assert_eq!(line["trunkline_worker_calls"], 0.0);
    });
}

#[test]
fn samples_are_values_a_hundred_to_a_line() {
    let emf = Emf::new("Trunkline/mine", "media-worker");
    with_local_recorder(&emf, || {
        let engine = metrics::histogram!("trunkline_engine_overhead_seconds");
        for micros in 0..250_u32 {
            engine.record(f64::from(micros) / 1e6 + 1e-9);
        }
        metrics::histogram!("trunkline_barge_in_seconds").record(0.02);
        metrics::histogram!("trunkline_barge_in_seconds").record(f64::NAN);
    });
    let lines = told(&emf);
    let counts: Vec<usize> = lines
        .iter()
        .map(|line| {
            line["trunkline_engine_overhead_seconds"]
                .as_array()
                .unwrap()
                .len()
        })
        .collect();
    assert_eq!(counts, [100, 100, 50]);
    assert_eq!(lines[0]["trunkline_barge_in_seconds"], json!([0.02]));
    assert_eq!(lines[2]["trunkline_engine_overhead_seconds"][49], 0.000_249);
    // A line is under 16 KB, at which the log driver of a container cuts it.
    assert!(lines.iter().all(|line| line.to_string().len() < 16 * 1024));
}

#[test]
fn with_very_many_samples_percentiles_stay() {
    let emf = Emf::new("Trunkline/mine", "media-worker");
    with_local_recorder(&emf, || {
        let engine = metrics::histogram!("trunkline_engine_overhead_seconds");
        // In an order that thinning could go wrong with.
        for round in 0..100_000_u32 {
            engine.record(f64::from(round * 7_919 % 100_000) / 1e5);
        }
    });
    let mut values: Vec<f64> = told(&emf)
        .iter()
        .flat_map(|line| {
            let values = line["trunkline_engine_overhead_seconds"].as_array();
            values.unwrap().iter().map(|value| value.as_f64().unwrap())
        })
        .collect();
    assert!((SAMPLES_MAX / 2..=SAMPLES_MAX).contains(&values.len()));
    values.sort_by(f64::total_cmp);
    let p99 = values[values.len() * 99 / 100];
    assert!((0.985..0.995).contains(&p99), "p99 is {p99}");
}

#[test]
fn what_is_not_in_the_catalogue_is_not_told() {
    let emf = Emf::new("Trunkline/mine", "api");
    with_local_recorder(&emf, || {
        metrics::counter!("somebody_elses_total").increment(1);
        // Labels that the catalogue does not know could be anything.
        metrics::counter!("trunkline_calls_swept_total", "call" => "1").increment(1);
        metrics::counter!("trunkline_webhooks_refused_total").increment(1);
        metrics::gauge!("trunkline_calls_swept_total").set(1);
        // An empty value would make CloudWatch drop the line.
        metrics::counter!("trunkline_calls_ended_total", "outcome" => "").increment(1);
    });
    let lines = told(&emf);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["outcome"], "none");
}
