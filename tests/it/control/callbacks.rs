//! Promise P13: callbacks are believed only when signed, and repeating or reordering them changes
//! nothing.

use serde_json::json;

use super::carrier::ACCOUNT;
use super::{OUR_NUMBER, THEIR_NUMBER, World};
use crate::leftovers::Left;

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_without_the_carriers_signature_changes_nothing() {
    let world = World::start().await;
    let (call, sid) = world.placed_call().await;
    let tenant = world.tenant;
    let fields = [
        ("CallSid", sid.as_str()),
        ("AccountSid", ACCOUNT),
        ("CallStatus", "completed"),
    ];
    for kind in ["status", "amd", "recording", "stream", "resume"] {
        let path = format!("/carriers/twilio/{kind}/{tenant}/{call}");
        for signature in [
            None,
            Some(""),
            Some("AAAA"),
            Some("033hgUJA9M/hXIZsYjwkerEP/DBm35nEri5FhCYjA5s="),
        ] {
            let answer = world.webhook_signed(&path, &fields, signature).await;
            let seen = (answer.status, answer.code());
            assert_eq!(seen, (403, "signature_refused".to_owned()), "{kind}");
        }
    }
    let forged = world
        .webhook_signed("/carriers/twilio/voice", &fields, Some("AAAA"))
        .await;
    assert_eq!(forged.status, 403);
    // A true signature of another address or other fields is none either.
    let url = format!("{}/carriers/twilio/status/{tenant}/{call}", world.url);
    let token = settings::Secret::new(super::AUTH_TOKEN.to_owned());
    let honest = ::carrier::twilio::signature::sign_form(&token, &url, &fields);
    let mut altered = fields;
    altered[2].1 = "busy";
    let path = format!("/carriers/twilio/status/{tenant}/{call}");
    assert_eq!(
        world
            .webhook_signed(&path, &altered, Some(&honest))
            .await
            .status,
        403
    );
    let elsewhere = format!("/carriers/twilio/amd/{tenant}/{call}");
    assert_eq!(
        world
            .webhook_signed(&elsewhere, &fields, Some(&honest))
            .await
            .status,
        403
    );
    assert_eq!(world.told(&call).await, "placed");
    assert_eq!(
        world
            .webhook_signed(&path, &fields, Some(&honest))
            .await
            .status,
        204
    );
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn status_callbacks_in_any_order_and_twice_end_the_same() {
    let world = World::start().await;
    let agent = world.agent().await;
    let events = [
        ("initiated", "0"),
        ("ringing", "1"),
        ("in-progress", "2"),
        ("completed", "3"),
    ];
    let mut seen = Vec::new();
    for order in orders(4) {
        let call = world.call(&agent).await;
        world.dial_all().await;
        let sid = world.row(&call).await.call.carrier_call_id.unwrap();
        let mut states = Vec::new();
        for place in order {
            let (status, seq) = events[place];
            for _ in 0..2 {
                assert_eq!(world.status(&call, &sid, status, seq).await.status, 204);
                states.push(world.row(&call).await.call.state);
            }
        }
        assert!(states.is_sorted(), "a state went back");
        let row = world.row(&call).await;
        seen.push((row.call.outcome, row.call.answered_at, row.call.ended_at));
    }
    assert_eq!(seen.len(), 24);
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn how_an_unanswered_call_ended_is_kept() {
    let world = World::start().await;
    let agent = world.agent().await;
    for (status, sip, outcome) in [
        ("busy", "486", "busy"),
        ("no-answer", "487", "no_answer"),
        ("canceled", "487", "cancelled"),
        ("failed", "404", "number_unreachable"),
        ("failed", "503", "carrier_failed"),
    ] {
        let call = world.call(&agent).await;
        world.dial_all().await;
        let sid = world.row(&call).await.call.carrier_call_id.unwrap();
        let path = format!("/carriers/twilio/status/{}/{call}", world.tenant);
        let fields = [
            ("CallSid", sid.as_str()),
            ("AccountSid", ACCOUNT),
            ("CallStatus", status),
            ("SipResponseCode", sip),
        ];
        assert_eq!(world.webhook(&path, &fields).await.status, 204);
        world.status(&call, &sid, "completed", "4").await;
        assert_eq!(world.told(&call).await, format!("ended {outcome}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_or_belongs_to_no_call_is_refused() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1));
    let (call, sid) = world.placed_call().await;
    let other = format!("CA{:032x}", 99);
    let tenant = world.tenant;
    let path = format!("/carriers/twilio/status/{tenant}/{call}");
    let answer = world.status(&call, &other, "completed", "0").await;
    assert_eq!(
        (answer.status, answer.code()),
        (409, "call_mismatch".to_owned())
    );
    for unknown in [call.replace("call_0", "call_1"), "x".to_owned()] {
        let answer = world.status(&unknown, &sid, "completed", "0").await;
        assert_eq!(
            (answer.status, answer.code()),
            (404, "call_unknown".to_owned())
        );
    }
    for (fields, code) in [
        (vec![("CallSid", sid.as_str())], "form_field_missing"),
        (
            vec![
                ("CallSid", "x"),
                ("AccountSid", ACCOUNT),
                ("CallStatus", "busy"),
            ],
            "form_field_invalid",
        ),
        (
            vec![
                ("CallSid", &sid),
                ("AccountSid", ACCOUNT),
                ("CallStatus", "bored"),
            ],
            "form_field_invalid",
        ),
        (
            vec![
                ("CallSid", &sid),
                ("CallSid", &other),
                ("AccountSid", ACCOUNT),
                ("CallStatus", "busy"),
            ],
            "form_field_ambiguous",
        ),
    ] {
        let answer = world.webhook(&path, &fields).await;
        assert_eq!((answer.status, answer.code()), (400, code.to_owned()));
    }
    let long = "x".repeat(65 * 1024);
    let answer = world
        .webhook(&path, &[("CallSid", &sid), ("Note", &long)])
        .await;
    assert_eq!(
        (answer.status, answer.code()),
        (413, "form_too_long".to_owned())
    );
    assert_eq!(world.told(&call).await, "placed");
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_machine_that_answers_is_hung_up_on() {
    let world = World::start().await;
    let (call, sid) = world.placed_call().await;
    let path = format!("/carriers/twilio/amd/{}/{call}", world.tenant);
    let fields = [
        ("CallSid", sid.as_str()),
        ("AccountSid", ACCOUNT),
        ("AnsweredBy", "machine_start"),
    ];
    for _ in 0..2 {
        assert_eq!(world.webhook(&path, &fields).await.status, 204);
    }
    assert_eq!(world.told(&call).await, "ended voicemail");
    assert!(world.carrier.hung_up().contains(&sid));
    let resume = format!("/carriers/twilio/resume/{}/{call}", world.tenant);
    let voice = voice_fields(&sid, "outbound-api");
    let answer = world.webhook(&resume, &voice).await;
    assert!(answer.text.contains("<Hangup/>"), "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn the_carrier_gets_five_more_streams_and_then_hangs_up() {
    let world = World::start().await;
    let (call, sid) = world.placed_call().await;
    world.status(&call, &sid, "in-progress", "2").await;
    let path = format!("/carriers/twilio/resume/{}/{call}", world.tenant);
    let fields = voice_fields(&sid, "outbound-api");
    for _ in 0..5 {
        let answer = world.webhook(&path, &fields).await;
        assert_eq!(answer.status, 200);
        assert!(answer.text.contains("<Connect><Stream"), "{}", answer.text);
    }
    let last = world.webhook(&path, &fields).await;
    assert!(last.text.contains("<Hangup/>"), "{}", last.text);
    assert_eq!(world.told(&call).await, "ended no_capacity");
    let other = voice_fields("CA000000000000000000000000000000ff", "outbound-api");
    assert_eq!(world.webhook(&path, &other).await.status, 409);
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn somebody_calls_us_and_the_webhook_is_repeated() {
    let world = World::start().await;
    let agent = world.agent().await;
    let sid = "CA0000000000000000000000000000abcd";
    world.carrier.inbound(sid);
    let fields = voice_fields(sid, "inbound");
    for _ in 0..3 {
        let answer = world.webhook("/carriers/twilio/voice", &fields).await;
        assert!(answer.text.contains("<Connect><Stream"), "{}", answer.text);
    }
    let calls = world.ask("GET", "/v1/calls", None).await.json();
    let calls = calls["items"].as_array().unwrap();
    assert_eq!(calls.len(), 1);
    let call = &calls[0];
    assert_eq!(
        (
            &call["direction"],
            &call["state"],
            &call["agent_id"],
            &call["carrier_call_id"]
        ),
        (
            &json!("inbound"),
            &json!("ringing"),
            &json!(agent),
            &json!(sid)
        )
    );
    // Nobody calls back about an inbound call: when its stream stops, the carrier is asked.
    world.carrier.set_status(sid, "completed");
    let id = call["id"].as_str().unwrap();
    let path = format!("/carriers/twilio/stream/{}/{id}", world.tenant);
    let stopped = [
        ("CallSid", sid),
        ("AccountSid", ACCOUNT),
        ("StreamSid", "MZ00000000000000000000000000000001"),
        ("StreamEvent", "stream-stopped"),
    ];
    world.carrier.lasted(sid, 17);
    assert_eq!(world.webhook(&path, &stopped).await.status, 204);
    assert_eq!(world.told(id).await, "ended platform_failed");
    let told = world.ask("GET", &format!("/v1/calls/{id}"), None).await;
    assert_eq!(told.json()["carrier_duration_seconds"], 17);
}

pub(super) fn voice_fields<'a>(sid: &'a str, direction: &'a str) -> [(&'a str, &'a str); 6] {
    [
        ("CallSid", sid),
        ("AccountSid", ACCOUNT),
        ("From", THEIR_NUMBER),
        ("To", OUR_NUMBER),
        ("CallStatus", "in-progress"),
        ("Direction", direction),
    ]
}

/// Every order of `n` things.
fn orders(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for shorter in orders(n - 1) {
        for place in 0..n {
            let mut order = shorter.clone();
            order.insert(place, n - 1);
            all.push(order);
        }
    }
    all
}
