//! How long vendors take is noted once for each answer and utterance.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use metrics::{
    Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    with_local_recorder,
};

use conversation::{Generation, Synthesis, UtteranceId};

use crate::llm::GenerationStream;
use crate::llm::timed::TimedGeneration;
use crate::tts::Synthesizer;
use crate::tts::timed::TimedVoice;

/// Says each word or sound that it was given.
struct Says<T>(VecDeque<T>);

impl GenerationStream for Says<Generation> {
    fn poll_event(&mut self, _cx: &mut Context<'_>) -> Poll<Generation> {
        self.0.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

impl Synthesizer for Says<(UtteranceId, Synthesis)> {
    fn speak(&mut self, utterance: UtteranceId, text: &str) {
        let audio = Synthesis::Audio {
            audio: Bytes::copy_from_slice(text.as_bytes()),
            alignment: None,
        };
        self.0.push_back((utterance, audio));
    }

    fn finish(&mut self, utterance: UtteranceId) {
        self.0.push_back((utterance, Synthesis::Finished));
    }

    fn cancel(&mut self, _utterance: UtteranceId) {
        self.0.clear();
    }

    fn poll_event(&mut self, _cx: &mut Context<'_>) -> Poll<(UtteranceId, Synthesis)> {
        self.0.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

/// Notes what is recorded as a time.
#[derive(Default)]
struct Noted(Arc<std::sync::Mutex<Vec<String>>>);

struct One(String, Arc<std::sync::Mutex<Vec<String>>>);

impl HistogramFn for One {
    fn record(&self, value: f64) {
        self.1.lock().unwrap().push(format!("{} {value}", self.0));
    }
}

impl Recorder for Noted {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }
    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }
    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        let labels: Vec<&str> = key.labels().map(|label| label.value()).collect();
        let name = labels.join(" ");
        Histogram::from_arc(Arc::new(One(name, Arc::clone(&self.0))))
    }
}

#[test]
fn the_first_word_is_timed_and_no_other() {
    let noted = Noted::default();
    let mut cx = Context::from_waker(Waker::noop());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    with_local_recorder(&noted, || {
        runtime.block_on(async {
            let words = ["a", "b"].map(|word| Generation::Text(word.into()));
            let mut answer = TimedGeneration::new("openai", Box::new(Says(words.into())));
            tokio::time::advance(Duration::from_millis(250)).await;
            assert!(answer.poll_event(&mut cx).is_ready());
            tokio::time::advance(Duration::from_millis(250)).await;
            assert!(answer.poll_event(&mut cx).is_ready());

            let mut voice = TimedVoice::new("elevenlabs", Box::new(Says(VecDeque::new())));
            for (utterance, text) in [(1, "a"), (1, "b"), (2, "c")] {
                voice.speak(UtteranceId(utterance), text);
                tokio::time::advance(Duration::from_millis(500)).await;
                assert!(voice.poll_event(&mut cx).is_ready());
            }
            // Cancelled before a sound: nothing was heard of it.
            voice.speak(UtteranceId(3), "d");
            voice.cancel(UtteranceId(3));
            assert!(voice.poll_event(&mut cx).is_pending());
        });
    });
    let noted = noted.0.lock().unwrap().clone();
    let expected = [
        "openai generation first_byte 0.25",
        "elevenlabs synthesis first_byte 0.5",
        "elevenlabs synthesis first_byte 0.5",
    ];
    assert_eq!(noted, expected);
}
