//! What a client of the simulated model sees.

use std::sync::Arc;
use std::time::Duration;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::*;
use crate::peer::Wire;
use crate::peer::fault::Fault;

fn model(faults: Faults) -> Model {
    let mut behaviour = Behaviour::new("sk-sim", Arc::new(Script::dental_reminder()));
    behaviour.faults = faults;
    Model::new(behaviour)
}

fn ask(model: &Model, request: &Value) -> Answer {
    let head = RequestHead {
        authorization: Some("Bearer sk-sim"),
        content_type: Some("application/json"),
    };
    model.answer(head, request.to_string().as_bytes(), Duration::ZERO)
}

fn request(messages: &Value) -> Value {
    json!({
        "model": "gpt-5.4-mini", "stream": true, "stream_options": {"include_usage": true, "include_obfuscation": false},
        "messages": messages,
        "tools": [{"type": "function", "function": {"name": "end_call", "description": "", "parameters": {"type": "object", "properties": {}}}}],
    })
}

/// The events of an answer, their bytes put together again.
fn events(answer: Answer) -> Vec<String> {
    let Answer::Stream { pieces, .. } = answer else {
        panic!("refused: {answer:?}");
    };
    assert!(pieces.is_sorted_by_key(|due| due.at));
    let mut bytes = Vec::new();
    for due in pieces {
        match due.wire {
            Wire::Text(text) => bytes.extend(text.bytes()),
            Wire::Binary(part) => bytes.extend(part),
            Wire::Close { .. } => bytes.extend(b"(end)\n\n"),
            Wire::Cut => bytes.extend(b"(cut)\n\n"),
        }
    }
    let text = String::from_utf8(bytes).unwrap();
    text.split_terminator("\n\n").map(str::to_owned).collect()
}

/// What the answer says and does.
fn said(model: &Model, messages: &Value) -> String {
    let mut said = String::new();
    for event in events(ask(model, &request(messages))) {
        let Some(chunk) = event.strip_prefix("data: ") else {
            continue;
        };
        let Ok(chunk) = serde_json::from_str::<Value>(chunk) else {
            continue;
        };
        let delta = &chunk["choices"][0]["delta"];
        said += delta["content"].as_str().unwrap_or_default();
        if let Some(name) = delta["tool_calls"][0]["function"]["name"].as_str() {
            said += &format!(" <{name}>");
        }
    }
    said
}

fn refusal(change: impl FnOnce(&mut Value), expected: &Expect) {
    let model = model(Faults::none());
    let mut body =
        request(&json!([{"role": "system", "content": "x"}, {"role": "user", "content": "hi"}]));
    change(&mut body);
    let Answer::Refused { status, body, .. } = ask(&model, &body) else {
        panic!("was taken");
    };
    let body: Value = serde_json::from_str(&body).unwrap();
    let error = &body["error"];
    expected.assert_eq(&format!(
        "{status} {} {} {}\n{}",
        error["type"],
        error["param"],
        error["code"],
        model.violations().list().join(", ")
    ));
    assert_eq!(model.violations().count(), 1);
}

