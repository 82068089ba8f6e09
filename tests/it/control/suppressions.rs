//! People who want no more calls, and the answers to "may I call this number now?".

use model::{CallId, LeadState, OptOutHow};
use serde_json::{Value, json};
use service::call::media::SessionKey;
use service::lead::suppressions::Suppressions;

use super::campaigns::{Desk, number};
use super::sessions::media;
use super::{THEIR_NUMBER, World};
use crate::leftovers::Left;

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_suppressed_number_is_kept_out_ended_listed_exported_and_let_back_in() {
    let desk = Desk::running(5).await;
    let world = &desk.world;
    let suppress = async |n: u32, body: Option<Value>| {
        let path = format!("/v1/suppressions/{}", number(n));
        world.ask("PUT", &path, body).await
    };
    let put = suppress(3, Some(json!({ "note": "asked by mail" }))).await;
    assert_eq!(put.status, 201, "{}", put.text);
    assert_eq!(put.json()["reason"], "manual");
    assert_eq!(put.json()["leads_ended"], 1);
    // A later note replaces the earlier one, and what is not said stays as it is.
    world.clock.pass(60);
    for (body, note) in [
        (
            json!({ "note": "asked by mail, -1+1" }),
            "asked by mail, -1+1",
        ),
        (json!({}), "asked by mail, -1+1"),
    ] {
        let again = suppress(3, Some(body)).await;
        assert_eq!(again.status, 200, "{}", again.text);
        let (again, first) = (again.json(), put.json());
        assert_eq!(again["there_already"], true);
        assert_eq!(
            (&again["at"], &again["reason"]),
            (&first["at"], &first["reason"])
        );
        assert_eq!(again["note"], note);
    }

    let progress = desk.get("/progress").await.json();
    assert_eq!(progress["leads"]["done"]["suppressed"], 1);
    assert_eq!(progress["leads"]["waiting"], 4);
    assert_eq!(suppress(8, None).await.status, 201);
    let added = desk.add(7..9).await;
    assert_eq!(added.json()["added"], 1);
    assert_eq!(added.json()["leads"][1]["status"], "suppressed");

    let listed = world
        .ask("GET", "/v1/suppressions?limit=1", None)
        .await
        .json();
    assert_eq!(listed["items"][0]["number"], number(3));
    let path = format!(
        "/v1/suppressions?cursor={}",
        listed["next_cursor"].as_str().unwrap()
    );
    let listed = world.ask("GET", &path, None).await.json();
    assert_eq!(listed["items"][0]["number"], number(8));
    assert_eq!(listed["next_cursor"], Value::Null);
    assert_eq!(
        world
            .other_asks("GET", "/v1/suppressions", None)
            .await
            .json()["items"],
        json!([])
    );
    let export = world.ask("GET", "/v1/suppressions.csv", None).await;
    assert_eq!(export.text.lines().count(), 3, "{}", export.text);

    let path = format!("/v1/suppressions/{}", number(3));
    let silent = world.ask("DELETE", &path, None).await;
    assert_eq!(silent.fields(), ["reason"]);
    let blank = world
        .ask("DELETE", &format!("{path}?reason=%20"), None)
        .await;
    assert_eq!(blank.fields(), ["reason"]);
    let reason = format!("{path}?reason=opted+in+again+in+writing");
    assert_eq!(world.other_asks("DELETE", &reason, None).await.status, 404);
    assert_eq!(world.ask("DELETE", &reason, None).await.status, 204);
    assert_eq!(world.ask("GET", &path, None).await.status, 404);
    assert_eq!(world.ask("DELETE", &reason, None).await.status, 404);
    let contacts = &world.parts.store.contacts;
    let contact = contacts
        .get(world.tenant, &number(3).parse().unwrap())
        .await
        .unwrap();
    assert_eq!(
        contact.released.unwrap().reason,
        "opted in again in writing"
    );
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_list_of_numbers_is_added_whole_and_its_bad_rows_are_told() {
    let desk = Desk::running(5).await;
    let world = &desk.world;
    let csv = format!(
        "phone;who\r\n{};a\r\n{};b\r\nnobody;c\r\n{};d\r\n(415) 555-0199;e\r\n",
        number(1),
        number(2),
        number(1)
    );
    let path = "/v1/suppressions/import?default_country=US&note=from+the+old+system";
    let answer = world.ask_raw(path, "text/csv", csv.clone()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let told = answer.json();
    assert_eq!(
        (told["added"].clone(), told["there_already"].clone()),
        (json!(3), json!(1))
    );
    assert_eq!(told["leads_ended"], 2);
    assert_eq!(told["rejected_total"], 1);
    assert_eq!(told["rejected"][0]["row"], 4);
    let again = world.ask_raw(path, "text/csv", csv).await.json();
    assert_eq!(
        (again["added"].clone(), again["there_already"].clone()),
        (json!(0), json!(4))
    );
    let entry = world
        .ask("GET", &format!("/v1/suppressions/{}", number(2)), None)
        .await;
    assert_eq!(entry.json()["reason"], "upload");
    assert_eq!(entry.json()["note"], "from the old system");

    let import = "/v1/suppressions/import";
    for (kind, body, status, code) in [
        ("application/json", "{}", 415, "unsupported_media_type"),
        ("text/csv", "", 422, "file_empty"),
        ("text/csv", "phone\r\nx\r\ny\r\n", 422, "invalid"),
    ] {
        let answer = world.ask_raw(import, kind, body).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{}",
            answer.text
        );
    }
    let wrong = world
        .ask_raw("/v1/suppressions/import?country=US", "text/csv", "x")
        .await;
    assert_eq!(wrong.fields(), ["country"]);
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn somebody_who_says_stop_in_a_call_is_not_called_again() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1));
    let (call, _sid) = world.placed_call().await;
    let suppressions = Suppressions::new(
        &world.parts.store,
        std::sync::Arc::clone(&world.parts.clock),
        world.parts.ids.clone(),
    );
    let id: CallId = call.parse().unwrap();
    let first = suppressions
        .opt_out(world.tenant, id, OptOutHow::Spoken)
        .await
        .unwrap();
    assert!(!first.there_already);
    let second = suppressions
        .opt_out(world.tenant, id, OptOutHow::Keypad)
        .await
        .unwrap();
    assert!(second.there_already);
    assert_eq!(second.suppressed, first.suppressed);
    assert!(
        suppressions
            .opt_out(world.other_tenant, id, OptOutHow::Spoken)
            .await
            .is_err()
    );
    let path = format!("/v1/suppressions/{THEIR_NUMBER}");
    let entry = world.ask("GET", &path, None).await.json();
    assert_eq!(
        (entry["reason"].clone(), entry["call_id"].clone()),
        (json!("spoken"), json!(call))
    );
    let answer = world
        .ask(
            "POST",
            "/v1/calls",
            Some(json!({ "to": THEIR_NUMBER, "kind": "information", "agent_id": world.agent().await })),
        )
        .await;
    assert_eq!(answer.code(), "number_suppressed");
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn the_lead_of_the_call_in_which_they_said_stop_ends_as_opted_out() {
    use super::dialling::Field;

    let field = Field::start(1, |fields| fields.max_attempts = 3).await;
    field.dial().await;
    let LeadState::Calling { call_id } = field.lead(0).await.state else {
        panic!("the lead is being called");
    };
    let world = &field.world;
    let row = world.row(&call_id.to_string()).await;
    let sid = row.call.carrier_call_id.unwrap();
    let session = SessionKey {
        tenant_id: world.tenant,
        call_id,
        session: 1,
        carrier_call_id: sid.clone(),
    };
    media(world)
        .opt_out(&session, OptOutHow::Keypad)
        .await
        .unwrap();
    // They hang up before the agent has said goodbye; the carrier's word comes first.
    world
        .status(&call_id.to_string(), &sid, "no-answer", "1")
        .await;
    let LeadState::Done { result, .. } = field.lead(0).await.state else {
        panic!("the lead is done: {:?}", field.lead(0).await.state);
    };
    assert_eq!(result, model::LeadResult::OptedOut);
}

