//! Deepgram's messages as recorded, and worse.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

const SCALE: Scale = Scale {
    start: AudioPosition::from_millis(10_000),
    end: AudioPosition::from_millis(14_000),
};

fn check(text: &str, expected: &Expect) {
    let told = match decode(text, SCALE) {
        Ok(message) => format!("{message:?}"),
        Err(problem) => problem.to_string(),
    };
    expected.assert_eq(&told);
}

#[test]
fn words_that_will_not_change() {
    check(
        r#"{"type":"Results","channel_index":[0,1],"start":1.98,"duration":1.32,"is_final":true,"speech_final":true,
            "from_finalize":false,"channel":{"alternatives":[{"transcript":"Hello there.","confidence":0.99,
            "words":[{"word":"hello","start":2.0,"end":2.3,"confidence":0.99,"punctuated_word":"Hello","speaker":0,"language":"en"},
            {"word":"there","start":2.35,"end":2.7,"confidence":0.98,"punctuated_word":"there."}],"languages":["en"]},
            {"transcript":"Hullo there.","confidence":0.2,"words":[]}]},
            "metadata":{"request_id":"r","model_uuid":"u","model_info":{"name":"n","version":"v","arch":"nova-3"}},"entities":[]}"#,
        &expect![[
            r#"Heard(Final { text: "Hello there.", start: 12.000s, end: 12.700s, speech_final: true })"#
        ]],
    );
}

#[test]
fn words_so_far() {
    check(
        r#"{"type":"Results","channel_index":[0,1],"start":0,"duration":1.0,"is_final":false,"speech_final":false,
            "channel":{"alternatives":[{"transcript":"caf\u00e9 \"au","confidence":0.8,"words":[{"word":"x","start":0.1,"end":0.5,"confidence":1}]}]},"metadata":{}}"#,
        &expect![[r#"Heard(Interim { text: "café \"au", end: 10.500s })"#]],
    );
}

#[test]
fn silence_is_final_too_and_says_how_far_it_goes() {
    check(
        r#"{"type":"Results","channel_index":[0,1],"start":1.0,"duration":2.0,"is_final":true,"speech_final":false,
            "channel":{"alternatives":[{"transcript":"","confidence":0.0,"words":[]}]},"metadata":{}}"#,
        &expect![[
            r#"Heard(Final { text: "", start: 11.000s, end: 13.000s, speech_final: false })"#
        ]],
    );
    check(
        r#"{"type":"Results","start":1.0,"duration":2.0,"channel":{"alternatives":[{"transcript":" "}]}}"#,
        &expect!["Aside"],
    );
    check(
        r#"{"type":"Results","start":1.0,"duration":2.0,"is_final":true,"channel":{"alternatives":[]}}"#,
        &expect![[
            r#"Heard(Final { text: "", start: 11.000s, end: 13.000s, speech_final: false })"#
        ]],
    );
}

#[test]
fn the_answer_to_a_key_press_ends_the_phrase() {
    check(
        r#"{"type":"Results","start":0,"duration":0.5,"is_final":true,"speech_final":false,"from_finalize":true,
            "channel":{"alternatives":[{"transcript":"one","words":[{"start":0.1,"end":0.4}]}]}}"#,
        &expect![[
            r#"Heard(Final { text: "one", start: 10.100s, end: 10.400s, speech_final: true })"#
        ]],
    );
}

