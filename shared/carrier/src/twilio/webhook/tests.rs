//! Callbacks as they come, and as they should not.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

const CALL: &str = "CA0123456789abcdef0123456789abcdef";
const ACCOUNT: &str = "ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// A form with a call, an account, and `more`.
fn form(more: &str) -> Form {
    Form::parse(format!("CallSid={CALL}&AccountSid={ACCOUNT}&{more}").as_bytes()).unwrap()
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "how `expect!` is written at the call"
)]
fn check<'a, T>(form: &'a Form, expected: Expect)
where
    T: TryFrom<&'a Form, Error = WebhookProblem> + fmt::Debug,
{
    let read = match T::try_from(form) {
        Ok(read) => format!("{read:?}"),
        Err(problem) => format!("{}: {problem}", problem.code()),
    };
    let read = read.replace(CALL, "CA…").replace(ACCOUNT, "AC…");
    expected.assert_eq(&read);
}

#[test]
fn somebody_calls_us() {
    let call = form(
        "From=%2B14155550100&To=%2B15005550006&Caller=%2B14155550100&CallStatus=ringing&ApiVersion=2010-04-01&Direction=inbound&FromCity=&StirVerstat=TN-Validation-Passed-A&NewField=1",
    );
    check::<VoiceRequest>(
        &call,
        expect![
            "VoiceRequest { call_sid: CA…, account_sid: AC…, from: Some(PhoneNumber(hidden)), to: Some(PhoneNumber(hidden)), direction: Inbound, status: Ringing, answered_by: None, digits: None }"
        ],
    );
    let read = VoiceRequest::try_from(&call).unwrap();
    assert_eq!(read.from.unwrap().as_str(), "+14155550100");
    assert_eq!(read.to.unwrap().as_str(), "+15005550006");
    for withheld in ["anonymous", "sip%3Abob%40example.com", "client%3Abob", ""] {
        let call = form(&format!(
            "From={withheld}&To=%2B15005550006&CallStatus=ringing&Direction=inbound"
        ));
        assert_eq!(
            VoiceRequest::try_from(&call).unwrap().from,
            None,
            "{withheld}"
        );
    }
}

#[test]
fn a_key_is_pressed_while_the_call_waits() {
    let pressed = |digits: &str| {
        let more = format!("CallStatus=in-progress&Direction=outbound-api&msg=Gather+End{digits}");
        let read = VoiceRequest::try_from(&form(&more));
        read.map(|request| CallRequest::from(request).keys)
    };
    let keys = |keys: &str| Ok(Some(keys.to_owned()));
    for (digits, read) in [
        ("", Ok(None)),
        ("&Digits=&FinishedOnKey=", Ok(None)),
        ("&Digits=9&FinishedOnKey=", keys("9")),
        ("&Digits=9&Digits=9", keys("9")),
        ("&Digits=%23", keys("#")),
        ("&Digits=*", keys("*")),
        ("&Digits=0123456789ABCD", keys("0123456789ABCD")),
        (
            "&Digits=9&Digits=1",
            Err(WebhookProblem::Ambiguous("Digits")),
        ),
    ] {
        assert_eq!(pressed(digits), read, "{digits}");
    }
    let longest = "9".repeat(KEYS_MAX);
    assert_eq!(pressed(&format!("&Digits={longest}")), keys(&longest));
    for wrong in ["hangup", "9+", "E", "%D9%A9", &format!("{longest}9")] {
        let read = pressed(&format!("&Digits={wrong}"));
        assert_eq!(read, Err(WebhookProblem::Invalid("Digits")), "{wrong}");
    }
}

