//! The far side's notebook: when what happened on which call, by one clock.
//!
//! Calls are told apart at every peer by a word that only their customer says and their agent repeats,
//! so that nothing of the worker's own has to be trusted or known.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use sim::carriers::twilio::PlayoutStats;

use crate::control::{Playout, Quantiles, Seen};

/// Letters of a call's word after its first one.
const WORD_LETTERS: u32 = 3;
/// Begins every call's word; no other word of the bench begins with it and is as long.
const WORD_FIRST: char = 'z';
/// Problems that are kept in words.
const KEPT_MAX: usize = 20;
/// Buckets of frames' lateness: quarters of a millisecond, the last one for all that is later.
const LATENESS_BUCKETS: usize = 800;
const LATENESS_BUCKET_MICROS: u64 = 250;
/// The longest sample: a minute.
const SAMPLE_MICROS_MAX: u64 = 60_000_000;

/// The notebook.
#[derive(Debug)]
pub(crate) struct Book {
    calls: Vec<Mutex<Entry>>,
    samples: Mutex<Samples>,
    lateness: Vec<AtomicU64>,
    talking: AtomicU64,
    streams: AtomicU64,
    media_messages: AtomicU64,
    recognizer_messages: AtomicU64,
    media_after_clear: AtomicU64,
    clears: AtomicU64,
    garbled_by_people: AtomicU64,
    garbled_by_recognizer: AtomicU64,
    broken: Mutex<Problems>,
    violations: Mutex<Problems>,
}

/// One call.
#[derive(Debug, Default)]
struct Entry {
    answer: Answer,
    /// When the recognizer sent its last message, and its first about the words under way.
    recognizer_last: Option<Instant>,
    recognizer_first: Option<Instant>,
    /// When it said that the words are final.
    words_final: Option<Instant>,
    /// A `clear` came and the next answer was not asked for yet.
    cleared: bool,
    playout: PlayoutStats,
}

/// How far an answer has come.
#[derive(Debug, Clone, Copy, Default)]
enum Answer {
    #[default]
    None,
    Asked {
        ask: Duration,
    },
    ClauseSent {
        ask: Duration,
        at: Instant,
    },
    TextReceived {
        ask: Duration,
        speak: Duration,
    },
    AudioSent {
        ask: Duration,
        speak: Duration,
        at: Instant,
    },
}

#[derive(Debug)]
struct Samples {
    engine: Histogram<u64>,
    ask: Histogram<u64>,
    speak: Histogram<u64>,
    play: Histogram<u64>,
    barge_in: Histogram<u64>,
    barge_in_from_first: Histogram<u64>,
}

#[derive(Debug, Default)]
struct Problems {
    count: u64,
    kept: Vec<String>,
}

/// The word of the call with this index.
pub(crate) fn word(index: usize) -> String {
    let mut rest = index;
    let mut letters = Vec::new();
    for _letter in 0..WORD_LETTERS {
        letters.push(char::from(b'a' + u8::try_from(rest % 26).unwrap_or(0)));
        rest /= 26;
    }
    std::iter::once(WORD_FIRST).chain(letters).collect()
}

/// The call whose word is in this text.
pub(crate) fn call_in(text: &str) -> Option<usize> {
    let words = text.split(|letter: char| !letter.is_ascii_alphabetic());
    words.rev().find_map(|word| {
        let letters = word.strip_prefix(WORD_FIRST)?;
        if letters.len() != usize::try_from(WORD_LETTERS).unwrap_or(0) {
            return None;
        }
        letters.bytes().rev().try_fold(0_usize, |index, letter| {
            let letter = letter.checked_sub(b'a').filter(|letter| *letter < 26)?;
            Some(index * 26 + usize::from(letter))
        })
    })
}

impl Book {
    pub(crate) fn new(calls: usize) -> Self {
        Self {
            calls: (0..calls).map(|_| Mutex::default()).collect(),
            samples: Mutex::new(Samples::new()),
            lateness: (0..LATENESS_BUCKETS).map(|_| AtomicU64::new(0)).collect(),
            talking: AtomicU64::new(0),
            streams: AtomicU64::new(0),
            media_messages: AtomicU64::new(0),
            recognizer_messages: AtomicU64::new(0),
            media_after_clear: AtomicU64::new(0),
            clears: AtomicU64::new(0),
            garbled_by_people: AtomicU64::new(0),
            garbled_by_recognizer: AtomicU64::new(0),
            broken: Mutex::default(),
            violations: Mutex::default(),
        }
    }

