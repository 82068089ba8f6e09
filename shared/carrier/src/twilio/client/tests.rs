//! The client against a scripted peer on loopback that can also fall silent, break off and lie.
//!
//! What the requests look like is checked against Twilio's own description in the workspace's tests.

mod peer;

use std::error::Error as _;

use model::Outcome;

use super::*;
use crate::call::{MachineDetection, MachineDetectionMode, RecordCall};
use crate::error::{CreateProblem, RefusalClass};
use crate::recording::RECORDING_BYTES_MAX;
use peer::{Peer, Reply, json, status};

const CALL: &str = "CA0123456789abcdef0123456789abcdef";
const RECORDING: &str = "REcccccccccccccccccccccccccccccccc";

fn call_body(status: &str) -> String {
    format!(
        r#"{{"sid":"{CALL}","status":"{status}","to":"+14155550100","from":"+15005550006","date_created":"Fri, 20 Nov 2026 23:00:00 +0000","start_time":null,"duration":null,"queue_time":"1000","answered_by":null,"price":null}}"#
    )
}

fn refusal(status: u16, code: u32) -> Reply {
    // As the real one: the number called is in the message.
    json(
        status,
        &format!(
            r#"{{"code":{code},"message":"The phone number +14155550100 is bad","more_info":"https://www.twilio.com/docs/errors/{code}","status":{status}}}"#
        ),
    )
}

fn client(peer: &Peer) -> Client {
    let account = "ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb".parse().unwrap();
    let mut config = ClientConfig::new(peer.url(), account, Secret::new("token".to_owned()));
    config.request_timeout = Duration::from_millis(300);
    config.retry.base = Duration::from_millis(1);
    Client::new(config).unwrap()
}

fn number(text: &str) -> PhoneNumber {
    text.parse().unwrap()
}

fn call_request() -> CreateCall {
    CreateCall {
        to: number("+14155550100"),
        from: number("+15005550006"),
        instructions: Instructions::hang_up(),
        status_callback: Url::parse("https://dialer.example.com/carriers/twilio/status/t/c")
            .unwrap(),
        ring_timeout: Some(Duration::from_secs(30)),
        duration_max: None,
        recording: None,
        machine_detection: None,
    }
}

fn sid() -> CarrierCallId {
    CALL.parse().unwrap()
}

fn recording() -> CarrierRecordingId {
    RECORDING.parse().unwrap()
}

/// What a create request comes to when the peer replies so, and how many requests there were.
async fn create(reply: Reply) -> Result<CarrierCall, CreateError> {
    // A second request would find a second reply, and so be seen.
    let peer = Peer::start(vec![reply, json(201, &call_body("queued"))]).await;
    let created = client(&peer).place(&call_request()).await;
    assert_eq!(peer.requests().len(), 1, "a create request was repeated");
    created
}

/// The error and all its sources in one line.
fn told(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        source = cause.source();
    }
    line
}

#[tokio::test]
async fn a_call_is_taken() {
    let created = create(json(201, &call_body("queued"))).await.unwrap();
    assert_eq!(created.id, sid());
    assert_eq!(created.status, Some(CallStatus::Queued));
    assert_eq!(created.queue_ms, Some(1_000));
    assert_eq!(
        created.created_at,
        Some("2026-11-20T23:00:00Z".parse().unwrap())
    );
    assert_eq!(created.started_at, None);
    // A word that Twilio may add one day does not unmake the call.
    let created = create(json(201, &call_body("levitating"))).await.unwrap();
    assert_eq!(created.status, None);
}

