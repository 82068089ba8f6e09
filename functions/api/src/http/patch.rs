//! Changes as JSON Merge Patch (RFC 7396): what is named changes, `null` takes a field back to its
//! default, what is left out stays.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::http::body::read_fields;
use crate::http::problem::Problem;

/// The fields with a patch laid over them. `needed` are those without a default.
pub(crate) fn patched<T: Serialize + DeserializeOwned>(
    fields: &T,
    patch: Map<String, Value>,
    needed: &[(&str, Value)],
) -> Result<T, Problem> {
    let unreadable = || Problem::field("body", "cannot be merged".to_owned());
    let mut merged = serde_json::to_value(fields).map_err(|_unprintable| unreadable())?;
    merge(&mut merged, Value::Object(patch));
    let Value::Object(merged) = merged else {
        return Err(unreadable());
    };
    read_fields(merged, needed)
}

/// RFC 7396, section 2.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(target) = target {
        for (name, value) in patch {
            if value.is_null() {
                target.remove(&name);
            } else {
                merge(target.entry(name).or_insert(Value::Null), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{AgentFields, PromptId};
    use serde_json::json;

    use super::*;

    fn patch(patch: Value) -> Result<AgentFields, Problem> {
        let mut fields = AgentFields::new("Reminder", PromptId::from_parts(0, 0));
        fields.voice_id = Some("v".to_owned());
        let Value::Object(patch) = patch else {
            unreachable!("an object")
        };
        patched(&fields, patch, &[])
    }

    #[test]
    fn a_patch_changes_what_it_names_and_null_takes_it_back() {
        let changed = patch(json!({ "voice_id": null, "turn_taking": { "endpointing_ms": 500 } }));
        let changed = changed.unwrap();
        assert_eq!(changed.voice_id, None);
        assert_eq!(changed.turn_taking.endpointing_ms, 500);
        assert_eq!(changed.turn_taking.end_of_turn_ms_max, 3_000);
        assert_eq!(changed.name, "Reminder");
    }

    #[test]
    fn a_patch_of_a_field_that_does_not_exist_is_refused() {
        assert!(patch(json!({ "nmae": "x" })).is_err());
    }
}
