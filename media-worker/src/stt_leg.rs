//! The listening side of one call: the customer's audio in order and in place, and the recognizer that
//! hears it, through its losses.
//!
//! It does not decide where or when to connect again: it is told.

pub(crate) mod customer_audio;

use std::fmt;
use std::task::{Context, Poll};
use std::time::Duration;

use audio::{LineListener, LineSound, Loudness, Vad};
use carrier::media::{MediaCodec, MediaProblem};
use conversation::{Failure, Recognition};
use futures_util::future::BoxFuture;
use model::AudioPosition;
use providers::stt::{Recognizer, RecognizerConfig, Recognizers, ReplayBuffer};

use crate::stt_leg::customer_audio::{AudioPlacement, BYTES_PER_MS, CustomerAudio, MessageSize};

/// Audio before speech that is kept for a replay although nothing was said in it.
const REPLAY_LEAD: Duration = Duration::from_millis(500);

/// What the recognizer calls the end of its words and what we take for sound differ by this much
/// and mean the same.
const SETTLED_SLACK: Duration = Duration::from_millis(400);

/// Sounds that one message of the carrier can end: messages are of 20 ms, and a sound needs 200. What a
/// longer message has beyond is not told.
const SOUNDS_MAX: usize = 2;

/// How a call is listened to.
#[derive(Debug, Clone)]
pub(crate) struct Listening {
    /// BCP 47.
    pub(crate) language: String,
    /// Silence that ends a customer's phrase.
    pub(crate) endpointing_ms: u32,
    /// Label in the vendor's accounts.
    pub(crate) tag: String,
}

/// The listening side of one call.
pub(crate) struct SttLeg {
    codec: &'static dyn MediaCodec,
    recognizers: Recognizers,
    how: Listening,
    customer: CustomerAudio,
    vad: Vad,
    /// Listens for tones while they mean anything, from this byte of the customer's audio on.
    line: Option<Box<(u64, LineListener)>>,
    message_size: MessageSize,
    replay: ReplayBuffer,
    /// End of the last sound the customer made, and of the last words that are final.
    voiced_until: AudioPosition,
    settled_until: AudioPosition,
    /// The vendor that was asked last.
    vendor: &'static str,
    leg: Leg,
}

/// What became of a message with audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is heard, after `lost_ms` of silence for what never came. `due`: enough waits to be sent.
    /// `sounds`: tones that ended with it.
    Heard {
        loudness: Loudness,
        lost_ms: u64,
        due: bool,
        sounds: [Option<LineSound>; SOUNDS_MAX],
    },
    /// It was here before, or comes too late: not heard again.
    Duplicate,
    Late,
    Unreadable(MediaProblem),
}

enum Leg {
    /// Waits to be told where to connect.
    Closed,
    Connecting {
        from: AudioPosition,
        connect: BoxFuture<'static, Result<Box<dyn Recognizer>, Failure>>,
    },
    Open(Box<dyn Recognizer>),
}

impl SttLeg {
    /// Begins to connect the first recognizer.
    pub(crate) fn new(
        codec: &'static dyn MediaCodec,
        recognizers: Recognizers,
        how: Listening,
    ) -> Self {
        let mut ear = Self {
            codec,
            recognizers,
            customer: CustomerAudio::new(),
            vad: Vad::new(),
            line: None,
            message_size: MessageSize::new(how.endpointing_ms),
            how,
            replay: ReplayBuffer::new(),
            voiced_until: AudioPosition::ZERO,
            settled_until: AudioPosition::ZERO,
            vendor: "",
            leg: Leg::Closed,
        };
        ear.connect(0);
        ear
    }

    /// Takes the customer's audio of one message.
    /// With `listens` also for tones.
    pub(crate) fn take(
        &mut self,
        sequence: u64,
        timestamp_ms: u64,
        payload: &str,
        listens: bool,
    ) -> Taken {
        let (lost_ms, overlap_bytes) = match self.customer.place(sequence, timestamp_ms) {
            AudioPlacement::AtEnd {
                lost_ms,
                overlap_bytes,
            } => (lost_ms, overlap_bytes),
            AudioPlacement::Duplicate => return Taken::Duplicate,
            AudioPlacement::Late => return Taken::Late,
        };
        let codec = self.codec;
        let decoded = self
            .customer
            .append(overlap_bytes, |into| codec.decode_payload(payload, into));
        let bytes = match decoded {
            Ok(bytes) => bytes,
            Err(problem) => return Taken::Unreadable(problem),
        };
        let loudness = Loudness::of(self.customer.newest(bytes));
        let _activity = self.vad.hear(loudness);
        let voiced = self.vad.is_loud();
        if voiced {
            self.voiced_until = self.customer.end();
        }
        let sounds = self.hear_line(bytes, listens);
        let waiting = self.customer.waiting().len();
        let due = self.message_size.is_due(bytes, voiced, waiting);
        Taken::Heard {
            loudness,
            lost_ms,
            due,
            sounds,
        }
    }

