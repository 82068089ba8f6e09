//! The agent's voice in one call: the vendors' synthesisers by their place in the chain, and in front
//! of them the cache of speech that many calls share.

pub(crate) mod speech_cache;

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use conversation::{Alignment, Synthesis, Synthesize, UtteranceId};
use providers::tts::{Synthesizer, Synthesizers};

use crate::meters::{Meters, SYNTHESIS};
use crate::tts_leg::speech_cache::{SPEECH_BYTES_MAX, Speech, SpeechCache, SpeechKey};

/// µ-law at 8 kHz.
const BYTES_PER_MS: usize = 8;

/// What the voice of one call is.
#[derive(Debug, Clone)]
pub(crate) struct Voice {
    pub(crate) id: Option<String>,
    pub(crate) language: String,
}

/// The speaking side of one call.
pub(crate) struct TtsLeg {
    synthesizers: Synthesizers,
    cache: Arc<SpeechCache>,
    meters: Arc<Meters>,
    voice: Voice,
    /// By place in the vendor chain; opened when first needed.
    open: Vec<Option<Box<dyn Synthesizer>>>,
    /// What was asked for and is not over: hardly ever more than two, the one that is being
    /// cancelled and the one after it.
    asked: Vec<Asked>,
    /// What the cache says, in order.
    from_cache: VecDeque<(UtteranceId, Synthesis)>,
}

struct Asked {
    utterance: UtteranceId,
    source: AudioSource,
}

enum AudioSource {
    Cache,
    Vendor {
        route: usize,
        /// For an utterance that other calls can use: its sound so far.
        gathered: Option<Gathered>,
    },
}

struct Gathered {
    key: SpeechKey,
    audio: Vec<u8>,
    /// `None` once a piece came without.
    alignment: Option<Alignment>,
}

impl TtsLeg {
    pub(crate) fn new(
        synthesizers: Synthesizers,
        cache: Arc<SpeechCache>,
        meters: Arc<Meters>,
        voice: Voice,
    ) -> Self {
        let routes = synthesizers.routes().max(1);
        Self {
            synthesizers,
            cache,
            meters,
            voice,
            open: std::iter::repeat_with(|| None).take(routes).collect(),
            asked: Vec::new(),
            from_cache: VecDeque::new(),
        }
    }

    /// Connects the first vendor's voice, so that the first sentence does not wait for it.
    pub(crate) fn warm(&mut self) {
        let _opened = self.synthesizer(0);
    }

    pub(crate) fn speak(&mut self, wanted: Synthesize) {
        let Synthesize {
            utterance,
            route,
            text,
            cacheable,
        } = wanted;
        let route = route.min(self.open.len().saturating_sub(1));
        let known = self.asked.iter().any(|asked| asked.utterance == utterance);
        let mut gathered = None;
        if cacheable && !known {
            let key = SpeechKey {
                vendor: self.synthesizers.name(route),
                voice: self.voice.id.clone(),
                language: self.voice.language.clone(),
                text: text.clone(),
            };
            if let Some(speech) = self.cache.find(&key) {
                self.meters.cache_hits.increment(1);
                let Speech { audio, alignment } = speech;
                let piece = Synthesis::Audio { audio, alignment };
                self.from_cache.push_back((utterance, piece));
                self.asked.push(Asked {
                    utterance,
                    source: AudioSource::Cache,
                });
                return;
            }
            self.meters.cache_misses.increment(1);
            gathered = Some(Gathered {
                key,
                audio: Vec::new(),
                alignment: Some(Alignment::default()),
            });
        }
        if !known {
            let source = AudioSource::Vendor { route, gathered };
            self.asked.push(Asked { utterance, source });
        }
        if let Some(synthesizer) = self.synthesizer(route) {
            synthesizer.speak(utterance, &text);
        }
    }