#[tokio::test]
async fn a_clear_no_is_a_no_and_says_whose_fault_it_is() {
    for (status, code, kind, class, outcome) in [
        (
            401,
            20003,
            RefusalKind::Credentials,
            RefusalClass::Account,
            Outcome::CarrierRefused,
        ),
        (
            400,
            21211,
            RefusalKind::ToInvalid,
            RefusalClass::Number,
            Outcome::NumberUnreachable,
        ),
        (
            400,
            21217,
            RefusalKind::ToInvalid,
            RefusalClass::Number,
            Outcome::NumberUnreachable,
        ),
        (
            400,
            21214,
            RefusalKind::ToUnreachable,
            RefusalClass::Number,
            Outcome::NumberUnreachable,
        ),
        (
            400,
            21210,
            RefusalKind::FromRefused,
            RefusalClass::Campaign,
            Outcome::CarrierRefused,
        ),
        (
            400,
            21215,
            RefusalKind::CountryNotPermitted,
            RefusalClass::Campaign,
            Outcome::CarrierRefused,
        ),
        (
            400,
            21216,
            RefusalKind::Blocked,
            RefusalClass::Campaign,
            Outcome::CarrierRefused,
        ),
        (
            400,
            21219,
            RefusalKind::TrialUnverified,
            RefusalClass::Account,
            Outcome::CarrierRefused,
        ),
        (
            400,
            10004,
            RefusalKind::ConcurrencyLimit,
            RefusalClass::Later,
            Outcome::CarrierRateLimited,
        ),
        (
            400,
            22005,
            RefusalKind::QueueFull,
            RefusalClass::Later,
            Outcome::CarrierRateLimited,
        ),
        (
            400,
            99999,
            RefusalKind::Other,
            RefusalClass::Request,
            Outcome::CarrierRefused,
        ),
        (
            403,
            99999,
            RefusalKind::Forbidden,
            RefusalClass::Account,
            Outcome::CarrierRefused,
        ),
    ] {
        let error = create(refusal(status, code)).await.unwrap_err();
        let CreateError::Refused(refused) = &error else {
            panic!("{code}: {error:?}");
        };
        assert_eq!((refused.status, refused.code), (status, Some(code)));
        assert_eq!((refused.kind, refused.class()), (kind, class), "{code}");
        assert_eq!(error.outcome(), Some(outcome), "{code}");
        assert!(error.certainly_not_placed());
        let told = told(&error);
        assert!(!told.contains("4155550100"), "{told}");
        assert_eq!(
            told,
            format!("the carrier refused the call: status {status}, code {code}")
        );
    }
    let error = create(status(404)).await.unwrap_err();
    assert_eq!(error.code(), "not_found");
}

#[tokio::test]
async fn too_many_requests_are_not_processed() {
    let reply = refusal(429, 20429).header("Retry-After: 7");
    let error = create(reply).await.unwrap_err();
    assert!(matches!(
        error,
        CreateError::RateLimited { code: Some(20429), retry_after: Some(wait) } if wait == Duration::from_secs(7)
    ));
    assert_eq!(error.outcome(), Some(Outcome::CarrierRateLimited));
    let bare = create(status(429)).await.unwrap_err();
    assert!(matches!(
        bare,
        CreateError::RateLimited {
            code: None,
            retry_after: None
        }
    ));
    // 503 of the API itself is a no; a bare one, of whoever stands in front of it, is not.
    let own = create(refusal(503, 20503)).await.unwrap_err();
    assert!(own.certainly_not_placed());
}

