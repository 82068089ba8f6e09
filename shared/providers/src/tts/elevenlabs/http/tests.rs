//! The client against a server on loopback that behaves as told.

use tokio::net::TcpStream;

use super::*;
use crate::testing::{Far, next, read_head, settings, within, write};

const GREETING: UtteranceId = UtteranceId(1);
const ANSWER: UtteranceId = UtteranceId(2);

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: audio/basic\r\ntransfer-encoding: chunked\r\n\r\n";

/// Longer than any test takes.
const PATIENT: Duration = Duration::from_secs(60);

fn voice(far: &Far, silence_max: Duration) -> Box<dyn Synthesizer> {
    let settings = settings(&[
        ("ELEVENLABS_API_KEY", "el-key"),
        ("ELEVENLABS_VOICE_ID", "voice-1"),
        ("ELEVENLABS_BASE_URL", far.base.as_str()),
    ]);
    let vendor = OverHttp::new(&settings.elevenlabs).unwrap();
    OverHttp {
        silence_max,
        ..vendor
    }
    .open(None, "en")
}

async fn event(voice: &mut Box<dyn Synthesizer>) -> (UtteranceId, Synthesis) {
    next(|cx| voice.poll_event(cx)).await
}

async fn failed(voice: &mut Box<dyn Synthesizer>) -> (UtteranceId, FailureKind) {
    loop {
        if let (utterance, Synthesis::Failed(failure)) = event(voice).await {
            return (utterance, failure.kind);
        }
    }
}

async fn request(tcp: &mut TcpStream) -> String {
    let mut bytes = read_head(tcp).await;
    while !bytes.ends_with(b"}") {
        tcp.readable().await.unwrap();
        let _again_if_not_there = tcp.try_read_buf(&mut bytes);
    }
    String::from_utf8(bytes).unwrap()
}

async fn write_chunk(tcp: &mut TcpStream, bytes: &[u8]) {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    write(tcp, &chunk).await;
}

