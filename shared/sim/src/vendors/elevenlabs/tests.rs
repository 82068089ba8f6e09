//! What a client of the simulated voice sees.

use base64::Engine as _;
use expect_test::{Expect, expect};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::*;
use crate::peer::{Due, Input, Peer as _, Wire};
use crate::voice::{Heard, Listener};

const PATH: &str = "/v1/text-to-speech/v1/multi-stream-input";
const QUERY: &str =
    "model_id=eleven_flash_v2_5&output_format=ulaw_8000&auto_mode=true&inactivity_timeout=60";

fn vendor() -> Vendor {
    let mut behaviour = Behaviour::new("el-sim");
    behaviour.spelling = Spelling::Camel;
    Vendor::new(behaviour)
}

fn open(vendor: &Vendor, query: &str) -> Opening<Session> {
    let head = Head {
        path: PATH,
        query,
        key: Some("el-sim"),
    };
    vendor.connect(head, Duration::ZERO)
}

/// Everything that comes until nothing is due within `until_ms`.
fn run(session: &mut Session, until_ms: u64) -> Vec<Due> {
    let mut all = Vec::new();
    while let Some(at) = session.poll_timeout() {
        if at > Duration::from_millis(until_ms) {
            break;
        }
        all.extend(session.handle_timeout(at));
    }
    all
}

fn told(due: &[Due]) -> String {
    let mut told = String::new();
    let mut listener = Listener::new();
    let mut position = 0;
    for due in due {
        let message: Value = match &due.wire {
            Wire::Text(text) => serde_json::from_str(text).unwrap(),
            Wire::Close { code, reason } => {
                told += &format!("close {code} {reason}\n");
                continue;
            }
            Wire::Binary(_) | Wire::Cut => panic!("{due:?}"),
        };
        let context = message["contextId"].as_str().unwrap_or("-");
        if let Some(audio) = message["audio"].as_str() {
            let audio = base64::engine::general_purpose::STANDARD
                .decode(audio)
                .unwrap();
            for heard in listener.hear(&audio, position) {
                match heard {
                    Heard::Word { text, .. } => told += &format!("{context} {text}\n"),
                    Heard::Garbled { .. } | Heard::Cut { .. } => {
                        told += &format!("{context} {heard:?}\n");
                    }
                    Heard::SpeechStarted { .. } | Heard::SpeechStopped { .. } => {}
                }
            }
            position += u64::try_from(audio.len()).unwrap();
        } else {
            told += &format!("{message}\n");
        }
    }
    told
}

/// Sends messages, a second apart, and tells everything that comes back.
fn check(messages: &[&str], expected: &Expect) {
    let vendor = vendor();
    let Opening::Open { mut session, .. } = open(&vendor, QUERY) else {
        panic!("refused");
    };
    let mut due = Vec::new();
    for (second, message) in (1..).zip(messages) {
        due.extend(run(&mut session, second * 1_000));
        due.extend(session.handle(Input::Text(message), Duration::from_secs(second)));
    }
    due.extend(run(&mut session, 20_000));
    assert!(due.is_sorted_by_key(|due| due.at));
    expected.assert_eq(&format!(
        "{}violations {:?}\n",
        told(&due),
        vendor.violations().list()
    ));
}

