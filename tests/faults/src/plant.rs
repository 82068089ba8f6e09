//! Planted bugs: what the product would do if a safeguard were missing, done to its requests to storage
//! and to the carrier on their way, or by the stand-ins.
//!
//! None of it exists in the product. Each must be caught, or the suite proves nothing.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::process::{Kind, Step};
use super::rows::TABLE;

/// A safeguard that is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bug {
    /// A call goes from `claimed` to `placing` whether or not it is still as it was read.
    NoGate,
    /// A slot that was given back is given back once more when another call has it.
    SlotGivenBackTwice,
    /// Nobody looks after calls whose answers, callbacks and messages were lost.
    NoSweeper,
    /// A lead is claimed whether or not it is still as it was read.
    BlindClaim,
    /// Leads change without the counts.
    UncountedLeads,
    /// A call passes the gate though its number was suppressed since it was decided.
    StopUnheard,
    /// A call passes the gate though its campaign was paused since it was decided.
    PauseUnheard,
    /// Nobody waits for a place in the row of calls.
    NoPacing,
    /// The second turn of a call is taken and not kept.
    TurnForgotten,
    /// No turn of any call is kept.
    TurnsForgotten,
    /// A worker stores words that nobody heard.
    WordsNobodyHeard,
    /// Nobody learns by asking that a call is over: for a while the carrier says of each that it goes on.
    EndUnasked,
    /// Calls are not looked at again after their end.
    NoFollowUp,
    /// All copies of a recording have one place.
    CopyOverCopy,
    /// What a call is billed for is not asked of the carrier.
    DurationUnasked,
    /// A place in the row of calls is used up to half a second late.
    PlacesUsedLate,
    /// A worker does not hear keys.
    KeyUnheard,
    /// The length of calls to our numbers is not kept.
    InboundLengthForgotten,
    /// People's other numbers are called in the hours of their first.
    HoursOfTheFirst,
}

/// A bug at work.
#[derive(Debug, Clone)]
pub(super) struct Plant {
    bug: Bug,
    /// Keys of slots that were given back.
    given_back: Arc<Mutex<BTreeSet<String>>>,
}

/// What becomes of a request.
#[derive(Debug)]
pub(super) enum Planted {
    /// It is this one instead.
    Request(Vec<u8>),
    /// It is not made, and answered with this.
    Answer(String),
}

impl Plant {
    pub(super) fn new(bug: Bug) -> Self {
        Self {
            bug,
            given_back: Arc::default(),
        }
    }

    /// What a product with the bug would have made of a request; `None`: the same.
    pub(super) fn before(
        &self,
        step: Option<&Step>,
        operation: &str,
        body: &[u8],
    ) -> Option<Planted> {
        match self.bug {
            Bug::NoSweeper => {
                // The sweep is what a tick begins with: its first request and the tries after it.
                let begins =
                    step.is_some_and(|step| step.kind() == Kind::Tick && step.number() <= 4);
                let sweeps = begins && operation == "Query" && mentions(body, "SLOTS#");
                let nothing = json!({ "Items": [], "Count": 0, "ScannedCount": 0 });
                sweeps.then(|| Planted::Answer(nothing.to_string()))
            }
            Bug::TurnForgotten => {
                let stores = operation == "TransactWriteItems" && mentions(body, "\"TURN#000001\"");
                stores.then(|| Planted::Answer("{}".to_owned()))
            }
            Bug::TurnsForgotten => {
                let stores = operation == "TransactWriteItems" && mentions(body, "\"TURN#");
                stores.then(|| Planted::Answer("{}".to_owned()))
            }
            Bug::NoFollowUp => rewrite(operation, body, |writes| {
                writes.retain(|write| key(write, "pk") != Some("FOLLOW_UPS"));
            }),
            Bug::NoGate => rewrite(operation, body, |writes| {
                if writes.iter().any(passes) {
                    writes.retain(|write| write["ConditionCheck"].is_null());
                    writes.iter_mut().for_each(unconditional);
                }
            }),
            Bug::BlindClaim => rewrite(operation, body, |writes| {
                let claims = |write: &&mut Value| state_of(write) == Some("calling");
                writes.iter_mut().filter(claims).for_each(unconditional);
            }),
            Bug::UncountedLeads => rewrite(operation, body, |writes| {
                let of_call = writes.iter().any(|write| key(write, "sk") == Some("CALL"));
                let counts =
                    |write: &Value| key(write, "sk").is_some_and(|sk| sk.starts_with("COUNT#"));
                if of_call {
                    writes.retain(|write| !counts(write));
                }
            }),
            Bug::StopUnheard => rewrite(operation, body, |writes| {
                if writes.iter().any(passes) {
                    let contact = |write: &&mut Value| key(write, "sk") == Some("CONTACT");
                    writes.iter_mut().filter(contact).for_each(unconditional);
                }
            }),
            Bug::PauseUnheard => rewrite(operation, body, |writes| {
                if writes.iter().any(passes) {
                    writes.retain(|write| write["ConditionCheck"].is_null());
                }
            }),
            Bug::InboundLengthForgotten => rewrite(operation, body, |writes| {
                let rows = writes.iter_mut().filter_map(|write| {
                    let row = write.pointer_mut("/Put/Item")?;
                    row.as_object_mut()
                });
                for row in
                    rows.filter(|row| row.get("direction") == Some(&json!({ "S": "inbound" })))
                {
                    row.remove("carrier_duration_seconds");
                }
            }),
            Bug::NoPacing => granted_at_once(operation, body),
            Bug::HoursOfTheFirst => rewrite(operation, body, |writes| {
                writes.iter_mut().for_each(with_one_lane);
            }),
            Bug::SlotGivenBackTwice
            | Bug::CopyOverCopy
            | Bug::WordsNobodyHeard
            | Bug::DurationUnasked
            | Bug::EndUnasked
            | Bug::PlacesUsedLate
            | Bug::KeyUnheard => None,
        }
    }