#[test]
fn a_call_moves_on() {
    check::<StatusCallback>(
        &form(
            "CallStatus=ringing&CallbackSource=call-progress-events&SequenceNumber=1&Timestamp=Fri%2C+20+Nov+2026+23%3A00%3A00+%2B0000&StirStatus=A",
        ),
        expect![
            "StatusCallback { call_sid: CA…, account_sid: AC…, status: Ringing, sequence: Some(1), at: Some(2026-11-20T23:00:00Z), duration_seconds: None, sip_response_code: None, error_code: None, answered_by: None }"
        ],
    );
    check::<StatusCallback>(
        &form("CallStatus=no-answer&SequenceNumber=2&CallDuration=0&SipResponseCode=487"),
        expect![
            "StatusCallback { call_sid: CA…, account_sid: AC…, status: NoAnswer, sequence: Some(2), at: None, duration_seconds: Some(0), sip_response_code: Some(487), error_code: None, answered_by: None }"
        ],
    );
    check::<StatusCallback>(
        &form(
            "CallStatus=completed&SequenceNumber=3&CallDuration=42&Duration=1&SipResponseCode=200&AnsweredBy=machine_start&RecordingUrl=https%3A%2F%2Fevil.example&RecordingSid=nonsense",
        ),
        expect![
            "StatusCallback { call_sid: CA…, account_sid: AC…, status: Completed, sequence: Some(3), at: None, duration_seconds: Some(42), sip_response_code: Some(200), error_code: None, answered_by: Some(MachineStart) }"
        ],
    );
}

#[test]
fn a_machine_picked_up() {
    check::<AmdCallback>(
        &form("AnsweredBy=machine_end_beep&MachineDetectionDuration=4300"),
        expect![
            "AmdCallback { call_sid: CA…, account_sid: AC…, answered_by: MachineEndBeep, detection_ms: Some(4300) }"
        ],
    );
    check::<AmdCallback>(
        &form("AnsweredBy="),
        expect!["form_field_missing: the form lacks AnsweredBy"],
    );
    check::<AmdCallback>(
        &form("AnsweredBy=robot"),
        expect!["form_field_invalid: the form's AnsweredBy is out of range"],
    );
}

#[test]
fn a_recording_is_ready() {
    check::<RecordingCallback>(
        &form(
            "RecordingSid=REcccccccccccccccccccccccccccccccc&RecordingUrl=https%3A%2F%2Fapi.twilio.com%2Fx&RecordingStatus=completed&RecordingDuration=31&RecordingChannels=2&RecordingStartTime=Fri%2C+20+Nov+2026+23%3A00%3A00+%2B0000&RecordingSource=OutboundAPI&RecordingTrack=both&ErrorCode=0",
        ),
        expect![
            "RecordingCallback { call_sid: CA…, account_sid: AC…, recording_sid: REcccccccccccccccccccccccccccccccc, status: Completed, duration_seconds: Some(31), channels: Some(2), started_at: Some(2026-11-20T23:00:00Z), error_code: Some(0) }"
        ],
    );
    for (more, expected) in [
        (
            "RecordingChannels=3",
            expect!["form_field_invalid: the form's RecordingChannels is out of range"],
        ),
        (
            "RecordingChannels=0",
            expect!["form_field_invalid: the form's RecordingChannels is out of range"],
        ),
        (
            "RecordingDuration=-1",
            expect!["form_field_invalid: the form's RecordingDuration is out of range"],
        ),
        (
            "RecordingDuration=%2B1",
            expect!["form_field_invalid: the form's RecordingDuration is out of range"],
        ),
        (
            "RecordingStartTime=yesterday",
            expect!["form_field_invalid: the form's RecordingStartTime is out of range"],
        ),
    ] {
        check::<RecordingCallback>(
            &form(&format!(
                "RecordingSid=REcccccccccccccccccccccccccccccccc&RecordingStatus=completed&{more}"
            )),
            expected,
        );
    }
}