/// All audio up to the end of the utterance.
async fn spoken(voice: &mut Box<dyn Synthesizer>) -> Vec<u8> {
    let mut spoken = Vec::new();
    loop {
        match event(voice).await {
            (GREETING, Synthesis::Audio { audio, alignment }) => {
                assert_eq!(alignment, None);
                spoken.extend_from_slice(&audio);
            }
            (GREETING, Synthesis::Finished) => return spoken,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn two_sentences_one_after_the_other() {
    let far = Far::new().await;
    let mut voice = voice(&far, PATIENT);
    voice.speak(GREETING, "Hello.");
    voice.speak(GREETING, "!");
    voice.speak(GREETING, "How are you?");
    voice.finish(GREETING);
    let server = async {
        let mut tcp = far.accept_tcp().await;
        let asked = request(&mut tcp).await;
        let line = "POST /v1/text-to-speech/voice-1/stream?output_format=ulaw_8000 HTTP/1.1\r\n";
        assert!(asked.starts_with(line));
        assert!(asked.contains("xi-api-key: el-key\r\n"));
        assert!(asked.contains(r#""text":"Hello.""#) && !asked.contains("previous_text"));
        write(&mut tcp, HEAD.as_bytes()).await;
        for piece in [&[1; 1][..], &[2; 300], &[3; 7], &[]] {
            write_chunk(&mut tcp, piece).await;
        }
        let asked = request(&mut tcp).await;
        assert!(asked.contains(r#""previous_text":"Hello.""#));
        write(&mut tcp, HEAD.as_bytes()).await;
        for piece in [&[4; 160][..], &[]] {
            write_chunk(&mut tcp, piece).await;
        }
    };
    let (spoken, ()) = within(async { tokio::join!(spoken(&mut voice), server) }).await;
    let expected = [&[1; 1][..], &[2; 300], &[3; 7], &[4; 160]].concat();
    assert_eq!(spoken, expected);
}

#[tokio::test]
async fn nothing_of_an_interrupted_utterance_is_heard_again() {
    let far = Far::new().await;
    let mut voice = voice(&far, PATIENT);
    voice.speak(GREETING, "Hello.");
    voice.speak(GREETING, "How are you?");
    let server = async {
        let mut tcp = far.accept_tcp().await;
        request(&mut tcp).await;
        write(&mut tcp, HEAD.as_bytes()).await;
        write_chunk(&mut tcp, &[1; 200]).await;
        tcp
    };
    let (first, interrupted) = within(async { tokio::join!(event(&mut voice), server) }).await;
    assert!(matches!(first, (GREETING, Synthesis::Audio { .. })));
    voice.cancel(GREETING);
    voice.speak(ANSWER, "Yes?");
    let server = async {
        let mut tcp = far.accept_tcp().await;
        let asked = request(&mut tcp).await;
        assert!(asked.contains("Yes?") && !asked.contains("previous_text"));
        write(&mut tcp, HEAD.as_bytes()).await;
        write_chunk(&mut tcp, &[2; 200]).await;
        tcp
    };
    let (next, _tcp) = within(async { tokio::join!(event(&mut voice), server) }).await;
    assert!(matches!(next, (ANSWER, Synthesis::Audio { .. })));
    drop(interrupted);
}

#[tokio::test]
async fn what_is_not_audio_is_not_played() {
    let quota = r#"{"detail":{"status":"quota_exceeded"}}"#;
    let long = quota.len();
    for (answer, expected) in [
        (
            format!("HTTP/1.1 401 Unauthorized\r\ncontent-length: {long}\r\n\r\n{quota}"),
            FailureKind::QuotaExceeded,
        ),
        (
            format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {long}\r\n\r\n{quota}"
            ),
            FailureKind::Protocol,
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned(),
            FailureKind::Protocol,
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\nabc".to_owned(),
            FailureKind::Closed,
        ),
    ] {
        let far = Far::new().await;
        let mut voice = voice(&far, PATIENT);
        voice.speak(GREETING, "Hello.");
        voice.finish(GREETING);
        let (told, ()) = tokio::join!(failed(&mut voice), far.answer(&answer));
        assert_eq!(told, (GREETING, expected), "{answer}");
        // No end is told after the failure.
        voice.speak(ANSWER, "!");
        voice.finish(ANSWER);
        assert_eq!(event(&mut voice).await, (ANSWER, Synthesis::Finished));
    }
}

#[tokio::test]
async fn a_vendor_that_falls_silent() {
    for begun in [false, true] {
        let far = Far::new().await;
        let mut voice = voice(&far, Duration::from_millis(100));
        voice.speak(GREETING, "Hello.");
        let server = async {
            let mut tcp = far.accept_tcp().await;
            request(&mut tcp).await;
            if begun {
                write(&mut tcp, HEAD.as_bytes()).await;
                write_chunk(&mut tcp, &[1; 200]).await;
            }
            tcp
        };
        let (told, _tcp) = within(async { tokio::join!(failed(&mut voice), server) }).await;
        assert_eq!(told, (GREETING, FailureKind::Silent));
    }
}

#[tokio::test]
async fn more_text_than_may_wait_fails_its_utterance() {
    let far = Far::new().await;
    let mut voice = voice(&far, PATIENT);
    for _ in 0..20 {
        voice.speak(GREETING, &"word ".repeat(200));
    }
    assert_eq!(failed(&mut voice).await, (GREETING, FailureKind::Overflow));
}

#[test]
fn the_vendor_is_told_the_end_of_what_was_said() {
    assert_eq!(last_chars("Zoë"), "Zoë");
    let long = "é".repeat(codec::PREVIOUS_TEXT_CHARS_MAX + 5);
    assert_eq!(
        last_chars(&long).chars().count(),
        codec::PREVIOUS_TEXT_CHARS_MAX
    );
}