    /// The key of an object that is asked for instead of this one.
    pub(super) fn key(&self, key: &str) -> Option<String> {
        if self.bug != Bug::CopyOverCopy {
            return None;
        }
        let (call, _nth) = key.rsplit_once('-')?;
        Some(format!("{call}-1.wav"))
    }

    /// Another request that follows one that was done.
    pub(super) fn after(&self, operation: &str, body: &[u8]) -> Option<(&'static str, Vec<u8>)> {
        if self.bug != Bug::SlotGivenBackTwice || operation != "TransactWriteItems" {
            return None;
        }
        let request: Value = serde_json::from_slice(body).ok()?;
        let mut given_back = self.given_back.lock().unwrap();
        let mut once_more = None;
        for write in request["TransactItems"].as_array()? {
            let Some(pk) = key(write, "pk").filter(|pk| pk.contains("SLOTS")) else {
                continue;
            };
            let slot = json!({ "pk": { "S": pk }, "sk": { "S": key(write, "sk")? } });
            if !write["Delete"].is_null() {
                given_back.insert(slot.to_string());
            } else if given_back.remove(&slot.to_string()) {
                once_more = Some(json!({ "TableName": TABLE, "Key": slot }));
            }
        }
        once_more.map(|request| ("DeleteItem", request.to_string().into_bytes()))
    }
}

fn rewrite(operation: &str, body: &[u8], change: impl FnOnce(&mut Vec<Value>)) -> Option<Planted> {
    if operation != "TransactWriteItems" {
        return None;
    }
    let mut request: Value = serde_json::from_slice(body).ok()?;
    change(request["TransactItems"].as_array_mut()?);
    Some(Planted::Request(request.to_string().into_bytes()))
}

/// A reservation of a place in the row of calls that is always granted for now.
fn granted_at_once(operation: &str, body: &[u8]) -> Option<Planted> {
    if operation != "UpdateItem" || !mentions(body, "\"PACE#") || !mentions(body, ":latest") {
        return None;
    }
    let mut request: Value = serde_json::from_slice(body).ok()?;
    request["UpdateExpression"] = "SET next_at = :now + :interval".into();
    request.as_object_mut()?.remove("ConditionExpression");
    let values = request["ExpressionAttributeValues"].as_object_mut()?;
    values.remove(":latest");
    values.remove(":shape_known");
    Some(Planted::Request(request.to_string().into_bytes()))
}

/// The write takes a call through the gate.
fn passes(write: &Value) -> bool {
    state_of(write) == Some("placing")
}

fn state_of(write: &Value) -> Option<&str> {
    write["Put"]["Item"]["state"]["S"].as_str()
}

/// Part of the key of the row that is written.
fn key<'a>(write: &'a Value, name: &str) -> Option<&'a str> {
    let (_kind, write) = write.as_object()?.iter().next()?;
    let row = if write["Item"].is_null() {
        &write["Key"]
    } else {
        &write["Item"]
    };
    row[name]["S"].as_str()
}

/// Gives all numbers of a lead the lane of the first.
fn with_one_lane(write: &mut Value) {
    let Some(lead) = write.pointer_mut("/Put/Item") else {
        return;
    };
    let lane = lead["lane"].clone();
    let alternates = lead.pointer_mut("/alternates/L");
    for alternate in alternates
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        alternate["M"]["lane"] = lane.clone();
    }
}

/// Puts whatever is there.
fn unconditional(write: &mut Value) {
    if let Some(put) = write.get_mut("Put").and_then(Value::as_object_mut) {
        put.remove("ConditionExpression");
        // What only the condition named would be refused.
        put.remove("ExpressionAttributeValues");
        put.remove("ReturnValuesOnConditionCheckFailure");
        put.remove("ExpressionAttributeNames");
    }
}

fn mentions(body: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(body).contains(text)
}
