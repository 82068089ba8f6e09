//! The agent's audio on its way into the carrier's socket: messages encoded into a buffer that is used
//! again, and what happens when the carrier does not read.
//!
//! Pacing is the core's; here is only the wire.

use std::task::Context;
use std::time::Duration;

use bytes::BytesMut;
use carrier::twilio::media;
use conversation::{Mark, UtteranceId};
use tokio::time::Instant;

use crate::carrier_leg::socket::{CarrierSocket, Full};

/// What goes to the carrier.
#[derive(Debug)]
pub(crate) struct Playout {
    stream_sid: String,
    out: BytesMut,
    flow: Flow,
    /// The utterance whose text was given to a voice last.
    utterance: Option<UtteranceId>,
    /// A `clear` is on its way since then.
    clearing_since: Option<Instant>,
}

/// Whether the carrier takes what we send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Taking,
    /// It did not read, so this utterance (and with it its marks: it was not heard) is dropped until
    /// the next one begins. `cleared` once what the carrier still had of it is emptied.
    Dropping {
        cleared: bool,
    },
}

/// What a flush came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flushed {
    /// Nothing was waiting, or the carrier does not read on.
    Nothing,
    Written {
        /// How long a `clear` that went out has taken since the wake that caused it.
        clear_took: Option<Duration>,
    },
}

impl Playout {
    pub(crate) fn new(stream_sid: String) -> Self {
        Self {
            stream_sid,
            out: BytesMut::new(),
            flow: Flow::Taking,
            utterance: None,
            clearing_since: None,
        }
    }

    /// The carrier's name of the stream: what every message must carry.
    pub(crate) fn stream_sid(&self) -> &str {
        &self.stream_sid
    }

    /// Queues audio. False when it was dropped.
    pub(crate) fn play(&mut self, socket: &mut CarrierSocket, audio: &[u8]) -> bool {
        if self.flow != Flow::Taking {
            return false;
        }
        media::encode_media(&self.stream_sid, audio, &mut self.out);
        self.send(socket)
    }

    /// Queues a mark, or drops it with the audio before it.
    pub(crate) fn mark(&mut self, socket: &mut CarrierSocket, mark: Mark) {
        if self.flow == Flow::Taking {
            media::encode_mark(&self.stream_sid, &mark.to_string(), &mut self.out);
            self.send(socket);
        }
    }

    /// Empties the carrier's buffer. `since`: when what caused it was seen.
    pub(crate) fn clear(&mut self, socket: &mut CarrierSocket, since: Instant) {
        self.clearing_since.get_or_insert(since);
        media::encode_clear(&self.stream_sid, &mut self.out);
        let sent = self.send(socket);
        // A clear that did not fit goes out as soon as the carrier reads again.
        if let Flow::Dropping { cleared } = &mut self.flow {
            *cleared |= sent;
        }
    }

    /// Text of this utterance is given to a voice: where it is a new one, the one that was dropped is
    /// over.
    pub(crate) fn speaks(&mut self, utterance: UtteranceId) {
        if self.utterance.replace(utterance) != Some(utterance)
            && self.flow == (Flow::Dropping { cleared: true })
        {
            self.flow = Flow::Taking;
        }
    }

    /// Writes what is queued, once per wake.
    pub(crate) fn flush(&mut self, socket: &mut CarrierSocket, cx: &mut Context<'_>) -> Flushed {
        if !socket.is_unflushed() || socket.poll_flush(cx).is_pending() {
            return Flushed::Nothing;
        }
        if self.flow == (Flow::Dropping { cleared: false }) {
            // It reads again; what it still has breaks off in mid-word.
            media::encode_clear(&self.stream_sid, &mut self.out);
            let cleared = self.send(socket);
            self.flow = Flow::Dropping { cleared };
            if socket.poll_flush(cx).is_pending() {
                return Flushed::Nothing;
            }
        }
        Flushed::Written {
            clear_took: self.clearing_since.take().map(|since| since.elapsed()),
        }
    }

    /// Whether the utterance is being dropped.
    pub(crate) fn is_dropping(&self) -> bool {
        self.flow != Flow::Taking
    }

    fn send(&mut self, socket: &mut CarrierSocket) -> bool {
        let sent = socket.send(self.out.split().freeze());
        if sent == Err(Full) && self.flow == Flow::Taking {
            self.flow = Flow::Dropping { cleared: false };
        }
        sent.is_ok()
    }
}