#[tokio::test]
async fn a_lost_answer_may_be_a_call_under_way() {
    let taken = call_body("queued");
    let lost = [
        ("bare 503", status(503)),
        ("500 with a body", refusal(500, 20500)),
        ("502", status(502)),
        ("504", status(504)),
        ("408 of a proxy", status(408)),
        (
            "a redirect",
            status(307).header("Location: https://elsewhere.example/"),
        ),
        ("201 with a page", json(201, "<html>")),
        ("201 without a sid", json(201, r#"{"status":"queued"}"#)),
        ("201 broken off", json(201, &taken).cut_to(40)),
        (
            "201 that never ends",
            json(201, &"x".repeat(ANSWER_BYTES_MAX + 1)),
        ),
        ("the connection closed", Reply::Close),
        ("silence", Reply::Silence),
    ];
    for (what, reply) in lost {
        let error = create(reply).await.unwrap_err();
        assert!(
            matches!(error, CreateError::Unknown(_)),
            "{what}: {error:?}"
        );
        assert!(!error.certainly_not_placed(), "{what}");
        assert_eq!(error.outcome(), None, "{what}");
        assert!(!told(&error).contains("4155550100"), "{what}");
    }
}

#[tokio::test]
async fn nothing_was_sent_when_nobody_listens_or_a_limit_is_broken() {
    let peer = Peer::start(vec![]).await;
    let client = client(&peer);
    peer.stop().await;
    let error = client.place(&call_request()).await.unwrap_err();
    assert!(matches!(error, CreateError::NotSent(_)), "{error:?}");
    assert!(error.certainly_not_placed());

    let broken: [(&str, fn(&mut CreateCall)); 7] = [
        ("Timeout", |call| call.ring_timeout = Some(Duration::ZERO)),
        ("Timeout", |call| {
            call.ring_timeout = Some(Duration::from_secs(601));
        }),
        ("Timeout", |call| {
            call.ring_timeout = Some(Duration::from_millis(1_500));
        }),
        ("TimeLimit", |call| {
            call.duration_max = Some(Duration::from_secs(90_000));
        }),
        ("StatusCallback", |call| {
            call.status_callback = Url::parse("https://my_host.example/").unwrap();
        }),
        ("RecordingStatusCallback", |call| {
            let status_callback = Url::parse("ftp://host/").unwrap();
            call.recording = Some(RecordCall { status_callback });
        }),
        ("MachineDetectionSpeechThreshold", |call| {
            let callback = Url::parse("https://host.example/").unwrap();
            let mut detection = MachineDetection::new(MachineDetectionMode::Start, callback);
            detection.speech_threshold_ms = Some(999);
            call.machine_detection = Some(detection);
        }),
    ];
    for (parameter, breaks) in broken {
        let mut call = call_request();
        breaks(&mut call);
        let error = client.place(&call).await.unwrap_err();
        assert!(
            matches!(error, CreateError::Invalid(CreateProblem { parameter: named }) if named == parameter),
            "{parameter}: {error:?}"
        );
    }
}

#[tokio::test]
async fn reading_is_repeated_until_it_works() {
    let script = vec![
        status(500),
        refusal(429, 20429),
        Reply::Close,
        json(200, &call_body("in-progress")),
    ];
    let peer = Peer::start(script).await;
    let fetched = client(&peer).fetch_call(&sid()).await.unwrap();
    assert_eq!(fetched.status, Some(CallStatus::InProgress));
    assert_eq!(peer.requests().len(), 4);
}

#[tokio::test]
async fn repetition_has_an_end() {
    let peer = Peer::start(vec![status(500), status(502), status(503), status(500)]).await;
    let error = client(&peer).fetch_call(&sid()).await.unwrap_err();
    assert!(
        matches!(error, RequestError::Unavailable { status: 500 }),
        "{error:?}"
    );
    assert!(error.may_heal());
    assert_eq!(peer.requests().len(), 4);

    // A wait longer than is bearable here is the customer's to plan.
    let peer = Peer::start(vec![refusal(429, 20429).header("Retry-After: 60")]).await;
    let error = client(&peer).fetch_call(&sid()).await.unwrap_err();
    assert!(
        matches!(error, RequestError::RateLimited { retry_after: Some(wait) } if wait == Duration::from_secs(60)),
        "{error:?}"
    );

    // A clear no is not asked again.
    let peer = Peer::start(vec![refusal(404, 20404)]).await;
    let error = client(&peer).fetch_call(&sid()).await.unwrap_err();
    assert!(error.is_not_found() && !error.may_heal());
}

#[tokio::test]
async fn hanging_up_is_repeated_and_new_instructions_only_when_certainly_not_followed() {
    let done = || json(200, &call_body("completed"));
    let peer = Peer::start(vec![Reply::Close, status(500), done()]).await;
    let ended = client(&peer).hang_up(&sid()).await.unwrap();
    assert_eq!(ended.status, Some(CallStatus::Completed));
    for request in peer.requests() {
        assert_eq!(request.body, "Status=completed");
    }

    for lost in [Reply::Close, status(500)] {
        let peer = Peer::start(vec![lost, done()]).await;
        client(&peer)
            .redirect(&sid(), &Instructions::hang_up())
            .await
            .unwrap_err();
        assert_eq!(peer.requests().len(), 1);
    }
    let peer = Peer::start(vec![refusal(429, 20429), done()]).await;
    client(&peer)
        .redirect(&sid(), &Instructions::hang_up())
        .await
        .unwrap();
    assert_eq!(peer.requests().len(), 2);
}

/// A second request would begin a second recording.
#[tokio::test]
async fn a_recording_is_only_asked_for_again_when_it_was_certainly_not_begun() {
    let order = RecordCall {
        status_callback: Url::parse("https://dialer.example.com/recording").unwrap(),
    };
    let begun = json(
        201,
        &format!(r#"{{"sid":"{RECORDING}","call_sid":"{CALL}","status":"in-progress"}}"#),
    );
    let peer = Peer::start(vec![refusal(429, 20429), begun]).await;
    let recorded = client(&peer).begin_recording(&sid(), &order).await.unwrap();
    assert_eq!(recorded.id, recording());
    let requests = peer.requests();
    assert_eq!(requests.len(), 2);
    assert!(
        requests[0]
            .line
            .starts_with(&format!("POST /2010-04-01/Accounts/ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/Calls/{CALL}/Recordings.json")),
        "{}",
        requests[0].line
    );
    let peer = Peer::start(vec![status(500)]).await;
    let lost = client(&peer).begin_recording(&sid(), &order).await;
    assert!(
        matches!(lost, Err(RequestError::Unavailable { status: 500 })),
        "{lost:?}"
    );
    assert_eq!(peer.requests().len(), 1);
}

#[tokio::test]
async fn a_deletion_can_be_repeated() {
    let peer = Peer::start(vec![Reply::Close, refusal(404, 20404)]).await;
    client(&peer).delete_recording(&recording()).await.unwrap();
    let peer = Peer::start(vec![Reply::Http(
        b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
    )])
    .await;
    client(&peer).delete_recording(&recording()).await.unwrap();
    assert_eq!(
        peer.requests().first().unwrap().line,
        format!(
            "DELETE /2010-04-01/Accounts/ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/Recordings/{RECORDING}.json HTTP/1.1"
        )
    );
}

fn page(calls: &[&str], next: Option<&str>) -> Reply {
    let next = next.map_or_else(|| "null".to_owned(), |uri| format!("\"{uri}\""));
    json(
        200,
        &format!(
            r#"{{"calls":[{}],"page":0,"next_page_uri":{next}}}"#,
            calls.join(",")
        ),
    )
}

#[tokio::test]
async fn a_list_is_followed_from_page_to_page() {
    let list = "/2010-04-01/Accounts/ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/Calls.json";
    let next = format!("{list}?PageSize=200&Page=1&PageToken=PACA1");
    let body = call_body("ringing");
    let older = body.replace("20 Nov 2026 23:00:00", "20 Nov 2026 22:59:59");
    let peer = Peer::start(vec![
        page(&[&body], Some(&next)),
        page(&[&older, &body], None),
    ])
    .await;
    let wanted = FindCalls {
        to: Some(number("+14155550100")),
        created_since: Some("2026-11-20T23:00:00.7Z".parse().unwrap()),
        ..FindCalls::default()
    };
    let listed = client(&peer).find_calls(&wanted).await.unwrap();
    assert!(listed.complete);
    assert_eq!(listed.items.len(), 2);
    let lines: Vec<_> = peer
        .requests()
        .into_iter()
        .map(|request| request.line)
        .collect();
    assert_eq!(
        lines,
        [
            format!("GET {list}?To=%2B14155550100&PageSize=200 HTTP/1.1"),
            format!("GET {next} HTTP/1.1"),
        ]
    );
}

#[tokio::test]
async fn our_token_does_not_follow_a_list_elsewhere() {
    for elsewhere in [
        "https://evil.example/2010-04-01/Accounts/ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/Calls.json",
        "//evil.example/Calls.json",
        "@evil.example/Calls.json",
        "/2010-04-01/Accounts/ACcccccccccccccccccccccccccccccccc/Calls.json",
        "/2010-04-01/Accounts/ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/x/../../Keys.json",
    ] {
        let peer = Peer::start(vec![page(&[], Some(elsewhere))]).await;
        let error = client(&peer)
            .find_calls(&FindCalls::default())
            .await
            .unwrap_err();
        assert!(
            matches!(error, RequestError::Lost(Lost::Unreadable)),
            "{elsewhere}: {error:?}"
        );
    }
}

fn recordings(next: Option<&str>) -> Reply {
    let next = next.map_or("null".to_owned(), |uri| format!("\"{uri}\""));
    let recording = format!(
        r#"{{"sid":"{RECORDING}","call_sid":"{CALL}","status":"completed","duration":"19","channels":2,"start_time":"Fri, 20 Nov 2026 23:00:00 +0000"}}"#
    );
    let page = format!(r#"{{"recordings":[{recording}],"page":0,"next_page_uri":{next}}}"#);
    json(200, &page)
}

#[tokio::test]
async fn the_account_s_recordings_are_read_a_page_at_a_time() {
    let list = "/2010-04-01/Accounts/ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/Recordings.json";
    let next = format!("{list}?PageSize=50&Page=1&PageToken=PARE1");
    let peer = Peer::start(vec![recordings(Some(&next)), recordings(None)]).await;
    let client = client(&peer);
    let first = client.list_account_recordings(None).await.unwrap();
    assert_eq!(first.next.as_deref(), Some(next.as_str()));
    let last = client.list_account_recordings(Some(&next)).await.unwrap();
    assert_eq!(last.next, None);
    let [found] = last.items.as_slice() else {
        panic!("{last:?}");
    };
    assert_eq!((&found.id, &found.call_id), (&recording(), &Some(sid())));
    assert_eq!(
        found.started_at,
        Some("2026-11-20T23:00:00Z".parse().unwrap())
    );
    assert_eq!(found.bytes_about(), Some(19 * 2 * 16_000));
    let lines: Vec<_> = peer.requests().into_iter().map(|it| it.line).collect();
    assert_eq!(
        lines,
        [
            format!("GET {list}?PageSize=50 HTTP/1.1"),
            format!("GET {next} HTTP/1.1"),
        ]
    );
}

#[tokio::test]
async fn a_page_elsewhere_is_neither_handed_out_nor_asked_for() {
    let list = "/2010-04-01/Accounts/ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/Recordings.json";
    let long = format!("{list}?PageToken={}", "x".repeat(NEXT_PAGE_CHARS_MAX));
    for elsewhere in [
        "@elsewhere.example.com/Recordings.json",
        "//elsewhere.example.com/Recordings.json",
        "/2010-04-01/Accounts/ACcccccccccccccccccccccccccccccccc/Recordings.json?Page=1",
        "/2010-04-01/Accounts/ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/Calls.json?Page=1",
        long.as_str(),
    ] {
        let peer = Peer::start(vec![recordings(Some(elsewhere))]).await;
        let told = client(&peer).list_account_recordings(None).await;
        assert!(matches!(told, Err(RequestError::Lost(_))), "{told:?}");
        if elsewhere != long {
            let peer = Peer::start(vec![recordings(None)]).await;
            let kept = Some(elsewhere);
            let told = client(&peer).list_account_recordings(kept).await;
            assert!(matches!(told, Err(RequestError::Lost(_))), "{told:?}");
            assert_eq!(peer.requests().len(), 0);
        }
    }
}

#[tokio::test]
async fn a_list_without_end_is_cut_and_says_so() {
    let list = "/2010-04-01/Accounts/ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/Calls.json?Page=1";
    let body = call_body("completed");
    let endless = (0..=PAGES_MAX).map(|_page| page(&[&body], Some(list)));
    let peer = Peer::start(endless.collect()).await;
    let listed = client(&peer)
        .find_calls(&FindCalls::default())
        .await
        .unwrap();
    assert!(!listed.complete);
    assert_eq!(listed.items.len(), PAGES_MAX);
    assert_eq!(peer.requests().len(), PAGES_MAX);
}

/// All bytes of a recording, or the error that ended them.
async fn drain(media: &mut RecordingMedia) -> Result<Vec<u8>, RequestError> {
    let mut all = Vec::new();
    while let Some(bytes) = media.chunk().await? {
        all.extend_from_slice(&bytes);
    }
    Ok(all)
}

fn wav(body: &str) -> Reply {
    json(200, body).header("Content-Type: audio/x-wav")
}

#[tokio::test]
async fn a_recording_flows() {
    let peer = Peer::start(vec![status(500), wav("RIFF")]).await;
    let mut media = client(&peer)
        .recording_media(&recording(), Channels::Two)
        .await
        .unwrap();
    assert_eq!(media.content_length, Some(4));
    assert_eq!(media.channels, Channels::Two);
    assert_eq!(drain(&mut media).await.unwrap(), b"RIFF");
    assert_eq!(media.received(), 4);
    assert!(
        peer.requests()
            .last()
            .unwrap()
            .line
            .ends_with(".wav?RequestedChannels=2 HTTP/1.1")
    );
}

#[tokio::test]
async fn a_recording_of_one_channel_comes_with_one() {
    let peer = Peer::start(vec![status(400), wav("RIFF")]).await;
    let media = client(&peer)
        .recording_media(&recording(), Channels::Two)
        .await
        .unwrap();
    assert_eq!(media.channels, Channels::One);
    assert!(
        peer.requests()
            .last()
            .unwrap()
            .line
            .ends_with(".wav HTTP/1.1")
    );
}

#[tokio::test]
async fn a_recording_that_breaks_off_is_not_taken_for_whole() {
    let peer = Peer::start(vec![wav("RIFF and more").cut_to(4)]).await;
    let mut media = client(&peer)
        .recording_media(&recording(), Channels::One)
        .await
        .unwrap();
    let error = drain(&mut media).await.unwrap_err();
    assert!(
        matches!(error, RequestError::Lost(Lost::Broken(_))),
        "{error:?}"
    );
    assert_eq!(media.received(), 4);
}

#[tokio::test]
async fn a_recording_larger_than_any_call_is_refused() {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
        RECORDING_BYTES_MAX + 1
    );
    let peer = Peer::start(vec![Reply::Http(head.into_bytes())]).await;
    let error = client(&peer)
        .recording_media(&recording(), Channels::One)
        .await
        .unwrap_err();
    assert!(
        matches!(error, RequestError::Lost(Lost::TooLong)),
        "{error:?}"
    );
}

#[tokio::test]
async fn who_we_are_goes_with_every_request_and_into_no_error() {
    let peer = Peer::start(vec![json(200, &call_body("ringing"))]).await;
    let client = client(&peer);
    client.fetch_call(&sid()).await.unwrap();
    // base64 of the account and "token"
    let authorization =
        "authorization: Basic QUNiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYjp0b2tlbg==";
    let request = peer.requests().pop().unwrap();
    assert!(request.head.contains(authorization), "{}", request.head);
    assert!(!format!("{client:?}").contains("token\""));

    peer.stop().await;
    let to = number("+14155550100");
    let list = FindCalls {
        to: Some(to),
        ..FindCalls::default()
    };
    let error = client.find_calls(&list).await.unwrap_err();
    assert!(error.source().is_some());
    let told = format!("{} {error:?}", told(&error));
    assert!(!told.contains("4155550100"), "{told}");
    assert!(!told.contains("token"), "{told}");
}
