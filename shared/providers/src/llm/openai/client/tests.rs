//! The client against a server on loopback that behaves as told.

use conversation::{ChatMessage, GenerationId};
use tokio::net::TcpStream;

use super::*;
use crate::testing::{Far, next, read_head, settings, within, write};

const QUICK: Timing = Timing {
    first_token: Duration::from_millis(300),
    inter_chunk: Duration::from_millis(300),
    tail: Duration::from_millis(30),
};

/// Longer than any test takes.
const PATIENT: Timing = Timing {
    first_token: Duration::from_secs(60),
    inter_chunk: Duration::from_secs(60),
    tail: Duration::from_secs(60),
};

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const HI: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n";
const STOP: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1}}\n\ndata: [DONE]\n\n";

fn openai(base: &Url, timing: Timing) -> OpenAi {
    let settings = settings(&[
        ("OPENAI_API_KEY", "sk-key"),
        ("OPENAI_BASE_URL", base.join("v1").unwrap().as_str()),
        ("OPENAI_MODEL", "model-a"),
    ]);
    let openai = OpenAi::new(&settings.openai).unwrap();
    OpenAi { timing, ..openai }
}

fn ask(openai: &OpenAi) -> Box<dyn GenerationStream> {
    let request = Generate {
        id: GenerationId(1),
        route: 0,
        messages: vec![Arc::new(ChatMessage::System("Be brief.".to_owned()))],
        tools: Arc::from([]),
    };
    openai.generate(&request, Tuning::default())
}

async fn event(stream: &mut Box<dyn GenerationStream>) -> Generation {
    next(|cx| stream.poll_event(cx)).await
}

