//! What a client of the simulated recognizer sees.

use expect_test::{Expect, expect};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message};

use super::*;
use crate::peer::{Due, Input, Peer as _, Wire};
use crate::voice::{SILENCE, Voice, speak};

const QUERY: &str = "model=nova-3&language=en&encoding=mulaw&sample_rate=8000&channels=1&interim_results=true&endpointing=300&utterance_end_ms=1000&vad_events=true&smart_format=true";

fn vendor(faults: Faults) -> Vendor {
    let mut behaviour = Behaviour::new("dg-sim").without_delay();
    behaviour.faults = faults;
    Vendor::new(behaviour)
}

fn open(vendor: &Vendor, query: &str) -> Opening<Session> {
    let head = Head {
        path: "/v1/listen",
        query,
        key: Some("Token dg-sim"),
    };
    vendor.connect(head, Duration::ZERO)
}

/// Plays a script of `"words"`, pauses in milliseconds and messages, and tells what came back and when.
fn check(script: &[&str], expected: &Expect) {
    let vendor = vendor(Faults::none());
    let Opening::Open { mut session, .. } = open(&vendor, QUERY) else {
        panic!("refused");
    };
    let mut now = Duration::ZERO;
    let mut told = String::new();
    let mut send = |session: &mut Session, audio: &[u8], told: &mut String| {
        for frame in audio.chunks(160) {
            now += Duration::from_millis(20);
            for due in session.handle(Input::Binary(frame), now) {
                *told += &format!("{} {}\n", now.as_millis(), tell(&due));
            }
        }
        now
    };
    for step in script {
        if let Ok(ms) = step.parse::<usize>() {
            send(&mut session, &vec![SILENCE; ms * 8], &mut told);
        } else if step.starts_with('{') {
            let at = send(&mut session, &[], &mut told);
            for due in session.handle(Input::Text(step), at) {
                told += &format!("{} {}\n", at.as_millis(), tell(&due));
            }
        } else {
            let mut audio = speak(step, &Voice::named("customer")).audio;
            while !audio.len().is_multiple_of(160) {
                audio.push(SILENCE);
            }
            send(&mut session, &audio, &mut told);
        }
    }
    expected.assert_eq(&told);
}

fn tell(due: &Due) -> String {
    let message: Value = match &due.wire {
        Wire::Text(text) => serde_json::from_str(text).unwrap(),
        Wire::Close { code, reason } => return format!("close {code} {reason}"),
        Wire::Binary(_) | Wire::Cut => return format!("{due:?}"),
    };
    let text = &message["channel"]["alternatives"][0]["transcript"];
    let flag = |name: &str| {
        if message[name] == true {
            format!(" {name}")
        } else {
            String::new()
        }
    };
    match message["type"].as_str().unwrap() {
        "Results" => format!(
            "{text} {}+{}{}{}{}",
            message["start"],
            message["duration"],
            flag("is_final"),
            flag("speech_final"),
            flag("from_finalize")
        ),
        "SpeechStarted" => format!("SpeechStarted {}", message["timestamp"]),
        "UtteranceEnd" => format!("UtteranceEnd {}", message["last_word_end"]),
        "Error" => format!("Error {}", message["variant"]),
        other => other.to_owned(),
    }
}

