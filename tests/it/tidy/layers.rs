//! Dependencies point down, and only along the arrows of `ARCHITECTURE.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use toml::Table;

use super::{files, shown};

/// For each crate, the crates of ours that it may be built with. Tests may use more.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("settings", &[]),
    // Rows for tests; crates have it among their dev-dependencies.
    ("support", &["model"]),
    ("audio", &[]),
    ("telemetry", &["settings"]),
    ("conversation", &["audio", "model"]),
    ("dialer", &["model"]),
    ("forecast", &["dialer", "model"]),
    ("intake", &["model"]),
    ("carrier", &["model", "settings"]),
    ("providers", &["audio", "conversation", "model", "settings"]),
    ("store", &["intake", "model", "settings"]),
    (
        "service",
        &[
            "carrier",
            "conversation",
            "dialer",
            "forecast",
            "intake",
            "model",
            "settings",
            "store",
        ],
    ),
    (
        "doctor",
        &[
            "conversation",
            "carrier",
            "model",
            "providers",
            "service",
            "settings",
            "store",
        ],
    ),
    (
        "sim",
        &[
            "audio",
            "conversation",
            "carrier",
            "model",
            "providers",
            "settings",
        ],
    ),
    ("engines", &["settings", "store"]),
    ("lambda", &["service", "settings", "store", "telemetry"]),
    (
        "api",
        &[
            "carrier",
            "doctor",
            "forecast",
            "intake",
            "lambda",
            "model",
            "service",
            "settings",
            "store",
            "telemetry",
        ],
    ),
    (
        "callbacks",
        &[
            "carrier",
            "lambda",
            "model",
            "service",
            "settings",
            "store",
            "telemetry",
        ],
    ),
    (
        "import",
        &[
            "lambda",
            "model",
            "service",
            "settings",
            "store",
            "telemetry",
        ],
    ),
    (
        "dial",
        &[
            "carrier",
            "lambda",
            "model",
            "service",
            "settings",
            "store",
            "telemetry",
        ],
    ),
    (
        "scheduler",
        &[
            "carrier",
            "dialer",
            "lambda",
            "model",
            "service",
            "settings",
            "store",
            "telemetry",
        ],
    ),
    (
        "media-worker",
        &[
            "audio",
            "conversation",
            "carrier",
            "model",
            "providers",
            "service",
            "settings",
            "store",
            "telemetry",
        ],
    ),
    (
        "local",
        &[
            "api",
            "conversation",
            "callbacks",
            "carrier",
            "dial",
            "doctor",
            "engines",
            "import",
            "forecast",
            "intake",
            "media-worker",
            "model",
            "providers",
            "scheduler",
            "service",
            "settings",
            "sim",
            "store",
            "telemetry",
        ],
    ),
];

/// Crates that exist to test or to measure: they may see everything.
const OBSERVERS: &[&str] = &["tests", "faults", "load"];

/// Libraries that only these crates may be built with.
const KEPT_TO: &[(&str, &[&str])] = &[
    ("dynoxide-rs", &["engines"]),
    ("s3s", &["engines"]),
    ("s3s-fs", &["engines"]),
    ("rusqlite", &["engines"]),
    ("aws-sdk-dynamodb", &["store"]),
    ("aws-sdk-s3", &["store"]),
    ("aws-sdk-secretsmanager", &["store"]),
    ("lambda_http", &["lambda"]),
    ("lambda_runtime", &["lambda"]),
];

/// Crates that decide and never act: no runtime, no sockets, no tables.
const PURE: &[&str] = &[
    "model",
    "audio",
    "conversation",
    "dialer",
    "forecast",
    "intake",
];
const IMPURE_LIBRARIES: &[&str] = &[
    "tokio",
    "reqwest",
    "axum",
    "hyper",
    "futures-util",
    "tracing",
    "metrics",
    "tokio-tungstenite",
];

