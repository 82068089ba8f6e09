//! The recognizer and the synthesiser on their WebSockets.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use sim::peer::{Due, Head, Input, Opening, Peer, Wire};
use tokio::time::Instant;

use super::FarSide;
use crate::book::call_in;

/// Read buffer of a vendor's socket: clients send a few hundred bytes at a time.
const BUFFER_BYTES: usize = 4 * 1024;

/// Notes what goes over a vendor's socket.
trait Tap: Send {
    fn received(&mut self, far_side: &FarSide, input: Input<'_>);
    fn sending(&mut self, far_side: &FarSide, text: &str);
}

/// Whose words they are shows when their word was heard for the first time.
#[derive(Debug, Default)]
struct RecognizerTap {
    call: Option<usize>,
}

#[derive(Debug, Default)]
struct SynthesiserTap {
    call: Option<usize>,
}

pub(super) async fn recognizer(
    State(far_side): State<Arc<FarSide>>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let head = head(&uri, &headers, "authorization");
    let opening = far_side.recognizer.connect(head, far_side.epoch.elapsed());
    open(far_side, upgrade, opening, RecognizerTap::default()).await
}

pub(super) async fn synthesiser(
    State(far_side): State<Arc<FarSide>>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let head = head(&uri, &headers, "xi-api-key");
    let opening = far_side.synthesiser.connect(head, far_side.epoch.elapsed());
    open(far_side, upgrade, opening, SynthesiserTap::default()).await
}

async fn open(
    far_side: Arc<FarSide>,
    upgrade: WebSocketUpgrade,
    opening: Opening<impl Peer + 'static>,
    tap: impl Tap + 'static,
) -> Response {
    match opening {
        // No faults are set.
        Opening::Cut | Opening::Silent => StatusCode::BAD_GATEWAY.into_response(),
        Opening::Refused(refused) => {
            let status = StatusCode::from_u16(refused.status);
            (status.unwrap_or(StatusCode::BAD_REQUEST), refused.body).into_response()
        }
        Opening::Open { at, session } => {
            tokio::time::sleep_until(Instant::from_std(far_side.epoch) + at).await;
            let upgrade = upgrade.read_buffer_size(BUFFER_BYTES).write_buffer_size(0);
            upgrade.on_upgrade(async move |socket| drive(&far_side, socket, session, tap).await)
        }
    }
}

/// Runs a peer on a socket until either ends it.
async fn drive(far_side: &FarSide, mut socket: WebSocket, mut peer: impl Peer, mut tap: impl Tap) {
    let since = Instant::from_std(far_side.epoch);
    let mut waiting: VecDeque<Due> = VecDeque::new();
    loop {
        let now = since.elapsed();
        if peer.poll_timeout().is_some_and(|at| at <= now) {
            waiting.extend(peer.handle_timeout(now));
        }
        while waiting.front().is_some_and(|due| due.at <= now) {
            let Some(due) = waiting.pop_front() else {
                break;
            };
            let message = match due.wire {
                Wire::Text(text) => {
                    tap.sending(far_side, &text);
                    Message::Text(text.into())
                }
                Wire::Binary(bytes) => Message::Binary(bytes),
                Wire::Close { code, reason } => Message::Close(Some(CloseFrame {
                    code,
                    reason: reason.into(),
                })),
                Wire::Cut => return,
            };
            if socket.send(message).await.is_err() {
                return;
            }
        }
        let next = match (waiting.front().map(|due| due.at), peer.poll_timeout()) {
            (Some(due), Some(timeout)) => Some(due.min(timeout)),
            (due, timeout) => due.or(timeout),
        };
        let message = match next {
            None => socket.recv().await,
            Some(at) => match tokio::time::timeout_at(since + at, socket.recv()).await {
                Ok(message) => message,
                Err(_due) => continue,
            },
        };
        let input = match &message {
            Some(Ok(Message::Text(text))) => Input::Text(text.as_str()),
            Some(Ok(Message::Binary(bytes))) => Input::Binary(bytes),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            Some(Ok(Message::Close(_)) | Err(_)) | None => return,
        };
        tap.received(far_side, input);
        waiting.extend(peer.handle(input, since.elapsed()));
    }
}

impl Tap for RecognizerTap {
    fn received(&mut self, far_side: &FarSide, input: Input<'_>) {
        if let Input::Binary(_) = input {
            far_side.book.recognizer_heard();
        }
    }

    fn sending(&mut self, far_side: &FarSide, text: &str) {
        let words = transcript(text);
        if words.is_some_and(|words| words.contains("[garbled]")) {
            far_side.book.recognizer_garbled();
        }
        self.call = self.call.or_else(|| words.and_then(call_in));
        let says_something = words.is_some_and(|words| !words.is_empty());
        if let Some(call) = self.call
            && (says_something || text.contains(r#""SpeechStarted""#))
        {
            let is_end = text.contains(r#""speech_final":true"#);
            far_side.book.recognizer_says(call, is_end);
        }
    }
}

impl Tap for SynthesiserTap {
    fn received(&mut self, far_side: &FarSide, input: Input<'_>) {
        if let Input::Text(text) = input {
            self.call = self.call.or_else(|| call_in(text));
            // The first message of a context is a space.
            let is_text = text.contains(r#""text""#) && !text.contains(r#""text":" ""#);
            if let Some(call) = self.call.filter(|_| is_text) {
                far_side.book.text_received(call);
            }
        }
    }

    fn sending(&mut self, far_side: &FarSide, text: &str) {
        if let Some(call) = self.call.filter(|_| text.contains(r#""audio""#)) {
            far_side.book.audio_sent(call);
        }
    }
}

/// The transcript in a result, as far as it has no escapes: those of the bench have none.
fn transcript(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once(r#""transcript":""#)?;
    rest.split_once('"').map(|(words, _)| words)
}

fn head<'a>(uri: &'a Uri, headers: &'a HeaderMap, key: &str) -> Head<'a> {
    Head {
        path: uri.path(),
        query: uri.query().unwrap_or_default(),
        key: headers.get(key).and_then(|value| value.to_str().ok()),
    }
}
