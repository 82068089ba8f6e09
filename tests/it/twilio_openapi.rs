//! Every request that the Twilio client can make, held against Twilio's own description of its API.
//!
//! What the description (`tests/descriptions`) only says in prose, words of some parameters, is written
//! out in `spec.rs`.

mod peer;
mod spec;

use std::collections::BTreeSet;
use std::time::Duration;

use carrier::account::{AccountState, CarrierNumber, Voice};
use carrier::call::{CreateCall, FindCalls, MachineDetection, MachineDetectionMode, RecordCall};
use carrier::instructions::Stream;
use carrier::recording::Channels;
use carrier::twilio::client::{Client, ClientConfig};
use carrier::twilio::status::{call_word, recording_status};
use carrier::{CallStatus, Carrier as _, CarrierCallId, CarrierRecordingId, Instructions};
use settings::Secret;
use url::Url;

use peer::{Peer, Seen};
use spec::Spec;

const CALL: &str = "CA0123456789abcdef0123456789ABCDEF";
const NUMBER: &str = "PNdddddddddddddddddddddddddddddddd";
const RECORDING: &str = "REcccccccccccccccccccccccccccccccc";
/// The account of the description's examples, so that their page links are followed.
const ACCOUNT: &str = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn call_id() -> CarrierCallId {
    CALL.parse().unwrap()
}

fn recording_id() -> CarrierRecordingId {
    RECORDING.parse().unwrap()
}

fn client(peer: &Peer) -> Client {
    let token = Secret::new("token".to_owned());
    let mut config = ClientConfig::new(peer.url(), ACCOUNT.parse().unwrap(), token);
    config.retry.base = Duration::from_millis(1);
    Client::new(config).unwrap()
}

/// The smallest call, and the one with everything.
fn calls() -> [CreateCall; 3] {
    let stream = Stream {
        url: url("wss://media.example.com/media/twilio"),
        status_callback: Some(url("https://dialer.example.com/carriers/twilio/stream/t/c")),
        parameters: vec![("token".to_owned(), "tok_é & ü".to_owned())],
    };
    let resume = url("https://dialer.example.com/carriers/twilio/resume/t/c");
    let smallest = CreateCall {
        to: "+14155550100".parse().unwrap(),
        from: "+15005550006".parse().unwrap(),
        instructions: Instructions::connect(stream, resume),
        status_callback: url("https://dialer.example.com/carriers/twilio/status/t/c?a=b&c=d"),
        ring_timeout: None,
        duration_max: None,
        recording: None,
        machine_detection: None,
    };
    let detection = |mode| {
        let callback = url("https://dialer.example.com/carriers/twilio/amd/t/c");
        MachineDetection::new(mode, callback)
    };
    let whole = CreateCall {
        ring_timeout: Some(Duration::from_secs(600)),
        duration_max: Some(Duration::from_secs(14_400)),
        recording: Some(RecordCall {
            status_callback: url("https://dialer.example.com/carriers/twilio/recording/t/c"),
        }),
        machine_detection: Some(MachineDetection {
            timeout_seconds: Some(59),
            speech_threshold_ms: Some(6_000),
            speech_end_threshold_ms: Some(500),
            silence_timeout_ms: Some(10_000),
            ..detection(MachineDetectionMode::MessageEnd)
        }),
        ..smallest.clone()
    };
    let usual = CreateCall {
        machine_detection: Some(detection(MachineDetectionMode::Start)),
        ..whole.clone()
    };
    [smallest, whole, usual]
}

/// Makes every kind of request once, with every parameter that the client knows.
async fn everything(client: &Client) {
    for call in calls() {
        client.place(&call).await.unwrap();
    }
    client.fetch_call(&call_id()).await.unwrap();
    client.hang_up(&call_id()).await.unwrap();
    client.cancel(&call_id()).await.unwrap();
    let instructions = Instructions::hang_up();
    client.redirect(&call_id(), &instructions).await.unwrap();
    let order = RecordCall {
        status_callback: url("https://dialer.example.com/carriers/twilio/recording/t/c"),
    };
    client.begin_recording(&call_id(), &order).await.unwrap();
    let list = FindCalls {
        to: Some("+14155550100".parse().unwrap()),
        from: Some("+15005550006".parse().unwrap()),
        status: Some(CallStatus::InProgress),
        started_from: Some("2026-11-20".parse().unwrap()),
        created_since: None,
    };
    client.find_calls(&list).await.unwrap();
    client.find_calls(&FindCalls::default()).await.unwrap();
    client.fetch_recording(&recording_id()).await.unwrap();
    client.list_recordings(&call_id()).await.unwrap();
    client.list_account_recordings(None).await.unwrap();
    client.delete_recording(&recording_id()).await.unwrap();
    client.fetch_account().await.unwrap();
    client.list_caller_ids().await.unwrap();
    client.list_numbers().await.unwrap();
    let voice = url("https://dialer.example.com/carriers/twilio/voice");
    let number = CarrierNumber {
        id: NUMBER.parse().unwrap(),
        number: "+15005550006".parse().unwrap(),
        voice: Voice::Nobody,
    };
    client.set_voice_url(&number, &voice).await.unwrap();
}