#[test]
fn a_reminder_call_is_held_from_hello_to_goodbye() {
    let model = model(Faults::none());
    let system = json!({"role": "system", "content": "You are an assistant.\nDay: Friday\n"});
    let mut messages = vec![system];
    let mut transcript = String::new();
    for text in [
        "Hello?",
        "Sorry, when is that?",
        "Yes, I can make it. ",
        "Can I park there?",
        "No, thanks!",
    ] {
        messages.push(json!({"role": "user", "content": text}));
        let answer = said(&model, &Value::Array(messages.clone()));
        transcript += &format!("- {text}\n+ {answer}\n");
        messages.push(json!({"role": "assistant", "content": answer}));
    }
    expect![[r"
        - Hello?
        + I am calling from Bright Dental to remind you of your appointment on Friday at 10:30 a.m. with Dr. Patel. Can you make it?
        - Sorry, when is that?
        + Your appointment with Dr. Patel is on Friday at 10:30 a.m., at our practice on Mill Lane. Can you make it?
        - Yes, I can make it. 
        + Wonderful, you are confirmed for Friday at 10:30 a.m. with Dr. Patel. Is there anything else you would like to know?
        - Can I park there?
        + Yes, parking is free behind the building, and the entrance is on Mill Lane. Is there anything else you would like to know?
        - No, thanks!
        + Thank you, and see you soon. Goodbye! <end_call>
    "]]
    .assert_eq(&transcript);
    assert_eq!(model.violations().list(), Vec::<String>::new());
}

#[test]
fn a_stream_has_the_shape_of_the_real_one() {
    let model = Model::new(Behaviour::new(
        "sk-sim",
        Arc::new(Script::new().on(When::any(), Reply::says("Bye now.").and_ends_the_call())),
    ));
    let events = events(ask(
        &model,
        &request(&json!([{"role": "user", "content": "hi"}])),
    ));
    expect![[r#"
        data: {"choices":[{"delta":{"content":"","refusal":null,"role":"assistant"},"finish_reason":null,"index":0,"logprobs":null}],"created":1790000000,"id":"chatcmpl-sim0","model":"gpt-5.4-mini","object":"chat.completion.chunk","service_tier":"default","system_fingerprint":null,"usage":null}"#]]
    .assert_eq(&events[0]);
}

#[test]
fn what_the_real_service_refuses_is_refused() {
    refusal(
        |body| body["max_tokens"] = json!(5),
        &expect![[r#"
        400 "invalid_request_error" "max_tokens" "unsupported_parameter"
        request: max_tokens: unsupported_parameter"#]],
    );
    refusal(
        |body| body["temperature"] = json!(0.2),
        &expect![[r#"
        400 "invalid_request_error" "temperature" "unsupported_parameter"
        request: temperature: unsupported_parameter"#]],
    );
    refusal(
        |body| body["frobnicate"] = json!(1),
        &expect![[r#"
        400 "invalid_request_error" "frobnicate" "unknown_parameter"
        request: frobnicate: unknown_parameter"#]],
    );
    refusal(
        |body| body["messages"] = json!([]),
        &expect![[r#"
        400 "invalid_request_error" "messages" "invalid_array_length"
        request: messages: invalid_array_length"#]],
    );
    refusal(
        |body| {
            body["messages"][1] =
                json!({"role": "tool", "tool_call_id": "call_1", "content": "ok"});
        },
        &expect![[r#"
            400 "invalid_request_error" "messages.[1].role" null
            request: messages.[1].role: invalid"#]],
    );
    refusal(
        |body| {
            body["messages"][0] = json!({"role": "assistant", "content": null, "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "end_call", "arguments": "{}"}}]});
        },
        &expect![[r#"
            400 "invalid_request_error" "messages.[1].role" null
            request: messages.[1].role: invalid"#]],
    );
    refusal(
        |body| body["messages"][1]["surprise"] = json!(1),
        &expect![[r#"
            400 "invalid_request_error" "surprise" "unknown_parameter"
            request: surprise: unknown_parameter"#]],
    );
    refusal(
        |body| body["tools"] = json!([]),
        &expect![[r#"
        400 "invalid_request_error" "tools" "empty_array"
        request: tools: empty_array"#]],
    );
    refusal(
        |body| body["tools"][0]["function"]["name"] = json!("end call"),
        &expect![[r#"
            400 "invalid_request_error" "tools" "invalid_value"
            request: tools: invalid_value"#]],
    );
    refusal(
        |body| body["stream"] = json!(false),
        &expect![[r#"
        400 "invalid_request_error" "stream" null
        request: stream: invalid"#]],
    );
}

#[test]
fn tool_results_follow_their_calls() {
    let model = model(Faults::none());
    let messages = json!([
        {"role": "user", "content": "bye"},
        {"role": "assistant", "content": "Bye.", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "end_call", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "ok"},
    ]);
    assert_eq!(said(&model, &messages), "");
}

#[test]
fn a_wrong_key_is_told_so_as_the_vendor_does() {
    let model = model(Faults::none());
    let head = RequestHead {
        authorization: Some("Bearer sk-other"),
        content_type: Some("application/json"),
    };
    let Answer::Refused {
        status: 401, body, ..
    } = model.answer(head, b"{}", Duration::ZERO)
    else {
        panic!("let in");
    };
    expect![[r#"{"error":{"code":"invalid_api_key","message":"Incorrect API key provided.","param":null,"type":"invalid_request_error"}}"#]].assert_eq(&body);
}

#[test]
fn faults_strike_where_they_are_told() {
    let model = model(
        Faults::none()
            .at(
                0,
                Fault::RateLimited {
                    retry_after: Some(Duration::from_secs(2)),
                },
            )
            .at(1, Fault::CutAfter { messages: 2 })
            .at(2, Fault::SilentAfter { messages: 1 })
            .at(3, Fault::RefuseConnect)
            .at(4, Fault::CloseAfter { messages: 3 }),
    );
    let body = request(&json!([{"role": "user", "content": "hi"}]));
    assert!(matches!(
        ask(&model, &body),
        Answer::Refused {
            status: 429,
            retry_after: Some(_),
            ..
        }
    ));
    let cut = events(ask(&model, &body));
    assert_eq!((cut.len(), cut[2].as_str()), (3, "(cut)"));
    assert_eq!(events(ask(&model, &body)).len(), 1);
    assert_eq!(ask(&model, &body), Answer::Cut);
    let closed = events(ask(&model, &body));
    assert_eq!((closed.len(), closed[3].as_str()), (4, "(end)"));
    assert!(
        events(ask(&model, &body))
            .iter()
            .any(|event| event == "data: [DONE]")
    );
}

#[tokio::test]
async fn a_client_on_a_socket_hears_the_same() {
    let behaviour = Behaviour::new("sk-sim", Arc::new(Script::dental_reminder())).without_delay();
    let listen = "127.0.0.1:0".parse().unwrap();
    let server = Server::start(Config { listen, behaviour }).await.unwrap();
    let url = format!("{}/chat/completions", server.url());
    let body = request(&json!([{"role": "user", "content": "hello"}]));
    let post = || {
        reqwest::Client::new()
            .post(&url)
            .header("content-type", "application/json")
            .body(body.to_string())
    };
    assert_eq!(post().send().await.unwrap().status(), 401);
    let answer = post().bearer_auth("sk-sim").send().await.unwrap();
    assert_eq!(
        answer.headers()["content-type"],
        "text/event-stream; charset=utf-8"
    );
    let text = answer.text().await.unwrap();
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    assert_eq!(server.violations(), ["authorization: not our key"]);
    assert_eq!(
        server.stats(),
        Stats {
            requests: 2,
            finished: 1,
            cancelled: 0
        }
    );
}

#[tokio::test]
async fn a_cut_connection_is_an_error_and_not_an_answer() {
    let mut behaviour =
        Behaviour::new("sk-sim", Arc::new(Script::dental_reminder())).without_delay();
    // The head of the response is out before the cut comes.
    behaviour.next_token = Latency::fixed_ms(30);
    behaviour.faults = Faults::none()
        .at(0, Fault::RefuseConnect)
        .at(1, Fault::CutAfter { messages: 2 });
    let listen = "127.0.0.1:0".parse().unwrap();
    let server = Server::start(Config { listen, behaviour }).await.unwrap();
    let url = format!("{}/chat/completions", server.url());
    let body = request(&json!([{"role": "user", "content": "hello"}])).to_string();
    let post = || {
        reqwest::Client::new()
            .post(&url)
            .bearer_auth("sk-sim")
            .header("content-type", "application/json")
            .body(body.clone())
    };
    assert!(post().send().await.is_err());
    assert!(post().send().await.unwrap().text().await.is_err());
}
