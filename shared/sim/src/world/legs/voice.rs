//! The voice over a WebSocket.

use std::collections::BTreeSet;
use std::time::Duration;

use conversation::{FailureKind, Synthesis, UtteranceId};
use providers::tts::elevenlabs::codec as voice_codec;

use super::socket::Socket;
use super::{Around, Spoken, VOICE_MODEL, VOICE_PIPES, base, head};
use crate::vendors::elevenlabs;
use crate::world::wants::{Happened, Heard, Sent, VOICE_ID, failure};

/// A voice over the WebSocket: one connection for all utterances, made anew when it breaks.
#[derive(Debug, Default)]
pub(in crate::world) struct Voice {
    socket: Option<Socket<elevenlabs::Session>>,
    connections: u32,
    /// Messages until the connection stands.
    waiting: Vec<String>,
    /// Utterances that are not over.
    open: BTreeSet<UtteranceId>,
}

impl Voice {
    /// Connects, unless that has been done.
    pub(in crate::world) fn warm(&mut self, around: &mut Around<'_, '_>) {
        if self.socket.is_some() {
            return;
        }
        self.connections += 1;
        let url = voice_codec::socket_url(
            &base(),
            VOICE_ID,
            VOICE_MODEL,
            &around.scene.snapshot.agent.language,
        );
        let (vendor, key) = (around.vendor, around.scene.elevenlabs.api_key.as_str());
        self.socket = Some(Socket::connect(
            VOICE_PIPES + self.connections,
            |connection, what| Happened::Voice { connection, what },
            voice_codec::closed,
            around.scene,
            around.now,
            around.out,
            |at| vendor.connect(head(&url, key), at),
        ));
    }

    pub(in crate::world) fn speak(
        &mut self,
        utterance: UtteranceId,
        text: &str,
        around: &mut Around<'_, '_>,
    ) {
        self.warm(around);
        if self.open.insert(utterance) {
            self.send(voice_codec::open_context(&utterance.to_string()), around);
        }
        self.send(voice_codec::speak(&utterance.to_string(), text), around);
    }

    pub(in crate::world) fn finish(&mut self, utterance: UtteranceId, around: &mut Around<'_, '_>) {
        if self.open.contains(&utterance) {
            self.send(voice_codec::close_context(&utterance.to_string()), around);
        }
    }

    pub(in crate::world) fn cancel(&mut self, utterance: UtteranceId, around: &mut Around<'_, '_>) {
        if self.open.remove(&utterance) {
            self.send(voice_codec::close_context(&utterance.to_string()), around);
        }
    }

    pub(in crate::world) fn take(
        &mut self,
        connection: u32,
        what: Heard,
        around: &mut Around<'_, '_>,
    ) -> Spoken {
        let Some(socket) = (self.socket.as_mut()).filter(|socket| socket.connection == connection)
        else {
            return Vec::new();
        };
        let connected = matches!(what, Heard::Connected);
        let text = match socket.take(what, around.now, around.out) {
            Ok(Some(text)) => text,
            Ok(None) => {
                if connected {
                    for message in std::mem::take(&mut self.waiting) {
                        self.send(message, around);
                    }
                }
                return Vec::new();
            }
            Err(kind) => return self.lose(kind),
        };
        let Ok(message) = voice_codec::decode(&text) else {
            return self.lose(FailureKind::Protocol);
        };
        let context = message.context.as_deref();
        let utterance = context.and_then(|context| {
            let open = self.open.iter();
            open.copied().find(|open| open.to_string() == context)
        });
        match (message.error, utterance) {
            (Some(kind), None) if context.is_none() => return self.lose(kind),
            (Some(kind), Some(utterance)) => {
                self.open.remove(&utterance);
                let failed = Synthesis::Failed(failure("elevenlabs", kind));
                return vec![(utterance, failed)];
            }
            // Of an utterance that is not wanted any more.
            (_, None) => return Vec::new(),
            (None, Some(_)) => {}
        }
        let mut spoken = Vec::new();
        let Some(utterance) = utterance else {
            return spoken;
        };
        if !message.audio.is_empty() {
            let (audio, alignment) = (message.audio, message.alignment);
            spoken.push((utterance, Synthesis::Audio { audio, alignment }));
        }
        if message.is_final {
            self.open.remove(&utterance);
            spoken.push((utterance, Synthesis::Finished));
        }
        spoken
    }

    pub(in crate::world) fn poll_timeout(&self) -> Option<Duration> {
        self.socket.as_ref().and_then(Socket::poll_timeout)
    }

    pub(in crate::world) fn handle_timeout(&mut self, around: &mut Around<'_, '_>) -> Spoken {
        let socket = self.socket.as_mut();
        match socket.and_then(|socket| socket.handle_timeout(around.now, around.out)) {
            Some(kind) => self.lose(kind),
            None => Vec::new(),
        }
    }

    fn send(&mut self, message: String, around: &mut Around<'_, '_>) {
        match &mut self.socket {
            Some(socket) if socket.open => {
                socket.send(Sent::Text(message), around.now, around.out);
            }
            Some(_) | None => self.waiting.push(message),
        }
    }

    fn lose(&mut self, kind: FailureKind) -> Spoken {
        self.socket = None;
        self.waiting.clear();
        let open = std::mem::take(&mut self.open).into_iter();
        open.map(|utterance| {
            let failed = Synthesis::Failed(failure("elevenlabs", kind));
            (utterance, failed)
        })
        .collect()
    }
}
