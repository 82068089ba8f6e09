//! The carrier: takes requests for calls, which people answer at once, and plays their media streams.
//!
//! Only what the bench needs of REST is here; requests are judged by `sim::carriers::twilio` in other tests.
//! Media streams, playout and people are those of `sim`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{SinkExt as _, StreamExt as _};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Value, json};
use sim::carriers::twilio::{Line, StreamIds, sign};
use sim::person::{Experience, Person};
use sim::voice::Heard;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::FarSide;
use crate::book::word;
use crate::control::{ACCOUNT_SID, AUTH_TOKEN, index};

/// How often a call's playout is noted.
const NOTE_EVERY: Duration = Duration::from_secs(1);
/// How long the worker may take to answer the handshake, and our close.
const HANDSHAKE_WAIT_MAX: Duration = Duration::from_secs(10);
/// Exchanges that a person is prepared for: minutes of them.
const EXCHANGES: usize = 60;
/// Read and write buffers of a media socket: a message of the worker's is 1.5 KB.
const BUFFER_BYTES: usize = 4 * 1024;

/// Where a call's media goes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Stream {
    url: String,
    parameters: Vec<(String, String)>,
}

/// Takes a request for a call. It is answered at once.
pub(super) async fn create(State(far_side): State<Arc<FarSide>>, body: Bytes) -> Response {
    let form: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().collect();
    let field = |name| {
        let found = form.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    };
    let call = index(field("To")).filter(|call| far_side.book.has(*call));
    let stream = stream(field("Twiml"));
    let (Some(call), Some(stream)) = (call, stream) else {
        far_side
            .book
            .violated("carrier: a request for a call without a customer or a stream");
        return StatusCode::BAD_REQUEST.into_response();
    };
    // One carrier never gives an id twice, and each measurement has a carrier of its own.
    let sid = format!("CA{:016x}{call:016x}", far_side.started_ns);
    let answer = json!({"sid": sid, "status": "queued"});
    tokio::spawn(async move {
        if let Err(why) = talk(&far_side, call, sid, stream).await {
            far_side.book.stream_broken(&why);
        }
    });
    (StatusCode::CREATED, Json::<Value>(answer)).into_response()
}

/// Anything else of REST: the call is as it is.
pub(super) async fn other() -> Json<Value> {
    Json(json!({"sid": format!("CA{:032x}", 0), "status": "completed"}))
}

/// Nobody resumes a call of the bench.
pub(super) async fn resume() -> Response {
    let hang_up = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Hangup/></Response>";
    ([(header::CONTENT_TYPE, "text/xml")], hang_up).into_response()
}

/// One call, from its answer to its end. `Err` is how the worker broke it.
async fn talk(far_side: &FarSide, call: usize, sid: String, stream: Stream) -> Result<(), String> {
    let mut socket = open(&stream.url).await?;
    far_side.book.stream_opened();
    let since = Instant::from_std(far_side.epoch);
    let mut line = Line::answered(&person(call), since.elapsed());
    let ids = StreamIds {
        account_sid: ACCOUNT_SID.to_owned(),
        call_sid: sid,
        stream_sid: format!("MZ{call:032x}"),
    };
    line.connect(ids, &stream.parameters, since.elapsed());
    let ended = converse(far_side, call, &mut socket, &mut line, since).await;
    far_side.book.stream_closed();
    line.end(since.elapsed());
    for entry in line.log().entries() {
        if let Experience::Heard(Heard::Garbled { words, .. }) = entry {
            far_side.book.garbled(u64::from(*words));
        }
    }
    ended
}

async fn converse(
    far_side: &FarSide,
    call: usize,
    socket: &mut WebSocketStream<TcpStream>,
    line: &mut Line,
    since: Instant,
) -> Result<(), String> {
    let mut hang_up = far_side.hang_up.subscribe();
    let mut noted_at = Instant::now();
    loop {
        send(socket, line).await?;
        let due = line.poll_timeout();
        tokio::select! {
            biased;
            // The sender lives as long as the far side.
            _told = hang_up.wait_for(|told| *told) => break,
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    let text = text.as_str();
                    // Of the three messages that there are, each has a word that the others have not.
                    if text.contains(r#""media""#) {
                        far_side.book.media_received(call);
                    } else if text.contains(r#""clear""#) {
                        far_side.book.clear_received(call);
                    }
                    line.receive(text, since.elapsed());
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Err("closed by the worker".to_owned()),
                Some(Ok(Message::Binary(_) | Message::Frame(_))) => {
                    far_side.book.violated("carrier: a binary message");
                }
                Some(Err(error)) => return Err(error.to_string()),
            },
            () = tokio::time::sleep_until(since + due) => {
                let now = since.elapsed();
                far_side.book.frame_made(now.saturating_sub(due));
                line.advance(now);
            }
        }
        // Nobody waits for keys, recordings and verdicts here.
        while line.poll_event().is_some() {}
        if noted_at.elapsed() >= NOTE_EVERY {
            noted_at = Instant::now();
            note(far_side, call, line);
        }
    }
    note(far_side, call, line);
    if let Some(mut stream) = line.disconnect(since.elapsed()) {
        for problem in stream.problems() {
            far_side
                .book
                .violated(&format!("carrier: {} {}", problem.code, problem.what));
        }
        stream.stop();
        while let Some(message) = stream.poll_message() {
            feed(socket, message).await?;
        }
    }
    let closing = async {
        let closed = socket.close(None).await;
        while let Some(Ok(_late)) = socket.next().await {}
        closed
    };
    match tokio::time::timeout(HANDSHAKE_WAIT_MAX, closing).await {
        Ok(Ok(()) | Err(Error::ConnectionClosed | Error::AlreadyClosed)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_elapsed) => Err("no answer to the close".to_owned()),
    }
}