#[tokio::test(flavor = "multi_thread")]
async fn may_i_call_this_number_now() {
    let desk = Desk::running(1).await;
    let world = &desk.world;
    let check = async |query: String| {
        world
            .ask("GET", &format!("/v1/permits/check?{query}"), None)
            .await
    };
    let digits = number(0).replace('+', "%2B");
    let answer = check(format!("to={digits}&campaign_id={}", desk.campaign)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let permit = answer.json();
    assert_eq!(permit["zones"][0]["zone"], "America/Los_Angeles");
    assert!(permit["lead_id"].is_string());
    assert_eq!(permit["checks"][0]["rule"], "not_callable");
    let says = permit["sentence"].as_str().unwrap();
    assert!(says.starts_with("Yes") || says.starts_with("No"), "{says}");

    let suppressed = format!("/v1/suppressions/{}", number(0));
    assert_eq!(world.ask("PUT", &suppressed, None).await.status, 201);
    let permit = check(format!("to={}", number(0).replace('+', "")))
        .await
        .json();
    assert_eq!(
        (permit["allowed"].clone(), permit["denied_by"].clone()),
        (json!(false), json!("suppressed"))
    );
    assert!(
        permit["sentence"].as_str().unwrap().contains("of no use"),
        "{permit}"
    );

    // A plus sign as it is arrives as a blank.
    let unescaped = check(format!("to={}", number(0))).await;
    assert_eq!(unescaped.json()["denied_by"], "suppressed");

    for (query, field) in [
        ("to=911", "to"),
        ("to=%2B%2B14155550100", "to"),
        ("to=%20%2B14155550100", "to"),
        ("", "to"),
        ("campaign_id=x", "campaign_id"),
        ("to=%2B14155550100&campaign_id=x", "campaign_id"),
        (
            "to=%2B14155550100&campaign_id=camp_01j0000000000000000000000a",
            "campaign_id",
        ),
        ("to=%2B14155550100&at=now", "at"),
        (
            "to=%2B14155550100&lead_id=lead_01j0000000000000000000000a",
            "campaign_id",
        ),
    ] {
        let answer = check(query.to_owned()).await;
        assert_eq!(
            (answer.status, answer.fields()),
            (422, vec![field.to_owned()]),
            "{query}"
        );
    }
    let theirs = world
        .other_asks("GET", &format!("/v1/permits/check?to={digits}"), None)
        .await;
    assert_eq!(theirs.json()["checks"][1]["passed"], true);
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_user_says_what_picked_up_and_detection_is_measured_by_it() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1));
    let (call, sid) = world.placed_call().await;
    let path = format!("/v1/calls/{call}/label");
    let body = Some(json!({ "answered_by": "machine" }));
    let early = world.ask("PUT", &path, body.clone()).await;
    assert_eq!(early.fields(), ["/answered_by"]);
    world.status(&call, &sid, "in-progress", "1").await;
    let label = world.ask("PUT", &path, body.clone()).await;
    assert_eq!(label.status, 200, "{}", label.text);
    assert_eq!(
        (
            label.json()["answered_by"].clone(),
            label.json()["verdict"].clone()
        ),
        (json!("machine"), json!("unknown"))
    );
    assert_eq!(
        world.other_asks("PUT", &path, body.clone()).await.status,
        404
    );
    for odd in ["cat", "unknown"] {
        let odd = Some(json!({ "answered_by": odd }));
        let odd = world.ask("PUT", &path, odd).await.json();
        let told = (&odd["errors"][0]["pointer"], &odd["errors"][0]["code"]);
        assert_eq!(told, (&json!("/answered_by"), &json!("malformed")));
    }
    // A later word replaces the earlier one, and the same word again changes nothing.
    let later = Some(json!({ "answered_by": "human" }));
    for _again in 0..2 {
        let label = world.ask("PUT", &path, later.clone()).await;
        assert_eq!(label.status, 200, "{}", label.text);
        let read = world.ask("GET", &format!("/v1/calls/{call}"), None).await;
        assert_eq!(read.json()["label"]["answered_by"], "human");
    }
    assert_eq!(world.ask("POST", &path, body).await.status, 405);

    let desk = Desk::start().await;
    let matrix = desk.get("/amd").await.json();
    assert_eq!(matrix["labelled"], 0);
    assert_eq!(matrix["classes"].as_array().unwrap().len(), 4);
    assert_eq!(matrix["amd"]["timeout_seconds"], 30);
}