    pub(crate) fn finish(&mut self, utterance: UtteranceId) {
        let Some(asked) = self.asked.iter().find(|asked| asked.utterance == utterance) else {
            return;
        };
        match &asked.source {
            AudioSource::Cache => {
                self.from_cache.push_back((utterance, Synthesis::Finished));
            }
            AudioSource::Vendor { route, .. } => {
                let route = *route;
                if let Some(synthesizer) = self.synthesizer(route) {
                    synthesizer.finish(utterance);
                }
            }
        }
    }

    pub(crate) fn cancel(&mut self, utterance: UtteranceId) {
        let Some(asked) = self.forget(utterance) else {
            return;
        };
        match asked.source {
            AudioSource::Cache => self.from_cache.retain(|(of, _)| *of != utterance),
            AudioSource::Vendor { route, .. } => {
                if let Some(synthesizer) = self.synthesizer(route) {
                    synthesizer.cancel(utterance);
                }
            }
        }
    }

    /// What is heard next.
    pub(crate) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<(UtteranceId, Synthesis)> {
        if let Some((utterance, event)) = self.from_cache.pop_front() {
            if event == Synthesis::Finished {
                let _asked = self.forget(utterance);
            }
            return Poll::Ready((utterance, event));
        }
        for synthesizer in self.open.iter_mut().flatten() {
            if let Poll::Ready((utterance, event)) = synthesizer.poll_event(cx) {
                self.note(utterance, &event);
                return Poll::Ready((utterance, event));
            }
        }
        Poll::Pending
    }

    /// Gathers what other calls can use, and forgets what is over.
    fn note(&mut self, utterance: UtteranceId, event: &Synthesis) {
        match event {
            Synthesis::Audio { audio, alignment } => {
                let asked = self.asked.iter_mut();
                let mut sources = asked.filter(|asked| asked.utterance == utterance);
                if let Some(Asked {
                    source: AudioSource::Vendor { gathered, .. },
                    ..
                }) = sources.next()
                    && let Some(all) = gathered
                {
                    if all.audio.len() + audio.len() > SPEECH_BYTES_MAX {
                        *gathered = None;
                    } else {
                        all.add(audio, alignment.as_ref());
                    }
                }
            }
            Synthesis::Finished => {
                let Some(Asked {
                    source: AudioSource::Vendor { route, gathered },
                    ..
                }) = self.forget(utterance)
                else {
                    return;
                };
                let vendor = self.synthesizers.vendor(route);
                self.meters.vendor_works(SYNTHESIS, vendor);
                if let Some(all) = gathered
                    && !all.audio.is_empty()
                {
                    let speech = Speech {
                        audio: all.audio.into(),
                        alignment: all.alignment,
                    };
                    self.cache.keep(all.key, speech);
                }
            }
            Synthesis::Failed(_) => {
                let _asked = self.forget(utterance);
            }
        }
    }

    fn forget(&mut self, utterance: UtteranceId) -> Option<Asked> {
        let mut asked = self.asked.iter();
        let place = asked.position(|asked| asked.utterance == utterance)?;
        Some(self.asked.swap_remove(place))
    }

    fn synthesizer(&mut self, route: usize) -> Option<&mut Box<dyn Synthesizer>> {
        let place = self.open.get_mut(route)?;
        Some(place.get_or_insert_with(|| {
            self.synthesizers
                .open(route, self.voice.id.as_deref(), &self.voice.language)
        }))
    }
}

impl Gathered {
    fn add(&mut self, audio: &[u8], alignment: Option<&Alignment>) {
        let offset_ms = u32::try_from(self.audio.len() / BYTES_PER_MS).unwrap_or(u32::MAX);
        self.audio.extend_from_slice(audio);
        match (&mut self.alignment, alignment) {
            (Some(all), Some(piece)) => {
                let chars = piece.chars.iter();
                all.chars
                    .extend(chars.map(|(c, at)| (*c, at.saturating_add(offset_ms))));
            }
            (of_all, None) => *of_all = None,
            (None, Some(_)) => {}
        }
    }
}

impl std::fmt::Debug for TtsLeg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TtsLeg")
            .field("asked", &self.asked.len())
            .finish_non_exhaustive()
    }
}
