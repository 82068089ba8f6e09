//! The client against a server on loopback that behaves as told.

use bytes::Bytes;
use conversation::Alignment;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;

use super::*;
use crate::testing::{Far, QUICK, next, settings, within};

const GREETING: UtteranceId = UtteranceId(1);
const ANSWER: UtteranceId = UtteranceId(2);
const FAREWELL: UtteranceId = UtteranceId(3);

fn voice(far: &Far, timing: Timing) -> Box<dyn Synthesizer> {
    let settings = settings(&[
        ("ELEVENLABS_API_KEY", "el-key"),
        ("ELEVENLABS_VOICE_ID", "voice-1"),
        ("ELEVENLABS_BASE_URL", far.base.as_str()),
    ]);
    let vendor = OverWebSocket::new(&settings.elevenlabs).unwrap();
    OverWebSocket { timing, ..vendor }.open(None, "en")
}

async fn event(voice: &mut Box<dyn Synthesizer>) -> (UtteranceId, Synthesis) {
    next(|cx| voice.poll_event(cx)).await
}

async fn failed(voice: &mut Box<dyn Synthesizer>) -> (UtteranceId, FailureKind) {
    loop {
        if let (utterance, Synthesis::Failed(failure)) = event(voice).await {
            assert_eq!(failure.vendor, "elevenlabs");
            return (utterance, failure.kind);
        }
    }
}

/// Polls the voice, which has nothing to tell, while the server does its part.
async fn while_quiet<T>(voice: &mut Box<dyn Synthesizer>, server: impl Future<Output = T>) -> T {
    tokio::select! {
        biased;
        done = within(server) => done,
        told = event(voice) => panic!("{told:?}"),
    }
}

/// The next text message; pings are answered by the library.
async fn received(socket: &mut WebSocketStream<TcpStream>) -> String {
    loop {
        let message = socket.next().await.unwrap().unwrap();
        if let Message::Text(text) = message {
            return text.to_string();
        }
        assert!(message.is_ping());
    }
}

async fn send(socket: &mut WebSocketStream<TcpStream>, text: &str) {
    socket.send(Message::text(text)).await.unwrap();
}

fn audio(bytes: &'static [u8]) -> Synthesis {
    Synthesis::Audio {
        audio: Bytes::from_static(bytes),
        alignment: None,
    }
}

/// A voice and its connection, on which nothing was said yet.
async fn connected(
    far: &Far,
    timing: Timing,
) -> (Box<dyn Synthesizer>, WebSocketStream<TcpStream>) {
    let mut voice = voice(far, timing);
    let (socket, _) = while_quiet(&mut voice, far.accept()).await;
    (voice, socket)
}

