//! The agent's audio on its way into the carrier's socket: messages encoded into a buffer that is used
//! again, and what happens when the carrier does not read.
//!
//! Pacing is the core's; here is only the wire.

use std::collections::VecDeque;
use std::task::Context;
use std::time::Duration;

use bytes::BytesMut;
use carrier::media::MediaCodec;
use conversation::{Mark, UtteranceId};
use tokio::time::Instant;

use crate::carrier_leg::socket::{CarrierSocket, Full};
use crate::stt_leg::customer_audio::BYTES_PER_MS;

/// What goes to the carrier.
#[derive(Debug)]
pub(crate) struct Playout {
    codec: &'static dyn MediaCodec,
    stream_id: String,
    out: BytesMut,
    flow: Flow,
    /// The utterance whose text was given to a voice last.
    utterance: Option<UtteranceId>,
    /// A `clear` is on its way since then.
    clearing_since: Option<Instant>,
    /// Only for a carrier without marks.
    clock: Option<Box<PlaybackClock>>,
}

/// What a carrier without marks has played by now, as far as can be told from here: audio is played one
/// after the other from when it was sent.
#[derive(Debug, Default)]
struct PlaybackClock {
    played_until: Option<Instant>,
    /// Marks that are still to come, with their times.
    marks: VecDeque<(Instant, Mark)>,
}

impl PlaybackClock {
    fn play(&mut self, bytes: usize, now: Instant) {
        let ms = u64::try_from(bytes).unwrap_or(u64::MAX) / BYTES_PER_MS;
        let from = self.played_until.map_or(now, |until| until.max(now));
        self.played_until = Some(from + Duration::from_millis(ms));
    }

    fn mark(&mut self, mark: Mark, now: Instant) {
        let at = self.played_until.map_or(now, |until| until.max(now));
        self.marks.push_back((at, mark));
    }

    /// Nothing is played any more; as with carriers that have marks, those still out come at once.
    fn clear(&mut self, now: Instant) {
        self.played_until = None;
        for (at, _mark) in &mut self.marks {
            *at = now;
        }
    }

    fn take_due(&mut self, now: Instant) -> Option<Mark> {
        let (_at, mark) = self.marks.pop_front_if(|(at, _mark)| *at <= now)?;
        Some(mark)
    }
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
    pub(crate) fn new(codec: &'static dyn MediaCodec, stream_id: String) -> Self {
        Self {
            codec,
            stream_id,
            out: BytesMut::new(),
            flow: Flow::Taking,
            utterance: None,
            clearing_since: None,
            clock: (!codec.has_marks()).then(Box::default),
        }
    }

    /// The carrier's name of the stream: what every message must carry.
    pub(crate) fn stream_id(&self) -> &str {
        &self.stream_id
    }

    pub(crate) fn codec(&self) -> &'static dyn MediaCodec {
        self.codec
    }

    /// A mark whose time has come at a carrier that does not say so itself.
    pub(crate) fn take_played(&mut self, now: Instant) -> Option<Mark> {
        self.clock.as_mut()?.take_due(now)
    }

    /// When the next such mark is due.
    pub(crate) fn next_played(&self) -> Option<Instant> {
        let clock = self.clock.as_ref()?;
        clock.marks.front().map(|(at, _mark)| *at)
    }

    /// Queues audio. False when it was dropped.
    pub(crate) fn play(&mut self, socket: &mut CarrierSocket, audio: &[u8], now: Instant) -> bool {
        if self.flow != Flow::Taking {
            return false;
        }
        self.codec
            .encode_media(&self.stream_id, audio, &mut self.out);
        if let Some(clock) = &mut self.clock {
            clock.play(audio.len(), now);
        }
        self.send(socket)
    }

    /// Queues a mark, or drops it with the audio before it. True when it is the carrier that returns it.
    pub(crate) fn mark(&mut self, socket: &mut CarrierSocket, mark: Mark, now: Instant) -> bool {
        if self.flow != Flow::Taking {
            return false;
        }
        if let Some(clock) = &mut self.clock {
            clock.mark(mark, now);
            return false;
        }
        self.codec
            .encode_mark(&self.stream_id, &mark.to_string(), &mut self.out);
        self.send(socket)
    }

    /// Empties the carrier's buffer. `since`: when what caused it was seen.
    pub(crate) fn clear(&mut self, socket: &mut CarrierSocket, since: Instant) {
        self.clearing_since.get_or_insert(since);
        if let Some(clock) = &mut self.clock {
            clock.clear(since);
        }
        self.codec.encode_clear(&self.stream_id, &mut self.out);
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
            self.codec.encode_clear(&self.stream_id, &mut self.out);
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
