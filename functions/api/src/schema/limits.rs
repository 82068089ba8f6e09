//! Bounds of fields, from the constants that the code checks with.

use std::collections::BTreeMap;

use forecast::{DAYS_MAX, PRICE_MICROS_MAX, SECONDS_MAX, SHARE_MAX, SIGMA_MAX};
use intake::workbook::SHEET_CHARS_MAX;
use intake::{COLUMNS_MAX, FILE_BYTES_MAX};
use model::{
    ALTERNATES_MAX, AgentFields, Bound, CampaignFields, SPANS_MAX, TEMPLATE_CHARS_MAX,
    VALUE_CHARS_MAX, VARIABLE_NAME,
};
use serde_json::{Value, json};
use service::agent::prompts::NAME_CHARS_MAX;
use service::call::VARIABLES_MAX;
use service::call::carrier_recordings::CarrierRecordings;
use service::campaign::simulation::{DAYS_DEFAULT, LEADS_DEFAULT, LEADS_MAX, SEED_MAX};
use service::lead::suppressions::NOTE_CHARS_MAX;
use service::lead::{CONSENT_SOURCE_CHARS_MAX, LEADS_AT_ONCE_MAX};

use crate::http::page::{PAGE_DEFAULT, PAGE_MAX};
use crate::schema::node::referred;

/// The most characters of a reason.
pub(crate) const REASON_CHARS_MAX: usize = 200;

/// The pattern of a text that must say something: blanks fill no field.
pub(crate) const NOT_BLANK: &str = r"\S";

/// A schema, the path of a field in it, and what the field may be.
type Row = (&'static str, &'static str, Bound);

fn rows() -> Vec<Row> {
    let number = |min, max: u64| Bound::Number { min, max };
    let chars = |min, max| Bound::Chars {
        min,
        max: count(max),
    };
    let items = |min, max| Bound::Items {
        min,
        max: count(max),
    };
    let mut rows = vec![
        ("NewCall", "override.reason", chars(1, REASON_CHARS_MAX)),
        ("NewCall", "variables", items(0, VARIABLES_MAX)),
        ("NewCall", "variables.*", chars(0, VALUE_CHARS_MAX)),
        ("NewLead", "alternates", items(0, ALTERNATES_MAX)),
        ("NewLead", "variables", items(0, VARIABLES_MAX)),
        ("NewLead", "variables.*", chars(0, VALUE_CHARS_MAX)),
        ("LeadFields", "alternates", items(0, ALTERNATES_MAX)),
        ("LeadFields", "variables", items(0, VARIABLES_MAX)),
        ("LeadFields", "variables.*", chars(0, VALUE_CHARS_MAX)),
        ("Consent", "source", chars(0, CONSENT_SOURCE_CHARS_MAX)),
        ("NewLeads", "leads", items(1, LEADS_AT_ONCE_MAX)),
        ("NewPrompt", "name", chars(1, NAME_CHARS_MAX)),
        ("NewPrompt", "system", chars(0, TEMPLATE_CHARS_MAX)),
        ("NewPrompt", "greeting", chars(1, TEMPLATE_CHARS_MAX)),
        ("NewPrompt", "defaults", items(0, VARIABLES_MAX)),
        ("NewPrompt", "defaults.*", chars(1, VALUE_CHARS_MAX)),
        ("NewSuppression", "note", chars(0, NOTE_CHARS_MAX)),
        (
            "RecordingsToDelete",
            "carrier_recording_ids",
            items(1, CarrierRecordings::DELETIONS_MAX),
        ),
        ("NewUpload", "bytes", number(1, FILE_BYTES_MAX)),
        ("ImportOptions", "columns", items(0, COLUMNS_MAX)),
        ("ImportOptions", "header_row", number(1, FILE_BYTES_MAX)),
        ("ImportOptions", "sheet", chars(1, SHEET_CHARS_MAX)),
        ("Simulation", "days", number(1, DAYS_MAX.into())),
        ("Simulation", "seed", number(0, SEED_MAX)),
        ("Simulation", "max_leads", number(1, LEADS_MAX.into())),
        ("OutcomeModel", "unreachable", number(0, 1)),
        ("OutcomeModel", "fax", number(0, 1)),
        ("OutcomeModel", "opt_out", number(0, 1)),
        ("OutcomeModel", "hung_up", number(0, 1)),
        (
            "OutcomeTimes",
            "median_seconds",
            number(0, SECONDS_MAX.into()),
        ),
        ("OutcomeTimes", "max_seconds", number(0, SECONDS_MAX.into())),
        ("OutcomeTimes", "sigma", number(0, SIGMA_MAX.into())),
        ("PriceRange", "low_micros", number(0, PRICE_MICROS_MAX)),
        ("PriceRange", "high_micros", number(0, PRICE_MICROS_MAX)),
    ];
    for share in [
        "answered",
        "voicemail",
        "no_answer",
        "busy",
        "screened",
        "failed",
    ] {
        rows.push(("OutcomeShares", share, number(0, SHARE_MAX.into())));
    }
    for day in ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] {
        rows.push(("Windows", day, items(0, SPANS_MAX)));
    }
    rows.extend(AgentFields::LIMITS.map(|limit| ("NewAgent", limit.field, limit.bound)));
    rows.extend(CampaignFields::LIMITS.map(|limit| ("NewCampaign", limit.field, limit.bound)));
    let name = CampaignFields::LIMITS
        .into_iter()
        .find(|limit| limit.field == "name");
    rows.extend(name.map(|limit| ("Redial", limit.field, limit.bound)));
    // What is answered has the bounds of what was sent.
    rows.extend(AgentFields::LIMITS.map(|limit| ("Agent", limit.field, limit.bound)));
    rows.extend(CampaignFields::LIMITS.map(|limit| ("Campaign", limit.field, limit.bound)));
    rows
}

