//! Every metric that the code counts is in the catalogue, with its labels, and every metric of the
//! catalogue is counted; the documentation's table is the catalogue.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use model::{Doing, Outcome, RejectedBecause};
use telemetry::{CATALOGUE, CLOSED, Kind, Metric};

use super::{files, root, shown};

#[test]
fn the_code_counts_what_the_catalogue_has() {
    let mut counted = BTreeMap::<String, String>::new();
    let mut wrong = Vec::new();
    for (path_shown, code) in product_code() {
        for (kind, name, labels) in uses(&code) {
            counted.insert(name.clone(), path_shown.clone());
            let Some(metric) = telemetry::find(&name) else {
                wrong.push(format!("{path_shown}: {name} is not in the catalogue"));
                continue;
            };
            if metric.kind != kind {
                wrong.push(format!("{path_shown}: {name} is a {}", metric.kind.word()));
            }
            // In order: series that differ only in it would be two in a scrape, and one too many.
            if labels != metric.labels {
                wrong.push(format!(
                    "{path_shown}: {name} has the labels {:?}, not {labels:?}",
                    metric.labels
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

/// Where a label's words are that are not written beside the counter. Words are quoted, and of small letters.
enum Source {
    /// In a file, after these texts, up to the last one.
    Between(&'static str, &'static [&'static str], &'static str),
    /// In the arguments of every call of this function in a file.
    Calls(&'static str, &'static str),
    /// Of an enum.
    Codes(fn() -> Vec<&'static str>),
}

/// Where the words of each label come from. Each list is exact: a word that is missing has no zero, one too many
/// is a series that never moves.
const SOURCES: &[(&str, &str, &[Source])] = {
    use Source::{Between, Calls, Codes};
    const CODE_ENDS: &str = "\n    }\n";
    &[
        (
            "trunkline_dials_turned_back_total",
            "rule",
            &[
                Between(
                    "shared/model/src/campaign/permit.rs",
                    &["fn code("],
                    CODE_ENDS,
                ),
                Between(
                    "shared/service/src/dialing/dial.rs",
                    &["permit.denied_by.map_or("],
                    ",",
                ),
            ],
        ),
        (
            "trunkline_carrier_create_failures_total",
            "kind",
            &[
                Between(
                    "shared/carrier/src/error.rs",
                    &["impl RefusalKind", "fn code("],
                    CODE_ENDS,
                ),
                Between(
                    "shared/carrier/src/error.rs",
                    &["impl CreateError", "fn code("],
                    CODE_ENDS,
                ),
            ],
        ),
        (
            "trunkline_inbound_calls_rejected_total",
            "reason",
            &[
                Calls("shared/service/src/call/callbacks.rs", "nobodys("),
                Codes(|| RejectedBecause::ALL.map(RejectedBecause::code).into()),
            ],
        ),
        (
            "trunkline_calls_ended_total",
            "outcome",
            &[Codes(|| outcomes(|_| true))],
        ),
        (
            "trunkline_calls_dropped_total",
            "reason",
            &[Codes(|| {
                outcomes(|outcome| matches!(outcome.doing(), Doing::Platform | Doing::Vendor))
            })],
        ),
        (
            "trunkline_webhooks_refused_total",
            "code",
            &[
                Between(
                    "functions/callbacks/src/refusal.rs",
                    &["fn code("],
                    CODE_ENDS,
                ),
                Between("shared/carrier/src/report.rs", &["fn code("], CODE_ENDS),
            ],
        ),
        (
            "trunkline_planner_steps_total",
            "by",
            &[Calls("functions/scheduler/src/lib.rs", " told(")],
        ),
        (
            "trunkline_planner_steps_total",
            "result",
            &[Between(
                "functions/scheduler/src/lib.rs",
                &["let result ="],
                "};",
            )],
        ),
        (
            "trunkline_aws_failures_total",
            "target",
            &[Calls("shared/store/src/aws.rs", "Throttles(")],
        ),
        (
            "trunkline_aws_failures_total",
            "kind",
            &[Between(
                "shared/store/src/table/throttles.rs",
                &["is_throttled) {", ".increment(1);"],
                "};",
            )],
        ),
        (
            "trunkline_aws_throttles_total",
            "target",
            &[Calls("shared/store/src/aws.rs", "Throttles(")],
        ),
        (
            "trunkline_calls_refused_total",
            "reason",
            &[
                Between(
                    "media-worker/src/carrier_leg/handshake.rs",
                    &["fn code("],
                    CODE_ENDS,
                ),
                Calls("media-worker/src/process/worker.rs", "Meters::refused("),
                Between(
                    "media-worker/src/process/worker.rs",
                    &["match no_room {"],
                    "};",
                ),
            ],
        ),
        (
            "trunkline_sessions_ended_total",
            "outcome",
            &[
                Codes(|| outcomes(|_| true)),
                Between(
                    "media-worker/src/process/worker.rs",
                    &["fn how(ending"],
                    "\n}\n",
                ),
                Between("media-worker/src/meters.rs", &["const HANDED_OVER"], ";"),
            ],
        ),
        (
            "trunkline_hand_overs_total",
            "result",
            &[Calls("media-worker/src/handover/client.rs", " failed(")],
        ),
        (
            "trunkline_carrier_messages_ignored_total",
            "reason",
            &[
                Between("shared/carrier/src/media.rs", &["fn code("], CODE_ENDS),
                Calls("media-worker/src/session/incoming.rs", "self.ignore("),
                Calls(
                    "media-worker/src/carrier_leg/handshake.rs",
                    "Meters::message_ignored(",
                ),
            ],
        ),
        (
            "trunkline_carrier_streams_refused_total",
            "reason",
            &[Calls(
                "media-worker/src/session/incoming.rs",
                "self.refuse_stream(",
            )],
        ),
        (
            "trunkline_interruptions_total",
            "by",
            &[Between(
                "media-worker/src/meters.rs",
                &["let by = match by"],
                "};",
            )],
        ),
        (
            "trunkline_recordings_total",
            "result",
            &[
                Between(
                    "shared/service/src/call/recordings.rs",
                    &["fn code("],
                    CODE_ENDS,
                ),
                Calls("media-worker/src/recordings.rs", "Meters::recording("),
                Between(
                    "media-worker/src/recordings.rs",
                    &["let kept = match kept {"],
                    "};",
                ),
            ],
        ),
        (
            "trunkline_vendor_retries_total",
            "leg",
            &[Calls("media-worker/src/meters.rs", "Self::retried(")],
        ),
    ]
};

fn outcomes(which: fn(&Outcome) -> bool) -> Vec<&'static str> {
    let which = Outcome::ALL.into_iter().filter(which);
    which.map(Outcome::code).collect()
}

#[test]
fn labels_have_the_words_that_the_code_counts_with() {
    let mut beside = BTreeMap::<(String, String), BTreeSet<String>>::new();
    for (_path, code) in product_code() {
        for (name, label, word) in words_beside(&code) {
            beside.entry((name, label)).or_default().insert(word);
        }
    }
    let mut wrong = Vec::new();
    for (counter, labels) in CLOSED {
        for (label, words) in *labels {
            let mut written = beside
                .remove(&((*counter).to_owned(), (*label).to_owned()))
                .unwrap_or_default();
            for (_, _, sources) in SOURCES
                .iter()
                .filter(|(of, its, _)| of == counter && its == label)
            {
                for source in *sources {
                    let found = source.words();
                    assert!(
                        !found.is_empty(),
                        "{counter}: no words where {label} has some"
                    );
                    written.extend(found);
                }
            }
            let known: BTreeSet<String> = words.iter().map(|word| (*word).to_owned()).collect();
            if known != written {
                let missing: Vec<_> = written.difference(&known).collect();
                let unused: Vec<_> = known.difference(&written).collect();
                wrong.push(format!(
                    "{counter}, {label}: missing {missing:?}, counted nowhere {unused:?}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "telemetry::CLOSED:\n{}", wrong.join("\n"));
}

impl Source {
    fn words(&self) -> Vec<String> {
        let text = |file: &str| fs::read_to_string(root().join(file)).unwrap();
        match self {
            Self::Between(file, from, to) => {
                let whole = text(file);
                let rest = from.iter().fold(whole.as_str(), |rest, mark| {
                    rest.split_once(mark)
                        .unwrap_or_else(|| panic!("{file} has no {mark}"))
                        .1
                });
                quoted(rest.split_once(to).unwrap().0)
            }
            Self::Calls(file, function) => {
                let whole = text(file);
                let calls = whole.split(function).skip(1);
                calls.flat_map(|rest| quoted(within(rest))).collect()
            }
            Self::Codes(codes) => codes().into_iter().map(str::to_owned).collect(),
        }
    }
}

/// Quoted words: what has a space or a capital is a sentence.
fn quoted(text: &str) -> Vec<String> {
    let is_word = |text: &&str| {
        let of_word =
            |character: char| character.is_ascii_lowercase() || "_0123456789".contains(character);
        !text.is_empty() && text.chars().all(of_word)
    };
    let texts = text.split('"').skip(1).step_by(2);
    texts.filter(is_word).map(str::to_owned).collect()
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

/// Every file of the product, without its tests, by its path.
fn product_code() -> Vec<(String, String)> {
    let of_product = |path: &String| {
        path.contains("/src/") && !path.starts_with("tests/") && !path.ends_with("/tests.rs")
    };
    let mut code = Vec::new();
    for path in files(".rs") {
        let shown = shown(&path);
        if of_product(&shown) {
            let text = fs::read_to_string(&path).unwrap();
            // Tests come last in a file.
            code.push((shown, text.split("#[cfg(test)]").next().unwrap().to_owned()));
        }
    }
    code
}

/// What is between the parentheses of each use of the macros of `metrics`.
fn arguments(code: &str) -> Vec<(Kind, &str)> {
    let macros = [
        ("counter!(", Kind::Counter),
        ("gauge!(", Kind::Gauge),
        ("histogram!(", Kind::Histogram),
    ];
    let mut found = Vec::new();
    for (opening, kind) in macros {
        for (place, _) in code.match_indices(opening) {
            found.push((kind, within(code.split_at(place + opening.len()).1)));
        }
    }
    found
}

/// Words that are written where something is counted: name, label and word.
fn words_beside(code: &str) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for (_kind, arguments) in arguments(code) {
        let texts: Vec<&str> = arguments.split('"').skip(1).step_by(2).collect();
        let between: Vec<&str> = arguments.split('"').step_by(2).collect();
        for (nth, between) in between.iter().enumerate().skip(2) {
            if between.trim() == "=>"
                && let [name, ..] = texts[..]
            {
                let (label, word) = (texts[nth - 1], texts[nth]);
                found.push((name.to_owned(), label.to_owned(), word.to_owned()));
            }
        }
    }
    found
}

/// Uses of the macros of `metrics`: kind, name and labels.
fn uses(code: &str) -> Vec<(Kind, String, Vec<String>)> {
    let mut found = Vec::new();
    for (kind, arguments) in arguments(code) {
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
