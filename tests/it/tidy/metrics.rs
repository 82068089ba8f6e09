//! Every metric that the code counts is in the catalogue, with its labels, and every metric of the
//! catalogue is counted; the documentation's table is the catalogue.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use telemetry::{CATALOGUE, Kind, Metric};

use super::{files, root, shown};

#[test]
fn the_code_counts_what_the_catalogue_has() {
    let mut counted = BTreeMap::<String, String>::new();
    let mut wrong = Vec::new();
    for path in files(".rs") {
        let path_shown = shown(&path);
        if !path_shown.contains("/src/") || path_shown.starts_with("tests/") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        // Tests come last in a file.
        let code = text.split("#[cfg(test)]").next().unwrap();
        if path_shown.ends_with("/tests.rs") {
            continue;
        }
        for (kind, name, labels) in uses(code) {
            counted.insert(name.clone(), path_shown.clone());
            let Some(metric) = telemetry::find(&name) else {
                wrong.push(format!("{path_shown}: {name} is not in the catalogue"));
                continue;
            };
            if metric.kind != kind {
                wrong.push(format!("{path_shown}: {name} is a {}", metric.kind.word()));
            }
            let known: BTreeSet<&str> = metric.labels.iter().copied().collect();
            let labels: BTreeSet<&str> = labels.iter().map(String::as_str).collect();
            if labels != known {
                wrong.push(format!(
                    "{path_shown}: {name} has the labels {known:?}, not {labels:?}"
                ));
            }
        }
    }
    for metric in CATALOGUE {
        if !counted.contains_key(metric.name) {
            wrong.push(format!("nobody counts {}", metric.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_documentation_has_the_catalogue() {
    let documentation = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let table: Vec<&str> = documentation
        .lines()
        .filter(|line| line.starts_with("| `trunkline_"))
        .collect();
    let catalogue: Vec<String> = CATALOGUE.iter().map(row).collect();
    assert!(
        table == catalogue,
        "ARCHITECTURE, \"Metrics\", should be:\n{}",
        catalogue.join("\n")
    );
}

fn row(metric: &Metric) -> String {
    let listed = |names: &[&str]| names.join(", ");
    let kept_by = metric.kept_by.iter().map(|set| match set {
        [] => "together".to_owned(),
        set => listed(set),
    });
    let kept_by: Vec<String> = kept_by.collect();
    format!(
        "| `{}` | {} | {} | {} | {} | {} |",
        metric.name,
        metric.kind.word(),
        metric.unit.word(),
        listed(metric.labels),
        kept_by.join("; "),
        metric.meaning
    )
}

/// Uses of the macros of `metrics`: kind, name and labels.
fn uses(code: &str) -> Vec<(Kind, String, Vec<String>)> {
    let macros = [
        ("counter!(", Kind::Counter),
        ("gauge!(", Kind::Gauge),
        ("histogram!(", Kind::Histogram),
    ];
    let mut found = Vec::new();
    for (opening, kind) in macros {
        for (place, _) in code.match_indices(opening) {
            let rest = code.split_at(place + opening.len()).1;
            let arguments = within(rest);
            let mut texts = arguments.split('"').skip(1).step_by(2);
            let Some(name) = texts.next() else {
                panic!("a metric's name is not written where it is counted: {arguments}");
            };
            // What is written before an arrow is a label.
            let arrows = arguments.matches("=>").count();
            let labels = arguments.split("=>").take(arrows).map(|before| {
                let quoted = before.trim_end().strip_suffix('"').unwrap();
                quoted.rsplit('"').next().unwrap().to_owned()
            });
            let labels = labels.collect();
            found.push((kind, name.to_owned(), labels));
        }
    }
    found
}

/// Up to the parenthesis that closes what was opened before.
fn within(text: &str) -> &str {
    let mut open = 1;
    let end = text.find(|character| {
        match character {
            '(' => open += 1,
            ')' => open -= 1,
            _other => {}
        }
        open == 0
    });
    text.split_at(end.unwrap()).0
}

#[test]
fn uses_are_read_as_they_are_written() {
    let code = r#"
        metrics::counter!("a_total").increment(1);
        counter!(
            "b_total",
            "vendor" => failure.vendor.clone(),
            "kind" => "fixed",
        )
        gauge!("c")
    "#;
    let labels = |labels: &[&str]| labels.iter().map(|label| (*label).to_owned()).collect();
    let expected = vec![
        (Kind::Counter, "a_total".to_owned(), labels(&[])),
        (
            Kind::Counter,
            "b_total".to_owned(),
            labels(&["vendor", "kind"]),
        ),
        (Kind::Gauge, "c".to_owned(), labels(&[])),
    ];
    assert_eq!(uses(code), expected);
}
