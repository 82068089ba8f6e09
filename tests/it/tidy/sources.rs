//! What every source file, the README and the settings owe their readers.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use toml::{Table, Value};

use super::{collect, files, root, shown};

#[test]
fn every_module_says_what_it_is_for() {
    let mut silent = Vec::new();
    for path in files(".rs") {
        let text = fs::read_to_string(&path).unwrap();
        let opening = text
            .lines()
            .find(|line| !line.trim().is_empty() && !line.starts_with("#!["));
        let words = opening
            .and_then(|line| line.strip_prefix("//!"))
            .unwrap_or_default()
            .trim()
            .len();
        if words < 15 {
            silent.push(shown(&path));
        }
    }
    assert!(
        silent.is_empty(),
        "these open without a `//!` line on what they are for:\n{}",
        silent.join("\n")
    );
}

#[test]
fn nothing_unfinished_is_left_in_the_code() {
    // Put together here so that this file does not contain the words itself.
    let marks = [
        ["TO", "DO"],
        ["FIX", "ME"],
        ["X", "XX"],
        ["un", "implemented!("],
        ["to", "do!("],
    ];
    let mut left = Vec::new();
    for path in files(".rs") {
        for (number, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            if marks.iter().any(|halves| line.contains(&halves.concat())) {
                left.push(format!("{}:{}: {}", shown(&path), number + 1, line.trim()));
            }
        }
    }
    assert!(
        left.is_empty(),
        "finish these, or say in plain words what is not done and why:\n{}",
        left.join("\n")
    );
}

/// Where text in Rust's debug form is made of something that somebody else writes so.
const DEBUG_FORM: [&str; 1] = ["shared/telemetry/src/fields.rs"];

