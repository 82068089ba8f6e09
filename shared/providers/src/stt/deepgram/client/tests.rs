//! The client against a server on loopback that behaves as told.

use futures_util::{SinkExt as _, StreamExt as _};
use model::AudioPosition;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::*;
use crate::testing::{Far, QUICK, next, settings, within};

fn deepgram(base: &Url, timing: Timing) -> Deepgram {
    let settings = settings(&[
        ("DEEPGRAM_API_KEY", "dg-key"),
        ("DEEPGRAM_BASE_URL", base.as_str()),
    ]);
    let deepgram = Deepgram::new(&settings.deepgram).unwrap();
    Deepgram { timing, ..deepgram }
}

fn config() -> RecognizerConfig {
    RecognizerConfig {
        language: "en".to_owned(),
        endpointing_ms: 300,
        position: AudioPosition::from_millis(5_000),
        tag: "call_1".to_owned(),
    }
}

async fn connect(far: &Far, timing: Timing) -> Result<Box<dyn Recognizer>, FailureKind> {
    let connecting = deepgram(&far.base, timing).connect(config());
    within(connecting).await.map_err(|failure| {
        assert_eq!(failure.vendor, "deepgram");
        failure.kind
    })
}

async fn event(recognizer: &mut Box<dyn Recognizer>) -> Recognition {
    next(|cx| recognizer.poll_event(cx)).await
}

async fn lost(recognizer: &mut Box<dyn Recognizer>) -> FailureKind {
    loop {
        if let Recognition::Lost(failure) = event(recognizer).await {
            return failure.kind;
        }
    }
}

#[tokio::test]
async fn a_call_from_hello_to_the_last_word() {
    let far = Far::new().await;
    let server = async {
        let (mut socket, handshake) = far.accept().await;
        assert!(
            handshake
                .path_and_query
                .starts_with("/v1/listen?model=nova-3&")
        );
        assert_eq!(handshake.headers["authorization"], "Token dg-key");
        let mut audio = 0;
        while audio < 320 {
            let Message::Binary(bytes) = socket.next().await.unwrap().unwrap() else {
                panic!("audio comes first")
            };
            audio += bytes.len();
        }
        let heard = r#"{"type":"Results","start":0,"duration":0.04,"is_final":false,"channel":{"alternatives":[{"transcript":"hi"}]}}"#;
        socket.send(Message::text(heard)).await.unwrap();
        assert_eq!(
            socket.next().await.unwrap().unwrap(),
            Message::text(codec::FINALIZE)
        );
        let heard = r#"{"type":"Results","start":0,"duration":0.04,"is_final":true,"from_finalize":true,"channel":{"alternatives":[{"transcript":"hi"}]}}"#;
        socket.send(Message::text(heard)).await.unwrap();
        assert_eq!(
            socket.next().await.unwrap().unwrap(),
            Message::binary(vec![7; 80])
        );
        assert_eq!(
            socket.next().await.unwrap().unwrap(),
            Message::text(codec::CLOSE_STREAM)
        );
        let end = r#"{"type":"Metadata","request_id":"r"}"#;
        socket.send(Message::text(end)).await.unwrap();
        socket.close(None).await.unwrap();
        while socket.next().await.is_some_and(|frame| frame.is_ok()) {}
    };
    let client = async {
        let mut recognizer = connect(&far, Timing::default()).await.unwrap();
        assert_eq!(event(&mut recognizer).await, Recognition::Opened);
        recognizer.send_audio(&[]).unwrap();
        recognizer.send_audio(&[0xFF; 160]).unwrap();
        recognizer.send_audio(&[0xFF; 160]).unwrap();
        assert_eq!(
            event(&mut recognizer).await,
            Recognition::Interim {
                text: "hi".to_owned(),
                end: AudioPosition::from_millis(5_040)
            }
        );
        recognizer.finalize();
        assert_eq!(
            event(&mut recognizer).await,
            Recognition::Final {
                text: "hi".to_owned(),
                start: AudioPosition::from_millis(5_000),
                end: AudioPosition::from_millis(5_040),
                speech_final: true
            }
        );
        recognizer.send_audio(&[7; 80]).unwrap();
        recognizer.close();
        assert_eq!(lost(&mut recognizer).await, FailureKind::Closed);
        assert!(recognizer.send_audio(&[0; 160]).is_err());
    };
    within(async { tokio::join!(server, client) }).await;
}

#[tokio::test]
async fn a_refused_key_and_other_refusals() {
    for (answer, expected) in [
        (
            "HTTP/1.1 401 Unauthorized\r\ndg-error: INVALID_AUTH\r\ncontent-length: 0\r\n\r\n",
            FailureKind::Unauthorized,
        ),
        (
            "HTTP/1.1 429 Too Many Requests\r\nretry-after: 3\r\ncontent-length: 0\r\n\r\n",
            FailureKind::RateLimited {
                retry_after: Some(Duration::from_secs(3)),
            },
        ),
        (
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
            FailureKind::ServerError,
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            FailureKind::Refused,
        ),
        ("SSH-2.0-OpenSSH_9.7\r\n\r\n", FailureKind::Protocol),
        ("", FailureKind::Connect),
    ] {
        let far = Far::new().await;
        let (kind, ()) = tokio::join!(connect(&far, QUICK), far.answer(answer));
        assert_eq!(kind.err(), Some(expected), "{answer}");
    }
}

