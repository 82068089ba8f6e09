//! Rows of older installations, as they were, and rows of newer ones: what becomes of each.

use std::collections::BTreeSet;
use std::fmt::Debug;

use jiff::Timestamp;
use model::{Agent, Answering, CallSnapshot, Campaign, DomainEvent, PromptVersion, TokenId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::*;
use crate::keys::Key;
use crate::schema::PK;
use crate::table::{from_item, to_item};
use crate::{
    ActiveCampaign, ApiKey, CallRow, ContactRow, Copy, EarlierRequest, Import, InboundRow, Label,
    LeadRow, Number, Opened, Owner, PlanNote, PromptHead, SlotRow, StoredTurn, Tenant, TokenHash,
    User, WorkerRow, callers, calls, imports, leads, lease, pace, sessions,
};

/// Kept by `tools/keep-rows.py`.
const KEPT: [&str; 3] = [
    include_str!("../../../../tests/it/releases/single-calls.json"),
    include_str!("../../../../tests/it/releases/campaign.json"),
    include_str!("../../../../tests/it/releases/derived.json"),
];

#[test]
fn rows_of_every_kind_that_older_versions_wrote_are_read() {
    let mut seen = BTreeSet::new();
    for row in kept() {
        let kind = kind_of(&row).unwrap_or_else(|| panic!("nothing of ours: {row:?}"));
        read(kind.name, &row).unwrap_or_else(|problem| panic!("{problem:?}: {row:?}"));
        seen.insert(kind.name);
    }
    let all: BTreeSet<&str> = KINDS.iter().map(|kind| kind.name).collect();
    assert_eq!(seen, all, "keep old rows of every kind");
}

#[test]
fn what_a_later_version_adds_is_passed_over_at_every_depth() {
    for row in kept() {
        let kind = kind_of(&row).unwrap();
        let mut more = row.clone();
        for (name, value) in &mut more {
            if !NAMES_ARE_DATA.contains(&name.as_str()) {
                add_fields(value);
            }
        }
        more.insert("from_a_later_version".to_owned(), number(7));
        if kind.name == "snapshot" {
            let text = more.get("snapshot").unwrap().as_s().unwrap();
            let mut json: Value = serde_json::from_str(text).unwrap();
            add_json_fields(&mut json);
            more.insert("snapshot".to_owned(), AttributeValue::S(json.to_string()));
        }
        let was = read(kind.name, &row).unwrap();
        let is = read(kind.name, &more).unwrap_or_else(|problem| panic!("{problem:?}: {more:?}"));
        assert_eq!(is, was);
    }
}

#[test]
fn a_row_of_a_newer_shape_is_refused_unless_it_says_that_we_can_work_with_it() {
    for row in kept() {
        let kind = kind_of(&row).unwrap();
        let mut newer = row.clone();
        newer.insert(SHAPE.to_owned(), number(kind.shape() + 1));
        for least in [None, Some(kind.shape() + 1)] {
            if let Some(least) = least {
                newer.insert(SHAPE_MIN.to_owned(), number(least));
            }
            let refused = open(newer.clone()).unwrap_err();
            assert!(matches!(refused, StoreError::Newer { what } if what == kind.name));
            assert_eq!(check(&newer).unwrap_err().to_string(), refused.to_string());
        }
        newer.insert(SHAPE_MIN.to_owned(), number(kind.shape()));
        check(&newer).unwrap();
        let opened = open(newer).unwrap();
        assert!(!opened.contains_key(SHAPE) && !opened.contains_key(SHAPE_MIN));
    }
}

#[test]
fn what_says_a_shape_is_a_number_or_the_row_cannot_be_read() {
    for said in [
        AttributeValue::S("2".to_owned()),
        AttributeValue::N("0".to_owned()),
        AttributeValue::N("1.5".to_owned()),
    ] {
        let mut row = kept().remove(0);
        row.insert(SHAPE.to_owned(), said);
        assert!(matches!(open(row), Err(StoreError::Malformed { .. })));
    }
}

#[test]
fn a_row_is_written_with_its_shape_and_read_without_it() {
    let key = Key {
        pk: "T#ten".to_owned(),
        sk: "CALL".to_owned(),
    };
    let call = stamped(key.attributes());
    assert_eq!(call.get(SHAPE), Some(&number(2)));
    assert_eq!(call.get(SHAPE_MIN), Some(&number(1)));
    assert_eq!(open(call).unwrap(), key.attributes());
    let agent = Key {
        sk: "AGENT".to_owned(),
        ..key
    };
    // The first shape is not worth an attribute.
    assert_eq!(stamped(agent.attributes()), agent.attributes());
}

#[test]
fn a_call_of_before_campaigns_treats_machines_as_its_agent_said() {
    let told: BTreeSet<_> = kept()
        .into_iter()
        .filter_map(|row| {
            let word = row.get("answering_machine")?.as_s().unwrap().clone();
            (row.get(SK)?.as_s().unwrap() == "CALL").then_some((word, row))
        })
        .map(|(word, row)| {
            let call: CallRow = from_item(open(row).unwrap(), "call").unwrap();
            format!(
                "{word}: {:?}, {:?}",
                call.progress.detect, call.progress.machine
            )
        })
        .collect();
    assert_eq!(
        Vec::from_iter(told),
        [
            "hang_up: Start, HangUp",
            "ignore: Off, Talk",
            "note: Start, Talk"
        ]
    );
}

#[test]
fn a_session_of_before_campaigns_treats_machines_as_its_agent_said() {
    let mut words = BTreeSet::new();
    for row in kept() {
        if row.get(SK).unwrap().as_s().unwrap() != "SNAPSHOT" {
            continue;
        }
        let text = row.get("snapshot").unwrap().as_s().unwrap();
        if text.contains("\"answering\"") {
            continue;
        }
        let snapshot = session(&open(row).unwrap()).unwrap().snapshot;
        assert_eq!(snapshot.answering, Answering::of_agent(&snapshot.agent));
        words.insert(format!("{:?}", snapshot.agent.answering_machine));
    }
    assert_eq!(Vec::from_iter(words), ["HangUp", "Ignore", "Note"]);
}

#[test]
fn a_row_that_is_not_of_the_shape_before_is_not_guessed_at() {
    let calls = kept().into_iter();
    let mut call = calls
        .filter(|row| row.contains_key("answering_machine"))
        .find(|row| row.get(SK).unwrap().as_s().unwrap() == "CALL")
        .unwrap();
    let unknown = AttributeValue::S("bark".to_owned());
    call.insert("answering_machine".to_owned(), unknown);
    assert!(matches!(open(call), Err(StoreError::Malformed { .. })));
}

#[test]
fn kinds_are_told_apart_and_what_is_changed_in_place_keeps_its_shape() {
    const MADE_IN_PLACE: [&str; 5] = ["count", "hour", "caller", "pace", "lease"];
    let names: BTreeSet<&str> = KINDS.iter().map(|kind| kind.name).collect();
    assert_eq!(names.len(), KINDS.len());
    for kind in KINDS {
        assert!((FIRST..=kind.shape()).contains(&kind.readable_from));
        let stays = MADE_IN_PLACE.contains(&kind.name);
        assert!(
            !stays || kind.shape() == FIRST,
            "{}: an update in place says no shape; give the new rows another sort key",
            kind.name
        );
    }
    assert_eq!(RowKind::of("SOMETHING"), None);
    assert_eq!(RowKind::of(""), None);
    assert_eq!(RowKind::of("00017").unwrap().name, "slot");
}

fn session(row: &Item) -> Result<Opened, StoreError> {
    let token = TokenHash::of(TokenId::from_parts(0, 0));
    sessions::read(row, &token, Timestamp::UNIX_EPOCH)
}

/// What is read of a row, as text; what can be written is written and read once more.
fn read(kind: &str, row: &Item) -> Result<String, StoreError> {
    match kind {
        "call" => again::<CallRow>(row),
        "snapshot" => {
            let opened = session(&open(row.clone())?)?;
            Ok(format!("{} {}", opened.session, text_of(&opened.snapshot)))
        }
        "turn" => again::<StoredTurn>(row),
        "label" => again::<Label>(row),
        "carrier call" => once::<calls::CarrierCallRow>(row, |row| row.call_id.to_string()),
        "request" => again::<EarlierRequest>(row),
        "agent" => again::<Agent>(row),
        "prompt" => again::<PromptHead>(row),
        "prompt version" => again::<PromptVersion>(row),
        "tenant" => again::<Tenant>(row),
        "user" => again::<User>(row),
        "number" => again::<Number>(row),
        "API key" => again::<ApiKey>(row),
        "owner" => again::<Owner>(row),
        "campaign" => again::<Campaign>(row),
        "active campaign" => again::<ActiveCampaign>(row),
        "count" => leads::read_counts(open(row.clone())?).map(|counts| format!("{counts:?}")),
        "hour" => once::<leads::HourRow>(row, |row| format!("{} {}", row.hour, row.calls)),
        "copy" => again::<Copy>(row),
        "plan" => again::<PlanNote>(row),
        "lead" => again::<LeadRow>(row),
        "contact" => again::<ContactRow>(row),
        "caller" => once::<callers::DayRow>(row, |row| row.calls.to_string()),
        "import" => again::<Import>(row),
        "rejects" => once::<imports::RejectsRow>(row, |row| {
            let rejects: Vec<intake::Reject> = serde_json::from_str(&row.rejects).unwrap();
            format!("{rejects:?}")
        }),
        "slot" => again::<SlotRow>(row),
        "pace" => once::<pace::PaceRow>(row, |row| row.next_at.to_string()),
        "lease" => once::<lease::LeaseRow>(row, |row| format!("{:?} {}", row.holder, row.knocks)),
        "inbound call" => again::<InboundRow>(row),
        "worker" => again::<WorkerRow>(row),
        "event" => again::<DomainEvent>(row),
        other => panic!("say how a {other} is read"),
    }
}

/// As it is written, which reads as it is.
fn text_of(snapshot: &CallSnapshot) -> String {
    let text = serde_json::to_string(snapshot).unwrap();
    let again: CallSnapshot = serde_json::from_str(&text).unwrap();
    assert_eq!(again, *snapshot);
    text
}

fn once<T: DeserializeOwned>(row: &Item, told: impl Fn(T) -> String) -> Result<String, StoreError> {
    from_item(open(row.clone())?, "row").map(told)
}

fn again<T: DeserializeOwned + Serialize + PartialEq + Debug>(
    row: &Item,
) -> Result<String, StoreError> {
    let read: T = from_item(open(row.clone())?, "row")?;
    let text = |name: &str| row.get(name).unwrap().as_s().unwrap().clone();
    let key = Key {
        pk: text(PK),
        sk: text(SK),
    };
    let written = stamped(to_item(&key, None, &read, "row")?);
    let again: T = from_item(open(written)?, "row")?;
    assert_eq!(again, read);
    Ok(format!("{read:?}"))
}

fn kept() -> Vec<Item> {
    let mut rows = Vec::new();
    for text in KEPT {
        let kept: Value = serde_json::from_str(text).unwrap();
        for row in kept["rows"].as_array().unwrap() {
            let attributes = row.as_object().unwrap().iter();
            let row = attributes.map(|(name, value)| (name.clone(), attribute(value)));
            rows.push(row.collect());
        }
    }
    rows
}

/// An attribute as DynamoDB's JSON has it.
fn attribute(value: &Value) -> AttributeValue {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    let text = || value.as_str().unwrap().to_owned();
    match kind.as_str() {
        "S" => AttributeValue::S(text()),
        "N" => AttributeValue::N(text()),
        "BOOL" => AttributeValue::Bool(value.as_bool().unwrap()),
        "NULL" => AttributeValue::Null(true),
        "L" => AttributeValue::L(value.as_array().unwrap().iter().map(attribute).collect()),
        "M" => {
            let fields = value.as_object().unwrap().iter();
            AttributeValue::M(
                fields
                    .map(|(name, value)| (name.clone(), attribute(value)))
                    .collect(),
            )
        }
        other => panic!("no row of ours has {other}"),
    }
}

/// Maps whose names are data, or say which of several things it is: a name more is another thing, and not a
/// field.
const NAMES_ARE_DATA: [&str; 6] = ["variables", "tokens", "seen", "held", "rejected", "columns"];

fn add_fields(value: &mut AttributeValue) {
    if let AttributeValue::M(fields) = value {
        for (name, value) in fields.iter_mut() {
            if !NAMES_ARE_DATA.contains(&name.as_str()) {
                add_fields(value);
            }
        }
        fields.insert("from_a_later_version".to_owned(), number(7));
    }
    if let AttributeValue::L(list) = value {
        list.iter_mut().for_each(add_fields);
    }
}

fn add_json_fields(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                if !NAMES_ARE_DATA.contains(&name.as_str()) {
                    add_json_fields(value);
                }
            }
            fields.insert("from_a_later_version".to_owned(), Value::from(7));
        }
        Value::Array(list) => list.iter_mut().for_each(add_json_fields),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