#[test]
fn no_debug_text_of_rust_is_made_for_people() {
    // Put together here, as above. Words for people are codes and sentences.
    let marks = [[":", "?}"], [":", "#?}"]];
    let fields = [["= ", "?"], ["(", "?"], [", ", "?"], ["", "?"]];
    let mut found = Vec::new();
    let crates = ["functions", "local/src", "media-worker/src", "shared"];
    let simulated = ["shared/sim/", "shared/forecast/"];
    for path in files(".rs") {
        let name = shown(&path);
        if !crates.iter().any(|of| name.starts_with(of))
            || simulated.iter().any(|of| name.starts_with(of))
            || name.contains("/tests")
            || name.contains("/testing")
            || DEBUG_FORM.contains(&&*name)
        {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let product = text.split("\n#[cfg(test)]\n").next().unwrap_or_default();
        let mut in_debug = false;
        for (number, line) in product.lines().enumerate() {
            // What implements `Debug` may use it.
            in_debug = if line.starts_with("impl") {
                line.contains("Debug for")
            } else {
                in_debug && line != "}"
            };
            let formats = marks.iter().any(|halves| line.contains(&halves.concat()));
            let logs = fields.iter().any(|[before, mark]| {
                let mark = format!("{before}{mark}");
                line.match_indices(&mark).any(|(at, _)| {
                    let rest = line.get(at + mark.len()..).unwrap_or_default();
                    let starts = line
                        .get(..at)
                        .is_some_and(|before| before.trim().is_empty());
                    (!before.is_empty() || starts)
                        && rest.starts_with(|letter: char| letter.is_ascii_lowercase())
                })
            });
            if (formats || logs) && !in_debug {
                found.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(
        found.is_empty(),
        "these print Rust's debug form; give the type a code or words:\n{}",
        found.join("\n")
    );
}

/// For each library and program cargo links a test program, and rustdoc reads each library for examples. A crate
/// says where there is nothing to run, and must not say so where there is.
#[test]
fn crates_are_built_for_the_tests_that_they_have() {
    let mut wrong = Vec::new();
    for manifest in files("Cargo.toml") {
        let folder = manifest.parent().unwrap();
        let sources = folder.join("src");
        if !sources.is_dir() {
            continue;
        }
        let table: Table = fs::read_to_string(&manifest).unwrap().parse().unwrap();
        let mut paths = Vec::new();
        collect(&sources, ".rs", &mut paths);
        let is_main = |path: &PathBuf| path == &sources.join("main.rs");
        let (main, library): (Vec<_>, Vec<_>) = paths.into_iter().partition(is_main);
        let is_library = sources.join("lib.rs").is_file();
        let program = if is_library { &main } else { &library };
        let bins = table.get("bin").and_then(Value::as_array);
        let bin = bins.and_then(|bins| bins.first());
        let library_target = table.get("lib");
        let mut claims = vec![];
        if is_library {
            claims.push(("lib", "test", library_target, library.iter().any(has_tests)));
            claims.push((
                "lib",
                "doctest",
                library_target,
                library.iter().any(has_examples),
            ));
        }
        if !main.is_empty() {
            let tested = program.iter().chain(&main).any(has_tests);
            claims.push(("bin", "test", bin, tested));
        }
        for (target, what, section, there) in claims {
            let built = section
                .and_then(|it| it.get(what)?.as_bool())
                .unwrap_or(true);
            if built != there {
                let shown = shown(&manifest);
                wrong.push(format!("{shown}: [{target}] should say {what} = {there}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn has_tests(path: &PathBuf) -> bool {
    let text = fs::read_to_string(path).unwrap();
    ["#[test]", "#[tokio::test", "proptest! {"]
        .iter()
        .any(|mark| text.contains(mark))
}

/// Whether its documentation has code that rustdoc runs.
fn has_examples(path: &PathBuf) -> bool {
    let text = fs::read_to_string(path).unwrap();
    let docs = text.lines().filter_map(|line| {
        let line = line.trim_start();
        line.strip_prefix("//!")
            .or_else(|| line.strip_prefix("///"))
    });
    let fences = docs.filter_map(|line| line.trim_start().strip_prefix("```"));
    // Every other one ends a block.
    fences
        .step_by(2)
        .any(|language| matches!(language, "" | "rust" | "no_run" | "should_panic"))
}

#[test]
fn every_lint_exception_has_its_smallest_scope() {
    let roots_of_tests = [
        "tests/faults/src/lib.rs",
        "tests/it/main.rs",
        "tests/ratchet/main.rs",
        "local/tests/trunkline.rs",
    ];
    let mut broad = Vec::new();
    for path in files(".rs") {
        let helpers_of_tests = roots_of_tests.contains(&shown(&path).as_str());
        for line in fs::read_to_string(&path).unwrap().lines() {
            if line.starts_with("#![allow") && !helpers_of_tests {
                broad.push(format!("{}: {line}", shown(&path)));
            }
        }
    }
    assert!(
        broad.is_empty(),
        "use #[expect(lint, reason = \"..\")] where it is needed:\n{}",
        broad.join("\n")
    );
}

#[test]
fn every_setting_is_in_the_readme_and_nothing_else_is() {
    let settings = root().join("shared/settings/src");
    let code = ["lib.rs", "proxies.rs", "variables.rs", "vendors.rs"]
        .map(|file| fs::read_to_string(settings.join(file)));
    let code = code.map(Result::unwrap).concat();
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let read: BTreeSet<String> = quoted_variables(&code).into_iter().collect();
    assert!(read.len() > 20, "found only {read:?}");
    for variable in &read {
        assert!(
            code.contains(&format!("`{variable}`")),
            "{variable} has no doc comment in settings"
        );
        assert!(
            readme.contains(&format!("`{variable}`")),
            "{variable} is not in the README's settings"
        );
    }
    for word in readme.split(|letter: char| {
        !(letter.is_ascii_uppercase() || letter == '_' || letter.is_ascii_digit())
    }) {
        let ours = [
            "TRUNKLINE_",
            "TWILIO_",
            "DEEPGRAM_",
            "OPENAI_",
            "ELEVENLABS_",
        ];
        let test_only = ["TRUNKLINE_CONFORMANCE_", "TRUNKLINE_SIM_"];
        if ours
            .iter()
            .any(|prefix| word.starts_with(prefix) && word.len() > prefix.len())
            && !test_only.iter().any(|prefix| word.starts_with(prefix))
        {
            assert!(
                read.contains(word),
                "the README speaks of {word}, which nothing reads"
            );
        }
    }
}

/// Names in capitals between double quotes: how settings are read.
fn quoted_variables(code: &str) -> Vec<String> {
    code.split('"')
        .skip(1)
        .step_by(2)
        .filter(|text| {
            text.contains('_')
                && text
                    .bytes()
                    .all(|b| b.is_ascii_uppercase() || b == b'_' || b.is_ascii_digit())
        })
        .map(str::to_owned)
        .collect()
}
