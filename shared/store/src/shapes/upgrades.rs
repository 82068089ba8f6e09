//! The steps from one shape of a row to the next: pure, one function each, named after the kind and the
//! shape that they lead to.
//!
//! A step sees rows of the shape before, whatever code wrote them, and leaves what it does not know. What
//! was written before shapes were counted has the first.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::table::Item;

/// Makes a row of the next shape.
pub(super) type Upgrade = fn(&mut Item) -> Result<(), NotThatShape>;

/// A row is not of the shape that it says.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotThatShape(&'static str);

/// How a call treats machines was the agent's word, `answering_machine`; it is a mode of detection and what
/// is done about a machine. The words go the way that `model::Answering::of_agent` goes.
pub(super) fn call_2(row: &mut Item) -> Result<(), NotThatShape> {
    let Some(word) = row.remove("answering_machine") else {
        return Ok(());
    };
    let word = word.as_s().map_err(|_other| UNKNOWN_WORD)?;
    let (detect, machine) = about_machines(word)?;
    for (name, value) in [("detect", detect), ("machine", machine)] {
        let value = AttributeValue::S(value.to_owned());
        row.entry(name.to_owned()).or_insert(value);
    }
    Ok(())
}

/// The session read how it treats machines off the agent; it has a place of its own, `answering`.
pub(super) fn snapshot_2(row: &mut Item) -> Result<(), NotThatShape> {
    const NO_SNAPSHOT: NotThatShape = NotThatShape("it has no snapshot");
    let Some(AttributeValue::S(text)) = row.get_mut("snapshot") else {
        return Err(NO_SNAPSHOT);
    };
    let mut snapshot: Value = serde_json::from_str(text).map_err(|_no_json| NO_SNAPSHOT)?;
    let fields = snapshot.as_object_mut().ok_or(NO_SNAPSHOT)?;
    if fields.contains_key("answering") {
        return Ok(());
    }
    let word = fields
        .get("agent")
        .and_then(|agent| agent.get("answering_machine"));
    let Some(word) = word else {
        return Ok(());
    };
    let (detect, machine) = about_machines(word.as_str().ok_or(UNKNOWN_WORD)?)?;
    let answering = json!({ "detect": detect, "machine": machine });
    fields.insert("answering".to_owned(), answering);
    *text = snapshot.to_string();
    Ok(())
}

const UNKNOWN_WORD: NotThatShape =
    NotThatShape("what to do about answering machines is said by an unknown word");

fn about_machines(word: &str) -> Result<(&'static str, &'static str), NotThatShape> {
    match word {
        "ignore" => Ok(("off", "talk")),
        "note" => Ok(("start", "talk")),
        "hang_up" => Ok(("start", "hang_up")),
        _other => Err(UNKNOWN_WORD),
    }
}