#[tokio::test]
async fn every_request_is_one_that_twilio_describes() {
    let spec = Spec::new();
    let peer = Peer::start(spec.clone()).await;
    everything(&client(&peer)).await;
    let mut covered = BTreeSet::new();
    for seen in peer.seen() {
        match spec.check(&seen) {
            Ok(operation) => {
                covered.insert(operation);
            }
            Err(problems) => panic!("{} {}: {problems:#?}", seen.method, seen.target),
        }
    }
    expect_test::expect![[r#"
        {
            "CreateCall",
            "CreateCallRecording",
            "DeleteRecording",
            "FetchAccount",
            "FetchCall",
            "FetchRecording",
            "ListCall",
            "ListIncomingPhoneNumber",
            "ListOutgoingCallerId",
            "ListRecording",
            "UpdateCall",
            "UpdateIncomingPhoneNumber",
        }
    "#]]
    .assert_debug_eq(&covered);
}

#[tokio::test]
async fn a_recording_asks_for_its_audio_beside_its_description() {
    let spec = Spec::new();
    let peer = Peer::start(spec).await;
    let client = client(&peer);
    for channels in [Channels::Two, Channels::One] {
        // The description does not know audio, and so neither does the peer: it says no.
        client
            .recording_media(&recording_id(), channels)
            .await
            .unwrap_err();
    }
    let targets: Vec<_> = peer.seen().into_iter().map(|seen| seen.target).collect();
    let audio = format!("/2010-04-01/Accounts/{ACCOUNT}/Recordings/{RECORDING}.wav");
    assert_eq!(targets, [format!("{audio}?RequestedChannels=2"), audio]);
}

#[tokio::test]
async fn every_example_answer_of_twilio_is_read() {
    let spec = Spec::new();
    let peer = Peer::start(spec.clone()).await;
    let client = client(&peer);
    let [call, ..] = calls();
    let mut read = 0;
    let mut expect_call = |example: &serde_json::Value, got: carrier::call::CarrierCall| {
        assert_eq!(example["sid"], got.id.as_str());
        assert_eq!(example["status"].as_str(), got.status.map(call_word));
        let duration = example["duration"]
            .as_str()
            .and_then(|text| text.parse().ok());
        assert_eq!(duration, got.duration_seconds);
        assert_eq!(
            example["date_created"].is_string(),
            got.created_at.is_some()
        );
        assert_eq!(
            example["answered_by"].is_string(),
            got.answered_by.is_some()
        );
        read += 1;
    };
    for example in peer.examples("CreateCall") {
        expect_call(&example, client.place(&call).await.unwrap());
    }
    for example in peer.examples("FetchCall") {
        expect_call(&example, client.fetch_call(&call_id()).await.unwrap());
    }
    for example in peer.examples("UpdateCall") {
        expect_call(&example, client.hang_up(&call_id()).await.unwrap());
    }
    for example in peer.examples("ListCall") {
        let listed = client.find_calls(&FindCalls::default()).await.unwrap();
        let described = example["calls"].as_array().unwrap();
        assert!(listed.items.len() >= described.len());
        for (example, got) in described.iter().zip(listed.items) {
            expect_call(example, got);
        }
    }
    for example in peer.examples("FetchAccount") {
        let got = client.fetch_account().await.unwrap();
        assert_eq!(example["status"], "active");
        assert_eq!(got.state, Some(AccountState::Active));
    }
    for example in peer.examples("ListIncomingPhoneNumber") {
        let got = client.list_numbers().await.unwrap().items;
        let listed = example["incoming_phone_numbers"].as_array().unwrap();
        assert_eq!(got.len(), listed.len());
        for (example, got) in listed.iter().zip(got) {
            assert_eq!(example["sid"], got.id.as_str());
            assert_eq!(example["phone_number"], got.number.as_str());
            assert_eq!(example["voice_url"].is_null(), got.voice == Voice::Nobody);
        }
    }
    for example in peer.examples("ListOutgoingCallerId") {
        let got = client.list_caller_ids().await.unwrap().items;
        let listed = example["outgoing_caller_ids"].as_array().unwrap().iter();
        let listed: Vec<_> = listed.map(|entry| entry["phone_number"].as_str()).collect();
        let got: Vec<_> = got.iter().map(|number| Some(number.as_str())).collect();
        assert_eq!(got, listed);
    }
    for example in peer.examples("FetchRecording") {
        let got = client.fetch_recording(&recording_id()).await.unwrap();
        assert_eq!(example["sid"], got.id.as_str());
        let status = example["status"].as_str();
        assert!(got.status.is_some());
        assert_eq!(status.and_then(recording_status), got.status);
        assert!(got.duration_seconds.is_some() && got.channels.is_some());
        read += 1;
    }
    for example in peer.examples("ListRecording") {
        let listed = client.list_recordings(&call_id()).await.unwrap();
        let described = example["recordings"].as_array().unwrap();
        assert!(listed.items.len() >= described.len());
        let page = client.list_account_recordings(None).await.unwrap();
        for (example, got) in described.iter().zip(page.items) {
            assert_eq!(example["sid"], got.id.as_str());
            assert_eq!(
                example["call_sid"].as_str(),
                got.call_id.as_ref().map(CarrierCallId::as_str)
            );
        }
        read += described.len();
    }
    assert!(read >= 10, "only {read} examples were read");
}

/// The check of the requests would notice what it is there for.
#[test]
fn a_request_that_twilio_would_refuse_is_noticed() {
    let spec = Spec::new();
    let good = "To=%2B14155550100&From=%2B15005550006&Twiml=%3CResponse%2F%3E";
    let create = |body: &str| Seen {
        method: "POST".to_owned(),
        target: format!("/2010-04-01/Accounts/{ACCOUNT}/Calls.json"),
        content_type: Some("application/x-www-form-urlencoded".to_owned()),
        body: body.to_owned(),
    };
    assert_eq!(spec.check(&create(good)), Ok("CreateCall".to_owned()));
    // Every one is noticed, and for what it is there for.
    let noticed = |seen: &Seen, problem: &str| {
        let problems = spec.check(seen).unwrap_err();
        assert_eq!(
            problems,
            [problem],
            "{} {} {}",
            seen.method,
            seen.target,
            seen.body
        );
    };
    for (more, problem) in [
        ("Unknown=1", "field Unknown is not described"),
        ("To=%2B14155550101", "To comes more than once"),
        ("Timeout=soon", "Timeout: not an integer"),
        ("Record=yes", "Record: not a boolean"),
        (
            "RecordingChannels=two",
            "RecordingChannels: not one of the words in prose",
        ),
        (
            "StatusCallbackMethod=PUT",
            "StatusCallbackMethod: not one of the words",
        ),
        (
            "StatusCallback=%2Fonly%2Fa%2Fpath",
            "StatusCallback: not of the format",
        ),
        (
            "StatusCallbackEvent=melted",
            "StatusCallbackEvent: not one of the words in prose",
        ),
        (
            "MachineDetection=enable",
            "MachineDetection: not one of the words in prose",
        ),
        ("AsyncAmd=yes", "AsyncAmd: not one of the words in prose"),
        ("Trim=trim", "Trim: not one of the words in prose"),
        (
            "Url=https%3A%2F%2Fexample.com%2F",
            "exactly one of Url, Twiml and ApplicationSid",
        ),
        (
            "Byoc=AC0123456789abcdef0123456789abcdef",
            "Byoc: not of the pattern",
        ),
    ] {
        noticed(&create(&format!("{good}&{more}")), problem);
    }
    let without = |gone: &str| {
        good.split('&')
            .filter(|pair| !pair.starts_with(gone))
            .collect::<Vec<_>>()
            .join("&")
    };
    for (gone, problem) in [
        ("To", "field To is missing"),
        ("From", "field From is missing"),
        ("Twiml", "exactly one of Url, Twiml and ApplicationSid"),
    ] {
        noticed(&create(&without(gone)), problem);
    }
    let mut json = create(good);
    json.content_type = Some("application/json".to_owned());
    noticed(&json, "a body of another media type");
    let calls = format!("/2010-04-01/Accounts/{ACCOUNT}/Calls");
    for (method, target, problem) in [
        ("GET", calls.clone(), "no such path and method"),
        (
            "GET",
            format!("{calls}/{CALL}.json").replace("/AC", "/CA"),
            "AccountSid: not of the pattern",
        ),
        (
            "GET",
            format!("{calls}.json?PageSize=1001"),
            "PageSize: out of range",
        ),
        (
            "GET",
            format!("{calls}.json?Since=1"),
            "query parameter Since is not described",
        ),
        (
            "GET",
            format!("{calls}.json?Status=dead"),
            "Status: not one of the words",
        ),
        (
            "GET",
            format!("{calls}.json?StartTime%3E=today"),
            "StartTime>: not of the format",
        ),
        (
            "PUT",
            format!("{calls}/{CALL}.json"),
            "no such path and method",
        ),
    ] {
        let seen = Seen {
            method: method.to_owned(),
            target,
            content_type: None,
            body: String::new(),
        };
        noticed(&seen, problem);
    }
}
