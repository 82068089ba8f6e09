//! Synthesised speech that many calls share: greetings, reminders, farewells. Bounded, in memory,
//! the least recently used goes first. Does not know who synthesises.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use conversation::Alignment;

/// All speech kept by one worker: more than an hour, at 8,000 bytes a second.
pub const CACHE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// One stretch of speech, two minutes. A longer one is played and not kept.
pub const SPEECH_BYTES_MAX: usize = 960 * 1024;

/// What the sound of a text depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SpeechKey {
    /// Its name in chains, whose order differs between calls: two vendors do not sound alike.
    pub(crate) vendor: &'static str,
    pub(crate) voice: Option<String>,
    pub(crate) language: String,
    pub(crate) text: String,
}

/// A text as it sounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Speech {
    pub(crate) audio: Bytes,
    pub(crate) alignment: Option<Alignment>,
}

/// The cache.
#[derive(Debug)]
pub(crate) struct SpeechCache {
    inner: Mutex<Inner>,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Inner {
    speeches: HashMap<Arc<SpeechKey>, (u64, Speech)>,
    /// By when they were last used.
    order: BTreeMap<u64, Arc<SpeechKey>>,
    uses: u64,
    bytes: usize,
}

impl SpeechCache {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            inner: Mutex::new(Inner::default()),
            bytes_max,
        }
    }

    /// What is kept for `key`. Clones share the audio.
    pub(crate) fn find(&self, key: &SpeechKey) -> Option<Speech> {
        let mut guard = self.inner();
        let inner = &mut *guard;
        let (used, speech) = inner.speeches.get_mut(key)?;
        let owner = inner.order.remove(used)?;
        inner.uses += 1;
        *used = inner.uses;
        inner.order.insert(inner.uses, owner);
        Some(speech.clone())
    }

    /// Keeps `speech`, at the cost of what was not used for longest.
    pub(crate) fn keep(&self, key: SpeechKey, speech: Speech) {
        let size = size(&key, &speech);
        if speech.audio.len() > SPEECH_BYTES_MAX || size > self.bytes_max {
            return;
        }
        let mut guard = self.inner();
        let inner = &mut *guard;
        inner.forget(&key);
        while inner.bytes + size > self.bytes_max {
            let Some((_, oldest)) = inner.order.pop_first() else {
                break;
            };
            inner.forget(&oldest);
        }
        inner.uses += 1;
        inner.bytes += size;
        let key = Arc::new(key);
        inner.order.insert(inner.uses, Arc::clone(&key));
        inner.speeches.insert(key, (inner.uses, speech));
    }

    /// Bytes kept now.
    pub(crate) fn bytes(&self) -> usize {
        self.inner().bytes
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Every change is complete before anything could panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn forget(&mut self, key: &SpeechKey) {
        if let Some((used, speech)) = self.speeches.remove(key) {
            self.order.remove(&used);
            self.bytes -= size(key, &speech);
        }
    }
}

fn size(key: &SpeechKey, speech: &Speech) -> usize {
    let alignment = speech
        .alignment
        .as_ref()
        .map_or(0, |alignment| size_of_val(alignment.chars.as_slice()));
    speech.audio.len() + alignment + 2 * key.text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> SpeechKey {
        SpeechKey {
            vendor: "elevenlabs",
            voice: None,
            language: "en".to_owned(),
            text: text.to_owned(),
        }
    }

    fn speech(bytes: usize) -> Speech {
        Speech {
            audio: Bytes::from(vec![0; bytes]),
            alignment: None,
        }
    }

    #[test]
    fn the_greeting_nobody_used_for_longest_makes_room() {
        let cache = SpeechCache::new(250);
        cache.keep(key("a"), speech(100));
        cache.keep(key("b"), speech(100));
        assert_eq!(cache.find(&key("a")), Some(speech(100)));
        cache.keep(key("c"), speech(100));
        assert_eq!(cache.find(&key("b")), None);
        assert_eq!(cache.find(&key("a")), Some(speech(100)));
        assert_eq!(cache.find(&key("c")), Some(speech(100)));
    }

    #[test]
    fn what_is_kept_twice_counts_once() {
        let cache = SpeechCache::new(1_000);
        cache.keep(key("a"), speech(100));
        cache.keep(key("a"), speech(200));
        assert_eq!(cache.bytes(), 202);
        assert_eq!(cache.find(&key("a")), Some(speech(200)));
    }

    #[test]
    fn speech_larger_than_the_cache_is_not_kept_and_drives_nothing_out() {
        let cache = SpeechCache::new(150);
        cache.keep(key("a"), speech(100));
        cache.keep(key("long"), speech(151));
        assert_eq!(cache.find(&key("long")), None);
        assert_eq!(cache.find(&key("a")), Some(speech(100)));
    }

    #[test]
    fn two_voices_do_not_share_a_greeting() {
        let cache = SpeechCache::new(1_000);
        cache.keep(key("a"), speech(100));
        let other = SpeechKey {
            voice: Some("deep".to_owned()),
            ..key("a")
        };
        assert_eq!(cache.find(&other), None);
    }
}
