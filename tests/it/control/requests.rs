//! What holds for every request: conditions, media types, and all that is wrong with a body in one answer.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::campaigns::{Desk, number};
use super::document::DOCUMENT;
use super::{Answer, World};

const JSON: (&str, &str) = ("content-type", "application/json");
const MERGE_PATCH: (&str, &str) = ("content-type", "application/merge-patch+json");

/// Pointers with codes, in no order.
fn faults(answer: &Answer) -> BTreeMap<String, String> {
    let json = answer.json();
    let errors = json["errors"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    errors
        .map(|error| {
            let sentence = text(&error["detail"]);
            assert!(!sentence.is_empty(), "{error}");
            (super::place(error), text(&error["code"]))
        })
        .collect()
}

fn expected(faults: &[(&str, &str)]) -> BTreeMap<String, String> {
    let faults = faults.iter();
    faults
        .map(|(at, code)| ((*at).to_owned(), (*code).to_owned()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_names_the_revisions_that_it_may_be_made_from() {
    let world = World::start().await;
    let agent = format!("/v1/agents/{}", world.agent().await);
    let edit = async |conditions: &[&str]| {
        let mut headers = vec![MERGE_PATCH];
        headers.extend(conditions.iter().map(|condition| ("if-match", *condition)));
        let answer = world
            .ask_bytes(("PATCH", &agent), &headers, r#"{"language":"de"}"#)
            .await;
        (answer.status, answer.code(), answer.etag)
    };
    let done = |revision: u32| (200, String::new(), Some(format!("\"{revision}\"")));
    let refused = |status: u16, code: &str| (status, code.to_owned(), None);
    for (conditions, answer) in [
        (vec!["\"1\""], done(2)),
        (vec!["\"1\""], refused(412, "revision_changed")),
        // Whatever is current.
        (vec!["*"], done(3)),
        // One of several, in one line or in more.
        (vec!["\"1\", \"3\""], done(4)),
        (vec!["\"1\"", "\"4\""], done(5)),
        (vec!["\"1\", \"2\""], refused(412, "revision_changed")),
        // A weak tag says nothing of what an edit would overwrite.
        (vec!["W/\"5\""], refused(412, "revision_changed")),
        (vec!["W/\"5\", \"5\""], done(6)),
        (vec!["\"something-else\""], refused(412, "revision_changed")),
        // A tag has no space.
        (vec!["\"something else\""], refused(400, "if_match_invalid")),
        (vec!["6"], refused(400, "if_match_invalid")),
        (vec!["*, \"6\""], refused(400, "if_match_invalid")),
        (vec![""], refused(400, "if_match_invalid")),
        (vec![], refused(428, "if_match_required")),
    ] {
        assert_eq!(edit(&conditions).await, answer, "{conditions:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_there_whatever_the_condition() {
    let desk = Desk::start().await;
    let leads = desk.path("/leads/lead_01j0000000000000000000000a");
    for path in [
        "/v1/agents/agent_01j0000000000000000000000a",
        "/v1/campaigns/camp_01j0000000000000000000000a",
        leads.as_str(),
    ] {
        for condition in ["*", "\"1\"", "W/\"1\""] {
            let headers = [("if-match", condition), JSON];
            let answer = desk.world.ask_bytes(("PATCH", path), &headers, "{}").await;
            let seen = (answer.status, answer.code());
            assert_eq!(seen, (404, "not_found".to_owned()), "{path} {condition}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_revision_is_edited_everybody_at_once_gets_through() {
    let world = World::start().await;
    let agent = format!("/v1/agents/{}", world.agent().await);
    let edit = async |n: usize| {
        let headers = [("if-match", "*"), MERGE_PATCH];
        let body = match n {
            0 => json!({ "language": "de" }),
            1 => json!({ "farewell": "Bye." }),
            _ => json!({ "silence": { "max_reminders": 4 } }),
        };
        let answer = world.ask_bytes(("PATCH", &agent), &headers, body.to_string());
        assert_eq!(answer.await.status, 200);
    };
    futures_util::future::join_all((0..3).map(edit)).await;
    let read = world.ask("GET", &agent, None).await;
    assert_eq!(read.etag.as_deref(), Some("\"4\""));
    let read = read.json();
    let all = (
        &read["language"],
        &read["farewell"],
        &read["silence"]["max_reminders"],
    );
    assert_eq!(all, (&json!("de"), &json!("Bye."), &json!(4)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_of_the_media_type_that_the_request_takes() {
    let desk = Desk::start().await;
    let world = &desk.world;
    let path = desk.path("");
    let agents = "/v1/agents";
    for (request, kind, status) in [
        (
            ("PATCH", path.as_str()),
            Some("application/merge-patch+json"),
            200,
        ),
        (
            ("PATCH", &path),
            Some("Application/Merge-Patch+JSON; charset=utf-8"),
            200,
        ),
        (("PATCH", &path), Some("application/json"), 200),
        (("PATCH", &path), Some("application/json-patch+json"), 415),
        (("PATCH", &path), Some("text/plain"), 415),
        (("PATCH", &path), None, 415),
        (("POST", agents), Some("application/json"), 422),
        (("POST", agents), Some("application/merge-patch+json"), 415),
        (
            ("POST", agents),
            Some("application/x-www-form-urlencoded"),
            415,
        ),
        (("POST", agents), None, 415),
    ] {
        let mut headers = vec![("if-match", "*")];
        headers.extend(kind.map(|kind| ("content-type", kind)));
        let answer = world.ask_bytes(request, &headers, "{}").await;
        assert_eq!(
            answer.status, status,
            "{request:?} {kind:?}: {}",
            answer.text
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn null_takes_a_field_back_to_its_default_and_a_needed_one_cannot_be_taken_away() {
    let desk = Desk::start().await;
    let patch = async |body: Value| {
        let headers = [("if-match", "*"), MERGE_PATCH];
        let path = desk.path("");
        let answer = desk
            .world
            .ask_bytes(("PATCH", path.as_str()), &headers, body.to_string());
        answer.await
    };
    let set = json!({
        "max_attempts": 7, "retry": { "busy_seconds": 3600, "failed_seconds": 3600 }, "numbers": [],
        "starts_at": "2036-03-01T10:00:00Z", "disclosure": { "purpose": "your bill" },
    });
    assert_eq!(patch(set).await.status, 200);
    let back = json!({
        "max_attempts": null, "retry": { "busy_seconds": null }, "starts_at": null,
        "disclosure": { "purpose": null },
    });
    let read = patch(back).await.json();
    assert_eq!(read["max_attempts"], 3);
    assert_eq!(
        (
            &read["retry"]["busy_seconds"],
            &read["retry"]["failed_seconds"]
        ),
        (&json!(14_400), &json!(3_600))
    );
    assert_eq!(
        (&read["starts_at"], &read["disclosure"]["purpose"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(read["disclosure"]["business_name"], "Acme Dental");
    let refused = patch(json!({ "name": null, "max_attempts": 0 })).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    let both = [("/name", "wrong_type"), ("/max_attempts", "out_of_range")];
    assert_eq!(faults(&refused), expected(&both));
    let refused = patch(json!(["name"])).await;
    assert_eq!(faults(&refused), expected(&[("the body", "wrong_type")]));
}

/// Faults of the document, of fields that do not go together, and of things that are not there.
#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_wrong_with_a_body_is_in_one_answer() {
    let desk = Desk::start().await;
    let body = json!({
        "agent_id": "agent_01j0000000000000000000000a",
        "numbers": ["+14155550177", 5, "+14155550178"],
        "windows": { "mon": [["19:00", "10:00"], ["9:00", "10:00"]], "monday": [] },
        "retry": { "busy_seconds": "soon", "no_answer_seconds": 35996400 },
        "caps": [],
        "max_concurrent_calls": "many",
        "max_attempts": 0,
        "amd": { "detect": "perhaps", "machine": "leave_message" },
        "disclosure": { "opening": "Hello {{name", "purpose": true },
        "starts_at": "2036-03-02T00:00:00Z",
        "ends_at": "2036-03-01T00:00:00Z",
        "colour": { "of": ["the", "phone"] },
    });
    let answer = desk.post("/v1/campaigns", body).await;
    assert_eq!((answer.status, answer.code().as_str()), (422, "invalid"));
    let all = [
        ("/name", "missing"),
        ("/agent_id", "not_found"),
        ("/numbers/0", "not_found"),
        ("/numbers/1", "wrong_type"),
        ("/numbers/2", "not_found"),
        ("/windows/mon/0", "conflict"),
        ("/windows/mon/1/0", "malformed"),
        ("/windows/monday", "unknown"),
        ("/retry/busy_seconds", "wrong_type"),
        ("/retry/no_answer_seconds", "out_of_range"),
        ("/caps", "wrong_type"),
        ("/max_concurrent_calls", "wrong_type"),
        ("/max_attempts", "out_of_range"),
        ("/amd/detect", "malformed"),
        ("/amd/voicemail_message", "missing"),
        ("/disclosure/opening", "malformed"),
        ("/disclosure/purpose", "wrong_type"),
        ("/ends_at", "conflict"),
        ("/colour", "unknown"),
    ];
    assert_eq!(faults(&answer), expected(&all), "{}", answer.text);
    assert_eq!(answer.json()["omitted"], 0);

    let call = json!({
        "to": "14155550100", "kind": "gossip", "from": "+14155550177", "agent_id": "agent_01j0000000000000000000000a",
        "variables": { "a/b": "x", "": "x", "b": "x".repeat(2_001), "c": 4 }, "override": { "reason": "" }, "toe": 1,
    });
    let answer = desk.post("/v1/calls", call).await;
    let all = [
        ("/to", "malformed"),
        ("/kind", "malformed"),
        ("/variables/a~1b", "malformed"),
        ("/variables/", "malformed"),
        ("/variables/b", "out_of_range"),
        ("/variables/c", "wrong_type"),
        ("/override/reason", "out_of_range"),
        ("/toe", "unknown"),
    ];
    assert_eq!(faults(&answer), expected(&all), "{}", answer.text);
    let call = json!({
        "to": "+14155550100", "kind": "information", "from": "+14155550177", "agent_id": "agent_01j0000000000000000000000a",
    });
    let answer = desk.post("/v1/calls", call).await;
    let both = [("/from", "not_found"), ("/agent_id", "not_found")];
    assert_eq!(faults(&answer), expected(&both), "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_bad_leads_the_first_hundred_faults_are_named_and_the_rest_counted() {
    let desk = Desk::start().await;
    let bad = |n: u32| match n % 2 {
        0 => json!({ "number": "x", "priority": "soon" }),
        _ => json!({ "number": number(n), "zone": "Nowhere", "variables": { "name": n } }),
    };
    let leads: Vec<Value> = (0..1_000).map(bad).collect();
    let answer = desk
        .post(&desk.path("/leads"), json!({ "leads": leads }))
        .await;
    assert_eq!((answer.status, answer.code().as_str()), (422, "invalid"));
    let told = answer.json();
    assert_eq!(faults(&answer).len(), 100);
    assert_eq!(told["omitted"], 1_900);
    assert!(
        told["title"].as_str().unwrap().contains("1900 more"),
        "{}",
        told["title"]
    );
    assert_eq!(desk.get("/leads").await.json()["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_there_twice_is_no_last_word() {
    let desk = Desk::start().await;
    let body =
        r#"{"name":"a","name":"b","retry":{"busy_seconds":3600,"busy_seconds":7200},"priority":0}"#;
    let answer = desk.world.ask_raw("/v1/campaigns", JSON.1, body).await;
    let all = [
        ("/name", "repeated"),
        ("/retry/busy_seconds", "repeated"),
        ("/priority", "out_of_range"),
    ];
    assert_eq!(faults(&answer), expected(&all), "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_json_is_said_to_be_none_however_deep_or_long_it_is() {
    let world = World::start().await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (body, status, code) in [
        (deep, 400, "malformed_json"),
        ("{\"name\":".to_owned(), 400, "malformed_json"),
        ("{} {}".to_owned(), 400, "malformed_json"),
        (
            format!("\"{}\"", "x".repeat(512 * 1024)),
            413,
            "body_too_large",
        ),
    ] {
        let answer = world.ask_raw("/v1/agents", JSON.1, body).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code));
    }
}

/// For each operation that takes JSON: what is none, and what is another thing than an object.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_object_is_refused_wherever_it_is_sent() {
    let world = World::start().await;
    for (request, _operation) in taking("application/json") {
        for (body, status, code) in [
            (&b""[..], 400, "malformed_json"),
            (b"{\"name\":\"\xFF\"}", 400, "malformed_json"),
            // Half of a surrogate pair.
            (br#"{"name":"\ud800"}"#, 400, "malformed_json"),
            (b"{\"name\":\"\0\"}", 400, "malformed_json"),
            (br#"{"name":1e999}"#, 400, "malformed_json"),
            (b"\xEF\xBB\xBF{}", 400, "malformed_json"),
            (b"null", 422, "invalid"),
            (b"[]", 422, "invalid"),
            (br#"[{"name":"x"}]"#, 422, "invalid"),
            (br#""name""#, 422, "invalid"),
            (b"1e300", 422, "invalid"),
        ] {
            let (method, path) = &request;
            let answer = world.ask_bytes((method, path), &[JSON], body).await;
            let said = String::from_utf8_lossy(body);
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (status, code),
                "{method} {path} {said}: {}",
                answer.text
            );
            if status == 422 {
                assert_eq!(faults(&answer), expected(&[("the body", "wrong_type")]));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_of_the_media_type_that_the_request_takes() {
    let world = World::start().await;
    let lists = taking("text/csv");
    assert!(lists.len() >= 2, "{lists:?}");
    for ((method, path), operation) in lists {
        assert!(operation["responses"]["415"].is_object(), "{path}");
        for headers in [&[JSON][..], &[("content-type", "text/plain")], &[]] {
            let list = "number\n+14155550100\n";
            let answer = world.ask_bytes((&method, &path), headers, list).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (415, "unsupported_media_type"),
                "{path} {headers:?}: {}",
                answer.text
            );
        }
    }
}

/// Its length is not known beforehand, so that only what comes tells it from no body.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_in_pieces_is_not_taken_for_none() {
    let world = World::start().await;
    let path = "/v1/suppressions/+14155550100";
    let pieces = || {
        let pieces = [r#"{"note":"#, r#""by letter"}"#].map(Ok::<_, std::io::Error>);
        reqwest::Body::wrap_stream(futures_util::stream::iter(pieces))
    };
    let unnamed = world.ask_bytes(("PUT", path), &[], pieces()).await;
    assert_eq!(unnamed.code(), "unsupported_media_type");
    assert_eq!(world.ask("GET", path, None).await.status, 404);
    let put = world.ask_bytes(("PUT", path), &[JSON], pieces()).await;
    assert_eq!(
        (put.status, &put.json()["note"]),
        (201, &json!("by letter"))
    );
    let none = world.ask_bytes(("PUT", path), &[], "").await;
    assert_eq!(none.status, 200, "{}", none.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_number_is_one_however_it_is_written() {
    let desk = Desk::start().await;
    let path = desk.path("");
    let patch = async |body: &'static str| {
        let headers = [("if-match", "*"), MERGE_PATCH];
        desk.world
            .ask_bytes(("PATCH", path.as_str()), &headers, body)
            .await
    };
    let written = patch(r#"{"max_attempts":7.0,"retry":{"busy_seconds":3.6e3}}"#).await;
    assert_eq!(written.status, 200, "{}", written.text);
    let read = written.json();
    assert_eq!(read["max_attempts"], 7);
    assert_eq!(read["retry"]["busy_seconds"], 3_600);
    let refused = patch(r#"{"max_attempts":7.5,"priority":1e300,"retry":{"busy_seconds":-1.0}}"#);
    let all = [
        ("/max_attempts", "wrong_type"),
        ("/priority", "out_of_range"),
        ("/retry/busy_seconds", "out_of_range"),
    ];
    assert_eq!(faults(&refused.await), expected(&all));
}

#[tokio::test(flavor = "multi_thread")]
async fn blanks_fill_no_field_and_take_room_all_the_same() {
    let desk = Desk::start().await;
    for (name, status) in [
        (" ".to_owned(), 422),
        ("\u{2003}\t".to_owned(), 422),
        (format!("{}  ", "x".repeat(98)), 200),
        (format!("{}  ", "x".repeat(99)), 422),
    ] {
        let answer = desk.patch("*", json!({ "name": name })).await;
        assert_eq!(answer.status, status, "{name:?}: {}", answer.text);
        if status == 422 {
            assert_eq!(faults(&answer), expected(&[("/name", "out_of_range")]));
        }
    }
}

/// Types that are sent as they are answered: new fields may come into answers, and none into requests.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_has_the_fields_and_bounds_of_the_document_at_every_depth() {
    let desk = Desk::start().await;
    let ask = json!({
        "prices": {
            "currency": "usd",
            "carrier_per_minute": { "low_micros": 1, "mid_micros": 2, "high_micros": 1_000_000_001 },
        },
        "model": {
            "by_hour": { "7": { "answered": 1 }, "07": { "answered": 1 }, "24": { "answered": 1 } },
            "attempts": { "answered": -1, "busy": 1e300 },
            "talk": { "median_seconds": 86_401, "sigma": 3.5 },
        },
    });
    let answer = desk.post(&desk.path("/simulate"), ask).await;
    let all = [
        ("/prices/currency", "malformed"),
        ("/prices/carrier_per_minute/mid_micros", "unknown"),
        ("/prices/carrier_per_minute/high_micros", "out_of_range"),
        ("/model/by_hour/07", "malformed"),
        ("/model/by_hour/24", "malformed"),
        ("/model/attempts/answered", "out_of_range"),
        ("/model/attempts/busy", "out_of_range"),
        ("/model/talk/median_seconds", "out_of_range"),
        ("/model/talk/sigma", "out_of_range"),
    ];
    assert_eq!(faults(&answer), expected(&all), "{}", answer.text);

    let columns = json!({ "columns": {
        "City": { "variable": "city", "unit": "km" }, "Name": {}, "Phone": "telephone", "": "number",
    } });
    let start = "/v1/imports/imp_01j0000000000000000000000a/start";
    let answer = desk.post(start, columns).await;
    let all = [
        ("/columns/City/unit", "unknown"),
        ("/columns/Name/variable", "missing"),
        ("/columns/Phone", "malformed"),
        ("/columns/", "out_of_range"),
    ];
    assert_eq!(faults(&answer), expected(&all), "{}", answer.text);

    let again = json!({ "name": "x".repeat(101), "results": ["no_answer"] });
    let answer = desk.post(&desk.path("/redial"), again).await;
    assert_eq!(
        faults(&answer).get("/name").map(String::as_str),
        Some("out_of_range")
    );
    let keys = json!({ "opt_out": { "key": "99" } });
    let answer = desk.patch("*", keys).await;
    assert_eq!(faults(&answer), expected(&[("/opt_out/key", "malformed")]));
}

/// For each operation that takes JSON: something that no body can be.
#[tokio::test(flavor = "multi_thread")]
async fn every_body_of_the_api_is_held_to_the_document() {
    let world = World::start().await;
    let operations = taking("application/json");
    assert!(operations.len() >= 12, "{operations:?}");
    for ((method, path), _operation) in operations {
        let body = r#"{"nobody knows this":1,"nor this":[{}]}"#;
        let answer = world.ask_bytes((&method, &path), &[JSON], body).await;
        let name = format!("{method} {path}: {}", answer.text);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (422, "invalid"),
            "{name}"
        );
        let faults = faults(&answer);
        for field in ["/nobody knows this", "/nor this"] {
            assert_eq!(
                faults.get(field).map(String::as_str),
                Some("unknown"),
                "{name}"
            );
        }
    }
}

/// Method and path of each operation with a body of a media type, of things that are not there. Without edits: an
/// edit of what is not there is told that first.
fn taking(media_type: &str) -> Vec<((String, String), Value)> {
    let items = DOCUMENT.paths().flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(move |(method, operation)| (method, path, operation))
    });
    let taking = items.filter(|(method, _path, operation)| {
        let content = &operation["requestBody"]["content"];
        content.get(media_type).is_some() && *method != "patch"
    });
    taking
        .map(|(method, path, operation)| {
            ((method.to_uppercase(), with_ids(path)), operation.clone())
        })
        .collect()
}

/// The path of something that is not there.
fn with_ids(path: &str) -> String {
    let ids = [
        ("{agent_id}", "agent_01j0000000000000000000000a"),
        ("{call_id}", "call_01j0000000000000000000000a"),
        ("{campaign_id}", "camp_01j0000000000000000000000a"),
        ("{import_id}", "imp_01j0000000000000000000000a"),
        ("{lead_id}", "lead_01j0000000000000000000000a"),
        ("{number}", "+14155550100"),
        ("{prompt_id}", "prompt_01j0000000000000000000000a"),
    ];
    let path = ids
        .iter()
        .fold(path.to_owned(), |path, (name, id)| path.replace(name, id));
    assert!(!path.contains('{'), "{path}");
    path
}