#[test]
fn the_other_messages() {
    check(
        r#"{"type":"SpeechStarted","channel":[0,1],"timestamp":2.5}"#,
        &expect!["Heard(SpeechStarted { at: 12.500s })"],
    );
    check(
        r#"{"type":"UtteranceEnd","channel":[0,1],"last_word_end":2.395}"#,
        &expect!["Heard(UtteranceEnded)"],
    );
    check(
        r#"{"type":"UtteranceEnd","channel":[0,1],"last_word_end":-1}"#,
        &expect!["Aside"],
    );
    check(
        r#"{"type":"Metadata","transaction_key":"deprecated","request_id":"r","sha256":"","created":"","duration":4.0,"channels":1}"#,
        &expect!["Aside"],
    );
    check(
        r#"{"type":"ConfigureFailure","request_id":"r","code":"CONFIGURE_INTERNAL_ERROR","description":""}"#,
        &expect!["Aside"],
    );
    check(
        r#"{"type":"Error","variant":"SchemaError","description":"could not parse","message":"{"}"#,
        &expect!["NotUnderstood"],
    );
    check(
        r#"{"type":"Error","variant":"Other","description":""}"#,
        &expect!["Error"],
    );
    check(r#"{"type":"Error"}"#, &expect!["Error"]);
    check(
        r#"{"type":"TomorrowsMessage","channel":7}"#,
        &expect!["Unknown"],
    );
}

#[test]
fn a_time_beyond_what_was_sent_is_the_end_of_what_was_sent() {
    check(
        r#"{"type":"SpeechStarted","timestamp":1e15}"#,
        &expect!["Heard(SpeechStarted { at: 14.000s })"],
    );
}

#[test]
fn garbage_is_told_without_a_word_of_it() {
    for text in [
        "",
        "hello",
        "{}",
        "[]",
        r#"{"type":7}"#,
        r#"{"type":"Results"}"#,
        r#"{"type":"Results","start":-1,"duration":1,"channel":{"alternatives":[]}}"#,
        r#"{"type":"Results","start":0,"duration":1,"channel":[0,1]}"#,
        r#"{"type":"Results","start":0,"duration":1,"channel":{"alternatives":[{"transcript":null}]}}"#,
        r#"{"type":"SpeechStarted","timestamp":-2}"#,
        r#"{"type":"SpeechStarted","timestamp":1e999}"#,
        r#"{"type":"Results","start":0,"duration":1,"channel":{"alternatives":[{"transcript":"my secret"#,
    ] {
        check(
            text,
            &expect!["not a message of Deepgram's live recognition"],
        );
    }
}

#[test]
fn what_is_asked_for_is_in_the_address() {
    let config = RecognizerConfig {
        language: "en-IN".to_owned(),
        endpointing_ms: 300,
        position: AudioPosition::ZERO,
        tag: "tenant_1 call_2&x=y".to_owned(),
    };
    let base = Url::parse("https://api.deepgram.com").unwrap();
    expect!["wss://api.deepgram.com/v1/listen?model=nova-3&language=en-IN&encoding=mulaw&sample_rate=8000&channels=1&interim_results=true&endpointing=300&utterance_end_ms=1000&vad_events=true&smart_format=true&tag=tenant_1+call_2%26x%3Dy"]
        .assert_eq(listen_url(&base, "nova-3", &config).as_str());
    let base = Url::parse("http://127.0.0.1:9/speech/").unwrap();
    let url = listen_url(&base, "nova-3", &config);
    assert!(
        url.as_str()
            .starts_with("ws://127.0.0.1:9/speech/v1/listen?")
    );
}

#[test]
fn a_refusal_is_what_the_vendor_means_by_it() {
    let kind = |status| {
        let status = StatusCode::from_u16(status).unwrap();
        refused(status, &HeaderMap::new(), b"")
    };
    let unknown_wait = FailureKind::RateLimited { retry_after: None };
    for (status, expected) in [
        (400, FailureKind::Refused),
        (401, FailureKind::Unauthorized),
        (402, FailureKind::QuotaExceeded),
        (403, FailureKind::Refused),
        (429, unknown_wait),
        (502, FailureKind::ServerError),
    ] {
        assert_eq!(kind(status), expected, "{status}");
    }
}

proptest! {
    #[test]
    fn no_message_is_a_panic(text in ".*") {
        let _any = decode(&text, SCALE);
    }

    #[test]
    fn no_time_leaves_the_audio_that_was_sent(
        start in any::<f64>(), duration in any::<f64>(), word_end in any::<f64>(), is_final: bool,
    ) {
        let text = format!(
            r#"{{"type":"Results","start":{start:?},"duration":{duration:?},"is_final":{is_final},
                "channel":{{"alternatives":[{{"transcript":"a","words":[{{"end":{word_end:?}}}]}}]}}}}"#
        );
        match decode(&text, SCALE) {
            Ok(Message::Heard(Recognition::Final { start, end, .. })) => {
                prop_assert!(SCALE.start <= start && start <= end && end <= SCALE.end);
            }
            Ok(Message::Heard(Recognition::Interim { end, .. })) => {
                prop_assert!(SCALE.start <= end && end <= SCALE.end);
            }
            Ok(other) => prop_assert!(false, "{other:?}"),
            Err(Garbage) => {}
        }
    }
}