#[test]
fn a_stream_failed() {
    check::<StreamCallback>(
        &form(
            "StreamSid=MZdddddddddddddddddddddddddddddddd&StreamName=main&StreamEvent=stream-error&StreamError=31921+Stream+-+WebSocket+-+Close+Error&Timestamp=2026-11-20T23%3A00%3A00.123Z",
        ),
        expect![[
            r#"StreamCallback { call_sid: CA…, account_sid: AC…, stream_sid: MZdddddddddddddddddddddddddddddddd, event: Error, error: Some("31921 Stream - WebSocket - Close Error"), at: Some(2026-11-20T23:00:00.123Z) }"#
        ]],
    );
    let long = form(&format!(
        "StreamSid=MZdddddddddddddddddddddddddddddddd&StreamEvent=stream-error&StreamError={}",
        "%C3%A9".repeat(400)
    ));
    let error = StreamCallback::try_from(&long).unwrap().error.unwrap();
    assert_eq!(error.chars().count(), STREAM_ERROR_CHARS_MAX);
}

#[test]
fn what_is_wrong_is_named_and_not_repeated() {
    for (more, expected) in [
        ("", expect!["form_field_missing: the form lacks CallStatus"]),
        (
            "CallStatus=melting",
            expect!["form_field_invalid: the form's CallStatus is out of range"],
        ),
        (
            "CallStatus=completed&SequenceNumber=-1",
            expect!["form_field_invalid: the form's SequenceNumber is out of range"],
        ),
        (
            "CallStatus=completed&SequenceNumber=4294967296",
            expect!["form_field_invalid: the form's SequenceNumber is out of range"],
        ),
        (
            "CallStatus=completed&CallDuration=86401",
            expect!["form_field_invalid: the form's CallDuration is out of range"],
        ),
        (
            "CallStatus=completed&SipResponseCode=99",
            expect!["form_field_invalid: the form's SipResponseCode is out of range"],
        ),
        (
            "CallStatus=completed&SipResponseCode=700",
            expect!["form_field_invalid: the form's SipResponseCode is out of range"],
        ),
        (
            "CallStatus=completed&CallStatus=ringing",
            expect!["form_field_ambiguous: the form has two different values of CallStatus"],
        ),
    ] {
        check::<StatusCallback>(&form(more), expected);
    }
    // twice the same is one
    assert!(StatusCallback::try_from(&form("CallStatus=ringing&CallStatus=ringing")).is_ok());
    let foreign = Form::parse(b"CallSid=../../x&AccountSid=AC1&CallStatus=ringing").unwrap();
    check::<StatusCallback>(
        &foreign,
        expect!["form_field_invalid: the form's CallSid is out of range"],
    );
}

#[test]
fn a_form_has_limits() {
    assert!(Form::parse(&vec![b'a'; WEBHOOK_BYTES_MAX]).is_ok());
    assert_eq!(
        Form::parse(&vec![b'a'; WEBHOOK_BYTES_MAX + 1]),
        Err(WebhookProblem::TooLong)
    );
    let fields = |count: usize| "a=1&".repeat(count);
    assert_eq!(
        Form::parse(fields(WEBHOOK_FIELDS_MAX).as_bytes())
            .unwrap()
            .fields()
            .len(),
        WEBHOOK_FIELDS_MAX
    );
    assert_eq!(
        Form::parse(fields(WEBHOOK_FIELDS_MAX + 1).as_bytes()),
        Err(WebhookProblem::TooManyFields)
    );
}

#[test]
fn a_form_keeps_every_field_for_the_signature_and_prints_no_value() {
    let form = Form::parse(b"Tag=b&Tag=a&Unknown=Hola+Se%C3%B1or%20%26&Empty=").unwrap();
    let fields: Vec<_> = form
        .fields()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        fields,
        [
            ("Tag", "b"),
            ("Tag", "a"),
            ("Unknown", "Hola Señor &"),
            ("Empty", "")
        ]
    );
    assert!(!format!("{form:?}").contains("Hola"));
}

proptest! {
    #[test]
    fn no_body_makes_a_reading_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(form) = Form::parse(&body) {
            let _any = VoiceRequest::try_from(&form).is_ok();
            let _any = StatusCallback::try_from(&form).is_ok();
            let _any = AmdCallback::try_from(&form).is_ok();
            let _any = RecordingCallback::try_from(&form).is_ok();
            let _any = StreamCallback::try_from(&form).is_ok();
        }
    }
}