#[test]
fn dependencies_point_down() {
    let allowed: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    let ours: BTreeSet<&str> = allowed
        .keys()
        .copied()
        .chain(OBSERVERS.iter().copied())
        .collect();
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for (name, dependencies) in crates() {
        seen.insert(name.clone());
        if OBSERVERS.contains(&name.as_str()) {
            continue;
        }
        let Some(may) = allowed.get(name.as_str()) else {
            wrong.push(format!(
                "{name} has no row in ARROWS: say what it may depend on"
            ));
            continue;
        };
        for dependency in &dependencies {
            if ours.contains(dependency.as_str()) && !may.contains(&dependency.as_str()) {
                wrong.push(format!(
                    "{name} depends on {dependency}: the arrow points up or aside"
                ));
            }
            for (library, keepers) in KEPT_TO {
                if dependency == library && !keepers.contains(&name.as_str()) {
                    wrong.push(format!(
                        "{name} uses {library}, which is kept to {}",
                        keepers.join(", ")
                    ));
                }
            }
            if PURE.contains(&name.as_str()) && IMPURE_LIBRARIES.contains(&dependency.as_str()) {
                wrong.push(format!(
                    "{name} is pure and uses {dependency}: decide here, act in the shell"
                ));
            }
        }
    }
    for name in ours {
        if !seen.contains(name) {
            wrong.push(format!("{name} is in the table and has no folder"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_folder_is_named_like_its_crate() {
    for path in files("Cargo.toml") {
        if shown(&path) == "tests/fuzz/Cargo.toml" {
            continue;
        }
        let manifest: Table = fs::read_to_string(&path).unwrap().parse().unwrap();
        let name = manifest["package"]["name"].as_str().unwrap();
        let folder = path
            .parent()
            .unwrap()
            .file_name()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        assert_eq!(
            name,
            folder,
            "{}: to find a crate one looks for its folder",
            shown(&path)
        );
    }
}

#[test]
fn every_crate_takes_the_lints_and_versions_of_the_workspace() {
    for path in files("Cargo.toml") {
        if shown(&path) == "tests/fuzz/Cargo.toml" {
            continue;
        }
        let manifest: Table = fs::read_to_string(&path).unwrap().parse().unwrap();
        let lints = manifest
            .get("lints")
            .and_then(|lints| lints["workspace"].as_bool());
        assert_eq!(
            lints,
            Some(true),
            "{}: needs `[lints] workspace = true`",
            shown(&path)
        );
        for section in ["dependencies", "dev-dependencies"] {
            let Some(dependencies) = manifest.get(section).and_then(|table| table.as_table())
            else {
                continue;
            };
            for (name, value) in dependencies {
                let workspace = value.get("workspace").and_then(|flag| flag.as_bool());
                assert_eq!(
                    workspace,
                    Some(true),
                    "{}: {name} names its own version; there is one table, in the root Cargo.toml",
                    shown(&path)
                );
            }
        }
    }
}

#[test]
fn pure_crates_repeat_the_root_bans() {
    let root: Table = fs::read_to_string(super::root().join("clippy.toml"))
        .unwrap()
        .parse()
        .unwrap();
    for name in PURE {
        let path = super::root().join("shared").join(name).join("clippy.toml");
        let own: Table = fs::read_to_string(&path).unwrap().parse().unwrap();
        for (key, value) in &root {
            let kept = match (
                value.as_array(),
                own.get(key).and_then(|own| own.as_array()),
            ) {
                (Some(root), Some(own)) => root.iter().all(|line| own.contains(line)),
                _single_values => own.get(key) == Some(value),
            };
            assert!(
                kept,
                "{}: replaces the root clippy.toml and lost `{key}`",
                shown(&path)
            );
        }
        let bans = own["disallowed-methods"].to_string();
        for banned in ["Instant::now", "SystemTime::now", "Timestamp::now"] {
            assert!(bans.contains(banned), "{}: must ban {banned}", shown(&path));
        }
    }
}

/// Name and build dependencies of every crate of ours.
fn crates() -> Vec<(String, BTreeSet<String>)> {
    let manifests = files("Cargo.toml")
        .into_iter()
        .filter(|path| shown(path) != "tests/fuzz/Cargo.toml");
    manifests
        .map(|path| {
            let manifest: Table = fs::read_to_string(path).unwrap().parse().unwrap();
            let name = manifest["package"]["name"].as_str().unwrap().to_owned();
            let dependencies = manifest
                .get("dependencies")
                .and_then(|table| table.as_table());
            let dependencies = dependencies
                .into_iter()
                .flat_map(|table| table.keys().cloned());
            (name, dependencies.collect())
        })
        .collect()
}