async fn failed(stream: &mut Box<dyn GenerationStream>) -> FailureKind {
    loop {
        if let Generation::Failed(failure) = event(stream).await {
            assert_eq!(failure.vendor, "openai");
            return failure.kind;
        }
    }
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// Reads a whole request and gives it as text.
async fn request(tcp: &mut TcpStream) -> String {
    let mut bytes = read_head(tcp).await;
    while !bytes.ends_with(b"}]}") {
        tcp.readable().await.unwrap();
        let _again_if_not_there = tcp.try_read_buf(&mut bytes);
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn two_answers_over_one_connection() {
    let far = Far::new().await;
    let openai = openai(&far.base, PATIENT);
    let server = async {
        let mut tcp = far.accept_tcp().await;
        for _answer in 0..2 {
            let asked = request(&mut tcp).await;
            assert!(asked.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"));
            assert!(asked.contains("authorization: Bearer sk-key\r\n"));
            assert!(asked.contains(r#""model":"model-a","stream":true"#));
            let text = [chunk(HI), chunk(STOP), chunk(USAGE), chunk("")].concat();
            write(&mut tcp, HEAD.as_bytes()).await;
            write(&mut tcp, text.as_bytes()).await;
        }
    };
    let client = async {
        for _answer in 0..2 {
            let mut stream = ask(&openai);
            assert_eq!(event(&mut stream).await, Generation::Text("Hi".to_owned()));
            let usage = conversation::Usage {
                prompt_tokens: 9,
                cached_prompt_tokens: 0,
                completion_tokens: 1,
            };
            assert_eq!(
                event(&mut stream).await,
                Generation::Finished {
                    length_limited: false,
                    usage: Some(usage)
                }
            );
        }
    };
    within(async { tokio::join!(server, client) }).await;
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let quota = r#"{"error":{"code":"insufficient_quota"}}"#;
    for (status, body, expected) in [
        ("400 Bad Request", "", FailureKind::Refused),
        ("401 Unauthorized", "", FailureKind::Unauthorized),
        (
            "429 Too Many Requests",
            "",
            FailureKind::RateLimited {
                retry_after: Some(Duration::from_secs(2)),
            },
        ),
        ("429 Too Many Requests", quota, FailureKind::QuotaExceeded),
        ("500 Oops", "<html>", FailureKind::ServerError),
        ("307 Elsewhere", "", FailureKind::Refused),
    ] {
        let far = Far::new().await;
        let answer = format!(
            "HTTP/1.1 {status}\r\nlocation: http://127.0.0.1:1/\r\nretry-after: 2\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let openai = openai(&far.base, PATIENT);
        let mut stream = ask(&openai);
        let (kind, ()) = tokio::join!(failed(&mut stream), far.answer(&answer));
        assert_eq!(kind, expected, "{status}");
    }
}

#[tokio::test]
async fn answers_that_are_not_streams() {
    for (head, expected) in [
        (
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
            FailureKind::Protocol,
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nhello\n",
            FailureKind::Closed,
        ),
        ("SSH-2.0-OpenSSH_9.7\r\n\r\n", FailureKind::Closed),
    ] {
        let far = Far::new().await;
        let openai = openai(&far.base, PATIENT);
        let mut stream = ask(&openai);
        let (kind, ()) = tokio::join!(failed(&mut stream), far.answer(head));
        assert_eq!(kind, expected, "{head}");
    }
}

#[tokio::test]
async fn a_host_that_is_not_there() {
    let far = Far::new().await;
    let openai = openai(&far.base, PATIENT);
    drop(far);
    assert_eq!(failed(&mut ask(&openai)).await, FailureKind::Connect);
}

#[tokio::test]
async fn a_host_that_falls_silent_before_or_amid_its_answer() {
    for begun in ["", HEAD, "words"] {
        let far = Far::new().await;
        let openai = openai(&far.base, QUICK);
        let mut stream = ask(&openai);
        let server = async {
            let mut tcp = far.accept_tcp().await;
            read_head(&mut tcp).await;
            let begun = match begun {
                // A keep-alive is no word.
                "words" => [HEAD, &chunk(": wait\n\n"), &chunk(HI)].concat(),
                begun => begun.to_owned(),
            };
            write(&mut tcp, begun.as_bytes()).await;
            tcp
        };
        let (kind, tcp) = within(async { tokio::join!(failed(&mut stream), server) }).await;
        assert_eq!(kind, FailureKind::Silent, "{begun}");
        drop(tcp);
    }
}

#[tokio::test]
async fn a_complete_answer_does_not_wait_for_figures() {
    let far = Far::new().await;
    let openai = openai(&far.base, QUICK);
    let mut stream = ask(&openai);
    let server = async {
        let mut tcp = far.accept_tcp().await;
        read_head(&mut tcp).await;
        let text = [HEAD, &chunk(HI), &chunk(STOP)].concat();
        write(&mut tcp, text.as_bytes()).await;
        tcp
    };
    let client = async {
        assert_eq!(event(&mut stream).await, Generation::Text("Hi".to_owned()));
        event(&mut stream).await
    };
    let (last, _tcp) = within(async { tokio::join!(client, server) }).await;
    let finished = Generation::Finished {
        length_limited: false,
        usage: None,
    };
    assert_eq!(last, finished);
}

#[tokio::test]
async fn an_interruption_ends_the_request() {
    let far = Far::new().await;
    let openai = openai(&far.base, PATIENT);
    let mut stream = ask(&openai);
    let server = async {
        let mut tcp = far.accept_tcp().await;
        request(&mut tcp).await;
        write(&mut tcp, [HEAD, &chunk(HI)].concat().as_bytes()).await;
        tcp
    };
    let (_first, tcp) = within(async { tokio::join!(event(&mut stream), server) }).await;
    drop(stream);
    let closed = async {
        loop {
            tcp.readable().await.unwrap();
            match tcp.try_read(&mut [0; 64]) {
                Ok(0) => break,
                Ok(_) => panic!("more was sent"),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_reset) => break,
            }
        }
    };
    within(closed).await;
}

#[tokio::test]
async fn warming_makes_one_connection_and_no_more() {
    let far = Far::new().await;
    let openai = openai(&far.base, PATIENT);
    openai.warm();
    openai.warm();
    let mut tcp = within(far.accept_tcp()).await;
    let asked = String::from_utf8(within(read_head(&mut tcp)).await).unwrap();
    assert!(asked.starts_with("HEAD /v1/models HTTP/1.1\r\n"));
    write(
        &mut tcp,
        b"HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\n",
    )
    .await;
    within(async {
        while lock(&openai.warmth).warming {
            tokio::task::yield_now().await;
        }
    })
    .await;
    openai.warm();
    assert!(!lock(&openai.warmth).warming);
    // The request goes over the warm connection.
    let mut stream = ask(&openai);
    let server = async {
        let asked = request(&mut tcp).await;
        assert!(asked.starts_with("POST "));
        let text = [HEAD, &chunk(HI), &chunk(STOP), &chunk(USAGE), &chunk("")].concat();
        write(&mut tcp, text.as_bytes()).await;
    };
    let (first, ()) = within(async { tokio::join!(event(&mut stream), server) }).await;
    assert_eq!(first, Generation::Text("Hi".to_owned()));
}
