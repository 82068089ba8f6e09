//! The field's words, once: what a thing is called, and what it is not called any more.

use std::collections::BTreeMap;
use std::fs;

use super::{collect, files, root, shown};

/// A word that is not used, and the one that is. A word is matched whole, in code and prose alike.
const RETIRED: &[(&str, &str)] = &[
    (
        "caller",
        "customer, whoever called whom; caller ID is the carrier's term",
    ),
    ("callers", "customers"),
    ("Caller", "Customer"),
    ("CallerStopped", "CustomerStopped"),
    ("CallerNumber", "OurNumber"),
    ("CallerAudio", "CustomerAudio"),
    ("SpeechGate", "Vad"),
    ("Ledger", "Recorder"),
    ("Chores", "Upkeep"),
    ("Recipe", "CallPlan"),
    ("Mover", "HandoverClient"),
    ("LeftBehind", "LateTurns"),
    ("SaidBefore", "LateTurn"),
    ("MachineClass", "AnsweredBy"),
    ("recogniser", "recognizer"),
    ("recognisers", "recognizers"),
    ("Recogniser", "Recognizer"),
    ("recognised", "recognized"),
];

/// Where a retired word is somebody else's: the carrier's caller IDs, what people and machines say.
const OTHERS: &[&str] = &[
    "caller ID",
    "get-caller-identity",
    "automated caller",
    "\"Caller\"",
    "Caller=",
];
/// Phrases of people and machines, and rows of older versions.
const QUOTES: &[&str] = &[
    "shared/conversation/src/amd/first_words.rs",
    "shared/conversation/src/conversation/tests/screening.rs",
    "shared/dialer/src/disclosure/phrases.rs",
    "tests/it/tidy/words.rs",
];

/// Names that say little by themselves; at most this many types of the product bear each.
const BORNE_BY_MAX: usize = 2;
const VAGUE: &[&str] = &["State", "Step", "Refusal", "Verdict", "Stage", "Source"];

#[test]
fn retired_words_do_not_come_back() {
    let mut paths = files(".rs");
    for ending in [".md", ".yaml"] {
        collect(&root().join("docs"), ending, &mut paths);
        collect(&root().join("infra"), ending, &mut paths);
    }
    paths.extend(["README.md", "ARCHITECTURE.md", "template.yaml"].map(|name| root().join(name)));
    let mut found = Vec::new();
    for path in paths {
        let name = shown(&path);
        if QUOTES.contains(&name.as_str()) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            if let Some((word, instead)) = retired(line) {
                found.push(format!("{name}:{}: {word}: say {instead}", number + 1));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_retired_word_is_found_and_others_are_left() {
    assert!(retired("/// The caller's words.").is_some());
    assert!(retired("let caller = said_by(Speaker::Customer);").is_some());
    assert!(retired("#[track_caller]").is_none());
    assert!(retired("The number must be a verified caller ID.").is_none());
}

#[test]
fn no_type_name_means_many_things() {
    let mut borne: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for path in files(".rs") {
        let name = shown(&path);
        if name.starts_with("tests/") || name.contains("/tests") || name.contains("testing") {
            continue;
        }
        for line in fs::read_to_string(&path).unwrap().lines() {
            let words: Vec<&str> = line
                .split(|letter: char| !(letter.is_alphanumeric() || letter == '_'))
                .collect();
            let defined = words.windows(2).find_map(|pair| match pair {
                ["struct" | "enum" | "trait", name] => Some(*name),
                _other => None,
            });
            let vague = defined.and_then(|name| VAGUE.iter().find(|known| **known == name));
            if let Some(vague) = vague
                && !line.trim_start().starts_with("//")
            {
                borne.entry(vague).or_default().push(name.clone());
            }
        }
    }
    for (name, places) in borne {
        assert!(
            places.len() <= BORNE_BY_MAX,
            "{name} means {} things: say which {name} it is in\n{}",
            places.len(),
            places.join("\n")
        );
    }
}

fn retired(line: &str) -> Option<(&'static str, &'static str)> {
    let mut line = line.to_owned();
    for others in OTHERS {
        line = line.replace(others, "");
    }
    let mut words = line.split(|letter: char| !(letter.is_alphanumeric() || letter == '_'));
    words.find_map(|word| RETIRED.iter().find(|(known, _)| *known == word).copied())
}
