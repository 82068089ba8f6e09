//! Who sees what: tenants, keys and roles.

use serde_json::json;
use service::account::access::Role;
use settings::Secret;

use super::{OTHER_KEY, OUR_NUMBER, OWNER_KEY, THEIR_NUMBER, World, keys};
use crate::leftovers::Left;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_another_tenants_is_the_same_as_what_never_was() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1));
    let (call, _sid) = world.placed_call().await;
    let agent = world.ask("GET", "/v1/agents", None).await.json();
    let agent = agent["items"][0]["id"].as_str().unwrap().to_owned();
    let prompt = world.ask("GET", "/v1/prompts", None).await.json();
    let prompt = prompt["items"][0]["id"].as_str().unwrap().to_owned();
    let never = |id: &str| id.replace("_0", "_1");
    for (method, theirs, nobodys, body) in [
        (
            "GET",
            format!("/v1/calls/{call}"),
            format!("/v1/calls/{}", never(&call)),
            None,
        ),
        (
            "GET",
            format!("/v1/calls/{call}/recording"),
            format!("/v1/calls/{}/recording", never(&call)),
            None,
        ),
        (
            "POST",
            format!("/v1/calls/{call}/hangup"),
            "/v1/calls/call_x/hangup".to_owned(),
            None,
        ),
        (
            "GET",
            format!("/v1/agents/{agent}"),
            format!("/v1/agents/{}", never(&agent)),
            None,
        ),
        (
            "GET",
            format!("/v1/prompts/{prompt}"),
            "/v1/prompts/x".to_owned(),
            None,
        ),
        (
            "POST",
            format!("/v1/prompts/{prompt}/versions"),
            format!("/v1/prompts/{}/versions", never(&prompt)),
            Some(json!({ "name": "p", "system": "", "greeting": "x" })),
        ),
    ] {
        let seen = world.other_asks(method, &theirs, body.clone()).await;
        let nothing = world.other_asks(method, &nobodys, body).await;
        assert_eq!(
            (seen.status, seen.code()),
            (404, "not_found".to_owned()),
            "{theirs}"
        );
        assert_eq!(
            (seen.status, seen.text),
            (nothing.status, nothing.text),
            "{theirs}"
        );
    }
    let patch = [("If-Match", "\"1\"")];
    let path = format!("/v1/agents/{agent}");
    let edit = world
        .ask_as(
            OTHER_KEY,
            "PATCH",
            &path,
            Some(json!({ "name": "mine" })),
            &patch,
        )
        .await;
    assert_eq!(edit.status, 404);
    // Nor can a call be made with another's agent, prompt or number.
    let with_agent = json!({ "to": THEIR_NUMBER, "kind": "information", "agent_id": agent });
    let with_agent = world
        .other_asks("POST", "/v1/calls", Some(with_agent))
        .await;
    assert_eq!(with_agent.status, 422);
    let with_prompt = json!({ "name": "a", "prompt_id": prompt });
    let with_prompt = world
        .other_asks("POST", "/v1/agents", Some(with_prompt))
        .await;
    assert_eq!(with_prompt.fields(), ["/prompt_id"]);
    let number = json!({ "number": OUR_NUMBER });
    let number = world.other_asks("POST", "/v1/numbers", Some(number)).await;
    assert_eq!(
        (number.status, number.code()),
        (409, "number_taken".to_owned())
    );
    for list in ["calls", "agents", "prompts", "numbers"] {
        let path = format!("/v1/{list}");
        let page = world.other_asks("GET", &path, None).await.json();
        assert_eq!(page["items"], json!([]), "{list}");
    }
    // A cursor of ours leads the other tenant only through its own list.
    let stolen = format!("/v1/calls?cursor={}", call.replace("call_0", "call_7"));
    assert_eq!(
        world.other_asks("GET", &stolen, None).await.json()["items"],
        json!([])
    );
    assert_eq!(world.told(&call).await, "placed");
    assert_eq!(world.carrier.hung_up(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_of_one_tenant_do_not_reach_calls_of_another() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1));
    let (call, sid) = world.placed_call().await;
    let path = format!("/carriers/twilio/status/{}/{call}", world.other_tenant);
    let fields = [
        ("CallSid", sid.as_str()),
        ("AccountSid", super::carrier::ACCOUNT),
        ("CallStatus", "busy"),
    ];
    let answer = world.webhook(&path, &fields).await;
    assert_eq!(
        (answer.status, answer.code()),
        (404, "call_unknown".to_owned())
    );
    assert_eq!(world.told(&call).await, "placed");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_nothing_is_answered_but_health_and_the_description() {
    let world = World::start().await;
    for (key, status) in [("", 401), ("tk_wrong", 401), (OWNER_KEY, 200)] {
        let answer = world.ask_as(key, "GET", "/v1/calls", None, &[]).await;
        assert_eq!(answer.status, status, "{key}");
    }
    let health = world.ask_as("", "GET", "/health", None, &[]).await;
    assert_eq!(
        (health.status, health.json()),
        (200, json!({ "status": "ok" }))
    );
    let described = world
        .ask_as("", "GET", "/v1/openapi.json", None, &[])
        .await
        .json();
    assert!(described["openapi"].as_str().unwrap().starts_with("3.1"));
    let nothing = world.ask("GET", "/v2/calls", None).await;
    assert_eq!(
        (nothing.status, nothing.code()),
        (404, "not_found".to_owned())
    );
    let wrong = world.ask("DELETE", "/v1/calls", None).await;
    assert_eq!(
        (wrong.status, wrong.code()),
        (405, "method_not_allowed".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_reads_and_changes_nothing() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1).dials(1));
    let agent = world.agent().await;
    let call = world.call(&agent).await;
    let owner = world.parts.store.accounts.owner().await.unwrap().unwrap();
    let secret = Secret::new("tk_viewer".to_owned());
    keys(&world.parts)
        .add_key(owner.tenant_id, owner.user_id, Role::Viewer, &secret)
        .await
        .unwrap();
    let body = json!({ "to": THEIR_NUMBER, "kind": "information", "agent_id": agent });
    for (method, path, body, status) in [
        ("GET", format!("/v1/calls/{call}"), None, 200),
        ("POST", "/v1/calls".to_owned(), Some(body), 403),
        ("POST", format!("/v1/calls/{call}/hangup"), None, 403),
        ("GET", format!("/v1/calls/{call}/recording"), None, 403),
        ("POST", "/v1/agents".to_owned(), Some(json!({})), 403),
        ("GET", "/v1/campaigns".to_owned(), None, 200),
        ("POST", "/v1/campaigns".to_owned(), Some(json!({})), 403),
        ("POST", "/v1/campaigns/c/start".to_owned(), None, 403),
        ("GET", "/v1/campaigns/c/leads.csv".to_owned(), None, 403),
        ("GET", "/v1/carrier_recordings".to_owned(), None, 403),
        (
            "POST",
            "/v1/carrier_recordings/reconcile".to_owned(),
            None,
            403,
        ),
        ("GET", "/v1/suppressions".to_owned(), None, 200),
        ("GET", "/v1/suppressions.csv".to_owned(), None, 403),
        (
            "PUT",
            format!("/v1/suppressions/{THEIR_NUMBER}"),
            Some(json!({})),
            403,
        ),
        (
            "DELETE",
            format!("/v1/suppressions/{THEIR_NUMBER}"),
            None,
            403,
        ),
        (
            "PUT",
            format!("/v1/calls/{call}/label"),
            Some(json!({})),
            403,
        ),
    ] {
        let answer = world.ask_as("tk_viewer", method, &path, body, &[]).await;
        assert_eq!(answer.status, status, "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_has_one_owner_however_often_it_starts() {
    let world = World::start().await;
    let keys = keys(&world.parts);
    let again = Secret::new(OWNER_KEY.to_owned());
    let other = Secret::new("tk_a_new_key_of_the_owner".to_owned());
    for secret in [&again, &other, &again] {
        let owner = keys.ensure_owner("us", secret).await.unwrap();
        assert_eq!((owner.tenant_id, owner.role), (world.tenant, Role::Owner));
    }
    let foreign = Secret::new(OTHER_KEY.to_owned());
    assert!(keys.ensure_owner("us", &foreign).await.is_err());
    let fresh = keys.fresh_secret();
    assert!(fresh.expose().starts_with("tk_") && fresh.expose().len() == 43);
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn an_owner_is_told_what_is_wrong_with_the_installation() {
    let world = World::start().await;
    world.own.leaves_errors_of_doctor(1);
    world.agent().await;
    let report = world.ask("GET", "/v1/doctor", None).await;
    assert_eq!(report.status, 200, "{}", report.text);
    let report = report.json();
    let state = |name: &str| {
        let checks = report["checks"].as_array().unwrap().iter();
        let mut found = checks.filter(|check| check["name"] == name);
        let found = found.next().unwrap_or_else(|| panic!("no check {name}"));
        found["state"].as_str().unwrap().to_owned()
    };
    for well in ["all", "table", "table expiry", "bucket objects", "webhooks"] {
        assert_eq!(state(well), "ok", "{well}: {report:#}");
    }
    for queue in ["dial", "recordings", "import"] {
        assert_eq!(state(&format!("{queue} queue")), "ok");
        assert_eq!(state(&format!("{queue} dead letters")), "ok");
    }
    // This carrier knows calls and no account.
    assert_eq!(state("account"), "failed");
    assert_eq!(report["state"], "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_only_works_with_calls_is_not_shown_the_installation() {
    let world = World::start().await;
    world.own.leaves_errors_of_doctor(1);
    for (role, status) in [
        (Role::Admin, 200),
        (Role::Supervisor, 403),
        (Role::Operator, 403),
        (Role::Viewer, 403),
    ] {
        let key = format!("tk_key_of_a_{role}");
        let secret = Secret::new(key.clone());
        keys(&world.parts)
            .add_tenant("theirs", role, &secret)
            .await
            .unwrap();
        let report = world.ask_as(&key, "GET", "/v1/doctor", None, &[]).await;
        assert_eq!(report.status, status, "{role}: {}", report.text);
    }
}
