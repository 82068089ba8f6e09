//! The language model: answers every customer with two sentences that name what they asked for.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use sim::peer::Violations;
use sim::peer::latency::Latency;
use sim::peer::{Due, Wire};
use sim::vendors::openai::{Answer, Behaviour, Brain, Conversation, Last, Reply, RequestHead};
use tokio::time::Instant;

use super::FarSide;
use crate::book::{call_in, word};
use crate::control::VENDOR_KEY;

/// The simulated model.
#[derive(Debug)]
pub(super) struct Model(sim::vendors::openai::Model);

struct Echo;

impl Brain for Echo {
    fn reply(&self, conversation: &Conversation<'_>) -> Reply {
        let asked = match conversation.last {
            Last::Customer(text) => call_in(text),
            Last::Agent | Last::Tool { .. } | Last::Nobody => None,
        };
        let asked = asked.or_else(|| {
            conversation
                .customer
                .iter()
                .rev()
                .find_map(|text| call_in(text))
        });
        let asked = asked.map_or_else(|| "that".to_owned(), word);
        Reply::says(&format!(
            "I looked into {asked} for you just now. There is a free hour on Friday morning at nine."
        ))
    }
}

impl Model {
    pub(super) fn new() -> Self {
        Self(sim::vendors::openai::Model::new(Behaviour {
            first_token: Latency::between_ms(150, 250),
            next_token: Latency::between_ms(10, 20),
            shred: false,
            ..Behaviour::new(VENDOR_KEY, Arc::new(Echo))
        }))
    }

    pub(super) fn violations(&self) -> &Violations {
        self.0.violations()
    }
}

pub(super) async fn models() -> Json<Value> {
    Json(json!({"object": "list", "data": []}))
}

pub(super) async fn complete(
    State(far_side): State<Arc<FarSide>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let since = Instant::from_std(far_side.epoch);
    // The last message is the customer's, and the last call's word in the body is in it.
    let call = std::str::from_utf8(&body).ok().and_then(call_in);
    if let Some(call) = call {
        far_side.book.model_asked(call);
    }
    let head = RequestHead {
        authorization: text(&headers, &header::AUTHORIZATION),
        content_type: text(&headers, &header::CONTENT_TYPE),
    };
    match far_side.model.0.answer(head, &body, since.elapsed()) {
        // No faults are set.
        Answer::Cut | Answer::Silent => StatusCode::BAD_GATEWAY.into_response(),
        Answer::Refused { status, body, .. } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
            (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
        }
        Answer::Stream { at, pieces } => {
            tokio::time::sleep_until(since + at).await;
            let sending = Sending {
                far_side: Arc::clone(&far_side),
                call,
                pieces: pieces.into(),
                said: String::new(),
            };
            let body = futures_util::stream::unfold(sending, next_piece);
            let kind = [(header::CONTENT_TYPE, "text/event-stream; charset=utf-8")];
            (kind, Body::from_stream(body)).into_response()
        }
    }
}

struct Sending {
    far_side: Arc<FarSide>,
    call: Option<usize>,
    pieces: VecDeque<Due>,
    /// What was said, until it was a whole sentence and a beginning of the next.
    said: String,
}

async fn next_piece(mut sending: Sending) -> Option<(io::Result<Bytes>, Sending)> {
    let due = sending.pieces.pop_front()?;
    let since = Instant::from_std(sending.far_side.epoch);
    tokio::time::sleep_until(since + due.at).await;
    match due.wire {
        Wire::Text(event) => {
            if let Some(call) = sending.call
                && !is_sentence_and_more(&sending.said)
            {
                sending.said.push_str(content(&event).unwrap_or_default());
                if is_sentence_and_more(&sending.said) {
                    sending.far_side.book.sentence_sent(call);
                }
            }
            Some((Ok(Bytes::from(event)), sending))
        }
        Wire::Binary(bytes) => Some((Ok(bytes), sending)),
        Wire::Close { .. } | Wire::Cut => None,
    }
}

/// A sentence is over when something follows its full stop: before, it could be a decimal point.
fn is_sentence_and_more(said: &str) -> bool {
    said.contains(". ")
}

/// The text of an event, as far as it has no escapes: those of the bench have none.
fn content(event: &str) -> Option<&str> {
    let (_, rest) = event.split_once(r#""content":""#)?;
    rest.split_once('"').map(|(content, _)| content)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
