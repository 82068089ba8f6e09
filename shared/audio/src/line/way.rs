//! Whether a side of the call is heard by the other one.

use super::ONE_WAY_AFTER_MS;
use crate::BYTES_PER_MS;

/// Frames of sound that are more than a click, where they come within [`CLICK_WITHIN_MS`].
const SOUNDS_MIN: u32 = 3;
const CLICK_WITHIN_MS: u64 = 1_000;
/// Marks are sent a fifth of a second before their audio is played, at most. One that takes longer is lost: what
/// delays it so long would have broken the stream.
const MARK_LATE_MS: u64 = 2_000;

/// From the customer to us.
#[derive(Debug, Clone)]
pub(super) struct CustomerWay {
    heard_at_ms: u64,
    /// Frames of sound since then.
    sounds: u32,
    sounds_since_ms: u64,
    silent: bool,
}

impl CustomerWay {
    pub(super) const fn new() -> Self {
        Self {
            heard_at_ms: 0,
            sounds: 0,
            sounds_since_ms: 0,
            silent: false,
        }
    }

    /// A frame with sound came.
    pub(super) const fn sound(&mut self, now_ms: u64) {
        if now_ms.saturating_sub(self.sounds_since_ms) > CLICK_WITHIN_MS {
            self.sounds_since_ms = now_ms;
            self.sounds = 0;
        }
        self.sounds += 1;
        if self.sounds >= SOUNDS_MIN {
            self.heard_at_ms = now_ms;
        }
    }

    /// Whether it is silent from now on, where that is news.
    pub(super) fn turn(&mut self, now_ms: u64, expected: impl FnOnce() -> bool) -> Option<bool> {
        let silent = now_ms.saturating_sub(self.heard_at_ms) >= ONE_WAY_AFTER_MS && !expected();
        let news = silent != self.silent;
        self.silent = silent;
        news.then_some(silent)
    }

    pub(super) fn silent_since(&self) -> Option<u64> {
        self.silent.then_some(self.heard_at_ms)
    }

    pub(super) fn due_ms(&self) -> Option<u64> {
        (!self.silent).then_some(self.heard_at_ms + ONE_WAY_AFTER_MS)
    }
}

/// From us to the customer.
#[derive(Debug, Clone)]
pub(super) struct AgentWay {
    /// Audio was sent then of which nothing says that it was played.
    unconfirmed_since_ms: Option<u64>,
    /// Marks under way, and since when none of them came back.
    marks: u32,
    waits_since_ms: Option<u64>,
    /// How long what we played last had one value.
    flat_ms: u64,
    silent_since_ms: Option<u64>,
}

impl AgentWay {
    pub(super) const fn new() -> Self {
        Self {
            unconfirmed_since_ms: None,
            marks: 0,
            waits_since_ms: None,
            flat_ms: 0,
            silent_since_ms: None,
        }
    }

    pub(super) fn play(&mut self, audio: &[u8], now_ms: u64) {
        let (Some((_, rest)), Some((_, but_last))) = (audio.split_first(), audio.split_last())
        else {
            return;
        };
        self.unconfirmed_since_ms.get_or_insert(now_ms);
        if rest == but_last {
            self.flat_ms += u64::try_from(audio.len() / BYTES_PER_MS).unwrap_or(0);
        } else {
            self.flat_ms = 0;
        }
    }

    pub(super) const fn clear(&mut self) {
        if self.silent_since_ms.is_none() {
            self.unconfirmed_since_ms = None;
        }
    }

    pub(super) fn mark(&mut self, now_ms: u64) {
        self.marks = self.marks.saturating_add(1);
        self.waits_since_ms.get_or_insert(now_ms);
    }

    pub(super) fn marked(&mut self, now_ms: u64) {
        self.marks = self.marks.saturating_sub(1);
        let since = (self.marks > 0).then_some(now_ms);
        self.waits_since_ms = since;
        self.unconfirmed_since_ms = since;
    }

    /// Whether it is silent from now on, where that is news.
    pub(super) fn turn(&mut self, now_ms: u64) -> Option<bool> {
        let unplayed = self.unplayed_ms().is_some_and(|at| at <= now_ms);
        let flat = (self.flat_ms >= ONE_WAY_AFTER_MS).then(|| now_ms.saturating_sub(self.flat_ms));
        let since = self.unconfirmed_since_ms.filter(|_| unplayed).or(flat);
        if since.is_some() == self.silent_since_ms.is_some() {
            return None;
        }
        self.silent_since_ms = since;
        Some(since.is_some())
    }

    pub(super) const fn silent_since(&self) -> Option<u64> {
        self.silent_since_ms
    }

    pub(super) fn due_ms(&self) -> Option<u64> {
        self.unplayed_ms()
            .filter(|_| self.silent_since_ms.is_none())
    }

    /// When, if no mark comes back, it is certain that nothing is played.
    fn unplayed_ms(&self) -> Option<u64> {
        let sent = self.unconfirmed_since_ms? + ONE_WAY_AFTER_MS;
        Some(sent.max(self.waits_since_ms? + MARK_LATE_MS))
    }
}
