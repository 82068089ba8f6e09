//! One call followed through the logs of a deployed stack by its trace: of functions as CloudWatch Logs has
//! them, of the media worker as it wrote them.

use std::time::SystemTime;

use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use local::GREETING;
use local::demo::people::CHARACTERS;
use model::{AgentId, CallId, TraceId};
use serde_json::{Value, json};

use super::{Deployed, eventually};
use crate::tidy::is_of_the_schema;

/// As a program would that has traces of its own.
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// What each function says of every outbound call.
const SAID: [(&str, &str); 3] = [
    ("api", "a call is begun"),
    ("dial", "dial message worked on"),
    ("callbacks", "the carrier says how a call goes"),
];
/// What the media worker says of it.
const SAID_BY_WORKER: [&str; 3] = [
    "the conversation begins",
    "the conversation is over",
    "the recording is deleted at the carrier",
];

/// Somebody looks at a call of theirs, and finds everything about it in the logs.
pub(super) async fn a_call_is_found_in_all_logs_by_its_trace(stack: &Deployed, agent: AgentId) {
    let sent = TraceId::of_traceparent(TRACEPARENT).unwrap();
    let call = begin(stack, agent).await;
    let path = format!("v1/calls/{call}");
    let api = stack.api().await;
    let told = eventually("the call is over and its recording safe", async || {
        let told: Value = api.get(&path).await.unwrap();
        (told["recording"]["state"] == "kept").then_some(told)
    })
    .await;
    assert_eq!(told["state"], "ended", "{told}");
    let trace = told["trace_id"].as_str().unwrap();
    assert_eq!(trace, sent.to_string());

    for (function, message) in SAID {
        eventually(&format!("{function} says {message:?}"), async || {
            let lines = stack.logged(function, trace).await;
            said(&lines, call, message).then_some(())
        })
        .await;
    }
    for message in SAID_BY_WORKER {
        eventually(&format!("the worker says {message:?}"), async || {
            said(&stack.logged_by_worker(trace), call, message).then_some(())
        })
        .await;
    }
}

/// What was counted is in the log before an event is answered: afterwards a function is frozen.
pub(super) async fn functions_tell_their_metrics(stack: &Deployed) {
    let counted = [
        ("callbacks", "trunkline_calls_ended_total"),
        ("dial", "trunkline_dial_messages_total"),
        ("scheduler", "trunkline_planner_steps_total"),
    ];
    for (function, metric) in counted {
        eventually(&format!("{function} tells {metric}"), async || {
            let lines = stack.logged(function, metric).await;
            let mut lines = lines.iter();
            lines
                .any(|line| line["service"] == function && line[metric].is_u64())
                .then_some(())
        })
        .await;
    }
}

/// Asks for a call and says which trace it is of.
async fn begin(stack: &Deployed, agent: AgentId) -> CallId {
    let called = &CHARACTERS[0];
    assert!(GREETING.contains("{{name}}"), "it says nobody's name");
    let wanted = json!({
        "agent_id": agent,
        "to": called.number,
        "kind": "information",
        "variables": { "name": "Dana", "day": "tomorrow", "time": "half past two" },
        "override": { "reason": "a test runs at any hour" },
    });
    let asked = reqwest::Client::new()
        .post(format!("{}/v1/calls", stack.output("ApiUrl")))
        .bearer_auth(stack.owner_key().await.expose())
        .header("traceparent", TRACEPARENT)
        .header("content-type", "application/json")
        .body(wanted.to_string());
    let answer = asked.send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(status, 201, "{text}");
    let begun: Value = serde_json::from_str(&text).unwrap();
    begun["id"].as_str().unwrap().parse().unwrap()
}

/// Whether one of these lines is this message about this call. No other call's lines are among them.
fn said(lines: &[Value], call: CallId, message: &str) -> bool {
    let call = call.to_string();
    for line in lines {
        assert!(
            line["call.id"].is_null() || line["call.id"] == *call,
            "{line}"
        );
    }
    let mut of_call = lines.iter().filter(|line| line["call.id"] == *call);
    of_call.any(|line| line["message"] == message)
}

impl Deployed {
    /// The lines of a function that have this word in them.
    async fn logged(&self, function: &str, word: &str) -> Vec<Value> {
        let group = format!("{}{function}", self.output("LogGroups"));
        let mut lines = Vec::new();
        let mut next = Value::Null;
        loop {
            let mut asked =
                json!({ "logGroupName": group, "filterPattern": format!("\"{word}\"") });
            if next.is_string() {
                asked["nextToken"] = next;
            }
            let mut page = self.ask_logs("FilterLogEvents", &asked).await;
            for event in page["events"].as_array().unwrap() {
                lines.push(line(event["message"].as_str().unwrap()));
            }
            next = page["nextToken"].take();
            if next.is_null() {
                return lines;
            }
        }
    }

    fn logged_by_worker(&self, word: &str) -> Vec<Value> {
        let log = std::fs::read_to_string(self.worker_log()).unwrap();
        // Its last line may be half written.
        let whole = log.rsplit_once('\n').map_or("", |(whole, _rest)| whole);
        let lines = whole.lines().filter(|line| line.contains(word));
        lines.map(line).collect()
    }

    /// An operation of CloudWatch Logs (its API reference, JSON 1.1), of which one is too few for a client.
    async fn ask_logs(&self, operation: &str, asked: &Value) -> Value {
        let provider = self.shared.credentials_provider().unwrap();
        let identity = provider.provide_credentials().await.unwrap().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.shared.region().unwrap().as_ref())
            .name("logs")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let target = format!("Logs_20140328.{operation}");
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", &*target),
        ];
        let url = format!("{}/", self.endpoint);
        let body = asked.to_string();
        let signable = SignableBody::Bytes(body.as_bytes());
        let signable = SignableRequest::new("POST", &*url, headers.into_iter(), signable);
        let (signed, _signature) = sign(signable.unwrap(), &params).unwrap().into_parts();
        let mut request = reqwest::Client::new().post(&url).body(body.clone());
        for (name, value) in headers.into_iter().chain(signed.headers()) {
            request = request.header(name, value);
        }
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{operation}: {status}: {text}");
        serde_json::from_str(&text).unwrap()
    }
}

fn line(text: &str) -> Value {
    let line = serde_json::from_str(text).unwrap_or_else(|_| panic!("no line of ours: {text}"));
    is_of_the_schema(&line);
    line
}