async fn send(socket: &mut WebSocketStream<TcpStream>, line: &mut Line) -> Result<(), String> {
    while let Some(message) = line.poll_message() {
        feed(socket, message).await?;
    }
    Ok(())
}

async fn feed(socket: &mut WebSocketStream<TcpStream>, message: String) -> Result<(), String> {
    let sent = socket.send(Message::Text(message.into())).await;
    sent.map_err(|error| error.to_string())
}

fn note(far_side: &FarSide, call: usize, line: &Line) {
    if let Some(stream) = line.stream() {
        far_side.book.played(call, stream.stats());
    }
}

async fn open(url: &str) -> Result<WebSocketStream<TcpStream>, String> {
    let opening = async {
        let mut request = url.into_client_request()?;
        let host = request
            .uri()
            .authority()
            .map(|host| host.as_str().to_owned());
        if let Ok(signature) = sign(AUTH_TOKEN, url, &[]).parse() {
            request
                .headers_mut()
                .insert("x-twilio-signature", signature);
        }
        let stream = TcpStream::connect(host.unwrap_or_default()).await?;
        stream.set_nodelay(true)?;
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER_BYTES)
            .write_buffer_size(0);
        client_async_with_config(request, stream, Some(config)).await
    };
    match tokio::time::timeout(HANDSHAKE_WAIT_MAX, opening).await {
        Ok(Ok((socket, _response))) => Ok(socket),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_elapsed) => Err("no answer to the handshake".to_owned()),
    }
}

/// Somebody who asks, listens and asks on, and interrupts every third answer.
fn person(call: usize) -> Person {
    let word = word(call);
    let pitch = 100 + u16::try_from(call % 120).unwrap_or(0);
    let mut person = Person::answers_after_rings(0)
        .sounds(pitch, 110)
        .replies_after_ms(500);
    for exchange in 0..EXCHANGES {
        person = match exchange % 3 {
            0 => person.says(&format!("Could you tell me more about {word} please?")),
            1 => person.says(&format!("That is good. And what else is there for {word}?")),
            _ => person
                .interrupts_after_words(5)
                .says(&format!("Wait a moment. I asked you for {word}.")),
        };
    }
    person
}

/// The first media stream of a document.
fn stream(twiml: &str) -> Option<Stream> {
    let mut reader = Reader::from_str(twiml);
    let mut stream = None;
    loop {
        let event = reader.read_event().ok()?;
        if event == Event::Eof {
            return stream;
        }
        let (Event::Start(tag) | Event::Empty(tag)) = event else {
            continue;
        };
        match tag.name().as_ref() {
            b"Stream" => {
                stream.get_or_insert_with(Stream::default).url = attribute(&tag, "url")?;
            }
            b"Parameter" => {
                let parameter = (attribute(&tag, "name")?, attribute(&tag, "value")?);
                stream.as_mut()?.parameters.push(parameter);
            }
            _other => {}
        }
    }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = tag.try_get_attribute(name).ok()??;
    let text = std::str::from_utf8(&attribute.value).ok()?;
    Some(quick_xml::escape::unescape(text).ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_and_its_parameters_are_read_from_a_document() {
        let twiml = r#"<?xml version="1.0"?><Response><Connect><Stream url="ws://127.0.0.1:1/media/twilio"><Parameter name="token" value="a&amp;b"/></Stream></Connect><Redirect>x</Redirect></Response>"#;
        let expected = Stream {
            url: "ws://127.0.0.1:1/media/twilio".to_owned(),
            parameters: vec![("token".to_owned(), "a&b".to_owned())],
        };
        assert_eq!(stream(twiml), Some(expected));
        assert_eq!(stream("<Response/>"), None);
    }
}
