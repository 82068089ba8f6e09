//! The description and the table of routes agree with what is served.

use std::collections::BTreeSet;
use std::time::Duration;

use forecast::{Basis, Entrant, Limits, OutcomeModel, Prices, Sample, Setup, Simulation};
use model::{Agent, AgentFields, AgentId, CampaignFields, Lane, PhoneNumber, PromptId};
use serde_json::{Value, json};

use crate::{ROUTES, auth, document};

#[test]
fn every_described_request_needs_a_permission_or_is_open() {
    let described = serde_json::to_value(document()).unwrap();
    let mut open = BTreeSet::new();
    let mut guarded = 0;
    for (path, methods) in described["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let method = method.to_uppercase();
            if auth::needed(&method, path).is_some() {
                guarded += 1;
            } else {
                open.insert(format!("{method} {path}"));
            }
        }
    }
    let expected = ["GET /health", "GET /v1/openapi.json"].map(str::to_owned);
    assert_eq!(open, expected.into());
    assert_eq!(
        guarded,
        ROUTES.len(),
        "a route is guarded and not described"
    );
}

#[test]
fn the_document_is_openapi_3_1_and_knows_every_word() {
    let described = serde_json::to_value(document()).unwrap();
    assert!(described["openapi"].as_str().unwrap().starts_with("3.1"));
    let call = &described["components"]["schemas"]["CallView"]["properties"];
    assert_eq!(
        call["outcome"]["enum"].as_array().unwrap().len(),
        model::Outcome::ALL.len()
    );
    assert_eq!(
        call["state"]["enum"].as_array().unwrap().len(),
        model::CallState::ALL.len()
    );
}

#[tokio::test]
async fn the_description_of_a_report_names_its_fields() {
    let doctor = doctor::Doctor::new(doctor::Installation {
        variables: settings::Variables::default(),
        place: doctor::Place::Laptop { runs: false },
        store: None,
        secrets: None,
        clock: std::sync::Arc::new(service::SystemClock),
        command: None,
    });
    let report = serde_json::to_value(Box::pin(doctor.examine(None)).await).unwrap();
    let described = serde_json::to_value(document()).unwrap();
    let schemas = &described["components"]["schemas"];
    assert_eq!(names(&schemas["ReportView"]["properties"]), names(&report));
    let check = &schemas["InstallationCheckView"]["properties"];
    assert_eq!(names(check), names(&report["checks"][0]));
}

#[test]
fn the_description_of_an_agent_names_its_fields() {
    let mut fields = AgentFields::new("a", PromptId::from_parts(0, 0));
    fields.voice_id = Some(String::new());
    fields.model = Some(String::new());
    let body = serde_json::to_value(&fields).unwrap();
    let described = serde_json::to_value(document()).unwrap();
    let schemas = &described["components"]["schemas"];
    assert_eq!(names(&schemas["AgentBody"]["properties"]), names(&body));
    assert_eq!(
        names(&schemas["TurnTakingBody"]["properties"]),
        names(&body["turn_taking"])
    );
    assert_eq!(
        names(&schemas["SilenceBody"]["properties"]),
        names(&body["silence"])
    );
    let agent = Agent {
        id: AgentId::from_parts(0, 0),
        created_at: jiff::Timestamp::UNIX_EPOCH,
        updated_at: jiff::Timestamp::UNIX_EPOCH,
        revision: 1,
        fields,
    };
    let view = serde_json::to_value(&agent).unwrap();
    let own: BTreeSet<_> = names(&view).difference(&names(&body)).cloned().collect();
    assert_eq!(
        own,
        ["created_at", "id", "revision", "updated_at"]
            .map(str::to_owned)
            .into()
    );
}

#[test]
fn the_description_of_a_forecast_names_its_fields() {
    let described = serde_json::to_value(document()).unwrap();
    let schemas = &described["components"]["schemas"];
    let same = |schema: &str, value: Value| {
        let described = &schemas[schema]["properties"];
        assert_eq!(names(described), names(&value), "{schema}");
    };
    let ask = ["from", "days", "seed", "model", "prices", "max_leads"].map(str::to_owned);
    assert_eq!(names(&schemas["SimulateBody"]["properties"]), ask.into());
    let model = OutcomeModel::default();
    same("OutcomeModelBody", json!(model));
    same("SharesBody", json!(model.attempts));
    same("TimesBody", json!(model.talk));
    let prices = Prices::default();
    same("PricesBody", json!(prices));
    same("PriceRangeBody", json!(prices.carrier_per_minute));
    let mut simulation = Simulation::new(Setup {
        campaign_id: Setup::nobodys_campaign(),
        campaign: CampaignFields::new("Spring"),
        running_since: None,
        from: jiff::Timestamp::UNIX_EPOCH,
        days: 1,
        seed: 1,
        model,
        basis: Basis::ByHand,
        prices,
        limits: Limits {
            carrier_calls_max: 1,
            tenant_calls_max: 1,
            call_interval: Duration::from_secs(1),
        },
        numbers: Vec::new(),
        sample: Some(Sample {
            simulated: 1,
            of: 2,
        }),
    })
    .unwrap();
    let number: PhoneNumber = "+14155550100".parse().unwrap();
    let lane = Lane::new(
        vec!["America/Los_Angeles".to_owned()],
        vec!["US".to_owned()],
    );
    simulation.add(Entrant::new(number, lane));
    let forecast = json!(simulation.forecast());
    same("ForecastView", forecast.clone());
    same("ForecastHour", forecast["hours"][0].clone());
}