    /// Whether there is such a call.
    pub(crate) fn has(&self, call: usize) -> bool {
        call < self.calls.len()
    }

    pub(crate) fn stream_opened(&self) {
        self.talking.fetch_add(1, Ordering::Relaxed);
        self.streams.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn stream_closed(&self) {
        self.talking.fetch_sub(1, Ordering::Relaxed);
    }

    /// The worker refused a stream or broke it.
    pub(crate) fn stream_broken(&self, why: &str) {
        lock(&self.broken).add(why);
    }

    pub(crate) fn violated(&self, what: &str) {
        lock(&self.violations).add(what);
    }

    /// A customer's frame was made so late.
    pub(crate) fn frame_made(&self, late: Duration) {
        let bucket = micros(late) / LATENESS_BUCKET_MICROS;
        let bucket = usize::try_from(bucket).unwrap_or(usize::MAX);
        if let Some(bucket) = self.lateness.get(bucket.min(LATENESS_BUCKETS - 1)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How a call's playout stands.
    pub(crate) fn played(&self, call: usize, playout: PlayoutStats) {
        self.with(call, |entry| entry.playout = playout);
    }

    /// A person did not understand so many words.
    pub(crate) fn garbled(&self, words: u64) {
        self.garbled_by_people.fetch_add(words, Ordering::Relaxed);
    }

    /// The recognizer received audio.
    pub(crate) fn recognizer_heard(&self) {
        self.recognizer_messages.fetch_add(1, Ordering::Relaxed);
    }

    /// The recognizer did not understand a word.
    pub(crate) fn recognizer_garbled(&self) {
        self.garbled_by_recognizer.fetch_add(1, Ordering::Relaxed);
    }

    /// The recognizer is about to say something about the customer's words.
    pub(crate) fn recognizer_says(&self, call: usize, is_end: bool) {
        let now = Instant::now();
        self.with(call, |entry| {
            entry.recognizer_last = Some(now);
            entry.recognizer_first.get_or_insert(now);
            if is_end {
                entry.words_final = Some(now);
                entry.recognizer_first = None;
            }
        });
    }

    /// The language model was asked to answer.
    pub(crate) fn model_asked(&self, call: usize) {
        let now = Instant::now();
        self.with(call, |entry| {
            entry.cleared = false;
            entry.answer = match entry.words_final.take() {
                Some(at) => Answer::Asked { ask: now - at },
                None => Answer::None,
            };
        });
    }

    /// The language model is about to send the token that makes its first sentence whole.
    pub(crate) fn sentence_sent(&self, call: usize) {
        let at = Instant::now();
        self.with(call, |entry| {
            if let Answer::Asked { ask } = entry.answer {
                entry.answer = Answer::ClauseSent { ask, at };
            }
        });
    }

    /// The synthesiser received text.
    pub(crate) fn text_received(&self, call: usize) {
        let now = Instant::now();
        self.with(call, |entry| {
            if let Answer::ClauseSent { ask, at } = entry.answer {
                let speak = now - at;
                entry.answer = Answer::TextReceived { ask, speak };
            }
        });
    }

    /// The synthesiser is about to send audio.
    pub(crate) fn audio_sent(&self, call: usize) {
        let at = Instant::now();
        self.with(call, |entry| {
            if let Answer::TextReceived { ask, speak } = entry.answer {
                entry.answer = Answer::AudioSent { ask, speak, at };
            }
        });
    }

    /// The carrier received audio to play.
    pub(crate) fn media_received(&self, call: usize) {
        let now = Instant::now();
        self.media_messages.fetch_add(1, Ordering::Relaxed);
        let answered = self.with(call, |entry| {
            if entry.cleared {
                self.media_after_clear.fetch_add(1, Ordering::Relaxed);
            }
            let Answer::AudioSent { ask, speak, at } = entry.answer else {
                return None;
            };
            entry.answer = Answer::None;
            Some((ask, speak, now - at))
        });
        if let Some((ask, speak, play)) = answered.flatten() {
            let mut samples = lock(&self.samples);
            note(&mut samples.engine, ask + speak + play);
            note(&mut samples.ask, ask);
            note(&mut samples.speak, speak);
            note(&mut samples.play, play);
        }
    }

    /// The carrier received `clear`.
    pub(crate) fn clear_received(&self, call: usize) {
        let now = Instant::now();
        self.clears.fetch_add(1, Ordering::Relaxed);
        let trigger = self.with(call, |entry| {
            entry.cleared = true;
            entry.answer = Answer::None;
            (entry.recognizer_last, entry.recognizer_first)
        });
        if let Some((Some(last), first)) = trigger {
            let mut samples = lock(&self.samples);
            note(&mut samples.barge_in, now - last);
            note(
                &mut samples.barge_in_from_first,
                now - first.unwrap_or(last),
            );
        }
    }

    /// Forgets all samples: a measurement begins.
    pub(crate) fn reset(&self) {
        *lock(&self.samples) = Samples::new();
        for bucket in &self.lateness {
            bucket.store(0, Ordering::Relaxed);
        }
    }

    /// Everything seen so far.
    pub(crate) fn seen(&self) -> Seen {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut playout = PlayoutStats::default();
        for call in &self.calls {
            playout = playout.and(lock(call).playout);
        }
        let samples = lock(&self.samples);
        let broken = lock(&self.broken);
        let violations = lock(&self.violations);
        Seen {
            talking: load(&self.talking),
            streams: load(&self.streams),
            broken: broken.count,
            why_broken: broken.kept.clone(),
            violations: violations.count,
            violations_first: violations.kept.clone(),
            playout: Playout {
                played_bytes: playout.played_bytes,
                underruns: playout.underruns,
                underrun_ms: playout.underrun_samples / 8,
                underrun_ms_max: playout.underrun_samples_max / 8,
                buffered_ms_max: playout.buffered_bytes_max / 8,
            },
            garbled_by_people: load(&self.garbled_by_people),
            garbled_by_recognizer: load(&self.garbled_by_recognizer),
            media_after_clear: load(&self.media_after_clear),
            clears: load(&self.clears),
            lateness: self.lateness(),
            media_messages: load(&self.media_messages),
            recognizer_messages: load(&self.recognizer_messages),
            engine: quantiles(&samples.engine),
            engine_ask: quantiles(&samples.ask),
            engine_speak: quantiles(&samples.speak),
            engine_play: quantiles(&samples.play),
            barge_in: quantiles(&samples.barge_in),
            barge_in_from_first: quantiles(&samples.barge_in_from_first),
        }
    }

    fn lateness(&self) -> Quantiles {
        let mut histogram = histogram();
        for (bucket, count) in (0_u64..).zip(&self.lateness) {
            let count = count.load(Ordering::Relaxed);
            histogram.saturating_record_n((bucket + 1) * LATENESS_BUCKET_MICROS, count);
        }
        quantiles(&histogram)
    }

    fn with<T>(&self, call: usize, act: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        self.calls.get(call).map(|entry| act(&mut lock(entry)))
    }
}

impl Samples {
    fn new() -> Self {
        Self {
            engine: histogram(),
            ask: histogram(),
            speak: histogram(),
            play: histogram(),
            barge_in: histogram(),
            barge_in_from_first: histogram(),
        }
    }
}

impl Problems {
    fn add(&mut self, what: &str) {
        self.count += 1;
        if self.kept.len() < KEPT_MAX {
            self.kept.push(what.to_owned());
        }
    }
}

/// An empty histogram of microseconds with three digits.
#[expect(
    clippy::expect_used,
    reason = "the bounds are constants, and good ones"
)]
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, SAMPLE_MICROS_MAX, 3).expect("good bounds")
}

