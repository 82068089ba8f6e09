//! How long vendors take until the first word or sound, whoever they are.
//!
//! What is timed passes through as it is. A poll costs one more jump; a clock is read when something is
//! asked for and when its first answer comes.

use std::task::{Context, Poll, ready};

use call::{Generation, Synthesis, UtteranceId};
use tokio::time::Instant;

use crate::count;
use crate::llm::GenerationStream;
use crate::tts::Synthesizer;

/// An answer that is timed.
pub(crate) struct TimedGeneration {
    vendor: &'static str,
    inner: Box<dyn GenerationStream>,
    /// Since when nothing has come.
    asked: Option<Instant>,
}

impl TimedGeneration {
    pub(crate) fn new(vendor: &'static str, inner: Box<dyn GenerationStream>) -> Self {
        count::asked(vendor, count::GENERATION);
        Self {
            vendor,
            inner,
            asked: Some(Instant::now()),
        }
    }
}

impl GenerationStream for TimedGeneration {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Generation> {
        let event = ready!(self.inner.poll_event(cx));
        let asked = self.asked.take();
        match &event {
            Generation::Text(_) | Generation::ToolCall { .. } => {
                if let Some(asked) = asked {
                    count::began(self.vendor, count::GENERATION, asked.elapsed());
                }
            }
            Generation::Finished { .. } | Generation::Failed(_) => {}
        }
        Poll::Ready(event)
    }
}

/// A voice that is timed.
pub(crate) struct TimedVoice {
    vendor: &'static str,
    inner: Box<dyn Synthesizer>,
    /// The latest utterance that text was given of.
    latest: Option<UtteranceId>,
    /// Since when, as long as nothing of it was heard.
    asked: Option<Instant>,
}

impl TimedVoice {
    pub(crate) fn new(vendor: &'static str, inner: Box<dyn Synthesizer>) -> Self {
        Self {
            vendor,
            inner,
            latest: None,
            asked: None,
        }
    }
}

impl Synthesizer for TimedVoice {
    fn speak(&mut self, utterance: UtteranceId, text: &str) {
        if self.latest != Some(utterance) {
            count::asked(self.vendor, count::SYNTHESIS);
            self.latest = Some(utterance);
            self.asked = Some(Instant::now());
        }
        self.inner.speak(utterance, text);
    }

    fn finish(&mut self, utterance: UtteranceId) {
        self.inner.finish(utterance);
    }

    fn cancel(&mut self, utterance: UtteranceId) {
        if self.latest == Some(utterance) {
            self.asked = None;
        }
        self.inner.cancel(utterance);
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<(UtteranceId, Synthesis)> {
        let (utterance, event) = ready!(self.inner.poll_event(cx));
        if self.latest == Some(utterance)
            && let Some(asked) = self.asked.take()
            && matches!(event, Synthesis::Audio { .. })
        {
            count::began(self.vendor, count::SYNTHESIS, asked.elapsed());
        }
        Poll::Ready((utterance, event))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Arc;
    use std::task::Waker;
    use std::time::Duration;

    use bytes::Bytes;
    use metrics::{
        Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString,
        Unit, with_local_recorder,
    };

    use super::*;

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
}
