//! ElevenLabs' messages in every spelling, and worse.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

fn check(text: &str, expected: &Expect) {
    let told = match decode(text) {
        Ok(message) => format!("{message:?}"),
        Err(problem) => problem.to_string(),
    };
    expected.assert_eq(&told);
}

#[test]
fn audio_in_every_spelling() {
    check(
        r#"{"audio":"//9/fw==","isFinal":null,"contextId":"u1-0","normalizedAlignment":null,
            "alignment":{"chars":["H","é"],"charStartTimesMs":[0,40],"charDurationsMs":[40,35]}}"#,
        &expect![[
            r#"Message { context: Some("u1-0"), audio: b"\xff\xff\x7f\x7f", alignment: Some(Alignment { chars: [('H', 0), ('é', 40)] }), is_final: false, error: None }"#
        ]],
    );
    check(
        r#"{"audio":"\/\/9/fw==","context_id":"u1-0","is_final":false,
            "alignment":{"chars":["ab"],"char_start_times_ms":[12.6],"charsDurationsMs":[40]}}"#,
        &expect![[
            r#"Message { context: Some("u1-0"), audio: b"\xff\xff\x7f\x7f", alignment: Some(Alignment { chars: [('a', 13), ('b', 13)] }), is_final: false, error: None }"#
        ]],
    );
    check(
        r#"{"audio":"fw==","context_id":"a","contextId":"a","isFinal":true,"is_final":true,"alignment":null}"#,
        &expect![[
            r#"Message { context: Some("a"), audio: b"\x7f", alignment: None, is_final: true, error: None }"#
        ]],
    );
    // More characters than times, and times that are none.
    check(
        r#"{"audio":"","alignment":{"chars":["a","b","c"],"charStartTimesMs":[-5,1e30]}}"#,
        &expect![[
            r#"Message { context: None, audio: b"", alignment: Some(Alignment { chars: [('a', 0), ('b', 0)] }), is_final: false, error: None }"#
        ]],
    );
}

#[test]
fn ends_errors_and_news() {
    check(
        r#"{"isFinal":true,"contextId":"u1-0"}"#,
        &expect![[
            r#"Message { context: Some("u1-0"), audio: b"", alignment: None, is_final: true, error: None }"#
        ]],
    );
    check(
        r#"{"type":"flush_done","context_id":"u1-0"}"#,
        &expect![[
            r#"Message { context: Some("u1-0"), audio: b"", alignment: None, is_final: false, error: None }"#
        ]],
    );
    check(
        r#"{"error":"quota_exceeded","message":"You have said Zoë too often","code":1008}"#,
        &expect![[
            r#"Message { context: None, audio: b"", alignment: None, is_final: false, error: Some(QuotaExceeded) }"#
        ]],
    );
    check(
        r#"{"contextId":"u1-0","error":{"status":"voice_not_found"}}"#,
        &expect![[
            r#"Message { context: Some("u1-0"), audio: b"", alignment: None, is_final: false, error: Some(Refused) }"#
        ]],
    );
}

#[test]
fn garbage_is_told_without_a_word_of_it() {
    for text in [
        "",
        "hello",
        "[]",
        r#"{"audio":7}"#,
        r#"{"audio":"a secret!"}"#,
        r#"{"audio":"//9/fw"}"#,
        r#"{"isFinal":"yes"}"#,
        r#"{"alignment":{"chars":"abc"}}"#,
        r#"{"context_id":null"#,
    ] {
        check(text, &expect!["not a message of ElevenLabs' synthesis"]);
    }
}

