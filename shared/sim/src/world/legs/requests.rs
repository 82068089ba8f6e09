//! The voice over HTTP.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use conversation::{FailureKind, Synthesis, UtteranceId};
use providers::tts::elevenlabs::codec as voice_codec;

use super::{
    Around, FIRST_PIECE_MAX, NEXT_PIECE_MAX, REQUEST_PIPES, Spoken, VOICE_MODEL, base, head, pipes,
    refusal,
};
use crate::peer::{Opening, Wire};
use crate::world::wants::{Happened, Out, Said, VOICE_ID, failure};

/// A voice over HTTP: one request per text, one after the other.
#[derive(Debug, Default)]
pub(in crate::world) struct Requests {
    texts: VecDeque<(UtteranceId, String)>,
    /// The request under way, and by when something must come.
    current: Option<(UtteranceId, Duration)>,
    requests: u32,
    /// Utterances that are not over; those whose last text is here are true.
    open: BTreeMap<UtteranceId, bool>,
}

impl Requests {
    pub(in crate::world) fn speak(
        &mut self,
        utterance: UtteranceId,
        text: &str,
        around: &mut Around<'_, '_>,
    ) -> Spoken {
        self.open.entry(utterance).or_default();
        self.texts.push_back((utterance, text.to_owned()));
        self.go_on(around)
    }

    pub(in crate::world) fn finish(
        &mut self,
        utterance: UtteranceId,
        around: &mut Around<'_, '_>,
    ) -> Spoken {
        if let Some(finished) = self.open.get_mut(&utterance) {
            *finished = true;
        }
        self.go_on(around)
    }

    pub(in crate::world) fn cancel(
        &mut self,
        utterance: UtteranceId,
        around: &mut Around<'_, '_>,
    ) -> Spoken {
        self.forget(utterance);
        self.go_on(around)
    }

    pub(in crate::world) fn take(
        &mut self,
        request: u32,
        what: Said,
        around: &mut Around<'_, '_>,
    ) -> Spoken {
        let Some((utterance, deadline)) =
            self.current.as_mut().filter(|_| self.requests == request)
        else {
            return Vec::new();
        };
        let utterance = *utterance;
        let mut spoken = Vec::new();
        match what {
            Said::Piece(Wire::Binary(audio)) => {
                *deadline = around.now + NEXT_PIECE_MAX;
                let alignment = None;
                spoken.push((utterance, Synthesis::Audio { audio, alignment }));
            }
            Said::Piece(Wire::Close { .. }) | Said::End => {
                self.current = None;
            }
            Said::Piece(Wire::Cut | Wire::Text(_)) => {
                spoken.push(self.fail(utterance, FailureKind::Closed));
            }
            Said::Failed(kind) => spoken.push(self.fail(utterance, kind)),
            Said::Speech { .. } => {}
        }
        spoken.extend(self.go_on(around));
        spoken
    }

    pub(in crate::world) fn poll_timeout(&self) -> Option<Duration> {
        self.current.map(|(_, deadline)| deadline)
    }

    pub(in crate::world) fn handle_timeout(&mut self, around: &mut Around<'_, '_>) -> Spoken {
        let late = self.current.filter(|(_, deadline)| *deadline <= around.now);
        let Some((utterance, _)) = late else {
            return Vec::new();
        };
        let mut spoken = vec![self.fail(utterance, FailureKind::Silent)];
        spoken.extend(self.go_on(around));
        spoken
    }

    fn fail(&mut self, utterance: UtteranceId, kind: FailureKind) -> (UtteranceId, Synthesis) {
        self.forget(utterance);
        (utterance, Synthesis::Failed(failure("elevenlabs", kind)))
    }

    fn forget(&mut self, utterance: UtteranceId) {
        self.open.remove(&utterance);
        self.texts.retain(|(of, _)| *of != utterance);
        if self.current.is_some_and(|(of, _)| of == utterance) {
            self.current = None;
        }
    }

    /// Asks for the next text, or says that an utterance is over.
    fn go_on(&mut self, around: &mut Around<'_, '_>) -> Spoken {
        if self.current.is_some() {
            return Vec::new();
        }
        if let Some((utterance, text)) = self.texts.pop_front() {
            self.request(utterance, &text, around);
            return Vec::new();
        }
        let over: Vec<_> = (self.open.iter())
            .filter(|(_, finished)| **finished)
            .map(|(utterance, _)| *utterance)
            .collect();
        self.open.retain(|_, finished| !*finished);
        let finished = over.into_iter();
        finished
            .map(|utterance| (utterance, Synthesis::Finished))
            .collect()
    }

    fn request(&mut self, utterance: UtteranceId, text: &str, around: &mut Around<'_, '_>) {
        self.requests += 1;
        let request = self.requests;
        self.current = Some((utterance, around.now + FIRST_PIECE_MAX));
        let [mut up, mut down] = pipes(around.scene, REQUEST_PIPES + request);
        let url = voice_codec::http_url(&base(), VOICE_ID);
        let body =
            voice_codec::http_body(text, VOICE_MODEL, &around.scene.snapshot.agent.language, "");
        let asked = up.arrival(around.now);
        let key = around.scene.elevenlabs.api_key.as_str();
        let mut say = |at, what| {
            let at = down.arrival(at);
            around
                .out
                .push_back(Out::At(at, Happened::Request { request, what }));
        };
        match around
            .vendor
            .stream(head(&url, key), body.as_bytes(), asked)
        {
            Opening::Open { at, session } => {
                for piece in session.pieces {
                    say(piece.at.max(at), Said::Piece(piece.wire));
                }
            }
            Opening::Refused(refused) => say(refused.at, Said::Failed(refusal(&refused))),
            Opening::Cut => say(asked, Said::Failed(FailureKind::Connect)),
            Opening::Silent => {}
        }
    }
}
