//! What every source file, the README and the settings owe their readers.

use std::collections::BTreeSet;
use std::fs;

use super::{files, root, shown};

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

#[test]
fn every_lint_exception_has_its_smallest_scope() {
    let roots_of_tests = ["tests/it/main.rs", "local/tests/trunkline.rs"];
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
    let code = ["lib.rs", "variables.rs"].map(|file| fs::read_to_string(settings.join(file)));
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
