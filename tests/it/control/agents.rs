//! Agents that choose their vendors: from those that the installation has settings for.

use std::sync::Arc;

use model::TraceId;
use serde_json::{Value, json};
use service::call::{Calls, CreateCall};
use service::campaign::Campaigns;
use service::campaign::moves::Move;
use service::{Context, FieldProblem, Refused};
use settings::Roster;

use super::campaigns::Desk;
use super::{THEIR_NUMBER, World};
use crate::leftovers::Left;

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_keeps_its_choice_and_leaves_what_it_does_not_choose_to_the_settings() {
    let world = World::start().await;
    let agent = world.agent().await;
    let path = format!("/v1/agents/{agent}");
    let read = world.ask("GET", &path, None).await;
    let nothing = json!({ "recognizers": [], "models": [], "voices": [] });
    assert_eq!(read.json()["vendors"], nothing);

    let voices = json!(["elevenlabs_http", "elevenlabs"]);
    let patch = json!({ "vendors": { "voices": voices } });
    let headers = [("If-Match", read.etag.as_deref().unwrap())];
    let changed = world.ask_with(&headers, "PATCH", &path, Some(patch)).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let chosen = json!({ "recognizers": [], "models": [], "voices": voices });
    assert_eq!(changed.json()["vendors"], chosen);
    world.call(&agent).await;
    world.leaves(Left::NOTHING.calls(1).dials(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_is_not_there_is_refused_when_the_agent_is_saved() {
    let world = World::start().await;
    let agent = world.agent().await;
    let read = world.ask("GET", &format!("/v1/agents/{agent}"), None).await;
    let body = json!({
        "name": "b", "prompt_id": read.json()["prompt_id"],
        "vendors": { "recognizers": ["parrot"], "voices": ["elevenlabs", "deepgram", "elevenlabs"] },
    });
    let refused = world.ask("POST", "/v1/agents", Some(body)).await;
    assert_eq!(
        (refused.status, refused.code()),
        (422, "invalid".to_owned())
    );
    let json = refused.json();
    let errors = json["errors"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let errors: Vec<_> = errors
        .map(|error| (text(&error["pointer"]), text(&error["code"])))
        .collect();
    let expected = [
        ("/vendors/recognizers/0", "not_found"),
        ("/vendors/voices/1", "not_found"),
        ("/vendors/voices/2", "repeated"),
    ];
    assert_eq!(
        errors,
        expected.map(|(at, code)| (at.to_owned(), code.to_owned()))
    );
}

/// An agent has no message that could be left: a campaign has.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_leaves_no_message() {
    let world = World::start().await;
    let agent = format!("/v1/agents/{}", world.agent().await);
    let patch = async |machine: &str| {
        let body = json!({ "amd": { "machine": machine } });
        let headers = [("If-Match", "*")];
        world.ask_with(&headers, "PATCH", &agent, Some(body)).await
    };
    let talks = patch("talk").await;
    assert_eq!(talks.status, 200, "{}", talks.text);
    let refused = patch("leave_message").await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "invalid"));
    let errors = &refused.json()["errors"];
    let told = (&errors[0]["pointer"], &errors[0]["code"]);
    assert_eq!(told, (&json!("/amd/machine"), &json!("malformed")));
    let read = world.ask("GET", &agent, None).await.json();
    assert_eq!(read["amd"]["machine"], "talk");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_called_with_an_agent_whose_vendor_has_lost_its_settings() {
    let desk = Desk::start().await;
    let world = &desk.world;
    let path = format!("/v1/agents/{}", desk.agent);
    let headers = [("If-Match", "*")];
    let patch = json!({ "vendors": { "models": ["openai"] } });
    let changed = world.ask_with(&headers, "PATCH", &path, Some(patch)).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    desk.add(0..1).await;

    let without = Context {
        vendors: Roster::default(),
        ..world.parts.clone()
    };
    let request = CreateCall {
        to: THEIR_NUMBER.parse().unwrap(),
        from: None,
        agent_id: desk.agent.parse().unwrap(),
        kind: model::CallKind::Information,
        consent: None,
        variables: [("name".to_owned(), "Ann".to_owned())].into(),
        overriding: None,
    };
    let calls = Calls::new(&without);
    let trace = TraceId::of_call(model::CallId::from_parts(0, 0));
    let refused = calls.create(world.tenant, &request, None, trace).await;
    says_why(refused.unwrap_err());

    let (clock, ids) = (Arc::clone(&without.clock), without.ids.clone());
    let campaigns = Campaigns::new(&without.store, without.vendors.clone(), clock, ids);
    let campaign = desk.campaign.parse().unwrap();
    let refused = campaigns
        .make(world.tenant, campaign, Move::Start { at: None })
        .await;
    says_why(refused.unwrap_err());
}

#[track_caller]
fn says_why(refused: Refused) {
    let (Refused::Invalid(problems) | Refused::CannotStart(problems)) = refused else {
        panic!("{refused:?}");
    };
    let expected = FieldProblem::new(
        "/agent_id",
        model::Fault::NotFound,
        "names an agent whose /vendors/models/0 has no settings in this installation; no model is set up",
    );
    assert_eq!(problems, [expected]);
}
