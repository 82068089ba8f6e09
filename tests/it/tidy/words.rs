//! The field's words, once: what a thing is called, and what it is not called any more.

use std::collections::BTreeMap;
use std::fs;

use super::{collect, files, root, shown};

/// A word that is not used, and the one that is. It is matched in code and prose alike, whole or as a part of a name:
/// `caller` is in `CallerView` and in `by_caller`.
const RETIRED: &[(&str, &str)] = &[
    (
        "caller",
        "customer, whoever called whom; caller ID is the carrier's term",
    ),
    ("callers", "customers"),
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
/// Names that have a retired word in them and are somebody else's: the language's, the carrier's caller IDs.
const OTHERS_NAMES: &[&str] = &["track_caller", "caller_id", "CallerId", "caller_name"];
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
    assert!(retired("pub struct CallerView {").is_some());
    assert!(retired("fn by_caller() {}").is_some());
    assert!(retired("struct MediaRecogniser;").is_some());
    assert!(retired("#[track_caller]").is_none());
    assert!(retired("async fn verify_caller_id(page: CallerIdPage) {").is_none());
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
    words.find_map(|word| {
        let is_others = OTHERS_NAMES.iter().any(|name| word.contains(name));
        let parts = if is_others { Vec::new() } else { parts(word) };
        let is_retired = |known: &str| word == known || parts.iter().any(|part| part == known);
        RETIRED.iter().find(|(known, _)| is_retired(known)).copied()
    })
}

/// The words that a name is made of, in small letters: of `CallerView` and of `caller_view`.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for letter in name.chars() {
        let begins = letter == '_' || letter.is_uppercase();
        if begins {
            parts.push(String::new());
        }
        if letter != '_' {
            let last = parts.last_mut().unwrap();
            last.extend(letter.to_lowercase());
        }
    }
    parts
}
