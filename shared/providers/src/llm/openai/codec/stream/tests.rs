//! Recorded-style streams of several hosts, and worse.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

/// The events of a stream cut into pieces of these sizes, a line each; texts in one line.
fn told(stream: &[u8], pieces: &[usize]) -> Vec<String> {
    let mut answer = Answer::new(GenerationId(7));
    let mut told = Vec::new();
    let mut rest = stream;
    let mut sizes = pieces.iter().copied().chain(std::iter::repeat(usize::MAX));
    while !rest.is_empty() {
        let size = sizes.next().unwrap_or(1).clamp(1, rest.len());
        let (piece, later) = rest.split_at(size);
        rest = later;
        answer.push(piece);
        while let Some(event) = answer.next_event() {
            told.push(format!("{event:?}"));
        }
    }
    answer.end();
    while let Some(event) = answer.next_event() {
        told.push(format!("{event:?}"));
    }
    told
}

fn check(stream: &str, expected: &Expect) {
    let told = told(stream.as_bytes(), &[]);
    expected.assert_eq(&told.join("\n"));
}

const CHUNK: &str = r#""id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m""#;

/// Chunks of one choice each with this inside, then the end.
fn stream(choices: &[&str]) -> String {
    let chunks = choices
        .iter()
        .map(|choice| format!("data: {{{CHUNK},\"choices\":[{choice}]}}\n\n"));
    chunks.chain(["data: [DONE]\n\n".to_owned()]).collect()
}