#[test]
fn a_context_is_spoken_and_ends_when_it_is_closed() {
    check(
        &[
            r#"{"text":" ","context_id":"u1","voice_settings":{"stability":0.5,"speed":1.0}}"#,
            r#"{"text":"Hello there, Ann. ","context_id":"u1"}"#,
            r#"{"text":"How are you? ","context_id":"u1","flush":true}"#,
            r#"{"context_id":"u1","close_context":true}"#,
            r#"{"close_socket":true}"#,
        ],
        &expect![[r#"
            u1 Hello
            u1 there,
            u1 Ann.
            u1 How
            u1 are
            u1 you?
            {"contextId":"u1","type":"flush_done"}
            {"contextId":"u1","isFinal":true}
            close 1000 
            violations []
        "#]],
    );
}

#[test]
fn a_closed_context_finishes_what_it_was_saying_and_the_next_one_speaks() {
    check(
        &[
            r#"{"text":" ","context_id":"u1"}"#,
            r#"{"text":"One two three four five six seven eight nine ten eleven twelve. ","context_id":"u1"}"#,
            r#"{"context_id":"u1","close_context":true}"#,
            r#"{"text":" ","context_id":"u2"}"#,
            r#"{"text":"Sorry. ","context_id":"u2"}"#,
        ],
        &expect![[r#"
            u1 One
            u1 two
            u1 three
            u1 four
            u1 five
            u1 six
            u1 seven
            u1 eight
            u1 nine
            u1 ten
            u1 eleven
            u1 twelve.
            {"contextId":"u1","isFinal":true}
            u2 Sorry.
            violations []
        "#]],
    );
}

#[test]
fn what_breaks_a_rule_closes_the_socket() {
    let open = r#"{"text":" ","context_id":"u1"}"#;
    for (messages, rule) in [
        (
            vec![r#"{"text":"Hi ","context_id":"u1"}"#],
            "text: the first of a context must be a single space",
        ),
        (
            vec![open, r#"{"text":"Hi","context_id":"u1"}"#],
            "text: must end with a space",
        ),
        (
            vec![
                open,
                r#"{"text":"Hi ","context_id":"u1","voice_settings":{}}"#,
            ],
            "voice_settings: only in the first message of a context",
        ),
        (
            vec![r#"{"text":" ","contextId":"u1"}"#],
            "message: unknown field contextId",
        ),
        (
            vec![r#"{"text":" ","context_id":"u1","voice_settings":{"speed":2.0}}"#],
            "voice_settings.speed: out of range",
        ),
        (vec!["{"], "message: not JSON"),
        (
            vec![r#"{"context_id":"u1","flush":true}"#],
            "flush: no such context",
        ),
        (
            vec![
                r#"{"text":" ","context_id":"u1","generation_config":{"chunk_length_schedule":[20]}}"#,
            ],
            "generation_config.chunk_length_schedule: items are 50 to 500",
        ),
    ] {
        let vendor = vendor();
        let Opening::Open { mut session, .. } = self::open(&vendor, QUERY) else {
            panic!("refused");
        };
        let due: Vec<_> = messages
            .iter()
            .flat_map(|message| session.handle(Input::Text(message), Duration::from_secs(1)))
            .collect();
        assert_eq!(vendor.violations().list(), [rule]);
        assert!(
            matches!(due.last().unwrap().wire, Wire::Close { code: 1008, .. }),
            "{due:?}"
        );
    }
}

#[test]
fn a_sixth_context_is_refused() {
    let vendor = vendor();
    let Opening::Open { mut session, .. } = open(&vendor, QUERY) else {
        panic!("refused");
    };
    for context in 0..6 {
        let message = format!(r#"{{"text":" ","context_id":"u{context}"}}"#);
        session.handle(Input::Text(&message), Duration::from_secs(1));
    }
    assert_eq!(vendor.violations().list(), ["max_contexts_exceeded"]);
}

#[test]
fn a_socket_without_text_is_closed() {
    let vendor = vendor();
    let Opening::Open { mut session, at } = open(&vendor, QUERY) else {
        panic!("refused");
    };
    session.handle(
        Input::Text(r#"{"text":" ","context_id":"u1"}"#),
        Duration::from_secs(30),
    );
    session.handle(
        Input::Text(r#"{"text":"","context_id":"u1"}"#),
        Duration::from_secs(50),
    );
    assert_eq!(
        session.poll_timeout(),
        Some(Duration::from_secs(110)),
        "{at:?}"
    );
    let due = session.handle_timeout(Duration::from_secs(110));
    assert!(
        matches!(&due[1].wire, Wire::Close { code: 1008, .. }),
        "{due:?}"
    );
}

#[test]
fn wrong_questions_are_refused_as_the_vendor_does() {
    let refused = |query: &str| match open(&vendor(), query) {
        Opening::Refused(refused) => format!("{} {}\n", refused.status, refused.body),
        Opening::Open { .. } | Opening::Cut | Opening::Silent => "not refused".to_owned(),
    };
    let mut told = String::new();
    for (from, to) in [
        ("ulaw_8000", "pcm_16000"),
        ("eleven_flash_v2_5", "eleven_v3"),
        ("=60", "=300"),
        ("auto_mode", "auto"),
    ] {
        told += &refused(&QUERY.replace(from, to));
    }
    let head = Head {
        path: PATH,
        query: QUERY,
        key: None,
    };
    let Opening::Refused(refused) = vendor().connect(head, Duration::ZERO) else {
        panic!("let in");
    };
    told += &format!("{} {}\n", refused.status, refused.body);
    expect![[r#"
        400 {"detail":{"message":"query output_format: the simulation makes only ulaw_8000","status":"invalid_request"}}
        400 {"detail":{"message":"query model_id: wrong value","status":"invalid_request"}}
        400 {"detail":{"message":"query inactivity_timeout: wrong value","status":"invalid_request"}}
        400 {"detail":{"message":"query auto: unknown","status":"invalid_request"}}
        401 {"detail":{"message":"Invalid API key","status":"invalid_api_key"}}
    "#]].assert_eq(&told);
}

#[test]
fn a_text_over_http_is_spoken_whole() {
    let vendor = vendor();
    let head = Head {
        path: "/v1/text-to-speech/v1/stream",
        query: "output_format=ulaw_8000",
        key: Some("el-sim"),
    };
    let body = br#"{"text":"Good morning, Bob.","model_id":"eleven_flash_v2_5"}"#;
    let Opening::Open {
        session: Speaking { pieces },
        at,
    } = vendor.stream(head, body, Duration::ZERO)
    else {
        panic!("refused");
    };
    assert!((80..=150).contains(&at.as_millis()), "{at:?}");
    let mut listener = Listener::new();
    let mut position = 0;
    let mut words = Vec::new();
    for due in pieces {
        if let Wire::Binary(audio) = due.wire {
            words.extend(listener.hear(&audio, position).into_iter().filter_map(
                |heard| match heard {
                    Heard::Word { text, .. } => Some(text),
                    Heard::Garbled { .. }
                    | Heard::Cut { .. }
                    | Heard::SpeechStarted { .. }
                    | Heard::SpeechStopped { .. } => None,
                },
            ));
            position += u64::try_from(audio.len()).unwrap();
        }
    }
    assert_eq!(words, ["Good", "morning,", "Bob."]);
    let Opening::Refused(refused) =
        vendor.stream(head, br#"{"text":"x","speed":1}"#, Duration::ZERO)
    else {
        panic!("taken");
    };
    assert_eq!(refused.status, 422);
}

#[tokio::test]
async fn a_client_on_a_socket_gets_its_speech() {
    let listen = "127.0.0.1:0".parse().unwrap();
    let behaviour = Behaviour::new("el-sim").without_delay();
    let server = Server::start(Config { listen, behaviour }).await.unwrap();
    let url = format!("{}{PATH}?{QUERY}", server.url().replace("http", "ws"));
    let mut request = url.into_client_request().unwrap();
    request
        .headers_mut()
        .insert("xi-api-key", "el-sim".parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    for message in [
        r#"{"text":" ","context_id":"u1"}"#,
        r#"{"text":"Hi. ","context_id":"u1"}"#,
        r#"{"context_id":"u1","close_context":true}"#,
        r#"{"close_socket":true}"#,
    ] {
        socket.send(Message::text(message)).await.unwrap();
    }
    let mut bytes = 0;
    let mut finals = 0;
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Text(text) = message {
            let message: Value = serde_json::from_str(&text).unwrap();
            bytes += message["audio"].as_str().map_or(0, str::len);
            finals += usize::from(message["isFinal"] == true);
        }
    }
    assert!(bytes > 1_000, "{bytes}");
    assert_eq!(finals, 1);
    assert_eq!(server.violations(), Vec::<String>::new());
}