#[test]
fn what_we_send() {
    let sent = [
        open_context("u1-0"),
        speak("u1-0", "Hello \"Zoë\"."),
        speak("u1-0", " How are you? "),
        keep_alive("u1-0"),
        close_context("u1-0"),
        http_body("Hello.", "eleven_flash_v2_5", "en-IN", ""),
        http_body("Hello.", "eleven_multilingual_v2", "en", "Good day."),
    ];
    expect![[r#"
        {"text":" ","context_id":"u1-0","voice_settings":{"stability":0.5,"similarity_boost":0.8,"speed":1.0}}
        {"text":"Hello \"Zoë\". ","context_id":"u1-0","flush":true}
        {"text":"How are you? ","context_id":"u1-0","flush":true}
        {"text":"","context_id":"u1-0"}
        {"context_id":"u1-0","close_context":true}
        {"text":"Hello.","model_id":"eleven_flash_v2_5","language_code":"en","voice_settings":{"stability":0.5,"similarity_boost":0.8,"speed":1.0}}
        {"text":"Hello.","model_id":"eleven_multilingual_v2","voice_settings":{"stability":0.5,"similarity_boost":0.8,"speed":1.0},"previous_text":"Good day."}"#]].assert_eq(&sent.join("\n"));
}

#[test]
fn where_we_send_it() {
    let base = Url::parse("https://api.elevenlabs.io").unwrap();
    let urls = [
        socket_url(&base, "voice/1", "eleven_flash_v2_5", "hi-IN"),
        socket_url(&base, "v", "eleven_flash_v2", "en"),
        http_url(&base, "v"),
    ];
    let urls: Vec<_> = urls.iter().map(Url::as_str).collect();
    expect![[r#"
        wss://api.elevenlabs.io/v1/text-to-speech/voice%2F1/multi-stream-input?model_id=eleven_flash_v2_5&output_format=ulaw_8000&auto_mode=true&sync_alignment=true&inactivity_timeout=180&language_code=hi
        wss://api.elevenlabs.io/v1/text-to-speech/v/multi-stream-input?model_id=eleven_flash_v2&output_format=ulaw_8000&auto_mode=true&sync_alignment=true&inactivity_timeout=180
        https://api.elevenlabs.io/v1/text-to-speech/v/stream?output_format=ulaw_8000"#]].assert_eq(&urls.join("\n"));
}

#[test]
fn a_refusal_is_known_by_its_code() {
    let kind = |status, body: &str| {
        let status = StatusCode::from_u16(status).unwrap();
        refused(status, &HeaderMap::new(), body.as_bytes())
    };
    let quota = r#"{"detail":{"status":"quota_exceeded","message":"m"}}"#;
    assert_eq!(kind(401, quota), FailureKind::QuotaExceeded);
    let key = r#"{"detail":{"status":"invalid_api_key","message":"m"}}"#;
    assert_eq!(kind(401, key), FailureKind::Unauthorized);
    let busy = r#"{"detail":{"status":"system_busy","message":"m"}}"#;
    let unknown_wait = FailureKind::RateLimited { retry_after: None };
    assert_eq!(kind(429, busy), unknown_wait);
    let validation = r#"{"detail":[{"loc":[],"msg":"","type":""}]}"#;
    assert_eq!(kind(422, validation), FailureKind::Refused);
    assert_eq!(kind(500, "oops"), FailureKind::ServerError);
}

#[test]
fn a_close_is_known_by_its_reason() {
    assert_eq!(closed(Some(1000), ""), FailureKind::Closed);
    assert_eq!(closed(None, ""), FailureKind::Closed);
    assert_eq!(closed(Some(1008), "policy"), FailureKind::Refused);
    assert_eq!(
        closed(Some(1008), "input_timeout_exceeded"),
        FailureKind::Closed
    );
    assert_eq!(
        closed(Some(1008), "quota_exceeded"),
        FailureKind::QuotaExceeded
    );
}

#[test]
fn dots_are_nothing_to_pronounce() {
    assert!(is_speakable("Ja."));
    assert!(is_speakable("नमस्ते"));
    assert!(is_speakable("7"));
    for text in ["", " ", "...", "—", "\u{2026}!?"] {
        assert!(!is_speakable(text), "{text}");
    }
}

proptest! {
    #[test]
    fn no_message_is_a_panic(text in ".*") {
        let _any = decode(&text);
    }

    #[test]
    fn audio_comes_out_as_it_went_in(audio: Vec<u8>) {
        let text = format!(r#"{{"audio":"{}"}}"#, base64_simd::STANDARD.encode_to_string(&audio));
        prop_assert_eq!(decode(&text).unwrap().audio, audio);
    }
}
