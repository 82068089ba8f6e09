//! The shapes of rows are written down, and whoever changes one is told what a change owes to the versions
//! that run beside it or come back after it.
//!
//! The tests of the control plane run functions and worker with clients that note what is written. A set of
//! situations in which everybody does everything is played in one process; what was noted is held against
//! `releases/shapes.txt`. How older rows are read is in `store`, how an older installation goes on in
//! `control::releases`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Mutex;

use expect_test::expect_file;
use model::{CallState, CampaignState, LeadResult, Outcome};
use serde_json::Value;
use store::RowKind;

use crate::control;

/// By kind of row: the attributes, as `answer.class S`.
static WRITTEN: Mutex<BTreeMap<&'static str, BTreeSet<String>>> = Mutex::new(BTreeMap::new());

/// Maps whose names are data.
const NAMES_ARE_DATA: [&str; 6] = [
    "variables",
    "defaults",
    "tokens",
    "seen",
    "held",
    "rejected",
];
/// Texts that are JSON: their fields are as much a shape as attributes.
const JSON: [(&str, &str); 2] = [("snapshot", "snapshot"), ("rejects", "rejects")];

const WHAT_A_CHANGE_OWES: &str = "
The shape of a row has changed. Older functions run beside the new ones in every deploy and alone after a
rollback, and rows of older versions stay for years:

- A field more that older code can do without, and that is read with a default: take the new shape over with
  `UPDATE_EXPECT=1 cargo nextest run -p tests -E 'test(/^releases::/)'`. Older code passes over it, and drops
  it when it writes the row.
- Anything else (another name or meaning, a field that must not be lost or is needed, a word more in a closed
  vocabulary) is a new shape: keep rows of the old one first (`tools/keep-rows.py`, from an installation of the
  version before), add a step to the kind in `store::shapes`, say there from which shape on code can work with
  the new rows, and then take the new shape over.
";

/// Notes what a request to the table writes.
pub(crate) fn note(operation: &str, body: &Value) {
    match operation {
        "PutItem" => put(&body["Item"]),
        "UpdateItem" => update(body),
        "TransactWriteItems" => {
            for part in body["TransactItems"].as_array().unwrap() {
                if let Some(written) = part.get("Put") {
                    put(&written["Item"]);
                }
                if let Some(update_of) = part.get("Update") {
                    update(update_of);
                }
            }
        }
        _read => {}
    }
}

fn put(row: &Value) {
    let kind = kind(&row["sk"]);
    let mut found = BTreeSet::new();
    for (name, value) in row.as_object().unwrap() {
        let name = counted(name);
        if JSON.contains(&(kind, &name)) {
            let json: Value = serde_json::from_str(value["S"].as_str().unwrap()).unwrap();
            json_paths(&name, &json, &mut found);
        } else {
            paths(&name, value, &mut found);
        }
    }
    if let Some(shape) = row.get("shape") {
        found.insert(format!("shape = {}", shape["N"]));
    }
    WRITTEN
        .lock()
        .unwrap()
        .entry(kind)
        .or_default()
        .append(&mut found);
}

/// Attributes that an update in place names; of their types it says nothing.
fn update(update: &Value) {
    let kind = kind(&update["Key"]["sk"]);
    let names = update["ExpressionAttributeNames"].as_object();
    let expression = update["UpdateExpression"].as_str().unwrap();
    let words = ["SET", "ADD", "REMOVE", "if_not_exists"];
    let mut written = WRITTEN.lock().unwrap();
    let found = written.entry(kind).or_default();
    for part in
        expression.split(|letter: char| !(letter.is_alphanumeric() || "_#:.".contains(letter)))
    {
        if part.is_empty()
            || part.starts_with(':')
            || words.contains(&part)
            || part.parse::<u8>().is_ok()
        {
            continue;
        }
        let top = part.split('.').next().unwrap();
        let name = names
            .and_then(|names| names.get(top))
            .and_then(Value::as_str);
        found.insert(format!("{} in place", counted(name.unwrap_or(top))));
    }
}

fn kind(sort_key: &Value) -> &'static str {
    let sort_key = sort_key["S"].as_str().unwrap();
    let kind = RowKind::of(sort_key).map(|kind| kind.name);
    kind.unwrap_or_else(|| panic!("say in `store::shapes` what kind of row {sort_key} is, and keep one in tests/it/releases"))
}

/// Counts have an attribute for each word of a vocabulary.
fn counted(name: &str) -> String {
    for prefix in ["done_", "calls_"] {
        if name.starts_with(prefix) {
            return format!("{prefix}*");
        }
    }
    name.to_owned()
}

fn paths(path: &str, value: &Value, found: &mut BTreeSet<String>) {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "M" => {
            for (name, value) in value.as_object().unwrap() {
                paths(&below(path, name), value, found);
            }
        }
        "L" => {
            for value in value.as_array().unwrap() {
                paths(&format!("{path}[]"), value, found);
            }
        }
        plain => {
            found.insert(format!("{path} {plain}"));
        }
    }
}

fn json_paths(path: &str, value: &Value, found: &mut BTreeSet<String>) {
    let plain = match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                json_paths(&below(path, name), value, found);
            }
            return;
        }
        Value::Array(list) => {
            for value in list {
                json_paths(&format!("{path}[]"), value, found);
            }
            return;
        }
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
    };
    found.insert(format!("{path} {plain}"));
}

fn below(path: &str, name: &str) -> String {
    let last = path.rsplit('.').next().unwrap_or(path);
    if NAMES_ARE_DATA.contains(&last) {
        format!("{path}.*")
    } else {
        format!("{path}.{name}")
    }
}

#[test]
fn rows_have_the_shapes_that_are_written_down() {
    std::thread::scope(|threads| {
        for situation in control::EVERYTHING {
            threads.spawn(situation);
        }
    });
    let written = WRITTEN.lock().unwrap();
    let mut shapes = String::new();
    for kind in RowKind::all() {
        let found = written.get(kind.name);
        let found = found.unwrap_or_else(|| panic!("no situation writes a {}", kind.name));
        writeln!(
            shapes,
            "{} (shape {}, for code from shape {})",
            kind.name, kind.shape, kind.readable_from
        )
        .unwrap();
        for attribute in found {
            writeln!(shapes, "  {attribute}").unwrap();
        }
    }
    for (vocabulary, words) in vocabularies() {
        writeln!(shapes, "words of {vocabulary}").unwrap();
        for word in words {
            writeln!(shapes, "  {word}").unwrap();
        }
    }
    let told = std::panic::catch_unwind(|| {
        expect_file!["releases/shapes.txt"].assert_eq(&shapes);
    });
    assert!(told.is_ok(), "{WHAT_A_CHANGE_OWES}");
}

/// Closed vocabularies in rows: older code cannot read a word that it does not know.
fn vocabularies() -> [(&'static str, Vec<&'static str>); 4] {
    [
        (
            "a call's state",
            CallState::ALL.map(CallState::code).to_vec(),
        ),
        (
            "an outcome",
            Outcome::ALL.into_iter().map(Outcome::code).collect(),
        ),
        (
            "a campaign's state",
            CampaignState::ALL.map(CampaignState::code).to_vec(),
        ),
        (
            "a lead's result",
            LeadResult::ALL.map(LeadResult::code).to_vec(),
        ),
    ]
}