#[test]
fn an_answer_in_words() {
    let text = format!(
        ": keep-alive\n\n\
         data: {{{CHUNK},\"choices\":[{{\"index\":0,\"delta\":{{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}},\"logprobs\":null,\"finish_reason\":null}}],\"usage\":null,\"obfuscation\":\"x\"}}\n\n\
         data: {{{CHUNK},\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"Hello,\"}},\"finish_reason\":null}}],\"usage\":null}}\n\n\
         data: {{{CHUNK},\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\" \\\"Zoë\\\" \\ud83d\\ude00\"}},\"finish_reason\":null}}],\"usage\":null}}\n\n\
         data: {{{CHUNK},\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"stop\"}}],\"usage\":null}}\n\n\
         data: {{{CHUNK},\"choices\":[],\"usage\":{{\"prompt_tokens\":900,\"completion_tokens\":40,\"total_tokens\":940,\"prompt_tokens_details\":{{\"cached_tokens\":768,\"cache_write_tokens\":0}},\"completion_tokens_details\":{{\"reasoning_tokens\":0}}}}}}\n\n\
         data: [DONE]\n\n"
    );
    check(
        &text,
        &expect![[r#"
        Text("Hello,")
        Text(" \"Zoë\" 😀")
        Finished { length_limited: false, usage: Some(Usage { prompt_tokens: 900, cached_prompt_tokens: 768, completion_tokens: 40 }) }"#]],
    );
}

#[test]
fn a_tool_call_in_fragments() {
    check(
        &stream(&[
            r#"{"index":0,"delta":{"role":"assistant","content":null},"finish_reason":null}"#,
            r#"{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"lookup","arguments":""}}]}}"#,
            r#"{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"id\""}}]}}"#,
            r#"{"index":0,"delta":{"tool_calls":[{"index":1,"id":"call_b","function":{"name":"end_call"}},{"index":0,"function":{"arguments":":7}"}}]}}"#,
            r#"{"index":0,"delta":{"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]}}"#,
            r#"{"index":0,"delta":{},"finish_reason":"tool_calls"}"#,
        ]),
        &expect![[r#"
            ToolCall { id: "call_a", name: "lookup", arguments: "{\"id\":7}" }
            ToolCall { id: "call_b", name: "end_call", arguments: "{}" }
            Finished { length_limited: false, usage: None }"#]],
    );
}

#[test]
fn whole_calls_whose_index_is_missing_or_the_same() {
    for index in ["null", "0"] {
        check(
            &stream(&[
                &format!(
                    r#"{{"index":0,"delta":{{"tool_calls":[{{"index":{index},"id":"a","function":{{"name":"one","arguments":"{{}}"}}}},{{"index":{index},"id":"b","function":{{"name":"two","arguments":"{{}}"}}}}]}}}}"#
                ),
                r#"{"index":0,"delta":{"content":""},"finish_reason":"stop"}"#,
            ]),
            &expect![[r#"
                ToolCall { id: "a", name: "one", arguments: "{}" }
                ToolCall { id: "b", name: "two", arguments: "{}" }
                Finished { length_limited: false, usage: None }"#]],
        );
        // And no id either.
        check(
            &stream(&[
                &format!(
                    r#"{{"index":0,"delta":{{"tool_calls":[{{"index":{index},"function":{{"name":"one","arguments":"{{}}"}}}}]}}}}"#
                ),
                &format!(
                    r#"{{"index":0,"delta":{{"tool_calls":[{{"index":{index},"function":{{"name":"one","arguments":"{{}}"}}}}]}},"finish_reason":"tool_calls"}}"#
                ),
            ]),
            &expect![[r#"
                ToolCall { id: "call_7_0", name: "one", arguments: "{}" }
                ToolCall { id: "call_7_1", name: "one", arguments: "{}" }
                Finished { length_limited: false, usage: None }"#]],
        );
    }
}

#[test]
fn a_host_that_repeats_id_and_name_with_each_fragment() {
    check(
        &stream(&[
            r#"{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"one","arguments":"{}"}}]}}"#,
            r#"{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"one","arguments":" "}}]},"finish_reason":"stop"}"#,
        ]),
        &expect![[r#"
            ToolCall { id: "a", name: "one", arguments: "{} " }
            Finished { length_limited: false, usage: None }"#]],
    );
}

#[test]
fn hidden_reasoning_is_not_spoken_and_not_a_first_word() {
    let mut answer = Answer::new(GenerationId(0));
    answer.push(
        b"data: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"hm\",\"reasoning\":\"hm\"}}]}\n\n\
          data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n",
    );
    assert_eq!(answer.next_event(), None);
    assert!(!answer.has_begun());
    answer.push(b"data: {\"choices\":[{\"delta\":{\"content\":\"Yes\"}}]}\n\n");
    assert_eq!(
        answer.next_event(),
        Some(Generation::Text("Yes".to_owned()))
    );
    assert!(answer.has_begun());
}

#[test]
fn an_answer_cut_by_a_limit_runs_no_half_call() {
    check(
        &stream(&[
            r#"{"index":0,"delta":{"content":"One moment","tool_calls":[{"index":0,"id":"a","function":{"name":"one","arguments":"{\"a"}}]}}"#,
            r#"{"index":0,"delta":{},"finish_reason":"length"}"#,
        ]),
        &expect![[r#"
            Text("One moment")
            Finished { length_limited: true, usage: None }"#]],
    );
}

#[test]
fn streams_that_end_in_other_ways() {
    let words = r#"{"index":0,"delta":{"content":"Hi"}}"#;
    // Without a reason, but with an end.
    check(
        &stream(&[words]),
        &expect![[r#"
        Text("Hi")
        Finished { length_limited: false, usage: None }"#]],
    );
    // xAI's reason; figures in Groq's own field; no end and no last empty line.
    check(
        r#"data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":"end_turn"}]}

data: {"choices":[],"x_groq":{"usage":{"prompt_tokens":5000000000,"completion_tokens":2}}}"#,
        &expect![[r#"
            Text("Hi")
            Finished { length_limited: false, usage: Some(Usage { prompt_tokens: 4294967295, cached_prompt_tokens: 0, completion_tokens: 2 }) }"#]],
    );
    // Cut in the middle.
    check(
        &format!("data: {{\"choices\":[{words}]}}\n\ndata: {{\"cho"),
        &expect![[r#"
            Text("Hi")
            Failed(Failure { vendor: "openai", kind: Closed })"#]],
    );
    check(
        "",
        &expect![[r#"Failed(Failure { vendor: "openai", kind: Closed })"#]],
    );
    check(
        "data: [DONE]\n\n",
        &expect![[r#"Failed(Failure { vendor: "openai", kind: Protocol })"#]],
    );
    // Withheld.
    check(
        &stream(&[r#"{"index":0,"delta":{},"finish_reason":"content_filter"}"#]),
        &expect![[r#"Failed(Failure { vendor: "openai", kind: Refused })"#]],
    );
    check(
        &stream(&[r#"{"index":0,"delta":{"refusal":"I cannot."},"finish_reason":"stop"}"#]),
        &expect![[r#"
            Text("I cannot.")
            Finished { length_limited: false, usage: None }"#]],
    );
}

#[test]
fn an_error_in_the_middle_of_an_answer() {
    check(
        "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\ndata: {\"error\":{\"message\":\"overloaded: Zoë\",\"type\":\"server_error\",\"code\":null}}\n\ndata: [DONE]\n\n",
        &expect![[r#"
            Text("Hi")
            Failed(Failure { vendor: "openai", kind: ServerError })"#]],
    );
    check(
        "event: error\ndata: {\"message\":\"slow down\",\"type\":\"tokens\",\"code\":\"rate_limit_exceeded\"}\n\n",
        &expect![[
            r#"Failed(Failure { vendor: "openai", kind: RateLimited { retry_after: None } })"#
        ]],
    );
    check(
        "event: error\ndata: oh no\n\n",
        &expect![[r#"Failed(Failure { vendor: "openai", kind: ServerError })"#]],
    );
}

#[test]
fn errors_are_known_by_their_codes_however_they_are_wrapped() {
    let unknown_wait = FailureKind::RateLimited { retry_after: None };
    for (body, expected) in [
        (
            r#"{"error":{"message":"m","type":"insufficient_quota","code":"insufficient_quota","param":null}}"#,
            FailureKind::QuotaExceeded,
        ),
        (
            r#"[{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}]"#,
            unknown_wait,
        ),
        (r#"{"error":"invalid_api_key"}"#, FailureKind::Unauthorized),
        (
            r#"{"error":{"type":"invalid_request_error","code":"context_length_exceeded"}}"#,
            FailureKind::Refused,
        ),
        ("upstream connect error", FailureKind::ServerError),
        (
            r#"{"error":{"message":"rate_limit"}}"#,
            FailureKind::ServerError,
        ),
        ("", FailureKind::ServerError),
        ("[]", FailureKind::ServerError),
    ] {
        assert_eq!(error_kind(body), expected, "{body}");
    }
}

#[test]
fn garbage_fails_without_a_word_of_it() {
    for garbage in [
        "data: hello\n\n",
        "data: []\n\n",
        "data: {\"choices\":{}}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":{\"secret\":1}}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":-1}]}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\"}]},\"finish_reason\":\"tool_calls\"}]}\n\n",
        "data: \u{0}\n\n",
    ] {
        check(
            garbage,
            &expect![[r#"Failed(Failure { vendor: "openai", kind: Protocol })"#]],
        );
    }
}

#[test]
fn an_answer_without_end_is_cut() {
    let words = format!(r#"{{"delta":{{"content":"{}"}}}}"#, "x".repeat(1_024));
    let told = told(stream(&vec![words.as_str(); 40]).as_bytes(), &[]);
    assert_eq!(told.len(), 17);
    assert_eq!(told[16], "Finished { length_limited: true, usage: None }");
    let call = |id: usize| {
        format!(r#"{{"delta":{{"tool_calls":[{{"index":{id},"function":{{"name":"a"}}}}]}}}}"#)
    };
    let calls: Vec<_> = (0..40).map(call).collect();
    let calls: Vec<_> = calls.iter().map(String::as_str).collect();
    check(
        &stream(&calls),
        &expect![[r#"Failed(Failure { vendor: "openai", kind: Overflow })"#]],
    );
    let long = format!(
        r#"{{"delta":{{"tool_calls":[{{"index":0,"function":{{"name":"a","arguments":"{}"}}}}]}}}}"#,
        "x".repeat(40_000)
    );
    check(
        &stream(&[&long, &long]),
        &expect![[r#"Failed(Failure { vendor: "openai", kind: Overflow })"#]],
    );
}

proptest! {
    #[test]
    fn cutting_the_stream_anywhere_changes_nothing(
        texts in proptest::collection::vec("[a-zé😀\"\\\\ ]{0,6}", 0..6),
        calls in proptest::collection::vec((0_u64..3, "[a-c]?", "[{}a]{0,4}"), 0..6),
        finish in prop_oneof![Just("stop"), Just("length"), Just("tool_calls"), Just("content_filter")],
        line_end in prop_oneof![Just("\n"), Just("\r\n")],
        pieces in proptest::collection::vec(1_usize..40, 0..200),
    ) {
        let mut choices: Vec<_> = texts
            .iter()
            .map(|text| serde_json::json!({"delta": {"content": text}}).to_string())
            .collect();
        choices.extend(calls.iter().map(|(index, id, arguments)| {
            let function = serde_json::json!({"name": "f", "arguments": arguments});
            serde_json::json!({"delta": {"tool_calls": [{"index": index, "id": id, "function": function}]}}).to_string()
        }));
        choices.push(format!(r#"{{"delta":{{}},"finish_reason":"{finish}"}}"#));
        let choices: Vec<_> = choices.iter().map(String::as_str).collect();
        let text = stream(&choices).replace('\n', line_end);
        let whole = told(text.as_bytes(), &[]);
        let last = whole.last().map(String::as_str).unwrap_or_default();
        prop_assert!(last.starts_with("Finished") || last.starts_with("Failed"));
        prop_assert_eq!(told(text.as_bytes(), &pieces), whole);
    }

    #[test]
    fn any_bytes_end_in_exactly_one_last_event(
        stream in proptest::collection::vec(prop_oneof![
            any::<Vec<u8>>(), Just(b"data: ".to_vec()), Just(b"\n\n".to_vec()), Just(b"{\"choices\":[".to_vec()),
        ], 0..12),
    ) {
        let told = told(&stream.concat(), &[]);
        let last = told.iter().filter(|event| !event.starts_with("Text") && !event.starts_with("ToolCall"));
        prop_assert_eq!(last.count(), 1);
    }
}
