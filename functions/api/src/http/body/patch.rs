//! Changes as JSON Merge Patch (RFC 7396): what is named changes, `null` takes a field back to its
//! default, what is left out stays.

use axum::extract::{FromRequest, Request};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{self as body, Held, JSON, held_to_document};
use crate::http::body::sent::Sent;
use crate::http::problem::Problem;
use crate::schema::forms::MERGE_PATCH;
use crate::state::State;

/// A patch, with everything that the document finds wrong with it.
#[derive(Debug, Clone)]
pub(crate) struct Patch(Held);

impl FromRequest<State> for Patch {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &State) -> Result<Self, Problem> {
        let held = held_to_document(request, state, &[MERGE_PATCH, JSON]).await?;
        Ok(Self(held))
    }
}

impl Patch {
    /// The fields with the patch laid over them.
    pub(crate) fn over<T: Serialize + DeserializeOwned>(&self, fields: &T) -> Sent<T> {
        // Fields are plain data: they can always be written down.
        let mut merged = serde_json::to_value(fields).unwrap_or_default();
        self.0.clone().sent_as(|patch| {
            merge(&mut merged, patch);
            body::read(merged)
        })
    }
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
    use crate::http::body::mended::Mended;

    #[tokio::test]
    async fn a_patch_changes_what_it_names_and_null_takes_it_back() {
        let mut fields = AgentFields::new("Reminder", PromptId::from_parts(0, 0));
        fields.voice_id = Some("v".to_owned());
        fields.silence.max_reminders = 7;
        let value = json!({
            "voice_id": null, "silence": null, "turn_taking": { "endpointing_ms": 500 },
        });
        let patch = Patch(Held {
            left: Mended::whole(value),
            faults: Vec::new(),
        });
        let changed = patch.over(&fields);
        let changed = changed.or_all_faults(async |_fields| Ok(Vec::new()));
        let changed = changed.await.unwrap();
        assert_eq!(changed.voice_id, None);
        assert_eq!(
            changed.silence,
            AgentFields::new("", fields.prompt_id).silence
        );
        assert_eq!(changed.turn_taking.endpointing_ms, 500);
        assert_eq!(changed.turn_taking.max_end_of_turn_ms, 3_000);
        assert_eq!(changed.name, "Reminder");
    }

    /// Every example of RFC 7396, appendix A.
    #[test]
    fn merging_is_as_the_standard_has_it() {
        for (target, patch, result) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (
                json!({"a":"b","b":"c"}),
                json!({"a":null}),
                json!({"b":"c"}),
            ),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
            (
                json!({"a":{"b":"c"}}),
                json!({"a":{"b":"d","c":null}}),
                json!({"a":{"b":"d"}}),
            ),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a":"b"}), json!(["c"]), json!(["c"])),
            (json!({"a":"foo"}), json!(null), json!(null)),
            (json!({"a":"foo"}), json!("bar"), json!("bar")),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!([1, 2]), json!({"a":"b","c":null}), json!({"a":"b"})),
            (
                json!({}),
                json!({"a":{"bb":{"ccc":null}}}),
                json!({"a":{"bb":{}}}),
            ),
        ] {
            let mut merged = target.clone();
            merge(&mut merged, patch.clone());
            assert_eq!(merged, result, "{target} with {patch}");
        }
    }
}
