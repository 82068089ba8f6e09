//! Event rows out of the records of a DynamoDB stream.
//!
//! A record has the new row with every value under the name of its type (DynamoDB Streams API
//! reference, `StreamRecord`). Rows that are no events, and removals, are passed over; so is an event of
//! a kind that this version does not know.

use model::DomainEvent;
use serde_json::{Map, Number, Value};
use store::EVENT_ROWS;

/// The events in a batch of records; `None` when it is no batch.
#[must_use]
pub fn events(event: &Value) -> Option<Vec<DomainEvent>> {
    let records = event.get("Records")?.as_array()?;
    Some(records.iter().filter_map(event_of).collect())
}

fn event_of(record: &Value) -> Option<DomainEvent> {
    let row = record.get("dynamodb")?.get("NewImage")?.as_object()?;
    let key = row.get("pk")?.get("S")?.as_str()?;
    if !key.starts_with(EVENT_ROWS) {
        return None;
    }
    serde_json::from_value(Value::Object(plain_map(row)?)).ok()
}

fn plain_map(row: &Map<String, Value>) -> Option<Map<String, Value>> {
    row.iter()
        .map(|(name, value)| Some((name.clone(), plain(value)?)))
        .collect()
}

/// The value without the name of its type.
fn plain(value: &Value) -> Option<Value> {
    let (kind, value) = value.as_object()?.iter().next()?;
    match kind.as_str() {
        "S" | "BOOL" => Some(value.clone()),
        "N" => value.as_str()?.parse::<Number>().ok().map(Value::Number),
        "NULL" => Some(Value::Null),
        "M" => plain_map(value.as_object()?).map(Value::Object),
        "L" => {
            let list = value.as_array()?.iter().map(plain);
            list.collect::<Option<Vec<_>>>().map(Value::Array)
        }
        // Sets and bytes are in no event.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use model::{CallId, EventKind, Outcome};
    use serde_json::json;

    use super::*;

    #[test]
    fn an_ended_call_is_read_out_of_the_stream() {
        let call = CallId::from_parts(1_700_000_000_000, 7);
        let row = json!({
            "pk": { "S": "EVENTS#3" },
            "sk": { "S": "evt_01hf7yat000000000000000001" },
            "id": { "S": "evt_01hf7yat000000000000000001" },
            "tenant_id": { "S": "ten_01hf7yat000000000000000001" },
            "at": { "S": "2026-11-20T20:00:00Z" },
            "type": { "S": "call_ended" },
            "call_id": { "S": call.to_string() },
            "outcome": { "S": "no_answer" },
            "ttl": { "N": "1700000000" },
        });
        let mut lead = row.clone();
        lead["pk"] = json!({ "S": "T#ten#CAMPAIGN#camp" });
        let mut other = row.clone();
        other["type"] = json!({ "S": "from_a_later_version" });
        let records = [row, lead, other]
            .map(|row| json!({ "eventName": "INSERT", "dynamodb": { "NewImage": row } }));
        let removed = json!({ "eventName": "REMOVE", "dynamodb": { "Keys": {} } });
        let mut records = records.to_vec();
        records.push(removed);
        let events = events(&json!({ "Records": records })).unwrap();
        let kinds: Vec<_> = events.into_iter().map(|event| event.kind).collect();
        let outcome = Outcome::NoAnswer;
        assert_eq!(
            kinds,
            [EventKind::CallEnded {
                call_id: call,
                outcome
            }]
        );
    }

    #[test]
    fn a_tick_of_the_schedule_is_no_batch() {
        let tick = json!({ "source": "aws.scheduler", "detail-type": "Scheduled Event" });
        assert_eq!(events(&tick), None);
        assert_eq!(events(&json!({ "Records": [] })), Some(Vec::new()));
    }
}