    /// Tones in the newest `bytes`.
    fn hear_line(&mut self, bytes: usize, listens: bool) -> [Option<LineSound>; SOUNDS_MAX] {
        let mut sounds = [None; SOUNDS_MAX];
        if !listens {
            self.line = None;
            return sounds;
        }
        let newest = self.customer.newest(bytes);
        let before = self.customer.end_bytes() - u64::try_from(newest.len()).unwrap_or(0);
        let new = || Box::new((before, LineListener::new()));
        let (from, line) = &mut **self.line.get_or_insert_with(new);
        let mut places = sounds.iter_mut();
        line.hear(newest, |sound| {
            if let Some(place) = places.next() {
                *place = Some(sound.later_by(*from));
            }
        });
        sounds
    }

    /// Sends all audio that waits, and keeps it for a replay. True when a message went to a recognizer,
    /// which is to be polled then.
    pub(crate) fn send(&mut self) -> bool {
        let audio = self.customer.waiting();
        if audio.is_empty() {
            return false;
        }
        self.replay.push(audio);
        let sent = match &mut self.leg {
            Leg::Open(recognizer) => {
                // A failure comes again as the recognizer's last event.
                drop(recognizer.send_audio(audio));
                // Nothing was said that is not final: only the lead before speech is needed.
                if self.voiced_until <= self.settled_until + SETTLED_SLACK {
                    self.replay.settle(self.replay.end() - REPLAY_LEAD);
                }
                true
            }
            Leg::Closed | Leg::Connecting { .. } => false,
        };
        self.customer.sent();
        sent
    }

    /// Connects the recognizer with this place in the vendor chain, in the place of the one before.
    pub(crate) fn connect(&mut self, route: usize) {
        let from = self.replay.start();
        self.vendor = self.recognizers.vendor(route);
        let connect = self.recognizers.connect(
            route,
            RecognizerConfig {
                language: self.how.language.clone(),
                endpointing_ms: self.how.endpointing_ms,
                position: from,
                tag: self.how.tag.clone(),
            },
        );
        self.leg = Leg::Connecting { from, connect };
    }

    /// The vendor that listens, or is to.
    pub(crate) fn vendor(&self) -> &'static str {
        self.vendor
    }

    /// Asks for the words so far to be made final now.
    pub(crate) fn finalize(&mut self) {
        self.send();
        if let Leg::Open(recognizer) = &mut self.leg {
            recognizer.finalize();
        }
    }

    /// What the recognizer has to say. Pending also when there is none.
    pub(crate) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Recognition> {
        if let Leg::Connecting { from, connect } = &mut self.leg {
            let from = *from;
            match std::task::ready!(connect.as_mut().poll(cx)) {
                Ok(recognizer) => self.replay_into(recognizer, from),
                Err(failure) => {
                    self.leg = Leg::Closed;
                    return Poll::Ready(Recognition::Lost(failure));
                }
            }
        }
        let Leg::Open(recognizer) = &mut self.leg else {
            return Poll::Pending;
        };
        let event = std::task::ready!(recognizer.poll_event(cx));
        match &event {
            Recognition::Final {
                end, speech_final, ..
            } => {
                self.replay.settle(*end);
                self.settled_until = self.settled_until.max(*end);
                if *speech_final {
                    self.message_size.turn_ended();
                }
            }
            Recognition::UtteranceEnded => self.message_size.turn_ended(),
            Recognition::Lost(_) => self.leg = Leg::Closed,
            Recognition::Opened
            | Recognition::SpeechStarted { .. }
            | Recognition::Interim { .. } => {}
        }
        Poll::Ready(event)
    }

    /// Gives a new recognizer the words that are not final yet, at their places.
    fn replay_into(&mut self, mut recognizer: Box<dyn Recognizer>, from: AudioPosition) {
        // While connecting, the oldest may have gone beyond the replay's limit: silence holds its
        // place.
        let gone_micros = self.replay.start().since(from).as_micros();
        let gone = gone_micros * u128::from(BYTES_PER_MS) / 1_000;
        let silence = vec![audio::SILENCE; usize::try_from(gone).unwrap_or(0)];
        let (older, newer) = self.replay.audio();
        for piece in [silence.as_slice(), older, newer] {
            // A failure comes again as the recognizer's last event.
            drop(recognizer.send_audio(piece));
        }
        self.leg = Leg::Open(recognizer);
    }
}

impl fmt::Debug for SttLeg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SttLeg")
            .field("customer", &self.customer.end())
            .finish_non_exhaustive()
    }
}
