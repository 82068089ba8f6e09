//! A request to the language model.

use std::collections::VecDeque;
use std::time::Duration;

use conversation::{FailureKind, Generate, Generation};
use providers::llm::Tuning;
use providers::llm::openai::codec as openai_codec;

use super::{FIRST_PIECE_MAX, NEXT_PIECE_MAX, base, pipes};
use crate::peer::Wire;
use crate::vendors::openai::{self, Answer, RequestHead};
use crate::world::Scene;
use crate::world::wants::{Happened, Out, Said, failure};

/// One request to the language model.
#[derive(Debug)]
pub(in crate::world) struct Thinking {
    answer: openai_codec::Answer,
    failed: Option<FailureKind>,
    asked: Duration,
    heard_at: Duration,
}

impl Thinking {
    pub(in crate::world) fn ask(
        scene: &Scene,
        model: &openai::Model,
        request: &Generate,
        now: Duration,
        out: &mut VecDeque<Out>,
    ) -> Self {
        let id = request.id;
        let [mut up, mut down] = pipes(scene, 1_000 + id.0);
        let tuning = Tuning {
            model: scene.snapshot.agent.model.as_deref(),
            prompt_cache_key: Some("simulation"),
        };
        let takes = openai_codec::Capabilities::of(&base());
        let mut leg = Self {
            answer: openai_codec::Answer::new(id),
            failed: None,
            asked: now,
            heard_at: now,
        };
        let body = match openai_codec::encode(request, "gpt-5.4-mini", tuning, takes) {
            Ok(body) => body,
            Err(_problem) => {
                leg.failed = Some(FailureKind::Refused);
                out.push_back(Out::At(
                    now,
                    Happened::Thinking {
                        id,
                        what: Said::End,
                    },
                ));
                return leg;
            }
        };
        let key = format!("Bearer {}", scene.openai.api_key);
        let head = RequestHead {
            authorization: Some(&key),
            content_type: Some("application/json"),
        };
        let asked = up.arrival(now);
        let mut say = |at, what| {
            let at = down.arrival(at);
            out.push_back(Out::At(at, Happened::Thinking { id, what }));
        };
        match model.answer(head, &body, asked) {
            Answer::Refused {
                at,
                status,
                body,
                retry_after,
            } => {
                let kind = match status {
                    401 => FailureKind::Unauthorized,
                    429 => FailureKind::RateLimited { retry_after },
                    500.. => FailureKind::ServerError,
                    _other => openai_codec::error_kind(&body),
                };
                say(at, Said::Failed(kind));
            }
            Answer::Stream { at, pieces } => {
                for piece in pieces {
                    say(piece.at.max(at), Said::Piece(piece.wire));
                }
            }
            Answer::Cut => say(asked, Said::Failed(FailureKind::Connect)),
            Answer::Silent => {}
        }
        leg
    }

    pub(in crate::world) fn take(&mut self, what: Said, now: Duration) {
        self.heard_at = now;
        match what {
            Said::Piece(Wire::Text(text)) => self.answer.push(text.as_bytes()),
            Said::Piece(Wire::Binary(bytes)) => self.answer.push(&bytes),
            Said::Piece(Wire::Close { .. } | Wire::Cut) => self.answer.end(),
            Said::Failed(kind) => self.failed = Some(kind),
            Said::Speech { .. } | Said::End => {}
        }
    }

    pub(in crate::world) fn next_event(&mut self) -> Option<Generation> {
        match self.failed.take() {
            Some(kind) => Some(Generation::Failed(failure("openai", kind))),
            None => self.answer.next_event(),
        }
    }

    /// When the answer is given up.
    pub(in crate::world) fn poll_timeout(&self) -> Option<Duration> {
        Some(if self.answer.has_begun() {
            self.heard_at + NEXT_PIECE_MAX
        } else {
            self.asked + FIRST_PIECE_MAX
        })
    }
}
