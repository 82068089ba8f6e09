//! The connection to the recognizer.

use std::collections::VecDeque;
use std::time::Duration;

use conversation::{FailureKind, Recognition};
use model::AudioPosition;
use providers::stt::RecognizerConfig;
use providers::stt::deepgram::codec as deepgram_codec;

use super::socket::Socket;
use super::{base, head};
use crate::vendors::deepgram;
use crate::world::Scene;
use crate::world::wants::{Happened, Heard, Out, Sent};

/// The largest message of audio to the recognizer, in bytes.
const AUDIO_BYTES_MAX: usize = 8_000;

/// One connection to the recognizer.
#[derive(Debug)]
pub(in crate::world) struct Hearing {
    socket: Socket<deepgram::Session>,
    scale: deepgram_codec::Scale,
}

impl Hearing {
    pub(in crate::world) fn connect(
        connection: u32,
        scene: &Scene,
        vendor: &deepgram::Vendor,
        from: AudioPosition,
        now: Duration,
        out: &mut VecDeque<Out>,
    ) -> Self {
        let agent = &scene.snapshot.agent;
        let config = RecognizerConfig {
            language: agent.language.clone(),
            endpointing_ms: agent.turn_taking.endpointing_ms,
            position: from,
            tag: "simulation".to_owned(),
        };
        let url = deepgram_codec::listen_url(&base(), "nova-3", &config);
        let key = format!("Token {}", scene.deepgram.api_key);
        let socket = Socket::connect(
            connection,
            |connection, what| Happened::Hearing { connection, what },
            |code, _reason| deepgram_codec::closed(code),
            scene,
            now,
            out,
            |at| vendor.connect(head(&url, &key), at),
        );
        let scale = deepgram_codec::Scale {
            start: from,
            end: from,
        };
        Self { socket, scale }
    }

    pub(in crate::world) fn connection(&self) -> u32 {
        self.socket.connection
    }

    pub(in crate::world) fn connected(&mut self, now: Duration) {
        self.socket.opened(now);
    }

    /// Sends audio, once the connection stands.
    pub(in crate::world) fn send_audio(
        &mut self,
        audio: &[u8],
        now: Duration,
        out: &mut VecDeque<Out>,
    ) {
        if !self.socket.open {
            return;
        }
        for part in audio.chunks(AUDIO_BYTES_MAX) {
            let micros = u64::try_from(part.len()).unwrap_or(0) * 125;
            self.scale.end += Duration::from_micros(micros);
            self.socket.send(Sent::Binary(part.to_vec()), now, out);
        }
    }

    pub(in crate::world) fn finalize(&mut self, now: Duration, out: &mut VecDeque<Out>) {
        if self.socket.open {
            let text = deepgram_codec::FINALIZE.to_owned();
            self.socket.send(Sent::Text(text), now, out);
        }
    }

    pub(in crate::world) fn take(
        &mut self,
        what: Heard,
        now: Duration,
        out: &mut VecDeque<Out>,
    ) -> Result<Option<Recognition>, FailureKind> {
        let Some(text) = self.socket.take(what, now, out)? else {
            return Ok(None);
        };
        match deepgram_codec::decode(&text, self.scale) {
            Ok(deepgram_codec::Message::Heard(event)) => Ok(Some(event)),
            Ok(
                deepgram_codec::Message::Aside
                | deepgram_codec::Message::Unknown
                | deepgram_codec::Message::NotUnderstood,
            ) => Ok(None),
            Ok(deepgram_codec::Message::Error) => Err(FailureKind::ServerError),
            Err(deepgram_codec::Garbage) => Err(FailureKind::Protocol),
        }
    }

    pub(in crate::world) fn poll_timeout(&self) -> Option<Duration> {
        self.socket.poll_timeout()
    }

    pub(in crate::world) fn handle_timeout(
        &mut self,
        now: Duration,
        out: &mut VecDeque<Out>,
    ) -> Option<FailureKind> {
        self.socket.handle_timeout(now, out)
    }
}