#[tokio::test]
async fn a_vendor_that_is_not_there_or_does_not_answer() {
    let far = Far::new().await;
    // The handshake is never answered.
    let hurried = Timing {
        connect: Duration::from_millis(30),
        ..QUICK
    };
    let kind = connect(&far, hurried).await;
    assert_eq!(kind.err(), Some(FailureKind::ConnectTimeout));
    let base = far.base.clone();
    drop(far);
    // Nobody listens any more.
    let failure = within(deepgram(&base, QUICK).connect(config())).await.err();
    assert_eq!(failure.unwrap().kind, FailureKind::Connect);
}

#[tokio::test]
async fn a_connection_that_stands_but_is_dead_is_noticed() {
    let far = Far::new().await;
    let (recognizer, server) = tokio::join!(connect(&far, QUICK), far.accept());
    // The server does not read any more, so that no ping is answered.
    let mut recognizer = recognizer.unwrap();
    assert_eq!(event(&mut recognizer).await, Recognition::Opened);
    assert_eq!(lost(&mut recognizer).await, FailureKind::Silent);
    drop(server);
}

#[tokio::test]
async fn a_silent_customer_keeps_the_connection() {
    let far = Far::new().await;
    let (recognizer, (mut socket, _)) = tokio::join!(connect(&far, QUICK), far.accept());
    let mut recognizer = recognizer.unwrap();
    let server = async {
        let mut kept_alive = 0;
        while kept_alive < 5 {
            let message = socket.next().await.unwrap().unwrap();
            if let Message::Text(text) = message {
                assert_eq!(text.as_str(), codec::KEEP_ALIVE);
                kept_alive += 1;
            } else {
                assert!(message.is_ping());
            }
        }
        socket.close(None).await.unwrap();
    };
    let ((), kind) = within(async { tokio::join!(server, lost(&mut recognizer)) }).await;
    assert_eq!(kind, FailureKind::Closed);
}

#[tokio::test]
async fn a_vendor_that_does_not_read_fills_a_bounded_buffer() {
    let far = Far::new().await;
    let (recognizer, server) = tokio::join!(connect(&far, Timing::default()), far.accept());
    let mut recognizer = recognizer.unwrap();
    assert_eq!(event(&mut recognizer).await, Recognition::Opened);
    // The operating system takes some megabytes before it refuses more.
    let failure = (0..20_000).find_map(|_| recognizer.send_audio(&[0; 8_000]).err());
    assert_eq!(failure.unwrap().kind, FailureKind::Overflow);
    assert!(recognizer.send_audio(&[0; 160]).is_err());
    assert_eq!(lost(&mut recognizer).await, FailureKind::Overflow);
    drop(server);
}

#[tokio::test]
async fn a_close_is_told_by_its_code() {
    for (code, expected) in [
        (1000, FailureKind::Closed),
        (1008, FailureKind::Refused),
        (1011, FailureKind::Closed),
    ] {
        let far = Far::new().await;
        let (recognizer, (mut socket, _)) = tokio::join!(connect(&far, QUICK), far.accept());
        let frame = CloseFrame {
            code: code.into(),
            reason: Utf8Bytes::from_static("NET-0001"),
        };
        socket.send(Message::Close(Some(frame))).await.unwrap();
        assert_eq!(lost(&mut recognizer.unwrap()).await, expected, "{code}");
    }
    // And a connection that breaks without a word.
    let far = Far::new().await;
    let (recognizer, server) = tokio::join!(connect(&far, QUICK), far.accept());
    drop(server);
    assert_eq!(lost(&mut recognizer.unwrap()).await, FailureKind::Closed);
}

#[tokio::test]
async fn garbage_ends_the_connection_and_new_messages_do_not() {
    let oversized = "x".repeat(600_000);
    for garbage in [
        Message::text("what?"),
        Message::text(r#"{"type":"Results"}"#),
        Message::text(r#"{"type":"Tomorrow"}"#),
        Message::binary(vec![1, 2, 3]),
        Message::text(oversized),
    ] {
        let far = Far::new().await;
        let (recognizer, (mut socket, _)) = tokio::join!(connect(&far, QUICK), far.accept());
        let new = garbage
            .to_text()
            .is_ok_and(|text| text.contains("Tomorrow"));
        let expected = if new {
            FailureKind::Closed
        } else {
            FailureKind::Protocol
        };
        let server = async {
            // An oversized message may find the connection closed before it is sent.
            let _sent = socket.send(garbage).await;
            let _closed = socket.close(None).await;
        };
        let mut recognizer = recognizer.unwrap();
        let ((), kind) = within(async { tokio::join!(server, lost(&mut recognizer)) }).await;
        assert_eq!(kind, expected);
    }
}
