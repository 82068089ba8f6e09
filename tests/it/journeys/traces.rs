//! One id in the lines of all processes about a call, whoever began it; and lines of the log's schema.

use std::collections::BTreeSet;

use carrier::twilio::signature::sign_form;
use model::{CallId, TraceId};
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::Installation;
use crate::leftovers::{Captured, Left};
use crate::tidy::is_of_the_schema;

/// What is logged about calls.
struct Lines(Captured);

impl Lines {
    fn start() -> Self {
        Self(Captured::start("info"))
    }

    fn all(&self) -> Vec<Value> {
        let lines = self.0.lines();
        lines.iter().for_each(is_of_the_schema);
        lines
    }

    /// Who wrote lines of this call. Each of them has this trace, and no other line has.
    fn targets(&self, call: CallId, trace: TraceId) -> BTreeSet<String> {
        let (call, trace) = (call.to_string(), trace.to_string());
        let lines = self.all();
        for line in &lines {
            let of_call = line["call.id"] == *call;
            assert!(!of_call || line["trace_id"] == *trace, "{line}");
            let of_other = line["call.id"].is_string() && !of_call;
            assert!(!of_other || line["trace_id"] != *trace, "{line}");
        }
        let of_trace = lines.iter().filter(|line| line["trace_id"] == *trace);
        of_trace
            .map(|line| line["target"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// Everybody who has to do with an outbound call, by where they log: function or worker behind it.
const DIAL: &str = "dial";
const WEBHOOKS: &str = "service::call::callbacks";
const MEDIA: &str = "media_worker::process::worker";
const RECORDINGS: &str = "service::call::recordings";

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_found_in_all_logs_by_the_trace_of_its_request() {
    let log = Lines::start();
    let here = Installation::start().await;
    let sent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let trace = TraceId::of_traceparent(sent).unwrap();
    let url = here.platform.url().join("v1/calls").unwrap();
    let asked = reqwest::Client::new()
        .post(url)
        .bearer_auth(here.platform.owner().key.expose())
        .header("traceparent", sent)
        .header(CONTENT_TYPE, "application/json")
        .body(
            here.request(local::demo::people::CHARACTERS[0].number)
                .to_string(),
        );
    let answer = asked.send().await.unwrap();
    let answered = answer.headers()["traceparent"].to_str().unwrap();
    assert_eq!(TraceId::of_traceparent(answered), Some(trace));
    assert_ne!(answered, sent, "the parent of what follows is our own span");
    let created: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(created["trace_id"], trace.to_string());
    let id: CallId = created["id"].as_str().unwrap().parse().unwrap();
    here.kept(id).await;

    let targets = log.targets(id, trace);
    for target in ["service::call", DIAL, WEBHOOKS, MEDIA, RECORDINGS] {
        assert!(
            targets.contains(target),
            "{target} says nothing: {targets:?}"
        );
    }
    here.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_no_request_began_has_a_trace_of_its_own() {
    let log = Lines::start();
    let here = Installation::start().await;
    let called = super::campaigns::run_campaign(&here, &[102, 105]).await;
    assert_eq!(called.len(), 2);
    for id in called {
        here.ended(id).await;
        let told: Value = here.api.get(&format!("v1/calls/{id}")).await.unwrap();
        let trace = TraceId::of_call(id);
        assert_eq!(told["trace_id"], trace.to_string());
        let targets = log.targets(id, trace);
        for target in ["service::dialing::planner::writing", DIAL, WEBHOOKS] {
            assert!(
                targets.contains(target),
                "{target} says nothing: {targets:?}"
            );
        }
    }
    here.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_comes_in_has_a_trace_of_its_own() {
    let log = Lines::start();
    let here = Installation::start().await;
    // The carrier does not know of it: no stream is opened.
    here.leaves(Left::NOTHING.calls(1));
    // Who calls in brings no variables.
    let ours = "+14155550190";
    let prompt = json!({ "name": "Front desk", "system": "Be kind.", "greeting": "Hello." });
    let prompt: Value = here.api.post("v1/prompts", &prompt).await.unwrap();
    let agent = json!({ "name": "Front desk", "prompt_id": prompt["id"] });
    let agent: Value = here.api.post("v1/agents", &agent).await.unwrap();
    let number = json!({ "number": ours, "agent_id": agent["id"] });
    let _number: Value = here.api.post("v1/numbers", &number).await.unwrap();
    let carrier = &here.platform.settings().carrier;
    let account = carrier.account_id.clone().unwrap();
    let form = [
        ("CallSid", "CA0123456789abcdef0123456789abcdef"),
        ("AccountSid", &account),
        ("From", "+14155550142"),
        ("To", ours),
        ("CallStatus", "ringing"),
        ("Direction", "inbound"),
        ("ApiVersion", "2010-04-01"),
    ];
    let encoded = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&form)
        .finish();
    let url = here.platform.url().join("carriers/twilio/voice").unwrap();
    let token = carrier.auth_token.clone().unwrap();
    let signature = sign_form(&token, url.as_str(), &form);
    let asked = reqwest::Client::new()
        .post(url)
        .header("X-Twilio-Signature", signature)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(encoded);
    let answer = asked.send().await.unwrap().text().await.unwrap();
    assert!(answer.contains("<Stream"), "{answer}");
    let lines = log.all();
    let came = lines
        .iter()
        .find(|line| line["message"] == "a call came in");
    let id: CallId = came.unwrap()["call.id"].as_str().unwrap().parse().unwrap();
    let targets = log.targets(id, TraceId::of_call(id));
    assert!(targets.contains(WEBHOOKS), "{targets:?}");
    here.finish().await;
}
