//! Media messages as situations, and the two readers held equal.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use bytes::BufMut as _;

use super::*;

const STREAM: &str = "MZ0123456789abcdef0123456789abcdef";

#[expect(
    clippy::needless_pass_by_value,
    reason = "how `expect!` is written at the call"
)]
fn check(text: &str, expected: Expect) {
    let read = match decode(text) {
        Ok(message) => format!("{message:?}"),
        Err(problem) => format!("{}: {problem}", problem.code()),
    };
    expected.assert_eq(&read);
}

#[test]
fn a_stream_as_the_carrier_documents_it() {
    check(
        r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#,
        expect!["Connected"],
    );
    check(
        r#"{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{"streamSid":"MZ1","accountSid":"AC1","callSid":"CA1","tracks":["inbound"],"customParameters":{"call_id":"c1","token":"hidden"},"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#,
        expect![[
            r#"Start(Start { stream_id: "MZ1", sequence: 1, account_id: "AC1", call_id: "CA1", custom_parameters: ["call_id", "token"], format: Format { encoding: "audio/x-mulaw", sample_rate_hz: 8000, channels: 1 } })"#
        ]],
    );
    check(
        r#"{"event":"media","sequenceNumber":"4","streamSid":"MZ1","media":{"track":"inbound","chunk":"2","timestamp":"25","payload":"//8="}}"#,
        expect![[
            r#"Media { stream_id: "MZ1", sequence: 4, timestamp_ms: 25, track: Inbound, payload_base64: "//8=" }"#
        ]],
    );
    check(
        r##"{"event":"dtmf","streamSid":"MZ1","sequenceNumber":"5","dtmf":{"track":"inbound_track","digit":"#"}}"##,
        expect![[r##"Dtmf { stream_id: "MZ1", sequence: 5, digit: '#' }"##]],
    );
    check(
        r#"{"event":"mark","sequenceNumber":"7","streamSid":"MZ1","mark":{"name":"u3-s0"}}"#,
        expect![[r#"Mark { stream_id: "MZ1", sequence: 7, name: "u3-s0" }"#]],
    );
    check(
        r#"{"event":"stop","sequenceNumber":"99","streamSid":"MZ1","stop":{"accountSid":"AC1","callSid":"CA1"}}"#,
        expect![[r#"Stop { stream_id: "MZ1", sequence: 99 }"#]],
    );
}

#[test]
fn what_is_new_or_spelled_otherwise_is_no_reason_to_drop_a_call() {
    // a new event, even one that reuses a known name
    check(r#"{"event":"weather","media":7}"#, expect!["Unknown"]);
    check(r#"{"event":"","sequenceNumber":[]}"#, expect!["Unknown"]);
    // new members, numbers as numbers, white space, an escaped slash in the base64
    check(
        " { \"event\" : \"media\", \"new\": {\"a\":[1]}, \"sequenceNumber\": 4, \"streamSid\": \"MZ1\",\n \"media\": {\"track\": \"inbound\", \"timestamp\": 25, \"payload\": \"\\/\\/8=\", \"codec\": 1} } ",
        expect![[
            r#"Media { stream_id: "MZ1", sequence: 4, timestamp_ms: 25, track: Inbound, payload_base64: "//8=" }"#
        ]],
    );
    // a parameter that is no text is left out; the others arrive
    check(
        r#"{"event":"start","sequenceNumber":1,"streamSid":"MZ1","start":{"streamSid":"MZ1","accountSid":"AC1","callSid":"CA1","customParameters":{"a":1,"b":"x"},"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":"8000","channels":"1"}}}"#,
        expect![[
            r#"Start(Start { stream_id: "MZ1", sequence: 1, account_id: "AC1", call_id: "CA1", custom_parameters: ["b"], format: Format { encoding: "audio/x-mulaw", sample_rate_hz: 8000, channels: 1 } })"#
        ]],
    );
    // what the agent's side says is not the customer
    check(
        r#"{"event":"media","sequenceNumber":"4","media":{"track":"outbound","chunk":"2","timestamp":"25","payload":""},"streamSid":"MZ1"}"#,
        expect![[
            r#"Media { stream_id: "MZ1", sequence: 4, timestamp_ms: 25, track: Other, payload_base64: "" }"#
        ]],
    );
}

#[test]
fn what_is_broken_is_named_and_not_repeated() {
    for (text, expected) in [
        ("", expect!["not_json: the message is not JSON"]),
        ("hello", expect!["not_json: the message is not JSON"]),
        (
            "{\"event\":\"media\"",
            expect!["not_json: the message is not JSON"],
        ),
        (
            "{\"event\":\"stop\"}x",
            expect!["not_json: the message is not JSON"],
        ),
        (
            "[\"connected\"",
            expect!["not_json: the message is not JSON"],
        ),
        (
            "[\"connected\"]",
            expect!["no_event: the message has no event"],
        ),
        ("null", expect!["no_event: the message has no event"]),
        ("{}", expect!["no_event: the message has no event"]),
        (
            "{\"event\":7}",
            expect!["no_event: the message has no event"],
        ),
        (
            r#"{"event":"media","event":"stop"}"#,
            expect!["no_event: the message has no event"],
        ),
        (
            r#"{"event":"media","sequenceNumber":"4","streamSid":"MZ1"}"#,
            expect!["missing_field: the message lacks media"],
        ),
        (
            r#"{"event":"media","sequenceNumber":"4","streamSid":"MZ1","media":["inbound","5",""]}"#,
            expect!["invalid_field: the message has a wrong media"],
        ),
        (
            r#"{"event":"media","sequenceNumber":"4","streamSid":"MZ1","media":{"track":"inbound","timestamp":"5"}}"#,
            expect!["missing_field: the message lacks media.payload"],
        ),
        (
            r#"{"event":"media","sequenceNumber":"-4","streamSid":"MZ1","media":{"track":"inbound","timestamp":"5","payload":""}}"#,
            expect!["invalid_field: the message has a wrong sequenceNumber"],
        ),
        (
            r#"{"event":"media","sequenceNumber":"4","streamSid":"MZ1","media":{"track":"inbound","timestamp":"18446744073709551616","payload":""}}"#,
            expect!["invalid_field: the message has a wrong media.timestamp"],
        ),
        (
            r#"{"event":"media","sequenceNumber":"4","streamSid":"MZ1","media":{"track":"inbound","timestamp":2.5,"payload":""}}"#,
            expect!["invalid_field: the message has a wrong media.timestamp"],
        ),
        (
            r#"{"event":"dtmf","sequenceNumber":"4","streamSid":"MZ1","dtmf":{"digit":"12"}}"#,
            expect!["invalid_field: the message has a wrong dtmf.digit"],
        ),
        (
            r#"{"event":"dtmf","sequenceNumber":"4","streamSid":"MZ1","dtmf":{"digit":"x"}}"#,
            expect!["invalid_field: the message has a wrong dtmf.digit"],
        ),
        (
            r#"{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{"streamSid":"MZ2","accountSid":"AC1","callSid":"CA1","mediaFormat":{}}}"#,
            expect!["invalid_field: the message has a wrong start.streamSid"],
        ),
        (
            r#"{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{"streamSid":"MZ1","accountSid":"AC1","callSid":"CA1"}}"#,
            expect!["missing_field: the message lacks start.mediaFormat"],
        ),
        (
            r#"{"event":"mark","sequenceNumber":"4","streamSid":"MZ1","mark":{"name":null}}"#,
            expect!["missing_field: the message lacks mark.name"],
        ),
    ] {
        check(text, expected);
    }
}

#[test]
fn a_message_may_have_64_kib_and_not_one_byte_more() {
    let message = |audio_chars: usize| {
        format!(
            r#"{{"event":"media","sequenceNumber":"4","streamSid":"MZ1","media":{{"track":"inbound","chunk":"2","timestamp":"25","payload":"{}"}}}}"#,
            "/".repeat(audio_chars)
        )
    };
    let frame = message(0).len();
    assert!(decode(&message(MESSAGE_BYTES_MAX - frame)).is_ok());
    let longer = message(MESSAGE_BYTES_MAX - frame + 1);
    assert_eq!(decode(&longer), Err(MediaProblem::TooLong));
}

#[test]
fn deep_nesting_does_not_exhaust_the_stack() {
    let nested = format!(
        r#"{{"event":"media","x":{}{}}}"#,
        "[".repeat(30_000),
        "]".repeat(30_000)
    );
    assert_eq!(decode(&nested), Err(MediaProblem::Missing("media")));
}

#[test]
fn the_audio_message_of_the_real_carrier_takes_the_short_way() {
    for text in [
        r#"{"event":"media","sequenceNumber":"4","streamSid":"MZ1","media":{"track":"inbound","chunk":"2","timestamp":"25","payload":"//8="}}"#,
        r#"{"event":"media","sequenceNumber":"4","media":{"track":"inbound","chunk":"2","timestamp":"25","payload":"//8="},"streamSid":"MZ1"}"#,
    ] {
        assert!(fast::media(text).is_some(), "{text}");
    }
}

#[test]
fn bad_base64_leaves_the_buffer_as_it_was() {
    let mut audio = vec![1, 2];
    for bad in ["/", "//8", "//8=//8=", "//8= ", "!!!!", "__8=", "\u{e9}"] {
        assert_eq!(
            MediaStreams.decode_payload(bad, &mut audio),
            Err(MediaProblem::NotBase64),
            "{bad}"
        );
        assert_eq!(audio, [1, 2]);
    }
    MediaStreams.decode_payload("/wA=", &mut audio).unwrap();
    MediaStreams.decode_payload("", &mut audio).unwrap();
    assert_eq!(audio, [1, 2, 0xff, 0]);
}

#[test]
fn the_worker_sends_exactly_the_documented_members() {
    let mut text = BytesMut::new();
    encode_media(STREAM, &[0xff, 0xff, 0x00], &mut text);
    text.put_slice(b"\n");
    encode_mark(STREAM, "u3-s0", &mut text);
    text.put_slice(b"\n");
    encode_clear(STREAM, &mut text);
    expect![[r#"
        {"event":"media","streamSid":"MZ0123456789abcdef0123456789abcdef","media":{"payload":"//8A"}}
        {"event":"mark","streamSid":"MZ0123456789abcdef0123456789abcdef","mark":{"name":"u3-s0"}}
        {"event":"clear","streamSid":"MZ0123456789abcdef0123456789abcdef"}"#]]
    .assert_eq(std::str::from_utf8(&text).unwrap());
}

#[test]
fn a_start_does_not_print_its_token() {
    let text = r#"{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{"streamSid":"MZ1","accountSid":"AC1","callSid":"CA1","customParameters":{"token":"tok_secret"},"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#;
    let Ok(Inbound::Start(start)) = decode(text) else {
        panic!("not a start");
    };
    assert_eq!(start.parameter("token"), Some("tok_secret"));
    assert_eq!(start.parameter("call_id"), None);
    assert!(start.format.is_mulaw_8k_mono());
    assert!(!format!("{start:?}").contains("secret"));
}

/// Texts near an audio message: right and wrong values, members in any order, left out, twice, or
/// unknown, with and without white space.
fn near_media() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        4 => "[0-9]{1,3}".prop_map(|digits| format!("\"{digits}\"")),
        2 => "[A-Za-z0-9+/=]{0,12}".prop_map(|text| format!("\"{text}\"")),
        1 => Just("\"inbound\"".to_owned()),
        1 => any::<String>().prop_map(|text| format!("\"{text}\"")),
        1 => any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        1 => prop_oneof![
            Just("7"), Just("-1"), Just("null"), Just("{}"), Just("[]"), Just("2e3"), Just("\"\\u0041\""),
            Just("\"99999999999999999999\""), Just("\"a\tb\""), Just("\"\u{7f}\"")
        ].prop_map(str::to_owned),
    ];
    let space = prop_oneof![9 => Just(""), 1 => Just(" ")];
    let inner = prop_oneof![
        3 => Just("track"), 3 => Just("chunk"), 3 => Just("timestamp"), 3 => Just("payload"), 1 => Just("more")
    ];
    let inner = prop::collection::vec((inner, value.clone()), 0..6).prop_map(|members| {
        let written: Vec<_> = members
            .into_iter()
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .collect();
        format!("{{{}}}", written.join(","))
    });
    let full_inner = ("[0-9]{1,4}", "[0-9]{1,4}", "[A-Za-z0-9+/=]{0,12}").prop_map(
        |(chunk, timestamp, payload)| {
            format!(
                r#"{{"track":"inbound","chunk":"{chunk}","timestamp":"{timestamp}","payload":"{payload}"}}"#
            )
        },
    );
    let outer = prop_oneof![
        3 => value.clone().prop_map(|value| ("sequenceNumber", value)),
        3 => value.clone().prop_map(|value| ("streamSid", value)),
        3 => full_inner.prop_map(|body| ("media", body)),
        1 => inner.prop_map(|body| ("media", body)),
        1 => value.prop_map(|value| ("more", value)),
    ];
    (prop::collection::vec(outer, 0..6), space.clone(), space).prop_map(
        |(members, before, after)| {
            let mut text = format!("{before}{{\"event\":\"media\"");
            for (name, value) in members {
                text.push_str(&format!(",{after}\"{name}\":{value}"));
            }
            text.push('}');
            text
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// The short way answers only what the definition answers.
    #[test]
    fn both_readers_agree_near_the_usual_form(text in near_media()) {
        if let Some(short) = fast::media(&text) {
            prop_assert_eq!(slow::decode(&text), Ok(short));
        }
    }

    /// One byte changed anywhere in a good message.
    #[test]
    fn both_readers_agree_after_a_change(at in 0_usize..140, to in any::<char>(), payload in "[A-Za-z0-9+/]{0,16}") {
        let good = format!(
            r#"{{"event":"media","sequenceNumber":"4","streamSid":"MZ1","media":{{"track":"inbound","chunk":"2","timestamp":"25","payload":"{payload}"}}}}"#
        );
        let changed: String = good
            .chars()
            .enumerate()
            .map(|(place, c)| if place == at { to } else { c })
            .collect();
        if let Some(short) = fast::media(&changed) {
            prop_assert_eq!(slow::decode(&changed), Ok(short));
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>()) {
        let _any_answer = decode(&text).is_ok();
    }

    #[test]
    fn a_good_message_is_read_to_the_letter(
        sequence in any::<u64>(),
        timestamp_ms in any::<u64>(),
        audio in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let payload = base64_simd::STANDARD.encode_to_string(&audio);
        let text = format!(
            r#"{{"event":"media","sequenceNumber":"{sequence}","streamSid":"{STREAM}","media":{{"track":"inbound","chunk":"2","timestamp":"{timestamp_ms}","payload":"{payload}"}}}}"#
        );
        let expected = Inbound::Media {
            stream_id: STREAM.into(),
            sequence,
            timestamp_ms,
            track: Track::Inbound,
            payload_base64: payload.as_str().into(),
        };
        prop_assert_eq!(decode(&text), Ok(expected.clone()));
        prop_assert_eq!(slow::decode(&text), Ok(expected));
        let mut heard = Vec::new();
        MediaStreams.decode_payload(&payload, &mut heard).unwrap();
        prop_assert_eq!(heard, audio);
    }

    /// Whatever the identifiers hold, what is sent is one JSON object of the documented members.
    #[test]
    fn what_is_sent_is_the_documented_json(
        stream_sid in any::<String>(),
        name in any::<String>(),
        audio in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let mut text = BytesMut::new();
        encode_media(&stream_sid, &audio, &mut text);
        let media: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let payload = base64_simd::STANDARD.encode_to_string(&audio);
        prop_assert_eq!(media, serde_json::json!({"event": "media", "streamSid": stream_sid, "media": {"payload": payload}}));
        text.clear();
        encode_mark(&stream_sid, &name, &mut text);
        let mark: serde_json::Value = serde_json::from_slice(&text).unwrap();
        prop_assert_eq!(mark, serde_json::json!({"event": "mark", "streamSid": stream_sid, "mark": {"name": name}}));
        text.clear();
        encode_clear(&stream_sid, &mut text);
        let clear: serde_json::Value = serde_json::from_slice(&text).unwrap();
        prop_assert_eq!(clear, serde_json::json!({"event": "clear", "streamSid": stream_sid}));
    }
}
