//! Keys of the phone as a turn: digits follow each other until a pause or `#`.

use std::time::Duration;

use model::CallTime;

/// A pause after a key that ends the entry: people look at the paper they read a number from.
const KEY_WAIT: Duration = Duration::from_millis(1_500);
/// The most keys of one entry: the longest numbers that people type (IBAN) have 34 characters.
const KEYS_MAX: usize = 40;

/// An entry under way.
#[derive(Debug)]
pub(crate) struct Keypad {
    pub(crate) keys: String,
    pub(crate) started: CallTime,
    pub(crate) last: CallTime,
}

impl Keypad {
    pub(crate) fn new(key: char, now: CallTime) -> Self {
        Self {
            keys: key.to_string(),
            started: now,
            last: now,
        }
    }

    pub(crate) fn press(&mut self, key: char, now: CallTime) {
        if self.keys.len() < KEYS_MAX {
            self.keys.push(key);
        }
        self.last = now;
    }

    /// By when the entry is over; `#` says so itself.
    pub(crate) fn due(&self) -> CallTime {
        if self.keys.ends_with('#') || self.keys.len() >= KEYS_MAX {
            self.last
        } else {
            self.last + KEY_WAIT
        }
    }
}

/// Whether a phone has such a key.
pub(crate) const fn is_key(key: char) -> bool {
    matches!(key, '0'..='9' | '*' | '#' | 'A'..='D')
}