#[test]
fn the_description_of_an_import_names_its_options() {
    let options = serde_json::json!({
        "encoding": "utf-16le", "delimiter": "pipe", "default_country": "GB",
        "columns": { "Handy": "number", "Ort": { "variable": "city" } },
    });
    let options: intake::Options = serde_json::from_value(options).unwrap();
    let body = serde_json::to_value(&options).unwrap();
    let described = serde_json::to_value(document()).unwrap();
    let schema = &described["components"]["schemas"]["ImportOptions"]["properties"];
    assert_eq!(names(schema), names(&body));
}

#[test]
fn the_description_of_a_campaign_names_its_fields() {
    let text = || Some(String::new());
    let at = || Some(jiff::Timestamp::UNIX_EPOCH);
    let mut fields = CampaignFields::new("c");
    fields.agent_id = Some(AgentId::from_parts(0, 0));
    fields.blocked_days = vec![jiff::civil::date(2026, 12, 24)];
    fields.numbers = vec!["+14155550100".parse().unwrap()];
    fields.amd.voicemail_message = text();
    fields.amd.screening_answer = text();
    fields.opt_out.acknowledgement = text();
    fields.disclosure.business_name = text();
    fields.disclosure.purpose = text();
    fields.disclosure.opening = text();
    fields.consent = Some(model::ConsentKind::Written);
    fields.starts_at = at();
    fields.ends_at = at();
    let body = serde_json::to_value(&fields).unwrap();
    let described = serde_json::to_value(document()).unwrap();
    let schemas = &described["components"]["schemas"];
    assert_eq!(names(&schemas["CampaignBody"]["properties"]), names(&body));
    for (schema, field) in [
        ("WindowsBody", "windows"),
        ("RetryBody", "retry"),
        ("CapsBody", "caps"),
        ("AmdBody", "amd"),
        ("OptOutBody", "opt_out"),
        ("DisclosureBody", "disclosure"),
        ("RampBody", "ramp"),
        ("BreakerBody", "breaker"),
    ] {
        let described = names(&schemas[schema]["properties"]);
        assert_eq!(described, names(&body[field]), "{schema}");
    }
}

#[test]
fn the_description_of_a_lead_names_what_can_be_said_of_it() {
    let described = serde_json::to_value(document()).unwrap();
    let schemas = &described["components"]["schemas"];
    let taken = |field: &str, value: Value| {
        let mut lead = serde_json::json!({ "number": "+14155550100" });
        lead[field] = value;
        let read: service::lead::NewLead = serde_json::from_value(lead).unwrap();
        read
    };
    let example = |field: &str| match field {
        "number" => "+14155550101".into(),
        "zone" => "America/Chicago".into(),
        "variables" => serde_json::json!({ "name": "Ada" }),
        "priority" => "high".into(),
        "consent" => {
            serde_json::json!({ "kind": "written", "at": "2026-01-01T00:00:00Z", "source": "form" })
        }
        "due_at" => "2026-03-01T10:00:00Z".into(),
        other => panic!("{other} is not known here"),
    };
    let plain = taken("number", "+14155550100".into());
    for field in names(&schemas["NewLeadBody"]["properties"]) {
        assert_ne!(taken(&field, example(&field)), plain, "{field}");
    }
    let fields = service::lead::LeadFields {
        consent: Some(serde_json::from_value(example("consent")).unwrap()),
        due_at: Some(jiff::Timestamp::UNIX_EPOCH),
        ..service::lead::LeadFields::default()
    };
    let fields = serde_json::to_value(fields).unwrap();
    assert_eq!(names(&schemas["LeadPatch"]["properties"]), names(&fields));
    assert_eq!(
        names(&schemas["ConsentBody"]["properties"]),
        names(&fields["consent"])
    );
    let redial = service::campaign::redial::Redial {
        name: Some(String::new()),
        ..service::campaign::redial::Redial::default()
    };
    let redial = serde_json::to_value(redial).unwrap();
    assert_eq!(names(&schemas["RedialBody"]["properties"]), names(&redial));
}

fn names(object: &Value) -> BTreeSet<String> {
    object.as_object().unwrap().keys().cloned().collect()
}