#[tokio::test]
async fn an_utterance_of_two_sentences() {
    let far = Far::new().await;
    let mut voice = voice(&far, Timing::default());
    // Said before the connection stands.
    voice.speak(GREETING, "Hello.");
    let server = async {
        let (mut socket, handshake) = far.accept().await;
        let path = "/v1/text-to-speech/voice-1/multi-stream-input?model_id=eleven_flash_v2_5&";
        assert!(handshake.path_and_query.starts_with(path));
        assert_eq!(handshake.headers["xi-api-key"], "el-key");
        let open = received(&mut socket).await;
        assert!(open.starts_with(r#"{"text":" ","context_id":"u1-0","voice_settings":{"#));
        let said = received(&mut socket).await;
        assert_eq!(said, codec::speak("u1-0", "Hello."));
        socket
    };
    let mut socket = while_quiet(&mut voice, server).await;
    voice.speak(GREETING, "How are you?");
    voice.speak(GREETING, "...");
    voice.finish(GREETING);
    let server = async {
        let said = received(&mut socket).await;
        assert_eq!(said, codec::speak("u1-0", "How are you?"));
        assert_eq!(received(&mut socket).await, codec::close_context("u1-0"));
    };
    while_quiet(&mut voice, server).await;
    send(
        &mut socket,
        r#"{"audio":"AQI=","contextId":"u1-0","alignment":{"chars":["H"],"charStartTimesMs":[0]}}"#,
    )
    .await;
    send(&mut socket, r#"{"type":"flush_done","context_id":"u1-0"}"#).await;
    send(
        &mut socket,
        r#"{"audio":"Aw==","context_id":"u1-0","is_final":true}"#,
    )
    .await;
    let first = Synthesis::Audio {
        audio: Bytes::from_static(&[1, 2]),
        alignment: Some(Alignment {
            chars: vec![('H', 0)],
        }),
    };
    assert_eq!(event(&mut voice).await, (GREETING, first));
    assert_eq!(event(&mut voice).await, (GREETING, audio(&[3])));
    assert_eq!(event(&mut voice).await, (GREETING, Synthesis::Finished));
}

#[tokio::test]
async fn nothing_of_an_interrupted_utterance_is_heard_again() {
    let far = Far::new().await;
    let (mut voice, mut socket) = connected(&far, Timing::default()).await;
    voice.speak(GREETING, "Hello.");
    let server = async {
        received(&mut socket).await;
        received(&mut socket).await;
    };
    while_quiet(&mut voice, server).await;
    send(&mut socket, r#"{"audio":"AQ==","contextId":"u1-0"}"#).await;
    assert_eq!(event(&mut voice).await, (GREETING, audio(&[1])));
    // The customer speaks.
    voice.speak(GREETING, "Still here?");
    voice.cancel(GREETING);
    voice.speak(ANSWER, "Yes?");
    let server = async {
        assert_eq!(received(&mut socket).await, codec::close_context("u1-0"));
        assert_eq!(received(&mut socket).await, codec::open_context("u2-1"));
        assert_eq!(received(&mut socket).await, codec::speak("u2-1", "Yes?"));
    };
    while_quiet(&mut voice, server).await;
    send(&mut socket, r#"{"audio":"AQ==","contextId":"u1-0"}"#).await;
    send(&mut socket, r#"{"isFinal":true,"contextId":"u1-0"}"#).await;
    send(&mut socket, r#"{"audio":"AQ==","contextId":"u1-0"}"#).await;
    send(&mut socket, r#"{"audio":"Ag==","contextId":"u2-1"}"#).await;
    assert_eq!(event(&mut voice).await, (ANSWER, audio(&[2])));
}

#[tokio::test]
async fn a_third_utterance_waits_for_one_to_end_but_not_for_an_interrupted_one() {
    let far = Far::new().await;
    let (mut voice, mut socket) = connected(&far, Timing::default()).await;
    for utterance in [GREETING, ANSWER] {
        voice.speak(utterance, "One.");
        voice.finish(utterance);
    }
    voice.speak(FAREWELL, "Bye.");
    let server = async {
        for expected in [
            codec::open_context("u1-0"),
            codec::speak("u1-0", "One."),
            codec::close_context("u1-0"),
            codec::open_context("u2-1"),
            codec::speak("u2-1", "One."),
            codec::close_context("u2-1"),
        ] {
            assert_eq!(received(&mut socket).await, expected);
        }
    };
    while_quiet(&mut voice, server).await;
    send(&mut socket, r#"{"isFinal":true,"contextId":"u1-0"}"#).await;
    assert_eq!(event(&mut voice).await, (GREETING, Synthesis::Finished));
    let server = async {
        assert_eq!(received(&mut socket).await, codec::open_context("u3-2"));
        assert_eq!(received(&mut socket).await, codec::speak("u3-2", "Bye."));
    };
    while_quiet(&mut voice, server).await;
    // The answer is still coming to its end when the customer interrupts both.
    voice.cancel(ANSWER);
    voice.cancel(FAREWELL);
    voice.speak(UtteranceId(4), "Yes?");
    let server = async {
        assert_eq!(received(&mut socket).await, codec::close_context("u3-2"));
        assert_eq!(received(&mut socket).await, codec::open_context("u4-3"));
    };
    while_quiet(&mut voice, server).await;
}

#[tokio::test]
async fn an_utterance_without_anything_to_pronounce_ends_at_once() {
    let far = Far::new().await;
    let mut voice = voice(&far, QUICK);
    voice.speak(GREETING, "...");
    voice.finish(GREETING);
    assert_eq!(event(&mut voice).await, (GREETING, Synthesis::Finished));
}

#[tokio::test]
async fn a_context_that_waits_for_the_model_is_kept_alive() {
    let far = Far::new().await;
    let (mut voice, mut socket) = connected(&far, QUICK).await;
    voice.speak(GREETING, "One moment.");
    let server = async {
        received(&mut socket).await;
        received(&mut socket).await;
        send(&mut socket, r#"{"audio":"AQ==","contextId":"u1-0"}"#).await;
    };
    let (heard, ()) = within(async { tokio::join!(event(&mut voice), server) }).await;
    assert_eq!(heard, (GREETING, audio(&[1])));
    let kept_alive = while_quiet(&mut voice, received(&mut socket)).await;
    assert_eq!(kept_alive, codec::keep_alive("u1-0"));
}

#[tokio::test]
async fn a_vendor_that_is_alive_but_mute_has_failed() {
    let far = Far::new().await;
    let (mut voice, mut socket) = connected(&far, QUICK).await;
    voice.speak(GREETING, "Hello.");
    // Pings are answered for as long as the server reads.
    let server = async { while socket.next().await.is_some_and(|message| message.is_ok()) {} };
    let (told, ()) = within(async { tokio::join!(failed(&mut voice), server) }).await;
    assert_eq!(told, (GREETING, FailureKind::Silent));
    // Its end, which was on the way, is not a success; and it may be tried again.
    voice.finish(GREETING);
    voice.speak(GREETING, "Hello.");
    let server = async {
        let (mut socket, _) = far.accept().await;
        assert_eq!(received(&mut socket).await, codec::open_context("u1-1"));
    };
    while_quiet(&mut voice, server).await;
}

#[tokio::test]
async fn a_broken_connection_fails_what_is_spoken_and_is_made_again() {
    let far = Far::new().await;
    let (mut voice, mut socket) = connected(&far, Timing::default()).await;
    voice.speak(GREETING, "Hello.");
    while_quiet(&mut voice, received(&mut socket)).await;
    drop(socket);
    assert_eq!(failed(&mut voice).await, (GREETING, FailureKind::Closed));
    voice.speak(ANSWER, "Yes?");
    let server = async {
        let (mut socket, _) = far.accept().await;
        assert_eq!(received(&mut socket).await, codec::open_context("u2-1"));
        socket
    };
    let mut socket = while_quiet(&mut voice, server).await;
    // An error of the vendor's, told in words.
    let error = r#"{"error":"quota_exceeded","message":"Zoë","code":1008}"#;
    send(&mut socket, error).await;
    assert_eq!(
        failed(&mut voice).await,
        (ANSWER, FailureKind::QuotaExceeded)
    );
}

#[tokio::test]
async fn a_connection_that_is_lost_in_a_pause_is_replaced_before_it_is_needed() {
    let far = Far::new().await;
    let (mut voice, mut socket) = connected(&far, QUICK).await;
    let server = async {
        // It has stood for a while.
        assert!(socket.next().await.unwrap().unwrap().is_ping());
        drop(socket);
        far.accept().await
    };
    while_quiet(&mut voice, server).await;
}

#[tokio::test]
async fn refusals_and_garbage() {
    let refused = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n";
    let far = Far::new().await;
    let mut refused_voice = voice(&far, QUICK);
    refused_voice.speak(GREETING, "Hello.");
    refused_voice.finish(GREETING);
    let (told, ()) = tokio::join!(failed(&mut refused_voice), far.answer(refused));
    assert_eq!(told, (GREETING, FailureKind::Unauthorized));
    for garbage in [Message::text("what?"), Message::binary(vec![1])] {
        let (mut voice, mut socket) = connected(&far, Timing::default()).await;
        voice.speak(GREETING, "Hello.");
        while_quiet(&mut voice, received(&mut socket)).await;
        socket.send(garbage).await.unwrap();
        assert_eq!(failed(&mut voice).await, (GREETING, FailureKind::Protocol));
    }
}

#[tokio::test]
async fn more_text_than_may_wait_fails_its_utterance() {
    let far = Far::new().await;
    let mut voice = voice(&far, QUICK);
    for _ in 0..20 {
        voice.speak(GREETING, &"word ".repeat(200));
    }
    assert_eq!(
        event(&mut voice).await,
        (GREETING, Synthesis::Failed(failure(FailureKind::Overflow)))
    );
}

#[tokio::test]
async fn without_a_voice_nothing_is_sent() {
    let far = Far::new().await;
    let mut settings = settings(&[
        ("ELEVENLABS_API_KEY", "el-key"),
        ("ELEVENLABS_VOICE_ID", "voice-1"),
        ("ELEVENLABS_BASE_URL", far.base.as_str()),
    ]);
    settings.elevenlabs.voice_id = None;
    let vendor = OverWebSocket::new(&settings.elevenlabs).unwrap();
    let mut voice = vendor.open(None, "en");
    voice.speak(GREETING, "Hello.");
    assert_eq!(failed(&mut voice).await, (GREETING, FailureKind::Refused));
}