/// Its quantiles.
pub(crate) fn quantiles(histogram: &Histogram<u64>) -> Quantiles {
    Quantiles {
        count: histogram.len(),
        p50: histogram.value_at_quantile(0.5),
        p90: histogram.value_at_quantile(0.9),
        p99: histogram.value_at_quantile(0.99),
        max: histogram.max(),
    }
}

fn note(histogram: &mut Histogram<u64>, took: Duration) {
    histogram.saturating_record(micros(took));
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}

/// What is behind these locks is whole after every step, so a poisoned one is still good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_found_by_its_word() {
        for index in [0, 1, 25, 26, 700, 17_575] {
            let text = format!("Could you tell me about {}, please?", word(index));
            assert_eq!(call_in(&text), Some(index), "{text}");
        }
        assert_eq!(call_in("zo, zaa1 and a zebra"), None);
    }

    #[test]
    fn an_answer_is_measured_over_its_three_parts_and_only_once() {
        let book = Book::new(1);
        book.recognizer_says(0, true);
        book.model_asked(0);
        book.sentence_sent(0);
        book.text_received(0);
        book.audio_sent(0);
        book.media_received(0);
        book.media_received(0);
        book.clear_received(0);
        book.media_received(0);
        let seen = book.seen();
        assert_eq!(seen.engine.count, 1);
        assert_eq!((seen.media_messages, seen.media_after_clear), (3, 1));
        assert_eq!(seen.barge_in.count, 1);
    }
}