#[test]
fn words_come_as_they_are_spoken_and_are_final_after_a_pause() {
    check(
        &["400", "Hello, this is Ann.", "1500"],
        &expect![[r#"
            440 SpeechStarted 0.4
            740 "Hello," 0.0+0.74
            1160 "Hello, this" 0.0+1.16
            1360 "Hello, this is" 0.0+1.36
            1620 "Hello, this is Ann." 0.0+1.62
            1920 "Hello, this is Ann." 0.0+1.92 is_final speech_final
            2620 UtteranceEnd 1.62
            2920 "" 1.92+1.0
        "#]],
    );
}

#[test]
fn finalize_and_close_flush_what_was_heard() {
    check(
        &[
            "100",
            "yes",
            r#"{"type":"Finalize"}"#,
            r#"{"type":"Finalize"}"#,
            "and no",
            r#"{"type":"CloseStream"}"#,
        ],
        &expect![[r#"
            140 SpeechStarted 0.1
            300 "yes" 0.0+0.3
            360 "yes" 0.0+0.3 is_final from_finalize
            360 "" 0.3+0.06 is_final from_finalize
            560 "and" 0.36+0.2
            760 "and no" 0.36+0.4
            820 "and no" 0.36+0.46 is_final
            820 Metadata
            820 close 1000 
        "#]],
    );
}

#[test]
fn what_is_not_of_the_schema_is_told_and_the_stream_goes_on() {
    check(
        &[
            "20",
            r#"{"type":"Flush"}"#,
            r#"{"type":"KeepAlive","x":1}"#,
            "hm",
        ],
        &expect![[r#"
            20 Error "SchemaError"
            20 Error "SchemaError"
            60 SpeechStarted 0.02
            160 "hm" 0.0+0.16
        "#]],
    );
}

#[test]
fn a_lost_frame_is_a_garbled_word() {
    let vendor = vendor(Faults::none());
    let Opening::Open { mut session, .. } = open(&vendor, QUERY) else {
        panic!("refused");
    };
    let mut audio = vec![SILENCE; 1600];
    audio.extend(speak("one two three", &Voice::named("customer")).audio);
    audio.extend([SILENCE; 8000]);
    let mut said = String::new();
    for (number, frame) in audio.chunks(160).enumerate() {
        if number != 25 {
            for due in session.handle(Input::Binary(frame), Duration::ZERO) {
                let told = tell(&due);
                if told.contains("is_final") {
                    said += &told;
                }
            }
        }
    }
    assert!(said.contains("[garbled]"), "{said}");
}

#[test]
fn a_client_that_sends_nothing_is_dropped_after_ten_seconds() {
    let vendor = vendor(Faults::none());
    let Opening::Open { mut session, .. } = open(&vendor, QUERY) else {
        panic!("refused");
    };
    let seconds = Duration::from_secs;
    session.handle(Input::Text(r#"{"type":"KeepAlive"}"#), seconds(5));
    assert_eq!(
        session.poll_timeout(),
        Some(seconds(10)),
        "a fresh stream needs audio"
    );
    session.handle(Input::Binary(&[SILENCE; 160]), seconds(6));
    session.handle(Input::Text(r#"{"type":"KeepAlive"}"#), seconds(12));
    assert_eq!(session.poll_timeout(), Some(seconds(22)));
    let close = Wire::Close {
        code: 1011,
        reason: "NET-0001".to_owned(),
    };
    assert_eq!(
        session.handle_timeout(seconds(22)),
        [Due {
            at: seconds(22),
            wire: close
        }]
    );
    assert_eq!(session.poll_timeout(), None);
}

#[test]
fn an_empty_frame_ends_the_stream() {
    let vendor = vendor(Faults::none());
    let Opening::Open { mut session, .. } = open(&vendor, QUERY) else {
        panic!("refused");
    };
    let told: Vec<_> = session
        .handle(Input::Binary(&[]), Duration::ZERO)
        .iter()
        .map(tell)
        .collect();
    assert_eq!(told, ["Metadata", "close 1000 "]);
    assert_eq!(vendor.violations().count(), 1);
}

#[test]
fn wrong_questions_are_refused_as_the_vendor_does() {
    let refused = |query: &str| match open(&vendor(Faults::none()), query) {
        Opening::Refused(refused) => format!("{} {}", refused.status, refused.headers[1].1),
        Opening::Open { .. } | Opening::Cut | Opening::Silent => "not refused".to_owned(),
    };
    let mut told = String::new();
    for change in [
        "&foo=1",
        "&model=nova-3",
        "&vad_events=yes",
        "&endpointing=soon",
    ] {
        told += &format!("{}\n", refused(&format!("{QUERY}{change}")));
    }
    for (from, to) in [
        ("mulaw", "linear16"),
        ("model=nova-3&", ""),
        ("sample_rate=8000&", ""),
        ("interim_results=true&", ""),
        ("=1000", "=500"),
        ("nova-3", "nova-99"),
    ] {
        told += &format!("{}\n", refused(&QUERY.replace(from, to)));
    }
    let head = Head {
        path: "/v1/listen",
        query: QUERY,
        key: Some("Token other"),
    };
    let Opening::Refused(refused) = vendor(Faults::none()).connect(head, Duration::ZERO) else {
        panic!("let in");
    };
    told += &format!("{} {}\n", refused.status, refused.body);
    expect![[r#"
        400 query foo: unknown
        400 query model: given twice
        400 query vad_events: given twice
        400 query endpointing: given twice
        400 query encoding: the simulation hears mulaw at 8000
        400 query model: missing
        400 query sample_rate: missing for raw audio
        400 query utterance_end_ms: needs interim_results=true
        400 query utterance_end_ms: wrong value
        400 query model: no such model
        401 {"err_code":"INVALID_AUTH","err_msg":"Invalid credentials.","request_id":"00000000-0000-4000-8000-000000000000"}
    "#]].assert_eq(&told);
}

#[tokio::test]
async fn a_client_on_a_socket_is_understood() {
    let listen = "127.0.0.1:0".parse().unwrap();
    let mut behaviour = Behaviour::new("dg-sim").without_delay();
    behaviour.faults = Faults::none().at(1, Fault::RefuseConnect);
    let server = Server::start(Config { listen, behaviour }).await.unwrap();
    let url = format!("{}/v1/listen?{QUERY}", server.url().replace("http", "ws"));
    let connect = |key: &'static str| {
        let mut request = url.as_str().into_client_request().unwrap();
        request
            .headers_mut()
            .insert("authorization", key.parse().unwrap());
        tokio_tungstenite::connect_async(request)
    };
    let Err(tungstenite::Error::Http(refused)) = connect("Token wrong").await else {
        panic!("let in");
    };
    assert_eq!(refused.status(), 401);
    assert_eq!(refused.headers()["dg-error"], "Invalid credentials.");
    assert!(connect("Token dg-sim").await.is_err());
    let (mut socket, _) = connect("Token dg-sim").await.unwrap();
    let audio = speak("Is anybody there?", &Voice::named("customer")).audio;
    socket.send(Message::Binary(audio.into())).await.unwrap();
    socket
        .send(Message::text(r#"{"type":"CloseStream"}"#))
        .await
        .unwrap();
    let mut words = String::new();
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Text(text) = message {
            let message: Value = serde_json::from_str(&text).unwrap();
            if message["is_final"] == true {
                words += message["channel"]["alternatives"][0]["transcript"]
                    .as_str()
                    .unwrap();
            }
        }
    }
    assert_eq!(words, "Is anybody there?");
    assert_eq!(server.violations(), ["authorization: not our key"]);
}
