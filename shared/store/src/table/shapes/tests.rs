//! Rows of older installations, as they were, and rows of newer ones: what becomes of each.

use std::collections::BTreeSet;
use std::fmt::Debug;

use jiff::Timestamp;
use model::{Agent, CallSnapshot, Campaign, DomainEvent, PromptVersion, TokenId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::*;
use crate::rows::account::uses;
use crate::rows::call::{calls, sessions};
use crate::rows::campaign::{imports, leads};
use crate::rows::dialing::{lease, our_number_days, pace};
use crate::table::keys::Key;
use crate::table::schema::PK;
use crate::table::{from_item, to_item};
use crate::{
    ActiveCampaign, ApiKey, CallRow, ContactRow, Copy, EarlierRequest, FollowUp, Import,
    InboundRow, Label, LeadRow, LeftAtCarrier, Number, Opened, Owner, PlanNote, PromptHead,
    Reconciliation, SlotRow, StoredTurn, Tenant, TokenHash, User, WorkerRow,
};

/// Kept by `tools/keep-rows.py`.
const KEPT: [&str; 3] = [
    include_str!("../../../../../tests/it/releases/single-calls.json"),
    include_str!("../../../../../tests/it/releases/campaign.json"),
    include_str!("../../../../../tests/it/releases/derived.json"),
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

/// A kind that has been through two shapes.
static TWICE_CHANGED: Kind = Kind {
    key: SortKey::Word("THING"),
    name: "thing",
    upgrades: &[
        |row| {
            let word = row.remove("word").ok_or(NotThatShape("it has no word"))?;
            row.insert("name".to_owned(), word);
            Ok(())
        },
        |row| {
            row.insert("size".to_owned(), number(1));
            Ok(())
        },
    ],
    readable_from: 2,
};

fn thing(attributes: &[(&str, AttributeValue)]) -> Item {
    let owned = |(name, value): &(&str, AttributeValue)| ((*name).to_owned(), value.clone());
    attributes.iter().map(owned).collect()
}

#[test]
fn a_row_of_any_earlier_shape_is_read_as_today_s() {
    let name = AttributeValue::S("a".to_owned());
    let today = thing(&[("name", name.clone()), ("size", number(1))]);
    let first = thing(&[("word", name.clone())]);
    let second = thing(&[("name", name), (SHAPE, number(2))]);
    assert_eq!(TWICE_CHANGED.open(first).unwrap(), today);
    assert_eq!(TWICE_CHANGED.open(second).unwrap(), today);
}

#[test]
fn a_row_is_written_with_its_shape_and_read_without_it() {
    let row = thing(&[("size", number(1))]);
    let written = TWICE_CHANGED.stamped(row.clone());
    assert_eq!(written.get(SHAPE), Some(&number(3)));
    assert_eq!(written.get(SHAPE_MIN), Some(&number(2)));
    assert_eq!(TWICE_CHANGED.open(written).unwrap(), row);
    let agent = Key {
        pk: "T#ten".to_owned(),
        sk: "AGENT".to_owned(),
    };
    // The first shape is not worth an attribute.
    assert_eq!(stamped(agent.attributes()), agent.attributes());
}

#[test]
fn a_row_that_is_not_of_the_shape_before_is_not_guessed_at() {
    let other = thing(&[("size", number(1))]);
    assert!(matches!(
        TWICE_CHANGED.open(other),
        Err(StoreError::Malformed { .. })
    ));
}

#[test]
fn kinds_are_told_apart_and_what_is_changed_in_place_keeps_its_shape() {
    const MADE_IN_PLACE: [&str; 6] = ["count", "hour", "our number's day", "pace", "lease", "uses"];
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
        "uses" => once::<uses::UsesRow>(row, |row| format!("{:?}", row.used_by)),
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
        "our number's day" => once::<our_number_days::DayRow>(row, |row| row.calls.to_string()),
        "import" => again::<Import>(row),
        "rejects" => once::<imports::RejectsRow>(row, |row| {
            let rejects: Vec<intake::Reject> = serde_json::from_str(&row.rejects).unwrap();
            format!("{rejects:?}")
        }),
        "slot" => again::<SlotRow>(row),
        "pace" => once::<pace::PaceRow>(row, |row| row.next_at.to_string()),
        "lease" => once::<lease::LeaseRow>(row, |row| format!("{:?} {}", row.holder, row.knocks)),
        "inbound call" => again::<InboundRow>(row),
        "follow-up" => again::<FollowUp>(row),
        "reconciliation" => again::<Reconciliation>(row),
        "left at the carrier" => again::<LeftAtCarrier>(row),
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
        "SS" => AttributeValue::Ss(
            value
                .as_array()
                .unwrap()
                .iter()
                .map(|text| text.as_str().unwrap().to_owned())
                .collect(),
        ),
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