/// Puts the bounds of fields into their schemas.
pub(crate) fn apply(schemas: &mut BTreeMap<String, Value>) {
    for (schema, field, bound) in rows() {
        if let Some(field) = find(schemas, schema, field) {
            put(field, bound);
        }
    }
    // Values for the places of a prompt; what has another name fits into none.
    for (schema, field) in [
        ("NewCall", "variables"),
        ("NewLead", "variables"),
        ("LeadFields", "variables"),
        ("NewPrompt", "defaults"),
    ] {
        if let Some(variables) = find(schemas, schema, field) {
            variables["propertyNames"] =
                json!({ "type": "string", "pattern": VARIABLE_NAME, "examples": ["first_name"] });
        }
    }
    if let Some(columns) = find(schemas, "ImportOptions", "columns") {
        columns["propertyNames"] =
            json!({ "type": "string", "minLength": 1, "pattern": NOT_BLANK });
    }
    for (field, default) in [("days", DAYS_DEFAULT), ("max_leads", LEADS_DEFAULT)] {
        if let Some(field) = find(schemas, "Simulation", field) {
            field["default"] = default.into();
        }
    }
}

/// The same for a parameter of a query.
pub(crate) fn apply_to_parameter(parameter: &mut Value) {
    let bound = match parameter["name"].as_str() {
        Some("limit") => {
            parameter["schema"]["default"] = PAGE_DEFAULT.into();
            Bound::Number {
                min: 1,
                max: PAGE_MAX.into(),
            }
        }
        Some("reason") => Bound::Chars {
            min: 1,
            max: count(NOTE_CHARS_MAX),
        },
        Some("note") => Bound::Chars {
            min: 0,
            max: count(NOTE_CHARS_MAX),
        },
        Some("sheet") => Bound::Chars {
            min: 1,
            max: count(SHEET_CHARS_MAX),
        },
        Some("attempt" | "attempts_min" | "attempts_max") => Bound::Number {
            min: 0,
            max: u32::MAX.into(),
        },
        Some("version") => Bound::Number {
            min: 1,
            max: u32::MAX.into(),
        },
        Some("header_row") => Bound::Number {
            min: 1,
            max: FILE_BYTES_MAX,
        },
        Some(_) | None => return,
    };
    put(&mut parameter["schema"], bound);
}

fn put(schema: &mut Value, bound: Bound) {
    let is_map = schema
        .get("additionalProperties")
        .is_some_and(Value::is_object);
    let (least, most, min, max) = match bound {
        Bound::Number { min, max } => ("minimum", "maximum", min, max),
        Bound::Chars { min, max } => ("minLength", "maxLength", min, max),
        Bound::Items { min, max } if is_map => ("minProperties", "maxProperties", min, max),
        Bound::Items { min, max } => ("minItems", "maxItems", min, max),
    };
    // Nothing has a negative length.
    if min > 0 || least == "minimum" {
        schema[least] = min.into();
    }
    schema[most] = max.into();
    if min > 0 && least == "minLength" {
        schema["pattern"] = NOT_BLANK.into();
    }
}

/// The field at a path: `turn_taking.endpointing_ms`; `*` is each value of a map.
fn find<'a>(
    schemas: &'a mut BTreeMap<String, Value>,
    schema: &str,
    path: &str,
) -> Option<&'a mut Value> {
    let (name, rest) = match path.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    };
    let fields = schemas.get(schema)?.get("properties")?;
    let Some(rest) = rest.filter(|rest| *rest != "*") else {
        let field = schemas
            .get_mut(schema)?
            .get_mut("properties")?
            .get_mut(name)?;
        return match rest {
            None => Some(field),
            Some(_each) => field.get_mut("additionalProperties"),
        };
    };
    let field = fields.get(name)?;
    let choices = field.get("oneOf").and_then(Value::as_array);
    let choice = choices.into_iter().flatten().find_map(referred);
    let next = referred(field).or(choice)?.to_owned();
    find(schemas, &next, rest)
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(crate) fn without_a_field(schemas: &mut BTreeMap<String, Value>) -> Vec<String> {
    let rows = rows();
    let lost = rows
        .iter()
        .filter(|(schema, field, _)| find(schemas, schema, field).is_none());
    lost.map(|(schema, field, _)| format!("{schema}.{field}"))
        .collect()
}
