//! A carrier is a folder: what names one, and where.

use std::collections::BTreeSet;
use std::fs;

use super::{files, root, shown};

/// Product code that may name a carrier: its folder and its webhooks, the one table of names, what wires the two
/// up, and settings.
const MAY_NAME: &[&str] = &[
    "functions/callbacks/src/",
    "shared/carrier/src/carriers.rs",
    "shared/carrier/src/connection.rs",
    "shared/carrier/src/lib.rs",
    "shared/carrier/src/twilio.rs",
    "shared/carrier/src/twilio/",
    "shared/settings/",
    "shared/sim/",
    "tests/",
];

/// Carriers' names, in small letters.
const CARRIERS: &[&str] = &["twilio", "exotel"];

#[test]
fn product_code_names_no_carrier() {
    let mut found = Vec::new();
    for path in files(".rs") {
        let name = shown(&path);
        let is_test = name.contains("/tests/") || name.ends_with("/tests.rs");
        if is_test || MAY_NAME.iter().any(|place| name.starts_with(place)) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let product = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for (number, line) in (1..).zip(product.lines()) {
            let small = line.to_lowercase();
            if CARRIERS.iter().any(|carrier| small.contains(carrier)) {
                found.push(format!("{name}:{number}: {}", line.trim()));
            }
        }
    }
    assert!(
        found.is_empty(),
        "these know a carrier by name; say it in the port's words (shared/carrier/src/port.rs):\n{}",
        found.join("\n")
    );
}

/// The names of fields that come and go as text, which no compiler checks: each stands in the page of its wire,
/// where it was written down from the carrier's own.
#[test]
fn every_field_of_a_webhook_stands_in_the_page_of_its_wire() {
    let page = fs::read_to_string(root().join("docs/protocols/twilio-voice.md")).unwrap();
    let known: BTreeSet<&str> = page
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .collect();
    let folder = root().join("shared/carrier/src/twilio");
    let mut fields = BTreeSet::new();
    for file in ["webhook.rs", "client/create.rs", "client/answer.rs"] {
        let code = fs::read_to_string(folder.join(file)).unwrap();
        for literal in code.split('"').skip(1).step_by(2) {
            let camel = literal != "Form"
                && literal.starts_with(|letter: char| letter.is_ascii_uppercase())
                && literal.chars().all(|letter| letter.is_ascii_alphanumeric())
                && literal.chars().any(|letter| letter.is_ascii_lowercase());
            if camel {
                fields.insert(literal.to_owned());
            }
        }
    }
    assert!(fields.len() > 30, "{fields:?}");
    let unknown: Vec<_> = fields
        .iter()
        .filter(|field| !known.contains(field.as_str()))
        .collect();
    assert!(
        unknown.is_empty(),
        "docs/protocols/twilio-voice.md does not know these fields: {unknown:?}"
    );
}
