//! Creating, listing and ending calls over the API.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use super::{OUR_NUMBER, THEIR_NUMBER, World, any_hour};
use crate::leftovers::Left;

#[tokio::test(flavor = "multi_thread")]
async fn a_request_to_call_is_claimed_and_queued() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1));
    let agent = world.agent().await;
    let made = json!({ "to": THEIR_NUMBER, "kind": "information", "agent_id": agent, "override": any_hour() });
    let made = world.ask("POST", "/v1/calls", Some(made)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let call = made.json();
    assert_eq!(
        made.location.unwrap(),
        format!("/v1/calls/{}", call["id"].as_str().unwrap())
    );
    assert_eq!(
        (&call["state"], &call["from"]),
        (&json!("claimed"), &json!(OUR_NUMBER))
    );
    let waiting = world
        .parts
        .store
        .dial
        .receive(10, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!(
        waiting[0].message.as_ref().unwrap().call_id.to_string(),
        call["id"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_variables_are_all_named_and_nothing_is_written() {
    let world = World::start().await;
    let agent = world
        .agent_saying(
            "Remind {{name}} of {{day}}.",
            "Hi {{name}}, {{clinic}} here.",
        )
        .await;
    let call = json!({ "to": THEIR_NUMBER, "kind": "information", "agent_id": agent, "variables": { "day": " " } });
    let refused = world.ask("POST", "/v1/calls", Some(call)).await;
    assert_eq!(
        (refused.status, refused.code()),
        (422, "missing_variables".to_owned())
    );
    let named = ["/variables/clinic", "/variables/day", "/variables/name"];
    let mut fields = refused.fields();
    fields.sort();
    assert_eq!(fields, named);
    let calls = world.ask("GET", "/v1/calls", None).await;
    assert_eq!(calls.json(), json!({ "items": [], "next_cursor": null }));
    let waiting = world
        .parts
        .store
        .dial
        .receive(10, Duration::ZERO)
        .await
        .unwrap();
    assert!(waiting.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_make_a_prompt_too_long_for_a_row_are_refused() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1).dials(1));
    let agent = world.agent_saying(&"{{a}}".repeat(200), "Hi").await;
    // Each line feed is two bytes in JSON: what counts is what is stored.
    for (value, status) in [("\n".repeat(900), 201), ("\n".repeat(1_000), 422)] {
        let call = json!({ "to": THEIR_NUMBER, "kind": "information", "agent_id": agent, "override": any_hour(), "variables": { "a": format!("x{value}x") } });
        let answer = world.ask("POST", "/v1/calls", Some(call)).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_request_is_named_by_field() {
    let world = World::start().await;
    let agent = world.agent().await;
    let nobody = agent.replace("agent_0", "agent_1");
    for (body, status, code, field) in [
        (
            json!({ "to": "14155550100", "kind": "information", "agent_id": agent }),
            422,
            "invalid",
            "/to",
        ),
        (
            json!({ "to": THEIR_NUMBER, "kind": "information", "agent_id": "x" }),
            422,
            "invalid",
            "/agent_id",
        ),
        (
            json!({ "to": THEIR_NUMBER, "kind": "information", "agent_id": nobody }),
            422,
            "invalid",
            "/agent_id",
        ),
        (
            json!({ "to": THEIR_NUMBER, "kind": "information" }),
            422,
            "invalid",
            "/agent_id",
        ),
        (
            json!({ "to": THEIR_NUMBER, "kind": "information", "agent_id": agent, "toe": 1 }),
            422,
            "invalid",
            "/toe",
        ),
        (
            json!({ "to": THEIR_NUMBER, "kind": "information", "agent_id": agent, "from": "+14155550111" }),
            422,
            "invalid",
            "/from",
        ),
        (
            json!({ "to": THEIR_NUMBER, "kind": "information", "agent_id": agent, "variables": { "a": "x".repeat(2_001) } }),
            422,
            "invalid",
            "/variables/a",
        ),
    ] {
        let refused = world.ask("POST", "/v1/calls", Some(body.clone())).await;
        let seen = (refused.status, refused.code(), refused.fields());
        assert_eq!(
            seen,
            (status, code.to_owned(), vec![field.to_owned()]),
            "{body}"
        );
    }
    let broken = world
        .ask_raw("/v1/calls", "application/json", "{\"to\":".to_owned())
        .await;
    assert_eq!(
        (broken.status, broken.code()),
        (400, "malformed_json".to_owned())
    );
    let text = world
        .ask_raw("/v1/calls", "text/plain", "{}".to_owned())
        .await;
    assert_eq!(
        (text.status, text.code()),
        (415, "unsupported_media_type".to_owned())
    );
    let long = format!("{{\"to\":\"{}\"}}", "1".repeat(600 * 1024));
    let long = world.ask_raw("/v1/calls", "application/json", long).await;
    assert_eq!(
        (long.status, long.code()),
        (413, "body_too_large".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_sent_many_times_at_once_makes_one_call() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1));
    let agent = world.agent().await;
    let body = json!({ "to": THEIR_NUMBER, "kind": "information", "agent_id": agent, "override": any_hour() });
    let key = [("Idempotency-Key", "order 7")];
    let asked = (0..8).map(|_| world.ask_with(&key, "POST", "/v1/calls", Some(body.clone())));
    let answers = join_all(asked).await;
    let first = answers[0].id();
    for answer in &answers {
        assert_eq!(
            (answer.status, answer.id()),
            (201, first.clone()),
            "{}",
            answer.text
        );
    }
    let calls = world.ask("GET", "/v1/calls", None).await.json();
    assert_eq!(calls["items"].as_array().unwrap().len(), 1);
    // Each repetition found the call still claimed and sent it again: it is dialled once all the same.
    world.dial_all().await;
    assert_eq!(world.carrier.asked_to_call(), 1);

    let other = json!({ "to": "+14155550101", "kind": "information", "agent_id": agent, "override": any_hour() });
    let other = world.ask_with(&key, "POST", "/v1/calls", Some(other)).await;
    assert_eq!(
        (other.status, other.code()),
        (422, "idempotency_key_reused".to_owned())
    );
    let tenant = world.other_asks("GET", "/v1/calls", None).await.json();
    assert_eq!(tenant["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_listed_newest_first_page_by_page() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(5).dials(5));
    let agent = world.agent().await;
    let mut made = Vec::new();
    for _ in 0..5 {
        world.clock.pass(1);
        made.insert(0, world.call(&agent).await);
    }
    let mut seen = Vec::new();
    let mut path = "/v1/calls?limit=2".to_owned();
    loop {
        let page = world.ask("GET", &path, None).await.json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        seen.extend(
            items
                .iter()
                .map(|call| call["id"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/v1/calls?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, made);
    for wrong in ["limit=0", "limit=101", "cursor=x", "page=2"] {
        let refused = world.ask("GET", &format!("/v1/calls?{wrong}"), None).await;
        assert_eq!(refused.status, 422, "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_cancelled_before_it_is_dialled() {
    let world = World::start().await;
    let agent = world.agent().await;
    let call = world.call(&agent).await;
    let path = format!("/v1/calls/{call}/hangup");
    for _ in 0..2 {
        let answer = world.ask("POST", &path, None).await;
        assert_eq!(
            (answer.status, &answer.json()["outcome"]),
            (202, &json!("cancelled"))
        );
    }
    assert_eq!(world.dial_all().await, 1);
    assert_eq!(world.carrier.asked_to_call(), 0);
    assert_eq!(world.told(&call).await, "ended cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_call_is_hung_up_at_the_carrier_which_tells_nobody() {
    let world = World::start().await;
    let (call, sid) = world.placed_call().await;
    let answer = world
        .ask("POST", &format!("/v1/calls/{call}/hangup"), None)
        .await;
    assert_eq!(answer.status, 202);
    assert_eq!(world.carrier.hung_up(), [sid]);
    assert_eq!(world.told(&call).await, "ended cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_edited_only_from_the_revision_that_was_read() {
    let world = World::start().await;
    let agent = world.agent().await;
    let path = format!("/v1/agents/{agent}");
    let read = world.ask("GET", &path, None).await;
    assert_eq!(read.etag.as_deref(), Some("\"1\""));
    let patch = json!({ "silence": { "max_reminders": 1 } });
    let bare = world.ask("PATCH", &path, Some(patch.clone())).await;
    assert_eq!(
        (bare.status, bare.code()),
        (428, "if_match_required".to_owned())
    );
    let first = [("If-Match", "\"1\"")];
    let changed = world
        .ask_with(&first, "PATCH", &path, Some(patch.clone()))
        .await;
    assert_eq!(
        (changed.status, changed.etag.as_deref()),
        (200, Some("\"2\""))
    );
    assert_eq!(changed.json()["silence"]["max_reminders"], 1);
    assert_eq!(changed.json()["silence"]["remind_after_ms"], 10_000);
    let late = world.ask_with(&first, "PATCH", &path, Some(patch)).await;
    assert_eq!(
        (late.status, late.code()),
        (412, "revision_changed".to_owned())
    );
    let wrong = json!({ "name": "", "max_duration_seconds": 1 });
    let second = [("If-Match", "\"2\"")];
    let wrong = world.ask_with(&second, "PATCH", &path, Some(wrong)).await;
    assert_eq!(wrong.fields(), ["/max_duration_seconds", "/name"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_has_versions_and_says_which_variables_it_needs() {
    let world = World::start().await;
    let first = json!({ "name": "p", "system": "For {{a}}.", "greeting": "Hi {{b}}" });
    let key = [("Idempotency-Key", "k")];
    let made = world
        .ask_with(&key, "POST", "/v1/prompts", Some(first.clone()))
        .await;
    let again = world
        .ask_with(&key, "POST", "/v1/prompts", Some(first))
        .await;
    assert_eq!((made.id(), made.status), (again.id(), 201));
    assert_eq!(made.json()["variables"], json!(["a", "b"]));
    let path = format!("/v1/prompts/{}", made.id());
    let second = json!({ "name": "p2", "system": "For you.", "greeting": "Hi" });
    let second = world
        .ask("POST", &format!("{path}/versions"), Some(second))
        .await;
    assert_eq!((second.status, &second.json()["version"]), (201, &json!(2)));
    assert_eq!(world.ask("GET", &path, None).await.json()["name"], "p2");
    let old = world.ask("GET", &format!("{path}/versions/1"), None).await;
    assert_eq!(old.json()["name"], "p");
    assert_eq!(
        world
            .ask("GET", &format!("{path}/versions/3"), None)
            .await
            .status,
        404
    );
    let list = world.ask("GET", "/v1/prompts", None).await.json();
    assert_eq!(list["items"][0]["latest_version"], 2);
    let broken = json!({ "name": "", "system": "{{", "greeting": "{{1}}" });
    let broken = world.ask("POST", "/v1/prompts", Some(broken)).await;
    assert_eq!(broken.fields(), ["/name", "/system", "/greeting"]);
}
